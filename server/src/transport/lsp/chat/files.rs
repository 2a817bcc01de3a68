//! Chat documents on disk: their names, how a new one looks, and that no version control takes them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::markdown;

/// Where chat documents are, below the project folder.
pub const FOLDER: &str = ".pi/chat";
/// Name of a document whose chat has no title yet.
const UNNAMED: &str = "new-chat";
/// Bytes of a file's name.
const NAME: usize = 60;

/// Whether this is a chat document.
pub fn is_chat(path: &Path) -> bool {
    let folder = path.parent();
    let is_ours = folder.is_some_and(|it| it.ends_with(FOLDER));
    is_ours && path.extension().is_some_and(|it| it == "md")
}

/// Whether this is a document of ours to read: a chat or a transcript.
pub fn is_ours(path: &Path) -> bool {
    let transcript = path.parent().is_some_and(|it| it.ends_with(".pi/transcripts"));
    is_chat(path) || (transcript && path.extension().is_some_and(|it| it == "md"))
}

/// The chat document of a session, made if there is none. One that was named before there was a title gets its name,
/// unless it `is_open`.
///
/// # Errors
/// The folder or the file cannot be written.
pub fn ensure(
    project: &Path,
    session: &str,
    title: Option<&str>,
    is_open: impl Fn(&Path) -> bool,
) -> io::Result<PathBuf> {
    let folder = project.join(FOLDER);
    let title = title.map(|it| markdown::line(it, 80)).filter(|it| !it.is_empty());
    if let Some(found) = existing(&folder, session) {
        return match title.as_deref().map(slug) {
            Some(name) if is_unnamed(&found) && !is_open(&found) => named(&folder, &found, &name),
            _ => Ok(found),
        };
    }
    fs::create_dir_all(&folder)?;
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        fs::write(ignore, "*\n")?;
    }
    let name = title.as_deref().map_or_else(|| UNNAMED.to_owned(), slug);
    for path in names(&folder, &name) {
        match fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                io::Write::write_all(&mut file, head(title.as_deref(), session).as_bytes())?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// The paths a document with this name can have, the best first.
fn names(folder: &Path, name: &str) -> impl Iterator<Item = PathBuf> {
    let path = move |number: usize| match number {
        1 => folder.join(format!("{name}.md")),
        number => folder.join(format!("{name}-{number}.md")),
    };
    (1..).map(path)
}

/// Whether a document has the name of those without a title.
fn is_unnamed(path: &Path) -> bool {
    let name = path.file_stem().and_then(|it| it.to_str()).and_then(|it| it.strip_prefix(UNNAMED));
    name.is_some_and(|rest| {
        let number = rest.strip_prefix('-').unwrap_or_default();
        rest.is_empty() || (!number.is_empty() && number.bytes().all(|it| it.is_ascii_digit()))
    })
}

/// Gives a document this name, in place of no other.
fn named(folder: &Path, old: &Path, name: &str) -> io::Result<PathBuf> {
    for path in names(folder, name) {
        // Where it is there already, it is another's.
        match fs::hard_link(old, &path) {
            Ok(()) => {
                fs::remove_file(old)?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // A file system without links: the old name does as well.
            Err(_) => break,
        }
    }
    Ok(old.to_owned())
}

/// The document that says it belongs to this session.
fn existing(folder: &Path, session: &str) -> Option<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder).ok()?.flatten().map(|it| it.path()).collect();
    found.retain(|it| is_chat(it));
    found.sort();
    found.into_iter().find(|it| {
        let text = fs::read_to_string(it).unwrap_or_default();
        markdown::session_id(&text) == Some(session)
    })
}

/// A chat nobody has said anything in.
fn head(title: Option<&str>, session: &str) -> String {
    let title = title.map_or_else(|| super::document::UNTITLED.to_owned(), |it| format!("# {it}\n"));
    format!(
        "{title}\n<!-- pi-chat 1 · session {session} · write below the last \"## You\", save to send · /help -->\n\n\
         ## You\n\n"
    )
}

/// A title as a file name that every system takes.
pub fn slug(title: &str) -> String {
    let mut out = String::new();
    for it in title.chars() {
        if out.len() >= NAME {
            break;
        }
        if it.is_alphanumeric() {
            out.extend(it.to_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    let out = out.trim_end_matches('-');
    if out.is_empty() { "chat".to_owned() } else { out.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_session_has_one_document() {
        let project = tempfile::tempdir().unwrap();
        let first = ensure(project.path(), "a-1", None, |_| true).unwrap();
        assert_eq!(first, project.path().join(".pi/chat/new-chat.md"));
        assert!(is_chat(&first));
        let text = fs::read_to_string(&first).unwrap();
        assert!(text.starts_with("# New chat\n\n<!-- pi-chat 1 · session a-1 · write"), "{text}");
        assert!(text.ends_with("-->\n\n## You\n\n"), "{text}");
        assert_eq!(ensure(project.path(), "a-1", Some("other"), |_| true).unwrap(), first);
        assert_eq!(
            ensure(project.path(), "b-2", None, |_| true).unwrap(),
            project.path().join(".pi/chat/new-chat-2.md")
        );
        assert_eq!(fs::read_to_string(project.path().join(".pi/chat/.gitignore")).unwrap(), "*\n");
    }

    #[test]
    fn a_document_gets_its_name_once_there_is_a_title() {
        let project = tempfile::tempdir().unwrap();
        let path = |name: &str| project.path().join(FOLDER).join(name);
        let ensure = |session: &str, title: Option<&str>, open: bool| {
            ensure(project.path(), session, title, |_| open).unwrap()
        };
        for (session, title, open, name) in [
            ("a", None, false, "new-chat.md"),
            ("b", None, false, "new-chat-2.md"),
            ("a", None, false, "new-chat.md"),
            ("a", Some("Fix it"), true, "new-chat.md"),
            ("a", Some("Fix it"), false, "fix-it.md"),
            ("b", Some("Fix it"), false, "fix-it-2.md"),
            ("b", Some("Another"), false, "fix-it-2.md"),
            ("c", Some("New chats"), false, "new-chats.md"),
            ("c", Some("Another"), false, "new-chats.md"),
        ] {
            assert_eq!(ensure(session, title, open), path(name), "{session} {title:?} {open}");
        }
        assert_eq!(fs::read_dir(path("")).unwrap().count(), 4, "none is there twice");
    }

    #[test]
    fn titles_make_names() {
        for (title, name) in [
            ("Fix the flaky test", "fix-the-flaky-test"),
            ("../../etc/passwd", "etc-passwd"),
            ("Ärger: mit Ümläuten!", "ärger-mit-ümläuten"),
            ("???", "chat"),
        ] {
            assert_eq!(slug(title), name);
        }
    }
}
