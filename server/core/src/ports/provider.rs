//! One streaming call of a model.

use std::sync::Arc;

use async_trait::async_trait;
use pi_protocol::{AgentMessage, AssistantMessage, AssistantMessageEvent, Model, ThinkingLevel, Usage};
use tokio_util::sync::CancellationToken;

use super::ToolSpec;

/// Everything one model call needs.
#[derive(Debug, Clone)]
pub struct ModelRequest {
    /// The model to ask.
    pub model: Arc<Model>,
    /// System prompt; empty = none.
    pub system_prompt: Arc<str>,
    /// The context, oldest first, as the session has it. Dialects convert and repair it (providers.md §1.1).
    pub messages: Vec<Arc<AgentMessage>>,
    /// Tools the model may call.
    pub tools: Arc<[ToolSpec]>,
    /// Already clamped to what the model offers.
    pub thinking: ThinkingLevel,
    /// Token budgets per level for budget-based dialects.
    pub thinking_budgets: ThinkingBudgets,
    /// Output limit; `None` = the model's.
    pub max_tokens: Option<u64>,
    /// For prompt caches and affinity.
    pub session_id: Arc<str>,
    /// Replace images by a text (setting `images.blockImages`).
    pub block_images: bool,
}

/// Thinking tokens per level; defaults are Pi's (providers.md §1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThinkingBudgets {
    /// Level `minimal`.
    pub minimal: u64,
    /// Level `low`.
    pub low: u64,
    /// Level `medium`.
    pub medium: u64,
    /// Level `high` and above.
    pub high: u64,
}

impl Default for ThinkingBudgets {
    fn default() -> Self {
        Self { minimal: 1024, low: 2048, medium: 8192, high: 16384 }
    }
}

impl ThinkingBudgets {
    /// Budget of a level in tokens; 0 for `off`.
    pub fn of(&self, level: ThinkingLevel) -> u64 {
        match level {
            ThinkingLevel::Off => 0,
            ThinkingLevel::Minimal => self.minimal,
            ThinkingLevel::Low => self.low,
            ThinkingLevel::Medium => self.medium,
            ThinkingLevel::High | ThinkingLevel::Xhigh | ThinkingLevel::Max => self.high,
        }
    }
}

/// What arrives while a model answers.
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "updates are nearly all there is: a box would cost an allocation for each"
)]
pub enum ProviderEvent {
    /// The answer began: the message as far as it has come. At most once, before any update.
    Start(Box<AssistantMessage>),
    /// The answer grew.
    Update {
        /// Tokens so far.
        usage: Usage,
        /// What was added.
        event: AssistantMessageEvent,
    },
}

/// A model that answers in a stream. Never fails outside the stream: every failure is a final message with
/// `stopReason` `error` or `aborted`, `errorMessage` and whatever content had arrived.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Asks the model, hands each increment to `out` and returns the final message.
    ///
    /// Cancelling `cancel` ends the call soon with `stopReason: aborted` and
    /// `errorMessage: "Request was aborted"`. Dropping the future ends it at once.
    async fn stream(
        &self,
        request: ModelRequest,
        cancel: CancellationToken,
        out: &mut (dyn FnMut(ProviderEvent) + Send),
    ) -> AssistantMessage;
}
