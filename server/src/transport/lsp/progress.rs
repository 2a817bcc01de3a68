//! Work-done progress: shown while a run lasts, with a cancel button where the client has one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use super::{connection::Connection, strip::Strip};

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
    mut strip: watch::Receiver<Option<Strip>>,
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

async fn run(connection: &Connection, token: &str, strip: &mut watch::Receiver<Option<Strip>>) {
    let tell = |value: Value| connection.out.notify("$/progress", &json!({ "token": token, "value": value }));
    report(strip, tell).await;
}

/// Tells from the beginning to the end.
async fn report(strip: &mut watch::Receiver<Option<Strip>>, tell: impl Fn(Value)) {
    let first = strip.borrow_and_update().clone();
    let said = first.as_ref().map_or("", |it| &it.text);
    tell(json!({ "kind": "begin", "title": "Pi", "message": said, "cancellable": true }));
    // A run may be over before its progress was created; the client still waits for an end.
    let Some(mut now) = first else { return tell(json!({ "kind": "end" })) };
    let mut since = Instant::now();
    loop {
        let later = now.later.clone();
        let text = tokio::select! {
            changed = strip.changed() => {
                let next = if changed.is_ok() { strip.borrow_and_update().clone() } else { None };
                let Some(next) = next else { break };
                if next.text == now.text {
                    continue;
                }
                (now, since) = (next, Instant::now());
                now.text.clone()
            }
            // Nothing has happened for a while.
            text = grown(since, later) => {
                now.later = None;
                text
            }
        };
        tell(json!({ "kind": "report", "message": text, "cancellable": true }));
        // Until the next report is due only the end counts.
        let ended = strip.wait_for(Option::is_none);
        if tokio::time::timeout(PACE, ended).await.is_ok() {
            break;
        }
        strip.mark_changed();
    }
    tell(json!({ "kind": "end" }));
}

/// The later text, when its time has come.
async fn grown(since: Instant, later: Option<(Duration, String)>) -> String {
    match later {
        Some((after, text)) => {
            tokio::time::sleep_until(since + after).await;
            text
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    fn strip(text: &str, later: Option<&str>) -> Option<Strip> {
        let later = later.map(|text| (Duration::from_millis(1), text.to_owned()));
        Some(Strip { text: text.to_owned(), later })
    }

    #[tokio::test]
    async fn a_silent_model_is_mentioned_once_and_the_end_ends_it() {
        let (sender, mut shown) = watch::channel(strip("Waiting…", Some("Waiting… no answer yet")));
        let (told, mut reports) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let tell = |value: Value| {
                let said = value["message"].as_str().or(value["kind"].as_str()).unwrap_or_default();
                told.send(said.to_owned()).unwrap();
            };
            report(&mut shown, tell).await;
        });
        for (next, expected) in [
            (None, "Waiting…"),
            (None, "Waiting… no answer yet"),
            (Some(strip("Writing…", None)), "Writing…"),
            (Some(None), "end"),
        ] {
            if let Some(next) = next {
                sender.send_replace(next);
            }
            assert_eq!(reports.recv().await.as_deref(), Some(expected));
        }
        task.await.unwrap();
        assert_eq!(reports.recv().await, None);
    }
}
