//! What a list of sessions offers for each: finding it again, searching it, naming it, throwing it away.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use pi_core::{ports::SessionStore, tree::SessionTree};
use pi_protocol::{AgentMessage, Entry, entry::EntryKind};

use super::{
    SessionFileError, SessionFiles, SessionInfo, files, list,
    load::{Line, Lines},
    store,
};

/// Where thrown away files are, in their directory.
const TRASH: &str = ".trash";
/// Characters of a found line that are shown.
const LINE: usize = 160;

/// A session in which a text was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionHit {
    /// The session.
    pub session: SessionInfo,
    /// The first entry with the text.
    pub entry_id: String,
    /// The line with the text, cut around it.
    pub line: String,
    /// Messages with the text.
    pub matches: usize,
}

impl SessionFiles {
    /// The file and working directory of the session with exactly this id, in `cwd` first, then elsewhere.
    pub fn with_id(&self, id: &str, cwd: &Path) -> Option<(PathBuf, PathBuf)> {
        let here = self.dir_of(cwd);
        let others = list::directories_in(&self.dir).filter(|it| !self.flat && *it != here);
        std::iter::once(here.clone()).chain(others).flat_map(|dir| list::files_in(&dir)).find_map(|path| {
            let header = files::read_header(&path).filter(|it| it.id == id)?;
            Some((path, header.cwd.into()))
        })
    }

    /// The sessions of `cwd` in which user or model wrote `query`, in any case, last used first. Reads every file.
    pub fn search(&self, query: &str, cwd: &Path) -> Vec<SessionHit> {
        let query = query.to_lowercase();
        self.list(cwd).into_iter().filter_map(|session| hit(session, &query)).collect()
    }

    /// Names the session in a file.
    ///
    /// # Errors
    /// It is in use, unreadable, or cannot be written.
    pub fn rename(path: &Path, cwd: &Path, name: &str) -> Result<(), SessionFileError> {
        let mut session = Self::open(path, cwd)?;
        let mut tree = SessionTree::new(session.entries);
        session.store.append(tree.append(EntryKind::SessionInfo { name: Some(name.to_owned()) }))?;
        Ok(())
    }

    /// Moves a session's file into the trash folder beside it; its new place.
    ///
    /// # Errors
    /// It is in use, or cannot be moved.
    pub fn trash(path: &Path) -> Result<PathBuf, SessionFileError> {
        let unreadable = |error: io::Error| SessionFileError::unreadable(path, &error);
        let file = File::open(path).map_err(unreadable)?;
        // Held until the file has moved: nobody opens it meanwhile.
        store::lock(&file, path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => SessionFileError::InUse(error.to_string()),
            _ => unreadable(error),
        })?;
        let name = path.file_name().unwrap_or_default();
        let dir = path.with_file_name(TRASH);
        fs::create_dir_all(&dir).map_err(unreadable)?;
        let mut target = dir.join(name);
        let mut copies = 1;
        while target.exists() {
            target = dir.join(format!("{}.{copies}", name.to_string_lossy()));
            copies += 1;
        }
        fs::rename(path, &target).map_err(unreadable)?;
        Ok(target)
    }
}

fn hit(session: SessionInfo, query: &str) -> Option<SessionHit> {
    let mut lines = Lines::new(File::open(&session.path).ok()?);
    let mut found: Option<(String, String)> = None;
    let mut matches = 0;
    while let Ok(Some(line)) = lines.next_line() {
        let Line::Bytes(line) = line else { continue };
        let Ok(entry) = serde_json::from_slice::<Entry>(line) else { continue };
        let EntryKind::Message { message } = &entry.kind else { continue };
        let text = match &**message {
            AgentMessage::User(user) => user.content.text(),
            AgentMessage::Assistant(answer) => answer.text(),
            _ => continue,
        };
        let Some(line) = text.lines().find(|it| it.to_lowercase().contains(query)) else { continue };
        matches += 1;
        found.get_or_insert_with(|| (entry.base.id.clone(), around(line, query)));
    }
    let (entry_id, line) = found?;
    Some(SessionHit { session, entry_id, line, matches })
}

/// The part of a line around what was found in it.
fn around(line: &str, query: &str) -> String {
    let line = line.trim();
    let count = line.chars().count();
    if count <= LINE {
        return line.to_owned();
    }
    let lower = line.to_lowercase();
    // Lower case may have another number of characters, which moves the window a little.
    let at = lower.find(query).map_or(0, |it| lower[..it].chars().count());
    let start = at.saturating_sub(LINE / 4).min(count - LINE);
    let part: String = line.chars().skip(start).take(LINE).collect();
    let before = if start > 0 { "…" } else { "" };
    let after = if start + LINE < count { "…" } else { "" };
    format!("{before}{part}{after}")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// A session with these texts of user and model in turn.
    fn session(dir: &Path, id: &str, texts: &[&str]) -> PathBuf {
        let mut file = format!(
            "{{\"type\":\"session\",\"version\":3,\"id\":\"{id}\",\"timestamp\":\"2026-11-21T00:00:00.000Z\",\"cwd\":\"/w\"}}\n"
        );
        for (index, text) in texts.iter().enumerate() {
            let message = match index % 2 {
                0 => serde_json::json!({"role": "user", "content": text, "timestamp": index}),
                _ => serde_json::json!({"role": "assistant", "content": [{"type": "text", "text": text}],
                    "api": "a", "provider": "p", "model": "m", "usage": {}, "stopReason": "stop", "timestamp": index}),
            };
            let entry = serde_json::json!({"type": "message", "id": format!("{id}{index}"), "parentId": null,
                "timestamp": "2026-11-21T00:00:00.000Z", "message": message});
            writeln!(file, "{entry}").unwrap();
        }
        let path = dir.join(format!("2026_{id}.jsonl"));
        fs::write(&path, file).unwrap();
        path
    }

    #[test]
    fn texts_are_found_in_any_case_with_their_place() {
        let dir = tempfile::tempdir().unwrap();
        let files = SessionFiles::flat(dir.path());
        let long = format!("{}Needle{}", "ä".repeat(300), "b".repeat(300));
        session(dir.path(), "a", &["hay", "hay\nthe NEEDLE here", "needle again"]);
        session(dir.path(), "b", &["nothing"]);
        session(dir.path(), "c", &["x", "y", "z", &long]);
        let found = files.search("neeDle", Path::new("/w"));
        let shown: Vec<_> =
            found.iter().map(|it| (it.session.id.as_str(), it.entry_id.as_str(), it.matches)).collect();
        assert_eq!(shown, [("c", "c3", 1), ("a", "a1", 2)]);
        assert_eq!(found[1].line, "the NEEDLE here");
        assert_eq!(found[0].line.chars().count(), LINE + 2);
        assert!(found[0].line.contains("Needle"), "{}", found[0].line);
        assert!(files.search("needle", Path::new("/elsewhere")).is_empty());
    }

    #[test]
    fn a_session_is_found_by_its_whole_id_named_and_thrown_away() {
        let dir = tempfile::tempdir().unwrap();
        let files = SessionFiles::flat(dir.path());
        let path = session(dir.path(), "ab", &["one", "two"]);
        let cwd = Path::new("/w");
        assert_eq!(files.with_id("a", cwd), None);
        assert_eq!(files.with_id("ab", cwd), Some((path.clone(), "/w".into())));
        SessionFiles::rename(&path, cwd, "mine").unwrap();
        assert_eq!(files.list(cwd)[0].name.as_deref(), Some("mine"));

        let open = SessionFiles::open(&path, cwd).unwrap();
        assert!(matches!(SessionFiles::trash(&path), Err(SessionFileError::InUse(_))));
        drop(open);
        let text = fs::read(&path).unwrap();
        let trash = SessionFiles::trash(&path).unwrap();
        assert_eq!(trash, dir.path().join(".trash/2026_ab.jsonl"));
        assert_eq!(fs::read(&trash).unwrap(), text);
        assert!(files.list(cwd).is_empty() && files.with_id("ab", cwd).is_none());
        // Its namesake does not replace it.
        let again = session(dir.path(), "ab", &["other"]);
        assert_eq!(SessionFiles::trash(&again).unwrap(), dir.path().join(".trash/2026_ab.jsonl.1"));
    }
}
