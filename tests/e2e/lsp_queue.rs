//! Messages that wait, over LSP: turns, items with ids, and holding them after a stop.

use pi_harness::{Editor, ModelServer, Profile, Scratch, call, hang, say};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

fn start(profile: Profile) -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    (Editor::start(PI, &scratch, profile), scratch, model)
}

fn texts(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap()).collect()
}

#[test]
fn every_event_of_a_run_names_its_turn() {
    let (mut editor, _scratch, model) = start(Profile::plugin());
    model.script([call("bash", json!({"command": "true"})), say("one"), say("two")]);
    for turn in 1..=2 {
        assert_eq!(editor.prompt("go")["turnId"], turn);
        let events = editor.claim_until("pi/event", "settled", |it| it["event"]["type"] == "agent_settled");
        assert!(events.iter().all(|it| it["turnId"] == turn), "{events:?}");
    }
    editor.ok("pi/setSessionName", json!({"name": "x"}));
    let event = editor.notification("pi/event");
    assert_eq!(event.get("turnId"), None, "{event}");
}

#[test]
fn a_steer_for_a_turn_that_is_over_comes_back() {
    let (mut editor, _scratch, model) = start(Profile::plugin());
    model.script([say("one").gate("hold"), say("steered"), say("two")]);
    let turn = editor.prompt("go")["turnId"].clone();
    model.reached("hold");
    let queued = editor.ok("pi/steer", json!({"message": "rather this", "expectedTurnId": turn}));
    assert_eq!(queued, json!({"accepted": true, "itemId": 1, "turnId": 1}));
    model.release("hold");
    let events = editor.settled();
    let updates: Vec<_> = events.iter().filter(|it| it["type"] == "queue_update").collect();
    assert_eq!(
        updates[0]["items"],
        json!([{"id": 1, "kind": "steer", "text": "rather this", "held": false}])
    );
    assert_eq!(updates[1]["delivered"], json!([1]));
    let late = editor.ok("pi/steer", json!({"message": "too late", "expectedTurnId": turn}));
    assert_eq!(late, json!({"accepted": false}));
    editor.prompt("again");
    editor.settled();
    assert!(!model.last_request().user_texts().contains(&"too late".to_owned()));
}

#[test]
fn a_plugin_holds_and_changes_what_waits() {
    let (mut editor, _scratch, model) = start(Profile::plugin());
    model.script([hang(), say("sent")]);
    editor.prompt("go");
    model.wait_request(1);
    for text in ["a", "b", "c"] {
        editor.ok("pi/followUp", json!({"message": text}));
    }
    editor.ok("pi/abort", json!({}));
    editor.settled();
    let list = editor.ok("pi/queue/list", json!({}));
    assert!(list["items"].as_array().unwrap().iter().all(|it| it["held"] == true), "{list}");
    let list = editor.ok("pi/queue/reorder", json!({"ids": [3, 1]}));
    assert_eq!(texts(&list), ["c", "a", "b"]);
    let list = editor.ok("pi/queue/edit", json!({"id": 1, "text": "A", "kind": "steer"}));
    assert_eq!(texts(&list), ["A", "c", "b"]);
    let list = editor.ok("pi/queue/delete", json!({"id": 2}));
    assert_eq!(texts(&list), ["A", "c"]);
    let error = editor.refused("pi/queue/delete", json!({"id": 2}));
    assert_eq!(error["message"], "No message 2 waits: it has been delivered or removed.");
    let sent = editor.ok("pi/queue/send", json!({"id": 3}));
    assert_eq!((&sent["delivery"], &sent["turnId"]), (&json!("started"), &json!(2)));
    editor.settled();
    assert_eq!(model.last_request().user_texts().last().unwrap(), "c");
    assert_eq!(texts(&editor.ok("pi/queue/list", json!({}))), ["A"]);
}

#[test]
fn a_client_without_a_queue_strip_is_told_what_is_held() {
    let (mut editor, _scratch, model) = start(Profile::plain());
    model.script([hang(), say("next")]);
    editor.prompt("go");
    model.wait_request(1);
    editor.ok("pi/followUp", json!({"message": "then that"}));
    editor.ok("pi/abort", json!({}));
    editor.claim("that it is held", |it| {
        let said = it["params"]["message"].as_str().unwrap_or_default();
        it["method"] == "window/showMessage"
            && said.starts_with("Stopped by you after 0:")
            && said.ends_with(" · Held 1 – /take in the chat")
    });
    editor.ok("pi/prompt", json!({"message": "else"}));
    assert_eq!(model.wait_request(2).user_texts().last().unwrap(), "else");
    editor.claim("the end", |it| it["params"]["message"] == "Pi finished: the answer is in the chat");
    assert_eq!(texts(&editor.ok("pi/queue/list", json!({}))), ["then that"]);
    editor.unchecked = true;
}
