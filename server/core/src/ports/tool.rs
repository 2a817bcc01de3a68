//! Tools the model can call.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures::future::BoxFuture;
use pi_protocol::{Model, PermissionMode, ReviewMode, ToolResult};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::Access;

/// What the model is told about a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// Name the model calls.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// JSON Schema of the arguments (an object).
    pub parameters: Value,
    /// One line for the tool list in the system prompt.
    pub summary: String,
    /// Reads only: may run beside other read-only calls of the same turn.
    pub read_only: bool,
}

/// Asks whether a call may do something more, with the change as a unified diff. `Err` is what the model reads.
pub type Permit =
    Arc<dyn Fn(Access, Option<String>) -> BoxFuture<'static, Result<(), ToolError>> + Send + Sync>;

/// One call of a tool.
#[derive(Clone)]
pub struct ToolContext {
    /// Id of the call.
    pub call_id: String,
    /// Arguments, validated against the schema and coerced.
    pub args: Map<String, Value>,
    /// Cancelled when the run is stopped. The tool then ends soon, with everything it started.
    pub cancel: CancellationToken,
    /// Shows an intermediate result; it replaces the one before.
    pub update: Arc<dyn Fn(ToolResult) + Send + Sync>,
    /// The model that will read the result.
    pub model: Option<Arc<Model>>,
    /// The session the call belongs to.
    pub session_id: Arc<str>,
    /// Entry id of the user's message that led to the call.
    pub prompt_id: Option<Arc<str>>,
    /// Number of the turn in the session, from 1.
    pub turn: u64,
    /// What it would do, as that was permitted.
    pub access: Access,
    /// The permission mode in which that was permitted. It may have been changed since, while a question was open.
    pub mode: PermissionMode,
    /// What becomes of its edits.
    pub review: ReviewMode,
    /// What would change, as it was shown to the user who allowed the call.
    pub shown: Option<String>,
    /// Asks for what is not known before the call has begun.
    pub permit: Permit,
}

impl fmt::Debug for ToolContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolContext").field("call_id", &self.call_id).finish_non_exhaustive()
    }
}

/// A tool failed; the model reads the text, so it says what happened and what to try next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolError {
    /// What the model reads.
    pub text: String,
    /// What clients show besides, as the details of a result.
    pub details: Option<Value>,
}

impl ToolError {
    /// With this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), details: None }
    }

    /// The run was stopped.
    pub fn aborted() -> Self {
        Self::new("Operation aborted")
    }

    /// With something for clients.
    #[must_use]
    pub fn with_details(self, details: Value) -> Self {
        Self { details: Some(details), ..self }
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ToolError {}

/// A tool the model can call.
///
/// What stands in front of a tool passes every method on, those with a default too: `trace/outside.rs` and
/// `replay/stage.rs` in `server`.
#[async_trait]
pub trait Tool: Send + Sync {
    /// What the model is told.
    fn spec(&self) -> &ToolSpec;

    /// Whether the model is told of it at this moment: some tools need somebody who comes and goes.
    fn is_offered(&self) -> bool {
        true
    }

    /// Mends arguments that models are known to send in another form than the schema's. Called before they are
    /// validated; what cannot be mended is passed on, so that the validation names it.
    fn prepare(&self, args: Map<String, Value>) -> Map<String, Value> {
        args
    }

    /// What a call with these arguments would do outside the model's context. A tool that does not only read and
    /// does not say what it does is asked for every time.
    fn access(&self, _args: &Map<String, Value>) -> Access {
        Access::default()
    }

    /// The change a call would make, as a unified diff, without making it.
    ///
    /// # Errors
    /// The call would fail; nobody needs to be asked then.
    async fn preview(&self, _args: &Map<String, Value>) -> Result<Option<String>, ToolError> {
        Ok(None)
    }

    /// What the model of a session is to be told before its next request, if anything.
    async fn note(&self, _session_id: &str) -> Option<String> {
        None
    }

    /// Runs one call. A panic ends this call with an error result, never the process.
    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError>;
}
