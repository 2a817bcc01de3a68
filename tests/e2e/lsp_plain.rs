//! What an editor without a plugin gets: commands, code actions, progress, messages.

use pi_harness::{Editor, ModelServer, Profile, Scratch, call, hang, say, status};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

fn start() -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    (Editor::start(PI, &scratch, Profile::plain()), scratch, model)
}

fn command(editor: &mut Editor, name: &str, arguments: Value) {
    let answer = editor.ok("workspace/executeCommand", json!({"command": name, "arguments": arguments}));
    assert_eq!(answer, Value::Null);
}

/// Claims the progress of one run; its values.
fn progress(editor: &Editor) -> Vec<Value> {
    let values =
        editor.claim_until("$/progress", "the end of the progress", |it| it["value"]["kind"] == "end");
    assert!(values.iter().all(|it| it["token"] == "pi"), "{values:?}");
    values.into_iter().map(|mut it| it["value"].take()).collect()
}

fn message(editor: &Editor) -> (u64, String) {
    let shown = editor.notification("window/showMessage");
    (shown["type"].as_u64().unwrap(), shown["message"].as_str().unwrap().to_owned())
}

#[test]
fn a_prompt_shows_progress_and_then_the_answer() {
    let (mut editor, _scratch, model) = start();
    model.script([
        call("bash", json!({"command": "true"})).gate("tool"),
        say("# Done\n\nAll is well.").gate("end"),
    ]);
    command(&mut editor, "pi.prompt", json!(["do it"]));
    // The gates hold the run while the strip shows each state.
    let begin = editor.notification("$/progress");
    assert_eq!(begin["value"]["title"], "Pi");
    assert_eq!(begin["value"]["message"], "Waiting for alpha…");
    assert_eq!(begin["value"]["cancellable"], true);
    model.release("tool");
    model.reached("end");
    model.release("end");
    let values = progress(&editor);
    assert_eq!(values.last().unwrap()["kind"], "end");
    assert_eq!(message(&editor), (3, "Done".to_owned()));
    let logged = editor.notification("window/logMessage");
    assert_eq!(logged["message"], "# Done\n\nAll is well.");
    assert_eq!(model.requests()[0].user_texts(), ["do it"]);
    assert!(editor.messages().iter().all(|it| it["method"] != "pi/event"), "a plain client got pi/event");
}

#[test]
fn the_cancel_button_stops_the_run() {
    let (mut editor, _scratch, model) = start();
    model.script([hang()]);
    command(&mut editor, "pi.prompt", json!(["do it"]));
    model.wait_request(1);
    editor.notification("$/progress");
    editor.notify("window/workDoneProgress/cancel", json!({"token": "pi"}));
    progress(&editor);
    assert_eq!(message(&editor).1, "Stopped by you");
    model.wait_disconnects(1);
}

#[test]
fn commands_steer_stop_and_start_afresh() {
    let (mut editor, _scratch, model) = start();
    model.script([
        call("bash", json!({"command": "true"})).gate("first"),
        say("steered"),
        say("never").gate("second"),
    ]);
    let uri = editor.uri("a.txt");
    command(&mut editor, "pi.prompt", json!([{"message": "start", "uri": uri}]));
    model.reached("first");
    command(&mut editor, "pi.steer", json!(["rather", "this"]));
    model.release("first");
    progress(&editor);
    assert_eq!(message(&editor).1, "steered");
    assert!(model.requests()[0].user_texts()[0].starts_with("start\n\nFile: "));
    assert!(model.requests()[1].user_texts().contains(&"rather this".to_owned()));
    command(&mut editor, "pi.newSession", json!([]));
    command(&mut editor, "pi.prompt", json!(["again"]));
    model.reached("second");
    assert_eq!(model.last_request().user_texts(), ["again"]);
    command(&mut editor, "pi.abort", json!([]));
    progress(&editor);
    assert_eq!(message(&editor).1, "Stopped by you");
}

#[test]
fn a_failed_run_is_told_in_one_line() {
    let (mut editor, _scratch, model) = start();
    model.script([status(401, r#"{"error":{"message":"bad key"}}"#)]);
    command(&mut editor, "pi.prompt", json!(["do it"]));
    progress(&editor);
    let (kind, text) = message(&editor);
    assert_eq!(kind, 1);
    assert_eq!(text, "scripted did not accept the key (401). Nothing was sent to tools.");
}

#[test]
fn a_command_without_its_text_says_how() {
    let (mut editor, ..) = start();
    let error = editor.refused("workspace/executeCommand", json!({"command": "pi.prompt", "arguments": []}));
    assert!(error["message"].as_str().unwrap().contains("needs its text"), "{error}");
    assert!(message(&editor).1.contains("needs its text"));
}

fn actions(editor: &mut Editor, start: (u32, u32), end: (u32, u32), context: Value) -> Vec<Value> {
    let position = |(line, character)| json!({"line": line, "character": character});
    let params = json!({
        "textDocument": {"uri": editor.uri("a.rs")},
        "range": {"start": position(start), "end": position(end)},
        "context": context,
    });
    serde_json::from_value(editor.ok("textDocument/codeAction", params)).unwrap()
}

fn titles(actions: &[Value]) -> Vec<String> {
    actions.iter().map(|it| it["title"].as_str().unwrap().to_owned()).collect()
}

/// Runs what an action stands for, to the end of the run.
fn run_action(editor: &mut Editor, action: &Value) {
    let action = &action["command"];
    command(editor, action["command"].as_str().unwrap(), action["arguments"].clone());
    progress(editor);
}

#[test]
fn a_code_action_asks_about_the_selection() {
    let (mut editor, _scratch, model) = start();
    editor.open("a.rs", "fn a() {}\n    // pi: return 7\nfn b() {}\n");
    let all = json!({"diagnostics": []});
    let usual = [
        "Pi: ask about this…",
        "Pi: explain",
        "Pi: refactor",
        "Pi: document",
        "Pi: write tests",
        "Pi: open chat",
        "Pi: new chat",
    ];
    assert_eq!(titles(&actions(&mut editor, (0, 0), (0, 0), all.clone())), usual);
    let written = actions(&mut editor, (1, 0), (2, 0), all.clone());
    assert_eq!(titles(&written)[0], "Pi: do “return 7”");
    assert_eq!(titles(&written)[1..], usual);
    let fixes = json!({"diagnostics": [], "only": ["quickfix"]});
    assert!(actions(&mut editor, (0, 0), (0, 0), fixes).is_empty());

    let selected = actions(&mut editor, (0, 0), (1, 0), all);
    model.script([say("It does nothing."), say("Seven.")]);
    run_action(&mut editor, &selected[1]);
    assert_eq!(message(&editor).1, "It does nothing.");
    let asked = model.last_request().user_texts().join("");
    assert!(asked.starts_with("Explain the selected code."), "{asked}");
    assert!(asked.ends_with("```rs\nfn a() {}\n```"), "{asked}");

    run_action(&mut editor, &written[0]);
    assert_eq!(message(&editor).1, "Seven.");
    assert!(model.last_request().user_texts().pop().unwrap().starts_with("return 7\n\n"));
}

#[test]
fn a_problem_can_be_fixed_and_explained() {
    let (mut editor, _scratch, model) = start();
    editor.open("a.rs", "fn a() -> u8 {\n    \"x\"\n}\n");
    let range = json!({"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 7}});
    let problem = |source: &str| json!({"range": range, "message": "mismatched types\nexpected u8", "source": source, "severity": 1});
    let context = json!({"diagnostics": [problem("rustc"), problem("pi")], "only": ["quickfix"]});
    let offered = actions(&mut editor, (1, 5), (1, 5), context);
    assert_eq!(titles(&offered), ["Pi: fix “mismatched types”", "Pi: explain “mismatched types”"]);
    assert!(offered.iter().all(|it| it["kind"] == "quickfix"));
    model.script([say("Fixed.")]);
    run_action(&mut editor, &offered[0]);
    assert_eq!(message(&editor).1, "Fixed.");
    let asked = model.last_request().user_texts().join("");
    assert!(asked.starts_with("Fix this problem.\n\nProblems in "), "{asked}");
    assert!(asked.contains("- line 2: error: mismatched types\n  expected u8 (rustc)"), "{asked}");
    assert!(asked.contains("```rs\n\"x\"\n```"), "{asked}");
}

#[test]
fn a_plugin_asks_its_user() {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    let mut editor = Editor::start(PI, &scratch, Profile::plugin());
    editor.open("a.rs", "fn a() {}\n");
    let actions = actions(&mut editor, (0, 0), (0, 0), json!({"diagnostics": []}));
    assert_eq!(actions[0]["title"], "Pi: ask about this…");
    assert_eq!(actions[0]["command"], "pi.ask");
    assert_eq!(actions[0]["arguments"][0]["uri"], editor.uri("a.rs"));
}
