//! Files that a command or another program changes, moves or deletes while an editor has them open.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use pi_harness::{Editor, ModelServer, Profile, Saves, Scratch, Turn, call, say};
use serde_json::{Value, json};

use crate::rpc::PI;

const TEXT: &str = "one\ntwo\nthree\n";
const FORMATTED: &str = "ONE\ntwo\nthree\n";
const TOOLS: &str = "read,bash,edit,write,grep,find,ls";

fn bash(command: &str) -> Turn {
    call("bash", json!({ "command": command }))
}

fn read(path: &str) -> Turn {
    call("read", json!({ "path": path }))
}

fn edit(path: &str, old: &str, new: &str) -> Turn {
    call("edit", json!({"path": path, "oldText": old, "newText": new}))
}

/// An editor with `a.txt` open.
fn start(profile: Profile) -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", TEXT);
    let editor = Editor::start(PI, &scratch, profile.tools(TOOLS));
    editor.open("a.txt", TEXT);
    (editor, scratch, model)
}

/// Lets the model make these calls; their results.
fn run(editor: &mut Editor, model: &ModelServer, turns: impl IntoIterator<Item = Turn>) -> Vec<String> {
    let turns: Vec<_> = turns.into_iter().chain([say("done")]).collect();
    let count = turns.len() - 1;
    model.script(turns);
    editor.prompt("go");
    editor.settled();
    let results = model.last_request().tool_results();
    results.into_iter().rev().take(count).rev().map(|it| it.1).collect()
}

/// Tool and status of the hunks.
fn hunks(editor: &mut Editor) -> Vec<(String, String)> {
    let found = editor.ok("pi/edits/list", json!({}));
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    let hunks = found["hunks"].as_array().unwrap();
    hunks.iter().map(|it| (text(&it["tool"]), text(&it["status"]))).collect()
}

/// How often the editor was asked this.
fn count(editor: &Editor, method: &str) -> usize {
    editor.messages().iter().filter(|it| it["method"] == method).count()
}

/// Rejects all that waits, and waits until that is told.
fn reject(editor: &mut Editor) {
    editor.ok("pi/edits/reject", json!({"scope": "folder"}));
    editor.events_until("edits_changed");
}

fn pair(tool: &str, status: &str) -> (String, String) {
    (tool.to_owned(), status.to_owned())
}

#[test]
fn what_a_command_makes_of_an_open_file_is_read_edited_saved_and_reviewed() {
    for (profile, asked, edits) in [(Profile::plugin(), 0, 2), (Profile::plugin().reloads(), 1, 1)] {
        let (mut editor, scratch, model) = start(profile);
        let results = run(
            &mut editor,
            &model,
            [
                read("a.txt"),
                bash("sed -i s/one/ONE/ a.txt"),
                read("a.txt"),
                call("grep", json!({"pattern": "one|ONE"})),
                edit("a.txt", "two", "2"),
            ],
        );
        assert_eq!(results[1..4], ["(no output)", FORMATTED, "a.txt:1: ONE"]);
        assert_eq!(editor.buffer("a.txt"), "ONE\n2\nthree\n");
        assert_eq!(scratch.read("a.txt"), FORMATTED);
        assert_eq!(count(&editor, "pi/reloadDocuments"), asked);
        assert_eq!(count(&editor, "workspace/applyEdit"), edits);
        // They adjoin, so they are one; the command's is in it and nowhere else.
        assert_eq!(hunks(&mut editor), [pair("bash", "superseded"), pair("edit", "pending")]);
        editor.save("a.txt");
        assert_eq!(scratch.read("a.txt"), "ONE\n2\nthree\n");
        reject(&mut editor);
        assert_eq!(editor.buffer("a.txt"), TEXT);
    }
}

#[test]
fn a_command_that_says_nothing_of_its_files_is_seen_in_the_editor_as_well() {
    let (mut editor, scratch, model) = start(Profile::plugin());
    scratch.file("format.sh", "sed -i s/one/ONE/ *.txt");
    let results = run(&mut editor, &model, [bash("sh format.sh"), edit("a.txt", "three", "3")]);
    assert_eq!(results, ["(no output)", "Successfully replaced text in a.txt."]);
    assert_eq!(editor.buffer("a.txt"), "ONE\ntwo\n3\n");
    editor.undo("a.txt");
    editor.undo("a.txt");
    assert_eq!(editor.buffer("a.txt"), TEXT, "the user can undo that, too");
}

#[test]
fn a_change_of_a_command_waits_for_review_once_and_is_rejected_in_the_editor() {
    let (mut editor, _scratch, model) = start(Profile::plugin());
    run(&mut editor, &model, [bash("sed -i s/one/ONE/ a.txt")]);
    assert_eq!(editor.buffer("a.txt"), FORMATTED);
    assert_eq!(hunks(&mut editor), [pair("bash", "pending")]);
    reject(&mut editor);
    assert_eq!((editor.buffer("a.txt").as_str(), hunks(&mut editor)), (TEXT, vec![pair("bash", "rejected")]));
}

#[test]
fn a_change_under_unsaved_text_is_named_waits_and_is_never_saved_over_silently() {
    let profile = || {
        let mut profile = Profile::plugin();
        profile.initialize["capabilities"]["experimental"]["pi"]["saveDocuments"] = json!(true);
        profile
    };
    let (mut editor, scratch, model) = start(profile());
    editor.now_saves(Saves::WhenTold);
    model.script([bash("sed -i s/one/ONE/ a.txt"), say("done")]);
    editor.type_at("a.txt", TEXT.len(), TEXT.len(), "typed\n");
    editor.prompt("go");
    let asked = editor.asked("pi/saveDocuments");
    let failed = json!([{"uri": editor.uri("a.txt"), "message": "'readonly' option is set"}]);
    editor.answer(&asked, Ok(json!({"failed": failed})));
    editor.settled();
    let told = model.last_request().tool_results().remove(0).1;
    let note = "[Changed on disk by this command, while the editor still shows unsaved text without that change: a.txt";
    assert!(told.contains(note), "{told}");
    assert_eq!(editor.buffer("a.txt"), format!("{TEXT}typed\n"));
    assert_eq!(hunks(&mut editor), [pair("bash", "pending")]);
    let decided = editor.ok("pi/edits/reject", json!({"scope": "folder"}));
    assert!(
        decided["conflicts"][0]["reason"].to_string().contains("unsaved text in the editor"),
        "{decided}"
    );

    // The next command does not have the user's text saved over the first one's work.
    let results = run(&mut editor, &model, [bash("cat a.txt"), read("a.txt")]);
    let note = "[Unsaved in the editor and changed on disk as well, so it was not saved and the command saw what is on \
                disk: a.txt]";
    assert_eq!(results, [format!("{FORMATTED}\n\n{note}"), format!("{TEXT}typed\n")]);
    assert_eq!(count(&editor, "pi/saveDocuments"), 1);
    assert_eq!(
        (scratch.read("a.txt").as_str(), hunks(&mut editor)),
        (FORMATTED, vec![pair("bash", "pending")])
    );

    // The user decides: their text, which does not have it.
    editor.save("a.txt");
    assert_eq!(hunks(&mut editor), [pair("bash", "rejected")]);
    editor.events_until("edits_changed");
}

#[test]
fn what_is_typed_and_undone_or_reloaded_is_not_called_unsaved() {
    let (mut editor, scratch, model) = start(Profile::plugin());
    editor.type_at("a.txt", 0, 3, "1");
    editor.undo("a.txt");
    assert_eq!(run(&mut editor, &model, [bash("cat a.txt")]), [TEXT]);
    // As an editor does after a checkout.
    scratch.file("a.txt", FORMATTED);
    editor.type_at("a.txt", 0, 3, "ONE");
    assert_eq!(run(&mut editor, &model, [bash("cat a.txt")]), [FORMATTED]);
    editor.type_at("a.txt", 0, 3, "1");
    let note = "[Unsaved in the editor, so the command saw the older text on disk: a.txt]";
    assert_eq!(run(&mut editor, &model, [bash("cat a.txt")]), [format!("{FORMATTED}\n\n{note}")]);
}

#[test]
fn what_another_program_made_of_an_untouched_file_is_read_and_edited() {
    let (mut editor, scratch, model) = start(Profile::plugin());
    run(&mut editor, &model, [read("a.txt")]);
    let path = scratch.file("a.txt", FORMATTED);
    // A moment ago it could be a save that the editor has not told of yet.
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    assert_eq!(run(&mut editor, &model, [read("a.txt")]), [FORMATTED]);
    assert_eq!(editor.buffer("a.txt"), TEXT, "reading changes nothing");
    run(&mut editor, &model, [edit("a.txt", "two", "2")]);
    assert_eq!(editor.buffer("a.txt"), "ONE\n2\nthree\n");
}

#[test]
fn a_file_that_a_command_moves_or_deletes_is_nowhere_though_a_window_shows_it() {
    let (mut editor, scratch, model) = start(Profile::plugin());
    scratch.file("src/b.txt", "two\n");
    editor.open("src/b.txt", "two\n");
    let results = run(
        &mut editor,
        &model,
        [
            bash("mv a.txt new.txt; mv src lib"),
            call("grep", json!({"pattern": "two"})),
            call("find", json!({"pattern": "*.txt"})),
            call("ls", json!({})),
            read("a.txt"),
            edit("src/b.txt", "two", "2"),
            call("write", json!({"path": "a.txt", "content": "brand new\n"})),
            bash("cat a.txt"),
        ],
    );
    assert_eq!(
        results[..4],
        ["(no output)", "lib/b.txt:1: two\nnew.txt:2: two", "lib/b.txt\nnew.txt", "lib/\nnew.txt"]
    );
    assert!(results[4].starts_with("ENOENT") && results[5].contains("File not found"), "{results:?}");
    assert_eq!(results[7], "brand new\n");
    assert_eq!((scratch.read("a.txt"), editor.buffer("a.txt")), ("brand new\n".into(), "brand new\n".into()));
}

#[test]
fn a_file_that_another_program_deletes_is_gone_when_the_editor_says_so() {
    let (mut editor, scratch, model) = start(Profile::plugin());
    assert_eq!(run(&mut editor, &model, [read("a.txt")]), [TEXT]);
    std::fs::remove_file(scratch.path("a.txt")).unwrap();
    let deleted = json!({"uri": editor.uri("a.txt"), "type": 3});
    editor.notify("workspace/didChangeWatchedFiles", json!({"changes": [deleted]}));
    let found = run(&mut editor, &model, [call("find", json!({"pattern": "*.txt"}))]);
    assert_eq!(found, ["No files found matching pattern"]);
    // Unsaved text is the user's, wherever the file is.
    editor.type_at("a.txt", 0, 3, "1");
    assert_eq!(run(&mut editor, &model, [read("a.txt")]), ["1\ntwo\nthree\n"]);
}

#[test]
fn what_the_user_has_saved_since_it_was_read_is_not_replaced_as_a_whole() {
    let write = || call("write", json!({"path": "a.txt", "content": "all\n"}));
    let (mut editor, scratch, model) = start(Profile::plugin());
    let results = run(&mut editor, &model, [read("a.txt"), write()]);
    assert!(results[1].starts_with("Successfully wrote"), "{results:?}");
    editor.type_at("a.txt", 4, 4, "mine\n");
    editor.save("a.txt");
    let results = run(&mut editor, &model, [write(), write()]);
    assert!(
        results[0].contains("a.txt has text that you have not seen, so it was not written."),
        "{results:?}"
    );
    assert!(results[0].contains("\n+mine\n"), "{results:?}");
    // It has seen that now.
    assert!(results[1].starts_with("Successfully wrote"), "{results:?}");
    // And a file that it never read, open or not.
    scratch.file("b.txt", "never read\n");
    let other = call("write", json!({"path": "b.txt", "content": "all\n"}));
    let results = run(&mut editor, &model, [other]);
    assert!(results[0].contains("Lines 1-1 of 1 are now:\nnever read\n"), "{results:?}");
    assert_eq!(scratch.read("b.txt"), "never read\n");
}

#[test]
fn the_command_line_says_of_a_change_that_it_is_unsaved_in_an_editor() {
    let (mut editor, scratch, model) = start(Profile::plugin());
    run(&mut editor, &model, [edit("a.txt", "two", "2")]);
    let list = || {
        let output = scratch.command(PI).args(["edits", "list"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(list().contains("h1     unsaved in an editor +1 −1  line 2  edit, turn 1"), "{}", list());
    editor.save("a.txt");
    assert!(list().contains("h1     pending   +1 −1  line 2"), "{}", list());
}
