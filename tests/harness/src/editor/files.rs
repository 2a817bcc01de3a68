//! What editors make of requests to create, delete and move files, as read in their sources and seen in the real ones.

use std::{fs, io, path::Path};

use serde_json::{Value, json};

use super::{Buffer, Buffers, path};
use crate::lsp_client::Reaction;

/// What the editor does with file operations in an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Files {
    /// Announces none and answers with an error (Eglot).
    #[default]
    None,
    /// Lists a new file and makes none if it is to be ignored when it exists; throws the buffer of a deleted one away;
    /// saves a buffer that moves.
    Neovim,
    /// Makes an empty file; goes on showing a deleted one; keeps a buffer that moves unsaved.
    Helix,
    /// Makes an empty file; closes a deleted one; keeps a buffer that moves unsaved, and tells of the move.
    VsCode,
}

impl Files {
    /// What it announces.
    pub(super) fn kinds(self) -> Value {
        match self {
            Self::None => Value::Null,
            _ => json!(["create", "rename", "delete"]),
        }
    }
}

impl Buffers {
    /// Does a file operation; the reaction.
    pub(super) fn operate(&mut self, change: &Value) -> Reaction {
        if self.files == Files::None {
            return Reaction::answer(Err((-32603, "Internal error".into())));
        }
        let mut told = Vec::new();
        let done = match change["kind"].as_str() {
            Some("create") => self.create(change),
            Some("delete") => self.delete(change, &mut told),
            Some("rename") => self.rename(change, &mut told),
            other => panic!("no such operation: {other:?}"),
        };
        let answer = match done {
            Ok(()) => json!({"applied": true}),
            Err(error) => json!({"applied": false, "failureReason": error.to_string()}),
        };
        Reaction::Answer { before: told, answer: Ok(answer), after: Vec::new() }
    }

    fn create(&self, change: &Value) -> io::Result<()> {
        let file = path(text(&change["uri"]));
        let ignored = change["options"]["ignoreIfExists"] == true && change["options"]["overwrite"] != true;
        match self.files {
            Files::Neovim if ignored => return Ok(()),
            _ if ignored && file.exists() => return Ok(()),
            _ => {}
        }
        fs::create_dir_all(file.parent().unwrap_or(Path::new("/")))?;
        // Whatever was there.
        fs::write(file, "")
    }

    fn delete(&mut self, change: &Value, told: &mut Vec<(String, Value)>) -> io::Result<()> {
        let uri = text(&change["uri"]);
        if change["options"]["ignoreIfNotExists"] == true && !path(uri).exists() {
            return Ok(());
        }
        fs::remove_file(path(uri))?;
        if self.files != Files::Helix && self.open.remove(uri).is_some() {
            told.push(closed(uri));
        }
        Ok(())
    }

    fn rename(&mut self, change: &Value, told: &mut Vec<(String, Value)>) -> io::Result<()> {
        let (from, to) = (text(&change["oldUri"]), text(&change["newUri"]));
        let ignored = change["options"]["ignoreIfExists"] == true && change["options"]["overwrite"] != true;
        if ignored && path(to).exists() {
            return Ok(());
        }
        fs::rename(path(from), path(to))?;
        if let Some(buffer) = self.open.remove(from) {
            if self.files == Files::Neovim {
                fs::write(path(to), &buffer.text)?;
            }
            let document = json!({"uri": to, "languageId": "plaintext", "version": 0, "text": buffer.text});
            told.push(closed(from));
            told.push(("textDocument/didOpen".into(), json!({"textDocument": document})));
            self.open.insert(to.to_owned(), Buffer { version: 0, ..buffer });
        }
        if self.files == Files::VsCode {
            let files = json!({"files": [{"oldUri": from, "newUri": to}]});
            told.push(("workspace/didRenameFiles".into(), files));
        }
        Ok(())
    }
}

fn text(uri: &Value) -> &str {
    uri.as_str().expect("a URI is text")
}

fn closed(uri: &str) -> (String, Value) {
    ("textDocument/didClose".into(), json!({"textDocument": {"uri": uri}}))
}
