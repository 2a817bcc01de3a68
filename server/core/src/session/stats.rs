//! Sums over a session (spec: rpc.md §6, the newer form: all entries of all branches).

use pi_protocol::{entry::EntryKind, *};

use crate::{compaction::estimate::context_tokens, tree::SessionTree};

/// Counts, tokens, cost and how full the context is. File and id are the caller's.
pub(super) fn collect(tree: &SessionTree, model: Option<&Model>) -> SessionStats {
    let mut stats = SessionStats::default();
    for entry in tree.entries() {
        if let EntryKind::Compaction { usage: Some(usage), .. } = &entry.kind {
            add(&mut stats, usage);
        }
        let EntryKind::Message { message } = &entry.kind else { continue };
        stats.total_messages += 1;
        match &**message {
            AgentMessage::User(_) => stats.user_messages += 1,
            AgentMessage::ToolResult(_) => stats.tool_results += 1,
            AgentMessage::Assistant(it) => {
                stats.assistant_messages += 1;
                stats.tool_calls += it.tool_calls().count();
                add(&mut stats, &it.usage);
            }
            _ => {}
        }
    }
    let tokens = &mut stats.tokens;
    tokens.total = tokens.input + tokens.output + tokens.cache_read + tokens.cache_write;
    stats.context_usage = model.filter(|it| it.context_window > 0).map(|model| {
        let tokens = context_tokens(&tree.view());
        ContextUsage {
            tokens,
            context_window: model.context_window,
            percent: tokens.map(|it| it as f64 / model.context_window as f64 * 100.0),
        }
    });
    stats
}

fn add(stats: &mut SessionStats, usage: &Usage) {
    stats.tokens.input += usage.input;
    stats.tokens.output += usage.output;
    stats.tokens.cache_read += usage.cache_read;
    stats.tokens.cache_write += usage.cache_write;
    stats.cost += usage.cost.total;
}

/// Trimmed text of the last answer; aborted ones without content do not count.
pub(super) fn last_assistant_text(context: &[StoredMessage]) -> Option<String> {
    let answer = context
        .iter()
        .rev()
        .filter_map(|it| it.as_assistant())
        .find(|it| !(it.stop_reason == StopReason::Aborted && it.content.is_empty()))?;
    let text = answer.text().trim().to_owned();
    (!text.is_empty()).then_some(text)
}
