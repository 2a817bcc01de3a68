//! The editor behind open documents, as the workspace needs it.
//!
//! Implemented by `server/src/transport/lsp`. The workspace never trusts an answer: it compares the buffer
//! that the editor reports afterwards with the text it wanted (lsp-hosts.md §4.2).

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use pi_protocol::{ClientMethod, ClientRequest};
use serde_json::{Value, json};

use super::position::PositionEncoding;

/// One text replacement; byte offsets into the text the edit was made for, ascending, not overlapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextChange {
    /// First byte replaced.
    pub start: usize,
    /// End of what is replaced, exclusive.
    pub end: usize,
    /// The new text.
    pub text: String,
}

/// A change of one open document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentEdit {
    /// The document.
    pub path: PathBuf,
    /// The version the changes were computed for.
    pub version: i32,
    /// The text of that version, for the conversion of positions.
    pub base: ropey::Rope,
    /// The changes.
    pub changes: Vec<TextChange>,
    /// What a person reads, for example `pi: edit retry.rs`.
    pub label: String,
}

/// A change of which files there are. An editor that is asked for one replaces no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOperation {
    /// There is an empty file here.
    Create(PathBuf),
    /// There is no file here any more.
    Delete(PathBuf),
    /// A file moves.
    Rename {
        /// From here.
        from: PathBuf,
        /// To here.
        to: PathBuf,
    },
}

impl FileOperation {
    /// The files it is about.
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            Self::Create(path) | Self::Delete(path) => vec![path],
            Self::Rename { from, to } => vec![from, to],
        }
    }
}

/// What an editor said to an edit. A hint only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditorAnswer {
    /// `applied: true`.
    Applied,
    /// `applied: false`, with a reason if it gave one.
    Refused(Option<String>),
    /// An error.
    Failed(String),
    /// No answer in time; the edit may still be made.
    Silent(String),
}

impl EditorAnswer {
    /// Why the edit was not made, if the editor says so.
    pub fn reason(&self) -> Option<String> {
        match self {
            EditorAnswer::Applied => None,
            EditorAnswer::Refused(said) => Some(said.clone().unwrap_or_else(|| "it refused".into())),
            EditorAnswer::Failed(said) | EditorAnswer::Silent(said) => Some(said.clone()),
        }
    }
}

/// An editor that holds open documents.
#[async_trait]
pub trait EditorClient: Send + Sync {
    /// Whether it can be asked to save.
    fn can_save(&self) -> bool {
        false
    }

    /// Asks the editor to save these open documents. Bounded in time. That it has is seen in what it reports.
    ///
    /// # Errors
    /// Why it did not, or not all, for the model and the user.
    async fn save(&self, _paths: &[PathBuf]) -> Result<(), String> {
        Err("it cannot".into())
    }

    /// Whether it can be asked to reload files.
    fn can_reload(&self) -> bool {
        false
    }

    /// Asks the editor to show what the files of these open documents have become, where nothing is unsaved. Bounded in
    /// time. That it does is seen in what it reports.
    ///
    /// # Errors
    /// Why it did not, or not all.
    async fn reload(&self, _paths: &[PathBuf]) -> Result<(), String> {
        Err("it cannot".into())
    }

    /// Asks the editor to change one open document. Bounded in time.
    async fn apply(&self, edit: DocumentEdit) -> EditorAnswer;

    /// Whether it answers this request about what it knows.
    fn answers(&self, _method: ClientMethod) -> bool {
        false
    }

    /// Asks it. Bounded in time; dropping the future tells the editor to spare itself the work. [`ask`] has the types.
    ///
    /// # Errors
    /// Why there is no answer, for the model and the user.
    async fn ask(&self, _method: ClientMethod, _params: Value) -> Result<Value, String> {
        Err("the editor cannot be asked".into())
    }

    /// Whether it takes requests for such operations.
    fn takes(&self, _operation: &FileOperation) -> bool {
        false
    }

    /// Asks the editor to make, delete or move a file. Bounded in time, but late answers are waited for as well.
    async fn operate(&self, _operation: FileOperation) -> EditorAnswer {
        EditorAnswer::Failed("it takes no file operations".into())
    }

    /// How it counts positions. UTF-16 is what every editor knows.
    fn encoding(&self) -> PositionEncoding {
        PositionEncoding::default()
    }
}

/// Asks an editor what it knows.
///
/// # Errors
/// It does not answer this request or not in time, refuses, or answers in another form.
pub async fn ask<R: ClientRequest>(
    editor: &dyn EditorClient,
    params: &R::Params,
) -> Result<R::Result, String> {
    if !editor.answers(R::METHOD) {
        return Err(format!("the editor does not answer {}", R::METHOD.lsp_name()));
    }
    let params = serde_json::to_value(params).map_err(|error| error.to_string())?;
    let answer = match editor.ask(R::METHOD, params).await? {
        // Editors in Lua and Lisp have one value for nothing and for an empty object.
        Value::Null => json!({}),
        Value::Array(items) if items.is_empty() => json!({}),
        answer => answer,
    };
    serde_json::from_value(answer)
        .map_err(|error| format!("the editor's answer to {} is wrong: {error}", R::METHOD.lsp_name()))
}
