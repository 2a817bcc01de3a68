//! A failed run in words for its user: what went wrong, what is safe, what to do.

use pi_protocol::AssistantMessage;

/// What went wrong in a run, what is safe, and what the provider said.
pub fn failure(answer: &AssistantMessage) -> String {
    let provider = &answer.provider;
    let said = answer.error_message.as_deref().unwrap_or("no reason given");
    let lower = said.to_lowercase();
    let has = |codes: &[&str]| codes.iter().any(|it| lower.contains(it));
    let headline = if has(&["401", "unauthorized", "invalid api key", "invalid x-api-key"]) {
        format!("{provider} did not accept the key (401). Nothing was sent to tools.")
    } else if has(&["402", "insufficient credit", "payment required"]) {
        "The account has no credit left (402).".to_owned()
    } else if has(&["429", "rate limit", "too many requests", "overloaded", "529", "503"]) {
        let code = ["429", "529", "503"].into_iter().find(|it| lower.contains(it));
        let code = code.map(|it| format!(" ({it})")).unwrap_or_default();
        format!("{provider} is busy{code}. Your work is untouched; ask again later.")
    } else if has(&[
        "context overflow",
        "context length",
        "prompt is too long",
        "maximum context",
        "context window",
    ]) {
        "This chat no longer fits the model. /compact makes room; a new chat does, too.".to_owned()
    } else if has(&["stream ended", "connection closed before message completed", "unexpected end of file"]) {
        "The answer was cut off; tools after it did not run.".to_owned()
    } else if has(&["connection", "error sending request", "dns", "timed out", "network"]) {
        "Cannot reach the provider. Your work is untouched.".to_owned()
    } else {
        format!("Pi stopped: {said}")
    };
    if headline.contains(said) { headline } else { format!("{headline}\n\n{said}") }
}

/// Why a prompt was not taken, in the words of an editor's user.
pub fn refusal(message: &str) -> &str {
    match message.starts_with("No model selected") {
        true => "No model is set up yet. Your message is kept.",
        false => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_say_what_to_do() {
        for (said, expected) in [
            ("401 {\"error\":\"no\"}", "anthropic did not accept the key (401)"),
            ("402 Payment Required", "The account has no credit left (402)."),
            ("429 Too Many Requests", "anthropic is busy (429)."),
            ("overloaded", "anthropic is busy."),
            ("prompt is too long: 212000 tokens", "This chat no longer fits the model."),
            (
                "Anthropic stream ended before message_stop",
                "The answer was cut off; tools after it did not run.",
            ),
            ("error sending request for url", "Cannot reach the provider"),
            ("something odd", "Pi stopped: something odd"),
        ] {
            let mut answer = AssistantMessage::empty("anthropic-messages", "anthropic", "m", 0);
            answer.error_message = Some(said.into());
            let text = failure(&answer);
            assert!(text.starts_with(expected), "{text}");
            assert!(text.contains(said), "{text}");
        }
    }
}
