//! Commits against editors of all tempers: honest, slow, refusing, lying, and with a user who types in
//! between.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use async_trait::async_trait;
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::{
    editor::{DocumentEdit, EditorAnswer, TextChange},
    *,
};

const BASE: &str = "one\ntwo\nthree\nfour\nfive\n";

type React = dyn Fn(&Workspace, usize, &DocumentEdit) -> EditorAnswer + Send + Sync;

/// Calls its function for each edit, with the number of edits before it.
pub(super) struct FakeEditor {
    workspace: Arc<Workspace>,
    react: Box<React>,
    pub(super) calls: AtomicUsize,
}

#[async_trait]
impl EditorClient for FakeEditor {
    async fn apply(&self, edit: DocumentEdit) -> EditorAnswer {
        let call = self.calls.fetch_add(1, SeqCst);
        (self.react)(&self.workspace, call, &edit)
    }
}

pub(super) struct Fixture {
    pub(super) workspace: Arc<Workspace>,
    pub(super) path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Fixture {
    /// `a.txt` with the base text on disk, in a workspace that waits only shortly.
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        std::fs::write(&path, BASE).unwrap();
        let workspace =
            Arc::new(Workspace::build(dir.path().to_owned(), Duration::from_millis(100), Arc::default()));
        Self { workspace, path, _dir: dir }
    }

    /// The same, open in an editor that reacts like this.
    pub(super) fn open(
        react: impl Fn(&Workspace, usize, &DocumentEdit) -> EditorAnswer + Send + Sync + 'static,
    ) -> (Self, Arc<FakeEditor>) {
        Self::showing(BASE, BASE, react)
    }

    /// With `disk` in the file, which the editor shows as `text`.
    pub(super) fn showing(
        disk: &str,
        text: &str,
        react: impl Fn(&Workspace, usize, &DocumentEdit) -> EditorAnswer + Send + Sync + 'static,
    ) -> (Self, Arc<FakeEditor>) {
        let it = Self::new();
        std::fs::write(&it.path, disk).unwrap();
        it.workspace.open(&it.path, 1, text, "text");
        let editor = FakeEditor {
            workspace: it.workspace.clone(),
            react: Box::new(react),
            calls: AtomicUsize::new(0),
        };
        let editor = Arc::new(editor);
        it.workspace.set_editor(editor.clone());
        (it, editor)
    }

    pub(super) async fn edit(&self, old: &str, new: &str) -> Result<Committed, CommitError> {
        let base = self.workspace.read(&self.path).await.unwrap();
        let text = base.text.replace(old, new);
        let plan = EditPlan {
            path: self.path.clone(),
            base: Some(base),
            text,
            label: "pi: edit a.txt".into(),
            cause: None,
        };
        self.workspace.commit(plan, &CancellationToken::new()).await
    }

    pub(super) fn buffer(&self) -> String {
        self.workspace.overlay_text(&self.path).unwrap().to_string()
    }

    pub(super) fn disk(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }
}

/// Reports what the user typed: `old` becomes `new`.
pub(super) fn type_text(workspace: &Workspace, path: &Path, old: &str, new: &str) {
    let document = workspace.document_as_spelled(path).unwrap();
    let text = document.rope.to_string();
    let start = text.find(old).unwrap();
    report(workspace, path, &[TextChange { start, end: start + old.len(), text: new.into() }]);
}

/// Reports changes as an editor does: positions, last change first.
pub(super) fn report(workspace: &Workspace, path: &Path, changes: &[TextChange]) {
    let document = workspace.document_as_spelled(path).unwrap();
    let encoding = PositionEncoding::Utf16;
    let edits: Vec<_> = changes
        .iter()
        .rev()
        .map(|it| RangeEdit {
            range: Some(position::to_range(&document.rope, it.start, it.end, encoding)),
            text: it.text.clone(),
        })
        .collect();
    assert!(workspace.change(path, document.version + 1, &edits, encoding));
}

/// What an honest editor does: applies the version it has, refuses another.
pub(super) fn honest(workspace: &Workspace, edit: &DocumentEdit) -> EditorAnswer {
    if workspace.document_as_spelled(&edit.path).unwrap().version != edit.version {
        return EditorAnswer::Refused(None);
    }
    report(workspace, &edit.path, &edit.changes);
    EditorAnswer::Applied
}

#[tokio::test]
async fn an_edit_reaches_the_buffer_and_not_the_disk() {
    let (it, editor) = Fixture::open(|workspace, _, edit| honest(workspace, edit));
    type_text(&it.workspace, &it.path, "one", "11");
    let done = it.edit("11", "2").await.unwrap();
    assert_eq!((done.origin, done.rebased), (Origin::Buffer { version: 3 }, false));
    assert_eq!(it.buffer(), BASE.replace("one", "2"));
    assert_eq!(it.disk(), BASE);
    assert_eq!(editor.calls.load(SeqCst), 1);
}

#[tokio::test]
async fn the_text_counts_when_the_answer_is_no() {
    let (it, editor) = Fixture::open(|workspace, _, edit| {
        honest(workspace, edit);
        EditorAnswer::Failed("no answer in time".into())
    });
    it.edit("two", "2").await.unwrap();
    assert_eq!((it.buffer(), editor.calls.load(SeqCst)), (BASE.replace("two", "2"), 1));
}

#[tokio::test]
async fn a_change_that_is_reported_late_is_waited_for() {
    let (it, editor) = Fixture::open(|_, _, _| EditorAnswer::Applied);
    let workspace = it.workspace.clone();
    let path = it.path.clone();
    let commit = it.edit("two", "2");
    let report = async {
        while editor.calls.load(SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        type_text(&workspace, &path, "two", "2");
        // The user goes on at once; that the text was right for a moment must not be missed.
        type_text(&workspace, &path, "2\n", "2!\n");
    };
    let (done, ()) = tokio::join!(commit, report);
    assert_eq!(done.unwrap().after, BASE.replace("two", "2"));
    assert_eq!((it.buffer(), editor.calls.load(SeqCst)), (BASE.replace("two", "2!"), 1));
}

#[tokio::test]
async fn typing_elsewhere_is_rebased_over() {
    let (it, editor) = Fixture::open(|workspace, call, edit| {
        if call == 0 {
            type_text(workspace, &edit.path, "one\n", "one\nnew line\n");
        }
        honest(workspace, edit)
    });
    let done = it.edit("four", "4").await.unwrap();
    assert!(done.rebased);
    assert_eq!(it.buffer(), "one\nnew line\ntwo\nthree\n4\nfive\n");
    assert_eq!(editor.calls.load(SeqCst), 2);
}

#[tokio::test]
async fn a_lie_is_noticed_and_the_edit_sent_again() {
    let (it, editor) = Fixture::open(|workspace, call, edit| match call {
        // Neovim: a stale buffer is skipped, and the answer is yes.
        0 => {
            type_text(workspace, &edit.path, "five", "5");
            EditorAnswer::Applied
        }
        _ => honest(workspace, edit),
    });
    it.edit("two", "2").await.unwrap();
    assert_eq!(it.buffer(), "one\n2\nthree\nfour\n5\n");
    assert_eq!(editor.calls.load(SeqCst), 2);
}

#[tokio::test]
async fn an_edit_that_comes_together_with_typing_is_there() {
    let (it, editor) = Fixture::open(|workspace, _, edit| {
        let text = apply_changes(BASE, &edit.changes).replace("five", "5");
        let whole = RangeEdit { range: None, text };
        workspace.change(&edit.path, 2, &[whole], PositionEncoding::Utf16);
        EditorAnswer::Applied
    });
    let done = it.edit("two", "2").await.unwrap();
    assert_eq!(done.after, "one\n2\nthree\nfour\n5\n");
    assert!(done.rebased);
    assert_eq!(editor.calls.load(SeqCst), 1);
}

#[tokio::test]
async fn a_refusing_or_dead_editor_is_asked_three_times() {
    for answer in [EditorAnswer::Refused(Some("busy".into())), EditorAnswer::Applied] {
        let said = answer.clone();
        let (it, editor) = Fixture::open(move |_, _, _| answer.clone());
        let error = it.edit("two", "2").await.unwrap_err().to_string();
        let reason = if said == EditorAnswer::Applied { "its buffer never showed" } else { "busy" };
        assert!(error.contains(reason), "{error}");
        assert_eq!((it.buffer(), it.disk(), editor.calls.load(SeqCst)), (BASE.into(), BASE.into(), 3));
    }
}

#[tokio::test]
async fn typing_in_the_same_place_is_a_conflict_with_a_diff() {
    let (it, _) = Fixture::open(|workspace, _, edit| {
        type_text(workspace, &edit.path, "two", "two by the user");
        EditorAnswer::Refused(None)
    });
    match it.edit("two", "2").await.unwrap_err() {
        CommitError::Conflict { diff, .. } => assert!(diff.contains("-two\n+two by the user\n"), "{diff}"),
        other => panic!("{other}"),
    }
    assert_eq!(it.buffer(), BASE.replace("two", "two by the user"));
}

#[tokio::test]
async fn a_document_that_is_closed_meanwhile_is_not_written() {
    let (it, _) = Fixture::open(|workspace, _, edit| {
        workspace.close(&edit.path);
        EditorAnswer::Applied
    });
    let error = it.edit("two", "2").await.unwrap_err();
    assert!(matches!(error, CommitError::Closed { .. }), "{error}");
    assert_eq!(it.disk(), BASE);
}

#[tokio::test]
async fn an_open_document_without_editor_is_left_alone() {
    let (it, _) = Fixture::open(|_, _, _| EditorAnswer::Applied);
    it.workspace.clear_editor();
    let error = it.edit("two", "2").await.unwrap_err();
    assert!(matches!(error, CommitError::NoEditor { .. }), "{error}");
    assert_eq!(it.disk(), BASE);
}

#[tokio::test]
async fn a_stopped_run_ends_the_wait() {
    let (it, _) = Fixture::open(|_, _, _| EditorAnswer::Applied);
    let cancel = CancellationToken::new();
    let base = it.workspace.read(&it.path).await.unwrap();
    let plan = EditPlan {
        path: it.path.clone(),
        base: Some(base),
        text: "x".into(),
        label: String::new(),
        cause: None,
    };
    let commit = it.workspace.commit(plan, &cancel);
    let (done, ()) = tokio::join!(commit, async { cancel.cancel() });
    assert!(matches!(done.unwrap_err(), CommitError::Aborted));
}

#[tokio::test]
async fn a_file_that_changed_on_disk_is_not_overwritten() {
    let it = Fixture::new();
    let base = it.workspace.read(&it.path).await.unwrap();
    std::fs::write(&it.path, "somebody else\n").unwrap();
    let plan = EditPlan {
        path: it.path.clone(),
        base: Some(base),
        text: "x".into(),
        label: String::new(),
        cause: None,
    };
    let error = it.workspace.commit(plan, &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, CommitError::Conflict { .. }), "{error}");
    assert_eq!(it.disk(), "somebody else\n");
    it.edit("else", "2").await.unwrap();
    assert_eq!(it.disk(), "somebody 2\n");
}

#[cfg(unix)]
#[tokio::test]
async fn spellings_of_a_file_meet_one_document() {
    let it = Fixture::new();
    let root = it.workspace.root().to_owned();
    std::os::unix::fs::symlink(&root, root.join("link")).unwrap();
    let other = root.join("link/a.txt");
    it.workspace.open(&other, 4, "unsaved\n", "text");
    assert_eq!(it.workspace.read(&it.path).await.unwrap().text, "unsaved\n");
    assert_eq!(it.workspace.open_under(&root), [root.join("a.txt")]);
    assert_eq!(it.workspace.open_paths(), [other.as_path()]);
    assert!(it.workspace.document(&it.path).unwrap().dirty);
    assert!(it.workspace.close(&it.path));
    assert_eq!(it.workspace.read(&it.path).await.unwrap().text, BASE);
}

#[tokio::test]
async fn dirty_means_other_than_the_disk() {
    let it = Fixture::new();
    let dirty = || it.workspace.dirty_documents().len();
    it.workspace.open(&it.path, 0, BASE, "text");
    assert_eq!(dirty(), 0);
    type_text(&it.workspace, &it.path, "one", "1");
    assert_eq!(dirty(), 1);
    // Undone.
    type_text(&it.workspace, &it.path, "1", "one");
    assert_eq!(dirty(), 0);
    type_text(&it.workspace, &it.path, "one", "1");
    std::fs::write(&it.path, it.buffer()).unwrap();
    it.workspace.save(&it.path, None);
    assert_eq!(dirty(), 0);
    // Told late, of a text from before the last keystroke.
    let written = it.buffer().replace("three", "3");
    type_text(&it.workspace, &it.path, "three", "3");
    std::fs::write(&it.path, &written).unwrap();
    type_text(&it.workspace, &it.path, "two", "2");
    it.workspace.save(&it.path, Some(&written));
    assert!(it.buffer().contains("2\n"));
    assert_eq!(dirty(), 1);
    // An editor that shows what somebody else has made of the file.
    std::fs::write(&it.path, "theirs\n").unwrap();
    let all = RangeEdit { range: None, text: "theirs\n".into() };
    it.workspace.change(&it.path, 9, &[all], PositionEncoding::Utf16);
    assert_eq!(dirty(), 0);
    let fresh = it.workspace.root().join("not/yet/there.txt");
    it.workspace.open(&fresh, 0, "text", "text");
    assert_eq!(it.workspace.open_under(&it.workspace.root().join("not")), [fresh.as_path()]);
    assert_eq!(it.workspace.dirty_documents()[0].path, fresh);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The user types at three moments of an edit, wherever; every word typed is in the buffer afterwards,
    /// and the agent's is there exactly if the commit says so.
    #[test]
    fn no_typed_character_is_lost(at in prop::collection::vec((0usize..6, any::<bool>()), 3), lies in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let moments = at.clone();
            let (it, _) = Fixture::open(move |workspace, call, edit| {
                let (line, before) = moments[call];
                let typed = |workspace: &Workspace| {
                    let rope = workspace.overlay_text(&edit.path).unwrap();
                    let start = rope.line_to_byte(line.min(rope.len_lines() - 1));
                    let text = format!("user{call}\n");
                    report(workspace, &edit.path, &[TextChange { start, end: start, text }]);
                };
                if before {
                    typed(workspace);
                }
                let answer = honest(workspace, edit);
                if !before {
                    typed(workspace);
                }
                if lies { EditorAnswer::Applied } else { answer }
            });
            let done = it.edit("three", "AGENT").await;
            let buffer = it.buffer();
            let typed = buffer.matches("user").count();
            let lines = buffer.lines().count();
            prop_assert_eq!(lines, 5 + typed, "{}", buffer);
            prop_assert!(typed >= 1 && (0..typed).all(|it| buffer.contains(&format!("user{it}\n"))), "{}", buffer);
            prop_assert_eq!(buffer.contains("AGENT"), done.is_ok(), "{:?}\n{}", done, buffer);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_workspace_beside_another_sees_its_documents_and_edits_through_its_editor() {
    let (it, editor) = Fixture::open(|workspace, _, edit| {
        let text = "changed\n";
        let edits = [RangeEdit { range: None, text: text.into() }];
        workspace.change(&edit.path, edit.version + 1, &edits, PositionEncoding::Utf8);
        EditorAnswer::Applied
    });
    let elsewhere = tempfile::tempdir().unwrap();
    let beside = it.workspace.beside(elsewhere.path().to_owned());
    assert_eq!(beside.root(), elsewhere.path());
    let base = beside.read(&it.path).await.unwrap();
    assert!(matches!(base.origin, Origin::Buffer { .. }), "{base:?}");
    let plan = EditPlan {
        path: it.path.clone(),
        base: Some(base),
        text: "changed\n".into(),
        label: "pi: edit a.txt".into(),
        cause: None,
    };
    beside.commit(plan, &CancellationToken::new()).await.unwrap();
    assert_eq!(editor.calls.load(SeqCst), 1);
    assert_eq!(it.buffer(), "changed\n");
}

/// Keeps what it is told, as lines.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl journal::EditJournal for Lines {
    fn begin(&self, intent: &journal::EditIntent) -> io::Result<u64> {
        let name = intent.path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "unrecorded" {
            return Err(io::Error::other("no room"));
        }
        let mut lines = lock(&self.0);
        let (kind, before, after, buffer) = (&intent.kind, &intent.before, &intent.after, intent.buffer);
        lines.push(format!("{kind:?} {name} {before:?} → {after:?}{}", if buffer { " buffer" } else { "" }));
        Ok(lines.len() as u64)
    }

    fn complete(&self, id: u64, before: Option<&str>, after: Option<&str>) {
        lock(&self.0).push(format!("{id} {before:?} → {after:?}"));
    }

    fn abandon(&self, id: u64, reason: &str) {
        let code = reason.split(':').next().unwrap();
        lock(&self.0).push(format!("{id} abandoned: {code}"));
    }
}

#[tokio::test]
async fn every_edit_is_recorded_before_and_after() {
    let journal = Arc::new(Lines::default());
    let told = journal.clone();
    let (it, _) = Fixture::open(move |workspace, _, edit| {
        lock(&told.0).push("sent".into());
        honest(workspace, edit)
    });
    it.workspace.set_journal(journal.clone());
    let root = it.workspace.root().to_owned();
    let write = async |name: &str, text: &str| {
        let plan = EditPlan {
            path: root.join(name),
            base: it.workspace.read(&root.join(name)).await.ok(),
            text: text.into(),
            label: String::new(),
            cause: None,
        };
        it.workspace.commit(plan, &CancellationToken::new()).await
    };
    write("a.txt", "x\n").await.unwrap();
    write("a.txt", "x\n").await.unwrap();
    write("new/b", "1").await.unwrap();
    write("new/b", "2").await.unwrap();
    write("new/b/c", "3").await.unwrap_err();
    let error = write("unrecorded", "4").await.unwrap_err();
    assert!(matches!(error, CommitError::Journal { .. }), "{error}");
    assert!(!root.join("unrecorded").exists());
    let base = "one\\ntwo\\nthree\\nfour\\nfive\\n";
    assert_eq!(
        *lock(&journal.0),
        [
            format!("Change a.txt Some(\"{base}\") → Some(\"x\\n\") buffer"),
            "sent".into(),
            format!("1 Some(\"{base}\") → Some(\"x\\n\")"),
            "Create b None → Some(\"1\")".into(),
            "4 None → Some(\"1\")".into(),
            "Change b Some(\"1\") → Some(\"2\")".into(),
            "6 Some(\"1\") → Some(\"2\")".into(),
            "Create c None → Some(\"3\")".into(),
            "8 abandoned: EEXIST".into(),
        ]
    );
}

/// Applies at the old places of whatever text is there, as Neovim does for version 0.
fn unchecked(workspace: &Workspace, edit: &DocumentEdit) {
    let encoding = PositionEncoding::Utf16;
    let edits = edit.changes.iter().rev().map(|it| RangeEdit {
        range: Some(position::to_range(&edit.base, it.start, it.end, encoding)),
        text: it.text.clone(),
    });
    let version = workspace.document(&edit.path).unwrap().version + 1;
    assert!(workspace.change(&edit.path, version, &edits.collect::<Vec<_>>(), encoding));
}

#[tokio::test]
async fn an_edit_that_arrives_at_old_places_is_taken_back_and_made_again() {
    let (it, editor) = Fixture::open(|workspace, call, edit| {
        if call > 0 {
            return honest(workspace, edit);
        }
        type_text(workspace, &edit.path, "one\n", "zero\none\n");
        unchecked(workspace, edit);
        let damaged = "zero\none\ntwo\n4e\nfour\nfive\n";
        assert_eq!(workspace.overlay_text(&edit.path).unwrap(), damaged);
        // The user types into two lines of it, one of them in the wrong place.
        report(workspace, &edit.path, &[TextChange { start: 15, end: 15, text: "!".into() }]);
        type_text(workspace, &edit.path, "zero", "null");
        EditorAnswer::Applied
    });
    let error = it.edit("four", "4").await.unwrap_err();
    // "three" and what was typed into it is back; next to the line of the edit, so the model has to look.
    assert!(matches!(error, CommitError::Conflict { .. }), "{error}");
    assert_eq!(it.buffer(), "null\none\ntwo\nthree!\nfour\nfive\n");
    let done = it.edit("four", "4").await.unwrap();
    assert_eq!(done.before.as_deref(), Some("null\none\ntwo\nthree!\nfour\nfive\n"));
    assert_eq!(editor.calls.load(SeqCst), 3);
}

#[tokio::test]
async fn an_edit_that_is_made_twice_is_there_once() {
    let (it, editor) = Fixture::open(|workspace, call, edit| match call {
        0 => EditorAnswer::Silent("no answer".into()),
        1 => {
            // Both requests at last, one after the other.
            unchecked(workspace, edit);
            unchecked(workspace, edit);
            EditorAnswer::Applied
        }
        _ => honest(workspace, edit),
    });
    it.edit("two\n", "2\nand a line\n").await.unwrap();
    let mut watch = it.workspace.watch(&it.path).unwrap();
    while it.workspace.damage(&it.path) > 0 {
        assert!(watch.changed().await);
    }
    assert_eq!(it.buffer(), BASE.replace("two\n", "2\nand a line\n"));
    assert_eq!(editor.calls.load(SeqCst), 3);
}

#[tokio::test]
async fn a_misplaced_edit_that_the_editor_keeps_is_reported_with_a_diff() {
    let (it, _) = Fixture::open(|workspace, call, edit| {
        if call == 0 {
            type_text(workspace, &edit.path, "one\n", "zero\none\n");
            unchecked(workspace, edit);
        }
        EditorAnswer::Refused(Some("busy".into()))
    });
    match it.edit("three", "3").await.unwrap_err() {
        CommitError::Astray { diff, .. } => assert!(diff.contains("-two\n+3\n"), "{diff}"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_document_that_is_closed_and_opened_again_gets_its_edit() {
    let (it, editor) = Fixture::open(|workspace, call, edit| {
        if call == 0 {
            workspace.close(&edit.path);
            workspace.open(&edit.path, 0, BASE, "text");
            return EditorAnswer::Refused(None);
        }
        honest(workspace, edit)
    });
    it.edit("two", "2").await.unwrap();
    assert_eq!((it.buffer(), it.disk()), (BASE.replace("two", "2"), BASE.into()));
    assert_eq!(editor.calls.load(SeqCst), 2);
}

#[tokio::test]
async fn an_edit_that_the_closed_document_refused_goes_to_the_file() {
    let (it, _) = Fixture::open(|workspace, _, edit| {
        workspace.close(&edit.path);
        EditorAnswer::Failed("not open".into())
    });
    let done = it.edit("two", "2").await.unwrap();
    assert_eq!((done.origin, it.disk()), (Origin::Disk, BASE.replace("two", "2")));
}

/// Opens the file in the editor just before or just after it is written.
struct Opens {
    workspace: Arc<Workspace>,
    before: bool,
}

impl journal::EditJournal for Opens {
    fn begin(&self, intent: &journal::EditIntent) -> io::Result<u64> {
        if self.before && !intent.buffer {
            self.workspace.open(&intent.path, 1, BASE, "text");
        }
        Ok(1)
    }

    fn complete(&self, _: u64, before: Option<&str>, _: Option<&str>) {
        if self.workspace.document(&self.workspace.root().join("a.txt")).is_none() {
            self.workspace.open(&self.workspace.root().join("a.txt"), 1, before.unwrap(), "text");
        }
    }

    fn abandon(&self, _: u64, _: &str) {}
}

#[tokio::test]
async fn a_file_that_is_opened_while_it_is_written_is_changed_in_the_editor() {
    for before in [true, false] {
        let (it, editor) = Fixture::open(|workspace, _, edit| honest(workspace, edit));
        it.workspace.close(&it.path);
        it.workspace.set_journal(Arc::new(Opens { workspace: it.workspace.clone(), before }));
        let done = it.edit("two", "2").await.unwrap();
        assert!(matches!(done.origin, Origin::Buffer { .. }), "{done:?}");
        let disk = if before { BASE.to_owned() } else { BASE.replace("two", "2") };
        assert_eq!((it.buffer(), it.disk()), (BASE.replace("two", "2"), disk), "{before}");
        assert_eq!(editor.calls.load(SeqCst), 1);
    }
}
