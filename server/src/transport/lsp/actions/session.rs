//! Actions and commands about the session itself: stop, start afresh.

use std::sync::Arc;

use pi_core::session::Command;
use pi_protocol::CommandError;
use serde_json::Value;

use super::{Offer, Place, commands::tell, source};
use crate::transport::lsp::{connection::Connection, lane::Job};

/// While something runs it can be stopped.
pub fn offered(place: &Place<'_>) -> Vec<Offer> {
    if !place.connection.tokens.any() {
        return Vec::new();
    }
    vec![Offer { kind: source(), title: "stop".into(), command: "pi.abort", arguments: Vec::new() }]
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
