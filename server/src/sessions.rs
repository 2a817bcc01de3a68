//! The sessions there are, alive and stored: listing, searching, naming, deleting, coming to one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use pi_core::{
    SessionHandle,
    session::{Command, session_name},
};
use pi_host::{
    fs::blocking,
    sessions::{SessionFileError, SessionFiles, SessionHit, SessionInfo},
};
use pi_protocol::*;

use crate::{
    compose::Opening,
    failure::OPEN_ELSEWHERE,
    hub::{Hub, Live},
};

/// Most sessions a search shows.
const MAX_FOUND: usize = 100;

fn failed(error: impl std::fmt::Display) -> CommandError {
    CommandError::failed(format!("{error:#}"))
}

impl Hub {
    /// The sessions of a folder, last used first. Reads their files.
    pub async fn list_sessions(&self, folder: PathBuf) -> SessionList {
        let files = self.compose().session_files(&folder);
        let cwd = folder.clone();
        let stored = blocking(move || Ok(files.list(&cwd))).await.unwrap_or_default();
        let alive = self.alive();
        let mut sessions: Vec<_> = stored.into_iter().map(summary).collect();
        for live in alive {
            match sessions.iter_mut().find(|it| *it.session_id == **live.handle.id()) {
                Some(known) => known.life = life(&live).await,
                // Its file is written with the first answer.
                None if Path::new(&live.header.cwd) == folder => sessions.push(unwritten(&live).await),
                None => {}
            }
        }
        sessions.sort_by_key(|it| std::cmp::Reverse(it.modified));
        SessionList { sessions }
    }

    /// The sessions of a folder in which somebody wrote `query`. Reads their files.
    ///
    /// # Errors
    /// There is nothing to look for.
    pub async fn search_sessions(
        &self,
        folder: PathBuf,
        query: String,
    ) -> Result<SessionMatches, CommandError> {
        if query.trim().is_empty() {
            return Err(CommandError::invalid("query must not be empty"));
        }
        let files = self.compose().session_files(&folder);
        let hits = blocking(move || Ok(files.search(query.trim(), &folder))).await.unwrap_or_default();
        let more = hits.len() > MAX_FOUND;
        let mut found = Vec::new();
        for SessionHit { session, entry_id, line, matches } in hits.into_iter().take(MAX_FOUND) {
            let mut session = summary(session);
            if let Some(live) = self.find_live(&session.session_id) {
                session.life = life(&live).await;
            }
            found.push(SessionMatch { session, entry_id, line, matches });
        }
        Ok(SessionMatches { found, more })
    }

    /// Names a session, alive or stored.
    ///
    /// # Errors
    /// There is no such session, or its file is in use or cannot be written.
    pub async fn rename_session(&self, folder: PathBuf, id: &str, name: &str) -> Result<Empty, CommandError> {
        let name = session_name(name)?;
        if let Some(live) = self.find_live(id) {
            return live.handle.ask(|reply| Command::SetSessionName(name, reply)).await;
        }
        let (file, cwd) = self.stored(folder, id).await?;
        let renamed = blocking(move || Ok(SessionFiles::rename(&file, &cwd, &name))).await;
        renamed.map_err(failed)?.map_err(failed)?;
        Ok(Empty {})
    }

    /// Moves a session's file into the trash; one that lives is closed first.
    ///
    /// # Errors
    /// There is no such session, it runs, or its file is in use or cannot be moved.
    pub async fn delete_session(&self, folder: PathBuf, id: &str) -> Result<DeletedSession, CommandError> {
        let file = match self.find_live(id) {
            Some(live) => {
                if life(&live).await == SessionLife::Running {
                    return Err(CommandError::failed("The session is running. Stop it before deleting it."));
                }
                self.close(id).await;
                live.file.filter(|it| it.exists())
            }
            None => Some(self.stored(folder, id).await?.0),
        };
        let Some(file) = file else { return Ok(DeletedSession::default()) };
        let trash = blocking(move || Ok(SessionFiles::trash(&file))).await;
        let trash = trash.map_err(failed)?.map_err(failed)?;
        Ok(DeletedSession { trash: Some(trash.to_string_lossy().into_owned()) })
    }

    /// Starts a session beside the others.
    ///
    /// # Errors
    /// The folder is none, or the session could not be built.
    pub async fn add_session(
        &self,
        folder: &Path,
        from: Option<&SessionHandle>,
    ) -> Result<SessionHandle, CommandError> {
        if !folder.is_absolute() || !folder.is_dir() {
            return Err(CommandError::invalid(format!("{} is not a folder", folder.display())));
        }
        let (model, thinking) = model_of(from).await?;
        self.open(folder, Opening::New { parent: None, model, thinking }).await.map_err(failed)
    }

    /// The session with this id: the one that lives, else the one in its file.
    ///
    /// # Errors
    /// There is no such session, or its file is in use or cannot be read.
    pub async fn come_to_session(
        &self,
        folder: PathBuf,
        id: &str,
        from: Option<&SessionHandle>,
    ) -> Result<SessionHandle, CommandError> {
        if let Some(live) = self.find_live(id) {
            return Ok(live.handle);
        }
        let (path, cwd) = self.stored(folder.clone(), id).await?;
        let (model, thinking) = model_of(from).await?;
        let folder = if cwd.is_dir() { cwd } else { folder };
        let opened = self.open(&folder, Opening::File { path, model, thinking }).await;
        opened.map_err(|error| match error.downcast_ref() {
            Some(SessionFileError::InUse(_)) => CommandError::failed(OPEN_ELSEWHERE),
            _ => failed(error),
        })
    }

    /// A new session with everything that was said in this one, as its file has it: another process may have that open.
    ///
    /// # Errors
    /// There is no such session, its file cannot be read, or the new one cannot be written.
    pub async fn copy_session(&self, folder: PathBuf, id: &str) -> Result<SessionHandle, CommandError> {
        let (path, cwd) = self.stored(folder.clone(), id).await?;
        let folder = if cwd.is_dir() { cwd } else { folder };
        self.open(&folder, Opening::Copy { path }).await.map_err(failed)
    }

    async fn stored(&self, folder: PathBuf, id: &str) -> Result<(PathBuf, PathBuf), CommandError> {
        let files = self.compose().session_files(&folder);
        let wanted = id.to_owned();
        let found = blocking(move || Ok(files.with_id(&wanted, &folder))).await.unwrap_or_default();
        found.ok_or_else(|| CommandError::invalid(format!("no session {id}")))
    }

    /// Gauges of the process; those of the connection stay empty.
    pub async fn diagnostics(&self) -> Diagnostics {
        let alive = self.alive();
        let lives = futures::future::join_all(alive.iter().map(life)).await;
        Diagnostics {
            version: env!("CARGO_PKG_VERSION").into(),
            uptime_ms: u64::try_from(self.started().elapsed().as_millis()).unwrap_or(u64::MAX),
            memory_bytes: memory(),
            sessions: alive.len(),
            running: lives.into_iter().filter(|it| *it == SessionLife::Running).count(),
            ..Diagnostics::default()
        }
    }
}

/// Model and level of the session one comes from, for one that names none itself.
async fn model_of(from: Option<&SessionHandle>) -> Result<(Option<Arc<Model>>, ThinkingLevel), CommandError> {
    let Some(from) = from else { return Ok((None, ThinkingLevel::Medium)) };
    let state = from.ask(Command::GetState).await?;
    Ok((state.model.map(Arc::new), state.thinking_level))
}

async fn life(live: &Live) -> SessionLife {
    match live.handle.ask(Command::GetState).await {
        Ok(state) if state.is_streaming || state.is_compacting => SessionLife::Running,
        Ok(_) => SessionLife::Idle,
        // It has ended meanwhile.
        Err(_) => SessionLife::Stored,
    }
}

fn summary(info: SessionInfo) -> SessionSummary {
    SessionSummary {
        session_id: info.id,
        life: SessionLife::Stored,
        folder: info.cwd,
        file: Some(info.path.to_string_lossy().into_owned()),
        name: info.name,
        // The host's words for people; here the absence speaks for itself.
        first_message: if info.message_count == 0 { String::new() } else { info.first_message },
        created: info.created,
        modified: info.modified_ms,
        message_count: info.message_count,
        parent_session: info.parent_session,
    }
}

/// A session that has no file yet.
async fn unwritten(live: &Live) -> SessionSummary {
    let state = live.handle.ask(Command::GetState).await.ok();
    let said = live.handle.ask(Command::GetForkMessages).await.unwrap_or_default();
    SessionSummary {
        session_id: live.header.id.clone(),
        life: life(live).await,
        folder: live.header.cwd.clone(),
        file: None,
        name: state.as_ref().and_then(|it| it.session_name.clone()),
        first_message: said.messages.into_iter().next().map(|it| it.text).unwrap_or_default(),
        created: live.header.timestamp.clone(),
        modified: pi_core::clock::iso_to_ms(&live.header.timestamp),
        message_count: state.map_or(0, |it| it.message_count),
        parent_session: live.header.parent_session.clone(),
    }
}

#[cfg(target_os = "linux")]
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|it| it * 1024)
}

#[cfg(not(target_os = "linux"))]
fn memory() -> Option<u64> {
    None
}
