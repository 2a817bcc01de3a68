//! Settings a session reads and writes.

use std::collections::BTreeMap;

use pi_protocol::{Model, QueueMode, ThinkingLevel};

use super::ThinkingBudgets;

/// The settings that matter to a running session, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionSettings {
    /// How steering messages are delivered.
    pub steering_mode: QueueMode,
    /// How follow-ups are delivered.
    pub follow_up_mode: QueueMode,
    /// What a steering message does to the remaining tool calls of the turn.
    pub steering_interrupt: SteeringInterrupt,
    /// Level of new sessions.
    pub default_thinking_level: ThinkingLevel,
    /// Token budgets per level.
    pub thinking_budgets: ThinkingBudgets,
    /// Whether the context is compacted by itself.
    pub auto_compaction: bool,
    /// How much of the context a compaction leaves.
    pub compaction: CompactionSettings,
    /// Repeating failed model calls.
    pub retry: RetrySettings,
    /// Never send images to the model.
    pub block_images: bool,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            steering_mode: QueueMode::OneAtATime,
            follow_up_mode: QueueMode::OneAtATime,
            steering_interrupt: SteeringInterrupt::Skip,
            default_thinking_level: ThinkingLevel::Medium,
            thinking_budgets: ThinkingBudgets::default(),
            auto_compaction: true,
            compaction: CompactionSettings::default(),
            retry: RetrySettings::default(),
            block_images: false,
        }
    }
}

/// What a steering message does to the remaining tool calls of the turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SteeringInterrupt {
    /// Skip them (Pi 0.50).
    #[default]
    Skip,
    /// Finish them first (Pi 0.58 and later).
    Finish,
}

/// How much of the context a compaction leaves (rpc.md §9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompactionSettings {
    /// For models that `per_model` does not name.
    pub default: CompactionLimits,
    /// By `provider/id`; replaces the default where it has a number.
    pub per_model: BTreeMap<String, PartialCompactionLimits>,
}

impl Default for CompactionSettings {
    fn default() -> Self {
        let default = CompactionLimits { reserve_tokens: 16_384, keep_recent_tokens: 20_000 };
        Self { default, per_model: BTreeMap::new() }
    }
}

/// Numbers of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactionLimits {
    /// Tokens kept free for the answer.
    pub reserve_tokens: u64,
    /// Tokens of recent messages that stay as they are.
    pub keep_recent_tokens: u64,
}

/// Numbers that differ from the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartialCompactionLimits {
    /// Tokens kept free for the answer.
    pub reserve_tokens: Option<u64>,
    /// Tokens of recent messages that stay as they are.
    pub keep_recent_tokens: Option<u64>,
}

impl CompactionSettings {
    /// The numbers for `model`. Where they leave no room in its context for what is summarised, they shrink to a
    /// quarter of it each: a small local model would otherwise never be compacted.
    pub fn of(&self, model: &Model) -> CompactionLimits {
        let special =
            self.per_model.get(&format!("{}/{}", model.provider, model.id)).copied().unwrap_or_default();
        let limits = CompactionLimits {
            reserve_tokens: special.reserve_tokens.unwrap_or(self.default.reserve_tokens),
            keep_recent_tokens: special.keep_recent_tokens.unwrap_or(self.default.keep_recent_tokens),
        };
        let window = model.context_window;
        if window == 0 || limits.reserve_tokens.saturating_add(limits.keep_recent_tokens) < window {
            return limits;
        }
        CompactionLimits {
            reserve_tokens: limits.reserve_tokens.min(window / 4),
            keep_recent_tokens: limits.keep_recent_tokens.min(window / 4),
        }
    }
}

/// Repeating failed model calls (rpc.md §13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// On or off.
    pub enabled: bool,
    /// How often at most.
    pub max_retries: u32,
    /// First pause; doubles each time.
    pub base_delay_ms: u64,
    /// Longest pause.
    pub max_delay_ms: u64,
}

impl RetrySettings {
    /// The pause before an attempt, counted from 1, in milliseconds.
    pub fn delay_ms(&self, attempt: u32) -> u64 {
        let factor = 1_u64 << attempt.saturating_sub(1).min(32);
        self.base_delay_ms.saturating_mul(factor).min(self.max_delay_ms)
    }
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self { enabled: true, max_retries: 3, base_delay_ms: 2000, max_delay_ms: 60_000 }
    }
}

/// A setting changed by a command; kept in the global settings file, as Pi does.
#[derive(Debug, Clone, PartialEq)]
pub enum SettingChange {
    /// `steeringMode`.
    SteeringMode(QueueMode),
    /// `followUpMode`.
    FollowUpMode(QueueMode),
    /// `retry.enabled`.
    RetryEnabled(bool),
    /// `compaction.enabled`.
    CompactionEnabled(bool),
}

/// Access to the settings.
pub trait Settings: Send + Sync {
    /// The settings now in force.
    fn current(&self) -> SessionSettings;

    /// Changes one for this process at once and, if possible, in the global file.
    ///
    /// # Errors
    /// The file could not be written; the change holds for this process.
    fn change(&self, change: SettingChange) -> Result<(), String>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(window: u64) -> Model {
        serde_json::from_value(serde_json::json!({
            "id": "m", "name": "m", "api": "x", "provider": "p", "baseUrl": "", "reasoning": false,
            "input": ["text"], "cost": {}, "contextWindow": window, "maxTokens": 100,
        }))
        .unwrap()
    }

    #[test]
    fn a_compaction_leaves_room_in_every_context() {
        let mut settings = CompactionSettings::default();
        for (window, expected) in [
            (200_000, (16_384, 20_000)),
            (36_385, (16_384, 20_000)),
            (36_384, (9_096, 9_096)),
            (8_192, (2_048, 2_048)),
            // An unknown window says nothing.
            (0, (16_384, 20_000)),
        ] {
            let limits = settings.of(&model(window));
            assert_eq!((limits.reserve_tokens, limits.keep_recent_tokens), expected, "{window}");
        }
        let special = PartialCompactionLimits { reserve_tokens: Some(7), keep_recent_tokens: None };
        settings.per_model.insert("p/m".to_owned(), special);
        settings.per_model.insert("p/other".to_owned(), PartialCompactionLimits::default());
        let limits = settings.of(&model(200_000));
        assert_eq!((limits.reserve_tokens, limits.keep_recent_tokens), (7, 20_000));
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let retry = RetrySettings::default();
        let pauses = [1, 2, 3, 6, 400].map(|it| retry.delay_ms(it));
        assert_eq!(pauses, [2000, 4000, 8000, 60_000, 60_000]);
    }
}
