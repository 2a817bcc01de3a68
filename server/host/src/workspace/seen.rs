//! Which lines of an open document models have seen: unsaved text that none has seen is not replaced as a whole.

use std::ops::Range;

use super::changes;

/// The lines of one version that were shown or written, ascending and apart from each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    version: i32,
    lines: Vec<Range<usize>>,
}

impl Seen {
    /// These lines of a version were shown. What was shown of another version does not count any more.
    pub fn add(&mut self, version: i32, lines: Range<usize>) {
        if self.version != version {
            *self = Self { version, lines: Vec::new() };
        }
        self.lines.push(lines);
        self.join();
    }

    /// The first lines of a text with this many that were not shown; nothing if all were.
    pub fn missing(&self, version: i32, count: usize) -> Option<Range<usize>> {
        if self.version != version {
            return (count > 0).then_some(0..count);
        }
        let mut ranges = self.lines.iter();
        let (start, next) = match ranges.next() {
            Some(first) if first.start == 0 => (first.end, ranges.next()),
            first => (0, first),
        };
        let end = next.map_or(count, |it| it.start.min(count));
        (start < end).then_some(start..end)
    }

    /// A model's edit has made one version of another one. It knows what it put in, unless it put that into lines
    /// that it has not seen.
    pub fn carry(&mut self, from: i32, to: i32, before: &str, after: &str) {
        let old = if self.version == from { std::mem::take(&mut self.lines) } else { Vec::new() };
        let mut lines = Vec::new();
        // Lines that stay, from `at` on in the text before, and where they are now.
        let (mut at, mut now) = (0, 0);
        let mut keep = |stay: Range<usize>, now: usize| {
            let shown = old.iter().map(|it| it.start.max(stay.start)..it.end.min(stay.end));
            lines.extend(shown.filter(|it| it.start < it.end).map(|it| {
                let shift = |line: usize| (line - stay.start).saturating_add(now);
                shift(it.start)..shift(it.end)
            }));
        };
        let mut made = Vec::new();
        for (gone, count) in changes::by_line(before, after) {
            keep(at..gone.start, now);
            now += gone.start - at;
            if gone.is_empty() || old.iter().any(|it| it.start <= gone.start && gone.end <= it.end) {
                made.push(now..now + count);
            }
            now += count;
            at = gone.end;
        }
        keep(at..usize::MAX, now);
        lines.extend(made);
        *self = Self { version: to, lines };
        self.join();
    }

    fn join(&mut self) {
        self.lines.retain(|it| !it.is_empty());
        self.lines.sort_by_key(|it| it.start);
        self.lines.dedup_by(|next, last| {
            let joins = next.start <= last.end;
            if joins {
                last.end = last.end.max(next.end);
            }
            joins
        });
    }
}

/// How many lines a text has; behind a final line break there is none.
pub(super) fn count(text: &str) -> usize {
    text.split_inclusive('\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_shown_is_seen() {
        let mut seen = Seen::default();
        assert_eq!((seen.missing(0, 0), seen.missing(1, 0), seen.missing(1, 3)), (None, None, Some(0..3)));
        seen.add(1, 4..6);
        assert_eq!(seen.missing(1, 9), Some(0..4));
        seen.add(1, 0..3);
        assert_eq!(seen.missing(1, 9), Some(3..4));
        seen.add(1, 2..5);
        assert_eq!(
            (seen.missing(1, 9), seen.missing(1, 6), seen.missing(2, 6)),
            (Some(6..9), None, Some(0..6))
        );
        seen.add(1, 6..usize::MAX);
        assert_eq!(seen.missing(1, 9), None);
        seen.add(2, 0..1);
        assert_eq!(seen.missing(2, 2), Some(1..2));
    }

    #[test]
    fn an_edit_shows_what_it_wrote_and_nothing_else() {
        let before = "a\nb\nc\nd\n";
        for (shown, after, missing) in [
            (0..usize::MAX, "a\nB\nBB\nc\nd\n", None),
            (0..4, "a\nB\nc\nd\n", None),
            (0..2, "a\nB\nBB\nc\nd\n", Some(3..5)),
            (0..2, "new\na\nb\nc\nd\n", Some(3..5)),
            (2..4, "a\nb\nd\n", Some(0..2)),
            // What it wrote into a line that it did not know.
            (0..2, "a\nb\nC\nd\n", Some(2..4)),
            (0..0, "a\nb\nc\nd\ne\n", Some(0..4)),
        ] {
            let mut seen = Seen::default();
            seen.add(3, shown.clone());
            let mut other = seen.clone();
            seen.carry(3, 4, before, after);
            assert_eq!(seen.missing(4, count(after)), missing, "{shown:?} {after:?}");
            // Somebody else has changed it in between.
            other.carry(2, 4, "A\nb\nc\nd\n", "A\nB\nc\nd\n");
            assert_eq!(other.missing(4, 4), Some(0..4));
        }
    }
}
