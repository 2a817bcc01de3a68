//! Which session files there are, and making and opening them.
//!
//! Creating a session names its file and writes nothing.

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use pi_core::ports::StoreError;
use pi_protocol::{Entry, SessionHeader, entry::SESSION_VERSION};
use serde_json::{Map, value::RawValue};
use uuid::Uuid;

use super::{
    FileStore, MemoryStore, SessionInfo, list,
    load::{Line, Lines, load},
    store,
};
use crate::paths;

/// Why a session file could not be opened, made or found.
#[derive(Debug, thiserror::Error)]
pub enum SessionFileError {
    /// Not empty, and its first line is no session header.
    #[error("Session file is not a valid pi session: {}", .0.display())]
    NotASession(PathBuf),
    /// Another process, or another session of this one, writes it.
    #[error("{0}")]
    InUse(String),
    /// `--session-id` of a form that cannot be part of a file name.
    #[error(
        "invalid session id \"{0}\": use letters, digits, \".\", \"_\" and \"-\", beginning and ending with a letter or digit"
    )]
    InvalidId(String),
    /// The file system said no.
    #[error("cannot read session file {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// The file could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SessionFileError {
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), reason: error.to_string() }
    }
}

/// A session without entries.
#[derive(Debug)]
pub struct NewSession<S = FileStore> {
    /// First line of its file.
    pub header: SessionHeader,
    /// Where its entries go.
    pub store: S,
}

/// A session that was in a file.
#[derive(Debug)]
pub struct OpenSession {
    /// First line of its file.
    pub header: SessionHeader,
    /// Its entries, in file order.
    pub entries: Vec<Entry>,
    /// Where new entries go.
    pub store: FileStore,
    /// Lines that could not be read. They stay in the file.
    pub skipped_lines: usize,
}

/// What an id or its beginning stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A session of the same working directory.
    Here(PathBuf),
    /// A session of another one; it has to be forked into this.
    Elsewhere {
        /// Its file.
        path: PathBuf,
        /// Its working directory.
        cwd: String,
    },
}

/// The place of all session files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFiles {
    pub(super) dir: PathBuf,
    /// All in `dir` itself, instead of one directory per working directory.
    pub(super) flat: bool,
}

impl SessionFiles {
    /// Pi's own layout: `<agent dir>/sessions/--<cwd>--/`.
    pub fn in_agent_dir(agent_dir: &Path) -> Self {
        Self { dir: agent_dir.join("sessions"), flat: false }
    }

    /// All sessions in `dir` itself.
    pub fn flat(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), flat: true }
    }

    /// By precedence: `--session-dir`, the environment, the setting `sessionDir`, the agent directory.
    /// Relative paths are relative to `cwd`, `~` is home.
    pub fn choose(flag: Option<&str>, setting: Option<&str>, agent_dir: &Path, cwd: &Path) -> Self {
        let env = std::env::var(paths::SESSION_DIR_ENV).ok();
        let chosen = [flag, env.as_deref(), setting].into_iter().flatten().find(|it| !it.is_empty());
        match chosen {
            Some(dir) => Self::flat(paths::absolute(cwd, &paths::expand_home(dir))),
            None => Self::in_agent_dir(agent_dir),
        }
    }

    /// The directory of the sessions of `cwd`.
    pub fn dir_of(&self, cwd: &Path) -> PathBuf {
        if self.flat { self.dir.clone() } else { self.dir.join(paths::session_dir_name(cwd)) }
    }

    /// A new session in `cwd`; the id is a UUID v7 unless given.
    ///
    /// # Errors
    /// The id given is not one.
    pub fn create(
        &self,
        cwd: &Path,
        id: Option<String>,
        parent: Option<String>,
    ) -> Result<NewSession, SessionFileError> {
        let header = new_header(cwd, id, parent)?;
        let path = self.dir_of(cwd).join(paths::session_file_name(&header.timestamp, &header.id));
        Ok(NewSession { store: FileStore::new_file(path, &header)?, header })
    }

    /// A new session that leaves no file.
    ///
    /// # Errors
    /// The id given is not one.
    pub fn in_memory(
        cwd: &Path,
        id: Option<String>,
        parent: Option<String>,
    ) -> Result<NewSession<MemoryStore>, SessionFileError> {
        Ok(NewSession { header: new_header(cwd, id, parent)?, store: MemoryStore })
    }

    /// Opens the session file at `path` for reading and writing. A path where nothing is becomes a new session's;
    /// an empty file gets a header. `cwd` is for those two.
    ///
    /// # Errors
    /// Not a session, in use, or unreadable.
    pub fn open(path: &Path, cwd: &Path) -> Result<OpenSession, SessionFileError> {
        let path = paths::canonical(&paths::absolute(cwd, path));
        let opened = match open_for_appending(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let header = new_header(cwd, None, None)?;
                let store = FileStore::new_file(path, &header)?;
                return Ok(OpenSession { header, entries: Vec::new(), store, skipped_lines: 0 });
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(SessionFileError::InUse(error.to_string()));
            }
            other => other,
        };
        let loaded = load(&path)?;
        let opened = match opened {
            // The lock was on the file that has been replaced.
            Ok(_) if loaded.rewritten => open_for_appending(&path),
            other => other,
        };
        let mut store = match (opened, loaded.not_migrated) {
            (_, Some(why)) => FileStore::read_only(path, why),
            (Ok(file), None) => FileStore::existing(path, file),
            (Err(error), None) => {
                let why = format!(
                    "session file {} cannot be written ({error}); what is said now is not kept",
                    path.display()
                );
                FileStore::read_only(path, why)
            }
        };
        let header = match loaded.header {
            Some(mut header) => {
                if header.cwd.is_empty() {
                    header.cwd = cwd.to_string_lossy().into_owned();
                }
                header
            }
            None => {
                let header = new_header(cwd, None, None)?;
                store.write_header(&header)?;
                header
            }
        };
        Ok(OpenSession { header, entries: loaded.entries, store, skipped_lines: loaded.skipped_lines })
    }

    /// Opens the newest session of `cwd`, or makes a new one when there is none.
    ///
    /// # Errors
    /// The newest one cannot be opened.
    pub fn continue_recent(&self, cwd: &Path) -> Result<OpenSession, SessionFileError> {
        match self.newest(cwd) {
            Some(path) => Self::open(&path, cwd),
            None => {
                let NewSession { header, store } = self.create(cwd, None, None)?;
                Ok(OpenSession { header, entries: Vec::new(), store, skipped_lines: 0 })
            }
        }
    }

    fn newest(&self, cwd: &Path) -> Option<PathBuf> {
        let mut files: Vec<_> = list::files_in(&self.dir_of(cwd))
            .filter_map(|path| Some((path.metadata().and_then(|it| it.modified()).ok()?, path)))
            .collect();
        files.sort();
        files
            .into_iter()
            .rev()
            .map(|(_, path)| path)
            .find(|path| read_header(path).is_some_and(|header| !self.flat || Path::new(&header.cwd) == cwd))
    }

    /// The sessions of `cwd`, last used first. Reads every file; not for the start path.
    pub fn list(&self, cwd: &Path) -> Vec<SessionInfo> {
        let mut sessions: Vec<_> = list::files_in(&self.dir_of(cwd))
            .filter_map(|path| list::info(&path))
            .filter(|it| !self.flat || Path::new(&it.cwd) == cwd)
            .collect();
        sessions.sort_by(|a, b| b.modified_ms.cmp(&a.modified_ms).then_with(|| a.path.cmp(&b.path)));
        sessions
    }

    /// The session whose id begins with `prefix`: in `cwd` first, then in all other directories.
    pub fn find(&self, prefix: &str, cwd: &Path) -> Option<Found> {
        if prefix.is_empty() {
            return None;
        }
        let here = self.dir_of(cwd);
        let mut dirs = vec![here.clone()];
        if !self.flat {
            dirs.extend(list::directories_in(&self.dir).filter(|it| *it != here));
        }
        dirs.iter().flat_map(|dir| list::files_in(dir)).find_map(|path| {
            let header = read_header(&path).filter(|it| it.id.starts_with(prefix))?;
            let same = if self.flat { Path::new(&header.cwd) == cwd } else { path.starts_with(&here) };
            Some(if same { Found::Here(path) } else { Found::Elsewhere { path, cwd: header.cwd } })
        })
    }

    /// Copies a whole session into a new one in `cwd` (`--fork`). Every line is copied as it is, unknown kinds and
    /// keys included; lines that cannot be read are left out.
    ///
    /// # Errors
    /// The source is no session or unreadable, or the copy cannot be written.
    pub fn fork(&self, source: &Path, cwd: &Path) -> Result<OpenSession, SessionFileError> {
        let source = paths::canonical(&paths::absolute(cwd, source));
        // Brings an old source up to date, so that its lines have ids.
        let loaded = load(&source)?;
        if loaded.header.is_none() {
            return Err(SessionFileError::NotASession(source));
        }
        let NewSession { header, mut store } =
            self.create(cwd, None, Some(source.to_string_lossy().into_owned()))?;
        let file = File::open(&source).map_err(|it| SessionFileError::unreadable(&source, &it))?;
        let mut lines = Lines::new(file);
        let mut is_header = true;
        while let Some(line) = lines.next_line().map_err(|it| SessionFileError::unreadable(&source, &it))? {
            let Line::Bytes(line) = line else { continue };
            let Ok(raw) = serde_json::from_slice::<&RawValue>(line) else { continue };
            if !std::mem::take(&mut is_header) && serde_json::from_slice::<Entry>(line).is_ok() {
                store.keep_line(raw)?;
            }
        }
        store.write_now()?;
        Ok(OpenSession { header, entries: loaded.entries, store, skipped_lines: loaded.skipped_lines })
    }
}

pub(super) fn read_header(path: &Path) -> Option<SessionHeader> {
    super::load::read_header(path).ok().flatten()
}

/// Opens and locks; [`io::ErrorKind::WouldBlock`] when someone else has the lock.
fn open_for_appending(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).append(true).open(path)?;
    store::lock(&file, path)?;
    Ok(file)
}

fn new_header(
    cwd: &Path,
    id: Option<String>,
    parent_session: Option<String>,
) -> Result<SessionHeader, SessionFileError> {
    let id = match id {
        Some(id) if valid_session_id(&id) => id,
        Some(id) => return Err(SessionFileError::InvalidId(id)),
        None => Uuid::now_v7().to_string(),
    };
    Ok(SessionHeader {
        version: Some(SESSION_VERSION),
        id,
        timestamp: paths::now_iso(),
        cwd: cwd.to_string_lossy().into_owned(),
        parent_session,
        extra: Map::new(),
    })
}

/// Whether `id` can be a session's: letters, digits, `.`, `_`, `-`, a letter or digit at both ends.
pub fn valid_session_id(id: &str) -> bool {
    let bytes = id.as_bytes();
    let inside = |it: &u8| it.is_ascii_alphanumeric() || b"._-".contains(it);
    let ends = [bytes.first(), bytes.last()];
    // File names end at 255 bytes; the time before the id takes 31 of them.
    bytes.len() <= 200
        && bytes.iter().all(inside)
        && ends.iter().all(|it| it.is_some_and(u8::is_ascii_alphanumeric))
}
