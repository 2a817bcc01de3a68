//! A text as it was read, with its origin. What an edit is computed from and later compared with.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
};

/// Where a text came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A document open in an editor, at this version. The disk may say something else.
    Buffer {
        /// The editor's version.
        version: i32,
    },
    /// The file.
    Disk,
}

/// The text of one file at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The file, absolute.
    pub path: PathBuf,
    /// The text; a byte order mark is kept as its first character.
    pub text: String,
    /// Where it was read.
    pub origin: Origin,
    /// False if bytes that are not UTF-8 were replaced in `text`; writing it back would destroy them.
    pub exact: bool,
    /// Hash of the bytes, to notice that the content is another one.
    pub fingerprint: u64,
}

impl Snapshot {
    /// Of an open document.
    pub fn of_buffer(path: PathBuf, text: String, version: i32) -> Self {
        let fingerprint = fingerprint(text.as_bytes());
        Self { path, text, origin: Origin::Buffer { version }, exact: true, fingerprint }
    }

    /// Of the bytes of a file.
    pub fn of_bytes(path: PathBuf, bytes: Vec<u8>) -> Self {
        let fingerprint = fingerprint(&bytes);
        let (text, exact) = match String::from_utf8(bytes) {
            Ok(text) => (text, true),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), false),
        };
        Self { path, text, origin: Origin::Disk, exact, fingerprint }
    }
}

/// Hash of a content, stable within this process only.
pub fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
