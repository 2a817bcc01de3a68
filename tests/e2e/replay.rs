//! `pi replay`: a recording plays again without its model, its files and its user, and what differs is said.

use std::path::{Path, PathBuf};

use pi_harness::{Editor, JsonlClient, ModelServer, Profile, Scratch, call, say, think};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

/// Plays a recording on another machine; what was printed, and the exit status.
fn replay(file: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let elsewhere = Scratch::new();
    let output = elsewhere.command(PI).arg("replay").arg(file).args(arguments).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!log.contains("panicked at"), "{log}");
    let left = std::fs::read_dir(elsewhere.workspace()).unwrap().count();
    assert_eq!(left, 0, "the folder it was started in is touched");
    assert_eq!(
        std::fs::read_dir(elsewhere.agent_dir()).unwrap().count(),
        0,
        "the user's directory is touched"
    );
    (String::from_utf8_lossy(&output.stdout).into_owned() + &log, output.status.code())
}

fn plays_the_same(file: &Path) {
    let (said, status) = replay(file, &[]);
    assert!(said.contains("\nNo difference: "), "{}: {said}", file.display());
    assert_eq!(status, Some(0), "{said}");
}

/// An editor that is recorded, and the recording.
fn recorded(model: &ModelServer, mut profile: Profile) -> (Editor, Scratch, PathBuf) {
    let scratch = Scratch::with_model(model);
    let trace = scratch.home().join("trace.jsonl");
    profile.arguments.extend(["--trace".into(), trace.to_string_lossy().into_owned()]);
    (Editor::start(PI, &scratch, profile), scratch, trace)
}

#[test]
fn a_recorded_editor_plays_again_without_model_and_files() {
    let model = ModelServer::start();
    let (mut editor, scratch, trace) = recorded(&model, Profile::plugin().asking());
    scratch.file("closed.txt", "on the disk\n");
    // Not in the workspace: what a command changes there is to be reviewed, and nothing is changed again.
    let marker = scratch.tmp().join("marker");
    let touch = format!("touch '{}'; echo touched", marker.display());
    editor.open("a.rs", "let x = 1; // 😀\n");
    model.script([
        think("hm").say("I look").pieces(3).call("read", json!({"path": "closed.txt"})),
        call("edit", json!({"path": "a.rs", "oldText": "x = 1", "newText": "x = 2"})),
        call("bash", json!({"command": touch})).gate("steer"),
        say("steered").pieces(2),
    ]);
    editor.prompt("change x");
    let allow = |editor: &Editor, tool: &str| {
        let asked =
            editor.claim_until("pi/event", "a question", |it| it["event"]["type"] == "permission_request");
        let asked = &asked.last().unwrap()["event"];
        assert_eq!(asked["tool"], tool);
        // What was answered before it was shown in a message is not shown.
        editor.asked("window/showMessageRequest");
        asked["id"].clone()
    };
    let question = allow(&editor, "edit");
    editor.ok("pi/answerPermission", json!({"questionId": question, "choice": "allow_once"}));
    model.reached("steer");
    editor.type_at("a.rs", 0, 0, "// typed\n");
    model.release("steer");
    let question = allow(&editor, "bash");
    editor.ok("pi/steer", json!({"message": "and now this"}));
    editor.ok("pi/answerPermission", json!({"questionId": question, "choice": "allow_once"}));
    editor.settled();
    assert_eq!(editor.buffer("a.rs"), "// typed\nlet x = 2; // 😀\n");
    let hunks = editor.ok("pi/edits/list", json!({}));
    let hunk = hunks["hunks"][0]["id"].clone();
    assert!(hunk.is_string(), "{hunks}");
    editor.ok("pi/edits/accept", json!({"hunks": [hunk]}));
    let is_shown = |it: &Value| it["diagnostics"] == json!([]);
    editor.claim_until("textDocument/publishDiagnostics", "the change to be no longer shown", is_shown);
    // Stopped in the middle of an answer.
    model.script([say("never finished").pieces(1).gate_after(3, "middle")]);
    editor.prompt("go on");
    model.reached("middle");
    editor.ok("pi/abort", json!({}));
    editor.settled();
    editor.ok("pi/bash", json!({"command": "echo user"}));
    assert!(editor.exit().success());
    editor.unchecked = true;
    model.allow_unused();
    drop((editor, model));
    std::fs::remove_file(&marker).unwrap();
    plays_the_same(&trace);
    assert!(!marker.exists(), "a command was run");
}

#[test]
fn suggestions_while_typing_play_again() {
    let model = ModelServer::with([say("a + b")]);
    let mut profile = Profile::plugin();
    profile.initialize["capabilities"]["textDocument"]["inlineCompletion"] = json!({});
    let settings = json!({"completion": {"enabled": true, "model": "scripted/beta", "debounceMs": 0}});
    profile.initialize["initializationOptions"] = json!({"pi": settings});
    let (mut editor, _scratch, trace) = recorded(&model, profile);
    editor.open("a.rs", "fn add(a: u8, b: u8) -> u8 {\n    \n}\n");
    let place = json!({"textDocument": {"uri": editor.uri("a.rs")}, "position": {"line": 1, "character": 4},
        "context": {"triggerKind": 2}});
    let suggested = editor.ok("textDocument/inlineCompletion", place);
    assert_eq!(suggested["items"][0]["insertText"], "a + b");
    assert!(editor.exit().success());
    drop((editor, model));
    plays_the_same(&trace);
}

#[test]
fn recorded_commands_are_run_in_a_copy_if_that_is_asked_for() {
    let model = ModelServer::with([
        call("bash", json!({"command": "cat data.txt; echo more >> data.txt"})),
        call("read", json!({"path": "data.txt"})),
        say("done"),
    ]);
    let scratch = Scratch::with_model(&model);
    scratch.file("data.txt", "data\n");
    let trace = scratch.home().join("trace.jsonl");
    let mut command = scratch.command(PI);
    command.args(["--mode", "rpc", "--provider", "scripted", "--model", "alpha", "--trace"]).arg(&trace);
    let mut pi = JsonlClient::spawn(command);
    pi.run("look");
    pi.ok(json!({"type": "get_state"}));
    pi.close_stdin();
    assert!(pi.wait_exit().success());
    drop((pi, model));
    plays_the_same(&trace);
    let original = Scratch::new();
    original.file("data.txt", "data\n");
    let folder = original.workspace().to_string_lossy().into_owned();
    let (said, status) = replay(&trace, &["--folder", &folder, "--run-commands"]);
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(original.read("data.txt"), "data\n");
    // Now the file is another one, and so is what the model reads.
    original.file("data.txt", "other\n");
    let (said, status) = replay(&trace, &["--folder", &folder, "--run-commands"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("what scripted/alpha was told the second time"), "{said}");
}

#[test]
fn what_is_different_is_shown_with_its_line() {
    let model = ModelServer::with([say("as it was")]);
    let (mut editor, _scratch, trace) = recorded(&model, Profile::plugin());
    editor.prompt("hi");
    editor.settled();
    editor.ok("pi/getState", json!({}));
    assert!(editor.exit().success());
    drop((editor, model));
    plays_the_same(&trace);
    let text = std::fs::read_to_string(&trace).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let state = lines.iter().position(|it| it["message"]["result"].get("steeringMode").is_some()).unwrap();
    lines[state]["message"]["result"]["steeringMode"] = json!("all");
    let start = lines.iter().position(|it| it["message"]["params"]["event"]["type"] == "turn_start").unwrap();
    let twice = lines[start].clone();
    lines.insert(start + 1, twice);
    let other = trace.with_file_name("other.jsonl");
    std::fs::write(&other, lines.iter().map(|it| format!("{it}\n")).collect::<String>()).unwrap();
    let (said, status) = replay(&other, &[]);
    assert_eq!(status, Some(1), "{said}");
    for expected in [
        format!("line {}: pi/event turn_start\n  never came\n", start + 2),
        format!(
            "line {}: answer to 3 (pi/getState)\n  result.steeringMode: recorded \"all\", now \"one-at-a-time\"\n",
            state + 2
        ),
        "\n2 differences; ".to_owned(),
    ] {
        assert!(said.contains(&expected), "{expected}{said}");
    }
}

#[test]
fn a_file_that_is_no_recording_is_refused() {
    let scratch = Scratch::new();
    for (file, expected) in [
        (scratch.path("none"), "cannot be read"),
        (scratch.file("text", "hello\n"), "is no recording of --trace"),
    ] {
        let output = scratch.command(PI).arg("replay").arg(&file).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn recordings_of_real_editors_play_as_they_were() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/recordings");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "jsonl") {
            plays_the_same(&path);
            seen += 1;
        }
    }
    assert!(seen >= 1, "no recordings");
}
