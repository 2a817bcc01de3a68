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
    use super::*;

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
