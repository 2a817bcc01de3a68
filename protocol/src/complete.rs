//! What a message that is being typed can go on with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::TextRange;

/// A message that is being typed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct CompleteParams {
    /// It, up to the cursor.
    pub text: String,
}

/// What its last word could become.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Completions {
    /// The word before the cursor, with its `@` or `/`; empty when it is neither a mention nor a command.
    pub word: String,
    /// What can take its place, the best first. More typing narrows it.
    pub items: Vec<Completion>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Completion {
    /// What is written in the place of the word: `@src/retry.rs`, `@src/retry.rs#retry`, `/review`.
    pub text: String,
    /// What it is called in a list.
    pub label: String,
    /// More about it, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What it is.
    pub kind: CompletionKind,
    /// The lines of a symbol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<TextRange>,
}

/// What a completion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CompletionKind {
    /// A template, a skill or a command of an extension.
    Command,
    /// A file of the project.
    File,
    /// A definition in an open document.
    Symbol,
}
