//! What is told about every edit, before it is made and after it was verified.
//!
//! The workspace knows when an edit is sent and what came of it; who keeps that, and how, is behind
//! [`EditJournal`]. An edit that was begun and neither completed nor abandoned is in doubt: the process ended,
//! or the run was stopped, while an editor still had it.

use std::{collections::HashSet, io, path::PathBuf, sync::Arc};

use pi_core::ToolContext;

use crate::crash::{self, Point};

/// Why an edit is made; kept with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditCause {
    /// The session.
    pub session_id: Arc<str>,
    /// Entry id of the user's message.
    pub prompt_id: Option<Arc<str>>,
    /// Number of the turn in the session, from 1.
    pub turn: u64,
    /// The tool call.
    pub call_id: Arc<str>,
    /// Name of the tool.
    pub tool: Arc<str>,
}

impl EditCause {
    /// A call of this tool.
    pub fn of(call: &ToolContext, tool: &str) -> Self {
        Self {
            session_id: call.session_id.clone(),
            prompt_id: call.prompt_id.clone(),
            turn: call.turn,
            call_id: call.call_id.as_str().into(),
            tool: tool.into(),
        }
    }
}

/// What an edit does to its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditKind {
    /// The file has another text.
    Change,
    /// There was no file.
    Create,
    /// There is no file any more.
    Delete,
    /// The file was at another path.
    Rename {
        /// Where it was.
        from: PathBuf,
    },
}

/// An edit that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditIntent {
    /// Why; nothing when the user asked for it.
    pub cause: Option<EditCause>,
    /// The file, absolute.
    pub path: PathBuf,
    /// What happens to it.
    pub kind: EditKind,
    /// Its text before; nothing if there was none, or none that is text.
    pub before: Option<Arc<str>>,
    /// Its text afterwards, if all goes well.
    pub after: Option<Arc<str>>,
    /// The edit goes through an editor.
    pub buffer: bool,
}

/// A file that a command may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The file, absolute.
    pub path: PathBuf,
    /// Where it would come from, if the command moves it.
    pub from: Option<PathBuf>,
    /// Its text before, or the line that stands for it; nothing if it is not there.
    pub before: Option<Arc<str>>,
    /// What it was before, if that is no text.
    pub bytes: Option<Arc<[u8]>>,
}

impl Watched {
    /// Bytes that it takes to keep it.
    pub fn size(&self) -> usize {
        let text = self.before.as_ref().map_or(0, |it| it.len());
        self.bytes.as_ref().map_or(text, |it| it.len())
    }
}

/// Keeps a record of edits. Its functions may block; the workspace calls them off the asynchronous threads.
pub trait EditJournal: Send + Sync {
    /// Written durably before the edit is sent or the disk touched; gives the id of the record. An error stops
    /// the edit.
    fn begin(&self, intent: &EditIntent) -> io::Result<u64>;
    /// The edit was made: what was really there before and is there now, verified.
    fn complete(&self, id: u64, before: Option<&str>, after: Option<&str>);
    /// The edit was not made.
    fn abandon(&self, id: u64, reason: &str);

    /// Written durably before a command is run that may change these files; gives the id of the record, if one can be
    /// kept.
    fn begin_command(&self, _cause: &EditCause, _files: &[Watched]) -> Option<u64> {
        None
    }

    /// The command has ended: the files, except those in `leave`, are compared with what they were.
    fn end_command(&self, _id: u64, _leave: &HashSet<PathBuf>) {}

    /// A command has changed files of this folder beside those that it was said to change, or may have.
    fn unrecorded(&self, _cause: &EditCause, _folder: &std::path::Path, _command: &str) {}

    /// A file was found to be what it is not to be, and mended.
    fn looked_again(&self, _path: &std::path::Path) {}

    /// Nobody will say that the command has ended.
    fn leave_command(&self, _id: u64) {}
}

/// The record of one edit, if anybody keeps one. A run that is dropped in the middle drops it too: then it is given up.
pub(super) struct Record(Option<(Arc<dyn EditJournal>, u64)>);

impl Record {
    /// Nobody keeps one.
    pub fn none() -> Self {
        Self(None)
    }

    /// Whether somebody does.
    pub fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// Blocks.
    pub fn begin(journal: Option<Arc<dyn EditJournal>>, intent: &EditIntent) -> io::Result<Self> {
        crash::at(Point::Wanted);
        let Some(journal) = journal else { return Ok(Self::none()) };
        let id = journal.begin(intent)?;
        crash::at(Point::Recorded);
        Ok(Self(Some((journal, id))))
    }

    /// Blocks.
    pub fn complete(mut self, before: Option<&str>, after: Option<&str>) {
        if let Some((journal, id)) = self.0.take() {
            crash::at(Point::Verified);
            journal.complete(id, before, after);
            crash::at(Point::Completed);
        }
    }

    /// Blocks.
    pub fn abandon(mut self, reason: &str) {
        self.give_up(reason);
    }

    /// Neither made nor not made: it stays as it was begun, to be looked at by whoever starts next.
    pub fn leave(mut self) {
        self.0 = None;
    }

    fn give_up(&mut self, reason: &str) {
        if let Some((journal, id)) = self.0.take() {
            crash::at(Point::Failed);
            journal.abandon(id, reason);
            crash::at(Point::Abandoned);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.give_up("the run was stopped");
    }
}
