//! Questions for the user: whether a tool may run, and what extensions ask.
//!
//! A question is published as an event and stays open until one of the clients answers, the run it belongs to
//! ends, its time is up or nobody is left who could answer. The first valid answer counts. That a dialog was
//! dismissed decides nothing.

use std::time::Duration;

use pi_protocol::{event::NoticeLevel, *};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    actor::SessionActor,
    handle::{CommandResult, Reply},
};
use crate::{ports::RuleScope, visible::visible};

/// Questions that may be open at once.
const MAX_OPEN: usize = 64;
/// How often a dismissed permission question is shown again by itself. Afterwards it stays open unseen: a client
/// that dismisses everything must not be asked in a circle.
const SHOWN_AGAIN: u8 = 2;

const REJECTED: &str = "The user rejected this call. Do not try the same thing in another way.";
const STOPPED: &str = "The user rejected this call and stopped the run.";
const TOO_MANY: &str = "This call was not run: too many questions wait for the user already.";

/// What came of a question of an extension.
#[derive(Debug, Clone, PartialEq)]
pub enum UiAnswer {
    /// A choice or a text.
    Text(String),
    /// Yes or no.
    Confirmed(bool),
    /// No answer: dismissed, out of time, or nobody to ask. Also for what expects none.
    None,
}

/// A tool that waits.
struct Permission {
    request: PermissionRequest,
    /// `Err` is what the model reads instead of a result.
    reply: oneshot::Sender<Result<(), String>>,
    /// Id of the question for the reason of a rejection, while that is asked.
    reason_id: Option<String>,
    dismissed: u8,
}

/// Whoever asked for something else than permission, and waits.
struct Ui {
    request: ExtensionUiRequest,
    reply: Reply<UiAnswer>,
}

/// The open questions of a session.
pub(super) struct Questions {
    permissions: Vec<Permission>,
    ui: Vec<Ui>,
    /// Ids of questions of extensions whose time is up.
    give_up: mpsc::UnboundedSender<String>,
    given_up: Option<mpsc::UnboundedReceiver<String>>,
}

impl Default for Questions {
    fn default() -> Self {
        let (give_up, given_up) = mpsc::unbounded_channel();
        Self { permissions: Vec::new(), ui: Vec::new(), give_up, given_up: Some(given_up) }
    }
}

impl Questions {
    /// The receiver for [`SessionActor::give_up_question`]; once.
    pub fn take_given_up(&mut self) -> Option<mpsc::UnboundedReceiver<String>> {
        self.given_up.take()
    }

    /// Tools that wait, oldest first.
    pub fn permissions(&self) -> impl Iterator<Item = &PermissionRequest> {
        self.permissions.iter().map(|it| &it.request)
    }

    /// Other questions, oldest first.
    pub fn ui(&self) -> impl Iterator<Item = &ExtensionUiRequest> {
        self.ui.iter().map(|it| &it.request)
    }

    fn is_full(&self) -> bool {
        self.permissions.len() + self.ui.len() >= MAX_OPEN
    }
}

impl SessionActor {
    /// A tool of the run asks.
    pub(super) fn ask_permission(
        &mut self,
        mut request: PermissionRequest,
        reply: oneshot::Sender<Result<(), String>>,
    ) {
        if self.is_stopping() {
            // Dropping the sender tells the one who waits.
            return;
        }
        if self.questions.is_full() {
            let _run_gone = reply.send(Err(TOO_MANY.to_owned()));
            return;
        }
        request.id = Uuid::new_v4().to_string();
        self.bus.publish(AgentEvent::PermissionRequest(request.clone()));
        let question = Permission { request, reply, reason_id: None, dismissed: 0 };
        if self.bus.can_ask(|it| it.permissions) {
            self.bus.publish(AgentEvent::ExtensionUiRequest(select(&question.request)));
            self.questions.permissions.push(question);
        } else {
            self.deny_unasked(question);
        }
    }

    fn deny_unasked(&mut self, question: Permission) {
        let text = self.permissions.nobody_to_ask(&question.request);
        self.notice(NoticeLevel::Warning, text.clone());
        self.resolve(question, PermissionDecision::Unasked, None, Some(text));
    }

    /// Nobody may be left who could answer.
    pub(super) fn check_surface(&mut self) {
        if !self.bus.can_ask(|it| it.permissions) {
            for question in std::mem::take(&mut self.questions.permissions) {
                self.deny_unasked(question);
            }
        }
        let open = self.questions.ui().map(|it| (it.id.clone(), it.method));
        let unasked: Vec<_> = open.filter(|(_, method)| !self.bus.can_ask(|it| it.ui(*method))).collect();
        for (id, _) in unasked {
            self.give_up_question(&id);
        }
    }

    /// The run ends or is stopped: its questions are closed.
    pub(super) fn cancel_permissions(&mut self) {
        for question in std::mem::take(&mut self.questions.permissions) {
            self.resolve(question, PermissionDecision::Cancelled, None, None);
        }
    }

    /// A call has ended: what it asked meanwhile is closed.
    pub(super) fn cancel_permissions_of(&mut self, call: &str) {
        let of_call = |it: &mut Permission| it.request.tool_call_id == call;
        let closed: Vec<_> = self.questions.permissions.extract_if(.., of_call).collect();
        for question in closed {
            self.resolve(question, PermissionDecision::Cancelled, None, None);
        }
    }

    /// Serves `answer_permission`.
    pub(super) fn answer_permission(&mut self, params: AnswerPermissionParams) -> CommandResult<Empty> {
        let AnswerPermissionParams { question_id: id, choice, message } = params;
        let open = self.questions.permissions.iter().position(|it| it.request.id == id);
        let at = open.ok_or_else(|| {
            CommandError::failed(format!("no question {id} is open; it was answered or its run has ended"))
        })?;
        let offered = &self.questions.permissions[at].request.choices;
        if !offered.iter().any(|it| it.id == choice) {
            return Err(CommandError::invalid("this question does not offer that choice"));
        }
        let message = message.map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
        if choice == PermissionChoice::RejectMessage && message.is_none() {
            return Err(CommandError::invalid("reject_message needs a message"));
        }
        self.decide(at, choice, message);
        Ok(Empty {})
    }

    fn decide(&mut self, at: usize, choice: PermissionChoice, message: Option<String>) {
        let question = self.questions.permissions.remove(at);
        if choice.allows() {
            let scope = match choice {
                PermissionChoice::AllowSession => Some(RuleScope::Session),
                PermissionChoice::AllowProject => Some(RuleScope::Project),
                _ => None,
            };
            let rules = rules(&question.request, choice);
            if let Some(Err(error)) = scope.map(|scope| self.permissions.remember(&rules, scope)) {
                self.notice(NoticeLevel::Warning, error);
            }
            return self.resolve(question, PermissionDecision::Allowed, Some(choice), None);
        }
        let told = match (choice, message) {
            (PermissionChoice::RejectStop, _) => STOPPED.to_owned(),
            (_, Some(message)) => format!("The user rejected this call and says: {message}"),
            (_, None) => REJECTED.to_owned(),
        };
        self.resolve(question, PermissionDecision::Rejected, Some(choice), Some(told));
        if choice == PermissionChoice::RejectStop {
            self.cancel_run();
        }
    }

    /// Tells everyone, and the run, how a question ended.
    fn resolve(
        &mut self,
        question: Permission,
        decision: PermissionDecision,
        choice: Option<PermissionChoice>,
        message: Option<String>,
    ) {
        let Permission { request, reply, .. } = question;
        let rules = choice.map(|it| rules(&request, it)).unwrap_or_default();
        let (id, tool_call_id) = (request.id, request.tool_call_id);
        let answer = match (decision, &message) {
            (PermissionDecision::Allowed, _) => Some(Ok(())),
            (_, Some(text)) => Some(Err(text.clone())),
            // The one who waits notices that the sender is gone.
            (_, None) => None,
        };
        self.bus.publish(AgentEvent::PermissionResolved {
            id,
            tool_call_id,
            decision,
            choice,
            rules,
            message,
        });
        if let Some(answer) = answer {
            let _run_gone = reply.send(answer);
        }
    }

    /// Serves `set_permission_mode`.
    pub(super) fn set_permission_mode(&mut self, mode: PermissionMode) {
        if mode != self.permissions.mode() {
            self.permissions.set_mode(mode);
            self.bus.publish(AgentEvent::PermissionModeChanged { mode });
        }
    }

    /// Serves `set_review_mode`.
    pub(super) fn set_review_mode(&mut self, mode: ReviewMode) {
        if mode != self.permissions.review() {
            self.permissions.set_review(mode);
            self.bus.publish(AgentEvent::ReviewModeChanged { mode });
        }
    }

    /// An extension or a command asks, or has something to show.
    pub(super) fn ask_ui(
        &mut self,
        mut request: ExtensionUiRequest,
        cancel: CancellationToken,
        reply: Reply<UiAnswer>,
    ) {
        request.id = Uuid::new_v4().to_string();
        if !request.method.asks() {
            self.bus.publish(AgentEvent::ExtensionUiRequest(request));
            return reply(Ok(UiAnswer::None));
        }
        if cancel.is_cancelled() || self.questions.is_full() || !self.bus.can_ask(|it| it.ui(request.method))
        {
            return reply(Ok(no_answer(request.method)));
        }
        let timeout = request.timeout.filter(|_| request.method != ExtensionUiMethod::Editor);
        let (id, give_up) = (request.id.clone(), self.questions.give_up.clone());
        tokio::spawn(async move {
            let time_is_up = async {
                match timeout {
                    Some(milliseconds) => tokio::time::sleep(Duration::from_millis(milliseconds)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = time_is_up => {}
                () = cancel.cancelled() => {}
                () = give_up.closed() => return,
            }
            let _session_gone = give_up.send(id);
        });
        self.questions.ui.push(Ui { request: request.clone(), reply });
        self.bus.publish(AgentEvent::ExtensionUiRequest(request));
    }

    /// The time of a question of an extension is up, or it was given up.
    pub(super) fn give_up_question(&mut self, id: &str) {
        if let Some(at) = self.questions.ui.iter().position(|it| it.request.id == id) {
            let answer = no_answer(self.questions.ui[at].request.method);
            self.close_ui(at, answer);
        }
    }

    /// The session ends.
    pub(super) fn give_up_all_questions(&mut self) {
        self.cancel_permissions();
        while let Some(question) = self.questions.ui.first() {
            let answer = no_answer(question.request.method);
            self.close_ui(0, answer);
        }
    }

    fn close_ui(&mut self, at: usize, answer: UiAnswer) {
        let Ui { request, reply } = self.questions.ui.remove(at);
        self.bus.publish(AgentEvent::ExtensionUiResolved { id: request.id });
        reply(Ok(answer));
    }

    /// Serves `extension_ui_response`. An answer to what is not open (any more) is ignored.
    pub(super) fn answer_ui(&mut self, response: &ExtensionUiResponse) {
        let cancelled = response.cancelled == Some(true);
        let text = response.value.as_ref().and_then(Value::as_str).filter(|_| !cancelled);
        if let Some(at) = self.questions.ui.iter().position(|it| it.request.id == response.id) {
            let method = self.questions.ui[at].request.method;
            let answer = match (method, text, response.confirmed) {
                (ExtensionUiMethod::Confirm, _, Some(yes)) if !cancelled => UiAnswer::Confirmed(yes),
                (ExtensionUiMethod::Confirm, ..) | (_, None, _) => no_answer(method),
                (_, Some(text), _) => UiAnswer::Text(text.to_owned()),
            };
            return self.close_ui(at, answer);
        }
        let of = |it: &Permission| it.request.id == response.id;
        if let Some(at) = self.questions.permissions.iter().position(of) {
            return self.answer_select(at, text);
        }
        let of = |it: &Permission| it.reason_id.as_deref() == Some(response.id.as_str());
        if let Some(at) = self.questions.permissions.iter().position(of) {
            match text.map(str::trim).filter(|it| !it.is_empty()) {
                Some(reason) => self.decide(at, PermissionChoice::RejectMessage, Some(reason.to_owned())),
                None => self.show_again(at),
            }
        }
    }

    fn answer_select(&mut self, at: usize, label: Option<&str>) {
        let question = &mut self.questions.permissions[at];
        let choice =
            question.request.choices.iter().find(|it| Some(it.label.as_str()) == label).map(|it| it.id);
        match choice {
            None => self.show_again(at),
            Some(PermissionChoice::RejectMessage) => {
                let mut input = ExtensionUiRequest::new(ExtensionUiMethod::Input);
                input.id = Uuid::new_v4().to_string();
                input.title = Some("What should Pi do instead?".to_owned());
                input.permission = Some(question.request.id.clone());
                question.reason_id = Some(input.id.clone());
                self.bus.publish(AgentEvent::ExtensionUiRequest(input));
            }
            Some(choice) => self.decide(at, choice, None),
        }
    }

    /// A dismissed question is still open.
    fn show_again(&mut self, at: usize) {
        let question = &mut self.questions.permissions[at];
        question.reason_id = None;
        if question.dismissed < SHOWN_AGAIN {
            question.dismissed += 1;
            let request = select(&question.request);
            self.bus.publish(AgentEvent::ExtensionUiRequest(request));
        }
    }
}

/// What an extension gets when there is no answer.
fn no_answer(method: ExtensionUiMethod) -> UiAnswer {
    match method {
        ExtensionUiMethod::Confirm => UiAnswer::Confirmed(false),
        _ => UiAnswer::None,
    }
}

/// The rules that a choice stores.
fn rules(request: &PermissionRequest, choice: PermissionChoice) -> Vec<String> {
    request.choices.iter().find(|it| it.id == choice).map(|it| it.rules.clone()).unwrap_or_default()
}

/// The question as every client of Pi can show it.
fn select(request: &PermissionRequest) -> ExtensionUiRequest {
    let mut title = request.text.clone();
    if let Some(diff) = &request.diff {
        title.push_str("\n\n");
        title.push_str(diff);
    }
    ExtensionUiRequest {
        id: request.id.clone(),
        title: Some(visible(&title).into_owned()),
        options: Some(request.choices.iter().map(|it| it.label.clone()).collect()),
        permission: Some(request.id.clone()),
        ..ExtensionUiRequest::new(ExtensionUiMethod::Select)
    }
}
