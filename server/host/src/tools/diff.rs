//! How a change of a file is shown: numbered lines for people (tools.md §4) and a unified diff for programs.

use serde_json::{Map, Value};
use similar::{ChangeTag, TextDiff};

/// Unchanged lines shown around a change.
const CONTEXT: usize = 4;
/// Lines of a preview.
const PREVIEW_LINES: usize = 2000;

/// `details` of a result that changed one file.
pub(crate) fn details(path: &str, before: &str, after: &str) -> Value {
    let (before, after) = (plain(before), plain(after));
    let shown = numbered(&before, &after);
    let mut out = Map::new();
    out.insert("diff".into(), shown.text.into());
    out.insert("patch".into(), patch(path, &before, &after).into());
    if let Some(line) = shown.first_changed_line {
        out.insert("firstChangedLine".into(), line.into());
    }
    Value::Object(out)
}

/// Without byte order mark, with LF endings.
fn plain(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n")
}

/// A diff with line numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// Rows `-12 old`, `+12 new`, ` 13 same`, and ` .. ...` where unchanged lines are left out.
    pub text: String,
    /// First changed line, counted in the new text from 1.
    pub first_changed_line: Option<usize>,
}

/// The diff from `before` to `after`, both with LF endings.
pub fn numbered(before: &str, after: &str) -> Numbered {
    let count = |text: &str| text.split('\n').count();
    let width = count(before).max(count(after)).to_string().len();
    let diff = TextDiff::from_lines(before, after);
    let mut rows = Vec::new();
    let mut first_changed_line = None;
    let mut new_line = 1;
    let changes: Vec<_> = diff.iter_all_changes().collect();
    let changed: Vec<usize> =
        (0..changes.len()).filter(|&it| changes[it].tag() != ChangeTag::Equal).collect();
    let mut near = changed.iter().copied().peekable();
    let mut last_changed: Option<usize> = None;
    let mut skipping = false;
    for (at, change) in changes.iter().enumerate() {
        let number = |line: Option<usize>| line.map_or(0, |it| it + 1);
        let line = change.value().strip_suffix('\n').unwrap_or(change.value());
        match change.tag() {
            ChangeTag::Equal => {
                while near.next_if(|&it| it < at).is_some() {}
                let after_change = last_changed.is_some_and(|it| at - it <= CONTEXT);
                let before_change = near.peek().is_some_and(|&it| it - at <= CONTEXT);
                if after_change || before_change {
                    rows.push(format!(" {:>width$} {line}", number(change.old_index())));
                    skipping = false;
                } else if !skipping && !changed.is_empty() {
                    rows.push(format!(" {:>width$} ...", ""));
                    skipping = true;
                }
                new_line += 1;
                continue;
            }
            ChangeTag::Delete => rows.push(format!("-{:>width$} {line}", number(change.old_index()))),
            ChangeTag::Insert => rows.push(format!("+{:>width$} {line}", number(change.new_index()))),
        }
        first_changed_line.get_or_insert(new_line);
        new_line += usize::from(change.tag() == ChangeTag::Insert);
        last_changed = Some(at);
        skipping = false;
    }
    Numbered { text: rows.join("\n"), first_changed_line }
}

/// A unified diff with the path in both headers.
pub fn patch(path: &str, before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after).unified_diff().context_radius(CONTEXT).header(path, path).to_string()
}

/// As [`patch`], for a file that comes, goes or gets another name: `from` and `to` are its names, none where it is not
/// there.
pub fn file_patch(from: Option<&str>, to: Option<&str>, before: &str, after: &str) -> String {
    const NONE: &str = "/dev/null";
    let (old, new) = (from.unwrap_or(NONE), to.unwrap_or(NONE));
    let mut diff = TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(CONTEXT)
        .header(old, new)
        .to_string();
    if diff.is_empty() && (from.is_none() != to.is_none()) {
        diff = format!("--- {old}\n+++ {new}\n");
    }
    match (from, to) {
        (Some(from), Some(to)) if from != to => format!("rename from {from}\nrename to {to}\n{diff}"),
        _ => diff,
    }
}

/// As [`patch`], for a question: what is too long for one says how much is left out.
pub fn preview(path: &str, before: &str, after: &str) -> String {
    let whole = patch(path, before, after);
    let shown: String = whole.split_inclusive('\n').take(PREVIEW_LINES).collect();
    match whole.lines().count().checked_sub(PREVIEW_LINES) {
        Some(more @ 1..) => format!("{shown}… {more} more lines\n"),
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_numbers() {
        let got = numbered("alpha\nbeta\ngamma\n", "alpha\nBETA\nBETA2\ngamma\n");
        assert_eq!(got.text, " 1 alpha\n-2 beta\n+2 BETA\n+3 BETA2\n 3 gamma");
        assert_eq!(got.first_changed_line, Some(2));
        let got = numbered("alpha\nbeta\ngamma\n", "A\nbeta\nG\n");
        assert_eq!(got.text, "-1 alpha\n+1 A\n 2 beta\n-3 gamma\n+3 G");
        assert_eq!(numbered("a\n", "a\n"), Numbered { text: String::new(), first_changed_line: None });
    }

    #[test]
    fn far_lines_are_left_out() {
        let before: String = (1..=30).map(|it| format!("l{it}\n")).collect();
        let after = before.replace("l10\n", "").replace("l25\n", "X\n");
        let got = numbered(&before, &after);
        let expected = "    ...\n  6 l6\n  7 l7\n  8 l8\n  9 l9\n-10 l10\n 11 l11\n 12 l12\n 13 l13\n 14 l14\n    ...\n \
                        21 l21\n 22 l22\n 23 l23\n 24 l24\n-25 l25\n+24 X\n 26 l26\n 27 l27\n 28 l28\n 29 l29\n    ...";
        assert_eq!(got.text, expected);
        assert_eq!(got.first_changed_line, Some(10));
    }

    #[test]
    fn a_long_preview_says_what_it_leaves_out() {
        let long: String = (0..3000).map(|it| format!("{it}\n")).collect();
        let got = preview("a", "", &long);
        assert!(got.ends_with("\n+1996\n… 1003 more lines\n"), "{}", &got[got.len() - 60..]);
        assert_eq!(preview("a", "", "x\n"), patch("a", "", "x\n"));
    }

    #[test]
    fn files_that_come_go_and_move_are_named() {
        for (from, to, before, after, expected) in [
            (Some("a"), Some("a"), "x\n", "y\n", "--- a\n+++ a\n@@ -1 +1 @@\n-x\n+y\n"),
            (None, Some("a"), "", "y\n", "--- /dev/null\n+++ a\n@@ -0,0 +1 @@\n+y\n"),
            (Some("a"), None, "", "", "--- a\n+++ /dev/null\n"),
            (Some("a"), Some("b"), "x\n", "x\n", "rename from a\nrename to b\n"),
            (Some("a"), Some("a"), "x\n", "x\n", ""),
        ] {
            assert_eq!(file_patch(from, to, before, after), expected);
        }
    }

    #[test]
    fn the_patch_is_a_unified_diff() {
        let got = patch("a.txt", "alpha\nbeta\ngamma\n", "alpha\nBETA\nBETA2\ngamma\n");
        assert_eq!(got, "--- a.txt\n+++ a.txt\n@@ -1,3 +1,4 @@\n alpha\n-beta\n+BETA\n+BETA2\n gamma\n");
    }
}
