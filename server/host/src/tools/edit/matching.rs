//! Where the texts to replace are, and what the file becomes (tools.md §4).
//!
//! Works on texts with LF endings and without a byte order mark. If one text is not found as it is, all of
//! them are looked for with typographic differences levelled; lines that no edit touches keep their bytes all
//! the same.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

/// One replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// What is there.
    pub old: String,
    /// What comes in its place.
    pub new: String,
}

/// The result of all replacements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The new text.
    pub text: String,
    /// Some text was only found after levelling.
    pub fuzzy: bool,
}

/// Makes all replacements against the original text. `path` is only for the error texts, which the model
/// reads.
pub fn replace(path: &str, content: &str, edits: &[Replacement]) -> Result<Replaced, String> {
    let single = edits.len() == 1;
    if let Some(at) = edits.iter().position(|it| it.old.is_empty()) {
        let name = if single { "oldText".into() } else { format!("edits[{at}].oldText") };
        return Err(format!("{name} must not be empty in {path}."));
    }
    let level_content = level(content);
    let fuzzy = edits.iter().any(|it| !content.contains(&it.old));
    let base = if fuzzy { level_content.as_str() } else { content };
    let mut found: Vec<(usize, Range<usize>)> = Vec::with_capacity(edits.len());
    for (at, edit) in edits.iter().enumerate() {
        let level_old = level(&edit.old);
        let needle = if fuzzy { &level_old } else { &edit.old };
        let Some(start) = base.find(needle.as_str()).filter(|_| !needle.is_empty()) else {
            return Err(if single {
                format!(
                    "Could not find the exact text in {path}. The old text must match exactly including all \
                     whitespace and newlines."
                )
            } else {
                format!(
                    "Could not find edits[{at}] in {path}. The oldText must match exactly including all whitespace \
                     and newlines."
                )
            });
        };
        let count = match level_old.is_empty() {
            true => content.matches(edit.old.as_str()).count(),
            false => level_content.matches(level_old.as_str()).count(),
        };
        if count > 1 {
            return Err(if single {
                format!(
                    "Found {count} occurrences of the text in {path}. The text must be unique. Please provide more \
                     context to make it unique."
                )
            } else {
                format!(
                    "Found {count} occurrences of edits[{at}] in {path}. Each oldText must be unique. Please provide \
                     more context to make it unique."
                )
            });
        }
        found.push((at, start..start + needle.len()));
    }
    found.sort_by_key(|(_, it)| it.start);
    for pair in found.windows(2) {
        let [(a, first), (b, second)] = pair else { continue };
        if first.end > second.start {
            let (a, b) = (a.min(b), a.max(b));
            return Err(format!(
                "edits[{a}] and edits[{b}] overlap in {path}. Merge them into one edit or target disjoint regions."
            ));
        }
    }
    let text = if fuzzy { splice_lines(content, base, &found, edits) } else { splice(base, &found, edits) };
    if text == content {
        return Err(if single {
            format!(
                "No changes made to {path}. The replacement produced identical content. This might indicate an issue \
                 with special characters or the text not existing as expected."
            )
        } else {
            format!("No changes made to {path}. The replacements produced identical content.")
        });
    }
    Ok(Replaced { text, fuzzy })
}

fn splice(base: &str, found: &[(usize, Range<usize>)], edits: &[Replacement]) -> String {
    let mut out = String::with_capacity(base.len());
    let mut end = 0;
    for (at, range) in found {
        out.push_str(&base[end..range.start]);
        out.push_str(&edits[*at].new);
        end = range.end;
    }
    out.push_str(&base[end..]);
    out
}

/// Like [`splice`] on `base`, the levelled `content`, but lines no edit touches come from `content`.
/// Levelling keeps the number of lines.
fn splice_lines(content: &str, base: &str, found: &[(usize, Range<usize>)], edits: &[Replacement]) -> String {
    let mut found = found.iter().peekable();
    let mut out = String::with_capacity(content.len());
    // The line that is being written, as bytes of `base`, and how far edits reached into it.
    let (mut line_start, mut written) = (0, 0);
    let mut lines = content.split('\n').zip(base.split('\n')).peekable();
    while let Some((original, levelled)) = lines.next() {
        let line_break = if lines.peek().is_some() { "\n" } else { "" };
        let line_end = line_start + levelled.len() + line_break.len();
        let touched = written > line_start || found.peek().is_some_and(|(_, it)| it.start < line_end);
        if touched {
            written = written.max(line_start);
            while let Some((at, range)) = found.next_if(|(_, it)| it.start < line_end) {
                out.push_str(&base[written..range.start]);
                out.push_str(&edits[*at].new);
                written = range.end;
            }
            if written < line_end {
                out.push_str(&base[written..line_end]);
            }
        } else {
            out.push_str(original);
            out.push_str(line_break);
        }
        line_start = line_end;
    }
    out
}

/// The text as a person would compare it: compatibility forms, straight quotes, plain dashes and spaces, no
/// blanks at line ends.
fn level(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let start = out.len();
        if line.is_ascii() {
            out.push_str(line);
        } else {
            out.extend(line.nfkc().map(level_char));
        }
        out.truncate(start + out[start..].trim_end().len());
    }
    out
}

fn level_char(char: char) -> char {
    match char {
        '\u{2018}'..='\u{201b}' => '\'',
        '\u{201c}'..='\u{201f}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        it => it,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Content, texts to replace, and what comes of it.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

    fn edits(pairs: &[(&str, &str)]) -> Vec<Replacement> {
        pairs.iter().map(|(old, new)| Replacement { old: (*old).into(), new: (*new).into() }).collect()
    }

    #[test]
    fn texts_are_found_and_replaced() {
        let cases: &[Case<'_>] = &[
            ("a\nb\nc\n", &[("b\n", "B\nB2\n")], "a\nB\nB2\nc\n"),
            ("alpha\nbeta\ngamma\n", &[("alpha", "A"), ("gamma", "G")], "A\nbeta\nG\n"),
            ("alpha\nbeta\n", &[("beta", "B"), ("alpha", "A")], "A\nB\n"),
            ("say “hi”   \nnext\n", &[("say \"hi\"\nnext", "say bye\nnext")], "say bye\nnext\n"),
            ("keep “it”  \nx — y\nend  ", &[("x - y", "z")], "keep “it”  \nz\nend  "),
            ("a  \nb\u{a0}c\nd  \n", &[("a\nb c\n", "x\n")], "x\nd  \n"),
            ("ﬁne\n", &[("fine", "ok")], "ok\n"),
            ("a “b” c\nd  \ne", &[("a \"b\"", "1"), ("c\nd", "2")], "1 2\ne"),
        ];
        for (content, pairs, expected) in cases {
            let got = replace("f", content, &edits(pairs)).unwrap_or_else(|it| panic!("{content:?}: {it}"));
            assert_eq!(got.text, *expected, "{content:?}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let cases: &[Case<'_>] = &[
            (
                "a",
                &[("zzz", "y")],
                "Could not find the exact text in f. The old text must match exactly including all whitespace and \
                 newlines.",
            ),
            (
                "dup dup",
                &[("dup", "y")],
                "Found 2 occurrences of the text in f. The text must be unique. Please provide more context to make \
                 it unique.",
            ),
            (
                "it's it’s",
                &[("it's", "y")],
                "Found 2 occurrences of the text in f. The text must be unique. Please provide more context to make \
                 it unique.",
            ),
            (
                "one",
                &[("one", "one")],
                "No changes made to f. The replacement produced identical content. This might indicate an issue with \
                 special characters or the text not existing as expected.",
            ),
            ("a", &[("", "y")], "oldText must not be empty in f."),
            ("a", &[("a", "b"), ("", "y")], "edits[1].oldText must not be empty in f."),
            (
                "a",
                &[("a", "b"), ("q", "y")],
                "Could not find edits[1] in f. The oldText must match exactly including all whitespace and newlines.",
            ),
            (
                "a b b",
                &[("a", "b"), ("b", "y")],
                "Found 2 occurrences of edits[1] in f. Each oldText must be unique. Please provide more context to \
                 make it unique.",
            ),
            (
                "abc",
                &[("bc", "x"), ("ab", "y")],
                "edits[0] and edits[1] overlap in f. Merge them into one edit or target disjoint regions.",
            ),
            (
                "a b",
                &[("a", "a"), ("b", "b")],
                "No changes made to f. The replacements produced identical content.",
            ),
        ];
        for (content, pairs, expected) in cases {
            assert_eq!(replace("f", content, &edits(pairs)).unwrap_err(), *expected);
        }
    }

    proptest! {
        #[test]
        fn lines_that_no_edit_touches_keep_their_bytes(
            before in "[a-z“” \n]{0,30}", after in "[a-z“” \n]{0,30}",
        ) {
            let content = format!("{before}\nX ’Y’ \n{after}");
            let got = replace("f", &content, &edits(&[("X 'Y'", "Z")])).unwrap();
            prop_assert!(got.fuzzy);
            prop_assert_eq!(got.text, format!("{before}\nZ\n{after}"));
        }
    }
}
