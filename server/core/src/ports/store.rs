//! Where a session's entries go.

use pi_protocol::Entry;

/// Entries could not be written. They stay in memory; the run goes on and the user is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// An append-only place for a session's entries.
///
/// The store decides when to write: Pi's files appear with the first assistant message (sessions.md §3).
pub trait SessionStore: Send {
    /// The session file as clients see it; `None` in memory.
    fn file(&self) -> Option<String>;

    /// Adds an entry. After an error the entry is kept and written with the next one that succeeds.
    ///
    /// # Errors
    /// Says what could not be written and why, for the user.
    fn append(&mut self, entry: &Entry) -> Result<(), StoreError>;
}
