//! Line tags `N#AB`: a line number and a hash of the line's visible text, so that an edit can name a line and
//! be refused when the line has become another one (tools.md §9).

use std::sync::LazyLock;

use regex::Regex;
use xxhash_rust::xxh32::xxh32;

const ALPHABET: &[u8; 16] = b"ZPMQVRWSNKTXJBYH";

/// A line as an edit names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Counted from 1.
    pub line: usize,
    /// Two letters.
    pub hash: String,
}

/// The two letters of a line; `index` counts from 0 and only matters for lines without letters and digits,
/// which would all look alike.
pub fn hash(index: usize, line: &str) -> String {
    let visible: String = line.chars().filter(|it| !it.is_whitespace()).collect();
    let seed = if visible.chars().any(char::is_alphanumeric) { 0 } else { index as u32 };
    let byte = (xxh32(visible.as_bytes(), seed) & 0xff) as usize;
    [byte & 0xf, byte >> 4].iter().map(|&it| char::from(ALPHABET[it])).collect()
}

/// The tag of a line; `index` counts from 0.
pub fn tag(index: usize, line: &str) -> String {
    format!("{}#{}", index + 1, hash(index, line))
}

/// The text with a tag before each line; `first` is the index of its first line.
pub fn tagged(text: &str, first: usize) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let content = line.strip_suffix('\n').unwrap_or(line);
        out.push_str(&tag(first + at, content));
        out.push(':');
        out.push_str(line);
    }
    out
}

/// Reads a tag as models copy it: with diff marks or blanks around, with or without the text of the line.
pub fn parse(text: &str) -> Option<Anchor> {
    let found = pattern()?.captures(text)?;
    Some(Anchor { line: found[1].parse().ok().filter(|it| *it > 0)?, hash: found[2].to_owned() })
}

/// The line without a tag that was copied along with it.
pub fn strip(line: &str) -> &str {
    match copied().and_then(|it| it.find(line)) {
        Some(found) => &line[found.end()..],
        None => line,
    }
}

fn pattern() -> Option<&'static Regex> {
    static PATTERN: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[ >+\-]*(\d+)\s*#\s*([ZPMQVRWSNKTXJBYH]{2})").ok());
    PATTERN.as_ref()
}

fn copied() -> Option<&'static Regex> {
    static PATTERN: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[ >+\-]*\d+\s*#\s*[ZPMQVRWSNKTXJBYH]{2}:").ok());
    PATTERN.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_do_not_count_and_places_only_for_marks() {
        assert_eq!(hash(0, "fn main() {\r"), hash(7, "  fn  main ( ) {"));
        assert_ne!((hash(0, "}"), hash(1, "}"), hash(2, "}")), (hash(1, "}"), hash(2, "}"), hash(0, "}")));
        assert_ne!(hash(0, "a"), hash(0, "b"));
        // xxh32("", 0) = 0x02cc5d05: low nibble 5 is R, high nibble 0 is Z.
        assert_eq!(tag(0, ""), "1#RZ");
    }

    #[test]
    fn tags_are_read_as_models_copy_them() {
        let anchor = Some(Anchor { line: 12, hash: "ZP".into() });
        for text in ["12#ZP", " 12#ZP", ">>> 12#ZP:code", "+12 # ZP", "- 12# ZP"] {
            assert_eq!(parse(text), anchor, "{text}");
        }
        for text in ["", "12", "#ZP", "12#AA", "0#ZP", "x12#ZP"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(strip("12#ZP:  code"), "  code");
        assert_eq!(strip("# 12"), "# 12");
    }

    #[test]
    fn every_line_gets_one() {
        assert_eq!(tagged("a\nb\n", 4), format!("{}:a\n{}:b\n", tag(4, "a"), tag(5, "b")));
    }
}
