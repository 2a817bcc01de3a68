//! Reading in and around a chat document: completion, structure, hovers, definitions, links, transcripts.

use pi_harness::{Profile, call, say};
use serde_json::{Value, json};

use crate::chat::{CHAT, Chat};

#[test]
fn the_prompt_is_completed_and_the_structure_is_known() {
    let mut chat = Chat::with(Profile::plain(), |scratch| {
        scratch.file("src/retry.rs", "fn retry() {}\n");
        scratch.agent_file("prompts/review.md", "---\ndescription: Review it\n---\nReview $1\n");
        scratch.agent_file("prompts/help.md", "Help me with $1\n");
        scratch.agent_file("skills/tell/SKILL.md", "---\nname: tell\ndescription: Tell\n---\n");
    });
    chat.open();
    let labels = |chat: &mut Chat, typed: &str| -> Vec<String> {
        chat.write(typed);
        let line = chat.text().matches('\n').count();
        let params = json!({
            "textDocument": {"uri": chat.editor.uri(CHAT)},
            "position": {"line": line, "character": typed.len()},
        });
        let answer = chat.editor.ok("textDocument/completion", params);
        chat.editor.type_over(CHAT, |it| it.len() - typed.len()..it.len(), "");
        answer["items"].as_array().map_or(Vec::new(), |items| {
            items.iter().map(|it| it["textEdit"]["newText"].as_str().unwrap().to_owned()).collect()
        })
    };
    assert_eq!(labels(&mut chat, "/revi")[0], "/review");
    assert_eq!(labels(&mut chat, "/sto"), ["/stop"]);
    assert_eq!(labels(&mut chat, "/prompt:h")[0], "/prompt:help");
    assert_eq!(labels(&mut chat, "/skill:te")[0], "/skill:tell");
    assert_eq!(labels(&mut chat, "/model alp"), ["scripted/alpha"]);
    assert_eq!(labels(&mut chat, "/mode p"), ["plan"]);
    assert_eq!(labels(&mut chat, "/thinking of"), ["off"]);
    assert_eq!(labels(&mut chat, "see @rtry"), ["@src/retry.rs"]);
    assert_eq!(labels(&mut chat, "see rtry"), [""; 0]);
    // What is open comes first, and its definitions are found as it is now.
    chat.editor.open("src/other.rs", "fn tries() {\n}\n\nfn unsaved_one() {\n    1\n}\n");
    assert_eq!(labels(&mut chat, "@")[0], "@src/other.rs");
    assert_eq!(labels(&mut chat, "@unsav"), ["@src/other.rs#unsaved_one"]);

    chat.model.script([call("read", json!({"path": "src/retry.rs"})), say("Read."), say("Helped.")]);
    chat.say("See @src/other.rs#unsaved_one\n");
    chat.until("the answer", |it| it.contains("Read.\n\n<!-- ") && it.ends_with("## You\n\n"));
    let asked = chat.model.last_request().user_texts().join("");
    assert!(
        asked.contains("`unsaved_one`: ") && asked.contains("fn unsaved_one() {\n    1\n}\n```"),
        "{asked}"
    );
    chat.say("/prompt:help doors\n");
    chat.until("the template", |it| it.contains("Helped.\n\n<!-- ") && it.ends_with("## You\n\n"));
    assert_eq!(chat.model.last_request().user_texts().pop().unwrap(), "Help me with doors\n");
    // Typing comes behind what the editor still has to tell.
    chat.write("next");
    let document = json!({"textDocument": {"uri": chat.editor.uri(CHAT)}});
    let symbols = chat.editor.ok("textDocument/documentSymbol", document.clone());
    assert!(symbols[1]["name"].as_str().is_some_and(|it| it.starts_with("Pi · alpha")), "{symbols}");
    assert_eq!(symbols[1]["children"][0]["name"], "✓ read src/retry.rs");
    let folds = chat.editor.ok("textDocument/foldingRange", document.clone());
    assert!(folds.as_array().is_some_and(|it| it.len() >= 3), "{folds}");
    let links = chat.editor.ok("textDocument/documentLink", document);
    assert_eq!(links[0]["target"], chat.editor.uri("src/retry.rs"));
    chat.finish();
}

/// The position of a text in a document, so many bytes behind its beginning. All is ASCII before it on its line.
fn place(chat: &Chat, document: &str, needle: &str, behind: usize) -> Value {
    let text = chat.editor.buffer(document);
    let at = text.find(needle).unwrap_or_else(|| panic!("no {needle} in {text}")) + behind;
    let line = text[..at].rfind('\n').map_or(0, |it| it + 1);
    let character = text[line..at].chars().count();
    json!({
        "textDocument": {"uri": chat.editor.uri(document)},
        "position": {"line": text[..at].matches('\n').count(), "character": character},
    })
}

#[test]
fn a_heading_shows_its_arguments_and_paths_and_changes_lead_to_their_places() {
    let mut chat = Chat::with(Profile::plain(), |scratch| {
        scratch.file("src/retry.rs", "fn retry() {\n    loop {}\n}\n");
    });
    chat.open();
    let command = format!("echo {} &&\necho two", "x".repeat(300));
    chat.model.script([
        say("Before."),
        call("read", json!({"path": "src/retry.rs", "limit": 2})),
        call("edit", json!({"path": "src/retry.rs", "oldText": "    loop {}", "newText": "    todo()"})),
        call("bash", json!({"command": command})),
        say("See src/retry.rs:2, not src/none.rs."),
    ]);
    chat.say("Hello\n");
    chat.until("the answer", |it| it.contains("Before.\n\n<!-- ") && it.ends_with("## You\n\n"));
    chat.say("Change @src/retry.rs:1-2\n");
    chat.until("the change", |it| it.contains("· hunk 1 pending\n") && it.contains("none.rs.\n\n<!-- "));

    // Typing comes behind what the editor still has to tell.
    chat.write("next");
    let hover = |chat: &mut Chat, needle: &str| {
        let at = place(chat, CHAT, needle, 0);
        chat.editor.ok("textDocument/hover", at)["contents"]["value"].as_str().unwrap_or_default().to_owned()
    };
    let output = format!("{}\ntwo\n", "x".repeat(300));
    let expected = format!("**bash**\n\ncommand\n\n```sh\n{command}\n```\n\nresult\n\n```\n{output}```\n");
    assert_eq!(hover(&mut chat, "### ✓ bash"), expected);
    let edit = hover(&mut chat, "### ✓ edit");
    assert!(edit.starts_with("**edit**\n\n") && edit.contains("newText\n\n```\n    todo()\n```"), "{edit}");
    assert!(edit.contains("-    loop {}\n+    todo()\n"), "{edit}");
    assert_eq!(hover(&mut chat, "Before."), "");

    // Somebody writes above the change: it leads to where the change is now.
    chat.editor.open("src/retry.rs", "// new\nfn retry() {\n    todo()\n}\n");
    let leads = |chat: &mut Chat, needle: &str, behind: usize| {
        let at = place(chat, CHAT, needle, behind);
        let found = chat.editor.ok("textDocument/definition", at);
        if found.is_null() {
            return Value::Null;
        }
        assert_eq!(found["uri"], chat.editor.uri("src/retry.rs"));
        found["range"]["start"]["line"].clone()
    };
    assert_eq!(leads(&mut chat, "@src/retry.rs:1-2", 3), 0);
    assert_eq!(leads(&mut chat, "See src/retry.rs:2", 6), 1);
    assert_eq!(leads(&mut chat, "### ✓ read src", 14), 0);
    assert_eq!(leads(&mut chat, "@@ hunk 1 · src", 5), 2);
    assert_eq!(leads(&mut chat, "· hunk 1 pending", 8), 2);
    assert_eq!(leads(&mut chat, "not src/none.rs", 6), Value::Null);
    assert_eq!(leads(&mut chat, "Before.", 1), Value::Null);
    chat.finish();
}

#[test]
fn a_transcript_is_written_by_a_word_and_kept_current_while_it_is_open() {
    let mut chat = Chat::start();
    chat.open();
    chat.editor.open("a.txt", "one\n");
    chat.model.script([
        call("read", json!({"path": "a.txt"})),
        call("edit", json!({"path": "a.txt", "oldText": "one", "newText": "two"})),
        say("One."),
        call("bash", json!({"command": "echo out"})).gate("tool"),
        say("Two.").gate("end"),
        say("Three."),
    ]);
    chat.say("/export\n");
    chat.until_ends("> /export · Nothing to export yet\n\n## You\n\n");
    chat.say("First \"words\"\n");
    chat.until("the answer", |it| it.contains("One.\n\n<!-- ") && it.ends_with("## You\n\n"));
    chat.say("/export\n");
    let text = chat
        .until("the path", |it| it.contains("> /export · .pi/transcripts/") && it.ends_with("## You\n\n"));
    let path = text.rsplit("> /export · ").next().unwrap().lines().next().unwrap().to_owned();
    assert!(path.ends_with("-first-words.md"), "{path}");
    let transcript = chat.scratch.read(&path);
    let session = text.split("· session ").nth(1).unwrap().split(' ').next().unwrap();
    let head = format!("---\nsession: {session}\nmodel: [\"alpha\"]\ncost: 0.0");
    assert!(transcript.starts_with(&head), "{transcript}");
    assert!(
        transcript.contains("\nfiles:\n  - \"a.txt\"\n---\n\n# First \"words\"\n\n## You · "),
        "{transcript}"
    );
    assert!(transcript.contains("### ✓ edit a.txt +1 -1 · hunk 1 pending\n"), "{transcript}");
    assert!(transcript.contains("\n\nOne.\n\n<!-- ") && !transcript.contains("\n## You\n"), "{transcript}");

    chat.editor.open(&path, &transcript);
    chat.say("Second words\n");
    chat.model.reached("tool");
    let until = |chat: &Chat, what: &str, fits: &dyn Fn(&str) -> bool| {
        chat.editor.wait_for(what, || Some(chat.editor.buffer(&path)).filter(|it| fits(it)))
    };
    until(&chat, "the prompt", &|it| it.contains("Second words\n"));
    chat.model.release("tool");
    chat.model.reached("end");
    let now = until(&chat, "the tool", &|it| it.contains("### ✓ bash\n"));
    assert!(!now.contains("running") && !now.contains("Two."), "{now}");
    chat.model.release("end");
    until(&chat, "the end", &|it| it.contains("Two.\n\n<!-- "));
    assert_eq!(chat.scratch.read(&path), transcript, "the disk is the editor's business");

    let document = json!({"textDocument": {"uri": chat.editor.uri(&path)}});
    let symbols = chat.editor.ok("textDocument/documentSymbol", document.clone());
    let names: Vec<_> =
        symbols.as_array().unwrap().iter().map(|it| &it["name"].as_str().unwrap()[..3]).collect();
    assert_eq!(names, ["You", "Pi ", "You", "Pi "]);
    let folds = chat.editor.ok("textDocument/foldingRange", document.clone());
    assert!(folds.as_array().is_some_and(|it| it.len() >= 4), "{folds}");
    let links = chat.editor.ok("textDocument/documentLink", document);
    assert_eq!(links, Value::Array(Vec::new()), "a.txt is on no disk");
    let at = place(&chat, &path, "### ✓ bash", 0);
    let hover = chat.editor.ok("textDocument/hover", at);
    assert!(hover["contents"]["value"].as_str().is_some_and(|it| it.contains("echo out")), "{hover}");
    let at = place(&chat, &path, "@@ hunk 1", 0);
    assert_eq!(chat.editor.ok("textDocument/definition", at)["uri"], chat.editor.uri("a.txt"));
    chat.say("/rename Another name\n");
    chat.until("the new name", |it| {
        it.starts_with("# Another name\n")
            && it.ends_with("> /rename · This chat is now “Another name”\n\n## You\n\n")
    });
    chat.say("Third\n");
    until(&chat, "the new title", &|it| it.contains("# Another name\n") && it.contains("Three.\n\n<!-- "));
    let files = std::fs::read_dir(chat.scratch.path(".pi/transcripts")).unwrap().count();
    assert_eq!(files, 1, "a session keeps its file");
    chat.finish();
}

#[test]
fn transcripts_are_written_by_themselves_if_the_settings_say_so() {
    let mut chat = Chat::with(Profile::plain(), |scratch| {
        scratch.settings(&json!({"transcript": {"write": "settled"}}));
    });
    chat.model.script([say("One."), say("Two.")]);
    for (said, answer) in [("first", "One."), ("second", "Two.")] {
        chat.command("pi.prompt", json!([said]));
        let folder = chat.scratch.path(".pi/transcripts");
        chat.editor.wait_for(answer, || {
            let file = std::fs::read_dir(&folder).ok()?.next()?.ok()?.path();
            let text = std::fs::read_to_string(file).ok()?;
            text.contains(&format!("{answer}\n\n<!-- ")).then_some(())
        });
    }
    chat.finish();
}
