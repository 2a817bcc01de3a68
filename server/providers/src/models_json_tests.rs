//! Files as people write them.

use serde_json::json;

use super::*;

fn read(text: &str) -> (CustomProviders, Vec<String>) {
    let mut warnings = Vec::new();
    let providers = parse(text, Path::new("/agent/models.json"), &mut warnings).unwrap_or_default();
    (providers, warnings)
}

#[test]
fn comments_a_mark_and_trailing_commas_are_no_errors() {
    let text = "\u{feff}// mine\n{ \"providers\": { /* local */ \"l\": { \"baseUrl\": \"http://h//x\", \"apiKey\": \"a\\\"//b\", \"api\": \"openai-completions\", \"models\": [ { \"id\": \"ü\", }, ], }, } } // end";
    let (providers, warnings) = read(text);
    assert_eq!(warnings, Vec::<String>::new());
    let (name, provider) = &providers[0];
    assert_eq!((name.as_str(), provider.base_url.as_deref()), ("l", Some("http://h//x")));
    assert_eq!(provider.api_key.as_deref(), Some("a\"//b"));
    let model = &provider.models[0];
    assert_eq!((model.id.as_str(), model.name.as_str(), model.provider.as_str()), ("ü", "ü", "l"));
    assert_eq!((model.context_window, model.max_tokens, model.reasoning), (128_000, 16_384, false));
    assert_eq!(model.input, [InputKind::Text]);
}

#[test]
fn unfinished_files_do_not_panic() {
    let text = "{ \"a\": [1, /* x */ \"\\\\\", // y\n 2,] }";
    for end in (0..=text.len()).filter(|&it| text.is_char_boundary(it)) {
        without_comments(&text[..end]);
    }
    assert_eq!(serde_json::from_str::<Value>(&without_comments(text)).unwrap(), json!({ "a": [1, "\\", 2] }));
}

#[test]
fn models_take_what_they_lack_from_their_provider() {
    let (providers, warnings) = read(
        &json!({ "providers": {
            "anthropic": { "models": [{ "id": "claude-next", "reasoning": true, "cost": { "input": 1 } }] },
            "mixed": { "baseUrl": "http://a", "api": "openai-completions", "compat": { "a": 1, "b": 1 }, "models": [
                { "id": "one", "api": "anthropic-messages", "baseUrl": "http://b", "compat": { "b": 2 }, "thinkingLevelMap": { "off": null } },
                { "id": "two", "samplingParams": { "top_p": 1 } },
            ] },
            "openai": { "baseUrl": "http://proxy", "headers": { "x": "y" } },
        } })
        .to_string(),
    );
    assert_eq!(warnings, Vec::<String>::new());
    let next = &providers[0].1.models[0];
    assert_eq!(
        (next.api.as_str(), next.base_url.as_str()),
        ("anthropic-messages", "https://api.anthropic.com")
    );
    let [one, two] = &*providers[1].1.models else { panic!("two models") };
    assert_eq!((one.api.as_str(), one.base_url.as_str()), ("anthropic-messages", "http://b"));
    assert_eq!(one.compat, Some(json!({ "a": 1, "b": 2 })));
    assert_eq!(two.compat, Some(json!({ "a": 1, "b": 1 })));
    assert_eq!(two.extra["samplingParams"], json!({ "top_p": 1 }));
    assert!(providers[2].1.models.is_empty() && providers[2].1.headers["x"] == "y");
}

#[test]
fn what_is_wrong_is_said_and_the_rest_is_used() {
    for (file, expected) in [
        (
            json!([]),
            "Invalid models.json schema:\n  - /providers: must be an object\n\nFile: /agent/models.json",
        ),
        (json!({ "providers": { "p": 1 } }), "/providers/p: must be an object"),
        (json!({ "providers": { "p": { "baseUrl": 1 } } }), "/providers/p/baseUrl: must be a string"),
        (json!({ "providers": { "p": { "models": {} } } }), "/providers/p/models: must be an array"),
        (
            json!({ "providers": { "p": { "models": [{}] } } }),
            "/providers/p/models/0/id: must be a non-empty string",
        ),
        (
            json!({ "providers": { "p": { "models": [{ "id": "m" }] } } }),
            "Provider p, model m: no \"api\" specified. Set at provider or model level.",
        ),
        (
            json!({ "providers": { "p": { "api": "x", "models": [{ "id": "m" }] } } }),
            "Provider p: \"baseUrl\" is required when defining custom models.",
        ),
        (
            json!({ "providers": { "p": { "api": "x", "baseUrl": "u", "models": [{ "id": "m", "contextWindow": 0 }] } } }),
            "Provider p, model m: invalid contextWindow",
        ),
        (
            json!({ "providers": { "p": { "api": "x", "baseUrl": "u", "models": [{ "id": "m", "maxTokens": "1" }] } } }),
            "Provider p, model m: invalid maxTokens",
        ),
    ] {
        let (_, warnings) = read(&file.to_string());
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains(expected), "{}", warnings[0]);
    }
    let (providers, warnings) = read("{ not json");
    assert!(providers.is_empty() && warnings[0].starts_with("Failed to parse models.json: "), "{warnings:?}");

    let both = json!({ "providers": { "bad": { "models": [{ "id": "m" }] },
        "good": { "api": "x", "baseUrl": "u", "models": [{ "id": "a" }, { "id": 3 }] } } });
    let (providers, warnings) = read(&both.to_string());
    assert_eq!((providers[1].1.models.len(), warnings.len()), (1, 2));
}
