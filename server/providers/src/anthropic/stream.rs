//! The events of a Messages answer.

use std::{collections::HashMap, sync::Arc};

use pi_core::{builder::MessageBuilder, cost};
use pi_protocol::{Content, Model, StopReason, ThinkingContent};
use serde_json::Value;

use crate::{
    dialect::{self, Mapper},
    http::CallError,
    sse::SseEvent,
};

/// Maps one answer.
pub(super) struct Stream {
    model: Arc<Model>,
    /// The provider's block number → ours.
    blocks: HashMap<u64, usize>,
    stop: Option<String>,
    explanation: Option<String>,
    complete: bool,
}

impl Stream {
    pub fn new(model: Arc<Model>) -> Self {
        Self { model, blocks: HashMap::new(), stop: None, explanation: None, complete: false }
    }

    /// Takes over the counts that are given; absent and null ones stay.
    fn usage(&self, builder: &mut MessageBuilder<'_>, usage: &Value) {
        let it = &mut builder.message.usage;
        for (key, field) in [
            ("input_tokens", &mut it.input),
            ("output_tokens", &mut it.output),
            ("cache_read_input_tokens", &mut it.cache_read),
            ("cache_creation_input_tokens", &mut it.cache_write),
        ] {
            if let Some(count) = usage[key].as_u64() {
                *field = count;
            }
        }
        if let Some(count) =
            usage.pointer("/cache_creation/ephemeral_1h_input_tokens").and_then(Value::as_u64)
        {
            it.cache_write_1h = (count > 0).then_some(count);
        }
        it.total_tokens = it.input + it.output + it.cache_read + it.cache_write;
        cost::price(&self.model, it);
    }

    fn open(&mut self, builder: &mut MessageBuilder<'_>, event: &Value) {
        let block = &event["content_block"];
        let text = |key: &str| block[key].as_str().unwrap_or_default();
        let index = match text("type") {
            "text" => {
                let index = builder.text_start();
                if !text("text").is_empty() {
                    builder.delta(index, text("text"));
                }
                index
            }
            "thinking" => {
                // Present from the start, as in Pi: a block that is cut has an empty one.
                let signature = Some(text("signature").into());
                let index = builder
                    .thinking_start(ThinkingContent { thinking_signature: signature, ..Default::default() });
                if !text("thinking").is_empty() {
                    builder.delta(index, text("thinking"));
                }
                index
            }
            "redacted_thinking" => builder.thinking_start(ThinkingContent {
                thinking: "[Reasoning redacted]".into(),
                thinking_signature: Some(text("data").into()),
                redacted: Some(true),
            }),
            "tool_use" => {
                let index = builder.tool_start(text("id"), text("name"));
                if let (Some(Content::ToolCall(call)), Some(input)) =
                    (builder.block(index), block["input"].as_object())
                {
                    call.arguments = input.clone();
                }
                index
            }
            // Blocks of the server's own tools are nothing we asked for.
            _ => return,
        };
        if let Some(number) = event["index"].as_u64() {
            self.blocks.insert(number, index);
        }
    }

    fn delta(&self, builder: &mut MessageBuilder<'_>, event: &Value) {
        let Some(&index) = event["index"].as_u64().and_then(|it| self.blocks.get(&it)) else { return };
        let delta = &event["delta"];
        let text = |key: &str| delta[key].as_str().unwrap_or_default();
        match text("type") {
            "text_delta" => builder.delta(index, text("text")),
            "thinking_delta" => builder.delta(index, text("thinking")),
            "input_json_delta" => builder.delta(index, text("partial_json")),
            "signature_delta" => {
                if let Some(Content::Thinking(it)) = builder.block(index) {
                    it.thinking_signature.get_or_insert_default().push_str(text("signature"));
                }
            }
            _ => {}
        }
    }
}

impl Mapper for Stream {
    fn event(&mut self, builder: &mut MessageBuilder<'_>, event: SseEvent) -> Result<bool, CallError> {
        let json = dialect::json(&event)?;
        match json["type"].as_str().unwrap_or(&event.name) {
            "message_start" => {
                let message = &json["message"];
                builder.message.response_id = message["id"].as_str().map(Into::into);
                builder.message.response_model =
                    message["model"].as_str().filter(|it| *it != self.model.id).map(Into::into);
                self.usage(builder, &message["usage"]);
                builder.start();
            }
            "content_block_start" => self.open(builder, &json),
            "content_block_delta" => self.delta(builder, &json),
            "content_block_stop" => {
                if let Some(&index) = json["index"].as_u64().and_then(|it| self.blocks.get(&it)) {
                    builder.end(index);
                }
            }
            "message_delta" => {
                if let Some(reason) = json.pointer("/delta/stop_reason").and_then(Value::as_str) {
                    self.stop = Some(reason.to_owned());
                    builder.message.raw_stop_reason = Some(reason.to_owned());
                }
                self.explanation = json
                    .pointer("/delta/stop_details/explanation")
                    .and_then(Value::as_str)
                    .map(Into::into)
                    .or(self.explanation.take());
                self.usage(builder, &json["usage"]);
            }
            "message_stop" => {
                self.complete = true;
                return Ok(true);
            }
            "error" => return Err(CallError::Protocol(json.to_string())),
            _ => {}
        }
        Ok(false)
    }

    fn end(&mut self, _builder: &mut MessageBuilder<'_>) -> Result<StopReason, CallError> {
        if !self.complete {
            return Err(CallError::Protocol("Anthropic stream ended before message_stop".into()));
        }
        let failed = |text: String| Err(CallError::Protocol(text));
        match self.stop.as_deref() {
            Some("end_turn" | "pause_turn" | "stop_sequence") => Ok(StopReason::Stop),
            Some("max_tokens") => Ok(StopReason::Length),
            Some("tool_use") => Ok(StopReason::ToolUse),
            Some("refusal") => failed(
                self.explanation.take().unwrap_or_else(|| "The model refused to complete the request".into()),
            ),
            Some("sensitive") => failed("Provider stopped with: sensitive".into()),
            Some(other) => failed(format!("Unhandled stop reason: {other}")),
            None => failed("Anthropic stream ended without a stop reason".into()),
        }
    }
}
