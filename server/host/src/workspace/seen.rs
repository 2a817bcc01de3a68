//! Which lines of a text a model has seen: what it has not seen, it does not replace as a whole.

use std::ops::Range;

use super::changes;

/// The lines of a text that were shown or written, ascending and apart from each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SeenLines(Vec<Range<usize>>);

impl SeenLines {
    /// All of a text.
    pub fn all() -> Self {
        let mut all = Self::default();
        all.add(0..usize::MAX);
        all
    }

    /// These lines were shown.
    pub fn add(&mut self, lines: Range<usize>) {
        self.0.push(lines);
        self.join();
    }

    /// The first lines of a text with this many that were not shown; nothing if all were.
    pub fn missing(&self, count: usize) -> Option<Range<usize>> {
        let mut ranges = self.0.iter();
        let (start, next) = match ranges.next() {
            Some(first) if first.start == 0 => (first.end, ranges.next()),
            first => (0, first),
        };
        let end = next.map_or(count, |it| it.start.min(count));
        (start < end).then_some(start..end)
    }

    /// One text has become another one: lines that stayed are known as before. If the model did it, it knows what it put
    /// in, unless it put that into lines that it has not seen.
    pub fn carry(&mut self, before: &str, after: &str, by_model: bool) {
        let old = std::mem::take(&mut self.0);
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
        if by_model {
            lines.extend(made);
        }
        self.0 = lines;
        self.join();
    }

    fn join(&mut self) {
        self.0.retain(|it| !it.is_empty());
        self.0.sort_by_key(|it| it.start);
        self.0.dedup_by(|next, last| {
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
        let mut seen = SeenLines::default();
        assert_eq!((seen.missing(0), seen.missing(3)), (None, Some(0..3)));
        seen.add(4..6);
        assert_eq!(seen.missing(9), Some(0..4));
        seen.add(0..3);
        assert_eq!(seen.missing(9), Some(3..4));
        seen.add(2..5);
        assert_eq!((seen.missing(9), seen.missing(6)), (Some(6..9), None));
        seen.add(6..usize::MAX);
        assert_eq!((seen.missing(9), SeenLines::all().missing(9)), (None, None));
    }

    #[test]
    fn an_edit_shows_what_it_wrote_and_nothing_else() {
        let before = "a\nb\nc\nd\n";
        // (lines that were shown, text after, first lines not seen if the model made it, and if somebody else did)
        type Case = (Option<Range<usize>>, &'static str, Option<Range<usize>>, Option<Range<usize>>);
        let cases: [Case; 8] = [
            (Some(0..usize::MAX), "a\nB\nBB\nc\nd\n", None, Some(1..3)),
            (Some(0..4), "a\nB\nc\nd\n", None, Some(1..2)),
            (Some(0..2), "a\nB\nBB\nc\nd\n", Some(3..5), Some(1..5)),
            (Some(0..2), "new\na\nb\nc\nd\n", Some(3..5), Some(0..1)),
            (Some(2..4), "a\nb\nd\n", Some(0..2), Some(0..2)),
            // What was written into a line that it did not know.
            (Some(0..2), "a\nb\nC\nd\n", Some(2..4), Some(2..4)),
            (None, "a\nb\nc\nd\ne\n", Some(0..4), Some(0..5)),
            (Some(0..4), "a\nd\n", None, None),
        ];
        for (shown, after, by_model, by_others) in cases {
            for (is_model, missing) in [(true, by_model), (false, by_others)] {
                let mut seen = SeenLines::default();
                shown.iter().for_each(|it| seen.add(it.clone()));
                seen.carry(before, after, is_model);
                assert_eq!(seen.missing(count(after)), missing, "{shown:?} {after:?} {is_model}");
            }
        }
    }
}
