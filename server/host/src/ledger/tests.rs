//! The ledger over a real database and real files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use super::*;
use crate::workspace::{
    EditPlan, Position, PositionEncoding, Range, RangeEdit, Workspace,
    editor::{DocumentEdit, EditorAnswer, EditorClient},
    journal::{EditCause, EditIntent, EditJournal, EditKind},
    position,
};

const ANY: Limits = Limits { days: 0, bytes: 0 };

/// A project with its ledger. A second one on the same folder is another process.
pub(super) struct Project {
    pub(super) dir: Arc<tempfile::TempDir>,
    pub(super) workspace: Arc<Workspace>,
    pub(super) review: Arc<Review>,
    pub(super) journal: Arc<Journal>,
}

impl Project {
    pub(super) fn new() -> Self {
        Self::at(Arc::new(tempfile::tempdir().unwrap()))
    }

    pub(super) fn at(dir: Arc<tempfile::TempDir>) -> Self {
        Self::within(dir, ANY)
    }

    fn within(dir: Arc<tempfile::TempDir>, limits: Limits) -> Self {
        let workspace = Workspace::new(dir.path().join("project"));
        std::fs::create_dir_all(workspace.root()).unwrap();
        let ledger = Ledger::new(dir.path().join("agent").join(FILE_NAME), limits);
        let journal = Arc::new(Journal::new(ledger.clone()));
        journal.add_root(workspace.root());
        workspace.set_journal(journal.clone());
        Self { dir, review: Review::new(ledger, workspace.clone()), workspace, journal }
    }

    /// The next process.
    pub(super) fn restarted(&self) -> Self {
        Self::at(self.dir.clone())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.workspace.root().join(name)
    }

    pub(super) fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(super) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|_| "-".into())
    }

    /// Pi gives a file this text in turn `turn`.
    pub(super) async fn pi(&self, turn: u64, name: &str, text: &str) {
        let path = self.path(name);
        let base = self.workspace.read(&path).await.ok();
        let plan = EditPlan { path, base, text: text.into(), label: "pi".into(), cause: Some(cause(turn)) };
        self.workspace.commit(plan, &CancellationToken::new()).await.unwrap();
    }

    /// `status removed>added`, one a hunk.
    pub(super) async fn shown(&self) -> Vec<String> {
        let hunks = self.review.find(&Select::default()).await.unwrap();
        let texts = self.review.texts(hunks.iter().map(|it| it.id).collect()).await.unwrap();
        let one = |it: &FoundHunk| {
            let (base, text) = &texts[&it.id];
            let edited = if it.edited { "*" } else { "" };
            format!(
                "{:?}{edited} {}>{}",
                it.status,
                base.trim().replace('\n', "|"),
                text.trim().replace('\n', "|")
            )
        };
        hunks.iter().map(one).collect()
    }

    pub(super) async fn decide(&self, verb: Verb, select: Select) -> Outcome {
        self.review.decide(&select, verb, Some(self.review.ledger().next_decision())).await.unwrap()
    }
}

pub(super) fn cause(turn: u64) -> EditCause {
    EditCause {
        session_id: "s".into(),
        prompt_id: Some(format!("p{}", turn.div_ceil(10)).into()),
        turn,
        call_id: format!("c{turn}").into(),
        tool: "edit".into(),
    }
}

pub(super) fn all() -> Select {
    Select::default()
}

fn turn(turn: u64) -> Select {
    Select { session: Some("s".into()), turn: Some(turn), ..Select::default() }
}

#[tokio::test]
async fn nothing_is_made_before_the_first_edit() {
    let project = Project::new();
    assert_eq!(project.shown().await, Vec::<String>::new());
    assert!(!project.dir.path().join("agent").exists());
}

#[tokio::test]
async fn hunks_are_kept_and_rejected_one_by_one() {
    let project = Project::new();
    project.put("a.txt", "one\ntwo\nthree\nfour\n");
    project.pi(1, "a.txt", "ONE\ntwo\nthree\nFOUR\n").await;
    assert_eq!(project.shown().await, ["Pending one>ONE", "Pending four>FOUR"]);
    let found = project.review.find(&all()).await.unwrap();
    assert_eq!((found[1].start, found[1].base_start, found[1].turn), (3, 3, 1));
    project.decide(Verb::Accept, Select { hunks: vec![found[0].id], ..all() }).await;
    // The user goes on above.
    project.put("a.txt", "user\nONE\ntwo\nthree\nFOUR\n");
    let outcome = project.decide(Verb::Reject, all()).await;
    assert_eq!(outcome.changed, [found[1].id]);
    assert_eq!(project.text("a.txt"), "user\nONE\ntwo\nthree\nfour\n");
    // After a restart.
    let project = project.restarted();
    assert_eq!(project.shown().await, ["Kept one>ONE", "Rejected four>FOUR"]);
    let decision = Last::of(&project.review.find(&all()).await.unwrap()).decision;
    project.decide(Verb::Redo, Select { decision, ..all() }).await;
    assert_eq!(project.text("a.txt"), "user\nONE\ntwo\nthree\nFOUR\n");
    project.decide(Verb::Revert, all()).await;
    assert_eq!(project.text("a.txt"), "user\none\ntwo\nthree\nfour\n");
    assert_eq!(project.shown().await, ["Reverted one>ONE", "Reverted four>FOUR"]);
    project.decide(Verb::Redo, all()).await;
    assert_eq!(project.text("a.txt"), "user\nONE\ntwo\nthree\nFOUR\n");
    assert_eq!(project.shown().await, ["Kept one>ONE", "Pending four>FOUR"]);
}

/// As `cp -p`, `rsync -t` and `touch -r` do: a file of the same size and time takes the place of another.
pub(crate) fn replace_unnoticed(path: &Path, text: &str) {
    let before = path.metadata().unwrap();
    assert_eq!(before.len(), text.len() as u64);
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::File::options()
        .write(true)
        .open(&new)
        .unwrap()
        .set_modified(before.modified().unwrap())
        .unwrap();
    std::fs::rename(new, path).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_of_the_same_size_and_time_is_looked_at_again() {
    let project = Project::new();
    project.put("a.txt", "one\ntwo\n");
    project.pi(1, "a.txt", "ONE\ntwo\n").await;
    assert_eq!(project.shown().await, ["Pending one>ONE"]);
    replace_unnoticed(&project.path("a.txt"), "one\ntwo\n");
    assert_eq!(project.shown().await, ["Rejected one>ONE"]);
}

#[tokio::test]
async fn what_the_user_changed_is_refused_and_the_rest_done() {
    let project = Project::new();
    project.put("a.txt", "one\ntwo\nthree\n");
    project.pi(1, "a.txt", "ONE\ntwo\nTHREE\n").await;
    project.put("a.txt", "ONE mine\ntwo\nTHREE\n");
    let preview = project.review.decide(&all(), Verb::Reject, None).await.unwrap();
    let outcome = project.decide(Verb::Reject, all()).await;
    assert_eq!(preview, outcome);
    assert_eq!(outcome.refused.len(), 1);
    assert_eq!(outcome.refused[0].reason, "You edited this since; your text stays");
    assert_eq!(project.text("a.txt"), "ONE mine\ntwo\nthree\n");
    assert_eq!(project.shown().await, ["Pending* one>ONE", "Rejected three>THREE"]);
}

#[tokio::test]
async fn a_turn_is_reverted_to_the_turn_before() {
    let project = Project::new();
    project.put("a.txt", "a\nb\nc\n");
    project.pi(1, "a.txt", "a\nB1\nc\n").await;
    project.pi(11, "a.txt", "a\nB2\nc\nD\n").await;
    assert_eq!(project.shown().await, ["Superseded b>B1", "Pending b>B2", "Pending >D"]);
    let diff = project.review.diff(&turn(11)).await.unwrap();
    assert!(diff[0].diff.contains("-B1\n+B2\n"), "{}", diff[0].diff);
    let diff = project.review.diff(&all()).await.unwrap();
    assert!(diff[0].diff.contains("-b\n+B2\n c\n+D\n"), "{}", diff[0].diff);
    // Not without the later one.
    let outcome = project.decide(Verb::Revert, turn(1)).await;
    assert_eq!((outcome.changed.len(), outcome.refused.len()), (0, 1));
    project.decide(Verb::Revert, turn(11)).await;
    assert_eq!(project.text("a.txt"), "a\nB1\nc\n");
    assert_eq!(project.shown().await, ["Pending b>B1", "Reverted b>B2", "Reverted >D"]);
    let prompts = Select { prompts: Some(vec!["p1".into(), "p2".into()]), ..all() };
    project.decide(Verb::Redo, turn(11)).await;
    project.decide(Verb::Revert, prompts).await;
    assert_eq!(project.text("a.txt"), "a\nb\nc\n");
}

#[tokio::test]
async fn created_files_disappear_and_come_back() {
    let project = Project::new();
    project.pi(1, "new/b.txt", "b\n").await;
    assert_eq!(project.shown().await, ["Pending >b"]);
    project.decide(Verb::Reject, all()).await;
    assert_eq!(project.text("new/b.txt"), "-");
    project.decide(Verb::Redo, all()).await;
    assert_eq!(project.text("new/b.txt"), "b\n");
    // Deleted and moved files likewise, however they were deleted and moved.
    let path = project.path("new/b.txt");
    let intent = |kind, after: Option<&str>| EditIntent {
        cause: Some(cause(2)),
        path: path.clone(),
        kind,
        before: Some("b\n".into()),
        after: after.map(Arc::from),
        buffer: false,
    };
    project.decide(Verb::Accept, all()).await;
    let id = project.journal.begin(&intent(EditKind::Delete, None)).unwrap();
    std::fs::remove_file(&path).unwrap();
    project.journal.complete(id, Some("b\n"), None);
    project.decide(Verb::Reject, all()).await;
    assert_eq!(project.text("new/b.txt"), "b\n");
}

/// Pi gives a file another name.
fn rename(project: &Project, turn: u64, from: &str, to: &str) {
    let text = project.text(from);
    let intent = EditIntent {
        cause: Some(cause(turn)),
        path: project.path(to),
        kind: EditKind::Rename { from: project.path(from) },
        before: Some(text.as_str().into()),
        after: Some(text.as_str().into()),
        buffer: false,
    };
    let id = project.journal.begin(&intent).unwrap();
    std::fs::create_dir_all(project.path(to).parent().unwrap()).unwrap();
    std::fs::rename(project.path(from), project.path(to)).unwrap();
    project.journal.complete(id, Some(&text), Some(&text));
}

async fn names(project: &Project) -> Vec<String> {
    let hunks = project.review.find(&Select::default()).await.unwrap();
    let name = |it: &Path| it.strip_prefix(project.review.root()).unwrap().display().to_string();
    hunks
        .iter()
        .map(|it| format!("{} {:?}{}", name(&it.path), it.status, if it.edited { "*" } else { "" }))
        .collect()
}

#[tokio::test]
async fn a_renamed_file_goes_back_with_what_the_user_wrote_and_comes_again() {
    let project = Project::new();
    project.put("a.txt", "one\ntwo\n");
    rename(&project, 1, "a.txt", "sub/b.txt");
    project.pi(2, "sub/b.txt", "one\nTWO\n").await;
    project.put("sub/b.txt", "mine\none\nTWO\n");
    assert_eq!(names(&project).await, ["sub/b.txt Pending", "sub/b.txt Pending"]);
    let diff = project.review.diff(&all()).await.unwrap();
    assert!(
        diff[0].diff.starts_with("rename from a.txt\nrename to sub/b.txt\n--- a.txt\n+++ sub/b.txt\n"),
        "{diff:?}"
    );

    // Only the name.
    let outcome = project.decide(Verb::Reject, turn(1)).await;
    assert_eq!(outcome.files, [paths_of(&project, "sub/b.txt"), paths_of(&project, "a.txt")]);
    assert_eq!((project.text("a.txt").as_str(), project.path("sub").exists()), ("mine\none\nTWO\n", false));
    assert_eq!(names(&project).await, ["a.txt Rejected", "a.txt Pending"]);
    project.decide(Verb::Redo, all()).await;
    assert_eq!(
        (project.text("a.txt").as_str(), project.text("sub/b.txt").as_str()),
        ("-", "mine\none\nTWO\n")
    );
    // Name and text, also after a restart.
    let project = project.restarted();
    project.decide(Verb::Revert, all()).await;
    assert_eq!(
        (project.text("a.txt").as_str(), project.text("sub/b.txt").as_str()),
        ("mine\none\ntwo\n", "-")
    );
    project.decide(Verb::Redo, all()).await;
    assert_eq!(project.text("sub/b.txt"), "mine\none\nTWO\n");

    // Whoever takes the name back.
    std::fs::rename(project.path("sub/b.txt"), project.path("a.txt")).unwrap();
    assert_eq!(names(&project).await, ["a.txt Rejected", "a.txt Pending"]);
    // Nothing is overwritten.
    project.put("sub/b.txt", "another\n");
    let outcome = project.decide(Verb::Redo, turn(1)).await;
    assert_eq!(outcome.changed, Vec::<i64>::new());
    assert_eq!(outcome.refused[0].reason, "There is another sub/b.txt now; a.txt keeps its name");
    let preview = project.review.decide(&turn(1), Verb::Redo, None).await.unwrap();
    assert_eq!(preview, outcome);
    assert_eq!(
        (project.text("a.txt").as_str(), project.text("sub/b.txt").as_str()),
        ("mine\none\nTWO\n", "another\n")
    );
}

#[tokio::test]
async fn a_rename_onto_a_path_with_a_record_of_its_own_is_one_that_goes_and_one_that_comes() {
    let project = Project::new();
    project.put("a.txt", "a\n");
    project.put("b.txt", "b\n");
    let path = project.path("b.txt");
    let intent = EditIntent {
        cause: Some(cause(1)),
        path: path.clone(),
        kind: EditKind::Delete,
        before: Some("b\n".into()),
        after: None,
        buffer: false,
    };
    let id = project.journal.begin(&intent).unwrap();
    std::fs::remove_file(&path).unwrap();
    project.journal.complete(id, Some("b\n"), None);
    rename(&project, 2, "a.txt", "b.txt");
    assert_eq!(project.text("b.txt"), "a\n");
    project.decide(Verb::Reject, all()).await;
    assert_eq!((project.text("a.txt").as_str(), project.text("b.txt").as_str()), ("a\n", "b\n"));
    project.decide(Verb::Redo, all()).await;
    assert_eq!((project.text("a.txt").as_str(), project.text("b.txt").as_str()), ("-", "a\n"));
}

#[tokio::test]
async fn a_file_that_came_under_the_old_name_goes_first_and_comes_again_last() {
    let project = Project::new();
    project.put("a.txt", "old\n");
    rename(&project, 1, "a.txt", "b.txt");
    project.pi(2, "a.txt", "use b\n").await;
    project.pi(3, "b.txt", "new\n").await;
    let files = |project: &Project| (project.text("a.txt"), project.text("b.txt"));
    let is = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    // In the way as long as it is there.
    assert_eq!(project.decide(Verb::Reject, turn(1)).await.refused.len(), 1);
    assert_eq!(files(&project), is("use b\n", "new\n"));
    assert_eq!(project.decide(Verb::Reject, all()).await.refused, []);
    assert_eq!(files(&project), is("old\n", "-"));
    let project = project.restarted();
    assert_eq!(names(&project).await, ["a.txt Rejected", "a.txt Rejected", "a.txt Rejected"]);
    // Its name is taken.
    let outcome = project.decide(Verb::Redo, turn(2)).await;
    assert_eq!(
        (outcome.changed.len(), outcome.refused[0].reason.as_str()),
        (0, "There is another a.txt now")
    );
    assert_eq!(project.decide(Verb::Redo, all()).await.refused, []);
    assert_eq!(files(&project), is("use b\n", "new\n"));
    assert_eq!(names(&project).await, ["a.txt Pending", "b.txt Pending", "b.txt Pending"]);
}

#[tokio::test]
async fn a_ledger_of_an_earlier_version_is_brought_up_to_date() {
    let of_4 = "DROP TABLE raw; DROP INDEX hunks_raw; ALTER TABLE hunks DROP COLUMN base_raw; PRAGMA user_version = 4;";
    let of_3 = "DROP TABLE commands; PRAGMA user_version = 3;";
    let of_2 = "ALTER TABLE edits DROP COLUMN process_began; PRAGMA user_version = 2;";
    let of_1 = "ALTER TABLE edits DROP COLUMN mode; PRAGMA user_version = 1;";
    for count in 1..=4 {
        let old = [of_4, of_3, of_2, of_1][..count].concat();
        let project = Project::new();
        project.put("a.txt", "old\n");
        project.pi(1, "a.txt", "new\n").await;
        project.review.ledger().with(|db| db.execute_batch(&old)).unwrap();
        let project = project.restarted();
        assert_eq!(project.shown().await, ["Pending old>new"]);
        project.pi(2, "a.txt", "newer\n").await;
        assert_eq!(project.shown().await, ["Superseded old>new", "Pending old>newer"]);
    }
}

#[tokio::test]
async fn what_a_window_still_shows_of_a_deleted_file_is_no_file() {
    let project = Project::new();
    project.put("a.txt", "one\n");
    let path = project.path("a.txt");
    project.workspace.open(&path, 1, "one\n", "text");
    project.workspace.set_editor(Arc::new(Obedient(project.workspace.clone())));
    let intent = EditIntent {
        cause: Some(cause(1)),
        path: path.clone(),
        kind: EditKind::Delete,
        before: Some("one\n".into()),
        after: None,
        buffer: false,
    };
    let id = project.journal.begin(&intent).unwrap();
    std::fs::remove_file(&path).unwrap();
    project.journal.complete(id, Some("one\n"), None);
    assert_eq!(project.shown().await, ["Pending one>"]);
    project.decide(Verb::Reject, all()).await;
    assert_eq!(
        (project.text("a.txt").as_str(), project.shown().await),
        ("one\n", vec!["Rejected one>".to_owned()])
    );
    project.decide(Verb::Redo, all()).await;
    assert_eq!(project.text("a.txt"), "-");
    // What is typed there is the user's file.
    let typed = RangeEdit { range: None, text: "one\nmine\n".into() };
    assert!(project.workspace.change(&path, 2, &[typed], PositionEncoding::Utf8));
    assert_eq!(project.shown().await, ["Pending* one>"]);
    assert_eq!(project.decide(Verb::Reject, all()).await.changed, Vec::<i64>::new());
}

/// Every state in which a process can be killed between the record and its end, for a file and for a buffer.
#[tokio::test]
async fn what_was_cut_off_is_settled_at_the_next_start() {
    // (in a buffer, the text found at the next start, open then, what the hunk is)
    for (buffer, found, open, expected) in [
        (false, "old\nx\n", false, None),
        (false, "new\nx\n", false, Some("Pending old>new")),
        (false, "new\nx\nuser\n", false, Some("Pending old>new")),
        (false, "other\n", false, None),
        (true, "old\nx\n", true, None),
        (true, "new\nx\n", true, Some("Pending old>new")),
        (true, "new\nx\nuser\n", true, Some("Pending old>new")),
        // It was saved, and the editor closed.
        (true, "new\nx\n", false, Some("Pending old>new")),
        // Nobody can say yet.
        (true, "old\nx\n", false, None),
    ] {
        let project = Project::new();
        project.put("a.txt", "old\nx\n");
        let intent = EditIntent {
            cause: Some(cause(1)),
            path: project.path("a.txt"),
            kind: EditKind::Change,
            before: Some("old\nx\n".into()),
            after: Some("new\nx\n".into()),
            buffer,
        };
        project.journal.begin(&intent).unwrap();
        project.review.ledger().with(|db| db.execute("UPDATE edits SET process = 0", [])).unwrap();
        let next = project.restarted();
        let mut heard = next.review.ledger().subscribe();
        if open {
            next.workspace.open(&next.path("a.txt"), 1, found, "text");
        } else {
            next.put("a.txt", found);
        }
        let case = format!("{buffer} {found:?} {open}");
        assert_eq!(next.shown().await, expected.into_iter().collect::<Vec<_>>(), "{case}");
        let in_doubt = buffer && !open && expected.is_none();
        assert_eq!(heard.try_recv().is_err(), in_doubt, "{case}");
        let left = next.review.ledger().with(|db| {
            db.query_row("SELECT count(*) FROM edits WHERE state = 'begun'", [], |row| row.get::<_, i64>(0))
        });
        assert_eq!(left.unwrap(), i64::from(in_doubt), "{case}");
    }
}

#[tokio::test]
async fn a_record_of_a_living_process_is_left_alone() {
    let project = Project::new();
    project.put("a.txt", "old\n");
    let intent = EditIntent {
        cause: Some(cause(1)),
        path: project.path("a.txt"),
        kind: EditKind::Change,
        before: Some("old\n".into()),
        after: Some("new\n".into()),
        buffer: false,
    };
    let id = project.journal.begin(&intent).unwrap();
    assert_eq!(project.restarted().shown().await, Vec::<String>::new());
    project.put("a.txt", "new\n");
    project.journal.complete(id, Some("old\n"), Some("new\n"));
    assert_eq!(project.shown().await, ["Pending old>new"]);
}

/// An editor that does as it is told.
pub(super) struct Obedient(pub(super) Arc<Workspace>);

#[async_trait::async_trait]
impl EditorClient for Obedient {
    async fn apply(&self, edit: DocumentEdit) -> EditorAnswer {
        let mut text = edit.base.to_string();
        for change in edit.changes.iter().rev() {
            text.replace_range(change.start..change.end, &change.text);
        }
        type_all(&self.0, &edit.path, &text);
        EditorAnswer::Applied
    }
}

/// The user makes a buffer say this.
pub(super) fn type_all(workspace: &Workspace, path: &Path, text: &str) {
    let document = workspace.document(path).unwrap();
    let end = position::to_range(&document.rope, 0, document.rope.len_bytes(), PositionEncoding::Utf8).end;
    let range = Some(Range { start: Position::new(0, 0), end });
    let edit = RangeEdit { range, text: text.into() };
    workspace.change(path, document.version + 1, &[edit], PositionEncoding::Utf8);
}

#[tokio::test]
async fn open_buffers_are_reviewed_in_their_editor() {
    let project = Project::new();
    project.put("a.txt", "one\ntwo\n");
    let path = project.path("a.txt");
    project.workspace.open(&path, 1, "one\ntwo\nunsaved\n", "text");
    project.workspace.set_editor(Arc::new(Obedient(project.workspace.clone())));
    let buffer = || project.workspace.document(&path).unwrap().rope.to_string();
    project.pi(1, "a.txt", "ONE\ntwo\nunsaved\n").await;
    assert_eq!(buffer(), "ONE\ntwo\nunsaved\n");
    // The editor's own undo is the user's reject, its redo takes that back.
    type_all(&project.workspace, &path, "one\ntwo\nunsaved\n");
    assert_eq!(project.shown().await, ["Rejected one>ONE"]);
    type_all(&project.workspace, &path, "ONE\ntwo\nunsaved\n");
    assert_eq!(project.shown().await, ["Pending one>ONE"]);
    // Who sees only the disk sees it not done, and changes nothing by looking.
    assert_eq!(project.restarted().shown().await, ["Rejected one>ONE"]);
    assert_eq!(project.shown().await, ["Pending one>ONE"]);
    type_all(&project.workspace, &path, "typed\nONE\ntwo\nunsaved\n");
    project.decide(Verb::Reject, all()).await;
    assert_eq!(buffer(), "typed\none\ntwo\nunsaved\n");
    assert_eq!(project.text("a.txt"), "one\ntwo\n");
}

#[tokio::test]
async fn decisions_of_two_processes_meet() {
    let project = Project::new();
    project.put("a.txt", "a\nb\nc\n");
    project.pi(1, "a.txt", "A\nb\nC\n").await;
    let other = project.restarted();
    let found = project.review.find(&all()).await.unwrap();
    let one = |at: usize| Select { hunks: vec![found[at].id], ..all() };
    project.decide(Verb::Reject, one(0)).await;
    other.decide(Verb::Accept, one(1)).await;
    assert_eq!(project.shown().await, ["Rejected a>A", "Kept c>C"]);
    assert_eq!(project.text("a.txt"), "a\nb\nC\n");
    other.pi(2, "a.txt", "a\nb\nC\nd\n").await;
    assert_eq!(project.shown().await, ["Rejected a>A", "Kept c>C", "Pending >d"]);
}

#[tokio::test]
async fn a_damaged_ledger_is_set_aside_and_an_unusable_one_stops_no_edit() {
    let project = Project::new();
    let agent = project.dir.path().join("agent");
    std::fs::create_dir_all(&agent).unwrap();
    std::fs::write(agent.join(FILE_NAME), "this is no database, whatever its name says".repeat(100)).unwrap();
    let mut heard = project.review.ledger().subscribe();
    project.put("a.txt", "a\n");
    project.pi(1, "a.txt", "b\n").await;
    assert!(matches!(heard.try_recv(), Ok(LedgerEvent::Notice(text)) if text.contains("was damaged")));
    assert_eq!(project.shown().await, ["Pending a>b"]);
    let aside = std::fs::read_dir(&agent).unwrap().flatten();
    assert_eq!(aside.filter(|it| it.file_name().to_string_lossy().contains(".damaged-")).count(), 1);

    let project = Project::new();
    std::fs::write(project.dir.path().join("agent"), "in the way").unwrap();
    let mut heard = project.review.ledger().subscribe();
    project.put("a.txt", "a\n");
    project.pi(1, "a.txt", "b\n").await;
    project.pi(2, "a.txt", "c\n").await;
    assert_eq!(project.text("a.txt"), "c\n");
    assert!(matches!(heard.try_recv(), Ok(LedgerEvent::Notice(text)) if text.contains("cannot be recorded")));
    assert!(heard.try_recv().is_err(), "said once");
}

#[tokio::test]
async fn old_edits_are_forgotten() {
    let project = Project::new();
    for (name, turn) in [("a.txt", 1), ("b.txt", 2), ("c.txt", 3)] {
        project.put(name, "x\n");
        project.pi(turn, name, &format!("{name}\n")).await;
    }
    let b = Select { path: Some(paths_of(&project, "b.txt")), ..all() };
    project.decide(Verb::Accept, b).await;
    let ledger = project.review.ledger();
    let age = |days: u64, path: &str| {
        let began = pi_core::clock::now_ms().saturating_sub(days * 24 * 3600 * 1000) as i64;
        ledger.with(|db| {
            db.execute("UPDATE edits SET began = ?1 WHERE path LIKE ?2", rusqlite::params![began, path])
        })
    };
    age(40, "%a.txt").unwrap();
    age(40, "%b.txt").unwrap();
    let pruned = ledger.collect(&Limits { days: 30, bytes: 0 }).unwrap();
    assert_eq!((pruned.edits, pruned.left), (1, 2), "what waits is not forgotten yet");
    age(70, "%a.txt").unwrap();
    assert_eq!(ledger.collect(&Limits { days: 30, bytes: 0 }).unwrap().edits, 1);
    assert_eq!(project.shown().await, ["Pending x>c.txt"]);
    assert_eq!(ledger.collect(&Limits { days: 0, bytes: 1 }).unwrap().left, 1, "nor because of its size");
    project.decide(Verb::Accept, all()).await;
    assert_eq!(ledger.collect(&Limits { days: 0, bytes: 1 }).unwrap().left, 0);
    // Ids are not used again.
    project.pi(4, "a.txt", "y\n").await;
    assert_eq!(project.review.find(&all()).await.unwrap()[0].id, 4);
}

/// 16 KiB that cannot be packed.
fn bulk(seed: u64) -> String {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + (state >> 33) as u8 % 90)
    };
    (0..16 << 10).map(|_| next()).chain(['\n']).collect()
}

fn used(project: &Project) -> u64 {
    project.review.ledger().with(|db| retention::used(db)).unwrap()
}

#[tokio::test]
async fn no_more_of_the_oldest_are_forgotten_than_have_to_and_none_that_waits() {
    let project = Project::new();
    let intent = EditIntent {
        cause: Some(cause(1)),
        path: project.path("begun.txt"),
        kind: EditKind::Create,
        before: None,
        after: Some(bulk(0).into()),
        buffer: true,
    };
    project.journal.begin(&intent).unwrap();
    let empty = used(&project);
    for turn in 2..=20 {
        project.pi(turn, &format!("{turn}.txt"), &bulk(turn)).await;
    }
    let (all_of_it, each) = (used(&project), (used(&project) - empty) / 19);
    for turn in (2..=20).filter(|it| *it != 3 && *it != 5) {
        let path = Some(paths_of(&project, &format!("{turn}.txt")));
        project.decide(Verb::Accept, Select { path, ..all() }).await;
    }
    let limit = all_of_it - each * 5 / 2;
    let ledger = project.review.ledger();
    let pruned = ledger.collect(&Limits { days: 0, bytes: limit }).unwrap();
    assert!(pruned.bytes <= limit, "{pruned:?}");
    let left = ledger.with(|db| {
        let mut turns = db.prepare("SELECT turn FROM edits ORDER BY id")?;
        turns.query_map([], |row| row.get::<_, u64>(0))?.collect::<Result<Vec<_>, _>>()
    });
    assert_eq!(left.unwrap(), [1, 3, 5].into_iter().chain(7..=20).collect::<Vec<_>>());
    // What is left can still be taken back.
    project.decide(Verb::Revert, turn(20)).await;
    assert_eq!(project.text("20.txt"), "-");
}

#[tokio::test]
async fn a_server_that_runs_for_long_keeps_its_record_small() {
    let limits = Limits { days: 30, bytes: 512 << 10 };
    let project = Project::within(Arc::new(tempfile::tempdir().unwrap()), limits);
    for turn in 1..=RECORDS_UNCHECKED + 10 {
        if turn == RECORDS_UNCHECKED {
            project.decide(Verb::Accept, all()).await;
        }
        project.pi(turn, &format!("{turn}.txt"), &bulk(turn)).await;
    }
    assert!(used(&project) < 1 << 20, "{}", used(&project));
    // And what is old goes with the first record after a while, without a restart.
    let ledger = project.review.ledger();
    ledger.with(|db| db.execute_batch("UPDATE edits SET began = 1")).unwrap();
    ledger.checked_at.store(0, Ordering::Relaxed);
    project.pi(1000, "b.txt", "b\n").await;
    let left = ledger.with(|db| db.query_row("SELECT count(*) FROM edits", [], |row| row.get::<_, u64>(0)));
    assert_eq!(left.unwrap(), 1);
}

fn paths_of(project: &Project, name: &str) -> PathBuf {
    crate::paths::canonical(&project.path(name))
}
