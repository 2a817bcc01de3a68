//! Tools that ask the editor what it knows about the code: `editor_diagnostics`, `editor_definition`,
//! `editor_references`, `editor_symbols`.
//!
//! The editor's language servers have read the whole project, unsaved text included; these tools ask them through a
//! plugin that answers `pi/editor/*`. They only read, and are offered only while there is such a plugin. Whatever comes
//! back is bounded.

mod diagnostics;
mod places;
mod symbols;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use pi_core::{Tool, ToolContext, ToolError};
use pi_protocol::{ClientMethod, ClientRequest, TextRange, ToolResult};
use url::Url;

use super::search::relative;
use crate::{
    truncate::{Limits, truncate_head},
    workspace::{Workspace, editor},
};

/// Names of these tools, in the order the model is told of them.
pub const NAMES: [&str; 4] =
    ["editor_diagnostics", "editor_definition", "editor_references", "editor_symbols"];

/// The tools.
pub fn tools(workspace: &Arc<Workspace>) -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(diagnostics::EditorDiagnostics::new(workspace.clone())),
        Arc::new(places::EditorPlaces::definition(workspace.clone())),
        Arc::new(places::EditorPlaces::references(workspace.clone())),
        Arc::new(symbols::EditorSymbols::new(workspace.clone())),
    ]
}

/// Whether there is an editor that answers `method`.
fn offered(workspace: &Workspace, method: ClientMethod) -> bool {
    workspace.editor().is_some_and(|it| it.answers(method))
}

/// Asks the editor, until the call is cancelled.
async fn ask<R: ClientRequest>(
    workspace: &Workspace,
    call: &ToolContext,
    params: &R::Params,
) -> Result<R::Result, ToolError>
where
    R::Params: Sync,
{
    let editor = workspace.editor().ok_or_else(|| ToolError::new("No editor is connected any more."))?;
    tokio::select! {
        answer = editor::ask::<R>(&*editor, params) => {
            answer.map_err(|why| ToolError::new(format!("The editor could not be asked: {why}. Use grep and read instead.")))
        }
        () = call.cancel.cancelled() => Err(ToolError::aborted()),
    }
}

/// The URI of a path.
fn uri(path: &Path) -> Result<String, ToolError> {
    Url::from_file_path(path)
        .map(String::from)
        .map_err(|()| ToolError::new(format!("{} cannot be written as a URI", path.display())))
}

/// The path of a `file:` URI; other documents are nothing a tool could name.
fn path(uri: &str) -> Option<PathBuf> {
    Url::parse(uri).ok().filter(|it| it.scheme() == "file")?.to_file_path().ok()
}

/// `src/a.rs:12`, from the project if it is in there.
fn place(workspace: &Workspace, path: &Path, line: u32) -> String {
    format!("{}:{}", relative(workspace.root(), path), line.saturating_add(1))
}

/// `12` or `12-40`, counted from 1.
fn lines(range: TextRange) -> String {
    let first = range.start.line.saturating_add(1);
    let ends_before = range.end.character == 0 && range.end.line > range.start.line;
    let last = range.end.line.saturating_add(u32::from(!ends_before)).max(first);
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// One line of at most `limit` characters.
fn one_line(text: &str, limit: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(limit) {
        Some((end, _)) => format!("{}\u{2026}", &line[..end]),
        None => line,
    }
}

/// At most `limit` lines, and what to do about the others.
fn listed(all: Vec<String>, limit: usize, nothing: &str, how_to_narrow: &str) -> ToolResult {
    if all.is_empty() {
        return ToolResult::text(nothing);
    }
    let count = all.len();
    let shown = all.into_iter().take(limit).collect::<Vec<_>>().join("\n");
    let cut = truncate_head(&shown, Limits::BYTES_ONLY);
    let mut text = cut.content;
    let shown = text.lines().count();
    if shown < count {
        text += &format!("\n\n[{shown} of {count} shown. {how_to_narrow}]");
    }
    ToolResult::text(text)
}
