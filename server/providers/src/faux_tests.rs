//! Scripts played.

use std::sync::Mutex;

use pi_protocol::Content;
use serde_json::json;

use super::*;
use crate::testing;

async fn play(
    faux: &Faux,
    session: &str,
    text: &str,
    cancel: &CancellationToken,
) -> (Vec<Value>, AssistantMessage) {
    let mut request =
        testing::request((*model()).clone(), json!([{ "role": "user", "content": text, "timestamp": 1 }]));
    request.session_id = session.into();
    let mut events = Vec::new();
    let message = faux.stream(&request, None, cancel, &mut |it| events.push(testing::event(it))).await;
    (events, message)
}

fn faux(turns: Value) -> Faux {
    let faux = Faux::default();
    faux.set_script(Script::parse(&turns.to_string()).unwrap());
    faux
}

#[tokio::test]
async fn a_turn_with_every_kind_of_block() {
    let faux = faux(json!({ "turns": [{
        "content": [
            { "type": "thinking", "text": "hm", "signature": "s" },
            { "type": "text", "chunks": ["a", "b"] },
            { "type": "tool", "id": "c", "name": "read", "args": { "path": "ü" }, "chunk": 4 },
        ],
        "usage": { "input": 7 },
    }] }));
    let (events, message) = play(&faux, "s", "hi", &CancellationToken::new()).await;
    let kinds: Vec<_> = events.iter().map(|it| it["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "start",
            "thinking_start",
            "thinking_delta",
            "thinking_end",
            "text_start",
            "text_delta",
            "text_delta",
            "text_end",
            "toolcall_start",
            "toolcall_delta",
            "toolcall_delta",
            "toolcall_delta",
            "toolcall_end",
        ]
    );
    assert_eq!(
        (message.stop_reason, message.usage.input, message.usage.output),
        (StopReason::ToolUse, 7, 20)
    );
    assert_eq!(message.text(), "ab");
    let Some(Content::ToolCall(call)) = message.content.last() else { panic!("a call") };
    assert_eq!(call.arguments["path"], "ü");
}

#[tokio::test]
async fn each_session_plays_the_script_from_its_start_and_matching_turns_go_first() {
    let say = |text: &str| json!({ "content": [{ "type": "text", "text": text }] });
    let mut matching = say("tests");
    matching["match"] = "(?i)test".into();
    matching["repeat"] = true.into();
    let faux = faux(json!([say("one"), matching, say("two")]));
    let cancel = CancellationToken::new();
    for (session, text, expected) in [
        ("a", "hi", "one"),
        ("a", "run the Tests", "tests"),
        ("b", "hi", "one"),
        ("a", "hi", "two"),
        ("a", "test", "tests"),
        ("a", "hi", ""),
    ] {
        let (_, message) = play(&faux, session, text, &cancel).await;
        assert_eq!(message.text(), expected, "{session}: {text}");
        assert_eq!(message.error_message.is_some(), expected.is_empty());
    }
}

#[tokio::test]
async fn failures_stops_and_ends_are_as_written() {
    use StopReason::*;
    let text = json!([{ "type": "text", "text": "t" }]);
    for (turn, stop, error) in [
        (json!({ "content": text }), Stop, None),
        (json!({ "content": text, "stop": "length" }), Length, None),
        (
            json!({ "content": text, "stop": "refusal" }),
            Error,
            Some("The model refused to complete the request"),
        ),
        (json!({ "content": text, "error": "529: Overloaded" }), Error, Some("529: Overloaded")),
    ] {
        let (_, message) = play(&faux(json!([turn])), "s", "hi", &CancellationToken::new()).await;
        assert_eq!((message.stop_reason, message.error_message.as_deref()), (stop, error));
        assert_eq!(message.text(), "t", "content is kept");
    }
}

#[tokio::test(start_paused = true)]
async fn it_can_be_stopped_in_a_pause() {
    let faux = faux(json!([{ "delay_ms": 60_000, "content": [{ "type": "text", "chunks": ["a", "b"] }] }]));
    let cancel = CancellationToken::new();
    let seen = Mutex::new(0);
    let request = testing::request((*model()).clone(), json!([]));
    let stop = cancel.clone();
    let message = faux
        .stream(&request, None, &cancel, &mut |_| {
            let mut seen = seen.lock().unwrap();
            *seen += 1;
            // start, text_start, first delta
            if *seen == 3 {
                stop.cancel();
            }
        })
        .await;
    assert_eq!(message.stop_reason, StopReason::Aborted);
    assert_eq!(
        (message.text().as_str(), message.error_message.as_deref()),
        ("a", Some("Request was aborted"))
    );
}

#[test]
fn wrong_scripts_say_where() {
    for (text, expected) in [
        ("{", "script is not JSON"),
        ("3", "not a list of turns"),
        (r#"[{}, {"content": [{"type": "picture"}]}]"#, "turn 1 of the script: unknown variant `picture`"),
        (r#"[{"conten": []}]"#, "turn 0 of the script: unknown field `conten`"),
        (r#"[{"match": "("}]"#, "turn 0 of the script: regex parse error"),
    ] {
        let error = Script::parse(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    assert!(Script::load("/nowhere/script.json").unwrap_err().starts_with("cannot read the script /nowhere"));
    assert!(Script::load(" [{}]").is_ok());
}
