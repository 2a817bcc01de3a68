//! Whether a tool may run.

use async_trait::async_trait;
use pi_protocol::{PermissionMode, PermissionRequest, ReviewMode};
use serde_json::{Map, Value};

/// What a call would do outside the model's context. Paths are absolute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Files and folders it reads.
    pub reads: Vec<String>,
    /// Files it writes.
    pub writes: Vec<String>,
    /// The shell command it runs.
    pub command: Option<String>,
    /// The command is to run outside the sandbox. No rule allows that: it is asked for every time.
    pub outside_sandbox: bool,
    /// The command runs in a copy: what it changes in the workspace is edits of their own, afterwards.
    pub in_copy: bool,
    /// What else the user should know before it is run, in one line.
    pub note: Option<String>,
}

/// A call to decide about.
#[derive(Debug, Clone)]
pub struct PermissionQuery {
    /// Id of the call.
    pub call_id: String,
    /// Name of the tool.
    pub tool: String,
    /// The tool only reads.
    pub read_only: bool,
    /// Arguments, validated.
    pub args: Map<String, Value>,
    /// What it would do.
    pub access: Access,
    /// The permission mode that decides about it, whatever it is changed to meanwhile.
    pub mode: PermissionMode,
    /// What becomes of its edits.
    pub review: ReviewMode,
    /// The model's last sentence before the call.
    pub reason: Option<String>,
}

/// What is decided about a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Run it.
    Allow,
    /// Do not run it; the model reads why.
    Deny(String),
    /// Ask. The session gives the question its id.
    Ask(Box<PermissionRequest>),
}

/// How long a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleScope {
    /// Until the session ends.
    Session,
    /// In this project, from now on.
    Project,
}

/// Decides about the calls of one session.
#[async_trait]
pub trait Permissions: Send + Sync {
    /// The mode in force.
    fn mode(&self) -> PermissionMode;

    /// Changes the mode, for this session.
    fn set_mode(&self, mode: PermissionMode);

    /// What becomes of edits.
    fn review(&self) -> ReviewMode;

    /// Changes what becomes of edits, for this session.
    fn set_review(&self, mode: ReviewMode);

    /// Decides about a call. Never panics on what a model wrote.
    async fn check(&self, query: PermissionQuery) -> Verdict;

    /// Keeps rules that an answer of the user stores.
    ///
    /// # Errors
    /// They could not be written; they hold until the session ends.
    fn remember(&self, rules: &[String], scope: RuleScope) -> Result<(), String>;

    /// What the model and the user are told when `request` could be shown to nobody.
    fn nobody_to_ask(&self, request: &PermissionRequest) -> String;
}
