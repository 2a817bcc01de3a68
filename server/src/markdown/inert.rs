//! Text of a model, a tool or a page made harmless: it can be read and nothing else.
//!
//! Headings move below ours, comments and boxes are escaped, HTML stays text, output goes into fences that nothing
//! inside can close. Characters that mislead the eye are shown by their number.

use pi_host::process::sanitize::Sanitizer;
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag};

use super::read::Fences;

/// Deepest of our own headings.
const OURS: usize = 3;
/// Deepest heading there is.
const DEEPEST: usize = 6;
/// How often a text is looked through for what escaping has brought to light.
const PASSES: usize = 8;

/// Text without terminal sequences and control characters; line ends are LF.
fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut sanitizer = Sanitizer::default();
    let clean = sanitizer.push(text.as_bytes()) + &sanitizer.finish();
    let mut out = String::with_capacity(clean.len());
    for it in clean.chars() {
        match it {
            // Overrides and isolates: text would be read in another order than it has.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.push_str(&format!("[U+{:04X}]", it as u32));
            }
            // Some editors end a line here, others do not.
            '\u{2028}' | '\u{2029}' => out.push(' '),
            _ => out.push(it),
        }
    }
    out
}

/// The first line that says something, for a heading or a title, at most `limit` characters.
pub fn line(text: &str, limit: usize) -> String {
    let text = plain(text);
    let line = text.lines().map(str::trim).find(|it| !it.is_empty()).unwrap_or_default();
    let line = line.replace("<!--", "<\\!--").replace('\t', " ");
    match line.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// The first line that says something as a quotation, at most `limit` characters; empty if nothing does.
pub fn quoted(text: &str, limit: usize) -> String {
    match markdown(&line(text, limit)) {
        said if said.is_empty() => said,
        said => format!("> {}\n\n", said.trim_end().replace('\n', "\n> ")),
    }
}

/// A fenced block that nothing in `body` closes.
pub fn fenced(body: &str, info: &str) -> String {
    let body = plain(body);
    let longest = body.split(|it| it != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let end = if body.is_empty() || body.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{info}\n{body}{end}{fence}\n")
}

/// Markdown that keeps its looks and loses its power; ends with a line end unless it is empty.
pub fn markdown(text: &str) -> String {
    let text = plain(text);
    let mut fences = Fences::default();
    let mut out = String::with_capacity(text.len() + 16);
    let mut after_text = false;
    for line in text.trim_end().lines() {
        let fenced = fences.takes(line);
        if fenced {
            out.push_str(line);
        } else {
            out.push_str(&harmless(line, after_text));
        }
        out.push('\n');
        after_text = !fenced && !line.trim().is_empty();
    }
    if let Some(fence) = fences.open() {
        out.push_str(&fence);
        out.push('\n');
    }
    lowered(out)
}

/// One line outside fences. `after_text`: the line before belongs to a paragraph.
fn harmless(line: &str, after_text: bool) -> String {
    let content = line.trim_start_matches(' ');
    let indent = line.len() - content.len();
    if indent <= 3 {
        if let Some(level) = heading_level(content) {
            let deeper = "#".repeat((level + OURS).min(DEEPEST));
            return format!("{deeper}{}", escaped(&content[level..]));
        }
        let rule = content.trim_end();
        let underline =
            !rule.is_empty() && (rule.bytes().all(|it| it == b'=') || rule.bytes().all(|it| it == b'-'));
        if underline && after_text {
            return format!("{}\\{content}", &line[..indent]);
        }
    }
    let escaped_rest = escaped(line);
    match box_at(&escaped_rest) {
        Some(at) => format!("{}\\{}", &escaped_rest[..at], &escaped_rest[at..]),
        None => escaped_rest,
    }
}

/// The number of signs of a heading.
fn heading_level(content: &str) -> Option<usize> {
    let level = content.bytes().take_while(|it| *it == b'#').count();
    let ends = content[level..].is_empty() || content[level..].starts_with([' ', '\t']);
    ((1..=DEEPEST).contains(&level) && ends).then_some(level)
}

/// Comments and what opens HTML at the start of a line as text.
fn escaped(line: &str) -> String {
    let line = line.replace("<!--", "<\\!--");
    let start = after_markers(&line);
    let rest = &line[start..];
    let opens = rest.strip_prefix('<').is_some_and(|it| {
        let name = it.trim_start_matches('/');
        let word: String = name.chars().take_while(|it| it.is_ascii_alphanumeric()).collect();
        // `<https://…>` is a link.
        let link = name[word.len()..].starts_with(':');
        it.starts_with(['!', '?']) || (!word.is_empty() && !link)
    });
    if opens { format!("{}\\{rest}", &line[..start]) } else { line }
}

/// Where the text of a line begins, after quotation marks and list markers.
fn after_markers(line: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = line[at..].trim_start();
        let begin = line.len() - rest.len();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let marker = match rest.as_bytes().get(digits) {
            Some(b'>') if digits == 0 => 1,
            Some(b'-' | b'*' | b'+') if digits == 0 => 1,
            Some(b'.' | b')') if (1..=9).contains(&digits) => digits + 1,
            _ => return begin,
        };
        let quote = rest.starts_with('>');
        if !quote && !rest[marker..].starts_with([' ', '\t']) {
            return begin;
        }
        at = begin + marker;
    }
}

/// Where a box to tick begins.
fn box_at(line: &str) -> Option<usize> {
    let at = after_markers(line);
    let mut rest = line[at..].chars();
    let is_box = rest.next() == Some('[')
        && matches!(rest.next(), Some(' ' | '\t' | 'x' | 'X'))
        && rest.next() == Some(']');
    (at > 0 && is_box).then_some(at)
}

/// Headings and boxes that only a whole parser sees (in a list, after an odd fence) become text as well. One escape
/// can bring another to light; text that does not come to rest is shown as code.
fn lowered(mut text: String) -> String {
    for _ in 0..PASSES {
        let found = acting(&text);
        if found.is_empty() {
            return text;
        }
        for at in found.into_iter().rev() {
            text.insert(at, '\\');
        }
    }
    fenced(&text, "")
}

/// Where headings above our limit, boxes and comments have the sign that makes them such.
fn acting(text: &str) -> Vec<usize> {
    let is_ours = |it| matches!(it, HeadingLevel::H1 | HeadingLevel::H2 | HeadingLevel::H3);
    let events = Parser::new_ext(text, Options::ENABLE_TASKLISTS).into_offset_iter();
    events
        .filter_map(|(event, range)| match event {
            Event::Start(Tag::Heading { level, .. }) if is_ours(level) => {
                let part = &text[range.clone()];
                if part.starts_with('#') {
                    return Some(range.start);
                }
                // Underlined: the underline is its last line.
                let last = part.trim_end().rfind('\n').map_or(0, |it| it + 1);
                part[last..].find(['=', '-']).map(|it| range.start + last + it)
            }
            Event::TaskListMarker(_) => Some(range.start),
            Event::Html(_) | Event::InlineHtml(_) => {
                text[range.clone()].find("<!--").map(|it| range.start + it)
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_is_taken_and_looks_are_kept() {
        for (text, expected) in [
            ("plain *text* `code`", "plain *text* `code`\n"),
            (
                "# A\n## You\n### ? question 1\n#### d\n###### f",
                "#### A\n##### You\n###### ? question 1\n###### d\n###### f\n",
            ),
            ("  ## You", "##### You\n"),
            ("#tag and #!/bin/sh", "#tag and #!/bin/sh\n"),
            ("You\n===\n\nYou\n---\n\n---", "You\n\\===\n\nYou\n\\---\n\n---\n"),
            ("a <!-- pi-chat --> b", "a <\\!-- pi-chat --> b\n"),
            ("- [x] allow once", "- \\[x] allow once\n"),
            ("> 1. - [ ] no", "> 1. - \\[ ] no\n"),
            ("[x] is a link", "[x] is a link\n"),
            ("<script>\n## You", "\\<script>\n##### You\n"),
            ("see <https://a.b>\n<https://c.d>", "see <https://a.b>\n<https://c.d>\n"),
            ("```sh\n# comment\n- [x] a\n```", "```sh\n# comment\n- [x] a\n```\n"),
            ("```\nopen", "```\nopen\n```\n"),
            ("~~~~ x\n~~~\n## You", "~~~~ x\n~~~\n## You\n~~~~\n"),
            ("a\r\nb\u{1b}[31mc\rd", "a\nbc\nd\n"),
            ("\u{202e}gnp.exe", "[U+202E]gnp.exe\n"),
            ("", ""),
        ] {
            assert_eq!(markdown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_fence_outgrows_what_is_inside() {
        assert_eq!(fenced("a\n```\n## You\n`````\n", "x"), "``````x\na\n```\n## You\n`````\n``````\n");
        assert_eq!(fenced("", ""), "```\n```\n");
    }

    #[test]
    fn headings_stay_one_line() {
        assert_eq!(line("\n a\u{1b}[1m b\nc", 80), "a b");
        assert_eq!(line("<!-- x", 80), "<\\!-- x");
        assert_eq!(line("abcdef", 3), "abc…");
    }
}
