//! The text of an open chat document: what of it is ours, and what the user has changed there.
//!
//! Pure. What we write is merged line by line over what the user has made of it; `places.rs` has the places that are
//! kept, `draft.rs` what becomes of the draft.

use std::collections::HashSet;

use pi_host::workspace::{apply_changes, editor::TextChange, merge, minimal_changes};
use serde::{Deserialize, Serialize};

use super::places::{Places, follow, moved};
use crate::markdown::{self, Word};

/// An open chat document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The whole text as the editor has it.
    pub text: String,
    /// The editor's version of it.
    pub version: i32,
    /// The turns of the conversation that are above what we write at.
    pub frozen: usize,
    pub(super) places: Places,
    /// What we wrote between the tail and the prompt.
    written: String,
    /// What we asked for.
    expected: Option<Expected>,
    /// The draft as it was read from the disk: saving it again says nothing new.
    pub(super) loaded: String,
    /// Ticked boxes, and words behind hunks, as they were read from the disk.
    loaded_ticks: Vec<String>,
    /// Both, as they were before a text seemed to come from the disk.
    doubted: Option<(String, Vec<String>)>,
    /// Hunks about which the user's word was carried out.
    decided: HashSet<usize>,
    /// How many messages were taken from the draft.
    pub(super) taken: u64,
    /// Its places are known from the conversation, not only from its text.
    placed: bool,
    /// The first lines that were ours.
    titles: HashSet<String>,
}

/// A text we asked for, and what holds in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    /// The text it was made from.
    base: String,
    text: String,
    /// What we write at begins and ends here.
    tail: usize,
    prompt: usize,
    /// What leads from the one text to the other, one step after the other. A draft may say the same thing twice: only
    /// this tells which one went.
    steps: Vec<Vec<TextChange>>,
    /// What we write at then.
    written: Option<String>,
    /// What is in the draft then says nothing new.
    holds: bool,
}

/// A document as it was saved, to go on with when it is opened again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    text: String,
    places: Places,
    written: String,
    /// The turns above what we write at.
    pub frozen: usize,
    /// It was compared with the conversation by then.
    #[serde(skip)]
    pub placed: bool,
}

/// A box that the user has ticked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// The heading above it, without its signs.
    pub heading: String,
    /// Its text.
    pub text: String,
    /// The box as the user has ticked it.
    sign: &'static str,
}

/// A text to ask the editor for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The text it was made from.
    pub base: String,
    /// The version of that.
    pub version: i32,
    /// The new text.
    pub text: String,
}

impl Saved {
    /// Whether this is in its draft.
    pub fn has(&self, raw: &str) -> bool {
        self.places.prompt.and_then(|at| self.text.get(at..)).is_some_and(|it| it.contains(raw))
    }

    /// What is in its draft and has been sent.
    pub fn sent(&self) -> impl Iterator<Item = &str> {
        self.places.sent.iter().filter(|it| it.accepted).map(|it| &self.text[it.range.clone()])
    }

    /// How many turns are written at.
    pub fn turns(&self) -> usize {
        markdown::prompts(&self.written)
    }
}

impl Document {
    /// As it was opened.
    pub fn new(text: String, version: i32) -> Self {
        let prompt = markdown::prompt(&text);
        let places = Places { tail: prompt.unwrap_or(text.len()), prompt, sent: Vec::new() };
        let mut it = Self {
            text,
            version,
            frozen: 0,
            places,
            written: String::new(),
            expected: None,
            loaded: String::new(),
            loaded_ticks: Vec::new(),
            doubted: None,
            decided: HashSet::new(),
            taken: 0,
            placed: false,
            titles: HashSet::from([UNTITLED.to_owned()]),
        };
        it.distrust();
        it
    }

    /// As it is now, to be kept when it is saved.
    pub fn saved(&self) -> Saved {
        let (text, places, written) = (self.text.clone(), self.places.clone(), self.written.clone());
        Saved { text, places, written, frozen: self.frozen, placed: self.placed }
    }

    /// What was saved, as it is known now that the document was compared with the conversation. Nothing if the text is
    /// another one by now.
    pub fn saved_before(&self, saved: Saved) -> Option<Saved> {
        match saved.placed {
            true => Some(saved),
            false => Some(self.saved()).filter(|it| it.placed && it.text == saved.text),
        }
    }

    /// It was compared with the conversation.
    pub fn is_placed(&mut self) {
        self.placed = true;
    }

    /// Goes on where the document was when it was saved: what was changed since counts as the user's.
    pub fn restore(&mut self, saved: &Saved) {
        // What was taken since it was opened stays taken.
        let sent = std::mem::take(&mut self.places.sent);
        self.places = Places { sent, ..saved.places.moved(&saved.text, &self.text) };
        self.written.clone_from(&saved.written);
        self.frozen = saved.frozen;
    }

    /// The editor has this text now. `on_disk`: it is what the file has, although nobody saved it.
    pub fn changed(&mut self, text: String, version: i32, on_disk: bool) {
        self.version = version;
        let mut holds = false;
        match self.expected.take_if(|it| it.arrived(&self.text, &text)) {
            Some(it) => {
                let known = it.base == self.text;
                let sent = it.steps.iter().fold(self.places.sent.clone(), |sent, step| follow(&sent, step));
                let places = Places { tail: it.tail, prompt: Some(it.prompt), sent };
                let sent = (!known).then(|| self.places.moved(&self.text, &text).sent);
                self.places = if it.text == text { places } else { places.moved(&it.text, &text) };
                if let Some(sent) = sent {
                    // Something was typed between: nobody knows the steps from there.
                    self.places.sent = sent;
                }
                if let Some(written) = it.written {
                    self.wrote(written);
                }
                holds = it.holds;
            }
            None => self.places = self.places.moved(&self.text, &text),
        }
        self.text = text;
        // At once: the user may save before the room hears of it.
        if holds {
            self.loaded = self.draft().to_owned();
        }
        if on_disk {
            self.doubted.get_or_insert_with(|| (self.loaded.clone(), self.loaded_ticks.clone()));
            self.distrust();
        }
    }

    /// What is there now came from the disk, where anybody can write.
    fn distrust(&mut self) {
        self.loaded = self.draft().to_owned();
        let ticks = self.ours().lines().filter(|it| ticked(it).is_some()).map(str::to_owned);
        let words = markdown::hunk_lines(self.above()).into_iter().filter(|it| it.word().is_some());
        self.loaded_ticks = ticks.chain(words.map(|it| it.text.to_owned())).collect();
    }

    /// It is known whether what is there came from the disk, as it seemed.
    pub fn came_from_disk(&mut self, did: bool) {
        if let Some(before) = self.doubted.take().filter(|_| !did) {
            (self.loaded, self.loaded_ticks) = before;
        }
    }

    /// Where what we write at ends.
    fn end(&self) -> usize {
        self.places.prompt.unwrap_or(self.text.len())
    }

    /// What we write at, as it is.
    fn ours(&self) -> &str {
        self.text.get(self.places.tail..self.end()).unwrap_or_default()
    }

    /// Whether we wrote this at the end, as far as we still write there.
    pub fn has_written(&self, text: &str) -> bool {
        self.written.contains(text)
    }

    /// Everything above the prompt.
    fn above(&self) -> &str {
        &self.text[..self.end()]
    }

    /// Everything above what we write at.
    pub fn finished(&self) -> &str {
        &self.text[..self.places.tail]
    }

    /// Whether the prompt's heading is there.
    pub fn has_prompt(&self) -> bool {
        self.places.prompt.is_some()
    }

    /// The boxes that are ticked where we write, each with the heading it is below. Those that came from the disk do
    /// not count.
    pub fn ticks(&self) -> Vec<Tick> {
        let ours = self.ours();
        let headings = markdown::headings(ours);
        let mut found = Vec::new();
        // A command or a diff is quoted in fences, and may have such lines too.
        for (_, start, line) in markdown::open_lines(ours) {
            let line = line.trim_end();
            let Some((sign, text)) = ticked(line) else { continue };
            let heading = headings.iter().rev().find(|it| it.start < start).filter(|it| it.level == 3);
            if let Some(heading) = heading.filter(|_| !self.loaded_ticks.iter().any(|old| old == line)) {
                found.push(Tick { heading: heading.text.to_owned(), text: text.to_owned(), sign });
            }
        }
        found
    }

    /// What the user has written behind hunks. What came from the disk does not count.
    pub fn words(&self) -> Vec<(usize, Word)> {
        let lines = markdown::hunk_lines(self.above()).into_iter();
        let new = lines.filter(|it| !self.loaded_ticks.iter().any(|old| old == it.text));
        new.filter_map(|it| Some((it.number, it.word()?))).collect()
    }

    /// Takes in what the user has written behind a hunk, and gives the line: it is replaced by what becomes of the
    /// hunk. Nothing if it was taken in before.
    pub fn take_word(&mut self, number: usize) -> Option<String> {
        let written = |it: &markdown::HunkLine<'_>| it.number == number && it.word().is_some();
        let theirs = markdown::hunk_lines(self.above()).into_iter().find(written)?.text.to_owned();
        let ours = markdown::hunk_lines(&self.written).into_iter().find(|it| it.number == number);
        if let Some((start, len)) = ours.map(|it| (it.start, it.text.len())) {
            self.written.replace_range(start..start + len, &theirs);
        }
        self.decided.insert(number).then_some(theirs)
    }

    /// Takes a tick in: it is no change of the user's that stays when we write on. False if we drew no such box, or
    /// the tick was taken before.
    pub fn take_tick(&mut self, tick: &Tick) -> bool {
        let drawn = format!("{UNTICKED}{}", tick.text);
        let found = markdown::open_lines(&self.written).find(|it| it.2 == drawn).map(|it| it.1);
        if let Some(at) = found {
            self.written.replace_range(at..at + UNTICKED.len(), tick.sign);
        }
        found.is_some()
    }

    /// What was written so far stays as it is; from now on we write behind it. It has so many turns more.
    pub fn freeze(&mut self, turns: usize) {
        self.places.tail = self.end();
        self.written.clear();
        self.frozen += turns;
    }

    /// Likewise for the turn that we write at, if it has its foot; what is below that is still ours. False if it has none.
    pub fn freeze_finished(&mut self) -> bool {
        let behind_foot = |text: &str| {
            let foot = markdown::open_lines(text).filter(|it| it.2.starts_with("<!-- ")).last()?;
            let rest = &text[foot.1 + foot.2.len()..];
            Some(text.len() - rest.trim_start_matches('\n').len())
        };
        let is_one = markdown::prompts(self.ours()) == 1;
        let ends = behind_foot(self.ours()).zip(behind_foot(&self.written)).filter(|_| is_one);
        if let Some((shown, written)) = ends {
            self.places.tail += shown;
            self.written.drain(..written);
            self.frozen += 1;
        }
        ends.is_some()
    }

    /// Everything below the head is ours to write anew.
    pub fn thaw_all(&mut self) {
        let end = self.end();
        let first = markdown::headings(&self.text).into_iter().find(|it| it.level == 2).map(|it| it.start);
        self.places.tail = first.map_or(end, |it| it.min(end));
        // As if nothing had been written: what is there is replaced, whatever it is.
        self.written = self.ours().to_owned();
        self.frozen = 0;
    }

    /// From the heading of a turn on the text is ours to write anew, as `tail`. What is not in `tail` stays, as nobody
    /// knows who wrote it.
    pub fn thaw(&mut self, at: usize, tail: &str) {
        self.places.tail = at.min(self.end());
        let ours: HashSet<&str> = tail.lines().collect();
        self.written = self.ours().split_inclusive('\n').filter(|it| ours.contains(it.trim_end())).collect();
    }

    /// The text in which what we write at is `tail`, and `title` is the title if it has none. Nothing if it is so.
    /// With `states`, hunks above it get the states they have now.
    pub fn with_tail(
        &mut self,
        tail: &str,
        title: Option<&str>,
        states: Option<&dyn Fn(usize) -> Option<&'static str>>,
    ) -> Option<Wanted> {
        let mut head = self.finished().to_owned();
        if let Some(state) = states {
            head = markdown::with_states(&head, state, |it| self.decided.contains(&it));
        }
        let region = merge(&self.written, tail, self.ours());
        if let Some(title) = title {
            head = self.entitled(head, title);
        }
        let begin = head.len() + gap(&head, region.is_empty()).len();
        let mut text = format!("{head}{}{region}", gap(&head, region.is_empty()));
        // Nobody wrote it, or the user removed it: without it nothing can be sent.
        let below = self.places.prompt.map_or("## You\n\n", |at| &self.text[at..]);
        text.push_str(gap(&text, self.places.prompt.is_some() && region == self.ours()));
        let prompt = text.len();
        text.push_str(below);
        // Of the draft nothing changes but its place.
        let end = self.places.prompt.unwrap_or(self.text.len());
        let step = vec![TextChange { start: 0, end, text: text[..prompt].to_owned() }];
        self.wanted(Expected {
            base: self.text.clone(),
            text,
            tail: begin,
            prompt,
            steps: vec![step],
            written: Some(tail.to_owned()),
            holds: false,
        })
    }

    /// A head with this title, unless the user has given it another one.
    fn entitled(&mut self, head: String, title: &str) -> String {
        let line = format!("# {title}\n");
        let first = head.find('\n').map_or(head.len(), |it| it + 1);
        let is_ours = head[..first] == line || self.titles.contains(&head[..first]);
        if !is_ours {
            return head;
        }
        let head = format!("{line}{}", &head[first..]);
        self.titles.insert(line);
        head
    }

    /// The editor has taken `tail` as what we write at.
    fn wrote(&mut self, tail: String) {
        self.decided.clear();
        // No word that we write ourselves is the user's, whatever a file or a tool is called.
        let words = markdown::hunk_lines(&tail).into_iter().filter(|it| it.word().is_some());
        let words: Vec<String> = words.map(|it| it.text.to_owned()).collect();
        self.loaded_ticks.extend(words);
        self.written = tail;
    }

    /// The text with another session in its head.
    pub fn with_session(&mut self, old: &str, new: &str) -> Option<Wanted> {
        let old = format!("· session {old}");
        let start = self.text.find(&old)?;
        let change = TextChange { start, end: start + old.len(), text: format!("· session {new}") };
        self.stepped(vec![vec![change]], false)
    }

    /// The text after these steps, none of which is about what we write at.
    pub(super) fn stepped(&mut self, steps: Vec<Vec<TextChange>>, holds: bool) -> Option<Wanted> {
        let text = steps.iter().fold(self.text.clone(), |text, step| apply_changes(&text, step));
        let after = |at: usize| steps.iter().fold(at, |at, step| moved(step, at, false));
        let (tail, prompt) = (after(self.places.tail), after(self.places.prompt?));
        let base = self.text.clone();
        self.wanted(Expected { base, text, tail, prompt, steps, written: None, holds })
    }

    fn wanted(&mut self, expected: Expected) -> Option<Wanted> {
        if expected.text == self.text {
            (self.places.tail, self.places.prompt) = (expected.tail, Some(expected.prompt));
            if let Some(written) = expected.written {
                self.wrote(written);
            }
            return None;
        }
        let (base, text) = (expected.base.clone(), expected.text.clone());
        self.expected = Some(expected);
        Some(Wanted { base, version: self.version, text })
    }
}

impl Expected {
    /// Whether a change from `old` to `new` brought it, alone or among what the user typed: only then the new text is
    /// nearer to what we asked for than to what it was made from.
    fn arrived(&self, old: &str, new: &str) -> bool {
        let is_nearer = |it: &str| distance(&self.text, it) < distance(&self.base, it);
        new == self.text || (is_nearer(new) && !is_nearer(old))
    }
}

/// How much two texts differ, in bytes.
fn distance(one: &str, other: &str) -> usize {
    minimal_changes(one, other).iter().map(|it| it.end - it.start + it.text.len()).sum()
}

/// Before the text of a box.
pub const UNTICKED: &str = "- [ ] ";
const TICKED: [&str; 2] = ["- [x] ", "- [X] "];
/// The first line of a chat that has no title yet.
pub const UNTITLED: &str = "# New chat\n";

/// What is missing between `text` and a paragraph that follows; nothing follows if `nothing`.
fn gap(text: &str, nothing: bool) -> &'static str {
    match () {
        () if nothing || text.is_empty() || text.ends_with("\n\n") => "",
        () if text.ends_with('\n') => "\n",
        () => "\n\n",
    }
}

/// The box of a line, if it is ticked, and the text behind it.
fn ticked(line: &str) -> Option<(&'static str, &str)> {
    TICKED.into_iter().find_map(|sign| Some((sign, line.strip_prefix(sign)?)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub const HEAD: &str = "# New chat\n\n<!-- pi-chat 1 · session a · x -->\n\n";

    /// The editor does what was asked.
    pub fn apply(document: &mut Document, wanted: Option<Wanted>) {
        let wanted = wanted.expect("a change");
        assert_eq!(wanted.base, document.text);
        document.changed(wanted.text, wanted.version + 1, false);
    }

    /// The draft is sent and goes out of the prompt; what it said.
    pub fn sent(document: &mut Document) -> String {
        let taken = document.take_new(false).expect("a draft");
        assert_eq!(document.take_new(false), None, "it counts as sent");
        document.accept(taken.id);
        let cleared = document.without_sent();
        apply(document, cleared);
        taken.text
    }

    #[test]
    fn a_prompt_moves_up_and_the_answer_grows_above_the_next() {
        let mut it = Document::new(format!("{HEAD}## You\n\nfix it\n"), 1);
        assert_eq!(it.take_new(false), None, "it came from the disk");
        assert_eq!(it.draft(), "fix it");
        it.changed(format!("{HEAD}## You\n\nfix it now\n"), 2, false);
        assert_eq!(sent(&mut it), "fix it now");
        assert_eq!(it.without_sent(), None);
        for tail in ["## You · 1\n\nfix it now\n\n", "## You · 1\n\nfix it now\n\n## Pi\n\nok\n\n"] {
            let grown = it.with_tail(tail, Some("fix it now"), None);
            apply(&mut it, grown);
            let head = HEAD.replace("New chat", "fix it now");
            assert_eq!(it.text, format!("{head}{tail}## You\n\n"));
            assert_eq!(it.with_tail(tail, Some("fix it now"), None), None);
        }
        it.freeze(1);
        let next = it.with_tail("## You · 2\n\n", None, None);
        apply(&mut it, next);
        assert!(it.text.ends_with("ok\n\n## You · 2\n\n## You\n\n"), "{}", it.text);
    }

    #[test]
    fn what_the_user_types_stays() {
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        let first = it.with_tail("a\n\nb\n\n", None, None);
        apply(&mut it, first);
        // Into the prompt, above it, and into the very line that grows.
        it.changed(it.text.replace("## You\n\n", "## You\n\ndraft"), 3, false);
        it.changed(it.text.replace("a\n", "a!\n"), 4, false);
        let grown = it.with_tail("a\n\nb\n\nc\n\n", None, None).unwrap();
        assert_eq!(grown.text, format!("{HEAD}a!\n\nb\n\nc\n\n## You\n\ndraft"));
        it.changed(grown.text.clone(), 5, false);
        it.changed(grown.text.replace("c\n", "mine\n"), 6, false);
        let clash = it.with_tail("a\n\nb\n\nc and d\n\n", None, None);
        apply(&mut it, clash);
        assert_eq!(it.text, format!("{HEAD}a!\n\nb\n\nmine\nc and d\n\n## You\n\ndraft"));
        let more = it.with_tail("a\n\nb\n\nc and d and e\n\nf\n\n", None, None);
        apply(&mut it, more);
        assert_eq!(it.text, format!("{HEAD}a!\n\nb\n\nmine\nc and d and e\n\nf\n\n## You\n\ndraft"));
        assert_eq!(it.draft(), "draft");
    }

    #[test]
    fn what_meets_typing_is_known_for_ours() {
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        let tail = "## You · 1\n\ngo\n\n## Pi\n\nThe lo\n\n";
        let first = it.with_tail(tail, Some("go"), None).unwrap();
        // The editor tells title, answer and typing at once.
        let typed = format!("{}next", first.text);
        it.changed(typed.clone(), 2, false);
        let tail = tail.replace("The lo", "The loop");
        let grown = it.with_tail(&tail, Some("go"), None);
        apply(&mut it, grown);
        assert_eq!(it.text, typed.replace("The lo", "The loop"));
        // An edit that comes late, when something was typed already.
        let tail = tail.replace("The loop", "The loop ends");
        let late = it.with_tail(&tail, None, None).unwrap();
        it.changed(it.text.replace("next", "next one"), 4, false);
        it.changed(late.text.replace("next", "next one"), 5, false);
        assert_eq!(it.with_tail(&tail, None, None), None);
        it.freeze(1);
        assert_eq!((it.ours(), it.draft()), ("", "next one"));
    }

    #[test]
    fn what_the_editor_makes_after_something_was_typed_is_not_written_twice() {
        let tail = "## You · 2\n\nRun it\n\n## Pi · 2\n\n### ▶ bash\n\n```console\n$ cat gate\n```\n\n";
        let turn = "## You · 1\n\nWho is there\n\n## Pi · 1\n\nIt is Pi.\n\n<!-- 0 s -->\n\n";
        // On the empty line below the heading, behind the answer, and both.
        for (above, draft) in [("", "b\n"), ("", "be quick\n"), ("note\n", "\n"), ("note\n", "be quick\n")] {
            for is_one_report in [false, true] {
                let mut it = Document::new(format!("{HEAD}{turn}## You\n\n"), 1);
                it.freeze(1);
                let _wanted = it.with_tail(tail, None, None).unwrap();
                let with = |tail: &str| format!("{HEAD}{turn}{tail}{above}## You\n{draft}");
                if !is_one_report {
                    it.changed(with(""), 2, false);
                }
                it.changed(with(tail), 3, false);
                let grown = format!("{tail}More.\n\n");
                let text = it.with_tail(&grown, None, None).unwrap().text;
                assert_eq!(text.matches("Run it").count(), 1, "{is_one_report} {text}");
                assert!(text.contains(above) && text.ends_with(&format!("## You\n{draft}")), "{text}");
            }
        }
    }

    #[test]
    fn a_note_above_the_prompt_does_not_double_what_grows() {
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        let first = it.with_tail("## Pi\n\nThe lo\n\n", None, None);
        apply(&mut it, first);
        it.changed(it.text.replace("## You\n", "note\n## You\n"), 3, false);
        for tail in [
            "## Pi\n\nThe loop\n\n",
            "## Pi\n\nThe loop ends\n\nNow\n\n",
            "## Pi\n\nThe loop ends\n\nNow what\n\n",
        ] {
            let grown = it.with_tail(tail, None, None);
            apply(&mut it, grown);
        }
        assert_eq!(it.text, format!("{HEAD}## Pi\n\nThe loop ends\n\nnote\n\nNow what\n\n## You\n\n"));
    }

    #[test]
    fn a_document_goes_on_where_it_was_saved() {
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        let first = it.with_tail("## Pi\n\n### ▶ bash\n\n", None, None);
        apply(&mut it, first);
        it.changed(
            it.text.replace("### ▶", "note\n\n### ▶").replace("## You\n\n", "## You\n\ngo\n"),
            3,
            false,
        );
        let saved = it.saved();
        let mut again = Document::new(it.text.replace("note", "a note"), 0);
        again.restore(&saved);
        assert!(again.is_sent("go") && !again.is_sent("go"));
        let cleared = again.without_sent();
        apply(&mut again, cleared);
        let grown = again.with_tail("## Pi\n\n### ✓ bash\n\n", None, None);
        apply(&mut again, grown);
        assert_eq!(again.text, format!("{HEAD}## Pi\n\na note\n\n### ✓ bash\n\n## You\n\n"));
    }

    #[test]
    fn a_chat_that_is_renamed_has_its_new_name_and_one_that_its_user_named_keeps_it() {
        let mut it = Document::new(format!("{HEAD}## You\n\n").replace("New chat", "first words"), 1);
        assert_eq!(it.with_tail("", Some("first words"), None), None);
        for name in ["Another name", "A third"] {
            let renamed = it.with_tail("", Some(name), None);
            apply(&mut it, renamed);
            assert!(it.text.starts_with(&format!("# {name}\n\n<!-- ")), "{}", it.text);
        }
        it.changed(it.text.replace("# A third", "# Mine"), 9, false);
        assert_eq!(it.with_tail("", Some("A fourth"), None), None);
    }

    #[test]
    fn a_lost_heading_comes_back() {
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        it.changed(format!("{HEAD}text"), 2, false);
        assert_eq!(it.draft(), "");
        let back = it.with_tail("", None, None);
        apply(&mut it, back);
        assert_eq!(it.text, format!("{HEAD}text\n\n## You\n\n"));
    }

    #[test]
    fn a_tick_counts_once_and_only_where_we_drew_a_box() {
        // The command has such lines itself.
        let tail = "### ? question 1 · bash\n\n```\n- [ ] reject\n- [x] allow once\n- [ ] allow once\n```\n\n- [ ] allow once\n- [ ] reject\n\n";
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        let asked = it.with_tail(tail, None, None);
        apply(&mut it, asked);
        assert_eq!(it.ticks(), []);
        let ticked = it.text.replace("\n\n- [ ] allow once", "\n\n- [x] allow once");
        it.changed(ticked.clone(), 3, true);
        assert_eq!(it.ticks(), [], "it came from the disk");
        it.came_from_disk(false);
        it.changed(ticked.replace("reject\n\n", "reject\n\n- [x] mine\n"), 4, false);
        let ticks = it.ticks();
        assert_eq!(ticks.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(), ["allow once", "mine"]);
        assert_eq!(ticks[0].heading, "? question 1 · bash");
        assert_eq!(ticks.iter().map(|tick| it.take_tick(tick)).collect::<Vec<_>>(), [true, false]);
        assert!(!it.take_tick(&ticks[0]));
        let done = it.with_tail("### ✓ bash\n\n", None, None).unwrap();
        assert_eq!(done.text.matches("[x]").count(), 1, "{}", done.text);
        assert!(done.text.contains("- [x] mine\n"), "{}", done.text);
    }

    #[test]
    fn a_box_that_is_ticked_with_a_capital_letter_is_ticked() {
        let tail = "### ? question 1 · bash\n\n- [ ] allow once\n- [ ] reject\n\n";
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        let asked = it.with_tail(tail, None, None);
        apply(&mut it, asked);
        it.changed(it.text.replace("[ ] allow", "[X] allow"), 3, false);
        let ticks = it.ticks();
        assert_eq!(ticks.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(), ["allow once"]);
        assert!(it.take_tick(&ticks[0]) && !it.take_tick(&ticks[0]));
        let done = it.with_tail("### ✓ bash\n\n", None, None).unwrap();
        assert!(!done.text.contains("allow once"), "{}", done.text);
    }

    #[test]
    fn a_word_that_we_wrote_is_not_the_users() {
        let tail = |word: &str| {
            format!("### ✓ edit a · hunk 1 pending\n\n```diff\n@@ hunk 1 · a:1 · {word}\n+x\n```\n\n")
        };
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        let asked = it.with_tail(&tail("keep"), None, None);
        apply(&mut it, asked);
        assert_eq!(it.words(), []);
        it.freeze(1);
        assert_eq!(it.words(), []);
        it.changed(it.text.replace("keep", "reject"), 3, true);
        assert_eq!(it.words(), [], "it came from the disk");
        it.changed(it.text.replace("a:1 · reject", "a:1 reject"), 4, false);
        assert_eq!(it.words(), [(1, Word::Reject)]);
        assert!(it.take_word(1).is_some() && it.take_word(1).is_none());
        let done = it.with_tail("", None, Some(&|_| Some("rejected"))).unwrap();
        assert!(done.text.contains("· hunk 1 rejected") && done.text.contains("@@ hunk 1 · a:1 · rejected"));
    }

    #[test]
    fn a_turn_can_be_written_anew_and_what_nobody_knows_stays() {
        let old = format!(
            "{HEAD}## You · 1\n\na\n\n## You · 2\n\nb\n\nnote\n\n### ▶ bash · running\n\n## You\n\ndraft"
        );
        let mut it = Document::new(old.clone(), 1);
        let tail = "## You · 2\n\nb\n\n### ✓ bash\n\n";
        it.thaw(old.find("## You · 2").unwrap(), tail);
        let whole = it.with_tail(tail, None, None);
        apply(&mut it, whole);
        for line in ["note", "### ▶ bash · running", "### ✓ bash", "b", "a"] {
            assert_eq!(it.text.lines().filter(|it| *it == line).count(), 1, "{line}: {}", it.text);
        }
        let other = it.with_session("a", "bcd");
        apply(&mut it, other);
        assert_eq!((crate::markdown::session_id(&it.text), it.draft()), (Some("bcd"), "draft"));
        it.thaw_all();
        let anew = it.with_tail(tail, None, None);
        apply(&mut it, anew);
        assert_eq!(it.text, format!("{HEAD}{tail}## You\n\ndraft").replace("session a", "session bcd"));
    }
}
