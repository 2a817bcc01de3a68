//! Bodies of Gemini requests.

use serde_json::json;

use super::*;
use crate::testing;

fn build(model: Value, messages: Value, level: ThinkingLevel) -> Value {
    let mut over = json!({ "api": "google-generative-ai" });
    over.as_object_mut().unwrap().extend(model.as_object().unwrap().clone());
    let mut request = testing::request(testing::model(over), messages);
    request.system_prompt = "be brief".into();
    request.thinking = level;
    body(&request)
}

fn history(model: &str) -> Value {
    json!([
        { "role": "user", "content": [{ "type": "text", "text": "go" }, { "type": "image", "data": "AA", "mimeType": "image/png" }], "timestamp": 1 },
        { "role": "assistant", "api": "google-generative-ai", "provider": "p", "model": model, "usage": {}, "stopReason": "toolUse", "timestamp": 1, "content": [
            { "type": "thinking", "thinking": "hm", "thinkingSignature": "c2ln" },
            { "type": "thinking", "thinking": "so", "thinkingSignature": "not base64" },
            { "type": "text", "text": "a" },
            { "type": "text", "text": "", "textSignature": "dGV4dA==" },
            { "type": "text", "text": " " },
            { "type": "toolCall", "id": "c|1", "name": "read", "arguments": { "path": "x" }, "thoughtSignature": "Y2FsbA==" },
            { "type": "toolCall", "id": "c|2", "name": "ls", "arguments": {} },
        ] },
        { "role": "toolResult", "toolCallId": "c|1", "toolName": "read", "isError": false, "timestamp": 1, "content": [{ "type": "image", "data": "BB", "mimeType": "image/png" }] },
        { "role": "toolResult", "toolCallId": "c|2", "toolName": "ls", "isError": true, "timestamp": 1, "content": [{ "type": "text", "text": "no" }, { "type": "text", "text": "way" }] },
        { "role": "user", "content": "more", "timestamp": 1 },
    ])
}

#[test]
fn a_conversation_goes_back_as_the_parts_it_came_as() {
    let body = build(json!({ "id": "gemini-2.5-pro" }), history("gemini-2.5-pro"), ThinkingLevel::Off);
    let keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["contents", "systemInstruction", "generationConfig"]);
    assert_eq!(body["systemInstruction"], json!({ "parts": [{ "text": "be brief" }] }));
    assert_eq!(body["generationConfig"], json!({ "maxOutputTokens": 32000 }));
    assert_eq!(
        body["contents"],
        json!([
            { "role": "user", "parts": [{ "text": "go" }, { "inlineData": { "mimeType": "image/png", "data": "AA" } }] },
            { "role": "model", "parts": [
                { "thought": true, "text": "hm", "thoughtSignature": "c2ln" },
                { "thought": true, "text": "so" },
                { "text": "a" },
                { "text": "", "thoughtSignature": "dGV4dA==" },
                { "functionCall": { "name": "read", "args": { "path": "x" } }, "thoughtSignature": "Y2FsbA==" },
                { "functionCall": { "name": "ls", "args": {} } },
            ] },
            { "role": "user", "parts": [
                { "functionResponse": { "name": "read", "response": { "output": "(see attached image)" } } },
                { "functionResponse": { "name": "ls", "response": { "error": "no\nway" } } },
            ] },
            { "role": "user", "parts": [{ "text": "Tool result image:" }, { "inlineData": { "mimeType": "image/png", "data": "BB" } }] },
            { "role": "user", "parts": [{ "text": "more" }] },
        ])
    );
}

#[test]
fn newer_models_get_ids_and_images_inside_results() {
    let body = build(json!({ "id": "gemini-3-flash" }), history("gemini-2.5-pro"), ThinkingLevel::Off);
    let contents = body["contents"].as_array().unwrap();
    assert_eq!(contents.len(), 4);
    assert_eq!(
        contents[1]["parts"],
        json!([
            { "text": "hm" },
            { "text": "so" },
            { "text": "a" },
            { "functionCall": { "name": "read", "args": { "path": "x" }, "id": "c_1" } },
            { "functionCall": { "name": "ls", "args": {}, "id": "c_2" } },
        ]),
        "marks of another model are left out"
    );
    assert_eq!(
        contents[2]["parts"][0]["functionResponse"],
        json!({
            "name": "read", "response": { "output": "(see attached image)" }, "id": "c_1",
            "parts": [{ "inlineData": { "mimeType": "image/png", "data": "BB" } }],
        })
    );
}

#[test]
fn every_model_thinks_its_own_way() {
    use ThinkingLevel::*;
    let never_off = json!({ "off": null, "minimal": null });
    let words = json!({ "off": null, "minimal": null, "medium": "MEDIUM" });
    for (id, map, level, expected) in [
        ("epsilon", json!({}), Medium, json!({ "includeThoughts": true, "thinkingBudget": -1 })),
        ("epsilon", json!({}), Off, json!({ "thinkingBudget": 0 })),
        ("gemini-2.5-pro", json!({}), Minimal, json!({ "includeThoughts": true, "thinkingBudget": 128 })),
        ("gemini-2.5-pro", json!({}), Xhigh, json!({ "includeThoughts": true, "thinkingBudget": 32768 })),
        ("gemini-2.5-pro", json!({ "off": null }), Off, json!({ "thinkingBudget": 128 })),
        ("gemini-2.5-flash", json!({}), Low, json!({ "includeThoughts": true, "thinkingBudget": 2048 })),
        ("gemini-2.5-flash", json!({}), High, json!({ "includeThoughts": true, "thinkingBudget": 24576 })),
        (
            "gemini-2.5-flash-lite",
            json!({}),
            Minimal,
            json!({ "includeThoughts": true, "thinkingBudget": 512 }),
        ),
        ("gemini-3-pro", json!({}), Minimal, json!({ "includeThoughts": true, "thinkingLevel": "LOW" })),
        ("gemini-3-pro", json!({}), Medium, json!({ "includeThoughts": true, "thinkingLevel": "HIGH" })),
        (
            "gemini-3.1-pro-preview",
            words,
            Medium,
            json!({ "includeThoughts": true, "thinkingLevel": "MEDIUM" }),
        ),
        ("gemini-3.1-pro-preview", never_off, Off, json!({ "thinkingLevel": "LOW" })),
        (
            "gemini-3-flash",
            json!({}),
            Minimal,
            json!({ "includeThoughts": true, "thinkingLevel": "MINIMAL" }),
        ),
        ("gemini-3-flash", json!({}), Medium, json!({ "includeThoughts": true, "thinkingLevel": "MEDIUM" })),
        ("gemini-3-flash", json!({}), Off, json!({ "thinkingBudget": 0 })),
        ("gemini-3-flash", json!({ "off": null }), Off, json!({ "thinkingLevel": "MINIMAL" })),
    ] {
        let body = build(json!({ "id": id, "reasoning": true, "thinkingLevelMap": map }), json!([]), level);
        assert_eq!(body["generationConfig"]["thinkingConfig"], expected, "{id} {level:?}");
    }
}

#[test]
fn thoughts_get_room_in_the_output_and_the_users_budgets_win() {
    let model = json!({ "id": "gemini-2.5-pro", "reasoning": true, "maxTokens": 65536, "contextWindow": 1048576, "samplingParams": { "temperature": 0 } });
    let body = build(model.clone(), json!([]), ThinkingLevel::Medium);
    assert_eq!(body["generationConfig"]["maxOutputTokens"], 32_000 + 8192);
    assert_eq!(body["generationConfig"]["temperature"], 0);
    let mut over = json!({ "api": "google-generative-ai" });
    over.as_object_mut().unwrap().extend(model.as_object().unwrap().clone());
    let mut request = testing::request(testing::model(over), json!([]));
    request.thinking = ThinkingLevel::Medium;
    request.thinking_budgets.medium = 300;
    let config = &super::body(&request)["generationConfig"];
    assert_eq!(config["thinkingConfig"]["thinkingBudget"], 300);
}

#[test]
fn tools_are_declared() {
    let mut request = testing::request(testing::model(json!({ "api": "google-generative-ai" })), json!([]));
    request.tools = vec![testing::tool()].into();
    assert_eq!(
        body(&request)["tools"],
        json!([{ "functionDeclarations": [{ "name": "read", "description": "reads", "parametersJsonSchema": { "type": "object" } }] }])
    );
}

#[test]
fn only_base64_is_a_signature() {
    for (text, expected) in [
        ("c2ln", true),
        ("Y2FsbA==", true),
        ("ab+/", true),
        ("", false),
        ("c2l", false),
        ("a b=", false),
        ("====", false),
        ("a===", false),
        ("c-_n", false),
    ] {
        assert_eq!(is_base64(text), expected, "{text}");
    }
}
