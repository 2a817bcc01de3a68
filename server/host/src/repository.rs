//! The git repository a folder is part of, found as git finds it, and whether its configuration runs programs.
//!
//! For permission and for the sandbox, which both must not take a repository for the user's that a command has just
//! made. Of the configuration only what is known to run nothing is harmless; what is not understood is not.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::paths;

/// A larger configuration is not read.
const MAX_CONFIG: u64 = 64 << 10;

/// A repository; real paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its git directory; for a linked worktree its own.
    pub git: PathBuf,
    /// Where all worktrees have what they share; mostly the same.
    pub common: PathBuf,
}

/// What git finds from a folder upwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No repository.
    Nothing,
    /// One that `.git` names.
    Repository(Repository),
    /// A folder that is laid out like a git directory itself, or a `.git` that cannot be read.
    Other,
}

/// What git finds from `folder`, a real path, upwards.
pub fn find(folder: &Path) -> Found {
    for folder in folder.ancestors() {
        let entry = folder.join(".git");
        match entry.metadata() {
            Ok(it) if it.is_dir() => {
                if let Some(found) = is_layout(&entry).then(|| Repository::at(&entry)).flatten() {
                    return Found::Repository(found);
                }
            }
            Ok(_) => return named(&entry).map_or(Found::Other, Found::Repository),
            Err(_) => {}
        }
        if is_layout(folder) {
            return Found::Other;
        }
    }
    Found::Nothing
}

/// Whether git takes the folder for a git directory.
fn is_layout(folder: &Path) -> bool {
    folder.join("HEAD").symlink_metadata().is_ok()
        && (folder.join("objects").exists() || folder.join("commondir").exists())
}

/// The repository that a file `.git` names.
fn named(entry: &Path) -> Option<Repository> {
    let text = fs::read_to_string(entry).ok()?;
    let git = text.strip_prefix("gitdir:")?.trim();
    Repository::at(&paths::absolute(entry.parent()?, Path::new(git)))
}

impl Repository {
    fn at(git: &Path) -> Option<Self> {
        let git = git.canonicalize().ok()?;
        let common = match fs::read_to_string(git.join("commondir")) {
            Ok(text) => paths::absolute(&git, Path::new(text.trim())).canonicalize().ok()?,
            Err(_) => git.clone(),
        };
        Some(Self { git, common })
    }

    /// Whether nothing in its configuration makes git run a program or read elsewhere when it only reads, beside what
    /// [`reading`] switches off.
    pub fn runs_nothing(&self) -> bool {
        let worktree = self.git.join("config.worktree");
        let quiet = |path: &Path| {
            let small = path.metadata().is_ok_and(|it| it.is_file() && it.len() <= MAX_CONFIG);
            small && fs::read_to_string(path).is_ok_and(|it| runs_nothing(&it))
        };
        quiet(&self.common.join("config")) && (!worktree.exists() || quiet(&worktree))
    }
}

/// Sections whose keys run nothing while git only reads: they are about talking to others, about writing, or about looks.
const HARMLESS_SECTIONS: [&str; 27] = [
    "user",
    "author",
    "committer",
    "branch",
    "alias",
    "color",
    "push",
    "pull",
    "fetch",
    "rebase",
    "merge",
    "commit",
    "tag",
    "init",
    "advice",
    "gc",
    "maintenance",
    "pack",
    "receive",
    "lfs",
    "http",
    "credential",
    "submodule",
    "status",
    "column",
    "rerere",
    "gui",
];
/// Keys of `core` that run nothing, or that [`reading`] overrides.
const HARMLESS_CORE: [&str; 22] = [
    "repositoryformatversion",
    "filemode",
    "bare",
    "logallrefupdates",
    "ignorecase",
    "precomposeunicode",
    "symlinks",
    "autocrlf",
    "eol",
    "safecrlf",
    "quotepath",
    "longpaths",
    "untrackedcache",
    "preloadindex",
    "fscache",
    "commitgraph",
    "abbrev",
    "hookspath",
    "fsmonitor",
    "sharedrepository",
    "editor",
    "sparsecheckout",
];
/// The same for other sections.
const HARMLESS_KEYS: [(&str, &[&str]); 6] = [
    (
        "remote",
        &[
            "url",
            "pushurl",
            "fetch",
            "push",
            "tagopt",
            "prune",
            "gh-resolved",
            "promisor",
            "partialclonefilter",
        ],
    ),
    ("extensions", &["worktreeconfig", "objectformat", "partialclone", "noop"]),
    ("log", &["date", "decorate", "follow", "abbrevcommit", "mailmap"]),
    ("diff", &["algorithm", "renames", "mnemonicprefix", "noprefix", "context", "colormoved", "renamelimit"]),
    ("index", &["version", "threads", "skiphash"]),
    ("feature", &["manyfiles", "experimental"]),
];

/// Whether a configuration has nothing but what is known to run nothing.
fn runs_nothing(config: &str) -> bool {
    let mut section = String::new();
    config.lines().map(str::trim).all(|line| {
        if line.is_empty() || line.starts_with(['#', ';']) {
            return true;
        }
        // The next line would belong to it.
        if line.ends_with('\\') {
            return false;
        }
        if let Some(header) = line.strip_prefix('[') {
            let Some(header) = header.strip_suffix(']') else { return false };
            let end = header.find([' ', '\t', '.', '"']).unwrap_or(header.len());
            section = header[..end].to_ascii_lowercase();
            return !header.contains(']');
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        is_harmless(&section, &key.trim().to_ascii_lowercase(), value.trim())
    })
}

fn is_harmless(section: &str, key: &str, value: &str) -> bool {
    match section {
        "core" => HARMLESS_CORE.contains(&key),
        // Git LFS, as it sets itself up.
        "filter" => key == "required" || value.starts_with("git-lfs "),
        // A helper is a program.
        "remote" if value.contains("::") => false,
        _ if HARMLESS_SECTIONS.contains(&section) => true,
        _ => HARMLESS_KEYS.iter().any(|(name, keys)| *name == section && keys.contains(&key)),
    }
}

/// Variables for a command that only reads, `inherited` being the number of settings that the environment has for git
/// already: git takes no lock, so that it runs no hook, fetches nothing, starts no monitor, and takes no folder for a
/// repository that is only laid out like one.
pub fn reading(inherited: usize) -> Vec<(String, String)> {
    const SETTINGS: [(&str, &str); 3] =
        [("safe.bareRepository", "explicit"), ("core.fsmonitor", "false"), ("core.hooksPath", "/dev/null")];
    let mut variables = vec![
        ("GIT_OPTIONAL_LOCKS".to_owned(), "0".to_owned()),
        ("GIT_NO_LAZY_FETCH".to_owned(), "1".to_owned()),
        ("GIT_CONFIG_COUNT".to_owned(), (inherited + SETTINGS.len()).to_string()),
    ];
    for (at, (key, value)) in SETTINGS.into_iter().enumerate() {
        let at = inherited + at;
        variables.push((format!("GIT_CONFIG_KEY_{at}"), key.to_owned()));
        variables.push((format!("GIT_CONFIG_VALUE_{at}"), value.to_owned()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_configuration_that_is_known_to_run_nothing_is_harmless() {
        for (config, expected) in [
            ("", true),
            ("[core]\n\trepositoryformatversion = 0\n\tbare = false\n", true),
            (
                "[remote \"origin\"]\n\turl = git@example.org:a/b.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n",
                true,
            ),
            ("[branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/main\n# a comment\n", true),
            ("[filter \"lfs\"]\n\tclean = git-lfs clean -- %f\n\trequired = true\n", true),
            ("[core]\n\tfsmonitor = true\n\thooksPath = .husky\n", true),
            ("[core]\n\tworktree = /\n", false),
            ("[core]\n\tpager = ./x\n", false),
            ("[core] pager = ./x\n", false),
            ("[CORE]\n\tAttributesFile = x\n", false),
            ("[filter \"x\"]\n\tclean = ./x\n", false),
            ("[diff]\n\texternal = ./x\n", false),
            ("[diff \"x\"]\n\ttextconv = ./x\n", false),
            ("[include]\n\tpath = ../x\n", false),
            ("[includeIf \"gitdir:/\"]\n\tpath = ../x\n", false),
            ("[user]\n\tname = a \\\n[diff]\nexternal = x\n", false),
            ("[remote \"o\"]\n\turl = ext::sh -c x\n", false),
            ("[remote \"o\"]\n\tuploadpack = ./x\n", false),
            ("[log]\n\tshowSignature = true\n", false),
            ("[user \"]\"]\n[user]\n", false),
            ("nonsense\n", false),
        ] {
            assert_eq!(runs_nothing(config), expected, "{config}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn repositories_are_found_as_git_finds_them() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        let make = |path: &str| {
            fs::create_dir_all(top.join(path).join("objects")).unwrap();
            fs::write(top.join(path).join("HEAD"), "ref: refs/heads/main\n").unwrap();
        };
        let at = |folder: &str| match find(&top.join(folder)) {
            Found::Repository(it) => {
                let name = |it: &Path| it.strip_prefix(&top).unwrap().display().to_string();
                format!("{} {}", name(&it.git), name(&it.common))
            }
            other => format!("{other:?}"),
        };
        make("repo/.git");
        fs::create_dir_all(top.join("repo/sub/empty/.git")).unwrap();
        make("repo/bare");
        fs::create_dir_all(top.join("repo/bare/deep")).unwrap();
        for (folder, expected) in [
            ("repo", "repo/.git repo/.git"),
            ("repo/sub", "repo/.git repo/.git"),
            ("repo/sub/empty", "repo/.git repo/.git"),
            ("repo/bare", "Other"),
            ("repo/bare/deep", "Other"),
            ("repo/.git", "Other"),
        ] {
            assert_eq!(at(folder), expected, "{folder}");
        }
        fs::create_dir_all(top.join("repo/.git/worktrees/linked")).unwrap();
        fs::write(top.join("repo/.git/worktrees/linked/commondir"), "../..\n").unwrap();
        fs::create_dir(top.join("linked")).unwrap();
        fs::write(top.join("linked/.git"), "gitdir: ../repo/.git/worktrees/linked\n").unwrap();
        assert_eq!(at("linked"), "repo/.git/worktrees/linked repo/.git");
        fs::write(top.join("linked/.git"), "nonsense").unwrap();
        assert_eq!(at("linked"), "Other");
    }

    #[test]
    fn settings_are_added_to_those_of_the_environment() {
        let variables = reading(2);
        let value = |name: &str| variables.iter().find(|it| it.0 == name).map(|it| it.1.as_str());
        assert_eq!(value("GIT_CONFIG_COUNT"), Some("5"));
        assert_eq!(value("GIT_CONFIG_KEY_2"), Some("safe.bareRepository"));
        assert_eq!(value("GIT_CONFIG_VALUE_4"), Some("/dev/null"));
    }
}
