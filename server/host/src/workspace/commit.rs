//! From a plan to a changed file: one queue per path, then the editor or the disk.
//!
//! `buffer` has the way through an editor, `disk` the way to a file nobody has open.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use similar::TextDiff;
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use super::{Origin, Snapshot, Workspace, buffer::Purpose, journal::EditCause, lock, resolve};
use crate::{form, fs};

/// How often an edit goes from the editor to the disk or back, when the document is opened and closed meanwhile.
const HANDOVERS: usize = 4;
/// Longest diff in an error, in bytes.
const DIFF_LIMIT: usize = 8 * 1024;

/// The end of one that is longer.
pub(super) const DIFF_CUT: &str = "\n[diff cut here]";

/// A wanted text for one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditPlan {
    /// The file.
    pub path: PathBuf,
    /// What the text was computed from. A file that has become something else is not overwritten: a buffer
    /// gets the changes rebased, a file on disk is a conflict. Nothing: replace whatever is on disk there, creating folders
    /// as needed.
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
    /// The editor applied the edit in the wrong place and took no correction.
    #[error("the editor applied the edit of {path} in the wrong place and does not let it be taken back. What is wrong in the text now:\n{diff}\nRead the file again and mend it.", path = .path.display())]
    Astray {
        /// The file.
        path: PathBuf,
        /// Unified diff from the text as it should be to the text that is there.
        diff: String,
    },
    /// The file has changed, and the editor that has it open shows an older text of it and does not take it over.
    #[error("{path} was changed on disk, and the editor that has it open still shows the older text: {reason}. The edit was not applied. Ask the user to reload the file in the editor.", path = .path.display())]
    Behind {
        /// The file.
        path: PathBuf,
        /// The editor's words, or what was seen instead.
        reason: String,
    },
    /// A whole text was to replace text that the model does not know.
    #[error("{path} has {} that you have not seen, so it was not written. {shown}", if *.unsaved { "unsaved changes in the editor" } else { "text" }, path = .path.display())]
    Unseen {
        /// The file.
        path: PathBuf,
        /// It is only in the editor.
        unsaved: bool,
        /// The first lines of it, or what changed, and what to do.
        shown: String,
    },
    /// A file that is to be deleted has unsaved text.
    #[error("{path} has unsaved changes in the editor and was not deleted", path = .path.display())]
    Unsaved {
        /// The file.
        path: PathBuf,
    },
    /// A file that was to be made is there: it is somebody else's.
    #[error("{path} was created by somebody else in the meantime and was not replaced. Read it first, then write it again.", path = .path.display())]
    Appeared {
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
    /// An editor has it open twice, and both documents have unsaved text.
    #[error("the same file is open in the editor as {one} and as {other}, with different unsaved text in each. The edit was not applied. Ask the user to save or close one of them.", one = .one.display(), other = .other.display())]
    Torn {
        /// One of them.
        one: PathBuf,
        /// The other.
        other: PathBuf,
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
    /// A file is where a folder for this one is to be, in Pi's words; the text is complete.
    #[error("{0}")]
    Folder(String),
    /// The disk refused.
    #[error("{path} cannot be written: {cause}.", path = .path.display())]
    Io {
        /// The file, as people name it.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
        /// The same in words for people.
        cause: String,
    },
}

impl CommitError {
    /// The disk refused. Blocks.
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), cause: fs::cause(&error, path), error }
    }

    /// Names a file of this folder from there.
    fn named_from(self, root: &Path) -> Self {
        match self {
            Self::Io { path, error, cause } => {
                let inside =
                    path.strip_prefix(root).ok().filter(|it| *it != Path::new("")).map(Path::to_owned);
                Self::Io { path: inside.unwrap_or(path), error, cause }
            }
            other => other,
        }
    }

    /// Why the editor has not taken an edit, in few words.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Refused { reason, .. } => reason.clone(),
            Self::Conflict { .. } => "somebody types in it".to_owned(),
            Self::NoEditor { .. } => "it does not answer".to_owned(),
            other => other.to_string(),
        }
    }
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
        let mutex = lock(&self.shared.locks).entry(key.clone()).or_default().clone();
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

    /// Makes a file that is not there, neither on disk nor in an editor: what is there is an error, and stays. The
    /// plan has no base.
    pub async fn create(
        self: &Arc<Self>,
        plan: EditPlan,
        cancel: &CancellationToken,
    ) -> Result<Committed, CommitError> {
        self.lock_path(&plan.path).await.create(plan, cancel).await
    }
}

/// Whether there is nothing at this path, not even a link that leads nowhere.
pub(super) fn is_free(path: &Path) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    path.symlink_metadata().is_err_and(|it| matches!(it.kind(), NotFound | NotADirectory))
}

impl PathGuard {
    /// The workspace the path belongs to.
    pub fn workspace(&self) -> &Arc<Workspace> {
        &self.workspace
    }

    /// As [`Workspace::create`], of the guarded path.
    pub async fn create(&self, plan: EditPlan, cancel: &CancellationToken) -> Result<Committed, CommitError> {
        debug_assert!(plan.base.is_none(), "a new file is made of nothing");
        let made = match self.workspace.document(&plan.path) {
            None if is_free(&plan.path) => self.workspace.commit_new(&plan, cancel).await,
            _ => Ok(None),
        };
        let made = made.map_err(|it| it.named_from(self.workspace.root()))?;
        made.ok_or(CommitError::Appeared { path: plan.path })
    }

    /// Makes the planned change. The plan must be for the guarded path.
    pub async fn commit(&self, plan: EditPlan, cancel: &CancellationToken) -> Result<Committed, CommitError> {
        self.commit_somewhere(plan, cancel).await.map_err(|it| it.named_from(self.workspace.root()))
    }

    async fn commit_somewhere(
        &self,
        mut plan: EditPlan,
        cancel: &CancellationToken,
    ) -> Result<Committed, CommitError> {
        debug_assert_eq!(resolve::key(&plan.path), self.path, "the guard is for another file");
        if cancel.is_cancelled() {
            return Err(CommitError::Aborted);
        }
        if let Some(base) = plan.base.as_ref().filter(|it| !it.exact) {
            return Err(CommitError::NotText { path: base.path.clone() });
        }
        // Documents are opened and closed at any moment, so each side hands over to the other.
        for _ in 0..HANDOVERS {
            self.workspace.catch_up(&plan.path, cancel).await?;
            let done = match self.workspace.document(&plan.path) {
                Some(_) => self.workspace.commit_buffer(&plan, Purpose::Change, cancel).await?,
                None if plan.base.is_none() && is_free(&plan.path) => {
                    self.workspace.commit_new(&plan, cancel).await?
                }
                None => self.workspace.commit_disk(&plan).await?,
            };
            let Some(done) = done else { continue };
            match self.workspace.document(&plan.path) {
                // Opened while the file was written: the editor has the text from before.
                Some(document) if done.origin == Origin::Disk => {
                    let text = document.rope.to_string();
                    if !done.before.as_deref().is_some_and(|it| form::same(it, &text)) {
                        return Ok(done);
                    }
                    plan.base = Some(Snapshot::of_buffer(plan.path.clone(), text, document.version));
                }
                _ => return Ok(done),
            }
        }
        Err(CommitError::Closed { path: plan.path })
    }
}

impl Drop for PathGuard {
    fn drop(&mut self) {
        self.held = None;
        let mut locks = lock(&self.workspace.shared.locks);
        // Nobody else holds it or waits for it.
        if locks.get(&self.path).is_some_and(|it| Arc::strong_count(it) == 1) {
            locks.remove(&self.path);
        }
    }
}

pub(super) fn diff(from: &str, to: &str) -> String {
    let mut text = TextDiff::from_lines(from, to).unified_diff().context_radius(2).to_string();
    if text.len() > DIFF_LIMIT {
        let end = (0..=DIFF_LIMIT).rev().find(|&it| text.is_char_boundary(it)).unwrap_or(0);
        text.truncate(end);
        text.push_str(DIFF_CUT);
    }
    text
}
