//! Which files the agent read and changed, so that a summary can name them exactly.

use std::collections::BTreeSet;

use pi_protocol::AgentMessage;
use serde_json::{Value, json};

/// Files of the calls that are summarised, and of the summaries before.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Files {
    read: BTreeSet<String>,
    modified: BTreeSet<String>,
}

impl Files {
    /// Takes over the lists of an earlier summary.
    pub fn add_details(&mut self, details: &Value) {
        let list = |key: &str| -> Vec<String> {
            details.get(key).and_then(|it| serde_json::from_value(it.clone()).ok()).unwrap_or_default()
        };
        self.read.extend(list("readFiles"));
        self.modified.extend(list("modifiedFiles"));
    }

    /// Adds the files this message's tool calls name.
    pub fn add_calls(&mut self, message: &AgentMessage) {
        for call in message.as_assistant().into_iter().flat_map(|it| it.tool_calls()) {
            let Some(path) = call.arguments.get("path").and_then(Value::as_str) else { continue };
            match call.name.as_str() {
                "read" => self.read.insert(path.to_owned()),
                "edit" | "write" => self.modified.insert(path.to_owned()),
                _ => false,
            };
        }
    }

    /// Read but not changed.
    fn only_read(&self) -> Vec<&str> {
        self.read.difference(&self.modified).map(String::as_str).collect()
    }

    /// As `details` of the entry.
    pub fn details(&self) -> Value {
        json!({"readFiles": self.only_read(), "modifiedFiles": self.modified})
    }

    /// As the end of a summary; empty without files.
    pub fn text(&self) -> String {
        let modified: Vec<&str> = self.modified.iter().map(String::as_str).collect();
        [("read-files", self.only_read()), ("modified-files", modified)]
            .iter()
            .filter(|(_, files)| !files.is_empty())
            .map(|(tag, files)| format!("\n\n<{tag}>\n{}\n</{tag}>", files.join("\n")))
            .collect()
    }
}

/// A summary without the file lists at its end: they are written anew.
pub(crate) fn without_lists(summary: &str) -> &str {
    let end = ["\n\n<read-files>\n", "\n\n<modified-files>\n"].iter().filter_map(|it| summary.find(it)).min();
    &summary[..end.unwrap_or(summary.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_listed_once_and_where_they_matter_most() {
        let call = |name: &str, arguments: Value| json!({"type": "toolCall", "id": "c", "name": name, "arguments": arguments});
        let message =
            serde_json::from_value(json!({"role": "assistant", "api": "a", "provider": "p", "model": "m",
            "usage": {}, "stopReason": "toolUse", "timestamp": 1, "content": [
                call("read", json!({"path": "b.rs"})), call("read", json!({"path": "a.rs"})),
                call("edit", json!({"path": "b.rs"})), call("write", json!({"path": "c.rs"})),
                call("grep", json!({"path": "src"})), call("read", json!({}))]}))
            .unwrap();
        let mut files = Files::default();
        assert_eq!(files.text(), "");
        files.add_details(&json!({"readFiles": ["old.rs"], "modifiedFiles": "not a list"}));
        files.add_calls(&message);
        assert_eq!(
            files.details(),
            json!({"readFiles": ["a.rs", "old.rs"], "modifiedFiles": ["b.rs", "c.rs"]})
        );
        let text = files.text();
        assert_eq!(
            text,
            "\n\n<read-files>\na.rs\nold.rs\n</read-files>\n\n<modified-files>\nb.rs\nc.rs\n</modified-files>"
        );
        assert_eq!(without_lists(&format!("the summary{text}")), "the summary");
        assert_eq!(without_lists("no lists"), "no lists");
    }
}
