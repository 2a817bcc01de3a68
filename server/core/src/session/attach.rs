//! Coming to a session that lives already.

use pi_protocol::{entry::Entry, *};

use super::{actor::SessionActor, handle::Reply};
use crate::bus::EventQueue;

/// A session as it is, for one who follows its entries.
#[derive(Debug, Clone)]
pub struct Followed {
    /// All of them.
    pub entries: Vec<Entry>,
    /// The last one before the events that follow.
    pub leaf_id: Option<String>,
    /// What it is doing.
    pub state: SessionState,
    /// What waits.
    pub queue: Vec<QueueItem>,
}

/// A moment from which messages and events together give the whole session: those of the messages that were complete
/// then, and the events since. Between two such moments a message grows and exists in events only.
#[derive(Debug, Clone, Default)]
pub(super) struct Milestone {
    seq: u64,
    messages: usize,
    leaf: Option<String>,
}

impl SessionActor {
    /// All that was said so far is in the messages.
    pub(super) fn reach_milestone(&mut self) {
        self.milestone = self.here();
    }

    fn here(&self) -> Milestone {
        Milestone { seq: self.bus.seq(), messages: self.messages.len(), leaf: self.leaf_id() }
    }

    /// Sends `queue` everything since the last moment at which all messages were complete, and gives the entries of then
    /// first.
    pub(super) fn follow(&mut self, queue: &EventQueue, reply: Reply<Followed>) {
        let Milestone { seq, leaf, .. } = self.last_milestone();
        let (state, queued) = (self.state(), self.queue_items().items);
        reply(Ok(Followed { entries: self.tree.entries().to_vec(), leaf_id: leaf, state, queue: queued }));
        if !self.bus.subscribe_after(seq, queue) {
            self.bus.subscribe(queue.clone());
        }
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
                let Milestone { seq, messages, .. } = self.last_milestone();
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
        // The beginning of a very long message may be gone: it is then seen whole when it ends.
        let usable = !self.run.is_idle() && self.bus.has_after(self.milestone.seq);
        if usable { self.milestone.clone() } else { self.here() }
    }
}
