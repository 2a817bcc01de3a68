//! House rules that a compiler does not know, checked on the sources (docs/architecture.md names them).

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All Rust sources of the repository: path relative to the root, with `/`, and text.
pub fn sources() -> Vec<(String, String)> {
    fn walk(root: &Path, directory: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name().into_string().unwrap();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "node_modules" {
                    walk(root, &path, found);
                }
            } else if name.ends_with(".rs") {
                let relative = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push((relative, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &root(), &mut found);
    assert!(found.len() > 30, "the sources were not found: {}", found.len());
    found
}

/// Source lines that are neither comments nor part of a file's own tests.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("mod tests"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line))
}

/// Names in the `[dependencies]` of a manifest.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(manifest)).unwrap();
    text.lines()
        .skip_while(|it| it.trim() != "[dependencies]")
        .skip(1)
        .take_while(|it| !it.starts_with('['))
        .filter_map(|it| it.split(['.', '=', ' ']).next())
        .filter(|it| !it.is_empty() && !it.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn check_dependencies(manifest: &str, allowed: &[&str]) {
    let found = dependencies(manifest);
    assert!(found.contains("serde_json"), "{manifest} was not understood: {found:?}");
    let extra: Vec<_> = found.iter().filter(|it| !allowed.contains(&it.as_str())).collect();
    assert!(extra.is_empty(), "{manifest} must stay light: {extra:?} (docs/architecture.md, invariant 1)");
}

#[test]
fn the_core_depends_on_nothing_heavy() {
    check_dependencies(
        "server/core/Cargo.toml",
        &[
            "pi-protocol",
            "async-trait",
            "bytes",
            "futures",
            "jiff",
            "regex",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tokio-util",
            "tracing",
            "uuid",
        ],
    );
}

#[test]
fn the_protocol_has_no_behaviour_to_depend_on() {
    check_dependencies("protocol/Cargo.toml", &["ryu-js", "schemars", "serde", "serde_json"]);
}

#[test]
fn host_and_providers_do_not_know_one_another() {
    for (manifest, stranger) in
        [("server/host/Cargo.toml", "pi-providers"), ("server/providers/Cargo.toml", "pi-host")]
    {
        let found = dependencies(manifest);
        assert!(found.contains("pi-core"), "{manifest} was not understood: {found:?}");
        assert!(!found.contains(stranger), "{manifest} knows {stranger}");
        assert!(!found.contains("pi-server"), "{manifest} knows the server");
    }
}

#[test]
fn every_file_says_why_it_exists() {
    let silent: Vec<_> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "these start without a `//!` paragraph: {silent:#?}");
}

#[test]
fn no_file_is_too_long_to_read() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|(path, text)| (text.lines().count(), path))
        .filter(|(lines, _)| *lines > 800)
        .collect();
    assert!(long.is_empty(), "over 800 lines, split them: {long:#?}");
}

#[test]
fn tower_lsp_stays_in_its_transport() {
    let mut users = 0;
    for (path, text) in sources() {
        let inside = path.starts_with("server/src/transport/lsp");
        for (line, code) in code_lines(&text) {
            let named = code.contains("tower_lsp") && !code.contains("tower_lsp_stays");
            users += usize::from(named && inside);
            let here = path == "tests/e2e/architecture.rs";
            assert!(!named || inside || here, "{path}:{line} names tower_lsp: {code}");
        }
    }
    assert!(users > 0 || !root().join("server/src/transport/lsp").exists(), "the transport was not found");
}

#[test]
fn nothing_prints_past_the_protocol() {
    // The command line's own output: these never run while stdout carries a protocol.
    let allowed = |path: &str| {
        path.starts_with("tests/")
            || path.contains("/tests/")
            || path.contains("/benches/")
            || path.starts_with("server/src/cli")
    };
    for (path, text) in sources().into_iter().filter(|(path, _)| !allowed(path)) {
        for (line, code) in code_lines(&text) {
            // What goes to stderr contains the names of what goes to stdout.
            let code = code.replace("eprint", "");
            let prints = ["println", "print", "dbg"].iter().any(|it| code.contains(&format!("{it}!(")));
            assert!(!prints, "{path}:{line} writes to stdout past the protocol: {code}");
        }
    }
}

#[test]
fn only_debug_builds_can_be_told_to_crash() {
    const OURS: &str = "server/host/src/crash.rs";
    let sources = sources();
    let told = |it: &(String, String)| code_lines(&it.1).any(|(_, line)| line.contains("PI_CRASH_"));
    let told: Vec<_> = sources.iter().filter(|it| it.0.starts_with("server/") && told(it)).collect();
    assert_eq!(told.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), [OURS]);
    let (before, after) = told[0].1.split_once("#[cfg(debug_assertions)]\nmod plan {").unwrap();
    assert!(!code_lines(before).any(|(_, line)| line.contains("PI_CRASH_")));
    assert!(after.contains("PI_CRASH_AT") && before.contains("#[cfg(debug_assertions)]\npub fn at("));
}

#[test]
fn the_core_names_no_file_and_no_transport() {
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with("server/core/src")) {
        for (line, code) in code_lines(&text) {
            for stranger in ["std::fs", "tokio::fs", "tokio::net", "std::net", "tokio::process", "lsp_types"]
            {
                assert!(!code.contains(stranger), "{path}:{line} names {stranger}: {code}");
            }
        }
    }
}

#[test]
fn the_repository_speaks_for_itself() {
    for (path, text) in sources() {
        for (index, line) in text.lines().enumerate() {
            let foreign = ["/work", "/wt/"].concat();
            assert!(!line.contains(&foreign), "{path}:{}: a path of somebody's machine", index + 1);
        }
    }
}
