//! The demo in an editor: a scripted model, a real buffer, one question.

use pi_harness::{Editor, Profile, Scratch};
use serde_json::{Value, json};

use crate::chat::CHAT;

const PI: &str = env!("CARGO_BIN_EXE_pi");
const FILE: &str = "pi-demo/retry.rs";
const BADGE: &str = "Scripted demo \u{2013} no model involved";

fn is_told(it: &Value, text: &str) -> bool {
    // The log has also what was soon replaced by another message.
    it["method"] == "window/logMessage"
        && it["params"]["message"].as_str().is_some_and(|it| it.contains(text))
}

/// An editor of somebody who has set up nothing yet.
fn without_model(scratch: &Scratch, mut profile: Profile) -> Editor {
    profile.arguments.clear();
    let mut editor = Editor::start(PI, scratch, profile);
    editor.unchecked = true;
    editor
}

#[test]
fn without_a_model_the_demo_edits_a_buffer_asks_once_and_leaves_two_changes() {
    let scratch = Scratch::new();
    let mut editor = without_model(&scratch, Profile::plain());
    editor.ok("workspace/executeCommand", json!({"command": "pi.demo", "arguments": []}));
    editor.claim("the file", |it| is_told(it, FILE));
    let before = scratch.read(FILE);
    editor.open(FILE, &before);
    let told = editor.claim("the chat", |it| is_told(it, "Chat: "));
    let chat = told["params"]["message"].as_str().unwrap().trim_start_matches("Chat: ").to_owned();
    assert_ne!(chat, CHAT, "it has a name of its own");
    editor.open(&chat, &scratch.read(&chat));
    let asked = editor.wait_for("the question", || {
        Some(editor.buffer(&chat)).filter(|it| it.contains("### ? question 1 \u{b7} bash\n"))
    });
    assert!(
        asked.contains("> ")
            && asked.contains("you are asked first.")
            && asked.contains("$ sh pi-demo/test.sh"),
        "{asked}"
    );
    editor.append(&chat, "/allow\n");
    editor.save(&chat);
    let text = editor.wait_for("the end", || {
        let text = editor.buffer(&chat);
        let (_, last) = text.split_once("keep one, reject one")?;
        // It says so below the answer, which comes first.
        (last.contains(BADGE) && last.ends_with("## You\n\n")).then_some(text)
    });
    assert_eq!(text.matches(BADGE).count(), 4, "every answer says so: {text}");
    assert!(text.contains("test fetch_gives_up ... ok"), "{text}");
    // In the buffer, and not on the disk.
    assert_eq!(scratch.read(FILE), before);
    assert!(editor.buffer(FILE).contains("tries == 3"));
    let hunks = editor.ok("pi/edits/list", json!({}));
    assert_eq!(hunks["hunks"].as_array().unwrap().len(), 2, "{hunks}");
    // What the user does elsewhere is not the demo's.
    assert_eq!(editor.ok("pi/getState", json!({}))["model"], Value::Null);
}

#[test]
fn a_plugin_comes_to_the_session_of_the_demo_and_sends_its_prompt() {
    let scratch = Scratch::new();
    let mut editor = without_model(&scratch, Profile::plugin());
    let demo = editor.ok("pi/demo", json!({}));
    assert_eq!(demo["uri"], editor.uri(FILE));
    editor.open(FILE, &scratch.read(FILE));
    let session = demo["sessionId"].clone();
    editor.ok("pi/prompt", json!({"sessionId": session, "message": demo["prompt"]}));
    let asked = editor.claim("the question", |it| {
        it["method"] == "pi/event" && it["params"]["event"]["type"] == "permission_request"
    });
    let id = asked["params"]["event"]["id"].clone();
    editor.ok("pi/answerPermission", json!({"sessionId": session, "questionId": id, "choice": "reject"}));
    editor.settled();
    assert!(editor.buffer(FILE).contains("tries == 3"));
    // Another one begins from the start, with another file.
    let again = editor.ok("pi/demo", json!({}));
    assert_eq!(again["uri"], editor.uri("pi-demo/retry-2.rs"));
}
