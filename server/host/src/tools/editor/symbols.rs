//! `editor_symbols`: the outline of a file, or symbols of the project by name.

use std::sync::Arc;

use async_trait::async_trait;
use pi_core::{Access, Tool, ToolContext, ToolError, ToolSpec};
use pi_protocol::{ClientMethod, EditorSymbol, EditorSymbolsParams, ToolResult, client::request};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ask, lines, listed, offered, one_line, path, uri};
use crate::{
    tools::{
        reads,
        schema::{arguments, spec},
        search::relative,
    },
    workspace::Workspace,
};

/// Symbols that are listed.
const LIMIT: usize = 200;
/// Characters of a name.
const NAME: usize = 120;
/// `SymbolKind` of LSP, from 1.
const KINDS: [&str; 26] = [
    "file",
    "module",
    "namespace",
    "package",
    "class",
    "method",
    "property",
    "field",
    "constructor",
    "enum",
    "interface",
    "function",
    "variable",
    "constant",
    "string",
    "number",
    "boolean",
    "array",
    "object",
    "key",
    "null",
    "enum member",
    "struct",
    "event",
    "operator",
    "type parameter",
];

#[derive(Debug, Deserialize, JsonSchema)]
struct Args {
    /// File whose outline is wanted
    path: Option<String>,
    /// Part of a name; without a path the whole project is searched
    query: Option<String>,
}

/// The tool.
pub(super) struct EditorSymbols {
    spec: ToolSpec,
    workspace: Arc<Workspace>,
}

impl EditorSymbols {
    pub(super) fn new(workspace: Arc<Workspace>) -> Self {
        let spec = spec::<Args>(
            "editor_symbols",
            "Outline of a file, or symbols by name",
            "List functions, types and the like with their lines, from the language server of the user's editor: the \
             outline of one file (path), or those of the whole project whose name is like query. Give at least one of \
             the two.",
            true,
        );
        Self { spec, workspace }
    }

    fn row(&self, it: &EditorSymbol) -> String {
        let kind = KINDS.get(usize::from(it.kind).wrapping_sub(1)).unwrap_or(&"symbol");
        let file = path(&it.uri).map_or_else(|| it.uri.clone(), |it| relative(self.workspace.root(), &it));
        let container = it.container.as_ref().filter(|it| !it.is_empty());
        let container = container.map_or(String::new(), |it| format!(" (in {})", one_line(it, NAME)));
        format!("{file}:{}: {kind} {}{container}", lines(it.range), one_line(&it.name, NAME))
    }
}

#[async_trait]
impl Tool for EditorSymbols {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn is_offered(&self) -> bool {
        offered(&self.workspace, ClientMethod::Symbols)
    }

    fn access(&self, args: &Map<String, Value>) -> Access {
        reads(&self.workspace, args)
    }

    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError> {
        let Args { path: file, query } = arguments(call.args.clone())?;
        let query = query.filter(|it| !it.trim().is_empty());
        let file = file.filter(|it| !it.is_empty()).map(|it| self.workspace.resolve_existing(&it));
        let params = match (&file, &query) {
            (None, None) => return Err(ToolError::new("Give a path or a query.")),
            (Some(file), _) if !self.workspace.exists(file) => {
                return Err(ToolError::new(format!("Path not found: {}", file.display())));
            }
            (Some(file), _) => EditorSymbolsParams { uri: Some(uri(file)?), query: None },
            (None, query) => EditorSymbolsParams { uri: None, query: query.clone() },
        };
        let found = ask::<request::Symbols>(&self.workspace, &call, &params).await?;
        let wanted = query.filter(|_| file.is_some()).map(|it| it.to_lowercase());
        let fits =
            |it: &&EditorSymbol| wanted.as_ref().is_none_or(|wanted| it.name.to_lowercase().contains(wanted));
        let rows = found.symbols.iter().filter(fits).map(|it| self.row(it)).collect();
        let nothing = match file {
            Some(_) => "The editor has no such symbols of this file. Its language server may not be running.",
            None => "The editor knows no symbol of that name.",
        };
        Ok(listed(rows, LIMIT, nothing, "Give a longer query to see fewer."))
    }
}
