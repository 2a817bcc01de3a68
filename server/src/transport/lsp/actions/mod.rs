//! Code actions, and the commands behind them: what a client can do without `pi/*`.
//!
//! Each kind of action has its file here and its line in [`KINDS`]; each command has its row in `commands.rs`.
//! Both are answered at once; what they start goes on as a run of the session (Helix gives up a request after
//! 20 s).

mod ask;
mod commands;
mod hunks;
mod problems;
mod question;
mod session;
mod written;

use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, Command as LspCommand, Diagnostic,
    Range, Url,
};
use ropey::Rope;
use serde_json::Value;

pub use self::commands::{names, run, tell};
use super::{capabilities::Capabilities, connection::Connection, documents::file_path};

/// The kinds of actions, what waits first: the order in which they are shown.
const KINDS: [fn(&Place<'_>) -> Vec<Offer>; 5] =
    [question::offered, hunks::offered, problems::offered, ask::offered, session::offered];
/// Actions that are shown at most.
const MOST: usize = 12;

/// What the client is told of our kinds.
pub fn kinds() -> Vec<CodeActionKind> {
    vec![CodeActionKind::QUICKFIX, CodeActionKind::REFACTOR_REWRITE, source()]
}

/// The kind of actions that are about the session and not about the text.
fn source() -> CodeActionKind {
    CodeActionKind::new("source.pi")
}

/// Where actions are asked for.
pub struct Place<'a> {
    /// Who asks.
    pub connection: &'a Connection,
    /// The document as the client names it.
    pub uri: &'a Url,
    /// The selection; empty for a cursor.
    pub range: Range,
    /// The text, if the document is open.
    pub text: Option<Rope>,
    /// Problems the client shows there, from all its servers.
    pub diagnostics: &'a [Diagnostic],
}

impl Place<'_> {
    /// Nothing is selected. The cursor of some editors (Helix) is a selection of one character.
    pub fn is_cursor(&self) -> bool {
        let (start, end) = (self.range.start, self.range.end);
        start.line == end.line && end.character <= start.character.saturating_add(1)
    }
}

/// One action: a title, and the command it stands for.
pub struct Offer {
    /// Where clients sort it.
    pub kind: CodeActionKind,
    /// What the user reads, without `Pi: `.
    pub title: String,
    /// The command.
    pub command: &'static str,
    /// Its arguments.
    pub arguments: Vec<Value>,
}

/// The actions for a place in a document.
pub fn offered(connection: &Connection, params: &CodeActionParams) -> Vec<CodeActionOrCommand> {
    let uri = &params.text_document.uri;
    let Some(path) = file_path(uri) else { return Vec::new() };
    let text = connection.documents.workspace().and_then(|it| it.overlay_text(&path));
    let diagnostics = &params.context.diagnostics;
    let place = Place { connection, uri, range: params.range, text, diagnostics };
    let wanted = params.context.only.as_deref();
    KINDS
        .iter()
        .flat_map(|offered| offered(&place))
        .filter(|it| wanted.is_none_or(|wanted| wanted.iter().any(|wanted| covers(wanted, &it.kind))))
        .take(MOST)
        .map(|it| literal(connection.capabilities(), it))
        .collect()
}

/// Whether `wanted` is `kind` or above it.
fn covers(wanted: &CodeActionKind, kind: &CodeActionKind) -> bool {
    let rest = kind.as_str().strip_prefix(wanted.as_str());
    rest.is_some_and(|it| wanted.as_str().is_empty() || it.is_empty() || it.starts_with('.'))
}

fn literal(capabilities: &Capabilities, offer: Offer) -> CodeActionOrCommand {
    let title = format!("Pi: {}", offer.title);
    let command = LspCommand::new(title.clone(), offer.command.to_owned(), Some(offer.arguments));
    if !capabilities.action_literals {
        return CodeActionOrCommand::Command(command);
    }
    CodeActionOrCommand::CodeAction(CodeAction {
        title,
        kind: Some(offer.kind),
        command: Some(command),
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_cover_what_is_below_them() {
        let covers =
            |a: &'static str, b: &'static str| covers(&CodeActionKind::new(a), &CodeActionKind::new(b));
        assert!(covers("refactor", "refactor.rewrite"));
        assert!(covers("", "source.pi"));
        assert!(covers("source.pi", "source.pi"));
        assert!(!covers("refactor.re", "refactor.rewrite"));
        assert!(!covers("quickfix", "refactor.rewrite"));
    }
}
