//! Files that an editor shows otherwise than they are on the disk: no hunk is taken for edited by the user, and each can
//! be rejected, on either side.

use std::sync::Arc;

use super::{
    tests::{Obedient, Project, all, type_all},
    *,
};
use crate::form::Form;

/// The text on the disk, and in the editor.
const FORMS: [(&str, &str); 4] = [
    ("\u{feff}one\ntwo\nthree\n", "one\ntwo\nthree\n"),
    ("one\r\ntwo\r\nthree\r\n", "one\ntwo\nthree\n"),
    ("\u{feff}one\r\ntwo\r\nthree\r\n", "one\r\ntwo\r\nthree\r\n"),
    ("one\r\ntwo\nthree\n", "one\r\ntwo\r\nthree\r\n"),
];

fn project(disk: &str) -> Project {
    let project = Project::new();
    project.put("a.txt", disk);
    project.workspace.set_editor(Arc::new(Obedient(project.workspace.clone())));
    project
}

#[tokio::test]
async fn what_was_changed_in_a_buffer_is_rejected_on_the_disk() {
    for (disk, shown) in FORMS {
        let project = project(disk);
        let path = project.path("a.txt");
        project.workspace.open(&path, 1, shown, "text");
        project.pi(1, "a.txt", &shown.replace("one", "ONE")).await;
        project.pi(2, "a.txt", &shown.replace("one", "ONE").replace("three", "THREE")).await;
        assert_eq!(project.shown().await, ["Pending one>ONE", "Pending three>THREE"]);
        // A file with several ends is saved with those that it has been shown with.
        let disk = match Form::of(disk).ends {
            Some(_) => disk,
            None => shown,
        };
        let saved = disk.replace("one", "ONE").replace("three", "THREE");
        project.put("a.txt", &saved);
        project.workspace.save(&path, Some(&shown.replace("one", "ONE").replace("three", "THREE")));
        project.workspace.close(&path);
        let after = project.restarted();
        for it in [&project, &after] {
            assert_eq!(it.shown().await, ["Pending one>ONE", "Pending three>THREE"], "{disk:?}");
        }
        let outcome = after.decide(Verb::Reject, all()).await;
        assert_eq!((outcome.refused.len(), after.text("a.txt").as_str()), (0, disk));
        assert_eq!(after.shown().await, ["Rejected one>ONE", "Rejected three>THREE"]);
        after.decide(Verb::Redo, all()).await;
        assert_eq!(after.text("a.txt"), saved);
    }
}

#[tokio::test]
async fn what_was_changed_on_the_disk_is_rejected_in_a_buffer() {
    for (disk, shown) in FORMS {
        let project = project(disk);
        let path = project.path("a.txt");
        project.pi(1, "a.txt", &disk.replace("one", "ONE")).await;
        project.workspace.open(&path, 1, &shown.replace("one", "ONE"), "text");
        assert_eq!(project.shown().await, ["Pending one>ONE"], "{disk:?}");
        // Moved along with what the user types.
        type_all(&project.workspace, &path, &format!("typed\n{}", shown.replace("one", "ONE")));
        type_all(&project.workspace, &path, &shown.replace("one", "ONE").replace("three", "3"));
        assert_eq!(project.shown().await, ["Pending one>ONE"], "{disk:?}");
        let outcome = project.decide(Verb::Reject, all()).await;
        assert_eq!(outcome.refused, []);
        assert_eq!(project.workspace.overlay_text(&path).unwrap().to_string(), shown.replace("three", "3"));
        assert_eq!(project.shown().await, ["Rejected one>ONE"]);
        // The editor's own undo and redo of that.
        type_all(&project.workspace, &path, &shown.replace("one", "ONE").replace("three", "3"));
        assert_eq!(project.shown().await, ["Pending one>ONE"], "{disk:?}");
    }
}

#[tokio::test]
async fn a_file_with_a_mark_comes_back_with_it() {
    let text = "\u{feff}one\ntwo\n";
    let project = project(text);
    let base = project.workspace.read(&project.path("a.txt")).await.unwrap();
    project.workspace.delete(&base, tests::cause(1)).await.unwrap();
    project.decide(Verb::Reject, all()).await;
    assert_eq!(project.text("a.txt"), text);
    project.decide(Verb::Redo, all()).await;
    project.decide(Verb::Reject, all()).await;
    assert_eq!(project.text("a.txt"), text);
    project.pi(2, "b.txt", text).await;
    let of_b = || Select { path: Some(crate::paths::canonical(&project.path("b.txt"))), ..all() };
    project.decide(Verb::Reject, of_b()).await;
    assert_eq!(project.text("b.txt"), "-");
    project.decide(Verb::Redo, of_b()).await;
    assert_eq!(project.text("b.txt"), text);
    assert!(project.shown().await.iter().all(|it| !it.contains('*')), "{:?}", project.shown().await);
}

/// Where Pi itself has changed the line ends, that is a change like any other.
#[tokio::test]
async fn changed_line_ends_are_rejected() {
    let project = project("one\r\ntwo\r\n");
    project.pi(1, "a.txt", "one\ntwo\n").await;
    assert_eq!(project.shown().await.len(), 1);
    project.decide(Verb::Reject, all()).await;
    assert_eq!(project.text("a.txt"), "one\r\ntwo\r\n");
    project.decide(Verb::Redo, all()).await;
    assert_eq!(project.text("a.txt"), "one\ntwo\n");
    // Undone by other means.
    project.put("a.txt", "one\r\ntwo\r\n");
    assert!(project.shown().await[0].starts_with("Rejected"), "{:?}", project.shown().await);
}
