//! From a chat document to its session: what of the conversation the document has, and what is to be written.

use std::{collections::HashSet, sync::Arc};

use pi_core::{
    bus::EventQueue,
    session::{Command, Followed},
};
use pi_protocol::{AgentMessage, Entry, SessionEntries, SessionState, entry::EntryKind};
use tokio::sync::oneshot;

use super::{kept::Kept, lock, review, room::Room, story::title_of, writing::Return, written::Written};
use crate::{
    markdown::{self, Turn},
    transport::lsp::{lane::Job, questions, target::Target},
};

impl Room {
    /// Finds the session of the document and what is missing in the document; with `anew`, everything is.
    ///
    /// # Errors
    /// There is no session, and why.
    pub(super) async fn attach(&mut self, anew: bool) -> Result<(), String> {
        let wanted = markdown::session_id(&lock(&self.document).text).map(str::to_owned);
        let (reply, answer) = oneshot::channel();
        self.connection.enqueue(Job::Session(wanted.clone(), Target::Folder(self.project()), reply));
        let session = answer.await.map_err(|_ended| "Pi ends".to_owned())?.map_err(|error| error.message)?;
        if let Some(old) = wanted.filter(|it| **it != **session.id()) {
            // Its file is gone, or nothing was ever said in it.
            let wanted = lock(&self.document).with_session(&old, session.id());
            self.commit(wanted).await;
        }
        self.queue.close();
        self.queue = EventQueue::of_one_session();
        // What waits at a stop is shown here, and its user decides about it.
        session.send(Command::HoldAfterStop);
        let queue = self.queue.clone();
        let followed = session.ask(|reply| Command::Follow(queue, reply)).await;
        let is_first = !std::mem::replace(&mut self.was_attached, true);
        let kept = if is_first { Kept::read(&self.path, session.id()).await } else { None };
        if let Some(kept) = &kept {
            self.connection.chats.numbers.remember(session.id(), kept.numbers.clone());
        }
        if let Some(header) = self.connection.hub.header(session.id()) {
            self.story.written = Written::read(self.chats(), &header).await;
        }
        self.story.hunks = review::hunks(&self.connection, session.id()).await;
        let story = &mut self.story;
        review::patches(&self.connection, session.id(), &story.hunks, &mut story.patches).await;
        self.hunks_moved = true;
        self.session = Some(session);
        let Followed { entries, leaf_id, state, queue } =
            followed.map_err(|_ended| "the session has ended".to_owned())?;
        self.story.waits(queue);
        let path = entries_of(&entries, leaf_id.as_deref());
        if is_first {
            self.find_place(&entries, &path, kept);
        }
        if anew {
            lock(&self.document).thaw_all();
        }
        self.catch_up(&state, &messages_of(&path), anew);
        Ok(())
    }

    /// Finds out which turns the document has, and what became of messages that were under way when it was closed.
    fn find_place(&mut self, entries: &[Entry], path: &[&Entry], kept: Option<Kept>) {
        let turns = turns_of(path).into_iter().map(|(id, it)| (id, self.story.written.restored(it)));
        let turns: Vec<_> = turns.collect();
        let mut document = lock(&self.document);
        let found = found(&document.text, &turns, self.story.style.time);
        let kept = kept.filter(|kept| {
            let known = match &kept.after {
                // Saved when the session had ended already.
                None => kept.saved.frozen <= turns.len(),
                Some(id) => turns.get(kept.saved.frozen.wrapping_sub(1)).is_some_and(|it| it.0 == *id),
            };
            // An editor may have kept a text that was never saved.
            known && found.is_none_or(|it| it.0 < kept.saved.frozen + kept.saved.turns())
        });
        match (kept, found) {
            (Some(kept), _) => {
                document.restore(&kept.saved);
                self.story.notes.clone_from(&kept.notes);
                let before = entries_of(entries, kept.leaf.as_deref());
                let before: HashSet<&str> = before.iter().map(|it| it.base.id.as_str()).collect();
                let since = path.iter().filter(|it| !before.contains(it.base.id.as_str()));
                let queued: Vec<&str> = self.story.waiting().collect();
                let arrived = kept.arrived(since.filter_map(|it| said(it)).collect(), &queued);
                for raw in &arrived.sent {
                    document.is_sent(raw);
                }
                let lost = arrived.lost.into_iter().map(|text| Return { text, item: None, is_new: false });
                self.returning.extend(lost);
            }
            (None, Some((turn, at))) => {
                document.frozen = turn;
                let rendered = self.story.rendered(&turns[turn].1);
                document.thaw(at, &rendered);
            }
            (None, None) => {}
        }
        document.is_placed();
    }

    /// Goes on with what the document does not have of the conversation so far.
    fn catch_up(&mut self, state: &SessionState, messages: &[Arc<AgentMessage>], anew: bool) {
        let turns = markdown::split(messages).into_iter();
        let mut turns: Vec<_> = turns.map(|it| self.story.written.restored(it)).collect();
        let first = turns.first().and_then(|it| it.messages.first());
        self.story.title = state.session_name.clone().or_else(|| first.and_then(|it| title_of(it)));
        questions::pending(state).for_each(|it| self.story.ask(it));
        let mut document = lock(&self.document);
        let frozen = document.frozen.min(turns.len());
        let mut missing = turns.split_off(frozen);
        let is_over = missing.len() > 1 || (missing.len() == 1 && !state.is_streaming);
        // It stays as it was written while somebody watched.
        if is_over && !anew && document.freeze_finished() {
            missing.remove(0);
        }
        let last = missing.pop().map(|it| Turn { settled: !state.is_streaming, ..it });
        self.story.begin(&missing, last);
        self.dirty = true;
    }
}

/// The turns of a conversation, each with the entry of its first message.
fn turns_of(path: &[&Entry]) -> Vec<(String, Turn)> {
    let mut ids = path.iter().filter(|it| matches!(it.kind, EntryKind::Message { .. }));
    let with_id = |turn: Turn| {
        let of_turn: Vec<_> = ids.by_ref().take(turn.messages.len()).collect();
        Some((of_turn.first()?.base.id.clone(), turn))
    };
    markdown::split(&messages_of(path)).into_iter().filter_map(with_id).collect()
}

/// How many turns began before an entry.
pub fn turns_before(all: &SessionEntries, id: &str) -> usize {
    let path = entries_of(&all.entries, all.leaf_id.as_deref());
    let end = path.iter().position(|it| it.base.id == id).unwrap_or(0);
    turns_of(&path[..end]).len()
}

/// The entry of the prompt of each turn.
pub fn prompts_of(path: &[&Entry]) -> Vec<String> {
    turns_of(path).into_iter().map(|it| it.0).collect()
}

/// The last turn that a text shows, by the times in its headings, and where it begins.
fn found(text: &str, turns: &[(String, Turn)], time: fn(u64) -> String) -> Option<(usize, usize)> {
    let (mut next, mut found) = (0, None);
    for heading in markdown::headings(text).iter().filter(|it| markdown::is_prompt(it)) {
        let Some(label) = heading.text.strip_prefix("You · ") else { continue };
        let is_it = |turn: &(String, Turn)| {
            turn.1.messages.first().is_some_and(|it| time(markdown::time_of(it)) == label)
        };
        if let Some(at) = turns[next..].iter().position(is_it) {
            found = Some((next + at, heading.start));
            next += at + 1;
        }
    }
    found
}

/// What the user said in an entry.
fn said(entry: &Entry) -> Option<String> {
    let EntryKind::Message { message } = &entry.kind else { return None };
    match &**message.shared() {
        AgentMessage::User(it) => Some(it.content.text()),
        _ => None,
    }
}

fn messages_of(path: &[&Entry]) -> Vec<Arc<AgentMessage>> {
    let messages = path.iter().filter_map(|it| match &it.kind {
        EntryKind::Message { message } => Some(message.shared().clone()),
        _ => None,
    });
    messages.collect()
}

/// The messages on the way to the leaf, oldest first.
pub fn path_of(entries: &[Entry], leaf: Option<&str>) -> Vec<Arc<AgentMessage>> {
    messages_of(&entries_of(entries, leaf))
}

/// The entries on the way to the leaf, oldest first.
pub fn entries_of<'a>(entries: &'a [Entry], leaf: Option<&str>) -> Vec<&'a Entry> {
    let by_id: std::collections::HashMap<&str, &Entry> =
        entries.iter().map(|it| (it.base.id.as_str(), it)).collect();
    let mut found = Vec::new();
    let mut at = leaf;
    // A file of another writer may have a circle.
    for _ in 0..entries.len() {
        let Some(entry) = at.and_then(|it| by_id.get(it)) else { break };
        found.push(*entry);
        at = entry.base.parent_id.as_deref();
    }
    found.reverse();
    found
}
