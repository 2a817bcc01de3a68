//! Having the editor save. LSP has no request for it, so only an editor with a plugin can be asked.

use std::{path::PathBuf, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Workspace;

impl Workspace {
    /// Whether the editor can be asked to save.
    pub fn can_save(&self) -> bool {
        self.editor().is_some_and(|it| it.can_save())
    }

    /// Asks the editor to save these open documents and waits, bounded in time, until it says that it has. What counts
    /// is the `didSave` of each, not the answer.
    ///
    /// # Errors
    /// The documents that were not saved, and why.
    pub async fn save_documents(
        &self,
        paths: &[PathBuf],
        cancel: &CancellationToken,
    ) -> Result<(), (Vec<PathBuf>, String)> {
        let watched: Vec<_> = paths
            .iter()
            .filter_map(|path| {
                let progress = self.with_key(path, |documents, key| documents.subscribe(key, path))?;
                let before = progress.borrow().saves;
                Some((path, progress, before))
            })
            .collect();
        let Some(editor) = self.editor().filter(|it| it.can_save()) else {
            return Err((paths.to_vec(), "the editor cannot be asked to save".into()));
        };
        let answer = tokio::select! {
            answer = editor.save(paths) => answer,
            () = cancel.cancelled() => Err("the run was stopped".into()),
        };
        // An editor that has said no is not waited for; what it saved all the same, it has told before.
        let until = Instant::now() + if answer.is_ok() { self.verify_time } else { Duration::ZERO };
        let mut left = Vec::new();
        for (path, mut progress, before) in watched {
            let saved = progress.wait_for(|it| it.saves > before || it.closed);
            if !tokio::time::timeout_at(until, saved).await.is_ok_and(|it| it.is_ok()) {
                left.push(path.clone());
            }
        }
        match (left.is_empty(), answer) {
            (true, _) => Ok(()),
            (false, Ok(())) => Err((left, "the editor did not report it".into())),
            (false, Err(why)) => Err((left, why)),
        }
    }
}
