//! What `docs/protocol.md` has from the types, between marker comments: the hash, methods, requests to the
//! client, and events.

use serde_json::Value;

use crate::schema::{Protocol, alternatives, name_of, tag};

/// Name of each marked part and its text.
pub fn tables(protocol: &Protocol, hash: &str) -> [(&'static str, String); 4] {
    let hash = format!("The hash of this version is `{hash}`.\n");
    [
        ("hash", hash),
        ("methods", methods(protocol)),
        ("client methods", client_methods(protocol)),
        ("events", events(protocol)),
    ]
}

/// Replaces what stands between the markers of `name`.
pub fn replace(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- generated: {name} -->\n"), format!("<!-- end: {name} -->"));
    let place = text.find(&begin).map(|it| it + begin.len()).zip(text.find(&end));
    let Some((from, to)) = place else {
        panic!("docs/protocol.md needs the markers {begin:?} and {end:?}");
    };
    format!("{}{table}{}", &text[..from], &text[to..])
}

fn methods(protocol: &Protocol) -> String {
    let mut out =
        "| LSP | JSONL | Parameters | Result | Order | Shape | |\n|---|---|---|---|---|---|---|\n".to_owned();
    for row in &protocol.rows {
        let method = row.method;
        out.push_str(&format!(
            "| `{}` | {} | {} | {} | {} | {} | {} |\n",
            method.lsp_name(),
            method.jsonl_name().map_or("–".to_owned(), |it| format!("`{it}`")),
            type_name(&row.params),
            type_name(&row.result),
            format!("{:?}", method.scope()).to_lowercase(),
            format!("{:?}", method.stability()).to_lowercase(),
            method.doc(),
        ));
    }
    out
}

fn client_methods(protocol: &Protocol) -> String {
    let mut out = "| Request | Capability | Parameters | Result | |\n|---|---|---|---|---|\n".to_owned();
    for row in &protocol.client {
        out.push_str(&format!(
            "| `{}` | `{}` | {} | {} | {} |\n",
            row.method.lsp_name(),
            row.method.capability(),
            type_name(&row.params),
            type_name(&row.result),
            row.method.doc(),
        ));
    }
    out
}

fn events(protocol: &Protocol) -> String {
    let mut out = "| Event | Fields | |\n|---|---|---|\n".to_owned();
    for variant in alternatives(&protocol.definitions["AgentEvent"]).into_iter().flatten() {
        let Some(name) = tag(variant) else { continue };
        let required = variant["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        let fields: Vec<String> = variant["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, it)| it["const"].is_null())
            .map(|(field, _)| {
                let mark = if required.iter().any(|it| it == field) { "" } else { "?" };
                format!("`{field}{mark}`")
            })
            .collect();
        let text = variant["description"].as_str().unwrap_or_default().replace('\n', " ");
        out.push_str(&format!("| `{name}` | {} | {text} |\n", fields.join(", ")));
    }
    out
}

fn type_name(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return format!("`{}`", name_of(reference));
    }
    if let Some(choice) = alternatives(schema) {
        return choice.into_iter().map(type_name).collect::<Vec<_>>().join(" or ");
    }
    schema["type"].as_str().map_or("any".to_owned(), |it| format!("`{it}`"))
}
