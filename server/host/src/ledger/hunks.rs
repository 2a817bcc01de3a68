//! The hunks of one file: where each is now, what it may become, and what the text is then.
//!
//! Pure: no file, no database. A [`FileState`] is the text of a file as it was last known, with the hunks in it.
//! Three things happen to it: the user changes the text ([`FileState::follow`]), Pi does ([`FileState::absorb`]),
//! or somebody decides about hunks ([`FileState::flip`]).
//!
//! A change of Pi over an earlier one that still waits makes one hunk of both, so that what is shown and rejected
//! is the difference from the text before Pi came. The earlier hunk is superseded; it comes back when the later one
//! is reverted.

use std::ops::Range;

use super::lines::{self, LineOp, Lines};
use crate::form;

/// What became of a hunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// In the text, waits for a decision.
    Pending,
    /// In the text, for good.
    Kept,
    /// Taken out of the text before it was kept, together with what it was merged from.
    Rejected,
    /// Taken out of the text, back to what was there before this one change.
    Reverted,
    /// Part of a later hunk.
    Superseded,
}

/// What happened to the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whole {
    /// It was not there before.
    Created,
    /// It is not there any more.
    Deleted,
    /// It got another name.
    Renamed {
        /// The path before.
        from: String,
        /// The path afterwards.
        to: String,
    },
}

/// Where a superseded hunk was inside the one that superseded it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// The later hunk.
    pub hunk: i64,
    /// First line of this one, counted from the first of the later one; negative if it began before it.
    pub offset: i64,
    /// Number of lines it had.
    pub len: usize,
    /// Whether somebody else had changed them.
    pub edited: bool,
}

/// One change of neighbouring lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Unique in the ledger, for ever.
    pub id: i64,
    /// The edit that made it.
    pub edit: i64,
    /// What became of it.
    pub status: Status,
    /// The status it comes back to.
    pub was: Status,
    /// Its lines are not what its status says: somebody else changed them.
    pub edited: bool,
    /// First line, in the text as it is now.
    pub start: usize,
    /// Number of lines there now.
    pub len: usize,
    /// The lines before any change that is not kept.
    pub base: String,
    /// The lines before this change.
    pub previous: String,
    /// The lines this change put there.
    pub text: String,
    /// If it is the file itself that came or went.
    pub whole: Option<Whole>,
    /// Of a superseded hunk: by which.
    pub parent: Option<Parent>,
    /// Number of the last decision about it; 0 = none.
    pub decision: i64,
}

/// To which of its texts a hunk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Pi's.
    Text,
    /// The one before any change that is not kept.
    Base,
    /// The one before this change.
    Previous,
}

impl Hunk {
    fn range(&self) -> Range<usize> {
        self.start..self.start + self.len
    }

    /// Whether it has a place in the text.
    pub fn is_live(&self) -> bool {
        self.status != Status::Superseded
    }

    /// Whether its lines are in the text.
    pub fn is_in(&self) -> bool {
        matches!(self.status, Status::Pending | Status::Kept)
    }

    /// Whether it is the file's name that changed, and not its text.
    pub fn renames(&self) -> bool {
        matches!(self.whole, Some(Whole::Renamed { .. }))
    }

    /// The text of one side; nothing if there is no file on that side.
    pub fn side(&self, to: To) -> Option<&str> {
        match (to, &self.whole) {
            (To::Text, Some(Whole::Deleted)) | (To::Base | To::Previous, Some(Whole::Created)) => None,
            (To::Text, _) => Some(&self.text),
            (To::Base, _) => Some(&self.base),
            (To::Previous, _) => Some(&self.previous),
        }
    }

    /// Waits for a decision and has lines, so that a change of the same lines becomes one with it.
    fn waits_at(&self, range: &Range<usize>) -> bool {
        self.status == Status::Pending && !self.renames() && touches(&self.range(), range)
    }

    /// Which text is in the file, by its status.
    fn side_now(&self) -> To {
        match self.status {
            Status::Pending | Status::Kept | Status::Superseded => To::Text,
            Status::Rejected => To::Base,
            Status::Reverted => To::Previous,
        }
    }

    /// What its lines are, unless somebody else has changed them.
    pub(super) fn side_shown(&self) -> Option<&str> {
        let shown = self.is_live() && !self.edited && !self.renames();
        self.side(self.side_now()).filter(|_| shown)
    }

    /// Whether its lines are those of one side.
    fn shows(&self, lines: Option<&Lines<'_>>, to: To) -> bool {
        match (lines, self.side(to)) {
            (Some(lines), Some(side)) => same(lines.slice(self.range()), side),
            (lines, side) => lines.is_none() && side.is_none(),
        }
    }

    /// The status after it went to `to`.
    fn status_at(&self, to: To) -> Status {
        match to {
            To::Base => Status::Rejected,
            To::Previous => Status::Reverted,
            To::Text if self.status == Status::Reverted => self.was,
            To::Text => Status::Pending,
        }
    }
}

/// The text of one file as last known, and its hunks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileState {
    /// The text; nothing if there is no file.
    pub text: Option<String>,
    /// All hunks of the file in the order of their places: of two that are empty now only this order tells which
    /// comes first.
    pub hunks: Vec<Hunk>,
}

impl FileState {
    fn at(&self, id: i64) -> Option<usize> {
        self.hunks.iter().position(|it| it.id == id)
    }

    /// Takes in what the file has become without Pi. Hunks elsewhere move along; one whose own lines changed is
    /// `edited`, unless they now are another of its texts: then it was undone or redone, by whatever means.
    pub fn follow(&mut self, now: Option<&str>) {
        let now = now.map(form::without_mark);
        self.unmark();
        self.level();
        if self.text.as_deref() == now || self.undone(now) {
            return;
        }
        if let Some(now) = now {
            self.take_ends(now);
            if self.text.as_deref() == Some(now) || self.undone(Some(now)) {
                return;
            }
        }
        match (self.text.take(), now) {
            (Some(old), Some(new)) => {
                let ops = lines::differences(&old, new);
                self.text = Some(new.to_owned());
                let touched = self.shift(&ops, Some((&old, new)), &[]);
                self.judge(&touched);
            }
            (_, now) => {
                let len = now.map_or(0, lines::count);
                self.text = now.map(str::to_owned);
                let in_text = |it: &Hunk| it.is_live() && !it.renames();
                for it in self.hunks.iter_mut().filter(|it| in_text(it)) {
                    (it.start, it.len) = (0, len);
                }
                let live: Vec<_> = (0..self.hunks.len()).filter(|&it| in_text(&self.hunks[it])).collect();
                self.judge(&live);
            }
        }
    }

    /// Recognises the editor's own undo and redo of one edit: a diff would often cut elsewhere.
    fn undone(&mut self, now: Option<&str>) -> bool {
        let live = self.hunks.iter().rev().filter(|it| it.is_live() && !it.renames());
        let edits: Vec<i64> = live.map(|it| it.edit).collect();
        let mut tried = Vec::new();
        for edit in edits {
            if tried.contains(&edit) {
                continue;
            }
            if tried.len() == RECOGNISED {
                break;
            }
            tried.push(edit);
            let flips = |want: fn(&Hunk) -> Option<To>| -> Vec<(i64, To)> {
                let of_edit = self.hunks.iter().filter(|it| it.edit == edit && it.is_live() && !it.edited);
                of_edit.filter_map(|it| Some((it.id, want(it)?))).collect()
            };
            let out = flips(|it| {
                it.is_in().then_some(if it.base == it.previous { To::Base } else { To::Previous })
            });
            let back = flips(|it| (!it.is_in()).then_some(To::Text));
            for flips in [out, back] {
                if flips.is_empty() || self.length_after(&flips) != now.map(str::len) {
                    continue;
                }
                let mut flipped = self.clone();
                flipped.flip(&flips);
                if flipped.text.as_deref() == now {
                    for it in &mut flipped.hunks {
                        // A kept change that is undone was reverted, not rejected.
                        let before = self.hunks.iter().find(|old| old.id == it.id).map(|old| old.status);
                        if before == Some(Status::Kept) && it.status == Status::Rejected {
                            it.status = Status::Reverted;
                        }
                    }
                    *self = flipped;
                    return true;
                }
            }
        }
        false
    }

    /// Bytes of the text after these flips, without making it. A file that comes or goes is as if always there.
    fn length_after(&self, flips: &[(i64, To)]) -> Option<usize> {
        let mut len = self.text.as_deref().map_or(0, str::len);
        let mut there = self.text.is_some();
        for (id, to) in flips {
            let hunk = &self.hunks[self.at(*id)?];
            len = (len + hunk.side(*to).map_or(0, str::len))
                .checked_sub(hunk.side(hunk.side_now()).map_or(0, str::len))?;
            there = hunk.side(*to).is_some() || (there && len > 0);
        }
        there.then_some(len)
    }

    /// Moves live hunks, except those in `settled`, over changes of the text. Gives those whose lines were changed.
    /// With the two texts, lines that came back where some were removed count as a change of that hunk.
    fn shift(&mut self, ops: &[LineOp], texts: Option<(&str, &str)>, settled: &[usize]) -> Vec<usize> {
        let mut touched = Vec::new();
        let new_lines = texts.map(|(_, new)| Lines::of(new));
        for (at, hunk) in self.hunks.iter_mut().enumerate() {
            if !hunk.is_live() || hunk.renames() || settled.contains(&at) {
                continue;
            }
            let old = hunk.range();
            let (mut start, mut end) = (old.start, old.end);
            let came_back = |op: &LineOp| {
                old.is_empty()
                    && op.old.is_empty()
                    && op.old.start == old.start
                    && new_lines.as_ref().is_some_and(|it| {
                        let text = it.slice(op.new.clone());
                        same(text, &hunk.base) || same(text, &hunk.previous) || same(text, &hunk.text)
                    })
            };
            let overlapping: Vec<&LineOp> =
                ops.iter().filter(|op| overlaps(&op.old, &old) || came_back(op)).collect();
            let (first, last) = (overlapping.first(), overlapping.last());
            match first {
                Some(op) if op.old.start <= old.start => start = op.new.start,
                _ => start = moved(ops, start, true),
            }
            match last {
                Some(op) if op.old.end >= old.end => end = op.new.end,
                _ if old.is_empty() => end = start,
                // What was put in right behind the hunk is not its own.
                _ => end = moved(ops, end, false),
            }
            (hunk.start, hunk.len) = (start, end.saturating_sub(start));
            if first.is_some() {
                touched.push(at);
            }
        }
        touched
    }

    /// Compares hunks with the text and sets their status to what is there.
    fn judge(&mut self, which: &[usize]) {
        let Self { text, hunks } = self;
        let lines = text.as_deref().map(Lines::of);
        let mut changed = Vec::new();
        for &at in which {
            let hunk = &mut hunks[at];
            let is = |to| hunk.shows(lines.as_ref(), to);
            let as_expected = is(hunk.side_now());
            let to = match hunk.status {
                _ if as_expected => None,
                Status::Pending if is(To::Base) => Some(To::Base),
                Status::Pending | Status::Kept if is(To::Previous) => Some(To::Previous),
                Status::Rejected | Status::Reverted if is(To::Text) => Some(To::Text),
                _ => None,
            };
            hunk.edited = to.is_none() && !as_expected;
            changed.extend(to.map(|to| (at, to)));
        }
        for (at, to) in changed {
            self.set(at, to);
        }
        self.sort();
    }

    /// Puts hunks in the order of their places; those at one place keep theirs.
    fn sort(&mut self) {
        self.hunks.sort_by_key(|it| (it.start, !it.renames()));
    }

    /// Records that a hunk went to `to`, and what that means for the hunks it was made from.
    fn set(&mut self, at: usize, to: To) {
        let hunk = &mut self.hunks[at];
        let next = hunk.status_at(to);
        if hunk.is_in() {
            hunk.was = hunk.status;
        }
        hunk.status = next;
        let (id, start, plain) = (hunk.id, hunk.start, hunk.base == hunk.previous);
        let lines = self.text.as_deref().map(Lines::of);
        for child in self.hunks.iter_mut() {
            let Some(parent) = child.parent.filter(|it| it.hunk == id) else { continue };
            match to {
                To::Text if child.is_live() => (child.was, child.status) = (child.status, Status::Superseded),
                To::Text => {}
                // What was decided before the later change is there again.
                To::Base if !plain || child.was == Status::Pending => {}
                To::Base | To::Previous if child.is_live() => {}
                To::Base | To::Previous => {
                    child.status = child.was;
                    let end = lines.as_ref().map_or(0, Lines::len);
                    child.start = usize::try_from(start as i64 + parent.offset).unwrap_or_default().min(end);
                    child.len = parent.len.min(end - child.start);
                    child.edited = parent.edited || !child.shows(lines.as_ref(), child.side_now());
                }
            }
        }
    }

    /// Lets hunks go to another of their texts: at most one flip for a hunk, none that is edited or superseded. One
    /// that overlaps another of them is left as it is. The text becomes what it is then.
    pub fn flip(&mut self, flips: &[(i64, To)]) {
        let flips = flips.iter().filter_map(|(id, to)| Some((self.at(*id)?, *to)));
        let (names, mut flips): (Vec<_>, Vec<(usize, To)>) =
            flips.partition(|(at, _)| self.hunks[*at].renames());
        for (at, to) in names {
            self.set(at, to);
        }
        if flips.is_empty() {
            return;
        }
        flips.sort_by_key(|(at, _)| *at);
        let mut free = 0;
        flips.retain(|(at, _)| {
            let range = self.hunks[*at].range();
            let disjoint = range.start >= free;
            free = if disjoint { range.end } else { free };
            disjoint
        });
        let old = self.text.clone().unwrap_or_default();
        let old_lines = Lines::of(&old);
        let (mut text, mut ops, mut from, mut line) = (String::with_capacity(old.len()), Vec::new(), 0, 0);
        let mut there = self.text.is_some();
        let mut gone = false;
        for (at, to) in &flips {
            let hunk = &mut self.hunks[*at];
            let range = hunk.range();
            let kept = old_lines.slice(from..range.start);
            text.push_str(kept);
            line += range.start.saturating_sub(from);
            let side = hunk.side(*to);
            there |= side.is_some();
            gone |= side.is_none();
            let put = side.unwrap_or_default();
            let line_end = if old.contains("\r\n") { "\r\n" } else { "\n" };
            if !put.is_empty() && !text.is_empty() && !text.ends_with('\n') {
                text.push_str(line_end);
            }
            text.push_str(put);
            // Two lines must not become one where the end of the file has moved.
            if !put.is_empty() && !put.ends_with('\n') && range.end < old_lines.len() {
                text.push_str(line_end);
            }
            let len = lines::count(put);
            ops.push(LineOp { old: range.clone(), new: line..line + len });
            (hunk.start, hunk.len, hunk.edited) = (line, len, false);
            line += len;
            from = range.end;
        }
        text.push_str(old_lines.slice(from..old_lines.len()));
        self.text = (there && !(gone && text.is_empty())).then_some(text);
        let settled: Vec<usize> = flips.iter().map(|(at, _)| *at).collect();
        let touched = self.shift(&ops, None, &settled);
        for (at, to) in flips {
            self.set(at, to);
        }
        let touched: Vec<_> = touched.into_iter().filter(|&it| self.hunks[it].is_live()).collect();
        self.judge(&touched);
    }

    /// Takes in an edit of Pi from the text as it is to `after`. New hunks get ids from `next_id` on. Gives how
    /// many there are.
    pub fn absorb(&mut self, edit: i64, after: Option<&str>, next_id: i64) -> usize {
        let after = after.map(form::without_mark);
        self.unmark();
        let before = self.text.take();
        self.text = after.map(str::to_owned);
        let whole = match (&before, after) {
            (None, Some(_)) => Some(Whole::Created),
            (Some(_), None) => Some(Whole::Deleted),
            _ => None,
        };
        let old = before.unwrap_or_default();
        let new = after.unwrap_or_default();
        let ops = match whole {
            Some(_) => vec![LineOp { old: 0..lines::count(&old), new: 0..lines::count(new) }],
            None => lines::differences(&old, new),
        };
        let (old_lines, new_lines) = (Lines::of(&old), Lines::of(new));
        let groups = self.groups(&ops);
        let mut made = Vec::new();
        for group in groups {
            let id = next_id + made.len() as i64;
            let range = self.spanned(&ops, &group);
            let previous = old_lines.slice(range.clone());
            let base = self.base_of(&old_lines, range.clone());
            let now = self.whole_of(&range, whole.clone());
            let new_range = new_place(&ops, &range);
            let text = new_lines.slice(new_range.clone());
            for hunk in self.hunks.iter_mut().filter(|it| it.is_live()) {
                let inside = hunk.waits_at(&range) || overlaps(&range, &hunk.range());
                if !hunk.renames() && (inside || whole.is_some()) {
                    let offset = hunk.start as i64 - range.start as i64;
                    hunk.parent = Some(Parent { hunk: id, offset, len: hunk.len, edited: hunk.edited });
                    (hunk.was, hunk.status) = (hunk.status, Status::Superseded);
                }
            }
            let back = base == text && now.is_none();
            made.push(Hunk {
                id,
                edit,
                status: if back { Status::Rejected } else { Status::Pending },
                was: Status::Pending,
                edited: false,
                start: new_range.start,
                len: new_range.len(),
                base,
                previous: previous.to_owned(),
                text: text.to_owned(),
                whole: now,
                parent: None,
                decision: 0,
            });
        }
        // None is touched any more: those would have been superseded.
        self.shift(&ops, None, &[]);
        let count = made.len();
        self.hunks.append(&mut made);
        self.sort();
        count
    }

    /// Changes that become one hunk, as ranges of `ops`: those that share a waiting hunk.
    fn groups(&self, ops: &[LineOp]) -> Vec<Range<usize>> {
        let mut groups: Vec<Range<usize>> = (0..ops.len()).map(|it| it..it + 1).collect();
        loop {
            let spans: Vec<_> = groups.iter().map(|it| self.spanned(ops, it)).collect();
            let Some(at) = spans.windows(2).position(|it| touches(&it[0], &it[1])) else { return groups };
            groups[at].end = groups[at + 1].end;
            groups.remove(at + 1);
        }
    }

    /// The lines of the old text that a group of changes and the waiting hunks it meets cover.
    fn spanned(&self, ops: &[LineOp], group: &Range<usize>) -> Range<usize> {
        let mut range = ops[group.start].old.start..ops[group.end - 1].old.end;
        loop {
            let met = self.hunks.iter().filter(|it| it.waits_at(&range));
            let wider = met
                .fold(range.clone(), |range, it| range.start.min(it.start)..range.end.max(it.start + it.len));
            if wider == range {
                return range;
            }
            range = wider;
        }
    }

    /// The lines before what waits in them; lines the user has changed since are the user's.
    fn base_of(&self, old: &Lines<'_>, range: Range<usize>) -> String {
        let mut met: Vec<_> = self.hunks.iter().filter(|it| it.waits_at(&range) && !it.edited).collect();
        met.sort_by_key(|it| it.start);
        let mut out = String::new();
        let mut from = range.start;
        for hunk in met {
            out.push_str(old.slice(from..hunk.start));
            out.push_str(&hunk.base);
            from = hunk.start + hunk.len;
        }
        out.push_str(old.slice(from..range.end));
        out
    }

    /// What a new hunk says of the file, given what waits in its lines.
    fn whole_of(&self, range: &Range<usize>, whole: Option<Whole>) -> Option<Whole> {
        let waiting =
            self.hunks.iter().filter(|it| !it.edited && it.waits_at(range)).find_map(|it| it.whole.clone());
        match (waiting, whole) {
            (Some(Whole::Created), None) => Some(Whole::Created),
            // Created and deleted, or deleted and created again: what is left is a difference of texts.
            (Some(Whole::Created), Some(Whole::Deleted)) | (Some(Whole::Deleted), Some(Whole::Created)) => {
                None
            }
            (_, whole) => whole,
        }
    }
}

/// How many edits are tried when looking for the editor's undo.
const RECOGNISED: usize = 32;

/// Where old lines, which contain each change whole or not at all, are in the new text.
fn new_place(ops: &[LineOp], range: &Range<usize>) -> Range<usize> {
    let begun = ops.iter().find(|op| op.old.start == range.start);
    let start = begun.map_or_else(|| moved(ops, range.start, false), |op| op.new.start);
    start..moved(ops, range.end, true)
}

/// Where the border before an old line is in the new text; `after` what was put in there, or before it.
fn moved(ops: &[LineOp], line: usize, after: bool) -> usize {
    let before = ops.iter().take_while(|op| op.old.end < line || (op.old.end == line && after));
    before.last().map_or(line, |op| line - op.old.end + op.new.end)
}

/// Whether a change of `op` goes into `lines`. Lines put in at a border are outside.
fn overlaps(op: &Range<usize>, lines: &Range<usize>) -> bool {
    if op.is_empty() || lines.is_empty() {
        return op.start.max(lines.start) < op.end.min(lines.end)
            || (lines.start < op.start && op.end < lines.end)
            || (op.start < lines.start && lines.end < op.end);
    }
    op.start < lines.end && lines.start < op.end
}

/// Whether no line is between the two.
fn touches(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start <= b.end && b.start <= a.end
}

/// The same lines; whether the last one has an ending depends on what is behind it.
fn same(a: &str, b: &str) -> bool {
    fn bare(text: &str) -> &str {
        let text = form::without_mark(text);
        let text = text.strip_suffix('\n').unwrap_or(text);
        text.strip_suffix('\r').unwrap_or(text)
    }
    a == b || (!a.is_empty() && !b.is_empty() && bare(a) == bare(b))
}
