//! Runs over LSP: prompt, steer, abort, context, sessions, for clients with a plugin.

use pi_harness::{Editor, ModelServer, Profile, Scratch, call, hang, say, status, think};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

fn start() -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    (Editor::start(PI, &scratch, Profile::plugin()), scratch, model)
}

/// Texts of the assistant's messages among these events.
fn answers(events: &[Value]) -> Vec<String> {
    events
        .iter()
        .filter(|it| it["type"] == "message_end" && it["message"]["role"] == "assistant")
        .map(|it| it["message"]["content"][0]["text"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn the_answer_comes_before_the_events_and_the_sequence_has_no_gap() {
    let (mut editor, _scratch, model) = start();
    model.script([say("hello").pieces(1)]);
    let id = editor.start_request("pi/prompt", json!({"message": "hi"}));
    let accepted = editor.response(id)["result"].take();
    let events = editor.claim_until("pi/event", "settled", |it| it["event"]["type"] == "agent_settled");
    let messages = editor.messages();
    let answer = messages.iter().position(|it| it["id"] == id).unwrap();
    let first = messages.iter().position(|it| it["method"] == "pi/event").unwrap();
    assert!(answer < first, "an event overtook the answer");
    for pair in events.windows(2) {
        assert_eq!(pair[0]["seq"].as_u64().unwrap() + 1, pair[1]["seq"].as_u64().unwrap());
    }
    assert!(events.iter().all(|it| it["sessionId"] == accepted["sessionId"]));
    // Updates carry what was added, not the message so far.
    let updates: Vec<_> = events.iter().filter(|it| it["event"]["type"] == "message_update").collect();
    assert!(!updates.is_empty() && updates.iter().all(|it| it["event"].get("message").is_none()));
}

#[test]
fn steering_reaches_the_run_in_progress() {
    let (mut editor, _scratch, model) = start();
    model.script([
        call("bash", json!({"command": "true"})).gate("first"),
        say("changed my mind"),
        say("and afterwards"),
    ]);
    editor.prompt("start");
    model.reached("first");
    let error = editor.refused("pi/prompt", json!({"message": "again"}));
    assert!(error["message"].as_str().unwrap().contains("streamingBehavior"), "{error}");
    editor.ok("pi/steer", json!({"message": "rather this"}));
    editor.ok("pi/followUp", json!({"message": "then that"}));
    model.release("first");
    let events = editor.settled();
    assert_eq!(answers(&events)[1..], ["changed my mind", "and afterwards"]);
    assert!(model.requests()[1].user_texts().contains(&"rather this".to_owned()));
    assert!(model.requests()[2].user_texts().contains(&"then that".to_owned()));
}

#[test]
fn an_abort_settles_the_run() {
    let (mut editor, _scratch, model) = start();
    model.script([hang()]);
    editor.prompt("go");
    model.wait_request(1);
    editor.ok("pi/abort", json!({}));
    let events = editor.settled();
    let end = events.iter().rev().find(|it| it["type"] == "message_end").unwrap();
    assert_eq!(end["message"]["stopReason"], "aborted", "{end}");
    model.wait_disconnects(1);
}

#[test]
fn context_is_resolved_from_unsaved_text() {
    let (mut editor, scratch, model) = start();
    scratch.file("a.rs", "old\n");
    editor.open("a.rs", "fn a() {}\n// 😀 new\n");
    model.script([say("I see")]);
    let uri = editor.uri("a.rs");
    let range = json!({"start": {"line": 1, "character": 6}, "end": {"line": 1, "character": 9}});
    editor.ok(
        "pi/prompt",
        json!({"message": "explain", "context": [
            {"kind": "selection", "uri": uri, "range": range},
            {"kind": "file", "uri": uri},
            {"kind": "text", "title": "Note", "text": "be brief"},
        ]}),
    );
    editor.settled();
    let path = scratch.path("a.rs");
    let path = path.display();
    assert_eq!(
        model.last_request().user_texts(),
        [format!(
            "explain\n\n{path}, line 2 (as open in the editor):\n```rs\nnew\n```\n\nFile: {path}\n\nNote:\n```\nbe brief\n```"
        )]
    );
}

#[test]
fn requests_in_one_breath_keep_their_order() {
    let (mut editor, _scratch, model) = start();
    model.script([say("one").gate("hold"), say("two")]);
    // The session is opened by the first of these.
    let prompt = editor.start_request("pi/prompt", json!({"message": "a"}));
    let follow = editor.start_request("pi/followUp", json!({"message": "b"}));
    let state = editor.start_request("pi/getState", json!({}));
    assert_eq!(editor.response(prompt)["result"]["accepted"], true);
    assert!(editor.response(follow).get("error").is_none());
    assert_eq!(editor.response(state)["result"]["pendingMessageCount"], 1);
    model.reached("hold");
    model.release("hold");
    assert_eq!(answers(&editor.settled()), ["one", "two"]);
}

#[test]
fn a_new_session_takes_the_place_of_the_old_one() {
    let (mut editor, scratch, model) = start();
    model.script([say("one"), say("two")]);
    let first = editor.prompt("a")["sessionId"].clone();
    editor.settled();
    let file = editor.ok("pi/getState", json!({}))["sessionFile"].clone();
    assert_eq!(editor.ok("pi/newSession", json!({})), json!({"cancelled": false}));
    assert!(editor.refused("pi/getState", json!({"sessionId": first}))["message"].is_string());
    let second = editor.prompt("b")["sessionId"].clone();
    assert_ne!(first, second);
    editor.settled();
    assert_eq!(model.last_request().user_texts(), ["b"]);
    assert_eq!(scratch.session_files().len(), 2);
    editor.ok("pi/switchSession", json!({"sessionPath": file}));
    assert_eq!(editor.ok("pi/getState", json!({}))["sessionId"], first);
    assert_eq!(editor.ok("pi/getLastAssistantText", json!({}))["text"], "one");
}

#[test]
fn a_shell_command_can_be_cancelled_like_any_request() {
    let (mut editor, scratch, _model) = start();
    let started = scratch.path("started");
    let command = format!("touch '{}'; echo begun; sleep 600", started.display());
    let id = editor.start_request("pi/bash", json!({"command": command}));
    editor.events_until("bash_execution_update");
    editor.notify("$/cancelRequest", json!({"id": id}));
    let answer = editor.response(id);
    assert_eq!(answer["result"]["cancelled"], true, "{answer}");
    editor.ok("pi/getState", json!({}));
}

#[test]
fn a_slow_reader_loses_no_text() {
    let (mut editor, _scratch, model) = start();
    let text: String = (0..4_000).map(|it| char::from(b'a' + (it % 26) as u8)).collect();
    model.script([say(text.clone()).pieces(1).gate("go")]);
    editor.prompt("much");
    model.reached("go");
    editor.stop_reading();
    model.release("go");
    // The model has said everything and was left in good order: the client's silence held up nobody.
    model.wait_request(1);
    editor.read_again();
    let events = editor.settled();
    let said: String = events
        .iter()
        .filter(|it| it["assistantMessageEvent"]["type"] == "text_delta")
        .map(|it| it["assistantMessageEvent"]["delta"].as_str().unwrap())
        .collect();
    assert_eq!(said, text);
    assert_eq!(answers(&events), [text]);
}

#[test]
fn a_failed_run_is_an_event_in_words_and_the_session_goes_on() {
    let (mut editor, scratch, model) = start();
    model.script([status(400, r#"{"error":{"message":"no such thing"}}"#), say("better")]);
    let session = editor.prompt("a")["sessionId"].clone();
    let events = editor.settled();
    let end = events.iter().rev().find(|it| it["type"] == "message_end").unwrap();
    assert_eq!(end["message"]["stopReason"], "error");
    let failure = &end["message"]["failure"];
    let headline = failure["headline"].as_str().unwrap();
    assert!(headline.ends_with(" refused the request (400): no such thing"), "{failure}");
    assert_eq!((&failure["kind"], &failure["details"]), (&json!("other"), &end["message"]["errorMessage"]));
    // Also when the chat is opened again, and made anew each time.
    let messages = editor.ok("pi/getMessages", json!({}))["messages"].clone();
    let attached = editor.ok("pi/session/attach", json!({ "sessionId": session }));
    for messages in [&messages, &attached["snapshot"]["messages"]] {
        assert_eq!(messages.as_array().unwrap().last().unwrap()["failure"], *failure);
    }
    assert!(scratch.session().iter().all(|it| it["message"].get("failure").is_none()));
    editor.prompt("b");
    assert_eq!(answers(&editor.settled()), ["better"]);
}

#[test]
fn shutdown_in_mid_run_leaves_a_whole_session_file() {
    let (mut editor, scratch, model) = start();
    model.script([say("first"), say("never finished").pieces(1).gate_after(3, "middle")]);
    editor.prompt("a");
    editor.settled();
    editor.prompt("b");
    model.reached("middle");
    assert!(editor.exit().success());
    editor.unchecked = true;
    assert!(scratch.session().iter().any(|it| it["message"]["content"][0]["text"] == "b"));
}

#[test]
fn a_client_that_asks_is_told_what_the_session_does() {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    let profile = Profile::with(json!({"experimental": {"pi": {"events": "delta", "activity": true}}}));
    let mut editor = Editor::start(PI, &scratch, profile);
    model.script([
        think("hm").call("bash", json!({"command": "true"})),
        say("done"),
        status(401, r#"{"error":{"message":"no"}}"#),
    ]);
    let activities = |editor: &mut Editor| {
        let session = editor.prompt("go")["sessionId"].clone();
        editor.settled();
        let busy = ["idle", "stopped", "failed"];
        let told = editor.claim_until("pi/activity", "the end of the activity", |it| {
            busy.iter().any(|end| it["activity"]["state"] == *end)
        });
        assert!(told.iter().all(|it| it["sessionId"] == session && it["activity"]["since"].is_u64()));
        told.into_iter().map(|it| it["activity"].clone()).collect::<Vec<_>>()
    };
    let states = |told: &[Value]| -> Vec<String> {
        told.iter().map(|it| it["state"].as_str().unwrap().to_owned()).collect()
    };
    let first = activities(&mut editor);
    assert_eq!(states(&first), ["waiting", "thinking", "tool", "waiting", "answering", "idle"]);
    assert_eq!((&first[2]["tool"], &first[2]["detail"]), (&json!("bash"), &json!("true")));
    let second = activities(&mut editor);
    assert_eq!(states(&second), ["waiting", "failed"]);
    assert!(second[1]["detail"].as_str().unwrap().contains("401"), "{second:?}");
}

#[test]
fn the_strip_says_the_same_with_a_plugin_and_without() {
    let plugin = Profile::with(json!({"experimental": {"pi": {"events": "delta", "activity": true}}}));
    let line = |it: &Value| match it["method"].as_str() {
        Some("$/progress") => it["params"]["value"]["message"].as_str().map(str::to_owned),
        Some("pi/activity") => it["params"]["activity"]["text"].as_str().map(str::to_owned),
        _ => None,
    };
    for profile in [Profile::plain(), plugin] {
        let model = ModelServer::start();
        let scratch = Scratch::with_model(&model);
        let mut editor = Editor::start(PI, &scratch, profile);
        model.script([
            call("bash", json!({"command": "cat gate"})).gate("first"),
            say("Done.").gate("second"),
        ]);
        assert!(std::process::Command::new("mkfifo").arg(scratch.path("gate")).status().unwrap().success());
        let run = json!({"command": "pi.prompt", "arguments": ["begin"]});
        editor.ok("workspace/executeCommand", run);
        // Each is held until it has been seen.
        let shows = |text: &str| editor.claim(text, |it| line(it).as_deref() == Some(text));
        shows("Waiting for alpha…");
        model.release("first");
        shows("Running cat gate…");
        std::fs::write(scratch.path("gate"), "open\n").unwrap();
        let again = shows("Waiting for alpha…");
        let later = &again["params"]["activity"]["later"];
        assert!(
            again["method"] == "$/progress" || later["text"] == "Waiting for alpha… connected, no answer yet"
        );
        model.reached("second");
        model.release("second");
        editor.claim("the end", |it| {
            it["params"]["value"]["kind"] == "end" || it["params"]["activity"]["state"] == "idle"
        });
        editor.unchecked = true;
    }
}
