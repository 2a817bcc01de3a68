//! What sessions meet in a replay in the place of models, tools and commands: what the recording has, when its turn
//! has come.

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use pi_core::{
    Access, CancellationToken, ExpandError, Expander, ModelRequest, Provider, ProviderEvent, SessionOptions,
    Shell, Tool, ToolContext, ToolError, ToolSpec, builder::MessageFolder,
};
use pi_host::{tools, workspace::Workspace};
use pi_protocol::{AssistantMessage, BashResult, SandboxState, SlashCommand, StopReason, ToolResult};
use serde_json::{Map, Value};
use tokio::sync::{Notify, mpsc, oneshot};

use super::recording::{Part, key};
use crate::{compose::Surround, trace::news};

/// How long something that was stopped still waits for what the recording says about it.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Tools that work on files only.
const FILE_TOOLS: [&str; 7] = ["read", "edit", "write", "hashline_edit", "grep", "find", "ls"];

/// What is done for real.
#[derive(Debug, Clone)]
pub struct Real {
    /// The scratch folder: nothing outside it is touched.
    pub root: PathBuf,
    /// It has the files that the tools work on.
    pub files: bool,
    /// Shell commands are run.
    pub commands: bool,
}

/// A call of a model that waits for its part of the recording.
pub struct Asking {
    /// The session that asks.
    pub session: Arc<str>,
    /// What the model is told.
    pub news: Value,
    part: oneshot::Sender<mpsc::UnboundedReceiver<Part>>,
}

impl Asking {
    /// Gives it a part; what is sent into the other end is what the model says.
    pub fn play(self, steps: mpsc::UnboundedReceiver<Part>) {
        // A call that was stopped needs none.
        let _stopped = self.part.send(steps);
    }
}

#[derive(Default)]
struct State {
    asking: VecDeque<Asking>,
    results: HashMap<String, VecDeque<Value>>,
}

/// The place of everything that is not played for real.
pub struct Stage {
    state: Mutex<State>,
    changed: Notify,
    real: Real,
    expanded: HashMap<String, String>,
    sandbox: Option<SandboxState>,
}

impl Stage {
    /// With these templates expanded and this state of the sandbox.
    pub fn new(real: Real, expanded: HashMap<String, String>, sandbox: Option<SandboxState>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), changed: Notify::new(), real, expanded, sandbox })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on there is this result.
    pub fn release(&self, key: String, result: Value) {
        self.lock().results.entry(key).or_default().push_back(result);
        self.changed.notify_waiters();
    }

    /// Waits for a call of a model, of this session if one is named.
    pub async fn asked(&self, session: Option<&str>) -> Asking {
        self.until(|state| {
            let at = state.asking.iter().position(|it| session.is_none_or(|id| *it.session == *id))?;
            state.asking.remove(at)
        })
        .await
    }

    /// Calls of models that the recording does not have.
    pub fn still_asking(&self) -> usize {
        self.lock().asking.iter().filter(|it| !it.part.is_closed()).count()
    }

    async fn until<T>(&self, mut find: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = find(&mut self.lock()) {
                return found;
            }
            changed.await;
        }
    }

    /// The result under `key`; nothing if it was stopped and the recording does not say how that ended.
    async fn result(&self, key: &str, cancel: &CancellationToken) -> Option<Value> {
        let found = self.until(|state| state.results.get_mut(key)?.pop_front());
        let found = tokio::select! {
            biased;
            found = found => found,
            () = stopped(cancel) => return None,
        };
        if found["error"].as_str().is_some_and(|it| it.ends_with("aborted")) {
            the_stop(cancel).await;
        }
        Some(found)
    }
}

/// Waits for the stop that ended something: the client has said it, and it may still be on its way.
async fn the_stop(cancel: &CancellationToken) {
    let _without = tokio::time::timeout(LAST_WORDS, cancel.cancelled()).await;
}

/// Some time after the stop.
async fn stopped(cancel: &CancellationToken) {
    cancel.cancelled().await;
    tokio::time::sleep(LAST_WORDS).await;
}

/// A recorded result as a result again.
fn decode<T: serde::de::DeserializeOwned>(found: Option<Value>) -> Result<T, String> {
    let Some(mut found) = found else { return Err("Operation aborted".into()) };
    match found.get("error") {
        Some(error) => Err(error.as_str().unwrap_or_default().to_owned()),
        None => serde_json::from_value(found["result"].take())
            .map_err(|error| format!("the recording cannot be read here: {error}")),
    }
}

/// The stage as what surrounds sessions.
pub struct Scenery(pub Arc<Stage>);

impl Surround for Scenery {
    fn provider(&self, _: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(PlayedModel(self.0.clone()))
    }

    fn surround(&self, mut options: SessionOptions, workspace: &Arc<Workspace>) -> SessionOptions {
        let stage = &self.0;
        if !stage.real.commands {
            options.shell = Arc::new(PlayedShell(stage.clone()));
        }
        options.expander = Arc::new(PlayedTemplates { inner: options.expander, stage: stage.clone() });
        let sandbox = stage.sandbox;
        options.sandbox = Arc::new(move || sandbox);
        let played = |inner| {
            let (stage, workspace) = (stage.clone(), workspace.clone());
            Arc::new(PlayedTool { inner, stage, workspace }) as Arc<dyn Tool>
        };
        options.tools = options.tools.into_iter().map(played).collect();
        options
    }
}

struct PlayedModel(Arc<Stage>);

#[async_trait]
impl Provider for PlayedModel {
    async fn stream(
        &self,
        request: ModelRequest,
        cancel: CancellationToken,
        out: &mut (dyn FnMut(ProviderEvent) + Send),
    ) -> AssistantMessage {
        let model = &request.model;
        let mut so_far = AssistantMessage::empty(&*model.api, &*model.provider, &*model.id, 0);
        let (part, steps) = oneshot::channel();
        let news = serde_json::to_value(news(&request.messages)).unwrap_or_default();
        self.0.lock().asking.push_back(Asking { session: request.session_id.clone(), news, part });
        self.0.changed.notify_waiters();
        let steps = tokio::select! {
            steps = steps => steps.ok(),
            () = cancel.cancelled() => None,
        };
        let mut folder = MessageFolder::new(so_far.clone());
        if let Some(mut steps) = steps {
            loop {
                let step = tokio::select! {
                    biased;
                    step = steps.recv() => step,
                    () = stopped(&cancel) => break,
                };
                match step {
                    Some(Part::Start { start }) => {
                        folder = MessageFolder::new((*start).clone());
                        out(ProviderEvent::Start(start));
                    }
                    Some(Part::Update { usage, event }) => {
                        folder.fold(&usage, &event);
                        out(ProviderEvent::Update { usage, event });
                    }
                    Some(Part::Answer { answer }) => {
                        if answer.stop_reason == StopReason::Aborted {
                            the_stop(&cancel).await;
                        }
                        return *answer;
                    }
                    Some(Part::Asked { .. }) => {}
                    // The recording ends before the answer does.
                    None => {
                        cancel.cancelled().await;
                        break;
                    }
                }
            }
        }
        so_far.clone_from(folder.message());
        so_far.stop_reason = StopReason::Aborted;
        so_far.error_message = Some("Request was aborted".into());
        so_far
    }
}

struct PlayedTool {
    inner: Arc<dyn Tool>,
    stage: Arc<Stage>,
    workspace: Arc<Workspace>,
}

impl PlayedTool {
    /// Whether the scratch folder and the open documents have what this call needs.
    fn is_real(&self, args: &Map<String, Value>) -> bool {
        let (real, name) = (&self.stage.real, self.spec().name.as_str());
        if tools::editor::NAMES.contains(&name) {
            // They ask the client, whose answers are in the recording.
            return true;
        }
        if !FILE_TOOLS.contains(&name) {
            return name == "bash" && real.commands;
        }
        let named = args.get("path").and_then(Value::as_str).unwrap_or(".");
        let path = self.workspace.resolve(named);
        if !path.starts_with(&real.root) {
            return false;
        }
        match name {
            "write" => true,
            // These look at more than one file.
            "grep" | "find" | "ls" => real.files,
            _ => real.files || self.workspace.exists(&path),
        }
    }
}

#[async_trait]
impl Tool for PlayedTool {
    fn spec(&self) -> &ToolSpec {
        self.inner.spec()
    }

    fn is_offered(&self) -> bool {
        self.inner.is_offered()
    }

    fn prepare(&self, args: Map<String, Value>) -> Map<String, Value> {
        self.inner.prepare(args)
    }

    fn access(&self, args: &Map<String, Value>) -> Access {
        self.inner.access(args)
    }

    async fn preview(&self, args: &Map<String, Value>) -> Result<Option<String>, ToolError> {
        if self.is_real(args) {
            return self.inner.preview(args).await;
        }
        let (key, never) = (key("preview", &self.spec().name, args), CancellationToken::new());
        decode(self.stage.result(&key, &never).await).map_err(ToolError::new)
    }

    async fn note(&self, session_id: &str) -> Option<String> {
        self.inner.note(session_id).await
    }

    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError> {
        if self.is_real(&call.args) {
            return self.inner.run(call).await;
        }
        let found = self.stage.result(&format!("tool {}", call.call_id), &call.cancel).await;
        decode(found).map_err(ToolError::new)
    }
}

struct PlayedShell(Arc<Stage>);

#[async_trait]
impl Shell for PlayedShell {
    async fn run(
        &self,
        command: &str,
        cancel: CancellationToken,
        _: Arc<dyn Fn(String) + Send + Sync>,
    ) -> Result<BashResult, String> {
        decode(self.0.result(&format!("command {command}"), &cancel).await)
    }
}

struct PlayedTemplates {
    inner: Arc<dyn Expander>,
    stage: Arc<Stage>,
}

impl Expander for PlayedTemplates {
    fn expand(&self, message: &str) -> Result<Option<String>, ExpandError> {
        Ok(self.stage.expanded.get(message).cloned())
    }

    fn commands(&self) -> Vec<SlashCommand> {
        self.inner.commands()
    }
}
