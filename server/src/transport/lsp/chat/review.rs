//! The changes of a chat, as its document numbers them: which are meant, what becomes of them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use pi_core::{SessionHandle, session::Command};
use pi_host::ledger::{EditPatch, FoundHunk, Review, Select, Status, Verb};
use pi_protocol::{AgentMessage, CommandError, EditsDecided, Entry, RevertEditsParams, entry::EntryKind};

use super::{
    commands::Said,
    numbers::{self, Numbered},
    story::title_of,
    verbs,
};
use crate::{
    markdown::{self, Mark, Word},
    review,
    transport::lsp::{actions, connection::Connection, show},
};

/// Changes that go back without a question.
const FEW: usize = 3;
/// What answers it.
const YES: &str = "yes";

/// The hunks of a session by their numbers, in whichever folder of the editor they are.
pub async fn hunks(connection: &Connection, session: &str) -> Vec<Numbered> {
    let select = Select { session: Some(session.to_owned()), ..Select::default() };
    let mut all = Vec::new();
    for review in reviews(connection, session) {
        match review.find(&select).await {
            Ok(found) => all.extend(found),
            Err(error) => tracing::warn!(%error, "the edit ledger cannot be read"),
        }
    }
    connection.chats.numbers.number(session, all)
}

/// The reviews of the files that a session may have changed.
fn reviews(connection: &Connection, session: &str) -> Vec<Arc<Review>> {
    let own = connection.hub.review(session);
    let others = connection.hub.compose().open_reviews().into_iter().filter(|it| !Arc::ptr_eq(it, &own));
    std::iter::once(own.clone()).chain(others).collect()
}

/// How what is selected has changed files.
async fn patches_of(
    connection: &Connection,
    session: &str,
    select: &Select,
) -> std::io::Result<Vec<EditPatch>> {
    let mut patches = Vec::new();
    for review in reviews(connection, session) {
        patches.extend(review.diff(select).await?);
    }
    Ok(patches)
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
pub fn marks(hunks: &[Numbered]) -> Arc<HashMap<String, Vec<Mark>>> {
    let mut marks: HashMap<String, Vec<Mark>> = HashMap::new();
    for it in hunks {
        marks.entry(it.call.clone()).or_default().push(Mark { number: it.number, state: state(it) });
    }
    Arc::new(marks)
}

/// Adds to what is known how calls changed files whose results do not say it, as it was at the time.
pub async fn patches(
    connection: &Connection,
    session: &str,
    hunks: &[Numbered],
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
    let patches = patches_of(connection, session, &select).await;
    let patches =
        patches.inspect_err(|error| tracing::warn!(%error, "the edit ledger cannot be read")).ok()?;
    Some(patches.into_iter().map(|it| it.diff).collect()).filter(|it: &String| !it.is_empty())
}

/// Whether a hunk waits for a decision.
fn waits(hunk: &FoundHunk) -> bool {
    matches!(state(hunk), "pending" | "edited")
}

/// Carries out what the user has written behind hunks.
pub fn decide_words(connection: &Arc<Connection>, hunks: &[Numbered], words: &[(usize, Word)]) {
    for (word, verb) in [(Word::Keep, Verb::Accept), (Word::Reject, Verb::Reject)] {
        let meant = words.iter().filter(|it| it.1 == word);
        let ids: Vec<_> = meant.filter_map(|it| Some(numbers::find(hunks, it.0)?.id)).collect();
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
    hunks: &'a [Numbered],
    rest: &str,
) -> Result<Vec<&'a Numbered>, String> {
    let words = || rest.split([' ', ',']).filter(|it| !it.is_empty());
    let numbers: Result<Vec<usize>, _> = words().map(|it| it.trim_start_matches('#').parse()).collect();
    if let Ok(numbers) = numbers {
        let find = |number: usize| {
            numbers::find(hunks, number).ok_or_else(|| format!("there is no hunk {number} in this chat"))
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
    if let Some((first, words)) = number.split_once("..") {
        return revert_from(connection, session, first, words).await;
    }
    let prompts = turn(session, number).await?;
    let select =
        Select { prompts: Some(prompts), session: Some(session.id().to_string()), ..Select::default() };
    actions::decide(connection, select, Verb::Revert);
    Ok(String::new())
}

/// `/revert 2..`: everything since turn 2; with `fork` another chat begins before it as well. What is much is counted
/// first, and done with `yes`.
async fn revert_from(
    connection: &Arc<Connection>,
    session: &SessionHandle,
    number: &str,
    words: &str,
) -> Said {
    let words: Vec<_> = words.split_whitespace().collect();
    if let Some(word) = words.iter().find(|it| !["fork", YES].contains(it)) {
        return Err(format!(
            "“{word}” says nothing here; write `/revert {number}..` or `/revert {number}.. fork`"
        ));
    }
    let fork = words.contains(&"fork");
    let to = turn(session, number).await?.into_iter().next();
    let params = |preview| RevertEditsParams { to: to.clone(), preview, ..RevertEditsParams::default() };
    let goes = decided(connection, session, params(true)).await?;
    if goes.hunks.len() > FEW && !words.contains(&YES) {
        let stays = match goes.conflicts.len() {
            0 => String::new(),
            count => format!("; {} you edited since stay", markdown::counted(count, "change")),
        };
        let again = if fork { format!("{number}.. fork {YES}") } else { format!("{number}.. {YES}") };
        return Ok(format!("{} would go back{stays}. Write `/revert {again}` to do it", amount(&goes)));
    }
    if fork {
        // Nothing comes behind what goes back.
        session.ask(Command::Abort).await.map_err(|it| it.message)?;
    }
    let gone = decided(connection, session, params(false)).await?;
    let said = match (gone.hunks.len(), gone.conflicts.first()) {
        (0, Some(conflict)) => conflict.reason.clone(),
        (0, None) => "Nothing to review".to_owned(),
        (_, None) => format!("Reverted {} · `/redo`", amount(&gone)),
        (_, Some(_)) => format!("Reverted {}; your own text stayed · `/redo`", amount(&gone)),
    };
    match fork {
        true => Ok(format!("{said} · {}", verbs::fork(connection, session, number).await?)),
        false => Ok(said),
    }
}

async fn decided(
    connection: &Connection,
    session: &SessionHandle,
    params: RevertEditsParams,
) -> Result<EditsDecided, String> {
    review::revert(&connection.hub, session, params).await.map_err(|it| it.message)
}

/// `4 changes in 2 files`.
fn amount(decided: &EditsDecided) -> String {
    let changes = markdown::counted(decided.hunks.len(), "change");
    format!("{changes} in {}", markdown::counted(decided.uris.len(), "file"))
}

/// `/redo`: takes back the last decision about changes of this chat.
pub async fn redo(connection: &Arc<Connection>, session: &SessionHandle) -> Said {
    let hunks = hunks(connection, session.id()).await;
    Ok(decide_ids(connection, decided_last(&hunks), Verb::Redo))
}

/// The hunks of the last turn whose edits are still there.
fn of_last_turn(hunks: &[Numbered]) -> Vec<i64> {
    let inside = || hunks.iter().filter(|it| matches!(it.status, Status::Pending | Status::Kept));
    let last = inside().max_by_key(|it| (it.time, it.id)).map(|it| it.turn);
    inside().filter(|it| Some(it.turn) == last).map(|it| it.id).collect()
}

/// The hunks that the last decision took out or kept.
fn decided_last(hunks: &[Numbered]) -> Vec<i64> {
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
pub fn waiting(connection: &Connection, session: &str, hunks: &[Numbered]) -> Vec<(usize, String)> {
    let folder = connection.hub.folder_of(session);
    let place = |it: &FoundHunk| {
        let path = it.path.strip_prefix(&folder).unwrap_or(&it.path);
        format!("{}:{}", markdown::line(&path.to_string_lossy(), 80), it.start + 1)
    };
    hunks.iter().filter(|it| waits(it)).map(|it| (it.number, place(it))).collect()
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
    let all = hunks(connection, session.id()).await;
    let hunks: Vec<i64> = match rest {
        "" | "all" => all.iter().filter(|it| waits(it)).map(|it| it.id).collect(),
        rest => meant(connection, session.id(), &all, rest)?.iter().map(|it| it.id).collect(),
    };
    if hunks.is_empty() {
        return Ok("Nothing to review".into());
    }
    let select = Select { hunks, ..Select::default() };
    let failed = |error: std::io::Error| CommandError::failed(error.to_string()).message;
    let patches = patches_of(connection, session.id(), &select).await.map_err(failed)?;
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
