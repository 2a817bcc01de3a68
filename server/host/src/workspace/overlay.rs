//! The documents editors have open.
//!
//! Pure state: text, version, and the expectation of a commit that waits for its result. Paths are already
//! keys (see [`Workspace`](super::Workspace)); disk and editor are elsewhere.

use std::{
    collections::{HashMap, VecDeque},
    path::{Path, PathBuf},
    sync::Arc,
};

use ropey::Rope;
use tokio::sync::watch;

use super::position::{PositionEncoding, Range, to_char};

/// An open document at one moment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Document {
    /// The path as the editor spelled it.
    pub path: PathBuf,
    /// The language id of the editor.
    pub language: Arc<str>,
    /// The editor's version of the text.
    pub version: i32,
    /// The text.
    pub rope: Rope,
    /// It may differ from the file on disk.
    pub dirty: bool,
}

/// One content change of a `didChange`, in the order they came: each is meant for the text the one before
/// left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeEdit {
    /// What is replaced; nothing means the whole text.
    pub range: Option<Range>,
    /// The new text.
    pub text: String,
}

/// What a waiting commit sees of its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Progress {
    /// Counts the changes.
    pub changes: u64,
    /// The version at which the text was the expected one, even if it has moved on since.
    pub met: Option<i32>,
    /// The document was closed.
    pub closed: bool,
    /// Counts how often it was saved.
    pub saves: u64,
}

/// Changes that are remembered, so that one that was overtaken finds its place.
const RECENT_CHANGES: usize = 32;
/// Bytes of text in one change up to which it is remembered.
const RECENT_BYTES: usize = 64 << 10;

/// A change that was made, and the text it was made to.
#[derive(Debug)]
struct Change {
    version: i32,
    before: Rope,
    edits: Vec<RangeEdit>,
    encoding: PositionEncoding,
}

impl Change {
    fn apply(&mut self, rope: &mut Rope) {
        self.before = rope.clone();
        for edit in &self.edits {
            match edit.range {
                None => *rope = Rope::from_str(&edit.text),
                Some(range) => {
                    let start = to_char(rope, range.start, self.encoding);
                    let end = to_char(rope, range.end, self.encoding).max(start);
                    rope.remove(start..end);
                    rope.insert(start, &edit.text);
                }
            }
        }
    }
}

/// The last changes by version. Helix 25.01 sends keys that come at once (a macro, a repeated insert) as changes
/// that overtake each other; applied as they come they would leave a text the user never had.
#[derive(Debug)]
struct Recent {
    /// Version of the text before the first remembered change.
    floor: i32,
    changes: VecDeque<Change>,
}

impl Recent {
    fn new(floor: i32) -> Self {
        Self { floor, changes: VecDeque::new() }
    }

    /// Makes a change where its version belongs.
    fn apply(&mut self, rope: &mut Rope, change: Change) {
        let version = change.version;
        let later = self.changes.iter().position(|it| it.version > version && version > self.floor);
        let at = later.unwrap_or(self.changes.len());
        if let Some(overtaken) = self.changes.get(at) {
            *rope = overtaken.before.clone();
        }
        self.changes.insert(at, change);
        for change in self.changes.range_mut(at..) {
            change.apply(rope);
        }
        let large = |it: &Change| it.edits.iter().map(|it| it.text.len()).sum::<usize>() > RECENT_BYTES;
        while self.changes.len() > RECENT_CHANGES || self.changes.iter().any(large) {
            let Some(gone) = self.changes.pop_front() else { break };
            self.floor = gone.version;
        }
    }
}

#[derive(Debug)]
struct Open {
    document: Document,
    recent: Recent,
    progress: watch::Sender<Progress>,
    expected: Option<Arc<str>>,
    /// The newest version a model has read or written.
    seen: Option<i32>,
}

impl Open {
    /// Compares with the expected text and wakes the committer.
    fn changed(&mut self) {
        let met = self.expected.as_deref().is_some_and(|it| self.document.rope == *it);
        let version = self.document.version;
        self.progress.send_modify(|it| {
            it.changes += 1;
            if met {
                it.met = Some(version);
            }
        });
    }
}

/// All open documents, by key.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    open: HashMap<PathBuf, Open>,
}

impl Overlay {
    pub fn open(&mut self, key: PathBuf, document: Document) {
        match self.open.get_mut(&key) {
            // Opened again without a close, or under a second spelling: the newest text counts.
            Some(open) => {
                open.recent = Recent::new(document.version);
                open.document = document;
                open.changed();
            }
            None => {
                let recent = Recent::new(document.version);
                let progress = watch::Sender::default();
                let open = Open { document, recent, progress, expected: None, seen: None };
                self.open.insert(key, open);
            }
        }
    }

    /// False if the document is not open.
    pub fn change(
        &mut self,
        key: &Path,
        version: i32,
        edits: &[RangeEdit],
        encoding: PositionEncoding,
    ) -> bool {
        let Some(open) = self.open.get_mut(key) else { return false };
        let rope = &mut open.document.rope;
        let change = Change { version, before: rope.clone(), edits: edits.to_vec(), encoding };
        open.recent.apply(rope, change);
        open.document.version = open.recent.changes.back().map_or(version, |it| it.version);
        open.document.dirty = true;
        open.changed();
        true
    }

    pub fn save(&mut self, key: &Path, text: Option<&str>) -> bool {
        let Some(open) = self.open.get_mut(key) else { return false };
        if let Some(text) = text.filter(|it| open.document.rope != **it) {
            open.document.rope = Rope::from_str(text);
            open.recent = Recent::new(open.document.version);
            open.changed();
        }
        open.document.dirty = false;
        open.progress.send_modify(|it| it.saves += 1);
        true
    }

    pub fn close(&mut self, key: &Path) -> bool {
        let Some(open) = self.open.remove(key) else { return false };
        open.progress.send_modify(|it| it.closed = true);
        true
    }

    pub fn get(&self, key: &Path) -> Option<&Document> {
        self.open.get(key).map(|it| &it.document)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&PathBuf, &Document)> {
        self.open.iter().map(|(key, it)| (key, &it.document))
    }

    pub fn mark_seen(&mut self, key: &Path, version: i32) {
        if let Some(open) = self.open.get_mut(key) {
            open.seen = Some(version);
        }
    }

    /// Has text that is not on disk and that no model has read in this version.
    pub fn is_unseen(&self, key: &Path) -> bool {
        self.open.get(key).is_some_and(|it| it.document.dirty && it.seen != Some(it.document.version))
    }

    /// From now on every text of the document is compared with `text`; a hit stays visible in
    /// [`Progress::met`]. Nothing if the document is not open.
    pub fn expect(&mut self, key: &Path, text: Arc<str>) -> Option<watch::Receiver<Progress>> {
        let open = self.open.get_mut(key)?;
        let met = (open.document.rope == *text).then_some(open.document.version);
        open.expected = Some(text);
        open.progress.send_modify(|it| it.met = met);
        Some(open.progress.subscribe())
    }

    pub fn forget_expected(&mut self, key: &Path) {
        if let Some(open) = self.open.get_mut(key) {
            open.expected = None;
        }
    }

    /// A receiver that wakes at every change of the document and when it is closed.
    pub fn subscribe(&self, key: &Path) -> Option<watch::Receiver<Progress>> {
        self.open.get(key).map(|it| it.progress.subscribe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::position::Position;

    /// Inserts `text` at this character of the first line.
    fn insert(at: u32, text: &str) -> RangeEdit {
        let position = Position::new(0, at);
        RangeEdit { range: Some(Range { start: position, end: position }), text: text.into() }
    }

    fn typed(version: i32, text: &str, changes: &[(i32, RangeEdit)]) -> (String, i32) {
        let mut overlay = Overlay::default();
        let key = Path::new("/a");
        let document = Document {
            path: key.into(),
            language: "".into(),
            version,
            rope: Rope::from_str(text),
            dirty: false,
        };
        overlay.open(key.into(), document);
        for (version, edit) in changes {
            assert!(overlay.change(key, *version, std::slice::from_ref(edit), PositionEncoding::Utf8));
        }
        let document = overlay.get(key).unwrap();
        (document.rope.to_string(), document.version)
    }

    #[test]
    fn changes_that_overtake_each_other_end_in_the_text_the_user_has() {
        let changes = [(1, insert(0, "-")), (2, insert(1, "-")), (4, insert(2, " "))];
        for order in [[0, 1, 2], [1, 2, 0], [2, 1, 0], [2, 0, 1], [0, 2, 1], [1, 0, 2]] {
            let changes = order.map(|it: usize| changes[it].clone());
            assert_eq!(typed(0, "x", &changes), ("-- x".into(), 4), "{order:?}");
        }
    }

    #[test]
    fn an_overtaken_change_does_not_undo_a_whole_new_text() {
        let whole = RangeEdit { range: None, text: "new".into() };
        assert_eq!(typed(0, "x", &[(2, whole), (1, insert(0, "y"))]), ("new".into(), 2));
    }

    #[test]
    fn versions_that_stand_still_or_are_too_old_are_taken_as_they_come() {
        assert_eq!(typed(1, "x", &[(0, insert(0, "a")), (0, insert(0, "b"))]).0, "bax");
        let mut changes: Vec<_> = (1..=40).map(|it| (it, insert(0, "a"))).collect();
        changes.push((2, insert(0, "b")));
        assert!(typed(0, "", &changes).0.starts_with('b'));
    }
}
