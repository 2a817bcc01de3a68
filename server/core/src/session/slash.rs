//! What a message begins with, expanded before the message is queued or sent.

use pi_protocol::AgentEvent;

use super::actor::SessionActor;

impl SessionActor {
    /// The text the model gets: the message, expanded if it begins with a known command, and what goes behind it.
    /// Where that fails the clients are told and the message stays as it was written.
    pub(super) fn expand(&mut self, message: String, appendix: &str) -> String {
        let mut text = match self.expander.expand(&message) {
            Ok(expanded) => expanded.unwrap_or(message),
            Err(failed) => {
                self.bus.publish(AgentEvent::ExtensionError {
                    extension_path: failed.path,
                    event: failed.event.into(),
                    error: failed.error,
                });
                message
            }
        };
        text.push_str(appendix);
        text
    }
}
