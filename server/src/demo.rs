//! `pi demo`: a scripted model through the whole stack, in a scratch folder that is gone afterwards.
//!
//! What a newcomer should see is that an edit lands in the editor's buffer and not on the disk. So the demo is also
//! an editor: [`DemoEditor`] holds one open document with unsaved text and applies what it is asked to, through the
//! same port as a real one. Nothing of the user's is read or written.

pub mod in_editor;

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Weak},
};

use anyhow::{Context, anyhow};
use async_trait::async_trait;
use pi_core::{Delivery, EventQueue, SessionHandle, session::Command};
use pi_host::workspace::{
    PositionEncoding, RangeEdit, Workspace,
    editor::{DocumentEdit, EditorAnswer, EditorClient},
};
use pi_protocol::{AgentEvent, AssistantMessageEvent, PromptParams, StopReason, ToolResult};
use pi_providers::faux;
use serde_json::{Map, Value};
use similar::{ChangeTag, TextDiff};

use crate::{
    cli::SessionArgs,
    compose::{Compose, UnknownModel},
    hub::Hub,
    style::{Printer, Tone},
};

/// What the model says. Format: docs/faux.md.
const SCRIPT: &str = include_str!("demo/script.json");
/// The file as it is on the disk.
const ON_DISK: &str = include_str!("demo/retry.rs.txt");
/// What the "user" typed into the buffer and did not save: one line more.
const TYPED_AFTER: &str = "pub fn fetch(url: &str) -> Result<String, Error> {\n";
const TYPED: &str = "    log::debug!(\"fetching {url}\"); // typed, not saved\n";
const FILE: &str = "src/retry.rs";
const PROMPT: &str = "Make fetch give up after three tries.";
const BADGE: &str = "Scripted demo \u{2013} no model involved";

/// Plays the demo.
///
/// # Errors
/// The scratch folder cannot be made, or the demo does not do what it says it does.
pub async fn run() -> anyhow::Result<ExitCode> {
    let scratch = tempfile::Builder::new().prefix("pi-demo-").tempdir().context("no temporary folder")?;
    let played = play(scratch.path(), &Printer::stdout()).await;
    if let Err(error) = scratch.close() {
        tracing::warn!("the demo's folder could not be removed: {error}");
    }
    match played {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // Whoever closed the pipe has seen enough.
        Err(error) => match error.downcast_ref::<io::Error>() {
            Some(it) if it.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
            _ => Err(error),
        },
    }
}

async fn play(scratch: &Path, out: &Printer) -> anyhow::Result<()> {
    let project = scratch.join("project");
    let path = project.join(FILE);
    std::fs::create_dir_all(path.parent().unwrap_or(&project))?;
    std::fs::write(&path, ON_DISK)?;
    let args = SessionArgs {
        provider: Some(faux::PROVIDER.into()),
        model: Some(faux::MODEL.into()),
        no_session: true,
        no_context_files: true,
        tools: Some(["read", "grep", "edit"].map(str::to_owned).to_vec()),
        ..SessionArgs::default()
    };
    let compose = Compose::at(args, project.clone(), scratch.join("agent"));
    let script = faux::Script::parse(SCRIPT).map_err(|error| anyhow!("the demo's script: {error}"))?;
    compose.registry().set_faux_script(script);

    let workspace = compose.workspace(&project);
    let before = ON_DISK.replacen(TYPED_AFTER, &format!("{TYPED_AFTER}{TYPED}"), 1);
    workspace.set_editor(Arc::new(DemoEditor { workspace: Arc::downgrade(&workspace) }));
    workspace.open(&path, 1, &before, "rust");

    out.line(Tone::Note, BADGE)?;
    out.line(Tone::Plain, &format!("\nAn editor has {FILE} open. One line in it is typed and not saved.\n"))?;
    out.write(Tone::Strong, "You  ")?;
    out.line(Tone::Plain, &format!("{PROMPT}\n"))?;

    let hub = Hub::new(compose);
    let session = hub.open_initial(UnknownModel::Fail).await?;
    let outcome = watch(&session, &project, out).await;
    hub.shutdown().await;
    outcome?;

    let after = workspace.overlay_text(&path).map(|it| it.to_string()).unwrap_or_default();
    let disk = std::fs::read_to_string(&path)?;
    if after == before || disk != ON_DISK || !after.contains(TYPED) {
        anyhow::bail!("the edit did not land where it should: this is a bug, please report it");
    }
    out.line(Tone::Strong, &format!("\n{FILE}, in the editor's buffer"))?;
    print_diff(&before, &after, out)?;
    out.write(Tone::Good, "\u{2713} ")?;
    out.line(Tone::Plain, "the edit is in the buffer, beside the unsaved line; one undo takes it back")?;
    out.write(Tone::Good, "\u{2713} ")?;
    out.line(Tone::Plain, "the file on disk is unchanged")?;
    out.line(Tone::Strong, "\nNext")?;
    for (command, what) in [
        ("pi doctor", "which models and editors were found, and what is missing"),
        ("pi -p \"question\"", "one answer in the terminal"),
        ("pi lsp", "what an editor starts; set-up per editor is in editors/"),
    ] {
        out.line(Tone::Plain, &format!("  {command:18} {what}"))?;
    }
    Ok(())
}

/// Sends the prompt and shows what happens until the agent is done.
async fn watch(session: &SessionHandle, project: &Path, out: &Printer) -> anyhow::Result<()> {
    let events = EventQueue::new();
    session.ask(|reply| Command::Subscribe(events.clone(), reply)).await?;
    let prompt = PromptParams { message: PROMPT.into(), ..PromptParams::default() };
    session.ask(|reply| Command::Prompt(prompt, reply)).await?;
    while let Some(delivery) = events.next().await {
        let Delivery::Event(envelope) = delivery else { continue };
        match &*envelope.event {
            AgentEvent::MessageUpdate { assistant_message_event, .. } => match assistant_message_event {
                AssistantMessageEvent::TextStart { .. } => {
                    out.write(Tone::Strong, "Pi   ")?;
                }
                AssistantMessageEvent::TextDelta { delta, .. } => {
                    out.write(Tone::Plain, &delta.replace('\n', "\n     "))?;
                }
                AssistantMessageEvent::TextEnd { .. } => {
                    out.line(Tone::Faint, &format!("  [{BADGE}]"))?;
                }
                _ => {}
            },
            AgentEvent::ToolExecutionStart { tool_name, args, .. } => {
                out.write(Tone::Faint, &format!("     \u{25b6} {tool_name} {}", subject(args, project)))?;
            }
            AgentEvent::ToolExecutionEnd { result, is_error, .. } => {
                let tone = if *is_error { Tone::Bad } else { Tone::Faint };
                out.line(tone, &format!(" \u{2192} {}", outcome(result)))?;
                if *is_error {
                    anyhow::bail!("a tool of the demo failed: this is a bug, please report it");
                }
            }
            AgentEvent::MessageEnd { message } => {
                if let Some(answer) = message.as_assistant() {
                    if matches!(answer.stop_reason, StopReason::Error | StopReason::Aborted) {
                        let why = answer.error_message.clone().unwrap_or_default();
                        anyhow::bail!("the scripted model failed: {why}");
                    }
                }
            }
            AgentEvent::AgentSettled => return Ok(()),
            _ => {}
        }
    }
    anyhow::bail!("the session ended early")
}

/// What a call is about.
fn subject(args: &Map<String, Value>, project: &Path) -> String {
    let text = |key: &str| args.get(key).and_then(Value::as_str);
    let path = text("path").map(|it| {
        let path = PathBuf::from(it);
        path.strip_prefix(project).map_or(it.to_owned(), |it| it.display().to_string())
    });
    match (text("pattern"), path) {
        (Some(pattern), _) => format!("\u{201c}{pattern}\u{201d}"),
        (None, Some(path)) => path,
        (None, None) => String::new(),
    }
}

/// A result in a few words.
fn outcome(result: &ToolResult) -> String {
    let text = result.content.first().and_then(|it| it.as_text()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    match lines.as_slice() {
        [] => "nothing".into(),
        [line] => line.trim().to_owned(),
        lines if text.contains(TYPED.trim()) => format!("{} lines, the unsaved one included", lines.len()),
        lines => format!("{} lines", lines.len()),
    }
}

fn print_diff(before: &str, after: &str, out: &Printer) -> io::Result<()> {
    let diff = TextDiff::from_lines(before, after);
    for hunk in diff.unified_diff().context_radius(2).iter_hunks() {
        out.line(Tone::Note, &hunk.header().to_string())?;
        for change in hunk.iter_changes() {
            let (sign, tone) = match change.tag() {
                ChangeTag::Delete => ("-", Tone::Bad),
                ChangeTag::Insert => ("+", Tone::Good),
                ChangeTag::Equal => (" ", Tone::Plain),
            };
            out.line(tone, &format!("{sign}{}", change.value().trim_end_matches('\n')))?;
        }
    }
    Ok(())
}

/// An editor with documents in memory: it checks the version, applies the edit and reports the change.
struct DemoEditor {
    workspace: Weak<Workspace>,
}

#[async_trait]
impl EditorClient for DemoEditor {
    async fn apply(&self, edit: DocumentEdit) -> EditorAnswer {
        let Some(workspace) = self.workspace.upgrade() else {
            return EditorAnswer::Failed("the editor has gone".into());
        };
        let Some(document) = workspace.document(&edit.path) else {
            return EditorAnswer::Refused(Some("not open".into()));
        };
        if document.version != edit.version {
            return EditorAnswer::Refused(Some("changed meanwhile".into()));
        }
        let mut text = document.rope.to_string();
        for change in edit.changes.iter().rev() {
            text.replace_range(change.start..change.end, &change.text);
        }
        let whole = RangeEdit { range: None, text };
        workspace.change(&edit.path, document.version + 1, &[whole], PositionEncoding::Utf8);
        EditorAnswer::Applied
    }
}
