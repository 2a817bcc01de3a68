//! What every wire dialect does the same way: one call, its events into a message, its end into a final message.
//!
//! A dialect only builds the request and maps events; time, cancellation and failure are handled here once.

use pi_core::{CancellationToken, ModelRequest, ProviderEvent, builder::MessageBuilder, clock};
use pi_protocol::{AssistantMessage, StopReason};

use crate::{
    http::{self, CallError, Http, Post},
    sse::SseEvent,
    transform::Turn,
};

/// How a provider is told who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// An API key, sent the way the dialect sends keys.
    Key(String),
    /// Sent as `Authorization: Bearer`.
    Bearer(String),
    /// Nothing to send: a server that asks for no key.
    Keyless,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key(***)",
            Self::Bearer(_) => "Bearer(***)",
            Self::Keyless => "Keyless",
        })
    }
}

/// What the registry resolved for one call.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub credential: Credential,
    /// Headers of the provider and the model, resolved; they win over the dialect's.
    pub headers: Vec<(String, String)>,
}

/// Maps the events of one answer.
pub(crate) trait Mapper: Send {
    /// Takes in one event. `true` = the answer is complete.
    fn event(&mut self, builder: &mut MessageBuilder<'_>, event: SseEvent) -> Result<bool, CallError>;

    /// The caller stopped the stream. Its blocks stay open, except where Pi ends them.
    fn stopped(&mut self, _builder: &mut MessageBuilder<'_>) {}

    /// The stream is over: why the answer ended, or that it was cut.
    fn end(&mut self, builder: &mut MessageBuilder<'_>) -> Result<StopReason, CallError>;
}

/// Sends `post` and maps the answer.
pub(crate) async fn run(
    http: &Http,
    request: &ModelRequest,
    post: Post,
    mut mapper: impl Mapper,
    cancel: &CancellationToken,
    out: &mut (dyn FnMut(ProviderEvent) + Send),
) -> AssistantMessage {
    let mut builder = MessageBuilder::new(blank(request), out);
    let streamed = http.stream(post, cancel, &mut |event| mapper.event(&mut builder, event)).await;
    if matches!(streamed, Err(CallError::Aborted)) {
        mapper.stopped(&mut builder);
    }
    let stop = streamed.and_then(|()| mapper.end(&mut builder));
    match stop {
        Ok(reason) if !cancel.is_cancelled() => {
            builder.start();
            builder.end_all();
            builder.message.stop_reason = reason;
            builder.finish()
        }
        Ok(_) => fail(builder.finish(), CallError::Aborted),
        Err(error) => fail(builder.finish(), error),
    }
}

/// The message before its first byte.
pub(crate) fn blank(request: &ModelRequest) -> AssistantMessage {
    let model = &request.model;
    AssistantMessage::empty(&model.api, &model.provider, &model.id, clock::now_ms())
}

/// The message of a call that failed, with what had arrived.
pub(crate) fn fail(mut message: AssistantMessage, error: CallError) -> AssistantMessage {
    message.stop_reason = match error {
        CallError::Aborted => StopReason::Aborted,
        _ => StopReason::Error,
    };
    message.error_message = Some(error.to_string());
    message
}

/// Reads the JSON of an event.
pub(crate) fn json(event: &SseEvent) -> Result<serde_json::Value, CallError> {
    serde_json::from_str(&event.data).map_err(|error| {
        CallError::Protocol(format!(
            "the server sent malformed JSON: {error}; data={}",
            http::beginning(&event.data, 200)
        ))
    })
}

/// How long a provider may keep the prompt for the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheRetention {
    None,
    Short,
    Long,
}

impl CacheRetention {
    /// `PI_CACHE_RETENTION` = `none` or `long`, else short.
    pub fn from_env() -> Self {
        match std::env::var("PI_CACHE_RETENTION").as_deref() {
            Ok("none") => Self::None,
            Ok("long") => Self::Long,
            _ => Self::Short,
        }
    }
}

/// Room kept free between the estimated prompt and the context limit, in tokens.
const MARGIN: u64 = 4096;
/// Output limit when neither caller nor model say less.
const DEFAULT_MAX_TOKENS: u64 = 32_000;

/// The output limit to send: the caller's or the model's, cut to what the context leaves. `None` = unknown.
pub(crate) fn max_tokens(request: &ModelRequest, turns: &[Turn<'_>], thinking_budget: u64) -> Option<u64> {
    let model = &request.model;
    let model_limit = (model.max_tokens > 0).then_some(model.max_tokens);
    let base = request.max_tokens.or(model_limit.map(|it| it.min(DEFAULT_MAX_TOKENS)))?;
    let mut wanted = base + thinking_budget;
    if let Some(limit) = model_limit {
        wanted = wanted.min(limit);
    }
    if model.context_window > 0 {
        let used = estimate_tokens(request, turns);
        wanted = wanted.min(model.context_window.saturating_sub(used + MARGIN).max(1));
    }
    Some(wanted)
}

/// Roughly how long the prompt is: four bytes a token, an image like 1200.
fn estimate_tokens(request: &ModelRequest, turns: &[Turn<'_>]) -> u64 {
    let tools: usize =
        request.tools.iter().map(|it| it.description.len() + it.parameters.to_string().len()).sum();
    let turns: usize = turns.iter().map(Turn::weight).sum();
    ((request.system_prompt.len() + tools + turns) / 4) as u64
}

/// Adds headers, the later ones winning whatever their case.
pub(crate) fn merge_headers(base: Vec<(String, String)>, over: &[(String, String)]) -> Vec<(String, String)> {
    let mut all = base;
    for (name, value) in over {
        all.retain(|(it, _)| !it.eq_ignore_ascii_case(name));
        all.push((name.clone(), value.clone()));
    }
    all
}

/// `base` + `path`, whether or not `base` ends with a slash.
pub(crate) fn join_url(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}
