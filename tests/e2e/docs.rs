//! The documents say what is true: tests that they name exist, links lead somewhere, the README shows the demo as
//! it is.

use std::{env, fs, path::PathBuf};

use pi_harness::Scratch;

use crate::{
    architecture::{root, sources},
    rpc::PI,
};

/// All documents: path and text.
fn documents() -> Vec<(PathBuf, String)> {
    let folders = [root(), root().join("docs"), root().join("docs/editors"), root().join("docs/clients")];
    let found: Vec<_> = folders
        .iter()
        .flat_map(|it| fs::read_dir(it).unwrap())
        .map(|it| it.unwrap().path())
        .filter(|it| it.extension().is_some_and(|it| it == "md"))
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    assert!(found.len() > 5, "the documents were not found");
    found
}

#[test]
fn the_map_names_tests_that_exist() {
    let text = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let all: String = sources().into_iter().map(|(_, text)| text).collect();
    let named: Vec<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|it| it.matches('_').count() >= 2 && it.chars().all(|it| it.is_alphanumeric() || it == '_'))
        .collect();
    assert!(named.len() > 20, "the tests were not found: {named:?}");
    for test in named {
        assert!(
            all.contains(&format!("fn {test}(")),
            "docs/architecture.md names {test}, which does not exist"
        );
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut links = 0;
    for (path, text) in documents() {
        for link in text.split("](").skip(1).filter_map(|it| it.split(')').next()) {
            let target = link.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            links += 1;
            let file = path.parent().unwrap().join(target);
            assert!(file.exists(), "{} links to {link}, which does not exist", path.display());
        }
    }
    assert!(links > 10, "the links were not found: {links}");
}

#[test]
fn the_pages_of_editors_show_the_configuration_that_is_shipped_and_tried() {
    let mut blocks = 0;
    for (path, text) in documents() {
        let mut told = text.clone();
        for file in text.split("<!-- editors/").skip(1).filter_map(|it| it.split(" -->").next()) {
            let begin = format!("<!-- editors/{file} -->\n```");
            let rest = told.split_once(&begin).expect("a block follows at once").1;
            let (language, rest) = rest.split_once('\n').unwrap();
            let old = rest.split_once("```").unwrap().0;
            let shipped = fs::read_to_string(root().join("editors").join(file)).unwrap();
            told = told.replace(
                &format!("{begin}{language}\n{old}```"),
                &format!("{begin}{language}\n{}```", shipped.replace("\r\n", "\n")),
            );
            blocks += 1;
        }
        if told != text {
            let update = env::var_os("UPDATE").is_some_and(|it| it == "1");
            assert!(update, "{} shows another configuration; UPDATE=1 mends it", path.display());
            fs::write(&path, told).unwrap();
        }
    }
    assert!(blocks >= 3, "the blocks were not found: {blocks}");
}

#[test]
fn the_zed_extension_is_what_its_page_says() {
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    let page = read("docs/editors/zed.md");
    let (manifest, cargo) = (read("editors/zed/extension.toml"), read("editors/zed/Cargo.toml"));
    let version = |text: &str| text.lines().find(|it| it.starts_with("version = ")).map(str::to_owned);
    assert_eq!(version(&manifest), version(&cargo));
    let (_, server) = manifest.split_once("[language_servers.pi]\n").unwrap();
    let (server, ids) = server.split_once("[language_servers.pi.language_ids]\n").unwrap();
    let quoted =
        |text: &str| -> Vec<String> { text.split('"').skip(1).step_by(2).map(str::to_owned).collect() };
    let languages = quoted(server.split_once("languages = ").unwrap().1);
    let told = format!("of one of these languages: {}.\n", languages.join(", "));
    assert!(page.contains(&told), "docs/editors/zed.md lists other languages than: {told}");
    assert!(languages.contains(&"Markdown".to_owned()), "the chat document is Markdown");
    let named = quoted(ids);
    assert!(
        named.iter().step_by(2).all(|it| languages.contains(it)),
        "an id of what is not served: {named:?}"
    );
    // Its settings are what it does without them, and what it looks up.
    let settings: String =
        read("editors/zed/settings.json").lines().filter(|it| !it.starts_with("//")).collect();
    let settings: serde_json::Value = serde_json::from_str(&settings).unwrap();
    let code = read("editors/zed/src/lib.rs");
    let binary = &settings["lsp"]["pi"]["binary"];
    assert!(code.contains(&format!("const PROGRAM: &str = {};", binary["path"])), "{binary}");
    assert!(code.contains(&format!("= {};\n", binary["arguments"])), "{binary}");
    let options = settings["lsp"]["pi"]["initialization_options"].to_string().replace([' ', '\n'], "");
    assert!(code.replace(' ', "").contains(&format!("json!({options})")), "{options}");
}

#[test]
fn the_readme_shows_the_demo_as_it_is() {
    const BEGIN: &str = "<!-- pi demo -->\n```diff\n";
    const END: &str = "```\n<!-- end -->";
    let scratch = Scratch::new();
    let output = scratch.command(PI).arg("demo").output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    // What to do next is said below the transcript already.
    let shown = shown.split("\nNext\n").next().unwrap();
    let path = root().join("README.md");
    let text = fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
    let from = text.find(BEGIN).expect("README.md has no place for the demo") + BEGIN.len();
    let to = text.find(END).expect("README.md has no end of the demo");
    if &text[from..to] == shown {
        return;
    }
    if env::var_os("UPDATE").is_some_and(|it| it == "1") {
        fs::write(&path, format!("{}{shown}{}", &text[..from], &text[to..])).unwrap();
        return;
    }
    panic!("README.md shows another demo; UPDATE=1 puts this into it:\n{shown}");
}
