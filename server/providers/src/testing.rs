//! What this crate's tests share: a tiny HTTP server that says what it is told, requests, recorded events.

use std::sync::Arc;

use pi_core::{ModelRequest, Models, Provider, ProviderEvent, ThinkingBudgets, ToolSpec};
use pi_protocol::{AgentMessage, AssistantMessage, Model, ThinkingLevel};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::Notify,
};
use tokio_util::sync::CancellationToken;

use crate::{Registry, RegistryOptions};

/// What the server does with one connection.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub bytes: Vec<u8>,
    /// Keep the connection open in silence until the client goes.
    pub stall: bool,
}

/// A whole answer.
pub(crate) fn answer(status: &str, kind: &str, body: &str) -> Reply {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    Reply { bytes: [head.as_bytes(), body.as_bytes()].concat(), stall: false }
}

/// The start of a stream whose end the client cannot know.
pub(crate) fn half(body: &str, stall: bool) -> Reply {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 1000000\r\n\r\n";
    Reply { bytes: [head.as_bytes(), body.as_bytes()].concat(), stall }
}

/// Serves the replies, one a connection, and returns the base URL.
pub(crate) async fn serve(replies: Vec<Reply>) -> String {
    serve_and_tell(replies).await.0
}

/// Like [`serve`]; also tells when it has sent a reply.
pub(crate) async fn serve_and_tell(replies: Vec<Reply>) -> (String, Arc<Notify>) {
    let sent = Arc::new(Notify::new());
    let tell = sent.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for reply in replies {
            let (mut socket, _) = listener.accept().await.unwrap();
            read_request(&mut socket).await;
            socket.write_all(&reply.bytes).await.unwrap();
            tell.notify_one();
            if reply.stall {
                let mut byte = [0];
                while !matches!(socket.read(&mut byte).await, Ok(0) | Err(_)) {}
            }
        }
    });
    (format!("http://{address}"), sent)
}

async fn read_request(socket: &mut tokio::net::TcpStream) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = socket.read(&mut buffer).await.unwrap();
        request.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).and_then(|it| it.lines().next()?.parse().ok());
            if n == 0 || body.len() >= length.unwrap_or(0) {
                return;
            }
        }
        assert_ne!(n, 0, "the client went before its request was complete");
    }
}

pub(crate) fn model(value: Value) -> Model {
    let mut model = json!({
        "id": "m", "name": "m", "api": "anthropic-messages", "provider": "p", "baseUrl": "http://127.0.0.1:9",
        "reasoning": false, "input": ["text", "image"], "contextWindow": 200000, "maxTokens": 32000,
        "cost": { "input": 3, "output": 15, "cacheRead": 0.3, "cacheWrite": 3.75 },
    });
    model.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
    serde_json::from_value(model).unwrap()
}

pub(crate) fn request(model: Model, messages: Value) -> ModelRequest {
    let messages: Vec<AgentMessage> = serde_json::from_value(messages).unwrap();
    ModelRequest {
        model: Arc::new(model),
        system_prompt: "".into(),
        messages: messages.into_iter().map(Arc::new).collect(),
        tools: Arc::new([]),
        thinking: ThinkingLevel::Off,
        thinking_budgets: ThinkingBudgets::default(),
        max_tokens: None,
        session_id: "session".into(),
        block_images: false,
    }
}

/// What a model is told about a tool.
pub(crate) fn tool() -> ToolSpec {
    ToolSpec {
        name: "read".into(),
        description: "reads".into(),
        parameters: json!({ "type": "object" }),
        summary: String::new(),
        read_only: true,
    }
}

/// A registry and the folder of its files.
pub(crate) struct Loaded(pub Registry, pub tempfile::TempDir);

impl std::ops::Deref for Loaded {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        &self.0
    }
}

/// A registry with one provider `p` of this dialect at `base_url`.
pub(crate) fn registry(api: &str, base_url: &str, options: RegistryOptions) -> Loaded {
    let dir = tempfile::tempdir().unwrap();
    let json = json!({ "providers": { "p": {
        "baseUrl": base_url, "api": api, "apiKey": "key-12345678", "models": [{ "id": "m", "reasoning": true,
        "cost": { "input": 3, "output": 15, "cacheRead": 0.3, "cacheWrite": 3.75 } }],
    } } });
    std::fs::write(dir.path().join("models.json"), json.to_string()).unwrap();
    let (registry, warnings) = Registry::load(dir.path(), options);
    assert!(warnings.is_empty(), "{warnings:?}");
    Loaded(registry, dir)
}

/// Asks and returns the events as JSON, `start` first, and the final message.
pub(crate) async fn ask(registry: &Registry, cancel: &CancellationToken) -> (Vec<Value>, AssistantMessage) {
    let model = registry.find("p", "m").unwrap();
    let request = request((*model).clone(), json!([{ "role": "user", "content": "hi", "timestamp": 1 }]));
    let mut events = Vec::new();
    let message = registry.stream(request, cancel.clone(), &mut |it| events.push(event(it))).await;
    (events, message)
}

/// One event as JSON.
pub(crate) fn event(event: ProviderEvent) -> Value {
    match event {
        ProviderEvent::Start(_) => json!({ "type": "start" }),
        ProviderEvent::Update { event, .. } => serde_json::to_value(event).unwrap(),
    }
}
