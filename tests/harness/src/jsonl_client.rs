//! A program on the other end of `pi --mode rpc`.
//!
//! Reads stdout and stderr on its own threads, so the process under test is never held up by the test, and looks
//! at every record: a line that is not a JSON object, a second answer to one request or an answer nobody claimed
//! fails the test when the client is dropped.

use std::{
    collections::HashMap,
    ffi::OsStr,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdin, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{Scratch, patience, reap};

#[derive(Default)]
struct Output {
    records: Vec<Record>,
    garbage: Vec<String>,
    stderr: Vec<u8>,
    ended: bool,
}

struct Record {
    value: Value,
    claimed: bool,
}

#[derive(Default)]
struct Shared {
    output: Mutex<Output>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Output)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// A live `pi --mode rpc`.
pub struct JsonlClient {
    child: Child,
    stdin: Option<ChildStdin>,
    shared: Arc<Shared>,
    sent: Vec<String>,
    /// Index of the first record that waits for events have not passed.
    cursor: usize,
    requests: usize,
    exit: Option<ExitStatus>,
    /// The end is the test's business: nothing is checked on drop but the process.
    pub unchecked: bool,
}

impl JsonlClient {
    /// Starts `program --mode rpc` with the scripted Anthropic model and these further arguments.
    pub fn start(program: impl AsRef<Path>, scratch: &Scratch, arguments: &[&str]) -> Self {
        let mut all = vec!["--provider", "scripted", "--model", "alpha"];
        all.extend(arguments);
        Self::start_bare(program, scratch, &all)
    }

    /// Starts `program --mode rpc` with only these further arguments.
    pub fn start_bare<S: AsRef<OsStr>>(
        program: impl AsRef<Path>,
        scratch: &Scratch,
        arguments: &[S],
    ) -> Self {
        let mut command = scratch.command(program);
        command.args(["--mode", "rpc"]).args(arguments);
        Self::spawn(command)
    }

    /// Starts a command that speaks JSONL on its standard streams.
    pub fn spawn(mut command: std::process::Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let shared = Arc::new(Shared::default());
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let lines = shared.clone();
        thread::spawn(move || read_lines(stdout, &lines));
        let log = shared.clone();
        thread::spawn(move || {
            let mut stderr = stderr;
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                log.update(|it| it.stderr.extend_from_slice(&buffer[..read]));
            }
        });
        Self { child, stdin, shared, sent: Vec::new(), cursor: 0, requests: 0, exit: None, unchecked: false }
    }

    // ---- sending

    /// Sends a command and does not wait.
    pub fn send(&mut self, command: &Value) {
        self.send_raw(format!("{command}\n").as_bytes());
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.try_send_raw(bytes).unwrap_or_else(|error| {
            panic!("cannot write to the process: {error}\n{}", self.transcript());
        });
    }

    /// Sends bytes as they are, to a process that may have gone.
    pub fn try_send_raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.sent.push(shortened(&String::from_utf8_lossy(bytes)));
        let stdin = self.stdin.as_mut().expect("stdin is closed");
        stdin.write_all(bytes)?;
        stdin.flush()
    }

    /// Sends a command with an id of its own; claim the answer with [`Self::response`].
    pub fn start_request(&mut self, mut command: Value) -> String {
        self.requests += 1;
        let id = format!("t{}", self.requests);
        command["id"] = json!(id);
        self.send(&command);
        id
    }

    /// Waits for the answer to a request.
    pub fn response(&mut self, id: &str) -> Value {
        self.claim(&format!("the answer to {id}"), |it| it["type"] == "response" && it["id"] == id)
    }

    /// Sends a command and waits for its answer.
    pub fn request(&mut self, command: Value) -> Value {
        let id = self.start_request(command);
        self.response(&id)
    }

    /// Sends a command that must succeed; its data (`null` when it has none).
    pub fn ok(&mut self, command: Value) -> Value {
        let mut response = self.request(command);
        assert_eq!(response["success"], true, "refused: {response}\n{}", self.transcript());
        response["data"].take()
    }

    /// Sends a command that must fail; its error text.
    pub fn refused(&mut self, command: Value) -> String {
        let response = self.request(command);
        assert_eq!(response["success"], false, "accepted: {response}\n{}", self.transcript());
        response["error"].as_str().unwrap_or_else(|| panic!("no error text: {response}")).to_owned()
    }

    /// Waits for a failure without an id, such as the answer to a line that is not JSON.
    pub fn anonymous_failure(&mut self) -> Value {
        self.claim("a failure without an id", |it| {
            it["type"] == "response" && it.get("id").is_none() && it["success"] == false
        })
    }

    /// Waits for the next answer to anything.
    pub fn next_response(&mut self) -> Value {
        self.claim("an answer", |it| it["type"] == "response")
    }

    /// State of the session.
    pub fn state(&mut self) -> Value {
        self.ok(json!({"type": "get_state"}))
    }

    /// Sends a prompt that must be accepted.
    pub fn prompt(&mut self, message: &str) {
        self.ok(json!({"type": "prompt", "message": message}));
    }

    /// Sends a prompt, waits until nothing runs any more, and returns the events since.
    pub fn run(&mut self, message: &str) -> Vec<Value> {
        let from = self.records().len();
        self.prompt(message);
        self.settled();
        self.records().split_off(from).into_iter().filter(|it| it["type"] != "response").collect()
    }

    // ---- waiting

    /// Waits for the next event of this type after the last one waited for.
    pub fn event(&mut self, kind: &str) -> Value {
        self.event_where(kind, |it| it["type"] == kind)
    }

    /// Waits for the next event that fits, after the last one waited for.
    pub fn event_where(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let from = self.cursor;
        let index = self.wait(&format!("event {what}"), |output| {
            (from..output.records.len()).find(|&it| {
                let value = &output.records[it].value;
                value["type"] != "response" && fits(value)
            })
        });
        self.cursor = index + 1;
        self.shared.lock().records[index].value.clone()
    }

    /// Waits for the next event of this type; all events from the last one waited for up to it.
    pub fn events_until(&mut self, kind: &str) -> Vec<Value> {
        let from = self.cursor;
        self.event(kind);
        self.shared.lock().records[from..self.cursor]
            .iter()
            .map(|it| it.value.clone())
            .filter(|it| it["type"] != "response")
            .collect()
    }

    /// Waits until nothing runs any more.
    pub fn settled(&mut self) {
        self.event("agent_settled");
    }

    fn claim(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let index =
            self.wait(what, |output| output.records.iter().position(|it| !it.claimed && fits(&it.value)));
        let record = &mut self.shared.lock().records[index];
        record.claimed = true;
        record.value.clone()
    }

    fn wait<T>(&self, what: &str, find: impl Fn(&Output) -> Option<T>) -> T {
        let deadline = Instant::now() + patience();
        let mut output = self.shared.lock();
        loop {
            if let Some(found) = find(&output) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if output.ended || left.is_zero() {
                let ended = if output.ended { "stdout ended" } else { "time is up" };
                drop(output);
                panic!("{ended} while waiting for {what}\n{}", self.transcript());
            }
            output = self.shared.changed.wait_timeout(output, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    // ---- looking

    /// All records so far.
    pub fn records(&self) -> Vec<Value> {
        self.shared.lock().records.iter().map(|it| it.value.clone()).collect()
    }

    /// All events so far.
    pub fn events(&self) -> Vec<Value> {
        self.records().into_iter().filter(|it| it["type"] != "response").collect()
    }

    /// What the process wrote to stderr so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.shared.lock().stderr).into_owned()
    }

    /// Everything sent, received and logged, for failure messages.
    pub fn transcript(&self) -> String {
        let mut text: String = self.sent.iter().map(|it| format!("> {}\n", it.trim_end())).collect();
        for record in &self.shared.lock().records {
            text.push_str(&format!("< {}\n", shortened(&record.value.to_string())));
        }
        text + "stderr: " + &self.stderr()
    }

    // ---- ending

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Closes stdin.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Sends a signal by name, for example `TERM`.
    pub fn signal(&mut self, name: &str) {
        let pid = self.pid().to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &pid]).status();
        assert!(status.is_ok_and(|it| it.success()), "cannot send SIG{name} to {pid}");
    }

    /// Kills the process without giving it a chance.
    pub fn kill(&mut self) {
        self.unchecked = true;
        self.child.kill().expect("cannot kill the process");
        self.wait_exit();
    }

    /// Waits until the process has ended.
    pub fn wait_exit(&mut self) -> ExitStatus {
        match self.wait_exit_for(patience()) {
            Some(status) => status,
            None => panic!("the process does not end\n{}", self.transcript()),
        }
    }

    fn wait_exit_for(&mut self, limit: Duration) -> Option<ExitStatus> {
        if self.exit.is_some() {
            return self.exit;
        }
        // stdout ends when the process does (or when it closes it, which the wait below then notices).
        let deadline = Instant::now() + limit;
        let mut output = self.shared.lock();
        while !output.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            output = self.shared.changed.wait_timeout(output, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(output);
        self.exit = reap(&mut self.child, deadline);
        self.exit
    }

    fn leftovers(&self) -> Vec<String> {
        let output = self.shared.lock();
        let mut found: Vec<String> =
            output.garbage.iter().map(|it| format!("not a JSON object on stdout: {it}")).collect();
        let mut answers: HashMap<String, usize> = HashMap::new();
        let mut running: HashMap<&str, usize> = HashMap::new();
        for record in &output.records {
            let value = &record.value;
            match value["type"].as_str() {
                Some("response") => {
                    if !record.claimed {
                        found.push(format!("an answer nobody claimed: {value}"));
                    }
                    if let Some(id) = value.get("id") {
                        *answers.entry(id.to_string()).or_default() += 1;
                    }
                }
                Some("tool_execution_start") => {
                    *running.entry(value["toolCallId"].as_str().unwrap_or_default()).or_default() += 1;
                }
                Some("tool_execution_end") => {
                    let id = value["toolCallId"].as_str().unwrap_or_default();
                    match running.get_mut(id).filter(|it| **it > 0) {
                        Some(count) => *count -= 1,
                        None => found.push(format!("tool call {id} ended without a start")),
                    }
                }
                Some("agent_settled") => {
                    for (id, count) in running.drain().filter(|it| it.1 > 0) {
                        found.push(format!("tool call {id} started {count} times more than it ended"));
                    }
                }
                Some(_) => {}
                None => found.push(format!("a record without a type: {value}")),
            }
        }
        for (id, count) in answers.into_iter().filter(|it| it.1 > 1) {
            found.push(format!("{count} answers to request {id}"));
        }
        if String::from_utf8_lossy(&output.stderr).contains("panicked at") {
            found.push("the process panicked".to_owned());
        }
        found
    }
}

impl Drop for JsonlClient {
    fn drop(&mut self) {
        self.close_stdin();
        let ended = self.wait_exit_for(if thread::panicking() { Duration::ZERO } else { patience() });
        if ended.is_none() {
            // It may end by itself at this very moment.
            let _gone = self.child.kill();
            let _reaped = self.child.wait();
        }
        if thread::panicking() {
            return;
        }
        assert!(ended.is_some(), "the process outlived its stdin\n{}", self.transcript());
        let leftovers = if self.unchecked { Vec::new() } else { self.leftovers() };
        assert!(leftovers.is_empty(), "{}\n{}", leftovers.join("\n"), self.transcript());
    }
}

fn read_lines(stdout: impl Read, shared: &Shared) {
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    loop {
        line.clear();
        // Only LF ends a record: other line separators may stand inside strings.
        match reader.read_until(b'\n', &mut line) {
            Ok(1..) => {}
            _ => break,
        }
        let parsed = line.strip_suffix(b"\n").map(serde_json::from_slice::<Value>);
        shared.update(|it| match parsed {
            Some(Ok(value)) if value.is_object() => it.records.push(Record { value, claimed: false }),
            _ => it.garbage.push(shortened(&String::from_utf8_lossy(&line))),
        });
    }
    shared.update(|it| it.ended = true);
}

fn shortened(text: &str) -> String {
    const LIMIT: usize = 2000;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
