//! Short messages for the user of a client without a plugin.
//!
//! Status lines show one message and the next replaces it, so there is at most one every two seconds, of at most
//! 80 characters, and the newest wins, except over a question that nobody has seen. What does not fit goes to the log as a whole.

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
    next: Mutex<Option<Message>>,
    arrived: Notify,
}

/// A message that waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message {
    kind: MessageType,
    line: String,
    /// The open question it is about.
    asks: Option<String>,
}

impl Message {
    /// Which of two is shown where there is room for one: the newer, but a question is not lost to what is only to be
    /// known.
    fn or(self, newer: Self) -> Self {
        if self.asks.is_some() && newer.asks.is_none() && newer.kind == MessageType::INFO {
            self
        } else {
            newer
        }
    }
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
        self.put(kind, text, None);
    }

    /// Shows that the question with this id waits for an answer.
    pub fn ask(&self, id: &str, text: &str) {
        self.put(MessageType::INFO, text, Some(id.to_owned()));
    }

    /// A question is closed: there is nothing to say of it any more.
    pub fn answered(&self, id: &str) {
        let mut next = self.shared.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.take_if(|it| it.asks.as_deref() == Some(id));
    }

    fn put(&self, kind: MessageType, text: &str, asks: Option<String>) {
        self.log(kind, text);
        // A model or a file name may have characters that mislead.
        let newer = Message { kind, line: first_line(&visible(text), LENGTH), asks };
        let mut next = self.shared.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = Some(match next.take() {
            Some(waits) => waits.or(newer),
            None => newer,
        });
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
            let next = self.shared.next.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(Message { kind, line, .. }) = next {
                self.out.notify("window/showMessage", &ShowMessageParams { typ: kind, message: line });
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
    fn a_question_gives_way_to_what_is_worse_and_not_to_what_is_newer() {
        let message = |kind, asks: Option<&str>| Message {
            kind,
            line: format!("{kind:?} {asks:?}"),
            asks: asks.map(str::to_owned),
        };
        let question = message(MessageType::INFO, Some("q1"));
        for (newer, wins) in [
            (message(MessageType::INFO, None), false),
            (message(MessageType::WARNING, None), true),
            (message(MessageType::ERROR, None), true),
            (message(MessageType::INFO, Some("q2")), true),
        ] {
            let shown = question.clone().or(newer.clone());
            assert_eq!(shown == newer, wins, "{newer:?}");
        }
        let info = message(MessageType::INFO, None);
        assert_eq!(info.or(question.clone()), question);
    }

    #[test]
    fn a_question_that_is_answered_before_it_was_shown_makes_room() {
        let messages = Messages::new(Outbound::traced(None));
        let next = || messages.shared.next.lock().unwrap().clone().map(|it| it.line);
        messages.ask("q1", "Pi asks: make");
        messages.show(MessageType::INFO, "Kept 1 change");
        messages.answered("q2");
        assert_eq!(next().as_deref(), Some("Pi asks: make"));
        messages.answered("q1");
        assert_eq!(next(), None);
        messages.show(MessageType::INFO, "Kept 1 change");
        assert_eq!(next().as_deref(), Some("Kept 1 change"));
    }

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
