//! Which model a session starts with: from the flags, the settings, the keys that are there, or a model server on
//! this machine.

use std::{sync::Arc, time::Duration};

use anyhow::anyhow;
use pi_core::Models;
use pi_host::settings::Values;
use pi_protocol::{Model, ThinkingLevel};
use pi_providers::{
    HttpOptions, Registry, RegistryOptions,
    select::{self, Selection, Wanted},
};

use crate::cli::SessionArgs;

/// The model to start with.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// Nothing if none can be asked.
    pub model: Option<Arc<Model>>,
    /// From a `:level` suffix.
    pub thinking: Option<ThinkingLevel>,
    /// The flags name it, so that it counts more than the one of a continued session.
    pub named: bool,
}

/// What the flags and settings say about the registry.
pub fn registry_options(args: &SessionArgs, values: &Values) -> RegistryOptions {
    let mut http = HttpOptions::default();
    match values.count("httpIdleTimeoutMs") {
        Some(0) => http.idle_timeout = Duration::MAX,
        Some(limit) => http.idle_timeout = Duration::from_millis(limit),
        None => {}
    }
    RegistryOptions { api_key: args.api_key.clone(), api_key_provider: args.provider.clone(), http }
}

/// The models to cycle through, of which a new session starts with the first; empty = all. What is wrong with the
/// patterns is logged if `warn`.
pub fn scope(args: &SessionArgs, values: &Values, registry: &Registry, warn: bool) -> Vec<Selection> {
    let patterns = match args.models.is_empty() {
        true => values.texts("enabledModels").unwrap_or_default(),
        false => args.models.clone(),
    };
    if patterns.is_empty() {
        return Vec::new();
    }
    let (scope, warnings) = select::scope(&patterns, &registry.available());
    if warn {
        warnings.iter().for_each(|it| tracing::warn!("{it}"));
    }
    scope
}

/// Chooses. When nothing else is configured, model servers on this machine are looked for (at most 300 ms).
///
/// # Errors
/// A model that the flags name does not exist.
pub async fn choose(
    args: &SessionArgs,
    values: &Values,
    registry: &Registry,
    scope: &[Selection],
) -> anyhow::Result<Start> {
    let named = args.provider.is_some() || args.model.is_some();
    // The usual case needs no list of all models.
    if let (Some(provider), Some(model)) = (&args.provider, &args.model) {
        if let Some(model) = registry.find(provider, model) {
            return Ok(Start { model: Some(model), thinking: None, named });
        }
    }
    let available = registry.available();
    let default = values.text("defaultProvider").zip(values.text("defaultModel"));
    let wanted = Wanted {
        provider: args.provider.as_deref(),
        model: args.model.as_deref(),
        session: None,
        scope,
        settings: default.as_ref().map(|(provider, model)| (provider.as_str(), model.as_str())),
    };
    let all = if named { registry.all() } else { Vec::new() };
    let (picked, warning) = select::pick(wanted, &available, &all).map_err(|it| anyhow!(it))?;
    warning.iter().for_each(|it| tracing::warn!("{it}"));
    if let Some(picked) = picked {
        return Ok(Start { model: Some(picked.model), thinking: picked.thinking, named });
    }
    if args.offline {
        return Ok(Start::default());
    }
    let servers = registry.probe_local().await;
    let model = registry.adopt_local(&servers).into_iter().next();
    Ok(Start { model, thinking: None, named: false })
}
