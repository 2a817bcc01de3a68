//! What servers do wrong, and what becomes of it: always one final message, never a hang.

use std::time::Duration;

use pi_core::{Models, Provider, retry};
use pi_protocol::StopReason;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    HttpOptions, RegistryOptions,
    testing::{self, Reply, answer, half},
};

const ANTHROPIC_HALF: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"x\",\"usage\":{\"input_tokens\":5}}}\n\n",
    "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"half\"}}\n\n",
);
const COMPLETIONS_HALF: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n";

async fn failed(api: &str, reply: Reply) -> (Vec<Value>, StopReason, String, String) {
    let base = testing::serve(vec![reply]).await;
    let options = HttpOptions { idle_timeout: Duration::from_millis(200), ..HttpOptions::default() };
    let registry = testing::registry(api, &base, RegistryOptions { http: options, ..Default::default() });
    let (events, message) = testing::ask(&registry, &CancellationToken::new()).await;
    let text = message.text();
    (events, message.stop_reason, message.error_message.unwrap_or_default(), text)
}

#[tokio::test]
async fn a_refused_request_is_a_final_message_without_a_start() {
    for (status, body, expected, again) in [
        (
            "401 No",
            r#"{"error": {"message": "bad key key-12345678"}}"#,
            r#"401: {"error":{"message":"bad key ***"}}"#,
            false,
        ),
        ("429 Slow", "slow down", "429: slow down", true),
        ("500 Oops", "", "500: status code (no body)", true),
        (
            "529 Busy",
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            "529: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
            true,
        ),
        ("302 Moved", "", "302: status code (no body)", false),
    ] {
        for api in ["anthropic-messages", "openai-completions"] {
            let (events, stop, error, _) = failed(api, answer(status, "text/plain", body)).await;
            assert_eq!(events, Vec::<Value>::new());
            assert_eq!((stop, error.as_str()), (StopReason::Error, expected), "{api}");
            assert_eq!(retry::is_retryable(&error), again, "{error}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_keeps_what_came_and_is_worth_repeating() {
    for (api, body) in [("anthropic-messages", ANTHROPIC_HALF), ("openai-completions", COMPLETIONS_HALF)] {
        // The connection is cut, the stream ends early, the server falls silent.
        for (reply, expected) in [
            (half(body, false), "Connection error"),
            (answer("200 OK", "text/event-stream", body), "ended"),
            (half(body, true), "Request timed out: no data for 0.2 s"),
        ] {
            let (events, stop, error, text) = failed(api, reply).await;
            // Chat completions end their blocks when the stream ends in peace.
            let grown: Vec<_> = events.iter().filter(|it| it["type"] != "text_end").collect();
            assert_eq!(grown.len(), 3, "start, text_start, text_delta: {events:?}");
            assert_eq!((stop, text.as_str()), (StopReason::Error, "half"), "{error}");
            assert!(error.contains(expected), "{error}");
            assert!(retry::is_retryable(&error), "{error}");
        }
    }
}

#[tokio::test]
async fn garbage_is_an_error_and_not_a_retry() {
    for api in ["anthropic-messages", "openai-completions"] {
        for body in ["data: {oops\n\n", "data: nothing\n\n"] {
            let (_, stop, error, _) = failed(api, answer("200 OK", "text/event-stream", body)).await;
            assert_eq!(stop, StopReason::Error);
            assert!(error.contains("malformed JSON"), "{error}");
        }
        // No events at all: nothing says that the answer is complete.
        let (events, stop, error, _) = failed(api, answer("200 OK", "text/html", "<html>login</html>")).await;
        assert_eq!((events.len(), stop), (0, StopReason::Error), "{error}");
    }
}

#[tokio::test]
async fn nobody_listens() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let registry = testing::registry("openai-completions", &base, RegistryOptions::default());
    let (_, message) = testing::ask(&registry, &CancellationToken::new()).await;
    let error = message.error_message.unwrap();
    assert!(error.starts_with("Connection error: ") && retry::is_retryable(&error), "{error}");
    assert!(!error.contains("127.0.0.1"), "{error}");
}

#[tokio::test]
async fn stopping_ends_a_call_that_waits_for_its_server() {
    for reply in [Reply { bytes: Vec::new(), stall: true }, half("", true), half(": comment\n", true)] {
        let (base, sent) = testing::serve_and_tell(vec![reply]).await;
        let registry = testing::registry("anthropic-messages", &base, RegistryOptions::default());
        let cancel = CancellationToken::new();
        let stop = async {
            sent.notified().await;
            cancel.cancel();
        };
        let ((events, message), ()) = tokio::join!(testing::ask(&registry, &cancel), stop);
        assert_eq!((events.len(), message.stop_reason), (0, StopReason::Aborted));
        assert_eq!(message.error_message.as_deref(), Some("Request was aborted"));
    }
}

#[tokio::test]
async fn stopping_an_answer_keeps_what_came() {
    for (api, body) in [("anthropic-messages", ANTHROPIC_HALF), ("openai-completions", COMPLETIONS_HALF)] {
        let base = testing::serve(vec![half(body, true)]).await;
        let registry = testing::registry(api, &base, RegistryOptions::default());
        let cancel = CancellationToken::new();
        let request = testing::request((*registry.find("p", "m").unwrap()).clone(), json!([]));
        let mut stop_at_text = |it| {
            if testing::event(it)["type"] == "text_delta" {
                cancel.cancel();
            }
        };
        let message = registry.stream(request, cancel.clone(), &mut stop_at_text).await;
        assert_eq!((message.stop_reason, message.text().as_str()), (StopReason::Aborted, "half"));
        assert_eq!(message.error_message.as_deref(), Some("Request was aborted"));
    }
}
