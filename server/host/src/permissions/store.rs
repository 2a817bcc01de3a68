//! Rules a user chose with "Always in this project".
//!
//! They are in the user's own directory, by project, and not in the project: a file that the model can write must
//! not say what the model may do.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::settings::{LockDir, replace_file};

/// The file in the agent directory.
pub const FILE: &str = "permissions.json";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    /// Rules by project folder.
    #[serde(default)]
    projects: BTreeMap<String, Project>,
    /// What other versions keep here.
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Project {
    #[serde(default)]
    allow: Vec<String>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// The stored rules of one project.
#[derive(Debug)]
pub struct ProjectRules {
    path: PathBuf,
    project: String,
    writing: Mutex<()>,
}

impl ProjectRules {
    /// Of the project in `root` (a real path).
    pub fn new(agent_dir: &Path, root: &Path) -> Self {
        let project = root.to_string_lossy().into_owned();
        Self { path: agent_dir.join(FILE), project, writing: Mutex::default() }
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The rules, in the order they were stored.
    ///
    /// # Errors
    /// The file cannot be read or is not what it should be.
    pub fn read(&self) -> Result<Vec<String>, String> {
        let mut content = self.content()?;
        Ok(content.projects.remove(&self.project).map(|it| it.allow).unwrap_or_default())
    }

    fn content(&self) -> Result<Content, String> {
        let failed = |why: &dyn std::fmt::Display| format!("{} cannot be read ({why})", self.path.display());
        match fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|it| failed(&it)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Content::default()),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Adds rules that are not there yet.
    ///
    /// # Errors
    /// The file cannot be read or written; it is then as it was.
    pub fn add(&self, rules: &[String]) -> Result<(), String> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |why: &dyn std::fmt::Display| {
            format!("{} cannot be written ({why}); the answer holds for this chat", self.path.display())
        };
        if let Some(parent) = self.path.parent() {
            fs::create_dir_all(parent).map_err(|it| failed(&it))?;
        }
        let _lock = LockDir::take(&self.path).map_err(|it| failed(&it))?;
        let mut content = self.content()?;
        let allow = &mut content.projects.entry(self.project.clone()).or_default().allow;
        for rule in rules {
            if !allow.contains(rule) {
                allow.push(rule.clone());
            }
        }
        let mut text = serde_json::to_vec_pretty(&content).map_err(|it| failed(&it))?;
        text.push(b'\n');
        replace_file(&self.path, &text).map_err(|it| failed(&it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_kept_by_project_and_the_rest_of_the_file_stays() {
        let dir = tempfile::tempdir().unwrap();
        let agent = dir.path().join("agent");
        let [a, b] = ["/a", "/b"].map(|it| ProjectRules::new(&agent, Path::new(it)));
        assert_eq!(a.read(), Ok(Vec::new()));
        a.add(&["bash(x)".into(), "bash(x)".into()]).unwrap();
        b.add(&["bash(y)".into()]).unwrap();
        a.add(&["edit(z)".into(), "bash(x)".into()]).unwrap();
        assert_eq!(a.read().unwrap(), ["bash(x)", "edit(z)"]);
        assert_eq!(b.read().unwrap(), ["bash(y)"]);

        let newer = r#"{"version": 2, "projects": {"/a": {"allow": [], "note": "mine"}}}"#;
        fs::write(a.path(), newer).unwrap();
        a.add(&["bash(x)".into()]).unwrap();
        let text = fs::read_to_string(a.path()).unwrap();
        assert!(text.contains("\"version\": 2") && text.contains("\"note\": \"mine\""), "{text}");

        fs::write(a.path(), "half {").unwrap();
        assert!(a.add(&["bash(z)".into()]).unwrap_err().contains("cannot be read"));
        assert_eq!(fs::read_to_string(a.path()).unwrap(), "half {");
    }
}
