//! Chat documents in a replay.
//!
//! How an answer is divided into edits of its chat document depends on the clock. So these are not played as recorded:
//! the replay is the editor of them. It applies what the server wants, and of what the client reported only that is
//! repeated which the user did.

use std::collections::HashMap;

use pi_host::workspace::position::{self, Position, PositionEncoding};
use ropey::Rope;
use serde_json::{Value, json};

use super::{compare::plain_chat, names::Names};

#[derive(Debug, Default)]
struct Document {
    /// As it was in the recording.
    recorded: Rope,
    /// As it is now.
    now: Rope,
    version: i64,
    /// What the server wanted in the recording and nobody has reported yet.
    wanted: Vec<Vec<Value>>,
}

/// The chat documents that are open, by their recorded URI.
#[derive(Debug, Default)]
pub struct Chats {
    open: HashMap<String, Document>,
    pub encoding: PositionEncoding,
}

/// Whether this is a chat document.
pub fn is_chat(uri: &str) -> bool {
    uri.contains("/.pi/chat/")
}

/// The document and edits of a `workspace/applyEdit`, if it is about one document.
pub fn edit(message: &Value) -> Option<(&str, &Vec<Value>)> {
    let change = message["params"]["edit"]["documentChanges"].get(0)?;
    Some((change["textDocument"]["uri"].as_str()?, change["edits"].as_array()?))
}

impl Chats {
    /// `textDocument/didOpen`; `now` is the text that is opened.
    pub fn open(&mut self, uri: &str, recorded: &str, now: &str, version: i64) {
        let document = Document { recorded: recorded.into(), now: now.into(), version, wanted: Vec::new() };
        self.open.insert(uri.to_owned(), document);
    }

    /// `textDocument/didClose`.
    pub fn close(&mut self, uri: &str) {
        self.open.remove(uri);
    }

    /// The server wanted this in the recording.
    pub fn wanted(&mut self, uri: &str, edits: &[Value]) {
        if let Some(document) = self.open.get_mut(uri) {
            document.wanted.push(edits.to_vec());
        }
    }

    /// The server wants this now, for the text of this version if it names one: what to tell it. Nothing if that is not
    /// the version any more: the edit is refused, as editors do.
    pub fn apply(
        &mut self,
        uri: &str,
        edits: &[Value],
        version: Option<i64>,
        uri_now: &str,
    ) -> Option<Value> {
        let document =
            self.open.get_mut(uri).filter(|it| version.is_none_or(|version| version == it.version))?;
        apply(&mut document.now, edits, self.encoding);
        document.version += 1;
        Some(document.report(uri_now, json!([{ "text": document.now.to_string() }])))
    }

    /// The client reported this in the recording: what to tell the server of it. Nothing if it only reported what the
    /// server had wanted.
    pub fn change(&mut self, uri: &str, changes: &[Value], uri_now: &str) -> Option<Value> {
        let encoding = self.encoding;
        let document = self.open.get_mut(uri)?;
        let (after, echo) = document.echo(changes, encoding);
        let before = std::mem::replace(&mut document.recorded, after);
        if let Some(at) = echo {
            document.wanted.drain(..=at);
            return None;
        }
        // The user writes at the end, below what the server writes.
        let (old, new) = (before.to_string(), document.recorded.to_string());
        let (start, end, text) = changed(&old, &new);
        let place =
            |at: usize| boundary(&document.now, document.now.len_bytes().saturating_sub(old.len() - at));
        let (start, end) = (place(start), place(end));
        let range = position::to_range(&document.now, start, end.max(start), encoding);
        let text = text.to_owned();
        let (from, to) = (document.now.byte_to_char(start), document.now.byte_to_char(end.max(start)));
        document.now.remove(from..to);
        document.now.insert(from, &text);
        document.version += 1;
        let at = |it: Position| json!({ "line": it.line, "character": it.character });
        let range = json!({ "start": at(range.start), "end": at(range.end) });
        Some(document.report(uri_now, json!([{ "range": range, "text": text }])))
    }

    /// Whether the prompt is as it was in the recording by now: what the user did next was done to that.
    pub fn is_at_prompt(&self, uri: &str) -> bool {
        let prompt =
            |it: &Rope| it.to_string().rsplit_once("\n## You\n").map(|it| it.1.trim_end().to_owned());
        self.open.get(uri).is_none_or(|it| prompt(&it.recorded) == prompt(&it.now))
    }

    /// Whether the client only reported here what the server had wanted.
    pub fn is_echo(&self, uri: &str, changes: &[Value]) -> bool {
        self.open.get(uri).is_some_and(|it| it.echo(changes, self.encoding).1.is_some())
    }

    /// The text of now.
    pub fn text(&self, uri: &str) -> Option<String> {
        Some(self.open.get(uri)?.now.to_string())
    }

    /// The recorded text and that of now, without times and ids.
    pub fn both(&self, uri: &str, names: &Names) -> Option<(String, String)> {
        let document = self.open.get(uri)?;
        let text = |it: &Rope| plain_chat(&it.to_string(), names);
        Some((text(&document.recorded), text(&document.now)))
    }

    /// The documents that are open.
    pub fn uris(&self) -> Vec<String> {
        self.open.keys().cloned().collect()
    }
}

impl Document {
    /// The recorded text after these changes, and which of the edits that the server had wanted they are, if one.
    fn echo(&self, changes: &[Value], encoding: PositionEncoding) -> (Rope, Option<usize>) {
        let mut after = self.recorded.clone();
        for change in changes {
            match change.get("range") {
                Some(_) => apply(&mut after, std::slice::from_ref(change), encoding),
                None => after = change["text"].as_str().unwrap_or_default().into(),
            }
        }
        let is_echo = |edits: &Vec<Value>| {
            let mut text = self.recorded.clone();
            apply(&mut text, edits, encoding);
            text == after
        };
        let echo = self.wanted.iter().position(is_echo);
        (after, echo)
    }

    fn report(&self, uri: &str, changes: Value) -> Value {
        json!({"jsonrpc": "2.0", "method": "textDocument/didChange",
            "params": {"textDocument": {"uri": uri, "version": self.version}, "contentChanges": changes}})
    }
}

/// Applies edits that are all for the same text, as LSP has them.
fn apply(rope: &mut Rope, edits: &[Value], encoding: PositionEncoding) {
    let place = |it: &Value| {
        let number = |name: &str| it[name].as_u64().and_then(|it| u32::try_from(it).ok()).unwrap_or_default();
        position::to_char(rope, Position::new(number("line"), number("character")), encoding)
    };
    let mut places: Vec<(usize, usize, String)> = edits
        .iter()
        .map(|it| {
            let text = it["newText"].as_str().or_else(|| it["text"].as_str()).unwrap_or_default();
            (place(&it["range"]["start"]), place(&it["range"]["end"]), text.to_owned())
        })
        .collect();
    places.sort_by_key(|it| it.0);
    for (start, end, text) in places.into_iter().rev() {
        rope.remove(start..end.max(start));
        rope.insert(start, &text);
    }
}

/// What was changed: bytes of the old text, and what is in their place.
fn changed<'a>(old: &str, new: &'a str) -> (usize, usize, &'a str) {
    let same = |it: &(&u8, &u8)| it.0 == it.1;
    let mut start = old.bytes().zip(new.bytes()).take_while(|it| it.0 == it.1).count();
    while !old.is_char_boundary(start) || !new.is_char_boundary(start) {
        start -= 1;
    }
    let (old_rest, new_rest) = (&old.as_bytes()[start..], &new.as_bytes()[start..]);
    let mut tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(same).count();
    while !old.is_char_boundary(old.len() - tail) || !new.is_char_boundary(new.len() - tail) {
        tail -= 1;
    }
    (start, old.len() - tail, &new[start..new.len() - tail])
}

fn boundary(rope: &Rope, byte: usize) -> usize {
    rope.char_to_byte(rope.byte_to_char(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "file:///w/.pi/chat/a.md";

    fn edit_at(line: u32, text: &str) -> Value {
        let place = json!({"line": line, "character": 0});
        json!({"range": {"start": place, "end": place}, "newText": text})
    }

    #[test]
    fn what_the_user_wrote_is_repeated_and_the_echo_is_not() {
        let mut chats = Chats::default();
        chats.open(URI, "# T\n\n## You\n", "# Title\n\n## You\n", 3);
        // Recorded in two steps, now in one.
        for text in ["one ", "two\n"] {
            chats.wanted(URI, &[edit_at(1, text)]);
            let mut echo = edit_at(1, text);
            echo["text"] = echo["newText"].take();
            assert_eq!(chats.change(URI, &[echo], URI), None);
        }
        let told = chats.apply(URI, &[edit_at(1, "two\none ")], Some(3), URI).unwrap();
        assert_eq!(told["params"]["textDocument"]["version"], 4);
        assert_eq!(chats.apply(URI, &[edit_at(1, "late")], Some(3), URI), None, "for a text that is gone");
        let recorded = chats.open[URI].recorded.to_string();
        let whole = json!({"text": format!("{recorded}écrit\n")});
        let told = chats.change(URI, &[whole], URI).unwrap();
        assert_eq!(told["params"]["contentChanges"][0]["text"], "écrit\n");
        assert!(chats.text(URI).unwrap().starts_with("# Title\n"));
        assert!(chats.text(URI).unwrap().ends_with("## You\nécrit\n"));
    }

    #[test]
    fn the_change_between_two_texts() {
        for (old, new, expected) in [
            ("ab", "ab", (2, 2, "")),
            ("ab", "axb", (1, 1, "x")),
            ("aa", "aaa", (2, 2, "a")),
            ("é", "è", (0, 2, "è")),
            ("abc", "", (0, 3, "")),
        ] {
            assert_eq!(changed(old, new), expected, "{old} {new}");
        }
    }
}
