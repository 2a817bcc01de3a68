//! What confines the shell commands of the model. Not in Pi.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What commands may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SandboxMode {
    /// The workspace, its repository, and what the setting `sandbox.writable` lists.
    WorkspaceWrite,
    /// Nothing.
    ReadOnly,
}

impl SandboxMode {
    /// The name on the wire and in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WorkspaceWrite => "workspace-write",
            Self::ReadOnly => "read-only",
        }
    }
}

/// The sandbox in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxState {
    /// What commands may write.
    pub mode: SandboxMode,
    /// Whether they may open TCP connections and ports.
    pub network: bool,
}
