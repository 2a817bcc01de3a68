//! What a session is doing, as one value for every face of it (ux: states).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a session is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// In one word.
    pub state: ActivityState,
    /// Unix milliseconds at which it began.
    pub since: u64,
    /// The tool that runs, if there is exactly one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// What a person wants to know besides: the model waited for, the command, the file, the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The run strip: all of it in one line without the time it lasts; absent when nothing happens by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What that line becomes if nothing happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub later: Option<Later>,
}

/// A line that stands when an activity has lasted for some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Later {
    /// Milliseconds after `since`.
    pub after: u64,
    /// The line.
    pub text: String,
}

/// `pi/activity`: a session does something else now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivityParams {
    /// Which one.
    pub session_id: String,
    /// What it does.
    pub activity: Activity,
}

/// The states of a session. What only a client can know (that the server starts, or has ended) is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ActivityState {
    /// Nothing happens by itself.
    #[default]
    Idle,
    /// The request is with the model.
    Waiting,
    /// The model reasons.
    Thinking,
    /// The model writes its answer.
    Answering,
    /// Tools run.
    Tool,
    /// A question waits for the user.
    Asking,
    /// A failed model call will be repeated.
    Retrying,
    /// Older turns are being summarised.
    Compacting,
    /// A stop was asked for and is not through yet.
    Stopping,
    /// The last run was stopped by the user.
    Stopped,
    /// The last run failed.
    Failed,
}

impl Activity {
    /// From now on, without a line.
    pub fn new(state: ActivityState, since: u64, tool: Option<String>, detail: Option<String>) -> Self {
        Self { state, since, tool, detail, text: None, later: None }
    }
}

impl ActivityState {
    /// Whether something happens by itself.
    pub fn is_busy(self) -> bool {
        !matches!(self, Self::Idle | Self::Stopped | Self::Failed)
    }
}
