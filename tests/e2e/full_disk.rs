//! A disk that is really full: a small file system of memory, in a mount namespace of the process. What cannot be written
//! is said with what to do, nothing is lost, and when there is room again work goes on.
#![cfg(target_os = "linux")]

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use pi_harness::{JsonlClient, ModelServer, Scratch, Turn, call, say};
use serde_json::json;

use crate::rpc::PI;

/// `pi` with 256 KiB of disk in the place of this folder, which keeps its files; nothing where the system does not
/// allow that.
fn start(scratch: &Scratch, folder: &std::path::Path) -> Option<JsonlClient> {
    let may = Command::new("unshare").args(["-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    if !may.as_ref().is_ok_and(|it| it.status.success()) {
        eprintln!("SKIPPED: this system allows no mounts in a user namespace: {may:?}");
        return None;
    }
    let program = scratch.home().join("small-disk");
    let script = format!(
        "#!/bin/sh\nset -e\nexport DISK='{disk}'\n\
         if [ -z \"$INSIDE\" ]; then INSIDE=1 exec unshare -Urm \"$0\" \"$@\"; fi\n\
         cp -a \"$DISK\" \"$HOME/kept\"\nmount -t tmpfs -o size=256k tmpfs \"$DISK\"\ncp -a \"$HOME/kept/.\" \"$DISK\"\n\
         cd '{work}'\nexec '{PI}' \"$@\"\n",
        disk = folder.display(),
        work = scratch.workspace().display(),
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Some(JsonlClient::start(program, scratch, &[]))
}

/// What a command of the user prints, where the process sees its files.
fn sh(pi: &mut JsonlClient, command: &str) -> String {
    pi.ok(json!({"type": "bash", "command": command, "excludeFromContext": true}))["output"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn fill(pi: &mut JsonlClient) {
    let said = sh(pi, "cat /dev/zero > $DISK/filler");
    assert!(said.contains("No space left on device"), "{said}");
}

fn make_room(pi: &mut JsonlClient) {
    sh(pi, "rm $DISK/filler");
}

fn write(path: &str) -> Turn {
    call("write", json!({"path": path, "content": "written\n"}))
}

const FULL: &str =
    "cannot be written: no space left on device. Nothing was changed; make room, then try again.";

#[test]
fn edits_on_a_full_disk_say_so_and_can_be_made_when_there_is_room_again() {
    let edit = || call("edit", json!({"path": "a.txt", "oldText": "two", "newText": "TWO"}));
    let model = ModelServer::with([
        edit(),
        write("new.txt"),
        write("deep/er/new.txt"),
        call("bash", json!({"command": "rm logo.png"})),
        say("It is full."),
        edit(),
        write("new.txt"),
        say("done"),
    ]);
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", "one\ntwo\n");
    fs::write(scratch.path("logo.png"), [&b"\xff\x00"[..], &[1; 5000]].concat()).unwrap();
    let Some(mut pi) = start(&scratch, &scratch.workspace()) else { return model.allow_unused() };
    fill(&mut pi);
    pi.run("change it");
    let results = model.last_request().tool_results();
    for (result, name) in results.iter().zip(["a.txt", "new.txt", "deep/er/new.txt"]) {
        assert_eq!(result.1, format!("{name} {FULL}"));
    }
    // Two pages are free now, and both are needed for the picture.
    assert_eq!(sh(&mut pi, "find . -type f | sort; cat a.txt"), "./a.txt\n./filler\none\ntwo\n");
    sh(&mut pi, "cat /dev/zero >> filler");
    let refused = pi.ok(json!({"type": "edits_reject", "scope": "folder"}));
    let reason = refused["conflicts"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("logo.png cannot be written: no space left on device."), "{refused}");
    make_room(&mut pi);
    pi.run("again");
    assert_eq!(sh(&mut pi, "cat a.txt new.txt"), "one\nTWO\nwritten\n");
    let back = pi.ok(json!({"type": "edits_reject", "scope": "folder"}));
    assert_eq!(back["conflicts"], json!([]), "{back}");
    assert_eq!(
        sh(&mut pi, "find . -type f | sort; cat a.txt; wc -c < logo.png"),
        "./a.txt\n./logo.png\none\ntwo\n5002\n"
    );
}

#[test]
fn a_session_and_a_record_of_edits_on_a_full_disk_are_written_when_there_is_room_again() {
    let model = ModelServer::with([
        write("first.txt"),
        say("one"),
        write("second.txt"),
        say("two"),
        write("third.txt"),
        say("three"),
    ]);
    let scratch = Scratch::with_model(&model);
    let Some(mut pi) = start(&scratch, &scratch.agent_dir()) else { return model.allow_unused() };
    pi.run("first");
    fill(&mut pi);
    // More than what may be free in the last page of the file.
    let long = format!("second {}", "x".repeat(10_000));
    let events = pi.run(&long);
    let notices: Vec<_> = events.iter().filter(|it| it["type"] == "notice").collect();
    for words in [
        "Edits are made but cannot be recorded for review until there is room on the disk: ",
        "cannot be written (No space left on device (os error 28)); the conversation is kept in memory and written \
         once that works",
    ] {
        let said = notices.iter().filter(|it| it["message"].as_str().unwrap().contains(words)).count();
        assert_eq!(said, 1, "{words}: {notices:?}");
    }
    assert_eq!(scratch.read("second.txt"), "written\n", "edits go on");
    assert!(!sh(&mut pi, "cat $DISK/sessions/*/*.jsonl").contains("second"));
    make_room(&mut pi);
    pi.run("third");
    let session = sh(&mut pi, "cat $DISK/sessions/*/*.jsonl");
    for text in ["first", "one", "second", "two", "third", "three"] {
        assert!(session.contains(&format!("\"text\":\"{text}")), "{text}: {session}");
    }
    let edits = pi.ok(json!({"type": "get_edits"}));
    let hunks = edits["hunks"].as_array().unwrap().iter();
    let files: Vec<_> = hunks.map(|it| it["uri"].as_str().unwrap().rsplit('/').next().unwrap()).collect();
    assert_eq!(
        files,
        ["first.txt", "third.txt"],
        "what was recorded before stays, and what comes is recorded"
    );
}
