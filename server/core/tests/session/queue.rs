//! Messages that wait: held after a stop, changed by id, and the race between a message and the end of its turn.

use pi_core::session::Command;
use pi_protocol::*;
use serde_json::{Value, json};

use crate::world::{Step::*, World};

impl World {
    async fn items(&self) -> Vec<(u64, String, bool)> {
        let items = self.session.ask(Command::QueueList).await.unwrap().items;
        items.into_iter().map(|it| (it.id, it.text, it.held)).collect()
    }

    async fn steer_turn(&self, text: &str, turn: u64) -> Queued {
        let expected_turn_id = Some(turn);
        let params = QueueParams { message: text.into(), expected_turn_id, ..QueueParams::default() };
        self.session.ask(|reply| Command::Steer(params, reply)).await.unwrap()
    }

    async fn send(&self, id: u64) -> Result<PromptAccepted, CommandError> {
        self.session.ask(|reply| Command::QueueSend(id, reply)).await
    }
}

#[tokio::test]
async fn what_waits_at_a_stop_is_held_until_the_user_sends_it() {
    let mut world = World::new(vec![Hang("half"), Say("alone"), Say("sent")]).await;
    world.session.send(Command::HoldAfterStop);
    assert_eq!(world.prompt("go").await.turn_id, Some(1));
    world.until("message_update").await;
    world.steer("this").await;
    world.follow_up("then that").await;
    world.session.ask(Command::Abort).await.unwrap();
    world.until("agent_settled").await;
    assert_eq!(world.items().await, [(1, "this".into(), true), (2, "then that".into(), true)]);
    // A new message goes alone.
    assert_eq!(world.prompt("else").await.turn_id, Some(2));
    world.until("agent_settled").await;
    assert_eq!(world.request(1), ["user go", "assistant half (aborted)", "user else"]);
    let sent = world.send(2).await.unwrap();
    assert_eq!((sent.delivery, sent.turn_id), (Delivery::Started, Some(3)));
    assert_eq!(world.until("queue_update").await["delivered"], json!([2]));
    world.until("agent_settled").await;
    assert_eq!(world.request(2).last().unwrap(), "user then that");
    assert_eq!(world.items().await, [(1, "this".into(), true)]);
    let error = world.send(2).await.unwrap_err();
    assert!(error.message.contains("No message 2 waits"), "{error}");
}

#[tokio::test]
async fn without_a_client_that_holds_them_messages_wait_for_the_next_prompt() {
    let mut world = World::new(vec![Hang("half"), Say("more"), Say("done")]).await;
    world.prompt("go").await;
    world.until("message_update").await;
    world.follow_up("then that").await;
    world.session.ask(Command::Abort).await.unwrap();
    assert_eq!(world.items().await, [(1, "then that".into(), false)]);
    world.until("agent_settled").await;
    world.prompt("else").await;
    world.until("agent_settled").await;
    assert_eq!(world.request(2).last().unwrap(), "user then that");
}

#[tokio::test]
async fn a_failed_run_holds_as_well() {
    let mut world = World::new(vec![Wait("x"), Fail("400 no")]).await;
    world.session.send(Command::HoldAfterStop);
    world.prompt("go").await;
    world.follow_up("first").await;
    world.follow_up("second").await;
    world.script.release.notify_one();
    world.until("agent_settled").await;
    assert_eq!(world.items().await, [(2, "second".into(), true)]);
}

#[tokio::test]
async fn items_are_changed_by_id() {
    let mut world = World::new(vec![Wait("x"), Say("y"), Say("z")]).await;
    world.prompt("go").await;
    for text in ["same", "same", "third"] {
        world.follow_up(text).await;
    }
    let change = |id, text: Option<&str>, kind| EditQueuedParams {
        id,
        text: text.map(str::to_owned),
        kind,
        images: None,
    };
    let edit = |params| world.session.ask(|reply| Command::QueueEdit(params, reply));
    // What a message begins with is expanded again.
    edit(change(2, Some("/twice now"), None)).await.unwrap();
    edit(change(1, None, Some(QueueKind::Steer))).await.unwrap();
    edit(change(7, None, None)).await.unwrap_err();
    world.session.ask(|reply| Command::QueueReorder(vec![3, 9, 2], reply)).await.unwrap();
    let ids: Vec<u64> = world.items().await.into_iter().map(|it| it.0).collect();
    assert_eq!(ids, [1, 3, 2]);
    world.session.ask(|reply| Command::QueueDelete(3, reply)).await.unwrap();
    world.session.ask(|reply| Command::QueueDelete(3, reply)).await.unwrap_err();
    // While a run is in progress a message is sent by making it the next to steer.
    let sent = world.send(2).await.unwrap();
    assert_eq!((sent.delivery, sent.item_id, sent.turn_id), (Delivery::Steering, Some(2), Some(1)));
    assert_eq!(world.items().await[0].1, "/twice now");
    world.script.release.notify_one();
    world.until("agent_settled").await;
    assert_eq!(world.request(1).last().unwrap(), "user now now");
    assert_eq!(world.request(2).last().unwrap(), "user same");
}

/// How a message that raced with the end of its turn ended.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Fate {
    Delivered,
    Returned,
    Held,
}

/// Steers a turn while it ends by itself or is stopped, after giving the session so many chances to go on; without
/// any, before the end has begun.
async fn race(chances: usize, stop: bool) -> Fate {
    let first = if stop { Hang("one") } else { Wait("one") };
    let mut world = World::new(vec![first, Say("two")]).await;
    world.session.send(Command::HoldAfterStop);
    let turn = world.prompt("go").await.turn_id.unwrap();
    let end = || match stop {
        true => world.session.send(Command::Abort(Box::new(|_| {}))),
        false => world.script.release.notify_one(),
    };
    let queued = if chances == 0 {
        let queued = world.steer_turn("wait", turn).await;
        end();
        queued
    } else {
        end();
        for _ in 1..chances {
            tokio::task::yield_now().await;
        }
        world.steer_turn("wait", turn).await
    };
    world.session.ask(Command::WhenSettled).await.unwrap();
    world.session.ask(Command::Close).await.unwrap();
    let mut said = 0;
    while let Some(delivery) = world.queue.try_next() {
        let pi_core::Delivery::Event(it) = delivery else { continue };
        let event: Value = serde_json::to_value(&*it.event).unwrap();
        let user = event["type"] == "message_end" && event["message"]["role"] == "user";
        said += usize::from(user && event["message"]["content"][0]["text"] == "wait");
        assert!(it.turn_id.is_none_or(|it| it == turn));
        world.events.push(event);
    }
    let held = world.events.iter().rev().find(|it| it["type"] == "queue_update");
    let held = held.is_some_and(|it| it["items"][0]["held"] == true);
    match (queued.accepted, said, held) {
        (true, 1, false) => Fate::Delivered,
        (false, 0, false) => Fate::Returned,
        (true, 0, true) => Fate::Held,
        other => panic!("after {chances} chances: {other:?}\n{:#?}", world.story()),
    }
}

#[tokio::test]
async fn a_steer_is_delivered_once_or_comes_back() {
    let (mut fates, mut stopped) = (Vec::new(), Vec::new());
    for chances in 0..30 {
        fates.push(race(chances, false).await);
        stopped.push(race(chances, true).await);
    }
    assert!(fates.contains(&Fate::Delivered) && fates.contains(&Fate::Returned), "{fates:?}");
    assert!(!fates.contains(&Fate::Held), "{fates:?}");
    assert!(stopped.contains(&Fate::Held) && stopped.contains(&Fate::Returned), "{stopped:?}");
    assert!(!stopped.contains(&Fate::Delivered), "{stopped:?}");
    // Another turn's number is never the right one.
    let world = World::new(vec![Say("one")]).await;
    let queued = world.steer_turn("wait", 1).await;
    assert_eq!(queued, Queued { accepted: false, item_id: None, turn_id: None });
    assert!(world.items().await.is_empty());
}
