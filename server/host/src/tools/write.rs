//! `write`: a whole file, with the folders above it.
//!
//! Content goes into the buffer if the file is open in an editor, else onto the disk in one step.

use std::{io, path::Path, sync::Arc};

use async_trait::async_trait;
use pi_core::{Access, Tool, ToolContext, ToolError, ToolSpec};
use pi_protocol::ToolResult;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    check_abort, diff, edit,
    schema::{self, arguments},
    writes,
};
use crate::workspace::{EditPlan, PathGuard, Snapshot, Workspace, journal::EditCause};

/// A file and its content.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WriteArgs {
    /// Path to the file to write (relative or absolute)
    path: String,
    /// Content to write to the file
    content: String,
}

/// The tool.
pub struct Write {
    spec: ToolSpec,
    workspace: Arc<Workspace>,
}

impl Write {
    /// On this workspace.
    pub fn new(workspace: Arc<Workspace>) -> Self {
        let spec = schema::spec::<WriteArgs>(
            "write",
            "Create or overwrite files",
            "Write content to a file. Creates the file and its folders if they do not exist, overwrites it if it \
             does. To change a part of a file, use edit.",
            false,
        );
        Self { spec, workspace }
    }
}

/// The path is ours, and this may be replaced.
struct Taken {
    guard: PathGuard,
    is_new: bool,
    base: Option<Snapshot>,
}

impl Write {
    /// Takes the path, with what is there and may be replaced. Without an editor that is whatever is there, as with Pi,
    /// unless the user was shown what would change, or somebody has changed what the model has read; with one, only text
    /// that the model has seen, as somebody works on the same files.
    async fn take(&self, path: &Path, args: &WriteArgs, call: &ToolContext) -> Result<Taken, ToolError> {
        // What cannot be read, or is not there, is said by writing it.
        let read = async || self.workspace.read(path).await.ok();
        let is_new = || path.symlink_metadata().is_err_and(|it| it.kind() == io::ErrorKind::NotFound);
        let mut guard = edit::lock(&self.workspace, path, call).await?;
        let mut base = None;
        if self.workspace.editor().is_some() || self.workspace.has_changed(&call.session_id, path).await {
            base = read().await;
            if let Some(now) = &base {
                if let Some(error) = self.workspace.unseen(&call.session_id, now).await {
                    return Err(ToolError::new(error.to_string()));
                }
            }
        }
        let Some(mut shown) = call.shown.clone() else {
            return Ok(Taken { guard, is_new: is_new(), base });
        };
        // The file may have become another one while the question was open.
        loop {
            base = read().await;
            let before = base.as_ref().map(|it| it.text.as_str()).unwrap_or_default();
            let diff = diff::preview(&args.path, before, &args.content);
            if diff == shown {
                return Ok(Taken { guard, is_new: is_new(), base: base.filter(|it| it.exact) });
            }
            // Others need not wait for the file while somebody thinks about the answer.
            drop(guard);
            (call.permit)(call.access.clone(), Some(diff.clone())).await?;
            guard = edit::lock(&self.workspace, path, call).await?;
            shown = diff;
        }
    }
}

#[async_trait]
impl Tool for Write {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn access(&self, args: &Map<String, Value>) -> Access {
        let path = args.get("path").and_then(Value::as_str).unwrap_or_default();
        writes(&self.workspace.resolve(path))
    }

    async fn preview(&self, args: &Map<String, Value>) -> Result<Option<String>, ToolError> {
        let args: WriteArgs = arguments(args.clone())?;
        self.workspace.check_is_file(&args.path).map_err(ToolError::new)?;
        // What cannot be read, or is not there, is replaced as a whole.
        let before = self.workspace.read(&self.workspace.resolve(&args.path)).await;
        let before = before.map(|it| it.text).unwrap_or_default();
        Ok(Some(diff::preview(&args.path, &before, &args.content)))
    }

    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError> {
        check_abort(&call)?;
        let args: WriteArgs = arguments(call.args.clone())?;
        self.workspace.check_is_file(&args.path).map_err(ToolError::new)?;
        let path = self.workspace.resolve(&args.path);
        let Taken { guard, is_new, base } = self.take(&path, &args, &call).await?;
        let text = args.content.clone();
        let read = base.as_ref().map(|it| it.text.clone()).unwrap_or_default();
        let units = args.content.encode_utf16().count();
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let plan = EditPlan {
            path,
            base,
            text: args.content,
            label: format!("pi: write {name}"),
            cause: Some(EditCause::of(&call, "write")),
        };
        // With a user at work beside it, what comes to an empty place meanwhile is theirs.
        let done = match plan.base {
            None if is_new && self.workspace.editor().is_some() => guard.create(plan, &call.cancel).await,
            _ => guard.commit(plan, &call.cancel).await,
        };
        let done = done.map_err(|it| edit::refused(&guard, &it, &read, &text))?;
        self.workspace.learned(&call.session_id, &done.path, &text);
        // Pi counts UTF-16 units and calls them bytes.
        Ok(ToolResult::text(format!("Successfully wrote {units} bytes to {}", args.path)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;
    use crate::{
        tools::{
            image::Limits,
            read::Read,
            testing::{call, run, text},
        },
        workspace::{
            PositionEncoding, RangeEdit, apply_changes,
            editor::{DocumentEdit, EditorAnswer, EditorClient},
        },
    };

    const TEXT: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";

    /// Makes every edit.
    struct Honest(Arc<Workspace>);

    #[async_trait]
    impl EditorClient for Honest {
        async fn apply(&self, edit: DocumentEdit) -> EditorAnswer {
            types(&self.0, &edit.path, &apply_changes(&edit.base.to_string(), &edit.changes));
            EditorAnswer::Applied
        }
    }

    /// The document has this text now.
    fn types(workspace: &Workspace, path: &Path, text: &str) {
        let version = workspace.document(path).unwrap().version + 1;
        let all = RangeEdit { range: None, text: text.into() };
        assert!(workspace.change(path, version, &[all], PositionEncoding::Utf16));
    }

    struct Desk {
        dir: tempfile::TempDir,
        workspace: Arc<Workspace>,
    }

    impl Desk {
        /// `a.txt` with nine lines, and an editor.
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("a.txt"), TEXT).unwrap();
            let workspace = Workspace::new(dir.path().to_owned());
            workspace.set_editor(Arc::new(Honest(workspace.clone())));
            Self { dir, workspace }
        }

        fn path(&self) -> std::path::PathBuf {
            self.dir.path().join("a.txt")
        }

        fn disk(&self) -> String {
            std::fs::read_to_string(self.path()).unwrap()
        }

        async fn read(&self, args: Value) {
            let mut args = args;
            args["path"] = json!("a.txt");
            run(&Read::new(self.workspace.clone(), Limits::default()), args).await.unwrap();
        }

        async fn edit(&self, old: &str, new: &str) {
            let args = json!({"path": "a.txt", "oldText": old, "newText": new});
            run(&edit::Edit::new(self.workspace.clone()), args).await.unwrap();
        }

        /// Writes all of it; the error.
        async fn write(&self, content: &str) -> Option<String> {
            let args = json!({"path": "a.txt", "content": content});
            run(&Write::new(self.workspace.clone()), args).await.err().map(|it| it.text)
        }
    }

    #[tokio::test]
    async fn text_the_model_never_saw_is_not_replaced() {
        let desk = Desk::new();
        let error = desk.write("all\n").await.unwrap();
        let said = format!(
            "a.txt has text that you have not seen, so it was not written. Lines 1-9 of 9 are now:\n{TEXT}If it should \
             still be replaced, write it again."
        );
        assert!(error.ends_with(&said), "{error}");
        assert_eq!((desk.write("all\n").await, desk.disk().as_str()), (None, "all\n"));
        // What it has written it knows, and what others make of that not.
        assert_eq!(desk.write("one\ntwo\n").await, None);
        std::fs::write(desk.path(), "one\nmine\ntwo\n").unwrap();
        let error = desk.write("gone\n").await.unwrap();
        assert!(
            error.contains("What changed since you saw it:\n@@") && error.contains("\n+mine\n"),
            "{error}"
        );
        assert_eq!(desk.disk(), "one\nmine\ntwo\n");
        assert_eq!((desk.write("known\n").await, desk.disk().as_str()), (None, "known\n"));
        // Nothing is nobody's.
        std::fs::write(desk.path(), "").unwrap();
        assert_eq!(desk.write("new\n").await, None);
        std::fs::write(desk.path(), b"\xff\xfe").unwrap();
        assert!(desk.write("x").await.unwrap().contains("It is not text."));
    }

    #[tokio::test]
    async fn unsaved_text_the_model_never_saw_is_not_replaced() {
        let desk = Desk::new();
        desk.workspace.open(&desk.path(), 1, TEXT, "text");
        desk.read(json!({})).await;
        types(&desk.workspace, &desk.path(), "typed\n");
        let error = desk.write("gone\n").await.unwrap();
        assert!(error.contains("has unsaved changes in the editor that you have not seen"), "{error}");
        assert!(error.contains("\n+typed\n"), "{error}");
        let buffer = || desk.workspace.overlay_text(&desk.path()).unwrap().to_string();
        assert_eq!(buffer(), "typed\n");
        assert_eq!((desk.write("now it knows\n").await, buffer().as_str()), (None, "now it knows\n"));
        assert_eq!(desk.disk(), TEXT);
    }

    /// The model reads three of nine lines and the last, edits that, and then wants to replace all.
    #[tokio::test]
    async fn a_part_that_was_read_can_be_edited_and_the_whole_not_replaced() {
        for open in [false, true] {
            let desk = Desk::new();
            if open {
                desk.workspace.open(&desk.path(), 1, TEXT, "text");
            }
            desk.read(json!({"limit": 3})).await;
            desk.read(json!({"offset": 9})).await;
            desk.edit("9", "nine").await;
            let error = desk.write("all\n").await.unwrap();
            let said =
                "Lines 4-8 of 9 are now:\n4\n5\n6\n7\n8\nIf it should still be replaced, write it again.";
            assert!(error.ends_with(said), "{error}");
            assert_eq!(desk.write("all\n").await, None);
            // What is too long is shown from its start.
            let long = format!("one\n{}\n", "x".repeat(9000));
            match open {
                true => types(&desk.workspace, &desk.path(), &long),
                false => std::fs::write(desk.path(), long).unwrap(),
            }
            for said in ["Lines 1-1 of 2 are now:\none\nRead on from line 2", "Read it from line 2 on"] {
                let error = desk.write("all\n").await.unwrap();
                assert!(error.contains(said), "{error}");
            }
        }
    }

    #[tokio::test]
    async fn without_an_editor_whatever_is_there_is_replaced() {
        let desk = Desk::new();
        desk.workspace.clear_editor();
        assert_eq!((desk.write("all\n").await, desk.disk().as_str()), (None, "all\n"));
    }

    #[tokio::test]
    async fn what_is_not_what_the_user_allowed_is_asked_for_again() {
        let desk = Desk::new();
        desk.workspace.clear_editor();
        let write = Write::new(desk.workspace.clone());
        let args = json!({"path": "a.txt", "content": "all\n"});
        let mut call = call(args.clone());
        call.shown = write.preview(args.as_object().unwrap()).await.unwrap();
        std::fs::write(desk.path(), "another\n").unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let sink = asked.clone();
        call.permit = Arc::new(move |_, diff| {
            sink.lock().unwrap().push(diff.unwrap());
            Box::pin(async { Err(ToolError::new("rejected")) })
        });
        assert_eq!(write.run(call).await, Err(ToolError::new("rejected")));
        assert_eq!(desk.disk(), "another\n");
        let asked = asked.lock().unwrap();
        assert!(asked.len() == 1 && asked[0].contains("-another"), "{asked:?}");
    }

    #[tokio::test]
    async fn a_file_is_free_while_its_question_is_open() {
        let desk = Desk::new();
        desk.workspace.clear_editor();
        let write = Write::new(desk.workspace.clone());
        let mut call = call(json!({"path": "a.txt", "content": "all\n"}));
        call.shown = Some("of another text".into());
        let (workspace, path) = (desk.workspace.clone(), desk.path());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let sink = asked.clone();
        call.permit = Arc::new(move |_, diff| {
            sink.lock().unwrap().push(diff.unwrap());
            // Somebody else changes the file, twice, and has it for that.
            let (workspace, path, times) = (workspace.clone(), path.clone(), sink.lock().unwrap().len());
            Box::pin(async move {
                if times < 3 {
                    let _guard = tokio::select! {
                        biased;
                        guard = workspace.lock_path(&path) => guard,
                        () = std::future::ready(()) => panic!("the file is held"),
                    };
                    std::fs::write(&path, format!("{times}\n")).unwrap();
                }
                Ok(())
            })
        });
        write.run(call).await.unwrap();
        assert_eq!(desk.disk(), "all\n");
        let asked = asked.lock().unwrap();
        assert!(asked.len() == 3 && asked[1].contains("-1") && asked[2].contains("-2"), "{asked:?}");
    }

    #[tokio::test]
    async fn files_and_their_folders_are_made() {
        let dir = tempfile::tempdir().unwrap();
        let write = Write::new(Workspace::new(dir.path().to_owned()));
        let result =
            run(&write, json!({"path": "new/dir/f.txt", "content": "hello\nworld\n"})).await.unwrap();
        assert_eq!(text(&result), "Successfully wrote 12 bytes to new/dir/f.txt");
        assert_eq!(result.details, None);
        let result = run(&write, json!({"path": "new/dir/f.txt", "content": "café\n"})).await.unwrap();
        assert_eq!(text(&result), "Successfully wrote 5 bytes to new/dir/f.txt");
        assert_eq!(std::fs::read_to_string(dir.path().join("new/dir/f.txt")).unwrap(), "café\n");
    }

    #[tokio::test]
    async fn what_is_in_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().display();
        std::fs::write(dir.path().join("a.txt"), "x").unwrap();
        let write = Write::new(Workspace::new(dir.path().to_owned()));
        let error = run(&write, json!({"path": "a.txt/b.txt", "content": "x"})).await.unwrap_err();
        assert_eq!(error.text, format!("EEXIST: file already exists, mkdir '{root}/a.txt'"));
        let error = run(&write, json!({"path": ".", "content": "x"})).await.unwrap_err();
        assert_eq!(error.text, format!("{root} cannot be written: there is a folder of that name."));
    }

    #[tokio::test]
    async fn a_stopped_call_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let write = Write::new(Workspace::new(dir.path().to_owned()));
        let call = call(json!({"path": "a.txt", "content": "x"}));
        call.cancel.cancel();
        assert_eq!(write.run(call).await.unwrap_err(), ToolError::aborted());
        assert!(!dir.path().join("a.txt").exists());
    }
}
