//! Messages of the base protocol: header lines, a blank line, a JSON body.
//!
//! Reading survives whatever arrives: a frame that cannot be read is reported once and the reader finds the next
//! header. Nothing is allocated because a header claims it. What a message means is decided elsewhere.

use std::io::{self, BufRead, Read};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Largest body that is read, in bytes. A document of this size is beyond what editors send.
pub const MAX_BODY: u64 = 128 << 20;
/// A larger claim is taken for garbage and not skipped.
const MAX_SKIP: u64 = 1 << 30;
/// Longest header line, in bytes.
const MAX_LINE: u64 = 8 << 10;
/// Most header lines of a message; the protocol has two.
const MAX_HEADERS: usize = 64;

/// What was read.
#[derive(Debug)]
pub enum Frame {
    /// The body of one message.
    Body(Vec<u8>),
    /// Something that is no message; the text says what.
    Malformed(String),
}

/// Reads frames from a byte stream.
#[derive(Debug)]
pub struct FrameReader<R> {
    reader: R,
    /// A header line that was found inside garbage and is to be read next.
    found: Option<String>,
}

impl<R: BufRead> FrameReader<R> {
    /// Reads from `reader`.
    pub fn new(reader: R) -> Self {
        Self { reader, found: None }
    }

    /// The next frame; `None` at the end of the stream.
    ///
    /// # Errors
    /// The stream could not be read.
    pub fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        let mut length = None;
        let mut charset = None;
        let mut headers = 0;
        loop {
            let line = match self.found.take() {
                Some(line) => line,
                None => match self.line()? {
                    Some(line) => line,
                    None => return Ok(None),
                },
            };
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                match length {
                    Some(length) => return self.body(length, charset).map(Some),
                    // Blank lines between frames are harmless.
                    None if headers == 0 => continue,
                    None => return Ok(Some(malformed("a message without a Content-Length header"))),
                }
            }
            headers += 1;
            if headers > MAX_HEADERS {
                return Ok(Some(malformed(&format!("more than {MAX_HEADERS} header lines"))));
            }
            match header(line) {
                // As in HTTP: where they differ, nobody can say where the next message begins.
                Header::Length(Some(value)) if length.is_some_and(|it| it != value) => {
                    return Ok(Some(malformed("two Content-Length headers that differ")));
                }
                Header::Length(Some(value)) => length = Some(value),
                Header::Length(None) => {
                    return Ok(Some(malformed("a Content-Length header that is not a number")));
                }
                Header::Charset(name) => charset = Some(name),
                Header::Other => {}
                Header::Garbage(rest) => {
                    self.found = rest.map(str::to_owned);
                    return Ok(Some(malformed("bytes that are not a message header")));
                }
            }
        }
    }

    fn body(&mut self, length: u64, charset: Option<String>) -> io::Result<Frame> {
        if length > MAX_BODY {
            if length <= MAX_SKIP {
                io::copy(&mut (&mut self.reader).take(length), &mut io::sink())?;
            }
            return Ok(malformed(&format!("a message of {length} bytes; the limit is {MAX_BODY}")));
        }
        let mut body = Vec::with_capacity(length.min(64 << 10) as usize);
        (&mut self.reader).take(length).read_to_end(&mut body)?;
        if (body.len() as u64) < length {
            return Ok(malformed("a message that was cut off by the end of input"));
        }
        if let Some(charset) = charset {
            return Ok(malformed(&format!("a message in {charset}; only utf-8 is understood")));
        }
        Ok(Frame::Body(body))
    }

    /// One header line, cut at [`MAX_LINE`]; `None` at the end of the stream.
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        if (&mut self.reader).take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }
}

enum Header<'a> {
    Length(Option<u64>),
    /// The body is in this character set, which is not UTF-8.
    Charset(String),
    Other,
    /// No header; a header may begin inside the line, after the rest of a body that was longer than it claimed.
    Garbage(Option<&'a str>),
}

fn header(line: &str) -> Header<'_> {
    const NAME: &str = "content-length:";
    let lower = line.to_ascii_lowercase();
    if let Some(value) = lower.strip_prefix(NAME) {
        return Header::Length(value.trim().parse().ok());
    }
    if let Some(value) = lower.strip_prefix("content-type:") {
        let charset = value.split(';').find_map(|it| it.trim().strip_prefix("charset="));
        // The second spelling is that of old clients.
        let foreign = charset.map(|it| it.trim_matches('"')).filter(|it| !["utf-8", "utf8"].contains(it));
        return foreign.map_or(Header::Other, |it| Header::Charset(it.to_owned()));
    }
    if let Some(at) = lower.rfind(NAME) {
        return Header::Garbage(line.get(at..));
    }
    let name = line.split(':').next().unwrap_or_default();
    let is_name = !name.is_empty()
        && name.len() < line.len()
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    if is_name { Header::Other } else { Header::Garbage(None) }
}

fn malformed(what: &str) -> Frame {
    Frame::Malformed(format!("received {what}"))
}

/// A message as it came.
#[derive(Debug, Deserialize)]
pub struct Incoming {
    /// Absent in a response.
    pub method: Option<String>,
    /// Absent in a notification.
    #[serde(default, deserialize_with = "present")]
    pub id: Option<Value>,
    /// Of a request or notification.
    #[serde(default, deserialize_with = "present")]
    pub params: Option<Value>,
    /// Of a response; `null` counts as present.
    #[serde(default, deserialize_with = "present")]
    pub result: Option<Value>,
    /// Of a failed response.
    pub error: Option<Value>,
}

/// Keeps `null` apart from absence.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(input: &[u8]) -> Vec<String> {
        let mut reader = FrameReader::new(input);
        let mut out = Vec::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            out.push(match frame {
                Frame::Body(body) => String::from_utf8(body).unwrap(),
                Frame::Malformed(why) => format!("! {why}"),
            });
        }
        out
    }

    #[test]
    fn frames_and_what_is_not_one() {
        for (input, expected) in [
            ("Content-Length: 2\r\n\r\n{}", vec!["{}"]),
            ("content-length:2\nContent-Type: x; charset=utf-8\n\n{}", vec!["{}"]),
            ("Content-Length: 2\r\n\r\n{}Content-Length: 4\r\n\r\nnull", vec!["{}", "null"]),
            ("Content-Type: x\r\n\r\n", vec!["! received a message without a Content-Length header"]),
            (
                "Content-Length: x\r\n\r\nContent-Length: 2\r\n\r\n{}",
                vec!["! received a Content-Length header that is not a number", "{}"],
            ),
            (
                "Content-Length: 1\r\n\r\n{}Content-Length: 2\r\n\r\n{}",
                vec!["{", "! received bytes that are not a message header", "{}"],
            ),
            (
                "Content-Length: 9\r\n\r\n{}",
                vec!["! received a message that was cut off by the end of input"],
            ),
            ("Content-Length: 0\r\n\r\n", vec![""]),
            ("Content-Type: a; charset=\"UTF8\"\r\nContent-Length: 2\r\n\r\n{}", vec!["{}"]),
            (
                "Content-Length: 4\r\nContent-Type: a/b; charset=utf-16\r\n\r\n{\0}\0Content-Length: 2\r\n\r\n{}",
                vec!["! received a message in utf-16; only utf-8 is understood", "{}"],
            ),
            ("Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", vec!["{}"]),
            (
                "Content-Length: 9\r\nContent-Length: 2\r\n\r\nContent-Length: 2\r\n\r\n{}",
                vec!["! received two Content-Length headers that differ", "{}"],
            ),
            ("", vec![]),
        ] {
            assert_eq!(read(input.as_bytes()), expected, "{input:?}");
        }
    }

    #[test]
    fn an_absurd_length_is_not_waited_for() {
        let got = read(b"Content-Length: 99999999999\r\n\r\nContent-Length: 2\r\n\r\n{}");
        assert_eq!(got.len(), 2, "{got:?}");
        assert!(got[0].starts_with("! received a message of 99999999999 bytes"), "{got:?}");
        assert_eq!(got[1], "{}");
    }

    #[test]
    fn a_line_without_end_costs_bounded_memory() {
        let mut input = vec![b'x'; 100_000];
        input.extend_from_slice(b"\nContent-Length: 2\r\n\r\n{}");
        let got = read(&input);
        assert_eq!(got.last().unwrap(), "{}");
    }

    #[test]
    fn headers_without_end_are_given_up() {
        let mut input = "X-Y: z\r\n".repeat(MAX_HEADERS + 1).into_bytes();
        input.extend_from_slice(b"\r\nContent-Length: 2\r\n\r\n{}");
        assert_eq!(read(&input), ["! received more than 64 header lines", "{}"]);
    }

    /// What is read when the input comes in pieces of this size.
    fn read_in_pieces(input: &[u8], size: usize) -> Vec<String> {
        let mut reader = FrameReader::new(io::BufReader::with_capacity(size, input));
        let mut out = Vec::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            out.push(match frame {
                Frame::Body(body) => String::from_utf8_lossy(&body).into_owned(),
                Frame::Malformed(why) => format!("! {why}"),
            });
            assert!(out.len() <= input.len() + 1, "more frames than bytes");
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn frames_are_the_same_however_they_come(
            bodies in prop::collection::vec("[ -~é😀\n\r]{0,40}", 0..6),
            size in 1_usize..80,
        ) {
            let input: String =
                bodies.iter().map(|it| format!("Content-Length: {}\r\n\r\n{it}", it.len())).collect();
            prop_assert_eq!(read_in_pieces(input.as_bytes(), size), bodies);
        }

        /// Whatever came before, the message after a line of its own is understood.
        #[test]
        fn the_reader_finds_its_way_back(
            garbage in prop::collection::vec(
                prop_oneof![
                    any::<u8>().prop_map(|it| vec![it]),
                    Just(b"Content-Length: x\r\n\r\n".to_vec()),
                    Just(b"Content-Type: a\r\n".to_vec()),
                    Just(b"\r\n\r\n".to_vec()),
                ],
                0..60,
            ),
            size in 1_usize..80,
        ) {
            let mut input = garbage.concat();
            input.extend_from_slice(b"\n\nContent-Length: 2\r\n\r\n{}");
            let got = read_in_pieces(&input, size);
            prop_assert_eq!(got.last().map(String::as_str), Some("{}"), "{:?}", got);
        }
    }

    #[test]
    fn null_is_not_absence() {
        let it: Incoming = serde_json::from_str(r#"{"id":1,"result":null}"#).unwrap();
        assert_eq!(it.result, Some(Value::Null));
        let it: Incoming = serde_json::from_str(r#"{"id":1}"#).unwrap();
        assert_eq!(it.result, None);
    }
}
