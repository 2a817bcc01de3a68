//! Shell commands of the model: what confines them, and that none outlives a server that is killed.
#![cfg(unix)]

use std::{
    fs::{self, File},
    io::Read,
    process::Command,
};

use pi_harness::{JsonlClient, ModelServer, Scratch, call, say};
use serde_json::{Value, json};

use crate::rpc::{PI, start};

/// A job in the background that holds a pipe open as long as it lives, and a line once it runs.
const JOB: &str = "mkfifo alive; (sleep 600 3<>alive & echo begun; wait)";

#[test]
fn a_server_that_is_killed_leaves_no_command_behind() {
    for by_model in [true, false] {
        let (model, scratch, mut pi) = start([]);
        match by_model {
            true => {
                model.script([call("bash", json!({"command": JOB}))]);
                pi.prompt("hi");
                pi.event("tool_execution_update");
            }
            false => {
                pi.start_request(json!({"type": "bash", "command": JOB}));
                pi.event("bash_execution_update");
            }
        }
        let mut alive = File::open(scratch.path("alive")).unwrap();
        pi.signal("KILL");
        // The pipe ends when nobody has it open any more: neither the job nor the shells around it.
        alive.read_to_end(&mut Vec::new()).unwrap();
        pi.wait_exit();
    }
}

#[test]
fn a_job_in_the_background_is_left_alone_when_the_server_is_killed_later() {
    let (_model, scratch, mut pi) = start([]);
    let job = "mkfifo alive; sleep 600 3<>alive >/dev/null 2>&1 & until [ -p alive ]; do :; done; echo $!";
    let id = pi.start_request(json!({"type": "bash", "command": job}));
    let answer = pi.response(&id);
    let job = answer["data"]["output"].as_str().unwrap().trim().to_owned();
    pi.event("bash_execution_update");
    let mut alive = File::open(scratch.path("alive")).unwrap();
    // The guard has been told of a further command, so it knows of the end of the first.
    pi.start_request(json!({"type": "bash", "command": JOB.replace("alive", "second")}));
    pi.event("bash_execution_update");
    let mut second = File::open(scratch.path("second")).unwrap();
    pi.signal("KILL");
    second.read_to_end(&mut Vec::new()).unwrap();
    pi.wait_exit();
    assert!(Command::new("kill").arg(&job).status().unwrap().success(), "the job is gone");
    alive.read_to_end(&mut Vec::new()).unwrap();
}

/// Whether commands can be confined here; says so if not.
#[cfg(target_os = "linux")]
pub fn sandboxed() -> bool {
    let output = Scratch::new().command(PI).args(["doctor", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let text = checks.iter().find(|it| it["area"] == "sandbox").unwrap()["text"].as_str().unwrap();
    if text.contains("not available") {
        eprintln!("SKIPPED: {text}");
    }
    !text.contains("not available")
}

/// Runs one command of the model with these settings; text of its result, and the machine.
#[cfg(target_os = "linux")]
fn run(settings: Value, prepare: impl Fn(&Scratch), command: &str) -> (String, Scratch, Value) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    prepare(&scratch);
    scratch.settings(&settings);
    let mut pi = JsonlClient::start(PI, &scratch, &[]);
    model.script([call("bash", json!({"command": command})), say("done")]);
    pi.run("go");
    let results = model.last_request().tool_results();
    assert_eq!(results.len(), 1, "{results:?}");
    (results[0].1.clone(), scratch, pi.state())
}

#[cfg(target_os = "linux")]
#[test]
fn a_confined_command_writes_where_it_should_and_nowhere_else() {
    if !sandboxed() {
        return;
    }
    let settings = json!({"sandbox": {"mode": "workspace-write", "writable": ["$TMPDIR", "~/.cache/tool"]}});
    let prepare = |scratch: &Scratch| fs::create_dir_all(scratch.home().join(".cache/tool")).unwrap();
    let command = "mkdir -p a/b && echo 1 >a/b/in && mv a/b/in in && echo 2 >\"$TMPDIR/x\" && mv \"$TMPDIR/x\" moved \
                   && echo 3 >~/.cache/tool/x && echo 4 >/dev/null && cat ~/secret && echo inside is fine; \
                   echo 5 >~/out; echo 6 >>~/secret; rm ~/secret; ln ~/secret . ; mv ~/secret .; : >../over";
    let prepare = |scratch: &Scratch| {
        prepare(scratch);
        fs::write(scratch.home().join("secret"), "readable\n").unwrap();
    };
    let (text, scratch, state) = run(settings, prepare, command);
    assert!(text.contains("readable\ninside is fine\n"), "{text}");
    assert_eq!((scratch.read("in").as_str(), scratch.read("moved").as_str()), ("1\n", "2\n"));
    assert_eq!(fs::read_to_string(scratch.home().join("secret")).unwrap(), "readable\n");
    assert!(!scratch.home().join("out").exists() && !scratch.path("../over").exists());
    assert!(!scratch.path("secret").exists());
    let out = scratch.home().join("out");
    let note = format!("[The sandbox (workspace-write) kept this command from writing {}, ", out.display());
    assert!(text.contains(&note), "{text}");
    assert!(!text.contains("outsideSandbox"), "nobody can be asked: {text}");
    assert_eq!(state["sandbox"], json!({"mode": "workspace-write", "network": true}));
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_may_be_kept_from_writing_anything_and_from_the_network() {
    if !sandboxed() {
        return;
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("echo hello >/dev/tcp/127.0.0.1/{port}");
    let settings = json!({"sandbox": {"mode": "read-only", "network": "deny"}});
    let (text, scratch, state) = run(settings, |_| {}, &format!("echo 1 >'made'; {connect}"));
    assert!(!scratch.path("made").exists(), "{text}");
    assert!(text.contains("[The sandbox (read-only, no network) may be what denied this."), "{text}");
    assert_eq!(state["sandbox"], json!({"mode": "read-only", "network": false}));

    let (text, _, state) = run(json!({}), |_| {}, &format!("echo 1 >made && {connect}"));
    assert_eq!((text.as_str(), &state["sandbox"]), ("(no output)", &Value::Null));
}

#[cfg(target_os = "linux")]
#[test]
fn a_confined_command_is_the_shell_that_it_would_be() {
    if !sandboxed() {
        return;
    }
    let settings = json!({"sandbox": {"mode": "workspace-write"}});
    // The leader of its group, and its death tells its signal.
    let command = "ps -o pgid= -p $$ | tr -d ' ' | grep -qx $$ && echo leader; kill -TERM -- -$$";
    let (text, ..) = run(settings, |_| {}, command);
    assert_eq!(text, "leader\n\n\nCommand exited with code 143");
}

#[test]
fn a_confined_command_that_cannot_be_started_says_why() {
    let scratch = Scratch::new();
    for arguments in [&["__sandbox", "--write"][..], &["__sandbox", "--", "/no/such/shell"]] {
        let output = scratch.command(PI).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(126), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("pi: the sandbox could not be entered: "), "{said}");
        assert!(output.stdout.is_empty());
    }
}
