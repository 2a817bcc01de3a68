//! What a decision does to the hunks of one file.

use std::collections::{HashMap, HashSet};

use super::{
    hunks::{FileState, Hunk, Status, To},
    raw,
};

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// The text stays and no longer waits.
    Accept,
    /// What waits is taken out: the text from before Pi's changes comes back.
    Reject,
    /// What waits or was kept is taken out, back to what was there before exactly these changes.
    Revert,
    /// What was rejected or reverted is put back, and what was kept waits again.
    Redo,
}

/// A hunk that a decision could not be carried out for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The hunk.
    pub hunk: i64,
    /// Why, for people.
    pub reason: String,
    /// There is no such hunk in this project.
    pub unknown: bool,
}

/// What came of a decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decided {
    /// Hunks that have another status now.
    pub changed: Vec<i64>,
    /// Those of them whose lines came or went.
    pub turned: Vec<i64>,
    /// Hunks that could not be changed.
    pub refused: Vec<Refusal>,
}

/// Why an edited hunk is left alone.
const EDITED: &str = "You edited this since; your text stays";
/// Why one is left alone whose file is not there.
const GONE: &str =
    "The file is not there any more, and none with its text has come in its place; it can only be kept";
/// Why an earlier hunk cannot be reverted alone.
const COVERED: &str = "A later change covers this one; revert that first";
/// Why a rename is left alone.
const RENAMED: &str = "The file has another name by now";

/// Decides about the hunks in `ids`.
pub(super) fn apply(file: &mut FileState, ids: &HashSet<i64>, verb: Verb, decision: i64) -> Decided {
    let before: HashMap<i64, Status> = file.hunks.iter().map(|it| (it.id, it.status)).collect();
    let untouched = file.clone();
    match verb {
        Verb::Accept => change_waiting(file, ids, Status::Pending, Status::Kept),
        Verb::Reject => rounds(file, ids, |it| it.status == Status::Pending, To::Base),
        Verb::Revert => rounds(file, ids, Hunk::is_in, To::Previous),
        Verb::Redo => {
            rounds(file, ids, is_out, To::Text);
            let kept = before.iter().filter(|(id, was)| ids.contains(id) && **was == Status::Kept);
            change_waiting(file, &kept.map(|(id, _)| *id).collect(), Status::Kept, Status::Pending);
        }
    }
    if file.text.as_deref().is_some_and(raw::is_mixed) {
        // There is text of the user where the whole file was to be another one.
        *file = untouched;
        let meant = file.hunks.iter().filter(|it| ids.contains(&it.id));
        let refused = meant.map(|it| Refusal { hunk: it.id, reason: EDITED.into(), unknown: false });
        return Decided { refused: refused.collect(), ..Decided::default() };
    }
    let is_there = file.text.is_some();
    let mut decided = Decided::default();
    for it in &mut file.hunks {
        let was = before.get(&it.id).copied().unwrap_or(it.status);
        if was != it.status {
            it.decision = decision;
        }
        if !ids.contains(&it.id) {
            continue;
        }
        let wanted = match verb {
            Verb::Accept => false,
            Verb::Reject => it.status == Status::Pending,
            Verb::Revert => it.is_in(),
            Verb::Redo => is_out(it),
        };
        if was != it.status {
            decided.changed.push(it.id);
            let was_in = matches!(was, Status::Pending | Status::Kept);
            decided.turned.extend((was_in != it.is_in()).then_some(it.id));
        } else if wanted && it.renames() {
            decided.refused.push(Refusal { hunk: it.id, reason: RENAMED.into(), unknown: false });
        } else if wanted && it.edited {
            let reason = if is_there { EDITED } else { GONE };
            decided.refused.push(Refusal { hunk: it.id, reason: reason.into(), unknown: false });
        } else if verb == Verb::Revert && it.status == Status::Superseded && !covered_by(&before, it, ids) {
            decided.refused.push(Refusal { hunk: it.id, reason: COVERED.into(), unknown: false });
        }
    }
    decided
}

fn is_out(hunk: &Hunk) -> bool {
    matches!(hunk.status, Status::Rejected | Status::Reverted)
}

/// Whether what superseded it was meant as well, or is out already.
fn covered_by(before: &HashMap<i64, Status>, hunk: &Hunk, ids: &HashSet<i64>) -> bool {
    hunk.parent.is_none_or(|it| {
        ids.contains(&it.hunk)
            || matches!(before.get(&it.hunk), None | Some(Status::Rejected | Status::Reverted))
    })
}

/// What waits is kept, or what was kept waits again.
fn change_waiting(file: &mut FileState, ids: &HashSet<i64>, from: Status, to: Status) {
    let mut changed: HashSet<i64> = HashSet::new();
    for it in &mut file.hunks {
        if ids.contains(&it.id) && it.status == from {
            it.status = to;
            changed.insert(it.id);
        }
    }
    // What it was made from is kept with it, should it ever come back.
    loop {
        let inner = file.hunks.iter_mut().filter(|it| it.status == Status::Superseded);
        let mut more = inner.filter(|it| it.parent.is_some_and(|it| changed.contains(&it.hunk)));
        let Some(it) = more.find(|it| !changed.contains(&it.id)) else { return };
        changed.insert(it.id);
        if it.was == from {
            it.was = to;
        }
    }
}

/// Flips what is meant until nothing more can be: what was superseded comes back when its successor goes.
fn rounds(file: &mut FileState, ids: &HashSet<i64>, wanted: impl Fn(&Hunk) -> bool, to: To) {
    let mut flipped: HashSet<i64> = HashSet::new();
    loop {
        let able = |it: &&Hunk| ids.contains(&it.id) && !it.edited && wanted(it) && !flipped.contains(&it.id);
        let able = file.hunks.iter().filter(able).filter(|it| file.can_rename(it));
        let mut flips: Vec<_> = able.map(|it| (it.id, to, it.renames())).collect();
        // One rename at a time: each decides which is next.
        let mut renames = 0;
        flips.retain(|(.., renames_it)| {
            renames += usize::from(*renames_it);
            !renames_it || renames == 1
        });
        let flips: Vec<_> = flips.into_iter().map(|(id, to, _)| (id, to)).collect();
        if flips.is_empty() {
            return;
        }
        file.flip(&flips);
        let count = flipped.len();
        let done = flips.iter().filter(|(id, _)| file.hunks.iter().any(|it| it.id == *id && !wanted(it)));
        flipped.extend(done.map(|(id, _)| *id));
        if flipped.len() == count {
            return;
        }
    }
}
