//! What shell commands of the model change is reviewed like its edits: created, renamed, deleted and changed files.

use std::os::unix::fs::PermissionsExt;

use pi_harness::{Editor, JsonlClient, ModelServer, Profile, Scratch, Turn, call, say};
use serde_json::{Value, json};

use crate::rpc::{PI, start};

fn bash(command: &str) -> Turn {
    call("bash", json!({ "command": command }))
}

/// `name status kind`, one a hunk.
fn shown(scratch: &Scratch, edits: &Value) -> Vec<String> {
    let workspace = format!("file://{}/", scratch.workspace().display());
    let name = |it: &Value| it.as_str().unwrap().strip_prefix(&workspace).unwrap().to_owned();
    let one = |it: &Value| {
        let kind = it["file"].as_str().unwrap_or("changed");
        let from = if kind == "renamed" { format!(" from {}", name(&it["fromUri"])) } else { String::new() };
        format!("{} {} {kind}{from}", name(&it["uri"]), it["status"].as_str().unwrap())
    };
    edits["hunks"].as_array().unwrap().iter().map(one).collect()
}

fn edits(pi: &mut JsonlClient) -> Value {
    pi.ok(json!({"type": "get_edits"}))
}

/// All files of the workspace and their texts.
fn files(scratch: &Scratch) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![scratch.workspace()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(scratch.workspace()).unwrap().display().to_string();
            found.push(format!(
                "{name}: {}",
                std::fs::read_to_string(&path).unwrap().trim().replace('\n', "|")
            ));
        }
    }
    found.sort();
    found
}

/// Whether a file can be run.
fn runs(scratch: &Scratch, name: &str) -> bool {
    std::fs::metadata(scratch.path(name)).unwrap().permissions().mode() & 0o100 != 0
}

#[test]
fn going_back_names_the_commands_that_changed_what_is_not_on_record() {
    let (_model, scratch, mut pi) = start([
        bash("echo 2 > data.txt && cp data.txt copy.txt"),
        bash("sh idle.sh"),
        bash("sh fix.sh"),
        say("done"),
        bash("cat data.txt"),
        say("done"),
    ]);
    scratch.file("data.txt", "1\n");
    scratch.file("idle.sh", "true\n");
    scratch.file("other.txt", "1\n");
    scratch.file("fix.sh", "echo fixed > other.txt\n");
    pi.run("fix it");
    pi.run("and look");
    let messages = pi.ok(json!({"type": "get_fork_messages"}));
    let to = |at: usize| messages["messages"][at]["entryId"].clone();
    let preview = pi.ok(json!({"type": "edits_revert", "to": to(0), "preview": true}));
    assert_eq!(preview["notRestored"], json!(["sh fix.sh"]), "{preview}");
    assert_eq!(scratch.read("data.txt"), "2\n");
    let later = pi.ok(json!({"type": "edits_revert", "to": to(1), "preview": true}));
    assert_eq!(later.get("notRestored"), None, "{later}");
    let reverted = pi.ok(json!({"type": "edits_revert", "to": to(0)}));
    assert_eq!(reverted["notRestored"], json!(["sh fix.sh"]), "{reverted}");
    assert_eq!((scratch.read("data.txt"), scratch.read("other.txt")), ("1\n".into(), "fixed\n".into()));
    assert_eq!(pi.ok(json!({"type": "edits_redo", "scope": "last"})).get("notRestored"), None);
}

#[test]
fn a_program_that_was_deleted_or_created_can_be_run_when_it_comes_again() {
    let (_model, scratch, mut pi) =
        start([bash("rm a.sh; echo 'echo b' > b.sh; chmod +x b.sh"), say("done")]);
    before(&scratch);
    pi.run("tidy up");
    pi.ok(json!({"type": "edits_reject", "scope": "folder"}));
    assert!(runs(&scratch, "a.sh") && !scratch.path("b.sh").exists());
    pi.ok(json!({"type": "edits_redo", "scope": "folder"}));
    assert!(runs(&scratch, "b.sh") && !scratch.path("a.sh").exists());
}

const MANY: &str =
    "echo new > new.txt && mv a.sh sub/b.sh && rm gone.txt && sed -i s/one/ONE/ c.txt && rm -r dir";

fn before(scratch: &Scratch) -> Vec<String> {
    scratch.file("a.sh", "echo a\n");
    std::fs::set_permissions(scratch.path("a.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    scratch.file("sub/here.txt", "here\n");
    scratch.file("gone.txt", "gone\n");
    scratch.file("c.txt", "one\ntwo\n");
    scratch.file("dir/x.txt", "x\n");
    scratch.file("dir/deep/y.txt", "y\n");
    files(scratch)
}

const AFTER: [&str; 4] = ["c.txt: ONE|two", "new.txt: new", "sub/b.sh: echo a", "sub/here.txt: here"];

#[test]
fn what_a_command_creates_renames_deletes_and_changes_is_reviewed_like_edits() {
    let (model, scratch, mut pi) = start([bash(MANY), say("done"), say("so be it")]);
    let before = before(&scratch);
    edits(&mut pi);
    let events = pi.run("tidy up");
    assert!(events.iter().any(|it| it["type"] == "edits_changed"), "it is told");
    assert_eq!(files(&scratch), AFTER);
    let found = edits(&mut pi);
    assert_eq!(
        shown(&scratch, &found),
        [
            "c.txt pending changed",
            "dir/deep/y.txt pending deleted",
            "dir/x.txt pending deleted",
            "gone.txt pending deleted",
            "new.txt pending created",
            "sub/b.sh pending renamed from a.sh",
        ]
    );
    let first = &found["hunks"][0];
    assert_eq!((&first["tool"], &first["turn"]), (&json!("bash"), &json!(1)));
    let diff = pi.ok(json!({"type": "edits_diff", "toolCallId": first["toolCallId"]}));
    let diff = diff["diff"].as_str().unwrap();
    for part in [
        "rename from a.sh\nrename to sub/b.sh\n",
        "--- gone.txt\n+++ /dev/null\n",
        "--- /dev/null\n+++ new.txt\n",
    ] {
        assert!(diff.contains(part), "{diff}");
    }

    // One of them, then all the others.
    let id = |at: usize| found["hunks"][at]["id"].clone();
    pi.ok(json!({"type": "edits_reject", "hunks": [id(5)]}));
    assert_eq!(shown(&scratch, &edits(&mut pi))[0], "a.sh rejected renamed from a.sh");
    let mode = std::fs::metadata(scratch.path("a.sh")).unwrap().permissions().mode();
    assert_eq!((scratch.read("a.sh").as_str(), mode & 0o777), ("echo a\n", 0o755));
    let rejected = pi.ok(json!({"type": "edits_reject", "scope": "folder"}));
    assert_eq!(rejected["conflicts"], json!([]));
    assert_eq!(files(&scratch), before);
    pi.run("go on");
    let told = model.last_request().user_texts().join("\n");
    assert!(told.contains("The user rejected 1 of your changes: a.sh:1."), "{told}");
    assert!(told.contains("The user rejected 5 of your changes: c.txt:1, dir/deep/y.txt:1, "), "{told}");

    // Back as the command left it, and away again after a restart.
    pi.ok(json!({"type": "edits_redo", "scope": "folder"}));
    assert_eq!(files(&scratch), AFTER);
    drop(pi);
    let mut pi = JsonlClient::start(PI, &scratch, &[]);
    assert_eq!(edits(&mut pi)["counts"]["pending"], 6);
    let reverted = pi.ok(json!({"type": "edits_revert", "scope": "folder"}));
    assert_eq!(reverted["conflicts"], json!([]));
    assert_eq!(files(&scratch), before);
}

#[test]
fn files_of_commands_and_the_conversation_go_back_together_and_come_again() {
    let (_model, scratch, mut pi) = start([
        call("edit", json!({"path": "c.txt", "oldText": "two", "newText": "2"})),
        say("first"),
        bash(MANY),
        call("write", json!({"path": "sub/b.sh", "content": "echo b\n"})),
        say("second"),
    ]);
    before(&scratch);
    pi.run("number");
    let then = files(&scratch);
    pi.run("tidy up");
    let after = files(&scratch);
    assert!(after.contains(&"sub/b.sh: echo b".to_owned()), "{after:?}");
    let prompts = pi.ok(json!({"type": "get_fork_messages"}))["messages"].clone();
    let to = &prompts[1]["entryId"];
    let preview = pi.ok(json!({"type": "edits_revert", "to": to, "preview": true}));
    assert_eq!(
        (preview["hunks"].as_array().unwrap().len(), files(&scratch)),
        (7, after.clone()),
        "{preview}"
    );
    let reverted = pi.ok(json!({"type": "edits_revert", "to": to, "fork": true}));
    assert_eq!((&reverted["text"], &reverted["conflicts"]), (&json!("tidy up"), &json!([])));
    assert_eq!((files(&scratch), pi.state()["messageCount"].clone()), (then, json!(4)));
    let redone = pi.ok(json!({"type": "edits_redo", "scope": "last"}));
    assert_eq!((&redone["conflicts"], files(&scratch)), (&json!([]), after));
}

#[test]
fn a_command_that_is_stopped_is_recorded_as_far_as_it_came() {
    let (_model, scratch, mut pi) =
        start([bash("rm gone.txt; mv a.sh b.sh; echo moved; sleep 600; rm c.txt")]);
    let before = before(&scratch);
    pi.prompt("tidy up");
    pi.event_where("its output", |it| {
        it["type"] == "tool_execution_update" && it["partialResult"]["content"][0]["text"] == "moved\n"
    });
    pi.ok(json!({"type": "abort"}));
    pi.settled();
    assert_eq!(
        shown(&scratch, &edits(&mut pi)),
        ["b.sh pending renamed from a.sh", "gone.txt pending deleted"]
    );
    pi.ok(json!({"type": "edits_reject", "scope": "folder"}));
    assert_eq!(files(&scratch), before);
}

/// The command kills the server that runs it.
#[test]
fn a_command_whose_server_is_killed_is_settled_at_the_next_start() {
    let (model, scratch, mut pi) = start([bash("mv a.sh b.sh; rm gone.txt; kill -9 $PPID; sleep 600")]);
    let before = before(&scratch);
    pi.prompt("tidy up");
    pi.wait_exit();
    model.allow_unused();
    let mut pi = JsonlClient::start(PI, &scratch, &[]);
    assert_eq!(
        shown(&scratch, &edits(&mut pi)),
        ["b.sh pending renamed from a.sh", "gone.txt pending deleted"]
    );
    let said =
        pi.event_where("a notice", |it| it["type"] == "notice")["message"].as_str().unwrap().to_owned();
    assert!(said.starts_with("Pi was cut off while it edited "), "{said}");
    pi.ok(json!({"type": "edits_reject", "scope": "folder"}));
    assert_eq!(files(&scratch), before);
}

#[test]
fn the_command_line_lists_and_reverts_what_commands_did() {
    let (_model, scratch, mut pi) =
        start([bash("mv a.sh sub/b.sh; rm gone.txt; echo x > new.txt"), say("done")]);
    let before = before(&scratch);
    pi.run("tidy up");
    drop(pi);
    let pi_edits = |arguments: &[&str]| {
        let output = scratch.command(PI).arg("edits").args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    let expected = "gone.txt\n  h2     pending   +0 −1  deleted  bash, turn 1\n\
                    new.txt\n  h3     pending   +1 −0  created  bash, turn 1\n\
                    sub/b.sh\n  h1     pending   +0 −0  renamed from a.sh  bash, turn 1\n";
    assert_eq!(pi_edits(&["list"]), expected);
    assert!(pi_edits(&["diff"]).contains("rename from a.sh\nrename to sub/b.sh\n"));
    assert_eq!(pi_edits(&["revert", "--all"]), "Reverted 3 changes in 4 files\n");
    assert_eq!(files(&scratch), before);
    let forgotten = pi_edits(&["gc", "--days", "1", "--megabytes", "1"]);
    assert!(forgotten.starts_with("Forgot 0 edits; 3 are left in "), "{forgotten}");
}

fn list(editor: &mut Editor) -> Value {
    editor.ok("pi/edits/list", json!({}))
}

#[test]
fn renamed_deleted_and_created_files_go_back_while_an_editor_shows_them() {
    let model = ModelServer::with([
        bash("mv a.txt b.txt; rm gone.txt; echo 'use this' > new.txt; echo x > other.txt"),
        say("done"),
    ]);
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", "one\n");
    scratch.file("gone.txt", "gone\n");
    let mut editor = Editor::start(PI, &scratch, Profile::plugin());
    editor.open("a.txt", "one\n");
    editor.open("gone.txt", "gone\n");
    editor.prompt("tidy up");
    editor.settled();
    let there = |name: &str| std::fs::read_to_string(scratch.path(name)).unwrap_or_else(|_| "-".into());
    editor.open("b.txt", "one\n");
    editor.open("new.txt", "use this\n");
    editor.open("other.txt", "x\n");
    editor.type_at("new.txt", 0, 0, "mine: ");
    assert_eq!(
        shown(&scratch, &list(&mut editor)),
        [
            "b.txt pending renamed from a.txt",
            "gone.txt pending deleted",
            "new.txt edited created",
            "other.txt pending created",
        ]
    );
    let rejected = editor.ok("pi/edits/reject", json!({"scope": "folder"}));
    let conflicts = rejected["conflicts"].as_array().unwrap();
    assert_eq!(
        (conflicts.len(), &conflicts[0]["reason"]),
        (1, &json!("You edited this since; your text stays"))
    );
    assert_eq!(
        ["a.txt", "b.txt", "gone.txt", "new.txt", "other.txt"].map(there),
        ["one\n", "-", "gone\n", "use this\n", "-"]
    );
    assert_eq!(editor.buffer("new.txt"), "mine: use this\n");
    let redone = editor.ok("pi/edits/redo", json!({"scope": "last"}));
    assert_eq!(redone["conflicts"], json!([]), "{redone}");
    assert_eq!(["a.txt", "b.txt", "gone.txt", "other.txt"].map(there), ["-", "one\n", "-", "x\n"]);
    // A name does not go back under what is unsaved.
    editor.type_at("b.txt", 0, 0, "unsaved ");
    let uri = editor.uri("b.txt");
    let rejected = editor.ok("pi/edits/reject", json!({ "uri": uri }));
    let reason = rejected["conflicts"][0]["reason"].as_str().unwrap();
    assert_eq!(reason, "b.txt has unsaved changes in the editor; save or close it first");
    assert_eq!((there("b.txt"), editor.buffer("b.txt")), ("one\n".into(), "unsaved one\n".into()));
    editor.unchecked = true;
}
