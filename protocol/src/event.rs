//! Events of a running session (spec: rpc.md §12, messages.md §5).

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    content::{Content, ToolCall},
    message::{AgentMessage, AssistantMessage, ToolResultMessage, Usage},
    permission::{PermissionChoice, PermissionDecision, PermissionMode, PermissionRequest, ReviewMode},
    queue::QueueItem,
    response::CompactionResult,
    ui::ExtensionUiRequest,
};

/// Something that happened in a session; the JSON is the record Pi's clients read.
///
/// `message_update` carries the delta only. A transport in full mode adds `message` and `partial`
/// from its own copy of the growing message (rpc.md §14.1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum AgentEvent {
    /// A low-level run began (also each retry and continuation).
    AgentStart,
    /// A low-level run ended; more may follow by itself if `willRetry`.
    AgentEnd {
        /// Messages of this run, prompts included.
        messages: Vec<Arc<AgentMessage>>,
        /// Whether a retry follows.
        will_retry: bool,
    },
    /// Nothing further happens by itself; exactly one per accepted prompt that ran.
    AgentSettled,
    /// One assistant response and its tool results begin.
    TurnStart,
    /// One assistant response and its tool results are over.
    TurnEnd {
        /// The assistant message.
        message: Arc<AgentMessage>,
        /// The results of its tool calls, in call order.
        tool_results: Vec<ToolResultTagged>,
    },
    /// A message began.
    MessageStart {
        /// For an assistant: as far as it has come.
        message: Arc<AgentMessage>,
    },
    /// The assistant's message grew.
    MessageUpdate {
        /// Tokens so far.
        usage: Usage,
        /// What was added.
        assistant_message_event: AssistantMessageEvent,
    },
    /// A message is complete.
    MessageEnd {
        /// The message.
        message: Arc<AgentMessage>,
    },
    /// A tool starts.
    ToolExecutionStart {
        /// Id of the call.
        tool_call_id: String,
        /// Name of the tool.
        tool_name: String,
        /// Arguments as the model gave them.
        args: Map<String, Value>,
    },
    /// A tool has something to show; replaces what was shown before.
    ToolExecutionUpdate {
        /// Id of the call.
        tool_call_id: String,
        /// Name of the tool.
        tool_name: String,
        /// Arguments as the model gave them.
        args: Map<String, Value>,
        /// The result so far.
        partial_result: ToolResult,
    },
    /// A tool is over.
    ToolExecutionEnd {
        /// Id of the call.
        tool_call_id: String,
        /// Name of the tool.
        tool_name: String,
        /// The result.
        result: ToolResult,
        /// Whether it failed.
        is_error: bool,
    },
    /// Queued messages changed; complete lists (0.73).
    QueueUpdate {
        /// Texts that will steer.
        steering: Vec<String>,
        /// Texts that follow.
        follow_up: Vec<String>,
        /// The same messages with their ids. Not in Pi.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        items: Vec<QueueItem>,
        /// Ids of those that are delivered now, and whose `message_start` follows. Not in Pi.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        delivered: Vec<u64>,
    },
    /// A failed model call will be repeated.
    AutoRetryStart {
        /// 1-based.
        attempt: u32,
        /// Upper bound.
        max_attempts: u32,
        /// Pause in milliseconds.
        delay_ms: u64,
        /// Why.
        error_message: String,
    },
    /// Retrying is over.
    AutoRetryEnd {
        /// Whether a call succeeded.
        success: bool,
        /// The last attempt.
        attempt: u32,
        /// Why it was given up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        final_error: Option<String>,
    },
    /// A compaction begins (0.73 name; older clients get `auto_compaction_start` as well).
    CompactionStart {
        /// Why.
        reason: CompactionReason,
    },
    /// A compaction is over.
    CompactionEnd {
        /// Why it was done.
        reason: CompactionReason,
        /// Absent when it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<CompactionResult>,
        /// Stopped by the user.
        aborted: bool,
        /// Whether the run continues.
        will_retry: bool,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error_message: Option<String>,
    },
    /// An automatic compaction begins (0.50 name).
    AutoCompactionStart {
        /// Why.
        reason: CompactionReason,
    },
    /// An automatic compaction is over (0.50 name).
    AutoCompactionEnd {
        /// Absent when it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<CompactionResult>,
        /// Stopped by the user.
        aborted: bool,
        /// Whether the run continues.
        will_retry: bool,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error_message: Option<String>,
    },
    /// A failed call for a summary will be repeated (0.81).
    SummarizationRetryScheduled {
        /// 1-based.
        attempt: u32,
        /// Upper bound.
        max_attempts: u32,
        /// Pause in milliseconds.
        delay_ms: u64,
        /// Why.
        error_message: String,
    },
    /// It is being repeated (0.81).
    SummarizationRetryAttemptStart {
        /// What is summarised.
        source: SummarizationSource,
        /// Why, for a compaction.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<CompactionReason>,
    },
    /// Repeating it is over, whatever came of it (0.81).
    SummarizationRetryFinished,
    /// The session was named (0.73).
    SessionInfoChanged {
        /// The name; absent when cleared.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// The thinking level changed (0.73).
    ThinkingLevelChanged {
        /// The new level.
        level: crate::model::ThinkingLevel,
    },
    /// The user's shell command has output (0.82).
    BashExecutionUpdate {
        /// Id of the `bash` request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Value>,
        /// New output.
        delta: String,
    },
    /// A question for the user, or something to show. Questions are answered with `extension_ui_response`.
    ExtensionUiRequest(ExtensionUiRequest),
    /// A question of an extension is closed: answered by one of the clients, timed out or given up. Not in Pi.
    ExtensionUiResolved {
        /// Id of the question.
        id: String,
    },
    /// A tool waits for permission. Clients that do not know this event get the same question, with the same id, as
    /// `extension_ui_request`. Not in Pi.
    PermissionRequest(PermissionRequest),
    /// A tool waits no longer. Not in Pi.
    PermissionResolved {
        /// Id of the question.
        id: String,
        /// The call.
        tool_call_id: String,
        /// How it ended.
        decision: PermissionDecision,
        /// The answer, if one was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        choice: Option<PermissionChoice>,
        /// The rules it stored.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rules: Vec<String>,
        /// What the model is told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// The permission mode was changed. Not in Pi.
    PermissionModeChanged {
        /// The new mode.
        mode: PermissionMode,
    },
    /// The review mode was changed. Not in Pi.
    ReviewModeChanged {
        /// The new mode.
        mode: ReviewMode,
    },
    /// An extension failed.
    ExtensionError {
        /// File, or `<runtime>`, or `command:<name>`.
        extension_path: String,
        /// What it was doing.
        event: String,
        /// What went wrong.
        error: String,
    },
    /// Hunks are new or were decided about. Sent from the first `get_edits` of a connection on. Not in Pi.
    EditsChanged {
        /// Files whose hunks changed; list them again.
        uris: Vec<String>,
    },
    /// Something a person should know that belongs to no message: a session file that cannot be written, a
    /// settings file that cannot be read. Not in Pi; its clients pass unknown events through.
    Notice {
        /// How bad.
        level: NoticeLevel,
        /// What happened and what to do.
        message: String,
    },
}

/// How bad a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NoticeLevel {
    /// Good to know.
    Info,
    /// Something does not work as configured.
    Warning,
    /// Something is being lost.
    Error,
}

/// Why a compaction runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CompactionReason {
    /// Asked for.
    Manual,
    /// The context came near the limit.
    Threshold,
    /// The provider refused the context.
    Overflow,
}

/// What a summary is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SummarizationSource {
    /// Older turns, to make room.
    Compaction,
    /// A branch that was left.
    BranchSummary,
}

/// A tool result inside `turn_end`, with its role like any message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "role", rename_all = "camelCase")]
pub enum ToolResultTagged {
    /// The only role there is.
    ToolResult(ToolResultMessage),
}

/// An increment of an assistant message; `contentIndex` is the index in `message.content`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum AssistantMessageEvent {
    /// A text block began.
    TextStart {
        /// Block.
        content_index: usize,
    },
    /// Text arrived.
    TextDelta {
        /// Block.
        content_index: usize,
        /// New text.
        delta: String,
    },
    /// A text block is complete.
    TextEnd {
        /// Block.
        content_index: usize,
        /// All of it.
        content: String,
    },
    /// A thinking block began.
    ThinkingStart {
        /// Block.
        content_index: usize,
    },
    /// Reasoning arrived.
    ThinkingDelta {
        /// Block.
        content_index: usize,
        /// New text.
        delta: String,
    },
    /// A thinking block is complete.
    ThinkingEnd {
        /// Block.
        content_index: usize,
        /// All of it.
        content: String,
    },
    /// A tool call began; id and name are known from the start (0.84.3).
    #[serde(rename = "toolcall_start")]
    ToolCallStart {
        /// Block.
        content_index: usize,
        /// Id of the call.
        id: String,
        /// Name of the tool.
        tool_name: String,
    },
    /// A piece of the arguments' JSON text arrived.
    #[serde(rename = "toolcall_delta")]
    ToolCallDelta {
        /// Block.
        content_index: usize,
        /// Raw JSON fragment.
        delta: String,
    },
    /// A tool call is complete.
    #[serde(rename = "toolcall_end")]
    ToolCallEnd {
        /// Block.
        content_index: usize,
        /// The call with its final arguments.
        tool_call: ToolCallTagged,
    },
}

impl AssistantMessageEvent {
    /// Index of the block in `message.content`.
    pub fn content_index(&self) -> usize {
        match self {
            Self::TextStart { content_index }
            | Self::TextDelta { content_index, .. }
            | Self::TextEnd { content_index, .. }
            | Self::ThinkingStart { content_index }
            | Self::ThinkingDelta { content_index, .. }
            | Self::ThinkingEnd { content_index, .. }
            | Self::ToolCallStart { content_index, .. }
            | Self::ToolCallDelta { content_index, .. }
            | Self::ToolCallEnd { content_index, .. } => *content_index,
        }
    }
}

/// A tool call with its `type`, as inside `message.content`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ToolCallTagged {
    /// The only type there is.
    ToolCall(ToolCall),
}

/// What a tool returns, and its partial results (spec: messages.md §6).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolResult {
    /// Text and images for the model.
    pub content: Vec<Content>,
    /// Machine-readable extras.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

impl ToolResult {
    /// A result of one text block and nothing else.
    pub fn text(text: impl Into<String>) -> Self {
        Self { content: vec![Content::text(text)], details: None }
    }

    /// The form every failure has: the text, and empty details.
    pub fn error(text: impl Into<String>) -> Self {
        Self { content: vec![Content::text(text)], details: Some(Value::Object(Map::new())) }
    }

    /// With details.
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }
}

/// An event with its place in the session's sequence; the payload of `pi/event`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// The session.
    pub session_id: Arc<str>,
    /// Strictly increasing per session, from 1.
    pub seq: u64,
    /// The turn it belongs to, if one is in progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<u64>,
    /// The event, exactly as in JSONL.
    pub event: Arc<AgentEvent>,
}

/// Makes an assistant message an [`AgentMessage`] that events can share.
pub fn shared(message: AssistantMessage) -> Arc<AgentMessage> {
    Arc::new(AgentMessage::Assistant(message))
}
