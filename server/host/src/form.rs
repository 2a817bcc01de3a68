//! How a text is written down: its byte order mark and its line ends.
//!
//! The same file has one text on the disk and may have another in an editor, though nobody has typed: most editors hide
//! the mark, Emacs shows LF for CRLF, VS Code gives a file with mixed line ends one of them. What they are sent they
//! change as well: Neovim and VS Code give it the line ends of the document, and Neovim keeps the line break behind the
//! last line. So texts from two of these places are compared without all this, and a text that goes from one to the
//! other is given the form it has there.

use std::borrow::Cow;

use ropey::Rope;

/// The byte order mark.
pub const MARK: char = '\u{feff}';

/// Line ends that all lines of a text have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// LF.
    Lf,
    /// CRLF.
    CrLf,
}

impl Ends {
    /// Nothing if they differ, or if there are none.
    pub fn of(text: &str) -> Option<Self> {
        match (text.matches('\n').count(), text.matches("\r\n").count()) {
            (0, _) => None,
            (_, 0) => Some(Self::Lf),
            (all, with_cr) => (all == with_cr).then_some(Self::CrLf),
        }
    }

    /// The text with these ends. A CR alone is no end of a line, and stays.
    pub fn give(self, text: &str) -> Cow<'_, str> {
        match (self, Self::of(text)) {
            (Self::Lf, Some(Self::Lf)) | (Self::CrLf, Some(Self::CrLf)) => text.into(),
            (Self::Lf, _) => text.replace("\r\n", "\n").into(),
            (Self::CrLf, _) => text.replace("\r\n", "\n").replace('\n', "\r\n").into(),
        }
    }
}

/// The form of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// It begins with a mark.
    pub mark: bool,
    /// Its line ends, if they are all the same.
    pub ends: Option<Ends>,
}

impl Form {
    /// Of this text.
    pub fn of(text: &str) -> Self {
        Self { mark: text.starts_with(MARK), ends: Ends::of(text) }
    }

    /// A text in this form.
    pub fn give<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let marked = self.give_mark(text);
        match (self.ends, marked) {
            (None, text) => text,
            (Some(ends), Cow::Borrowed(text)) => ends.give(text),
            (Some(ends), Cow::Owned(text)) => ends.give(&text).into_owned().into(),
        }
    }

    /// A text with a mark if this form has one.
    pub fn give_mark<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let bare = without_mark(text);
        match self.mark {
            false => bare.into(),
            true if bare.len() < text.len() => text.into(),
            true => format!("{MARK}{text}").into(),
        }
    }
}

/// The text behind its mark.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// The text with LF at the end of its lines; a CR alone counts as one.
pub fn with_lf(text: &str) -> Cow<'_, str> {
    match text.contains('\r') {
        true => text.replace("\r\n", "\n").replace('\r', "\n").into(),
        false => text.into(),
    }
}

/// Whether two texts of one file differ only in what editors hide: mark and line ends.
pub fn same(a: &str, b: &str) -> bool {
    a == b || lines(without_mark(a).bytes()).eq(lines(without_mark(b).bytes()))
}

/// As [`same`], of ropes.
pub fn same_ropes(a: &Rope, b: &Rope) -> bool {
    let mark = |it: &Rope| usize::from(it.get_char(0) == Some(MARK));
    a.is_instance(b) || a == b || lines(a.slice(mark(a)..).bytes()).eq(lines(b.slice(mark(b)..).bytes()))
}

/// Whether one text may be what an editor makes of the other when it is given that: line ends do not count, nor one line
/// break behind the last line.
pub fn alike(a: impl Iterator<Item = u8>, b: impl Iterator<Item = u8>) -> bool {
    let (mut a, mut b) = (lines(a), lines(b));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (x, y) if x == y => {}
            (Some(b'\n'), None) => return a.next().is_none(),
            (None, Some(b'\n')) => return b.next().is_none(),
            _ => return false,
        }
    }
}

/// The bytes of a text with LF at the end of its lines.
fn lines(bytes: impl Iterator<Item = u8>) -> impl Iterator<Item = u8> {
    let mut bytes = bytes.peekable();
    std::iter::from_fn(move || match bytes.next()? {
        b'\r' => {
            bytes.next_if_eq(&b'\n');
            Some(b'\n')
        }
        byte => Some(byte),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_given_the_form_of_another() {
        for (text, like, given) in [
            ("a\nb", "x\r\n", "a\r\nb"),
            ("a\r\nb\n", "x\r\n", "a\r\nb\r\n"),
            ("a\r\nb\n", "x\n", "a\nb\n"),
            ("a\rb\r\n", "x\n", "a\rb\n"),
            // Mixed, or without any: nothing to go by.
            ("a\r\nb\n", "x\r\ny\n", "a\r\nb\n"),
            ("a\r\n", "x", "a\r\n"),
            ("a\r\n", "\u{feff}x\n", "\u{feff}a\n"),
            ("\u{feff}a\n", "\u{feff}x\r\n", "\u{feff}a\r\n"),
            ("\u{feff}a", "x", "a"),
        ] {
            assert_eq!(Form::of(like).give(text), given, "{text:?} like {like:?}");
        }
    }

    #[test]
    fn what_editors_hide_or_change_does_not_count() {
        for (a, b, is_same, is_alike) in [
            ("a\nb\n", "a\nb\n", true, true),
            ("a\nb\n", "a\r\nb\r\n", true, true),
            ("a\r\nb\n", "a\rb\n", true, true),
            ("\u{feff}a\n", "a\n", true, false),
            ("a\n", "a", false, true),
            ("a", "a\r\n", false, true),
            ("a\n\n", "a", false, false),
            ("a\n\n", "a\r\n", false, true),
            ("a\nb", "ab", false, false),
            ("", "\n", false, true),
            ("a", "b", false, false),
        ] {
            assert_eq!((same(a, b), same(b, a)), (is_same, is_same), "{a:?} {b:?}");
            let alike = |a: &str, b: &str| alike(a.bytes(), b.bytes());
            assert_eq!((alike(a, b), alike(b, a)), (is_alike, is_alike), "{a:?} {b:?}");
        }
    }
}
