//! A conversation as text, for a model that summarises it and must not take part in it.

use pi_protocol::{AgentMessage, Content, StoredMessage};

/// Most characters of one tool result or argument: the beginning says what it was, the rest is rarely worth the room.
const TOOL_CHARS: usize = 2000;

/// One paragraph per message and block, separated by blank lines. Of a conversation of more than `max_chars` the
/// end is kept, and of a paragraph that fills it alone the beginning.
pub(crate) fn transcript(messages: &[StoredMessage], max_chars: usize) -> String {
    let mut paragraphs: Vec<String> =
        messages.iter().flat_map(|it| paragraphs(it)).map(|it| head(&it, max_chars / 2)).collect();
    let mut room = max_chars;
    let fitting = paragraphs
        .iter()
        .rev()
        .take_while(|it| {
            let size = it.chars().count() + 2;
            let fits = size <= room;
            room = room.saturating_sub(size);
            fits
        })
        .count();
    let left_out = paragraphs.len() - fitting;
    if left_out > 0 {
        let note = format!("[The first {left_out} paragraphs do not fit and are left out]");
        paragraphs.splice(..left_out, [note]);
    }
    paragraphs.join("\n\n")
}

fn paragraphs(message: &AgentMessage) -> Vec<String> {
    match message {
        AgentMessage::User(it) => paragraph("User", &text(&it.content.to_blocks())),
        AgentMessage::Custom(it) => paragraph("User", &text(&it.content.to_blocks())),
        AgentMessage::BashExecution(it) if it.exclude_from_context != Some(true) => {
            paragraph("User", &format!("Ran `{}`\n{}", it.command, head(&it.output, TOOL_CHARS)))
        }
        AgentMessage::BranchSummary(it) => {
            paragraph("User", &format!("Summary of a branch that was left:\n{}", it.summary))
        }
        AgentMessage::CompactionSummary(it) => {
            paragraph("User", &format!("Summary of what came before:\n{}", it.summary))
        }
        AgentMessage::ToolResult(it) => paragraph("Tool result", &head(&text(&it.content), TOOL_CHARS)),
        AgentMessage::Assistant(it) => {
            let of = |block: fn(&Content) -> Option<&str>| -> String {
                it.content.iter().filter_map(block).collect::<Vec<_>>().join("\n")
            };
            let thinking = of(|it| match it {
                Content::Thinking(it) => Some(&it.thinking),
                _ => None,
            });
            let said = of(|it| match it {
                Content::Text(it) => Some(&it.text),
                _ => None,
            });
            let calls: Vec<String> = it
                .tool_calls()
                .map(|it| {
                    let arguments: Vec<String> = it
                        .arguments
                        .iter()
                        .map(|(key, value)| format!("{key}={}", head(&value.to_string(), TOOL_CHARS)))
                        .collect();
                    format!("{}({})", it.name, arguments.join(", "))
                })
                .collect();
            [
                ("Assistant thinking", thinking),
                ("Assistant", said),
                ("Assistant tool calls", calls.join("; ")),
            ]
            .iter()
            .flat_map(|(who, text)| paragraph(who, text))
            .collect()
        }
        AgentMessage::BashExecution(_) | AgentMessage::Other(_) => Vec::new(),
    }
}

fn paragraph(who: &str, text: &str) -> Vec<String> {
    if text.trim().is_empty() { Vec::new() } else { vec![format!("[{who}]: {text}")] }
}

fn text(blocks: &[Content]) -> String {
    let parts: Vec<&str> = blocks
        .iter()
        .filter_map(|it| match it {
            Content::Text(it) => Some(it.text.as_str()),
            Content::Image(_) => Some("(image)"),
            _ => None,
        })
        .collect();
    parts.join("\n")
}

fn head(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        None => text.to_owned(),
        Some((end, _)) => {
            format!("{}\n[… {} more characters]", &text[..end], text[end..].chars().count())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn messages(values: &[Value]) -> Vec<StoredMessage> {
        values.iter().map(|it| serde_json::from_value(it.clone()).unwrap()).collect()
    }

    fn user(text: &str) -> Value {
        json!({"role": "user", "content": text, "timestamp": 1})
    }

    #[test]
    fn who_said_what_is_told_in_paragraphs() {
        let all = messages(&[
            user("look"),
            json!({"role": "assistant", "api": "a", "provider": "p", "model": "m", "usage": {},
                "stopReason": "toolUse", "timestamp": 1, "content": [
                    {"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "I read it."},
                    {"type": "toolCall", "id": "1", "name": "read", "arguments": {"path": "a", "limit": 2}},
                    {"type": "toolCall", "id": "2", "name": "ls", "arguments": {}}]}),
            json!({"role": "toolResult", "toolCallId": "1", "toolName": "read", "timestamp": 1,
                "content": [{"type": "text", "text": "x".repeat(2003)},
                            {"type": "image", "data": "AAAA", "mimeType": "image/png"}]}),
            json!({"role": "bashExecution", "command": "secret", "output": "o", "cancelled": false,
                "truncated": false, "excludeFromContext": true, "timestamp": 1}),
            json!({"role": "bashExecution", "command": "date", "output": "now", "cancelled": false,
                "truncated": false, "timestamp": 1}),
            user("  "),
        ]);
        assert_eq!(
            transcript(&all, 10_000),
            format!(
                "[User]: look\n\n[Assistant thinking]: hm\n\n[Assistant]: I read it.\n\n\
                 [Assistant tool calls]: read(path=\"a\", limit=2); ls()\n\n\
                 [Tool result]: {}\n[… 11 more characters]\n\n[User]: Ran `date`\nnow",
                "x".repeat(2000)
            )
        );
    }

    #[test]
    fn of_a_conversation_that_is_too_long_the_end_is_kept() {
        let all = messages(&[user("one"), user("two"), user("three")]);
        let left_out = |n| format!("[The first {n} paragraphs do not fit and are left out]");
        assert_eq!(transcript(&all, 30), format!("{}\n\n[User]: two\n\n[User]: three", left_out(1)));
        assert_eq!(transcript(&all, 0), left_out(3));
        let huge = messages(&[user("one"), user(&"x".repeat(1000)), user("three")]);
        let text = transcript(&huge, 120);
        assert!(text.starts_with("[User]: one\n\n[User]: xxx"), "{text}");
        assert!(text.ends_with("x\n[… 948 more characters]\n\n[User]: three"), "{text}");
    }
}
