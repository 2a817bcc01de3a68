//! Where a text that the model remembers has gone, and what is there now.

use similar::{Algorithm, capture_diff_slices};

/// Unchanged lines shown around the place.
const CONTEXT: usize = 2;
/// Longest excerpt, in lines.
const LONGEST: usize = 40;

/// The lines of `now` in the place that `old` has in `known`, numbered. Nothing if `known` has it nowhere, or if the
/// two texts are the same.
pub fn excerpt(known: &str, now: &str, old: &str) -> Option<String> {
    let at = known.find(old).filter(|_| known != now)?;
    let first = known[..at].matches('\n').count();
    let last = first + old.trim_end_matches('\n').matches('\n').count();
    let (before, after): (Vec<_>, Vec<_>) = (known.lines().collect(), now.lines().collect());
    let (mut start, mut end) = (after.len(), 0);
    for op in capture_diff_slices(Algorithm::Myers, &before, &after) {
        let (from, to) = (op.old_range(), op.new_range());
        if from.start > last || from.end < first {
            continue;
        }
        let is_equal = from.len() == to.len();
        let within = |line: usize| to.start + line.clamp(from.start, from.end) - from.start;
        start = start.min(if is_equal { within(first) } else { to.start });
        end = end.max(if is_equal { within(last + 1) } else { to.end });
    }
    let start = start.saturating_sub(CONTEXT);
    let end = (end + CONTEXT).min(after.len()).min(start + LONGEST);
    let lines = (start..end).map(|it| format!("{}: {}", it + 1, after[it]));
    Some(lines.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_text_that_changed_is_found() {
        let known = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let cases = [
            ("a\nb\nc\nd\nE\nf\ng\nh\n", "e\n", Some("3: c\n4: d\n5: E\n6: f\n7: g")),
            ("x\ny\na\nb\nc\nd\nf\ng\nh\n", "e", Some("5: c\n6: d\n7: f\n8: g")),
            ("a\nb\nc\nd\ne\nf\ng\nh!\n", "g\nh\n", Some("5: e\n6: f\n7: g\n8: h!")),
            ("", "e", Some("")),
            (known, "e", None),
            ("other", "nowhere", None),
        ];
        for (now, old, expected) in cases {
            assert_eq!(excerpt(known, now, old).as_deref(), expected, "{now:?} {old:?}");
        }
    }
}
