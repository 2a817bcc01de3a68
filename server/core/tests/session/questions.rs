//! Tools that wait for permission, and questions of extensions.

use pi_core::{
    Answers, CancellationToken, Delivery, EventQueue, RuleScope, reply_channel, session::Command,
    session::UiAnswer,
};
use pi_protocol::*;
use serde_json::{Value, json};

use crate::world::{Step, Step::*, World};

/// A run in which `echo` asks; the question.
async fn asked(steps: Vec<Step>) -> (World, Value) {
    let mut world = World::new(steps).await;
    world.permissions.asks.lock().unwrap().push("echo");
    world.prompt("go").await;
    let question = world.until("permission_request").await;
    (world, question)
}

fn one_call() -> Vec<Step> {
    vec![Call(vec![("c1", "echo", json!({"n": 1}))]), Say("done")]
}

async fn answer(
    world: &World,
    question: &Value,
    choice: PermissionChoice,
    message: Option<&str>,
) -> Result<Empty, CommandError> {
    let id = question["id"].as_str().unwrap().to_owned();
    let params = AnswerPermissionParams { question_id: id, choice, message: message.map(str::to_owned) };
    world.session.ask(|reply| Command::AnswerPermission(params, reply)).await
}

async fn ui(world: &World, response: Value) {
    world.session.send(Command::AnswerUi(serde_json::from_value(response).unwrap()));
    // Answers of this kind have none themselves; what is sent after them is served after them.
    world.session.ask(Command::GetState).await.unwrap();
}

async fn settled(world: &mut World) -> Vec<String> {
    world.until("agent_settled").await;
    world.story()
}

#[tokio::test]
async fn a_call_waits_for_its_answer_and_then_runs() {
    let (mut world, question) = asked(one_call()).await;
    let state = world.session.ask(Command::GetState).await.unwrap();
    assert_eq!(state.pending_permissions.len(), 1);
    let other = EventQueue::answering(Answers::ALL);
    world.session.ask(|reply| Command::Subscribe(other.clone(), reply)).await.unwrap();
    assert!(state.pending_questions.is_empty());
    assert_eq!(question["choices"][0], json!({"id": "allow_once", "label": "Allow once"}));
    answer(&world, &question, PermissionChoice::AllowOnce, None).await.unwrap();
    let again = answer(&world, &question, PermissionChoice::Reject, None).await.unwrap_err();
    assert!(again.message.contains("was answered"), "{again}");
    // The other client is told.
    let id = question["id"].as_str().unwrap();
    loop {
        match other.next().await {
            Some(Delivery::Event(it)) if matches!(&*it.event, AgentEvent::PermissionResolved { .. }) => {
                assert_eq!(serde_json::to_value(&*it.event).unwrap()["id"], id);
                break;
            }
            Some(_) => {}
            None => panic!("the session ended"),
        }
    }
    let story = settled(&mut world).await;
    assert_eq!(story[4..9], ["> c1", "? echo", "ui select", "! allowed", "< c1 {\"n\":1}"]);
    let state = world.session.ask(Command::GetState).await.unwrap();
    assert!(state.pending_permissions.is_empty());
}

#[tokio::test]
async fn rules_are_stored_where_the_answer_says() {
    for (choice, scope, noticed) in [
        (PermissionChoice::AllowSession, RuleScope::Session, false),
        (PermissionChoice::AllowProject, RuleScope::Project, true),
    ] {
        let twice = vec![Call(vec![("c1", "echo", json!({})), ("c2", "echo", json!({}))]), Say("done")];
        let (mut world, question) = asked(twice).await;
        answer(&world, &question, choice, None).await.unwrap();
        let story = settled(&mut world).await;
        assert_eq!(story.iter().filter(|it| *it == "? echo").count(), 1, "{story:?}");
        assert_eq!(*world.permissions.rules.lock().unwrap(), [("echo".to_owned(), scope)]);
        assert_eq!(story.contains(&"notice the disk is full".to_owned()), noticed);
    }
}

#[tokio::test]
async fn a_rejection_is_told_to_the_model_and_the_run_goes_on() {
    for (choice, message, told) in [
        (PermissionChoice::Reject, None, "The user rejected this call. "),
        (
            PermissionChoice::RejectMessage,
            Some(" use make "),
            "The user rejected this call and says: use make",
        ),
    ] {
        let (mut world, question) = asked(one_call()).await;
        answer(&world, &question, choice, message).await.unwrap();
        let story = settled(&mut world).await;
        assert!(story.iter().any(|it| it.starts_with(&format!("< c1 {told}"))), "{story:?}");
        assert!(story.contains(&"assistant done".to_owned()), "{story:?}");
        assert!(world.request(1).last().unwrap().starts_with(&format!("toolResult {told}")));
    }
}

#[tokio::test]
async fn a_rejection_can_stop_the_run() {
    let (mut world, question) = asked(one_call()).await;
    answer(&world, &question, PermissionChoice::RejectStop, None).await.unwrap();
    let story = settled(&mut world).await;
    let stopped = "< c1 The user rejected this call and stopped the run. (error)".to_owned();
    assert!(story.contains(&stopped), "{story:?}");
    assert_eq!(world.script.requests.lock().unwrap().len(), 1, "the model is not asked again");
}

#[tokio::test]
async fn wrong_answers_decide_nothing() {
    let (mut world, question) = asked(one_call()).await;
    let unknown = json!({"id": "nobody"});
    answer(&world, &unknown, PermissionChoice::AllowOnce, None).await.unwrap_err();
    let error = answer(&world, &question, PermissionChoice::RejectMessage, Some(" ")).await.unwrap_err();
    assert_eq!(error.message, "reject_message needs a message");
    let id = &question["id"];
    ui(&world, json!({"id": id, "value": "Perhaps"})).await;
    ui(&world, json!({"id": id, "cancelled": true, "value": "Allow once"})).await;
    ui(&world, json!({"id": id, "confirmed": true})).await;
    ui(&world, json!({"id": id})).await;
    assert_eq!(world.session.ask(Command::GetState).await.unwrap().pending_permissions.len(), 1);
    ui(&world, json!({"id": id, "value": "Allow once"})).await;
    let story = settled(&mut world).await;
    // Shown, and twice again; what dismisses everything is not asked in a circle.
    assert_eq!(story.iter().filter(|it| *it == "ui select").count(), 3, "{story:?}");
    assert!(story.contains(&"! allowed".to_owned()));
}

#[tokio::test]
async fn a_client_of_pi_can_say_why() {
    let (mut world, question) = asked(one_call()).await;
    let select = world.until("extension_ui_request").await;
    assert_eq!(select["id"], question["id"]);
    assert_eq!(select["title"], "May echo<U+202E> run?");
    assert_eq!(select["permission"], question["id"]);
    assert_eq!(select["options"][5], "Reject and say why…");
    for reason in [Value::Null, json!("use make")] {
        ui(&world, json!({"id": question["id"], "value": "Reject and say why…"})).await;
        let input = loop {
            let request = world.until("extension_ui_request").await;
            if request["method"] == "input" {
                break request;
            }
        };
        assert_eq!(input["permission"], question["id"]);
        ui(&world, json!({"id": input["id"], "value": reason, "cancelled": reason.is_null()})).await;
    }
    let story = settled(&mut world).await;
    let told = "< c1 The user rejected this call and says: use make (error)".to_owned();
    assert!(story.contains(&told), "{story:?}");
}

#[tokio::test]
async fn stopping_the_run_closes_its_questions() {
    let (mut world, question) = asked(one_call()).await;
    world.session.ask(Command::Abort).await.unwrap();
    let late = answer(&world, &question, PermissionChoice::AllowOnce, None).await;
    assert!(late.is_err(), "too late");
    let story = settled(&mut world).await;
    assert!(story.contains(&"! cancelled".to_owned()), "{story:?}");
    assert!(story.contains(&"< c1 Operation aborted (error)".to_owned()), "{story:?}");

    let (mut world, _) = asked(one_call()).await;
    world.session.ask(Command::Close).await.unwrap();
    world.until("permission_resolved").await;
}

#[tokio::test]
async fn without_anyone_to_ask_a_call_is_denied_aloud() {
    // The only one who could answer leaves; a watcher stays.
    let (mut world, _) = asked(one_call()).await;
    let watcher = EventQueue::new();
    world.session.ask(|reply| Command::Subscribe(watcher.clone(), reply)).await.unwrap();
    world.session.send(Command::Unsubscribe(world.queue.clone()));
    world.queue = watcher;
    let story = settled(&mut world).await;
    assert!(story.contains(&"notice nobody to ask about echo".to_owned()), "{story:?}");
    assert!(story.contains(&"! unasked".to_owned()), "{story:?}");
    assert!(story.contains(&"< c1 nobody to ask about echo (error)".to_owned()), "{story:?}");
    // From then on at once.
    world.script.push(one_call());
    world.prompt("again").await;
    world.events.clear();
    let story = settled(&mut world).await;
    assert!(story.contains(&"! unasked".to_owned()) && !story.contains(&"ui select".to_owned()), "{story:?}");
}

#[tokio::test]
async fn mode_plan_offers_only_what_reads() {
    let mut world = World::new(vec![Say("one"), Say("two")]).await;
    for (mode, tools) in [(PermissionMode::Plan, 1), (PermissionMode::Ask, 5)] {
        world.session.ask(|reply| Command::SetPermissionMode(mode, reply)).await.unwrap();
        assert_eq!(world.until("permission_mode_changed").await["mode"], mode.as_str());
        assert_eq!(world.session.ask(Command::GetState).await.unwrap().permission_mode, mode);
        world.prompt("go").await;
        world.until("agent_settled").await;
        assert_eq!(world.script.requests.lock().unwrap().last().unwrap().tools.len(), tools);
    }
}

#[tokio::test]
async fn the_decision_knows_the_call_and_its_reason() {
    let (mut world, question) = asked(one_call()).await;
    answer(&world, &question, PermissionChoice::AllowOnce, None).await.unwrap();
    settled(&mut world).await;
    let queries = world.permissions.queries.lock().unwrap();
    assert_eq!((queries[0].call_id.as_str(), queries[0].read_only), ("c1", false));
    assert_eq!(queries[0].args["n"], 1);
}

/// Asks as an extension does; the answer, and the request as clients see it.
async fn ask_ui(
    world: &mut World,
    request: ExtensionUiRequest,
    cancel: CancellationToken,
) -> (impl Future<Output = Result<UiAnswer, CommandError>> + use<>, Value) {
    let (reply, answer) = reply_channel();
    world.session.send(Command::AskUi(Box::new(request), cancel, reply));
    (answer, world.until("extension_ui_request").await)
}

#[tokio::test(start_paused = true)]
async fn extensions_ask_and_always_get_an_answer() {
    let mut world = World::new(vec![]).await;
    let none = CancellationToken::new;
    for (method, response, expected) in [
        (ExtensionUiMethod::Select, json!({"value": "a"}), UiAnswer::Text("a".into())),
        (ExtensionUiMethod::Select, json!({"value": "a", "cancelled": true}), UiAnswer::None),
        (ExtensionUiMethod::Confirm, json!({"confirmed": true}), UiAnswer::Confirmed(true)),
        (ExtensionUiMethod::Confirm, json!({"value": "yes"}), UiAnswer::Confirmed(false)),
        (ExtensionUiMethod::Input, json!({"confirmed": true}), UiAnswer::None),
        (ExtensionUiMethod::Editor, json!({"value": "a\nb"}), UiAnswer::Text("a\nb".into())),
    ] {
        let (got, mut request) = ask_ui(&mut world, ExtensionUiRequest::new(method), none()).await;
        let mut response = response;
        response["id"] = request["id"].take();
        ui(&world, response.clone()).await;
        assert_eq!(got.await.unwrap(), expected, "{response}");
        world.until("extension_ui_resolved").await;
    }
    // Out of time, given up, nothing to answer, and the end of the session.
    let mut timed = ExtensionUiRequest::new(ExtensionUiMethod::Confirm);
    timed.timeout = Some(5_000);
    let (got, request) = ask_ui(&mut world, timed, none()).await;
    assert_eq!(request["timeout"], 5_000);
    assert_eq!(got.await.unwrap(), UiAnswer::Confirmed(false));
    let cancel = none();
    let (got, _) =
        ask_ui(&mut world, ExtensionUiRequest::new(ExtensionUiMethod::Editor), cancel.clone()).await;
    cancel.cancel();
    assert_eq!(got.await.unwrap(), UiAnswer::None);
    let mut status = ExtensionUiRequest::new(ExtensionUiMethod::SetStatus);
    status.status_key = Some("k".into());
    let (got, request) = ask_ui(&mut world, status, none()).await;
    assert_eq!((request["method"].as_str(), request["statusKey"].as_str()), (Some("setStatus"), Some("k")));
    assert_eq!(got.await.unwrap(), UiAnswer::None);
    let (got, _) = ask_ui(&mut world, ExtensionUiRequest::new(ExtensionUiMethod::Input), none()).await;
    world.session.ask(Command::Close).await.unwrap();
    assert_eq!(got.await.unwrap(), UiAnswer::None);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_only_asked_where_it_can_be_answered() {
    let world = World::new(vec![]).await;
    let ask = |world: &World, method| {
        let (reply, answer) = reply_channel();
        let request = Box::new(ExtensionUiRequest::new(method));
        world.session.send(Command::AskUi(request, CancellationToken::new(), reply));
        answer
    };
    // Beside one who can answer everything comes one who can only choose.
    let choosing = EventQueue::answering(Answers { choices: true, ..Answers::default() });
    world.session.ask(|reply| Command::Subscribe(choosing, reply)).await.unwrap();
    let (choice, text) = (ask(&world, ExtensionUiMethod::Select), ask(&world, ExtensionUiMethod::Input));
    let state = world.session.ask(Command::GetState).await.unwrap();
    let open: Vec<_> = state.pending_questions.iter().map(|it| it.method).collect();
    assert_eq!(open, [ExtensionUiMethod::Select, ExtensionUiMethod::Input]);
    // The first one leaves: what only it could answer has no answer any more.
    world.session.send(Command::Unsubscribe(world.queue.clone()));
    assert_eq!(text.await.unwrap(), UiAnswer::None);
    assert_eq!(ask(&world, ExtensionUiMethod::Editor).await.unwrap(), UiAnswer::None);
    let state = world.session.ask(Command::GetState).await.unwrap();
    assert_eq!(state.pending_questions.len(), 1);
    ui(&world, json!({"id": state.pending_questions[0].id, "value": "a"})).await;
    assert_eq!(choice.await.unwrap(), UiAnswer::Text("a".into()));
}
