//! The chunks of a Gemini answer.
//!
//! A chunk has whole parts: text and thoughts come in pieces, calls at once. Nothing says where a block ends; it
//! ends when a part of another kind comes.

use std::sync::Arc;

use pi_core::{builder::MessageBuilder, clock, cost};
use pi_protocol::{Content, Model, StopReason, ThinkingContent};
use serde_json::{Value, json};

use crate::{
    dialect::{self, Mapper},
    http::CallError,
    sse::SseEvent,
};

/// Maps one answer.
pub(super) struct Stream {
    model: Arc<Model>,
    /// The text or thinking block that grows, and whether it is thinking.
    open: Option<(usize, bool)>,
    finish: Option<String>,
    /// Why the prompt itself was refused.
    refused: Option<String>,
    /// Calls that had to be given an id.
    named: u32,
}

impl Stream {
    pub fn new(model: Arc<Model>) -> Self {
        Self { model, open: None, finish: None, refused: None, named: 0 }
    }

    fn usage(&self, builder: &mut MessageBuilder<'_>, usage: &Value) {
        let count = |key: &str| usage[key].as_u64().unwrap_or(0);
        let it = &mut builder.message.usage;
        let thoughts = count("thoughtsTokenCount");
        it.cache_read = count("cachedContentTokenCount");
        it.input = count("promptTokenCount").saturating_sub(it.cache_read);
        it.output = count("candidatesTokenCount") + thoughts;
        it.reasoning = Some(thoughts);
        it.total_tokens = count("totalTokenCount");
        cost::price(&self.model, it);
    }

    fn close(&mut self, builder: &mut MessageBuilder<'_>) {
        if let Some((block, _)) = self.open.take() {
            builder.end(block);
        }
    }

    fn text(&mut self, builder: &mut MessageBuilder<'_>, part: &Value, text: &str) {
        let thought = part["thought"] == true;
        let block = match self.open {
            Some((block, kind)) if kind == thought => block,
            _ => {
                self.close(builder);
                let block = if thought {
                    builder.thinking_start(ThinkingContent::default())
                } else {
                    builder.text_start()
                };
                self.open = Some((block, thought));
                block
            }
        };
        if let Some(signature) = signature(part) {
            match builder.block(block) {
                Some(Content::Text(it)) => it.text_signature = Some(signature),
                Some(Content::Thinking(it)) => it.thinking_signature = Some(signature),
                _ => {}
            }
        }
        builder.delta(block, text);
    }

    fn call(&mut self, builder: &mut MessageBuilder<'_>, part: &Value) {
        self.close(builder);
        let call = &part["functionCall"];
        let name = call["name"].as_str().unwrap_or_default();
        let given = call["id"].as_str().filter(|it| !it.is_empty());
        let id = match given.filter(|id| builder.message.tool_calls().all(|it| it.id != **id)) {
            Some(id) => id.to_owned(),
            None => {
                self.named += 1;
                format!("{name}_{}_{}", clock::now_ms(), self.named)
            }
        };
        let block = builder.tool_start(id, name);
        let args = if call["args"].is_object() { call["args"].to_string() } else { json!({}).to_string() };
        builder.delta(block, &args);
        if let Some(Content::ToolCall(it)) = builder.block(block) {
            it.thought_signature = signature(part);
        }
        builder.end(block);
    }
}

fn signature(part: &Value) -> Option<String> {
    part["thoughtSignature"].as_str().filter(|it| !it.is_empty()).map(Into::into)
}

impl Mapper for Stream {
    fn event(&mut self, builder: &mut MessageBuilder<'_>, event: SseEvent) -> Result<bool, CallError> {
        let json = dialect::json(&event)?;
        if json["error"].is_object() {
            builder.end_all();
            return Err(CallError::Protocol(error(&json["error"])));
        }
        let message = &mut builder.message;
        if message.response_id.is_none() {
            message.response_id = json["responseId"].as_str().filter(|it| !it.is_empty()).map(Into::into);
        }
        if message.response_model.is_none() {
            message.response_model = json["modelVersion"]
                .as_str()
                .filter(|it| !it.is_empty() && *it != self.model.id)
                .map(Into::into);
        }
        if json["usageMetadata"].is_object() {
            self.usage(builder, &json["usageMetadata"]);
        }
        builder.start();
        let candidate = &json["candidates"][0];
        for part in candidate.pointer("/content/parts").and_then(Value::as_array).into_iter().flatten() {
            if let Some(text) = part["text"].as_str() {
                self.text(builder, part, text);
            }
            if part["functionCall"].is_object() {
                self.call(builder, part);
            }
        }
        if let Some(reason) = candidate["finishReason"].as_str() {
            self.finish = Some(reason.to_owned());
            builder.message.raw_stop_reason = Some(reason.to_owned());
        }
        if let Some(reason) = json.pointer("/promptFeedback/blockReason").and_then(Value::as_str) {
            self.refused = Some(reason.to_owned());
        }
        // Usage may still follow the reason.
        Ok(false)
    }

    fn end(&mut self, builder: &mut MessageBuilder<'_>) -> Result<StopReason, CallError> {
        builder.end_all();
        let failed = |text: String| Err(CallError::Protocol(text));
        let calls = builder.message.tool_calls().next().is_some();
        match self.finish.as_deref().or(self.refused.as_deref()) {
            // Calls come whole, so that they can be run even if the limit was reached after them.
            Some("STOP" | "MAX_TOKENS") if calls => Ok(StopReason::ToolUse),
            Some("STOP") => Ok(StopReason::Stop),
            Some("MAX_TOKENS") => Ok(StopReason::Length),
            Some(other) => failed(format!("Provider stopped with: {other}")),
            None => failed("Google stream ended without a finish reason".into()),
        }
    }
}

/// Code and status are what decides about a retry.
fn error(error: &Value) -> String {
    let message = error["message"].as_str().map_or_else(|| error.to_string(), Into::into);
    let code = error["code"].as_u64().map(|it| it.to_string());
    let status = error["status"].as_str().or(error["type"].as_str()).map(Into::into);
    match [code, status].into_iter().flatten().collect::<Vec<String>>().join(" ") {
        head if head.is_empty() => message,
        head => format!("{head}: {message}"),
    }
}
