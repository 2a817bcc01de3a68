//! Messages that wait for the run in progress (steering) or for its end (follow-up).

use pi_protocol::{AgentMessage, Content, ImageContent, MessageContent, QueueMode, UserMessage};

use crate::clock;

/// A message that waits. Items are told apart by id, never by text.
#[derive(Debug, Clone, PartialEq)]
pub struct Queued {
    /// Unique within the session.
    pub id: u64,
    /// What the user wrote.
    pub text: String,
    /// Images that go with it.
    pub images: Vec<ImageContent>,
}

impl Queued {
    /// The user message it becomes when delivered.
    pub fn into_message(self) -> AgentMessage {
        user_message(self.text, self.images)
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
    fn item(&mut self, text: String, images: Vec<ImageContent>) -> Queued {
        self.next_id += 1;
        Queued { id: self.next_id, text, images }
    }

    /// Adds a message for the run in progress.
    pub fn steer(&mut self, text: String, images: Vec<ImageContent>) {
        let item = self.item(text, images);
        self.steering.push(item);
    }

    /// Adds a message for the end of the run.
    pub fn follow_up(&mut self, text: String, images: Vec<ImageContent>) {
        let item = self.item(text, images);
        self.follow_up.push(item);
    }

    /// Takes what is to be delivered now as steering.
    pub fn take_steering(&mut self, mode: QueueMode) -> Vec<Queued> {
        take(&mut self.steering, mode)
    }

    /// Takes what is to be delivered now that the agent is done.
    pub fn take_follow_up(&mut self, mode: QueueMode) -> Vec<Queued> {
        take(&mut self.follow_up, mode)
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
        let of = |items: &[Queued]| items.iter().map(|it| it.text.clone()).collect();
        (of(&self.steering), of(&self.follow_up))
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.steering.len() + self.follow_up.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn take(queue: &mut Vec<Queued>, mode: QueueMode) -> Vec<Queued> {
    match mode {
        QueueMode::All => std::mem::take(queue),
        QueueMode::OneAtATime if queue.is_empty() => Vec::new(),
        QueueMode::OneAtATime => vec![queue.remove(0)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(items: Vec<Queued>) -> Vec<String> {
        items.into_iter().map(|it| it.text).collect()
    }

    #[test]
    fn modes_decide_how_many_are_delivered() {
        for (mode, first, rest) in
            [(QueueMode::OneAtATime, vec!["a"], 1), (QueueMode::All, vec!["a", "b"], 0)]
        {
            let mut queues = Queues::default();
            queues.steer("a".into(), vec![]);
            queues.steer("b".into(), vec![]);
            assert_eq!(texts(queues.take_steering(mode)), first);
            assert_eq!(queues.len(), rest);
        }
    }

    #[test]
    fn queues_do_not_mix_and_clearing_returns_all_texts() {
        let mut queues = Queues::default();
        queues.follow_up("later".into(), vec![]);
        queues.steer("now".into(), vec![]);
        assert!(texts(queues.take_follow_up(QueueMode::All)) == ["later"]);
        assert_eq!(queues.clear(), (vec!["now".to_owned()], vec![]));
        assert!(queues.is_empty());
        assert!(queues.take_steering(QueueMode::OneAtATime).is_empty());
    }

    #[test]
    fn equal_texts_are_different_items() {
        let mut queues = Queues::default();
        queues.steer("same".into(), vec![]);
        queues.steer("same".into(), vec![]);
        let ids: Vec<u64> = queues.take_steering(QueueMode::All).iter().map(|it| it.id).collect();
        assert_ne!(ids[0], ids[1]);
    }
}
