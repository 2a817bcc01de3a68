//! What a person should know and no session can say: files of theirs that cannot be read, rules that cannot be used.
//!
//! It happens before there is a client, or beside all sessions. So it waits here for a transport that can tell it.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::mpsc;

/// Texts that wait for a listener.
#[derive(Debug)]
pub struct Unheard {
    texts: mpsc::UnboundedSender<String>,
    /// Until somebody takes it.
    listener: Mutex<Option<mpsc::UnboundedReceiver<String>>>,
    /// Each folder reads the same files of the user.
    warned: Mutex<HashSet<String>>,
}

impl Default for Unheard {
    fn default() -> Self {
        let (texts, listener) = mpsc::unbounded_channel();
        Self { texts, listener: Mutex::new(Some(listener)), warned: Mutex::default() }
    }
}

impl Unheard {
    /// Says and logs it, the first time.
    pub fn warn(&self, text: String) {
        if self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone()) {
            tracing::warn!("{text}");
            self.say(text);
        }
    }

    /// Says it.
    pub fn say(&self, text: String) {
        // Whoever listened has gone.
        let _gone = self.texts.send(text);
    }

    /// All of it, so far and from now on. Given to the first who asks.
    pub fn listen(&self) -> Option<mpsc::UnboundedReceiver<String>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
