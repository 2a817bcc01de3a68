//! A chat that another process has open. A session has one writer, so here it can only be copied.

use tokio::sync::oneshot;

use super::{commands, document::Tick, draft::Taken, lock, open, room::Room};
use crate::{failure::OPEN_ELSEWHERE, markdown, transport::lsp::lane::Job};

/// The text of the box that opens a copy.
const COPY: &str = "open a copy";
/// The box, as a paragraph.
pub const OFFER: &str = "- [ ] open a copy\n\n";
/// The command that opens a copy here: it opens one of any chat.
const FORK: &str = "fork";

impl Room {
    /// Offers a copy below what was said last, if this is why there is no session.
    pub(super) fn offer_copy(&mut self, why: &str) {
        if why == OPEN_ELSEWHERE {
            let notes = &mut self.story.notes;
            // One is enough.
            *notes = notes.replace(OFFER, "");
            notes.push_str(OFFER);
            self.dirty = true;
        }
    }

    /// Takes the tick that opens a copy. False if there is none.
    pub(super) fn takes_copy(&self, ticks: &[Tick]) -> bool {
        ticks.iter().any(|it| it.text == COPY && lock(&self.document).take_tick(it))
    }

    /// Does what was typed, if that is possible without the session. False if it is not.
    pub(super) async fn without_session(&mut self, taken: &Taken, why: &str) -> bool {
        let forks = commands::find(&taken.text).is_some_and(|(it, rest)| it.name == FORK && rest.is_empty());
        if why != OPEN_ELSEWHERE || !forks {
            return false;
        }
        lock(&self.document).accept(taken.id);
        self.dirty = true;
        self.write().await;
        self.open_copy().await;
        true
    }

    /// Opens another chat with everything that was said in this one, and with the draft.
    pub(super) async fn open_copy(&mut self) {
        let session = markdown::session_id(&lock(&self.document).text).map(str::to_owned);
        let Some(session) = session else { return };
        let (reply, answer) = oneshot::channel();
        self.connection.enqueue(Job::Copy { session, folder: self.project(), reply });
        let copied = answer.await.map_err(|_ended| "Pi ends".to_owned());
        match copied.and_then(|it| it.map_err(commands::text)) {
            Ok(copy) => {
                self.story.notes = self.story.notes.replace(OFFER, "");
                let draft = lock(&self.document).draft().to_owned();
                open::open(self.connection.clone(), copy, Some(draft).filter(|it| !it.is_empty())).await;
                self.note("the copy is open");
            }
            Err(error) => self.note(&error),
        }
    }
}
