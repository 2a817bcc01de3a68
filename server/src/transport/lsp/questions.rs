//! Open questions before the user of an editor: tools that wait for permission, and whatever else is asked (`ui.rs`).
//!
//! A plugin is asked with `pi/requestPermission` or `pi/ui`. Any other client is told by a message and diagnostics, may
//! be asked with `window/showMessageRequest`, and can answer with a code action, a command or in the chat document. That
//! a request about permission was dismissed, failed or was never answered decides nothing: the question stays open.
//! Any other question is over when its request was dismissed.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lsp_types::{Diagnostic, DiagnosticSeverity, MessageType, NumberOrString, Position, Range, Url};
use pi_core::session::{Command, Reply};
use pi_core::visible::visible;
use pi_host::permissions::OUTSIDE_SANDBOX;
use pi_protocol::{
    AgentEvent, AnswerPermissionParams, ClientMethod, Empty, ExtensionUiMethod, ExtensionUiRequest,
    ExtensionUiResponse, PermissionAnswer, PermissionChoice, PermissionRequest, RequestPermissionParams,
    SessionState,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{capabilities::Capabilities, chat, connection::Connection, lane::Job, messages::first_line, ui};

/// People take their time; the question itself has no end.
pub const DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);
/// Characters of what is asked in a message, so that it says how to answer.
const SUBJECT: usize = 34;
/// Documents that show a question about no document of theirs.
const MOST_DOCUMENTS: usize = 16;
/// The answers a message offers: more do not fit.
const IN_MESSAGE: [PermissionChoice; 3] =
    [PermissionChoice::AllowOnce, PermissionChoice::AllowSession, PermissionChoice::Reject];
/// The first answer where one is chosen already, so that an Enter that was meant for something else decides nothing.
pub const LATER: &str = "Answer later";

/// What is asked.
#[derive(Debug, Clone)]
pub enum Asked {
    /// Whether a tool may run.
    Permission(PermissionRequest),
    /// Something else.
    Ui(ExtensionUiRequest),
}

impl Asked {
    /// Id to answer with.
    pub fn id(&self) -> &str {
        match self {
            Asked::Permission(it) => &it.id,
            Asked::Ui(it) => &it.id,
        }
    }

    /// The request, if it is about anything else than permission.
    pub fn ui(&self) -> Option<&ExtensionUiRequest> {
        match self {
            Asked::Permission(_) => None,
            Asked::Ui(it) => Some(it),
        }
    }

    /// The call that waits for permission.
    pub fn call(&self) -> Option<&str> {
        match self {
            Asked::Permission(it) => Some(&it.tool_call_id),
            Asked::Ui(_) => None,
        }
    }

    /// The files it is about.
    pub fn paths(&self) -> &[String] {
        match self {
            Asked::Permission(it) => &it.paths,
            Asked::Ui(_) => &[],
        }
    }

    /// What it is about: the command, what would be done to which file, or the question itself.
    pub fn subject(&self) -> String {
        match self {
            Asked::Permission(it) => {
                let part = || it.parts.first().map(|it| it.text.clone());
                let what = it.command.clone().or_else(part).unwrap_or_else(|| it.tool.clone());
                // First: a long command is cut at its end.
                if leaves_sandbox(it) { format!("outside the sandbox: {what}") } else { what }
            }
            Asked::Ui(it) => it.title.clone().or_else(|| it.message.clone()).unwrap_or_default(),
        }
    }

    /// All of it, nothing in it invisible.
    pub fn text(&self) -> String {
        let (text, rest) = match self {
            Asked::Permission(it) => (&it.text, &it.diff),
            Asked::Ui(it) => (it.title.as_ref().unwrap_or(&it.id), &it.message),
        };
        let rest = rest.as_deref().map(|it| format!("\n\n{}", visible(it))).unwrap_or_default();
        format!("{}{rest}", visible(text))
    }

    /// Whether this client is asked here: its user can answer, and it does not show the question itself.
    fn is_for(&self, client: &Capabilities) -> bool {
        match self {
            Asked::Permission(_) => client.answers_to.permissions && !client.own_questions,
            Asked::Ui(it) => client.answers_to.ui(it.method),
        }
    }

    fn by_plugin(&self, client: &Capabilities) -> bool {
        match self {
            Asked::Permission(_) => client.permissions,
            Asked::Ui(_) => client.ui,
        }
    }

    fn by_message(&self, client: &Capabilities) -> bool {
        client.ask
            && match self {
                Asked::Permission(_) => true,
                Asked::Ui(it) => ui::fits_message(it),
            }
    }
}

/// Whether a command asks to run where the sandbox does not hold.
fn leaves_sandbox(request: &PermissionRequest) -> bool {
    request.parts.iter().any(|it| !it.allowed && it.text == OUTSIDE_SANDBOX)
}

/// The questions that are open in a session.
pub fn pending(state: &SessionState) -> impl Iterator<Item = Asked> {
    let permissions = state.pending_permissions.iter().cloned().map(Asked::Permission);
    permissions.chain(state.pending_questions.iter().cloned().map(Asked::Ui))
}

/// The question an event asks. What belongs to a question about permission is asked with that.
pub fn asked(event: &AgentEvent) -> Option<Asked> {
    match event {
        AgentEvent::PermissionRequest(it) => Some(Asked::Permission(it.clone())),
        AgentEvent::ExtensionUiRequest(it) if it.method.asks() && it.permission.is_none() => {
            Some(Asked::Ui(it.clone()))
        }
        _ => None,
    }
}

/// The id of the question an event closes.
pub fn closed(event: &AgentEvent) -> Option<&str> {
    match event {
        AgentEvent::PermissionResolved { id, .. } | AgentEvent::ExtensionUiResolved { id } => Some(id),
        _ => None,
    }
}

/// An answer to a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Whether a tool may run.
    Permission(AnswerPermissionParams),
    /// Anything else.
    Ui(ExtensionUiResponse),
}

impl Answer {
    /// The command that gives it. Only a decision about permission can come too late and say so.
    pub fn command(self, reply: Reply<Empty>) -> Command {
        match self {
            Answer::Permission(params) => Command::AnswerPermission(params, reply),
            Answer::Ui(response) => Command::AnswerUi(response),
        }
    }
}

/// An open question.
#[derive(Debug, Clone)]
pub struct Question {
    /// The session that asks.
    pub session: Arc<str>,
    /// The question.
    pub asked: Asked,
    closed: CancellationToken,
    /// Documents that show it.
    shown_in: Vec<Url>,
}

/// The open questions of one client, oldest first.
#[derive(Debug, Default)]
pub struct Questions {
    open: Mutex<Vec<Question>>,
    /// Gives up what a command of the user asks.
    of_command: Mutex<CancellationToken>,
}

impl Questions {
    fn lock(&self) -> MutexGuard<'_, Vec<Question>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All, oldest first.
    pub fn all(&self) -> Vec<Question> {
        self.lock().clone()
    }

    /// A command asks its user, in place of the one before.
    pub fn instead(&self, next: &CancellationToken) {
        let mut of_command = self.of_command.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *of_command, next.clone()).cancel();
    }
}

/// Takes in an event of a session.
pub fn event(connection: &Arc<Connection>, session: &Arc<str>, event: &AgentEvent) {
    if let Some(asked) = asked(event) {
        open(connection, session, asked);
    } else if let Some(id) = closed(event) {
        close(connection, id);
    } else if let AgentEvent::ExtensionUiRequest(request) = event {
        ui::tell(connection, session, request);
    }
}

/// Shows a question, once.
pub fn open(connection: &Arc<Connection>, session: &Arc<str>, asked: Asked) {
    let capabilities = connection.capabilities();
    if !asked.is_for(capabilities) {
        return;
    }
    let closed = CancellationToken::new();
    {
        let mut questions = connection.questions.lock();
        if questions.iter().any(|it| it.asked.id() == asked.id()) {
            return;
        }
        let question = Question {
            session: session.clone(),
            asked: asked.clone(),
            closed: closed.clone(),
            shown_in: Vec::new(),
        };
        questions.push(question);
    }
    let by_plugin = asked.by_plugin(capabilities);
    if !by_plugin {
        show(connection, session, &asked);
        if !asked.by_message(capabilities) {
            return tell(connection, &asked);
        }
    }
    let (connection, session) = (connection.clone(), session.clone());
    tokio::spawn(async move {
        let answer = async {
            match (&asked, by_plugin) {
                (Asked::Permission(it), true) => {
                    ask_plugin(&connection, &session, it).await.map(Answer::Permission)
                }
                (Asked::Permission(it), false) => {
                    ask_with_message(&connection, it).await.map(Answer::Permission)
                }
                (Asked::Ui(it), true) => Some(Answer::Ui(ui::ask_plugin(&connection, &session, it).await)),
                (Asked::Ui(it), false) => ui::ask_with_message(&connection, it).await.map(Answer::Ui),
            }
        };
        // Dropping the request tells the client that it is not needed any more.
        let answer = tokio::select! {
            answer = answer => answer,
            () = closed.cancelled() => return,
            () = connection.ended.cancelled() => return,
        };
        match answer {
            Some(answer) => connection.enqueue(Job::Answer(session, answer)),
            // Helix 25.07 says that it can ask, and cannot.
            None if !by_plugin => tell(&connection, &asked),
            None => {}
        }
    });
}

/// One line about what waits.
fn tell(connection: &Connection, asked: &Asked) {
    let text = format!("Pi asks: {}", first_line(&visible(&asked.subject()), SUBJECT));
    let how = match asked {
        Asked::Permission(_) => "code action or /allow in the chat",
        Asked::Ui(it) if matches!(it.method, ExtensionUiMethod::Select | ExtensionUiMethod::Confirm) => {
            "code action or the chat"
        }
        Asked::Ui(_) => "/answer in the chat",
    };
    connection.messages.ask(asked.id(), &format!("{text} \u{2013} {how}"));
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
    let text = Asked::Permission(request.clone()).text();
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
fn show(connection: &Connection, session: &str, asked: &Asked) {
    let Some(workspace) = connection.documents.workspace() else { return };
    let (files, diff): (&[String], _) = match asked {
        Asked::Permission(it) => (&it.paths, it.diff.as_deref()),
        Asked::Ui(_) => (&[], None),
    };
    let own = |path: &String| workspace.document(Path::new(path)).map(|it| it.path);
    let mut paths: Vec<_> = files.iter().filter_map(own).collect();
    let line = if paths.is_empty() { 0 } else { diff.map_or(0, first_changed) };
    if paths.is_empty() && !connection.chats.has_session(session) {
        paths = workspace.open_paths();
        // There it is marked where it stands.
        paths.retain(|it| !chat::is_chat(it));
        paths.truncate(MOST_DOCUMENTS);
    }
    let uris: Vec<Url> = paths.iter().filter_map(|it| connection.documents.uri(it)).collect();
    for uri in &uris {
        connection.diagnostics.set(&connection.out, uri, asked.id(), vec![mark(asked, line)]);
    }
    if let Some(question) = connection.questions.lock().iter_mut().find(|it| it.asked.id() == asked.id()) {
        question.shown_in = uris;
    }
}

/// Says at a line that a question is open.
pub fn mark(asked: &Asked, line: u32) -> Diagnostic {
    Diagnostic {
        range: Range::new(Position::new(line, 0), Position::new(line, 0)),
        severity: Some(DiagnosticSeverity::INFORMATION),
        code: Some(NumberOrString::String("question".to_owned())),
        source: Some("pi".to_owned()),
        message: format!("Pi waits for your answer: {}", visible(&asked.subject())),
        ..Diagnostic::default()
    }
}

fn close(connection: &Connection, id: &str) {
    let question = {
        let mut questions = connection.questions.lock();
        let at = questions.iter().position(|it| it.asked.id() == id);
        at.map(|at| questions.remove(at))
    };
    let Some(question) = question else { return };
    question.closed.cancel();
    connection.messages.answered(id);
    for uri in &question.shown_in {
        connection.diagnostics.set(&connection.out, uri, id, Vec::new());
    }
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
    use pi_protocol::PermissionPart;

    use super::*;

    #[test]
    fn a_command_that_leaves_the_sandbox_says_so_before_anything_is_cut() {
        let part = |text: &str, allowed| PermissionPart { text: text.into(), allowed, why: String::new() };
        let subject = |parts| {
            let command = Some("cargo test".to_owned());
            Asked::Permission(PermissionRequest { command, parts, ..PermissionRequest::default() }).subject()
        };
        let outside = part("run outside the sandbox", false);
        assert_eq!(subject(vec![part("cargo test", false)]), "cargo test");
        assert_eq!(subject(vec![part("cargo test", true), outside]), "outside the sandbox: cargo test");
    }

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
