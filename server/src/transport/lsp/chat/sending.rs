//! The way of a message from the prompt to the session: it leaves the prompt once the session has it, and stays with
//! the reason above it when it is refused.

use pi_core::{
    SessionHandle,
    session::{Command, Reply},
};
use pi_protocol::{CommandError, Delivery, PromptAccepted, StreamingBehavior};
use tokio::sync::mpsc::WeakUnboundedSender;

use super::{
    commands::{self, Row, Said},
    draft::Taken,
    lock, mistyped,
    room::{Message, Room, Sending},
    send,
    writing::Return,
};
use crate::{
    failure::{KEPT, refusal},
    markdown::Status,
};

/// Commands that say something, and when.
const QUEUE: &str = "queue";
const NOW: &str = "now";

impl Room {
    /// Sends what was taken from the prompt, or does what it says.
    pub(super) async fn send(&mut self, taken: Taken) {
        if self.session.is_none() {
            if let Err(error) = self.attach(false).await {
                if self.without_session(&taken, &error).await {
                    return;
                }
                return self.refused(&taken, &error);
            }
        }
        let Some(session) = self.session.clone() else {
            return self.refused(&taken, "the session has ended");
        };
        match commands::find(&taken.text) {
            Some((command @ Row { name: QUEUE | NOW, .. }, rest)) if !rest.is_empty() => {
                let said = rest.to_owned();
                if command.name == NOW {
                    // What it stops for may then be refused all the same: it is said where it stands.
                    let _stopped = session.ask(Command::Abort).await;
                }
                let behavior = if command.name == QUEUE {
                    StreamingBehavior::FollowUp
                } else {
                    StreamingBehavior::Steer
                };
                self.say(&session, Sending { taken, said }, behavior);
            }
            Some((command, rest)) => {
                let rest = rest.to_owned();
                lock(&self.document).accept(taken.id);
                self.dirty = true;
                // Taken out first: what the command writes comes behind that.
                self.write().await;
                self.was_sent(taken.raw, None).await;
                commands::run(self, command, &rest).await;
            }
            None => {
                if let Some(why) = mistyped(&session, &taken.text).await {
                    return self.refused(&taken, &why);
                }
                let said = commands::said(&taken.text);
                self.say(&session, Sending { taken, said }, StreamingBehavior::Steer);
            }
        }
    }

    fn say(&mut self, session: &SessionHandle, sending: Sending, behavior: StreamingBehavior) {
        let mut params = send::prompt(&self.connection, &self.project(), &sending.said);
        params.streaming_behavior = Some(behavior);
        session.send(Command::Prompt(params, reply(sending, self.outbox.clone())));
    }

    /// Takes in what became of a message.
    pub(super) async fn prompted(&mut self, sending: Sending, outcome: Result<PromptAccepted, CommandError>) {
        let Sending { taken, said } = sending;
        match outcome {
            Ok(accepted) => {
                if accepted.delivery == Delivery::Started {
                    self.story.starts(&said);
                }
                lock(&self.document).accept(taken.id);
                self.was_sent(taken.raw, Some(said)).await;
                self.dirty = true;
            }
            Err(error) => self.refused(&taken, &error.message),
        }
    }

    fn refused(&mut self, taken: &Taken, why: &str) {
        lock(&self.document).refuse(taken.id);
        self.story.heading(Status::Failed, &format!("not sent: {}{KEPT}", refusal(why)));
        self.offer_copy(why);
        self.dirty = true;
    }

    /// `/take`: the last message that waits comes back into the prompt. It waits until it is there.
    pub(super) async fn take(&mut self, session: &SessionHandle) -> Said {
        let waiting = session.ask(Command::QueueList).await.map_err(commands::text)?.items;
        let is_coming = |id: u64| self.returning.iter().any(|it| it.item == Some(id));
        let last = waiting.into_iter().rev().find(|it| !is_coming(it.id));
        let last = last.ok_or_else(|| "Nothing is queued".to_owned())?;
        self.bring(Return { text: last.text, item: Some(last.id), is_new: true });
        Ok(String::new())
    }
}

/// Why a text that looks like a command is not sent; nothing if it is for the model.
async fn mistyped(session: &SessionHandle, text: &str) -> Option<String> {
    if !text.starts_with('/') {
        return None;
    }
    let others = session.ask(Command::GetCommands).await.map(|it| it.commands).unwrap_or_default();
    let others: Vec<String> = others.into_iter().map(|it| it.name).collect();
    mistyped::why(text, &others)
}

/// Tells the room what became of a message, also if the session ends instead of answering. It is told by the session's
/// own task: before any event that follows.
fn reply(sending: Sending, outbox: WeakUnboundedSender<Message>) -> Reply<PromptAccepted> {
    let mut answer = Answer { sending: Some(sending), outbox };
    Box::new(move |outcome| answer.tell(outcome))
}

struct Answer {
    sending: Option<Sending>,
    outbox: WeakUnboundedSender<Message>,
}

impl Answer {
    fn tell(&mut self, outcome: Result<PromptAccepted, CommandError>) {
        let Some(sending) = self.sending.take() else { return };
        if let Some(outbox) = self.outbox.upgrade() {
            // A document that was closed meanwhile needs no answer.
            let _closed = outbox.send(Message::Prompted(sending, outcome)).is_err();
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.tell(Err(CommandError::failed("the session has ended")));
    }
}
