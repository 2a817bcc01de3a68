//! Actions and commands about the session itself: its chat document, stop, start afresh.

use std::sync::Arc;

use lsp_types::{Range, Url};
use pi_core::session::Command;
use pi_protocol::CommandError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Offer, Place, commands::tell, source};
use crate::transport::lsp::{chat, connection::Connection, documents::file_path, lane::Job};

/// Open or send the chat; while something runs it can be stopped.
pub fn offered(place: &Place<'_>) -> Vec<Offer> {
    let running = place.connection.tokens.any();
    let offer =
        |title: &str, command, arguments| Offer { kind: source(), title: title.into(), command, arguments };
    let mut offers = Vec::new();
    if !place.connection.capabilities().knows_pi {
        offers.push(match file_path(place.uri).is_some_and(|it| chat::is_chat(&it)) {
            true => offer("send this prompt", "pi.sendChat", vec![json!({ "uri": place.uri })]),
            false => offer("open chat", "pi.openChat", Vec::new()),
        });
    }
    if running {
        offers.push(offer("stop", "pi.abort", Vec::new()));
    }
    if !place.connection.capabilities().knows_pi {
        offers.push(offer("new chat", "pi.newSession", Vec::new()));
    }
    offers
}

/// `pi.abort`.
pub fn abort(connection: &Arc<Connection>, _: &[Value]) -> Result<(), CommandError> {
    connection.enqueue(Job::Command(Command::Abort(tell(connection))));
    Ok(())
}

/// `pi.newSession`.
pub fn new_session(connection: &Arc<Connection>, _: &[Value]) -> Result<(), CommandError> {
    connection.enqueue(Job::NewSession);
    Ok(())
}

/// What a command about a document is given.
#[derive(Debug, Deserialize)]
struct Target {
    uri: Url,
    range: Option<Range>,
}

impl Target {
    fn of(arguments: &[Value]) -> Result<Option<Self>, CommandError> {
        let Some(argument) = arguments.first() else { return Ok(None) };
        let target = serde_json::from_value(argument.clone());
        target.map(Some).map_err(|error| CommandError::invalid(format!("needs {{uri, range}}: {error}")))
    }
}

/// `pi.openChat`.
pub fn open_chat(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let mention = Target::of(arguments)?
        .and_then(|it| chat::ask_about(connection, &it.uri, it.range.unwrap_or_default()));
    connection.enqueue(Job::OpenChat(mention));
    Ok(())
}

/// `pi.sendChat`.
pub fn send_chat(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let target = Target::of(arguments)?.ok_or_else(|| CommandError::invalid("needs {uri}"))?;
    let sent = file_path(&target.uri).is_some_and(|it| connection.chats.send(&it));
    if sent { Ok(()) } else { Err(CommandError::invalid("is for an open chat document")) }
}
