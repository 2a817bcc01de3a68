//! Waiting hunks in an editor that knows nothing of Pi: hints, lenses, hovers, code actions, commands.

use pi_harness::{Editor, ModelServer, Profile, Scratch, say};
use serde_json::{Value, json};

use crate::rpc::PI;

const TEXT: &str = "one\ntwo\nthree\nfour\n";

/// An editor in which Pi shouts the first and the last line of `a.txt`.
fn shouted(settings: &Value) -> (Editor, Scratch, ModelServer) {
    let edits = json!([{"oldText": "one", "newText": "ONE"}, {"oldText": "four", "newText": "FOUR"}]);
    let turn = say("Numbers look better loud.").call("edit", json!({"path": "a.txt", "edits": edits}));
    let model = ModelServer::with([turn, say("done")]);
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", TEXT);
    scratch.settings(settings);
    let mut editor = Editor::start(PI, &scratch, Profile::plain());
    editor.open("a.txt", TEXT);
    command(&mut editor, "pi.prompt", json!("shout"));
    (editor, scratch, model)
}

fn command(editor: &mut Editor, name: &str, argument: Value) {
    editor.ok("workspace/executeCommand", json!({"command": name, "arguments": [argument]}));
}

/// Waits until the text that `a.txt` has now has these hints; the hints.
fn hints(editor: &Editor, expected: &[&str]) -> Vec<Value> {
    let messages = |it: &Value| -> Vec<String> {
        let hints = it["params"]["diagnostics"].as_array().cloned().unwrap_or_default();
        hints.iter().map(|it| it["message"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let found = editor.claim(&format!("the hints {expected:?}"), |it| {
        // Without hints there are no lines that could be of another text.
        let current = expected.is_empty() || it["params"]["version"] == editor.version("a.txt");
        it["method"] == "textDocument/publishDiagnostics" && messages(it) == expected && current
    });
    assert_eq!(found["params"]["uri"], editor.uri("a.txt"));
    found["params"]["diagnostics"].as_array().unwrap().clone()
}

/// Titles and commands of the actions on a line.
fn actions(editor: &mut Editor, line: u64) -> Vec<(String, Value)> {
    let at = json!({"line": line, "character": 0});
    let params = json!({"textDocument": {"uri": editor.uri("a.txt")}, "range": {"start": at, "end": at}, "context": {"diagnostics": []}});
    let found = editor.ok("textDocument/codeAction", params);
    let about = |it: &&Value| it["kind"] == "quickfix";
    let pair = |it: &Value| (it["title"].as_str().unwrap().to_owned(), it["command"].clone());
    found.as_array().unwrap().iter().filter(about).map(pair).collect()
}

fn run(editor: &mut Editor, actions: &[(String, Value)], title: &str) {
    let found = actions.iter().find(|it| it.0.starts_with(title));
    let command_of = &found.unwrap_or_else(|| panic!("no {title} in {actions:?}")).1;
    command(editor, command_of["command"].as_str().unwrap(), command_of["arguments"][0].clone());
}

const FIRST: &str =
    "Pi changed 1 line · 1 of 2 · “Numbers look better loud.” – keep or reject with a code action";
const SECOND: &str =
    "Pi changed 1 line · 2 of 2 · “Numbers look better loud.” – keep or reject with a code action";
const ONLY: &str =
    "Pi changed 1 line · 1 of 1 · “Numbers look better loud.” – keep or reject with a code action";

#[test]
fn one_hunk_is_kept_another_rejected_and_undo_takes_the_agents_step_back() {
    let (mut editor, _scratch, _model) = shouted(&json!({}));
    let found = hints(&editor, &[FIRST, SECOND]);
    let hint = &found[1];
    assert_eq!(
        (&hint["severity"], &hint["source"], &hint["code"]),
        (&json!(4), &json!("pi"), &json!("hunk"))
    );
    assert_eq!(
        hint["range"],
        json!({"start": {"line": 3, "character": 0}, "end": {"line": 4, "character": 0}})
    );
    assert_eq!(hint["relatedInformation"][0]["message"], "before:\nfour");

    let first = actions(&mut editor, 0);
    let titles: Vec<_> = first.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(
        titles,
        [
            "Pi: keep this change (1 of 2)",
            "Pi: reject this change (1 of 2)",
            "Pi: why this change?",
            "Pi: show the old text",
            "Pi: keep all 2 in a.txt",
            "Pi: reject all 2 in a.txt",
            "Pi: next change → a.txt:4",
        ]
    );
    let elsewhere: Vec<_> = actions(&mut editor, 1).into_iter().map(|it| it.0).collect();
    assert_eq!(elsewhere, ["Pi: keep all 2 changes", "Pi: next change → a.txt:1"]);

    let place =
        json!({"textDocument": {"uri": editor.uri("a.txt")}, "position": {"line": 3, "character": 1}});
    let hover = editor.ok("textDocument/hover", place);
    let value = hover["contents"]["value"].as_str().unwrap();
    assert!(value.contains("edit `a.txt`, turn 1") && value.contains("> Numbers look better"), "{value}");
    assert!(value.contains("```diff\n-four\n+FOUR\n```"), "{value}");
    let document = json!({"textDocument": {"uri": editor.uri("a.txt")}});
    let lenses = editor.ok("textDocument/codeLens", document);
    let titles: Vec<_> =
        lenses.as_array().unwrap().iter().map(|it| it["command"]["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Pi +1 −1 · 1 of 2", "Keep", "Reject", "Pi +1 −1 · 2 of 2", "Keep", "Reject"]);

    run(&mut editor, &first, "Pi: show the old text");
    let said = editor.claim("where the old text is", |it| {
        it["params"]["message"].as_str().is_some_and(|it| it.starts_with("The old text is in "))
    });
    let path =
        said["params"]["message"].as_str().unwrap().trim_start_matches("The old text is in ").to_owned();
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")), "one\n");

    run(&mut editor, &first, "Pi: keep this change");
    hints(&editor, &[ONLY]);
    let last = actions(&mut editor, 3);
    run(&mut editor, &last, "Pi: reject this change");
    hints(&editor, &[]);
    assert_eq!(editor.buffer("a.txt"), "ONE\ntwo\nthree\nfour\n");
    // One undo takes back the rejection, the next one the agent's step.
    editor.undo("a.txt");
    hints(&editor, &[ONLY]);
    editor.undo("a.txt");
    assert_eq!(editor.buffer("a.txt"), TEXT);
    hints(&editor, &[]);
    editor.unchecked = true;
}

#[test]
fn everything_is_rejected_and_put_back() {
    let (mut editor, _scratch, model) = shouted(&json!({}));
    hints(&editor, &[FIRST, SECOND]);
    command(&mut editor, "pi.rejectAll", json!({}));
    hints(&editor, &[]);
    assert_eq!(editor.buffer("a.txt"), TEXT);
    command(&mut editor, "pi.redo", Value::Null);
    hints(&editor, &[FIRST, SECOND]);
    assert_eq!(editor.buffer("a.txt"), "ONE\ntwo\nthree\nFOUR\n");
    let file = json!({"uri": editor.uri("a.txt")});
    command(&mut editor, "pi.keepAll", file);
    hints(&editor, &[]);
    // A slip costs nothing.
    command(&mut editor, "pi.redo", Value::Null);
    editor.claim("what was done", |it| it["params"]["message"] == "2 changes wait again");
    hints(&editor, &[FIRST, SECOND]);
    command(&mut editor, "pi.keepAll", json!({}));
    hints(&editor, &[]);
    command(&mut editor, "pi.revert", Value::Null);
    let reverted = |it: &Value| it["params"]["message"] == "Reverted 2 changes · Redo: pi.redo";
    editor.claim("what was done", reverted);
    assert_eq!(editor.buffer("a.txt"), TEXT);
    editor.unchecked = true;
    drop(model);
}

#[test]
fn hints_follow_what_is_typed_and_come_back_after_a_restart() {
    let (editor, scratch, _model) = shouted(&json!({}));
    hints(&editor, &[FIRST, SECOND]);
    editor.type_at("a.txt", 0, 0, "zero\n");
    let found = hints(&editor, &[FIRST, SECOND]);
    assert_eq!(found[0]["range"]["start"]["line"], 1);
    let mut editor = editor;
    editor.unchecked = true;
    drop(editor);

    // The session is over; the changes still wait, and its file has what it said.
    let mut editor = Editor::start(PI, &scratch, Profile::plain());
    editor.open("a.txt", "ONE\ntwo\nthree\nFOUR\n");
    hints(&editor, &[FIRST, SECOND]);
    editor.unchecked = true;
}

#[test]
fn what_a_model_hides_is_seen_in_hints_and_hovers() {
    let path = "a.txt";
    let turn = say("Lou\u{202e}der.")
        .call("edit", json!({"path": path, "oldText": "o\u{200b}ne", "newText": "O\u{2066}NE"}));
    let model = ModelServer::with([turn, say("done")]);
    let scratch = Scratch::with_model(&model);
    scratch.file(path, "o\u{200b}ne\r\ntwo\r\n");
    let mut editor = Editor::start(PI, &scratch, Profile::plain());
    editor.open(path, "o\u{200b}ne\r\ntwo\r\n");
    command(&mut editor, "pi.prompt", json!("shout"));
    let found = hints(
        &editor,
        &["Pi changed 1 line · 1 of 1 · “Lou<U+202E>der.” – keep or reject with a code action"],
    );
    assert_eq!(found[0]["relatedInformation"][0]["message"], "before:\no<U+200B>ne");
    let place = json!({"textDocument": {"uri": editor.uri(path)}, "position": {"line": 0, "character": 1}});
    let hover = editor.ok("textDocument/hover", place);
    let value = hover["contents"]["value"].as_str().unwrap();
    assert!(value.contains("\n> Lou<U+202E>der.\n"), "{value}");
    assert!(value.contains("```diff\n-o<U+200B>ne\n+O<U+2066>NE\n```"), "{value}");
    editor.unchecked = true;
}

#[test]
fn hints_can_be_turned_off() {
    let (mut editor, _scratch, model) = shouted(&json!({"hunks": {"diagnostics": "off"}}));
    model.wait_request(2);
    command(&mut editor, "pi.keepAll", json!({}));
    editor.claim("what was done", |it| it["params"]["message"] == "Kept 2 changes");
    let published =
        editor.messages().iter().filter(|it| it["method"] == "textDocument/publishDiagnostics").count();
    assert_eq!(published, 0);
    editor.unchecked = true;
}
