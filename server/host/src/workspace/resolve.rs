//! What a path argument means, and the key under which all spellings of a file meet.

use std::path::{Component, Path, PathBuf};

use unicode_normalization::UnicodeNormalization;

use super::Workspace;

impl Workspace {
    /// Fails for what editors name by a URI that is of no file: nothing is to be written under such a name.
    ///
    /// # Errors
    /// What it is, and what to do.
    pub(crate) fn check_is_file(&self, name: &str) -> Result<(), String> {
        match no_file(name) {
            Some(why) if self.resolve(name).symlink_metadata().is_err() => Err(why),
            _ => Ok(()),
        }
    }
}

/// What a name means that is a URI of no file.
fn no_file(name: &str) -> Option<String> {
    let name = name.strip_prefix('@').unwrap_or(name);
    let (scheme, rest) = name.split_once(':')?;
    let is_scheme = |it: char| it.is_ascii_alphanumeric() || "+-.".contains(it);
    // One letter is a drive.
    if scheme.len() < 2
        || !scheme.starts_with(|it: char| it.is_ascii_alphabetic())
        || !scheme.chars().all(is_scheme)
    {
        return None;
    }
    Some(match scheme {
        "file" => return None,
        "untitled" => format!(
            "{name} is a document of the editor that was never saved: there is no file of it, and tools cannot reach \
             it. Ask the user to save it under a name first."
        ),
        "vscode-notebook-cell" => {
            let file = rest.split('#').next().unwrap_or(rest).trim_start_matches("//");
            format!(
                "{name} is a cell of a notebook in the editor, and no file. The notebook's file is {file}."
            )
        }
        _ if rest.starts_with("//") || scheme.starts_with("vscode-") => {
            format!("{name} is no file of this machine. Tools take paths and file: URIs.")
        }
        _ => return None,
    })
}

/// The absolute, normalised path of a tool argument. Symbolic links stay as they are.
pub(crate) fn resolve(root: &Path, home: Option<&Path>, path: &str) -> PathBuf {
    let path = plain_spaces(path);
    let path = path.strip_prefix('@').unwrap_or(&path);
    if let Some(local) = from_file_uri(path) {
        return normalize(&root.join(local));
    }
    match (path.strip_prefix('~'), home) {
        (Some(""), Some(home)) => normalize(home),
        (Some(rest), Some(home)) if rest.starts_with(['/', '\\']) => normalize(&home.join(&rest[1..])),
        _ => normalize(&root.join(path)),
    }
}

/// Other spellings of a file name that people cannot tell from what they typed.
pub(crate) fn variants(path: &Path) -> Vec<PathBuf> {
    let Some(text) = path.to_str() else { return Vec::new() };
    let decomposed: String = text.nfd().collect();
    let mut out = vec![
        text.replace(" AM.", "\u{202f}AM.").replace(" PM.", "\u{202f}PM."),
        decomposed.clone(),
        text.replace('\'', "\u{2019}"),
        decomposed.replace('\'', "\u{2019}"),
    ];
    out.retain(|it| it != text);
    out.dedup();
    out.into_iter().map(PathBuf::from).collect()
}

/// The path without links; where the file does not exist yet, that of its nearest existing folder and the
/// rest.
pub(crate) fn key(path: &Path) -> PathBuf {
    let path = normalize(path);
    let mut rest = Vec::new();
    let mut known = path.as_path();
    loop {
        if let Ok(found) = known.canonicalize() {
            return rest.iter().rev().fold(found, |it, name| it.join(name));
        }
        match (known.parent(), known.file_name()) {
            (Some(parent), Some(name)) => {
                rest.push(name.to_owned());
                known = parent;
            }
            _ => return path,
        }
    }
}

/// Without `.` and `..`, without looking at the disk.
pub(crate) fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            it => out.push(it),
        }
    }
    out
}

fn plain_spaces(path: &str) -> String {
    let is_space =
        |it: char| matches!(it, '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}');
    path.chars().map(|it| if is_space(it) { ' ' } else { it }).collect()
}

/// The path of `file:///a`, `file://localhost/a` or `file:/a`, percent-decoded.
fn from_file_uri(text: &str) -> Option<String> {
    let rest = text.strip_prefix("file:")?;
    let rest = rest.strip_prefix("//localhost").or_else(|| rest.strip_prefix("//")).unwrap_or(rest);
    if !rest.starts_with('/') {
        return None;
    }
    let input = rest.as_bytes();
    let mut bytes = Vec::with_capacity(input.len());
    let mut at = 0;
    while let Some(&byte) = input.get(at) {
        let escaped = if byte == b'%' { hex_byte(input.get(at + 1..at + 3)) } else { None };
        bytes.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    let path = String::from_utf8(bytes).ok()?;
    // `file:///C:/x` names a drive.
    let drive = cfg!(windows) && path.as_bytes().get(2) == Some(&b':');
    Some(if drive { path[1..].to_owned() } else { path })
}

fn hex_byte(digits: Option<&[u8]>) -> Option<u8> {
    let digits = std::str::from_utf8(digits?).ok()?;
    // `from_str_radix` would take a sign.
    if digits.starts_with('+') { None } else { u8::from_str_radix(digits, 16).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_these_files() {
        let cases = [
            ("a.txt", "/w/a.txt"),
            ("./b/../a.txt", "/w/a.txt"),
            ("../x", "/x"),
            ("/abs/./x", "/abs/x"),
            ("~", "/home/u"),
            ("~/n", "/home/u/n"),
            ("~other", "/w/~other"),
            ("@src/a.rs", "/w/src/a.rs"),
            ("a\u{a0}b\u{202f}c", "/w/a b c"),
            ("file:///tmp/a%20b", "/tmp/a b"),
            ("file://localhost/tmp/%C3%A9", "/tmp/é"),
            ("file:///tmp/100%", "/tmp/100%"),
            ("file:x", "/w/file:x"),
        ];
        for (given, expected) in cases {
            let got = resolve(Path::new("/w"), Some(Path::new("/home/u")), given);
            assert_eq!(got, Path::new(expected), "{given}");
        }
    }

    #[test]
    fn what_is_no_file_is_said() {
        for (name, said) in [
            ("untitled:Untitled-1", "a document of the editor that was never saved"),
            ("@untitled:/w/new.rs", "a document of the editor that was never saved"),
            ("vscode-notebook-cell:/w/a.ipynb#W0sZmlsZQ==", "The notebook's file is /w/a.ipynb."),
            ("vscode-userdata:/settings.json", "no file of this machine"),
            ("https://example.org/a.txt", "no file of this machine"),
        ] {
            assert!(no_file(name).is_some_and(|it| it.contains(said)), "{name}");
        }
        for name in [
            "a.txt",
            "src/untitled:1",
            "C:\\a.txt",
            "c:/a.txt",
            "file:///a",
            "file:x",
            "notes:1.txt",
            ":a",
            "a b://c",
        ] {
            assert_eq!(no_file(name), None, "{name}");
        }
    }

    #[test]
    fn names_people_cannot_tell_apart_are_tried() {
        let found = variants(Path::new("/w/Caf\u{e9} 1.02 PM.png"));
        assert!(found.contains(&PathBuf::from("/w/Caf\u{e9} 1.02\u{202f}PM.png")));
        assert!(found.contains(&PathBuf::from("/w/Cafe\u{301} 1.02 PM.png")));
        assert_eq!(variants(Path::new("/w/plain")), Vec::<PathBuf>::new());
    }
}
