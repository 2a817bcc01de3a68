//! The live sessions, and how connections come to them.
//!
//! The hub knows which sessions are alive and asks [`Compose`] to build more. It knows no transport: each
//! connection holds a [`SessionHandle`] and replaces it when a command of scope `Connection` says so. Commands of
//! a session go straight to its handle, not through here. Lists of sessions are in `sessions.rs`.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak},
    time::{Duration, Instant},
};

use pi_core::{
    CancellationToken, SessionHandle,
    session::Command,
    tree::{Branch, BranchPoint},
};
use pi_host::{
    export,
    fs::{blocking, write_atomic},
    ledger::{LedgerEvent, Review},
    paths,
    tools::remembered,
};
use pi_protocol::{
    AgentEvent, CommandError, Entry, ExportHtmlParams, ExportedHtml, ForkParams, ForkResult,
    NewSessionParams, SessionHeader, SwitchSessionParams, event::NoticeLevel,
};
use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc,
};

use crate::{
    compose::{Compose, Opening, UnknownModel},
    review::{self, file_uri},
};

/// How long sessions get to stop what they run when the process ends.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(3);

/// One live session and where it works.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    /// The session.
    pub handle: SessionHandle,
    /// The folder it was opened for; its own working directory is in the header.
    folder: PathBuf,
    /// First line of its file.
    pub header: SessionHeader,
    /// Where it is kept; nothing for a session in memory.
    pub file: Option<PathBuf>,
    /// The review of its files.
    review: Arc<Review>,
}

/// The live sessions of this process.
pub struct Hub {
    compose: Compose,
    live: Mutex<HashMap<Arc<str>, Live>>,
    ending: CancellationToken,
    started: Instant,
    listening: Once,
    this: Weak<Self>,
}

impl Hub {
    /// A hub without sessions.
    pub fn new(compose: Compose) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            compose,
            live: Mutex::default(),
            ending: CancellationToken::new(),
            started: Instant::now(),
            listening: Once::new(),
            this: this.clone(),
        })
    }

    /// When it was made, which is when the process was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The sessions that live now.
    pub(crate) fn alive(&self) -> Vec<Live> {
        self.live().values().cloned().collect()
    }

    /// The live session with this id.
    pub(crate) fn find_live(&self, id: &str) -> Option<Live> {
        self.live().get(id).cloned()
    }

    /// Asks the connections to end: to stop what they run and write what they owe.
    pub fn end(&self) {
        self.ending.cancel();
    }

    /// Whether the connections are asked to end.
    pub fn is_ending(&self) -> bool {
        self.ending.is_cancelled()
    }

    /// Resolves when the connections are asked to end.
    pub async fn ending(&self) {
        self.ending.cancelled().await;
    }

    /// What sessions are made from: workspace, settings, models.
    pub fn compose(&self) -> &Compose {
        &self.compose
    }

    fn live(&self) -> MutexGuard<'_, HashMap<Arc<str>, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the session the flags ask for, in the directory the process was started in.
    ///
    /// # Errors
    /// A model or session that the flags name does not exist, or a session file cannot be read.
    pub async fn open_initial(&self, unknown_model: UnknownModel) -> anyhow::Result<SessionHandle> {
        let cwd = self.compose.cwd().to_owned();
        self.open(&cwd, Opening::Flags(unknown_model)).await
    }

    /// The session of a workspace folder: the one that is live there, else a new one as the flags ask.
    ///
    /// # Errors
    /// As [`Self::open_initial`].
    pub async fn open_folder(&self, folder: &Path) -> anyhow::Result<SessionHandle> {
        let alive = self.live().values().find(|it| it.folder == folder).map(|it| it.handle.clone());
        match alive {
            Some(handle) => Ok(handle),
            None => self.open(folder, Opening::Flags(UnknownModel::Fail)).await,
        }
    }

    pub(crate) async fn open(&self, folder: &Path, opening: Opening) -> anyhow::Result<SessionHandle> {
        let options = self.compose.session(folder, opening).await?;
        let header = options.header.clone();
        let file = options.store.file().map(PathBuf::from);
        let review = self.compose.review_of(&header, folder);
        let meanwhile = review::decided_meanwhile(&review, &header.id, &options.entries).await;
        remember(&review, &header.id, &options.entries).await;
        let handle = SessionHandle::spawn(options);
        meanwhile.into_iter().for_each(|it| handle.send(Command::Remark(it)));
        if let Some(name) = self.compose.take_session_name() {
            handle.send(Command::SetSessionName(name, Box::new(|_| {})));
        }
        self.listen(&review);
        let live = Live { handle: handle.clone(), folder: folder.to_owned(), header, file, review };
        self.live().insert(handle.id().clone(), live);
        Ok(handle)
    }

    /// Passes on what the ledger says from now on.
    fn listen(&self, review: &Review) {
        self.listening
            .call_once(|| drop(tokio::spawn(tell_of_edits(self.this.clone(), review.ledger().subscribe()))));
    }

    /// What a person should know that no session says, of the ledger too. Given to the first who asks.
    pub fn unheard(&self, review: &Review) -> Option<mpsc::UnboundedReceiver<String>> {
        self.listen(review);
        self.compose.unheard().listen()
    }

    /// The review of the files a session works on.
    pub fn review(&self, id: &str) -> Arc<Review> {
        let known = self.live().get(id).map(|it| it.review.clone());
        known.unwrap_or_else(|| self.compose.review(self.compose.cwd()))
    }

    /// Looks, beside everything else, at what earlier processes left behind in the files a session works on when they
    /// were killed. What became of it is an event of the session, so who wants to hear of it subscribes first.
    pub fn settle(&self, id: &str) {
        let review = self.review(id);
        tokio::spawn(async move {
            settle(&review).await;
            tidy(&review).await;
        });
    }

    /// As [`Self::settle`], and waits for what is said of edits: a moment, and nothing where nothing is on record.
    pub async fn settled(&self, id: &str) {
        let review = self.review(id);
        settle(&review).await;
        tokio::spawn(async move { tidy(&review).await });
    }

    /// A live session by id; without an id, the only one there is.
    ///
    /// # Errors
    /// No such session is live, or the id is needed because there are several.
    pub fn session(&self, id: Option<&str>) -> Result<SessionHandle, CommandError> {
        let live = self.live();
        match id {
            Some(id) => live
                .get(id)
                .map(|it| it.handle.clone())
                .ok_or_else(|| CommandError::invalid(format!("no live session {id}"))),
            None => match live.len() {
                1 => Ok(live.values().next().map(|it| it.handle.clone())),
                0 => Ok(None),
                _ => return Err(CommandError::invalid("several sessions are live: name one with sessionId")),
            }
            .and_then(|it| it.ok_or_else(|| CommandError::failed("no session is open"))),
        }
    }

    /// The first line of a live session's file.
    pub fn header(&self, id: &str) -> Option<SessionHeader> {
        self.live().get(id).map(|it| it.header.clone())
    }

    /// Starts a new session in the place of `from`: model and thinking level stay, the old one is stopped.
    ///
    /// # Errors
    /// The session could not be built; `from` is then untouched.
    pub async fn new_session(
        &self,
        from: &SessionHandle,
        params: NewSessionParams,
    ) -> Result<SessionHandle, CommandError> {
        let state = from.ask(Command::GetState).await?;
        let opening = Opening::New {
            parent: params.parent_session,
            model: state.model.map(Arc::new),
            thinking: state.thinking_level,
        };
        self.replace(from, opening).await
    }

    /// Opens another session file in the place of `from`. A file that does not exist becomes a new session's.
    ///
    /// # Errors
    /// The file is not a session or cannot be read; `from` is then untouched.
    pub async fn switch_session(
        &self,
        from: &SessionHandle,
        params: SwitchSessionParams,
    ) -> Result<SessionHandle, CommandError> {
        let state = from.ask(Command::GetState).await?;
        let folder = self.folder_of(from.id());
        let path = paths::canonical(&paths::absolute(&folder, Path::new(&params.session_path)));
        let open =
            self.live().values().find(|it| it.file.as_ref() == Some(&path)).map(|it| it.handle.clone());
        match open {
            // Its own file: as if it had been closed and opened again.
            Some(open) if open.id() == from.id() => {
                from.ask(Command::Abort).await?;
                from.ask(Command::ClearQueue).await?;
                return Ok(open);
            }
            // A file has one session, whoever looks at it.
            Some(open) => {
                self.close(from.id()).await;
                return Ok(open);
            }
            None => {}
        }
        let opening =
            Opening::File { path, model: state.model.map(Arc::new), thinking: state.thinking_level };
        self.replace(from, opening).await
    }

    /// Starts a new session in the place of `from` with what was said before one of the user's messages.
    ///
    /// # Errors
    /// There is no such message, or the session could not be built; `from` is then untouched.
    pub async fn fork(
        &self,
        from: &SessionHandle,
        params: ForkParams,
    ) -> Result<(SessionHandle, ForkResult), CommandError> {
        let (to, text) = self.branch(from, BranchPoint::Before(params.entry_id)).await?;
        Ok((to, ForkResult { text, cancelled: false }))
    }

    /// Starts a new session in the place of `from` with everything that was said. A run is stopped first, so that
    /// its last words are whole.
    ///
    /// # Errors
    /// There is nothing to clone, or the session could not be built; `from` then stays.
    pub async fn clone_session(&self, from: &SessionHandle) -> Result<SessionHandle, CommandError> {
        from.ask(Command::Abort).await?;
        Ok(self.branch(from, BranchPoint::Leaf).await?.0)
    }

    async fn branch(
        &self,
        from: &SessionHandle,
        point: BranchPoint,
    ) -> Result<(SessionHandle, String), CommandError> {
        let Branch { entries, text } = from.ask(|reply| Command::Branch(point, reply)).await?;
        let state = from.ask(Command::GetState).await?;
        let source = state.session_file.map(PathBuf::from);
        if source.as_ref().is_some_and(|it| !it.exists()) {
            return Err(CommandError::failed(
                "This session has not been saved yet. Wait for the first assistant response before cloning or \
                 forking it.",
            ));
        }
        let cwd = self.header(from.id()).map_or_else(|| self.folder_of(from.id()), |it| it.cwd.into());
        let model = state.model.map(Arc::new);
        let opening = Opening::Branch { entries, source, cwd, model, thinking: state.thinking_level };
        Ok((self.replace(from, opening).await?, text))
    }

    /// Writes `session` as a page.
    ///
    /// # Errors
    /// The session has no file (yet), as Pi says it, or the page cannot be written.
    pub async fn export_html(
        &self,
        session: &SessionHandle,
        params: ExportHtmlParams,
    ) -> Result<ExportedHtml, CommandError> {
        let state = session.ask(Command::GetState).await?;
        let file = state.session_file.ok_or_else(|| CommandError::failed(export::IN_MEMORY))?;
        let header = self.header(session.id()).filter(|_| Path::new(&file).exists());
        let header = header.ok_or_else(|| CommandError::failed(export::NOTHING_YET))?;
        let all = session.ask(|reply| Command::GetEntries(None, reply)).await?;
        let path = params.output_path.filter(|it| !it.is_empty());
        let path = path.unwrap_or_else(|| export::default_name(Path::new(&file)));
        let target = paths::absolute(&self.folder_of(session.id()), &paths::expand_home(&path));
        let written = blocking(move || {
            let page = export::page(&header, &all.entries, all.leaf_id.as_deref());
            write_atomic(&target, page.as_bytes())
        });
        match written.await {
            Ok(()) => Ok(ExportedHtml { path }),
            Err(error) => Err(CommandError::failed(format!("cannot write {path}: {error}"))),
        }
    }

    async fn replace(&self, from: &SessionHandle, opening: Opening) -> Result<SessionHandle, CommandError> {
        let folder = self.folder_of(from.id());
        let to =
            self.open(&folder, opening).await.map_err(|error| CommandError::failed(format!("{error:#}")))?;
        if to.id() != from.id() {
            self.close(from.id()).await;
        }
        Ok(to)
    }

    /// The folder a live session was opened for; where the process was started, if there is no such session.
    pub fn folder_of(&self, id: &str) -> PathBuf {
        self.live().get(id).map_or_else(|| self.compose.cwd().to_owned(), |it| it.folder.clone())
    }

    /// Stops what a session runs and ends it; bounded in time.
    pub async fn close(&self, id: &str) {
        let Some(live) = self.live().remove(id) else { return };
        let closed = live.handle.ask(Command::Close);
        if tokio::time::timeout(SHUTDOWN_LIMIT, closed).await.is_err() {
            tracing::warn!(session = id, "session did not stop in time");
        }
        live.review.workspace().forget(id);
    }

    /// Tells the sessions what the ledger says.
    fn tell_sessions(&self, event: &LedgerEvent) {
        let event = match event {
            LedgerEvent::Changed(files) => {
                AgentEvent::EditsChanged { uris: files.iter().map(|it| file_uri(it)).collect() }
            }
            LedgerEvent::Notice(message) if self.live().is_empty() => {
                // An editor takes it; over JSONL a session lives from the start, so nobody is missed.
                return self.compose.unheard().say(message.clone());
            }
            LedgerEvent::Notice(message) => {
                AgentEvent::Notice { level: NoticeLevel::Warning, message: message.clone() }
            }
        };
        for live in self.live().values() {
            live.handle.send(Command::Publish(event.clone()));
        }
    }

    /// Ends all sessions and everything they started; bounded in time.
    pub async fn shutdown(&self) {
        let ids: Vec<Arc<str>> = self.live().keys().cloned().collect();
        futures::future::join_all(ids.iter().map(|id| self.close(id))).await;
    }
}

async fn settle(review: &Arc<Review>) {
    if let Err(error) = review.settle().await {
        tracing::warn!(%error, "the edit ledger cannot be read");
    }
}

async fn tidy(review: &Arc<Review>) {
    if let Err(error) = review.tidy().await {
        tracing::warn!(%error, "what was left behind stays");
    }
}

/// Passes on what the ledger says, as long as there is a hub.
async fn tell_of_edits(hub: Weak<Hub>, mut events: broadcast::Receiver<LedgerEvent>) {
    loop {
        match events.recv().await {
            Ok(event) => match hub.upgrade() {
                Some(hub) => hub.tell_sessions(&event),
                None => return,
            },
            // Too many at once: whoever lists again sees them all.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// What the model of a session that is opened again knows of files.
async fn remember(review: &Review, session: &str, entries: &[Entry]) {
    let looks = remembered::looks(entries);
    if looks.is_empty() {
        return;
    }
    let (workspace, session) = (review.workspace().clone(), session.to_owned());
    let remembered = blocking(move || {
        remembered::remember(&workspace, &session, looks);
        Ok(())
    });
    if let Err(error) = remembered.await {
        tracing::warn!(%error, "what the model had read is not known");
    }
}
