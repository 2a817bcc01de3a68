//! Commits to a file that nobody has open: compared with what the edit was made for, recorded, compared again, and
//! written in one step.
//!
//! No system call replaces a file only if it is still the one that was read. So the last comparison is made when the
//! new text lies beside it and only the rename is left: what another program saves in these microseconds is lost, and
//! so is what it writes later into a file that it opened before.

use std::{io, path::Path, sync::Arc};

use super::{
    CommitError, Committed, EditPlan, MAX_FILE_BYTES, Origin, Snapshot, Workspace,
    commit::{diff, is_free},
    journal::{EditIntent, EditKind, Record},
};
use crate::{form::Form, fs};

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
            Err(error) => Err(CommitError::io(&plan.path, error)),
        }
    }

    fn write_disk(&self, plan: EditPlan) -> Result<Option<Committed>, CommitError> {
        let EditPlan { path, base, mut text, cause, .. } = plan;
        let io = |error| CommitError::io(&path, error);
        let now = match fs::read_bounded(&path, MAX_FILE_BYTES) {
            Ok(bytes) => Some(Snapshot::of_bytes(path.clone(), bytes)),
            Err(error) if base.is_some() => return Err(io(error)),
            // It has gone since: a new one is made.
            Err(_) if is_free(&path) => return Ok(None),
            // Whether it can be replaced is said by writing it.
            Err(_) => None,
        };
        if let (Some(base), Some(now)) = (&base, &now) {
            // Read in an editor that has closed it since.
            let form = Form::of(&now.text);
            if form.give(&base.text) != now.text || !now.exact {
                return Err(CommitError::Conflict { diff: diff(&base.text, &now.text), path });
            }
            if now.text != base.text {
                text = form.give(&text).into_owned();
            }
        }
        let then = now.as_ref().map(|it| it.fingerprint);
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
        // Another program may have written it while the record was made.
        let mut other = None;
        let may = || match then.map(|then| has_become(&path, then)).transpose()?.flatten() {
            None => Ok(()),
            Some(it) => {
                other = Some(it);
                Err(io::Error::other("it was changed in the meantime"))
            }
        };
        let written = write(&path, &text, base.is_none(), may).map_err(|error| match other {
            None => error,
            Some(other) => {
                let known = base.as_ref().map(|it| it.text.as_str()).or(before.as_deref());
                CommitError::Conflict {
                    diff: diff(known.unwrap_or_default(), &other.text),
                    path: path.clone(),
                }
            }
        });
        match written {
            Ok(()) => {
                self.with_key(&path, |documents, key| documents.wrote(key, &text));
                self.is_now(&path, Some(&text));
                record.complete(before.as_deref(), Some(&text));
            }
            Err(error) => {
                match &error {
                    // What it was to be is on record, and what it was.
                    CommitError::Io { error, .. } if fs::leaves_half(error) => record.leave(),
                    error => record.abandon(&error.to_string()),
                }
                return Err(error);
            }
        }
        Ok(Some(Committed { path, before, after: text, origin: Origin::Disk, rebased: false }))
    }
}

/// What is in a file that does not have this fingerprint any more. One that goes on changing while it is read is
/// looked at again.
fn has_become(path: &Path, fingerprint: u64) -> io::Result<Option<Snapshot>> {
    let mut now = fs::Stamp::at(path)?;
    loop {
        let read = Snapshot::of_bytes(path.to_owned(), fs::read_bounded(path, MAX_FILE_BYTES)?);
        if read.fingerprint != fingerprint {
            return Ok(Some(read));
        }
        let before = std::mem::replace(&mut now, fs::Stamp::at(path)?);
        if before == now {
            return Ok(None);
        }
    }
}

/// Makes the folders a file is to be in.
pub(super) fn make_folder(path: &Path) -> Result<(), CommitError> {
    let Some(folder) = path.parent() else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            CommitError::Folder(fs::create_dir_all(folder).err().unwrap_or_else(|| error.to_string()))
        }
        _ => CommitError::io(path, error),
    })
}

fn write(
    path: &Path,
    text: &str,
    with_folders: bool,
    may: impl FnOnce() -> io::Result<()>,
) -> Result<(), CommitError> {
    if with_folders {
        make_folder(path)?;
    }
    let io = |error: io::Error| CommitError::io(path, error);
    fs::replace(path, text.as_bytes(), may).map_err(io)
}
