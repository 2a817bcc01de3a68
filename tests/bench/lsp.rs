//! One editor while agents stream: how soon it is served, what that costs, and whether any session starves.
//!
//! `cargo bench -p pi-server --bench lsp` prints the figures of the release binary: first for one run whose model sends
//! 5,000 increments a second over HTTP, then for a hundred sessions that say words of the scripted model every 20 ms.
//! Meanwhile the editor types and asks. Not a timed test: a busy machine must not fail anyone's tests. Memory and
//! processor time are read from `/proc`, so only on Linux. `--no-idle` leaves out the minute of silence, and
//! `--bin FILE` measures another binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that fails may panic"
)]

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use pi_harness::{Scratch, editor::uri, lsp_client::framed};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");
const SESSIONS: usize = 100;
/// Increments of each answer, 20 ms apart: longer than the measurement.
const WORDS: usize = 1_500;
/// Increments a second of the one run.
const RATE: u32 = 5_000;
/// Changes that are measured, and the time between two.
const CHANGES: usize = 2_000;
const PAUSE: Duration = Duration::from_millis(5);
/// How long an idle server is watched.
const IDLE: Duration = Duration::from_secs(60);

/// Events that have come, by session. The reading thread counts them, so that the one that measures sleeps until its
/// answer is there.
type Events = Arc<Mutex<HashMap<String, usize>>>;

struct Client {
    child: Child,
    stdin: ChildStdin,
    answers: Receiver<(Value, Instant)>,
    events: Events,
    requests: i64,
}

impl Client {
    /// An editor with one open document.
    fn start(mut command: Command, scratch: &Scratch) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("cannot start pi");
        let (tx, answers) = channel();
        let events = Events::default();
        let stdout = BufReader::with_capacity(1 << 20, child.stdout.take().unwrap());
        thread::spawn({
            let events = events.clone();
            move || read(stdout, &tx, &events)
        });
        let stdin = child.stdin.take().unwrap();
        let mut client = Self { child, stdin, answers, events, requests: 0 };
        let root = uri(&scratch.workspace());
        let capabilities = json!({"experimental": {"pi": {"version": 1, "events": "delta"}}});
        client.ask("initialize", json!({"processId": null, "rootUri": root, "capabilities": capabilities}));
        client.notify("initialized", json!({}));
        let document =
            json!({"uri": file(scratch), "languageId": "plaintext", "version": 0, "text": "text\n"});
        client.notify("textDocument/didOpen", json!({"textDocument": document}));
        client
    }

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
            let (mut answer, at) = self.answers.recv().expect("pi has ended");
            if answer["id"] == self.requests {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return (answer["result"].take(), at);
            }
        }
    }

    /// Types and asks while what was started goes on, and prints how that went.
    fn measure(&mut self, scratch: &Scratch) {
        let file = file(scratch);
        self.events.lock().unwrap().clear();
        let (begun, before) = (Instant::now(), cpu(self.child.id()));
        let mut times: Vec<Duration> = (0..CHANGES).map(|version| change(self, &file, version)).collect();
        let lasted = begun.elapsed();
        let events = self.events.lock().unwrap().clone();
        times.sort();
        let ms = |share: usize| times[(times.len() - 1) * share / 1000].as_secs_f64() * 1e3;
        let total: usize = events.values().sum();
        println!(
            "events of {:>3} sessions           {:>8.0} /s",
            events.len(),
            total as f64 / lasted.as_secs_f64()
        );
        println!(
            "didChange to served answer       {:>8.2} ms median, {:.2} p90, {:.2} p99, {:.2} worst",
            ms(500),
            ms(900),
            ms(990),
            ms(1000)
        );
        let spent = cpu(self.child.id()) - before;
        println!("processor                        {:>8.1} % of a core", share(spent, lasted));
        println!("memory                           {:>8.1} MB", rss_mb(self.child.id()));
        let counts = events.values();
        println!(
            "events of one session            {:>8} least, {} most",
            counts.clone().min().unwrap(),
            counts.max().unwrap()
        );
    }

    fn end(mut self) {
        self.ask("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        self.child.wait().expect("pi does not end");
    }
}

fn file(scratch: &Scratch) -> String {
    uri(&scratch.path("a.txt"))
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let binary = arguments.iter().position(|it| it == "--bin").map_or(PI, |at| &arguments[at + 1]);
    one_run(binary);
    hundred_sessions(binary, !arguments.iter().any(|it| it == "--no-idle"));
}

fn one_run(binary: &str) {
    println!("one run that streams");
    let scratch = Scratch::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().flatten().for_each(|it| drop(thread::spawn(|| stream(it)))));
    let models = json!([{"id": "quick", "name": "quick", "contextWindow": 200_000, "maxTokens": 8_192}]);
    let provider = json!({"baseUrl": url, "apiKey": "key", "api": "openai-completions", "models": models});
    scratch.agent_file("models.json", &json!({"providers": {"bench": provider}}).to_string());
    let mut command = scratch.command(binary);
    command.args(["lsp", "--provider", "bench", "--model", "quick", "--no-session"]);
    let mut client = Client::start(command, &scratch);
    client.ask("pi/prompt", json!({"message": "go"}));
    while client.events.lock().unwrap().values().sum::<usize>() < 100 {
        thread::sleep(PAUSE);
    }
    client.measure(&scratch);
    client.ask("pi/abort", json!({}));
    client.end();
}

/// A model that says a word as often as [`RATE`] says, until nobody listens.
fn stream(mut stream: TcpStream) {
    let mut request = Vec::new();
    let mut byte = [0; 4096];
    // The body's length does not matter: what is not read stays in the socket.
    while !request.windows(4).any(|it| it == b"\r\n\r\n") {
        let read = stream.read(&mut byte).unwrap_or(0);
        if read == 0 {
            return;
        }
        request.extend_from_slice(&byte[..read]);
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    if stream.write_all(head.as_bytes()).is_err() {
        return;
    }
    let begun = Instant::now();
    let mut sent = 0;
    loop {
        let due = (begun.elapsed() * RATE).as_secs() as u32;
        while sent < due {
            let delta = json!({"choices": [{"index": 0, "delta": {"content": format!("word {sent} ")}}]});
            let event = format!("data: {delta}\n\n");
            if write!(stream, "{:x}\r\n{event}\r\n", event.len()).is_err() {
                return;
            }
            sent += 1;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn hundred_sessions(binary: &str, idle: bool) {
    println!("\n{SESSIONS} sessions that stream");
    let scratch = Scratch::new();
    let words: Vec<String> = (0..WORDS).map(|it| format!("word {it} ")).collect();
    let turn = json!({"content": [{"type": "text", "chunks": words}], "delay_ms": 20, "repeat": true});
    let script = scratch.file("script.json", &json!([turn]).to_string());
    let mut command = scratch.command(binary);
    command.args(["lsp", "--provider", "faux", "--model", "scripted", "--no-session"]);
    command.env("PI_FAUX_SCRIPT", script);
    let mut client = Client::start(command, &scratch);
    let id = client.child.id();
    if idle {
        let before = cpu(id);
        thread::sleep(IDLE);
        let spent = share(cpu(id) - before, IDLE);
        println!("idle for {} s                    {spent:>8.2} % of a core", IDLE.as_secs());
    }
    println!("memory without a session         {:>8.1} MB", rss_mb(id));
    let mut ids = vec![client.ask("pi/getState", json!({})).0["sessionId"].clone()];
    while ids.len() < SESSIONS {
        ids.push(client.ask("pi/session/add", json!({})).0["sessionId"].clone());
    }
    println!("memory with {SESSIONS} idle sessions     {:>8.1} MB", rss_mb(id));
    for id in &ids {
        client.ask("pi/prompt", json!({"sessionId": id, "message": "go"}));
    }
    client.measure(&scratch);
    client.end();
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

fn read(mut stdout: impl BufRead, tx: &Sender<(Value, Instant)>, events: &Events) {
    const SESSION: &[u8] = b"\"sessionId\":\"";
    let mut body = Vec::new();
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
        body.resize(length, 0);
        stdout.read_exact(&mut body).expect("a body");
        let at = Instant::now();
        // As little work as possible: the machine is the server's.
        if body.starts_with(b"{\"jsonrpc\":\"2.0\",\"method\"") {
            let session = body.windows(SESSION.len()).position(|it| it == SESSION);
            let Some(session) = session.map(|it| &body[it + SESSION.len()..]) else { continue };
            let end = session.iter().position(|it| *it == b'"').unwrap_or(0);
            let session = String::from_utf8_lossy(&session[..end]).into_owned();
            *events.lock().unwrap().entry(session).or_default() += 1;
        } else if tx.send((serde_json::from_slice(&body).expect("JSON"), at)).is_err() {
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
