//! Messages of a conversation (spec: messages.md §2, §3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{content::Content, failure::Failure};

/// One message. The tag is `role`; roles this version does not know are kept as raw JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "role", rename_all = "camelCase")]
pub enum AgentMessage {
    /// What the user said.
    User(UserMessage),
    /// What the model answered.
    Assistant(AssistantMessage),
    /// The outcome of one tool call.
    ToolResult(ToolResultMessage),
    /// A shell command the user ran.
    BashExecution(BashExecutionMessage),
    /// A message of an extension.
    #[serde(alias = "hookMessage")]
    Custom(CustomMessage),
    /// Summary of a branch that was left.
    BranchSummary(BranchSummaryMessage),
    /// Summary of what was compacted away.
    CompactionSummary(CompactionSummaryMessage),
    /// Any other role, for example `system` of newer Pi versions.
    #[serde(untagged)]
    Other(Value),
}

impl AgentMessage {
    /// A user message of one text block.
    pub fn user_text(text: impl Into<String>, timestamp: u64) -> Self {
        AgentMessage::User(UserMessage {
            content: MessageContent::Blocks(vec![Content::text(text)]),
            timestamp,
        })
    }

    /// The assistant message, if this is one.
    pub fn as_assistant(&self) -> Option<&AssistantMessage> {
        match self {
            AgentMessage::Assistant(it) => Some(it),
            _ => None,
        }
    }

    /// The tool result, if this is one.
    pub fn as_tool_result(&self) -> Option<&ToolResultMessage> {
        match self {
            AgentMessage::ToolResult(it) => Some(it),
            _ => None,
        }
    }
}

/// Content that is either one string or a list of blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MessageContent {
    /// Shorthand for one text block.
    Text(String),
    /// Blocks, in order.
    Blocks(Vec<Content>),
}

impl MessageContent {
    /// All text of the content, concatenated.
    pub fn text(&self) -> String {
        match self {
            MessageContent::Text(it) => it.clone(),
            MessageContent::Blocks(blocks) => blocks.iter().filter_map(Content::as_text).collect(),
        }
    }

    /// The blocks; a string becomes one text block.
    pub fn to_blocks(&self) -> Vec<Content> {
        match self {
            MessageContent::Text(it) => vec![Content::text(it.clone())],
            MessageContent::Blocks(blocks) => blocks.clone(),
        }
    }
}

/// A user message. Pi itself always produces blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserMessage {
    /// Text and images.
    pub content: MessageContent,
    /// Unix time in milliseconds.
    pub timestamp: u64,
}

/// An answer of the model, complete or (in `message_update`) so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssistantMessage {
    /// Text, thinking and tool calls in the order they came.
    #[serde(default)]
    pub content: Vec<Content>,
    /// Wire dialect, for example `anthropic-messages`.
    pub api: String,
    /// Provider name.
    pub provider: String,
    /// Model id.
    pub model: String,
    /// Tokens and cost.
    #[serde(default)]
    pub usage: Usage,
    /// Why the answer ended.
    pub stop_reason: StopReason,
    /// Unix time in milliseconds at which the request began.
    pub timestamp: u64,
    /// The provider's id of the response (0.87).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
    /// The model that answered, when it differs from the one asked (0.87).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_model: Option<String>,
    /// The provider's own word for the stop reason (0.87).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_stop_reason: Option<String>,
    /// What went wrong, with `stopReason` `error` or `aborted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// Opaque diagnostic items (0.87).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<Vec<Value>>,
    /// What went wrong in words for the user. Not in Pi and never stored: editors that get events get it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<Failure>>,
}

impl AssistantMessage {
    /// The message before its first byte: no content, zero usage.
    pub fn empty(
        api: impl Into<String>,
        provider: impl Into<String>,
        model: impl Into<String>,
        timestamp: u64,
    ) -> Self {
        Self {
            content: Vec::new(),
            api: api.into(),
            provider: provider.into(),
            model: model.into(),
            usage: Usage::default(),
            stop_reason: StopReason::Stop,
            timestamp,
            response_id: None,
            response_model: None,
            raw_stop_reason: None,
            error_message: None,
            diagnostics: None,
            failure: None,
        }
    }

    /// The tool calls in order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &crate::content::ToolCall> {
        self.content.iter().filter_map(Content::as_tool_call)
    }

    /// All text blocks, concatenated.
    pub fn text(&self) -> String {
        self.content.iter().filter_map(Content::as_text).collect()
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StopReason {
    /// The model was done.
    Stop,
    /// The output limit was reached.
    Length,
    /// The model waits for tool results.
    ToolUse,
    /// Something failed; see `errorMessage`.
    Error,
    /// The user stopped it.
    Aborted,
    /// Not over yet (only read, from 0.87 partials).
    Pending,
    /// Answer comes later (only read, from 0.87 files).
    Deferred,
}

/// Tokens of one answer. `input` excludes cached tokens.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// Prompt tokens that were not cached.
    pub input: u64,
    /// Generated tokens.
    pub output: u64,
    /// Prompt tokens read from the cache.
    pub cache_read: u64,
    /// Prompt tokens written to the cache.
    pub cache_write: u64,
    /// Sum as the provider counts it.
    pub total_tokens: u64,
    /// US dollars.
    pub cost: Cost,
    /// Subset of `cacheWrite` kept for an hour (0.87).
    #[serde(skip_serializing_if = "Option::is_none", rename = "cacheWrite1h")]
    pub cache_write_1h: Option<u64>,
    /// Subset of `output` spent on reasoning (0.87).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
}

/// Cost in US dollars, unrounded.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Cost {
    /// For `Usage::input`.
    pub input: f64,
    /// For `Usage::output`.
    pub output: f64,
    /// For `Usage::cache_read`.
    pub cache_read: f64,
    /// For `Usage::cache_write`.
    pub cache_write: f64,
    /// Sum of the four.
    pub total: f64,
}

/// The outcome of one tool call as the model sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolResultMessage {
    /// Id of the call this answers.
    pub tool_call_id: String,
    /// Name of the tool.
    pub tool_name: String,
    /// Text and images.
    pub content: Vec<Content>,
    /// Machine-readable extras; never sent to the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// Whether the tool failed.
    #[serde(default)]
    pub is_error: bool,
    /// Unix time in milliseconds.
    pub timestamp: u64,
}

/// A shell command run by the user through the `bash` command (spec: rpc.md §8).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BashExecutionMessage {
    /// The command line.
    pub command: String,
    /// Output, sanitised and cut.
    pub output: String,
    /// Absent when cancelled or killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Stopped by `abort_bash`.
    pub cancelled: bool,
    /// The output was cut.
    pub truncated: bool,
    /// Where the whole output is, when cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_output_path: Option<String>,
    /// Not shown to the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_from_context: Option<bool>,
    /// Unix time in milliseconds.
    pub timestamp: u64,
}

/// A message of an extension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomMessage {
    /// The extension's name for it.
    pub custom_type: String,
    /// Text and images for the model.
    pub content: MessageContent,
    /// Whether clients show it.
    pub display: bool,
    /// Extension data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// Unix time in milliseconds.
    pub timestamp: u64,
}

/// Summary of a branch the conversation came back from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BranchSummaryMessage {
    /// The summary.
    pub summary: String,
    /// Entry the branch left from, or `root`.
    #[serde(default)]
    pub from_id: Option<String>,
    /// Unix time in milliseconds.
    pub timestamp: u64,
}

/// Summary of what was compacted away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompactionSummaryMessage {
    /// The summary.
    pub summary: String,
    /// Tokens of the context before.
    pub tokens_before: u64,
    /// Unix time in milliseconds.
    pub timestamp: u64,
}
