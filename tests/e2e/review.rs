//! What Pi changed is kept, rejected, reverted and redone: over JSONL and by plugins.

use pi_harness::{Applies, Editor, JsonlClient, ModelServer, Profile, Scratch, Turn, call, say};
use serde_json::{Value, json};

use crate::rpc::{PI, start};

fn edit(path: &str, old: &str, new: &str) -> Turn {
    call("edit", json!({"path": path, "oldText": old, "newText": new}))
}

/// `status removed>added`, one a hunk.
pub fn shown(edits: &Value) -> Vec<String> {
    let text = |it: &Value| it.as_str().unwrap().trim().replace('\n', "|");
    let hunks = edits["hunks"].as_array().unwrap().iter();
    hunks
        .map(|it| {
            format!(
                "{} {}>{}",
                it["status"].as_str().unwrap(),
                text(&it["removedText"]),
                text(&it["addedText"])
            )
        })
        .collect()
}

fn edits(pi: &mut JsonlClient) -> Value {
    pi.ok(json!({"type": "get_edits", "texts": true}))
}

fn id(edits: &Value, at: usize) -> Value {
    edits["hunks"][at]["id"].clone()
}

#[test]
fn hunks_are_decided_one_by_one_and_the_model_is_told() {
    let edits_of = json!([{"oldText": "one", "newText": "ONE"}, {"oldText": "four", "newText": "FOUR"}]);
    let (model, scratch, mut pi) =
        start([call("edit", json!({"path": "a.txt", "edits": edits_of})), say("done"), say("so be it")]);
    scratch.file("a.txt", "one\ntwo\nthree\nfour\n");
    assert_eq!(pi.ok(json!({"type": "get_edits"}))["hunks"], json!([]));
    let events = pi.run("shout");
    let changed = events.iter().find(|it| it["type"] == "edits_changed").expect("it is told");
    assert!(changed["uris"][0].as_str().unwrap().ends_with("/a.txt"), "{changed}");

    let found = edits(&mut pi);
    assert_eq!(shown(&found), ["pending one>ONE", "pending four>FOUR"]);
    assert_eq!(found["counts"], json!({"pending": 2, "kept": 0, "rejected": 0, "reverted": 0}));
    let hunk = &found["hunks"][1];
    assert_eq!(
        hunk["range"],
        json!({"start": {"line": 3, "character": 0}, "end": {"line": 4, "character": 0}})
    );
    assert_eq!((&hunk["turn"], &hunk["tool"], &hunk["added"]), (&json!(1), &json!("edit"), &json!(1)));

    pi.ok(json!({"type": "edits_accept", "hunks": [id(&found, 0)]}));
    let rejected = pi.ok(json!({"type": "edits_reject", "scope": "folder"}));
    assert_eq!(rejected["hunks"], json!([id(&found, 1)]));
    assert_eq!(rejected["conflicts"], json!([]));
    assert_eq!(scratch.read("a.txt"), "ONE\ntwo\nthree\nfour\n");
    assert_eq!(shown(&edits(&mut pi)), ["kept one>ONE", "rejected four>FOUR"]);

    pi.run("go on");
    let texts = model.last_request().user_texts();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[1].starts_with("The user rejected 1 of your changes: a.txt:4."), "{texts:?}");

    pi.ok(json!({"type": "edits_redo", "scope": "last"}));
    assert_eq!(scratch.read("a.txt"), "ONE\ntwo\nthree\nFOUR\n");
    let diff = pi.ok(json!({"type": "edits_diff", "turn": 1}));
    assert!(diff["diff"].as_str().unwrap().contains("-four\n+FOUR\n"), "{diff}");

    let error = pi.refused(json!({"type": "edits_reject"}));
    assert!(error.contains("say which edits"), "{error}");
    let error = pi.refused(json!({"type": "edits_accept", "hunks": ["12"]}));
    assert!(error.contains("ids are like h12"), "{error}");
}

#[test]
fn edits_survive_a_restart_and_belong_to_their_folder() {
    let (model, scratch, mut pi) = start([edit("a.txt", "one", "ONE"), say("done")]);
    scratch.file("a.txt", "one\ntwo\n");
    pi.run("shout");
    drop(pi);
    let mut pi = JsonlClient::start(PI, &scratch, &[]);
    let found = edits(&mut pi);
    assert_eq!(shown(&found), ["pending one>ONE"]);
    assert_eq!(pi.ok(json!({"type": "get_edits", "scope": "session"}))["hunks"], json!([]));
    scratch.file("a.txt", "zero\nONE\ntwo\n");
    pi.ok(json!({"type": "edits_reject", "hunks": [id(&found, 0)]}));
    assert_eq!(scratch.read("a.txt"), "zero\none\ntwo\n");
    drop(model);
}

/// Nobody could be told when it was decided.
#[test]
fn a_model_is_told_of_what_was_rejected_while_its_session_was_closed() {
    let (model, scratch, mut pi) = start([
        edit("a.txt", "one", "ONE"),
        edit("b.txt", "two", "TWO"),
        say("done"),
        say("so be it"),
        say("yes"),
    ]);
    scratch.file("a.txt", "zero\none\n");
    scratch.file("b.txt", "two\n");
    pi.run("shout");
    drop(pi);
    let mut another = JsonlClient::start(PI, &scratch, &[]);
    let hunk = id(&edits(&mut another), 0);
    another.ok(json!({"type": "edits_reject", "hunks": [hunk]}));
    drop(another);
    assert_eq!(pi_edits(&scratch, &["revert", "h2"]), (true, "Reverted 1 change in 1 file\n".into()));
    for prompt in ["go on", "and on"] {
        let mut pi = JsonlClient::start(PI, &scratch, &["--continue"]);
        pi.run(prompt);
        let texts = model.last_request().user_texts();
        let told = |what: &str| texts.iter().filter(|it| it.starts_with(what)).count();
        assert_eq!(told("The user rejected 1 of your changes: a.txt:2."), 1, "{texts:?}");
        assert_eq!(told("The user reverted 1 of your changes: b.txt:1."), 1, "{texts:?}");
    }
}

/// What an editor still has to apply does not come behind the revert unseen.
#[test]
fn going_back_in_the_middle_of_an_edit_leaves_nothing_that_is_not_listed() {
    let model = ModelServer::with([edit("a.txt", "one", "ONE"), say("never")]);
    model.allow_unused();
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", "one\n");
    let mut editor = Editor::start(PI, &scratch, Profile::plugin().applies(Applies::WhenTold));
    editor.open("a.txt", "one\n");
    editor.prompt("shout");
    let request = editor.asked("workspace/applyEdit");
    let prompts = editor.ok("pi/getForkMessages", json!({}))["messages"].clone();
    let reverted = editor.ok("pi/edits/revert", json!({"to": prompts[0]["entryId"], "fork": true}));
    assert_eq!(reverted["text"], "shout");
    editor.perform(&request);
    assert_eq!(editor.buffer("a.txt"), "ONE\n");
    assert_eq!(shown(&list(&mut editor)), ["pending one>ONE"]);
    editor.unchecked = true;
}

#[test]
fn everything_since_a_prompt_goes_back_and_the_conversation_with_it() {
    let (_model, scratch, mut pi) = start([
        edit("a.txt", "one", "1"),
        say("first"),
        call("write", json!({"path": "new.txt", "content": "new\n"})),
        edit("a.txt", "1", "uno"),
        say("second"),
    ]);
    scratch.file("a.txt", "one\ntwo\n");
    pi.run("number");
    pi.run("italian");
    scratch.file("a.txt", "uno\ntwo\nmine\n");
    let prompts = pi.ok(json!({"type": "get_fork_messages"}))["messages"].clone();
    let to = &prompts[1]["entryId"];
    let preview = pi.ok(json!({"type": "edits_revert", "to": to, "preview": true}));
    assert_eq!(preview["uris"].as_array().unwrap().len(), 2, "{preview}");
    assert_eq!(scratch.read("a.txt"), "uno\ntwo\nmine\n");
    assert_eq!(pi.state()["messageCount"], 10);

    let reverted = pi.ok(json!({"type": "edits_revert", "to": to, "fork": true}));
    assert_eq!(reverted["text"], "italian");
    assert_eq!(reverted["conflicts"], json!([]));
    assert_eq!(scratch.read("a.txt"), "1\ntwo\nmine\n");
    assert!(!scratch.path("new.txt").exists());
    assert_eq!(pi.state()["messageCount"], 4);
    assert_eq!(shown(&edits(&mut pi)), ["pending one>1", "reverted one>uno", "reverted >new"]);
}

/// The session file does not have the last prompt, though its edits are on record.
#[test]
fn what_was_edited_under_a_prompt_that_was_lost_goes_back_as_well() {
    for to_lost in [false, true] {
        let (_model, scratch, mut pi) = start([
            edit("a.txt", "one", "1"),
            say("first"),
            edit("b.txt", "two", "2"),
            say("second"),
            edit("c.txt", "three", "3"),
            say("third"),
        ]);
        let files = [("a.txt", "one\n"), ("b.txt", "two\n"), ("c.txt", "three\n")];
        files.iter().for_each(|(name, text)| drop(scratch.file(name, text)));
        for prompt in ["1st", "2nd", "3rd"] {
            pi.run(prompt);
        }
        let prompts = pi.ok(json!({"type": "get_fork_messages"}))["messages"].clone();
        drop(pi);
        let file = &scratch.session_files()[0];
        let text = std::fs::read_to_string(file).unwrap();
        let kept = text.find(prompts[2]["entryId"].as_str().unwrap()).unwrap();
        std::fs::write(file, &text[..text[..kept].rfind('\n').unwrap() + 1]).unwrap();

        let mut pi = JsonlClient::start(PI, &scratch, &["--continue"]);
        let to = &prompts[if to_lost { 2 } else { 1 }]["entryId"];
        if to_lost {
            let error = pi.refused(json!({"type": "edits_revert", "to": to, "fork": true}));
            assert!(error.contains("Entry not found"), "{error}");
        }
        let reverted = pi.ok(json!({"type": "edits_revert", "to": to}));
        assert_eq!(reverted["conflicts"], json!([]));
        let expected = if to_lost { ["1\n", "2\n", "three\n"] } else { ["1\n", "two\n", "three\n"] };
        assert_eq!(files.map(|(name, _)| scratch.read(name)), expected);
        assert!(pi.refused(json!({"type": "edits_revert", "to": "nothing"})).contains("Entry not found"));
    }
}

/// What `pi edits …` prints, and whether it succeeded.
fn pi_edits(scratch: &Scratch, arguments: &[&str]) -> (bool, String) {
    let output = scratch.command(PI).arg("edits").args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.success(), text)
}

#[test]
fn the_command_line_lists_shows_reverts_and_forgets() {
    let scratch = Scratch::new();
    assert_eq!(pi_edits(&scratch, &["list"]), (true, "Nothing to review\n".into()));
    assert_eq!(pi_edits(&scratch, &["gc"]), (true, "Nothing was recorded yet.\n".into()));
    assert!(!scratch.agent_dir().join("edits.db").exists());

    let (_model, scratch, mut pi) =
        start([edit("a.txt", "one", "ONE"), edit("a.txt", "four", "FOUR"), say("done")]);
    scratch.file("a.txt", "one\ntwo\nthree\nfour\n");
    pi.run("shout");
    drop(pi);
    let (ok, text) = pi_edits(&scratch, &["list", "a.txt"]);
    assert!(ok, "{text}");
    let expected = "a.txt\n  h1     pending   +1 −1  line 1  edit, turn 1\n  h2     pending   +1 −1  line 4  edit, turn 2\n";
    assert_eq!(text, expected);
    let (_, text) = pi_edits(&scratch, &["diff"]);
    assert!(text.contains("-one\n+ONE\n two\n three\n-four\n+FOUR\n"), "{text}");
    // From a folder inside, too.
    scratch.file("deep/er/b.txt", "");
    let inside =
        scratch.command(PI).current_dir(scratch.path("deep/er")).args(["edits", "list"]).output().unwrap();
    let project = std::fs::canonicalize(scratch.workspace()).unwrap();
    assert_eq!(String::from_utf8(inside.stdout).unwrap(), format!("In {}\n{expected}", project.display()));
    // Where it came from.
    let (_, second) = pi_edits(&scratch, &["diff", "--turn", "2"]);
    assert!(second.contains("+FOUR") && !second.contains("+ONE"), "{second}");
    let (ok, text) = pi_edits(&scratch, &["diff", "--session", "nobody"]);
    assert!(!ok && text.contains("no session whose id starts with this"), "{text}");
    assert_eq!(pi_edits(&scratch, &["redo"]), (true, "Nothing was decided yet\n".into()));
    let revert = ["revert", "--turn", "1", "--dry-run"];
    assert_eq!(pi_edits(&scratch, &revert), (true, "Would revert 1 change in 1 file\n".into()));
    assert_eq!(scratch.read("a.txt"), "ONE\ntwo\nthree\nFOUR\n");
    assert_eq!(pi_edits(&scratch, &revert[..3]), (true, "Reverted 1 change in 1 file\n".into()));
    assert_eq!(scratch.read("a.txt"), "one\ntwo\nthree\nFOUR\n");
    assert_eq!(pi_edits(&scratch, &["redo"]), (true, "Put back 1 change in 1 file\n".into()));
    assert_eq!(scratch.read("a.txt"), "ONE\ntwo\nthree\nFOUR\n");
    assert_eq!(pi_edits(&scratch, &["revert", "--prompt", "none"]), (true, "Nothing was changed\n".into()));
    assert_eq!(pi_edits(&scratch, &["revert", "h1"]), (true, "Reverted 1 change in 1 file\n".into()));
    assert_eq!(scratch.read("a.txt"), "one\ntwo\nthree\nFOUR\n");
    scratch.file("a.txt", "one\ntwo\nthree\nFOUR!\n");
    let (ok, text) = pi_edits(&scratch, &["revert", "--all"]);
    assert_eq!((ok, scratch.read("a.txt").as_str()), (false, "one\ntwo\nthree\nFOUR!\n"), "{text}");
    assert!(text.contains("h2: You edited this since; your text stays"), "{text}");
    assert!(!pi_edits(&scratch, &["revert"]).0, "it asks what to revert");
    let (_, text) = pi_edits(&scratch, &["gc", "--megabytes", "0", "--days", "30"]);
    assert!(text.starts_with("Forgot 0 edits; 2 are left in "), "{text}");
}

#[test]
fn a_diff_of_a_session_or_a_turn_stays_after_a_decision_and_a_rename() {
    let (_model, scratch, mut pi) = start([
        edit("a.txt", "one", "ONE"),
        call("bash", json!({"command": "mv a.txt b.txt"})),
        edit("b.txt", "two", "TWO"),
        say("done"),
    ]);
    scratch.file("a.txt", "one\ntwo\n");
    pi.run("shout");
    pi.ok(json!({"type": "edits_accept", "scope": "session"}));
    let mut diff = |about: Value| {
        let mut request = about;
        request["type"] = json!("edits_diff");
        pi.ok(request)["diff"].as_str().unwrap().to_owned()
    };
    let all = diff(json!({"scope": "session"}));
    assert!(all.contains("-one\n+ONE\n") && all.contains("-two\n+TWO\n"), "{all}");
    let uri = scratch.path("b.txt");
    let first = diff(json!({"uri": uri, "turn": 1}));
    assert!(first.contains("-one\n+ONE\n") && !first.contains("TWO"), "{first}");
    let third = diff(json!({"uri": uri, "turn": 3}));
    assert!(third.contains("-two\n+TWO\n") && !third.contains("-one"), "{third}");
    assert_eq!(diff(json!({"uri": scratch.path("a.txt"), "turn": 1})), "");
    assert_eq!(diff(json!({"scope": "folder"})), "", "nothing waits");
}

/// A plugin with `a.txt` open.
fn plugin(scratch: &Scratch, buffer: &str) -> Editor {
    let editor = Editor::start(PI, scratch, Profile::plugin());
    editor.open("a.txt", buffer);
    editor
}

fn list(editor: &mut Editor) -> Value {
    editor.ok("pi/edits/list", json!({"texts": true}))
}

#[test]
fn a_buffer_is_reviewed_in_its_editor_and_undone_there() {
    let model = ModelServer::with([edit("a.txt", "one", "ONE"), say("done")]);
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", "one\ntwo\n");
    let mut editor = plugin(&scratch, "one\ntwo\nunsaved\n");
    editor.prompt("shout");
    editor.settled();
    let found = list(&mut editor);
    assert_eq!(shown(&found), ["pending one>ONE"]);
    assert_eq!(found["hunks"][0]["uri"], editor.uri("a.txt"));
    // The editor's own undo is a reject, its redo takes that back.
    editor.undo("a.txt");
    assert_eq!(shown(&list(&mut editor)), ["rejected one>ONE"]);
    editor.type_at("a.txt", 0, 3, "ONE");
    assert_eq!(shown(&list(&mut editor)), ["pending one>ONE"]);
    editor.type_at("a.txt", 0, 0, "typed\n");
    let rejected = editor.ok("pi/edits/reject", json!({"scope": "session"}));
    assert_eq!(rejected["uris"], json!([editor.uri("a.txt")]));
    assert_eq!(editor.buffer("a.txt"), "typed\none\ntwo\nunsaved\n");
    assert_eq!(scratch.read("a.txt"), "one\ntwo\n");
    editor.undo("a.txt");
    assert_eq!(editor.buffer("a.txt"), "typed\nONE\ntwo\nunsaved\n");
    editor.claim_until("pi/event", "the last change", |it| it["event"]["type"] == "edits_changed");
    editor.unchecked = true;
}

/// The process is killed while the editor has the edit and nobody has verified it.
#[test]
fn an_edit_cut_off_by_a_kill_is_found_again() {
    for arrived in [true, false] {
        let model = ModelServer::with([edit("a.txt", "one", "ONE")]);
        let scratch = Scratch::with_model(&model);
        scratch.file("a.txt", "one\ntwo\n");
        let mut editor = plugin(&scratch, "one\ntwo\n");
        editor.now_applies(Applies::WhenTold);
        editor.prompt("shout");
        editor.asked("workspace/applyEdit");
        let killed = std::process::Command::new("kill").args(["-9", &editor.pid().to_string()]).status();
        assert!(killed.unwrap().success());
        editor.unchecked = true;
        editor.wait_exit();
        drop(editor);

        let mut editor = plugin(&scratch, if arrived { "ONE\ntwo\n" } else { "one\ntwo\n" });
        let expected: &[&str] = if arrived { &["pending one>ONE"] } else { &[] };
        assert_eq!(shown(&list(&mut editor)), expected);
        let notice = editor.claim("a notice", |it| it["params"]["event"]["type"] == "notice");
        let said = notice["params"]["event"]["message"].as_str().unwrap();
        assert!(said.contains("Pi was cut off while it edited a.txt"), "{said}");
        if arrived {
            editor.ok("pi/edits/reject", json!({"scope": "folder"}));
            assert_eq!(editor.buffer("a.txt"), "one\ntwo\n");
        }
        editor.unchecked = true;
    }
}

#[test]
fn a_single_prompt_says_what_the_process_before_it_left() {
    let model = ModelServer::with([edit("a.txt", "one", "ONE")]);
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", "one\n");
    scratch.set("PI_CRASH_AT", "verified");
    let mut pi = JsonlClient::start(PI, &scratch, &[]);
    pi.start_request(json!({"type": "prompt", "message": "shout"}));
    pi.wait_exit();
    pi.unchecked = true;
    scratch.set("PI_CRASH_AT", "");
    model.script([say("hello"), say("again")]);
    let say = |format: &str| {
        let arguments = ["--provider", "scripted", "--model", "alpha", "--mode", format, "-p", "hi"];
        let output = scratch.command(PI).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    let said = "Pi was cut off while it edited a.txt. The edit is there and waits for review.";
    assert_eq!(say("text").matches(said).count(), 1);
    assert!(!say("json").contains(said), "once is enough");
}

#[test]
fn an_editor_a_program_and_the_command_line_share_one_record() {
    let model = ModelServer::with([edit("a.txt", "one", "ONE"), say("done")]);
    let scratch = Scratch::with_model(&model);
    scratch.file("a.txt", "one\n");
    scratch.file("b.txt", "two\n");
    let mut editor = plugin(&scratch, "one\n");
    editor.prompt("shout");
    editor.settled();
    model.script([edit("b.txt", "two", "TWO"), say("done")]);
    let mut pi = JsonlClient::start(PI, &scratch, &[]);
    pi.run("shout");
    // Who sees only the disk finds the edit of the unsaved buffer undone, and changes nothing by looking.
    assert_eq!(shown(&edits(&mut pi)), ["rejected one>ONE", "pending two>TWO"]);
    let (_, text) = pi_edits(&scratch, &["list"]);
    let unsaved = "a.txt\n  h1     unsaved in an editor +1 −1  line 1  edit, turn 1\n";
    assert!(text.contains("b.txt\n  h2     pending") && text.contains(unsaved), "{text}");
    assert_eq!(shown(&list(&mut editor)), ["pending one>ONE", "pending two>TWO"]);
    // What one decides the others see.
    let b = json!({"uri": editor.uri("b.txt")});
    editor.ok("pi/edits/reject", b);
    assert_eq!(scratch.read("b.txt"), "two\n");
    assert_eq!(shown(&edits(&mut pi)), ["rejected one>ONE", "rejected two>TWO"]);
    assert_eq!(pi_edits(&scratch, &["list"]), (true, unsaved.to_owned()));
    assert_eq!(shown(&list(&mut editor)), ["pending one>ONE", "rejected two>TWO"]);
    assert_eq!(editor.buffer("a.txt"), "ONE\n");
    editor.unchecked = true;
}
