//! Files that come and go: through the editor if it takes such requests, so that its other servers are told, and on
//! the disk otherwise.
//!
//! What editors make of such a request differs: Neovim lists the new file and makes none, Helix and VS Code make an
//! empty one, and two of them empty a file that is there unless told not to. So the bare file is asked for, never in
//! the place of another one, and whatever the answer is, overlay and disk are looked at afterwards and the disk gets
//! what is missing. The text is written here: an editor would keep it in an unsaved buffer, and no command would see
//! it. What the user types while an editor closes a document to delete its file is written back.

use std::{io, path::Path, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{
    CommitError, Committed, EditPlan, MAX_FILE_BYTES, Origin, PathGuard, Snapshot, Workspace,
    commit::{diff, is_free},
    disk::make_folder,
    editor::FileOperation,
    journal::{EditCause, EditIntent, EditKind, Record},
    late::Asked,
    resolve,
};
use crate::{
    crash::{self, Point},
    form::{self, Form},
    fs,
};

impl Workspace {
    /// Makes the file of a plan without a base, where nothing was when it was looked at. Nothing if a document was
    /// opened there meanwhile: the editor counts then.
    pub(super) async fn commit_new(
        self: &Arc<Self>,
        plan: &EditPlan,
        cancel: &CancellationToken,
    ) -> Result<Option<Committed>, CommitError> {
        let intent = EditIntent {
            cause: plan.cause.clone(),
            path: plan.path.clone(),
            kind: EditKind::Create,
            before: None,
            after: Some(plan.text.as_str().into()),
            buffer: false,
        };
        let record = self.begin(intent).await?;
        let target = plan.path.clone();
        let folder = in_background(&plan.path, move || make_folder(&target)).await;
        let asked = match (&folder, self.document(&plan.path)) {
            (Ok(()), None) => self.ask(FileOperation::Create(plan.path.clone()), cancel).await,
            _ => Asked::No,
        };
        let was_asked = !matches!(asked, Asked::No);
        let aborted = cancel.is_cancelled();
        let (workspace, plan) = (self.clone(), plan.clone());
        let path = plan.path.clone();
        let made = in_background(&plan.path.clone(), move || {
            let made = match workspace.document(&plan.path) {
                Some(_) => Ok(None),
                None if aborted => Err(CommitError::Aborted),
                None => folder.and_then(|()| make(&plan, was_asked)).map(Some),
            };
            match &made {
                Ok(Some(_)) => record.complete(None, Some(&plan.text)),
                Ok(None) => record.abandon("the document was opened"),
                Err(error) => record.abandon(&error.to_string()),
            }
            if let Ok(Some(done)) = &made {
                workspace.with_key(&plan.path, |documents, key| documents.is_back(key, &done.after));
            }
            made
        })
        .await;
        if let (Asked::Late(answer), Ok(Some(_)) | Err(CommitError::Aborted)) = (asked, &made) {
            let text = made.as_ref().ok().and_then(|it| it.as_ref()).map(|it| it.after.as_str());
            self.expect_late(&path, text, answer);
        }
        if matches!(made, Ok(Some(_))) {
            // A window may still have shown an older file of that name.
            self.show_written(&path, cancel).await;
        }
        made
    }

    /// Deletes a file that is still what was read and has nothing unsaved. Recorded like every edit.
    pub async fn delete(self: &Arc<Self>, base: &Snapshot, cause: EditCause) -> Result<(), CommitError> {
        self.lock_path(&base.path).await.delete(base, Some(cause)).await
    }

    /// Gives a file another name; its document, which has nothing unsaved, goes along if the editor does it. Never takes
    /// the place of another file. The caller holds both paths.
    ///
    /// # Errors
    /// Why it is not at the new place, and then is at the old one.
    pub async fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (folder, target) = (to.parent().map(Path::to_owned).unwrap_or_default(), to.to_owned());
        fs::blocking(move || match is_free(&target) {
            true => fs::create_dir_all(&folder).map_err(io::Error::other),
            false => Err(io::ErrorKind::AlreadyExists.into()),
        })
        .await?;
        let operation = FileOperation::Rename { from: from.to_owned(), to: to.to_owned() };
        self.ask(operation, &CancellationToken::new()).await;
        let (old, new) = (from.to_owned(), to.to_owned());
        fs::blocking(move || match is_free(&old) && !is_free(&new) {
            true => Ok(()),
            false => fs::rename_new(&old, &new),
        })
        .await?;
        self.is_now(from, None);
        // What a window still shows is no document.
        self.look_async(from).await;
        Ok(())
    }

    async fn begin(&self, intent: EditIntent) -> Result<Record, CommitError> {
        let (journal, path) = (self.journal(&intent.path), intent.path.clone());
        if journal.is_none() {
            return Ok(Record::none());
        }
        fs::blocking(move || Record::begin(journal, &intent))
            .await
            .map_err(|error| CommitError::Journal { path, error })
    }

    /// Asks the editor, if the files are of the project and it takes such requests. What it has done is seen elsewhere.
    async fn ask(&self, operation: FileOperation, cancel: &CancellationToken) -> Asked {
        let ours = operation
            .paths()
            .iter()
            .all(|it| resolve::key(it).starts_with(resolve::key(&self.root)) && !self.is_chat(it));
        let Some(editor) = self.editor().filter(|it| ours && it.takes(&operation)) else { return Asked::No };
        crash::at(Point::Sending);
        let asked = operation.clone();
        let mut answer = tokio::spawn(async move { editor.operate(asked).await });
        tokio::select! {
            answer = tokio::time::timeout(self.verify_time * 5 / 2, &mut answer) => {
                crash::at(Point::Answered);
                match answer {
                    Ok(Ok(answer)) => {
                        if let Some(reason) = answer.reason() {
                            tracing::debug!(?operation, %reason, "the editor did not do it");
                        }
                        return Asked::Answered;
                    }
                    Ok(Err(error)) => tracing::warn!(%error, "a file operation"),
                    Err(_) => tracing::debug!(?operation, "the editor does not answer in time"),
                }
            }
            () = cancel.cancelled() => {}
        }
        match answer.is_finished() {
            true => Asked::Answered,
            false => Asked::Late(answer),
        }
    }

    /// The file, if it is still what was read and nobody has typed in it.
    fn unchanged(&self, base: &Snapshot) -> Result<Snapshot, CommitError> {
        let path = &base.path;
        if self.is_unsaved(path) {
            return Err(CommitError::Unsaved { path: path.clone() });
        }
        let bytes = fs::read_bounded(path, MAX_FILE_BYTES).map_err(|error| CommitError::io(path, error))?;
        let now = Snapshot::of_bytes(path.clone(), bytes);
        let same = match base.origin {
            Origin::Disk => now.fingerprint == base.fingerprint,
            Origin::Buffer { .. } => {
                // What is no text is what its editor made of it.
                let shows =
                    || self.document(path).is_some_and(|it| form::same(&it.rope.to_string(), &base.text));
                form::same(&now.text, &base.text) || (!now.exact && shows())
            }
        };
        if !same {
            return Err(CommitError::Conflict { path: path.clone(), diff: diff(&base.text, &now.text) });
        }
        Ok(now)
    }
}

impl PathGuard {
    /// Deletes the guarded file if it is still what was read and has nothing unsaved; recorded if there is a cause.
    pub async fn delete(&self, base: &Snapshot, cause: Option<EditCause>) -> Result<(), CommitError> {
        let (workspace, path) = (self.workspace().clone(), base.path.clone());
        let looked = (workspace.clone(), base.clone());
        let now = in_background(&path, move || looked.0.unchanged(&looked.1)).await?;
        let before = now.exact.then(|| Arc::<str>::from(now.text.as_str()));
        let intent = EditIntent {
            cause,
            path: path.clone(),
            kind: EditKind::Delete,
            before: before.clone(),
            after: None,
            buffer: false,
        };
        let record = workspace.begin(intent).await?;
        let document = workspace.document(&path).filter(|_| !now.exact);
        let shown = document.map_or_else(|| now.text.clone(), |it| it.rope.to_string());
        let leaving = Leaving::of(&workspace, &path);
        // The last look before an editor may throw the text away.
        if workspace.document(&path).is_none_or(|it| !it.dirty || form::same(&it.rope.to_string(), &shown)) {
            workspace.ask(FileOperation::Delete(path.clone()), &CancellationToken::new()).await;
        }
        let typed = leaving.typed(&shown);
        in_background(&path, move || {
            let done = match typed {
                Some(text) => Err(put_back(&now, &text)),
                None => workspace.remove(&now),
            };
            match &done {
                Ok(()) => record.complete(before.as_deref(), None),
                Err(error) => record.abandon(&error.to_string()),
            }
            done
        })
        .await
    }
}

impl Workspace {
    /// Removes a file, if nobody else has; it must still be this one.
    fn remove(&self, base: &Snapshot) -> Result<(), CommitError> {
        let path = &base.path;
        if path.symlink_metadata().is_ok() {
            self.unchanged(base)?;
            std::fs::remove_file(path).map_err(|error| CommitError::io(path, error))?;
            crash::at(Point::Removed);
        }
        self.is_now(path, None);
        self.with_key(path, |documents, key| documents.is_gone(key, &base.text));
        Ok(())
    }
}

/// Writes what the user typed into a document that its editor has thrown away.
fn put_back(base: &Snapshot, text: &str) -> CommitError {
    let path = base.path.clone();
    let text = Form::of(&base.text).give(text);
    let written = match fs::create_new(&path, text.as_bytes()) {
        // Not deleted after all. Another text than before is what the user has saved.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::has_text(&path, &base.text) {
            true => fs::write_atomic(&path, text.as_bytes()),
            false => Ok(()),
        },
        written => written,
    };
    match written {
        Ok(()) => CommitError::Unsaved { path },
        Err(error) => CommitError::io(&path, error),
    }
}

/// A file that is about to be deleted: the last text of its document is kept in case the editor closes it.
struct Leaving<'a> {
    workspace: &'a Workspace,
    path: &'a Path,
}

impl<'a> Leaving<'a> {
    fn of(workspace: &'a Workspace, path: &'a Path) -> Self {
        workspace.with_key(path, |documents, key| documents.leaves(key));
        Self { workspace, path }
    }

    /// What the user made of this text before the document was closed.
    fn typed(self, text: &str) -> Option<String> {
        let last = self.workspace.with_key(self.path, |documents, key| documents.has_left(key))?;
        let last = last.rope.to_string();
        (!form::same(&last, text)).then_some(last)
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.workspace.with_key(self.path, |documents, key| documents.has_left(key));
    }
}

/// Makes the file; in the place of an empty one only if an editor was `asked` to make it.
fn make(plan: &EditPlan, asked: bool) -> Result<Committed, CommitError> {
    let path = &plan.path;
    let is_empty = || asked && path.symlink_metadata().is_ok_and(|it| it.is_file() && it.len() == 0);
    match fs::create_new(path, plan.text.as_bytes()) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if !is_empty() {
                return Err(CommitError::Appeared { path: path.clone() });
            }
            fs::write_atomic(path, plan.text.as_bytes()).map_err(|error| CommitError::io(path, error))?;
        }
        Err(error) => {
            if is_empty() {
                // The error says what is wrong.
                let _gone = std::fs::remove_file(path);
            }
            return Err(CommitError::io(path, error));
        }
    }
    let (path, after) = (path.clone(), plan.text.clone());
    Ok(Committed { path, before: None, after, origin: Origin::Disk, rebased: false })
}

async fn in_background<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, CommitError> + Send + 'static,
) -> Result<T, CommitError> {
    let done = fs::blocking(move || Ok(work())).await;
    done.unwrap_or_else(|error| Err(CommitError::io(path, error)))
}
