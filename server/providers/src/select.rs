//! From what the user wrote to a model: `--model`, `--models`, settings, and the default (resources.md §5).

use std::sync::Arc;

use globset::GlobBuilder;
use pi_protocol::{Model, ThinkingLevel};

use crate::catalog;

/// A model and the thinking level asked for with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// The model.
    pub model: Arc<Model>,
    /// From a suffix `:<level>`.
    pub thinking: Option<ThinkingLevel>,
}

/// Finds the one model a pattern means: `provider/id`, an id, or a part of an id or name, each with an optional
/// `:<level>`. The warning is for the person, also when nothing is found.
pub fn find(pattern: &str, models: &[Arc<Model>]) -> (Option<Selection>, Option<String>) {
    let pattern = pattern.trim();
    if let Some(model) = find_model(pattern, models) {
        return (Some(Selection { model, thinking: None }), None);
    }
    if let Some((head, suffix)) = pattern.rsplit_once(':') {
        let (found, inner) = find(head, models);
        if let Some(found) = found {
            return match suffix.parse() {
                Ok(level) if inner.is_none() => (Some(Selection { thinking: Some(level), ..found }), None),
                Ok(_) => (Some(found), inner),
                Err(_) => (Some(Selection { thinking: None, ..found }), Some(invalid_level(suffix, pattern))),
            };
        }
    }
    (None, Some(no_match(pattern)))
}

fn invalid_level(suffix: &str, pattern: &str) -> String {
    format!("Invalid thinking level \"{suffix}\" in pattern \"{pattern}\". Using default instead.")
}

fn no_match(pattern: &str) -> String {
    format!("No models match pattern \"{pattern}\"")
}

fn find_model(pattern: &str, models: &[Arc<Model>]) -> Option<Arc<Model>> {
    if pattern.is_empty() {
        return None;
    }
    let exact = |it: &&Arc<Model>| it.key().eq_ignore_ascii_case(pattern);
    let same_id = |it: &&Arc<Model>| it.id.eq_ignore_ascii_case(pattern);
    if let Some(it) = models.iter().find(exact).or_else(|| models.iter().find(same_id)) {
        return Some(it.clone());
    }
    let wanted = pattern.to_lowercase();
    let partly = models
        .iter()
        .filter(|it| it.id.to_lowercase().contains(&wanted) || it.name.to_lowercase().contains(&wanted));
    // An alias follows its model; a date stands still. Of several the highest id is the newest.
    partly.max_by(|a, b| (is_alias(&a.id), &a.id).cmp(&(is_alias(&b.id), &b.id))).cloned()
}

/// Whether the id names no date: it ends with `-latest` or not with `-YYYYMMDD`.
fn is_alias(id: &str) -> bool {
    match id.rsplit_once('-') {
        Some((_, date)) => !(date.len() == 8 && date.bytes().all(|it| it.is_ascii_digit())),
        None => true,
    }
}

/// The models of `--models` or `enabledModels`, in the order of the patterns, without repetition; and warnings.
pub fn scope(patterns: &[String], models: &[Arc<Model>]) -> (Vec<Selection>, Vec<String>) {
    let mut chosen: Vec<Selection> = Vec::new();
    let mut warnings = Vec::new();
    let mut add = |it: Selection| {
        if !chosen.iter().any(|known| known.model.key() == it.model.key()) {
            chosen.push(it);
        }
    };
    for pattern in patterns.iter().map(|it| it.trim()).filter(|it| !it.is_empty()) {
        if !pattern.contains(['*', '?', '[']) {
            let (found, warning) = find(pattern, models);
            found.into_iter().for_each(&mut add);
            warnings.extend(warning);
            continue;
        }
        let (glob, thinking) = match pattern.rsplit_once(':') {
            Some((glob, level)) => match level.parse() {
                Ok(level) => (glob, Some(level)),
                Err(_) => (pattern, None),
            },
            None => (pattern, None),
        };
        let mut any = false;
        if let Ok(glob) = GlobBuilder::new(glob).case_insensitive(true).build() {
            let glob = glob.compile_matcher();
            for model in models.iter().filter(|it| glob.is_match(it.key()) || glob.is_match(&it.id)) {
                any = true;
                add(Selection { model: model.clone(), thinking });
            }
        }
        if !any {
            warnings.push(no_match(pattern));
        }
    }
    (chosen, warnings)
}

/// What start-up knows about the wanted model; earlier fields win.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// `--provider`.
    pub provider: Option<&'a str>,
    /// `--model`.
    pub model: Option<&'a str>,
    /// Provider and id the continued session used last.
    pub session: Option<(&'a str, &'a str)>,
    /// Resolved `--models`.
    pub scope: &'a [Selection],
    /// `defaultProvider` and `defaultModel` of the settings.
    pub settings: Option<(&'a str, &'a str)>,
}

/// Picks the model to start with. `available` are the models that can be asked now, `all` includes the others, so
/// that a named model without a key is found and the missing key reported when it is asked.
///
/// # Errors
/// `Model p/m not found` when the user named a model there is none of.
pub fn pick(
    wanted: Wanted<'_>,
    available: &[Arc<Model>],
    all: &[Arc<Model>],
) -> Result<(Option<Selection>, Option<String>), String> {
    let plain = |model: &Arc<Model>| Selection { model: model.clone(), thinking: None };
    if wanted.provider.is_some() || wanted.model.is_some() {
        let of_provider = |models: &[Arc<Model>]| -> Vec<Arc<Model>> {
            let here =
                |it: &&Arc<Model>| wanted.provider.is_none_or(|name| it.provider.eq_ignore_ascii_case(name));
            models.iter().filter(here).cloned().collect()
        };
        let (usable, known) = (of_provider(available), of_provider(all));
        let Some(pattern) = wanted.model else {
            let found = default_of(&usable).or_else(|| default_of(&known));
            return match found {
                Some(it) => Ok((Some(plain(&it)), None)),
                None => Err(format!("Provider {} not found", wanted.provider.unwrap_or_default())),
            };
        };
        for models in [&usable, &known] {
            if let (Some(found), warning) = find(pattern, models) {
                return Ok((Some(found), warning));
            }
        }
        return Err(match wanted.provider {
            Some(provider) => format!("Model {provider}/{pattern} not found"),
            None => format!("Model {pattern} not found"),
        });
    }
    let exact =
        |(provider, id): (&str, &str)| available.iter().find(|it| it.provider == provider && it.id == id);
    if let Some(it) = wanted.session.and_then(exact) {
        return Ok((Some(plain(it)), None));
    }
    if let (None, Some(first)) = (wanted.session, wanted.scope.first()) {
        return Ok((Some(first.clone()), None));
    }
    if let Some(it) = wanted.settings.and_then(exact) {
        return Ok((Some(plain(it)), None));
    }
    Ok((default_of(available).as_ref().map(plain), None))
}

/// The default model of the first provider that has it, else the first model.
fn default_of(models: &[Arc<Model>]) -> Option<Arc<Model>> {
    let default = catalog::PROVIDERS.iter().find_map(|provider| {
        models.iter().find(|it| it.provider == provider.name && it.id == provider.default_model)
    });
    default.or(models.first()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(key: &str, name: &str) -> Arc<Model> {
        let (provider, id) = key.split_once('/').unwrap();
        Arc::new(
            serde_json::from_value(serde_json::json!({
                "id": id, "name": name, "api": "x", "provider": provider, "baseUrl": "", "reasoning": false,
                "input": ["text"], "cost": {}, "contextWindow": 1, "maxTokens": 1,
            }))
            .unwrap(),
        )
    }

    fn models() -> Vec<Arc<Model>> {
        [
            ("anthropic/claude-sonnet-4-5-20250929", "Claude Sonnet 4.5"),
            ("anthropic/claude-sonnet-4-5", "Claude Sonnet 4.5 (latest)"),
            ("anthropic/claude-sonnet-4-0", "Claude Sonnet 4"),
            ("anthropic/claude-opus-4-5", "Claude Opus 4.5"),
            ("openrouter/openai/gpt-5.1", "GPT"),
            ("openrouter/qwen/qwen3-coder:exacto", "Qwen"),
            ("old/dated-20240101", "Dated"),
            ("old/dated-20250101", "Dated"),
        ]
        .map(|(key, name)| model(key, name))
        .into()
    }

    #[test]
    fn patterns() {
        use ThinkingLevel::*;
        for (pattern, key, thinking, warned) in [
            ("anthropic/claude-opus-4-5", Some("anthropic/claude-opus-4-5"), None, false),
            ("ANTHROPIC/Claude-Opus-4-5", Some("anthropic/claude-opus-4-5"), None, false),
            ("claude-sonnet-4-5-20250929", Some("anthropic/claude-sonnet-4-5-20250929"), None, false),
            ("sonnet", Some("anthropic/claude-sonnet-4-5"), None, false),
            ("sonnet:high", Some("anthropic/claude-sonnet-4-5"), Some(High), false),
            ("sonnet:loud", Some("anthropic/claude-sonnet-4-5"), None, true),
            ("qwen/qwen3-coder:exacto", Some("openrouter/qwen/qwen3-coder:exacto"), None, false),
            ("qwen3-coder:exacto:low", Some("openrouter/qwen/qwen3-coder:exacto"), Some(Low), false),
            ("openai/gpt-5.1", Some("openrouter/openai/gpt-5.1"), None, false),
            ("dated", Some("old/dated-20250101"), None, false),
            ("nothing", None, None, true),
            ("", None, None, true),
        ] {
            let (found, warning) = find(pattern, &models());
            assert_eq!(found.as_ref().map(|it| it.model.key()).as_deref(), key, "{pattern}");
            assert_eq!(found.and_then(|it| it.thinking), thinking, "{pattern}");
            assert_eq!(warning.is_some(), warned, "{pattern}: {warning:?}");
        }
    }

    #[test]
    fn scopes_take_globs_and_keep_the_order_of_the_patterns() {
        let patterns =
            ["*opus*:high", "anthropic/*4-5", "gpt-5.1", "none-*", "*SONNET-4-0"].map(String::from);
        let (chosen, warnings) = scope(&patterns, &models());
        let keys: Vec<_> = chosen.iter().map(|it| it.model.id.as_str()).collect();
        assert_eq!(keys, ["claude-opus-4-5", "claude-sonnet-4-5", "openai/gpt-5.1", "claude-sonnet-4-0"]);
        assert_eq!(chosen[0].thinking, Some(ThinkingLevel::High));
        assert_eq!(warnings, ["No models match pattern \"none-*\""]);
    }

    #[test]
    fn the_start_model_follows_the_order_of_the_sources() {
        let all = models();
        let available = &all[..5];
        let picked = |wanted| pick(wanted, available, &all).unwrap().0.map(|it| it.model.key()).unwrap();
        let scope = [Selection { model: all[2].clone(), thinking: None }];
        let none = Wanted::default();
        assert_eq!(picked(none), "anthropic/claude-opus-4-5");
        let settings = Wanted { settings: Some(("anthropic", "claude-sonnet-4-5")), ..none };
        assert_eq!(picked(settings), "anthropic/claude-sonnet-4-5");
        assert_eq!(picked(Wanted { scope: &scope, ..settings }), "anthropic/claude-sonnet-4-0");
        let session = Wanted { session: Some(("openrouter", "openai/gpt-5.1")), scope: &scope, ..settings };
        assert_eq!(picked(session), "openrouter/openai/gpt-5.1");
        // A session whose model is gone does not fall back to the scope.
        assert_eq!(picked(Wanted { session: Some(("x", "y")), ..session }), "anthropic/claude-sonnet-4-5");
        assert_eq!(picked(Wanted { model: Some("opus"), ..session }), "anthropic/claude-opus-4-5");
        assert_eq!(picked(Wanted { provider: Some("openrouter"), ..none }), "openrouter/openai/gpt-5.1");
        // Named and known, but without a key.
        assert_eq!(
            picked(Wanted { provider: Some("old"), model: Some("dated"), ..none }),
            "old/dated-20250101"
        );
        let missing = Wanted { provider: Some("old"), model: Some("x"), ..none };
        assert_eq!(pick(missing, available, &all).unwrap_err(), "Model old/x not found");
        assert!(pick(none, &[], &all).unwrap().0.is_none());
    }
}
