//! What the model of each session has seen of files, so that it can be told what became another text since.
//!
//! Forgotten with the session: a model that comes back to an old one has to read again anyway.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Instant, SystemTime},
};

use super::{MAX_FILE_BYTES, Workspace, changes, lock, resolve, snapshot};
use crate::fs;

/// Larger texts are not kept.
const KEPT_BYTES: usize = 1024 * 1024;
/// Files of one session that are kept.
const KEPT_FILES: usize = 200;

/// By session, then by file.
#[derive(Debug, Default)]
pub(super) struct Known(pub(super) HashMap<Arc<str>, HashMap<PathBuf, Seen>>);

/// Makes room for one more file: the one that was looked at longest ago is forgotten.
fn make_room(files: &mut HashMap<PathBuf, Seen>) {
    if files.len() >= KEPT_FILES {
        let oldest = files.iter().min_by_key(|(_, it)| it.at).map(|(key, _)| key.clone());
        oldest.and_then(|it| files.remove(&it));
    }
}

#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) path: PathBuf,
    text: Arc<str>,
    /// When the model was shown it.
    at: Instant,
    /// Of the file when it had this text.
    stamp: Option<Stamp>,
    /// Hash of the text the model was last told about.
    told: Option<u64>,
}

/// Another one means that the file has to be read again.
type Stamp = (u64, SystemTime);

impl Workspace {
    /// The model of this session sees the file as it is now. Nothing happens if it cannot be read as text, or is
    /// very large.
    pub async fn learn(&self, session: &str, path: &Path) {
        let small =
            self.document(path).is_some() || path.metadata().is_ok_and(|it| it.len() <= KEPT_BYTES as u64);
        if !small {
            return;
        }
        if let Ok(snapshot) = self.read(path).await {
            if snapshot.exact {
                self.learned(session, path, &snapshot.text);
            }
        }
    }

    /// The model of this session knows that the file has this text.
    pub fn learned(&self, session: &str, path: &Path, text: &str) {
        let key = resolve::key(path);
        let mut known = lock(&self.shared.known);
        let files = known.0.entry(session.into()).or_default();
        files.remove(&key);
        if text.len() > KEPT_BYTES {
            return;
        }
        make_room(files);
        let (path, stamp) = (path.to_owned(), stamp(path));
        files.insert(key, Seen { path, text: text.into(), at: Instant::now(), stamp, told: None });
    }

    /// The model of this session made `after` of `before`. What the user changed and the model has not read stays
    /// unknown to it; if it was told of that, it is not told again.
    pub fn edited(&self, session: &str, path: &Path, before: &str, after: &str) {
        let key = resolve::key(path);
        let seen = lock(&self.shared.known).0.get(session).and_then(|it| it.get(&key)).cloned();
        let Some(seen) = seen else { return self.learned(session, path, after) };
        let known = changes::rebase(before, after, &seen.text).unwrap_or_else(|| seen.text.to_string());
        self.learned(session, path, &known);
        let told = seen.told == Some(snapshot::fingerprint(before.as_bytes()));
        if let Some(seen) = lock(&self.shared.known).0.get_mut(session).and_then(|it| it.get_mut(&key)) {
            seen.stamp = seen.stamp.filter(|_| known == after);
            seen.told = told.then(|| snapshot::fingerprint(after.as_bytes()));
        }
    }

    /// The session is closed: nobody asks what its model knows any more.
    pub fn forget(&self, session: &str) {
        lock(&self.shared.known).0.remove(session);
    }

    /// The text the model of this session knows of the file.
    pub fn known_text(&self, session: &str, path: &Path) -> Option<Arc<str>> {
        Some(lock(&self.shared.known).0.get(session)?.get(&resolve::key(path))?.text.clone())
    }

    /// The files that have another text than the model of this session knows, sorted, each once for each text.
    /// Only with an editor: without one nobody but the model's own commands is at work.
    pub async fn changed_since_known(&self, session: &str) -> Vec<PathBuf> {
        if self.editor().is_none() {
            return Vec::new();
        }
        let files = lock(&self.shared.known).0.get(session).cloned().unwrap_or_default();
        let mut changed = Vec::new();
        for (key, seen) in files {
            let Some(now) = self.hash_if_changed(&seen).await else { continue };
            if let Some(seen) = lock(&self.shared.known).0.get_mut(session).and_then(|it| it.get_mut(&key)) {
                if seen.told.replace(now) != Some(now) {
                    changed.push(seen.path.clone());
                }
            }
        }
        changed.sort();
        changed
    }

    /// Hash of the text that is there instead. A file that has gone has the empty text.
    async fn hash_if_changed(&self, seen: &Seen) -> Option<u64> {
        let now = match self.shown_async(&seen.path).await {
            Some(document) if document.rope == *seen.text => return None,
            Some(document) => document.rope.to_string().into_bytes(),
            None if seen.stamp.is_some() && stamp(&seen.path) == seen.stamp => return None,
            None => {
                let path = seen.path.clone();
                fs::blocking(move || fs::read_bounded(&path, MAX_FILE_BYTES)).await.unwrap_or_default()
            }
        };
        (now != seen.text.as_bytes()).then(|| snapshot::fingerprint(&now))
    }
}

/// Nothing if the file is not there.
fn stamp(path: &Path) -> Option<Stamp> {
    let meta = path.metadata().ok()?;
    Some((meta.len(), meta.modified().ok()?))
}
