//! Deciding: each decision is an edit like Pi's own, verified in the buffer or on disk, and can be taken back.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use super::{
    Ledger, LedgerEvent,
    decide::{self, Decided, Refusal, Verb},
    hunks::{FileState, Status, Whole},
    journal, lock,
    query::{self, EditPatch, Found, FoundHunk, Select, Settled, Side, TakenOut},
    raw::{self, Raw},
    store::{self, StoredFile},
    unrecorded,
};
use crate::{
    crash::{self, Point},
    fs, paths,
    tools::diff,
    workspace::Workspace,
};

/// How often a decision is stored anew when another process has changed the same file's records.
const STORE_ATTEMPTS: usize = 4;

/// The review of one project.
#[derive(Debug)]
pub struct Review {
    pub(super) ledger: Arc<Ledger>,
    pub(super) workspace: Arc<Workspace>,
    pub(super) root: PathBuf,
    /// What killed processes left lying about is removed.
    swept: Mutex<bool>,
    /// Decisions of this process follow one another.
    turn: tokio::sync::Mutex<()>,
    /// Nobody looks while a file gets another name: it would seem to be gone, or renamed by somebody else.
    moving: tokio::sync::RwLock<()>,
}

/// What a decision came to, over all files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The hunks that have another status now.
    pub changed: Vec<i64>,
    /// Those of them whose lines came or went.
    pub turned: Vec<i64>,
    /// What could not be done.
    pub refused: Vec<Refusal>,
    /// Files whose hunks were changed.
    pub files: Vec<PathBuf>,
    /// Of a revert: commands that changed files beside what is on record, which stay as they are.
    pub not_restored: Vec<String>,
}

impl Review {
    /// Of the project in the workspace's folder.
    pub fn new(ledger: Arc<Ledger>, workspace: Arc<Workspace>) -> Arc<Self> {
        let root = paths::canonical(workspace.root());
        Arc::new(Self {
            ledger,
            workspace,
            root,
            swept: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            moving: tokio::sync::RwLock::default(),
        })
    }

    /// Where everything is recorded.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// The files it is about.
    pub fn workspace(&self) -> &Arc<Workspace> {
        &self.workspace
    }

    /// The project's folder, without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All hunks of the project as they are now. Nothing is made if nothing was ever recorded.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn look(self: &Arc<Self>) -> io::Result<Found> {
        if !self.ledger.is_there() {
            return Ok(Found::default());
        }
        let _still = self.moving.read().await;
        let review = self.clone();
        let found = fs::blocking(move || {
            let root = store::path_text(&review.root);
            review.sweep(&root)?;
            // Commands are entered while the ledger is held: one that began before this is seen to be running.
            review.ledger.with(|db| {
                let running = lock(&review.ledger.running).clone();
                query::look(db, &root, &review.workspace, &running)
            })
        })
        .await?;
        self.report(&found.settled, &found.turned);
        Ok(found)
    }

    /// Looks at the edits that earlier processes left in doubt when they were killed, and tells what became of them.
    /// Quick, however much is on record. Anybody who looks at hunks does this as well.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub async fn settle(self: &Arc<Self>) -> io::Result<()> {
        if !self.ledger.is_there() {
            return Ok(());
        }
        let review = self.clone();
        let settled = fs::blocking(move || {
            let root = store::path_text(&review.root);
            // Commands are entered while the ledger is held: one that began before this is seen to be running.
            review.ledger.with(|db| {
                let running = lock(&review.ledger.running).clone();
                query::settle(db, &root, &review.workspace, &running)
            })
        })
        .await?;
        self.report(&settled, &[]);
        Ok(())
    }

    /// Removes the temporary files they left. Once in a process; anybody who looks at hunks does this as well.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub async fn tidy(self: &Arc<Self>) -> io::Result<()> {
        if !self.ledger.is_there() {
            return Ok(());
        }
        let review = self.clone();
        fs::blocking(move || review.sweep(&store::path_text(&review.root))).await
    }

    /// Blocks.
    fn sweep(&self, root: &str) -> io::Result<()> {
        let mut swept = lock(&self.swept);
        if !*swept {
            self.ledger.with(|db| query::sweep(db, root))?;
            *swept = true;
        }
        Ok(())
    }

    fn report(&self, settled: &[Settled], turned: &[PathBuf]) {
        for it in settled {
            let name = self.name(&it.path);
            let text = match (it.given_up, it.made) {
                (false, true) => {
                    format!("Pi was cut off while it edited {name}. The edit is there and waits for review.")
                }
                (false, false) => format!("Pi was cut off while it edited {name}. The edit was not made."),
                (true, true) => {
                    format!(
                        "The editor made an edit of {name} after all that Pi had given up. It waits for review."
                    )
                }
                // As was said at the time.
                (true, false) => continue,
            };
            self.ledger.tell(LedgerEvent::Notice(text));
        }
        let made = settled.iter().filter(|it| it.made).map(|it| &it.path);
        let changed: Vec<_> = made.chain(turned).cloned().collect();
        if !changed.is_empty() {
            self.ledger.tell(LedgerEvent::Changed(changed));
        }
    }

    /// The hunks that are meant.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn find(self: &Arc<Self>, select: &Select) -> io::Result<Vec<FoundHunk>> {
        let found = self.look().await?;
        Ok(select.of(&found.hunks).into_iter().cloned().collect())
    }

    /// The hunks of a session that a decision after `since` (milliseconds since 1970) took out, as they were stored
    /// then: files are not looked at, so this is quick, and nothing is opened if nothing was ever recorded.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn taken_out_since(self: &Arc<Self>, session: &str, since: u64) -> io::Result<Vec<TakenOut>> {
        if !self.ledger.is_there() {
            return Ok(Vec::new());
        }
        let (review, session) = (self.clone(), session.to_owned());
        fs::blocking(move || review.ledger.with(|db| query::taken_out_since(db, &session, since))).await
    }

    /// What each of these hunks took away and what it put there.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn texts(self: &Arc<Self>, ids: Vec<i64>) -> io::Result<HashMap<i64, (String, String)>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let review = self.clone();
        fs::blocking(move || review.ledger.with(|db| query::texts(db, &ids))).await
    }

    /// How files differ by the hunks that are meant; of a session, a call, a turn or a prompt, what was changed at the
    /// time.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn diff(self: &Arc<Self>, select: &Select) -> io::Result<Vec<EditPatch>> {
        let by_edit = select.session.is_some()
            || select.call.is_some()
            || select.turn.is_some()
            || select.prompts.is_some();
        if by_edit && select.hunks.is_empty() && self.ledger.is_there() {
            let (review, select) = (self.clone(), select.clone());
            let series = fs::blocking(move || {
                let root = store::path_text(&review.root);
                review.ledger.with(|db| query::sides_of_edits(db, &root, &select))
            });
            return Ok(series.await?.into_iter().filter_map(|it| self.patch(it)).collect());
        }
        let found = self.look().await?;
        let named = !select.hunks.is_empty() || select.decision.is_some();
        let meant = select.of(&found.hunks).into_iter().filter(|it| named || it.status == Status::Pending);
        let files = by_file(meant, Verb::Accept);
        let review = self.clone();
        fs::blocking(move || {
            let mut patches = Vec::new();
            for Group { path, ids, .. } in files {
                let file = review.ledger.with(|db| query::file_now(db, &path, &review.workspace))?;
                patches.extend(review.patch(query::sides_of(&file.state, &path, &ids)));
            }
            Ok(patches)
        })
        .await
    }

    /// The difference between two sides, unless there is none.
    fn patch(&self, (old, new): (Side, Side)) -> Option<EditPatch> {
        let [from, to] = [&old.0, &new.0].map(|it| it.as_ref().map(|it| self.name(it)));
        let sides = [&old, &new].map(|it| it.0.as_ref().map(|_| &*it.1));
        let diff = match raw::words(sides[0], sides[1]) {
            Some(words) if old.1 != new.1 => {
                format!("Binary file {} {words}\n", to.as_ref().or(from.as_ref())?)
            }
            _ => diff::file_patch(from.as_deref(), to.as_deref(), &old.1, &new.1),
        };
        let path = new.0.or(old.0).filter(|_| !diff.is_empty())?;
        Some(EditPatch { path, diff })
    }

    /// Carries out a decision, whose number is one of [`Ledger::next_decision`]; without one it only says what it would
    /// come to.
    ///
    /// # Errors
    /// The ledger cannot be read. What stands in the way of single hunks is in the outcome.
    pub async fn decide(
        self: &Arc<Self>,
        select: &Select,
        verb: Verb,
        number: Option<i64>,
    ) -> io::Result<Outcome> {
        let _turn = self.turn.lock().await;
        let found = self.look().await?;
        let meant = match verb {
            Verb::Accept | Verb::Reject => select.of(&found.hunks),
            Verb::Revert | Verb::Redo => select.exactly(&found.hunks),
        };
        // All that was ever kept waits again only if just that is meant.
        let named = !select.hunks.is_empty() || select.decision.is_some();
        let meant = meant.into_iter().filter(|it| verb != Verb::Redo || named || it.status != Status::Kept);
        let unknown = select.hunks.iter().filter(|id| !found.hunks.iter().any(|it| it.id == **id));
        let mut outcome = Outcome {
            refused: unknown
                .map(|id| Refusal { hunk: *id, reason: "There is no such change".into(), unknown: true })
                .collect(),
            ..Outcome::default()
        };
        let (hidden, meant): (Vec<_>, Vec<_>) = meant.partition(|it| it.on_disk_only);
        outcome.refused.extend(
            hidden
                .into_iter()
                .filter(|it| it.status == Status::Pending || verb == Verb::Revert || verb == Verb::Redo)
                .map(|it| {
                    let name = self.name(&it.path);
                    let reason = format!(
                        "{name} has unsaved text in the editor without this change; reload or save it first"
                    );
                    Refusal { hunk: it.id, reason, unknown: false }
                }),
        );
        for Group { path, ids, aside, .. } in by_file(meant.into_iter(), verb) {
            let (decided, files) = match number {
                _ if aside && self.is_aside(&ids, number.is_none()).await? => {
                    let reason = format!("There is another {} now", self.name(&path));
                    (refused(&ids, &reason), Vec::new())
                }
                None => {
                    let decided = self.preview(&path, &ids, verb).await?;
                    let changes = !decided.changed.is_empty();
                    (decided, changes.then_some(path).into_iter().collect())
                }
                // What went wrong with one file is told with what became of the others.
                Some(number) => match self.decide_file(&path, &ids, verb, number).await {
                    Ok(done) => done,
                    Err(error) => {
                        let reason =
                            format!("{}: the record of edits cannot be used: {error}", self.name(&path));
                        (refused(&ids, &reason), vec![path])
                    }
                },
            };
            outcome.files.extend(files);
            outcome.changed.extend(decided.changed);
            outcome.turned.extend(decided.turned);
            outcome.refused.extend(decided.refused);
        }
        if verb == Verb::Revert && self.ledger.is_there() {
            let (review, select) = (self.clone(), select.clone());
            let root = store::path_text(&self.root);
            let found = move || review.ledger.with(|db| unrecorded::find(db, &root, &select));
            outcome.not_restored = fs::blocking(found).await?;
        }
        if number.is_some() && !outcome.files.is_empty() {
            self.ledger.tell(LedgerEvent::Changed(outcome.files.clone()));
        }
        Ok(outcome)
    }

    /// Whether another file still has the name of this one. A preview cannot say.
    async fn is_aside(self: &Arc<Self>, ids: &HashSet<i64>, preview: bool) -> io::Result<bool> {
        let Some(id) = ids.iter().next().copied().filter(|_| !preview) else { return Ok(false) };
        let review = self.clone();
        fs::blocking(move || review.ledger.with(|db| query::is_aside(db, id))).await
    }

    async fn preview(self: &Arc<Self>, path: &Path, ids: &HashSet<i64>, verb: Verb) -> io::Result<Decided> {
        let (review, path, ids) = (self.clone(), path.to_owned(), ids.clone());
        fs::blocking(move || {
            let mut file = review.ledger.with(|db| query::file_now(db, &path, &review.workspace))?;
            let named = file.state.place().map(str::to_owned);
            let decided = decide::apply(&mut file.state, &ids, verb, 0);
            let place = new_place(&path, named.as_deref(), &file.state);
            let obstacle = match review.obstacle(&path, &place)? {
                None if !decided.changed.is_empty() => review.not_kept(&path, file.state.text.as_deref())?,
                obstacle => obstacle,
            };
            Ok(obstacle.map_or(decided, |reason| refused(&ids, &reason)))
        })
        .await
    }

    /// Decides about the hunks of one file. Gives the files that are others now.
    async fn decide_file(
        self: &Arc<Self>,
        path: &Path,
        ids: &HashSet<i64>,
        verb: Verb,
        number: i64,
    ) -> io::Result<(Decided, Vec<PathBuf>)> {
        let not_done = |reason: &str| Ok((refused(ids, reason), Vec::new()));
        let mut guard = self.workspace.lock_path(path).await;
        let mut snapshot = match self.snapshot(path).await {
            Ok(it) => it,
            Err(error) => return not_done(&format!("{} cannot be read: {error}", self.name(path))),
        };
        let text = match &snapshot {
            Some(it) if it.exact => Some(raw::of_text(&it.text).into_owned()),
            Some(_) => self.bytes_on_disk(path).await.map(|it| Raw::of(&it).line()),
            None => None,
        };
        let mut file = self.load(path, text).await?;
        let before = file.state.text.clone();
        let named = file.state.place().map(str::to_owned);
        let decided = decide::apply(&mut file.state, ids, verb, number);
        if decided.changed.is_empty() {
            return Ok((decided, Vec::new()));
        }
        crash::at(Point::Deciding);
        let place = new_place(path, named.as_deref(), &file.state);
        let moved = place != path;
        let _left;
        let _moving;
        if moved {
            _moving = self.moving.write().await;
            // Both are held: an editor tells of the move as well, and what it says waits until all is stored.
            let new = self.workspace.lock_path(&place).await;
            _left = std::mem::replace(&mut guard, new);
            let (review, from, to) = (self.clone(), path.to_owned(), place.clone());
            let obstacle = fs::blocking(move || review.obstacle(&from, &to)).await?;
            let obstacle = match obstacle {
                None if snapshot.is_some() => self.move_file(path, &place).await.err(),
                obstacle => obstacle,
            };
            if let Some(reason) = obstacle {
                return not_done(&reason);
            }
            if snapshot.is_some() {
                snapshot = self.snapshot(&place).await?;
            }
        }
        let there = snapshot.is_some();
        let mode = store::mode(&place);
        let origin = match self.put(&guard, &place, snapshot, before.as_deref(), &file.state, verb).await {
            Ok(after) => after,
            Err(reason) => {
                if moved && there {
                    if let Err(error) = self.move_file(&place, path).await {
                        tracing::warn!("after a decision that failed, {error}");
                    }
                }
                return not_done(&reason);
            }
        };
        crash::at(Point::Placed);
        match (there, origin.text.is_some()) {
            (true, false) => self.keep_mode(path, mode).await,
            (false, true) => self.restore_mode(path, &place).await,
            _ => {}
        }
        file.state.follow(origin.text.as_deref());
        file.stamp = if origin.buffer { None } else { journal::stamp(&place) };
        self.store(path, &place, file, &decided.changed).await?;
        crash::at(Point::Decided);
        drop(guard);
        let mut files = vec![path.to_owned()];
        files.extend(moved.then_some(place));
        Ok((decided, files))
    }

    async fn load(self: &Arc<Self>, path: &Path, now: Option<String>) -> io::Result<StoredFile> {
        let (review, key) = (self.clone(), store::path_text(path));
        fs::blocking(move || {
            let mut file = review.ledger.with(|db| store::load(db, &key))?;
            file.state.follow(now.as_deref());
            Ok(file)
        })
        .await
    }

    /// Stores what was decided. If another process has changed the records meanwhile, theirs are followed to the
    /// text that is there now, in which our decision shows.
    async fn store(
        self: &Arc<Self>,
        path: &Path,
        place: &Path,
        mut file: StoredFile,
        changed: &[i64],
    ) -> io::Result<()> {
        let (review, changed) = (self.clone(), changed.to_vec());
        let (key, to) = (store::path_text(path), store::path_text(place));
        fs::blocking(move || {
            let root = store::path_text(&review.root);
            for _ in 0..STORE_ATTEMPTS {
                let saved = review.ledger.with(|db| {
                    let change = store::write(db)?;
                    if key != to && store::knows(&change, &key)? {
                        store::rename(&change, &key, &to)?;
                    }
                    let saved = store::save(&change, &root, &to, &file)?;
                    crash::at(Point::Storing);
                    if saved {
                        change.commit()?;
                    }
                    Ok(saved)
                })?;
                if saved {
                    return Ok(());
                }
                // Another process may have seen the new name already.
                let at = review.ledger.with(|db| Ok(if store::knows(db, &key)? { &key } else { &to }))?;
                let mut theirs = review.ledger.with(|db| store::load(db, at))?;
                theirs.state.follow(file.state.text.as_deref());
                for ours in file.state.hunks.iter().filter(|it| changed.contains(&it.id)) {
                    if let Some(it) = theirs.state.hunks.iter_mut().find(|it| it.id == ours.id) {
                        (it.status, it.was, it.decision) = (ours.status, ours.was, ours.decision);
                    }
                }
                theirs.stamp = file.stamp;
                file = theirs;
            }
            Err(io::Error::other("another process keeps changing the edit ledger"))
        })
        .await
    }

    /// How people name a file: from the project's folder.
    pub(super) fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// Where a file is to be after a decision, which had this name by its renames before.
fn new_place(path: &Path, named: Option<&str>, state: &FileState) -> PathBuf {
    let place = state.place().filter(|it| Some(*it) != named);
    place.map_or_else(|| path.to_owned(), PathBuf::from)
}

/// Hunks of one file.
#[derive(Default)]
struct Group {
    path: PathBuf,
    ids: HashSet<i64>,
    /// One of them is a rename.
    renames: bool,
    /// The file is gone, and another one has its name.
    aside: bool,
}

/// Hunks by file, in the order in which a decision is carried out: a name is free only when the file that came there
/// later has gone.
fn by_file<'a>(hunks: impl Iterator<Item = &'a FoundHunk>, verb: Verb) -> Vec<Group> {
    let mut files: BTreeMap<(PathBuf, bool), Group> = BTreeMap::new();
    for it in hunks {
        let group = files.entry((it.path.clone(), it.aside)).or_default();
        group.ids.insert(it.id);
        group.renames |= matches!(it.whole, Some(Whole::Renamed { .. }));
        (group.path, group.aside) = (it.path.clone(), it.aside);
    }
    let mut files: Vec<_> = files.into_values().collect();
    files.sort_by_key(|it| (it.aside, it.renames != (verb == Verb::Redo)));
    files
}

fn refused(ids: &HashSet<i64>, reason: &str) -> Decided {
    let mut ids: Vec<_> = ids.iter().copied().collect();
    ids.sort_unstable();
    Decided {
        refused: ids
            .into_iter()
            .map(|hunk| Refusal { hunk, reason: reason.to_owned(), unknown: false })
            .collect(),
        ..Decided::default()
    }
}
