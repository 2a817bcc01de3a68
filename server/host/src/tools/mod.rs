//! The tools a model can call on this machine.
//!
//! One file per tool; a tool is a struct with a documented argument struct, from which its JSON Schema comes.
//! What several of them need has a file of its own. Files are only touched through the workspace.

pub mod bash;
pub mod diff;
pub mod edit;
pub mod editor;
pub mod find;
pub mod grep;
pub mod hashline;
pub mod hashline_edit;
pub mod image;
pub mod ls;
pub mod read;
pub mod remembered;
pub mod schema;
pub(crate) mod search;
pub mod write;

use std::{path::Path, sync::Arc};

use pi_core::{Access, Tool, ToolContext, ToolError};
use serde_json::{Map, Value};

use crate::workspace::Workspace;

/// The tools that read and change files: `read`, `write`, `edit`, `hashline_edit`.
pub fn file_tools(workspace: &Arc<Workspace>, images: image::Limits) -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(read::Read::new(workspace.clone(), images)),
        Arc::new(write::Write::new(workspace.clone())),
        Arc::new(edit::Edit::new(workspace.clone())),
        Arc::new(hashline_edit::HashlineEdit::new(workspace.clone())),
    ]
}

/// What a tool does that only looks at what its argument `path` names, or at the whole workspace.
pub(crate) fn reads(workspace: &Workspace, args: &Map<String, Value>) -> Access {
    let path = args.get("path").and_then(Value::as_str).filter(|it| !it.is_empty()).unwrap_or(".");
    Access { reads: vec![text(&workspace.resolve_existing(path))], ..Access::default() }
}

/// What a tool does that changes the file its argument `path` names.
pub(crate) fn writes(path: &Path) -> Access {
    Access { writes: vec![text(path)], ..Access::default() }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Fails once the run was stopped.
pub(crate) fn check_abort(call: &ToolContext) -> Result<(), ToolError> {
    if call.cancel.is_cancelled() { Err(ToolError::aborted()) } else { Ok(()) }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A call made by hand.

    use std::sync::Arc;

    use pi_core::{Tool, ToolContext, ToolError};
    use pi_protocol::ToolResult;
    use serde_json::Value;
    use tokio_util::sync::CancellationToken;

    pub fn call(args: Value) -> ToolContext {
        let Value::Object(args) = args else { panic!("arguments are an object") };
        ToolContext {
            call_id: "call".into(),
            args,
            cancel: CancellationToken::new(),
            update: Arc::new(|_| {}),
            model: None,
            session_id: "session".into(),
            prompt_id: None,
            turn: 1,
            access: pi_core::Access::default(),
            mode: pi_protocol::PermissionMode::Full,
            review: pi_protocol::ReviewMode::Apply,
            shown: None,
            permit: Arc::new(|_, _| Box::pin(async { Ok(()) })),
        }
    }

    pub async fn run(tool: &dyn Tool, args: Value) -> Result<ToolResult, ToolError> {
        let mut call = call(args);
        call.args = tool.prepare(call.args);
        tool.run(call).await
    }

    pub fn text(result: &ToolResult) -> &str {
        result.content[0].as_text().unwrap()
    }
}
