//! Where confined commands may write: the workspace, its repository, and the places of the settings.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::paths;

/// What the places are found from.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The workspace.
    pub root: PathBuf,
    /// The home directory.
    pub home: Option<PathBuf>,
    /// Setting `sandbox.writable`: paths, with a leading `~` or `$NAME`.
    pub listed: Vec<String>,
    /// The root is a copy of this folder, which must stay as it is: no place that contains it, and no repository.
    pub copy_of: Option<PathBuf>,
}

impl Places {
    /// Real paths, without repetition. What does not exist is left out: the kernel can only open what is there.
    pub(super) fn resolve(&self) -> Vec<PathBuf> {
        let listed = self.listed.iter().filter_map(|it| self.expand(it, |name| std::env::var(name).ok()));
        let mut out: Vec<PathBuf> = Vec::new();
        let repository = if self.copy_of.is_some() { Vec::new() } else { self.repository() };
        let original = self.copy_of.as_ref().map(|it| paths::canonical(it));
        let all = std::iter::once(self.root.clone()).chain(repository).chain(listed);
        for path in all.filter_map(|it| it.canonicalize().ok()) {
            if original.as_ref().is_some_and(|it| it.starts_with(&path) || path.starts_with(it)) {
                continue;
            }
            if !out.iter().any(|it| path.starts_with(it)) {
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

    /// The repository that the workspace is part of, where it lies outside: a linked worktree, a submodule, or a
    /// workspace that is a folder of the repository.
    fn repository(&self) -> Vec<PathBuf> {
        let outside_home = |it: &&Path| self.home.as_deref() != Some(*it);
        let found = self.root.ancestors().take_while(outside_home).map(|it| it.join(".git"));
        let Some(git) = found.into_iter().find(|it| it.exists()) else { return Vec::new() };
        let Ok(text) = fs::read_to_string(&git) else { return vec![git] };
        let Some(own) = text.strip_prefix("gitdir:") else { return Vec::new() };
        let own = paths::absolute(git.parent().unwrap_or(&git), Path::new(own.trim()));
        let common = fs::read_to_string(own.join("commondir"));
        let common = common.ok().map(|it| paths::absolute(&own, Path::new(it.trim())));
        common.into_iter().chain([own]).collect()
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn the_repository_of_the_workspace_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        let make = |path: &str| fs::create_dir_all(top.join(path)).unwrap();
        let at = |root: &str| {
            let places = Places { root: top.join(root), home: Some(top.clone()), ..Places::default() };
            let found = places.repository();
            found.iter().map(|it| it.strip_prefix(&top).unwrap().display().to_string()).collect::<Vec<_>>()
        };
        make(".git");
        make("plain");
        assert!(at("plain").is_empty(), "the repository of a home is not a project's");
        make("repo/.git/worktrees/linked");
        make("repo/sub");
        assert_eq!(at("repo"), ["repo/.git"]);
        assert_eq!(at("repo/sub"), ["repo/.git"]);
        make("linked");
        fs::write(top.join("linked/.git"), "gitdir: ../repo/.git/worktrees/linked\n").unwrap();
        fs::write(top.join("repo/.git/worktrees/linked/commondir"), "../..\n").unwrap();
        assert_eq!(at("linked"), ["repo/.git", "repo/.git/worktrees/linked"]);
        fs::write(top.join("linked/.git"), "nonsense").unwrap();
        assert!(at("linked").is_empty());
    }

    #[test]
    fn what_is_missing_or_inside_another_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir(root.join("inside")).unwrap();
        let listed = [root.join("inside"), root.join("missing")].map(|it| it.display().to_string()).into();
        assert_eq!(
            Places { root: root.clone(), home: Some(root.clone()), listed, copy_of: None }.resolve(),
            [root]
        );
    }
}
