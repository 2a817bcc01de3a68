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

/// What the user wrote for us into a comment.
pub fn request(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let at = line.find("pi: ").or_else(|| line.find("Pi: "))?;
        let marks = line.get(..at)?.trim();
        let is_comment = !marks.is_empty() && marks.chars().all(|it| !it.is_alphanumeric() && it != '"');
        let request = line.get(at + 4..)?.trim().trim_end_matches("*/").trim_end_matches("-->").trim();
        (is_comment && !request.is_empty()).then(|| request.to_owned())
    })
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
        ] {
            assert_eq!(request(line).as_deref(), expected, "{line}");
        }
    }
}
