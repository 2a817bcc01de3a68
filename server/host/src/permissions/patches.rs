//! Which files a patch names.

use super::shell::Word;

/// Larger patches are not read.
pub const MAX_BYTES: u64 = 4 << 20;

/// A file of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The file.
    pub path: String,
    /// Its name before, if the patch renames it.
    pub from: Option<String>,
}

/// How many folders an option takes off the names: `-p1`, `-p 1`, `--strip=1`.
pub fn strip(args: &[Word]) -> Option<usize> {
    let mut rest = args.iter().filter_map(Word::fixed);
    while let Some(word) = rest.next() {
        let number = match word {
            "-p" | "--strip" => rest.next()?,
            _ => match word.strip_prefix("--strip=").or_else(|| word.strip_prefix("-p")) {
                Some(number) => number,
                None => continue,
            },
        };
        return number.parse().ok();
    }
    None
}

/// The files a patch in unified form names, with `strip` folders taken off.
pub fn files(text: &str, strip: usize) -> Vec<Named> {
    let mut found: Vec<Named> = Vec::new();
    let mut from = None;
    let mut add = |path: String, from: Option<String>| {
        if !found.iter().any(|it| it.path == path) {
            found.push(Named { path, from });
        }
    };
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("--- ").or_else(|| line.strip_prefix("+++ ")) {
            if let Some(path) = stripped(path.split('\t').next().unwrap_or_default().trim_end(), strip) {
                add(path, None);
            }
        } else if let Some(path) = line.strip_prefix("rename from ") {
            from = Some(path.to_owned());
        } else if let Some(path) = line.strip_prefix("rename to ") {
            add(path.to_owned(), from.take());
        }
    }
    found
}

fn stripped(path: &str, strip: usize) -> Option<String> {
    if path == "/dev/null" || path.starts_with('"') {
        return None;
    }
    let mut rest = path;
    for _ in 0..strip {
        rest = rest.split_once('/')?.1;
    }
    (!rest.is_empty()).then(|| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_stripped() {
        let text = "diff --git a/x.rs b/y.rs\nrename from x.rs\nrename to y.rs\n--- a/x.rs\n+++ b/y.rs\n@@ -1 +1 @@\n-a\n+b\n\
                    --- /dev/null\n+++ b/sub/new.rs\t2024-01-01\n@@ -0,0 +1 @@\n+x\n";
        let names: Vec<_> = files(text, 1).into_iter().map(|it| (it.path, it.from)).collect();
        let name = |it: &str| it.to_owned();
        assert_eq!(
            names,
            [(name("y.rs"), Some(name("x.rs"))), (name("x.rs"), None), (name("sub/new.rs"), None)]
        );
        assert_eq!(files("--- x.rs\n+++ x.rs\n", 0).len(), 1);
        for (args, number) in [
            (vec!["-p1"], Some(1)),
            (vec!["-p", "2"], Some(2)),
            (vec!["--strip=0"], Some(0)),
            (vec!["-R"], None),
        ] {
            let words: Vec<_> = args.iter().map(|it| Word::plain(it)).collect();
            assert_eq!(strip(&words), number, "{args:?}");
        }
    }
}
