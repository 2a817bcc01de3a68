//! Every prefix of anything is accepted; what is complete is read exactly.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;

#[path = "../../../server/core/src/partial_json.rs"]
mod partial_json;

fuzz_target!(|text: &str| {
    let parsed = partial_json::parse_object(text);
    if let Ok(Value::Object(exact)) = serde_json::from_str(text) {
        assert_eq!(parsed, exact);
    }
});
