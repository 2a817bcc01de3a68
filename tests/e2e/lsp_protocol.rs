//! LSP as such: life cycle, bad input, and a client that is slow or silent. No model is asked here.

use std::{path::Path, sync::mpsc, thread};

use pi_harness::{
    Applies, Editor, ModelServer, Profile, Scratch, call, hang, lsp_client::framed, patience, say,
};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

/// Without a model: nothing here needs one.
fn start(mut profile: Profile) -> (Editor, Scratch) {
    profile.arguments.clear();
    let scratch = Scratch::new();
    (Editor::start(PI, &scratch, profile), scratch)
}

#[test]
fn every_captured_editor_is_served() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/initialize");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|it| it != "json") {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let params: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let (mut editor, ..) = start(Profile::captured(params));
        let utf16_only = ["vscode", "nvim-0.10", "zed"].iter().any(|it| name.starts_with(it));
        let expected = if utf16_only { "utf-16" } else { "utf-8" };
        assert_eq!(editor.server["capabilities"]["positionEncoding"], expected, "{name}");
        assert_eq!(editor.server["serverInfo"]["name"], "pi", "{name}");
        let commands = &editor.server["capabilities"]["executeCommandProvider"]["commands"];
        assert!(commands.as_array().unwrap().contains(&json!("pi.prompt")), "{name}: {commands}");
        assert_eq!(editor.ok("pi/getState", json!({}))["isStreaming"], false, "{name}");
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} fixtures");
}

#[test]
fn the_server_says_what_it_can_do() {
    let (editor, ..) = start(Profile::plugin());
    let pi = &editor.server["capabilities"]["experimental"]["pi"];
    assert_eq!(pi["version"], 1);
    assert_eq!(pi["schemaHash"], pi_protocol::SCHEMA_HASH.trim());
    assert!(pi["methods"].as_array().unwrap().contains(&json!("pi/prompt")));
    // A plugin brings its own commands; VS Code would register ours a second time.
    assert_eq!(editor.server["capabilities"]["executeCommandProvider"]["commands"], json!([]));
}

#[test]
fn bad_frames_get_one_answer_each_and_nothing_is_lost() {
    let (mut editor, ..) = start(Profile::plugin());
    for (sent, code) in [
        (b"Content-Length: 5\r\n\r\n{nope".to_vec(), -32700),
        (b"Content-Length: 3\r\n\r\n{}\xff".to_vec(), -32700),
        (b"Content-Length: 4\r\n\r\n[{}]".to_vec(), -32600),
        (b"Content-Length: 2\r\n\r\n42".to_vec(), -32600),
        (b"Content-Length: 8\r\n\r\n{\"id\":1}".to_vec(), -32600),
        (b"Content-Length: 35\r\n\r\n{\"method\":\"pi/getState\",\"id\":[1,2,3]}".to_vec(), -32600),
        (b"Content-Type: text\r\n\r\n".to_vec(), -32700),
        (b"Content-Type: a/b; charset=latin1\r\nContent-Length: 2\r\n\r\n{}".to_vec(), -32700),
        ([b"X: y\r\n".repeat(65), b"\r\n".to_vec()].concat(), -32700),
        (b"Content-Length: many\r\n\r\n".to_vec(), -32700),
        (b"Content-Length: 99999999999999\r\n\r\n".to_vec(), -32700),
        (b"Content-Length: 99999999999999999999999999\r\n\r\n".to_vec(), -32700),
    ] {
        let text = String::from_utf8_lossy(&sent).into_owned();
        let sent = if text.contains("[1,2,3]") {
            framed(&json!({"method": "pi/getState", "id": [1, 2, 3]})).into_bytes()
        } else {
            sent
        };
        editor.send_raw(&sent);
        let answer = editor.claim(&text, |it| it["id"].is_null() && it.get("method").is_none());
        assert_eq!(answer["error"]["code"], code, "{text}: {answer}");
        assert!(!answer["error"]["message"].as_str().unwrap().is_empty());
        // The next message is understood.
        editor.ok("pi/getState", json!({}));
    }
}

#[test]
fn wrong_requests_are_told_what_is_wrong() {
    let (mut editor, ..) = start(Profile::plugin());
    for (method, params, code, text) in [
        ("pi/none", json!({}), -32601, ""),
        ("$/none", json!({}), -32601, "$/none"),
        ("textDocument/none", json!({}), -32601, ""),
        ("pi/prompt", json!({}), -32602, "missing field `message`"),
        ("pi/prompt", json!({"message": 7}), -32602, "expected a string"),
        ("pi/prompt", json!([1]), -32602, "params must be an object"),
        ("pi/getState", json!({"sessionId": 7}), -32602, "sessionId must be a string"),
        ("pi/getState", json!({"sessionId": "none"}), -32602, "none"),
        ("pi/setThinkingLevel", json!({"level": "hard"}), -32602, "hard"),
        ("pi/setOutputMode", json!({"mode": "full"}), -32803, "JSONL"),
        ("initialize", json!({"capabilities": {}}), -32600, ""),
        ("workspace/executeCommand", json!({"command": "pi.none"}), -32602, "pi.prompt"),
    ] {
        let error = editor.refused(method, params.clone());
        assert_eq!(error["code"], code, "{method} {params}: {error}");
        assert!(error["message"].as_str().unwrap().contains(text), "{method} {params}: {error}");
    }
    // Told to people as well, and only once.
    editor.notification("window/showMessage");
    // Unknown notifications, cancels of nothing and answers nobody asked for are ignored.
    editor.notify("$/none", json!({}));
    editor.notify("x/none", json!([1]));
    editor.notify("$/cancelRequest", json!({"id": 999}));
    editor.notify("$/cancelRequest", json!({"id": {}}));
    editor.notify("window/workDoneProgress/cancel", json!({"token": 7}));
    editor.notify("textDocument/didChange", json!({"textDocument": 1}));
    editor.answer(&json!({"id": 4711}), Ok(json!(null)));
    editor.answer(&json!({"id": "x"}), Err((-1, "no".into())));
    editor.ok("pi/getState", Value::Null);
    editor.ok("pi/setOutputMode", json!({"mode": "compact"}));
}

#[test]
fn exit_ends_the_process_while_stdin_stays_open() {
    let (mut editor, ..) = start(Profile::plugin());
    editor.ok("pi/getState", json!({}));
    editor.ok("shutdown", Value::Null);
    assert_eq!(editor.refused("pi/getState", json!({}))["code"], -32600);
    assert_eq!(editor.refused("shutdown", Value::Null)["code"], -32600);
    editor.notify("exit", Value::Null);
    assert_eq!(editor.wait_exit().code(), Some(0));
}

#[test]
fn exit_without_shutdown_is_a_failure() {
    let (mut editor, ..) = start(Profile::plugin());
    editor.notify("exit", Value::Null);
    assert_eq!(editor.wait_exit().code(), Some(1));
}

#[test]
fn the_end_of_input_ends_the_process() {
    let (mut editor, ..) = start(Profile::plugin());
    editor.ok("pi/getState", json!({}));
    editor.close_stdin();
    assert_eq!(editor.wait_exit().code(), Some(1));
}

#[test]
#[cfg(target_os = "linux")]
fn the_death_of_the_editor_is_noticed_while_stdin_stays_open() {
    let mut parent = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let (mut editor, ..) = start(Profile::captured(json!({"processId": parent.id(), "capabilities": {}})));
    editor.ok("pi/getState", json!({}));
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_eq!(editor.wait_exit().code(), Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_the_server_and_its_commands() {
    for (signal, status) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let model = ModelServer::with([call("bash", json!({"command": "echo $$; exec sleep 600"}))]);
        let scratch = Scratch::with_model(&model);
        let mut editor = Editor::start(PI, &scratch, Profile::plugin());
        editor.prompt("go");
        let events = editor.events_until("tool_execution_update");
        let told = events.last().unwrap()["partialResult"]["content"][0]["text"].as_str().unwrap();
        let command: u32 = told.trim().parse().unwrap();
        let kill = ["-s", signal, &editor.pid().to_string()].map(str::to_owned);
        assert!(std::process::Command::new("kill").args(kill).status().unwrap().success());
        assert_eq!(editor.wait_exit().code(), Some(status), "SIG{signal}");
        let state = std::fs::read_to_string(format!("/proc/{command}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "SIG{signal}: {state}");
        editor.unchecked = true;
    }
}

#[test]
fn eight_questions_that_wait_and_hundreds_of_requests_wedge_nothing() {
    let (mut editor, _scratch) = start(Profile::with(json!({"workspace": {"configuration": true}})));
    for _ in 0..8 {
        editor.notify("workspace/didChangeConfiguration", json!({"settings": null}));
    }
    let waiting: Vec<_> = (0..8).map(|_| editor.asked("workspace/configuration")).collect();
    let hover = json!({"textDocument": {"uri": editor.uri("a")}, "position": {"line": 0, "character": 0}});
    let ask = |editor: &mut Editor| {
        let ids: Vec<_> = (0..150)
            .flat_map(|_| {
                [("textDocument/hover", hover.clone()), ("pi/getState", json!({}))]
                    .map(|(method, params)| editor.start_request(method, params))
            })
            .collect();
        for id in ids {
            assert!(editor.response(id).get("error").is_none());
        }
    };
    ask(&mut editor);
    waiting.iter().for_each(|it| editor.answer(it, Ok(json!([{}]))));
    ask(&mut editor);
}

#[test]
fn a_hurried_shutdown_is_still_answered() {
    let (mut editor, ..) = start(Profile::plugin());
    let state = editor.start_request("pi/getState", json!({}));
    let shutdown = editor.start_request("shutdown", Value::Null);
    editor.notify("exit", Value::Null);
    assert_eq!(editor.wait_exit().code(), Some(0));
    editor.response(state);
    assert_eq!(editor.response(shutdown)["result"], Value::Null);
}

/// Sends everything on a thread of its own, so that a server that stops reading fails the test instead of
/// hanging it.
fn flood(editor: &Editor, messages: &[Value]) {
    let bytes: String = messages.iter().map(framed).collect();
    let (done, sent) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            editor.send_raw(bytes.as_bytes());
            done.send(()).unwrap();
        });
        if sent.recv_timeout(patience()).is_err() {
            editor.read_again();
            panic!("the server stopped reading");
        }
    });
}

#[test]
fn a_client_that_floods_without_reading_is_served() {
    const REQUESTS: usize = 20_000;
    let (mut editor, ..) = start(Profile::plugin());
    editor.ok("pi/getState", json!({}));
    let before = editor.messages().len();
    editor.stop_reading();
    let requests: Vec<_> = (0..REQUESTS)
        .map(|id| json!({"jsonrpc": "2.0", "id": 100_000 + id, "method": "pi/getLastAssistantText"}))
        .collect();
    flood(&editor, &requests);
    editor.read_again();
    editor.wait_messages(before + REQUESTS);
    let messages = editor.messages();
    for (index, message) in messages[before..].iter().enumerate() {
        assert_eq!(message["id"], 100_000 + index, "out of order: {message}");
        assert!(message.get("error").is_none(), "{message}");
    }
    assert_eq!(messages.len(), before + REQUESTS);
    assert!(editor.exit().success());
    editor.unchecked = true;
}

#[test]
fn changes_requests_and_cancels_in_one_stream_are_all_served() {
    let (mut editor, ..) = start(Profile::plugin());
    editor.open("a.txt", "\n");
    let uri = editor.uri("a.txt");
    let mut ids = Vec::new();
    for _ in 0..2500 {
        editor.type_at("a.txt", 0, 0, "é");
        let state = editor.start_request("pi/getState", json!({}));
        let actions = editor.start_request(
            "textDocument/codeAction",
            json!({"textDocument": {"uri": uri}, "context": {"diagnostics": []},
                   "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}}}),
        );
        editor.notify("$/cancelRequest", json!({"id": state}));
        ids.extend([state, actions]);
    }
    editor.wait_messages(1 + ids.len());
    let messages = editor.messages();
    let answered: std::collections::HashSet<i64> =
        messages.iter().filter(|it| it.get("result").is_some()).filter_map(|it| it["id"].as_i64()).collect();
    assert!(ids.iter().all(|it| answered.contains(it)), "a request was not answered");
    assert_eq!(messages.len(), 1 + ids.len(), "something was answered twice");
    assert!(editor.exit().success());
    editor.unchecked = true;
}

#[test]
fn an_overloaded_server_says_so_and_recovers() {
    let (mut editor, ..) = start(Profile::plugin());
    editor.ok("pi/getState", json!({}));
    editor.stop_reading();
    // Refusals repeat the name of the method, so these fill the way out.
    let long = "x".repeat(1 << 20);
    let mut requests: Vec<_> =
        (0..24).map(|id| json!({"jsonrpc": "2.0", "id": 1000 + id, "method": long})).collect();
    requests.push(json!({"jsonrpc": "2.0", "id": 2000, "method": "pi/getState"}));
    // More than a pipe holds: once it is sent, the server has seen what came before.
    requests.push(json!({"jsonrpc": "2.0", "id": 1024, "method": long}));
    flood(&editor, &requests);
    editor.read_again();
    for id in 1000..=1024 {
        assert_eq!(editor.response(id)["error"]["code"], -32601);
    }
    assert_eq!(editor.response(2000)["error"]["code"], -32001);
    editor.ok("pi/getState", json!({}));
}

#[test]
fn ten_thousand_messages_and_a_client_that_answers_wrongly() {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    let profile = Profile::plugin().applies(Applies::WhenTold);
    let mut editor = Editor::start(PI, &scratch, profile);
    let edit = |old: &str| call("edit", json!({"path": "a.txt", "oldText": old, "newText": "new"}));
    model.script([edit("one"), hang(), say("and on it goes")]);
    editor.open("a.txt", "one\n");
    editor.prompt("go");
    let asked = editor.asked("workspace/applyEdit");
    let mut ids = Vec::new();
    for round in 0..2_000 {
        editor.type_at("a.txt", 0, 0, "é");
        let prompt = editor.start_request("pi/prompt", json!({"message": "refused: a run is in progress"}));
        editor.notify("$/cancelRequest", json!({"id": prompt}));
        let command = json!({"command": "pi.none", "arguments": [round]});
        let command = editor.start_request("workspace/executeCommand", command);
        ids.extend([prompt, command, editor.start_request("pi/getState", json!({}))]);
        // To nobody, and in no form that was asked for.
        editor.answer(&json!({"id": 9_000_000 + round}), Ok(json!({"applied": true})));
    }
    // Wrongly, a second time, and once more.
    editor.answer(&asked, Ok(json!("yes")));
    editor.answer(&asked, Ok(json!({"applied": true})));
    editor.answer(&asked, Err((-1, "no".into())));
    // The edit has failed and the model knows it.
    model.wait_request(2);
    editor.ok("pi/abort", json!({}));
    editor.settled();
    let state = editor.ok("pi/getState", json!({}));
    assert_eq!(state["isStreaming"], false);
    let messages = editor.messages();
    let mut answers: Vec<i64> = messages
        .iter()
        .filter(|it| it.get("method").is_none())
        .map(|it| it["id"].as_i64().expect("an answer to a request"))
        .collect();
    let count = answers.len();
    answers.sort_unstable();
    answers.dedup();
    assert_eq!(answers.len(), count, "something was answered twice");
    assert!(ids.iter().all(|it| answers.binary_search(it).is_ok()), "a request was not answered");
    // The text is the editor's, and the next run sees it.
    let uri = editor.uri("a.txt");
    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 9, "character": 0}});
    let context = json!([{"kind": "selection", "uri": uri, "range": range}]);
    editor.ok("pi/prompt", json!({"message": "again", "context": context}));
    editor.settled();
    let text = model.last_request().user_texts().pop().unwrap();
    assert!(text.contains(&format!("{}one", "é".repeat(2_000))), "{text}");
    assert!(editor.exit().success());
    editor.unchecked = true;
}
