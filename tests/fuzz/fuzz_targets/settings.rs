//! Settings files that people write: what is set in one is there afterwards, and everything else stays.
#![no_main]
#![allow(dead_code, reason = "a file of the host is compiled here alone")]

use libfuzzer_sys::fuzz_target;
use serde_json::json;

#[path = "../../../server/host/src/settings/json_text.rs"]
mod json_text;

fuzz_target!(|text: &str| {
    let Ok(before) = json_text::parse(text) else { return };
    for path in [&["new"][..], &["a"], &["a", "b"]] {
        let value = json!(["x", 1]);
        let Ok(set) = json_text::set(text, path, &value) else { continue };
        let after = json_text::parse(&set).unwrap_or_else(|error| panic!("{error}: {set}"));
        let mut place = &after[path[0]];
        for key in &path[1..] {
            place = &place[key];
        }
        assert_eq!(*place, value, "{set}");
        for (key, value) in before.iter().filter(|(key, _)| *key != path[0]) {
            assert_eq!(after[key], *value, "{set}");
        }
        if let ([_, _], Some(object)) = (path, before.get(path[0]).and_then(|it| it.as_object())) {
            for (key, value) in object.iter().filter(|(key, _)| *key != path[1]) {
                assert_eq!(after[path[0]][key], *value, "{set}");
            }
        }
    }
});
