//! Recorded streams of all dialects: the events they become, however the network cuts them.

use pi_core::builder::{MessageBuilder, MessageFolder};
use pi_core::{ProviderEvent, partial_json};
use pi_protocol::{AssistantMessage, StopReason};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    RegistryOptions,
    sse::{SseEvent, SseParser},
    testing::{self, answer},
};

const ANTHROPIC: &str = include_str!("../fixtures/anthropic_tools.sse");
const COMPLETIONS: &str = include_str!("../fixtures/completions_tools.sse");
const RESPONSES: &str = include_str!("../fixtures/responses_tools.sse");
const GOOGLE: &str = include_str!("../fixtures/google_tools.sse");

async fn play(api: &str, body: &str) -> (Vec<Value>, AssistantMessage) {
    let base = testing::serve(vec![answer("200 OK", "text/event-stream", body)]).await;
    let registry = testing::registry(api, &base, RegistryOptions::default());
    testing::ask(&registry, &Default::default()).await
}

/// `type contentIndex payload` of each event.
fn brief(events: &[Value]) -> Vec<String> {
    let payload = |it: &Value| {
        ["delta", "content", "toolName"]
            .iter()
            .find_map(|key| it[key].as_str())
            .unwrap_or_default()
            .to_owned()
    };
    events
        .iter()
        .map(|it| match it["type"].as_str().unwrap() {
            "start" => "start".to_owned(),
            "toolcall_end" => format!("toolcall_end {} {}", it["contentIndex"], it["toolCall"]["arguments"]),
            kind => format!("{kind} {} {}", it["contentIndex"], payload(it)).trim_end().to_owned(),
        })
        .collect()
}

#[tokio::test]
async fn an_anthropic_answer_with_thoughts_and_calls() {
    let (events, message) = play("anthropic-messages", ANTHROPIC).await;
    assert_eq!(message.error_message, None);
    assert_eq!(
        brief(&events),
        [
            "start",
            "thinking_start 0",
            "thinking_delta 0 Grüße 🦀",
            "thinking_end 0 Grüße 🦀",
            "thinking_start 1",
            "thinking_end 1 [Reasoning redacted]",
            "text_start 2",
            "text_delta 2 I",
            "text_delta 2 read",
            "text_end 2 I read",
            "toolcall_start 3 read",
            "toolcall_delta 3 {\"path\":",
            "toolcall_delta 3 \"a.txt\"}",
            "toolcall_end 3 {\"path\":\"a.txt\"}",
            "toolcall_start 4 ls",
            "toolcall_end 4 {}",
        ]
    );
    assert_eq!(message.stop_reason, StopReason::ToolUse);
    assert_eq!(message.response_id.as_deref(), Some("msg_1"));
    assert_eq!(message.response_model, None);
    assert_eq!(message.raw_stop_reason.as_deref(), Some("tool_use"));
    let content = serde_json::to_value(&message.content).unwrap();
    assert_eq!(content[0]["thinkingSignature"], "sig");
    assert_eq!(
        content[1],
        json!({ "type": "thinking", "thinking": "[Reasoning redacted]", "thinkingSignature": "secret", "redacted": true })
    );
    let usage = &message.usage;
    assert_eq!((usage.input, usage.output, usage.cache_read, usage.cache_write), (100, 50, 20, 10));
    assert_eq!(usage.total_tokens, 180);
    let total = (100.0 * 3.0 + 50.0 * 15.0 + 20.0 * 0.3 + 10.0 * 3.75) / 1e6;
    assert!((usage.cost.total - total).abs() < 1e-12, "{}", usage.cost.total);
}

#[tokio::test]
async fn a_completions_answer_with_thoughts_and_calls() {
    let (events, message) = play("openai-completions", COMPLETIONS).await;
    assert_eq!(message.error_message, None);
    assert_eq!(
        brief(&events),
        [
            "start",
            "thinking_start 0",
            "thinking_delta 0 Grüße 🦀",
            "thinking_end 0 Grüße 🦀",
            "text_start 1",
            "text_delta 1 I",
            "text_delta 1 read",
            "text_end 1 I read",
            "toolcall_start 2 read",
            "toolcall_delta 2 {\"path\":",
            "toolcall_delta 2 \"a.txt\"}",
            "toolcall_end 2 {\"path\":\"a.txt\"}",
            "toolcall_start 3 ls",
            "toolcall_delta 3 {}",
            "toolcall_end 3 {}",
        ]
    );
    assert_eq!(message.stop_reason, StopReason::ToolUse);
    assert_eq!(message.response_id.as_deref(), Some("chatcmpl-1"));
    assert_eq!(message.response_model.as_deref(), Some("m-2025"));
    let content = serde_json::to_value(&message.content).unwrap();
    assert_eq!(content[0]["thinkingSignature"], "reasoning_content");
    let usage = &message.usage;
    assert_eq!((usage.input, usage.output, usage.cache_read, usage.reasoning), (100, 50, 20, Some(8)));
    assert_eq!(usage.total_tokens, 170);
}

#[tokio::test]
async fn pieces_of_two_calls_in_turn_find_their_call() {
    let piece = |index: u64, id: &str, name: &str, args: &str| {
        let call = json!({"index": index, "id": id, "function": {"name": name, "arguments": args}});
        format!("data: {}\n\n", json!({"choices": [{"delta": {"tool_calls": [call]}}]}))
    };
    let stream = [
        piece(0, "a", "read", "{\"path\":"),
        piece(1, "b", "ls", "{\"path\":"),
        piece(0, "", "", "\"x\"}"),
        piece(1, "", "", "\"y\"}"),
        format!("data: {}\n\n", json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})),
    ];
    let (_, message) = play("openai-completions", &stream.concat()).await;
    let calls: Vec<_> = message.tool_calls().map(|it| (&*it.id, it.arguments["path"].as_str())).collect();
    assert_eq!(calls, [("a", Some("x")), ("b", Some("y"))]);
}

#[tokio::test]
async fn a_responses_answer_with_thoughts_and_calls() {
    let (events, message) = play("openai-responses", RESPONSES).await;
    assert_eq!(message.error_message, None);
    assert_eq!(
        brief(&events),
        [
            "start",
            "thinking_start 0",
            "thinking_delta 0 Grüße 🦀",
            "thinking_delta 0",
            "thinking_delta 0 more",
            "thinking_delta 0",
            "thinking_end 0 Grüße 🦀\n\nmore",
            "text_start 1",
            "text_delta 1 I",
            "text_delta 1 read",
            "text_end 1 I read",
            "toolcall_start 2 read",
            "toolcall_delta 2 {\"path\":",
            "toolcall_start 3 ls",
            "toolcall_delta 3 {}",
            "toolcall_delta 2 \"a.txt\"}",
            "toolcall_end 2 {\"path\":\"a.txt\"}",
            "toolcall_end 3 {}",
        ]
    );
    assert_eq!(message.stop_reason, StopReason::ToolUse);
    assert_eq!(message.response_id.as_deref(), Some("resp_1"));
    assert_eq!(message.response_model.as_deref(), Some("m-2025"));
    assert_eq!(message.raw_stop_reason.as_deref(), Some("completed"));
    let content = serde_json::to_value(&message.content).unwrap();
    let item: Value = serde_json::from_str(content[0]["thinkingSignature"].as_str().unwrap()).unwrap();
    assert_eq!(item["encrypted_content"], "secret");
    assert_eq!(content[1]["textSignature"], r#"{"v":1,"id":"msg_1","phase":"commentary"}"#);
    assert_eq!(content[2]["id"], "call_1|fc_1");
    let usage = &message.usage;
    assert_eq!((usage.input, usage.output, usage.cache_read, usage.reasoning), (100, 50, 20, Some(8)));
    assert_eq!(usage.total_tokens, 170);
    let total = (100.0 * 3.0 + 50.0 * 15.0 + 20.0 * 0.3) / 1e6;
    assert!((usage.cost.total - total).abs() < 1e-12, "{}", usage.cost.total);

    for (tier, factor) in [("flex", 0.5), ("priority", 2.0)] {
        let body = RESPONSES.replace("\"service_tier\":\"default\"", &format!("\"service_tier\":\"{tier}\""));
        let cost = play("openai-responses", &body).await.1.usage.cost;
        assert!((cost.total - total * factor).abs() < 1e-12, "{tier}: {}", cost.total);
    }
}

#[tokio::test]
async fn items_that_are_only_repeated_whole_are_not_lost() {
    let whole = RESPONSES
        .split_inclusive("\n\n")
        .filter(|event| !["output_item.added", ".delta\"", "_part."].iter().any(|it| event.contains(it)));
    let (events, message) = play("openai-responses", &whole.collect::<String>()).await;
    let (_, expected) = play("openai-responses", RESPONSES).await;
    assert_eq!(message.content, expected.content);
    assert!(brief(&events).contains(&"text_delta 1 I read".to_owned()), "{events:?}");
}

#[tokio::test]
async fn a_google_answer_with_thoughts_and_calls() {
    let (events, message) = play("google-generative-ai", GOOGLE).await;
    assert_eq!(message.error_message, None);
    assert_eq!(
        brief(&events),
        [
            "start",
            "thinking_start 0",
            "thinking_delta 0 Grüße",
            "thinking_delta 0 🦀",
            "thinking_end 0 Grüße 🦀",
            "text_start 1",
            "text_delta 1 I",
            "text_delta 1 read",
            "text_end 1 I read",
            "toolcall_start 2 read",
            "toolcall_delta 2 {\"path\":\"a.txt\"}",
            "toolcall_end 2 {\"path\":\"a.txt\"}",
            "toolcall_start 3 ls",
            "toolcall_delta 3 {}",
            "toolcall_end 3 {}",
            "toolcall_start 4 ls",
            "toolcall_delta 4 {}",
            "toolcall_end 4 {}",
        ]
    );
    assert_eq!(message.stop_reason, StopReason::ToolUse);
    assert_eq!(message.response_id.as_deref(), Some("g1"));
    assert_eq!(message.response_model.as_deref(), Some("m-2025"));
    assert_eq!(message.raw_stop_reason.as_deref(), Some("STOP"));
    let content = serde_json::to_value(&message.content).unwrap();
    assert_eq!(content[0]["thinkingSignature"], "c2ln");
    assert_eq!(content[1].get("textSignature"), None);
    assert_eq!(content[2]["thoughtSignature"], "Y2FsbA==");
    // Missing and repeated ids are made up.
    let ids: Vec<_> = message.tool_calls().map(|it| it.id.as_str()).collect();
    assert!(ids[0].starts_with("read_") && ids[0].ends_with("_1"), "{ids:?}");
    assert!(ids[1] == "c2" && ids[2].starts_with("ls_") && ids[2].ends_with("_2"), "{ids:?}");
    let usage = &message.usage;
    assert_eq!((usage.input, usage.output, usage.cache_read, usage.reasoning), (100, 50, 20, Some(8)));
    assert_eq!(usage.total_tokens, 170);
}

#[tokio::test]
async fn every_stop_reason_has_its_meaning() {
    let anthropic = |reason: &str| {
        ANTHROPIC.replace("\"stop_reason\":\"tool_use\"", &format!("\"stop_reason\":\"{reason}\""))
    };
    let completions = |reason: &str| COMPLETIONS.replace("\"tool_calls\"}]}", &format!("\"{reason}\"}}]}}"));
    let responses = |kind: &str, status: &str, more: &str| {
        RESPONSES.replace("response.completed", &format!("response.{kind}")).replace(
            "\"status\":\"completed\",\"service_tier\":\"default\",\"incomplete_details\":null",
            &format!("\"status\":\"{status}\",{more}"),
        )
    };
    let incomplete = |reason: &str| {
        responses("incomplete", "incomplete", &format!("\"incomplete_details\":{{\"reason\":\"{reason}\"}}"))
    };
    let google = |reason: &str| GOOGLE.replace("\"STOP\"", &format!("\"{reason}\""));
    let google_text = |reason: &str| {
        google(reason).split_inclusive("\n\n").filter(|it| !it.contains("functionCall")).collect()
    };
    use StopReason::*;
    for (api, body, stop, error) in [
        ("openai-responses", responses("done", "completed", "\"x\":1"), ToolUse, ""),
        (
            "openai-responses",
            responses("completed", "completed", "\"x\":1").replace("function_call\"", "other_call\""),
            Stop,
            "",
        ),
        ("openai-responses", incomplete("max_output_tokens"), Length, ""),
        ("openai-responses", incomplete("content_filter"), Error, "Response incomplete: content_filter"),
        (
            "openai-responses",
            responses("incomplete", "incomplete", "\"x\":1"),
            Error,
            "Response incomplete without a provider reason",
        ),
        (
            "openai-responses",
            responses("completed", "cancelled", "\"x\":1"),
            Error,
            "Provider stopped with: cancelled",
        ),
        (
            "openai-responses",
            responses("failed", "failed", "\"error\":{\"code\":\"server_error\",\"message\":\"sorry\"}"),
            Error,
            "server_error: sorry",
        ),
        (
            "openai-responses",
            responses("failed", "failed", "\"incomplete_details\":{\"reason\":\"x\"}"),
            Error,
            "incomplete: x",
        ),
        (
            "openai-responses",
            responses("failed", "failed", "\"error\":null"),
            Error,
            "Unknown error (no error details in response)",
        ),
        (
            "openai-responses",
            RESPONSES[..RESPONSES.find("event: response.completed").unwrap()].to_owned(),
            Error,
            "OpenAI Responses stream ended before a terminal response event",
        ),
        ("google-generative-ai", google("MAX_TOKENS"), ToolUse, ""),
        ("google-generative-ai", google_text("STOP"), Stop, ""),
        ("google-generative-ai", google_text("MAX_TOKENS"), Length, ""),
        ("google-generative-ai", google("SAFETY"), Error, "Provider stopped with: SAFETY"),
        (
            "google-generative-ai",
            GOOGLE.replace(",\"finishReason\":\"STOP\"", ""),
            Error,
            "Google stream ended without a finish reason",
        ),
        ("anthropic-messages", anthropic("end_turn"), Stop, ""),
        ("anthropic-messages", anthropic("pause_turn"), Stop, ""),
        ("anthropic-messages", anthropic("max_tokens"), Length, ""),
        ("anthropic-messages", anthropic("refusal"), Error, "The model refused to complete the request"),
        ("anthropic-messages", anthropic("new_thing"), Error, "Unhandled stop reason: new_thing"),
        (
            "anthropic-messages",
            ANTHROPIC.replace("event: message_stop\ndata: {\"type\":\"message_stop\"}\n", ""),
            Error,
            "Anthropic stream ended before message_stop",
        ),
        ("openai-completions", completions("stop"), Stop, ""),
        ("openai-completions", completions("length"), Length, ""),
        (
            "openai-completions",
            completions("content_filter"),
            Error,
            "Provider finish_reason: content_filter",
        ),
        ("openai-completions", completions(""), Error, "Stream ended without finish_reason"),
        ("openai-completions", COMPLETIONS.replace("data: [DONE]\n", ""), ToolUse, ""),
    ] {
        let (_, message) = play(api, &body).await;
        assert_eq!(
            (message.stop_reason, message.error_message.as_deref().unwrap_or_default()),
            (stop, error)
        );
        assert_eq!(message.text(), "I read", "content is kept");
    }
}

#[tokio::test]
async fn an_error_inside_a_stream_keeps_what_came() {
    let cut = ANTHROPIC.find("event: message_delta").unwrap();
    let body = format!(
        "{}event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}}}\n\n",
        &ANTHROPIC[..cut]
    );
    let (_, message) = play("anthropic-messages", &body).await;
    assert_eq!(
        message.error_message.as_deref(),
        Some(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#)
    );
    assert_eq!(message.text(), "I read");

    let body = "data: {\"error\":{\"message\":\"Provider returned error\",\"code\":502,\"metadata\":{\"raw\":\"upstream\"}}}\n\n";
    let (_, message) = play("openai-completions", body).await;
    assert_eq!(message.error_message.as_deref(), Some("Provider returned error\nupstream"));
}

#[tokio::test]
async fn errors_of_other_streams_say_what_a_retry_depends_on() {
    let google = "google-generative-ai";
    let responses = "openai-responses";
    for (api, event, expected) in [
        (
            responses,
            r#"{"type":"error","code":"rate_limit_exceeded","message":"slow down"}"#,
            "Error Code rate_limit_exceeded: slow down",
        ),
        (responses, r#"{"type":"error","error":{"code":null,"message":"Overloaded"}}"#, "Overloaded"),
        (responses, r#"{"error":{"code":"x"}}"#, "Error Code x: no message"),
        (responses, r#"{"type":"error"}"#, "Unknown error"),
        (
            google,
            r#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#,
            "503 UNAVAILABLE: overloaded",
        ),
        (google, r#"{"error":{"message":"overloaded"}}"#, "overloaded"),
        (google, r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#, "Provider stopped with: SAFETY"),
    ] {
        let (_, message) = play(api, &format!("data: {event}\n\n")).await;
        assert_eq!(message.error_message.as_deref(), Some(expected), "{event}");
    }
}

#[tokio::test]
async fn calls_of_servers_that_leave_out_ids_or_numbers_stay_apart() {
    let body = concat!(
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"name\":\"a\",\"arguments\":{\"x\":1}}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"c2\",\"function\":{\"name\":\"b\",\"arguments\":\"{\\\"y\\\"\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"c2\",\"function\":{\"arguments\":\":2}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\n",
    );
    let (_, message) = play("openai-completions", body).await;
    let calls: Vec<_> = message.tool_calls().collect();
    assert_eq!(calls.len(), 2);
    assert!(!calls[0].id.is_empty() && calls[1].id == "c2");
    assert_eq!(calls[0].arguments, *json!({ "x": 1 }).as_object().unwrap());
    assert_eq!(calls[1].arguments, *json!({ "y": 2 }).as_object().unwrap());
}

fn parse(chunks: &[&[u8]]) -> Vec<SseEvent> {
    let mut parser = SseParser::default();
    let mut events = Vec::new();
    for chunk in chunks {
        parser.feed(chunk, &mut |it| events.push(it)).unwrap();
    }
    parser.finish(&mut |it| events.push(it));
    events
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_split_of_a_stream_gives_the_same_events(
        mut cuts in proptest::collection::vec(0..RESPONSES.len(), 0..40),
        crlf in any::<bool>(),
        dialect in 0..4_usize,
    ) {
        let text = [ANTHROPIC, COMPLETIONS, RESPONSES, GOOGLE][dialect];
        let expected = parse(&[text.as_bytes()]);
        prop_assert!(expected.len() > 6);
        let text = if crlf { text.replace('\n', "\r\n") } else { text.to_owned() };
        cuts.sort_unstable();
        let bytes = text.as_bytes();
        let mut chunks = Vec::new();
        let mut start = 0;
        for cut in cuts {
            let cut = cut.min(bytes.len());
            chunks.push(&bytes[start..cut]);
            start = cut;
        }
        chunks.push(&bytes[start..]);
        prop_assert_eq!(parse(&chunks), expected);
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let whole = parse(&[&bytes]);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(parse(&single), whole);
        partial_json::parse_object(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_reader_of_events_sees_the_same_message(parts in proptest::collection::vec("[a-z{}\":1 ]{0,6}", 0..12)) {
        let mut events = Vec::new();
        let message = {
            let mut out = |it| events.push(it);
            let mut builder = MessageBuilder::new(AssistantMessage::empty("a", "p", "m", 0), &mut out);
            builder.start();
            let call = builder.tool_start("c", "t");
            parts.iter().for_each(|it| builder.delta(call, it));
            builder.end_all();
            builder.finish()
        };
        let mut folder = None;
        for event in events {
            match event {
                ProviderEvent::Start(it) => folder = Some(MessageFolder::new(*it)),
                ProviderEvent::Update { usage, event } => folder.as_mut().unwrap().fold(&usage, &event),
            }
        }
        let mut folder = folder.unwrap();
        prop_assert_eq!(folder.message(), &message);
    }
}
