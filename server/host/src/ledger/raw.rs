//! What is no text, such as a picture: one line stands for it wherever the ledger has texts.
//!
//! The line names the bytes by their hash. So whether a file is still the same is a comparison of texts, and a change of
//! it is one of the whole file. The bytes themselves are kept apart ([`blobs`](super::blobs)). No text has such a line:
//! it begins with a character that makes a file no text.

use std::borrow::Cow;

use ring::digest;

/// Of larger files only the hash is kept.
pub const MAX_BYTES: u64 = 8 << 20;

const BEGIN: &str = "\0pi:";

/// What the line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// Of the bytes.
    pub hash: Vec<u8>,
    /// How many they are.
    pub len: u64,
}

impl Raw {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let hash = digest::digest(&digest::SHA256, bytes).as_ref().to_vec();
        Self { hash, len: bytes.len() as u64 }
    }

    /// The line that stands for them.
    pub fn line(&self) -> String {
        let hash: String = self.hash.iter().map(|it| format!("{it:02x}")).collect();
        format!("{BEGIN}{hash}:{}", self.len)
    }

    /// What a line stands for; nothing if it is a text.
    pub fn parse(text: &str) -> Option<Self> {
        let (hash, len) = text.strip_prefix(BEGIN)?.split_once(':')?;
        let byte = |at: usize| u8::from_str_radix(hash.get(at..at + 2)?, 16).ok();
        let hash = (0..hash.len()).step_by(2).map(byte).collect::<Option<Vec<_>>>()?;
        let whole = hash.len() == digest::SHA256.output_len();
        whole.then_some(Self { hash, len: len.parse().ok()? })
    }
}

/// What is in a file: its text, or the line that stands for it.
pub fn content(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => text,
        Ok(text) => Raw::of(text.as_bytes()).line(),
        Err(error) => Raw::of(error.as_bytes()).line(),
    }
}

/// As [`content`], of what a tool or an editor has as a text.
pub fn of_text(text: &str) -> Cow<'_, str> {
    match text.contains('\0') && Raw::parse(text).is_none() {
        true => Raw::of(text.as_bytes()).line().into(),
        false => text.into(),
    }
}

/// Whether lines of a text and what is no text have come together; nothing can be made of that.
pub fn is_mixed(text: &str) -> bool {
    text.contains(BEGIN) && Raw::parse(text).is_none()
}

/// What happened to a file, in words, if it is no text on one of its sides; nothing is a side on which it is not there.
pub fn words(before: Option<&str>, after: Option<&str>) -> Option<String> {
    let [old, new] = [before, after].map(|it| it.and_then(Raw::parse).map(|it| it.len));
    Some(match (old, new) {
        (None, None) => return None,
        (None, Some(new)) if before.is_none() => format!("created ({})", bytes(new)),
        (Some(old), None) if after.is_none() => format!("deleted ({})", bytes(old)),
        (None, Some(new)) => format!("changed (text → {})", bytes(new)),
        (Some(old), None) => format!("changed ({} → text)", bytes(old)),
        (Some(old), Some(new)) => format!("changed ({old} → {})", bytes(new)),
    })
}

/// A text to be read by people.
pub fn shown(text: String) -> String {
    Raw::parse(&text).map_or(text, |it| format!("(no text, {})\n", bytes(it.len)))
}

/// So many.
pub fn bytes(len: u64) -> String {
    if len == 1 { "1 byte".to_owned() } else { format!("{len} bytes") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stands_for_what_is_no_text() {
        for bytes in [&b"\xff\x00"[..], b"a\0b", b"\x89PNG"] {
            let line = content(bytes.to_vec());
            let raw = Raw::parse(&line).unwrap();
            assert_eq!(
                (raw.len, raw.line(), of_text(&line).into_owned()),
                (bytes.len() as u64, line.clone(), line)
            );
        }
        assert_eq!(of_text("a\0b"), content(b"a\0b".to_vec()));
        for text in ["", "text\n", "\0pi:", "\0pi:00:1", &format!("\0pi:{}:x", "0".repeat(64))] {
            assert_eq!(Raw::parse(text), None, "{text:?}");
        }
        assert_eq!(content(b"text".to_vec()), "text");
        let line = content(vec![0]);
        assert!(is_mixed(&format!("{line}\nmine\n")) && !is_mixed(&line) && !is_mixed("text"));
    }

    #[test]
    fn words_say_what_happened_to_it() {
        let (one, two) = (content(vec![0]), content(vec![0, 1]));
        for (before, after, expected) in [
            (None, Some(&*two), Some("created (2 bytes)")),
            (Some(&*one), None, Some("deleted (1 byte)")),
            (Some(&*one), Some(&*two), Some("changed (1 → 2 bytes)")),
            (Some("text"), Some(&*two), Some("changed (text → 2 bytes)")),
            (Some(&*two), Some("text"), Some("changed (2 bytes → text)")),
            (Some("text"), None, None),
        ] {
            assert_eq!(words(before, after).as_deref(), expected);
        }
    }
}
