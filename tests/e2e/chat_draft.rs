//! What the user writes in a chat document is there until the session has it, whatever comes between.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use pi_harness::{Applies, Editor, ModelServer, Profile, Scratch, call, say};
use serde_json::json;

use crate::chat::{CHAT, Chat};

const PI: &str = env!("CARGO_BIN_EXE_pi");

/// What waits, as the session has it.
fn waiting(chat: &mut Chat) -> Vec<String> {
    let list = chat.editor.ok("pi/queue/list", json!({}));
    list["items"].as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_message_that_is_refused_stays_with_its_command() {
    for said in ["/queue later\n", "/now at once\n"] {
        let model = ModelServer::start();
        let scratch = Scratch::new();
        let mut profile = Profile::plain();
        profile.arguments.clear();
        let editor = Editor::start(PI, &scratch, profile);
        let mut chat = Chat { editor, scratch, model };
        chat.open();
        chat.say(said);
        let text = chat.until("the reason", |it| it.contains("### ✗ not sent: No model is set up yet."));
        assert!(text.ends_with(&format!("## You\n\n{said}")), "{text}");
        // It is a draft like any other, and can be sent again.
        chat.save();
        chat.until("the second reason", |it| it.matches("### ✗ not sent: ").count() == 2);
        chat.finish();
    }
}

#[test]
fn a_message_that_is_taken_back_waits_until_its_text_is_there() {
    let mut chat = Chat::start();
    chat.open();
    chat.model.script([say("One.").gate("end"), say("Two."), say("Three.")]);
    chat.say("Go\n");
    chat.model.reached("end");
    for text in ["first", "second"] {
        chat.until_ends("## You\n\n");
        chat.say(&format!("/queue {text}\n"));
        chat.until("it waits", |it| it.contains(&format!("## You · queued (after)\n\n{text}\n")));
    }
    chat.until_ends("## You\n\n");
    let edit = |chat: &Chat, what: &str| chat.editor.claim(what, |it| it["method"] == "workspace/applyEdit");
    while chat.editor.held("workspace/applyEdit").is_some() {}
    chat.editor.now_applies(Applies::WhenTold);
    chat.say("/take\n");
    let cleared = edit(&chat, "the word goes out of the prompt");
    chat.editor.perform(&cleared);
    let back = edit(&chat, "the message comes in");
    assert!(back["params"]["edit"].to_string().contains("second"), "{back}");
    assert_eq!(waiting(&mut chat), ["first", "second"], "nobody has its text yet");
    chat.write("a keystroke");
    chat.editor.now_applies(Applies::Well);
    chat.editor.perform(&back);
    let text = chat.until("it comes back", |it| it.contains("## You\n\nsecond\n"));
    assert!(text.ends_with("a keystroke"), "{text}");
    chat.until("it does not wait any more", |it| it.matches("second").count() == 1);
    assert_eq!(waiting(&mut chat), ["first"]);
    chat.save();
    chat.until("it is sent", |it| it.contains("(steered)\n\nsecond\na keystroke\n"));
    chat.model.release("end");
    chat.until("the answers", |it| it.contains("Three."));
    chat.finish();
}

#[test]
fn a_template_is_sent_as_often_as_it_is_said() {
    let mut chat = Chat::with(Profile::plain(), |scratch| {
        scratch.agent_file("prompts/tell.md", "Tell me more about $1\n");
    });
    chat.open();
    chat.model.script([say("One."), say("Two.")]);
    for answer in ["One.", "Two."] {
        chat.say("/tell doors\n");
        chat.until(answer, |it| it.contains(&format!("{answer}\n\n<!-- ")) && it.ends_with("## You\n\n"));
    }
    let text = chat.text();
    assert_eq!(text.matches("\n\n/tell doors\n\n## Pi · ").count(), 2, "as it was written: {text}");
    assert_eq!(chat.model.last_request().user_texts(), ["Tell me more about doors\n"; 2]);
    chat.finish();
}

#[test]
fn what_is_typed_right_behind_a_command_is_the_next_draft() {
    let mut chat = Chat::start();
    chat.open();
    // A command and one that begins with it, as fast as the document allows.
    for _ in 0..4 {
        chat.say("/mode\n");
        chat.until_ends("## You\n\n");
        chat.say("/mode x\n");
        chat.until_ends("> /mode · ask, edit, full or plan\n\n## You\n\n");
        chat.say("/cost\n");
        chat.until_ends("> /cost · 0 tokens · –\n\n## You\n\n");
    }
    assert!(chat.model.requests().is_empty());
    chat.finish();
}

#[test]
fn a_note_beside_the_growing_answer_stays_and_nothing_is_written_twice() {
    let mut chat = Chat::start();
    chat.open();
    let answer = "One two three four.\n\nFive six seven eight.\n\nNine ten.";
    chat.model.script([say(answer).pieces(8).gate_after(1, "first").gate_after(5, "second")]);
    chat.say("Go\n");
    chat.model.reached("first");
    for (gate, note) in [("first", "A note.\n\n"), ("second", "Another.\n")] {
        if gate == "second" {
            chat.model.reached(gate);
        }
        chat.until("the prompt", |it| it.contains("\n\nGo\n\n## Pi · "));
        let prompt = |it: &str| it.rfind("## You\n").map(|at| at..at).unwrap();
        chat.editor.type_over(CHAT, prompt, note);
        chat.model.release(gate);
    }
    let text = chat.until("the whole answer", |it| it.contains("Nine ten.") && it.contains("\n<!-- "));
    for line in answer.lines().filter(|it| !it.is_empty()).chain(["A note.", "Another.", "Go"]) {
        assert_eq!(text.lines().filter(|it| *it == line).count(), 1, "{line}: {text}");
    }
    assert!(!text.lines().any(|it| it == "One two" || it == "Five six"), "{text}");
    assert_eq!(text.matches("## You · ").count(), 1, "{text}");
    chat.finish();
}

#[test]
fn title_and_answer_that_meet_typing_are_written_once() {
    let mut chat = Chat::start();
    chat.open();
    chat.model.script([call("bash", json!({"command": "true"})).gate("tool"), say("Done.")]);
    chat.editor.now_applies(Applies::WhenTold);
    chat.say("Go on\n");
    let edit = |chat: &Chat| chat.editor.claim("an edit", |it| it["method"] == "workspace/applyEdit");
    // It takes the prompt out; then come title and turn, which meet what is typed, and come again.
    let clear = edit(&chat);
    chat.editor.perform(&clear);
    let first = edit(&chat);
    assert!(first.to_string().contains("## You · "), "{first}");
    chat.write("next");
    chat.editor.now_applies(Applies::Well);
    chat.editor.perform(&first);
    chat.until("the turn", |it| it.starts_with("# Go on\n") && it.contains("## You · "));
    chat.model.release("tool");
    let text = chat.until("the end", |it| it.contains("Done.\n\n<!-- "));
    assert!(text.ends_with("## You\n\nnext"), "{text}");
    for line in ["# Go on", "Go on", "### ✓ bash", "Done."] {
        assert_eq!(text.lines().filter(|it| *it == line).count(), 1, "{line}: {text}");
    }
    chat.finish();
}

#[test]
fn a_prompt_that_is_saved_twice_before_we_look_is_sent() {
    let mut chat = Chat::start();
    chat.open();
    chat.model.script([say("One.")]);
    let path = chat.scratch.workspace().join(CHAT);
    // What is typed is on the disk when we hear of it, as if the editor had read it there.
    std::fs::write(&path, format!("{}Go\n", chat.text())).unwrap();
    chat.write("Go\n");
    let document = json!({"textDocument": {"uri": chat.editor.uri(CHAT)}});
    chat.editor.ok("textDocument/documentSymbol", document.clone());
    // And it is there once more when we hear of the first save.
    let time = SystemTime::now() + Duration::from_secs(1);
    File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    chat.editor.notify("textDocument/didSave", document.clone());
    chat.editor.notify("textDocument/didSave", document);
    chat.until("the answer", |it| it.contains("One.\n\n<!-- "));
    assert_eq!(chat.model.last_request().user_texts(), ["Go"]);
    chat.finish();
}
