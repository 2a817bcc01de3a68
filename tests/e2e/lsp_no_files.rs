//! Documents that are no files: never saved ones, cells of notebooks, and what else an editor has a URI for.

use pi_harness::{Editor, ModelServer, Profile, Scratch, call, say};
use serde_json::json;

const PI: &str = env!("CARGO_BIN_EXE_pi");

#[test]
fn documents_that_are_no_files_are_named_and_nothing_is_written_under_their_names() {
    let uris =
        ["untitled:Untitled-1", "vscode-notebook-cell:/nb/a.ipynb#W0sZmlsZQ%3D%3D", "git:/a.txt?ref", "odd:"];
    let (model, scratch) = (ModelServer::start(), Scratch::new());
    scratch.agent_file("models.json", &model.models_json().to_string());
    scratch.file("a.txt", "one\n");
    let mut editor = Editor::start(PI, &scratch, Profile::plugin());
    let position = json!({"line": 0, "character": 0});
    for uri in uris {
        let document = json!({"uri": uri, "languageId": "plaintext", "version": 1, "text": "draft\n"});
        editor.notify("textDocument/didOpen", json!({"textDocument": document}));
        let change = json!({"range": {"start": position, "end": position}, "text": "my "});
        let document = json!({"uri": uri, "version": 2});
        editor
            .notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": [change]}));
        let document = json!({"uri": uri});
        let range = json!({"start": position, "end": position});
        let context = json!({"diagnostics": []});
        for (method, params) in [
            ("textDocument/hover", json!({"textDocument": document, "position": position})),
            (
                "textDocument/codeAction",
                json!({"textDocument": document, "range": range, "context": context}),
            ),
            ("textDocument/codeLens", json!({"textDocument": document})),
        ] {
            // Whatever is answered, it is an answer.
            editor.ok(method, params);
        }
    }
    let untitled = json!({"path": uris[0], "content": "x\n"});
    let edits = json!({"path": uris[0], "oldText": "draft", "newText": "x"});
    model.script([
        call("write", untitled).call("read", json!({"path": uris[0]})).call("edit", edits),
        call("write", json!({"path": uris[1], "content": "x\n"}))
            .call("bash", json!({"command": "ls -A; true"})),
        say("done"),
    ]);
    editor.prompt("write it");
    editor.settled();
    let results: Vec<String> = model.last_request().tool_results().into_iter().map(|it| it.1).collect();
    for result in &results[..3] {
        assert!(
            result.starts_with("untitled:Untitled-1 is a document of the editor that was never saved"),
            "{result}"
        );
    }
    assert!(
        results[3].contains("is a cell of a notebook") && results[3].ends_with("is /nb/a.ipynb."),
        "{results:?}"
    );
    // Nothing is unsaved either, of what a command could see.
    assert_eq!(results[4], "a.txt\n");
    for uri in uris {
        editor.notify("textDocument/didSave", json!({"textDocument": {"uri": uri}}));
        editor.notify("textDocument/didClose", json!({"textDocument": {"uri": uri}}));
    }
    assert_eq!(editor.ok("pi/getState", json!({}))["isStreaming"], false);
}
