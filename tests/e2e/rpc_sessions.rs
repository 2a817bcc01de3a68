//! Sessions that come from others: fork, clone, going back in the tree; and which model they have.

use std::{path::Path, process::Stdio};

use pi_harness::{Editor, JsonlClient, ModelServer, Profile, Scratch, hang, say, scratch::session_lines};
use serde_json::{Value, json};

use crate::rpc::{PI, start};

fn ids(lines: &[Value]) -> Vec<String> {
    lines[1..].iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}

fn file(pi: &mut JsonlClient) -> String {
    pi.state()["sessionFile"].as_str().unwrap().to_owned()
}

/// Every line after the header follows a line before it, or nothing.
fn assert_chained(lines: &[Value]) {
    for (at, line) in lines.iter().enumerate().skip(1) {
        let parent = &line["parentId"];
        assert!(
            parent.is_null() || lines[1..at].iter().any(|it| it["id"] == *parent),
            "{line} hangs on nothing"
        );
    }
}

#[test]
fn a_fork_goes_on_in_a_file_of_its_own() {
    let (model, scratch, mut pi) = start([say("1"), say("2"), say("3")]);
    pi.run("one");
    pi.run("two");
    let old_file = file(&mut pi);
    let old = session_lines(Path::new(&old_file));
    let messages = pi.ok(json!({"type": "get_fork_messages"}))["messages"].clone();
    assert_eq!((&messages[0]["text"], &messages[1]["text"]), (&"one".into(), &"two".into()));
    let fork = pi.ok(json!({"type": "fork", "entryId": messages[1]["entryId"]}));
    assert_eq!(fork, json!({"text": "two", "cancelled": false}));
    let new_file = file(&mut pi);
    assert_ne!(new_file, old_file);
    assert_eq!(ids(&session_lines(Path::new(&new_file))), ids(&old)[..4], "entries keep their ids");

    pi.run("three");
    assert_eq!(model.last_request().user_texts(), ["one", "three"]);
    let new = session_lines(Path::new(&new_file));
    assert_eq!(new[0]["parentSession"], *old_file);
    assert_ne!(new[0]["id"], old[0]["id"]);
    assert_eq!(new.len(), 1 + 4 + 2);
    assert_chained(&new);
    assert_eq!(session_lines(Path::new(&old_file)), old, "the old session is as it was");
    assert_eq!(scratch.session_files().len(), 2);

    // Both open again.
    for (path, count) in [(old_file, 4), (new_file, 4)] {
        pi.ok(json!({"type": "switch_session", "sessionPath": path}));
        assert_eq!(pi.state()["messageCount"], count, "{path}");
    }
}

#[test]
fn a_fork_at_the_first_message_has_no_file_before_an_answer() {
    let (_model, scratch, mut pi) = start([say("1"), say("again")]);
    pi.run("one");
    let entry = pi.ok(json!({"type": "get_fork_messages"}))["messages"][0]["entryId"].clone();
    pi.ok(json!({"type": "fork", "entryId": entry}));
    assert_eq!(pi.state()["messageCount"], 0);
    assert_eq!(scratch.session_files().len(), 1);
    let error = pi.refused(json!({"type": "clone"}));
    assert_eq!(
        error,
        "This session has not been saved yet. Wait for the first assistant response before cloning or forking it."
    );
    pi.run("rather this");
    let files = scratch.session_files();
    assert_eq!(files.len(), 2);
    files.iter().for_each(|it| assert_chained(&session_lines(it)));
}

#[test]
fn a_clone_has_everything_and_leaves_the_original() {
    let (model, _scratch, mut pi) = start([say("1"), say("2")]);
    pi.run("one");
    let old = session_lines(Path::new(&file(&mut pi)));
    assert_eq!(pi.ok(json!({"type": "clone"})), json!({"cancelled": false}));
    let clone = session_lines(Path::new(&file(&mut pi)));
    assert_eq!(clone[1..], old[1..]);
    pi.run("two");
    assert_eq!(model.last_request().user_texts(), ["one", "two"]);
    assert_eq!(pi.refused(json!({"type": "fork", "entryId": "nope"})), "Invalid entry ID for forking");
}

#[test]
fn a_clone_during_a_run_stops_it_and_has_its_end() {
    let (model, _scratch, mut pi) = start([say("1"), hang(), say("3")]);
    pi.run("one");
    pi.prompt("two");
    model.wait_request(2);
    pi.ok(json!({"type": "clone"}));
    model.wait_disconnects(1);
    assert_eq!(pi.state()["isStreaming"], false);
    let messages = pi.ok(json!({"type": "get_messages"}))["messages"].clone();
    assert_eq!(messages[3]["stopReason"], "aborted", "{messages}");
    pi.settled();
    pi.run("three");
    assert_eq!(model.last_request().user_texts(), ["one", "two", "three"]);
}

#[test]
fn sessions_in_memory_fork_in_memory() {
    let model = ModelServer::with([say("1"), say("2")]);
    let scratch = Scratch::with_model(&model);
    let mut pi = JsonlClient::start(PI, &scratch, &["--no-session"]);
    pi.run("one");
    pi.ok(json!({"type": "clone"}));
    pi.run("two");
    assert_eq!(model.last_request().user_texts(), ["one", "two"]);
    assert!(scratch.session_files().is_empty());
}

#[test]
fn going_back_leaves_a_tree_with_two_branches() {
    let (model, _scratch, mut pi) = start([say("1"), say("2"), say("3")]);
    pi.run("one");
    pi.run("two");
    let second = pi.ok(json!({"type": "get_fork_messages"}))["messages"][1]["entryId"].clone();
    let back = pi.ok(json!({"type": "navigate_tree", "targetId": second}));
    assert_eq!(back["editorText"], "two");
    pi.run("instead");
    assert_eq!(model.last_request().user_texts(), ["one", "instead"]);

    let tree = pi.ok(json!({"type": "get_tree"}));
    let mut node = &tree["tree"][0];
    while let [child] = &node["children"].as_array().unwrap()[..] {
        node = child;
    }
    assert_eq!(node["entry"]["id"], back["leafId"], "the branches part where it was left");
    let texts: Vec<_> = node["children"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["entry"]["message"]["content"][0]["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["two", "instead"]);
    let entries = pi.ok(json!({"type": "get_entries", "since": second}));
    assert_eq!(entries["entries"].as_array().unwrap().len(), 3);
    assert_eq!(entries["leafId"], tree["leafId"]);
    assert_eq!(pi.refused(json!({"type": "get_entries", "since": "nope"})), "Entry not found: nope");
}

#[test]
fn an_editor_forks_and_cycles_as_a_program_does() {
    let model = ModelServer::with([say("1"), say("2")]);
    let scratch = Scratch::with_model(&model);
    let mut editor = Editor::start(PI, &scratch, Profile::plugin());
    editor.prompt("one");
    editor.settled();
    let before = editor.ok("pi/getState", json!({}))["sessionId"].clone();
    let entry = editor.ok("pi/getForkMessages", json!({}))["messages"][0]["entryId"].clone();
    let fork = editor.ok("pi/fork", json!({"entryId": entry}));
    assert_eq!(fork["text"], "one");
    let after = editor.ok("pi/getState", json!({}));
    assert_ne!(after["sessionId"], before);
    assert_eq!(after["messageCount"], 0);
    let cycled = editor.ok("pi/cycleModel", json!({}));
    assert_eq!((&cycled["model"]["id"], &cycled["isScoped"]), (&"beta".into(), &false.into()));
    editor.prompt("again");
    editor.settled();
    assert_eq!(model.last_request().body["model"], "beta");
}

#[test]
fn the_scope_of_the_flags_is_cycled_in_every_session() {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    let mut pi = JsonlClient::start(PI, &scratch, &["--models", "scripted/alpha,gamma:low"]);
    for _ in 0..2 {
        let names = [0, 1].map(|_| pi.ok(json!({"type": "cycle_model"})));
        assert_eq!((&names[0]["model"]["id"], &names[0]["thinkingLevel"]), (&"gamma".into(), &"low".into()));
        assert_eq!((&names[1]["model"]["id"], &names[1]["isScoped"]), (&"alpha".into(), &true.into()));
        pi.ok(json!({"type": "new_session"}));
    }
}

#[test]
fn an_unknown_model_leaves_a_program_the_choice() {
    let model = ModelServer::with([say("1")]);
    let scratch = Scratch::with_model(&model);
    let mut pi = JsonlClient::start_bare(PI, &scratch, &["--provider", "scripted", "--model", "zzz"]);
    assert_eq!(pi.state().get("model"), None);
    assert!(pi.refused(json!({"type": "prompt", "message": "hi"})).starts_with("No model selected."));
    pi.ok(json!({"type": "set_model", "provider": "scripted", "modelId": "alpha"}));
    pi.run("hi");
    assert_eq!(model.requests().len(), 1);

    let args = ["--mode", "rpc", "--provider", "scripted", "--model", "zzz"];
    let output = scratch.command(PI).args(args).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("Model scripted/zzz not found"), "{said}");
}

#[test]
fn a_key_that_is_added_later_is_found_without_a_restart() {
    let model = ModelServer::with([say("1"), say("2")]);
    let scratch = Scratch::without_key(&model);
    let mut pi = JsonlClient::start_bare(PI, &scratch, &["--thinking", "low"]);
    let prompt = json!({"type": "prompt", "message": "hi"});
    assert!(pi.refused(prompt.clone()).starts_with("No model selected."));
    assert_eq!(pi.ok(json!({"type": "get_available_models"}))["models"], json!([]));
    scratch.add_key();
    let listed = pi.ok(json!({"type": "get_available_models"}));
    assert_eq!(listed["models"][0]["id"], "alpha");
    pi.run("hi");
    let state = pi.state();
    assert_eq!((&state["model"]["id"], &state["thinkingLevel"]), (&"alpha".into(), &"low".into()));
    pi.run("more");
    assert_eq!(model.requests().len(), 2);
}

#[test]
fn a_new_session_finds_a_key_that_was_added_meanwhile() {
    let model = ModelServer::start();
    let scratch = Scratch::without_key(&model);
    let mut pi = JsonlClient::start_bare::<&str>(PI, &scratch, &[]);
    assert_eq!(pi.state().get("model"), None);
    scratch.add_key();
    pi.ok(json!({"type": "new_session"}));
    assert_eq!(pi.state()["model"]["id"], "alpha");
}
