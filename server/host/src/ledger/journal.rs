//! The journal of the workspaces: a record before an edit is made, its hunks once it was.
//!
//! A record that is neither completed nor known to be wrong is in doubt: the process was killed, or a run was
//! stopped while an editor still had the edit. It is settled by looking, the next time anybody asks for the file:
//! the wanted text is there, or the old one is, or something else.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use pi_core::clock;
use rusqlite::Transaction;

use super::{
    Ledger, LedgerEvent, blobs, commands, lock,
    raw::{self, Raw},
    store::{self, EditState, NewEdit, OpenEdit},
    unrecorded,
};
use crate::{
    crash::{self, Point},
    form::{self, Form, MARK},
    fs, paths,
    workspace::{
        has_change,
        journal::{EditCause, EditIntent, EditJournal, EditKind, Watched},
        rebase,
    },
};

/// No edit takes longer: an editor has seconds to answer.
const LONGEST_MS: u64 = 120_000;
/// A command may take long; later its process number may be another process's.
const LONGEST_COMMAND_MS: u64 = 24 * 60 * 60 * 1000;
/// The record's number when there is none: an edit the user asked for, or a ledger that cannot be written.
const UNRECORDED: u64 = 0;

/// Records the edits of all workspaces of this process.
#[derive(Debug)]
pub struct Journal {
    ledger: Arc<Ledger>,
    /// The project folders.
    roots: Mutex<Vec<PathBuf>>,
}

impl Journal {
    /// In this ledger.
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger, roots: Mutex::default() }
    }

    /// Edits of files in this folder belong to its project.
    pub fn add_root(&self, root: &Path) {
        let (root, mut roots) = (paths::canonical(root), lock(&self.roots));
        if !roots.contains(&root) {
            roots.push(root);
        }
    }

    /// The project a file belongs to: the innermost one, or the first if it is outside of all.
    fn root_of(&self, path: &Path) -> String {
        let roots = lock(&self.roots);
        let inside = roots.iter().filter(|it| path.starts_with(it));
        let root = inside.max_by_key(|it| it.components().count()).or(roots.first());
        root.map_or_else(String::new, |it| store::path_text(it))
    }
}

impl EditJournal for Journal {
    /// Never fails: an edit that cannot be recorded is still made, and the user is told.
    fn begin(&self, intent: &EditIntent) -> io::Result<u64> {
        let Some(cause) = &intent.cause else { return Ok(UNRECORDED) };
        let path = paths::canonical(&intent.path);
        let root = self.root_of(&path);
        let path = store::path_text(&path);
        let from = match &intent.kind {
            EditKind::Rename { from } => Some(store::path_text(&paths::canonical(from))),
            _ => None,
        };
        // What is no text is replaced or removed as a file.
        let bytes = match (&intent.before, &intent.kind) {
            (None, EditKind::Change | EditKind::Delete) if !intent.buffer => {
                match commands::now(&intent.path) {
                    commands::Now::Raw(bytes) => Some(bytes),
                    _ => None,
                }
            }
            _ => None,
        };
        let line = bytes.as_deref().map(|it| Raw::of(it).line());
        let edit = NewEdit {
            root: &root,
            path: &path,
            from: from.as_deref(),
            kind: match intent.kind {
                EditKind::Change => "change",
                EditKind::Create => "create",
                EditKind::Delete => "delete",
                EditKind::Rename { .. } => "rename",
            },
            session: &cause.session_id,
            prompt: cause.prompt_id.as_deref(),
            turn: cause.turn,
            call: &cause.call_id,
            tool: &cause.tool,
            before: intent.before.as_deref().or(line.as_deref()),
            after: intent.after.as_deref(),
            buffer: intent.buffer,
            began: clock::now_ms(),
        };
        let begun = self.ledger.with(|db| {
            let change = store::write(db)?;
            // In this process the path is ours alone.
            let running = HashSet::new();
            let open = store::open_edits(&change, &root)?.into_iter().filter(|it| !it.command);
            for left in
                open.filter(|it| it.path == path && (it.process.is_own() || !in_progress(it, &running)))
            {
                settle(&change, &left, edit.before.map(raw::of_text).as_deref(), true)?;
            }
            if let Some(bytes) = &bytes {
                blobs::put_raw(&change, bytes, true)?;
            }
            let id = store::insert_edit(&change, edit)?;
            crash::at(Point::Recording);
            change.commit()?;
            Ok(id.unsigned_abs())
        });
        Ok(begun.unwrap_or_else(|error| {
            self.ledger.tell_failure(&error);
            UNRECORDED
        }))
    }

    fn complete(&self, id: u64, before: Option<&str>, after: Option<&str>) {
        if id == UNRECORDED {
            return;
        }
        let done = self.ledger.with(|db| {
            let change = store::write(db)?;
            let Some(edit) = store::open_edit(&change, id as i64)? else { return Ok(None) };
            complete(&change, &edit, before, after)?;
            crash::at(Point::Completing);
            change.commit()?;
            Ok(Some(edit))
        });
        match done {
            Ok(Some(edit)) => {
                let files = edit.from.iter().chain([&edit.path]).map(PathBuf::from).collect();
                self.ledger.tell(LedgerEvent::Changed(files));
                self.ledger.has_grown();
            }
            Ok(None) => {}
            Err(error) => self.ledger.tell_failure(&error),
        }
    }

    fn abandon(&self, id: u64, reason: &str) {
        if id == UNRECORDED {
            return;
        }
        let done = self.ledger.with(|db| {
            let change = store::write(db)?;
            if let Some(edit) = store::open_edit(&change, id as i64)? {
                // What an editor was sent may still come: whoever looks next will see.
                let state = if edit.buffer { EditState::Begun } else { EditState::Abandoned };
                store::end_edit(&change, edit.id, state, None, Some(reason))?;
            }
            change.commit()
        });
        if let Err(error) = done {
            self.ledger.tell_failure(&error);
        }
    }

    fn begin_command(&self, cause: &EditCause, files: &[Watched]) -> Option<u64> {
        let rooted: Vec<_> = files.iter().map(|it| (self.root_of(&it.path), it)).collect();
        let like = NewEdit {
            root: "",
            path: "",
            from: None,
            kind: commands::KIND,
            session: &cause.session_id,
            prompt: cause.prompt_id.as_deref(),
            turn: cause.turn,
            call: &cause.call_id,
            tool: &cause.tool,
            before: None,
            after: None,
            buffer: false,
            began: clock::now_ms(),
        };
        let begun = self.ledger.with(|db| {
            let change = store::write(db)?;
            let id = commands::begin(&change, &like, &rooted)?;
            lock(&self.ledger.running).insert(id);
            crash::at(Point::Recording);
            change.commit()?;
            crash::at(Point::CommandRecorded);
            Ok(id.unsigned_abs())
        });
        begun.map_err(|error| self.ledger.tell_failure(&error)).ok()
    }

    fn end_command(&self, id: u64, leave: &HashSet<PathBuf>) {
        crash::at(Point::CommandEnded);
        let ended = self.ledger.with(|db| {
            let change = store::write(db)?;
            let files = commands::end(&change, id as i64, commands::now, leave)?;
            crash::at(Point::Completing);
            change.commit()?;
            crash::at(Point::CommandCompleted);
            Ok(files)
        });
        self.leave_command(id);
        match ended {
            Ok(files) if files.is_empty() => {}
            Ok(files) => {
                self.ledger.tell(LedgerEvent::Changed(files));
                self.ledger.has_grown();
            }
            Err(error) => self.ledger.tell_failure(&error),
        }
    }

    fn unrecorded(&self, cause: &EditCause, folder: &Path, command: &str) {
        let root = store::path_text(&paths::canonical(folder));
        let now = clock::now_ms();
        let kept = self.ledger.with(|db| unrecorded::insert(db, &root, cause, command, now));
        if let Err(error) = kept {
            tracing::warn!(%error, "a command cannot be recorded");
        }
    }

    fn looked_again(&self, path: &Path) {
        self.ledger.files_changed(&[path.to_owned()]);
    }

    fn leave_command(&self, id: u64) {
        lock(&self.ledger.running).remove(&(id as i64));
    }
}

/// Turns a verified edit into hunks of its file and ends the record.
pub(super) fn complete(
    db: &Transaction<'_>,
    edit: &OpenEdit,
    before: Option<&str>,
    after: Option<&str>,
) -> rusqlite::Result<()> {
    // Whoever made the edit has seen no text there; what was there is on record.
    let line = edit.before.as_deref().filter(|it| before.is_none() && Raw::parse(it).is_some());
    let texts = (before.or(line), after);
    let [before, after] = [texts.0, texts.1].map(|it| it.map(raw::of_text));
    let (before, after) = (before.as_deref(), after.as_deref());
    match &edit.from {
        None => take_in(db, edit, &edit.path, before, after)?,
        // What is recorded of another file at that path stays apart: one goes, one comes.
        Some(from) if store::knows(db, &edit.path)? => {
            take_in(db, edit, from, before, None)?;
            take_in(db, edit, &edit.path, None, after)?;
        }
        Some(from) => {
            store::rename(db, from, &edit.path)?;
            let mut file = store::load(db, &edit.path)?;
            file.state.follow(before);
            file.state.renamed(edit.id, from, &edit.path, store::next_hunk(db)?);
            file.stamp = if edit.buffer { None } else { stamp(Path::new(&edit.path)) };
            store::save(db, &edit.root, &edit.path, &file)?;
        }
    }
    store::end_edit(db, edit.id, EditState::Done, Some(texts), None)
}

/// Records what became of the text of one file.
fn take_in(
    db: &Transaction<'_>,
    edit: &OpenEdit,
    path: &str,
    before: Option<&str>,
    after: Option<&str>,
) -> rusqlite::Result<()> {
    let mut file = store::load(db, path)?;
    file.state.follow(before);
    if before.is_none() && after.is_some() && !edit.creates && edit.from.is_none() {
        // It was replaced without being text: there is nothing to go back to.
        file.state.text = after.map(str::to_owned);
    } else {
        file.state.absorb(edit.id, after, store::next_hunk(db)?);
        if before.or(after).is_some_and(|it| it.starts_with(MARK)) {
            file.state.mark(edit.id);
        }
    }
    file.stamp = if edit.buffer { None } else { stamp(Path::new(path)) };
    store::save(db, &edit.root, path, &file)?;
    Ok(())
}

/// Ends a record in doubt, given the text that is there now. Gives what it turned out to be; nothing if it stays
/// in doubt: the edit went into an editor, and the file is not `open` in one, or it may still come.
pub(super) fn settle(
    db: &Transaction<'_>,
    edit: &OpenEdit,
    now: Option<&str>,
    open: bool,
) -> rusqlite::Result<Option<EditState>> {
    let (before, after) = (edit.before.as_deref(), edit.after.as_deref());
    let is_now = |it: Option<&str>| match (it, now) {
        (Some(it), Some(now)) => form::without_mark(it) == now,
        (it, now) => it == now,
    };
    let made = match (before, after, now) {
        _ if is_now(after) => true,
        _ if is_now(before) => false,
        // Made, and something else changed as well, or with what an editor makes of line ends.
        (Some(before), Some(after), Some(now)) => {
            let [before, after] = [before, after].map(|it| Form::of(now).give(it));
            rebase(&before, &after, now).as_deref() == Some(now) || has_change(&before, &after, now)
        }
        _ => false,
    };
    if made {
        complete(db, edit, before, after)?;
        return Ok(Some(EditState::Done));
    }
    if edit.buffer && !open {
        return Ok(None);
    }
    store::end_edit(db, edit.id, EditState::Abandoned, None, Some("it was not there when looked for"))?;
    Ok(Some(EditState::Abandoned))
}

/// What tells a file on disk, without reading it, from every other and from what it becomes; also where a copy has the
/// size and time of the original.
pub(super) fn stamp(path: &Path) -> Option<String> {
    fs::Stamp::at(path).ok()?.to_text()
}

/// Whether an edit that this process gave up may still be on its way through the editor it was sent to.
pub(super) fn may_still_come(edit: &OpenEdit) -> bool {
    let recent = clock::now_ms().saturating_sub(edit.began) < LONGEST_MS;
    edit.buffer && edit.left && recent && edit.process.is_own()
}

/// Whether the process that began a record may still be at it. `running` are the commands of this one.
pub(super) fn in_progress(edit: &OpenEdit, running: &HashSet<i64>) -> bool {
    if edit.command {
        let recent = clock::now_ms().saturating_sub(edit.began) < LONGEST_COMMAND_MS;
        return match edit.process.is_own() {
            true => running.contains(&edit.group),
            false => recent && edit.process.is_alive(),
        };
    }
    let recent = clock::now_ms().saturating_sub(edit.began) < LONGEST_MS;
    recent && !edit.left && edit.process.is_alive()
}
