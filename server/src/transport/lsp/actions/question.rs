//! Actions and commands that answer a tool that waits for permission.

use std::sync::Arc;

use lsp_types::{CodeActionKind, MessageType};
use pi_core::visible::visible;
use pi_protocol::{AnswerPermissionParams, CommandError, PermissionChoice};
use serde_json::{Value, json};

use super::{Offer, Place, hunks};
use crate::transport::lsp::{connection::Connection, lane::Job, messages::first_line, questions::Question};

/// Characters of what is asked in the title of an action.
const SUBJECT: usize = 60;

/// While a question is open it can be answered, wherever the cursor is: the oldest one first.
pub fn offered(place: &Place<'_>) -> Vec<Offer> {
    let Some(question) = place.connection.questions.all().into_iter().next() else { return Vec::new() };
    let subject = first_line(&visible(&question.subject()), SUBJECT);
    let id = &question.request.id;
    let offer = |title: String, command, arguments| Offer {
        kind: CodeActionKind::QUICKFIX,
        title,
        command,
        arguments,
    };
    let mut offers = vec![offer(format!("allow once \u{2013} {subject}"), "pi.approve", vec![json!(id)])];
    for (choice, title) in [
        (PermissionChoice::AllowSession, "allow in this chat"),
        (PermissionChoice::AllowProject, "always in this project"),
    ] {
        if let Some(option) = question.request.choices.iter().find(|it| it.id == choice) {
            let rules = visible(&option.rules.join(", ")).into_owned();
            offers.push(offer(
                format!("{title} \u{2013} {rules}"),
                "pi.approve",
                vec![json!(id), json!(choice)],
            ));
        }
    }
    offers.push(offer(format!("reject \u{2013} {subject}"), "pi.reject", vec![json!(id)]));
    let whole = if question.request.command.is_some() { "command" } else { "change" };
    offers.push(offer(format!("show the whole {whole}"), "pi.showQuestion", vec![json!(id)]));
    offers
}

/// The question that the first argument names, else the oldest; and the other arguments.
fn named<'a>(
    connection: &Connection,
    arguments: &'a [Value],
) -> Result<(Question, &'a [Value]), CommandError> {
    let questions = connection.questions.all();
    let by_id = arguments.first().and_then(Value::as_str);
    let found = by_id.and_then(|id| questions.iter().find(|it| it.request.id == id));
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

fn uuid_like(text: &str) -> Option<()> {
    let dashes = text.bytes().filter(|it| *it == b'-').count();
    (text.len() == 36 && dashes == 4).then_some(())
}

/// `pi.approve`.
pub fn approve(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let (question, rest) = named(connection, arguments)?;
    let choice = match rest.first() {
        None => PermissionChoice::AllowOnce,
        Some(word) => serde_json::from_value::<PermissionChoice>(word.clone())
            .ok()
            .filter(|it| it.allows())
            .ok_or_else(|| CommandError::invalid("allow_once, allow_session or allow_project"))?,
    };
    answer(connection, question, choice, None);
    Ok(())
}

/// `pi.reject`: what waits for permission, with words for the model behind it; or a hunk.
pub fn reject(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let waits = !connection.questions.all().is_empty();
    let about_question = match arguments.first() {
        None => waits,
        Some(Value::String(text)) => (waits && text.parse::<u64>().is_err()) || uuid_like(text).is_some(),
        Some(_) => false,
    };
    if !about_question {
        return hunks::reject(connection, arguments);
    }
    let (question, rest) = named(connection, arguments)?;
    let words: Vec<_> = rest.iter().filter_map(Value::as_str).collect();
    let message = Some(words.join(" ")).filter(|it| !it.trim().is_empty());
    let choice = if message.is_some() { PermissionChoice::RejectMessage } else { PermissionChoice::Reject };
    answer(connection, question, choice, message);
    Ok(())
}

/// `pi.showQuestion`.
pub fn show(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let (question, _) = named(connection, arguments)?;
    let diff = question.request.diff.as_deref().map(|it| format!("\n\n{}", visible(it))).unwrap_or_default();
    let text = format!("{}{diff}", question.request.text);
    connection.out.notify("window/showMessage", &json!({ "type": MessageType::INFO, "message": text }));
    Ok(())
}

fn answer(
    connection: &Arc<Connection>,
    question: Question,
    choice: PermissionChoice,
    message: Option<String>,
) {
    let params = AnswerPermissionParams { question_id: question.request.id, choice, message };
    connection.enqueue(Job::Answer(question.session, params));
}
