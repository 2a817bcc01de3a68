//! Asking: about the code at a place, and with the text of a command.

use std::sync::Arc;

use lsp_types::{CodeActionKind, Position, Range};
use pi_core::{Reply, session::Command, visible::visible};
use pi_protocol::{CommandError, PromptAccepted, PromptContext, PromptParams, StreamingBehavior, TextRange};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Offer, Place,
    commands::{tell, words},
    written,
};
use crate::{
    context,
    failure::{KEPT, refusal},
    transport::lsp::{
        chat::{self, Symbol},
        connection::Connection,
        documents::file_path,
        lane::{self, Job},
        messages::first_line,
        target::Target,
    },
};

/// A command of our plugins: asks the user what to ask.
const CLIENT_ASK: &str = "pi.ask";
/// Characters of a template's title.
const TITLE: usize = 60;
/// Bytes of a text in which the definition is looked for.
const LARGEST: usize = 1 << 20;
/// Lines around the cursor that count as selected when nothing is and there is no definition.
const AROUND: u32 = 20;
/// Titles of actions and what they ask for; `{}` is the code.
const VERBS: [(&str, &str); 4] = [
    ("explain", "Explain {}."),
    ("refactor", "Refactor {} without changing what it does."),
    ("document", "Document {} in the style of its file."),
    ("write tests", "Write tests for {} where this project has its tests."),
];

/// One of the usual things, or what the user's templates say. A plugin asks its user what to do.
pub fn offered(place: &Place<'_>) -> Vec<Offer> {
    let place_of = json!({ "uri": place.uri, "range": place.range });
    if place.connection.capabilities().knows_pi {
        let title = written(place).map_or_else(|| "ask about this…".to_owned(), |it| it.1);
        return vec![offer(title, CLIENT_ASK, place_of)];
    }
    let subject = Subject::of(place);
    let mut change = place_of.clone();
    change["change"] = json!(true);
    let chat = [("ask about this…", place_of), ("change this…", change)]
        .map(|(title, argument)| offer(title.to_owned(), "pi.openChat", argument));
    let verbs = VERBS.iter().map(|(title, text)| {
        offer(
            (*title).to_owned(),
            "pi.prompt",
            asked(place, subject.range, &text.replace("{}", &subject.name)),
        )
    });
    let templates = place.found.templates.iter().map(|it| {
        let title = first_line(&visible(&it.title), TITLE);
        offer(title, "pi.prompt", asked(place, subject.range, &format!("/{}", it.name)))
    });
    chat.into_iter().chain(verbs).chain(templates).collect()
}

/// What a comment there says.
pub fn offered_by_comment(place: &Place<'_>) -> Vec<Offer> {
    let written = written(place).filter(|_| !place.connection.capabilities().knows_pi);
    let asked = |text: &str| asked(place, Subject::of(place).range, text);
    written.into_iter().map(|(text, title)| offer(title, "pi.prompt", asked(&text))).collect()
}

fn offer(title: String, command: &'static str, argument: Value) -> Offer {
    Offer { kind: CodeActionKind::REFACTOR_REWRITE, title, command, arguments: vec![argument] }
}

/// What code is meant at a place.
struct Subject {
    /// As a prompt names it.
    name: String,
    range: Range,
}

impl Subject {
    /// What is selected; for a cursor the definition it is in, else the lines around it.
    fn of(place: &Place<'_>) -> Self {
        if !place.is_cursor() {
            return Self { name: "the selected code".to_owned(), range: place.range };
        }
        let line = place.range.start.line + 1;
        match enclosing(place, line) {
            Some(it) => {
                let range = Range::new(Position::new(it.first - 1, 0), Position::new(it.last, 0));
                Self { name: format!("`{}`", it.name), range }
            }
            None => Self { name: format!("the code around line {line}"), range: around(place.range) },
        }
    }
}

fn enclosing(place: &Place<'_>, line: u32) -> Option<Symbol> {
    let text = place.text.as_ref().filter(|it| it.len_bytes() <= LARGEST)?;
    chat::enclosing(&file_path(place.uri)?, &text.to_string(), line)
}

/// What is asked about the place.
fn asked(place: &Place<'_>, range: Range, message: &str) -> Value {
    json!({ "message": message, "uri": place.uri, "range": range })
}

/// What a comment at the place says, and the title of the action that does it.
fn written(place: &Place<'_>) -> Option<(String, String)> {
    let text = written::request(&written::lines(place.text.as_ref()?, place.range))?;
    let title = format!("do “{}”", first_line(&text, 50));
    Some((text, title))
}

fn around(range: Range) -> Range {
    Range {
        start: Position::new(range.start.line.saturating_sub(AROUND), 0),
        end: Position::new(range.end.line.saturating_add(AROUND), 0),
    }
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
    fn of(arguments: &[Value]) -> Result<Self, CommandError> {
        let mut ask = match arguments {
            [object @ Value::Object(_), ..] => serde_json::from_value(object.clone())
                .map_err(|error| CommandError::invalid(error.to_string()))?,
            said => Ask { message: words(said), ..Ask::default() },
        };
        if ask.message.trim().is_empty() {
            return Err(CommandError::invalid(
                "needs its text as an argument, for example \"fix the tests\"",
            ));
        }
        match (ask.uri.take(), ask.range) {
            (Some(uri), Some(range)) => {
                ask.context.push(PromptContext::Selection { uri: Some(uri), range: Some(range) });
            }
            (Some(uri), None) => ask.context.push(PromptContext::File { uri: Some(uri) }),
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

    /// The message as it is written into a chat: the places it is about are mentioned there.
    fn draft(&self, connection: &Connection) -> String {
        let mention = |it: &PromptContext| match it {
            PromptContext::File { uri: Some(uri) } => chat::mention_of(connection, uri, None),
            PromptContext::Selection { uri: Some(uri), range } => chat::mention_of(connection, uri, *range),
            _ => None,
        };
        let mut draft = self.message.clone();
        for mention in self.context.iter().filter_map(mention) {
            draft = format!("{} {mention}", draft.trim_end());
        }
        draft
    }

    /// The session of the folder it is about, if it names a place.
    fn target(&self, connection: &Connection) -> Option<Target> {
        let uri = |it: &PromptContext| match it {
            PromptContext::File { uri }
            | PromptContext::Selection { uri, .. }
            | PromptContext::Symbol { uri, .. }
            | PromptContext::Diagnostics { uri, .. } => uri.clone(),
            PromptContext::Image { .. } | PromptContext::Text { .. } => None,
        };
        let mut documents = self.context.iter().filter_map(uri).map(|it| context::path_of(&it));
        documents.find_map(|it| connection.folders().containing(&it)).map(Target::Folder)
    }
}

/// `pi.prompt`: steers while a run is in progress.
pub fn prompt(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let ask = Ask::of(arguments)?;
    let target = ask.target(connection).unwrap_or_else(|| Target::here(connection));
    send(connection, ask, target, StreamingBehavior::Steer);
    Ok(())
}

/// `pi.steer`: what runs. A moment after its end it is simply said.
pub fn steer(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let ask = Ask::of(arguments)?;
    let target = ask.target(connection).unwrap_or_default();
    send(connection, ask, target, StreamingBehavior::Steer);
    Ok(())
}

/// `pi.followUp`: after what runs, or now.
pub fn follow_up(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let ask = Ask::of(arguments)?;
    let target = ask.target(connection).unwrap_or_default();
    send(connection, ask, target, StreamingBehavior::FollowUp);
    Ok(())
}

fn send(connection: &Arc<Connection>, ask: Ask, target: Target, while_running: StreamingBehavior) {
    let reply = kept(connection, target.clone(), ask.draft(connection));
    let (message, appendix) = ask.parts(connection);
    let streaming_behavior = Some(while_running);
    let params = PromptParams { message, appendix, streaming_behavior, ..PromptParams::default() };
    connection.enqueue(Job::Command(target, Command::Prompt(params, reply)));
}

/// Tells the user why a prompt was not taken, and puts it into the prompt of the chat.
fn kept(connection: &Arc<Connection>, target: Target, draft: String) -> Reply<PromptAccepted> {
    if !connection.capabilities().chat_document {
        return tell(connection);
    }
    let connection = connection.clone();
    Box::new(move |result| {
        if let Err(error) = result {
            connection.messages.error(&format!("{}{KEPT}", refusal(&error.message)));
            connection.enqueue(Job::OpenChat(target, Some(draft)));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_in_all_their_forms() {
        let message = |arguments: &[Value]| Ask::of(arguments).map(|it| it.message);
        assert_eq!(message(&[json!("fix it")]).unwrap(), "fix it");
        assert_eq!(message(&[json!("fix"), json!("it"), json!(2)]).unwrap(), "fix it 2");
        assert_eq!(message(&[json!({"message": "fix it"})]).unwrap(), "fix it");
        assert!(message(&[]).unwrap_err().message.contains("needs its text"));
        assert!(message(&[json!({"message": " "})]).is_err());
        assert!(message(&[json!({"message": 1})]).is_err());
        let ask = Ask::of(&[json!({"message": "x", "uri": "file:///a"})]).unwrap();
        assert_eq!(ask.context, [PromptContext::File { uri: Some("file:///a".into()) }]);
    }
}
