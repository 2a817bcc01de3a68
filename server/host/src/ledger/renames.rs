//! The names a file has had: which it should have, and which renames can be taken back or made again.
//!
//! A rename is a hunk without lines. Content and name are independent: text the user wrote under the new name goes
//! back with the file.

use super::hunks::{FileState, Hunk, Status, Whole};

impl FileState {
    /// The file came here from another path.
    pub fn renamed(&mut self, edit: i64, from: &str, to: &str, id: i64) {
        let whole = Some(Whole::Renamed { from: from.to_owned(), to: to.to_owned() });
        let rename = Hunk {
            id,
            edit,
            status: Status::Pending,
            was: Status::Pending,
            edited: false,
            start: 0,
            len: 0,
            base: String::new(),
            previous: String::new(),
            text: String::new(),
            whole,
            parent: None,
            decision: 0,
        };
        self.hunks.insert(0, rename);
    }

    /// The path it has by its renames; nothing if it was never renamed.
    pub fn place(&self) -> Option<&str> {
        let names = self.hunks.iter().filter_map(|it| match &it.whole {
            Some(Whole::Renamed { from, to }) => Some((it.id, it.is_in(), from, to)),
            _ => None,
        });
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        let last = names.iter().rfind(|(_, is_in, ..)| *is_in).map(|(.., to)| *to);
        last.or(names.first().map(|(.., from, _)| *from)).map(String::as_str)
    }

    /// Whether this rename leads to or from the name the file has now, and no later one is in the way. True for any
    /// other hunk.
    pub fn can_rename(&self, hunk: &Hunk) -> bool {
        let Some(Whole::Renamed { from, to }) = &hunk.whole else { return true };
        let later = |it: &Hunk| it.renames() && it.is_in() && it.id > hunk.id;
        match hunk.is_in() {
            true => self.place() == Some(to) && !self.hunks.iter().any(later),
            false => self.place() == Some(from),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::ledger::decide::{Verb, apply};

    fn decided(file: &mut FileState, ids: &[i64], verb: Verb) -> (Vec<i64>, Vec<i64>) {
        let ids: HashSet<i64> = ids.iter().copied().collect();
        let decided = apply(file, &ids, verb, 1);
        let mut changed = decided.changed;
        changed.sort_unstable();
        (changed, decided.refused.iter().map(|it| it.hunk).collect())
    }

    #[test]
    fn renames_are_taken_back_from_the_last_and_made_again_from_the_first() {
        let mut file = FileState { text: Some("one\n".into()), hunks: Vec::new() };
        assert_eq!(file.place(), None);
        file.renamed(1, "a", "b", 1);
        file.absorb(2, Some("ONE\n"), 2);
        file.renamed(3, "b", "c", 3);
        assert_eq!(file.place(), Some("c"));
        assert_eq!(decided(&mut file, &[1], Verb::Revert), (vec![], vec![1]));
        assert_eq!(decided(&mut file, &[1, 3], Verb::Reject), (vec![1, 3], vec![]));
        assert_eq!((file.place(), file.text.as_deref()), (Some("a"), Some("ONE\n")));
        assert_eq!(decided(&mut file, &[3], Verb::Redo), (vec![], vec![3]));
        assert_eq!(decided(&mut file, &[1], Verb::Redo), (vec![1], vec![]));
        assert_eq!(file.place(), Some("b"));
        file.follow(Some("zero\nONE\nmine\n"));
        assert_eq!(decided(&mut file, &[1, 2, 3], Verb::Revert), (vec![1, 2], vec![]));
        assert_eq!((file.place(), file.text.as_deref()), (Some("a"), Some("zero\none\nmine\n")));
    }

    #[test]
    fn a_file_that_is_gone_is_renamed_without_coming_back() {
        let mut file = FileState { text: Some("one\n".into()), hunks: Vec::new() };
        file.renamed(1, "a", "b", 1);
        file.absorb(2, None, 2);
        assert_eq!(decided(&mut file, &[1], Verb::Reject), (vec![1], vec![]));
        assert_eq!((file.place(), file.text.as_deref()), (Some("a"), None));
        assert_eq!(decided(&mut file, &[2], Verb::Reject), (vec![2], vec![]));
        assert_eq!(file.text.as_deref(), Some("one\n"));
    }
}
