//! Sessions as such: which there are, several at once on one connection, and those of folders that are closed.

use std::path::{Path, PathBuf};

use lsp_types::Url;
use pi_core::{SessionHandle, session::Command};
use pi_protocol::*;
use pi_providers::catalog;
use serde::Serialize;

use super::{
    actions::demo,
    chat,
    connection::Answering,
    lane::{Job, Lane},
    target::Target,
};
use crate::{demo::in_editor, dispatch::encode, failure::explain_all};

impl Lane {
    /// Serves one of them. Those that only read files do not hold up later requests.
    pub(super) async fn sessions(&mut self, request: Request, answering: Answering) {
        let hub = self.connection.hub.clone();
        let own = self.connection.folder();
        let named = |folder: Option<String>| folder.map_or_else(|| own.clone(), PathBuf::from);
        match request {
            Request::SessionList(params) => {
                let folder = named(params.folder);
                self.later(answering, async move { Ok(hub.list_sessions(folder).await) });
            }
            Request::SessionSearch(params) => {
                let folder = named(params.folder);
                self.later(answering, async move { hub.search_sessions(folder, params.query).await });
            }
            Request::SessionRename(params) => {
                finish(answering, hub.rename_session(own, &params.session_id, &params.name).await);
            }
            Request::SessionDelete(params) => {
                finish(answering, self.delete(&params.session_id).await);
            }
            Request::SessionClose(params) => {
                let known = hub.session(Some(&params.session_id));
                if known.is_ok() {
                    hub.close(&params.session_id).await;
                    self.leave(&params.session_id);
                }
                finish(answering, known.map(|_| Empty {}));
            }
            Request::SessionAdd(params) => {
                // Without one where the user is, as every new chat.
                let here = self.connection.folders().active().map(|it| it.to_string_lossy().into_owned());
                let folder = named(params.folder.or(here));
                let added = match &params.copy_of {
                    Some(id) => hub.copy_session(folder, id).await,
                    None => match self.session(&Target::Last).await.map(|it| it.handle.clone()) {
                        Ok(from) => hub.add_session(&folder, Some(&from)).await,
                        Err(error) => Err(error),
                    },
                };
                finish(answering, added.map(|it| AddedSession { session_id: self.attach(it).to_string() }));
            }
            Request::Demo(params) => {
                let here = self.connection.folders().active().map(|it| it.to_string_lossy().into_owned());
                let folder = named(params.folder.or(here));
                self.own_session(&Target::Last).await;
                let begun = in_editor::prepare(&hub, &folder).await;
                finish(
                    answering,
                    begun.map(|it| Demo {
                        session_id: self.attach(it.session).to_string(),
                        uri: Url::from_file_path(it.file).map(String::from).unwrap_or_default(),
                        prompt: it.prompt.to_owned(),
                    }),
                );
            }
            Request::CheckKey(CheckKeyParams { provider }) => {
                self.later(answering, async move {
                    let status = hub.compose().registry().key_refusal(&provider).await;
                    let peer = catalog::display_name(&provider);
                    let words = |it| format!("{peer} did not accept the key ({it}).");
                    Ok(CheckedKey { refused: status.map(words) })
                });
            }
            Request::SessionAttach(params) => self.come_to(params, answering).await,
            _ => {
                let mut gauges = hub.diagnostics().await;
                if let Some(workspace) = self.connection.documents.workspace() {
                    gauges.open_documents = workspace.open_paths().len();
                    gauges.dirty_documents = workspace.dirty_documents().len();
                }
                gauges.requests = self.connection.owed();
                gauges.client_requests = self.connection.client.pending();
                gauges.outbound_bytes = self.connection.out.waiting();
                gauges.completion = self.connection.inline.gauges();
                gauges.events = self.attached.values().map(|it| it.queue.len()).sum();
                finish(answering, Ok(gauges));
            }
        }
    }

    /// Moves a session into the trash.
    pub(super) async fn delete(&mut self, id: &str) -> Result<DeletedSession, CommandError> {
        let folder = self.connection.folder();
        let deleted = self.connection.hub.delete_session(folder, id).await?;
        self.leave(id);
        Ok(deleted)
    }

    /// Begins another chat in the folder of this one, which goes on, and opens its document. What names no chat is from
    /// now on about the new one.
    pub(super) async fn new_chat(&mut self, beside: &Target) -> Result<(), CommandError> {
        let from = self.session(beside).await?.handle.clone();
        let folder = self.connection.hub.folder_of(from.id());
        let added = self.connection.hub.add_session(&folder, Some(&from)).await?;
        let id = self.attach(added.clone());
        self.homes.insert(folder.clone(), id);
        self.last = Some(folder);
        // A plugin that has chats of its own shows it there.
        if self.connection.capabilities().chat_document {
            self.connection.tasks.spawn(chat::open(self.connection.clone(), added, None));
        }
        Ok(())
    }

    /// A copy of a stored session. What names no chat is from now on about it.
    pub(super) async fn copy(&mut self, folder: PathBuf, id: &str) -> Result<SessionHandle, CommandError> {
        let copy = self.connection.hub.copy_session(folder.clone(), id).await?;
        let id = self.attach(copy.clone());
        self.homes.insert(folder.clone(), id);
        self.last = Some(folder);
        Ok(copy)
    }

    /// Plays the demo beside the chats of a folder, which stay what they are.
    pub(super) async fn play_demo(&mut self, target: &Target) -> Result<(), CommandError> {
        self.own_session(target).await;
        let demo = in_editor::prepare(&self.connection.hub, &self.folder(target)).await?;
        self.attach(demo.session.clone());
        self.connection.tasks.spawn(demo::play(self.connection.clone(), demo));
        Ok(())
    }

    /// Opens the user's own session before one that is not: what names no session would be about the other one.
    async fn own_session(&mut self, target: &Target) {
        if let Err(error) = self.session(target).await {
            tracing::info!("the demo is played without a session beside it: {}", error.message);
        }
    }

    async fn come_to(&mut self, params: AttachParams, answering: Answering) {
        let from = self.current().map(|it| it.handle.clone());
        let folder = self.connection.folder();
        let hub = self.connection.hub.clone();
        let handle = match hub.come_to_session(folder, &params.session_id, from.as_ref()).await {
            Ok(handle) => handle,
            Err(error) => return answering.refuse(error),
        };
        let queue = match self.attached.get(handle.id()) {
            Some(known) => known.queue.clone(),
            None => self.watch(&handle),
        };
        // Through its queue: the events that were missed follow the answer.
        let answering = answering.through(&queue);
        let reply = Box::new(move |outcome: Result<Attached, CommandError>| {
            let explained = outcome.map(|mut it| {
                if let Some(snapshot) = &mut it.snapshot {
                    explain_all(&mut snapshot.messages);
                }
                it
            });
            finish(answering, explained);
        });
        handle.send(Command::Attach(queue, params, reply));
    }

    /// The sessions of these folders end once nothing runs in them any more.
    pub(super) fn folders_closed(&mut self, folders: &[PathBuf]) {
        let is_closed = |folder: &Path| folders.iter().any(|it| it == folder);
        self.last.take_if(|it| is_closed(it));
        for session in self.attached.values().filter(|it| is_closed(&it.folder)) {
            let (connection, session) = (self.connection.clone(), session.handle.clone());
            tokio::spawn(async move {
                if session.ask(Command::WhenSettled).await.is_ok() {
                    connection.enqueue(Job::EndLeft(session.id().clone()));
                }
            });
        }
    }

    /// Ends such a session, unless its folder is open again or a run has begun.
    pub(super) async fn end_left(&mut self, id: &str) {
        let Some(session) = self.attached.get(id) else { return };
        if self.connection.folders().all().contains(&session.folder) {
            return;
        }
        match session.handle.ask(Command::GetState).await {
            // Begun again in the meantime.
            Ok(state) if state.is_streaming || state.is_compacting => {
                let folder = session.folder.clone();
                self.folders_closed(&[folder]);
            }
            _ => {
                self.connection.hub.close(id).await;
                self.leave(id);
            }
        }
    }

    /// Answers when `work` is done, whatever comes meanwhile.
    fn later<T: Serialize + Send + 'static>(
        &self,
        answering: Answering,
        work: impl Future<Output = Result<T, CommandError>> + Send + 'static,
    ) {
        self.connection.tasks.spawn(async move { finish(answering, work.await) });
    }
}

fn finish<T: Serialize>(answering: Answering, outcome: Result<T, CommandError>) {
    answering.answer(&outcome.and_then(|it| encode(&it)));
}
