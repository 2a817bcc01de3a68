//! Where a conversation is cut: what is summarised, what stays.

use pi_protocol::{AgentMessage, StoredMessage, entry::EntryKind};

use super::{
    estimate::{estimate, tokens_or_estimate},
    files::{Files, without_lists},
};
use crate::tree::{Step, View};

/// What a compaction does to a conversation, before anyone has written the summary.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    /// The first entry that stays.
    pub first_kept: String,
    /// The turns to summarise, oldest first.
    pub history: Vec<StoredMessage>,
    /// The beginning of the turn whose end stays, if the cut is inside a turn.
    pub turn_prefix: Vec<StoredMessage>,
    /// The summary of what came before `history`.
    pub previous: Option<String>,
    /// Files of everything that is summarised.
    pub files: Files,
    /// Size of the context now.
    pub tokens_before: u64,
}

/// Why there is nothing to do (Pi's texts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Nothing {
    /// The last thing that happened is a compaction.
    #[error("Already compacted")]
    Already,
    /// All of it stays.
    #[error("Nothing to compact (session too small)")]
    TooSmall,
}

/// Plans a compaction that keeps about `keep_recent` tokens. `omit` is an entry that leaves the context anyway.
pub(crate) fn plan(view: &View<'_>, keep_recent: u64, omit: Option<&str>) -> Result<Plan, Nothing> {
    if view.ends_with_compaction() {
        return Err(Nothing::Already);
    }
    let steps: Vec<Step<'_>> = view
        .steps
        .iter()
        .map(|it| Step { message: it.message.clone().filter(|_| omit != Some(it.id)), ..*it })
        .collect();
    let cut = cut(&steps, keep_recent).ok_or(Nothing::TooSmall)?;
    let turn_start = cut.turn_start.unwrap_or(cut.kept);
    let messages = |steps: &[Step<'_>]| steps.iter().filter_map(|it| it.message.clone()).collect();
    let mut files = Files::default();
    if let Some(EntryKind::Compaction { details: Some(details), .. }) = view.compaction.map(|it| &it.kind) {
        files.add_details(details);
    }
    for message in steps[..cut.kept].iter().filter_map(|it| it.message.as_deref()) {
        files.add_calls(message);
    }
    Ok(Plan {
        first_kept: steps[cut.kept].id.to_owned(),
        history: messages(&steps[..turn_start]),
        turn_prefix: messages(&steps[turn_start..cut.kept]),
        previous: view.summary().map(|it| without_lists(it).to_owned()),
        files,
        tokens_before: tokens_or_estimate(view),
    })
}

/// Indices into the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    /// The first that stays.
    kept: usize,
    /// Where the turn begins that the cut is inside of.
    turn_start: Option<usize>,
}

/// Finds the place nearest to `keep_recent` tokens from the end where nothing is torn apart: a result never loses
/// its call. `None` if no message would be left to summarise.
fn cut(steps: &[Step<'_>], keep_recent: u64) -> Option<Cut> {
    let mut tokens = 0;
    let wanted = steps.iter().rposition(|it| {
        let Some(message) = &it.message else { return false };
        tokens += estimate(message);
        tokens >= keep_recent
    })?;
    let is = |at: usize, test: fn(&AgentMessage) -> bool| steps[at].message.as_deref().is_some_and(test);
    // Behind the last place there may be only the results of one huge call; then the call stays as well.
    let mut kept = (wanted..steps.len())
        .find(|&at| is(at, may_begin))
        .or_else(|| (0..wanted).rev().find(|&at| is(at, may_begin)))?;
    let turn_start =
        if is(kept, begins_turn) { None } else { (0..kept).rev().find(|&at| is(at, begins_turn)) };
    // Settings made just before the first message belong to it; bookmarks are no place to begin at.
    while kept > 0 && steps[kept - 1].message.is_none() && !steps[kept - 1].is_label {
        kept -= 1;
    }
    steps[..kept].iter().any(|it| it.message.is_some()).then_some(Cut { kept, turn_start })
}

/// Whether a context may begin with this message.
fn may_begin(message: &AgentMessage) -> bool {
    !matches!(message, AgentMessage::ToolResult(_) | AgentMessage::Other(_))
}

fn begins_turn(message: &AgentMessage) -> bool {
    !matches!(message, AgentMessage::ToolResult(_) | AgentMessage::Other(_) | AgentMessage::Assistant(_))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::tree::SessionTree;

    /// Steps in short: `u` user, `a` answer, `r` result, `b` shell command, `-` a setting, `l` a bookmark; each message has the
    /// number of tokens behind its letter. The id of a step is its place.
    fn steps(text: &str) -> Vec<(String, Option<StoredMessage>)> {
        text.split(' ')
            .enumerate()
            .map(|(at, word)| {
                let size: usize = word[1..].parse().unwrap_or(0);
                let text = "x".repeat(size * 4);
                let content = json!([{"type": "text", "text": text}]);
                let message = match &word[..1] {
                    "u" => json!({"role": "user", "content": content, "timestamp": 1}),
                    "a" => json!({"role": "assistant", "content": content, "api": "a", "provider": "p", "model": "m",
                                  "usage": {}, "stopReason": "stop", "timestamp": 1}),
                    "r" => json!({"role": "toolResult", "toolCallId": "c", "toolName": "t", "content": content,
                                  "timestamp": 1}),
                    "b" => json!({"role": "bashExecution", "command": "", "output": text, "cancelled": false,
                                  "truncated": false, "timestamp": 1}),
                    _ => Value::Null,
                };
                let message = (!message.is_null()).then(|| serde_json::from_value(message).unwrap());
                (at.to_string(), message)
            })
            .collect()
    }

    #[test]
    fn the_cut_keeps_enough_and_tears_nothing_apart() {
        for (text, keep, expected) in [
            // Two turns, the second is enough.
            ("u5 a5 u5 a5", 10, Some((2, None))),
            ("u5 a5 u5 a5", 6, Some((2, None))),
            // The last answer is enough: its turn is split.
            ("u5 a5 u5 a5", 5, Some((3, Some(2)))),
            ("u5 a5", 5, Some((1, Some(0)))),
            // All of it is wanted, or there is not that much.
            ("u5 a5 u5 a5", 20, None),
            ("u5 a5 u5 a5", 21, None),
            ("-", 0, None),
            ("u5", 0, None),
            // A result does not begin a context: the next message does …
            ("u5 a1 r9 a1 u1 a1", 6, Some((3, Some(0)))),
            ("u5 a1 r9 u1 a1", 6, Some((3, None))),
            // … or, where none follows, its call.
            ("u5 a1 r9", 4, Some((1, Some(0)))),
            ("u5 a1 r4 r4", 6, Some((1, Some(0)))),
            // A shell command of the user begins a turn.
            ("u5 a5 b5 a5", 10, Some((2, None))),
            ("u5 a5 b5 a5", 5, Some((3, Some(2)))),
            // Settings go with the message behind them.
            ("u5 a5 - - u5 a5", 10, Some((2, None))),
            ("- - u5 a5", 10, None),
            ("u5 a5 l - u5 a5", 10, Some((3, None))),
            // A turn whose beginning is gone is not split again.
            ("a5 r5 a5", 5, Some((2, None))),
        ] {
            let steps = steps(text);
            let steps: Vec<Step<'_>> = steps
                .iter()
                .zip(text.split(' '))
                .map(|((id, message), word)| Step { id, message: message.clone(), is_label: word == "l" })
                .collect();
            let expected = expected.map(|(kept, turn_start)| Cut { kept, turn_start });
            assert_eq!(cut(&steps, keep), expected, "{text:?} keeping {keep}");
        }
    }

    fn tree(text: &str) -> SessionTree {
        let mut tree = SessionTree::default();
        for (_, message) in steps(text) {
            let kind = message
                .map_or(EntryKind::SessionInfo { name: None }, |message| EntryKind::Message { message });
            tree.append(kind);
        }
        tree
    }

    fn compact(tree: &mut SessionTree, first_kept: usize) {
        let first_kept_entry_id = tree.entries()[first_kept].base.id.clone();
        tree.append(EntryKind::Compaction {
            summary: "S\n\n<read-files>\na\n</read-files>".into(),
            first_kept_entry_id,
            tokens_before: 1,
            details: Some(json!({"readFiles": ["a"], "modifiedFiles": []})),
            usage: None,
            from_hook: None,
        });
    }

    #[test]
    fn a_second_compaction_loses_nothing_of_what_the_first_kept() {
        let mut tree = tree("u5 a5 u5 a5");
        compact(&mut tree, 2);
        assert_eq!(plan(&tree.view(), 1, None), Err(Nothing::Already));
        tree.append(EntryKind::SessionInfo { name: None });
        assert_eq!(plan(&tree.view(), 99, None), Err(Nothing::TooSmall));
        let plan = plan(&tree.view(), 5, None).unwrap();
        assert_eq!(plan.first_kept, tree.entries()[3].base.id);
        assert_eq!((plan.history.len(), plan.turn_prefix.len()), (0, 1));
        assert_eq!(plan.previous.as_deref(), Some("S"));
        assert_eq!(plan.files.details(), json!({"readFiles": ["a"], "modifiedFiles": []}));
        assert_eq!(plan.tokens_before, 10 + 8, "nothing was counted: kept messages and the summary");
    }

    #[test]
    fn an_answer_that_leaves_the_context_is_neither_kept_nor_summarised() {
        let tree = tree("u5 a5 u5 a50");
        let last = tree.leaf().unwrap().to_owned();
        let plan = plan(&tree.view(), 5, Some(&last)).unwrap();
        assert_eq!(plan.first_kept, tree.entries()[2].base.id);
        assert_eq!((plan.history.len(), plan.turn_prefix.len()), (2, 0));
    }
}
