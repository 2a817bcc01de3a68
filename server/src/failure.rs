//! A failed run in words for its user: what went wrong, what is safe, what to do.
//!
//! Providers report failures as text, as Pi does: `NNN: body` for an answer over HTTP, else a sentence or the JSON of
//! an event. The number at the start says most; words count only where it does not, and digits elsewhere (in the id of
//! a request, in a count of tokens) never do.

use std::sync::Arc;

use pi_core::retry;
use pi_protocol::{
    AgentEvent, AgentMessage, AssistantMessage, Envelope, Failure, FailureKind, StopReason, StoredMessage,
};
use pi_providers::catalog;
use serde_json::Value;

/// What went wrong in a run, what is safe and, for those without buttons, what to do; below that, what the provider
/// said, if that is more.
pub fn in_full(Failure { kind, headline, details }: &Failure) -> String {
    let then = match kind {
        FailureKind::Busy => " Your work is untouched; ask again later.",
        FailureKind::Context => " /compact makes room; a new chat does, too.",
        _ => "",
    };
    let below = details.as_ref().map(|it| format!("\n\n{it}")).unwrap_or_default();
    format!("{headline}{then}{below}")
}

/// The failure of an answer. `tries` are those that came before it, this one included.
pub fn failure(answer: &AssistantMessage, tries: &Tries) -> Failure {
    use FailureKind as Kind;
    let peer = catalog::display_name(&answer.provider);
    let said = answer.error_message.as_deref().unwrap_or("no reason given");
    let (status, body) = status(said);
    let number = status.map(|it| format!(" ({it})")).unwrap_or_default();
    let reason = reason(body);
    let lower = body.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|it| lower.contains(it));
    let (kind, headline) = if status == Some(402) || has(&SPENT) {
        (Kind::Credit, format!("The account has no credit left{number}."))
    } else if matches!(status, Some(429 | 503 | 529)) || has(&BUSY) {
        (Kind::Busy, format!("{peer} is busy{number}{}.", tries.in_words(answer)))
    } else if status == Some(401) || has(&KEY) {
        (Kind::Key, format!("{peer} did not accept the key{number}. Nothing was sent to tools."))
    } else if status == Some(413) || retry::says_too_long(body) {
        (Kind::Context, format!("This chat no longer fits the model{}.", lengths(body)))
    } else if let Some(status) = status {
        let failed = if status >= 500 { "failed" } else { "refused the request" };
        (Kind::Other, format!("{peer} {failed} ({status}): {reason}"))
    } else if has(&CUT) {
        (Kind::Cut, "The answer was cut off; tools after it did not run.".to_owned())
    } else if has(&OFFLINE) {
        (Kind::Offline, "Cannot reach the provider. Your work is untouched.".to_owned())
    } else {
        (Kind::Other, format!("Pi stopped: {reason}"))
    };
    let details = (!headline.contains(body)).then(|| said.to_owned());
    Failure { kind, headline, details }
}

/// How often a model was asked in vain, and since when.
#[derive(Debug, Default)]
pub struct Tries {
    count: u32,
    /// When the first request began, in Unix milliseconds.
    since: u64,
}

impl Tries {
    /// Takes in the next event of a session.
    pub fn event(&mut self, event: &AgentEvent) {
        match event {
            AgentEvent::MessageEnd { message } => match message.as_assistant() {
                Some(answer) if answer.stop_reason == StopReason::Error => {
                    if self.count == 0 {
                        self.since = answer.timestamp;
                    }
                    self.count += 1;
                }
                Some(_) => *self = Self::default(),
                None => {}
            },
            AgentEvent::AgentSettled => *self = Self::default(),
            _ => {}
        }
    }

    /// `, 3 tries in 14 s`, if there were several.
    fn in_words(&self, last: &AssistantMessage) -> String {
        let seconds = last.timestamp.saturating_sub(self.since) / 1000;
        if self.count > 1 { format!(", {} tries in {seconds} s", self.count) } else { String::new() }
    }
}

/// The event as an editor gets it: a failed answer says in words what went wrong.
pub fn explain_event(event: Envelope, tries: &mut Tries) -> Envelope {
    tries.event(&event.event);
    match &*event.event {
        AgentEvent::MessageEnd { message } => match explained(message, tries) {
            Some(message) => Envelope { event: Arc::new(AgentEvent::MessageEnd { message }), ..event },
            None => event,
        },
        _ => event,
    }
}

/// The messages of a session as an editor gets them.
pub fn explain_all(messages: &mut [StoredMessage]) {
    for message in messages.iter_mut().filter(|it| it.is_failed_answer()) {
        if let Some(better) = explained(message, &Tries::default()) {
            *message = better.into();
        }
    }
}

fn explained(message: &AgentMessage, tries: &Tries) -> Option<Arc<AgentMessage>> {
    let answer = message.as_assistant().filter(|it| it.stop_reason == StopReason::Error)?;
    let failure = Some(Box::new(failure(answer, tries)));
    Some(Arc::new(AgentMessage::Assistant(AssistantMessage { failure, ..answer.clone() })))
}

/// ` (212k of 200k tokens)`, where a body names how long the chat is and how long it may be, and no other count.
fn lengths(body: &str) -> String {
    let mut counts: Vec<u64> = reason(body)
        .split(|it: char| !it.is_ascii_digit())
        .filter_map(|it| it.parse().ok())
        .filter(|it| *it >= 1000)
        .collect();
    counts.sort_unstable();
    counts.dedup();
    let [limit, length] = counts[..] else { return String::new() };
    let short = |it: u64| format!("{}k", (it + 500) / 1000);
    match (short(length), short(limit)) {
        (length, limit) if length != limit => format!(" ({length} of {limit} tokens)"),
        _ => format!(" ({length} of {limit} tokens)"),
    }
}

const SPENT: [&str; 4] =
    ["insufficient_quota", "insufficient credit", "payment required", "credit balance is too low"];
const BUSY: [&str; 3] = ["rate limit", "too many requests", "overloaded"];
const KEY: [&str; 3] = ["unauthorized", "invalid api key", "invalid x-api-key"];
const CUT: [&str; 3] =
    ["stream ended", "connection closed before message completed", "unexpected end of file"];
const OFFLINE: [&str; 5] = ["connection", "error sending request", "dns", "timed out", "network"];

/// The status an error begins with, and the rest.
fn status(said: &str) -> (Option<u16>, &str) {
    let (number, rest) = said.split_at_checked(3).unwrap_or((said, ""));
    match number.parse() {
        Ok(status @ 100..600) if rest.starts_with([':', ' ']) => (Some(status), rest[1..].trim_start()),
        _ => (None, said),
    }
}

/// What a body says for people; of JSON its message.
fn reason(body: &str) -> String {
    let json: Option<Value> = serde_json::from_str(body).ok();
    let message = json.as_ref().and_then(|it| {
        let it = it.get(0).unwrap_or(it);
        [&it["error"]["message"], &it["message"], &it["error"]].into_iter().find_map(Value::as_str)
    });
    let text = message.unwrap_or(if json.as_ref().is_some_and(|it| !it.is_string()) {
        "no reason given"
    } else {
        body
    });
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the host says of a session whose file another process has.
const IN_USE: &str = "is in use by another pi";

/// What a user is told who comes to a session of another process.
pub const OPEN_ELSEWHERE: &str = "This chat is open in another window.";

/// What is said behind a refusal where the message is still there.
pub const KEPT: &str = " Your message is kept.";

/// Why a prompt was not taken, in the words of an editor's user.
pub fn refusal(message: &str) -> &str {
    if message.starts_with("No model selected") {
        "No model is set up yet."
    } else if message.contains(IN_USE) {
        OPEN_ELSEWHERE
    } else {
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_say_what_to_do() {
        let json = |kind: &str, text: &str| {
            serde_json::json!({"type": "error", "error": {"type": kind, "message": text}}).to_string()
        };
        let body = |status: u16, text: &str| format!("{status}: {}", json("x", text));
        for (said, expected) in [
            ("401: {\"error\":\"no\"}".to_owned(), "Anthropic did not accept the key (401). Nothing"),
            ("invalid x-api-key".to_owned(), "Anthropic did not accept the key. Nothing"),
            ("402: Payment Required".to_owned(), "The account has no credit left (402)."),
            (body(400, "Your credit balance is too low"), "The account has no credit left (400)."),
            (body(429, "insufficient_quota"), "The account has no credit left (429)."),
            ("429 Too Many Requests".to_owned(), "Anthropic is busy (429). Your work"),
            (json("overloaded_error", "Overloaded"), "Anthropic is busy. Your work"),
            (body(529, "x"), "Anthropic is busy (529). Your work"),
            ("prompt is too long: 212000 tokens".to_owned(), "This chat no longer fits the model. /compact"),
            (
                body(400, "prompt is too long: 212010 tokens > 200000 maximum"),
                "This chat no longer fits the model (212k of 200k tokens). /compact",
            ),
            (
                body(400, "maximum context length is 8192 tokens, you sent 8193 (id 9)"),
                "This chat no longer fits the model (8193 of 8192 tokens). /compact",
            ),
            (body(500, "error in req_0115292a"), "Anthropic failed (500): error in req_0115292a\n\n500: {"),
            (body(400, "tools.0:\n bad"), "Anthropic refused the request (400): tools.0: bad\n\n400: {"),
            ("404: not found".to_owned(), "Anthropic refused the request (404): not found"),
            ("404: {\"a\": 1}".to_owned(), "Anthropic refused the request (404): no reason given\n\n404: {"),
            (
                "Anthropic stream ended before message_stop".to_owned(),
                "The answer was cut off; tools after it did not run.",
            ),
            ("error sending request for url".to_owned(), "Cannot reach the provider"),
            (json("api_error", "odd"), "Pi stopped: odd\n\n{"),
            ("something odd".to_owned(), "Pi stopped: something odd"),
            ("5000 things".to_owned(), "Pi stopped: 5000 things"),
            ("ünd".to_owned(), "Pi stopped: ünd"),
        ] {
            let mut answer = AssistantMessage::empty("anthropic-messages", "anthropic", "m", 0);
            answer.error_message = Some(said.clone());
            let text = in_full(&failure(&answer, &Tries::default()));
            assert!(text.starts_with(expected), "{text}");
            let (_, body) = status(&said);
            assert!(text.contains(body), "{text}");
        }
    }

    #[test]
    fn a_busy_provider_is_told_with_the_tries_in_vain() {
        let ended = |reason: StopReason, timestamp: u64| {
            let mut answer = AssistantMessage::empty("anthropic-messages", "anthropic", "m", timestamp);
            (answer.stop_reason, answer.error_message) = (reason, Some("429: slow down".into()));
            Arc::new(AgentMessage::Assistant(answer))
        };
        let mut tries = Tries::default();
        let mut seq = 0;
        let mut said = |message: Arc<AgentMessage>| {
            seq += 1;
            let event = Arc::new(AgentEvent::MessageEnd { message });
            let envelope = Envelope { session_id: "s".into(), seq, turn_id: None, event };
            match &*explain_event(envelope, &mut tries).event {
                AgentEvent::MessageEnd { message } => {
                    message.as_assistant().and_then(|it| it.failure.clone()).map(|it| it.headline)
                }
                _ => None,
            }
        };
        for (reason, timestamp, expected) in [
            (StopReason::Error, 1000, Some("Anthropic is busy (429).")),
            (StopReason::Error, 5000, Some("Anthropic is busy (429), 2 tries in 4 s.")),
            (StopReason::Error, 15_999, Some("Anthropic is busy (429), 3 tries in 14 s.")),
            (StopReason::Stop, 20_000, None),
            (StopReason::Error, 30_000, Some("Anthropic is busy (429).")),
        ] {
            assert_eq!(said(ended(reason, timestamp)).as_deref(), expected);
        }
    }
}
