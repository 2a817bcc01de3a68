//! The command line as people and scripts meet it: what is printed where, and with which exit status.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
};

use pi_harness::{ModelServer, Scratch, call, hang, patience, say, status};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

/// Runs to the end, with `input` on stdin.
fn finish(mut command: Command, input: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A process that does not read its input may end first.
    thread::spawn(move || stdin.write_all(input.as_bytes()).ok());
    wait(child)
}

fn wait(child: std::process::Child) -> Output {
    let (done, output) = mpsc::channel();
    let pid = child.id();
    thread::spawn(move || done.send(child.wait_with_output().unwrap()).ok());
    output.recv_timeout(patience()).unwrap_or_else(|_| panic!("process {pid} does not end"))
}

fn pi(scratch: &Scratch, args: &[&str]) -> Output {
    pi_with(scratch, args, "")
}

fn pi_with(scratch: &Scratch, args: &[&str], input: &str) -> Output {
    let mut command = scratch.command(PI);
    command.args(args);
    finish(command, input)
}

/// With the scripted model.
fn ask(scratch: &Scratch, args: &[&str], input: &str) -> Output {
    let mut all = vec!["--provider", "scripted", "--model", "alpha"];
    all.extend(args);
    pi_with(scratch, &all, input)
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn assert_status(output: &Output, status: i32) {
    assert_eq!(output.status.code(), Some(status), "stdout: {}\nstderr: {}", out(output), err(output));
}

fn files_below(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        found.push(entry.path().display().to_string());
        found.extend(files_below(&entry.path()));
    }
    found
}

#[test]
fn a_program_can_tell_which_pi_it_found() {
    for flag in ["--version", "-v"] {
        let output = pi(&Scratch::new(), &[flag]);
        assert_status(&output, 0);
        assert_eq!(out(&output), format!("pi-server {} (protocol 1)\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn help_goes_to_stdout_and_names_every_service() {
    let output = pi(&Scratch::new(), &["--help"]);
    assert_status(&output, 0);
    for word in ["lsp", "demo", "doctor", "completions", "--mode", "--thinking", "Examples:"] {
        assert!(out(&output).contains(word), "{word} is missing in {}", out(&output));
    }
    let output = pi(&Scratch::new(), &["lsp", "--help"]);
    assert_status(&output, 0);
    assert!(out(&output).contains("--stdio") && out(&output).contains("--session-dir"));
}

#[test]
fn a_usage_error_names_the_nearest_and_keeps_stdout_clean() {
    let output = pi(&Scratch::new(), &["--modle", "x"]);
    assert_status(&output, 2);
    assert!(err(&output).contains("'--model'"), "{}", err(&output));
    assert_eq!(out(&output), "");
}

#[test]
fn without_anything_to_do_it_says_what_can_be_done() {
    let output = pi(&Scratch::new(), &[]);
    assert_status(&output, 2);
    assert!(err(&output).contains("pi demo") && err(&output).contains("pi doctor"), "{}", err(&output));
    assert_eq!(out(&output), "");
}

#[test]
fn the_demo_runs_from_an_empty_home_and_leaves_nothing() {
    let scratch = Scratch::new();
    let mut command = scratch.command(PI);
    command.arg("demo").env_remove("PI_CODING_AGENT_DIR");
    let output = finish(command, "");
    assert_status(&output, 0);
    let text = out(&output);
    for part in [
        "Scripted demo – no model involved",
        "You  Make fetch give up after three tries.",
        "▶ read src/retry.rs → 15 lines, the unsaved one included",
        "▶ edit src/retry.rs → Successfully replaced",
        "-            Err(_) => continue,\n+",
        "✓ the file on disk is unchanged",
        "pi doctor",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    assert!(!text.contains('\x1b'), "colour in a pipe");
    assert_eq!(files_below(&scratch.home()), [""; 0]);
    assert_eq!(files_below(&scratch.tmp()), [""; 0]);
}

#[test]
fn the_doctor_says_what_is_missing_and_what_to_do() {
    let scratch = Scratch::new();
    scratch.agent_file("models.json", "{ not json");
    let output = pi(&scratch, &["doctor"]);
    assert_status(&output, 1);
    let text = out(&output);
    for part in [
        "no model can be asked",
        "ANTHROPIC_API_KEY",
        "Failed to parse models.json",
        "in editors (mode ask): ",
        "in programs and terminals (mode full): off: commands of the model run with your rights",
        "Not ready",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
}

#[test]
fn the_doctor_never_shows_a_key() {
    let scratch = Scratch::new();
    scratch.agent_file("auth.json", r#"{"openai":{"type":"api_key","key":"sk-from-file"}}"#);
    let mut command = scratch.command(PI);
    command.args(["doctor", "--json"]).env("ANTHROPIC_API_KEY", "sk-from-env");
    let output = finish(command, "");
    assert_status(&output, 0);
    let text = out(&output);
    assert!(!text.contains("sk-from"), "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["usable"], true);
    let texts: Vec<&str> =
        report["checks"].as_array().unwrap().iter().filter_map(|it| it["text"].as_str()).collect();
    assert!(texts.contains(&"anthropic: key in ANTHROPIC_API_KEY"), "{texts:?}");
    assert!(texts.contains(&"openai: key in auth.json"), "{texts:?}");
}

#[test]
fn print_mode_prints_the_answer_and_nothing_else() {
    let model = ModelServer::with([say("It is **42**.")]);
    let scratch = Scratch::with_model(&model);
    let output = ask(&scratch, &["-p", "what is it?"], "");
    assert_status(&output, 0);
    assert_eq!((out(&output).as_str(), err(&output).as_str()), ("It is **42**.\n", ""));
    assert_eq!(model.last_request().user_texts(), ["what is it?"]);
    assert_eq!(scratch.session().len(), 5, "header, model, level, question, answer");
}

#[test]
fn piped_text_files_and_the_message_make_one_prompt() {
    let model = ModelServer::with([say("ok")]);
    let scratch = Scratch::with_model(&model);
    let file = scratch.file("notes.txt", "alpha\n");
    let output = ask(&scratch, &["-p", "--no-session", "@notes.txt", "explain"], "piped\n");
    assert_status(&output, 0);
    let expected = format!("piped\n<file name=\"{}\">\nalpha\n\n</file>\nexplain", file.display());
    assert_eq!(model.last_request().user_texts(), [expected]);
    assert_eq!(scratch.session_files(), [""; 0].map(std::path::PathBuf::from));
}

#[test]
fn a_picture_is_attached() {
    // The smallest PNG: one transparent pixel.
    const PIXEL: &[u8] = &[
        0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0,
        0, 0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 13, b'I', b'D', b'A', b'T', 0x78, 0x9c,
        0x63, 0, 1, 0, 0, 5, 0, 1, 0x0d, 0x0a, 0x2d, 0xb4, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42,
        0x60, 0x82,
    ];
    let model = ModelServer::with([say("a pixel")]);
    let scratch = Scratch::with_model(&model);
    fs::write(scratch.path("pixel.png"), PIXEL).unwrap();
    assert_status(&ask(&scratch, &["-p", "@pixel.png", "what is this?"], ""), 0);
    let content = &model.last_request().body["messages"][0]["content"];
    let kinds: Vec<&str> = content.as_array().unwrap().iter().filter_map(|it| it["type"].as_str()).collect();
    assert_eq!(kinds, ["text", "image"]);
    assert_eq!(content[1]["source"]["media_type"], "image/png");
}

#[test]
fn a_missing_file_is_an_error_before_the_model_is_asked() {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    let output = ask(&scratch, &["-p", "@nope.txt", "explain"], "");
    assert_status(&output, 1);
    assert_eq!(err(&output), format!("Error: File not found: {}\n", scratch.path("nope.txt").display()));
    assert_eq!(model.requests().len(), 0);
}

#[test]
fn several_messages_are_sent_one_after_another() {
    let model = ModelServer::with([say("first"), say("second")]);
    let scratch = Scratch::with_model(&model);
    let output = ask(&scratch, &["-p", "one", "two"], "");
    assert_status(&output, 0);
    assert_eq!(out(&output), "second\n");
    assert_eq!(model.last_request().user_texts(), ["one", "two"]);
}

#[test]
fn json_mode_prints_the_header_and_then_every_event() {
    let model = ModelServer::with([call("ls", json!({"path": "."})), say("empty")]);
    let scratch = Scratch::with_model(&model);
    let output = ask(&scratch, &["--mode", "json", "--tools", "ls", "look"], "");
    assert_status(&output, 0);
    let lines: Vec<Value> = out(&output).lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(lines[0]["type"], "session");
    assert_eq!(lines[0]["cwd"], scratch.workspace().display().to_string());
    let kinds: Vec<&str> = lines.iter().filter_map(|it| it["type"].as_str()).collect();
    assert_eq!((kinds[1], *kinds.last().unwrap()), ("agent_start", "agent_settled"));
    assert!(kinds.contains(&"tool_execution_end"), "{kinds:?}");
    let update = lines.iter().find(|it| it["type"] == "message_update").unwrap();
    assert!(update.get("message").is_none(), "updates carry the delta only: {update}");
}

#[test]
fn a_failed_answer_is_an_error_on_stderr_and_status_1() {
    for mode in ["text", "json"] {
        let model = ModelServer::with([status(401, r#"{"error":{"message":"no such key"}}"#)]);
        let scratch = Scratch::with_model(&model);
        let output = ask(&scratch, &["--mode", mode, "hi"], "");
        assert_status(&output, 1);
        assert!(err(&output).contains("401") && err(&output).contains("no such key"), "{}", err(&output));
        assert_eq!(out(&output).is_empty(), mode == "text");
    }
}

#[test]
fn an_unknown_model_and_a_missing_key_are_said_plainly() {
    let scratch = Scratch::new();
    for (args, text) in [
        (&["--model", "nope", "-p", "hi"][..], "Error: Model nope not found\n"),
        (
            &["--provider", "anthropic", "--model", "claude-opus-4-5", "-p", "hi"],
            "No API key found for anthropic",
        ),
        (&["-p", "hi"], "No model selected."),
        (&["--session", "0000", "-p", "hi"], "Error: no session whose id begins with 0000\n"),
    ] {
        let output = pi(&scratch, args);
        assert_status(&output, 1);
        assert!(err(&output).contains(text), "{args:?}: {}", err(&output));
        assert_eq!(out(&output), "");
    }
}

#[test]
fn a_home_that_cannot_be_written_costs_the_session_file_and_nothing_else() {
    let scratch = Scratch::new();
    // Below a file nothing can be made, whoever we are.
    let home = scratch.file("not-a-directory", "");
    let script = scratch.file("script.json", r#"[{"content":[{"type":"text","text":"still here"}]}]"#);
    let mut command = scratch.command(PI);
    command
        .args(["--provider", "faux", "--model", "scripted", "-p", "hi"])
        .env("PI_FAUX_SCRIPT", script)
        .env("HOME", home.join("home"))
        .env("PI_CODING_AGENT_DIR", home.join("agent"));
    let output = finish(command, "");
    assert_status(&output, 0);
    assert_eq!(out(&output), "still here\n");
    assert!(err(&output).contains("cannot be written"), "{}", err(&output));
}

#[test]
fn a_session_is_continued_named_listed_and_found_by_the_start_of_its_id() {
    let model = ModelServer::with([say("one"), say("two"), say("three")]);
    let scratch = Scratch::with_model(&model);
    assert_status(&ask(&scratch, &["-p", "--name", "first steps", "hi"], ""), 0);
    assert_status(&ask(&scratch, &["-p", "--continue", "and now?"], ""), 0);
    assert_eq!(model.last_request().user_texts(), ["hi", "and now?"]);
    let id = scratch.session()[0]["id"].as_str().unwrap().to_owned();
    assert_status(&ask(&scratch, &["-p", "--session", &id[..20], "again"], ""), 0);
    assert_eq!(model.last_request().user_texts().len(), 3);
    // An id of one's own names the same session every time.
    model.script([say("four"), say("five")]);
    assert_status(&ask(&scratch, &["-p", "--session-id", "nightly", "a"], ""), 0);
    assert_status(&ask(&scratch, &["-p", "--session-id", "nightly", "b"], ""), 0);
    assert_eq!(model.last_request().user_texts(), ["a", "b"]);
    let listed = pi(&scratch, &["--resume"]);
    assert_status(&listed, 0);
    assert!(out(&listed).contains(&id) && out(&listed).contains("first steps"), "{}", out(&listed));
}

#[test]
fn models_are_listed_and_searched() {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    let output = pi(&scratch, &["--list-models"]);
    assert_status(&output, 0);
    let lines: Vec<String> = out(&output).lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("provider"), "{lines:?}");
    assert!(
        lines.iter().any(|it| it.starts_with("scripted ") && it.contains("alpha") && it.contains("200K"))
    );
    let output = pi(&scratch, &["--list-models", "gamma"]);
    assert_eq!(out(&output).lines().count(), 2, "{}", out(&output));
    let output = pi(&scratch, &["--list-models", "nothing-like-this"]);
    assert_status(&output, 1);
    assert_eq!(err(&output), "Error: No models matching \"nothing-like-this\"\n");
}

#[test]
fn flags_choose_tools_prompt_and_level() {
    let model = ModelServer::with([say("1"), say("2"), say("3")]);
    let scratch = Scratch::with_model(&model);
    scratch.file("AGENTS.md", "Speak like a pirate.");
    assert_status(&ask(&scratch, &["-p", "hi"], ""), 0);
    let request = model.last_request();
    assert_eq!(request.tool_names(), ["read", "bash", "edit", "write"]);
    assert!(request.system().contains("Speak like a pirate."));
    let args = ["-p", "--permission-mode", "plan", "-nc", "--append-system-prompt", "Be brief.", "hi"];
    assert_status(&ask(&scratch, &args, ""), 0);
    let request = model.last_request();
    assert_eq!(request.tool_names(), ["read", "grep", "find", "ls"]);
    assert!(!request.system().contains("pirate") && request.system().contains("Be brief."));
    assert_status(&ask(&scratch, &["-p", "-nt", "--thinking", "high", "hi"], ""), 0);
    let request = model.last_request();
    assert_eq!(request.tool_names(), [""; 0]);
    assert_eq!(request.body["thinking"]["budget_tokens"], 16384);
}

#[test]
fn the_settings_of_a_project_count_only_when_it_is_trusted() {
    let model = ModelServer::with([say("1"), say("2"), say("3"), say("4")]);
    let scratch = Scratch::with_model(&model);
    scratch.file(".pi/settings.json", r#"{"defaultTools": ["ls"]}"#);
    let tools = |args: &[&str]| {
        assert_status(&ask(&scratch, &[args, &["-p", "hi"]].concat(), ""), 0);
        model.last_request().tool_names().join(",")
    };
    assert_eq!(tools(&[]), "read,bash,edit,write");
    assert_eq!(tools(&["--approve"]), "ls");
    scratch.settings(&json!({"defaultProjectTrust": "always"}));
    assert_eq!(tools(&[]), "ls");
    assert_eq!(tools(&["-na"]), "read,bash,edit,write");
}

#[test]
fn file_arguments_are_refused_in_rpc_mode() {
    let output = pi(&Scratch::new(), &["--mode", "rpc", "@a.txt"]);
    assert_status(&output, 1);
    assert_eq!(err(&output), "Error: @file arguments are not supported in RPC mode\n");
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let model = ModelServer::with([say("long ago").gate("start")]);
    let scratch = Scratch::with_model(&model);
    let mut command = scratch.command(PI);
    command.args(["--provider", "scripted", "--model", "alpha", "--mode", "json", "hi"]);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0]).unwrap();
    drop(stdout);
    // It may notice before it asks the model, or when the answer comes.
    model.allow_unused();
    model.release("start");
    let output = wait(child);
    assert_status(&output, 0);
    assert_eq!(err(&output), "");
}

#[cfg(unix)]
#[test]
fn signals_end_it_with_their_own_status() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let model = ModelServer::with([hang()]);
        let scratch = Scratch::with_model(&model);
        let mut command = scratch.command(PI);
        command.args(["--provider", "scripted", "--model", "alpha", "-p", "hi"]);
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        model.wait_request(1);
        let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert_status(&wait(child), code);
        model.wait_disconnects(1);
    }
}

#[cfg(unix)]
#[test]
fn commands_end_with_the_process() {
    let model = ModelServer::with([call("bash", json!({"command": "echo pid $$; exec sleep 1000"}))]);
    let scratch = Scratch::with_model(&model);
    let mut command = scratch.command(PI);
    command.args(["--provider", "scripted", "--model", "alpha", "--mode", "json", "hi"]);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let sleeper = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
        .find_map(|event| {
            let text = event["partialResult"]["content"][0]["text"].as_str()?;
            text.strip_prefix("pid ").map(|it| it.trim().to_owned())
        })
        .unwrap();
    let runs =
        || Command::new("kill").args(["-0", &sleeper]).stderr(Stdio::null()).status().unwrap().success();
    assert!(runs());
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_status(&wait(child), 143);
    assert!(!runs(), "process {sleeper} is left");
}

#[test]
fn completions_and_the_manual_page_know_the_flags() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let output = pi(&Scratch::new(), &["completions", shell]);
        assert_status(&output, 0);
        assert!(out(&output).contains("session-dir"), "{shell}");
    }
    let output = pi(&Scratch::new(), &["man"]);
    assert_status(&output, 0);
    assert!(out(&output).contains(".TH pi 1"), "{}", out(&output));
}
