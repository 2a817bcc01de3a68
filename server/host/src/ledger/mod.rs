//! What Pi changed: every edit with its hunks, kept over restarts, and every decision about them.
//!
//! An edit is a record before it is made ([`journal`]); once it is verified its lines become hunks of their file
//! ([`hunks`]), which wait until they are kept or rejected ([`review`]). What became of a file meanwhile is never
//! stored as it happens: whoever looks compares the text of the ledger with that of the buffer or the disk. Looking
//! therefore changes nothing, and a decision that a crash cut off is found done or not done.
//!
//! The database is one file for the user, opened when it is first needed. If it cannot be used, edits go on
//! unrecorded and a notice says so; a damaged one is set aside and a new one begun.

mod blobs;
mod commands;
mod decide;
#[cfg(test)]
mod faults;
mod files;
mod forms;
#[cfg(test)]
mod forms_tests;
mod hunks;
#[cfg(test)]
mod hunks_tests;
mod journal;
mod lines;
mod query;
pub(crate) mod raw;
#[cfg(test)]
mod raw_tests;
mod renames;
mod retention;
mod review;
mod store;
#[cfg(test)]
pub(crate) mod tests;
mod unrecorded;

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use pi_core::clock;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::broadcast;

pub(crate) use self::commands::{Now, now, watched};
pub use self::{
    decide::{Refusal, Verb},
    hunks::{Status, Whole},
    journal::Journal,
    query::{EditPatch, Found, FoundHunk, Last, Select, Settled, TakenOut},
    retention::{Limits, Pruned},
    review::{Outcome, Review},
};
use crate::{fs, paths};

/// Name of the database in the agent directory.
pub const FILE_NAME: &str = "edits.db";
/// How often, and after which time, a database that is being made is tried again.
const OPEN_TRIES: usize = 50;
const OPEN_PAUSE: std::time::Duration = std::time::Duration::from_millis(10);
/// Records after which the limits are looked at again, and the time after which they are at the next record.
const RECORDS_UNCHECKED: u64 = 50;
const TIME_UNCHECKED_MS: u64 = 60 * 60 * 1000;
/// Waiting events of a slow listener; it then misses the oldest, and looks anew.
const EVENTS: usize = 64;

/// What listeners are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerEvent {
    /// Hunks of these files are new or were decided about.
    Changed(Vec<PathBuf>),
    /// Something a person should know.
    Notice(String),
}

/// The ledger of one user.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    limits: Limits,
    db: Mutex<Option<Opened>>,
    events: broadcast::Sender<LedgerEvent>,
    /// Records of commands of this process that run.
    running: Mutex<HashSet<i64>>,
    /// Number of the last decision of this process.
    decision: AtomicI64,
    /// The failure the user was told of last.
    told: Mutex<String>,
    /// Records since the limits were looked at, and when that was.
    unchecked: AtomicU64,
    checked_at: AtomicU64,
}

/// The database, and which file it is in.
#[derive(Debug)]
struct Opened {
    db: Connection,
    file: Option<FileId>,
}

impl Ledger {
    /// In this file. Nothing is opened or made yet.
    pub fn new(path: PathBuf, limits: Limits) -> Arc<Self> {
        let events = broadcast::Sender::new(EVENTS);
        Arc::new(Self {
            path,
            limits,
            db: Mutex::default(),
            events,
            running: Mutex::default(),
            decision: AtomicI64::new(0),
            told: Mutex::default(),
            unchecked: AtomicU64::new(0),
            checked_at: AtomicU64::new(0),
        })
    }

    /// Whether anything was ever recorded. Looks for the file and nothing else.
    pub fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// The project that this folder is in: the innermost folder around it, or itself, that edits were recorded of.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn project_of(&self, folder: &Path) -> io::Result<Option<PathBuf>> {
        if !self.is_there() {
            return Ok(None);
        }
        self.with(|db| {
            for folder in folder.ancestors() {
                if store::is_project(db, &store::path_text(folder))? {
                    return Ok(Some(folder.to_owned()));
                }
            }
            Ok(None)
        })
    }

    /// Hears of changes from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<LedgerEvent> {
        self.events.subscribe()
    }

    /// The number of a new decision, which may be about several projects: larger than all before, also those of other
    /// processes and earlier ones.
    pub fn next_decision(&self) -> i64 {
        let now = clock::now_ms() as i64;
        self.decision.fetch_max(now - 1, Ordering::Relaxed);
        self.decision.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn tell(&self, event: LedgerEvent) {
        // Nobody may be listening.
        let _heard = self.events.send(event);
    }

    /// Listeners hear that something has happened to these files.
    pub fn files_changed(&self, files: &[PathBuf]) {
        self.tell(LedgerEvent::Changed(files.iter().map(|it| paths::canonical(it)).collect()));
    }

    /// Tells the user once that edits are not recorded, and why.
    fn tell_failure(&self, error: &io::Error) {
        let until = if is_full(error) { " until there is room on the disk" } else { "" };
        let text = format!(
            "Edits are made but cannot be recorded for review{until}: {}: {error}",
            self.path.display()
        );
        tracing::warn!("{text}");
        let mut told = lock(&self.told);
        if *told != text {
            told.clone_from(&text);
            self.tell(LedgerEvent::Notice(text));
        }
    }

    /// Works on the database; opens it first if need be. Blocks.
    fn with<T>(&self, mut work: impl FnMut(&mut Connection) -> rusqlite::Result<T>) -> io::Result<T> {
        let mut slot = lock(&self.db);
        let file = FileId::of(&self.path);
        // Somebody has deleted or replaced it; what is written to the old one is seen by nobody.
        slot.take_if(|it| file.is_none() || it.file != file);
        let opened = match &mut *slot {
            Some(it) => it,
            none => none.insert(self.in_file(self.open()?)),
        };
        match work(&mut opened.db) {
            Err(error) if is_damage(&error) => {
                tracing::warn!(%error, "the edit ledger is damaged");
                *slot = None;
                let opened = slot.insert(self.in_file(self.replace()?));
                work(&mut opened.db).map_err(io::Error::other)
            }
            done => done.map_err(io::Error::other),
        }
    }

    fn in_file(&self, db: Connection) -> Opened {
        Opened { db, file: FileId::of(&self.path) }
    }

    /// Opens it anew after damage was found in it, unless another process has already put a new one in its place.
    fn replace(&self) -> io::Result<Connection> {
        if let Ok(db) = store::open(&self.path) {
            let found = db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
            if found.is_ok_and(|it| it == "ok") {
                return Ok(db);
            }
        }
        self.set_aside().map_err(io::Error::other)
    }

    fn open(&self) -> io::Result<Connection> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(io::Error::other)?;
        }
        let mut opened = store::open(&self.path);
        // Who finds another process making it is not made to wait by SQLite itself.
        for _ in 0..OPEN_TRIES {
            match &opened {
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {}
                _ => break,
            }
            std::thread::sleep(OPEN_PAUSE);
            opened = store::open(&self.path);
        }
        let opened = opened.or_else(|error| match is_damage(&error) {
            true => self.set_aside(),
            false => Err(error),
        });
        let mut db = opened.map_err(io::Error::other)?;
        if let Err(error) = self.prune(&mut db) {
            tracing::warn!(%error, "the edit ledger could not be pruned");
        }
        Ok(db)
    }

    /// One portion of what is beyond the limits; the next one comes with the next record.
    fn prune(&self, db: &mut Connection) -> rusqlite::Result<()> {
        let now = clock::now_ms();
        let pruned = retention::prune(db, &self.limits, now)?;
        self.checked_at.store(now, Ordering::Relaxed);
        let may_be_more = pruned >= retention::PORTION;
        self.unchecked.store(if may_be_more { RECORDS_UNCHECKED } else { 0 }, Ordering::Relaxed);
        Ok(())
    }

    /// Another edit is on record: from time to time the limits are looked at. Blocks.
    fn has_grown(&self) {
        let records = self.unchecked.fetch_add(1, Ordering::Relaxed) + 1;
        let age = clock::now_ms().saturating_sub(self.checked_at.load(Ordering::Relaxed));
        if records < RECORDS_UNCHECKED && age < TIME_UNCHECKED_MS {
            return;
        }
        if let Err(error) = self.with(|db| self.prune(db)) {
            tracing::warn!(%error, "the edit ledger could not be pruned");
        }
    }

    fn set_aside(&self) -> rusqlite::Result<Connection> {
        let aside = store::damaged(&self.path, clock::now_ms());
        for end in ["", "-wal", "-shm"] {
            let name = |path: &Path| PathBuf::from(format!("{}{end}", path.display()));
            // What is not there need not be moved; if the main file stays, opening fails again and says so.
            let _moved = std::fs::rename(name(&self.path), name(&aside));
        }
        self.tell(LedgerEvent::Notice(format!(
            "The record of earlier edits was damaged and is now {}. Files are untouched; review starts anew.",
            aside.display()
        )));
        store::open(&self.path)
    }

    /// Removes what is too old or too much, and gives the space back to the disk. Blocks.
    ///
    /// # Errors
    /// The database cannot be used.
    pub fn collect(&self, limits: &Limits) -> io::Result<Pruned> {
        self.with(|db| retention::collect(db, limits, clock::now_ms()))
    }
}

/// Which file is at a path, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    /// Nothing if there is none.
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        path.metadata().ok().map(|it| Self(it.dev(), it.ino()))
    }

    /// Elsewhere an open file cannot be replaced.
    #[cfg(not(unix))]
    fn of(path: &Path) -> Option<Self> {
        path.exists().then_some(Self(0, 0))
    }
}

fn is_full(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|it| it.downcast_ref::<rusqlite::Error>());
    error.and_then(rusqlite::Error::sqlite_error_code) == Some(ErrorCode::DiskFull)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// A poisoned lock is used on: the database rolls back what was not finished.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
