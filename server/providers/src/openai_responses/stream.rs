//! The events of a Responses answer.
//!
//! Every item of the output is a block of ours. The item is repeated whole when it is done, which repairs what
//! deltas left out.

use std::{collections::HashMap, sync::Arc};

use pi_core::{builder::MessageBuilder, cost};
use pi_protocol::{Content, Model, StopReason, ThinkingContent};
use serde_json::{Value, json};

use crate::{
    dialect::{self, Mapper},
    http::CallError,
    sse::SseEvent,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Reasoning,
    Message,
    Call,
}

/// Maps one answer.
pub(super) struct Stream {
    model: Arc<Model>,
    /// Service tier that was asked for.
    tier: Option<String>,
    /// Number of an item in the output → what it is and our block, while it is open.
    open: HashMap<u64, (Kind, usize)>,
    /// For servers that do not number.
    last: u64,
    /// Status of the final event and the reason for an incomplete answer.
    finish: Option<(String, Option<String>)>,
}

impl Stream {
    pub fn new(model: Arc<Model>, tier: Option<String>) -> Self {
        Self { model, tier, open: HashMap::new(), last: 0, finish: None }
    }

    fn number(&self, event: &Value) -> u64 {
        event["output_index"].as_u64().unwrap_or(self.last)
    }

    fn added(&mut self, builder: &mut MessageBuilder<'_>, event: &Value) {
        let item = &event["item"];
        let text = |key: &str| item[key].as_str().unwrap_or_default();
        let opened = match text("type") {
            "reasoning" => (Kind::Reasoning, builder.thinking_start(ThinkingContent::default())),
            "message" => (Kind::Message, builder.text_start()),
            "function_call" => {
                let id = match (text("call_id"), text("id")) {
                    (call, "") => call.to_owned(),
                    ("", id) => id.to_owned(),
                    (call, id) => format!("{call}|{id}"),
                };
                let block = builder.tool_start(id, text("name"));
                if !text("arguments").is_empty() {
                    builder.delta(block, text("arguments"));
                }
                (Kind::Call, block)
            }
            // Items of the server's own tools are nothing we asked for.
            _ => return,
        };
        self.last = self.number(event);
        self.open.insert(self.last, opened);
    }

    fn delta(&mut self, builder: &mut MessageBuilder<'_>, event: &Value, kind: Kind, delta: &str) {
        let number = self.number(event);
        let block = match (self.open.get(&number), kind) {
            (Some((open, block)), _) if *open == kind => *block,
            // Servers that announce no items still have something to say.
            (None, Kind::Message) => {
                let block = builder.text_start();
                self.open.insert(number, (kind, block));
                block
            }
            _ => return,
        };
        if !delta.is_empty() {
            builder.delta(block, delta);
        }
    }

    fn done(&mut self, builder: &mut MessageBuilder<'_>, event: &Value) {
        if !self.open.contains_key(&self.number(event)) {
            self.added(builder, event);
        }
        let Some((kind, block)) = self.open.remove(&self.number(event)) else { return };
        let item = &event["item"];
        match kind {
            Kind::Reasoning => {
                let summary = joined(&item["summary"], "\n\n");
                let text = if summary.is_empty() { joined(&item["content"], "\n\n") } else { summary };
                complete(builder, block, &text);
                if let Some(Content::Thinking(it)) = builder.block(block) {
                    it.thinking_signature = Some(item.to_string());
                }
            }
            Kind::Message => {
                complete(builder, block, &joined(&item["content"], ""));
                if let (Some(Content::Text(it)), Some(id)) = (builder.block(block), item["id"].as_str()) {
                    let mut signature = json!({ "v": 1, "id": id });
                    if let Some(phase) = item["phase"].as_str() {
                        signature["phase"] = phase.into();
                    }
                    it.text_signature = Some(signature.to_string());
                }
            }
            Kind::Call => complete(builder, block, item["arguments"].as_str().unwrap_or_default()),
        }
        builder.end(block);
    }

    fn usage(&self, builder: &mut MessageBuilder<'_>, response: &Value) {
        let usage = &response["usage"];
        if !usage.is_object() {
            return;
        }
        let count = |path: &str| usage.pointer(path).and_then(Value::as_u64);
        let it = &mut builder.message.usage;
        it.cache_read = count("/input_tokens_details/cached_tokens").unwrap_or(0);
        it.input = count("/input_tokens").unwrap_or(0).saturating_sub(it.cache_read);
        it.output = count("/output_tokens").unwrap_or(0);
        it.reasoning = count("/output_tokens_details/reasoning_tokens");
        it.total_tokens = count("/total_tokens").unwrap_or(it.input + it.output + it.cache_read);
        cost::price(&self.model, it);
        let factor = match response["service_tier"].as_str().or(self.tier.as_deref()) {
            Some("flex") => 0.5,
            Some("priority") if self.model.id.starts_with("gpt-5.5") => 2.5,
            Some("priority") => 2.0,
            _ => return,
        };
        let cost = &mut it.cost;
        for bucket in [&mut cost.input, &mut cost.output, &mut cost.cache_read, &mut cost.cache_write] {
            *bucket *= factor;
        }
        cost.total = cost.input + cost.output + cost.cache_read + cost.cache_write;
    }
}

impl Mapper for Stream {
    fn event(&mut self, builder: &mut MessageBuilder<'_>, event: SseEvent) -> Result<bool, CallError> {
        if event.data.trim() == "[DONE]" {
            return Ok(true);
        }
        let json = dialect::json(&event)?;
        let text = |key: &str| json[key].as_str().unwrap_or_default();
        let response = &json["response"];
        match json["type"].as_str().unwrap_or(&event.name) {
            "response.created" => {
                builder.message.response_id = response["id"].as_str().map(Into::into);
                builder.message.response_model =
                    response["model"].as_str().filter(|it| *it != self.model.id).map(Into::into);
                builder.start();
            }
            "response.output_item.added" => self.added(builder, &json),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.delta(builder, &json, Kind::Reasoning, text("delta"));
            }
            "response.reasoning_summary_part.done" => self.delta(builder, &json, Kind::Reasoning, "\n\n"),
            "response.output_text.delta" | "response.refusal.delta" => {
                self.delta(builder, &json, Kind::Message, text("delta"));
            }
            "response.function_call_arguments.delta" => {
                self.delta(builder, &json, Kind::Call, text("delta"));
            }
            "response.function_call_arguments.done" => {
                if let Some(&(Kind::Call, block)) = self.open.get(&self.number(&json)) {
                    complete(builder, block, text("arguments"));
                }
            }
            "response.output_item.done" => self.done(builder, &json),
            kind @ ("response.completed" | "response.incomplete" | "response.done") => {
                self.usage(builder, response);
                let default = if kind == "response.incomplete" { "incomplete" } else { "completed" };
                let status = response["status"].as_str().unwrap_or(default);
                let reason = response.pointer("/incomplete_details/reason").and_then(Value::as_str);
                builder.message.raw_stop_reason = Some(status.to_owned());
                self.finish = Some((status.to_owned(), reason.map(Into::into)));
                return Ok(true);
            }
            "response.failed" => {
                builder.message.raw_stop_reason = Some("failed".into());
                return Err(CallError::Protocol(failure(response)));
            }
            "error" => return Err(CallError::Protocol(error(&json))),
            _ if json["error"].is_object() => return Err(CallError::Protocol(error(&json))),
            _ => {}
        }
        Ok(false)
    }

    fn end(&mut self, builder: &mut MessageBuilder<'_>) -> Result<StopReason, CallError> {
        let failed = |text: String| Err(CallError::Protocol(text));
        let Some((status, reason)) = self.finish.take() else {
            return failed("OpenAI Responses stream ended before a terminal response event".into());
        };
        match (&*status, reason.as_deref()) {
            ("completed" | "in_progress" | "queued", _) => {
                let calls = builder.message.tool_calls().next().is_some();
                Ok(if calls { StopReason::ToolUse } else { StopReason::Stop })
            }
            ("incomplete", Some("max_output_tokens")) => Ok(StopReason::Length),
            ("incomplete", Some(reason)) => failed(format!("Response incomplete: {reason}")),
            ("incomplete", None) => failed("Response incomplete without a provider reason".into()),
            (status, _) => failed(format!("Provider stopped with: {status}")),
        }
    }
}

/// The texts of an item's parts.
fn joined(parts: &Value, between: &str) -> String {
    let parts = parts.as_array().into_iter().flatten();
    let texts = parts.filter_map(|it| it["text"].as_str().or(it["refusal"].as_str()));
    texts.collect::<Vec<_>>().join(between)
}

/// Brings a block to its final text: what is missing comes as a delta, a correction without one.
fn complete(builder: &mut MessageBuilder<'_>, block: usize, whole: &str) {
    if whole.is_empty() {
        return;
    }
    let missing = match builder.block(block) {
        Some(Content::Text(it)) => whole.strip_prefix(&*it.text),
        Some(Content::Thinking(it)) => whole.strip_prefix(&*it.thinking),
        Some(Content::ToolCall(_)) => whole.strip_prefix(builder.raw_args(block)),
        _ => return,
    };
    match (missing, builder.block(block)) {
        (Some(""), _) => {}
        (Some(missing), _) => builder.delta(block, missing),
        (None, Some(Content::Text(it))) => whole.clone_into(&mut it.text),
        (None, Some(Content::Thinking(it))) => whole.clone_into(&mut it.thinking),
        (None, _) => builder.set_raw_args(block, whole.to_owned()),
    }
}

fn failure(response: &Value) -> String {
    let error = &response["error"];
    if error.is_object() {
        let text = |key: &str, default| error[key].as_str().unwrap_or(default).to_owned();
        return format!("{}: {}", text("code", "unknown"), text("message", "no message"));
    }
    match response.pointer("/incomplete_details/reason").and_then(Value::as_str) {
        Some(reason) => format!("incomplete: {reason}"),
        None => "Unknown error (no error details in response)".into(),
    }
}

/// The text of an `error` event, whose fields some servers put one level deeper.
fn error(event: &Value) -> String {
    let error = if event["error"].is_object() { &event["error"] } else { event };
    match (error["code"].as_str(), error["message"].as_str()) {
        (Some(code), message) => format!("Error Code {code}: {}", message.unwrap_or("no message")),
        (None, Some(message)) => message.to_owned(),
        (None, None) => "Unknown error".into(),
    }
}
