//! The files of a project for completion, walked once for the keystrokes of a few seconds.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use ignore::WalkBuilder;
use pi_host::fs::blocking;
use tokio::{sync::Mutex, time::Instant};

/// How long a walk is good for. What the user has open is known without it.
const GOOD: Duration = Duration::from_secs(5);
/// Files that are looked at, and for how long.
const MOST: usize = 50_000;
const LONGEST: Duration = Duration::from_secs(2);

/// A file that no ignore file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its path from the project's folder.
    pub name: String,
    /// When it was changed.
    pub time: Option<SystemTime>,
}

/// What was found, and when.
type Walk = (Instant, Arc<[Found]>);

/// The last walks, by folder.
#[derive(Debug, Default)]
pub struct Walks(Mutex<HashMap<PathBuf, Walk>>);

impl Walks {
    /// The files of a project. Who asks while it is walked gets the same walk.
    pub async fn files(&self, folder: &Path) -> Arc<[Found]> {
        let mut known = self.0.lock().await;
        known.retain(|_, it| it.0.elapsed() < GOOD);
        if let Some((_, files)) = known.get(folder) {
            return files.clone();
        }
        let walked = folder.to_owned();
        let files = blocking(move || Ok::<_, std::io::Error>(walk(&walked)));
        let files: Arc<[Found]> = files.await.unwrap_or_default().into();
        known.insert(folder.to_owned(), (Instant::now(), files.clone()));
        files
    }
}

fn walk(folder: &Path) -> Vec<Found> {
    let began = std::time::Instant::now();
    let walk = WalkBuilder::new(folder).hidden(true).require_git(false).build();
    let files = walk.take_while(|_| began.elapsed() < LONGEST).flatten();
    let files = files.filter(|it| it.file_type().is_some_and(|it| it.is_file())).take(MOST);
    let found = |it: ignore::DirEntry| {
        let time = it.metadata().ok().and_then(|it| it.modified().ok());
        Some(Found { name: relative(it.path(), folder)?, time })
    };
    files.filter_map(found).collect()
}

/// A path as it is written from the project's folder; nothing for one that is hidden or elsewhere.
pub fn relative(path: &Path, folder: &Path) -> Option<String> {
    let hidden = |it: &str| it.split('/').any(|it| it.starts_with('.'));
    let relative = path.strip_prefix(folder).ok()?.to_str()?.replace('\\', "/");
    Some(relative).filter(|it| !hidden(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_project_is_walked_once_in_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let walks = Walks::default();
        let names = async || -> Vec<String> {
            let mut names: Vec<_> =
                walks.files(folder.path()).await.iter().map(|it| it.name.clone()).collect();
            names.sort();
            names
        };
        std::fs::write(folder.path().join("a.rs"), "").unwrap();
        assert_eq!(names().await, ["a.rs"]);
        std::fs::write(folder.path().join("b.rs"), "").unwrap();
        assert_eq!(names().await, ["a.rs"], "it was walked a moment ago");
        tokio::time::advance(GOOD).await;
        assert_eq!(names().await, ["a.rs", "b.rs"]);
    }
}
