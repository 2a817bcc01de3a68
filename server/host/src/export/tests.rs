//! Pages as a whole: what hostile sessions cannot do, and what a small one looks like.

use serde_json::{Value, json};

use super::*;

/// A page of these entries, each after the one before.
fn page_of(entries: Vec<Value>) -> String {
    let mut last: Option<String> = None;
    let entries: Vec<Entry> = entries
        .into_iter()
        .enumerate()
        .map(|(at, mut entry)| {
            entry["id"] = format!("id{at}").into();
            entry["parentId"] = last.clone().into();
            last = Some(format!("id{at}"));
            serde_json::from_value(entry).unwrap()
        })
        .collect();
    page(&header("/w", "s1"), &entries, last.as_deref())
}

fn header(cwd: &str, id: &str) -> SessionHeader {
    serde_json::from_value(json!({"type": "session", "version": 3, "id": id, "timestamp": "2026-01-02T03:04:05.700Z", "cwd": cwd}))
        .unwrap()
}

fn message(message: Value) -> Value {
    json!({"type": "message", "timestamp": "2026-01-02T03:04:06.000Z", "message": message})
}

fn answer(content: Value) -> Value {
    message(json!({"role": "assistant", "content": content, "api": "a", "provider": "p", "model": "m",
        "usage": {"input": 10, "output": 2, "cost": {"total": 0.25}}, "stopReason": "stop", "timestamp": 1}))
}

/// An element of a page: its name and attributes.
type Element = (String, Vec<(String, String)>);

/// The start tags of a page, read as strictly as we write. Anything else in angle brackets is a panic.
fn elements(page: &str) -> Vec<Element> {
    let body = page.strip_prefix("<!doctype html>").expect("no doctype");
    let (before, after) = body.split_once("<style>").unwrap();
    let (style, after) = after.split_once("</style>").unwrap();
    assert_eq!(style, STYLE);
    let mut found = Vec::new();
    for text in [before, after] {
        for tag in text.split('<').skip(1) {
            let (tag, _) = tag.split_once('>').unwrap_or_else(|| panic!("an open bracket: {tag:.80}"));
            if tag.starts_with('/') {
                continue;
            }
            let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
            let mut attributes = Vec::new();
            while !rest.is_empty() {
                let end = rest.find(['=', ' ']).unwrap_or(rest.len());
                let key = rest[..end].to_owned();
                rest = &rest[end..];
                let value = match rest.strip_prefix("=\"") {
                    Some(quoted) => {
                        let (value, tail) = quoted.split_once('"').unwrap();
                        rest = tail;
                        value.to_owned()
                    }
                    None => String::new(),
                };
                rest = rest.strip_prefix(' ').unwrap_or(rest);
                attributes.push((key, value));
            }
            found.push((name.to_owned(), attributes));
        }
    }
    assert!(found.len() > 10, "the page was not understood");
    found
}

/// Nothing in the page can run, load or lead anywhere but to the web.
fn assert_harmless(page: &str, what: &str) {
    const NAMES: &str = "html head meta title style body h1 h2 h3 h4 h5 h6 dl dt dd nav ul ol li a main article header b \
                         span mark time p div pre code details summary img ins del em strong blockquote table tr th td \
                         hr br footer";
    const KEYS: &str = "lang charset http-equiv content name class id dir open href rel alt src start";
    let known = |list: &str, word: &str| list.split_whitespace().any(|it| it == word);
    for (name, attributes) in elements(page) {
        assert!(known(NAMES, &name), "{what}: element {name}");
        for (key, value) in attributes {
            assert!(known(KEYS, &key), "{what}: attribute {key} of {name}");
            let good = match key.as_str() {
                "href" => ["#e", "https://", "http://", "mailto:"].iter().any(|it| value.starts_with(it)),
                "src" => value.starts_with("data:image/png;base64,"),
                "http-equiv" => value == "Content-Security-Policy",
                _ => true,
            };
            assert!(good, "{what}: {key}={value}");
        }
    }
    for mark in page.chars() {
        assert!(!('\u{202a}'..='\u{202e}').contains(&mark), "{what}: an override of the direction");
        assert!(!('\u{2066}'..='\u{2069}').contains(&mark), "{what}: an isolate");
    }
}

#[test]
fn hostile_text_stays_text_wherever_it_is() {
    for hostile in [
        "<script>alert(1)</script>",
        "</style></title></pre></code></details><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "\"><svg onload=alert(1)>",
        "' onmouseover='alert(1)",
        "\" onmouseover=\"alert(1)",
        "<!-- <iframe srcdoc=x> -->",
        "<![CDATA[<b>]]>",
        "&lt;script&gt;&#60;script&#62;",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1) \"title\")",
        "[x](java&#10;script:alert(1))",
        "[x](&#x6a;avascript:alert(1))",
        "[x]: javascript:alert(1)\n\n[x]",
        "<javascript:alert(1)>",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](javascript:alert(1))",
        "![\" onerror=\"alert(1)](https://a/\"onerror=\"b)",
        "[x](https://a/'\"><script>alert(1)</script>)",
        "```\"><script>alert(1)</script>\nx\n```",
        "| <script> |\n|---|\n| [x](javascript:1) |",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<meta http-equiv=refresh content=0;url=https://a>",
        "<base href=https://a>",
        "<form action=https://a><button>x",
        "if (admin\u{202e} } \u{2066}) {\u{2069} \u{202d}",
        "\0\x1b]8;;javascript:alert(1)\x07x",
        "<\0script>alert(1)</script>",
        "\u{ff1c}script\u{ff1e}",
    ] {
        let text = || json!({"type": "text", "text": hostile});
        let call = json!({"type": "toolCall", "id": hostile, "name": hostile, "arguments": {"command": hostile, hostile: {hostile: [hostile]}}});
        let mut entries = vec![
            message(json!({"role": "user", "content": hostile, "timestamp": 1})),
            message(
                json!({"role": "user", "content": [text(), {"type": "image", "data": hostile, "mimeType": "image/png"},
                {"type": "image", "data": "AAAA", "mimeType": hostile}, {"type": "image", "data": "AAAA", "mimeType": "image/svg+xml"}], "timestamp": 1}),
            ),
            answer(json!([text(), {"type": "thinking", "thinking": hostile}, call])),
            message(
                json!({"role": "toolResult", "toolCallId": hostile, "toolName": hostile, "content": [text()], "isError": true,
                "details": {"diff": format!("+1 {hostile}\n-1 {hostile}\n{hostile}")}, "timestamp": 1}),
            ),
            message(
                json!({"role": "toolResult", "toolCallId": "other", "toolName": hostile, "content": [text()], "timestamp": 1}),
            ),
            message(
                json!({"role": "bashExecution", "command": hostile, "output": hostile, "cancelled": false, "truncated": true, "timestamp": 1}),
            ),
            message(
                json!({"role": "custom", "customType": hostile, "content": hostile, "display": true, "timestamp": 1}),
            ),
            message(
                json!({"role": "compactionSummary", "summary": hostile, "tokensBefore": 1, "timestamp": 1}),
            ),
            message(json!({"role": hostile, hostile: hostile})),
            json!({"type": "model_change", "provider": hostile, "modelId": hostile}),
            json!({"type": "thinking_level_change", "thinkingLevel": hostile}),
            json!({"type": "compaction", "summary": hostile, "firstKeptEntryId": hostile, "tokensBefore": 1}),
            json!({"type": "branch_summary", "summary": hostile}),
            json!({"type": "custom_message", "customType": hostile, "content": [text()], "display": false}),
            json!({"type": "custom", "customType": hostile}),
            json!({"type": "label", "targetId": "id0", "label": hostile}),
            json!({"type": "session_info", "name": hostile}),
            json!({"type": hostile}),
        ];
        let mut failed = answer(json!([]));
        failed["message"]["stopReason"] = "error".into();
        for field in ["errorMessage", "model", "provider"] {
            failed["message"][field] = hostile.into();
        }
        entries.push(failed);
        entries.iter_mut().for_each(|it| {
            it.as_object_mut().unwrap().entry("timestamp").or_insert_with(|| hostile.into());
        });
        assert_harmless(&page_of(entries.clone()), hostile);

        // The same beside the current branch, under a hostile header.
        let mut all: Vec<Entry> = Vec::new();
        for (at, mut entry) in entries.into_iter().enumerate() {
            entry["id"] = format!("{hostile}{at}").into();
            entry["parentId"] = if at % 3 == 0 { Value::Null } else { format!("{hostile}{}", at / 3).into() };
            all.push(serde_json::from_value(entry).unwrap());
        }
        let page = page(&header(hostile, hostile), &all, None);
        assert_harmless(&page, hostile);
        assert!(page.contains("Other branches"));
    }
}

#[test]
fn the_policy_allows_the_one_style_and_pictures_inside() {
    let page = page_of(vec![]);
    let policy = format!(
        "content=\"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'\""
    );
    assert!(page.contains(&policy));
    assert!(!page.contains("style=\""), "the policy would forbid it");
    assert_harmless(&page, "an empty session");
}

#[test]
fn results_are_with_their_calls_also_when_ids_come_again() {
    let call =
        |id: &str| json!([{"type": "toolCall", "id": id, "name": "bash", "arguments": {"command": "ls"}}]);
    let result = |id: &str, text: &str| {
        message(
            json!({"role": "toolResult", "toolCallId": id, "toolName": "bash", "content": [{"type": "text", "text": text}], "timestamp": 1}),
        )
    };
    let page = page_of(vec![
        answer(call("c")),
        result("c", "first"),
        answer(call("c")),
        result("c", "second"),
        answer(call("lost")),
    ]);
    let articles: Vec<&str> = page.split("<article").skip(1).collect();
    assert_eq!(articles.len(), 3, "results are no articles of their own");
    for (article, text) in articles.iter().zip(["first", "second", "No result"]) {
        assert!(article.contains(text), "{article}");
    }
}

#[test]
fn the_name_of_a_page_is_that_of_the_file() {
    assert_eq!(default_name(Path::new("/s/2026_a.jsonl")), "pi-session-2026_a.html");
    assert_eq!(default_name(Path::new("x")), "pi-session-x.html");
}

#[test]
fn a_small_session_looks_like_this() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/export");
    let loaded = crate::sessions::load(&folder.join("session.jsonl")).unwrap();
    let page = page(&loaded.header.unwrap(), &loaded.entries, Some("b0000008"));
    assert_harmless(&page, "the small session");
    let path = folder.join("session.html");
    if std::env::var_os("UPDATE").is_some_and(|it| it == "1") {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    let differs = page.lines().zip(committed.lines()).find(|(new, old)| new != old);
    assert!(
        page == committed,
        "fixtures/export/session.html is another page (UPDATE=1 writes it): {differs:?}"
    );
}
