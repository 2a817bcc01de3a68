//! Pictures and other files that are no text: what a command does to them is reviewed and taken back like a text.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt};

use pi_harness::{Editor, JsonlClient, ModelServer, Profile, Scratch, Turn, call, say};
use serde_json::{Value, json};

use crate::rpc::{PI, start};

fn bash(command: &str) -> Turn {
    call("bash", json!({ "command": command }))
}

fn put(scratch: &Scratch, name: &str, bytes: &[u8]) {
    fs::write(scratch.path(name), bytes).unwrap();
}

/// All files of the workspace.
fn files(scratch: &Scratch) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(scratch.workspace()).unwrap().flatten();
    let files = entries.filter(|it| it.path().is_file());
    files.map(|it| (it.file_name().into_string().unwrap(), fs::read(it.path()).unwrap())).collect()
}

fn list(pi: &mut JsonlClient) -> Vec<Value> {
    pi.ok(json!({"type": "get_edits"}))["hunks"].as_array().unwrap().clone()
}

/// `name status what`, one a hunk.
fn shown(pi: &mut JsonlClient) -> Vec<String> {
    let one = |it: &Value| {
        let name = it["uri"].as_str().unwrap().rsplit('/').next().unwrap();
        let what = it["binary"].as_str().or(it["file"].as_str()).unwrap_or("changed");
        format!("{name} {} {what}", it["status"].as_str().unwrap())
    };
    list(pi).iter().map(one).collect()
}

fn edits(scratch: &Scratch, arguments: &[&str]) -> (String, bool) {
    let output = scratch.command(PI).arg("edits").args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.success())
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

fn before(scratch: &Scratch) -> BTreeMap<String, Vec<u8>> {
    put(scratch, "logo.png", PNG);
    put(scratch, "icon.png", b"\x89PNG icon");
    put(scratch, "photo.jpg", b"\xff\xd8\xff photo");
    put(scratch, "wide.txt", b"w\0i\0d\0e\0");
    scratch.file("notes.txt", "a text\n");
    fs::set_permissions(scratch.path("logo.png"), fs::Permissions::from_mode(0o640)).unwrap();
    files(scratch)
}

const COMMAND: &str = "rm logo.png wide.txt; mv icon.png moved.png; cp moved.png photo.jpg; \
                       printf '\\377\\000' > made.bin; printf '\\377' > notes.txt";

#[test]
fn what_a_command_did_to_pictures_is_listed_taken_back_and_put_back() {
    let (_model, scratch, mut pi) = start([bash(COMMAND), say("done")]);
    let before = before(&scratch);
    pi.run("tidy up");
    let after = files(&scratch);
    let waiting = [
        "logo.png pending deleted (16 bytes)",
        "made.bin pending created (2 bytes)",
        "moved.png pending renamed",
        "notes.txt pending changed (text → 1 byte)",
        "photo.jpg pending changed (9 → 9 bytes)",
        "wide.txt pending deleted (8 bytes)",
    ];
    assert_eq!(shown(&mut pi), waiting);
    let diff = pi.ok(json!({"type": "edits_diff", "scope": "folder"}));
    assert_eq!(
        diff["diff"],
        "Binary file logo.png deleted (16 bytes)\nBinary file made.bin created (2 bytes)\n\
         Binary file notes.txt changed (text → 1 byte)\nBinary file photo.jpg changed (9 → 9 bytes)\n\
         Binary file wide.txt deleted (8 bytes)\nrename from icon.png\nrename to moved.png\n"
    );
    let messages = pi.ok(json!({"type": "get_fork_messages"}));
    let to = &messages["messages"][0]["entryId"];
    let reverted = pi.ok(json!({"type": "edits_revert", "to": to}));
    assert_eq!((&reverted["conflicts"], reverted.get("notRestored")), (&json!([]), None), "{reverted}");
    assert_eq!(files(&scratch), before);
    let mode = fs::metadata(scratch.path("logo.png")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let back = pi.ok(json!({"type": "edits_redo", "scope": "last"}));
    assert_eq!(back["conflicts"], json!([]), "{back}");
    assert_eq!(files(&scratch), after);
    assert_eq!(shown(&mut pi), waiting);
    pi.ok(json!({"type": "edits_reject", "scope": "folder"}));
    assert_eq!(files(&scratch), before);
}

#[test]
fn a_picture_that_somebody_has_changed_since_stays() {
    let (_model, scratch, mut pi) = start([bash(COMMAND), say("done")]);
    before(&scratch);
    pi.run("tidy up");
    put(&scratch, "photo.jpg", b"\xff mine");
    put(&scratch, "logo.png", b"\x89 mine as well");
    scratch.file("notes.txt", "my text\n");
    let rejected = pi.ok(json!({"type": "edits_reject", "scope": "folder"}));
    let reasons: Vec<_> =
        rejected["conflicts"].as_array().unwrap().iter().map(|it| it["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["You edited this since; your text stays"; 3], "{rejected}");
    let now = files(&scratch);
    assert_eq!(now["photo.jpg"], b"\xff mine");
    assert_eq!(now["logo.png"], b"\x89 mine as well");
    assert_eq!(now["notes.txt"], b"my text\n");
    assert_eq!(now["wide.txt"], b"w\0i\0d\0e\0");
}

#[test]
fn pictures_come_back_from_the_command_line_and_after_several_changes() {
    let (_model, scratch, mut pi) = start([
        bash("cp icon.png photo.jpg"),
        bash("printf '\\377third' > photo.jpg; rm logo.png"),
        say("done"),
    ]);
    let before = before(&scratch);
    pi.run("tidy up");
    drop(pi);
    let (text, _) = edits(&scratch, &["list"]);
    assert!(text.contains("pending   binary file deleted (16 bytes)  bash, turn 2\n"), "{text}");
    assert!(text.contains("binary file changed (9 → 6 bytes)"), "{text}");
    let (text, done) = edits(&scratch, &["revert", "--turn", "2", "--dry-run"]);
    assert!(done && text == "Would revert 2 changes in 2 files\n", "{text}");
    let (text, done) = edits(&scratch, &["revert", "--turn", "2"]);
    assert!(done && text == "Reverted 2 changes in 2 files\n", "{text}");
    let now = files(&scratch);
    assert_eq!((&now["photo.jpg"], &now["logo.png"]), (&before["icon.png"], &before["logo.png"]));
    let (text, done) = edits(&scratch, &["revert", "--turn", "1"]);
    assert!(done, "{text}");
    assert_eq!(files(&scratch), before);
    // What nothing needs any more is forgotten, and what waits is not.
    edits(&scratch, &["gc", "--days", "0", "--megabytes", "1"]);
    let (text, done) = edits(&scratch, &["redo"]);
    assert!(done && text.starts_with("Put back 1 change"), "{text}");
    assert_eq!(files(&scratch)["photo.jpg"], before["icon.png"]);
}

#[test]
fn what_is_too_large_is_named_when_its_command_is_taken_back() {
    let (_model, scratch, mut pi) = start([bash("rm film.mp4 logo.png"), say("done")]);
    before(&scratch);
    put(&scratch, "film.mp4", &vec![0xff; (8 << 20) + 1]);
    pi.run("tidy up");
    assert_eq!(shown(&mut pi), ["logo.png pending deleted (16 bytes)"]);
    let to = pi.ok(json!({"type": "get_fork_messages"}))["messages"][0]["entryId"].clone();
    let reverted = pi.ok(json!({"type": "edits_revert", "to": to}));
    assert_eq!(reverted["notRestored"], json!(["rm film.mp4 logo.png"]), "{reverted}");
    assert!(scratch.path("logo.png").exists() && !scratch.path("film.mp4").exists());
}

#[test]
fn a_picture_that_write_replaced_comes_back() {
    let write = call("write", json!({"path": "photo.jpg", "content": "no picture\n"}));
    let (_model, scratch, mut pi) = start([write, say("done")]);
    let before = before(&scratch);
    pi.run("write it");
    assert_eq!(shown(&mut pi), ["photo.jpg pending changed (9 bytes → text)"]);
    pi.ok(json!({"type": "edits_reject", "scope": "folder"}));
    assert_eq!(files(&scratch), before);
}

#[test]
fn pictures_changed_in_a_private_copy_are_on_record() {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    scratch.settings(&json!({"shell": {"unsaved": "overlay"}}));
    scratch.file("a.txt", "saved\n");
    let before = before(&scratch);
    let mut editor = Editor::start(PI, &scratch, Profile::plugin());
    editor.open("a.txt", "saved\n");
    editor.type_at("a.txt", 0, 5, "typed");
    model.script([bash(COMMAND), say("done")]);
    editor.prompt("tidy up");
    editor.settled();
    assert!(!scratch.path("logo.png").exists() && scratch.path("made.bin").exists());
    let rejected = editor.ok("pi/edits/reject", json!({"scope": "folder"}));
    assert_eq!(rejected["conflicts"], json!([]), "{rejected}");
    editor.events_until("edits_changed");
    assert_eq!(files(&scratch), before);
}
