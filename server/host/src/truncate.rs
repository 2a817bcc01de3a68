//! Cutting text before a model reads it: whole lines from the start, or the last lines of a log.
//!
//! Nothing enters the context without passing here. The notices that tell the model where the cut was made belong
//! to the tools, since each of them knows another way to read on.

use std::borrow::Cow;

use serde::Serialize;

/// Lines a tool result may have.
pub const MAX_LINES: usize = 2000;
/// Bytes a tool result may have.
pub const MAX_BYTES: usize = 50 * 1024;
/// UTF-16 units of one line in search results.
pub const MAX_LINE_LENGTH: usize = 500;

/// What may be kept of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Lines.
    pub lines: usize,
    /// Bytes, line breaks included.
    pub bytes: usize,
}

impl Limits {
    /// Only bytes are counted; the number stands for "no limit" in Pi's details.
    pub const BYTES_ONLY: Self = Self { lines: 9_007_199_254_740_991, bytes: MAX_BYTES };
}

impl Default for Limits {
    fn default() -> Self {
        Self { lines: MAX_LINES, bytes: MAX_BYTES }
    }
}

/// Which limit was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TruncatedBy {
    /// Too many lines.
    Lines,
    /// Too many bytes.
    Bytes,
}

/// A text after cutting, and what was cut. Serialised as Pi's `details.truncation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Truncation {
    /// What is left.
    pub content: String,
    /// Whether anything is missing.
    pub truncated: bool,
    /// Which limit was hit; null when nothing is missing.
    pub truncated_by: Option<TruncatedBy>,
    /// Lines before. A final line break does not begin another line.
    pub total_lines: usize,
    /// Bytes before.
    pub total_bytes: usize,
    /// Lines of `content`.
    pub output_lines: usize,
    /// Bytes of `content`.
    pub output_bytes: usize,
    /// `content` is the end of one line that is longer than the limit (tail only).
    pub last_line_partial: bool,
    /// `content` is empty because the first line is longer than the limit (head only).
    pub first_line_exceeds_limit: bool,
    /// The limit of lines.
    pub max_lines: usize,
    /// The limit of bytes.
    pub max_bytes: usize,
}

impl Truncation {
    fn whole(text: &str, total_lines: usize, limits: Limits) -> Self {
        Self {
            content: text.to_owned(),
            truncated: false,
            truncated_by: None,
            total_lines,
            total_bytes: text.len(),
            output_lines: total_lines,
            output_bytes: text.len(),
            last_line_partial: false,
            first_line_exceeds_limit: false,
            max_lines: limits.lines,
            max_bytes: limits.bytes,
        }
    }

    fn cut(self, content: &str, lines: usize, by: TruncatedBy) -> Self {
        Self {
            content: content.to_owned(),
            truncated: true,
            truncated_by: Some(by),
            output_lines: lines,
            output_bytes: content.len(),
            ..self
        }
    }
}

/// Number of lines; a final line break does not begin another one.
pub fn count_lines(text: &str) -> usize {
    let breaks = text.bytes().filter(|&byte| byte == b'\n').count();
    breaks + usize::from(!text.is_empty() && !text.ends_with('\n'))
}

/// Keeps whole lines from the start.
pub fn truncate_head(text: &str, limits: Limits) -> Truncation {
    let total_lines = count_lines(text);
    let mut whole = Truncation::whole(text, total_lines, limits);
    if total_lines <= limits.lines && text.len() <= limits.bytes {
        return whole;
    }
    let (mut end, mut lines, mut by) = (0, 0, TruncatedBy::Bytes);
    for line in text.split_inclusive('\n') {
        if lines == limits.lines {
            by = TruncatedBy::Lines;
            break;
        }
        if end + line.strip_suffix('\n').unwrap_or(line).len() > limits.bytes {
            break;
        }
        end += line.len();
        lines += 1;
    }
    whole.first_line_exceeds_limit = lines == 0 && by == TruncatedBy::Bytes;
    let content = &text[..end];
    whole.cut(content.strip_suffix('\n').unwrap_or(content), lines, by)
}

/// Keeps whole lines at the end; of a last line that is too long by itself, its end.
pub fn truncate_tail(text: &str, limits: Limits) -> Truncation {
    let total_lines = count_lines(text);
    let mut whole = Truncation::whole(text, total_lines, limits);
    if total_lines <= limits.lines && text.len() <= limits.bytes {
        return whole;
    }
    let body = text.strip_suffix('\n').unwrap_or(text);
    let (mut start, mut lines, mut by) = (body.len(), 0, TruncatedBy::Bytes);
    for line in body.rsplit('\n') {
        if lines == limits.lines {
            by = TruncatedBy::Lines;
            break;
        }
        let from = start - line.len() - usize::from(lines > 0);
        if body.len() - from > limits.bytes {
            break;
        }
        start = from;
        lines += 1;
    }
    if lines == 0 && by == TruncatedBy::Bytes {
        start = body.len() - limits.bytes.min(body.len());
        while !body.is_char_boundary(start) {
            start += 1;
        }
        whole.last_line_partial = true;
        lines = 1;
    }
    whole.cut(&body[start..], lines, by)
}

/// Cuts one line to `max` UTF-16 units and says so in it; the flag tells whether it was cut.
pub fn truncate_line(line: &str, max: usize) -> (Cow<'_, str>, bool) {
    let mut units = 0;
    for (at, char) in line.char_indices() {
        units += char.len_utf16();
        if units > max {
            return (Cow::Owned(format!("{}... [truncated]", &line[..at])), true);
        }
    }
    (Cow::Borrowed(line), false)
}

/// A size for people: `512B`, `50.0KB`, `1.5MB`.
pub fn format_size(bytes: usize) -> String {
    let tenths = |unit: u128| {
        let tenths = (bytes as u128 * 20 + unit) / (unit * 2);
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..1024 => format!("{bytes}B"),
        1024..1_048_576 => format!("{}KB", tenths(1024)),
        _ => format!("{}MB", tenths(1_048_576)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(to: usize) -> String {
        (1..=to).map(|it| format!("{it}\n")).collect()
    }

    #[test]
    fn sizes_have_one_decimal_and_round_half_up() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.0KB"),
            (1280, "1.3KB"),
            (51200, "50.0KB"),
            (70000, "68.4KB"),
        ] {
            assert_eq!(format_size(bytes), text);
        }
        assert_eq!(format_size(1_572_864), "1.5MB");
    }

    #[test]
    fn a_text_within_the_limits_stays_as_it_is() {
        for text in ["", "a", "a\n", "a\r\n\n"] {
            for it in [truncate_head(text, Limits::default()), truncate_tail(text, Limits::default())] {
                assert_eq!((it.content.as_str(), it.truncated, it.truncated_by), (text, false, None));
            }
        }
    }

    #[test]
    fn the_head_keeps_whole_lines() {
        let it = truncate_head(&numbers(2500), Limits::default());
        assert_eq!(
            (it.output_lines, it.total_lines, it.truncated_by),
            (2000, 2500, Some(TruncatedBy::Lines))
        );
        assert!(it.content.ends_with("\n2000"));

        let it = truncate_head("aaaa\nbbbb\ncccc\n", Limits { lines: 9, bytes: 11 });
        assert_eq!((it.content.as_str(), it.output_bytes), ("aaaa\nbbbb", 9));
        assert_eq!(it.truncated_by, Some(TruncatedBy::Bytes));

        let it = truncate_head("aaaa\nb", Limits { lines: 9, bytes: 3 });
        assert_eq!((it.content.as_str(), it.output_lines, it.first_line_exceeds_limit), ("", 0, true));
    }

    #[test]
    fn the_tail_keeps_whole_lines() {
        let it = truncate_tail(&numbers(5000), Limits::default());
        assert!(it.content.starts_with("3001\n") && it.content.ends_with("\n5000"));
        assert_eq!((it.output_bytes, it.total_lines, it.total_bytes), (9999, 5000, 23893));

        let it = truncate_tail("aaaa\nbbbb\ncccc\n", Limits { lines: 9, bytes: 9 });
        assert_eq!((it.content.as_str(), it.output_lines), ("bbbb\ncccc", 2));
    }

    #[test]
    fn the_end_of_a_line_that_is_too_long_is_whole_characters() {
        let it = truncate_tail("x\naéé\n", Limits { lines: 9, bytes: 3 });
        assert_eq!((it.content.as_str(), it.last_line_partial, it.output_lines), ("é", true, 1));
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        assert_eq!(truncate_line("abc", 3), (Cow::Borrowed("abc"), false));
        assert_eq!(truncate_line("ab😀", 3), (Cow::Owned::<str>("ab... [truncated]".into()), true));
    }

    #[test]
    fn details_have_the_names_of_pi() {
        let json = serde_json::to_value(truncate_head("a\nb", Limits { lines: 1, bytes: 5 })).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "content": "a", "truncated": true, "truncatedBy": "lines", "totalLines": 2, "totalBytes": 3,
                "outputLines": 1, "outputBytes": 1, "lastLinePartial": false, "firstLineExceedsLimit": false,
                "maxLines": 1, "maxBytes": 5
            })
        );
    }
}
