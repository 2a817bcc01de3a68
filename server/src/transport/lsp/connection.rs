//! What all parts of one LSP connection share, and the answers it owes.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
};

use pi_core::bus::EventQueue;
use pi_protocol::{CommandError, Method, Scope};
use tokio::sync::{OnceCell, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_lsp::jsonrpc::Id;

use super::{
    capabilities::Capabilities,
    chat::Chats,
    client::Client,
    diagnostics::Diagnostics,
    documents::Documents,
    doing::Doing,
    editor::LspEditor,
    folders::Folders,
    hunks::Hunks,
    inline::Inline,
    lane::Job,
    messages::Messages,
    outbound::{self, Outbound},
    progress::Tokens,
    questions::Questions,
    settings::Settings,
    target::Target,
    watched::Watched,
};
use crate::{dispatch::Answer, hub::Hub};

/// Requests that may wait for their answer at once.
const MAX_IN_FLIGHT: usize = 32_768;

/// Where the connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Before the answer to `initialize`.
    Starting,
    /// Serving.
    Running,
    /// After `shutdown`.
    ShutDown,
}

/// A request whose answer is owed.
struct Owed {
    method: Method,
    /// The session it is for.
    target: Target,
}

/// One client.
pub struct Connection {
    /// The live sessions.
    pub hub: Arc<Hub>,
    /// What the client is told.
    pub out: Outbound,
    /// What the client is asked.
    pub client: Client,
    /// Open documents.
    pub documents: Documents,
    /// Open chat documents.
    pub chats: Chats,
    /// Short messages for the user of a client without our events.
    pub messages: Messages,
    /// Progress that is shown, by token.
    pub tokens: Tokens,
    /// What sessions are doing that something can be done about.
    pub doing: Doing,
    /// What is said about documents.
    pub diagnostics: Diagnostics,
    /// Hunks that wait.
    pub hunks: Hunks,
    /// What the client tells of files that nobody has open.
    pub watched: Watched,
    /// Tools that wait for permission.
    pub questions: Questions,
    /// Suggestions while the user types.
    pub inline: Inline,
    /// Cancelled when the connection ends.
    pub ended: CancellationToken,
    /// Tasks that still have something to tell the client.
    pub tasks: TaskTracker,
    settled: OnceCell<()>,
    capabilities: OnceLock<Capabilities>,
    settings: Settings,
    folders: Folders,
    phase: AtomicU8,
    in_flight: Mutex<HashMap<Id, Owed>>,
    lane: mpsc::UnboundedSender<Job>,
}

impl Connection {
    /// A connection that writes to `out` and hands its jobs to `lane`.
    pub fn new(hub: Arc<Hub>, out: Outbound, lane: mpsc::UnboundedSender<Job>) -> Arc<Self> {
        let client = Client::new(out.clone());
        Arc::new(Self {
            hub,
            messages: Messages::new(out.clone()),
            out,
            client,
            documents: Documents::default(),
            chats: Chats::default(),
            tokens: Tokens::default(),
            doing: Doing::default(),
            diagnostics: Diagnostics::default(),
            hunks: Hunks::default(),
            watched: Watched::default(),
            questions: Questions::default(),
            inline: Inline::default(),
            ended: CancellationToken::new(),
            tasks: TaskTracker::new(),
            settled: OnceCell::new(),
            capabilities: OnceLock::new(),
            settings: Settings::default(),
            folders: Folders::default(),
            phase: AtomicU8::new(Phase::Starting as u8),
            in_flight: Mutex::default(),
            lane,
        })
    }

    /// What the client can do; a silent client before `initialize`.
    pub fn capabilities(&self) -> &Capabilities {
        static SILENT: LazyLock<Capabilities> = LazyLock::new(Capabilities::default);
        self.capabilities.get().unwrap_or(&SILENT)
    }

    /// Takes in what `initialize` says; the first time counts. The first of `folders` is the one whose session is the
    /// default one; there is always one.
    pub fn initialized(self: &Arc<Self>, capabilities: Capabilities, folders: Vec<PathBuf>) {
        self.hub.compose().set_open_folders(&folders);
        self.folders.set(folders);
        let workspace = self.hub.compose().workspace(&self.folder());
        workspace.set_editor(Arc::new(LspEditor::new(Arc::downgrade(self))));
        self.documents.attach(workspace, capabilities.encoding);
        if self.capabilities.set(capabilities).is_err() {
            tracing::warn!("initialize came twice");
        }
    }

    /// The folder whose session is the default one.
    pub fn folder(&self) -> PathBuf {
        self.folders.first().unwrap_or_else(|| self.hub.compose().cwd().to_owned())
    }

    /// The folder a document is in; the first one for documents from elsewhere.
    pub fn folder_of(&self, document: &Path) -> PathBuf {
        self.folders.containing(document).unwrap_or_else(|| self.folder())
    }

    /// The folders the client has open.
    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    /// What the client has set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the connection is in its life.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            0 => Phase::Starting,
            1 => Phase::Running,
            _ => Phase::ShutDown,
        }
    }

    /// Goes on to `phase`.
    pub fn enter(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::SeqCst);
    }

    /// Stops everything that runs and waits, bounded in time, until session files are complete. The second who
    /// asks waits for the same end.
    pub async fn settle(&self) {
        self.settled.get_or_init(|| self.hub.shutdown()).await;
    }

    /// Puts a job behind those that came before.
    pub fn enqueue(&self, job: Job) {
        if self.lane.send(job).is_err() {
            tracing::debug!("job after the end of the connection");
        }
    }

    fn in_flight(&self) -> MutexGuard<'_, HashMap<Id, Owed>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a request for a session: the answer is now owed.
    ///
    /// # Errors
    /// JSON-RPC code and text: the id is in use, or too much waits already.
    pub fn begin(
        self: &Arc<Self>,
        id: &Id,
        method: Method,
        target: Target,
    ) -> Result<Answering, (i64, String)> {
        // What stops something is done however busy the client is: it may be what keeps it busy.
        if self.out.is_full() && method.scope() != Scope::Overtakes {
            return Err((-32001, "the client reads its messages too slowly; try again later".into()));
        }
        let mut in_flight = self.in_flight();
        if in_flight.len() >= MAX_IN_FLIGHT {
            return Err((-32001, format!("{MAX_IN_FLIGHT} requests wait already; try again later")));
        }
        if in_flight.contains_key(id) {
            return Err((-32600, format!("a request with id {id} waits already")));
        }
        in_flight.insert(id.clone(), Owed { method, target });
        Ok(Answering { connection: self.clone(), id: id.clone(), through: None, answered: false })
    }

    /// The method of the request with this id and the session it is for, while its answer is owed.
    pub fn waiting(&self, id: &Id) -> Option<(Method, Target)> {
        self.in_flight().get(id).map(|it| (it.method, it.target.clone()))
    }

    /// How many answers are owed.
    pub fn owed(&self) -> usize {
        self.in_flight().len()
    }
}

/// The answer owed to one request: given exactly once, also when whoever should give it has gone.
pub struct Answering {
    connection: Arc<Connection>,
    id: Id,
    /// The queue of the session the request went to, so that the answer keeps its place among the events.
    through: Option<EventQueue>,
    answered: bool,
}

impl Answering {
    /// The request's id.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// Answers in the order of this queue.
    pub fn through(mut self, queue: &EventQueue) -> Self {
        self.through = Some(queue.clone());
        self
    }

    /// Gives the answer.
    pub fn answer(mut self, answer: &Answer) {
        self.give(answer);
    }

    /// Refuses.
    pub fn refuse(mut self, error: CommandError) {
        self.give(&Err(error));
    }

    fn give(&mut self, answer: &Answer) {
        self.answered = true;
        self.connection.in_flight().remove(&self.id);
        let frame = outbound::answer(&self.id, answer);
        match (&self.through, frame) {
            // What a closed queue gives back must not be lost: the answer is owed.
            (Some(queue), Some(frame)) => self.connection.out.push(queue.push_raw(frame)),
            (_, frame) => self.connection.out.push(frame),
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if !self.answered {
            self.give(&Err(CommandError::failed("the session has ended")));
        }
    }
}
