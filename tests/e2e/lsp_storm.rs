//! Everything at once: a user who types, asks, stops and clicks without waiting, and a client that answers late, never,
//! twice and wrongly, or does not read.
//!
//! What is done follows from a seed, which is printed; `PI_SEED` chooses another one.

use std::collections::HashMap;

use pi_harness::{Applies, Editor, Profile, Scratch, editor::draw, patience};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");
const FILES: [&str; 2] = ["a.txt", "b.txt"];
/// More than the server ever needs, far less than what it is sent and says.
const MOST_MEMORY: u64 = 256 << 20;

fn seed() -> u64 {
    let seed = std::env::var("PI_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(7);
    eprintln!("PI_SEED={seed}");
    seed
}

/// A model that plays `turns`.
fn start(turns: &Value, mut profile: Profile) -> (Editor, Scratch) {
    let scratch = Scratch::new();
    let script = scratch.agent_file("script.json", &turns.to_string());
    let model = json!({"id": "storm", "script": script});
    let models = json!({"providers": {"scripted": {"api": "faux", "models": [model]}}});
    scratch.agent_file("models.json", &models.to_string());
    profile.arguments = ["--model", "scripted/storm", "--permission-mode", "full"].map(str::to_owned).into();
    (Editor::start(PI, &scratch, profile), scratch)
}

/// The most memory the server has had so far.
#[cfg(target_os = "linux")]
fn peak(editor: &Editor) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", editor.pid())).unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Elsewhere nobody says.
#[cfg(not(target_os = "linux"))]
fn peak(_: &Editor) -> u64 {
    0
}

/// Asks until the server is not too busy to answer.
fn patiently(editor: &mut Editor, method: &str) -> Value {
    let deadline = std::time::Instant::now() + patience();
    loop {
        let id = editor.start_request(method, json!({}));
        let mut answer = editor.response(id);
        if answer["error"]["code"] != -32001 {
            return answer["result"].take();
        }
        assert!(std::time::Instant::now() < deadline, "the server stays busy\n{}", editor.transcript());
    }
}

/// Waits until nothing runs.
fn idle(editor: &mut Editor) {
    let deadline = std::time::Instant::now() + patience();
    while patiently(editor, "pi/getState")["isStreaming"] != false {
        assert!(std::time::Instant::now() < deadline, "the run does not end\n{}", editor.transcript());
    }
}

/// One message of the user's, by lot. The id if it is a request.
fn message(editor: &mut Editor, lot: &mut u64, ids: &[i64]) -> Option<i64> {
    let file = FILES[draw(lot, FILES.len())];
    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 2, "character": 0}});
    let document = json!({"uri": editor.uri(file)});
    let some_id = |lot: &mut u64| ids.get(draw(lot, ids.len().max(1))).copied().unwrap_or_default();
    match draw(lot, 20) {
        0..8 => {
            let typed = ["x", "é", "😀", "\n", "agent", ""][draw(lot, 6)];
            let place = |text: &str| {
                let mut places: Vec<usize> = text.char_indices().map(|it| it.0).collect();
                places.push(text.len());
                let start = draw(lot, places.len());
                let end = (start + draw(lot, 3)).min(places.len() - 1);
                places[start]..places[end]
            };
            editor.type_over(file, place, typed);
            None
        }
        8 | 9 => {
            let how = [json!("steer"), json!("followUp"), Value::Null][draw(lot, 3)].clone();
            let context = json!([{"kind": "selection", "uri": document["uri"], "range": range}]);
            let params = json!({"message": "edit", "streamingBehavior": how, "context": context});
            Some(editor.start_request("pi/prompt", params))
        }
        10 => Some(editor.start_request("pi/abort", json!({}))),
        11 => {
            editor.notify("$/cancelRequest", json!({"id": some_id(lot)}));
            None
        }
        12 | 13 => {
            let command = ["pi.abort", "pi.prompt", "pi.steer", "pi.none"][draw(lot, 4)];
            let params = json!({"command": command, "arguments": ["edit"]});
            Some(editor.start_request("workspace/executeCommand", params))
        }
        14 | 15 => {
            let params = json!({"textDocument": document, "range": range, "context": {"diagnostics": []}});
            Some(editor.start_request("textDocument/codeAction", params))
        }
        16 => Some(editor.start_request(
            "textDocument/hover",
            json!({"textDocument": document, "position": range["start"]}),
        )),
        17 => Some(editor.start_request("pi/queue/list", json!({}))),
        18 => Some(editor.start_request("pi/edits/list", json!({}))),
        _ => {
            // To something that was asked before, and to something that never was.
            let id = [draw(lot, 40) as i64, 9_000_000][draw(lot, 2)];
            let answer = [Ok(json!({"applied": true})), Ok(json!("yes")), Err((-1, "no".to_owned()))];
            editor.answer(&json!({"id": id}), answer[draw(lot, 3)].clone());
            None
        }
    }
}

/// Looks at the files through the server: what a prompt would show of them.
fn shown(editor: &mut Editor) -> HashMap<&'static str, String> {
    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 1_000_000, "character": 0}});
    FILES
        .map(|file| {
            let context = json!([{"kind": "selection", "uri": editor.uri(file), "range": range}]);
            editor.ok("pi/prompt", json!({"message": "look", "context": context}));
            idle(editor);
            let messages = editor.ok("pi/getMessages", json!({}))["messages"].take();
            let mut users = messages.as_array().unwrap().iter().filter(|it| it["role"] == "user");
            let content = &users.next_back().unwrap()["content"];
            let text = content.as_str().or_else(|| content[0]["text"].as_str()).unwrap();
            let begin =
                text.find("```").and_then(|at| text[at..].find('\n').map(|line| at + line + 1)).unwrap();
            (file, text[begin..text.rfind("```").unwrap()].to_owned())
        })
        .into()
}

#[test]
fn ten_thousand_messages_without_order_are_each_answered_once() {
    let seed = seed();
    storm(Profile::plugin(), 10_000, seed);
    storm(Profile::plain(), 2_000, seed + 1);
}

fn storm(profile: Profile, messages: usize, seed: u64) {
    let tool =
        |id: &str, name: &str, args: Value| json!({"type": "tool", "id": id, "name": name, "args": args});
    let both = |id: usize, file: &str| {
        let edit = json!({"path": file, "oldText": "agent", "newText": "agent+"});
        [tool(&format!("r{id}"), "read", json!({"path": file})), tool(&format!("e{id}"), "edit", edit)]
    };
    let edits: Vec<_> = FILES.iter().enumerate().flat_map(|(id, file)| both(id, file)).collect();
    // It edits for as long as it is not stopped.
    let turns = json!([
        {"match": "^look", "content": [{"type": "text", "text": "seen"}], "repeat": true},
        {"content": edits, "delay_ms": 20, "repeat": true},
    ]);
    let (mut editor, _scratch) = start(&turns, profile.applies(Applies::Whims(seed)));
    for file in FILES {
        editor.open(file, "first agent line\nsecond\n");
    }
    let mut lot = seed;
    let mut ids = Vec::new();
    for sent in 0..messages {
        ids.extend(message(&mut editor, &mut lot, &ids));
        // Some edits are applied late; others never are.
        if sent % 40 == 0 {
            if let Some(held) = editor.held("workspace/applyEdit").filter(|_| draw(&mut lot, 3) > 0) {
                editor.perform(&held);
            }
        }
    }
    editor.now_applies(Applies::Well);
    // Never refused, however busy the server is.
    editor.ok("pi/abort", json!({}));
    patiently(&mut editor, "pi/clearQueue");
    idle(&mut editor);
    let shown = shown(&mut editor);
    for file in FILES {
        assert_eq!(shown[file].trim_end(), editor.buffer(file).trim_end(), "{file}, PI_SEED={seed}");
    }
    let mut answers: HashMap<i64, usize> = HashMap::new();
    for message in editor.messages() {
        if message.get("method").is_none() {
            *answers.entry(message["id"].as_i64().expect("an answer to a request")).or_default() += 1;
        }
    }
    for id in ids {
        assert_eq!(answers.get(&id), Some(&1), "answers to {id}, PI_SEED={seed}");
    }
    assert!(answers.values().all(|it| *it == 1), "something was answered twice, PI_SEED={seed}");
    assert!(peak(&editor) < MOST_MEMORY, "{} bytes", peak(&editor));
    assert!(!editor.log().contains("panicked at"), "{}", editor.log());
    assert!(editor.exit().success());
    editor.unchecked = true;
}

#[cfg(unix)]
#[test]
fn a_client_that_stops_reading_costs_bounded_memory_and_catches_up() {
    const WORDS: usize = 40_000;
    let words: Vec<String> = (0..WORDS).map(|it| format!("{it} ")).collect();
    let text = words.concat();
    let command = |id: &str, command: &str| json!({"type": "tool", "id": id, "name": "bash", "args": {"command": command}});
    let turns = json!([
        {"content": [command("a", "cat gate")]},
        {"content": [{"type": "text", "chunks": words}, command("b", "echo said > pipe")]},
        {"content": [{"type": "text", "text": "done"}]},
    ]);
    let (mut editor, scratch) = start(&turns, Profile::plugin());
    let (gate, pipe) = (scratch.path("gate"), scratch.path("pipe"));
    assert!(std::process::Command::new("mkfifo").args([&gate, &pipe]).status().unwrap().success());
    editor.prompt("go");
    editor.stop_reading();
    // Refusals repeat the name of the method: more than may wait.
    let long = "x".repeat(1 << 20);
    let refused: Vec<_> = (0..24).map(|_| editor.start_request(&long, Value::Null)).collect();
    let late = editor.start_request("pi/getState", json!({}));
    // More than a pipe holds: once it is sent, the server has seen what came before.
    editor.notify("$/nothing", json!(long));
    // The model says everything while the client takes nothing in.
    std::fs::write(gate, "go").unwrap();
    assert_eq!(std::fs::read_to_string(pipe).unwrap(), "said\n");
    editor.read_again();
    assert_eq!(editor.response(late)["error"]["code"], -32001);
    for id in refused {
        assert_eq!(editor.response(id)["error"]["code"], -32601);
    }
    let events = editor.settled();
    let deltas = events.iter().filter(|it| it["assistantMessageEvent"]["type"] == "text_delta");
    let deltas = deltas.map(|it| it["assistantMessageEvent"]["delta"].as_str().unwrap());
    assert_eq!(deltas.collect::<String>(), format!("{text}done"));
    assert!(peak(&editor) < MOST_MEMORY, "{} bytes", peak(&editor));
    editor.ok("pi/getState", json!({}));
}
