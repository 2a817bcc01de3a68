//! Commands that changed files beside what is on record of them: nothing takes that back, and whoever goes back is
//! told so.

use rusqlite::{Connection, params};

use super::query::Select;
use crate::workspace::journal::EditCause;

/// Keeps that a command did so.
pub(super) fn insert(
    db: &Connection,
    root: &str,
    cause: &EditCause,
    command: &str,
    now_ms: u64,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO commands (root, session, prompt, turn, call, command, began) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        root,
        &*cause.session_id,
        cause.prompt_id.as_deref(),
        cause.turn as i64,
        &*cause.call_id,
        command,
        now_ms as i64
    ])
    .map(drop)
}

/// The commands of a session, a call, a turn or prompts, in their order; none if hunks or a file are meant.
pub(super) fn find(db: &Connection, root: &str, select: &Select) -> rusqlite::Result<Vec<String>> {
    let by_edit = select.session.is_some() || select.prompts.is_some() || select.call.is_some();
    if !by_edit || !select.hunks.is_empty() || select.path.is_some() || select.decision.is_some() {
        return Ok(Vec::new());
    }
    let mut statement = db.prepare_cached(
        "SELECT command, prompt FROM commands WHERE root = ?1 AND (?2 IS NULL OR session = ?2)
            AND (?3 IS NULL OR turn = ?3) AND (?4 IS NULL OR call = ?4) ORDER BY id",
    )?;
    let values = params![root, select.session, select.turn.map(|it| it as i64), select.call];
    let rows = statement.query_map(values, |row| Ok((row.get(0)?, row.get::<_, Option<String>>(1)?)))?;
    let is_meant = |prompt: &Option<String>| {
        select.prompts.as_ref().is_none_or(|it| prompt.as_ref().is_some_and(|has| it.contains(has)))
    };
    let mut found: Vec<String> = Vec::new();
    for row in rows {
        let (command, prompt) = row?;
        if is_meant(&prompt) && !found.contains(&command) {
            found.push(command);
        }
    }
    Ok(found)
}

/// Forgets those that are older.
pub(super) fn forget(db: &Connection, before_ms: i64) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM commands WHERE began < ?1")?.execute([before_ms]).map(drop)
}
