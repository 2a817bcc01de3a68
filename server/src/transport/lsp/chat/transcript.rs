//! A session as a Markdown file to keep: the layout of the chat document, without a prompt.

use std::path::PathBuf;

use pi_core::{SessionHandle, clock, session::Command};
use pi_host::workspace::{EditPlan, Snapshot};
use pi_protocol::CommandError;

use super::{files, room};
use crate::{
    markdown::{self, Turn},
    transport::lsp::connection::Connection,
};

/// Where transcripts are, below the project folder.
const FOLDER: &str = ".pi/transcripts";

/// Writes the transcript of a session, in the editor if it is open there, and gives its path from the project folder.
///
/// # Errors
/// Nothing was said yet, or it cannot be written.
pub async fn write(connection: &Connection, session: &SessionHandle) -> Result<PathBuf, CommandError> {
    let state = session.ask(Command::GetState).await?;
    let entries = session.ask(|reply| Command::GetEntries(None, reply)).await?;
    let messages = room::path_of(&entries.entries, entries.leaf_id.as_deref());
    let turns = markdown::split(&messages);
    let first = turns.first().and_then(|it| room::title_of(it.messages.first()?));
    let Some(title) = state.session_name.map(|it| markdown::line(&it, room::TITLE)).or(first) else {
        return Err(CommandError::failed("Nothing to export yet"));
    };
    let project = connection.hub.folder_of(session.id());
    let style = room::style(connection, &project);
    let body: String = turns.iter().map(|it| markdown::render(it, &style)).collect();
    let text = format!("{}# {title}\n\n{}\n", head(session.id(), &turns), body.trim_end());
    let relative = PathBuf::from(FOLDER).join(format!("{}-{}.md", clock::today(), files::slug(&title)));
    let failed =
        |error: &dyn std::fmt::Display| CommandError::failed(format!("cannot write the transcript: {error}"));
    let workspace = connection.documents.workspace().ok_or_else(|| CommandError::failed("no workspace"))?;
    let path = project.join(&relative);
    let open = workspace.document(&path);
    let base = open.map(|it| Snapshot::of_buffer(path.clone(), it.rope.to_string(), it.version));
    let plan = EditPlan { path, base, text, label: "pi: transcript".into(), cause: None };
    workspace.commit(plan, &connection.ended).await.map_err(|error| failed(&error))?;
    Ok(relative)
}

/// What a program wants to know, as YAML.
fn head(session: &str, turns: &[Turn]) -> String {
    let answers = || turns.iter().flat_map(|it| &it.messages).filter_map(|it| it.as_assistant());
    let mut models: Vec<String> = answers().map(|it| markdown::line(&it.model, 60)).collect();
    models.dedup();
    let quoted = models.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>().join(", ");
    let cost: f64 = answers().map(|it| it.usage.cost.total).sum();
    format!("---\nsession: {session}\nmodels: [{quoted}]\ncost: {cost:.4}\n---\n\n")
}
