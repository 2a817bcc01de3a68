//! The documents editors have open.
//!
//! Pure state: text, version, and the expectation of a commit that waits for its result. Paths are already
//! keys (see [`Workspace`](super::Workspace)); disk and editor are elsewhere. A file has two documents where its editor
//! has it open under two spellings, a link and the file itself: each has a text of its own, and one of them counts.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use ropey::Rope;
use tokio::{sync::watch, time::Instant};

pub use super::open::{Document, RangeEdit};
use super::{
    editor::TextChange,
    lookout::Lookout,
    open::{Change, Open, Progress},
    position::PositionEncoding,
};
use crate::form::{self, Form};

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
    /// None is empty.
    open: HashMap<PathBuf, Vec<Open>>,
    last_sent: u64,
    /// How often the editor has told something of a document.
    told: u64,
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
        self.told += 1;
        let documents = self.open.entry(key.clone()).or_default();
        // Opened again without a close: the newest text counts.
        if let Some(open) = documents.iter_mut().find(|it| it.document.path == document.path) {
            open.told = self.told;
            return open.replace(document, disk);
        }
        let mut open = Open::new(document, disk.clone());
        (open.looked, open.told) = (self.looks, self.told);
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
        documents.push(open);
    }

    /// False if the document is not open.
    pub fn change(
        &mut self,
        (key, path): (&Path, &Path),
        version: i32,
        edits: &[RangeEdit],
        encoding: PositionEncoding,
    ) -> bool {
        let Some(open) = self.told_of(key, path) else { return false };
        let rope = &mut open.document.rope;
        let before = rope.clone();
        let change = Change { version, before: before.clone(), edits: edits.to_vec(), encoding };
        let steps = open.recent.apply(rope, change, !open.watch.is_idle());
        open.document.version = open.recent.version().unwrap_or(version);
        open.document.dirty = true;
        open.gone = false;
        let arrived = open.look(&before, steps);
        open.tell(arrived);
        true
    }

    pub fn save(&mut self, (key, path): (&Path, &Path), text: Option<&str>) -> bool {
        let Some(open) = self.told_of(key, path) else { return false };
        open.gone = false;
        // Helix takes the text when it begins to write and tells when it has written: what was typed in between
        // is newer than this, and is not saved.
        open.document.dirty = text.is_some_and(|it| open.document.rope != *it);
        open.saved = Some(text.map_or_else(|| open.document.rope.clone(), Rope::from_str));
        open.progress.send_modify(|it| it.saves += 1);
        true
    }

    pub fn close(&mut self, (key, path): (&Path, &Path)) -> bool {
        let Some(documents) = self.open.get_mut(key) else { return false };
        let Some(at) = place(documents, path) else { return false };
        let mut open = documents.swap_remove(at);
        if documents.is_empty() {
            self.open.remove(key);
        }
        open.progress.send_modify(|it| it.closed = true);
        if let Some(last) = self.leaving.get_mut(key) {
            if last.is_none() || open.is_unsaved() {
                *last = Some(open.document.clone());
            }
        }
        self.left.retain(|_, it| it.watch.is_live());
        if open.watch.is_live() {
            open.watch.close();
            self.left.insert(key.to_owned(), Left { watch: open.watch, saved: open.saved });
        }
        true
    }

    /// The document of a key that counts.
    pub fn get(&self, key: &Path) -> Option<&Document> {
        self.counting(key).filter(|it| !it.gone).map(|it| &it.document)
    }

    /// The document that the editor spells like this; if it spells none so, the one that counts.
    pub fn spelled(&self, key: &Path, path: &Path) -> Option<&Document> {
        let exact = self.all(key).find(|it| it.document.path == path);
        exact.or_else(|| self.counting(key)).filter(|it| !it.gone).map(|it| &it.document)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&PathBuf, &Document)> {
        let all = self.open.iter().flat_map(|(key, all)| all.iter().map(move |it| (key, it)));
        all.filter(|(_, it)| !it.gone).map(|(key, it)| (key, &it.document))
    }

    /// The document that the editor spells like this, or the one that counts, whether or not its file is there.
    pub(super) fn get_shown_mut(&mut self, key: &Path, path: Option<&Path>) -> Option<&mut Open> {
        match path {
            Some(path) => self.open.get_mut(key)?.iter_mut().find(|it| it.document.path == path),
            None => self.counting_mut(key),
        }
    }

    /// Whether this is the document that counts.
    pub(super) fn counts(&self, key: &Path, path: &Path) -> bool {
        self.counting(key).is_some_and(|it| it.document.path == path)
    }

    /// Two documents of one file with different unsaved texts, as their editor spells them.
    pub fn torn(&self, key: &Path) -> Option<[PathBuf; 2]> {
        let mut unsaved = self.all(key).filter(|it| it.is_unsaved()).map(|it| &it.document);
        let first = unsaved.next()?;
        let other = unsaved.find(|it| !form::same_ropes(&it.rope, &first.rope))?;
        Some([first.path.clone(), other.path.clone()])
    }

    /// All documents as their editor spells them, also those whose file has gone.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.open.values().flatten().map(|it| it.document.path.clone()).collect()
    }

    /// Under which the documents are.
    pub fn keys(&self) -> impl Iterator<Item = &PathBuf> {
        self.open.keys()
    }

    /// The documents of one key belong to another one now, unless that has one. Gives their paths before and now.
    pub fn rename(
        &mut self,
        from: &Path,
        to: &Path,
        spelled: impl Fn(&Path) -> Option<PathBuf>,
    ) -> Vec<(PathBuf, PathBuf)> {
        if self.open.contains_key(to) {
            return Vec::new();
        }
        let Some(mut documents) = self.open.remove(from) else { return Vec::new() };
        let is_only = documents.len() == 1;
        let mut moved = Vec::new();
        for Open { document: Document { path, .. }, .. } in &mut documents {
            let new = spelled(path).unwrap_or_else(|| if is_only { to.to_owned() } else { path.clone() });
            moved.push((std::mem::replace(path, new.clone()), new));
        }
        self.open.insert(to.to_owned(), documents);
        moved
    }

    fn all(&self, key: &Path) -> impl Iterator<Item = &Open> {
        self.open.get(key).into_iter().flatten()
    }

    fn all_mut(&mut self, key: &Path) -> impl Iterator<Item = &mut Open> {
        self.open.get_mut(key).into_iter().flatten()
    }

    fn counting(&self, key: &Path) -> Option<&Open> {
        match self.open.get(key)?.as_slice() {
            [only] => Some(only),
            several => several.iter().max_by_key(|it| it.weight()),
        }
    }

    fn counting_mut(&mut self, key: &Path) -> Option<&mut Open> {
        match self.open.get_mut(key)?.as_mut_slice() {
            [only] => Some(only),
            several => several.iter_mut().max_by_key(|it| it.weight()),
        }
    }

    /// The document the editor tells something of.
    fn told_of(&mut self, key: &Path, path: &Path) -> Option<&mut Open> {
        let documents = self.open.get_mut(key)?;
        let at = place(documents, path)?;
        let open = &mut documents[at];
        self.told += 1;
        open.told = self.told;
        Some(open)
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
        let open = self.counting(key).map(|it| &it.saved);
        open.or_else(|| self.left.get(key).map(|it| &it.saved)).cloned().flatten()
    }

    /// The file with this text is deleted. An editor may go on showing it; what was typed counts all the same.
    pub fn is_gone(&mut self, key: &Path, text: &str) {
        for open in self.all_mut(key) {
            open.gone = !open.document.dirty || form::same(&open.document.rope.to_string(), text);
        }
    }

    /// The file is there again, with this text.
    pub fn is_back(&mut self, key: &Path, text: &str) {
        for open in self.all_mut(key) {
            open.gone = open.gone && !form::same(&open.document.rope.to_string(), text);
        }
    }

    /// Looks out for an edit that is being sent. Nothing if the document is not open.
    pub fn send(
        &mut self,
        (key, path): (&Path, &Path),
        base: &Rope,
        changes: &[TextChange],
        encoding: PositionEncoding,
    ) -> Option<(u64, watch::Receiver<Progress>)> {
        let id = self.last_sent + 1;
        let open = self.open.get_mut(key)?.iter_mut().find(|it| it.document.path == path)?;
        open.watch.send(id, base, changes, encoding, &open.document.rope);
        let progress = open.progress.subscribe();
        self.last_sent = id;
        Some((id, progress))
    }

    /// The edit makes of the text what the file has become.
    pub fn reloads(&mut self, key: &Path, id: u64) {
        self.all_mut(key).for_each(|it| it.watch.reloads(id));
    }

    /// Nobody waits for the edit any more. It is looked out for a while all the same, longer without an answer.
    pub fn leave(&mut self, key: &Path, id: u64, answered: bool) {
        self.all_mut(key).for_each(|it| it.watch.leave(id, answered));
        self.left.get_mut(key).into_iter().for_each(|it| it.watch.leave(id, answered));
    }

    /// Edits of the document may still arrive, or have arrived in the wrong place.
    pub fn is_watched(&self, key: &Path) -> bool {
        self.all(key).any(|it| it.watch.damage() > 0 || it.watch.is_live())
            || self.left.get(key).is_some_and(|it| it.watch.is_live())
    }

    /// Until when an edit of the document may still arrive, which for a while nobody knows; nothing if none may.
    pub fn watched_until(&self, key: &Path) -> Option<Option<Instant>> {
        let watches = self.all(key).map(|it| &it.watch);
        let live = watches.chain(self.left.get(key).map(|it| &it.watch)).filter(|it| it.is_live());
        live.map(Lookout::until).max_by_key(|it| (it.is_none(), *it))
    }

    /// How many edits have arrived in the wrong place and are still there.
    pub fn damage(&self, key: &Path) -> usize {
        self.all(key).map(|it| it.watch.damage()).sum()
    }

    /// The document, and its text without edits that arrived in the wrong place, if there are any.
    pub fn with_clean(&self, key: &Path) -> Option<(Document, Option<String>)> {
        self.counting(key).map(|it| (it.document.clone(), it.watch.clean()))
    }

    /// They are taken back, or given up.
    pub fn repaired(&mut self, key: &Path) {
        if let Some(open) = self.counting_mut(key) {
            open.watch.repaired(&open.document.rope);
        }
    }

    /// A receiver that wakes at every change of the document and when it is closed.
    pub fn subscribe(&self, key: &Path, path: &Path) -> Option<watch::Receiver<Progress>> {
        let exact = self.all(key).find(|it| it.document.path == path);
        exact.or_else(|| self.counting(key)).map(|it| it.progress.subscribe())
    }

    /// How often the documents of a key were saved.
    pub fn saves(&self, key: &Path) -> Option<u64> {
        self.all(key).map(|it| it.progress.borrow().saves).reduce(|a, b| a + b)
    }
}

/// Where the document is that an editor spells like this. If it has only one, it can mean no other.
fn place(documents: &[Open], path: &Path) -> Option<usize> {
    let exact = documents.iter().position(|it| it.document.path == path);
    exact.or((documents.len() == 1).then_some(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::position::{Position, Range};

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
            assert!(overlay.change((key, key), *version, std::slice::from_ref(edit), PositionEncoding::Utf8));
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
            assert!(overlay.change((key, key), 1, &edits, encoding));
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
