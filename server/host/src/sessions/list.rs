//! What a list of sessions shows about each, read from the files.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use pi_protocol::{AgentMessage, Entry, entry::EntryKind};
use serde_json::Value;

use super::load::{Line, Lines, header_of};

/// Longest `first_message`, in characters.
const FIRST_MESSAGE_CHARS: usize = 500;

/// One session in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its file.
    pub path: PathBuf,
    /// Its id.
    pub id: String,
    /// Its working directory.
    pub cwd: String,
    /// The name the user gave it.
    pub name: Option<String>,
    /// The file of the session it was forked from.
    pub parent_session: Option<String>,
    /// When it began, ISO 8601.
    pub created: String,
    /// Unix milliseconds of the last message of user or model; else of the header, else of the file.
    pub modified_ms: u64,
    /// All messages, tool results included.
    pub message_count: usize,
    /// Text of the first message of the user, cut after 500 characters; else `(no messages)`.
    pub first_message: String,
}

/// The session files directly in `dir`, by name; none if it cannot be read.
pub(super) fn files_in(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    paths_in(dir).into_iter().filter(|it| it.extension().is_some_and(|it| it == "jsonl") && it.is_file())
}

/// The directories directly in `dir`.
pub(super) fn directories_in(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    paths_in(dir).into_iter().filter(|it| it.is_dir())
}

fn paths_in(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<_> = entries.flatten().map(|it| it.path()).collect();
    paths.sort();
    paths
}

/// Reads one session file; `None` if it is none.
pub(super) fn info(path: &Path) -> Option<SessionInfo> {
    let mut lines = Lines::new(File::open(path).ok()?);
    let header = loop {
        if let Line::Bytes(line) = lines.next_line().ok()?? {
            if let Ok(value) = serde_json::from_slice::<Value>(line) {
                break header_of(value)?;
            }
        }
    };
    let mut info = SessionInfo {
        path: path.to_owned(),
        id: header.id,
        cwd: header.cwd,
        name: None,
        parent_session: header.parent_session,
        modified_ms: 0,
        created: header.timestamp,
        message_count: 0,
        first_message: String::new(),
    };
    while let Ok(Some(line)) = lines.next_line() {
        let Line::Bytes(line) = line else { continue };
        if let Ok(entry) = serde_json::from_slice::<Entry>(line) {
            info.add(&entry);
        }
    }
    if info.modified_ms == 0 {
        info.modified_ms = pi_core::clock::iso_to_ms(&info.created);
    }
    if info.modified_ms == 0 {
        let since = path.metadata().and_then(|it| it.modified()).ok()?.duration_since(UNIX_EPOCH).ok()?;
        info.modified_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    }
    if info.first_message.is_empty() {
        info.first_message = "(no messages)".into();
    }
    Some(info)
}

impl SessionInfo {
    fn add(&mut self, entry: &Entry) {
        match &entry.kind {
            EntryKind::SessionInfo { name } => {
                self.name = name.as_deref().map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned);
            }
            EntryKind::Message { message } => {
                self.message_count += 1;
                match &**message {
                    AgentMessage::User(user) => {
                        self.modified_ms = self.modified_ms.max(user.timestamp);
                        if self.first_message.is_empty() {
                            self.first_message =
                                user.content.text().chars().take(FIRST_MESSAGE_CHARS).collect();
                        }
                    }
                    AgentMessage::Assistant(answer) => {
                        self.modified_ms = self.modified_ms.max(answer.timestamp);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}
