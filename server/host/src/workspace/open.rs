//! One open document: its text, what became of it, and the edits of ours that are looked for in it.

use std::{collections::VecDeque, path::PathBuf, sync::Arc};

use ropey::Rope;
use tokio::sync::watch;

use super::{
    lookout::{Edit, Lookout, edits_between},
    position::{PositionEncoding, Range, told_to_char},
};
use crate::{form, fs::Stamp};

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
pub(super) struct Change {
    pub version: i32,
    pub before: Rope,
    pub edits: Vec<RangeEdit>,
    pub encoding: PositionEncoding,
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
pub(super) struct Recent {
    /// Version of the text before the first remembered change.
    floor: i32,
    changes: VecDeque<Change>,
}

impl Recent {
    fn new(floor: i32) -> Self {
        Self { floor, changes: VecDeque::new() }
    }

    /// Of the newest change.
    pub fn version(&self) -> Option<i32> {
        self.changes.back().map(|it| it.version)
    }

    /// Makes a change where its version belongs. Gives its steps, if wanted and if it was not overtaken.
    pub fn apply(&mut self, rope: &mut Rope, change: Change, wanted: bool) -> Vec<(Vec<Edit>, Rope)> {
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

/// A document as long as it is open.
#[derive(Debug)]
pub(super) struct Open {
    pub document: Document,
    pub recent: Recent,
    pub progress: watch::Sender<Progress>,
    pub watch: Lookout,
    /// The text of the file that the editor has last read or written.
    pub saved: Option<Rope>,
    /// The file when it was last looked at: nothing instead of its text if it has none.
    pub file: Option<(Stamp, Option<Rope>)>,
    /// The last look at it that was believed.
    pub looked: u64,
    /// When the editor has last told something of it, among all that it tells.
    pub told: u64,
    /// Its file was deleted, and the editor still shows the text, as it may. Until somebody types, there is no
    /// such document.
    pub gone: bool,
}

impl Open {
    pub fn new(document: Document, saved: Option<Rope>) -> Self {
        let recent = Recent::new(document.version);
        Self {
            document,
            recent,
            saved,
            file: None,
            looked: 0,
            told: 0,
            progress: watch::Sender::default(),
            watch: Lookout::default(),
            gone: false,
        }
    }

    /// The text is another one than the changes lead to.
    pub fn replace(&mut self, document: Document, saved: Option<Rope>) {
        self.gone = false;
        self.saved = saved;
        self.recent = Recent::new(document.version);
        let before = std::mem::replace(&mut self.document, document).rope;
        let arrived = self.look(&before, Vec::new());
        self.tell(arrived);
    }

    /// Looks for edits of ours in a report; without its steps, in the difference of the texts.
    pub fn look(&mut self, before: &Rope, steps: Vec<(Vec<Edit>, Rope)>) -> Option<(u64, Rope)> {
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
    pub fn tell(&mut self, arrived: Option<(u64, Rope)>) {
        let version = self.document.version;
        self.progress.send_modify(|it| {
            it.changes += 1;
            if let Some((id, text)) = arrived {
                it.arrived = Some(Arrived { id, text, version });
            }
        });
    }
    /// Whether it has text that its file was not known to have.
    pub fn is_unsaved(&self) -> bool {
        let is_saved = || self.saved.as_ref().is_some_and(|it| form::same_ropes(&self.document.rope, it));
        self.document.dirty && !self.gone && !is_saved()
    }

    /// How much it counts among the documents of one file: one that an edit is on its way to or has to be taken back in,
    /// one with unsaved text, and of all others the one that was told of last.
    pub fn weight(&self) -> impl Ord + use<> {
        let is_edited = self.watch.is_live() && self.watch.until().is_none();
        (is_edited || self.watch.damage() > 0, self.is_unsaved(), !self.gone, self.told)
    }
}
