//! Commits to a document that is open in an editor.
//!
//! An editor's answer is a hint: some say yes and skip the edit, some say no without a reason, some answer
//! late, twice or never. So only the buffer they report afterwards counts. If it is another one than wanted, the
//! plan is rebased over what the buffer has become and sent again, at most twice. An edit that arrived in the
//! wrong place is taken back first, whoever waits for it.
//!
//! A plan is given the mark and the line ends of the buffer before it is sent. What an editor makes of line ends all the
//! same, and the line break that Neovim keeps behind the last line, are its own: the text it reports is what was made.

use std::{borrow::Cow, path::Path, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    CommitError, Committed, Document, EditPlan, Origin, Snapshot, Workspace, changes,
    commit::diff,
    editor::{DocumentEdit, EditorAnswer, EditorClient},
    ends,
    journal::{EditIntent, EditKind, Record},
    open::Arrived,
    sent,
};
use crate::{
    crash::{self, Point},
    form::{self, Form},
    fs,
};

/// How often an edit is sent to an editor before we give up.
const ATTEMPTS: usize = 3;
/// How often taking back an edit that went astray is tried on top of that: the user's text is at stake.
const REPAIRS: usize = 5;
/// Pauses before it is tried again when the editor did not let it happen.
const REPAIR_PAUSES: [Duration; 3] =
    [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)];
/// How long an editor that has shown the change may take to answer as well, before its request is cancelled.
const ANSWER_GRACE: Duration = Duration::from_millis(100);

/// Why an edit that is only about line ends is not made.
const KEEPS_ENDS: &str = "it keeps its own line ends and the line break behind the last line";

/// What became of one sent edit.
enum Seen {
    /// The text it was made for has it.
    Arrived(Arrived),
    /// The document was closed; the editor's answer if there was one.
    Closed(Option<EditorAnswer>),
    /// It visibly has it, among other changes.
    Among,
    /// Something else; with the editor's words if it gave any.
    Other(Option<String>),
}

/// A plan in the form of the document.
struct Wanted<'a> {
    base: Cow<'a, str>,
    text: Cow<'a, str>,
}

/// Where a document is on its way to the planned text.
struct Goal {
    /// The text it is to have: with the plan if it fits, otherwise only without edits that went astray.
    target: String,
    /// What the document would be without edits that went astray.
    clean: String,
    /// The plan fits what the user has made of the text.
    fits: bool,
    /// It was moved over that.
    rebased: bool,
}

/// What an edit of a buffer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its text becomes another one.
    Change,
    /// It becomes what its file is already.
    Reload,
}

impl Workspace {
    /// Makes the planned change in the open document. Nothing if the document was closed and the edit is not in
    /// it: the file counts then.
    pub(super) async fn commit_buffer(
        self: &Arc<Self>,
        plan: &EditPlan,
        purpose: Purpose,
        cancel: &CancellationToken,
    ) -> Result<Option<Committed>, CommitError> {
        let mut record = None;
        let outcome = {
            let _lookout = Lookout { workspace: self, path: &plan.path };
            self.edit_buffer(plan, purpose, &mut record, cancel).await
        };
        let Some(record) = record.filter(Record::is_kept) else { return outcome };
        let path = plan.path.clone();
        let closed = fs::blocking(move || {
            match &outcome {
                Ok(Some(done)) => record.complete(done.before.as_deref(), Some(&done.after)),
                Ok(None) => record.abandon("the document was closed"),
                Err(error) => record.abandon(&error.to_string()),
            }
            Ok(outcome)
        });
        closed.await.unwrap_or_else(|error| Err(CommitError::Journal { path, error }))
    }

    /// Sends the edit until the buffer has it. What was begun is left in `record`.
    async fn edit_buffer(
        self: &Arc<Self>,
        plan: &EditPlan,
        purpose: Purpose,
        record: &mut Option<Record>,
        cancel: &CancellationToken,
    ) -> Result<Option<Committed>, CommitError> {
        let path = &plan.path;
        let Some(first) = self.document(path) else { return Ok(None) };
        let Some(editor) = self.editor() else { return Err(CommitError::NoEditor { path: path.clone() }) };
        let base = match &plan.base {
            Some(base) => base.text.clone(),
            None => {
                // Nothing was there when it was looked for.
                if first.rope.len_bytes() > 0 {
                    return Err(CommitError::Appeared { path: path.clone() });
                }
                String::new()
            }
        };
        let mut reason = String::from("its buffer never showed the new text");
        let mut sent = 0;
        loop {
            let Some((document, clean)) = self.with_clean(path) else {
                return Err(CommitError::Closed { path: path.clone() });
            };
            let damaged = clean.is_some();
            let theirs = document.rope.to_string();
            let wanted = Wanted::of(plan, &base, &theirs);
            let goal = Goal::of(&wanted, clean.unwrap_or_else(|| theirs.clone()));
            let is_there = goal.target == theirs;
            let has_it = || goal.is_alike(&theirs) || (!damaged && wanted.is_in(&theirs));
            if sent > 0 && !(is_there && goal.fits) && has_it() {
                self.repaired(path);
                let goal = Goal { target: theirs, fits: true, ..goal };
                return Self::made_of_ends(plan, &wanted, goal, document.version).map(Some);
            }
            if is_there {
                self.repaired(path);
                let before = if sent > 0 { wanted.before(&goal) } else { goal.clean.clone() };
                return Self::made(plan, &wanted.base, goal, before, document.version).map(Some);
            }
            if sent >= ATTEMPTS + if damaged { REPAIRS } else { 0 } {
                if !damaged {
                    return Err(CommitError::Refused { path: path.clone(), reason });
                }
                return Err(CommitError::Astray { path: path.clone(), diff: diff(&goal.clean, &theirs) });
            }
            if cancel.is_cancelled() {
                return Err(CommitError::Aborted);
            }
            // Taking back what went astray is no edit of its own.
            let is_edit = wanted.text != wanted.base;
            if is_edit {
                self.refuse_torn(path).await?;
            }
            if record.is_none() && is_edit {
                *record = Some(self.begin_record(plan, &goal).await?);
            }
            let edit = DocumentEdit {
                path: document.path.clone(),
                version: document.version,
                base: document.rope.clone(),
                changes: changes::minimal(&theirs, &goal.target),
                label: plan.label.clone(),
            };
            sent += 1;
            match self.send_and_watch(&*editor, edit, purpose, &theirs, &goal.target, cancel).await? {
                Seen::Arrived(Arrived { text, version, .. }) => {
                    let before = goal.clean.clone();
                    let goal = Goal { target: text.to_string(), ..goal };
                    return Self::made(plan, &wanted.base, goal, before, version).map(Some);
                }
                Seen::Closed(answer) => {
                    if !self.is_open_again(plan, answer).await? {
                        return Ok(None);
                    }
                }
                Seen::Among => self.repaired(path),
                Seen::Other(said) => reason = said.unwrap_or(reason),
            }
        }
    }

    /// Which of two unsaved texts of a file is meant only the user knows.
    async fn refuse_torn(self: &Arc<Self>, path: &Path) -> Result<(), CommitError> {
        let (workspace, looked) = (self.clone(), path.to_owned());
        match fs::blocking(move || Ok(workspace.torn(&looked))).await.unwrap_or_default() {
            Some([one, other]) => Err(CommitError::Torn { one, other }),
            None => Ok(()),
        }
    }

    async fn begin_record(&self, plan: &EditPlan, goal: &Goal) -> Result<Record, CommitError> {
        let journal = self.journal(&plan.path);
        if journal.is_none() {
            return Ok(Record::none());
        }
        let intent = EditIntent {
            cause: plan.cause.clone(),
            path: plan.path.clone(),
            kind: EditKind::Change,
            before: Some(goal.clean.as_str().into()),
            after: Some(goal.target.as_str().into()),
            buffer: true,
        };
        fs::blocking(move || Record::begin(journal, &intent))
            .await
            .map_err(|error| CommitError::Journal { path: plan.path.clone(), error })
    }

    /// The document has the change, in line ends of its own, without an edit of ours that was seen to arrive.
    fn made_of_ends(
        plan: &EditPlan,
        wanted: &Wanted<'_>,
        goal: Goal,
        version: i32,
    ) -> Result<Committed, CommitError> {
        let nothing = !wanted.changes_more_than_ends();
        if nothing && plan.cause.is_some() {
            return Err(CommitError::Refused { path: plan.path.clone(), reason: KEEPS_ENDS.into() });
        }
        let before = match nothing {
            true => goal.target.clone(),
            false => ends::without(&wanted.base, &wanted.text, &goal.target)
                .unwrap_or_else(|| wanted.base.clone().into_owned()),
        };
        Self::made(plan, &wanted.base, goal, before, version)
    }

    /// The document has the text it should have.
    fn made(
        plan: &EditPlan,
        base: &str,
        goal: Goal,
        before: String,
        version: i32,
    ) -> Result<Committed, CommitError> {
        let path = plan.path.clone();
        let (after, rebased) = (goal.target, goal.rebased);
        if !goal.fits {
            return Err(CommitError::Conflict { diff: diff(base, &goal.clean), path });
        }
        Ok(Committed { path, before: Some(before), after, origin: Origin::Buffer { version }, rebased })
    }

    /// Sends one edit and waits until the buffer has it, visibly contains it among the user's own changes, or
    /// will not get it.
    async fn send_and_watch(
        &self,
        editor: &dyn EditorClient,
        edit: DocumentEdit,
        purpose: Purpose,
        theirs: &str,
        target: &str,
        cancel: &CancellationToken,
    ) -> Result<Seen, CommitError> {
        let path = edit.path.clone();
        let encoding = editor.encoding();
        let watched = self.with_key(&path, |documents, key| {
            documents.send((key, &path), &edit.base, &edit.changes, encoding)
        });
        let Some((id, mut progress)) = watched else { return Ok(Seen::Closed(None)) };
        if purpose == Purpose::Reload {
            self.with_key(&path, |documents, key| documents.reloads(key, id));
        }
        let damaged = self.damage(&path);
        let mut under_way = UnderWay { workspace: self, path: &path, id, answered: false };
        crash::at(Point::Sending);
        let mut asked = std::pin::pin!(editor.apply(edit));
        let mut answer = None;
        let mut deadline = None;
        loop {
            let now = progress.borrow_and_update().clone();
            if let Some(arrived) = now.arrived.filter(|it| it.id == id) {
                crash::at(Point::Reported);
                if answer.is_none() {
                    let _late = tokio::time::timeout(ANSWER_GRACE, &mut asked).await;
                }
                return Ok(Seen::Arrived(arrived));
            }
            if now.closed {
                if answer.is_none() {
                    answer = tokio::time::timeout(self.verify_time, &mut asked).await.ok();
                }
                return Ok(Seen::Closed(answer));
            }
            if let Some(said) = answer.as_ref().and_then(EditorAnswer::reason) {
                // The change may have come although the answer says no; the caller looks at the text again.
                return Ok(Seen::Other(Some(said)));
            }
            if self.damage(&path) > damaged {
                return Ok(Seen::Other(None));
            }
            if self.contains(&path, theirs, target) {
                return Ok(Seen::Among);
            }
            tokio::select! {
                it = &mut asked, if answer.is_none() => {
                    crash::at(Point::Answered);
                    under_way.answered = !matches!(it, EditorAnswer::Silent(_));
                    answer = Some(it);
                    deadline = Some(Instant::now() + self.verify_time);
                }
                changed = progress.changed() => if changed.is_err() { return Ok(Seen::Closed(answer)) },
                () = until(deadline) => return Ok(Seen::Other(None)),
                () = cancel.cancelled() => return Err(CommitError::Aborted),
            }
        }
    }

    /// Whether the document visibly has the changes that lead from `theirs` to `target`, among others.
    fn contains(&self, path: &Path, theirs: &str, target: &str) -> bool {
        let Some(now) = self.document(path).map(|it| it.rope.to_string()) else { return false };
        now != theirs
            && (changes::rebase(theirs, target, &now).as_deref() == Some(now.as_str())
                || ends::has(theirs, target, &now))
    }

    /// The document was closed while an edit was on its way: it is opened again, or the edit is lost and the
    /// file counts, or nobody knows.
    async fn is_open_again(
        &self,
        plan: &EditPlan,
        answer: Option<EditorAnswer>,
    ) -> Result<bool, CommitError> {
        let deadline = Instant::now() + self.verify_time;
        loop {
            let opened = self.shared.opened.notified();
            if self.document(&plan.path).is_some() {
                return Ok(true);
            }
            match answer {
                Some(EditorAnswer::Refused(_) | EditorAnswer::Failed(_)) => return Ok(false),
                // It may be in a hidden buffer now. Helix and VS Code open the document again and say so.
                Some(EditorAnswer::Applied | EditorAnswer::Silent(_)) | None => {}
            }
            tokio::select! {
                () = opened => {}
                () = until(Some(deadline)) => return Err(CommitError::Closed { path: plan.path.clone() }),
            }
        }
    }

    fn with_clean(&self, path: &Path) -> Option<(Document, Option<String>)> {
        self.with_key(path, |documents, key| documents.with_clean(key))
    }

    pub(super) fn damage(&self, path: &Path) -> usize {
        self.with_key(path, |documents, key| documents.damage(key))
    }

    fn repaired(&self, path: &Path) {
        self.with_key(path, |documents, key| documents.repaired(key));
    }

    /// Looks out for edits whose commit is over, and takes back what arrives in the wrong place.
    async fn look_out(self: Arc<Self>, path: &Path) {
        while self.sees_damage(path).await {
            let mut pauses = REPAIR_PAUSES.into_iter();
            while let Err(error) = self.take_back(path).await {
                tracing::warn!(path = %path.display(), %error, "a misplaced edit is still there");
                let Some(pause) = pauses.next() else { return self.repaired(path) };
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Waits until an edit has arrived in the wrong place. False if none did in time.
    async fn sees_damage(&self, path: &Path) -> bool {
        // While a commit waits for an edit, it is known for a while only that it may arrive.
        let open_end = Instant::now() + sent::LOOKOUT;
        loop {
            let opened = self.shared.opened.notified();
            let mut changes = self.watch(path);
            if self.damage(path) > 0 {
                return true;
            }
            let end = match self.with_key(path, |documents, key| documents.watched_until(key)) {
                Some(Some(end)) => end,
                Some(None) if Instant::now() < open_end => open_end,
                _ => return false,
            };
            let changed = async {
                match &mut changes {
                    Some(changes) => {
                        changes.changed().await;
                    }
                    None => opened.await,
                }
            };
            tokio::select! {
                () = changed => {}
                () = until(Some(end)) => {}
            }
        }
    }

    /// Takes back what has arrived in the wrong place, unless somebody else does.
    async fn take_back(self: &Arc<Self>, path: &Path) -> Result<(), CommitError> {
        let _guard = self.lock_path(path).await;
        let Some((document, Some(text))) = self.with_clean(path) else { return Ok(()) };
        // A plan that changes nothing but what went astray.
        let plan = EditPlan {
            path: path.to_owned(),
            base: Some(Snapshot::of_buffer(path.to_owned(), text.clone(), document.version)),
            text,
            label: "pi: take back a misplaced edit".to_owned(),
            cause: None,
        };
        self.edit_buffer(&plan, Purpose::Change, &mut None, &CancellationToken::new()).await.map(|_| ())
    }
}

impl<'a> Wanted<'a> {
    /// In the form that the document has in its editor.
    fn of(plan: &'a EditPlan, base: &'a str, theirs: &str) -> Self {
        let form = Form::of(theirs);
        Self { base: form.give(base), text: form.give(&plan.text) }
    }

    /// Whether a text has the change, as an editor may have made it.
    fn is_in(&self, theirs: &str) -> bool {
        ends::has(&self.base, &self.text, theirs)
    }

    fn changes_more_than_ends(&self) -> bool {
        !form::alike(self.base.bytes(), self.text.bytes())
    }

    /// What the text was before, which has the change now: it came together with what the user typed elsewhere.
    fn before(&self, goal: &Goal) -> String {
        match goal.fits {
            true => changes::rebase(&self.text, &self.base, &goal.target)
                .unwrap_or_else(|| self.base.clone().into_owned()),
            false => goal.clean.clone(),
        }
    }
}

impl Goal {
    fn of(wanted: &Wanted<'_>, clean: String) -> Self {
        match changes::rebase(&wanted.base, &wanted.text, &clean) {
            Some(target) => Self { rebased: target != *wanted.text, target, clean, fits: true },
            None => Self { target: clean.clone(), clean, fits: false, rebased: false },
        }
    }

    /// Whether a text is as good as an editor can make this one.
    fn is_alike(&self, theirs: &str) -> bool {
        self.fits && form::alike(self.target.bytes(), theirs.bytes())
    }
}

/// An edit that somebody waits for, until the wait is over, however it ends.
struct UnderWay<'a> {
    workspace: &'a Workspace,
    path: &'a Path,
    id: u64,
    answered: bool,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let (id, answered) = (self.id, self.answered);
        self.workspace.with_key(self.path, |documents, key| documents.leave(key, id, answered));
    }
}

/// A commit. However it ends, edits that may still arrive are looked out for.
struct Lookout<'a> {
    workspace: &'a Arc<Workspace>,
    path: &'a Path,
}

impl Drop for Lookout<'_> {
    fn drop(&mut self) {
        if self.workspace.with_key(self.path, |documents, key| documents.is_watched(key)) {
            let (workspace, path) = (self.workspace.clone(), self.path.to_owned());
            tokio::spawn(async move { workspace.look_out(&path).await });
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
