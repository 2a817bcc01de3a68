//! Code actions, and the commands behind them: what a client can do without `pi/*`.
//!
//! Each kind of action has its file here and its line in [`KINDS`]; each command has its row in `commands.rs`.
//! Both are answered at once; what they start goes on as a run of the session (Helix gives up a request after
//! 20 s).

mod ask;
mod commands;
pub(super) mod demo;
mod hunks;
mod problems;
mod question;
mod session;
mod written;

use std::path::Path;

use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, Command as LspCommand, Diagnostic,
    Range, Url,
};
use pi_core::Models;
use pi_host::{fs::blocking, resources::TemplateAction};
use ropey::Rope;
use serde_json::{Value, json};

pub use self::{
    commands::{names, run, tell},
    hunks::decide,
};
use super::{capabilities::Capabilities, connection::Connection, documents::file_path};

/// The kinds of actions, what waits first: the order in which they are shown.
const KINDS: [fn(&Place<'_>) -> Vec<Offer>; 6] = [
    question::offered,
    hunks::offered,
    problems::offered,
    ask::offered,
    ask::offered_by_comment,
    session::offered,
];
/// The kind in which there is always one more: where there are too many, these give way.
const ASKING: usize = 3;
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
    /// What the disk has to say.
    pub found: Found,
}

/// What is looked up for actions.
#[derive(Default)]
pub struct Found {
    /// Prompt templates that want to be actions.
    pub templates: Vec<TemplateAction>,
    /// There is no model to ask.
    pub no_model: bool,
}

impl Place<'_> {
    /// Nothing is selected. The cursor of some editors (Helix) is a selection of one character.
    pub fn is_cursor(&self) -> bool {
        let (start, end) = (self.range.start, self.range.end);
        start.line == end.line && end.character <= start.character.saturating_add(1)
    }

    /// What tells the folder to a command that needs no more of the place.
    pub fn folder(&self) -> Vec<Value> {
        vec![json!({ "uri": self.uri })]
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
pub async fn offered(connection: &Connection, params: &CodeActionParams) -> Vec<CodeActionOrCommand> {
    let uri = &params.text_document.uri;
    let Some(path) = file_path(uri) else { return Vec::new() };
    // The text as it is now, before anything is waited for.
    let text = connection.documents.workspace().and_then(|it| it.overlay_text(&path));
    let diagnostics = &params.context.diagnostics;
    let found = look(connection, &path).await;
    let place = Place { connection, uri, range: params.range, text, diagnostics, found };
    let wanted = params.context.only.as_deref();
    let is_wanted =
        |it: &Offer| wanted.is_none_or(|wanted| wanted.iter().any(|wanted| covers(wanted, &it.kind)));
    let kinds = KINDS.map(|offered| offered(&place).into_iter().filter(is_wanted).collect());
    few(kinds).into_iter().map(|it| literal(connection.capabilities(), it)).collect()
}

/// Templates, and whether there is a model. A plugin has its own ways to both.
async fn look(connection: &Connection, path: &Path) -> Found {
    if connection.capabilities().knows_pi {
        return Found::default();
    }
    let (hub, folder) = (connection.hub.clone(), connection.folder_of(path));
    let found = blocking(move || {
        let compose = hub.compose();
        let no_model = compose.registry().available().is_empty();
        Ok::<_, std::io::Error>(Found { templates: compose.template_actions(&folder), no_model })
    });
    found.await.unwrap_or_default()
}

/// As many as are shown.
fn few<T>(mut kinds: [Vec<T>; KINDS.len()]) -> Vec<T> {
    let others: usize = kinds.iter().enumerate().filter(|(at, _)| *at != ASKING).map(|it| it.1.len()).sum();
    kinds[ASKING].truncate(MOST.saturating_sub(others));
    kinds.into_iter().flatten().take(MOST).collect()
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
    fn where_there_are_too_many_what_can_be_asked_gives_way() {
        let all = |lengths: [usize; 6]| few(lengths.map(|it| vec![it; it]));
        assert_eq!(all([0, 0, 0, 9, 0, 3]).len(), 12);
        assert_eq!(all([0, 0, 0, 20, 1, 3]).iter().filter(|it| **it == 20).count(), 8);
        assert_eq!(all([5, 6, 0, 20, 0, 1]), [vec![5; 5], vec![6; 6], vec![1]].concat());
        assert_eq!(all([5, 7, 4, 20, 1, 2]), [vec![5; 5], vec![7; 7]].concat());
    }

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
