//! Actions and commands that answer open questions: of tools that wait for permission, and all others.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use lsp_types::CodeActionKind;
use pi_core::visible::visible;
use pi_protocol::{
    AnswerPermissionParams, CommandError, ExtensionUiRequest, PermissionChoice, PermissionRequest,
};
use serde_json::{Value, json};

use super::{Offer, Place, commands::words, hunks};
use crate::{
    markdown::fenced,
    review::hunk_number,
    transport::lsp::{
        connection::Connection,
        documents::file_path,
        lane::Job,
        messages::first_line,
        questions::{Answer, Asked, Question},
        show,
        target::Target,
        ui,
    },
};

/// Characters of what is asked in the title of an action.
const SUBJECT: usize = 60;
/// Choices among the actions: the others are in the chat document.
const CHOICES: usize = 9;

/// While a question is open it can be answered, wherever the cursor is: the one of this chat or about this document,
/// else the oldest.
pub fn offered(place: &Place<'_>) -> Vec<Offer> {
    let path = file_path(place.uri);
    let chat = path.as_ref().and_then(|it| place.connection.chats.session_of(it));
    let fits = |it: &Question| {
        let is_about = |path: &PathBuf| it.asked.paths().iter().any(|it| Path::new(it) == path);
        chat.as_deref() == Some(&*it.session) || path.as_ref().is_some_and(is_about)
    };
    let open = place.connection.questions.all();
    let Some(question) = open.iter().find(|it| fits(it)).or(open.first()) else { return Vec::new() };
    let subject = first_line(&visible(&question.asked.subject()), SUBJECT);
    match &question.asked {
        Asked::Permission(request) => permission(request, &subject),
        Asked::Ui(request) => other(request, &subject),
    }
}

fn offer(title: String, command: &'static str, arguments: Vec<Value>) -> Offer {
    Offer { kind: CodeActionKind::QUICKFIX, title, command, arguments }
}

fn permission(request: &PermissionRequest, subject: &str) -> Vec<Offer> {
    let id = &request.id;
    let mut offers = vec![offer(format!("allow once \u{2013} {subject}"), "pi.approve", vec![json!(id)])];
    for (choice, title) in [
        (PermissionChoice::AllowSession, "allow in this chat"),
        (PermissionChoice::AllowProject, "always in this project"),
    ] {
        if let Some(option) = request.choices.iter().find(|it| it.id == choice) {
            let rules = visible(&option.rules.join(", ")).into_owned();
            offers.push(offer(
                format!("{title} \u{2013} {rules}"),
                "pi.approve",
                vec![json!(id), json!(choice)],
            ));
        }
    }
    offers.push(offer(format!("reject \u{2013} {subject}"), "pi.reject", vec![json!(id)]));
    let whole = if request.command.is_some() { "command" } else { "change" };
    offers.push(offer(format!("show the whole {whole}"), "pi.showQuestion", vec![json!(id)]));
    offers
}

fn other(request: &ExtensionUiRequest, subject: &str) -> Vec<Offer> {
    let id = &request.id;
    let choices = ui::choices(request);
    let mut offers: Vec<_> = choices
        .iter()
        .take(CHOICES)
        .map(|it| {
            let title = format!("answer “{}” \u{2013} {subject}", first_line(&visible(it), SUBJECT));
            offer(title, "pi.answer", vec![json!(id), json!(it)])
        })
        .collect();
    if choices.is_empty() || choices.len() > CHOICES {
        offers.push(offer(format!("answer in the chat… \u{2013} {subject}"), "pi.answer", vec![json!(id)]));
    }
    offers.push(offer(format!("give no answer \u{2013} {subject}"), "pi.reject", vec![json!(id)]));
    offers
}

/// The question of this kind that the first argument names, else the oldest; and the other arguments.
fn named<'a>(
    connection: &Connection,
    arguments: &'a [Value],
    kind: impl Fn(&Asked) -> bool,
) -> Result<(Question, &'a [Value]), CommandError> {
    let mut questions = connection.questions.all();
    questions.retain(|it| kind(&it.asked));
    let by_id = arguments.first().and_then(Value::as_str);
    let found = by_id.and_then(|id| questions.iter().find(|it| it.asked.id() == id));
    match (found, questions.first()) {
        (Some(question), _) => Ok((question.clone(), &arguments[1..])),
        // An id is one that was answered already; anything else is about the oldest question.
        (None, Some(oldest)) if by_id.is_none_or(|it| uuid_like(it).is_none()) => {
            Ok((oldest.clone(), arguments))
        }
        _ => {
            Err(CommandError::failed("no question waits for an answer; it may have been answered elsewhere"))
        }
    }
}

fn is_permission(asked: &Asked) -> bool {
    matches!(asked, Asked::Permission(_))
}

fn uuid_like(text: &str) -> Option<()> {
    let dashes = text.bytes().filter(|it| *it == b'-').count();
    (text.len() == 36 && dashes == 4).then_some(())
}

/// `pi.approve`.
pub fn approve(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let (question, rest) = named(connection, arguments, is_permission)?;
    let choice = match rest.first() {
        None => PermissionChoice::AllowOnce,
        Some(word) => serde_json::from_value::<PermissionChoice>(word.clone())
            .ok()
            .filter(|it| it.allows())
            .ok_or_else(|| CommandError::invalid("allow_once, allow_session or allow_project"))?,
    };
    decide(connection, question, choice, None);
    Ok(())
}

/// `pi.answer`: a choice, its number or a text; without one the chat document opens, where it can be written.
pub fn answer(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let (question, rest) = named(connection, arguments, |it| !is_permission(it))?;
    let Asked::Ui(request) = &question.asked else { return Ok(()) };
    let text = words(rest);
    if text.is_empty() {
        let session = Target::Session(question.session.to_string());
        connection.enqueue(Job::OpenChat(session, Some("/answer ".to_owned())));
        return Ok(());
    }
    let answer = ui::typed(request, &text).map_err(CommandError::invalid)?;
    connection.enqueue(Job::Answer(question.session, Answer::Ui(answer)));
    Ok(())
}

/// `pi.reject`: what waits for permission, with words for the model behind it; any other question, which then has no
/// answer; or a hunk.
pub fn reject(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let waits = !connection.questions.all().is_empty();
    let about_question = match arguments.first() {
        None => waits,
        // Whatever is open: the id of a hunk is about that hunk.
        Some(Value::String(text)) if hunk_number(text).is_ok() => false,
        Some(Value::String(text)) => (waits && text.parse::<u64>().is_err()) || uuid_like(text).is_some(),
        Some(_) => false,
    };
    if !about_question {
        return hunks::reject(connection, arguments);
    }
    let (question, rest) = named(connection, arguments, |_| true)?;
    if let Asked::Ui(request) = &question.asked {
        let answer = Answer::Ui(ui::dismissed(request));
        connection.enqueue(Job::Answer(question.session, answer));
        return Ok(());
    }
    let words: Vec<_> = rest.iter().filter_map(Value::as_str).collect();
    let message = Some(words.join(" ")).filter(|it| !it.trim().is_empty());
    let choice = if message.is_some() { PermissionChoice::RejectMessage } else { PermissionChoice::Reject };
    decide(connection, question, choice, message);
    Ok(())
}

/// `pi.showQuestion`: all of it as a document, however long it is.
pub fn show(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let (question, _) = named(connection, arguments, |_| true)?;
    let text = format!("{}\n", question.asked.text().trim_end());
    let (name, text) = match &question.asked {
        Asked::Permission(it) if it.diff.is_some() => ("question.diff", text),
        _ => ("question.md", fenced(&text, "")),
    };
    let connection = connection.clone();
    tokio::spawn(async move { show::text(&connection, name, text, "The question is").await });
    Ok(())
}

fn decide(
    connection: &Arc<Connection>,
    question: Question,
    choice: PermissionChoice,
    message: Option<String>,
) {
    let question_id = question.asked.id().to_owned();
    let answer = Answer::Permission(AnswerPermissionParams { question_id, choice, message });
    connection.enqueue(Job::Answer(question.session, answer));
}
