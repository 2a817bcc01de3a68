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
}

#[tokio::test]
async fn without_an_editor_what_the_models_own_commands_change_is_known() {
    let it = Fixture::new();
    it.workspace.learn("s", &it.path).await;
    std::fs::write(&it.path, "by a command\n").unwrap();
    it.workspace.has_run_command("s").await;
    assert!(!it.workspace.has_changed("s", &it.path).await);
    assert_eq!(it.workspace.changed_since_known("s").await, [] as [PathBuf; 0]);
    std::fs::write(&it.path, "by somebody else\n").unwrap();
    assert!(it.workspace.has_changed("s", &it.path).await && !it.workspace.has_changed("t", &it.path).await);
    assert_eq!(it.workspace.changed_since_known("s").await, std::slice::from_ref(&it.path));
    std::fs::remove_file(&it.path).unwrap();
    it.workspace.has_run_command("s").await;
    assert_eq!(it.workspace.changed_since_known("s").await, [] as [PathBuf; 0]);
}

#[tokio::test]
async fn a_large_file_is_known_as_well() {
    let it = Fixture::new();
    let line = "a line of a large file\n";
    let text = line.repeat(2 * 1024 * 1024 / line.len());
    std::fs::write(&it.path, &text).unwrap();
    it.workspace.learn("s", &it.path).await;
    assert_eq!(it.workspace.known_text("s", &it.path), None);
    assert_eq!(it.workspace.changed_since_known("s").await, [] as [PathBuf; 0]);
    std::fs::write(&it.path, text.replacen("large", "LARGE", 1)).unwrap();
    assert_eq!(it.workspace.changed_since_known("s").await, std::slice::from_ref(&it.path));
    std::fs::write(&it.path, &text).unwrap();
    assert!(!it.workspace.has_changed("s", &it.path).await);
    // Of a very large one not all is read because a part was.
    std::fs::write(&it.path, text.repeat(5)).unwrap();
    it.workspace.learn("t", &it.path).await;
    std::fs::write(&it.path, &text).unwrap();
    assert!(!it.workspace.has_changed("t", &it.path).await);
}

#[tokio::test]
async fn of_a_session_that_is_opened_again_the_time_tells() {
    let it = Fixture::new();
    let written = it.path.metadata().unwrap().modified().unwrap();
    let told = async |session: &str, at| {
        it.workspace.remember(session, &it.path, at);
        it.workspace.changed_since_known(session).await.len()
    };
    let minute = Duration::from_secs(60);
    assert_eq!((told("before", written - minute).await, told("after", written + minute).await), (1, 0));
    // What it has read since counts.
    it.workspace.learn("before", &it.path).await;
    assert_eq!(told("before", written - minute).await, 0);
    std::fs::remove_file(&it.path).unwrap();
    assert_eq!(told("gone", written - minute).await, 0);
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
    // Of the others it is still seen that they are others now.
    std::fs::write(file(0), "more").unwrap();
    assert_eq!(it.workspace.changed_since_known("s").await, [file(0)]);
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
