//! Which key is taken, which models are offered, what is said when none can be asked.

use pi_core::{Models, Provider};
use serde_json::{Value, json};

use super::*;
use crate::{
    select,
    testing::{self, Loaded},
};

fn env(name: &str) -> Option<String> {
    let known = [("ANTHROPIC_API_KEY", "from-env"), ("MY_KEY", "named"), ("ANTHROPIC_AUTH_TOKEN", "bearer")];
    known.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned())
}

impl Loaded {
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.1.path().join(name), text).unwrap();
    }
}

fn load(models: Value, auth: Value, options: RegistryOptions, env: values::Env) -> Loaded {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("models.json"), models.to_string()).unwrap();
    std::fs::write(dir.path().join("auth.json"), auth.to_string()).unwrap();
    Loaded(Registry::load_with_env(dir.path(), options, env).0, dir)
}

fn key(text: &str) -> Option<Credential> {
    Some(Credential::Key(text.into()))
}

#[test]
fn the_nearest_key_wins() {
    let custom = json!({ "providers": { "anthropic": { "baseUrl": "https://proxy", "apiKey": "$MY_KEY" } } });
    let auth = json!({ "anthropic": { "type": "api_key", "key": "stored" } });
    let line = RegistryOptions { api_key: Some("typed".into()), ..Default::default() };
    let none = RegistryOptions::default;
    let of = |registry: Loaded| registry.credential(&registry.files(), "anthropic");
    assert_eq!(of(load(custom.clone(), auth.clone(), line.clone(), env)), key("typed"));
    let other = RegistryOptions { api_key_provider: Some("openai".into()), ..line };
    assert_eq!(of(load(custom.clone(), auth.clone(), other, env)), key("stored"));
    assert_eq!(of(load(custom.clone(), json!({}), none(), env)), key("named"));
    assert_eq!(of(load(json!({ "providers": {} }), json!({}), none(), env)), key("from-env"));
    assert_eq!(of(load(custom, json!({}), none(), |_| None)), None);
    let token = |name: &str| (name == "ANTHROPIC_AUTH_TOKEN").then(|| "bearer".to_owned());
    let registry = load(json!({ "providers": {} }), json!({}), none(), token);
    assert_eq!(of(registry), Some(Credential::Bearer("bearer".into())));
}

#[test]
fn servers_that_ask_for_no_key_are_available() {
    let provider = |url: &str, key: Option<&str>| {
        let mut it = json!({ "baseUrl": url, "api": "openai-completions", "models": [{ "id": "m" }] });
        if let Some(key) = key {
            it["apiKey"] = key.into();
        }
        it
    };
    for (url, given, expected) in [
        ("http://127.0.0.1:1/v1", None, true),
        ("http://localhost:1", None, true),
        ("http://192.168.1.5:1/v1", None, true),
        ("http://box.local/v1", None, true),
        ("https://example.com/v1", None, false),
        ("https://example.com/v1", Some(""), true),
        ("https://example.com/v1", Some("none"), true),
        ("https://example.com/v1", Some("$NOT_SET"), false),
        ("https://example.com/v1", Some("literal"), true),
    ] {
        let registry = load(
            json!({ "providers": { "p": provider(url, given) } }),
            json!({}),
            RegistryOptions::default(),
            |_| None,
        );
        assert_eq!(registry.available().len(), usize::from(expected), "{url} {given:?}");
        assert!(registry.find("p", "m").is_some(), "known in any case");
    }
}

#[test]
fn the_users_file_adds_replaces_and_overrides() {
    let custom = json!({ "providers": {
        "anthropic": {
            "baseUrl": "https://proxy", "compat": { "x": 1 },
            "models": [{ "id": "claude-opus-4-5", "name": "mine", "baseUrl": "https://mine" }, { "id": "claude-next" }],
            "modelOverrides": { "claude-haiku-4-5": { "contextWindow": 5, "id": "ignored" } },
        },
    } });
    let registry = load(custom, json!({}), RegistryOptions::default(), env);
    let get = |id: &str| registry.find("anthropic", id).unwrap();
    assert_eq!(
        (get("claude-opus-4-5").name.as_str(), get("claude-opus-4-5").base_url.as_str()),
        ("mine", "https://mine")
    );
    assert_eq!(get("claude-next").base_url, "https://proxy");
    assert_eq!(
        (get("claude-haiku-4-5").context_window, get("claude-haiku-4-5").base_url.as_str()),
        (5, "https://proxy")
    );
    assert_eq!(get("claude-haiku-4-5").compat, Some(json!({ "x": 1 })));
    let available = registry.available();
    assert!(available.iter().all(|it| it.provider == "anthropic"), "only one key is set");
    assert_eq!(available.iter().filter(|it| it.id == "claude-opus-4-5").count(), 1);
    assert!(registry.find("openai", "gpt-5").is_some() && registry.find("openai", "nothing").is_none());
}

#[test]
fn one_key_in_the_environment_is_enough() {
    fn openai(name: &str) -> Option<String> {
        (name == "OPENAI_API_KEY").then(|| "key".to_owned())
    }
    fn google(name: &str) -> Option<String> {
        (name == "GEMINI_API_KEY").then(|| "key".to_owned())
    }
    let cases: [(values::Env, _, _); 2] = [
        (openai, "openai/gpt-5.5", "openai-responses"),
        (google, "google/gemini-3.1-pro-preview", "google-generative-ai"),
    ];
    for (env, expected, api) in cases {
        let registry = load(json!({ "providers": {} }), json!({}), RegistryOptions::default(), env);
        let available = registry.available();
        assert!(available.iter().all(|it| it.api == api), "{expected}");
        let (picked, _) = select::pick(select::Wanted::default(), &available, &registry.all()).unwrap();
        assert_eq!(picked.unwrap().model.key(), expected);
    }
}

#[tokio::test]
async fn calls_that_cannot_be_made_say_why() {
    let ask = async |over: Value| {
        let registry = load(json!({ "providers": {} }), json!({}), RegistryOptions::default(), env);
        let request = testing::request(testing::model(over), json!([]));
        let message = registry.stream(request, CancellationToken::new(), &mut |_| panic!("no events")).await;
        message.error_message.unwrap()
    };
    assert_eq!(ask(json!({ "provider": "nobody" })).await, "No API key for provider: nobody");
    let error = ask(json!({ "provider": "anthropic", "api": "bedrock-converse-stream" })).await;
    assert!(error.contains("anthropic/m uses the API \"bedrock-converse-stream\""), "{error}");
    let error = ask(json!({ "provider": "anthropic", "baseUrl": "ftp://x" })).await;
    assert!(error.contains("must start with http"), "{error}");
    let error = ask(json!({ "provider": "faux", "api": "faux" })).await;
    assert!(error.contains("PI_FAUX_SCRIPT"), "{error}");
}

#[test]
fn local_servers_become_models_that_need_no_key() {
    let registry = load(json!({ "providers": {} }), json!({}), RegistryOptions::default(), |_| None);
    assert!(registry.available().is_empty());
    let server = LocalServer {
        provider: "ollama".into(),
        name: "Ollama".into(),
        base_url: "http://127.0.0.1:11434/v1".into(),
        models: vec!["qwen3".into()],
    };
    let adopted = registry.adopt_local(&[server]);
    assert_eq!(registry.available(), adopted);
    assert_eq!(registry.find("ollama", "qwen3").as_ref(), adopted.first());
    assert_eq!(registry.key_source("ollama"), Some(KeySource::Keyless));
}

#[test]
fn keys_and_models_that_are_added_later_are_found() {
    let registry = load(json!({ "providers": {} }), json!({}), RegistryOptions::default(), |_| None);
    assert!(registry.available().is_empty());
    registry.write("auth.json", r#"{"anthropic": {"type": "api_key", "key": "later"}}"#);
    assert_eq!(registry.credential(&registry.files(), "anthropic"), key("later"));
    assert!(registry.available().iter().all(|it| it.provider == "anthropic"));
    // Somebody is in the middle of writing it.
    registry.write("auth.json", r#"{"anthropic": {"type":"#);
    assert_eq!(registry.credential(&registry.files(), "anthropic"), key("later"));
    let provider =
        json!({ "baseUrl": "http://127.0.0.1:1", "api": "openai-completions", "models": [{ "id": "m" }] });
    registry.write("models.json", &json!({ "providers": { "p": provider } }).to_string());
    assert_eq!(registry.available()[0].key(), "p/m");
    assert!(registry.has_auth(&registry.find("anthropic", "claude-haiku-4-5").unwrap()));
    std::fs::remove_file(registry.1.path().join("auth.json")).unwrap();
    assert_eq!(registry.available().len(), 1);
}
