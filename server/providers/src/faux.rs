//! A model that reads its answers from a script: for the demo, for trying an editor plugin without a key, for tests.
//!
//! It is a provider like any other (`--provider faux --model scripted`), clearly named as scripted. The format is
//! described in `docs/faux.md`. Each session plays the script from its first turn.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pi_core::{CancellationToken, ModelRequest, ProviderEvent, builder::MessageBuilder, cost};
use pi_protocol::{AgentMessage, AssistantMessage, InputKind, Model, ModelCost, StopReason, ThinkingContent};
use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{dialect, http::CallError};

/// Provider name.
pub const PROVIDER: &str = "faux";
/// Model id.
pub const MODEL: &str = "scripted";
/// Wire dialect in `models.json`.
pub const API: &str = "faux";
/// Environment variable with the script: a path, or the JSON itself.
pub const SCRIPT_ENV: &str = "PI_FAUX_SCRIPT";

/// Longest script file that is read.
const MAX_SCRIPT_BYTES: u64 = 16 << 20;
/// Sessions whose place in the script is remembered.
const MAX_SESSIONS: usize = 256;

/// The turns a scripted model plays.
#[derive(Debug, Clone)]
pub struct Script {
    turns: Arc<[Turn]>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    #[serde(default)]
    content: Vec<Block>,
    #[serde(default)]
    stop: Option<Stop>,
    #[serde(default)]
    usage: Tokens,
    /// Pause before every increment.
    #[serde(default)]
    delay_ms: u64,
    /// Ends the turn as a failure with this text, after its content.
    #[serde(default)]
    error: Option<String>,
    #[serde(default, rename = "match")]
    pattern: Option<String>,
    #[serde(default)]
    repeat: bool,
    #[serde(skip)]
    regex: Option<Regex>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Block {
    Text {
        #[serde(default)]
        text: String,
        #[serde(default)]
        chunks: Vec<String>,
    },
    Thinking {
        #[serde(default)]
        text: String,
        #[serde(default)]
        chunks: Vec<String>,
        #[serde(default)]
        signature: Option<String>,
    },
    Tool {
        id: String,
        name: String,
        #[serde(default)]
        args: Map<String, Value>,
        /// Characters of the arguments' JSON per increment; 0 = all at once.
        #[serde(default)]
        chunk: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stop {
    End,
    Tool,
    Length,
    Refusal,
    Error,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Tokens {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { input: 100, output: 20, cache_read: 0, cache_write: 0 }
    }
}

impl Script {
    /// Reads a script: a list of turns, or an object with `turns`.
    ///
    /// # Errors
    /// Says what is wrong and where.
    pub fn parse(json: &str) -> Result<Self, String> {
        let mut value: Value =
            serde_json::from_str(json).map_err(|error| format!("script is not JSON: {error}"))?;
        if let Some(turns) = value.get_mut("turns") {
            value = turns.take();
        }
        let Value::Array(items) = value else { return Err("script is not a list of turns".into()) };
        let mut turns = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let wrong = |error: &dyn std::fmt::Display| format!("turn {index} of the script: {error}");
            let mut turn: Turn = serde_json::from_value(item).map_err(|error| wrong(&error))?;
            if let Some(pattern) = &turn.pattern {
                turn.regex = Some(Regex::new(pattern).map_err(|error| wrong(&error))?);
            }
            turns.push(turn);
        }
        Ok(Self { turns: turns.into() })
    }

    /// Reads a script from a file, or takes the text itself if it begins like JSON.
    ///
    /// # Errors
    /// The file cannot be read, or [`Self::parse`] fails.
    pub fn load(source: &str) -> Result<Self, String> {
        if source.trim_start().starts_with(['[', '{']) {
            return Self::parse(source);
        }
        let path = Path::new(source);
        let read = || {
            if std::fs::metadata(path)?.len() > MAX_SCRIPT_BYTES {
                return Err(std::io::Error::other("larger than 16 MiB"));
            }
            std::fs::read_to_string(path)
        };
        Self::parse(&read().map_err(|error| format!("cannot read the script {source}: {error}"))?)
    }
}

/// The scripted model.
pub fn model() -> Arc<Model> {
    Arc::new(Model {
        id: MODEL.into(),
        name: "Scripted (no model involved)".into(),
        api: API.into(),
        provider: PROVIDER.into(),
        base_url: String::new(),
        reasoning: true,
        input: vec![InputKind::Text, InputKind::Image],
        cost: ModelCost::default(),
        context_window: 200_000,
        max_tokens: 32_000,
        headers: None,
        compat: None,
        thinking_level_map: None,
        local: false,
        extra: Map::new(),
    })
}

/// The script and how far each session has come in it.
#[derive(Debug, Default)]
pub(crate) struct Faux {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Set by the program; wins over the environment.
    script: Option<Script>,
    /// By source, so that a script is read once.
    loaded: HashMap<String, Script>,
    /// Turns each session has used up, by script source and session.
    used: HashMap<(String, Arc<str>), Vec<usize>>,
}

impl Faux {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_script(&self, script: Script) {
        self.lock().script = Some(script);
    }

    pub fn has_script(&self) -> bool {
        self.lock().script.is_some()
    }

    /// The turn that answers `request`; `None` when the script is over.
    fn next_turn(&self, request: &ModelRequest, env: Option<String>) -> Result<Option<Turn>, String> {
        let mut state = self.lock();
        let of_model = request.model.extra.get("script").and_then(Value::as_str).map(str::to_owned);
        let (source, script) = match (of_model.or(env), &state.script) {
            (_, Some(script)) if request.model.id == MODEL => (String::new(), script.clone()),
            (Some(source), _) => {
                let script = match state.loaded.get(&source) {
                    Some(it) => it.clone(),
                    None => {
                        let it = Script::load(&source)?;
                        state.loaded.insert(source.clone(), it.clone());
                        it
                    }
                };
                (source, script)
            }
            (None, _) => {
                return Err(format!("the scripted model needs a script; set {SCRIPT_ENV} to its path"));
            }
        };
        if state.used.len() >= MAX_SESSIONS {
            state.used.clear();
        }
        let used = state.used.entry((source, request.session_id.clone())).or_default();
        let text = last_user_text(request);
        let free = |at: &usize| !used.contains(at);
        let matching = (0..script.turns.len())
            .filter(free)
            .find(|&at| script.turns[at].regex.as_ref().is_some_and(|it| it.is_match(&text)));
        let plain = || (0..script.turns.len()).filter(free).find(|&at| script.turns[at].regex.is_none());
        let Some(at) = matching.or_else(plain) else { return Ok(None) };
        if !script.turns[at].repeat {
            used.push(at);
        }
        Ok(Some(script.turns[at].clone()))
    }

    pub async fn stream(
        &self,
        request: &ModelRequest,
        env: Option<String>,
        cancel: &CancellationToken,
        out: &mut (dyn FnMut(ProviderEvent) + Send),
    ) -> AssistantMessage {
        let blank = dialect::blank(request);
        let turn = match self.next_turn(request, env) {
            Ok(Some(turn)) => turn,
            Ok(None) => {
                return dialect::fail(blank, CallError::Protocol("the script has no further turn".into()));
            }
            Err(text) => return dialect::fail(blank, CallError::Protocol(text)),
        };
        let mut builder = MessageBuilder::new(blank, out);
        match play(&turn, request, &mut builder, cancel).await {
            Ok(reason) => {
                builder.message.stop_reason = reason;
                builder.finish()
            }
            Err(error) => dialect::fail(builder.finish(), error),
        }
    }
}

async fn play(
    turn: &Turn,
    request: &ModelRequest,
    builder: &mut MessageBuilder<'_>,
    cancel: &CancellationToken,
) -> Result<StopReason, CallError> {
    let usage = &mut builder.message.usage;
    usage.input = turn.usage.input;
    usage.output = turn.usage.output;
    usage.cache_read = turn.usage.cache_read;
    usage.cache_write = turn.usage.cache_write;
    usage.total_tokens = usage.input + usage.output + usage.cache_read + usage.cache_write;
    cost::price(&request.model, usage);
    let delay = Duration::from_millis(turn.delay_ms);
    pause(Duration::ZERO, cancel).await?;
    builder.start();
    for block in &turn.content {
        let (index, chunks) = match block {
            Block::Text { text, chunks } => (builder.text_start(), pieces(text, chunks)),
            Block::Thinking { text, chunks, signature } => {
                let start = ThinkingContent { thinking_signature: signature.clone(), ..Default::default() };
                (builder.thinking_start(start), pieces(text, chunks))
            }
            Block::Tool { id, name, args, chunk } => (
                builder.tool_start(id.clone(), name.clone()),
                cut(&Value::Object(args.clone()).to_string(), *chunk),
            ),
        };
        for chunk in chunks {
            pause(delay, cancel).await?;
            builder.delta(index, &chunk);
        }
        builder.end(index);
    }
    if let Some(error) = &turn.error {
        return Err(CallError::Protocol(error.clone()));
    }
    let calls = turn.content.iter().any(|it| matches!(it, Block::Tool { .. }));
    match turn.stop.unwrap_or(if calls { Stop::Tool } else { Stop::End }) {
        Stop::End => Ok(StopReason::Stop),
        Stop::Tool => Ok(StopReason::ToolUse),
        Stop::Length => Ok(StopReason::Length),
        Stop::Refusal => Err(CallError::Protocol("The model refused to complete the request".into())),
        Stop::Error => Err(CallError::Protocol("An unknown error occurred".into())),
    }
}

async fn pause(delay: Duration, cancel: &CancellationToken) -> Result<(), CallError> {
    if delay.is_zero() {
        // Lets others run, so that a long script can be stopped.
        tokio::task::yield_now().await;
        return if cancel.is_cancelled() { Err(CallError::Aborted) } else { Ok(()) };
    }
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(CallError::Aborted),
        () = tokio::time::sleep(delay) => Ok(()),
    }
}

fn pieces(text: &str, chunks: &[String]) -> Vec<String> {
    if chunks.is_empty() { vec![text.to_owned()] } else { chunks.to_vec() }
}

fn cut(text: &str, size: usize) -> Vec<String> {
    if size == 0 {
        return vec![text.to_owned()];
    }
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(size).map(|it| it.iter().collect()).collect()
}

fn last_user_text(request: &ModelRequest) -> String {
    request
        .messages
        .iter()
        .rev()
        .find_map(|it| match &**it {
            AgentMessage::User(it) => Some(it.content.text()),
            _ => None,
        })
        .unwrap_or_default()
}

#[cfg(test)]
#[path = "faux_tests.rs"]
mod tests;
