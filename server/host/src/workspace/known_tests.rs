//! What a model knows of files, and when it is told that it does not any more.

use super::{
    tests::{Fixture, honest, type_text},
    *,
};

#[tokio::test]
async fn a_model_is_told_once_of_each_text_it_does_not_know() {
    let (it, _) = Fixture::open(|workspace, _, edit| honest(workspace, edit));
    let other = it.workspace.root().join("b.txt");
    std::fs::write(&other, "b").unwrap();
    it.workspace.learn("s", &it.path).await;
    it.workspace.learn("s", &other).await;
    assert_eq!(it.workspace.changed_since_known("s").await, [] as [PathBuf; 0]);
    type_text(&it.workspace, &it.path, "one", "1");
    let changed = it.workspace.changed_since_known("s").await;
    assert_eq!(changed, std::slice::from_ref(&it.path));
    assert_eq!(it.workspace.changed_since_known("s").await, [] as [PathBuf; 0]);
    assert_eq!(it.workspace.changed_since_known("another").await, [] as [PathBuf; 0]);
    std::fs::write(&other, "more").unwrap();
    type_text(&it.workspace, &it.path, "two", "2");
    assert_eq!(it.workspace.changed_since_known("s").await, [it.path.clone(), other.clone()]);
    // Back to what it knows: nothing to tell.
    type_text(&it.workspace, &it.path, "1", "one");
    type_text(&it.workspace, &it.path, "2", "two");
    std::fs::remove_file(&other).unwrap();
    let changed = it.workspace.changed_since_known("s").await;
    assert_eq!(changed, std::slice::from_ref(&other));
    // Without an editor only the model's own commands are at work.
    it.workspace.clear_editor();
    std::fs::write(&other, "again").unwrap();
    assert_eq!(it.workspace.changed_since_known("s").await, [] as [PathBuf; 0]);
}

#[tokio::test]
async fn what_a_model_saw_last_is_remembered_of_many_files() {
    let (it, _) = Fixture::open(|workspace, _, edit| honest(workspace, edit));
    let file = |number: usize| it.workspace.root().join(format!("{number}.txt"));
    for number in 0..205 {
        std::fs::write(file(number), "text").unwrap();
        it.workspace.learn("s", &file(number)).await;
    }
    let known = |number: usize| it.workspace.known_text("s", &file(number)).is_some();
    assert_eq!((known(0), known(4), known(5), known(204)), (false, false, true, true));
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_of_the_same_size_and_time_is_another_one() {
    let (it, _) = Fixture::open(|workspace, _, edit| honest(workspace, edit));
    let other = it.workspace.root().join("b.txt");
    std::fs::write(&other, "before").unwrap();
    it.workspace.learn("s", &other).await;
    crate::ledger::tests::replace_unnoticed(&other, "behind");
    assert_eq!(it.workspace.changed_since_known("s").await, [other]);
}
