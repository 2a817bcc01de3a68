//! Pi's JSONL protocol over standard input and output (spec: rpc.md).
//!
//! One connection with one current session. A thread reads lines, a thread writes records; between them this
//! module turns each line into a request and keeps answers in their place among the events.

mod connection;
mod growing;
mod reader;
mod record;
mod writer;

use std::{
    io::{self, BufRead, BufReader, Write},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use pi_core::{Answers, EventQueue, session::Command};

use crate::{
    compose::UnknownModel,
    hub::Hub,
    trace::{Direction, Trace},
};
use connection::Connection;
use reader::Line;

/// How long the last records may take to leave when the process ends.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// Bytes of standard input that are read ahead.
const READ_AHEAD: usize = 64 << 10;

/// Serves one client on standard input and output until its input ends.
///
/// # Errors
/// As [`serve_on`].
pub async fn serve(hub: Arc<Hub>, trace: Option<Trace>) -> anyhow::Result<ExitCode> {
    serve_on(hub, trace, BufReader::with_capacity(READ_AHEAD, io::stdin()), super::output()?).await
}

/// Serves one client until its input ends.
///
/// # Errors
/// The session that the flags ask for cannot be opened; the client has then been told in one record.
pub async fn serve_on(
    hub: Arc<Hub>,
    trace: Option<Trace>,
    input: impl BufRead + Send + 'static,
    output: impl Write + Send + 'static,
) -> anyhow::Result<ExitCode> {
    let queue = EventQueue::answering(Answers::ALL);
    let mode = writer::SharedMode::new(hub.compose().output_mode());
    let mut writer = writer::spawn(queue.clone(), mode.clone(), trace.clone(), output)?;
    let session = match hub.open_initial(UnknownModel::StartWithout).await {
        Ok(it) => it,
        Err(error) => {
            queue.push_raw(record::startup_failed(&format!("{error:#}")));
            queue.close();
            writer.finished(FLUSH_LIMIT).await;
            finish(trace.as_ref());
            return Err(error);
        }
    };
    // Subscribed before the first line is read, so that no event is missed.
    session.send(Command::Subscribe(queue.clone(), Box::new(|_| {})));
    hub.settle(session.id());
    let mut connection = Connection::new(hub.clone(), session, queue.clone(), mode);
    let mut lines = reader::spawn(input)?;
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(Line::Text(line)) => {
                    if let Some(trace) = &trace {
                        trace.record(Direction::In, &line);
                    }
                    connection.line(&line).await;
                }
                Some(Line::TooLong) => connection.too_long(),
                None => break,
            },
            // The client no longer reads: nothing that happens can reach it any more.
            () = writer.ended() => break,
            () = hub.ending() => break,
        }
    }
    connection.close().await;
    queue.close();
    writer.finished(FLUSH_LIMIT).await;
    finish(trace.as_ref());
    Ok(ExitCode::SUCCESS)
}

fn finish(trace: Option<&Trace>) {
    if let Some(trace) = trace {
        trace.finish();
    }
}
