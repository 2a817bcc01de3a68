//! `pi doctor`: what was found, what is missing, what to do about it.
//!
//! Looks at everything a first run trips over and changes nothing. Keys are reported by where they are, never by
//! what they are.

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

use pi_host::paths;
use pi_providers::{KeySource, LocalServer, Registry, catalog};
use serde::Serialize;

use crate::{
    cli::{self, SessionArgs},
    completions::print_text,
    compose::Compose,
    start_model,
    style::{Printer, Tone},
};

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// As it should be.
    Ok,
    /// Good to know.
    Info,
    /// Works, but not as it could.
    Warning,
    /// Does not work.
    Error,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    area: &'static str,
    status: Status,
    text: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// All of it.
#[derive(Debug, Serialize)]
struct Report {
    version: &'static str,
    protocol: u32,
    /// Whether a prompt can be answered.
    usable: bool,
    checks: Vec<Check>,
}

impl Report {
    fn add(&mut self, area: &'static str, status: Status, text: impl Into<String>) {
        self.checks.push(Check { area, status, text: text.into(), fix: None });
    }

    fn add_with_fix(&mut self, area: &'static str, status: Status, text: impl Into<String>, fix: &str) {
        self.checks.push(Check { area, status, text: text.into(), fix: Some(fix.to_owned()) });
    }
}

/// Editors that are looked for, with what to do to use pi in each.
const EDITORS: [(&[&str], &str, &str); 5] = [
    (&["nvim"], "Neovim", "add editors/nvim to the runtime path, then :checkhealth pi"),
    (&["hx", "helix"], "Helix", "add editors/helix/languages.toml to yours"),
    (&["zed", "zeditor"], "Zed", "see editors/zed"),
    (&["emacs"], "Emacs", "load editors/emacs/pi.el"),
    (&["code", "codium"], "VS Code", "start pi lsp through any generic LSP client"),
];

/// Looks and reports. Exit status 0 if a prompt can be answered, else 1.
///
/// # Errors
/// stdout cannot be written.
pub async fn run(as_json: bool, offline: bool) -> anyhow::Result<ExitCode> {
    let report = examine(offline).await?;
    if as_json {
        print_text(&format!("{}\n", serde_json::to_string_pretty(&report)?))?;
    } else {
        print_text(&render(&report, &Printer::stdout()))?;
    }
    Ok(if report.usable { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn examine(offline: bool) -> anyhow::Result<Report> {
    let compose = Compose::new(SessionArgs { offline, ..SessionArgs::default() })?;
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION"),
        protocol: cli::PROTOCOL_VERSION,
        usable: false,
        checks: Vec::new(),
    };
    program(&mut report);
    directories(&mut report, &compose);
    settings(&mut report, &compose);
    let has_model = models(&mut report, &compose).await;
    tools(&mut report, &compose);
    editors(&mut report);
    report.usable = has_model;
    Ok(report)
}

fn program(report: &mut Report) {
    let own = env::current_exe().ok();
    let place = own.as_ref().map_or_else(String::new, |it| format!(", {}", it.display()));
    report.add("pi", Status::Ok, format!("{}{place}", cli::version_line()));
    let own = own.map(|it| paths::canonical(&it));
    let found: Vec<PathBuf> = on_path("pi");
    let others: Vec<_> = found.iter().filter(|it| Some(paths::canonical(it)) != own).collect();
    let first_is_ours = found.first().is_some_and(|it| Some(paths::canonical(it)) == own);
    for other in others {
        let (status, text) = match first_is_ours {
            true => (Status::Info, "comes after this one on PATH"),
            false => (Status::Warning, "is what `pi` starts"),
        };
        report.add_with_fix(
            "pi",
            status,
            format!("another pi, {}, {text}", other.display()),
            "name this one by its full path where an editor or script starts it",
        );
    }
}

/// Neither directory stops a prompt from being answered when it cannot be written; what is said is then not kept.
fn directories(report: &mut Report, compose: &Compose) {
    directory(
        report,
        "settings",
        compose.agent_dir(),
        "set PI_CODING_AGENT_DIR to a directory you may write",
    );
    let sessions = compose.session_files(compose.cwd()).dir_of(compose.cwd());
    directory(report, "sessions", &sessions, "name another one with --session-dir");
}

fn directory(report: &mut Report, area: &'static str, dir: &Path, fix: &str) {
    let existing = dir.ancestors().find(|it| it.exists()).unwrap_or(dir);
    let note = if existing == dir { "" } else { " (made when first needed)" };
    match tempfile::Builder::new().prefix(".pi-doctor-").tempfile_in(existing) {
        Ok(_) => report.add(area, Status::Ok, format!("{}{note}", dir.display())),
        Err(error) => {
            let text = format!("{} cannot be written: {}; nothing is kept", dir.display(), error.kind());
            report.add_with_fix(area, Status::Warning, text, fix);
        }
    }
}

fn settings(report: &mut Report, compose: &Compose) {
    let settings = compose.settings(compose.cwd());
    for warning in settings.warnings() {
        report.add_with_fix("settings", Status::Warning, warning.clone(), "correct the file");
    }
    let project = compose.cwd().join(".pi/settings.json");
    if project.exists() && !settings.project_trusted() {
        report.add_with_fix(
            "settings",
            Status::Info,
            format!("{} is not used", project.display()),
            "trust it with --approve",
        );
    }
}

/// Whether there is a model to ask.
async fn models(report: &mut Report, compose: &Compose) -> bool {
    let values = compose.settings(compose.cwd()).values();
    let options = start_model::registry_options(compose.args(), &values);
    let (registry, warnings) = Registry::load(compose.agent_dir(), options);
    for warning in warnings {
        report.add_with_fix("models", Status::Warning, warning, "correct the file; the rest of it is used");
    }
    let mut providers: Vec<String> = catalog::PROVIDERS.iter().map(|it| it.name.to_owned()).collect();
    for model in registry.all() {
        if !providers.contains(&model.provider) {
            providers.push(model.provider.clone());
        }
    }
    let mut missing = Vec::new();
    for provider in &providers {
        match registry.key_source(provider) {
            Some(source) => report.add("keys", Status::Ok, format!("{provider}: {}", describe(&source))),
            None => missing.push(provider.as_str()),
        }
    }
    let servers = match compose.args().offline {
        true => Vec::new(),
        false => registry.probe_local().await,
    };
    for server in &servers {
        let LocalServer { name, base_url, models, .. } = server;
        report.add("local", Status::Ok, format!("{name} at {base_url}, {} models", models.len()));
    }
    if servers.is_empty() {
        let text = match compose.args().offline {
            true => "model servers on this machine were not looked for (offline)",
            false => "no model server answers on the usual ports (Ollama, llama.cpp, vLLM, LM Studio)",
        };
        report.add("local", Status::Info, text);
    }
    let scope = start_model::scope(compose.args(), &values, &registry, true);
    match start_model::choose(compose.args(), &values, &registry, &scope).await {
        Ok(start_model::Start { model: Some(model), .. }) => {
            report.add("model", Status::Ok, format!("{}, used when none is named", model.key()));
            if !missing.is_empty() {
                report.add("keys", Status::Info, format!("none for {}", missing.join(", ")));
            }
            true
        }
        Ok(_) => {
            report.add_with_fix(
                "model",
                Status::Error,
                "no model can be asked",
                &format!(
                    "set a key, for example {}; or start a model server such as Ollama; or add a provider to {}. \
                     `pi demo` works without",
                    catalog::PROVIDERS.first().and_then(|it| it.env.first()).unwrap_or(&"ANTHROPIC_API_KEY"),
                    compose.agent_dir().join("models.json").display()
                ),
            );
            false
        }
        Err(error) => {
            report.add("model", Status::Error, error.to_string());
            false
        }
    }
}

fn describe(source: &KeySource) -> String {
    match source {
        KeySource::CommandLine => "key from the command line".into(),
        KeySource::AuthFile => "key in auth.json".into(),
        KeySource::ModelsFile => "key in models.json".into(),
        KeySource::Environment(name) => format!("key in {name}"),
        KeySource::Keyless => "needs no key".into(),
    }
}

fn tools(report: &mut Report, compose: &Compose) {
    match compose.shell(compose.cwd()).shell() {
        Ok(shell) => report.add("shell", Status::Ok, shell.display().to_string()),
        Err(why) => report.add_with_fix("shell", Status::Warning, why, "set shellPath in settings.json"),
    }
    for (as_asked, sandbox) in compose.confinement_reports(compose.cwd()) {
        match as_asked {
            true => report.add("sandbox", Status::Info, sandbox),
            false => {
                report.add_with_fix(
                    "sandbox",
                    Status::Warning,
                    sandbox,
                    "see sandbox.mode in docs/config.md",
                );
            }
        }
    }
}

fn editors(report: &mut Report) {
    let mut any = false;
    for (names, title, how) in EDITORS {
        if let Some(place) = names.iter().find_map(|name| on_path(name).into_iter().next()) {
            any = true;
            report.add_with_fix("editors", Status::Ok, format!("{title}, {}", place.display()), how);
        }
    }
    if !any {
        report.add("editors", Status::Info, "none of the known ones is on PATH");
    }
}

/// Programs of this name on `PATH`, in its order.
fn on_path(name: &str) -> Vec<PathBuf> {
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    let path = env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> =
        env::split_paths(&path).map(|it| it.join(&file)).filter(|it| runs(it)).collect();
    found.dedup();
    found
}

#[cfg(unix)]
fn runs(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn runs(path: &Path) -> bool {
    path.is_file()
}

fn render(report: &Report, out: &Printer) -> String {
    let mut text = String::new();
    let mut area = "";
    for check in &report.checks {
        let (sign, tone) = match check.status {
            Status::Ok => ("\u{2713}", Tone::Good),
            Status::Info => ("\u{2013}", Tone::Faint),
            Status::Warning => ("!", Tone::Note),
            Status::Error => ("\u{2717}", Tone::Bad),
        };
        let heading = if area == check.area { "" } else { check.area };
        area = check.area;
        let heading = out.paint(Tone::Strong, &format!("{heading:9}"));
        let body = check.text.trim_end().replace('\n', "\n            ");
        text += &format!("{heading} {} {body}\n", out.paint(tone, sign));
        if let Some(fix) = &check.fix {
            text += &format!("            {}\n", out.paint(Tone::Faint, &format!("\u{2192} {fix}")));
        }
    }
    let verdict = match report.usable {
        true => out.paint(Tone::Good, "Ready."),
        false => out.paint(Tone::Bad, "Not ready: see the lines marked \u{2717}."),
    };
    format!("{text}\n{verdict}\n")
}
