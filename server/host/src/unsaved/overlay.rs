//! A private copy of the workspace that has the unsaved text, for one command, and the way back.
//!
//! File by file, as mounting one directory over another needs rights or unsafe code. Folders that the ignore files
//! name, and `.git`, are links to the real ones. Afterwards each difference is an edit like any other, made for
//! what was copied: nothing that the user did meanwhile is overwritten. What there is to bring back is found once
//! ([`differences`]), so that nothing comes back that was not shown before ([`changed`], [`back`]).

mod back;
mod changed;
mod differences;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, Metadata, Permissions},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use self::back::Back;
pub use self::differences::Difference;
use super::names;
use crate::{
    fs::{Stamp, blocking, read_bounded},
    paths,
    tools::search::walker,
    workspace::{MAX_FILE_BYTES, Snapshot, Workspace, journal::EditCause},
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
    /// Links, and where they lead; nothing for the file that names a repository.
    links: BTreeMap<PathBuf, Option<PathBuf>>,
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
            links: BTreeMap::new(),
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
            link_repository(&real, &copy)?;
            self.links.insert(name.to_owned(), fs::read_link(&copy).ok());
            return Ok(());
        }
        if meta.is_dir() && kept {
            fs::create_dir(&copy)?;
            self.folders.insert(name.to_owned());
        } else if meta.is_dir() {
            self.links.insert(name.to_owned(), Some(real.clone()));
            link(&real, &copy)?;
        } else if meta.is_symlink() {
            let target = fs::read_link(&real)?;
            let inside = real.canonicalize().is_ok_and(|it| it.starts_with(paths::canonical(from)));
            let target =
                if inside { target } else { paths::absolute(real.parent().unwrap_or(from), &target) };
            link(&target, &copy)?;
            self.links.insert(name.to_owned(), Some(target));
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
            let (Some((document, standing)), Ok(name)) =
                (self.workspace.look(&path), path.strip_prefix(from))
            else {
                continue;
            };
            if !standing.counts() {
                continue;
            }
            let name = name.to_owned();
            let copy = self.root.join(&name);
            let through_link = name.ancestors().any(|it| self.links.contains_key(it));
            if through_link
                || self.workspace.is_chat(&path)
                || (!self.files.contains_key(&name) && !standing.is_unsaved())
            {
                continue;
            }
            let text = document.rope.to_string();
            let on_disk = read_bounded(&copy, MAX_FILE_BYTES).unwrap_or_default();
            let hidden_bom = on_disk.starts_with(BOM.as_bytes()) && !text.starts_with(BOM);
            if standing.is_unsaved() {
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

    /// Makes these changes of the copy in the workspace; says what was and what was not.
    pub async fn bring_back(
        self,
        differences: &[Difference],
        cause: &EditCause,
        cancel: &CancellationToken,
    ) -> Vec<String> {
        Back::new(&self, cause, cancel).all(differences).await
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

/// Where a link leads when it is no longer in the copy.
fn led(target: &Path, copy: &Path, real: &Path) -> PathBuf {
    target.strip_prefix(copy).map_or_else(|_| target.to_owned(), |rest| real.join(rest))
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
