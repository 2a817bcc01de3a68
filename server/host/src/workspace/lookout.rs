//! What is looked for in the reports of an editor while edits of ours are under way: those that arrive, and those
//! that arrive in the wrong place.
//!
//! What happened to the text since the first of them was sent is kept change by change. So an edit that went
//! astray can be taken back exactly, with everything that was typed since, also into it and around it.

use std::ops::Range;

use ropey::Rope;
use tokio::time::Instant;

use super::{changes, editor::TextChange, position::PositionEncoding, sent::Sent};

/// Changes that are kept as long as nothing has gone astray.
const KEPT: usize = 64;

/// Edits of a document that may have been made while it was closed, one over the other.
const MOST_AT_ONCE: usize = 4;

/// The edits under way to one document, and what its text has been meanwhile.
#[derive(Debug, Default)]
pub(super) struct Lookout {
    sent: Vec<Sent>,
    /// The text before the first step.
    start: Rope,
    steps: Vec<Step>,
    /// Steps that were dropped before the first one.
    dropped: usize,
}

/// The text changed.
#[derive(Debug)]
struct Step {
    edits: Vec<Edit>,
    /// An edit of ours did it, in the wrong place; the text before.
    astray: Option<Rope>,
}

/// Characters are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub range: Range<usize>,
    pub text: String,
}

/// The edits between two texts, each meant for what the one before left.
pub(super) fn edits_between(before: &Rope, after: &Rope) -> Vec<Edit> {
    let changes = changes::minimal(&before.to_string(), &after.to_string());
    let char = |byte| before.byte_to_char(byte);
    // From the end, so that the places before stay right.
    changes.into_iter().rev().map(|it| Edit { range: char(it.start)..char(it.end), text: it.text }).collect()
}

impl Lookout {
    /// Looks out for changes of `base`, sent while the document has `text`.
    pub fn send(
        &mut self,
        id: u64,
        base: &Rope,
        changes: &[TextChange],
        encoding: PositionEncoding,
        text: &Rope,
    ) {
        self.forget_old();
        if self.is_idle() {
            self.restart(text);
        }
        let mut sent = Sent::new(id, base.clone(), changes.to_vec(), encoding);
        sent.meet(self.now(), text);
        self.sent.push(sent);
    }

    /// The edit makes of the text what the file has become.
    pub fn reloads(&mut self, id: u64) {
        self.sent.iter_mut().filter(|it| it.is(id)).for_each(|it| it.reloads = true);
    }

    /// Nobody waits for the edit any more.
    pub fn leave(&mut self, id: u64, answered: bool) {
        self.sent.iter_mut().filter(|it| it.is(id)).for_each(|it| it.leave(answered));
    }

    /// The document was closed. An edit may now be where nobody sees it until it is opened again.
    pub fn close(&mut self) {
        self.forget_old();
        self.sent.iter_mut().for_each(|it| it.keep());
    }

    /// Until when something may still arrive; nothing while somebody waits for it.
    pub fn until(&self) -> Option<Instant> {
        self.sent.iter().map(|it| it.until).max_by_key(|it| (it.is_none(), *it)).flatten()
    }

    /// The document was opened again with the text `now`: only what is still under way counts. `texts` are what its file
    /// may have had when the editor read it, the likeliest first. Gives the one from which edits lead to `now`, and
    /// these, to be [seen](Self::saw); without one nothing is known of how the text came about.
    pub fn reopen<'a>(
        &mut self,
        texts: impl Iterator<Item = &'a Rope>,
        now: &Rope,
    ) -> Vec<(Vec<Edit>, Rope)> {
        self.forget_old();
        let sent: Vec<_> = self.sent.iter().collect();
        let mut ways: Vec<_> = texts.filter_map(|it| Some((it, way(&sent, it, now)?))).collect();
        // An editor that shows what the file has become needed no edit for that; the edit may still come.
        ways.retain(|(from, way)| !way.first().is_some_and(|it| it.reloads && it.is_for(from)));
        let meant = |(from, way): &&(&Rope, Vec<&Sent>)| way.first().is_some_and(|it| it.is_for(from));
        let found = ways.iter().find(meant).or(ways.iter().find(|it| !it.1.is_empty()));
        let mut steps = Vec::new();
        let mut text = found.map_or(now, |it| it.0).clone();
        let start = text.clone();
        let way = found.map(|it| it.1.as_slice()).unwrap_or_default();
        for (at, sent) in way.iter().enumerate() {
            let result = sent.result(&text);
            let edits = match at + 1 == way.len() && result != *now {
                false => sent.edits_of(&text),
                // With what the editor has made of it.
                true => edits_between(&text, now),
            };
            text = if at + 1 == way.len() { now.clone() } else { result };
            steps.push((edits, text.clone()));
        }
        self.restart(&start);
        let number = self.now();
        self.sent.iter_mut().for_each(|it| it.meet(number, &start));
        steps
    }

    /// An edit may still arrive.
    pub fn is_live(&self) -> bool {
        self.sent.iter().any(|it| !it.is_over())
    }

    /// Nothing is looked for.
    pub fn is_idle(&self) -> bool {
        self.sent.is_empty() && self.damage() == 0
    }

    /// How many edits have arrived in the wrong place and are still there.
    pub fn damage(&self) -> usize {
        self.steps.iter().filter(|it| it.astray.is_some()).count()
    }

    /// What went astray is taken back, or given up.
    pub fn repaired(&mut self, text: &Rope) {
        if self.damage() > 0 {
            self.restart(text);
        }
    }

    /// The text as it would be without the edits that went astray: with every character that somebody else put
    /// in, and every one such an edit removed.
    pub fn clean(&self) -> Option<String> {
        if self.damage() == 0 {
            return None;
        }
        let mut runs = vec![Run { text: self.start.clone(), astray: false, gone: Gone::No }];
        for step in &self.steps {
            for edit in &step.edits {
                replay(&mut runs, edit, step.astray.is_some());
            }
        }
        let kept = runs.iter().filter(|it| !it.astray && it.gone != Gone::User);
        Some(kept.flat_map(|it| it.text.chunks()).collect())
    }

    /// The steps of one report as one, if an edit of ours is all of them: some of them may be another one of ours.
    pub fn joined(&self, before: &Rope, steps: Vec<(Vec<Edit>, Rope)>) -> Vec<(Vec<Edit>, Rope)> {
        let Some((_, now)) = steps.last().filter(|_| steps.len() > 1) else { return steps };
        let told = || steps.iter().flat_map(|it| &it.0);
        let is_all = |it: &Sent| it.may_lead(before, now);
        let is_told = |it: &Sent| it.is_for(before) || told().eq(&it.edits_of(before));
        match self.sent.iter().any(|it| is_all(it) && is_told(it)) {
            true => vec![(told().cloned().collect(), now.clone())],
            false => steps,
        }
    }

    /// The document has changed like this, by one report. Gives the edit that arrived as it was meant, and the text
    /// then.
    pub fn saw(&mut self, report: Vec<(Vec<Edit>, Rope)>) -> Option<(u64, Rope)> {
        self.forget_old();
        if self.is_idle() {
            return None;
        }
        let mut arrived = None;
        let is_exact = |(_, text): &(_, Rope)| self.sent.iter().any(|it| it.sources(text).next().is_some());
        let exact = report.iter().any(is_exact);
        for (edits, text) in report {
            if edits.iter().all(|it| it.range.is_empty() && it.text.is_empty()) {
                continue;
            }
            self.steps.push(Step { edits, astray: None });
            // The user has taken it back.
            if self.steps.iter().any(|it| it.astray.as_ref().is_some_and(|before| *before == text)) {
                self.restart(&text);
            }
            arrived = self.find_arrival(&text, exact).or(arrived);
            let now = self.now();
            self.sent.iter_mut().for_each(|it| it.meet(now, &text));
        }
        if self.damage() == 0 {
            self.drop_old_steps();
        }
        arrived
    }

    /// Looks whether an edit has led to this text, `exact`ly or with what editors make of line ends. Gives it if it was
    /// meant to.
    fn find_arrival(&mut self, text: &Rope, exact: bool) -> Option<(u64, Rope)> {
        let found: Vec<_> =
            (0..self.sent.len()).filter_map(|at| Some((at, self.source(at, text, exact)?))).collect();
        // Of two that lead to the same, the newest is the one somebody waits for.
        let well = found.iter().rev().find(|(at, (_, source))| self.sent[*at].is_for(source));
        if let Some((at, _)) = well {
            let arrived = self.take(*at);
            // What it was made for is without what had gone astray before.
            self.repaired(text);
            return Some((arrived.id, text.clone()));
        }
        let (at, (number, source)) = found.into_iter().next()?;
        let arrived = self.take(at);
        let edits = match arrived.result(&source) == *text {
            true => arrived.edits_of(&source),
            // With what the editor has made of it.
            false => edits_between(&source, text),
        };
        let now = self.now();
        self.steps.truncate(number - self.dropped);
        self.steps.push(Step { edits, astray: Some(source) });
        // The numbers of later texts are used up.
        while self.now() < now {
            self.steps.push(Step { edits: Vec::new(), astray: None });
        }
        None
    }

    /// The edit has arrived.
    fn take(&mut self, at: usize) -> Sent {
        let arrived = self.sent.remove(at);
        self.sent.iter_mut().for_each(|it| it.may_be(&arrived));
        arrived
    }

    /// The text from which an edit has led to this one, and its number. If there are several it is the one it was made
    /// for if exactly the edit was reported from there, or if the others are only steps of it; else one from which
    /// exactly the edit was reported; else the newest: what was typed before an edit that removed it must come back.
    fn source(&self, at: usize, text: &Rope, exact: bool) -> Option<(usize, Rope)> {
        let sent = &self.sent[at];
        // No editor tells a change in more than one step, so the text before is not further away.
        let oldest = self.now().saturating_sub(sent.len()).max(self.dropped);
        let mut sources: Vec<_> = sent.sources(text).filter(|it| it.0 >= oldest).collect();
        if sources.is_empty() && !exact {
            sources = sent.sources_alike(text, oldest).collect();
        }
        let is_told = |(number, source): &&(usize, &Rope)| {
            let told = self.steps[number - self.dropped..].iter().flat_map(|it| &it.edits);
            told.eq(sent.edits_of(source).iter())
        };
        let told: Vec<_> = sources.iter().filter(is_told).collect();
        let both = told.iter().find(|it| sent.is_for(it.1)).copied();
        let meant = sources.iter().find(|it| sent.is_for(it.1));
        let is_step = |it: &(usize, &Rope)| sent.is_for(it.1) || sent.is_halfway(it.1);
        let meant = meant.filter(|_| sources.iter().all(is_step));
        let source = both.or(meant).or(told.first().copied()).or(sources.first())?;
        Some((source.0, source.1.clone()))
    }

    /// Number of the text after the last step.
    fn now(&self) -> usize {
        self.dropped + self.steps.len()
    }

    fn restart(&mut self, text: &Rope) {
        self.dropped = self.now();
        self.steps.clear();
        self.start = text.clone();
    }

    fn forget_old(&mut self) {
        self.sent.retain(|it| !it.is_over());
    }

    fn drop_old_steps(&mut self) {
        let old = self.steps.len().saturating_sub(KEPT);
        for step in self.steps.drain(..old) {
            for edit in step.edits {
                self.start.remove(edit.range.clone());
                self.start.insert(edit.range.start, &edit.text);
            }
        }
        self.dropped += old;
    }
}

/// Which of these edits, one after another and each once, lead from one text to another; none if they are the same.
fn way<'a>(sent: &[&'a Sent], from: &Rope, to: &Rope) -> Option<Vec<&'a Sent>> {
    if from == to {
        return Some(Vec::new());
    }
    // So many an editor can have of one document; the requests before are answered or given up.
    if sent.len() > MOST_AT_ONCE {
        return way(&sent[sent.len() - MOST_AT_ONCE..], from, to);
    }
    let exact = sent.iter().enumerate().find_map(|(at, it)| {
        let next = it.result(from);
        if next == *from {
            return None;
        }
        let rest = [&sent[..at], &sent[at + 1..]].concat();
        let mut way = way(&rest, &next, to)?;
        way.insert(0, it);
        Some(way)
    });
    exact.or_else(|| Some(vec![*sent.iter().find(|it| it.may_lead(from, to))?]))
}

/// A part of all that was ever in the text.
#[derive(Debug, Clone)]
struct Run {
    text: Rope,
    /// An edit that went astray put it in.
    astray: bool,
    gone: Gone,
}

/// Who removed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gone {
    No,
    Astray,
    User,
}

fn replay(runs: &mut Vec<Run>, edit: &Edit, astray: bool) {
    let first = cut(runs, edit.range.start);
    let end = cut(runs, edit.range.end).max(first);
    for run in runs[first..end].iter_mut().filter(|it| it.gone == Gone::No) {
        run.gone = if astray { Gone::Astray } else { Gone::User };
    }
    let at = if astray { end } else { first };
    runs.insert(at, Run { text: Rope::from_str(&edit.text), astray, gone: Gone::No });
}

/// Makes a run begin at this character of the text and gives its number.
fn cut(runs: &mut Vec<Run>, at: usize) -> usize {
    let mut left = at;
    for n in 0..runs.len() {
        if runs[n].gone != Gone::No {
            continue;
        }
        let len = runs[n].text.len_chars();
        if left == 0 {
            return n;
        }
        if left < len {
            let rest = runs[n].text.split_off(left);
            runs.insert(n + 1, Run { text: rest, ..runs[n].clone() });
            return n + 1;
        }
        left -= len;
    }
    runs.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "one\ntwo\nthree\n";

    /// Of "two" becoming "2", sent for the base text.
    fn lookout() -> Lookout {
        let mut lookout = Lookout::default();
        let changes = [TextChange { start: 4, end: 7, text: "2".into() }];
        let base = Rope::from_str(BASE);
        lookout.send(1, &base, &changes, PositionEncoding::Utf16, &base);
        lookout
    }

    /// The texts one after the other, each reported on its own.
    fn see(lookout: &mut Lookout, texts: &[&str]) -> Option<u64> {
        let mut arrived = None;
        let mut before = Rope::from_str(BASE);
        for text in texts {
            let text = Rope::from_str(text);
            arrived = lookout.saw(vec![(edits_between(&before, &text), text.clone())]).or(arrived);
            before = text;
        }
        arrived.map(|it| it.0)
    }

    #[test]
    fn an_edit_is_recognised_where_it_was_meant() {
        let mut lookout = lookout();
        assert_eq!(see(&mut lookout, &["one\n2\nthree\n"]), Some(1));
        assert!(lookout.is_idle());
    }

    #[test]
    fn an_edit_in_a_wrong_place_is_taken_back_with_all_that_was_typed() {
        let cases: &[(&[&str], &str)] = &[
            (&[], "zero\none\ntwo\nthree\n"),
            (&["zero\n2\ntwo\nthree!\n"], "zero\none\ntwo\nthree!\n"),
            (&["zero\n2x\ntwo\nthree\n"], "zero\nonex\ntwo\nthree\n"),
            (&["zero\nx2\ntwo\nthree\n"], "zero\nonex\ntwo\nthree\n"),
            (&["zero\ntwo\nthree\n"], "zero\nonetwo\nthree\n"),
        ];
        for (typed, expected) in cases {
            let mut lookout = lookout();
            assert_eq!(see(&mut lookout, &["zero\none\ntwo\nthree\n", "zero\n2\ntwo\nthree\n"]), None);
            assert_eq!(lookout.damage(), 1);
            let mut before = Rope::from_str("zero\n2\ntwo\nthree\n");
            for text in *typed {
                let text = Rope::from_str(text);
                lookout.saw(vec![(edits_between(&before, &text), text.clone())]);
                before = text;
            }
            assert_eq!(lookout.clean().as_deref(), Some(*expected), "{typed:?}");
        }
    }

    #[test]
    fn an_edit_that_is_told_change_by_change_is_no_edit_of_its_own_steps() {
        // After the first change the whole edit would lead to the same text once more.
        let base = Rope::from_str("one\ntwo\n");
        let change = |start, end, text: &str| TextChange { start, end, text: text.into() };
        let told = |changes: [TextChange; 2], steps: [&str; 2]| {
            let mut lookout = Lookout::default();
            lookout.send(1, &base, &changes, PositionEncoding::Utf8, &base);
            let [first, second] = steps.map(Rope::from_str);
            let report =
                vec![(edits_between(&base, &first), first.clone()), (edits_between(&first, &second), second)];
            (lookout.saw(report).map(|it| it.0), lookout.damage())
        };
        // From the start, as Helix tells it.
        let changes = [change(0, 3, "ONE"), change(7, 7, "!")];
        assert_eq!(told(changes.clone(), ["ONE\ntwo\n", "ONE\ntwo!\n"]), (Some(1), 0));
        // From the end.
        let backwards = [change(0, 0, "!"), change(4, 7, "TWO")];
        assert_eq!(told(backwards, ["one\nTWO\n", "!one\nTWO\n"]), (Some(1), 0));
        // What somebody else typed is no step of it.
        assert_eq!(told(changes, ["onx\ntwo\n", "ONE\ntwo!\n"]), (None, 1));
    }

    #[test]
    fn what_the_user_undid_is_not_taken_back_twice() {
        let mut lookout = lookout();
        see(&mut lookout, &["zero\none\ntwo\nthree\n", "zero\n2\ntwo\nthree\n", "zero\none\ntwo\nthree\n"]);
        assert!(lookout.is_idle());
    }

    #[test]
    fn other_texts_mean_nothing() {
        let mut lookout = lookout();
        assert_eq!(see(&mut lookout, &["one\ntwo\n", "one\n22\nthree\n", BASE]), None);
        assert_eq!((lookout.damage(), lookout.clean()), (0, None));
    }
}
