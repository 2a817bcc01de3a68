//! Suggestions while typing (`textDocument/inlineCompletion`, LSP 3.18).

use pi_harness::{Editor, ModelServer, Profile, Scratch, hang, say, status};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

/// An editor that has inline completion, turned on with a model of its own.
fn profile(settings: Value) -> Profile {
    let mut profile = Profile::plugin();
    profile.initialize["capabilities"]["textDocument"]["inlineCompletion"] =
        json!({"dynamicRegistration": true});
    profile.initialize["initializationOptions"] = json!({"pi": settings});
    profile
}

fn on() -> Value {
    json!({"completion": {"enabled": true, "model": "scripted/beta", "debounceMs": 0}})
}

fn start(profile: Profile) -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    (Editor::start(PI, &scratch, profile), scratch, model)
}

fn at(editor: &Editor, file: &str, line: u32, character: u32) -> Value {
    json!({"textDocument": {"uri": editor.uri(file)}, "position": {"line": line, "character": character},
           "context": {"triggerKind": 2}})
}

fn suggest(editor: &mut Editor, file: &str, line: u32, character: u32) -> Value {
    let place = at(editor, file, line, character);
    editor.ok("textDocument/inlineCompletion", place)
}

#[test]
fn the_missing_text_is_suggested_and_leaves_no_trace() {
    let (mut editor, scratch, model) = start(profile(on()));
    assert_eq!(editor.server["capabilities"]["inlineCompletionProvider"], true);
    scratch.file("a.rs", "on disk\n");
    editor.open("a.rs", "fn add(a: u8, b: u8) -> u8 {\n    // 😀 \n}\n");
    model.script([say("```rust\n    // 😀 a + b\n```").usage(100, 7)]);
    let line = json!({"line": 1, "character": 10});
    assert_eq!(
        suggest(&mut editor, "a.rs", 1, 10),
        json!({"items": [{"insertText": "a + b", "range": {"start": line, "end": line}}]})
    );
    let request = model.last_request();
    assert_eq!(request.body["model"], "beta");
    assert!(request.tool_names().is_empty());
    let asked = request.user_texts();
    let expected = "<before>fn add(a: u8, b: u8) -> u8 {\n    // 😀 </before><cursor/><after>\n}\n</after>";
    assert!(asked[0].ends_with(expected) && asked[0].starts_with("File: a.rs\n"), "{asked:?}");
    assert!(!asked[0].contains(&*scratch.workspace().to_string_lossy()), "{asked:?}");
    // No session knows of it, and it is accounted for.
    assert_eq!(editor.ok("pi/getMessages", json!({}))["messages"], json!([]));
    assert!(scratch.session_files().is_empty());
    let gauges = editor.ok("pi/diagnostics", json!({}))["completion"].clone();
    assert_eq!(
        (&gauges["requests"], &gauges["inputTokens"], &gauges["outputTokens"]),
        (&json!(1), &json!(100), &json!(7))
    );
}

#[test]
fn nothing_is_asked_unless_it_is_turned_on() {
    for (profile, told) in [(profile(json!({})), true), (Profile::plugin(), false)] {
        let (mut editor, _scratch, model) = start(profile);
        assert!(editor.server["capabilities"].get("inlineCompletionProvider").is_none());
        editor.open("a.rs", "fn a() {\n");
        assert_eq!(suggest(&mut editor, "a.rs", 0, 8), Value::Null);
        // Turned on later, a client that can be told is told.
        editor.notify("workspace/didChangeConfiguration", json!({"settings": {"pi": on()}}));
        if told {
            let registered = |it: &Value| {
                it["method"] == "client/registerCapability"
                    && it["params"]["registrations"][0]["method"] == "textDocument/inlineCompletion"
            };
            let came = (0..10_000).any(|_| {
                editor.ok("pi/diagnostics", json!({}));
                editor.messages().iter().any(registered)
            });
            assert!(came, "the client is not told");
            model.script([say("}")]);
            assert_eq!(suggest(&mut editor, "a.rs", 0, 8)["items"][0]["insertText"], "}");
        }
        editor.ok("pi/getState", json!({}));
        assert_eq!(model.requests().len(), usize::from(told));
    }
}

#[test]
fn a_newer_request_and_a_cancel_end_the_one_before() {
    let (mut editor, _scratch, model) = start(profile(on()));
    model.script([hang(), say("newer"), hang()]);
    editor.open("a.rs", "x = \n");
    let place = at(&editor, "a.rs", 0, 4);
    let first = editor.start_request("textDocument/inlineCompletion", place.clone());
    model.wait_request(1);
    let second = editor.start_request("textDocument/inlineCompletion", place.clone());
    assert_eq!(editor.response(first)["result"], Value::Null);
    model.wait_disconnects(1);
    assert_eq!(editor.response(second)["result"]["items"][0]["insertText"], "newer");
    let third = editor.start_request("textDocument/inlineCompletion", place);
    model.wait_request(3);
    editor.notify("$/cancelRequest", json!({"id": third}));
    assert_eq!(editor.response(third)["error"]["code"], -32800);
    model.wait_disconnects(2);
}

#[test]
fn an_answer_for_another_text_is_dropped() {
    let (mut editor, _scratch, model) = start(profile(on()));
    model.script([say("old").gate("hold")]);
    editor.open("a.rs", "x = \n");
    let place = at(&editor, "a.rs", 0, 4);
    let asked = editor.start_request("textDocument/inlineCompletion", place);
    model.reached("hold");
    editor.type_at("a.rs", 4, 4, "y");
    editor.ok("pi/diagnostics", json!({}));
    model.release("hold");
    assert_eq!(editor.response(asked)["result"], Value::Null);
}

#[test]
fn secrets_and_what_must_not_be_read_are_never_sent() {
    let mut settings = on();
    settings["permissions"] = json!({"deny": ["read(private/**)"]});
    let (mut editor, scratch, model) = start(profile(settings));
    let outside = scratch.home().join("outside.rs");
    let files = [
        ".env",
        "deploy/.env.local",
        "keys/server.pem",
        "private/a.rs",
        ".pi/chat/x.md",
        outside.to_str().unwrap(),
    ];
    for file in files {
        editor.open(file, "KEY=\n");
        assert_eq!(suggest(&mut editor, file, 0, 4), Value::Null, "{file}");
    }
    // Not open: nobody is typing there.
    scratch.file("closed.rs", "x = \n");
    assert_eq!(suggest(&mut editor, "closed.rs", 0, 4), Value::Null);
    assert_eq!(model.requests().len(), 0);
    let place = json!({"textDocument": {"uri": editor.uri("a.rs")}});
    assert_eq!(editor.refused("textDocument/inlineCompletion", place)["code"], -32602);
}

#[test]
fn a_model_that_fails_is_told_once_and_left_alone_for_a_while() {
    let (mut editor, _scratch, model) = start(profile(on()));
    model.script([status(401, r#"{"error":{"message":"bad key"}}"#)]);
    editor.open("a.rs", "x = \n");
    for _ in 0..3 {
        assert_eq!(suggest(&mut editor, "a.rs", 0, 4), Value::Null);
    }
    let told = editor.notification("window/showMessage")["message"].clone();
    assert!(
        told.as_str().unwrap().starts_with("No completions for now: scripted did not accept the key"),
        "{told}"
    );
    assert_eq!(model.requests().len(), 1);
}
