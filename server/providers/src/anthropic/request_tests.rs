//! Bodies of Messages requests.

use std::sync::Arc;

use pi_core::ToolSpec;
use serde_json::json;

use super::*;
use crate::testing;

fn history() -> Value {
    json!([
        { "role": "user", "content": [{ "type": "text", "text": "go" }, { "type": "text", "text": " " }, { "type": "image", "data": "AA", "mimeType": "image/png" }], "timestamp": 1 },
        { "role": "assistant", "api": "anthropic-messages", "provider": "p", "model": "m", "usage": {}, "stopReason": "toolUse", "timestamp": 1, "content": [
            { "type": "thinking", "thinking": "hm", "thinkingSignature": "sig" },
            { "type": "thinking", "thinking": "unsigned" },
            { "type": "toolCall", "id": "a", "name": "read", "arguments": { "path": "x" } },
            { "type": "toolCall", "id": "b", "name": "read", "arguments": {} },
        ] },
        { "role": "toolResult", "toolCallId": "a", "toolName": "read", "isError": false, "timestamp": 1, "content": [{ "type": "text", "text": "1" }, { "type": "text", "text": "2" }] },
        { "role": "toolResult", "toolCallId": "b", "toolName": "read", "isError": true, "timestamp": 1, "content": [{ "type": "image", "data": "BB", "mimeType": "image/png" }] },
    ])
}

#[test]
fn a_conversation_with_tools_and_images() {
    let mut request = testing::request(testing::model(json!({})), history());
    request.system_prompt = "be brief".into();
    request.tools = Arc::new([ToolSpec {
        name: "read".into(),
        description: "reads".into(),
        parameters: json!({ "$schema": "x", "type": "object", "properties": { "path": { "type": "string" } }, "required": ["path"] }),
        summary: String::new(),
        read_only: true,
    }]);
    let mark = json!({ "type": "ephemeral" });
    assert_eq!(
        body(&request),
        json!({
            "model": "m", "max_tokens": 32000, "stream": true,
            "system": [{ "type": "text", "text": "be brief", "cache_control": mark }],
            "tools": [{ "name": "read", "description": "reads", "cache_control": mark, "input_schema":
                { "type": "object", "properties": { "path": { "type": "string" } }, "required": ["path"] } }],
            "messages": [
                { "role": "user", "content": [
                    { "type": "text", "text": "go" },
                    { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "AA" } } ] },
                { "role": "assistant", "content": [
                    { "type": "thinking", "thinking": "hm", "signature": "sig" },
                    { "type": "text", "text": "unsigned" },
                    { "type": "tool_use", "id": "a", "name": "read", "input": { "path": "x" } },
                    { "type": "tool_use", "id": "b", "name": "read", "input": {} } ] },
                { "role": "user", "content": [
                    { "type": "tool_result", "tool_use_id": "a", "content": "1\n2", "is_error": false },
                    { "type": "tool_result", "tool_use_id": "b", "is_error": true, "cache_control": mark, "content": [
                        { "type": "text", "text": "(see attached image)" },
                        { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "BB" } } ] } ] },
            ],
        })
    );
}

#[test]
fn thinking_and_output_limits() {
    use pi_protocol::ThinkingLevel::*;
    let adaptive = json!({ "forceAdaptiveThinking": true });
    let budget = |tokens: u64| json!({ "type": "enabled", "budget_tokens": tokens });
    let summarized = json!({ "type": "adaptive", "display": "summarized" });
    for (name, model, level, wanted, max_tokens, thinking, effort) in [
        ("cannot think", json!({}), High, None, 32000, Value::Null, Value::Null),
        ("off", json!({ "reasoning": true }), Off, None, 32000, Value::Null, Value::Null),
        (
            "budget inside the model's limit",
            json!({ "reasoning": true }),
            Medium,
            None,
            32000,
            budget(8192),
            Value::Null,
        ),
        (
            "budget on top of the caller's limit",
            json!({ "reasoning": true }),
            Low,
            Some(1000),
            3048,
            budget(2048),
            Value::Null,
        ),
        (
            "small model",
            json!({ "reasoning": true, "maxTokens": 4000 }),
            Medium,
            None,
            4000,
            budget(2976),
            Value::Null,
        ),
        (
            "no room to think",
            json!({ "reasoning": true, "maxTokens": 2000 }),
            Medium,
            None,
            2000,
            Value::Null,
            Value::Null,
        ),
        ("small window", json!({ "contextWindow": 5096 }), Off, None, 1000, Value::Null, Value::Null),
        ("full window", json!({ "contextWindow": 100 }), Off, None, 1, Value::Null, Value::Null),
        ("big model", json!({ "maxTokens": 64000 }), Off, None, 32000, Value::Null, Value::Null),
        (
            "adaptive",
            json!({ "reasoning": true, "compat": adaptive }),
            Minimal,
            None,
            32000,
            summarized.clone(),
            json!({ "effort": "low" }),
        ),
        (
            "adaptive by map",
            json!({ "reasoning": true, "compat": adaptive, "thinkingLevelMap": { "max": "max" } }),
            Max,
            None,
            32000,
            summarized,
            json!({ "effort": "max" }),
        ),
        (
            "adaptive off",
            json!({ "reasoning": true, "compat": adaptive }),
            Off,
            None,
            32000,
            json!({ "type": "disabled" }),
            Value::Null,
        ),
        (
            "never off",
            json!({ "reasoning": true, "compat": adaptive, "thinkingLevelMap": { "off": null } }),
            Off,
            None,
            32000,
            Value::Null,
            Value::Null,
        ),
    ] {
        let messages = json!([{ "role": "user", "content": "", "timestamp": 1 }]);
        let mut request = testing::request(testing::model(model), messages);
        request.thinking = level;
        request.max_tokens = wanted;
        let body = body(&request);
        assert_eq!(body["max_tokens"], max_tokens, "{name}");
        assert_eq!(body["thinking"], thinking, "{name}");
        assert_eq!(body["output_config"], effort, "{name}");
    }
}
