//! The review of edits for every transport: from its requests to [`Review`] and back.
//!
//! A review is no command of the session: files are not the session's business, and a decision must not wait for
//! a run. Each connection has a [`Desk`], which takes its reviews one after another.

use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures::{FutureExt, future::BoxFuture};
use pi_core::{SessionHandle, clock, session::Command};
use pi_host::{
    ledger::{FoundHunk, Last, Outcome, Refusal, Review, Select, Status, Verb, Whole},
    paths,
};
use pi_protocol::{
    CommandError, EditConflict, EditCounts, EditHunk, EditStatus, EditedFile, EditedFileKind, Edits,
    EditsDecided, EditsDiff, EditsParams, EditsScope, EditsSelect, Entry, FileDiff, ForkParams,
    GetEditsParams, Request, RevertEditsParams, TextPosition, TextRange, entry::EntryKind,
};
use tokio::sync::mpsc;
use url::Url;

use crate::{
    dispatch::{Answer, encode},
    hub::Hub,
};

/// Does what it is given, one after another, beside everything else.
#[derive(Debug, Clone)]
pub struct Desk(mpsc::UnboundedSender<BoxFuture<'static, ()>>);

impl Desk {
    /// An empty one; it ends with its last clone.
    pub fn new() -> Self {
        let (sender, mut work) = mpsc::unbounded_channel::<BoxFuture<'static, ()>>();
        tokio::spawn(async move {
            while let Some(next) = work.recv().await {
                next.await;
            }
        });
        Self(sender)
    }

    /// Puts something behind what waits.
    pub fn put(&self, work: impl Future<Output = ()> + Send + 'static) {
        if self.0.send(work.boxed()).is_err() {
            tracing::debug!("a review after the end of the process");
        }
    }
}

/// Whether it is a request about edits.
pub fn is_review(request: &Request) -> bool {
    request.method().scope() == pi_protocol::Scope::Review
}

/// Carries out a request about edits for `session`.
///
/// # Errors
/// What is asked for does not exist, or the ledger cannot be used.
pub async fn serve(hub: &Hub, session: &SessionHandle, request: Request) -> Answer {
    let desk = Reviewer::new(hub, session);
    match request {
        Request::GetEdits(params) => encode(&desk.list(params).await?),
        Request::EditsDiff(params) => encode(&desk.diff(params).await?),
        Request::EditsAccept(params) => encode(&desk.decide(params, Verb::Accept).await?),
        Request::EditsReject(params) => encode(&desk.decide(params, Verb::Reject).await?),
        Request::EditsRedo(params) => encode(&desk.decide(params, Verb::Redo).await?),
        Request::EditsRevert(params) => encode(&desk.revert(params).await?),
        other => Err(CommandError::internal(format!("{} is no review", other.method().lsp_name()))),
    }
}

/// Takes back what `params` select, or counts it.
///
/// # Errors
/// As [`serve`].
pub async fn revert(
    hub: &Hub,
    session: &SessionHandle,
    params: RevertEditsParams,
) -> Result<EditsDecided, CommandError> {
    Reviewer::new(hub, session).revert(params).await
}

/// Takes back everything since a prompt and starts a new session, in the place of `from`, that ends before it. A run
/// is stopped first, so that nothing comes behind; then the files go: a fork without them would be the worse half.
///
/// # Errors
/// As [`serve`], and those of a fork; the files have then gone back already.
pub async fn revert_and_fork(
    hub: &Hub,
    from: &SessionHandle,
    params: RevertEditsParams,
) -> Result<(SessionHandle, EditsDecided), CommandError> {
    let entry_id = params.to.clone().unwrap_or_default();
    let reviewer = Reviewer::new(hub, from);
    // What does not exist stops nothing.
    reviewer.prompts_since(&entry_id, true).await?;
    from.ask(Command::Abort).await?;
    let decided = reviewer.revert(params).await?;
    let (to, forked) = hub.fork(from, ForkParams { entry_id }).await?;
    Ok((to, EditsDecided { text: Some(forked.text), ..decided }))
}

/// The number of a decision that is about no hunk.
const NO_DECISION: i64 = -1;

struct Reviewer<'a> {
    hub: &'a Hub,
    session: &'a SessionHandle,
    /// Of the session's folder.
    review: Arc<Review>,
    /// Of the other folders of the editor: a session may edit there too.
    others: Vec<Arc<Review>>,
}

impl<'a> Reviewer<'a> {
    fn new(hub: &'a Hub, session: &'a SessionHandle) -> Self {
        let review = hub.review(session.id());
        let others = hub.compose().open_reviews();
        let others = others.into_iter().filter(|it| !Arc::ptr_eq(it, &review)).collect();
        Self { hub, session, review, others }
    }

    /// Those that can have what is meant: all where it says what it is about, the folder's own for all of the folder.
    fn reviews(&self, select: &Select) -> impl Iterator<Item = &Arc<Review>> {
        let others = if *select == Select::default() { &[][..] } else { &self.others };
        std::iter::once(&self.review).chain(others)
    }

    async fn find(&self, select: &Select) -> Result<Vec<FoundHunk>, CommandError> {
        let mut found = Vec::new();
        for review in self.reviews(select) {
            found.extend(review.find(select).await.map_err(failed)?);
        }
        Ok(found)
    }

    async fn list(&self, params: GetEditsParams) -> Result<Edits, CommandError> {
        let select = self.select(params.select).await?;
        let mut found = self.find(&select).await?;
        if !params.status.is_empty() {
            found.retain(|it| params.status.contains(&status(it)));
        }
        let texts = match params.texts {
            true => self.review.texts(found.iter().map(|it| it.id).collect()).await.map_err(failed)?,
            false => std::collections::HashMap::new(),
        };
        let mut edits = Edits::default();
        for it in &found {
            let uri = self.uri(&it.path);
            if edits.files.last().is_none_or(|file| file.uri != uri) {
                edits.files.push(EditedFile { uri: uri.clone(), counts: EditCounts::default() });
            }
            if let Some(file) = edits.files.last_mut() {
                count(&mut file.counts, it.status);
            }
            count(&mut edits.counts, it.status);
            let mut hunk = hunk(it, uri);
            if let Some((removed, added)) = texts.get(&it.id) {
                hunk.removed_text = Some(removed.clone());
                hunk.added_text = Some(added.clone());
            }
            edits.hunks.push(hunk);
        }
        Ok(edits)
    }

    async fn diff(&self, params: EditsParams) -> Result<EditsDiff, CommandError> {
        let select = self.select(params.select).await?;
        let mut patches = Vec::new();
        for review in self.reviews(&select) {
            patches.extend(review.diff(&select).await.map_err(failed)?);
        }
        let file = |it: pi_host::ledger::EditPatch| FileDiff { uri: self.uri(&it.path), diff: it.diff };
        let files: Vec<_> = patches.into_iter().map(file).collect();
        Ok(EditsDiff { diff: files.iter().map(|it| it.diff.as_str()).collect(), files })
    }

    async fn decide(&self, params: EditsParams, verb: Verb) -> Result<EditsDecided, CommandError> {
        if params.select == EditsSelect::default() {
            return Err(CommandError::invalid(
                "say which edits: hunks, uri, toolCallId, turn, promptId, or scope \"session\", \"folder\" or \"last\"",
            ));
        }
        self.carry_out(self.select(params.select).await?, verb, params.preview).await
    }

    async fn revert(&self, params: RevertEditsParams) -> Result<EditsDecided, CommandError> {
        let RevertEditsParams { select, to, fork, preview } = params;
        let Some(to) = to else {
            if fork {
                return Err(CommandError::invalid(
                    "fork needs to: the prompt before which the new session ends",
                ));
            }
            return self.decide(EditsParams { select, preview }, Verb::Revert).await;
        };
        let mut select = self.select(select).await?;
        select.prompts = Some(self.prompts_since(&to, fork).await?);
        self.carry_out(select, Verb::Revert, preview).await
    }

    /// The entries from this prompt on. What it was recorded with can be missing in the session's file, if that could
    /// not be written or was cut off: then the times tell what came later.
    async fn prompts_since(&self, to: &str, must_be_kept: bool) -> Result<Vec<String>, CommandError> {
        let entries = self.session.ask(|reply| Command::GetEntries(None, reply)).await?.entries;
        let mut edits = self.review.find(&Select::default()).await.map_err(failed)?;
        for other in &self.others {
            edits.extend(other.find(&Select::default()).await.map_err(failed)?);
        }
        let at = entries.iter().position(|it| it.base.id == to);
        let recorded = edits.iter().filter(|it| it.prompt.as_deref() == Some(to)).min_by_key(|it| it.time);
        let (session, time) = match (at, recorded) {
            (Some(at), _) => (&**self.session.id(), clock::iso_to_ms(&entries[at].base.timestamp)),
            (None, Some(it)) if !must_be_kept => (it.session.as_str(), it.time),
            (None, _) => return Err(CommandError::invalid(format!("Entry not found: {to}"))),
        };
        let later = |at_entry: usize, iso: &str| match at {
            Some(at) => at_entry >= at,
            None => session == &**self.session.id() && clock::iso_to_ms(iso) >= time,
        };
        let kept = entries.iter().enumerate().filter(|(at, it)| later(*at, &it.base.timestamp));
        let is_kept = |prompt: &str| entries.iter().any(|it| it.base.id == prompt);
        let lost = edits.iter().filter(|it| it.session == session && it.time >= time);
        let lost = lost.filter_map(|it| it.prompt.clone()).filter(|it| !is_kept(it));
        Ok(kept.map(|(_, it)| it.base.id.clone()).chain(lost).collect())
    }

    async fn carry_out(
        &self,
        select: Select,
        verb: Verb,
        preview: bool,
    ) -> Result<EditsDecided, CommandError> {
        let mut outcome = Outcome::default();
        let mut strangers = Vec::new();
        let number = self.review.ledger().next_decision();
        for review in self.reviews(&select) {
            let Outcome { changed, turned, refused, files, not_restored } = match preview {
                true => review.decide(&select, verb, None).await.map_err(failed)?,
                false => decide(self.hub, review, &select, verb, number).await?,
            };
            let (unknown, refused): (Vec<_>, Vec<_>) = refused.into_iter().partition(|it| it.unknown);
            outcome.changed.extend(changed);
            outcome.turned.extend(turned);
            outcome.not_restored.extend(not_restored);
            outcome.refused.extend(refused);
            outcome.files.extend(files);
            strangers.push(unknown);
        }
        // Unknown is what none of them knows.
        let everywhere = |it: &Refusal| strangers.iter().all(|of| of.iter().any(|one| one.hunk == it.hunk));
        outcome.refused.extend(strangers[0].iter().filter(|it| everywhere(it)).cloned());
        Ok(EditsDecided {
            hunks: outcome.changed.iter().map(|it| hunk_id(*it)).collect(),
            uris: outcome.files.iter().map(|it| self.uri(it)).collect(),
            conflicts: outcome
                .refused
                .into_iter()
                .map(|it| EditConflict { hunk: hunk_id(it.hunk), reason: it.reason })
                .collect(),
            not_restored: outcome.not_restored,
            text: None,
        })
    }

    async fn select(&self, select: EditsSelect) -> Result<Select, CommandError> {
        let of_session = select.turn.is_some() || select.scope == Some(EditsScope::Session);
        // The last one about the folder, with all that it took out elsewhere.
        let decision = match select.scope {
            Some(EditsScope::Last) => {
                let found = self.review.find(&Select::default()).await.map_err(failed)?;
                Some(Last::of(&found).decision.unwrap_or(NO_DECISION))
            }
            _ => None,
        };
        Ok(Select {
            hunks: select.hunks.iter().map(|it| hunk_number(it)).collect::<Result<_, _>>()?,
            path: select.uri.as_deref().map(|it| self.path(it)).transpose()?,
            session: of_session.then(|| self.session.id().to_string()),
            call: select.tool_call_id,
            turn: select.turn,
            prompts: select.prompt_id.map(|it| vec![it]),
            decision,
        })
    }

    fn path(&self, uri: &str) -> Result<PathBuf, CommandError> {
        let path = match Url::parse(uri) {
            Ok(url) if url.scheme() == "file" => url.to_file_path().ok(),
            _ => Some(paths::absolute(self.review.root(), Path::new(uri))),
        };
        let path = path.ok_or_else(|| CommandError::invalid(format!("{uri} is no file")))?;
        Ok(paths::canonical(&path))
    }

    fn uri(&self, path: &Path) -> String {
        // The editor's spelling, where links make two of them.
        let open = self.review.workspace().document(path);
        file_uri(open.as_ref().map_or(path, |it| &it.path))
    }
}

/// Carries out a decision in one project and tells the model of it. It has one number wherever it is carried out.
///
/// # Errors
/// The ledger cannot be used.
pub async fn decide(
    hub: &Hub,
    review: &Arc<Review>,
    select: &Select,
    verb: Verb,
    number: i64,
) -> Result<Outcome, CommandError> {
    let outcome = review.decide(select, verb, Some(number)).await.map_err(failed)?;
    tell_the_model(hub, review, &outcome, verb).await;
    Ok(outcome)
}

/// One line for the model of each live session whose work was taken out or put back. Who is not there is told when it
/// comes back, see [`decided_meanwhile`].
async fn tell_the_model(hub: &Hub, review: &Arc<Review>, outcome: &Outcome, verb: Verb) {
    let what = match verb {
        Verb::Accept => return,
        Verb::Reject => Status::Rejected,
        Verb::Revert => Status::Reverted,
        Verb::Redo => Status::Pending,
    };
    // What was kept and waits again is in the files as before.
    if outcome.turned.is_empty() {
        return;
    }
    let select = Select { hunks: outcome.turned.clone(), ..Select::default() };
    let Ok(found) = review.find(&select).await else { return };
    let mut sessions: Vec<&str> = found.iter().map(|it| it.session.as_str()).collect();
    sessions.sort_unstable();
    sessions.dedup();
    for id in sessions {
        let Ok(session) = hub.session(Some(id)) else { continue };
        let of_session = found.iter().filter(|it| it.session == id);
        let places = of_session.clone().map(|it| place(review, &it.path, it.start)).collect();
        for it in of_session {
            review.workspace().has_told(id, &it.path).await;
        }
        session.send(Command::Remark(remark(what, places)));
    }
}

/// What the user rejected or reverted of a session's work after the last of its messages, while it was closed: the
/// lines for its model.
pub async fn decided_meanwhile(review: &Arc<Review>, session: &str, entries: &[Entry]) -> Vec<String> {
    let is_message =
        |it: &&Entry| matches!(it.kind, EntryKind::Message { .. } | EntryKind::CustomMessage { .. });
    let Some(last) = entries.iter().rfind(is_message) else { return Vec::new() };
    let since = clock::iso_to_ms(&last.base.timestamp);
    let taken = match review.taken_out_since(session, since).await {
        Ok(taken) => taken,
        Err(error) => {
            tracing::warn!(%error, "what was decided meanwhile cannot be read");
            return Vec::new();
        }
    };
    let of = |status: Status| {
        let places: Vec<_> = taken
            .iter()
            .filter(|it| it.status == status)
            .map(|it| place(review, &it.path, it.start))
            .collect();
        (!places.is_empty()).then(|| remark(status, places))
    };
    [Status::Rejected, Status::Reverted].into_iter().filter_map(of).collect()
}

/// One line for a model: these places of its work were taken out, or put back.
fn remark(now: Status, places: Vec<String>) -> String {
    const BACK: &str = "The text from before them is there again; do not repeat them unasked.";
    let (what, then) = match now {
        Status::Rejected => ("rejected", BACK),
        Status::Reverted => ("reverted", BACK),
        _ => ("put back", "They are in the files again."),
    };
    format!("The user {what} {} of your changes: {}. {then}", places.len(), places.join(", "))
}

/// `src/retry.rs:14`, as the model names files.
fn place(review: &Review, path: &Path, start: usize) -> String {
    let path = path.strip_prefix(review.root()).unwrap_or(path);
    format!("{}:{}", path.display(), start + 1)
}

/// The URI of a file.
pub fn file_uri(path: &Path) -> String {
    Url::from_file_path(path).map_or_else(|()| path.display().to_string(), String::from)
}

/// A hunk's id as clients have it.
pub fn hunk_id(id: i64) -> String {
    format!("h{id}")
}

/// The number in a hunk's id.
///
/// # Errors
/// It is no id of a hunk.
pub fn hunk_number(id: &str) -> Result<i64, CommandError> {
    let number = id.strip_prefix('h').and_then(|it| it.parse().ok());
    number.ok_or_else(|| CommandError::invalid(format!("{id} is no id of a hunk; ids are like h12")))
}

/// What became of a hunk, as people see it.
pub fn status(hunk: &FoundHunk) -> EditStatus {
    match hunk.status {
        Status::Pending if hunk.edited => EditStatus::Edited,
        Status::Pending => EditStatus::Pending,
        Status::Kept => EditStatus::Kept,
        Status::Rejected => EditStatus::Rejected,
        Status::Reverted => EditStatus::Reverted,
        Status::Superseded => EditStatus::Superseded,
    }
}

fn count(counts: &mut EditCounts, status: Status) {
    match status {
        Status::Pending => counts.pending += 1,
        Status::Kept => counts.kept += 1,
        Status::Rejected => counts.rejected += 1,
        Status::Reverted => counts.reverted += 1,
        Status::Superseded => {}
    }
}

fn hunk(it: &FoundHunk, uri: String) -> EditHunk {
    EditHunk {
        id: hunk_id(it.id),
        uri,
        range: lines(it.start, it.len),
        base_range: lines(it.base_start, it.removed),
        added: it.added,
        removed: it.removed,
        added_text: None,
        removed_text: None,
        session_id: it.session.clone(),
        prompt_id: it.prompt.clone(),
        turn: it.turn,
        tool_call_id: it.call.clone(),
        tool: it.tool.clone(),
        timestamp: it.time,
        status: status(it),
        file: it.whole.as_ref().map(|it| match it {
            Whole::Created => EditedFileKind::Created,
            Whole::Deleted => EditedFileKind::Deleted,
            Whole::Renamed { .. } => EditedFileKind::Renamed,
        }),
        from_uri: match &it.whole {
            Some(Whole::Renamed { from, .. }) => Some(file_uri(Path::new(from))),
            _ => None,
        },
        binary: it.binary.clone(),
    }
}

/// Whole lines as a range.
fn lines(start: usize, len: usize) -> TextRange {
    let at = |line: usize| TextPosition { line: u32::try_from(line).unwrap_or(u32::MAX), character: 0 };
    TextRange { start: at(start), end: at(start + len) }
}

/// The record cannot be used.
pub fn failed(error: std::io::Error) -> CommandError {
    CommandError::failed(format!("the record of edits cannot be used: {error}"))
}
