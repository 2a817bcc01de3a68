//! Files that come and go, with editors of all tempers in between and a user who is faster.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{
    editor::{DocumentEdit, EditorAnswer, FileOperation},
    journal::{EditIntent, EditKind},
    *,
};

type React = dyn Fn(&Workspace, &FileOperation) -> EditorAnswer + Send + Sync;

/// Takes file operations and does with them what its function does; takes no edits.
struct FakeEditor {
    workspace: std::sync::Weak<Workspace>,
    react: Box<React>,
    asked: Mutex<Vec<FileOperation>>,
    /// It does nothing before that.
    waits: Mutex<Option<tokio::sync::oneshot::Receiver<()>>>,
}

#[async_trait]
impl EditorClient for FakeEditor {
    async fn apply(&self, edit: DocumentEdit) -> EditorAnswer {
        let workspace = self.workspace.upgrade().unwrap();
        let text = apply_changes(&edit.base.to_string(), &edit.changes);
        workspace.change(&edit.path, edit.version + 1, &[RangeEdit { range: None, text }], self.encoding());
        EditorAnswer::Applied
    }

    fn takes(&self, _: &FileOperation) -> bool {
        true
    }

    async fn operate(&self, operation: FileOperation) -> EditorAnswer {
        lock(&self.asked).push(operation.clone());
        let waits = lock(&self.waits).take();
        if let Some(waits) = waits {
            waits.await.unwrap();
        }
        (self.react)(&self.workspace.upgrade().unwrap(), &operation)
    }
}

/// Writes down what it is told; something can happen at the moment an edit is begun.
#[derive(Default)]
struct Notes {
    lines: Mutex<Vec<String>>,
    happens: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    looked_again: tokio::sync::Notify,
}

impl EditJournal for Notes {
    fn begin(&self, intent: &EditIntent) -> io::Result<u64> {
        let kind = match intent.kind {
            EditKind::Create => "create",
            EditKind::Delete => "delete",
            EditKind::Change => "change",
            EditKind::Rename { .. } => "rename",
        };
        lock(&self.lines).push(kind.to_owned());
        if let Some(happens) = lock(&self.happens).take() {
            happens();
        }
        Ok(1)
    }

    fn complete(&self, _: u64, before: Option<&str>, after: Option<&str>) {
        lock(&self.lines).push(format!("{before:?} {after:?}"));
    }

    fn abandon(&self, _: u64, _: &str) {
        lock(&self.lines).push("abandoned".to_owned());
    }

    fn looked_again(&self, _: &Path) {
        self.looked_again.notify_one();
    }
}

struct Fixture {
    workspace: Arc<Workspace>,
    editor: Arc<FakeEditor>,
    notes: Arc<Notes>,
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Fixture {
    /// `new/a.txt` is not there.
    fn new(react: impl Fn(&Workspace, &FileOperation) -> EditorAnswer + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let workspace =
            Arc::new(Workspace::build(dir.path().to_owned(), Duration::from_millis(100), Arc::default()));
        let editor = Arc::new(FakeEditor {
            workspace: Arc::downgrade(&workspace),
            react: Box::new(react),
            asked: Mutex::default(),
            waits: Mutex::default(),
        });
        workspace.set_editor(editor.clone());
        let notes = Arc::new(Notes::default());
        workspace.set_journal(notes.clone());
        Self { path: dir.path().join("new/a.txt"), workspace, editor, notes, _dir: dir }
    }

    /// `new/a.txt` has this text.
    fn with(
        text: &str,
        react: impl Fn(&Workspace, &FileOperation) -> EditorAnswer + Send + Sync + 'static,
    ) -> Self {
        let it = Self::new(react);
        put(&it.path, text);
        it
    }

    fn happens(&self, what: impl FnOnce() + Send + 'static) {
        *lock(&self.notes.happens) = Some(Box::new(what));
    }

    fn plan(&self, text: &str) -> EditPlan {
        let (path, text) = (self.path.clone(), text.to_owned());
        EditPlan { path, base: None, text, label: String::new(), cause: None }
    }

    async fn write(&self, text: &str) -> Result<Committed, CommitError> {
        self.workspace.commit(self.plan(text), &CancellationToken::new()).await
    }

    async fn delete(&self) -> Result<(), CommitError> {
        let base = self.workspace.read(&self.path).await.unwrap();
        self.workspace.lock_path(&self.path).await.delete(&base, None).await
    }

    fn disk(&self) -> Option<String> {
        std::fs::read_to_string(&self.path).ok()
    }

    fn buffer(&self) -> Option<String> {
        self.workspace.overlay_text(&self.path).map(|it| it.to_string())
    }

    fn notes(&self) -> Vec<String> {
        lock(&self.notes.lines).clone()
    }
}

/// As an editor that does not look again whether there is a file.
fn empties(workspace: &Workspace, operation: &FileOperation) -> EditorAnswer {
    if let FileOperation::Create(path) = operation {
        put(path, "");
        // Somebody looks at it at this moment.
        workspace.look(path);
    }
    EditorAnswer::Applied
}

#[tokio::test]
async fn a_file_that_a_late_editor_empties_gets_its_text_again() {
    for is_open in [false, true] {
        let it = Fixture::new(empties);
        let (go, waits) = tokio::sync::oneshot::channel();
        *lock(&it.editor.waits) = Some(waits);
        it.write("one\n").await.unwrap();
        assert_eq!(it.disk().as_deref(), Some("one\n"), "it is not waited for");
        if is_open {
            it.workspace.open(&it.path, 1, "one\n", "text");
        }
        go.send(()).unwrap();
        it.notes.looked_again.notified().await;
        assert_eq!(it.disk().as_deref(), Some("one\n"));
        assert_eq!(it.buffer().as_deref(), is_open.then_some("one\n"));
    }
}

#[tokio::test]
async fn a_file_that_was_taken_back_before_a_late_editor_made_it_goes_again() {
    let it = Fixture::new(empties);
    let (go, waits) = tokio::sync::oneshot::channel();
    *lock(&it.editor.waits) = Some(waits);
    it.write("one\n").await.unwrap();
    it.delete().await.unwrap();
    go.send(()).unwrap();
    it.notes.looked_again.notified().await;
    assert_eq!(it.disk(), None);
}

#[tokio::test]
async fn what_the_user_has_emptied_before_a_late_editor_answers_stays_empty() {
    let it = Fixture::new(|_, _| EditorAnswer::Applied);
    let (go, waits) = tokio::sync::oneshot::channel();
    *lock(&it.editor.waits) = Some(waits);
    it.write("one\n").await.unwrap();
    it.workspace.open(&it.path, 1, "one\n", "text");
    let nothing = RangeEdit { range: None, text: String::new() };
    it.workspace.change(&it.path, 2, &[nothing], it.editor.encoding());
    put(&it.path, "");
    it.workspace.save(&it.path, None);
    go.send(()).unwrap();
    // All that is late has ended when nothing of it is known any more.
    while !lock(&it.workspace.shared.late).is_empty() {
        tokio::task::yield_now().await;
    }
    it.workspace.lock_path(&it.path).await;
    assert_eq!(it.disk().as_deref(), Some(""));
}

fn put(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn at(operation: &FileOperation) -> &Path {
    operation.paths()[0]
}

fn types(workspace: &Workspace, path: &Path, text: &str) {
    let edit = RangeEdit { range: None, text: text.into() };
    assert!(workspace.change(path, 1, &[edit], Default::default()), "it is not open");
}

/// Neovim: the file is listed and not made.
fn lists(_: &Workspace, _: &FileOperation) -> EditorAnswer {
    EditorAnswer::Applied
}

/// Helix and VS Code: an empty file.
fn makes(_: &Workspace, operation: &FileOperation) -> EditorAnswer {
    put(at(operation), "");
    EditorAnswer::Applied
}

/// Eglot.
fn errs(_: &Workspace, _: &FileOperation) -> EditorAnswer {
    EditorAnswer::Failed("Internal error".into())
}

fn is_silent(_: &Workspace, _: &FileOperation) -> EditorAnswer {
    EditorAnswer::Silent("no answer".into())
}

/// Makes the file and says no.
fn makes_and_denies(workspace: &Workspace, operation: &FileOperation) -> EditorAnswer {
    makes(workspace, operation);
    EditorAnswer::Refused(None)
}

#[tokio::test]
async fn a_new_file_is_on_the_disk_whatever_the_editor_does() {
    for react in [lists, makes, errs, is_silent, makes_and_denies] {
        let it = Fixture::new(react);
        let done = it.write("text\n").await.unwrap();
        assert_eq!((done.before, done.after.as_str(), done.origin), (None, "text\n", Origin::Disk));
        assert_eq!(it.disk().as_deref(), Some("text\n"));
        assert_eq!(it.notes(), ["create", r#"None Some("text\n")"#]);
        assert_eq!(*lock(&it.editor.asked), [FileOperation::Create(it.path.clone())]);
        let files = std::fs::read_dir(it.path.parent().unwrap()).unwrap();
        assert_eq!(files.count(), 1, "no temporary file is left");
    }
}

#[tokio::test]
async fn a_new_file_that_the_editor_opens_has_its_text_there() {
    let it = Fixture::new(|workspace, operation| {
        put(at(operation), "");
        workspace.open(at(operation), 0, "", "text");
        EditorAnswer::Applied
    });
    let done = it.write("text\n").await.unwrap();
    assert_eq!((done.after.as_str(), done.origin), ("text\n", Origin::Buffer { version: 1 }));
    assert_eq!((it.disk().as_deref(), it.buffer().as_deref()), (Some(""), Some("text\n")));
}

#[tokio::test]
async fn a_file_that_comes_while_one_is_made_is_never_replaced() {
    // At the last moment before it is made, and while the editor is asked to make it.
    let early = Fixture::new(lists);
    let path = early.path.clone();
    early.happens(move || put(&path, "the user's\n"));
    let late = Fixture::new(|_, operation| {
        put(at(operation), "the user's\n");
        EditorAnswer::Applied
    });
    for it in [early, late] {
        let error = it.write("ours\n").await.unwrap_err();
        assert!(matches!(error, CommitError::Appeared { .. }), "{error}");
        assert_eq!(it.disk().as_deref(), Some("the user's\n"));
        assert_eq!(it.notes(), ["create", "abandoned"]);
        // Whoever has seen it may replace it.
        it.write("ours\n").await.unwrap();
        assert_eq!(it.disk().as_deref(), Some("ours\n"));
    }
}

#[tokio::test]
async fn only_a_free_place_is_taken_by_what_must_be_new() {
    let it = Fixture::with("the user's\n", lists);
    let cancel = CancellationToken::new();
    let error = it.workspace.create(it.plan("ours\n"), &cancel).await.unwrap_err();
    assert!(matches!(error, CommitError::Appeared { .. }), "{error}");
    std::fs::remove_file(&it.path).unwrap();
    it.workspace.open(&it.path, 0, "unsaved\n", "text");
    let error = it.workspace.create(it.plan("ours\n"), &cancel).await.unwrap_err();
    assert!(matches!(error, CommitError::Appeared { .. }), "{error}");
    it.workspace.close(&it.path);
    it.workspace.create(it.plan("ours\n"), &cancel).await.unwrap();
    assert_eq!(it.disk().as_deref(), Some("ours\n"));
}

#[tokio::test]
async fn a_stopped_run_makes_no_file() {
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let it = Fixture::new(move |_, _| {
        stop.cancel();
        EditorAnswer::Applied
    });
    let error = it.workspace.commit(it.plan("text"), &cancel).await.unwrap_err();
    assert!(matches!(error, CommitError::Aborted), "{error}");
    assert_eq!(it.disk(), None);
}

#[tokio::test]
async fn files_outside_the_project_and_chats_are_none_of_the_editors_business() {
    let mut it = Fixture::new(lists);
    let elsewhere = tempfile::tempdir().unwrap();
    let chat = it.workspace.root().join(".pi/chat/new.md");
    for path in [elsewhere.path().join("a.txt"), chat] {
        it.path = path;
        it.write("text\n").await.unwrap();
        assert_eq!(it.disk().as_deref(), Some("text\n"));
    }
    assert_eq!(*lock(&it.editor.asked), []);
}

/// Deletes the file and closes its document, as Neovim and VS Code do.
fn deletes(workspace: &Workspace, operation: &FileOperation) -> EditorAnswer {
    std::fs::remove_file(at(operation)).unwrap();
    workspace.close(at(operation));
    EditorAnswer::Applied
}

/// Deletes the file and goes on showing it, as Helix does.
fn deletes_and_shows(_: &Workspace, operation: &FileOperation) -> EditorAnswer {
    std::fs::remove_file(at(operation)).unwrap();
    EditorAnswer::Applied
}

#[tokio::test]
async fn a_deleted_file_is_gone_whatever_the_editor_does() {
    for react in [deletes, deletes_and_shows, lists, errs, is_silent] {
        for open in [false, true] {
            let it = Fixture::with("text\n", react);
            if open {
                it.workspace.open(&it.path, 0, "text\n", "text");
            }
            it.delete().await.unwrap();
            assert_eq!((it.disk(), it.buffer()), (None, None));
            assert!(!it.workspace.exists(&it.path));
            assert!(it.workspace.open_paths().is_empty());
            assert_eq!(it.notes(), ["delete", r#"Some("text\n") None"#]);
            assert_eq!(*lock(&it.editor.asked), [FileOperation::Delete(it.path.clone())]);
        }
    }
}

#[tokio::test]
async fn what_is_typed_into_a_document_without_file_counts() {
    let it = Fixture::with("text\n", deletes_and_shows);
    it.workspace.open(&it.path, 0, "text\n", "text");
    it.delete().await.unwrap();
    types(&it.workspace, &it.path, "text of the user\n");
    assert_eq!(it.buffer().as_deref(), Some("text of the user\n"));
    assert!(it.workspace.document(&it.path).unwrap().dirty);
    let error = it.write("ours\n").await.unwrap_err();
    assert!(matches!(error, CommitError::Appeared { .. }), "{error}");
}

#[tokio::test]
async fn a_file_that_comes_back_is_the_document_that_still_shows_it() {
    let it = Fixture::with("text\n", deletes_and_shows);
    it.workspace.open(&it.path, 0, "text\n", "text");
    it.delete().await.unwrap();
    it.workspace.set_editor(Arc::new(FakeEditor {
        workspace: Arc::downgrade(&it.workspace),
        react: Box::new(makes),
        asked: Mutex::default(),
        waits: Mutex::default(),
    }));
    it.write("text\n").await.unwrap();
    assert_eq!((it.disk().as_deref(), it.buffer().as_deref()), (Some("text\n"), Some("text\n")));
}

#[tokio::test]
async fn a_document_with_unsaved_text_is_not_deleted() {
    let it = Fixture::with("text\n", deletes);
    it.workspace.open(&it.path, 0, "text\n", "text");
    let base = it.workspace.read(&it.path).await.unwrap();
    types(&it.workspace, &it.path, "typed\n");
    let error = it.workspace.lock_path(&it.path).await.delete(&base, None).await.unwrap_err();
    assert!(matches!(error, CommitError::Unsaved { .. }), "{error}");
    assert_eq!((it.disk().as_deref(), it.buffer().as_deref()), (Some("text\n"), Some("typed\n")));
    assert_eq!(*lock(&it.editor.asked), []);
}

#[tokio::test]
async fn a_file_in_another_encoding_is_deleted_though_it_is_open() {
    let it = Fixture::with("", deletes);
    std::fs::write(&it.path, b"caf\xe9\n").unwrap();
    it.workspace.open(&it.path, 0, "café\n", "text");
    it.delete().await.unwrap();
    assert_eq!((it.disk(), it.buffer()), (None, None));
    std::fs::write(&it.path, b"caf\xe9\n").unwrap();
    it.workspace.open(&it.path, 0, "café\n", "text");
    let base = it.workspace.read(&it.path).await.unwrap();
    types(&it.workspace, &it.path, "typed\n");
    let error = it.workspace.lock_path(&it.path).await.delete(&base, None).await.unwrap_err();
    assert!(matches!(error, CommitError::Unsaved { .. }), "{error}");
    assert!(it.path.exists());
}

#[tokio::test]
async fn what_is_typed_while_the_editor_throws_the_document_away_is_written_back() {
    // Neovim deletes the buffer by force.
    let typed = |workspace: &Workspace, operation: &FileOperation| {
        types(workspace, at(operation), "typed\n");
        deletes(workspace, operation)
    };
    // One that closes and then cannot delete.
    let stays = |workspace: &Workspace, operation: &FileOperation| {
        types(workspace, at(operation), "typed\n");
        workspace.close(at(operation));
        EditorAnswer::Failed("permission denied".into())
    };
    for it in [Fixture::with("text\n", typed), Fixture::with("text\n", stays)] {
        it.workspace.open(&it.path, 0, "text\n", "text");
        let error = it.delete().await.unwrap_err();
        assert!(matches!(error, CommitError::Unsaved { .. }), "{error}");
        assert_eq!(it.disk().as_deref(), Some("typed\n"));
        assert_eq!(it.notes(), ["delete", "abandoned"]);
    }
}

#[tokio::test]
async fn a_file_that_changes_while_the_editor_is_asked_stays() {
    let it = Fixture::with("text\n", |_, operation| {
        put(at(operation), "somebody else's\n");
        EditorAnswer::Silent("no answer".into())
    });
    let error = it.delete().await.unwrap_err();
    assert!(matches!(error, CommitError::Conflict { .. }), "{error}");
    assert_eq!(it.disk().as_deref(), Some("somebody else's\n"));
}

/// Moves the file and its document, as all do that take such requests.
fn moves(workspace: &Workspace, operation: &FileOperation) -> EditorAnswer {
    let FileOperation::Rename { from, to } = operation else { panic!("{operation:?}") };
    std::fs::rename(from, to).unwrap();
    if let Some(document) = workspace.document(from) {
        workspace.close(from);
        workspace.open(to, 0, &document.rope.to_string(), "text");
    }
    EditorAnswer::Applied
}

#[tokio::test]
async fn a_renamed_file_is_at_its_new_place_whatever_the_editor_does() {
    for (react, follows) in [
        (moves as fn(&Workspace, &FileOperation) -> _, true),
        (lists, false),
        (errs, false),
        (is_silent, false),
    ] {
        for open in [false, true] {
            let it = Fixture::with("text\n", react);
            if open {
                it.workspace.open(&it.path, 0, "text\n", "text");
            }
            let to = it.workspace.root().join("other/b.txt");
            it.workspace.rename(&it.path, &to).await.unwrap();
            assert_eq!((it.disk(), it.buffer()), (None, None));
            assert!(!it.workspace.exists(&it.path));
            assert_eq!(std::fs::read_to_string(&to).unwrap(), "text\n");
            assert_eq!(it.workspace.document(&to).is_some(), open && follows);
            let asked = FileOperation::Rename { from: it.path.clone(), to };
            assert_eq!(*lock(&it.editor.asked), [asked]);
        }
    }
}

#[tokio::test]
async fn a_file_that_comes_while_another_is_renamed_is_never_replaced() {
    let it = Fixture::with("text\n", |_, operation| {
        put(operation.paths()[1], "the user's\n");
        EditorAnswer::Failed("there is one".into())
    });
    let to = it.path.with_file_name("b.txt");
    let error = it.workspace.rename(&it.path, &to).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(
        (it.disk().as_deref(), std::fs::read_to_string(&to).unwrap().as_str()),
        (Some("text\n"), "the user's\n")
    );
}

#[tokio::test]
async fn what_another_program_saves_while_the_record_is_made_stays() {
    let it = Fixture::with("one\n", |_, _| EditorAnswer::Silent("not asked".into()));
    let path = it.path.clone();
    it.happens(move || put(&path, "ONE\n"));
    let plan = EditPlan { base: Some(it.workspace.read(&it.path).await.unwrap()), ..it.plan("two\n") };
    let error = it.workspace.commit(plan, &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(&error, CommitError::Conflict { diff, .. } if diff.contains("-one\n+ONE")), "{error}");
    assert_eq!(
        (it.disk().as_deref(), it.notes()),
        (Some("ONE\n"), ["change", "abandoned"].map(str::to_owned).into())
    );

    // A whole new text as well, by any way of writing, and also where the file is written in place.
    std::fs::hard_link(&it.path, it.path.with_extension("twin")).unwrap();
    let path = it.path.clone();
    it.happens(move || put(&path, "six\n"));
    let error = it.write("two\n").await.unwrap_err();
    assert!(matches!(&error, CommitError::Conflict { .. }), "{error}");
    let path = it.path.clone();
    it.happens(move || {
        put(&path.with_extension("new"), "seven\n");
        std::fs::rename(path.with_extension("new"), path).unwrap();
    });
    let error = it.write("two\n").await.unwrap_err();
    assert!(matches!(&error, CommitError::Conflict { .. }), "{error}");
    assert_eq!(it.disk().as_deref(), Some("seven\n"));
    // One that has only got another time is the same.
    let path = it.path.clone();
    it.happens(move || put(&path, "seven\n"));
    it.write("two\n").await.unwrap();
    assert_eq!(it.disk().as_deref(), Some("two\n"));
    assert_eq!(
        std::fs::read_dir(it.path.parent().unwrap()).unwrap().count(),
        2,
        "nothing is left lying about"
    );
}

#[tokio::test]
async fn a_file_that_is_left_half_written_stays_on_record_as_begun() {
    use crate::fs::full::{Step, at};
    let it = Fixture::with("one two", |_, _| EditorAnswer::Silent("not asked".into()));
    std::fs::hard_link(&it.path, it.path.with_extension("twin")).unwrap();
    for (steps, noted) in
        [(&[(Step::Head, 3)][..], "abandoned"), (&[(Step::Head, 3), (Step::Back, 0)], "change")]
    {
        let _full = at(&it.path, steps);
        let error = it.write("ONE TWO").await.unwrap_err().to_string();
        assert_eq!(it.notes().last().unwrap(), noted, "{error}");
        if let Some((_, kept)) = error.split_once("kept in ") {
            std::fs::remove_file(kept.trim_end_matches('.')).unwrap();
        }
    }
}
