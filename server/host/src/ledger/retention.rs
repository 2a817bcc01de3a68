//! How much the ledger keeps: what is old goes, then the oldest until it is small enough.
//!
//! Edits whose hunks still wait for a decision stay as long as the age allows twice over: forgetting them silently
//! would be a decision.

use rusqlite::{Connection, params};

use super::store;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Edits removed at a time, so that nobody waits long for the database.
const PORTION: i64 = 500;

/// What is kept at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Age of an edit in days; 0 = any.
    pub days: u64,
    /// Size of the stored texts in bytes; 0 = any.
    pub bytes: u64,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Edits.
    pub edits: usize,
    /// Edits that are left.
    pub left: usize,
    /// Bytes in use, before compaction of the file.
    pub bytes: u64,
}

/// Removes what is beyond the limits, one portion of it.
pub fn prune(db: &mut Connection, limits: &Limits, now_ms: u64) -> rusqlite::Result<Pruned> {
    let before = |days: u64| now_ms.saturating_sub(days.saturating_mul(DAY_MS)) as i64;
    let mut removed = 0;
    if limits.days > 0 {
        let (old, very_old) = (before(limits.days), before(limits.days.saturating_mul(2)));
        let which = "SELECT id FROM edits WHERE began < ?1 AND (began < ?2 OR NOT EXISTS
            (SELECT 1 FROM hunks WHERE hunks.edit = edits.id AND hunks.status = 'pending')) LIMIT ?3";
        removed += remove(db, which, params![old, very_old, PORTION])?;
    }
    if limits.bytes > 0 && used(db)? > limits.bytes {
        removed += remove(db, "SELECT id FROM edits ORDER BY id LIMIT ?1", params![PORTION])?;
    }
    let left = db.query_row("SELECT count(*) FROM edits", [], |row| row.get::<_, i64>(0))?;
    Ok(Pruned { edits: removed, left: left.unsigned_abs() as usize, bytes: used(db)? })
}

/// Removes the edits a query names, and what only they needed.
fn remove(db: &mut Connection, which: &str, values: impl rusqlite::Params) -> rusqlite::Result<usize> {
    let ids =
        db.prepare(which)?.query_map(values, |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    if ids.is_empty() {
        return Ok(0);
    }
    let change = store::write(db)?;
    for id in &ids {
        change.prepare_cached("DELETE FROM hunks WHERE edit = ?1")?.execute([id])?;
        change.prepare_cached("DELETE FROM edits WHERE id = ?1")?.execute([id])?;
    }
    change.execute_batch(
        "DELETE FROM files WHERE NOT EXISTS (SELECT 1 FROM hunks WHERE hunks.path = files.path);
         DELETE FROM blobs WHERE hash NOT IN (SELECT before FROM edits WHERE before IS NOT NULL
            UNION SELECT after FROM edits WHERE after IS NOT NULL
            UNION SELECT text FROM files WHERE text IS NOT NULL);",
    )?;
    change.commit()?;
    Ok(ids.len())
}

/// Bytes of the pages that hold something.
fn used(db: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = pragma("page_count")? - pragma("freelist_count")?;
    Ok((pages * pragma("page_size")?).unsigned_abs())
}

/// Makes the file as small as what is in it.
pub fn vacuum(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")
}
