//! Models and thinking levels (spec: messages.md §4, resources.md §5).

use std::{collections::BTreeMap, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A model a provider offers. Costs are US dollars per million tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// Id as the provider knows it.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Wire dialect, for example `openai-completions`.
    pub api: String,
    /// Provider name.
    pub provider: String,
    /// Base URL of the provider.
    pub base_url: String,
    /// Whether it can think.
    pub reasoning: bool,
    /// What it reads.
    pub input: Vec<InputKind>,
    /// Prices.
    pub cost: ModelCost,
    /// Context limit in tokens; 0 = unknown.
    pub context_window: u64,
    /// Output limit in tokens.
    pub max_tokens: u64,
    /// Extra request headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, String>>,
    /// Deviations of the provider from its dialect (providers.md §3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compat: Option<Value>,
    /// Level → word sent on the wire; `null` = not offered (0.87).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking_level_map: Option<BTreeMap<ThinkingLevel, Option<String>>>,
    /// Whether it belongs to a model server on this machine that was found without set-up. Not in Pi.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub local: bool,
    /// Further keys of newer versions, kept as they are.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Model {
    /// `provider/id`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.provider, self.id)
    }
}

/// What a model can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// Text.
    Text,
    /// Images.
    Image,
}

/// Prices in US dollars per million tokens.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelCost {
    /// Prompt.
    pub input: f64,
    /// Answer.
    pub output: f64,
    /// Cached prompt.
    pub cache_read: f64,
    /// Writing the cache.
    pub cache_write: f64,
    /// Dearer rates above a prompt size (0.87).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiers: Option<Vec<CostTier>>,
}

/// Rates that replace all others above a prompt size.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CostTier {
    /// Tokens of prompt, cached ones included, above which the tier holds.
    pub input_tokens_above: u64,
    /// Prompt.
    pub input: f64,
    /// Answer.
    pub output: f64,
    /// Cached prompt.
    pub cache_read: f64,
    /// Writing the cache.
    pub cache_write: f64,
}

/// How hard a model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ThinkingLevel {
    /// Not at all.
    #[default]
    Off,
    /// As little as possible.
    Minimal,
    /// A little.
    Low,
    /// The default.
    Medium,
    /// A lot.
    High,
    /// More than `high`, where a model offers it.
    Xhigh,
    /// All it can (0.80.6).
    Max,
}

impl ThinkingLevel {
    /// All levels, least first.
    pub const ALL: [ThinkingLevel; 7] =
        [Self::Off, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::Xhigh, Self::Max];

    /// The word used on the wire and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }
}

impl fmt::Display for ThinkingLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ThinkingLevel {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|it| it.as_str() == s).ok_or_else(|| {
            format!("unknown thinking level \"{s}\" (off, minimal, low, medium, high, xhigh or max)")
        })
    }
}
