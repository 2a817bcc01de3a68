//! Bad input over JSONL: one clear answer each, nothing lost, and the next command works.

use pi_harness::{JsonlClient, Scratch, say};
use serde_json::{Value, json};

use crate::rpc::{PI, last_answer, start};

#[test]
fn a_bad_line_gets_one_answer_and_harms_nothing() {
    let (_model, _scratch, mut pi) = start([say("still here")]);
    let parse = "Failed to parse command: ";
    for (line, command, error) in [
        (&b"{not json}\n"[..], Some("parse"), parse),
        (b"{\"type\":\"get_state\"\n", Some("parse"), parse),
        (b"nonsense\n", Some("parse"), parse),
        (b"\xff\xfe{}\n", Some("parse"), parse),
        (b"{\"type\":\"prompt\",\"message\":\"\xc3\x28\"}\n", Some("parse"), parse),
        (b"{\"type\":\"prompt\",\"message\":\"\0\"}\n", Some("parse"), parse),
        (b"\0\0\0\n", Some("parse"), parse),
        (b"5\n", None, "Unknown command: undefined"),
        (b"null\n", None, "Unknown command: undefined"),
        (b"[{\"type\":\"get_state\"}]\n", None, "Unknown command: undefined"),
        (b"\"text\"\n", None, "Unknown command: undefined"),
        (b"{}\n", None, "Unknown command: undefined"),
        (b"{\"type\":7}\n", None, "Unknown command: 7"),
        (b"{\"type\":\"fly\"}\n", Some("fly"), "Unknown command: fly"),
        (b"{\"type\":\"prompt\"}\n", Some("prompt"), "Invalid prompt command: missing field `message`"),
    ] {
        pi.send_raw(line);
        let answer = pi.anonymous_failure();
        let shown = String::from_utf8_lossy(line);
        assert_eq!(answer.get("command").and_then(Value::as_str), command, "{shown}: {answer}");
        assert!(answer["error"].as_str().unwrap().starts_with(error), "{shown}: {answer}");
    }
    assert_eq!(last_answer(&pi.run("hi"))["content"][0]["text"], "still here");
}

#[test]
fn a_bad_field_is_named_and_the_id_comes_back() {
    let (_model, _scratch, mut pi) = start(Vec::new());
    for (command, what) in [
        (json!({"type": "prompt"}), "`message`"),
        (json!({"type": "prompt", "message": 5}), "expected a string"),
        (json!({"type": "prompt", "message": "m", "images": "x"}), "expected a sequence"),
        (json!({"type": "prompt", "message": "m", "images": [{"type": "image"}]}), "`mimeType`"),
        (json!({"type": "prompt", "message": "m", "streamingBehavior": "later"}), "later"),
        (json!({"type": "steer"}), "`message`"),
        (json!({"type": "set_model", "provider": "scripted"}), "`modelId`"),
        (json!({"type": "set_model", "provider": "no", "modelId": "such"}), "Model not found: no/such"),
        (json!({"type": "set_steering_mode", "mode": "bogus"}), "bogus"),
        (json!({"type": "set_auto_retry", "enabled": "yes"}), "boolean"),
        (json!({"type": "set_thinking_level", "level": "very"}), "very"),
        (json!({"type": "set_session_name", "name": "  "}), "Session name cannot be empty"),
        (json!({"type": "bash"}), "`command`"),
        (json!({"type": "fly"}), "Unknown command: fly"),
    ] {
        let error = pi.refused(command.clone());
        assert!(error.contains(what), "{command}: {error}");
    }
    assert_eq!(pi.state()["messageCount"], 0);
}

#[test]
fn an_id_of_any_type_is_echoed() {
    let (_model, _scratch, mut pi) = start(Vec::new());
    for id in [json!(7), json!("x"), json!(""), json!({"a": [1]}), json!(null), json!(1.5)] {
        pi.send(&json!({"type": "get_state", "id": id}));
        let answer = pi.next_response();
        assert_eq!(answer["id"], id);
        assert_eq!(answer["success"], true);
    }
}

#[test]
fn only_line_feeds_end_a_line() {
    let (model, _scratch, mut pi) = start([say("a\u{2028}b"), say("c")]);
    pi.send_raw(
        "\n\r\n  \n{\"type\":\"prompt\",\"id\":\"t-crlf\",\"message\":\"x\u{2028}y\u{2029}\u{0085}z\"}\r\n"
            .as_bytes(),
    );
    assert_eq!(pi.response("t-crlf")["success"], true);
    pi.settled();
    assert_eq!(model.last_request().user_texts(), ["x\u{2028}y\u{2029}\u{0085}z"]);
    assert_eq!(last_answer(&pi.events())["content"][0]["text"], "a\u{2028}b");
    // NUL and lone surrogates as escapes are text like any other.
    pi.send_raw(b"{\"type\":\"prompt\",\"id\":\"t-nul\",\"message\":\"a\\u0000b\"}\n");
    assert_eq!(pi.response("t-nul")["success"], true);
    pi.settled();
    assert_eq!(model.last_request().user_texts()[1], "a\0b");
}

#[test]
fn a_line_of_fifty_megabytes_is_answered() {
    let (_model, _scratch, mut pi) = start(Vec::new());
    let padding = "x".repeat(50 << 20);
    pi.send_raw(format!("{{\"id\":\"t-long\",\"type\":\"fly\",\"padding\":\"{padding}\"}}\n").as_bytes());
    assert_eq!(pi.response("t-long")["error"], "Unknown command: fly");
    pi.send_raw(format!("{padding}\n").as_bytes());
    assert_eq!(pi.anonymous_failure()["command"], "parse");
    assert_eq!(pi.state()["messageCount"], 0);
}

#[test]
fn a_last_line_without_its_end_still_counts() {
    let scratch = Scratch::new();
    let mut pi = JsonlClient::start_bare::<&str>(PI, &scratch, &[]);
    pi.send_raw(b"{\"type\":\"get_state\",\"id\":\"t-last\"}");
    pi.close_stdin();
    assert_eq!(pi.response("t-last")["success"], true);
    assert!(pi.wait_exit().success());
}
