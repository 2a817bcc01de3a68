//! `--trace FILE`: every message of the connection, both ways, with its time, for bug reports.
//!
//! One JSON object a line. The first says what was traced; each process that traces into the file adds one.
//! Whoever sends or reads a message only copies it; parsing, masking and writing are done on a thread of its own.
//! Secrets are masked by name, by shape, and where they are values of this process's environment.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::Path,
    sync::{
        LazyLock,
        mpsc::{self, Receiver, Sender},
    },
    time::{Duration, Instant},
};

use pi_core::clock;
use regex::Regex;
use serde_json::{Map, Value, json};

/// What stands in the place of a secret.
const MASK: &str = "***";
/// Shortest value of the environment that is taken for a secret.
const MIN_SECRET: usize = 8;
/// How long the last lines may take.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client.
    In,
    /// To the client.
    Out,
}

enum Item {
    Message(Duration, Direction, Vec<u8>),
    /// Asks to be told when everything before this is written.
    Flush(Sender<()>),
}

/// Records messages. Clones share the file.
#[derive(Debug, Clone)]
pub struct Trace {
    items: Sender<Item>,
    started: Instant,
}

impl Trace {
    /// Adds to the file at `path`, which only its owner may read. `secret` is a key from the command line.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn start(path: &Path, transport: &str, secret: Option<&str>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = BufWriter::new(options.open(path)?);
        let about = json!({"trace": 1, "transport": transport, "server": env!("CARGO_PKG_VERSION"),
            "system": std::env::consts::OS, "started": clock::now_iso()});
        writeln!(file, "{about}")?;
        let secrets = secrets(std::env::vars(), secret);
        let (items, inbox) = mpsc::channel();
        std::thread::Builder::new().name("trace".to_owned()).spawn(move || {
            if let Err(error) = write(&inbox, &mut file, &secrets) {
                tracing::warn!(%error, "the trace cannot be written");
            }
        })?;
        Ok(Self { items, started: Instant::now() })
    }

    /// Records one message; `body` is its JSON.
    pub fn record(&self, direction: Direction, body: &[u8]) {
        // Without its writer there is no trace; the connection goes on.
        let _gone = self.items.send(Item::Message(self.started.elapsed(), direction, body.to_vec()));
    }

    /// Waits until everything so far is in the file; bounded in time.
    pub fn finish(&self) {
        let (tx, written) = mpsc::channel();
        if self.items.send(Item::Flush(tx)).is_ok() {
            // A writer that failed or is too slow is not waited for longer.
            let _told = written.recv_timeout(LAST_LINES);
        }
    }
}

fn write(inbox: &Receiver<Item>, file: &mut BufWriter<File>, secrets: &[String]) -> io::Result<()> {
    file.flush()?;
    while let Ok(first) = inbox.recv() {
        let mut waiting = Vec::new();
        for item in std::iter::once(first).chain(inbox.try_iter()) {
            match item {
                Item::Message(at, direction, body) => {
                    writeln!(file, "{}", line(at, direction, &body, secrets))?;
                }
                Item::Flush(done) => waiting.push(done),
            }
        }
        file.flush()?;
        for done in waiting {
            // Nobody may be waiting any more.
            let _gone = done.send(());
        }
    }
    Ok(())
}

fn line(at: Duration, direction: Direction, body: &[u8], secrets: &[String]) -> Value {
    let mut line = Map::new();
    line.insert("ms".into(), json!((at.as_secs_f64() * 1e4).round() / 10.0));
    line.insert("dir".into(), if direction == Direction::In { "in" } else { "out" }.into());
    match serde_json::from_slice::<Value>(body) {
        Ok(mut message) => {
            mask(&mut message, secrets);
            line.insert("message".into(), message);
        }
        // Not to be masked, so not to be shown.
        Err(error) => {
            line.insert("unreadable".into(), format!("{} bytes: {error}", body.len()).into());
        }
    }
    Value::Object(line)
}

/// Values of variables that are called like secrets, longest first, so that one inside another is no trouble.
fn secrets(environment: impl Iterator<Item = (String, String)>, own: Option<&str>) -> Vec<String> {
    let mut found: Vec<String> = environment
        .filter(|(name, _)| {
            let name = name.to_uppercase();
            ["KEY", "TOKEN", "SECRET", "PASSW", "AUTH", "CREDENTIAL"].iter().any(|it| name.contains(it))
        })
        .map(|(_, value)| value)
        .chain(own.map(str::to_owned))
        .filter(|it| it.len() >= MIN_SECRET)
        .collect();
    found.sort_by_key(|it| std::cmp::Reverse(it.len()));
    found
}

fn mask(value: &mut Value, secrets: &[String]) {
    match value {
        Value::String(text) => mask_text(text, secrets),
        Value::Array(items) => items.iter_mut().for_each(|it| mask(it, secrets)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match is_secret(name, value) {
                    true => mask_all(value),
                    false => mask(value, secrets),
                }
            }
        }
        _ => {}
    }
}

/// Whether a field of this name is a secret, or has nothing but what may be one.
fn is_secret(name: &str, value: &Value) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    // Progress has tokens as well; they are short.
    let progress = ["token", "workdonetoken", "partialresulttoken"].contains(&plain.as_str());
    if progress && value.as_str().is_none_or(|it| it.len() <= 16) {
        return false;
    }
    ["env", "environment", "headers"].contains(&plain.as_str())
        || plain.ends_with("token")
        || ["apikey", "authorization", "passw", "secret", "credential", "privatekey", "cookie"]
            .iter()
            .any(|it| plain.contains(it))
}

/// Masks all texts, whatever their names.
fn mask_all(value: &mut Value) {
    match value {
        Value::String(text) => *text = MASK.into(),
        Value::Array(items) => items.iter_mut().for_each(mask_all),
        Value::Object(fields) => fields.values_mut().for_each(mask_all),
        _ => {}
    }
}

/// Keys by their usual beginnings, and what is assigned to a name like `api_key`. The part in the first group stays.
static SHAPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let shapes = [
        r"(?i:(bearer\s+)[\w.~+/=-]{8,})",
        r"\b(?:sk-|ghp_|gho_|github_pat_|xox[abp]-|AIza)[\w-]{8,}",
        r"\bAKIA[0-9A-Z]{16}\b",
        r#"(?i:((?:api[_-]?key|token|secret|password|authorization)\\?["']?\s*[=:]\s*\\?["']?)[^\s"'\\]{8,})"#,
    ];
    Regex::new(&shapes.join("|")).ok()
});

fn mask_text(text: &mut String, secrets: &[String]) {
    for secret in secrets {
        if text.contains(secret.as_str()) {
            *text = text.replace(secret.as_str(), MASK);
        }
    }
    let Some(shapes) = &*SHAPES else {
        // Cannot be: the test below has seen it. Without it nothing is safe to show.
        *text = MASK.into();
        return;
    };
    if shapes.is_match(text) {
        *text = shapes
            .replace_all(text, |found: &regex::Captures<'_>| {
                let kept = found.get(1).or_else(|| found.get(2)).map_or("", |it| it.as_str());
                format!("{kept}{MASK}")
            })
            .into_owned();
    }
}

/// Passes bytes on and records each line of them.
pub struct Tee<W> {
    inner: W,
    trace: Trace,
    line: Vec<u8>,
}

impl<W: Write> Tee<W> {
    /// Before `inner`.
    pub fn new(inner: W, trace: Trace) -> Self {
        Self { inner, trace, line: Vec::new() }
    }

    fn took(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|it| *it == b'\n') {
            self.line.extend_from_slice(&bytes[..end]);
            self.trace.record(Direction::Out, &self.line);
            self.line.clear();
            bytes = &bytes[end + 1..];
        }
        self.line.extend_from_slice(bytes);
    }
}

impl<W: Write> Write for Tee<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.took(&bytes[..written]);
        Ok(written)
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let written = self.inner.write_vectored(slices)?;
        let mut left = written;
        for slice in slices {
            let part = left.min(slice.len());
            self.took(&slice[..part]);
            left -= part;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_is_not() {
        let known = ["hunter2hunter2".to_owned()];
        for (message, expected) in [
            (json!({"apiKey": "abc", "api_key": "abc"}), json!({"apiKey": "***", "api_key": "***"})),
            (json!({"headers": {"x": "y", "n": 1}}), json!({"headers": {"x": "***", "n": 1}})),
            (json!({"env": {"HOME": "/h"}}), json!({"env": {"HOME": "***"}})),
            (json!({"accessToken": "x", "tokens": 5}), json!({"accessToken": "***", "tokens": 5})),
            (json!({"token": "pi 2"}), json!({"token": "pi 2"})),
            (json!({"token": "0123456789abcdefg"}), json!({"token": "***"})),
            (
                json!({"workDoneToken": 7, "usage": {"input": 3}}),
                json!({"workDoneToken": 7, "usage": {"input": 3}}),
            ),
            (json!(["say hunter2hunter2 twice"]), json!(["say *** twice"])),
            (json!("Authorization: Bearer abcdefgh1234"), json!("Authorization: Bearer ***")),
            (json!("a bearer abcdefgh1234."), json!("a bearer ***")),
            (json!("key sk-ant-0123456789 end"), json!("key *** end")),
            (json!("export API_KEY='longvalue1'"), json!("export API_KEY='***'")),
            (json!("{\"apiKey\": \"longvalue1\"}"), json!("{\"apiKey\": \"***\"}")),
            (json!("the token count is 12"), json!("the token count is 12")),
            (json!({"text": "let key = map.get(id);"}), json!({"text": "let key = map.get(id);"})),
        ] {
            let mut masked = message.clone();
            mask(&mut masked, &known);
            assert_eq!(masked, expected, "{message}");
        }
    }

    #[test]
    fn the_environment_is_searched_for_secrets() {
        let environment = [("HOME", "/home/somebody"), ("X_API_KEY", "longsecret"), ("SHORT_TOKEN", "abc")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            secrets(environment.into_iter(), Some("muchlongersecret")),
            ["muchlongersecret", "longsecret"]
        );
    }

    #[test]
    fn a_file_has_whole_lines_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trace.jsonl");
        for _ in 0..2 {
            let trace = Trace::start(&path, "rpc", None).unwrap();
            let mut tee = Tee::new(Vec::new(), trace.clone());
            trace.record(Direction::In, b"{\"id\":1}");
            tee.write_all(b"{\"a\"").unwrap();
            tee.write_all(b":1}\n{\"b\":2}\n{").unwrap();
            trace.record(Direction::In, b"{nonsense");
            trace.finish();
            assert_eq!(tee.inner, b"{\"a\":1}\n{\"b\":2}\n{");
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
        assert_eq!(lines.len(), 10);
        assert_eq!((&lines[0]["transport"], &lines[5]["trace"]), (&json!("rpc"), &json!(1)));
        assert_eq!((&lines[1]["dir"], &lines[1]["message"]), (&json!("in"), &json!({"id": 1})));
        assert_eq!((&lines[3]["dir"], &lines[3]["message"]), (&json!("out"), &json!({"b": 2})));
        assert!(lines[4]["unreadable"].as_str().unwrap().starts_with("9 bytes: "), "{}", lines[4]);
        assert!(lines[1]["ms"].as_f64() <= lines[3]["ms"].as_f64());
    }
}
