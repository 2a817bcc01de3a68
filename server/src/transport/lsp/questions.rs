//! Tools that wait for permission, before the user of an editor.
//!
//! A plugin is asked with `pi/requestPermission`. Any other client is told by a message and diagnostics, may be
//! asked with `window/showMessageRequest`, and can answer with a code action or a command. That a request was
//! dismissed, failed or was never answered decides nothing: the question stays open.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lsp_types::{Diagnostic, DiagnosticSeverity, MessageType, NumberOrString, Position, Range, Url};
use pi_core::visible::visible;
use pi_protocol::{
    AgentEvent, AnswerPermissionParams, ClientMethod, PermissionAnswer, PermissionChoice, PermissionRequest,
    RequestPermissionParams,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{chat, connection::Connection, lane::Job, messages::first_line};

/// People take their time; the question itself has no end.
const DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);
/// Characters of what is asked in a message, so that it says how to answer.
const SUBJECT: usize = 34;
/// Documents that show a question about no document of theirs.
const MOST_DOCUMENTS: usize = 16;
/// The answers a message offers: more do not fit.
const IN_MESSAGE: [PermissionChoice; 3] =
    [PermissionChoice::AllowOnce, PermissionChoice::AllowSession, PermissionChoice::Reject];
/// The first answer where one is chosen already, so that an Enter that was meant for something else decides nothing.
const LATER: &str = "Answer later";

/// An open question.
#[derive(Debug, Clone)]
pub struct Question {
    /// The session that asks.
    pub session: Arc<str>,
    /// The question.
    pub request: PermissionRequest,
    closed: CancellationToken,
    /// Documents that show it.
    shown_in: Vec<Url>,
}

impl Question {
    /// What it is about, in one short line.
    pub fn subject(&self) -> String {
        subject(&self.request)
    }
}

/// The open questions of one client, oldest first.
#[derive(Debug, Default)]
pub struct Questions(Mutex<Vec<Question>>);

impl Questions {
    fn lock(&self) -> MutexGuard<'_, Vec<Question>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All, oldest first.
    pub fn all(&self) -> Vec<Question> {
        self.lock().clone()
    }
}

/// Takes in an event of a session.
pub fn event(connection: &Arc<Connection>, session: &Arc<str>, event: &AgentEvent) {
    match event {
        AgentEvent::PermissionRequest(request) => open(connection, session, request),
        AgentEvent::PermissionResolved { id, .. } => close(connection, id),
        _ => {}
    }
}

/// Shows a question, once.
pub fn open(connection: &Arc<Connection>, session: &Arc<str>, request: &PermissionRequest) {
    let capabilities = connection.capabilities();
    if !capabilities.can_answer || capabilities.own_questions {
        return;
    }
    let closed = CancellationToken::new();
    {
        let mut questions = connection.questions.lock();
        if questions.iter().any(|it| it.request.id == request.id) {
            return;
        }
        let question = Question {
            session: session.clone(),
            request: request.clone(),
            closed: closed.clone(),
            shown_in: Vec::new(),
        };
        questions.push(question);
    }
    if !capabilities.permissions {
        show(connection, session, request);
        if !capabilities.ask {
            return tell(connection, request);
        }
    }
    let (connection, session, request) = (connection.clone(), session.clone(), request.clone());
    tokio::spawn(async move {
        let asked = async {
            match connection.capabilities().permissions {
                true => ask_plugin(&connection, &session, &request).await,
                false => ask_with_message(&connection, &request).await,
            }
        };
        // Dropping the request tells the client that it is not needed any more.
        let answer = tokio::select! {
            answer = asked => answer,
            () = closed.cancelled() => return,
            () = connection.ended.cancelled() => return,
        };
        match answer {
            Some(params) => connection.enqueue(Job::Answer(session, params)),
            // Helix 25.07 says that it can ask, and cannot.
            None if !connection.capabilities().permissions => tell(&connection, &request),
            None => {}
        }
    });
}

/// One line about what waits.
fn tell(connection: &Connection, request: &PermissionRequest) {
    let text = format!("Pi asks: {}", first_line(&visible(&subject(request)), SUBJECT));
    connection
        .messages
        .show(MessageType::INFO, &format!("{text} \u{2013} code action or /allow in the chat"));
}

async fn ask_plugin(
    connection: &Connection,
    session: &Arc<str>,
    request: &PermissionRequest,
) -> Option<AnswerPermissionParams> {
    let params = RequestPermissionParams { session_id: session.to_string(), request: request.clone() };
    let params = serde_json::to_value(params).ok()?;
    let answer = connection.client.ask(ClientMethod::RequestPermission.lsp_name(), params, DEADLINE).await;
    let answer = answer.inspect_err(|error| tracing::warn!(%error, "pi/requestPermission")).ok()?;
    let PermissionAnswer { choice, message } = serde_json::from_value(answer)
        .inspect_err(|error| tracing::debug!(%error, "pi/requestPermission was not answered with a choice"))
        .ok()?;
    Some(AnswerPermissionParams { question_id: request.id.clone(), choice, message })
}

async fn ask_with_message(
    connection: &Connection,
    request: &PermissionRequest,
) -> Option<AnswerPermissionParams> {
    let mut text = request.text.clone();
    if let Some(diff) = &request.diff {
        text.push_str("\n\n");
        text.push_str(&visible(diff));
    }
    let offered = request.choices.iter().filter(|it| IN_MESSAGE.contains(&it.id));
    let later = connection.capabilities().chooses_first.then_some(LATER);
    let titles = later.into_iter().chain(offered.map(|it| it.label.as_str()));
    let actions: Vec<Value> = titles.map(|it| json!({ "title": it })).collect();
    let params = json!({ "type": MessageType::INFO, "message": text, "actions": actions });
    let answer = connection.client.ask("window/showMessageRequest", params, DEADLINE).await;
    let answer = answer.inspect_err(|error| tracing::debug!(%error, "showMessageRequest")).ok()?;
    let title = answer.get("title")?.as_str()?.to_owned();
    let choice = request.choices.iter().find(|it| it.label == title)?.id;
    Some(AnswerPermissionParams { question_id: request.id.clone(), choice, message: None })
}

/// Marks the places of a question: the file it would change if that is open. An open chat document shows it at its
/// place; where there is neither, it stands at the start of what is open.
fn show(connection: &Connection, session: &str, request: &PermissionRequest) {
    let Some(workspace) = connection.documents.workspace() else { return };
    let own = |path: &String| workspace.document(Path::new(path)).map(|it| it.path);
    let mut paths: Vec<_> = request.paths.iter().filter_map(own).collect();
    let line = if paths.is_empty() { 0 } else { request.diff.as_deref().map_or(0, first_changed) };
    if paths.is_empty() && !connection.chats.has_session(session) {
        paths = workspace.open_paths();
        // There it is marked where it stands.
        paths.retain(|it| !chat::is_chat(it));
        paths.truncate(MOST_DOCUMENTS);
    }
    let uris: Vec<Url> = paths.iter().filter_map(|it| connection.documents.uri(it)).collect();
    for uri in &uris {
        connection.diagnostics.set(&connection.out, uri, &request.id, vec![mark(request, line)]);
    }
    if let Some(question) = connection.questions.lock().iter_mut().find(|it| it.request.id == request.id) {
        question.shown_in = uris;
    }
}

/// Says at a line that a question is open.
pub fn mark(request: &PermissionRequest, line: u32) -> Diagnostic {
    Diagnostic {
        range: Range::new(Position::new(line, 0), Position::new(line, 0)),
        severity: Some(DiagnosticSeverity::INFORMATION),
        code: Some(NumberOrString::String("question".to_owned())),
        source: Some("pi".to_owned()),
        message: format!("Pi waits for your answer: {}", visible(&subject(request))),
        ..Diagnostic::default()
    }
}

fn close(connection: &Connection, id: &str) {
    let question = {
        let mut questions = connection.questions.lock();
        let at = questions.iter().position(|it| it.request.id == id);
        at.map(|at| questions.remove(at))
    };
    let Some(question) = question else { return };
    question.closed.cancel();
    for uri in &question.shown_in {
        connection.diagnostics.set(&connection.out, uri, id, Vec::new());
    }
}

/// The command, or what would be done to which file.
fn subject(request: &PermissionRequest) -> String {
    let part = || request.parts.first().map(|it| it.text.clone());
    request.command.clone().or_else(part).unwrap_or_else(|| request.tool.clone())
}

/// The first line a unified diff changes, from 0, as it is before.
fn first_changed(diff: &str) -> u32 {
    let mut line = 0_u32;
    for row in diff.lines().skip_while(|it| !it.starts_with("@@")) {
        if let Some(range) = row.strip_prefix("@@ -") {
            let start = range.split([',', ' ']).next().and_then(|it| it.parse::<u32>().ok());
            line = start.unwrap_or(1).saturating_sub(1);
        } else if row.starts_with(['-', '+']) {
            break;
        } else {
            line += 1;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_stands_at_the_first_change() {
        for (diff, line) in [
            ("--- a\n+++ a\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n", 1),
            ("--- a\n+++ a\n@@ -10,2 +10,3 @@\n-x\n+y\n", 9),
            ("--- a\n+++ a\n@@ -0,0 +1 @@\n+y\n", 0),
            ("", 0),
        ] {
            assert_eq!(first_changed(diff), line, "{diff}");
        }
    }
}
