//! The body of a Messages request.

use pi_core::ModelRequest;
use pi_protocol::ThinkingLevel;
use serde_json::{Value, json};

use crate::{
    dialect::{self, CacheRetention},
    transform::{self, Part, Turn},
};

/// Smallest budget the API takes.
const MIN_BUDGET: u64 = 1024;
/// Output limit for models that do not say theirs: the API wants one.
const FALLBACK_MAX_TOKENS: u64 = 4096;

/// Builds the body.
pub(super) fn body(request: &ModelRequest) -> Value {
    let model = &request.model;
    let turns = transform::turns(request, |id, _| transform::sanitise_id(id, 64));
    let cache = cache_control(&model.base_url);
    let mut messages = messages(&turns);
    mark_last_user(&mut messages, cache.as_ref());

    let thinks = model.reasoning && request.thinking != ThinkingLevel::Off;
    let adaptive = compat(request, "forceAdaptiveThinking");
    let wanted = if thinks && !adaptive { request.thinking_budgets.of(request.thinking) } else { 0 };
    let max_tokens = dialect::max_tokens(request, &turns, wanted).unwrap_or(FALLBACK_MAX_TOKENS + wanted);

    let mut body =
        json!({ "model": model.id, "messages": messages, "max_tokens": max_tokens, "stream": true });
    if !request.system_prompt.trim().is_empty() {
        body["system"] =
            json!([with_cache(json!({ "type": "text", "text": &*request.system_prompt }), cache.as_ref())]);
    }
    if !request.tools.is_empty() {
        let mut tools: Vec<Value> = request
            .tools
            .iter()
            .map(|it| json!({ "name": it.name, "description": it.description, "input_schema": schema(&it.parameters) }))
            .collect();
        if let Some(last) = tools.pop() {
            tools.push(with_cache(last, cache.as_ref()));
        }
        body["tools"] = tools.into();
    }
    let mapped = model.thinking_level_map.as_ref().and_then(|map| map.get(&request.thinking));
    if thinks && adaptive {
        let effort = mapped.cloned().flatten().unwrap_or_else(|| effort(request.thinking).to_owned());
        body["thinking"] = json!({ "type": "adaptive", "display": "summarized" });
        body["output_config"] = json!({ "effort": effort });
    } else if thinks {
        let budget = if max_tokens <= wanted { max_tokens.saturating_sub(1024) } else { wanted };
        if budget >= MIN_BUDGET {
            body["thinking"] = json!({ "type": "enabled", "budget_tokens": budget });
        }
    } else if adaptive && !matches!(mapped, Some(None)) {
        // These may think by themselves unless told not to.
        body["thinking"] = json!({ "type": "disabled" });
    }
    body
}

fn effort(level: ThinkingLevel) -> &'static str {
    match level {
        ThinkingLevel::Off | ThinkingLevel::Minimal | ThinkingLevel::Low => "low",
        ThinkingLevel::Medium => "medium",
        ThinkingLevel::High | ThinkingLevel::Xhigh | ThinkingLevel::Max => "high",
    }
}

fn compat(request: &ModelRequest, name: &str) -> bool {
    request.model.compat.as_ref().and_then(|it| it.get(name)).and_then(Value::as_bool) == Some(true)
}

fn cache_control(base_url: &str) -> Option<Value> {
    match CacheRetention::from_env() {
        CacheRetention::None => None,
        CacheRetention::Long if base_url.contains("//api.anthropic.com") => {
            Some(json!({ "type": "ephemeral", "ttl": "1h" }))
        }
        _ => Some(json!({ "type": "ephemeral" })),
    }
}

fn with_cache(mut block: Value, cache: Option<&Value>) -> Value {
    if let Some(cache) = cache {
        block["cache_control"] = cache.clone();
    }
    block
}

/// Puts the cache mark on the last block of the last message of the user.
fn mark_last_user(messages: &mut [Value], cache: Option<&Value>) {
    let last = messages.iter_mut().rev().find(|it| it["role"] == "user");
    if let Some(block) = last.and_then(|it| it["content"].as_array_mut()).and_then(|it| it.last_mut()) {
        *block = with_cache(block.take(), cache);
    }
}

/// The parts of a schema the API takes at its top.
fn schema(parameters: &Value) -> Value {
    let mut schema = json!({ "type": "object", "properties": {}, "required": [] });
    for (key, value) in parameters.as_object().into_iter().flatten() {
        if !matches!(key.as_str(), "type" | "$schema" | "title") {
            schema[key] = value.clone();
        }
    }
    schema
}

fn messages(turns: &[Turn<'_>]) -> Vec<Value> {
    let mut messages: Vec<Value> = Vec::with_capacity(turns.len());
    let mut results_open = false;
    for turn in turns {
        let (role, content) = match turn {
            Turn::User(parts) => ("user", parts.iter().filter_map(block).collect::<Vec<_>>()),
            Turn::Assistant(parts) => ("assistant", parts.iter().filter_map(block).collect()),
            Turn::ToolResult { id, parts, is_error, .. } => {
                let result = json!({
                    "type": "tool_result", "tool_use_id": id, "content": result_content(parts), "is_error": is_error,
                });
                // Results of one turn belong into one message.
                if results_open {
                    if let Some(content) = messages.last_mut().and_then(|it| it["content"].as_array_mut()) {
                        content.push(result);
                        continue;
                    }
                }
                ("user", vec![result])
            }
        };
        if content.is_empty() {
            continue;
        }
        results_open = matches!(turn, Turn::ToolResult { .. });
        messages.push(json!({ "role": role, "content": content }));
    }
    messages
}

fn block(part: &Part<'_>) -> Option<Value> {
    Some(match part {
        Part::Text { text, .. } if text.trim().is_empty() => return None,
        Part::Text { text, .. } => json!({ "type": "text", "text": text }),
        Part::Image { data, mime } => image(data, mime),
        Part::Thinking { signature: Some(data), redacted: true, .. } => {
            json!({ "type": "redacted_thinking", "data": data })
        }
        Part::Thinking { redacted: true, .. } => return None,
        Part::Thinking { text, .. } if text.trim().is_empty() => return None,
        Part::Thinking { text, signature: Some(signature), .. } => {
            json!({ "type": "thinking", "thinking": text, "signature": signature })
        }
        Part::Thinking { text, signature: None, .. } => json!({ "type": "text", "text": text }),
        Part::Call { id, name, args, .. } => {
            json!({ "type": "tool_use", "id": id, "name": name, "input": args })
        }
    })
}

fn image(data: &str, mime: &str) -> Value {
    json!({ "type": "image", "source": { "type": "base64", "media_type": mime, "data": data } })
}

fn result_content(parts: &[Part<'_>]) -> Value {
    if !parts.iter().any(|it| matches!(it, Part::Image { .. })) {
        return parts.iter().filter_map(Part::as_text).collect::<Vec<_>>().join("\n").into();
    }
    let mut blocks: Vec<Value> = parts.iter().filter_map(block).collect();
    if blocks.iter().all(|it| it["type"] == "image") {
        blocks.insert(0, json!({ "type": "text", "text": "(see attached image)" }));
    }
    blocks.into()
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
