//! Writing into a file whose place no new one can take: hard links, another owner, a folder that takes no new files.
//!
//! Not one step, so what was there is remembered and written back when something fails in the middle.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{
    full::{Step, put},
    is_shared,
};
use crate::crash::{self, Point};

/// A file has half of the old text and half of the new one.
#[derive(Debug, thiserror::Error)]
#[error("it could be written only in part ({error}), and what was there could not be put back ({back}); {}", where_kept(.kept))]
struct Half {
    error: io::Error,
    back: io::Error,
    /// Where the text is that it had.
    kept: io::Result<PathBuf>,
}

fn where_kept(kept: &io::Result<PathBuf>) -> String {
    match kept {
        Ok(path) => format!("it is kept in {}", path.display()),
        Err(error) => format!("nor be kept elsewhere ({error})"),
    }
}

/// Whether the file this error is about has half of the old text and half of the new one.
pub fn leaves_half(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|it| it.is::<Half>())
}

/// Writes into the open file at `path`. What was in it stays if that fails, or the error says where it is.
pub(super) fn write(path: &Path, mut file: File, content: &[u8]) -> io::Result<()> {
    let meta = file.metadata()?;
    if !meta.is_file() {
        file.write_all(content)?;
        return file.flush();
    }
    let old = meta.len();
    let (head, tail) = content.split_at(content.len().min(usize::try_from(old).unwrap_or(usize::MAX)));
    let before = match read(path, head.len()) {
        Ok(before) => Some(before),
        // It may be written and not read: there is no way back.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
        Err(error) => return Err(error),
    };
    // What needs more room comes first: a full disk is noticed before a byte of the old content is gone.
    file.seek(SeekFrom::Start(old))?;
    if let Err(error) = put(&mut file, path, Step::Tail, tail) {
        file.set_len(old)?;
        return Err(error);
    }
    crash::at(Point::Extended);
    let written = overwrite(&mut file, path, Step::Head, head).and_then(|()| {
        crash::at(Point::Overwritten);
        file.set_len(content.len() as u64)
    });
    match (written, before) {
        (Ok(()), _) => file.flush(),
        (Err(error), None) => Err(error),
        (Err(error), Some(before)) => {
            let back = file.set_len(old).and_then(|()| overwrite(&mut file, path, Step::Back, &before));
            Err(match back {
                Ok(()) => error,
                Err(back) => io::Error::other(Half { error, back, kept: keep(path, &before) }),
            })
        }
    }
}

fn overwrite(file: &mut File, path: &Path, step: Step, content: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    put(file, path, step, content)?;
    file.flush()
}

/// The first bytes of a file.
fn read(path: &Path, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(len);
    File::open(path)?.take(len as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Keeps what a file began with, and what it still has behind that, among the temporary files.
fn keep(path: &Path, before: &[u8]) -> io::Result<PathBuf> {
    let mut rest = File::open(path)?;
    rest.seek(SeekFrom::Start(before.len() as u64))?;
    let mut kept = tempfile::Builder::new().prefix("pi-kept-").tempfile()?;
    kept.write_all(before)?;
    io::copy(&mut rest, &mut kept)?;
    kept.flush()?;
    kept.keep().map(|it| it.1).map_err(|it| it.error)
}

/// Whether a file is one that is written in place, and a process was killed while it made `after` of `before` in it.
pub fn is_half_written(path: &Path, before: &[u8], after: &[u8]) -> bool {
    let Ok(meta) = fs::metadata(path) else { return false };
    if !is_shared(&meta) || meta.len() > before.len().max(after.len()) as u64 {
        return false;
    }
    fs::read(path).is_ok_and(|now| is_half_way(before, after, &now))
}

/// Whether [`write`] passes this content: its end comes first, then the rest from the front.
fn is_half_way(before: &[u8], after: &[u8], now: &[u8]) -> bool {
    if now == before || now == after || now.len() < before.len() {
        return false;
    }
    let shared = before.len().min(after.len());
    let (head, tail) = now.split_at(before.len());
    let written = head.iter().zip(&after[..shared]).take_while(|(now, after)| now == after).count();
    let started = after.len() <= before.len() || now.len() == after.len();
    let written = if started { written } else { 0 };
    head[written..] == before[written..] && after[shared..].starts_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::{full, write_atomic};

    #[test]
    fn what_cannot_be_put_back_is_kept_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        for text in ["ONE TWO THREE", "ONE TW"] {
            fs::write(&file, "one two").unwrap();
            fs::hard_link(&file, dir.path().join("twin"))
                .or_else(|it| match it.kind() {
                    io::ErrorKind::AlreadyExists => Ok(()),
                    _ => Err(it),
                })
                .unwrap();
            let _full = full::at(&file, &[(Step::Head, 3), (Step::Back, 0)]);
            let error = write_atomic(&file, text.as_bytes()).unwrap_err();
            assert!(leaves_half(&error), "{error}");
            let said = error.to_string();
            let kept = said.split_once("kept in ").unwrap().1;
            assert_eq!(fs::read_to_string(kept).unwrap(), "one two", "{said}");
            fs::remove_file(kept).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), "ONE two");
        }
    }

    #[test]
    fn a_write_in_place_that_was_cut_off_is_recognised() {
        let cases: &[(&str, &str, &[&str], &[&str])] = &[
            (
                "one two",
                "ONE TWO!!",
                &["one two!", "one two!!", "ONe two!!", "ONE TWO!!!"],
                &["ONe two", "one two?"],
            ),
            ("one two", "ONE", &["One two", "ONE two"], &["ONE tw", "oNe two"]),
            ("one", "ONE", &["One", "ONe"], &["OnE", "onE", "", "ONE "]),
        ];
        for (before, after, half, other) in cases {
            let is = |now: &str| is_half_way(before.as_bytes(), after.as_bytes(), now.as_bytes());
            assert!(
                half.iter().filter(|it| it.len() <= before.len().max(after.len())).all(|it| is(it)),
                "{half:?}"
            );
            assert!(!other.iter().any(|it| is(it)) && !is(before) && !is(after), "{other:?}");
        }
    }
}
