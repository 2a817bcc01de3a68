//! The places in a chat document that we keep, and how they move when its text changes.
//!
//! Pure. A change is followed line by line and then character by character, so a place moves only with what is before
//! it; only when a change touches the prompt's heading itself is it looked for by its text again.

use std::ops::Range;

use pi_host::workspace::{editor::TextChange, minimal_changes};
use serde::{Deserialize, Serialize};

use crate::markdown;

/// Places in one text, as bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// Where what we still write at begins.
    pub tail: usize,
    /// Where the heading of the prompt begins.
    pub prompt: Option<usize>,
    /// The parts of the draft that were sent, in their order.
    #[serde(skip)]
    pub sent: Vec<Sent>,
}

/// A part of the draft that was sent. Once the user changes it, it is a part like the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Which message it belongs to.
    pub id: u64,
    /// Its bytes.
    pub range: Range<usize>,
    /// The message was taken: this goes out of the prompt.
    pub accepted: bool,
}

impl Places {
    /// Where they are once `old` has become `new`.
    pub fn moved(&self, old: &str, new: &str) -> Self {
        let changes = minimal_changes(old, new);
        let prompt = self.prompt.map(|it| moved(&changes, it, true)).filter(|it| is_prompt(new, *it));
        let prompt = prompt.or_else(|| markdown::prompt(new));
        // What is put between the two is ours: it moves the prompt only.
        let tail = moved(&changes, self.tail, false).min(prompt.unwrap_or(new.len()));
        Self { tail, prompt, sent: follow(&self.sent, &changes) }
    }
}

/// What was sent, after these changes. A part that was changed is none any more.
pub fn follow(sent: &[Sent], changes: &[TextChange]) -> Vec<Sent> {
    let is_whole = |it: &&Sent| {
        let Range { start, end } = it.range;
        changes.iter().all(|change| change.end <= start || change.start >= end)
    };
    let follow = |it: &Sent| {
        let range = moved(changes, it.range.start, true)..moved(changes, it.range.end, false);
        Sent { range, ..it.clone() }
    };
    sent.iter().filter(is_whole).map(follow).collect()
}

/// Where a place is after these changes. `pushed`: what is put exactly there comes before it.
pub fn moved(changes: &[TextChange], at: usize, pushed: bool) -> usize {
    let (mut added, mut removed) = (0, 0);
    let mut place = at;
    for it in changes {
        if it.start > at || (it.start == at && (it.end > at || !pushed)) {
            break;
        }
        if it.end > at {
            place = it.start;
            break;
        }
        added += it.text.len();
        removed += it.end - it.start;
    }
    place + added - removed
}

/// Whether the heading of the prompt is at this place.
fn is_prompt(text: &str, at: usize) -> bool {
    let begins = at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n');
    let line = text.get(at..).and_then(|it| it.split('\n').next());
    begins && line.is_some_and(|it| it.trim_end() == markdown::PROMPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places of a text that has `{` at the tail, `}` at the prompt, and `<` `>` around what was sent.
    fn marked(text: &str) -> (String, Places) {
        let mut places = Places::default();
        let (mut plain, mut start) = (String::new(), 0);
        for it in text.chars() {
            match it {
                '{' => places.tail = plain.len(),
                '}' => places.prompt = Some(plain.len()),
                '<' => start = plain.len(),
                '>' => places.sent.push(Sent { id: 1, range: start..plain.len(), accepted: false }),
                it => plain.push(it),
            }
        }
        (plain, places)
    }

    #[test]
    fn places_follow_what_is_before_them() {
        for (old, new) in [
            // Typing in the draft, above what we write, and in it.
            ("# T\n\n{a\n\n}## You\n\n", "# T\n\n{a\n\n}## You\n\ndraft"),
            ("# T\n\n{a\n\n}## You\n\n", "# Tea\n\nnote\n\n{a\n\n}## You\n\n"),
            ("# T\n\n{a\n\n}## You\n\n", "# T\n\n{a\nnote\n\n}## You\n\n"),
            // What was sent, and typing before and behind it.
            ("{}## You\n\n<go>", "{}## You\n\nwait <go> on"),
            ("{}## You\n\n<go>\nx", "{a\n\n}## You\n\n<go>\ny"),
            // Typing in it, and taking it away: it is a draft like any other.
            ("{}## You\n\n<go>\n", "{}## You\n\ng o\n"),
            ("{}## You\n\n<go>\n", "{}## You\n\n"),
            // The heading goes, and comes back elsewhere.
            ("{a\n\n}## You\n\nx\n", "{a\n\nx\n"),
            ("{a\n\n}## You\n\nx\n", "{a\n\nx\n\n}## You\n"),
        ] {
            let ((old, places), (new, expected)) = (marked(old), marked(new));
            assert_eq!(places.moved(&old, &new), expected, "{old:?} {new:?}");
        }
    }
}
