//! What reaches a session from elsewhere, recorded beside the messages: answers of models, results of tools and
//! commands, expanded templates. With it `pi replay` needs no key, no network and none of the user's files.
//!
//! Each thing is recorded before the session has it, so that the order of lines is the order of causes.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use pi_core::{
    Access, CancellationToken, ExpandError, Expander, ModelRequest, Provider, ProviderEvent, SessionOptions,
    Shell, Tool, ToolContext, ToolError, ToolSpec,
};
use pi_host::workspace::Workspace;
use pi_protocol::{AgentMessage, AssistantMessage, BashResult, SlashCommand, ToolResult};
use serde_json::{Map, Value, json};

use super::Trace;
use crate::compose::Surround;

impl Surround for Trace {
    fn provider(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Recorded { inner, trace: self.clone() })
    }

    fn surround(&self, mut options: SessionOptions, _: &Arc<Workspace>) -> SessionOptions {
        let model = options.model.as_ref().or(options.default_model.as_ref());
        self.other(
            "session",
            json!({ "id": options.header.id, "model": model, "sandbox": (options.sandbox)() }),
        );
        options.shell = Arc::new(Recorded { inner: options.shell, trace: self.clone() });
        options.expander = Arc::new(Recorded { inner: options.expander, trace: self.clone() });
        let tools = options.tools.into_iter();
        options.tools =
            tools.map(|inner| Arc::new(Recorded { inner, trace: self.clone() }) as Arc<dyn Tool>).collect();
        options
    }
}

struct Recorded<T> {
    inner: T,
    trace: Trace,
}

/// What the model is told that it was not told before: everything after its last answer.
pub fn news(messages: &[Arc<AgentMessage>]) -> &[Arc<AgentMessage>] {
    let last = messages.iter().rposition(|it| it.as_assistant().is_some());
    &messages[last.map_or(0, |it| it + 1)..]
}

#[async_trait]
impl Provider for Recorded<Arc<dyn Provider>> {
    async fn stream(
        &self,
        request: ModelRequest,
        cancel: CancellationToken,
        out: &mut (dyn FnMut(ProviderEvent) + Send),
    ) -> AssistantMessage {
        static CALLS: AtomicU64 = AtomicU64::new(1);
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let said = |fields: Value| {
            let mut line = Map::from_iter([("call".to_owned(), json!(call))]);
            if let Value::Object(fields) = fields {
                line.extend(fields);
            }
            self.trace.other("model", Value::Object(line));
        };
        said(
            json!({ "session": request.session_id, "model": request.model.key(), "about": request.model, "news": news(&request.messages) }),
        );
        let mut record = |event: ProviderEvent| {
            said(match &event {
                ProviderEvent::Start(message) => json!({ "start": message }),
                ProviderEvent::Update { usage, event } => json!({ "usage": usage, "event": event }),
            });
            out(event);
        };
        let answer = self.inner.stream(request, cancel, &mut record).await;
        said(json!({ "answer": answer }));
        answer
    }
}

#[async_trait]
impl Tool for Recorded<Arc<dyn Tool>> {
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
        let preview = self.inner.preview(args).await;
        self.trace.other(
            "preview",
            match &preview {
                Ok(diff) => json!({ "name": self.spec().name, "args": args, "result": diff }),
                Err(error) => json!({ "name": self.spec().name, "args": args, "error": error.text }),
            },
        );
        preview
    }

    async fn note(&self, session_id: &str) -> Option<String> {
        self.inner.note(session_id).await
    }

    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError> {
        let id = call.call_id.clone();
        let result = self.inner.run(call).await;
        self.trace.other(
            "tool",
            match &result {
                Ok(result) => json!({ "id": id, "name": self.spec().name, "result": result }),
                Err(error) => json!({ "id": id, "name": self.spec().name, "error": error.text }),
            },
        );
        result
    }
}

#[async_trait]
impl Shell for Recorded<Arc<dyn Shell>> {
    async fn run(
        &self,
        command: &str,
        cancel: CancellationToken,
        on_output: Arc<dyn Fn(String) + Send + Sync>,
    ) -> Result<BashResult, String> {
        let result = self.inner.run(command, cancel, on_output).await;
        self.trace.other(
            "command",
            match &result {
                Ok(result) => json!({ "command": command, "result": result }),
                Err(error) => json!({ "command": command, "error": error }),
            },
        );
        result
    }
}

impl Expander for Recorded<Arc<dyn Expander>> {
    fn expand(&self, message: &str) -> Result<Option<String>, ExpandError> {
        let expanded = self.inner.expand(message);
        if let Ok(Some(text)) = &expanded {
            self.trace.other("expanded", json!({ "message": message, "text": text }));
        }
        expanded
    }

    fn commands(&self) -> Vec<SlashCommand> {
        self.inner.commands()
    }
}
