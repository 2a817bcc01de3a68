//! Terminal output as plain text: without escape sequences, control characters and carriage returns.
//!
//! Works on a stream: sequences and characters may be split over chunks. The model's `bash` tool does not use it, as
//! Pi gives the model the raw output.

/// Longest operating system command (title, hyperlink) that is skipped; more is text.
const LONGEST_STRING: usize = 4096;

/// Turns chunks of terminal output into plain text.
#[derive(Debug, Default)]
pub struct Sanitizer {
    state: State,
    /// Beginning of a character whose end has not arrived.
    partial: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Text,
    /// After ESC, and what may come between it and the final character.
    Escape,
    /// In a control sequence (colours, cursor).
    Control,
    /// In a string that ends with BEL or ESC `\`; so many characters of it.
    String(usize),
    /// After ESC in such a string.
    StringEscape,
}

impl Sanitizer {
    /// The text of the next chunk.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        let mut joined = std::mem::take(&mut self.partial);
        joined.extend_from_slice(bytes);
        let mut text = String::with_capacity(joined.len());
        let mut chunks = joined.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            chunk.valid().chars().for_each(|char| self.char(char, &mut text));
            let invalid = chunk.invalid();
            let may_go_on = std::str::from_utf8(invalid).is_err_and(|it| it.error_len().is_none());
            if chunks.peek().is_none() && may_go_on {
                self.partial = invalid.to_vec();
            } else if !invalid.is_empty() {
                self.char(char::REPLACEMENT_CHARACTER, &mut text);
            }
        }
        text
    }

    /// What is left when nothing follows.
    pub fn finish(&mut self) -> String {
        let mut text = String::new();
        if !std::mem::take(&mut self.partial).is_empty() {
            self.char(char::REPLACEMENT_CHARACTER, &mut text);
        }
        text
    }

    fn char(&mut self, char: char, text: &mut String) {
        self.state = match (self.state, char) {
            (_, '\u{1b}') if !matches!(self.state, State::String(_)) => State::Escape,
            (State::Escape, '[') => State::Control,
            (State::Escape, ']' | 'P' | 'X' | '^' | '_') => State::String(0),
            (State::Escape, ' '..='/') => State::Escape,
            (State::Escape, '0'..='~') => State::Text,
            (State::Control, ' '..='?') => State::Control,
            (State::Control, '@'..='~') => State::Text,
            (State::String(_), '\u{1b}') => State::StringEscape,
            (State::String(_), '\u{7}' | '\u{9c}') | (State::StringEscape, '\\') => State::Text,
            (State::String(length), _) if char != '\n' && length < LONGEST_STRING => {
                State::String(length + 1)
            }
            (_, '\u{9b}') => State::Control,
            _ => {
                if is_plain(char) {
                    text.push(char);
                }
                State::Text
            }
        };
    }
}

fn is_plain(char: char) -> bool {
    matches!(char, '\t' | '\n') || !(char.is_control() || matches!(char, '\u{fff9}'..='\u{fffb}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &[(&[u8], &str)] = &[
        (b"plain\ttext\n", "plain\ttext\n"),
        (b"a\rb\x1b[31mred\x1b[0m\r\n", "abred\n"),
        (b"\x1b]0;title\x07x \x1b]8;;http://h\x1b\\link\x1b]8;;\x1b\\", "x link"),
        (b"\x1b(Bcharset \x1b7saved\x1b8", "charset saved"),
        (b"nul\0 bell\x07 back\x08 del\x7f", "nul bell back del"),
        (b"\x1b[1;2\nbroken", "\nbroken"),
        (b"\x1b]unterminated\nnext", "\nnext"),
        (b"bad \xff\xfe end\xc3", "bad \u{fffd}\u{fffd} end\u{fffd}"),
        ("h\u{e9} \u{1f600}\u{fff9} \u{9b}1mC1".as_bytes(), "h\u{e9} \u{1f600} C1"),
    ];

    #[test]
    fn escapes_and_controls_disappear() {
        for (input, want) in CASES {
            let mut it = Sanitizer::default();
            assert_eq!(it.push(input) + &it.finish(), *want);
        }
    }

    #[test]
    fn any_split_gives_the_same_text() {
        for (input, want) in CASES {
            for at in 0..=input.len() {
                let mut it = Sanitizer::default();
                let (left, right) = input.split_at(at);
                assert_eq!(it.push(left) + &it.push(right) + &it.finish(), *want, "split at {at}");
            }
            let mut it = Sanitizer::default();
            let bytewise: String = input.iter().map(|byte| it.push(&[*byte])).collect();
            assert_eq!(bytewise + &it.finish(), *want);
        }
    }
}
