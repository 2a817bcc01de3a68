//! The requests `pi/editor/*`, from the server to a client that announced them: what its user looks at, and what its
//! other language servers know about the code.
//!
//! Positions are in the encoding negotiated at `initialize`, whatever encoding the other servers have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::{DiagnosticContext, TextPosition, TextRange};

/// What the user looks at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EditorState {
    /// The document that has the cursor, or had it last; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<ActiveDocument>,
    /// All documents that can be seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub visible: Vec<String>,
}

/// The document with the cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActiveDocument {
    /// Its URI.
    pub uri: String,
    /// What is selected; empty at the cursor when nothing is.
    pub selection: TextRange,
}

/// Whose problems.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct EditorDiagnosticsParams {
    /// A document; absent = all the editor knows problems of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
}

/// Problems as the editor shows them, of all its servers and linters.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EditorDiagnostics {
    /// By document; those without problems may be left out.
    pub documents: Vec<DocumentDiagnostics>,
}

/// Problems of one document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentDiagnostics {
    /// Its URI.
    pub uri: String,
    /// The problems.
    pub items: Vec<DiagnosticContext>,
}

/// A place in a document, which need not be open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EditorPlace {
    /// Its URI.
    pub uri: String,
    /// Inside the name that is asked about.
    pub position: TextPosition,
}

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EditorLocation {
    /// The document.
    pub uri: String,
    /// The place in it.
    pub range: TextRange,
}

/// Places, in the order of the editor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EditorLocations {
    /// All of them.
    pub locations: Vec<EditorLocation>,
}

/// Which symbols: the outline of a document, or those of the project whose name is like `query`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct EditorSymbolsParams {
    /// The document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Part of a name; only used without `uri`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

/// Symbols, flat: a method comes after its class and names it as its container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EditorSymbols {
    /// All of them.
    pub symbols: Vec<EditorSymbol>,
}

/// A function, type or the like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EditorSymbol {
    /// Its name.
    pub name: String,
    /// `SymbolKind` of LSP: 5 is a class, 12 a function.
    pub kind: u8,
    /// What it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The document.
    pub uri: String,
    /// All of it.
    pub range: TextRange,
}
