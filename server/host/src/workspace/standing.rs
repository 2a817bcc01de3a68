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

use super::{Document, MAX_FILE_BYTES, Workspace, lock, overlay::Overlay, resolve};
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

/// Whether an editor that reads the file has this text.
pub(super) fn shows(document: &Rope, file: &Rope) -> bool {
    form::same_ropes(document, file)
}

impl Workspace {
    /// The open document at this path, and how it stands to its file. Blocks.
    pub fn look(&self, path: &Path) -> Option<(Document, Standing)> {
        if let Some(chat) = self.look_at_chat(path) {
            return Some(chat);
        }
        let (spelled, last) = self.with_key(path, |documents, key| documents.last_look(key))?;
        let now = Look::at(&spelled, last);
        self.with_key(path, |documents, key| documents.stand(key, now))
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
        let (spelled, last) = self.with_key(path, |documents, key| documents.last_look(key))?;
        let now = fs::blocking(move || Ok(Look::at(&spelled, last))).await.unwrap_or(Look::Other(None));
        self.with_key(path, |documents, key| documents.stand(key, now))
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

    /// Whether somebody has typed since other programs changed the file. Blocks.
    pub(crate) fn is_apart(&self, path: &Path) -> bool {
        matches!(self.look(path), Some((_, Standing::Apart(_))))
    }

    /// All open documents but chats, and how they stand to their files. Blocks.
    pub(crate) fn look_around(&self) -> Vec<(Document, Standing)> {
        let paths = self.all_paths();
        paths.iter().filter(|it| !self.is_chat(it)).filter_map(|it| self.look(it)).collect()
    }

    /// Something was told of these files or folders, or of anything at all: documents whose files have gone with
    /// nothing unsaved are none any more. Blocks.
    pub fn files_changed(&self, told: Option<&[PathBuf]>) {
        let told: Option<Vec<_>> = told.map(|it| it.iter().map(|it| resolve::key(it)).collect());
        for path in self.all_paths() {
            let key = resolve::key(&path);
            if told.as_ref().is_none_or(|it| it.iter().any(|it| key.starts_with(it))) {
                self.look(&path);
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
    /// How the editor spells the path of a document, and the stamp of its file when that was last looked at.
    pub(super) fn last_look(&self, key: &Path) -> Option<(PathBuf, Option<Stamp>)> {
        let open = self.get_shown(key)?;
        let stamp = open.file.as_ref().map(|it| it.0);
        Some((open.document.path.clone(), stamp))
    }

    /// Compares a document with its file as it is now.
    pub(super) fn stand(&mut self, key: &Path, now: Look) -> Option<(Document, Standing)> {
        let open = self.get_shown_mut(key)?;
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
        let is_clean = |open: &super::overlay::Open| {
            open.saved.as_ref().is_some_and(|saved| shows(&open.document.rope, saved))
        };
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
            Look::Gone => Standing::Unsaved,
            Look::Other(_) | Look::Again if open.document.dirty => Standing::Unsaved,
            Look::Other(_) | Look::Again => Standing::Same,
        };
        Some((open.document.clone(), standing))
    }
}
