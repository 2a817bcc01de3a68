//! The file, the editor that has it open and what its user does there.

use std::collections::{BTreeSet, VecDeque};

use async_trait::async_trait;
use tokio::sync::oneshot;

use crate::{
    form,
    workspace::{
        editor::{DocumentEdit, EditorAnswer},
        *,
    },
};

/// For so long an edit of a closed document is looked out for, in milliseconds.
const LOOKED_OUT: u64 = 45_000;

/// What the editor does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Says yes and does nothing.
    Lies,
    Refuses,
    Errs,
    /// Makes the change and says no.
    Denies,
    /// Makes the change and never says so.
    Mute,
    /// Does nothing and never says so.
    Dead,
}

/// What the editor does by its nature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nature {
    /// Compares versions: with an answer that says so, or without a word, and then not for version 0.
    pub(super) tells_stale: bool,
    pub(super) first_version: i32,
    pub(super) encoding: PositionEncoding,
    /// Reports several changes as one.
    pub(super) whole: bool,
    /// Gives what it is sent the line ends of the document, and keeps a line break behind the last line.
    pub(super) own_ends: bool,
    /// Does not show a byte order mark.
    pub(super) hides_mark: bool,
    pub(super) closed: OnClosed,
}

/// What an edit of a closed document does.
#[derive(Debug, Clone, Copy)]
pub(super) enum OnClosed {
    Refuse,
    /// Opens it and says so.
    Reopen,
    /// Keeps it in a buffer that nobody sees until it is opened.
    Hide,
}

pub(super) struct Buffer {
    pub(super) text: String,
    version: i32,
    /// Its file has a mark that is not shown.
    marked: bool,
}

pub(super) enum Report {
    /// Of a buffer that was hidden, also the text its file had when it was read.
    Open(i32, String, Option<String>),
    Change(i32, Vec<RangeEdit>),
    Save,
    Close,
}

/// A buffer that nobody sees.
pub(super) struct Hidden {
    text: String,
    /// What was in its file when it was read.
    source: String,
    known: BTreeSet<String>,
    /// Milliseconds since.
    pub(super) age: u64,
}

pub(super) struct Request {
    edit: DocumentEdit,
    answer: oneshot::Sender<EditorAnswer>,
}

pub(super) struct Desk {
    pub(super) nature: Nature,
    pub(super) path: PathBuf,
    pub(super) buffer: Option<Buffer>,
    /// A buffer that is not shown.
    pub(super) hidden: Option<Hidden>,
    pub(super) requests: VecDeque<Request>,
    /// All that was ever asked for.
    asked: Vec<DocumentEdit>,
    pub(super) reports: VecDeque<Report>,
    /// What the user or the agent put into the buffer and nobody took out on purpose.
    pub(super) in_buffer: BTreeSet<String>,
    pub(super) on_disk: BTreeSet<String>,
    /// An edit went to the wrong place and has not been taken back.
    astray: bool,
    /// The user saved it all the same.
    pub(super) astray_on_disk: bool,
    /// The server could not know that it is there: nothing is left of what the text was before.
    pub(super) unknowable: bool,
    /// The agent's texts that were in a buffer at any time.
    pub(super) ever: String,
}

pub(super) struct FakeEditor {
    pub(super) desk: Arc<Mutex<Desk>>,
    pub(super) workspace: Arc<Workspace>,
    pub(super) encoding: PositionEncoding,
}

#[async_trait]
impl EditorClient for FakeEditor {
    async fn apply(&self, edit: DocumentEdit) -> EditorAnswer {
        let newest = self.workspace.document(&edit.path).expect("an edit of a closed document");
        assert_eq!(
            (edit.version, edit.base.to_string()),
            (newest.version, newest.rope.to_string()),
            "computed from an old text"
        );
        if std::env::var_os("PI_TRACE").is_some() {
            eprintln!(
                "  ASK v{} {:?} of {:?} label {:?}",
                edit.version,
                edit.changes,
                edit.base.to_string(),
                edit.label
            );
        }
        let (answer, answered) = oneshot::channel();
        lock(&self.desk).asked.push(edit.clone());
        lock(&self.desk).requests.push_back(Request { edit, answer });
        match tokio::time::timeout(Duration::from_secs(10), answered).await {
            Ok(Ok(answer)) => answer,
            // A request that was thrown away is never answered.
            Ok(Err(_)) => {
                tokio::time::sleep(Duration::from_secs(10)).await;
                EditorAnswer::Silent("no answer".into())
            }
            Err(_) => EditorAnswer::Silent("no answer".into()),
        }
    }

    fn encoding(&self) -> PositionEncoding {
        self.encoding
    }
}

impl Desk {
    /// Nothing is open.
    pub(super) fn new(path: PathBuf, nature: Nature) -> Self {
        Self {
            nature,
            path,
            buffer: None,
            hidden: None,
            requests: VecDeque::new(),
            asked: Vec::new(),
            reports: VecDeque::new(),
            in_buffer: BTreeSet::new(),
            on_disk: BTreeSet::new(),
            astray: false,
            astray_on_disk: false,
            unknowable: false,
            ever: String::new(),
        }
    }

    pub(super) fn disk(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }

    /// A text of the file as the editor shows it.
    fn shown(&self, text: &str) -> String {
        if self.nature.hides_mark { form::without_mark(text).into() } else { text.into() }
    }

    /// What the editor replaces in a text when it is sent an edit, ascending.
    fn places(&self, edit: &DocumentEdit, text: &str) -> Vec<(usize, usize, String)> {
        let mut places = places(edit, text, self.nature.encoding);
        if !self.nature.own_ends {
            return places;
        }
        let ends = form::Ends::of(text).unwrap_or(form::Ends::Lf);
        for (.., new) in &mut places {
            *new = ends.give(&form::with_lf(new)).into_owned();
        }
        let made = apply_at(text, &places);
        if text.ends_with('\n') && !made.ends_with('\n') {
            let made = format!("{made}{}", ends.give("\n"));
            return one_change(text, &made).into_iter().collect();
        }
        places
    }

    /// What it makes of the text then.
    fn made(&self, edit: &DocumentEdit, text: &str) -> String {
        apply_at(text, &self.places(edit, text))
    }

    /// Replaces characters and reports it.
    fn change(&mut self, edits: Vec<(usize, usize, String)>) {
        let Nature { encoding, whole, .. } = self.nature;
        let Some(buffer) = &mut self.buffer else { return };
        let mut told = Vec::new();
        for (start, end, text) in edits {
            let rope = Rope::from_str(&buffer.text);
            let range = Some(position::to_range(&rope, start, end, encoding));
            buffer.text.replace_range(start..end, &text);
            told.push(RangeEdit { range, text });
        }
        if whole {
            told = vec![RangeEdit { range: None, text: buffer.text.clone() }];
        }
        buffer.version += 1;
        self.reports.push_back(Report::Change(buffer.version, told));
    }

    pub(super) fn serve(&mut self, fault: Fault) {
        let Some(Request { edit, answer }) = self.requests.pop_front() else { return };
        if std::env::var_os("PI_TRACE").is_some() {
            eprintln!(
                "  SERVE v{} {:?} {fault:?} on {:?}",
                edit.version,
                edit.changes,
                self.buffer.as_ref().map(|it| (it.version, &it.text))
            );
        }
        let said = match fault {
            Fault::Lies => EditorAnswer::Applied,
            Fault::Refuses => EditorAnswer::Refused(None),
            Fault::Errs => EditorAnswer::Failed("error".into()),
            Fault::Dead => return,
            Fault::None => self.apply(&edit),
            Fault::Denies => {
                self.apply(&edit);
                EditorAnswer::Refused(Some("no".into()))
            }
            Fault::Mute => {
                self.apply(&edit);
                return;
            }
        };
        let _gone = answer.send(said);
    }

    fn apply(&mut self, edit: &DocumentEdit) -> EditorAnswer {
        let Nature { tells_stale, first_version, closed, own_ends, .. } = self.nature;
        let is_closed = self.buffer.is_none();
        if is_closed {
            let disk = self.disk();
            match closed {
                OnClosed::Refuse => return EditorAnswer::Failed("not open".into()),
                OnClosed::Reopen => self.open(),
                OnClosed::Hide => {
                    let (known, disk) = (self.on_disk.clone(), self.shown(&disk));
                    let fresh = || Hidden { text: disk.clone(), source: disk, known, age: 0 };
                    let mut hidden = self.hidden.take().unwrap_or_else(fresh);
                    hidden.text = self.made(edit, &hidden.text);
                    self.ever.push_str(&hidden.text);
                    self.hidden = Some(hidden);
                    return EditorAnswer::Applied;
                }
            }
        }
        let Some(buffer) = &self.buffer else { return EditorAnswer::Refused(None) };
        if buffer.version != edit.version {
            if tells_stale {
                return EditorAnswer::Refused(None);
            }
            if edit.version != 0 {
                return EditorAnswer::Applied;
            }
        }
        debug_assert!(first_version <= buffer.version);
        let (before, meant) = (buffer.text.clone(), edit.base == *buffer.text);
        let mut edits = self.places(edit, &before);
        edits.reverse();
        // What changes nothing is not told by an editor that looks at its lines.
        if !own_ends || self.made(edit, &before) != before {
            self.change(edits);
        }
        let after = &self.buffer.as_ref().unwrap().text;
        self.ever.push_str(after);
        self.astray = !meant;
        // Whether an edit that comes after its document was closed is one the server still wants, or one it has made
        // again meanwhile, cannot be seen: it may take it back.
        if meant && !is_closed {
            // From now on it belongs to the text as much as what the user types.
            let added =
                tokens(after).into_iter().filter(|it| it.starts_with("[agent") && !before.contains(it));
            self.in_buffer.extend(added);
        }
        EditorAnswer::Applied
    }

    pub(super) fn open(&mut self) {
        if self.buffer.is_some() {
            return;
        }
        let version = self.nature.first_version;
        let (text, known, source) = match self.hidden.take() {
            // Too late to be recognised: the text counts as it is.
            Some(it) if it.age > LOOKED_OUT => (it.text, BTreeSet::new(), Some(String::new())),
            Some(it) => (it.text, it.known, Some(it.source)),
            None => (self.shown(&self.disk()), self.on_disk.clone(), None),
        };
        let marked = self.nature.hides_mark && self.disk().starts_with(form::MARK);
        self.in_buffer = known;
        self.astray = false;
        self.unknowable = false;
        self.reports.push_back(Report::Open(version, text.clone(), source));
        self.buffer = Some(Buffer { text, version, marked });
    }

    /// The editor takes over what is on the disk.
    pub(super) fn reload(&mut self) {
        let Some(buffer) = &self.buffer else { return };
        if self.astray || self.unknowable {
            // What of it such an edit has taken away, and what the editor, nobody could tell.
            return;
        }
        let disk = self.disk();
        if let Some(edit) = one_change(&buffer.text, &self.shown(&disk)) {
            self.change(vec![edit]);
        }
        (self.in_buffer, self.astray, self.unknowable) = (self.on_disk.clone(), self.astray_on_disk, false);
        if let Some(buffer) = &mut self.buffer {
            buffer.marked = self.nature.hides_mark && disk.starts_with(form::MARK);
        }
    }

    pub(super) fn close(&mut self) {
        if self.buffer.take().is_some() {
            self.reports.push_back(Report::Close);
            self.in_buffer.clear();
        }
    }

    pub(super) fn save(&mut self) {
        let Some(buffer) = &self.buffer else { return };
        let mark = if buffer.marked { form::MARK.to_string() } else { String::new() };
        put(&self.path, &format!("{mark}{}", buffer.text));
        let saved = tokens(&buffer.text);
        self.astray_on_disk = self.astray || self.unknowable;
        self.on_disk = self.in_buffer.iter().filter(|it| saved.contains(it)).cloned().collect();
        self.reports.push_back(Report::Save);
    }

    pub(super) fn type_text(&mut self, at: u16, token: &str) {
        let Some(buffer) = &self.buffer else { return };
        let mut at = free_place(&buffer.text, at);
        if self.nature.own_ends && at == buffer.text.len() {
            // No line is behind the last one.
            at = buffer.text.trim_end_matches(['\r', '\n']).len();
        }
        self.in_buffer.insert(token.into());
        self.change(vec![(at, at, token.into())]);
    }

    pub(super) fn delete(&mut self, at: u16, len: u8) {
        let Some(buffer) = &self.buffer else { return };
        if self.astray || self.unknowable {
            // Whether this removes what the edit left over nobody could tell.
            return;
        }
        let start = free_place(&buffer.text, at);
        let end =
            buffer.text[start..].char_indices().nth(usize::from(len % 12)).map_or(start, |it| start + it.0);
        let end = if buffer.text[..end].ends_with('\r') { end - 1 } else { end }.max(start);
        let after = [&buffer.text[..start], &buffer.text[end..]].concat();
        if self.nature.own_ends && buffer.text.ends_with('\n') && !after.ends_with('\n') {
            return;
        }
        let made = |it: &DocumentEdit| form::alike(self.made(it, &buffer.text).bytes(), after.bytes());
        if self.asked.iter().any(made) {
            // Nor who did it, if an edit under way would have made the same of the text.
            return;
        }
        self.change(vec![(start, end, String::new())]);
        let after = &self.buffer.as_ref().unwrap().text;
        let after = tokens(after);
        self.in_buffer.retain(|it| after.contains(it));
    }

    /// The server hears of a buffer that was made from `source`. It looks at the file and at what it knows of it; if
    /// neither is that text any more, or both explain the buffer, nobody can tell what an edit in the wrong place has
    /// replaced.
    pub(super) fn has_known(&mut self, source: Option<String>, text: &str, known: Option<String>) {
        let Some(source) = source else { return };
        let known = self.shown(&known.unwrap_or_default());
        if source == known || (source == self.shown(&self.disk()) && !self.explains(&known, text, 3)) {
            return;
        }
        self.unknowable = true;
        let left = self.buffer.as_ref().map(|it| tokens(&it.text)).unwrap_or_default();
        self.in_buffer.retain(|it| left.contains(it));
    }

    /// Whether so many edits that were asked for lead from one text to another.
    fn explains(&self, from: &str, to: &str, many: usize) -> bool {
        self.asked.iter().any(|it| {
            let next = self.made(it, from);
            next != from && (next == to || (many > 1 && self.explains(&next, to, many - 1)))
        })
    }

    pub(super) fn foreign(&mut self, at: u16, token: &str) {
        if self.hidden.is_some() {
            // What a hidden buffer was made from could then be seen nowhere.
            return;
        }
        let mut text = self.disk();
        let at = free_place(&text, at);
        text.insert_str(at, token);
        put(&self.path, &text);
        self.on_disk.insert(token.into());
    }
}

/// A new file: many file systems make one who cuts an old one short wait for the disk.
pub(super) fn put(path: &Path, text: &str) {
    let _new = std::fs::remove_file(path);
    std::fs::write(path, text).unwrap();
}

/// Where the editor sees the edit in a text: by line and character.
fn places(edit: &DocumentEdit, text: &str, encoding: PositionEncoding) -> Vec<(usize, usize, String)> {
    let now = Rope::from_str(text);
    let places = edit.changes.iter().map(|it| {
        let range = position::to_range(&edit.base, it.start, it.end, encoding);
        let start = position::to_byte(&now, range.start, encoding);
        (start, position::to_byte(&now, range.end, encoding).max(start), it.text.clone())
    });
    places.collect()
}

/// The one replacement that leads from one text to another, of whole lines.
fn one_change(before: &str, after: &str) -> Option<(usize, usize, String)> {
    let same = |a: &mut dyn Iterator<Item = &str>, b: &mut dyn Iterator<Item = &str>| {
        a.zip(b).take_while(|(a, b)| a == b).map(|(a, _)| a.len()).sum::<usize>()
    };
    let start = same(&mut before.split_inclusive('\n'), &mut after.split_inclusive('\n'));
    let (old, new) = (&before[start..], &after[start..]);
    let end = same(&mut old.split_inclusive('\n').rev(), &mut new.split_inclusive('\n').rev());
    let change = (start, before.len() - end, new[..new.len() - end].to_owned());
    (before != after).then_some(change)
}

fn apply_at(text: &str, places: &[(usize, usize, String)]) -> String {
    let mut text = text.to_owned();
    for (start, end, new) in places.iter().rev() {
        text.replace_range(start..end, new);
    }
    text
}

/// A place that is in the middle of no character, no line end and nothing the user typed in one go.
fn free_place(text: &str, at: u16) -> usize {
    let mut at = usize::from(at) * (text.len() + 1) / (usize::from(u16::MAX) + 1);
    while at < text.len()
        && (!text.is_char_boundary(at)
            || (text[..at].ends_with('\r') && text[at..].starts_with('\n'))
            || text[..at].rfind(['⟨', '[']) > text[..at].rfind(['⟩', ']']))
    {
        at += 1;
    }
    at
}

/// What was typed, or put in by an edit, in one go. One may be inside another: who types into an edit that went
/// astray finds his text where the edit was.
pub(super) fn tokens(text: &str) -> Vec<String> {
    let mut open = vec![String::new()];
    let mut whole = Vec::new();
    for it in text.chars() {
        if matches!(it, '⟨' | '[') {
            open.push(String::new());
        }
        open.last_mut().unwrap().push(it);
        if matches!(it, '⟩' | ']') && open.len() > 1 {
            whole.extend(open.pop());
        }
    }
    whole
}

pub(super) fn is_pristine(line: &str) -> bool {
    line.trim_end_matches(['\r', '\n']).strip_prefix("line ").is_some_and(|it| it.parse::<u32>().is_ok())
}
