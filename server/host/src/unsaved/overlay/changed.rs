//! What a command changed in its private copy, as a difference to read.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    BOM, Copied, PrivateCopy,
    differences::{Difference, Kind, There},
    led,
};
use crate::{
    fs::{blocking, read_bounded},
    tools::diff,
};

/// Longest text of it, in bytes.
const MAX_BYTES: usize = 50 * 1024;
/// Of larger files only the size is shown.
const MAX_FILE: u64 = 1024 * 1024;

/// What is another one in the copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// The files of the workspace it would be.
    pub paths: Vec<PathBuf>,
    /// The texts as a unified diff; others are named.
    pub diff: String,
}

/// What is compared with what.
struct Pair {
    difference: Difference,
    document: Option<String>,
    hidden_bom: bool,
    /// The mode that was copied.
    mode: Option<u32>,
}

impl PrivateCopy {
    /// Shows these differences.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn changed(&self, differences: &[Difference]) -> io::Result<Changed> {
        let (copy, real) = (self.root.clone(), self.workspace.root().to_owned());
        let pair = |it: &Difference| {
            let copied = self.files.get(&it.name);
            let document = copied.and_then(|it| it.document.as_ref()).map(|it| it.text.clone());
            let hidden_bom = copied.is_some_and(|it| it.hidden_bom);
            Pair { difference: it.clone(), document, hidden_bom, mode: copied.and_then(Copied::mode) }
        };
        let pairs: Vec<_> = differences.iter().map(pair).collect();
        blocking(move || {
            let mut changed = Changed::default();
            for it in &pairs {
                let shown = it.shown(&copy, &real);
                // What cannot come back is nothing to be asked for, and folders are those of their files.
                if !shown.is_empty() {
                    changed.paths.push(real.join(&it.difference.name));
                    changed.diff.push_str(&shown);
                }
            }
            if changed.diff.len() > MAX_BYTES {
                let end = (0..=MAX_BYTES).rev().find(|it| changed.diff.is_char_boundary(*it)).unwrap_or(0);
                changed.diff.truncate(end);
                changed.diff.push_str("\n[diff cut here]\n");
            }
            Ok(changed)
        })
        .await
    }
}

impl Pair {
    fn shown(&self, copy: &Path, real: &Path) -> String {
        let Difference { name, kind, there } = &self.difference;
        let (shown, root, copy) = (name.display(), copy, copy.join(name));
        match (kind, there) {
            (Kind::Link, _) | (Kind::New, There::Nothing | There::Other) => String::new(),
            (Kind::Folder, _) => format!("{shown} is no folder any more, if nothing else is in it\n"),
            (Kind::New, There::Folder) => format!("{shown} is a new folder\n"),
            (Kind::New, There::Link(target)) => {
                format!("{shown} is a new link to {}\n", led(target, root, real).display())
            }
            (Kind::New, There::File(_)) => {
                let mode = mode(&copy).filter(|it| it & 0o111 != 0);
                self.text(Ok(None), &copy) + &mode.map_or_else(String::new, |it| mode_line(name, None, it))
            }
            (Kind::File, There::File(_)) => {
                let now = mode(&copy).filter(|it| Some(*it) != self.mode);
                self.text(self.before(real), &copy)
                    + &now.map_or_else(String::new, |it| mode_line(name, self.mode, it))
            }
            (Kind::File, There::Nothing) => self.text(self.before(real), &copy),
            (Kind::File, _) => String::new(),
        }
    }

    fn before(&self, real: &Path) -> Result<Option<String>, String> {
        match &self.document {
            Some(text) => Ok(Some(text.clone())),
            None => text(&real.join(&self.difference.name)),
        }
    }

    /// The difference to the text in the copy.
    fn text(&self, before: Result<Option<String>, String>, copy: &Path) -> String {
        let name = self.difference.name.display().to_string();
        let after = text(copy).map(|it| {
            it.map(|it| match it.strip_prefix(BOM) {
                Some(rest) if self.hidden_bom => rest.to_owned(),
                _ => it,
            })
        });
        match (before, after) {
            (Ok(before), Ok(after)) if before == after && before.is_some() => String::new(),
            (Ok(before), Ok(after)) => {
                let side = |it: &Option<String>| it.as_ref().map(|_| name.clone());
                diff::file_patch(
                    side(&before).as_deref(),
                    side(&after).as_deref(),
                    before.as_deref().unwrap_or_default(),
                    after.as_deref().unwrap_or_default(),
                )
            }
            (_, Err(why)) => format!("{name} is another one, {why}\n"),
            (Err(why), Ok(after)) => {
                let what = if after.is_some() { "becomes a text" } else { "goes" };
                format!("{name} {what}; it was {why}\n")
            }
        }
    }
}

/// The text of a file; nothing if it is not there. Otherwise what it is instead.
fn text(path: &Path) -> Result<Option<String>, String> {
    match read_bounded(path, MAX_FILE) {
        Ok(bytes) => {
            let size = bytes.len();
            String::from_utf8(bytes).map(Some).map_err(|_| format!("no text, {size} bytes"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            let size = fs::metadata(path).map_or(0, |it| it.len());
            Err(format!("too large to be shown, {size} bytes"))
        }
        Err(error) => Err(error.to_string()),
    }
}

fn mode_line(name: &Path, before: Option<u32>, now: u32) -> String {
    let before = before.map_or_else(String::new, |it| format!(" {it:03o} →"));
    format!("{}: mode{before} {now:03o}\n", name.display())
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().ok().map(|it| it.permissions().mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}

impl Copied {
    #[cfg(unix)]
    fn mode(&self) -> Option<u32> {
        use std::os::unix::fs::PermissionsExt;
        Some(self.permissions.mode() & 0o7777)
    }

    #[cfg(not(unix))]
    fn mode(&self) -> Option<u32> {
        None
    }
}
