//! Everything the client is told, in one ordered queue in front of standard output.
//!
//! Nobody who sends ever waits, so a client that does not read cannot stop the reader or a session. The queue is
//! bounded in bytes: above [`SOFT_LIMIT`] events stay in their sessions' queues, where deltas are joined, and new
//! requests are answered with an overload error; above [`HARD_LIMIT`] the connection is given up.

use std::{
    collections::VecDeque,
    io::Write,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use pi_protocol::json;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Notify;
use tower_lsp::jsonrpc::{Id, Response};

use crate::{
    dispatch::Answer,
    trace::{Direction, Trace},
};

/// Bytes from which on the client counts as slow.
pub const SOFT_LIMIT: usize = 16 << 20;
/// Bytes at which the client is given up.
const HARD_LIMIT: usize = 96 << 20;
/// Bytes written at once.
const BATCH: usize = 64 << 10;

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Vec<u8>>,
    /// Bytes in `frames` and in the batch being written.
    bytes: usize,
    /// Nothing is taken any more: the client is gone or was given up.
    broken: bool,
}

#[derive(Debug, Default)]
struct Shared {
    trace: Option<Trace>,
    state: Mutex<State>,
    filled: Condvar,
    drained: Notify,
}

/// The sending side. Clones share the queue.
#[derive(Debug, Clone, Default)]
pub struct Outbound {
    shared: Arc<Shared>,
}

#[derive(Serialize)]
struct Notification<'a, P: ?Sized> {
    jsonrpc: &'static str,
    method: &'a str,
    params: &'a P,
}

#[derive(Serialize)]
struct ClientRequest<'a, P: ?Sized> {
    jsonrpc: &'static str,
    id: i64,
    method: &'a str,
    params: &'a P,
}

#[derive(Serialize)]
struct Failure<'a> {
    jsonrpc: &'static str,
    id: &'a Id,
    error: FailureBody<'a>,
}

#[derive(Serialize)]
struct FailureBody<'a> {
    code: i64,
    message: &'a str,
}

/// The frame of one message.
fn frame<T: Serialize + ?Sized>(message: &T) -> Option<Vec<u8>> {
    let body = match json::to_vec(message) {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, "message that cannot be written as JSON");
            return None;
        }
    };
    Some(framed(&body))
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut out = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    out.extend_from_slice(body);
    out
}

/// The frame of a notification.
pub fn notification<P: Serialize + ?Sized>(method: &str, params: &P) -> Option<Vec<u8>> {
    frame(&Notification { jsonrpc: "2.0", method, params })
}

/// The frame that answers request `id`; the result is JSON already, nothing to report is an empty object.
pub fn answer(id: &Id, answer: &Answer) -> Option<Vec<u8>> {
    let result = match answer {
        Ok(result) => result.as_deref().unwrap_or(b"{}"),
        Err(error) => return failure(id, error.code.json_rpc(), &error.message),
    };
    let mut body = b"{\"jsonrpc\":\"2.0\",\"id\":".to_vec();
    json::write(&mut body, id).ok()?;
    body.extend_from_slice(b",\"result\":");
    body.extend_from_slice(result);
    body.push(b'}');
    Some(framed(&body))
}

/// The frame that refuses request `id`.
pub fn failure(id: &Id, code: i64, message: &str) -> Option<Vec<u8>> {
    frame(&Failure { jsonrpc: "2.0", id, error: FailureBody { code, message } })
}

impl Outbound {
    /// Records what is sent.
    pub fn traced(trace: Option<Trace>) -> Self {
        Self { shared: Arc::new(Shared { trace, ..Shared::default() }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a finished frame.
    pub fn push(&self, frame: Option<Vec<u8>>) {
        let Some(frame) = frame else { return };
        let mut state = self.lock();
        if state.broken {
            return;
        }
        if let Some(trace) = &self.shared.trace {
            let body = frame.windows(4).position(|it| it == b"\r\n\r\n").map_or(0, |it| it + 4);
            trace.record(Direction::Out, &frame[body..]);
        }
        state.bytes += frame.len();
        state.frames.push_back(frame);
        if state.bytes > HARD_LIMIT {
            tracing::error!(bytes = state.bytes, "the client does not read; giving it up");
            Self::give_up(&mut state);
            self.shared.drained.notify_waiters();
        }
        drop(state);
        self.shared.filled.notify_one();
    }

    fn give_up(state: &mut State) {
        state.broken = true;
        state.frames = VecDeque::new();
        state.bytes = 0;
    }

    /// Sends a notification.
    pub fn notify<P: Serialize + ?Sized>(&self, method: &str, params: &P) {
        self.push(notification(method, params));
    }

    /// Sends a request of ours.
    pub fn request(&self, id: i64, method: &str, params: &Value) {
        self.push(frame(&ClientRequest { jsonrpc: "2.0", id, method, params }));
    }

    /// Sends the answer of a tower-lsp handler.
    pub fn respond(&self, response: &Response) {
        self.push(frame(response));
    }

    /// The next message, for a test that is the client.
    #[cfg(test)]
    pub fn take(&self) -> Option<Value> {
        let mut state = self.lock();
        let frame = state.frames.pop_front()?;
        state.bytes -= frame.len();
        let body = frame.windows(4).position(|it| it == b"\r\n\r\n")? + 4;
        serde_json::from_slice(&frame[body..]).ok()
    }

    /// Bytes that wait to be read.
    pub fn waiting(&self) -> usize {
        self.lock().bytes
    }

    /// Whether the client reads too slowly to be given more.
    pub fn is_full(&self) -> bool {
        self.lock().bytes > SOFT_LIMIT
    }

    /// Waits until the client has caught up or is gone.
    pub async fn room(&self) {
        // Nearly always: each event passes here.
        if !self.is_full() {
            return;
        }
        self.until(|state| state.broken || state.bytes <= SOFT_LIMIT).await;
    }

    /// Takes nothing any more and ends the writing.
    pub fn close(&self) {
        Self::give_up(&mut self.lock());
        self.shared.filled.notify_all();
    }

    /// Waits until everything is written or the client is gone.
    pub async fn flushed(&self) {
        self.until(|state| state.broken || state.bytes == 0).await;
    }

    /// Waits until the client is gone or was given up.
    pub async fn gone(&self) {
        self.until(|state| state.broken).await;
    }

    async fn until(&self, done: impl Fn(&State) -> bool) {
        loop {
            let changed = self.shared.drained.notified();
            tokio::pin!(changed);
            // Registered before looking, so that no change in between is missed.
            changed.as_mut().enable();
            if done(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    /// Writes the queue to `writer` until that fails or the connection ends. Blocks: a thread's work.
    pub fn write_to(self, mut writer: impl Write) {
        while let Some(batch) = self.batch() {
            let written = writer.write_all(&batch).and_then(|()| writer.flush());
            let mut state = self.lock();
            match written {
                Ok(()) => state.bytes = state.bytes.saturating_sub(batch.len()),
                Err(error) => {
                    tracing::debug!(%error, "the client does not take output any more");
                    Self::give_up(&mut state);
                }
            }
            drop(state);
            self.shared.drained.notify_waiters();
        }
    }

    /// The next bytes to write, at least one frame; none when nothing is taken any more.
    fn batch(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        loop {
            if state.broken {
                return None;
            }
            if let Some(mut batch) = state.frames.pop_front() {
                while batch.len() < BATCH {
                    let Some(next) = state.frames.pop_front() else { break };
                    batch.extend_from_slice(&next);
                }
                return Some(batch);
            }
            state = self.shared.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn frames_arrive_in_order_and_flushed_means_written() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let out = Outbound::default();
        out.notify("a", &json!({}));
        out.push(failure(&Id::Number(7), -32001, "busy"));
        let writing = std::thread::spawn({
            let out = out.clone();
            move || out.write_to(writer)
        });
        out.flushed().await;
        out.close();
        writing.join().unwrap();
        let mut got = String::new();
        reader.read_to_string(&mut got).unwrap();
        assert_eq!(
            got,
            "Content-Length: 42\r\n\r\n{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":{}}\
             Content-Length: 65\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32001,\"message\":\"busy\"}}"
        );
    }

    #[tokio::test]
    async fn a_client_that_never_reads_is_given_up() {
        let out = Outbound::default();
        let megabyte = "x".repeat(1 << 20);
        let mut sent = 0;
        while !out.lock().broken {
            out.notify("a", &megabyte);
            sent += 1;
            assert!(sent <= 97, "not given up");
        }
        out.room().await;
        out.flushed().await;
    }

    #[test]
    fn a_closed_pipe_breaks_the_queue() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let out = Outbound::default();
        out.notify("a", &json!({}));
        out.clone().write_to(writer);
        assert!(out.lock().broken);
    }
}
