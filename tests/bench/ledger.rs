//! How long the review takes with many recorded edits, and what they cost at the start.
//!
//! `cargo bench -p pi-server --bench ledger` records [`EDITS`] edits in [`FILES`] files as tools do, then prints
//! medians: recording one edit, listing all of them in this process, and starting the release binary beside them.
//! Not a timed test: a busy machine must not fail anyone's tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that fails may panic"
)]

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use pi_harness::Scratch;
use pi_host::{
    ledger::{FILE_NAME, Journal, Ledger, Limits, Review, Select},
    workspace::{
        Workspace,
        journal::{EditCause, EditIntent, EditJournal, EditKind},
    },
};

const PI: &str = env!("CARGO_BIN_EXE_pi");
const EDITS: usize = 10_000;
const FILES: usize = 100;
/// Lines between two edits of a file, so that each is a hunk of its own.
const APART: usize = 3;
const RUNS: usize = 21;

fn main() {
    let scratch = Scratch::new();
    let empty = median(|| start(&scratch));
    let workspace = Workspace::new(scratch.workspace());
    let ledger = Ledger::new(scratch.agent_dir().join(FILE_NAME), Limits { days: 0, bytes: 0 });
    let journal = Journal::new(ledger.clone());
    journal.add_root(workspace.root());
    let mut times = record(&scratch, &journal);
    times.sort();
    let review = Review::new(ledger, workspace);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let list = median(|| {
        let start = Instant::now();
        let found = runtime.block_on(review.find(&Select::default())).unwrap();
        assert_eq!(found.len(), EDITS);
        start.elapsed()
    });
    let full = median(|| start(&scratch));
    let ms = |it: Duration| it.as_secs_f64() * 1e3;
    println!("{EDITS} edits in {FILES} files; medians in ms");
    println!("record one edit           {:8.2}", ms(times[times.len() / 2]));
    println!("list all                  {:8.2}", ms(list));
    println!("start, nothing recorded   {:8.2}", ms(empty));
    println!("start, all recorded       {:8.2}", ms(full));
}

/// Makes the edits, file after file; the time each took to record.
fn record(scratch: &Scratch, journal: &Journal) -> Vec<Duration> {
    let per_file = EDITS / FILES;
    let mut times = Vec::with_capacity(EDITS);
    for file in 0..FILES {
        let name = format!("file{file}.txt");
        let mut lines: Vec<String> = (0..per_file * APART).map(|it| format!("line {it}\n")).collect();
        let path = scratch.file(&name, &lines.concat());
        for edit in 0..per_file {
            let before = lines.concat();
            lines[edit * APART] = format!("edited {edit}\n");
            let after = lines.concat();
            let turn = (file * per_file + edit) as u64;
            let cause = EditCause {
                session_id: "session".into(),
                prompt_id: Some("prompt".into()),
                turn,
                call_id: format!("call{turn}").into(),
                tool: "edit".into(),
            };
            let intent = EditIntent {
                cause: Some(cause),
                path: path.clone(),
                kind: EditKind::Change,
                before: Some(Arc::from(before.as_str())),
                after: Some(Arc::from(after.as_str())),
                buffer: false,
            };
            std::fs::write(&path, &after).unwrap();
            let start = Instant::now();
            let id = journal.begin(&intent).unwrap();
            journal.complete(id, Some(&before), Some(&after));
            times.push(start.elapsed());
        }
    }
    times
}

/// From the start of the process to its first answer.
fn start(scratch: &Scratch) -> Duration {
    let mut command = scratch.command(PI);
    command.args(["--mode", "rpc"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"{\"type\":\"get_state\"}\n").unwrap();
    let mut answer = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut answer).unwrap();
    let time = start.elapsed();
    assert!(answer.contains("\"success\":true"), "{answer}");
    drop(child.stdin.take());
    child.wait().unwrap();
    time
}

fn median(mut once: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<_> = (0..RUNS).map(|_| once()).collect();
    times.sort();
    times[RUNS / 2]
}
