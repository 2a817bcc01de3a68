//! A session as an HTML page: over JSONL, in an editor, from the command line.

use std::path::Path;

use pi_harness::{Editor, JsonlClient, ModelServer, Profile, Scratch, say};
use serde_json::json;

use crate::rpc::{PI, start};

#[test]
fn a_page_is_written_where_it_is_asked_for() {
    let (_model, scratch, mut pi) = start([say("**Sure**, <script>")]);
    pi.run("hello & welcome");
    pi.ok(json!({"type": "set_session_name", "name": "A greeting"}));
    assert_eq!(
        pi.ok(json!({"type": "export_html", "outputPath": "page.html"})),
        json!({"path": "page.html"})
    );
    let page = scratch.read("page.html");
    for part in ["<title>A greeting</title>", "hello &amp; welcome", "<strong>Sure</strong>, &lt;script&gt;"]
    {
        assert!(page.contains(part), "{part} is missing in {page}");
    }

    // Without a path: beside the work, named like the session's file.
    let file = pi.state()["sessionFile"].as_str().unwrap().to_owned();
    let stem = Path::new(&file).file_stem().unwrap().to_str().unwrap();
    let name = format!("pi-session-{stem}.html");
    assert_eq!(pi.ok(json!({"type": "export_html"})), json!({"path": name}));
    assert_eq!(scratch.read(&name), page);

    let absolute = scratch.path("other.html");
    let answer = pi.ok(json!({"type": "export_html", "outputPath": absolute}));
    assert_eq!(answer, json!({"path": absolute}));
    let error = pi.refused(json!({"type": "export_html", "outputPath": "none/page.html"}));
    assert!(error.starts_with("cannot write none/page.html: "), "{error}");
}

#[test]
fn what_has_no_file_has_no_page() {
    let (_model, scratch, mut pi) = start([]);
    let error = pi.refused(json!({"type": "export_html"}));
    assert_eq!(error, "Nothing to export yet - start a conversation first");
    drop(pi);
    let mut pi = JsonlClient::start(PI, &scratch, &["--no-session"]);
    assert_eq!(pi.refused(json!({"type": "export_html"})), "Cannot export in-memory session to HTML");
}

#[test]
fn an_editor_gets_the_page_in_its_folder() {
    let model = ModelServer::with([say("fine")]);
    let scratch = Scratch::with_model(&model);
    let mut editor = Editor::start(PI, &scratch, Profile::plugin());
    editor.ok("pi/prompt", json!({"message": "how is it?"}));
    editor.settled();
    let path = editor.ok("pi/exportHtml", json!({}))["path"].as_str().unwrap().to_owned();
    assert!(scratch.read(&path).contains("how is it?"), "{path}");
}

#[test]
fn a_page_shows_the_branch_one_has_gone_to() {
    let (_model, scratch, mut pi) = start([say("1"), say("2")]);
    pi.run("first way");
    let entry = pi.ok(json!({"type": "get_fork_messages"}))["messages"][0]["entryId"].clone();
    pi.ok(json!({"type": "navigate_tree", "targetId": entry}));
    pi.run("second way");
    pi.ok(json!({"type": "export_html", "outputPath": "page.html"}));
    let page = scratch.read("page.html");
    let (current, others) = page.split_once("<h2>Other branches</h2>").unwrap();
    let (outline, current) = current.split_once("<main>").unwrap();
    assert!(current.contains("second way") && !current.contains("first way"), "{page}");
    assert!(others.contains("first way") && !others.contains("second way"), "{page}");
    assert!(outline.contains("class=\"now\">User: second way<"), "{outline}");
    assert!(
        outline.contains("\">User: first way<") && !outline.contains("class=\"now\">User: first way<"),
        "{outline}"
    );
}

#[test]
fn the_command_line_makes_a_page_without_a_session() {
    let model = ModelServer::with([say("fine")]);
    let scratch = Scratch::with_model(&model);
    let pi = |args: &[&str]| {
        let output = scratch.command(PI).args(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    assert_eq!(pi(&["-p", "how is it?"]).0, Some(0));
    let file = scratch.session_files().remove(0);
    let file = file.to_str().unwrap();
    assert_eq!(
        pi(&["--export", file, "out.html"]),
        (Some(0), "Exported to: out.html\n".into(), String::new())
    );
    assert!(scratch.read("out.html").contains("how is it?"));
    let (status, said, _) = pi(&["--export", file]);
    let name = said.strip_prefix("Exported to: ").unwrap().trim_end();
    assert_eq!(status, Some(0));
    assert_eq!(scratch.read(name), scratch.read("out.html"));
    assert_eq!(model.requests().len(), 1, "a page needs no model");

    assert_eq!(
        pi(&["--export", "gone.jsonl"]),
        (Some(1), String::new(), "Error: File not found: gone.jsonl\n".into())
    );
    let (status, _, error) = pi(&["--export", "out.html"]);
    assert!(status == Some(1) && error.contains("not a valid pi session"), "{error}");
    assert_eq!(pi(&["--export", file, "a", "b"]).0, Some(2));
}
