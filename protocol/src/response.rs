//! Results of commands (spec: rpc.md §3, §5, §6, §8, §9).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use crate::{
    command::QueueMode,
    entry::Entry,
    message::AgentMessage,
    model::{Model, ThinkingLevel},
    permission::{PermissionMode, PermissionRequest, ReviewMode},
    sandbox::SandboxState,
    stored::StoredMessage,
    ui::ExtensionUiRequest,
};

/// Nothing to report; over JSONL the response has no `data`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Empty {}

/// Answer to a prompt. Over JSONL nothing of it is sent (Pi sends no data).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PromptAccepted {
    /// Always true; a refusal is an error.
    pub accepted: bool,
    /// What happens with it.
    pub delivery: Delivery,
    /// The session it went to.
    pub session_id: String,
    /// The turn it started or steers: all that happens because of one prompt, until the session has settled. Numbers
    /// rise in a live session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<u64>,
    /// Its item, if it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_id: Option<u64>,
}

/// What happens with an accepted prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// A run starts.
    #[default]
    Started,
    /// It is delivered after the tool in progress.
    Steering,
    /// It is delivered when the agent is done.
    FollowUp,
}

/// State of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionState {
    /// The model, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Model>,
    /// How hard it thinks.
    pub thinking_level: ThinkingLevel,
    /// A run is in progress (until settled).
    pub is_streaming: bool,
    /// A compaction is in progress.
    pub is_compacting: bool,
    /// How steering messages are delivered.
    pub steering_mode: QueueMode,
    /// How follow-ups are delivered.
    pub follow_up_mode: QueueMode,
    /// The session file; absent in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_file: Option<String>,
    /// The session id.
    pub session_id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// Whether it is compacted by itself.
    pub auto_compaction_enabled: bool,
    /// Whether failed model calls are repeated.
    pub auto_retry_enabled: bool,
    /// Messages in the context.
    pub message_count: usize,
    /// Messages that wait in the queues.
    pub pending_message_count: usize,
    /// What the agent may do without asking. Not in Pi.
    #[serde(default)]
    pub permission_mode: PermissionMode,
    /// What becomes of the edits the agent makes. Not in Pi.
    #[serde(default)]
    pub review_mode: ReviewMode,
    /// Tools that wait for permission, oldest first. Not in Pi.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending_permissions: Vec<PermissionRequest>,
    /// Other questions that are open, oldest first. Not in Pi.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending_questions: Vec<ExtensionUiRequest>,
    /// What confines the model's shell commands; absent when nothing does. Not in Pi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<SandboxState>,
}

/// Messages in the context.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Messages {
    /// Oldest first.
    #[schemars(with = "Vec<AgentMessage>")]
    pub messages: Vec<StoredMessage>,
}

/// Models with configured authentication.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AvailableModels {
    /// In registry order.
    pub models: Vec<Model>,
}

/// Result of cycling the thinking level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LevelResult {
    /// The level now in force.
    pub level: ThinkingLevel,
}

/// Levels the model offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThinkingLevels {
    /// Least first; `["off"]` for a model that cannot think.
    pub levels: Vec<ThinkingLevel>,
}

/// Whether an extension stopped the change of session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Cancelled {
    /// True when nothing happened.
    pub cancelled: bool,
}

/// Result of cycling the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CycledModel {
    /// The model now in force.
    pub model: Model,
    /// How hard it thinks.
    pub thinking_level: ThinkingLevel,
    /// It was chosen among the models that flags or settings name.
    pub is_scoped: bool,
}

/// Result of a fork.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ForkResult {
    /// Text of the message it was forked at, to edit and send again.
    pub text: String,
    /// True when nothing happened.
    pub cancelled: bool,
}

/// Messages to fork at.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ForkMessages {
    /// In file order, of all branches.
    pub messages: Vec<ForkMessage>,
}

/// A message to fork at.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForkMessage {
    /// Its entry.
    pub entry_id: String,
    /// What the user said.
    pub text: String,
}

/// A page that was written.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ExportedHtml {
    /// The path as it was asked for, or the name of the file in the session's folder.
    pub path: String,
}

/// Entries of the session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionEntries {
    /// In file order.
    pub entries: Vec<Entry>,
    /// The entry the next one follows; `null` when it will be a root.
    pub leaf_id: Option<String>,
}

/// The entries of the session as a tree.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionTreeResult {
    /// The roots. Raw, because a tree as deep as a session is long must not be walked by recursion.
    #[schemars(with = "Vec<SessionTreeNode>")]
    pub tree: Box<RawValue>,
    /// The entry the next one follows; `null` when it will be a root.
    pub leaf_id: Option<String>,
}

/// An entry and what follows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionTreeNode {
    /// The entry.
    pub entry: Entry,
    /// What follows it, oldest first.
    pub children: Vec<SessionTreeNode>,
    /// Its bookmark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// When the bookmark was set, ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_timestamp: Option<String>,
}

/// Where the session goes on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Navigated {
    /// Text of the message that was chosen, to edit and send again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub editor_text: Option<String>,
    /// The entry the next one follows; `null` when it will be a root.
    pub leaf_id: Option<String>,
}

/// Outcome of the user's shell command.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BashResult {
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
}

/// Counts, tokens and cost of a session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionStats {
    /// The session file; absent in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_file: Option<String>,
    /// The session id.
    pub session_id: String,
    /// User messages.
    pub user_messages: usize,
    /// Assistant messages.
    pub assistant_messages: usize,
    /// Tool calls.
    pub tool_calls: usize,
    /// Tool results.
    pub tool_results: usize,
    /// All messages.
    pub total_messages: usize,
    /// Sums.
    pub tokens: TokenStats,
    /// US dollars.
    pub cost: f64,
    /// How full the context is; absent without a model or a known limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_usage: Option<ContextUsage>,
}

/// Sums of tokens.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenStats {
    /// Prompt, without cached.
    pub input: u64,
    /// Answers.
    pub output: u64,
    /// Read from cache.
    pub cache_read: u64,
    /// Written to cache.
    pub cache_write: u64,
    /// Sum of the four.
    pub total: u64,
}

/// How full the context is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContextUsage {
    /// Tokens, `null` right after a compaction.
    pub tokens: Option<u64>,
    /// The context limit.
    pub context_window: u64,
    /// 0–100.
    pub percent: Option<f64>,
}

/// Text of the last answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct LastAssistantText {
    /// `null` when there is none, which clients of both Pi versions take (rpc.md §14.5).
    #[serde(default)]
    pub text: Option<String>,
}

/// Queued messages that were removed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClearedQueue {
    /// Texts that would have steered.
    pub steering: Vec<String>,
    /// Texts that would have followed.
    pub follow_up: Vec<String>,
}

/// What a message can begin with.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Commands {
    /// Prompt templates, then skills, each kind in order of name.
    pub commands: Vec<SlashCommand>,
}

/// A word that expands to a longer text when a message begins with it. Has the fields of all of Pi's versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SlashCommand {
    /// What follows the slash: `review`, `skill:review`.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What kind it is.
    pub source: CommandSource,
    /// Its file, absolute.
    pub path: String,
    /// Whose it is, in the words of Pi 0.50.
    pub location: CommandLocation,
    /// Where it comes from, in the words of Pi 0.62 and later.
    pub source_info: SourceInfo,
}

/// What kind a slash command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CommandSource {
    /// A prompt template.
    Prompt,
    /// A skill.
    Skill,
}

/// Whose a slash command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CommandLocation {
    /// The user's, for all projects.
    User,
    /// The project's.
    Project,
    /// Named on the command line.
    Path,
}

/// Where a resource comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceInfo {
    /// Its file, absolute.
    pub path: String,
    /// How it was found: `auto` in a usual directory, `local` by the settings, `cli` by a flag.
    pub source: String,
    /// Whom it is for.
    pub scope: SourceScope,
    /// Whether it came alone or in a package.
    pub origin: SourceOrigin,
    /// Directory its kind belongs to; absent for single files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_dir: Option<String>,
}

/// Whom a resource is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceScope {
    /// The user, in all projects.
    User,
    /// Everybody in this project.
    Project,
    /// This process.
    Temporary,
}

/// Whether a resource came alone or in a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceOrigin {
    /// Alone.
    TopLevel,
    /// In a package.
    Package,
}

/// Outcome of a compaction.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompactionResult {
    /// The summary.
    pub summary: String,
    /// First entry still in the context.
    pub first_kept_entry_id: String,
    /// Tokens before.
    pub tokens_before: u64,
    /// Estimate of what is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_tokens_after: Option<u64>,
    /// What the summary cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<crate::message::Usage>,
    /// File lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}
