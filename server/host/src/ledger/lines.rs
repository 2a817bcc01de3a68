//! Texts as lines: ranges of whole lines, and which of them differ between two texts.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

/// After this long a diff is allowed to become coarser. It stays correct.
const DIFF_TIME: Duration = Duration::from_millis(200);

/// Lines of one text that become other lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineOp {
    /// Lines that go.
    pub old: Range<usize>,
    /// Lines that come, counted in the new text.
    pub new: Range<usize>,
}

/// A text with an index of its lines. Endings belong to their line; a text that ends with one has no empty line
/// behind it.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    /// Byte offsets of the lines, and of the end.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Of a text.
    pub fn of(text: &'a str) -> Self {
        let mut starts = vec![0];
        for line in text.split_inclusive('\n') {
            starts.push(starts.last().copied().unwrap_or_default() + line.len());
        }
        Self { text, starts }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The text of some lines; what lies beyond the end is left out.
    pub fn slice(&self, range: Range<usize>) -> &'a str {
        let end = range.end.min(self.len());
        &self.text[self.starts[range.start.min(end)]..self.starts[end]]
    }
}

/// How many lines a text has.
pub fn count(text: &str) -> usize {
    text.split_inclusive('\n').count()
}

/// Which lines differ, ascending; between two of them at least one line stays.
pub fn differences(before: &str, after: &str) -> Vec<LineOp> {
    let split = |text| str::split_inclusive(text, '\n').collect::<Vec<_>>();
    let deadline = Some(Instant::now() + DIFF_TIME);
    let mut out: Vec<LineOp> = Vec::new();
    for op in capture_diff_slices_deadline(Algorithm::Myers, &split(before), &split(after), deadline) {
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        match out.last_mut() {
            Some(last) if last.old.end == op.old_range().start => {
                last.old.end = op.old_range().end;
                last.new.end = op.new_range().end;
            }
            _ => out.push(LineOp { old: op.old_range(), new: op.new_range() }),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_endings() {
        let lines = Lines::of("a\r\nb\n\nc");
        assert_eq!(lines.len(), 4);
        assert_eq!(lines.slice(0..2), "a\r\nb\n");
        assert_eq!(lines.slice(3..9), "c");
        assert_eq!(lines.slice(7..9), "");
        assert_eq!(Lines::of("").len(), 0);
        assert_eq!(count("a\nb\n"), 2);
    }

    #[test]
    fn neighbouring_changes_are_one() {
        let op = |old, new| LineOp { old, new };
        assert_eq!(differences("a\nb\nc\n", "a\nX\nY\nc\n"), [op(1..2, 1..3)]);
        assert_eq!(differences("a\nb\nc\n", "X\nb\n"), [op(0..1, 0..1), op(2..3, 2..2)]);
        assert_eq!(differences("a\n", "a\n"), []);
        assert_eq!(differences("", "a\n"), [op(0..0, 0..1)]);
    }
}
