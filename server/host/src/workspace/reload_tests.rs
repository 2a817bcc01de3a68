//! Files that others change or take away while an editor has them open.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{
    editor::{DocumentEdit, EditorAnswer},
    reload::Left,
    *,
};

const TEXT: &str = "one\ntwo\nthree\n";
const FORMATTED: &str = "ONE\ntwo\nthree\n";

/// What the editor does about files that have changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reloads {
    /// Nothing (Helix).
    Never,
    /// Shows them a little later, unasked (VS Code, Zed).
    Itself,
    /// Shows them when it is asked (a plugin).
    Asked,
    /// Closes the document and opens it again when it is asked (Neovim).
    Reopens,
    /// Is asked, and says no.
    Refuses,
}

struct FakeEditor {
    workspace: Arc<Workspace>,
    reloads: Reloads,
    /// Takes edits.
    edits: bool,
    asked: AtomicUsize,
    sent: AtomicUsize,
}

fn show(workspace: &Workspace, path: &Path, text: &str) {
    let version = workspace.document(path).map_or(50, |it| it.version + 1);
    let all = RangeEdit { range: None, text: text.to_owned() };
    assert!(workspace.change(path, version, &[all], PositionEncoding::Utf16));
}

#[async_trait]
impl EditorClient for FakeEditor {
    async fn apply(&self, edit: DocumentEdit) -> EditorAnswer {
        self.sent.fetch_add(1, SeqCst);
        if !self.edits {
            return EditorAnswer::Refused(Some("read-only".into()));
        }
        show(&self.workspace, &edit.path, &apply_changes(&edit.base.to_string(), &edit.changes));
        EditorAnswer::Applied
    }

    fn can_reload(&self) -> bool {
        matches!(self.reloads, Reloads::Asked | Reloads::Reopens | Reloads::Refuses)
    }

    async fn reload(&self, paths: &[PathBuf]) -> Result<(), String> {
        self.asked.fetch_add(1, SeqCst);
        for path in paths {
            let text = std::fs::read_to_string(path).unwrap();
            match self.reloads {
                Reloads::Asked => show(&self.workspace, path, &text),
                Reloads::Reopens => {
                    self.workspace.close(path);
                    self.workspace.open(path, 0, &text, "text");
                }
                _ => return Err("it has unsaved changes".into()),
            }
        }
        Ok(())
    }
}

struct Fixture {
    workspace: Arc<Workspace>,
    editor: Arc<FakeEditor>,
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Fixture {
    /// `a.txt`, open in an editor.
    fn new(reloads: Reloads, edits: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        std::fs::write(&path, TEXT).unwrap();
        let workspace =
            Arc::new(Workspace::build(dir.path().to_owned(), Duration::from_millis(400), Arc::default()));
        workspace.open(&path, 1, TEXT, "text");
        let (asked, sent) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let editor = Arc::new(FakeEditor { workspace: workspace.clone(), reloads, edits, asked, sent });
        workspace.set_editor(editor.clone());
        Self { workspace, editor, path, _dir: dir }
    }

    fn buffer(&self) -> String {
        self.workspace.document(&self.path).unwrap().rope.to_string()
    }

    fn disk(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }

    fn standing(&self) -> Option<Standing> {
        self.workspace.look(&self.path).map(|it| it.1)
    }

    /// The file was written a minute ago.
    fn ages(&self) {
        let file = std::fs::File::options().write(true).open(&self.path).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(60)).unwrap();
    }

    /// Something writes the file; what editor and model are told after it.
    async fn written(&self, text: &str) -> Left {
        let before = self.workspace.before_change().await;
        std::fs::write(&self.path, text).unwrap();
        if self.editor.reloads == Reloads::Itself {
            let (workspace, path, text) = (self.workspace.clone(), self.path.clone(), text.to_owned());
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                show(&workspace, &path, &text);
            });
        }
        self.workspace.after_change(before, &CancellationToken::new()).await
    }

    async fn edit(&self, old: &str, new: &str) -> Result<Committed, CommitError> {
        let base = self.workspace.read(&self.path).await.unwrap();
        let text = base.text.replace(old, new);
        let plan =
            EditPlan { path: self.path.clone(), base: Some(base), text, label: String::new(), cause: None };
        self.workspace.commit(plan, &CancellationToken::new()).await
    }
}

#[tokio::test]
async fn who_has_typed_and_whose_file_has_changed_is_told_apart() {
    let it = Fixture::new(Reloads::Never, true);
    let stand = |buffer: &str, file: Option<&str>| {
        show(&it.workspace, &it.path, buffer);
        match file {
            Some(text) => std::fs::write(&it.path, text).unwrap(),
            None => std::fs::remove_file(&it.path).unwrap(),
        }
        it.standing().unwrap()
    };
    let file = |text: &str| Rope::from_str(text);
    assert_eq!(stand(TEXT, Some(TEXT)), Standing::Same);
    assert_eq!(stand("typed\n", Some(TEXT)), Standing::Unsaved);
    assert_eq!(stand("typed\n", Some("theirs\n")), Standing::Apart(Some(file("theirs\n"))));
    assert_eq!(stand("typed\n", None), Standing::Apart(None));
    assert_eq!(stand(TEXT, Some("theirs\n")), Standing::Behind(file("theirs\n")), "undone");
    assert_eq!(stand("theirs\n", Some("theirs\n")), Standing::Same, "reloaded");
    assert_eq!(stand("theirs\n", Some("\u{feff}theirs\n")), Standing::Same, "editors hide the mark");
    assert_eq!(stand("theirs\n", None), Standing::Gone);
    assert_eq!(stand("theirs\n", Some("theirs\n")), Standing::Same, "back");
    // The same size and soon after.
    assert_eq!(stand("theirs\n", Some("THEIRS\n")), Standing::Behind(file("THEIRS\n")));
    std::fs::write(&it.path, b"\xff\xfe").unwrap();
    assert_eq!(it.standing(), Some(Standing::Same), "no text");
    show(&it.workspace, &it.path, "typed\n");
    assert_eq!(it.standing(), Some(Standing::Unsaved), "no text, and typed");
    it.workspace.close(&it.path);
    assert_eq!(it.standing(), None);
}

#[tokio::test]
async fn an_untouched_document_shows_what_a_command_made_of_its_file() {
    for (reloads, asked, sent) in [
        (Reloads::Never, 0, 1),
        (Reloads::Itself, 0, 0),
        (Reloads::Asked, 1, 0),
        (Reloads::Reopens, 1, 0),
        (Reloads::Refuses, 1, 1),
    ] {
        let it = Fixture::new(reloads, true);
        assert_eq!(it.written(FORMATTED).await, Left::default());
        assert_eq!((it.buffer().as_str(), it.disk().as_str()), (FORMATTED, FORMATTED));
        assert_eq!((it.editor.asked.load(SeqCst), it.editor.sent.load(SeqCst)), (asked, sent));
        assert_eq!(it.standing(), Some(Standing::Same));
        assert_eq!(it.workspace.dirty_documents().len(), 0);
    }
}

#[tokio::test]
async fn what_a_command_changed_under_unsaved_text_is_named_and_the_text_stays() {
    let it = Fixture::new(Reloads::Asked, true);
    show(&it.workspace, &it.path, "typed\n");
    assert_eq!(it.written(FORMATTED).await.typed, [it.path.as_path()]);
    assert_eq!((it.buffer().as_str(), it.disk().as_str()), ("typed\n", FORMATTED));
    assert_eq!(it.editor.asked.load(SeqCst), 0);
    // That is not the next command's doing.
    let before = it.workspace.before_change().await;
    let left = it.workspace.after_change(before, &CancellationToken::new()).await;
    assert_eq!(left, Left::default());
    // What the model reads and edits is the user's text.
    assert_eq!(it.workspace.read(&it.path).await.unwrap().text, "typed\n");
    it.edit("typed", "edited").await.unwrap();
    assert_eq!((it.buffer().as_str(), it.disk().as_str()), ("edited\n", FORMATTED));
}

#[tokio::test]
async fn the_file_is_read_and_its_text_edited_where_nobody_has_typed() {
    for reloads in [Reloads::Never, Reloads::Asked] {
        let it = Fixture::new(reloads, true);
        std::fs::write(&it.path, FORMATTED).unwrap();
        it.ages();
        let read = it.workspace.read(&it.path).await.unwrap();
        assert_eq!((read.text.as_str(), read.origin), (FORMATTED, Origin::Disk));
        assert_eq!(it.buffer(), TEXT, "reading changes nothing");
        let done = it.edit("two", "2").await.unwrap();
        let wanted = FORMATTED.replace("two", "2");
        assert_eq!((done.before.as_deref(), &done.after), (Some(FORMATTED), &wanted));
        assert_eq!((it.buffer(), it.disk().as_str()), (wanted, FORMATTED));
    }
}

#[tokio::test]
async fn an_editor_that_does_not_take_the_file_over_gets_no_edit_and_its_user_is_named() {
    let it = Fixture::new(Reloads::Never, false);
    let left = it.written(FORMATTED).await;
    assert_eq!(left.refused, [(it.path.clone(), "read-only".to_owned())]);
    it.ages();
    let error = it.edit("two", "2").await.unwrap_err();
    assert!(matches!(error, CommitError::Behind { .. }), "{error}");
    assert_eq!((it.buffer().as_str(), it.disk().as_str()), (TEXT, FORMATTED));
}

#[tokio::test]
async fn what_a_window_shows_of_a_file_that_has_gone_is_no_document() {
    let it = Fixture::new(Reloads::Never, true);
    std::fs::rename(&it.path, it.workspace.root().join("b.txt")).unwrap();
    assert!(!it.workspace.exists(&it.path));
    assert_eq!(it.workspace.read(&it.path).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(it.workspace.open_under(it.workspace.root()).is_empty());
    assert!(it.workspace.document(&it.path).is_none());
    // Until somebody types in it.
    it.workspace.change(&it.path, 2, &[RangeEdit { range: None, text: "x".into() }], PositionEncoding::Utf16);
    assert_eq!(it.workspace.read(&it.path).await.unwrap().text, "x");
    assert_eq!(it.standing(), Some(Standing::Apart(None)));
}

#[tokio::test(start_paused = true)]
async fn a_save_of_which_the_editor_has_not_told_yet_is_not_brought_into_the_buffer_again() {
    let it = Fixture::new(Reloads::Never, true);
    let saved = TEXT.replace("two", "two typed");
    std::fs::write(&it.path, &saved).unwrap();
    let (workspace, path, text) = (it.workspace.clone(), it.path.clone(), saved.clone());
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(10)).await;
        show(&workspace, &path, &text);
        workspace.save(&path, None);
    });
    it.edit("one", "1").await.unwrap();
    assert_eq!(it.buffer(), saved.replace("one", "1"));
    assert_eq!(it.editor.sent.load(SeqCst), 1, "the edit and nothing else");
}

#[tokio::test]
async fn a_file_that_is_made_where_a_window_shows_an_older_one_is_shown() {
    for reloads in [Reloads::Never, Reloads::Asked] {
        let it = Fixture::new(reloads, true);
        std::fs::remove_file(&it.path).unwrap();
        assert_eq!(it.standing(), Some(Standing::Gone));
        let text = "new\n".to_owned();
        let plan = EditPlan { path: it.path.clone(), base: None, text, label: String::new(), cause: None };
        it.workspace.commit(plan, &CancellationToken::new()).await.unwrap();
        assert_eq!((it.buffer().as_str(), it.disk().as_str()), ("new\n", "new\n"));
        assert_eq!(it.standing(), Some(Standing::Same));
    }
}
