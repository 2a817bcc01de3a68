//! Messages that wait: taking them in, showing and changing them, and holding them after a stop.

use pi_protocol::*;

use super::{
    actor::SessionActor,
    handle::{CommandResult, Reply},
};
use crate::queue::{QueuedText, user_message};

impl SessionActor {
    /// Takes in a message that waits. One that is meant for a turn which is over is not taken: the one who sent it
    /// still has it. Whether it is over is decided here and nowhere else, so a message is never both.
    pub(super) fn queue(&mut self, kind: QueueKind, params: QueueParams, reply: Reply<Queued>) {
        let turn_id = self.bus.turn();
        if params.expected_turn_id.is_some() && params.expected_turn_id != turn_id {
            return reply(Ok(Queued { accepted: false, item_id: None, turn_id }));
        }
        let id = self.enqueue(kind, params.message, params.appendix, params.images);
        if self.hold_after_stop {
            // Pi lets it wait for the next prompt.
            self.say_after_compaction();
        }
        reply(Ok(Queued { accepted: true, item_id: Some(id), turn_id }));
    }

    /// Puts a message at the end of its queue and tells everybody.
    pub(super) fn enqueue(
        &mut self,
        kind: QueueKind,
        written: String,
        appendix: String,
        images: Vec<ImageContent>,
    ) -> u64 {
        let text = self.expand(written.clone(), &appendix);
        let id = self.queues.push(kind, QueuedText { written, appendix, text }, images);
        self.publish_queues();
        id
    }

    /// Takes what is to be delivered now and tells everybody.
    pub(super) fn take_queued(&mut self, kind: QueueKind) -> Vec<crate::queue::Queued> {
        let settings = self.settings.current();
        let mode = match kind {
            QueueKind::Steer => settings.steering_mode,
            QueueKind::FollowUp => settings.follow_up_mode,
        };
        let taken = self.queues.take(kind, mode);
        if !taken.is_empty() {
            self.publish_delivery(taken.iter().map(|it| it.id).collect());
        }
        taken
    }

    pub(super) fn publish_queues(&mut self) {
        self.publish_delivery(Vec::new());
    }

    fn publish_delivery(&mut self, delivered: Vec<u64>) {
        let (steering, follow_up) = self.queues.texts();
        let items = self.queues.items();
        self.bus.publish(AgentEvent::QueueUpdate { steering, follow_up, items, delivered });
    }

    /// Holds what waits, where a client has asked for that: nothing more happens by itself.
    pub(super) fn hold_queues(&mut self) {
        if self.hold_after_stop && self.queues.hold() {
            self.publish_queues();
        }
    }

    pub(super) fn queue_items(&self) -> QueueItems {
        QueueItems { items: self.queues.items() }
    }

    pub(super) fn queue_edit(&mut self, params: EditQueuedParams) -> CommandResult<QueueItems> {
        let appendix = self.queues.get_mut(params.id).map(|(_, it)| it.text.appendix.clone());
        let appendix = appendix.ok_or_else(|| gone(params.id))?;
        let text = params.text.map(|written| {
            let text = self.expand(written.clone(), &appendix);
            QueuedText { written, appendix, text }
        });
        let (kind, item) = self.queues.get_mut(params.id).ok_or_else(|| gone(params.id))?;
        if let Some(text) = text {
            item.text = text;
        }
        if let Some(images) = params.images {
            item.images = images;
        }
        if let Some(wanted) = params.kind.filter(|it| *it != kind) {
            if let Some(item) = self.queues.remove(params.id) {
                self.queues.put_last(wanted, item);
            }
        }
        self.publish_queues();
        Ok(self.queue_items())
    }

    pub(super) fn queue_delete(&mut self, id: u64) -> CommandResult<QueueItems> {
        self.queues.remove(id).ok_or_else(|| gone(id))?;
        self.publish_queues();
        Ok(self.queue_items())
    }

    pub(super) fn queue_reorder(&mut self, ids: &[u64]) -> CommandResult<QueueItems> {
        self.queues.reorder(ids);
        self.publish_queues();
        Ok(self.queue_items())
    }

    /// Delivers one message: as a prompt when nothing runs, else as the next that steers.
    pub(super) fn queue_send(&mut self, id: u64, reply: Reply<PromptAccepted>) {
        if self.queues.get_mut(id).is_none() {
            return reply(Err(gone(id)));
        }
        if self.run.is_idle() {
            if let Err(error) = self.may_prompt() {
                return reply(Err(error));
            }
        }
        let Some(mut item) = self.queues.remove(id) else { return reply(Err(gone(id))) };
        if !self.run.is_idle() {
            item.held = false;
            self.queues.put_first(item);
            self.publish_queues();
            self.say_after_compaction();
            return reply(Ok(self.accepted(Delivery::Steering, Some(id))));
        }
        self.begin_turn();
        reply(Ok(self.accepted(Delivery::Started, None)));
        self.publish_delivery(vec![id]);
        self.flush_deferred();
        self.start_prompt(vec![user_message(item.text.text, item.images)]);
    }

    /// Says what waits, as if it was sent now; nothing if nothing waits any more.
    pub(super) fn deliver_as_prompt(&mut self) {
        if !self.queues.any_free() {
            return;
        }
        self.begin_turn();
        let waiting = self.take_next();
        self.start_prompt(waiting);
    }

    /// Takes the messages that are next: those that steer first.
    pub(super) fn take_next(&mut self) -> Vec<AgentMessage> {
        let mut next = self.take_queued(QueueKind::Steer);
        if next.is_empty() {
            next = self.take_queued(QueueKind::FollowUp);
        }
        next.into_iter().map(|it| it.into_message()).collect()
    }

    /// All events until the session has settled belong to a new turn.
    pub(super) fn begin_turn(&mut self) {
        self.reach_milestone();
        self.turn_count += 1;
        self.bus.set_turn(Some(self.turn_count));
    }

    /// The answer to a prompt.
    pub(super) fn accepted(&self, delivery: Delivery, item_id: Option<u64>) -> PromptAccepted {
        let session_id = self.id.to_string();
        PromptAccepted { accepted: true, delivery, session_id, turn_id: self.bus.turn(), item_id }
    }
}

fn gone(id: u64) -> CommandError {
    CommandError::failed(format!("No message {id} waits: it has been delivered or removed."))
}
