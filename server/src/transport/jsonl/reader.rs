//! Lines of the client, on a thread of its own.
//!
//! Lines end with LF only (U+2028 and U+2029 are ordinary characters); one trailing CR is dropped; a last line
//! without LF counts. A line over the limit is skipped without being kept, and reported.

use std::io::{self, BufRead};

use tokio::sync::mpsc;

/// Longest line that is taken, in bytes: room for prompts with many images.
pub(super) const MAX_LINE: usize = 128 << 20;
/// Lines read ahead of the connection.
const READ_AHEAD: usize = 64;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line without its end.
    Text(Vec<u8>),
    /// A line over [`MAX_LINE`].
    TooLong,
}

/// Starts reading; the channel closes at the end of input.
pub(super) fn spawn(mut input: impl BufRead + Send + 'static) -> io::Result<mpsc::Receiver<Line>> {
    let (tx, rx) = mpsc::channel(READ_AHEAD);
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        loop {
            match next_line(&mut input, MAX_LINE) {
                Ok(Some(line)) => {
                    if tx.blocking_send(line).is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "standard input failed");
                    return;
                }
            }
        }
    })?;
    Ok(rx)
}

fn next_line(input: &mut impl BufRead, limit: usize) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let available = match input.fill_buf() {
            Ok(it) => it,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            return Ok(match (too_long, line.is_empty()) {
                (true, _) => Some(Line::TooLong),
                (false, true) => None,
                (false, false) => Some(Line::Text(trimmed(line))),
            });
        }
        let (part, used, ended) = match available.iter().position(|&it| it == b'\n') {
            Some(at) => (&available[..at], at + 1, true),
            None => (available, available.len(), false),
        };
        if line.len() + part.len() > limit {
            too_long = true;
            line = Vec::new();
        } else if !too_long {
            line.extend_from_slice(part);
        }
        input.consume(used);
        if ended {
            return Ok(Some(if too_long { Line::TooLong } else { Line::Text(trimmed(line)) }));
        }
    }
}

fn trimmed(mut line: Vec<u8>) -> Vec<u8> {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_lf_only() {
        let text = |it: &str| Line::Text(it.as_bytes().to_vec());
        for (input, expected) in [
            ("", vec![]),
            ("a\nb\n", vec![text("a"), text("b")]),
            ("a\r\n\r\nb", vec![text("a"), text(""), text("b")]),
            ("a\rb\u{2028}c\n", vec![text("a\rb\u{2028}c")]),
            ("1234567890\nok\n", vec![Line::TooLong, text("ok")]),
            ("1234567890", vec![Line::TooLong]),
        ] {
            for capacity in [1, 3, 64] {
                let mut reader = io::BufReader::with_capacity(capacity, input.as_bytes());
                let mut lines = Vec::new();
                while let Some(line) = next_line(&mut reader, 9).unwrap() {
                    lines.push(line);
                }
                assert_eq!(lines, expected, "{input:?}");
            }
        }
    }
}
