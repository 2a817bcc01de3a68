//! Puts the parts together: settings, models, workspace, tools, session files and system prompt become the
//! options of a session.
//!
//! The only place that knows all crates. Nothing is loaded before it is needed: at start that is the arguments,
//! the settings and the models file.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{anyhow, bail};
use pi_core::{
    FindModel, Models, Permissions, Provider, SandboxInForce, ScopedModel, SessionOptions, SessionStore,
    Tool, ToolSpec, clock,
};
use pi_host::{
    ledger::{self, Journal, Ledger, Limits, Review},
    paths,
    permissions::{FolderPermissions, HostPermissions},
    process::ShellConfig,
    recorded::Recorder,
    resources::{
        ResourceOptions, Resources, Sources, SystemPromptInput, TemplateAction, build_system_prompt,
        can_read, discover_context_files, load_prompt_files,
    },
    sandbox::{Confining, Ground},
    sessions::{Found, SessionFiles},
    settings::{HostSettings, SettingsOptions, Values},
    shell::HostShell,
    tools::{self, bash::BashTool, find::FindTool, grep::GrepTool, image, ls::LsTool},
    unsaved::{Policy, Unsaved, Wanted},
    workspace::Workspace,
};
use pi_protocol::{Entry, Model, OutputMode, PermissionMode, SessionHeader, ThinkingLevel};
use pi_providers::{Registry, select};
use serde_json::{Map, Value};

use crate::{cli::SessionArgs, confine, start_model, unheard::Unheard};

/// The order in which the model is told of its tools.
const TOOL_ORDER: [&str; 8] = ["read", "bash", "edit", "write", "grep", "find", "ls", "hashline_edit"];
/// What is on in mode `plan`.
const READ_ONLY_TOOLS: [&str; 4] = ["read", "grep", "find", "ls"];

/// What to do when the flags name a model that there is none of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownModel {
    /// Do not start.
    Fail,
    /// Say so and start without a model, for clients that can choose another one.
    StartWithout,
}

/// Which session to build.
#[derive(Debug, Clone)]
pub enum Opening {
    /// The one the flags ask for.
    Flags(UnknownModel),
    /// A new one that carries over the model and thinking level of the one before.
    New {
        /// File of the session it continues, for the header.
        parent: Option<String>,
        /// Model of the session before.
        model: Option<Arc<Model>>,
        /// Its level.
        thinking: ThinkingLevel,
    },
    /// A new one that begins with a part of another one.
    Branch {
        /// What it begins with.
        entries: Vec<Entry>,
        /// File of the other one; without it this one is in memory too.
        source: Option<PathBuf>,
        /// Working directory of the other one.
        cwd: PathBuf,
        /// Model of the other one.
        model: Option<Arc<Model>>,
        /// Its level.
        thinking: ThinkingLevel,
    },
    /// A new one with everything that is in a file.
    Copy {
        /// The file. Another process may have it open.
        path: PathBuf,
    },
    /// The one in a file.
    File {
        /// The file.
        path: PathBuf,
        /// Used if the file names no usable one.
        model: Option<Arc<Model>>,
        /// Used if the file is new.
        thinking: ThinkingLevel,
    },
}

/// What all sessions of one folder share.
struct Folder {
    settings: Arc<HostSettings>,
    resources: Arc<Resources>,
    workspace: Arc<Workspace>,
    review: Arc<Review>,
    permissions: Arc<FolderPermissions>,
}

/// A session's file, opened.
struct Opened {
    header: SessionHeader,
    entries: Vec<Entry>,
    store: Box<dyn SessionStore>,
    /// Lines of the file that cannot be read.
    skipped: usize,
}

impl Opened {
    fn new(header: SessionHeader, entries: Vec<Entry>, store: impl SessionStore + 'static) -> Self {
        Self { header, entries, store: Box::new(store), skipped: 0 }
    }
}

/// Stands between us and what is outside: models, tools, commands.
pub trait Surround: Send + Sync {
    /// Who asks the models, with what is put in between.
    fn provider(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider>;

    /// The options of a session in `workspace`, with what is put in between; its provider is surrounded already.
    fn surround(&self, options: SessionOptions, workspace: &Arc<Workspace>) -> SessionOptions;
}

/// What sessions are made from.
pub struct Compose {
    args: SessionArgs,
    cwd: PathBuf,
    agent_dir: PathBuf,
    default_mode: PermissionMode,
    named: AtomicBool,
    folders: Mutex<HashMap<PathBuf, Arc<Folder>>>,
    editor_settings: Mutex<Map<String, Value>>,
    /// The folders that the editor has open.
    open_folders: Mutex<Vec<PathBuf>>,
    registry: OnceLock<Arc<Registry>>,
    journal: OnceLock<(Arc<Ledger>, Arc<Journal>)>,
    surround: OnceLock<Box<dyn Surround>>,
    unheard: Arc<Unheard>,
}

impl Compose {
    /// From the flags, in the current directory. Reads nothing yet.
    ///
    /// # Errors
    /// The current directory is gone.
    pub fn new(args: SessionArgs) -> anyhow::Result<Self> {
        let cwd = std::env::current_dir()
            .map_err(|error| anyhow!("the current directory cannot be used: {error}"))?;
        Ok(Self::at(args, cwd, paths::agent_dir()))
    }

    /// As [`Self::new`], with these directories.
    pub fn at(args: SessionArgs, cwd: PathBuf, agent_dir: PathBuf) -> Self {
        Self {
            args,
            cwd,
            agent_dir,
            default_mode: PermissionMode::Full,
            named: AtomicBool::new(false),
            folders: Mutex::default(),
            editor_settings: Mutex::default(),
            open_folders: Mutex::default(),
            registry: OnceLock::new(),
            journal: OnceLock::new(),
            surround: OnceLock::new(),
            unheard: Arc::default(),
        }
    }

    /// What is wrong with the user's files, for who can tell them.
    pub fn unheard(&self) -> &Unheard {
        &self.unheard
    }

    /// With this permission mode where neither flags nor settings name one.
    pub fn with_default_mode(mut self, mode: PermissionMode) -> Self {
        self.default_mode = mode;
        self
    }

    /// From now on with this around each session; the first one counts.
    pub fn surround(&self, surround: Box<dyn Surround>) {
        if self.surround.set(surround).is_err() {
            tracing::error!("sessions are surrounded already");
        }
    }

    /// What may be done in a folder.
    pub fn permissions(&self, folder: &Path) -> Arc<FolderPermissions> {
        self.folder(folder).permissions.clone()
    }

    /// The user's directory: settings, models, keys, sessions.
    pub fn agent_dir(&self) -> &Path {
        &self.agent_dir
    }

    /// The flags.
    pub fn args(&self) -> &SessionArgs {
        &self.args
    }

    /// Where the process was started.
    pub fn cwd(&self) -> &Path {
        &self.cwd
    }

    /// How `message_update` looks on a JSONL connection until it says otherwise.
    pub fn output_mode(&self) -> OutputMode {
        self.args.output_mode.unwrap_or_default()
    }

    /// The name from `--name`, for the first session only.
    pub fn take_session_name(&self) -> Option<String> {
        let first = !self.named.swap(true, Ordering::Relaxed);
        first.then(|| self.args.name.clone()).flatten()
    }

    /// The files of a folder as its sessions see them. The same for all sessions of the folder.
    pub fn workspace(&self, folder: &Path) -> Arc<Workspace> {
        self.folder(folder).workspace.clone()
    }

    /// The review of what was edited in a folder.
    pub fn review(&self, folder: &Path) -> Arc<Review> {
        self.folder(folder).review.clone()
    }

    /// The reviews of the folders that the editor has open.
    pub fn open_reviews(&self) -> Vec<Arc<Review>> {
        let open = self.open_folders.lock().unwrap_or_else(PoisonError::into_inner).clone();
        open.iter().map(|it| self.review(it)).collect()
    }

    /// The review of what is edited where a session of `folder` works.
    pub fn review_of(&self, header: &SessionHeader, folder: &Path) -> Arc<Review> {
        let cwd = self.working_directory(header, folder);
        self.review(cwd.as_deref().unwrap_or(folder))
    }

    /// The settings in force in a folder.
    pub fn settings(&self, folder: &Path) -> Arc<HostSettings> {
        self.folder(folder).settings.clone()
    }

    /// Takes in what the editor sets, in the place of what it set before, for all folders. Returns what was wrong, for
    /// the user.
    pub fn set_editor_settings(&self, root: Map<String, Value>) -> Vec<String> {
        *self.editor_settings.lock().unwrap_or_else(PoisonError::into_inner) = root.clone();
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut warnings: Vec<_> =
            folders.values().flat_map(|it| it.settings.set_editor(root.clone())).collect();
        folders.values().for_each(|it| it.permissions.reload(&it.settings));
        warnings.extend(folders.values().flat_map(|it| it.permissions.take_warnings()));
        warnings.sort();
        warnings.dedup();
        warnings
    }

    /// Takes in which folders the editor has open: sessions of each may read in all of them.
    pub fn set_open_folders(&self, open: &[PathBuf]) {
        *self.open_folders.lock().unwrap_or_else(PoisonError::into_inner) = open.to_vec();
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.values().for_each(|it| it.permissions.set_beside(open));
        if let Some((_, journal)) = self.journal.get() {
            open.iter().for_each(|it| journal.add_root(it));
        }
    }

    /// Reads the settings files of all folders again. Returns what is wrong in them, for the user.
    pub fn reload_settings(&self) -> Vec<String> {
        let folders: Vec<_> =
            self.folders.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let mut warnings: Vec<_> = folders.iter().flat_map(|it| it.settings.reload()).collect();
        warnings.sort();
        warnings.dedup();
        warnings
    }

    fn folder(&self, folder: &Path) -> Arc<Folder> {
        let open = self.open_folders.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let editor_settings = self.editor_settings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = folders.get(folder) {
            return found.clone();
        }
        let options =
            SettingsOptions { trust_project: self.args.approve, ignore_project: self.args.no_approve };
        let settings = HostSettings::load(&self.agent_dir, folder, options);
        if settings.is_unread() {
            // The first thing that is told, and short: what was to be careful about is not known.
            let mode = self.permission_mode(&settings.values()).as_str();
            self.unheard
                .warn(format!("settings.json cannot be read: none of your rules holds, mode is {mode}"));
        }
        settings.warnings().iter().for_each(|it| self.unheard.warn(it.clone()));
        // They were told when the editor sent them.
        settings.set_editor(editor_settings).iter().for_each(|it| tracing::warn!("{it}"));
        // Whichever folder a session works in, what the editor has open is open.
        let beside = folders.values().next().map(|it| it.workspace.beside(folder.to_owned()));
        let workspace = beside.unwrap_or_else(|| Workspace::new(folder.to_owned()));
        let (ledger, journal) = self.journal(&settings.values());
        journal.add_root(folder);
        open.iter().for_each(|it| journal.add_root(it));
        workspace.set_journal(journal.clone());
        let resources = Resources::new(self.resource_options(folder, &settings));
        // The model is told to read what is there.
        let mut readable = vec![self.agent_dir.join("skills"), self.agent_dir.join("prompts")];
        readable.extend(resources.skills().iter().filter_map(|it| Some(it.path.parent()?.to_owned())));
        let made = Arc::new(Folder {
            permissions: FolderPermissions::load(&settings, &self.agent_dir, folder, &readable),
            resources: Arc::new(resources),
            settings: Arc::new(settings),
            review: Review::new(ledger.clone(), workspace.clone()),
            workspace,
        });
        made.permissions.take_warnings().into_iter().for_each(|it| self.unheard.warn(it));
        made.permissions.set_beside(&open);
        folders.insert(folder.to_owned(), made.clone());
        made
    }

    /// The record of edits, opened with the first of them. Its limits are global settings.
    fn journal(&self, values: &Values) -> &(Arc<Ledger>, Arc<Journal>) {
        self.journal.get_or_init(|| {
            let ledger = Ledger::new(self.agent_dir.join(ledger::FILE_NAME), ledger_limits(values));
            let journal = Arc::new(Journal::new(ledger.clone()));
            (ledger, journal)
        })
    }

    fn resource_options(&self, folder: &Path, settings: &HostSettings) -> ResourceOptions {
        let sources = |key, flags: &[String], only_flags| {
            let [user, project] = settings.paths(key);
            Sources { flags: flags.to_vec(), only_flags, project, user }
        };
        let args = &self.args;
        let values = settings.values();
        ResourceOptions {
            agent_dir: self.agent_dir.clone(),
            cwd: folder.to_owned(),
            home: paths::home_dir(),
            project_trusted: settings.project_trusted(),
            mention_untrusted: !args.no_approve
                && values.text("defaultProjectTrust").as_deref() != Some("never"),
            prompts: sources("prompts", &args.prompt_template, args.no_prompt_templates),
            skills: sources("skills", &args.skill, args.no_skills),
            skill_commands: values.bool("enableSkillCommands"),
        }
    }

    /// The prompt templates of a folder that want to be actions on code. Reads their files.
    pub fn template_actions(&self, folder: &Path) -> Vec<TemplateAction> {
        self.folder(folder).resources.actions()
    }

    /// Where the sessions of a folder are kept.
    pub fn session_files(&self, folder: &Path) -> SessionFiles {
        let setting = self.settings(folder).values().text("sessionDir");
        let flag = self.args.session_dir.as_deref().map(Path::to_string_lossy);
        SessionFiles::choose(flag.as_deref(), setting.as_deref(), &self.agent_dir, folder)
    }

    /// Builds the options of a session for `folder`.
    ///
    /// # Errors
    /// A model or session that is named does not exist, or a file cannot be read.
    pub async fn session(&self, folder: &Path, opening: Opening) -> anyhow::Result<SessionOptions> {
        let Opened { header, entries, store, skipped } = self.open(folder, &opening)?;
        let cwd = self.working_directory(&header, folder)?;
        let Folder { settings, resources, workspace, permissions, .. } = &*self.folder(&cwd);
        let first = matches!(opening, Opening::Flags(_));
        let scope = start_model::scope(&self.args, &settings.values(), self.registry(), first);
        let find_model = self.find_model(settings);
        let (model, default_model, thinking) = match opening {
            Opening::Flags(unknown_model) => {
                let scope: &[_] = if entries.is_empty() { &scope } else { &[] };
                let start = start_model::choose(&self.args, &settings.values(), self.registry(), scope).await;
                let start = match (start, unknown_model) {
                    (Err(error), UnknownModel::StartWithout) => {
                        tracing::warn!("{error}; going on without a model");
                        start_model::Start::default()
                    }
                    (start, _) => start?,
                };
                let thinking = self.args.thinking.or(start.thinking);
                match start.named {
                    true => (start.model, None, thinking),
                    false => (None, start.model, thinking),
                }
            }
            Opening::New { model, thinking, .. } | Opening::Branch { model, thinking, .. } => match model {
                Some(model) => (Some(model), None, Some(thinking)),
                None => (None, find_model().await.map(|it| it.model), Some(thinking)),
            },
            Opening::Copy { .. } => (None, find_model().await.map(|it| it.model), None),
            Opening::File { model, thinking, .. } => (None, model, entries.is_empty().then_some(thinking)),
        };
        let shell = self.shell(&cwd);
        let mode = self.permission_mode(&settings.values());
        let review = self.args.review_mode.unwrap_or_else(|| settings.values().review_mode());
        let recorder = Recorder::new(workspace.clone(), permissions.clone());
        let permissions = Arc::new(HostPermissions::new(permissions.clone(), mode, review));
        let confining = self.confining(&cwd, settings, &permissions);
        let sandbox: SandboxInForce = Arc::new({
            let (settings, permissions) = (settings.clone(), permissions.clone());
            move || confine::state(&settings.values(), permissions.mode())
        });
        let wanted: Wanted = Arc::new({
            let settings = settings.clone();
            move || Policy::from_name(&settings.values().text("shell.unsaved")?)
        });
        let unsaved = Unsaved::new(workspace.clone(), wanted);
        let guarded = ShellConfig { hidden: self.hidden_variables(&settings.values()), ..shell.clone() };
        let bash = BashTool::new(guarded, Some(unsaved), Some(recorder), confining);
        let tools = self.tools(settings, workspace, bash, mode);
        let offered =
            |it: &&Arc<dyn Tool>| it.is_offered() && (mode != PermissionMode::Plan || it.spec().read_only);
        let specs: Vec<_> = tools.iter().filter(offered).map(|it| it.spec().clone()).collect();
        let system_prompt = self.system_prompt(&cwd, &specs, resources);
        let options = SessionOptions {
            header,
            entries,
            store,
            models: self.registry().clone(),
            provider: self.provider(),
            tools,
            shell: Arc::new(HostShell::new(shell)),
            settings: settings.clone(),
            permissions,
            expander: resources.clone(),
            model,
            default_model,
            find_model,
            scope: scope
                .into_iter()
                .map(|it| ScopedModel { model: it.model, thinking: it.thinking })
                .collect(),
            thinking,
            system_prompt,
            sandbox,
            notices: damaged(skipped).into_iter().collect(),
        };
        Ok(match self.surround.get() {
            Some(surround) => surround.surround(options, workspace),
            None => options,
        })
    }

    /// Where the session works: the folder, unless its file says another place that is still there.
    fn working_directory(&self, header: &SessionHeader, folder: &Path) -> anyhow::Result<PathBuf> {
        let said = PathBuf::from(&header.cwd);
        if said == folder || paths::canonical(&said) == paths::canonical(folder) {
            return Ok(folder.to_owned());
        }
        if !said.is_dir() {
            bail!("the working directory of this session is gone: {}", said.display());
        }
        Ok(said)
    }

    fn open(&self, folder: &Path, opening: &Opening) -> anyhow::Result<Opened> {
        let args = &self.args;
        let files = self.session_files(folder);
        let (id, parent) = match opening {
            Opening::File { path, .. } => return Ok(SessionFiles::open(path, folder)?.into()),
            Opening::Copy { path } => return Ok(files.fork(path, folder)?.into()),
            Opening::New { parent, .. } => (None, parent.clone()),
            Opening::Branch { entries, source: Some(source), cwd, .. } => {
                return Ok(files.branch(source, cwd, entries.clone())?.into());
            }
            Opening::Branch { entries, source: None, cwd, .. } => {
                let new = SessionFiles::in_memory(cwd, None, None)?;
                return Ok(Opened::new(new.header, entries.clone(), new.store));
            }
            Opening::Flags(_) => {
                if let Some(wanted) = &args.session {
                    let path = match named_file(wanted, folder, &files)? {
                        Found::Here(path) => path,
                        Found::Elsewhere { cwd, .. } => bail!(
                            "session {wanted} belongs to {cwd}; start pi there, or copy it here with --fork {wanted}"
                        ),
                    };
                    return Ok(SessionFiles::open(&path, folder)?.into());
                }
                if let Some(wanted) = &args.fork {
                    let (Found::Here(path) | Found::Elsewhere { path, .. }) =
                        named_file(wanted, folder, &files)?;
                    return Ok(files.fork(&path, folder)?.into());
                }
                if args.r#continue {
                    return Ok(files.continue_recent(folder)?.into());
                }
                if let Some(path) =
                    args.session_id.as_deref().and_then(|id| session_with_id(id, folder, &files))
                {
                    return Ok(SessionFiles::open(&path, folder)?.into());
                }
                (args.session_id.clone(), None)
            }
        };
        if args.no_session {
            let new = SessionFiles::in_memory(folder, id, parent)?;
            return Ok(Opened::new(new.header, Vec::new(), new.store));
        }
        let new = files.create(folder, id, parent)?;
        Ok(Opened::new(new.header, Vec::new(), new.store))
    }
}

impl From<pi_host::sessions::OpenSession> for Opened {
    fn from(it: pi_host::sessions::OpenSession) -> Self {
        if it.skipped_lines > 0 {
            let file = it.store.path().display();
            tracing::warn!("{} lines of {file} cannot be read; they stay in the file", it.skipped_lines);
        }
        let skipped = it.skipped_lines;
        Self { skipped, ..Self::new(it.header, it.entries, it.store) }
    }
}

/// What a session says of lines in its file that cannot be read.
fn damaged(lines: usize) -> Option<String> {
    let text = match lines {
        0 => return None,
        1 => "1 line of this chat cannot be read and stays in its file".to_owned(),
        _ => format!("{lines} lines of this chat cannot be read and stay in its file"),
    };
    Some(text + "; new messages are safe.")
}

/// The file of the session with exactly this id in `folder`, if there is one.
fn session_with_id(id: &str, folder: &Path, files: &SessionFiles) -> Option<PathBuf> {
    let Some(Found::Here(path)) = files.find(id, folder) else { return None };
    let named = path.file_stem().and_then(|it| it.to_str()).is_some_and(|it| it.ends_with(&format!("_{id}")));
    named.then_some(path)
}

/// How much of the edits is kept.
pub fn ledger_limits(values: &Values) -> Limits {
    let count = |key| values.count(key).unwrap_or_default();
    Limits { days: count("review.keepDays"), bytes: count("review.maxMegabytes").saturating_mul(1 << 20) }
}

fn image_limits(values: &Values) -> image::Limits {
    image::Limits { resize: values.bool("images.autoResize"), ..image::Limits::default() }
}

/// The session file that `--session` or `--fork` names: a path, or the start of an id.
fn named_file(wanted: &str, folder: &Path, files: &SessionFiles) -> anyhow::Result<Found> {
    if wanted.contains(['/', '\\']) || wanted.ends_with(".jsonl") {
        return Ok(Found::Here(paths::absolute(folder, &paths::expand_home(wanted))));
    }
    files.find(wanted, folder).ok_or_else(|| anyhow!("no session whose id begins with {wanted}"))
}

impl Compose {
    /// The models, read when first needed. What is wrong in the files is told.
    pub fn registry(&self) -> &Arc<Registry> {
        self.registry.get_or_init(|| {
            let options = start_model::registry_options(&self.args, &self.settings(&self.cwd).values());
            let (registry, warnings) = Registry::load(&self.agent_dir, options);
            warnings.into_iter().for_each(|it| self.unheard.warn(it));
            Arc::new(registry)
        })
    }

    /// Looks for the model of a new session of these settings.
    fn find_model(&self, settings: &Arc<HostSettings>) -> FindModel {
        let (args, settings, registry) = (self.args.clone(), settings.clone(), self.registry().clone());
        let unheard = self.unheard.clone();
        Arc::new(move || {
            let (args, values, registry) = (args.clone(), settings.values(), registry.clone());
            let unheard = unheard.clone();
            Box::pin(async move {
                let scope = start_model::scope(&args, &values, &registry, false);
                let found = start_model::choose(&args, &values, &registry, &scope).await;
                registry.take_warnings().into_iter().for_each(|it| unheard.warn(it));
                let found = found.inspect_err(|error| tracing::warn!("{error}")).ok()?;
                Some(ScopedModel { model: found.model?, thinking: args.thinking.or(found.thinking) })
            })
        })
    }

    /// The model that suggests what to type: the one the settings name, else that of new sessions.
    ///
    /// # Errors
    /// There is no such model, or none at all.
    pub async fn completion_model(&self, values: &Values) -> anyhow::Result<Arc<Model>> {
        let named = values.text("completion.model").filter(|it| !it.trim().is_empty());
        let Some(named) = named else {
            let start = start_model::choose(&self.args, values, self.registry(), &[]).await?;
            return start.model.ok_or_else(|| anyhow!("there is no model"));
        };
        let (found, _) = select::find(named.trim(), &self.registry().available());
        let found = found.map(|it| it.model);
        found.ok_or_else(|| anyhow!("completion.model \"{named}\" is no model that can be asked"))
    }

    /// Who asks the models.
    pub fn provider(&self) -> Arc<dyn Provider> {
        let registry: Arc<dyn Provider> = self.registry().clone();
        match self.surround.get() {
            Some(surround) => surround.provider(registry),
            None => registry,
        }
    }

    /// The mode from the flag, else the settings, else that of the transport.
    pub fn permission_mode(&self, values: &Values) -> PermissionMode {
        self.args.permission_mode.or_else(|| values.permission_mode()).unwrap_or(self.default_mode)
    }

    /// The tools that are on, in the order the model is told of them.
    fn tools(
        &self,
        settings: &HostSettings,
        workspace: &Arc<Workspace>,
        bash: BashTool,
        mode: PermissionMode,
    ) -> Vec<Arc<dyn Tool>> {
        let args = &self.args;
        if args.no_tools || args.no_builtin_tools {
            return Vec::new();
        }
        let values = settings.values();
        let limits = image_limits(&values);
        let mut all = tools::file_tools(workspace, limits);
        all.push(Arc::new(bash));
        all.push(Arc::new(GrepTool::new(workspace.clone())));
        all.push(Arc::new(FindTool::new(workspace.clone())));
        all.push(Arc::new(LsTool::new(workspace.clone())));
        all.sort_by_key(|it| TOOL_ORDER.iter().position(|name| *name == it.spec().name));
        all.extend(tools::editor::tools(workspace));
        let wanted = match &args.tools {
            Some(names) => names.clone(),
            None => {
                let mut names = values.texts("defaultTools").unwrap_or_default();
                if mode == PermissionMode::Plan {
                    // Those that change something are there for when the mode is changed.
                    names.extend(READ_ONLY_TOOLS.map(str::to_owned));
                }
                if values.bool("editorTools") {
                    names.extend(tools::editor::NAMES.map(str::to_owned));
                }
                names
            }
        };
        for name in wanted.iter().chain(&args.exclude_tools).map(|it| it.trim()) {
            if !name.is_empty() && all.iter().all(|it| it.spec().name != name) {
                let known = [&TOOL_ORDER[..], &tools::editor::NAMES].concat().join(", ");
                tracing::warn!("unknown tool \"{name}\"; there are {known}");
            }
        }
        let named =
            |names: &[String], tool: &Arc<dyn Tool>| names.iter().any(|name| name.trim() == tool.spec().name);
        all.retain(|it| named(&wanted, it) && !named(&args.exclude_tools, it));
        all
    }

    fn system_prompt(&self, cwd: &Path, specs: &[ToolSpec], resources: &Resources) -> Arc<str> {
        let files = load_prompt_files(
            &self.agent_dir,
            cwd,
            self.settings(cwd).project_trusted(),
            self.args.system_prompt.as_deref(),
            &self.args.append_system_prompt,
        );
        let context_files = match self.args.no_context_files {
            true => Vec::new(),
            false => discover_context_files(&self.agent_dir, cwd),
        };
        let skills = if can_read(specs) { resources.skills() } else { Vec::new() };
        let today = clock::today();
        let mut beside = self.open_folders.lock().unwrap_or_else(PoisonError::into_inner).clone();
        beside.retain(|it| it != cwd);
        build_system_prompt(SystemPromptInput {
            cwd,
            beside: &beside,
            tools: specs,
            context_files: &context_files,
            skills: &skills,
            custom: files.custom.as_deref(),
            append: files.append.as_deref(),
            date: &today,
        })
        .into()
    }

    /// How large a picture may be.
    pub fn image_limits(&self, folder: &Path) -> image::Limits {
        image_limits(&self.settings(folder).values())
    }

    /// How the model's commands in a folder are confined. What is found there counts as it is now.
    fn confining(
        &self,
        folder: &Path,
        settings: &Arc<HostSettings>,
        permissions: &Arc<HostPermissions>,
    ) -> Confining {
        let ground = Ground::of(folder, paths::home_dir().as_deref());
        let root = ground.root.clone();
        let (values, values_of_copy) = (settings.clone(), settings.clone());
        let permissions = permissions.clone();
        Confining {
            mode: Arc::new(move || permissions.mode()),
            confine: Arc::new(move |mode| confine::confinement(&values.values(), mode, &ground)),
            copy: Arc::new(move |copy| confine::confinement_of_plan(&values_of_copy.values(), copy, &root)),
        }
    }

    /// Variables with keys of providers, which commands of the model do not need.
    fn hidden_variables(&self, values: &Values) -> Vec<String> {
        let kept = values.texts("shell.keepVariables").unwrap_or_default();
        let mut names = self.registry().key_variables();
        names.retain(|it| !kept.contains(it));
        names
    }

    /// How commands are run.
    pub fn shell(&self, cwd: &Path) -> ShellConfig {
        let values = self.settings(cwd).values();
        ShellConfig {
            path: values.text("shellPath").map(|it| paths::expand_home(&it)),
            prefix: values.text("shellCommandPrefix"),
            cwd: cwd.to_owned(),
            env: Vec::new(),
            hidden: Vec::new(),
            agent_bin: Some(self.agent_dir.join("bin")),
        }
    }

    /// What confines the commands of the model, in words, and whether that is as it should be. Where neither flags nor
    /// settings name a permission mode, that is one thing in editors and another one elsewhere.
    pub fn confinement_reports(&self, cwd: &Path) -> Vec<(bool, String)> {
        let values = self.settings(cwd).values();
        if let Some(mode) = self.args.permission_mode.or_else(|| values.permission_mode()) {
            return vec![confine::report(&values, mode, cwd)];
        }
        let [editors, programs] =
            [PermissionMode::Ask, PermissionMode::Full].map(|it| confine::report(&values, it, cwd));
        if editors == programs {
            return vec![editors];
        }
        let of = |who: &str, mode: PermissionMode, (as_asked, text): (bool, String)| {
            (as_asked, format!("{who} (mode {}): {text}", mode.as_str()))
        };
        vec![
            of("in editors", PermissionMode::Ask, editors),
            of("in programs and terminals", PermissionMode::Full, programs),
        ]
    }
}
