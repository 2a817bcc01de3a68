//! A failed answer in words for the user (ux: errors), made by the server so that every face says the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What went wrong in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What can be done about it.
    pub kind: FailureKind,
    /// What went wrong and what is safe, for people: with the peer and the number, without JSON.
    pub headline: String,
    /// What the provider said, if that is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

/// Kinds of failures, by what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FailureKind {
    /// The key was refused: change it, or the model.
    Key,
    /// The account has nothing left: take another model.
    Credit,
    /// The provider is busy: try again later.
    Busy,
    /// The provider cannot be reached: try again, or take a model of this machine.
    Offline,
    /// The answer was cut off: continue, or try again.
    Cut,
    /// The chat is longer than the model reads: make room.
    Context,
    /// Anything else.
    Other,
}
