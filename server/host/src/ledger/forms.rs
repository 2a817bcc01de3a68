//! A file whose text is written down in another way than before, without anybody having changed it: an editor shows no
//! byte order mark and perhaps other line ends than the disk has.
//!
//! Texts and hunks are without the mark; only a file that comes back as a whole has it. Line ends are those of the text
//! that was looked at last.

use super::{
    hunks::{FileState, Hunk, Whole},
    lines::Lines,
    raw::Raw,
};
use crate::form::{self, Ends, MARK};

impl FileState {
    /// The text without its mark.
    pub(super) fn unmark(&mut self) {
        if let Some(text) = &mut self.text {
            text.drain(..text.len() - form::without_mark(text).len());
        }
    }

    /// The file that came or went with this edit, or became no text, had a mark, and is to have it when it is there again.
    pub(super) fn mark(&mut self, edit: i64) {
        for hunk in self.hunks.iter_mut().filter(|it| it.edit == edit) {
            let Hunk { base, previous, text, .. } = hunk;
            let sides = match hunk.whole {
                Some(Whole::Created) => [Some(text), None],
                Some(Whole::Deleted) => [Some(base), Some(previous)],
                None if Raw::parse(text).is_some() => [Some(base), Some(previous)],
                Some(Whole::Renamed { .. }) | None => continue,
            };
            sides.into_iter().flatten().filter(|it| !it.starts_with(MARK)).for_each(|it| it.insert(0, MARK));
        }
    }

    /// Gives text and hunks the line ends of the text the file has now, if they are others and all the same. Not where
    /// line ends are what Pi has changed.
    pub(super) fn take_ends(&mut self, now: &str) {
        let (Some(ends), Some(text)) = (Ends::of(now), &mut self.text) else { return };
        if text.contains('\n') && Ends::of(text) != Some(ends) && !changes_ends(&self.hunks) {
            *text = ends.give(text).into_owned();
            give_ends(&mut self.hunks, ends);
        }
    }

    /// Hunks are stored as they were made. If the text was stored with other line ends since, they get these.
    pub(super) fn level(&mut self) {
        let Some((text, ends)) = self.text.as_deref().and_then(|it| Some((it, Ends::of(it)?))) else {
            return;
        };
        let lines = Lines::of(text);
        let is_other = |it: &Hunk| {
            let shown = lines.slice(it.start..it.start + it.len);
            let side = it.side_shown().filter(|side| side.contains('\r') != shown.contains('\r'));
            side.is_some_and(|it| form::with_lf(it) == form::with_lf(shown))
        };
        if self.hunks.iter().any(is_other) && !changes_ends(&self.hunks) {
            give_ends(&mut self.hunks, ends);
        }
    }
}

/// Whether a change is about nothing but line ends.
fn changes_ends(hunks: &[Hunk]) -> bool {
    let only_ends = |it: &&Hunk| it.base != it.text && form::with_lf(&it.base) == form::with_lf(&it.text);
    hunks.iter().filter(|it| it.is_live()).any(|it| only_ends(&it))
}

fn give_ends(hunks: &mut [Hunk], ends: Ends) {
    for hunk in hunks {
        for text in [&mut hunk.base, &mut hunk.previous, &mut hunk.text] {
            *text = ends.give(text).into_owned();
        }
    }
}
