//! Requests written into a comment: `// pi: use a hash map`.

use lsp_types::Range;
use ropey::Rope;

/// Lines that are looked through at most; a comment with a request is near the top of what is selected.
const LINES: usize = 500;

/// The lines a range touches; a range that ends at the start of a line does not touch that line.
pub fn lines(text: &Rope, range: Range) -> String {
    let last = text.len_lines();
    let start = (range.start.line as usize).min(last);
    let ends_before = range.end.character == 0 && range.end.line > range.start.line;
    let end = (range.end.line as usize).saturating_add(usize::from(!ends_before)).clamp(start, last);
    text.lines_at(start).take((end - start).min(LINES)).map(|it| it.to_string()).collect()
}

/// Signs that begin a comment wherever they stand.
const SIGNS: [&str; 3] = ["//", "/*", "<!--"];
/// Signs that begin one at the start of a word; inside they are operators and ends of statements.
const SPACED_SIGNS: [&str; 4] = ["#", "--", ";", "%"];

/// What the user wrote for us into a comment.
pub fn request(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let mut found = line.match_indices("pi: ").chain(line.match_indices("Pi: "));
        let (at, _) = found.find(|(at, _)| line.get(..*at).is_some_and(is_comment))?;
        let request = line.get(at + 4..)?.trim().trim_end_matches("*/").trim_end_matches("-->").trim();
        (!request.is_empty()).then(|| request.to_owned())
    })
}

/// Whether what stands before a request makes it one: the sign of a comment right before it, or nothing but signs.
fn is_comment(before: &str) -> bool {
    let before = before.trim();
    let only_signs = !before.is_empty() && before.chars().all(|it| !it.is_alphanumeric() && it != '"');
    let spaced = |sign: &&str| {
        let code = before.strip_suffix(*sign).map(|it| it.trim_end_matches(*sign));
        code.is_some_and(|it| it.is_empty() || it.ends_with(char::is_whitespace))
    };
    only_signs || SIGNS.iter().any(|it| before.ends_with(it)) || SPACED_SIGNS.iter().any(spaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_in_comments() {
        for (line, expected) in [
            ("// pi: use a map", Some("use a map")),
            ("    # Pi: faster", Some("faster")),
            ("/* pi: faster */", Some("faster")),
            ("<!-- pi: shorter -->", Some("shorter")),
            ("pi: not a comment", None),
            ("let api: Api = x;", None),
            ("\"pi: text\"", None),
            ("// pi: ", None),
            ("let a = 1; // pi: use a map", Some("use a map")),
            ("x = 1  # pi: two", Some("two")),
            ("select 1 -- pi: two", Some("two")),
            ("(+ 1 2) ;; pi: three", Some("three")),
            ("int a; /* pi: rename it */", Some("rename it")),
            ("<p>a</p> <!-- pi: shorter -->", Some("shorter")),
            ("x = 1; % pi: two", Some("two")),
            ("let pi: f64 = 3.0; // pi: more digits", Some("more digits")),
            ("{ x: number; pi: number }", None),
            ("a#pi: b", None),
            ("print(\"# pi is \", pi: 3)", None),
            ("let s = \"pi: x\";", None),
        ] {
            assert_eq!(request(line).as_deref(), expected, "{line}");
        }
    }
}
