//! The draft of a chat document: what of it was sent, what is left, what goes out of it and comes back.
//!
//! Pure. What was sent is known by its place, so that nothing is sent twice and nothing typed around it is missed.

use std::ops::Range;

use pi_host::workspace::{apply_changes, editor::TextChange};

use super::{
    document::{Document, Wanted},
    places::Sent,
    send,
};

/// A message that was taken from the draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its number in this document.
    pub id: u64,
    /// As it is in the draft.
    pub raw: String,
    /// What is said.
    pub text: String,
}

impl Document {
    /// Where the draft is.
    fn below(&self) -> Option<Range<usize>> {
        let at = self.places.prompt?;
        Some(at + self.text[at..].find('\n')? + 1..self.text.len())
    }

    /// What is below the prompt's heading.
    pub fn draft(&self) -> &str {
        self.below().map_or("", |it| self.text[it].trim())
    }

    /// Takes what the user has written and not sent, unless the draft is as the disk had it. It counts as sent from now
    /// on. With `marker` only what ends with the marker's line.
    pub fn take_new(&mut self, marker: bool) -> Option<Taken> {
        if self.draft() == self.loaded { None } else { self.take(|raw| send::message(raw, marker)) }
    }

    /// Takes what is written and not sent, however it came to be there.
    pub fn take_any(&mut self) -> Option<Taken> {
        self.take(|raw| send::message(raw, true).or_else(|| send::message(raw, false)))
    }

    fn take(&mut self, message: impl for<'a> Fn(&'a str) -> Option<&'a str>) -> Option<Taken> {
        let parts = self.unsent();
        let raw: Vec<&str> = parts.iter().map(|it| &self.text[it.clone()]).collect();
        let raw = raw.join("\n");
        let text = message(&raw)?.to_owned();
        self.taken += 1;
        let id = self.taken;
        self.places.sent.extend(parts.into_iter().map(|range| Sent { id, range, accepted: false }));
        self.places.sent.sort_by_key(|it| it.range.start);
        Some(Taken { id, raw, text })
    }

    /// The parts of the draft that were not sent.
    fn unsent(&self) -> Vec<Range<usize>> {
        let Some(Range { mut start, end }) = self.below() else { return Vec::new() };
        let mut parts = Vec::new();
        let sent = self.places.sent.iter().map(|it| it.range.clone());
        for part in sent.chain(std::iter::once(end..end)) {
            let text = &self.text[start.min(part.start)..part.start];
            let first = part.start - text.trim_start().len();
            let trimmed = text.trim();
            if !trimmed.is_empty() {
                parts.push(first..first + trimmed.len());
            }
            start = part.end;
        }
        parts
    }

    /// The session has this message: it goes out of the prompt.
    pub fn accept(&mut self, id: u64) {
        self.places.sent.iter_mut().filter(|it| it.id == id).for_each(|it| it.accepted = true);
    }

    /// The session does not have this message: it is a draft again.
    pub fn refuse(&mut self, id: u64) {
        self.places.sent.retain(|it| it.id != id);
    }

    /// A text in the draft, behind those of which that is known, was sent: it goes out of the prompt. False if it is
    /// not there.
    pub fn is_sent(&mut self, raw: &str) -> bool {
        let Some(below) = self.below() else { return false };
        let known = self.places.sent.last().map_or(below.start, |it| it.range.end);
        let begins = |at: &usize| self.text[..*at].ends_with('\n') || *at == known;
        let found = self.text[known..].match_indices(raw).map(|it| known + it.0).find(begins);
        if let Some(start) = found.filter(|_| !raw.is_empty()) {
            self.taken += 1;
            self.places.sent.push(Sent { id: self.taken, range: start..start + raw.len(), accepted: true });
        }
        found.is_some()
    }

    /// The text without the messages that the session has. Nothing if there are none in the draft.
    pub fn without_sent(&mut self) -> Option<Wanted> {
        let below = self.below()?;
        let accepted = self.places.sent.iter().filter(|it| it.accepted);
        // With the end of its line.
        let whole = |it: &Sent| it.range.end + usize::from(self.text[it.range.end..].starts_with('\n'));
        let gone: Vec<_> = accepted.map(|it| change(it.range.start..whole(it), "")).collect();
        if gone.is_empty() {
            return None;
        }
        self.loaded.clear();
        // One empty line below the heading.
        let left = apply_changes(&self.text, &gone);
        let rest = left[below.start..].trim_start_matches('\n').len();
        let line = change(below.start..left.len() - rest, "\n");
        self.stepped(vec![gone, vec![line]], false)
    }

    /// The text with `draft` before what is in the draft already. Unless it `is_new`, saving it sends nothing.
    pub fn with_draft(&mut self, draft: &str, is_new: bool) -> Option<Wanted> {
        let below = self.below()?;
        let rest = self.text[below.clone()].trim_start_matches('\n').len();
        let added = change(below.start..below.end - rest, &format!("\n{draft}\n"));
        self.stepped(vec![vec![added]], !is_new)
    }
}

fn change(range: Range<usize>, text: &str) -> TextChange {
    TextChange { start: range.start, end: range.end, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{
        super::document::tests::{HEAD, apply, sent},
        *,
    };

    #[test]
    fn what_was_typed_behind_the_sent_text_is_the_next_draft() {
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        it.changed(format!("{HEAD}## You\n\nfix it"), 2, false);
        let first = it.take_new(false).unwrap();
        it.changed(format!("{HEAD}## You\n\nwait\nfix it? and more"), 3, false);
        assert_eq!(it.take_new(false).unwrap().text, "wait\n? and more");
        it.accept(first.id);
        let cleared = it.without_sent();
        apply(&mut it, cleared);
        assert_eq!(it.take_new(false), None, "it is on its way");
        assert_eq!(it.draft(), "wait\n? and more");
        it.refuse(2);
        assert_eq!(it.take_any().unwrap().raw, "wait\n? and more");
    }

    #[test]
    fn what_is_sent_while_an_edit_is_on_its_way_is_sent() {
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        it.changed(format!("{HEAD}## You\n\ngo\n"), 2, false);
        let grown = it.with_tail("a note\n\n", None, None);
        // Saved, and taken by the session, before the editor has made the edit.
        let taken = it.take_new(false).unwrap();
        it.accept(taken.id);
        apply(&mut it, grown);
        let cleared = it.without_sent();
        apply(&mut it, cleared);
        assert_eq!(it.text, format!("{HEAD}a note\n\n## You\n\n"));
    }

    #[test]
    fn of_two_equal_messages_the_sent_one_goes() {
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        it.changed(format!("{HEAD}## You\n\ngo\n"), 2, false);
        let taken = it.take_new(false).unwrap();
        it.accept(taken.id);
        it.changed(format!("{HEAD}## You\n\ngo\ngo\n"), 3, false);
        let cleared = it.without_sent();
        apply(&mut it, cleared);
        assert_eq!(it.without_sent(), None);
        assert_eq!(it.take_new(false).unwrap().text, "go");
    }

    #[test]
    fn a_message_that_is_refused_is_a_draft_again_and_the_one_behind_it_is_not() {
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        it.changed(format!("{HEAD}## You\n\none\n"), 2, false);
        let first = it.take_new(false).unwrap();
        it.changed(format!("{HEAD}## You\n\none\ntwo\n"), 3, false);
        assert_eq!(sent(&mut it), "two");
        it.refuse(first.id);
        assert_eq!(it.draft(), "one");
        assert_eq!(it.take_new(false).unwrap().text, "one");
        let back = it.with_draft("zero", true);
        apply(&mut it, back);
        assert_eq!(it.take_new(false).unwrap().text, "zero");
        assert_eq!(it.draft(), "zero\none");
    }

    #[test]
    fn a_text_from_the_disk_is_no_new_draft() {
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        it.changed(format!("{HEAD}## You\n\nrm -rf\n"), 2, true);
        assert_eq!(it.take_new(false), None);
        assert_eq!(it.draft(), "rm -rf");
        it.changed(format!("{HEAD}## You\n\nrm -rf\nno\n"), 3, false);
        assert_eq!(it.take_new(false).unwrap().text, "rm -rf\nno");
    }
}
