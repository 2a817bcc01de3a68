//! LSP positions and byte offsets of a rope.
//!
//! The only file that knows how the three encodings count (UTF-8 bytes, UTF-16 units, code points);
//! everything behind it works with byte offsets. Positions outside the text are clamped as LSP says: a
//! character past the end of its line means the end of that line (before its terminator), a line past the
//! last one means the end of the text.
//!
//! Lines end with LF or CRLF. LSP has a CR alone end one as well, and no editor does that: Neovim, Helix and Emacs
//! show it as a character of its line, and VS Code and Zed have none, as they make LF of it when they open the file.

use ropey::Rope;

/// Unit of [`Position::character`], negotiated once per connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PositionEncoding {
    /// Bytes.
    Utf8,
    /// UTF-16 code units; what every editor supports.
    #[default]
    Utf16,
    /// Code points.
    Utf32,
}

/// A place in a text; both numbers count from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// Line; lines end with LF or CRLF.
    pub line: u32,
    /// Distance from the start of the line in units of the encoding.
    pub character: u32,
}

impl Position {
    /// At this line and character.
    pub fn new(line: u32, character: u32) -> Self {
        Self { line, character }
    }
}

/// From `start` to `end`, which is not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range {
    /// First place.
    pub start: Position,
    /// End, exclusive.
    pub end: Position,
}

/// The byte offset of a position. Always a character boundary: a position inside a character means its start.
pub fn to_byte(rope: &Rope, position: Position, encoding: PositionEncoding) -> usize {
    rope.char_to_byte(to_char(rope, position, encoding))
}

/// The code point index of a position, clamped as described at the top of the file.
pub fn to_char(rope: &Rope, position: Position, encoding: PositionEncoding) -> usize {
    let line = position.line as usize;
    if line >= rope.len_lines() {
        return rope.len_chars();
    }
    let start = rope.line_to_char(line);
    let end = line_end_char(rope, line);
    let distance = position.character as usize;
    let at = match encoding {
        PositionEncoding::Utf32 => start.saturating_add(distance),
        PositionEncoding::Utf8 => {
            let byte = rope.char_to_byte(start).saturating_add(distance);
            rope.byte_to_char(byte.min(rope.char_to_byte(end)))
        }
        PositionEncoding::Utf16 => {
            let unit = rope.char_to_utf16_cu(start).saturating_add(distance);
            rope.utf16_cu_to_char(unit.min(rope.char_to_utf16_cu(end)))
        }
    };
    at.min(end)
}

/// Like [`to_char`], of a position that an editor tells: in a line that ends with CRLF, the one behind its visible end is
/// the place between the two. Neovim has the CR as a character of the line where other lines end with LF, and the
/// user can remove it.
pub fn told_to_char(rope: &Rope, position: Position, encoding: PositionEncoding) -> usize {
    let at = to_char(rope, position, encoding);
    let is_between = rope.get_char(at) == Some('\r')
        && rope.get_char(at + 1) == Some('\n')
        && to_position(rope, rope.char_to_byte(at + 1), encoding) == position;
    at + usize::from(is_between)
}

/// The position of a byte offset. An offset past the end means the end, one inside a character its start.
pub fn to_position(rope: &Rope, byte: usize, encoding: PositionEncoding) -> Position {
    let at = rope.byte_to_char(byte.min(rope.len_bytes()));
    let line = rope.char_to_line(at);
    let start = rope.line_to_char(line);
    let character = match encoding {
        PositionEncoding::Utf32 => at - start,
        PositionEncoding::Utf8 => rope.char_to_byte(at) - rope.char_to_byte(start),
        PositionEncoding::Utf16 => rope.char_to_utf16_cu(at) - rope.char_to_utf16_cu(start),
    };
    Position { line: clamp_u32(line), character: clamp_u32(character) }
}

/// The range between two byte offsets.
pub fn to_range(rope: &Rope, start: usize, end: usize, encoding: PositionEncoding) -> Range {
    Range { start: to_position(rope, start, encoding), end: to_position(rope, end, encoding) }
}

fn line_end_char(rope: &Rope, line: usize) -> usize {
    let mut end =
        if line + 1 < rope.len_lines() { rope.line_to_char(line + 1) } else { return rope.len_chars() };
    let start = rope.line_to_char(line);
    if end > start && rope.char(end - 1) == '\n' {
        end -= 1;
        if end > start && rope.char(end - 1) == '\r' {
            end -= 1;
        }
    }
    end
}

fn clamp_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{PositionEncoding::*, *};

    #[test]
    fn positions_mean_these_bytes() {
        let cases: &[(&str, u32, u32, PositionEncoding, usize)] = &[
            ("", 0, 0, Utf16, 0),
            ("", 4, 9, Utf16, 0),
            ("abc", 0, 2, Utf16, 2),
            ("abc", 0, 99, Utf16, 3),
            ("abc\n", 1, 0, Utf16, 4),
            ("abc\n", 7, 0, Utf16, 4),
            ("a\nb", 0, 5, Utf16, 1),
            ("a\r\nb", 0, 5, Utf16, 1),
            ("a\r\nb", 1, 1, Utf16, 4),
            // A CR alone ends no line.
            ("a\rb", 0, 2, Utf16, 2),
            ("a\rb", 1, 0, Utf16, 3),
            ("é", 0, 1, Utf16, 2),
            ("é", 0, 1, Utf8, 0),
            ("é", 0, 2, Utf8, 2),
            ("é", 0, 1, Utf32, 2),
            ("😀x", 0, 1, Utf16, 0),
            ("😀x", 0, 2, Utf16, 4),
            ("😀x", 0, 1, Utf32, 4),
            ("😀x", 0, 4, Utf8, 4),
            ("\u{2028}x\ny", 1, 0, Utf16, 5),
            ("\u{feff}x", 0, 1, Utf16, 3),
            ("a", 0, u32::MAX, Utf8, 1),
            // Surrogate pairs, and accents that are characters of their own.
            ("a😀\n😀b", 1, 1, Utf16, 6),
            ("a😀\n😀b", 1, 2, Utf16, 10),
            ("a😀\n😀b", 1, 3, Utf8, 6),
            ("a😀\n😀b", 1, 1, Utf32, 10),
            ("e\u{301}x", 0, 1, Utf16, 1),
            ("e\u{301}x", 0, 2, Utf8, 1),
            ("e\u{301}x", 0, 2, Utf32, 3),
            ("日本", 0, 2, Utf8, 0),
            ("日本", 0, 1, Utf16, 3),
            // Mixed endings; the last line may have none.
            ("a\r\nb\nc\rd", 1, 1, Utf16, 4),
            ("a\r\nb\nc\rd", 2, 9, Utf16, 8),
            ("a\r\nb\nc\rd", 2, 1, Utf16, 6),
            ("a\r\nb\nc\rd", 3, 0, Utf16, 8),
            ("a\r\nb\nc\rd", 4, 0, Utf16, 8),
            ("\r\n\r\n", 1, 0, Utf8, 2),
            ("\r\n\r\n", 1, 5, Utf8, 2),
            ("\n\r", 1, 0, Utf32, 1),
            ("\n\r", 1, 1, Utf32, 2),
            ("\n\r", 2, 0, Utf32, 2),
            ("😀\r\n😀", 0, 99, Utf16, 4),
            ("😀\r\n😀", 1, 99, Utf16, 10),
            // What other programs take for the end of a line and LSP does not.
            ("a\u{85}b\u{b}c\u{c}d", 0, 3, Utf16, 4),
            ("a\u{85}b\u{b}c\u{c}d", 1, 0, Utf16, 8),
            ("\u{feff}x\ny", 1, 0, Utf8, 5),
            ("\u{feff}x", 0, 2, Utf32, 4),
        ];
        for &(text, line, character, encoding, byte) in cases {
            let rope = Rope::from_str(text);
            let got = to_byte(&rope, Position::new(line, character), encoding);
            assert_eq!(got, byte, "{text:?} {line}:{character} {encoding:?}");
        }
    }

    #[test]
    fn the_place_between_cr_and_lf_can_be_told() {
        let cases: &[(&str, u32, u32, PositionEncoding, usize)] = &[
            ("a\r\nb", 0, 1, Utf16, 1),
            ("a\r\nb", 0, 2, Utf16, 2),
            ("a\r\nb", 0, 3, Utf16, 1),
            ("a\r\nb", 0, u32::MAX, Utf16, 1),
            ("\r\n", 0, 1, Utf32, 1),
            ("😀\r\n", 0, 3, Utf16, 5),
            ("😀\r\n", 0, 5, Utf8, 5),
            ("😀\r\n", 0, 2, Utf32, 5),
            ("a\nb", 0, 2, Utf16, 1),
            ("a\r", 0, 2, Utf16, 2),
            ("a\r\nb", 1, 2, Utf16, 4),
        ];
        for &(text, line, character, encoding, byte) in cases {
            let rope = Rope::from_str(text);
            let char = told_to_char(&rope, Position::new(line, character), encoding);
            assert_eq!(rope.char_to_byte(char), byte, "{text:?} {line}:{character} {encoding:?}");
        }
    }

    #[test]
    fn an_offset_inside_a_character_is_its_start() {
        let rope = Rope::from_str("😀x");
        assert_eq!(to_position(&rope, 2, Utf16), Position::new(0, 0));
        assert_eq!(to_position(&rope, 99, Utf16), Position::new(0, 3));
    }

    proptest! {
        #[test]
        fn every_boundary_survives_the_round_trip(text in "[a-c\u{e9}\u{1f600}\u{2028}\r\n]{0,40}") {
            let rope = Rope::from_str(&text);
            for (byte, _) in text.char_indices().chain([(text.len(), ' ')]) {
                for encoding in [Utf8, Utf16, Utf32] {
                    // LF of a CRLF pair is inside the terminator: no position names it.
                    if byte > 0 && text[..byte].ends_with('\r') && text[byte..].starts_with('\n') {
                        continue;
                    }
                    let position = to_position(&rope, byte, encoding);
                    prop_assert_eq!(to_byte(&rope, position, encoding), byte);
                }
            }
        }

        #[test]
        fn no_position_panics_or_leaves_its_line(
            text in "[a\u{e9}\u{1f600}\r\n]{0,20}", line in 0u32..12, character in 0u32..30,
        ) {
            let rope = Rope::from_str(&text);
            for encoding in [Utf8, Utf16, Utf32] {
                let byte = to_byte(&rope, Position::new(line, character), encoding);
                prop_assert!(text.is_char_boundary(byte));
                if (line as usize) < rope.len_lines() {
                    prop_assert_eq!(rope.byte_to_line(byte), line as usize);
                }
            }
        }
    }
}
