//! Commits to documents whose editor has line ends of its own: it gives them to what it is sent, keeps a line break
//! behind the last line, and hides the byte order mark.

use std::sync::atomic::Ordering::SeqCst;

use tokio_util::sync::CancellationToken;

use super::{
    editor::{DocumentEdit, EditorAnswer},
    tests::{Fixture, report, type_text},
    *,
};

/// What Neovim makes of a text it is given for a document with these line ends; VS Code keeps no last line break.
fn shown(text: &str, ends: &str, keeps_last: bool) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let last = if keeps_last && !text.ends_with('\n') { ends } else { "" };
    format!("{}{last}", text.replace('\n', ends))
}

/// Makes an edit like that, at the places it names; nothing is reported if nothing changes.
fn make(workspace: &Workspace, edit: &DocumentEdit, ends: &str, keeps_last: bool) {
    let text = workspace.overlay_text(&edit.path).unwrap();
    let place = |byte| {
        let position = position::to_position(&edit.base, byte, PositionEncoding::Utf16);
        position::to_byte(&text, position, PositionEncoding::Utf16)
    };
    let mut after = text.to_string();
    for it in edit.changes.iter().rev() {
        let start = place(it.start);
        after.replace_range(start..place(it.end).max(start), &shown(&it.text, ends, false));
    }
    if keeps_last && !after.ends_with('\n') {
        after.push_str(ends);
    }
    let changes = changes::minimal(&text.to_string(), &after);
    if !changes.is_empty() {
        report(workspace, &edit.path, &changes);
    }
}

fn plan(it: &Fixture, base: Option<Snapshot>, text: &str) -> EditPlan {
    let cause = journal::EditCause {
        session_id: "session".into(),
        prompt_id: None,
        turn: 1,
        call_id: "call".into(),
        tool: "edit".into(),
    };
    EditPlan { path: it.path.clone(), base, text: text.into(), label: String::new(), cause: Some(cause) }
}

async fn commit(it: &Fixture, text: &str) -> Result<Committed, CommitError> {
    let base = it.workspace.read(&it.path).await.unwrap();
    it.workspace.commit(plan(it, Some(base), text), &CancellationToken::new()).await
}

#[tokio::test]
async fn what_the_editor_makes_of_line_ends_is_what_was_made() {
    for (text, wanted, ends, keeps_last, made) in [
        ("one\ntwo\n", "one\nTWO", "\n", true, "one\nTWO\n"),
        ("one\ntwo\n", "one\nTWO", "\n", false, "one\nTWO"),
        ("one\ntwo", "one\nTWO\nthree", "\n", false, "one\nTWO\nthree"),
        ("one\r\ntwo\r\n", "one\nTWO\nthree\n", "\r\n", true, "one\r\nTWO\r\nthree\r\n"),
        ("one\r\ntwo\r\n", "one\nTWO", "\r\n", true, "one\r\nTWO\r\n"),
        ("one\ntwo\n", "one\r\nTWO\r\nthree\r\n", "\n", true, "one\nTWO\nthree\n"),
        // Mixed: Neovim takes the CR out of what it is given.
        ("a\r\nb\nc\r\n", "a\r\nB\r\nB\r\nc\r\n", "\n", true, "a\r\nB\nB\nc\r\n"),
        ("a\r\nb\nc\r\n", "a\r\nB\r\nc\r\nd", "\n", true, "a\r\nB\nc\r\nd\n"),
        ("a", "a\nb", "\r\n", false, "a\r\nb"),
    ] {
        let (it, editor) = Fixture::showing(text, text, move |workspace, _, edit| {
            make(workspace, edit, ends, keeps_last);
            EditorAnswer::Applied
        });
        let done = commit(&it, wanted).await.unwrap();
        assert_eq!((it.buffer().as_str(), done.after.as_str()), (made, made), "{wanted:?}");
        assert_eq!((done.before.as_deref(), done.rebased), (Some(text), false), "{wanted:?}");
        assert_eq!(editor.calls.load(SeqCst), 1, "{wanted:?}");
        assert!(!it.workspace.with_key(&it.path, |documents, key| documents.is_watched(key)), "{wanted:?}");
    }
}

#[tokio::test]
async fn what_is_typed_meanwhile_stays_the_users() {
    let cases = [
        ("one\n2\ntwo\n", "one\n2\nTWO", "one!\n2\nTWO\n", "one!\n2\ntwo\n"),
        ("one\r\n2\ntwo\n", "one\r\n2\nTWO\r\nX", "one!\r\n2\nTWO\nX\n", "one!\r\n2\ntwo\n"),
    ];
    for (text, wanted, made, before) in cases {
        let (it, _) = Fixture::showing(text, text, |workspace, call, edit| {
            // One report has both.
            if call == 0 {
                let text = workspace.overlay_text(&edit.path).unwrap().to_string();
                let after =
                    shown(&changes::apply(&text, &edit.changes).replace("TWO\r\n", "TWO\n"), "\n", true);
                let after = if text.contains('\r') { after.replacen('\n', "\r\n", 1) } else { after };
                let after = after.replace("one", "one!");
                let edits = [RangeEdit { range: None, text: after }];
                workspace.change(&edit.path, edit.version + 1, &edits, PositionEncoding::Utf16);
            }
            EditorAnswer::Applied
        });
        let done = commit(&it, wanted).await.unwrap();
        assert_eq!((it.buffer().as_str(), done.after.as_str()), (made, made));
        assert_eq!(done.before.as_deref(), Some(before));
    }
}

#[tokio::test]
async fn an_edit_of_nothing_but_line_ends_is_refused_with_the_reason() {
    let (it, editor) = Fixture::showing("one\ntwo\n", "one\ntwo\n", |workspace, _, edit| {
        make(workspace, edit, "\n", true);
        EditorAnswer::Applied
    });
    let error = commit(&it, "one\ntwo").await.unwrap_err().to_string();
    assert!(error.contains("keeps its own line ends"), "{error}");
    assert_eq!((it.buffer().as_str(), editor.calls.load(SeqCst)), ("one\ntwo\n", 1));
}

#[tokio::test]
async fn an_edit_at_old_places_is_known_by_what_the_editor_made_of_it() {
    let (it, editor) = Fixture::showing("one\ntwo\nthree\n", "one\ntwo\nthree\n", |workspace, call, edit| {
        if call == 0 {
            type_text(workspace, &edit.path, "one", "zero\none");
        }
        make(workspace, edit, "\n", true);
        EditorAnswer::Applied
    });
    let done = commit(&it, "one\ntwo\nTHREE\nfour").await.unwrap();
    assert_eq!(it.buffer(), "zero\none\ntwo\nTHREE\nfour\n");
    assert_eq!(done.before.as_deref(), Some("zero\none\ntwo\nthree\n"));
    assert!(editor.calls.load(SeqCst) > 1);
}

#[tokio::test]
async fn a_plan_made_on_the_disk_fits_the_buffer_that_shows_it_otherwise() {
    for (disk, text) in [
        ("\u{feff}one\ntwo\n", "one\ntwo\n"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("\u{feff}one\r\ntwo\r\n", "one\r\ntwo\r\n"),
        ("one\r\ntwo\n", "one\r\ntwo\r\n"),
    ] {
        let (it, _) = Fixture::showing(disk, text, |workspace, _, edit| {
            report(workspace, &edit.path, &edit.changes);
            EditorAnswer::Applied
        });
        assert!(it.workspace.dirty_documents().is_empty(), "{disk:?}: nobody has typed");
        let base = Snapshot::of_bytes(it.path.clone(), disk.into());
        let plan = plan(&it, Some(base), &disk.replace("two", "TWO"));
        let done = it.workspace.commit(plan, &CancellationToken::new()).await.unwrap();
        assert_eq!(
            (it.buffer(), done.after),
            (text.replace("two", "TWO"), text.replace("two", "TWO")),
            "{disk:?}"
        );
        assert_eq!((done.before.as_deref(), it.disk().as_str()), (Some(text), disk));
    }
}

#[tokio::test]
async fn another_form_is_no_change() {
    let (it, _) = Fixture::showing("one\ntwo\n", "one\ntwo\n", |_, _, _| EditorAnswer::Applied);
    for (disk, shown) in [
        ("\u{feff}one\ntwo\n", "one\ntwo\n"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("one\r\ntwo\n", "one\r\ntwo\r\n"),
    ] {
        it.workspace.close(&it.path);
        std::fs::write(&it.path, disk).unwrap();
        it.workspace.learn("s", &it.path).await;
        it.workspace.open(&it.path, 1, shown, "text");
        assert_eq!(it.workspace.changed_since_known("s").await, [] as [PathBuf; 0], "{disk:?}");
        // The model's own edit in the buffer, saved.
        it.workspace.edited("s", &it.path, shown, &shown.replace("one", "ONE"));
        it.workspace.close(&it.path);
        std::fs::write(&it.path, disk.replace("one", "ONE")).unwrap();
        assert_eq!(it.workspace.changed_since_known("s").await, [] as [PathBuf; 0], "{disk:?}");
        std::fs::write(&it.path, disk.replace("one", "user")).unwrap();
        assert_eq!(it.workspace.changed_since_known("s").await, std::slice::from_ref(&it.path), "{disk:?}");
        it.workspace.open(&it.path, 2, &shown.replace("one", "user"), "text");
        assert_eq!(it.workspace.changed_since_known("s").await, [] as [PathBuf; 0], "told once: {disk:?}");
    }
}
