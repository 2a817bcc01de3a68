//! Stories of a session, with the model, the tools, the disk and the shell scripted.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod compact;
mod history;
mod questions;
mod queue;
mod world;

use pi_core::{RetrySettings, ScopedModel, SessionSettings, SteeringInterrupt, session::Command};
use pi_protocol::{entry::EntryKind, *};
use serde_json::json;
use world::{Step::*, World, model};

#[tokio::test]
async fn a_prompt_is_answered_and_settles_once() {
    let mut world = World::new(vec![Say("hello")]).await;
    assert_eq!(world.prompt("hi").await.delivery, Delivery::Started);
    world.until("agent_settled").await;
    assert_eq!(
        world.story(),
        [
            "agent_start",
            "turn_start",
            "user hi",
            "assistant hello",
            "turn_end",
            "agent_end false",
            "agent_settled"
        ]
    );
    let kinds: Vec<String> = world
        .store
        .lock()
        .unwrap()
        .entries
        .iter()
        .map(|it| serde_json::to_value(it).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["model_change", "thinking_level_change", "message", "message"]);
}

/// What a call changes is recorded under its prompt, which has to be found again if the process ends at any moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn prompt_and_answer_are_kept_before_a_call_is_run() {
    let mut world = World::new(vec![Call(vec![("c1", "gate", json!({}))]), Say("done")]).await;
    let started = world.started.clone();
    let (tell, early) = std::sync::mpsc::channel();
    world.store.lock().unwrap().writing = Some(Box::new(move |entry| {
        if serde_json::to_string(entry).unwrap().contains(r#""toolCall""#) {
            // A disk that takes so long that the call would be running by now.
            let runs = tokio::time::timeout(std::time::Duration::from_millis(200), started.notified());
            tell.send(
                tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(runs)).is_ok(),
            )
            .unwrap();
        }
    }));
    world.prompt("go").await;
    world.gate.notify_one();
    world.until("agent_settled").await;
    assert_eq!(early.try_iter().collect::<Vec<_>>(), [false]);
}

#[tokio::test]
async fn every_call_is_answered_whatever_happens_to_it() {
    let calls = vec![
        ("c1", "echo", json!({"n": "5"})),
        ("c2", "nobody", json!({})),
        ("c3", "boom", json!({})),
        ("c4", "echo", json!({"n": []})),
    ];
    let mut world = World::new(vec![Call(calls), Say("done")]).await;
    world.prompt("go").await;
    world.until("agent_settled").await;
    let story = world.story();
    assert_eq!(story[3..6], ["assistant call c1|call c2|call c3|call c4", "> c1", "< c1 {\"n\":5}"]);
    assert!(story.contains(&"< c2 Tool nobody not found (error)".to_owned()), "{story:?}");
    assert!(story.iter().any(|it| it.starts_with("< c3 The tool \"boom\" failed inside pi")), "{story:?}");
    assert!(story.iter().any(|it| it.starts_with("< c4 Validation failed for tool \"echo\"")), "{story:?}");
    assert_eq!(world.request(1).len(), 6, "prompt, answer, four results");
}

#[tokio::test]
async fn calls_that_only_read_run_together_and_are_answered_in_order() {
    let calls = vec![("c1", "peek", json!({})), ("c2", "peek", json!({}))];
    let mut world = World::new(vec![Call(calls), Say("done")]).await;
    world.prompt("go").await;
    world.until("agent_settled").await;
    let story = world.story();
    assert_eq!(story[4..6], ["> c1", "> c2"]);
    assert_eq!(story[8..10], ["toolResult {}", "toolResult {}"]);
}

#[tokio::test]
async fn a_call_that_was_cut_is_not_run() {
    let mut world = World::new(vec![CutCall("c1", "echo"), Say("again")]).await;
    world.prompt("go").await;
    world.until("agent_settled").await;
    assert!(world.story().iter().any(|it| it.contains("hit the output token limit")), "{:?}", world.story());
}

#[tokio::test]
async fn steering_skips_the_rest_of_the_turn_or_waits_for_it() {
    for (interrupt, second) in [
        (SteeringInterrupt::Skip, "< c2 Skipped due to queued user message. (error)"),
        (SteeringInterrupt::Finish, "< c2 {}"),
    ] {
        let settings = SessionSettings { steering_interrupt: interrupt, ..SessionSettings::default() };
        let calls = vec![("c1", "gate", json!({})), ("c2", "echo", json!({}))];
        let mut world = World::with(vec![Call(calls), Say("ok")], settings, vec![], Some(model())).await;
        world.prompt("go").await;
        world.started.notified().await;
        world.steer("other way").await;
        world.gate.notify_one();
        world.until("agent_settled").await;
        let story = world.story();
        assert!(story.contains(&second.to_owned()), "{story:?}");
        let delivered = story.iter().position(|it| it == "user other way").unwrap();
        assert_eq!(story[delivered - 1..=delivered + 1], ["turn_start", "user other way", "assistant ok"]);
        let taken = story.iter().position(|it| it == "queue [] []").unwrap();
        assert!(taken < delivered, "{story:?}");
        assert_eq!(world.request(1).last().unwrap(), "user other way");
    }
}

#[tokio::test]
async fn follow_ups_are_delivered_one_at_a_time_at_the_end() {
    let calls = vec![("c1", "gate", json!({}))];
    let mut world = World::new(vec![Call(calls), Say("one"), Say("two"), Say("three")]).await;
    world.prompt("go").await;
    world.started.notified().await;
    world.follow_up("second").await;
    world.follow_up("third").await;
    world.gate.notify_one();
    world.until("agent_settled").await;
    let said: Vec<String> = world.story().into_iter().filter(|it| it.starts_with("user")).collect();
    assert_eq!(said, ["user go", "user second", "user third"]);
    assert_eq!(world.story().iter().filter(|it| *it == "agent_settled").count(), 1);
}

#[tokio::test]
async fn a_prompt_during_a_run_says_what_to_do_with_it() {
    let calls = vec![("c1", "gate", json!({}))];
    let mut world = World::new(vec![Call(calls), Say("done")]).await;
    world.prompt("go").await;
    world.started.notified().await;
    let plain = PromptParams { message: "x".into(), ..PromptParams::default() };
    let refused = world.session.ask(|it| Command::Prompt(plain.clone(), it)).await.unwrap_err();
    assert!(refused.message.starts_with("Agent is already processing."));
    let steer = PromptParams { streaming_behavior: Some(StreamingBehavior::Steer), ..plain };
    let accepted = world.session.ask(|it| Command::Prompt(steer, it)).await.unwrap();
    assert_eq!(accepted.delivery, Delivery::Steering);
    world.gate.notify_one();
    world.until("agent_settled").await;
}

#[tokio::test]
async fn messages_queued_while_idle_go_with_the_next_prompt() {
    let mut world = World::new(vec![Say("a"), Say("b")]).await;
    world.steer("s").await;
    world.follow_up("f").await;
    world.prompt("now").await;
    world.until("agent_settled").await;
    assert_eq!(world.request(0), ["user now", "user s"]);
    assert_eq!(world.request(1), ["user now", "user s", "assistant a", "user f"]);
}

#[tokio::test]
async fn stopping_keeps_what_was_said_and_what_is_queued() {
    let mut world = World::new(vec![Hang("half an ans"), Say("more"), Say("queued")]).await;
    world.prompt("go").await;
    world.until("message_update").await;
    world.follow_up("later").await;
    world.session.ask(Command::Abort).await.unwrap();
    world.until("agent_settled").await;
    assert_eq!(
        world.story(),
        [
            "agent_start",
            "turn_start",
            "user go",
            "queue [] [\"later\"]",
            "assistant half an ans (aborted)",
            "turn_end",
            "agent_end false",
            "agent_settled"
        ]
    );
    assert_eq!(world.session.ask(Command::GetState).await.unwrap().pending_message_count, 1);
    world.prompt("go on").await;
    world.until("agent_settled").await;
    assert_eq!(world.request(2).last().unwrap(), "user later");
    world.session.ask(Command::Abort).await.unwrap();
}

#[tokio::test]
async fn stopping_a_tool_answers_all_calls_and_asks_the_model_no_more() {
    let calls = vec![("c1", "gate", json!({})), ("c2", "echo", json!({}))];
    let mut world = World::new(vec![Call(calls)]).await;
    world.prompt("go").await;
    world.started.notified().await;
    world.session.ask(Command::Abort).await.unwrap();
    world.until("agent_settled").await;
    let story = world.story();
    assert_eq!(
        story[4..],
        [
            "> c1",
            "~ c1",
            "< c1 Operation aborted (error)",
            "toolResult Operation aborted",
            "> c2",
            "< c2 Operation aborted (error)",
            "toolResult Operation aborted",
            "turn_end",
            "turn_start",
            "assistant  (aborted)",
            "turn_end",
            "agent_end false",
            "agent_settled"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_tool_or_provider_that_ignores_the_stop_is_dropped() {
    for step in [Call(vec![("c1", "deaf", json!({}))]), Stuck] {
        let stuck = matches!(step, Stuck);
        let mut world = World::new(vec![step]).await;
        world.prompt("go").await;
        world.until(if stuck { "message_update" } else { "tool_execution_start" }).await;
        world.session.ask(Command::Abort).await.unwrap();
        world.until("agent_settled").await;
        let state = world.session.ask(Command::GetState).await.unwrap();
        assert!(!state.is_streaming);
    }
}

#[tokio::test]
async fn a_provider_that_panics_ends_the_answer_and_not_the_process() {
    let settings = SessionSettings {
        retry: RetrySettings { enabled: false, ..RetrySettings::default() },
        ..SessionSettings::default()
    };
    let mut world = World::with(vec![Panic, Say("fine")], settings, vec![], Some(model())).await;
    world.prompt("go").await;
    world.until("agent_settled").await;
    assert!(world.story().contains(&"assistant  (error)".to_owned()), "{:?}", world.story());
    world.prompt("again").await;
    world.until("agent_settled").await;
    assert!(world.story().contains(&"assistant fine".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_is_repeated_without_the_failed_answer() {
    let mut world = World::new(vec![Fail("529 overloaded"), Fail("529 overloaded"), Say("at last")]).await;
    world.prompt("go").await;
    world.until("agent_settled").await;
    let story: Vec<String> =
        world.story().into_iter().filter(|it| it.contains("retr") || it.contains("agent_end")).collect();
    assert_eq!(
        story,
        [
            "agent_end true",
            "retry 1 in 2000",
            "agent_end true",
            "retry 2 in 4000",
            "retried true null",
            "agent_end false"
        ]
    );
    assert_eq!(world.request(2), ["user go"]);
}

#[tokio::test(start_paused = true)]
async fn retries_end_after_the_last_or_when_they_are_given_up() {
    let fails = || (0..4).map(|_| Fail("503 service unavailable")).collect::<Vec<_>>();
    let mut world = World::new(fails()).await;
    world.prompt("go").await;
    world.until("agent_settled").await;
    assert!(
        world.story().contains(&"retried false \"503 service unavailable\"".to_owned()),
        "{:?}",
        world.story()
    );

    let mut world = World::new(fails()).await;
    world.prompt("go").await;
    world.until("auto_retry_start").await;
    assert!(world.session.ask(Command::GetState).await.unwrap().is_streaming);
    world.session.ask(Command::AbortRetry).await.unwrap();
    world.until("agent_settled").await;
    assert!(world.story().contains(&"retried false \"Retry cancelled\"".to_owned()), "{:?}", world.story());
}

#[tokio::test(start_paused = true)]
async fn a_failed_answer_is_repeated_at_once_when_somebody_says_so() {
    let mut world = World::new(vec![Fail("503 busy"), Fail("401 bad key"), Say("done")]).await;
    world.prompt("go").await;
    world.until("auto_retry_start").await;
    let began = tokio::time::Instant::now();
    world.session.ask(Command::RetryNow).await.unwrap();
    world.until("agent_settled").await;
    assert!(began.elapsed() < std::time::Duration::from_secs(1), "the pause was waited for");
    // The last try failed for good; once more.
    world.session.ask(Command::RetryNow).await.unwrap();
    world.until("agent_settled").await;
    assert_eq!(world.request(2), ["user go"], "the failed answers are not shown to the model");
    let error = world.session.ask(Command::RetryNow).await.unwrap_err();
    assert_eq!(error.message, "no answer has failed that could be tried again");
}

#[tokio::test]
async fn one_call_is_skipped_and_the_run_goes_on() {
    let calls = vec![("c1", "gate", json!({})), ("c2", "echo", json!({}))];
    let mut world = World::new(vec![Call(calls), Say("done")]).await;
    world.prompt("go").await;
    world.started.notified().await;
    let skip = |id: &str| {
        let id = id.to_owned();
        world.session.ask(|it| Command::SkipTool(id, it))
    };
    assert_eq!(skip("c9").await.unwrap_err().message, "no call c9 is in progress");
    skip("c1").await.unwrap();
    world.until("agent_settled").await;
    let results = world.request(1);
    let told = "toolResult The user skipped this call. Go on without its result.";
    assert!(results.iter().any(|it| it.starts_with(told)), "{results:?}");
    assert!(!results.last().unwrap().contains("skipped"), "{results:?}");
}

#[tokio::test]
async fn a_final_error_is_not_repeated() {
    let mut world = World::new(vec![Fail("401 invalid x-api-key")]).await;
    world.prompt("go").await;
    world.until("agent_settled").await;
    assert!(!world.story().iter().any(|it| it.starts_with("retry")), "{:?}", world.story());
}

#[tokio::test]
async fn a_shell_command_during_a_run_is_recorded_after_it() {
    let calls = vec![("c1", "gate", json!({}))];
    let mut world = World::new(vec![Call(calls), Say("done"), Say("seen")]).await;
    world.prompt("go").await;
    world.started.notified().await;
    let params = BashParams { command: "date".into(), exclude_from_context: None };
    let result = world.session.ask(|it| Command::Bash(params, Some(json!("b1")), it)).await.unwrap();
    assert_eq!(result.exit_code, Some(0));
    assert_eq!(world.until("bash_execution_update").await["id"], "b1");
    world.gate.notify_one();
    world.until("agent_settled").await;
    world.prompt("next").await;
    world.until("agent_settled").await;
    let request = world.request(2);
    assert_eq!(request[request.len() - 2..], ["bashExecution date", "user next"]);
}

#[tokio::test]
async fn a_shell_command_can_be_stopped() {
    let world = World::new(vec![]).await;
    let session = world.session.clone();
    let waiting = tokio::spawn(async move {
        let params = BashParams { command: "wait".into(), exclude_from_context: None };
        session.ask(|it| Command::Bash(params, None, it)).await
    });
    // The command is in the inbox before the stop only once its task has run.
    tokio::task::yield_now().await;
    world.session.ask(Command::AbortBash).await.unwrap();
    assert!(waiting.await.unwrap().unwrap().cancelled);
}

#[tokio::test]
async fn a_full_disk_is_told_once_and_the_run_goes_on() {
    let mut world = World::new(vec![Say("one"), Say("two")]).await;
    world.store.lock().unwrap().broken = true;
    world.prompt("go").await;
    world.until("agent_settled").await;
    world.prompt("go").await;
    world.until("agent_settled").await;
    let notices = world.story().iter().filter(|it| it.starts_with("notice the disk is full")).count();
    assert_eq!(notices, 1);
    assert_eq!(world.session.ask(Command::GetMessages).await.unwrap().messages.len(), 4);
}

#[tokio::test]
async fn without_a_model_a_prompt_says_what_to_do() {
    let world = World::with(vec![], SessionSettings::default(), vec![], None).await;
    let params = PromptParams { message: "x".into(), ..PromptParams::default() };
    let error = world.session.ask(|it| Command::Prompt(params, it)).await.unwrap_err();
    assert!(error.message.starts_with("No model selected."), "{error}");
    let set = SetModelParams { provider: "p".into(), model_id: "nope".into() };
    let error = world.session.ask(|it| Command::SetModel(set, it)).await.unwrap_err();
    assert_eq!(error.message, "Model not found: p/nope");
}

#[tokio::test]
async fn a_model_that_comes_later_is_found_by_the_next_prompt() {
    let mut world =
        World::with(vec![Say("here"), Say("again")], SessionSettings::default(), vec![], None).await;
    *world.later.lock().unwrap() = Some(ScopedModel { model: model(), thinking: Some(ThinkingLevel::Low) });
    let params = |text: &str| PromptParams {
        message: text.into(),
        streaming_behavior: Some(StreamingBehavior::FollowUp),
        ..PromptParams::default()
    };
    // What is sent while it is looked for keeps its place.
    let first = world.session.ask(|it| Command::Prompt(params("x"), it));
    let second = world.session.ask(|it| Command::Prompt(params("y"), it));
    let (first, second, state) = tokio::join!(first, second, world.session.ask(Command::GetState));
    assert_eq!(first.unwrap().delivery, Delivery::Started);
    assert_eq!(second.unwrap().delivery, Delivery::FollowUp);
    let state = state.unwrap();
    assert_eq!((state.model.unwrap().id.as_str(), state.thinking_level), ("m", ThinkingLevel::Low));
    world.until("agent_settled").await;
    assert_eq!(world.request(1), ["user x", "assistant here", "user y"]);
    let store = world.store.lock().unwrap();
    assert!(
        store
            .entries
            .iter()
            .any(|it| matches!(&it.kind, EntryKind::ModelChange { model_id, .. } if model_id == "m"))
    );
}

#[tokio::test]
async fn model_and_level_of_a_reopened_session_come_back() {
    let entries = [
        json!({"type": "model_change", "id": "a", "parentId": null, "timestamp": "t", "provider": "p", "modelId": "m"}),
        json!({"type": "thinking_level_change", "id": "b", "parentId": "a", "timestamp": "t", "thinkingLevel": "low"}),
        json!({"type": "message", "id": "c", "parentId": "b", "timestamp": "t",
               "message": {"role": "user", "content": "old", "timestamp": 1}}),
    ]
    .map(|it| serde_json::from_value(it).unwrap());
    let world = World::with(vec![], SessionSettings::default(), entries.to_vec(), None).await;
    let state = world.session.ask(Command::GetState).await.unwrap();
    assert_eq!(state.model.unwrap().id, "m");
    assert_eq!(state.thinking_level, ThinkingLevel::Low);
    assert_eq!(state.message_count, 1);
    assert!(world.store.lock().unwrap().entries.is_empty(), "nothing changed, nothing is written");
    let level = world.session.ask(Command::CycleThinkingLevel).await.unwrap().unwrap().level;
    assert_eq!(level, ThinkingLevel::Medium);
}

#[tokio::test]
async fn closing_stops_the_run_and_answers() {
    let mut world = World::new(vec![Hang("…")]).await;
    world.prompt("go").await;
    world.until("message_update").await;
    world.session.ask(Command::Close).await.unwrap();
    let gone = world.session.ask(Command::GetState).await.unwrap_err();
    assert_eq!(gone.message, "the session has ended");
}

#[tokio::test]
async fn names_are_cleaned_and_must_not_be_empty() {
    let world = World::new(vec![]).await;
    world.session.ask(|it| Command::SetSessionName(" a\nb ".into(), it)).await.unwrap();
    assert_eq!(world.session.ask(Command::GetState).await.unwrap().session_name.as_deref(), Some("a b"));
    let error = world.session.ask(|it| Command::SetSessionName(" \n".into(), it)).await.unwrap_err();
    assert_eq!(error.message, "Session name cannot be empty");
}

#[tokio::test]
async fn what_a_message_begins_with_is_expanded_before_it_is_queued_and_its_context_is_not() {
    let mut world = World::new(vec![Call(vec![("c1", "gate", json!({}))]), Say("a"), Say("b")]).await;
    let params = PromptParams {
        message: "/twice hi".into(),
        appendix: "\n\nFile: a.rs".into(),
        ..PromptParams::default()
    };
    world.session.ask(|it| Command::Prompt(params, it)).await.unwrap();
    world.started.notified().await;
    world.steer("/twice left").await;
    world.follow_up("/unknown x").await;
    world.until("tool_execution_update").await;
    world.gate.notify_one();
    world.until("agent_settled").await;
    assert!(world.story().contains(&"queue [\"left left\"] []".to_owned()), "{:?}", world.story());
    let said: Vec<_> = world.request(2).into_iter().filter(|it| it.starts_with("user")).collect();
    assert_eq!(said, ["user hi hi\n\nFile: a.rs", "user left left", "user /unknown x"]);
}

#[tokio::test]
async fn a_command_that_cannot_be_expanded_is_sent_as_it_was_written_and_clients_are_told() {
    let mut world = World::new(vec![Say("hm")]).await;
    world.prompt("/broken").await;
    world.until("agent_settled").await;
    let story = world.story();
    assert_eq!(story[0], "\"skill_expansion\" \"/skills/broken\": \"it is gone\"");
    assert!(story.contains(&"user /broken".to_owned()), "{story:?}");
}
