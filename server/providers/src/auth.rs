//! Keys the user stored in `auth.json`. Read only: the file belongs to the login command that wrote it.

use std::{collections::HashMap, path::Path};

use serde_json::Value;

/// Stored keys by provider, unresolved (resources.md §3).
#[derive(Default, Clone)]
pub(crate) struct Auth {
    keys: HashMap<String, String>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

impl Auth {
    /// Reads `<agent_dir>/auth.json`; nothing if it cannot be read. Entries of other kinds, such as subscription
    /// logins, are left alone.
    pub fn load(agent_dir: &Path, warnings: &mut Vec<String>) -> Option<Self> {
        let path = agent_dir.join("auth.json");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some(Self::default()),
            Err(error) => {
                warnings.push(format!("cannot read {}: {error}", path.display()));
                return None;
            }
        };
        warn_if_readable_by_others(&path, warnings);
        match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
            Ok(Value::Object(entries)) => {
                let keys = entries.into_iter().filter(|(_, it)| it["type"] == "api_key");
                let keys = keys.filter_map(|(name, it)| Some((name, it["key"].as_str()?.to_owned())));
                Some(Self { keys: keys.collect() })
            }
            Ok(_) => {
                warnings.push(format!("{} is not a JSON object; stored keys are not used", path.display()));
                None
            }
            // The text is not shown: it holds keys.
            Err(error) => {
                warnings.push(format!(
                    "cannot parse {} (line {}); stored keys are not used",
                    path.display(),
                    error.line()
                ));
                None
            }
        }
    }

    /// All stored keys, unresolved.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.values().map(String::as_str)
    }

    /// The stored key of a provider.
    pub fn key(&self, provider: &str) -> Option<&str> {
        self.keys.get(provider).map(String::as_str).filter(|it| !it.is_empty())
    }
}

#[cfg(unix)]
fn warn_if_readable_by_others(path: &Path, warnings: &mut Vec<String>) {
    use std::os::unix::fs::PermissionsExt;
    if std::fs::metadata(path).is_ok_and(|it| it.permissions().mode() & 0o077 != 0) {
        warnings.push(format!("{0} can be read by other users; run: chmod 600 {0}", path.display()));
    }
}

#[cfg(not(unix))]
fn warn_if_readable_by_others(_path: &Path, _warnings: &mut Vec<String>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_api_keys_are_read_and_broken_files_are_reported_without_their_content() {
        let dir = tempfile::tempdir().unwrap();
        let mut warnings = Vec::new();
        assert!(Auth::load(dir.path(), &mut warnings).unwrap().key("a").is_none());
        assert!(warnings.is_empty());

        let file = dir.path().join("auth.json");
        std::fs::write(
            &file,
            r#"{"a":{"type":"api_key","key":"k"},"b":{"type":"oauth","access":"x"},"c":3}"#,
        )
        .unwrap();
        let auth = Auth::load(dir.path(), &mut warnings).unwrap();
        assert_eq!(auth.key("a"), Some("k"));
        assert_eq!(auth.key("b"), None);

        warnings.clear();
        std::fs::write(&file, r#"{"a": secret"#).unwrap();
        assert!(Auth::load(dir.path(), &mut warnings).is_none());
        let text = warnings.join("\n");
        assert!(text.contains("cannot parse") && !text.contains("secret"), "{text}");
    }
}
