//! The numbers of changes in the documents of a chat.
//!
//! A number means the same change as long as anybody may have it on the screen: the ledger forgets old edits, and the
//! others keep their numbers. A document remembers them beside it.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Mutex, MutexGuard, PoisonError},
};

use pi_host::ledger::FoundHunk;

/// A change and its number, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// The number.
    pub number: usize,
    hunk: FoundHunk,
}

impl Deref for Numbered {
    type Target = FoundHunk;

    fn deref(&self) -> &FoundHunk {
        &self.hunk
    }
}

/// The change with this number.
pub fn find(hunks: &[Numbered], number: usize) -> Option<&Numbered> {
    hunks.iter().find(|it| it.number == number)
}

/// The ids of the changes of each session, each at the place of its number.
#[derive(Debug, Default)]
pub struct Numbers(Mutex<HashMap<String, Vec<i64>>>);

impl Numbers {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<i64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives these changes of a session their numbers.
    pub fn number(&self, session: &str, mut hunks: Vec<FoundHunk>) -> Vec<Numbered> {
        hunks.sort_by_key(|it| it.id);
        hunks.dedup_by_key(|it| it.id);
        let ids: Vec<_> = hunks.iter().map(|it| it.id).collect();
        let numbers = self.given(session, &ids).into_iter();
        let mut numbered: Vec<_> =
            numbers.zip(hunks).map(|(number, hunk)| Numbered { number, hunk }).collect();
        numbered.sort_by_key(|it| it.number);
        numbered
    }

    /// The numbers of these; those that have none yet come behind the others.
    fn given(&self, session: &str, ids: &[i64]) -> Vec<usize> {
        let mut all = self.lock();
        let known = all.entry(session.to_owned()).or_default();
        let numbers = ids.iter().map(|id| {
            let at = known.iter().position(|it| it == id).unwrap_or_else(|| {
                known.push(*id);
                known.len() - 1
            });
            at + 1
        });
        numbers.collect()
    }

    /// What a document remembers. It has no say where numbers were given already.
    pub fn remember(&self, session: &str, ids: Vec<i64>) {
        self.lock().entry(session.to_owned()).or_insert(ids);
    }

    /// What a document is to remember.
    pub fn of(&self, session: &str) -> Vec<i64> {
        self.lock().get(session).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stays_when_others_are_forgotten() {
        let numbers = Numbers::default();
        assert_eq!(numbers.given("s", &[4, 7]), [1, 2]);
        assert_eq!(numbers.given("s", &[7, 9]), [2, 3]);
        // Of another folder, found late.
        assert_eq!(numbers.given("s", &[5, 7, 9]), [4, 2, 3]);
        assert_eq!(numbers.given("other", &[9]), [1]);
        // Another server, with what the document remembers.
        let later = Numbers::default();
        later.remember("s", numbers.of("s"));
        later.remember("s", vec![1]);
        assert_eq!(later.given("s", &[9]), [3]);
    }
}
