//! Whether a command changed files that it does not name: size and time of all files before it and after it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::tools::search::walker;

/// With more files nothing is looked at.
const MAX_FILES: usize = 20_000;

/// The files of a folder that ignore files do not name, with size and time.
#[derive(Debug, PartialEq, Eq)]
pub struct Files(HashMap<PathBuf, (u64, Option<SystemTime>)>);

impl Files {
    /// As they are now; nothing if there are too many. Blocks.
    pub fn of(root: &Path) -> Option<Self> {
        let mut files = HashMap::new();
        for entry in walker(root).build().filter_map(Result::ok) {
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                continue;
            }
            if files.len() == MAX_FILES {
                return None;
            }
            files.insert(entry.into_path(), (meta.len(), meta.modified().ok()));
        }
        Some(Self(files))
    }

    /// What came, went or became different up to `later`.
    pub fn changed<'a>(&'a self, later: &'a Self) -> impl Iterator<Item = &'a Path> {
        let all = self.0.keys().chain(later.0.keys().filter(|it| !self.0.contains_key(*it)));
        all.filter(|it| self.0.get(*it) != later.0.get(*it)).map(PathBuf::as_path)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_came_went_or_changed_is_seen_and_what_is_ignored_not() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        std::fs::create_dir(dir.path().join(".git")).unwrap();
        for (name, text) in [("a", "1"), ("b", "1"), ("same", "1"), (".gitignore", "out\n"), ("out", "1")] {
            put(name, text);
        }
        let before = Files::of(dir.path()).unwrap();
        assert_eq!(before.changed(&Files::of(dir.path()).unwrap()).count(), 0);
        put("a", "22");
        std::fs::remove_file(dir.path().join("b")).unwrap();
        put("c", "1");
        put("out", "22");
        put(".git/index", "1");
        let after = Files::of(dir.path()).unwrap();
        let names: BTreeSet<_> = before.changed(&after).filter_map(|it| it.file_name()?.to_str()).collect();
        assert_eq!(names, BTreeSet::from(["a", "b", "c"]));
    }
}
