//! Changes and line ends: whether a text has a change though its editor gave it line ends of its own, and a new text that
//! keeps the ends of the lines that stay.

use std::{borrow::Cow, ops::Range};

use super::changes::{by_line, rebase};
use crate::form;

/// Whether `theirs` has the changes from `base` to `ours`, as an editor may have made them: line ends do not count, nor
/// the line break behind the last line. Never of changes that are only about these.
pub fn has(base: &str, ours: &str, theirs: &str) -> bool {
    let [base, ours, theirs] = [base, ours, theirs].map(bare);
    base != ours && rebase(&base, &ours, &theirs).is_some_and(|it| it == theirs)
}

/// `theirs` without the changes from `base` to `ours` that it [has](has).
pub fn without(base: &str, ours: &str, theirs: &str) -> Option<String> {
    let mut before = rebase(&bare(ours), &bare(base), &bare(theirs))?;
    if theirs.ends_with('\n') && !before.is_empty() {
        before.push('\n');
    }
    Some(keep_ends(theirs, &before))
}

fn bare(text: &str) -> Cow<'_, str> {
    match form::with_lf(text) {
        Cow::Borrowed(text) => text.strip_suffix('\n').unwrap_or(text).into(),
        Cow::Owned(mut text) => {
            text.truncate(text.strip_suffix('\n').map_or(text.len(), str::len));
            text.into()
        }
    }
}

/// `new`, which has LF ends, as what has become of `original`: lines that stay keep their ends, and a line that comes has
/// that of the line in whose place it is, otherwise that of the first line.
pub fn keep_ends(original: &str, new: &str) -> String {
    if !original.contains('\r') {
        return new.to_owned();
    }
    let old = ended_lines(original);
    let lines: Vec<_> = new.split_inclusive('\n').collect();
    let first = old.iter().map(|it| it.1).find(|it| it.ends_with('\n')).unwrap_or("\n");
    let mut out = String::with_capacity(original.len() + new.len() / 8);
    let (mut at, mut now) = (0, 0);
    let put = |text: &str, out: &mut String| {
        // A CR that ended a line must not become a part of the next end.
        if text.starts_with('\n') {
            let kept = out.trim_end_matches('\r').len();
            let ends = "\n".repeat(out.len() - kept);
            out.replace_range(kept.., &ends);
        }
        out.push_str(text);
    };
    let keep = |range: Range<usize>, out: &mut String| old[range].iter().for_each(|it| put(it.0, out));
    for (gone, count) in by_line(&form::with_lf(original), new) {
        keep(at..gone.start, &mut out);
        now += gone.start - at;
        for (it, line) in lines[now..now + count].iter().enumerate() {
            let end = old[gone.clone()].get(it).map(|it| it.1).filter(|it| !it.is_empty()).unwrap_or(first);
            match line.strip_suffix('\n') {
                Some(line) => {
                    put(line, &mut out);
                    put(end, &mut out);
                }
                None => put(line, &mut out),
            }
        }
        (at, now) = (gone.end, now + count);
    }
    keep(at..old.len(), &mut out);
    out
}

/// The lines of a text, each with its end and what that is: LF, CRLF, CR, or nothing.
fn ended_lines(text: &str) -> Vec<(&str, &str)> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\r', '\n']) {
        let len = if rest[at..].starts_with("\r\n") { 2 } else { 1 };
        out.push((&rest[..at + len], &rest[at..at + len]));
        rest = &rest[at + len..];
    }
    if !rest.is_empty() {
        out.push((rest, ""));
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn changes_are_found_as_editors_make_them() {
        for (base, ours, theirs, found, before) in [
            ("one\ntwo\n", "one\nTWO", "one\nTWO\n", true, "one\ntwo\n"),
            ("one\n2\ntwo\n", "one\n2\nTWO", "one!\n2\nTWO\n", true, "one!\n2\ntwo\n"),
            ("a\r\nb\nc\n", "a\r\nB\r\nB\r\nc\n", "a\r\nB\nB\nc\n", true, "a\r\nb\nc\n"),
            ("a\r\nb\r\n", "a\nB\n", "a\r\nB\r\n", true, "a\r\nb\r\n"),
            ("one\ntwo\n", "one\nTWO", "one\ntwo\n", false, ""),
            // Nothing that an editor would not take for the same.
            ("one\ntwo\n", "one\ntwo", "one\ntwo\n", false, ""),
            ("a\r\nb\n", "a\nb\n", "x\r\nb\n", false, ""),
        ] {
            assert_eq!(has(base, ours, theirs), found, "{base:?} {ours:?} {theirs:?}");
            if found {
                assert_eq!(without(base, ours, theirs).as_deref(), Some(before));
            }
        }
    }

    #[test]
    fn lines_keep_their_ends() {
        for (original, new, expected) in [
            ("a\r\nb\nc\r\nd\n", "a\nB\nc\nd\n", "a\r\nB\nc\r\nd\n"),
            ("a\r\nb\nc\r\nd\n", "a\nb\nC\nC\nd\n", "a\r\nb\nC\r\nC\r\nd\n"),
            ("a\nb\r\n", "a\nb\nc\n", "a\nb\r\nc\n"),
            ("a\r\nb", "a\nb\nc", "a\r\nb\r\nc"),
            ("a\rx\nb\nc\n", "a\nx\nB\nc\n", "a\rx\nB\nc\n"),
            ("a\rx\nb\n", "a\nX\nb\n", "a\rX\nb\n"),
            ("a\r\nb\r\n", "", ""),
            ("a\r\nb\r\n", "a\n", "a\r\n"),
            ("a\nb\n", "x\nb\n", "x\nb\n"),
            ("\r", "x\n\n", "x\n\r"),
            ("\r\r", "\n\n\n", "\n\n\n"),
        ] {
            assert_eq!(keep_ends(original, new), expected, "{original:?} {new:?}");
        }
    }

    proptest! {
        #[test]
        fn a_text_with_its_old_ends_is_the_same(a in "[ab\r\n]{0,40}", b in "[ab\n]{0,40}") {
            let kept = keep_ends(&a, &b);
            prop_assert_eq!(form::with_lf(&kept), form::with_lf(&b));
            prop_assert_eq!(keep_ends(&a, &form::with_lf(&a)), a);
        }
    }
}
