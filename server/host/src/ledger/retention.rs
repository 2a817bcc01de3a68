//! How much the ledger keeps: what is old goes, then the oldest until it is small enough.
//!
//! Edits that are begun or whose hunks wait for a decision are never too much, and stay as long as the age allows
//! twice over: forgetting them silently would be a decision. No more goes than has to, in small portions, so that
//! nobody waits long for the database.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{blobs, store, unrecorded};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Edits removed in one change.
pub(super) const PORTION: usize = 64;

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

/// Edits nobody has to decide about.
const SETTLED: &str = "state <> 'begun' AND NOT EXISTS
    (SELECT 1 FROM hunks WHERE hunks.edit = edits.id AND hunks.status = 'pending')";

/// Removes what is beyond the limits, one portion of it. Gives how many edits that were.
pub(super) fn prune(db: &mut Connection, limits: &Limits, now_ms: u64) -> rusqlite::Result<usize> {
    let old = too_old(db, limits.days, now_ms)?;
    if limits.days > 0 {
        unrecorded::forget(db, now_ms.saturating_sub(limits.days.saturating_mul(DAY_MS)) as i64)?;
    }
    let fits =
        |db: &Connection| -> rusqlite::Result<bool> { Ok(limits.bytes == 0 || used(db)? <= limits.bytes) };
    let more = if fits(db)? { Vec::new() } else { oldest(db)? };
    let mut removed = 0;
    if !old.is_empty() || !more.is_empty() {
        let change = store::write(db)?;
        let mut uses = Uses::count(&change)?;
        for id in old.iter().take(PORTION) {
            removed += uses.forget(&change, *id)?;
        }
        for id in more {
            if removed >= PORTION || fits(&change)? {
                break;
            }
            removed += uses.forget(&change, id)?;
        }
        change.commit()?;
    }
    Ok(removed)
}

/// Removes all that is beyond the limits, and what nothing needs any more, and makes the file as small as the rest.
pub(super) fn collect(db: &mut Connection, limits: &Limits, now_ms: u64) -> rusqlite::Result<Pruned> {
    db.execute_batch(
        "DELETE FROM files WHERE NOT EXISTS (SELECT 1 FROM hunks WHERE hunks.path = files.path);
         DELETE FROM blobs WHERE hash NOT IN (SELECT before FROM edits WHERE before IS NOT NULL
            UNION SELECT after FROM edits WHERE after IS NOT NULL
            UNION SELECT text FROM files WHERE text IS NOT NULL);
         DELETE FROM raw WHERE hash NOT IN (SELECT before FROM edits WHERE before IS NOT NULL
            UNION SELECT after FROM edits WHERE after IS NOT NULL
            UNION SELECT text FROM files WHERE text IS NOT NULL
            UNION SELECT base_raw FROM hunks WHERE base_raw IS NOT NULL);",
    )?;
    let mut edits = 0;
    loop {
        let pruned = prune(db, limits, now_ms)?;
        edits += pruned;
        if pruned == 0 {
            break;
        }
    }
    let left = db.query_row("SELECT count(*) FROM edits", [], |row| row.get::<_, i64>(0))?;
    let bytes = used(db)?;
    db.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")?;
    Ok(Pruned { edits, left: left.unsigned_abs() as usize, bytes })
}

fn too_old(db: &Connection, days: u64, now_ms: u64) -> rusqlite::Result<Vec<i64>> {
    if days == 0 {
        return Ok(Vec::new());
    }
    let before = |days: u64| now_ms.saturating_sub(days.saturating_mul(DAY_MS)) as i64;
    let which =
        format!("SELECT id FROM edits WHERE began < ?1 AND (began < ?2 OR {SETTLED}) ORDER BY id LIMIT ?3");
    let values = params![before(days), before(days.saturating_mul(2)), PORTION as i64];
    db.prepare_cached(&which)?.query_map(values, |row| row.get(0))?.collect()
}

fn oldest(db: &Connection) -> rusqlite::Result<Vec<i64>> {
    let which = format!("SELECT id FROM edits WHERE {SETTLED} ORDER BY id LIMIT ?1");
    db.prepare_cached(&which)?.query_map([PORTION as i64], |row| row.get(0))?.collect()
}

/// How often each text is needed.
struct Uses(HashMap<Vec<u8>, usize>);

impl Uses {
    fn count(db: &Transaction<'_>) -> rusqlite::Result<Self> {
        let mut uses: HashMap<Vec<u8>, usize> = HashMap::new();
        let all = "SELECT before FROM edits WHERE before IS NOT NULL
            UNION ALL SELECT after FROM edits WHERE after IS NOT NULL
            UNION ALL SELECT text FROM files WHERE text IS NOT NULL
            UNION ALL SELECT base_raw FROM hunks WHERE base_raw IS NOT NULL";
        for hash in db.prepare(all)?.query_map([], |row| row.get(0))? {
            *uses.entry(hash?).or_default() += 1;
        }
        Ok(Self(uses))
    }

    /// Removes an edit and what only it needed. Gives how many that were.
    fn forget(&mut self, db: &Transaction<'_>, id: i64) -> rusqlite::Result<usize> {
        type Texts = (Option<Vec<u8>>, Option<Vec<u8>>);
        let texts: Option<Texts> = db
            .prepare_cached("DELETE FROM edits WHERE id = ?1 RETURNING before, after")?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((before, after)) = texts else { return Ok(0) };
        let mut unused: Vec<Vec<u8>> = before.into_iter().chain(after).collect();
        let mut paths = BTreeSet::new();
        let mut hunks = db.prepare_cached("DELETE FROM hunks WHERE edit = ?1 RETURNING path, base_raw")?;
        for hunk in hunks.query_map([id], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))? {
            let (path, base) = hunk?;
            paths.insert(path);
            unused.extend::<Option<Vec<u8>>>(base);
        }
        for path in paths {
            let text: Option<Option<Vec<u8>>> = db
                .prepare_cached(
                    "DELETE FROM files WHERE path = ?1
                        AND NOT EXISTS (SELECT 1 FROM hunks WHERE hunks.path = ?1) RETURNING text",
                )?
                .query_row([&path], |row| row.get(0))
                .optional()?;
            unused.extend(text.flatten());
        }
        for hash in unused {
            let uses = self.0.entry(hash.clone()).or_insert(1);
            *uses -= 1;
            if *uses == 0 {
                self.0.remove(&hash);
                blobs::forget(db, &hash)?;
            }
        }
        Ok(1)
    }
}

/// Bytes of the pages that hold something.
pub(super) fn used(db: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = pragma("page_count")? - pragma("freelist_count")?;
    Ok((pages * pragma("page_size")?).unsigned_abs())
}
