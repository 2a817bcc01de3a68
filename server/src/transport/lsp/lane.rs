//! The order of a connection's requests: one task takes them as they came and gives each to its session.
//!
//! The lane waits for nothing but the opening, closing and export of a session; `lane_prompt.rs` has prompts whose
//! context takes time, `lane_sessions.rs` what is about sessions as such. Sessions answer through [`Answering`], which
//! puts the answer between the events of the session.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use pi_core::{SessionHandle, bus::EventQueue, session::Command};
use pi_protocol::*;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tower_lsp::jsonrpc::Id;

use super::{
    actions::tell,
    chat,
    connection::{Answering, Connection},
    lane_prompt::Preparing,
    questions,
    target::Target,
    watch,
};
use crate::{
    context::Texts,
    dispatch::{Answer, dispatch, encode},
    failure::{explain_all, refusal},
    review::{self, Desk},
};

/// Something to do in its turn.
pub enum Job {
    /// A request of the method table.
    Request {
        /// What is asked.
        request: Request,
        /// The session it is for.
        target: Target,
        /// Open texts that its context names, as they were when it came.
        texts: Texts,
        /// Takes the answer.
        answering: Answering,
    },
    /// The context of a prompt has been put together, or that was given up.
    Prepared {
        /// The session it is for.
        session: Arc<str>,
        /// The prompt; nothing if it was given up.
        prompt: Option<PromptParams>,
        /// Takes the answer.
        answering: Answering,
    },
    /// Give up the prompt with this id, if its context is still being put together.
    CancelPrompt(Id),
    /// A command of a client that does not speak `pi/*`; a failure is told to its user.
    Command(Target, Command),
    /// A word about a session, and what follows it; what comes of it is told to the user.
    Verb(Target, &'static str, String),
    /// Answer a question of this session; a failure is told to the user.
    Answer(Arc<str>, questions::Answer),
    /// Stop the user's shell commands in this session.
    CancelBash(Target),
    /// Stop the run of this session.
    Stop(Arc<str>),
    /// Move this session into the trash.
    Delete(String, oneshot::Sender<Result<(), CommandError>>),
    /// Begin another chat beside this one and open its document; a failure is told to the user.
    NewChat(Target),
    /// Play the demo in the folder of this session; a failure is told to the user.
    Demo(Target),
    /// Hand out the session with this id, opened from its file if need be; without such a session, the other one.
    Session(Option<String>, Target, oneshot::Sender<Result<SessionHandle, CommandError>>),
    /// Go on in another session with what was said before this entry, or with everything; it is handed out with the text
    /// of that entry.
    Fork {
        /// Which session is left for it.
        session: Arc<str>,
        /// A message of the user.
        before: Option<String>,
        /// Takes the new session.
        reply: oneshot::Sender<Result<(SessionHandle, String), CommandError>>,
    },
    /// Hand out a copy of a stored session, which another process may have open.
    Copy {
        /// The id of the session.
        session: String,
        /// Where it is looked for.
        folder: PathBuf,
        /// Takes the copy.
        reply: oneshot::Sender<Result<SessionHandle, CommandError>>,
    },
    /// Open the chat document of a session, with this text in its prompt.
    OpenChat(Target, Option<String>),
    /// The client has closed these folders: their sessions end once nothing runs in them any more.
    FoldersClosed(Vec<PathBuf>),
    /// End this session of a folder that was closed, unless it is open again.
    EndLeft(Arc<str>),
    /// The connection ends: what sessions had to say goes out, nothing new is taken.
    End,
}

impl Job {
    /// From the parameters of an LSP request.
    ///
    /// # Errors
    /// They are wrong; the answer is then still owed.
    pub fn request(
        connection: &Connection,
        method: Method,
        params: Option<Value>,
        answering: Answering,
    ) -> Result<Self, (Answering, CommandError)> {
        let params = match params {
            None => Value::Object(serde_json::Map::new()),
            Some(it @ Value::Object(_)) => it,
            Some(_) => return Err((answering, CommandError::invalid("params must be an object"))),
        };
        // It stays among the parameters: some methods are about a session and have it as their own.
        let target = match Target::of(connection, method, &params) {
            Ok(target) => target,
            Err(error) => return Err((answering, error)),
        };
        let request = match Request::parse(method, params) {
            Ok(request) => request,
            Err(error) => {
                let text = format!("{}: {error}", method.lsp_name());
                return Err((answering, CommandError::invalid(text)));
            }
        };
        let texts = match &request {
            Request::Prompt(prompt) => texts(connection, &prompt.context),
            _ => Texts::default(),
        };
        Ok(Job::Request { request, target, texts, answering })
    }
}

/// A failure in the words of an editor's user.
fn in_words(error: CommandError) -> CommandError {
    CommandError { message: refusal(&error.message).into(), ..error }
}

/// The open texts that `context` names, as they are now.
pub fn texts(connection: &Connection, context: &[PromptContext]) -> Texts {
    let open = |path: &std::path::Path| connection.documents.workspace()?.overlay_text(path);
    Texts::of(context, connection.capabilities().encoding, open)
}

/// A session this connection watches.
pub(super) struct Watched {
    pub handle: SessionHandle,
    pub queue: EventQueue,
    /// The folder it works in.
    pub folder: PathBuf,
}

impl Watched {
    /// Hands a request to the session.
    pub fn dispatch(&self, request: Request, answering: Answering) {
        let answering = answering.through(&self.queue);
        if let Request::GetMessages(_) = request {
            return self.handle.send(Command::GetMessages(Box::new(move |outcome| {
                let explained = outcome.map(|mut it| {
                    explain_all(&mut it.messages);
                    it
                });
                answering.answer(&explained.and_then(|it| encode(&it)));
            })));
        }
        let id = serde_json::to_value(answering.id()).ok();
        dispatch(&self.handle, request, id, Box::new(move |answer| answering.answer(&answer)));
    }
}

/// Does the jobs of one connection.
pub struct Lane {
    pub(super) connection: Arc<Connection>,
    pub(super) attached: HashMap<Arc<str>, Watched>,
    /// Prompts whose context takes time, by session.
    pub(super) preparing: HashMap<Arc<str>, Preparing>,
    /// The session of each folder, for what names only the folder.
    pub(super) homes: HashMap<PathBuf, Arc<str>>,
    /// The folder whose session was used last.
    pub(super) last: Option<PathBuf>,
    desk: Desk,
}

impl Lane {
    /// Without a session so far.
    pub fn new(connection: Arc<Connection>) -> Self {
        let (attached, preparing) = (HashMap::new(), HashMap::new());
        Self { connection, attached, preparing, homes: HashMap::new(), last: None, desk: Desk::new() }
    }

    /// Does all jobs until the connection ends.
    pub async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        while let Some(job) = jobs.recv().await {
            if matches!(job, Job::End) {
                self.preparing.values().for_each(Preparing::give_up);
                self.attached.values().for_each(|it| it.queue.close());
                return;
            }
            self.job(job).await;
        }
    }

    pub(super) async fn job(&mut self, job: Job) {
        match job {
            Job::Request { request, target, texts, answering } => {
                if let Some(job) = self.behind_prompt(request, target, texts, answering) {
                    let (request, target, texts, answering) = job;
                    self.request(request, &target, texts, answering).await;
                }
            }
            Job::Prepared { session, prompt, answering } => self.prepared(session, prompt, answering).await,
            Job::CancelPrompt(id) => {
                self.preparing.values().filter(|it| it.id == id).for_each(Preparing::give_up);
            }
            Job::Command(target, command) => {
                let stops = matches!(command, Command::Abort(_));
                match self.session(&target).await.map(|it| it.handle.clone()) {
                    Ok(session) => {
                        if stops {
                            self.give_up_prompts(session.id());
                        }
                        session.send(command);
                    }
                    Err(error) => self.connection.messages.error(&error.message),
                }
            }
            Job::Verb(target, name, rest) => match self.session(&target).await.map(|it| it.handle.clone()) {
                Ok(session) => {
                    self.connection.tasks.spawn(chat::verb(self.connection.clone(), session, name, rest));
                }
                Err(error) => self.connection.messages.error(&error.message),
            },
            Job::Answer(id, answer) => match self.attached.get(&id) {
                Some(session) => session.handle.send(answer.command(tell(&self.connection))),
                None => self
                    .connection
                    .messages
                    .error("Nothing was answered: the chat of this question has ended"),
            },
            Job::CancelBash(target) => {
                if let Some(session) = self.known(&target).and_then(|it| self.attached.get(&it)) {
                    session.handle.send(Command::AbortBash(Box::new(|_| {})));
                }
            }
            Job::Stop(id) => {
                self.give_up_prompts(&id);
                if let Some(session) = self.attached.get(&id) {
                    session.handle.send(Command::Abort(Box::new(|_| {})));
                }
            }
            Job::Session(id, otherwise, reply) => {
                let session = self.stored_session(id.as_deref(), &otherwise).await;
                let session = session.map_err(in_words);
                // Whoever asked may have gone.
                let _gone = reply.send(session);
            }
            Job::Fork { session, before, reply } => {
                let forked = self.fork_chat(&session, before).await;
                // Whoever asked may have gone.
                let _gone = reply.send(forked);
            }
            Job::Copy { session, folder, reply } => {
                let copy = self.copy(folder, &session).await;
                // Whoever asked may have gone.
                let _gone = reply.send(copy);
            }
            Job::OpenChat(target, mention) => match self.session(&target).await.map(|it| it.handle.clone()) {
                Ok(session) => {
                    let open = chat::open(self.connection.clone(), session, mention);
                    self.connection.tasks.spawn(open);
                }
                Err(error) => self.connection.messages.error(&error.message),
            },
            // The loop has seen it.
            Job::End => {}
            Job::Delete(id, reply) => {
                // Whoever asked may have gone.
                let _gone = reply.send(self.delete(&id).await.map(|_| ()));
            }
            Job::NewChat(target) => {
                if let Err(error) = self.new_chat(&target).await {
                    self.connection.messages.error(&error.message);
                }
            }
            Job::Demo(target) => {
                if let Err(error) = self.play_demo(&target).await {
                    self.connection.messages.error(&error.message);
                }
            }
            Job::FoldersClosed(folders) => self.folders_closed(&folders),
            Job::EndLeft(id) => self.end_left(&id).await,
        }
    }

    /// The session that is meant, opened if need be.
    pub(super) async fn session(&mut self, target: &Target) -> Result<&Watched, CommandError> {
        let id = match (target, self.known(target)) {
            (_, Some(id)) if self.attached.contains_key(&id) => id,
            (Target::Session(id), _) => {
                let handle = self.connection.hub.session(Some(id))?;
                self.attach(handle)
            }
            (Target::Folder(_) | Target::Last, _) => {
                let folder = self.folder(target);
                let opened = self.connection.hub.open_folder(&folder).await;
                let handle = opened.map_err(|error| CommandError::failed(format!("{error:#}")))?;
                let id = if self.attached.contains_key(handle.id()) {
                    handle.id().clone()
                } else {
                    self.attach(handle)
                };
                self.homes.insert(folder, id.clone());
                id
            }
        };
        if let Target::Folder(folder) = target {
            self.last = Some(folder.clone());
        }
        self.attached.get(&id).ok_or_else(|| CommandError::internal("the session is not attached"))
    }

    /// The folder of what is meant by its folder.
    pub(super) fn folder(&self, target: &Target) -> PathBuf {
        match target {
            Target::Folder(folder) => folder.clone(),
            _ => self.last.clone().unwrap_or_else(|| self.connection.folder()),
        }
    }

    /// Id of what is meant, if it is known without opening anything.
    pub(super) fn known(&self, target: &Target) -> Option<Arc<str>> {
        match target {
            Target::Session(id) => Some(id.as_str().into()),
            Target::Folder(_) | Target::Last => self.homes.get(&self.folder(target)).cloned(),
        }
    }

    /// The session that was used last, if there is one.
    pub(super) fn current(&self) -> Option<&Watched> {
        self.known(&Target::Last).and_then(|it| self.attached.get(&it))
    }

    /// The session with this id, from its file if it is not live; else the other one.
    async fn stored_session(
        &mut self,
        id: Option<&str>,
        otherwise: &Target,
    ) -> Result<SessionHandle, CommandError> {
        let folder = self.folder(otherwise);
        let stored = match id {
            Some(id) => Some(self.connection.hub.come_to_session(folder, id, None).await),
            None => None,
        };
        match stored {
            Some(Err(error)) if error.code != error::ErrorCode::InvalidParams => Err(error),
            Some(Ok(handle)) => {
                let id = handle.id().clone();
                if !self.attached.contains_key(&id) {
                    self.attach(handle.clone());
                }
                // What is not said elsewhere goes to the chat the user has open.
                self.homes.entry(self.connection.hub.folder_of(&id)).or_insert(id);
                Ok(handle)
            }
            // Gone, or nothing was ever said in it.
            Some(Err(_)) | None => Ok(self.session(otherwise).await?.handle.clone()),
        }
    }

    /// Watches a session from now on.
    pub(super) fn attach(&mut self, handle: SessionHandle) -> Arc<str> {
        let id = handle.id().clone();
        let queue = self.watch(&handle);
        handle.send(Command::Subscribe(queue, Box::new(|_| {})));
        id
    }

    /// A queue of this session whose events go to the client.
    pub(super) fn watch(&mut self, handle: &SessionHandle) -> EventQueue {
        let queue = EventQueue::answering(self.connection.capabilities().answers_to);
        // The user decides about what waits at a stop: in the queue of a plugin, or with words.
        handle.send(Command::HoldAfterStop);
        self.connection.tasks.spawn(watch::watch(self.connection.clone(), handle.clone(), queue.clone()));
        let folder = self.connection.hub.folder_of(handle.id());
        let session = Watched { handle: handle.clone(), queue: queue.clone(), folder };
        self.attached.insert(handle.id().clone(), session);
        queue
    }

    /// Does not watch a session any more.
    pub(super) fn leave(&mut self, id: &str) {
        if let Some(old) = self.attached.remove(id) {
            // What it still had to say stays in the queue and goes out.
            old.queue.close();
        }
        self.homes.retain(|_, it| **it != *id);
    }

    async fn request(&mut self, request: Request, target: &Target, texts: Texts, answering: Answering) {
        match request {
            Request::NewSession(params) => {
                let outcome = self.new_session(target, params).await;
                self.moved(answering, outcome);
            }
            Request::SwitchSession(params) => {
                let outcome = self.switch_session(target, params).await;
                self.moved(answering, outcome);
            }
            Request::Fork(params) => {
                let outcome = self.fork(target, params).await;
                self.moved(answering, outcome);
            }
            Request::Clone(_) => {
                let outcome = self.clone_session(target).await;
                self.moved(answering, outcome);
            }
            Request::ExportHtml(params) => {
                let outcome = self.export_html(target, params).await;
                answering.answer(&outcome.and_then(|it| encode(&it)));
            }
            Request::SetOutputMode(params) => answering.answer(&output_mode(&params)),
            Request::SessionList(_)
            | Request::SessionSearch(_)
            | Request::SessionRename(_)
            | Request::SessionDelete(_)
            | Request::SessionAdd(_)
            | Request::Demo(_)
            | Request::CheckKey(_)
            | Request::SessionAttach(_)
            | Request::SessionClose(_)
            | Request::Diagnostics(_) => self.sessions(request, answering).await,
            Request::EditsRevert(params) if params.fork && !params.preview => {
                let outcome = self.revert_and_fork(target, params).await;
                self.moved(answering, outcome);
            }
            request if review::is_review(&request) => match self.session(target).await {
                Ok(session) => {
                    let answering = answering.through(&session.queue);
                    // From now on the client knows of edits.
                    session.queue.with_edits();
                    let session = session.handle.clone();
                    let hub = self.connection.hub.clone();
                    self.desk
                        .put(async move { answering.answer(&review::serve(&hub, &session, request).await) });
                }
                Err(error) => answering.refuse(error),
            },
            Request::Complete(params) => match self.session(target).await {
                Ok(session) => {
                    let (handle, connection) = (session.handle.clone(), self.connection.clone());
                    // Beside the lane: a large project takes a moment.
                    self.connection.tasks.spawn(async move {
                        let found = chat::choices(&connection, &handle, &params.text).await;
                        answering.answer(&encode(&found));
                    });
                }
                Err(error) => answering.refuse(error),
            },
            Request::Prompt(prompt) => self.prompt(prompt, target, texts, answering).await,
            request => match self.session(target).await {
                Ok(session) => session.dispatch(request, answering),
                Err(error) => answering.refuse(error),
            },
        }
    }

    /// Answers a change of session through the new session's queue.
    fn moved<T: Serialize>(&self, answering: Answering, outcome: Result<T, CommandError>) {
        let answering = match (self.current(), &outcome) {
            (Some(session), Ok(_)) => answering.through(&session.queue),
            _ => answering,
        };
        answering.answer(&outcome.and_then(|it| encode(&it)));
    }

    async fn new_session(
        &mut self,
        from: &Target,
        params: NewSessionParams,
    ) -> Result<Cancelled, CommandError> {
        let from = self.session(from).await?.handle.clone();
        let to = self.connection.hub.new_session(&from, params).await?;
        self.replace(&from, to);
        Ok(Cancelled { cancelled: false })
    }

    async fn switch_session(
        &mut self,
        from: &Target,
        params: SwitchSessionParams,
    ) -> Result<Cancelled, CommandError> {
        let from = self.session(from).await?.handle.clone();
        let to = self.connection.hub.switch_session(&from, params).await.map_err(in_words)?;
        self.replace(&from, to);
        Ok(Cancelled { cancelled: false })
    }

    async fn fork(&mut self, from: &Target, params: ForkParams) -> Result<ForkResult, CommandError> {
        let from = self.session(from).await?.handle.clone();
        let (to, result) = self.connection.hub.fork(&from, params).await?;
        self.replace(&from, to);
        Ok(result)
    }

    async fn fork_chat(
        &mut self,
        from: &str,
        before: Option<String>,
    ) -> Result<(SessionHandle, String), CommandError> {
        let from = self.session(&Target::Session(from.to_owned())).await?.handle.clone();
        let (to, text) = match before {
            Some(entry_id) => {
                let (to, forked) = self.connection.hub.fork(&from, ForkParams { entry_id }).await?;
                (to, forked.text)
            }
            None => (self.connection.hub.clone_session(&from).await?, String::new()),
        };
        self.replace(&from, to.clone());
        Ok((to, text))
    }

    async fn revert_and_fork(
        &mut self,
        from: &Target,
        params: RevertEditsParams,
    ) -> Result<EditsDecided, CommandError> {
        let from = self.session(from).await?.handle.clone();
        let (to, decided) = review::revert_and_fork(&self.connection.hub, &from, params).await?;
        self.replace(&from, to);
        Ok(decided)
    }

    async fn clone_session(&mut self, from: &Target) -> Result<Cancelled, CommandError> {
        let from = self.session(from).await?.handle.clone();
        let to = self.connection.hub.clone_session(&from).await?;
        self.replace(&from, to);
        Ok(Cancelled { cancelled: false })
    }

    async fn export_html(
        &mut self,
        target: &Target,
        params: ExportHtmlParams,
    ) -> Result<ExportedHtml, CommandError> {
        let session = self.session(target).await?.handle.clone();
        self.connection.hub.export_html(&session, params).await
    }

    fn replace(&mut self, from: &SessionHandle, to: SessionHandle) {
        let folder = self.connection.hub.folder_of(to.id());
        if from.id() != to.id() {
            self.leave(from.id());
        }
        let id = if self.attached.contains_key(to.id()) { to.id().clone() } else { self.attach(to) };
        self.homes.insert(folder.clone(), id);
        self.last = Some(folder);
    }
}

fn output_mode(params: &SetOutputModeParams) -> Answer {
    match params.mode {
        OutputMode::Compact => Ok(None),
        OutputMode::Full => Err(CommandError::failed(
            "over LSP updates carry only what was added; full updates exist over JSONL",
        )),
    }
}
