//! The sessions there are, alive and stored, and coming to one that is alive. Not in Pi.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{message::AgentMessage, queue::QueueItem, response::SessionState, stored::StoredMessage};

/// Whose sessions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ListSessionsParams {
    /// Absolute path of the folder; absent = the one of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// What a session of a list is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SessionLife {
    /// In its file only.
    #[default]
    Stored,
    /// Alive in this process; nothing happens.
    Idle,
    /// Alive in this process; a run is in progress.
    Running,
}

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionSummary {
    /// Its id.
    pub session_id: String,
    /// What it is doing.
    pub life: SessionLife,
    /// Its working directory.
    pub folder: String,
    /// Its file; absent for a session in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The name the user gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Beginning of the user's first message; empty when there is none.
    pub first_message: String,
    /// When it began, ISO 8601.
    pub created: String,
    /// Unix milliseconds of the last message.
    pub modified: u64,
    /// Messages of all kinds.
    pub message_count: usize,
    /// File of the session it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_session: Option<String>,
}

/// Sessions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SessionList {
    /// Last used first.
    pub sessions: Vec<SessionSummary>,
}

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SearchSessionsParams {
    /// Text that user or model wrote, in any case of letters.
    pub query: String,
    /// Absolute path of the folder; absent = the one of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// A session in which the text was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionMatch {
    /// The session.
    pub session: SessionSummary,
    /// The first entry with the text.
    pub entry_id: String,
    /// The line with the text, cut around it.
    pub line: String,
    /// Messages with the text.
    pub matches: usize,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SessionMatches {
    /// One for each session, last used first.
    pub found: Vec<SessionMatch>,
    /// There are more.
    pub more: bool,
}

/// Which session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionParams {
    /// Its id.
    pub session_id: String,
}

/// A name for a session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RenameSessionParams {
    /// Its id.
    pub session_id: String,
    /// Trimmed; must not be empty.
    pub name: String,
}

/// A session that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct DeletedSession {
    /// Where its file is now; absent if it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trash: Option<String>,
}

/// A session beside the others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddSessionParams {
    /// Absolute path of the folder it works in; absent = the open folder the user was in last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Id of a stored session: the new one begins with everything that was said in it, and works where it does. Another
    /// process may have it open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<String>,
}

/// Where a demo is played.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct DemoParams {
    /// Absolute path of the folder; absent = the open folder the user was in last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// A session that is alive now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedSession {
    /// Its id.
    pub session_id: String,
}

/// A demo that can begin: no model, no key, no network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Demo {
    /// The session, in which nothing was said yet.
    pub session_id: String,
    /// URI of the file that is edited.
    pub uri: String,
    /// What the user says.
    pub prompt: String,
}

/// Whose key is meant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct CheckKeyParams {
    /// Name of the provider: `anthropic`.
    pub provider: String,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct CheckedKey {
    /// That the key was refused, in words; absent if it was taken, or if that cannot be told now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Which session to come to, and what of it is known already.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttachParams {
    /// Its id.
    pub session_id: String,
    /// `seq` of the last event that is known; 0 = none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// The `epoch` of that event: a session that was closed and opened again counts anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
}

/// Where a client stands that has come to a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attached {
    /// The session.
    pub session_id: String,
    /// Its working directory.
    pub folder: String,
    /// Its life since it was opened, for the next time.
    pub epoch: u64,
    /// The events after this one follow.
    pub seq: u64,
    /// The turn in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<u64>,
    /// What all events up to `seq` led to; absent if the client knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SessionSnapshot>,
}

/// A session at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionSnapshot {
    /// Its state.
    pub state: SessionState,
    /// Messages in the context, oldest first.
    #[schemars(with = "Vec<AgentMessage>")]
    pub messages: Vec<StoredMessage>,
    /// Messages that wait.
    pub queue: Vec<QueueItem>,
}

/// What suggestions while typing have cost on this connection.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompletionGauges {
    /// Requests to the model.
    pub requests: u64,
    /// Tokens it read, from its cache as well.
    pub input_tokens: u64,
    /// Tokens it wrote.
    pub output_tokens: u64,
    /// US dollars.
    pub cost: f64,
}

/// Gauges of the process and of the connection, for bug reports.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostics {
    /// Version of the server.
    pub version: String,
    /// Milliseconds since it was started.
    pub uptime_ms: u64,
    /// Resident memory in bytes; absent where the system does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Sessions that are alive.
    pub sessions: usize,
    /// Those of them in which a run is in progress.
    pub running: usize,
    /// Documents that are open in the editor.
    pub open_documents: usize,
    /// Those of them that may differ from their files.
    pub dirty_documents: usize,
    /// Requests of the client that wait for their answer.
    pub requests: usize,
    /// Requests to the client that wait for their answer.
    pub client_requests: usize,
    /// Bytes that wait to be read by the client.
    pub outbound_bytes: usize,
    /// Events that wait for the client, of all its sessions.
    pub events: usize,
    /// Absent if the model was never asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<CompletionGauges>,
}
