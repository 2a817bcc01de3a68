//! What the prompt of a plugin can go on with (`pi/complete`).

use pi_harness::{Editor, Profile, Scratch};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

#[test]
fn the_prompt_of_a_plugin_is_completed() {
    let scratch = Scratch::new();
    scratch.file("src/retry.rs", "fn retry() {}\n");
    scratch.agent_file("prompts/review.md", "---\ndescription: Review it\n---\nReview $1\n");
    scratch.agent_file("skills/tell/SKILL.md", "---\nname: tell\ndescription: Tell\n---\n");
    let mut profile = Profile::plugin();
    // What can be typed needs no model.
    profile.arguments.clear();
    let mut editor = Editor::start(PI, &scratch, profile);
    editor.open("src/other.rs", "fn unsaved_one() {\n}\n");
    let mut complete = |text: &str| editor.ok("pi/complete", json!({"text": text}));
    let template =
        json!({"text": "/review", "label": "review", "detail": "template · Review it", "kind": "command"});
    assert_eq!(complete("/rev"), json!({"word": "/rev", "items": [template]}));
    assert_eq!(complete("/skill:te")["items"][0]["detail"], "skill · Tell");
    // What a chat document takes is not what a plugin's prompt takes.
    assert_eq!(complete("/refre")["items"], json!([]));
    let file = json!({"text": "@src/retry.rs", "label": "src/retry.rs", "kind": "file"});
    assert_eq!(complete("look at\n@rtry"), json!({"word": "@rtry", "items": [file]}));
    let symbol = json!({
        "text": "@src/other.rs#unsaved_one", "label": "unsaved_one", "detail": "src/other.rs:1", "kind": "symbol",
        "range": {"start": {"line": 0, "character": 0}, "end": {"line": 2, "character": 0}},
    });
    assert_eq!(complete("see @unsav")["items"], json!([symbol]));
    for nothing in ["", "see rev", "see /rev", "see @src ", "/review @src/retry.rs ", "me@src"] {
        assert_eq!(complete(nothing), json!({"word": "", "items": []}), "{nothing}");
    }
    assert_eq!(complete("/review @src/re")["items"][0]["text"], Value::from("@src/retry.rs"));
}
