//! TypeScript declarations from the schema: one type per definition, and a map of the methods.
//!
//! Covers what our own types produce (objects, tagged and untagged choices, flattened references), not JSON Schema
//! as such.

use serde_json::Value;

use crate::schema::{Protocol, alternatives, is_required, name_of};

const HEAD: &str = "\
// Generated from protocol/src by `UPDATE=1 cargo test -p pi-protocol --test generated`: do not edit.
";

const TAIL: &str = "\
/** A line a JSONL client sends: the parameters beside `type` and an `id` of the client's choice. */
export type JsonlCommand = {
  [M in keyof Methods]: Methods[M][\"jsonl\"] extends string
    ? { id?: unknown; type: Methods[M][\"jsonl\"] } & Methods[M][\"params\"]
    : never;
}[keyof Methods];

/** The answer to a line, over JSONL. */
export type JsonlResponse =
  | { id?: unknown; type: \"response\"; command: string; success: true; data?: unknown }
  | { id?: unknown; type: \"response\"; command?: string; success: false; error: string };

/** A line a JSONL client receives. */
export type JsonlRecord = JsonlResponse | AgentEvent;
";

/// The declaration file.
pub fn render(protocol: &Protocol) -> String {
    let mut out = HEAD.to_owned();
    for (name, schema) in &protocol.definitions {
        out.push('\n');
        comment(&mut out, "", schema);
        out.push_str(&format!("export type {name} = {};\n", type_of(schema, "")));
    }
    out.push_str(
        "\n/** Every request: its parameters and its result, by LSP name. */\nexport interface Methods {\n",
    );
    for row in &protocol.rows {
        let jsonl = row.method.jsonl_name().map_or("null".to_owned(), |it| format!("\"{it}\""));
        out.push_str(&format!("  /** {} */\n", row.method.doc()));
        out.push_str(&format!(
            "  \"{}\": {{ jsonl: {jsonl}; params: {}; result: {} }};\n",
            row.method.lsp_name(),
            type_of(&row.params, "  "),
            type_of(&row.result, "  "),
        ));
    }
    out.push_str(
        "}\n\n/** Every request of the server to its client. */\nexport interface ClientMethods {\n",
    );
    for row in &protocol.client {
        out.push_str(&format!("  /** {} */\n", row.method.doc()));
        out.push_str(&format!(
            "  \"{}\": {{ params: {}; result: {} }};\n",
            row.method.lsp_name(),
            type_of(&row.params, "  "),
            type_of(&row.result, "  "),
        ));
    }
    out.push_str("}\n\n");
    out + TAIL
}

fn comment(out: &mut String, indent: &str, schema: &Value) {
    if let Some(text) = schema["description"].as_str() {
        let text = text.split('\n').map(str::trim).filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ");
        out.push_str(&format!("{indent}/** {} */\n", text.replace("*/", "* /")));
    }
}

/// The type a schema describes; all parts of a schema hold at once, so they are intersected.
fn type_of(schema: &Value, indent: &str) -> String {
    let mut parts = Vec::new();
    if let Some(reference) = schema["$ref"].as_str() {
        parts.push(name_of(reference).to_owned());
    }
    if let Some(choice) = alternatives(schema) {
        let types: Vec<String> = choice.iter().map(|it| grouped(type_of(it, indent))).collect();
        parts.push(types.join(" | "));
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        parts.push(type_of(part, indent));
    }
    if let Some(values) = schema["enum"].as_array() {
        parts.push(values.iter().map(Value::to_string).collect::<Vec<_>>().join(" | "));
    } else if !schema["const"].is_null() {
        parts.push(schema["const"].to_string());
    } else if schema["properties"].as_object().is_some_and(|it| !it.is_empty()) {
        parts.push(object(schema, indent));
    } else if let Some(kinds) = schema["type"].as_array() {
        let types: Vec<_> =
            kinds.iter().filter_map(Value::as_str).map(|it| plain(it, schema, indent)).collect();
        parts.push(types.join(" | "));
    } else if let Some(kind) = schema["type"].as_str().filter(|it| parts.is_empty() || *it != "object") {
        parts.push(plain(kind, schema, indent));
    }
    match parts.len() {
        0 => "unknown".to_owned(),
        1 => parts.remove(0),
        _ => parts.into_iter().map(grouped).collect::<Vec<_>>().join(" & "),
    }
}

/// Brackets a union, which binds weaker than what it stands in.
fn grouped(text: String) -> String {
    let depth_zero_bar = text
        .chars()
        .scan(0, |depth, it| {
            match it {
                '{' | '(' | '<' | '[' => *depth += 1,
                '}' | ')' | '>' | ']' => *depth -= 1,
                _ => {}
            }
            Some((*depth, it))
        })
        .any(|it| it == (0, '|'));
    if depth_zero_bar { format!("({text})") } else { text }
}

fn object(schema: &Value, indent: &str) -> String {
    let inner = format!("{indent}  ");
    let mut out = "{\n".to_owned();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        comment(&mut out, &inner, property);
        let mark = if is_required(schema, name) { "" } else { "?" };
        out.push_str(&format!("{inner}{name}{mark}: {};\n", type_of(property, &inner)));
    }
    out + indent + "}"
}

fn plain(kind: &str, schema: &Value, indent: &str) -> String {
    match kind {
        "integer" | "number" => "number".to_owned(),
        "array" => format!("{}[]", grouped(type_of(&schema["items"], indent))),
        "object" => match &schema["additionalProperties"] {
            Value::Object(_) => {
                format!("Record<string, {}>", type_of(&schema["additionalProperties"], indent))
            }
            Value::Bool(false) => "Record<string, never>".to_owned(),
            _ => "Record<string, unknown>".to_owned(),
        },
        other => other.to_owned(),
    }
}
