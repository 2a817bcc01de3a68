//! One JSONL client: from a line to a request, and from its answer to a record.

use std::sync::Arc;

use pi_core::{EventQueue, SessionHandle, session::Command};
use pi_protocol::{Cancelled, CommandError, Method, Request};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{reader::MAX_LINE, record, writer::SharedMode};
use crate::{
    context::{self, Texts},
    dispatch::{self, Answer},
    hub::Hub,
    review::{self, Desk},
};

/// The client's side of things: its current session, its output queue, its mode.
pub(super) struct Connection {
    hub: Arc<Hub>,
    session: SessionHandle,
    queue: EventQueue,
    mode: SharedMode,
    desk: Desk,
}

impl Connection {
    pub(super) fn new(hub: Arc<Hub>, session: SessionHandle, queue: EventQueue, mode: SharedMode) -> Self {
        Self { hub, session, queue, mode, desk: Desk::new() }
    }

    fn answer(&self, id: Option<&Value>, command: Option<impl Serialize>, answer: Answer) {
        self.queue.push_raw(record::response(id, command, answer));
    }

    /// A line that was not kept.
    pub(super) fn too_long(&self) {
        let text = format!("Failed to parse command: line longer than {} MiB", MAX_LINE >> 20);
        self.answer(None, Some("parse"), Err(CommandError::invalid(text)));
    }

    /// Serves one line. Blank lines are ignored; everything else gets exactly one answer.
    pub(super) async fn line(&mut self, line: &[u8]) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let value: Value = match serde_json::from_slice(line) {
            Ok(it) => it,
            Err(error) => {
                let text = format!("Failed to parse command: {error}");
                return self.answer(None, Some("parse"), Err(CommandError::invalid(text)));
            }
        };
        let mut fields = match value {
            Value::Object(it) => it,
            _ => Map::new(),
        };
        let id = fields.shift_remove("id");
        let name = match fields.shift_remove("type") {
            Some(Value::String(it)) => it,
            None => return self.answer(id.as_ref(), None::<&str>, Err(unknown("undefined"))),
            Some(other) => {
                let name = other.to_string();
                return self.answer(id.as_ref(), Some(&other), Err(unknown(&name)));
            }
        };
        if name == "extension_ui_response" {
            return self.ui_response(id, fields);
        }
        let Some(method) = Method::from_jsonl(&name) else {
            return self.answer(id.as_ref(), Some(&name), Err(unknown(&name)));
        };
        match Request::parse(method, Value::Object(fields)) {
            Ok(request) => self.request(request, id, name).await,
            Err(error) => {
                let text = format!("Invalid {name} command: {error}");
                self.answer(id.as_ref(), Some(&name), Err(CommandError::invalid(text)));
            }
        }
    }

    /// The answer to a question. It has no answer itself; what fits no question is ignored, as Pi does.
    fn ui_response(&self, id: Option<Value>, mut fields: Map<String, Value>) {
        fields.extend(id.map(|id| ("id".to_owned(), id)));
        match serde_json::from_value(Value::Object(fields)) {
            Ok(response) => self.session.send(Command::AnswerUi(response)),
            Err(error) => tracing::warn!(%error, "an extension_ui_response that cannot be read"),
        }
    }

    async fn request(&mut self, request: Request, id: Option<Value>, name: String) {
        match request {
            Request::SetOutputMode(params) => {
                self.mode.set(params.mode);
                self.answer(id.as_ref(), Some(&name), Ok(None));
            }
            Request::NewSession(params) => {
                let replaced = self.hub.new_session(&self.session, params).await;
                self.replaced(replaced.map(not_cancelled), id.as_ref(), &name);
            }
            Request::SwitchSession(params) => {
                let replaced = self.hub.switch_session(&self.session, params).await;
                self.replaced(replaced.map(not_cancelled), id.as_ref(), &name);
            }
            Request::Fork(params) => {
                let replaced = self.hub.fork(&self.session, params).await;
                self.replaced(replaced, id.as_ref(), &name);
            }
            Request::Clone(_) => {
                let replaced = self.hub.clone_session(&self.session).await;
                self.replaced(replaced.map(not_cancelled), id.as_ref(), &name);
            }
            Request::ExportHtml(params) => {
                let exported = self.hub.export_html(&self.session, params).await;
                self.answer(id.as_ref(), Some(&name), exported.and_then(|it| dispatch::encode(&it)));
            }
            Request::EditsRevert(params) if params.fork && !params.preview => {
                let replaced = review::revert_and_fork(&self.hub, &self.session, params).await;
                self.replaced(replaced, id.as_ref(), &name);
            }
            request if review::is_review(&request) => {
                // From now on the client knows of edits.
                self.queue.with_edits();
                let (hub, session, queue) = (self.hub.clone(), self.session.clone(), self.queue.clone());
                self.desk.put(async move {
                    let answer = review::serve(&hub, &session, request).await;
                    queue.push_raw(record::response(id.as_ref(), Some(&name), answer));
                });
            }
            mut request => {
                // A JSONL client holds no documents: what it names is read from the disk.
                if let Request::Prompt(prompt) = &mut request {
                    let limits = self.hub.compose().image_limits(self.hub.compose().cwd());
                    context::resolve(prompt, Texts::default(), limits, None).await;
                }
                // Pi answers these without data.
                let bare = matches!(request.method(), Method::Prompt | Method::Steer | Method::FollowUp);
                let (queue, request_id) = (self.queue.clone(), id.clone());
                let answered = move |answer: Answer| {
                    let answer = if bare { answer.map(|_| None) } else { answer };
                    queue.push_raw(record::response(id.as_ref(), Some(&name), answer));
                };
                dispatch::dispatch(&self.session, request, request_id, Box::new(answered));
            }
        }
    }

    /// Goes on with the session in `outcome` and answers with what comes with it.
    fn replaced<T: Serialize>(
        &mut self,
        outcome: Result<(SessionHandle, T), CommandError>,
        id: Option<&Value>,
        name: &str,
    ) {
        let answer = outcome.and_then(|(session, result)| {
            if session.id() != self.session.id() {
                session.send(Command::Subscribe(self.queue.clone(), Box::new(|_| {})));
                self.session = session;
            }
            dispatch::encode(&result)
        });
        self.answer(id, Some(name), answer);
    }

    /// The client has gone: its events stop at once, the run is stopped, answers that are due still leave.
    pub(super) async fn close(&self) {
        self.session.send(Command::Unsubscribe(self.queue.clone()));
        self.hub.close(self.session.id()).await;
    }
}

/// No extension stopped the change of session.
fn not_cancelled(session: SessionHandle) -> (SessionHandle, Cancelled) {
    (session, Cancelled { cancelled: false })
}

fn unknown(name: &str) -> CommandError {
    CommandError::failed(format!("Unknown command: {name}"))
}
