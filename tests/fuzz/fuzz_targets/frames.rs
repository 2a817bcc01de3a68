//! The first byte says how the stream is cut; the messages must not depend on it, and what is a message is read again
//! when it is written.
#![no_main]
#![allow(dead_code, reason = "a file of the server is compiled here alone")]

use std::io::{BufReader, Read};

use libfuzzer_sys::fuzz_target;

#[path = "../../../server/src/transport/lsp/frame.rs"]
mod frame;

use frame::{Frame, FrameReader, Incoming};

/// Gives no more than so many bytes at once.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(buffer.len());
        self.0.read(&mut buffer[..count])
    }
}

fn read(input: &[u8], size: usize) -> Vec<Result<Vec<u8>, String>> {
    let mut reader = FrameReader::new(BufReader::with_capacity(size, Pieces(input, size)));
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame().expect("memory can be read") {
        frames.push(match frame {
            Frame::Body(body) => Ok(body),
            Frame::Malformed(why) => Err(why),
        });
    }
    frames
}

fuzz_target!(|input: &[u8]| {
    let Some((&size, bytes)) = input.split_first() else { return };
    let frames = read(bytes, usize::from(size).max(1));
    assert_eq!(frames, read(bytes, 1 << 16));
    assert!(frames.len() <= bytes.len());
    for body in frames.into_iter().flatten() {
        let mut again = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        again.extend(&body);
        assert_eq!(read(&again, 7), [Ok(body.clone())]);
        // What a message means is only asked of JSON.
        let _message = serde_json::from_slice::<Incoming>(&body);
    }
});
