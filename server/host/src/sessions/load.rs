//! Reading a session file that may be damaged, old, or not one.
//!
//! A line that cannot be read is skipped and counted; it stays in the file. Old versions are brought up to date by
//! `migrate` first.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use pi_protocol::{Entry, SessionHeader, entry::SESSION_VERSION};
use serde_json::Value;

use super::{files::SessionFileError, migrate};

/// Longest line that is read, in bytes. Images make lines of a few megabytes; beyond this something is wrong.
pub(super) const MAX_LINE: usize = 128 * 1024 * 1024;

/// What a session file holds.
#[derive(Debug)]
pub struct LoadedFile {
    /// The first line; `None` in an empty file.
    pub header: Option<SessionHeader>,
    /// The entries, in file order.
    pub entries: Vec<Entry>,
    /// Lines that could not be read.
    pub skipped_lines: usize,
    /// The file was of an old version and has been replaced by one of the current version.
    pub rewritten: bool,
    /// Why the file could not be brought to the current version, if it had to be. It must then not be appended to.
    pub not_migrated: Option<String>,
}

/// Reads the session file at `path`, bringing an old version up to date.
///
/// # Errors
/// The file cannot be read, or is not a session.
pub fn load(path: &Path) -> Result<LoadedFile, SessionFileError> {
    let file = File::open(path).map_err(|error| SessionFileError::unreadable(path, &error))?;
    let mut lines = Lines::new(file);
    let read = read(&mut lines).map_err(|error| SessionFileError::unreadable(path, &error))?;
    match read {
        FirstRead::Empty => Ok(LoadedFile {
            header: None,
            entries: Vec::new(),
            skipped_lines: 0,
            rewritten: false,
            not_migrated: None,
        }),
        FirstRead::NotASession => Err(SessionFileError::NotASession(path.to_owned())),
        FirstRead::Old => migrate::load(path),
        FirstRead::Current { header, entries, skipped_lines } => Ok(LoadedFile {
            header: Some(*header),
            entries,
            skipped_lines,
            rewritten: false,
            not_migrated: None,
        }),
    }
}

enum FirstRead {
    Empty,
    NotASession,
    Old,
    Current { header: Box<SessionHeader>, entries: Vec<Entry>, skipped_lines: usize },
}

fn read(lines: &mut Lines<impl Read>) -> io::Result<FirstRead> {
    let mut skipped_lines = 0;
    let mut anything = false;
    let header = loop {
        match lines.next_line()? {
            None if anything => return Ok(FirstRead::NotASession),
            None => return Ok(FirstRead::Empty),
            Some(Line::TooLong) => {}
            Some(Line::Bytes(line)) => {
                if let Ok(value) = serde_json::from_slice::<Value>(line) {
                    match header_of(value) {
                        Some(header) => break header,
                        None => return Ok(FirstRead::NotASession),
                    }
                }
            }
        }
        anything = true;
        skipped_lines += 1;
    };
    if header.version.unwrap_or(1) < SESSION_VERSION {
        return Ok(FirstRead::Old);
    }
    let mut entries = Vec::new();
    while let Some(line) = lines.next_line()? {
        match line {
            Line::Bytes(line) => match serde_json::from_slice::<Entry>(line) {
                Ok(entry) => entries.push(entry),
                Err(error) => {
                    tracing::debug!(line = lines.number, %error, "skipped a line of a session file");
                    skipped_lines += 1;
                }
            },
            Line::TooLong => skipped_lines += 1,
        }
    }
    Ok(FirstRead::Current { header: Box::new(header), entries, skipped_lines })
}

/// Reads only the header. `None` if there is none.
pub(super) fn read_header(path: &Path) -> io::Result<Option<SessionHeader>> {
    // A header is short; a file that begins with anything longer is none of ours.
    let mut lines = Lines::new(File::open(path)?.take(64 * 1024));
    while let Some(line) = lines.next_line()? {
        if let Line::Bytes(line) = line {
            if let Ok(value) = serde_json::from_slice(line) {
                return Ok(header_of(value));
            }
        }
    }
    Ok(None)
}

/// The header in `value`, with what other writers may leave out filled in.
pub(super) fn header_of(value: Value) -> Option<SessionHeader> {
    let Value::Object(mut map) = value else { return None };
    if map.get("type").and_then(Value::as_str) != Some("session") {
        return None;
    }
    for key in ["timestamp", "cwd"] {
        if !map.get(key).is_some_and(Value::is_string) {
            map.insert(key.into(), Value::String(String::new()));
        }
    }
    serde_json::from_value(Value::Object(map)).ok()
}

/// One line without its end.
pub(super) enum Line<'a> {
    Bytes(&'a [u8]),
    /// More than [`MAX_LINE`]; passed over.
    TooLong,
}

/// Non-blank lines of a file, one in memory at a time.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    buffer: Vec<u8>,
    /// Number of the line last read, from 1.
    pub(super) number: usize,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(64 * 1024, reader), buffer: Vec::new(), number: 0 }
    }

    pub(super) fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            self.buffer.clear();
            let limit = MAX_LINE as u64 + 1;
            if self.reader.by_ref().take(limit).read_until(b'\n', &mut self.buffer)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.buffer.len() > MAX_LINE && self.buffer.last() != Some(&b'\n') {
                self.reader.skip_until(b'\n')?;
                self.buffer = Vec::new();
                return Ok(Some(Line::TooLong));
            }
            if !self.buffer.trim_ascii().is_empty() {
                return Ok(Some(Line::Bytes(self.buffer.trim_ascii())));
            }
        }
    }
}
