//! Session files of anybody: no panic; a file of this version is not touched, an older one once, and what was read is
//! read the same again.
#![no_main]
#![allow(dead_code, reason = "files of the host are compiled here alone")]

use std::{fs, path::PathBuf, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

#[path = "../../../server/host/src/sessions/load.rs"]
mod load;
#[path = "../../../server/host/src/sessions/migrate.rs"]
mod migrate;

/// What they take from their neighbours.
mod files {
    use std::{
        io,
        path::{Path, PathBuf},
    };

    #[derive(Debug)]
    pub enum SessionFileError {
        NotASession(PathBuf),
        Unreadable(PathBuf, String),
    }

    impl SessionFileError {
        pub fn unreadable(path: &Path, error: &io::Error) -> Self {
            Self::Unreadable(path.to_owned(), error.to_string())
        }
    }
}
mod settings {
    pub fn replace_file(path: &std::path::Path, content: &[u8]) -> std::io::Result<()> {
        std::fs::write(path, content)
    }
}

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));

fn file() -> PathBuf {
    FOLDER.path().join("session.jsonl")
}

fuzz_target!(|bytes: &[u8]| {
    fs::write(file(), bytes).expect("a file can be written");
    let Ok(first) = load::load(&file()) else { return };
    let now = fs::read(file()).expect("it is still there");
    assert_eq!(first.rewritten, now != bytes);
    if first.not_migrated.is_some() {
        return;
    }
    let second = load::load(&file()).expect("it was read before");
    assert!(
        !second.rewritten && fs::read(file()).expect("it is still there") == now,
        "reading changes nothing"
    );
    assert_eq!(second.entries, first.entries);
    if !first.rewritten {
        assert_eq!(second.skipped_lines, first.skipped_lines);
    }
});
