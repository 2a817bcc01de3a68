//! Settings in force, looked up by their row in the table.

use std::collections::BTreeMap;

use pi_core::ports::{
    CompactionLimits, CompactionSettings, PartialCompactionLimits, RetrySettings, SessionSettings,
    SteeringInterrupt, ThinkingBudgets,
};
use pi_protocol::{PermissionMode, QueueMode, ReviewMode, ThinkingLevel};
use serde_json::{Map, Value};

use super::table::{self, Scope, TABLE};

/// Settings in force: files merged, values of the wrong kind left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values(Map<String, Value>);

impl Values {
    /// Checks the content of one file. Values of the wrong kind, and in a project those that only the global file
    /// may have, are left out, each with a warning that names `file`.
    pub(super) fn checked(
        mut root: Map<String, Value>,
        project: bool,
        file: &str,
        warnings: &mut Vec<String>,
    ) -> Self {
        migrate(&mut root);
        for row in TABLE {
            let path: Vec<_> = row.key.split('.').collect();
            let Some(value) = lookup(&root, &path) else { continue };
            if project && row.scope == Scope::Global {
                warnings.push(format!(
                    "{file}: \"{}\" is ignored, only the global settings may have it",
                    row.key
                ));
            } else if row.kind.accepts(value) {
                continue;
            } else {
                warnings.push(format!(
                    "{file}: \"{}\" is ignored, it must be {}",
                    row.key,
                    row.kind.describe()
                ));
            }
            remove(&mut root, &path);
        }
        Self(root)
    }

    /// Lays `over` over this: objects are merged, everything else is replaced.
    pub(super) fn overlay(&mut self, over: Values) {
        merge(&mut self.0, over.0);
    }

    /// Takes a value out; whether it was there.
    pub(super) fn remove(&mut self, key: &str) -> bool {
        let path: Vec<_> = key.split('.').collect();
        let found = lookup(&self.0, &path).is_some();
        remove(&mut self.0, &path);
        found
    }

    pub(super) fn set(&mut self, key: &str, value: Value) {
        let nested =
            key.rsplit('.').fold(value, |value, key| Value::Object(Map::from_iter([(key.into(), value)])));
        if let Value::Object(nested) = nested {
            merge(&mut self.0, nested);
        }
    }

    /// What is set, without defaults, as in a settings file.
    pub fn all(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// The value of a setting of the table, or its default.
    pub fn get(&self, key: &str) -> Option<Value> {
        let path: Vec<_> = key.split('.').collect();
        lookup(&self.0, &path).cloned().or_else(|| {
            let row = table::find(key);
            debug_assert!(row.is_some(), "no setting {key}");
            row.and_then(|it| serde_json::from_str(it.default).ok())
        })
    }

    /// A yes or no.
    pub fn bool(&self, key: &str) -> bool {
        self.get(key).and_then(|it| it.as_bool()).unwrap_or_default()
    }

    /// A number; `None` if there is none and no default.
    pub fn count(&self, key: &str) -> Option<u64> {
        self.get(key).and_then(|it| it.as_u64())
    }

    /// A text; `None` if there is none and no default.
    pub fn text(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// A list of texts; `None` if there is none and no default.
    pub fn texts(&self, key: &str) -> Option<Vec<String>> {
        serde_json::from_value(self.get(key)?).ok()
    }

    /// `review.mode`.
    pub fn review_mode(&self) -> ReviewMode {
        self.text("review.mode").and_then(|it| ReviewMode::from_name(&it)).unwrap_or_default()
    }

    /// `permissions.mode`; `None` = the transport's default.
    pub fn permission_mode(&self) -> Option<PermissionMode> {
        PermissionMode::from_name(&self.text("permissions.mode")?)
    }

    /// What a session needs.
    pub(super) fn session(&self) -> SessionSettings {
        let count = |key| self.count(key).unwrap_or_default();
        SessionSettings {
            steering_mode: self.queue_mode("steeringMode"),
            follow_up_mode: self.queue_mode("followUpMode"),
            steering_interrupt: match self.text("steering.interrupt").as_deref() {
                Some("finish") => SteeringInterrupt::Finish,
                _ => SteeringInterrupt::Skip,
            },
            default_thinking_level: self
                .text("defaultThinkingLevel")
                .and_then(|it| it.parse().ok())
                .unwrap_or(ThinkingLevel::Medium),
            thinking_budgets: ThinkingBudgets {
                minimal: count("thinkingBudgets.minimal"),
                low: count("thinkingBudgets.low"),
                medium: count("thinkingBudgets.medium"),
                high: count("thinkingBudgets.high"),
            },
            auto_compaction: self.bool("compaction.enabled"),
            compaction: CompactionSettings {
                default: CompactionLimits {
                    reserve_tokens: count("compaction.reserveTokens"),
                    keep_recent_tokens: count("compaction.keepRecentTokens"),
                },
                per_model: self.compaction_overrides(),
            },
            retry: RetrySettings {
                enabled: self.bool("retry.enabled"),
                max_retries: u32::try_from(count("retry.maxRetries")).unwrap_or(u32::MAX),
                base_delay_ms: count("retry.baseDelayMs"),
                max_delay_ms: count("retry.maxAgentDelayMs"),
            },
            block_images: self.bool("images.blockImages"),
        }
    }

    /// `compaction.modelOverrides`; what is not a number there is as if absent.
    fn compaction_overrides(&self) -> BTreeMap<String, PartialCompactionLimits> {
        let Some(Value::Object(models)) = self.get("compaction.modelOverrides") else {
            return BTreeMap::new();
        };
        let limits = |it: &Value| PartialCompactionLimits {
            reserve_tokens: it.get("reserveTokens").and_then(Value::as_u64),
            keep_recent_tokens: it.get("keepRecentTokens").and_then(Value::as_u64),
        };
        models.iter().map(|(model, it)| (model.clone(), limits(it))).collect()
    }

    fn queue_mode(&self, key: &str) -> QueueMode {
        self.get(key).and_then(|it| serde_json::from_value(it).ok()).unwrap_or_default()
    }
}

/// Keys of older versions become those of today; in memory only.
fn migrate(root: &mut Map<String, Value>) {
    if let Some(mode) = root.shift_remove("queueMode") {
        root.entry("steeringMode").or_insert(mode);
    }
    if let Some(Value::Object(skills)) = root.get("skills").cloned() {
        root.shift_remove("skills");
        if let Some(enabled) = skills.get("enableSkillCommands") {
            root.entry("enableSkillCommands").or_insert(enabled.clone());
        }
        if let Some(directories) = skills.get("customDirectories") {
            root.insert("skills".into(), directories.clone());
        }
    }
}

fn lookup<'a>(root: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = root.get(*first)?;
    if rest.is_empty() { Some(value) } else { lookup(value.as_object()?, rest) }
}

fn remove(root: &mut Map<String, Value>, path: &[&str]) {
    match path {
        [] => {}
        [key] => {
            root.shift_remove(*key);
        }
        [key, rest @ ..] => {
            if let Some(Value::Object(inner)) = root.get_mut(*key) {
                remove(inner, rest);
            }
        }
    }
}

fn merge(under: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => merge(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(root: Value, project: bool) -> (Values, Vec<String>) {
        let Value::Object(root) = root else { panic!("an object is needed") };
        let mut warnings = Vec::new();
        (Values::checked(root, project, "f", &mut warnings), warnings)
    }

    #[test]
    fn the_defaults_of_the_table_are_the_defaults_of_the_core() {
        assert_eq!(Values::default().session(), SessionSettings::default());
    }

    #[test]
    fn a_project_overrides_single_keys() {
        let (mut global, _) =
            values(json!({"retry": {"maxRetries": 7, "baseDelayMs": 1}, "skills": ["a"]}), false);
        let (project, _) = values(json!({"retry": {"baseDelayMs": 2}, "skills": ["b"]}), true);
        global.overlay(project);
        assert_eq!(global.count("retry.maxRetries"), Some(7));
        assert_eq!(global.count("retry.baseDelayMs"), Some(2));
        assert_eq!(global.texts("skills"), Some(vec!["b".into()]));
        assert_eq!(global.count("compaction.reserveTokens"), Some(16384));
    }

    #[test]
    fn values_of_the_wrong_kind_are_reported_and_ignored() {
        let (values, warnings) = values(
            json!({"steeringMode": "some", "retry": {"maxRetries": -1}, "images": 3, "theme": {"any": 1}}),
            false,
        );
        assert_eq!(values.session(), SessionSettings::default());
        assert_eq!(
            warnings,
            [
                "f: \"steeringMode\" is ignored, it must be \"all\", \"one-at-a-time\"",
                "f: \"retry.maxRetries\" is ignored, it must be a whole number",
            ]
        );
    }

    #[test]
    fn a_project_cannot_give_itself_permissions() {
        let (values, warnings) = values(json!({"permissions": {"mode": "full"}}), true);
        assert_eq!(values.permission_mode(), None);
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn old_keys_are_understood() {
        let (values, warnings) = values(
            json!({"queueMode": "all", "skills": {"enableSkillCommands": false, "customDirectories": ["s"]}}),
            false,
        );
        assert_eq!(values.session().steering_mode, QueueMode::All);
        assert!(!values.bool("enableSkillCommands"));
        assert_eq!(values.texts("skills"), Some(vec!["s".into()]));
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}
