//! What an editor's user hears at the start: of files that cannot be read, and what holds instead.

use pi_harness::{Editor, ModelServer, Profile, Scratch, say};
use serde_json::json;

const PI: &str = env!("CARGO_BIN_EXE_pi");

/// An editor in a home that `prepare` has filled. Permissions are as in any editor.
fn start(prepare: impl FnOnce(&Scratch)) -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    prepare(&scratch);
    let mut profile = Profile::plain();
    profile.arguments.truncate(4);
    let editor = Editor::start(PI, &scratch, profile);
    (editor, scratch, model)
}

fn shown(editor: &Editor) -> String {
    let params = editor.notification("window/showMessage");
    assert_eq!(params["type"], 2, "a warning: {params}");
    params["message"].as_str().unwrap().to_owned()
}

fn logged(editor: &Editor, what: &str) -> String {
    let found = editor.claim(what, |it| {
        let text = it["params"]["message"].as_str().unwrap_or_default();
        it["method"] == "window/logMessage" && text.contains(what)
    });
    found["params"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn settings_that_cannot_be_read_are_told_with_what_holds() {
    let (mut editor, _scratch, _model) = start(|it| {
        it.agent_file("settings.json", r#"{"permissions": {"deny": ["bash(rm *)"]"#);
    });
    assert_eq!(shown(&editor), "settings.json cannot be read: none of your rules holds, mode is ask");
    logged(&editor, "is not valid JSON");
    editor.unchecked = true;
}

#[test]
fn a_rule_that_cannot_be_read_is_told_with_what_it_does_now() {
    let rules = json!({"deny": ["bash(rm *"], "ask": ["bsh(mv *)"]});
    let (mut editor, _scratch, _model) = start(|it| it.settings(&json!({ "permissions": rules })));
    assert!(shown(&editor).starts_with("permission rule \""));
    let text = logged(&editor, "rule \"bash(rm *\"");
    assert!(text.ends_with("it has no closing parenthesis; it holds for all of bash"), "{text}");
    let text = logged(&editor, "rule \"bsh(mv *)\"");
    assert!(text.ends_with("; it has no effect"), "{text}");
    editor.unchecked = true;
}

#[test]
fn keys_that_cannot_be_read_are_told_at_once() {
    let (mut editor, _scratch, _model) = start(|it| {
        it.agent_file("auth.json", "{half");
    });
    let text = logged(&editor, "stored keys are not used");
    assert!(text.starts_with("cannot parse ") && text.contains("auth.json (line 1)"), "{text}");
    editor.unchecked = true;
}

#[test]
fn a_chat_says_that_lines_of_its_file_cannot_be_read() {
    let (mut editor, scratch, model) = start(|_| {});
    model.script([say("One.")]);
    editor.ok("workspace/executeCommand", json!({"command": "pi.prompt", "arguments": ["first"]}));
    let params = editor.notification("window/showMessage");
    assert_eq!(params["message"], "Pi finished: the answer is in the chat");
    editor.unchecked = true;
    assert!(editor.exit().success());
    let file = scratch.session_files().remove(0);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + "{half\nand no JSON\n").unwrap();
    let mut profile = Profile::plain();
    profile.arguments.push("--continue".into());
    let mut editor = Editor::start(PI, &scratch, profile);
    editor.ok("workspace/executeCommand", json!({"command": "pi.openChat", "arguments": []}));
    let text = logged(&editor, "lines of this chat");
    assert_eq!(text, "2 lines of this chat cannot be read and stay in its file; new messages are safe.");
    editor.unchecked = true;
}
