//! Shell commands while documents are unsaved: saved, named, held back or given a copy, as the settings say.
#![cfg(unix)]

use pi_harness::{Editor, ModelServer, Profile, Saves, Scratch, call, say};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

/// A plugin that can save.
fn saving() -> Profile {
    Profile::with(json!({
        "workspace": {"applyEdit": true, "workspaceEdit": {"documentChanges": true}},
        "experimental": {"pi": {"events": "delta", "saveDocuments": true}},
    }))
}

/// An editor with `a.txt` open and unsaved.
fn start(profile: Profile, settings: Value) -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    scratch.settings(&settings);
    scratch.file("a.txt", "saved\n");
    let editor = Editor::start(PI, &scratch, profile);
    editor.open("a.txt", "saved\n");
    editor.type_at("a.txt", 0, 5, "typed");
    (editor, scratch, model)
}

/// Lets the model run a command; what it is told.
fn run(editor: &mut Editor, model: &ModelServer, command: &str) -> String {
    model.script([call("bash", json!({"command": command})), say("done")]);
    editor.prompt("go");
    editor.settled();
    told(model)
}

fn told(model: &ModelServer) -> String {
    model.last_request().tool_results().last().unwrap().1.clone()
}

const UNSEEN: &str = "[Unsaved in the editor, so the command saw the older text on disk: a.txt";

#[test]
fn an_editor_that_can_save_does_before_a_command() {
    let (mut editor, scratch, model) = start(saving(), json!({}));
    let text = run(&mut editor, &model, "cat a.txt");
    assert_eq!(text, "typed\n\n\n[Saved in the editor before the command: a.txt]");
    assert_eq!(scratch.read("a.txt"), "typed\n");
    assert_eq!(run(&mut editor, &model, "cat a.txt"), "typed\n", "nothing is unsaved any more");
}

#[test]
fn a_question_about_a_command_says_what_it_does_not_see() {
    let (mut editor, _scratch, model) = start(Profile::plugin(), json!({}));
    editor.ok("pi/setPermissionMode", json!({"mode": "ask"}));
    model.script([call("bash", json!({"command": "touch b.txt"}))]);
    editor.prompt("go");
    let events = editor.events_until("permission_request");
    let question = events.last().unwrap();
    assert_eq!(question["note"], "It sees the files on disk; 1 unsaved file differs: a.txt");
    assert!(question["text"].as_str().unwrap().contains(question["note"].as_str().unwrap()), "{question}");
    editor.ok("pi/abort", json!({}));
    editor.settled();
    editor.unchecked = true;
}

#[test]
fn an_editor_that_never_answers_holds_up_a_command_for_a_while_only() {
    let (mut editor, scratch, model) = start(saving(), json!({}));
    editor.now_saves(Saves::WhenTold);
    model.script([call("bash", json!({"command": "cat a.txt"})), say("done")]);
    editor.prompt("go");
    let asked = editor.asked("pi/saveDocuments");
    assert_eq!(asked["params"], json!({"uris": [editor.uri("a.txt")]}));
    assert_eq!(editor.notification("$/cancelRequest")["id"], asked["id"]);
    editor.settled();
    let why = " (not saved: the editor did not answer within 5 s)]";
    assert_eq!(told(&model), format!("saved\n\n\n{UNSEEN}{why}"));
    assert_eq!(scratch.read("a.txt"), "saved\n");
}

#[test]
fn an_editor_that_refuses_to_save_is_quoted() {
    let (mut editor, _scratch, model) = start(saving(), json!({}));
    editor.now_saves(Saves::WhenTold);
    model.script([call("bash", json!({"command": "cat a.txt"})), say("done")]);
    editor.prompt("go");
    let asked = editor.asked("pi/saveDocuments");
    let failed = json!([{"uri": editor.uri("a.txt"), "message": "'readonly' option is set"}]);
    editor.answer(&asked, Ok(json!({"failed": failed})));
    editor.settled();
    assert_eq!(told(&model), format!("saved\n\n\n{UNSEEN} (not saved: 'readonly' option is set)]"));
}

#[test]
fn an_editor_that_cannot_save_leaves_the_command_to_the_disk_and_says_so() {
    let (mut editor, _scratch, model) = start(Profile::plugin(), json!({"shell": {"unsaved": "save"}}));
    let text = run(&mut editor, &model, "cat a.txt");
    assert_eq!(text, format!("saved\n\n\n{UNSEEN} (not saved: the editor cannot be asked to save)]"));
    let (mut editor, _scratch, model) = start(Profile::plugin(), json!({}));
    assert_eq!(run(&mut editor, &model, "cat a.txt"), format!("saved\n\n\n{UNSEEN}]"));
}

#[test]
fn a_command_can_be_held_back_until_the_user_has_saved() {
    let (mut editor, scratch, model) = start(saving(), json!({"shell": {"unsaved": "block"}}));
    let text = run(&mut editor, &model, "touch ran");
    assert!(text.starts_with("The command was not run") && text.contains("a.txt"), "{text}");
    assert!(!scratch.path("ran").exists());
    editor.notify("textDocument/didSave", json!({"textDocument": {"uri": editor.uri("a.txt")}}));
    assert_eq!(run(&mut editor, &model, "touch ran"), "(no output)");
}

#[test]
fn a_command_can_run_in_a_copy_and_its_changes_come_back_into_the_buffer() {
    let (mut editor, scratch, model) = start(Profile::plugin(), json!({"shell": {"unsaved": "overlay"}}));
    let root = scratch.path("").display().to_string();
    let command = "sed -i s/typed/edited/ a.txt; cat a.txt; echo new > b.txt; pwd";
    let text = run(&mut editor, &model, command);
    let root = root.trim_end_matches('/');
    assert_eq!(
        text,
        format!(
            "edited\n{root}\n\n\n[Ran in a private copy of the workspace that has the unsaved text of: a.txt]\n\n\
             [Brought back from the copy: a.txt, b.txt]"
        )
    );
    assert_eq!(editor.buffer("a.txt"), "edited\n");
    assert_eq!((scratch.read("a.txt").as_str(), scratch.read("b.txt").as_str()), ("saved\n", "new\n"));
    editor.undo("a.txt");
    assert_eq!(editor.buffer("a.txt"), "typed\n");
}
