//! What is called otherwise in a replay: folders, and everything the server has given a name to.
//!
//! The server's answers are laid beside the recorded ones; where it says another id now, the client has to say that one
//! as well.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use regex::Regex;
use serde_json::Value;

/// Longest text that is taken for a name.
const LONGEST: usize = 400;

/// Recorded names and those of now.
#[derive(Debug, Default)]
pub struct Names {
    /// Recorded and now, as paths and as they are in URIs; the longest first.
    folders: Vec<(String, String)>,
    words: HashMap<String, String>,
    /// By the field they stand in.
    numbers: HashMap<(String, i64), i64>,
}

/// An id that says nothing to people.
pub static UUID: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").ok());

impl Names {
    /// `recorded` is in `now` today.
    pub fn folder(&mut self, recorded: &Path, now: &Path) {
        let from = recorded.to_string_lossy().trim_end_matches('/').to_owned();
        let to = now.to_string_lossy().into_owned();
        // The root of all files is no name for a folder.
        if from.len() < 2 || self.folders.iter().any(|it| it.0 == from) {
            return;
        }
        if let (Ok(from), Ok(to)) = (url::Url::from_file_path(&from), url::Url::from_file_path(&to)) {
            self.folders.push((from.path().to_owned(), to.path().to_owned()));
        }
        self.folders.push((from, to));
        self.folders.dedup();
        self.folders.sort_by_key(|it| std::cmp::Reverse(it.0.len()));
    }

    /// The name of now for a recorded one, if it has another.
    pub fn now(&self, recorded: &str) -> String {
        let mut text = Value::String(recorded.to_owned());
        self.forward(&mut text, "");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// From recorded to now. `field` is the field `value` stands in.
    pub fn forward(&self, value: &mut Value, field: &str) {
        match value {
            Value::String(text) => {
                if let Some(now) = self.words.get(text.as_str()) {
                    text.clone_from(now);
                    return;
                }
                for (from, to) in &self.folders {
                    replace(text, from, to);
                }
                if let Some(uuid) = &*UUID {
                    if uuid.is_match(text) {
                        let now = |it: &regex::Captures<'_>| {
                            self.words.get(&it[0]).cloned().unwrap_or_else(|| it[0].to_owned())
                        };
                        *text = uuid.replace_all(text, now).into_owned();
                    }
                }
            }
            Value::Number(number) => {
                let now = number.as_i64().and_then(|it| self.numbers.get(&(class(field), it)));
                if let Some(now) = now {
                    *value = (*now).into();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|it| self.forward(it, field)),
            Value::Object(fields) => fields.iter_mut().for_each(|(name, it)| self.forward(it, name)),
            _ => {}
        }
    }

    /// From now to recorded, as far as folders go.
    pub fn back(&self, text: &mut String) {
        for (from, to) in &self.folders {
            replace(text, to, from);
        }
    }

    /// Whether a text of now is the name that this recorded one has now.
    pub fn is_word(&self, field: &str, recorded: &str, now: &str) -> bool {
        is_name(field) && self.words.get(recorded).is_some_and(|it| it == now)
    }

    /// Whether a number of now is the name that this recorded one has now.
    pub fn is_number(&self, field: &str, recorded: i64, now: i64) -> bool {
        self.numbers.get(&(class(field), recorded)) == Some(&now)
    }

    /// Lays what the server said beside what it says now.
    pub fn learn(&mut self, recorded: &Value, now: &Value, field: &str) {
        match (recorded, now) {
            (Value::String(recorded), Value::String(now)) if recorded != now => self.word(recorded, now),
            (Value::Number(recorded), Value::Number(now)) if is_name(field) => {
                if let (Some(recorded), Some(now)) = (recorded.as_i64(), now.as_i64()) {
                    self.numbers.entry((class(field), recorded)).or_insert(now);
                }
            }
            (Value::Array(recorded), Value::Array(now)) => {
                recorded.iter().zip(now).for_each(|(recorded, now)| self.learn(recorded, now, field));
            }
            (Value::Object(recorded), Value::Object(now)) => {
                for (name, recorded) in recorded {
                    if let Some(now) = now.get(name) {
                        self.learn(recorded, now, name);
                    }
                }
            }
            _ => {}
        }
    }

    fn word(&mut self, recorded: &str, now: &str) {
        if let Some(uuid) = &*UUID {
            for (recorded, now) in uuid.find_iter(recorded).zip(uuid.find_iter(now)) {
                self.words.entry(recorded.as_str().to_owned()).or_insert_with(|| now.as_str().to_owned());
            }
        }
        if recorded.len() <= LONGEST && !recorded.contains(char::is_whitespace) {
            self.words.entry(recorded.to_owned()).or_insert_with(|| now.to_owned());
        }
    }
}

/// Whether numbers in this field name something.
fn is_name(field: &str) -> bool {
    let field = field.to_lowercase();
    ["id", "ids", "hunk", "hunks", "arguments", "data", "token"].iter().any(|it| field.ends_with(it))
}

/// What a field names, whether it has one or several.
fn class(field: &str) -> String {
    match field {
        // An id of something is asked for by the field that names the kind.
        "id" | "ids" | "hunk" | "hunks" | "hunkIds" | "hunkId" | "arguments" | "data" => "id".to_owned(),
        other => other.to_owned(),
    }
}

/// Replaces a folder where it is not only the beginning of a longer name.
fn replace(text: &mut String, from: &str, to: &str) {
    if from == to || !text.contains(from) {
        return;
    }
    let in_name = |it: char| it.is_alphanumeric() || ['-', '_', '.', '%'].contains(&it);
    let (mut out, mut rest) = (String::with_capacity(text.len()), text.as_str());
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        let begins = before.chars().next_back().or_else(|| out.chars().next_back());
        let whole = !after.starts_with(in_name) && !begins.is_some_and(in_name);
        out.push_str(before);
        out.push_str(if whole { to } else { from });
        rest = after;
    }
    out.push_str(rest);
    *text = out;
}

/// The folders that a client names in `initialize`, the first one first.
pub fn roots(initialize: &Value) -> Vec<PathBuf> {
    let of_uri = |it: &Value| url::Url::parse(it.as_str()?).ok()?.to_file_path().ok();
    let mut roots: Vec<PathBuf> = initialize["workspaceFolders"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| of_uri(&it["uri"]))
        .collect();
    roots.extend(of_uri(&initialize["rootUri"]));
    roots.extend(initialize["rootPath"].as_str().map(PathBuf::from));
    let mut seen = std::collections::HashSet::new();
    roots.retain(|it| it.is_absolute() && seen.insert(it.clone()));
    roots
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn forwarded(names: &Names, value: Value) -> Value {
        let mut value = value;
        names.forward(&mut value, "");
        value
    }

    #[test]
    fn folders_are_found_wherever_they_stand() {
        let mut names = Names::default();
        names.folder(Path::new("/home/a b/p/"), Path::new("/tmp/r/ws"));
        for (recorded, now) in [
            ("/home/a b/p", "/tmp/r/ws"),
            ("file:///home/a%20b/p/x.rs", "file:///tmp/r/ws/x.rs"),
            ("see `/home/a b/p/x.rs`, line 3", "see `/tmp/r/ws/x.rs`, line 3"),
            ("/home/a b/pq/x", "/home/a b/pq/x"),
            ("/home/a b/p-2", "/home/a b/p-2"),
            ("x/home/a b/p", "x/home/a b/p"),
        ] {
            assert_eq!(forwarded(&names, json!([recorded])), json!([now]));
            let mut back = now.to_owned();
            names.back(&mut back);
            assert_eq!(back.replace("%20", " "), recorded.replace("%20", " "));
        }
    }

    #[test]
    fn what_the_server_names_otherwise_the_client_names_otherwise() {
        let mut names = Names::default();
        let (old, new) = ("01a2156e-3e0b-701e-bba9-16182a5e22d8", "01a2156e-41da-778a-82bb-ae5f6c67a681");
        names.learn(
            &json!({"sessionId": old, "hunks": [{"id": 512, "line": 3}], "title": "old words"}),
            &json!({"sessionId": new, "hunks": [{"id": 1, "line": 4}], "title": "new words"}),
            "",
        );
        assert_eq!(
            forwarded(
                &names,
                json!({"arguments": [512, 3], "line": 512, "text": format!("session {old}!"), "t": "old words"})
            ),
            json!({"arguments": [1, 3], "line": 512, "text": format!("session {new}!"), "t": "old words"})
        );
        assert_eq!(names.now(old), new);
    }

    #[test]
    fn the_roots_of_an_editor() {
        let initialize = json!({"rootUri": "file:///a", "rootPath": "/a", "workspaceFolders": [
            {"uri": "file:///b%20c", "name": "b"}, {"uri": "untitled:x", "name": "x"}]});
        assert_eq!(roots(&initialize), [PathBuf::from("/b c"), PathBuf::from("/a")]);
        assert!(roots(&json!({"rootUri": null})).is_empty());
    }
}
