//! The branches of a session, as lists of entries without a fork in them.
//!
//! Files of other writers may have parents that are missing, that come later or that go round in a circle: every
//! entry is in exactly one segment all the same. Nothing here recurses, sessions may fork at every entry.

use std::collections::{HashMap, HashSet};

use pi_protocol::Entry;

/// Entries that follow one another, up to where the session forks or ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Places in the list of all entries; never empty.
    pub entries: Vec<usize>,
    /// How many forks are before it.
    pub depth: usize,
}

/// The session as branches.
#[derive(Debug)]
pub(super) struct Branches {
    /// Each before those that follow it, siblings in file order.
    pub segments: Vec<Segment>,
    /// The current branch, from its root to its end.
    pub path: Vec<usize>,
}

impl Branches {
    /// From all entries and the one that the next entry would follow.
    pub fn new(entries: &[Entry], leaf: Option<&str>) -> Self {
        let by_id: HashMap<&str, usize> =
            entries.iter().enumerate().map(|(at, it)| (it.base.id.as_str(), at)).collect();
        let parent = |at: usize| -> Option<usize> {
            let id = entries[at].base.parent_id.as_deref()?;
            by_id.get(id).copied().filter(|it| *it != at)
        };
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); entries.len()];
        let mut roots = Vec::new();
        for at in 0..entries.len() {
            match parent(at) {
                Some(it) => children[it].push(at),
                None => roots.push(at),
            }
        }
        // What only a circle leads to comes last.
        let starts = roots.into_iter().chain(0..entries.len());
        let mut seen = HashSet::new();
        let mut segments = Vec::new();
        for start in starts {
            let mut open = vec![(start, 0)];
            while let Some((first, depth)) = open.pop() {
                let mut chain = Vec::new();
                let mut next = Some(first);
                while let Some(at) = next.filter(|it| seen.insert(*it)) {
                    chain.push(at);
                    next = match children[at].as_slice() {
                        [only] => Some(*only),
                        many => {
                            open.extend(many.iter().rev().map(|it| (*it, depth + 1)));
                            None
                        }
                    };
                }
                if !chain.is_empty() {
                    segments.push(Segment { entries: chain, depth });
                }
            }
        }
        let mut path = Vec::new();
        let mut on_path = HashSet::new();
        let mut next = leaf.and_then(|it| by_id.get(it).copied());
        while let Some(at) = next.filter(|it| on_path.insert(*it)) {
            path.push(at);
            next = parent(at);
        }
        path.reverse();
        Self { segments, path }
    }

    /// For each of `count` entries, whether it is on the current branch.
    pub fn on_path(&self, count: usize) -> Vec<bool> {
        let mut on_path = vec![false; count];
        self.path.iter().for_each(|&at| on_path[at] = true);
        on_path
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entries(rows: &[(&str, Option<&str>)]) -> Vec<Entry> {
        let row = |(id, parent): &(&str, Option<&str>)| {
            serde_json::from_value(json!({"type": "custom", "customType": "x", "id": id, "parentId": parent}))
        };
        rows.iter().map(|it| row(it).unwrap()).collect()
    }

    fn shape(rows: &[(&str, Option<&str>)], leaf: Option<&str>) -> (Vec<(usize, Vec<usize>)>, Vec<usize>) {
        let branches = Branches::new(&entries(rows), leaf);
        (branches.segments.into_iter().map(|it| (it.depth, it.entries)).collect(), branches.path)
    }

    #[test]
    fn forks_end_a_segment() {
        let rows = [("a", None), ("b", Some("a")), ("c", Some("b")), ("d", Some("b")), ("e", Some("d"))];
        let (segments, path) = shape(&rows, Some("e"));
        assert_eq!(segments, [(0, vec![0, 1]), (1, vec![2]), (1, vec![3, 4])]);
        assert_eq!(path, [0, 1, 3, 4]);
        assert_eq!(shape(&rows, None).1, [0; 0]);
    }

    #[test]
    fn every_entry_is_there_once_whatever_the_file_says() {
        let rows = [
            ("a", Some("a")),
            ("b", Some("nowhere")),
            ("c", Some("d")),
            ("d", Some("c")),
            ("same", Some("b")),
            ("same", Some("b")),
        ];
        let (segments, path) = shape(&rows, Some("d"));
        let mut all: Vec<usize> = segments.into_iter().flat_map(|it| it.1).collect();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4, 5]);
        assert_eq!(path, [2, 3]);
    }

    #[test]
    fn a_session_that_forks_everywhere_is_no_recursion() {
        let names: Vec<String> = (0..20_000).map(|it| it.to_string()).collect();
        let mut rows = vec![(names[0].as_str(), None)];
        for at in (1..names.len()).step_by(2) {
            let parent = if at == 1 { 0 } else { at - 2 };
            rows.push((&names[at], Some(names[parent].as_str())));
            rows.push(("x", Some(&names[parent])));
        }
        let (segments, path) = shape(&rows, Some(rows[rows.len() - 2].0));
        assert_eq!(segments.iter().map(|it| it.1.len()).sum::<usize>(), rows.len());
        assert!(path.len() > 9_000);
    }
}
