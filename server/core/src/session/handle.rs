//! What transports hold of a session.
//!
//! A handle only sends: every method puts one command into the actor's inbox and returns. The answer comes through
//! a [`Reply`], which the actor calls in its own order, so that a transport can keep an answer in its place among
//! the events.

use std::{fmt, pin::Pin, sync::Arc};

use pi_protocol::*;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{actor::SessionActor, attach::Followed, questions::UiAnswer};
use crate::{
    bus::EventQueue,
    ports::{Expander, Models, Permissions, Provider, ScopedModel, SessionStore, Settings, Shell, Tool},
    tree::{Branch, BranchPoint},
};

/// The outcome of a command.
pub type CommandResult<T> = Result<T, CommandError>;

/// Takes the answer to one command. Called exactly once, on the actor's task; must not block.
pub type Reply<T> = Box<dyn FnOnce(CommandResult<T>) + Send>;

/// A reply that can be awaited. An actor that ended without answering is an error.
pub fn reply_channel<T: Send + 'static>() -> (Reply<T>, impl Future<Output = CommandResult<T>>) {
    let (tx, rx) = oneshot::channel();
    let reply: Reply<T> = Box::new(move |result| {
        // The one who asked may have gone.
        let _gone = tx.send(result);
    });
    (reply, async move { rx.await.unwrap_or_else(|_| Err(closed())) })
}

fn closed() -> CommandError {
    CommandError::failed("the session has ended")
}

/// What a session is made of.
pub struct SessionOptions {
    /// First line of its file.
    pub header: SessionHeader,
    /// Entries already in the file, in file order; empty for a new session.
    pub entries: Vec<Entry>,
    /// Where new entries go.
    pub store: Box<dyn SessionStore>,
    /// The models.
    pub models: Arc<dyn Models>,
    /// Asks them.
    pub provider: Arc<dyn Provider>,
    /// Tools the model may call, in the order it is told of them.
    pub tools: Vec<Arc<dyn Tool>>,
    /// Runs the user's shell commands.
    pub shell: Arc<dyn Shell>,
    /// Settings.
    pub settings: Arc<dyn Settings>,
    /// Decides which calls of tools are run.
    pub permissions: Arc<dyn Permissions>,
    /// Expands what messages begin with.
    pub expander: Arc<dyn Expander>,
    /// The model that was asked for explicitly. Otherwise the one of the entries is used, if it is still there.
    pub model: Option<Arc<Model>>,
    /// The model to use when nothing else names one.
    pub default_model: Option<Arc<Model>>,
    /// Looks for a model when one is needed and there is none.
    pub find_model: FindModel,
    /// Models to cycle through; empty = all that are available.
    pub scope: Vec<ScopedModel>,
    /// How hard it thinks (clamped); `None` = from the entries, else from the settings.
    pub thinking: Option<ThinkingLevel>,
    /// The system prompt.
    pub system_prompt: Arc<str>,
    /// What confines the model's shell commands at this moment, for clients to show.
    pub sandbox: SandboxInForce,
    /// What the first who watches is told, as warnings.
    pub notices: Vec<String>,
}

/// Says what confines the model's shell commands; it can change with the permission mode.
pub type SandboxInForce = Arc<dyn Fn() -> Option<SandboxState> + Send + Sync>;

/// Looks for the model that a new session would begin with: it may be there only since a moment ago. Takes a bounded
/// time, in which the session serves nothing else.
pub type FindModel = Arc<dyn Fn() -> ModelSearch + Send + Sync>;

/// A search that goes on.
pub type ModelSearch = Pin<Box<dyn Future<Output = Option<ScopedModel>> + Send>>;

impl fmt::Debug for SessionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionOptions").field("id", &self.header.id).finish_non_exhaustive()
    }
}

/// One command for the actor.
#[allow(missing_docs, reason = "the variants are the methods of the handle")]
pub enum Command {
    Prompt(PromptParams, Reply<PromptAccepted>),
    Steer(QueueParams, Reply<Queued>),
    FollowUp(QueueParams, Reply<Queued>),
    QueueList(Reply<QueueItems>),
    QueueEdit(EditQueuedParams, Reply<QueueItems>),
    QueueDelete(u64, Reply<QueueItems>),
    QueueReorder(Vec<u64>, Reply<QueueItems>),
    QueueSend(u64, Reply<PromptAccepted>),
    /// From now on messages that wait when a run is stopped or fails are held. Pi delivers them with the next prompt.
    HoldAfterStop,
    Abort(Reply<Empty>),
    AbortRetry(Reply<Empty>),
    RetryNow(Reply<Empty>),
    /// Ends the call with this id; the run goes on.
    SkipTool(String, Reply<Empty>),
    ClearQueue(Reply<ClearedQueue>),
    GetState(Reply<SessionState>),
    GetMessages(Reply<Messages>),
    SetModel(SetModelParams, Reply<Model>),
    CycleModel(Reply<Option<CycledModel>>),
    GetAvailableModels(Reply<AvailableModels>),
    SetThinkingLevel(ThinkingLevel, Reply<Empty>),
    CycleThinkingLevel(Reply<Option<LevelResult>>),
    GetAvailableThinkingLevels(Reply<ThinkingLevels>),
    SetSteeringMode(QueueMode, Reply<Empty>),
    SetFollowUpMode(QueueMode, Reply<Empty>),
    SetAutoRetry(bool, Reply<Empty>),
    SetAutoCompaction(bool, Reply<Empty>),
    Compact(CompactParams, Reply<CompactionResult>),
    /// The value is the id of the request, for `bash_execution_update`.
    Bash(BashParams, Option<Value>, Reply<BashResult>),
    AbortBash(Reply<Empty>),
    GetSessionStats(Reply<SessionStats>),
    GetLastAssistantText(Reply<LastAssistantText>),
    SetSessionName(String, Reply<Empty>),
    GetForkMessages(Reply<ForkMessages>),
    /// Entries after the one with this id, or all.
    GetEntries(Option<String>, Reply<SessionEntries>),
    GetTree(Reply<SessionTreeResult>),
    /// Goes on from the entry with this id.
    NavigateTree(String, Reply<Navigated>),
    /// A part of the session for a new one; this one stays as it is.
    Branch(BranchPoint, Reply<Branch>),
    GetCommands(Reply<Commands>),
    AnswerPermission(AnswerPermissionParams, Reply<Empty>),
    SetPermissionMode(PermissionMode, Reply<Empty>),
    /// `set_review_mode`.
    SetReviewMode(ReviewMode, Reply<Empty>),
    /// Asks the user for an extension. The token gives the question up.
    AskUi(Box<ExtensionUiRequest>, CancellationToken, Reply<UiAnswer>),
    /// A client's answer to an `extension_ui_request`.
    AnswerUi(ExtensionUiResponse),
    Subscribe(EventQueue, Reply<u64>),
    /// Subscribes and catches up; the answer comes before the events.
    Attach(EventQueue, AttachParams, Reply<Attached>),
    /// Subscribes from the last moment at which all messages were complete; the answer, with the entries of then, comes
    /// before the events.
    Follow(EventQueue, Reply<Followed>),
    Unsubscribe(EventQueue),
    /// Sends an event of the host to all who watch.
    Publish(AgentEvent),
    /// One line the model reads with its next request.
    Remark(String),
    /// Answers once nothing runs any more.
    WhenSettled(Reply<Empty>),
    /// Stops everything, then ends the actor.
    Close(Reply<Empty>),
}

/// A live session. Clones address the same actor; the actor ends when the last clone is dropped or on
/// [`Command::Close`].
#[derive(Clone)]
pub struct SessionHandle {
    id: Arc<str>,
    inbox: mpsc::UnboundedSender<Command>,
}

impl fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionHandle").field(&self.id).finish()
    }
}

impl SessionHandle {
    /// Starts the actor of a session on the current runtime.
    pub fn spawn(options: SessionOptions) -> Self {
        let (inbox, commands) = mpsc::unbounded_channel();
        let id: Arc<str> = options.header.id.as_str().into();
        tokio::spawn(SessionActor::new(id.clone(), options).serve(commands));
        Self { id, inbox }
    }

    /// The session id.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Sends a command. If the actor has ended the command is dropped, and with it its reply.
    pub fn send(&self, command: Command) {
        if self.inbox.send(command).is_err() {
            tracing::debug!(session = %self.id, "command for a session that has ended");
        }
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// The command's own failure, or that the session has ended.
    pub async fn ask<T: Send + 'static>(
        &self,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> CommandResult<T> {
        let (reply, answer) = reply_channel();
        self.send(command(reply));
        answer.await
    }
}
