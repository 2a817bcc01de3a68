//! Waiting hunks in editors without a review of their own: hints, lenses, hovers, and what the code actions need.
//!
//! A task looks at the ledger whenever it or an open document has changed, a moment after the last keystroke. What
//! it finds is kept, so that requests for a place are answered at once.

mod cause;
mod show;

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lsp_types::{CodeLens, CodeLensParams, Hover, HoverParams, MessageType, Position, Range, Url};
use pi_core::visible::visible;
use pi_host::{
    ledger::{FoundHunk, LedgerEvent, Review, Select, Status, Whole},
    paths,
};
use serde_json::Value;
use tokio::sync::{Notify, broadcast, mpsc, watch};

use self::cause::{Cause, Causes};
use super::{connection::Connection, documents::file_path, messages::first_line};

/// Time between a change and the look at it.
const REST: Duration = Duration::from_millis(120);
/// How long a client may take to answer that it will ask for lenses again.
const REFRESH_TIME: Duration = Duration::from_secs(5);
/// Who says it, among all that say something about a document.
const NAME: &str = "hunks";
/// Characters of a reason in a hint.
const SHORT: usize = 30;

/// One waiting hunk and what people are told of it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The hunk.
    pub hunk: FoundHunk,
    /// The document as its editor names it.
    pub uri: Url,
    /// The lines that went.
    pub base: String,
    /// The lines that came.
    pub text: String,
    /// What the model said when it made the change, and by which call.
    pub cause: Cause,
    /// The version of the text its lines are counted in, if the document is open and did not change meanwhile.
    pub version: Option<i32>,
    /// Its number among those that wait, from 1.
    pub number: usize,
    /// How many wait.
    pub total: usize,
}

impl Shown {
    /// Its lines; of lines that only went, the line after.
    pub fn range(&self) -> Range {
        let line = |at: usize| Position::new(u32::try_from(at).unwrap_or(u32::MAX), 0);
        Range { start: line(self.hunk.start), end: line(self.hunk.start + self.hunk.len.max(1)) }
    }

    /// Whether a range of its document meets it.
    fn meets(&self, range: Range) -> bool {
        let own = self.range();
        range.start.line < own.end.line && range.end.line >= own.start.line
    }

    /// The file's name.
    pub fn name(&self) -> String {
        self.hunk.path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// The reason in a few words.
    fn short_reason(&self) -> Option<String> {
        self.cause.reason.as_ref().map(|it| visible(&first_line(it, SHORT)).into_owned())
    }
}

/// What one client is shown.
#[derive(Debug, Default)]
pub struct Hunks {
    shown: Mutex<Arc<[Shown]>>,
    /// Files that have or had hunks: a change of one of them is worth a look.
    known: Mutex<HashSet<PathBuf>>,
    causes: Causes,
    wake: Notify,
    /// Counts the looks.
    looked: watch::Sender<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hunks {
    /// All that wait, by file and line.
    pub fn all(&self) -> Arc<[Shown]> {
        lock(&self.shown).clone()
    }

    /// Those of a document that meet a range.
    pub fn at(&self, uri: &Url, range: Range) -> Vec<Shown> {
        let path = file_path(uri).map(|it| paths::canonical(&it));
        let all = self.all();
        all.iter().filter(|it| Some(&it.hunk.path) == path.as_ref() && it.meets(range)).cloned().collect()
    }

    /// Changes with each look at the ledger: what is known of hunks may be old.
    pub fn looked(&self) -> watch::Receiver<u64> {
        self.looked.subscribe()
    }

    /// A document was opened: it may have hunks from before.
    pub fn opened(&self) {
        self.wake.notify_one();
    }

    /// A document changed; the path is as its editor spells it.
    pub fn changed(&self, path: &Path) {
        if lock(&self.known).contains(path) {
            self.wake.notify_one();
        }
    }
}

/// Follows the ledger for one client until its connection ends. A client with a review of its own shows hunks itself;
/// for it only what is in doubt is looked at, once its document is open.
pub async fn follow(connection: Arc<Connection>) {
    let first = connection.hub.compose().review(&connection.folder());
    let mut events = first.ledger().subscribe();
    let mut unheard = connection.hub.unheard(&first);
    connection.hunks.wake.notify_one();
    loop {
        tokio::select! {
            Some(text) = next(&mut unheard) => {
                connection.messages.show(MessageType::WARNING, &text);
                // There is one line for all that comes at once, and a log.
                while let Some(more) = unheard.as_mut().and_then(|it| it.try_recv().ok()) {
                    connection.messages.log(MessageType::WARNING, &more);
                }
                continue;
            }
            event = events.recv() => match event {
                Ok(LedgerEvent::Notice(_)) => continue,
                Ok(LedgerEvent::Changed(_)) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
            () = connection.hunks.wake.notified() => {}
            () = connection.ended.cancelled() => return,
        }
        tokio::time::sleep(REST).await;
        // What came while it rested is seen by this look.
        while events.try_recv().is_ok() {}
        match connection.capabilities().review {
            true => settle(&connection).await,
            false => look(&connection).await,
        }
    }
}

async fn next(unheard: &mut Option<mpsc::UnboundedReceiver<String>>) -> Option<String> {
    match unheard {
        Some(unheard) => unheard.recv().await,
        None => None,
    }
}

/// Looks at what earlier processes left in doubt.
async fn settle(connection: &Connection) {
    for folder in connection.folders().all() {
        let review = connection.hub.compose().review(&folder);
        let settled = match review.settle().await {
            Ok(()) => review.tidy().await,
            failed => failed,
        };
        if let Err(error) = settled {
            tracing::warn!(%error, "the edit ledger cannot be read");
        }
    }
}

/// Looks at the hunks of all folders and shows them.
async fn look(connection: &Arc<Connection>) {
    let mut found = Vec::new();
    for folder in connection.folders().all() {
        let review = connection.hub.compose().review(&folder);
        match waiting(connection, &review).await {
            Ok(hunks) => found.extend(hunks),
            Err(error) => tracing::warn!(%error, "the edit ledger cannot be read"),
        }
    }
    let total = found.len();
    for (at, it) in found.iter_mut().enumerate() {
        (it.number, it.total) = (at + 1, total);
    }
    let old = std::mem::replace(&mut *lock(&connection.hunks.shown), found.into());
    let new = connection.hunks.all();
    connection.hunks.looked.send_modify(|it| *it += 1);
    if old.is_empty() && new.is_empty() {
        return;
    }
    publish(connection, &old, &new);
    if connection.capabilities().lens_refresh {
        let connection = connection.clone();
        tokio::spawn(async move {
            let asked = connection.client.ask("workspace/codeLens/refresh", Value::Null, REFRESH_TIME).await;
            if let Err(error) = asked {
                tracing::debug!(%error, "lenses are not asked for again");
            }
        });
    }
}

/// The waiting hunks of one project.
async fn waiting(connection: &Arc<Connection>, review: &Arc<Review>) -> std::io::Result<Vec<Shown>> {
    let version = |path: &Path| review.workspace().document(path).map(|it| it.version);
    let open = review.workspace().open_paths();
    let before: HashMap<_, _> = open.into_iter().map(|it| (paths::canonical(&it), version(&it))).collect();
    let found = review.find(&Select::default()).await?;
    let spelled =
        |path: &Path| review.workspace().document(path).map_or_else(|| path.to_owned(), |it| it.path);
    lock(&connection.hunks.known).extend(found.iter().map(|it| spelled(&it.path)));
    // Of a file that is gone there is nothing to show, unless that is the change.
    let shows = |it: &FoundHunk| it.whole == Some(Whole::Deleted) || review.workspace().exists(&it.path);
    let found: Vec<_> = found.into_iter().filter(|it| it.status == Status::Pending && shows(it)).collect();
    let mut texts = review.texts(found.iter().map(|it| it.id).collect()).await?;
    let mut shown = Vec::new();
    for hunk in found {
        let Some(uri) = connection.documents.uri(&spelled(&hunk.path)) else { continue };
        let (base, text) = texts.remove(&hunk.id).unwrap_or_default();
        let cause = connection.hunks.causes.of(connection, review.root(), &hunk).await;
        let (then, now) = (before.get(&hunk.path).copied().flatten(), version(&hunk.path));
        if then != now {
            // What is found may be of either; the next look is not.
            connection.hunks.wake.notify_one();
        }
        let version = then.filter(|_| then == now);
        shown.push(Shown { hunk, uri, base, text, cause, version, number: 0, total: 0 });
    }
    Ok(shown)
}

/// Sends hints for all files that have or had some.
fn publish(connection: &Connection, old: &[Shown], new: &[Shown]) {
    let off =
        connection.hub.compose().settings(&connection.folder()).values().text("hunks.diagnostics").as_deref()
            == Some("off");
    let mut files: Vec<&Url> = old.iter().chain(new).map(|it| &it.uri).collect();
    files.sort();
    files.dedup();
    for uri in files {
        let of_file: Vec<_> = new.iter().filter(|it| it.uri == *uri && !off).collect();
        let version = of_file.first().and_then(|it| it.version);
        let hints = of_file.into_iter().map(show::hint).collect();
        connection.diagnostics.set_for(&connection.out, uri, NAME, version, hints);
    }
}

/// `textDocument/hover`: why a change was made, and what was there before.
pub fn hover(connection: &Connection, params: &HoverParams) -> Option<Hover> {
    let place = &params.text_document_position_params;
    let at = Range { start: place.position, end: place.position };
    connection.hunks.at(&place.text_document.uri, at).first().map(show::hover)
}

/// `textDocument/codeLens`.
pub fn lenses(connection: &Connection, params: &CodeLensParams) -> Vec<CodeLens> {
    let whole = Range { start: Position::new(0, 0), end: Position::new(u32::MAX, 0) };
    connection.hunks.at(&params.text_document.uri, whole).iter().flat_map(show::lenses).collect()
}
