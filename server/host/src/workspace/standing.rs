//! How an open document stands to its file: it may have unsaved text, and other programs may have changed the file or
//! taken it away.
//!
//! Nothing reliable is told of that, so it is looked at when it matters: one `stat`, and a read of the file if that is
//! another one than last time. Where nobody has typed, the file counts and not what a window still shows of it: a model
//! that reads it gets the file, and what changes it has the editor take the file over first (`reload`).

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use ropey::Rope;

use super::{Document, MAX_FILE_BYTES, Workspace, lock, open::Open, overlay::Overlay, resolve};
use crate::{
    form,
    fs::{self, Stamp},
};

/// A file that was written less than this before it was read may be written again without another time.
const RESOLUTION: Duration = Duration::from_millis(50);

/// How an open document stands to its file.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// They have the same text.
    Same,
    /// The document has text that is not in the file.
    Unsaved,
    /// Nobody has typed, and the file has become this text.
    Behind(Rope),
    /// Both: there is unsaved text, and the file has become this text, or nothing if it has gone.
    Apart(Option<Rope>),
    /// Nobody has typed, and the file has gone.
    Gone,
}

impl Standing {
    /// Whether there is text that a save would bring into the file.
    pub fn is_unsaved(&self) -> bool {
        matches!(self, Self::Unsaved | Self::Apart(_))
    }

    /// Whether the document is what counts, and not its file.
    pub fn counts(&self) -> bool {
        !matches!(self, Self::Behind(_) | Self::Gone)
    }
}

/// A file as it was last looked at.
#[derive(Debug, Clone)]
pub(super) enum Look {
    Gone,
    /// As the last time.
    Again,
    /// This text. The stamp is another one after every later write; nothing if that is not certain.
    Text(Option<Stamp>, Rope),
    /// No text, or too large, or it cannot be read.
    Other(Option<Stamp>),
}

impl Look {
    /// Blocks. `last` is the stamp of the last look.
    pub fn at(path: &Path, last: Option<Stamp>) -> Self {
        let now = SystemTime::now();
        let stamp = match Stamp::at(path) {
            Ok(stamp) if Some(stamp) == last => return Self::Again,
            Ok(stamp) => stamp,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Self::Gone;
            }
            Err(_) => return Self::Other(None),
        };
        let read = fs::read_bounded(path, MAX_FILE_BYTES).ok().and_then(|it| String::from_utf8(it).ok());
        let again = Stamp::at(path).ok();
        let certain = again == Some(stamp) && stamp.is_older_than(now, RESOLUTION);
        let stamp = certain.then_some(stamp);
        match read {
            Some(text) => Self::Text(stamp, Rope::from_str(&text)),
            None => Self::Other(stamp),
        }
    }
}

/// A look at the file of a document, from its begin to its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glance {
    /// Of all looks at all documents, in the order they begin.
    number: u64,
    /// The stamp of the file when it was looked at before.
    last: Option<Stamp>,
}

/// Whether an editor that reads the file has this text.
pub(super) fn shows(document: &Rope, file: &Rope) -> bool {
    form::same_ropes(document, file)
}

/// Whether a save of this text would bring nothing into a file that has the text `saved`, or is not there.
pub(super) fn is_saved(document: &Rope, saved: Option<&Rope>) -> bool {
    saved.map_or(document.len_bytes() == 0, |it| shows(document, it))
}

impl Workspace {
    /// The open document at this path, and how it stands to its file; if there are several, the one that counts. Blocks.
    pub fn look(&self, path: &Path) -> Option<(Document, Standing)> {
        self.look_now(path, None)
    }

    /// As [`look`](Self::look), of the document that its editor spells like this. Blocks.
    pub(super) fn look_as_spelled(&self, path: &Path) -> Option<(Document, Standing)> {
        self.look_now(path, Some(path))
    }

    fn look_now(&self, path: &Path, wanted: Option<&Path>) -> Option<(Document, Standing)> {
        if let Some(chat) = self.look_at_chat(path) {
            return Some(chat);
        }
        loop {
            let (spelled, glance) =
                self.with_key(path, |documents, key| documents.begin_look(key, wanted))?;
            let now = Look::at(&spelled, glance.last);
            if let Some(found) = self.stand(path, wanted, (&spelled, glance), now)? {
                return Some(found);
            }
        }
    }

    /// None inside if it has to be looked at again.
    fn stand(
        &self,
        path: &Path,
        wanted: Option<&Path>,
        (spelled, glance): (&Path, Glance),
        now: Look,
    ) -> Option<Option<(Document, Standing)>> {
        self.with_key(path, |documents, key| match documents.stand((key, spelled), glance, now) {
            // What was seen may be that another one counts.
            Some(found) => Some(found.filter(|_| wanted.is_some() || documents.counts(key, spelled))),
            // This one was closed meanwhile.
            None => documents.get_shown_mut(key, wanted).map(|_| None),
        })
    }

    /// The open document at this path, if it is what counts and not its file. Blocks.
    pub fn shown(&self, path: &Path) -> Option<Document> {
        self.look(path).filter(|(_, standing)| standing.counts()).map(|(document, _)| document)
    }

    /// As [`look`](Self::look), in a blocking task.
    pub(crate) async fn look_async(&self, path: &Path) -> Option<(Document, Standing)> {
        if let Some(chat) = self.look_at_chat(path) {
            return Some(chat);
        }
        loop {
            let (spelled, glance) = self.with_key(path, |documents, key| documents.begin_look(key, None))?;
            let file = spelled.clone();
            let now = fs::blocking(move || Ok(Look::at(&file, glance.last))).await;
            let now = now.unwrap_or(Look::Other(None));
            if let Some(found) = self.stand(path, None, (&spelled, glance), now)? {
                return Some(found);
            }
        }
    }

    /// A chat is what its document is: it has rules of its own for what is saved.
    fn look_at_chat(&self, path: &Path) -> Option<(Document, Standing)> {
        if !path.iter().any(|it| it == ".pi") || !self.is_chat(path) {
            return None;
        }
        let document = self.document(path)?;
        let standing = if document.dirty { Standing::Unsaved } else { Standing::Same };
        Some((document, standing))
    }

    /// As [`shown`](Self::shown), in a blocking task.
    pub async fn shown_async(&self, path: &Path) -> Option<Document> {
        self.look_async(path).await.filter(|(_, standing)| standing.counts()).map(|(document, _)| document)
    }

    /// Whether a document has text that is not in its file. Blocks.
    pub(crate) fn is_unsaved(&self, path: &Path) -> bool {
        self.look(path).is_some_and(|(_, standing)| standing.is_unsaved())
    }

    /// Two documents of this file with different unsaved texts, as their editor spells them. Blocks.
    pub fn torn(&self, path: &Path) -> Option<[PathBuf; 2]> {
        let torn = || self.with_key(path, |documents, key| documents.torn(key));
        // What the editor has saved, it may not have told yet.
        torn()?.iter().for_each(|it| drop(self.look_as_spelled(it)));
        torn()
    }

    /// Whether somebody has typed since other programs changed the file. Blocks.
    pub(crate) fn is_apart(&self, path: &Path) -> bool {
        matches!(self.look(path), Some((_, Standing::Apart(_))))
    }

    /// All open documents but chats, and how they stand to their files. Blocks.
    pub(crate) fn look_around(&self) -> Vec<(Document, Standing)> {
        let paths = self.all_paths();
        paths.iter().filter(|it| !self.is_chat(it)).filter_map(|it| self.look_as_spelled(it)).collect()
    }

    /// Something was told of these files or folders, or of anything at all: documents whose files have gone with
    /// nothing unsaved are none any more. Blocks.
    pub fn files_changed(&self, told: Option<&[PathBuf]>) {
        let told: Option<Vec<_>> = told.map(|it| it.iter().map(|it| resolve::key(it)).collect());
        for path in self.all_paths() {
            let key = resolve::key(&path);
            if told.as_ref().is_none_or(|it| it.iter().any(|it| key.starts_with(it))) {
                self.look_as_spelled(&path);
            }
        }
    }

    /// As their editor spells them, also those that are none any more.
    fn all_paths(&self) -> Vec<PathBuf> {
        let mut paths = lock(&self.shared.overlay).documents.paths();
        paths.sort();
        paths
    }
}

impl Overlay {
    /// How the editor spells the path of a document, and the look at its file that begins.
    pub(super) fn begin_look(&mut self, key: &Path, wanted: Option<&Path>) -> Option<(PathBuf, Glance)> {
        let number = self.looks + 1;
        let open = self.get_shown_mut(key, wanted)?;
        let glance = Glance { number, last: open.file.as_ref().map(|it| it.0) };
        let path = open.document.path.clone();
        self.looks = number;
        Some((path, glance))
    }

    /// Compares a document with its file as it is now. None inside if it has to be looked at again: a look that began
    /// later was faster, so what this one has found may be older, or the document was opened anew.
    pub(super) fn stand(
        &mut self,
        (key, spelled): (&Path, &Path),
        glance: Glance,
        now: Look,
    ) -> Option<Option<(Document, Standing)>> {
        let open = self.get_shown_mut(key, Some(spelled))?;
        let was_another = matches!(now, Look::Again) && open.file.as_ref().map(|it| it.0) != glance.last;
        if was_another || glance.number <= open.looked {
            return Some(None);
        }
        open.looked = glance.number;
        let file = match now {
            Look::Again => open.file.as_ref().map_or(Look::Other(None), |(stamp, text)| match text {
                Some(text) => Look::Text(Some(*stamp), text.clone()),
                None => Look::Other(Some(*stamp)),
            }),
            now => now,
        };
        open.file = match &file {
            Look::Text(stamp, text) => stamp.map(|it| (it, Some(text.clone()))),
            Look::Other(stamp) => stamp.map(|it| (it, None)),
            Look::Gone | Look::Again => None,
        };
        let is_clean =
            |open: &Open| open.saved.as_ref().is_some_and(|saved| shows(&open.document.rope, saved));
        let standing = match file {
            Look::Text(stamp, text) if shows(&open.document.rope, &text) => {
                // One copy of the text is enough.
                let text = if open.document.rope == text { open.document.rope.clone() } else { text };
                open.file = stamp.map(|it| (it, Some(text.clone())));
                open.saved = Some(text);
                (open.document.dirty, open.gone) = (false, false);
                Standing::Same
            }
            Look::Text(_, text) => {
                let moved = open.saved.as_ref().is_none_or(|saved| !shows(saved, &text));
                match (is_clean(open), moved) {
                    (true, true) => {
                        open.gone = false;
                        Standing::Behind(text)
                    }
                    (false, true) => Standing::Apart(Some(text)),
                    (_, false) => Standing::Unsaved,
                }
            }
            Look::Gone if is_clean(open) => {
                open.gone = true;
                Standing::Gone
            }
            Look::Gone if open.saved.is_some() && !open.gone => Standing::Apart(None),
            Look::Gone if open.gone => Standing::Gone,
            // A new document in which nothing is, or no text of which nobody has typed anything.
            _ if is_saved(&open.document.rope, open.saved.as_ref()) => {
                open.document.dirty = false;
                Standing::Same
            }
            Look::Gone => Standing::Unsaved,
            Look::Other(_) | Look::Again if open.document.dirty => Standing::Unsaved,
            Look::Other(_) | Look::Again => Standing::Same,
        };
        Some(Some((open.document.clone(), standing)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_a_later_one_has_overtaken_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, "old\n").unwrap();
        let workspace = Workspace::new(folder.path().to_owned());
        workspace.open(&path, 1, "old\n", "plaintext");
        let text = |it: &str| Look::Text(Stamp::at(&path).ok(), Rope::from_str(it));
        let stand = |glance, now| {
            workspace.with_key(&path, |documents, key| documents.stand((key, &path), glance, now)).unwrap()
        };
        let begin = || workspace.with_key(&path, |documents, key| documents.begin_look(key, None)).unwrap().1;
        let (first, second) = (begin(), begin());
        let found = stand(second, text("new\n")).unwrap().1;
        assert_eq!(found, Standing::Behind(Rope::from_str("new\n")));
        assert!(stand(first, text("old\n")).is_none());
        // What was known when it began is not what is known now.
        let third = begin();
        assert!(stand(begin(), Look::Text(None, Rope::from_str("new\n"))).is_some());
        assert!(stand(third, Look::Again).is_none());
        // It is about the document that was there when it began.
        let last = begin();
        workspace.close(&path);
        workspace.open(&path, 2, "new\n", "plaintext");
        begin();
        assert!(stand(last, text("old\n")).is_none());
        assert_eq!(workspace.look(&path).unwrap().1, Standing::Unsaved);
    }
    #[test]
    fn what_is_no_text_on_disk_is_unsaved_only_when_something_was_typed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("latin"), b"caf\xe9\n").unwrap();
        std::fs::File::create(at("large")).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        let workspace = Workspace::new(folder.path().to_owned());
        let typed = |path: &Path, version, text: &str| {
            let whole = crate::workspace::RangeEdit { range: None, text: text.into() };
            assert!(workspace.change(path, version, &[whole], Default::default()));
        };
        let dirty = || workspace.dirty_documents().len();
        // (file, what its editor shows of it)
        for (name, shown) in [("latin", "café\n"), ("large", "\0\0"), ("new", "")] {
            let path = at(name);
            workspace.open(&path, 1, shown, "text");
            assert_eq!((workspace.look(&path).unwrap().1, dirty()), (Standing::Same, 0), "{name}");
            typed(&path, 2, "typed\n");
            assert_eq!((workspace.look(&path).unwrap().1, dirty()), (Standing::Unsaved, 1), "{name}");
            typed(&path, 3, shown);
            assert_eq!((workspace.look(&path).unwrap().1, dirty()), (Standing::Same, 0), "{name}");
            typed(&path, 4, "typed\n");
            if name != "new" {
                // In the encoding it had.
                workspace.save(&path, None);
                assert_eq!((workspace.look(&path).unwrap().1, dirty()), (Standing::Same, 0), "{name}");
            }
            workspace.close(&path);
        }
        // With text in it before it was ever saved.
        workspace.open(&at("other"), 1, "restored\n", "text");
        assert_eq!(dirty(), 1);
    }
}
