//! Which files the words of a command mean, given the folders it may be in by then.

use std::path::{Path, PathBuf};

use crate::paths;

use super::{
    boundary::{Boundary, real},
    shell::{Script, Word},
    words::is_plain,
};

/// Folders a script may change to before nothing is known any more.
const MAX_FOLDERS: usize = 8;
/// Words that braces may stand for.
const MAX_WORDS: usize = 64;
/// Names that are compared with a wildcard.
const MAX_MATCHES: usize = 20_000;
/// Entries of folders that are looked at for links.
const MAX_ENTRIES: usize = 50_000;
const WILDCARDS: [char; 4] = ['*', '?', '[', ']'];

/// The folders in which a command of a script may run.
#[derive(Debug, Clone)]
pub struct Folders(Option<Vec<PathBuf>>);

impl Folders {
    /// Of a script that starts in `cwd`.
    pub fn of(script: &Script, cwd: &Path) -> Self {
        let mut folders = vec![real(cwd)];
        for command in &script.commands {
            match command.base_name() {
                Some("cd") => {}
                Some("pushd" | "popd" | "chroot") => return Self(None),
                _ => continue,
            }
            let target = match command.args() {
                [word] => word.fixed().filter(|it| !it.starts_with('-')),
                _ => None,
            };
            let Some(target) = target else { return Self(None) };
            let more: Vec<_> = folders.iter().map(|it| real(&it.join(target))).collect();
            folders.extend(more);
            folders.sort();
            folders.dedup();
            if folders.len() > MAX_FOLDERS {
                return Self(None);
            }
        }
        Self(Some(folders))
    }

    /// All real paths that a text may mean; `None` if that cannot be known.
    pub fn paths(&self, text: &str) -> Option<Vec<PathBuf>> {
        self.joined(text).map(|it| it.iter().map(|it| real(it)).collect())
    }

    fn joined(&self, text: &str) -> Option<Vec<PathBuf>> {
        let path = Path::new(text);
        match &self.0 {
            _ if path.is_absolute() => Some(vec![path.to_owned()]),
            Some(folders) => Some(folders.iter().map(|it| it.join(path)).collect()),
            None => None,
        }
    }

    /// All real paths a word may mean: of wildcards those that they may match now. `None` if that cannot be known.
    pub fn of_word(&self, word: &Word) -> Option<Vec<PathBuf>> {
        self.named(word).map(|it| it.iter().map(|it| real(it)).collect())
    }

    /// The same, links as they are.
    pub fn named(&self, word: &Word) -> Option<Vec<PathBuf>> {
        let value = word.value.as_deref()?;
        if !word.wild {
            return self.joined(value);
        }
        let mut found = Vec::new();
        for pattern in braces(value) {
            if pattern.contains(['{', '}']) || found.len() > MAX_MATCHES {
                return None;
            }
            // A variable outside quotes is split at blanks, and its wildcards are tried again.
            let plain = word.source.contains('$') && !word.source.contains('"');
            found.extend(self.matches(&pattern, plain)?);
        }
        Some(found)
    }

    /// What a pattern may match, and itself, which it stands for if it matches nothing. If all is to be `plain`, nothing
    /// where a name needs quotes.
    fn matches(&self, pattern: &str, plain: bool) -> Option<Vec<PathBuf>> {
        let starts = match (&self.0, pattern.starts_with('/')) {
            (_, true) => vec![PathBuf::from("/")],
            (Some(folders), false) => folders.clone(),
            (None, false) => return None,
        };
        let mut left = MAX_MATCHES;
        let mut found = self.joined(pattern)?;
        for start in starts {
            found.extend(matches(start, pattern, plain, &mut left)?);
        }
        Some(found)
    }

    /// The folders, if they are known.
    pub fn all(&self) -> Option<&[PathBuf]> {
        self.0.as_deref()
    }

    /// Those that `folder` means, seen from here.
    pub fn within(&self, folder: &str) -> Self {
        Self(self.paths(folder))
    }
}

/// What `a{b,c}d` stands for; the home directory where a `~` comes to the front by that.
pub fn braces(text: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut waiting = vec![text.to_owned()];
    while let Some(text) = waiting.pop() {
        let inner = text.rfind('{').and_then(|at| Some((at, at + text[at..].find('}')?)));
        let list = inner.filter(|(start, end)| text[*start..*end].contains(','));
        match list {
            Some((start, end)) if waiting.len() + done.len() < MAX_WORDS => {
                let words = text[start + 1..end].split(',');
                waiting.extend(words.map(|it| format!("{}{it}{}", &text[..start], &text[end + 1..])));
            }
            _ => done.push(text),
        }
    }
    let home = paths::home_dir().filter(|_| done.len() > 1);
    let at_home = |it: &String| {
        let rest = it.strip_prefix('~').filter(|it| it.is_empty() || it.starts_with('/'))?;
        Some(format!("{}{rest}", home.as_ref()?.display()))
    };
    done.iter().map(|it| at_home(it).unwrap_or_else(|| it.clone())).collect()
}

/// The paths that a pattern may match from `start` on: rather too many, as shells differ in what is in brackets and which
/// characters are one. Nothing if a match could be an option, or there are more than `left` names to look at.
fn matches(start: PathBuf, pattern: &str, plain: bool, left: &mut usize) -> Option<Vec<PathBuf>> {
    let mut paths = vec![start];
    let mut wild = false;
    for (depth, piece) in pattern.split('/').filter(|it| !it.is_empty()).enumerate() {
        let Some(at) = piece.find(WILDCARDS) else {
            // What `..` behind a wildcard means depends on what it stands for.
            if wild && piece == ".." {
                return None;
            }
            paths.iter_mut().for_each(|it| it.push(piece));
            continue;
        };
        wild = true;
        let (before, after) = (&piece[..at], &piece[piece.rfind(WILDCARDS)? + 1..]);
        let mut more = Vec::new();
        for folder in &paths {
            // Older shells match the folder above as well.
            let above = before.starts_with('.').then(|| "..".into());
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.file_name());
            for name in above.into_iter().chain(entries) {
                *left = left.checked_sub(1)?;
                let text = name.to_string_lossy();
                if !text.starts_with(before) || !text.ends_with(after) {
                    continue;
                }
                let is_option = text.starts_with('-') && depth == 0 && !pattern.starts_with('/');
                if is_option || (plain && !is_plain(&text)) {
                    return None;
                }
                more.push(folder.join(&name));
            }
        }
        paths = more;
    }
    Some(paths)
}

/// Whether all links in these folders, and in those that they lead to, stay where reading needs no question.
pub fn links_stay(paths: Vec<PathBuf>, boundary: &Boundary) -> bool {
    let mut left = MAX_ENTRIES;
    let mut seen = std::collections::HashSet::new();
    let mut waiting = paths;
    while let Some(path) = waiting.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        for entry in std::fs::read_dir(&path).into_iter().flatten().flatten() {
            match left.checked_sub(1) {
                Some(fewer) => left = fewer,
                None => return false,
            }
            match entry.file_type() {
                Ok(it) if it.is_dir() => waiting.push(entry.path()),
                Ok(it) if !it.is_symlink() => {}
                _ => {
                    let target = real(&entry.path());
                    if !boundary.may_read(&target) {
                        return false;
                    }
                    waiting.push(target);
                }
            }
        }
    }
    true
}

/// A word as far as it has no wildcards, cut at a folder.
pub fn fixed_start(word: &Word) -> Option<&str> {
    let value = word.value.as_deref()?;
    if !word.wild {
        return Some(value);
    }
    // Quoted wildcards look the same here and cut too early, which names a folder above: more careful, not less.
    let start = value.find(['*', '?', '[', '{']).map_or(value, |at| &value[..at]);
    // What `..` behind a wildcard means depends on what it stands for.
    if value[start.len()..].contains("..")
        || value[start.len()..].contains(",/")
        || value[start.len()..].contains("{/")
    {
        return None;
    }
    match start.rfind('/') {
        Some(0) => Some("/"),
        Some(at) => Some(&start[..at]),
        None => Some("."),
    }
}

/// Whether all paths that a word may mean can be read unasked.
pub fn may_read(word: &Word, folders: &Folders, boundary: &Boundary) -> bool {
    word.fixed().is_some_and(Boundary::is_stream)
        || folders.of_word(word).is_some_and(|it| it.iter().all(|it| boundary.may_read(it)))
}
