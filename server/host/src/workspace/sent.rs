//! An edit that was sent to an editor and has not been seen in its buffer yet.
//!
//! An editor that does not compare versions applies an edit at the old places of a text that has moved on
//! (Neovim, for a document nobody has typed in). What such an edit does to a text is known, so it is recognised
//! in the next report, whatever the editor answers.

use std::{collections::VecDeque, time::Duration};

use ropey::Rope;
use tokio::time::Instant;

use super::{
    changes,
    editor::TextChange,
    lookout::Edit,
    position::{PositionEncoding, Range, to_char, to_range},
};
use crate::form;

/// Texts of one document that are remembered while an edit is under way.
const TEXTS: usize = 64;
/// An edit without an answer is looked out for this long after its commit. An editor can show a dialog first.
pub(super) const LOOKOUT: Duration = Duration::from_secs(60);
/// An edit that was answered and not seen is looked out for this long: what an editor did it reports soon. Longer
/// would be wrong, as the user may come to type the very same.
const LOOKOUT_ANSWERED: Duration = Duration::from_secs(20);

/// An edit that is under way.
#[derive(Debug)]
pub(super) struct Sent {
    pub id: u64,
    base: Rope,
    changes: Vec<TextChange>,
    /// Where the editor makes the changes.
    places: Vec<Range>,
    encoding: PositionEncoding,
    /// Others with the same changes, and the texts these were made for. They have arrived, or this one has and one of
    /// them may still: which cannot be seen.
    others: Vec<(u64, Rope)>,
    meets: VecDeque<Meeting>,
    /// It makes of the text what the file has become.
    pub reloads: bool,
    /// Nobody waits for it any more; it is forgotten then.
    pub until: Option<Instant>,
}

/// A text the edit may meet, and what it makes of it.
#[derive(Debug)]
struct Meeting {
    number: usize,
    text: Rope,
    result: Rope,
}

impl Sent {
    /// Changes of `base`.
    pub fn new(id: u64, base: Rope, changes: Vec<TextChange>, encoding: PositionEncoding) -> Self {
        let places = changes.iter().map(|it| to_range(&base, it.start, it.end, encoding)).collect();
        let (others, meets) = (Vec::new(), VecDeque::new());
        Self { id, base, changes, places, encoding, others, meets, reloads: false, until: None }
    }

    /// The document has the text with this number now.
    pub fn meet(&mut self, number: usize, text: &Rope) {
        if self.meets.len() == TEXTS {
            self.meets.pop_front();
        }
        let result = self.result(text);
        // What changes nothing leaves no trace to look for.
        if result != *text {
            self.meets.push_back(Meeting { number, text: text.clone(), result });
        }
    }

    /// What the edit makes of a text.
    pub fn result(&self, text: &Rope) -> Rope {
        let mut result = text.clone();
        for edit in self.edits_of(text) {
            result.remove(edit.range.clone());
            result.insert(edit.range.start, &edit.text);
        }
        result
    }

    /// The texts from which the edit leads to this one, with their numbers, newest first.
    pub fn sources<'a>(&'a self, text: &'a Rope) -> impl Iterator<Item = (usize, &'a Rope)> {
        self.meets.iter().rev().filter(|it| same(&it.result, text)).map(|it| (it.number, &it.text))
    }

    /// The texts from which it leads to this one with what editors make of line ends, numbered `oldest` and later, newest
    /// first.
    pub fn sources_alike<'a>(
        &'a self,
        text: &'a Rope,
        oldest: usize,
    ) -> impl Iterator<Item = (usize, &'a Rope)> {
        let meets = self.meets.iter().rev().take_while(move |it| it.number >= oldest);
        meets.filter(|it| self.may_come_as(&it.text, &it.result, text)).map(|it| (it.number, &it.text))
    }

    /// Whether an editor to which the edit is made in a text may come to `now`.
    pub fn may_lead(&self, from: &Rope, now: &Rope) -> bool {
        let result = self.result(from);
        same(&result, now) || self.may_come_as(from, &result, now)
    }

    /// Whether `result`, made of `from`, may be `now` in an editor. One that is alike what was there before leaves nothing
    /// to see it by.
    fn may_come_as(&self, from: &Rope, result: &Rope, now: &Rope) -> bool {
        // Without a line end in it nothing is made of it, except where it takes away the last one.
        let is_ended = |it: &Rope| it.len_bytes() > 0 && it.byte(it.len_bytes() - 1) == b'\n';
        let has_ends = || self.changes.iter().any(|it| it.text.contains(['\r', '\n']));
        (is_ended(from) != is_ended(result) || has_ends()) && alike(result, now) && !alike(result, from)
    }

    /// How many changes it makes.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether the edit was made for this text.
    pub fn is_for(&self, text: &Rope) -> bool {
        std::iter::once(&self.base).chain(self.others.iter().map(|it| &it.1)).any(|it| same(it, text))
    }

    /// Whether it is the edit with this id, as far as one can see.
    pub fn is(&self, id: u64) -> bool {
        self.id == id || self.others.iter().any(|it| it.0 == id)
    }

    /// An edit has arrived. If it makes the same changes as this one, this may be the one that did.
    pub fn may_be(&mut self, arrived: &Self) {
        let texts = self.changes.iter().map(|it| &it.text);
        if self.places == arrived.places && texts.eq(arrived.changes.iter().map(|it| &it.text)) {
            self.others.push((arrived.id, arrived.base.clone()));
            self.others.extend_from_slice(&arrived.others);
            // Without an end somebody waits for it.
            self.until = self.until.zip(arrived.until).map(|(a, b)| a.max(b));
        }
    }

    /// Whether the text is the one the edit was made for with the first or the last of its changes.
    pub fn is_halfway(&self, text: &Rope) -> bool {
        let base = self.base.to_string();
        let has = |some: &[TextChange]| *text == *changes::apply(&base, some);
        (1..self.changes.len()).any(|at| has(&self.changes[..at]) || has(&self.changes[at..]))
    }

    /// What an editor that does not compare versions changes in a text, from the end. Places past the end mean the
    /// end, which keeps them in order and apart.
    pub fn edits_of(&self, text: &Rope) -> Vec<Edit> {
        let edit = |(it, range): (&TextChange, &Range)| {
            let start = to_char(text, range.start, self.encoding);
            let end = to_char(text, range.end, self.encoding).max(start);
            Edit { range: start..end, text: it.text.clone() }
        };
        let changes_something = |it: &Edit| text.slice(it.range.clone()) != *it.text;
        self.changes.iter().zip(&self.places).rev().map(edit).filter(changes_something).collect()
    }

    /// Nobody waits for it any more.
    pub fn leave(&mut self, answered: bool) {
        let time = if answered { LOOKOUT_ANSWERED } else { LOOKOUT };
        self.until.get_or_insert_with(|| Instant::now() + time);
    }

    /// Its document was closed: it is looked out for from now on as if there had been no answer.
    pub fn keep(&mut self) {
        self.until = self.until.max(Some(Instant::now() + LOOKOUT));
    }

    /// Whether nobody needs it any more.
    pub fn is_over(&self) -> bool {
        self.until.is_some_and(|it| it <= Instant::now())
    }
}

fn same(a: &Rope, b: &Rope) -> bool {
    a.len_bytes() == b.len_bytes() && a == b
}

/// See [`form::alike`].
fn alike(a: &Rope, b: &Rope) -> bool {
    form::alike(a.bytes(), b.bytes())
}
