//! Writing, where a test can have the disk be full after so many bytes.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The file that is to take the place of another.
    Beside,
    /// What is longer than before, of a file that is written in place.
    Tail,
    /// The rest of it.
    Head,
    /// What was in it, because the rest did not go.
    Back,
}

/// Writes all of it for the file at `path`.
pub(super) fn put(file: &mut File, path: &Path, step: Step, bytes: &[u8]) -> io::Result<()> {
    #[cfg(test)]
    if let Some(room) = faults::room(path, step).filter(|it| *it < bytes.len()) {
        file.write_all(&bytes[..room])?;
        return Err(io::ErrorKind::StorageFull.into());
    }
    #[cfg(not(test))]
    let _ = (path, step);
    file.write_all(bytes)
}

#[cfg(test)]
pub(crate) use self::faults::at;

#[cfg(test)]
mod faults {
    use std::{
        path::{Path, PathBuf},
        sync::Mutex,
    };

    use super::Step;

    static FULL: Mutex<Vec<(PathBuf, Step, usize)>> = Mutex::new(Vec::new());

    /// The disk has room again when it is dropped.
    pub(crate) struct Full(PathBuf);

    /// Until then the disk has room for so many bytes at these steps for this file.
    pub(crate) fn at(path: &Path, steps: &[(Step, usize)]) -> Full {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        FULL.lock().unwrap().extend(steps.iter().map(|(step, room)| (path.clone(), *step, *room)));
        Full(path)
    }

    pub(super) fn room(path: &Path, step: Step) -> Option<usize> {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        FULL.lock().unwrap().iter().find(|it| it.0 == path && it.1 == step).map(|it| it.2)
    }

    impl Drop for Full {
        fn drop(&mut self) {
            FULL.lock().unwrap().retain(|it| it.0 != self.0);
        }
    }
}
