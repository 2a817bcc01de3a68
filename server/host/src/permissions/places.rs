//! Which files the words of a command mean, given the folders it may be in by then.

use std::path::{Path, PathBuf};

use super::{
    boundary::{Boundary, real},
    shell::{Script, Word},
};

/// Folders a script may change to before nothing is known any more.
const MAX_FOLDERS: usize = 8;

/// The folders in which a command of a script may run.
#[derive(Debug, Clone)]
pub struct Folders(Option<Vec<PathBuf>>);

impl Folders {
    /// Of a script that starts in `cwd`.
    pub fn of(script: &Script, cwd: &Path) -> Self {
        let mut folders = vec![real(cwd)];
        for command in &script.commands {
            match command.base_name() {
                Some("cd") => {}
                Some("pushd" | "popd" | "chroot") => return Self(None),
                _ => continue,
            }
            let target = match command.args() {
                [word] => word.fixed().filter(|it| !it.starts_with('-')),
                _ => None,
            };
            let Some(target) = target else { return Self(None) };
            let more: Vec<_> = folders.iter().map(|it| real(&it.join(target))).collect();
            folders.extend(more);
            folders.sort();
            folders.dedup();
            if folders.len() > MAX_FOLDERS {
                return Self(None);
            }
        }
        Self(Some(folders))
    }

    /// All real paths that a text may mean; `None` if that cannot be known.
    pub fn paths(&self, text: &str) -> Option<Vec<PathBuf>> {
        let path = Path::new(text);
        match &self.0 {
            _ if path.is_absolute() => Some(vec![real(path)]),
            Some(folders) => Some(folders.iter().map(|it| real(&it.join(path))).collect()),
            None => None,
        }
    }

    /// All real paths a word may mean. Of wildcards the folder in which they begin counts.
    pub fn of_word(&self, word: &Word) -> Option<Vec<PathBuf>> {
        self.paths(fixed_start(word)?)
    }
}

/// A word as far as it has no wildcards, cut at a folder.
pub fn fixed_start(word: &Word) -> Option<&str> {
    let value = word.value.as_deref()?;
    if !word.wild {
        return Some(value);
    }
    // Quoted wildcards look the same here and cut too early, which names a folder above: more careful, not less.
    let start = value.find(['*', '?', '[', '{']).map_or(value, |at| &value[..at]);
    // What `..` behind a wildcard means depends on what it stands for.
    if value[start.len()..].contains("..")
        || value[start.len()..].contains(",/")
        || value[start.len()..].contains("{/")
    {
        return None;
    }
    match start.rfind('/') {
        Some(0) => Some("/"),
        Some(at) => Some(&start[..at]),
        None => Some("."),
    }
}

/// Whether all paths that a word may mean can be read unasked.
pub fn may_read(word: &Word, folders: &Folders, boundary: &Boundary) -> bool {
    folders.of_word(word).is_some_and(|it| it.iter().all(|it| boundary.may_read(it)))
}
