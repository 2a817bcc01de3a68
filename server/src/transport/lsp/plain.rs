//! What a client without our events sees of a run: one line while it lasts, one when it has ended.

use std::{path::Path, sync::Arc, time::Duration};

use lsp_types::MessageType;
use pi_core::{SessionHandle, session::Command};
use pi_protocol::{
    AgentEvent, AgentMessage, AssistantMessage, AssistantMessageEvent, StopReason,
    event::{CompactionReason, NoticeLevel},
};
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::{connection::Connection, messages::first_line, progress};

/// How long the last message of a run waits for its progress to go from the screen.
const PROGRESS_END: Duration = Duration::from_secs(2);

/// Follows one session.
pub struct Plain {
    connection: Arc<Connection>,
    strip: watch::Sender<Option<String>>,
    /// Whether the client shows the strip.
    on_screen: watch::Sender<bool>,
    model: Option<String>,
    /// Texts of the running tools, by call.
    tools: Vec<(String, String)>,
    last: Option<Arc<AgentMessage>>,
}

impl Plain {
    /// Begins to follow.
    pub async fn new(connection: Arc<Connection>, session: &SessionHandle) -> Self {
        let state = session.ask(Command::GetState).await;
        let model = state.ok().and_then(|it| it.model).map(|it| it.id);
        let (strip, shown) = watch::channel(None);
        let on_screen = watch::Sender::new(false);
        if connection.capabilities().progress {
            let show = progress::show(connection.clone(), session.id().clone(), shown, on_screen.clone());
            tokio::spawn(show);
        }
        Self { connection, strip, on_screen, model, tools: Vec::new(), last: None }
    }

    fn set(&self, text: impl Into<String>) {
        let text = text.into();
        self.on_screen.send_replace(self.connection.capabilities().progress);
        self.strip.send_if_modified(|it| {
            let new = it.as_deref() != Some(text.as_str());
            if new {
                *it = Some(text);
            }
            new
        });
    }

    fn waiting(&self) {
        self.set(format!("Waiting for {}…", self.model.as_deref().unwrap_or("the model")));
    }

    /// Takes in the next event.
    pub fn event(&mut self, event: &AgentEvent) {
        match event {
            AgentEvent::AgentStart | AgentEvent::TurnStart => self.waiting(),
            AgentEvent::MessageUpdate { assistant_message_event, .. } => self.update(assistant_message_event),
            AgentEvent::MessageEnd { message } => {
                if let Some(assistant) = message.as_assistant() {
                    self.model = Some(assistant.model.clone());
                    self.last = Some(message.clone());
                }
            }
            AgentEvent::ToolExecutionStart { tool_call_id, tool_name, args } => {
                self.tools.push((tool_call_id.clone(), tool_line(tool_name, args)));
                self.show_tools();
            }
            AgentEvent::ToolExecutionEnd { tool_call_id, .. } => {
                self.tools.retain(|(id, _)| id != tool_call_id);
                self.show_tools();
            }
            AgentEvent::AutoRetryStart { attempt, max_attempts, delay_ms, error_message } => {
                let seconds = delay_ms.div_ceil(1000);
                let cause = first_line(error_message, 40);
                self.set(format!(
                    "Provider failed ({cause}). Trying again in {seconds} s · {attempt} of {max_attempts}"
                ));
            }
            AgentEvent::CompactionStart { .. } => self.set("Making room: summarising older turns…"),
            // Nothing settles after it: no run was in progress.
            AgentEvent::CompactionEnd { reason: CompactionReason::Manual, .. } => {
                self.strip.send_replace(None);
            }
            AgentEvent::Notice { level, message } => {
                let kind = match level {
                    NoticeLevel::Info => MessageType::INFO,
                    NoticeLevel::Warning => MessageType::WARNING,
                    NoticeLevel::Error => MessageType::ERROR,
                };
                self.connection.messages.show(kind, message);
            }
            AgentEvent::ExtensionError { extension_path, error, .. } => {
                self.connection.messages.show(MessageType::WARNING, &format!("{extension_path}: {error}"));
            }
            AgentEvent::AgentSettled => self.settled(),
            _ => {}
        }
    }

    fn update(&self, event: &AssistantMessageEvent) {
        match event {
            AssistantMessageEvent::ThinkingStart { .. } | AssistantMessageEvent::ThinkingDelta { .. } => {
                self.set("Thinking…");
            }
            AssistantMessageEvent::TextStart { .. } | AssistantMessageEvent::TextDelta { .. } => {
                self.set("Writing…");
            }
            _ => {}
        }
    }

    fn show_tools(&self) {
        match self.tools.as_slice() {
            [] => self.waiting(),
            [(_, line)] => self.set(line.as_str()),
            several => self.set(format!("{} tools running", several.len())),
        }
    }

    fn settled(&mut self) {
        self.tools.clear();
        self.strip.send_replace(None);
        let Some(last) = self.last.take() else { return };
        let Some(answer) = last.as_assistant() else { return };
        let (kind, text) = match answer.stop_reason {
            StopReason::Error => (MessageType::ERROR, failure(answer)),
            StopReason::Aborted => (MessageType::INFO, "Stopped by you".to_owned()),
            _ => {
                let text = answer.text();
                let text = if text.trim().is_empty() { "Pi finished".to_owned() } else { text };
                (MessageType::INFO, text)
            }
        };
        // Helix wipes its status line when a progress ends, so the message must come after that.
        let messages = self.connection.messages.clone();
        let mut on_screen = self.on_screen.subscribe();
        tokio::spawn(async move {
            let _late = tokio::time::timeout(PROGRESS_END, on_screen.wait_for(|it| !it)).await;
            messages.show(kind, &text);
        });
    }
}

/// What a tool does, in a few words.
fn tool_line(name: &str, args: &Map<String, Value>) -> String {
    let text = |key: &str| args.get(key).and_then(Value::as_str);
    let file = || {
        let path = text("path").or_else(|| text("file_path")).unwrap_or("a file");
        Path::new(path).file_name().map_or_else(|| path.to_owned(), |it| it.to_string_lossy().into_owned())
    };
    match name {
        "bash" => format!("Running {}…", first_line(text("command").unwrap_or("a command"), 50)),
        "edit" | "hashline_edit" => format!("Editing {}", file()),
        "write" => format!("Writing {}", file()),
        "read" => format!("Reading {}", file()),
        other => format!("Running {other}…"),
    }
}

/// What went wrong in a run, what is safe, and what the provider said.
fn failure(answer: &AssistantMessage) -> String {
    let provider = &answer.provider;
    let said = answer.error_message.as_deref().unwrap_or("no reason given");
    let lower = said.to_lowercase();
    let has = |codes: &[&str]| codes.iter().any(|it| lower.contains(it));
    let headline = if has(&["401", "unauthorized", "invalid api key", "invalid x-api-key"]) {
        format!("{provider} did not accept the key (401). Nothing was sent to tools.")
    } else if has(&["402", "insufficient credit", "payment required"]) {
        "The account has no credit left (402).".to_owned()
    } else if has(&["429", "rate limit", "too many requests", "overloaded", "529"]) {
        format!("{provider} is busy. Your work is untouched; ask again later.")
    } else if has(&["connection", "error sending request", "dns", "timed out", "network"]) {
        "Cannot reach the provider. Your work is untouched.".to_owned()
    } else {
        format!("Pi stopped: {said}")
    };
    if headline.contains(said) { headline } else { format!("{headline}\n\n{said}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tools_in_a_few_words() {
        for (name, args, expected) in [
            ("bash", json!({"command": "cargo test\necho done"}), "Running cargo test…"),
            ("edit", json!({"path": "/ws/src/retry.rs"}), "Editing retry.rs"),
            ("edit", json!({}), "Editing a file"),
            ("grep", json!({"pattern": "x"}), "Running grep…"),
        ] {
            assert_eq!(tool_line(name, args.as_object().unwrap()), expected);
        }
    }

    #[test]
    fn failures_say_what_to_do() {
        for (said, expected) in [
            ("401 {\"error\":\"no\"}", "anthropic did not accept the key (401)"),
            ("429 Too Many Requests", "anthropic is busy"),
            ("error sending request for url", "Cannot reach the provider"),
            ("stream ended early", "Pi stopped: stream ended early"),
        ] {
            let mut answer = AssistantMessage::empty("anthropic-messages", "anthropic", "m", 0);
            answer.error_message = Some(said.into());
            let text = failure(&answer);
            assert!(text.starts_with(expected), "{text}");
            assert!(text.contains(said), "{text}");
        }
    }
}
