//! What the model of a session that is opened again had looked at, by its session file: files that became others since
//! are named to it as if it had never been away.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use pi_core::clock;
use pi_protocol::{Entry, StoredMessage, entry::EntryKind};
use serde::Deserialize;
use serde_json::Value;

use crate::workspace::Workspace;

/// Entries that are looked through, from the last one on.
const MOST: usize = 2000;

/// The paths a model has named to the tools that show or make a text, each with when it looked there last.
pub type Looks = HashMap<String, SystemTime>;

/// When the model of a session looked last at the files that it has in its context.
///
/// What was there when its last command ended counts as known: the command may have made it. Only answers are read of
/// the entries, and not kept; the time of a result is that of its entry.
pub fn looks(entries: &[Entry]) -> Looks {
    let branch = branch(entries);
    let (mut files, mut command) = (HashMap::new(), 0);
    for (at, entry) in branch.iter().enumerate() {
        let calls = calls(entry);
        let results = branch[at + 1..].iter().take(calls.len()).take_while(|it| !is_answer(it));
        let Some(done) = results.last().map(|it| clock::iso_to_ms(&it.base.timestamp)) else { continue };
        for call in calls {
            match (call.name.as_str(), call.arguments.get("path").and_then(Value::as_str)) {
                ("bash", _) => command = done,
                ("read" | "write" | "edit" | "hashline_edit", Some(path)) => {
                    files.insert(path.to_owned(), done);
                }
                _ => {}
            }
        }
    }
    let time = |at: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(at.max(command));
    files.into_iter().map(|(path, at)| (path, time(at))).collect()
}

/// Has the workspace know of these. Blocks.
pub fn remember(workspace: &Workspace, session: &str, looks: Looks) {
    // Two names of one file are one file.
    let mut files: HashMap<_, SystemTime> = HashMap::new();
    for (path, at) in looks {
        let last = files.entry(workspace.resolve_existing(&path)).or_insert(at);
        *last = at.max(*last);
    }
    for (path, at) in files {
        workspace.remember(session, &path, at);
    }
}

/// The entries that lead to the last one, from where the conversation was summarised, in order.
fn branch(entries: &[Entry]) -> Vec<&Entry> {
    let mut wanted = entries.last().map(|it| it.base.id.as_str());
    let mut branch = Vec::new();
    // An entry comes behind its parent.
    for entry in entries.iter().rev() {
        if wanted != Some(entry.base.id.as_str()) {
            continue;
        }
        if branch.len() == MOST || matches!(entry.kind, EntryKind::Compaction { .. }) {
            break;
        }
        branch.push(entry);
        wanted = entry.base.parent_id.as_deref();
    }
    branch.reverse();
    branch
}

/// A call in an answer.
#[derive(Deserialize)]
struct Call {
    name: String,
    #[serde(default)]
    arguments: Value,
}

/// The calls of an entry that is an answer. Its message stays unread.
fn calls(entry: &Entry) -> Vec<Call> {
    #[derive(Deserialize)]
    struct Answer {
        content: Vec<Block>,
    }
    #[derive(Deserialize)]
    #[serde(tag = "type", rename_all = "camelCase")]
    enum Block {
        ToolCall(Call),
        #[serde(other)]
        Other,
    }
    let read = |message: &StoredMessage| {
        let json = serde_json::to_string(message).ok()?;
        serde_json::from_str::<Answer>(&json).ok()
    };
    let answer = match &entry.kind {
        EntryKind::Message { message } if message.is_answer() => read(message),
        _ => None,
    };
    let call = |block| match block {
        Block::ToolCall(call) => Some(call),
        Block::Other => None,
    };
    answer.into_iter().flat_map(|it| it.content).filter_map(call).collect()
}

fn is_answer(entry: &Entry) -> bool {
    matches!(&entry.kind, EntryKind::Message { message } if message.is_answer())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn looks_are_those_of_the_branch_since_its_summary_and_not_older_than_its_last_command() {
        let entry = |id: &str, parent: &str, second: u32, kind: Value| -> Entry {
            let mut all = json!({"id": id, "parentId": parent, "timestamp": format!("2026-01-01T00:00:{second:02}.000Z")});
            all.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
            serde_json::from_value(all).unwrap()
        };
        let says = |calls: &[(&str, Value)]| {
            let blocks = calls.iter().map(|(name, arguments)| {
                json!({"type": "toolCall", "id": name, "name": name, "arguments": arguments})
            });
            let content: Vec<_> =
                [json!({"type": "text", "text": "I look."})].into_iter().chain(blocks).collect();
            json!({"type": "message", "message": {"role": "assistant", "content": content, "api": "a", "provider": "p",
                "model": "m", "usage": {}, "stopReason": "toolUse", "timestamp": 0}})
        };
        let result = || {
            json!({"type": "message", "message": {"role": "toolResult", "toolCallId": "1", "toolName": "t",
                "content": [], "isError": false, "timestamp": 0}})
        };
        let summary =
            json!({"type": "compaction", "summary": "s", "firstKeptEntryId": "a", "tokensBefore": 1});
        let path = |it: &str| json!({"path": it});
        let entries = [
            entry("a", "", 1, says(&[("read", path("old"))])),
            entry("b", "a", 2, result()),
            entry("c", "b", 3, summary),
            entry("x", "c", 4, says(&[("read", path("elsewhere"))])),
            entry("y", "x", 5, result()),
            entry("d", "c", 6, says(&[("read", path("one")), ("grep", path("two"))])),
            entry("e", "d", 7, result()),
            entry("f", "e", 8, result()),
            entry("g", "f", 9, says(&[("bash", json!({"command": "make"}))])),
            entry("h", "g", 10, result()),
            entry("i", "h", 11, says(&[("write", path("three"))])),
            entry("j", "i", 12, result()),
            // It was not answered.
            entry("k", "j", 13, says(&[("read", path("four"))])),
        ];
        let at = |second: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600 + second);
        let expected = [("one".to_owned(), at(10)), ("three".to_owned(), at(12))];
        assert_eq!(looks(&entries), expected.into());
        assert_eq!(looks(&[]), Looks::new());
    }
}
