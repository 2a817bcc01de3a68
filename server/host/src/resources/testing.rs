//! A project in a temporary directory, for the tests of this module.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::ResourceOptions;

/// The project is `work`, the user's directory `agent`, the home `home`.
pub(super) struct Project(tempfile::TempDir);

impl Project {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    pub fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Everything that is found is used.
    pub fn options(&self) -> ResourceOptions {
        ResourceOptions {
            agent_dir: self.path("agent"),
            cwd: self.path("work"),
            home: Some(self.path("home")),
            project_trusted: true,
            skill_commands: true,
            ..ResourceOptions::default()
        }
    }
}
