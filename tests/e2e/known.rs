//! A model is told which files somebody else has changed since it read them, also without an editor and in a session that
//! is opened again.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use pi_harness::{Editor, JsonlClient, ModelServer, Profile, Scratch, call, say};
use serde_json::json;

use crate::rpc::{PI, start};

/// Somebody writes a file, later than everything before.
fn written_later(scratch: &Scratch, name: &str, text: &str) {
    let path = scratch.file(name, text);
    let time = SystemTime::now() + Duration::from_secs(60);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

/// What a model was told of changed files in its last request.
fn named(model: &ModelServer) -> Vec<String> {
    let texts = model.last_request().user_texts();
    texts.into_iter().filter(|it| it.starts_with("Changed since you last read them")).collect()
}

#[test]
fn without_an_editor_a_model_is_told_what_somebody_else_changed() {
    let read = |name: &str| call("read", json!({"path": name}));
    let (model, scratch, mut pi) = start([read("a.txt"), read("b.txt"), say("1"), say("2")]);
    scratch.file("a.txt", "one\n");
    scratch.file("b.txt", "one\n");
    pi.run("read them");
    pi.run("go on");
    assert_eq!(named(&model), [] as [String; 0]);
    scratch.file("a.txt", "somebody else\n");
    model.script([call("bash", json!({"command": "echo own > b.txt"})), say("3"), say("4")]);
    pi.run("go on");
    let told = named(&model);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("a.txt") && !told[0].contains("b.txt"), "{told:?}");
    pi.run("go on");
    assert_eq!(named(&model), told, "once");
}

#[test]
fn in_a_session_that_is_opened_again_a_model_is_told_what_changed_since() {
    for with_editor in [false, true] {
        let (model, scratch, mut pi) = start([
            call("read", json!({"path": "a.txt"})),
            call("write", json!({"path": "b.txt", "content": "own\n"})),
            call("read", json!({"path": "c.txt"})),
            call("bash", json!({"command": "echo two > c.txt"})),
            say("done"),
        ]);
        scratch.file("a.txt", "one\n");
        scratch.file("c.txt", "one\n");
        pi.run("work");
        pi.close_stdin();
        pi.wait_exit();
        written_later(&scratch, "a.txt", "somebody else\n");
        model.script([say("again")]);
        if with_editor {
            let mut profile = Profile::plugin();
            profile.arguments.push("--continue".into());
            let mut editor = Editor::start(PI, &scratch, profile);
            editor.prompt("go on");
            editor.settled();
        } else {
            JsonlClient::start(PI, &scratch, &["--continue"]).run("go on");
        }
        let told = named(&model);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("a.txt") && !told[0].contains("b.txt") && !told[0].contains("c.txt"),
            "{told:?}"
        );
    }
}

#[test]
fn without_an_editor_a_write_replaces_only_what_its_model_has_not_read_or_knows() {
    let write = |name: &str| call("write", json!({"path": name, "content": "own\n"}));
    let (model, scratch, mut pi) = start([call("read", json!({"path": "a.txt"})), say("1")]);
    scratch.file("a.txt", "one\ntwo\n");
    scratch.file("b.txt", "never read\n");
    pi.run("read it");
    scratch.file("a.txt", "one\nsomebody else\n");
    model.script([write("a.txt"), write("b.txt"), say("2")]);
    pi.run("write them");
    assert_eq!(
        (scratch.read("a.txt").as_str(), scratch.read("b.txt").as_str()),
        ("one\nsomebody else\n", "own\n")
    );
    let refused = model.last_request().tool_results().remove(1).1;
    assert!(refused.contains("was not written") && refused.contains("+somebody else"), "{refused}");
    model.script([write("a.txt"), say("3")]);
    pi.run("again");
    assert_eq!(scratch.read("a.txt"), "own\n");
}
