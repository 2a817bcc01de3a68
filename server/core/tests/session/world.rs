//! A session with everything around it replaced by scripts.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use pi_core::{
    Answers, CancellationToken, Delivery, EventQueue, ExpandError, Expander, ModelRequest, Models,
    PermissionQuery, Permissions, Provider, ProviderEvent, RuleScope, ScopedModel, SessionHandle,
    SessionOptions, SessionSettings, SessionStore, SettingChange, Settings, Shell, StoreError, Tool,
    ToolContext, ToolError, ToolSpec, Verdict, builder::MessageBuilder, session::Command,
};
use pi_protocol::*;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// What the scripted model does in one call.
pub enum Step {
    /// Says this text.
    Say(&'static str),
    /// Says this text; the provider counts this many tokens in all.
    Count(&'static str, u64),
    /// Runs into the output limit after this text; the provider counts this many tokens in all.
    Cut(&'static str, u64),
    /// Waits for [`Script::release`], then says this text.
    Wait(&'static str),
    /// Calls these tools: id, name, arguments.
    Call(Vec<(&'static str, &'static str, Value)>),
    /// Calls `echo`; the provider counts this many tokens in all.
    CountCall(&'static str, u64),
    /// Calls a tool but runs into the output limit.
    CutCall(&'static str, &'static str),
    /// Fails before anything arrives.
    Fail(&'static str),
    /// Says something, then waits until it is stopped.
    Hang(&'static str),
    /// Says something, then never returns, whatever happens.
    Stuck,
    /// Has a bug.
    Panic,
}

pub struct Script {
    steps: Mutex<VecDeque<Step>>,
    pub requests: Mutex<Vec<ModelRequest>>,
    pub release: Notify,
}

impl Script {
    /// What the model does after what it was told already.
    pub fn push(&self, steps: Vec<Step>) {
        self.steps.lock().unwrap().extend(steps);
    }
}

#[async_trait]
impl Provider for Script {
    async fn stream(
        &self,
        request: ModelRequest,
        cancel: CancellationToken,
        out: &mut (dyn FnMut(ProviderEvent) + Send),
    ) -> AssistantMessage {
        self.requests.lock().unwrap().push(request);
        let step = self.steps.lock().unwrap().pop_front().expect("the script has another step");
        let mut builder = MessageBuilder::new(AssistantMessage::empty("api", "p", "m", 1), out);
        let say = |builder: &mut MessageBuilder<'_>, text: &str| {
            let block = builder.text_start();
            builder.delta(block, text);
        };
        match step {
            Step::Say(text) => {
                say(&mut builder, text);
                builder.end_all();
            }
            Step::Wait(text) => {
                self.release.notified().await;
                say(&mut builder, text);
                builder.end_all();
            }
            Step::Count(text, tokens) => {
                say(&mut builder, text);
                builder.end_all();
                builder.message.usage.total_tokens = tokens;
            }
            Step::Cut(text, tokens) => {
                say(&mut builder, text);
                builder.end_all();
                builder.message.usage.total_tokens = tokens;
                builder.message.stop_reason = StopReason::Length;
            }
            Step::Call(calls) => {
                for (id, name, args) in calls {
                    let block = builder.tool_start(id, name);
                    builder.delta(block, &args.to_string());
                }
                builder.end_all();
                builder.message.stop_reason = StopReason::ToolUse;
            }
            Step::CountCall(id, tokens) => {
                builder.tool_start(id, "echo");
                builder.end_all();
                builder.message.usage.total_tokens = tokens;
                builder.message.stop_reason = StopReason::ToolUse;
            }
            Step::CutCall(id, name) => {
                let block = builder.tool_start(id, name);
                builder.delta(block, "{\"a");
                builder.end_all();
                builder.message.stop_reason = StopReason::Length;
            }
            Step::Fail(error) => {
                builder.message.stop_reason = StopReason::Error;
                builder.message.error_message = Some(error.into());
            }
            Step::Hang(text) => {
                say(&mut builder, text);
                cancel.cancelled().await;
                builder.message.stop_reason = StopReason::Aborted;
                builder.message.error_message = Some("Request was aborted.".into());
            }
            Step::Stuck => {
                say(&mut builder, "stuck");
                std::future::pending::<()>().await;
            }
            Step::Panic => panic!("a bug in the provider"),
        }
        builder.finish()
    }
}

/// Tools: `echo` answers, `gate` waits for [`World::gate`], `boom` panics, `deaf` ignores the stop,
/// `peek` only reads.
struct Scripted {
    spec: ToolSpec,
    gate: Arc<Notify>,
    started: Arc<Notify>,
}

#[async_trait]
impl Tool for Scripted {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError> {
        match self.spec.name.as_str() {
            "gate" => {
                (call.update)(ToolResult::text("half"));
                self.started.notify_one();
                tokio::select! {
                    () = self.gate.notified() => Ok(ToolResult::text("opened")),
                    () = call.cancel.cancelled() => Err(ToolError::aborted()),
                }
            }
            "deaf" => {
                self.started.notify_one();
                std::future::pending().await
            }
            "boom" => panic!("a bug in the tool"),
            _ => Ok(ToolResult::text(format!("{}", Value::Object(call.args)))),
        }
    }
}

pub type Watcher = Box<dyn FnMut(&Entry) + Send>;

#[derive(Default)]
pub struct MemoryStore {
    pub entries: Vec<Entry>,
    pub broken: bool,
    /// Called before each entry is kept.
    pub writing: Option<Watcher>,
}

struct SharedStore(Arc<Mutex<MemoryStore>>);

impl SessionStore for SharedStore {
    fn file(&self) -> Option<String> {
        None
    }

    fn append(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let mut store = self.0.lock().unwrap();
        if let Some(writing) = &mut store.writing {
            writing(entry);
        }
        store.entries.push(entry.clone());
        if store.broken { Err(StoreError("the disk is full".into())) } else { Ok(()) }
    }
}

struct OneModel(Arc<Model>);

impl Models for OneModel {
    fn available(&self) -> Vec<Arc<Model>> {
        vec![self.0.clone()]
    }

    fn find(&self, provider: &str, id: &str) -> Option<Arc<Model>> {
        (self.0.provider == provider && self.0.id == id).then(|| self.0.clone())
    }

    fn has_auth(&self, _model: &Model) -> bool {
        true
    }
}

struct MemorySettings(Mutex<SessionSettings>);

impl Settings for MemorySettings {
    fn current(&self) -> SessionSettings {
        self.0.lock().unwrap().clone()
    }

    fn change(&self, change: SettingChange) -> Result<(), String> {
        let mut settings = self.0.lock().unwrap();
        match change {
            SettingChange::SteeringMode(it) => settings.steering_mode = it,
            SettingChange::FollowUpMode(it) => settings.follow_up_mode = it,
            SettingChange::RetryEnabled(it) => settings.retry.enabled = it,
            SettingChange::CompactionEnabled(it) => settings.auto_compaction = it,
        }
        Ok(())
    }
}

struct EchoShell;

#[async_trait]
impl Shell for EchoShell {
    async fn run(
        &self,
        command: &str,
        cancel: CancellationToken,
        on_output: Arc<dyn Fn(String) + Send + Sync>,
    ) -> Result<BashResult, String> {
        if command == "wait" {
            cancel.cancelled().await;
            return Ok(BashResult { cancelled: true, ..BashResult::default() });
        }
        on_output(command.to_owned());
        Ok(BashResult { output: command.to_owned(), exit_code: Some(0), ..BashResult::default() })
    }
}

/// Knows `/twice x` and `/broken`.
struct Twice;

impl Expander for Twice {
    fn expand(&self, message: &str) -> Result<Option<String>, ExpandError> {
        if message == "/broken" {
            let error = "it is gone".into();
            return Err(ExpandError { path: "/skills/broken".into(), event: "skill_expansion", error });
        }
        Ok(message.strip_prefix("/twice ").map(|it| format!("{it} {it}")))
    }

    fn commands(&self) -> Vec<SlashCommand> {
        Vec::new()
    }
}

/// Asks for each call of the tools in `asks`, unless a rule with the tool's name was stored; allows all others.
#[derive(Default)]
pub struct Asking {
    pub asks: Mutex<Vec<&'static str>>,
    pub rules: Mutex<Vec<(String, RuleScope)>>,
    pub queries: Mutex<Vec<PermissionQuery>>,
    mode: Mutex<PermissionMode>,
    review: Mutex<ReviewMode>,
}

#[async_trait]
impl Permissions for Asking {
    fn mode(&self) -> PermissionMode {
        *self.mode.lock().unwrap()
    }

    fn set_mode(&self, mode: PermissionMode) {
        *self.mode.lock().unwrap() = mode;
    }

    fn review(&self) -> ReviewMode {
        *self.review.lock().unwrap()
    }

    fn set_review(&self, mode: ReviewMode) {
        *self.review.lock().unwrap() = mode;
    }

    async fn check(&self, query: PermissionQuery) -> Verdict {
        let tool = query.tool.clone();
        self.queries.lock().unwrap().push(query);
        let stored = self.rules.lock().unwrap().iter().any(|(rule, _)| *rule == tool);
        if stored || !self.asks.lock().unwrap().contains(&tool.as_str()) {
            return Verdict::Allow;
        }
        let option = |id, label: &str, rules| PermissionOption { id, label: label.to_owned(), rules };
        Verdict::Ask(Box::new(PermissionRequest {
            tool_call_id: "c1".into(),
            text: format!("May {tool}\u{202e} run?"),
            choices: vec![
                option(PermissionChoice::AllowOnce, "Allow once", vec![]),
                option(PermissionChoice::AllowSession, "Allow in this chat", vec![tool.clone()]),
                option(PermissionChoice::AllowProject, "Always", vec![tool.clone()]),
                option(PermissionChoice::Reject, "Reject", vec![]),
                option(PermissionChoice::RejectStop, "Reject and stop", vec![]),
                option(PermissionChoice::RejectMessage, "Reject and say why…", vec![]),
            ],
            tool,
            ..PermissionRequest::default()
        }))
    }

    fn remember(&self, rules: &[String], scope: RuleScope) -> Result<(), String> {
        self.rules.lock().unwrap().extend(rules.iter().map(|it| (it.clone(), scope)));
        if scope == RuleScope::Project { Err("the disk is full".into()) } else { Ok(()) }
    }

    fn nobody_to_ask(&self, request: &PermissionRequest) -> String {
        format!("nobody to ask about {}", request.tool)
    }
}

pub struct World {
    pub session: SessionHandle,
    pub queue: EventQueue,
    pub script: Arc<Script>,
    pub store: Arc<Mutex<MemoryStore>>,
    pub gate: Arc<Notify>,
    pub started: Arc<Notify>,
    pub permissions: Arc<Asking>,
    /// The model that is found when one is looked for.
    pub later: Arc<Mutex<Option<ScopedModel>>>,
    /// Events taken so far, as JSON.
    pub events: Vec<Value>,
}

pub fn model() -> Arc<Model> {
    Arc::new(
        serde_json::from_value(json!({
            "id": "m", "name": "M", "api": "api", "provider": "p", "baseUrl": "", "reasoning": true,
            "input": ["text"], "cost": {}, "contextWindow": 1000, "maxTokens": 100,
        }))
        .unwrap(),
    )
}

impl World {
    pub async fn new(steps: Vec<Step>) -> Self {
        Self::with(steps, SessionSettings::default(), Vec::new(), Some(model())).await
    }

    /// With these models to cycle through.
    pub async fn scoped(scope: Vec<ScopedModel>) -> Self {
        Self::open(Vec::new(), SessionSettings::default(), Vec::new(), Some(model()), scope).await
    }

    pub async fn with(
        steps: Vec<Step>,
        settings: SessionSettings,
        entries: Vec<Entry>,
        model: Option<Arc<Model>>,
    ) -> Self {
        Self::open(steps, settings, entries, model, Vec::new()).await
    }

    async fn open(
        steps: Vec<Step>,
        settings: SessionSettings,
        entries: Vec<Entry>,
        model: Option<Arc<Model>>,
        scope: Vec<ScopedModel>,
    ) -> Self {
        let script = Arc::new(Script {
            steps: Mutex::new(steps.into()),
            requests: Mutex::default(),
            release: Notify::new(),
        });
        let (gate, started) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let store = Arc::new(Mutex::new(MemoryStore::default()));
        let tools = [("echo", false), ("gate", false), ("boom", false), ("deaf", false), ("peek", true)].map(
            |(name, read_only)| {
                Arc::new(Scripted {
                    spec: ToolSpec {
                        name: name.into(),
                        description: String::new(),
                        parameters: json!({"type": "object", "properties": {"n": {"type": "number"}}}),
                        summary: String::new(),
                        read_only,
                    },
                    gate: gate.clone(),
                    started: started.clone(),
                }) as Arc<dyn Tool>
            },
        );
        let permissions = Arc::new(Asking::default());
        let later: Arc<Mutex<Option<ScopedModel>>> = Arc::default();
        let found = later.clone();
        let session = SessionHandle::spawn(SessionOptions {
            header: serde_json::from_value(
                json!({"type": "session", "version": 3, "id": "s1", "timestamp": "t", "cwd": "/"}),
            )
            .unwrap(),
            entries,
            store: Box::new(SharedStore(store.clone())),
            models: Arc::new(OneModel(self::model())),
            provider: script.clone(),
            tools: tools.to_vec(),
            shell: Arc::new(EchoShell),
            settings: Arc::new(MemorySettings(Mutex::new(settings))),
            permissions: permissions.clone(),
            expander: Arc::new(Twice),
            model: None,
            default_model: model,
            find_model: Arc::new(move || {
                let found = found.clone();
                Box::pin(async move {
                    // What else is sent meanwhile has its time.
                    tokio::task::yield_now().await;
                    found.lock().unwrap().clone()
                })
            }),
            scope,
            thinking: None,
            system_prompt: "system".into(),
            sandbox: Arc::new(|| None),
            notices: Vec::new(),
        });
        let queue = EventQueue::answering(Answers::ALL);
        session.ask(|reply| Command::Subscribe(queue.clone(), reply)).await.unwrap();
        Self { session, queue, script, store, gate, started, permissions, later, events: Vec::new() }
    }

    pub async fn prompt(&self, text: &str) -> PromptAccepted {
        let params = PromptParams { message: text.into(), ..PromptParams::default() };
        self.session.ask(|reply| Command::Prompt(params, reply)).await.unwrap()
    }

    pub async fn steer(&self, text: &str) {
        let params = QueueParams { message: text.into(), ..QueueParams::default() };
        self.session.ask(|reply| Command::Steer(params, reply)).await.unwrap();
    }

    pub async fn follow_up(&self, text: &str) {
        let params = QueueParams { message: text.into(), ..QueueParams::default() };
        self.session.ask(|reply| Command::FollowUp(params, reply)).await.unwrap();
    }

    /// Takes the next event.
    pub async fn event(&mut self) -> Value {
        let it = loop {
            match self.queue.next().await {
                Some(Delivery::Event(it)) => break it,
                Some(Delivery::Activity(_)) => {}
                Some(Delivery::Raw(_)) | None => panic!("the session ended"),
            }
        };
        let event = serde_json::to_value(&*it.event).unwrap();
        self.events.push(event.clone());
        event
    }

    /// Takes events up to the first of this type.
    pub async fn until(&mut self, kind: &str) -> Value {
        loop {
            let event = self.event().await;
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// One line per event so far, without deltas.
    pub fn story(&self) -> Vec<String> {
        self.events.iter().filter_map(line).collect()
    }

    /// Role and text of each message of the `n`th request.
    pub fn request(&self, n: usize) -> Vec<String> {
        let requests = self.script.requests.lock().unwrap();
        requests[n].messages.iter().map(|it| said(&serde_json::to_value(&**it).unwrap())).collect()
    }
}

fn said(message: &Value) -> String {
    let texts: Vec<String> = message["content"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| match it["type"].as_str() {
            Some("toolCall") => format!("call {}", it["id"].as_str().unwrap()),
            _ => it["text"].as_str().unwrap_or("?").to_owned(),
        })
        .collect();
    let mut text = format!("{} {}", message["role"].as_str().unwrap(), texts.join("|"));
    for key in ["stopReason", "output"] {
        match message[key].as_str() {
            Some(it @ ("error" | "aborted")) => text.push_str(&format!(" ({it})")),
            Some(it) if key == "output" => text.push_str(it),
            _ => {}
        }
    }
    text
}

fn line(event: &Value) -> Option<String> {
    let kind = event["type"].as_str().unwrap();
    Some(match kind {
        "message_update" | "message_start" => return None,
        "message_end" => said(&event["message"]),
        "tool_execution_start" => format!("> {}", event["toolCallId"].as_str().unwrap()),
        "tool_execution_end" => format!(
            "< {} {}{}",
            event["toolCallId"].as_str().unwrap(),
            event["result"]["content"][0]["text"].as_str().unwrap(),
            if event["isError"] == true { " (error)" } else { "" },
        ),
        "tool_execution_update" => format!("~ {}", event["toolCallId"].as_str().unwrap()),
        "queue_update" => format!("queue {} {}", event["steering"], event["followUp"]),
        "agent_end" => format!("agent_end {}", event["willRetry"]),
        "auto_retry_start" => format!("retry {} in {}", event["attempt"], event["delayMs"]),
        "auto_retry_end" => format!("retried {} {}", event["success"], event["finalError"]),
        "extension_error" => format!("{} {}: {}", event["event"], event["extensionPath"], event["error"]),
        "compaction_start" => format!("compact {}", event["reason"].as_str().unwrap()),
        "compaction_end" => {
            let outcome = [("summary", &event["result"]["summary"]), ("error", &event["errorMessage"])]
                .iter()
                .find_map(|(what, it)| it.as_str().map(|it| format!("{what}: {it}")));
            format!(
                "compacted {}{}{}",
                outcome.unwrap_or_else(|| "nothing".to_owned()),
                if event["aborted"] == true { " (aborted)" } else { "" },
                if event["willRetry"] == true { " (again)" } else { "" },
            )
        }
        "permission_request" => format!("? {}", event["tool"].as_str().unwrap()),
        "permission_resolved" => format!("! {}", event["decision"].as_str().unwrap()),
        "extension_ui_request" => format!("ui {}", event["method"].as_str().unwrap()),
        "notice" => format!("notice {}", event["message"].as_str().unwrap()),
        other => other.to_owned(),
    })
}
