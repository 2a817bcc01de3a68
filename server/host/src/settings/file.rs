//! The settings in force: the files, read once at start and changed key by key, and what the editor sets over them.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    thread,
    time::Duration,
};

use pi_core::ports::{SessionSettings, SettingChange, Settings};
use serde_json::{Map, Value, json};

use super::{json_text, values::Values};

/// Largest settings file that is read, in bytes.
const MAX_SIZE: u64 = 1024 * 1024;

/// A lock directory older than this was left behind.
const STALE_LOCK: Duration = Duration::from_secs(10);

/// Name of the editor's settings in warnings.
const EDITOR: &str = "settings of the editor";
/// The setting that decides whether a project's own settings count.
const TRUST: &str = "defaultProjectTrust";

/// How settings are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SettingsOptions {
    /// Read the project's settings (`--approve`). They are also read when the global `defaultProjectTrust` is
    /// `always`.
    pub trust_project: bool,
    /// Never read the project's settings (`--no-approve`), whatever the global ones say.
    pub ignore_project: bool,
}

/// The settings of this process: the global file, the project's over it, the editor's over both, and over all what
/// was changed since.
#[derive(Debug)]
pub struct HostSettings {
    path: PathBuf,
    project_path: PathBuf,
    warnings: Vec<String>,
    project_trusted: bool,
    now: RwLock<Snapshot>,
}

#[derive(Debug)]
struct Snapshot {
    layers: Layers,
    /// Why the global file is not written.
    read_only: Option<String>,
    values: Arc<Values>,
    session: SessionSettings,
}

/// Where settings come from, weakest first.
#[derive(Debug, Clone, Default)]
struct Layers {
    /// The global file alone, as it was read.
    global: Values,
    /// The project's, if it is trusted and can be read.
    project: Option<Values>,
    editor: Values,
    changed: Values,
}

impl From<Layers> for Snapshot {
    fn from(layers: Layers) -> Self {
        let mut values = layers.global.clone();
        values.overlay(layers.project.clone().unwrap_or_default());
        values.overlay(layers.editor.clone());
        values.overlay(layers.changed.clone());
        Self { layers, read_only: None, session: values.session(), values: Arc::new(values) }
    }
}

impl HostSettings {
    /// Reads the settings. Never fails: what cannot be used is in [`Self::warnings`].
    pub fn load(agent_dir: &Path, cwd: &Path, options: SettingsOptions) -> Self {
        let path = agent_dir.join("settings.json");
        let mut warnings = Vec::new();
        let mut read_only = None;
        let global = read(&path, false, &mut warnings).unwrap_or_else(|why| {
            let why = format!("{why}; defaults are used and changes are not written");
            warnings.push(why.clone());
            read_only = Some(why);
            Values::default()
        });
        let always = global.text(TRUST).as_deref() == Some("always");
        let project_trusted = !options.ignore_project && (options.trust_project || always);
        let project_path = cwd.join(".pi").join("settings.json");
        let mut project = None;
        if project_trusted {
            match read(&project_path, true, &mut warnings) {
                Ok(it) => project = Some(it),
                Err(why) => warnings.push(format!("{why}; it is ignored, and so are its rules")),
            }
        }
        let layers = Layers { global, project, ..Layers::default() };
        let now = RwLock::new(Snapshot { read_only, ..layers.into() });
        Self { path, project_path, warnings, project_trusted, now }
    }

    /// Reads the files again, as somebody has written them. A file that cannot be used leaves what was read of it
    /// before. Whether the project is trusted stays as it was at start. Returns what is wrong, for the user.
    pub fn reload(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let global = read(&self.path, false, &mut warnings);
        let project = self.project_trusted.then(|| read(&self.project_path, true, &mut warnings));
        let mut kept = |read: Result<Values, String>| {
            read.inspect_err(|why| warnings.push(format!("{why}; what was read before holds"))).ok()
        };
        let (global, project) = (kept(global), project.and_then(&mut kept));
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        let mut layers = now.layers.clone();
        let read_only = if global.is_some() { None } else { now.read_only.clone() };
        layers.global = global.unwrap_or(layers.global);
        layers.project = project.or(layers.project);
        *now = Snapshot { read_only, ..layers.into() };
        drop(now);
        warnings
    }

    /// What was wrong in the files, for the user.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether the global file is there and could not be used.
    pub fn is_unread(&self) -> bool {
        self.now().read_only.is_some()
    }

    /// Whether the project's own files may configure anything.
    pub fn project_trusted(&self) -> bool {
        self.project_trusted
    }

    /// A list of paths as each file has it, global and project: unlike other settings those of the project are added
    /// to the user's, and relative ones are relative to their own file.
    pub fn paths(&self, key: &str) -> [Vec<String>; 2] {
        let of = |values: &Values| values.texts(key).unwrap_or_default();
        let layers = &self.now().layers;
        [of(&layers.global), layers.project.as_ref().map(of).unwrap_or_default()]
    }

    /// All settings in force.
    pub fn values(&self) -> Arc<Values> {
        self.now().values.clone()
    }

    fn now(&self) -> RwLockReadGuard<'_, Snapshot> {
        // A snapshot is replaced whole, so it is good even after a panic elsewhere.
        self.now.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the editor sets, in the place of what it set before. It is the user who configures the editor, so
    /// settings of the global file may be set; but whether to trust the project is not asked of something the project
    /// may bring along. Returns what was wrong, for the user.
    pub fn set_editor(&self, root: Map<String, Value>) -> Vec<String> {
        let mut warnings = Vec::new();
        let mut editor = Values::checked(root, false, EDITOR, &mut warnings);
        if editor.remove(TRUST) {
            warnings.push(format!("{EDITOR}: \"{TRUST}\" is ignored, only the global settings may have it"));
        }
        self.update(|layers| layers.editor = editor);
        warnings
    }

    fn update(&self, change: impl FnOnce(&mut Layers)) {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        let mut layers = now.layers.clone();
        change(&mut layers);
        *now = Snapshot { read_only: now.read_only.take(), ..layers.into() };
    }

    fn write(&self, changes: &[(&'static str, Value)]) -> Result<(), String> {
        if let Some(why) = &self.now().read_only {
            return Err(why.clone());
        }
        let failed = |why: &dyn std::fmt::Display| {
            format!(
                "settings file {} cannot be written ({why}); the change holds until pi ends",
                self.path.display()
            )
        };
        // A settings file that is a link, as in managed home directories, stays one.
        let path = crate::paths::canonical(&self.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|it| failed(&it))?;
        }
        let _lock = LockDir::take(&path).map_err(|it| failed(&it))?;
        let before = read_text(&path).map_err(|it| failed(&it))?;
        let mut text = before.clone();
        for (key, value) in changes {
            let path: Vec<_> = key.split('.').collect();
            text = json_text::set(&text, &path, value).map_err(|it| failed(&it))?;
        }
        if text == before { Ok(()) } else { replace_file(&path, text.as_bytes()).map_err(|it| failed(&it)) }
    }
}

impl Settings for HostSettings {
    fn current(&self) -> SessionSettings {
        self.now().session.clone()
    }

    fn change(&self, change: SettingChange) -> Result<(), String> {
        let changes = match change {
            SettingChange::SteeringMode(mode) => vec![("steeringMode", json!(mode))],
            SettingChange::FollowUpMode(mode) => vec![("followUpMode", json!(mode))],
            SettingChange::RetryEnabled(on) => vec![("retry.enabled", on.into())],
            SettingChange::CompactionEnabled(on) => vec![("compaction.enabled", on.into())],
        };
        self.update(|layers| {
            for (key, value) in &changes {
                layers.changed.set(key, value.clone());
            }
        });
        self.write(&changes)
    }
}

fn read(path: &Path, project: bool, warnings: &mut Vec<String>) -> Result<Values, String> {
    let text =
        read_text(path).map_err(|it| format!("settings file {} cannot be read ({it})", path.display()))?;
    let root = json_text::parse(&text)
        .map_err(|it| format!("settings file {} is not valid JSON ({it})", path.display()))?;
    Ok(Values::checked(root, project, &path.display().to_string(), warnings))
}

/// The text of a settings file; empty if there is none.
fn read_text(path: &Path) -> io::Result<String> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        other => other?,
    };
    let mut text = String::new();
    if file.take(MAX_SIZE + 1).read_to_string(&mut text)? as u64 > MAX_SIZE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 1 MB"));
    }
    Ok(text)
}

/// Replaces a file whole: readers see the old or the new content. Keeps its permissions.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let dir =
        path.parent().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it has no directory"))?;
    let mut file = tempfile::Builder::new().prefix(".pi-").tempfile_in(dir)?;
    file.write_all(content)?;
    if let Ok(metadata) = path.metadata() {
        file.as_file().set_permissions(metadata.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// The lock Pi uses: a directory beside the file, made by one and removed when done.
pub(crate) struct LockDir(PathBuf);

impl LockDir {
    /// Takes the lock of the file at `path`, within a tenth of a second.
    pub(crate) fn take(path: &Path) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let dir = PathBuf::from(name);
        for _ in 0..10 {
            match fs::create_dir(&dir) {
                Ok(()) => return Ok(Self(dir)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            let age = dir.metadata().and_then(|it| it.modified()).ok().and_then(|it| it.elapsed().ok());
            if age.is_some_and(|it| it > STALE_LOCK) {
                fs::remove_dir(&dir)?;
            } else {
                thread::sleep(Duration::from_millis(10));
            }
        }
        Err(io::Error::new(io::ErrorKind::WouldBlock, format!("{} is held by another pi", dir.display())))
    }
}

impl Drop for LockDir {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.0) {
            tracing::warn!(lock = %self.0.display(), %error, "cannot release a lock");
        }
    }
}

#[cfg(test)]
mod tests {
    use pi_protocol::QueueMode;

    use super::*;

    fn with_file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.json");
        fs::write(&path, text).unwrap();
        (dir, path)
    }

    fn load(dir: &Path, trust_project: bool) -> HostSettings {
        HostSettings::load(
            dir,
            &dir.join("work"),
            SettingsOptions { trust_project, ..SettingsOptions::default() },
        )
    }

    #[test]
    fn a_change_holds_at_once_and_only_its_key_is_written() {
        let (dir, path) = with_file("{\n  // mine\n  \"theme\": \"dark\"\n}\n");
        let settings = load(dir.path(), false);
        fs::write(&path, "{\n  // mine\n  \"theme\": \"light\"\n}\n").unwrap();
        settings.change(SettingChange::RetryEnabled(false)).unwrap();
        assert!(!settings.current().retry.enabled);
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\n  // mine\n  \"theme\": \"light\",\n  \"retry\": {\"enabled\":false}\n}\n"
        );
        assert!(!load(dir.path(), false).current().retry.enabled);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no lock or temporary file stays");
    }

    #[test]
    fn nothing_is_written_at_start_and_the_file_appears_with_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let agent = dir.path().join("agent");
        let settings = load(&agent, false);
        assert!(!agent.exists() && settings.warnings().is_empty());
        settings.change(SettingChange::SteeringMode(QueueMode::All)).unwrap();
        assert_eq!(load(&agent, false).current().steering_mode, QueueMode::All);
    }

    #[test]
    fn a_broken_file_is_reported_and_never_written() {
        let (dir, path) = with_file("{\"retry\": ");
        let settings = load(dir.path(), false);
        assert!(settings.warnings()[0].contains("is not valid JSON"), "{:?}", settings.warnings());
        settings.change(SettingChange::FollowUpMode(QueueMode::All)).unwrap_err();
        assert_eq!(settings.current().follow_up_mode, QueueMode::All);
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"retry\": ");
    }

    #[test]
    fn a_file_that_breaks_meanwhile_is_not_overwritten() {
        let (dir, path) = with_file("{}");
        let settings = load(dir.path(), false);
        fs::write(&path, "half {").unwrap();
        let error = settings.change(SettingChange::CompactionEnabled(false)).unwrap_err();
        assert!(error.contains("cannot be written") && error.contains("until pi ends"), "{error}");
        assert!(!settings.current().auto_compaction);
        assert_eq!(fs::read_to_string(&path).unwrap(), "half {");
    }

    #[test]
    fn a_project_configures_only_when_trusted() {
        for (global, flag, level) in [
            ("{}", false, "medium"),
            ("{}", true, "low"),
            ("{\"defaultProjectTrust\": \"always\"}", false, "low"),
        ] {
            let (dir, _) = with_file(global);
            let project = dir.path().join("work/.pi");
            fs::create_dir_all(&project).unwrap();
            fs::write(project.join("settings.json"), "{\"defaultThinkingLevel\": \"low\"}").unwrap();
            assert_eq!(
                load(dir.path(), flag).current().default_thinking_level.as_str(),
                level,
                "{global} {flag}"
            );
        }
    }

    #[test]
    fn the_editor_wins_over_the_files_and_a_change_over_the_editor() {
        let (dir, path) = with_file("{\"steeringMode\": \"all\", \"retry\": {\"maxRetries\": 7}}");
        let settings = load(dir.path(), false);
        let object = |value: Value| value.as_object().cloned().unwrap();
        let warnings = settings.set_editor(object(json!({
            "steeringMode": "one-at-a-time",
            "permissions": {"mode": "plan"},
            "defaultProjectTrust": "always",
            "retry": {"baseDelayMs": "soon"},
        })));
        assert_eq!(
            warnings,
            [
                "settings of the editor: \"retry.baseDelayMs\" is ignored, it must be a whole number",
                "settings of the editor: \"defaultProjectTrust\" is ignored, only the global settings may have it",
            ]
        );
        assert_eq!(settings.current().steering_mode, QueueMode::OneAtATime);
        assert_eq!(settings.current().retry.max_retries, 7);
        assert_eq!(settings.values().text("permissions.mode").as_deref(), Some("plan"));
        settings.change(SettingChange::SteeringMode(QueueMode::All)).unwrap();
        assert_eq!(settings.set_editor(object(json!({"retry": {"maxRetries": 1}}))), [""; 0]);
        assert_eq!(settings.current().steering_mode, QueueMode::All);
        assert_eq!(settings.current().retry.max_retries, 1);
        assert_eq!(settings.values().text("permissions.mode"), None);
        let written = fs::read_to_string(&path).unwrap();
        assert!(!written.contains("plan") && written.contains("\"maxRetries\": 7"), "{written}");
    }

    #[test]
    fn a_lock_of_another_process_is_respected() {
        let (dir, path) = with_file("{}");
        let settings = load(dir.path(), false);
        fs::create_dir(dir.path().join("settings.json.lock")).unwrap();
        let error = settings.change(SettingChange::RetryEnabled(false)).unwrap_err();
        assert!(error.contains("held by another pi"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
    }
}
