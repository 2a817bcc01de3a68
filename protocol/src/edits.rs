//! The review of what Pi changed in files: its hunks, and decisions about them. Not in Pi.
//!
//! A hunk is a change of neighbouring lines. Ranges are whole lines, so they are the same in every encoding.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::TextRange;

/// Which hunks are meant; every field narrows the choice.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditsSelect {
    /// Those with these ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hunks: Vec<String>,
    /// Those of this file: absolute path or `file:` URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Those of this tool call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// Those of this turn of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u64>,
    /// Those that came from this prompt; the id is that of its entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_id: Option<String>,
    /// Those of this session or of the whole folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<EditsScope>,
}

/// Whose hunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EditsScope {
    /// The session's.
    Session,
    /// All of the folder's, also those of earlier sessions.
    Folder,
    /// Those that the last decision took out or kept.
    Last,
}

/// What to list. Without a choice everything of the folder.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetEditsParams {
    /// Which.
    #[serde(flatten)]
    pub select: EditsSelect,
    /// Only hunks with one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<EditStatus>,
    /// With the lines themselves and not only their number.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub texts: bool,
}

/// What to show or decide about. A decision needs a choice; `scope` alone is one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditsParams {
    /// Which.
    #[serde(flatten)]
    pub select: EditsSelect,
    /// Only say what it would come to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preview: bool,
}

/// What to take back.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevertEditsParams {
    /// Which.
    #[serde(flatten)]
    pub select: EditsSelect,
    /// Everything since this prompt, the prompt's own edits included; the id is that of its entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// With `to`: also go on in a new session that ends before the prompt. Files go back first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fork: bool,
    /// Only say what it would come to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preview: bool,
}

/// What became of a hunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EditStatus {
    /// In the file, waits for a decision.
    Pending,
    /// In the file, for good.
    #[serde(alias = "accepted")]
    Kept,
    /// Taken out: the lines from before Pi's changes are there again, whatever brought them back.
    Rejected,
    /// Taken out by going back one change.
    Reverted,
    /// It waits, but the user has changed its lines since: it can be kept, not rejected.
    Edited,
    /// Part of a later hunk.
    Superseded,
}

/// What happened to the file as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EditedFileKind {
    /// It was not there before.
    Created,
    /// It is not there any more.
    Deleted,
    /// It was at another path.
    Renamed,
}

/// A change of neighbouring lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditHunk {
    /// Never used again for another one.
    pub id: String,
    /// The file.
    pub uri: String,
    /// Lines it covers now; empty where lines were only taken away.
    pub range: TextRange,
    /// Lines it covers in the text without what waits.
    pub base_range: TextRange,
    /// Lines it put there.
    pub added: usize,
    /// Lines it took away.
    pub removed: usize,
    /// The lines it put there, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_text: Option<String>,
    /// The lines it took away, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_text: Option<String>,
    /// The session.
    pub session_id: String,
    /// Entry of the prompt it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_id: Option<String>,
    /// Turn of the session, from 1.
    pub turn: u64,
    /// The tool call.
    pub tool_call_id: String,
    /// The tool.
    pub tool: String,
    /// When it was made, milliseconds since 1970.
    pub timestamp: u64,
    /// What became of it.
    pub status: EditStatus,
    /// If it is the file itself that came or went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<EditedFileKind>,
    /// Of a renamed file: the one it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_uri: Option<String>,
    /// If the file is no text: what happened to it, in words, as `deleted (67 bytes)`. Such a hunk has no lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,
}

/// How many hunks there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct EditCounts {
    /// Waiting for a decision, those the user has edited included.
    pub pending: usize,
    /// Kept.
    pub kept: usize,
    /// Rejected.
    pub rejected: usize,
    /// Reverted.
    pub reverted: usize,
}

/// The hunks of one file in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EditedFile {
    /// The file.
    pub uri: String,
    /// Its hunks.
    pub counts: EditCounts,
}

/// The hunks that were asked for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Edits {
    /// By file, and in the order of their lines.
    pub hunks: Vec<EditHunk>,
    /// Their files.
    pub files: Vec<EditedFile>,
    /// All together.
    pub counts: EditCounts,
}

/// Differences as text.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct EditsDiff {
    /// Unified diff of all files that were asked for.
    pub diff: String,
    /// The same by file.
    pub files: Vec<FileDiff>,
}

/// The difference of one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FileDiff {
    /// The file.
    pub uri: String,
    /// Unified diff.
    pub diff: String,
}

/// What a decision came to; in a preview, what it would come to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditsDecided {
    /// Ids of the hunks that changed.
    pub hunks: Vec<String>,
    /// Their files.
    pub uris: Vec<String>,
    /// Hunks that stay as they are, and why.
    pub conflicts: Vec<EditConflict>,
    /// Of a revert: shell commands that changed files, or may have, beside what is on record of them. That stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_restored: Vec<String>,
    /// With `fork`: what the prompt said, to send it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Why a hunk stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EditConflict {
    /// The hunk.
    pub hunk: String,
    /// Why, for people.
    pub reason: String,
}
