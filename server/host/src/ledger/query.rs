//! Looking: which hunks there are, where they are now, and how they differ from what was there.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::{Path, PathBuf},
};

use ropey::Rope;
use rusqlite::{Connection, params};

use super::{
    blobs, commands,
    hunks::{FileState, Hunk, Status, To, Whole},
    journal::{self, stamp},
    raw::{self, Raw},
    store::{self, EditState, StoredFile},
};
use crate::{
    crash::{self, Point},
    form, fs,
    process::ProcessId,
    workspace::{MAX_FILE_BYTES, Workspace, standing::Standing},
};

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
    /// Those that this decision was about last.
    pub decision: Option<i64>,
}

/// What is last among hunks, whichever folders they are of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Last {
    /// Number of the last decision that can be taken back: it took something out, or kept it.
    pub decision: Option<i64>,
    /// Session and number of the last turn whose edits are still there.
    pub turn: Option<(String, u64)>,
}

impl Last {
    /// Among these.
    pub fn of(all: &[FoundHunk]) -> Self {
        let decided = all.iter().filter(|it| it.can_redo());
        let inside = all.iter().filter(|it| matches!(it.status, Status::Pending | Status::Kept));
        Self {
            decision: decided.map(|it| it.decision).max().filter(|it| *it > 0),
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
    /// Its file is gone, and another one has its name.
    pub aside: bool,
    /// The process that had an editor make it, if one did.
    pub editor_of: Option<ProcessId>,
    /// That editor may still have it, unsaved: it is not in the file, and nobody was seen to take it out.
    pub unsaved: bool,
    /// It is in the file, but not in the unsaved text of the editor that has the file open.
    pub on_disk_only: bool,
    /// The hunk that superseded it.
    pub parent: Option<i64>,
    /// Number of the last decision about it.
    pub decision: i64,
    /// What happened to the file, in words, if it is no text: `deleted (67 bytes)`. Such a hunk has no lines.
    pub binary: Option<String>,
}

impl FoundHunk {
    /// Whether it was decided about, and that can be taken back.
    pub fn can_redo(&self) -> bool {
        matches!(self.status, Status::Kept | Status::Rejected | Status::Reverted)
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// By file, and in the order of their lines.
    pub hunks: Vec<FoundHunk>,
    /// Edits that were in doubt.
    pub settled: Vec<Settled>,
    /// Files where hunks were found to be undone or redone by other means.
    pub turned: Vec<PathBuf>,
}

/// A hunk that a decision took out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOut {
    /// The file.
    pub path: PathBuf,
    /// First line, from 0.
    pub start: usize,
    /// Rejected or reverted.
    pub status: Status,
}

/// What an edit in doubt turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The file.
    pub path: PathBuf,
    /// It is there.
    pub made: bool,
    /// Whoever made it had given it up, and said so.
    pub given_up: bool,
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
    fn names(&self, hunk: &FoundHunk) -> bool {
        (self.hunks.is_empty() || self.hunks.contains(&hunk.id))
            && self.path.as_ref().is_none_or(|it| *it == hunk.path)
            && self.session.as_ref().is_none_or(|it| *it == hunk.session)
            && self.call.as_ref().is_none_or(|it| *it == hunk.call)
            && self.turn.is_none_or(|it| it == hunk.turn)
            && self.prompts.as_ref().is_none_or(|it| hunk.prompt.as_ref().is_some_and(|has| it.contains(has)))
            && self.decision.is_none_or(|it| it == hunk.decision)
    }

    /// The hunks that are meant, and those that contain one of them.
    pub(super) fn of<'a>(&self, all: &'a [FoundHunk]) -> Vec<&'a FoundHunk> {
        let mut meant: HashSet<i64> = all.iter().filter(|it| self.names(it)).map(|it| it.id).collect();
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
        all.iter().filter(|it| self.names(it)).collect()
    }
}

/// All hunks of a project as they are now. Records in doubt are settled first.
pub(super) fn look(
    db: &mut Connection,
    root: &str,
    workspace: &Workspace,
    running: &HashSet<i64>,
) -> rusqlite::Result<Found> {
    let settled = settle(db, root, workspace, running)?;
    let mut hunks = rows(db, root)?;
    let mut turned = Vec::new();
    let mut rest = hunks.as_mut_slice();
    while let Some(first) = rest.first() {
        let (path, aside) = (first.path.clone(), first.aside);
        let count = rest.iter().take_while(|it| it.path == path && it.aside == aside).count();
        let (file, others) = rest.split_at_mut(count);
        if !aside && look_at(db, root, &path, file, workspace)? {
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
    let looked = workspace.look(path);
    let open = looked.as_ref().filter(|it| it.1.counts()).map(|it| it.0.rope.to_string());
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
    if now.is_none() {
        if let Some(place) = renamed_by_others(db, &mut file, workspace)? {
            let to = store::path_text(&place);
            let change = store::write(db)?;
            store::rename(&change, &key, &to)?;
            file.stamp = stamp(&place);
            let saved = store::save(&change, root, &to, &file)?;
            if saved {
                change.commit()?;
                for row in rows.iter_mut() {
                    let now = file.state.hunks.iter().find(|it| it.id == row.id);
                    row.status = now.map_or(row.status, |it| it.status);
                    row.path = place.clone();
                }
            }
            return Ok(saved);
        }
    }
    // Two texts, and a save decides which one stays: until then a change is there that is in one of them.
    let mut disk = FileState::default();
    if let Some((_, Standing::Apart(text))) = &looked {
        disk = file.state.clone();
        disk.follow(text.as_ref().map(Rope::to_string).as_deref());
    }
    let is_apart = !disk.hunks.is_empty();
    file.state.follow(now.as_deref());
    let by_id: HashMap<i64, _> =
        file.state.hunks.iter().enumerate().map(|(rank, it)| (it.id, (rank, it))).collect();
    let mut turned = false;
    for row in rows.iter_mut() {
        if let Some((_, it)) = by_id.get(&row.id) {
            let on_disk = disk.hunks.iter().find(|disk| disk.id == row.id && disk.is_in() && !it.is_in());
            row.on_disk_only = on_disk.is_some();
            let it = on_disk.unwrap_or(it);
            row.unsaved = looked.is_none()
                && matches!(row.status, Status::Pending | Status::Kept)
                && matches!(it.status, Status::Rejected | Status::Reverted)
                && row.editor_of.is_some_and(ProcessId::is_alive);
            turned |= row.status != it.status;
            (row.status, row.edited) = (it.status, it.edited);
            if row.binary.is_none() {
                (row.start, row.len) = (it.start, it.len);
            }
        }
    }
    rows.sort_by_key(|row| by_id.get(&row.id).map_or(usize::MAX, |(rank, _)| *rank));
    if !turned || !is_open || is_apart {
        return Ok(false);
    }
    file.stamp = None;
    let change = store::write(db)?;
    let saved = store::save(&change, root, &key, &file)?;
    change.commit()?;
    Ok(saved)
}

/// Recognises that a file that is gone has the other name of one of its renames: somebody took it back, or a decision
/// was cut off. Gives the name.
fn renamed_by_others(
    db: &Connection,
    file: &mut StoredFile,
    workspace: &Workspace,
) -> rusqlite::Result<Option<PathBuf>> {
    let renames = file.state.hunks.iter().filter(|it| it.renames() && file.state.can_rename(it));
    let others = renames.filter_map(|it| match &it.whole {
        Some(Whole::Renamed { from, .. }) if it.is_in() => Some((it.id, To::Base, from.clone())),
        Some(Whole::Renamed { to, .. }) => Some((it.id, To::Text, to.clone())),
        _ => None,
    });
    for (id, side, name) in others.collect::<Vec<_>>() {
        let (text, _) = current(Path::new(&name), workspace);
        if text.is_some() && text == file.state.text && store::has_room(db, &name)? {
            file.state.flip(&[(id, side)]);
            return Ok(Some(name.into()));
        }
    }
    Ok(None)
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

/// Removes what writers that were killed have left beside the files they were to replace.
pub(super) fn sweep(db: &Connection, root: &str) -> rusqlite::Result<()> {
    let mut statement = db.prepare("SELECT DISTINCT path FROM edits WHERE root = ?1")?;
    let paths = statement.query_map([root], |row| row.get::<_, String>(0))?;
    let mut folders = HashSet::new();
    for path in paths {
        folders.extend(Path::new(&path?).parent().map(Path::to_owned));
    }
    folders.iter().for_each(|it| fs::sweep(it));
    Ok(())
}

/// Looks at what was left in doubt.
pub(super) fn settle(
    db: &mut Connection,
    root: &str,
    workspace: &Workspace,
    running: &HashSet<i64>,
) -> rusqlite::Result<Vec<Settled>> {
    let open = store::open_edits(db, root)?.into_iter();
    let (commands, left): (Vec<_>, Vec<_>) =
        open.filter(|it| !journal::in_progress(it, running)).partition(|it| it.command);
    let mut settled = Vec::new();
    let groups: BTreeSet<i64> = commands.iter().map(|it| it.group).collect();
    for group in groups {
        let change = store::write(db)?;
        let files = commands::end(&change, group, commands::now, &HashSet::new())?;
        crash::at(Point::Settling);
        change.commit()?;
        crash::at(Point::Settled);
        settled.extend(files.into_iter().map(|path| Settled { path, made: true, given_up: false }));
    }
    for edit in left {
        let path = PathBuf::from(&edit.path);
        finish(&edit, &path, workspace);
        let (now, open) = current(&path, workspace);
        let change = store::write(db)?;
        let decided = open && !journal::may_still_come(&edit);
        let outcome = journal::settle(&change, &edit, now.as_deref(), decided)?;
        crash::at(Point::Settling);
        change.commit()?;
        crash::at(Point::Settled);
        let given_up = edit.left;
        settled.extend(outcome.map(|it| Settled { path, made: it == EditState::Done, given_up }));
    }
    Ok(settled)
}

/// A file that is written in place may have been left half written, and a new one empty as an editor has made it. What
/// it was to be is on record.
fn finish(edit: &store::OpenEdit, path: &Path, workspace: &Workspace) {
    let Some(after) = &edit.after else { return };
    if edit.buffer || workspace.document(path).is_some() || Raw::parse(after).is_some() {
        return;
    }
    let half = match &edit.before {
        Some(before) => fs::is_half_written(path, before.as_bytes(), after.as_bytes()),
        None => edit.creates && path.symlink_metadata().is_ok_and(|it| it.is_file() && it.len() == 0),
    };
    if half {
        if let Err(error) = fs::write_atomic(path, after.as_bytes()) {
            tracing::warn!(%error, path = %path.display(), "a half-written file cannot be finished");
        }
    }
}

/// The text of a file, without a byte order mark, and whether it is open in an editor. Blocks.
pub(super) fn current(path: &Path, workspace: &Workspace) -> (Option<String>, bool) {
    match open_text(path, workspace) {
        Some(text) => (Some(text), true),
        None => (disk_text(path), false),
    }
}

/// The text of a file that is open in an editor. Where nobody has typed and the file has become another one or has
/// gone, it is only what is left of it in a window.
pub(super) fn open_text(path: &Path, workspace: &Workspace) -> Option<String> {
    let text = workspace.shown(path)?.rope.to_string();
    Some(raw::of_text(form::without_mark(&text)).into_owned())
}

/// What is too large is as if it were not there.
fn disk_text(path: &Path) -> Option<String> {
    let text = raw::content(fs::read_bounded(path, MAX_FILE_BYTES).ok()?);
    Some(form::without_mark(&text).to_owned())
}

/// Longest line that stands for what is no text, as it is stored.
const LONGEST_LINE: i64 = 128;

fn rows(db: &Connection, root: &str) -> rusqlite::Result<Vec<FoundHunk>> {
    let mut statement = db.prepare_cached(
        "SELECT h.id, h.path, h.start, h.len, h.removed, h.added, h.status, h.edited, h.whole, h.renamed_from,
            e.session, e.prompt, e.turn, e.call, e.tool, e.began, h.parent, h.decision, e.path,
            e.buffer, e.process, e.process_began,
            CASE WHEN length(h.base) <= ?2 THEN h.base END, CASE WHEN length(h.text) <= ?2 THEN h.text END
         FROM files f JOIN hunks h ON h.path = f.path JOIN edits e ON e.id = h.edit
         WHERE f.root = ?1 ORDER BY f.path, h.rank",
    )?;
    let found = statement.query_map(params![root, LONGEST_LINE], |row| {
        let whole = store::whole(row.get(8)?, row.get(9)?, row.get(18)?);
        let side = |at| row.get::<_, Option<Vec<u8>>>(at).map(|it| it.map(|it| blobs::unpack(&it)));
        let [base, text] = [side(22)?, side(23)?];
        let binary = raw::words(
            base.as_deref().filter(|_| whole != Some(Whole::Created)),
            text.as_deref().filter(|_| whole != Some(Whole::Deleted)),
        );
        let lines = |at| match binary {
            None => row.get::<_, u32>(at).map(|it| it as usize),
            Some(_) => Ok(0),
        };
        let key: String = row.get(1)?;
        let (path, aside) = store::path_of(&key);
        let maker = ProcessId { number: row.get(20)?, began: row.get(21)? };
        Ok(FoundHunk {
            id: row.get(0)?,
            path: PathBuf::from(path),
            aside,
            editor_of: row.get::<_, bool>(19)?.then_some(maker),
            unsaved: false,
            on_disk_only: false,
            start: lines(2)?,
            len: lines(3)?,
            base_start: 0,
            removed: lines(4)?,
            added: lines(5)?,
            status: store::status(row.get_ref(6)?.as_str()?),
            edited: row.get(7)?,
            whole,
            session: row.get(10)?,
            prompt: row.get(11)?,
            turn: row.get::<_, i64>(12)?.unsigned_abs(),
            call: row.get(13)?,
            tool: row.get(14)?,
            time: row.get::<_, i64>(15)?.unsigned_abs(),
            parent: row.get(16)?,
            decision: row.get(17)?,
            binary,
        })
    })?;
    found.collect()
}

/// Whether the file of a hunk is put aside.
pub(super) fn is_aside(db: &Connection, hunk: i64) -> rusqlite::Result<bool> {
    let key = db
        .prepare_cached("SELECT path FROM hunks WHERE id = ?1")?
        .query_row([hunk], |row| row.get::<_, String>(0))?;
    Ok(store::path_of(&key).1)
}

/// The texts of hunks: what each took away and what it put there.
pub(super) fn texts(db: &Connection, ids: &[i64]) -> rusqlite::Result<HashMap<i64, (String, String)>> {
    let mut statement = db.prepare_cached("SELECT base, text FROM hunks WHERE id = ?1")?;
    let mut out = HashMap::new();
    for id in ids {
        let text =
            |row: &rusqlite::Row<'_>, at| row.get::<_, Vec<u8>>(at).map(|it| raw::shown(blobs::unpack(&it)));
        out.insert(*id, statement.query_row([id], |row| Ok((text(row, 0)?, text(row, 1)?)))?);
    }
    Ok(out)
}

/// A file before and after some edits: its path, none where it is not there, and its text.
pub(super) type Side = (Option<PathBuf>, String);

/// What the hunks with these ids change in a file as it is now. Those that others have edited are left out.
pub(super) fn sides_of(file: &FileState, path: &Path, ids: &HashSet<i64>) -> (Side, Side) {
    let flips = |to: fn(&Hunk) -> To, wanted: fn(&Hunk) -> bool| -> Vec<(i64, To)> {
        let meant = file.hunks.iter().filter(|it| ids.contains(&it.id) && !it.edited && it.is_live());
        meant.filter(|it| wanted(it)).map(|it| (it.id, to(it))).collect()
    };
    let (mut from, mut with) = (file.clone(), file.clone());
    with.flip(&flips(|_| To::Text, |it| !it.is_in()));
    let back = |it: &Hunk| if it.status == Status::Pending { To::Base } else { To::Previous };
    from.flip(&flips(back, |it| it.is_in()));
    let side = |it: FileState| {
        let moved = it.place().filter(|place| Some(*place) != file.place());
        let place = moved.map_or_else(|| path.to_owned(), PathBuf::from);
        (it.text.is_some().then_some(place), it.text.unwrap_or_default())
    };
    (side(from), side(with))
}

/// What the edits of a session, a call, a turn or a prompt changed when they were made: one pair for each unbroken
/// series of them. Those of a file are those whose hunks are in it, whatever its name was then.
pub(super) fn sides_of_edits(
    db: &Connection,
    root: &str,
    select: &Select,
) -> rusqlite::Result<Vec<(Side, Side)>> {
    let mut statement = db.prepare_cached(
        "SELECT path, before, after, call, prompt, from_path,
            (SELECT path FROM hunks WHERE hunks.edit = edits.id LIMIT 1) FROM edits
         WHERE root = ?1 AND state = 'done' AND (?2 IS NULL OR session = ?2) AND (?3 IS NULL OR turn = ?3)
         ORDER BY path, id",
    )?;
    type Hash = Option<Vec<u8>>;
    struct Edit {
        path: String,
        before: Hash,
        after: Hash,
        call: String,
        prompt: Option<String>,
        from: Option<String>,
        place: Option<String>,
    }
    let turn = select.turn.map(|it| it as i64);
    let rows = statement.query_map(params![root, select.session, turn], |row| {
        Ok(Edit {
            path: row.get(0)?,
            before: row.get(1)?,
            after: row.get(2)?,
            call: row.get(3)?,
            prompt: row.get(4)?,
            from: row.get(5)?,
            place: row.get(6)?,
        })
    })?;
    let mut series: Vec<Edit> = Vec::new();
    for row in rows {
        let edit = row?;
        let place = edit.place.as_deref().map_or(&*edit.path, |it| store::path_of(it).0);
        let meant = select.path.as_ref().is_none_or(|it| *it == Path::new(place))
            && select.call.as_ref().is_none_or(|it| *it == edit.call)
            && select
                .prompts
                .as_ref()
                .is_none_or(|it| edit.prompt.as_ref().is_some_and(|has| it.contains(has)));
        let last = series.last_mut().filter(|last| last.path == edit.path && last.after == edit.before);
        match last {
            Some(last) if meant && edit.from.is_none() => last.after = edit.after,
            _ if meant => series.push(edit),
            _ => {}
        }
    }
    let side = |path: String, hash: Hash| -> rusqlite::Result<Side> {
        let there = hash.is_some().then_some(PathBuf::from(path));
        Ok((there, hash.map_or(Ok(String::new()), |it| blobs::get(db, &it))?))
    };
    let sides = series.into_iter().map(|it| {
        let from = it.from.unwrap_or_else(|| it.path.clone());
        Ok((side(from, it.before)?, side(it.path, it.after)?))
    });
    sides.collect()
}

/// The file as the ledger has it, followed to what it is now.
pub(super) fn file_now(db: &Connection, path: &Path, workspace: &Workspace) -> rusqlite::Result<StoredFile> {
    let mut file = store::load(db, &store::path_text(path))?;
    let (now, _) = current(path, workspace);
    file.state.follow(now.as_deref());
    Ok(file)
}

/// The hunks of a session that a decision after `since` (milliseconds since 1970) took out.
pub(super) fn taken_out_since(db: &Connection, session: &str, since: u64) -> rusqlite::Result<Vec<TakenOut>> {
    let mut statement = db.prepare_cached(
        "SELECT hunks.path, hunks.start, hunks.status FROM edits JOIN hunks ON hunks.edit = edits.id
         WHERE edits.session = ?1 AND hunks.decision > ?2 AND hunks.status IN ('rejected', 'reverted')
         ORDER BY hunks.path, hunks.start",
    )?;
    let rows = statement.query_map(params![session, since], |row| {
        let (path, status): (String, String) = (row.get(0)?, row.get(2)?);
        let path = PathBuf::from(store::path_of(&path).0);
        Ok(TakenOut { path, start: row.get(1)?, status: store::status(&status) })
    })?;
    rows.collect()
}
