//! What Pi asks besides permission: a plugin with `pi/ui`, other editors with what they have. The questions are those of
//! commands that were called without the word they need.

use pi_harness::{Editor, ModelServer, Profile, Scratch, say};
use serde_json::{Value, json};

use crate::chat::Chat;

const PI: &str = env!("CARGO_BIN_EXE_pi");

fn start(profile: Profile) -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    (Editor::start(PI, &scratch, profile), scratch, model)
}

fn plugin() -> Profile {
    let mut profile = Profile::plugin();
    profile.initialize["capabilities"]["experimental"]["pi"]["ui"] = json!(true);
    profile
}

fn command(editor: &mut Editor, name: &str, arguments: Value) {
    editor.ok("workspace/executeCommand", json!({"command": name, "arguments": arguments}));
}

/// What waits for an answer.
fn open(editor: &mut Editor) -> Vec<Value> {
    let state = editor.ok("pi/getState", json!({}));
    state["pendingQuestions"].as_array().cloned().unwrap_or_default()
}

fn event(editor: &Editor, kind: &str) {
    editor.claim_until("pi/event", kind, |it| it["event"]["type"] == kind);
}

fn message(editor: &Editor) -> String {
    editor.notification("window/showMessage")["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_plugin_is_asked_for_what_a_command_lacks() {
    let (mut editor, _scratch, _model) = start(plugin());
    command(&mut editor, "pi.mode", json!([]));
    let asked = editor.asked("pi/ui");
    let request = &asked["params"]["request"];
    assert_eq!(
        (&request["method"], &request["title"]),
        (&json!("select"), &json!("What Pi may do without asking (now full)"))
    );
    assert_eq!(request["options"], json!(["plan", "ask", "edit", "full"]));
    assert_eq!(open(&mut editor)[0]["id"], request["id"]);
    editor.answer(&asked, Ok(json!({"value": "plan"})));
    event(&editor, "permission_mode_changed");
    assert_eq!(message(&editor), "plan");
    assert_eq!(editor.ok("pi/getState", json!({}))["permissionMode"], "plan");
    // A name is the user's own words.
    command(&mut editor, "pi.rename", json!([]));
    let asked = editor.asked("pi/ui");
    assert_eq!(asked["params"]["request"]["method"], "input");
    editor.answer(&asked, Ok(json!({"value": " A name "})));
    assert_eq!(message(&editor), "This chat is now “A name”");
    assert!(editor.messages().iter().all(|it| it["method"] != "window/showMessageRequest"));
    editor.unchecked = true;
}

#[test]
fn a_plugin_that_answers_nothing_or_nonsense_changes_nothing() {
    let (mut editor, _scratch, _model) = start(plugin());
    for answer in [
        Ok(json!(null)),
        Ok(json!({"value": "anything"})),
        Ok(json!({"value": "plan", "cancelled": true})),
        Ok(json!(["plan"])),
        Err((-32601, "no such method".to_owned())),
    ] {
        command(&mut editor, "pi.mode", json!([]));
        let asked = editor.asked("pi/ui");
        editor.answer(&asked, answer);
        event(&editor, "extension_ui_resolved");
        // Twice.
        editor.answer(&asked, Ok(json!({"value": "plan"})));
        assert!(open(&mut editor).is_empty());
    }
    // Never: the next question takes its place, and the end of the session that one's.
    command(&mut editor, "pi.mode", json!([]));
    let first = editor.asked("pi/ui");
    command(&mut editor, "pi.thinking", json!([]));
    assert_eq!(editor.notification("$/cancelRequest")["id"], first["id"]);
    // Late.
    editor.answer(&first, Ok(json!({"value": "plan"})));
    let second = editor.asked("pi/ui");
    let still = open(&mut editor);
    assert_eq!((still.len(), &still[0]["id"]), (1, &second["params"]["request"]["id"]));
    editor.ok("pi/newSession", json!({}));
    assert_eq!(editor.notification("$/cancelRequest")["id"], second["id"]);
    assert_eq!(editor.ok("pi/getState", json!({}))["permissionMode"], "full");
    editor.unchecked = true;
}

#[test]
fn an_editor_without_plugin_is_asked_with_a_message() {
    let mut profile = Profile::plain();
    profile.initialize["capabilities"]["window"]["showMessage"] = json!({});
    let (mut editor, _scratch, _model) = start(profile);
    command(&mut editor, "pi.mode", json!([]));
    let asked = editor.asked("window/showMessageRequest");
    assert_eq!(asked["params"]["message"], "What Pi may do without asking (now full)");
    assert_eq!(asked["params"]["actions"].as_array().unwrap().len(), 4);
    editor.answer(&asked, Ok(json!({"title": "edit"})));
    assert_eq!(message(&editor), "edit");
    // Dismissed: nothing changes.
    command(&mut editor, "pi.mode", json!([]));
    let asked = editor.asked("window/showMessageRequest");
    editor.answer(&asked, Ok(Value::Null));
    command(&mut editor, "pi.mode", json!([]));
    let asked = editor.asked("window/showMessageRequest");
    assert_eq!(asked["params"]["message"], "What Pi may do without asking (now edit)");
    // Helix 25.07 says that it can, and cannot: there are other ways.
    editor.answer(&asked, Err((-32601, "method not found".into())));
    assert_eq!(message(&editor), "Pi asks: What Pi may do without asking (no… – code action or the chat");
    command(&mut editor, "pi.answer", json!(["full"]));
    assert_eq!(message(&editor), "full");
    editor.unchecked = true;
}

#[test]
fn an_editor_that_cannot_ask_has_actions_and_a_diagnostic() {
    let (mut editor, _scratch, _model) = start(Profile::plain());
    editor.open("a.txt", "one\n");
    command(&mut editor, "pi.review", json!([]));
    editor.claim_until("textDocument/publishDiagnostics", "the question", |it| {
        it["diagnostics"][0]["message"] == "Pi waits for your answer: What becomes of edits (now apply)"
    });
    let place = json!({"line": 0, "character": 0});
    let params = json!({
        "textDocument": {"uri": editor.uri("a.txt")},
        "range": {"start": place, "end": place},
        "context": {"diagnostics": []},
    });
    let offered = editor.ok("textDocument/codeAction", params.clone()).as_array().unwrap().clone();
    let titles: Vec<_> = offered.iter().map(|it| it["title"].as_str().unwrap()).collect();
    let expected = ["answer “plan”", "answer “ask”", "answer “apply”", "give no answer"];
    for (title, expected) in titles.iter().zip(expected) {
        assert_eq!(*title, format!("Pi: {expected} – What becomes of edits (now apply)"));
    }
    let action = &offered[1]["command"];
    command(&mut editor, action["command"].as_str().unwrap(), action["arguments"].clone());
    editor.claim_until("textDocument/publishDiagnostics", "its end", |it| it["diagnostics"] == json!([]));
    editor.claim("what came of it", |it| {
        it["method"] == "window/showMessage" && it["params"]["message"] == "ask"
    });
    let titles = editor.ok("textDocument/codeAction", params).to_string();
    assert!(!titles.contains("answer"), "{titles}");
    editor.unchecked = true;
}

#[test]
fn a_question_is_answered_in_the_chat_document() {
    let mut chat = Chat::start();
    chat.model.script([say("One.")]);
    chat.open();
    chat.command("pi.mode", json!([]));
    let asks = "### ? question 1 · a choice\n\n> What Pi may do without asking (now full)\n\n- [ ] 1: plan\n";
    chat.editor.wait_for("the question", || chat.text().contains(asks).then_some(()));
    // A box.
    chat.tick("3: edit");
    chat.save();
    let told = |chat: &Chat, wanted: &str| {
        chat.editor.claim("what came of it", |it| {
            it["method"] == "window/showMessage" && it["params"]["message"] == wanted
        });
    };
    told(&chat, "edit");
    chat.editor.wait_for("its end", || (!chat.text().contains("? question")).then_some(()));
    // A word; one that fits nothing is said, and the question stays.
    chat.command("pi.review", json!([]));
    chat.editor
        .wait_for("the question", || chat.text().contains("### ? question 2 · a choice").then_some(()));
    chat.write("/answer nonsense\n");
    chat.save();
    let refused = "> /answer · “nonsense” is none of: plan · ask · apply";
    chat.editor.wait_for("the refusal", || chat.text().contains(refused).then_some(()));
    chat.write("/answer 2 ask\n");
    chat.save();
    told(&chat, "ask");
    // Unanswered by a box: nothing changes and nothing is told.
    chat.command("pi.review", json!([]));
    chat.editor
        .wait_for("the question", || chat.text().contains("### ? question 3 · a choice").then_some(()));
    chat.tick("no answer");
    chat.save();
    chat.editor.wait_for("its end", || (!chat.text().contains("? question")).then_some(()));
    chat.model.allow_unused();
    chat.editor.unchecked = true;
}
