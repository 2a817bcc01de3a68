//! Bodies of Chat Completions requests.

use serde_json::json;

use super::*;
use crate::testing;

fn build(model: Value, messages: Value, level: ThinkingLevel) -> Value {
    let mut over = json!({ "api": "openai-completions", "baseUrl": "http://127.0.0.1:9/v1" });
    over.as_object_mut().unwrap().extend(model.as_object().unwrap().clone());
    let mut request = testing::request(testing::model(over), messages);
    request.system_prompt = "be brief".into();
    request.thinking = level;
    body(&request, &Compat::of(&request.model))
}

fn history() -> Value {
    json!([
        { "role": "user", "content": [{ "type": "text", "text": "go" }, { "type": "image", "data": "AA", "mimeType": "image/png" }], "timestamp": 1 },
        { "role": "assistant", "api": "openai-completions", "provider": "p", "model": "m", "usage": {}, "stopReason": "toolUse", "timestamp": 1, "content": [
            { "type": "thinking", "thinking": "hm", "thinkingSignature": "reasoning_content" },
            { "type": "text", "text": "a" }, { "type": "text", "text": "b" },
            { "type": "toolCall", "id": "c1", "name": "read", "arguments": { "path": "x" } },
        ] },
        { "role": "toolResult", "toolCallId": "c1", "toolName": "read", "isError": false, "timestamp": 1, "content": [{ "type": "image", "data": "BB", "mimeType": "image/png" }] },
        { "role": "user", "content": "more", "timestamp": 1 },
    ])
}

#[test]
fn a_conversation_with_tools_and_images() {
    let body = build(json!({}), history(), ThinkingLevel::Off);
    let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["model", "messages", "stream", "stream_options", "store", "max_completion_tokens", "tools"]
    );
    assert_eq!(body["tools"], json!([]), "calls in the history");
    assert_eq!(
        body["messages"],
        json!([
            { "role": "system", "content": "be brief" },
            { "role": "user", "content": [{ "type": "text", "text": "go" }, { "type": "image_url", "image_url": { "url": "data:image/png;base64,AA" } }] },
            { "role": "assistant", "content": "ab", "reasoning_content": "hm", "tool_calls": [
                { "id": "c1", "type": "function", "function": { "name": "read", "arguments": "{\"path\":\"x\"}" } }] },
            { "role": "tool", "content": "(see attached image)", "tool_call_id": "c1" },
            { "role": "user", "content": [{ "type": "text", "text": "Attached image(s) from tool result:" }, { "type": "image_url", "image_url": { "url": "data:image/png;base64,BB" } }] },
            { "role": "user", "content": [{ "type": "text", "text": "more" }] },
        ])
    );
}

#[test]
fn hosts_get_what_they_understand() {
    use ThinkingLevel::*;
    let host = |provider: &str, url: &str| json!({ "provider": provider, "baseUrl": url, "reasoning": true });
    let with = |mut model: Value, key: &str, value: Value| {
        model[key] = value;
        model
    };
    let local = || host("p", "http://127.0.0.1:9/v1");
    for (name, model, level, pointer, expected) in [
        ("effort", local(), Medium, "/reasoning_effort", json!("medium")),
        (
            "effort by map",
            with(local(), "thinkingLevelMap", json!({ "high": "very" })),
            High,
            "/reasoning_effort",
            json!("very"),
        ),
        (
            "effort off by map",
            with(local(), "thinkingLevelMap", json!({ "off": "none" })),
            Off,
            "/reasoning_effort",
            json!("none"),
        ),
        ("effort off", local(), Off, "/reasoning_effort", Value::Null),
        ("developer", local(), Off, "/messages/0/role", json!("developer")),
        ("no developer", host("groq2", "https://api.deepseek.com"), Off, "/messages/0/role", json!("system")),
        ("no store", host("cerebras", "https://x"), Off, "/store", Value::Null),
        ("old field", host("together", "https://x"), Off, "/max_tokens", json!(32000)),
        ("no effort", host("xai", "https://x"), High, "/reasoning_effort", Value::Null),
        ("zai on", host("zai", "https://x"), High, "/thinking/type", json!("enabled")),
        ("zai off", host("zai", "https://x"), Off, "/thinking/type", json!("disabled")),
        ("deepseek", host("deepseek", "https://x"), High, "/reasoning_effort", json!("high")),
        ("deepseek off", host("deepseek", "https://x"), Off, "/thinking/type", json!("disabled")),
        (
            "router",
            host("openrouter", "https://openrouter.ai/api/v1"),
            Low,
            "/reasoning/effort",
            json!("low"),
        ),
        (
            "router off",
            host("openrouter", "https://openrouter.ai/api/v1"),
            Off,
            "/reasoning/effort",
            json!("none"),
        ),
        ("together", host("together", "https://x"), Off, "/reasoning/enabled", json!(false)),
        (
            "qwen",
            with(local(), "compat", json!({ "thinkingFormat": "qwen" })),
            High,
            "/enable_thinking",
            json!(true),
        ),
        (
            "template",
            with(local(), "compat", json!({ "thinkingFormat": "qwen-chat-template" })),
            Off,
            "/chat_template_kwargs/enable_thinking",
            json!(false),
        ),
        (
            "override",
            with(
                host("together", "https://x"),
                "compat",
                json!({ "maxTokensField": "max_completion_tokens" }),
            ),
            Off,
            "/max_completion_tokens",
            json!(32000),
        ),
        (
            "routing",
            with(
                host("openrouter", "https://openrouter.ai/api/v1"),
                "compat",
                json!({ "openRouterRouting": { "only": ["a"] } }),
            ),
            Off,
            "/provider/only/0",
            json!("a"),
        ),
        ("sampling", with(local(), "samplingParams", json!({ "top_p": 0.5 })), Off, "/top_p", json!(0.5)),
        (
            "affinity key",
            host("openai", "https://api.openai.com/v1"),
            Off,
            "/prompt_cache_key",
            json!("session"),
        ),
        ("reasoning field", host("deepseek", "https://x"), Off, "/messages/2/reasoning_content", json!("")),
        (
            "tool name",
            with(local(), "compat", json!({ "requiresToolResultName": true })),
            Off,
            "/messages/3/name",
            json!("read"),
        ),
        (
            "bridge",
            with(local(), "compat", json!({ "requiresAssistantAfterToolResult": true })),
            Off,
            "/messages/4/role",
            json!("assistant"),
        ),
        ("mistral ids", host("mistral", "https://x"), Off, "/messages/3/tool_call_id", json!("c1ABCDEFG")),
        (
            "cache mark",
            with(host("openrouter", "https://openrouter.ai/api/v1"), "id", json!("anthropic/x")),
            Off,
            "/messages/5/content/0/cache_control/type",
            json!("ephemeral"),
        ),
        ("unknown limit", with(local(), "maxTokens", json!(0)), Off, "/max_completion_tokens", Value::Null),
    ] {
        let body = build(model, history(), level);
        assert_eq!(body.pointer(pointer).cloned().unwrap_or_default(), expected, "{name}: {body}");
    }
}

#[test]
fn calls_of_other_dialects_get_acceptable_ids() {
    let compat = |model: &Model| Compat::of(model);
    for (provider, id, expected) in [
        ("p", "call_1|fc_2", "call_1"),
        ("p", "call.1|fc", "call_1"),
        ("p", "toolu_1", "toolu_1"),
        ("openai", &"x".repeat(60), &"x".repeat(40)),
        ("mistral", "call_12", "call12ABC"),
        ("mistral", "call_1234567", "call12345"),
    ] {
        let model = testing::model(json!({ "provider": provider }));
        assert_eq!(normalise_id(&model, &compat(&model), id), expected);
    }
}
