//! The providers and models known from the start.
//!
//! A small, current choice over the dialects this crate speaks; anything else comes from `models.json`. The models
//! are data (`catalog.json`) and only read when a list is asked for.

use std::{collections::BTreeMap, sync::OnceLock};

use pi_protocol::{InputKind, Model, ModelCost, ThinkingLevel, model::CostTier};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A provider known from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltinProvider {
    /// Name as in `--provider`.
    pub name: &'static str,
    /// Wire dialect.
    pub api: &'static str,
    /// Base URL.
    pub base_url: &'static str,
    /// Environment variables that may hold the key, best first.
    pub env: &'static [&'static str],
    /// Model taken when the user named none.
    pub default_model: &'static str,
}

const fn completions(
    name: &'static str,
    base_url: &'static str,
    env: &'static [&'static str],
    default_model: &'static str,
) -> BuiltinProvider {
    BuiltinProvider { name, api: "openai-completions", base_url, env, default_model }
}

const fn anthropic(
    name: &'static str,
    base_url: &'static str,
    env: &'static [&'static str],
    default_model: &'static str,
) -> BuiltinProvider {
    BuiltinProvider { name, api: "anthropic-messages", base_url, env, default_model }
}

/// All of them, in the order a default is looked for.
pub const PROVIDERS: &[BuiltinProvider] = &[
    anthropic("anthropic", "https://api.anthropic.com", &["ANTHROPIC_API_KEY"], "claude-opus-4-5"),
    BuiltinProvider {
        name: "openai",
        api: "openai-responses",
        base_url: "https://api.openai.com/v1",
        env: &["OPENAI_API_KEY"],
        default_model: "gpt-5.5",
    },
    BuiltinProvider {
        name: "google",
        api: "google-generative-ai",
        base_url: "https://generativelanguage.googleapis.com/v1beta",
        env: &["GEMINI_API_KEY"],
        default_model: "gemini-3.1-pro-preview",
    },
    completions(
        "openrouter",
        "https://openrouter.ai/api/v1",
        &["OPENROUTER_API_KEY"],
        "anthropic/claude-sonnet-4.5",
    ),
    completions("xai", "https://api.x.ai/v1", &["XAI_API_KEY"], "grok-4-fast-non-reasoning"),
    completions("groq", "https://api.groq.com/openai/v1", &["GROQ_API_KEY"], "openai/gpt-oss-120b"),
    completions("cerebras", "https://api.cerebras.ai/v1", &["CEREBRAS_API_KEY"], "zai-glm-4.6"),
    completions("zai", "https://api.z.ai/api/coding/paas/v4", &["ZAI_API_KEY"], "glm-4.6"),
    completions("mistral", "https://api.mistral.ai/v1", &["MISTRAL_API_KEY"], "devstral-medium-latest"),
    completions("deepseek", "https://api.deepseek.com", &["DEEPSEEK_API_KEY"], "deepseek-chat"),
    completions("moonshotai", "https://api.moonshot.ai/v1", &["MOONSHOT_API_KEY"], "kimi-k2-thinking"),
    completions(
        "together",
        "https://api.together.xyz/v1",
        &["TOGETHER_API_KEY"],
        "moonshotai/Kimi-K2-Thinking",
    ),
    completions(
        "fireworks",
        "https://api.fireworks.ai/inference/v1",
        &["FIREWORKS_API_KEY"],
        "accounts/fireworks/models/kimi-k2-thinking",
    ),
    completions(
        "huggingface",
        "https://router.huggingface.co/v1",
        &["HF_TOKEN"],
        "moonshotai/Kimi-K2-Thinking",
    ),
    anthropic("minimax", "https://api.minimax.io/anthropic", &["MINIMAX_API_KEY"], "MiniMax-M2.1"),
    anthropic("minimax-cn", "https://api.minimaxi.com/anthropic", &["MINIMAX_CN_API_KEY"], "MiniMax-M2.1"),
    anthropic("kimi-coding", "https://api.kimi.com/coding", &["KIMI_API_KEY"], "kimi-k2-thinking"),
];

/// What people call a provider; of one that we do not know, its own name.
pub fn display_name(provider: &str) -> &str {
    match provider {
        "anthropic" => "Anthropic",
        "openai" => "OpenAI",
        "google" => "Google",
        "openrouter" => "OpenRouter",
        "xai" => "xAI",
        "groq" => "Groq",
        "cerebras" => "Cerebras",
        "zai" => "Z.AI",
        "mistral" => "Mistral",
        "deepseek" => "DeepSeek",
        "moonshotai" => "Moonshot AI",
        "together" => "Together AI",
        "fireworks" => "Fireworks AI",
        "huggingface" => "Hugging Face",
        "minimax" | "minimax-cn" => "MiniMax",
        "kimi-coding" => "Kimi",
        "ollama" => "Ollama",
        "vllm" => "vLLM",
        "lmstudio" => "LM Studio",
        other => other,
    }
}

/// Further variables in which keys of providers are kept.
pub const OTHER_KEYS: [&str; 4] =
    ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_OAUTH_TOKEN", "GOOGLE_API_KEY", "AZURE_OPENAI_API_KEY"];

/// A provider by name.
pub fn provider(name: &str) -> Option<&'static BuiltinProvider> {
    PROVIDERS.iter().find(|it| it.name == name)
}

/// One row of `catalog.json`; what is absent has the default of `models.json`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Row {
    id: String,
    name: String,
    #[serde(default)]
    reasoning: bool,
    #[serde(default)]
    image: bool,
    /// Input, output, cache read, cache write.
    #[serde(default)]
    cost: [f64; 4],
    /// For long prompts: above how many tokens, and the same four prices.
    #[serde(default)]
    long: Option<(u64, [f64; 4])>,
    context: u64,
    output: u64,
    #[serde(default)]
    levels: Option<BTreeMap<ThinkingLevel, Option<String>>>,
    #[serde(default)]
    compat: Option<Value>,
}

/// The built-in models, grouped by provider in the order of [`PROVIDERS`].
pub fn models() -> &'static [Model] {
    static MODELS: OnceLock<Vec<Model>> = OnceLock::new();
    MODELS.get_or_init(|| match parse(include_str!("catalog.json")) {
        Ok(models) => models,
        Err(error) => {
            tracing::error!(%error, "built-in catalogue not readable");
            Vec::new()
        }
    })
}

fn parse(text: &str) -> serde_json::Result<Vec<Model>> {
    let mut rows: BTreeMap<String, Vec<Row>> = serde_json::from_str(text)?;
    let mut models = Vec::new();
    for provider in PROVIDERS {
        models.extend(rows.remove(provider.name).into_iter().flatten().map(|row| Model {
            id: row.id,
            name: row.name,
            api: provider.api.into(),
            provider: provider.name.into(),
            base_url: provider.base_url.into(),
            reasoning: row.reasoning,
            input: if row.image { vec![InputKind::Text, InputKind::Image] } else { vec![InputKind::Text] },
            cost: ModelCost {
                input: row.cost[0],
                output: row.cost[1],
                cache_read: row.cost[2],
                cache_write: row.cost[3],
                tiers: row.long.map(|(above, [input, output, cache_read, cache_write])| {
                    vec![CostTier { input_tokens_above: above, input, output, cache_read, cache_write }]
                }),
            },
            context_window: row.context,
            max_tokens: row.output,
            headers: None,
            compat: row.compat,
            thinking_level_map: row.levels,
            local: false,
            extra: Map::new(),
        }));
    }
    match rows.into_keys().next() {
        Some(name) => Err(serde::de::Error::custom(format!("unknown provider {name}"))),
        None => Ok(models),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_offers_its_default_model_and_every_model_makes_sense() {
        let models = parse(include_str!("catalog.json")).unwrap();
        for provider in PROVIDERS {
            assert!(
                models.iter().any(|it| it.provider == provider.name && it.id == provider.default_model),
                "{} lacks {}",
                provider.name,
                provider.default_model
            );
        }
        let mut keys: Vec<_> = models.iter().map(Model::key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), models.len(), "an id occurs twice");
        let long = models.iter().find(|it| it.id == "gemini-2.5-pro").and_then(|it| it.cost.tiers.as_ref());
        assert_eq!(long.map(|it| (it[0].input_tokens_above, it[0].output)), Some((200_000, 15.0)));
        for model in &models {
            assert!(model.context_window >= model.max_tokens && model.max_tokens > 0, "{}", model.id);
        }
    }
}
