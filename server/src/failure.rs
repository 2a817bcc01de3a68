//! A failed run in words for its user: what went wrong, what is safe, what to do.
//!
//! Providers report failures as text, as Pi does: `NNN: body` for an answer over HTTP, else a sentence or the JSON of
//! an event. The number at the start says most; words count only where it does not, and digits elsewhere (in the id of
//! a request, in a count of tokens) never do.

use pi_core::retry;
use pi_protocol::AssistantMessage;
use pi_providers::catalog;
use serde_json::Value;

/// What went wrong in a run and what is safe; below that, what the provider said, if that is more.
pub fn failure(answer: &AssistantMessage) -> String {
    let peer = catalog::display_name(&answer.provider);
    let said = answer.error_message.as_deref().unwrap_or("no reason given");
    let (status, body) = status(said);
    let number = status.map(|it| format!(" ({it})")).unwrap_or_default();
    let reason = reason(body);
    let lower = body.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|it| lower.contains(it));
    let headline = if status == Some(402) || has(&SPENT) {
        format!("The account has no credit left{number}.")
    } else if matches!(status, Some(429 | 503 | 529)) || has(&BUSY) {
        format!("{peer} is busy{number}. Your work is untouched; ask again later.")
    } else if status == Some(401) || has(&KEY) {
        format!("{peer} did not accept the key{number}. Nothing was sent to tools.")
    } else if status == Some(413) || retry::says_too_long(body) {
        "This chat no longer fits the model. /compact makes room; a new chat does, too.".to_owned()
    } else if let Some(status) = status {
        match status {
            500.. => format!("{peer} failed ({status}): {reason}"),
            _ => format!("{peer} refused the request ({status}): {reason}"),
        }
    } else if has(&CUT) {
        "The answer was cut off; tools after it did not run.".to_owned()
    } else if has(&OFFLINE) {
        "Cannot reach the provider. Your work is untouched.".to_owned()
    } else {
        format!("Pi stopped: {reason}")
    };
    if headline.contains(body) { headline } else { format!("{headline}\n\n{said}") }
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

/// What is said behind a refusal where the message is still there.
pub const KEPT: &str = " Your message is kept.";

/// Why a prompt was not taken, in the words of an editor's user.
pub fn refusal(message: &str) -> &str {
    if message.starts_with("No model selected") {
        "No model is set up yet."
    } else if message.contains(IN_USE) {
        "This chat is open in another window."
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
            ("prompt is too long: 212000 tokens".to_owned(), "This chat no longer fits the model."),
            (body(400, "prompt is too long: 214010 tokens > 200000"), "This chat no longer fits the model."),
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
            let text = failure(&answer);
            assert!(text.starts_with(expected), "{text}");
            let (_, body) = status(&said);
            assert!(text.contains(body), "{text}");
        }
    }
}
