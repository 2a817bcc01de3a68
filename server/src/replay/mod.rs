//! `pi replay`: plays a recording of `--trace` again, into a fresh server in a scratch folder, and says what is different.
//!
//! Needs neither key nor network nor the files of whoever recorded it: what models said and tools found is in the
//! recording. Nothing is run and no file is touched outside the scratch folder.
//!
//! ```text
//! recording ─► conductor ─► client ─► server (lsp or jsonl) ─► session ─► stage
//!                  ▲           └─ what it says now ◄─┘                      │ models, tools
//!                  └──────────────── steps, results ◄───────────────────────┘
//! ```

mod chat;
mod client;
mod compare;
mod conductor;
mod kind;
mod names;
mod recording;
mod report;
mod stage;

use std::{
    collections::HashMap,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use pi_protocol::PermissionMode;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use self::{
    client::Client,
    conductor::Conductor,
    kind::Speech,
    names::Names,
    recording::{Recording, What},
    stage::{Real, Scenery, Stage},
};
use crate::{
    cli::{self, ReplayArgs, SessionArgs},
    completions::print_text,
    compose::Compose,
    hub::Hub,
};

/// Exit status when something is different.
const DIFFERENT: u8 = 1;

/// A recording that is ready to be played.
pub struct Replay {
    recording: Recording,
    names: Names,
    stage: Arc<Stage>,
    timing: bool,
    notes: Vec<String>,
    /// Removed when the replay is over.
    _scratch: TempDir,
}

impl Replay {
    /// Reads a recording and makes the scratch folder for it.
    ///
    /// # Errors
    /// The file is no recording, or there is no room for the folder.
    pub fn prepare(args: ReplayArgs) -> anyhow::Result<(Compose, Self)> {
        let recording = Recording::read(&args.file, args.start)?;
        let scratch =
            tempfile::Builder::new().prefix("pi-replay-").tempdir().context("no temporary folder")?;
        let root = scratch.path().canonicalize()?;
        let (work, agent) = (root.join("work"), root.join("agent"));
        let names = folders(&recording, &root)?;
        for folder in [&work, &agent] {
            fs::create_dir_all(folder)?;
        }
        if let Some(folder) = &args.folder {
            copy(folder, &work).with_context(|| format!("{} cannot be copied", folder.display()))?;
        }
        fs::write(agent.join("models.json"), models(&recording).to_string())?;
        let mut settings = Value::Object(recording.about.settings.clone());
        names.forward(&mut settings, "");
        fs::write(agent.join("settings.json"), settings.to_string())?;
        let opened = recording.lines.iter().find_map(|it| match &it.what {
            What::Session(it) => it.sandbox,
            _ => None,
        });
        let real = Real { root: root.clone(), files: args.folder.is_some(), commands: args.run_commands };
        let stage = Stage::new(real, expanded(&recording, &names), opened);
        let mode =
            if recording.about.transport == "lsp" { PermissionMode::Ask } else { PermissionMode::Full };
        let compose = Compose::at(session_args(&recording, &root), work, agent).with_default_mode(mode);
        compose.surround(Box::new(Scenery(stage.clone())));
        let notes = report::notes(&recording);
        Ok((compose, Self { recording, names, stage, timing: args.timing, notes, _scratch: scratch }))
    }

    /// Plays it with a server of `hub` and prints what was found.
    ///
    /// # Errors
    /// The server cannot be started, or stdout cannot be written.
    pub async fn run(self, hub: Arc<Hub>) -> anyhow::Result<ExitCode> {
        let speech = if self.recording.about.transport == "lsp" { Speech::Lsp } else { Speech::Jsonl };
        let client = Client::start(speech, hub)?;
        let conductor = Conductor::new(&self.recording, self.names, self.stage, client);
        let (found, same) = conductor.play(self.timing).await;
        print_text(&report::report(&self.recording, &found, same, &self.notes))?;
        Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
    }
}

/// Where the recorded folders are in the scratch folder; they are made.
fn folders(recording: &Recording, root: &Path) -> io::Result<Names> {
    let mut names = Names::default();
    names.folder(&recording.about.agent_dir, &root.join("agent"));
    let initialize = recording.lines.iter().find_map(|it| match &it.what {
        What::In(it) if it["method"] == "initialize" => Some(&it["params"]),
        _ => None,
    });
    let mut roots = initialize.map(names::roots).unwrap_or_default();
    roots.push(recording.about.cwd.clone());
    let mut made: Vec<&PathBuf> = Vec::new();
    for recorded in roots.iter().filter(|it| it.is_absolute()) {
        // A folder inside another one comes with it.
        let now = match made.iter().position(|it| recorded.starts_with(it)) {
            Some(_) => names.now(&recorded.to_string_lossy()).into(),
            None if made.is_empty() => root.join("work"),
            None => root.join(format!("work-{}", made.len() + 1)),
        };
        fs::create_dir_all(&now)?;
        names.folder(recorded, &now);
        made.push(recorded);
    }
    Ok(names)
}

/// The recorded flags, but for those that lead to sessions, keys and files of the user.
fn session_args(recording: &Recording, root: &Path) -> SessionArgs {
    let arguments = recording.about.arguments.iter().map(OsString::from);
    let parsed = cli::parse(std::iter::once(OsString::from("pi")).chain(arguments));
    let mut args = parsed.map(|it| it.session_args().clone()).unwrap_or_default();
    args.api_key = None;
    args.r#continue = false;
    (args.session, args.fork, args.session_id) = (None, None, None);
    args.session_dir = Some(root.join("sessions"));
    args.offline = true;
    (args.no_skills, args.no_prompt_templates, args.no_context_files) = (true, true, true);
    (args.skill, args.prompt_template) = (Vec::new(), Vec::new());
    (args.system_prompt, args.append_system_prompt) = (None, Vec::new());
    if args.model.is_none() && args.models.is_empty() {
        if let Some(first) = recording.models().into_iter().next() {
            (args.provider, args.model) = (Some(first.provider), Some(first.id));
        }
    }
    args
}

/// `models.json` with the models of the recording. Nobody connects to them.
fn models(recording: &Recording) -> Value {
    let mut providers = Map::new();
    for model in recording.models() {
        let provider = providers.entry(model.provider.clone()).or_insert_with(
            || json!({"baseUrl": model.base_url, "api": model.api, "apiKey": "replay", "models": []}),
        );
        if let (Some(models), Ok(model)) = (provider["models"].as_array_mut(), serde_json::to_value(&model)) {
            models.push(model);
        }
    }
    json!({ "providers": providers })
}

/// What became of messages that begin with a template's name.
fn expanded(recording: &Recording, names: &Names) -> HashMap<String, String> {
    let lines = recording.lines.iter().filter_map(|it| match &it.what {
        What::Expanded(message, text) => Some((names.now(message), names.now(text))),
        _ => None,
    });
    lines.collect()
}

/// Copies what version control would keep.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in ignore::WalkBuilder::new(from).hidden(false).require_git(false).build() {
        let entry = entry?;
        let relative = entry.path().strip_prefix(from)?;
        let target = to.join(relative);
        match entry.file_type() {
            _ if relative.starts_with(".git") => {}
            Some(it) if it.is_dir() => fs::create_dir_all(target)?,
            Some(it) if it.is_file() => drop(fs::copy(entry.path(), target)?),
            // What a link leads to is outside of the copy.
            _ => {}
        }
    }
    Ok(())
}
