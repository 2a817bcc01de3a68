//! The body of a Responses request.

use pi_core::ModelRequest;
use pi_protocol::ThinkingLevel;
use serde_json::{Value, json};

use super::ids;
use crate::{
    dialect::{self, CacheRetention},
    transform::{self, Part, Turn},
};

/// Smallest output limit the API takes.
const MIN_OUTPUT_TOKENS: u64 = 16;

/// Builds the body.
pub(super) fn body(request: &ModelRequest, retention: CacheRetention) -> Value {
    let model = &request.model;
    let turns = transform::turns(request, |id, source| ids::normalise(model, id, source));
    let mut body = json!({ "model": model.id, "input": input(request, &turns), "stream": true });
    if retention != CacheRetention::None && !request.session_id.is_empty() {
        body["prompt_cache_key"] =
            request.session_id.chars().take(ids::MAX_LENGTH).collect::<String>().into();
    }
    if retention == CacheRetention::Long && compat(request, "supportsLongCacheRetention") != Some(false) {
        body["prompt_cache_retention"] = "24h".into();
    }
    body["store"] = false.into();
    if let Some(limit) = dialect::max_tokens(request, &turns, 0) {
        body["max_output_tokens"] = limit.max(MIN_OUTPUT_TOKENS).into();
    }
    if !request.tools.is_empty() {
        body["tools"] = request
            .tools
            .iter()
            .map(|it| {
                json!({
                    "type": "function", "name": it.name, "description": it.description,
                    "parameters": it.parameters, "strict": false,
                })
            })
            .collect();
    }
    thinking(&mut body, request);
    for (key, value) in model.extra.get("samplingParams").and_then(Value::as_object).into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

fn compat(request: &ModelRequest, name: &str) -> Option<bool> {
    request.model.compat.as_ref()?.get(name)?.as_bool()
}

fn thinking(body: &mut Value, request: &ModelRequest) {
    let model = &request.model;
    if !model.reasoning {
        return;
    }
    let level = request.thinking;
    let mapped = model.thinking_level_map.as_ref().and_then(|map| map.get(&level));
    if level != ThinkingLevel::Off {
        let effort = mapped.cloned().flatten().unwrap_or_else(|| level.as_str().to_owned());
        body["reasoning"] = json!({ "effort": effort, "summary": "auto" });
        body["include"] = json!(["reasoning.encrypted_content"]);
    } else if !matches!(mapped, Some(None)) && model.provider != "github-copilot" {
        let effort = mapped.cloned().flatten().unwrap_or_else(|| "none".into());
        body["reasoning"] = json!({ "effort": effort });
    }
}

fn input(request: &ModelRequest, turns: &[Turn<'_>]) -> Vec<Value> {
    let mut items = Vec::with_capacity(turns.len() + 1);
    if !request.system_prompt.trim().is_empty() {
        let developer = request.model.reasoning && compat(request, "supportsDeveloperRole") != Some(false);
        let role = if developer { "developer" } else { "system" };
        items.push(json!({ "role": role, "content": &*request.system_prompt }));
    }
    for (number, turn) in turns.iter().enumerate() {
        match turn {
            Turn::User(parts) => {
                let content: Vec<Value> = parts.iter().filter_map(user_part).collect();
                if !content.is_empty() {
                    items.push(json!({ "role": "user", "content": content }));
                }
            }
            Turn::Assistant(parts) => assistant(&mut items, number, parts),
            Turn::ToolResult { id, parts, .. } => items.push(json!({
                "type": "function_call_output", "call_id": ids::split(id).0, "output": output(parts),
            })),
        }
    }
    items
}

fn user_part(part: &Part<'_>) -> Option<Value> {
    match part {
        Part::Text { text, .. } if !text.is_empty() => Some(json!({ "type": "input_text", "text": text })),
        Part::Image { data, mime } => Some(json!({
            "type": "input_image", "detail": "auto", "image_url": format!("data:{mime};base64,{data}"),
        })),
        _ => None,
    }
}

/// Each block of an answer is an item of its own.
fn assistant(items: &mut Vec<Value>, number: usize, parts: &[Part<'_>]) {
    let mut texts = 0;
    for part in parts {
        match part {
            // The signature is the item as it came; anything else is of no use to the server.
            Part::Thinking { signature, .. } => {
                let item = signature.and_then(|it| serde_json::from_str::<Value>(it).ok());
                items.extend(item.filter(|it| it["type"] == "reasoning"));
            }
            Part::Text { text, signature } => {
                if text.trim().is_empty() && signature.is_none() {
                    continue;
                }
                let mut item = json!({
                    "type": "message", "role": "assistant",
                    "content": [{ "type": "output_text", "text": text, "annotations": [] }],
                    "status": "completed",
                });
                let (id, phase) = signature.map(text_signature).unwrap_or_default();
                item["id"] = match id {
                    Some(id) if id.len() > ids::MAX_LENGTH => format!("msg_{}", ids::short_hash(&id)),
                    Some(id) => id,
                    None if texts == 0 => format!("msg_{number}"),
                    None => format!("msg_{number}_{texts}"),
                }
                .into();
                if let Some(phase) = phase {
                    item["phase"] = phase.into();
                }
                items.push(item);
                texts += 1;
            }
            Part::Call { id, name, args, .. } => {
                let (call, item_id) = ids::split(id);
                let mut item = json!({ "type": "function_call" });
                if let Some(item_id) = item_id {
                    item["id"] = item_id.into();
                }
                item["call_id"] = call.into();
                item["name"] = (*name).into();
                item["arguments"] = serde_json::to_string(args).unwrap_or_else(|_| "{}".into()).into();
                items.push(item);
            }
            Part::Image { .. } => {}
        }
    }
    // Thoughts that led to nothing, as when the output limit cut them off: the server refuses them.
    while items.last().is_some_and(|it| it["type"] == "reasoning") {
        items.pop();
    }
}

/// Id and phase of a text's item. Older sessions have only the id.
fn text_signature(signature: &str) -> (Option<String>, Option<String>) {
    if !signature.starts_with('{') {
        return (Some(signature.to_owned()), None);
    }
    let json: Value = serde_json::from_str(signature).unwrap_or_default();
    let text = |key: &str| json[key].as_str().filter(|it| !it.is_empty()).map(str::to_owned);
    (text("id"), text("phase"))
}

fn output(parts: &[Part<'_>]) -> Value {
    let text = parts.iter().filter_map(Part::as_text).collect::<Vec<_>>().join("\n");
    if parts.iter().any(|it| matches!(it, Part::Image { .. })) {
        return parts.iter().filter_map(user_part).collect();
    }
    if text.is_empty() { "(no tool output)".into() } else { text.into() }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
