//! What the overlay of open documents costs: a keystroke in a large document, an edit until it is verified, and a
//! search that has to look into unsaved buffers.
//!
//! `cargo bench -p pi-server --bench overlay` prints medians. The editor is a function that applies at once, so the
//! edit's figure is what comes on top of an editor's own time. Not a timed test: a busy machine must not fail anyone's
//! tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that fails may panic"
)]

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use pi_core::{Tool, ToolContext};
use pi_host::{
    tools::grep::GrepTool,
    workspace::{
        EditPlan, Position, PositionEncoding, Range, RangeEdit, Workspace,
        editor::{DocumentEdit, EditorAnswer, EditorClient},
        position,
    },
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

const LINE: &str = "    let value = compute(first, second)?; // and so on\n";
const RUNS: usize = 201;
const FILES: usize = 50_000;
const SEARCHES: usize = 11;

/// Applies what it is asked to and tells before it answers.
struct AtOnce(Weak<Workspace>);

#[async_trait]
impl EditorClient for AtOnce {
    async fn apply(&self, edit: DocumentEdit) -> EditorAnswer {
        let workspace = self.0.upgrade().unwrap();
        let encoding = PositionEncoding::Utf16;
        let edits: Vec<_> = edit
            .changes
            .iter()
            .rev()
            .map(|it| RangeEdit {
                range: Some(position::to_range(&edit.base, it.start, it.end, encoding)),
                text: it.text.clone(),
            })
            .collect();
        assert!(workspace.change(&edit.path, edit.version + 1, &edits, encoding));
        EditorAnswer::Applied
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn keystroke(workspace: &Workspace, path: &Path) -> Duration {
    let lines = 10_000_000 / LINE.len();
    workspace.open(path, 0, &LINE.repeat(lines), "rust");
    let times = (1..RUNS).map(|it| {
        let at = Position::new(u32::try_from(it * 7919 % lines).unwrap(), 4);
        let edit = RangeEdit { range: Some(Range { start: at, end: at }), text: "x".into() };
        let start = Instant::now();
        let version = i32::try_from(it).unwrap();
        assert!(workspace.change(path, version, &[edit], PositionEncoding::Utf16));
        start.elapsed()
    });
    let times = times.collect();
    workspace.close(path);
    median(times)
}

async fn edit(workspace: &Arc<Workspace>, path: &Path) -> Duration {
    workspace.open(path, 0, &LINE.repeat(2_000), "rust");
    let mut times = Vec::new();
    for it in 0..RUNS {
        let base = workspace.read(path).await.unwrap();
        let text = base.text.replacen("value", &format!("value{it}"), 1);
        let label = "pi: edit".to_owned();
        let plan = EditPlan { path: path.to_owned(), base: Some(base), text, label, cause: None };
        let start = Instant::now();
        workspace.commit(plan, &CancellationToken::new()).await.unwrap();
        times.push(start.elapsed());
    }
    workspace.close(path);
    median(times)
}

async fn search(workspace: &Arc<Workspace>) -> Duration {
    let grep = GrepTool::new(workspace.clone());
    let mut times = Vec::new();
    for _ in 0..SEARCHES {
        let serde_json::Value::Object(args) = json!({"pattern": "needle", "path": "."}) else {
            return Duration::ZERO;
        };
        let call = ToolContext {
            call_id: "call".into(),
            args,
            cancel: CancellationToken::new(),
            update: Arc::new(|_| {}),
            model: None,
            session_id: "session".into(),
            prompt_id: None,
            turn: 1,
            access: pi_core::Access::default(),
            mode: pi_protocol::PermissionMode::Full,
            review: pi_protocol::ReviewMode::Apply,
            shown: None,
            permit: Arc::new(|_, _| Box::pin(async { Ok(()) })),
        };
        let start = Instant::now();
        grep.run(call).await.unwrap();
        times.push(start.elapsed());
    }
    median(times)
}

#[tokio::main]
async fn main() {
    let dir = tempfile::tempdir().unwrap();
    let workspace = Workspace::new(dir.path().to_owned());
    workspace.set_editor(Arc::new(AtOnce(Arc::downgrade(&workspace))));
    let path = dir.path().join("large.rs");
    println!("didChange, 1 character in 10 MB: {:?}", keystroke(&workspace, &path));
    println!("edit until verified, 2,000 lines: {:?}", edit(&workspace, &path).await);
    let file = |it: usize| -> PathBuf { dir.path().join(format!("{}/{it}.rs", it % 500)) };
    (0..500).for_each(|it| std::fs::create_dir(dir.path().join(it.to_string())).unwrap());
    (0..FILES).for_each(|it| std::fs::write(file(it), LINE).unwrap());
    let clean = search(&workspace).await;
    (0..20).for_each(|it| workspace.open(&file(it * 2_500), 0, "unsaved\n", "rust"));
    let dirty = search(&workspace).await;
    let ratio = dirty.as_secs_f64() / clean.as_secs_f64();
    println!("search of {FILES} files: {clean:?}, with 20 unsaved buffers {dirty:?} (× {ratio:.2})");
}
