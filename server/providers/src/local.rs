//! Model servers on this machine that need no set-up: found by asking their usual ports.

use std::time::Duration;

use futures::future::join_all;
use pi_protocol::{InputKind, Model, ModelCost};
use serde_json::Map;

use crate::http::Http;

/// A server that does not answer by then is not there.
const TIMEOUT: Duration = Duration::from_millis(300);
/// More models than this of one server are not listed.
const MAX_MODELS: usize = 200;

const USUAL: [(&str, &str, u16); 4] = [
    ("ollama", "Ollama", 11434),
    ("llama.cpp", "llama.cpp", 8080),
    ("vllm", "vLLM", 8000),
    ("lmstudio", "LM Studio", 1234),
];

/// An OpenAI-compatible server that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalServer {
    /// Provider name its models get.
    pub provider: String,
    /// Name for people.
    pub name: String,
    /// Base URL, version included.
    pub base_url: String,
    /// Ids of its models.
    pub models: Vec<String>,
}

impl LocalServer {
    pub(crate) fn to_models(&self) -> Vec<Model> {
        self.models
            .iter()
            .map(|id| Model {
                id: id.clone(),
                name: format!("{id} ({})", self.name),
                api: "openai-completions".into(),
                provider: self.provider.clone(),
                base_url: self.base_url.clone(),
                reasoning: false,
                input: vec![InputKind::Text],
                cost: ModelCost::default(),
                // Nobody says; the server cuts or refuses what is too long.
                context_window: 0,
                max_tokens: 0,
                headers: None,
                compat: Some(serde_json::json!({ "supportsStore": false, "supportsDeveloperRole": false })),
                thinking_level_map: None,
                local: true,
                extra: Map::new(),
            })
            .collect()
    }
}

/// Asks all usual ports at once.
pub(crate) async fn probe(http: &Http) -> Vec<LocalServer> {
    let asked = USUAL.map(|(provider, name, port)| async move {
        let base_url = format!("http://127.0.0.1:{port}/v1");
        ask(http, provider, name, base_url).await
    });
    join_all(asked).await.into_iter().flatten().collect()
}

async fn ask(http: &Http, provider: &str, name: &str, base_url: String) -> Option<LocalServer> {
    let answer = http.get_json(&format!("{base_url}/models"), TIMEOUT).await?;
    let ids = answer["data"].as_array()?.iter().filter_map(|it| it["id"].as_str());
    let models: Vec<String> = ids
        .filter(|it| !it.is_empty() && !it.contains("embed"))
        .take(MAX_MODELS)
        .map(Into::into)
        .collect::<Vec<_>>();
    // Something else may live on a usual port: without models it is no model server.
    (answer["object"] == "list" && !models.is_empty()).then(|| LocalServer {
        provider: provider.into(),
        name: name.into(),
        base_url,
        models,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn a_server_that_lists_models_is_found_and_others_are_not() {
        for (body, expected) in [
            (r#"{"object":"list","data":[{"id":"qwen3"},{"id":"nomic-embed-text"}]}"#, Some(vec!["qwen3"])),
            (r#"{"object":"list","data":[]}"#, None),
            (r#"{"ok":true}"#, None),
            ("<html>", None),
        ] {
            let base = testing::serve(vec![testing::answer("200 OK", "application/json", body)]).await;
            let found = ask(&Http::default(), "ollama", "Ollama", base).await;
            let ids = found.as_ref().map(|it| it.models.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(ids, expected, "{body}");
        }
    }
}
