//! A private copy of the workspace that has the unsaved text, for one command, and the way back.
//!
//! File by file, as mounting one directory over another needs rights or unsafe code. Folders that the ignore files
//! name, and `.git`, are links to the real ones. Afterwards each difference is an edit like any other, made for
//! what was copied: nothing that the user did meanwhile is overwritten.

mod changed;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, Metadata, Permissions},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::names;
use crate::{
    fs::{Stamp, blocking, read_bounded, write_atomic},
    paths,
    tools::search::walker,
    workspace::{EditPlan, MAX_FILE_BYTES, Snapshot, Workspace, journal::EditCause},
};

/// The most that is copied before a command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) files: usize,
    pub(super) bytes: u64,
}

pub(super) const LIMITS: Limits = Limits { files: 20_000, bytes: 512 * 1024 * 1024 };

const BOM: &str = "\u{feff}";

/// The copy, and what it was made of. Removed when dropped.
pub struct PrivateCopy {
    workspace: Arc<Workspace>,
    /// Real path of the copy.
    root: PathBuf,
    /// By path below the root.
    files: BTreeMap<PathBuf, Copied>,
    folders: BTreeSet<PathBuf>,
    links: BTreeSet<PathBuf>,
    unsaved: Vec<PathBuf>,
    _dir: TempDir,
}

struct Copied {
    /// The file it was copied from; nothing if there is only a document.
    original: Option<Stamp>,
    copy: Stamp,
    permissions: Permissions,
    /// The open document that it was.
    document: Option<Snapshot>,
    /// The file has a byte order mark that the document has not.
    hidden_bom: bool,
}

impl PrivateCopy {
    /// Copies the workspace.
    ///
    /// # Errors
    /// Why there is no copy, for the model and the user.
    pub(super) async fn make(workspace: Arc<Workspace>, limits: Limits) -> Result<Self, String> {
        let made = blocking(move || Self::copy(workspace, limits)).await;
        made.map_err(|error| format!("no private copy of the workspace: {error}"))
    }

    fn copy(workspace: Arc<Workspace>, limits: Limits) -> io::Result<Self> {
        let from = workspace.root().to_owned();
        if !from.join(".git").exists() && from.ancestors().any(|it| it.join(".git").exists()) {
            return Err(io::Error::other("it is a folder of a larger repository"));
        }
        let dir = tempfile::Builder::new().prefix("pi-copy-").tempdir()?;
        let root = dir.path().canonicalize()?;
        let mut it = Self {
            workspace,
            root,
            files: BTreeMap::new(),
            folders: BTreeSet::new(),
            links: BTreeSet::new(),
            unsaved: Vec::new(),
            _dir: dir,
        };
        let mut left = limits;
        let kept = kept(&from);
        for entry in all(&from, &kept)? {
            it.copy_entry(&from, &entry, kept.contains(&entry), &mut left)?;
        }
        it.put_documents(&from)?;
        Ok(it)
    }

    fn copy_entry(&mut self, from: &Path, name: &Path, kept: bool, left: &mut Limits) -> io::Result<()> {
        let (real, copy) = (from.join(name), self.root.join(name));
        let meta = real.symlink_metadata()?;
        if name.file_name().is_some_and(|it| it == ".git") {
            self.links.insert(name.to_owned());
            return link_repository(&real, &copy);
        }
        if meta.is_dir() && kept {
            fs::create_dir(&copy)?;
            self.folders.insert(name.to_owned());
        } else if meta.is_dir() {
            self.links.insert(name.to_owned());
            link(&real, &copy)?;
        } else if meta.is_symlink() {
            self.links.insert(name.to_owned());
            let target = fs::read_link(&real)?;
            let inside = real.canonicalize().is_ok_and(|it| it.starts_with(paths::canonical(from)));
            let target =
                if inside { target } else { paths::absolute(real.parent().unwrap_or(from), &target) };
            link(&target, &copy)?;
        } else if meta.is_file() {
            let fits = left.files.checked_sub(1).zip(left.bytes.checked_sub(meta.len()));
            let Some((files, bytes)) = fits else { return Err(io::Error::other("it is too large")) };
            *left = Limits { files, bytes };
            fs::copy(&real, &copy)?;
            self.remember(name, Some(&meta))?;
        }
        Ok(())
    }

    /// Gives the copy the time of its original, so that build tools see nothing new.
    fn remember(&mut self, name: &Path, original: Option<&Metadata>) -> io::Result<()> {
        let copy = self.root.join(name);
        if let Some(modified) = original.and_then(|it| it.modified().ok()) {
            // A file that may not be written keeps its new time.
            let _ = File::options().write(true).open(&copy).and_then(|it| it.set_modified(modified));
        }
        let meta = fs::metadata(&copy)?;
        let copied = Copied {
            original: original.map(Stamp::of),
            copy: Stamp::of(&meta),
            permissions: meta.permissions(),
            document: None,
            hidden_bom: false,
        };
        self.files.insert(name.to_owned(), copied);
        Ok(())
    }

    fn put_documents(&mut self, from: &Path) -> io::Result<()> {
        for path in self.workspace.open_under(from) {
            let (Some(document), Ok(name)) = (self.workspace.document(&path), path.strip_prefix(from)) else {
                continue;
            };
            let name = name.to_owned();
            let copy = self.root.join(&name);
            let through_link = name.ancestors().any(|it| self.links.contains(it));
            if through_link
                || self.workspace.is_chat(&path)
                || (!self.files.contains_key(&name) && !document.dirty)
            {
                continue;
            }
            let text = document.rope.to_string();
            let on_disk = read_bounded(&copy, MAX_FILE_BYTES).unwrap_or_default();
            let hidden_bom = on_disk.starts_with(BOM.as_bytes()) && !text.starts_with(BOM);
            if document.dirty {
                if let Some(folder) = name.parent() {
                    fs::create_dir_all(self.root.join(folder))?;
                    self.folders
                        .extend(folder.ancestors().filter(|it| *it != Path::new("")).map(Path::to_owned));
                }
                fs::write(&copy, format!("{}{text}", if hidden_bom { BOM } else { "" }))?;
                let original = self.files.remove(&name).and_then(|it| it.original);
                self.remember(&name, None)?;
                if let Some(it) = self.files.get_mut(&name) {
                    it.original = original;
                }
                self.unsaved.push(path.clone());
            }
            if let Some(it) = self.files.get_mut(&name) {
                it.document = Some(Snapshot::of_buffer(path, text, document.version));
                it.hidden_bom = hidden_bom;
            }
        }
        Ok(())
    }

    /// Real path of the copy.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The place in the copy of a folder of the workspace.
    pub fn folder(&self, real: &Path) -> PathBuf {
        real.strip_prefix(self.workspace.root()).map_or_else(|_| self.root.clone(), |it| self.root.join(it))
    }

    /// The documents whose unsaved text is in it.
    pub fn unsaved(&self) -> &[PathBuf] {
        &self.unsaved
    }

    /// A command that names the workspace by its path, for the copy.
    pub fn into_copy(&self, command: &str) -> String {
        swap(command, self.workspace.root(), &self.root)
    }

    /// Output of a command in the copy, with the real paths.
    pub fn out_of_copy(&self, output: &str) -> String {
        swap(output, &self.root, self.workspace.root())
    }

    /// Makes the changes of the copy in the workspace; says what was and what was not.
    pub async fn bring_back(self, cause: &EditCause, cancel: &CancellationToken) -> Vec<String> {
        let mut back = Back { copy: &self, cause, cancel, done: Vec::new(), failed: Vec::new() };
        if let Err(error) = back.all().await {
            back.failed.push(format!("the rest ({error})"));
        }
        let Back { mut done, failed, .. } = back;
        done.sort();
        let mut notes = Vec::new();
        if !done.is_empty() {
            notes.push(format!("[Brought back from the copy: {}]", names(self.workspace.root(), &done)));
        }
        if !failed.is_empty() {
            notes.push(format!("[Not brought back, as it would not be safe: {}]", failed.join("; ")));
        }
        notes
    }
}

struct Back<'a> {
    copy: &'a PrivateCopy,
    cause: &'a EditCause,
    cancel: &'a CancellationToken,
    done: Vec<PathBuf>,
    failed: Vec<String>,
}

impl Back<'_> {
    async fn all(&mut self) -> io::Result<()> {
        let root = self.copy.root.clone();
        let copied: Vec<_> = self.copy.files.iter().map(|(name, it)| (name.clone(), it.copy)).collect();
        let (kept, now, touched) = blocking(move || {
            let kept = kept(&root);
            let now = all(&root, &kept)?;
            let touched =
                copied.into_iter().filter(|(name, then)| Stamp::at(&root.join(name)).ok() != Some(*then));
            let touched: BTreeSet<_> = touched.map(|(name, _)| name).collect();
            Ok((kept, now, touched))
        })
        .await?;
        for (name, copied) in self.copy.files.iter().filter(|(name, _)| touched.contains(*name)) {
            let result = self.known(name, copied).await;
            self.note(name, result);
        }
        for name in self.copy.links.iter().filter(|it| !self.copy.root.join(it).is_symlink()) {
            if name.file_name().is_none_or(|it| it != ".git") {
                self.failed.push(format!("{} (a link in the copy)", name.display()));
            }
        }
        for name in now {
            if !self.is_known(&name) {
                let result = self.made(&name, kept.contains(&name)).await;
                self.note(&name, result);
            }
        }
        for name in self.copy.folders.iter().rev().filter(|it| !self.copy.root.join(it).exists()) {
            // One that still has something in it stays.
            let _ = fs::remove_dir(self.real(name));
        }
        Ok(())
    }

    fn note(&mut self, name: &Path, result: Result<bool, String>) {
        match result {
            Ok(true) => self.done.push(self.real(name)),
            Ok(false) => {}
            Err(why) => {
                // The rest of it is a difference, to be seen by reading the file.
                let why = why.lines().next().unwrap_or_default();
                self.failed.push(format!("{} ({why})", name.display()));
            }
        }
    }

    fn is_known(&self, name: &Path) -> bool {
        let it = self.copy;
        it.files.contains_key(name) || it.folders.contains(name) || it.links.contains(name)
    }

    fn real(&self, name: &Path) -> PathBuf {
        self.copy.workspace.root().join(name)
    }

    /// A file that was copied and touched since. True if it is another one now.
    async fn known(&self, name: &Path, copied: &Copied) -> Result<bool, String> {
        let (copy, real) = (self.copy.root.join(name), self.real(name));
        let meta = match copy.symlink_metadata() {
            Ok(meta) if meta.is_file() => meta,
            Ok(_) => return Err("it is no regular file any more".into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let base = self.base(&real, copied)?;
                let deleted = self.copy.workspace.delete(&base, self.cause.clone()).await;
                return deleted.map(|()| true).map_err(|it| it.to_string());
            }
            Err(error) => return Err(error.to_string()),
        };
        let mut bytes = fs::read(&copy).map_err(|it| it.to_string())?;
        let base = self.base(&real, copied)?;
        if copied.hidden_bom && bytes.starts_with(BOM.as_bytes()) {
            bytes.drain(..BOM.len());
        }
        let changed = Snapshot::of_bytes(real.clone(), bytes.clone()).fingerprint != base.fingerprint;
        if changed {
            match String::from_utf8(bytes) {
                Ok(text) if base.exact => self.commit(real.clone(), Some(base), text).await?,
                Ok(text) => self.replace(&real, text.as_bytes(), copied)?,
                Err(error) => self.replace(&real, error.as_bytes(), copied)?,
            }
        }
        let mode = meta.permissions() != copied.permissions;
        if mode {
            fs::set_permissions(&real, meta.permissions()).map_err(|it| it.to_string())?;
        }
        Ok(changed || mode)
    }

    /// The text that was copied.
    fn base(&self, real: &Path, copied: &Copied) -> Result<Snapshot, String> {
        self.no_chat(real)?;
        if let Some(document) = &copied.document {
            return Ok(document.clone());
        }
        let bytes = fs::read(real).map_err(|it| it.to_string())?;
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
    fn replace(&self, real: &Path, bytes: &[u8], copied: &Copied) -> Result<(), String> {
        if self.copy.workspace.document(real).is_some() {
            return Err("no text, and open in the editor".into());
        }
        self.check(real, copied)?;
        write_atomic(real, bytes).map_err(|it| it.to_string())
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
    async fn made(&self, name: &Path, kept: bool) -> Result<bool, String> {
        let (copy, real) = (self.copy.root.join(name), self.real(name));
        let meta = copy.symlink_metadata().map_err(|it| it.to_string())?;
        if meta.is_dir() && kept {
            return fs::create_dir_all(&real).map(|()| false).map_err(|it| it.to_string());
        }
        self.no_chat(&real)?;
        if self.copy.workspace.exists(&real) || real.is_symlink() {
            return Err("there is another one".into());
        }
        if meta.is_file() && kept {
            let bytes = fs::read(&copy).map_err(|it| it.to_string())?;
            if let Ok(text) = String::from_utf8(bytes) {
                self.create(real.clone(), text).await?;
                fs::set_permissions(&real, meta.permissions()).map_err(|it| it.to_string())?;
                return Ok(true);
            }
        }
        blocking(move || copy_tree(&copy, &real)).await.map(|()| true).map_err(|it| it.to_string())
    }
}

/// What the ignore files let through, relative.
fn kept(root: &Path) -> BTreeSet<PathBuf> {
    let walk = walker(root).require_git(false).build().filter_map(Result::ok);
    let relative = walk.filter_map(|it| it.path().strip_prefix(root).ok().map(Path::to_owned));
    relative.filter(|it| *it != Path::new("")).collect()
}

/// What is kept, and what is directly in a kept folder without being kept itself. Folders come first.
fn all(root: &Path, kept: &BTreeSet<PathBuf>) -> io::Result<BTreeSet<PathBuf>> {
    let mut all = kept.clone();
    for folder in std::iter::once(Path::new("")).chain(kept.iter().map(PathBuf::as_path)) {
        if root.join(folder).symlink_metadata()?.is_dir() {
            for entry in fs::read_dir(root.join(folder))? {
                all.insert(folder.join(entry?.file_name()));
            }
        }
    }
    Ok(all)
}

/// A file there names the repository, perhaps by a relative path.
fn link_repository(real: &Path, copy: &Path) -> io::Result<()> {
    let text = fs::read_to_string(real).unwrap_or_default();
    match text.strip_prefix("gitdir:") {
        Some(path) => {
            let path = paths::absolute(real.parent().unwrap_or(real), Path::new(path.trim()));
            fs::write(copy, format!("gitdir: {}\n", path.display()))
        }
        None => link(real, copy),
    }
}

#[cfg(unix)]
fn link(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::Error::other("links need a Unix system"))
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    let meta = from.symlink_metadata()?;
    if meta.is_symlink() {
        return link(&fs::read_link(from)?, to);
    }
    if meta.is_file() {
        // `fs::copy` would replace a file that has come meanwhile.
        let mut new = File::options().write(true).create_new(true).open(to)?;
        io::copy(&mut File::open(from)?, &mut new)?;
        return new.set_permissions(meta.permissions());
    }
    if meta.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            copy_tree(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

/// Replaces a path in a text where it stands alone or begins a longer one.
fn swap(text: &str, from: &Path, to: &Path) -> String {
    let (from, to) = (from.to_string_lossy(), to.to_string_lossy());
    let of_name = |it: char| it.is_alphanumeric() || "_-.".contains(it);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(&*from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        let alone = !before.ends_with(|it| of_name(it) || it == '/')
            && !after.starts_with(|it: char| of_name(it) && it != '.');
        out += before;
        out += if alone { &to } else { &from };
        rest = after;
    }
    out + rest
}

#[cfg(test)]
#[cfg(unix)]
#[path = "overlay_tests.rs"]
mod tests;
