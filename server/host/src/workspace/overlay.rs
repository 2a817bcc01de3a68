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
use tokio::{sync::watch, time::Instant};

use super::{
    editor::TextChange,
    lookout::{Edit, Lookout, edits_between},
    position::{PositionEncoding, Range, told_to_char},
};
use crate::{
    form::{self, Form},
    fs::Stamp,
};

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

/// An edit that arrived as it was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// The edit.
    pub id: u64,
    /// What the editor has made of it; line ends and the line break behind the last line are its own.
    pub text: Rope,
    /// The version that was told with it.
    pub version: i32,
}

/// What a waiting commit sees of its document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Progress {
    /// Counts the changes.
    pub changes: u64,
    /// The last edit that arrived.
    pub arrived: Option<Arrived>,
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
    /// Makes the change; `saw` is told every edit and the text it leads to.
    fn apply(&mut self, rope: &mut Rope, mut saw: impl FnMut(Edit, &Rope)) {
        self.before = rope.clone();
        for edit in &self.edits {
            let range = match edit.range {
                None => 0..rope.len_chars(),
                Some(range) => {
                    let start = told_to_char(rope, range.start, self.encoding);
                    start..told_to_char(rope, range.end, self.encoding).max(start)
                }
            };
            // An edit that leaves everything as it was says nothing of where a character came from.
            if rope.slice(range.clone()) == *edit.text {
                continue;
            }
            rope.remove(range.clone());
            rope.insert(range.start, &edit.text);
            saw(Edit { range, text: edit.text.clone() }, rope);
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

    /// Makes a change where its version belongs. Gives its steps, if wanted and if it was not overtaken.
    fn apply(&mut self, rope: &mut Rope, change: Change, wanted: bool) -> Vec<(Vec<Edit>, Rope)> {
        let version = change.version;
        let later = self.changes.iter().position(|it| it.version > version && version > self.floor);
        let at = later.unwrap_or(self.changes.len());
        if let Some(overtaken) = self.changes.get(at) {
            *rope = overtaken.before.clone();
        }
        let whole = change.edits.iter().any(|it| it.range.is_none());
        self.changes.insert(at, change);
        let mut steps = Vec::new();
        for change in self.changes.range_mut(at..) {
            change.apply(rope, |edit, text| {
                if wanted && later.is_none() && !whole {
                    steps.push((vec![edit], text.clone()));
                }
            });
        }
        let large = |it: &Change| it.edits.iter().map(|it| it.text.len()).sum::<usize>() > RECENT_BYTES;
        while self.changes.len() > RECENT_CHANGES || self.changes.iter().any(large) {
            let Some(gone) = self.changes.pop_front() else { break };
            self.floor = gone.version;
        }
        steps
    }
}

#[derive(Debug)]
pub(super) struct Open {
    pub(super) document: Document,
    recent: Recent,
    progress: watch::Sender<Progress>,
    watch: Lookout,
    /// The text of the file that the editor has last read or written.
    pub(super) saved: Option<Rope>,
    /// The file when it was last looked at: nothing instead of its text if it has none.
    pub(super) file: Option<(Stamp, Option<Rope>)>,
    /// The last look at it that was believed.
    pub(super) looked: u64,
    /// Its file was deleted, and the editor still shows the text, as it may. Until somebody types, there is no
    /// such document.
    pub(super) gone: bool,
}

impl Open {
    fn new(document: Document, saved: Option<Rope>) -> Self {
        let recent = Recent::new(document.version);
        Self {
            document,
            recent,
            saved,
            file: None,
            looked: 0,
            progress: watch::Sender::default(),
            watch: Lookout::default(),
            gone: false,
        }
    }

    /// The text is another one than the changes lead to.
    fn replace(&mut self, document: Document, saved: Option<Rope>) {
        self.gone = false;
        self.saved = saved;
        self.recent = Recent::new(document.version);
        let before = std::mem::replace(&mut self.document, document).rope;
        let arrived = self.look(&before, Vec::new());
        self.tell(arrived);
    }

    /// Looks for edits of ours in a report; without its steps, in the difference of the texts.
    fn look(&mut self, before: &Rope, steps: Vec<(Vec<Edit>, Rope)>) -> Option<(u64, Rope)> {
        if self.watch.is_idle() {
            return None;
        }
        let now = &self.document.rope;
        let is_told = steps.last().is_some_and(|it| it.1 == *now);
        let steps = if is_told { steps } else { vec![(edits_between(before, now), now.clone())] };
        let steps = self.watch.joined(before, steps);
        self.watch.saw(steps)
    }

    /// Wakes those who wait for a change.
    fn tell(&mut self, arrived: Option<(u64, Rope)>) {
        let version = self.document.version;
        self.progress.send_modify(|it| {
            it.changes += 1;
            if let Some((id, text)) = arrived {
                it.arrived = Some(Arrived { id, text, version });
            }
        });
    }
}

/// A closed document.
#[derive(Debug)]
struct Left {
    /// What was under way to it.
    watch: Lookout,
    /// The text the file was last known to have.
    saved: Option<Rope>,
}

/// All open documents, by key.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    open: HashMap<PathBuf, Open>,
    last_sent: u64,
    /// How many looks at files have begun.
    pub(super) looks: u64,
    /// What was under way to documents when they were closed.
    left: HashMap<PathBuf, Left>,
    /// Files that are being deleted, with what their documents were when they were closed.
    leaving: HashMap<PathBuf, Option<Document>>,
}

impl Overlay {
    /// `disk` is the text of the file, if it has one.
    pub fn open(&mut self, key: PathBuf, document: Document, disk: Option<Rope>) {
        // Opened again without a close, or under a second spelling: the newest text counts.
        if let Some(open) = self.open.get_mut(&key) {
            return open.replace(document, disk);
        }
        let mut open = Open::new(document, disk.clone());
        open.looked = self.looks;
        if let (Some(left), Some(disk)) = (self.left.remove(&key), &disk) {
            open.watch = left.watch;
            // The file may have been written again since the editor read it.
            let form = Form::of(&open.document.rope.to_string());
            let texts = std::iter::once(disk).chain(&left.saved);
            let texts: Vec<_> = texts.map(|it| Rope::from_str(&form.give(&it.to_string()))).collect();
            let steps = open.watch.reopen(texts.iter(), &open.document.rope);
            let arrived = open.watch.saw(steps);
            open.tell(arrived);
        }
        self.open.insert(key, open);
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
        let before = rope.clone();
        let change = Change { version, before: before.clone(), edits: edits.to_vec(), encoding };
        let steps = open.recent.apply(rope, change, !open.watch.is_idle());
        open.document.version = open.recent.changes.back().map_or(version, |it| it.version);
        open.document.dirty = true;
        open.gone = false;
        let arrived = open.look(&before, steps);
        open.tell(arrived);
        true
    }

    pub fn save(&mut self, key: &Path, text: Option<&str>) -> bool {
        let Some(open) = self.open.get_mut(key) else { return false };
        open.gone = false;
        // Helix takes the text when it begins to write and tells when it has written: what was typed in between
        // is newer than this, and is not saved.
        open.document.dirty = text.is_some_and(|it| open.document.rope != *it);
        open.saved = Some(text.map_or_else(|| open.document.rope.clone(), Rope::from_str));
        open.progress.send_modify(|it| it.saves += 1);
        true
    }

    pub fn close(&mut self, key: &Path) -> bool {
        let Some(mut open) = self.open.remove(key) else { return false };
        open.progress.send_modify(|it| it.closed = true);
        if let Some(last) = self.leaving.get_mut(key) {
            *last = Some(open.document.clone());
        }
        self.left.retain(|_, it| it.watch.is_live());
        if open.watch.is_live() {
            open.watch.close();
            self.left.insert(key.to_owned(), Left { watch: open.watch, saved: open.saved });
        }
        true
    }

    pub fn get(&self, key: &Path) -> Option<&Document> {
        self.open.get(key).filter(|it| !it.gone).map(|it| &it.document)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&PathBuf, &Document)> {
        self.open.iter().filter(|(_, it)| !it.gone).map(|(key, it)| (key, &it.document))
    }

    /// The document of a key, whether or not its file is there.
    pub(super) fn get_shown_mut(&mut self, key: &Path) -> Option<&mut Open> {
        self.open.get_mut(key)
    }

    /// All documents as their editor spells them, also those whose file has gone.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.open.values().map(|it| it.document.path.clone()).collect()
    }

    /// Under which the documents are.
    pub fn keys(&self) -> impl Iterator<Item = &PathBuf> {
        self.open.keys()
    }

    /// The document of one key belongs to another one now, unless that has one. Gives its path before and now.
    pub fn rename(
        &mut self,
        from: &Path,
        to: &Path,
        spelled: impl FnOnce(&Path) -> PathBuf,
    ) -> Option<(PathBuf, PathBuf)> {
        if self.open.contains_key(to) {
            return None;
        }
        let mut open = self.open.remove(from)?;
        let new = spelled(&open.document.path);
        let old = std::mem::replace(&mut open.document.path, new.clone());
        self.open.insert(to.to_owned(), open);
        Some((old, new))
    }

    /// The file is about to be deleted.
    pub fn leaves(&mut self, key: &Path) {
        self.leaving.insert(key.to_owned(), None);
    }

    /// It is, or not. Gives the document as it was when it was closed meanwhile.
    pub fn has_left(&mut self, key: &Path) -> Option<Document> {
        self.leaving.remove(key).flatten()
    }

    /// We have given the file of a closed document this text.
    pub fn wrote(&mut self, key: &Path, text: &str) {
        if let Some(left) = self.left.get_mut(key) {
            left.saved = Some(Rope::from_str(text));
        }
    }

    /// The text the file was last known to have.
    #[cfg(test)]
    pub fn saved(&self, key: &Path) -> Option<Rope> {
        let open = self.open.get(key).map(|it| &it.saved);
        open.or_else(|| self.left.get(key).map(|it| &it.saved)).cloned().flatten()
    }

    /// The file with this text is deleted. An editor may go on showing it; what was typed counts all the same.
    pub fn is_gone(&mut self, key: &Path, text: &str) {
        if let Some(open) = self.open.get_mut(key) {
            open.gone = !open.document.dirty || form::same(&open.document.rope.to_string(), text);
        }
    }

    /// The file is there again, with this text.
    pub fn is_back(&mut self, key: &Path, text: &str) {
        if let Some(open) = self.open.get_mut(key) {
            open.gone = open.gone && !form::same(&open.document.rope.to_string(), text);
        }
    }

    /// Looks out for an edit that is being sent. Nothing if the document is not open.
    pub fn send(
        &mut self,
        key: &Path,
        base: &Rope,
        changes: &[TextChange],
        encoding: PositionEncoding,
    ) -> Option<(u64, watch::Receiver<Progress>)> {
        let open = self.open.get_mut(key)?;
        self.last_sent += 1;
        open.watch.send(self.last_sent, base, changes, encoding, &open.document.rope);
        Some((self.last_sent, open.progress.subscribe()))
    }

    /// Nobody waits for the edit any more. It is looked out for a while all the same, longer without an answer.
    pub fn leave(&mut self, key: &Path, id: u64, answered: bool) {
        let watches = self
            .open
            .get_mut(key)
            .map(|it| &mut it.watch)
            .into_iter()
            .chain(self.left.get_mut(key).map(|it| &mut it.watch));
        watches.for_each(|it| it.leave(id, answered));
    }

    /// Edits of the document may still arrive, or have arrived in the wrong place.
    pub fn is_watched(&self, key: &Path) -> bool {
        self.open.get(key).is_some_and(|it| it.watch.damage() > 0 || it.watch.is_live())
            || self.left.get(key).is_some_and(|it| it.watch.is_live())
    }

    /// Until when an edit of the document may still arrive, which for a while nobody knows; nothing if none may.
    pub fn watched_until(&self, key: &Path) -> Option<Option<Instant>> {
        let watches = self.open.get(key).map(|it| &it.watch).into_iter();
        let mut live = watches.chain(self.left.get(key).map(|it| &it.watch)).filter(|it| it.is_live());
        live.next().map(Lookout::until)
    }

    /// How many edits have arrived in the wrong place and are still there.
    pub fn damage(&self, key: &Path) -> usize {
        self.open.get(key).map_or(0, |it| it.watch.damage())
    }

    /// The document, and its text without edits that arrived in the wrong place, if there are any.
    pub fn with_clean(&self, key: &Path) -> Option<(Document, Option<String>)> {
        self.open.get(key).map(|it| (it.document.clone(), it.watch.clean()))
    }

    /// They are taken back, or given up.
    pub fn repaired(&mut self, key: &Path) {
        if let Some(open) = self.open.get_mut(key) {
            open.watch.repaired(&open.document.rope);
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
        overlay.open(key.into(), document, None);
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
    fn changes_count_as_the_editor_counts() {
        use PositionEncoding::{Utf8, Utf16, Utf32};
        // (text, encoding, changes as start line, character, end line, character, text; what becomes of it)
        type Case =
            (&'static str, PositionEncoding, &'static [(u32, u32, u32, u32, &'static str)], &'static str);
        let cases: &[Case] = &[
            ("a😀b", Utf16, &[(0, 1, 0, 3, "x")], "axb"),
            ("a😀b", Utf8, &[(0, 1, 0, 5, "x")], "axb"),
            ("a😀b", Utf32, &[(0, 1, 0, 2, "x")], "axb"),
            // Half a surrogate pair: the place before it.
            ("a😀b", Utf16, &[(0, 2, 0, 3, "x")], "axb"),
            // Two changes of one message: the second is for what the first left.
            ("one two", Utf16, &[(0, 0, 0, 3, "1"), (0, 2, 0, 5, "2")], "1 2"),
            ("one\r\ntwo\r\n", Utf16, &[(0, 3, 1, 0, " ")], "one two\r\n"),
            ("one\r\ntwo\r\n", Utf16, &[(1, 3, 1, 3, "!")], "one\r\ntwo!\r\n"),
            ("one\r\ntwo\r\n", Utf16, &[(0, 9, 0, 9, "!")], "one!\r\ntwo\r\n"),
            // Neovim, where the user removes the CR from one of several lines that end with CRLF.
            ("one\r\ntwo\nthree\r\n", Utf16, &[(0, 3, 0, 4, "")], "one\ntwo\nthree\r\n"),
            ("a\r\nb\nc\rd\ne\nf\n", Utf8, &[(3, 0, 3, 1, "EEE")], "a\r\nb\nc\rd\nEEE\nf\n"),
            (
                "a\nb\r\nc\rd",
                Utf8,
                &[(2, 2, 2, 3, "D"), (2, 0, 2, 1, "C"), (1, 0, 1, 1, "B")],
                "a\nB\r\nC\rD",
            ),
            ("a", Utf16, &[(0, 1, 0, 1, "\n"), (1, 0, 1, 0, "b")], "a\nb"),
            ("a\n", Utf16, &[(1, 0, 1, 0, "b")], "a\nb"),
            ("a", Utf16, &[(7, 3, 9, 9, "b")], "ab"),
            ("\u{feff}a", Utf16, &[(0, 1, 0, 2, "b")], "\u{feff}b"),
            ("\u{feff}a", Utf8, &[(0, 0, 0, 3, "")], "a"),
            // The end before the start.
            ("abc", Utf16, &[(0, 2, 0, 1, "x")], "abxc"),
            ("\r", Utf16, &[(1, 0, 1, 0, "\n")], "\r\n"),
            ("日本", Utf32, &[(0, 1, 0, 2, "木")], "日木"),
        ];
        for &(text, encoding, changes, expected) in cases {
            let mut overlay = Overlay::default();
            let key = Path::new("/a");
            let document = Document {
                path: key.into(),
                language: "".into(),
                version: 0,
                rope: Rope::from_str(text),
                dirty: false,
            };
            overlay.open(key.into(), document, None);
            let edits: Vec<_> = changes
                .iter()
                .map(|&(line, character, end_line, end_character, text)| RangeEdit {
                    range: Some(Range {
                        start: Position::new(line, character),
                        end: Position::new(end_line, end_character),
                    }),
                    text: text.into(),
                })
                .collect();
            assert!(overlay.change(key, 1, &edits, encoding));
            assert_eq!(
                overlay.get(key).unwrap().rope.to_string(),
                expected,
                "{text:?} {encoding:?} {changes:?}"
            );
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
