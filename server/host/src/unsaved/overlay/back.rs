//! The way back from a private copy: each difference becomes an edit, made for what was copied.
//!
//! Links and modes cannot be on record, nor what is too large; who reads the result is told which these are.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use super::{
    BOM, Copied, Limits, PrivateCopy,
    differences::{Difference, Kind, There},
    led, link, names,
};
use crate::{
    fs::{Stamp, blocking, read_bounded, write_atomic},
    ledger::{Now, now, watched},
    workspace::{
        EditPlan, MAX_FILE_BYTES, Snapshot,
        journal::{EditCause, EditJournal},
    },
};

/// New texts of one command that are put on record, and the largest of them.
const RECORDED: Limits = Limits { files: 1000, bytes: 32 << 20 };
const RECORDED_FILE: u64 = 8 << 20;

/// What became of one difference.
enum Made {
    /// It is an edit, on record.
    Recorded,
    /// It is made, and cannot be taken back.
    Unrecorded,
    /// There was nothing to do.
    Nothing,
}

pub(super) struct Back<'a> {
    copy: &'a PrivateCopy,
    cause: &'a EditCause,
    cancel: &'a CancellationToken,
    done: Vec<PathBuf>,
    unrecorded: Vec<PathBuf>,
    failed: Vec<String>,
    left: Limits,
    journal: Option<Arc<dyn EditJournal>>,
}

impl<'a> Back<'a> {
    pub fn new(copy: &'a PrivateCopy, cause: &'a EditCause, cancel: &'a CancellationToken) -> Self {
        let (done, unrecorded, failed) = Default::default();
        let journal = copy.workspace.command_journal();
        Self { copy, cause, cancel, done, unrecorded, failed, left: RECORDED, journal }
    }

    /// Makes these changes; says what was and what was not.
    pub async fn all(mut self, differences: &[Difference]) -> Vec<String> {
        for it in differences {
            let made = match There::at(&self.copy.root.join(&it.name)) == it.there {
                true => self.one(it).await,
                false => Err("changed again since".into()),
            };
            self.note(&it.name, made);
        }
        self.done.sort();
        self.unrecorded.sort();
        let root = self.copy.workspace.root();
        let mut notes = Vec::new();
        if !self.done.is_empty() {
            notes.push(format!("[Brought back from the copy: {}]", names(root, &self.done)));
        }
        if !self.unrecorded.is_empty() {
            notes.push(format!(
                "[Not on record, so Pi cannot take it back: {}]",
                names(root, &self.unrecorded)
            ));
        }
        if !self.failed.is_empty() {
            notes.push(format!("[Not brought back, as it would not be safe: {}]", self.failed.join("; ")));
        }
        notes
    }

    fn note(&mut self, name: &Path, made: Result<Made, String>) {
        match made {
            Ok(Made::Nothing) => {}
            Ok(Made::Recorded) => self.done.push(self.real(name)),
            Ok(Made::Unrecorded) => {
                self.done.push(self.real(name));
                self.unrecorded.push(self.real(name));
            }
            Err(why) => {
                // The rest of it is a difference, to be seen by reading the file.
                let why = why.lines().next().unwrap_or_default();
                self.failed.push(format!("{} ({why})", name.display()));
            }
        }
    }

    async fn one(&mut self, it: &Difference) -> Result<Made, String> {
        let name = &it.name;
        match (it.kind, self.copy.files.get(name)) {
            (Kind::File, Some(copied)) => self.file(name, copied, &it.there).await,
            (Kind::File, None) => Ok(Made::Nothing),
            (Kind::Link, _) => Err("a link in the copy".into()),
            (Kind::New, _) => self.new_one(name, &it.there).await,
            (Kind::Folder, _) => {
                // One that still has something in it stays.
                let _stays = fs::remove_dir(self.real(name));
                Ok(Made::Nothing)
            }
        }
    }

    fn real(&self, name: &Path) -> PathBuf {
        self.copy.workspace.root().join(name)
    }

    /// A file that was copied and touched since.
    async fn file(&mut self, name: &Path, copied: &Copied, there: &There) -> Result<Made, String> {
        let (copy, real) = (self.copy.root.join(name), self.real(name));
        match there {
            There::File(_) => {}
            There::Nothing => {
                let base = self.base(&real, copied)?;
                let kept = base.exact || (self.journal.is_some() && matches!(now(&real), Now::Raw(_)));
                let deleted = self.copy.workspace.delete(&base, self.cause.clone()).await;
                let made = if kept { Made::Recorded } else { Made::Unrecorded };
                return deleted.map(|()| made).map_err(|it| it.to_string());
            }
            _ => return Err("it is no regular file any more".into()),
        }
        let mut bytes = read(&copy)?;
        let base = self.base(&real, copied)?;
        if copied.hidden_bom && bytes.starts_with(BOM.as_bytes()) {
            bytes.drain(..BOM.len());
        }
        let mut made = Made::Nothing;
        if Snapshot::of_bytes(real.clone(), bytes.clone()).fingerprint != base.fingerprint {
            made = match String::from_utf8(bytes) {
                Ok(text) if base.exact => {
                    self.commit(real.clone(), Some(base), text).await?;
                    Made::Recorded
                }
                Ok(text) => self.replace(real.clone(), text.into_bytes(), copied).await?,
                Err(error) => self.replace(real.clone(), error.into_bytes(), copied).await?,
            };
        }
        let permissions = fs::metadata(&copy).map_err(|it| it.to_string())?.permissions();
        if permissions != copied.permissions {
            fs::set_permissions(&real, permissions).map_err(|it| it.to_string())?;
            made = Made::Unrecorded;
        }
        Ok(made)
    }

    /// The text that was copied.
    fn base(&self, real: &Path, copied: &Copied) -> Result<Snapshot, String> {
        self.no_chat(real)?;
        if let Some(document) = &copied.document {
            return Ok(document.clone());
        }
        let bytes = read(real)?;
        self.check(real, copied)?;
        Ok(Snapshot::of_bytes(real.to_owned(), bytes))
    }

    fn no_chat(&self, real: &Path) -> Result<(), String> {
        if self.copy.workspace.is_chat(real) { Err("a chat".into()) } else { Ok(()) }
    }

    fn check(&self, real: &Path, copied: &Copied) -> Result<(), String> {
        match Stamp::at(real).ok() == copied.original {
            true => Ok(()),
            false => Err("changed on disk in the meantime".into()),
        }
    }

    /// What is no text goes onto the disk, unless somebody has it open.
    async fn replace(&mut self, real: PathBuf, bytes: Vec<u8>, copied: &Copied) -> Result<Made, String> {
        if self.copy.workspace.document(&real).is_some() {
            return Err("no text, and open in the editor".into());
        }
        self.check(&real, copied)?;
        let path = real.clone();
        self.recorded(real, bytes.len() as u64, move || write_atomic(&path, &bytes)).await
    }

    /// Has a file made or replaced that is no text, on record as far as it fits.
    async fn recorded(
        &mut self,
        real: PathBuf,
        len: u64,
        make: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> Result<Made, String> {
        let room = self.left.files.checked_sub(1).zip(self.left.bytes.checked_sub(len));
        let fits = len <= RECORDED_FILE && room.is_some();
        let journal = self.journal.clone().filter(|_| fits);
        if let Some((files, bytes)) = room.filter(|_| fits) {
            self.left = Limits { files, bytes };
        }
        let cause = self.cause.clone();
        let made = blocking(move || {
            let record = journal.and_then(|journal| {
                let file = watched(&real, None)?;
                Some((journal.begin_command(&cause, &[file])?, journal))
            });
            let made = make();
            let is_recorded = record.is_some();
            if let Some((id, journal)) = record {
                journal.end_command(id, &HashSet::new());
            }
            made.map(|()| if is_recorded { Made::Recorded } else { Made::Unrecorded })
        });
        made.await.map_err(|it| it.to_string())
    }

    async fn commit(&self, path: PathBuf, base: Option<Snapshot>, text: String) -> Result<(), String> {
        let done = self.copy.workspace.commit(self.plan("changed", path, base, text), self.cancel).await;
        done.map(drop).map_err(|it| it.to_string())
    }

    /// A file that the user made in the very same moment is not replaced.
    async fn create(&self, path: PathBuf, text: String) -> Result<(), String> {
        let done = self.copy.workspace.create(self.plan("made", path, None, text), self.cancel).await;
        done.map(drop).map_err(|it| it.to_string())
    }

    fn plan(&self, verb: &str, path: PathBuf, base: Option<Snapshot>, text: String) -> EditPlan {
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let label = format!("pi: command {verb} {name}");
        EditPlan { path, base, text, label, cause: Some(self.cause.clone()) }
    }

    /// Something that was not copied.
    async fn new_one(&mut self, name: &Path, there: &There) -> Result<Made, String> {
        let (copy, real) = (self.copy.root.join(name), self.real(name));
        self.no_chat(&real)?;
        if *there == There::Folder {
            return match real.symlink_metadata() {
                Ok(meta) if meta.is_dir() => Ok(Made::Nothing),
                Ok(_) => Err("there is another one".into()),
                Err(_) => fs::create_dir(&real).map(|()| Made::Nothing).map_err(|it| it.to_string()),
            };
        }
        if self.copy.workspace.exists(&real) || real.is_symlink() {
            return Err("there is another one".into());
        }
        match there {
            There::Link(target) => {
                let target = led(target, &self.copy.root, self.copy.workspace.root());
                link(&target, &real).map(|()| Made::Unrecorded).map_err(|it| it.to_string())
            }
            There::File(_) => {
                let meta = fs::metadata(&copy).map_err(|it| it.to_string())?;
                if let Some(text) = self.text_to_record(&copy, meta.len()) {
                    self.create(real.clone(), text).await?;
                    fs::set_permissions(&real, meta.permissions()).map_err(|it| it.to_string())?;
                    return Ok(Made::Recorded);
                }
                let path = real.clone();
                self.recorded(real, meta.len(), move || copy_new(&copy, &path)).await
            }
            _ => Err("no regular file".into()),
        }
    }

    /// The text of a file, if it is one and there is room for it in the record of a command.
    fn text_to_record(&mut self, copy: &Path, len: u64) -> Option<String> {
        let (files, bytes) = (self.left.files.checked_sub(1)?, self.left.bytes.checked_sub(len)?);
        let text = String::from_utf8(read_bounded(copy, RECORDED_FILE).ok()?).ok()?;
        self.left = Limits { files, bytes };
        Some(text)
    }
}

/// A file that is held in memory.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    read_bounded(path, MAX_FILE_BYTES).map_err(|it| it.to_string())
}

/// Does not replace a file that has come meanwhile, as `fs::copy` would.
pub(super) fn copy_new(from: &Path, to: &Path) -> io::Result<()> {
    let mut old = File::open(from)?;
    let mut new = File::options().write(true).create_new(true).open(to)?;
    io::copy(&mut old, &mut new)?;
    new.set_permissions(old.metadata()?.permissions())
}
