//! Commits to a file that nobody has open: recorded, compared with what the edit was made for, written in one step.

use std::{io, path::Path, sync::Arc};

use super::{
    CommitError, Committed, EditPlan, MAX_FILE_BYTES, Origin, Snapshot, Workspace,
    commit::{diff, is_free},
    journal::{EditIntent, EditKind, Record},
};
use crate::fs;

impl Workspace {
    /// Writes the planned text. Nothing if a document was opened there meanwhile, or the
    /// file to be replaced has gone.
    pub(super) async fn commit_disk(
        self: &Arc<Self>,
        plan: &EditPlan,
    ) -> Result<Option<Committed>, CommitError> {
        let (workspace, work) = (self.clone(), plan.clone());
        match fs::blocking(move || Ok(workspace.write_disk(work))).await {
            Ok(done) => done,
            Err(error) => Err(CommitError::Io { path: plan.path.clone(), error }),
        }
    }

    fn write_disk(&self, plan: EditPlan) -> Result<Option<Committed>, CommitError> {
        let EditPlan { path, base, text, cause, .. } = plan;
        let io = |error| CommitError::Io { path: path.clone(), error };
        let now = match fs::read_bounded(&path, MAX_FILE_BYTES) {
            Ok(bytes) => Some(Snapshot::of_bytes(path.clone(), bytes)),
            Err(error) if base.is_some() => return Err(io(error)),
            // It has gone since: a new one is made.
            Err(_) if is_free(&path) => return Ok(None),
            // Whether it can be replaced is said by writing it.
            Err(_) => None,
        };
        if let (Some(base), Some(now)) = (&base, &now) {
            if now.text != base.text || !now.exact {
                return Err(CommitError::Conflict { diff: diff(&base.text, &now.text), path });
            }
        }
        let before = now.filter(|it| it.exact).map(|it| it.text);
        let intent = EditIntent {
            cause,
            path: path.clone(),
            kind: EditKind::Change,
            before: before.as_deref().map(Arc::from),
            after: Some(text.as_str().into()),
            buffer: false,
        };
        let record = Record::begin(self.journal(&path), &intent)
            .map_err(|error| CommitError::Journal { path: path.clone(), error })?;
        if self.document(&path).is_some() {
            record.abandon("the document was opened");
            return Ok(None);
        }
        match write(&path, &text, base.is_none()) {
            Ok(()) => {
                self.with_key(&path, |documents, key| documents.wrote(key, &text));
                record.complete(before.as_deref(), Some(&text));
            }
            Err(error) => {
                record.abandon(&error.to_string());
                return Err(error);
            }
        }
        Ok(Some(Committed { path, before, after: text, origin: Origin::Disk, rebased: false }))
    }
}

fn write(path: &Path, text: &str, with_folders: bool) -> Result<(), CommitError> {
    if let Some(folder) = path.parent().filter(|_| with_folders) {
        fs::create_dir_all(folder).map_err(CommitError::Folder)?;
    }
    let io = |error: io::Error| CommitError::Io { path: path.to_owned(), error };
    fs::write_atomic(path, text.as_bytes()).map_err(io)
}
