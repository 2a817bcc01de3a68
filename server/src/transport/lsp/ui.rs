//! Questions that are not about permission, and what is only shown: `pi/ui`, and what stands in for it.
//!
//! A plugin gets all of it as a request. Elsewhere a choice is asked with `window/showMessageRequest`, a notice is a
//! message, and what only a plugin has a place for (status, widgets, titles, the prompt) is left out. `questions.rs`
//! has what is open and the other ways to answer it.

use std::time::Duration;

use lsp_types::MessageType;
use pi_core::visible::visible;
use pi_protocol::{
    ClientMethod, ExtensionUiAnswer, ExtensionUiMethod, ExtensionUiRequest, ExtensionUiResponse, UiParams,
    event::NoticeLevel,
};
use serde_json::{Value, json};

use super::{client::AskError, connection::Connection, questions};

/// Choices that fit a message: some editors show them as buttons.
const IN_MESSAGE: usize = 20;
/// A plugin has shown something after that long, or will not.
const SHOWN: Duration = Duration::from_secs(10);

const YES: &str = "Yes";
const NO: &str = "No";

/// What can be chosen, in order; nothing where the answer is the user's own words.
pub fn choices(request: &ExtensionUiRequest) -> Vec<String> {
    match request.method {
        ExtensionUiMethod::Select => request.options.clone().unwrap_or_default(),
        ExtensionUiMethod::Confirm => vec![YES.to_owned(), NO.to_owned()],
        _ => Vec::new(),
    }
}

/// Whether it can be asked in a message.
pub fn fits_message(request: &ExtensionUiRequest) -> bool {
    (1..=IN_MESSAGE).contains(&choices(request).len())
}

/// The user gives no answer.
pub fn dismissed(request: &ExtensionUiRequest) -> ExtensionUiResponse {
    ExtensionUiResponse { id: request.id.clone(), cancelled: Some(true), ..ExtensionUiResponse::default() }
}

/// The choice with this place.
pub fn chosen(request: &ExtensionUiRequest, at: usize) -> Option<ExtensionUiResponse> {
    let choice = choices(request).into_iter().nth(at)?;
    let mut response = ExtensionUiResponse { id: request.id.clone(), ..ExtensionUiResponse::default() };
    match request.method {
        ExtensionUiMethod::Confirm => response.confirmed = Some(at == 0),
        _ => response.value = Some(choice.into()),
    }
    Some(response)
}

/// The answer that a user has typed: a choice, its number, or the text that was asked for.
///
/// # Errors
/// It is none; says what would be one.
pub fn typed(request: &ExtensionUiRequest, text: &str) -> Result<ExtensionUiResponse, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("write the answer behind it".to_owned());
    }
    let choices = choices(request);
    if choices.is_empty() {
        return Ok(ExtensionUiResponse {
            id: request.id.clone(),
            value: Some(text.into()),
            ..ExtensionUiResponse::default()
        });
    }
    let same = |it: &String| it.trim() == text || visible(it.trim()) == text;
    let alike = |it: &String| it.trim().eq_ignore_ascii_case(text);
    let number = || text.parse::<usize>().ok().and_then(|it| it.checked_sub(1));
    let at = choices.iter().position(same).or_else(|| choices.iter().position(alike)).or_else(number);
    at.and_then(|at| chosen(request, at)).ok_or_else(|| {
        let all: Vec<_> = choices.iter().map(|it| visible(it).into_owned()).collect();
        format!("“{text}” is none of: {}", all.join(" · "))
    })
}

/// Asks a plugin. Whatever it does, the question is over then.
pub async fn ask_plugin(
    connection: &Connection,
    session: &str,
    request: &ExtensionUiRequest,
) -> ExtensionUiResponse {
    let answer = send(connection, session, request, questions::DEADLINE).await;
    let answer = answer.inspect_err(|error| tracing::warn!(%error, "pi/ui")).unwrap_or_default();
    let answer = serde_json::from_value::<Option<ExtensionUiAnswer>>(answer)
        .inspect_err(|error| tracing::warn!(%error, "pi/ui was answered with something else"))
        .ok()
        .flatten();
    answer.and_then(|it| checked(request, it)).unwrap_or_else(|| dismissed(request))
}

/// The answer, if it is one to this question.
fn checked(request: &ExtensionUiRequest, answer: ExtensionUiAnswer) -> Option<ExtensionUiResponse> {
    let ExtensionUiAnswer { value, confirmed, cancelled } = answer;
    if cancelled == Some(true) {
        return None;
    }
    match request.method {
        ExtensionUiMethod::Confirm => chosen(request, usize::from(!confirmed?)),
        ExtensionUiMethod::Select => {
            let value = value?;
            chosen(request, choices(request).iter().position(|it| *it == value)?)
        }
        _ => Some(ExtensionUiResponse {
            id: request.id.clone(),
            value: Some(value?.into()),
            ..ExtensionUiResponse::default()
        }),
    }
}

/// Asks with a message. Nothing if the client does not know how, or answers something else: the question is still
/// open then.
pub async fn ask_with_message(
    connection: &Connection,
    request: &ExtensionUiRequest,
) -> Option<ExtensionUiResponse> {
    let titles: Vec<String> = choices(request).iter().map(|it| visible(it).into_owned()).collect();
    let later = connection.capabilities().chooses_first.then_some(questions::LATER);
    let shown = later.into_iter().chain(titles.iter().map(String::as_str));
    let actions: Vec<Value> = shown.map(|it| json!({ "title": it })).collect();
    let text = questions::Asked::Ui(request.clone()).text();
    let params = json!({ "type": MessageType::INFO, "message": text, "actions": actions });
    let answer = connection.client.ask("window/showMessageRequest", params, questions::DEADLINE).await;
    let answer = answer.inspect_err(|error| tracing::debug!(%error, "showMessageRequest")).ok()?;
    if answer.is_null() {
        return Some(dismissed(request));
    }
    let title = answer.get("title")?.as_str().filter(|it| Some(*it) != later)?;
    chosen(request, titles.iter().position(|it| it == title)?)
}

/// Shows what asks nothing.
pub fn tell(connection: &Connection, session: &str, request: &ExtensionUiRequest) {
    if request.method.asks() {
        return;
    }
    if connection.capabilities().ui {
        // Sent now, so that each replaces the one before.
        let shown = send(connection, session, request, SHOWN);
        tokio::spawn(async move {
            if let Err(error) = shown.await {
                tracing::debug!(%error, "pi/ui");
            }
        });
    } else if request.method == ExtensionUiMethod::Notify {
        let kind = match request.notify_type {
            Some(NoticeLevel::Error) => MessageType::ERROR,
            Some(NoticeLevel::Warning) => MessageType::WARNING,
            Some(NoticeLevel::Info) | None => MessageType::INFO,
        };
        connection.messages.show(kind, request.message.as_deref().unwrap_or_default());
    }
}

fn send(
    connection: &Connection,
    session: &str,
    request: &ExtensionUiRequest,
    deadline: Duration,
) -> impl Future<Output = Result<Value, AskError>> + Send + use<> {
    let params = json!(UiParams { session_id: session.to_owned(), request: request.clone() });
    connection.client.ask(ClientMethod::Ui.lsp_name(), params, deadline)
}

#[cfg(test)]
mod tests;
