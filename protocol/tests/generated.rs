//! Keeps `protocol/generated/` and the tables of `docs/protocol.md` equal to the types.
//!
//! Editors and programs in other languages build against the generated files, so they are committed and reviewed
//! like code. `UPDATE=1 cargo test -p pi-protocol --test generated` rewrites them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "generate/lua.rs"]
mod lua;
#[path = "generate/markdown.rs"]
mod markdown;
#[path = "generate/schema.rs"]
mod schema;
#[path = "generate/typescript.rs"]
mod typescript;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use pi_protocol::{ClientMethod, Method, Request};
use schema::Protocol;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Compares the file with `text`, or rewrites it when asked to.
fn check(relative: &str, text: &str) {
    let path = root().join(relative);
    let committed = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    if committed == text {
        return;
    }
    if env::var_os("UPDATE").is_some_and(|it| it == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        return;
    }
    let line = committed.lines().zip(text.lines()).position(|(old, new)| old != new);
    let line = line.unwrap_or(committed.lines().count().min(text.lines().count()));
    panic!(
        "{relative} is stale from line {}:\n  committed: {}\n  generated: {}\n\
         Run `UPDATE=1 cargo test -p pi-protocol --test generated` and commit the result.",
        line + 1,
        committed.lines().nth(line).unwrap_or("(end)"),
        text.lines().nth(line).unwrap_or("(end)"),
    );
}

/// FNV-1a, 64 bits: tells versions of the schema apart, proves nothing.
fn fingerprint(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[test]
fn json_schema_and_its_hash() {
    let schema = Protocol::collect().to_json();
    check("protocol/generated/pi.schema.json", &schema);
    check("protocol/generated/schema.hash", &fingerprint(&schema));
}

#[test]
fn typescript_declarations() {
    check("protocol/generated/pi.d.ts", &typescript::render(&Protocol::collect()));
}

#[test]
fn lua_annotations() {
    check("protocol/generated/pi.lua", &lua::render(&Protocol::collect()));
}

#[test]
fn tables_of_the_documentation() {
    let protocol = Protocol::collect();
    let path = "docs/protocol.md";
    let mut text = fs::read_to_string(root().join(path)).unwrap_or_default().replace("\r\n", "\n");
    for (name, table) in markdown::tables(&protocol, &fingerprint(&protocol.to_json())) {
        text = markdown::replace(&text, name, &table);
    }
    check(path, &text);
}

/// The JSON after `{arrow} {name} ` in the documentation, of the lines that have it whole.
fn examples(text: &str, arrow: char, name: &str) -> Vec<serde_json::Value> {
    let begin = format!("{arrow} {name} ");
    text.lines().filter_map(|it| serde_json::from_str(it.strip_prefix(&begin)?).ok()).collect()
}

#[test]
fn every_request_has_an_example_that_is_right() {
    let text = fs::read_to_string(root().join("docs/protocol.md")).unwrap();
    for &method in Method::ALL {
        let found = examples(&text, '→', method.lsp_name());
        assert!(!found.is_empty(), "docs/protocol.md has no whole example of {}", method.lsp_name());
        for example in found {
            let parsed = Request::parse(method, example.clone());
            assert!(parsed.is_ok(), "{} {example}: {}", method.lsp_name(), parsed.unwrap_err());
        }
    }
    for &method in ClientMethod::ALL {
        let begins = format!("← {} {{", method.lsp_name());
        assert!(text.contains(&begins), "docs/protocol.md has no example of {}", method.lsp_name());
    }
}

#[test]
fn every_definition_is_reachable_and_every_reference_resolves() {
    let protocol = Protocol::collect();
    let text = protocol.to_json();
    for reference in text.split("#/$defs/").skip(1) {
        let name: String = reference.chars().take_while(|it| it.is_alphanumeric()).collect();
        assert!(protocol.definitions.contains_key(&name), "nothing is called {name}");
    }
    for (name, definition) in &protocol.definitions {
        assert!(definition["description"].is_string(), "{name} has no description");
    }
}
