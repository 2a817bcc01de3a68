//! The text of an open chat document, and the two places in it that we keep: where the running turn begins, and
//! where the user's prompt does.
//!
//! Pure. The places move with every change; only when a change touches the prompt's heading itself is it looked for
//! by its text again.

use std::collections::HashSet;

use pi_host::workspace::rebase;

use crate::markdown::{self, Word};

/// An open chat document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The whole text as the editor has it.
    pub text: String,
    /// The editor's version of it.
    pub version: i32,
    /// Where what we still write at begins.
    tail: usize,
    /// Where the heading of the prompt begins.
    prompt: Option<usize>,
    /// What we wrote between the two.
    written: String,
    /// A text we asked for, and its two places.
    expected: Option<(String, usize, usize)>,
    /// The draft as it was read from the disk: saving it again says nothing new.
    loaded: String,
    /// Ticked boxes, and words behind hunks, as they were read from the disk.
    loaded_ticks: Vec<String>,
    /// Hunks about which the user's word was carried out.
    decided: HashSet<usize>,
    /// How many messages were taken out of the prompt so far.
    pub cleared: u64,
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

impl Document {
    /// As it was opened.
    pub fn new(text: String, version: i32) -> Self {
        let prompt = markdown::prompt(&text);
        let tail = prompt.unwrap_or(text.len());
        let mut it = Self {
            text,
            version,
            tail,
            prompt,
            written: String::new(),
            expected: None,
            loaded: String::new(),
            loaded_ticks: Vec::new(),
            decided: HashSet::new(),
            cleared: 0,
        };
        it.distrust();
        it
    }

    /// The editor has this text now. `on_disk`: it is what the file has, although nobody saved it.
    pub fn changed(&mut self, text: String, version: i32, on_disk: bool) {
        self.version = version;
        match self.expected.take_if(|it| it.0 == text) {
            Some((_, tail, prompt)) => (self.tail, self.prompt) = (tail, Some(prompt)),
            None => self.follow(&text),
        }
        self.text = text;
        if on_disk {
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

    /// What is there was written by the user after all.
    pub fn trust(&mut self) {
        self.loaded.clear();
        self.loaded_ticks.clear();
    }

    /// What we write at, as it is.
    fn ours(&self) -> &str {
        let end = self.prompt.unwrap_or(self.text.len());
        self.text.get(self.tail..end).unwrap_or_default()
    }

    /// Everything above the prompt.
    fn above(&self) -> &str {
        &self.text[..self.prompt.unwrap_or(self.text.len())]
    }

    /// Whether the prompt's heading is there.
    pub fn has_prompt(&self) -> bool {
        self.prompt.is_some()
    }

    fn follow(&mut self, text: &str) {
        let old = self.text.as_bytes();
        let new = text.as_bytes();
        let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
        let rest = (old.len() - start).min(new.len() - start);
        let same = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
        let end = old.len() - same;
        let moved = |at: usize| if at >= end { at + new.len() - old.len() } else { at.min(start) };
        // What is inserted between the two is ours: it moves the prompt only.
        let tail = if self.tail <= start { self.tail } else { moved(self.tail) };
        let prompt = self.prompt.map(moved).filter(|at| is_prompt(text, *at));
        self.prompt = prompt.or_else(|| markdown::prompt(text));
        let tail = tail.min(self.prompt.unwrap_or(text.len()));
        self.tail = if text.is_char_boundary(tail) { tail } else { self.prompt.unwrap_or(text.len()) };
    }

    /// What the user has written and not sent.
    pub fn draft(&self) -> &str {
        let Some(below) = self.prompt.and_then(|at| self.text.get(at..)) else { return "" };
        below.split_once('\n').map_or("", |(_, draft)| draft.trim())
    }

    /// The draft, unless it is as the disk had it.
    pub fn new_draft(&self) -> Option<&str> {
        let draft = self.draft();
        (!draft.is_empty() && draft != self.loaded).then_some(draft)
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

    /// What was written so far stays as it is; from now on we write behind it.
    pub fn freeze(&mut self) {
        self.tail = self.prompt.unwrap_or(self.text.len());
        self.written.clear();
    }

    /// Everything below the head is ours to write anew.
    pub fn thaw_all(&mut self) {
        let end = self.prompt.unwrap_or(self.text.len());
        let head =
            markdown::headings(&self.text).into_iter().find(|it| it.level == 2).map_or(end, |it| it.start);
        self.tail = head.min(end);
        // As if nothing had been written: what is there is replaced, whatever it is.
        self.written = self.text[self.tail..end].to_owned();
    }

    /// Whether the last turn in the document has its foot.
    pub fn ends_finished(&self) -> bool {
        let end = self.prompt.unwrap_or(self.text.len());
        self.text[..end]
            .lines()
            .rev()
            .take_while(|it| !it.starts_with("## "))
            .any(|it| it.starts_with("<!-- "))
    }

    /// From the last heading on that begins with `heading`, the text is ours to write anew; steering messages belong
    /// to the prompt before.
    pub fn thaw(&mut self, heading: &str) {
        let found = markdown::headings(&self.text)
            .into_iter()
            .rev()
            .find(|it| it.level == 2 && it.text.starts_with(heading) && !it.text.ends_with(')'));
        let end = self.prompt.unwrap_or(self.text.len());
        if let Some(at) = found.map(|it| it.start).filter(|it| *it < end) {
            self.tail = at;
            self.written = self.text[at..end].to_owned();
        }
    }

    /// The text in which what we write at is `tail`, and `title` is the title if it has none. Nothing if it is so.
    /// With `states`, hunks above it get the states they have now.
    pub fn with_tail(
        &mut self,
        tail: &str,
        title: Option<&str>,
        states: Option<&dyn Fn(usize) -> Option<&'static str>>,
    ) -> Option<Wanted> {
        let end = self.prompt.unwrap_or(self.text.len());
        let mut head = self.text[..self.tail].to_owned();
        if let Some(state) = states {
            head = markdown::with_states(&head, state, |it| self.decided.contains(&it));
        }
        let theirs = &self.text[self.tail..end];
        let region = match rebase(&self.written, tail, theirs) {
            Some(region) => region,
            // The user changed the very lines: theirs stay, what is new comes behind.
            None => {
                let same = self.written.lines().zip(tail.lines()).take_while(|(a, b)| a == b).count();
                let new: String = tail.split_inclusive('\n').skip(same).collect();
                format!("{}\n\n{new}", theirs.trim_end())
            }
        };
        if let (Some(title), Some(rest)) = (title, head.strip_prefix(UNTITLED)) {
            head = format!("# {title}\n{rest}");
        }
        let begin = head.len() + gap(&head, region.is_empty()).len();
        let mut text = format!("{head}{}{region}", gap(&head, region.is_empty()));
        // Nobody wrote it, or the user removed it: without it nothing can be sent.
        let below = self.prompt.map_or("## You\n\n", |at| &self.text[at..]);
        text.push_str(gap(&text, self.prompt.is_some() && region == theirs));
        let prompt = text.len();
        text.push_str(below);
        let wanted = self.wanted(text, begin, prompt);
        if wanted.is_none() {
            self.wrote(tail);
        }
        wanted
    }

    /// The editor has taken `tail` as what we write at.
    pub fn wrote(&mut self, tail: &str) {
        self.written = tail.to_owned();
        self.decided.clear();
        // No word that we write ourselves is the user's, whatever a file or a tool is called.
        let words = markdown::hunk_lines(tail).into_iter().filter(|it| it.word().is_some());
        let words: Vec<String> = words.map(|it| it.text.to_owned()).collect();
        self.loaded_ticks.extend(words);
    }

    /// The text without `sent` at the beginning of the draft. Nothing if the draft begins with something else.
    pub fn without(&mut self, sent: &str) -> Option<Wanted> {
        let at = self.prompt?;
        let body = at + self.text[at..].find('\n')? + 1;
        let draft = self.text[body..].trim_start();
        let rest = draft.strip_prefix(sent)?;
        let rest = rest.strip_prefix('\n').unwrap_or(rest);
        let text = format!("{}\n{rest}", &self.text[..body]);
        self.loaded.clear();
        self.wanted(text, self.tail, at)
    }

    /// The text with `draft` before what is in the draft already.
    pub fn with_draft(&mut self, draft: &str) -> Option<Wanted> {
        let at = self.prompt?;
        let body = at + self.text[at..].find('\n')? + 1;
        let rest = self.text[body..].trim_start_matches('\n');
        let text = format!("{}\n{draft}\n{rest}", &self.text[..body]);
        self.wanted(text, self.tail, at)
    }

    /// The text with another session in its head.
    pub fn with_session(&mut self, old: &str, new: &str) -> Option<Wanted> {
        let text = self.text.replacen(&format!("· session {old}"), &format!("· session {new}"), 1);
        let moved = |at: usize| at + new.len() - old.len();
        let (tail, prompt) = (moved(self.tail), moved(self.prompt?));
        self.wanted(text, tail, prompt)
    }

    fn wanted(&mut self, text: String, tail: usize, prompt: usize) -> Option<Wanted> {
        if text == self.text {
            (self.tail, self.prompt) = (tail, Some(prompt));
            return None;
        }
        self.expected = Some((text.clone(), tail, prompt));
        Some(Wanted { base: self.text.clone(), version: self.version, text })
    }
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

/// Whether the heading of the prompt is at this place.
fn is_prompt(text: &str, at: usize) -> bool {
    let begins = at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n');
    let line = text.get(at..).and_then(|it| it.split('\n').next());
    begins && line.is_some_and(|it| it.trim_end() == markdown::PROMPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# New chat\n\n<!-- pi-chat 1 · session a · x -->\n\n";

    /// The editor does what was asked.
    fn apply(document: &mut Document, wanted: Option<Wanted>) {
        let wanted = wanted.expect("a change");
        assert_eq!(wanted.base, document.text);
        document.changed(wanted.text, wanted.version + 1, false);
    }

    #[test]
    fn a_prompt_moves_up_and_the_answer_grows_above_the_next() {
        let mut it = Document::new(format!("{HEAD}## You\n\nfix it\n"), 1);
        assert_eq!((it.draft(), it.new_draft()), ("fix it", None), "it came from the disk");
        it.changed(format!("{HEAD}## You\n\nfix it now\n"), 2, false);
        assert_eq!(it.new_draft(), Some("fix it now"));
        let cleared = it.without("fix it now");
        apply(&mut it, cleared);
        assert_eq!(it.draft(), "");
        assert_eq!(it.without("fix it now"), None);
        for tail in ["## You · 1\n\nfix it now\n\n", "## You · 1\n\nfix it now\n\n## Pi\n\nok\n\n"] {
            let grown = it.with_tail(tail, Some("fix it now"), None);
            apply(&mut it, grown);
            it.wrote(tail);
            let head = HEAD.replace("New chat", "fix it now");
            assert_eq!(it.text, format!("{head}{tail}## You\n\n"));
            assert_eq!(it.with_tail(tail, Some("x"), None), None);
        }
        it.freeze();
        let next = it.with_tail("## You · 2\n\n", None, None);
        apply(&mut it, next);
        assert!(it.text.ends_with("ok\n\n## You · 2\n\n## You\n\n"), "{}", it.text);
    }

    #[test]
    fn what_the_user_types_stays() {
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        let first = it.with_tail("a\n\nb\n\n", None, None);
        apply(&mut it, first);
        it.wrote("a\n\nb\n\n");
        // Into the prompt, above it, and into the very line that grows.
        it.changed(it.text.replace("## You\n\n", "## You\n\ndraft"), 3, false);
        it.changed(it.text.replace("a\n", "a!\n"), 4, false);
        let grown = it.with_tail("a\n\nb\n\nc\n\n", None, None).unwrap();
        assert_eq!(grown.text, format!("{HEAD}a!\n\nb\n\nc\n\n## You\n\ndraft"));
        it.changed(grown.text.replace("c\n", "mine\n"), 5, false);
        it.wrote("a\n\nb\n\nc\n\n");
        let clash = it.with_tail("a\n\nb\n\nc and d\n\n", None, None).unwrap();
        assert_eq!(clash.text, format!("{HEAD}a!\n\nb\n\nmine\n\nc and d\n\n## You\n\ndraft"));
        assert_eq!(it.draft(), "draft");
    }

    #[test]
    fn what_was_typed_behind_the_sent_text_is_the_next_draft() {
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        it.changed(format!("{HEAD}## You\n\nfix it? and more"), 2, false);
        let cleared = it.without("fix it");
        apply(&mut it, cleared);
        assert_eq!(it.draft(), "? and more");
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
    fn a_text_from_the_disk_is_no_new_draft() {
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        it.changed(format!("{HEAD}## You\n\nrm -rf\n"), 2, true);
        assert_eq!((it.draft(), it.new_draft()), ("rm -rf", None));
        it.changed(format!("{HEAD}## You\n\nrm -rf\nno\n"), 3, false);
        assert_eq!(it.new_draft(), Some("rm -rf\nno"));
    }

    #[test]
    fn a_tick_counts_once_and_only_where_we_drew_a_box() {
        // The command has such lines itself.
        let tail = "### ? question 1 · bash\n\n```\n- [ ] reject\n- [x] allow once\n- [ ] allow once\n```\n\n- [ ] allow once\n- [ ] reject\n\n";
        let mut it = Document::new(format!("{HEAD}## You\n\n"), 1);
        let asked = it.with_tail(tail, None, None);
        apply(&mut it, asked);
        it.wrote(tail);
        assert_eq!(it.ticks(), []);
        let ticked = it.text.replace("\n\n- [ ] allow once", "\n\n- [x] allow once");
        it.changed(ticked.clone(), 3, true);
        assert_eq!(it.ticks(), [], "it came from the disk");
        it.trust();
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
        it.wrote(tail);
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
        it.wrote(&tail("keep"));
        assert_eq!(it.words(), []);
        it.freeze();
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
    fn the_last_turn_can_be_written_anew() {
        let old =
            format!("{HEAD}## You · 1\n\na\n\n## You · 2\n\nb\n\n### ▶ bash · running\n\n## You\n\ndraft");
        let mut it = Document::new(old, 1);
        it.thaw("You ·");
        let whole = it.with_tail("## You · 2\n\nb\n\n### ✓ bash\n\n", None, None).unwrap();
        assert_eq!(
            whole.text,
            format!("{HEAD}## You · 1\n\na\n\n## You · 2\n\nb\n\n### ✓ bash\n\n## You\n\ndraft")
        );
        apply(&mut it, Some(whole));
        it.wrote("## You · 2\n\nb\n\n### ✓ bash\n\n");
        let other = it.with_session("a", "bcd");
        apply(&mut it, other);
        assert_eq!((crate::markdown::session_id(&it.text), it.draft()), (Some("bcd"), "draft"));
    }
}
