//! Messages that wait for the run in progress (steering) or for its end (follow-up).

use pi_protocol::{
    AgentMessage, Content, ImageContent, MessageContent, QueueItem, QueueKind, QueueMode, UserMessage,
};

use crate::clock;

/// What a waiting message says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QueuedText {
    /// As the user wrote it.
    pub written: String,
    /// What goes behind it once it is expanded.
    pub appendix: String,
    /// What the model gets: expanded, with the appendix.
    pub text: String,
}

/// A message that waits. Items are told apart by id, never by text.
#[derive(Debug, Clone, PartialEq)]
pub struct Queued {
    /// Unique within the session.
    pub id: u64,
    /// What it says.
    pub text: QueuedText,
    /// Images that go with it.
    pub images: Vec<ImageContent>,
    /// Not delivered by itself.
    pub held: bool,
}

impl Queued {
    /// The user message it becomes when delivered.
    pub fn into_message(self) -> AgentMessage {
        user_message(self.text.text, self.images)
    }

    fn shown(&self, kind: QueueKind) -> QueueItem {
        QueueItem {
            id: self.id,
            kind,
            text: self.text.written.clone(),
            images: self.images.clone(),
            held: self.held,
        }
    }
}

/// A user message as Pi builds it: one text block, then the images.
pub fn user_message(text: String, images: Vec<ImageContent>) -> AgentMessage {
    let mut blocks = vec![Content::text(text)];
    blocks.extend(images.into_iter().map(Content::Image));
    AgentMessage::User(UserMessage { content: MessageContent::Blocks(blocks), timestamp: clock::now_ms() })
}

/// Both queues of a session, oldest first.
#[derive(Debug, Default)]
pub struct Queues {
    next_id: u64,
    steering: Vec<Queued>,
    follow_up: Vec<Queued>,
}

impl Queues {
    /// Adds a message at the end of its queue; its id.
    pub fn push(&mut self, kind: QueueKind, text: QueuedText, images: Vec<ImageContent>) -> u64 {
        self.next_id += 1;
        let id = self.next_id;
        self.of(kind).push(Queued { id, text, images, held: false });
        id
    }

    fn of(&mut self, kind: QueueKind) -> &mut Vec<Queued> {
        match kind {
            QueueKind::Steer => &mut self.steering,
            QueueKind::FollowUp => &mut self.follow_up,
        }
    }

    /// Takes what is to be delivered now.
    pub fn take(&mut self, kind: QueueKind, mode: QueueMode) -> Vec<Queued> {
        let limit = match mode {
            QueueMode::All => usize::MAX,
            QueueMode::OneAtATime => 1,
        };
        self.of(kind).extract_if(.., |it| !it.held).take(limit).collect()
    }

    /// The item with this id and its kind.
    pub fn get_mut(&mut self, id: u64) -> Option<(QueueKind, &mut Queued)> {
        let steering = self.steering.iter_mut().map(|it| (QueueKind::Steer, it));
        let follow_up = self.follow_up.iter_mut().map(|it| (QueueKind::FollowUp, it));
        steering.chain(follow_up).find(|(_, it)| it.id == id)
    }

    /// Takes one item out.
    pub fn remove(&mut self, id: u64) -> Option<Queued> {
        [&mut self.steering, &mut self.follow_up].into_iter().find_map(|queue| {
            let at = queue.iter().position(|it| it.id == id)?;
            Some(queue.remove(at))
        })
    }

    /// Puts an item at the end of this queue.
    pub fn put_last(&mut self, kind: QueueKind, item: Queued) {
        self.of(kind).push(item);
    }

    /// Makes an item the next one that steers.
    pub fn put_first(&mut self, item: Queued) {
        self.steering.insert(0, item);
    }

    /// Puts the items with these ids first in their queues, in this order.
    pub fn reorder(&mut self, ids: &[u64]) {
        let place = |it: &Queued| ids.iter().position(|id| *id == it.id).unwrap_or(usize::MAX);
        self.steering.sort_by_key(place);
        self.follow_up.sort_by_key(place);
    }

    /// Nothing that waits now is delivered by itself. False if that changed nothing.
    pub fn hold(&mut self) -> bool {
        let mut changed = false;
        for item in self.steering.iter_mut().chain(&mut self.follow_up) {
            changed |= !std::mem::replace(&mut item.held, true);
        }
        changed
    }

    /// Removes everything and returns the texts: steering, follow-ups.
    pub fn clear(&mut self) -> (Vec<String>, Vec<String>) {
        let texts = self.texts();
        self.steering.clear();
        self.follow_up.clear();
        texts
    }

    /// The texts that wait: steering, follow-ups.
    pub fn texts(&self) -> (Vec<String>, Vec<String>) {
        let of = |items: &[Queued]| items.iter().map(|it| it.text.text.clone()).collect();
        (of(&self.steering), of(&self.follow_up))
    }

    /// What waits, as clients see it.
    pub fn items(&self) -> Vec<QueueItem> {
        let steering = self.steering.iter().map(|it| it.shown(QueueKind::Steer));
        steering.chain(self.follow_up.iter().map(|it| it.shown(QueueKind::FollowUp))).collect()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.steering.len() + self.follow_up.len()
    }

    /// Whether something waits that is not held.
    pub fn any_free(&self) -> bool {
        self.steering.iter().chain(&self.follow_up).any(|it| !it.held)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> QueuedText {
        QueuedText { written: text.into(), text: text.into(), ..QueuedText::default() }
    }

    fn queues(items: &[(QueueKind, &str)]) -> Queues {
        let mut queues = Queues::default();
        for (kind, it) in items {
            queues.push(*kind, text(it), vec![]);
        }
        queues
    }

    fn texts(items: Vec<Queued>) -> Vec<String> {
        items.into_iter().map(|it| it.text.text).collect()
    }

    const STEER: QueueKind = QueueKind::Steer;
    const AFTER: QueueKind = QueueKind::FollowUp;

    #[test]
    fn modes_decide_how_many_are_delivered() {
        for (mode, first, rest) in
            [(QueueMode::OneAtATime, vec!["a"], 1), (QueueMode::All, vec!["a", "b"], 0)]
        {
            let mut queues = queues(&[(STEER, "a"), (STEER, "b")]);
            assert_eq!(texts(queues.take(STEER, mode)), first);
            assert_eq!(queues.len(), rest);
        }
    }

    #[test]
    fn queues_do_not_mix_and_clearing_returns_all_texts() {
        let mut queues = queues(&[(AFTER, "later"), (STEER, "now")]);
        assert_eq!(texts(queues.take(AFTER, QueueMode::All)), ["later"]);
        assert_eq!(queues.clear(), (vec!["now".to_owned()], vec![]));
        assert!(queues.is_empty());
        assert!(queues.take(STEER, QueueMode::OneAtATime).is_empty());
    }

    #[test]
    fn equal_texts_are_different_items() {
        let mut queues = queues(&[(STEER, "same"), (STEER, "same")]);
        let ids: Vec<u64> = queues.take(STEER, QueueMode::All).iter().map(|it| it.id).collect();
        assert_ne!(ids[0], ids[1]);
    }

    #[test]
    fn what_is_held_stays_and_later_messages_pass_it() {
        let mut queues = queues(&[(STEER, "old"), (AFTER, "older")]);
        assert!(queues.hold());
        assert!(!queues.hold());
        queues.push(STEER, text("new"), vec![]);
        assert_eq!(texts(queues.take(STEER, QueueMode::All)), ["new"]);
        assert!(queues.take(AFTER, QueueMode::OneAtATime).is_empty());
        assert!(queues.items().iter().all(|it| it.held));
        assert_eq!(queues.len(), 2);
    }

    #[test]
    fn items_move_within_their_queue_and_leave_it_by_id() {
        let mut queues = queues(&[(STEER, "a"), (AFTER, "x"), (STEER, "b"), (STEER, "c"), (AFTER, "y")]);
        queues.reorder(&[99, 5, 4, 1]);
        let shown = |queues: &Queues| -> Vec<(u64, String)> {
            queues.items().into_iter().map(|it| (it.id, it.text)).collect()
        };
        let order: Vec<_> = shown(&queues).into_iter().map(|it| it.1).collect();
        assert_eq!(order, ["c", "a", "b", "y", "x"]);
        let item = queues.remove(2).unwrap();
        assert_eq!(queues.remove(2), None);
        queues.put_first(item);
        assert_eq!(shown(&queues)[0], (2, "x".to_owned()));
        assert_eq!(queues.get_mut(2).unwrap().0, STEER);
        assert!(queues.get_mut(99).is_none());
    }
}
