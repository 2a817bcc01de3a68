//! Arguments of a tool call while their JSON text still arrives.

use serde_json::{Map, Value};

/// The object a JSON text describes, as far as it has come: strings may be cut, brackets may be open.
/// Anything that is no object, or makes no sense, is the empty object.
pub fn parse_object(text: &str) -> Map<String, Value> {
    match serde_json::from_str(text) {
        Ok(Value::Object(it)) => return it,
        Ok(_) => return Map::new(),
        Err(error) if !error.is_eof() => {}
        Err(_) => {}
    }
    let mut parser = Parser { bytes: text.as_bytes(), text, at: 0, depth: 0 };
    match parser.value() {
        Some(Value::Object(it)) => it,
        _ => Map::new(),
    }
}

/// Deeper nesting than this is cut off rather than followed.
const MAX_DEPTH: usize = 128;

struct Parser<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The value at the cursor; `None` if nothing usable has arrived.
    fn value(&mut self) -> Option<Value> {
        self.skip_space();
        match self.bytes.get(self.at)? {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => self.string().map(|(text, _)| Value::String(text)),
            _ => self.scalar(),
        }
    }

    fn object(&mut self) -> Option<Value> {
        self.depth += 1;
        self.at += 1;
        let mut map = Map::new();
        while self.depth <= MAX_DEPTH {
            self.skip_space();
            match self.bytes.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b'"') => {
                    let Some((key, true)) = self.string() else { break };
                    self.skip_space();
                    if self.bytes.get(self.at) != Some(&b':') {
                        break;
                    }
                    self.at += 1;
                    let Some(value) = self.value() else { break };
                    map.insert(key, value);
                }
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                _ => {
                    self.at = self.bytes.len();
                    break;
                }
            }
        }
        self.depth -= 1;
        Some(Value::Object(map))
    }

    fn array(&mut self) -> Option<Value> {
        self.depth += 1;
        self.at += 1;
        let mut items = Vec::new();
        while self.depth <= MAX_DEPTH {
            self.skip_space();
            match self.bytes.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    break;
                }
                Some(_) => match self.value() {
                    Some(it) => items.push(it),
                    None => {
                        self.at = self.bytes.len();
                        break;
                    }
                },
                None => break,
            }
        }
        self.depth -= 1;
        Some(Value::Array(items))
    }

    /// A string and whether its closing quote has arrived. A cut escape sequence is left out.
    fn string(&mut self) -> Option<(String, bool)> {
        let start = self.at;
        let mut at = start + 1;
        let mut safe = at;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'"' => {
                    self.at = at + 1;
                    return Some((decode(&self.text[start..=at])?, true));
                }
                b'\\' => {
                    let len = if self.bytes.get(at + 1) == Some(&b'u') { 6 } else { 2 };
                    if at + len > self.bytes.len() {
                        break;
                    }
                    at += len;
                }
                _ => at += 1,
            }
            safe = at;
        }
        self.at = self.bytes.len();
        while !self.text.is_char_boundary(safe) {
            safe -= 1;
        }
        let cut = format!("{}\"", &self.text[start..safe]);
        // The first half of a surrogate pair does not decode; without it the rest does.
        decode(&cut)
            .or_else(|| decode(&format!("{}\"", self.text.get(start..safe.checked_sub(6)?)?)))
            .map(|it| (it, false))
    }

    fn scalar(&mut self) -> Option<Value> {
        let start = self.at;
        while self
            .bytes
            .get(self.at)
            .is_some_and(|it| !matches!(it, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'))
        {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        if let Ok(value) = serde_json::from_str(word) {
            return Some(value);
        }
        if self.at < self.bytes.len() {
            return None;
        }
        // A number may be cut after its sign, point or exponent.
        word.trim_end_matches(['.', 'e', 'E', '+', '-']).parse::<serde_json::Number>().ok().map(Value::Number)
    }
}

fn decode(quoted: &str) -> Option<String> {
    serde_json::from_str(quoted).ok().or_else(|| {
        // Models put raw line breaks into strings; JSON forbids them, the meaning is clear.
        let escaped = quoted.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
        serde_json::from_str(&escaped).ok()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_has_arrived_is_used() {
        for (text, expected) in [
            ("", json!({})),
            ("{", json!({})),
            ("{\"pa", json!({})),
            ("{\"path\"", json!({})),
            ("{\"path\":", json!({})),
            ("{\"path\":\"a", json!({"path": "a"})),
            ("{\"path\":\"a\\", json!({"path": "a"})),
            ("{\"path\":\"a\\u00", json!({"path": "a"})),
            ("{\"path\":\"a\\ud83d", json!({"path": "a"})),
            ("{\"path\":\"a\\ud83d\\ude00", json!({"path": "a😀"})),
            ("{\"path\":\"a\",\"n\":1", json!({"path": "a", "n": 1})),
            ("{\"n\":-", json!({})),
            ("{\"n\":1.", json!({"n": 1})),
            ("{\"b\":tru", json!({})),
            ("{\"b\":true", json!({"b": true})),
            ("{\"l\":[1,{\"x\":\"y", json!({"l": [1, {"x": "y"}]})),
            ("[1,2]", json!({})),
            ("nonsense", json!({})),
            ("{\"a\":\"line\nbreak\"}", json!({"a": "line\nbreak"})),
            ("{\"a\":1}", json!({"a": 1})),
            ("{\"a\":\"\\x\u{fffd}\u{fffd}b", json!({})),
            ("{\"a\":\"\\u\u{fffd}\u{fffd}", json!({})),
            ("{\"", json!({})),
        ] {
            assert_eq!(Value::Object(parse_object(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn every_prefix_of_an_object_is_accepted_and_depth_is_bounded() {
        let text = r#"{"path":"ü\n\"x\"","edits":[{"oldText":"a","n":1e3,"b":null}]}"#;
        for end in (0..=text.len()).filter(|&it| text.is_char_boundary(it)) {
            parse_object(&text[..end]);
        }
        parse_object(&"[".repeat(100_000));
        parse_object(&"{\"a\":".repeat(100_000));
    }
}
