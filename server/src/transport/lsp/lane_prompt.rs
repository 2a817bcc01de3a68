//! Prompts whose context takes time: the editor is asked, images are read.
//!
//! That is done beside the lane, which serves other sessions meanwhile. Later requests of the same session wait behind
//! the prompt, as if it had been sent at once; what stops something does not wait, and gives up the prompt and those
//! behind it.

use std::{collections::VecDeque, sync::Arc};

use pi_protocol::{CommandError, PromptParams, Request, Scope};
use tokio_util::sync::CancellationToken;
use tower_lsp::jsonrpc::Id;

use super::{
    connection::Answering,
    lane::{Job, Lane},
    target::Target,
};
use crate::context::{self, Texts};

/// A prompt whose context is being put together.
pub(super) struct Preparing {
    /// Id of its request.
    pub id: Id,
    given_up: CancellationToken,
    /// What came after it for the same session.
    behind: VecDeque<Waiting>,
}

/// A request, as the lane has it.
type Waiting = (Request, Target, Texts, Answering);

impl Preparing {
    /// Stops asking; the prompt is then refused.
    pub fn give_up(&self) {
        self.given_up.cancel();
    }
}

impl Lane {
    /// Gives up the prompt of this session, if its context is still being put together, and the prompts behind it.
    pub(super) fn give_up_prompts(&mut self, session: &str) {
        let Some(preparing) = self.preparing.get_mut(session) else { return };
        preparing.give_up();
        for waiting in std::mem::take(&mut preparing.behind) {
            match waiting {
                (Request::Prompt(_), _, _, answering) => answering.refuse(stopped()),
                other => preparing.behind.push_back(other),
            }
        }
    }

    /// Puts a request behind the prompt that its session prepares; gives it back if there is none.
    pub(super) fn behind_prompt(
        &mut self,
        request: Request,
        target: Target,
        texts: Texts,
        answering: Answering,
    ) -> Option<Waiting> {
        let session = self.known(&target);
        let waiting = (request, target, texts, answering);
        if waiting.0.method().scope() == Scope::Overtakes {
            if let (Request::Abort(_), Some(session)) = (&waiting.0, session) {
                self.give_up_prompts(&session);
            }
            return Some(waiting);
        }
        match session.and_then(|it| self.preparing.get_mut(&it)) {
            None => Some(waiting),
            Some(preparing) => {
                preparing.behind.push_back(waiting);
                None
            }
        }
    }

    /// `pi/prompt`.
    pub(super) async fn prompt(
        &mut self,
        mut prompt: PromptParams,
        target: &Target,
        texts: Texts,
        answering: Answering,
    ) {
        let (session, folder) = match self.session(target).await {
            Ok(session) => (session.handle.id().clone(), session.folder.clone()),
            Err(error) => return answering.refuse(error),
        };
        let connection = self.connection.clone();
        let workspace = connection.documents.workspace().cloned();
        let limits = connection.hub.compose().image_limits(&folder);
        if !context::takes_time(&prompt.context) {
            context::resolve(&mut prompt, texts, limits, workspace.as_deref()).await;
            return self.hand_over(&session, prompt, answering);
        }
        let given_up = CancellationToken::new();
        let preparing =
            Preparing { id: answering.id().clone(), given_up: given_up.clone(), behind: VecDeque::new() };
        self.preparing.insert(session.clone(), preparing);
        connection.tasks.clone().spawn(async move {
            let ready = tokio::select! {
                () = context::resolve(&mut prompt, texts, limits, workspace.as_deref()) => true,
                () = given_up.cancelled() => false,
            };
            connection.enqueue(Job::Prepared { session, prompt: ready.then_some(prompt), answering });
        });
    }

    /// The context of a prompt is there, or was given up: it and what waited behind it go on.
    pub(super) async fn prepared(
        &mut self,
        session: Arc<str>,
        prompt: Option<PromptParams>,
        answering: Answering,
    ) {
        let behind = self.preparing.remove(&session).map(|it| it.behind).unwrap_or_default();
        match prompt {
            Some(prompt) => self.hand_over(&session, prompt, answering),
            None => answering.refuse(stopped()),
        }
        for (request, target, texts, answering) in behind {
            // Among them may be another such prompt; the rest then waits behind that one.
            Box::pin(self.job(Job::Request { request, target, texts, answering })).await;
        }
    }

    fn hand_over(&self, session: &str, prompt: PromptParams, answering: Answering) {
        match self.attached.get(session) {
            Some(session) => session.dispatch(Request::Prompt(prompt), answering),
            None => answering.refuse(CommandError::failed("the session has ended")),
        }
    }
}

fn stopped() -> CommandError {
    CommandError::failed("stopped before it was sent")
}
