//! An editor that makes a file so late that it was made without it.
//!
//! Some look whether the file is there and make an empty one some time after that: what we have written meanwhile is
//! gone then, and nobody has typed anything. So the file is looked at again when the late answer comes.

use std::{io, path::Path, sync::Arc};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Workspace, editor::EditorAnswer, lock, resolve};
use crate::fs;

/// What became of a request for a file operation.
pub(super) enum Asked {
    /// There is nobody to ask.
    No,
    /// The editor has answered.
    Answered,
    /// It has not, and may still do it.
    Late(JoinHandle<EditorAnswer>),
}

impl Workspace {
    /// The editor may still make an empty file here, where the file is to have this text, or none is to be.
    pub(super) fn expect_late(
        self: &Arc<Self>,
        path: &Path,
        wanted: Option<&str>,
        answer: JoinHandle<EditorAnswer>,
    ) {
        lock(&self.shared.late).insert(resolve::key(path), wanted.map(Arc::from));
        let (workspace, path) = (self.clone(), path.to_owned());
        tokio::spawn(async move {
            // Whatever it says, the file tells.
            let _answer = answer.await;
            workspace.look_late(&path).await;
        });
    }

    /// We have given the file another text since, or removed it.
    pub(super) fn is_now(&self, path: &Path, text: Option<&str>) {
        if let Some(wanted) = lock(&self.shared.late).get_mut(&resolve::key(path)) {
            *wanted = text.map(Arc::from);
        }
    }

    async fn look_late(self: &Arc<Self>, path: &Path) {
        let _guard = self.lock_path(path).await;
        let Some(wanted) = lock(&self.shared.late).remove(&resolve::key(path)) else { return };
        let (workspace, file) = (self.clone(), path.to_owned());
        let put = fs::blocking(move || workspace.put_late(&file, wanted.as_deref()));
        match put.await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                return tracing::warn!(%error, path = %path.display(), "an editor has emptied a file");
            }
        }
        self.show_written(path, &CancellationToken::new()).await;
        if let Some(journal) = self.journal(path) {
            let path = path.to_owned();
            let told = fs::blocking(move || {
                journal.looked_again(&path);
                Ok(())
            });
            if let Err(error) = told.await {
                tracing::warn!(%error, "a file that was looked at again is not told of");
            }
        }
    }

    /// Makes the file what it is to be if it is empty and nobody has seen to that; whether it was so.
    fn put_late(&self, path: &Path, wanted: Option<&str>) -> io::Result<bool> {
        let is_empty = || path.symlink_metadata().is_ok_and(|it| it.is_file() && it.len() == 0);
        let is_users = || self.is_unsaved(path) || self.saves(path).is_some_and(|it| it > 0);
        if !is_empty() || is_users() {
            return Ok(false);
        }
        match wanted {
            Some("") => return Ok(false),
            Some(text) => fs::replace(path, text.as_bytes(), || match is_empty() {
                true => Ok(()),
                false => Err(io::Error::other("it was changed in the meantime")),
            })?,
            // Somebody has opened it as it is.
            None if self.document(path).is_some() => return Ok(false),
            None => std::fs::remove_file(path)?,
        }
        Ok(true)
    }
}
