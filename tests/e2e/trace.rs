//! `--trace`: what went over a connection, without its secrets.

use std::path::Path;

use pi_harness::{Editor, JsonlClient, ModelServer, Profile, Scratch, say};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");
const SECRET: &str = "sesame-open-0123456789";

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(!text.contains(SECRET), "{text}");
    text.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
}

fn of<'a>(lines: &'a [Value], direction: &str) -> Vec<&'a Value> {
    lines.iter().filter(|it| it["dir"] == direction).map(|it| &it["message"]).collect()
}

#[test]
fn a_trace_has_all_messages_of_an_editor_in_order() {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    let trace = scratch.path("trace.jsonl");
    let mut profile = Profile::plugin();
    profile.arguments.extend(["--api-key".into(), SECRET.into()]);
    profile.arguments.extend(["--trace".into(), trace.to_string_lossy().into_owned()]);
    let mut editor = Editor::start(PI, &scratch, profile);
    model.script([say(format!("your key is {SECRET}"))]);
    editor.prompt(&format!("use {SECRET}"));
    editor.settled();
    let prompt = "pi/prompt";
    assert!(editor.exit().success());
    let lines = lines(&trace);
    assert_eq!((&lines[0]["trace"], &lines[0]["transport"]), (&json!(1), &json!("lsp")));
    let times: Vec<f64> = lines[1..].iter().map(|it| it["ms"].as_f64().unwrap()).collect();
    assert!(times.windows(2).all(|it| it[0] <= it[1] + 50.0), "{times:?}");
    let methods: Vec<_> = of(&lines, "in").iter().filter_map(|it| it["method"].as_str()).collect();
    assert_eq!(methods, ["initialize", "initialized", prompt, "shutdown", "exit"]);
    let sent = of(&lines, "in").into_iter().find(|it| it["method"] == prompt).unwrap();
    assert_eq!(sent["params"]["message"], "use ***");
    // What the client was told is in the order in which it was told.
    let out = of(&lines, "out");
    let told = editor.messages();
    assert_eq!(out.len(), told.len());
    for (traced, told) in out.iter().zip(&told) {
        assert_eq!((&traced["id"], &traced["method"]), (&told["id"], &told["method"]));
        assert_eq!(traced["params"]["seq"], told["params"]["seq"]);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(trace.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_trace_of_records_is_the_same_thing() {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    let trace = scratch.path("trace.jsonl");
    let mut command = scratch.command(PI);
    command.args(["--mode", "rpc", "--provider", "scripted", "--model", "alpha", "--api-key", SECRET]);
    command.arg("--trace").arg(&trace);
    let mut pi = JsonlClient::spawn(command);
    model.script([say("hello")]);
    pi.run("hi");
    pi.ok(json!({"type": "bash", "command": format!("echo {SECRET}")}));
    pi.close_stdin();
    assert!(pi.wait_exit().success());
    let lines = lines(&trace);
    assert_eq!(lines[0]["transport"], "rpc");
    let types: Vec<_> = of(&lines, "in").iter().map(|it| it["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["prompt", "bash"]);
    let out: Vec<_> = of(&lines, "out").iter().map(|it| it["type"].as_str().unwrap()).collect();
    assert_eq!((out[0], out.last()), ("response", Some(&"response")));
    assert!(out.contains(&"agent_settled"), "{out:?}");
}

#[test]
fn a_trace_that_cannot_be_written_is_said_at_once() {
    let scratch = Scratch::new();
    let output = scratch.command(PI).args(["lsp", "--trace", "/no/such/folder/trace"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("the trace /no/such/folder/trace cannot be written"), "{said}");
    let output = scratch.command(PI).args(["-p", "--trace", "x", "hi"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("--trace is for pi lsp and --mode rpc"));
}
