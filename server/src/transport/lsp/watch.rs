//! From a session to its client, in order: events and, between them, answers.
//!
//! A client that asked for events gets `pi/event`. Any other gets what plain LSP can show: progress while a run
//! lasts, and one message when it has ended.

use std::sync::Arc;

use pi_core::{
    SessionHandle,
    bus::{Delivery, EventQueue},
    session::Command,
};
use pi_protocol::{ActivityParams, Envelope};

use crate::failure::{Tries, explain_event};

use super::{chat, connection::Connection, outbound, plain::Plain, questions, strip::Strips};

/// Brings everything from `queue` to the client until the queue is closed.
pub async fn watch(connection: Arc<Connection>, session: SessionHandle, queue: EventQueue) {
    let mut plain =
        if connection.capabilities().events { None } else { Some(Plain::new(connection.clone(), &session)) };
    let id = session.id().clone();
    // What was asked before this client came.
    if let Ok(state) = session.ask(Command::GetState).await {
        for asked in questions::pending(&state) {
            questions::open(&connection, &id, asked);
        }
    }
    if plain.is_some() || chat::wants_transcripts(&connection, &id) {
        connection.tasks.spawn(chat::transcript(connection.clone(), session.clone()));
    }
    // The session ends with its last handle; watching must not keep it alive.
    drop(session);
    // A client that attaches again gets events once more; what they ask was asked.
    let mut seen = 0;
    let mut ask = |event: &Envelope| {
        if event.seq > seen {
            seen = event.seq;
            questions::event(&connection, &id, &event.event);
        }
    };
    let (mut tries, mut strips) = (Tries::default(), Strips::default());
    while let Some(delivery) = queue.next().await {
        // While the client is slow, events wait in `queue`, where deltas are joined.
        connection.out.room().await;
        match (delivery, &mut plain) {
            (Delivery::Raw(frame), _) => connection.out.push(Some(frame)),
            (Delivery::Activity(activity), None) => {
                if connection.capabilities().activity {
                    let session_id = id.to_string();
                    let params = ActivityParams { session_id, activity: strips.tell(activity) };
                    connection.out.push(outbound::notification("pi/activity", &params));
                }
            }
            (Delivery::Activity(activity), Some(plain)) => plain.activity(&activity),
            (Delivery::Event(event), None) => {
                ask(&event);
                let event = explain_event(event, &mut tries);
                connection.out.push(outbound::notification("pi/event", &event));
            }
            (Delivery::Event(event), Some(plain)) => {
                ask(&event);
                plain.event(&event.event);
            }
        }
    }
    if queue.overflowed() {
        tracing::error!("the client reads too slowly: events were lost, the connection ends");
        connection.ended.cancel();
    }
}
