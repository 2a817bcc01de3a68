//! An editor that has one file open twice, by a link and by its own name: each document has its own text.

#![cfg(unix)]

use super::{
    tests::{Fixture, honest, type_text},
    *,
};

/// A file with `one\ntwo\n`, and a link to it; both are open, the link is the newer one.
fn both_open() -> (Fixture, PathBuf) {
    let (it, _) = Fixture::showing("one\ntwo\n", "one\ntwo\n", |workspace, _, edit| honest(workspace, edit));
    let link = it.workspace.root().join("link.txt");
    std::os::unix::fs::symlink("a.txt", &link).unwrap();
    it.workspace.open(&link, 1, "one\ntwo\n", "text");
    (it, link)
}

impl Fixture {
    fn text_of(&self, path: &Path) -> String {
        self.workspace.document_as_spelled(path).unwrap().rope.to_string()
    }
}

#[tokio::test]
async fn what_is_told_of_one_spelling_is_not_made_to_the_other() {
    let (it, link) = both_open();
    type_text(&it.workspace, &it.path, "one", "own");
    type_text(&it.workspace, &link, "two", "linked");
    assert_eq!((it.text_of(&it.path).as_str(), it.text_of(&link).as_str()), ("own\ntwo\n", "one\nlinked\n"));
    assert_eq!(it.workspace.dirty_documents().len(), 2);
    // The newest of two unsaved texts is read under every spelling.
    for path in [&it.path, &link] {
        assert_eq!(it.workspace.read(path).await.unwrap().text, "one\nlinked\n");
    }
    assert!(it.workspace.close(&link));
    assert_eq!(it.workspace.read(&link).await.unwrap().text, "own\ntwo\n");
    std::fs::write(&it.path, "own\ntwo\n").unwrap();
    it.workspace.save(&it.path, None);
    assert_eq!(it.workspace.dirty_documents().len(), 0);
    assert!(it.workspace.close(&it.path) && !it.workspace.close(&it.path));
}

#[tokio::test]
async fn an_edit_goes_to_the_document_with_unsaved_text() {
    let (it, link) = both_open();
    type_text(&it.workspace, &it.path, "one", "own");
    // A word from the other one, with nothing unsaved, changes nothing of that.
    it.workspace.save(&link, None);
    it.edit("two", "2").await.unwrap();
    assert_eq!((it.text_of(&it.path).as_str(), it.text_of(&link).as_str()), ("own\n2\n", "one\ntwo\n"));
    // It is saved, and the other one follows when its editor takes over the file.
    std::fs::write(&it.path, "own\n2\n").unwrap();
    it.workspace.save(&it.path, None);
    let all = RangeEdit { range: None, text: "own\n2\n".into() };
    assert!(it.workspace.change(&link, 2, &[all], PositionEncoding::Utf16));
    it.edit("own", "1").await.unwrap();
    assert_eq!((it.text_of(&it.path).as_str(), it.text_of(&link).as_str()), ("own\n2\n", "1\n2\n"));
}

#[tokio::test]
async fn a_file_with_two_unsaved_texts_is_not_edited() {
    let (it, link) = both_open();
    type_text(&it.workspace, &it.path, "one", "own");
    type_text(&it.workspace, &link, "one", "linked");
    let error = it.edit("two", "2").await.unwrap_err();
    assert!(matches!(error, CommitError::Torn { .. }), "{error}");
    for name in ["a.txt", "link.txt"] {
        assert!(error.to_string().contains(name), "{error}");
    }
    assert_eq!((it.text_of(&it.path).as_str(), it.text_of(&link).as_str()), ("own\ntwo\n", "linked\ntwo\n"));
    // One that was saved without a word is the file.
    std::fs::write(&it.path, "linked\ntwo\n").unwrap();
    it.edit("two", "2").await.unwrap();
    assert_eq!(it.text_of(&it.path), "own\n2\n");
}

#[tokio::test]
async fn a_file_that_is_moved_takes_both_along() {
    let (it, link) = both_open();
    type_text(&it.workspace, &link, "one", "linked");
    let new = it.workspace.root().join("b.txt");
    std::fs::rename(&it.path, &new).unwrap();
    let moved = it.workspace.moved(&it.path, &new);
    assert!(moved.contains(&(it.path.clone(), new.clone())), "{moved:?}");
    type_text(&it.workspace, &new, "two", "2");
    type_text(&it.workspace, &link, "two", "zwei");
    assert_eq!((it.text_of(&new).as_str(), it.text_of(&link).as_str()), ("one\n2\n", "linked\nzwei\n"));
}
