//! What goes wrong around the session: providers, models, keys, disks. Always one clear answer.

use pi_harness::{JsonlClient, ModelServer, Scratch, call, hang, say, status};
use serde_json::{Value, json};

use crate::rpc::{PI, last_answer, start};

/// A client whose failed model calls are repeated at once, so often.
fn with_retries(
    turns: impl Into<pi_harness::script::Turns>,
    retries: u32,
) -> (ModelServer, Scratch, JsonlClient) {
    let model = ModelServer::with(turns);
    let scratch = Scratch::with_model(&model);
    scratch.settings(&json!({"retry": {"enabled": retries > 0, "maxRetries": retries, "baseDelayMs": 1}}));
    let pi = JsonlClient::start(PI, &scratch, &[]);
    (model, scratch, pi)
}

fn error_of(events: &[Value]) -> String {
    let answer = last_answer(events);
    assert_eq!(answer["stopReason"], "error", "{answer}");
    answer["errorMessage"].as_str().expect("an error without a text").to_owned()
}

#[test]
fn a_failed_model_call_is_a_final_message_and_the_next_prompt_works() {
    let body = |text: &str| json!({"type": "error", "error": {"type": "x", "message": text}}).to_string();
    for (turn, what) in [
        (status(401, body("invalid x-api-key")), "401"),
        (status(403, body("forbidden")), "403"),
        (status(500, body("boom")), "500"),
        (status(429, body("slow down")), "429"),
        (status(502, "<html>bad gateway</html>"), "502"),
        (say("half of").pieces(4).half_after(1), ""),
        (say("cut off").pieces(3).disconnect_after(1), ""),
        (say("garbage").pieces(3).malformed_after(1), ""),
    ] {
        let (model, _scratch, mut pi) = with_retries([turn, say("better")], 0);
        let events = pi.run("hi");
        let error = error_of(&events);
        assert!(error.contains(what) && !error.is_empty(), "{what}: {error}");
        assert!(events.iter().all(|it| it["message"].get("failure").is_none()), "not Pi's: {events:?}");
        assert_eq!(last_answer(&pi.run("and now?"))["content"][0]["text"], "better", "{what}");
        assert_eq!(model.requests().len(), 2);
    }
}

#[test]
fn a_program_tries_a_failed_call_again_and_skips_a_tool_that_takes_too_long() {
    let slow = call("bash", json!({"command": "echo begun; cat gate"})).id("slow");
    let (model, scratch, mut pi) = with_retries([status(500, "{}"), slow, say("Without it.")], 0);
    assert!(std::process::Command::new("mkfifo").arg(scratch.path("gate")).status().unwrap().success());
    error_of(&pi.run("go"));
    pi.ok(json!({"type": "retry_now"}));
    pi.event("tool_execution_update");
    pi.ok(json!({"type": "skip_tool", "toolCallId": "slow"}));
    let events = pi.events_until("agent_settled");
    let end = events.iter().find(|it| it["type"] == "tool_execution_end").unwrap();
    assert_eq!(end["isError"], true);
    let told = end["result"]["content"][0]["text"].as_str().unwrap();
    assert!(told.starts_with("The user skipped this call. Go on without its result.\n\nbegun\n"), "{told}");
    assert_eq!(last_answer(&events)["content"][0]["text"], "Without it.");
    let results = model.last_request().tool_results();
    assert_eq!((results.len(), &*results[0].1), (1, told), "the model reads the same");
    assert_eq!(model.last_request().user_texts(), ["go"], "the prompt is said once");
}

#[test]
fn a_passing_failure_is_repeated() {
    for fault in [status(429, "{}"), status(500, "{}"), say("x").half_after(0), say("x").disconnect_after(0)]
    {
        let (model, _scratch, mut pi) = with_retries([fault, say("there you are")], 2);
        let events = pi.run("hi");
        assert_eq!(last_answer(&events)["content"][0]["text"], "there you are");
        let retry =
            events.iter().find(|it| it["type"] == "auto_retry_start").expect("no retry was announced");
        assert_eq!((retry["attempt"].as_u64(), retry["maxAttempts"].as_u64()), (Some(1), Some(2)));
        assert_eq!(events.iter().find(|it| it["type"] == "auto_retry_end").unwrap()["success"], true);
        assert_eq!(model.last_request().user_texts(), ["hi"]);
    }
}

#[test]
fn a_lasting_failure_is_given_up() {
    let (_model, _scratch, mut pi) = with_retries([status(500, "{}"), status(500, "{}")], 1);
    let events = pi.run("hi");
    let end = events.iter().find(|it| it["type"] == "auto_retry_end").unwrap();
    assert_eq!(end["success"], false);
    assert!(end["finalError"].as_str().unwrap().contains("500"), "{end}");
    error_of(&events);
}

#[test]
fn a_model_that_says_nothing_can_be_aborted() {
    let (model, _scratch, mut pi) = start([hang(), say("finally")]);
    pi.prompt("hi");
    model.wait_request(1);
    pi.ok(json!({"type": "abort"}));
    pi.settled();
    model.wait_disconnects(1);
    assert_eq!(last_answer(&pi.run("again"))["content"][0]["text"], "finally");
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let scratch = {
        let gone = ModelServer::start();
        Scratch::with_model(&gone)
    };
    scratch.settings(&json!({"retry": {"enabled": false}}));
    let mut pi = JsonlClient::start(PI, &scratch, &[]);
    assert!(!error_of(&pi.run("hi")).is_empty());
}

#[test]
fn an_unknown_session_ends_the_start_with_one_record() {
    let scratch = Scratch::with_model(&ModelServer::start());
    let mut pi = JsonlClient::start(PI, &scratch, &["--session", "0000"]);
    let answer = pi.anonymous_failure();
    assert_eq!(answer["error"], "no session whose id begins with 0000");
    assert_eq!(pi.wait_exit().code(), Some(1));
}

#[test]
fn without_a_model_everything_but_a_prompt_works() {
    let scratch = Scratch::new();
    let mut pi = JsonlClient::start_bare::<&str>(PI, &scratch, &[]);
    assert_eq!(pi.ok(json!({"type": "get_available_models"}))["models"], json!([]));
    let error = pi.refused(json!({"type": "prompt", "message": "hi"}));
    assert!(error.contains("No API key") || error.contains("No model"), "{error}");
    assert_eq!(pi.ok(json!({"type": "bash", "command": "echo hi"}))["output"], "hi\n");
    assert_eq!(pi.state().get("model"), None);
}

#[test]
fn a_missing_key_is_named_before_anything_is_sent() {
    let model = ModelServer::start();
    let scratch = Scratch::new();
    let mut models = model.models_json();
    models["providers"]["scripted"]["apiKey"] = json!("$NO_SUCH_VARIABLE_HERE");
    scratch.agent_file("models.json", &models.to_string());
    let mut pi = JsonlClient::start(PI, &scratch, &[]);
    let error = pi.refused(json!({"type": "prompt", "message": "hi"}));
    assert!(error.contains("No API key found for scripted"), "{error}");
    assert!(model.requests().is_empty());
}

#[test]
fn a_broken_models_file_is_reported_and_does_not_stop_the_start() {
    let scratch = Scratch::new();
    scratch.agent_file("models.json", "{\"providers\": ");
    let mut pi = JsonlClient::start_bare::<&str>(PI, &scratch, &[]);
    assert_eq!(pi.state()["isStreaming"], false);
}

#[test]
fn where_sessions_cannot_be_written_the_answer_comes_all_the_same() {
    let model = ModelServer::with([say("hello"), say("again")]);
    let scratch = Scratch::with_model(&model);
    // A file where the directory should be: stops even a process with all rights.
    scratch.agent_file("sessions", "in the way");
    let mut pi = JsonlClient::start(PI, &scratch, &[]);
    let events = pi.run("hi");
    assert_eq!(last_answer(&events)["content"][0]["text"], "hello");
    let notice = events.iter().find(|it| it["type"] == "notice").expect("nobody was told");
    assert_eq!(notice["level"], "error", "{notice}");
    pi.run("more");
    assert_eq!(model.last_request().user_texts(), ["hi", "more"]);
}

#[test]
fn a_workspace_that_cannot_be_written_fails_the_tool_only() {
    let (model, scratch, mut pi) =
        start([call("write", json!({"path": "file/below.txt", "content": "x"})), say("it is a file")]);
    scratch.file("file", "not a directory");
    pi.run("write it");
    let end = pi.events().into_iter().find(|it| it["type"] == "tool_execution_end").unwrap();
    assert_eq!(end["isError"], true, "{end}");
    assert!(!model.last_request().tool_results()[0].1.is_empty());
    assert_eq!(scratch.read("file"), "not a directory");
}

#[cfg(unix)]
#[test]
fn a_disk_that_takes_no_more_leaves_the_file_as_it_was() {
    use std::os::unix::fs::PermissionsExt;
    let edit = call("edit", json!({"path": "big.txt", "oldText": "old", "newText": "new"}));
    let model = ModelServer::with([edit, call("bash", json!({"command": "ls -A"})), say("so be it")]);
    let scratch = Scratch::with_model(&model);
    let text = format!("old\n{}", "a line among many\n".repeat(300_000));
    let file = scratch.file("big.txt", &text);
    // No file grows beyond a part of that, as on a disk that is nearly full.
    let limited = scratch.agent_dir().join("limited");
    std::fs::write(&limited, format!("#!/bin/sh\ntrap '' XFSZ\nulimit -f 2048\nexec '{PI}' \"$@\"\n"))
        .unwrap();
    std::fs::set_permissions(&limited, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut pi = JsonlClient::start(limited.to_str().unwrap(), &scratch, &[]);
    pi.run("go");
    let results = model.last_request().tool_results();
    assert_eq!(
        results[0].1,
        "big.txt cannot be written: larger than a file may be here. Nothing was changed."
    );
    assert_eq!(results[1].1.trim(), "big.txt", "nothing is left beside it");
    assert!(std::fs::read_to_string(&file).unwrap() == text, "the file is another one");
}
