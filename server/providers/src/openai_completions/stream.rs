//! The chunks of a Chat Completions answer.
//!
//! Chunks do not say where a block ends; it ends when another one begins. Pieces of several calls may arrive in
//! turn: what comes for a call that has ended goes into the final message without an event.

use std::sync::Arc;

use pi_core::{builder::MessageBuilder, clock, cost};
use pi_protocol::{Content, Model, StopReason, ThinkingContent};
use serde_json::Value;

use super::request::REASONING_FIELDS;
use crate::{
    dialect::{self, Mapper},
    http::CallError,
    sse::SseEvent,
};

/// The block that the next piece of its kind belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Open {
    Text(usize),
    Thinking(usize),
    Call(usize),
}

/// A call that has begun, under the names by which later pieces may find it.
struct Call {
    block: usize,
    index: Option<u64>,
    id: String,
}

/// Maps one answer.
pub(super) struct Stream {
    model: Arc<Model>,
    needs_finish: bool,
    open: Option<Open>,
    calls: Vec<Call>,
    finish: Option<String>,
    details: Vec<Value>,
}

impl Stream {
    pub fn new(model: Arc<Model>, needs_finish: bool) -> Self {
        Self { model, needs_finish, open: None, calls: Vec::new(), finish: None, details: Vec::new() }
    }

    fn usage(&self, builder: &mut MessageBuilder<'_>, usage: &Value) {
        let count = |path: &str| usage.pointer(path).and_then(Value::as_u64);
        let it = &mut builder.message.usage;
        it.cache_read =
            count("/prompt_tokens_details/cached_tokens").or(count("/prompt_cache_hit_tokens")).unwrap_or(0);
        it.cache_write = count("/prompt_tokens_details/cache_write_tokens").unwrap_or(0);
        it.input = count("/prompt_tokens").unwrap_or(0).saturating_sub(it.cache_read + it.cache_write);
        it.output = count("/completion_tokens").unwrap_or(0);
        it.reasoning = Some(count("/completion_tokens_details/reasoning_tokens").unwrap_or(0));
        it.total_tokens = it.input + it.output + it.cache_read + it.cache_write;
        cost::price(&self.model, it);
    }

    fn text(&mut self, builder: &mut MessageBuilder<'_>, delta: &str) {
        let block = match self.open {
            Some(Open::Text(it)) => it,
            _ => {
                builder.end_all();
                let it = builder.text_start();
                self.open = Some(Open::Text(it));
                it
            }
        };
        builder.delta(block, delta);
    }

    fn thinking(&mut self, builder: &mut MessageBuilder<'_>, field: &str, delta: &str) {
        let block = match self.open {
            Some(Open::Thinking(it)) => it,
            _ => {
                builder.end_all();
                let it = builder.thinking_start(ThinkingContent {
                    thinking_signature: Some(field.to_owned()),
                    ..Default::default()
                });
                self.open = Some(Open::Thinking(it));
                it
            }
        };
        builder.delta(block, delta);
    }

    fn call(&mut self, builder: &mut MessageBuilder<'_>, delta: &Value) {
        let id = delta["id"].as_str().unwrap_or_default();
        let name = delta.pointer("/function/name").and_then(Value::as_str).unwrap_or_default();
        let index = delta["index"].as_u64();
        let known = match index {
            Some(_) => self.calls.iter().rev().find(|it| it.index == index && (id.is_empty() || id == it.id)),
            // No number: by its id, or it goes on with the call before.
            None if id.is_empty() => self.calls.last().filter(|it| self.open == Some(Open::Call(it.block))),
            None => self.calls.iter().rev().find(|it| it.id == id),
        };
        let block = match known {
            Some(call) => {
                let block = call.block;
                if let Some(Content::ToolCall(call)) = builder.block(block) {
                    if call.name.is_empty() {
                        name.clone_into(&mut call.name);
                    }
                }
                block
            }
            None => {
                // Some local servers give no ids; results need one.
                let id = match id {
                    "" => format!("call_{:x}_{}", clock::now_ms(), builder.message.content.len()),
                    id => id.to_owned(),
                };
                builder.end_all();
                let block = builder.tool_start(id.clone(), name);
                self.calls.push(Call { block, index, id });
                self.open = Some(Open::Call(block));
                block
            }
        };
        let arguments = match delta.pointer("/function/arguments") {
            Some(Value::String(it)) if !it.is_empty() => it.clone(),
            // Against the standard, but the meaning is clear.
            Some(it @ Value::Object(_)) => it.to_string(),
            _ => return,
        };
        if self.open == Some(Open::Call(block)) {
            builder.delta(block, &arguments);
        } else {
            builder.amend(block, &arguments);
        }
    }
}

impl Mapper for Stream {
    fn event(&mut self, builder: &mut MessageBuilder<'_>, event: SseEvent) -> Result<bool, CallError> {
        if event.data.trim() == "[DONE]" {
            return Ok(true);
        }
        let chunk = dialect::json(&event)?;
        if let Some(error) = chunk.get("error").filter(|it| !it.is_null()) {
            let mut text = error["message"].as_str().map_or_else(|| error.to_string(), Into::into);
            if let Some(kind) = error["type"].as_str().or(error["code"].as_str()) {
                text = format!("{kind}: {text}");
            }
            if let Some(raw) = error.pointer("/metadata/raw").and_then(Value::as_str) {
                text = format!("{text}\n{raw}");
            }
            return Err(CallError::Protocol(text));
        }
        let message = &mut builder.message;
        if message.response_id.is_none() {
            message.response_id = chunk["id"].as_str().filter(|it| !it.is_empty()).map(Into::into);
        }
        if message.response_model.is_none() {
            message.response_model =
                chunk["model"].as_str().filter(|it| !it.is_empty() && *it != self.model.id).map(Into::into);
        }
        let choice = &chunk["choices"][0];
        if let Some(usage) = [&chunk["usage"], &choice["usage"]].into_iter().find(|it| it.is_object()) {
            self.usage(builder, usage);
        }
        builder.start();
        let delta = &choice["delta"];
        let given = |field: &str| delta[field].as_str().filter(|it| !it.is_empty());
        if let Some(text) = given("content") {
            self.text(builder, text);
        }
        if let Some((field, text)) = REASONING_FIELDS.iter().find_map(|it| Some((*it, given(it)?))) {
            self.thinking(builder, field, text);
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            self.call(builder, call);
        }
        self.details.extend(delta["reasoning_details"].as_array().into_iter().flatten().cloned());
        if let Some(reason) = choice["finish_reason"].as_str().filter(|it| !it.is_empty()) {
            self.finish = Some(reason.to_owned());
            builder.message.raw_stop_reason = Some(reason.to_owned());
        }
        Ok(false)
    }

    fn stopped(&mut self, builder: &mut MessageBuilder<'_>) {
        builder.end_all();
    }

    fn end(&mut self, builder: &mut MessageBuilder<'_>) -> Result<StopReason, CallError> {
        builder.end_all();
        keep_details(builder, std::mem::take(&mut self.details));
        let failed = |text: String| Err(CallError::Protocol(text));
        match self.finish.as_deref() {
            Some("stop" | "end") => Ok(StopReason::Stop),
            Some("length") => Ok(StopReason::Length),
            Some("tool_calls" | "function_call") => Ok(StopReason::ToolUse),
            Some(other) => failed(format!("Provider finish_reason: {other}")),
            None if self.needs_finish => failed("Stream ended without finish_reason".into()),
            None if builder.message.tool_calls().next().is_some() => Ok(StopReason::ToolUse),
            None => Ok(StopReason::Stop),
        }
    }
}

/// Structured reasoning must go back as it came: encrypted items with their call, everything else with the thoughts.
fn keep_details(builder: &mut MessageBuilder<'_>, details: Vec<Value>) {
    let mut rest = Vec::new();
    for item in details {
        let call = builder.message.content.iter_mut().find_map(|it| match it {
            Content::ToolCall(call) if item["type"] == "reasoning.encrypted" && item["id"] == *call.id => {
                Some(call)
            }
            _ => None,
        });
        match call {
            Some(call) => call.thought_signature = Some(item.to_string()),
            None => merge_detail(&mut rest, item),
        }
    }
    let thinking = builder.message.content.iter_mut().find_map(|it| match it {
        Content::Thinking(it) => Some(it),
        _ => None,
    });
    if let (Some(thinking), false) = (thinking, rest.is_empty()) {
        thinking.thinking_signature = Some(Value::Array(rest).to_string());
    }
}

/// Joins the pieces of one text or summary.
fn merge_detail(items: &mut Vec<Value>, item: Value) {
    if let Some(last) = items.last_mut() {
        if last["type"] == item["type"] && last["index"] == item["index"] {
            for field in ["text", "summary"] {
                if let (Some(a), Some(b)) = (last[field].as_str(), item[field].as_str()) {
                    last[field] = format!("{a}{b}").into();
                    if item["signature"].is_string() {
                        last["signature"] = item["signature"].clone();
                    }
                    return;
                }
            }
        }
    }
    items.push(item);
}
