//! What hosts do differently from OpenAI.

use pi_protocol::Model;
use serde_json::Value;

/// How a host wants thinking switched on and off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThinkingFormat {
    OpenAi,
    Zai,
    Qwen,
    QwenTemplate,
    DeepSeek,
    OpenRouter,
    Together,
    StringWord,
}

/// The switches of one model. Values of `compat` in `models.json` win over detection, one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compat {
    pub store: bool,
    pub developer_role: bool,
    pub reasoning_effort: bool,
    pub usage_in_streaming: bool,
    pub max_tokens_field: &'static str,
    pub tool_result_name: bool,
    pub assistant_after_tool_result: bool,
    pub thinking_as_text: bool,
    pub mistral_tool_ids: bool,
    pub strict_mode: bool,
    pub reasoning_content: bool,
    pub cache_control: bool,
    pub session_affinity: bool,
    pub finish_reason: bool,
    pub thinking: ThinkingFormat,
}

impl Compat {
    /// Detects by provider and address, then applies the model's own values.
    pub fn of(model: &Model) -> Self {
        let url = model.base_url.to_ascii_lowercase();
        let is = |names: &[&str], hosts: &[&str]| {
            names.contains(&&*model.provider) || hosts.iter().any(|it| url.contains(it))
        };
        let cerebras = is(&["cerebras"], &["cerebras.ai"]);
        let xai = is(&["xai"], &["api.x.ai"]);
        let mistral = is(&["mistral"], &["mistral.ai"]);
        let chutes = is(&["chutes"], &["chutes.ai"]);
        let deepseek = is(&["deepseek"], &["deepseek.com"]);
        let zai = is(&["zai", "zai-coding-cn"], &["api.z.ai", "bigmodel.cn"]);
        let together = is(&["together"], &["together.ai", "together.xyz"]);
        let moonshot = is(&["moonshotai", "moonshotai-cn"], &["moonshot."]);
        let nvidia = is(&["nvidia"], &["nvidia.com"]);
        let opencode = is(&["opencode", "opencode-go"], &["opencode.ai"]);
        let cloudflare = is(&["cloudflare-workers-ai", "cloudflare-ai-gateway"], &["cloudflare.com"]);
        let openrouter = is(&["openrouter"], &["openrouter.ai"]);
        let non_standard = cerebras
            || xai
            || mistral
            || chutes
            || deepseek
            || zai
            || together
            || moonshot
            || nvidia
            || opencode
            || cloudflare;
        let routed_anthropic = openrouter && model.id.starts_with("anthropic/");
        let mut compat = Self {
            store: !non_standard,
            developer_role: !non_standard
                && (!openrouter || routed_anthropic || model.id.starts_with("openai/")),
            reasoning_effort: !(xai || zai || moonshot || together || nvidia || cloudflare),
            usage_in_streaming: true,
            max_tokens_field: if mistral
                || chutes
                || deepseek
                || moonshot
                || cloudflare
                || together
                || nvidia
                || zai
            {
                "max_tokens"
            } else {
                "max_completion_tokens"
            },
            tool_result_name: mistral,
            assistant_after_tool_result: false,
            thinking_as_text: mistral,
            mistral_tool_ids: mistral,
            strict_mode: false,
            reasoning_content: deepseek,
            cache_control: routed_anthropic,
            session_affinity: openrouter,
            finish_reason: true,
            thinking: match () {
                () if deepseek => ThinkingFormat::DeepSeek,
                () if zai => ThinkingFormat::Zai,
                () if together => ThinkingFormat::Together,
                () if openrouter => ThinkingFormat::OpenRouter,
                () => ThinkingFormat::OpenAi,
            },
        };
        if let Some(over) = &model.compat {
            compat.apply(over);
        }
        compat
    }

    fn apply(&mut self, over: &Value) {
        for (key, field) in [
            ("supportsStore", &mut self.store),
            ("supportsDeveloperRole", &mut self.developer_role),
            ("supportsReasoningEffort", &mut self.reasoning_effort),
            ("supportsUsageInStreaming", &mut self.usage_in_streaming),
            ("requiresToolResultName", &mut self.tool_result_name),
            ("requiresAssistantAfterToolResult", &mut self.assistant_after_tool_result),
            ("requiresThinkingAsText", &mut self.thinking_as_text),
            ("requiresMistralToolIds", &mut self.mistral_tool_ids),
            ("supportsStrictMode", &mut self.strict_mode),
            ("requiresReasoningContentOnAssistantMessages", &mut self.reasoning_content),
            ("sendSessionAffinityHeaders", &mut self.session_affinity),
            ("supportsFinishReason", &mut self.finish_reason),
        ] {
            if let Some(value) = over[key].as_bool() {
                *field = value;
            }
        }
        match over["maxTokensField"].as_str() {
            Some("max_tokens") => self.max_tokens_field = "max_tokens",
            Some("max_completion_tokens") => self.max_tokens_field = "max_completion_tokens",
            _ => {}
        }
        if let Some(format) = over["cacheControlFormat"].as_str() {
            self.cache_control = format == "anthropic";
        }
        self.thinking = match over["thinkingFormat"].as_str() {
            Some("openai") => ThinkingFormat::OpenAi,
            Some("zai") => ThinkingFormat::Zai,
            Some("qwen") => ThinkingFormat::Qwen,
            Some("qwen-chat-template") => ThinkingFormat::QwenTemplate,
            Some("deepseek") => ThinkingFormat::DeepSeek,
            Some("openrouter") => ThinkingFormat::OpenRouter,
            Some("together") => ThinkingFormat::Together,
            Some("string-thinking") => ThinkingFormat::StringWord,
            _ => self.thinking,
        };
    }
}
