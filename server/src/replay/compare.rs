//! What counts as the same message, and how a difference reads.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::names::{Names, UUID};

/// Differences of one message that are shown; what else differs is counted.
const SHOWN: usize = 5;
/// Longest value that is shown, in characters.
const WIDEST: usize = 160;

/// Fields that are about time, or about how increments were joined.
const FLEETING: [&str; 15] = [
    "timestamp",
    "ms",
    "since",
    "seq",
    "created",
    "createdAt",
    "modified",
    "time",
    "started",
    "startedAt",
    "uptimeMs",
    "durationMs",
    "elapsedMs",
    "serverInfo",
    "processId",
];

/// Times, temporary names and folders that are named after others.
static TIMES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\d{4}-\d\d-\d\dT\d\d[:-]\d\d[:-]\d\d[.-]\d{3}Z|--[^/]*--/|\bpi-bash-[\w-]+\.log").ok()
});
/// Session files, wherever they are.
static FILES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"[^\s"]*/\d{4}-\d\d-\d\dT[\d-]+Z_[0-9a-f-]{36}\.jsonl"#).ok());
/// Times of day in chat documents, and how long something took.
static CLOCK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let took = r"(\d+ s|\d+:\d\d)";
    Regex::new(&format!(r"(?m)\b\d\d:\d\d\b|^<!-- {took} ·| thought( {took})?$| after {took}$")).ok()
});

/// A text without what is another one each time. Folders are those of the recording.
pub fn plain(text: &str, names: &Names) -> String {
    let mut text = text.to_owned();
    names.back(&mut text);
    for (pattern, sign) in [(&*FILES, "<session>"), (&*UUID, "<id>"), (&*TIMES, "<time>")] {
        if let Some(pattern) = pattern {
            if pattern.is_match(&text) {
                text = pattern.replace_all(&text, sign).into_owned();
            }
        }
    }
    text
}

/// As [`plain`], for a chat document, which also says when something was said and how long it took.
pub fn plain_chat(text: &str, names: &Names) -> String {
    let text = plain(text, names);
    CLOCK.as_ref().map_or(text.clone(), |it| it.replace_all(&text, "<time>").into_owned())
}

/// Where `now` is not what was recorded, in lines for people; none if it is the same.
pub fn differences(recorded: &Value, now: &Value, names: &Names) -> Vec<String> {
    let mut found = Vec::new();
    walk(recorded, now, names, &mut Vec::new(), &mut found);
    if found.len() > SHOWN {
        let more = found.len() - SHOWN;
        found.truncate(SHOWN);
        found.push(format!("… and {more} more"));
    }
    found
}

fn walk<'a>(
    recorded: &'a Value,
    now: &'a Value,
    names: &Names,
    at: &mut Vec<&'a str>,
    found: &mut Vec<String>,
) {
    let field = at.iter().rev().copied().find(|it| it.parse::<usize>().is_err()).unwrap_or_default();
    if FLEETING.contains(&field) {
        return;
    }
    match (recorded, now) {
        (Value::Object(recorded), Value::Object(now)) => {
            for (name, value) in recorded {
                at.push(name);
                match now.get(name) {
                    Some(now) => walk(value, now, names, at, found),
                    None if FLEETING.contains(&name.as_str()) => {}
                    None => found.push(format!("{}: recorded {}, now nothing", at.join("."), short(value))),
                }
                at.pop();
            }
            // A newer server may say more.
        }
        (Value::Array(recorded), Value::Array(now)) if recorded.len() == now.len() => {
            for (index, (recorded, now)) in recorded.iter().zip(now).enumerate() {
                let index = NUMBERS.get(index).copied().unwrap_or("n");
                at.push(index);
                walk(recorded, now, names, at, found);
                at.pop();
            }
        }
        (Value::String(one), Value::String(other)) if names.is_word(field, one, other) => {}
        (Value::String(one), Value::String(other)) => {
            let (one, other) = (plain(one, names), plain(other, names));
            if one != other && !(is_short_id(&one) && is_short_id(&other)) {
                let (one, other) = parts(&one, &other);
                found.push(format!("{}: recorded {one}, now {other}", at.join(".")));
            }
        }
        (Value::Number(one), Value::Number(other)) => {
            let (one_i, other_i) = (one.as_i64(), other.as_i64());
            let named = one_i.zip(other_i).is_some_and(|(one, other)| names.is_number(field, one, other));
            if one != other && !named {
                found.push(format!("{}: recorded {one}, now {other}", at.join(".")));
            }
        }
        _ if recorded == now => {}
        (Value::Array(one), Value::Array(other)) => found.push(format!(
            "{}: recorded {} of them, now {}: {} – {}",
            at.join("."),
            one.len(),
            other.len(),
            short(recorded),
            short(now)
        )),
        _ => found.push(format!("{}: recorded {}, now {}", at.join("."), short(recorded), short(now))),
    }
}

/// Places in a list, in words that live long enough.
const NUMBERS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// Ids of entries of a session.
fn is_short_id(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|it| it.is_ascii_hexdigit())
}

/// A value in one short line.
pub fn short(value: &Value) -> String {
    cut(&value.to_string())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Two texts from a little before where they part.
fn parts(one: &str, other: &str) -> (String, String) {
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(20);
    let part = |it: &str| {
        let text: String = it.chars().skip(from).collect();
        format!("{}{}", if from > 0 { "…" } else { "" }, cut(&Value::String(text).to_string()))
    };
    (part(one), part(other))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_means_something_is_a_difference() {
        let mut names = Names::default();
        names.folder(std::path::Path::new("/home/me/p"), std::path::Path::new("/tmp/x/ws"));
        names.learn(&json!({"id": 12}), &json!({"id": 1}), "");
        for (recorded, now, expected) in [
            (json!({"a": 1}), json!({"a": 1}), vec![]),
            (json!({"timestamp": 1, "seq": 3}), json!({"timestamp": 2, "seq": 4}), vec![]),
            (json!({"timestamp": 1}), json!({}), vec![]),
            (json!({"path": "/home/me/p/a.rs"}), json!({"path": "/tmp/x/ws/a.rs"}), vec![]),
            (
                json!("/a/--x--/2026-11-26T01-17-56-107Z_01a2156e-3e0b-701e-bba9-16182a5e22d8.jsonl"),
                json!("/b/2026-12-26T01-17-56-108Z_01a2156e-41da-778a-82bb-ae5f6c67a681.jsonl"),
                vec![],
            ),
            (json!({"entryId": "0a1b2c3d"}), json!({"entryId": "ffffffff"}), vec![]),
            (json!({"id": 12}), json!({"id": 1}), vec![]),
            (json!({"id": 12}), json!({"id": 2}), vec!["id: recorded 12, now 2"]),
            (
                json!({"a": [1, {"b": true}]}),
                json!({"a": [1, {"b": false}]}),
                vec!["a.1.b: recorded true, now false"],
            ),
            (json!({"a": [1]}), json!({"a": []}), vec!["a: recorded 1 of them, now 0: [1] – []"]),
            (json!({"a": 1}), json!({"b": 1}), vec!["a: recorded 1, now nothing"]),
            (json!({"line": 10}), json!({"line": 11}), vec!["line: recorded 10, now 11"]),
        ] {
            assert_eq!(differences(&recorded, &now, &names), expected, "{recorded} {now}");
        }
        let chat = |time: &str, took: &str| {
            plain_chat(&format!("## You · {time}\n\na.rs:140\n\n<!-- {took} · 2 steps -->\n"), &names)
        };
        assert_eq!(chat("23:59", "0 s"), chat("00:00", "1:05"));
        assert!(chat("23:59", "0 s").contains("a.rs:140"));
        let (one, other) = (json!("x".repeat(300) + "a"), json!("x".repeat(300) + "b"));
        let found = differences(&one, &other, &names);
        assert_eq!(found, [format!(": recorded …\"{0}a\", now …\"{0}b\"", "x".repeat(20))]);
    }
}
