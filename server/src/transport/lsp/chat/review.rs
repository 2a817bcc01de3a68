//! The changes of a chat, as its document numbers them: which are meant, what becomes of them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use pi_core::{SessionHandle, session::Command};
use pi_host::ledger::{FoundHunk, Select, Status, Verb};
use pi_protocol::{AgentMessage, CommandError, Entry, entry::EntryKind};

use super::{commands::Said, story::title_of};
use crate::{
    markdown::{self, Mark, Word},
    review,
    transport::lsp::{actions, connection::Connection, show},
};

/// The hunks of a session. A hunk's number is its place here, from 1; it does not change, because those that were
/// decided about or superseded stay, as long as the ledger keeps the session's edits.
pub async fn hunks(connection: &Connection, session: &str) -> Vec<FoundHunk> {
    let select = Select { session: Some(session.to_owned()), ..Select::default() };
    let found = connection.hub.review(session).find(&select).await;
    let mut found = found.unwrap_or_else(|error| {
        tracing::warn!(%error, "the edit ledger cannot be read");
        Vec::new()
    });
    found.sort_by_key(|it| it.id);
    found
}

/// A hunk's state in one word.
pub fn state(hunk: &FoundHunk) -> &'static str {
    use pi_protocol::EditStatus::*;
    match review::status(hunk) {
        Pending => "pending",
        Edited => "edited",
        Kept => "kept",
        Rejected => "rejected",
        Reverted => "reverted",
        Superseded => "superseded",
    }
}

/// What the document shows of hunks, by the calls that made them.
pub fn marks(hunks: &[FoundHunk]) -> Arc<HashMap<String, Vec<Mark>>> {
    let mut marks: HashMap<String, Vec<Mark>> = HashMap::new();
    for (at, it) in hunks.iter().enumerate() {
        marks.entry(it.call.clone()).or_default().push(Mark { number: at + 1, state: state(it) });
    }
    Arc::new(marks)
}

/// Adds to what is known how calls changed files whose results do not say it, as it was at the time.
pub async fn patches(
    connection: &Connection,
    session: &str,
    hunks: &[FoundHunk],
    known: &mut Arc<HashMap<String, String>>,
) {
    let silent = hunks.iter().filter(|it| it.tool == "write" && !known.contains_key(&it.call));
    let calls: HashSet<String> = silent.map(|it| it.call.clone()).collect();
    for call in calls {
        if let Some(patch) = patch(connection, session, &call).await {
            Arc::make_mut(known).insert(call, patch);
        }
    }
}

/// What a call changed, as it was at the time; nothing if that is not known.
pub async fn patch(connection: &Connection, session: &str, call: &str) -> Option<String> {
    let select =
        Select { session: Some(session.to_owned()), call: Some(call.to_owned()), ..Select::default() };
    let patches = connection.hub.review(session).diff(&select).await;
    let patches =
        patches.inspect_err(|error| tracing::warn!(%error, "the edit ledger cannot be read")).ok()?;
    Some(patches.into_iter().map(|it| it.diff).collect()).filter(|it: &String| !it.is_empty())
}

/// Whether a hunk waits for a decision.
fn waits(hunk: &FoundHunk) -> bool {
    matches!(state(hunk), "pending" | "edited")
}

/// Carries out what the user has written behind hunks.
pub fn decide_words(connection: &Arc<Connection>, hunks: &[FoundHunk], words: &[(usize, Word)]) {
    for (word, verb) in [(Word::Keep, Verb::Accept), (Word::Reject, Verb::Reject)] {
        let meant = words.iter().filter(|it| it.1 == word);
        let ids: Vec<_> = meant.filter_map(|it| Some(hunks.get(it.0.checked_sub(1)?)?.id)).collect();
        if !ids.is_empty() {
            actions::decide(connection, Select { hunks: ids, ..Select::default() }, verb);
        }
    }
}

/// `/keep` and `/drop`: numbers, a file, or everything of this chat that waits.
pub async fn decide(connection: &Arc<Connection>, session: &SessionHandle, rest: &str, verb: Verb) -> Said {
    let hunks = hunks(connection, session.id()).await;
    let ids = match rest {
        "" | "all" => hunks.iter().filter(|it| waits(it)).map(|it| it.id).collect(),
        rest => meant(connection, session.id(), &hunks, rest)?.iter().map(|it| it.id).collect(),
    };
    Ok(decide_ids(connection, ids, verb))
}

/// Decides about these; what comes of it is told in a message, and here only that there are none.
fn decide_ids(connection: &Arc<Connection>, hunks: Vec<i64>, verb: Verb) -> String {
    if hunks.is_empty() {
        return "Nothing to review".to_owned();
    }
    actions::decide(connection, Select { hunks, ..Select::default() }, verb);
    String::new()
}

/// The hunks that numbers or a file mean.
fn meant<'a>(
    connection: &Connection,
    session: &str,
    hunks: &'a [FoundHunk],
    rest: &str,
) -> Result<Vec<&'a FoundHunk>, String> {
    let words = || rest.split([' ', ',']).filter(|it| !it.is_empty());
    let numbers: Result<Vec<usize>, _> = words().map(|it| it.trim_start_matches('#').parse()).collect();
    if let Ok(numbers) = numbers {
        let find = |number: usize| {
            let found = number.checked_sub(1).and_then(|it| hunks.get(it));
            found.ok_or_else(|| format!("there is no hunk {number} in this chat"))
        };
        return numbers.into_iter().map(find).collect();
    }
    let file = rest.trim_start_matches('@');
    let path = pi_host::paths::canonical(&connection.hub.folder_of(session).join(file));
    let of_file: Vec<_> = hunks.iter().filter(|it| it.path == path || it.path.ends_with(file)).collect();
    let files: HashSet<_> = of_file.iter().map(|it| &it.path).collect();
    match files.len() {
        0 => Err(format!("no change of this chat in {file}; give numbers, a file, or all")),
        1 => Ok(of_file.into_iter().filter(|it| waits(it)).collect()),
        _ => Err(format!("{} files are called {file}; write more of the path", files.len())),
    }
}

/// `/revert`: what the last turn of this chat changed, or the turn with this number.
pub async fn revert(connection: &Arc<Connection>, session: &SessionHandle, rest: &str) -> Said {
    let number = rest.trim_start_matches("turn").trim();
    if number.is_empty() {
        let hunks = hunks(connection, session.id()).await;
        return Ok(decide_ids(connection, of_last_turn(&hunks), Verb::Revert));
    }
    let prompts = turn(session, number).await?;
    let select =
        Select { prompts: Some(prompts), session: Some(session.id().to_string()), ..Select::default() };
    actions::decide(connection, select, Verb::Revert);
    Ok(String::new())
}

/// `/redo`: takes back the last decision about changes of this chat.
pub async fn redo(connection: &Arc<Connection>, session: &SessionHandle) -> Said {
    let hunks = hunks(connection, session.id()).await;
    Ok(decide_ids(connection, decided_last(&hunks), Verb::Redo))
}

/// The hunks of the last turn whose edits are still there.
fn of_last_turn(hunks: &[FoundHunk]) -> Vec<i64> {
    let inside = || hunks.iter().filter(|it| matches!(it.status, Status::Pending | Status::Kept));
    let last = inside().max_by_key(|it| (it.time, it.id)).map(|it| it.turn);
    inside().filter(|it| Some(it.turn) == last).map(|it| it.id).collect()
}

/// The hunks that the last decision took out or kept.
fn decided_last(hunks: &[FoundHunk]) -> Vec<i64> {
    // What the user has undone in the editor was no decision here.
    let decided = || hunks.iter().filter(|it| it.can_redo() && it.decision > 0);
    let last = decided().map(|it| it.decision).max();
    decided().filter(|it| Some(it.decision) == last).map(|it| it.id).collect()
}

/// The entries of the user's messages in a turn, the first of which began it.
pub async fn turn(session: &SessionHandle, number: &str) -> Result<Vec<String>, String> {
    let all = session.ask(|reply| Command::GetEntries(None, reply)).await.map_err(|it| it.message)?;
    let turns = turns(&all.entries, all.leaf_id.as_deref());
    let at = number.parse::<usize>().ok().and_then(|it| it.checked_sub(1));
    at.and_then(|it| turns.get(it).cloned()).ok_or_else(|| match turns.len() {
        0 => "there is no turn yet".to_owned(),
        1 => "there is only turn 1".to_owned(),
        count => format!("give the number of a turn, from 1 to {count}"),
    })
}

/// The first words of each turn.
pub async fn titles(session: &SessionHandle) -> Vec<String> {
    let Ok(all) = session.ask(|reply| Command::GetEntries(None, reply)).await else { return Vec::new() };
    let messages = super::attach::path_of(&all.entries, all.leaf_id.as_deref());
    let turns = markdown::split(&messages);
    turns.iter().map(|it| it.messages.first().and_then(|it| title_of(it)).unwrap_or_default()).collect()
}

/// Numbers and places of the hunks that wait.
pub fn waiting(connection: &Connection, session: &str, hunks: &[FoundHunk]) -> Vec<(usize, String)> {
    let folder = connection.hub.folder_of(session);
    let place = |it: &FoundHunk| {
        let path = it.path.strip_prefix(&folder).unwrap_or(&it.path);
        format!("{}:{}", markdown::line(&path.to_string_lossy(), 80), it.start + 1)
    };
    let waiting = hunks.iter().enumerate().filter(|(_, it)| waits(it));
    waiting.map(|(at, it)| (at + 1, place(it))).collect()
}

fn turns(entries: &[Entry], leaf: Option<&str>) -> Vec<Vec<String>> {
    let mut ids = super::attach::entries_of(entries, leaf).into_iter().filter_map(|it| match &it.kind {
        EntryKind::Message { message } => Some((it.base.id.clone(), message.shared().clone())),
        _ => None,
    });
    let messages: Vec<_> = ids.clone().map(|it| it.1).collect();
    let mut found = Vec::new();
    for turn in markdown::split(&messages) {
        let of_turn = ids.by_ref().take(turn.messages.len());
        found.push(of_turn.filter(|it| matches!(*it.1, AgentMessage::User(_))).map(|it| it.0).collect());
    }
    found
}

/// `/diff`: what waits, or one hunk, as a document of its own.
pub async fn diff(connection: &Arc<Connection>, session: &SessionHandle, rest: &str) -> Said {
    let select = match rest {
        "" | "all" => Select { session: Some(session.id().to_string()), ..Select::default() },
        rest => {
            let hunks = hunks(connection, session.id()).await;
            let ids = meant(connection, session.id(), &hunks, rest)?.iter().map(|it| it.id).collect();
            Select { hunks: ids, ..Select::default() }
        }
    };
    let review = connection.hub.review(session.id());
    let failed = |error: std::io::Error| CommandError::failed(error.to_string()).message;
    let patches = review.diff(&select).await.map_err(failed)?;
    if patches.is_empty() {
        return Ok("Nothing to review".into());
    }
    let text: String = patches.iter().map(|it| it.diff.as_str()).collect();
    let path = show::aside("changes.diff", text).await.map_err(failed)?;
    let files = if patches.len() == 1 { "1 file".to_owned() } else { format!("{} files", patches.len()) };
    let said = format!("{files}: {}", path.display());
    show::path(connection, &path, &said).await;
    Ok(said)
}
