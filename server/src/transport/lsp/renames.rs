//! Moves that no client tells of: one document is closed and another one with the same text is opened, and the file of
//! the first has gone.
//!
//! Only what cannot be anything else counts: one text, one file that has gone, one that has come, in the same moment.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use ropey::Rope;

/// What happens within this time is one moment.
const MOMENT: Duration = Duration::from_secs(5);
/// Documents that are remembered for it.
const MOST: usize = 200;

/// A document that was opened or closed.
#[derive(Debug, Clone)]
struct Seen {
    path: PathBuf,
    at: Instant,
    text: Rope,
}

/// What was opened and closed a moment ago.
#[derive(Debug, Clone, Default)]
pub struct Renames {
    closed: Vec<Seen>,
    opened: Vec<Seen>,
}

impl Renames {
    /// A document with this text was closed. True if there may have been a move.
    pub fn closed(&mut self, path: PathBuf, text: Rope, at: Instant) -> bool {
        add(&mut self.closed, Seen { path, at, text });
        self.may_be(at)
    }

    /// A document was opened. True if there may have been a move.
    pub fn opened(&mut self, path: PathBuf, text: Rope, at: Instant) -> bool {
        add(&mut self.opened, Seen { path, at, text });
        self.may_be(at)
    }

    fn may_be(&mut self, now: Instant) -> bool {
        for seen in [&mut self.closed, &mut self.opened] {
            seen.retain(|it| now.saturating_duration_since(it.at) <= MOMENT);
        }
        !self.closed.is_empty() && !self.opened.is_empty()
    }

    /// The moves, old and new path, given which files have gone.
    pub fn found(&self, has_gone: impl Fn(&Path) -> bool) -> Vec<(PathBuf, PathBuf)> {
        let gone: Vec<_> = self.closed.iter().filter(|it| has_gone(&it.path)).collect();
        let came: Vec<_> = self.opened.iter().filter(|it| !has_gone(&it.path)).collect();
        let same = |a: &Seen, b: &Seen| a.text.len_bytes() > 0 && a.path != b.path && a.text == b.text;
        let mut found = Vec::new();
        for old in &gone {
            let mut new = came.iter().filter(|it| same(old, it));
            let (Some(new), None) = (new.next(), new.next()) else { continue };
            let alone = gone.iter().filter(|it| same(it, new)).count() == 1;
            if alone && spread(old.at, new.at) <= MOMENT {
                found.push((old.path.clone(), new.path.clone()));
            }
        }
        found
    }

    /// These are dealt with.
    pub fn forget(&mut self, moves: &[(PathBuf, PathBuf)]) {
        self.closed.retain(|it| !moves.iter().any(|(old, _)| *old == it.path));
        self.opened.retain(|it| !moves.iter().any(|(_, new)| *new == it.path));
    }
}

/// Only the last time counts.
fn add(seen: &mut Vec<Seen>, one: Seen) {
    seen.retain(|it| it.path != one.path);
    if seen.len() >= MOST {
        seen.remove(0);
    }
    seen.push(one);
}

fn spread(a: Instant, b: Instant) -> Duration {
    a.max(b) - a.min(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `-a x`: a document `a` with text `x` is closed; `+a x`: it is opened; a number: seconds pass.
    fn found(story: &str, gone: &[&str]) -> Vec<String> {
        let mut renames = Renames::default();
        let mut now = Instant::now();
        for step in story.split(", ") {
            match step.split_at(1) {
                ("-", rest) => {
                    let (path, text) = rest.split_once(' ').unwrap();
                    renames.closed(path.into(), text.into(), now);
                }
                ("+", rest) => {
                    let (path, text) = rest.split_once(' ').unwrap();
                    renames.opened(path.into(), text.into(), now);
                }
                _ => now += Duration::from_secs(step.parse().unwrap()),
            }
        }
        let found = renames.found(|it| gone.iter().any(|gone| Path::new(gone) == it));
        renames.forget(&found);
        assert!(renames.found(|_| true).is_empty());
        found.into_iter().map(|(old, new)| format!("{}>{}", old.display(), new.display())).collect()
    }

    #[test]
    fn only_what_can_be_nothing_else_is_a_move() {
        for (story, gone, expected) in [
            ("-a x, +b x", &["a"][..], &["a>b"][..]),
            ("+b x, 1, -a x", &["a"], &["a>b"]),
            ("-a x, +b x, -c y, +d y", &["a", "c"], &["a>b", "c>d"]),
            // The file is still there, or the new one is not.
            ("-a x, +b x", &[], &[]),
            ("-a x, +b x", &["a", "b"], &[]),
            // Another text, or none.
            ("-a x, +b y", &["a"], &[]),
            ("-a , +b ", &["a"], &[]),
            // Two that went, two that came.
            ("-a x, -c x, +b x", &["a", "c"], &[]),
            ("-a x, -c x, +b x", &["a"], &["a>b"]),
            ("-a x, +b x, +c x", &["a"], &[]),
            // Too late.
            ("-a x, 6, +b x", &["a"], &[]),
            // Closed and opened again.
            ("-a x, +a x", &["a"], &[]),
        ] {
            assert_eq!(found(story, gone), expected, "{story}");
        }
    }
}
