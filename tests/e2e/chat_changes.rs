//! The changes of a chat, taken out by words: everything since a turn, and in every folder.

use pi_harness::{Profile, call, say};
use serde_json::json;

use crate::chat::{CHAT, Chat};

const NINE: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n";
const CHANGED: &str = "1\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n9\n";

/// A turn that changes both ends of a file.
fn turn(chat: &Chat, path: &str, said: &str) {
    let edits = json!([{"oldText": "one", "newText": "1"}, {"oldText": "nine", "newText": "9"}]);
    chat.model.script([
        call("read", json!({"path": path})),
        call("edit", json!({"path": path, "edits": edits})),
        say(format!("{said} is done.")),
    ]);
    chat.say(&format!("{said}\n"));
    chat.until(said, |it| it.contains(&format!("{said} is done.\n\n<!-- ")) && it.ends_with("## You\n\n"));
}

fn buffers(chat: &Chat, a: &str, b: &str) {
    chat.editor.wait_for("the files", || {
        Some(()).filter(|()| chat.editor.buffer("a.txt") == a && chat.editor.buffer("b.txt") == b)
    });
}

#[test]
fn everything_since_a_turn_goes_back_and_much_of_it_is_counted_first() {
    let mut chat = Chat::start();
    chat.open();
    for name in ["a.txt", "b.txt"] {
        chat.scratch.file(name, NINE);
        chat.editor.open(name, NINE);
    }
    turn(&chat, "a.txt", "First");
    turn(&chat, "b.txt", "Second");
    chat.say("/revert 2..\n");
    chat.until("the second goes back", |it| {
        it.contains("> /revert · Reverted 2 changes in 1 file · `/redo`\n")
    });
    buffers(&chat, CHANGED, NINE);
    chat.say("/redo\n");
    buffers(&chat, CHANGED, CHANGED);
    chat.until("it is there again", |it| it.ends_with("## You\n\n"));
    chat.say("/revert 1..\n");
    let counted = "> /revert · 4 changes in 2 files would go back. Write `/revert 1.. yes` to do it\n";
    chat.until("they are counted", |it| it.contains(counted) && it.ends_with("## You\n\n"));
    buffers(&chat, CHANGED, CHANGED);
    chat.say("/revert 3..\n");
    chat.until_ends("> /revert · give the number of a turn, from 1 to 2\n\n## You\n\n");
    chat.say("/revert 2.. frok\n");
    chat.until("a slip", |it| it.contains("“frok” says nothing here"));
    chat.until("it is taken out", |it| it.ends_with("## You\n\n"));
    chat.say("/revert 1.. fork yes\n");
    chat.until("both go back", |it| {
        it.contains("> /revert · Reverted 4 changes in 2 files · `/redo` · the other chat is open\n")
    });
    buffers(&chat, NINE, NINE);
    let told = chat.editor.claim("the other chat", |it| {
        it["params"]["message"].as_str().is_some_and(|it| it.starts_with("Chat: ") && !it.ends_with(CHAT))
    });
    let other = told["params"]["message"].as_str().unwrap().trim_start_matches("Chat: ").to_owned();
    let text = chat.scratch.read(&other);
    assert!(text.ends_with("## You\n\nFirst \n"), "{text}");
    chat.finish();
}

#[test]
fn a_change_in_another_folder_has_its_number_and_is_decided_about() {
    let mut chat = Chat::with(Profile::plain().with_lib(), |_| {});
    chat.open();
    let path = chat.editor.lib().join("a.txt");
    std::fs::write(&path, "one\n").unwrap();
    let named = path.to_str().unwrap();
    chat.scratch.file("b.txt", "uno\n");
    chat.model.script([
        call("read", json!({"path": named})),
        call("edit", json!({"path": named, "oldText": "one", "newText": "two"})),
        call("read", json!({"path": "b.txt"})),
        call("edit", json!({"path": "b.txt", "oldText": "uno", "newText": "due"})),
        say("Done."),
    ]);
    chat.say("Go\n");
    let name = |it: &str| it.contains("a.txt:1 · pending\n-one\n+two\n");
    chat.until("both", |it| name(it) && it.contains("hunk 2 pending") && it.ends_with("## You\n\n"));
    let disk = || std::fs::read_to_string(&path).unwrap();
    chat.say("/diff\n");
    chat.until("both differ", |it| it.contains("> /diff · 2 files: ") && it.ends_with("## You\n\n"));
    chat.say("/drop 1\n");
    chat.until("it is out", |it| it.contains("hunk 1 rejected") && it.ends_with("## You\n\n"));
    assert_eq!((disk().as_str(), chat.scratch.read("b.txt").as_str()), ("one\n", "due\n"));
    chat.say("/redo\n");
    chat.until("it is back", |it| it.contains("hunk 1 pending") && it.ends_with("## You\n\n"));
    assert_eq!(disk(), "two\n");
    chat.say("/keep\n");
    chat.until("all are kept", |it| it.contains("hunk 1 kept") && it.contains("hunk 2 kept"));
    chat.finish();
}
