//! Files and places as people and models write them: `@src/retry.rs:12-40`, `src/retry.rs:14`.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use lsp_types::{DocumentLink, Position, Range, Url};
use pi_host::{
    fs::read_bounded,
    workspace::position::{PositionEncoding, to_byte, to_range},
};
use ropey::Rope;

use super::symbols::definitions;
use crate::transport::lsp::connection::Connection;

/// Bytes of a file in which definitions are looked for.
const LARGEST: u64 = 2 << 20;

/// Files that are looked for in one document.
const LOOKED: usize = 2_000;

/// A file, and lines of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The file.
    pub path: PathBuf,
    /// First line, from 1.
    pub first: Option<u32>,
    /// Last line.
    pub last: Option<u32>,
    /// A definition in it.
    pub name: Option<String>,
}

/// The words of a line that could be a path, each with its first byte and without what surrounds it.
pub fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let ends = |it: char| {
        it.is_whitespace() || matches!(it, '(' | ')' | '"' | '\'' | '`' | '<' | '>' | '[' | ']' | ',' | ';')
    };
    let mut at = 0;
    line.split(ends).filter_map(move |word| {
        let start = at;
        at = start + word.len();
        at += line[at..].chars().next().map_or(0, char::len_utf8);
        let word = word.trim_end_matches(['.', ':', '!', '?', '*']);
        let inner = word.trim_start_matches('*');
        (!inner.is_empty()).then(|| (start + word.len() - inner.len(), inner))
    })
}

/// What a word names, if `exists` says that there is such a file.
pub fn of(word: &str, folder: &Path, exists: impl Fn(&Path) -> bool) -> Option<Mention> {
    let word = word.strip_prefix('@').unwrap_or(word);
    let mut parts = word.splitn(3, ':');
    let (path, lines) = (parts.next()?, parts.next());
    let whole = folder.join(word);
    if !word.is_empty() && exists(&whole) {
        return Some(Mention { path: whole, first: None, last: None, name: None });
    }
    if let Some((path, name)) = word.split_once('#') {
        let path = folder.join(path);
        return exists(&path).then(|| Mention { path, first: None, last: None, name: Some(name.to_owned()) });
    }
    let (first, last) = lines?.split_once('-').unwrap_or((lines?, ""));
    let first = first.parse().ok().filter(|it| *it > 0)?;
    let path = folder.join(path);
    exists(&path).then(|| Mention { path, first: Some(first), last: last.parse().ok(), name: None })
}

impl Mention {
    /// With the lines of the definition it names, as the editor has its file; nothing if there is none.
    pub fn resolved(mut self, connection: &Connection) -> Option<Self> {
        if let Some(name) = &self.name {
            let open = connection.documents.workspace().and_then(|it| it.overlay_text(&self.path));
            let text = match open {
                Some(rope) => rope.to_string(),
                None => String::from_utf8(read_bounded(&self.path, LARGEST).ok()?).ok()?,
            };
            let symbol = definitions(&self.path, &text).into_iter().find(|it| it.name == *name)?;
            (self.first, self.last) = (Some(symbol.first), Some(symbol.last));
        }
        Some(self)
    }
}

/// The byte of a line that a position's character means.
pub fn column(line: &str, character: u32, encoding: PositionEncoding) -> usize {
    to_byte(&Rope::from_str(line), pi_host::workspace::Position::new(0, character), encoding)
}

/// What the word at a byte of a line names.
pub fn at(connection: &Connection, project: &Path, line: &str, column: usize) -> Option<Mention> {
    let (_, word) = words(line).find(|(start, word)| (*start..=start + word.len()).contains(&column))?;
    let workspace = connection.documents.workspace()?;
    of(word, project, |it| it.is_file() || workspace.document(it).is_some())
}

/// Links from the paths in a text to the files of the project.
pub fn links(text: &str, folder: &Path, encoding: PositionEncoding) -> Vec<DocumentLink> {
    let rope = Rope::from_str(text);
    let mut known: HashMap<String, Option<Url>> = HashMap::new();
    let mut found = Vec::new();
    let mut start = 0;
    for whole in text.split_inclusive('\n') {
        // In prose a word with a dot is hardly ever a file; a heading or a diff names it.
        let names = whole.starts_with("### ") || whole.starts_with("@@ ");
        let likely = |it: &str| it.starts_with('@') || it.contains('/') || (names && it.contains('.'));
        for (at, word) in words(whole.trim_end()).filter(|it| likely(it.1)) {
            if known.len() >= LOOKED && !known.contains_key(word) {
                continue;
            }
            let target = known.entry(word.to_owned()).or_insert_with(|| {
                let mention = of(word, folder, Path::is_file)?;
                // What a model writes leads nowhere else.
                let inside = mention.path.canonicalize().is_ok_and(|it| it.starts_with(folder));
                Url::from_file_path(mention.path).ok().filter(|_| inside)
            });
            let Some(target) = target.clone() else { continue };
            let range = to_range(&rope, start + at, start + at + word.len(), encoding);
            let position = |it: pi_host::workspace::Position| Position::new(it.line, it.character);
            found.push(DocumentLink {
                range: Range::new(position(range.start), position(range.end)),
                target: Some(target),
                tooltip: None,
                data: None,
            });
        }
        start += whole.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_what_surrounds_them() {
        let found: Vec<_> = words("see (src/a.rs:3), **`b.rs`** <c/d>. é @e.rs:").collect();
        assert_eq!(
            found,
            [(0, "see"), (5, "src/a.rs:3"), (21, "b.rs"), (30, "c/d"), (36, "é"), (39, "@e.rs")]
        );
    }

    #[test]
    fn a_word_names_a_file_and_lines() {
        let known = ["/ws/a.rs", "/ws/b:3"];
        let found =
            |word: &str| of(word, Path::new("/ws"), |it| known.iter().any(|known| Path::new(known) == it));
        let mention = |path: &str, first, last| Some(Mention { path: path.into(), first, last, name: None });
        for (word, expected) in [
            ("a.rs", mention("/ws/a.rs", None, None)),
            ("@a.rs", mention("/ws/a.rs", None, None)),
            ("/ws/a.rs", mention("/ws/a.rs", None, None)),
            ("a.rs:3", mention("/ws/a.rs", Some(3), None)),
            ("a.rs:3:7", mention("/ws/a.rs", Some(3), None)),
            ("@a.rs:3-9", mention("/ws/a.rs", Some(3), Some(9))),
            ("b:3", mention("/ws/b:3", None, None)),
            ("a.rs:x", None),
            ("a.rs:0", None),
            ("c.rs", None),
            ("@", None),
            ("c.rs#run", None),
        ] {
            assert_eq!(found(word), expected, "{word}");
        }
        let named = Mention { name: Some("run".into()), ..found("a.rs").unwrap() };
        assert_eq!(found("@a.rs#run"), Some(named));
    }

    #[test]
    fn paths_lead_to_files_of_the_project() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("src")).unwrap();
        std::fs::write(root.join("a.rs"), "").unwrap();
        std::fs::write(root.join("src/b.rs"), "").unwrap();
        let text = "### ✓ read a.rs:1-3\n\nIn `src/b.rs`, a.rs and /etc/passwd, @a.rs\n\n@@ hunk 1 · src/b.rs:1 · kept\n";
        let found = links(text, &root, PositionEncoding::Utf16);
        let places: Vec<_> = found
            .iter()
            .map(|it| (it.range.start.line, it.range.start.character, it.range.end.character))
            .collect();
        assert_eq!(places, [(0, 11, 19), (2, 4, 12), (2, 37, 42), (4, 12, 22)]);
    }
}
