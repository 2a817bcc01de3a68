//! Histories as they come, and what a model is shown of them.

use pi_protocol::Model;
use serde_json::{Value, json};

use super::*;
use crate::testing;

fn shown(model: Model, messages: Value) -> Vec<String> {
    let request = testing::request(model, messages);
    brief(&turns(&request, |id, _| sanitise_id(id, 8)))
}

/// One line per turn.
fn brief(turns: &[Turn<'_>]) -> Vec<String> {
    let parts = |parts: &[Part<'_>]| {
        let part = |it: &Part<'_>| match it {
            Part::Text { text, .. } => text.to_string(),
            Part::Image { mime, .. } => format!("<{mime}>"),
            Part::Thinking { text, signature, .. } => format!("think({text},{})", signature.unwrap_or("-")),
            Part::Call { id, name, thought, .. } => format!("{name}#{id}{}", thought.unwrap_or("")),
        };
        parts.iter().map(part).collect::<Vec<_>>().join(" | ")
    };
    turns
        .iter()
        .map(|it| match it {
            Turn::User(it) => format!("user: {}", parts(it)),
            Turn::Assistant(it) => format!("assistant: {}", parts(it)),
            Turn::ToolResult { id, parts: it, is_error, .. } => {
                format!("result #{id}{}: {}", if *is_error { "!" } else { "" }, parts(it))
            }
        })
        .collect()
}

fn user(text: &str) -> Value {
    json!({ "role": "user", "content": [{ "type": "text", "text": text }], "timestamp": 1 })
}

fn said(model: &str, stop: &str, content: Value) -> Value {
    json!({
        "role": "assistant", "content": content, "api": "anthropic-messages", "provider": "p", "model": model,
        "usage": {}, "stopReason": stop, "timestamp": 1,
    })
}

fn call(id: &str) -> Value {
    json!({ "type": "toolCall", "id": id, "name": "read", "arguments": {}, "thoughtSignature": "~" })
}

fn result(id: &str, text: &str) -> Value {
    json!({
        "role": "toolResult", "toolCallId": id, "toolName": "read", "isError": false, "timestamp": 1,
        "content": [{ "type": "text", "text": text }],
    })
}

fn ours() -> Model {
    testing::model(json!({}))
}

#[test]
fn every_call_gets_exactly_one_result() {
    for (name, messages, expected) in [
        (
            "missing before a user message and at the end",
            json!([
                said("m", "toolUse", json!([call("a"), call("b")])),
                result("a", "A"),
                user("go"),
                said("m", "toolUse", json!([call("c")]))
            ]),
            vec![
                "assistant: read#a~ | read#b~",
                "result #a: A",
                "result #b!: No result provided",
                "user: go",
                "assistant: read#c~",
                "result #c!: No result provided",
            ],
        ),
        (
            "failed answers go with their results",
            json!([
                user("x"),
                said("m", "error", json!([call("a")])),
                result("a", "A"),
                said("m", "aborted", json!([call("b")])),
                user("y")
            ]),
            vec!["user: x", "user: y"],
        ),
        (
            "repeated and late results",
            json!([
                said("m", "toolUse", json!([call("a")])),
                result("a", "1"),
                result("a", "2"),
                user("y"),
                result("a", "3")
            ]),
            vec!["assistant: read#a~", "result #a: 1", "user: y"],
        ),
        (
            "the same id in a later turn",
            json!([
                said("m", "toolUse", json!([call("a")])),
                result("a", "1"),
                said("m", "toolUse", json!([call("a")])),
                result("a", "2")
            ]),
            vec!["assistant: read#a~", "result #a: 1", "assistant: read#a~", "result #a: 2"],
        ),
        (
            "ids of another model are made acceptable, with their results",
            json!([said("other", "toolUse", json!([call("a|b c")])), result("a|b c", "A")]),
            vec!["assistant: read#a_b_c", "result #a_b_c: A"],
        ),
        ("empty answers", json!([user("x"), said("m", "stop", json!([]))]), vec!["user: x"]),
    ] {
        assert_eq!(shown(ours(), messages), expected, "{name}");
    }
}

#[test]
fn thoughts_stay_with_the_model_that_had_them() {
    let content = json!([
        { "type": "thinking", "thinking": "deep", "thinkingSignature": "s" },
        { "type": "thinking", "thinking": "", "thinkingSignature": "t" },
        { "type": "thinking", "thinking": "plain" },
        { "type": "thinking", "thinking": "  " },
        { "type": "thinking", "thinking": "[Reasoning redacted]", "thinkingSignature": "r", "redacted": true },
        { "type": "text", "text": "done" },
    ]);
    assert_eq!(
        shown(ours(), json!([said("m", "stop", content.clone())])),
        ["assistant: think(deep,s) | think(,t) | think(plain,-) | think([Reasoning redacted],r) | done"]
    );
    assert_eq!(shown(ours(), json!([said("other", "stop", content)])), ["assistant: deep | plain | done"]);
}

#[test]
fn images_only_go_to_models_that_see_and_may_see() {
    let image = json!({ "type": "image", "data": "AA", "mimeType": "image/png" });
    let mut from_tool = result("a", "shot");
    from_tool["content"].as_array_mut().unwrap().push(image.clone());
    let messages = json!([
        { "role": "user", "content": [image, image, { "type": "text", "text": "see" }], "timestamp": 1 },
        said("m", "toolUse", json!([call("a")])),
        from_tool,
    ]);
    let blind = testing::model(json!({ "input": ["text"] }));
    assert_eq!(shown(ours(), messages.clone())[0], "user: <image/png> | <image/png> | see");
    let seen = shown(blind, messages.clone());
    assert_eq!(seen[0], "user: (image omitted: model does not support images) | see");
    assert_eq!(seen[2], "result #a: shot | (tool image omitted: model does not support images)");
    let mut request = testing::request(ours(), messages);
    request.block_images = true;
    let seen = brief(&turns(&request, |id, _| id.to_owned()));
    assert_eq!(seen[0], "user: Image reading is disabled. | see");
    assert_eq!(seen[2], "result #a: shot | Image reading is disabled.");
}

#[test]
fn our_own_kinds_of_messages_become_user_messages() {
    let bash = |over: Value| {
        let mut it = json!({ "role": "bashExecution", "command": "ls", "output": "", "cancelled": false, "truncated": false, "timestamp": 1 });
        it.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
        it
    };
    assert_eq!(
        shown(
            ours(),
            json!([
                bash(json!({ "output": "a", "exitCode": 0 })),
                bash(json!({ "exitCode": 2 })),
                bash(json!({ "cancelled": true, "output": "x", "truncated": true, "fullOutputPath": "/t" })),
                bash(json!({ "excludeFromContext": true })),
                { "role": "custom", "customType": "t", "content": "note", "display": true, "timestamp": 1 },
                { "role": "branchSummary", "summary": "B", "fromId": "root", "timestamp": 1 },
                { "role": "compactionSummary", "summary": "C", "tokensBefore": 1, "timestamp": 1 },
                { "role": "system", "content": "from a newer version" },
            ])
        ),
        [
            "user: Ran `ls`\n```\na\n```",
            "user: Ran `ls`\n(no output)\n\nCommand exited with code 2",
            "user: Ran `ls`\n```\nx\n```\n\n(command cancelled)\n\n[Output truncated. Full output: /t]",
            "user: note",
            "user: The following is a summary of a branch that this conversation came back from:\n\n<summary>\nB</summary>",
            "user: The conversation history before this point was compacted into the following summary:\n\n<summary>\nC\n</summary>",
        ]
    );
}
