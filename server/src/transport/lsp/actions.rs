//! What a client can do without `pi/*`: code actions, and the commands behind them.
//!
//! Answered at once; what they start goes on as a run of the session (Helix gives up a request after 20 s).

use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, Command as LspCommand, Url,
};
use pi_core::session::{Command, Reply};
use pi_protocol::{
    CommandError, PromptContext, PromptParams, QueueParams, StreamingBehavior, TextPosition, TextRange,
};
use ropey::Rope;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    capabilities::Capabilities,
    connection::Connection,
    documents::file_path,
    lane::{self, Job},
    messages::first_line,
};
use crate::context;

/// Commands a client without a plugin can run.
pub const COMMANDS: [&str; 6] =
    ["pi.prompt", "pi.steer", "pi.followUp", "pi.abort", "pi.newSession", "pi.askSelection"];
/// A command of our plugins: asks the user what to ask.
const CLIENT_ASK: &str = "pi.ask";
/// Lines around the cursor that count as selected when nothing is.
const AROUND: u32 = 20;

/// A selection as our commands carry it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Selection {
    uri: Url,
    range: lsp_types::Range,
}

/// The actions for a place in a document.
pub fn offered(connection: &Connection, params: &CodeActionParams) -> Vec<CodeActionOrCommand> {
    let Some(path) = file_path(&params.text_document.uri) else { return Vec::new() };
    let capabilities = connection.capabilities();
    let selection = Selection { uri: params.text_document.uri.clone(), range: params.range };
    let empty = params.range.start == params.range.end;
    let text = connection.documents.workspace().and_then(|it| it.overlay_text(&path));
    let asked = text.and_then(|it| written_request(&lines(&it, params.range)));
    let title = match (asked, empty) {
        (Some(asked), _) => format!("Pi: do “{}”", first_line(&asked, 50)),
        (None, false) => "Pi: ask about the selection".to_owned(),
        (None, true) if capabilities.knows_pi => "Pi: ask about this…".to_owned(),
        (None, true) => "Pi: explain this".to_owned(),
    };
    let command = if capabilities.knows_pi { CLIENT_ASK } else { "pi.askSelection" };
    let ask = LspCommand::new(title, command.to_owned(), Some(vec![json!(selection)]));
    let mut actions = vec![(CodeActionKind::REFACTOR_REWRITE, ask)];
    if connection.tokens.any() {
        let stop = LspCommand::new("Pi: stop".to_owned(), "pi.abort".to_owned(), None);
        actions.push((CodeActionKind::new("source.pi"), stop));
    }
    let wanted = params.context.only.as_deref();
    actions
        .into_iter()
        .filter(|(kind, _)| wanted.is_none_or(|it| it.iter().any(|wanted| covers(wanted, kind))))
        .map(|(kind, command)| literal(capabilities, kind, command))
        .collect()
}

/// Whether `wanted` is `kind` or above it.
fn covers(wanted: &CodeActionKind, kind: &CodeActionKind) -> bool {
    let rest = kind.as_str().strip_prefix(wanted.as_str());
    rest.is_some_and(|it| wanted.as_str().is_empty() || it.is_empty() || it.starts_with('.'))
}

fn literal(capabilities: &Capabilities, kind: CodeActionKind, command: LspCommand) -> CodeActionOrCommand {
    if !capabilities.action_literals {
        return CodeActionOrCommand::Command(command);
    }
    let title = command.title.clone();
    CodeActionOrCommand::CodeAction(CodeAction {
        title,
        kind: Some(kind),
        command: Some(command),
        ..Default::default()
    })
}

/// The lines a range touches; a range that ends at the start of a line does not touch that line.
fn lines(text: &Rope, range: lsp_types::Range) -> String {
    let last = text.len_lines();
    let start = (range.start.line as usize).min(last);
    let ends_before = range.end.character == 0 && range.end.line > range.start.line;
    let end = (range.end.line as usize).saturating_add(usize::from(!ends_before)).clamp(start, last);
    // A comment with a request is near the top of what is selected; no need to look through a whole file.
    text.lines_at(start).take((end - start).min(500)).map(|it| it.to_string()).collect()
}

/// What the user wrote for us into a comment: `// pi: use a hash map`.
fn written_request(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let at = line.find("pi: ").or_else(|| line.find("Pi: "))?;
        let marks = line.get(..at)?.trim();
        let is_comment = !marks.is_empty() && marks.chars().all(|it| !it.is_alphanumeric() && it != '"');
        let request = line.get(at + 4..)?.trim().trim_end_matches("*/").trim_end_matches("-->").trim();
        (is_comment && !request.is_empty()).then(|| request.to_owned())
    })
}

/// An argument of `pi.prompt`, `pi.steer` and `pi.followUp` that is more than its text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Ask {
    message: String,
    context: Vec<PromptContext>,
    uri: Option<String>,
    range: Option<TextRange>,
}

impl Ask {
    /// # Errors
    /// There is no text in the arguments.
    fn of(name: &str, arguments: &[Value]) -> Result<Self, CommandError> {
        let mut ask = match arguments {
            [object @ Value::Object(_), ..] => serde_json::from_value(object.clone())
                .map_err(|error| CommandError::invalid(format!("{name}: {error}")))?,
            // Helix splits what was typed at spaces outside quotes.
            words => {
                let words: Vec<_> = words
                    .iter()
                    .map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned))
                    .collect();
                Ask { message: words.join(" "), ..Ask::default() }
            }
        };
        if ask.message.trim().is_empty() {
            return Err(CommandError::invalid(format!(
                "{name} needs its text as an argument, for example \"fix the tests\""
            )));
        }
        match (ask.uri.take(), ask.range) {
            (Some(uri), Some(range)) => ask.context.push(PromptContext::Selection { uri, range }),
            (Some(uri), None) => ask.context.push(PromptContext::File { uri }),
            (None, _) => {}
        }
        Ok(ask)
    }

    /// The message, and the context that goes behind it.
    fn parts(self, connection: &Connection) -> (String, String) {
        let texts = lane::texts(connection, &self.context);
        let appendix = context::render(&self.context, &texts);
        (self.message, appendix)
    }

    fn queue_params(self, connection: &Connection) -> QueueParams {
        let (message, appendix) = self.parts(connection);
        QueueParams { message, images: Vec::new(), appendix }
    }
}

/// Runs a command. What fails later is told to the user.
///
/// # Errors
/// There is no such command, or its arguments are wrong.
pub fn run(
    connection: &std::sync::Arc<Connection>,
    name: &str,
    arguments: &[Value],
) -> Result<(), CommandError> {
    let job = match name {
        "pi.prompt" => prompt(connection, Ask::of(name, arguments)?),
        "pi.steer" => {
            let params = Ask::of(name, arguments)?.queue_params(connection);
            Job::Command(Command::Steer(params, tell(connection)))
        }
        "pi.followUp" => {
            let params = Ask::of(name, arguments)?.queue_params(connection);
            Job::Command(Command::FollowUp(params, tell(connection)))
        }
        "pi.abort" => Job::Command(Command::Abort(tell(connection))),
        "pi.newSession" => Job::NewSession,
        "pi.askSelection" => {
            let selection = arguments.first().cloned().unwrap_or_default();
            let selection: Selection = serde_json::from_value(selection)
                .map_err(|error| CommandError::invalid(format!("{name} needs {{uri, range}}: {error}")))?;
            prompt(connection, about(connection, &selection))
        }
        other => {
            return Err(CommandError::invalid(format!(
                "unknown command {other}; there are {}",
                COMMANDS.join(", ")
            )));
        }
    };
    connection.enqueue(job);
    Ok(())
}

/// A prompt; while a run is in progress it steers.
fn prompt(connection: &std::sync::Arc<Connection>, ask: Ask) -> Job {
    let (message, appendix) = ask.parts(connection);
    let params = PromptParams {
        message,
        appendix,
        streaming_behavior: Some(StreamingBehavior::Steer),
        ..PromptParams::default()
    };
    Job::Command(Command::Prompt(params, tell(connection)))
}

/// Tells the user what failed.
fn tell<T>(connection: &std::sync::Arc<Connection>) -> Reply<T> {
    let messages = connection.messages.clone();
    Box::new(move |result| {
        if let Err(error) = result {
            messages.error(&error.message);
        }
    })
}

/// The question behind "ask about the selection" where the user cannot be asked for it: what a comment in the
/// selection says, otherwise an explanation.
fn about(connection: &Connection, selection: &Selection) -> Ask {
    let mut range = selection.range;
    let text = file_path(&selection.uri)
        .and_then(|path| connection.documents.workspace()?.overlay_text(&path))
        .unwrap_or_default();
    let written = written_request(&lines(&text, range));
    if range.start == range.end {
        range.start = lsp_types::Position::new(range.start.line.saturating_sub(AROUND), 0);
        range.end = lsp_types::Position::new(range.end.line.saturating_add(AROUND), 0);
    }
    let message = written.unwrap_or_else(|| match selection.range.start == selection.range.end {
        true => format!("Explain the code around line {}.", selection.range.start.line + 1),
        false => "Explain the selected code.".to_owned(),
    });
    let position = |it: lsp_types::Position| TextPosition { line: it.line, character: it.character };
    let range = TextRange { start: position(range.start), end: position(range.end) };
    let uri = selection.uri.to_string();
    Ask { message, context: vec![PromptContext::Selection { uri, range }], ..Ask::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_in_comments() {
        for (line, expected) in [
            ("// pi: use a map", Some("use a map")),
            ("    # Pi: faster", Some("faster")),
            ("/* pi: faster */", Some("faster")),
            ("<!-- pi: shorter -->", Some("shorter")),
            ("pi: not a comment", None),
            ("let api: Api = x;", None),
            ("\"pi: text\"", None),
            ("// pi: ", None),
        ] {
            assert_eq!(written_request(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn arguments_in_all_their_forms() {
        let message = |arguments: &[Value]| Ask::of("pi.prompt", arguments).map(|it| it.message);
        assert_eq!(message(&[json!("fix it")]).unwrap(), "fix it");
        assert_eq!(message(&[json!("fix"), json!("it"), json!(2)]).unwrap(), "fix it 2");
        assert_eq!(message(&[json!({"message": "fix it"})]).unwrap(), "fix it");
        assert!(message(&[]).unwrap_err().message.contains("needs its text"));
        assert!(message(&[json!({"message": " "})]).is_err());
        assert!(message(&[json!({"message": 1})]).is_err());
        let ask = Ask::of("pi.prompt", &[json!({"message": "x", "uri": "file:///a"})]).unwrap();
        assert_eq!(ask.context, [PromptContext::File { uri: "file:///a".into() }]);
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
