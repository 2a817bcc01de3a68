//! Why a change was made: what the model said and which call it was, from its session or from the session's file.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Mutex, PoisonError},
};

use pi_core::session::Command;
use pi_host::{fs::blocking, ledger::FoundHunk, sessions};
use pi_protocol::{AgentMessage, Content, Entry, ToolCall, entry::EntryKind};
use serde_json::Value;

use crate::transport::lsp::{connection::Connection, messages::first_line};

/// Arguments that say what a call was about, the first that is there.
const TELLING: [&str; 3] = ["command", "path", "file_path"];
/// Characters of them.
const DETAIL: usize = 80;

/// What is known of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause {
    /// What the model said beside it.
    pub reason: Option<String>,
    /// The command, or the path.
    pub about: Option<String>,
}

/// What is known of calls, by session and call.
#[derive(Debug, Default)]
pub struct Causes(Mutex<HashMap<(String, String), Cause>>);

impl Causes {
    /// Of the call that made a change in this project.
    pub async fn of(&self, connection: &Connection, project: &Path, hunk: &FoundHunk) -> Cause {
        let key = (hunk.session.clone(), hunk.call.clone());
        if let Some(known) = self.known().get(&key) {
            return known.clone();
        }
        let live = connection.hub.session(Some(&hunk.session)).ok();
        let is_live = live.is_some();
        let entries = match live {
            Some(live) => {
                let asked = live.ask(|reply| Command::GetEntries(hunk.prompt.clone(), reply)).await;
                asked.map(|it| it.entries).unwrap_or_default()
            }
            None => kept(connection, project, &hunk.session).await,
        };
        let mut known = self.known();
        for entry in &entries {
            let EntryKind::Message { message } = &entry.kind else { continue };
            for (call, cause) in causes(message) {
                known.insert((hunk.session.clone(), call), cause);
            }
        }
        // A file that does not say it never will.
        match is_live {
            true => known.get(&key).cloned().unwrap_or_default(),
            false => known.entry(key).or_default().clone(),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Cause>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entries in the file of a session that is not open.
async fn kept(connection: &Connection, project: &Path, session: &str) -> Vec<Entry> {
    let files = connection.hub.compose().session_files(project);
    let (folder, id) = (project.to_owned(), session.to_owned());
    let loaded = blocking(move || {
        let found = files.with_id(&id, &folder);
        Ok(found.and_then(|(path, _)| sessions::load(&path).ok()))
    });
    loaded.await.ok().flatten().map(|it| it.entries).unwrap_or_default()
}

/// Each call of a message with the last text before it.
fn causes(message: &AgentMessage) -> Vec<(String, Cause)> {
    let mut said = None;
    let mut found = Vec::new();
    for content in message.as_assistant().into_iter().flat_map(|it| &it.content) {
        match content {
            Content::Text(it) if !it.text.trim().is_empty() => said = Some(it.text.trim().to_owned()),
            Content::ToolCall(it) => {
                found.push((it.id.to_string(), Cause { reason: said.clone(), about: about(it) }));
            }
            _ => {}
        }
    }
    found
}

fn about(call: &ToolCall) -> Option<String> {
    let telling = TELLING.iter().find_map(|it| call.arguments.get(*it).and_then(Value::as_str))?;
    Some(first_line(telling, DETAIL))
}
