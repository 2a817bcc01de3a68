//! What a command changed in its private copy, as a difference to read.

use std::{fs, io, path::PathBuf};

use super::{BOM, PrivateCopy, all, kept};
use crate::{
    fs::{Stamp, blocking, read_bounded},
    tools::diff,
    workspace::MAX_FILE_BYTES,
};

/// Longest text of it, in bytes.
const MAX_BYTES: usize = 50 * 1024;

/// What is another one in the copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// The files of the workspace it would be.
    pub paths: Vec<PathBuf>,
    /// The texts as a unified diff; others are named.
    pub diff: String,
}

impl PrivateCopy {
    /// Compares the copy with what was copied.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn changed(&self) -> io::Result<Changed> {
        let (copy, real) = (self.root.clone(), self.workspace.root().to_owned());
        let files: Vec<_> = self
            .files
            .iter()
            .map(|(name, it)| {
                (name.clone(), it.copy, it.hidden_bom, it.document.as_ref().map(|it| it.text.clone()))
            })
            .collect();
        let folders = self.folders.clone();
        let links = self.links.clone();
        blocking(move || {
            let mut changed = Changed::default();
            let text = |bytes: io::Result<Vec<u8>>| match bytes {
                Ok(bytes) => Ok(Some(String::from_utf8(bytes).map_err(drop)?)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(_) => Err(()),
            };
            let mut add =
                |name: &PathBuf, before: Result<Option<String>, ()>, after: Result<Option<String>, ()>| {
                    let shown = name.display().to_string();
                    let part = match (before, after) {
                        (Ok(before), Ok(after)) if before == after => return,
                        (Ok(before), Ok(after)) => diff::file_patch(
                            before.as_ref().map(|_| shown.as_str()),
                            after.as_ref().map(|_| shown.as_str()),
                            before.as_deref().unwrap_or_default(),
                            after.as_deref().unwrap_or_default(),
                        ),
                        _ => format!("{shown} is another one, and no text\n"),
                    };
                    changed.paths.push(real.join(name));
                    changed.diff.push_str(&part);
                };
            for (name, stamp, hidden_bom, document) in &files {
                if Stamp::at(&copy.join(name)).ok() == Some(*stamp) {
                    continue;
                }
                let before = match document {
                    Some(text) => Ok(Some(text.clone())),
                    None => text(read_bounded(&real.join(name), MAX_FILE_BYTES)),
                };
                let after = text(read_bounded(&copy.join(name), MAX_FILE_BYTES)).map(|it| {
                    it.map(|it| match it.strip_prefix(BOM) {
                        Some(rest) if *hidden_bom => rest.to_owned(),
                        _ => it,
                    })
                });
                add(name, before, after);
            }
            let kept = kept(&copy);
            for name in all(&copy, &kept)? {
                let known =
                    folders.contains(&name) || links.contains(&name) || files.iter().any(|it| it.0 == name);
                let is_file = fs::symlink_metadata(copy.join(&name)).is_ok_and(|it| it.is_file());
                if !known && is_file && kept.contains(&name) {
                    add(&name, Ok(None), text(read_bounded(&copy.join(&name), MAX_FILE_BYTES)));
                }
            }
            if changed.diff.len() > MAX_BYTES {
                let end =
                    (0..=MAX_BYTES).rev().find(|it| changed.diff.is_char_boundary(*it)).unwrap_or_default();
                changed.diff.truncate(end);
                changed.diff.push_str("\n[diff cut here]\n");
            }
            Ok(changed)
        })
        .await
    }
}
