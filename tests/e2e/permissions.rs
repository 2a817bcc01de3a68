//! Tools that need permission: what is asked over each transport, every answer, and what happens without one.

use std::process::{Output, Stdio};

use pi_harness::{Editor, JsonlClient, ModelServer, Profile, Scratch, call, say};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

fn bash(command: &str) -> pi_harness::Turn {
    call("bash", json!({ "command": command })).say("I have to know. This makes a file.")
}

/// A program in mode `ask` whose model runs these commands, one a turn.
fn program(commands: &[&str]) -> (JsonlClient, Scratch, ModelServer) {
    let mut turns: Vec<_> = commands.iter().map(|it| bash(it)).collect();
    turns.push(say("done"));
    let model = ModelServer::with(turns);
    let scratch = Scratch::with_model(&model);
    let mut pi = JsonlClient::start(PI, &scratch, &["--permission-mode", "ask"]);
    pi.prompt("go");
    (pi, scratch, model)
}

fn answer(pi: &mut JsonlClient, question: &Value, choice: &str) {
    pi.ok(json!({"type": "answer_permission", "questionId": question["id"], "choice": choice}));
}

/// The result of the only tool call the model read last.
fn told(model: &ModelServer) -> String {
    model.last_request().tool_results().last().unwrap().1.clone()
}

#[test]
fn a_program_is_asked_with_everything_and_its_answer_counts_once() {
    let text = "ls; touch a.txt && touch b.txt";
    let (mut pi, scratch, model) = program(&[text]);
    let question = pi.event("permission_request");
    assert_eq!(question["command"], text);
    assert_eq!(question["title"], "Pi wants to run a command");
    assert_eq!(question["reason"], "This makes a file.");
    let parts: Vec<_> = question["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["text"].as_str().unwrap(), it["allowed"] == true))
        .collect();
    assert_eq!(parts, [("ls", true), ("touch a.txt", false), ("touch b.txt", false)]);
    assert_eq!(question["choices"][1]["rules"], json!(["bash(touch a.txt)", "bash(touch b.txt)"]));
    // The same question in the words of Pi.
    let select = pi.event("extension_ui_request");
    assert_eq!((&select["id"], select["method"].as_str()), (&question["id"], Some("select")));
    assert!(select["title"].as_str().unwrap().contains(text), "{select}");
    let state = pi.state();
    assert_eq!(
        (state["permissionMode"].as_str(), &state["pendingPermissions"][0]["id"]),
        (Some("ask"), &question["id"])
    );
    assert!(!scratch.path("a.txt").exists());

    let wrong =
        pi.refused(json!({"type": "answer_permission", "questionId": question["id"], "choice": "perhaps"}));
    assert!(wrong.contains("perhaps"), "{wrong}");
    answer(&mut pi, &question, "allow_once");
    let resolved = pi.event("permission_resolved");
    assert_eq!(
        (resolved["decision"].as_str(), resolved["choice"].as_str()),
        (Some("allowed"), Some("allow_once"))
    );
    let late =
        pi.refused(json!({"type": "answer_permission", "questionId": question["id"], "choice": "reject"}));
    assert!(late.contains("was answered"), "{late}");
    pi.settled();
    assert!(scratch.path("a.txt").exists() && scratch.path("b.txt").exists());
    assert_eq!(told(&model), "(no output)");
}

#[test]
fn a_client_of_pi_answers_as_it_answers_extensions() {
    let (mut pi, scratch, model) = program(&["touch a.txt", "touch b.txt"]);
    for (value, then) in [(json!("Reject and say why…"), Some("use make")), (json!("Allow once"), None)] {
        let select = pi.event("extension_ui_request");
        let options = select["options"].as_array().unwrap();
        assert!(options.contains(&value), "{options:?}");
        // Dismissed: asked again.
        pi.send(&json!({"type": "extension_ui_response", "id": select["id"], "cancelled": true}));
        let again = pi.event("extension_ui_request");
        assert_eq!(again["id"], select["id"]);
        pi.send(&json!({"type": "extension_ui_response", "id": select["id"], "value": value}));
        if let Some(reason) = then {
            let input = pi.event("extension_ui_request");
            assert_eq!(input["method"], "input");
            pi.send(&json!({"type": "extension_ui_response", "id": input["id"], "value": reason}));
            pi.event("permission_resolved");
            assert_eq!(
                model.wait_request(2).tool_results()[0].1,
                "The user rejected this call and says: use make"
            );
        }
    }
    pi.settled();
    assert!(!scratch.path("a.txt").exists() && scratch.path("b.txt").exists());
    let records = pi.records();
    let is_answer = |it: &&Value| it["command"] == "extension_ui_response";
    assert_eq!(records.iter().find(is_answer), None, "such an answer has none itself");
}

#[test]
fn an_answer_for_the_chat_or_the_project_holds_that_long() {
    for (choice, stored) in [("allow_session", false), ("allow_project", true)] {
        let (mut pi, scratch, model) = program(&["touch a.txt", "touch a.txt && touch c.txt"]);
        let question = pi.event("permission_request");
        answer(&mut pi, &question, choice);
        let second = pi.event("permission_request");
        assert_eq!(second["parts"][0]["why"], "bash(touch a.txt)");
        assert_eq!(second["choices"][1]["rules"], json!(["bash(touch c.txt)"]));
        answer(&mut pi, &second, "reject");
        pi.settled();
        assert!(told(&model).starts_with("The user rejected this call."), "{}", told(&model));
        let file = scratch.agent_dir().join("permissions.json");
        assert_eq!(file.exists(), stored);
        if stored {
            let rules: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            let project = scratch.workspace().to_str().unwrap().to_owned();
            assert_eq!(rules["projects"][project]["allow"], json!(["bash(touch a.txt)"]));
            model.script([bash("touch a.txt"), say("done")]);
            let mut later = JsonlClient::start(PI, &scratch, &["--permission-mode", "ask"]);
            let events = later.run("again");
            assert!(events.iter().all(|it| it["type"] != "permission_request"));
        }
    }
}

#[test]
fn a_question_ends_with_its_run() {
    let model = ModelServer::with([bash("touch a.txt"), bash("touch a.txt"), bash("touch a.txt")]);
    let scratch = Scratch::with_model(&model);
    let mut pi = JsonlClient::start(PI, &scratch, &["--permission-mode", "ask"]);
    pi.prompt("go");
    let question = pi.event("permission_request");
    answer(&mut pi, &question, "reject_stop");
    let events = pi.events_until("agent_settled");
    let result = events.iter().find(|it| it["type"] == "tool_execution_end").unwrap();
    assert_eq!(result["result"]["content"][0]["text"], "The user rejected this call and stopped the run.");
    assert_eq!(model.requests().len(), 1);

    pi.prompt("again");
    pi.event("permission_request");
    pi.ok(json!({"type": "abort"}));
    let resolved = pi.events().into_iter().rfind(|it| it["type"] == "permission_resolved").unwrap();
    assert_eq!(resolved["decision"], "cancelled");
    assert!(!scratch.path("a.txt").exists());
    pi.settled();

    // The end of input ends the question and the process.
    pi.prompt("and again");
    pi.event("permission_request");
    pi.close_stdin();
    assert!(pi.wait_exit().success());
}

#[test]
fn the_mode_can_be_changed_and_decides() {
    let (mut pi, scratch, model) = program(&["touch a.txt"]);
    let question = pi.event("permission_request");
    pi.ok(json!({"type": "set_permission_mode", "mode": "full"}));
    assert_eq!(pi.event("permission_mode_changed")["mode"], "full");
    answer(&mut pi, &question, "allow_once");
    pi.settled();
    for (mode, asked, done) in
        [("full", false, true), ("edit", false, true), ("plan", false, false), ("ask", true, true)]
    {
        // One that the model has not written before.
        let name = format!("{mode}.txt");
        scratch.file(&name, "old\n");
        model.script([call("write", json!({"path": name, "content": "new\n"})), say("done")]);
        pi.ok(json!({"type": "set_permission_mode", "mode": mode}));
        pi.prompt("write");
        if asked {
            let question = pi.event("permission_request");
            assert_eq!(question["title"], "Pi wants to change ask.txt");
            assert_eq!(question["diff"], "--- ask.txt\n+++ ask.txt\n@@ -1 +1 @@\n-old\n+new\n");
            assert_eq!(question["choices"][1]["label"], "Allow in this chat: edit(ask.txt)");
            answer(&mut pi, &question, "allow_once");
        }
        pi.settled();
        assert_eq!(scratch.read(&name) == "new\n", done, "{mode}");
        if mode == "plan" {
            assert!(told(&model).contains("mode plan changes nothing"), "{}", told(&model));
            let tools = model.last_request().tool_names();
            assert_eq!(tools, ["read"], "nothing else is offered");
        }
    }
}

#[test]
fn an_edit_that_cannot_be_made_is_not_asked_for() {
    let model = ModelServer::with([
        call("edit", json!({"path": "a.txt", "oldText": "nowhere", "newText": "x"})),
        say("done"),
    ]);
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", "text\n");
    let mut pi = JsonlClient::start(PI, &scratch, &["--permission-mode", "ask"]);
    let events = pi.run("go");
    assert!(events.iter().all(|it| it["type"] != "permission_request"));
    assert!(told(&model).contains("Could not find"), "{}", told(&model));
}

#[test]
fn what_nobody_wants_is_denied_also_in_mode_full() {
    let model = ModelServer::with([bash("echo '## You' >> .pi/chat/a.md"), bash("rm -rf ~"), say("done")]);
    let scratch = Scratch::with_model(&model);
    let mut pi = JsonlClient::start(PI, &scratch, &[]);
    assert_eq!(pi.state()["permissionMode"], "full");
    pi.run("go");
    let results = model.last_request().tool_results();
    assert!(results[0].1.contains("only the user writes"), "{results:?}");
    assert!(results[1].1.contains("it would delete ~"), "{results:?}");
    assert!(scratch.home().exists());
}

fn print(args: &[&str]) -> (Output, ModelServer, Scratch) {
    let model = ModelServer::with([bash("touch a.txt"), say("all done")]);
    let scratch = Scratch::with_model(&model);
    let output = scratch
        .command(PI)
        .args(["--provider", "scripted", "--model", "alpha", "-p", "go"])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output, model, scratch)
}

#[test]
fn with_nobody_to_ask_print_mode_denies_aloud() {
    let (output, model, scratch) = print(&["--permission-mode", "ask"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "all done\n");
    for text in [stderr.as_ref(), &told(&model)] {
        assert!(text.contains("`touch a.txt` needs permission in mode ask"), "{text}");
        assert!(text.contains("permissions.allow") && text.contains("--permission-mode full"), "{text}");
    }
    assert!(!scratch.path("a.txt").exists());
    let (output, _, scratch) = print(&[]);
    assert!(output.status.success() && scratch.path("a.txt").exists(), "mode full is the default here");
}

/// An editor in its default mode whose model runs this command; `a.txt` is open.
fn editor(profile: Profile, turn: pi_harness::Turn) -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::with([turn, say("done")]);
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", "one\ntwo\n");
    let mut editor = Editor::start(PI, &scratch, profile.asking());
    editor.open("a.txt", "one\ntwo\n");
    editor.ok("pi/prompt", json!({"message": "go"}));
    (editor, scratch, model)
}

fn plugin_that_answers() -> Profile {
    Profile::with(json!({"experimental": {"pi": {"events": "delta", "permissions": true}}}))
}

#[test]
fn a_plugin_is_asked_by_a_request() {
    for (answer, happens) in [
        (json!({"choice": "allow_once"}), Some(true)),
        (json!({"choice": "reject_message", "message": "not now"}), Some(false)),
        (json!({"choice": "whatever"}), None),
        (Value::Null, None),
    ] {
        let (mut editor, scratch, model) = editor(plugin_that_answers(), bash("touch b.txt"));
        let asked = editor.asked("pi/requestPermission");
        let request = &asked["params"]["request"];
        assert_eq!(request["command"], "touch b.txt");
        assert!(asked["params"]["sessionId"].is_string());
        editor.answer(&asked, Ok(answer.clone()));
        if happens.is_none() {
            // Still open; a plugin can answer later as well.
            let state = editor.ok("pi/getState", json!({}));
            assert_eq!(state["pendingPermissions"][0]["id"], request["id"], "{answer}");
            editor.ok("pi/answerPermission", json!({"questionId": request["id"], "choice": "allow_once"}));
        }
        editor.settled();
        assert_eq!(scratch.path("b.txt").exists(), happens != Some(false), "{answer}");
        if happens == Some(false) {
            assert_eq!(told(&model), "The user rejected this call and says: not now");
        }
    }
}

#[test]
fn a_plugin_can_do_with_the_events() {
    let profile = Profile::with(json!({
        "window": {"showMessage": {}},
        "experimental": {"pi": {"events": "delta", "permissions": "events"}},
    }));
    let (mut editor, scratch, _model) = editor(profile, bash("touch b.txt"));
    let asked =
        editor.claim_until("pi/event", "the question", |it| it["event"]["type"] == "permission_request");
    let id = asked.last().unwrap()["event"]["id"].clone();
    editor.ok("pi/answerPermission", json!({"questionId": id, "choice": "allow_once"}));
    editor.settled();
    assert!(scratch.path("b.txt").exists());
    assert!(editor.messages().iter().all(|it| it["method"] != "window/showMessageRequest"));
}

#[test]
fn what_was_answered_elsewhere_is_taken_back() {
    let (mut editor, _scratch, _model) = editor(plugin_that_answers(), bash("touch b.txt"));
    let asked = editor.asked("pi/requestPermission");
    let id = &asked["params"]["request"]["id"];
    editor.ok("pi/answerPermission", json!({"questionId": id, "choice": "reject"}));
    assert_eq!(editor.notification("$/cancelRequest")["id"], asked["id"]);
    editor.answer(&asked, Err((-32800, "cancelled".into())));
    editor.settled();
}

/// An editor that knows nothing of Pi and shows no progress.
fn plain() -> Profile {
    let mut profile = Profile::plain();
    profile.initialize["capabilities"]["window"] = json!({});
    profile
}

/// The last word about a run that changed nothing.
const FINISHED: &str = "Pi finished: the answer is in the chat";

/// Waits for the one line that ends the run.
fn done(editor: &Editor) {
    editor.claim("the end", |it| it["params"]["message"] == FINISHED && it["method"] == "window/showMessage");
}

/// Diagnostics of `a.txt` as they were sent last.
fn diagnostics(editor: &Editor, count: usize) -> Vec<Value> {
    let claimed = editor.claim_until("textDocument/publishDiagnostics", "diagnostics", |it| {
        it["diagnostics"].as_array().is_some_and(|it| it.len() == count)
    });
    claimed.last().unwrap()["diagnostics"].as_array().unwrap().clone()
}

fn actions(editor: &mut Editor) -> Vec<Value> {
    let uri = editor.uri("a.txt");
    let place = json!({"line": 0, "character": 0});
    let params = json!({
        "textDocument": {"uri": uri},
        "range": {"start": place, "end": place},
        "context": {"diagnostics": []},
    });
    editor.ok("textDocument/codeAction", params).as_array().unwrap().clone()
}

#[test]
fn an_editor_without_plugin_answers_with_a_code_action() {
    let edit = call("edit", json!({"path": "a.txt", "oldText": "two", "newText": "2"}));
    for (wanted, text, end) in [
        ("Pi: allow once", "one\n2\n", "Pi finished: 1 change in 1 file"),
        ("Pi: reject", "one\ntwo\n", FINISHED),
    ] {
        let (mut editor, _scratch, _model) = editor(plain(), edit.clone());
        let shown = diagnostics(&editor, 1);
        assert_eq!(shown[0]["message"], "Pi waits for your answer: edit a.txt");
        assert_eq!((&shown[0]["severity"], &shown[0]["range"]["start"]["line"]), (&json!(3), &json!(1)));
        let message = editor.notification("window/showMessage")["message"].clone();
        assert_eq!(message, "Pi asks: edit a.txt – code action or /allow in the chat");
        let offered = actions(&mut editor);
        let titles: Vec<_> = offered.iter().map(|it| it["title"].as_str().unwrap()).collect();
        assert_eq!(
            titles[..5],
            [
                "Pi: allow once – edit a.txt",
                "Pi: allow in this chat – edit(a.txt)",
                "Pi: always in this project – edit(a.txt)",
                "Pi: reject – edit a.txt",
                "Pi: show the whole change"
            ]
        );
        let run = |editor: &mut Editor, title: &str| {
            let action = offered.iter().find(|it| it["title"].as_str().unwrap().starts_with(title)).unwrap();
            let (command, arguments) = (&action["command"]["command"], &action["command"]["arguments"]);
            editor.ok("workspace/executeCommand", json!({"command": command, "arguments": arguments}));
        };
        run(&mut editor, "Pi: show the whole change");
        let whole = document(&editor);
        assert!(whole.0.ends_with("-question.diff"), "{whole:?}");
        assert!(whole.1.starts_with("Pi wants to change a.txt\n"), "{whole:?}");
        assert!(whole.1.ends_with("@@ -1,2 +1,2 @@\n one\n-two\n+2\n"), "{whole:?}");
        run(&mut editor, wanted);
        diagnostics(&editor, 0);
        editor.claim("the end", |it| it["params"]["message"] == end && it["method"] == "window/showMessage");
        assert_eq!(editor.buffer("a.txt"), text);
        assert!(actions(&mut editor).iter().all(|it| !it["title"].as_str().unwrap().contains("allow")));
    }
}

/// Path and text of the document with the question, in an editor that cannot show documents.
fn document(editor: &Editor) -> (String, String) {
    const SAID: &str = "The question is in ";
    let said = editor.claim("where the question is", |it| {
        it["method"] == "window/logMessage"
            && it["params"]["message"].as_str().is_some_and(|it| it.starts_with(SAID))
    });
    let path = said["params"]["message"].as_str().unwrap().trim_start_matches(SAID).to_owned();
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

#[test]
fn a_long_command_is_shown_as_a_whole() {
    let command = format!("echo {} && touch b.txt", "x".repeat(300));
    let (mut editor, _scratch, model) = editor(plain(), bash(&command));
    model.allow_unused();
    diagnostics(&editor, 1);
    editor.ok("workspace/executeCommand", json!({"command": "pi.showQuestion", "arguments": []}));
    let (path, text) = document(&editor);
    assert!(path.ends_with("-question.md"), "{path}");
    assert!(text.contains(&command) && text.contains("touch b.txt · no rule allows it"), "{text}");
    editor.unchecked = true;
}

#[test]
#[cfg(target_os = "linux")]
fn a_command_that_wants_to_leave_the_sandbox_says_so_everywhere() {
    if !crate::shell::sandboxed() {
        return;
    }
    let leaving = json!({"command": "echo hi > f", "outsideSandbox": true});
    let (mut editor, scratch, model) = editor(plain(), call("bash", leaving));
    let marked = diagnostics(&editor, 1);
    assert_eq!(marked[0]["message"], "Pi waits for your answer: outside the sandbox: echo hi > f");
    let message = editor.notification("window/showMessage")["message"].clone();
    assert_eq!(message, "Pi asks: outside the sandbox: echo hi > f – code action or /allow in the chat");
    let offered = actions(&mut editor);
    let titles: Vec<_> = offered.iter().take(3).map(|it| it["title"].as_str().unwrap()).collect();
    let expected = [
        "Pi: allow once – outside the sandbox: echo hi > f",
        "Pi: reject – outside the sandbox: echo hi > f",
        "Pi: show the whole command",
    ];
    assert_eq!(titles, expected, "no rule allows it from now on");
    let request = editor.ok("pi/getState", json!({}))["pendingPermissions"][0].clone();
    assert_eq!(request["title"], "Pi wants to run a command outside the sandbox");
    editor.ok("workspace/executeCommand", json!({"command": "pi.approve", "arguments": []}));
    model.wait_request(2);
    assert_eq!(scratch.read("f"), "hi\n");
    editor.unchecked = true;
}

#[test]
fn a_hunk_is_rejected_also_while_a_question_is_open() {
    let edit = json!({"path": "a.txt", "oldText": "two", "newText": "2"});
    let model = ModelServer::with([call("edit", edit), bash("make b"), say("done")]);
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", "one\ntwo\n");
    let mut profile = plain();
    *profile.arguments.last_mut().unwrap() = "edit".to_owned();
    let mut editor = Editor::start(PI, &scratch, profile);
    editor.open("a.txt", "one\ntwo\n");
    let run = |editor: &mut Editor, arguments: Value| {
        editor.ok("workspace/executeCommand", json!({"command": "pi.reject", "arguments": arguments}))
    };
    editor.ok("pi/prompt", json!({"message": "go"}));
    diagnostics(&editor, 2);
    let hunk = editor.ok("pi/edits/list", json!({}))["hunks"][0]["id"].clone();
    run(&mut editor, json!([hunk]));
    diagnostics(&editor, 1);
    assert_eq!(editor.buffer("a.txt"), "one\ntwo\n");
    let waiting = editor.ok("pi/getState", json!({}))["pendingPermissions"].clone();
    assert_eq!(waiting.as_array().unwrap().len(), 1);
    let gone = json!({"command": "pi.reject", "arguments": [hunk]});
    let error = editor.refused("workspace/executeCommand", gone);
    assert_eq!(error["message"], "pi.reject: This change does not wait any more");
    run(&mut editor, json!(["not", "now"]));
    diagnostics(&editor, 0);
    model.wait_request(3);
    assert!(told(&model).ends_with("says: not now"), "{}", told(&model));
    editor.unchecked = true;
}

#[test]
fn commands_answer_the_oldest_question() {
    let (mut editor, scratch, model) = editor(plain(), bash("touch b.txt"));
    diagnostics(&editor, 1);
    let run = |editor: &mut Editor, name: &str, arguments: Value| {
        editor.ok("workspace/executeCommand", json!({"command": name, "arguments": arguments}))
    };
    editor.notification("window/showMessage");
    run(&mut editor, "pi.reject", json!(["use", "make"]));
    diagnostics(&editor, 0);
    model.wait_request(2);
    assert_eq!(told(&model), "The user rejected this call and says: use make");
    assert!(!scratch.path("b.txt").exists());
    done(&editor);
    let error = editor.refused("workspace/executeCommand", json!({"command": "pi.approve", "arguments": []}));
    assert!(error["message"].as_str().unwrap().contains("no question waits"), "{error}");
    // Messages have their pace: it comes later.
    let told = editor.notification("window/showMessage")["message"].clone();
    assert!(told.as_str().unwrap().contains("no question waits"), "{told}");
}

#[test]
fn an_editor_that_can_ask_asks_and_a_dismissal_decides_nothing() {
    for dismissal in [Ok(Value::Null), Err((-32601, "method not found".to_owned()))] {
        let mut profile = plain();
        profile.initialize["capabilities"]["window"]["showMessage"] = json!({});
        let (mut editor, scratch, _model) = editor(profile, bash("touch b.txt"));
        diagnostics(&editor, 1);
        let asked = editor.asked("window/showMessageRequest");
        assert!(asked["params"]["message"].as_str().unwrap().contains("touch b.txt"));
        let titles: Vec<_> = asked["params"]["actions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["title"].as_str().unwrap())
            .collect();
        assert_eq!(titles, ["Allow once", "Allow in this chat: bash(touch b.txt)", "Reject"]);
        editor.answer(&asked, dismissal);
        let told = editor.notification("window/showMessage")["message"].clone();
        assert_eq!(told, "Pi asks: touch b.txt – code action or /allow in the chat");
        assert_eq!(editor.ok("pi/getState", json!({}))["pendingPermissions"].as_array().unwrap().len(), 1);
        editor.ok("workspace/executeCommand", json!({"command": "pi.approve", "arguments": []}));
        let told = editor.notification("window/showMessage")["message"].clone();
        assert_eq!(told, "Pi finished: 1 change in 1 file");
        diagnostics(&editor, 0);
        assert!(scratch.path("b.txt").exists());
    }
    let mut profile = plain();
    profile.initialize["capabilities"]["window"]["showMessage"] = json!({});
    let (editor, scratch, model) = editor(profile, bash("touch b.txt"));
    diagnostics(&editor, 1);
    let asked = editor.asked("window/showMessageRequest");
    editor.answer(&asked, Ok(json!({"title": "Reject"})));
    diagnostics(&editor, 0);
    model.wait_request(2);
    assert!(!scratch.path("b.txt").exists());
    done(&editor);
}

#[test]
fn where_the_first_answer_is_chosen_already_it_decides_nothing() {
    let mut profile = plain();
    profile.initialize["clientInfo"] = json!({"name": "helix"});
    profile.initialize["capabilities"]["window"]["showMessage"] = json!({});
    let (mut editor, scratch, _model) = editor(profile, bash("touch b.txt"));
    let asked = editor.asked("window/showMessageRequest");
    let titles =
        asked["params"]["actions"].as_array().unwrap().iter().map(|it| it["title"].as_str().unwrap());
    assert_eq!(titles.take(2).collect::<Vec<_>>(), ["Answer later", "Allow once"]);
    editor.answer(&asked, Ok(asked["params"]["actions"][0].clone()));
    let told = editor.notification("window/showMessage")["message"].clone();
    assert_eq!(told, "Pi asks: touch b.txt – code action or /allow in the chat");
    editor.ok("workspace/executeCommand", json!({"command": "pi.approve", "arguments": []}));
    let told = editor.notification("window/showMessage")["message"].clone();
    assert_eq!(told, "Pi finished: 1 change in 1 file, next with ]d");
    assert!(scratch.path("b.txt").exists());
}

#[test]
fn an_editor_that_can_show_nothing_is_denied_aloud() {
    let (editor, scratch, model) = editor(Profile::with(json!({})), bash("touch b.txt"));
    model.wait_request(2);
    assert!(told(&model).contains("nobody is there to ask"), "{}", told(&model));
    let shown = editor.notification("window/logMessage")["message"].clone();
    assert!(shown.as_str().unwrap().contains("permissions.allow"), "{shown}");
    editor.notification("window/showMessage");
    done(&editor);
    assert!(!scratch.path("b.txt").exists());
}

#[test]
fn the_command_line_explains_decisions() {
    let scratch = Scratch::new();
    scratch
        .settings(&json!({"permissions": {"allow": ["bash(cargo test *)"], "deny": ["bash(git push *)"]}}));
    let explain = |args: &[&str]| {
        let output = scratch.command(PI).arg("permissions").args(args).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let (status, text) = explain(&["explain", "cargo test && rm -rf target; git push"]);
    assert_eq!(status, Some(0), "{text}");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "deny  (mode ask)",
            "  allow  cargo test",
            "         bash(cargo test *)",
            "  ask    rm -rf target",
            "         no rule allows it",
            "         to allow it: bash(rm -rf target)",
            "  deny   git push",
            "         bash(git push *)",
        ]
    );
    let (_, text) = explain(&["explain", "--permission-mode", "edit", "--path", "src/a.rs"]);
    assert_eq!(text, "allow  (mode edit)\n  allow  edit src/a.rs\n         mode edit\n");
    let (_, text) = explain(&["explain", "--tool", "read", "--path", "/etc/hosts"]);
    assert!(text.starts_with("ask  (mode ask)"), "{text}");
    let (_, text) = explain(&["list"]);
    assert!(
        text.starts_with("mode ask in editors\ndeny   bash(git push *)\nallow  bash(cargo test *)\n"),
        "{text}"
    );
    let (status, text) = explain(&["explain"]);
    assert_eq!(status, Some(1));
    assert!(text.contains("say what to explain"), "{text}");
}
