//! What an editor knows: asked of a plugin that answers `pi/editor/*`, for prompts and for the model.

use pi_harness::{Editor, ModelServer, Profile, Scratch, call, say};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");
const TOOLS: [&str; 4] = ["editor_diagnostics", "editor_definition", "editor_references", "editor_symbols"];

fn start(profile: Profile) -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    scratch.file("a.rs", "fn retry() {}\nfn main() { retry() }\n");
    (Editor::start(PI, &scratch, profile), scratch, model)
}

fn range(line: u32, from: u32, to: u32) -> Value {
    json!({"start": {"line": line, "character": from}, "end": {"line": line, "character": to}})
}

/// Claims the next question of this kind and answers it; what was asked.
fn answer(editor: &Editor, method: &str, answer: Value) -> Value {
    let request = editor.asked(method);
    editor.answer(&request, Ok(answer));
    request["params"].clone()
}

#[test]
fn what_a_prompt_leaves_out_is_asked_of_the_editor() {
    let (mut editor, scratch, model) = start(Profile::knowing());
    model.script([say("I see")]);
    let uri = editor.uri("a.rs");
    // What counts is what the editor has.
    editor.open("a.rs", "fn again() {}\nfn main() { again() }\n");
    let context = json!([{"kind": "selection"}, {"kind": "diagnostics", "uri": uri}, {"kind": "symbol", "name": "again"}]);
    let prompt = editor.start_request("pi/prompt", json!({"message": "fix it", "context": context}));
    answer(&editor, "pi/editor/state", json!({"active": {"uri": uri, "selection": range(1, 12, 17)}}));
    let items =
        json!([{"range": range(1, 12, 17), "message": "not found", "source": "rustc", "severity": 1}]);
    let asked =
        answer(&editor, "pi/editor/diagnostics", json!({"documents": [{"uri": uri, "items": items}]}));
    assert_eq!(asked, json!({"uri": uri}));
    let found = json!({"symbols": [{"name": "again", "kind": 12, "uri": uri, "range": range(0, 0, 13)}]});
    assert_eq!(answer(&editor, "pi/editor/symbols", found), json!({"query": "again"}));
    assert_eq!(editor.response(prompt)["result"]["accepted"], true);
    editor.settled();
    let path = scratch.path("a.rs");
    let path = path.display();
    assert_eq!(
        model.last_request().user_texts(),
        [format!(
            "fix it\n\n{path}, line 2 (as open in the editor):\n```rs\nagain\n```\n\n\
             Problems in {path}:\n- line 2: error: not found (rustc)\n\n\
             `again`: {path}, line 1 (as open in the editor):\n```rs\nfn again() {{}}\n```"
        )]
    );
}

#[test]
fn a_prompt_says_what_could_not_be_learnt() {
    let (mut editor, _scratch, model) = start(Profile::plugin());
    model.script([say("I see")]);
    editor.ok("pi/prompt", json!({"message": "a", "context": [{"kind": "selection"}]}));
    editor.settled();
    let unknown = "a\n\nSelection: not known (the editor does not answer pi/editor/state)";
    assert_eq!(model.last_request().user_texts(), [unknown]);

    let (mut editor, _scratch, model) = start(Profile::knowing());
    model.script([say("I see")]);
    let prompt =
        editor.start_request("pi/prompt", json!({"message": "b", "context": [{"kind": "diagnostics"}]}));
    let request = editor.asked("pi/editor/diagnostics");
    editor.answer(&request, Err((-32603, "no".into())));
    assert_eq!(editor.response(prompt)["result"]["accepted"], true);
    editor.settled();
    let unknown = "b\n\nProblems: not known (the editor answered with error -32603: no)";
    assert_eq!(model.last_request().user_texts(), [unknown]);
}

#[test]
fn later_requests_wait_behind_a_prompt_and_other_sessions_do_not() {
    let (mut editor, _scratch, model) = start(Profile::knowing());
    model.script([say("one").gate("one"), say("two")]);
    let own = editor.ok("pi/getState", json!({}))["sessionId"].clone();
    let other = editor.ok("pi/session/add", json!({}))["sessionId"].clone();
    let prompt =
        editor.start_request("pi/prompt", json!({"message": "a", "context": [{"kind": "diagnostics"}]}));
    let follow = editor.start_request("pi/followUp", json!({"message": "b"}));
    let state = editor.start_request("pi/getState", json!({"sessionId": own}));
    let request = editor.asked("pi/editor/diagnostics");
    // Another session is served meanwhile.
    assert_eq!(editor.ok("pi/getState", json!({"sessionId": other}))["sessionId"], other);
    let answered = |id: i64| editor.messages().iter().any(|it| it["id"] == id && it.get("method").is_none());
    assert!(!answered(prompt) && !answered(follow) && !answered(state));
    editor.answer(&request, Ok(Value::Null));
    assert_eq!(editor.response(prompt)["result"]["accepted"], true);
    assert!(editor.response(follow).get("error").is_none());
    assert_eq!(editor.response(state)["result"]["pendingMessageCount"], 1);
    model.reached("one");
    model.release("one");
    editor.settled();
    let texts = model.requests()[0].user_texts();
    assert_eq!(texts, ["a\n\nProblems: none that the editor shows"]);
}

#[test]
fn a_stop_gives_up_the_prompts_behind_one_that_waits_as_well() {
    let (mut editor, _scratch, model) = start(Profile::knowing());
    model.script([say("later")]);
    editor.ok("pi/getState", json!({}));
    let first = editor.start_request("pi/prompt", json!({"message": "a", "context": [{"kind": "file"}]}));
    let second = editor.start_request("pi/prompt", json!({"message": "b"}));
    let name = editor.start_request("pi/setSessionName", json!({"name": "kept"}));
    editor.asked("pi/editor/state");
    editor.ok("pi/abort", json!({}));
    // What comes after the stop is not meant by it.
    let third = editor.start_request("pi/prompt", json!({"message": "c"}));
    for prompt in [first, second] {
        assert_eq!(editor.response(prompt)["error"]["message"], "stopped before it was sent");
    }
    assert!(editor.response(name).get("error").is_none());
    assert_eq!(editor.response(third)["result"]["accepted"], true);
    editor.settled();
    assert_eq!(model.last_request().user_texts(), ["c"]);
}

#[test]
fn a_stop_gives_up_a_prompt_that_waits_for_the_editor() {
    let (mut editor, _scratch, _model) = start(Profile::knowing());
    editor.ok("pi/getState", json!({}));
    for stop in ["pi/abort", "$/cancelRequest"] {
        let prompt =
            editor.start_request("pi/prompt", json!({"message": "a", "context": [{"kind": "file"}]}));
        let state = editor.start_request("pi/getState", json!({}));
        let request = editor.asked("pi/editor/state");
        match stop {
            "pi/abort" => drop(editor.ok(stop, json!({}))),
            _ => editor.notify(stop, json!({"id": prompt})),
        }
        assert_eq!(editor.response(prompt)["error"]["message"], "stopped before it was sent", "{stop}");
        // The editor may spare itself the work, and nothing was begun.
        let told = editor.claim("cancel", |it| it["method"] == "$/cancelRequest");
        assert_eq!(told["params"]["id"], request["id"], "{stop}");
        assert_eq!(editor.response(state)["result"]["isStreaming"], false, "{stop}");
    }
}

#[test]
fn the_model_asks_the_language_servers() {
    let (mut editor, scratch, model) = start(Profile::knowing());
    model.script([
        call("editor_definition", json!({"path": "a.rs", "symbol": "retry", "line": 2})),
        call("editor_references", json!({"path": "a.rs", "symbol": "retry"})),
        say("found"),
    ]);
    let uri = editor.uri("a.rs");
    editor.prompt("where is it");
    let place = answer(
        &editor,
        "pi/editor/definition",
        json!({"locations": [{"uri": uri, "range": range(0, 3, 8)}]}),
    );
    assert_eq!(place, json!({"uri": uri, "position": {"line": 1, "character": 12}}));
    let both = json!([{"uri": uri, "range": range(0, 3, 8)}, {"uri": uri, "range": range(1, 12, 17)}]);
    let place = answer(&editor, "pi/editor/references", json!({"locations": both}));
    assert_eq!(place["position"], json!({"line": 0, "character": 3}));
    editor.settled();
    let results: Vec<_> = model.last_request().tool_results().into_iter().map(|it| it.1).collect();
    assert_eq!(results, ["a.rs:1: fn retry() {}", "a.rs:1: fn retry() {}\na.rs:2: fn main() { retry() }"]);
    drop(scratch);
}

#[test]
fn stopping_ends_a_question_of_the_model() {
    let (mut editor, _scratch, model) = start(Profile::knowing());
    model.script([call("editor_symbols", json!({"query": "retry"}))]);
    editor.prompt("where is it");
    let request = editor.asked("pi/editor/symbols");
    editor.ok("pi/abort", json!({}));
    let told = editor.claim("cancel", |it| it["method"] == "$/cancelRequest");
    assert_eq!(told["params"]["id"], request["id"]);
    editor.settled();
}

#[test]
fn only_what_a_connected_plugin_answers_is_offered() {
    let mut some = Profile::plugin();
    some.initialize["capabilities"]["experimental"]["pi"]["editorSymbols"] = json!(true);
    let mut off = Profile::knowing();
    off.initialize["initializationOptions"] = json!({"editorTools": false});
    let mut named = Profile::knowing();
    named.arguments.extend(["--tools", "read,editor_references"].map(str::to_owned));
    for (profile, expected) in [
        (Profile::plugin(), vec![]),
        (Profile::plain(), vec![]),
        (Profile::knowing(), TOOLS.to_vec()),
        (some, vec!["editor_symbols"]),
        (off, vec![]),
        (named, vec!["editor_references"]),
    ] {
        let (mut editor, _scratch, model) = start(profile);
        model.script([say("hello")]);
        editor.ok("pi/prompt", json!({"message": "hi"}));
        let request = model.wait_request(1);
        let offered: Vec<_> =
            request.tool_names().into_iter().filter(|it| it.starts_with("editor_")).collect();
        assert_eq!(offered, expected);
        assert_eq!(request.system().contains("editor_"), !expected.is_empty());
        editor.exit();
        editor.unchecked = true;
    }
}
