//! What the agent may do without asking, and the question when it may not (ux.md §2.7). Not in Pi.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the agent may do without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PermissionMode {
    /// Reading inside the workspace; everything else is asked for.
    Ask,
    /// As `ask`, and edits inside the workspace.
    Edit,
    /// Everything that no rule names.
    #[default]
    Full,
    /// Reading, and nothing else even when asked.
    Plan,
}

impl PermissionMode {
    /// All modes, most careful first.
    pub const ALL: [Self; 4] = [Self::Plan, Self::Ask, Self::Edit, Self::Full];

    /// The name on the wire, in settings and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Edit => "edit",
            Self::Full => "full",
            Self::Plan => "plan",
        }
    }

    /// The mode of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }
}

/// What becomes of the edits the agent makes. What it may do at all is the [`PermissionMode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReviewMode {
    /// They are made and wait for review.
    #[default]
    Apply,
    /// Each is shown first and made when it is allowed.
    Ask,
    /// None is made: they are only shown.
    Plan,
}

impl ReviewMode {
    /// All modes, most careful first.
    pub const ALL: [Self; 3] = [Self::Plan, Self::Ask, Self::Apply];

    /// The name on the wire, in settings and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Ask => "ask",
            Self::Plan => "plan",
        }
    }

    /// The mode of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }
}

/// A question: may this call of a tool be run? Nothing but an answer, the end of the run or the end of the session
/// closes it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PermissionRequest {
    /// Id of the question; also that of the `extension_ui_request` with the same question.
    pub id: String,
    /// The call.
    pub tool_call_id: String,
    /// Name of the tool.
    pub tool: String,
    /// What is asked, in a few words: `Pi wants to run a command`.
    pub title: String,
    /// The whole question as plain text. Characters that are invisible or change the direction of text are written
    /// as `<U+202E>`.
    pub text: String,
    /// The command, complete and as it would be run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The change, as a unified diff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// What the call consists of: every command of a chain, every file it writes.
    pub parts: Vec<PermissionPart>,
    /// Working directory.
    pub cwd: String,
    /// Absolute paths that the call names, links resolved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// The model's last sentence before the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What else to know before it is run, in one line: that a command does not see what is unsaved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How much can go wrong.
    pub risk: PermissionRisk,
    /// The possible answers, in the order to show them.
    pub choices: Vec<PermissionOption>,
}

/// A question for the user of a client (`pi/requestPermission`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestPermissionParams {
    /// The session that asks.
    pub session_id: String,
    /// The question.
    pub request: PermissionRequest,
}

/// The user's answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PermissionAnswer {
    /// The choice.
    pub choice: PermissionChoice,
    /// For the model, with `reject_message`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// One part of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PermissionPart {
    /// The command, or what is done to which file.
    pub text: String,
    /// Whether it would be allowed by itself.
    pub allowed: bool,
    /// Why it is or is not: the rule in the form settings have it, or words.
    pub why: String,
}

/// How much can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PermissionRisk {
    /// A change inside the workspace that can be taken back.
    #[default]
    Low,
    /// A command: it can do what its program can.
    Medium,
    /// It deletes, reaches outside the workspace, needs other rights, or could not be understood.
    High,
}

/// One possible answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PermissionOption {
    /// What to answer with.
    pub id: PermissionChoice,
    /// For a button or a line; different for each choice of a question.
    pub label: String,
    /// The rules it stores, as settings have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PermissionChoice {
    /// This call.
    AllowOnce,
    /// This call and, until the session ends, what its rules cover.
    AllowSession,
    /// This call and, in this project, what its rules cover, from now on.
    AllowProject,
    /// Not this call; the run goes on.
    Reject,
    /// Not this call; the run is stopped.
    RejectStop,
    /// Not this call, and the model is told why.
    RejectMessage,
}

impl PermissionChoice {
    /// Whether the call is run.
    pub fn allows(self) -> bool {
        matches!(self, Self::AllowOnce | Self::AllowSession | Self::AllowProject)
    }
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PermissionDecision {
    /// The call is run.
    Allowed,
    /// It is not.
    Rejected,
    /// The run or the session ended first; the call is not run.
    Cancelled,
    /// There was nobody to ask; the call is not run.
    Unasked,
}
