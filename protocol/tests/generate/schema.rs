//! Collects the JSON Schemas of everything that crosses the boundary.
//!
//! What clients send is described as we read it (defaults are optional), what they receive as we write it. A type
//! that goes both ways and differs gets a second definition with the suffix `Input`.

use std::collections::BTreeMap;

use pi_protocol::{
    ActivityParams, AgentEvent, AgentMessage, ClientMethod, Entry, Envelope, Method, SessionHeader,
    ui::ExtensionUiResponse,
};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

const REFERENCE: &str = "#/$defs/";

/// What is written besides results.
const ROOTS: [&str; 6] =
    ["ActivityParams", "AgentEvent", "Envelope", "AgentMessage", "Entry", "SessionHeader"];

/// One row of the method table.
pub struct Row {
    pub method: Method,
    /// Schema or reference.
    pub params: Value,
    /// Schema or reference.
    pub result: Value,
}

/// One row of the table of requests to the client.
pub struct ClientRow {
    pub method: ClientMethod,
    /// Schema or reference.
    pub params: Value,
    /// Schema or reference.
    pub result: Value,
}

/// Everything the generators need.
pub struct Protocol {
    pub rows: Vec<Row>,
    pub client: Vec<ClientRow>,
    /// By name, sorted.
    pub definitions: BTreeMap<String, Value>,
}

impl Protocol {
    /// The protocol as the types have it.
    pub fn collect() -> Self {
        let mut reading = SchemaSettings::draft2020_12().for_deserialize().into_generator();
        let mut writing = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let mut rows: Vec<Row> = Method::ALL
            .iter()
            .map(|&method| Row {
                method,
                params: method.schemas(&mut reading).0.to_value(),
                result: method.schemas(&mut writing).1.to_value(),
            })
            .collect();
        let mut client: Vec<ClientRow> = ClientMethod::ALL
            .iter()
            .map(|&method| {
                let (params, result) = method.schemas(&mut writing, &mut reading);
                ClientRow { method, params: params.to_value(), result: result.to_value() }
            })
            .collect();
        reading.subschema_for::<ExtensionUiResponse>();
        writing.subschema_for::<ActivityParams>();
        writing.subschema_for::<AgentEvent>();
        writing.subschema_for::<Envelope>();
        writing.subschema_for::<AgentMessage>();
        writing.subschema_for::<Entry>();
        writing.subschema_for::<SessionHeader>();

        // The reading generator met the results as well; only what parameters reach is read.
        let mut wanted = vec!["ExtensionUiResponse".to_owned()];
        rows.iter().for_each(|row| references(&row.params, &mut wanted));
        client.iter().for_each(|row| references(&row.result, &mut wanted));
        let mut read = reachable(definitions(&mut reading), wanted);
        let mut wanted: Vec<String> = ROOTS.map(str::to_owned).into();
        rows.iter().for_each(|row| references(&row.result, &mut wanted));
        client.iter().for_each(|row| references(&row.params, &mut wanted));
        let mut definitions = reachable(definitions(&mut writing), wanted);
        let differing = differing(&read, &definitions);
        for name in &differing {
            let input = format!("{name}Input");
            for definition in read.values_mut() {
                rename(definition, name, &input);
            }
            for row in &mut rows {
                rename(&mut row.params, name, &input);
            }
            for row in &mut client {
                rename(&mut row.result, name, &input);
            }
            if let Some(definition) = read.remove(name) {
                read.insert(input, definition);
            }
        }
        definitions.extend(read);
        Self { rows, client, definitions }
    }

    /// The schema file.
    pub fn to_json(&self) -> String {
        let methods: Map<String, Value> = self
            .rows
            .iter()
            .map(|row| {
                let entry = json!({
                    "description": row.method.doc(),
                    "jsonl": row.method.jsonl_name(),
                    "params": row.params,
                    "result": row.result,
                    "scope": format!("{:?}", row.method.scope()).to_lowercase(),
                    "stability": format!("{:?}", row.method.stability()).to_lowercase(),
                });
                (row.method.lsp_name().to_owned(), entry)
            })
            .collect();
        let client: Map<String, Value> = self
            .client
            .iter()
            .map(|row| {
                let entry = json!({
                    "description": row.method.doc(),
                    "capability": row.method.capability(),
                    "params": row.params,
                    "result": row.result,
                });
                (row.method.lsp_name().to_owned(), entry)
            })
            .collect();
        let document = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "pi protocol",
            "description": "Generated from protocol/src: do not edit. `methods` lists every request by its LSP name, `clientMethods` those \
                            of the server to its client; events are `AgentEvent`, over LSP inside `pi/event` as `Envelope`.",
            "methods": methods,
            "clientMethods": client,
            "$defs": self.definitions,
        });
        let mut text = serde_json::to_string_pretty(&document).unwrap();
        text.push('\n');
        text
    }
}

fn definitions(generator: &mut SchemaGenerator) -> BTreeMap<String, Value> {
    let mut definitions: BTreeMap<String, Value> = generator.take_definitions(true).into_iter().collect();
    definitions.values_mut().for_each(absent_not_null);
    definitions
}

/// The definitions that `wanted` names, and what they name in turn.
fn reachable(mut all: BTreeMap<String, Value>, mut wanted: Vec<String>) -> BTreeMap<String, Value> {
    let mut kept = BTreeMap::new();
    while let Some(name) = wanted.pop() {
        if let Some((name, definition)) = all.remove_entry(&name) {
            references(&definition, &mut wanted);
            kept.insert(name, definition);
        }
    }
    kept
}

/// Names whose definition depends on the direction, themselves or through what they name.
fn differing(read: &BTreeMap<String, Value>, written: &BTreeMap<String, Value>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    loop {
        let more: Vec<String> = read
            .iter()
            .filter(|(name, it)| {
                let mut named = Vec::new();
                references(it, &mut named);
                let other = written.get(*name);
                !found.contains(name)
                    && (other.is_some_and(|other| other != *it)
                        || other.is_some() && named.iter().any(|it| found.contains(it)))
            })
            .map(|(name, _)| name.clone())
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// An optional property is absent when it has no value; only a required one can be `null`.
fn absent_not_null(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            let required = fields.get("required").cloned().unwrap_or_default();
            if let Some(Value::Object(properties)) = fields.get_mut("properties") {
                for (name, property) in properties {
                    if !required.as_array().is_some_and(|it| it.iter().any(|it| it == name)) {
                        drop_null(property);
                    }
                }
            }
            fields.values_mut().for_each(absent_not_null);
        }
        Value::Array(items) => items.iter_mut().for_each(absent_not_null),
        _ => {}
    }
}

fn drop_null(property: &mut Value) {
    let Some(fields) = property.as_object_mut() else { return };
    if let Some(Value::Array(kinds)) = fields.get_mut("type") {
        kinds.retain(|it| it != "null");
        if let [only] = kinds.as_slice() {
            let only = only.clone();
            fields.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choice)) = fields.get_mut("anyOf") {
        choice.retain(|it| it["type"] != "null");
        if let [Value::Object(only)] = choice.as_slice() {
            let only = only.clone();
            fields.shift_remove("anyOf");
            fields.extend(only.into_iter().filter(|(key, _)| key != "description"));
        }
    }
    if fields.get("default").is_some_and(Value::is_null) {
        fields.shift_remove("default");
    }
}

fn rename(schema: &mut Value, from: &str, to: &str) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                if key == "$ref" && value.as_str().is_some_and(|it| it == format!("{REFERENCE}{from}")) {
                    *value = Value::from(format!("{REFERENCE}{to}"));
                } else {
                    rename(value, from, to);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|it| rename(it, from, to)),
        _ => {}
    }
}

fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(target) if key == "$ref" => found.push(name_of(target).to_owned()),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|it| references(it, found)),
        _ => {}
    }
}

/// Name of the definition a reference points to.
pub fn name_of(reference: &str) -> &str {
    reference.strip_prefix(REFERENCE).unwrap_or(reference)
}

/// Alternatives of a schema, if it is a choice. "Anything else" is left out: it would swallow the others.
pub fn alternatives(schema: &Value) -> Option<Vec<&Value>> {
    let all = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array())?;
    Some(all.iter().filter(|it| !is_anything(it)).collect())
}

/// Whether the schema says no more than "JSON" or "an object".
fn is_anything(schema: &Value) -> bool {
    let Some(fields) = schema.as_object() else { return schema == &Value::Bool(true) };
    fields.keys().all(|it| ["description", "type", "additionalProperties"].contains(&it.as_str()))
        && fields.get("type").is_none_or(|it| it == "object")
        && !fields.get("additionalProperties").is_some_and(Value::is_object)
}

/// The first value of a `const`ant property: the tag of a variant.
pub fn tag(schema: &Value) -> Option<&str> {
    schema["properties"].as_object()?.values().find_map(|it| it["const"].as_str())
}

/// Whether the property must be there.
pub fn is_required(schema: &Value, property: &str) -> bool {
    schema["required"].as_array().is_some_and(|it| it.iter().any(|it| it == property))
}
