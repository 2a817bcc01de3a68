//! Looking: which hunks there are, where they are now, and how they differ from what was there.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, params};

use super::{
    blobs,
    hunks::{FileState, Status, To, Whole},
    journal::{self, stamp},
    store::{self, EditState, StoredFile},
};
use crate::{fs, tools::diff, workspace::MAX_FILE_BYTES, workspace::Workspace};

/// Which hunks are meant; every field narrows the choice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Select {
    /// These.
    pub hunks: Vec<i64>,
    /// Those of this file.
    pub path: Option<PathBuf>,
    /// Those of this session.
    pub session: Option<String>,
    /// Those of this tool call.
    pub call: Option<String>,
    /// Those of this turn of the session.
    pub turn: Option<u64>,
    /// Those that came from these prompts.
    pub prompts: Option<Vec<String>>,
    /// Those that the last decision took out.
    pub last_decision: bool,
    /// Those of the last turn whose edits are still there.
    pub last_turn: bool,
}

/// What is last among all hunks of a project.
struct Last {
    decision: i64,
    turn: Option<(String, u64)>,
}

impl Last {
    fn of(all: &[FoundHunk]) -> Self {
        let out = all.iter().filter(|it| matches!(it.status, Status::Rejected | Status::Reverted));
        let inside = all.iter().filter(|it| matches!(it.status, Status::Pending | Status::Kept));
        Self {
            decision: out.map(|it| it.decision).max().unwrap_or_default(),
            turn: inside.max_by_key(|it| (it.time, it.id)).map(|it| (it.session.clone(), it.turn)),
        }
    }
}

/// A hunk with everything but its texts, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundHunk {
    /// Its id.
    pub id: i64,
    /// The file.
    pub path: PathBuf,
    /// First line now, from 0.
    pub start: usize,
    /// Lines now.
    pub len: usize,
    /// First line in the text without what waits, from 0.
    pub base_start: usize,
    /// Lines it took away.
    pub removed: usize,
    /// Lines it put there.
    pub added: usize,
    /// What became of it.
    pub status: Status,
    /// Its lines were changed by somebody else.
    pub edited: bool,
    /// What happened to the file.
    pub whole: Option<Whole>,
    /// The session.
    pub session: String,
    /// Entry of the prompt.
    pub prompt: Option<String>,
    /// Turn in the session.
    pub turn: u64,
    /// The tool call.
    pub call: String,
    /// The tool.
    pub tool: String,
    /// When the edit was made, milliseconds since 1970.
    pub time: u64,
    /// The hunk that superseded it.
    pub parent: Option<i64>,
    /// Number of the last decision about it.
    pub decision: i64,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// By file, and in the order of their lines.
    pub hunks: Vec<FoundHunk>,
    /// Edits in doubt that turned out to be made, or not.
    pub settled: Vec<(PathBuf, bool)>,
    /// Files where hunks were found to be undone or redone by other means.
    pub turned: Vec<PathBuf>,
}

/// A unified diff of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditPatch {
    /// The file.
    pub path: PathBuf,
    /// Its diff.
    pub diff: String,
}

impl Select {
    /// Whether a hunk is meant by itself.
    fn names(&self, hunk: &FoundHunk, last: &Last) -> bool {
        (self.hunks.is_empty() || self.hunks.contains(&hunk.id))
            && self.path.as_ref().is_none_or(|it| *it == hunk.path)
            && self.session.as_ref().is_none_or(|it| *it == hunk.session)
            && self.call.as_ref().is_none_or(|it| *it == hunk.call)
            && self.turn.is_none_or(|it| it == hunk.turn)
            && self.prompts.as_ref().is_none_or(|it| hunk.prompt.as_ref().is_some_and(|has| it.contains(has)))
            && (!self.last_decision || (last.decision > 0 && hunk.decision == last.decision))
            && (!self.last_turn
                || last.turn.as_ref().is_some_and(|it| *it == (hunk.session.clone(), hunk.turn)))
    }

    /// The hunks that are meant, and those that contain one of them.
    pub(super) fn of<'a>(&self, all: &'a [FoundHunk]) -> Vec<&'a FoundHunk> {
        let last = Last::of(all);
        let mut meant: HashSet<i64> = all.iter().filter(|it| self.names(it, &last)).map(|it| it.id).collect();
        let parents: HashMap<i64, i64> = all.iter().filter_map(|it| Some((it.id, it.parent?))).collect();
        let inner: Vec<i64> = all
            .iter()
            .filter(|it| it.status == Status::Superseded && meant.contains(&it.id))
            .map(|it| it.id)
            .collect();
        for mut id in inner {
            while let Some(&parent) = parents.get(&id).filter(|it| !meant.contains(it)) {
                meant.insert(parent);
                id = parent;
            }
        }
        all.iter().filter(|it| meant.contains(&it.id)).collect()
    }

    /// The hunks that are meant, whether or not they are part of others.
    pub(super) fn exactly<'a>(&self, all: &'a [FoundHunk]) -> Vec<&'a FoundHunk> {
        let last = Last::of(all);
        all.iter().filter(|it| self.names(it, &last)).collect()
    }
}

/// All hunks of a project as they are now. Records in doubt are settled first.
pub(super) fn look(db: &mut Connection, root: &str, workspace: &Workspace) -> rusqlite::Result<Found> {
    let settled = settle(db, root, workspace)?;
    let mut hunks = rows(db, root)?;
    let mut turned = Vec::new();
    let mut rest = hunks.as_mut_slice();
    while let Some(first) = rest.first() {
        let path = first.path.clone();
        let count = rest.iter().take_while(|it| it.path == path).count();
        let (file, others) = rest.split_at_mut(count);
        if look_at(db, root, &path, file, workspace)? {
            turned.push(path);
        }
        place_in_base(file);
        rest = others;
    }
    Ok(Found { hunks, settled, turned })
}

/// Brings the hunks of one file up to date; true if some were undone or redone in an open buffer, which is then kept.
fn look_at(
    db: &mut Connection,
    root: &str,
    path: &Path,
    rows: &mut [FoundHunk],
    workspace: &Workspace,
) -> rusqlite::Result<bool> {
    let key = store::path_text(path);
    let open = workspace.document(path).map(|it| it.rope.to_string());
    if open.is_none() {
        let stamped: Option<String> = db
            .prepare_cached("SELECT stamp FROM files WHERE path = ?1")?
            .query_row([&key], |row| row.get(0))?;
        if stamped.is_some() && stamped == stamp(path) {
            return Ok(false);
        }
    }
    let is_open = open.is_some();
    let now = open.or_else(|| disk_text(path));
    let mut file = store::load(db, &key)?;
    if file.state.text == now {
        return Ok(false);
    }
    file.state.follow(now.as_deref());
    let by_id: HashMap<i64, _> =
        file.state.hunks.iter().enumerate().map(|(rank, it)| (it.id, (rank, it))).collect();
    let mut turned = false;
    for row in rows.iter_mut() {
        if let Some((_, it)) = by_id.get(&row.id) {
            turned |= row.status != it.status;
            (row.status, row.edited, row.start, row.len) = (it.status, it.edited, it.start, it.len);
        }
    }
    rows.sort_by_key(|row| by_id.get(&row.id).map_or(usize::MAX, |(rank, _)| *rank));
    if !(turned && is_open) {
        return Ok(false);
    }
    file.stamp = None;
    let change = store::write(db)?;
    let saved = store::save(&change, root, &key, &file)?;
    change.commit()?;
    Ok(saved)
}

/// Where each hunk is in the text without what waits.
fn place_in_base(file: &mut [FoundHunk]) {
    let (mut lines, mut base) = (0, 0);
    for it in file.iter_mut() {
        it.base_start = (it.start + base).saturating_sub(lines);
        if it.status == Status::Pending {
            lines += it.len;
            base += it.removed;
        }
    }
}

/// Looks at what was left in doubt.
fn settle(db: &mut Connection, root: &str, workspace: &Workspace) -> rusqlite::Result<Vec<(PathBuf, bool)>> {
    let left: Vec<_> =
        store::open_edits(db, root)?.into_iter().filter(|it| !journal::in_progress(it)).collect();
    let mut settled = Vec::new();
    for edit in left {
        let path = PathBuf::from(&edit.path);
        let (now, open) = current(&path, workspace);
        let change = store::write(db)?;
        let outcome = journal::settle(&change, &edit, now.as_deref(), open)?;
        change.commit()?;
        settled.extend(outcome.map(|it| (path, it == EditState::Done)));
    }
    Ok(settled)
}

/// The text of a file, and whether it is open in an editor. Blocks.
pub(super) fn current(path: &Path, workspace: &Workspace) -> (Option<String>, bool) {
    match workspace.document(path) {
        Some(document) => (Some(document.rope.to_string()), true),
        None => (disk_text(path), false),
    }
}

/// What is no text is as if it were not there: no hunk can be in it.
fn disk_text(path: &Path) -> Option<String> {
    String::from_utf8(fs::read_bounded(path, MAX_FILE_BYTES).ok()?).ok()
}

fn rows(db: &Connection, root: &str) -> rusqlite::Result<Vec<FoundHunk>> {
    let mut statement = db.prepare_cached(
        "SELECT h.id, h.path, h.start, h.len, h.removed, h.added, h.status, h.edited, h.whole, h.renamed_from,
            e.session, e.prompt, e.turn, e.call, e.tool, e.began, h.parent, h.decision
         FROM files f JOIN hunks h ON h.path = f.path JOIN edits e ON e.id = h.edit
         WHERE f.root = ?1 ORDER BY f.path, h.rank",
    )?;
    let found = statement.query_map([root], |row| {
        let lines = |at| row.get::<_, u32>(at).map(|it| it as usize);
        Ok(FoundHunk {
            id: row.get(0)?,
            path: PathBuf::from(row.get::<_, String>(1)?),
            start: lines(2)?,
            len: lines(3)?,
            base_start: 0,
            removed: lines(4)?,
            added: lines(5)?,
            status: store::status(row.get_ref(6)?.as_str()?),
            edited: row.get(7)?,
            whole: store::whole(row.get(8)?, row.get(9)?),
            session: row.get(10)?,
            prompt: row.get(11)?,
            turn: row.get::<_, i64>(12)?.unsigned_abs(),
            call: row.get(13)?,
            tool: row.get(14)?,
            time: row.get::<_, i64>(15)?.unsigned_abs(),
            parent: row.get(16)?,
            decision: row.get(17)?,
        })
    })?;
    found.collect()
}

/// The texts of hunks: what each took away and what it put there.
pub(super) fn texts(db: &Connection, ids: &[i64]) -> rusqlite::Result<HashMap<i64, (String, String)>> {
    let mut statement = db.prepare_cached("SELECT base, text FROM hunks WHERE id = ?1")?;
    let mut out = HashMap::new();
    for id in ids {
        let text = |row: &rusqlite::Row<'_>, at| row.get::<_, Vec<u8>>(at).map(|it| blobs::unpack(&it));
        out.insert(*id, statement.query_row([id], |row| Ok((text(row, 0)?, text(row, 1)?)))?);
    }
    Ok(out)
}

/// What the hunks with these ids change in a file as it is now. Those that others have edited are left out.
pub(super) fn patch_of(file: &FileState, name: &str, ids: &HashSet<i64>) -> String {
    let flips =
        |to: fn(&super::hunks::Hunk) -> To, wanted: fn(&super::hunks::Hunk) -> bool| -> Vec<(i64, To)> {
            let meant = file.hunks.iter().filter(|it| ids.contains(&it.id) && !it.edited && it.is_live());
            meant.filter(|it| wanted(it)).map(|it| (it.id, to(it))).collect()
        };
    let (mut from, mut with) = (file.clone(), file.clone());
    with.flip(&flips(|_| To::Text, |it| !it.is_in()));
    let back = |it: &super::hunks::Hunk| if it.status == Status::Pending { To::Base } else { To::Previous };
    from.flip(&flips(back, |it| it.is_in()));
    let text = |it: FileState| it.text.unwrap_or_default();
    diff::patch(name, &text(from), &text(with))
}

/// What the edits of a call, a turn or a prompt changed when they were made: a diff for each unbroken series of them.
pub(super) fn patches_of_edits(
    db: &Connection,
    root: &str,
    select: &Select,
) -> rusqlite::Result<Vec<(PathBuf, String, String)>> {
    let mut statement = db.prepare_cached(
        "SELECT path, before, after, call, prompt FROM edits
         WHERE root = ?1 AND state = 'done' AND (?2 IS NULL OR session = ?2) AND (?3 IS NULL OR turn = ?3)
         ORDER BY path, id",
    )?;
    type Hash = Option<Vec<u8>>;
    type Row = (String, Hash, Hash, String, Option<String>);
    let turn = select.turn.map(|it| it as i64);
    let rows = statement.query_map(params![root, select.session, turn], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    })?;
    let mut series: Vec<(PathBuf, Hash, Hash)> = Vec::new();
    for row in rows {
        let (path, before, after, call, prompt): Row = row?;
        let path = PathBuf::from(path);
        let meant = select.path.as_ref().is_none_or(|it| *it == path)
            && select.call.as_ref().is_none_or(|it| *it == call)
            && select.prompts.as_ref().is_none_or(|it| prompt.is_some_and(|has| it.contains(&has)));
        match series.last_mut().filter(|last| last.0 == path && last.2 == before) {
            Some(last) if meant => last.2 = after,
            _ if meant => series.push((path, before, after)),
            _ => {}
        }
    }
    let text = |hash: Hash| hash.map_or(Ok(String::new()), |it| blobs::get(db, &it));
    series.into_iter().map(|(path, before, after)| Ok((path, text(before)?, text(after)?))).collect()
}

/// The file as the ledger has it, followed to what it is now.
pub(super) fn file_now(db: &Connection, path: &Path, workspace: &Workspace) -> rusqlite::Result<StoredFile> {
    let mut file = store::load(db, &store::path_text(path))?;
    let (now, _) = current(path, workspace);
    file.state.follow(now.as_deref());
    Ok(file)
}
