//! Having the editor take over what a file has become while nobody typed in its document.
//!
//! A plugin is asked to reload it; other editors are given a moment, as some do it by themselves. Where it still shows
//! the older text then, the buffer is changed like by any edit, so that it can be undone. Nothing of this is recorded:
//! whoever changed the file has done that.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{CommitError, Document, EditPlan, Snapshot, Standing, Workspace, buffer::Purpose};
use crate::fs;

/// An editor that is not asked may reload a file by itself for this part of the time in which it reports an edit.
const MOMENT: u32 = 4;
/// For so long what is new in a file may be a save of the editor itself, of which it has not told yet. Brought into the
/// buffer, what the user typed would be there twice.
const LAG: Duration = Duration::from_secs(15);

/// How open documents stood to their files.
pub struct Before(HashMap<PathBuf, Standing>);

/// Documents whose editor shows another text than their file, which has changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// They have unsaved text.
    pub typed: Vec<PathBuf>,
    /// They have unsaved text, and their files have gone.
    pub gone: Vec<PathBuf>,
    /// The editor did not take the file over; with its words.
    pub refused: Vec<(PathBuf, String)>,
}

impl Workspace {
    /// To be called before something that may change files.
    pub async fn before_change(self: &Arc<Self>) -> Before {
        Before(self.all_standings().await.into_iter().map(|(it, standing)| (it.path, standing)).collect())
    }

    /// To be called when it has changed them: editors show what the files have become, as far as nobody has typed.
    pub async fn after_change(self: &Arc<Self>, before: Before, cancel: &CancellationToken) -> Left {
        let mut left = Left::default();
        let (mut behind, mut older) = (Vec::new(), Vec::new());
        for (Document { path, .. }, standing) in self.all_standings().await {
            let is_new = before.0.get(&path) != Some(&standing);
            match standing {
                // An editor that was up to date then does not lag by a whole command.
                Standing::Behind(_) if matches!(before.0.get(&path), None | Some(Standing::Behind(_))) => {
                    older.push(path);
                }
                Standing::Behind(_) => behind.push(path),
                Standing::Apart(Some(_)) if is_new => left.typed.push(path),
                Standing::Apart(None) if is_new => left.gone.push(path),
                _ => {}
            }
        }
        let left_behind = self.reload(behind, Duration::ZERO, cancel).await;
        older.retain(|it| since_written(it) >= LAG);
        let left_older = self.reload(older, Duration::ZERO, cancel).await;
        for path in left_behind.into_iter().chain(left_older) {
            let _guard = self.lock_path(&path).await;
            if let Err(error) = self.bring(&path, cancel).await {
                left.refused.push((path, error.reason()));
            }
        }
        left
    }

    /// The editor shows what the file has become, if nobody has typed. The caller holds the path.
    pub(super) async fn catch_up(
        self: &Arc<Self>,
        path: &Path,
        cancel: &CancellationToken,
    ) -> Result<(), CommitError> {
        if !self.is_behind(path).await {
            return Ok(());
        }
        let lag = LAG.saturating_sub(since_written(path));
        if self.reload(vec![path.to_owned()], lag, cancel).await.is_empty() {
            return Ok(());
        }
        match self.bring(path, cancel).await {
            Err(CommitError::Aborted) => Err(CommitError::Aborted),
            Err(error) => Err(CommitError::Behind { path: path.to_owned(), reason: error.reason() }),
            Ok(()) => Ok(()),
        }
    }

    /// The editor shows what we have just written, if it has a document of it in which nobody has typed. The caller holds
    /// the path.
    pub(super) async fn show_written(self: &Arc<Self>, path: &Path, cancel: &CancellationToken) {
        if !self.is_behind(path).await
            || self.reload(vec![path.to_owned()], Duration::ZERO, cancel).await.is_empty()
        {
            return;
        }
        if let Err(error) = self.bring(path, cancel).await {
            tracing::debug!(%error, "the editor goes on showing an older file");
        }
    }

    async fn all_standings(self: &Arc<Self>) -> Vec<(Document, Standing)> {
        let workspace = self.clone();
        fs::blocking(move || Ok(workspace.look_around())).await.unwrap_or_default()
    }

    async fn is_behind(&self, path: &Path) -> bool {
        matches!(self.look_async(path).await, Some((_, Standing::Behind(_))))
    }

    /// Asks the editor to reload files, or gives it a moment to do so by itself, and in any case `at_least` this time;
    /// those that it still does not show.
    async fn reload(
        &self,
        paths: Vec<PathBuf>,
        at_least: Duration,
        cancel: &CancellationToken,
    ) -> Vec<PathBuf> {
        let Some(editor) = self.editor().filter(|_| !paths.is_empty()) else { return paths };
        let mut time = self.verify_time / MOMENT;
        if editor.can_reload() {
            match editor.reload(&paths).await {
                Ok(()) => time = self.verify_time,
                Err(error) => tracing::debug!(%error, "the editor did not reload"),
            }
        }
        let until = Instant::now() + time.max(at_least);
        let mut left = Vec::new();
        for path in paths {
            while self.is_behind(&path).await {
                // An editor may also close the document and open it again.
                let opened = self.shared.opened.notified();
                let mut watch = self.watch(&path);
                if !self.is_behind(&path).await {
                    break;
                }
                let changed = async {
                    match &mut watch {
                        Some(watch) => drop(watch.changed().await),
                        None => opened.await,
                    }
                };
                let changed = tokio::select! {
                    changed = tokio::time::timeout_at(until, changed) => changed.is_ok(),
                    () = cancel.cancelled() => false,
                };
                if !changed {
                    left.push(path);
                    break;
                }
            }
        }
        left
    }

    /// Changes the buffer to what the file has become, unless somebody has typed meanwhile. The caller holds the path.
    async fn bring(self: &Arc<Self>, path: &Path, cancel: &CancellationToken) -> Result<(), CommitError> {
        let Some((document, Standing::Behind(file))) = self.look_async(path).await else { return Ok(()) };
        let shown = document.rope.to_string();
        let mut text = file.to_string();
        if !shown.starts_with('\u{feff}') {
            // Editors hide it.
            text = text.trim_start_matches('\u{feff}').to_owned();
        }
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let plan = EditPlan {
            path: path.to_owned(),
            base: Some(Snapshot::of_buffer(path.to_owned(), shown, document.version)),
            text,
            label: format!("pi: reload {name}"),
            cause: None,
        };
        self.commit_buffer(&plan, Purpose::Reload, cancel).await.map(drop)
    }
}

fn since_written(path: &Path) -> Duration {
    let written = path.metadata().and_then(|it| it.modified());
    written.ok().and_then(|it| SystemTime::now().duration_since(it).ok()).unwrap_or_default()
}
