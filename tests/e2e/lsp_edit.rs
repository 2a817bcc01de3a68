//! Edits of the model land in the editor's buffers: verified, undoable, in its encoding, and never over what the
//! user typed.

use pi_harness::{Applies, Editor, ModelServer, Profile, Scratch, call, say};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

/// An editor with `a.txt` open.
fn start(profile: Profile, disk: &str, buffer: &str) -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", disk);
    let editor = Editor::start(PI, &scratch, profile);
    editor.open("a.txt", buffer);
    (editor, scratch, model)
}

fn edit(old: &str, new: &str) -> pi_harness::Turn {
    call("edit", json!({"path": "a.txt", "oldText": old, "newText": new}))
}

/// Text of the only tool result the model got.
fn told(model: &ModelServer) -> String {
    let results = model.last_request().tool_results();
    assert_eq!(results.len(), 1, "{results:?}");
    results[0].1.clone()
}

#[test]
fn an_edit_reaches_the_unsaved_buffer_and_not_the_disk() {
    let (mut editor, scratch, model) = start(Profile::plugin(), "let x = 1;\n", "let x = 11;\n");
    model.script([edit("11", "2"), say("done")]);
    let accepted = editor.prompt("make it two");
    assert_eq!(accepted["accepted"], true);
    assert_eq!(accepted["delivery"], "started");
    let events = editor.settled();
    assert_eq!(editor.buffer("a.txt"), "let x = 2;\n");
    assert_eq!(scratch.read("a.txt"), "let x = 1;\n");
    let kinds: Vec<_> = events.iter().map(|it| it["type"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("agent_start", "agent_settled"));
    let end = events.iter().find(|it| it["type"] == "tool_execution_end").unwrap();
    assert_eq!(end["isError"], false, "{end}");
    editor.undo("a.txt");
    assert_eq!(editor.buffer("a.txt"), "let x = 11;\n");
}

#[test]
fn places_behind_an_emoji_are_right_in_both_encodings() {
    for offered in [&["utf-16"][..], &["utf-8", "utf-16"]] {
        let (mut editor, _scratch, model) =
            start(Profile::plugin().encodings(offered), "", "zero\n😀é one two 😀\nthree\n");
        model.script([edit("two 😀", "2 🎉"), say("done")]);
        editor.prompt("go");
        editor.settled();
        assert_eq!(editor.buffer("a.txt"), "zero\n😀é one 2 🎉\nthree\n", "{offered:?}");
    }
}

#[test]
fn what_the_user_types_is_seen_by_the_next_read() {
    let (mut editor, _scratch, model) = start(Profile::plugin().encodings(&["utf-8"]), "", "ab\n");
    for index in 0..5000 {
        // Each change counts only at its place in the order: digits pile up in front of the line end.
        let end = editor.buffer("a.txt").len() - 1;
        editor.type_at("a.txt", end, end, &(index % 10).to_string());
    }
    model.script([call("read", json!({"path": "a.txt"})), say("done")]);
    editor.prompt("read it");
    editor.settled();
    let text = editor.buffer("a.txt");
    assert_eq!(text.len(), 5003);
    assert!(told(&model).contains(text.trim_end()), "{}", told(&model));
}

#[test]
fn typing_while_an_edit_is_under_way_is_kept() {
    let (mut editor, _scratch, model) =
        start(Profile::plugin().applies(Applies::WhenTold), "", "one\ntwo\nthree\n");
    model.script([edit("three", "3"), say("done")]);
    editor.prompt("go");
    let stale = editor.asked("workspace/applyEdit");
    editor.type_at("a.txt", 0, 3, "ONE!");
    // Refused for its version; the next attempt is made for the new text.
    editor.now_applies(Applies::Well);
    editor.perform(&stale);
    editor.settled();
    assert_eq!(editor.buffer("a.txt"), "ONE!\ntwo\n3\n");
    assert!(!told(&model).to_lowercase().contains("error"), "{}", told(&model));
}

#[test]
fn an_edit_where_the_user_has_typed_is_shown_and_not_made() {
    let disk = "one\ntwo\nthree\n";
    let (mut editor, _scratch, model) = start(Profile::plugin().applies(Applies::WhenTold), disk, disk);
    model.script([edit("three", "3"), say("done")]);
    editor.prompt("go");
    let stale = editor.asked("workspace/applyEdit");
    editor.type_at("a.txt", 8, 13, "THREE!");
    editor.now_applies(Applies::Well);
    editor.perform(&stale);
    let events = editor.settled();
    assert_eq!(editor.buffer("a.txt"), "one\ntwo\nTHREE!\n");
    assert!(told(&model).contains("+THREE!"), "{}", told(&model));
    let end = events.iter().find(|it| it["type"] == "tool_execution_end").unwrap();
    let conflict = &end["result"]["details"]["conflict"];
    assert_eq!(
        conflict["headline"],
        "You changed the same lines of a.txt. Your text stays; Pi's version is below."
    );
    assert!(conflict["patch"].as_str().unwrap().ends_with("-three\n+3\n"), "{conflict}");
}

#[test]
fn an_edit_that_lands_in_typed_text_is_taken_back_and_made_again() {
    let disk = "one\ntwo\nthree\nfour\nfive\n";
    let (mut editor, _scratch, model) = start(Profile::plugin().applies(Applies::WhenTold), disk, disk);
    model.script([edit("five", "5"), say("done")]);
    editor.prompt("go");
    let stale = editor.asked("workspace/applyEdit");
    editor.type_at("a.txt", 0, 0, "zero\n");
    // The place of "five" is now that of "four".
    editor.now_applies(Applies::Unchecked);
    editor.perform(&stale);
    editor.settled();
    assert_eq!(editor.buffer("a.txt"), "zero\none\ntwo\nthree\nfour\n5\n");
    assert!(!told(&model).to_lowercase().contains("error"), "{}", told(&model));
}

#[test]
fn an_editor_that_tells_late_is_believed() {
    let (mut editor, scratch, model) = start(Profile::plugin().applies(Applies::TellsLate), "1\n", "11\n");
    model.script([edit("11", "2"), say("done")]);
    editor.prompt("go");
    let events = editor.settled();
    assert_eq!(editor.buffer("a.txt"), "2\n");
    assert_eq!(scratch.read("a.txt"), "1\n");
    let end = events.iter().find(|it| it["type"] == "tool_execution_end").unwrap();
    assert_eq!(end["isError"], false, "{end}");
}

#[test]
fn an_editor_that_does_not_apply_is_reported_and_nothing_is_lost() {
    for applies in [Applies::Lies, Applies::Refuses, Applies::Errs] {
        let (mut editor, scratch, model) = start(Profile::plugin().applies(applies), "1\n", "11\n");
        model.script([edit("11", "2"), say("done")]);
        editor.prompt("go");
        let events = editor.settled();
        let end = events.iter().find(|it| it["type"] == "tool_execution_end").unwrap();
        assert_eq!(end["isError"], true, "{applies:?}: {end}");
        assert!(told(&model).contains("a.txt"), "{applies:?}: {}", told(&model));
        assert_eq!((editor.buffer("a.txt").as_str(), scratch.read("a.txt").as_str()), ("11\n", "1\n"));
    }
}

#[test]
fn an_editor_that_takes_no_edits_is_reported() {
    let profile = Profile::with(json!({"experimental": {"pi": {"events": "delta"}}}));
    let (mut editor, scratch, model) = start(profile, "1\n", "11\n");
    model.script([edit("11", "2"), say("done")]);
    editor.prompt("go");
    editor.settled();
    assert!(told(&model).contains("applyEdit"), "{}", told(&model));
    assert_eq!(scratch.read("a.txt"), "1\n");
}

#[test]
fn a_closed_document_is_written_to_disk() {
    let (mut editor, scratch, model) = start(Profile::plugin(), "1\n", "1\n");
    let document = json!({"textDocument": {"uri": editor.uri("a.txt")}});
    editor.notify("textDocument/didClose", document);
    model.script([edit("1", "2"), say("done")]);
    editor.prompt("go");
    editor.settled();
    assert_eq!(scratch.read("a.txt"), "2\n");
}

#[test]
fn requests_are_answered_while_the_editor_keeps_an_edit_waiting() {
    let (mut editor, _scratch, model) = start(Profile::plugin().applies(Applies::WhenTold), "", "11\n");
    model.script([edit("11", "2"), say("done")]);
    editor.prompt("go");
    let held = editor.asked("workspace/applyEdit");
    let ids: Vec<_> = (0..200).map(|_| editor.start_request("pi/getState", json!({}))).collect();
    for id in ids {
        assert_eq!(editor.response(id)["result"]["isStreaming"], true);
    }
    editor.perform(&held);
    editor.settled();
    assert_eq!(editor.buffer("a.txt"), "2\n");
}

#[test]
fn an_abort_gives_up_an_edit_the_editor_keeps_waiting() {
    let (mut editor, scratch, model) = start(Profile::plugin().applies(Applies::WhenTold), "1\n", "11\n");
    model.script([edit("11", "2")]);
    editor.prompt("go");
    let held = editor.asked("workspace/applyEdit");
    editor.ok("pi/abort", json!({}));
    let cancelled = editor.notification("$/cancelRequest");
    assert_eq!(cancelled["id"], held["id"]);
    editor.settled();
    // Answers that come late, and twice.
    editor.answer(&held, Ok(json!({"applied": false})));
    editor.answer(&held, Ok(json!({"applied": true})));
    assert_eq!(editor.ok("pi/getState", json!({}))["isStreaming"], false);
    assert_eq!((editor.buffer("a.txt").as_str(), scratch.read("a.txt").as_str()), ("11\n", "1\n"));
}

#[test]
fn the_model_is_told_what_the_user_changed_since_it_read() {
    let (mut editor, _scratch, model) = start(Profile::plugin(), "one\n", "one\n");
    model.script([call("read", json!({"path": "a.txt"})), say("read")]);
    editor.prompt("read it");
    editor.settled();
    let said = |model: &ModelServer| model.last_request().body.to_string();
    assert!(!said(&model).contains("Changed since you last read"), "{}", said(&model));
    editor.type_at("a.txt", 0, 3, "ONE");
    model.script([edit("ONE", "1"), say("done")]);
    editor.prompt("go on");
    let events = editor.settled();
    let note = |it: &&Value| it["type"] == "message_end" && it["message"]["role"] == "custom";
    assert_eq!(events.iter().filter(note).count(), 1, "{events:?}");
    let said = said(&model);
    assert_eq!(said.matches("Changed since you last read").count(), 1, "{said}");
    assert!(said.contains("a.txt"), "{said}");
    assert_eq!(editor.buffer("a.txt"), "1\n");
}

#[test]
fn of_a_session_that_is_opened_again_only_what_is_newer_than_its_end_is_told() {
    let (mut editor, scratch, model) = start(Profile::plugin(), "one\n", "one\n");
    scratch.file("b.txt", "one\n");
    let read = |name: &str| call("read", json!({"path": name}));
    model.script([read("a.txt"), read("b.txt"), say("read")]);
    editor.prompt("read them");
    editor.settled();
    let file = editor.ok("pi/getState", json!({}))["sessionFile"].clone();
    editor.ok("pi/newSession", json!({}));
    editor.type_at("a.txt", 0, 3, "ONE");
    editor.ok("pi/switchSession", json!({"sessionPath": file}));
    model.script([say("done")]);
    editor.prompt("go on");
    editor.settled();
    let said = model.last_request().user_texts();
    let told: Vec<_> = said.iter().filter(|it| it.starts_with("Changed since you last read")).collect();
    assert!(matches!(&told[..], [it] if it.contains("a.txt") && !it.contains("b.txt")), "{said:?}");
}

#[cfg(unix)]
#[test]
fn a_file_that_is_open_under_two_spellings_has_two_texts() {
    let (mut editor, scratch, model) = start(Profile::plugin(), "one\ntwo\n", "one\ntwo\n");
    std::os::unix::fs::symlink("a.txt", scratch.workspace().join("link.txt")).unwrap();
    editor.open("link.txt", "one\ntwo\n");
    editor.append("a.txt", "own\n");
    editor.append("link.txt", "linked\n");
    model.script([edit("two", "2"), say("done")]);
    editor.prompt("make it two");
    editor.settled();
    assert!(told(&model).contains("with different unsaved text in each"), "{}", told(&model));
    let texts = |editor: &Editor| (editor.buffer("a.txt"), editor.buffer("link.txt"));
    assert_eq!(texts(&editor), ("one\ntwo\nown\n".into(), "one\ntwo\nlinked\n".into()));
    // The other one keeps its text when one is closed.
    editor.close("link.txt");
    model.script([edit("two", "2"), say("done")]);
    editor.prompt("again");
    editor.settled();
    assert_eq!(
        (editor.buffer("a.txt").as_str(), scratch.read("a.txt").as_str()),
        ("one\n2\nown\n", "one\ntwo\n")
    );
}
