//! Appending to a session file.
//!
//! Nothing is written until the first answer of the model; from then on one `write` per entry. The file is only
//! appended to, under an advisory lock, and never left with half a line: what could not be written whole is cut off
//! again, kept, and written with the next entry. Reading is in `load`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use fs4::fs_std::FileExt;
use pi_core::ports::{SessionStore, StoreError};
use pi_protocol::{Entry, SessionHeader, entry::EntryKind, json};

use crate::crash::{self, Point};

/// Keeps nothing: the session lives in the core's memory only.
#[derive(Debug, Default)]
pub struct MemoryStore;

impl SessionStore for MemoryStore {
    fn file(&self) -> Option<String> {
        None
    }

    fn append(&mut self, _entry: &Entry) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The file of one session. The lock is held until this is dropped.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    state: State,
    /// Whole lines that are not in the file yet.
    pending: Vec<u8>,
}

#[derive(Debug)]
enum State {
    /// No file; it is created with the first answer of the model.
    Unwritten { answered: bool },
    /// Open and locked. `torn` = a failed write could not be cut off: the length the file should have.
    Open { file: File, torn: Option<u64> },
    /// Can be read but not written; says why.
    ReadOnly(String),
}

impl FileStore {
    /// A file that does not exist yet.
    pub(super) fn new_file(path: PathBuf, header: &SessionHeader) -> Result<Self, StoreError> {
        let mut store = Self { path, state: State::Unwritten { answered: false }, pending: Vec::new() };
        store.push_line(header)?;
        Ok(store)
    }

    /// An existing file, already locked by [`lock`].
    pub(super) fn existing(path: PathBuf, file: File) -> Self {
        Self { path, state: State::Open { file, torn: None }, pending: Vec::new() }
    }

    /// An existing file that cannot be written.
    pub(super) fn read_only(path: PathBuf, why: String) -> Self {
        Self { path, state: State::ReadOnly(why), pending: Vec::new() }
    }

    /// Where the session is, or will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds the header to an empty file.
    pub(super) fn write_header(&mut self, header: &SessionHeader) -> Result<(), StoreError> {
        self.push_line(header)?;
        self.flush()
    }

    /// Goes on in `file`, as if the disk had got room.
    #[cfg(test)]
    pub(super) fn reopened(&mut self, file: File) {
        self.state = State::Open { file, torn: None };
    }

    /// Takes over a line of another session as it is, for [`Self::write_now`].
    pub(super) fn keep_line<T: serde::Serialize + ?Sized>(&mut self, line: &T) -> Result<(), StoreError> {
        self.push_line(line)
    }

    /// Writes what is kept without waiting for an answer of the model.
    pub(super) fn write_now(&mut self) -> Result<(), StoreError> {
        self.flush()
    }

    fn push_line<T: serde::Serialize + ?Sized>(&mut self, line: &T) -> Result<(), StoreError> {
        let good = self.pending.len();
        if let Err(error) = json::write(&mut self.pending, line) {
            self.pending.truncate(good);
            return Err(StoreError(format!("session entry cannot be written as JSON: {error}")));
        }
        self.pending.push(b'\n');
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        if let State::Unwritten { .. } = self.state {
            let file = create_locked(&self.path).map_err(|it| self.error(&it))?;
            self.state = State::Open { file, torn: None };
        }
        let result = match &mut self.state {
            State::Open { file, torn } => {
                crash::at(Point::Appending);
                let appended = append_whole(file, torn, &self.pending);
                crash::at(Point::Appended);
                appended
            }
            State::ReadOnly(why) => return Err(StoreError(why.clone())),
            State::Unwritten { .. } => Ok(()),
        };
        match result {
            Ok(()) => {
                self.pending.clear();
                Ok(())
            }
            Err(error) => Err(self.error(&error)),
        }
    }

    fn error(&self, error: &io::Error) -> StoreError {
        StoreError(format!(
            "session file {} cannot be written ({error}); the conversation is kept in memory and written once that works",
            self.path.display()
        ))
    }
}

impl SessionStore for FileStore {
    fn file(&self) -> Option<String> {
        Some(self.path.to_string_lossy().into_owned())
    }

    fn append(&mut self, entry: &Entry) -> Result<(), StoreError> {
        if let State::ReadOnly(why) = &self.state {
            return Err(StoreError(why.clone()));
        }
        self.push_line(entry)?;
        if let State::Unwritten { answered } = &mut self.state {
            *answered |= is_answer(entry);
            if !*answered {
                return Ok(());
            }
        }
        self.flush()
    }
}

pub(super) fn is_answer(entry: &Entry) -> bool {
    matches!(&entry.kind, EntryKind::Message { message } if message.is_answer())
}

/// Takes the lock of an open session file.
///
/// # Errors
/// Another process, or another session of this one, has it.
pub(super) fn lock(file: &File, path: &Path) -> io::Result<()> {
    match FileExt::try_lock_exclusive(file) {
        Ok(true) => return Ok(()),
        Ok(false) => {}
        // Some network file systems have no locks; the session is still better kept than not.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(()),
        Err(error) => return Err(error),
    }
    let text = format!("session file {} is in use by another pi; close that session first", path.display());
    Err(io::Error::new(io::ErrorKind::WouldBlock, text))
}

fn create_locked(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // Exclusive: a file that appeared meanwhile belongs to someone else.
    let file = OpenOptions::new().read(true).append(true).create_new(true).open(path)?;
    lock(&file, path)?;
    Ok(file)
}

/// Appends all of `lines` or nothing.
fn append_whole(file: &mut File, torn: &mut Option<u64>, lines: &[u8]) -> io::Result<()> {
    if let Some(length) = *torn {
        file.set_len(length)?;
        *torn = None;
    }
    let length = file.metadata()?.len();
    let result = if ends_mid_line(file, length)? {
        // One write, so that the missing newline and the entry arrive together or not at all.
        file.write_all(&[b"\n", lines].concat())
    } else {
        file.write_all(lines)
    };
    if result.is_err() && file.set_len(length).is_err() {
        *torn = Some(length);
    }
    result
}

/// Whether the last line of the file has no newline.
fn ends_mid_line(file: &mut File, length: u64) -> io::Result<bool> {
    if length == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::Start(length - 1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}
