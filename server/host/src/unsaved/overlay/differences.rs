//! What is another one in a private copy than what was copied, name by name: files, links, folders, and modes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use super::{LIMITS, PrivateCopy, all, kept};
use crate::fs::{Stamp, blocking};

/// One name that is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Below the root.
    pub(super) name: PathBuf,
    pub(super) kind: Kind,
    /// What was there when it was found.
    pub(super) there: There,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file that was copied.
    File,
    /// A link that was copied or made for the copy.
    Link,
    /// A folder that was copied and is gone.
    Folder,
    /// Something that was not there.
    New,
}

/// What is at a path, so that another thing is told from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum There {
    Nothing,
    Folder,
    Link(PathBuf),
    File(Stamp),
    /// A pipe or the like.
    Other,
}

impl There {
    pub fn at(path: &Path) -> Self {
        match path.symlink_metadata() {
            Err(_) => Self::Nothing,
            Ok(meta) if meta.is_dir() => Self::Folder,
            Ok(meta) if meta.is_file() => Self::File(Stamp::of(&meta)),
            Ok(meta) if meta.is_symlink() => fs::read_link(path).map_or(Self::Other, Self::Link),
            Ok(_) => Self::Other,
        }
    }
}

impl PrivateCopy {
    /// Compares the copy with what was copied. Folders come before what is in them, and those that are gone last.
    ///
    /// # Errors
    /// It cannot be read, or there is too much that is new.
    pub async fn differences(&self) -> io::Result<Vec<Difference>> {
        let root = self.root.clone();
        let files: BTreeMap<_, _> = self.files.iter().map(|(name, it)| (name.clone(), it.copy)).collect();
        let (folders, links) = (self.folders.clone(), self.links.clone());
        blocking(move || find(&root, &files, &folders, &links)).await
    }
}

fn find(
    root: &Path,
    files: &BTreeMap<PathBuf, Stamp>,
    folders: &BTreeSet<PathBuf>,
    links: &BTreeMap<PathBuf, Option<PathBuf>>,
) -> io::Result<Vec<Difference>> {
    let there = |name: &PathBuf| There::at(&root.join(name));
    let mut found = Vec::new();
    let mut add = |name: &PathBuf, kind, there| found.push(Difference { name: name.clone(), kind, there });
    for (name, stamp) in files {
        let there = there(name);
        if there != There::File(*stamp) {
            add(name, Kind::File, there);
        }
    }
    for (name, target) in links {
        let there = there(name);
        if target.as_ref().is_some_and(|it| there != There::Link(it.clone())) {
            add(name, Kind::Link, there);
        }
    }
    for name in new(root, |it| files.contains_key(it) || folders.contains(it) || links.contains_key(it))? {
        let there = there(&name);
        add(&name, Kind::New, there);
    }
    for name in folders.iter().rev() {
        let there = there(name);
        if there != There::Folder {
            add(name, Kind::Folder, there);
        }
    }
    Ok(found)
}

/// What is not `known`, with all that is in new folders, whatever ignore files say of it.
fn new(root: &Path, known: impl Fn(&Path) -> bool) -> io::Result<BTreeSet<PathBuf>> {
    let mut left: Vec<_> = all(root, &kept(root))?.into_iter().filter(|it| !known(it)).collect();
    let mut new = BTreeSet::new();
    while let Some(name) = left.pop() {
        if !new.insert(name.clone()) || There::at(&root.join(&name)) != There::Folder {
            continue;
        }
        if new.len() > LIMITS.files {
            return Err(io::Error::other(format!("more than {} new files", LIMITS.files)));
        }
        for entry in fs::read_dir(root.join(&name))? {
            left.push(name.join(entry?.file_name()));
        }
    }
    Ok(new)
}
