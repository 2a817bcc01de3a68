//! Policies, against editors that save, refuse, lie and stay silent.

use std::{fs, sync::Weak};

use async_trait::async_trait;

use super::*;
use crate::workspace::editor::{DocumentEdit, EditorAnswer, EditorClient};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Saves {
    Well,
    /// And the user types on at once.
    AndTypes,
    Half,
    Lies,
    Refuses,
    Never,
}

struct FakeEditor {
    workspace: Weak<Workspace>,
    saves: Saves,
}

#[async_trait]
impl EditorClient for FakeEditor {
    async fn apply(&self, _: DocumentEdit) -> EditorAnswer {
        EditorAnswer::Refused(None)
    }

    fn can_save(&self) -> bool {
        true
    }

    async fn save(&self, paths: &[PathBuf]) -> Result<(), String> {
        let workspace = self.workspace.upgrade().unwrap();
        let save = |path: &PathBuf| {
            fs::write(path, workspace.overlay_text(path).unwrap().to_string()).unwrap();
            workspace.save(path, None);
        };
        match self.saves {
            Saves::Well => paths.iter().for_each(save),
            Saves::AndTypes => {
                paths.iter().for_each(save);
                let edit = crate::workspace::RangeEdit { range: None, text: "typed".into() };
                workspace.change(&paths[0], 2, &[edit], Default::default());
            }
            Saves::Half => save(&paths[0]),
            Saves::Lies => {}
            Saves::Refuses => return Err("read only".into()),
            Saves::Never => std::future::pending().await,
        }
        Ok(())
    }
}

struct Fixture {
    workspace: Arc<Workspace>,
    _dir: tempfile::TempDir,
}

impl Fixture {
    /// Two documents of the workspace, one of elsewhere and a chat are unsaved.
    fn new(saves: Option<Saves>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        let workspace = Workspace::new(top.join("work"));
        fs::create_dir_all(top.join("work/.pi/chat")).unwrap();
        for name in ["work/a.rs", "work/b.rs", "elsewhere", "work/.pi/chat/1.md"] {
            fs::write(top.join(name), "old").unwrap();
            workspace.open(&top.join(name), 1, "new", "text");
        }
        workspace.open(&top.join("work/clean.rs"), 1, "", "rust");
        workspace.save(&top.join("work/clean.rs"), None);
        if let Some(saves) = saves {
            workspace.set_editor(Arc::new(FakeEditor { workspace: Arc::downgrade(&workspace), saves }));
        }
        Self { workspace, _dir: dir }
    }

    async fn before(&self, policy: Option<Policy>, cancel: &CancellationToken) -> Result<String, String> {
        let unsaved = Unsaved::new(self.workspace.clone(), Arc::new(move || policy));
        let note = unsaved.before_command(&Confinement::Free, cancel).await?.note;
        let top = self.workspace.root().parent().unwrap().display().to_string();
        Ok(note.unwrap_or_default().replace(&top, "TOP"))
    }

    fn on_disk(&self, name: &str) -> String {
        fs::read_to_string(self.workspace.root().join(name)).unwrap()
    }
}

const UNSEEN: &str = "[Unsaved in the editor, so the command saw the older text on disk: ";

#[tokio::test]
async fn without_an_editor_that_saves_they_are_named() {
    for policy in [None, Some(Policy::Warn)] {
        let it = Fixture::new(None);
        let note = it.before(policy, &CancellationToken::new()).await.unwrap();
        assert_eq!(note, format!("{UNSEEN}TOP/elsewhere, a.rs, b.rs]"));
    }
}

#[tokio::test]
async fn a_command_may_have_to_wait_for_the_user() {
    let it = Fixture::new(Some(Saves::Well));
    let error = it.before(Some(Policy::Block), &CancellationToken::new()).await.unwrap_err();
    assert!(error.starts_with("The command was not run") && error.contains("a.rs, b.rs"), "{error}");
    assert_eq!(it.on_disk("a.rs"), "old");
    for name in ["a.rs", "b.rs", "../elsewhere"] {
        it.workspace.save(&it.workspace.root().join(name), None);
        it.workspace.close(&it.workspace.root().join(name));
    }
    // Not UTF-8, and nobody has typed in it.
    let path = it.workspace.root().join("latin.txt");
    fs::write(&path, b"caf\xe9").unwrap();
    it.workspace.open(&path, 1, "café", "text");
    assert_eq!(it.before(Some(Policy::Block), &CancellationToken::new()).await, Ok(String::new()));
}

#[tokio::test]
async fn an_editor_that_can_saves_what_belongs_to_the_workspace() {
    for saves in [Saves::Well, Saves::AndTypes] {
        let it = Fixture::new(Some(saves));
        let note = it.before(None, &CancellationToken::new()).await.unwrap();
        assert_eq!(
            note,
            format!("[Saved in the editor before the command: a.rs, b.rs]\n\n{UNSEEN}TOP/elsewhere]"),
            "{saves:?}"
        );
        assert_eq!((it.on_disk("a.rs"), it.on_disk("b.rs")), ("new".into(), "new".into()));
        assert_eq!(it.on_disk(".pi/chat/1.md"), "old", "saving a chat sends it");
        assert_eq!(it.on_disk("../elsewhere"), "old");
    }
}

#[tokio::test]
async fn what_is_not_saved_is_named_with_the_reason() {
    let case = async |saves, saved: &str, left: &str, why: &str| {
        let it = Fixture::new(Some(saves));
        let note = it.before(None, &CancellationToken::new()).await.unwrap();
        assert_eq!(note, format!("{saved}{UNSEEN}{left}, TOP/elsewhere (not saved: {why})]"), "{saves:?}");
    };
    let silent = "the editor did not report it";
    // At once, as each waits for the reports of its editor.
    tokio::join!(
        case(Saves::Half, "[Saved in the editor before the command: a.rs]\n\n", "b.rs", silent),
        case(Saves::Lies, "", "a.rs, b.rs", silent),
        case(Saves::Refuses, "", "a.rs, b.rs", "read only"),
    );
}

#[tokio::test]
async fn a_stopped_run_does_not_wait_for_the_editor() {
    let it = Fixture::new(Some(Saves::Never));
    let cancel = CancellationToken::new();
    let (note, ()) = tokio::join!(it.before(None, &cancel), async { cancel.cancel() });
    assert!(note.unwrap().contains("not saved: the run was stopped"));
}

#[tokio::test]
async fn a_copy_is_made_only_for_what_is_unsaved_in_the_workspace() {
    let it = Fixture::new(None);
    let unsaved = Unsaved::new(it.workspace.clone(), Arc::new(|| Some(Policy::Overlay)));
    let before =
        async || unsaved.before_command(&Confinement::Free, &CancellationToken::new()).await.unwrap();
    let first = before().await;
    let note = first.note.unwrap();
    assert!(first.copy.is_some() && note.contains("the unsaved text of: a.rs, b.rs]"), "{note}");
    for name in ["a.rs", "b.rs"] {
        it.workspace.save(&it.workspace.root().join(name), None);
    }
    let second = before().await;
    assert!(second.copy.is_none() && second.note.unwrap().starts_with(UNSEEN));
}

#[cfg(unix)]
#[tokio::test]
async fn of_two_unsaved_texts_of_a_file_none_is_saved() {
    let it = Fixture::new(Some(Saves::Well));
    let link = it.workspace.root().join("link.rs");
    std::os::unix::fs::symlink("a.rs", &link).unwrap();
    it.workspace.open(&link, 1, "newer", "text");
    let note = it.before(None, &CancellationToken::new()).await.unwrap();
    assert!(note.starts_with("[Saved in the editor before the command: b.rs]"), "{note}");
    assert!(note.contains("neither was saved") && note.contains("on disk: a.rs, link.rs]"), "{note}");
    assert_eq!((it.on_disk("a.rs"), it.on_disk("b.rs")), ("old".into(), "new".into()));
    let error = it.before(Some(Policy::Overlay), &CancellationToken::new()).await.unwrap_err();
    assert!(error.contains("one file has different unsaved texts"), "{error}");
}
