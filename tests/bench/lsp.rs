//! One editor while a hundred sessions stream: how soon it is served, what that costs, and whether any session starves.
//!
//! `cargo bench -p pi-server --bench lsp` prints the figures of the release binary. Each session says words of the
//! scripted model every 20 ms, together 5,000 events a second; meanwhile the editor types and asks. Not a timed test:
//! a busy machine must not fail anyone's tests. Memory and processor time are read from `/proc`, so only on Linux.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that fails may panic"
)]

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Write},
    process::{ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use pi_harness::{Scratch, editor::uri, lsp_client::framed};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");
const SESSIONS: usize = 100;
/// Increments of each answer, 20 ms apart: longer than the measurement.
const WORDS: usize = 1_500;
/// Changes that are measured, and the time between two.
const CHANGES: usize = 2_000;
const PAUSE: Duration = Duration::from_millis(5);
/// How long an idle server is watched.
const IDLE: Duration = Duration::from_secs(60);

/// What the reading thread passes on.
enum Message {
    Answer(Value, Instant),
    /// An event of this session.
    Event(String),
}

struct Client {
    stdin: ChildStdin,
    messages: Receiver<Message>,
    events: HashMap<String, usize>,
    requests: i64,
}

impl Client {
    fn notify(&mut self, method: &str, params: Value) {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        self.stdin.write_all(framed(&message).as_bytes()).unwrap();
    }

    /// Sends a request; its result and when it came.
    fn ask(&mut self, method: &str, params: Value) -> (Value, Instant) {
        self.requests += 1;
        let message = json!({"jsonrpc": "2.0", "id": self.requests, "method": method, "params": params});
        self.stdin.write_all(framed(&message).as_bytes()).unwrap();
        loop {
            match self.messages.recv().expect("pi has ended") {
                Message::Event(session) => *self.events.entry(session).or_default() += 1,
                Message::Answer(mut answer, at) if answer["id"] == self.requests => {
                    assert!(answer.get("error").is_none(), "{method}: {answer}");
                    return (answer["result"].take(), at);
                }
                Message::Answer(..) => {}
            }
        }
    }

    /// Counts the events that have come.
    fn drain(&mut self) {
        while let Ok(Message::Event(session)) = self.messages.try_recv() {
            *self.events.entry(session).or_default() += 1;
        }
    }
}

fn main() {
    let scratch = Scratch::new();
    let words: Vec<String> = (0..WORDS).map(|it| format!("word {it} ")).collect();
    let turn = json!({"content": [{"type": "text", "chunks": words}], "delay_ms": 20, "repeat": true});
    let script = scratch.file("script.json", &json!([turn]).to_string());
    let mut command: Command = scratch.command(PI);
    command.args(["lsp", "--provider", "faux", "--model", "scripted", "--no-session"]);
    command.env("PI_FAUX_SCRIPT", script);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("cannot start pi");
    let (tx, messages) = channel();
    let stdout = BufReader::with_capacity(1 << 20, child.stdout.take().unwrap());
    thread::spawn(move || read(stdout, &tx));
    let stdin = child.stdin.take().unwrap();
    let mut client = Client { stdin, messages, events: HashMap::new(), requests: 0 };
    let root = uri(&scratch.workspace());
    let capabilities = json!({"experimental": {"pi": {"version": 1, "events": "delta"}}});
    client.ask("initialize", json!({"processId": null, "rootUri": root, "capabilities": capabilities}));
    client.notify("initialized", json!({}));
    let file = uri(&scratch.path("a.txt"));
    let document = json!({"uri": file, "languageId": "plaintext", "version": 0, "text": "text\n"});
    client.notify("textDocument/didOpen", json!({"textDocument": document}));

    let before = cpu(child.id());
    thread::sleep(IDLE);
    println!(
        "idle for {} s                    {:>8.2} % of a core",
        IDLE.as_secs(),
        share(cpu(child.id()) - before, IDLE)
    );
    println!("memory without a session         {:>8.1} MB", rss_mb(child.id()));

    let mut ids = vec![client.ask("pi/getState", json!({})).0["sessionId"].clone()];
    while ids.len() < SESSIONS {
        ids.push(client.ask("pi/session/add", json!({})).0["sessionId"].clone());
    }
    println!("memory with {SESSIONS} idle sessions     {:>8.1} MB", rss_mb(child.id()));
    for id in &ids {
        client.ask("pi/prompt", json!({"sessionId": id, "message": "go"}));
    }

    client.drain();
    client.events.clear();
    let (begun, before) = (Instant::now(), cpu(child.id()));
    let mut times: Vec<Duration> = (0..CHANGES).map(|version| change(&mut client, &file, version)).collect();
    client.drain();
    let lasted = begun.elapsed();
    times.sort();
    let ms = |share: usize| times[(times.len() - 1) * share / 1000].as_secs_f64() * 1e3;
    let total: usize = client.events.values().sum();
    println!(
        "events of {} sessions           {:>8.0} /s",
        client.events.len(),
        total as f64 / lasted.as_secs_f64()
    );
    println!(
        "didChange to served answer       {:>8.2} ms median, {:.2} p99, {:.2} worst",
        ms(500),
        ms(990),
        ms(1000)
    );
    println!("processor                        {:>8.1} % of a core", share(cpu(child.id()) - before, lasted));
    println!("memory                           {:>8.1} MB", rss_mb(child.id()));
    let counts = client.events.values();
    println!(
        "events of one session            {:>8} least, {} most",
        counts.clone().min().unwrap(),
        counts.max().unwrap()
    );
    client.ask("shutdown", Value::Null);
    client.notify("exit", Value::Null);
    child.wait().expect("pi does not end");
}

/// Types a character and asks something of the changed text; how long that took.
fn change(client: &mut Client, file: &str, version: usize) -> Duration {
    thread::sleep(PAUSE);
    let start = json!({"line": 0, "character": 0});
    let range = json!({"start": start, "end": start});
    let begun = Instant::now();
    client.notify(
        "textDocument/didChange",
        json!({"textDocument": {"uri": file, "version": version + 1}, "contentChanges": [{"range": range, "text": "x"}]}),
    );
    let context = json!({"diagnostics": []});
    let params = json!({"textDocument": {"uri": file}, "range": range, "context": context});
    client.ask("textDocument/codeAction", params).1 - begun
}

fn read(mut stdout: impl BufRead, tx: &Sender<Message>) {
    loop {
        let mut length = 0;
        loop {
            let mut header = String::new();
            if stdout.read_line(&mut header).unwrap_or(0) == 0 {
                return;
            }
            match header.trim_end().strip_prefix("Content-Length: ") {
                Some(value) => length = value.parse().expect("a length"),
                None => break,
            }
        }
        let mut body = vec![0; length];
        stdout.read_exact(&mut body).expect("a body");
        let at = Instant::now();
        let message: Value = serde_json::from_slice(&body).expect("JSON");
        let passed = match message["params"]["sessionId"].as_str() {
            Some(session) => tx.send(Message::Event(session.to_owned())),
            None => tx.send(Message::Answer(message, at)),
        };
        if passed.is_err() {
            return;
        }
    }
}

fn share(spent: Duration, of: Duration) -> f64 {
    spent.as_secs_f64() / of.as_secs_f64() * 100.0
}

/// Processor time of a process so far; the kernel counts hundredths of a second.
fn cpu(id: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).expect("only on Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn rss_mb(id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).expect("only on Linux");
    let line = status.lines().find(|it| it.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
