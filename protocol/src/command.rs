//! Parameters of commands (spec: rpc.md §3) and of their LSP twins (design.md §6).
//!
//! JSONL puts the fields beside `id` and `type`; LSP puts the same fields into `params`, beside an optional
//! `sessionId`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    content::ImageContent,
    permission::{PermissionChoice, PermissionMode, ReviewMode},
};

/// Nothing to say.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct NoParams {}

/// A summary of older turns.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompactParams {
    /// What the summary should pay attention to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_instructions: Option<String>,
}

/// A message for the agent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromptParams {
    /// What to do.
    pub message: String,
    /// Images that go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageContent>,
    /// What to do while a run is in progress; without it that is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streaming_behavior: Option<StreamingBehavior>,
    /// What the message is about. Resolved from open documents first. Not in Pi.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<PromptContext>,
    /// Text that goes behind the message once that is expanded: `context` as the server renders it. Not on the wire.
    #[serde(skip)]
    pub appendix: String,
}

/// What to do with a prompt while a run is in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StreamingBehavior {
    /// Deliver after the tool in progress.
    #[serde(rename = "steer")]
    Steer,
    /// Deliver when the agent is done.
    #[serde(rename = "followUp", alias = "follow_up", alias = "follow-up")]
    FollowUp,
}

/// A piece of context for a prompt. Positions are in the encoding negotiated at `initialize`;
/// in JSONL they are UTF-16. Paths are absolute or `file:` URIs. What is left out is asked of a client that serves
/// `pi/editor/*`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PromptContext {
    /// A file, by name only.
    File {
        /// Absolute path or `file:` URI; absent = the one the user looks at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uri: Option<String>,
    },
    /// Lines of a file; their current text goes into the prompt.
    Selection {
        /// Absolute path or `file:` URI; absent = the one the user looks at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uri: Option<String>,
        /// The selected range; absent = what the user has selected there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        range: Option<TextRange>,
    },
    /// A function, type or the like; its current text goes into the prompt.
    Symbol {
        /// Absolute path or `file:` URI; absent = the file of the project that has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uri: Option<String>,
        /// Its name.
        name: String,
        /// All of it, as the editor's outline has it; absent = looked up by its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        range: Option<TextRange>,
    },
    /// An image file; it goes with the prompt.
    Image {
        /// Absolute path or `file:` URI.
        uri: String,
    },
    /// Any text.
    Text {
        /// What it is, for the heading.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// The text.
        text: String,
    },
    /// Problems of a file as the editor shows them.
    Diagnostics {
        /// Absolute path or `file:` URI; absent = of all files, or with `items` of the one the user looks at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uri: Option<String>,
        /// The problems; absent = those the editor shows now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        items: Option<Vec<DiagnosticContext>>,
    },
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiagnosticContext {
    /// Where.
    pub range: TextRange,
    /// What.
    pub message: String,
    /// Who says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// 1 error … 4 hint, as in LSP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<u8>,
}

/// A range as LSP has it: 0-based, end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TextRange {
    /// Start.
    pub start: TextPosition,
    /// End, exclusive.
    pub end: TextPosition,
}

/// A position as LSP has it: 0-based line, code units of the negotiated encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TextPosition {
    /// 0-based.
    pub line: u32,
    /// 0-based.
    pub character: u32,
}

/// A message for the turn in progress (`steer`) or for after it (`follow_up`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueParams {
    /// What to say.
    pub message: String,
    /// Images that go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageContent>,
    /// Only if this turn is in progress, else the message is not taken. Without it the message waits in any case.
    /// Not in Pi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_turn_id: Option<u64>,
    /// As in [`PromptParams`].
    #[serde(skip)]
    pub appendix: String,
}

/// Start afresh.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewSessionParams {
    /// File of the session this one continues, for the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_session: Option<String>,
}

/// Open another session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SwitchSessionParams {
    /// Its file.
    pub session_path: String,
}

/// Where to fork.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForkParams {
    /// A user message; the new session ends before it.
    pub entry_id: String,
}

/// Where to write a page.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportHtmlParams {
    /// The file, replaced if it is there; relative to the session's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_path: Option<String>,
}

/// Which entries.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct GetEntriesParams {
    /// Only those after this entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// Where to go on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NavigateTreeParams {
    /// The entry to go on from.
    pub target_id: String,
}

/// Which model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetModelParams {
    /// Provider name.
    pub provider: String,
    /// Model id.
    pub model_id: String,
}

/// How hard to think.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SetThinkingLevelParams {
    /// Clamped to what the model offers.
    pub level: crate::model::ThinkingLevel,
}

/// How a queue is emptied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SetQueueModeParams {
    /// All at once or one per turn.
    pub mode: QueueMode,
}

/// How a queue is emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QueueMode {
    /// Everything that waits.
    All,
    /// The oldest only.
    #[default]
    OneAtATime,
}

/// On or off.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct EnabledParams {
    /// On or off.
    pub enabled: bool,
}

/// A shell command of the user.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BashParams {
    /// The command line.
    pub command: String,
    /// Keep it out of the model's context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_from_context: Option<bool>,
}

/// The session's name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SetSessionNameParams {
    /// Trimmed; must not be empty.
    pub name: String,
}

/// Which events this connection gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SetOutputModeParams {
    /// Full or compact.
    pub mode: OutputMode,
}

/// How `message_update` looks on a JSONL connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutputMode {
    /// With the whole message so far, for clients of Pi 0.50.
    #[default]
    Full,
    /// Deltas only, as Pi 0.84 and later.
    Compact,
}

/// Which call.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkipToolParams {
    /// Id of the call, as `tool_execution_start` tells it.
    pub tool_call_id: String,
}

/// The answer to a tool that waits for permission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnswerPermissionParams {
    /// Id of the question. Not `id`, which over JSONL is that of the request.
    pub question_id: String,
    /// One of its choices.
    pub choice: PermissionChoice,
    /// For `reject_message`: what the model is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What the agent may do without asking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SetPermissionModeParams {
    /// The mode, until the session ends.
    pub mode: PermissionMode,
}

/// What becomes of the edits the agent makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SetReviewModeParams {
    /// The mode, until the session ends.
    pub mode: ReviewMode,
}
