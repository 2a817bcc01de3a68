//! Lines as clients and session files bring them: read, written and read again they are written the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pi_protocol::{AgentMessage, Entry, json};

fuzz_target!(|bytes: &[u8]| {
    for line in bytes.split(|&it| it == b'\n') {
        if let Ok(message) = serde_json::from_slice::<AgentMessage>(line) {
            let written = json::to_vec(&message).expect("what was read can be written");
            let again: AgentMessage = serde_json::from_slice(&written).expect("and read");
            // A number may have been spelled in another way; what had a key twice is another message without it.
            let known = !matches!(message, AgentMessage::Other(_));
            assert!(!known || json::to_vec(&again).expect("written") == written);
        }
        if let Ok(entry) = serde_json::from_slice::<Entry>(line) {
            let written = json::to_vec(&entry).expect("what was read can be written");
            let again: Entry = serde_json::from_slice(&written).expect("and read");
            assert_eq!(json::to_vec(&again).expect("written"), written);
        }
    }
});
