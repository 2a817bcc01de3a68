//! Where confined commands may write: the workspace, its repository, and the places of the settings.

use std::path::{Component, Path, PathBuf};

use crate::{
    paths,
    repository::{self, Found},
};

/// Links that are followed in one path, as in Linux.
const MAX_LINKS: usize = 40;

/// The workspace and its repository, found when a session begins: a command could put something else in their place
/// later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ground {
    /// The workspace; a real path.
    pub root: PathBuf,
    /// The git directories of its repository; real paths. None of a copy.
    pub repository: Vec<PathBuf>,
}

impl Ground {
    /// Of the workspace `folder`. A repository that is the home directory or above is not the project's.
    pub fn of(folder: &Path, home: Option<&Path>) -> Self {
        let root = paths::canonical(folder);
        let home = home.map(paths::canonical);
        let above_home =
            |git: &Path| home.as_ref().zip(git.parent()).is_some_and(|(it, git)| it.starts_with(git));
        let repository = match repository::find(&root) {
            Found::Repository(it) if !above_home(&it.git) => vec![it.common, it.git],
            _ => Vec::new(),
        };
        Self { root, repository }
    }
}

/// What the places are found from.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The workspace.
    pub ground: Ground,
    /// The home directory.
    pub home: Option<PathBuf>,
    /// Setting `sandbox.writable`: paths, with a leading `~` or `$NAME`.
    pub listed: Vec<String>,
    /// The root is a copy of this folder, which must stay as it is: no place that contains it.
    pub copy_of: Option<PathBuf>,
}

impl Places {
    /// Real paths, without repetition. What does not exist is left out: the kernel can only open what is there. So is
    /// what a link leads to that lies where commands may write, as one of them may have put it there.
    pub(super) fn resolve(&self) -> Vec<PathBuf> {
        let listed = self.listed.iter().filter_map(|it| self.expand(it, |name| std::env::var(name).ok()));
        let own: Vec<_> =
            std::iter::once(&self.ground.root).chain(&self.ground.repository).cloned().collect();
        let all: Vec<PathBuf> = own.iter().cloned().chain(listed).collect();
        let reached: Vec<PathBuf> =
            all.iter().filter_map(|it| it.canonicalize().ok()).chain(all.clone()).collect();
        let original = self.copy_of.as_ref().map(|it| paths::canonical(it));
        let mut out: Vec<PathBuf> = Vec::new();
        for named in &all {
            let Some(path) = without_planted_links(named, &reached) else { continue };
            // What was a real path when the session began and is a link now is not the same any more.
            if own.contains(named) && path != *named {
                continue;
            }
            if original.as_ref().is_some_and(|it| it.starts_with(&path) || path.starts_with(it)) {
                continue;
            }
            if path.exists() && !out.iter().any(|it| path.starts_with(it)) {
                out.push(path);
            }
        }
        out
    }

    /// The path that an entry of the list means; none if it names a variable that is not set, or no place at all.
    fn expand(&self, entry: &str, variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
        let path = match entry.strip_prefix('$') {
            Some(rest) => {
                let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
                let value = variable(name).filter(|it| !it.is_empty())?;
                PathBuf::from(value).join(rest)
            }
            None => match (entry.strip_prefix("~/"), &self.home) {
                (Some(rest), Some(home)) => home.join(rest),
                _ => PathBuf::from(entry),
            },
        };
        // A variable set to `/` or to something relative must not open everything.
        (path.is_absolute() && path.parent().is_some()).then_some(path)
    }
}

/// The real path, unless a link on the way lies in one of the places `reached`.
fn without_planted_links(path: &Path, reached: &[PathBuf]) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    let mut links = 0;
    let mut rest: Vec<PathBuf> = pieces(path);
    while let Some(piece) = rest.pop() {
        match piece.components().next() {
            None | Some(Component::CurDir) => {}
            Some(Component::ParentDir) => {
                out.pop();
            }
            Some(Component::RootDir | Component::Prefix(_)) => out.push(&piece),
            Some(Component::Normal(_)) => {
                let planted = reached.iter().any(|it| out.starts_with(it));
                out.push(&piece);
                let Ok(target) = out.read_link() else { continue };
                links += 1;
                if planted || links > MAX_LINKS {
                    return None;
                }
                out.pop();
                rest.extend(pieces(&target));
            }
        }
    }
    Some(out)
}

/// The components, last first.
fn pieces(path: &Path) -> Vec<PathBuf> {
    path.components().rev().map(|it| PathBuf::from(it.as_os_str())).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn entries_may_name_the_home_and_variables() {
        let places = Places { home: Some("/home/me".into()), ..Places::default() };
        let variable = |name: &str| match name {
            "SET" => Some("/set".to_owned()),
            "ROOT" => Some("/".to_owned()),
            "RELATIVE" => Some("here".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (entry, expected) in [
            ("/tmp", Some("/tmp")),
            ("~/.npm", Some("/home/me/.npm")),
            ("$SET", Some("/set/")),
            ("$SET/pkg", Some("/set/pkg")),
            ("$UNSET/pkg", None),
            ("$EMPTY", None),
            ("$ROOT", None),
            ("$RELATIVE", None),
            ("relative", None),
            ("~other/x", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(places.expand(entry, variable), expected.map(PathBuf::from), "{entry}");
        }
    }

    fn repository(path: &Path) {
        fs::create_dir_all(path.join("objects")).unwrap();
        fs::write(path.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    }

    #[test]
    fn the_repository_of_the_workspace_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        let at = |root: &str| {
            let found = Ground::of(&top.join(root), Some(&top)).repository;
            found.iter().map(|it| it.strip_prefix(&top).unwrap().display().to_string()).collect::<Vec<_>>()
        };
        repository(&top.join(".git"));
        fs::create_dir(top.join("plain")).unwrap();
        assert!(at("plain").is_empty(), "the repository of a home is not a project's");
        repository(&top.join("repo/.git"));
        fs::create_dir_all(top.join("repo/.git/worktrees/linked")).unwrap();
        fs::create_dir(top.join("repo/sub")).unwrap();
        assert_eq!(at("repo"), ["repo/.git", "repo/.git"]);
        assert_eq!(at("repo/sub"), ["repo/.git", "repo/.git"]);
        fs::create_dir(top.join("linked")).unwrap();
        fs::write(top.join("linked/.git"), "gitdir: ../repo/.git/worktrees/linked\n").unwrap();
        fs::write(top.join("repo/.git/worktrees/linked/commondir"), "../..\n").unwrap();
        assert_eq!(at("linked"), ["repo/.git", "repo/.git/worktrees/linked"]);
        fs::write(top.join("linked/.git"), "nonsense").unwrap();
        assert!(at("linked").is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn no_link_that_a_command_may_have_written_is_followed() {
        use std::os::unix::fs::symlink;

        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        for name in ["home", "tmp/own", "repo/sub", "linked", "cache"] {
            fs::create_dir_all(top.join(name)).unwrap();
        }
        repository(&top.join("repo/.git"));
        fs::create_dir_all(top.join("repo/.git/worktrees/linked")).unwrap();
        fs::write(top.join("repo/.git/worktrees/linked/commondir"), "../..\n").unwrap();
        fs::write(top.join("linked/.git"), "gitdir: ../repo/.git/worktrees/linked\n").unwrap();
        // One that the user has made.
        symlink("cache", top.join("home-cache")).unwrap();
        let listed: Vec<_> =
            ["tmp/own", "tmp", "home-cache"].iter().map(|it| top.join(it).display().to_string()).collect();
        let at = |ground: &Ground| {
            let places = Places { ground: ground.clone(), listed: listed.clone(), ..Places::default() };
            let found = places.resolve();
            found.iter().map(|it| it.strip_prefix(&top).unwrap().display().to_string()).collect::<Vec<_>>()
        };
        let work = Ground::of(&top.join("repo/sub"), None);
        let linked = Ground::of(&top.join("linked"), None);
        assert_eq!(at(&work), ["repo/sub", "repo/.git", "tmp/own", "tmp", "cache"]);
        assert_eq!(at(&linked), ["linked", "repo/.git", "tmp/own", "tmp", "cache"]);

        let replace = |name: &str| {
            let path = top.join(name);
            fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path)).unwrap();
            symlink(top.join("home"), &path).unwrap();
        };
        // What commands in these sandboxes can put in the place of a folder.
        replace("tmp/own");
        replace("repo/.git/worktrees/linked");
        replace("linked/.git");
        symlink(top.join("home"), top.join("repo/sub/.git")).unwrap();
        assert_eq!(at(&work), ["repo/sub", "repo/.git", "tmp", "cache"]);
        assert_eq!(at(&linked), ["linked", "repo/.git", "tmp", "cache"]);
        // And what one without a sandbox can.
        replace("repo/.git");
        assert_eq!(at(&work), ["repo/sub", "tmp", "cache"]);
    }

    #[test]
    fn what_is_missing_or_inside_another_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir(root.join("inside")).unwrap();
        let listed = [root.join("inside"), root.join("missing")].map(|it| it.display().to_string()).into();
        let ground = Ground::of(&root, Some(&root));
        let places = Places { ground, home: Some(root.clone()), listed, copy_of: None };
        assert_eq!(places.resolve(), [root]);
    }
}
