//! Transcripts: what is sent and what comes back, as one file that plays over any transport.
//!
//! ```text
//! # A comment.
//! model {"say": "hello"}
//! > {"type": "prompt", "message": "hi"}
//! < {"type": "agent_start"}
//! < …
//! ```
//!
//! `model` lines script one turn of the model each (`think`, `say`, `call` with `arguments`, in this order), `> ` is a JSONL command, `< ` an
//! expected event after masking, `until agent_settled` says when to stop reading. Answers to commands are not part
//! of a transcript: their envelope differs from transport to transport, while the events must not (the
//! architecture's invariant 4). `UPDATE=1` rewrites the expected side.

use std::{env, fs, path::Path};

use serde_json::{Map, Value};

use crate::{Editor, JsonlClient, ModelServer, Turn};

/// A client that can play a transcript.
pub trait Face {
    /// Sends a JSONL command (or its twin on this transport), which must be accepted.
    fn command(&mut self, command: &Value);
    /// Waits until an event of this type has come; the events since the last call, as in JSONL.
    fn events_until(&mut self, kind: &str) -> Vec<Value>;
}

impl Face for JsonlClient {
    fn command(&mut self, command: &Value) {
        self.ok(command.clone());
    }

    fn events_until(&mut self, kind: &str) -> Vec<Value> {
        JsonlClient::events_until(self, kind)
    }
}

impl Face for Editor {
    fn command(&mut self, command: &Value) {
        let mut params = command.as_object().expect("a command is an object").clone();
        let name = params.shift_remove("type").expect("a command has a type");
        self.ok(&twin(name.as_str().expect("a type is a string")), Value::Object(params));
    }

    fn events_until(&mut self, kind: &str) -> Vec<Value> {
        Editor::events_until(self, kind)
    }
}

/// LSP name of a JSONL command: `get_state` is `pi/getState`.
fn twin(name: &str) -> String {
    let mut words = name.split('_');
    let mut twin = format!("pi/{}", words.next().unwrap_or_default());
    for word in words {
        let (first, rest) = word.split_at(1.min(word.len()));
        twin.push_str(&first.to_uppercase());
        twin.push_str(rest);
    }
    twin
}

/// A parsed transcript.
#[derive(Debug)]
pub struct Transcript {
    text: String,
    name: String,
    path: std::path::PathBuf,
}

impl Transcript {
    /// Reads a transcript file.
    pub fn load(path: &Path) -> Self {
        let text = fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        Self { text, name: path.display().to_string(), path: path.to_owned() }
    }

    /// The model's turns.
    pub fn turns(&self) -> Vec<Turn> {
        self.lines("model ").map(|it| turn(&it)).collect()
    }

    /// Puts the turns into the script of `model`, plays the commands through `face`, and compares the events.
    pub fn play(&self, model: &ModelServer, face: &mut dyn Face) {
        model.script(self.turns());
        let mut events = Vec::new();
        for line in self.text.lines() {
            if let Some(command) = line.strip_prefix("> ") {
                face.command(&self.parse(command));
            } else if let Some(kind) = line.strip_prefix("until ") {
                events.extend(face.events_until(kind.trim()));
            }
        }
        // Compared as values: the order of keys is not part of what transports share.
        let got: Vec<Value> = events.iter().map(masked).collect();
        let expected: Vec<Value> = self.lines("< ").collect();
        if got == expected {
            return;
        }
        if env::var_os("UPDATE").is_some_and(|it| it == "1") {
            let mut text: String =
                self.text.lines().filter(|it| !it.starts_with("< ")).map(|it| format!("{it}\n")).collect();
            text.extend(got.iter().map(|it| format!("< {it}\n")));
            fs::write(&self.path, text).expect("cannot rewrite the transcript");
            return;
        }
        let difference = got.iter().zip(&expected).position(|(got, expected)| got != expected);
        let at = difference.unwrap_or(got.len().min(expected.len()));
        panic!(
            "{}: event {} differs (UPDATE=1 accepts what came)\nexpected: {}\n     got: {}\nall that came:\n{}",
            self.name,
            at + 1,
            expected.get(at).unwrap_or(&Value::Null),
            got.get(at).unwrap_or(&Value::Null),
            got.iter().map(|it| format!("{it}\n")).collect::<String>(),
        );
    }

    fn lines<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = Value> + 'a {
        self.text.lines().filter_map(move |it| it.strip_prefix(prefix)).map(|it| self.parse(it))
    }

    fn parse(&self, json: &str) -> Value {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{}: {error} in {json:?}", self.name))
    }
}

/// One turn: reasoning, then text, then a call, as far as the line has them.
fn turn(line: &Value) -> Turn {
    let mut turn = Turn::default();
    if let Some(text) = line["think"].as_str() {
        turn = turn.think(text);
    }
    if let Some(text) = line["say"].as_str() {
        turn = turn.say(text);
    }
    if let Some(name) = line["call"].as_str() {
        turn = turn.call(name, line["arguments"].clone());
    }
    turn
}

/// The event without what differs from run to run or from transport to transport: times become 0, the snapshots
/// that full mode adds to `message_update` go, and absolute paths of scratch directories lose their root.
pub fn masked(event: &Value) -> Value {
    let mut event = event.clone();
    if event["type"] == "message_update"
        && let Some(fields) = event.as_object_mut()
    {
        fields.shift_remove("message");
        if let Some(Value::Object(update)) = fields.get_mut("assistantMessageEvent") {
            update.shift_remove("partial");
        }
    }
    mask(&mut event);
    event
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => mask_fields(fields),
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::String(text) => {
            if let Some(start) = text.find("/pi-e2e-") {
                // The directory above and the random suffix go: `/any/where/pi-e2e-x1/a` is `<scratch>/a`.
                let before = text[..start].rfind(|it: char| it.is_whitespace()).map_or(0, |it| it + 1);
                let after = text[start + 1..].find('/').map_or(text.len(), |it| start + 1 + it);
                text.replace_range(before..after, "<scratch>");
            }
        }
        _ => {}
    }
}

fn mask_fields(fields: &mut Map<String, Value>) {
    for (key, value) in fields.iter_mut() {
        if key == "timestamp" && value.is_number() {
            *value = Value::from(0);
        } else {
            mask(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn commands_have_twins() {
        for (name, expected) in [("prompt", "pi/prompt"), ("get_state", "pi/getState")] {
            assert_eq!(twin(name), expected);
        }
    }

    #[test]
    fn what_differs_between_runs_is_masked() {
        let event = json!({"type": "message_update", "message": {}, "assistantMessageEvent":
            {"type": "text_delta", "delta": "at /any/where/pi-e2e-Ab1/sub/a.txt", "partial": {}}, "timestamp": 17});
        assert_eq!(
            masked(&event),
            json!({"type": "message_update", "assistantMessageEvent":
                {"type": "text_delta", "delta": "at <scratch>/sub/a.txt"}, "timestamp": 0})
        );
    }
}
