//! What a command sees in the copy, and what becomes of what it does there.

use std::{os::unix::fs::PermissionsExt, sync::Weak};

use async_trait::async_trait;

use super::*;
use crate::workspace::{
    Position, Range, RangeEdit,
    editor::{DocumentEdit, EditorAnswer, EditorClient},
    journal::{EditIntent, EditJournal},
    position,
};

struct Honest(Weak<Workspace>);

#[async_trait]
impl EditorClient for Honest {
    async fn apply(&self, edit: DocumentEdit) -> EditorAnswer {
        let workspace = self.0.upgrade().unwrap();
        let document = workspace.document(&edit.path).unwrap();
        let encoding = Default::default();
        let changes = edit.changes.iter().rev().map(|it| RangeEdit {
            range: Some(position::to_range(&document.rope, it.start, it.end, encoding)),
            text: it.text.clone(),
        });
        workspace.change(&edit.path, document.version + 1, &changes.collect::<Vec<_>>(), encoding);
        EditorAnswer::Applied
    }
}

struct Fixture {
    workspace: Arc<Workspace>,
    root: PathBuf,
    _dir: TempDir,
}

impl Fixture {
    /// `open.txt` is `one two three` on disk by lines, and `ONE two three` in the editor.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("work");
        for folder in ["src", "target/deep", ".git"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for (name, text) in [
            ("open.txt", "one\ntwo\nthree\n"),
            ("src/a.rs", "a\n"),
            ("src/b.rs", "b\n"),
            (".gitignore", "target/\n"),
            ("target/deep/out", "built"),
        ] {
            fs::write(root.join(name), text).unwrap();
        }
        fs::write(root.join("data"), b"\xff\x00").unwrap();
        let workspace = Workspace::new(root.clone());
        workspace.set_editor(Arc::new(Honest(Arc::downgrade(&workspace))));
        workspace.open(&root.join("open.txt"), 1, "ONE\ntwo\nthree\n", "text");
        Self { workspace, root, _dir: dir }
    }

    async fn copy(&self) -> PrivateCopy {
        PrivateCopy::make(self.workspace.clone(), LIMITS).await.unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root.join(name)).unwrap()
    }

    fn buffer(&self) -> String {
        self.workspace.overlay_text(&self.root.join("open.txt")).unwrap().to_string()
    }

    fn types(&self, line: u32, text: &str) {
        let at = |character| Position { line, character };
        let edit = RangeEdit { range: Some(Range { start: at(0), end: at(3) }), text: text.into() };
        assert!(self.workspace.change(&self.root.join("open.txt"), 2, &[edit], Default::default()));
    }
}

async fn back(copy: PrivateCopy) -> String {
    let cause = EditCause {
        session_id: "s".into(),
        prompt_id: None,
        turn: 1,
        call_id: "c".into(),
        tool: "bash".into(),
    };
    let differences = copy.differences().await.unwrap();
    copy.bring_back(&differences, &cause, &CancellationToken::new()).await.join("\n")
}

async fn shown(copy: &PrivateCopy) -> (Vec<PathBuf>, String) {
    let changed = copy.changed(&copy.differences().await.unwrap()).await.unwrap();
    (changed.paths, changed.diff)
}

#[tokio::test]
async fn the_copy_has_the_unsaved_text_and_links_to_what_is_built() {
    let it = Fixture::new();
    let copy = it.copy().await;
    assert_eq!(fs::read_to_string(copy.root().join("open.txt")).unwrap(), "ONE\ntwo\nthree\n");
    assert_eq!(copy.unsaved(), [it.root.join("open.txt")]);
    let time = |path: PathBuf| fs::metadata(path).unwrap().modified().unwrap();
    assert_eq!(time(copy.root().join("src/a.rs")), time(it.root.join("src/a.rs")));
    assert!(time(copy.root().join("open.txt")) > time(it.root.join("open.txt")));
    for name in ["target", ".git"] {
        assert_eq!(fs::read_link(copy.root().join(name)).unwrap(), it.root.join(name));
    }
    let place = copy.root().to_owned();
    assert_eq!(back(copy).await, "", "nothing was done");
    assert!(!place.exists());
    assert_eq!(it.read("open.txt"), "one\ntwo\nthree\n");
}

#[tokio::test]
async fn every_kind_of_change_comes_back() {
    let it = Fixture::new();
    let copy = it.copy().await;
    let at = |name: &str| copy.root().join(name);
    fs::write(at("open.txt"), "ONE\nTWO\nthree\n").unwrap();
    fs::write(at("src/a.rs"), "A\n").unwrap();
    fs::remove_file(at("src/b.rs")).unwrap();
    fs::create_dir_all(at("new/empty")).unwrap();
    fs::write(at("new/file"), "new\n").unwrap();
    fs::write(at("data"), b"\xff\x01").unwrap();
    fs::write(at("raw"), b"\xfe").unwrap();
    fs::set_permissions(at(".gitignore"), Permissions::from_mode(0o755)).unwrap();
    let note = back(copy).await;
    let names = ".gitignore, data, new/file, open.txt, raw, src/a.rs, src/b.rs";
    let unrecorded = "[Not on record, so Pi cannot take it back: .gitignore, data, raw]";
    assert_eq!(note, format!("[Brought back from the copy: {names}]\n{unrecorded}"));
    assert_eq!(
        (it.buffer().as_str(), it.read("open.txt").as_str()),
        ("ONE\nTWO\nthree\n", "one\ntwo\nthree\n")
    );
    assert_eq!((it.read("src/a.rs").as_str(), it.read("new/file").as_str()), ("A\n", "new\n"));
    assert!(!it.root.join("src/b.rs").exists() && it.root.join("new/empty").is_dir());
    assert_eq!(fs::read(it.root.join("data")).unwrap(), b"\xff\x01");
    assert_eq!(fs::read(it.root.join("raw")).unwrap(), b"\xfe");
    assert_eq!(fs::metadata(it.root.join(".gitignore")).unwrap().permissions().mode() & 0o777, 0o755);
}

#[tokio::test]
async fn what_the_user_did_meanwhile_stays() {
    let it = Fixture::new();
    let copy = it.copy().await;
    let at = |name: &str| copy.root().join(name);
    fs::write(at("open.txt"), "ONE\nTWO\nthree\n").unwrap();
    fs::write(at("src/a.rs"), "A\n").unwrap();
    fs::remove_file(at("src/b.rs")).unwrap();
    fs::write(at("data"), b"\xff\x01").unwrap();
    fs::write(at("new"), "theirs").unwrap();
    it.types(1, "zwei");
    for name in ["src/a.rs", "src/b.rs", "data", "new"] {
        fs::write(it.root.join(name), "of the user").unwrap();
    }
    let note = back(copy).await;
    for name in ["open.txt", "src/a.rs", "src/b.rs", "data", "new"] {
        assert!(note.contains(&format!("{name} (")), "{name}: {note}");
    }
    assert!(!note.contains("Brought"), "{note}");
    assert_eq!(it.buffer(), "ONE\nzwei\nthree\n");
    for name in ["src/a.rs", "src/b.rs", "data", "new"] {
        assert_eq!(it.read(name), "of the user");
    }
}

#[tokio::test]
async fn all_that_would_come_back_is_shown_first() {
    use std::os::unix::fs::symlink;
    let it = Fixture::new();
    symlink("src/a.rs", it.root.join("alias")).unwrap();
    symlink("src/b.rs", it.root.join("other")).unwrap();
    let copy = it.copy().await;
    assert_eq!(shown(&copy).await, (vec![], String::new()));
    let at = |name: &str| copy.root().join(name);
    symlink("/etc", at("docs")).unwrap();
    symlink(at("src/a.rs"), at("inside")).unwrap();
    fs::set_permissions(at("src/a.rs"), Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(at("src/b.rs")).unwrap();
    fs::write(at(".gitignore"), "target/\n*.log\n").unwrap();
    fs::write(at("x.log"), "ignored\n").unwrap();
    fs::create_dir_all(at("src/target/deep")).unwrap();
    fs::write(at("src/target/deep/out"), "built\n").unwrap();
    fs::write(at("src/target/raw"), b"\xff").unwrap();
    let large = File::create(at("large")).unwrap();
    large.set_len(5 << 30).unwrap();
    fs::write(at("run"), "#!\n").unwrap();
    fs::set_permissions(at("run"), Permissions::from_mode(0o755)).unwrap();
    fs::write(at("empty"), "").unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    fs::remove_file(at("alias")).unwrap();
    fs::remove_file(at("other")).unwrap();
    symlink("/etc/passwd", at("other")).unwrap();

    let (paths, diff) = shown(&copy).await;
    let names = [
        ".gitignore",
        "src/a.rs",
        "src/b.rs",
        "docs",
        "empty",
        "inside",
        "large",
        "run",
        "src/target",
        "src/target/deep",
        "src/target/deep/out",
        "src/target/raw",
        "x.log",
    ];
    assert_eq!(paths, names.map(|name| it.root.join(name)));
    for line in [
        "docs is a new link to /etc\n",
        "src/a.rs: mode 644 → 755\n",
        "-b\n",
        "+ignored\n",
        "+built\n",
        "src/target/raw is another one, no text, 1 bytes\n",
        "large is another one, too large to be shown, 5368709120 bytes\n",
        "run: mode 755\n",
        "--- /dev/null\n+++ empty\n",
    ] {
        assert!(diff.contains(line), "{line}: {diff}");
    }
    // So that nothing is copied for long.
    large.set_len(9 << 20).unwrap();
    let note = back(copy).await;
    let (done, rest) = note.split_once('\n').unwrap();
    assert_eq!(
        done,
        "[Brought back from the copy: .gitignore, docs, empty, inside, large, run, src/a.rs, src/b.rs, src/target/deep/out, \
         src/target/raw and 1 more]"
    );
    assert_eq!(
        rest,
        "[Not on record, so Pi cannot take it back: docs, inside, large, src/a.rs, src/target/raw]\n\
         [Not brought back, as it would not be safe: alias (a link in the copy); other (a link in the copy); pipe (no \
         regular file)]"
    );
    assert_eq!(fs::read_link(it.root.join("inside")).unwrap(), it.root.join("src/a.rs"));
    assert_eq!(fs::read_link(it.root.join("docs")).unwrap(), Path::new("/etc"));
    assert_eq!(fs::read_link(it.root.join("other")).unwrap(), Path::new("src/b.rs"));
}

#[tokio::test]
async fn what_a_job_changes_after_it_was_shown_does_not_come_back() {
    let it = Fixture::new();
    let copy = it.copy().await;
    fs::write(copy.root().join("src/a.rs"), "A\n").unwrap();
    fs::write(copy.root().join("new"), "1").unwrap();
    let differences = copy.differences().await.unwrap();
    fs::write(copy.root().join("src/a.rs"), "evil\n").unwrap();
    fs::write(copy.root().join("src/b.rs"), "evil\n").unwrap();
    fs::remove_file(copy.root().join("new")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", copy.root().join("new")).unwrap();
    let cause = EditCause {
        session_id: "s".into(),
        prompt_id: None,
        turn: 1,
        call_id: "c".into(),
        tool: "bash".into(),
    };
    let note = copy.bring_back(&differences, &cause, &CancellationToken::new()).await.join("\n");
    let why = "changed again since";
    assert_eq!(note, format!("[Not brought back, as it would not be safe: src/a.rs ({why}); new ({why})]"));
    assert_eq!((it.read("src/a.rs"), it.read("src/b.rs")), ("a\n".into(), "b\n".into()));
    assert!(!it.root.join("new").is_symlink());
}

/// A user who makes a file at the very moment a command's file is to be made there.
struct Faster;

impl EditJournal for Faster {
    fn begin(&self, intent: &EditIntent) -> io::Result<u64> {
        fs::write(&intent.path, "of the user")?;
        Ok(1)
    }

    fn complete(&self, _: u64, _: Option<&str>, _: Option<&str>) {
        panic!("nothing was made");
    }

    fn abandon(&self, _: u64, _: &str) {}
}

#[tokio::test]
async fn a_file_the_user_makes_while_the_changes_come_back_is_not_replaced() {
    let it = Fixture::new();
    let copy = it.copy().await;
    fs::write(copy.root().join("new"), "theirs").unwrap();
    it.workspace.set_journal(Arc::new(Faster));
    let note = back(copy).await;
    assert!(note.contains("created by somebody else in the meantime"), "{note}");
    assert_eq!(it.read("new"), "of the user");
    let (from, to) = (it.root.join("data"), it.root.join("taken"));
    fs::write(&to, "of the user").unwrap();
    assert_eq!(super::back::copy_new(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(it.read("taken"), "of the user");
}

#[tokio::test]
async fn typing_elsewhere_in_the_document_is_merged_and_an_unsaved_one_is_not_deleted() {
    let it = Fixture::new();
    let copy = it.copy().await;
    fs::write(copy.root().join("open.txt"), "ONE\ntwo\nTHREE\n").unwrap();
    it.types(0, "uno");
    back(copy).await;
    assert_eq!(it.buffer(), "uno\ntwo\nTHREE\n");
    let copy = it.copy().await;
    fs::remove_file(copy.root().join("open.txt")).unwrap();
    assert!(back(copy).await.contains("has unsaved changes in the editor and was not deleted"));
    assert!(it.root.join("open.txt").exists());
}

#[tokio::test]
async fn there_is_no_copy_of_what_is_too_large_or_a_part() {
    let it = Fixture::new();
    for limits in [Limits { files: 2, ..LIMITS }, Limits { bytes: 5, ..LIMITS }] {
        let why = PrivateCopy::make(it.workspace.clone(), limits).await.err();
        assert_eq!(why.as_deref(), Some("no private copy of the workspace: it is too large"));
    }
    let part: Arc<Workspace> = it.workspace.beside(it.root.join("src"));
    let why = PrivateCopy::make(part, LIMITS).await.err().unwrap();
    assert!(why.contains("a folder of a larger repository"), "{why}");
}

#[test]
fn only_whole_paths_are_swapped() {
    let swapped = |text| swap(text, Path::new("/w"), Path::new("/copy"));
    for (text, expected) in [
        ("cd /w && ls", "cd /copy && ls"),
        ("/w/a:1 '/w'", "/copy/a:1 '/copy'"),
        ("/wide /x/w /w-2 a/w", "/wide /x/w /w-2 a/w"),
    ] {
        assert_eq!(swapped(text), expected);
    }
}
