//! What a failed model call means: worth repeating, too long for the context, or final.
//!
//! Providers report failures as text only, so the decision is made on the text, with the lists of providers.md
//! §10 and §11. How often and how long to wait is the session's business.

use std::sync::LazyLock;

use pi_protocol::{AssistantMessage, Model, StopReason};
use regex::Regex;

/// Failures that pass by themselves.
static RETRYABLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    any(&[
        "overloaded",
        "currently experiencing high demand",
        "rate.?limit",
        "too many requests",
        "429|500|502|503|504|520|524",
        "service.?unavailable",
        "server.?error",
        "internal.?error",
        "provider.?returned.?error",
        "exceeded request buffer limit while retrying upstream",
        "network.?error",
        "connection.?(?:error|refused|lost|reset|aborted|closed|dropped)",
        "other side closed",
        "fetch failed",
        "getaddrinfo|ENOTFOUND|EAI_AGAIN",
        "upstream.?connect",
        "reset before headers",
        "closed before (?:headers|message)",
        "close_notify",
        "broken pipe",
        "unexpected eof",
        "socket hang up",
        "socket connection was closed",
        "timed? out|timeout",
        "terminated",
        "websocket.?(?:closed|error)",
        "ended without",
        "stream ended before message_stop",
        "stream ended before a terminal response event",
        "http2 request did not get a response",
        "retry delay",
        "you can retry your request|try your request again|please retry your request",
        "ResourceExhausted",
    ])
});

/// Failures that look passing but need the user: nothing is left to spend.
static FINAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    any(&[
        "GoUsageLimitError",
        "FreeUsageLimitError",
        "monthly usage limit reached",
        "available balance",
        "insufficient_quota",
        "out of budget",
        "quota exceeded",
        "billing",
    ])
});

/// The context is longer than the model reads.
static OVERFLOW: LazyLock<Option<Regex>> = LazyLock::new(|| {
    any(&[
        r"prompt (?:is )?too long",
        r"request_too_large",
        r"input is too long for requested model",
        r"exceeds the context window",
        r"input token count.*exceeds the maximum",
        r"maximum prompt length is \d+",
        r"reduce the length of the messages",
        r"maximum context length is \d+ tokens",
        r"exceeds (?:the )?(?:model's )?maximum context length",
        r"exceeds (?:the )?maximum allowed input length",
        r"input \(\d+ tokens\) is longer than the model's context length",
        r"too large for model with \d+ maximum context length",
        r"prompt has \d+ tokens, but the configured context size is \d+ tokens",
        r"exceeds the limit of \d+",
        r"exceeds the available context size",
        r"greater than the context length",
        r"context window exceeds limit",
        r"exceeded model token limit",
        r"model_context_window_exceeded",
        r"exceeded (?:max )?context length",
        r"range of input length should be",
        r"context[_ ]length[_ ]exceeded",
        r"too many tokens",
        r"token limit exceeded",
    ])
});

/// Texts that mention tokens but mean "slower".
static NOT_OVERFLOW: LazyLock<Option<Regex>> =
    LazyLock::new(|| any(&["^(?:Throttling error|Service unavailable):", "rate limit", "too many requests"]));

/// One provider answers an overlong prompt with an empty 400 or 413.
static NO_BODY: LazyLock<Option<Regex>> =
    LazyLock::new(|| any(&[r"^4(?:00|13):?\s*(?:status code)?\s*\(no body\)"]));

fn any(alternatives: &[&str]) -> Option<Regex> {
    Regex::new(&format!("(?i){}", alternatives.join("|"))).ok()
}

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|it| it.is_match(text))
}

/// Whether a call that failed with this text is worth repeating. Ask [`is_context_overflow`] first: an overlong
/// prompt stays overlong.
pub fn is_retryable(error_message: &str) -> bool {
    matches(&RETRYABLE, error_message) && !matches(&FINAL, error_message)
}

/// Whether the text says that the context is too long.
pub fn says_too_long(error_message: &str) -> bool {
    matches(&OVERFLOW, error_message) && !matches(&NOT_OVERFLOW, error_message)
}

/// Whether the provider refused (or silently cut) the prompt because it is longer than `model` reads.
pub fn is_context_overflow(message: &AssistantMessage, model: &Model) -> bool {
    let prompt = message.usage.input + message.usage.cache_read;
    let window = model.context_window;
    match message.stop_reason {
        StopReason::Error => message.error_message.as_deref().is_some_and(|text| {
            says_too_long(text)
                || (message.provider == "cerebras"
                    && matches(&NO_BODY, text)
                    && !matches(&NOT_OVERFLOW, text))
        }),
        StopReason::Stop => window > 0 && prompt > window,
        StopReason::Length => {
            window > 0 && message.usage.output == 0 && prompt as f64 >= 0.99 * window as f64
        }
        _ => false,
    }
}

/// Whether an answer was cut before the model's own output limit, so that a smaller context would let it finish.
pub fn is_recoverable_truncation(message: &AssistantMessage, model: &Model) -> bool {
    message.stop_reason == StopReason::Length && message.usage.output < model.max_tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        serde_json::from_value(serde_json::json!({
            "id": "m", "name": "m", "api": "x", "provider": "p", "baseUrl": "", "reasoning": false,
            "input": ["text"], "cost": {}, "contextWindow": 1000, "maxTokens": 100,
        }))
        .unwrap()
    }

    fn failed(text: &str) -> AssistantMessage {
        let mut message = AssistantMessage::empty("x", "p", "m", 0);
        message.stop_reason = StopReason::Error;
        message.error_message = Some(text.into());
        message
    }

    #[test]
    fn passing_failures_are_repeated_and_others_are_not() {
        for (text, expected) in [
            (r#"529: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, true),
            ("429: slow down", true),
            ("Rate-limit reached", true),
            ("Connection error: connection refused (os error 111)", true),
            ("Request timed out: no data for 300 s", true),
            ("Anthropic stream ended before message_stop", true),
            ("Stream ended without finish_reason", true),
            ("401: invalid x-api-key", false),
            ("400: bad request thing", false),
            ("Request was aborted", false),
            (r#"429: {"error":{"code":"insufficient_quota"}}"#, false),
            ("429: check your plan and billing details", false),
            ("Unhandled stop reason: x", false),
        ] {
            assert_eq!(is_retryable(text), expected, "{text}");
        }
    }

    #[test]
    fn an_overlong_prompt_is_recognised_by_text() {
        for (text, expected) in [
            ("400: prompt is too long: 210000 tokens > 200000 maximum", true),
            ("This model's maximum context length is 8192 tokens", true),
            ("input token count (3) exceeds the maximum", true),
            ("code: context_length_exceeded", true),
            ("the request exceeds the available context size", true),
            ("rate limit: too many tokens per minute", false),
            ("Throttling error: too many tokens", false),
            ("400: status code (no body)", false),
            ("401: no", false),
        ] {
            assert_eq!(is_context_overflow(&failed(text), &model()), expected, "{text}");
        }
        let mut cerebras = failed("400 status code (no body)");
        cerebras.provider = "cerebras".into();
        assert!(is_context_overflow(&cerebras, &model()));
    }

    #[test]
    fn a_prompt_beyond_the_window_is_an_overflow_even_without_an_error() {
        let mut message = AssistantMessage::empty("x", "p", "m", 0);
        message.usage.input = 600;
        message.usage.cache_read = 401;
        assert!(is_context_overflow(&message, &model()));
        message.usage.cache_read = 400;
        assert!(!is_context_overflow(&message, &model()));
        message.stop_reason = StopReason::Length;
        assert!(is_context_overflow(&message, &model()));
        message.usage.output = 7;
        assert!(!is_context_overflow(&message, &model()));
        assert!(is_recoverable_truncation(&message, &model()));
        message.usage.output = 100;
        assert!(!is_recoverable_truncation(&message, &model()));
    }
}
