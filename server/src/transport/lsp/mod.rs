//! `pi lsp`: the session for editors, over the Language Server Protocol and its `pi/*` twins.
//!
//! Thin: requests become commands of a [`pi_core::SessionHandle`], events become notifications, documents become
//! the overlay of the workspace, edits become `workspace/applyEdit`. tower-lsp and lsp-types stay inside this
//! module. Of tower-lsp the router, the typed handlers and the life cycle are used; its loop and its client are
//! replaced, because they stop when a client is slow (`pump.rs`, `client.rs` say how).
//!
//! ```text
//! stdin ─► frame ─► pump ─► service ─┬─ pi/*  ─► lane ─► session ─► queue ─► watch ─┐
//!                             │      └─ LSP   ─► server (tower-lsp) ────────────────┼─► outbound ─► stdout
//!                             └─ answers ─► client ◄─ editor (applyEdit), progress ─┘
//! ```

mod actions;
mod capabilities;
mod chat;
mod client;
mod connection;
mod diagnostics;
mod documents;
mod doing;
mod editor;
mod folders;
pub mod frame;
mod hunks;
mod inline;
mod lane;
mod lane_prompt;
mod lane_sessions;
mod messages;
mod outbound;
mod parent;
mod plain;
mod progress;
mod pump;
mod questions;
mod renames;
mod save;
mod server;
mod service;
mod settings;
mod show;
mod strip;
mod target;
mod ui;
mod watch;
mod watched;

use std::{
    io::{self, BufRead, BufReader, Write},
    process::ExitCode,
    sync::Arc,
};

use tokio::sync::mpsc;

use self::{
    connection::Connection,
    lane::{Job, Lane},
    outbound::Outbound,
};
use crate::{hub::Hub, trace::Trace};

/// Bytes of standard input that are read ahead.
const READ_AHEAD: usize = 64 << 10;

/// Serves one client on standard input and output until it says `exit`, closes its end or dies. `parent` is the
/// process to watch, if the command line names one.
///
/// The caller ends the process with the status afterwards: a read of standard input may still be blocked.
///
/// # Errors
/// There are no threads left.
pub async fn serve(hub: Arc<Hub>, parent: Option<u32>, trace: Option<Trace>) -> io::Result<ExitCode> {
    let input = BufReader::with_capacity(READ_AHEAD, io::stdin());
    let status = connection(hub, parent, trace.clone(), input, super::output()?).await?;
    if let Some(trace) = trace {
        trace.finish();
    }
    Ok(ExitCode::from(status))
}

/// Serves one client on these streams; the exit status that LSP asks for.
///
/// # Errors
/// There are no threads left.
pub async fn connection(
    hub: Arc<Hub>,
    parent: Option<u32>,
    trace: Option<Trace>,
    input: impl BufRead + Send + 'static,
    output: impl Write + Send + 'static,
) -> io::Result<u8> {
    let out = Outbound::traced(trace.clone());
    let writing = out.clone();
    std::thread::Builder::new().name("stdout".to_owned()).spawn(move || writing.write_to(output))?;
    let (lane, jobs) = mpsc::unbounded_channel();
    let connection = Connection::new(hub, out, lane);
    connection.tasks.spawn(Lane::new(connection.clone()).run(jobs));
    tokio::spawn(connection.messages.clone().run());
    if let Some(id) = parent {
        parent::watch(connection.clone(), id);
    }
    let end = pump::read(&connection, input, trace).await?;
    // Runs are stopped and their last events go out before the process ends.
    connection.settle().await;
    connection.documents.close_all();
    connection.chats.close_all();
    connection.enqueue(Job::End);
    pump::flush(&connection).await;
    connection.ended.cancel();
    connection.out.close();
    Ok(pump::status(&connection, end))
}
