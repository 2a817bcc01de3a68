//! What a context leaves out, asked of the editor: what its user looks at, the problems it shows, where a symbol is.
//!
//! What cannot be learnt is said to the model in a line of its own; a prompt never fails because of it.

use std::time::Duration;

use pi_host::workspace::editor::{EditorClient, ask};
use pi_protocol::{
    ClientRequest, DiagnosticContext, EditorDiagnosticsParams, EditorState, EditorSymbol,
    EditorSymbolsParams, NoParams, PromptContext, client::request,
};
use tokio::time::Instant;

use super::{first_line, path_of, uri_of};

/// How long all questions of one prompt may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Symbols of one name that are quoted.
const MOST_SYMBOLS: usize = 3;
/// Files whose problems are listed.
const MOST_FILES: usize = 20;
/// What our own hints and questions say where they come from.
const OURS: &str = "pi";

/// What is left out, in words; nothing if the piece is complete.
pub fn missing(item: &PromptContext) -> Option<String> {
    let named = |uri: &Option<String>| uri.as_ref().map(|it| path_of(it).display().to_string());
    match item {
        PromptContext::File { uri: None } => Some("Current file".into()),
        PromptContext::Selection { uri, range } if uri.is_none() || range.is_none() => {
            Some(named(uri).map_or_else(|| "Selection".into(), |it| format!("Selection in {it}")))
        }
        PromptContext::Symbol { uri, name, range } if uri.is_none() || range.is_none() => {
            Some(format!("`{}`", first_line(name)))
        }
        PromptContext::Diagnostics { uri, items } if uri.is_none() || items.is_none() => {
            Some(named(uri).map_or_else(|| "Problems".into(), |it| format!("Problems in {it}")))
        }
        _ => None,
    }
}

/// The context with what it leaves out, and a line for each piece that could not be learnt.
pub async fn complete(
    context: Vec<PromptContext>,
    editor: Option<&dyn EditorClient>,
) -> (Vec<PromptContext>, Vec<String>) {
    within(DEADLINE, context, editor).await
}

async fn within(
    deadline: Duration,
    context: Vec<PromptContext>,
    editor: Option<&dyn EditorClient>,
) -> (Vec<PromptContext>, Vec<String>) {
    let mut asker = Asker { editor, until: Instant::now() + deadline, state: None };
    let (mut whole, mut notes) = (Vec::new(), Vec::new());
    for item in context {
        let Some(subject) = missing(&item) else {
            whole.push(item);
            continue;
        };
        match asker.piece(item).await {
            Ok(pieces) => whole.extend(pieces),
            Err(why) => notes.push(format!("{subject}: {why}")),
        }
    }
    (whole, notes)
}

/// Asks for what one prompt needs.
struct Asker<'a> {
    editor: Option<&'a dyn EditorClient>,
    until: Instant,
    /// Asked once: the user may go elsewhere meanwhile.
    state: Option<Result<EditorState, String>>,
}

impl Asker<'_> {
    async fn ask<R: ClientRequest>(&self, params: &R::Params) -> Result<R::Result, String> {
        let unknown = |why: String| format!("not known ({why})");
        let editor = self.editor.ok_or_else(|| unknown("there is no editor to ask".into()))?;
        match tokio::time::timeout_at(self.until, ask::<R>(editor, params)).await {
            Ok(answer) => answer.map_err(unknown),
            Err(_) => Err(unknown("the editor did not answer in time".into())),
        }
    }

    /// Where the user is.
    async fn active(&mut self) -> Result<pi_protocol::ActiveDocument, String> {
        if self.state.is_none() {
            self.state = Some(self.ask::<request::State>(&NoParams {}).await);
        }
        let state = self.state.clone().unwrap_or_else(|| Ok(EditorState::default()))?;
        state.active.ok_or_else(|| "not known (no document is open)".into())
    }

    /// The document that is named, or the one the user looks at.
    async fn document(&mut self, named: Option<String>) -> Result<String, String> {
        match named {
            Some(uri) => Ok(uri),
            None => Ok(self.active().await?.uri),
        }
    }

    async fn piece(&mut self, item: PromptContext) -> Result<Vec<PromptContext>, String> {
        Ok(match item {
            PromptContext::File { uri } => vec![PromptContext::File { uri: Some(self.document(uri).await?) }],
            PromptContext::Selection { uri, range: Some(range) } => {
                let uri = self.document(uri).await?;
                vec![PromptContext::Selection { uri: Some(uri), range: Some(range) }]
            }
            PromptContext::Selection { uri, range: None } => {
                let active = self.active().await?;
                if uri.is_some_and(|it| path_of(&it) != path_of(&active.uri)) {
                    return Err("not known (the user looks at another file)".into());
                }
                vec![PromptContext::Selection { uri: Some(active.uri), range: Some(active.selection) }]
            }
            PromptContext::Symbol { uri, name, range: Some(range) } => {
                let uri = self.document(uri).await?;
                vec![PromptContext::Symbol { uri: Some(uri), name, range: Some(range) }]
            }
            PromptContext::Symbol { uri, name, range: None } => self.symbols(uri, &name).await?,
            PromptContext::Diagnostics { uri, items: Some(items) } => {
                let uri = self.document(uri).await?;
                vec![PromptContext::Diagnostics { uri: Some(uri), items: Some(items) }]
            }
            PromptContext::Diagnostics { uri, items: None } => self.problems(uri).await?,
            whole => vec![whole],
        })
    }

    async fn symbols(&self, uri: Option<String>, name: &str) -> Result<Vec<PromptContext>, String> {
        let wanted = name.rsplit(['.', ':', '#']).next().unwrap_or(name);
        let params = match uri {
            Some(uri) => EditorSymbolsParams { uri: Some(uri_of(&uri)), query: None },
            None => EditorSymbolsParams { uri: None, query: Some(wanted.to_owned()) },
        };
        let mut found = self.ask::<request::Symbols>(&params).await?.symbols;
        // Some servers put the arguments behind the name.
        let is_named = |it: &EditorSymbol| {
            it.name.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('('))
        };
        found.retain(is_named);
        if found.is_empty() {
            return Err("the editor knows no symbol of that name".into());
        }
        let pieces = found.into_iter().take(MOST_SYMBOLS);
        let piece = |it: EditorSymbol| PromptContext::Symbol {
            uri: Some(it.uri),
            name: it.container.map_or_else(|| name.to_owned(), |container| format!("{container}: {name}")),
            range: Some(it.range),
        };
        Ok(pieces.map(piece).collect())
    }

    async fn problems(&self, uri: Option<String>) -> Result<Vec<PromptContext>, String> {
        let params = EditorDiagnosticsParams { uri: uri.as_deref().map(uri_of) };
        let mut documents = self.ask::<request::Diagnostics>(&params).await?.documents;
        let theirs = |it: &DiagnosticContext| it.source.as_deref() != Some(OURS);
        documents.iter_mut().for_each(|it| it.items.retain(theirs));
        documents.retain(|it| !it.items.is_empty());
        if documents.is_empty() {
            return Err("none that the editor shows".into());
        }
        let piece = |it: pi_protocol::DocumentDiagnostics| PromptContext::Diagnostics {
            uri: Some(it.uri),
            items: Some(it.items),
        };
        let more = documents.len().saturating_sub(MOST_FILES);
        let mut pieces: Vec<_> = documents.into_iter().take(MOST_FILES).map(piece).collect();
        if more > 0 {
            let text = format!("{more} more files have problems.");
            pieces.push(PromptContext::Text { title: Some("Problems".into()), text });
        }
        Ok(pieces)
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use pi_host::workspace::editor::{DocumentEdit, EditorAnswer};
    use pi_protocol::ClientMethod;
    use serde_json::{Value, json};

    use super::*;

    /// Answers everything it has an answer for.
    struct Knowing(Value);

    #[async_trait]
    impl EditorClient for Knowing {
        async fn apply(&self, _: DocumentEdit) -> EditorAnswer {
            EditorAnswer::Failed("never".into())
        }

        fn answers(&self, method: ClientMethod) -> bool {
            self.0.get(method.lsp_name()).is_some()
        }

        async fn ask(&self, method: ClientMethod, params: Value) -> Result<Value, String> {
            match &self.0[method.lsp_name()] {
                Value::String(error) => Err(error.clone()),
                Value::Bool(_) => std::future::pending().await,
                // An answer for each question.
                Value::Object(by_params) if by_params.contains_key("{}") => {
                    Ok(by_params.get(&params.to_string()).cloned().unwrap_or_default())
                }
                answer => Ok(answer.clone()),
            }
        }
    }

    fn range(line: u32) -> Value {
        json!({"start": {"line": line, "character": 0}, "end": {"line": line, "character": 4}})
    }

    async fn check(editor: Option<Value>, asked: Value, expected: Value, notes: &[&str]) {
        let context: Vec<PromptContext> = serde_json::from_value(asked).unwrap();
        let editor = editor.map(Knowing);
        let editor = editor.as_ref().map(|it| it as &dyn EditorClient);
        let (whole, said) = complete(context, editor).await;
        assert_eq!(serde_json::to_value(whole).unwrap(), expected);
        assert_eq!(said, notes);
    }

    #[tokio::test]
    async fn what_the_user_looks_at_is_filled_in() {
        let state = json!({"pi/editor/state": {"active": {"uri": "file:///ws/a.rs", "selection": range(3)}}});
        let asked = json!([
            {"kind": "file"},
            {"kind": "selection"},
            {"kind": "selection", "uri": "/ws/a.rs"},
            {"kind": "selection", "uri": "/ws/b.rs"},
            {"kind": "selection", "range": range(9)},
            {"kind": "file", "uri": "/ws/c.rs"},
        ]);
        let expected = json!([
            {"kind": "file", "uri": "file:///ws/a.rs"},
            {"kind": "selection", "uri": "file:///ws/a.rs", "range": range(3)},
            {"kind": "selection", "uri": "file:///ws/a.rs", "range": range(3)},
            {"kind": "selection", "uri": "file:///ws/a.rs", "range": range(9)},
            {"kind": "file", "uri": "/ws/c.rs"},
        ]);
        let note = "Selection in /ws/b.rs: not known (the user looks at another file)";
        check(Some(state), asked, expected, &[note]).await;
        let nowhere = Some(json!({"pi/editor/state": {}}));
        let note = "Current file: not known (no document is open)";
        check(nowhere, json!([{"kind": "file"}]), json!([]), &[note]).await;
    }

    #[tokio::test]
    async fn problems_and_symbols_are_asked_for() {
        let problem = json!({"range": range(1), "message": "mismatched types", "severity": 1});
        let ours = json!({"range": range(1), "message": "Pi changed 1 line", "source": "pi"});
        let symbol = |name: &str, uri: &str| json!({"name": name, "kind": 12, "uri": uri, "range": range(2)});
        let editor = json!({
            "pi/editor/diagnostics": {
                "{}": {"documents": [{"uri": "file:///ws/a.rs", "items": [problem, ours]},
                                     {"uri": "file:///ws/b.rs", "items": [ours]}]},
                r#"{"uri":"file:///ws/clean.rs"}"#: {},
            },
            "pi/editor/symbols": {
                "{}": null,
                r#"{"query":"new"}"#: {"symbols": [symbol("new", "file:///ws/a.rs"), symbol("renew", "file:///ws/b.rs"),
                                                  symbol("new(usize)", "file:///ws/c.rs")]},
                r#"{"uri":"file:///ws/a.rs"}"#: {"symbols": [symbol("retry", "file:///ws/a.rs")]},
            },
        });
        let asked = json!([
            {"kind": "diagnostics"},
            {"kind": "diagnostics", "uri": "/ws/clean.rs"},
            {"kind": "symbol", "name": "Backoff::new"},
            {"kind": "symbol", "name": "retry", "uri": "/ws/a.rs"},
            {"kind": "symbol", "name": "nothing", "uri": "/ws/a.rs"},
        ]);
        let expected = json!([
            {"kind": "diagnostics", "uri": "file:///ws/a.rs", "items": [problem]},
            {"kind": "symbol", "uri": "file:///ws/a.rs", "name": "Backoff::new", "range": range(2)},
            {"kind": "symbol", "uri": "file:///ws/c.rs", "name": "Backoff::new", "range": range(2)},
            {"kind": "symbol", "uri": "file:///ws/a.rs", "name": "retry", "range": range(2)},
        ]);
        let notes = [
            "Problems in /ws/clean.rs: none that the editor shows",
            "`nothing`: the editor knows no symbol of that name",
        ];
        check(Some(editor), asked, expected, &notes).await;
    }

    #[tokio::test]
    async fn what_cannot_be_learnt_is_said() {
        let asked = json!([{"kind": "diagnostics", "uri": "/ws/a.rs"}]);
        for (editor, why) in [
            (None, "there is no editor to ask"),
            (Some(json!({})), "the editor does not answer pi/editor/diagnostics"),
            (Some(json!({"pi/editor/diagnostics": "it is busy"})), "it is busy"),
            (Some(json!({"pi/editor/diagnostics": true})), "the editor did not answer in time"),
        ] {
            let context: Vec<PromptContext> = serde_json::from_value(asked.clone()).unwrap();
            let editor = editor.map(Knowing);
            let editor = editor.as_ref().map(|it| it as &dyn EditorClient);
            let (whole, notes) = within(Duration::from_millis(1), context, editor).await;
            assert_eq!(whole, []);
            assert_eq!(notes, [format!("Problems in /ws/a.rs: not known ({why})")]);
        }
    }
}
