//! The first byte says how the rest is cut; the events must not depend on it.
#![no_main]
#![allow(dead_code, reason = "a file of the providers is compiled here alone")]

use libfuzzer_sys::fuzz_target;

#[path = "../../../server/providers/src/sse.rs"]
mod sse;

use sse::{SseEvent, SseParser};

const LIMIT: usize = 1 << 10;

fn parse<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Option<Vec<SseEvent>> {
    let mut parser = SseParser::with_limit(LIMIT);
    let mut events = Vec::new();
    for chunk in chunks {
        parser.feed(chunk, &mut |it| events.push(it)).ok()?;
    }
    parser.finish(&mut |it| events.push(it));
    Some(events)
}

fuzz_target!(|input: &[u8]| {
    let Some((&size, bytes)) = input.split_first() else { return };
    let cut = parse(bytes.chunks(usize::from(size).max(1)));
    if let (Some(cut), Some(whole)) = (cut, parse(std::iter::once(bytes))) {
        assert_eq!(cut, whole);
        assert!(whole.iter().all(|it| it.data.len() <= 3 * LIMIT), "invalid bytes become three at most");
    }
});
