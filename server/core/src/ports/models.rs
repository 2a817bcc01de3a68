//! Which models there are.

use std::sync::Arc;

use pi_protocol::{Model, ThinkingLevel};

/// A model to cycle through.
#[derive(Debug, Clone, PartialEq)]
pub struct ScopedModel {
    /// The model.
    pub model: Arc<Model>,
    /// How hard it thinks when it is chosen; `None` = as hard as the one before.
    pub thinking: Option<ThinkingLevel>,
}

/// The model registry as the session sees it.
pub trait Models: Send + Sync {
    /// Models with configured authentication, in registry order.
    fn available(&self) -> Vec<Arc<Model>>;

    /// A model by exact provider and id, with or without authentication.
    fn find(&self, provider: &str, id: &str) -> Option<Arc<Model>>;

    /// Whether a key (or keyless access) is configured for the provider of `model`.
    fn has_auth(&self, model: &Model) -> bool;
}
