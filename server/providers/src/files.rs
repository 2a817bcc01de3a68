//! The user's files about models, `models.json` and `auth.json`, as they are now.
//!
//! A key that is added counts without a restart, so whoever asks for the files compares their stamps first: two
//! system calls. A file that became unreadable, perhaps because it is being written, leaves what it said before.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use pi_protocol::Model;
use serde_json::Value;

use crate::{
    auth::Auth,
    catalog,
    models_json::{self, CustomProvider, CustomProviders},
};

/// When each file was written and how long it is; nothing for a file that is not there.
pub(crate) type Stamps = [Option<(SystemTime, u64)>; 2];

/// The stamps of the files in `agent_dir`.
pub(crate) fn stamps(agent_dir: &Path) -> Stamps {
    ["models.json", "auth.json"].map(|name| {
        let found = std::fs::metadata(agent_dir.join(name)).ok()?;
        Some((found.modified().ok()?, found.len()))
    })
}

/// What the files say.
#[derive(Debug)]
pub(crate) struct Files {
    /// As they were before the files were read.
    pub stamps: Stamps,
    custom: CustomProviders,
    auth: Auth,
    own: Vec<Arc<Model>>,
    builtin: OnceLock<Vec<Arc<Model>>>,
}

impl Files {
    /// Reads them. The warnings say what is wrong there; everything else is usable.
    pub fn read(agent_dir: &Path, stamps: Stamps, before: Option<&Self>, warnings: &mut Vec<String>) -> Self {
        let custom = models_json::load(agent_dir, warnings);
        let custom = custom.or_else(|| Some(before?.custom.clone())).unwrap_or_default();
        let auth = Auth::load(agent_dir, warnings);
        let auth = auth.or_else(|| Some(before?.auth.clone())).unwrap_or_default();
        let own = custom.iter().flat_map(|(_, it)| &it.models).cloned().map(Arc::new).collect();
        Self { stamps, custom, auth, own, builtin: OnceLock::new() }
    }

    /// What `models.json` says about a provider.
    pub fn custom(&self, provider: &str) -> Option<&CustomProvider> {
        self.custom.iter().find(|(name, _)| name == provider).map(|(_, it)| it)
    }

    /// The key of a provider in `auth.json`, unresolved.
    pub fn key(&self, provider: &str) -> Option<&str> {
        self.auth.key(provider)
    }

    /// All keys in both files, unresolved.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.custom.iter().filter_map(|(_, it)| it.api_key.as_deref()).chain(self.auth.keys())
    }

    /// The user's own models.
    pub fn own(&self) -> &[Arc<Model>] {
        &self.own
    }

    /// Our models as the user's file changes them, without those it replaces.
    pub fn builtin(&self) -> &[Arc<Model>] {
        self.builtin.get_or_init(|| {
            let kept = catalog::models().iter().filter(|model| {
                !self.own.iter().any(|it| it.provider == model.provider && it.id == model.id)
            });
            kept.map(|model| match self.custom(&model.provider) {
                Some(custom) => Arc::new(changed(model, custom)),
                None => Arc::new(model.clone()),
            })
            .collect()
        })
    }
}

/// A built-in model with what the user's file says about it.
fn changed(model: &Model, custom: &CustomProvider) -> Model {
    let mut model = model.clone();
    if let Some(base_url) = &custom.base_url {
        model.base_url.clone_from(base_url);
    }
    model.compat = models_json::merged(custom.compat.as_ref(), model.compat.take());
    if let Some(over) = custom.overrides.get(&model.id).and_then(Value::as_object) {
        if let Ok(Value::Object(mut json)) = serde_json::to_value(&model) {
            json.extend(
                over.iter()
                    .filter(|(key, _)| *key != "id" && *key != "provider")
                    .map(|(k, v)| (k.clone(), v.clone())),
            );
            match serde_json::from_value(json.into()) {
                Ok(it) => model = it,
                Err(error) => tracing::warn!(model = %model.key(), %error, "modelOverrides not usable"),
            }
        }
    }
    model
}
