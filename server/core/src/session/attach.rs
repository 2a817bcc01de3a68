//! Coming to a session that lives already.

use pi_protocol::*;

use super::{actor::SessionActor, handle::Reply};
use crate::bus::EventQueue;

/// A moment from which messages and events together give the whole session: those of the messages that were complete
/// then, and the events since. Between two such moments a message grows and exists in events only.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Milestone {
    seq: u64,
    messages: usize,
}

impl SessionActor {
    /// All that was said so far is in the messages.
    pub(super) fn reach_milestone(&mut self) {
        self.milestone = Milestone { seq: self.bus.seq(), messages: self.messages.len() };
    }

    /// Sends `queue` everything from now on, and first what its client has missed: the events since its cursor where
    /// they are still there, else the session as it is.
    pub(super) fn attach(&mut self, queue: &EventQueue, params: &AttachParams, reply: Reply<Attached>) {
        // Of one that attaches a second time: they follow again.
        queue.discard_events();
        let known = params.since.filter(|_| params.epoch.is_none_or(|it| it == self.epoch));
        let known = known.filter(|it| self.bus.has_after(*it));
        let (seq, snapshot) = match known {
            Some(seq) => (seq, None),
            None => {
                let Milestone { seq, messages } = self.last_milestone();
                let messages = self.messages.iter().take(messages).cloned().collect();
                let queue = self.queue_items().items;
                (seq, Some(SessionSnapshot { state: self.state(), messages, queue }))
            }
        };
        let turn_id = self.bus.turn();
        let (session_id, folder) = (self.id.to_string(), self.folder.clone());
        reply(Ok(Attached { session_id, folder, epoch: self.epoch, seq, turn_id, snapshot }));
        if !self.bus.subscribe_after(seq, queue) {
            self.bus.subscribe(queue.clone());
        }
    }

    fn last_milestone(&self) -> Milestone {
        let now = Milestone { seq: self.bus.seq(), messages: self.messages.len() };
        // The beginning of a very long message may be gone: it is then seen whole when it ends.
        let usable = !self.run.is_idle() && self.bus.has_after(self.milestone.seq);
        if usable { self.milestone } else { now }
    }
}
