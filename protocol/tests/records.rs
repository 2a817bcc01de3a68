//! Records as Pi writes them, byte for byte: what is read is written again unchanged.
//!
//! The lines are small versions of what Pi 0.50.7 and 0.87.1 put on stdout and into session files. They pin key
//! names, key order, absent fields, JavaScript numbers, and that nothing foreign is lost.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use pi_protocol::{
    AgentEvent, AgentMessage, Content, Entry, ImageContent, Method, Model, PromptParams, Request,
    SessionHeader, SessionState, StreamingBehavior, entry::EntryKind, json,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Reading and writing gives the same bytes.
fn survives<T: DeserializeOwned + Serialize>(line: &str) -> T {
    let value: T = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(json::to_string(&value).unwrap(), line);
    value
}

/// Reading and writing keeps every key and value; the order of keys may change.
fn keeps<T: DeserializeOwned + Serialize>(value: Value) -> T {
    let read: T = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"));
    assert_eq!(serde_json::to_value(&read).unwrap(), value);
    read
}

const ASSISTANT: &str = concat!(
    r#"{"role":"assistant","content":[{"type":"thinking","thinking":"hm","thinkingSignature":"sig"},"#,
    r#"{"type":"text","text":"hello"},"#,
    r#"{"type":"toolCall","id":"call_1","name":"edit","arguments":{"path":"a","oldText":"1","newText":"2"}}],"#,
    r#""api":"anthropic-messages","provider":"p","model":"m","#,
    r#""usage":{"input":100,"output":20,"cacheRead":0,"cacheWrite":0,"totalTokens":120,"#,
    r#""cost":{"input":0.0003,"output":0.0003,"cacheRead":0,"cacheWrite":0,"total":0.0006}},"#,
    r#""stopReason":"toolUse","timestamp":1700000000000}"#
);

#[test]
fn messages_are_written_as_they_were_read() {
    for line in [
        r#"{"role":"user","content":[{"type":"text","text":"hi"}],"timestamp":1700000000000}"#,
        r#"{"role":"user","content":"one string","timestamp":1}"#,
        r#"{"role":"user","content":[{"type":"image","data":"aGk=","mimeType":"image/png"}],"timestamp":1}"#,
        ASSISTANT,
        r#"{"role":"toolResult","toolCallId":"c","toolName":"read","content":[{"type":"text","text":"x"}],"isError":false,"timestamp":1}"#,
        r#"{"role":"toolResult","toolCallId":"c","toolName":"bash","content":[],"details":{},"isError":true,"timestamp":1}"#,
        r#"{"role":"bashExecution","command":"ls","output":"a\n","exitCode":0,"cancelled":false,"truncated":false,"timestamp":1}"#,
        r#"{"role":"bashExecution","command":"sleep 9","output":"","cancelled":true,"truncated":false,"excludeFromContext":true,"timestamp":1}"#,
        r#"{"role":"compactionSummary","summary":"s","tokensBefore":12345,"timestamp":1}"#,
        r#"{"role":"custom","customType":"x","content":"y","display":true,"timestamp":1}"#,
    ] {
        survives::<AgentMessage>(line);
    }
}

#[test]
fn an_unknown_role_survives_and_is_not_mistaken_for_a_known_one() {
    let line =
        r#"{"role":"system","content":"be brief","sections":{"tools":null},"replace":true,"timestamp":1}"#;
    assert!(matches!(survives::<AgentMessage>(line), AgentMessage::Other(_)));
}

#[test]
fn the_older_name_of_custom_messages_is_read() {
    let line = r#"{"role":"hookMessage","customType":"x","content":"y","display":false,"timestamp":1}"#;
    assert!(matches!(serde_json::from_str(line).unwrap(), AgentMessage::Custom(_)));
}

#[test]
fn an_empty_answer_has_no_optional_fields() {
    let message = pi_protocol::AssistantMessage::empty("a", "p", "m", 1);
    assert_eq!(
        json::to_string(&AgentMessage::Assistant(message)).unwrap(),
        concat!(
            r#"{"role":"assistant","content":[],"api":"a","provider":"p","model":"m","usage":{"input":0,"output":0,"#,
            r#""cacheRead":0,"cacheWrite":0,"totalTokens":0,"cost":{"input":0,"output":0,"cacheRead":0,"#,
            r#""cacheWrite":0,"total":0}},"stopReason":"stop","timestamp":1}"#
        )
    );
}

#[test]
fn numbers_are_javascripts() {
    let line = concat!(
        r#"{"input":1,"output":2,"cacheRead":3,"cacheWrite":4,"totalTokens":10,"cost":{"input":0.000003,"#,
        r#""output":0.00007999999999999999,"cacheRead":9e-7,"cacheWrite":0,"total":1}}"#
    );
    survives::<pi_protocol::Usage>(line);
}

#[test]
fn events_are_written_as_they_were_read() {
    let turn_end = format!(
        concat!(
            r#"{{"type":"turn_end","message":{},"toolResults":[{{"role":"toolResult","toolCallId":"call_1","#,
            r#""toolName":"edit","content":[],"isError":false,"timestamp":1}}]}}"#
        ),
        ASSISTANT
    );
    for line in [
        r#"{"type":"agent_start"}"#,
        r#"{"type":"agent_end","messages":[],"willRetry":false}"#,
        r#"{"type":"agent_settled"}"#,
        turn_end.as_str(),
        r#"{"type":"tool_execution_start","toolCallId":"c","toolName":"read","args":{"z":1,"a":2}}"#,
        r#"{"type":"tool_execution_end","toolCallId":"c","toolName":"read","result":{"content":[{"type":"text","text":"x"}]},"isError":false}"#,
        r#"{"type":"queue_update","steering":["a"],"followUp":[]}"#,
        r#"{"type":"auto_retry_start","attempt":1,"maxAttempts":3,"delayMs":2000,"errorMessage":"overloaded"}"#,
        r#"{"type":"auto_retry_end","success":true,"attempt":1}"#,
        r#"{"type":"session_info_changed","name":"n"}"#,
        r#"{"type":"thinking_level_changed","level":"xhigh"}"#,
        r#"{"type":"bash_execution_update","id":7,"delta":"x"}"#,
    ] {
        survives::<AgentEvent>(line);
    }
}

#[test]
fn increments_of_an_answer_have_pis_names() {
    let usage = r#""usage":{"input":0,"output":0,"cacheRead":0,"cacheWrite":0,"totalTokens":0,"cost":{"input":0,"output":0,"cacheRead":0,"cacheWrite":0,"total":0}}"#;
    for increment in [
        r#"{"type":"text_start","contentIndex":0}"#,
        r#"{"type":"text_delta","contentIndex":0,"delta":"a"}"#,
        r#"{"type":"text_end","contentIndex":0,"content":"a"}"#,
        r#"{"type":"thinking_start","contentIndex":0}"#,
        r#"{"type":"thinking_delta","contentIndex":0,"delta":""}"#,
        r#"{"type":"thinking_end","contentIndex":0,"content":"a"}"#,
        r#"{"type":"toolcall_start","contentIndex":1,"id":"c","toolName":"read"}"#,
        r#"{"type":"toolcall_delta","contentIndex":1,"delta":"{\"pa"}"#,
        r#"{"type":"toolcall_end","contentIndex":1,"toolCall":{"type":"toolCall","id":"c","name":"read","arguments":{}}}"#,
    ] {
        let line = format!(r#"{{"type":"message_update",{usage},"assistantMessageEvent":{increment}}}"#);
        survives::<AgentEvent>(&line);
    }
}

#[test]
fn a_session_without_values_says_nothing_about_them() {
    let state: SessionState = serde_json::from_value(json!({
        "thinkingLevel": "off", "isStreaming": false, "isCompacting": false, "steeringMode": "one-at-a-time",
        "followUpMode": "all", "sessionId": "s", "autoCompactionEnabled": true, "autoRetryEnabled": true,
        "messageCount": 0, "pendingMessageCount": 0
    }))
    .unwrap();
    let text = json::to_string(&state).unwrap();
    assert!(!text.contains("null"), "{text}");
    assert!(
        !text.contains("sessionFile") && !text.contains("sessionName") && !text.contains("\"model\""),
        "{text}"
    );
}

#[test]
fn entries_keep_what_they_carry() {
    let base = json!({"id": "0a1b2c3d", "parentId": null, "timestamp": "2026-01-01T00:00:00.000Z"});
    for kind in [
        json!({"type": "message", "message": {"role": "user", "content": "x", "timestamp": 1}}),
        json!({"type": "thinking_level_change", "thinkingLevel": "high"}),
        json!({"type": "model_change", "provider": "p", "modelId": "m"}),
        json!({"type": "compaction", "summary": "s", "firstKeptEntryId": "a", "tokensBefore": 9, "details": {"x": 1}}),
        json!({"type": "label", "targetId": "a"}),
        json!({"type": "session_info", "name": "n"}),
        json!({"type": "custom", "customType": "x", "data": {"any": [1, null]}}),
    ] {
        let mut entry = kind;
        entry.as_object_mut().unwrap().extend(base.as_object().unwrap().clone());
        let read: Entry = keeps(entry.clone());
        assert!(!matches!(read.kind, EntryKind::Other(_)), "{entry}");
    }
}

#[test]
fn an_entry_of_another_writer_survives() {
    let entry = json!({"type": "context_edit", "omit": ["a"], "nested": {"b": null}, "id": "1", "parentId": "0",
                       "timestamp": "2026-01-01T00:00:00.000Z"});
    let read: Entry = keeps(entry);
    assert!(matches!(read.kind, EntryKind::Other(_)));
    assert_eq!(read.base.parent_id.as_deref(), Some("0"));
}

#[test]
fn headers_of_all_versions_are_read() {
    survives::<SessionHeader>(
        r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/w"}"#,
    );
    let first: SessionHeader =
        serde_json::from_str(r#"{"type":"session","id":"s","timestamp":"t","cwd":"/w","provider":"p"}"#)
            .unwrap();
    assert_eq!((first.version, first.extra["provider"].as_str()), (None, Some("p")));
    let forked: SessionHeader = serde_json::from_str(
        r#"{"type":"session","version":3,"id":"s","timestamp":"t","cwd":"/w","branchedFrom":"f"}"#,
    )
    .unwrap();
    assert_eq!(forked.parent_session.as_deref(), Some("f"));
}

#[test]
fn a_models_foreign_fields_survive() {
    keeps::<Model>(json!({
        "id": "m", "name": "M", "api": "openai-completions", "provider": "p", "baseUrl": "http://localhost/v1",
        "reasoning": true, "input": ["text", "image"],
        "cost": {"input": 1.5, "output": 2.5, "cacheRead": 0.1, "cacheWrite": 0.2},
        "contextWindow": 200000, "maxTokens": 4096, "thinkingLevelMap": {"xhigh": "max", "off": null},
        "promptCache": {"short": 300}, "inputLimits": {"maxRequestBytes": 1}
    }));
}

#[test]
fn images_come_in_two_forms_and_leave_in_one() {
    let expected = ImageContent { data: "aGk=".into(), mime_type: "image/png".into() };
    for form in [
        json!({"type": "image", "data": "aGk=", "mimeType": "image/png"}),
        json!({"type": "image", "source": {"type": "base64", "mediaType": "image/png", "data": "aGk="}}),
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}),
    ] {
        assert_eq!(serde_json::from_value::<Content>(form).unwrap(), Content::Image(expected.clone()));
    }
    let error = serde_json::from_value::<Content>(json!({"type": "image", "data": "aGk="})).unwrap_err();
    assert!(error.to_string().contains("mimeType"), "{error}");
}

#[test]
fn streaming_behaviour_is_read_in_all_spellings() {
    for (word, expected) in [
        ("steer", StreamingBehavior::Steer),
        ("followUp", StreamingBehavior::FollowUp),
        ("follow_up", StreamingBehavior::FollowUp),
        ("follow-up", StreamingBehavior::FollowUp),
    ] {
        let params: PromptParams =
            serde_json::from_value(json!({"message": "m", "streamingBehavior": word})).unwrap();
        assert_eq!(params.streaming_behavior, Some(expected), "{word}");
    }
}

#[test]
fn parameters_are_checked_by_name() {
    for (method, params, what) in [
        (Method::Prompt, json!({}), "`message`"),
        (Method::Prompt, json!({"message": 5}), "string"),
        (Method::SetModel, json!({"provider": "p"}), "`modelId`"),
        (Method::SetSteeringMode, json!({"mode": "bogus"}), "bogus"),
        (Method::SetAutoRetry, json!({"enabled": "yes"}), "boolean"),
    ] {
        let error = Request::parse(method, params.clone()).unwrap_err().to_string();
        assert!(error.contains(what), "{method:?} {params}: {error}");
    }
}

#[test]
fn fields_nobody_knows_are_ignored() {
    let request =
        Request::parse(Method::GetState, json!({"type": "get_state", "id": 7, "later": true})).unwrap();
    assert_eq!(request.method(), Method::GetState);
}
