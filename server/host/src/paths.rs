//! Where things are: the agent directory, session files, the home directory.
//!
//! Names directories and files, creates none: nothing is written before there is something to keep. Paths given to
//! tools by a model follow more rules and are resolved where the tools are.

use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;

/// The environment variable that moves the agent directory.
pub const AGENT_DIR_ENV: &str = "PI_CODING_AGENT_DIR";

/// The environment variable that moves the session files.
pub const SESSION_DIR_ENV: &str = "PI_CODING_AGENT_SESSION_DIR";

/// The user's home directory, if the environment names one.
pub fn home_dir() -> Option<PathBuf> {
    let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from)
}

/// A leading `~` or `~/` replaced by the home directory, if it is known.
pub fn expand_home(path: &str) -> PathBuf {
    expand_home_in(path, home_dir().as_deref())
}

fn expand_home_in(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.to_owned(),
        (Some(rest), Some(home)) if rest.starts_with(['/', std::path::MAIN_SEPARATOR]) => {
            home.join(&rest[1..])
        }
        _ => PathBuf::from(path),
    }
}

/// `$PI_CODING_AGENT_DIR`, else `~/.pi/agent`.
///
/// Without a home directory it is `.pi/agent` below the temporary directory, so that a service account without a
/// home still works; nothing there outlives the machine.
pub fn agent_dir() -> PathBuf {
    let configured = std::env::var(AGENT_DIR_ENV).ok().filter(|it| !it.is_empty());
    match configured {
        Some(it) => expand_home(&it),
        None => home_dir().unwrap_or_else(std::env::temp_dir).join(".pi").join("agent"),
    }
}

/// The directory below the sessions root that holds the sessions of `cwd`.
pub fn session_dir_name(cwd: &Path) -> String {
    let text = cwd.to_string_lossy();
    let rest = text.strip_prefix(['/', '\\']).unwrap_or(&text);
    format!("--{}--", rest.replace(['/', '\\', ':'], "-"))
}

/// The name of a new session file; `timestamp` is the header's.
pub fn session_file_name(timestamp: &str, id: &str) -> String {
    format!("{}_{id}.jsonl", timestamp.replace([':', '.'], "-"))
}

/// `path` made absolute against `base`, without `.` and `..`; symbolic links stay.
pub fn absolute(base: &Path, path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in base.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

/// The real path of `path`, links resolved as far as the path exists.
pub fn canonical(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    let mut existing = path;
    loop {
        if let Ok(real) = existing.canonicalize() {
            return missing.iter().rev().fold(real, |path, name| path.join(name));
        }
        match (existing.parent(), existing.file_name()) {
            (Some(parent), Some(name)) => {
                missing.push(name);
                existing = parent;
            }
            _ => return path.to_owned(),
        }
    }
}

/// Now, as session files write it: ISO 8601, UTC, milliseconds.
pub(crate) fn now_iso() -> String {
    format!("{:.3}", Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_sessions_are_named_as_pi_names_them() {
        for (cwd, name) in [
            ("/home/user/proj", "--home-user-proj--"),
            ("/", "----"),
            (r"C:\work\a", "--C--work-a--"),
            ("relative", "--relative--"),
        ] {
            assert_eq!(session_dir_name(Path::new(cwd)), name);
        }
        assert_eq!(
            session_file_name("2026-11-21T00:01:10.306Z", "abc"),
            "2026-11-21T00-01-10-306Z_abc.jsonl"
        );
    }

    #[test]
    fn only_a_tilde_alone_or_before_a_separator_is_home() {
        let home = Some(Path::new("/h"));
        for (path, expanded) in [("~", "/h"), ("~/a", "/h/a"), ("~b/a", "~b/a"), ("/a/~", "/a/~"), ("", "")] {
            assert_eq!(expand_home_in(path, home), Path::new(expanded));
        }
        assert_eq!(expand_home_in("~/a", None), Path::new("~/a"));
    }

    #[test]
    fn absolute_paths_have_no_dots() {
        assert_eq!(absolute(Path::new("/a/b"), Path::new("../c/./d")), Path::new("/a/c/d"));
        assert_eq!(absolute(Path::new("/a"), Path::new("/x/../y")), Path::new("/y"));
    }

    #[test]
    fn a_path_that_does_not_exist_yet_is_canonical_up_to_where_it_does() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        assert_eq!(canonical(&dir.path().join("no/file")), real.join("no/file"));
    }
}
