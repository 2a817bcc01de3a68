//! Session files from the outside: what is in the file after what was done.

use std::{
    fs,
    path::{Path, PathBuf},
};

use pi_core::{
    ports::SessionStore,
    tree::{BranchPoint, SessionTree},
};
use pi_protocol::{AgentMessage, AssistantMessage, Entry, EntryBase, entry::EntryKind, json};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sessions").join(name);
    fs::read_to_string(path).unwrap()
}

fn file_with(content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.jsonl");
    fs::write(&path, content).unwrap();
    (dir, path)
}

fn entry(id: &str, message: AgentMessage) -> Entry {
    Entry {
        kind: EntryKind::Message { message: message.into() },
        base: EntryBase { id: id.into(), parent_id: None, timestamp: "2026-01-02T03:04:05.678Z".into() },
    }
}

fn question(id: &str) -> Entry {
    entry(id, AgentMessage::user_text("q", 1))
}

fn answer(id: &str) -> Entry {
    entry(id, AgentMessage::Assistant(AssistantMessage::empty("a", "p", "m", 2)))
}

fn ids(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'), "{text}");
    let id = |line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    text.lines().map(id).collect()
}

#[test]
fn a_file_appears_with_the_first_answer_and_holds_everything_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let files = SessionFiles::in_agent_dir(dir.path());
    let cwd = Path::new("/home/me/app");
    let NewSession { header, mut store } = files.create(cwd, None, Some("/p.jsonl".into())).unwrap();
    store.append(&question("1")).unwrap();
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none(), "nothing is written before");
    store.append(&answer("2")).unwrap();
    store.append(&question("3")).unwrap();
    let path = store.path().to_owned();
    assert_eq!(path.parent().unwrap(), dir.path().join("sessions/--home-me-app--"));
    assert_eq!(ids(&path), [&*header.id, "1", "2", "3"]);
    let first = fs::read_to_string(&path).unwrap().lines().next().unwrap().to_owned();
    assert_eq!(first, json::to_string(&header).unwrap());
    assert!(first.contains(r#""parentSession":"/p.jsonl""#), "{first}");
    drop(store);
    let again = files.continue_recent(cwd).unwrap();
    assert_eq!((again.header, again.entries.len()), (header, 3));
}

#[test]
fn what_is_not_touched_stays_byte_for_byte() {
    let before = fixture("v3.jsonl");
    let (_dir, path) = file_with(&before);
    let mut session = SessionFiles::open(&path, Path::new("/c")).unwrap();
    assert_eq!((session.entries.len(), session.skipped_lines), (7, 0));
    session.store.append(&question("n")).unwrap();
    let after = fs::read_to_string(&path).unwrap();
    assert_eq!(
        after.strip_prefix(&before),
        Some(&*format!("{}\n", json::to_string(&question("n")).unwrap()))
    );
}

#[test]
fn a_fork_keeps_unknown_kinds_and_keys() {
    let before = fixture("v3.jsonl");
    let (dir, path) = file_with(&before);
    let files = SessionFiles::flat(dir.path().join("forks"));
    let fork = files.fork(&path, Path::new("/c")).unwrap();
    assert_eq!(fork.header.parent_session.as_deref(), path.canonicalize().unwrap().to_str());
    let text = fs::read_to_string(fork.store.path()).unwrap();
    assert_eq!(text.split_once('\n').unwrap().1, before.split_once('\n').unwrap().1);
}

#[test]
fn version_1_gets_ids_and_loses_nothing() {
    let (_dir, path) = file_with(format!("{}not json\n", fixture("v1.jsonl")));
    let mut session = SessionFiles::open(&path, Path::new("/c")).unwrap();
    assert_eq!((session.entries.len(), session.skipped_lines), (3, 1));
    session.store.append(&question("n")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text.lines().filter_map(|it| serde_json::from_str(it).ok()).collect();
    assert_eq!(text.lines().nth(4), Some("not json"));
    assert_eq!((&lines[0]["version"], &lines[0]["thinkingLevel"]), (&3.into(), &"off".into()));
    assert_eq!((&lines[1]["parentId"], &lines[2]["parentId"]), (&Value::Null, &lines[1]["id"]));
    assert_eq!(lines[2]["message"]["role"], "custom");
    assert_eq!(lines[3]["firstKeptEntryId"], lines[2]["id"]);
    assert_eq!(lines[3].get("firstKeptEntryIndex"), None);
    assert_eq!(lines[4]["id"], "n");
}

#[test]
fn version_2_renames_hook_messages() {
    let text = r#"{"type":"session","version":2,"id":"i","timestamp":"t","cwd":"/c"}
{"type":"message","id":"e","parentId":null,"timestamp":"t","message":{"role":"hookMessage","customType":"n","content":"x","display":false,"timestamp":1}}
"#;
    let (_dir, path) = file_with(text);
    SessionFiles::open(&path, Path::new("/c")).unwrap();
    let expected = text.replace("hookMessage", "custom").replace("\"version\":2", "\"version\":3");
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

#[test]
fn damaged_lines_are_skipped_counted_and_left_alone() {
    let header = fixture("v3.jsonl").lines().next().unwrap().to_owned();
    let good = json::to_string(&question("g")).unwrap();
    let mut bytes = format!("{header}\r\n\r\n{good}\r\n{{\"type\":\n").into_bytes();
    bytes.extend_from_slice(b"{\"type\":\"label\",\"id\":\"\xff\"}\n");
    bytes.extend_from_slice(&good.as_bytes()[..20]);
    let (_dir, path) = file_with(&bytes);
    let mut session = SessionFiles::open(&path, Path::new("/c")).unwrap();
    assert_eq!((session.entries.len(), session.skipped_lines), (1, 3));
    session.store.append(&question("n")).unwrap();
    let after = fs::read(&path).unwrap();
    assert!(after.starts_with(&bytes));
    assert_eq!(after[bytes.len()], b'\n', "the torn line is ended first");
    drop(session);
    assert_eq!(load(&path).unwrap().entries.len(), 2);
}

#[test]
fn what_is_no_session_is_refused_and_left_alone() {
    for content in ["# notes\n", "[]\n", "{\"type\":\"message\"}\n", "{\"type\":\"session\"}\n", "null"] {
        let (_dir, path) = file_with(content);
        let error = SessionFiles::open(&path, Path::new("/c")).unwrap_err().to_string();
        let real = path.canonicalize().unwrap();
        assert_eq!(error, format!("Session file is not a valid pi session: {}", real.display()));
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}

#[test]
fn an_empty_file_gets_a_header_and_a_missing_one_becomes_the_session() {
    let (dir, path) = file_with("");
    let session = SessionFiles::open(&path, Path::new("/c")).unwrap();
    assert_eq!(ids(&path), [session.header.id]);
    let missing = dir.path().join("deep/new.jsonl");
    let mut session = SessionFiles::open(&missing, Path::new("/c")).unwrap();
    assert!(!missing.exists());
    session.store.append(&answer("1")).unwrap();
    assert_eq!(ids(&missing), [&*session.header.id, "1"]);
}

#[test]
fn a_second_opener_is_told_until_the_first_closes() {
    let (_dir, path) = file_with(fixture("v3.jsonl"));
    let first = SessionFiles::open(&path, Path::new("/c")).unwrap();
    let error = SessionFiles::open(&path, Path::new("/c")).unwrap_err();
    assert!(matches!(error, SessionFileError::InUse(_)), "{error}");
    assert!(error.to_string().contains("in use by another pi"), "{error}");
    drop(first);
    SessionFiles::open(&path, Path::new("/c")).unwrap();
}

#[test]
fn entries_that_could_not_be_written_follow_with_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let blocker = dir.path().join("d");
    fs::write(&blocker, "a file where a directory is needed").unwrap();
    let NewSession { header, mut store } =
        SessionFiles::flat(&blocker).create(Path::new("/c"), Some("my-id".into()), None).unwrap();
    let error = store.append(&answer("1")).unwrap_err().to_string();
    assert!(error.contains("cannot be written") && error.contains("kept in memory"), "{error}");
    fs::remove_file(&blocker).unwrap();
    store.append(&question("2")).unwrap();
    assert_eq!(ids(store.path()), [&*header.id, "1", "2"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_every_entry_for_later() {
    let full = fs::OpenOptions::new().read(true).append(true).open("/dev/full").unwrap();
    let (_dir, path) = file_with("");
    let mut store = FileStore::existing("/dev/full".into(), full);
    for id in ["1", "2"] {
        let error = store.append(&question(id)).unwrap_err().to_string();
        assert!(error.contains("No space left") || error.contains("Invalid argument"), "{error}");
    }
    let room = fs::OpenOptions::new().read(true).append(true).open(&path).unwrap();
    store.reopened(room);
    store.append(&question("3")).unwrap();
    assert_eq!(ids(&path), ["1", "2", "3"]);
}

#[test]
fn sessions_are_listed_and_found_by_the_beginning_of_their_id() {
    let dir = tempfile::tempdir().unwrap();
    let files = SessionFiles::in_agent_dir(dir.path());
    for (cwd, id) in [("/a", "abc-1"), ("/a", "abd-2"), ("/b", "xyz-3")] {
        let mut session = files.create(Path::new(cwd), Some(id.into()), None).unwrap();
        session.store.append(&question("1")).unwrap();
        session.store.append(&answer("2")).unwrap();
    }
    let a = Path::new("/a");
    assert_eq!(files.list(a).len(), 2);
    let info = files.list(a).remove(0);
    assert_eq!((info.message_count, &*info.first_message, info.modified_ms), (2, "q", 2));
    assert!(
        matches!(files.find("abd", a), Some(Found::Here(path)) if path.to_string_lossy().contains("abd-2"))
    );
    assert!(matches!(files.find("xyz", a), Some(Found::Elsewhere { cwd, .. }) if cwd == "/b"));
    assert_eq!((files.find("q", a), files.find("", a)), (None, None));
}

#[test]
fn ids_that_would_leave_the_directory_are_refused() {
    for id in ["", "-a", "a-", "../a", "a/b", "é", &"a".repeat(201)] {
        assert!(!valid_session_id(id), "{id}");
    }
    for id in ["a", "A.b_c-9"] {
        assert!(valid_session_id(id), "{id}");
    }
}

/// Bytes all over two good files replaced by one that matters to JSON: the reader answers, whatever it is.
#[test]
fn no_damage_makes_the_reader_panic() {
    for name in ["v1.jsonl", "v3.jsonl"] {
        let good = fixture(name).into_bytes();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.jsonl");
        for at in (0..good.len()).step_by(61) {
            for byte in [b'\n', b'"', b'}', 0, 0xff] {
                let mut bad = good.clone();
                bad[at] = byte;
                fs::write(&path, &bad).unwrap();
                if let Ok(loaded) = load(&path) {
                    assert!(loaded.entries.len() <= 8);
                }
            }
        }
    }
}

/// The entries of `text` as the core hands them over.
fn entries_of(text: &str) -> Vec<Entry> {
    text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_branch_takes_lines_as_they_are_and_chains_them_anew() {
    let answered = serde_json::to_string(&answer("b")).unwrap();
    let text = [
        r#"{"type":"session","version":3,"id":"i","timestamp":"t","cwd":"/c"}"#,
        r#"{"type":"session_info","id":"a","parentId":null,"timestamp":"t","name":"n","x":{"y":0.50}}"#,
        &answered,
        r#"{"type":"compaction","id":"k","parentId":"gone","timestamp":"t","summary":"s","firstKeptEntryId":"gone","tokensBefore":7,"usage":{"input":3}}"#,
        r#"{"type":"session_info","id":"z","parentId":"k","timestamp":"t","name":"left behind"}"#,
    ]
    .join("\n");
    let (dir, path) = file_with(text.clone() + "\n");
    let mut entries = entries_of(&text);
    entries.truncate(3);
    entries[1].base.parent_id = Some("a".into());
    entries[2].base.parent_id = Some("b".into());
    let EntryKind::Compaction { first_kept_entry_id, .. } = &mut entries[2].kind else { panic!() };
    *first_kept_entry_id = "b".into();
    // One that is in no file yet.
    entries.push(entry("q", AgentMessage::user_text("q", 1)));

    let files = SessionFiles::flat(dir.path().join("branches"));
    let mut branch = files.branch(&path, Path::new("/c"), entries.clone()).unwrap();
    assert_eq!(branch.header.parent_session.as_deref(), path.to_str());
    branch.store.append(&question("n")).unwrap();
    let written = fs::read_to_string(branch.store.path()).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines[0], json::to_string(&branch.header).unwrap());
    let line = |at: usize| serde_json::from_str::<Value>(lines[at]).unwrap();
    assert_eq!(line(1)["x"]["y"], 0.5, "keys of other writers go along");
    assert_eq!((&line(2)["parentId"], &line(2)["message"]["role"]), (&"a".into(), &"assistant".into()));
    assert_eq!((&line(3)["parentId"], &line(3)["firstKeptEntryId"]), (&"b".into(), &"b".into()));
    assert_eq!(line(3)["usage"]["input"], 3);
    assert_eq!(ids(branch.store.path())[1..], ["a", "b", "k", "q", "n"]);
    let again = load(branch.store.path()).unwrap();
    assert_eq!(again.entries[..4], entries);
    assert_eq!(fs::read_to_string(&path).unwrap(), text + "\n", "the source is not touched");
}

#[test]
fn a_branch_without_an_answer_waits_for_one() {
    let (dir, path) = file_with(fixture("v3.jsonl"));
    let entries = entries_of(&fixture("v3.jsonl"))[..3].to_vec();
    let files = SessionFiles::flat(dir.path().join("branches"));
    let mut branch = files.branch(&path, Path::new("/c"), entries).unwrap();
    assert!(!branch.store.path().exists());
    branch.store.append(&answer("n")).unwrap();
    assert_eq!(ids(branch.store.path())[1..], ["a0000001", "a0000002", "a0000003", "n"]);
}

#[test]
fn a_branch_of_a_file_that_is_gone_is_made_from_memory() {
    let dir = tempfile::tempdir().unwrap();
    let files = SessionFiles::flat(dir.path().join("branches"));
    let gone = dir.path().join("gone.jsonl");
    let branch = files.branch(&gone, Path::new("/c"), vec![question("a"), answer("b")]).unwrap();
    assert_eq!(ids(branch.store.path())[1..], ["a", "b"]);
}

/// Any lines of a session, in file order: each follows an earlier one, none, or one that is not there.
fn lines() -> impl Strategy<Value = Vec<Value>> {
    let kind = prop_oneof![
        "[a-c\\\\\"é ]{0,4}".prop_map(|text| json!({"message": {"role": "user", "content": text, "timestamp": 1}})),
        (any::<u32>(), "[m-o]").prop_map(|(tokens, model)| {
            let mut message = serde_json::to_value(AssistantMessage::empty("a", "p", model, 2)).unwrap();
            message["role"] = "assistant".into();
            message["usage"]["output"] = tokens.into();
            message["ofTheFuture"] = json!({"role": "user"});
            json!({ "message": message })
        }),
        Just(json!({"message": {"later": true, "role": "unheard-of"}})),
        Just(json!({"message": "not an object"})),
        Just(json!({"type": "model_change", "provider": "p", "modelId": "x"})),
        Just(json!({"type": "model_change", "message": {"z": 1, "a": 2}, "of": "another shape"})),
        Just(json!({"type": "thinking_level_change", "thinkingLevel": "high"})),
        (0usize..12).prop_map(|at| json!({"type": "compaction", "summary": "s", "firstKeptEntryId": format!("e{at}"), "tokensBefore": 9})),
        (0usize..12).prop_map(|at| json!({"type": "context_edit", "targetId": format!("e{at}"), "replacement": null})),
    ];
    prop::collection::vec((kind, 0usize..16), 0..12).prop_map(|rows| {
        let line = |(at, (mut row, parent)): (usize, (Value, usize))| {
            let fields = row.as_object_mut().unwrap();
            fields.entry("type").or_insert("message".into());
            fields.insert("id".into(), format!("e{at}").into());
            fields.insert("timestamp".into(), "2026-01-02T03:04:05.678Z".into());
            let parent =
                if parent == 15 { "gone".into() } else { format!("e{}", at.saturating_sub(1 + parent / 6)) };
            fields.insert("parentId".into(), if at == 0 { Value::Null } else { parent.into() });
            row
        };
        rows.into_iter().enumerate().map(line).collect()
    })
}

/// The entry with its message read at once, the other way to read it.
fn eagerly(line: &Value) -> Entry {
    let mut entry: Entry = serde_json::from_value(line.clone()).unwrap();
    if let EntryKind::Message { message } = &mut entry.kind {
        *message = serde_json::from_value::<AgentMessage>(line["message"].clone()).unwrap().into();
    }
    entry
}

proptest! {
    /// Messages that are read when they are looked at make the same tree, context and branch as those read at once;
    /// what clients are sent keeps the keys that we do not know.
    #[test]
    fn reading_later_is_reading_the_same(lines in lines()) {
        let header = r#"{"type":"session","version":3,"id":"i","timestamp":"t","cwd":"/c"}"#;
        let text: String = lines.iter().map(|it| format!("{it}\n")).collect();
        let (_dir, path) = file_with(format!("{header}\n{text}"));
        let loaded = load(&path).unwrap();
        prop_assert_eq!(loaded.skipped_lines, 0);
        let eager: Vec<Entry> = lines.iter().map(eagerly).collect();
        let (later, now) = (SessionTree::new(loaded.entries.clone()), SessionTree::new(eager.clone()));
        prop_assert_eq!(later.answers(), now.answers());
        prop_assert_eq!(later.context(), now.context());
        prop_assert_eq!(later.branch(&BranchPoint::Leaf), now.branch(&BranchPoint::Leaf));
        prop_assert_eq!(&loaded.entries, &eager);
        let sent: Vec<Value> = loaded.entries.iter().map(|it| serde_json::from_str(&json::to_string(it).unwrap()).unwrap()).collect();
        prop_assert_eq!(sent, lines);
    }
}
