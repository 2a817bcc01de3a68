//! A chat document that is closed and opened again goes on where it was, also with another server.

use pi_harness::{Editor, Profile, say};
use serde_json::json;

use crate::chat::{CHAT, Chat};

const PI: &str = env!("CARGO_BIN_EXE_pi");

fn close(chat: &Chat) {
    let uri = chat.editor.uri(CHAT);
    chat.editor.notify("textDocument/didClose", json!({"textDocument": {"uri": uri}}));
}

/// Ends the editor and starts another one, which opens the document as it is on the disk.
fn restart(chat: Chat) -> Chat {
    let Chat { mut editor, scratch, model } = chat;
    editor.unchecked = true;
    assert!(editor.exit().success());
    let chat = Chat { editor: Editor::start(PI, &scratch, Profile::plain()), scratch, model };
    chat.editor.open(CHAT, &chat.disk());
    chat
}

#[test]
fn a_note_in_an_unfinished_turn_stays_when_the_document_is_opened_again() {
    let mut chat = Chat::start();
    chat.open();
    chat.model.script([
        say("I look.").call("bash", json!({"command": "echo out"})).gate("tool"),
        say("Done.").gate("end"),
    ]);
    chat.say("Go\n");
    chat.model.reached("tool");
    for (gate, next, note) in [("tool", "## You · ", "A note.\n\n"), ("end", "I look.\n", "Another.\n")] {
        chat.until(next, |it| it.contains(next) && it.ends_with("## You\n\n"));
        let place = |it: &str| {
            let start = it.rfind(next).unwrap();
            let at = start + it[start..].find("\n\n").unwrap() + 2;
            at..at
        };
        chat.editor.type_over(CHAT, place, note);
        // Saved with a command in the prompt, whose answer says that the server has it.
        chat.say("/cost\n");
        chat.until("the answer", |it| it.contains("> /cost · ") && it.ends_with("## You\n\n"));
        chat.editor.reopen(CHAT, &chat.disk());
        chat.until("it is taken out again", |it| it.ends_with("## You\n\n"));
        chat.model.release(gate);
        if gate == "tool" {
            chat.model.reached("end");
            chat.until("the tool", |it| it.contains("### ✓ bash"));
        }
    }
    let text = chat.until("the end", |it| it.contains("Done.\n\n<!-- "));
    for line in ["A note.", "Another.", "Go", "I look.", "### ✓ bash", "Done."] {
        assert_eq!(text.lines().filter(|it| *it == line).count(), 1, "{line}: {text}");
    }
    assert!(!text.contains('▶'), "{text}");
    chat.finish();
}

#[test]
fn a_draft_that_was_sent_does_not_wait_in_the_prompt_again() {
    let mut chat = Chat::start();
    chat.open();
    chat.model.script([say("One."), say("Two."), say("Three.")]);
    chat.say("first\n");
    chat.until("One.", |it| it.contains("One.\n\n<!-- ") && it.ends_with("## You\n\n"));
    chat.say("second\n");
    chat.until("Two.", |it| it.contains("Two.\n\n<!-- ") && it.ends_with("## You\n\n"));
    // What the disk has is the document as it was saved, with the prompt in it.
    assert!(chat.disk().ends_with("## You\n\nsecond\n"));
    let chat = restart(chat);
    let text = chat.until("what is missing", |it| it.contains("Two.\n\n<!-- ") && it.ends_with("## You\n\n"));
    assert_eq!(text.matches("\n\nsecond\n").count(), 1, "{text}");
    assert_eq!(text.matches("\n\nfirst\n").count(), 1, "{text}");
    chat.say("third\n");
    chat.until("Three.", |it| it.contains("Three.\n\n<!-- ") && it.ends_with("## You\n\n"));
    assert_eq!(chat.model.last_request().user_texts(), ["first", "second", "third"]);
    chat.finish();
}

#[test]
fn an_answer_in_progress_is_there_at_once_when_its_document_is_opened() {
    let mut chat = Chat::start();
    assert!(std::process::Command::new("mkfifo").arg(chat.scratch.path("gate")).status().unwrap().success());
    chat.open();
    chat.model.script([
        say("I look at it.")
            .pieces(5)
            .gate_after(1, "middle")
            .call("bash", json!({"command": "echo out; cat gate"})),
        say("Done."),
    ]);
    chat.say("Go\n");
    chat.model.reached("middle");
    let is_half = |it: &str| it.contains("\n\nI loo\n\n") && it.ends_with("## You\n\n");
    chat.until("half an answer", is_half);
    // As it is on the disk it has not even the prompt.
    chat.editor.reopen(CHAT, &chat.disk());
    chat.until("half an answer again", is_half);
    chat.say("/refresh\n");
    chat.until("half an answer, written anew", |it| is_half(it) && !it.contains("/refresh"));
    chat.model.release("middle");
    let runs =
        |it: &str| it.contains("I look at it.\n\n### ▶ bash · running\n") && it.contains("\nout\n```\n");
    chat.until("the running command", runs);
    chat.editor.reopen(CHAT, &chat.disk());
    chat.until("the running command again", |it| runs(it) && it.ends_with("## You\n\n"));
    std::fs::write(chat.scratch.path("gate"), "").unwrap();
    let text = chat.until("the end", |it| it.contains("Done.\n\n<!-- "));
    for line in ["Go", "I look at it.", "### ✓ bash", "out", "Done."] {
        assert_eq!(text.lines().filter(|it| *it == line).count(), 1, "{line}: {text}");
    }
    assert!(!text.contains('▶') && !text.contains("I loo\n"), "{text}");
    chat.finish();
}

#[test]
fn what_was_sent_is_shown_as_it_was_written_also_by_another_server() {
    let mut chat = Chat::with(Profile::plain(), |scratch| {
        scratch.agent_file("prompts/tell.md", "Tell me about $1\n");
        scratch.file("a.rs", "let here = 1;\n");
    });
    chat.open();
    chat.model.script([say("One."), say("Two.")]);
    for (said, answer) in [("look at @a.rs\n", "One."), ("/tell it\n", "Two.")] {
        chat.say(said);
        chat.until(answer, |it| it.contains(&format!("{answer}\n\n<!-- ")) && it.ends_with("## You\n\n"));
    }
    let texts = chat.model.last_request().user_texts();
    assert!(texts[0].contains("let here = 1;") && texts[1].starts_with("Tell me about it"), "{texts:?}");
    let as_written = |it: &str| {
        it.contains("\n\nlook at @a.rs\n\n## Pi · ")
            && it.contains("\n\n/tell it\n\n## Pi · ")
            && it.contains("Two.\n\n<!-- ")
    };
    let chat = restart(chat);
    chat.until("what is missing", |it| as_written(it) && it.ends_with("## You\n\n"));
    chat.say("/refresh\n");
    let text = chat.until("everything anew", |it| as_written(it) && !it.contains("/refresh"));
    assert!(!text.contains("let here") && !text.contains("Tell me about it"), "{text}");
    chat.finish();
}

#[test]
fn turns_the_user_has_taken_out_or_made_up_do_not_count() {
    let mut chat = Chat::start();
    chat.open();
    chat.model.script([say("One."), say("Two."), say("Three.")]);
    for (said, answer) in [("first", "One."), ("second", "Two.")] {
        chat.say(&format!("{said}\n"));
        chat.until(answer, |it| it.contains(&format!("{answer}\n\n<!-- ")) && it.ends_with("## You\n\n"));
    }
    chat.say("/help\n");
    chat.until("the notes", |it| it.contains("> /help · ") && it.ends_with("## You\n\n"));
    // The first turn goes, and a heading comes that looks like one.
    let first = |it: &str| it.find("## You · ").unwrap()..it.rfind("## You · ").unwrap();
    chat.editor.type_over(CHAT, first, "## You · said nothing\n\n## You · at all\n\n");
    chat.save();
    close(&chat);
    chat.command("pi.prompt", json!(["third"]));
    chat.editor.claim_until("window/logMessage", "the answer", |it| it["message"] == "Three.");
    let chat = restart(chat);
    let text =
        chat.until("what is missing", |it| it.contains("Three.\n\n<!-- ") && it.ends_with("## You\n\n"));
    assert!(!text.contains("One."), "{text}");
    for line in ["Two.", "third", "Three.", "second"] {
        assert_eq!(text.lines().filter(|it| *it == line).count(), 1, "{line}: {text}");
    }
    assert_eq!(text.matches("> /help · ").count(), 1, "{text}");
    chat.finish();
}

#[test]
fn what_was_held_comes_back_into_the_prompt_of_another_server_and_is_not_sent_by_a_save() {
    let mut chat = Chat::start();
    chat.open();
    chat.model.script([say("never").gate("end"), say("Two.")]);
    chat.say("Go\n");
    chat.model.reached("end");
    chat.until_ends("## You\n\n");
    chat.say("/queue then that\n");
    chat.until("it waits", |it| it.contains("## You · queued (after)\n\nthen that\n"));
    chat.say("/stop\n");
    chat.until("it is held", |it| {
        it.contains("## You · held (after)\n\nthen that\n") && it.ends_with("## You\n\n")
    });
    chat.save();
    // The document is closed and opened again while it is held: it is held once.
    chat.editor.reopen(CHAT, &chat.disk());
    chat.say("/cost\n");
    let text = chat.until("it answers", |it| it.contains("> /cost · "));
    assert_eq!(text.matches("then that\n").count(), 1, "{text}");
    chat.until_ends("## You\n\n");
    chat.save();
    let chat = restart(chat);
    chat.until("it comes back", |it| it.ends_with("## You\n\nthen that\n") && !it.contains("held"));
    chat.save();
    chat.save();
    assert_eq!(chat.model.requests().len(), 1);
    chat.write("after all\n");
    chat.save();
    chat.until("Two.", |it| it.contains("Two.\n\n<!-- "));
    assert_eq!(chat.model.last_request().user_texts().pop().unwrap(), "then that\nafter all");
    chat.finish();
}

#[test]
fn a_finished_chat_is_written_anew() {
    let mut chat = Chat::start();
    chat.open();
    chat.model.script([say("One."), say("Two.")]);
    for (said, answer) in [("first", "One."), ("second", "Two.")] {
        chat.say(&format!("{said}\n"));
        chat.until(answer, |it| it.contains(&format!("{answer}\n\n<!-- ")) && it.ends_with("## You\n\n"));
    }
    let text = chat.text();
    let first = |it: &str| it.find("One.").map(|at| at..at + "One.".len()).unwrap();
    chat.editor.type_over(CHAT, first, "Another one.");
    chat.say("/refresh\n");
    let again = chat.until("it is anew", |it| it.contains("One.\n\n<!-- ") && it.ends_with("## You\n\n"));
    assert_eq!(again, text);
    chat.finish();
}

#[test]
fn a_document_that_is_saved_while_its_turn_grows_is_not_written_twice_by_the_next_server() {
    let mut chat = Chat::start();
    chat.open();
    chat.model.script([
        say("I look.").call("bash", json!({"command": "echo out"})),
        say("Never.").gate("end"),
        say("Back."),
    ]);
    chat.say("Go\n");
    chat.model.reached("end");
    chat.until("the tool", |it| it.contains("### ✓ bash\n") && it.ends_with("## You\n\n"));
    // Saved and left at once, with the run in progress.
    chat.save();
    let chat = restart(chat);
    let text = chat.until("how it ended", |it| it.contains("\n<!-- 0 s") || it.contains("\n<!-- 1 s"));
    for line in ["Go", "I look.", "### ✓ bash", "$ echo out"] {
        assert_eq!(text.lines().filter(|it| *it == line).count(), 1, "{line}: {text}");
    }
    chat.say("Again\n");
    chat.until("the next answer", |it| it.contains("Back.\n\n<!-- "));
    chat.finish();
}
