//! Two chats in one folder: what is said in one is about that one.

use pi_harness::{Editor, Profile, call, say};
use serde_json::{Value, json};

use crate::chat::{CHAT, Chat};

const OTHER: &str = ".pi/chat/other.md";

/// Opens the document of another chat beside the first.
fn open_other(chat: &mut Chat) -> String {
    let added = chat.editor.ok("pi/session/add", json!({}));
    let session = added["sessionId"].as_str().unwrap().to_owned();
    let text = format!("# Other\n\n<!-- pi-chat 1 · session {session} · x -->\n\n## You\n\n");
    chat.scratch.file(OTHER, &text);
    chat.editor.open(OTHER, &text);
    session
}

/// Waits until the editor, which shows nothing by itself, was told of this document.
fn shown(chat: &Chat, document: &str) {
    chat.editor.claim(document, |it| {
        it["method"] == "window/logMessage" && it["params"]["message"] == format!("Chat: {document}")
    });
    let uri = chat.editor.uri(document);
    let asked = |it: &Value| it["method"] == "window/showDocument" && it["params"]["uri"] == uri.as_str();
    assert!(chat.editor.messages().iter().any(asked));
}

fn say_other(chat: &Chat, text: &str) {
    chat.editor.append(OTHER, text);
    chat.editor.save(OTHER);
}

fn until_other(chat: &Chat, what: &str, fits: impl Fn(&str) -> bool) -> String {
    chat.editor.wait_for(what, || Some(chat.editor.buffer(OTHER)).filter(|it| fits(it)))
}

#[test]
fn changes_are_taken_out_and_put_back_in_the_chat_that_made_them() {
    let mut chat = Chat::start();
    chat.open();
    open_other(&mut chat);
    for (name, text) in [("a.txt", "one\n"), ("b.txt", "uno\n")] {
        chat.scratch.file(name, text);
        chat.editor.open(name, text);
    }
    let change = |path: &str, old: &str, new: &str| {
        [
            call("read", json!({"path": path})),
            call("edit", json!({"path": path, "oldText": old, "newText": new})),
            say("Done."),
        ]
    };
    chat.model.script(change("a.txt", "one", "two"));
    chat.say("Change it\n");
    chat.until("the first", |it| it.contains("Done.\n\n<!-- ") && it.ends_with("## You\n\n"));
    chat.model.script(change("b.txt", "uno", "due"));
    say_other(&chat, "Change it\n");
    until_other(&chat, "the second", |it| it.contains("Done.\n\n<!-- ") && it.ends_with("## You\n\n"));
    let buffers = |chat: &Chat, a: &str, b: &str| {
        chat.editor.wait_for(&format!("{a:?} {b:?}"), || {
            Some(()).filter(|()| chat.editor.buffer("a.txt") == a && chat.editor.buffer("b.txt") == b)
        });
    };
    let first = |chat: &Chat, said: &str, state: &str| {
        chat.say(said);
        chat.until(state, |it| it.contains(&format!("· hunk 1 {state}\n")) && it.ends_with("## You\n\n"));
    };
    let other = |chat: &Chat, said: &str, state: &str| {
        say_other(chat, said);
        until_other(chat, state, |it| {
            it.contains(&format!("· hunk 1 {state}\n")) && it.ends_with("## You\n\n")
        });
    };
    // The other chat was the last to change something, and to take something out.
    first(&chat, "/revert\n", "reverted");
    buffers(&chat, "one\n", "due\n");
    other(&chat, "/drop\n", "rejected");
    buffers(&chat, "one\n", "uno\n");
    first(&chat, "/redo\n", "pending");
    buffers(&chat, "two\n", "uno\n");
    other(&chat, "/redo\n", "pending");
    first(&chat, "/keep\n", "kept");
    buffers(&chat, "two\n", "due\n");
    assert!(chat.editor.buffer(OTHER).contains("· hunk 1 pending\n"));
    say_other(&chat, "/keep\n");
    until_other(&chat, "kept", |it| it.contains("· hunk 1 kept\n") && it.ends_with("## You\n\n"));
    say_other(&chat, "/keep\n");
    until_other(&chat, "nothing waits", |it| it.contains("> /keep · Nothing to review\n"));
    chat.finish();
}

#[test]
fn stop_and_new_chat_are_about_the_chat_where_they_are_said() {
    let mut chat = Chat::start();
    chat.open();
    let other = open_other(&mut chat);
    let actions = |chat: &mut Chat, document: &str| -> Vec<Value> {
        let (uri, place) = (chat.editor.uri(document), json!({"line": 0, "character": 0}));
        let range = json!({"start": place, "end": place});
        let params = json!({"textDocument": {"uri": uri}, "range": range, "context": {"diagnostics": []}});
        chat.editor.ok("textDocument/codeAction", params).as_array().unwrap().clone()
    };
    let named = |actions: &[Value], title: &str| actions.iter().find(|it| it["title"] == title).cloned();
    chat.model.script([say("First.").gate("first"), say("Second.").gate("second")]);
    chat.say("Go\n");
    chat.model.reached("first");
    let progress =
        |chat: &Chat| chat.editor.claim("a progress", |it| it["params"]["value"]["kind"] == "begin");
    progress(&chat);
    assert!(named(&actions(&mut chat, OTHER), "Pi: stop").is_none(), "nothing runs in this one");
    say_other(&chat, "Go\n");
    chat.model.reached("second");
    progress(&chat);
    let stop = named(&actions(&mut chat, OTHER), "Pi: stop").unwrap()["command"].clone();
    chat.command("pi.abort", stop["arguments"].clone());
    until_other(&chat, "it is stopped", |it| it.contains("### – stopped by you after 0:"));
    chat.model.release("first");
    chat.until("the first goes on", |it| it.contains("First.\n\n<!-- ") && it.ends_with("## You\n\n"));
    // Another chat begins beside these two.
    say_other(&chat, "/new\n");
    chat.editor.claim("the new chat", |it| {
        it["method"] == "window/logMessage" && it["params"]["message"] == "Chat: .pi/chat/new-chat-2.md"
    });
    let list = chat.editor.ok("pi/session/list", json!({}));
    let living: Vec<_> =
        list["sessions"].as_array().unwrap().iter().filter(|it| it["life"] != "stored").collect();
    assert!(living.iter().any(|it| it["sessionId"] == other.as_str()), "{list}");
    assert_eq!(living.len(), 3, "{list}");
    chat.finish();
}

#[test]
fn what_is_offered_is_about_the_chat_that_runs_and_the_one_that_asks_here() {
    let mut chat = Chat::with(Profile::plain().asking(), |_| {});
    chat.open();
    open_other(&mut chat);
    chat.editor.open("a.rs", "fn a() {}\n");
    let actions = |chat: &mut Chat, document: &str| -> Vec<Value> {
        let (uri, place) = (chat.editor.uri(document), json!({"line": 0, "character": 0}));
        let range = json!({"start": place, "end": place});
        let params = json!({"textDocument": {"uri": uri}, "range": range, "context": {"diagnostics": []}});
        chat.editor.ok("textDocument/codeAction", params).as_array().unwrap().clone()
    };
    let find = |actions: &[Value], title: &str| {
        let found = actions.iter().find(|it| it["title"].as_str().unwrap().starts_with(title));
        found.unwrap_or_else(|| panic!("no {title}: {actions:?}")).clone()
    };
    chat.model.script([call("bash", json!({"command": "mkdir one"}))]);
    chat.say("Go\n");
    chat.until("the first asks", |it| it.contains("### ? question 1 · bash\n"));
    chat.model.script([call("bash", json!({"command": "mkdir two"}))]);
    say_other(&chat, "Go\n");
    until_other(&chat, "the second asks", |it| it.contains("### ? question 1 · bash\n"));
    for (document, asks) in [(CHAT, "one"), (OTHER, "two"), ("a.rs", "one")] {
        find(&actions(&mut chat, document), &format!("Pi: allow once \u{2013} mkdir {asks}"));
    }
    say_other(&chat, "/stop\n");
    until_other(&chat, "it is stopped", |it| it.contains("### – stopped by you after 0:"));
    // Another chat is where anything new begins; what runs is the first.
    chat.command("pi.newSession", json!([]));
    shown(&chat, ".pi/chat/new-chat-2.md");
    let stop = find(&actions(&mut chat, "a.rs"), "Pi: stop")["command"].clone();
    chat.command("pi.abort", stop["arguments"].clone());
    chat.until("it is stopped", |it| it.contains("### – stopped by you after 0:"));
    chat.finish();
}

#[test]
fn a_new_chat_is_shown_and_the_run_in_the_old_one_goes_on() {
    let mut chat = Chat::start();
    chat.open();
    chat.model.script([say("First.").gate("first"), say("Second.")]);
    chat.say("Go\n");
    chat.model.reached("first");
    chat.command("pi.newSession", json!([]));
    const NEW: &str = ".pi/chat/new-chat-2.md";
    shown(&chat, NEW);
    let text = chat.scratch.read(NEW);
    chat.editor.open(NEW, &text);
    chat.editor.append(NEW, "Alone\n");
    chat.editor.save(NEW);
    chat.editor.wait_for("the answer", || {
        Some(()).filter(|()| chat.editor.buffer(NEW).contains("Second.\n\n<!-- "))
    });
    assert_eq!(chat.model.last_request().user_texts(), ["Alone"]);
    chat.model.release("first");
    chat.until("the first goes on", |it| it.contains("First.\n\n<!-- ") && it.ends_with("## You\n\n"));
    chat.finish();
}

/// A chat in which something was said, and the same document in another window.
fn in_two_windows() -> (Editor, Chat) {
    let mut chat = Chat::start();
    chat.open();
    chat.scratch.file("a.rs", "let here = 1;\n");
    chat.model.script([say("One.")]);
    chat.say("first @a.rs\n");
    chat.until("One.", |it| it.contains("One.\n\n<!-- ") && it.ends_with("## You\n\n"));
    let text = chat.text();
    let editor = Editor::start(env!("CARGO_BIN_EXE_pi"), &chat.scratch, Profile::plain());
    let Chat { editor: first, scratch, model } = chat;
    let window = Chat { editor, scratch, model };
    window.editor.open(CHAT, &text);
    let told = window.editor.notification("window/showMessage");
    assert_eq!(told["message"], "This chat is open in another window.");
    (first, window)
}

/// Told as a save; the file is that of both windows.
fn save(window: &Chat) {
    window.editor.notify("textDocument/didSave", json!({"textDocument": {"uri": window.editor.uri(CHAT)}}));
}

/// The copy of that chat goes on by itself, with this draft.
fn goes_on(window: &Chat, first: &Editor, draft: &str) {
    const COPY: &str = ".pi/chat/first-a-rs.md";
    shown(window, COPY);
    let text = window.scratch.read(COPY);
    assert!(text.ends_with(&format!("## You\n\n{draft}")), "{text}");
    window.editor.open(COPY, &text);
    let written = "\n\nfirst @a.rs\n\n## Pi · ";
    let is_there = |it: &str| it.contains(written) && it.contains("One.\n\n<!-- ");
    window.editor.wait_for("the copy", || Some(()).filter(|()| is_there(&window.editor.buffer(COPY))));
    window.model.script([say("Two."), say("Three.")]);
    window.editor.append(COPY, "then\n");
    window.editor.save(COPY);
    let answered = |it: &str| it.contains("Two.\n\n<!-- ");
    window.editor.wait_for("Two.", || Some(()).filter(|()| answered(&window.editor.buffer(COPY))));
    let said = window.model.last_request().user_texts();
    assert!(said.len() == 2 && said[0].starts_with("first @a.rs") && said[1].ends_with("then"), "{said:?}");
    // And so does the chat in the first window.
    first.append(CHAT, "and here\n");
    first.save(CHAT);
    first.wait_for("Three.", || Some(()).filter(|()| first.buffer(CHAT).contains("Three.\n\n<!-- ")));
    assert_eq!(window.model.last_request().user_texts()[1..], ["and here"]);
}

fn end(window: Chat, mut first: Editor) {
    let Chat { mut editor, .. } = window;
    for editor in [&mut editor, &mut first] {
        editor.unchecked = true;
        assert!(editor.exit().success());
    }
}

#[test]
fn a_chat_that_is_open_in_another_window_says_so_and_a_tick_opens_a_copy() {
    let (first, window) = in_two_windows();
    let offer = "### ✗ This chat is open in another window.\n\n- [ ] open a copy\n\n## You\n\n";
    window.until("the offer", |it| it.ends_with(offer));
    window.write("second\n");
    save(&window);
    let kept = "### ✗ not sent: This chat is open in another window. Your message is kept.\n\n\
        - [ ] open a copy\n\n## You\n\nsecond\n";
    let text = window.until("the reason", |it| it.ends_with(kept));
    assert_eq!(text.matches("open a copy").count(), 1, "{text}");
    window.tick("open a copy");
    save(&window);
    goes_on(&window, &first, "second \n");
    let text = window.until("what was done", |it| it.contains("> the copy is open\n"));
    assert!(!text.contains("open a copy") && text.ends_with("## You\n\nsecond\n"), "{text}");
    end(window, first);
}

#[test]
fn a_chat_that_is_open_in_another_window_is_copied_by_a_word() {
    let (first, window) = in_two_windows();
    window.until("the offer", |it| it.contains("- [ ] open a copy"));
    window.write("/fork\n");
    save(&window);
    goes_on(&window, &first, "");
    end(window, first);
}

#[test]
fn a_chat_that_is_open_in_another_window_is_copied_by_an_action_and_for_a_plugin() {
    let (first, mut window) = in_two_windows();
    window.until("the offer", |it| it.contains("- [ ] open a copy"));
    let place = json!({"textDocument": {"uri": window.editor.uri(CHAT)}, "context": {"diagnostics": []},
        "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}});
    let mut offered = || {
        let actions = window.editor.ok("textDocument/codeAction", place.clone());
        let is_it = |it: &&Value| it["title"] == "Pi: open a copy of this chat";
        Some(actions.as_array().unwrap().iter().find(is_it)?["command"]["arguments"].clone())
    };
    // The editor has the offer a moment before the server hears of it.
    let arguments = (0..1000).find_map(|_| offered()).expect("no such action");
    window.command("pi.openCopy", arguments);
    goes_on(&window, &first, "");
    let mut plugin = Editor::start(env!("CARGO_BIN_EXE_pi"), &window.scratch, Profile::plugin());
    let text = window.text();
    let id = text.split("· session ").nth(1).unwrap().split(' ').next().unwrap();
    let refused = plugin.refused("pi/session/attach", json!({"sessionId": id}));
    assert_eq!(refused["message"], "This chat is open in another window.");
    let listed = plugin.ok("pi/session/list", json!({}));
    let it = listed["sessions"].as_array().unwrap().iter().find(|it| it["sessionId"] == id).unwrap();
    let file = it["file"].clone();
    let refused = plugin.refused("pi/switchSession", json!({"sessionPath": file}));
    assert_eq!(refused["message"], "This chat is open in another window.");
    let copy = plugin.ok("pi/session/add", json!({"copyOf": id}));
    assert_ne!(copy["sessionId"], id);
    let attached = plugin.ok("pi/session/attach", copy);
    assert_eq!(attached["snapshot"]["messages"].as_array().unwrap().len(), 4);
    let unknown = plugin.refused("pi/session/add", json!({"copyOf": "nobody"}));
    assert_eq!(unknown["message"], "no session nobody");
    plugin.unchecked = true;
    assert!(plugin.exit().success());
    end(window, first);
}

#[test]
fn a_number_means_the_chat_it_stood_before_when_the_chats_were_listed() {
    let mut chat = Chat::start();
    chat.open();
    open_other(&mut chat);
    chat.model.script([0, 1, 2].map(|it| say(format!("Answer {it}."))));
    chat.say("The first\n");
    chat.until("Answer 0.", |it| it.contains("Answer 0.\n\n<!-- ") && it.ends_with("## You\n\n"));
    say_other(&chat, "The other\n");
    until_other(&chat, "Answer 1.", |it| it.contains("Answer 1.\n\n<!-- ") && it.ends_with("## You\n\n"));
    chat.say("/sessions\n");
    chat.until("the list", |it| it.contains("> 1: The other\n") && it.contains("> 2: The first\n"));
    // From now on this chat is the newest.
    chat.say("Again\n");
    chat.until("Answer 2.", |it| it.contains("Answer 2.\n\n<!-- ") && it.ends_with("## You\n\n"));
    chat.say("/open 1\n");
    shown(&chat, OTHER);
    chat.finish();
}

#[test]
fn a_list_of_chats_that_is_cut_says_so() {
    let mut chat = Chat::start();
    chat.model.script([(); 12].map(|()| say("Yes.")));
    for number in 1..=12 {
        let added = chat.editor.ok("pi/session/add", json!({}));
        let prompt = json!({"message": format!("Chat {number}"), "sessionId": added["sessionId"]});
        chat.editor.ok("pi/prompt", prompt);
        chat.editor.claim_until("window/logMessage", "the answer", |it| it["message"] == "Yes.");
    }
    chat.editor.unchecked = true;
    chat.command("pi.openChat", json!([]));
    chat.editor.wait_for("the document", || Some(()).filter(|()| chat.scratch.path(CHAT).exists()));
    let text = chat.disk();
    chat.editor.open(CHAT, &text);
    chat.say("/sessions chat\n");
    let text = chat.until("the end of the list", |it| it.contains("> and 2 more; `/sessions text` looks"));
    assert_eq!(text.matches(": Chat ").count(), 10, "{text}");
    chat.finish();
}
