//! Stories of a context that gets full.

use pi_core::{CompactionLimits, CompactionSettings, SessionSettings, session::Command};
use pi_protocol::*;
use serde_json::{Value, json};

use crate::world::{
    Step::{self, *},
    World, model,
};

/// 40 characters, that is 10 tokens, of which [`settings`] keep the last.
const LONG: &str = "a text of exactly forty characters, yes.";

/// The window of the model is 1,000 tokens; 900 are too many.
fn settings() -> SessionSettings {
    let default = CompactionLimits { reserve_tokens: 100, keep_recent_tokens: 10 };
    SessionSettings {
        compaction: CompactionSettings { default, ..CompactionSettings::default() },
        ..SessionSettings::default()
    }
}

async fn world(steps: Vec<Step>) -> World {
    World::with(steps, settings(), vec![], Some(model())).await
}

/// Says something and waits for the end; forgets the events.
async fn turn(world: &mut World, text: &str) {
    world.prompt(text).await;
    world.until("agent_settled").await;
    world.events.clear();
}

async fn compact(world: &World, custom: Option<&str>) -> Result<CompactionResult, String> {
    let params = CompactParams { custom_instructions: custom.map(str::to_owned) };
    world.session.ask(|it| Command::Compact(params, it)).await.map_err(|it| it.message)
}

/// Role and text of the messages in the context.
async fn context(world: &World) -> Vec<String> {
    let messages = world.session.ask(Command::GetMessages).await.unwrap().messages;
    let said = |it: &Value| {
        let text = it["summary"].as_str().or(it["content"][0]["text"].as_str()).unwrap_or_default();
        format!("{} {text}", it["role"].as_str().unwrap())
    };
    messages.iter().map(|it| said(&serde_json::to_value(&**it).unwrap())).collect()
}

/// What the `n`th request says to the model that summarises, and how much that may write.
fn asked(world: &World, n: usize) -> (String, Option<u64>) {
    let requests = world.script.requests.lock().unwrap();
    assert!(requests[n].tools.is_empty(), "a summary needs no tools");
    let AgentMessage::User(it) = &*requests[n].messages[0] else { panic!("not asked by the user") };
    (it.content.text(), requests[n].max_tokens)
}

fn kinds(world: &World) -> Vec<String> {
    let entries = &world.store.lock().unwrap().entries;
    entries.iter().map(|it| it.kind.type_name().into_owned()).collect()
}

const OVERFLOW: Step = Fail("400: prompt is too long: 1200 tokens > 1000 maximum");
const SPLIT: &str = "S\n\n---\n\n**Turn Context (split turn):**\n\nP";

#[tokio::test]
async fn a_summary_takes_the_place_of_older_turns() {
    let steps = vec![Say("one"), Say(LONG), Count("S", 70), Count("P", 30), Say("three")];
    let mut world = world(steps).await;
    turn(&mut world, "first").await;
    turn(&mut world, "second").await;
    let result = compact(&world, Some("ZEBRAS")).await.unwrap();
    // The last answer is enough, so its turn is split and the turn's beginning is summarised on its own.
    assert_eq!(result.summary, SPLIT);
    assert_eq!(result.usage.unwrap().total_tokens, 100);
    assert_eq!(result.details, Some(json!({"readFiles": [], "modifiedFiles": []})));
    let (history, most) = asked(&world, 2);
    assert!(
        history.contains("<conversation>\n[User]: first\n\n[Assistant]: one\n</conversation>"),
        "{history}"
    );
    assert!(history.ends_with("Additional focus: ZEBRAS"), "{history}");
    assert_eq!(most, Some(80));
    let (prefix, most) = asked(&world, 3);
    assert!(prefix.contains("<conversation>\n[User]: second\n</conversation>"), "{prefix}");
    assert!(!prefix.contains("ZEBRAS"), "{prefix}");
    assert_eq!(most, Some(50));
    assert_eq!(context(&world).await, [format!("compactionSummary {SPLIT}"), format!("assistant {LONG}")]);
    let stats = world.session.ask(Command::GetSessionStats).await.unwrap();
    assert_eq!(stats.context_usage.unwrap().tokens, None, "nobody has counted the shorter context yet");
    world.until("compaction_end").await;
    assert_eq!(world.story(), ["compact manual".to_owned(), format!("compacted summary: {SPLIT}")]);
    turn(&mut world, "third").await;
    assert_eq!(world.request(4)[1..], [format!("assistant {LONG}"), "user third".to_owned()]);
    assert_eq!(kinds(&world)[6..], ["compaction", "message", "message"]);
}

#[tokio::test]
async fn a_second_summary_continues_the_first() {
    let mut world = world(vec![Say("one"), Say("two"), Say("S1"), Say("three"), Say("S2")]).await;
    turn(&mut world, "first").await;
    turn(&mut world, LONG).await;
    compact(&world, None).await.unwrap();
    turn(&mut world, LONG).await;
    compact(&world, None).await.unwrap();
    let (text, _) = asked(&world, 4);
    assert!(text.contains(&format!("[User]: {LONG}\n\n[Assistant]: two\n</conversation>")), "{text}");
    assert!(text.contains("<previous-summary>\nS1\n</previous-summary>"), "{text}");
    let user = format!("user {LONG}");
    assert_eq!(context(&world).await, ["compactionSummary S2", &user, "assistant three"]);
}

#[tokio::test]
async fn what_cannot_be_compacted_is_told() {
    let mut world = world(vec![Say("one"), Say("two"), Say("S")]).await;
    let small = "Nothing to compact (session too small)";
    assert_eq!(compact(&world, None).await.unwrap_err(), small);
    world.until("compaction_end").await;
    assert_eq!(
        world.story(),
        ["compact manual".to_owned(), format!("compacted error: Compaction failed: {small}")]
    );
    turn(&mut world, "first").await;
    assert_eq!(compact(&world, None).await.unwrap_err(), small);
    turn(&mut world, LONG).await;
    compact(&world, None).await.unwrap();
    assert_eq!(compact(&world, None).await.unwrap_err(), "Already compacted");
    let without_model = World::with(vec![], settings(), vec![], None).await;
    assert_eq!(compact(&without_model, None).await.unwrap_err(), "No model selected");
}

#[tokio::test]
async fn without_a_summary_the_chat_stays_as_it_is() {
    for (step, why) in [
        (Fail("401: no"), "401: no"),
        (Say("  "), "the model wrote nothing"),
        (Panic, "the provider failed inside pi; see the log"),
    ] {
        let mut world = world(vec![Say("one"), Say("two"), step]).await;
        turn(&mut world, "first").await;
        turn(&mut world, LONG).await;
        let (before, written) = (context(&world).await, kinds(&world));
        let error = format!("Summarization failed: {why}");
        assert_eq!(compact(&world, None).await.unwrap_err(), error);
        world.until("compaction_end").await;
        assert_eq!(world.story()[1], format!("compacted error: Compaction failed: {error}"));
        assert_eq!(context(&world).await, before);
        assert_eq!(kinds(&world), written);
    }
}

#[tokio::test]
async fn a_compaction_can_be_stopped_and_takes_no_prompts() {
    let mut world = world(vec![Say("one"), Say("two"), Hang("half a summ")]).await;
    turn(&mut world, "first").await;
    turn(&mut world, LONG).await;
    let before = context(&world).await;
    let (reply, answer) = pi_core::reply_channel();
    world.session.send(Command::Compact(CompactParams::default(), reply));
    world.until("compaction_start").await;
    let state = world.session.ask(Command::GetState).await.unwrap();
    assert!(state.is_compacting && !state.is_streaming);
    let params = PromptParams { message: "x".into(), ..PromptParams::default() };
    let refused = world.session.ask(|it| Command::Prompt(params, it)).await.unwrap_err();
    assert_eq!(
        refused.message,
        "Cannot submit a prompt while compaction is in progress. Wait for compaction to finish and retry."
    );
    assert!(compact(&world, None).await.unwrap_err().starts_with("A compaction is already in progress."));
    world.session.ask(Command::Abort).await.unwrap();
    assert_eq!(answer.await.unwrap_err().message, "Compaction cancelled");
    world.until("compaction_end").await;
    assert_eq!(world.story(), ["compact manual", "compacted nothing (aborted)"]);
    assert_eq!(context(&world).await, before);
    assert!(!world.session.ask(Command::GetState).await.unwrap().is_compacting);
}

fn waiting(message: &str) -> PromptParams {
    let streaming_behavior = Some(StreamingBehavior::Steer);
    PromptParams { message: message.into(), streaming_behavior, ..PromptParams::default() }
}

#[tokio::test]
async fn a_message_that_is_sent_during_a_compaction_is_said_after_it() {
    for (step, outcome) in [
        (Wait("S"), "compacted summary: S"),
        (Fail("401: no"), "compacted error: Compaction failed: Summarization failed: 401: no"),
    ] {
        let waits = matches!(step, Wait(_));
        let mut world = world(vec![Say("one"), Say("two"), step, Say("three"), Say("four")]).await;
        turn(&mut world, "first").await;
        turn(&mut world, LONG).await;
        let (reply, _answer) = pi_core::reply_channel();
        world.session.send(Command::Compact(CompactParams::default(), reply));
        let first = world.session.ask(|it| Command::Prompt(waiting("x"), it)).await.unwrap();
        assert_eq!((first.delivery, first.item_id), (Delivery::Steering, Some(1)));
        if waits {
            world.script.release.notify_one();
        }
        world.until("agent_settled").await;
        let story = world.story();
        assert_eq!((story[0].as_str(), story[2].as_str()), ("compact manual", outcome), "{story:?}");
        assert!(
            story.contains(&"user x".to_owned()) && story.contains(&"assistant three".to_owned()),
            "{story:?}"
        );
        assert!(world.session.ask(Command::QueueList).await.unwrap().items.is_empty());
    }
}

#[tokio::test]
async fn a_message_that_waits_for_a_compaction_that_is_stopped_is_held() {
    let mut world = world(vec![Say("one"), Say("two"), Hang("half a summ"), Say("three")]).await;
    world.session.send(Command::HoldAfterStop);
    turn(&mut world, "first").await;
    turn(&mut world, LONG).await;
    let (reply, _answer) = pi_core::reply_channel();
    world.session.send(Command::Compact(CompactParams::default(), reply));
    world.until("compaction_start").await;
    world.session.ask(|it| Command::Prompt(waiting("x"), it)).await.unwrap();
    world.session.ask(Command::Abort).await.unwrap();
    let items = world.session.ask(Command::QueueList).await.unwrap().items;
    assert_eq!(items.iter().map(|it| (it.text.as_str(), it.held)).collect::<Vec<_>>(), [("x", true)]);
    let sent = world.session.ask(|it| Command::QueueSend(1, it)).await.unwrap();
    assert_eq!(sent.delivery, Delivery::Started);
    world.until("agent_settled").await;
    assert_eq!(world.request(3).last().unwrap(), "user x");
}

#[tokio::test]
async fn compacting_by_hand_stops_the_run_first() {
    let mut world = world(vec![Say("one"), Hang("half"), Say("S")]).await;
    turn(&mut world, "first").await;
    world.prompt(LONG).await;
    world.until("message_update").await;
    assert_eq!(compact(&world, None).await.unwrap().summary, "S");
    world.until("compaction_end").await;
    assert_eq!(
        world.story()[3..],
        [
            "assistant half (aborted)",
            "turn_end",
            "agent_end false",
            "agent_settled",
            "compact manual",
            "compacted summary: S"
        ]
    );
}

#[tokio::test]
async fn stopping_the_run_also_gives_up_the_compaction_that_waits_for_it() {
    let mut world = world(vec![Call(vec![("c1", "deaf", json!({}))])]).await;
    world.prompt("go").await;
    world.started.notified().await;
    let (reply, answer) = pi_core::reply_channel();
    world.session.send(Command::Compact(CompactParams::default(), reply));
    world.session.ask(Command::Abort).await.unwrap();
    assert_eq!(answer.await.unwrap_err().message, "Compaction cancelled");
    world.until("agent_settled").await;
    assert!(!world.story().iter().any(|it| it.starts_with("compact")), "{:?}", world.story());
}

#[tokio::test]
async fn a_context_that_is_nearly_full_is_compacted_once() {
    for (tokens, enabled, expected) in [(901, true, 1), (900, true, 0), (901, false, 0)] {
        let steps = if expected == 1 { vec![Say("S"), Say("three")] } else { vec![Say("three")] };
        let mut all = vec![Say("one"), Count("two", tokens)];
        all.extend(steps);
        let settings = SessionSettings { auto_compaction: enabled, ..settings() };
        let mut world = World::with(all, settings, vec![], Some(model())).await;
        turn(&mut world, "first").await;
        world.prompt(LONG).await;
        world.until("agent_settled").await;
        if expected == 1 {
            assert_eq!(
                world.story()[5..],
                [
                    "agent_end false",
                    "compact threshold",
                    "auto_compaction_start",
                    "compacted summary: S",
                    "auto_compaction_end",
                    "agent_settled"
                ]
            );
        }
        // The answer that was kept has the count of the longer context.
        turn(&mut world, "third").await;
        let compactions = kinds(&world).iter().filter(|it| *it == "compaction").count();
        assert_eq!(compactions, expected, "{tokens} tokens, {enabled}");
    }
}

#[tokio::test]
async fn room_is_made_between_two_turns_of_a_run() {
    let steps = vec![Say("one"), CountCall("c1", 901), Say("S"), CountCall("c2", 500), Say("done")];
    let mut world = world(steps).await;
    turn(&mut world, "first").await;
    world.prompt(LONG).await;
    world.until("agent_settled").await;
    let story = world.story();
    let at = story.iter().position(|it| it == "compact threshold").unwrap();
    assert_eq!(story[at - 1], "turn_end");
    assert_eq!(
        story[at + 2..at + 5],
        ["compacted summary: S".to_owned(), "auto_compaction_end".into(), "turn_start".into()]
    );
    assert_eq!(story.iter().filter(|it| it.starts_with("compact ")).count(), 1, "{story:?}");
    assert_eq!(story.iter().filter(|it| *it == "agent_start").count(), 1, "the same run: {story:?}");
    // The call keeps its result, and the model is asked again with the summary before both.
    assert_eq!(
        world.request(3)[1..],
        [format!("user {LONG}"), "assistant call c1".into(), "toolResult {}".into()]
    );
    assert_eq!(context(&world).await.len(), 7, "and nothing else was left out");
}

#[tokio::test]
async fn stopping_a_compaction_inside_a_run_stops_the_run() {
    let mut world = world(vec![Say("one"), CountCall("c1", 901), Wait("S")]).await;
    turn(&mut world, "first").await;
    world.prompt(LONG).await;
    world.until("compaction_start").await;
    world.session.ask(Command::Abort).await.unwrap();
    world.until("agent_settled").await;
    assert_eq!(world.script.requests.lock().unwrap().len(), 3, "the model is not asked again");
    let story = world.story();
    assert_eq!(story.iter().filter(|it| *it == "agent_end false").count(), 1, "{story:?}");
    assert!(!kinds(&world).contains(&"compaction".to_owned()));
}

#[tokio::test]
async fn a_run_goes_on_when_no_room_can_be_made() {
    let mut world = world(vec![Say("one"), CountCall("c1", 901), Fail("400: no"), Say("done")]).await;
    turn(&mut world, "first").await;
    world.prompt(LONG).await;
    world.until("agent_settled").await;
    assert!(world.story().contains(&"assistant done".to_owned()), "{:?}", world.story());
}

#[tokio::test]
async fn steering_during_a_compaction_inside_a_run_comes_with_the_next_turn() {
    let mut world = world(vec![Say("one"), CountCall("c1", 901), Wait("S"), Say("done")]).await;
    turn(&mut world, "first").await;
    world.prompt(LONG).await;
    world.until("compaction_start").await;
    world.steer("and be quick").await;
    world.script.release.notify_one();
    world.until("agent_settled").await;
    assert_eq!(world.request(3).last().unwrap(), "user and be quick");
}

#[tokio::test]
async fn messages_that_arrive_during_a_compaction_are_delivered_after_it() {
    let mut world = world(vec![Say("one"), Count("two", 901), Wait("S"), Say("three")]).await;
    turn(&mut world, "first").await;
    world.prompt(LONG).await;
    world.until("compaction_start").await;
    let state = world.session.ask(Command::GetState).await.unwrap();
    assert!(state.is_compacting && state.is_streaming);
    world.follow_up("later").await;
    world.script.release.notify_one();
    world.until("agent_settled").await;
    let user = format!("user {LONG}");
    let expected = ["compactionSummary S", &user, "assistant two", "user later", "assistant three"];
    assert_eq!(context(&world).await, expected);
}

#[tokio::test]
async fn a_context_that_is_too_long_is_compacted_and_the_call_repeated() {
    let mut world = world(vec![Say("one"), OVERFLOW, Say("S"), Say("after")]).await;
    turn(&mut world, "first").await;
    world.prompt(LONG).await;
    world.until("agent_settled").await;
    assert_eq!(
        world.story()[3..],
        [
            "assistant  (error)",
            "turn_end",
            "agent_end false",
            "compact overflow",
            "auto_compaction_start",
            "compacted summary: S (again)",
            "auto_compaction_end",
            "agent_start",
            "turn_start",
            "assistant after",
            "turn_end",
            "agent_end false",
            "agent_settled"
        ]
    );
    let user = format!("user {LONG}");
    assert_eq!(context(&world).await, ["compactionSummary S", &user, "assistant after"]);
    assert_eq!(kinds(&world)[6..], ["context_edit", "compaction", "message"]);
}

#[tokio::test]
async fn an_answer_that_was_cut_for_want_of_room_is_asked_for_again() {
    let mut world = world(vec![Say("one"), Cut("ha", 950), Say("S"), Cut("hal", 500)]).await;
    turn(&mut world, "first").await;
    world.prompt(LONG).await;
    world.until("agent_settled").await;
    let user = format!("user {LONG}");
    assert_eq!(context(&world).await, ["compactionSummary S", &user, "assistant hal"]);
    let said = "compacted error: Truncated response recovery failed after one compact-and-retry attempt.";
    assert!(world.story().contains(&said.to_owned()), "{:?}", world.story());
}

#[tokio::test]
async fn an_overflow_is_recovered_from_once_per_message() {
    let mut world = world(vec![Say("one"), OVERFLOW, Say("S"), OVERFLOW, Say("fine")]).await;
    turn(&mut world, "first").await;
    world.prompt(LONG).await;
    world.until("agent_settled").await;
    let story = world.story();
    assert_eq!(story.iter().filter(|it| it.starts_with("compact overflow")).count(), 1, "{story:?}");
    assert_eq!(
        story[story.len() - 3],
        "compacted error: Context overflow recovery failed after one compact-and-retry attempt. Try reducing context \
         or switching to a larger-context model."
    );
    turn(&mut world, "smaller").await;
    assert_eq!(context(&world).await.last().unwrap(), "assistant fine");
}

#[tokio::test]
async fn with_nothing_to_leave_out_an_overflow_is_final() {
    let mut world = world(vec![OVERFLOW]).await;
    world.prompt(LONG).await;
    world.until("agent_settled").await;
    let said = "compacted error: Context overflow recovery failed: Nothing to compact (session too small)";
    assert!(world.story().contains(&said.to_owned()), "{:?}", world.story());
    assert_eq!(context(&world).await.len(), 1, "the failed answer leaves the context");
}

#[tokio::test]
async fn stopping_a_recovery_leaves_the_chat_as_it_is() {
    let mut world = world(vec![Say("one"), OVERFLOW, Hang("half a summ")]).await;
    turn(&mut world, "first").await;
    world.prompt(LONG).await;
    world.until("compaction_start").await;
    world.session.ask(Command::Abort).await.unwrap();
    world.until("agent_settled").await;
    let story = world.story();
    assert_eq!(
        story[story.len() - 3..],
        ["compacted nothing (aborted)", "auto_compaction_end", "agent_settled"]
    );
    assert_eq!(context(&world).await.len(), 4);
}

/// A session as it is opened again, with a full context.
fn full() -> Vec<Entry> {
    let entry = |id: &str, parent: Option<&str>, message: Value| json!({"type": "message", "id": id, "parentId": parent, "timestamp": "t", "message": message});
    let answer = |text: &str, tokens: u64| {
        json!({"role": "assistant", "content": [{"type": "text", "text": text}], "api": "api", "provider": "p",
               "model": "m", "usage": {"totalTokens": tokens}, "stopReason": "stop", "timestamp": 1})
    };
    [
        entry("a", None, json!({"role": "user", "content": "first", "timestamp": 1})),
        entry("b", Some("a"), answer("one", 5)),
        entry(
            "c",
            Some("b"),
            json!({"role": "user", "content": [{"type": "text", "text": LONG}], "timestamp": 1}),
        ),
        entry("d", Some("c"), answer("two", 950)),
    ]
    .map(|it| serde_json::from_value(it).unwrap())
    .to_vec()
}

#[tokio::test]
async fn room_is_made_before_a_prompt() {
    let mut world = World::with(vec![Say("S"), Say("three")], settings(), full(), Some(model())).await;
    world.prompt("third").await;
    world.until("agent_settled").await;
    let story = world.story();
    assert_eq!(
        story[..6],
        [
            "compact threshold",
            "auto_compaction_start",
            "compacted summary: S",
            "auto_compaction_end",
            "agent_start",
            "turn_start"
        ]
    );
    assert_eq!(world.request(1)[1..], [&format!("user {LONG}"), "assistant two", "user third"]);
}

#[tokio::test]
async fn a_prompt_that_waits_for_room_is_not_lost() {
    for (step, outcome, last) in [
        (
            Fail("401: no"),
            "compacted error: Auto-compaction failed: Summarization failed: 401: no",
            "assistant ok",
        ),
        (Hang("half"), "compacted nothing (aborted)", "assistant  (aborted)"),
    ] {
        let stop = matches!(step, Hang(_));
        let mut world = World::with(vec![step, Say("ok")], settings(), full(), Some(model())).await;
        world.prompt("third").await;
        world.until("compaction_start").await;
        if stop {
            world.session.ask(Command::Abort).await.unwrap();
        }
        world.until("agent_settled").await;
        let story = world.story();
        assert_eq!(story[2], outcome);
        assert_eq!(story[6..8], ["user third", last]);
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_were_tried_again_do_not_come_back_with_a_summary() {
    let mut world = world(vec![Say("one"), Fail("503: busy"), Say("two"), Say("S")]).await;
    turn(&mut world, "first").await;
    turn(&mut world, LONG).await;
    let before = context(&world).await;
    compact(&world, None).await.unwrap();
    assert_eq!(context(&world).await[1..], before[2..]);
}

#[tokio::test(start_paused = true)]
async fn a_summary_that_fails_for_the_moment_is_tried_again() {
    let mut world = world(vec![Say("one"), Say("two"), Fail("503: busy"), Say("S")]).await;
    turn(&mut world, "first").await;
    turn(&mut world, LONG).await;
    assert_eq!(compact(&world, None).await.unwrap().summary, "S");
    world.until("compaction_end").await;
    assert_eq!(
        world.story(),
        [
            "compact manual",
            "summarization_retry_scheduled",
            "summarization_retry_attempt_start",
            "summarization_retry_finished",
            "compacted summary: S"
        ]
    );
    assert_eq!(
        (&world.events[1]["delayMs"], &world.events[2]["source"]),
        (&json!(2000), &json!("compaction"))
    );
}

#[tokio::test]
async fn closing_stops_a_compaction() {
    let mut world = world(vec![Say("one"), Say("two"), Hang("half")]).await;
    turn(&mut world, "first").await;
    turn(&mut world, LONG).await;
    let (reply, answer) = pi_core::reply_channel();
    world.session.send(Command::Compact(CompactParams::default(), reply));
    world.until("compaction_start").await;
    world.session.ask(Command::Close).await.unwrap();
    assert_eq!(answer.await.unwrap_err().message, "Compaction cancelled");
}
