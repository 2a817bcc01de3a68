//! From a plan to a changed file: one queue per path, then the editor or the disk.
//!
//! An editor's answer is a hint: some say yes and skip the edit, some say no without a reason, some answer
//! late. So the buffer they report afterwards is compared with the text we wanted. If it is another one, the
//! plan is rebased over what the buffer has become and sent again, at most twice; after that the caller is
//! told what stands in the way.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use similar::TextDiff;
use tokio::{sync::OwnedMutexGuard, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Document, Origin, Snapshot, Workspace, changes,
    editor::{DocumentEdit, EditorAnswer},
    journal::{EditCause, EditIntent, EditJournal, EditKind, Record},
    lock, resolve,
};
use crate::fs;

/// How often an edit is sent to an editor before we give up.
const ATTEMPTS: usize = 3;
/// Longest diff in an error, in bytes.
const DIFF_LIMIT: usize = 8 * 1024;

/// A wanted text for one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditPlan {
    /// The file.
    pub path: PathBuf,
    /// What the text was computed from. A file that has become something else is not overwritten: a buffer
    /// gets the changes rebased, a file on disk is a conflict. Nothing: replace whatever is there except unsaved
    /// text that no model has read, creating folders as needed.
    pub base: Option<Snapshot>,
    /// The whole new text.
    pub text: String,
    /// What a person reads in the undo list, for example `pi: edit retry.rs`.
    pub label: String,
    /// Why it is made, for the record.
    pub cause: Option<EditCause>,
}

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The file.
    pub path: PathBuf,
    /// Its text before; nothing if there was none, or none that is text.
    pub before: Option<String>,
    /// Its text now. Differs from the plan's if the user typed elsewhere in the meantime.
    pub after: String,
    /// Where the change went.
    pub origin: Origin,
    /// The plan was moved over changes of the user.
    pub rebased: bool,
}

/// Why nothing, or not the wanted thing, was changed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The run was stopped.
    #[error("Operation aborted")]
    Aborted,
    /// The text has changed where the edit wanted to, and the two do not merge.
    #[error("{path} was changed in the meantime, so the edit was not applied. What changed since it was read:\n{diff}\nRead the file again and repeat the edit on its current text.", path = .path.display())]
    Conflict {
        /// The file.
        path: PathBuf,
        /// Unified diff from the text the plan was made for to the text that is there.
        diff: String,
    },
    /// The editor did not make the change, however often it was asked.
    #[error("the editor did not apply the edit to {path}: {reason}. The file is unchanged; try again.", path = .path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// The editor's words, or what was seen instead.
        reason: String,
    },
    /// A whole text was to replace unsaved text that the model does not know.
    #[error(
        "{path} has unsaved changes in the editor that you have not seen. Read it first, then write it again.",
        path = .path.display()
    )]
    Unseen {
        /// The file.
        path: PathBuf,
    },
    /// The document was closed before the change could be seen in it.
    #[error("{path} was closed in the editor while it was being edited. Read it again to see whether the edit is there.", path = .path.display())]
    Closed {
        /// The file.
        path: PathBuf,
    },
    /// It is open, but no editor is connected any more.
    #[error("{path} is open in an editor that does not answer. The file was not changed.", path = .path.display())]
    NoEditor {
        /// The file.
        path: PathBuf,
    },
    /// It could not be recorded, and an edit that nobody could take back is not made.
    #[error("the edit of {path} was not made, as it could not be recorded: {error}", path = .path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// What the journal said.
        error: io::Error,
    },
    /// Bytes that are not UTF-8 would be lost.
    #[error("{path} is not valid UTF-8 text and editing it would damage it. Use bash to change it.", path = .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The folder for the file could not be made; the text is complete.
    #[error("{0}")]
    Folder(String),
    /// The disk refused.
    #[error("{}", fs::describe(.error, "open", .path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// The sole right to change one path. Held from the read an edit is computed from to its commit, so that
/// parallel calls on one file follow one another.
#[derive(Debug)]
pub struct PathGuard {
    workspace: Arc<Workspace>,
    path: PathBuf,
    held: Option<OwnedMutexGuard<()>>,
}

impl Workspace {
    /// Waits for the path's turn.
    pub async fn lock_path(self: &Arc<Self>, path: &Path) -> PathGuard {
        let key = resolve::key(path);
        let mutex = lock(&self.locks).entry(key.clone()).or_default().clone();
        let held = Some(mutex.lock_owned().await);
        PathGuard { workspace: self.clone(), path: key, held }
    }

    /// Makes the planned change, in the editor if the file is open there, else on disk.
    pub async fn commit(
        self: &Arc<Self>,
        plan: EditPlan,
        cancel: &CancellationToken,
    ) -> Result<Committed, CommitError> {
        let guard = tokio::select! {
            guard = self.lock_path(&plan.path) => guard,
            () = cancel.cancelled() => return Err(CommitError::Aborted),
        };
        guard.commit(plan, cancel).await
    }

    async fn commit_buffer(
        &self,
        plan: EditPlan,
        document: Document,
        cancel: &CancellationToken,
    ) -> Result<Committed, CommitError> {
        let mut record = None;
        let outcome = self.edit_buffer(plan, document, &mut record, cancel).await;
        let Some(record) = record else { return outcome };
        let closed = fs::blocking(move || {
            match &outcome {
                Ok(done) => record.complete(done.before.as_deref(), Some(&done.after)),
                Err(error) => record.abandon(&error.to_string()),
            }
            Ok(outcome)
        });
        closed.await.unwrap_or_else(|error| Err(CommitError::Journal { path: PathBuf::new(), error }))
    }

    /// Sends the edit until the buffer has it. What was begun is left in `record`.
    async fn edit_buffer(
        &self,
        plan: EditPlan,
        first: Document,
        record: &mut Option<Record>,
        cancel: &CancellationToken,
    ) -> Result<Committed, CommitError> {
        let path = plan.path;
        let Some(editor) = self.editor() else { return Err(CommitError::NoEditor { path }) };
        let base = match plan.base {
            Some(base) => base.text,
            None if self.with_key(&path, |documents, key| documents.is_unseen(key)) => {
                return Err(CommitError::Unseen { path });
            }
            None => first.rope.to_string(),
        };
        let mut document = first;
        let mut reason = String::from("its buffer never showed the new text");
        for attempt in 0..=ATTEMPTS {
            let theirs = document.rope.to_string();
            let Some(target) = changes::rebase(&base, &plan.text, &theirs) else {
                return Err(CommitError::Conflict { diff: diff(&base, &theirs), path });
            };
            let done = |before: String, after: String, version: i32| {
                let rebased = after != plan.text;
                let origin = Origin::Buffer { version };
                if !rebased {
                    self.mark_seen(&path, version);
                }
                Ok(Committed { path: path.clone(), before: Some(before), after, origin, rebased })
            };
            if target == theirs {
                // Nothing (left) to do. After an attempt this says: it is there, with what the user typed
                // elsewhere.
                let before = if attempt == 0 { theirs.clone() } else { base };
                return done(before, theirs, document.version);
            }
            if attempt == ATTEMPTS {
                break;
            }
            if cancel.is_cancelled() {
                return Err(CommitError::Aborted);
            }
            if record.is_none() {
                let intent = EditIntent {
                    cause: plan.cause.clone(),
                    path: path.clone(),
                    kind: EditKind::Change,
                    before: Some(theirs.as_str().into()),
                    after: Some(target.as_str().into()),
                    buffer: true,
                };
                let journal = self.journal(&path);
                let begun = fs::blocking(move || Record::begin(journal, &intent)).await;
                *record = Some(begun.map_err(|error| CommitError::Journal { path: path.clone(), error })?);
            }
            let edit = DocumentEdit {
                path: document.path.clone(),
                version: document.version,
                base: document.rope.clone(),
                changes: changes::minimal(&theirs, &target),
                label: plan.label.clone(),
            };
            match self
                .send_and_watch(&*editor, edit, Arc::from(target.as_str()), &base, &plan.text, cancel)
                .await?
            {
                Seen::Met(version) => return done(theirs, target, version),
                Seen::Closed => return Err(CommitError::Closed { path }),
                Seen::Other(Some(said)) => reason = said,
                Seen::Other(None) => {}
            }
            match self.document(&path) {
                Some(it) => document = it,
                None => return Err(CommitError::Closed { path }),
            }
        }
        Err(CommitError::Refused { path, reason })
    }

    /// Sends one edit and waits until the buffer has the target, visibly contains the change among the user's
    /// own, or will not get it.
    async fn send_and_watch(
        &self,
        editor: &dyn super::editor::EditorClient,
        edit: DocumentEdit,
        target: Arc<str>,
        base: &str,
        ours: &str,
        cancel: &CancellationToken,
    ) -> Result<Seen, CommitError> {
        let path = edit.path.clone();
        let expecting = Expecting { workspace: self, path: path.clone() };
        let Some(mut progress) = self.with_key(&path, |documents, key| documents.expect(key, target)) else {
            return Ok(Seen::Closed);
        };
        let answer = tokio::select! {
            answer = editor.apply(edit) => answer,
            () = cancel.cancelled() => return Err(CommitError::Aborted),
        };
        let deadline = Instant::now() + self.verify_time;
        let seen = loop {
            let now = *progress.borrow_and_update();
            if let Some(version) = now.met {
                break Seen::Met(version);
            }
            if now.closed {
                break Seen::Closed;
            }
            match &answer {
                EditorAnswer::Applied => {}
                // The change may have come although the answer was lost; the caller looks at the text again.
                EditorAnswer::Refused(said) => break Seen::Other(said.clone().or(Some("it refused".into()))),
                EditorAnswer::Failed(said) => break Seen::Other(Some(said.clone())),
            }
            let text = self.document(&path).map(|it| it.rope.to_string());
            if text.is_some_and(|it| changes::rebase(base, ours, &it).as_deref() == Some(it.as_str())) {
                break Seen::Other(None);
            }
            tokio::select! {
                changed = progress.changed() => if changed.is_err() { break Seen::Closed },
                () = tokio::time::sleep_until(deadline) => break Seen::Other(None),
                () = cancel.cancelled() => return Err(CommitError::Aborted),
            }
        };
        drop(expecting);
        Ok(seen)
    }
}

/// Ends the comparison when the wait is over, however it ends.
struct Expecting<'a> {
    workspace: &'a Workspace,
    path: PathBuf,
}

impl Drop for Expecting<'_> {
    fn drop(&mut self) {
        self.workspace.with_key(&self.path, |documents, key| documents.forget_expected(key));
    }
}

enum Seen {
    /// Exactly the target, at this version.
    Met(i32),
    Closed,
    /// Something else; with the editor's words if it gave any.
    Other(Option<String>),
}

impl PathGuard {
    /// The workspace the path belongs to.
    pub fn workspace(&self) -> &Arc<Workspace> {
        &self.workspace
    }

    /// Makes the planned change. The plan must be for the guarded path.
    pub async fn commit(&self, plan: EditPlan, cancel: &CancellationToken) -> Result<Committed, CommitError> {
        debug_assert_eq!(resolve::key(&plan.path), self.path, "the guard is for another file");
        if cancel.is_cancelled() {
            return Err(CommitError::Aborted);
        }
        if let Some(base) = plan.base.as_ref().filter(|it| !it.exact) {
            return Err(CommitError::NotText { path: base.path.clone() });
        }
        match self.workspace.document(&plan.path) {
            Some(document) => self.workspace.commit_buffer(plan, document, cancel).await,
            None => {
                let journal = self.workspace.journal(&plan.path);
                commit_disk(plan, journal).await
            }
        }
    }
}

impl Drop for PathGuard {
    fn drop(&mut self) {
        self.held = None;
        let mut locks = lock(&self.workspace.locks);
        // Nobody else holds it or waits for it.
        if locks.get(&self.path).is_some_and(|it| Arc::strong_count(it) == 1) {
            locks.remove(&self.path);
        }
    }
}

async fn commit_disk(
    plan: EditPlan,
    journal: Option<Arc<dyn EditJournal>>,
) -> Result<Committed, CommitError> {
    let path = plan.path.clone();
    match fs::blocking(move || Ok(write_disk(plan, journal))).await {
        Ok(done) => done,
        Err(error) => Err(CommitError::Io { path, error }),
    }
}

fn write_disk(plan: EditPlan, journal: Option<Arc<dyn EditJournal>>) -> Result<Committed, CommitError> {
    let EditPlan { path, base, text, cause, .. } = plan;
    let io = |error| CommitError::Io { path: path.clone(), error };
    let now = match fs::read_bounded(&path, super::MAX_FILE_BYTES) {
        Ok(bytes) => Some(Snapshot::of_bytes(path.clone(), bytes)),
        Err(error) if base.is_some() => return Err(io(error)),
        // Whether it can be replaced is said by writing it.
        Err(_) => None,
    };
    if let (Some(base), Some(now)) = (&base, &now) {
        if now.text != base.text || !now.exact {
            return Err(CommitError::Conflict { diff: diff(&base.text, &now.text), path });
        }
    }
    let exists = now.is_some() || path.symlink_metadata().is_ok();
    let before = now.filter(|it| it.exact).map(|it| it.text);
    let intent = EditIntent {
        cause,
        path: path.clone(),
        kind: if exists { EditKind::Change } else { EditKind::Create },
        before: before.as_deref().map(Arc::from),
        after: Some(text.as_str().into()),
        buffer: false,
    };
    let record = Record::begin(journal, &intent)
        .map_err(|error| CommitError::Journal { path: path.clone(), error })?;
    let folder = if base.is_some() { None } else { path.parent() };
    let made = folder.map_or(Ok(()), fs::create_dir_all).map_err(CommitError::Folder);
    match made.and_then(|()| fs::write_atomic(&path, text.as_bytes()).map_err(io)) {
        Ok(()) => record.complete(before.as_deref(), Some(&text)),
        Err(error) => {
            record.abandon(&error.to_string());
            return Err(error);
        }
    }
    Ok(Committed { path, before, after: text, origin: Origin::Disk, rebased: false })
}

fn diff(from: &str, to: &str) -> String {
    let mut text = TextDiff::from_lines(from, to).unified_diff().context_radius(2).to_string();
    if text.len() > DIFF_LIMIT {
        let end = (0..=DIFF_LIMIT).rev().find(|&it| text.is_char_boundary(it)).unwrap_or(0);
        text.truncate(end);
        text.push_str("\n[diff cut here]");
    }
    text
}
