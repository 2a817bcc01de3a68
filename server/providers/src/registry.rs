//! Which models there are, which of them can be asked, and asking them.
//!
//! Start-up reads the user's two small files at most; the built-in catalogue, HTTP and TLS come into being with
//! the first list or call that needs them. A file that is written later counts from then on ([`files`]).

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use async_trait::async_trait;
use pi_core::{CancellationToken, ModelRequest, Models, Provider, ProviderEvent};
use pi_protocol::{AssistantMessage, Model};

use crate::{
    anthropic, catalog, check,
    dialect::{self, Credential, Endpoint},
    faux::{self, Faux},
    files::{self, Files},
    google,
    http::{self, CallError, Http, HttpOptions},
    local::{self, LocalServer},
    openai_completions, openai_responses,
    values::{self, Values},
};

/// What the command line says about models.
#[derive(Clone, Default)]
pub struct RegistryOptions {
    /// `--api-key`, for the provider that is named with it or every provider asked.
    pub api_key: Option<String>,
    /// Only use [`Self::api_key`] for this provider.
    pub api_key_provider: Option<String>,
    /// Time limits.
    pub http: HttpOptions,
}

impl std::fmt::Debug for RegistryOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryOptions").field("http", &self.http).finish_non_exhaustive()
    }
}

/// Where a provider's key was found; for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// `--api-key`.
    CommandLine,
    /// `auth.json`.
    AuthFile,
    /// `models.json`.
    ModelsFile,
    /// This environment variable.
    Environment(String),
    /// The server asks for no key.
    Keyless,
}

/// The models and the way to ask them. Made once for the process.
#[derive(Debug)]
pub struct Registry {
    options: RegistryOptions,
    agent_dir: PathBuf,
    files: Mutex<Arc<Files>>,
    /// What was wrong with files that were read again.
    warnings: Mutex<Vec<String>>,
    values: Values,
    http: Http,
    faux: Faux,
    /// Models of local servers that were found.
    local: RwLock<Vec<Arc<Model>>>,
}

impl Registry {
    /// Reads `models.json` and `auth.json` of `agent_dir`. The warnings say what was wrong there; everything else
    /// stays usable.
    pub fn load(agent_dir: &Path, options: RegistryOptions) -> (Self, Vec<String>) {
        Self::load_with_env(agent_dir, options, values::process_env)
    }

    /// With a given environment.
    fn load_with_env(agent_dir: &Path, options: RegistryOptions, env: values::Env) -> (Self, Vec<String>) {
        let mut warnings = Vec::new();
        let files = Files::read(agent_dir, files::stamps(agent_dir), None, &mut warnings);
        let registry = Self {
            http: Http::new(options.http),
            options,
            agent_dir: agent_dir.to_owned(),
            files: Mutex::new(Arc::new(files)),
            warnings: Mutex::default(),
            values: Values::new(env),
            faux: Faux::default(),
            local: RwLock::default(),
        };
        (registry, warnings)
    }

    /// Plays `script` for the model `faux/scripted`, whatever the environment says.
    pub fn set_faux_script(&self, script: faux::Script) {
        self.faux.set_script(script);
    }

    /// What the user's files say now.
    fn files(&self) -> Arc<Files> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps = files::stamps(&self.agent_dir);
        if files.stamps != stamps {
            let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
            *files = Arc::new(Files::read(&self.agent_dir, stamps, Some(&files), &mut warnings));
        }
        files.clone()
    }

    /// What was wrong with files that were written since [`Self::load`], for the user; each is told once.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn found_locally(&self) -> Vec<Arc<Model>> {
        self.local.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All models, with or without a key: the user's, ours, local ones.
    pub fn all(&self) -> Vec<Arc<Model>> {
        self.all_of(&self.files())
    }

    fn all_of(&self, files: &Files) -> Vec<Arc<Model>> {
        let scripted = self.scripted_is_set_up().then(faux::model);
        let of_files = files.own().iter().chain(files.builtin()).cloned();
        of_files.chain(self.found_locally()).chain(scripted).collect()
    }

    fn scripted_is_set_up(&self) -> bool {
        self.faux.has_script() || self.values.env(faux::SCRIPT_ENV).is_some()
    }

    /// Where the key for a provider comes from; `None` = it cannot be asked. Runs no command.
    pub fn key_source(&self, provider: &str) -> Option<KeySource> {
        self.key_source_in(&self.files(), provider)
    }

    fn key_source_in(&self, files: &Files, provider: &str) -> Option<KeySource> {
        if self.command_line_key(provider).is_some() {
            return Some(KeySource::CommandLine);
        }
        if files.key(provider).is_some_and(|it| self.values.is_set(it)) {
            return Some(KeySource::AuthFile);
        }
        let custom = files.custom(provider);
        let key = custom.and_then(|it| it.api_key.as_deref());
        if key.is_some_and(|it| !is_no_key(it) && self.values.is_set(it)) {
            return Some(KeySource::ModelsFile);
        }
        for name in catalog::provider(provider).into_iter().flat_map(|it| it.env) {
            if self.values.env(name).is_some() {
                return Some(KeySource::Environment((*name).to_owned()));
            }
        }
        if provider == "anthropic" && self.values.env("ANTHROPIC_AUTH_TOKEN").is_some() {
            return Some(KeySource::Environment("ANTHROPIC_AUTH_TOKEN".into()));
        }
        let keyless = match (custom, key) {
            (_, Some(key)) => is_no_key(key),
            (Some(custom), None) => custom
                .base_url
                .iter()
                .chain(custom.models.iter().map(|it| &it.base_url))
                .any(|it| is_private(it) || it.is_empty()),
            (None, None) => {
                provider == faux::PROVIDER || self.found_locally().iter().any(|it| it.provider == provider)
            }
        };
        keyless.then_some(KeySource::Keyless)
    }

    /// Variables of the environment that hold, or would hold, a key of a provider.
    pub fn key_variables(&self) -> Vec<String> {
        let built_in = catalog::PROVIDERS.iter().flat_map(|it| it.env).chain(&catalog::OTHER_KEYS);
        let mut names: Vec<String> = built_in.map(|it| (*it).to_owned()).collect();
        names.extend(self.files().keys().flat_map(values::variables));
        names.sort();
        names.dedup();
        names
    }

    fn command_line_key(&self, provider: &str) -> Option<&str> {
        let meant = self.options.api_key_provider.as_deref().is_none_or(|it| it == provider);
        self.options.api_key.as_deref().filter(|it| meant && !it.is_empty())
    }

    /// Runs commands of the user's files unless they are prepared, and then blocks.
    fn credential(&self, files: &Files, provider: &str) -> Option<Credential> {
        let resolved = |key: Option<&str>| key.and_then(|it| self.values.resolve(it)).map(Credential::Key);
        match self.key_source_in(files, provider)? {
            KeySource::CommandLine => {
                self.command_line_key(provider).map(|it| Credential::Key(it.to_owned()))
            }
            KeySource::AuthFile => resolved(files.key(provider)),
            KeySource::ModelsFile => {
                let custom = files.custom(provider)?;
                let key = self.values.resolve(custom.api_key.as_deref()?)?;
                Some(if custom.auth_header { Credential::Bearer(key) } else { Credential::Key(key) })
            }
            KeySource::Environment(name) if name == "ANTHROPIC_AUTH_TOKEN" => {
                self.values.env(&name).map(Credential::Bearer)
            }
            KeySource::Environment(name) => self.values.env(&name).map(Credential::Key),
            KeySource::Keyless => Some(Credential::Keyless),
        }
    }

    fn endpoint(&self, files: &Files, model: &Model) -> Result<Endpoint, String> {
        let credential = self
            .credential(files, &model.provider)
            .ok_or_else(|| format!("No API key for provider: {}", model.provider))?;
        let of_provider = files.custom(&model.provider).map(|it| &it.headers).into_iter().flatten();
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in of_provider.chain(model.headers.iter().flatten()) {
            let value = self
                .values
                .resolve(value)
                .ok_or_else(|| format!("header {name} of provider {} has no value", model.provider))?;
            headers = dialect::merge_headers(headers, &[(name.clone(), value)]);
        }
        Ok(Endpoint { credential, headers })
    }

    /// Asks a provider whether it takes the key that is set up for it, by a request that costs nothing: the status of a
    /// refusal; nothing if the key is taken, or if that cannot be told.
    pub async fn key_refusal(&self, provider: &str) -> Option<u16> {
        let files = self.files();
        let model = self.all_of(&files).into_iter().find(|it| it.provider == provider)?;
        let of_files = files.key(provider).into_iter();
        let custom = files.custom(provider).and_then(|it| it.api_key.as_deref());
        self.values.prepare(of_files.chain(custom)).await;
        let endpoint = self.endpoint(&files, &model).ok()?;
        check::refusal(&self.http, &model, &endpoint).await
    }

    /// Looks for local servers on their usual ports; takes at most about 300 ms. Never part of starting with a
    /// configured model.
    pub async fn probe_local(&self) -> Vec<LocalServer> {
        local::probe(&self.http).await
    }

    /// Adds the models of local servers and returns them.
    pub fn adopt_local(&self, servers: &[LocalServer]) -> Vec<Arc<Model>> {
        let models: Vec<_> = servers.iter().flat_map(LocalServer::to_models).map(Arc::new).collect();
        self.local.write().unwrap_or_else(PoisonError::into_inner).clone_from(&models);
        models
    }

    /// The directory the user's files were read from.
    pub fn agent_dir(&self) -> &Path {
        &self.agent_dir
    }
}

fn is_no_key(key: &str) -> bool {
    key.is_empty() || key == "none"
}

/// Whether the address is this machine or a private network.
fn is_private(base_url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(base_url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    http::is_loopback(&url)
        || host.ends_with(".local")
        || match host.parse() {
            Ok(std::net::IpAddr::V4(it)) => it.is_private() || it.is_link_local(),
            Ok(std::net::IpAddr::V6(it)) => it.is_unique_local() || it.is_unicast_link_local(),
            Err(_) => false,
        }
}

impl Models for Registry {
    fn available(&self) -> Vec<Arc<Model>> {
        let files = self.files();
        let mut known: Vec<(String, bool)> = Vec::new();
        let mut models = self.all_of(&files);
        models.retain(|model| match known.iter().find(|(name, _)| *name == model.provider) {
            Some((_, usable)) => *usable,
            None => {
                let usable = self.key_source_in(&files, &model.provider).is_some();
                known.push((model.provider.clone(), usable));
                usable
            }
        });
        models
    }

    fn find(&self, provider: &str, id: &str) -> Option<Arc<Model>> {
        let files = self.files();
        let is = |it: &&Arc<Model>| it.provider == provider && it.id == id;
        if let Some(it) = files.own().iter().find(is) {
            return Some(it.clone());
        }
        if provider == faux::PROVIDER && id == faux::MODEL {
            return Some(faux::model());
        }
        if catalog::provider(provider).is_some() {
            return files.builtin().iter().find(is).cloned();
        }
        self.found_locally().iter().find(is).cloned()
    }

    fn has_auth(&self, model: &Model) -> bool {
        self.key_source(&model.provider).is_some()
    }
}

#[async_trait]
impl Provider for Registry {
    async fn stream(
        &self,
        request: ModelRequest,
        cancel: CancellationToken,
        out: &mut (dyn FnMut(ProviderEvent) + Send),
    ) -> AssistantMessage {
        let failed = |text: String| dialect::fail(dialect::blank(&request), CallError::Protocol(text));
        if request.model.api == faux::API {
            return self.faux.stream(&request, self.values.env(faux::SCRIPT_ENV), &cancel, out).await;
        }
        let files = self.files();
        let custom = files.custom(&request.model.provider);
        let of_files = files
            .key(&request.model.provider)
            .into_iter()
            .chain(custom.and_then(|it| it.api_key.as_deref()))
            .chain(custom.iter().flat_map(|it| it.headers.values()).map(String::as_str))
            .chain(request.model.headers.iter().flat_map(|it| it.values()).map(String::as_str));
        tokio::select! {
            biased;
            () = cancel.cancelled() => return dialect::fail(dialect::blank(&request), CallError::Aborted),
            () = self.values.prepare(of_files) => {}
        }
        let endpoint = match self.endpoint(&files, &request.model) {
            Ok(it) => it,
            Err(text) => return failed(text),
        };
        match &*request.model.api {
            "anthropic-messages" => anthropic::stream(&self.http, &request, &endpoint, &cancel, out).await,
            "openai-completions" => {
                openai_completions::stream(&self.http, &request, &endpoint, &cancel, out).await
            }
            "openai-responses" => {
                openai_responses::stream(&self.http, &request, &endpoint, &cancel, out).await
            }
            "google-generative-ai" => google::stream(&self.http, &request, &endpoint, &cancel, out).await,
            other => failed(format!(
                "model {} uses the API \"{other}\", which this version does not speak \
                 (anthropic-messages, openai-completions, openai-responses, google-generative-ai)",
                request.model.key()
            )),
        }
    }
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
