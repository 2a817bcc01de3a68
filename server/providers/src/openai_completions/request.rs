//! The body of a Chat Completions request.

use pi_core::ModelRequest;
use pi_protocol::{Model, ThinkingLevel};
use serde_json::{Map, Value, json};

use super::compat::{Compat, ThinkingFormat};
use crate::{
    dialect,
    transform::{self, Part, Turn},
};

/// Fields an answer's reasoning may come in, and goes back in.
pub(super) const REASONING_FIELDS: [&str; 3] = ["reasoning_content", "reasoning", "reasoning_text"];

/// Builds the body.
pub(super) fn body(request: &ModelRequest, compat: &Compat) -> Value {
    let model = &request.model;
    let turns = transform::turns(request, |id, _| normalise_id(model, compat, id));
    let mut messages = messages(request, compat, &turns);
    if compat.cache_control {
        mark_last_text(&mut messages);
    }
    let mut body = json!({ "model": model.id, "messages": messages, "stream": true });
    if compat.usage_in_streaming {
        body["stream_options"] = json!({ "include_usage": true });
    }
    if compat.store {
        body["store"] = false.into();
    }
    if let Some(limit) = dialect::max_tokens(request, &turns, 0) {
        body[compat.max_tokens_field] = limit.into();
    }
    if !request.tools.is_empty() {
        body["tools"] = request
            .tools
            .iter()
            .map(|it| {
                let mut function =
                    json!({ "name": it.name, "description": it.description, "parameters": it.parameters });
                if compat.strict_mode {
                    function["strict"] = false.into();
                }
                json!({ "type": "function", "function": function })
            })
            .collect();
    } else if turns.iter().any(has_tools) {
        // Some gateways refuse calls in the history of a request that has no tools.
        body["tools"] = json!([]);
    }
    thinking(&mut body, request, compat);
    if model.base_url.contains("//api.openai.com") && !request.session_id.is_empty() {
        body["prompt_cache_key"] = request.session_id.chars().take(64).collect::<String>().into();
    }
    if let Some(over) = &model.compat {
        if model.base_url.contains("openrouter.ai") && over["openRouterRouting"].is_object() {
            body["provider"] = over["openRouterRouting"].clone();
        }
        if model.base_url.contains("ai-gateway.vercel.sh") && over["vercelGatewayRouting"].is_object() {
            body["providerOptions"] = json!({ "gateway": over["vercelGatewayRouting"] });
        }
    }
    for (key, value) in model.extra.get("samplingParams").and_then(Value::as_object).into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

fn has_tools(turn: &Turn<'_>) -> bool {
    match turn {
        Turn::ToolResult { .. } => true,
        Turn::Assistant(parts) => parts.iter().any(|it| matches!(it, Part::Call { .. })),
        Turn::User(_) => false,
    }
}

fn thinking(body: &mut Value, request: &ModelRequest, compat: &Compat) {
    let model = &request.model;
    if !model.reasoning {
        return;
    }
    let level = request.thinking;
    let on = level != ThinkingLevel::Off;
    let mapped = model.thinking_level_map.as_ref().and_then(|map| map.get(&level));
    let never_off = matches!(mapped, Some(None)) && !on;
    let word = mapped.cloned().flatten();
    let effort = || word.clone().unwrap_or_else(|| level.as_str().to_owned());
    match compat.thinking {
        ThinkingFormat::OpenAi => match (on, &word) {
            (true, _) if compat.reasoning_effort => body["reasoning_effort"] = effort().into(),
            (false, Some(word)) if compat.reasoning_effort => body["reasoning_effort"] = word.clone().into(),
            _ => {}
        },
        ThinkingFormat::Zai => {
            body["thinking"] = if on {
                json!({ "type": "enabled", "clear_thinking": false })
            } else {
                json!({ "type": "disabled" })
            };
            if on && compat.reasoning_effort {
                body["reasoning_effort"] = effort().into();
            }
        }
        ThinkingFormat::Qwen => {
            body["enable_thinking"] = on.into();
            if on && compat.reasoning_effort {
                body["reasoning_effort"] = effort().into();
            }
        }
        ThinkingFormat::QwenTemplate => {
            body["chat_template_kwargs"] = json!({ "enable_thinking": on, "preserve_thinking": true });
        }
        ThinkingFormat::DeepSeek if on => {
            body["thinking"] = json!({ "type": "enabled" });
            body["reasoning_effort"] = effort().into();
        }
        ThinkingFormat::DeepSeek if !never_off => body["thinking"] = json!({ "type": "disabled" }),
        ThinkingFormat::OpenRouter if on => body["reasoning"] = json!({ "effort": effort() }),
        ThinkingFormat::OpenRouter if !never_off => {
            body["reasoning"] = json!({ "effort": word.unwrap_or_else(|| "none".into()) });
        }
        ThinkingFormat::Together => {
            body["reasoning"] = json!({ "enabled": on });
            if on && compat.reasoning_effort {
                body["reasoning_effort"] = effort().into();
            }
        }
        ThinkingFormat::StringWord if on => body["thinking"] = effort().into(),
        ThinkingFormat::StringWord if !never_off => {
            body["thinking"] = word.unwrap_or_else(|| "none".into()).into();
        }
        ThinkingFormat::DeepSeek | ThinkingFormat::OpenRouter | ThinkingFormat::StringWord => {}
    }
}

/// Makes the id of another model's call acceptable to this host.
fn normalise_id(model: &Model, compat: &Compat, id: &str) -> String {
    if compat.mistral_tool_ids {
        let kept = id.chars().filter(char::is_ascii_alphanumeric);
        return kept.chain("ABCDEFGHI".chars()).take(9).collect();
    }
    match id.split_once('|') {
        Some((call, _)) => transform::sanitise_id(call, 40),
        None if model.provider == "openai" => id.chars().take(40).collect(),
        None => id.to_owned(),
    }
}

fn messages(request: &ModelRequest, compat: &Compat, turns: &[Turn<'_>]) -> Vec<Value> {
    let mut messages = Vec::with_capacity(turns.len() + 1);
    if !request.system_prompt.trim().is_empty() {
        let role = if request.model.reasoning && compat.developer_role { "developer" } else { "system" };
        messages.push(json!({ "role": role, "content": &*request.system_prompt }));
    }
    let mut at = 0;
    while let Some(turn) = turns.get(at) {
        at += 1;
        match turn {
            Turn::User(parts) => {
                let after_result = messages.last().is_some_and(|it| it["role"] == "tool");
                let content: Vec<Value> = parts.iter().filter_map(user_part).collect();
                if content.is_empty() {
                    continue;
                }
                if after_result && compat.assistant_after_tool_result {
                    messages.push(bridge());
                }
                messages.push(json!({ "role": "user", "content": content }));
            }
            Turn::Assistant(parts) => messages.extend(assistant(request, compat, parts)),
            Turn::ToolResult { .. } => {
                at -= 1;
                let run = turns[at..].iter().take_while(|it| matches!(it, Turn::ToolResult { .. })).count();
                tool_results(&mut messages, compat, &turns[at..at + run]);
                at += run;
            }
        }
    }
    messages
}

fn bridge() -> Value {
    json!({ "role": "assistant", "content": "I have processed the tool results." })
}

fn user_part(part: &Part<'_>) -> Option<Value> {
    match part {
        Part::Text { text, .. } if !text.is_empty() => Some(json!({ "type": "text", "text": text })),
        Part::Image { data, mime } => Some(json!({
            "type": "image_url", "image_url": { "url": format!("data:{mime};base64,{data}") },
        })),
        _ => None,
    }
}

fn assistant(request: &ModelRequest, compat: &Compat, parts: &[Part<'_>]) -> Option<Value> {
    let texts: Vec<&str> =
        parts.iter().filter_map(Part::as_text).filter(|it| !it.trim().is_empty()).collect();
    let mut thoughts = Vec::new();
    let mut field = None;
    let mut calls = Vec::new();
    let mut details: Vec<Value> = Vec::new();
    for part in parts {
        match part {
            Part::Thinking { text, signature, .. } => {
                if let Some(Ok(Value::Array(items))) =
                    signature.filter(|it| it.starts_with('[')).map(serde_json::from_str::<Value>)
                {
                    details.extend(items);
                }
                if field.is_none() {
                    field = signature.filter(|it| REASONING_FIELDS.contains(it));
                }
                if !text.trim().is_empty() {
                    thoughts.push(*text);
                }
            }
            Part::Call { id, name, args, thought } => {
                calls.push(json!({
                    "id": id, "type": "function",
                    "function": { "name": name, "arguments": serde_json::to_string(args).unwrap_or_else(|_| "{}".into()) },
                }));
                details.extend(
                    thought.and_then(|it| serde_json::from_str::<Value>(it).ok()).filter(Value::is_object),
                );
            }
            Part::Text { .. } | Part::Image { .. } => {}
        }
    }
    let mut message = Map::new();
    message.insert("role".into(), "assistant".into());
    let content = if compat.thinking_as_text && !thoughts.is_empty() {
        let mut blocks = vec![json!({ "type": "text", "text": thoughts.join("\n\n") })];
        blocks.extend(texts.iter().map(|it| json!({ "type": "text", "text": it })));
        blocks.into()
    } else if !texts.is_empty() {
        texts.concat().into()
    } else if compat.assistant_after_tool_result {
        "".into()
    } else {
        Value::Null
    };
    if texts.is_empty() && calls.is_empty() && !content.is_array() {
        return None;
    }
    message.insert("content".into(), content);
    if !compat.thinking_as_text && details.is_empty() && !thoughts.is_empty() {
        if let Some(field) = field {
            message.insert(field.into(), thoughts.join("\n").into());
        }
    }
    if compat.reasoning_content && request.model.reasoning && !message.contains_key("reasoning_content") {
        message.insert("reasoning_content".into(), "".into());
    }
    if !calls.is_empty() {
        message.insert("tool_calls".into(), calls.into());
    }
    if !details.is_empty() {
        message.insert("reasoning_details".into(), details.into());
    }
    Some(message.into())
}

/// A run of results, then its images: this dialect has no place for images in a result.
fn tool_results(messages: &mut Vec<Value>, compat: &Compat, turns: &[Turn<'_>]) {
    let mut images = Vec::new();
    for turn in turns {
        let Turn::ToolResult { id, name, parts, .. } = turn else { continue };
        let shown: Vec<Value> =
            parts.iter().filter(|it| matches!(it, Part::Image { .. })).filter_map(user_part).collect();
        let mut text = parts.iter().filter_map(Part::as_text).collect::<Vec<_>>().join("\n");
        if text.is_empty() {
            text = if shown.is_empty() { "(no tool output)".into() } else { "(see attached image)".into() };
        }
        let mut message = json!({ "role": "tool", "content": text, "tool_call_id": id });
        if compat.tool_result_name {
            message["name"] = (*name).into();
        }
        messages.push(message);
        images.extend(shown);
    }
    if !images.is_empty() {
        if compat.assistant_after_tool_result {
            messages.push(bridge());
        }
        images.insert(0, json!({ "type": "text", "text": "Attached image(s) from tool result:" }));
        messages.push(json!({ "role": "user", "content": images }));
    }
}

/// Cache mark of Anthropic models behind a router: the last text of the conversation.
fn mark_last_text(messages: &mut [Value]) {
    for message in messages.iter_mut().rev().filter(|it| it["role"] == "user" || it["role"] == "assistant") {
        if let Some(text) = message["content"].as_str().map(str::to_owned) {
            message["content"] = json!([{ "type": "text", "text": text }]);
        }
        let parts = message["content"].as_array_mut();
        if let Some(part) = parts.and_then(|it| it.iter_mut().rev().find(|it| it["type"] == "text")) {
            part["cache_control"] = json!({ "type": "ephemeral" });
            return;
        }
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
