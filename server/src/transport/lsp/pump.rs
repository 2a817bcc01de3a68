//! Reads standard input until the connection ends.
//!
//! This loop takes the place of tower-lsp's `Server`, whose reader, handlers and writer are one task: four waiting
//! handlers stop it, a client that does not read stops it, and `exit` does not end it. Here the reader waits for
//! nobody. A handler that is not done after its first step goes on as a task of its own, and answers go into the
//! outbound queue, which takes them without waiting.
//!
//! It has a thread of its own: what is answered at once, which is most of what an editor asks, does not stand in line
//! behind the tasks of all sessions.

use std::{
    io::{self, BufRead},
    sync::Arc,
    time::Duration,
};

use futures::FutureExt;
use serde_json::Value;
use tokio::{runtime::Handle, sync::oneshot};
use tower::Service;
use tower_lsp::jsonrpc::{Id, Request};

use super::{
    connection::{Connection, Phase},
    frame::{Frame, FrameReader, Incoming},
    outbound,
    service::Front,
};
use crate::trace::{Direction, Trace};

/// How long answers that are under way are waited for at the end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client said `exit`.
    Exit,
    /// The client closed its end, or is gone.
    Closed,
}

/// Reads and serves messages until the client or the connection ends. Then the thread that reads may still be blocked
/// in a read; what comes after it is not looked at.
pub async fn read(
    connection: &Arc<Connection>,
    input: impl BufRead + Send + 'static,
    trace: Option<Trace>,
) -> io::Result<End> {
    let (tx, end) = oneshot::channel();
    let (runtime, reading) = (Handle::current(), connection.clone());
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        // Handlers start tasks and timers.
        let _runtime = runtime.enter();
        // Whoever ended the connection otherwise does not wait.
        let _ended = tx.send(read_all(&reading, input, trace.as_ref()));
    })?;
    Ok(tokio::select! {
        // A thread that panicked reads no more.
        end = end => end.unwrap_or(End::Closed),
        () = connection.out.gone() => End::Closed,
        () = connection.ended.cancelled() => End::Closed,
        () = connection.hub.ending() => End::Closed,
    })
}

fn read_all(connection: &Arc<Connection>, input: impl BufRead, trace: Option<&Trace>) -> End {
    let mut front = Front::new(connection.clone());
    let mut frames = FrameReader::new(input);
    loop {
        let frame = frames.next_frame();
        if connection.ended.is_cancelled() || connection.hub.is_ending() {
            return End::Closed;
        }
        let body = match frame {
            Ok(Some(Frame::Body(body))) => body,
            Ok(Some(Frame::Malformed(why))) => {
                connection.out.push(outbound::failure(&Id::Null, -32700, &why));
                continue;
            }
            Ok(None) => return End::Closed,
            Err(error) => {
                tracing::warn!(%error, "standard input cannot be read");
                return End::Closed;
            }
        };
        if let Some(trace) = trace {
            trace.record(Direction::In, &body);
        }
        let incoming = match parse(&body) {
            Ok(incoming) => incoming,
            Err((code, why)) => {
                connection.out.push(outbound::failure(&Id::Null, code, &why));
                continue;
            }
        };
        match incoming {
            Message::Exit => return End::Exit,
            Message::Answer { id, result, error } => connection.client.answered(&id, result, error),
            Message::Call(request) => serve(connection, &mut front, request),
        }
    }
}

fn serve(connection: &Arc<Connection>, front: &mut Front, request: Request) {
    let mut answer = front.call(request);
    match (&mut answer).now_or_never() {
        Some(Ok(Some(response))) => connection.out.respond(&response),
        Some(Ok(None)) => {}
        None => {
            let out = connection.out.clone();
            connection.tasks.spawn(async move {
                if let Ok(Some(response)) = answer.await {
                    out.respond(&response);
                }
            });
        }
    }
}

/// Lets the last answers and events out; bounded in time.
pub async fn flush(connection: &Connection) {
    connection.tasks.close();
    let done = async {
        connection.tasks.wait().await;
        connection.out.flushed().await;
    };
    if tokio::time::timeout(LAST_WORDS, done).await.is_err() {
        tracing::warn!("the client did not read the last messages");
    }
}

/// The exit status that LSP asks for.
pub fn status(connection: &Connection, end: End) -> u8 {
    tracing::debug!(?end, "connection ends");
    u8::from(connection.phase() != Phase::ShutDown)
}

enum Message {
    Exit,
    Call(Request),
    Answer { id: Value, result: Option<Value>, error: Option<Value> },
}

fn parse(body: &[u8]) -> Result<Message, (i64, String)> {
    let incoming: Incoming = serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            (-32600, format!("not a JSON-RPC message: {error}"))
        } else {
            (-32700, format!("not JSON: {error}"))
        }
    })?;
    let Incoming { method, id, params, result, error } = incoming;
    let Some(method) = method else {
        return match id {
            Some(id) if result.is_some() || error.is_some() => Ok(Message::Answer { id, result, error }),
            _ => Err((-32600, "a message needs `method`, or `id` and `result` or `error`".into())),
        };
    };
    if method == "exit" {
        return Ok(Message::Exit);
    }
    let mut request = Request::build(method);
    if let Some(id) = id {
        let id: Id = serde_json::from_value(id)
            .map_err(|_| (-32600, "`id` must be an integer or a string".to_owned()))?;
        request = request.id(id);
    }
    // Methods without parameters may come with `null` or an empty object, which tower-lsp would refuse.
    if let Some(params) = params.filter(|it| !it.is_null()) {
        request = request.params(params);
    }
    Ok(Message::Call(request.finish()))
}
