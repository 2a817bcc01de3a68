//! The whole renderer: one chat as it should look, and text that tries to be more than text.

use std::{path::PathBuf, sync::Arc};

use pi_protocol::{
    AgentMessage, AssistantMessage, Content, StopReason, ToolCall, ToolResultMessage, Usage,
    content::ThinkingContent,
};
use proptest::prelude::*;
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag};
use serde_json::{Value, json};

use super::*;

const MINUTE: u64 = 60_000;

fn style() -> Style {
    Style {
        lines: 4,
        root: PathBuf::from("/ws"),
        ascii: false,
        time: |ms| format!("{:02}:{:02}", ms / MINUTE / 60, ms / MINUTE % 60),
    }
}

fn user(text: &str, at: u64) -> Arc<AgentMessage> {
    Arc::new(AgentMessage::user_text(text, at))
}

fn answer(content: Vec<Content>, stop_reason: StopReason, at: u64) -> Arc<AgentMessage> {
    let mut message = AssistantMessage::empty("api", "provider", "claude-x", at);
    message.content = content;
    message.stop_reason = stop_reason;
    message.usage = Usage { total_tokens: 6_200, ..Usage::default() };
    Arc::new(AgentMessage::Assistant(message))
}

fn call(id: &str, name: &str, arguments: Value) -> Content {
    let arguments = arguments.as_object().unwrap().clone();
    Content::ToolCall(ToolCall { id: id.into(), name: name.into(), arguments, ..ToolCall::default() })
}

fn result(id: &str, name: &str, text: &str, details: Option<Value>, is_error: bool) -> Arc<AgentMessage> {
    Arc::new(AgentMessage::ToolResult(ToolResultMessage {
        tool_call_id: id.into(),
        tool_name: name.into(),
        content: vec![Content::text(text)],
        details,
        is_error,
        timestamp: 843 * MINUTE,
    }))
}

#[test]
fn a_chat_as_it_should_look() {
    let thinking = Content::Thinking(ThinkingContent { thinking: "hm".into(), ..Default::default() });
    let patch =
        "--- a\n+++ a\n@@ -13,3 +13,3 @@\n fn retry() {\n-    loop {\n+    for attempt in 0..3 {\n x\n";
    let messages = [
        user("Make retry give up after three tries @src/retry.rs:12-40", 842 * MINUTE),
        answer(
            vec![
                thinking,
                call("1", "read", json!({"path": "/ws/src/retry.rs", "limit": 80})),
                call("2", "edit", json!({"path": "/ws/src/retry.rs"})),
            ],
            StopReason::ToolUse,
            842 * MINUTE,
        ),
        result("1", "read", "all of it", None, false),
        result("2", "edit", "Successfully", Some(json!({"patch": patch})), false),
        user("and log it", 842 * MINUTE + 5_000),
        answer(
            vec![
                Content::text("# Done\n\nThe loop ends. I run:\n\n```sh\n# all"),
                call("3", "bash", json!({"command": "cargo test"})),
                call("4", "bash", json!({"command": "false"})),
            ],
            StopReason::ToolUse,
            842 * MINUTE + 6_000,
        ),
        result("3", "bash", "1\n2\n3\n4\n5\n6", Some(json!({"fullOutputPath": "/tmp/x.log"})), false),
        result("4", "bash", "exit 1", None, true),
        answer(vec![Content::text("Both done.")], StopReason::Stop, 843 * MINUTE),
    ];
    let mut turns = split(&messages);
    assert_eq!(turns.len(), 1);
    turns[0].thought.insert((1, 0), 6);
    let marks = vec![Mark { number: 1, state: "pending" }];
    turns[0].hunks = Arc::new([("2".to_owned(), marks)].into());
    let expected = include_str!("../../../tests/fixtures/markdown/chat.md");
    assert_eq!(render(&turns[0], &style()), expected);
}

#[test]
fn a_running_tool_shows_its_newest_lines() {
    let messages = vec![
        user("go", 0),
        answer(vec![call("1", "bash", json!({"command": "make"}))], StopReason::ToolUse, 0),
    ];
    let mut turn = Turn { messages, ..Turn::default() };
    let step = Step { result: pi_protocol::ToolResult::text("1\n2\n3\n4\n5\n"), failed: None };
    turn.steps.insert("1".into(), step);
    let text = render(&turn, &style());
    assert!(text.ends_with("### ▶ bash · running\n\n```console\n$ make\n2\n3\n4\n5\n```\n\n"), "{text}");
    turn.steps.clear();
    turn.asked.insert("1".into());
    let text = render(&turn, &style());
    assert!(text.contains("### ▶ bash · waits for your answer\n"), "{text}");
    turn.settled = true;
    let text = render(&turn, &Style { ascii: true, ..style() });
    assert!(text.contains("### - bash · not run to its end\n"), "{text}");
    assert!(text.ends_with("<!-- 0 s · 1 step · 6.2k tokens · – -->\n\n"), "{text}");
}

#[test]
fn each_prompt_begins_a_turn_and_steering_does_not() {
    let messages = [
        user("one", 0),
        answer(vec![], StopReason::Stop, 0),
        user("two", 0),
        answer(vec![call("1", "read", json!({}))], StopReason::ToolUse, 0),
        user("steer", 0),
        result("1", "read", "", None, false),
        user("steer again", 0),
        answer(vec![], StopReason::Stop, 0),
    ];
    let turns = split(&messages);
    assert_eq!(turns.iter().map(|it| it.messages.len()).collect::<Vec<_>>(), [2, 6]);
    assert_eq!(render(&turns[1], &style()).matches(" (steered)").count(), 2);
}

/// What a text could use to pretend to be ours.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("## You"),
        Just("## You\n\n"),
        Just("# "),
        Just("### ? question 3 · bash"),
        Just("- [x] allow once"),
        Just("- [ ] reject"),
        Just("<!-- pi-chat 1 · session x"),
        Just("-->"),
        Just("```"),
        Just("````"),
        Just("~~~"),
        Just("\n"),
        Just("\n\n"),
        Just("\r"),
        Just("\r\n"),
        Just("    "),
        Just("\t"),
        Just("> "),
        Just("- "),
        Just("1. "),
        Just("==="),
        Just("---"),
        Just("<pre>"),
        Just("</pre>"),
        Just("<script"),
        Just("\u{2028}"),
        Just("\u{1b}[2J"),
        Just("`"),
        Just("\\"),
        Just("text"),
        Just(" "),
        Just("[ ]"),
        Just("<![CDATA["),
        Just("| a |\n| - |\n"),
        Just("é"),
        Just("edit"),
        Just("### ✓ edit a · hunk 1 pending\n"),
        Just(" · hunk 1 pending"),
        Just("\n@@ hunk 1 · a:1 · keep\n"),
    ];
    prop::collection::vec(pieces, 0..14).prop_map(|it| it.concat())
}

/// Headings, comments and boxes as a Markdown parser sees them.
fn acting(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TASKLISTS).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) if level <= HeadingLevel::H3 => {
                found.push(text[range].lines().next().unwrap_or_default().to_owned());
            }
            Event::TaskListMarker(_) => found.push("a box".into()),
            Event::Html(it) | Event::InlineHtml(it) if it.contains("<!--") => {
                found.push(it.trim().to_owned())
            }
            _ => {}
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_said_only_our_structure_is_found(
        said in hostile(), output in hostile(), command in hostile(), name in hostile(), error in hostile(), prompt in hostile(),
    ) {
        let mut failed = answer(vec![], StopReason::Error, 0);
        if let AgentMessage::Assistant(it) = Arc::make_mut(&mut failed) {
            it.error_message = Some(error);
        }
        let messages = [
            user(&prompt, 0),
            answer(
                vec![Content::text(said.clone()), call("1", "bash", json!({"command": command})), call("2", &name, json!({"path": said}))],
                StopReason::ToolUse,
                0,
            ),
            result("1", "bash", &output, Some(json!({"fullOutputPath": command})), false),
            result("2", &name, &output, Some(json!({"patch": output})), false),
            failed,
        ];
        let turns = split(&messages);
        let text = render(&turns[0], &style()) + "## You\n\n";
        let ours = |it: &str| -> Vec<String> {
            let words = |it: &str| it.split(' ').take(2).collect::<Vec<_>>().join(" ");
            headings(it).iter().map(|it| format!("{} {}", "#".repeat(it.level), words(it.text))).collect()
        };
        let found = ours(&text);
        prop_assert_eq!(&found[..2], ["## You ·", "## Pi ·"]);
        prop_assert_eq!(&found[2], "### ✓ bash");
        prop_assert!(found[3].starts_with("### ✓"));
        prop_assert!(found[4].starts_with("### ✗"));
        prop_assert_eq!(&found[5], "## You");
        prop_assert_eq!(found.len(), 6, "{}", text);
        prop_assert_eq!(super::prompt(&text), Some(text.len() - "## You\n\n".len()));
        prop_assert!(hunk_lines(&text).is_empty(), "{}", text);
        let acting = acting(&text);
        prop_assert_eq!(acting.len(), 7, "{:?}\n{}", acting, text);
        prop_assert!(acting[5].starts_with("<!-- "), "{:?}", acting);
    }
}
