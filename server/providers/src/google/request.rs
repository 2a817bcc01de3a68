//! The body of a Gemini request.

use pi_core::{ModelRequest, ThinkingBudgets};
use pi_protocol::ThinkingLevel;
use serde_json::{Map, Value, json};

use super::models;
use crate::{
    dialect,
    transform::{self, Part, Turn},
};

/// Builds the body.
pub(super) fn body(request: &ModelRequest) -> Value {
    let model = &request.model;
    let turns = transform::turns(request, |id, _| {
        if models::has_call_ids(&model.id) { transform::sanitise_id(id, 64) } else { id.to_owned() }
    });
    let mut body = json!({ "contents": contents(&model.id, &turns) });
    if !request.system_prompt.trim().is_empty() {
        body["systemInstruction"] = json!({ "parts": [{ "text": &*request.system_prompt }] });
    }
    if !request.tools.is_empty() {
        let tools: Vec<Value> = request
            .tools
            .iter()
            .map(|it| {
                json!({ "name": it.name, "description": it.description, "parametersJsonSchema": it.parameters })
            })
            .collect();
        body["tools"] = json!([{ "functionDeclarations": tools }]);
    }
    let thinking = thinking(request);
    // Thoughts count as output.
    let budget = thinking.as_ref().and_then(|it| it["thinkingBudget"].as_u64()).unwrap_or(0);
    let mut config = Map::new();
    if let Some(limit) = dialect::max_tokens(request, &turns, budget) {
        config.insert("maxOutputTokens".into(), limit.into());
    }
    config.extend(thinking.map(|it| ("thinkingConfig".to_owned(), it)));
    if let Some(own) = model.extra.get("samplingParams").and_then(Value::as_object) {
        config.extend(own.clone());
    }
    if !config.is_empty() {
        body["generationConfig"] = config.into();
    }
    body
}

fn thinking(request: &ModelRequest) -> Option<Value> {
    let model = &request.model;
    if !model.reasoning {
        return None;
    }
    let level = request.thinking;
    if level != ThinkingLevel::Off {
        return Some(if models::thinks_by_level(&model.id) {
            json!({ "includeThoughts": true, "thinkingLevel": word(request, level) })
        } else {
            json!({ "includeThoughts": true, "thinkingBudget": budget(request, level) })
        });
    }
    let map = model.thinking_level_map.as_ref();
    let never_off = map.is_some_and(|it| it.get(&level) == Some(&None));
    if !never_off {
        return Some(json!({ "thinkingBudget": 0 }));
    }
    // These refuse to stop thinking: the least they offer.
    let offered = |it: &ThinkingLevel| {
        *it != ThinkingLevel::Off && map.and_then(|map| map.get(it)).is_none_or(Option::is_some)
    };
    let least = ThinkingLevel::ALL.into_iter().find(offered)?;
    if models::thinks_by_level(&model.id) {
        return Some(json!({ "thinkingLevel": word(request, least) }));
    }
    Some(json!({ "thinkingBudget": budget(request, least) }))
}

/// The API's name of a level.
fn word(request: &ModelRequest, level: ThinkingLevel) -> String {
    use ThinkingLevel::*;
    let model = &request.model;
    let mapped = model.thinking_level_map.as_ref().and_then(|map| map.get(&level)).cloned().flatten();
    let word = match (level, model.id.contains("-pro")) {
        (Off | Minimal | Low, true) => "LOW",
        (Off | Minimal, false) => "MINIMAL",
        (Low, false) => "LOW",
        (Medium, false) => "MEDIUM",
        (Medium, true) | (High | Xhigh | Max, _) => "HIGH",
    };
    mapped.unwrap_or_else(|| word.to_owned())
}

/// Tokens for thinking; -1 lets the model decide.
fn budget(request: &ModelRequest, level: ThinkingLevel) -> i64 {
    let own = request.thinking_budgets.of(level);
    // Budgets the user set win; the general ones do not fit these models.
    if own != ThinkingBudgets::default().of(level) {
        return i64::try_from(own).unwrap_or(i64::MAX);
    }
    let by_level = |minimal: i64, high: i64| match level {
        ThinkingLevel::Off => 0,
        ThinkingLevel::Minimal => minimal,
        ThinkingLevel::Low => 2048,
        ThinkingLevel::Medium => 8192,
        ThinkingLevel::High | ThinkingLevel::Xhigh | ThinkingLevel::Max => high,
    };
    match &*request.model.id {
        id if id.contains("2.5-pro") => by_level(128, 32_768),
        // Refuses less than 512.
        id if id.contains("2.5-flash-lite") => by_level(512, 24_576),
        id if id.contains("2.5-flash") => by_level(128, 24_576),
        _ => -1,
    }
}

fn contents(model: &str, turns: &[Turn<'_>]) -> Vec<Value> {
    let mut contents = Vec::with_capacity(turns.len());
    let mut at = 0;
    while let Some(turn) = turns.get(at) {
        let (role, parts) = match turn {
            Turn::User(parts) => ("user", parts.iter().filter_map(|it| part(model, it)).collect::<Vec<_>>()),
            Turn::Assistant(parts) => ("model", parts.iter().filter_map(|it| part(model, it)).collect()),
            Turn::ToolResult { .. } => {
                let run = turns[at..].iter().take_while(|it| matches!(it, Turn::ToolResult { .. })).count();
                results(&mut contents, model, &turns[at..at + run]);
                at += run;
                continue;
            }
        };
        at += 1;
        if !parts.is_empty() {
            contents.push(json!({ "role": role, "parts": parts }));
        }
    }
    contents
}

fn part(model: &str, part: &Part<'_>) -> Option<Value> {
    let (mut value, signature) = match part {
        Part::Text { text, signature } => (json!({ "text": text }), *signature),
        Part::Thinking { redacted: true, .. } => return None,
        Part::Thinking { text, signature, .. } => (json!({ "thought": true, "text": text }), *signature),
        Part::Image { data, mime } => (image(data, mime), None),
        Part::Call { id, name, args, thought } => {
            let mut call = json!({ "name": name, "args": args });
            if models::has_call_ids(model) {
                call["id"] = id.as_str().into();
            }
            (json!({ "functionCall": call }), *thought)
        }
    };
    match signature.filter(|it| is_base64(it)) {
        Some(signature) => value["thoughtSignature"] = signature.into(),
        None if value["text"].as_str().is_some_and(|it| it.trim().is_empty()) => return None,
        None => {}
    }
    Some(value)
}

fn image(data: &str, mime: &str) -> Value {
    json!({ "inlineData": { "mimeType": mime, "data": data } })
}

/// Anything else than base64 makes the server refuse the request.
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    !digits.is_empty()
        && text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'+' || it == b'/')
}

/// A run of results in one turn, as the API wants as many results as there were calls; then the images of models
/// that take none inside a result.
fn results(contents: &mut Vec<Value>, model: &str, turns: &[Turn<'_>]) {
    let mut responses = Vec::new();
    let mut later = Vec::new();
    for turn in turns {
        let Turn::ToolResult { id, name, parts, is_error } = turn else { continue };
        let images: Vec<Value> = parts
            .iter()
            .filter_map(|it| match it {
                Part::Image { data, mime } => Some(image(data, mime)),
                _ => None,
            })
            .collect();
        let mut text = parts.iter().filter_map(Part::as_text).collect::<Vec<_>>().join("\n");
        if text.is_empty() && !images.is_empty() {
            text = "(see attached image)".into();
        }
        let key = if *is_error { "error" } else { "output" };
        let mut response = json!({ "name": name, "response": { key: text } });
        if models::has_call_ids(model) {
            response["id"] = id.as_str().into();
        }
        if models::nests_images(model) && !images.is_empty() {
            response["parts"] = images.into();
        } else {
            later.extend(images);
        }
        responses.push(json!({ "functionResponse": response }));
    }
    contents.push(json!({ "role": "user", "parts": responses }));
    if !later.is_empty() {
        later.insert(0, json!({ "text": "Tool result image:" }));
        contents.push(json!({ "role": "user", "parts": later }));
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
