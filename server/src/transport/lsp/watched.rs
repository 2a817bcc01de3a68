//! What happens to files that nobody has open: told by clients that watch them for us, and by those that say when
//! their user makes, moves or deletes files.
//!
//! Watched is only what matters: settings, and files with hunks that wait. Nothing depends on it, as many clients say
//! nothing, or only what they did themselves; what is told is only seen sooner. A checkout tells of thousands of
//! files at once, so they are collected and looked through off the asynchronous threads.

use std::{
    collections::{BTreeSet, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use lsp_types::{MessageType, Url};
use pi_host::{
    fs,
    ledger::{Ledger, LedgerEvent, Select, Status},
    workspace::Document,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, broadcast};

use super::{connection::Connection, documents::file_path, renames::Renames};

/// Time between a message and the look at what it says.
const REST: Duration = Duration::from_millis(150);
/// How long a client may take to begin or end a watch.
const DEADLINE: Duration = Duration::from_secs(10);
/// Files whose names are remembered between two looks; beyond, all that matter are looked at.
const MAX_SEEN: usize = 20_000;
/// Files that are watched one by one; beyond, their folders are.
const MAX_WATCHED: usize = 200;

/// What a client has told since the last look.
#[derive(Debug)]
enum Seen {
    These(HashSet<Url>),
    Everything,
}

impl Seen {
    /// Nothing if it is everything.
    fn paths(&self) -> Option<Vec<PathBuf>> {
        match self {
            Self::These(urls) => Some(urls.iter().filter_map(file_path).collect()),
            Self::Everything => None,
        }
    }
}

/// What one client tells of files.
#[derive(Debug)]
pub struct Watched {
    seen: Mutex<Seen>,
    /// Moves, in their order.
    moved: Mutex<Vec<(PathBuf, PathBuf)>>,
    /// What may have been moves.
    renames: Mutex<Renames>,
    wake: Notify,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            seen: Mutex::new(Seen::These(HashSet::new())),
            moved: Mutex::default(),
            renames: Mutex::default(),
            wake: Notify::new(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watched {
    /// These files have come, gone or become others.
    pub fn saw(&self, files: impl Iterator<Item = Url>) {
        let mut seen = lock(&self.seen);
        for file in files {
            match &mut *seen {
                Seen::These(all) if all.len() < MAX_SEEN || all.contains(&file) => {
                    all.insert(file);
                }
                seen => {
                    *seen = Seen::Everything;
                    break;
                }
            }
        }
        drop(seen);
        self.wake.notify_one();
    }

    /// The user has moved a file or folder.
    pub fn moved(&self, from: PathBuf, to: PathBuf) {
        lock(&self.moved).push((from, to));
        self.wake.notify_one();
    }

    /// A document is open.
    pub fn opened(&self, document: Document) {
        if lock(&self.renames).opened(document.path, document.rope, Instant::now()) {
            self.wake.notify_one();
        }
    }

    /// A document is not open any more.
    pub fn closed(&self, document: Document) {
        if lock(&self.renames).closed(document.path, document.rope, Instant::now()) {
            self.wake.notify_one();
        }
    }

    fn take(&self) -> Seen {
        std::mem::replace(&mut *lock(&self.seen), Seen::These(HashSet::new()))
    }
}

/// What matters of what one client tells.
struct Matters {
    /// The client's names of files with hunks.
    files: HashSet<PathBuf>,
    /// Those, and the folders they are in: one that goes takes its files along.
    places: HashSet<PathBuf>,
    settings: HashSet<PathBuf>,
}

impl Matters {
    fn new(files: HashSet<PathBuf>, settings: HashSet<PathBuf>, folders: &[PathBuf]) -> Self {
        let inside = |place: &Path| folders.iter().any(|it| place.starts_with(it));
        let places = files.iter().flat_map(|it| it.ancestors()).filter(|it| inside(it)).map(Path::to_owned);
        Self { places: places.chain(files.iter().cloned()).collect(), files, settings }
    }

    /// Of what was told: the files with hunks, and whether settings are among it.
    fn of(&self, seen: Seen) -> (Vec<PathBuf>, bool) {
        let Seen::These(urls) = seen else {
            return (self.files.iter().cloned().collect(), true);
        };
        let (mut files, mut settings) = (BTreeSet::new(), false);
        for path in urls.iter().filter_map(file_path) {
            settings |= self.settings.contains(&path);
            if self.files.contains(&path) {
                files.insert(path);
            } else if self.places.contains(&path) {
                files.extend(self.files.iter().filter(|it| it.starts_with(&path)).cloned());
            }
        }
        (files.into_iter().collect(), settings)
    }
}

/// Follows what one client tells, and has it watch what matters, until its connection ends.
pub async fn follow(connection: Arc<Connection>) {
    let review = connection.hub.compose().review(&connection.folder());
    let mut events = review.ledger().subscribe();
    let mut watch = Watch::default();
    loop {
        let mut moved = std::mem::take(&mut *lock(&connection.watched.moved));
        moved.extend(untold(&connection, review.ledger()).await);
        for (from, to) in moved {
            if let Err(error) = review.moved(&from, &to).await {
                tracing::warn!(%error, "hunks did not go along with a file");
            }
        }
        look(&connection, &mut watch).await;
        tokio::select! {
            event = events.recv() => match event {
                Ok(LedgerEvent::Notice(_)) => continue,
                Ok(LedgerEvent::Changed(_)) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
            () = connection.watched.wake.notified() => {}
            () = connection.ended.cancelled() => return,
        }
        tokio::time::sleep(REST).await;
        while events.try_recv().is_ok() {}
    }
}

/// Moves that the client shows and does not tell.
async fn untold(connection: &Connection, ledger: &Ledger) -> Vec<(PathBuf, PathBuf)> {
    let renames = lock(&connection.watched.renames).clone();
    let Some(workspace) = connection.documents.workspace().cloned().filter(|_| ledger.is_there()) else {
        return Vec::new();
    };
    let has_gone = move |path: &Path| workspace.document(path).is_none() && path.symlink_metadata().is_err();
    let found = fs::blocking(move || Ok(renames.found(has_gone))).await.unwrap_or_default();
    lock(&connection.watched.renames).forget(&found);
    for (from, to) in &found {
        // What the model knows goes along as well.
        connection.documents.moved(from, to);
    }
    found
}

/// Acts on what was told, and watches what matters now.
async fn look(connection: &Arc<Connection>, watch: &mut Watch) {
    let seen = connection.watched.take();
    if !connection.capabilities().watches && matches!(&seen, Seen::These(it) if it.is_empty()) {
        return;
    }
    let folders = connection.folders().all();
    for folder in &folders {
        let review = connection.hub.compose().review(folder);
        let found = review.find(&Select::default()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the edit ledger cannot be read");
            Vec::new()
        });
        let closed = |path: &Path| review.workspace().document(path).is_none();
        let waiting = found.iter().filter(|it| it.status == Status::Pending && closed(&it.path));
        watch.files.extend(waiting.map(|it| spelled(&it.path, review.root(), folder)));
    }
    let files = watch.files.clone();
    let mut settings: HashSet<_> = folders.iter().map(|it| it.join(".pi/settings.json")).collect();
    settings.insert(connection.hub.compose().agent_dir().join("settings.json"));
    watch.set(connection, &files, &settings).await;
    let (documents, told) = (connection.documents.workspace().cloned(), seen.paths());
    let matters = Matters::new(files, settings, &folders);
    let told = fs::blocking(move || {
        if let Some(workspace) = documents {
            workspace.files_changed(told.as_deref());
        }
        Ok(matters.of(seen))
    })
    .await;
    let Ok((files, settings)) = told.inspect_err(|error| tracing::warn!(%error, "what was told is lost"))
    else {
        return;
    };
    if !files.is_empty() {
        connection.hub.compose().review(&connection.folder()).ledger().files_changed(&files);
    }
    if settings {
        let connection = connection.clone();
        let read = fs::blocking(move || {
            for warning in connection.hub.compose().reload_settings() {
                connection.messages.show(MessageType::WARNING, &warning);
            }
            Ok(())
        });
        if let Err(error) = read.await {
            tracing::warn!(%error, "settings were not read again");
        }
    }
}

/// The client's name of a file whose real path is known.
fn spelled(path: &Path, root: &Path, folder: &Path) -> PathBuf {
    path.strip_prefix(root).map_or_else(|_| path.to_owned(), |rest| folder.join(rest))
}

/// The watch a client keeps for us.
#[derive(Default)]
struct Watch {
    /// Files with hunks that wait or have waited: what others take out on the disk they may put back.
    files: HashSet<PathBuf>,
    number: u64,
    watched: BTreeSet<(PathBuf, String)>,
}

impl Watch {
    /// Has these files watched, if the client does that, and no others. The new watch begins before the old one ends.
    async fn set(&mut self, connection: &Connection, files: &HashSet<PathBuf>, settings: &HashSet<PathBuf>) {
        if !connection.capabilities().watches {
            return;
        }
        let files: BTreeSet<_> = match files.len() > MAX_WATCHED {
            false => files.iter().filter_map(|it| by_folder(it)).collect(),
            true => files.iter().filter_map(|it| Some((it.parent()?.to_owned(), "*".to_owned()))).collect(),
        };
        let watched: BTreeSet<_> = settings.iter().filter_map(|it| by_folder(it)).chain(files).collect();
        if watched == self.watched {
            return;
        }
        let relative = connection.capabilities().relative_patterns;
        let watchers: Vec<_> = watched.iter().filter_map(|it| watcher(it, relative)).collect();
        let id = |number: u64| format!("pi-files-{number}");
        let method = "workspace/didChangeWatchedFiles";
        let registration =
            json!({"id": id(self.number + 1), "method": method, "registerOptions": {"watchers": watchers}});
        let params = json!({"registrations": [registration]});
        if let Err(error) = connection.client.ask("client/registerCapability", params, DEADLINE).await {
            tracing::debug!(%error, "the client watches no files");
            return;
        }
        self.watched = watched;
        self.number += 1;
        if self.number > 1 {
            // The word is LSP's.
            let params = json!({"unregisterations": [{"id": id(self.number - 1), "method": method}]});
            if let Err(error) = connection.client.ask("client/unregisterCapability", params, DEADLINE).await {
                tracing::debug!(%error, "the client goes on watching");
            }
        }
    }
}

/// A file as its folder and a pattern in it. No pattern quotes a character, so that those with a meaning stand for any.
fn by_folder(path: &Path) -> Option<(PathBuf, String)> {
    let name = path.file_name()?.to_string_lossy();
    Some((path.parent()?.to_owned(), name.replace(['*', '?', '[', ']', '{', '}', ',', '!', '\\'], "?")))
}

fn watcher((folder, pattern): &(PathBuf, String), relative: bool) -> Option<Value> {
    Some(match relative {
        true => json!({"globPattern": {"baseUri": Url::from_file_path(folder).ok()?, "pattern": pattern}}),
        false => json!({"globPattern": format!("{}/{pattern}", folder.to_string_lossy().replace('\\', "/"))}),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(paths: &[&str]) -> Seen {
        Seen::These(paths.iter().map(|it| Url::from_file_path(it).unwrap()).collect())
    }

    #[test]
    fn only_what_matters_is_looked_at() {
        let files = ["/w/a.txt", "/w/src/b.txt", "/w/src/deep/c.txt"].map(PathBuf::from);
        let matters =
            Matters::new(files.into(), HashSet::from(["/home/settings.json".into()]), &["/w".into()]);
        for (told, expected, settings) in [
            (&["/w/other", "/w/src/other"][..], &[][..], false),
            (&["/w/a.txt", "/w/other"], &["/w/a.txt"], false),
            (&["/w/src"], &["/w/src/b.txt", "/w/src/deep/c.txt"], false),
            (&["/w"], &["/w/a.txt", "/w/src/b.txt", "/w/src/deep/c.txt"], false),
            (&["/"], &[], false),
            (&["/home/settings.json"], &[], true),
        ] {
            let found = matters.of(seen(told));
            assert_eq!(found, (expected.iter().map(PathBuf::from).collect(), settings), "{told:?}");
        }
        assert_eq!(matters.of(Seen::Everything).0.len(), 3);
    }

    #[test]
    fn a_flood_is_remembered_as_everything() {
        let watched = Watched::default();
        let url = |it: usize| Url::from_file_path(format!("/w/{it}")).unwrap();
        watched.saw((0..MAX_SEEN).chain(0..10).map(url));
        assert!(matches!(watched.take(), Seen::These(all) if all.len() == MAX_SEEN));
        watched.saw((0..=MAX_SEEN).map(url));
        assert!(matches!(watched.take(), Seen::Everything));
        assert!(matches!(watched.take(), Seen::These(all) if all.is_empty()));
    }

    #[test]
    fn patterns_mean_one_file() {
        for (path, relative, expected) in [
            ("/w/a b.txt", true, json!({"baseUri": "file:///w", "pattern": "a b.txt"})),
            ("/w/a b.txt", false, json!("/w/a b.txt")),
            ("/w/[id].ts", true, json!({"baseUri": "file:///w", "pattern": "?id?.ts"})),
        ] {
            let found = watcher(&by_folder(Path::new(path)).unwrap(), relative);
            assert_eq!(found, Some(json!({"globPattern": expected})), "{path}");
        }
    }
}
