//! How many tokens messages have, counted by the provider where it did and estimated where it did not.

use pi_protocol::{AgentMessage, Content, StopReason, Usage};

use crate::tree::View;

/// Characters an image stands for.
const IMAGE_CHARS: usize = 4800;

/// Tokens of the context: what the provider counted last, and an estimate of what came after.
/// `None` right after a compaction: the counts of the answers that were kept are those of the longer context.
pub(crate) fn context_tokens(view: &View<'_>) -> Option<u64> {
    let messages = || view.steps[view.fresh..].iter().filter_map(|it| it.message.as_deref());
    let mut after = 0;
    for message in messages().rev() {
        if let Some(counted) = counted(message) {
            return Some(counted + after);
        }
        after += estimate(message);
    }
    view.compaction.is_none().then_some(after)
}

/// Like [`context_tokens`], but an estimate where nothing has been counted.
pub(crate) fn tokens_or_estimate(view: &View<'_>) -> u64 {
    context_tokens(view).unwrap_or_else(|| {
        let summary = view.summary().map_or(0, |it| tokens(it.chars().count()));
        summary + view.steps.iter().filter_map(|it| it.message.as_deref()).map(estimate).sum::<u64>()
    })
}

/// What a provider counted up to and with this message, if it did.
fn counted(message: &AgentMessage) -> Option<u64> {
    let answer = message.as_assistant()?;
    let valid = !matches!(answer.stop_reason, StopReason::Error | StopReason::Aborted);
    Some(used(&answer.usage)).filter(|it| valid && *it > 0)
}

fn used(usage: &Usage) -> u64 {
    match usage.total_tokens {
        0 => usage.input + usage.output + usage.cache_read + usage.cache_write,
        total => total,
    }
}

/// A quarter of the characters, rounded up; an image counts as 4,800 of them.
pub(crate) fn estimate(message: &AgentMessage) -> u64 {
    let blocks = |blocks: &[Content]| blocks.iter().map(chars).sum();
    tokens(match message {
        AgentMessage::User(it) => blocks(&it.content.to_blocks()),
        AgentMessage::Assistant(it) => blocks(&it.content),
        AgentMessage::ToolResult(it) => blocks(&it.content),
        AgentMessage::BashExecution(it) => it.command.chars().count() + it.output.chars().count(),
        AgentMessage::Custom(it) => blocks(&it.content.to_blocks()),
        AgentMessage::BranchSummary(it) => it.summary.chars().count(),
        AgentMessage::CompactionSummary(it) => it.summary.chars().count(),
        AgentMessage::Other(_) => 0,
    })
}

fn chars(block: &Content) -> usize {
    match block {
        Content::Text(it) => it.text.chars().count(),
        Content::Thinking(it) => it.thinking.chars().count(),
        Content::Image(_) => IMAGE_CHARS,
        Content::ToolCall(it) => {
            let arguments = serde_json::to_string(&it.arguments).map_or(0, |it| it.chars().count());
            it.name.chars().count() + arguments
        }
    }
}

/// Tokens of this many characters.
pub(crate) fn tokens(chars: usize) -> u64 {
    chars.div_ceil(4) as u64
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::tree::SessionTree;

    fn message(value: Value) -> AgentMessage {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn every_kind_of_message_has_a_size() {
        let assistant = |content: Value| {
            json!({"role": "assistant", "content": content, "api": "a", "provider": "p", "model": "m",
                   "usage": {}, "stopReason": "stop", "timestamp": 1})
        };
        for (value, expected) in [
            (json!({"role": "user", "content": "", "timestamp": 1}), 0),
            (json!({"role": "user", "content": "12345", "timestamp": 1}), 2),
            (json!({"role": "user", "content": "ääää", "timestamp": 1}), 1),
            (
                json!({"role": "user", "timestamp": 1, "content": [{"type": "text", "text": "1234"},
                       {"type": "image", "data": "AAAA", "mimeType": "image/png"}]}),
                1201,
            ),
            (assistant(json!([{"type": "thinking", "thinking": "12345678"}])), 2),
            (
                // `read` and `{"path":"a"}`: 4 + 12 characters.
                assistant(
                    json!([{"type": "toolCall", "id": "long id", "name": "read", "arguments": {"path": "a"}}]),
                ),
                4,
            ),
            (
                json!({"role": "toolResult", "toolCallId": "c", "toolName": "read", "timestamp": 1,
                       "content": [{"type": "text", "text": "123"}]}),
                1,
            ),
            (
                json!({"role": "bashExecution", "command": "1234", "output": "12345", "cancelled": false,
                       "truncated": false, "timestamp": 1}),
                3,
            ),
            (
                json!({"role": "compactionSummary", "summary": "12345678", "tokensBefore": 1, "timestamp": 1}),
                2,
            ),
            (json!({"role": "branchSummary", "summary": "1", "fromId": "x", "timestamp": 1}), 1),
        ] {
            assert_eq!(estimate(&message(value.clone())), expected, "{value}");
        }
    }

    fn entry(id: &str, parent: &str, message: Value) -> Value {
        json!({"type": "message", "id": id, "parentId": parent, "timestamp": "t", "message": message})
    }

    fn answer(stop: &str, total: u64) -> Value {
        json!({"role": "assistant", "content": [{"type": "text", "text": "12345678"}], "api": "a", "provider": "p",
               "model": "m", "usage": {"totalTokens": total}, "stopReason": stop, "timestamp": 1})
    }

    fn count(lines: &[Value]) -> Option<u64> {
        let tree =
            SessionTree::new(lines.iter().map(|it| serde_json::from_value(it.clone()).unwrap()).collect());
        context_tokens(&tree.view())
    }

    #[test]
    fn the_context_is_what_was_counted_and_an_estimate_of_the_rest() {
        let user = json!({"role": "user", "content": "1234", "timestamp": 1});
        let first = [entry("a", "", user.clone()), entry("b", "a", answer("stop", 100))];
        assert_eq!(count(&first[..1]), Some(1), "nothing counted yet");
        assert_eq!(count(&first), Some(100));
        let [one, two] = first;
        let failed = [one, two, entry("c", "b", user.clone()), entry("d", "c", answer("error", 900))];
        assert_eq!(count(&failed), Some(103), "counts of failed answers are not to be trusted");
        let mut compacted = failed.to_vec();
        compacted.push(json!({"type": "compaction", "id": "k", "parentId": "d", "timestamp": "t",
            "summary": "S", "firstKeptEntryId": "b", "tokensBefore": 9}));
        assert_eq!(count(&compacted), None, "the kept answer was counted in the longer context");
        compacted.push(entry("e", "k", answer("stop", 50)));
        assert_eq!(count(&compacted), Some(50));
    }
}
