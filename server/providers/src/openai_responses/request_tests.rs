//! Bodies of Responses requests.

use serde_json::json;

use super::*;
use crate::testing;

fn build(model: Value, messages: Value, level: ThinkingLevel, retention: CacheRetention) -> Value {
    let mut over = json!({ "api": "openai-responses", "provider": "openai" });
    over.as_object_mut().unwrap().extend(model.as_object().unwrap().clone());
    let mut request = testing::request(testing::model(over), messages);
    request.system_prompt = "be brief".into();
    request.thinking = level;
    body(&request, retention)
}

/// An answer of `model` with everything in it, and the results of its calls.
fn history(model: &str) -> Value {
    let reasoning =
        json!({ "id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "secret" });
    json!([
        { "role": "user", "content": [{ "type": "text", "text": "go" }, { "type": "image", "data": "AA", "mimeType": "image/png" }], "timestamp": 1 },
        { "role": "assistant", "api": "openai-responses", "provider": "openai", "model": model, "usage": {}, "stopReason": "toolUse", "timestamp": 1, "content": [
            { "type": "thinking", "thinking": "", "thinkingSignature": reasoning.to_string() },
            { "type": "text", "text": "a", "textSignature": "{\"v\":1,\"id\":\"msg_a\",\"phase\":\"commentary\"}" },
            { "type": "text", "text": "b", "textSignature": "msg_b" },
            { "type": "text", "text": "c", "textSignature": "m".repeat(65) },
            { "type": "text", "text": "d" },
            { "type": "text", "text": " " },
            { "type": "toolCall", "id": "call_1|fc_1", "name": "read", "arguments": { "path": "x" } },
            { "type": "toolCall", "id": "call_2|fc_2", "name": "ls", "arguments": {} },
        ] },
        { "role": "toolResult", "toolCallId": "call_1|fc_1", "toolName": "read", "isError": false, "timestamp": 1, "content": [{ "type": "text", "text": "see" }, { "type": "image", "data": "BB", "mimeType": "image/png" }] },
        { "role": "toolResult", "toolCallId": "call_2|fc_2", "toolName": "ls", "isError": false, "timestamp": 1, "content": [] },
    ])
}

fn message(id: &str, text: &str) -> Value {
    json!({
        "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": text, "annotations": [] }],
        "status": "completed", "id": id,
    })
}

#[test]
fn a_conversation_goes_back_as_the_items_it_came_as() {
    let body = build(json!({}), history("m"), ThinkingLevel::Off, CacheRetention::Short);
    let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["model", "input", "stream", "prompt_cache_key", "store", "max_output_tokens"]);
    let mut first = message("msg_a", "a");
    first["phase"] = "commentary".into();
    assert_eq!(
        body["input"],
        json!([
            { "role": "system", "content": "be brief" },
            { "role": "user", "content": [{ "type": "input_text", "text": "go" }, { "type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AA" }] },
            { "id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "secret" },
            first,
            message("msg_b", "b"),
            message(&format!("msg_{}", ids::short_hash(&"m".repeat(65))), "c"),
            message("msg_1_3", "d"),
            { "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "read", "arguments": "{\"path\":\"x\"}" },
            { "type": "function_call", "id": "fc_2", "call_id": "call_2", "name": "ls", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "call_1", "output": [{ "type": "input_text", "text": "see" }, { "type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,BB" }] },
            { "type": "function_call_output", "call_id": "call_2", "output": "(no tool output)" },
        ])
    );
}

#[test]
fn an_answer_of_another_model_goes_without_its_marks() {
    let body = build(json!({}), history("other"), ThinkingLevel::Off, CacheRetention::Short);
    let input = body["input"].as_array().unwrap();
    assert!(input.iter().all(|it| it["type"] != "reasoning"), "{input:?}");
    assert_eq!(input[2], message("msg_1", "a"));
    assert_eq!(input[3], message("msg_1_1", "b"));
    assert_eq!(
        input[6],
        json!({ "type": "function_call", "call_id": "call_1", "name": "read", "arguments": "{\"path\":\"x\"}" })
    );
    assert_eq!(input[8]["call_id"], "call_1");
}

#[test]
fn thoughts_without_an_outcome_are_left_out() {
    let mut history = history("m");
    history[1]["stopReason"] = "length".into();
    history[1]["content"].as_array_mut().unwrap().truncate(1);
    let body = build(json!({}), history, ThinkingLevel::Off, CacheRetention::Short);
    assert_eq!(body["input"].as_array().unwrap().len(), 2, "{body}");
}

#[test]
fn options_reach_their_fields() {
    use ThinkingLevel::*;
    let (none, short, long) = (CacheRetention::None, CacheRetention::Short, CacheRetention::Long);
    let thinker = |more: Value| {
        let mut model = json!({ "reasoning": true });
        model.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        model
    };
    let map = json!({ "thinkingLevelMap": { "off": "minimal", "high": "very" } });
    let never_off = json!({ "thinkingLevelMap": { "off": null } });
    let key = json!("session");
    for (name, model, level, retention, pointer, expected) in [
        ("role", thinker(json!({})), Off, short, "/input/0/role", json!("developer")),
        (
            "role by compat",
            thinker(json!({ "compat": { "supportsDeveloperRole": false } })),
            Off,
            short,
            "/input/0/role",
            json!("system"),
        ),
        ("effort", thinker(json!({})), Medium, short, "/reasoning/effort", json!("medium")),
        ("summary", thinker(json!({})), Medium, short, "/reasoning/summary", json!("auto")),
        ("include", thinker(json!({})), Low, short, "/include/0", json!("reasoning.encrypted_content")),
        ("no include", thinker(json!({})), Off, short, "/include", Value::Null),
        ("effort by map", thinker(map.clone()), High, short, "/reasoning/effort", json!("very")),
        ("off", thinker(json!({})), Off, short, "/reasoning", json!({ "effort": "none" })),
        ("off by map", thinker(map), Off, short, "/reasoning/effort", json!("minimal")),
        ("never off", thinker(never_off), Off, short, "/reasoning", Value::Null),
        ("copilot", thinker(json!({ "provider": "github-copilot" })), Off, short, "/reasoning", Value::Null),
        ("no thinker", json!({}), High, short, "/reasoning", Value::Null),
        ("key", json!({}), Off, short, "/prompt_cache_key", key.clone()),
        ("no key", json!({}), Off, none, "/prompt_cache_key", Value::Null),
        ("day", json!({}), Off, long, "/prompt_cache_retention", json!("24h")),
        ("no day", json!({}), Off, short, "/prompt_cache_retention", Value::Null),
        (
            "no day by compat",
            json!({ "compat": { "supportsLongCacheRetention": false } }),
            Off,
            long,
            "/prompt_cache_retention",
            Value::Null,
        ),
        ("limit", json!({ "maxTokens": 5 }), Off, short, "/max_output_tokens", json!(16)),
        ("unknown limit", json!({ "maxTokens": 0 }), Off, short, "/max_output_tokens", Value::Null),
        (
            "tier",
            json!({ "samplingParams": { "service_tier": "flex" } }),
            Off,
            short,
            "/service_tier",
            json!("flex"),
        ),
        (
            "blind",
            json!({ "input": ["text"] }),
            Off,
            short,
            "/input/9/output",
            json!("see\n(tool image omitted: model does not support images)"),
        ),
    ] {
        let body = build(model, history("m"), level, retention);
        assert_eq!(body.pointer(pointer).cloned().unwrap_or_default(), expected, "{name}: {body}");
    }
}

#[test]
fn tools_are_functions() {
    let mut request = testing::request(testing::model(json!({ "api": "openai-responses" })), json!([]));
    request.tools = vec![testing::tool()].into();
    assert_eq!(
        body(&request, CacheRetention::Short)["tools"],
        json!([{ "type": "function", "name": "read", "description": "reads", "parameters": { "type": "object" }, "strict": false }])
    );
}
