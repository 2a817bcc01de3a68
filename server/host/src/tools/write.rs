//! `write`: a whole file, with the folders above it.
//!
//! Content goes into the buffer if the file is open in an editor, else onto the disk in one step.

use std::sync::Arc;

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
use crate::workspace::{EditPlan, Workspace, journal::EditCause};

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
        // What cannot be read, or is not there, is replaced as a whole.
        let before = self.workspace.read(&self.workspace.resolve(&args.path)).await;
        let before = before.map(|it| it.text).unwrap_or_default();
        Ok(Some(diff::preview(&args.path, &before, &args.content)))
    }

    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError> {
        check_abort(&call)?;
        let args: WriteArgs = arguments(call.args.clone())?;
        let path = self.workspace.resolve(&args.path);
        let guard = edit::lock(&self.workspace, &path, &call).await?;
        let units = args.content.encode_utf16().count();
        let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let plan = EditPlan {
            path,
            base: None,
            text: args.content,
            label: format!("pi: write {name}"),
            cause: Some(EditCause::of(&call, "write")),
        };
        let done = guard.commit(plan, &call.cancel).await.map_err(|it| ToolError::new(it.to_string()))?;
        self.workspace.learned(&call.session_id, &done.path, &done.after);
        // Pi counts UTF-16 units and calls them bytes.
        Ok(ToolResult::text(format!("Successfully wrote {units} bytes to {}", args.path)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::testing::{call, run, text};

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
    async fn what_is_in_the_way_is_named_as_node_does() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().display();
        std::fs::write(dir.path().join("a.txt"), "x").unwrap();
        let write = Write::new(Workspace::new(dir.path().to_owned()));
        let error = run(&write, json!({"path": "a.txt/b.txt", "content": "x"})).await.unwrap_err();
        assert_eq!(error.0, format!("EEXIST: file already exists, mkdir '{root}/a.txt'"));
        let error = run(&write, json!({"path": ".", "content": "x"})).await.unwrap_err();
        assert_eq!(error.0, format!("EISDIR: illegal operation on a directory, open '{root}'"));
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
