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

/// The error of an edit of a file to which this has happened since it was read.
async fn error_after(happens: impl FnOnce(&Path)) -> (tempfile::TempDir, String) {
    let (dir, workspace, base) = setup(b"one\n").await;
    happens(&base.path);
    let error = commit(&workspace, &base, "two\n").await.unwrap_err();
    (dir, error.to_string())
}

#[tokio::test]
async fn a_folder_that_has_gone_is_not_made_again() {
    let (dir, error) = error_after(|it| std::fs::remove_dir_all(it.parent().unwrap()).unwrap()).await;
    assert!(error.starts_with("ENOENT: no such file or directory"), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_file_stays() {
    let (dir, error) = error_after(|it| {
        std::fs::remove_file(it).unwrap();
        std::fs::create_dir(it).unwrap();
    })
    .await;
    assert!(error.starts_with("EISDIR: illegal operation on a directory"), "{error}");
    assert!(dir.path().join("dir/a.txt").is_dir());
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_to_itself_is_refused() {
    let (dir, error) = error_after(|it| {
        std::fs::remove_file(it).unwrap();
        std::os::unix::fs::symlink("a.txt", it).unwrap();
    })
    .await;
    assert!(error.contains("symbolic link"), "{error}");
    assert!(dir.path().join("dir/a.txt").is_symlink());
}

#[cfg(unix)]
#[tokio::test]
async fn a_read_only_file_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, workspace, base) = setup(b"one\n").await;
    std::fs::set_permissions(&base.path, std::fs::Permissions::from_mode(0o444)).unwrap();
    // Rights do not bind root.
    let binds = std::fs::OpenOptions::new().write(true).open(&base.path).is_err();
    match commit(&workspace, &base, "two\n").await {
        Err(error) => assert!(binds && error.to_string().starts_with("EACCES: permission denied"), "{error}"),
        Ok(_) => assert!(!binds),
    }
    let now = std::fs::read_to_string(&base.path).unwrap();
    assert_eq!(now, if binds { "one\n" } else { "two\n" });
    assert_eq!(std::fs::metadata(&base.path).unwrap().permissions().mode() & 0o777, 0o444);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_named() {
    let (dir, workspace, _) = setup(b"").await;
    let path = dir.path().join("full");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let plan = EditPlan { path, base: None, text: "x".into(), label: String::new(), cause: None };
    let error = workspace.commit(plan, &CancellationToken::new()).await.unwrap_err().to_string();
    assert!(error.starts_with("ENOSPC: no space left on device"), "{error}");
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
        (at("dir"), "EISDIR: illegal operation on a directory"),
        (at("dir/a.txt/b.txt"), "EEXIST: file already exists, mkdir"),
        (at("dir/a.txt/b/c.txt"), "ENOTDIR: not a directory, mkdir"),
        (at("loop"), "too many symbolic links"),
        (at("loop/a.txt"), "EEXIST: file already exists, mkdir"),
        (at("dangling"), "ENOENT: no such file or directory"),
        (at(&long), "ENAMETOOLONG: name too long"),
        (at("new").join(&long), "ENAMETOOLONG: name too long"),
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
