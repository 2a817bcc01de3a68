//! The requests `pi/saveDocuments` and `pi/reloadDocuments`, from the server to a client that announced
//! `saveDocuments` or `reloadDocuments`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Documents to save.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SaveDocumentsParams {
    /// As the client spells them.
    pub uris: Vec<String>,
}

/// What came of it. That a document was saved is told by its `didSave`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SavedDocuments {
    /// Those that were not saved.
    pub failed: Vec<NotSaved>,
}

/// A document that was not saved.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct NotSaved {
    /// The document.
    pub uri: String,
    /// Why, for the model and the user.
    pub message: String,
}

/// Documents whose files others have changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ReloadDocumentsParams {
    /// As the client spells them.
    pub uris: Vec<String>,
}

/// What came of it. That a document was reloaded is told by its `didChange`, or by `didClose` and `didOpen`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ReloadedDocuments {
    /// Those that were not reloaded.
    pub failed: Vec<NotReloaded>,
}

/// A document that was not reloaded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct NotReloaded {
    /// The document.
    pub uri: String,
    /// Why.
    pub message: String,
}
