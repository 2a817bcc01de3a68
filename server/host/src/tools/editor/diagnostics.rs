//! `editor_diagnostics`: the problems the editor shows, of one file, a folder or the whole project.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use pi_core::{Access, Tool, ToolContext, ToolError, ToolSpec};
use pi_protocol::{ClientMethod, DiagnosticContext, EditorDiagnosticsParams, ToolResult, client::request};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ask, listed, offered, one_line, path, place, uri};
use crate::{
    tools::{
        reads,
        schema::{arguments, spec},
    },
    workspace::Workspace,
};

/// Problems that are listed.
const LIMIT: usize = 100;
/// Characters of one message.
const MESSAGE: usize = 400;
/// What our own hints and questions say where they come from.
const OURS: &str = "pi";

#[derive(Debug, Deserialize, JsonSchema)]
struct Args {
    /// File or folder (default: the whole project)
    path: Option<String>,
}

/// The tool.
pub(super) struct EditorDiagnostics {
    spec: ToolSpec,
    workspace: Arc<Workspace>,
}

impl EditorDiagnostics {
    pub(super) fn new(workspace: Arc<Workspace>) -> Self {
        let spec = spec::<Args>(
            "editor_diagnostics",
            "Problems the editor shows",
            "List errors, warnings and hints that the user's editor shows right now, from its language servers and \
             linters. Unsaved text is taken into account. Faster than a build, but after an edit the language server \
             may need a moment.",
            true,
        );
        Self { spec, workspace }
    }
}

#[async_trait]
impl Tool for EditorDiagnostics {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn is_offered(&self) -> bool {
        offered(&self.workspace, ClientMethod::Diagnostics)
    }

    fn access(&self, args: &Map<String, Value>) -> Access {
        reads(&self.workspace, args)
    }

    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError> {
        let Args { path: wanted } = arguments(call.args.clone())?;
        let below = self.workspace.resolve_existing(wanted.as_deref().unwrap_or("."));
        let is_file = !below.is_dir();
        if is_file && !self.workspace.exists(&below) {
            return Err(ToolError::new(format!("Path not found: {}", below.display())));
        }
        let params = EditorDiagnosticsParams { uri: is_file.then(|| uri(&below)).transpose()? };
        let found = ask::<request::Diagnostics>(&self.workspace, &call, &params).await?;
        let mut rows = Vec::new();
        for document in found.documents {
            let Some(path) = path(&document.uri).filter(|it| it.starts_with(&below)) else { continue };
            let theirs = document.items.into_iter().filter(|it| it.source.as_deref() != Some(OURS));
            rows.extend(theirs.map(|it| (it.severity.unwrap_or(1), path.clone(), it)));
        }
        // What is worst first: the end may be cut off.
        rows.sort_by(|(a, path_a, at_a), (b, path_b, at_b)| {
            (a, path_a, at_a.range.start.line).cmp(&(b, path_b, at_b.range.start.line))
        });
        let rows = rows.iter().map(|(_, path, it)| self.row(path, it)).collect();
        Ok(listed(rows, LIMIT, "The editor shows no problems there.", "Name a file or folder to see fewer."))
    }
}

impl EditorDiagnostics {
    fn row(&self, path: &Path, it: &DiagnosticContext) -> String {
        let severity = match it.severity {
            Some(2) => "warning",
            Some(3) => "information",
            Some(4) => "hint",
            _ => "error",
        };
        let place = place(&self.workspace, path, it.range.start.line);
        let source = it.source.as_ref().map_or(String::new(), |it| format!(" ({})", one_line(it, 40)));
        format!("{place}: {severity}: {}{source}", one_line(&it.message, MESSAGE))
    }
}
