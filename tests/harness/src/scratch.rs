//! A scratch machine for one test: a home, an agent directory, a workspace and a temporary directory, empty at
//! first and gone afterwards. Nothing of the real user's environment leaks in: a developer's own keys or settings
//! must not change what a test does.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::ModelServer;

/// Directories of one test. Dropping it removes them.
#[derive(Debug)]
pub struct Scratch {
    root: TempDir,
    /// Further environment of the processes.
    environment: RefCell<BTreeMap<String, String>>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Scratch {
    /// Empty directories.
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("pi-e2e-").tempdir().expect("no temporary directory");
        let scratch = Self { root, environment: RefCell::default() };
        for directory in [scratch.home(), scratch.agent_dir(), scratch.workspace(), scratch.tmp()] {
            fs::create_dir_all(directory).expect("cannot create a scratch directory");
        }
        scratch
    }

    /// A scratch machine that knows the scripted model.
    pub fn with_model(model: &ModelServer) -> Self {
        let scratch = Self::new();
        scratch.agent_file("models.json", &model.models_json().to_string());
        scratch
    }

    /// As [`Self::with_model`], but the key of the model is missing until [`Self::add_key`].
    pub fn without_key(model: &ModelServer) -> Self {
        let scratch = Self::new();
        let mut models = model.models_json();
        for provider in models["providers"].as_object_mut().into_iter().flat_map(|it| it.values_mut()) {
            provider["apiKey"] = "$KEY_OF_NO_ONE".into();
        }
        scratch.agent_file("models.json", &models.to_string());
        scratch
    }

    /// Stores the key as users are told to.
    pub fn add_key(&self) {
        self.agent_file("auth.json", r#"{"scripted": {"type": "api_key", "key": "scripted-key"}}"#);
    }

    /// The canonical root: on some systems the temporary directory is a symbolic link.
    fn root(&self) -> PathBuf {
        self.root.path().canonicalize().expect("the scratch directory is gone")
    }

    /// `HOME`.
    pub fn home(&self) -> PathBuf {
        self.root().join("home")
    }

    /// `PI_CODING_AGENT_DIR`.
    pub fn agent_dir(&self) -> PathBuf {
        self.root().join("agent")
    }

    /// Working directory of the process under test.
    pub fn workspace(&self) -> PathBuf {
        self.root().join("work")
    }

    /// `TMPDIR`.
    pub fn tmp(&self) -> PathBuf {
        self.root().join("tmp")
    }

    /// Absolute path of a file of the workspace.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.workspace().join(relative)
    }

    /// Writes a file of the workspace, with its directories.
    pub fn file(&self, relative: &str, text: &str) -> PathBuf {
        write(&self.path(relative), text)
    }

    /// Writes a file of the agent directory.
    pub fn agent_file(&self, relative: &str, text: &str) -> PathBuf {
        write(&self.agent_dir().join(relative), text)
    }

    /// Writes the global `settings.json`.
    pub fn settings(&self, settings: &Value) {
        self.agent_file("settings.json", &settings.to_string());
    }

    /// Text of a file of the workspace.
    pub fn read(&self, relative: &str) -> String {
        let path = self.path(relative);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
    }

    /// All session files, sorted.
    pub fn session_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(&self.agent_dir().join("sessions"), &mut files);
        files.sort();
        files
    }

    /// The lines of the only session file, parsed.
    pub fn session(&self) -> Vec<Value> {
        let files = self.session_files();
        assert_eq!(files.len(), 1, "expected one session file: {files:?}");
        session_lines(&files[0])
    }

    /// Sets a variable in the environment of all commands from now on.
    pub fn set(&self, name: &str, value: &str) {
        self.environment.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    /// A command that runs `program` here, with an environment of its own.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(self.workspace()).env_clear();
        for name in ["PATH", "SystemRoot", "SystemDrive", "PATHEXT", "COMSPEC", "LLVM_PROFILE_FILE"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("HOME", self.home())
            .env("USERPROFILE", self.home())
            .env("XDG_CONFIG_HOME", self.home().join(".config"))
            .env("XDG_CACHE_HOME", self.home().join(".cache"))
            .env("XDG_DATA_HOME", self.home().join(".local/share"))
            .env("XDG_STATE_HOME", self.home().join(".local/state"))
            .env("PI_CODING_AGENT_DIR", self.agent_dir())
            .env("PI_OFFLINE", "1")
            .env("TMPDIR", self.tmp())
            .env("TMP", self.tmp())
            .env("TEMP", self.tmp())
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("RUST_BACKTRACE", "1")
            .envs(&*self.environment.borrow());
        command
    }
}

/// The lines of a session file, each parsed; a line that is not JSON fails the test.
pub fn session_lines(path: &Path) -> Vec<Value> {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    text.lines()
        .map(|line| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{}: {error} in line {line:?}", path.display()))
        })
        .collect()
}

fn write(path: &Path, text: &str) -> PathBuf {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).expect("cannot create a directory");
    }
    fs::write(path, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    path.to_owned()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
