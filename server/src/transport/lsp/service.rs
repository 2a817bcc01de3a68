//! Sees every message in the order it came, before tower-lsp does.
//!
//! tower-lsp's router gives typed handlers and the life cycle of LSP. What it cannot do is done here: `pi/*`
//! requests, whose answers must keep their place among the events; `$/` methods nobody knows; and running each
//! handler up to its first wait at once, so that documents change in the order of their messages.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures::{
    FutureExt,
    future::{self, BoxFuture},
};
use pi_protocol::{CommandError, Method, error::ErrorCode};
use serde_json::Value;
use tower::Service;
use tower_lsp::{
    LspService,
    jsonrpc::{Error, Id, Request, Response},
};

use super::{
    connection::{Connection, Phase},
    inline,
    lane::Job,
    outbound,
    server::Backend,
    target::Target,
};

/// The service in front of tower-lsp's.
pub struct Front {
    connection: Arc<Connection>,
    inner: LspService<Backend>,
}

impl Front {
    /// In front of a fresh tower-lsp service.
    pub fn new(connection: Arc<Connection>) -> Self {
        // The socket is for requests of tower-lsp's own client, which is not used: see `client.rs`.
        let (inner, _socket) = LspService::new(|_| Backend::new(connection.clone()));
        Self { connection, inner }
    }

    fn pi_request(&self, method: Method, id: Option<Id>, params: Option<Value>) {
        let Some(id) = id else {
            tracing::warn!(method = method.lsp_name(), "request without an id: nothing to answer, ignored");
            return;
        };
        let refuse = |code, text: &str| self.connection.out.push(outbound::failure(&id, code, text));
        match self.connection.phase() {
            Phase::Starting => return refuse(-32002, "send initialize first"),
            Phase::ShutDown => return refuse(-32600, "the server is shutting down"),
            Phase::Running => {}
        }
        let target = params.as_ref().map(|it| Target::of(&self.connection, method, it));
        // What is wrong with it is said when the request is parsed.
        let target = target.and_then(Result::ok).unwrap_or_default();
        match self.connection.begin(&id, method, target) {
            Err((code, text)) => refuse(code, &text),
            Ok(answering) => match Job::request(&self.connection, method, params, answering) {
                Ok(job) => self.connection.enqueue(job),
                Err((answering, error)) => answering.refuse(error),
            },
        }
    }

    fn cancel(&self, params: Option<&Value>) {
        let id = params.and_then(|it| it.get("id")).cloned();
        let Some(id) = id.and_then(|it| serde_json::from_value::<Id>(it).ok()) else { return };
        self.connection.inline.cancel(&id);
        // All others are answered at once, and an answered request cannot be cancelled.
        match self.connection.waiting(&id) {
            Some((Method::Bash, target)) => self.connection.enqueue(Job::CancelBash(target)),
            Some((Method::Prompt, _)) => self.connection.enqueue(Job::CancelPrompt(id)),
            _ => {}
        }
    }

    /// tower-lsp answers; what its types cannot say is added.
    fn initialize(&mut self, request: Request) -> <Self as Service<Request>>::Future {
        let connection = self.connection.clone();
        connection.inline.initialize(request.params());
        let answer = self.forward(request).map(move |answer| {
            let (id, result) = answer?.into_parts();
            let result = result.map(|mut it| {
                connection.inline.announce(&connection, &mut it);
                it
            });
            Some(Response::from_parts(id, result))
        });
        answer.map(Ok).boxed()
    }

    fn stop(&self, params: Option<&Value>) {
        let token = params.and_then(|it| it.get("token")).and_then(Value::as_str);
        if let Some(session) = token.and_then(|it| self.connection.tokens.session(it)) {
            self.connection.enqueue(Job::Stop(session));
        }
    }

    /// Calls tower-lsp and runs the handler up to its first wait.
    fn forward(&mut self, request: Request) -> BoxFuture<'static, Option<Response>> {
        let id = request.id().cloned();
        let mut handler = AssertUnwindSafe(self.inner.call(request)).catch_unwind().boxed();
        let finish = move |outcome: std::thread::Result<Result<Option<Response>, _>>| match outcome {
            Ok(Ok(response)) => response,
            // Only after `exit`, which ends the connection.
            Ok(Err(_exited)) => None,
            // The panic hook has logged it.
            Err(_panic) => {
                let mut error = Error::internal_error();
                error.message = "the handler of this request failed; the log has the details".into();
                id.map(|id| Response::from_error(id, error))
            }
        };
        match handler.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => future::ready(finish(outcome)).boxed(),
            // Polled again by whoever waits for it, and then with a waker that wakes.
            Poll::Pending => handler.map(finish).boxed(),
        }
    }
}

impl Service<Request> for Front {
    type Response = Option<Response>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Option<Response>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if let Some(method) = Method::from_lsp(request.method()) {
            let (_, id, params) = request.into_parts();
            self.pi_request(method, id, params);
            return future::ready(Ok(None)).boxed();
        }
        match request.method() {
            "$/cancelRequest" => self.cancel(request.params()),
            "initialize" => return self.initialize(request),
            inline::METHOD => {
                if let (Some(id), Phase::Running) = (request.id().cloned(), self.connection.phase()) {
                    let suggestion = inline::suggest(&self.connection, &id, request.params());
                    return suggestion.map(|it| Ok(Some(Response::from_parts(id, it)))).boxed();
                }
            }
            // tower-lsp has no handler for the cancel button of a progress.
            "window/workDoneProgress/cancel" => {
                self.stop(request.params());
                return future::ready(Ok(None)).boxed();
            }
            name if name.starts_with("$/") => {
                // Notifications of this kind may be ignored; tower-lsp would ignore requests as well.
                let unknown = CommandError {
                    code: ErrorCode::UnknownMethod,
                    message: format!("unknown method {name}"),
                };
                let answer = request.id().map(|id| Response::from_error(id.clone(), to_rpc(unknown)));
                return future::ready(Ok(answer)).boxed();
            }
            _ => {}
        }
        self.forward(request).map(Ok).boxed()
    }
}

/// A failed command as an error of JSON-RPC.
pub fn to_rpc(error: CommandError) -> Error {
    Error { code: error.code.json_rpc().into(), message: error.message.into(), data: None }
}
