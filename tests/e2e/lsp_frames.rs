//! What is no message, and messages at the wrong time: each is answered, or ignored, or ends the process, as the
//! base protocol, JSON-RPC and LSP say.
//!
//! Every row is a whole conversation of one process: bytes in, the end of input, answers out.

use std::{io::Write, process::Stdio};

use pi_harness::{Scratch, lsp_client::framed};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

fn message(body: Value) -> Vec<u8> {
    framed(&body).into_bytes()
}

fn request(id: impl Into<Value>, method: &str) -> Vec<u8> {
    let params = match method {
        "initialize" => json!({"capabilities": {}}),
        "shutdown" => Value::Null,
        _ => json!({"textDocument": {"uri": "file:///a"}, "position": {"line": 0, "character": 0}}),
    };
    message(json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params}))
}

/// Something that is answered at once.
fn hover(id: impl Into<Value>) -> Vec<u8> {
    request(id, "textDocument/hover")
}

fn notification(method: &str) -> Vec<u8> {
    message(json!({"jsonrpc": "2.0", "method": method, "params": {}}))
}

fn body(bytes: &[u8]) -> Vec<u8> {
    [format!("Content-Length: {}\r\n\r\n", bytes.len()).as_bytes(), bytes].concat()
}

/// The answers in order, and the exit status.
fn converse(input: &[u8]) -> (Vec<Value>, Option<i32>) {
    let scratch = Scratch::new();
    let mut command = scratch.command(PI);
    command.arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // After `exit` nobody may be reading any more.
    let _gone = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!log.contains("panicked at"), "{log}");
    let mut rest = output.stdout.as_slice();
    let mut answers = Vec::new();
    while !rest.is_empty() {
        let end = rest.windows(4).position(|it| it == b"\r\n\r\n").expect("a header");
        let header = std::str::from_utf8(&rest[..end]).unwrap();
        let length: usize = header.strip_prefix("Content-Length: ").unwrap().parse().unwrap();
        answers.push(serde_json::from_slice(&rest[end + 4..end + 4 + length]).unwrap());
        rest = &rest[end + 4 + length..];
    }
    answers.retain(|it: &Value| it.get("method").is_none());
    (answers, output.status.code())
}

/// What is expected of one answer: its id, and the code of its error.
type Answered = (Value, Option<i64>);

fn check(name: &str, input: &[&[u8]], expected: &[Answered], status: i32) {
    let (answers, code) = converse(&input.concat());
    let got: Vec<Answered> =
        answers.iter().map(|it| (it["id"].clone(), it["error"]["code"].as_i64())).collect();
    assert_eq!(got, expected, "{name}");
    assert_eq!(code, Some(status), "{name}");
    for answer in &answers {
        assert_eq!(answer["jsonrpc"], "2.0", "{name}: {answer}");
        assert_ne!(answer.get("result").is_some(), answer.get("error").is_some(), "{name}: {answer}");
    }
}

#[test]
fn messages_at_the_wrong_time() {
    let (early, late) = (Some(-32002), Some(-32600));
    let initialize = request(1, "initialize");
    let (shutdown, exit) = (request(8, "shutdown"), notification("exit"));
    check("nothing at all", &[], &[], 1);
    check("exit without anything", &[&exit], &[], 1);
    check("exit without shutdown", &[&initialize, &exit], &[(json!(1), None)], 1);
    check(
        "requests before initialize",
        &[
            &request(5, "pi/getState"),
            &request(6, "textDocument/hover"),
            &request(7, "workspace/executeCommand"),
            &initialize,
            &hover(9),
        ],
        &[(json!(5), early), (json!(6), early), (json!(7), early), (json!(1), None), (json!(9), None)],
        1,
    );
    check(
        "notifications before initialize",
        &[
            &notification("initialized"),
            &notification("textDocument/didOpen"),
            &notification("$/setTrace"),
            &initialize,
        ],
        &[(json!(1), None)],
        1,
    );
    check(
        "initialize twice",
        &[&initialize, &request(2, "initialize"), &hover(3)],
        &[(json!(1), None), (json!(2), late), (json!(3), None)],
        1,
    );
    check("shutdown before initialize", &[&shutdown, &initialize], &[(json!(8), early), (json!(1), None)], 1);
    check(
        "requests and notifications after shutdown",
        &[
            &initialize,
            &shutdown,
            &request(2, "pi/getState"),
            &hover(3),
            &notification("initialized"),
            &request(4, "shutdown"),
            &request(5, "initialize"),
            &exit,
        ],
        &[
            (json!(1), None),
            (json!(8), None),
            (json!(2), late),
            (json!(3), late),
            (json!(4), late),
            (json!(5), late),
        ],
        0,
    );
    check(
        "nothing after exit",
        &[&initialize, &shutdown, &exit, &hover(2)],
        &[(json!(1), None), (json!(8), None)],
        0,
    );
    check(
        "the end of input after shutdown",
        &[&initialize, &shutdown],
        &[(json!(1), None), (json!(8), None)],
        0,
    );
    check(
        "methods nobody knows",
        &[
            &initialize,
            &request(2, "$/none"),
            &notification("$/none"),
            &notification("none/none"),
            &request(3, "none/none"),
        ],
        &[(json!(1), None), (json!(2), Some(-32601)), (json!(3), Some(-32601))],
        1,
    );
    check(
        "ids are numbers and texts",
        &[&initialize, &hover("1"), &hover(-7), &hover(1)],
        &[(json!(1), None), (json!("1"), None), (json!(-7), None), (json!(1), None)],
        1,
    );
    check(
        "an id that is neither",
        &[&initialize, &hover(1.5)],
        &[(json!(1), None), (Value::Null, Some(-32600))],
        1,
    );
}

#[test]
fn bytes_that_are_no_message() {
    let (no_json, no_message) = (Some(-32700), Some(-32600));
    let deep = [b"{\"method\":\"$/x\",\"params\":", "[".repeat(100_000).as_bytes()].concat();
    let length = |text: &str| format!("Content-Length: {text}\r\n\r\n").into_bytes();
    let with_header = |header: &str| [header.as_bytes(), b"\r\n", &notification("$/x")].concat();
    for (name, bytes, answer) in [
        ("truncated JSON", body(b"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"pi/get"), no_json),
        ("no JSON", body(b"hello"), no_json),
        ("nothing", body(b""), no_json),
        ("invalid UTF-8", body(b"{\"method\":\"\xff\xfe\"}"), no_json),
        ("half a surrogate pair", body(b"{\"method\":\"\\ud800\"}"), no_json),
        ("a byte order mark", body(b"\xef\xbb\xbf{\"method\":\"$/x\"}"), no_json),
        ("very deep", body(&deep), no_json),
        ("a batch", body(b"[{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"pi/getState\"}]"), no_message),
        ("an empty batch", body(b"[]"), no_message),
        ("a text", body(b"\"initialize\""), no_message),
        ("neither method nor result", body(b"{\"jsonrpc\":\"2.0\",\"id\":3}"), no_message),
        ("a method that is no text", body(b"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":7}"), no_message),
        ("an answer to nobody", body(b"{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":null}"), None),
        ("a length that is no number", length("many"), no_json),
        ("a negative length", length("-2"), no_json),
        ("a hexadecimal length", length("0x2"), no_json),
        ("a length without digits", length(""), no_json),
        ("a length beyond everything", length("99999999999999999999999999"), no_json),
        ("a length beyond the limit", length("9999999999"), no_json),
        ("no length", b"Content-Type: application/vscode-jsonrpc\r\n\r\n".to_vec(), no_json),
        ("two lengths that differ", [b"Content-Length: 3\r\n".to_vec(), length("2")].concat(), no_json),
        (
            "the same length twice",
            [b"Content-Length: 16\r\n".to_vec(), body(b"{\"method\":\"$/x\"}")].concat(),
            None,
        ),
        (
            "another character set",
            with_header("Content-Type: application/vscode-jsonrpc; charset=utf-16"),
            no_json,
        ),
        (
            "an old spelling of utf-8",
            with_header("Content-Type: application/vscode-jsonrpc; charset=utf8"),
            None,
        ),
        ("a header nobody knows", with_header("X-Trace: 1"), None),
        ("lines that end with LF only", b"Content-Length: 16\n\n{\"method\":\"$/x\"}".to_vec(), None),
        ("names in another case", b"content-length: 16\r\n\r\n{\"method\":\"$/x\"}".to_vec(), None),
    ] {
        // What comes next is served, whatever this was.
        let answered: Vec<Answered> = answer.iter().map(|code| (Value::Null, Some(*code))).collect();
        let expected = [vec![(json!(1), None)], answered, vec![(json!(2), None)]].concat();
        check(name, &[&request(1, "initialize"), &bytes, &hover(2)], &expected, 1);
    }
}

#[test]
fn input_that_ends_in_the_middle() {
    let initialize = request(1, "initialize");
    let cut = Some(-32700);
    for (name, bytes, answer) in [
        ("in a header", b"Content-Len".to_vec(), cut),
        ("after a header", b"Content-Length: 7\r\n".to_vec(), None),
        ("before the body", b"Content-Length: 7\r\n\r\n".to_vec(), cut),
        ("in the body", b"Content-Length: 7\r\n\r\n{\"id\"".to_vec(), cut),
    ] {
        let answered = answer.iter().map(|code| (Value::Null, Some(*code)));
        let expected: Vec<Answered> = [(json!(1), None)].into_iter().chain(answered).collect();
        check(name, &[&initialize, &bytes], &expected, 1);
    }
}
