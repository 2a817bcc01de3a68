//! Files and disks that do not do what an edit needs: a clear error, and nothing is lost.

use tokio_util::sync::CancellationToken;

use super::*;

/// A workspace with `dir/a.txt`, and what was read of it.
async fn setup(content: &[u8]) -> (tempfile::TempDir, Arc<Workspace>, Snapshot) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dir/a.txt");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    let workspace = Workspace::new(dir.path().to_owned());
    let base = workspace.read(&path).await.unwrap();
    (dir, workspace, base)
}

async fn commit(workspace: &Arc<Workspace>, base: &Snapshot, text: &str) -> Result<Committed, CommitError> {
    let (path, text) = (base.path.clone(), text.to_owned());
    let plan = EditPlan { path, base: Some(base.clone()), text, label: String::new(), cause: None };
    workspace.commit(plan, &CancellationToken::new()).await
}

/// Rights do not bind root.
#[cfg(unix)]
fn rights_bind() -> bool {
    use std::os::unix::fs::PermissionsExt;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o444)).unwrap();
    std::fs::OpenOptions::new().write(true).open(file.path()).is_err()
}

#[cfg(unix)]
#[tokio::test]
async fn an_edit_that_cannot_be_written_says_why_and_changes_nothing() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let mode =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    type Happens<'a> = &'a dyn Fn(&Path);
    let gone = |it: &Path| std::fs::remove_file(it).unwrap();
    const FULL: &str = "no space left on device. Nothing was changed; make room, then try again";
    // What happens to `dir/a.txt` after it was read, whether the file is new, and what is said; with a `!` where rights
    // have to bind.
    let cases: [(&str, Happens<'_>, bool, &str); 10] = [
        ("!read-only", &|it| mode(it, 0o444), false, "dir/a.txt cannot be written: read-only."),
        (
            "!read-only folder",
            &|it| {
                gone(it);
                mode(it.parent().unwrap(), 0o555);
            },
            true,
            "dir/a.txt cannot be written: its folder is read-only.",
        ),
        (
            "!folder in a read-only folder",
            &|it| {
                std::fs::remove_dir_all(it.parent().unwrap()).unwrap();
                mode(it.parent().unwrap().parent().unwrap(), 0o555);
            },
            true,
            "dir/a.txt cannot be written: its folder cannot be made, permission denied.",
        ),
        (
            "vanished folder",
            &|it| std::fs::remove_dir_all(it.parent().unwrap()).unwrap(),
            false,
            "dir/a.txt cannot be written: its folder is not there any more.",
        ),
        (
            "link to itself",
            &|it| {
                gone(it);
                symlink("a.txt", it).unwrap();
            },
            false,
            "dir/a.txt cannot be written: it is a link that leads to itself.",
        ),
        (
            "link to itself, written anew",
            &|it| {
                gone(it);
                symlink("a.txt", it).unwrap();
            },
            true,
            "dir/a.txt cannot be written: it is a link that leads to itself.",
        ),
        (
            "link that leads nowhere",
            &|it| {
                gone(it);
                symlink("nowhere/deep", it).unwrap();
            },
            true,
            "dir/a.txt cannot be written: it is a link that leads nowhere.",
        ),
        (
            "folder in its place",
            &|it| {
                gone(it);
                std::fs::create_dir(it).unwrap();
            },
            false,
            "dir/a.txt cannot be written: there is a folder of that name.",
        ),
        (
            "folder in the way",
            &|it| {
                gone(it);
                std::fs::create_dir(it).unwrap();
            },
            true,
            "dir/a.txt cannot be written: there is a folder of that name.",
        ),
        ("no space", &|_| {}, false, &format!("dir/a.txt cannot be written: {FULL}.")),
    ];
    for (name, happens, is_new, expected) in cases {
        if name.starts_with('!') && !rights_bind() {
            continue;
        }
        let (dir, workspace, base) = setup(b"one\n").await;
        happens(&base.path);
        let _full = (name == "no space").then(|| fs::full::at(&base.path, &[(fs::full::Step::Beside, 1)]));
        let before = std::fs::read_dir(base.path.parent().unwrap()).map(Iterator::count).ok();
        let (path, base) = (base.path.clone(), (!is_new).then_some(base));
        let plan = EditPlan { path: path.clone(), base, text: "two\n".into(), label: "".into(), cause: None };
        let error = workspace.commit(plan, &CancellationToken::new()).await.unwrap_err();
        assert_eq!(error.to_string(), expected, "{name}");
        let left = std::fs::read_dir(path.parent().unwrap()).map(Iterator::count).ok();
        assert_eq!(left, before, "{name}: nothing was made");
        if path.is_file() {
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n", "{name}");
        }
        for it in [dir.path().join("dir"), dir.path().to_owned()].iter().filter(|it| it.exists()) {
            mode(it, 0o755);
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_named() {
    let (dir, workspace, _) = setup(b"").await;
    let path = dir.path().join("full");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let plan = EditPlan { path, base: None, text: "x".into(), label: String::new(), cause: None };
    let error = workspace.commit(plan, &CancellationToken::new()).await.unwrap_err().to_string();
    assert!(error.starts_with("full cannot be written: no space left on device."), "{error}");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_not_edited() {
    let bytes = b"\x7fELF\0\xff\xfe\n";
    let (_dir, workspace, base) = setup(bytes).await;
    let error = commit(&workspace, &base, "text").await.unwrap_err();
    assert!(matches!(error, CommitError::NotText { .. }), "{error}");
    assert_eq!(std::fs::read(&base.path).unwrap(), bytes);
}

#[tokio::test]
async fn a_hundred_thousand_lines_are_edited_in_one() {
    let text: String = (0..100_000).map(|it| format!("line {it}\n")).collect();
    let (_dir, workspace, base) = setup(text.as_bytes()).await;
    let wanted = text.replace("line 50000\n", "changed\n");
    assert_eq!(minimal_changes(&text, &wanted).len(), 1);
    commit(&workspace, &base, &wanted).await.unwrap();
    assert_eq!(std::fs::read_to_string(&base.path).unwrap(), wanted);
}

#[tokio::test]
async fn every_read_names_what_was_read() {
    let (_dir, workspace, disk) = setup(b"\xef\xbb\xbfone\r\n").await;
    assert_eq!((disk.origin, disk.text.as_str(), disk.exact), (Origin::Disk, "\u{feff}one\r\n", true));
    std::fs::write(&disk.path, "two\n").unwrap();
    let other = workspace.read(&disk.path).await.unwrap();
    assert_ne!(other.fingerprint, disk.fingerprint, "another content");
    workspace.open(&disk.path, 3, "two\n", "text");
    let buffer = workspace.read(&disk.path).await.unwrap();
    assert_eq!((buffer.origin, buffer.fingerprint), (Origin::Buffer { version: 3 }, other.fingerprint));
    workspace.change(&disk.path, 4, &[RangeEdit { range: None, text: "three\n".into() }], Default::default());
    let changed = workspace.read(&disk.path).await.unwrap();
    assert_eq!(changed.origin, Origin::Buffer { version: 4 });
    assert_ne!(changed.fingerprint, buffer.fingerprint);
    workspace.close(&disk.path);
    let again = workspace.read(&disk.path).await.unwrap();
    assert_eq!((again.origin, again.fingerprint), (Origin::Disk, other.fingerprint));
}

#[cfg(unix)]
#[tokio::test]
async fn what_cannot_be_made_is_said_and_leaves_nothing() {
    let (dir, workspace, _) = setup(b"one\n").await;
    let at = |it: &str| dir.path().join(it);
    std::os::unix::fs::symlink("loop", at("loop")).unwrap();
    std::os::unix::fs::symlink("nowhere/deep", at("dangling")).unwrap();
    let long = "x".repeat(300);
    for (path, expected) in [
        (at("dir"), "dir cannot be written: there is a folder of that name."),
        (at("dir/a.txt/b.txt"), "EEXIST: file already exists, mkdir"),
        (at("dir/a.txt/b/c.txt"), "ENOTDIR: not a directory, mkdir"),
        (at("loop"), "loop cannot be written: it is a link that leads to itself."),
        (at("loop/a.txt"), "EEXIST: file already exists, mkdir"),
        (at("dangling"), "dangling cannot be written: it is a link that leads nowhere."),
        (at(&long), "cannot be written: the name is too long."),
        (at("new").join(&long), "cannot be written: the name is too long."),
        (at("nul\0byte"), "NUL byte"),
    ] {
        let plan =
            EditPlan { path: path.clone(), base: None, text: "x".into(), label: String::new(), cause: None };
        let error = workspace.commit(plan, &CancellationToken::new()).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{}: {error}", path.display());
    }
    assert_eq!(std::fs::read_to_string(at("dir/a.txt")).unwrap(), "one\n");
    let mut left: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["dangling", "dir", "loop", "new"]);
}

#[tokio::test]
async fn a_document_of_64_mb_is_read_and_edited() {
    let line = "a line of a very large file, again and again and again.\n";
    let text = line.repeat(MAX_FILE_BYTES as usize / line.len());
    let (_dir, workspace, base) = setup(b"").await;
    workspace.open(&base.path, 1, &text, "text");
    let end = Position::new(u32::try_from(text.len() / line.len()).unwrap(), 0);
    let edit = RangeEdit { range: Some(Range { start: end, end }), text: "typed".into() };
    assert!(workspace.change(&base.path, 2, &[edit], PositionEncoding::Utf16));
    let read = workspace.read(&base.path).await.unwrap();
    assert_eq!((read.text.len(), read.origin), (text.len() + 5, Origin::Buffer { version: 2 }));
    let wanted = format!("{}!", read.text);
    assert_eq!(minimal_changes(&read.text, &wanted).len(), 1);
    // Nobody has it open any more, and it is a little smaller than what is read at all.
    workspace.close(&base.path);
    let text = &text[..text.len() - line.len()];
    std::fs::write(&base.path, text).unwrap();
    let base = workspace.read(&base.path).await.unwrap();
    assert_eq!((base.text.len(), base.origin), (text.len(), Origin::Disk));
    commit(&workspace, &base, &format!("{text}!")).await.unwrap();
    assert_eq!(std::fs::metadata(&base.path).unwrap().len(), text.len() as u64 + 1);
}
