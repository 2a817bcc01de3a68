//! `review.mode`: edits are made, shown first, or only shown.
#![cfg(unix)]

use std::process::Stdio;

use pi_harness::{Editor, JsonlClient, ModelServer, Profile, Scratch, Turn, call, say};
use serde_json::{Value, json};

use crate::rpc::PI;

fn edit(old: &str, new: &str) -> Turn {
    call("edit", json!({"path": "a.txt", "oldText": old, "newText": new}))
}

fn bash(command: &str) -> Turn {
    call("bash", json!({ "command": command }))
}

/// A program in permission mode `full` whose model does this; `a.txt` is `one`.
fn program(review: &str, turns: impl IntoIterator<Item = Turn>) -> (JsonlClient, Scratch, ModelServer) {
    let model = ModelServer::with(turns.into_iter().collect::<Vec<_>>());
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", "one\n");
    let pi = JsonlClient::start(PI, &scratch, &["--review-mode", review]);
    (pi, scratch, model)
}

fn answer(pi: &mut JsonlClient, question: &Value, choice: &str) {
    pi.ok(json!({"type": "answer_permission", "questionId": question["id"], "choice": choice}));
}

/// The result of the call the model read last.
fn told(model: &ModelServer) -> String {
    model.last_request().tool_results().last().unwrap().1.clone()
}

const DIFF: &str = "--- a.txt\n+++ a.txt\n@@ -1 +1 @@\n-one\n+two\n";

#[test]
fn every_edit_is_shown_first_and_made_when_it_is_allowed() {
    let hashline = json!({"path": "a.txt", "edits": [{"op": "append", "lines": ["x"]}]});
    let (mut pi, scratch, model) = program(
        "ask",
        [
            edit("one", "two"),
            call("write", json!({"path": "new.txt", "content": "new\n"})),
            bash("echo three > a.txt && cat a.txt"),
            edit("one", "two"),
            edit("two", "four"),
            call("hashline_edit", hashline),
            say("done"),
        ],
    );
    assert_eq!((&pi.state()["reviewMode"], &pi.state()["permissionMode"]), (&json!("ask"), &json!("full")));
    pi.prompt("go");
    let question = pi.event("permission_request");
    assert_eq!((&question["title"], &question["diff"]), (&json!("Pi wants to change a.txt"), &json!(DIFF)));
    assert_eq!(scratch.read("a.txt"), "one\n");
    pi.ok(json!({
        "type": "answer_permission", "questionId": question["id"], "choice": "reject_message", "message": "not yet"
    }));
    let question = pi.event("permission_request");
    assert_eq!(model.last_request().tool_results()[0].1, "The user rejected this call and says: not yet");
    assert_eq!(question["diff"], "--- new.txt\n+++ new.txt\n@@ -0,0 +1 @@\n+new\n");
    answer(&mut pi, &question, "allow_once");
    // A command that says what it changes.
    let question = pi.event("permission_request");
    assert_eq!(question["command"], "echo three > a.txt && cat a.txt");
    let asked: Vec<_> =
        question["parts"].as_array().unwrap().iter().filter(|it| it["allowed"] == false).collect();
    assert_eq!((asked.len(), &asked[0]["text"]), (1, &json!("write a.txt")));
    answer(&mut pi, &question, "reject");
    let question = pi.event("permission_request");
    assert_eq!(question["choices"][1]["label"], "Allow in this chat: edit(a.txt)");
    answer(&mut pi, &question, "allow_session");
    // Neither the next edit nor one with another tool is asked for.
    pi.settled();
    assert_eq!((scratch.read("a.txt").as_str(), scratch.read("new.txt").as_str()), ("four\n", "new\n"));
    let asked = pi.events().iter().filter(|it| it["type"] == "permission_request").count();
    assert_eq!(asked, 4);
    let found = pi.ok(json!({"type": "get_edits"}));
    assert_eq!(found["counts"]["pending"], 2, "they wait for review all the same: {found}");
}

#[test]
fn what_is_not_the_difference_that_was_allowed_any_more_is_asked_for_again() {
    let write = call("write", json!({"path": "a.txt", "content": "two\n"}));
    let (mut pi, scratch, model) = program("ask", [write, say("done")]);
    pi.prompt("go");
    let question = pi.event("permission_request");
    assert_eq!(question["diff"], DIFF);
    // The user adds a line while the question is open, and allows what does not show it.
    scratch.file("a.txt", "one\nmine\n");
    answer(&mut pi, &question, "allow_once");
    let again = pi.event("permission_request");
    assert_eq!(again["diff"], "--- a.txt\n+++ a.txt\n@@ -1,2 +1 @@\n-one\n-mine\n+two\n");
    answer(&mut pi, &again, "reject");
    pi.settled();
    assert_eq!(scratch.read("a.txt"), "one\nmine\n");
    assert!(told(&model).starts_with("The user rejected this call."), "{}", told(&model));
}

#[test]
fn one_question_is_asked_where_the_permission_mode_asks_as_well() {
    let (mut pi, scratch, _model) = program("ask", [edit("one", "two"), say("done")]);
    pi.ok(json!({"type": "set_permission_mode", "mode": "ask"}));
    pi.prompt("go");
    let question = pi.event("permission_request");
    answer(&mut pi, &question, "allow_once");
    pi.settled();
    assert_eq!(scratch.read("a.txt"), "two\n");
    assert_eq!(pi.events().iter().filter(|it| it["type"] == "permission_request").count(), 1);
}

#[test]
fn nothing_is_changed_in_a_plan_and_the_difference_is_the_result() {
    let (mut pi, scratch, model) = program(
        "plan",
        [
            edit("one", "two"),
            call("read", json!({"path": "a.txt"})),
            edit("two", "three"),
            call("write", json!({"path": "new.txt", "content": "new\n"})),
            bash("cat a.txt"),
            bash("sed -i s/one/two/ a.txt; rm gone.txt; mkdir -p sub; echo x > sub/x.txt; cat a.txt"),
            bash("true > /dev/null && date +%Y >> \"$OUTSIDE/a.txt\"; git init -q 2>&1; ls -d .git"),
            say("done"),
        ],
    );
    scratch.file("gone.txt", "gone\n");
    pi.run("go");
    let results: Vec<String> = model.last_request().tool_results().into_iter().map(|it| it.1).collect();
    let not_made = "Nothing was changed: the user has set review.mode to \"plan\"";
    assert!(results[0].starts_with(not_made) && results[0].ends_with(DIFF), "{}", results[0]);
    assert_eq!(results[1], "one\n");
    assert!(results[2].starts_with("Could not find the exact text in a.txt."), "{}", results[2]);
    assert!(results[3].starts_with(not_made) && results[3].ends_with("+new\n"), "{}", results[3]);
    assert_eq!(results[4], "one\n");
    assert!(
        results[5].starts_with("two\n\n\n[Nothing was changed: the command ran in a private copy"),
        "{}",
        results[5]
    );
    for part in [DIFF.trim_end(), "--- gone.txt\n+++ /dev/null\n", "--- /dev/null\n+++ sub/x.txt\n"] {
        assert!(results[5].contains(part), "{}", results[5]);
    }
    assert_eq!((scratch.read("a.txt").as_str(), scratch.read("gone.txt").as_str()), ("one\n", "gone\n"));
    assert!(["new.txt", "sub", ".git"].iter().all(|it| !scratch.path(it).exists()), "{}", results[6]);
    assert_eq!(pi.ok(json!({"type": "get_edits"}))["hunks"], json!([]));
    let details = pi.events().into_iter().find(|it| it["type"] == "tool_execution_end").unwrap();
    assert_eq!(details["result"]["details"], json!({"planned": true, "patch": DIFF}));

    // From then on they are made.
    pi.ok(json!({"type": "set_review_mode", "mode": "apply"}));
    assert_eq!(pi.event("review_mode_changed")["mode"], "apply");
    model.script([edit("one", "two"), say("done")]);
    pi.run("do it");
    assert_eq!(scratch.read("a.txt"), "two\n");
}

/// The real files are out of reach of a command of a plan, by whatever name.
#[test]
fn a_command_of_a_plan_cannot_write_past_its_copy() {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", "one\n");
    scratch.file(".gitignore", "/out\n");
    scratch.file("out/b.txt", "b\n");
    // The path is exchanged for that of the copy where it stands alone; here it does not.
    let root = scratch.workspace();
    let (parent, name) =
        (root.parent().unwrap().display().to_string(), root.file_name().unwrap().to_str().unwrap());
    let command = format!(
        "cd {parent} && echo two > {name}/a.txt; echo c > {parent}/c.txt; cd - && echo d > out/b.txt; true"
    );
    model.script([bash(&command), say("done")]);
    let mut pi = JsonlClient::start(PI, &scratch, &["--review-mode", "plan"]);
    pi.run("go");
    assert_eq!(
        (scratch.read("a.txt").as_str(), scratch.read("out/b.txt").as_str()),
        ("one\n", "b\n"),
        "{}",
        told(&model)
    );
    assert!(!root.parent().unwrap().join("c.txt").exists(), "{}", told(&model));
    assert!(told(&model).contains("Permission denied"), "{}", told(&model));
}

#[test]
fn with_nobody_to_ask_the_setting_to_change_is_named() {
    let model = ModelServer::with([edit("one", "two"), say("all done")]);
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", "one\n");
    scratch.settings(&json!({"review": {"mode": "ask"}}));
    let arguments = ["--provider", "scripted", "--model", "alpha", "-p", "go"];
    let output = scratch.command(PI).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert_eq!((output.status.code(), scratch.read("a.txt").as_str()), (Some(1), "one\n"));
    assert!(told(&model).contains("review.mode ask, and nobody is there to ask"), "{}", told(&model));
    let output = scratch.command(PI).args(arguments).args(["--review-mode", "nonsense"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("[possible values: apply, ask, plan]"));
}

/// An editor with these settings of its own and `a.txt` open, whose model does this.
fn editor(settings: Value, turns: Vec<Turn>) -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::with(turns);
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", "one\n");
    let mut profile = Profile::with(json!({
        "workspace": {"applyEdit": true, "workspaceEdit": {"documentChanges": true}},
        "experimental": {"pi": {"events": "delta", "permissions": true}},
    }));
    profile.initialize["initializationOptions"] = settings;
    let editor = Editor::start(PI, &scratch, profile);
    editor.open("a.txt", "one\n");
    (editor, scratch, model)
}

#[test]
fn an_editor_sets_the_mode_and_is_asked_before_its_buffer_changes() {
    let (mut editor, _scratch, model) =
        editor(json!({"review": {"mode": "ask"}}), vec![edit("one", "two"), say("done")]);
    editor.ok("pi/prompt", json!({"message": "go"}));
    let asked = editor.asked("pi/requestPermission");
    assert_eq!(asked["params"]["request"]["diff"], DIFF, "{asked}");
    assert_eq!(editor.buffer("a.txt"), "one\n");
    editor.answer(&asked, Ok(json!({"choice": "allow_once"})));
    editor.settled();
    assert_eq!(editor.buffer("a.txt"), "two\n");
    editor.ok("pi/setReviewMode", json!({"mode": "plan"}));
    assert_eq!(editor.ok("pi/getState", json!({}))["reviewMode"], "plan");
    model.script([edit("two", "three"), say("done")]);
    editor.prompt("more");
    editor.settled();
    assert!(told(&model).contains("-two\n+three\n"), "{}", told(&model));
    assert_eq!(editor.buffer("a.txt"), "two\n");
    editor.unchecked = true;
}

#[test]
fn what_a_command_changed_in_its_copy_is_shown_before_it_comes_back() {
    for (choice, text) in [("allow_once", "typed 2\n"), ("reject", "typed\n")] {
        let settings = json!({"review": {"mode": "ask"}, "shell": {"unsaved": "overlay"}});
        let (mut editor, scratch, model) =
            editor(settings, vec![bash("sed -i 's/typed/typed 2/' a.txt; echo x > b.txt"), say("done")]);
        editor.type_at("a.txt", 0, 3, "typed");
        editor.ok("pi/prompt", json!({"message": "go"}));
        let asked = editor.asked("pi/requestPermission");
        let request = &asked["params"]["request"];
        assert_eq!(request["title"], "Pi wants to change 2 files", "{asked}");
        assert!(
            request["diff"].as_str().unwrap().contains("-typed\n+typed 2\n--- /dev/null\n+++ b.txt\n"),
            "{asked}"
        );
        editor.answer(&asked, Ok(json!({ "choice": choice })));
        editor.settled();
        assert_eq!(
            (editor.buffer("a.txt").as_str(), scratch.path("b.txt").exists()),
            (text, choice == "allow_once")
        );
        let rejected =
            "[The changes of the command were not brought back from the copy: The user rejected this call.";
        assert_eq!(told(&model).contains(rejected), choice == "reject", "{}", told(&model));
        editor.unchecked = true;
    }
}
