//! The disk: bounded reads, atomic writes, and error texts in the words Pi's users know.
//!
//! Synchronous; async callers go through [`blocking`]. Nothing here knows of open documents: tools use
//! [`Workspace`](crate::workspace::Workspace), which does.

mod cause;
pub(crate) mod full;
mod in_place;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use self::full::{Step, put};
pub use self::{
    cause::cause,
    in_place::{is_half_written, leaves_half},
};
use crate::{
    crash::{self, Point},
    form, process,
};

/// How the files begin and end that become others; the process that makes one is in between.
const BESIDE: &str = ".pi-";
const BESIDE_END: &str = ".tmp";

/// Runs file work off the async threads. A panic inside comes back as an error.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// Another one after every write to a file, and after another file has taken its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    changed: (i64, i64),
    file: (u64, u64),
}

impl Stamp {
    /// Of a file with this description.
    pub fn of(meta: &fs::Metadata) -> Self {
        #[cfg(unix)]
        let (changed, file) = {
            use std::os::unix::fs::MetadataExt;
            ((meta.ctime(), meta.ctime_nsec()), (meta.dev(), meta.ino()))
        };
        #[cfg(not(unix))]
        let (changed, file) = ((0, 0), (0, 0));
        Self { len: meta.len(), modified: meta.modified().ok(), changed, file }
    }

    /// Whether the file was last written so long before this time. Of a later write, the time would be another one.
    pub fn is_older_than(&self, now: SystemTime, age: Duration) -> bool {
        self.modified.and_then(|it| now.duration_since(it).ok()).is_some_and(|it| it >= age)
    }

    /// To be kept on record.
    pub fn to_text(self) -> Option<String> {
        let time = self.modified?.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_nanos();
        let Self { len, changed, file, .. } = self;
        Some(format!("{len}:{time}:{}.{}:{}.{}", changed.0, changed.1, file.0, file.1))
    }

    /// Of the file at this path.
    pub fn at(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|it| Self::of(&it))
    }
}

/// Opens a regular file for reading. Folders are `IsADirectory`; pipes and devices are refused, since reading
/// them may never end.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let meta = fs::metadata(path)?;
    if meta.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    File::open(path)
}

/// The whole content of a regular file of at most `limit` bytes; `FileTooLarge` beyond.
pub fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    let size = file.metadata()?.len();
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {limit} bytes"));
    if size > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // It may grow while we read.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes) }
}

/// Whether the file has this text; what editors hide, a byte order mark and other line ends, does not count.
pub fn has_text(path: &Path, text: &str) -> bool {
    let hidden = form::MARK.len_utf8() + text.matches('\n').count();
    match read_bounded(path, (text.len() + hidden) as u64) {
        Ok(bytes) => {
            bytes == text.as_bytes() || String::from_utf8(bytes).is_ok_and(|it| form::same(&it, text))
        }
        Err(_) => false,
    }
}

/// Replaces the content of a file in one step, so that no reader sees half of it. Follows symbolic links and
/// keeps the mode. Written in place where a new file could not take over the old one's place unnoticed: hard
/// links, another owner, a folder that takes no new files, things that are no regular files.
pub fn write_atomic(path: &Path, content: &[u8]) -> io::Result<()> {
    replace(path, content, || Ok(()))
}

/// As [`write_atomic`], if `may` allows it, which is asked when everything is ready: what it sees can only become
/// another in the moment until the next system call.
pub fn replace(path: &Path, content: &[u8], may: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let target = follow(path)?;
    let old = match fs::metadata(&target) {
        Ok(meta) if meta.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(meta) => {
            // A rename would succeed on a read-only file.
            let open = OpenOptions::new().write(true).open(&target)?;
            if !meta.is_file() || is_shared(&meta) {
                may()?;
                return in_place::write(&target, open, content);
            }
            Some((meta, open))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let folder = target.parent().unwrap_or(Path::new("."));
    let mut temp = match new_temp(folder) {
        Ok(temp) => temp,
        Err(error) => match old {
            Some((_, open)) if error.kind() == io::ErrorKind::PermissionDenied => {
                may()?;
                return in_place::write(&target, open, content);
            }
            _ => return Err(error),
        },
    };
    if let Some((meta, open)) = old {
        if !same_owner(&meta, temp.as_file()) {
            may()?;
            return in_place::write(&target, open, content);
        }
        temp.as_file().set_permissions(meta.permissions())?;
    }
    crash::at(Point::BesideMade);
    put(temp.as_file_mut(), &target, Step::Beside, content)?;
    temp.flush()?;
    crash::at(Point::BesideWritten);
    may()?;
    temp.persist(&target).map_err(|it| it.error)?;
    crash::at(Point::Replaced);
    Ok(())
}

/// Makes a file that is not there yet, in one step. `AlreadyExists` if something is, a dangling link included: it is
/// never replaced, however late it came.
pub fn create_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut temp = new_temp(path.parent().unwrap_or(Path::new(".")))?;
    crash::at(Point::BesideMade);
    put(temp.as_file_mut(), path, Step::Beside, content)?;
    temp.flush()?;
    crash::at(Point::BesideWritten);
    match temp.persist_noclobber(path) {
        Ok(_) => {
            crash::at(Point::Replaced);
            Ok(())
        }
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Err(failed.error),
        // A file system that has neither hard links nor a rename that replaces nothing.
        Err(_) => {
            let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
            file.write_all(content).and_then(|()| file.flush()).inspect_err(|_| {
                // Half of it is worse than nothing; if it stays, the error says that something is wrong.
                let _gone = fs::remove_file(path);
            })
        }
    }
}

/// Removes what processes that were killed in [`write_atomic`] have left in a folder.
pub fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|it| {
            let (maker, _) = it.strip_prefix(BESIDE)?.strip_suffix(BESIDE_END)?.split_once('-')?;
            maker.parse().ok()
        });
        if maker.is_some_and(|it| !process::is_alive(it)) {
            if let Err(error) = fs::remove_file(entry.path()) {
                tracing::debug!(%error, path = %entry.path().display(), "a leftover stays");
            }
        }
    }
}

/// Gives a file a name that nothing has yet. `AlreadyExists` if something has.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::{
            fs::{CWD, RenameFlags, renameat_with},
            io::Errno,
        };
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // The file system cannot.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            done => return done.map_err(io::Error::from),
        }
    }
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {
            Err(error)
        }
        // A file system without links, or another one.
        Err(_) if to.symlink_metadata().is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

fn new_temp(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let prefix = format!("{BESIDE}{}-", std::process::id());
    builder.prefix(&prefix).suffix(BESIDE_END);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The mode of any new file; the umask applies.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// The file a chain of links ends at, which need not exist.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(next) => path = path.parent().unwrap_or(Path::new("/")).join(next),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a link that leads to itself"))
}

#[cfg(unix)]
fn is_shared(meta: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    meta.nlink() > 1
}

#[cfg(not(unix))]
fn is_shared(_: &fs::Metadata) -> bool {
    false
}

#[cfg(unix)]
fn same_owner(meta: &fs::Metadata, other: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    other.metadata().is_ok_and(|it| it.uid() == meta.uid() && it.gid() == meta.gid())
}

#[cfg(not(unix))]
fn same_owner(_: &fs::Metadata, _: &File) -> bool {
    true
}

/// Makes a folder and those above it. The error text is Node's, with the path it complains about.
pub fn create_dir_all(path: &Path) -> Result<(), String> {
    let Err(error) = fs::create_dir_all(path) else { return Ok(()) };
    if path.exists() {
        return Err(format!("EEXIST: file already exists, mkdir '{}'", path.display()));
    }
    Err(describe(&error, "mkdir", path))
}

/// The error code of Node for a failure, if it has a common one.
pub fn code(error: &io::Error) -> Option<&'static str> {
    Some(match error.kind() {
        io::ErrorKind::NotFound => "ENOENT",
        io::ErrorKind::PermissionDenied => "EACCES",
        io::ErrorKind::AlreadyExists => "EEXIST",
        io::ErrorKind::IsADirectory => "EISDIR",
        io::ErrorKind::NotADirectory => "ENOTDIR",
        io::ErrorKind::DirectoryNotEmpty => "ENOTEMPTY",
        io::ErrorKind::StorageFull => "ENOSPC",
        io::ErrorKind::QuotaExceeded => "EDQUOT",
        io::ErrorKind::ReadOnlyFilesystem => "EROFS",
        io::ErrorKind::FileTooLarge => "EFBIG",
        io::ErrorKind::ResourceBusy => "EBUSY",
        io::ErrorKind::ExecutableFileBusy => "ETXTBSY",
        io::ErrorKind::InvalidFilename => "ENAMETOOLONG",
        _ => return None,
    })
}

/// A failure in Node's words: `ENOENT: no such file or directory, access '/x'`.
pub fn describe(error: &io::Error, call: &str, path: &Path) -> String {
    let path = path.display();
    let Some(code) = code(error) else { return format!("{error}, {call} '{path}'") };
    let text = match code {
        "ENOENT" => "no such file or directory",
        "EACCES" => "permission denied",
        "EEXIST" => "file already exists",
        "EISDIR" => "illegal operation on a directory",
        "ENOTDIR" => "not a directory",
        "ENOTEMPTY" => "directory not empty",
        "ENOSPC" => "no space left on device",
        "EDQUOT" => "disk quota exceeded",
        "EROFS" => "read-only file system",
        "EFBIG" => "file too large",
        "EBUSY" => "resource busy or locked",
        "ETXTBSY" => "text file is busy",
        _ => "name too long",
    };
    format!("{code}: {text}, {call} '{path}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_like_nodes() {
        let missing = fs::metadata("/no/such").unwrap_err();
        assert_eq!(
            describe(&missing, "access", Path::new("/no/such")),
            "ENOENT: no such file or directory, access '/no/such'"
        );
    }

    #[test]
    fn a_folder_below_a_file_cannot_be_made() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.txt");
        fs::write(&file, "x").unwrap();
        assert_eq!(
            create_dir_all(&file),
            Err(format!("EEXIST: file already exists, mkdir '{}'", file.display()))
        );
        let below = file.join("b");
        assert_eq!(
            create_dir_all(&below),
            Err(format!("ENOTDIR: not a directory, mkdir '{}'", below.display()))
        );
    }

    #[test]
    fn reads_stop_at_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        fs::write(&file, "12345").unwrap();
        assert_eq!(read_bounded(&file, 5).unwrap(), b"12345");
        assert_eq!(read_bounded(&file, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_bounded(dir.path(), 4).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert!(has_text(&file, "12345"));
        assert!(!has_text(&file, "1234"));
        assert!(!has_text(&file, "123456"));
        for text in ["1\n2\n", "1\r\n2\r\n", "1\r\n2\n", "\u{feff}1\n2\n"] {
            std::fs::write(&file, "\u{feff}1\r\n2\r\n").unwrap();
            assert!(has_text(&file, text), "{text:?}");
            std::fs::write(&file, text).unwrap();
            assert!(has_text(&file, "1\n2\n") && !has_text(&file, "1\n\n2\n"), "{text:?}");
        }
    }

    #[test]
    fn a_new_file_takes_nobodys_place() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        create_new(&file, b"first").unwrap();
        assert_eq!(create_new(&file, b"second").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&file).unwrap(), "first");
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, symlink};
            let link = dir.path().join("link");
            symlink("nowhere", &link).unwrap();
            assert_eq!(create_new(&link, b"x").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            let plain = dir.path().join("plain");
            fs::write(&plain, "x").unwrap();
            assert_eq!(fs::metadata(&file).unwrap().mode(), fs::metadata(&plain).unwrap().mode());
            fs::remove_file(&plain).unwrap();
            fs::remove_file(&link).unwrap();
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_full_disk_leaves_a_file_as_it_was() {
        // (step at which there is no room any more, bytes before that; hard links have the file written in place)
        let cases = [
            (Step::Beside, 0, false),
            (Step::Beside, 5, false),
            (Step::Tail, 0, true),
            (Step::Tail, 2, true),
            (Step::Head, 0, true),
            (Step::Head, 4, true),
        ];
        for (step, room, is_shared) in cases {
            let dir = tempfile::tempdir().unwrap();
            let (file, twin) = (dir.path().join("a"), dir.path().join("twin"));
            fs::write(&file, "one two").unwrap();
            if is_shared {
                fs::hard_link(&file, &twin).unwrap();
            }
            for text in ["ONE TWO THREE", "ONE TW"] {
                let _full = full::at(&file, &[(step, room)]);
                let written = write_atomic(&file, text.as_bytes());
                // Shorter than before, nothing is put behind the old end.
                if step == Step::Tail && text.len() < 7 {
                    written.unwrap();
                    continue;
                }
                assert_eq!(written.unwrap_err().kind(), io::ErrorKind::StorageFull, "{step:?} {room}");
                assert_eq!(fs::read_to_string(&file).unwrap(), "one two", "{step:?} {room} {text}");
            }
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1 + usize::from(is_shared), "{step:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new");
        let _full = full::at(&file, &[(Step::Beside, 1)]);
        assert_eq!(create_new(&file, b"text").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn only_what_the_killed_left_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let own = format!(".pi-{}-abc.tmp", std::process::id());
        // Process numbers end below this one.
        let names = [own.as_str(), ".pi-99999999-abc.tmp", ".pi-notes.tmp", ".pi-99999999-abc.txt", "a.txt"];
        names.iter().for_each(|it| fs::write(dir.path().join(it), "").unwrap());
        sweep(dir.path());
        let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        left.sort();
        let mut expected = vec![names[0], names[2], names[3], names[4]];
        expected.sort();
        assert_eq!(left, expected);
    }

    #[test]
    fn a_new_name_is_nobodys() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&a, "a").unwrap();
        rename_new(&a, &b).unwrap();
        assert_eq!((a.exists(), fs::read_to_string(&b).unwrap()), (false, "a".to_owned()));
        fs::write(&a, "another").unwrap();
        assert_eq!(rename_new(&a, &b).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(
            (fs::read_to_string(&a).unwrap(), fs::read_to_string(&b).unwrap()),
            ("another".into(), "a".into())
        );
        assert_eq!(
            rename_new(&dir.path().join("none"), &dir.path().join("x")).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_write_keeps_mode_and_links() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("run.sh");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o750)).unwrap();
        let link = dir.path().join("link");
        symlink("run.sh", &link).unwrap();
        write_atomic(&link, b"new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o750);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

        let twin = dir.path().join("twin");
        fs::hard_link(&file, &twin).unwrap();
        for text in ["longer than before", "short", "", "both"] {
            write_atomic(&file, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&twin).unwrap(), text);
        }
        assert_eq!(fs::metadata(&twin).unwrap().nlink(), 2);

        let fresh = dir.path().join("fresh");
        write_atomic(&fresh, b"x").unwrap();
        let plain = dir.path().join("plain");
        fs::write(&plain, "x").unwrap();
        assert_eq!(fs::metadata(&fresh).unwrap().mode(), fs::metadata(&plain).unwrap().mode());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 5, "no temporary file is left");

        symlink("loop", dir.path().join("loop")).unwrap();
        assert!(write_atomic(&dir.path().join("loop"), b"x").is_err());
    }
}
