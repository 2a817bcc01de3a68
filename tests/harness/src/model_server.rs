//! A model behind real HTTP on 127.0.0.1 that says what the test scripted.
//!
//! Plain threads and blocking sockets, so that it works the same in synchronous and asynchronous tests and cannot
//! be starved by the runtime of the program under test. It speaks just enough HTTP/1.1 for one client library:
//! `Content-Length` or chunked requests in, chunked responses out, keep-alive.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::Instant,
};

use serde_json::{Value, json};

use crate::{
    checks, patience,
    script::{Fault, Turn, Turns},
    wire::{self, Frame},
};

pub use crate::wire::Dialect;

/// A request the model received.
#[derive(Debug, Clone)]
pub struct ModelRequest {
    /// Dialect it came in on.
    pub dialect: Dialect,
    /// Path with query.
    pub path: String,
    /// Header names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: Value,
}

impl ModelRequest {
    /// The messages as the API has them.
    pub fn messages(&self) -> &[Value] {
        self.body["messages"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// Texts of the user's messages, in order; tool results are not among them.
    pub fn user_texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        for message in self.messages().iter().filter(|it| it["role"] == "user") {
            match &message["content"] {
                Value::String(text) => texts.push(text.clone()),
                Value::Array(blocks) => texts
                    .extend(blocks.iter().filter(|it| it["type"] == "text").map(|it| text_of(&it["text"]))),
                _ => {}
            }
        }
        texts
    }

    /// `(tool call id, text)` of every tool result, in order.
    pub fn tool_results(&self) -> Vec<(String, String)> {
        let mut results = Vec::new();
        for message in self.messages() {
            if message["role"] == "tool" {
                results.push((text_of(&message["tool_call_id"]), text_of(&message["content"])));
            }
            for block in message["content"].as_array().into_iter().flatten() {
                if block["type"] == "tool_result" {
                    results.push((text_of(&block["tool_use_id"]), text_of(&block["content"])));
                }
            }
        }
        results
    }

    /// The system prompt.
    pub fn system(&self) -> String {
        match self.dialect {
            Dialect::Anthropic => text_of(&self.body["system"]),
            Dialect::ChatCompletions => self
                .messages()
                .iter()
                .filter(|it| matches!(it["role"].as_str(), Some("system" | "developer")))
                .map(|it| text_of(&it["content"]))
                .collect(),
        }
    }

    /// Names of the declared tools, in order.
    pub fn tool_names(&self) -> Vec<String> {
        let tools = self.body["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
        tools
            .iter()
            .map(
                |it| {
                    if it["name"].is_string() {
                        text_of(&it["name"])
                    } else {
                        text_of(&it["function"]["name"])
                    }
                },
            )
            .collect()
    }
}

/// A string, or the texts of its blocks.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks.iter().filter_map(|it| it["text"].as_str()).collect(),
        _ => String::new(),
    }
}

#[derive(Default)]
struct State {
    turns: VecDeque<Turn>,
    requests: Vec<ModelRequest>,
    violations: Vec<String>,
    reached: HashSet<String>,
    released: HashSet<String>,
    answered: usize,
    disconnects: usize,
    call_ids: usize,
    unused_allowed: bool,
    closed: bool,
    connections: Vec<TcpStream>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in one thread must not hide what the others found.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits until `ready`; false when the server closes first.
    fn wait_open(&self, ready: impl Fn(&State) -> bool) -> bool {
        let mut state = self.lock();
        while !ready(&state) {
            if state.closed {
                return false;
            }
            state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        true
    }
}

/// The scripted model. Dropping it fails the test if a request broke a rule or a turn was never played.
pub struct ModelServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Default for ModelServer {
    fn default() -> Self {
        Self::start()
    }
}

impl ModelServer {
    /// Starts a server on a free port with an empty script.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("no port for the scripted model");
        let address = listener.local_addr().expect("the listener has no address");
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let accept = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accept.lock().closed {
                    break;
                }
                if let Ok(clone) = stream.try_clone() {
                    accept.lock().connections.push(clone);
                }
                let shared = accept.clone();
                thread::spawn(move || serve(&shared, stream));
            }
        });
        Self { address, shared }
    }

    /// Starts a server with this script.
    pub fn with(turns: impl Into<Turns>) -> Self {
        let server = Self::start();
        server.script(turns);
        server
    }

    /// Adds turns to the end of the script.
    pub fn script(&self, turns: impl Into<Turns>) {
        self.shared.update(|it| it.turns.extend(turns.into().0));
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A `models.json` with both dialects: `scripted/alpha` (Anthropic Messages, thinks) and
    /// `scripted-chat/gamma` (Chat Completions, thinks).
    pub fn models_json(&self) -> Value {
        let model = |id: &str| {
            json!({"id": id, "name": format!("Scripted {id}"), "reasoning": true, "input": ["text", "image"],
                   "cost": {"input": 3, "output": 15, "cacheRead": 0.3, "cacheWrite": 3.75},
                   "contextWindow": 200_000, "maxTokens": 32_000})
        };
        json!({"providers": {
            "scripted": {"baseUrl": self.url(), "api": "anthropic-messages", "apiKey": "scripted-key",
                         "models": [model("alpha"), model("beta")]},
            "scripted-chat": {"baseUrl": format!("{}/v1", self.url()), "api": "openai-completions",
                              "apiKey": "scripted-key", "models": [model("gamma")]},
        }})
    }

    /// Requests so far.
    pub fn requests(&self) -> Vec<ModelRequest> {
        self.shared.lock().requests.clone()
    }

    /// The last request.
    pub fn last_request(&self) -> ModelRequest {
        self.requests().pop().expect("the model was not asked")
    }

    /// Waits until the model was asked so many times, and returns that request.
    pub fn wait_request(&self, count: usize) -> ModelRequest {
        self.wait(&format!("request {count} of the model"), |it| it.requests.len() >= count);
        self.requests()[count - 1].clone()
    }

    /// Waits until an answer is held at `gate`.
    pub fn reached(&self, gate: &str) {
        self.wait(&format!("the model at gate {gate:?}"), |it| it.reached.contains(gate));
    }

    /// Lets the answer at `gate` go on, now or when it gets there.
    pub fn release(&self, gate: &str) {
        self.shared.update(|it| it.released.insert(gate.to_owned()));
    }

    /// Waits until the client has left so many answers unfinished.
    pub fn wait_disconnects(&self, count: usize) {
        self.wait(&format!("{count} disconnects"), |it| it.disconnects >= count);
    }

    /// Lets turns of the script stay unplayed.
    pub fn allow_unused(&self) {
        self.shared.update(|it| it.unused_allowed = true);
    }

    fn wait(&self, what: &str, ready: impl Fn(&State) -> bool) {
        let deadline = Instant::now() + patience();
        let mut state = self.shared.lock();
        while !ready(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let seen: Vec<String> = state.requests.iter().map(|it| it.body.to_string()).collect();
                let turns = state.turns.len();
                drop(state);
                panic!("gave up waiting for {what}; {turns} turns unplayed; requests so far: {seen:#?}");
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .0;
        }
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        let (violations, unplayed) = self.shared.update(|it| {
            it.closed = true;
            for connection in it.connections.drain(..) {
                // Already closed by the client, as a rule.
                let _closed = connection.shutdown(Shutdown::Both);
            }
            let unplayed = if it.unused_allowed { 0 } else { it.turns.len() };
            (std::mem::take(&mut it.violations), unplayed)
        });
        // Wakes the accepting thread so that it ends.
        let _woken = TcpStream::connect(self.address);
        if thread::panicking() {
            return;
        }
        assert!(violations.is_empty(), "the model API would have refused:\n  {}", violations.join("\n  "));
        assert_eq!(unplayed, 0, "{unplayed} scripted turns were never asked for");
    }
}

/// Answers requests on one connection until it closes.
fn serve(shared: &Shared, stream: TcpStream) {
    let Ok(clone) = stream.try_clone() else { return };
    let mut reader = BufReader::new(clone);
    while let Some(head) = read_head(&mut reader) {
        let Some(body) = read_body(&mut reader, &head) else { return };
        if !answer(shared, &stream, head, &body) {
            // `connections` holds a clone of the socket: dropping ours alone would not close it.
            let _closed = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

struct Head {
    path: String,
    headers: HashMap<String, String>,
}

fn read_head(reader: &mut impl BufRead) -> Option<Head> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => return Some(Head { path, headers }),
        };
    }
}

fn read_body(reader: &mut impl BufRead, head: &Head) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    if head.headers.get("transfer-encoding").is_some_and(|it| it.eq_ignore_ascii_case("chunked")) {
        let mut line = String::new();
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            let size = u64::from_str_radix(line.trim(), 16).ok()?;
            reader.by_ref().take(size).read_to_end(&mut body).ok()?;
            line.clear();
            reader.read_line(&mut line).ok()?;
            if size == 0 {
                return Some(body);
            }
        }
    }
    let length = head.headers.get("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
    reader.take(length).read_to_end(&mut body).ok()?;
    Some(body)
}

/// Plays the next turn; false when the connection is over.
fn answer(shared: &Shared, stream: &TcpStream, head: Head, body: &[u8]) -> bool {
    let parsed = Dialect::of_path(&head.path).zip(serde_json::from_slice::<Value>(body).ok());
    let Some((dialect, body)) = parsed else {
        let complaint = format!("a request to {} that is not for a model, or not JSON", head.path);
        shared.update(|it| it.violations.push(complaint));
        return send_plain(stream, 404, "{}", &[]);
    };
    let found = checks::violations(dialect, &body);
    let model = body["model"].as_str().unwrap_or_default().to_owned();
    let request = ModelRequest { dialect, path: head.path, headers: head.headers, body };
    let turn = shared.update(|it| {
        it.requests.push(request);
        let number = it.requests.len();
        it.violations.extend(found.into_iter().map(|found| format!("request {number}: {found}")));
        let turn = it.turns.pop_front();
        if turn.is_none() {
            it.violations.push(format!("request {number}: the script has no turn left for it"));
        }
        turn
    });
    let Some(turn) = turn else {
        return send_plain(stream, 400, r#"{"error":{"message":"the script is over"}}"#, &[]);
    };
    let complete = play(shared, stream, dialect, &turn, &model);
    shared.update(|it| match complete {
        Some(_) => it.answered += 1,
        None => it.disconnects += 1,
    });
    complete.unwrap_or(false)
}

/// Sends the turn. `Some(keep)` when it went as scripted, `None` when the client left.
fn play(shared: &Shared, stream: &TcpStream, dialect: Dialect, turn: &Turn, model: &str) -> Option<bool> {
    for gate in turn.gates.iter().filter(|it| it.after.is_none()) {
        pass(shared, &gate.name)?;
    }
    if let Some(Fault::Status { status, body, headers }) = &turn.fault {
        return Some(send_plain(stream, *status, body, headers));
    }
    send(
        stream,
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    )?;
    if matches!(turn.fault, Some(Fault::Hang)) {
        // A well-behaved client sends nothing more: the read ends when it leaves or the test is over.
        let mut stream = stream;
        let _left = stream.read(&mut [0]);
        return None;
    }
    let frames = wire::render(dialect, turn, model, || {
        shared.update(|it| {
            it.call_ids += 1;
            format!("call_{}", it.call_ids)
        })
    });
    let mut deltas = 0;
    let mut place = None;
    for frame in frames {
        if frame.is_delta && place.is_none() {
            place = Some(0);
        }
        if let Some(deltas) = place.take_if(|it| *it == deltas) {
            for gate in turn.gates.iter().filter(|it| it.after == Some(deltas)) {
                pass(shared, &gate.name)?;
            }
            match &turn.fault {
                Some(Fault::Disconnect { after }) if *after == deltas => return Some(false),
                Some(Fault::Half { after }) if *after == deltas => break,
                Some(Fault::Malformed { after }) if *after == deltas => {
                    let broken = Frame { is_delta: false, text: frame.text.replacen('{', "{{", 1) };
                    send_chunk(stream, &broken)?;
                }
                _ => {}
            }
        }
        send_chunk(stream, &frame)?;
        if frame.is_delta {
            deltas += 1;
            place = Some(deltas);
        }
    }
    send(stream, b"0\r\n\r\n")?;
    Some(true)
}

/// Reports that the answer is at `gate` and waits for its release.
fn pass(shared: &Shared, gate: &str) -> Option<()> {
    shared.update(|it| it.reached.insert(gate.to_owned()));
    shared.wait_open(|it| it.released.contains(gate)).then_some(())
}

fn send(mut stream: &TcpStream, bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).and_then(|()| stream.flush()).ok()
}

fn send_chunk(stream: &TcpStream, frame: &Frame) -> Option<()> {
    send(stream, format!("{:x}\r\n{}\r\n", frame.text.len(), frame.text).as_bytes())
}

fn send_plain(stream: &TcpStream, status: u16, body: &str, headers: &[(String, String)]) -> bool {
    let extra: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let text = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{extra}\r\n{body}",
        body.len()
    );
    send(stream, text.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{call, hang, say, status};

    fn ask(server: &ModelServer, path: &str, body: &Value) -> TcpStream {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let body = body.to_string();
        write!(stream, "POST {path} HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        stream
    }

    fn request() -> Value {
        json!({"stream": true, "model": "m", "messages": [{"role": "user", "content": "hi"}]})
    }

    fn read_until(stream: &mut TcpStream, end: &str) -> String {
        let mut text = String::new();
        let mut buffer = [0; 512];
        while !text.contains(end) {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "the server left early: {text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        text
    }

    #[test]
    fn both_dialects_stream_the_script() {
        let server = ModelServer::with([say("hello"), call("read", json!({"path": "a"}))]);
        let first = read_until(&mut ask(&server, "/v1/messages", &request()), "\r\n0\r\n");
        assert!(first.contains(r#""text":"hello""#), "{first}");
        let second = read_until(&mut ask(&server, "/v1/chat/completions", &request()), "\r\n0\r\n");
        assert!(second.contains(r#""id":"call_1""#) && second.contains("[DONE]"), "{second}");
        assert_eq!(server.requests().len(), 2);
        assert_eq!(server.last_request().user_texts(), ["hi"]);
    }

    #[test]
    fn a_gate_holds_the_answer_and_faults_do_what_they_say() {
        let server =
            ModelServer::with([say("abcd").pieces(2).gate_after(1, "g"), status(429, "slow down"), hang()]);
        let mut stream = ask(&server, "/v1/messages", &request());
        server.reached("g");
        let so_far = read_until(&mut stream, r#""ab""#);
        assert!(!so_far.contains(r#""cd""#), "{so_far}");
        server.release("g");
        read_until(&mut stream, r#""cd""#);
        assert!(read_until(&mut ask(&server, "/messages", &request()), "slow down").contains(" 429 "));
        drop(ask(&server, "/messages", &request()));
        server.wait_disconnects(1);
    }

    #[test]
    fn a_broken_rule_fails_the_test() {
        let server = ModelServer::with(say("x"));
        let body = json!({"stream": true, "model": "m", "messages": [{"role": "user", "content": ""}]});
        read_until(&mut ask(&server, "/messages", &body), "\r\n0\r\n");
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(server)));
        let message = *outcome.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains("a text block is empty"), "{message}");
    }
}
