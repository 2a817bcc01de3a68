//! Databases that do not do what a record needs, and several processes at one: edits go on, the user is told once, and
//! what was recorded is still there afterwards.

use std::path::Path;

use rusqlite::Connection;

use super::{
    tests::{Project, all, cause},
    *,
};
use crate::workspace::journal::{EditIntent, EditJournal, EditKind, Watched};

/// Breaks the database for as long as what it gives is kept.
type Break = fn(&Project) -> Box<dyn FnOnce(&Project)>;

fn pragma(project: &Project, name: &str, value: i64) {
    project.review.ledger().with(|db| db.pragma_update(None, name, value)).unwrap();
}

fn database(project: &Project) -> PathBuf {
    project.dir.path().join("agent").join(FILE_NAME)
}

/// What the user is told, and a part of it.
const FAULTS: [(&str, Break); 3] = [
    ("database or disk is full", |project| {
        let pages = project
            .review
            .ledger()
            .with(|db| db.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0)))
            .unwrap();
        pragma(project, "max_page_count", pages);
        Box::new(|it| pragma(it, "max_page_count", 1 << 30))
    }),
    ("attempt to write a readonly database", |project| {
        pragma(project, "query_only", 1);
        Box::new(|it| pragma(it, "query_only", 0))
    }),
    ("database is locked", |project| {
        let other = Connection::open(database(project)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        Box::new(move |_| other.execute_batch("ROLLBACK").unwrap())
    }),
];

/// A text that takes many pages, however it is packed.
fn bulky(line: &str) -> String {
    let noise = (0..40_000u32).map(|it| format!("{:x}", it.wrapping_mul(2_654_435_761)));
    format!("{line}\ntwo\n{}\n", noise.collect::<String>())
}

fn notices(heard: &mut broadcast::Receiver<LedgerEvent>) -> Vec<String> {
    let all = std::iter::from_fn(|| heard.try_recv().ok());
    all.filter_map(|it| if let LedgerEvent::Notice(text) = it { Some(text) } else { None }).collect()
}

#[tokio::test]
async fn a_database_that_takes_nothing_stops_no_edit_and_loses_no_record() {
    for (said, fault) in FAULTS {
        let project = Project::new();
        project.put("a.txt", "one\ntwo\nthree\n");
        project.put("b.txt", "one\n");
        project.pi(1, "a.txt", "ONE\ntwo\nthree\n").await;
        let mut heard = project.review.ledger().subscribe();
        let mend = fault(&project);
        project.pi(2, "b.txt", &bulky("1")).await;
        project.pi(3, "b.txt", &bulky("2")).await;
        let told = notices(&mut heard);
        assert_eq!(told.len(), 1, "said once: {told:?}");
        assert!(told[0].contains("cannot be recorded") && told[0].contains(said), "{told:?}");
        assert_eq!(project.shown().await, ["Pending one>ONE"], "{said}: it can be read");
        mend(&project);
        project.pi(4, "a.txt", "ONE\ntwo\nTHREE\n").await;
        assert_eq!(project.restarted().shown().await, ["Pending one>ONE", "Pending three>THREE"], "{said}");
        assert_eq!(project.text("b.txt"), bulky("2"));
    }
}

/// The text is changed before the decision is stored: it is found done.
#[tokio::test]
async fn a_decision_that_cannot_be_recorded_is_found_done_and_says_so() {
    for (said, fault) in FAULTS.into_iter().skip(1) {
        let project = Project::new();
        project.put("a.txt", "one\n");
        project.pi(1, "a.txt", "ONE\n").await;
        let mend = fault(&project);
        let mut heard = project.review.ledger().subscribe();
        let outcome = project.decide(Verb::Reject, all()).await;
        assert!(outcome.refused.len() == 1 && outcome.refused[0].reason.contains(said), "{outcome:?}");
        assert!(matches!(heard.try_recv(), Ok(LedgerEvent::Changed(files)) if files == outcome.files));
        assert_eq!(project.shown().await, ["Rejected one>ONE"], "{said}");
        mend(&project);
        project.decide(Verb::Redo, all()).await;
        assert_eq!(
            (project.text("a.txt").as_str(), project.shown().await),
            ("ONE\n", vec!["Pending one>ONE".into()])
        );
    }
}

/// Of three files the second cannot be stored: the others are decided about, and everybody hears of it.
#[tokio::test]
async fn a_decision_that_fails_for_one_file_goes_on_with_the_others() {
    let project = Project::new();
    for (turn, name) in [(1, "a.txt"), (2, "b.txt"), (3, "c.txt")] {
        project.put(name, "one\n");
        project.pi(turn, name, "ONE\n").await;
    }
    let stop = "CREATE TRIGGER stop BEFORE INSERT ON files WHEN NEW.path LIKE '%b.txt'
        BEGIN SELECT RAISE(FAIL, 'no room'); END";
    project.review.ledger().with(|db| db.execute_batch(stop)).unwrap();
    let mut heard = project.review.ledger().subscribe();
    let outcome = project.decide(Verb::Reject, all()).await;
    assert_eq!((outcome.changed.len(), outcome.refused.len()), (2, 1), "{outcome:?}");
    assert!(outcome.refused[0].reason.contains("no room"), "{outcome:?}");
    assert_eq!(["a.txt", "b.txt", "c.txt"].map(|it| project.text(it)), ["one\n"; 3]);
    assert!(matches!(heard.try_recv(), Ok(LedgerEvent::Changed(files)) if files.len() == 3));
    assert_eq!(project.shown().await, ["Rejected one>ONE"; 3]);
}

/// The record is begun, the edit made, and its hunks cannot be written: the next look makes them.
#[tokio::test]
async fn an_edit_that_can_only_be_begun_is_completed_by_the_next_look() {
    for (said, fault) in FAULTS.into_iter().skip(1) {
        let project = Project::new();
        project.put("a.txt", "one\n");
        let intent = EditIntent {
            cause: Some(cause(1)),
            path: project.path("a.txt"),
            kind: EditKind::Change,
            before: Some("one\n".into()),
            after: Some("ONE\n".into()),
            buffer: false,
        };
        let id = project.journal.begin(&intent).unwrap();
        let mend = fault(&project);
        project.put("a.txt", "ONE\n");
        project.journal.complete(id, Some("one\n"), Some("ONE\n"));
        mend(&project);
        let age = "UPDATE edits SET process = 99999999";
        project.review.ledger().with(|db| db.execute_batch(age)).unwrap();
        assert_eq!(project.restarted().shown().await, ["Pending one>ONE"], "{said}");
    }
}

/// Overwrites everything behind the header.
fn damage(path: &Path) {
    use std::io::{Seek, SeekFrom, Write};
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let len = file.metadata().unwrap().len();
    file.seek(SeekFrom::Start(100)).unwrap();
    file.write_all(&vec![0x5a; len as usize - 100]).unwrap();
}

#[tokio::test]
async fn damage_that_is_found_late_is_set_aside_once_by_all_processes() {
    let project = Project::new();
    project.put("a.txt", "one\n");
    project.pi(1, "a.txt", "ONE\n").await;
    let other = project.restarted();
    assert_eq!(other.shown().await, ["Pending one>ONE"]);
    project.review.ledger().with(|db| db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")).unwrap();
    damage(&database(&project));
    // Nothing of it is remembered.
    for it in [&project, &other] {
        it.review.ledger().with(|db| db.execute_batch("PRAGMA shrink_memory")).unwrap();
    }
    let mut heard = [project.review.ledger().subscribe(), other.review.ledger().subscribe()];
    project.pi(2, "a.txt", "1\n").await;
    assert_eq!(project.shown().await, ["Pending ONE>1"]);
    other.pi(3, "a.txt", "uno\n").await;
    assert_eq!(other.shown().await, ["Superseded ONE>1", "Pending ONE>uno"]);
    assert_eq!(project.restarted().shown().await, other.shown().await);
    let told = heard.each_mut().map(notices);
    assert_eq!(told.iter().flatten().count(), 1, "{told:?}");
    assert!(told.iter().flatten().all(|it| it.contains("was damaged")), "{told:?}");
}

#[tokio::test]
async fn a_database_that_is_deleted_meanwhile_is_made_again() {
    let project = Project::new();
    project.put("a.txt", "one\ntwo\n");
    project.pi(1, "a.txt", "ONE\ntwo\n").await;
    for end in ["", "-wal", "-shm"] {
        let _there = std::fs::remove_file(format!("{}{end}", database(&project).display()));
    }
    assert_eq!(project.shown().await, [] as [String; 0]);
    project.pi(2, "a.txt", "ONE\nTWO\n").await;
    assert_eq!(project.restarted().shown().await, ["Pending two>TWO"]);
}

/// One of two processes sets a damaged file aside; the other one has it open and has not seen the damage.
#[cfg(unix)]
#[tokio::test]
async fn a_database_that_another_process_replaces_is_left_at_once() {
    let project = Project::new();
    project.put("a.txt", "one\ntwo\n");
    project.pi(1, "a.txt", "ONE\ntwo\n").await;
    let other = project.restarted();
    other.review.ledger().with(|_| Ok(())).unwrap();
    drop(other.review.ledger().set_aside().unwrap());
    project.pi(2, "a.txt", "ONE\nTWO\n").await;
    assert_eq!(project.shown().await, ["Pending two>TWO"]);
    assert_eq!(other.shown().await, ["Pending two>TWO"]);
    assert_eq!(project.restarted().shown().await, ["Pending two>TWO"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_processes_write_at_once_and_nothing_is_missing() {
    const EDITS: usize = 20;
    let first = Project::new();
    let processes: Vec<_> = (0..4)
        .map(|process| {
            let project = first.restarted();
            tokio::spawn(async move {
                for turn in 1..=EDITS {
                    let name = format!("{process}-{turn}.txt");
                    project.put(&name, "one\n");
                    project.pi(turn as u64, &name, "ONE\n").await;
                    if turn % 5 == 0 {
                        let path = Some(crate::paths::canonical(&project.path(&name)));
                        project.decide(Verb::Reject, Select { path, ..all() }).await;
                    }
                }
            })
        })
        .collect();
    for it in processes {
        it.await.unwrap();
    }
    let found = first.review.find(&all()).await.unwrap();
    let ids: std::collections::BTreeSet<_> = found.iter().map(|it| it.id).collect();
    assert_eq!((found.len(), ids.len()), (4 * EDITS, 4 * EDITS));
    assert_eq!(found.iter().filter(|it| it.status == Status::Rejected).count(), 4 * EDITS / 5);
}

/// The number of a process that has ended may be another one's by now.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_with_the_number_of_one_that_has_ended_is_not_taken_for_it() {
    let project = Project::new();
    for name in ["a.txt", "b.txt", "c.txt"] {
        project.put(name, "one\n");
    }
    project.pi(1, "c.txt", "ONE\n").await;
    let intent = EditIntent {
        cause: Some(cause(2)),
        path: project.path("a.txt"),
        kind: EditKind::Change,
        before: Some("one\n".into()),
        after: Some("ONE\n".into()),
        buffer: false,
    };
    project.journal.begin(&intent).unwrap();
    let watched =
        Watched { path: project.path("b.txt"), from: None, before: Some("one\n".into()), bytes: None };
    project.journal.begin_command(&cause(3), &[watched]).unwrap();
    project.put("a.txt", "ONE\n");
    project.put("b.txt", "ONE\n");
    // As if an editor had it, unsaved.
    project.put("c.txt", "one\n");
    let by = |began: &str| {
        let process = std::os::unix::process::parent_id();
        let all = format!(
            "UPDATE edits SET process = {process}, process_began = {began}, buffer = path LIKE '%c.txt'"
        );
        project.review.ledger().with(|db| db.execute_batch(&all)).unwrap();
    };
    let unsaved = async |project: &Project| project.review.find(&all()).await.unwrap()[0].unsaved;
    // It is still there, as far as anybody knows.
    by("NULL");
    let other = project.restarted();
    assert_eq!((other.shown().await, unsaved(&other).await), (vec!["Rejected one>ONE".into()], true));
    // Another one has its number.
    by("1");
    let other = project.restarted();
    assert_eq!(other.shown().await, ["Pending one>ONE", "Pending one>ONE", "Rejected one>ONE"]);
    assert!(!other.review.find(&all()).await.unwrap()[2].unsaved);
}
