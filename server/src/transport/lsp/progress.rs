//! Work-done progress: shown while a run lasts, with a cancel button where the client has one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::connection::Connection;

/// How long a client may take to create a progress.
const CREATE_DEADLINE: Duration = Duration::from_secs(10);
/// Shortest time between two reports.
const PACE: Duration = Duration::from_millis(250);

/// Which session each shown progress belongs to.
#[derive(Debug, Default)]
pub struct Tokens(Mutex<HashMap<String, Arc<str>>>);

impl Tokens {
    /// A token for `session`. Readable, as some clients show it: the first is `pi`.
    fn take(&self, session: &Arc<str>) -> String {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut token = "pi".to_owned();
        let mut number = 2;
        while tokens.contains_key(&token) {
            token = format!("pi {number}");
            number += 1;
        }
        tokens.insert(token.clone(), session.clone());
        token
    }

    fn release(&self, token: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
    }

    /// Whether a run is in progress that the client was told of.
    pub fn any(&self) -> bool {
        !self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The session whose progress has this token.
    pub fn session(&self, token: &str) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }
}

/// Shows the text in `strip` while there is one, and sets `on_screen` back when it is gone from the client's
/// screen. Ends with the sender of the text.
pub async fn show(
    connection: Arc<Connection>,
    session: Arc<str>,
    mut strip: watch::Receiver<Option<String>>,
    on_screen: watch::Sender<bool>,
) {
    while strip.changed().await.is_ok() {
        if strip.borrow_and_update().is_none() {
            on_screen.send_replace(false);
            continue;
        }
        let token = connection.tokens.take(&session);
        let created = connection
            .client
            .ask("window/workDoneProgress/create", json!({ "token": token }), CREATE_DEADLINE)
            .await;
        match created {
            Ok(_) => run(&connection, &token, &mut strip).await,
            Err(error) => {
                tracing::debug!(%error, "no progress");
                // Not for this run; perhaps for the next one.
                let _ended = strip.wait_for(Option::is_none).await;
            }
        }
        connection.tokens.release(&token);
        // Unless the next run has begun meanwhile.
        let gone = strip.borrow().is_none();
        if gone {
            on_screen.send_replace(false);
        }
    }
}

async fn run(connection: &Connection, token: &str, strip: &mut watch::Receiver<Option<String>>) {
    let tell = |value: Value| connection.out.notify("$/progress", &json!({ "token": token, "value": value }));
    let first = strip.borrow_and_update().clone();
    let running = first.is_some();
    // A run may be over before its progress was created; the client still waits for an end.
    let mut shown = first.unwrap_or_default();
    tell(json!({ "kind": "begin", "title": "Pi", "message": shown, "cancellable": true }));
    while running && strip.changed().await.is_ok() {
        let Some(text) = strip.borrow_and_update().clone() else { break };
        if text == shown {
            continue;
        }
        tell(json!({ "kind": "report", "message": text, "cancellable": true }));
        shown = text;
        // Until the next report is due only the end counts.
        let ended = strip.wait_for(Option::is_none);
        if tokio::time::timeout(PACE, ended).await.is_ok() {
            break;
        }
        strip.mark_changed();
    }
    tell(json!({ "kind": "end" }));
}
