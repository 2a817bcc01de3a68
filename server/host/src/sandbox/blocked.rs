//! Signs in the output of a command that something was denied, and what.
//!
//! Programs tell the same failure in many ways; what they share is the system's words and, mostly, the path.

use std::path::{Path, PathBuf};

use crate::paths;

/// How the system's refusal reads, in lower case.
const REFUSALS: [&str; 3] = ["permission denied", "eacces", "os error 13"];
/// Lines and paths looked at; a build can fail a thousand times for the same reason.
const LIMIT: usize = 20;

/// What the output says was denied.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Denied {
    /// Lines that tell of a refusal.
    pub lines: usize,
    /// What in them may be a path.
    words: Vec<String>,
}

/// Looks for refusals in `output`.
pub(super) fn find(output: &str) -> Denied {
    let mut denied = Denied::default();
    for line in output.lines() {
        let lower = line.to_lowercase();
        if !REFUSALS.iter().any(|it| lower.contains(it)) {
            continue;
        }
        denied.lines += 1;
        for word in words(without_program(line)) {
            if denied.words.len() < LIMIT && !denied.words.contains(&word) {
                denied.words.push(word);
            }
        }
    }
    denied
}

/// The line without the name of the program that says it, as in `/bin/bash: line 1: x: Permission denied`.
fn without_program(line: &str) -> &str {
    match line.split_once(": ") {
        Some((first, rest)) if !first.contains(' ') && rest.contains(": ") => rest,
        _ => line,
    }
}

/// What may be a path: quoted text, and words with a slash.
fn words(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let is_quote = |it: char| matches!(it, '\'' | '"' | '`' | '\u{2018}' | '\u{2019}');
    for (index, part) in line.split(is_quote).enumerate() {
        let part = part.trim();
        // An odd part is between quotes, unless an apostrophe stands somewhere; then no such file will be found.
        if index % 2 == 1 && !part.is_empty() && !part.contains(": ") {
            out.push(part.to_owned());
            continue;
        }
        let separated =
            part.split(|it: char| it.is_whitespace() || matches!(it, '(' | ')' | '[' | ']' | ','));
        let trimmed = separated.map(|it| it.trim_end_matches([':', '.', ';']));
        out.extend(trimmed.filter(|it| it.contains('/') && !is_connection(it)).map(str::to_owned));
    }
    out
}

/// An address, or one of the names under which bash opens connections.
fn is_connection(word: &str) -> bool {
    word.contains("://") || word.starts_with("/dev/tcp/") || word.starts_with("/dev/udp/")
}

impl Denied {
    /// The paths, absolute, as a command in `cwd` means them.
    pub(super) fn paths(&self, cwd: &Path) -> Vec<PathBuf> {
        let mut out: Vec<PathBuf> = Vec::new();
        for word in &self.words {
            let path = paths::absolute(cwd, &paths::expand_home(word));
            if !out.contains(&path) {
                out.push(path);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_the_words_of_many_programs() {
        for (line, path) in [
            ("bash: line 1: /etc/x: Permission denied", "/etc/x"),
            ("bash: line 1: ../x: Permission denied", "/w/x"),
            ("touch: cannot touch '/etc/a b': Permission denied", "/etc/a b"),
            ("touch: cannot touch \u{2018}x\u{2019}: Permission denied", "/w/a/x"),
            ("mkdir: cannot create directory \u{2018}/opt/x\u{2019}: Permission denied", "/opt/x"),
            ("PermissionError: [Errno 13] Permission denied: '/etc/x'", "/etc/x"),
            ("Error: EACCES: permission denied, open '/etc/x'", "/etc/x"),
            ("npm error path /usr/lib/node_modules EACCES", "/usr/lib/node_modules"),
            ("error: failed to open `/r/.cargo/x`: Permission denied (os error 13)", "/r/.cargo/x"),
            ("open /etc/x: permission denied", "/etc/x"),
            ("/etc/x: Permission denied", "/etc/x"),
        ] {
            assert!(find(line).paths(Path::new("/w/a")).contains(&PathBuf::from(path)), "{line}");
        }
    }

    #[test]
    fn other_lines_say_nothing() {
        for output in ["", "all is well\n/etc/x", "No such file or directory: '/etc/x'"] {
            assert_eq!(find(output), Denied::default(), "{output}");
        }
        for line in [
            "curl: (7) Failed to connect to https://x.test/y: Permission denied",
            "/bin/bash: connect: Permission denied",
            "/bin/bash: line 1: /dev/tcp/127.0.0.1/80: Permission denied",
        ] {
            let denied = find(line);
            assert_eq!((denied.lines, denied.words.len()), (1, 0), "{line}");
        }
    }
}
