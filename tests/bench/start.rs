//! How long from starting the process to its first answer, and how much memory it then holds.
//!
//! `cargo bench -p pi-server --bench start` prints medians over [`RUNS`] starts of the release binary, each with an
//! empty home and one custom provider. Not a timed test: a busy machine must not fail anyone's tests. Memory is
//! read from `/proc`, so only on Linux.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that fails may panic"
)]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use pi_harness::{ModelServer, Scratch};
use serde_json::json;

const PI: &str = env!("CARGO_BIN_EXE_pi");
const RUNS: usize = 41;

/// One way to start it.
struct Face {
    name: &'static str,
    args: &'static [&'static str],
    request: String,
    /// Reads the first answer.
    read: fn(&mut dyn BufRead) -> String,
}

fn main() {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"processId": null, "rootUri": null, "capabilities": {}}})
    .to_string();
    let faces = [
        Face {
            name: "--mode rpc, get_state",
            args: &["--mode", "rpc", "--provider", "scripted", "--model", "alpha"],
            request: "{\"id\":\"1\",\"type\":\"get_state\"}\n".into(),
            read: line,
        },
        Face {
            name: "--mode rpc, get_state, no model named",
            args: &["--mode", "rpc"],
            request: "{\"id\":\"1\",\"type\":\"get_state\"}\n".into(),
            read: line,
        },
        Face {
            name: "lsp, initialize",
            args: &["lsp"],
            request: format!("Content-Length: {}\r\n\r\n{initialize}", initialize.len()),
            read: frame,
        },
        Face { name: "--version", args: &["--version"], request: String::new(), read: line },
    ];
    println!("{:40} {:>10} {:>10} {:>10}", "medians of the release binary", "start ms", "p90 ms", "RSS MB");
    for face in &faces {
        let mut times = Vec::new();
        let mut sizes = Vec::new();
        for _ in 0..RUNS {
            let (time, size) = once(&scratch, face);
            times.push(time);
            sizes.extend(size);
        }
        times.sort();
        sizes.sort_unstable();
        let ms = |it: Duration| it.as_secs_f64() * 1e3;
        let rss = sizes.get(sizes.len() / 2).map_or("-".into(), |kb| format!("{:.1}", *kb as f64 / 1024.0));
        println!("{:40} {:10.1} {:10.1} {rss:>10}", face.name, ms(times[RUNS / 2]), ms(times[RUNS * 9 / 10]));
    }
}

fn once(scratch: &Scratch, face: &Face) -> (Duration, Option<u64>) {
    let mut command: Command = scratch.command(PI);
    command.args(face.args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let start = Instant::now();
    let mut child = command.spawn().expect("cannot start pi");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // A face that needs no request may have ended already.
    let _gone = stdin.write_all(face.request.as_bytes());
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let answer = (face.read)(&mut stdout);
    let time = start.elapsed();
    assert!(!answer.is_empty(), "no answer from pi {:?}", face.args);
    let size = rss_kb(&child).filter(|_| !face.request.is_empty());
    drop(stdin);
    child.wait().expect("pi does not end");
    (time, size)
}

fn line(input: &mut dyn BufRead) -> String {
    let mut line = String::new();
    input.read_line(&mut line).expect("stdout is not text");
    line
}

fn frame(input: &mut dyn BufRead) -> String {
    let mut length = 0;
    loop {
        let header = line(input);
        match header.trim_end() {
            "" => break,
            header => {
                if let Some(it) = header.strip_prefix("Content-Length: ") {
                    length = it.parse().expect("a length");
                }
            }
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).expect("the body");
    String::from_utf8(body).expect("UTF-8")
}

/// Resident memory of a process, in KB.
fn rss_kb(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|it| it.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
