//! LuaCATS annotations from the schema, for editors written in Lua.
//!
//! An object becomes a class; a choice between tagged objects becomes one class per tag (`pi.AgentEvent.turn_end`)
//! and an alias of all of them.

use serde_json::Value;

use crate::schema::{Protocol, alternatives, is_required, name_of, tag};

const HEAD: &str = "\
---@meta
-- Generated from protocol/src by `UPDATE=1 cargo test -p pi-protocol --test generated`: do not edit.
";

/// The annotation file.
pub fn render(protocol: &Protocol) -> String {
    let mut out = HEAD.to_owned();
    for (name, schema) in &protocol.definitions {
        define(&mut out, &format!("pi.{name}"), schema);
    }
    out.push_str("\n---Every request by its LSP name.\n---@alias pi.Method\n");
    for row in &protocol.rows {
        out.push_str(&format!("---| \"{}\" # {}\n", row.method.lsp_name(), row.method.doc()));
    }
    out.push_str("\n---Every request of the server to its client.\n---@alias pi.ClientMethod\n");
    for row in &protocol.client {
        out.push_str(&format!("---| \"{}\" # {}\n", row.method.lsp_name(), row.method.doc()));
    }
    out
}

fn define(out: &mut String, name: &str, schema: &Value) {
    let Some(choice) = alternatives(schema) else {
        out.push('\n');
        describe(out, schema);
        if is_object(schema) {
            class(out, name, schema);
        } else {
            out.push_str(&format!("---@alias {name} {}\n", type_of(schema)));
        }
        return;
    };
    let mut types = Vec::new();
    for (index, variant) in choice.iter().enumerate() {
        let described = variant["description"].as_str().map(one_line);
        let text = if is_object(variant) && variant["properties"].is_object() {
            let variant_name =
                format!("{name}.{}", tag(variant).map_or((index + 1).to_string(), str::to_owned));
            out.push('\n');
            describe(out, variant);
            class(out, &variant_name, variant);
            variant_name
        } else {
            type_of(variant)
        };
        types.push((text, described));
    }
    out.push('\n');
    describe(out, schema);
    if schema["properties"].as_object().is_some_and(|it| !it.is_empty()) {
        // Fields beside the choice (a flattened tag): shared by all variants.
        class(out, &format!("{name}.base"), schema);
    }
    out.push_str(&format!("---@alias {name}\n"));
    for (text, described) in types {
        let described = described.map_or(String::new(), |it| format!(" # {it}"));
        out.push_str(&format!("---| {text}{described}\n"));
    }
}

fn is_object(schema: &Value) -> bool {
    schema["type"] == "object" || schema["properties"].is_object()
}

fn class(out: &mut String, name: &str, schema: &Value) {
    let mut parents: Vec<String> =
        schema["$ref"].as_str().map(|it| format!("pi.{}", name_of(it))).into_iter().collect();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        parents.extend(part["$ref"].as_str().map(|it| format!("pi.{}", name_of(it))));
    }
    let parents = if parents.is_empty() { String::new() } else { format!(": {}", parents.join(", ")) };
    out.push_str(&format!("---@class {name}{parents}\n"));
    for (field, property) in schema["properties"].as_object().into_iter().flatten() {
        let mark = if is_required(schema, field) { "" } else { "?" };
        let described =
            property["description"].as_str().map_or(String::new(), |it| format!(" {}", one_line(it)));
        out.push_str(&format!("---@field {field}{mark} {}{described}\n", type_of(property)));
    }
}

fn describe(out: &mut String, schema: &Value) {
    if let Some(text) = schema["description"].as_str() {
        out.push_str(&format!("---{}\n", one_line(text)));
    }
}

fn one_line(text: &str) -> String {
    text.split('\n').map(str::trim).filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ")
}

fn type_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return format!("pi.{}", name_of(reference));
    }
    if let Some(choice) = alternatives(schema) {
        return choice.into_iter().map(type_of).collect::<Vec<_>>().join("|");
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(Value::to_string).collect::<Vec<_>>().join("|");
    }
    if !schema["const"].is_null() {
        return schema["const"].to_string();
    }
    match &schema["type"] {
        Value::String(kind) => plain(kind, schema),
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).map(|it| plain(it, schema)).collect::<Vec<_>>().join("|")
        }
        _ => "any".to_owned(),
    }
}

fn plain(kind: &str, schema: &Value) -> String {
    match kind {
        "array" => {
            let item = type_of(&schema["items"]);
            if item.contains('|') { format!("({item})[]") } else { format!("{item}[]") }
        }
        "object" => match &schema["additionalProperties"] {
            Value::Object(_) => format!("table<string, {}>", type_of(&schema["additionalProperties"])),
            _ => "table".to_owned(),
        },
        // JSON null decodes to a userdata in every Lua editor.
        "null" => "vim.NIL".to_owned(),
        other => other.to_owned(),
    }
}
