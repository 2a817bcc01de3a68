//! What users do with files, in the editor and behind its back: moved, deleted, changed, checked out, settings edited.

use pi_harness::{Editor, ModelServer, Moves, Profile, Scratch, call, editor::uri, patience, say};
use serde_json::json;

use crate::rpc::PI;

/// An editor in which Pi has made `one` in `src/a.txt` loud; the file is open or not.
fn shouted(profile: Profile, open: bool) -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    scratch.file("src/a.txt", "one\ntwo\n");
    let mut editor = Editor::start(PI, &scratch, profile);
    // Not everything that is told of the edits is claimed.
    editor.unchecked = true;
    if open {
        editor.open("src/a.txt", "one\ntwo\n");
    }
    model.script([
        call("read", json!({"path": "src/a.txt"})),
        call("edit", json!({"path": "src/a.txt", "oldText": "one", "newText": "ONE"})),
        say("done"),
    ]);
    editor.ok("workspace/executeCommand", json!({"command": "pi.prompt", "arguments": ["shout"]}));
    model.wait_request(3);
    (editor, scratch, model)
}

fn waiting(editor: &mut Editor) -> Vec<String> {
    let found = editor.ok("pi/edits/list", json!({}));
    let pending = found["hunks"].as_array().unwrap().iter().filter(|it| it["status"] == "pending");
    pending.map(|it| it["uri"].as_str().unwrap().to_owned()).collect()
}

/// Asks until it is so.
fn until<T: PartialEq + std::fmt::Debug>(expected: &T, mut ask: impl FnMut() -> T) {
    let deadline = std::time::Instant::now() + patience();
    loop {
        let found = ask();
        if found == *expected {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{found:?} is not {expected:?}");
    }
}

#[test]
fn hunks_go_along_with_a_file_or_folder_that_is_moved() {
    for (from, to, new) in [("src/a.txt", "lib/b.txt", "lib/b.txt"), ("src", "lib", "lib/a.txt")] {
        for open in [false, true] {
            for tells in [Moves::Last, Moves::First, Moves::Only, Moves::Never] {
                // Of what is not open nobody hears then.
                if !open && tells == Moves::Never {
                    continue;
                }
                let (mut editor, scratch, _model) = shouted(Profile::plugin(), open);
                assert_eq!(waiting(&mut editor), [editor.uri("src/a.txt")]);
                if open {
                    std::fs::write(scratch.path("src/a.txt"), editor.buffer("src/a.txt")).unwrap();
                    editor.notify(
                        "textDocument/didSave",
                        json!({"textDocument": {"uri": editor.uri("src/a.txt")}}),
                    );
                }
                editor.moves(from, to, tells);
                let expected = vec![editor.uri(new)];
                until(&expected, || waiting(&mut editor));
                let decided = editor.ok("pi/edits/reject", json!({"scope": "folder"}));
                assert_eq!(decided["conflicts"], json!([]), "{from} {open} {tells:?}");
                let text = if open { editor.buffer(new) } else { scratch.read(new) };
                assert_eq!(text, "one\ntwo\n", "{from} {open} {tells:?}");
            }
        }
    }
}

#[test]
fn hunks_of_a_file_that_has_gone_say_so_and_go_along_with_none_of_two() {
    let (mut editor, scratch, _model) = shouted(Profile::plugin(), true);
    assert_eq!(waiting(&mut editor), [editor.uri("src/a.txt")]);
    scratch.file("src/a.txt", "ONE\ntwo\n");
    editor.notify("textDocument/didSave", json!({"textDocument": {"uri": editor.uri("src/a.txt")}}));
    scratch.file("src/twin.txt", "ONE\ntwo\n");
    editor.open("src/twin.txt", "ONE\ntwo\n");
    editor.moves("src/a.txt", "src/b.txt", Moves::Never);
    let status = |editor: &mut Editor| {
        let found = editor.ok("pi/edits/list", json!({}));
        let hunk = &found["hunks"][0];
        (hunk["uri"].as_str().unwrap().to_owned(), hunk["status"].as_str().unwrap().to_owned())
    };
    let gone = (editor.uri("src/a.txt"), "edited".to_owned());
    until(&gone, || status(&mut editor));
    let decided = editor.ok("pi/edits/reject", json!({"scope": "folder"}));
    let reason = decided["conflicts"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("The file is not there any more"), "{reason}");
    assert_eq!(status(&mut editor), gone);
}

#[test]
fn a_buffer_that_is_moved_is_edited_under_its_new_name_and_the_model_still_knows_it() {
    for tells in [Moves::Last, Moves::First, Moves::Only, Moves::Never] {
        let (mut editor, _scratch, model) = shouted(Profile::plugin(), true);
        editor.moves("src/a.txt", "src/b.txt", tells);
        model.script([
            call("edit", json!({"path": "src/b.txt", "oldText": "two", "newText": "TWO"})),
            say("done"),
        ]);
        editor.settled();
        editor.prompt("go on");
        editor.settled();
        assert_eq!(editor.buffer("src/b.txt"), "ONE\nTWO\n", "{tells:?}");
        let said = model.last_request().body.to_string();
        assert!(!said.contains("Changed since you last read") || tells == Moves::Never, "{tells:?}: {said}");
        editor.type_at("src/b.txt", 0, 0, "zero\n");
        model.script([say("I see")]);
        editor.prompt("and now");
        editor.settled();
        let said = model.last_request().body.to_string();
        assert!(
            said.contains("Changed since you last read") && said.contains("src/b.txt"),
            "{tells:?}: {said}"
        );
    }
}

#[test]
fn a_chat_that_is_renamed_goes_on() {
    for tells in [Moves::Last, Moves::Only, Moves::Never] {
        let model = ModelServer::with([say("First."), say("Second.")]);
        let scratch = Scratch::with_model(&model);
        let mut editor = Editor::start(PI, &scratch, Profile::plain());
        editor.unchecked = true;
        editor.ok("workspace/executeCommand", json!({"command": "pi.openChat", "arguments": []}));
        let name = ".pi/chat/new-chat.md";
        let other = ".pi/chat/other.md";
        editor.claim("the chat", |it| it["params"]["message"] == format!("Chat: {name}"));
        editor.open(name, &scratch.read(name));
        let say = |editor: &Editor, name: &str, text: &str| {
            editor.append(name, text);
            editor.save(name);
        };
        say(&editor, name, "one");
        editor.wait_for("the first answer", || Some(()).filter(|()| editor.buffer(name).contains("First.")));
        editor.wait_for("the next heading", || {
            Some(()).filter(|()| editor.buffer(name).ends_with("## You\n\n"))
        });
        std::fs::write(scratch.path(name), editor.buffer(name)).unwrap();
        editor.moves(name, other, tells);
        say(&editor, other, "two");
        editor
            .wait_for("the second answer", || Some(()).filter(|()| editor.buffer(other).contains("Second.")));
        let asked = model.last_request().user_texts();
        assert_eq!(asked.len(), 2, "{tells:?}: {asked:?}");
    }
}

/// The hints of a file, by their messages.
fn hints(editor: &Editor, name: &str, count: usize) {
    let uri = editor.uri(name);
    editor.claim(&format!("{count} hints"), |it| {
        it["method"] == "textDocument/publishDiagnostics"
            && it["params"]["uri"] == uri
            && it["params"]["diagnostics"].as_array().is_some_and(|it| it.len() == count)
    });
}

/// What the editor watches, once a file with this name is among it.
fn watched(editor: &Editor, name: &str) -> Vec<(String, String)> {
    editor.wait_for(name, || editor.watched().filter(|it| it.iter().any(|it| it.1 == name)))
}

fn tell(editor: &Editor, files: impl IntoIterator<Item = String>) {
    let changes: Vec<_> = files.into_iter().map(|uri| json!({"uri": uri, "type": 2})).collect();
    editor.notify("workspace/didChangeWatchedFiles", json!({"changes": changes}));
}

#[test]
fn a_closed_file_that_changes_on_disk_has_its_hints_anew_and_a_deleted_one_has_none() {
    let (editor, scratch, _model) = shouted(Profile::plain().watches(), false);
    hints(&editor, "src/a.txt", 1);
    let watched = watched(&editor, "a.txt");
    let folder = |it: std::path::PathBuf| uri(&it);
    let mut expected = [
        (folder(scratch.path("src")), "a.txt".to_owned()),
        (folder(scratch.path(".pi")), "settings.json".to_owned()),
        (folder(scratch.agent_dir()), "settings.json".to_owned()),
    ];
    expected.sort();
    assert_eq!(watched, expected, "nothing else is watched");
    // Somebody puts the old text back, and then the new one.
    for (text, count) in [("one\ntwo\n", 0), ("zero\nONE\ntwo\n", 1)] {
        scratch.file("src/a.txt", text);
        tell(&editor, [editor.uri("src/a.txt")]);
        hints(&editor, "src/a.txt", count);
    }
    std::fs::remove_file(scratch.path("src/a.txt")).unwrap();
    editor.notify("workspace/didDeleteFiles", json!({"files": [{"uri": editor.uri("src")}]}));
    hints(&editor, "src/a.txt", 0);
}

#[test]
fn a_checkout_of_ten_thousand_files_is_looked_through_at_once() {
    let (mut editor, scratch, _model) = shouted(Profile::plugin().watches(), false);
    assert_eq!(waiting(&mut editor).len(), 1);
    editor.settled();
    watched(&editor, "a.txt");
    scratch.file("src/a.txt", "one\ntwo\n");
    let uris = (0..10_000).map(|it| editor.uri(&format!("src/file{it}.txt")));
    tell(&editor, uris.chain([editor.uri("src/a.txt")]));
    editor.ok("pi/getState", json!({}));
    let event = editor.events_until("edits_changed");
    let changed = event.iter().rfind(|it| it["type"] == "edits_changed").unwrap();
    assert_eq!(changed["uris"], json!([editor.uri("src/a.txt")]));
    assert_eq!(waiting(&mut editor), [""; 0]);
}

#[test]
fn settings_files_are_read_again_and_a_broken_one_changes_nothing() {
    let (mut editor, scratch, _model) = shouted(Profile::plugin().watches(), false);
    let mode = |editor: &mut Editor| editor.ok("pi/getState", json!({}))["steeringMode"].take();
    assert_eq!(mode(&mut editor), "one-at-a-time");
    let file = uri(&scratch.agent_dir().join("settings.json"));
    scratch.settings(&json!({"steeringMode": "all"}));
    tell(&editor, [file.clone()]);
    until(&json!("all"), || mode(&mut editor));
    std::fs::write(scratch.agent_dir().join("settings.json"), "{").unwrap();
    tell(&editor, [file.clone()]);
    let said = editor.claim("a warning", |it| it["method"] == "window/showMessage");
    assert!(said["params"]["message"].as_str().unwrap().contains("is not valid JSON"), "{said}");
    assert_eq!(mode(&mut editor), "all");
    scratch.settings(&json!({}));
    tell(&editor, [file]);
    until(&json!("one-at-a-time"), || mode(&mut editor));
}

#[test]
fn the_server_wants_to_hear_of_files_that_are_made_moved_and_deleted() {
    let (editor, ..) = shouted(Profile::plain(), false);
    let wanted = &editor.server["capabilities"]["workspace"]["fileOperations"];
    for what in ["didCreate", "didRename", "didDelete"] {
        assert_eq!(wanted[what]["filters"][0]["pattern"]["glob"], "**", "{wanted}");
    }
    assert!(wanted.get("willRename").is_none(), "{wanted}");
    let asked = editor.messages().iter().filter(|it| it["method"] == "client/registerCapability").count();
    assert_eq!(asked, 0, "it did not say that it watches");
}
