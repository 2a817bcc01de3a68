//! The user moves a file or a folder: what is open of it and what models know of it go along.
//!
//! Most editors close the document and open it again, before or after they tell of the move; some only tell. All of
//! that ends in the same state.

use std::path::{Path, PathBuf};

use super::{Workspace, lock, resolve};

impl Workspace {
    /// The file or folder at `from` is at `to` now. Gives the open documents that went along, old and new path.
    pub fn moved(&self, from: &Path, to: &Path) -> Vec<(PathBuf, PathBuf)> {
        let (from_key, to_key) = (resolve::key(from), resolve::key(to));
        let mut moved = Vec::new();
        let mut state = lock(&self.shared.overlay);
        for (old, new) in rebased(state.documents.keys(), &from_key, &to_key) {
            for (old_path, new_path) in state.documents.rename(&old, &new, |it| rebase(it, from, to)) {
                state.keys.remove(&old_path);
                state.keys.insert(new_path.clone(), new.clone());
                moved.push((old_path, new_path));
            }
        }
        drop(state);
        for files in lock(&self.shared.known).0.values_mut() {
            for (old, new) in rebased(files.keys(), &from_key, &to_key) {
                let Some(mut seen) = files.remove(&old) else { continue };
                seen.path = rebase(&seen.path, from, to).unwrap_or_else(|| new.clone());
                files.entry(new).or_insert(seen);
            }
        }
        moved
    }
}

/// A path at or below `from`, at or below `to` instead.
pub(crate) fn rebase(path: &Path, from: &Path, to: &Path) -> Option<PathBuf> {
    let rest = path.strip_prefix(from).ok()?;
    Some(if rest.as_os_str().is_empty() { to.to_owned() } else { to.join(rest) })
}

fn rebased<'a>(keys: impl Iterator<Item = &'a PathBuf>, from: &Path, to: &Path) -> Vec<(PathBuf, PathBuf)> {
    keys.filter_map(|it| Some((it.clone(), rebase(it, from, to)?))).collect()
}
