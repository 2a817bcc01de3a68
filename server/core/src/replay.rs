//! The last events of a session, for those who come late.
//!
//! Bounded: the newest are kept one by one, so that a client that was away for a moment finds its place; older
//! increments of one block are joined; the oldest go when all together weigh too much.

use std::collections::VecDeque;

use pi_protocol::{AgentEvent, AssistantMessageEvent, Envelope, ToolResult};

use crate::bus::join;

/// Events that are kept one by one.
const FRESH: usize = 256;
/// Weight of the older ones, in bytes.
const LIMIT: usize = 1 << 20;
/// What an event weighs besides its texts. Messages are shared with the context.
const EVENT: usize = 256;

/// The last events.
#[derive(Debug, Default)]
pub struct Replay {
    /// Sequence number of the last event that is not kept.
    gone: u64,
    /// Joined where possible; with the weight of each.
    old: VecDeque<(Envelope, usize)>,
    weight: usize,
    fresh: VecDeque<Envelope>,
}

impl Replay {
    /// Keeps one more event.
    pub fn push(&mut self, envelope: Envelope) {
        self.fresh.push_back(envelope);
        if self.fresh.len() <= FRESH {
            return;
        }
        let Some(aged) = self.fresh.pop_front() else { return };
        let added = weight(&aged.event);
        let joined = self.old.back_mut().is_some_and(|(last, weight)| {
            let joined = join(last, &aged);
            if joined {
                *weight += added - EVENT;
            }
            joined
        });
        if joined {
            self.weight += added - EVENT;
        } else {
            self.old.push_back((aged, added));
            self.weight += added;
        }
        while self.weight > LIMIT {
            let Some((gone, weight)) = self.old.pop_front() else { break };
            self.gone = gone.seq;
            self.weight -= weight;
        }
    }

    /// The events after `seq`; nothing if some are gone or were joined with known ones.
    pub fn after(&self, seq: u64) -> Option<impl Iterator<Item = &Envelope>> {
        let all = || self.old.iter().map(|(it, _)| it).chain(&self.fresh);
        let boundary = seq == self.gone || all().any(|it| it.seq == seq);
        boundary.then(|| all().filter(move |it| it.seq > seq))
    }
}

fn weight(event: &AgentEvent) -> usize {
    let result = |it: &ToolResult| it.content.iter().filter_map(|it| it.as_text()).map(str::len).sum();
    let text = match event {
        AgentEvent::MessageUpdate {
            assistant_message_event:
                AssistantMessageEvent::TextDelta { delta, .. }
                | AssistantMessageEvent::ThinkingDelta { delta, .. }
                | AssistantMessageEvent::ToolCallDelta { delta, .. },
            ..
        } => delta.len(),
        AgentEvent::ToolExecutionUpdate { partial_result, .. } => result(partial_result),
        AgentEvent::ToolExecutionEnd { result: it, .. } => result(it),
        AgentEvent::BashExecutionUpdate { delta, .. } => delta.len(),
        AgentEvent::QueueUpdate { items, .. } => items
            .iter()
            .map(|it| 2 * it.text.len() + it.images.iter().map(|it| it.data.len()).sum::<usize>())
            .sum(),
        _ => 0,
    };
    EVENT + text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::bus::tests::delta;

    fn envelope(seq: u64, event: AgentEvent) -> Envelope {
        Envelope { session_id: "s".into(), seq, turn_id: None, event: Arc::new(event) }
    }

    fn text(events: impl Iterator<Item = impl std::ops::Deref<Target = Envelope>>) -> String {
        events
            .filter_map(|it| match &*it.event {
                AgentEvent::MessageUpdate {
                    assistant_message_event: AssistantMessageEvent::TextDelta { delta, .. },
                    ..
                } => Some(delta.clone()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn whoever_comes_gets_exactly_what_is_missing_or_is_told_that_it_is_gone() {
        let mut replay = Replay::default();
        for seq in 1..=2_000 {
            replay.push(envelope(seq, delta(&format!("{seq} "))));
        }
        let missing = |since: u64| (since + 1..=2_000).map(|it| format!("{it} ")).collect::<String>();
        for since in 2_000 - FRESH as u64..=2_000 {
            assert_eq!(text(replay.after(since).unwrap()), missing(since), "since {since}");
        }
        // The old ones are one event now: from the start, or not at all.
        assert_eq!(text(replay.after(0).unwrap()), missing(0));
        assert_eq!(replay.after(0).unwrap().count(), FRESH + 1);
        assert!(replay.after(100).is_none());
        assert!(replay.after(2_001).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut replay = Replay::default();
        let long = "x".repeat(10_000);
        for seq in 1..=5_000 {
            // A change of the kind of event keeps them from being joined.
            let event = if seq % 2 == 0 { AgentEvent::TurnStart } else { delta(&long) };
            replay.push(envelope(seq, event));
        }
        assert!(replay.weight <= LIMIT && replay.old.len() < 250, "{} {}", replay.weight, replay.old.len());
        assert!(replay.after(0).is_none());
        let first = replay.gone;
        assert_eq!(replay.after(first).unwrap().count() as u64, 5_000 - first);
    }
}
