//! Every prefix of anything is accepted; what is complete is read exactly.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let parsed = pi_core::partial_json::parse_object(text);
    if let Ok(Value::Object(exact)) = serde_json::from_str(text) {
        assert_eq!(parsed, exact);
    }
});
