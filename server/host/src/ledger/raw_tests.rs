//! What is no text, in the database: kept as long as something can go back to it.

use std::collections::HashSet;

use super::{
    commands::watched,
    tests::{Project, all, cause},
    *,
};
use crate::workspace::journal::EditJournal;

impl Project {
    /// A command makes the file these bytes.
    fn makes(&self, turn: u64, name: &str, bytes: &[u8]) {
        let path = paths::canonical(&self.path(name));
        let record = self.journal.begin_command(&cause(turn), &[watched(&path, None).unwrap()]).unwrap();
        std::fs::write(&path, bytes).unwrap();
        self.journal.end_command(record, &HashSet::new());
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn kept(&self) -> i64 {
        let count = |db: &mut Connection| db.query_row("SELECT count(*) FROM raw", [], |row| row.get(0));
        self.review.ledger().with(count).unwrap()
    }
}

#[tokio::test]
async fn what_a_change_goes_back_to_outlives_the_edit_that_had_it() {
    let project = Project::new();
    std::fs::write(project.path("a.png"), b"\xff first").unwrap();
    project.makes(1, "a.png", b"\xff second");
    project.makes(2, "a.png", b"\xff third");
    let pruned = project.review.ledger().collect(&Limits { days: 0, bytes: 1 }).unwrap();
    assert_eq!((pruned.edits, pruned.left, project.kept()), (1, 1, 3));
    assert_eq!(project.decide(Verb::Reject, all()).await.refused, []);
    assert_eq!(project.bytes("a.png"), b"\xff first");
    project.review.ledger().collect(&Limits { days: 0, bytes: 1 }).unwrap();
    assert_eq!(project.kept(), 0, "nothing can go back");
}

#[tokio::test]
async fn what_was_not_kept_is_not_made_again() {
    let project = Project::new();
    project.makes(1, "a.png", b"\xff new");
    project.review.ledger().with(|db| db.execute("UPDATE raw SET data = NULL", [])).unwrap();
    assert_eq!(project.decide(Verb::Reject, all()).await.refused, []);
    assert!(!project.path("a.png").exists());
    for number in [None, Some(project.review.ledger().next_decision())] {
        let redone = project.review.decide(&all(), Verb::Redo, number).await.unwrap();
        assert_eq!(redone.refused[0].reason, "a.png is no text, and what it was (5 bytes) was not kept");
    }
    // The same bytes again are kept.
    project.makes(2, "a.png", b"\xff new");
    assert_eq!(project.decide(Verb::Redo, all()).await.refused, []);
    assert_eq!(project.bytes("a.png"), b"\xff new");
}
