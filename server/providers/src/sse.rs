//! Server-sent events from bytes, whatever the network cuts them into.
//!
//! Follows the event stream format of the HTML standard as far as model servers use it: `event` and `data` fields,
//! comments, LF, CR or CRLF line ends, a leading byte order mark. `id` and `retry` mean nothing here and are
//! skipped, as no stream is ever resumed.

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    /// The `event` field; empty if absent.
    pub name: String,
    /// The `data` lines joined with line feeds.
    pub data: String,
}

/// A line or an event is longer than allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server sent an event longer than {limit} bytes")]
pub struct TooLong {
    /// The limit in bytes.
    pub limit: usize,
}

/// Longest event accepted. Servers that repeat a whole answer in one event stay far below.
pub const MAX_EVENT_BYTES: usize = 16 << 20;

/// Turns bytes into events; keeps what is incomplete.
#[derive(Debug)]
pub struct SseParser {
    line: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The last byte was CR: a following LF belongs to it.
    after_cr: bool,
    first_line: bool,
    limit: usize,
}

impl Default for SseParser {
    fn default() -> Self {
        Self::with_limit(MAX_EVENT_BYTES)
    }
}

impl SseParser {
    /// A parser that refuses events and lines longer than `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            line: Vec::new(),
            name: Vec::new(),
            data: Vec::new(),
            has_data: false,
            after_cr: false,
            first_line: true,
            limit,
        }
    }

    /// Takes in bytes and hands on every event they complete.
    ///
    /// # Errors
    /// [`TooLong`]; events completed before are handed on. The parser is of no use afterwards.
    pub fn feed(&mut self, mut bytes: &[u8], out: &mut impl FnMut(SseEvent)) -> Result<(), TooLong> {
        while !bytes.is_empty() {
            if self.after_cr {
                self.after_cr = false;
                if bytes[0] == b'\n' {
                    bytes = &bytes[1..];
                    continue;
                }
            }
            let end = bytes.iter().position(|it| matches!(it, b'\n' | b'\r'));
            let text = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + text.len() + self.data.len() > self.limit {
                return Err(TooLong { limit: self.limit });
            }
            self.line.extend_from_slice(text);
            let Some(end) = end else { break };
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            self.end_line(out);
        }
        Ok(())
    }

    /// The stream is over: hands on a last event whose blank line never came. Whether it is complete the data shows.
    pub fn finish(&mut self, out: &mut impl FnMut(SseEvent)) {
        if !self.line.is_empty() {
            self.end_line(out);
        }
        self.dispatch(out);
    }

    fn end_line(&mut self, out: &mut impl FnMut(SseEvent)) {
        let mut line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.first_line) && line.starts_with(b"\xEF\xBB\xBF") {
            line.drain(..3);
        }
        if line.is_empty() {
            self.dispatch(out);
        } else {
            let colon = line.iter().position(|&it| it == b':').unwrap_or(line.len());
            let value = line.get(colon + 1..).unwrap_or_default();
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &line[..colon] {
                b"event" => self.name = value.to_vec(),
                b"data" => {
                    if self.has_data {
                        self.data.push(b'\n');
                    }
                    self.has_data = true;
                    self.data.extend_from_slice(value);
                }
                _ => {}
            }
        }
        // Keep the allocation for the next line.
        line.clear();
        self.line = line;
    }

    fn dispatch(&mut self, out: &mut impl FnMut(SseEvent)) {
        let name = std::mem::take(&mut self.name);
        if !std::mem::take(&mut self.has_data) {
            return;
        }
        let event = SseEvent {
            name: String::from_utf8_lossy(&name).into_owned(),
            data: String::from_utf8_lossy(&self.data).into_owned(),
        };
        self.data.clear();
        out(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(chunks: &[&[u8]]) -> Vec<(String, String)> {
        let mut parser = SseParser::default();
        let mut events = Vec::new();
        let mut out = |it: SseEvent| events.push((it.name, it.data));
        for chunk in chunks {
            parser.feed(chunk, &mut out).unwrap();
        }
        parser.finish(&mut out);
        events
    }

    #[test]
    fn fields_comments_and_line_ends() {
        for (text, expected) in [
            ("data: a\n\n", vec![("", "a")]),
            ("\u{feff}data:a\r\n\r\n", vec![("", "a")]),
            ("event: x\rdata: a\r\r", vec![("x", "a")]),
            ("data: a\ndata:  b\ndata\n\n", vec![("", "a\n b\n")]),
            (": comment\n\n: another\ndata: a\n\n", vec![("", "a")]),
            ("event: lost\n\ndata: a\n\n", vec![("", "a")]),
            ("id: 1\nretry: 5\nunknown\ndata: a\n\n", vec![("", "a")]),
            ("data: a\n\ndata: b", vec![("", "a"), ("", "b")]),
            ("data: {\"a\":\"b: c\"}\n\n", vec![("", "{\"a\":\"b: c\"}")]),
            ("\n\n\n", vec![]),
        ] {
            let expected: Vec<_> = expected.iter().map(|(n, d)| ((*n).to_owned(), (*d).to_owned())).collect();
            assert_eq!(parse(&[text.as_bytes()]), expected, "{text:?}");
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(parse(&bytes), expected, "{text:?} byte by byte");
        }
    }

    #[test]
    fn an_endless_line_or_event_is_refused() {
        let mut parser = SseParser::with_limit(100);
        assert_eq!(parser.feed(&[b'x'; 101], &mut |_| {}), Err(TooLong { limit: 100 }));
        let mut parser = SseParser::with_limit(100);
        let result = (0..100).try_for_each(|_| parser.feed(b"data: 0123456789\n", &mut |_| {}));
        assert_eq!(result, Err(TooLong { limit: 100 }));
    }
}
