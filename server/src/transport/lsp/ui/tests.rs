//! The bridge from a session's questions to a client of which the test plays both ends.

use std::{sync::Arc, time::Instant};

use lsp_types::InitializeParams;
use pi_core::{
    CancellationToken, SessionHandle, reply_channel,
    session::{Command, CommandResult, UiAnswer},
};
use pi_protocol::AgentEvent;
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::{
    cli::SessionArgs,
    compose::Compose,
    hub::Hub,
    transport::lsp::{
        actions,
        capabilities::Capabilities,
        lane::{Job, Lane},
        outbound::Outbound,
        target::Target,
    },
};

/// A connection with one session.
struct World {
    connection: Arc<Connection>,
    session: SessionHandle,
    _home: tempfile::TempDir,
}

impl World {
    async fn new(capabilities: Value) -> Self {
        Self::of(json!({ "capabilities": capabilities })).await
    }

    /// With a client that introduces itself like this.
    async fn of(said: Value) -> Self {
        let home = tempfile::tempdir().unwrap();
        let project = home.path().join("project");
        std::fs::create_dir(&project).unwrap();
        let args = SessionArgs { offline: true, ..SessionArgs::default() };
        let hub = Hub::new(Compose::at(args, project.clone(), home.path().join("agent")));
        let (lane, jobs) = mpsc::unbounded_channel();
        let connection = Connection::new(hub, Outbound::default(), lane);
        let said: InitializeParams = serde_json::from_value(said).unwrap();
        connection.initialized(Capabilities::of(&said), vec![project]);
        tokio::spawn(Lane::new(connection.clone()).run(jobs));
        let (reply, session) = oneshot::channel();
        connection.enqueue(Job::Session(None, Target::Last, reply));
        let session = session.await.unwrap().unwrap();
        Self { connection, session, _home: home }
    }

    async fn plugin() -> Self {
        Self::new(json!({"experimental": {"pi": {"ui": true}}})).await
    }

    /// Asks as an extension does.
    fn ask(&self, request: ExtensionUiRequest) -> impl Future<Output = CommandResult<UiAnswer>> + use<> {
        let (reply, answer) = reply_channel();
        self.session.send(Command::AskUi(Box::new(request), CancellationToken::new(), reply));
        answer
    }

    /// The next message to the client. Time stands still meanwhile.
    async fn sent(&self) -> Value {
        let begun = Instant::now();
        loop {
            if let Some(message) = self.connection.out.take() {
                return message;
            }
            assert!(begun.elapsed().as_secs() < 30, "nothing is sent");
            tokio::task::yield_now().await;
        }
    }

    /// The next message, which has this method.
    async fn sent_as(&self, method: &str) -> Value {
        let message = self.sent().await;
        assert_eq!(message["method"], method, "{message}");
        message
    }

    fn answers(&self, request: &Value, result: Value) {
        self.connection.client.answered(&request["id"], Some(result), None);
    }

    /// Something to show, after all that came before.
    async fn mark(&self) -> Value {
        let (reply, shown) = reply_channel();
        let notice = ExtensionUiRequest {
            message: Some("mark".to_owned()),
            ..ExtensionUiRequest::new(ExtensionUiMethod::Notify)
        };
        self.session.send(Command::AskUi(Box::new(notice), CancellationToken::new(), reply));
        assert_eq!(shown.await.unwrap(), UiAnswer::None);
        self.sent().await
    }
}

/// A client without a plugin that can be asked with a message.
fn with_messages() -> Value {
    json!({"window": {"showMessage": {}}, "workspace": {"executeCommand": {}}})
}

fn request(method: ExtensionUiMethod) -> ExtensionUiRequest {
    ExtensionUiRequest {
        id: "q".to_owned(),
        options: (method == ExtensionUiMethod::Select).then(|| vec!["one".into(), "Two".into(), "1".into()]),
        ..ExtensionUiRequest::new(method)
    }
}

#[test]
fn what_is_typed_is_a_choice_its_number_or_a_text() {
    let select = request(ExtensionUiMethod::Select);
    for (text, value) in [("one", Some("one")), ("two", Some("Two")), ("1", Some("1")), ("2", Some("Two"))] {
        let answer = typed(&select, text).unwrap();
        assert_eq!(answer.value.as_ref().and_then(Value::as_str), value, "{text}");
    }
    for wrong in ["", " ", "0", "4", "three"] {
        assert!(typed(&select, wrong).is_err(), "{wrong}");
    }
    let confirm = request(ExtensionUiMethod::Confirm);
    assert_eq!(typed(&confirm, "yes").unwrap().confirmed, Some(true));
    assert_eq!(typed(&confirm, " NO ").unwrap().confirmed, Some(false));
    assert_eq!(typed(&confirm, "perhaps").unwrap_err(), "“perhaps” is none of: Yes · No");
    let input = request(ExtensionUiMethod::Input);
    assert_eq!(typed(&input, " a\nb ").unwrap().value, Some("a\nb".into()));
    assert!(typed(&input, "\n").is_err());
}

#[test]
fn only_an_answer_to_the_question_counts() {
    let answer = |value: Option<&str>, confirmed, cancelled| ExtensionUiAnswer {
        value: value.map(str::to_owned),
        confirmed,
        cancelled,
    };
    use ExtensionUiMethod::{Confirm, Editor, Input, Select};
    for (method, said, counts) in [
        (Select, answer(Some("Two"), None, None), true),
        (Select, answer(Some("two"), None, None), false),
        (Select, answer(Some("Two"), None, Some(true)), false),
        (Select, answer(None, Some(true), None), false),
        (Confirm, answer(None, Some(false), Some(false)), true),
        (Confirm, answer(Some("Yes"), None, None), false),
        (Input, answer(Some(""), None, None), true),
        (Editor, answer(Some("a\nb"), None, None), true),
        (Editor, answer(None, None, None), false),
    ] {
        assert_eq!(checked(&request(method), said.clone()).is_some(), counts, "{method:?} {said:?}");
    }
    assert_eq!(checked(&request(Confirm), answer(None, Some(false), None)).unwrap().confirmed, Some(false));
}

#[tokio::test(start_paused = true)]
async fn a_plugin_is_asked_and_its_answer_counts_once() {
    use ExtensionUiMethod::{Confirm, Editor, Input, Select};
    let world = World::plugin().await;
    for (method, said, expected) in [
        (Select, json!({"value": "Two"}), UiAnswer::Text("Two".into())),
        (Confirm, json!({"confirmed": true}), UiAnswer::Confirmed(true)),
        (Input, json!({"value": ""}), UiAnswer::Text(String::new())),
        (Editor, json!({"value": "a\nb"}), UiAnswer::Text("a\nb".into())),
        // Dismissed, or nothing that answers it.
        (Select, json!(null), UiAnswer::None),
        (Select, json!({"value": "Three"}), UiAnswer::None),
        (Confirm, json!({"value": "Yes"}), UiAnswer::Confirmed(false)),
        (Input, json!({"value": 7}), UiAnswer::None),
        (Editor, json!("text"), UiAnswer::None),
        (Input, json!({"value": "x", "cancelled": true}), UiAnswer::None),
    ] {
        let answer = world.ask(request(method));
        let asked = world.sent_as("pi/ui").await;
        assert_eq!(asked["params"]["sessionId"], **world.session.id());
        assert_eq!(asked["params"]["request"]["method"], json!(method));
        world.answers(&asked, said.clone());
        world.answers(&asked, json!({"value": "one", "confirmed": true}));
        assert_eq!(answer.await.unwrap(), expected, "{method:?} {said}");
    }
    let answer = world.ask(request(Confirm));
    let asked = world.sent_as("pi/ui").await;
    let refused = json!({"code": -32601, "message": "no such method"});
    world.connection.client.answered(&asked["id"], None, Some(refused));
    assert_eq!(answer.await.unwrap(), UiAnswer::Confirmed(false));
    assert_eq!(world.connection.client.pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_over_is_taken_back_from_the_client() {
    let world = World::plugin().await;
    // Its time is up.
    let timed = ExtensionUiRequest { timeout: Some(5_000), ..request(ExtensionUiMethod::Input) };
    let answer = world.ask(timed);
    let asked = world.sent_as("pi/ui").await;
    assert_eq!(asked["params"]["request"]["timeout"], 5_000);
    tokio::time::advance(Duration::from_millis(4_900)).await;
    assert!(world.connection.questions.all().len() == 1 && world.connection.client.pending() == 1);
    tokio::time::advance(Duration::from_millis(200)).await;
    assert_eq!(world.sent_as("$/cancelRequest").await["params"]["id"], asked["id"]);
    assert_eq!(answer.await.unwrap(), UiAnswer::None);
    // Too late.
    world.answers(&asked, json!({"value": "late"}));
    // Answered elsewhere.
    let answer = world.ask(request(ExtensionUiMethod::Input));
    let asked = world.sent_as("pi/ui").await;
    let elsewhere = typed(&world.connection.questions.all()[0].asked.ui().unwrap().clone(), "there").unwrap();
    world.session.send(Command::AnswerUi(elsewhere));
    assert_eq!(answer.await.unwrap(), UiAnswer::Text("there".into()));
    assert_eq!(world.sent_as("$/cancelRequest").await["params"]["id"], asked["id"]);
    assert!(world.connection.questions.all().is_empty());
    // The end of the session.
    let answer = world.ask(request(ExtensionUiMethod::Confirm));
    let asked = world.sent_as("pi/ui").await;
    world.connection.hub.close(world.session.id()).await;
    assert_eq!(answer.await.unwrap(), UiAnswer::Confirmed(false));
    assert_eq!(world.sent_as("$/cancelRequest").await["params"]["id"], asked["id"]);
}

#[tokio::test(start_paused = true)]
async fn what_asks_nothing_is_shown_in_order_and_waits_for_nobody() {
    let status = |text: &str| ExtensionUiRequest {
        status_key: Some("k".into()),
        status_text: Some(text.to_owned()),
        ..ExtensionUiRequest::new(ExtensionUiMethod::SetStatus)
    };
    let world = World::plugin().await;
    for text in ["one", "two", "three"] {
        assert_eq!(world.ask(status(text)).await.unwrap(), UiAnswer::None);
    }
    for text in ["one", "two", "three"] {
        assert_eq!(world.sent_as("pi/ui").await["params"]["request"]["statusText"], text);
    }
    // Without a plugin there is a place for notices only.
    let world = World::new(with_messages()).await;
    assert_eq!(world.ask(status("one")).await.unwrap(), UiAnswer::None);
    let shown = world.mark().await;
    assert_eq!(
        (&shown["method"], &shown["params"]["message"]),
        (&json!("window/logMessage"), &json!("mark"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_choice_is_asked_with_a_message_where_there_is_no_plugin() {
    let world = World::new(with_messages()).await;
    let question = ExtensionUiRequest {
        title: Some("Go on?".into()),
        message: Some("It\u{202e} takes long.".into()),
        ..request(ExtensionUiMethod::Confirm)
    };
    for (said, expected) in [
        (json!({"title": "Yes"}), UiAnswer::Confirmed(true)),
        (json!({"title": "No"}), UiAnswer::Confirmed(false)),
        (json!(null), UiAnswer::Confirmed(false)),
    ] {
        let answer = world.ask(question.clone());
        let asked = world.sent_as("window/showMessageRequest").await;
        assert_eq!(asked["params"]["message"], "Go on?\n\nIt<U+202E> takes long.");
        assert_eq!(asked["params"]["actions"], json!([{"title": "Yes"}, {"title": "No"}]));
        world.answers(&asked, said);
        assert_eq!(answer.await.unwrap(), expected);
    }
    // One that says it can and cannot, and one that answers something else: the question stays.
    for failure in [Some(json!({"code": -32601, "message": "no"})), None] {
        let answer = world.ask(request(ExtensionUiMethod::Select));
        let asked = world.sent_as("window/showMessageRequest").await;
        let said = failure.is_none().then(|| json!({"title": "Three"}));
        world.connection.client.answered(&asked["id"], said, failure);
        let told = world.sent_as("window/logMessage").await;
        assert!(told["params"]["message"].as_str().unwrap().contains("code action or the chat"), "{told}");
        actions::run(&world.connection, "pi.answer", &[json!("three")]).unwrap_err();
        actions::run(&world.connection, "pi.answer", &[json!("two")]).unwrap();
        assert_eq!(answer.await.unwrap(), UiAnswer::Text("Two".into()));
    }
    // Words are never asked in a message.
    let answer = world.ask(request(ExtensionUiMethod::Input));
    let told = world.sent_as("window/logMessage").await;
    assert!(told["params"]["message"].as_str().unwrap().ends_with("/answer in the chat"), "{told}");
    actions::run(&world.connection, "pi.answer", &[json!("my"), json!("own")]).unwrap();
    assert_eq!(answer.await.unwrap(), UiAnswer::Text("my own".into()));
    let answer = world.ask(request(ExtensionUiMethod::Input));
    world.sent_as("window/logMessage").await;
    actions::run(&world.connection, "pi.reject", &[]).unwrap();
    assert_eq!(answer.await.unwrap(), UiAnswer::None);
}

#[tokio::test(start_paused = true)]
async fn an_enter_meant_for_something_else_chooses_nothing_in_helix() {
    let said = json!({"clientInfo": {"name": "helix"}, "capabilities": with_messages()});
    let world = World::of(said).await;
    let answer = world.ask(request(ExtensionUiMethod::Confirm));
    let asked = world.sent_as("window/showMessageRequest").await;
    let first = &asked["params"]["actions"][0];
    assert_eq!(first["title"], "Answer later");
    world.answers(&asked, first.clone());
    world.sent_as("window/logMessage").await;
    assert_eq!(world.connection.questions.all().len(), 1);
    actions::run(&world.connection, "pi.answer", &[json!("yes")]).unwrap();
    assert_eq!(answer.await.unwrap(), UiAnswer::Confirmed(true));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_can_answer_there_is_no_answer_at_once() {
    for (client, choices, texts) in [
        (json!({}), false, false),
        (json!({"window": {"showMessage": {}}}), true, false),
        (
            json!({"experimental": {"pi": {"events": "delta"}}, "workspace": {"executeCommand": {}}}),
            false,
            false,
        ),
    ] {
        let world = World::new(client.clone()).await;
        use ExtensionUiMethod::{Confirm, Editor, Input, Select};
        for (method, can) in [(Select, choices), (Confirm, choices), (Input, texts), (Editor, texts)] {
            if can {
                continue;
            }
            let expected = if method == Confirm { UiAnswer::Confirmed(false) } else { UiAnswer::None };
            assert_eq!(world.ask(request(method)).await.unwrap(), expected, "{client} {method:?}");
        }
        assert!(world.connection.questions.all().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_a_permission_question_is_not_asked_twice() {
    let world = World::plugin().await;
    for method in [ExtensionUiMethod::Select, ExtensionUiMethod::Input] {
        let belongs = ExtensionUiRequest { permission: Some("p".into()), ..request(method) };
        world.session.send(Command::Publish(AgentEvent::ExtensionUiRequest(belongs)));
    }
    let next = world.mark().await;
    assert_eq!(next["params"]["request"]["message"], "mark", "{next}");
    // A request of a question is sent a moment after it was opened.
    assert!(world.connection.questions.all().is_empty());
}
