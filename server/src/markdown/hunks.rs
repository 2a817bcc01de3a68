//! Changes that can be decided about, in a chat document: their numbers, their states, and the user's words about
//! them.
//!
//! The heading of a call that changed something ends with `· hunks 1 2 pending`; each place of its diff begins with
//! `@@ hunk 1 · src/retry.rs:14 · pending`. Only below the heading of an edit is a line one of ours:
//! what commands print stands below headings of their own.

use std::fmt::Write as _;

use super::{Heading, headings};

/// Before the number in a diff.
const LINE: &str = "@@ hunk ";
/// Tools whose calls show what they changed as a diff of ours.
const EDITING: [&str; 3] = ["edit", "write", "hashline_edit"];

/// Signs of a call that is done: what a failed one prints is not ours.
const DONE: [&str; 2] = ["✓", "+"];
/// What can have become of a hunk.
const STATES: [&str; 6] = ["pending", "edited", "kept", "rejected", "reverted", "superseded"];

/// A hunk as the document shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Its number in the session, from 1.
    pub number: usize,
    /// What became of it, in one word.
    pub state: &'static str,
}

/// What a user writes behind a hunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It stays.
    Keep,
    /// It goes.
    Reject,
}

/// The line of a hunk, found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HunkLine<'a> {
    /// Its first byte.
    pub start: usize,
    /// All of it, without the line end.
    pub text: &'a str,
    /// The hunk's number.
    pub number: usize,
}

impl HunkLine<'_> {
    /// What stands behind the number, word by word.
    fn rest(&self) -> impl Iterator<Item = &str> {
        let rest = self.text.strip_prefix(LINE).and_then(|it| it.split_once(' '));
        rest.map_or("", |it| it.1).split_whitespace()
    }

    /// What the user has written into it.
    pub fn word(&self) -> Option<Word> {
        self.rest().find_map(word)
    }

    /// The line with another state, and without the user's word.
    fn with_state(&self, state: &str) -> String {
        let rest: Vec<&str> = self.rest().filter(|it| word(it).is_none()).collect();
        let rest = rest.join(" ");
        let mut parts: Vec<&str> = rest.split('·').map(str::trim).filter(|it| !it.is_empty()).collect();
        parts.pop_if(|it| STATES.contains(it));
        format!("{LINE}{} · {} · {state}", self.number, parts.join(" · "))
    }
}

fn word(text: &str) -> Option<Word> {
    match text.trim_matches('·') {
        "keep" => Some(Word::Keep),
        "reject" => Some(Word::Reject),
        _ => None,
    }
}

/// What the heading of an edit says about its hunks, with what is before it.
pub fn suffix(marks: &[Mark]) -> String {
    let mut out = String::new();
    for group in marks.chunk_by(|a, b| a.state == b.state) {
        let plural = if group.len() == 1 { "" } else { "s" };
        let numbers: Vec<_> = group.iter().map(|it| it.number.to_string()).collect();
        // Writing to a string cannot fail.
        let _ok = write!(out, " · hunk{plural} {} {}", numbers.join(" "), group[0].state);
    }
    out
}

/// The line before the lines of a hunk.
pub fn line(mark: &Mark, place: &str) -> String {
    format!("{LINE}{} · {place} · {}", mark.number, mark.state)
}

/// The lines of hunks in a text.
pub fn lines(text: &str) -> Vec<HunkLine<'_>> {
    let headings = headings(text);
    let mut found = Vec::new();
    for (at, heading) in headings.iter().enumerate().filter(|it| has_diff(it.1)) {
        let end = headings.get(at + 1).map_or(text.len(), |it| it.start);
        let mut start = heading.start;
        for whole in text[heading.start..end].split_inclusive('\n') {
            let line = whole.trim_end_matches(['\n', '\r']);
            let digits = line.strip_prefix(LINE).map(|it| it.split(' ').next().unwrap_or_default());
            if let Some(number) = digits.and_then(|it| it.parse().ok()) {
                found.push(HunkLine { start, text: line, number });
            }
            start += whole.len();
        }
    }
    found
}

/// Whether a heading says something about hunks.
fn has_hunks(heading: &Heading<'_>) -> bool {
    let done = heading.text.split(' ').next().is_some_and(|it| DONE.contains(&it));
    heading.level == 3 && done && numbers(heading.text).is_some()
}

/// Whether a diff of ours is below it.
fn has_diff(heading: &Heading<'_>) -> bool {
    let edits = heading.text.split(' ').nth(1).is_some_and(|it| EDITING.contains(&it));
    edits && has_hunks(heading)
}

/// Where what a heading says about hunks begins, and their numbers.
fn numbers(heading: &str) -> Option<(usize, Vec<usize>)> {
    let mut start = heading.len();
    let mut found = Vec::new();
    while let Some(at) = heading[..start].rfind(" · hunk") {
        let said = heading[at + " · hunk".len()..start].trim_start_matches('s').trim();
        let (said, _state) = said.rsplit_once(' ')?;
        let numbers: Result<Vec<usize>, _> = said.split(' ').map(str::parse).collect();
        let Ok(numbers) = numbers else { break };
        found.splice(0..0, numbers);
        start = at;
    }
    (!found.is_empty()).then_some((start, found))
}

/// The text with the states its hunks have now. A number that is not known stays as it is, and so does a word of the
/// user's that is not `done`.
pub fn with_states(
    text: &str,
    state: impl Fn(usize) -> Option<&'static str>,
    done: impl Fn(usize) -> bool,
) -> String {
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    for line in lines(text).into_iter().filter(|it| it.word().is_none() || done(it.number)) {
        if let Some(state) = state(line.number) {
            edits.push((line.start, line.text.len(), line.with_state(state)));
        }
    }
    for heading in headings(text).iter().filter(|it| has_hunks(it)) {
        let Some((at, numbers)) = numbers(heading.text) else { continue };
        let marks: Option<Vec<Mark>> =
            numbers.iter().map(|number| Some(Mark { number: *number, state: state(*number)? })).collect();
        if let Some(marks) = marks {
            let start = heading.start + "### ".len() + at;
            edits.push((start, heading.text.len() - at, suffix(&marks)));
        }
    }
    edits.sort_by_key(|it| it.0);
    let mut out = text.to_owned();
    for (start, len, new) in edits.into_iter().rev() {
        out.replace_range(start..start + len, &new);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(number: usize, state: &'static str) -> Mark {
        Mark { number, state }
    }

    #[test]
    fn headings_say_what_became_of_hunks() {
        for (marks, expected) in [
            (vec![], ""),
            (vec![mark(1, "pending")], " · hunk 1 pending"),
            (vec![mark(1, "pending"), mark(2, "pending")], " · hunks 1 2 pending"),
            (
                vec![mark(1, "kept"), mark(2, "pending"), mark(3, "pending")],
                " · hunk 1 kept · hunks 2 3 pending",
            ),
        ] {
            assert_eq!(suffix(&marks), expected);
            let numbers_of = numbers(&format!("✓ edit a.rs{expected}")).map(|it| it.1);
            let expected: Vec<_> = marks.iter().map(|it| it.number).collect();
            assert_eq!(numbers_of.unwrap_or_default(), expected);
        }
    }

    #[test]
    fn a_word_behind_a_hunk_is_found_where_we_drew_the_hunk() {
        let text = "### ✓ edit a.rs +1 -1 · hunks 1 2 pending\n\n```diff\n@@ hunk 1 · a.rs:4 · keep\n+x\n@@ hunk 2 · reject a.rs:9 · pending\n```\n\n\
                    ### ✓ bash\n\n```\n@@ hunk 3 · a.rs:9 · keep\n```\n\n### ✓ edit b.rs\n\n@@ hunk 4 · keep\n\n\
                    ### ✗ edit c · hunk 5 pending\n\n```\n@@ hunk 5 · c · keep\n```\n";
        let found: Vec<_> = lines(text).iter().map(|it| (it.number, it.word())).collect();
        assert_eq!(found, [(1, Some(Word::Keep)), (2, Some(Word::Reject))]);
        let now = with_states(
            text,
            |it| match it {
                1 => Some("kept"),
                2 => Some("pending"),
                _ => Some("wrong"),
            },
            |_| true,
        );
        let expected = text
            .replace("hunks 1 2 pending", "hunk 1 kept · hunk 2 pending")
            .replace("@@ hunk 1 · a.rs:4 · keep\n", "@@ hunk 1 · a.rs:4 · kept\n")
            .replace("reject a.rs", "a.rs");
        assert_eq!(now, expected);
        assert_eq!(with_states(&now, |_| None, |_| true), now);
        let open = with_states(text, |_| Some("pending"), |_| false);
        assert_eq!(open, text, "a word that was not carried out stays");
    }

    #[test]
    fn words_go_wherever_they_were_written() {
        let at = |text| HunkLine { start: 0, text, number: 1 };
        for written in [
            "@@ hunk 1 · a b.rs:4 · keep",
            "@@ hunk 1 · keep a b.rs:4 · pending",
            "@@ hunk 1 · keep · a b.rs:4 · pending",
            "@@ hunk 1 · a b.rs:4 · pending keep",
            "@@ hunk 1 ·keep a b.rs:4 · pending",
            "@@ hunk 1 keep · a b.rs:4 · pending",
        ] {
            assert_eq!(at(written).word(), Some(Word::Keep), "{written}");
            assert_eq!(at(written).with_state("kept"), "@@ hunk 1 · a b.rs:4 · kept", "{written}");
        }
        assert_eq!(at("@@ hunk 1 · keeper.rs:4 · pending").word(), None);
    }
}
