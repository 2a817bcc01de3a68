//! The client of a replay: messages to a server in this process and from it, over either transport.

use std::{
    io::{self, BufRead, BufReader, Write},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::kind::Speech;
use crate::{
    hub::Hub,
    transport::{
        jsonl,
        lsp::{
            self,
            frame::{Frame, FrameReader},
        },
    },
};

/// How long the server may take to end.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// A client.
pub struct Client {
    to: Option<mpsc::UnboundedSender<Value>>,
    /// What the server says.
    pub from: mpsc::UnboundedReceiver<Value>,
    ended: oneshot::Receiver<()>,
}

impl Client {
    /// Starts a server and speaks to it.
    ///
    /// # Errors
    /// There are no pipes or threads left.
    pub fn start(speech: Speech, hub: Arc<Hub>) -> anyhow::Result<Self> {
        let (to, mut said) = mpsc::unbounded_channel::<Value>();
        let (heard, from) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel();
        let (input, mut write) = io::pipe()?;
        let (read, output) = io::pipe()?;
        std::thread::Builder::new().name("client out".to_owned()).spawn(move || {
            while let Some(message) = said.blocking_recv() {
                let body = message.to_string();
                let written = match speech {
                    Speech::Lsp => write!(write, "Content-Length: {}\r\n\r\n{body}", body.len()),
                    Speech::Jsonl => writeln!(write, "{body}"),
                };
                if written.is_err() {
                    return;
                }
            }
        })?;
        std::thread::Builder::new().name("client in".to_owned()).spawn(move || {
            let mut read = BufReader::new(read);
            let mut next: Box<dyn FnMut() -> Option<Vec<u8>>> = match speech {
                Speech::Lsp => {
                    let mut frames = FrameReader::new(read);
                    Box::new(move || match frames.next_frame() {
                        Ok(Some(Frame::Body(body))) => Some(body),
                        _ => None,
                    })
                }
                Speech::Jsonl => Box::new(move || {
                    let mut line = Vec::new();
                    read.read_until(b'\n', &mut line).ok().filter(|it| *it > 0).map(|_| line)
                }),
            };
            while let Some(body) = next() {
                if heard.send(serde_json::from_slice(&body).unwrap_or_default()).is_err() {
                    return;
                }
            }
        })?;
        tokio::spawn(async move {
            let input = BufReader::new(input);
            let outcome = match speech {
                Speech::Lsp => {
                    lsp::connection(hub, None, None, input, output).await.map(drop).map_err(Into::into)
                }
                Speech::Jsonl => jsonl::serve_on(hub, None, input, output).await.map(drop),
            };
            if let Err(error) = outcome {
                tracing::warn!("the server could not start: {error:#}");
            }
            let _nobody_waits = end.send(());
        });
        Ok(Self { to: Some(to), from, ended })
    }

    /// Sends a message.
    pub fn say(&self, message: Value) {
        // A server that has ended hears nothing: its answers are then missed, which is said.
        let _gone = self.to.as_ref().map(|it| it.send(message));
    }

    /// Says nothing more and waits for the end of the server, bounded in time.
    pub async fn end(&mut self) {
        self.to = None;
        if tokio::time::timeout(LAST_WORDS, &mut self.ended).await.is_err() {
            tracing::warn!("the server does not end");
        }
    }
}
