//! The files of a project as the user sees them: open buffers win over the disk.
//!
//! All file access of tools goes through [`Workspace`]. It keeps the overlay of open documents, resolves
//! paths, reads snapshots and commits edits: into the buffer through its editor, or atomically onto the disk
//! when nobody has the file open. An open buffer is never written behind its editor. The shell is the known
//! exception; it sees the disk.

mod buffer;
mod changes;
mod commit;
mod disk;
pub mod editor;
mod ends;
#[cfg(test)]
mod ends_tests;
#[cfg(test)]
mod faults;
mod files;
#[cfg(test)]
mod files_tests;
#[cfg(test)]
mod interleavings;
pub mod journal;
mod known;
#[cfg(test)]
mod known_tests;
mod late;
mod lookout;
mod moves;
mod open;
mod overlay;
pub mod position;
pub mod reload;
#[cfg(test)]
mod reload_tests;
mod resolve;
mod save;
mod seen;
mod sent;
mod snapshot;
#[cfg(test)]
mod spellings_tests;
pub mod standing;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ropey::Rope;
use tokio::sync::watch;

pub(crate) use self::moves::rebase as rebase_path;
pub use self::{
    changes::{apply as apply_changes, merge, minimal as minimal_changes, rebase},
    commit::{CommitError, Committed, EditPlan, PathGuard},
    ends::{has as has_change, keep_ends},
    overlay::{Document, RangeEdit},
    position::{Position, PositionEncoding, Range},
    snapshot::{Origin, Snapshot},
    standing::Standing,
};
use self::{editor::EditorClient, journal::EditJournal, overlay::Overlay, standing::Look};
use crate::fs;

/// Files up to this size are read as a whole, for edits and searches.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// How long a commit waits for the editor to report the text it wanted.
const VERIFY_TIME: Duration = Duration::from_secs(2);

/// The project folder, what is open of it, and the way to change it.
pub struct Workspace {
    root: PathBuf,
    home: Option<PathBuf>,
    shared: Arc<Shared>,
    verify_time: Duration,
}

/// What all folders of a process have in common.
#[derive(Default)]
struct Shared {
    overlay: Mutex<State>,
    editor: Mutex<Option<Arc<dyn EditorClient>>>,
    locks: Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>,
    journal: Mutex<Option<Arc<dyn EditJournal>>>,
    known: Mutex<known::Known>,
    /// All these folders.
    roots: Mutex<Vec<PathBuf>>,
    /// Files that an editor may still make, and what they are to have.
    late: Mutex<HashMap<PathBuf, Option<Arc<str>>>>,
    /// Wakes when a document is opened.
    opened: tokio::sync::Notify,
}

#[derive(Default)]
struct State {
    documents: Overlay,
    /// Spelling of the editor → key, so that a keystroke needs no look at the disk.
    keys: HashMap<PathBuf, PathBuf>,
}

impl Workspace {
    /// Over this folder. Relative paths of tools start here.
    pub fn new(root: PathBuf) -> Arc<Self> {
        Arc::new(Self::build(root, VERIFY_TIME, Arc::default()))
    }

    /// The same open documents and the same editor, seen from another folder: an editor has a file open once,
    /// whichever folder a session works in.
    pub fn beside(&self, root: PathBuf) -> Arc<Self> {
        Arc::new(Self::build(root, self.verify_time, self.shared.clone()))
    }

    fn build(root: PathBuf, verify_time: Duration, shared: Arc<Shared>) -> Self {
        let root = resolve::normalize(&std::path::absolute(&root).unwrap_or(root));
        lock(&shared.roots).push(root.clone());
        Self { root, home: std::env::home_dir(), shared, verify_time }
    }

    /// The project folder, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The absolute path a tool argument means: `~`, Unicode spaces, a leading `@`, `file:` URIs, relative
    /// paths.
    pub fn resolve(&self, path: &str) -> PathBuf {
        resolve::resolve(&self.root, self.home.as_deref(), path)
    }

    /// Like [`resolve`](Self::resolve); if nothing is there, tries the spellings under which file systems and
    /// screenshots hide the same name (decomposed accents, typographic apostrophe, narrow space before
    /// AM/PM).
    pub fn resolve_existing(&self, path: &str) -> PathBuf {
        let resolved = self.resolve(path);
        if self.exists(&resolved) {
            return resolved;
        }
        resolve::variants(&resolved).into_iter().find(|it| self.exists(it)).unwrap_or(resolved)
    }

    /// Open in an editor, or on disk. What a window still shows of a file that has gone is neither.
    pub fn exists(&self, path: &Path) -> bool {
        path.exists() || self.shown(path).is_some()
    }

    /// Registers the editor through which open documents are changed. The last one counts.
    pub fn set_editor(&self, editor: Arc<dyn EditorClient>) {
        *lock(&self.shared.editor) = Some(editor);
    }

    /// The editor has gone.
    pub fn clear_editor(&self) {
        *lock(&self.shared.editor) = None;
    }

    /// From now on every edit is recorded here.
    pub fn set_journal(&self, journal: Arc<dyn EditJournal>) {
        *lock(&self.shared.journal) = Some(journal);
    }

    /// The journal for an edit of this file. Chats are not kept there: they are no part of the project.
    fn journal(&self, path: &Path) -> Option<Arc<dyn EditJournal>> {
        lock(&self.shared.journal).clone().filter(|_| !self.is_chat(path))
    }

    /// The journal, for what commands change.
    pub(crate) fn command_journal(&self) -> Option<Arc<dyn EditJournal>> {
        lock(&self.shared.journal).clone()
    }

    /// How often what is open of this file was saved.
    pub(crate) fn saves(&self, path: &Path) -> Option<u64> {
        self.with_key(path, |documents, key| documents.saves(key))
    }

    /// Whether the file is a chat document or a transcript of one of these folders, which are between Pi and its user:
    /// no tool writes there.
    pub fn is_chat(&self, path: &Path) -> bool {
        let path = resolve::key(path);
        let roots = lock(&self.shared.roots).clone();
        roots
            .iter()
            .map(|it| resolve::key(it).join(".pi"))
            .any(|ours| path.starts_with(ours.join("chat")) || path.starts_with(ours.join("transcripts")))
    }

    /// The editor through which open documents are changed.
    pub fn editor(&self) -> Option<Arc<dyn EditorClient>> {
        lock(&self.shared.editor).clone()
    }

    /// A document was opened. Reads the file to learn whether the buffer already differs from it.
    pub fn open(&self, path: &Path, version: i32, text: &str, language: &str) {
        let rope = Rope::from_str(text);
        let disk = match Look::at(path, None) {
            // One copy of the text is enough.
            Look::Text(_, disk) => Some(if disk == rope { rope.clone() } else { disk }),
            // How the editor decodes it, nobody knows: until something is typed this is what it made of the file.
            Look::Other(_) => Some(rope.clone()),
            Look::Gone | Look::Again => None,
        };
        let dirty = !standing::is_saved(&rope, disk.as_ref());
        let key = resolve::key(path);
        let document = Document { path: path.to_owned(), language: language.into(), version, rope, dirty };
        let mut state = lock(&self.shared.overlay);
        state.keys.insert(path.to_owned(), key.clone());
        state.documents.open(key, document, disk);
        drop(state);
        self.shared.opened.notify_waiters();
    }

    /// Waits until there is an open document at this path.
    pub async fn opened(&self, path: &Path) {
        loop {
            let opened = self.shared.opened.notified();
            tokio::pin!(opened);
            // Registered before the look, so that no opening is missed.
            opened.as_mut().enable();
            if self.document(path).is_some() {
                return;
            }
            opened.await;
        }
    }

    /// A document changed. False if it is not open: the caller then has missed its `didOpen`.
    pub fn change(&self, path: &Path, version: i32, edits: &[RangeEdit], encoding: PositionEncoding) -> bool {
        self.with_key(path, |documents, key| documents.change((key, path), version, edits, encoding))
    }

    /// A document was saved; `text` is what the editor says it wrote, if it says so.
    pub fn save(&self, path: &Path, text: Option<&str>) -> bool {
        self.with_key(path, |documents, key| documents.save((key, path), text))
    }

    /// A document was closed. From now on the file counts. False if it was not open.
    pub fn close(&self, path: &Path) -> bool {
        let closed = self.with_key(path, |documents, key| documents.close((key, path)));
        lock(&self.shared.overlay).keys.remove(path);
        closed
    }

    /// The open document at this path, under any spelling of it. If there are several, the one that counts: with unsaved
    /// text, or the newest.
    pub fn document(&self, path: &Path) -> Option<Document> {
        self.with_key(path, |documents, key| documents.get(key).cloned())
    }

    /// The open document that the editor spells like this; if it spells none so, the one that counts.
    pub fn document_as_spelled(&self, path: &Path) -> Option<Document> {
        self.with_key(path, |documents, key| documents.spelled(key, path).cloned())
    }

    /// The text of the open document at this path, if it counts and not its file.
    pub fn overlay_text(&self, path: &Path) -> Option<Rope> {
        self.shown(path).map(|it| it.rope)
    }

    /// Open documents of the project with text that is not in their files, by path. Blocks.
    pub fn dirty_documents(&self) -> Vec<Document> {
        let changed: Vec<_> = lock(&self.shared.overlay)
            .documents
            .iter()
            .filter(|(_, it)| it.dirty)
            .map(|(_, it)| it.path.clone())
            .collect();
        let files = changed.into_iter().filter(|it| !self.is_chat(it));
        let looked = files.filter_map(|it| self.look_as_spelled(&it));
        let mut found: Vec<_> = looked.filter(|(_, it)| it.is_unsaved()).map(|(it, _)| it).collect();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    /// All open documents as their editor spells them, sorted.
    pub fn open_paths(&self) -> Vec<PathBuf> {
        let mut found: Vec<_> =
            lock(&self.shared.overlay).documents.iter().map(|(_, it)| it.path.clone()).collect();
        found.sort();
        found
    }

    /// Open documents below this folder (or the file itself), spelled relative to it: `folder` joined with
    /// the rest. They may not exist on disk, but none is what a window still shows of a file that has gone. Sorted.
    /// Blocks.
    pub fn open_under(&self, folder: &Path) -> Vec<PathBuf> {
        let key = resolve::key(folder);
        let mut found: Vec<_> = lock(&self.shared.overlay)
            .documents
            .iter()
            .filter_map(|(it, _)| it.strip_prefix(&key).ok())
            .map(|rest| if rest.as_os_str().is_empty() { folder.to_owned() } else { folder.join(rest) })
            .collect();
        found.sort();
        found.dedup();
        found.retain(|it| self.look(it).is_some_and(|(_, standing)| standing != Standing::Gone));
        found
    }

    /// The text the file was last known to have.
    #[cfg(test)]
    fn known_file(&self, path: &Path) -> Option<String> {
        self.with_key(path, |documents, key| documents.saved(key)).map(|it| it.to_string())
    }

    /// A receiver that wakes when the open document changes or is closed.
    pub fn watch(&self, path: &Path) -> Option<DocumentWatch> {
        self.with_key(path, |documents, key| documents.subscribe(key, path)).map(DocumentWatch)
    }

    /// The text of a file: the buffer if it is open and counts, otherwise the disk. Reads the disk in a blocking task.
    ///
    /// Errors are those of the file system; a file beyond [`MAX_FILE_BYTES`] is `FileTooLarge`.
    pub async fn read(&self, path: &Path) -> io::Result<Snapshot> {
        if let Some(document) = self.shown_async(path).await {
            return Ok(Snapshot::of_buffer(path.to_owned(), document.rope.to_string(), document.version));
        }
        let path = path.to_owned();
        fs::blocking(move || {
            let bytes = fs::read_bounded(&path, MAX_FILE_BYTES)?;
            Ok(Snapshot::of_bytes(path, bytes))
        })
        .await
    }

    fn with_key<T>(&self, path: &Path, then: impl FnOnce(&mut Overlay, &Path) -> T) -> T {
        let mut state = lock(&self.shared.overlay);
        if let Some(key) = state.keys.get(path).cloned() {
            return then(&mut state.documents, &key);
        }
        drop(state);
        let key = resolve::key(path);
        then(&mut lock(&self.shared.overlay).documents, &key)
    }
}

impl std::fmt::Debug for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workspace").field("root", &self.root).finish_non_exhaustive()
    }
}

/// Wakes at every change of one open document.
#[derive(Debug)]
pub struct DocumentWatch(watch::Receiver<open::Progress>);

impl DocumentWatch {
    /// Waits for the next change. False once the document is closed.
    pub async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok() && !self.0.borrow_and_update().closed
    }
}

/// A poisoned lock is used on: the state behind each is valid after every single statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
