//! Several sessions on one connection: lists, search, names, the trash, and coming to one that lives.

use pi_harness::{Editor, ModelServer, Profile, Scratch, call, say};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

fn start() -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    (Editor::start(PI, &scratch, Profile::plugin()), scratch, model)
}

/// Claims the events of one session up to the one that says it has settled.
fn settled(editor: &Editor, session: &Value) -> Vec<Value> {
    let all = editor.claim_until("pi/event", "settled", |it| {
        it["sessionId"] == *session && it["event"]["type"] == "agent_settled"
    });
    all.into_iter().filter(|it| it["sessionId"] == *session).collect()
}

fn said(events: &[Value]) -> String {
    let deltas = events.iter().map(|it| &it["event"]["assistantMessageEvent"]);
    deltas.filter(|it| it["type"] == "text_delta").map(|it| it["delta"].as_str().unwrap()).collect()
}

#[test]
fn sessions_run_side_by_side_and_see_the_same_open_documents() {
    let (mut editor, scratch, model) = start();
    let file = scratch.file("a.rs", "old\n");
    editor.open("a.rs", "unsaved\n");
    let other = scratch.path("other");
    std::fs::create_dir(&other).unwrap();
    model.script([say("first").gate("hold"), call("read", json!({"path": file})), say("second")]);
    let first = editor.prompt("one")["sessionId"].clone();
    model.reached("hold");
    let second = editor.ok("pi/session/add", json!({"folder": other}))["sessionId"].clone();
    assert_ne!(first, second);
    editor.ok("pi/prompt", json!({"sessionId": second, "message": "two"}));
    let events = settled(&editor, &second);
    assert_eq!(said(&events), "second");
    let (_, seen) = model.last_request().tool_results()[0].clone();
    assert!(seen.contains("unsaved"), "{seen}");
    // Each in its own folder.
    assert!(model.last_request().system().contains(&other.to_string_lossy().into_owned()));
    // Requests without a session still go to the first one.
    assert_eq!(editor.ok("pi/getState", json!({}))["sessionId"], first);
    let gauges = editor.ok("pi/diagnostics", json!({}));
    assert_eq!((&gauges["sessions"], &gauges["running"]), (&json!(2), &json!(1)), "{gauges}");
    assert_eq!((&gauges["openDocuments"], &gauges["dirtyDocuments"]), (&json!(1), &json!(1)), "{gauges}");
    model.release("hold");
    settled(&editor, &first);
    editor.ok("pi/session/close", json!({"sessionId": second}));
    assert_eq!(editor.refused("pi/getState", json!({"sessionId": second}))["code"], -32602);
    assert_eq!(editor.refused("pi/session/close", json!({"sessionId": second}))["code"], -32602);
    assert_eq!(editor.refused("pi/session/add", json!({"folder": file}))["code"], -32602);
}

#[test]
fn sessions_are_listed_searched_named_and_thrown_away() {
    let (mut editor, scratch, model) = start();
    model.script([say("The Backoff type\nis in util."), say("hello")]);
    let first = editor.prompt("where is it?")["sessionId"].clone();
    editor.settled();
    editor.ok("pi/newSession", json!({}));
    let second = editor.prompt("hi")["sessionId"].clone();
    editor.settled();
    let list = editor.ok("pi/session/list", json!({}));
    let shown: Vec<_> = list["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (&it["sessionId"], it["life"].as_str().unwrap(), it["firstMessage"].as_str().unwrap()))
        .collect();
    assert_eq!(shown, [(&second, "idle", "hi"), (&first, "stored", "where is it?")]);
    assert_eq!(list["sessions"][1]["messageCount"], 2);
    assert_eq!(list["sessions"][1]["folder"], json!(scratch.workspace()));

    let found = editor.ok("pi/session/search", json!({"query": "BACKOFF"}));
    assert_eq!(found["found"][0]["session"]["sessionId"], first);
    assert_eq!(found["found"][0]["line"], "The Backoff type");
    assert_eq!((found["found"].as_array().unwrap().len(), &found["more"]), (1, &json!(false)));
    assert_eq!(editor.refused("pi/session/search", json!({"query": " "}))["code"], -32602);

    for id in [&first, &second] {
        editor.ok("pi/session/rename", json!({"sessionId": id, "name": "a\nname"}));
    }
    editor.events_until("session_info_changed");
    let list = editor.ok("pi/session/list", json!({}));
    assert!(list["sessions"].as_array().unwrap().iter().all(|it| it["name"] == "a name"), "{list}");

    let trash = editor.ok("pi/session/delete", json!({"sessionId": first}))["trash"].clone();
    let text = std::fs::read_to_string(trash.as_str().unwrap()).unwrap();
    assert!(text.contains("Backoff"), "{text}");
    editor.ok("pi/session/delete", json!({"sessionId": second}));
    assert_eq!(editor.ok("pi/session/list", json!({})), json!({"sessions": []}));
    let error = editor.refused("pi/session/delete", json!({"sessionId": first}));
    assert!(error["message"].as_str().unwrap().starts_with("no session "), "{error}");
    // The connection goes on with a new one.
    assert_ne!(editor.ok("pi/getState", json!({}))["sessionId"], second);
}

#[test]
fn a_session_that_runs_is_not_deleted() {
    let (mut editor, _scratch, model) = start();
    model.script([say("x").gate("hold")]);
    let id = editor.prompt("go")["sessionId"].clone();
    model.reached("hold");
    let error = editor.refused("pi/session/delete", json!({"sessionId": id}));
    assert!(error["message"].as_str().unwrap().contains("Stop it before"), "{error}");
    let list = editor.ok("pi/session/list", json!({}));
    assert_eq!(list["sessions"][0]["life"], "running");
    assert_eq!(list["sessions"][0]["firstMessage"], "go");
    model.release("hold");
    editor.settled();
}

#[test]
fn a_cursor_brings_what_was_missed() {
    let (mut editor, _scratch, model) = start();
    model.script([say("hello world").pieces(1)]);
    let id = editor.prompt("hi")["sessionId"].clone();
    let events = settled(&editor, &id);
    let attached = editor.ok("pi/session/attach", json!({"sessionId": id}));
    let last = events.last().unwrap()["seq"].as_u64().unwrap();
    assert_eq!(attached["seq"], last);
    assert_eq!(attached["snapshot"]["messages"].as_array().unwrap().len(), 2);
    for since in [0, 3, last - 2] {
        let params = json!({"sessionId": id, "since": since, "epoch": attached["epoch"]});
        let again = editor.ok("pi/session/attach", params);
        assert_eq!((&again["seq"], again.get("snapshot")), (&json!(since), None));
        assert_eq!(settled(&editor, &id), events[since as usize..]);
    }
    // A cursor from another life, or from the future, is worth nothing.
    for params in [json!({"since": 3, "epoch": 1}), json!({"since": last + 1})] {
        let mut params = params;
        params["sessionId"] = id.clone();
        assert!(editor.ok("pi/session/attach", params)["snapshot"].is_object());
    }
}

#[test]
fn one_who_comes_in_the_middle_of_an_answer_gets_all_of_it() {
    let (mut editor, _scratch, model) = start();
    let text: String = (0..3_000).map(|it| char::from(b'a' + (it % 26) as u8)).collect();
    model.script([say("before"), say(text.clone()).pieces(1).gate_after(2_000, "middle")]);
    let id = editor.prompt("one")["sessionId"].clone();
    settled(&editor, &id);
    editor.prompt("two");
    model.reached("middle");
    let request = editor.start_request("pi/session/attach", json!({"sessionId": id}));
    let attached = editor.response(request)["result"].take();
    let messages = attached["snapshot"]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 3, "the answer in progress is events only");
    assert_eq!(attached["snapshot"]["state"]["isStreaming"], true);
    let seq = attached["seq"].as_u64().unwrap();
    model.release("middle");
    settled(&editor, &id);
    let all = editor.messages();
    let answer = all.iter().position(|it| it["id"] == request && it.get("method").is_none()).unwrap();
    let after = all[answer..].iter().filter(|it| it["method"] == "pi/event");
    let events: Vec<Value> = after.map(|it| it["params"].clone()).collect();
    let seqs: Vec<_> = events.iter().map(|it| it["seq"].as_u64().unwrap()).collect();
    assert!(seqs[0] > seq && seqs.windows(2).all(|it| it[0] < it[1]), "{seq}: {seqs:?}");
    assert_eq!(said(&events), text);
}

#[test]
fn a_stored_session_is_opened_beside_the_others() {
    let (mut editor, _scratch, model) = start();
    model.script([say("one"), say("two")]);
    let first = editor.prompt("a")["sessionId"].clone();
    editor.settled();
    editor.ok("pi/newSession", json!({}));
    let own = editor.ok("pi/getState", json!({}))["sessionId"].clone();
    let attached = editor.ok("pi/session/attach", json!({"sessionId": first, "since": 2, "epoch": 1}));
    assert_eq!(attached["snapshot"]["messages"][1]["content"][0]["text"], "one");
    editor.ok("pi/prompt", json!({"sessionId": first, "message": "b"}));
    settled(&editor, &first);
    assert_eq!(model.last_request().user_texts(), ["a", "b"]);
    assert_eq!(editor.ok("pi/getState", json!({}))["sessionId"], own);
    assert_eq!(editor.refused("pi/session/attach", json!({"sessionId": "none"}))["code"], -32602);
}
