//! What an editor without a plugin gets: commands, code actions, progress, messages.

use pi_harness::{Editor, ModelServer, Profile, Scratch, call, hang, say, status};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

fn start() -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    (Editor::start(PI, &scratch, Profile::plain()), scratch, model)
}

fn command(editor: &mut Editor, name: &str, arguments: Value) {
    let answer = editor.ok("workspace/executeCommand", json!({"command": name, "arguments": arguments}));
    assert_eq!(answer, Value::Null);
}

/// Claims the progress of one run; its values.
/// The last word about a run that changed nothing.
const FINISHED: &str = "Pi finished: the answer is in the chat";

fn progress(editor: &Editor) -> Vec<Value> {
    let values =
        editor.claim_until("$/progress", "the end of the progress", |it| it["value"]["kind"] == "end");
    assert!(values.iter().all(|it| it["token"] == "pi"), "{values:?}");
    values.into_iter().map(|mut it| it["value"].take()).collect()
}

fn message(editor: &Editor) -> (u64, String) {
    let shown = editor.notification("window/showMessage");
    (shown["type"].as_u64().unwrap(), shown["message"].as_str().unwrap().to_owned())
}

/// The end of a run without changes: that it is over is shown, and the answer is logged.
fn answered(editor: &Editor, text: &str) {
    editor.claim(FINISHED, |it| it["method"] == "window/showMessage" && it["params"]["message"] == FINISHED);
    editor.claim(text, |it| it["method"] == "window/logMessage" && it["params"]["message"] == text);
}

#[test]
fn a_prompt_shows_progress_and_then_the_answer() {
    let (mut editor, _scratch, model) = start();
    model.script([
        call("bash", json!({"command": "true"})).gate("tool"),
        say("# Done\n\nAll is well.").gate("end"),
    ]);
    command(&mut editor, "pi.prompt", json!(["do it"]));
    // The gates hold the run while the strip shows each state.
    let begin = editor.notification("$/progress");
    assert_eq!(begin["value"]["title"], "Pi");
    assert_eq!(begin["value"]["message"], "Waiting for alpha…");
    assert_eq!(begin["value"]["cancellable"], true);
    model.release("tool");
    model.reached("end");
    model.release("end");
    let values = progress(&editor);
    assert_eq!(values.last().unwrap()["kind"], "end");
    answered(&editor, "# Done\n\nAll is well.");
    assert_eq!(model.requests()[0].user_texts(), ["do it"]);
    assert!(editor.messages().iter().all(|it| it["method"] != "pi/event"), "a plain client got pi/event");
}

#[test]
fn the_cancel_button_stops_the_run() {
    let (mut editor, _scratch, model) = start();
    model.script([hang()]);
    command(&mut editor, "pi.prompt", json!(["do it"]));
    model.wait_request(1);
    editor.notification("$/progress");
    editor.notify("window/workDoneProgress/cancel", json!({"token": "pi"}));
    progress(&editor);
    assert!(message(&editor).1.starts_with("Stopped by you after 0:"));
    model.wait_disconnects(1);
}

#[test]
fn commands_steer_stop_and_start_afresh() {
    let (mut editor, _scratch, model) = start();
    model.script([
        call("bash", json!({"command": "true"})).gate("first"),
        say("steered"),
        say("never").gate("second"),
    ]);
    let uri = editor.uri("a.txt");
    command(&mut editor, "pi.prompt", json!([{"message": "start", "uri": uri}]));
    model.reached("first");
    command(&mut editor, "pi.steer", json!(["rather", "this"]));
    model.release("first");
    progress(&editor);
    assert_eq!(message(&editor).1, FINISHED);
    assert!(model.requests()[0].user_texts()[0].starts_with("start\n\nFile: "));
    assert!(model.requests()[1].user_texts().contains(&"rather this".to_owned()));
    command(&mut editor, "pi.newSession", json!([]));
    assert_eq!(message(&editor).1, "Chat: .pi/chat/new-chat.md");
    command(&mut editor, "pi.prompt", json!(["again"]));
    model.reached("second");
    assert_eq!(model.last_request().user_texts(), ["again"]);
    command(&mut editor, "pi.abort", json!([]));
    progress(&editor);
    assert!(message(&editor).1.starts_with("Stopped by you after 0:"));
}

#[test]
fn what_is_said_a_moment_too_late_is_simply_sent() {
    let (mut editor, _scratch, model) = start();
    model.script(["First.", "Second.", "Third."].map(say));
    for (name, text, said) in [
        ("pi.prompt", "begin", "First."),
        ("pi.steer", "rather this", "Second."),
        ("pi.followUp", "and that", "Third."),
    ] {
        command(&mut editor, name, json!([text]));
        answered(&editor, said);
        assert_eq!(model.last_request().user_texts().pop().as_deref(), Some(text));
    }
    editor.unchecked = true;
}

#[test]
fn answers_that_do_not_fit_into_a_message_are_shown_as_documents() {
    let (mut editor, scratch, model) = start();
    let long = format!("Because {}.", "it is so ".repeat(20).trim());
    let arguments = json!({"path": "a.txt", "oldText": "two", "newText": "2"});
    model.script([say(&long).call("edit", arguments), say("Done.")]);
    scratch.file("a.txt", "one\ntwo\n");
    editor.open("a.txt", "one\ntwo\n");
    command(&mut editor, "pi.prompt", json!(["begin"]));
    progress(&editor);
    assert_eq!(message(&editor).1, "Pi finished: 1 change in 1 file");
    editor.notification("textDocument/publishDiagnostics");
    for (name, said, text) in [
        ("pi.why", "The reason is in ", long.as_str()),
        ("pi.sessions", "What Pi says is in ", "open one with `/open n`\n1: begin"),
        ("pi.export", "", "Because it is so"),
    ] {
        command(&mut editor, name, json!([]));
        let told = message(&editor).1;
        assert!(told.starts_with(said), "{told}");
        let asked = editor.messages().into_iter().rfind(|it| it["method"] == "window/showDocument").unwrap();
        let path = asked["params"]["uri"].as_str().unwrap().strip_prefix("file://").unwrap().to_owned();
        let shown = std::fs::read_to_string(&path).unwrap();
        assert!(shown.contains(text), "{name}: {shown}");
    }
    command(&mut editor, "pi.cost", json!([]));
    assert!(message(&editor).1.contains(" tokens · "));
    editor.unchecked = true;
}

#[test]
fn a_command_is_skipped_and_a_failed_answer_tried_again_by_actions() {
    let (mut editor, scratch, model) = start();
    scratch.settings(&json!({"retry": {"baseDelayMs": 600_000}}));
    drop(editor);
    editor = Editor::start(PI, &scratch, Profile::plain());
    editor.open("a.rs", "fn a() {}\n");
    let all = json!({"diagnostics": []});
    let offered = |editor: &mut Editor, title: &str| {
        let all = all.clone();
        let begins = |it: &Value| it["title"].as_str().unwrap().starts_with(title);
        actions(editor, (0, 0), (0, 0), all).into_iter().find(begins).map(|it| it["command"].clone())
    };
    let run = |editor: &mut Editor, title: &str| {
        let action = offered(editor, title).unwrap_or_else(|| panic!("no {title}"));
        command(editor, action["command"].as_str().unwrap(), action["arguments"].clone());
    };
    let shows = |editor: &Editor, what: &str| {
        editor.claim(what, |it| {
            it["method"] == "$/progress"
                && it["params"]["value"]["message"].as_str().is_some_and(|it| it.contains(what))
        });
    };
    model.script([
        call("bash", json!({"command": "cat gate"})),
        status(503, "overloaded"),
        status(401, "{}"),
        say("Well."),
    ]);
    std::process::Command::new("mkfifo").arg(scratch.path("gate")).status().unwrap();
    command(&mut editor, "pi.prompt", json!(["begin"]));
    shows(&editor, "Running cat gate");
    assert_eq!(offered(&mut editor, "Pi: try"), None);
    run(&mut editor, "Pi: skip this command – cat gate");
    shows(&editor, "Trying again in");
    let told = model.last_request().tool_results().pop().unwrap().1;
    assert!(told.starts_with("The user skipped this call."), "{told}");
    assert_eq!(offered(&mut editor, "Pi: skip"), None);
    assert!(offered(&mut editor, "Pi: give up").is_some());
    run(&mut editor, "Pi: try now");
    editor.claim_until("$/progress", "the end", |it| it["value"]["kind"] == "end");
    run(&mut editor, "Pi: try again");
    answered(&editor, "Well.");
    assert_eq!(offered(&mut editor, "Pi: try"), None);
    editor.unchecked = true;
}

#[test]
fn an_editor_without_progress_can_stop_and_steer_as_well() {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    let mut profile = Profile::plain();
    profile.initialize["capabilities"]["window"] = json!({});
    let mut editor = Editor::start(PI, &scratch, profile);
    editor.open("a.rs", "fn a() {}\n");
    model.script([say("Done.").gate("end")]);
    let all = json!({"diagnostics": []});
    let idle = titles(&actions(&mut editor, (0, 0), (0, 0), all.clone()));
    assert!(!idle.contains(&"Pi: stop".to_owned()), "{idle:?}");
    command(&mut editor, "pi.prompt", json!(["begin"]));
    model.reached("end");
    let busy = titles(&actions(&mut editor, (0, 0), (0, 0), all.clone()));
    let asked = ["Pi: open chat", "Pi: stop", "Pi: steer…", "Pi: new chat"];
    assert_eq!(busy[busy.len() - 4..], asked);
    model.release("end");
    answered(&editor, "Done.");
    assert_eq!(titles(&actions(&mut editor, (0, 0), (0, 0), all)), idle);
}

#[test]
fn a_failed_run_is_told_in_one_line() {
    let (mut editor, _scratch, model) = start();
    model.script([status(401, r#"{"error":{"message":"bad key"}}"#)]);
    command(&mut editor, "pi.prompt", json!(["do it"]));
    progress(&editor);
    let (kind, text) = message(&editor);
    assert_eq!(kind, 1);
    assert_eq!(text, "scripted did not accept the key (401). Nothing was sent to tools.");
}

#[test]
fn a_command_without_its_text_says_how() {
    let (mut editor, ..) = start();
    let error = editor.refused("workspace/executeCommand", json!({"command": "pi.prompt", "arguments": []}));
    assert!(error["message"].as_str().unwrap().contains("needs its text"), "{error}");
    assert!(message(&editor).1.contains("needs its text"));
}

fn actions(editor: &mut Editor, start: (u32, u32), end: (u32, u32), context: Value) -> Vec<Value> {
    let position = |(line, character)| json!({"line": line, "character": character});
    let params = json!({
        "textDocument": {"uri": editor.uri("a.rs")},
        "range": {"start": position(start), "end": position(end)},
        "context": context,
    });
    serde_json::from_value(editor.ok("textDocument/codeAction", params)).unwrap()
}

fn titles(actions: &[Value]) -> Vec<String> {
    actions.iter().map(|it| it["title"].as_str().unwrap().to_owned()).collect()
}

/// Runs what an action stands for, to the end of the run.
fn run_action(editor: &mut Editor, action: &Value) {
    let action = &action["command"];
    command(editor, action["command"].as_str().unwrap(), action["arguments"].clone());
    progress(editor);
}

#[test]
fn a_code_action_asks_about_the_selection() {
    let (mut editor, _scratch, model) = start();
    editor.open("a.rs", "fn a() {}\n    // pi: return 7\nfn b() {}\n");
    let all = json!({"diagnostics": []});
    let usual = [
        "Pi: ask about this…",
        "Pi: change this…",
        "Pi: explain",
        "Pi: refactor",
        "Pi: document",
        "Pi: write tests",
        "Pi: open chat",
        "Pi: new chat",
    ];
    assert_eq!(titles(&actions(&mut editor, (0, 0), (0, 0), all.clone())), usual);
    let written = actions(&mut editor, (1, 0), (2, 0), all.clone());
    let (asking, chat) = usual.split_at(6);
    assert_eq!(titles(&written), [asking, &["Pi: do “return 7”"], chat].concat());
    let fixes = json!({"diagnostics": [], "only": ["quickfix"]});
    assert!(actions(&mut editor, (0, 0), (0, 0), fixes).is_empty());

    let selected = actions(&mut editor, (0, 0), (1, 0), all);
    model.script([say("It does nothing."), say("Seven.")]);
    run_action(&mut editor, &selected[2]);
    assert_eq!(message(&editor).1, FINISHED);
    let asked = model.last_request().user_texts().join("");
    assert!(asked.starts_with("Explain the selected code."), "{asked}");
    assert!(asked.ends_with("```rs\nfn a() {}\n```"), "{asked}");

    run_action(&mut editor, &written[6]);
    assert_eq!(message(&editor).1, FINISHED);
    assert!(model.last_request().user_texts().pop().unwrap().starts_with("return 7\n\n"));
}

#[test]
fn a_cursor_means_the_definition_it_is_in() {
    let (mut editor, _scratch, model) = start();
    editor.open("a.rs", "use x;\n\nfn a() {\n    one();\n}\n\nfn b() {}\n");
    model.script([say("It calls one."), say("It uses x.")]);
    let all = json!({"diagnostics": []});
    let offered = actions(&mut editor, (3, 5), (3, 5), all.clone());
    run_action(&mut editor, &offered[2]);
    let asked = model.last_request().user_texts().join("");
    assert!(asked.starts_with("Explain `a`."), "{asked}");
    assert!(asked.ends_with("```rs\nfn a() {\n    one();\n}\n```"), "{asked}");
    let offered = actions(&mut editor, (0, 2), (0, 2), all);
    run_action(&mut editor, &offered[2]);
    let asked = model.last_request().user_texts().pop().unwrap();
    assert!(asked.starts_with("Explain the code around line 1.") && asked.contains("fn b() {}"), "{asked}");
    editor.unchecked = true;
}

#[test]
fn a_problem_can_be_fixed_and_explained() {
    let (mut editor, _scratch, model) = start();
    editor.open("a.rs", "fn a() -> u8 {\n    \"x\"\n}\n");
    let range = json!({"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 7}});
    let problem = |source: &str| json!({"range": range, "message": "mismatched types\nexpected u8", "source": source, "severity": 1});
    let context = json!({"diagnostics": [problem("rustc"), problem("pi")], "only": ["quickfix"]});
    let offered = actions(&mut editor, (1, 5), (1, 5), context);
    assert_eq!(titles(&offered), ["Pi: fix “mismatched types”", "Pi: explain “mismatched types”"]);
    assert!(offered.iter().all(|it| it["kind"] == "quickfix"));
    model.script([say("Fixed.")]);
    run_action(&mut editor, &offered[0]);
    assert_eq!(message(&editor).1, FINISHED);
    let asked = model.last_request().user_texts().join("");
    assert!(asked.starts_with("Fix this problem.\n\nProblems in "), "{asked}");
    assert!(asked.contains("- line 2: error: mismatched types\n  expected u8 (rustc)"), "{asked}");
    assert!(asked.contains("```rs\n\"x\"\n```"), "{asked}");
}

#[test]
fn a_plugin_asks_its_user() {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    let mut editor = Editor::start(PI, &scratch, Profile::plugin());
    editor.open("a.rs", "fn a() {}\n");
    let actions = actions(&mut editor, (0, 0), (0, 0), json!({"diagnostics": []}));
    assert_eq!(actions[0]["title"], "Pi: ask about this…");
    assert_eq!(actions[0]["command"], "pi.ask");
    assert_eq!(actions[0]["arguments"][0]["uri"], editor.uri("a.rs"));
}

#[test]
fn templates_that_want_to_be_actions_are_offered_with_the_selection() {
    let model = ModelServer::with([say("Reviewed.")]);
    let scratch = Scratch::with_model(&model);
    let template = |head: &str| format!("---\n{head}\n---\nReview with $1care.\n");
    scratch.agent_file("prompts/review.md", &template("code-action: Review \u{202e}with care"));
    scratch.agent_file("prompts/quiet.md", &template("description: not offered"));
    for number in 0..9 {
        scratch.agent_file(&format!("prompts/z{number}.md"), &template("code-action: true"));
    }
    let mut editor = Editor::start(PI, &scratch, Profile::plain());
    editor.open("a.rs", "fn a() {}\n");
    let offered = actions(&mut editor, (0, 0), (0, 5), json!({"diagnostics": []}));
    let titles = titles(&offered);
    assert_eq!(titles.len(), 12, "{titles:?}");
    assert_eq!(titles[6], "Pi: Review <U+202E>with care");
    assert_eq!(titles[7..10], ["Pi: z0", "Pi: z1", "Pi: z2"], "what waits and the session stay");
    assert_eq!(titles[10..], ["Pi: open chat", "Pi: new chat"]);
    assert_eq!(offered[6]["kind"], "refactor.rewrite");
    run_action(&mut editor, &offered[6]);
    assert_eq!(message(&editor).1, FINISHED);
    let asked = model.last_request().user_texts().join("");
    assert!(asked.starts_with("Review with care."), "{asked}");
    assert!(asked.ends_with("```rs\nfn a(\n```"), "{asked}");
}

#[test]
fn change_this_opens_the_chat_with_half_a_sentence() {
    let (mut editor, scratch, _model) = start();
    editor.open("a.rs", "fn a() {}\nfn b() {}\n");
    let offered = actions(&mut editor, (0, 0), (2, 0), json!({"diagnostics": []}));
    let action = &offered[1]["command"];
    assert_eq!(offered[1]["title"], "Pi: change this…");
    command(&mut editor, action["command"].as_str().unwrap(), action["arguments"].clone());
    assert_eq!(message(&editor).1, "Chat: .pi/chat/new-chat.md");
    let text = scratch.read(".pi/chat/new-chat.md");
    assert!(text.ends_with("## You\n\nChange @a.rs:1-2 so that \n"), "{text:?}");
}

#[test]
fn without_a_model_actions_say_how_to_get_one() {
    let scratch = Scratch::new();
    let mut editor = Editor::start(PI, &scratch, Profile::plain());
    editor.open("a.rs", "fn a() {}\n");
    let titles = titles(&actions(&mut editor, (0, 0), (0, 0), json!({"diagnostics": []})));
    assert_eq!(titles[6..], ["Pi: open chat", "Pi: new chat", "Pi: set up…", "Pi: run the demo"]);
    command(&mut editor, "pi.setUp", json!([]));
    let said = "How to set up a model is in ";
    let told = message(&editor).1;
    let logged = editor.notification("window/logMessage")["message"].as_str().unwrap().to_owned();
    assert!(told.starts_with(said), "{told}");
    let shown = std::fs::read_to_string(logged.strip_prefix(said).unwrap()).unwrap();
    assert!(shown.contains("No model is set up yet."), "{shown}");
}

#[test]
fn a_prompt_without_a_model_is_kept_in_the_chat() {
    let model = ModelServer::start();
    let scratch = Scratch::without_key(&model);
    let mut profile = Profile::plain();
    profile.arguments.clear();
    let mut editor = Editor::start(PI, &scratch, profile);
    editor.open("a.rs", "fn a() {}\n");
    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 5}});
    let ask = json!({"message": "long text", "uri": editor.uri("a.rs"), "range": range});
    command(&mut editor, "pi.prompt", json!([ask]));
    assert_eq!(message(&editor), (1, "No model is set up yet. Your message is kept.".to_owned()));
    let chat = message(&editor).1;
    let chat = scratch.read(chat.strip_prefix("Chat: ").unwrap());
    assert!(chat.ends_with("## You\n\nlong text @a.rs:1 \n"), "{chat}");
    editor.unchecked = true;
}

#[test]
fn a_chat_is_found_by_a_word_of_its_answer() {
    let (mut editor, _scratch, model) = start();
    model.script([say("Zebras have\n\nstripes.")]);
    command(&mut editor, "pi.prompt", json!(["first"]));
    progress(&editor);
    assert_eq!(message(&editor).1, FINISHED);
    command(&mut editor, "pi.sessions", json!(["STRIPES"]));
    let told = message(&editor).1;
    let shown = std::fs::read_to_string(told.strip_prefix("What Pi says is in ").unwrap()).unwrap();
    assert!(shown.contains("\n1: first · stripes."), "{shown}");
    editor.unchecked = true;
}

/// What becomes of a command.
enum Becomes {
    Done,
    Refused(&'static str),
}
use Becomes::{Done, Refused};

#[test]
fn each_command_takes_each_form_of_arguments_or_says_what_it_needs() {
    let (mut editor, _scratch, model) = start();
    model.allow_unused();
    model.script(["a", "b", "c", "d"].map(say));
    let text = "needs its text";
    let hunk = "needs the id of a hunk";
    let nothing = "Nothing to review";
    let chat = "is for an open chat document";
    let question = "no question waits";
    let idle = "no such command is running";
    // Nothing, null, a word, an object, an object that fits nothing.
    for (name, forms) in [
        ("pi.prompt", [Refused(text), Refused(text), Done, Refused(text), Refused(text)]),
        ("pi.steer", [Refused(text), Refused(text), Done, Refused(text), Refused(text)]),
        ("pi.followUp", [Refused(text), Refused(text), Done, Refused(text), Refused(text)]),
        ("pi.abort", [Done, Done, Done, Done, Done]),
        ("pi.skip", [Refused(idle), Refused(idle), Refused(idle), Refused(idle), Refused(idle)]),
        ("pi.retry", [Done, Done, Done, Done, Done]),
        ("pi.giveUp", [Done, Done, Done, Done, Done]),
        ("pi.newSession", [Done, Done, Done, Done, Done]),
        ("pi.openChat", [Done, Done, Done, Done, Refused("needs {uri, range} or a text")]),
        ("pi.sendChat", [Refused(chat), Refused(chat), Refused(chat), Refused(chat), Refused("needs {uri}")]),
        (
            "pi.approve",
            [Refused(question), Refused(question), Refused(question), Refused(question), Refused(question)],
        ),
        (
            "pi.showQuestion",
            [Refused(question), Refused(question), Refused(question), Refused(question), Refused(question)],
        ),
        (
            "pi.answer",
            [Refused(question), Refused(question), Refused(question), Refused(question), Refused(question)],
        ),
        ("pi.keep", [Refused(nothing), Refused(nothing), Refused(hunk), Refused(hunk), Refused(nothing)]),
        ("pi.reject", [Refused(nothing), Refused(nothing), Refused(hunk), Refused(hunk), Refused(nothing)]),
        ("pi.why", [Refused(nothing), Refused(nothing), Refused(hunk), Refused(hunk), Refused(nothing)]),
        ("pi.oldText", [Refused(nothing), Refused(nothing), Refused(hunk), Refused(hunk), Refused(nothing)]),
        (
            "pi.nextChange",
            [Refused(nothing), Refused(nothing), Refused(nothing), Refused(nothing), Refused(nothing)],
        ),
        ("pi.keepAll", [Done, Done, Done, Done, Done]),
        ("pi.rejectAll", [Done, Done, Done, Done, Done]),
        ("pi.revert", [Done, Done, Done, Done, Done]),
        ("pi.redo", [Done, Done, Done, Done, Done]),
        ("pi.diff", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.model", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.thinking", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.review", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.mode", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.sessions", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.openSession", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.fork", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.rename", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.compact", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.export", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.cost", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.now", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.take", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.queue", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.deleteSession", [Done, Done, Done, Refused("takes words"), Refused("takes words")]),
        ("pi.refresh", [Refused(chat), Refused(chat), Refused(chat), Refused(chat), Refused("needs {uri}")]),
        ("pi.openCopy", [Refused(chat), Refused(chat), Refused(chat), Refused(chat), Refused("needs {uri}")]),
        ("pi.setUp", [Done, Done, Done, Done, Done]),
        ("pi.demo", [Done, Done, Done, Done, Done]),
    ] {
        let object = json!({"uri": editor.uri("a.rs")});
        let arguments =
            [json!([]), json!([null]), json!(["a.rs"]), json!([object]), json!([{"nonsense": 1}])];
        for (arguments, becomes) in arguments.into_iter().zip(forms) {
            let params = json!({"command": name, "arguments": arguments});
            match becomes {
                Done => assert_eq!(editor.ok("workspace/executeCommand", params), Value::Null),
                Refused(why) => {
                    let said = editor.refused("workspace/executeCommand", params.clone())["message"].clone();
                    let said = said.as_str().unwrap();
                    assert!(said.starts_with(&format!("{name}: ")) && said.contains(why), "{params}: {said}");
                }
            }
        }
    }
    let announced =
        editor.server["capabilities"]["executeCommandProvider"]["commands"].as_array().unwrap().len();
    assert_eq!(announced, 42, "each command has its row above");
    editor.unchecked = true;
}

#[test]
fn what_waits_is_listed_taken_back_sent_and_thrown_away() {
    let (mut editor, scratch, model) = start();
    model.script([hang(), say("At once."), say("The first."), say("Sent.")]);
    command(&mut editor, "pi.prompt", json!(["begin"]));
    model.wait_request(1);
    for text in ["one", "two", "three"] {
        command(&mut editor, "pi.followUp", json!([text]));
    }
    command(&mut editor, "pi.now", json!(["rather", "this"]));
    answered(&editor, "At once.");
    assert_eq!(model.last_request().user_texts().pop().as_deref(), Some("rather this"));
    let said = |editor: &mut Editor, name: &str, words: Value, expected: &str| {
        command(editor, name, words);
        editor.claim(expected, |it| {
            it["method"] == "window/logMessage"
                && it["params"]["message"].as_str().is_some_and(|it| it.starts_with(expected))
        });
    };
    said(&mut editor, "pi.take", json!([]), "Chat: .pi/chat/begin.md");
    assert!(scratch.read(".pi/chat/begin.md").ends_with("## You\n\nthree \n"));
    said(&mut editor, "pi.queue", json!(["send"]), "Sent 2 messages");
    // The second steers the run of the first: it comes with it, or after its answer.
    model.allow_unused();
    editor.wait_for("both", || {
        model.last_request().user_texts().ends_with(&["one".into(), "two".into()]).then_some(())
    });
    loop {
        if editor.ok("pi/getState", json!({}))["isStreaming"] == false {
            break;
        }
    }
    said(&mut editor, "pi.queue", json!(["clear"]), "Discarded 0 messages");
    said(&mut editor, "pi.queue", json!([]), "Nothing is queued");
    said(&mut editor, "pi.deleteSession", json!(["7"]), "give a number");
    said(&mut editor, "pi.deleteSession", json!(["1"]), "The chat “begin” is in the trash");
    said(&mut editor, "pi.sessions", json!([]), "Your chats in this folder will be listed here");
    editor.unchecked = true;
}

#[test]
fn words_about_the_session_are_commands_and_answered_in_a_message() {
    let (mut editor, scratch, model) = start();
    model.script([say("One.")]);
    command(&mut editor, "pi.prompt", json!(["first"]));
    progress(&editor);
    assert_eq!(message(&editor).1, FINISHED);
    for (name, arguments, said) in [
        ("pi.mode", json!(["plan"]), "plan"),
        ("pi.review", json!(["ask"]), "ask"),
        ("pi.model", json!(["alpha"]), "scripted/alpha"),
        ("pi.rename", json!(["A", "name"]), "This chat is now “A name”"),
        ("pi.rename", json!([]), "needs a title"),
        ("pi.cost", json!([null]), "120 tokens · <$0.01"),
        ("pi.sessions", json!(["xyz"]), "No chat mentions “xyz”"),
        ("pi.export", json!(""), ".pi/transcripts/"),
    ] {
        let arguments = if arguments.is_string() { json!([arguments]) } else { arguments };
        command(&mut editor, name, arguments);
        let told = message(&editor).1;
        assert!(told.starts_with(said), "{name}: {told}");
    }
    assert!(scratch.path(".pi/transcripts").is_dir());
    editor.unchecked = true;
}
