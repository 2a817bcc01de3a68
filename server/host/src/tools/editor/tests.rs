//! The tools against an editor that has answers ready.

use std::{path::PathBuf, sync::Mutex};

use async_trait::async_trait;
use pi_protocol::ToolResult;
use serde_json::{Value, json};

use super::*;
use crate::{
    tools::{
        search::testing::Fixture,
        testing::{call, run, text},
    },
    workspace::editor::{DocumentEdit, EditorAnswer, EditorClient},
};

/// Answers one method with this, and keeps what it was asked.
struct Knowing {
    method: ClientMethod,
    answer: Mutex<Option<Result<Value, String>>>,
    asked: Mutex<Vec<Value>>,
}

#[async_trait]
impl EditorClient for Knowing {
    async fn apply(&self, _: DocumentEdit) -> EditorAnswer {
        EditorAnswer::Failed("never".into())
    }

    fn answers(&self, method: ClientMethod) -> bool {
        method == self.method
    }

    async fn ask(&self, _: ClientMethod, params: Value) -> Result<Value, String> {
        self.asked.lock().unwrap().push(params);
        let answer = self.answer.lock().unwrap().clone();
        match answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

/// A project with one file, an editor that gives `answer`, and the tool of this name.
fn setup(
    method: ClientMethod,
    answer: Option<Result<Value, String>>,
) -> (Fixture, Arc<Knowing>, Arc<dyn Tool>) {
    let fixture = Fixture::new(&[("src/a.rs", "fn retry() {}\nfn main() { retry() }\n")]);
    let editor = Arc::new(Knowing { method, answer: Mutex::new(answer), asked: Mutex::default() });
    let tool = tools(&fixture.workspace)
        .into_iter()
        .find(|it| it.spec().name.strip_prefix("editor_") == method.lsp_name().strip_prefix("pi/editor/"))
        .expect("a tool for each method");
    assert!(!tool.is_offered(), "without an editor");
    fixture.workspace.set_editor(editor.clone());
    assert!(tool.is_offered());
    (fixture, editor, tool)
}

fn at(line: u32, character: u32) -> Value {
    json!({"start": {"line": line, "character": character}, "end": {"line": line, "character": character + 5}})
}

fn uri_of(path: PathBuf) -> String {
    Url::from_file_path(path).unwrap().to_string()
}

fn answered(result: Result<ToolResult, ToolError>) -> String {
    match result {
        Ok(result) => text(&result).to_owned(),
        Err(error) => format!("error: {error}"),
    }
}

#[tokio::test]
async fn problems_come_worst_first_and_without_our_own() {
    let (it, editor, tool) = setup(ClientMethod::Diagnostics, None);
    let (a, outside) = (uri_of(it.path("src/a.rs")), uri_of(PathBuf::from("/elsewhere/x.rs")));
    let answer = json!({"documents": [
        {"uri": outside, "items": [{"range": at(0, 0), "message": "secret", "severity": 1}]},
        {"uri": "untitled:1", "items": [{"range": at(0, 0), "message": "no path", "severity": 1}]},
        {"uri": a, "items": [
            {"range": at(1, 0), "message": "unused\nreally", "severity": 2, "source": "rustc"},
            {"range": at(0, 3), "message": "Pi changed 1 line", "severity": 4, "source": "pi"},
            {"range": at(1, 12), "message": "mismatched types", "severity": 1, "source": "rustc"},
        ]},
    ]});
    *editor.answer.lock().unwrap() = Some(Ok(answer));
    let expected = "src/a.rs:2: error: mismatched types (rustc)\nsrc/a.rs:2: warning: unused really (rustc)";
    assert_eq!(answered(run(&*tool, json!({})).await), expected);
    assert_eq!(answered(run(&*tool, json!({"path": "src/a.rs"})).await), expected);
    assert_eq!(*editor.asked.lock().unwrap(), [json!({}), json!({"uri": a})]);
    let missing = answered(run(&*tool, json!({"path": "nope.rs"})).await);
    assert!(missing.starts_with("error: Path not found"), "{missing}");
}

#[tokio::test]
async fn a_list_that_is_too_long_says_so() {
    let (it, editor, tool) = setup(ClientMethod::Diagnostics, None);
    let items: Vec<_> =
        (0..250).map(|line| json!({"range": at(line, 0), "message": "x".repeat(900)})).collect();
    let answer = json!({"documents": [{"uri": uri_of(it.path("src/a.rs")), "items": items}]});
    *editor.answer.lock().unwrap() = Some(Ok(answer));
    let text = answered(run(&*tool, json!({})).await);
    assert!(text.ends_with("\n\n[100 of 250 shown. Name a file or folder to see fewer.]"), "{text}");
    assert!(text.len() < 51_200, "{}", text.len());
    assert!(text.lines().next().unwrap().ends_with('\u{2026}'), "{text}");
}

#[tokio::test]
async fn a_name_is_asked_about_where_it_is_written_and_the_line_comes_along() {
    let (it, editor, tool) = setup(ClientMethod::Definition, None);
    // The editor has another text than the disk: that one counts.
    it.open("src/a.rs", "// é\nfn retry() {}\nfn main() { retry() }\n");
    let a = uri_of(it.path("src/a.rs"));
    let dependency = uri_of(PathBuf::from("/registry/dep.rs"));
    let answer =
        json!({"locations": [{"uri": a, "range": at(1, 3)}, {"uri": dependency, "range": at(6, 0)}]});
    *editor.answer.lock().unwrap() = Some(Ok(answer));
    let args = json!({"path": "src/a.rs", "symbol": "retry", "line": 3});
    assert_eq!(answered(run(&*tool, args).await), "src/a.rs:2: fn retry() {}\n/registry/dep.rs:7");
    let asked = editor.asked.lock().unwrap()[0].clone();
    assert_eq!(asked, json!({"uri": a, "position": {"line": 2, "character": 12}}));
    let args = json!({"path": "src/a.rs", "symbol": "retry", "line": 1});
    let refused = answered(run(&*tool, args).await);
    assert!(refused.starts_with("error: \"retry\" is not written in line 1 of src/a.rs."), "{refused}");
}

#[tokio::test]
async fn outlines_and_searches() {
    let (it, editor, tool) = setup(ClientMethod::Symbols, None);
    let a = uri_of(it.path("src/a.rs"));
    let symbol = |name: &str, kind: u8, container: &str| json!({"name": name, "kind": kind, "container": container, "uri": a, "range": at(1, 0)});
    let answer =
        json!({"symbols": [symbol("Backoff", 23, ""), symbol("next", 6, "Backoff"), symbol("x", 99, "")]});
    *editor.answer.lock().unwrap() = Some(Ok(answer));
    let all = "src/a.rs:2: struct Backoff\nsrc/a.rs:2: method next (in Backoff)\nsrc/a.rs:2: symbol x";
    assert_eq!(answered(run(&*tool, json!({"path": "src/a.rs"})).await), all);
    assert_eq!(answered(run(&*tool, json!({"query": "back"})).await), all);
    let some = answered(run(&*tool, json!({"path": "src/a.rs", "query": "BACK"})).await);
    assert_eq!(some, "src/a.rs:2: struct Backoff");
    assert_eq!(answered(run(&*tool, json!({})).await), "error: Give a path or a query.");
    assert_eq!(
        *editor.asked.lock().unwrap(),
        [json!({"uri": a}), json!({"query": "back"}), json!({"uri": a})]
    );
}

#[tokio::test]
async fn an_editor_that_fails_is_named_and_what_to_do() {
    let args = json!({"path": "src/a.rs", "symbol": "retry"});
    for (answer, expected) in [
        (
            Err("it is busy".to_owned()),
            "error: The editor could not be asked: it is busy. Use grep and read instead.",
        ),
        (Ok(json!(null)), "The editor knows no uses of it."),
        (Ok(json!([])), "The editor knows no uses of it."),
        (Ok(json!({"locations": []})), "The editor knows no uses of it."),
    ] {
        let (_it, _editor, tool) = setup(ClientMethod::References, Some(answer));
        assert_eq!(answered(run(&*tool, args.clone()).await), expected);
    }
    let (_it, _editor, tool) = setup(ClientMethod::References, Some(Ok(json!({"locations": "none"}))));
    let wrong = answered(run(&*tool, args.clone()).await);
    assert!(wrong.contains("the editor's answer to pi/editor/references is wrong: "), "{wrong}");
}

#[tokio::test]
async fn stopping_ends_a_call_that_waits_for_the_editor() {
    let (_it, _editor, tool) = setup(ClientMethod::Diagnostics, None);
    let context = call(json!({}));
    let cancel = context.cancel.clone();
    let (result, ()) = tokio::join!(tool.run(context), async { cancel.cancel() });
    assert_eq!(result, Err(ToolError::aborted()));
}
