//! A recording of `--trace`, read: how the server was started, and its lines in order.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, bail};
use pi_protocol::{AssistantMessage, AssistantMessageEvent, Model, SandboxState, Usage};
use serde::Deserialize;
use serde_json::{Map, Value};

/// One run of the server.
#[derive(Debug)]
pub struct Recording {
    /// How it was started.
    pub about: About,
    /// What happened, in order.
    pub lines: Vec<Line>,
    /// Lines that could not be read.
    pub unreadable: usize,
    /// Which run of the file it is, and how many there are.
    pub run: (usize, usize),
}

/// The first line of a run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct About {
    /// `lsp` or `rpc`.
    pub transport: String,
    /// Version of the server.
    pub server: String,
    /// Its system.
    pub system: String,
    /// When it was started.
    pub started: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it was started.
    pub cwd: PathBuf,
    /// The user's directory.
    pub agent_dir: PathBuf,
    /// Settings that were in force.
    pub settings: Map<String, Value>,
}

/// One line.
#[derive(Debug)]
pub struct Line {
    /// Number in the file, from 1.
    pub number: usize,
    /// Milliseconds since the start.
    pub ms: f64,
    /// What happened.
    pub what: What,
}

/// What a line is about.
#[derive(Debug)]
pub enum What {
    /// A message of the client.
    In(Value),
    /// A message of the server.
    Out(Value),
    /// A session was opened.
    Session(Opened),
    /// A step of a model's answer.
    Model(Step),
    /// The result of a tool, of a preview or of a user's command, under what it is asked for by.
    Result(String, Value),
    /// A message that began with a template's name, and what became of it.
    Expanded(String, String),
}

/// A session as it was opened.
#[derive(Debug, Clone, Deserialize)]
pub struct Opened {
    /// The model it began with.
    pub model: Option<Model>,
    /// What confined its commands.
    pub sandbox: Option<SandboxState>,
}

/// A step of a model's answer.
#[derive(Debug, Deserialize)]
pub struct Step {
    /// Number of the call.
    pub call: u64,
    /// Which step.
    #[serde(flatten)]
    pub part: Part,
}

/// The parts of a model's answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "one line of a file each")]
pub enum Part {
    /// It was asked.
    Asked {
        /// For this session.
        session: String,
        /// Provider and id.
        model: String,
        /// All about it.
        #[serde(default)]
        about: Option<Box<Model>>,
        /// What it had not been told before.
        news: Value,
    },
    /// The answer grew.
    Update {
        /// Tokens so far.
        usage: Usage,
        /// By this.
        event: AssistantMessageEvent,
    },
    /// The answer began.
    Start {
        /// As far as it had come.
        start: Box<AssistantMessage>,
    },
    /// The answer was complete.
    Answer {
        /// All of it.
        answer: Box<AssistantMessage>,
    },
}

/// Under what the result of a call, a preview or a command is found.
pub fn key(kind: &str, name: &str, args: &Map<String, Value>) -> String {
    format!("{kind} {name} {}", Value::Object(args.clone()))
}

impl Recording {
    /// Reads run number `wanted`, counted from 1; otherwise the last.
    ///
    /// # Errors
    /// The file cannot be read, is no recording, or has no such run.
    pub fn read(path: &std::path::Path, wanted: Option<usize>) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let lines: Vec<(usize, Result<Value, _>)> = text
            .lines()
            .enumerate()
            .filter(|(_, it)| !it.trim().is_empty())
            .map(|(at, it)| (at + 1, serde_json::from_str::<Value>(it)))
            .collect();
        let is_start =
            |it: &(usize, Result<Value, _>)| it.1.as_ref().is_ok_and(|it| it.get("trace").is_some());
        let starts: Vec<usize> = (0..lines.len()).filter(|at| is_start(&lines[*at])).collect();
        let runs = starts.len();
        if runs == 0 {
            bail!("{} is no recording of --trace", path.display());
        }
        let run = wanted.unwrap_or(runs);
        let Some(start) = run.checked_sub(1).and_then(|it| starts.get(it)).copied() else {
            bail!("{} has {runs} runs of the server, and no number {run}", path.display());
        };
        let end = starts.get(run).copied().unwrap_or(lines.len());
        let first = lines[start].1.as_ref().ok().cloned().unwrap_or_default();
        if first["trace"] != 1 {
            bail!(
                "{} was recorded by another version of pi: trace format {}",
                path.display(),
                first["trace"]
            );
        }
        let about: About =
            serde_json::from_value(first).context("the first line of the run cannot be read")?;
        let mut recording = Self { about, lines: Vec::new(), unreadable: 0, run: (run, runs) };
        for (number, line) in lines.into_iter().take(end).skip(start + 1) {
            match line.ok().and_then(|it| parse(number, it)) {
                Some(line) => recording.lines.push(line),
                None => recording.unreadable += 1,
            }
        }
        Ok(recording)
    }

    /// Models that sessions began with or that were asked, first come first.
    pub fn models(&self) -> Vec<Model> {
        let mut models: Vec<Model> = Vec::new();
        for line in &self.lines {
            let model = match &line.what {
                What::Session(Opened { model: Some(model), .. }) => model,
                What::Model(Step { part: Part::Asked { about: Some(model), .. }, .. }) => model,
                _ => continue,
            };
            if models.iter().all(|it| it.key() != model.key()) {
                models.push(model.clone());
            }
        }
        models
    }
}

fn parse(number: usize, mut line: Value) -> Option<Line> {
    let ms = line["ms"].as_f64()?;
    let result = |line: &Value| match line.get("error") {
        Some(error) => serde_json::json!({ "error": error }),
        None => serde_json::json!({ "result": line["result"] }),
    };
    let text = |it: &Value| it.as_str().map(str::to_owned);
    let what = match line["dir"].as_str()? {
        "in" => What::In(line.get_mut("message")?.take()),
        "out" => What::Out(line.get_mut("message")?.take()),
        "session" => What::Session(serde_json::from_value(line).ok()?),
        "model" => What::Model(serde_json::from_value(line).ok()?),
        "tool" => What::Result(format!("tool {}", line["id"].as_str()?), result(&line)),
        "preview" => {
            What::Result(key("preview", line["name"].as_str()?, line["args"].as_object()?), result(&line))
        }
        "command" => What::Result(format!("command {}", line["command"].as_str()?), result(&line)),
        "expanded" => What::Expanded(text(&line["message"])?, text(&line["text"])?),
        _ => return None,
    };
    Some(Line { number, ms, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, run: Option<usize>) -> anyhow::Result<Recording> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trace");
        fs::write(&path, text).unwrap();
        Recording::read(&path, run)
    }

    #[test]
    fn the_last_run_of_a_file_counts_unless_another_one_is_named() {
        let text = "{\"trace\":1,\"transport\":\"rpc\"}\n{\"ms\":1,\"dir\":\"in\",\"message\":{}}\n\
                    {\"trace\":1,\"transport\":\"lsp\",\"later\":true}\n{\"ms\":1,\"dir\":\"new\"}\n{\"ms\"";
        let last = read(text, None).unwrap();
        assert_eq!(
            (last.about.transport.as_str(), last.lines.len(), last.unreadable, last.run),
            ("lsp", 0, 2, (2, 2))
        );
        assert_eq!(read(text, Some(1)).unwrap().lines[0].number, 2);
        for (text, run, said) in [
            ("", None, "is no recording"),
            ("{\"a\":1}", None, "is no recording"),
            (text, Some(3), "has 2 runs of the server, and no number 3"),
            (text, Some(0), "no number 0"),
            ("{\"trace\":9}", None, "trace format 9"),
        ] {
            let error = read(text, run).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn the_steps_of_an_answer_are_told_apart() {
        let usage = serde_json::to_string(&Usage::default()).unwrap();
        let empty = serde_json::to_string(&AssistantMessage::empty("a", "p", "m", 1)).unwrap();
        let step = |fields: &str| {
            let line = format!("{{\"ms\":1,\"dir\":\"model\",\"call\":4,{fields}}}");
            match parse(1, serde_json::from_str(&line).unwrap()).unwrap().what {
                What::Model(it) => it.part,
                other => panic!("{other:?}"),
            }
        };
        assert!(matches!(step("\"session\":\"s\",\"model\":\"p/m\",\"news\":[]"), Part::Asked { .. }));
        let event = "{\"type\":\"text_delta\",\"contentIndex\":0,\"delta\":\"x\"}";
        assert!(matches!(step(&format!("\"usage\":{usage},\"event\":{event}")), Part::Update { .. }));
        assert!(matches!(step(&format!("\"start\":{empty}")), Part::Start { .. }));
        assert!(matches!(step(&format!("\"answer\":{empty}")), Part::Answer { .. }));
    }
}
