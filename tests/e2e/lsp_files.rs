//! Files that come and go: made and deleted by Pi through editors that take such requests, each as it really does it.

use pi_harness::{Editor, Files, ModelServer, Profile, Scratch, call, say};
use serde_json::{Value, json};

use crate::rpc::PI;

const EDITORS: [Files; 4] = [Files::None, Files::Neovim, Files::Helix, Files::VsCode];

fn start(files: Files) -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    let editor = Editor::start(PI, &scratch, Profile::plugin().files(files));
    (editor, scratch, model)
}

/// An editor in which Pi has written `src/new.txt`, which nobody has open, and looked at it with a command.
fn written(files: Files) -> (Editor, Scratch, ModelServer) {
    let (mut editor, scratch, model) = start(files);
    model.script([
        call("write", json!({"path": "src/new.txt", "content": "one\n"})),
        call("bash", json!({"command": "cat src/new.txt; echo end"})),
        say("done"),
    ]);
    editor.prompt("make it");
    editor.settled();
    let results = model.last_request().tool_results();
    assert!(results[1].1.starts_with("one\nend"), "{files:?}: {results:?}");
    // Not everything that is told of the edits is claimed.
    editor.unchecked = true;
    (editor, scratch, model)
}

/// Decides about everything; what could not be done.
fn decide(editor: &mut Editor, verb: &str) -> Vec<String> {
    let decided = editor.ok(&format!("pi/edits/{verb}"), json!({"scope": "folder"}));
    let conflicts = decided["conflicts"].as_array().unwrap();
    conflicts.iter().map(|it| it["reason"].as_str().unwrap().to_owned()).collect()
}

fn states(editor: &mut Editor) -> Vec<String> {
    let found = editor.ok("pi/edits/list", json!({}));
    let hunks = found["hunks"].as_array().unwrap();
    hunks.iter().map(|it| it["status"].as_str().unwrap().to_owned()).collect()
}

/// The file operations the editor was asked for.
fn operations(editor: &Editor) -> Vec<String> {
    let changes = |it: Value| it["params"]["edit"]["documentChanges"][0]["kind"].as_str().map(str::to_owned);
    editor
        .messages()
        .into_iter()
        .filter(|it| it["method"] == "workspace/applyEdit")
        .filter_map(changes)
        .collect()
}

#[test]
fn a_file_is_made_rejected_and_made_again_in_every_editor() {
    for files in EDITORS {
        let (mut editor, scratch, _model) = written(files);
        assert_eq!(scratch.read("src/new.txt"), "one\n", "{files:?}");
        assert_eq!(decide(&mut editor, "reject"), [""; 0], "{files:?}");
        assert!(!scratch.path("src/new.txt").exists(), "{files:?}");
        assert_eq!(states(&mut editor), ["rejected"], "{files:?}");
        assert_eq!(decide(&mut editor, "redo"), [""; 0], "{files:?}");
        assert_eq!(scratch.read("src/new.txt"), "one\n", "{files:?}");
        assert_eq!(states(&mut editor), ["pending"], "{files:?}");
        let expected: &[&str] = if files == Files::None { &[] } else { &["create", "delete", "create"] };
        assert_eq!(operations(&editor), expected, "{files:?}");
    }
}

#[test]
fn a_new_file_that_was_opened_is_rejected_and_stays_rejected() {
    for files in EDITORS {
        let (mut editor, scratch, _model) = written(files);
        editor.open("src/new.txt", "one\n");
        assert_eq!(decide(&mut editor, "reject"), [""; 0], "{files:?}");
        assert!(!scratch.path("src/new.txt").exists(), "{files:?}");
        // Some go on showing what is not there any more.
        let shown = matches!(files, Files::None | Files::Helix);
        assert_eq!(editor.is_open("src/new.txt"), shown, "{files:?}");
        assert_eq!(states(&mut editor), ["rejected"], "{files:?}");
        if shown {
            editor.type_at("src/new.txt", 0, 0, "the user's ");
            assert_eq!(editor.buffer("src/new.txt"), "the user's one\n");
            assert!(decide(&mut editor, "reject").is_empty());
            assert_eq!(editor.buffer("src/new.txt"), "the user's one\n");
        }
    }
}

#[test]
fn what_the_user_typed_into_a_new_file_is_not_deleted_with_it() {
    for files in EDITORS {
        let (mut editor, scratch, _model) = written(files);
        editor.open("src/new.txt", "one\n");
        editor.type_at("src/new.txt", 0, 3, "uno");
        let said = decide(&mut editor, "reject");
        assert_eq!(said.len(), 1, "{files:?}: {said:?}");
        assert_eq!(editor.buffer("src/new.txt"), "uno\n", "{files:?}");
        editor.undo("src/new.txt");
        editor.type_at("src/new.txt", 4, 4, "two\n");
        assert_eq!(decide(&mut editor, "reject"), [""; 0], "{files:?}");
        assert_eq!(editor.buffer("src/new.txt"), "two\n", "{files:?}");
        assert_eq!(scratch.read("src/new.txt"), "one\n", "{files:?}");
        assert!(!operations(&editor).contains(&"delete".to_owned()), "{files:?}");
    }
}

#[test]
fn a_text_that_was_typed_and_taken_back_is_nothing_unsaved() {
    for files in EDITORS {
        let (mut editor, scratch, _model) = written(files);
        editor.open("src/new.txt", "one\n");
        editor.type_at("src/new.txt", 4, 4, "two\n");
        editor.undo("src/new.txt");
        assert_eq!(decide(&mut editor, "reject"), [""; 0], "{files:?}");
        assert!(!scratch.path("src/new.txt").exists(), "{files:?}");
        assert_eq!(states(&mut editor), ["rejected"], "{files:?}");
    }
}

#[test]
fn a_file_written_over_a_buffer_the_user_has_just_begun_is_refused() {
    for files in EDITORS {
        let (mut editor, scratch, model) = start(files);
        editor.open("new.txt", "mine\n");
        model.script([call("write", json!({"path": "new.txt", "content": "one\n"})), say("done")]);
        editor.prompt("make it");
        editor.settled();
        let results = model.last_request().tool_results();
        assert!(results[0].1.contains("unsaved changes in the editor that you have not seen"), "{results:?}");
        assert!(!scratch.path("new.txt").exists());
        assert_eq!((editor.buffer("new.txt").as_str(), operations(&editor).len()), ("mine\n", 0));
    }
}

#[cfg(unix)]
#[test]
fn a_rename_of_a_command_is_taken_back_in_every_editor() {
    for files in EDITORS {
        let (mut editor, scratch, model) = start(files);
        editor.unchecked = true;
        scratch.file("a.txt", "one\n");
        model.script([call("bash", json!({"command": "mv a.txt b.txt"})), say("done")]);
        editor.prompt("rename it");
        editor.settled();
        editor.open("b.txt", "one\n");
        assert_eq!(states(&mut editor), ["pending"], "{files:?}");
        assert_eq!(decide(&mut editor, "reject"), [""; 0], "{files:?}");
        assert_eq!(
            (scratch.read("a.txt").as_str(), scratch.path("b.txt").exists()),
            ("one\n", false),
            "{files:?}"
        );
        assert_eq!(states(&mut editor), ["rejected"], "{files:?}");
        let takes = files != Files::None;
        assert_eq!((editor.is_open("a.txt"), editor.is_open("b.txt")), (takes, !takes), "{files:?}");
        let expected: &[&str] = if takes { &["rename"] } else { &[] };
        assert_eq!(operations(&editor), expected, "{files:?}");
    }
}
