//! What a command of the model does not get although it may run: keys, the terminal, programs that a repository names,
//! and another sandbox than it was permitted with.

use std::{fs, process::Command};

use pi_harness::{JsonlClient, ModelServer, Scratch, call, say};
use serde_json::{Value, json};

use crate::rpc::PI;

/// Runs these commands of the model, one a turn, and gives the text of the last result. No question may be open.
fn told(
    scratch: &Scratch,
    model: &ModelServer,
    mode: &str,
    commands: &[&str],
    env: &[(&str, &str)],
) -> String {
    let mut turns: Vec<_> = commands.iter().map(|it| call("bash", json!({"command": it}))).collect();
    turns.push(say("done"));
    model.script(turns);
    let mut command = scratch.command(PI);
    command.args(["--mode", "rpc", "--provider", "scripted", "--model", "alpha", "--permission-mode", mode]);
    command.envs(env.iter().copied());
    let mut pi = JsonlClient::spawn(command);
    let events = pi.run("go");
    assert!(events.iter().all(|it| it["type"] != "permission_request"), "{events:#?}");
    model.last_request().tool_results().last().unwrap().1.clone()
}

#[test]
fn commands_get_no_key_of_a_provider_but_in_mode_full() {
    let keys = [("OPENAI_API_KEY", "secret-one"), ("MY_KEY", "secret-two"), ("OTHER", "not-secret")];
    // Also not by asking the system what the program itself has: the sandbox keeps everybody but root from that.
    let look = "env | grep secret; cat /proc/$PPID/environ 2>/dev/null | tr '\\0' '\\n' | grep -cE '=secret'; echo user $(id -u)";
    for (mode, settings, expected) in [
        ("edit", json!({}), vec!["OTHER=not-secret"]),
        ("full", json!({}), vec!["MY_KEY=secret-two", "OPENAI_API_KEY=secret-one", "OTHER=not-secret"]),
        (
            "edit",
            json!({"shell": {"keepVariables": ["OPENAI_API_KEY"]}}),
            vec!["OPENAI_API_KEY=secret-one", "OTHER=not-secret"],
        ),
    ] {
        let model = ModelServer::start();
        let scratch = Scratch::with_model(&model);
        let mut settings = settings;
        settings["permissions"] = json!({"allow": ["bash"]});
        scratch.settings(&settings);
        let path = scratch.agent_dir().join("models.json");
        let mut models: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        models["providers"]["mine"] = json!({
            "baseUrl": "https://example.invalid/v1",
            "api": "openai-completions",
            "apiKey": "MY_KEY",
            "models": [{"id": "m"}],
        });
        fs::write(&path, models.to_string()).unwrap();
        let text = told(&scratch, &model, mode, &[look], &keys);
        let mut lines: Vec<_> = text.lines().filter(|it| it.contains("secret")).collect();
        lines.sort_unstable();
        assert_eq!(lines, expected, "{mode}: {text}");
        if mode != "full" && sandboxed() && !text.contains("user 0") {
            assert!(text.lines().any(|it| it == "0"), "{mode}: {text}");
        }
    }
}

/// Whether commands can be confined here.
fn sandboxed() -> bool {
    let output = Scratch::new().command(PI).args(["doctor", "--json"]).output().unwrap();
    !String::from_utf8_lossy(&output.stdout).contains("not available: needs")
}

#[cfg(target_os = "linux")]
#[test]
fn commands_have_no_terminal_and_lead_a_session() {
    for mode in ["edit", "full"] {
        let model = ModelServer::start();
        let scratch = Scratch::with_model(&model);
        scratch.settings(&json!({"permissions": {"allow": ["bash"]}}));
        let command =
            "echo $(cut -d' ' -f5,6 /proc/$$/stat) $$ $GIT_TERMINAL_PROMPT; (: </dev/tty) 2>&1 | grep -c tty";
        let text = told(&scratch, &model, mode, &[command], &[]);
        let lines: Vec<_> = text.lines().collect();
        let [numbers, refused] = lines.as_slice() else { panic!("{text}") };
        let numbers: Vec<_> = numbers.split(' ').collect();
        let [group, session, own, prompt] = numbers.as_slice() else { panic!("{text}") };
        assert_eq!((group, session), (own, own), "{mode}: {text}");
        assert_eq!((*prompt, *refused), ("0", "1"), "{mode}: {text}");
    }
}

/// Runs git in a folder.
fn git(scratch: &Scratch, folder: &str, arguments: &[&str]) {
    let mut command = scratch.command("git");
    command.current_dir(scratch.path(folder)).args(arguments);
    command.envs(
        ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"]
            .map(|it| (it, "x")),
    );
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn looking_at_a_repository_runs_nothing_that_it_names() {
    if Command::new("git").arg("--version").output().is_err() {
        eprintln!("SKIPPED: no git");
        return;
    }
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", "one\n");
    let program = scratch.file("run.sh", "#!/bin/sh\ntouch \"${0%/*}/ran\"\n");
    Command::new("chmod").arg("+x").arg(&program).status().unwrap();
    let program = program.to_str().unwrap();
    git(&scratch, ".", &["init", "-q"]);
    git(&scratch, ".", &["add", "a.txt"]);
    git(&scratch, ".", &["commit", "-qm", "first"]);
    git(&scratch, ".", &["config", "core.fsmonitor", program]);
    fs::create_dir_all(scratch.path(".git/hooks")).unwrap();
    fs::copy(program, scratch.path(".git/hooks/post-index-change")).unwrap();
    // The index is older than the file, so that it would be written again.
    scratch.file("a.txt", "one\n");
    let look = ["git status --short a.txt", "git diff; git log --oneline; git show --stat"];
    let text = told(&scratch, &model, "ask", &look, &[]);
    assert!(text.contains("first") && text.contains("a.txt"), "{text}");
    assert!(!scratch.path("ran").exists(), "a program of the repository was run");
    // It would have been.
    git(&scratch, ".", &["status"]);
    assert!(scratch.path("ran").exists());
    fs::remove_file(scratch.path("ran")).unwrap();

    // A folder that is only laid out like a repository: git is not even asked.
    git(&scratch, ".", &["init", "-q", "--bare", "sub"]);
    git(&scratch, "sub", &["config", "core.fsmonitor", program]);
    git(&scratch, "sub", &["config", "core.bare", "false"]);
    git(&scratch, "sub", &["config", "core.worktree", ".."]);
    model.script([call("bash", json!({"command": "cd sub && git status"})), say("done")]);
    let mut pi = JsonlClient::start(PI, &scratch, &["--permission-mode", "ask"]);
    pi.prompt("go");
    let question = pi.event("permission_request");
    pi.ok(json!({"type": "answer_permission", "questionId": question["id"], "choice": "reject"}));
    pi.settled();
    assert!(!scratch.path("ran").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_runs_in_the_sandbox_it_was_permitted_with() {
    if !sandboxed() {
        eprintln!("SKIPPED: no sandbox");
        return;
    }
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    scratch.settings(&json!({"sandbox": {"writable": []}}));
    let command = "echo 1 > ~/out; echo 2 > in; echo ended";
    model.script([call("bash", json!({"command": command})), say("done")]);
    let mut pi = JsonlClient::start(PI, &scratch, &["--permission-mode", "ask"]);
    pi.prompt("go");
    let question = pi.event("permission_request");
    pi.ok(json!({"type": "set_permission_mode", "mode": "full"}));
    pi.ok(json!({"type": "answer_permission", "questionId": question["id"], "choice": "allow_once"}));
    pi.settled();
    let text = model.last_request().tool_results()[0].1.clone();
    assert!(text.contains("ended") && text.contains("The sandbox (workspace-write) kept"), "{text}");
    assert!(scratch.path("in").exists() && !scratch.home().join("out").exists(), "{text}");
}
