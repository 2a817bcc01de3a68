//! `--trace FILE`: every message of the connection, both ways, with its time, for bug reports.
//!
//! One JSON object a line. The first says what was traced; each process that traces into the file adds one.
//! Beside the messages there is what came from elsewhere (`outside.rs`), so that `pi replay` needs no model.
//! Whoever sends or reads a message only copies it; parsing, masking and writing are done on a thread of its own.

mod mask;
mod outside;

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::Path,
    sync::mpsc::{self, Receiver, Sender},
    time::{Duration, Instant},
};

use mask::{MASK, mask, secrets};
use pi_core::clock;
use serde_json::{Map, Value, json};

pub use outside::news;

use crate::compose::Compose;

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
    /// Of something else than a client: which kind, and the fields of the line.
    Other(Duration, &'static str, Value),
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
    /// Adds to the file at `path`, which only its owner may read, and says how the process of `compose` was started.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn start(path: &Path, transport: &str, compose: &Compose) -> io::Result<Self> {
        let mut about = Map::new();
        about.insert("arguments".into(), arguments(std::env::args().skip(1)).into());
        about.insert("cwd".into(), compose.cwd().to_string_lossy().into());
        about.insert("agentDir".into(), compose.agent_dir().to_string_lossy().into());
        about.insert("settings".into(), compose.settings(compose.cwd()).values().all());
        Self::begin(path, transport, about, compose.args().api_key.as_deref())
    }

    fn begin(
        path: &Path,
        transport: &str,
        how: Map<String, Value>,
        secret: Option<&str>,
    ) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = BufWriter::new(options.open(path)?);
        let mut about = json!({"trace": 1, "transport": transport, "server": env!("CARGO_PKG_VERSION"),
            "system": std::env::consts::OS, "started": clock::now_iso()});
        let secrets = secrets(std::env::vars(), secret);
        if let Value::Object(fields) = &mut about {
            fields.extend(how);
        }
        mask(&mut about, &secrets);
        writeln!(file, "{about}")?;
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

    /// Records something that came from elsewhere.
    fn other(&self, kind: &'static str, fields: Value) {
        let _gone = self.items.send(Item::Other(self.started.elapsed(), kind, fields));
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
                Item::Other(at, kind, mut fields) => {
                    mask(&mut fields, secrets);
                    let mut line = head(at, kind);
                    if let Value::Object(fields) = fields {
                        line.extend(fields);
                    }
                    writeln!(file, "{}", Value::Object(line))?;
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

fn head(at: Duration, kind: &str) -> Map<String, Value> {
    let ms = (at.as_secs_f64() * 1e4).round() / 10.0;
    Map::from_iter([("ms".to_owned(), json!(ms)), ("dir".to_owned(), kind.into())])
}

/// The arguments of the process without the key among them.
fn arguments(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut is_key = false;
    all.map(|it| {
        let hidden = match it.split_once('=') {
            _ if is_key => MASK.to_owned(),
            Some(("--api-key", _)) => format!("--api-key={MASK}"),
            _ => it.clone(),
        };
        is_key = it == "--api-key";
        hidden
    })
    .collect()
}

fn line(at: Duration, direction: Direction, body: &[u8], secrets: &[String]) -> Value {
    let mut line = head(at, if direction == Direction::In { "in" } else { "out" });
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
    fn a_key_among_the_arguments_is_not_told() {
        let told = |line: &str| arguments(line.split(' ').map(str::to_owned)).join(" ");
        assert_eq!(told("lsp --api-key abc --model m"), "lsp --api-key *** --model m");
        assert_eq!(told("lsp --api-key=abc --model=m"), "lsp --api-key=*** --model=m");
    }

    #[test]
    fn a_file_has_whole_lines_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trace.jsonl");
        for _ in 0..2 {
            let trace = Trace::begin(&path, "rpc", Map::new(), None).unwrap();
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
