//! A session as a Markdown file to keep: the layout of the chat document, without a prompt, and only what is final.
//!
//! Written when the user says so, and with `transcript.write` whenever a run has ended. One that is open in the
//! editor is kept current there while the run goes on.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use lsp_types::MessageType;
use pi_core::{
    SessionHandle,
    bus::{Delivery, EventQueue},
    clock,
    session::Command,
};
use pi_host::{
    fs::blocking,
    workspace::{EditPlan, Snapshot},
};
use pi_protocol::{AgentEvent, AgentMessage, CommandError};
use tokio::time::Instant;

use super::{attach, files, numbers::Numbered, review, story, writing};
use crate::{
    markdown::{self, Turn},
    transport::lsp::connection::Connection,
};

/// Where transcripts are, below the project folder.
const FOLDER: &str = ".pi/transcripts";
/// Shortest time between two writings into an open one.
const PACE: Duration = Duration::from_millis(250);
/// Bytes in which a transcript says whose it is.
const HEAD: u64 = 1 << 10;

/// Writes the transcript of a session, in the editor if it is open there, and gives its path from the project folder.
///
/// # Errors
/// Nothing was said yet, or it cannot be written.
pub async fn export(connection: &Connection, session: &SessionHandle) -> Result<PathBuf, CommandError> {
    let path = write(connection, session, None).await?;
    let path = path.ok_or_else(|| CommandError::failed("Nothing to export yet"))?;
    Ok(path
        .strip_prefix(connection.hub.folder_of(session.id()))
        .map_or_else(|_| path.clone(), Path::to_owned))
}

/// Writes what is final of a session, to its `known` file or the one that is found. Nothing if nothing is final.
async fn write(
    connection: &Connection,
    session: &SessionHandle,
    known: Option<PathBuf>,
) -> Result<Option<PathBuf>, CommandError> {
    let state = session.ask(Command::GetState).await?;
    let entries = session.ask(|reply| Command::GetEntries(None, reply)).await?;
    let hunks = review::hunks(connection, session.id()).await;
    let messages = attach::path_of(&entries.entries, entries.leaf_id.as_deref());
    let mut turns = markdown::split(finished(&messages));
    let marks = review::marks(&hunks);
    let mut patches = Arc::default();
    review::patches(connection, session.id(), &hunks, &mut patches).await;
    turns.iter_mut().for_each(|it| (it.hunks, it.patches) = (marks.clone(), patches.clone()));
    if let Some(last) = turns.last_mut() {
        last.settled = !state.is_streaming;
    }
    let first = turns.first().and_then(|it| story::title_of(it.messages.first()?));
    let name = state.session_name.map(|it| markdown::line(&it, story::TITLE)).filter(|it| !it.is_empty());
    let (Some(title), false) = (name.or(first), turns.is_empty()) else { return Ok(None) };
    let project = connection.hub.folder_of(session.id());
    let style = writing::style(connection, &project);
    let body: String = turns.iter().map(|it| markdown::render(it, &style)).collect();
    let text = format!("{}# {title}\n\n{}\n", head(session.id(), &turns, &hunks, &style), body.trim_end());
    let failed =
        |error: &dyn std::fmt::Display| CommandError::failed(format!("cannot write the transcript: {error}"));
    let workspace = connection.documents.workspace().ok_or_else(|| CommandError::failed("no workspace"))?;
    let folder = project.join(FOLDER);
    let began = turns.first().and_then(|it| it.messages.first()).map(|it| markdown::time_of(it));
    let wanted = format!("{}-{}", clock::date_of(began.unwrap_or_default()), files::slug(&title));
    let id = session.id().clone();
    let found = blocking(move || match known.filter(|it| of_session(it, &id)) {
        Some(known) => Ok(known),
        None => place(&folder, &id, &wanted),
    });
    let path = found.await.map_err(|error| failed(&error))?;
    let open = workspace.document(&path);
    let base = open.map(|it| Snapshot::of_buffer(path.clone(), it.rope.to_string(), it.version));
    if base.as_ref().is_some_and(|it| it.text == text) {
        return Ok(Some(path));
    }
    let plan = EditPlan { path: path.clone(), base, text, label: "pi: transcript".into(), cause: None };
    workspace.commit(plan, &connection.ended).await.map_err(|error| failed(&error))?;
    Ok(Some(path))
}

/// What will not change any more: without an answer whose calls have not all ended.
fn finished(messages: &[Arc<AgentMessage>]) -> &[Arc<AgentMessage>] {
    let Some(last) = messages.iter().rposition(|it| it.as_assistant().is_some()) else { return messages };
    let results = messages[last..].iter().filter(|it| it.as_tool_result().is_some()).count();
    let calls = messages[last].as_assistant().map_or(0, |it| it.tool_calls().count());
    if results < calls { &messages[..last] } else { messages }
}

/// The file of a session's transcript: the one it has, whatever it is called, else a new name.
fn place(folder: &Path, session: &str, wanted: &str) -> io::Result<PathBuf> {
    let mut taken = Vec::new();
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            for path in entries.flatten().map(|it| it.path()) {
                if of_session(&path, session) {
                    return Ok(path);
                }
                taken.push(path);
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut number = 1;
    loop {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let path = folder.join(format!("{wanted}{suffix}.md"));
        if !taken.contains(&path) {
            return Ok(path);
        }
        number += 1;
    }
}

fn of_session(path: &Path, session: &str) -> bool {
    let read = || {
        let mut head = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(pi_host::fs::open_regular(path)?, HEAD), &mut head)?;
        Ok::<_, io::Error>(String::from_utf8_lossy(&head).into_owned())
    };
    files::is_ours(path) && read().is_ok_and(|it| markdown::session_id(&it) == Some(session))
}

/// What a program wants to know, as YAML; a JSON text is one there as well.
fn head(session: &str, turns: &[Turn], hunks: &[Numbered], style: &markdown::Style) -> String {
    let quoted = |it: String| serde_json::Value::from(it).to_string();
    let answers = || turns.iter().flat_map(|it| &it.messages).filter_map(|it| it.as_assistant());
    let mut models: Vec<String> = Vec::new();
    for model in answers().map(|it| quoted(markdown::line(&it.model, 60))) {
        if !models.contains(&model) {
            models.push(model);
        }
    }
    let mut files: Vec<String> =
        hunks.iter().map(|it| quoted(style.path(&it.path.to_string_lossy()))).collect();
    files.sort();
    files.dedup();
    let files: String = files.iter().map(|it| format!("\n  - {it}")).collect();
    let files = if files.is_empty() { " []".to_owned() } else { files };
    let cost: f64 = answers().map(|it| it.usage.cost.total).sum();
    format!(
        "---\nsession: {session}\nmodel: [{}]\ncost: {cost:.4}\nfiles:{files}\n---\n\n",
        models.join(", ")
    )
}

/// Keeps the transcript of one session current until the session or the connection ends.
pub async fn follow(connection: Arc<Connection>, session: SessionHandle) {
    let queue = EventQueue::of_one_session();
    session.send(Command::Subscribe(queue.clone(), Box::new(|_| {})));
    let id = session.id().clone();
    // The session ends with its last handle; following must not keep it alive.
    drop(session);
    // Whether something is to be written, and whether the run has ended.
    let (mut dirty, mut settled) = (false, false);
    let mut known = None;
    let mut due = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = connection.ended.cancelled() => return queue.close(),
            delivery = queue.next() => match delivery {
                Some(Delivery::Event(it)) => match &*it.event {
                    AgentEvent::MessageEnd { .. } | AgentEvent::ToolExecutionEnd { .. } => dirty = true,
                    AgentEvent::AgentSettled => (dirty, settled) = (true, true),
                    _ => {}
                },
                Some(_) => {}
                None => return,
            },
            () = tokio::time::sleep_until(due), if dirty => {
                (dirty, due) = (false, Instant::now() + PACE);
                let ended = std::mem::take(&mut settled);
                let Ok(session) = connection.hub.session(Some(&id)) else { return };
                if is_open(&connection, &id) || (ended && wanted(&connection, &id)) {
                    match write(&connection, &session, known.clone()).await {
                        Ok(path) => {
                            if let Some(path) = path.as_ref().filter(|_| ended) {
                                let said = format!("Transcript: {}", path.display());
                                connection.messages.log(MessageType::LOG, &said);
                            }
                            known = path;
                        }
                        Err(error) => tracing::warn!(%error, "transcript"),
                    }
                }
            }
        }
    }
}

/// Whether the settings want transcripts without being asked.
pub fn wanted(connection: &Connection, session: &str) -> bool {
    let settings = connection.hub.compose().settings(&connection.hub.folder_of(session)).values();
    settings.text("transcript.write").as_deref() == Some("settled")
}

/// Whether the transcript of this session is open in the editor.
fn is_open(connection: &Connection, session: &str) -> bool {
    let Some(workspace) = connection.documents.workspace() else { return false };
    let transcripts =
        workspace.open_paths().into_iter().filter(|it| files::is_ours(it) && !files::is_chat(it));
    transcripts.filter_map(|it| workspace.overlay_text(&it)).any(|rope| {
        let head = rope.slice(..rope.len_chars().min(HEAD as usize)).to_string();
        markdown::session_id(&head) == Some(session)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_keeps_its_file_and_names_do_not_collide() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join(".pi/transcripts");
        let at = |name: &str| folder.join(name);
        let find = |session: &str| place(&folder, session, "2026-01-01-a").unwrap();
        assert_eq!(find("s-1"), at("2026-01-01-a.md"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(at("renamed.md"), head("s-1", &[], &[], &style())).unwrap();
        std::fs::write(at("2026-01-01-a.md"), "session: s-2").unwrap();
        assert_eq!(find("s-1"), at("renamed.md"));
        assert_eq!(find("s-2"), at("2026-01-01-a-2.md"));
    }

    fn style() -> markdown::Style {
        markdown::Style { lines: 4, root: PathBuf::from("/ws"), ascii: false, time: |_| String::new() }
    }
}
