//! Short messages for the user of a client without a plugin.
//!
//! Status lines show one message and the next replaces it, so there is at most one every two seconds, of at most
//! 80 characters, and the newest wins. What does not fit goes to the log as a whole.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lsp_types::{LogMessageParams, MessageType, ShowMessageParams};
use pi_core::visible::visible;
use tokio::sync::Notify;

use super::outbound::Outbound;

/// Time between two messages.
const PAUSE: Duration = Duration::from_secs(2);
/// Characters of a message.
const LENGTH: usize = 80;

#[derive(Debug, Default)]
struct Shared {
    newest: Mutex<Option<(MessageType, String)>>,
    arrived: Notify,
}

/// Shows messages. Clones share the pace.
#[derive(Debug, Clone)]
pub struct Messages {
    out: Outbound,
    shared: Arc<Shared>,
}

impl Messages {
    /// Through `out`.
    pub fn new(out: Outbound) -> Self {
        Self { out, shared: Arc::default() }
    }

    /// Tells only the log.
    pub fn log(&self, kind: MessageType, text: &str) {
        self.out.notify("window/logMessage", &LogMessageParams { typ: kind, message: text.to_owned() });
    }

    /// Shows the first line of `text`; the log gets all of it.
    pub fn show(&self, kind: MessageType, text: &str) {
        self.log(kind, text);
        // A model or a file name may have characters that mislead.
        let line = first_line(&visible(text), LENGTH);
        *self.shared.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some((kind, line));
        self.shared.arrived.notify_one();
    }

    /// Shows what went wrong.
    pub fn error(&self, text: &str) {
        self.show(MessageType::ERROR, text);
    }

    /// Sends the messages at their pace; never ends.
    pub async fn run(self) {
        loop {
            self.shared.arrived.notified().await;
            let newest = self.shared.newest.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some((typ, message)) = newest {
                self.out.notify("window/showMessage", &ShowMessageParams { typ, message });
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether a message shows all of it.
pub fn fits(text: &str) -> bool {
    let text = text.trim();
    !text.contains('\n') && text.chars().count() <= LENGTH
}

/// The first line that says something, without Markdown's heading signs, cut to `limit` characters.
pub fn first_line(text: &str, limit: usize) -> String {
    let line = text
        .lines()
        .map(|it| it.trim_start_matches('#').trim())
        .find(|it| !it.is_empty())
        .unwrap_or_default();
    if line.chars().count() <= limit {
        return line.to_owned();
    }
    line.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_short_line() {
        for (text, expected) in [
            ("done", "done"),
            ("\n\n## Title\nrest", "Title"),
            ("", ""),
            ("123456789", "123456789"),
            ("1234567890x", "123456789…"),
            ("ééééééééééé", "ééééééééé…"),
        ] {
            assert_eq!(first_line(text, 10), expected, "{text:?}");
        }
    }
}
