//! A conversation over JSONL: prompt, tools, steering, follow-ups, abort, sessions.
//!
//! The model is scripted and checks every request, so each story also proves that each tool call had one result.

use std::{fs, path::Path};

use pi_harness::{
    Editor, JsonlClient, ModelServer, Scratch, call,
    editor::Profile,
    say,
    scratch::session_lines,
    think,
    transcript::{Face, Transcript},
};
use serde_json::{Value, json};

/// The binary under test.
pub const PI: &str = env!("CARGO_BIN_EXE_pi");

/// A model with a script and a client that talks to it.
pub fn start(turns: impl Into<pi_harness::script::Turns>) -> (ModelServer, Scratch, JsonlClient) {
    let model = ModelServer::with(turns);
    let scratch = Scratch::with_model(&model);
    let pi = JsonlClient::start(PI, &scratch, &[]);
    (model, scratch, pi)
}

/// Types of events, runs of updates as one.
fn types(events: &[Value]) -> Vec<String> {
    let mut types: Vec<String> = events
        .iter()
        .map(|it| it["type"].as_str().unwrap().to_owned())
        .filter(|it| it != "queue_update" && it != "tool_execution_update")
        .collect();
    types.dedup_by(|a, b| a == b && a == "message_update");
    types
}

/// The last finished assistant message.
pub fn last_answer(events: &[Value]) -> Value {
    let mut answers =
        events.iter().filter(|it| it["type"] == "message_end" && it["message"]["role"] == "assistant");
    answers.next_back().expect("no answer")["message"].clone()
}

fn text(message: &Value) -> String {
    message["content"].as_array().into_iter().flatten().filter_map(|it| it["text"].as_str()).collect()
}

/// A shell command that waits until the workspace holds a file of this name.
fn wait_for(file: &str) -> String {
    format!("until [ -e {file} ]; do sleep 0.02; done; echo done waiting")
}

#[test]
fn a_prompt_streams_its_answer_and_settles() {
    let (model, scratch, mut pi) = start([think("hm").say("hello world").pieces(4)]);
    let events = pi.run("hi");
    assert_eq!(
        types(&events),
        [
            "agent_start",
            "turn_start",
            "message_start",
            "message_end",
            "message_start",
            "message_update",
            "message_end",
            "turn_end",
            "agent_end",
            "agent_settled"
        ]
    );
    let deltas: String = events
        .iter()
        .filter(|it| it["assistantMessageEvent"]["type"] == "text_delta")
        .map(|it| it["assistantMessageEvent"]["delta"].as_str().unwrap())
        .collect();
    assert_eq!(deltas, "hello world");
    assert_eq!(pi.ok(json!({"type": "get_last_assistant_text"}))["text"], "hello world");
    assert_eq!(model.last_request().user_texts(), ["hi"]);
    let session = scratch.session();
    assert_eq!(session[0]["type"], "session");
    assert_eq!(text(&session.last().unwrap()["message"]), "hello world");
}

#[test]
fn both_dialects_give_the_same_conversation() {
    for (provider, id) in [("scripted", "alpha"), ("scripted-chat", "gamma")] {
        let model = ModelServer::with([call("read", json!({"path": "a.txt"})), say("it says one")]);
        let scratch = Scratch::with_model(&model);
        scratch.file("a.txt", "one\n");
        let mut pi = JsonlClient::start_bare(PI, &scratch, &["--provider", provider, "--model", id]);
        let events = pi.run("what does a.txt say?");
        assert_eq!(text(&last_answer(&events)), "it says one", "{provider}");
        assert_eq!(model.last_request().tool_results()[0].1, "one\n", "{provider}");
    }
}

#[test]
fn an_edit_changes_the_file_on_disk() {
    let edit = call("edit", json!({"path": "a.rs", "oldText": "1", "newText": "2"}));
    let (model, scratch, mut pi) = start([edit, say("done")]);
    scratch.file("a.rs", "let x = 1;\n");
    let events = pi.run("make it two");
    assert_eq!(scratch.read("a.rs"), "let x = 2;\n");
    let end = events.iter().find(|it| it["type"] == "tool_execution_end").unwrap();
    assert_eq!(end["isError"], false, "{end}");
    assert!(end["result"]["details"]["diff"].as_str().unwrap().contains("let x = 2;"), "{end}");
    assert_eq!(model.last_request().tool_results().len(), 1);
}

#[test]
fn steering_skips_the_tools_that_wait() {
    let wait = wait_for("go");
    let (model, scratch, mut pi) = start([
        call("bash", json!({"command": wait})).call("write", json!({"path": "late.txt", "content": "x"})),
        say("as you wish"),
    ]);
    pi.prompt("work");
    pi.event("tool_execution_start");
    pi.ok(json!({"type": "steer", "message": "stop that"}));
    scratch.file("go", "");
    pi.settled();
    assert!(!scratch.path("late.txt").exists(), "the second tool ran");
    let request = model.last_request();
    let results = request.tool_results();
    assert_eq!(results.len(), 2);
    assert_eq!(results[1].1, "Skipped due to queued user message.");
    assert_eq!(request.user_texts(), ["work", "stop that"]);
}

#[test]
fn a_follow_up_waits_until_the_agent_is_done() {
    let (model, _scratch, mut pi) = start([say("first").gate("hold"), say("second")]);
    pi.prompt("one");
    model.reached("hold");
    pi.ok(json!({"type": "follow_up", "message": "two"}));
    assert_eq!(pi.state()["pendingMessageCount"], 1);
    model.release("hold");
    pi.settled();
    assert_eq!(model.last_request().user_texts(), ["one", "two"]);
    let ends = pi.events().iter().filter(|it| it["type"] == "agent_end").count();
    assert_eq!(ends, 1, "a follow-up belongs to the same run");
    assert_eq!(pi.state()["pendingMessageCount"], 0);
}

#[test]
fn a_prompt_while_running_says_how_to_queue_it() {
    let (model, _scratch, mut pi) = start([say("first").gate("hold"), say("second")]);
    pi.prompt("one");
    model.reached("hold");
    assert_eq!(
        pi.refused(json!({"type": "prompt", "message": "two"})),
        "Agent is already processing. Specify streamingBehavior ('steer' or 'followUp') to queue the message."
    );
    pi.ok(json!({"type": "prompt", "message": "three", "streamingBehavior": "followUp"}));
    model.release("hold");
    pi.settled();
    assert_eq!(model.last_request().user_texts(), ["one", "three"]);
}

#[test]
fn an_abort_in_the_middle_of_an_answer_keeps_what_came() {
    let (model, _scratch, mut pi) = start([say("hello world").pieces(5).gate_after(1, "hold"), say("again")]);
    pi.prompt("hi");
    pi.event_where("text_delta", |it| it["assistantMessageEvent"]["type"] == "text_delta");
    pi.ok(json!({"type": "abort"}));
    let answer = last_answer(&pi.events());
    assert_eq!((answer["stopReason"].as_str(), text(&answer).as_str()), (Some("aborted"), "hello"));
    pi.settled();
    assert_eq!(pi.state()["isStreaming"], false);
    model.release("hold");
    assert_eq!(text(&last_answer(&pi.run("and now?"))), "again");
}

#[test]
fn an_abort_in_the_middle_of_a_tool_stops_its_processes() {
    let (model, scratch, mut pi) = start([
        call("bash", json!({"command": "echo $$; sleep 600"}))
            .call("write", json!({"path": "late.txt", "content": "x"})),
        say("back"),
    ]);
    pi.prompt("work");
    let shows_pid =
        |it: &Value| it["type"] == "tool_execution_update" && text(&it["partialResult"]).ends_with('\n');
    let update = pi.event_where("with the id of the shell", shows_pid);
    let pid = text(&update["partialResult"]).trim().to_owned();
    pi.ok(json!({"type": "abort"}));
    pi.settled();
    assert!(!alive(&pid), "the shell outlived the abort");
    assert!(!scratch.path("late.txt").exists());
    pi.run("go on");
    assert_eq!(model.requests().len(), 2);
}

/// Whether the process runs (a zombie does not).
fn alive(pid: &str) -> bool {
    let state = std::process::Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

#[test]
fn bad_arguments_and_unknown_tools_come_back_to_the_model() {
    let (model, scratch, mut pi) = start([
        call("read", json!({"limit": "x"})).call("teleport", json!({})).call_raw("read", "{\"path\": \"a.t"),
        say("sorry"),
    ]);
    scratch.file("a.txt", "one\n");
    pi.run("go");
    let results = model.last_request().tool_results();
    assert_eq!(results.len(), 3);
    assert!(results[0].1.starts_with("Validation failed for tool \"read\":"), "{results:?}");
    assert_eq!(results[1].1, "Tool teleport not found");
}

#[test]
fn shell_commands_of_the_user_become_context() {
    let (model, _scratch, mut pi) = start([say("ok")]);
    let result = pi.ok(json!({"type": "bash", "command": "echo from the shell"}));
    assert_eq!((result["output"].as_str(), result["exitCode"].as_i64()), (Some("from the shell\n"), Some(0)));
    pi.run("what did I run?");
    let texts = model.last_request().user_texts();
    assert!(texts[0].starts_with("Ran `echo from the shell`\n"), "{texts:?}");
}

#[test]
fn a_new_session_starts_empty_and_the_old_one_can_be_opened_again() {
    let (model, _scratch, mut pi) = start([say("one"), say("two"), say("three")]);
    pi.run("first");
    let old = pi.state()["sessionFile"].as_str().unwrap().to_owned();
    assert_eq!(pi.ok(json!({"type": "new_session"}))["cancelled"], false);
    assert_eq!(pi.state()["messageCount"], 0);
    pi.run("second");
    assert_eq!(model.last_request().user_texts(), ["second"]);
    assert_eq!(pi.ok(json!({"type": "switch_session", "sessionPath": old}))["cancelled"], false);
    pi.run("third");
    assert_eq!(model.last_request().user_texts(), ["first", "third"]);
}

#[test]
fn two_processes_cannot_write_one_session_file() {
    let (model, scratch, mut pi) = start([say("one"), say("still fine")]);
    pi.run("first");
    let file = pi.state()["sessionFile"].as_str().unwrap().to_owned();
    let mut other = JsonlClient::start(PI, &scratch, &[]);
    let error = other.refused(json!({"type": "switch_session", "sessionPath": file}));
    assert!(error.contains("in use by another pi"), "{error}");
    drop(other);
    pi.run("second");
    assert_eq!(model.last_request().user_texts(), ["first", "second"]);
}

#[test]
fn a_session_survives_being_killed_in_the_middle() {
    let model = ModelServer::with([
        say("let me see").call("bash", json!({"command": "sleep 600"})),
        say("where were we"),
    ]);
    let scratch = Scratch::with_model(&model);
    let mut pi = JsonlClient::start(PI, &scratch, &[]);
    pi.prompt("first");
    pi.event("tool_execution_start");
    pi.kill();
    let file = scratch.session_files().pop().expect("the answer was not saved");
    let before = session_lines(&file);
    assert!(before.len() >= 3, "{before:?}");

    let mut pi = JsonlClient::start(PI, &scratch, &[]);
    pi.ok(json!({"type": "switch_session", "sessionPath": file}));
    pi.run("second");
    // The model's own check makes sure that the call that was cut off has one result.
    assert_eq!(model.last_request().user_texts(), ["first", "second"]);
    assert_eq!(session_lines(&file)[..before.len()], before[..], "the file was not only appended to");
}

/// Plays every transcript through a client of its own.
fn play_transcripts<F: Face>(connect: impl Fn(&Scratch) -> F) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/transcripts");
    let mut played = 0;
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let model = ModelServer::start();
        let scratch = Scratch::with_model(&model);
        scratch.file("a.rs", "let x = 1;\n");
        Transcript::load(&entry.path()).play(&model, &mut connect(&scratch));
        played += 1;
    }
    assert!(played > 0);
}

#[test]
fn transcripts_play_as_recorded() {
    play_transcripts(|scratch| JsonlClient::start(PI, scratch, &[]));
    play_transcripts(|scratch| JsonlClient::start(PI, scratch, &["--output-mode", "compact"]));
}

#[test]
fn transcripts_play_in_an_editor_as_they_do_over_jsonl() {
    play_transcripts(|scratch| Editor::start(PI, scratch, Profile::plugin()));
}
