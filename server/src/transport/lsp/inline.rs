//! `textDocument/inlineCompletion` (LSP 3.18): what to type next, from a fast model, while the user types.
//!
//! Off until `completion.enabled` says otherwise, and not announced before. lsp-types 0.94 does not know it, so the
//! front of tower-lsp takes these requests and adds the capability. One request of a document is asked at a time: a
//! newer one ends it. Nothing of this becomes part of a session; the model gets no tools, and no file that holds
//! secrets or that the user's rules keep from being read.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use lsp_types::{MessageType, Position as LspPosition, TextDocumentIdentifier};
use pi_core::ModelRequest;
use pi_host::{
    settings::Values,
    workspace::{Document, Position, position::to_byte},
};
use pi_protocol::{AssistantMessage, CompletionGauges, StopReason};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Result};

use super::{chat, connection::Connection, documents::file_path};
use crate::{
    failure::{Tries, failure, in_full},
    inline::Gap,
};

/// The request.
pub const METHOD: &str = "textDocument/inlineCompletion";
/// How long a model may take; nobody waits longer for what they would have typed.
const DEADLINE: Duration = Duration::from_secs(10);
/// After a failure nothing is asked for this long: a key that is wrong is still wrong at the next keystroke.
const REST: Duration = Duration::from_secs(30);
/// How long a client may take to register.
const REGISTER_TIME: Duration = Duration::from_secs(10);
/// LSP's code for a request that was cancelled.
const CANCELLED: i64 = -32800;
/// `InlineCompletionTriggerKind`: the user asked for it.
const INVOKED: u64 = 1;

/// The suggestions of one client.
#[derive(Debug, Default)]
pub struct Inline {
    /// The client knows the request.
    supported: AtomicBool,
    /// It can be told of it later.
    dynamic: AtomicBool,
    announced: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By document: the request that is asked.
    asked: HashMap<PathBuf, (Id, CancellationToken)>,
    failed: Option<Instant>,
    gauges: CompletionGauges,
}

impl Inline {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what the client says at `initialize`.
    pub fn initialize(&self, params: Option<&Value>) {
        let said = params.and_then(|it| it.pointer("/capabilities/textDocument/inlineCompletion"));
        self.supported.store(said.is_some_and(Value::is_object), Ordering::Relaxed);
        let dynamic = said.and_then(|it| it.get("dynamicRegistration")).and_then(Value::as_bool);
        self.dynamic.store(dynamic.unwrap_or_default(), Ordering::Relaxed);
    }

    /// Adds the capability to the result of `initialize`, if it is on.
    pub fn announce(&self, connection: &Connection, result: &mut Value) {
        if !self.supported.load(Ordering::Relaxed) || !enabled(&settings(connection, &connection.folder())) {
            return;
        }
        self.announced.store(true, Ordering::Relaxed);
        if let Some(capabilities) = result.get_mut("capabilities").and_then(Value::as_object_mut) {
            capabilities.insert("inlineCompletionProvider".into(), true.into());
        }
    }

    /// What it has cost so far.
    pub fn gauges(&self) -> Option<CompletionGauges> {
        let gauges = self.lock().gauges.clone();
        (gauges.requests > 0).then_some(gauges)
    }

    /// The request with this id is not wanted any more.
    pub fn cancel(&self, id: &Id) {
        self.lock().asked.values().filter(|it| it.0 == *id).for_each(|it| it.1.cancel());
    }

    /// From now on this request is the one of its document; the one before is given up.
    fn begin(&self, path: &Path, id: &Id) -> CancellationToken {
        let token = CancellationToken::new();
        if let Some((_, old)) = self.lock().asked.insert(path.to_owned(), (id.clone(), token.clone())) {
            old.cancel();
        }
        token
    }

    fn end(&self, path: &Path, id: &Id) {
        let mut state = self.lock();
        if state.asked.get(path).is_some_and(|it| it.0 == *id) {
            state.asked.remove(path);
        }
    }

    fn is_newest(&self, path: &Path, id: &Id) -> bool {
        self.lock().asked.get(path).is_some_and(|it| it.0 == *id)
    }

    fn rests(&self) -> bool {
        self.lock().failed.is_some_and(|it| it.elapsed() < REST)
    }

    /// Counts an answer, whatever became of it.
    fn count(&self, answer: &AssistantMessage) {
        let gauges = &mut self.lock().gauges;
        gauges.input_tokens += answer.usage.input + answer.usage.cache_read + answer.usage.cache_write;
        gauges.output_tokens += answer.usage.output;
        gauges.cost += answer.usage.cost.total;
    }
}

/// The settings changed: a client that can be told later is told when it is on.
pub fn settings_changed(connection: &Arc<Connection>) {
    let inline = &connection.inline;
    let can = inline.supported.load(Ordering::Relaxed) && inline.dynamic.load(Ordering::Relaxed);
    if !can || !enabled(&settings(connection, &connection.folder())) {
        return;
    }
    if inline.announced.swap(true, Ordering::Relaxed) {
        return;
    }
    let connection = connection.clone();
    connection.tasks.clone().spawn(async move {
        let registration =
            json!({ "id": METHOD, "method": METHOD, "registerOptions": { "documentSelector": null } });
        let params = json!({ "registrations": [registration] });
        if let Err(error) = connection.client.ask("client/registerCapability", params, REGISTER_TIME).await {
            tracing::warn!(%error, "the client does not take {METHOD}");
            connection.inline.announced.store(false, Ordering::Relaxed);
        }
    });
}

fn settings(connection: &Connection, folder: &Path) -> Arc<Values> {
    connection.hub.compose().settings(folder).values()
}

fn enabled(values: &Values) -> bool {
    values.bool("completion.enabled")
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    text_document: TextDocumentIdentifier,
    position: LspPosition,
    #[serde(default)]
    context: Trigger,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Trigger {
    trigger_kind: u64,
}

/// What is suggested at a place. The text is looked at before anything is waited for; what comes later, when it is
/// another text, is dropped.
pub fn suggest(
    connection: &Arc<Connection>,
    id: &Id,
    params: Option<&Value>,
) -> impl Future<Output = Result<Value>> + Send + use<> {
    let place = place(connection, id, params);
    let (connection, id) = (connection.clone(), id.clone());
    async move {
        let Some(place) = place? else { return Ok(Value::Null) };
        let outcome = tokio::select! {
            outcome = ask(&connection, &place) => Some(outcome),
            () = place.given_up.cancelled() => None,
        };
        let newest = connection.inline.is_newest(&place.document.path, &id);
        connection.inline.end(&place.document.path, &id);
        match outcome {
            Some(Ok(Some(text))) if newest && is_current(&connection, &place) => {
                let range = json!({ "start": place.position, "end": place.position });
                Ok(json!({ "items": [{ "insertText": text, "range": range }] }))
            }
            Some(Ok(_)) => Ok(Value::Null),
            Some(Err(why)) => {
                fail(&connection, &why);
                Ok(Value::Null)
            }
            // A newer one took its place, or the client wants it no more and expects to read so.
            None if !newest => Ok(Value::Null),
            None => Err(Error { code: ErrorCode::from(CANCELLED), message: "cancelled".into(), data: None }),
        }
    }
}

/// Where something is to be suggested.
struct Place {
    document: Document,
    position: LspPosition,
    at: usize,
    invoked: bool,
    values: Arc<Values>,
    given_up: CancellationToken,
}

/// Nothing where nothing is suggested: it is off, or the document must not be sent.
fn place(connection: &Connection, id: &Id, params: Option<&Value>) -> Result<Option<Place>> {
    let params: Params = Params::deserialize(params.unwrap_or(&Value::Null))
        .map_err(|error| Error::invalid_params(format!("{METHOD}: {error}")))?;
    let Some(path) = file_path(&params.text_document.uri) else { return Ok(None) };
    let Some(folder) = connection.folders().containing(&path) else { return Ok(None) };
    let values = settings(connection, &folder);
    if !enabled(&values) || connection.inline.rests() {
        return Ok(None);
    }
    connection.folders().touch(&path);
    let Some(document) = connection.documents.workspace().and_then(|it| it.document(&path)) else {
        return Ok(None);
    };
    let permissions = connection.hub.compose().permissions(&folder);
    if chat::is_ours(&path) || permissions.holds_secrets(&path) || !permissions.may_read(&path) {
        return Ok(None);
    }
    let encoding = connection.capabilities().encoding;
    let place = Position::new(params.position.line, params.position.character);
    let at = to_byte(&document.rope, place, encoding);
    let given_up = connection.inline.begin(&document.path, id);
    let invoked = params.context.trigger_kind == INVOKED;
    Ok(Some(Place { document, position: params.position, at, invoked, values, given_up }))
}

/// Whether the text is still the one that was asked about.
fn is_current(connection: &Connection, place: &Place) -> bool {
    let now = connection.documents.workspace().and_then(|it| it.document(&place.document.path));
    now.is_some_and(|it| it.version == place.document.version && it.rope == place.document.rope)
}

async fn ask(connection: &Arc<Connection>, place: &Place) -> std::result::Result<Option<String>, String> {
    let count = |key| place.values.count(key).unwrap_or_default();
    if !place.invoked {
        tokio::time::sleep(Duration::from_millis(count("completion.debounceMs"))).await;
    }
    let compose = connection.hub.compose();
    let model = compose.completion_model(&place.values).await.map_err(|error| format!("{error:#}"))?;
    let budget = usize::try_from(count("completion.contextBytes")).unwrap_or(usize::MAX);
    let gap = Gap::of(&place.document.rope.to_string(), place.at, budget);
    let request =
        gap.request(model, &place.document.path, &place.document.language, count("completion.maxTokens"));
    let answer = tokio::time::timeout(DEADLINE, stream(connection, request)).await;
    let answer = answer.map_err(|_| format!("no answer within {} s", DEADLINE.as_secs()))?;
    let Some(answer) = answer else { return Ok(None) };
    match answer.stop_reason {
        StopReason::Error => Err(in_full(&failure(&answer, &Tries::default()))),
        StopReason::Aborted => Ok(None),
        reason => Ok(gap.insertion(&answer.text(), reason == StopReason::Length)),
    }
}

/// Stops the model when nobody waits any more.
struct Stop(CancellationToken);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Asks the model in a task of its own: what a request costs that is given up is counted as well.
async fn stream(connection: &Arc<Connection>, request: ModelRequest) -> Option<AssistantMessage> {
    connection.inline.lock().gauges.requests += 1;
    let (connection, stop) = (connection.clone(), Stop(CancellationToken::new()));
    let (cancel, (tx, rx)) = (stop.0.clone(), oneshot::channel());
    tokio::spawn(async move {
        let provider = connection.hub.compose().provider();
        let answer = provider.stream(request, cancel, &mut |_| {}).await;
        connection.inline.count(&answer);
        // Whoever asked may have given up.
        let _gone = tx.send(answer);
    });
    let answer = rx.await.ok();
    drop(stop);
    answer
}

/// Tells the user once, and asks no more for a while.
fn fail(connection: &Connection, why: &str) {
    tracing::warn!("{METHOD}: {why}");
    let first = connection.inline.lock().failed.replace(Instant::now()).is_none();
    if first {
        connection.messages.show(MessageType::WARNING, &format!("No completions for now: {why}"));
    }
}
