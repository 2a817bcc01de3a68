//! Why a file could not be written, in words for people.

use std::{fs, io, path::Path};

/// Why the file at this path could not be written or removed; to be put behind a colon, without a full stop. Blocks.
pub fn cause(error: &io::Error, path: &Path) -> String {
    use io::ErrorKind::*;
    let is_read_only = |path: &Path| fs::metadata(path).is_ok_and(|it| it.permissions().readonly());
    let folder = path.parent().unwrap_or(Path::new("/"));
    let is_missing = folder.symlink_metadata().is_err();
    let words = match error.kind() {
        PermissionDenied if is_read_only(path) => "read-only",
        PermissionDenied if is_read_only(folder) => "its folder is read-only",
        PermissionDenied if is_missing => "its folder cannot be made, permission denied",
        PermissionDenied => "permission denied",
        ReadOnlyFilesystem => "the file system is read-only",
        NotFound if path.is_symlink() => "it is a link that leads nowhere",
        NotFound if is_missing => "its folder is not there any more",
        NotFound => "it is not there any more",
        IsADirectory => "there is a folder of that name",
        AlreadyExists => "there is another one of that name",
        NotADirectory => "a folder in its path is a file",
        StorageFull => "no space left on device. Nothing was changed; make room, then try again",
        QuotaExceeded => "disk quota exceeded. Nothing was changed; make room, then try again",
        // Else the words say what the limit is.
        FileTooLarge if error.get_ref().is_none() => "larger than a file may be here. Nothing was changed",
        ResourceBusy | ExecutableFileBusy => "another program uses it",
        InvalidFilename => "the name is too long",
        _ if is_loop(error) => "it is a link that leads to itself",
        _ => return error.to_string(),
    };
    words.to_owned()
}

#[cfg(unix)]
fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_loop(_: &io::Error) -> bool {
    false
}
