//! Differences between texts: the small changes sent to an editor, and the rebase over what the user typed.
//!
//! Both work on lines first. Two sides that touch the same or directly adjoining lines are a conflict: a
//! merge inside a line can compile and still be wrong, and the model is better at it when told.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use super::editor::TextChange;

/// After this long a diff is allowed to become coarser. It stays correct.
const DIFF_TIME: Duration = Duration::from_millis(200);
/// A replaced block of at most this many bytes is narrowed to the characters that differ.
const NARROW_LIMIT: usize = 16 * 1024;

/// The changes that turn `before` into `after`, ascending, so small that cursors and folds elsewhere survive.
pub fn minimal(before: &str, after: &str) -> Vec<TextChange> {
    let mut changes: Vec<_> =
        hunks(before, after).into_iter().flat_map(|hunk| narrow(before, hunk)).collect();
    if let Some(last) = changes.last_mut() {
        keep_off_the_end(before, last);
    }
    changes
}

/// Lines put or taken away behind the last one: moved in front of the line break before them, which comes to the
/// same text. There is no line behind the last one in Neovim: it makes such an edit in two steps, or leaves an
/// empty line.
fn keep_off_the_end(before: &str, change: &mut TextChange) {
    let end_of_line = |text: &str| match text.strip_suffix('\n') {
        Some(line) if line.ends_with('\r') => Some("\r\n"),
        Some(_) => Some("\n"),
        None => None,
    };
    let Some(at) = end_of_line(&before[..change.start]).filter(|_| change.end == before.len()) else {
        return;
    };
    let removed = &before[change.start..change.end];
    if change.text.is_empty() && end_of_line(removed) == Some(at) {
        change.end -= at.len();
    } else if removed.is_empty() && end_of_line(&change.text) == Some(at) {
        change.text.truncate(change.text.len() - at.len());
        change.text.insert_str(0, at);
        change.end -= at.len();
    } else {
        return;
    }
    change.start -= at.len();
}

/// `text` with `changes` made; they must be ascending, disjoint and on character boundaries.
pub fn apply(text: &str, changes: &[TextChange]) -> String {
    let grown: usize = changes.iter().map(|it| it.text.len()).sum();
    let mut out = String::with_capacity(text.len() + grown);
    let mut at = 0;
    for change in changes {
        out.push_str(&text[at..change.start]);
        out.push_str(&change.text);
        at = change.end;
    }
    out.push_str(&text[at..]);
    out
}

/// Three-way merge: `ours` was made from `base`, meanwhile `base` became `theirs`. Gives `theirs` with our
/// changes, or nothing when both touched the same place in different ways. The same change on both sides
/// counts once.
pub fn rebase(base: &str, ours: &str, theirs: &str) -> Option<String> {
    if base == theirs || ours == theirs {
        return Some(ours.to_owned());
    }
    let our_hunks = hunks(base, ours);
    let their_hunks = hunks(base, theirs);
    let mut moved = Vec::with_capacity(our_hunks.len());
    for hunk in our_hunks {
        if their_hunks.contains(&hunk) {
            continue;
        }
        if their_hunks.iter().any(|it| touch(it, &hunk)) {
            return None;
        }
        let shift = |at: usize| {
            their_hunks
                .iter()
                .filter(|it| it.end <= hunk.start)
                .fold(at, |at, it| at + it.text.len() - (it.end - it.start))
        };
        moved.push(TextChange { start: shift(hunk.start), end: shift(hunk.end), text: hunk.text });
    }
    Some(apply(theirs, &moved))
}

/// Three-way merge that always has a result, for texts that nobody compiles: `theirs` with our changes, and where both
/// changed a line, both lines. What both put at one place stands one behind the other, theirs first.
///
/// Lines are told apart by their place in `base`, so a merge with a later `ours` finds the lines of `theirs` where
/// this one has left them.
pub fn merge(base: &str, ours: &str, theirs: &str) -> String {
    if base == theirs {
        return ours.to_owned();
    }
    let base_lines = lines(base);
    let (ours, theirs) = (Fates::of(base, ours), Fates::of(base, theirs));
    let mut out = String::new();
    // A last line without its end must not grow together with the next one.
    let mut put = |text: &str| {
        if !out.is_empty() && !out.ends_with('\n') && !text.is_empty() {
            out.push('\n');
        }
        out.push_str(text);
    };
    for at in 0..=base_lines.len() {
        let (our_new, their_new) = (&ours.before[at].concat(), &theirs.before[at].concat());
        put(their_new);
        if our_new != their_new {
            // Paragraphs of two writers stay apart.
            let joined = !their_new.is_empty() && !their_new.ends_with("\n\n") && !our_new.is_empty();
            put(if joined && !our_new.starts_with('\n') { "\n" } else { "" });
            put(our_new);
        }
        let Some(line) = base_lines.get(at) else { break };
        match (ours.line[at], theirs.line[at]) {
            (our, None) => put(our.unwrap_or(line)),
            (None, Some(their)) => put(their),
            (Some(our), Some(their)) => {
                put(their);
                put(if our == their { "" } else { our });
            }
        }
    }
    out
}

/// What a text has made of the lines of another.
struct Fates<'a> {
    /// By line: what it became; nothing if it is as it was.
    line: Vec<Option<&'a str>>,
    /// By line, and at the end: what was put before it.
    before: Vec<Vec<&'a str>>,
}

impl<'a> Fates<'a> {
    fn of(base: &str, text: &'a str) -> Self {
        let (old, new) = (lines(base), lines(text));
        let mut fates = Self { line: vec![None; old.len()], before: vec![Vec::new(); old.len() + 1] };
        let deadline = Some(Instant::now() + DIFF_TIME);
        for op in capture_diff_slices_deadline(Algorithm::Myers, &old, &new, deadline) {
            if matches!(op, DiffOp::Equal { .. }) {
                continue;
            }
            let (range, mut new) = (op.old_range(), new[op.new_range()].iter());
            for line in &mut fates.line[range.clone()] {
                *line = Some(new.next().copied().unwrap_or_default());
            }
            fates.before[range.end].extend(new.copied());
        }
        fates.put_late(&old);
        fates
    }

    /// New lines that could stand at several places, as their first one is also the line behind them, stand at the last
    /// of these: both sides then mean the same place.
    fn put_late(&mut self, old: &[&str]) {
        for mut at in (0..old.len()).rev() {
            while self.before[at].first().is_some_and(|it| old.get(at) == Some(it))
                && self.line[at].is_none()
                && self.before[at + 1].is_empty()
            {
                let mut moved = std::mem::take(&mut self.before[at]);
                moved.rotate_left(1);
                at += 1;
                self.before[at] = moved;
            }
        }
    }
}

/// Overlapping or sharing a border. A border in the middle of the text counts as well: two insertions at one
/// place have no order, and a line the user is typing below a replaced line may belong to it.
fn touch(a: &TextChange, b: &TextChange) -> bool {
    a.start <= b.end && b.start <= a.end
}

/// Differences as whole lines.
fn hunks(before: &str, after: &str) -> Vec<TextChange> {
    let (old, new) = (lines(before), lines(after));
    let deadline = Some(Instant::now() + DIFF_TIME);
    let (mut old_at, mut new_at) = (0, 0);
    let mut out: Vec<TextChange> = Vec::new();
    for op in capture_diff_slices_deadline(Algorithm::Myers, &old, &new, deadline) {
        let old_len = bytes(&old, op.old_range());
        let new_len = bytes(&new, op.new_range());
        if !matches!(op, DiffOp::Equal { .. }) {
            let text = &after[new_at..new_at + new_len];
            match out.last_mut() {
                Some(last) if last.end == old_at => {
                    last.end += old_len;
                    last.text.push_str(text);
                }
                _ => out.push(TextChange { start: old_at, end: old_at + old_len, text: text.to_owned() }),
            }
        }
        old_at += old_len;
        new_at += new_len;
    }
    out
}

/// Differences as lines of the text before, and how many lines come in their place.
pub(super) fn by_line(before: &str, after: &str) -> Vec<(Range<usize>, usize)> {
    let count = |text: &str| text.split_inclusive('\n').count();
    let (mut at, mut line) = (0, 0);
    let mut lines = |hunk: TextChange| {
        let start = line + count(&before[at..hunk.start]);
        line = start + count(&before[hunk.start..hunk.end]);
        at = hunk.end;
        (start..line, count(&hunk.text))
    };
    hunks(before, after).into_iter().map(&mut lines).collect()
}

/// One hunk of lines, cut down to the characters that differ.
fn narrow(before: &str, hunk: TextChange) -> Vec<TextChange> {
    let old = &before[hunk.start..hunk.end];
    let prefix = common_prefix(old, &hunk.text);
    let suffix = common_suffix(&old[prefix..], &hunk.text[prefix..]);
    let start = hunk.start + prefix;
    let end = hunk.end - suffix;
    let text = hunk.text[prefix..hunk.text.len() - suffix].to_owned();
    let old = &before[start..end];
    if old.is_empty() || text.is_empty() || old.len() + text.len() > NARROW_LIMIT {
        return vec![TextChange { start, end, text }];
    }
    let (old_words, new_words) = (words(old), words(&text));
    let (mut old_at, mut new_at) = (0, 0);
    let mut out = Vec::new();
    let deadline = Some(Instant::now() + DIFF_TIME);
    for op in capture_diff_slices_deadline(Algorithm::Myers, &old_words, &new_words, deadline) {
        let old_len = bytes(&old_words, op.old_range());
        let new_len = bytes(&new_words, op.new_range());
        if !matches!(op, DiffOp::Equal { .. }) {
            let text = text[new_at..new_at + new_len].to_owned();
            out.push(TextChange { start: start + old_at, end: start + old_at + old_len, text });
        }
        old_at += old_len;
        new_at += new_len;
    }
    out
}

fn bytes(parts: &[&str], range: Range<usize>) -> usize {
    parts[range].iter().map(|it| it.len()).sum()
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Runs of word characters, and every other character alone; CRLF stays one piece, as no position names its
/// middle.
fn words(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut previous: Option<char> = None;
    for (at, char) in text.char_indices() {
        let joined = match previous {
            Some(it) => (is_word(it) && is_word(char)) || (it == '\r' && char == '\n'),
            None => true,
        };
        if !joined {
            out.push(&text[start..at]);
            start = at;
        }
        previous = Some(char);
    }
    if start < text.len() {
        out.push(&text[start..]);
    }
    out
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

fn common_prefix(a: &str, b: &str) -> usize {
    let len = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum::<usize>();
    // Never between CR and LF.
    if a[..len].ends_with('\r') && (a[len..].starts_with('\n') || b[len..].starts_with('\n')) {
        len - 1
    } else {
        len
    }
}

fn common_suffix(a: &str, b: &str) -> usize {
    let mut len = 0;
    for (x, y) in a.chars().rev().zip(b.chars().rev()) {
        if x != y {
            break;
        }
        len += x.len_utf8();
    }
    let splits =
        |text: &str| text[text.len() - len..].starts_with('\n') && text[..text.len() - len].ends_with('\r');
    if len > 0 && (splits(a) || splits(b)) { len - 1 } else { len }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn change(start: usize, end: usize, text: &str) -> TextChange {
        TextChange { start, end, text: text.into() }
    }

    #[test]
    fn only_what_differs_is_sent() {
        assert_eq!(minimal("let x = 11;\n", "let x = 2;\n"), [change(8, 10, "2")]);
        assert_eq!(minimal("a\nb\nc\n", "a\nc\n"), [change(2, 4, "")]);
        assert_eq!(minimal("a\nc\n", "a\nb\nc\n"), [change(2, 2, "b\n")]);
        assert_eq!(minimal("f(a, b)\n", "f(c, d)\n"), [change(2, 3, "c"), change(5, 6, "d")]);
        assert_eq!(minimal("same", "same"), []);
        assert_eq!(minimal("a\r\nb\r\n", "a\nb\r\n"), [change(1, 3, "\n")]);
    }

    #[test]
    fn no_change_is_behind_the_last_line_break() {
        assert_eq!(minimal("a\n", "a\nb\n"), [change(1, 1, "\nb")]);
        assert_eq!(minimal("a\nb\n", "a\n"), [change(1, 3, "")]);
        assert_eq!(minimal("a\r\nb\r\n", "a\r\n"), [change(1, 4, "")]);
        assert_eq!(minimal("a\r\n", "a\r\nb\r\nc\r\n"), [change(1, 1, "\r\nb\r\nc")]);
        // Unless it is about that line break, or there is nothing else.
        assert_eq!(minimal("a\n", "a\nb"), [change(2, 2, "b")]);
        assert_eq!(minimal("a\nb", "a\n"), [change(2, 3, "")]);
        assert_eq!(minimal("a\n", "a\nb\r\n"), [change(2, 2, "b\r\n")]);
        assert_eq!(minimal("", "a\n"), [change(0, 0, "a\n")]);
    }

    #[test]
    fn typing_elsewhere_is_kept() {
        let base = "one\ntwo\nthree\nfour\n";
        let ours = "one\ntwo\nthree\nFOUR\n";
        assert_eq!(
            rebase(base, ours, "one!\nnew\ntwo\nthree\nfour\n").as_deref(),
            Some("one!\nnew\ntwo\nthree\nFOUR\n")
        );
        assert_eq!(rebase(base, ours, "one\ntwo\nthree\nFOUR\n").as_deref(), Some(ours));
        assert_eq!(rebase(base, ours, "ONE\ntwo\nthree\nFOUR\n").as_deref(), Some("ONE\ntwo\nthree\nFOUR\n"));
        assert_eq!(rebase(base, ours, "one\ntwo\nthree\nfo ur\n"), None);
        assert_eq!(rebase(base, ours, "one\ntwo\nthree\nfour\nfive\n"), None);
    }

    #[test]
    fn a_merge_keeps_what_both_have_written() {
        for (base, ours, theirs, merged) in [
            // A note below what grows: the growth goes on in its line, what is new comes behind the note.
            ("a\n\n", "a b\n\nc\n\n", "a\n\nnote\n\n", "a b\n\nnote\n\nc\n\n"),
            ("a\n\n", "a b\n\n", "a\nnote\n\n", "a b\nnote\n\n"),
            ("a\n", "a b\nc\n", "a\nnote\n", "a b\nnote\n\nc\n"),
            // A note in what is taken away stays.
            ("a\nb\nc\n", "", "a\nb\nnote\nc\n", "note\n"),
            // Both changed one line.
            ("a\n", "a b\n", "a!\n", "a!\na b\n"),
            ("a\n", "b\n", "b\n", "b\n"),
            // What they took away and we changed comes back; what we left alone does not.
            ("a\nb\n", "a\nb c\n", "", "b c\n"),
            ("a\n", "a\nb\n", "a", "a\nb\n"),
            ("", "a\n", "note", "note\n\na\n"),
            ("", "a\n", "", "a\n"),
        ] {
            assert_eq!(merge(base, ours, theirs), merged, "{base:?} {ours:?} {theirs:?}");
        }
    }

    #[test]
    fn a_note_beside_what_grows_is_written_once_and_nothing_twice() {
        let whole = "one two three\n\nfour five\n\n### six\n\nseven\n\n";
        for noted in 0..whole.len() {
            let (mut written, mut shown) = (String::new(), String::new());
            for end in 0..=whole.len() {
                let grown = format!("{}\n\n", whole[..end].trim_end());
                shown = merge(&written, &grown, &shown);
                written = grown;
                if end == noted {
                    shown.push_str("note\n");
                }
            }
            let mut rest: Vec<_> = shown.lines().filter(|it| !it.is_empty()).collect();
            let at = rest.iter().position(|it| *it == "note");
            assert!(at.is_some_and(|it| rest.remove(it) == "note"), "{noted}: {shown:?}");
            let lines: Vec<_> = whole.lines().filter(|it| !it.is_empty()).collect();
            assert_eq!(rest, lines, "{noted}: {shown:?}");
        }
    }

    proptest! {
        #[test]
        fn a_merge_has_every_line_of_both(
            base in prop::collection::vec("[a-c]{1,2}", 0..8),
            ours in prop::collection::vec("[a-cA-C]{1,2}", 0..8),
            theirs in prop::collection::vec("[a-cX-Z]{1,2}", 0..8),
        ) {
            let text = |lines: &[String]| lines.iter().map(|it| format!("{it}\n")).collect::<String>();
            let merged = merge(&text(&base), &text(&ours), &text(&theirs));
            let has = |line: &String| merged.lines().any(|it| it == line);
            // A line of one side goes only if the other side has taken it away.
            for line in ours.iter().filter(|it| !base.contains(it)).chain(theirs.iter().filter(|it| !base.contains(it))) {
                prop_assert!(has(line), "{line} is missing in {merged:?}");
            }
            prop_assert_eq!(merge(&text(&base), &text(&base), &text(&theirs)), text(&theirs));
            prop_assert_eq!(merge(&text(&base), &text(&ours), &text(&base)), text(&ours));
        }

        #[test]
        fn changes_lead_from_one_text_to_the_other(a in "[ab\u{e9} \r\n]{0,60}", b in "[ab\u{e9} \r\n]{0,60}") {
            let changes = minimal(&a, &b);
            prop_assert_eq!(apply(&a, &changes), b);
            prop_assert!(changes.windows(2).all(|it| it[0].end <= it[1].start));
        }

        #[test]
        fn a_rebase_keeps_every_typed_line(
            base in prop::collection::vec("[a-c]{1,3}", 0..12),
            ours_at in 0usize..12, theirs_at in 0usize..12,
        ) {
            let text = |lines: &[String]| lines.iter().map(|it| format!("{it}\n")).collect::<String>();
            let mut ours = base.clone();
            ours.insert(ours_at.min(base.len()), "AGENT".into());
            let mut theirs = base.clone();
            theirs.insert(theirs_at.min(base.len()), "USER".into());
            match rebase(&text(&base), &text(&ours), &text(&theirs)) {
                Some(merged) => {
                    prop_assert!(merged.contains("USER\n") && merged.contains("AGENT\n"));
                    prop_assert_eq!(merged.lines().count(), base.len() + 2);
                }
                None => prop_assert_eq!(ours_at.min(base.len()), theirs_at.min(base.len())),
            }
        }
    }
}
