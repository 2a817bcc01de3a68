//! Plays a recording: the client's messages in order, each when what came before it has come again.
//!
//! A line of the client, and a step of a model's answer, waits until the server has said everything that it had said
//! before that line. So causes come before effects as they did, whatever the machine's speed. What does not come is a
//! difference, and the replay goes on.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use pi_host::workspace::position::PositionEncoding;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};

use super::{
    chat::{self, Chats},
    client::Client,
    compare::differences,
    kind::{Kind, Speech, kind, timeless},
    names::{Names, UUID},
    recording::{Line, Part, Recording, Step, What},
    report::Difference,
    stage::Stage,
};

/// How long something that was recorded is waited for, beside the time it took.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message of the server that is expected.
struct Expected {
    line: usize,
    kind: Kind,
    now: Option<Value>,
    given_up: bool,
}

/// Diagnostics that are expected. They come when the server finds time, and may be left out for newer ones.
struct Diagnosed {
    line: usize,
    uri: String,
    list: Value,
    given_up: bool,
}

/// Plays one recording.
pub struct Conductor<'a> {
    recording: &'a Recording,
    speech: Speech,
    names: Names,
    stage: Arc<Stage>,
    client: Client,
    chats: Chats,
    expected: Vec<Expected>,
    /// Expected messages by what they are, in order.
    by_name: HashMap<String, Vec<usize>>,
    came: HashMap<String, usize>,
    /// Sessions in the order in which they were heard of: recorded, and now.
    sessions: [Vec<String>; 2],
    /// Diagnostics of the recording, and those of now by their document.
    diagnostics: Vec<Diagnosed>,
    diagnosed: HashMap<String, Vec<Value>>,
    calls: HashMap<u64, mpsc::UnboundedSender<Part>>,
    /// The chat document that was saved last, until what came of that is there.
    saved: Option<String>,
    found: Vec<Difference>,
    /// Messages of the server that are as recorded.
    same: usize,
}

impl<'a> Conductor<'a> {
    /// Of `recording`, for a server on the other end of `client`.
    pub fn new(recording: &'a Recording, names: Names, stage: Arc<Stage>, client: Client) -> Self {
        let speech = if recording.about.transport == "lsp" { Speech::Lsp } else { Speech::Jsonl };
        let mut it = Self {
            recording,
            speech,
            names,
            stage,
            client,
            chats: Chats::default(),
            expected: Vec::new(),
            by_name: HashMap::new(),
            came: HashMap::new(),
            sessions: Default::default(),
            diagnostics: Vec::new(),
            diagnosed: HashMap::new(),
            calls: HashMap::new(),
            saved: None,
            found: Vec::new(),
            same: 0,
        };
        for (line, said) in recording.lines.iter().enumerate() {
            if let What::Out(message) = &said.what {
                it.expect(line, message);
            }
        }
        it
    }

    fn expect(&mut self, line: usize, message: &Value) {
        let kind = kind(self.speech, message, &mut self.sessions[0]);
        if kind.passes {
            if let Some(uri) = diagnosed(message) {
                let list = message["params"]["diagnostics"].clone();
                self.diagnostics.push(Diagnosed { line, uri: uri.to_owned(), list, given_up: false });
            }
            return;
        }
        self.by_name.entry(kind.name.clone()).or_default().push(self.expected.len());
        self.expected.push(Expected { line, kind, now: None, given_up: false });
    }

    /// Plays everything; what was different, and how many messages were not.
    pub async fn play(mut self, timing: bool) -> (Vec<Difference>, usize) {
        let started = Instant::now();
        let mut before = 0.0;
        for (at, line) in self.recording.lines.iter().enumerate() {
            match &line.what {
                What::Out(message) => {
                    if let Some((uri, edits)) = chat::edit(message).filter(|it| chat::is_chat(it.0)) {
                        self.chats.wanted(uri, edits);
                    }
                    continue;
                }
                What::Session(_) | What::Expanded(..) => continue,
                What::In(_) | What::Model(_) | What::Result(..) => {}
            }
            let limit = PATIENCE + Duration::from_secs_f64((line.ms - before).max(0.0) / 1e3);
            before = line.ms;
            self.catch_up(at, limit).await;
            if let Some(uri) = self.saved.take_if(|_| !matches!(line.what, What::In(_))) {
                // Saving sends, and only the document shows when it was sent.
                self.until_written(&uri, limit).await;
            }
            if timing {
                tokio::time::sleep_until(started + Duration::from_secs_f64(line.ms / 1e3)).await;
            }
            match &line.what {
                What::In(message) => self.say(at, message, limit).await,
                What::Model(step) => self.step(line, step, limit).await,
                What::Result(key, result) => {
                    let mut result = result.clone();
                    self.names.forward(&mut result, "");
                    self.stage.release(self.names.now(key), result);
                }
                _ => {}
            }
        }
        self.catch_up(self.recording.lines.len(), PATIENCE).await;
        self.finish().await
    }

    // ---- what the server says

    /// Waits until everything has come that had come before line `at`.
    async fn catch_up(&mut self, at: usize, limit: Duration) {
        let deadline = Instant::now() + limit;
        loop {
            while let Ok(message) = self.client.from.try_recv() {
                self.take(message);
            }
            let missing = |it: &Expected| it.line < at && it.now.is_none() && !it.given_up;
            let undiagnosed = self.undiagnosed(at);
            if undiagnosed.is_empty() && !self.expected.iter().any(missing) {
                return;
            }
            match tokio::time::timeout_at(deadline, self.client.from.recv()).await {
                Ok(Some(message)) => self.take(message),
                Ok(None) | Err(_) => {
                    self.expected.iter_mut().filter(|it| missing(it)).for_each(|it| it.given_up = true);
                    undiagnosed.into_iter().for_each(|it| self.diagnostics[it].given_up = true);
                    return;
                }
            }
        }
    }

    fn take(&mut self, message: Value) {
        if let Some((uri, edits)) = chat::edit(&message).filter(|it| chat::is_chat(it.0)) {
            // The document is known by its recorded name.
            let recorded = self.chats.uris().into_iter().find(|it| self.names.now(it) == uri);
            let version = message["params"]["edit"]["documentChanges"][0]["textDocument"]["version"].as_i64();
            let told = recorded.and_then(|it| self.chats.apply(&it, edits, version, uri));
            let applied = told.is_some();
            told.into_iter().for_each(|it| self.client.say(it));
            return self.answer(&message, Ok(json!({ "applied": applied })));
        }
        let kind = kind(self.speech, &message, &mut self.sessions[1]);
        if kind.passes {
            if let Some(uri) = diagnosed(&message) {
                let list = message["params"]["diagnostics"].clone();
                self.diagnosed.entry(uri.to_owned()).or_default().push(list);
            } else {
                self.answer(&message, Ok(Value::Null));
            }
            return;
        }
        let place = self.came.entry(kind.name.clone()).or_default();
        let expected = self.by_name.get(&kind.name).and_then(|it| it.get(*place)).copied();
        *place += 1;
        match expected {
            Some(at) => {
                let line = self.expected[at].line;
                if let What::Out(recorded) = &self.recording.lines[line].what {
                    if recorded["result"]["capabilities"]["positionEncoding"] == "utf-8" {
                        self.chats.encoding = PositionEncoding::Utf8;
                    }
                    self.names.learn(recorded, &message, "");
                }
                self.expected[at].now = Some(message);
            }
            None if is_hint(&message) => {}
            None => {
                self.found.push(Difference::new(
                    None,
                    format!("not in the recording: {}", kind.title),
                    vec![super::compare::short(&message)],
                ));
                self.answer(&message, Err("the recording has no answer to this"));
            }
        }
    }

    /// Answers a request of the server; nothing if it is none.
    fn answer(&self, message: &Value, answer: Result<Value, &str>) {
        let (Some(id), true) = (message.get("id"), message.get("method").is_some()) else { return };
        self.client.say(match answer {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(why) => json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32603, "message": why}}),
        });
    }

    // ---- what the client says

    async fn say(&mut self, at: usize, recorded: &Value, limit: Duration) {
        let mut message = recorded.clone();
        match self.speech {
            Speech::Jsonl => {
                // The client's own ids stay, and those of the server's questions do not.
                let own = message.get("id").filter(|_| message["type"] != "extension_ui_response").cloned();
                self.names.forward(&mut message, "");
                own.into_iter().for_each(|it| message["id"] = it);
            }
            Speech::Lsp if recorded.get("method").is_none() => {
                let Some(id) = self.asked(at, &recorded["id"]) else { return };
                self.names.forward(&mut message, "");
                message["id"] = id;
            }
            Speech::Lsp => {
                if let Some(params) = message.get_mut("params") {
                    self.names.forward(params, "");
                    if recorded["method"] == "initialize" {
                        // Whoever has this number now is not the editor.
                        params["processId"] = Value::Null;
                    }
                }
                let uri = recorded["params"]["textDocument"]["uri"].as_str().unwrap_or_default();
                if chat::is_chat(uri) {
                    match self.in_chat(recorded, message, uri, limit).await {
                        Some(told) => message = told,
                        None => return,
                    }
                }
            }
        }
        self.client.say(message);
    }

    /// The id that a request of the server has now, which had `id` in the recording. Nothing if it did not come, or
    /// was answered when it came.
    fn asked(&mut self, at: usize, id: &Value) -> Option<Value> {
        let is_it = |line: &Line| matches!(&line.what, What::Out(it) if it.get("method").is_some() && it["id"] == *id);
        let line = self.recording.lines[..at].iter().rposition(is_it)?;
        let expected = self.expected.iter().find(|it| it.line == line)?;
        Some(expected.now.as_ref()?["id"].clone())
    }

    /// Something of the client about a chat document; `message` as it would be said now.
    async fn in_chat(
        &mut self,
        recorded: &Value,
        mut message: Value,
        uri: &str,
        limit: Duration,
    ) -> Option<Value> {
        let uri_now = message["params"]["textDocument"]["uri"].as_str().unwrap_or_default().to_owned();
        match recorded["method"].as_str()? {
            "textDocument/didOpen" => {
                let text =
                    |it: &Value| it["params"]["textDocument"]["text"].as_str().unwrap_or_default().to_owned();
                let version = recorded["params"]["textDocument"]["version"].as_i64().unwrap_or_default();
                self.chats.open(uri, &text(recorded), &text(&message), version);
            }
            "textDocument/didChange" => {
                let changes = recorded["params"]["contentChanges"].as_array()?;
                if !self.chats.is_echo(uri, changes) {
                    // What the user did follows on what the server had made of the prompt by then.
                    self.until(limit, |it| it.chats.is_at_prompt(uri)).await;
                }
                let told = self.chats.change(uri, changes, &uri_now)?;
                message = told;
            }
            "textDocument/didSave" => {
                self.until_written(uri, limit).await;
                self.saved = Some(uri.to_owned());
                if message["params"].get("text").is_some() {
                    message["params"]["text"] = self.chats.text(uri)?.into();
                }
            }
            "textDocument/didClose" => {
                self.until_written(uri, limit).await;
                self.compare_chat(uri);
                self.chats.close(uri);
            }
            _ => self.until_written(uri, limit).await,
        }
        Some(message)
    }

    /// Waits until a chat document is as it was.
    async fn until_written(&mut self, uri: &str, limit: Duration) {
        self.until(limit, |it| it.chats.both(uri, &it.names).is_none_or(|(recorded, now)| recorded == now))
            .await;
    }

    /// Waits for this and takes what the server says meanwhile: it may be what the server waits for.
    async fn while_taking<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                Some(message) = self.client.from.recv() => self.take(message),
                else => return work.await,
            }
        }
    }

    /// Takes what the server says until this is so.
    async fn until(&mut self, limit: Duration, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + limit;
        while !is_so(self) {
            match tokio::time::timeout_at(deadline, self.client.from.recv()).await {
                Ok(Some(message)) => self.take(message),
                _ => return,
            }
        }
    }

    fn compare_chat(&mut self, uri: &str) {
        let Some((recorded, now)) = self.chats.both(uri, &self.names) else { return };
        if recorded == now {
            self.same += 1;
            return;
        }
        let details = differences(&json!(recorded), &json!(now), &self.names);
        self.found.push(Difference::new(None, format!("the text of {uri}"), details));
    }

    // ---- what the model says

    async fn step(&mut self, line: &Line, step: &Step, limit: Duration) {
        match &step.part {
            Part::Asked { session, model, news, .. } => {
                let now = self.names.now(session);
                // What is no session's has a name of its own.
                let named = UUID.as_ref().is_none_or(|it| !it.is_match(session));
                let known = (named || now != *session).then_some(now.as_str());
                let stage = self.stage.clone();
                let asked = tokio::time::timeout(limit, stage.asked(known));
                let Ok(asking) = self.while_taking(asked).await else {
                    let title = format!("{model} was asked for the {} time", ordinal(step.call));
                    return self.found.push(Difference::new(
                        Some(line.number),
                        title,
                        vec!["now it was not".into()],
                    ));
                };
                self.names.learn(&json!(session), &json!(&*asking.session), "");
                let told = differences(news, &asking.news, &self.names);
                if !told.is_empty() {
                    let title = format!("what {model} was told the {} time", ordinal(step.call));
                    self.found.push(Difference::new(Some(line.number), title, told));
                }
                let (steps, played) = mpsc::unbounded_channel();
                asking.play(played);
                self.calls.insert(step.call, steps);
            }
            part => {
                let part = match part.clone() {
                    Part::Update { usage, event } => Part::Update { usage, event: self.moved(event) },
                    Part::Start { start } => Part::Start { start: self.moved(start) },
                    Part::Answer { answer } => Part::Answer { answer: self.moved(answer) },
                    asked @ Part::Asked { .. } => asked,
                };
                if let Some(call) = self.calls.get(&step.call) {
                    // A call that was stopped hears no more.
                    let _stopped = call.send(part);
                }
            }
        }
    }

    /// With the names of now.
    fn moved<T: Serialize + DeserializeOwned>(&self, it: T) -> T {
        let Ok(mut value) = serde_json::to_value(&it) else { return it };
        self.names.forward(&mut value, "");
        serde_json::from_value(value).unwrap_or(it)
    }

    // ---- the end

    async fn finish(mut self) -> (Vec<Difference>, usize) {
        let open = self.chats.uris();
        for uri in &open {
            self.until_written(uri, PATIENCE).await;
            self.compare_chat(uri);
        }
        let asking = self.stage.still_asking();
        if asking > 0 {
            let title = format!("a model was asked {asking} times more than in the recording");
            self.found.push(Difference::new(None, title, Vec::new()));
        }
        for expected in &self.expected {
            let line = &self.recording.lines[expected.line];
            let What::Out(recorded) = &line.what else { continue };
            let details = match &expected.now {
                Some(now) => differences(&timeless(recorded), &timeless(now), &self.names),
                None => vec!["never came".into()],
            };
            match details.is_empty() {
                true => self.same += 1,
                false => {
                    let title = self.title(expected, recorded);
                    self.found.push(Difference::new(Some(line.number), title, details));
                }
            }
        }
        self.compare_diagnostics();
        self.found.sort_by_key(|it| it.line.unwrap_or(usize::MAX));
        self.client.end().await;
        (self.found, self.same)
    }

    /// An answer is named by what it answers.
    fn title(&self, expected: &Expected, recorded: &Value) -> String {
        let asked = self.recording.lines[..expected.line].iter().rev().find_map(|it| match &it.what {
            What::In(it) if recorded.get("method").is_none() && it["id"] == recorded["id"] => {
                it["method"].as_str()
            }
            _ => None,
        });
        asked.map_or(expected.kind.title.clone(), |it| format!("{} ({it})", expected.kind.title))
    }

    /// The last diagnostics of each document before line `at` that have not come and are still waited for.
    fn undiagnosed(&self, at: usize) -> Vec<usize> {
        let mut seen = HashSet::new();
        let before = (0..self.diagnostics.len()).rev().filter(|it| self.diagnostics[*it].line < at);
        let last = before.filter(|it| seen.insert(&self.diagnostics[*it].uri));
        let mut missing: Vec<usize> = last.collect();
        missing
            .retain(|it| !self.diagnostics[*it].given_up && !self.differs(&self.diagnostics[*it]).is_empty());
        missing
    }

    /// How diagnostics of the recording differ from the last ones of now; not at all if they have been there.
    fn differs(&self, wanted: &Diagnosed) -> Vec<String> {
        let now = self.diagnosed.get(&self.names.now(&wanted.uri)).map(Vec::as_slice).unwrap_or_default();
        let mut last = match now.is_empty() && wanted.list == json!([]) {
            true => Vec::new(),
            false => vec!["never came".to_owned()],
        };
        for (back, list) in now.iter().rev().enumerate() {
            let details = differences(&wanted.list, list, &self.names);
            if details.is_empty() {
                return details;
            }
            if back == 0 {
                last = details;
            }
        }
        last
    }

    fn compare_diagnostics(&mut self) {
        let mut seen = HashSet::new();
        let last = self.diagnostics.iter().rev().filter(|it| seen.insert(&it.uri));
        let differ: Vec<_> = last.map(|it| (it.line, it.uri.clone(), self.differs(it))).collect();
        for (line, uri, details) in differ {
            if details.is_empty() {
                self.same += 1;
                continue;
            }
            let number = self.recording.lines[line].number;
            self.found.push(Difference::new(Some(number), format!("the last diagnostics of {uri}"), details));
        }
    }
}

fn diagnosed(message: &Value) -> Option<&str> {
    let is_one = message["method"] == "textDocument/publishDiagnostics";
    message["params"]["uri"].as_str().filter(|_| is_one)
}

/// Whether this is said to the user in passing. Of several within two seconds only the newest is shown, so that how many
/// are depends on the clock.
fn is_hint(message: &Value) -> bool {
    message["method"] == "window/showMessage" && message["params"]["type"] == 3
}

fn ordinal(number: u64) -> String {
    match number {
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        more => format!("{more}th"),
    }
}
