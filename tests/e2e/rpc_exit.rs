//! How the process ends: end of input, signals; nothing that was said is lost.

use pi_harness::{JsonlClient, Scratch, call, hang, say, scratch::session_lines};
use serde_json::json;

use crate::rpc::{PI, start};

#[test]
fn the_end_of_input_ends_an_idle_process() {
    let scratch = Scratch::new();
    let mut pi = JsonlClient::start_bare::<&str>(PI, &scratch, &[]);
    pi.state();
    pi.close_stdin();
    assert_eq!(pi.wait_exit().code(), Some(0));
}

#[test]
fn the_end_of_input_stops_a_run_and_ends_the_process() {
    let (model, _scratch, mut pi) = start([hang()]);
    pi.prompt("hi");
    model.wait_request(1);
    pi.close_stdin();
    assert_eq!(pi.wait_exit().code(), Some(0));
    model.wait_disconnects(1);
}

#[test]
fn the_end_of_input_stops_a_tool_and_keeps_the_session_whole() {
    let (_model, scratch, mut pi) = start([say("wait").call("bash", json!({"command": "sleep 600"}))]);
    pi.prompt("hi");
    pi.event("tool_execution_start");
    pi.close_stdin();
    assert_eq!(pi.wait_exit().code(), Some(0));
    let lines = session_lines(&scratch.session_files()[0]);
    assert!(lines.iter().any(|it| it["message"]["role"] == "assistant"), "{lines:?}");
}

#[cfg(unix)]
#[test]
fn signals_end_the_process_with_their_number() {
    for (signal, status) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let (_model, scratch, mut pi) = start([call("bash", json!({"command": "sleep 600"}))]);
        pi.prompt("hi");
        pi.event("tool_execution_start");
        pi.signal(signal);
        assert_eq!(pi.wait_exit().code(), Some(status), "SIG{signal}");
        session_lines(&scratch.session_files()[0]);
    }
}

#[cfg(unix)]
#[test]
fn after_a_hang_up_the_answers_that_are_due_still_leave() {
    let (_model, _scratch, mut pi) = start([]);
    let id = pi.start_request(json!({"type": "bash", "command": "echo up; sleep 600"}));
    pi.event("bash_execution_update");
    pi.signal("HUP");
    assert_eq!(pi.response(&id)["data"]["cancelled"], true);
    assert_eq!(pi.wait_exit().code(), Some(129));
}

#[test]
fn a_client_that_goes_away_is_no_reason_to_stay() {
    let (model, _scratch, mut pi) = start([say("x".repeat(4_000_000)).pieces(1000)]);
    pi.prompt("hi");
    model.wait_request(1);
    pi.close_stdin();
    assert_eq!(pi.wait_exit().code(), Some(0));
}
