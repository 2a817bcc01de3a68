//! Several folders in one editor, each with a session of its own.

use pi_harness::{Editor, ModelServer, Profile, Scratch, call, editor::uri, say};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

/// An editor with the folders `work` and `lib`; in each is a `name.txt`.
fn start(profile: Profile) -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    scratch.file("name.txt", "work\n");
    let editor = Editor::start(PI, &scratch, profile.with_lib());
    std::fs::write(editor.lib().join("name.txt"), "lib\n").unwrap();
    (editor, scratch, model)
}

fn session(editor: &mut Editor, params: Value) -> String {
    editor.ok("pi/getState", params)["sessionId"].as_str().unwrap().to_owned()
}

/// Claims the events up to the end of a run of this session.
fn settled(editor: &Editor, session: &str) {
    editor.claim_until("pi/event", "settled", |it| {
        it["sessionId"] == session && it["event"]["type"] == "agent_settled"
    });
}

#[test]
fn each_folder_has_its_session_and_they_run_at_once() {
    let (mut editor, _scratch, model) = start(Profile::plugin());
    let lib = editor.lib();
    let read = || call("read", json!({"path": "name.txt"}));
    model.script([read().gate("work"), read(), say("lib"), say("work")]);
    let work_session = editor.ok("pi/prompt", json!({"message": "a"}))["sessionId"].clone();
    model.reached("work");
    let lib_session = editor.ok("pi/prompt", json!({"message": "b", "folder": lib}))["sessionId"].clone();
    assert_ne!(work_session, lib_session);
    settled(&editor, lib_session.as_str().unwrap());
    assert_eq!(model.last_request().tool_results()[0].1, "lib\n");
    model.release("work");
    settled(&editor, work_session.as_str().unwrap());
    assert_eq!(model.last_request().tool_results()[0].1, "work\n");
    // Each knows of the other folder.
    let system = model.last_request().system();
    assert!(system.contains(&format!(
        "Also open in the editor, to read; writing there is asked for: {}",
        lib.display()
    )));
    // What is about a folder is about its chats.
    let list = |editor: &mut Editor, folder: Value| editor.ok("pi/session/list", folder)["sessions"].clone();
    assert_eq!(list(&mut editor, json!({}))[0]["sessionId"], work_session);
    assert_eq!(list(&mut editor, json!({"folder": lib}))[0]["sessionId"], lib_session);
}

#[test]
fn a_request_goes_where_it_is_about() {
    let (mut editor, scratch, _model) = start(Profile::plugin());
    let (lib, elsewhere) = (editor.lib(), scratch.home());
    let work_session = session(&mut editor, json!({}));
    let lib_session = session(&mut editor, json!({"folder": uri(&lib.join("deep/in"))}));
    assert_ne!(work_session, lib_session);
    // What names nothing goes to the session that was used last.
    assert_eq!(session(&mut editor, json!({})), lib_session);
    assert_eq!(session(&mut editor, json!({"folder": scratch.workspace()})), work_session);
    assert_eq!(session(&mut editor, json!({})), work_session);
    let about = |path: std::path::PathBuf| json!({"context": [{"kind": "text", "text": "x"}, {"kind": "file", "uri": uri(&path)}]});
    assert_eq!(session(&mut editor, about(lib.join("name.txt"))), lib_session);
    assert_eq!(session(&mut editor, about(elsewhere.join("x"))), lib_session);
    // A new chat begins where the user is.
    editor.open("name.txt", "work\n");
    editor.ok("pi/newSession", json!({}));
    let new = session(&mut editor, json!({}));
    assert_ne!(new, work_session);
    assert_eq!(session(&mut editor, json!({"folder": scratch.workspace()})), new);
    assert_eq!(session(&mut editor, json!({"folder": lib})), lib_session);
    editor.open(lib.join("name.txt").to_str().unwrap(), "lib\n");
    let added = editor.ok("pi/session/add", json!({}))["sessionId"].clone();
    let run = editor.ok("pi/bash", json!({"sessionId": added, "command": "pwd"}));
    assert_eq!(run["output"].as_str().unwrap().trim(), lib.to_string_lossy());
    editor.events_until("bash_execution_update");
    let error = editor.refused("pi/getState", json!({"folder": elsewhere}));
    let text = error["message"].as_str().unwrap();
    assert!(text.contains("is not open; there are: ") && text.contains(&*lib.to_string_lossy()), "{text}");
    assert_eq!(editor.refused("pi/getState", json!({"folder": 7}))["message"], "folder must be a string");
}

#[test]
fn commands_and_chats_are_about_the_folder_of_their_document() {
    let (mut editor, scratch, model) = start(Profile::plain());
    let lib = editor.lib();
    let command = |editor: &mut Editor, name: &str, argument: Value| {
        editor.ok("workspace/executeCommand", json!({"command": name, "arguments": [argument]}))
    };
    model.script([call("read", json!({"path": "name.txt"})), say("In lib.")]);
    let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 3}});
    let name = lib.join("name.txt");
    command(&mut editor, "pi.prompt", json!({"message": "look", "uri": uri(&name), "range": range}));
    editor.claim_until("$/progress", "the end", |it| it["value"]["kind"] == "end");
    assert_eq!(model.last_request().tool_results()[0].1, "lib\n");
    editor.notification("window/showMessage");
    // Its code actions name the document, and so the folder.
    let place = json!({"textDocument": {"uri": uri(&name)}, "range": range, "context": {"diagnostics": []}});
    let actions = editor.ok("textDocument/codeAction", place);
    let open = actions.as_array().unwrap().iter().find(|it| it["title"] == "Pi: open chat").unwrap();
    command(&mut editor, "pi.openChat", open["command"]["arguments"][0].clone());
    assert_eq!(editor.notification("window/showMessage")["message"], "Chat: .pi/chat/look.md");
    let in_work = json!({"uri": editor.uri("name.txt")});
    command(&mut editor, "pi.openChat", in_work);
    assert_eq!(editor.notification("window/showMessage")["message"], "Chat: .pi/chat/new-chat.md");
    // Two chats, each in its folder, and each of its own session.
    let chats = [scratch.workspace().join(".pi/chat/new-chat.md"), lib.join(".pi/chat/look.md")];
    let texts = chats.clone().map(|it| std::fs::read_to_string(it).unwrap());
    assert_ne!(texts[0], texts[1]);
    for (chat, text) in chats.iter().zip(&texts) {
        editor.open(chat.to_str().unwrap(), text);
    }
    let both = |fits: &dyn Fn(&str) -> bool| {
        editor.wait_for("both chats", || {
            chats.iter().all(|it| fits(&editor.buffer(it.to_str().unwrap()))).then_some(())
        })
    };
    // The one in lib has what was said before.
    editor.wait_for("the chat of lib", || {
        editor.buffer(chats[1].to_str().unwrap()).contains("In lib.").then_some(())
    });
    model.script([
        call("read", json!({"path": "name.txt"})).gate("first"),
        call("read", json!({"path": "name.txt"})),
        say("One."),
        say("Two."),
    ]);
    for (at, chat) in chats.iter().enumerate() {
        let path = chat.to_str().unwrap();
        editor.append(path, "which one?");
        editor.save(path);
        if at == 0 {
            model.reached("first");
        }
    }
    editor.wait_for("the answer in lib", || {
        editor.buffer(chats[1].to_str().unwrap()).contains("One.").then_some(())
    });
    model.release("first");
    both(&|it| it.contains("One.") || it.contains("Two."));
    let results = |at: usize| model.requests()[at].tool_results().last().unwrap().1.clone();
    assert_eq!((results(4), results(5)), ("lib\n".to_owned(), "work\n".to_owned()));
    editor.unchecked = true;
    assert!(editor.exit().success());
}

#[test]
fn closing_a_folder_ends_what_is_idle_and_waits_for_what_runs() {
    let (mut editor, scratch, model) = start(Profile::plugin());
    let (work, lib) = (scratch.workspace(), editor.lib());
    model.script([say("done").gate("hold"), say("again")]);
    let work_session = session(&mut editor, json!({"folder": work}));
    let lib_session = session(&mut editor, json!({"folder": lib}));
    let idle = editor.ok("pi/session/add", json!({"folder": lib}))["sessionId"].as_str().unwrap().to_owned();
    editor.ok("pi/prompt", json!({"folder": lib, "message": "go"}));
    model.reached("hold");
    editor.change_folders(&[], &[&lib]);
    let ended = |editor: &mut Editor, id: &str| {
        let state = editor.start_request("pi/getState", json!({"sessionId": id}));
        editor.response(state).get("error").is_some()
    };
    assert!((0..100_000).any(|_| ended(&mut editor, &idle)), "an idle session stays");
    assert!(!ended(&mut editor, &lib_session), "a run was cut off");
    // What names nothing goes on in the folder that is left.
    assert_eq!(session(&mut editor, json!({})), work_session);
    assert_eq!(editor.refused("pi/getState", json!({"folder": lib}))["code"], -32602);
    model.release("hold");
    settled(&editor, &lib_session);
    assert!((0..100_000).any(|_| ended(&mut editor, &lib_session)), "a session stays that has settled");
    assert!(!ended(&mut editor, &work_session));
    // Open again, it has a chat again, and the old one can be come to.
    editor.change_folders(&[&lib], &[]);
    assert_ne!(session(&mut editor, json!({"folder": lib})), lib_session);
    let attached = editor.ok("pi/session/attach", json!({"sessionId": lib_session}));
    assert_eq!(attached["snapshot"]["messages"][1]["content"][0]["text"], "done");
    editor.ok("pi/prompt", json!({"sessionId": lib_session, "message": "more"}));
    settled(&editor, &lib_session);
    assert_eq!(model.last_request().user_texts(), ["go", "more"]);
}

#[test]
fn what_a_session_changes_in_another_folder_is_listed_and_goes_back_with_it() {
    let (mut editor, scratch, model) = start(Profile::plugin());
    let lib = editor.lib().join("name.txt");
    let edit = |path: &str, old: &str| call("edit", json!({"path": path, "oldText": old, "newText": "new"}));
    model.script([edit("name.txt", "work"), edit(lib.to_str().unwrap(), "lib"), say("done")]);
    let work = editor.ok("pi/prompt", json!({"message": "rename", "folder": scratch.workspace()}));
    settled(&editor, work["sessionId"].as_str().unwrap());
    let of = json!({"sessionId": work["sessionId"], "scope": "session"});
    let listed = editor.ok("pi/edits/list", of.clone());
    assert_eq!(listed["counts"]["pending"], 2, "{listed}");
    assert!(editor.ok("pi/edits/diff", of)["diff"].as_str().unwrap().contains("-lib\n+new\n"));
    // Of the folder is what is in the folder.
    let folder = editor.lib();
    let lib_only = editor.ok("pi/edits/list", json!({"folder": folder}));
    assert_eq!(lib_only["counts"]["pending"], 1, "{lib_only}");
    let to =
        editor.ok("pi/getForkMessages", json!({"sessionId": work["sessionId"]}))["messages"][0]["entryId"]
            .clone();
    let back = json!({"sessionId": work["sessionId"], "to": to, "fork": true});
    let reverted = editor.ok("pi/edits/revert", back);
    assert_eq!((reverted["hunks"].as_array().unwrap().len(), &reverted["conflicts"]), (2, &json!([])));
    assert_eq!(
        (scratch.read("name.txt"), std::fs::read_to_string(&lib).unwrap()),
        ("work\n".into(), "lib\n".into())
    );
    editor.unchecked = true;
}

#[test]
fn the_last_turn_and_the_last_decision_are_one_for_all_folders() {
    let (mut editor, scratch, model) = start(Profile::plain());
    let (work, lib) = (scratch.workspace().join("name.txt"), editor.lib().join("name.txt"));
    let command = |editor: &mut Editor, name: &str, argument: Value| {
        editor.ok("workspace/executeCommand", json!({"command": name, "arguments": [argument]}));
        editor.notification("window/showMessage")["message"].as_str().unwrap().to_owned()
    };
    let texts = || [&lib, &work].map(|it| std::fs::read_to_string(it).unwrap());
    for (path, old) in [(&lib, "lib"), (&work, "work")] {
        model.script([
            call("edit", json!({"path": "name.txt", "oldText": old, "newText": "new"})),
            say("Done."),
        ]);
        command(&mut editor, "pi.prompt", json!({"message": "new", "uri": uri(path)}));
        editor.claim_until("$/progress", "the end", |it| it["value"]["kind"] == "end");
    }
    assert_eq!(command(&mut editor, "pi.revert", Value::Null), "Reverted 1 change · Redo: pi.redo");
    assert_eq!(texts(), ["new\n", "work\n"]);
    // One decision about both folders is taken back as one.
    assert_eq!(command(&mut editor, "pi.redo", Value::Null), "Put back 1 change");
    assert_eq!(command(&mut editor, "pi.rejectAll", json!({})), "Rejected 2 changes · Redo: pi.redo");
    assert_eq!(command(&mut editor, "pi.redo", Value::Null), "Put back 2 changes");
    assert_eq!(texts(), ["new\n", "new\n"]);
    // Of two decisions, each about one folder, only the last.
    for path in [&lib, &work] {
        assert_eq!(
            command(&mut editor, "pi.rejectAll", json!({"uri": uri(path)})),
            "Rejected 1 change · Redo: pi.redo"
        );
    }
    assert_eq!(command(&mut editor, "pi.redo", Value::Null), "Put back 1 change");
    assert_eq!(texts(), ["lib\n", "new\n"]);
    editor.unchecked = true;
}
