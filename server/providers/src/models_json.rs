//! `models.json`: the user's own providers and models, and changes to ours (resources.md §2).
//!
//! Rules of older and newer Pi are merged leniently: only an id is required of a model. What is wrong is reported
//! in Pi's words; what is right is used.

use std::{collections::BTreeMap, path::Path};

use pi_protocol::{InputKind, Model, ModelCost};
use serde_json::{Map, Value};

use crate::catalog;

/// One provider of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CustomProvider {
    pub base_url: Option<String>,
    /// Unresolved.
    pub api_key: Option<String>,
    pub auth_header: bool,
    /// Unresolved.
    pub headers: BTreeMap<String, String>,
    /// Complete models, to add or to put in place of ours with the same id.
    pub models: Vec<Model>,
    /// Model id → keys to replace in our model.
    pub overrides: Map<String, Value>,
    pub compat: Option<Value>,
}

/// The file's providers in file order.
pub(crate) type CustomProviders = Vec<(String, CustomProvider)>;

/// Reads `<agent_dir>/models.json`; nothing if it cannot be read.
pub(crate) fn load(agent_dir: &Path, warnings: &mut Vec<String>) -> Option<CustomProviders> {
    let path = agent_dir.join("models.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&text, &path, warnings),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(Vec::new()),
        Err(error) => {
            warnings.push(format!("Failed to load models.json: {error}\n\nFile: {}", path.display()));
            None
        }
    }
}

fn parse(text: &str, path: &Path, warnings: &mut Vec<String>) -> Option<CustomProviders> {
    let json: Value = match serde_json::from_str(&without_comments(text.trim_start_matches('\u{feff}'))) {
        Ok(json) => json,
        Err(error) => {
            warnings.push(format!("Failed to parse models.json: {error}\n\nFile: {}", path.display()));
            return None;
        }
    };
    let Some(providers) = json["providers"].as_object() else {
        warnings.push(schema_error("/providers", "must be an object", path));
        return None;
    };
    let mut all = Vec::with_capacity(providers.len());
    for (name, definition) in providers {
        match provider(name, definition, path, warnings) {
            Ok(it) => all.push((name.clone(), it)),
            Err(error) => warnings.push(error),
        }
    }
    Some(all)
}

fn schema_error(at: &str, problem: &str, path: &Path) -> String {
    format!("Invalid models.json schema:\n  - {at}: {problem}\n\nFile: {}", path.display())
}

fn provider(
    name: &str,
    definition: &Value,
    path: &Path,
    warnings: &mut Vec<String>,
) -> Result<CustomProvider, String> {
    let at = |key: &str| format!("/providers/{name}{key}");
    if !definition.is_object() {
        return Err(schema_error(&at(""), "must be an object", path));
    }
    for key in ["baseUrl", "apiKey", "api"] {
        if !matches!(definition[key], Value::Null | Value::String(_)) {
            return Err(schema_error(&at(&format!("/{key}")), "must be a string", path));
        }
    }
    let text = |key: &str| definition[key].as_str().map(str::to_owned);
    let mut provider = CustomProvider {
        base_url: text("baseUrl").filter(|it| !it.is_empty()),
        api_key: text("apiKey"),
        auth_header: definition["authHeader"] == true,
        headers: headers(&definition["headers"]),
        compat: definition.get("compat").filter(|it| it.is_object()).cloned(),
        overrides: definition["modelOverrides"].as_object().cloned().unwrap_or_default(),
        models: Vec::new(),
    };
    let models = match &definition["models"] {
        Value::Null => return Ok(provider),
        Value::Array(it) => it,
        _ => return Err(schema_error(&at("/models"), "must be an array", path)),
    };
    let builtin = catalog::provider(name);
    for (index, definition_of_model) in models.iter().enumerate() {
        match model(name, definition_of_model, definition, builtin) {
            Ok(mut model) => {
                model.compat = merged(provider.compat.as_ref(), model.compat.take());
                provider.models.push(model);
            }
            Err(Problem::Schema(key, problem)) => {
                warnings.push(schema_error(&at(&format!("/models/{index}{key}")), problem, path));
            }
            Err(Problem::Meaning(text)) => warnings.push(text),
        }
    }
    Ok(provider)
}

enum Problem {
    Schema(&'static str, &'static str),
    Meaning(String),
}

fn model(
    provider: &str,
    definition: &Value,
    of_provider: &Value,
    builtin: Option<&catalog::BuiltinProvider>,
) -> Result<Model, Problem> {
    let Some(object) = definition.as_object() else { return Err(Problem::Schema("", "must be an object")) };
    let Some(id) = definition["id"].as_str().filter(|it| !it.is_empty()) else {
        return Err(Problem::Schema("/id", "must be a non-empty string"));
    };
    let text = |key: &str| definition[key].as_str().or(of_provider[key].as_str()).filter(|it| !it.is_empty());
    let base_url = text("baseUrl").or(builtin.map(|it| it.base_url));
    let api = text("api").or(builtin.map(|it| it.api));
    let api = api.ok_or_else(|| {
        Problem::Meaning(format!(
            "Provider {provider}, model {id}: no \"api\" specified. Set at provider or model level."
        ))
    })?;
    // The scripted model lives nowhere.
    let base_url = base_url.or((api == crate::faux::API).then_some("")).ok_or_else(|| {
        Problem::Meaning(format!("Provider {provider}: \"baseUrl\" is required when defining custom models."))
    })?;
    let count = |key: &str, default: u64| match &definition[key] {
        Value::Null => Ok(default),
        it => it
            .as_u64()
            .or(it.as_f64().filter(|it| *it >= 0.0).map(|it| it as u64))
            .filter(|&it| it > 0)
            .ok_or_else(|| Problem::Meaning(format!("Provider {provider}, model {id}: invalid {key}"))),
    };
    let typed = |key: &'static str| (key, definition[key].clone());
    let mut model = Model {
        id: id.into(),
        name: definition["name"].as_str().unwrap_or(id).into(),
        api: api.into(),
        provider: provider.into(),
        base_url: base_url.into(),
        reasoning: definition["reasoning"] == true,
        input: vec![InputKind::Text],
        cost: ModelCost::default(),
        context_window: count("contextWindow", 128_000)?,
        max_tokens: count("maxTokens", 16_384)?,
        headers: Some(headers(&definition["headers"])).filter(|it| !it.is_empty()),
        compat: definition.get("compat").filter(|it| it.is_object()).cloned(),
        thinking_level_map: None,
        local: false,
        extra: Map::new(),
    };
    if let (_, it @ Value::Array(_)) = typed("input") {
        model.input = serde_json::from_value(it)
            .map_err(|_| Problem::Schema("/input", "must list \"text\" and \"image\""))?;
    }
    if let (_, it @ Value::Object(_)) = typed("cost") {
        model.cost = serde_json::from_value(it).map_err(|_| Problem::Schema("/cost", "must be numbers"))?;
    }
    if let (_, it @ Value::Object(_)) = typed("thinkingLevelMap") {
        model.thinking_level_map = serde_json::from_value(it)
            .map_err(|_| Problem::Schema("/thinkingLevelMap", "must map levels to strings or null"))?;
    }
    for key in ["inputLimits", "promptCache", "samplingParams", "script"] {
        if let Some(value) = object.get(key) {
            model.extra.insert(key.into(), value.clone());
        }
    }
    Ok(model)
}

fn headers(value: &Value) -> BTreeMap<String, String> {
    let all = value.as_object().into_iter().flatten();
    all.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// Values of the model win over those of the provider, key by key.
pub(crate) fn merged(of_provider: Option<&Value>, of_model: Option<Value>) -> Option<Value> {
    match (of_provider, of_model) {
        (Some(Value::Object(base)), Some(Value::Object(over))) => {
            let mut all = base.clone();
            all.extend(over);
            Some(all.into())
        }
        (base, over) => over.or(base.cloned()),
    }
}

/// Replaces comments and trailing commas by blanks, so that positions in errors stay right.
fn without_comments(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    let bytes = text.as_bytes();
    let (mut at, mut last) = (0, None);
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'"', _) => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                last = None;
            }
            (b'/', Some(b'/' | b'*')) => {
                let end = match bytes[at + 1] {
                    b'/' => text[at..].find('\n').map_or(bytes.len(), |it| at + it),
                    _ => text[at + 2..].find("*/").map_or(bytes.len(), |it| at + it + 4),
                };
                for byte in &mut out[at..end] {
                    if *byte != b'\n' {
                        *byte = b' ';
                    }
                }
                at = end;
                continue;
            }
            (b',', _) => last = Some(at),
            (b'}' | b']', _) => {
                if let Some(comma) = last.take() {
                    out[comma] = b' ';
                }
            }
            (b' ' | b'\n' | b'\r' | b'\t', _) => {}
            _ => last = None,
        }
        at += 1;
    }
    // Only whole characters were replaced, by ASCII.
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
#[path = "models_json_tests.rs"]
mod tests;
