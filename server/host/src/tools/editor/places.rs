//! `editor_definition` and `editor_references`: where a name is defined, and where it is used.
//!
//! Models know lines and names, not columns: the name is looked for in the text, unsaved text first.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use pi_core::{Access, Tool, ToolContext, ToolError, ToolSpec};
use pi_protocol::{ClientMethod, EditorLocation, EditorPlace, TextPosition, ToolResult, client::request};
use ropey::Rope;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ask, listed, offered, one_line, path, place, uri};
use crate::{
    tools::{
        reads,
        schema::{arguments, spec},
    },
    workspace::{PositionEncoding, Workspace, position::to_range},
};

/// Places that are listed.
const LIMIT: usize = 100;
/// Characters of the line that is quoted with each.
const QUOTED: usize = 160;
/// Files of which lines are quoted.
const MOST_FILES: usize = 50;

#[derive(Debug, Deserialize, JsonSchema)]
struct Args {
    /// File in which the name is written
    path: String,
    /// The name, as it is written there
    symbol: String,
    /// Line on which it is written, from 1 (default: the first place in the file)
    line: Option<f64>,
}

/// What is asked about the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Definition,
    References,
}

/// Either tool.
pub(super) struct EditorPlaces {
    spec: ToolSpec,
    workspace: Arc<Workspace>,
    what: What,
}

impl EditorPlaces {
    pub(super) fn definition(workspace: Arc<Workspace>) -> Self {
        let spec = spec::<Args>(
            "editor_definition",
            "Where a name is defined",
            "Find where a name is defined, by asking the language server of the user's editor. Knows about scopes, \
             imports and types, which grep does not.",
            true,
        );
        Self { spec, workspace, what: What::Definition }
    }

    pub(super) fn references(workspace: Arc<Workspace>) -> Self {
        let spec = spec::<Args>(
            "editor_references",
            "Where a name is used",
            "Find all uses of what a name stands for, by asking the language server of the user's editor. Unlike grep \
             it leaves out other things of the same name. At most 100 places.",
            true,
        );
        Self { spec, workspace, what: What::References }
    }
}

#[async_trait]
impl Tool for EditorPlaces {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn is_offered(&self) -> bool {
        let method = match self.what {
            What::Definition => ClientMethod::Definition,
            What::References => ClientMethod::References,
        };
        offered(&self.workspace, method)
    }

    fn access(&self, args: &Map<String, Value>) -> Access {
        reads(&self.workspace, args)
    }

    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError> {
        let args: Args = arguments(call.args.clone())?;
        let path = self.workspace.resolve_existing(&args.path);
        let read = self.workspace.read(&path).await;
        let text =
            read.map_err(|error| ToolError::new(format!("Cannot read {}: {error}", path.display())))?.text;
        let line = args.line.map(|it| it.max(1.0) as usize);
        let at = find(&text, &args.symbol, line).ok_or_else(|| {
            let place = line.map_or_else(|| args.path.clone(), |it| format!("line {it} of {}", args.path));
            ToolError::new(format!(
                "\"{}\" is not written in {place}. Read the file again, or leave out the line.",
                args.symbol
            ))
        })?;
        let encoding = self.workspace.editor().map_or(PositionEncoding::default(), |it| it.encoding());
        let position = to_range(&Rope::from_str(&text), at, at, encoding).start;
        let position = TextPosition { line: position.line, character: position.character };
        let params = EditorPlace { uri: uri(&path)?, position };
        let found = match self.what {
            What::Definition => ask::<request::Definition>(&self.workspace, &call, &params).await?,
            What::References => ask::<request::References>(&self.workspace, &call, &params).await?,
        };
        let nothing = match self.what {
            What::Definition => "The editor knows no definition of it.",
            What::References => "The editor knows no uses of it.",
        };
        let rows = self.rows(found.locations).await;
        Ok(listed(rows, LIMIT, nothing, "Use grep in a folder to see the others."))
    }
}

impl EditorPlaces {
    /// Place and line of each. Only lines of files in the project are quoted: others were not asked for.
    async fn rows(&self, locations: Vec<EditorLocation>) -> Vec<String> {
        let mut texts: HashMap<PathBuf, Option<Rope>> = HashMap::new();
        let mut rows = Vec::new();
        for location in locations {
            let Some(path) = path(&location.uri) else {
                rows.push(one_line(&location.uri, QUOTED));
                continue;
            };
            let row = place(&self.workspace, &path, location.range.start.line);
            let wanted = path.starts_with(self.workspace.root()) && rows.len() < LIMIT;
            if wanted && !texts.contains_key(&path) && texts.len() < MOST_FILES {
                let text = self.workspace.read(&path).await.ok().map(|it| Rope::from_str(&it.text));
                texts.insert(path.clone(), text);
            }
            let text = texts.get(&path).and_then(Option::as_ref).filter(|_| wanted);
            let line = text.and_then(|it| it.get_line(location.range.start.line as usize));
            let quoted = line.map(|it| one_line(&it.to_string(), QUOTED)).filter(|it| !it.is_empty());
            rows.push(quoted.map_or_else(|| row.clone(), |it| format!("{row}: {it}")));
        }
        rows.dedup();
        rows
    }
}

/// The byte at which the last word of `symbol` begins, where the whole of it is written: `new` of `Backoff::new`.
fn find(text: &str, symbol: &str, line: Option<usize>) -> Option<usize> {
    let symbol = symbol.trim().trim_end_matches("()");
    if symbol.is_empty() {
        return None;
    }
    let (start, part) = match line {
        None => (0, text),
        Some(line) => {
            let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
            (start, text.get(start..)?.split_inclusive('\n').next()?)
        }
    };
    let is_word = |it: char| it.is_alphanumeric() || it == '_';
    let whole = |at: usize| {
        let before = part[..at].chars().next_back().is_some_and(is_word);
        let after = part[at + symbol.len()..].chars().next().is_some_and(is_word);
        !(before && symbol.starts_with(is_word) || after && symbol.ends_with(is_word))
    };
    let (at, _) = part.match_indices(symbol).find(|(at, _)| whole(*at))?;
    let last = symbol.char_indices().rfind(|(_, it)| !is_word(*it)).map_or(0, |(at, it)| at + it.len_utf8());
    // A name of signs only, such as an operator, is asked about at its beginning.
    Some(start + at + if last < symbol.len() { last } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn a_name_is_found_where_it_is_a_word() {
        let text = "use a::retry_all;\nfn retry() {\n  Backoff::new().retry()\n}\n";
        for (symbol, line, expected) in [
            ("retry", None, Some("retry() {")),
            ("retry()", None, Some("retry() {")),
            ("retry", Some(3), Some("retry()\n}")),
            ("Backoff::new", None, Some("new().retry")),
            ("retry_all", Some(1), Some("retry_all;")),
            ("retry", Some(1), None),
            ("retry", Some(99), None),
            ("", None, None),
            ("::", None, Some("::retry_all")),
        ] {
            let found = find(text, symbol, line).map(|at| &text[at..]);
            assert!(
                match (found, expected) {
                    (Some(found), Some(expected)) => found.starts_with(expected),
                    (found, expected) => found == expected,
                },
                "{symbol} {line:?}: {found:?}"
            );
        }
        // Not inside a character that is more than a byte long.
        assert_eq!(find("é = ü", "ü", None), Some(5));
        assert_eq!(find("→", "→", None), Some(0));
    }
}
