//! From one session to all who watch it.
//!
//! The actor publishes without waiting. Each subscriber has its own [`EventQueue`]; one that reads slowly delays
//! nobody else and costs bounded memory: deltas of the same block are joined while they wait, and a queue that
//! still overflows is closed, so that its connection ends with an error instead of silently missing events.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use pi_protocol::{Activity, ActivityState, AgentEvent, AssistantMessageEvent, Envelope, ExtensionUiMethod};
use tokio::sync::Notify;

use crate::{activity::ActivityTracker, replay::Replay};

/// Waiting items from which on deltas are joined.
const JOIN_FROM: usize = 64;
/// Waiting items at which a subscriber is given up.
const LIMIT: usize = 20_000;

/// What a subscriber takes out of its queue, in order.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// An event of the session.
    Event(Envelope),
    /// The session does something else now. Not part of the recorded events.
    Activity(Activity),
    /// Bytes its own transport put in between: an answer that must keep its place among the events.
    Raw(Vec<u8>),
}

#[derive(Debug, Default)]
struct Inner {
    items: VecDeque<Delivery>,
    closed: bool,
    overflowed: bool,
}

/// Which questions the user of a subscriber can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answers {
    /// Whether a tool may run.
    pub permissions: bool,
    /// One of several, yes or no.
    pub choices: bool,
    /// In words of their own.
    pub texts: bool,
}

impl Answers {
    /// All of them.
    pub const ALL: Self = Self { permissions: true, choices: true, texts: true };

    /// Whether this can be answered; what asks nothing cannot.
    pub fn ui(self, method: ExtensionUiMethod) -> bool {
        match method {
            ExtensionUiMethod::Select | ExtensionUiMethod::Confirm => self.choices,
            ExtensionUiMethod::Input | ExtensionUiMethod::Editor => self.texts,
            _ => false,
        }
    }
}

/// An ordered, bounded queue of deliveries. Clones share the queue.
#[derive(Debug, Clone, Default)]
pub struct EventQueue {
    inner: Arc<Mutex<Inner>>,
    ready: Arc<Notify>,
    answers: Answers,
    edits: Arc<AtomicBool>,
    /// It is closed with the session it was subscribed to.
    of_one_session: bool,
}

impl EventQueue {
    /// An empty queue of one who only watches.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty queue of one who watches one session, and is told that it ends: the queue is closed then.
    pub fn of_one_session() -> Self {
        Self { of_one_session: true, ..Self::default() }
    }

    /// An empty queue of one whose user can answer these questions.
    pub fn answering(answers: Answers) -> Self {
        Self { answers, ..Self::default() }
    }

    /// From now on with events about the review of edits, which clients of Pi do not know.
    pub fn with_edits(&self) {
        self.edits.store(true, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event; joins it with the last one where that loses nothing and the reader is behind.
    pub fn push_event(&self, envelope: Envelope) {
        let mut inner = self.lock();
        if inner.closed {
            return;
        }
        if inner.items.len() >= JOIN_FROM {
            if let Some(Delivery::Event(last)) = inner.items.back_mut() {
                if join(last, &envelope) {
                    return;
                }
            }
        }
        Self::push(&mut inner, Delivery::Event(envelope));
        drop(inner);
        self.ready.notify_one();
    }

    fn push_activity(&self, activity: Activity) {
        let mut inner = self.lock();
        if !inner.closed {
            Self::push(&mut inner, Delivery::Activity(activity));
            drop(inner);
            self.ready.notify_one();
        }
    }

    /// Adds bytes between the events. A queue that is closed gives them back.
    pub fn push_raw(&self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        let mut inner = self.lock();
        if inner.closed {
            return Some(bytes);
        }
        Self::push(&mut inner, Delivery::Raw(bytes));
        drop(inner);
        self.ready.notify_one();
        None
    }

    fn push(inner: &mut Inner, item: Delivery) {
        if inner.items.len() >= LIMIT {
            inner.closed = true;
            inner.overflowed = true;
            inner.items.clear();
            return;
        }
        inner.items.push_back(item);
    }

    /// Forgets the events that wait, for a reader that starts anew; answers stay.
    pub fn discard_events(&self) {
        self.lock().items.retain(|it| matches!(it, Delivery::Raw(_)));
    }

    /// How many deliveries wait.
    pub fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next delivery; `None` once the queue is closed and empty.
    pub async fn next(&self) -> Option<Delivery> {
        loop {
            let waiting = self.ready.notified();
            {
                let mut inner = self.lock();
                if let Some(item) = inner.items.pop_front() {
                    return Some(item);
                }
                if inner.closed {
                    // Wake a second reader as well, should there be one.
                    self.ready.notify_one();
                    return None;
                }
            }
            waiting.await;
        }
    }

    /// The next delivery, if one waits.
    pub fn try_next(&self) -> Option<Delivery> {
        self.lock().items.pop_front()
    }

    /// No more deliveries; those that wait can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_one();
    }

    /// Whether the queue was closed because its reader fell too far behind.
    pub fn overflowed(&self) -> bool {
        self.lock().overflowed
    }

    fn is_closed(&self) -> bool {
        self.lock().closed
    }
}

/// Puts `next` into `last` if both are deltas of the same block. Only the first join copies what waits; from then on
/// the event belongs to this queue alone and grows in place.
pub(crate) fn join(last: &mut Envelope, next: &Envelope) -> bool {
    use AssistantMessageEvent::{TextDelta, ThinkingDelta, ToolCallDelta};
    let AgentEvent::MessageUpdate { usage, assistant_message_event: new } = &*next.event else {
        return false;
    };
    let AgentEvent::MessageUpdate { assistant_message_event: old, .. } = &*last.event else { return false };
    let same_kind = std::mem::discriminant(old) == std::mem::discriminant(new);
    if !same_kind || old.content_index() != new.content_index() {
        return false;
    }
    let (TextDelta { delta: more, .. }
    | ThinkingDelta { delta: more, .. }
    | ToolCallDelta { delta: more, .. }) = new
    else {
        return false;
    };
    if let AgentEvent::MessageUpdate {
        usage: known,
        assistant_message_event:
            TextDelta { delta, .. } | ThinkingDelta { delta, .. } | ToolCallDelta { delta, .. },
    } = Arc::make_mut(&mut last.event)
    {
        delta.push_str(more);
        known.clone_from(usage);
    }
    last.seq = next.seq;
    true
}

/// Numbers a session's events and hands them to its subscribers.
#[derive(Debug)]
pub struct EventBus {
    session_id: Arc<str>,
    seq: u64,
    turn: Option<u64>,
    subscribers: Vec<EventQueue>,
    activity: ActivityTracker,
    replay: Replay,
}

impl EventBus {
    /// A bus without subscribers.
    pub fn new(session_id: Arc<str>) -> Self {
        Self {
            session_id,
            seq: 0,
            turn: None,
            subscribers: Vec::new(),
            activity: ActivityTracker::default(),
            replay: Replay::default(),
        }
    }

    /// Sends everything from now on to `queue` as well, and first what the session is doing, if that is anything; once, however often
    /// it is subscribed.
    pub fn subscribe(&mut self, queue: EventQueue) {
        self.unsubscribe(&queue);
        let now = self.activity.now();
        if now.state != ActivityState::Idle {
            queue.push_activity(now.clone());
        }
        self.subscribers.push(queue);
    }

    /// As [`Self::subscribe`], and first the events after `seq`. False, and nothing happens, if they are gone.
    pub fn subscribe_after(&mut self, seq: u64, queue: &EventQueue) -> bool {
        let Some(events) = self.replay.after(seq) else { return false };
        for envelope in events {
            queue.push_event(envelope.clone());
        }
        self.subscribe(queue.clone());
        true
    }

    /// Whether the events after `seq` are still there.
    pub fn has_after(&self, seq: u64) -> bool {
        self.replay.after(seq).is_some()
    }

    /// Stops sending to `queue`.
    pub fn unsubscribe(&mut self, queue: &EventQueue) {
        self.subscribers.retain(|it| !Arc::ptr_eq(&it.inner, &queue.inner));
    }

    /// The turn that events belong to.
    pub fn turn(&self) -> Option<u64> {
        self.turn
    }

    /// Events belong to this turn from now on.
    pub fn set_turn(&mut self, turn: Option<u64>) {
        self.turn = turn;
    }

    /// Number of the last event.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Whether anyone is there whose user can answer such a question.
    pub fn can_ask(&self, question: impl Fn(Answers) -> bool) -> bool {
        self.subscribers.iter().any(|it| question(it.answers) && !it.is_closed())
    }

    /// Sends one event to all.
    pub fn publish(&mut self, event: AgentEvent) {
        self.seq += 1;
        let envelope = Envelope {
            session_id: self.session_id.clone(),
            seq: self.seq,
            turn_id: self.turn,
            event: Arc::new(event),
        };
        self.subscribers.retain(|it| !it.is_closed());
        // Before the event: whoever acts on it finds the session doing what follows from it.
        let changed = self.activity.event(&envelope.event);
        self.tell(changed);
        let about_edits = matches!(*envelope.event, AgentEvent::EditsChanged { .. });
        for queue in &self.subscribers {
            if !about_edits || queue.edits.load(Ordering::Relaxed) {
                queue.push_event(envelope.clone());
            }
        }
        self.replay.push(envelope);
    }

    /// A request goes to this model.
    pub fn asked(&mut self, model: &str) {
        let changed = self.activity.asked(model);
        self.tell(changed);
    }

    /// A stop was asked for and takes its time.
    pub fn stopping(&mut self) {
        let changed = self.activity.stopping();
        self.tell(changed);
    }

    fn tell(&self, activity: Option<Activity>) {
        let Some(activity) = activity else { return };
        for queue in &self.subscribers {
            queue.push_activity(activity.clone());
        }
    }
}

impl Drop for EventBus {
    fn drop(&mut self) {
        self.subscribers.iter().filter(|it| it.of_one_session).for_each(EventQueue::close);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Text that is added to the first block.
    pub(crate) fn delta(text: &str) -> AgentEvent {
        AgentEvent::MessageUpdate {
            usage: Default::default(),
            assistant_message_event: AssistantMessageEvent::TextDelta {
                content_index: 0,
                delta: text.into(),
            },
        }
    }

    fn text_of(queue: &EventQueue) -> (usize, String) {
        let mut text = String::new();
        let mut items = 0;
        while let Some(Delivery::Event(it)) = queue.try_next() {
            items += 1;
            if let AgentEvent::MessageUpdate {
                assistant_message_event: AssistantMessageEvent::TextDelta { delta, .. },
                ..
            } = &*it.event
            {
                text.push_str(delta);
            }
        }
        (items, text)
    }

    #[test]
    fn a_slow_reader_loses_no_text_and_costs_little() {
        let queue = EventQueue::new();
        let mut bus = EventBus::new("s".into());
        bus.subscribe(queue.clone());
        for _ in 0..100_000 {
            bus.publish(delta("x"));
        }
        let (items, text) = text_of(&queue);
        assert_eq!(text.len(), 100_000);
        assert_eq!(items, JOIN_FROM);
        assert!(!queue.overflowed());
    }

    #[test]
    fn joining_for_one_reader_changes_nothing_for_another() {
        let (slow, quick) = (EventQueue::new(), EventQueue::new());
        let mut bus = EventBus::new("s".into());
        bus.subscribe(slow.clone());
        bus.subscribe(quick.clone());
        let mut read = String::new();
        for at in 0..200 {
            bus.publish(delta(&format!("{at} ")));
            if at % 50 == 0 {
                read.push_str(&text_of(&quick).1);
            }
        }
        read.push_str(&text_of(&quick).1);
        let expected: String = (0..200).map(|at| format!("{at} ")).collect();
        assert_eq!(read, expected);
        assert_eq!(text_of(&slow).1, expected);
    }

    #[test]
    fn a_dead_reader_is_given_up() {
        let queue = EventQueue::new();
        let mut bus = EventBus::new("s".into());
        bus.subscribe(queue.clone());
        for _ in 0..=LIMIT {
            bus.publish(AgentEvent::TurnStart);
        }
        assert!(queue.overflowed());
        bus.publish(AgentEvent::TurnStart);
        assert!(bus.subscribers.is_empty());
    }

    #[tokio::test]
    async fn who_watches_one_session_is_told_that_it_ends() {
        let (one, many) = (EventQueue::of_one_session(), EventQueue::new());
        let mut bus = EventBus::new("s".into());
        bus.subscribe(one.clone());
        bus.subscribe(many.clone());
        bus.publish(AgentEvent::AgentStart);
        drop(bus);
        assert!(matches!(one.next().await, Some(Delivery::Event(_))));
        assert!(one.next().await.is_none());
        assert_eq!(many.push_raw(b"still open".to_vec()), None);
    }

    #[tokio::test]
    async fn order_is_kept_between_answers_and_events() {
        let queue = EventQueue::new();
        let mut bus = EventBus::new("s".into());
        bus.subscribe(queue.clone());
        queue.push_raw(b"answer".to_vec());
        bus.publish(AgentEvent::AgentStart);
        queue.close();
        assert!(matches!(queue.next().await, Some(Delivery::Raw(it)) if it == b"answer"));
        assert!(matches!(queue.next().await, Some(Delivery::Event(it)) if it.seq == 1));
        assert!(queue.next().await.is_none());
        assert_eq!(queue.push_raw(b"late".to_vec()), Some(b"late".to_vec()));
    }
}
