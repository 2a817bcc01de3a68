//! What the model of a session that is opened again had looked at, by its session file: files that became others since
//! are named to it as if it had never been away.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use pi_core::clock;
use pi_protocol::{Entry, entry::EntryKind};
use serde_json::Value;

use crate::workspace::Workspace;

/// Entries that are looked through, from the last one on.
const MOST: usize = 2000;

/// Remembers when the model looked last at the files that it has in its context. Blocks.
///
/// What was there when its last command ended counts as known: the command may have made it. Only answers are read of
/// the entries; the time of a result is that of its entry.
pub fn remember(workspace: &Workspace, session: &str, entries: &[Entry]) {
    let branch = branch(entries);
    let (mut files, mut command) = (HashMap::new(), 0);
    for (at, entry) in branch.iter().enumerate() {
        let EntryKind::Message { message } = &entry.kind else { continue };
        let Some(answer) = message.is_answer().then(|| message.as_assistant()).flatten() else { continue };
        let calls: Vec<_> = answer.content.iter().filter_map(|it| it.as_tool_call()).collect();
        let results = branch[at + 1..].iter().take(calls.len()).take_while(|it| !is_answer(it));
        let Some(done) = results.last().map(|it| clock::iso_to_ms(&it.base.timestamp)) else { continue };
        for call in calls {
            match (call.name.as_str(), call.arguments.get("path").and_then(Value::as_str)) {
                ("bash", _) => command = done,
                ("read" | "write" | "edit" | "hashline_edit", Some(path)) => {
                    files.insert(workspace.resolve_existing(path), done);
                }
                _ => {}
            }
        }
    }
    for (path, at) in files {
        workspace.remember(session, &path, SystemTime::UNIX_EPOCH + Duration::from_millis(at.max(command)));
    }
}

/// The entries that lead to the last one, from where the conversation was summarised, in order.
fn branch(entries: &[Entry]) -> Vec<&Entry> {
    let by_id: HashMap<_, _> = entries.iter().map(|it| (it.base.id.as_str(), it)).collect();
    let before = |it: &&Entry| it.base.parent_id.as_deref().and_then(|it| by_id.get(it).copied());
    let all = std::iter::successors(entries.last(), before).take(MOST);
    let mut branch: Vec<_> = all.take_while(|it| !matches!(it.kind, EntryKind::Compaction { .. })).collect();
    branch.reverse();
    branch
}

fn is_answer(entry: &Entry) -> bool {
    matches!(&entry.kind, EntryKind::Message { message } if message.is_answer())
}
