//! What a shell command of the model changes in files is recorded like an edit, so that it can be reviewed.
//!
//! Before it runs, the files are kept that its text says it writes, makes, moves or deletes; afterwards they are
//! compared. What the command does otherwise and what is too large is not recorded; that it did something of that kind
//! is, by size and time of all files.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    beside::Files,
    fs,
    ledger::{Now, now, watched as watched_file},
    paths,
    permissions::{Candidate, FolderPermissions},
    workspace::{
        Workspace,
        journal::{EditCause, EditJournal, Watched},
    },
};

/// Bytes that are kept for one command; files beyond are not recorded.
const MAX_BYTES: usize = 32 << 20;

/// Records what commands do in one folder.
#[derive(Clone)]
pub struct Recorder {
    workspace: Arc<Workspace>,
    folder: Arc<FolderPermissions>,
}

impl Recorder {
    /// In this workspace, whose commands `folder` reads.
    pub fn new(workspace: Arc<Workspace>, folder: Arc<FolderPermissions>) -> Self {
        Self { workspace, folder }
    }

    /// Whether a command only reads.
    pub async fn only_reads(&self, command: &str) -> bool {
        self.folder.only_reads(command).await
    }

    /// To be called before a command is run. What it gives is ended after the command, or when it is dropped.
    pub async fn before(&self, command: &str, cause: EditCause) -> Option<Watch> {
        let journal = self.workspace.command_journal()?;
        let candidates = self.folder.would_change(command).await;
        let only_reads = self.only_reads(command).await;
        if candidates.is_empty() && only_reads {
            return None;
        }
        let workspace = self.workspace.clone();
        let command = (!only_reads).then(|| command.to_owned());
        let begun = fs::blocking(move || Ok(Watch::begin(workspace, journal, cause, candidates, command)));
        begun.await.ok()
    }
}

/// Files of a command that runs.
pub struct Watch(Option<Running>);

struct Running {
    workspace: Arc<Workspace>,
    journal: Arc<dyn EditJournal>,
    cause: EditCause,
    /// Number of the record, if there is one already.
    record: Option<u64>,
    /// Without a record: what is only named, and may have been changed.
    named: Vec<Watched>,
    /// What was saved by its editor how often.
    saves: Vec<(PathBuf, u64)>,
    /// The files whose changes are recorded.
    watched: HashSet<PathBuf>,
    /// A command that does not only read, and all files before it.
    beside: Option<(String, Option<Files>)>,
}

impl Watch {
    fn begin(
        workspace: Arc<Workspace>,
        journal: Arc<dyn EditJournal>,
        cause: EditCause,
        candidates: Vec<Candidate>,
        command: Option<String>,
    ) -> Self {
        let mut left = MAX_BYTES;
        let mut saves = Vec::new();
        let (mut sure, mut named) = (Vec::new(), Vec::new());
        let mut watched = HashSet::new();
        for it in candidates {
            let Candidate { path, from, sure: is_sure } = it;
            let Some(file) = watched_file(&path, from) else { continue };
            let Some(rest) = left.checked_sub(file.size()) else { continue };
            left = rest;
            if !is_sure {
                saves.extend(workspace.saves(&path).map(|saves| (path.clone(), saves)));
            }
            watched.insert(paths::canonical(&path));
            let list = if is_sure { &mut sure } else { &mut named };
            list.push(file);
        }
        let record = match sure.is_empty() {
            true => None,
            false => {
                sure.append(&mut named);
                journal.begin_command(&cause, &sure)
            }
        };
        let beside = command.map(|it| (it, Files::of(&paths::canonical(workspace.root()))));
        Self(Some(Running { workspace, journal, cause, record, named, saves, watched, beside }))
    }

    /// The command has ended, whichever way. Returns when everything is recorded.
    pub async fn ended(mut self) {
        let Some(running) = self.0.take() else { return };
        let ended = fs::blocking(move || {
            running.end();
            Ok(())
        });
        if let Err(error) = ended.await {
            tracing::warn!(%error, "what a command changed could not be recorded");
        }
    }
}

impl Drop for Watch {
    /// The call was given up. The record stays in doubt until somebody looks.
    fn drop(&mut self) {
        if let Some(Running { journal, record: Some(record), .. }) = self.0.take() {
            journal.leave_command(record);
        }
    }
}

impl Running {
    /// Keeps that the command did something that is not recorded, or may have. Blocks.
    fn look_beside(&mut self) {
        let Some((command, before)) = self.beside.take() else { return };
        let root = paths::canonical(self.workspace.root());
        let is_recorded = |path: &Path| self.watched.contains(path) && now(path) != Now::Other;
        let stays = |path: &Path| is_recorded(path) || self.workspace.is_chat(path);
        let changed = match (before, Files::of(&root)) {
            (Some(before), Some(after)) => before.changed(&after).any(|it| !stays(it)),
            _ => true,
        };
        if changed {
            self.journal.unrecorded(&self.cause, &root, &command);
        }
    }

    /// Blocks.
    fn end(mut self) {
        self.look_beside();
        let saved = self.saves.iter().filter(|(path, before)| self.workspace.saves(path) != Some(*before));
        // The user has written it meanwhile, and the command was only given its name.
        let leave: HashSet<PathBuf> = saved.map(|(path, _)| path.clone()).collect();
        if self.record.is_none() {
            let is = |it: &Watched| match (&it.before, now(&it.path)) {
                (Some(_), Now::Gone) => true,
                (before, now) => now.text().is_some_and(|it| before.as_deref() != Some(&*it)),
            };
            self.named.retain(|it| !leave.contains(&it.path) && is(it));
            if self.named.is_empty() {
                return;
            }
            self.record = self.journal.begin_command(&self.cause, &self.named);
        }
        if let Some(record) = self.record {
            self.journal.end_command(record, &leave);
        }
    }
}
