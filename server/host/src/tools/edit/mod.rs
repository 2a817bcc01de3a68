//! `edit`: replace texts that occur exactly once in one file.
//!
//! Never touches the disk itself: reads a [`Snapshot`](crate::workspace::Snapshot) and commits an
//! [`EditPlan`], so an open buffer changes in its editor and undo keeps working. The file's byte order mark
//! and line endings are kept; only where no editor is attached a file with several of them gets those of its first line
//! throughout, as with Pi.

pub mod matching;
mod place;

use std::{borrow::Cow, path::Path, sync::Arc};

use async_trait::async_trait;
use pi_core::{Access, Tool, ToolContext, ToolError, ToolSpec};
use pi_protocol::ToolResult;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::matching::Replacement;
use super::{
    check_abort, diff,
    schema::{self, arguments},
    writes,
};
use crate::{
    form::{self, Form},
    fs,
    workspace::{
        CommitError, EditPlan, Origin, PathGuard, Snapshot, Workspace, journal::EditCause, keep_ends,
    },
};

/// Texts to replace: either `edits`, or one `oldText` and `newText`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditArgs {
    /// Path to the file to edit (relative or absolute)
    path: String,
    /// One or more replacements. Each oldText is matched against the original file, must occur exactly once, and must not overlap with another one
    edits: Option<Vec<EditItem>>,
    /// For a single replacement without edits: exact text to find, whitespace included
    old_text: Option<String>,
    /// For a single replacement without edits: text to put in its place
    new_text: Option<String>,
}

/// One replacement.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct EditItem {
    /// Exact text to find, whitespace included
    old_text: String,
    /// Text to put in its place
    new_text: String,
}

impl EditArgs {
    /// The replacements, and whether they came as one pair without a list.
    fn replacements(self) -> Result<(String, Vec<Replacement>, bool), ToolError> {
        let pair = self.edits.is_none();
        let mut edits = self.edits.unwrap_or_default();
        match (self.old_text, self.new_text) {
            (Some(old_text), Some(new_text)) => edits.push(EditItem { old_text, new_text }),
            (None, None) => {}
            _ => return Err(ToolError::new("oldText and newText must be given together.")),
        }
        if edits.is_empty() {
            return Err(ToolError::new(
                "Nothing to replace: give edits with at least one oldText and newText.",
            ));
        }
        let plain = |text: String| text.replace("\r\n", "\n").replace('\r', "\n");
        let edits =
            edits.into_iter().map(|it| Replacement { old: plain(it.old_text), new: plain(it.new_text) });
        Ok((self.path, edits.collect(), pair))
    }
}

/// The tool.
pub struct Edit {
    spec: ToolSpec,
    workspace: Arc<Workspace>,
}

impl Edit {
    /// On this workspace.
    pub fn new(workspace: Arc<Workspace>) -> Self {
        let spec = schema::spec::<EditArgs>(
            "edit",
            "Make surgical edits to files (find exact text and replace)",
            "Edit a file by replacing exact text. Each oldText must match the file exactly, whitespace included, and \
             occur once. Use several edits in one call for several places in one file. If the file is open in the \
             editor, the unsaved text is edited there.",
            false,
        );
        Self { spec, workspace }
    }
}

/// A file as it is and as it would be.
struct Changed {
    base: Snapshot,
    text: String,
    /// A text was only found after levelling.
    fuzzy: bool,
}

impl Edit {
    /// `session` is the one whose model asks: what it knew of the file helps it where a text is not found.
    async fn changed(
        &self,
        name: &str,
        edits: &[Replacement],
        pair: bool,
        session: Option<&str>,
    ) -> Result<Changed, ToolError> {
        self.workspace.check_is_file(name).map_err(ToolError::new)?;
        let path = self.workspace.resolve_existing(name);
        let base = self.workspace.read(&path).await.map_err(|error| match fs::code(&error) {
            Some("ENOENT") if pair => ToolError::new(format!("File not found: {name}")),
            Some(code) => ToolError::new(format!("Could not edit file: {name}. Error code: {code}.")),
            None => ToolError::new(format!("Could not edit file: {name}. {error}.")),
        })?;
        writable(&self.workspace, &base).await?;
        let text = LineEndings::of(&base.text);
        let replaced = matching::replace(name, &text.content, edits).map_err(|error| {
            let known = session.and_then(|it| self.workspace.known_text(it, &path));
            ToolError::new(with_place(error, known.as_deref(), &text.content, edits))
        })?;
        let uniform = base.origin == Origin::Disk && self.workspace.editor().is_none();
        Ok(Changed { text: text.restore(&replaced.text, uniform), base, fuzzy: replaced.fuzzy })
    }
}

#[async_trait]
impl Tool for Edit {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    /// Models also send the list as a JSON string, or its only item without a list.
    fn prepare(&self, mut args: Map<String, Value>) -> Map<String, Value> {
        if let Some(edits) = args.get_mut("edits") {
            if let Some(parsed) = edits.as_str().and_then(|it| serde_json::from_str(it).ok()) {
                *edits = parsed;
            }
            if edits.is_object() {
                *edits = Value::Array(vec![edits.take()]);
            }
            if edits.is_null() {
                args.shift_remove("edits");
            }
        }
        args
    }

    fn access(&self, args: &Map<String, Value>) -> Access {
        let path = args.get("path").and_then(Value::as_str).unwrap_or_default();
        writes(&self.workspace.resolve_existing(path))
    }

    async fn preview(&self, args: &Map<String, Value>) -> Result<Option<String>, ToolError> {
        let (name, edits, pair) = arguments::<EditArgs>(args.clone())?.replacements()?;
        let changed = self.changed(&name, &edits, pair, None).await?;
        Ok(Some(diff::preview(&name, &changed.base.text, &changed.text)))
    }

    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError> {
        check_abort(&call)?;
        let (name, edits, pair) = arguments::<EditArgs>(call.args.clone())?.replacements()?;
        let path = self.workspace.resolve_existing(&name);
        let guard = lock(&self.workspace, &path, &call).await?;
        let Changed { base, text, fuzzy } = self.changed(&name, &edits, pair, Some(&call.session_id)).await?;
        let (before, after) = commit(&guard, base, text, "edit", &call).await?;
        let said = match pair && !fuzzy {
            true => format!("Successfully replaced text in {name}."),
            false => format!("Successfully replaced {} block(s) in {name}.", edits.len()),
        };
        Ok(ToolResult::text(said).with_details(diff::details(&name, &before, &after)))
    }
}

/// An error about texts that were not found, with what the file has in their places if it was changed since the model
/// read it.
fn with_place(error: String, known: Option<&str>, now: &str, edits: &[Replacement]) -> String {
    let Some(known) = known.map(|it| form::with_lf(form::without_mark(it))) else { return error };
    let gone = edits.iter().filter(|it| !now.contains(&it.old));
    let places: Vec<_> = gone.filter_map(|it| place::excerpt(&known, now, &it.old)).collect();
    if places.is_empty() {
        return error;
    }
    format!(
        "{error}\nThe file was changed since you read it. In that place it has now:\n{}",
        places.join("\n...\n")
    )
}

/// Waits for the path's turn, or for the run to be stopped.
pub(crate) async fn lock(
    workspace: &Arc<Workspace>,
    path: &Path,
    call: &ToolContext,
) -> Result<PathGuard, ToolError> {
    if workspace.is_chat(path) {
        return Err(ToolError::new("This file is the user's chat with you. It cannot be written by tools."));
    }
    tokio::select! {
        guard = workspace.lock_path(path) => Ok(guard),
        () = call.cancel.cancelled() => Err(ToolError::aborted()),
    }
}

/// Whether what was read may also be written, so that nobody is asked about an edit that cannot be made.
///
/// # Errors
/// Why not.
pub(crate) async fn writable(workspace: &Workspace, base: &Snapshot) -> Result<(), ToolError> {
    if base.origin != Origin::Disk {
        return Ok(());
    }
    let path = base.path.clone();
    let why = fs::blocking(move || {
        let opened = std::fs::OpenOptions::new().write(true).open(&path);
        Ok(opened.err().map(|error| fs::cause(&error, &path)))
    });
    let name = base.path.strip_prefix(workspace.root()).unwrap_or(&base.path).display();
    match why.await {
        Ok(None) => Ok(()),
        Ok(Some(why)) => Err(ToolError::new(format!("{name} cannot be written: {why}."))),
        Err(error) => Err(ToolError::new(error.to_string())),
    }
}

/// An edit that was not made. If the user has changed the same lines in the editor, clients get what it was: no text has
/// it.
pub(crate) fn refused(guard: &PathGuard, error: &CommitError, read: &str, wanted: &str) -> ToolError {
    let told = ToolError::new(error.to_string());
    match error {
        CommitError::Conflict { path, .. } if guard.workspace().document(path).is_some() => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let headline =
                format!("You changed the same lines of {name}. Your text stays; Pi's version is below.");
            let patch = diff::preview(&name, read, wanted);
            told.with_details(json!({ "conflict": { "headline": headline, "patch": patch } }))
        }
        _ => told,
    }
}

/// Commits the new text of a whole file; gives the texts before and after.
pub(crate) async fn commit(
    guard: &PathGuard,
    base: Snapshot,
    text: String,
    tool: &str,
    call: &ToolContext,
) -> Result<(String, String), ToolError> {
    let name = base.path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let (read, wanted) = (base.text.clone(), text.clone());
    let plan = EditPlan {
        path: base.path.clone(),
        base: Some(base),
        text,
        label: format!("pi: edit {name}"),
        cause: Some(EditCause::of(call, tool)),
    };
    let done = guard.commit(plan, &call.cancel).await.map_err(|it| refused(guard, &it, &read, &wanted))?;
    let (before, after) = (done.before.unwrap_or_default(), done.after);
    guard.workspace().edited(&call.session_id, &done.path, &before, &after);
    Ok((before, after))
}

/// A text with LF endings, and what is needed to give it back its own.
struct LineEndings<'a> {
    /// Without byte order mark, with LF endings.
    content: Cow<'a, str>,
    form: Form,
    original: &'a str,
}

impl<'a> LineEndings<'a> {
    fn of(text: &'a str) -> Self {
        let original = form::without_mark(text);
        Self { content: form::with_lf(original), form: Form::of(text), original }
    }

    /// The new content as it goes back into the file. Lines that stay keep their endings, unless all are to be
    /// `uniform`: as that of the first line.
    fn restore(&self, content: &str, uniform: bool) -> String {
        let first = self.original.find('\n').map_or("", |at| &self.original[..at]);
        let text = match uniform {
            true if first.ends_with('\r') => content.replace('\n', "\r\n"),
            true => content.to_owned(),
            false => keep_ends(self.original, content),
        };
        self.form.give_mark(&text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        tools::testing::{run, text},
        workspace::editor::{DocumentEdit, EditorAnswer, EditorClient},
    };

    fn setup(content: &[u8]) -> (tempfile::TempDir, Edit) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.txt"), content).unwrap();
        let edit = Edit::new(Workspace::new(dir.path().to_owned()));
        (dir, edit)
    }

    #[tokio::test]
    async fn both_forms_change_the_file_and_answer_in_their_own_words() {
        let (dir, edit) = setup(b"alpha\nbeta\ngamma\n");
        let result = run(&edit, json!({"path": "a.txt", "oldText": "beta\n", "newText": "BETA\nBETA2\n"}))
            .await
            .unwrap();
        assert_eq!(text(&result), "Successfully replaced text in a.txt.");
        let details = result.details.unwrap();
        assert_eq!(details["diff"], " 1 alpha\n-2 beta\n+2 BETA\n+3 BETA2\n 3 gamma");
        assert_eq!(details["firstChangedLine"], 2);

        let list = json!([{"oldText": "alpha", "newText": "A"}, {"oldText": "gamma", "newText": "G"}]);
        let result = run(&edit, json!({"path": "a.txt", "edits": list})).await.unwrap();
        assert_eq!(text(&result), "Successfully replaced 2 block(s) in a.txt.");
        assert_eq!(std::fs::read_to_string(dir.path().join("a.txt")).unwrap(), "A\nBETA\nBETA2\nG\n");

        let string = json!([{"oldText": "A\nBETA\n", "newText": "a\nBETA\n"}]).to_string();
        run(&edit, json!({"path": "a.txt", "edits": string})).await.unwrap();
        run(&edit, json!({"path": "a.txt", "edits": {"oldText": "G", "newText": "g"}})).await.unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join("a.txt")).unwrap(), "a\nBETA\nBETA2\ng\n");
    }

    #[tokio::test]
    async fn a_text_found_after_levelling_is_reported_with_its_real_bytes() {
        let (_dir, edit) = setup("say “hi”   \nnext\n".as_bytes());
        let args = json!({"path": "a.txt", "oldText": "say \"hi\"\nnext", "newText": "say bye\nnext"});
        let result = run(&edit, args).await.unwrap();
        assert_eq!(text(&result), "Successfully replaced 1 block(s) in a.txt.");
        assert_eq!(
            result.details.unwrap(),
            json!({
                "diff": "-1 say “hi”   \n+1 say bye\n 2 next",
                "patch": "--- a.txt\n+++ a.txt\n@@ -1,2 +1,2 @@\n-say “hi”   \n+say bye\n next\n",
                "firstChangedLine": 1
            })
        );
    }

    #[test]
    fn the_schema_has_both_forms() {
        let edit = Edit::new(Workspace::new("/w".into()));
        let schema = &edit.spec().parameters;
        let types =
            ["path", "edits", "oldText", "newText"].map(|it| schema["properties"][it]["type"].clone());
        assert_eq!(types, ["string", "array", "string", "string"]);
        assert_eq!(schema["required"], json!(["path"]));
        assert_eq!(schema["properties"]["edits"]["items"]["required"], json!(["oldText", "newText"]));
    }

    #[tokio::test]
    async fn mark_and_endings_stay() {
        let (dir, edit) = setup("\u{feff}one\r\ntwo\r\n".as_bytes());
        run(&edit, json!({"path": "a.txt", "oldText": "one\ntwo", "newText": "1\n2"})).await.unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join("a.txt")).unwrap(), "\u{feff}1\r\n2\r\n");
    }

    /// An editor with nothing open.
    struct Idle;

    #[async_trait]
    impl EditorClient for Idle {
        async fn apply(&self, _: DocumentEdit) -> EditorAnswer {
            EditorAnswer::Refused(None)
        }
    }

    #[tokio::test]
    async fn lines_that_stay_keep_their_endings_where_an_editor_is_attached() {
        let mixed = "aaa\r\nbbb\nccc\rddd\r\neee\n";
        for (editor, expected) in [
            (true, "aaa\r\nBBB\nccc\rddd\r\neee\n"),
            // As with Pi.
            (false, "aaa\r\nBBB\r\nccc\r\nddd\r\neee\r\n"),
        ] {
            let (dir, edit) = setup(mixed.as_bytes());
            if editor {
                edit.workspace.set_editor(Arc::new(Idle));
            }
            run(&edit, json!({"path": "a.txt", "oldText": "bbb", "newText": "BBB"})).await.unwrap();
            assert_eq!(std::fs::read_to_string(dir.path().join("a.txt")).unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn failures_change_nothing() {
        let (dir, edit) = setup(b"one\xff\n");
        let error =
            run(&edit, json!({"path": "a.txt", "oldText": "one", "newText": "two"})).await.unwrap_err();
        assert!(error.text.contains("is not valid UTF-8"), "{error}");
        assert_eq!(std::fs::read(dir.path().join("a.txt")).unwrap(), b"one\xff\n");
        let error =
            run(&edit, json!({"path": "none.txt", "oldText": "a", "newText": "b"})).await.unwrap_err();
        assert_eq!(error.text, "File not found: none.txt");
        let error =
            run(&edit, json!({"path": "none.txt", "edits": [{"oldText": "a", "newText": "b"}]})).await;
        assert_eq!(error.unwrap_err().text, "Could not edit file: none.txt. Error code: ENOENT.");
        let error = run(&edit, json!({"path": ".", "oldText": "a", "newText": "b"})).await.unwrap_err();
        assert_eq!(error.text, "Could not edit file: .. Error code: EISDIR.");
        let error = run(&edit, json!({"path": "a.txt"})).await.unwrap_err();
        assert!(error.text.starts_with("Nothing to replace"), "{error}");
    }

    #[tokio::test]
    async fn text_the_model_does_not_know_is_shown_in_its_place() {
        let (dir, edit) = setup(b"one\ntwo\nthree\nfour\n");
        let path = dir.path().join("a.txt");
        edit.workspace.learn("session", &path).await;
        std::fs::write(&path, "one\n2 by the user\nthree\nfour\n").unwrap();
        let error =
            run(&edit, json!({"path": "a.txt", "oldText": "two", "newText": "2"})).await.unwrap_err().text;
        assert!(error.starts_with("Could not find the exact text in a.txt."), "{error}");
        let place = "In that place it has now:\n1: one\n2: 2 by the user\n3: three\n4: four";
        assert!(error.ends_with(place), "{error}");
        // An edit elsewhere does not make it known.
        run(&edit, json!({"path": "a.txt", "oldText": "four", "newText": "4"})).await.unwrap();
        let known = edit.workspace.known_text("session", &path).unwrap();
        assert_eq!(&*known, "one\ntwo\nthree\n4\n");
        assert_eq!(edit.workspace.known_text("another", &path), None);
    }

    #[tokio::test]
    async fn parallel_edits_of_one_file_follow_one_another() {
        let content: String = (0..20).map(|it| format!("line{it};\n")).collect();
        let (dir, edit) = setup(content.as_bytes());
        let edit = Arc::new(edit);
        let calls: Vec<_> = (0..20)
            .map(|it| {
                let edit = edit.clone();
                let args =
                    json!({"path": "a.txt", "oldText": format!("line{it};"), "newText": format!("new{it};")});
                tokio::spawn(async move { run(&*edit, args).await })
            })
            .collect();
        for call in calls {
            call.await.unwrap().unwrap();
        }
        let expected = content.replace("line", "new");
        assert_eq!(std::fs::read_to_string(dir.path().join("a.txt")).unwrap(), expected);
    }
}
