//! What a decision does to a file: another text, another name, there or gone.
//!
//! Nothing of the user's is overwritten: what is not what the decision was made for stays, and the reason is said.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use super::{
    blobs,
    decide::Verb,
    hunks::FileState,
    query,
    raw::{self, Raw},
    review::Review,
    store,
};
use crate::{
    crash::{self, Point},
    form::{self, Form},
    fs, paths,
    workspace::{CommitError, EditPlan, MAX_FILE_BYTES, Origin, PathGuard, Snapshot, rebase_path},
};

/// What a file has become.
pub(super) struct Placed {
    pub text: Option<String>,
    pub buffer: bool,
}

impl Review {
    /// The file as it is; nothing if it is gone, though a window may still show it.
    pub(super) async fn snapshot(self: &Arc<Self>, path: &Path) -> io::Result<Option<Snapshot>> {
        match self.workspace.read(path).await {
            Ok(it) => Ok(Some(it)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the text of the file what it is to be.
    pub(super) async fn put(
        self: &Arc<Self>,
        guard: &PathGuard,
        path: &Path,
        snapshot: Option<Snapshot>,
        before: Option<&str>,
        wanted: &FileState,
        verb: Verb,
    ) -> Result<Placed, String> {
        let buffer = snapshot.as_ref().is_some_and(|it| it.origin != Origin::Disk);
        if before == wanted.text.as_deref() {
            return Ok(Placed { text: wanted.text.clone(), buffer });
        }
        let Some(text) = wanted.text.clone() else {
            self.remove(guard, snapshot).await?;
            return Ok(Placed { text: None, buffer: false });
        };
        if [Some(&*text), before].into_iter().flatten().any(|it| Raw::parse(it).is_some()) {
            self.put_bytes(path, before, &text).await?;
            return Ok(Placed { text: Some(text), buffer: false });
        }
        let verb = match verb {
            Verb::Accept => "keep",
            Verb::Reject => "reject",
            Verb::Revert => "revert",
            Verb::Redo => "redo",
        };
        let base = match (snapshot, self.workspace.document(path)) {
            // A window still shows what it was: there it has to come back on the disk, and what is open follows.
            (None, Some(document)) => {
                self.write_again(path, &text).await?;
                let shown = document.rope.to_string();
                if form::same(&shown, &text) {
                    return Ok(Placed { text: Some(text), buffer: true });
                }
                Some(Snapshot::of_buffer(path.to_owned(), shown, document.version))
            }
            (snapshot, _) => snapshot,
        };
        let text = match &base {
            Some(base) => Form::of(&base.text).give_mark(&text).into_owned(),
            None => text,
        };
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let path = path.to_owned();
        let plan = EditPlan { path, base, text, label: format!("pi: {verb} {name}"), cause: None };
        let done = guard.commit(plan, &CancellationToken::new()).await.map_err(|it| it.to_string())?;
        Ok(Placed { text: Some(done.after), buffer: done.origin != Origin::Disk })
    }

    /// Writes a file that is gone.
    async fn write_again(&self, path: &Path, text: &str) -> Result<(), String> {
        let name = self.name(path);
        let (path, text) = (path.to_owned(), text.to_owned());
        let written = fs::blocking(move || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(io::Error::other)?;
            }
            fs::create_new(&path, text.as_bytes()).map_err(|it| io::Error::other(fs::cause(&it, &path)))
        });
        written.await.map_err(|error| format!("{name} cannot be written: {error}"))
    }

    /// Makes a file another one that is no text, or was none: on the disk, as no editor takes an edit of that kind. One
    /// that shows it sees that it has changed.
    async fn put_bytes(
        self: &Arc<Self>,
        path: &Path,
        before: Option<&str>,
        wanted: &str,
    ) -> Result<(), String> {
        let (review, path, name) = (self.clone(), path.to_owned(), self.name(path));
        let (before, wanted) = (before.map(str::to_owned), wanted.to_owned());
        let put = fs::blocking(move || {
            if review.workspace.is_unsaved(&path) {
                let name = review.name(&path);
                return Ok(Some(format!("{name} has unsaved changes in the editor; save or close it first")));
            }
            let bytes = match Raw::parse(&wanted) {
                None => wanted.into_bytes(),
                Some(raw) => match review.ledger.with(|db| blobs::bytes(db, &raw))? {
                    Some(bytes) => bytes,
                    None => return review.not_kept(&path, Some(&wanted)),
                },
            };
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(io::Error::other)?;
            }
            let named = |error: io::Error| io::Error::other(fs::cause(&error, &path));
            let Some(before) = before else {
                return fs::create_new(&path, &bytes).map(|()| None).map_err(named);
            };
            let is_still_so = || {
                let now = raw::content(fs::read_bounded(&path, MAX_FILE_BYTES)?);
                match form::without_mark(&now) == before {
                    true => Ok(()),
                    false => Err(io::Error::other("it was changed in the meantime")),
                }
            };
            fs::replace(&path, &bytes, is_still_so).map(|()| None).map_err(named)
        });
        match put.await {
            Ok(None) => Ok(()),
            Ok(Some(reason)) => Err(reason),
            Err(error) => Err(format!("{name} cannot be written: {error}")),
        }
    }

    /// Why a file cannot become this again, if it is no text and its bytes were not kept. Blocks.
    pub(super) fn not_kept(&self, path: &Path, wanted: Option<&str>) -> io::Result<Option<String>> {
        let Some(raw) = wanted.and_then(Raw::parse) else { return Ok(None) };
        let kept = self.ledger.with(|db| blobs::is_kept(db, &raw))?;
        Ok((!kept).then(|| {
            let (name, size) = (self.name(path), raw::bytes(raw.len));
            format!("{name} is no text, and what it was ({size}) was not kept")
        }))
    }

    /// What is in a file that is no text.
    pub(super) async fn bytes_on_disk(&self, path: &Path) -> Option<Vec<u8>> {
        let path = path.to_owned();
        fs::blocking(move || fs::read_bounded(&path, MAX_FILE_BYTES)).await.ok()
    }

    /// Removes a file that is still what the decision was made for.
    async fn remove(&self, guard: &PathGuard, snapshot: Option<Snapshot>) -> Result<(), String> {
        let Some(snapshot) = snapshot else { return Ok(()) };
        let name = self.name(&snapshot.path);
        let folder = snapshot.path.parent().map(paths::canonical);
        let removed = guard.delete(&snapshot, None).await.map_err(|error| match error {
            CommitError::Unsaved { .. } => {
                format!("{name} has unsaved changes in the editor; save or close it first")
            }
            CommitError::Conflict { .. } => {
                format!("{name} cannot be removed: it was changed in the meantime")
            }
            CommitError::Io { cause, .. } => format!("{name} cannot be removed: {cause}"),
            other => other.to_string(),
        });
        removed?;
        if let Some(folder) = folder {
            self.remove_empty(&folder);
        }
        Ok(())
    }

    /// Removes a folder of the project that is empty, and those that are empty then.
    fn remove_empty(&self, folder: &Path) {
        let mut folders = folder.ancestors().take_while(|it| *it != self.root && it.starts_with(&self.root));
        // The first one that still has something in it ends this.
        let _kept = folders.find(|it| std::fs::remove_dir(it).is_err());
    }

    /// Keeps who may run a file that was taken back, for when it comes again.
    pub(super) async fn keep_mode(self: &Arc<Self>, path: &Path, mode: Option<u32>) {
        let Some(mode) = mode else { return };
        let (review, key) = (self.clone(), store::path_text(path));
        let kept = fs::blocking(move || review.ledger.with(|db| store::keep_mode(db, &key, mode)));
        if let Err(error) = kept.await {
            tracing::warn!(%error, "the mode of a file could not be kept");
        }
    }

    /// Gives a file that has come again at `place` the mode it had.
    pub(super) async fn restore_mode(self: &Arc<Self>, path: &Path, place: &Path) {
        let (review, key, place) = (self.clone(), store::path_text(path), place.to_owned());
        let restored = fs::blocking(move || {
            let mode = review.ledger.with(|db| store::kept_mode(db, &key))?;
            mode.map_or(Ok(()), |mode| set_mode(&place, mode))
        });
        if let Err(error) = restored.await {
            tracing::warn!(%error, "the mode of a file could not be restored");
        }
    }

    /// Why a file cannot get another name, if that is so. Blocks.
    pub(super) fn obstacle(&self, from: &Path, to: &Path) -> io::Result<Option<String>> {
        if from == to {
            return Ok(None);
        }
        let (name, other) = (self.name(from), self.name(to));
        if self.workspace.is_unsaved(from) {
            return Ok(Some(format!("{name} has unsaved changes in the editor; save or close it first")));
        }
        if to.symlink_metadata().is_ok() || query::open_text(to, &self.workspace).is_some() {
            return Ok(Some(format!("There is another {other} now; {name} keeps its name")));
        }
        let room = self.ledger.with(|db| store::has_room(db, &store::path_text(to)))?;
        Ok((!room).then(|| format!("Pi changed another {other} since; {name} keeps its name")))
    }

    /// Gives a file another name, and removes the folders that are empty then. Both paths are locked by the caller.
    pub(super) async fn move_file(&self, from: &Path, to: &Path) -> Result<(), String> {
        let moved = self.workspace.rename(from, to).await;
        moved.map_err(|error| format!("{} cannot be renamed: {error}", self.name(from)))?;
        crash::at(Point::Moved);
        if let Some(folder) = from.parent() {
            self.remove_empty(folder);
        }
        Ok(())
    }

    /// The user has moved a file or a folder: its hunks go along. Nothing happens if a decision has moved it, or if
    /// it is not so.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub async fn moved(self: &Arc<Self>, from: &Path, to: &Path) -> io::Result<()> {
        if !self.ledger.is_there() {
            return Ok(());
        }
        let (from, to) = (paths::canonical(from), paths::canonical(to));
        let (review, key) = (self.clone(), store::path_text(&from));
        let known = fs::blocking(move || review.ledger.with(|db| store::files_at(db, &key))).await?;
        for old in known.into_iter().map(PathBuf::from) {
            let Some(new) = rebase_path(&old, &from, &to) else { continue };
            // What is under way there ends first.
            let _guard = self.workspace.lock_path(&old).await;
            let review = self.clone();
            fs::blocking(move || {
                let there = new.is_file() || review.workspace.document(&new).is_some();
                if !there || old.symlink_metadata().is_ok() {
                    return Ok(());
                }
                let (from, to) = (store::path_text(&old), store::path_text(&new));
                let moved = review.ledger.with(|db| {
                    let change = store::write(db)?;
                    // Hunks of two files cannot be told apart.
                    let known = store::knows(&change, &from)? && !store::knows(&change, &to)?;
                    if known {
                        store::rename(&change, &from, &to)?;
                    }
                    change.commit()?;
                    Ok(known)
                })?;
                if moved {
                    review.ledger.files_changed(&[old, new]);
                }
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}
