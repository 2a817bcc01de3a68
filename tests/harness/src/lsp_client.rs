//! An LSP client on the other end of `pi lsp`: frames, requests, waiting, and what must not be left over.
//!
//! Knows no documents; `editor` adds those. stdout and stderr are read on threads of their own, so the process
//! under test is never held up by the test, unless the test wants exactly that ([`LspClient::stop_reading`]).
//! A request of the server is answered by the [`Host`] at once, or held until the test answers it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{patience, reap};

/// What a host does with a request of the server.
pub enum Reaction {
    /// Notifications, the answer, more notifications.
    Answer {
        /// Sent before the answer.
        before: Vec<(String, Value)>,
        /// `Err` is code and text.
        answer: Result<Value, (i64, String)>,
        /// Sent after the answer.
        after: Vec<(String, Value)>,
    },
    /// The test claims the request and answers it.
    Hold,
}

impl Reaction {
    /// Just an answer.
    pub fn answer(answer: Result<Value, (i64, String)>) -> Self {
        Reaction::Answer { before: Vec::new(), answer, after: Vec::new() }
    }
}

/// Answers the server's requests.
pub trait Host: Send + Sync {
    /// What to do with this one.
    fn asked(&self, method: &str, params: &Value) -> Reaction;

    /// Held from before [`Self::asked`] until its messages are sent, so that nothing gets in between.
    fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        None
    }
}

struct Record {
    value: Value,
    claimed: bool,
}

#[derive(Default)]
struct Output {
    records: Vec<Record>,
    garbage: Vec<String>,
    stderr: Vec<u8>,
    ended: bool,
    /// The reader waits while this is set.
    stopped: bool,
}

#[derive(Default)]
struct Shared {
    output: Mutex<Output>,
    changed: Condvar,
    stdin: Mutex<Option<ChildStdin>>,
    sent: Mutex<Vec<String>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Output)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn send_raw(&self, bytes: &[u8]) -> std::io::Result<()> {
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(shortened(&String::from_utf8_lossy(bytes)));
        let mut stdin = self.stdin.lock().unwrap_or_else(PoisonError::into_inner);
        let stdin = stdin.as_mut().ok_or(std::io::ErrorKind::BrokenPipe)?;
        stdin.write_all(bytes)?;
        stdin.flush()
    }

    fn send(&self, message: &Value) -> std::io::Result<()> {
        self.send_raw(framed(message).as_bytes())
    }
}

/// A message with its header.
pub fn framed(message: &Value) -> String {
    let body = message.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len())
}

/// A live `pi lsp`.
pub struct LspClient {
    child: Child,
    shared: Arc<Shared>,
    requests: i64,
    exit: Option<ExitStatus>,
    /// The end is the test's business: nothing is checked on drop but the process.
    pub unchecked: bool,
}

impl LspClient {
    /// Starts a command that speaks LSP on its standard streams.
    pub fn spawn(mut command: Command, host: Arc<dyn Host>) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let shared = Arc::new(Shared { stdin: Mutex::new(child.stdin.take()), ..Shared::default() });
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut stderr = child.stderr.take().expect("stderr is piped");
        let messages = shared.clone();
        thread::spawn(move || read_messages(stdout, &messages, &*host));
        let log = shared.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                log.update(|it| it.stderr.extend_from_slice(&buffer[..read]));
            }
        });
        Self { child, shared, requests: 0, exit: None, unchecked: false }
    }

    // ---- sending

    /// Sends bytes as they are.
    pub fn send_raw(&self, bytes: &[u8]) {
        self.shared
            .send_raw(bytes)
            .unwrap_or_else(|error| panic!("cannot write to the process: {error}\n{}", self.transcript()));
    }

    /// Sends a notification.
    pub fn notify(&self, method: &str, params: Value) {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        self.send_raw(framed(&message).as_bytes());
    }

    /// Sends a request; claim the answer with [`Self::response`].
    pub fn start_request(&mut self, method: &str, params: Value) -> i64 {
        self.requests += 1;
        let id = self.requests;
        let mut message = json!({"jsonrpc": "2.0", "id": id, "method": method});
        if !params.is_null() {
            message["params"] = params;
        }
        self.send_raw(framed(&message).as_bytes());
        id
    }

    /// Waits for the answer to a request.
    pub fn response(&mut self, id: i64) -> Value {
        self.claim(&format!("the answer to {id}"), |it| it.get("method").is_none() && it["id"] == id)
    }

    /// Sends a request that must succeed; its result.
    pub fn ok(&mut self, method: &str, params: Value) -> Value {
        let id = self.start_request(method, params);
        let mut response = self.response(id);
        assert!(response.get("error").is_none(), "{method} was refused: {response}\n{}", self.transcript());
        response["result"].take()
    }

    /// Sends a request that must fail; its error.
    pub fn refused(&mut self, method: &str, params: Value) -> Value {
        let id = self.start_request(method, params);
        let mut response = self.response(id);
        assert!(response.get("error").is_some(), "{method} was accepted: {response}\n{}", self.transcript());
        response["error"].take()
    }

    /// Answers a request of the server that was held.
    pub fn answer(&self, request: &Value, answer: Result<Value, (i64, String)>) {
        self.send_raw(framed(&answer_message(&request["id"], answer)).as_bytes());
    }

    // ---- waiting

    /// Waits for an unclaimed message that fits, and claims it.
    pub fn claim(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut seen = 0;
        let index = self.wait(what, |output| {
            let new = output.records[seen..].iter().position(|it| !it.claimed && fits(&it.value));
            let found = new.map(|it| seen + it);
            // What did not fit will not: each message is looked at once, however many there are.
            seen = output.records.len();
            found
        });
        let record = &mut self.shared.lock().records[index];
        record.claimed = true;
        record.value.clone()
    }

    /// Waits for a notification with this method and claims it; its parameters.
    pub fn notification(&self, method: &str) -> Value {
        self.claim(method, |it| it["method"] == method && it.get("id").is_none())["params"].take()
    }

    /// Waits for a request that the host holds, and claims it.
    pub fn asked(&self, method: &str) -> Value {
        self.claim(method, |it| it["method"] == method && it.get("id").is_some())
    }

    /// Claims the oldest request that the host holds, if there is one now.
    pub fn held(&self, method: &str) -> Option<Value> {
        let mut output = self.shared.lock();
        let is_one =
            |it: &&mut Record| !it.claimed && it.value["method"] == method && it.value.get("id").is_some();
        let record = output.records.iter_mut().find(is_one)?;
        record.claimed = true;
        Some(record.value.clone())
    }

    /// Claims all notifications with this method that came before the first one that fits, and that one; returns
    /// their parameters.
    pub fn claim_until(&self, method: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
        let is_one =
            |it: &Record| !it.claimed && it.value["method"] == method && it.value.get("id").is_none();
        let index = self.wait(what, |output| {
            output.records.iter().position(|it| is_one(it) && fits(&it.value["params"]))
        });
        let mut output = self.shared.lock();
        let mut claimed = Vec::new();
        for record in &mut output.records[..=index] {
            if is_one(record) {
                record.claimed = true;
                claimed.push(record.value["params"].clone());
            }
        }
        claimed
    }

    /// Waits until at least so many messages have come in.
    pub fn wait_messages(&self, count: usize) {
        self.wait(&format!("{count} messages"), |output| (output.records.len() >= count).then_some(()));
    }

    /// Waits until `find` finds something, looking again with every message.
    pub fn wait_for<T>(&self, what: &str, find: impl Fn() -> Option<T>) -> T {
        self.wait(what, |_| find())
    }

    fn wait<T>(&self, what: &str, mut find: impl FnMut(&Output) -> Option<T>) -> T {
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

    /// Does not read stdout until [`Self::read_again`].
    pub fn stop_reading(&self) {
        self.shared.update(|it| it.stopped = true);
    }

    /// Reads stdout again.
    pub fn read_again(&self) {
        self.shared.update(|it| it.stopped = false);
    }

    // ---- looking

    /// All messages so far.
    pub fn messages(&self) -> Vec<Value> {
        self.shared.lock().records.iter().map(|it| it.value.clone()).collect()
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.shared.lock().stderr).into_owned()
    }

    /// Everything sent, received and logged, for failure messages.
    pub fn transcript(&self) -> String {
        let sent = self.shared.sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut text: String =
            tail(&sent).map(|it| format!("> {}\n", it.trim_end().replace("\r\n", " "))).collect();
        let output = self.shared.lock();
        for record in tail(&output.records) {
            let mark = if record.claimed { "<" } else { "<!" };
            text.push_str(&format!("{mark} {}\n", shortened(&record.value.to_string())));
        }
        text + "stderr: " + &String::from_utf8_lossy(&output.stderr)
    }

    // ---- ending

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Closes stdin.
    pub fn close_stdin(&self) {
        *self.shared.stdin.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Says `shutdown` and `exit`, and waits for the end of the process; stdin stays open.
    pub fn exit(&mut self) -> ExitStatus {
        self.ok("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        self.wait_exit()
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
        let deadline = Instant::now() + limit;
        let mut output = self.shared.lock();
        while !output.ended && !output.stopped {
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
        let mut found: Vec<String> = output.garbage.iter().map(|it| format!("not a message: {it}")).collect();
        let mut answered: Vec<&Value> = Vec::new();
        for Record { value, claimed } in &output.records {
            // The log is for people, hints come a moment after what they are about, and a request may be taken
            // back at the moment it is answered.
            let optional = ["window/logMessage", "textDocument/publishDiagnostics", "$/cancelRequest"];
            if !claimed && !optional.contains(&value["method"].as_str().unwrap_or_default()) {
                found.push(format!("nobody claimed {value}"));
            }
            if value.get("method").is_none() {
                if answered.contains(&&value["id"]) && !value["id"].is_null() {
                    found.push(format!("a second answer: {value}"));
                }
                answered.push(&value["id"]);
            }
        }
        if String::from_utf8_lossy(&output.stderr).contains("panicked at") {
            found.push("the process panicked".to_owned());
        }
        found
    }
}

impl Drop for LspClient {
    fn drop(&mut self) {
        if thread::panicking() || self.unchecked {
            // It may have ended by itself.
            let _gone = self.child.kill();
            let _reaped = self.child.wait();
            return;
        }
        if self.exit.is_none() {
            let status = self.exit();
            assert!(status.success(), "the process ended with {status}\n{}", self.transcript());
        }
        let leftovers = self.leftovers();
        assert!(leftovers.is_empty(), "{}\n{}", leftovers.join("\n"), self.transcript());
    }
}

fn answer_message(id: &Value, answer: Result<Value, (i64, String)>) -> Value {
    match answer {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err((code, message)) => {
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
        }
    }
}

fn read_messages(stdout: impl Read, shared: &Shared, host: &dyn Host) {
    let mut reader = BufReader::new(stdout);
    loop {
        {
            let mut output = shared.lock();
            while output.stopped {
                output = shared.changed.wait(output).unwrap_or_else(PoisonError::into_inner);
            }
        }
        match read_message(&mut reader) {
            Ok(Some(value)) => take(value, shared, host),
            Ok(None) => break,
            Err(why) => {
                shared.update(|it| it.garbage.push(why));
                break;
            }
        }
    }
    shared.update(|it| it.ended = true);
}

fn take(value: Value, shared: &Shared, host: &dyn Host) {
    let method = value["method"].as_str().map(str::to_owned);
    let (Some(method), Some(id)) = (method, value.get("id").cloned()) else {
        return shared.update(|it| it.records.push(Record { value, claimed: false }));
    };
    let _turn = host.turn();
    match host.asked(&method, &value["params"]) {
        Reaction::Hold => shared.update(|it| it.records.push(Record { value, claimed: false })),
        Reaction::Answer { before, answer, after } => {
            shared.update(|it| it.records.push(Record { value, claimed: true }));
            let notification =
                |(method, params)| json!({"jsonrpc": "2.0", "method": method, "params": params});
            let messages = before
                .into_iter()
                .map(notification)
                .chain([answer_message(&id, answer)])
                .chain(after.into_iter().map(notification));
            for message in messages {
                // The process may have ended.
                let _gone = shared.send(&message);
            }
        }
    }
}

fn read_message(reader: &mut impl BufRead) -> Result<Option<Value>, String> {
    let mut length = None;
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(0) if length.is_none() => return Ok(None),
            Ok(0) => return Err("stdout ended inside a header".into()),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
        match line.trim_end_matches(['\r', '\n']).split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse::<usize>().ok(),
            Some(_) => {}
            None if line == "\r\n" => break,
            None => return Err(format!("not a header: {}", shortened(&line))),
        }
    }
    let length = length.ok_or("no Content-Length")?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).map_err(|error| error.to_string())?;
    serde_json::from_slice(&body)
        .map(Some)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&body)))
}

/// The last ones, for transcripts.
fn tail<T>(all: &[T]) -> impl Iterator<Item = &T> {
    all.iter().skip(all.len().saturating_sub(200))
}

fn shortened(text: &str) -> String {
    const LIMIT: usize = 1500;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
