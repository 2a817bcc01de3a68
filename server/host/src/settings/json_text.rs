//! Reading JSON with comments, and changing one value in such a text without touching the rest.
//!
//! Both work on a copy in which comments and final commas are spaces, so that positions agree with the original.

use std::ops::Range;

use serde_json::{Map, Value};

/// Parses an object, with a byte order mark, comments and final commas allowed. Blank text is an empty object.
pub(super) fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let plain = plain_json(text);
    if plain.trim().is_empty() {
        return with_object(text).map(|_| Map::new());
    }
    match serde_json::from_str(&plain) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("it is not an object".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// `text` with `value` at `path`, objects on the way created where missing. `text` must be what [`parse`] accepts.
pub(super) fn set(text: &str, path: &[&str], value: &Value) -> Result<String, String> {
    let plain = plain_json(text);
    if plain.trim().is_empty() {
        return set(&with_object(text)?, path, value);
    }
    parse(text)?;
    let mut object = plain.find('{').ok_or("it is not an object")?;
    for (depth, key) in path.iter().enumerate() {
        let members = members(&plain, object)?;
        let rest = &path[depth + 1..];
        // Of a key that is there twice, the last counts.
        let found = members.iter().rev().find(|it| it.key == *key);
        match found {
            Some(member) if !rest.is_empty() && plain[member.value.clone()].starts_with('{') => {
                object = member.value.start;
            }
            Some(member) => {
                let mut out = text.to_owned();
                out.replace_range(member.value.clone(), &nest(rest, value).to_string());
                return Ok(out);
            }
            None => return Ok(insert(text, &plain, object, &members, depth, key, &nest(rest, value))),
        }
    }
    Err("no key was given".into())
}

/// Blank text, or comments alone, with an empty object after them.
fn with_object(text: &str) -> Result<String, String> {
    let comments = text.trim_end();
    let out = if comments.is_empty() { "{}\n".into() } else { format!("{comments}\n{{}}\n") };
    if plain_json(&out).trim().is_empty() { Err("a comment is not closed".into()) } else { Ok(out) }
}

fn nest(path: &[&str], value: &Value) -> Value {
    path.iter()
        .rev()
        .fold(value.clone(), |value, key| Value::Object(Map::from_iter([((*key).into(), value)])))
}

fn insert(
    text: &str,
    plain: &str,
    object: usize,
    members: &[Member],
    depth: usize,
    key: &str,
    value: &Value,
) -> String {
    let member = format!("{}: {value}", Value::from(key));
    let mut out = text.to_owned();
    match members.last() {
        Some(last) => {
            let before = &plain[..last.start];
            let blank = before.len() - before.trim_end_matches([' ', '\t']).len();
            let line_start = last.start - blank;
            let separator = if plain[..line_start].ends_with('\n') {
                format!(",\n{}", &plain[line_start..last.start])
            } else {
                ", ".into()
            };
            out.insert_str(last.value.end, &format!("{separator}{member}"));
        }
        None => {
            let (outer, inner) = ("  ".repeat(depth), "  ".repeat(depth + 1));
            // Comments inside an otherwise empty object stay, below the new member.
            let lines_follow = plain[object + 1..].trim_start_matches([' ', '\t']).starts_with(['\n', '\r']);
            let end = if lines_follow { String::new() } else { format!("\n{outer}") };
            out.insert_str(object + 1, &format!("\n{inner}{member}{end}"));
        }
    }
    out
}

struct Member {
    /// Where its key begins.
    start: usize,
    key: String,
    value: Range<usize>,
}

/// The members of the object that begins at `open` in valid JSON.
fn members(plain: &str, open: usize) -> Result<Vec<Member>, String> {
    let bytes = plain.as_bytes();
    let mut members = Vec::new();
    let mut at = skip_blank(bytes, open + 1);
    while bytes.get(at) == Some(&b'"') {
        let start = at;
        let key_end = skip_value(bytes, start);
        let key = serde_json::from_str(&plain[start..key_end]).map_err(|error| error.to_string())?;
        let value_start = skip_blank(bytes, skip_blank(bytes, key_end) + 1);
        let value_end = skip_value(bytes, value_start);
        members.push(Member { start, key, value: value_start..value_end });
        at = skip_blank(bytes, value_end);
        if bytes.get(at) == Some(&b',') {
            at = skip_blank(bytes, at + 1);
        }
    }
    Ok(members)
}

fn skip_blank(bytes: &[u8], at: usize) -> usize {
    at + bytes.iter().skip(at).take_while(|it| it.is_ascii_whitespace()).count()
}

/// Where the value that begins at `at` ends.
fn skip_value(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return if depth == 1 { at + 1 } else { at },
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return at,
            byte if depth == 0 && byte.is_ascii_whitespace() => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Where the string that begins at `at` ends, its quotes included.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    at += 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `text` with its byte order mark, comments and final commas as spaces, byte for byte.
fn plain_json(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    if text.starts_with('\u{feff}') {
        out[..3].fill(b' ');
    }
    let mut at = 0;
    let mut comma = None;
    while at < out.len() {
        let next = match (out[at], out.get(at + 1)) {
            (b'"', _) => string_end(&out, at),
            (b'/', Some(b'/')) => {
                out[at..].iter().position(|it| *it == b'\n').map_or(out.len(), |it| at + it)
            }
            (b'/', Some(b'*')) => {
                out[at + 2..].windows(2).position(|it| it == b"*/").map_or(out.len(), |it| at + it + 4)
            }
            _ => at + 1,
        };
        match out[at] {
            b'/' if next > at + 1 => {
                for byte in &mut out[at..next] {
                    if *byte != b'\n' {
                        *byte = b' ';
                    }
                }
            }
            b',' => comma = Some(at),
            b'}' | b']' => {
                if let Some(comma) = comma.take() {
                    out[comma] = b' ';
                }
            }
            byte if byte.is_ascii_whitespace() => {}
            _ => comma = None,
        }
        at = next;
    }
    // Only whole characters became spaces.
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_value_changes_and_nothing_else() {
        for (before, path, value, after) in [
            ("", "a", json!(1), "{\n  \"a\": 1\n}\n"),
            ("// only this\n", "a", json!(1), "// only this\n{\n  \"a\": 1\n}\n"),
            ("{}", "a.b", json!(true), "{\n  \"a\": {\"b\":true}\n}"),
            ("{\"a\":1}", "a", json!("x"), "{\"a\":\"x\"}"),
            ("{\"a\":1}", "b", json!(2), "{\"a\":1, \"b\": 2}"),
            (
                "{\n\t// why\n\t\"a\": {\"x\": [1, \"}\"],}, // kept\n}\n",
                "a.y",
                json!(2),
                "{\n\t// why\n\t\"a\": {\"x\": [1, \"}\"], \"y\": 2,}, // kept\n}\n",
            ),
            (
                "\u{feff}{\n  \"a\": 1, /* é */\n  \"b\": null\n}",
                "c",
                json!(3),
                "\u{feff}{\n  \"a\": 1, /* é */\n  \"b\": null,\n  \"c\": 3\n}",
            ),
            ("{\"a\": 5, \"a\": 6}", "a", json!(7), "{\"a\": 5, \"a\": 7}"),
            ("{\"a\": 5 }", "a.b", json!(7), "{\"a\": {\"b\":7} }"),
            ("{\n  // empty\n}", "a", json!(1), "{\n  \"a\": 1\n  // empty\n}"),
            (r#"{"a\"": "x\\", "b": "//"}"#, "b", json!(1), r#"{"a\"": "x\\", "b": 1}"#),
        ] {
            let path: Vec<_> = path.split('.').collect();
            let text = set(before, &path, &value).unwrap();
            assert_eq!(text, after);
            let parsed = Value::Object(parse(&text).unwrap());
            assert_eq!(parsed.pointer(&format!("/{}", path.join("/"))), Some(&value));
        }
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for text in ["[]", "{", "{\"a\" 1}", "null", "{} x", "/* open", "{,}x"] {
            assert!(parse(text).is_err() && set(text, &["a"], &json!(1)).is_err(), "{text}");
        }
    }
}
