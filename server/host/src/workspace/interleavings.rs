//! A user, an editor and an agent at one file, in every order: thousands of random stories, step by step, in
//! simulated time.
//!
//! After each story, when everything has been delivered and answered: no character the user typed is lost or
//! doubled, no edit was computed from an older text than the newest reported one, and the overlay has the text
//! of the editor. `PI_INTERLEAVINGS` is the number of stories, `PI_SEED` chooses others.

use std::collections::{BTreeSet, VecDeque};

use async_trait::async_trait;
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestError, TestRng, TestRunner},
};
use tokio::{sync::oneshot, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    editor::{DocumentEdit, EditorAnswer},
    *,
};

/// For so long an edit of a closed document is looked out for, in milliseconds.
const LOOKED_OUT: u64 = 45_000;

/// One thing that happens. Numbers choose a place or a length, whatever the text is then.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The user types something that is nowhere else.
    Type(u16),
    /// The user removes some characters.
    Delete(u16, u8),
    /// The agent reads the file.
    Read,
    /// The agent replaces up to this many lines of what it read.
    Edit(u8, u8),
    /// The run is stopped.
    Cancel,
    /// The editor takes up the next request.
    Serve(Fault),
    /// The server gets the next report of the editor.
    Deliver,
    /// The server gets all of them.
    DeliverAll,
    Save,
    Close,
    Open,
    /// Another program adds a line to the file.
    Foreign(u16),
    /// Time passes: milliseconds.
    Wait(u64),
}

/// What the editor does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
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
struct Nature {
    /// Compares versions: with an answer that says so, or without a word, and then not for version 0.
    tells_stale: bool,
    first_version: i32,
    encoding: PositionEncoding,
    /// Reports several changes as one.
    whole: bool,
    closed: OnClosed,
}

/// What an edit of a closed document does.
#[derive(Debug, Clone, Copy)]
enum OnClosed {
    Refuse,
    /// Opens it and says so.
    Reopen,
    /// Keeps it in a buffer that nobody sees until it is opened.
    Hide,
}

struct Buffer {
    text: String,
    version: i32,
}

enum Report {
    /// Of a buffer that was hidden, also the text its file had when it was read.
    Open(i32, String, Option<String>),
    Change(i32, Vec<RangeEdit>),
    Save,
    Close,
}

/// A buffer that nobody sees.
struct Hidden {
    text: String,
    /// What was in its file when it was read.
    source: String,
    known: BTreeSet<String>,
    /// Milliseconds since.
    age: u64,
}

struct Request {
    edit: DocumentEdit,
    answer: oneshot::Sender<EditorAnswer>,
}

struct Desk {
    nature: Nature,
    path: PathBuf,
    buffer: Option<Buffer>,
    /// A buffer that is not shown.
    hidden: Option<Hidden>,
    requests: VecDeque<Request>,
    /// All that was ever asked for.
    asked: Vec<DocumentEdit>,
    reports: VecDeque<Report>,
    /// What the user or the agent put into the buffer and nobody took out on purpose.
    in_buffer: BTreeSet<String>,
    on_disk: BTreeSet<String>,
    /// An edit went to the wrong place and has not been taken back.
    astray: bool,
    /// The user saved it all the same.
    astray_on_disk: bool,
    /// The server could not know that it is there: nothing is left of what the text was before.
    unknowable: bool,
    /// The agent's texts that were in a buffer at any time.
    ever: String,
}

struct FakeEditor {
    desk: Arc<Mutex<Desk>>,
    workspace: Arc<Workspace>,
    encoding: PositionEncoding,
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
    fn disk(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
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

    fn serve(&mut self, fault: Fault) {
        let Some(Request { edit, answer }) = self.requests.pop_front() else { return };
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
        let Nature { tells_stale, first_version, encoding, closed, .. } = self.nature;
        let is_closed = self.buffer.is_none();
        if is_closed {
            let disk = self.disk();
            match closed {
                OnClosed::Refuse => return EditorAnswer::Failed("not open".into()),
                OnClosed::Reopen => self.open(),
                OnClosed::Hide => {
                    let known = self.on_disk.clone();
                    let fresh = || Hidden { text: disk.clone(), source: disk, known, age: 0 };
                    let mut hidden = self.hidden.take().unwrap_or_else(fresh);
                    hidden.text = apply_at(&hidden.text, &places(edit, &hidden.text, encoding));
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
        let mut places = places(edit, &buffer.text, encoding);
        places.reverse();
        let (before, meant) = (buffer.text.clone(), edit.base == *buffer.text);
        self.change(places);
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

    fn open(&mut self) {
        if self.buffer.is_some() {
            return;
        }
        let version = self.nature.first_version;
        let (text, known, source) = match self.hidden.take() {
            // Too late to be recognised: the text counts as it is.
            Some(it) if it.age > LOOKED_OUT => (it.text, BTreeSet::new(), Some(String::new())),
            Some(it) => (it.text, it.known, Some(it.source)),
            None => (self.disk(), self.on_disk.clone(), None),
        };
        self.in_buffer = known;
        self.astray = false;
        self.unknowable = false;
        self.reports.push_back(Report::Open(version, text.clone(), source));
        self.buffer = Some(Buffer { text, version });
    }

    fn close(&mut self) {
        if self.buffer.take().is_some() {
            self.reports.push_back(Report::Close);
            self.in_buffer.clear();
        }
    }

    fn save(&mut self) {
        let Some(buffer) = &self.buffer else { return };
        put(&self.path, &buffer.text);
        let saved = tokens(&buffer.text);
        self.astray_on_disk = self.astray || self.unknowable;
        self.on_disk = self.in_buffer.iter().filter(|it| saved.contains(it)).cloned().collect();
        self.reports.push_back(Report::Save);
    }

    fn type_text(&mut self, at: u16, token: &str) {
        let Some(buffer) = &self.buffer else { return };
        let at = free_place(&buffer.text, at);
        self.in_buffer.insert(token.into());
        self.change(vec![(at, at, token.into())]);
    }

    fn delete(&mut self, at: u16, len: u8) {
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
        let encoding = self.nature.encoding;
        if self.asked.iter().any(|it| apply_at(&buffer.text, &places(it, &buffer.text, encoding)) == after) {
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
    fn has_known(&mut self, source: Option<String>, text: &str, known: Option<String>) {
        let Some(source) = source else { return };
        let known = known.unwrap_or_default();
        if source == known || (source == self.disk() && !self.explains(&known, text, 3)) {
            return;
        }
        self.unknowable = true;
        let left = self.buffer.as_ref().map(|it| tokens(&it.text)).unwrap_or_default();
        self.in_buffer.retain(|it| left.contains(it));
    }

    /// Whether so many edits that were asked for lead from one text to another.
    fn explains(&self, from: &str, to: &str, many: usize) -> bool {
        self.asked.iter().any(|it| {
            let next = apply_at(from, &places(it, from, self.nature.encoding));
            next != from && (next == to || (many > 1 && self.explains(&next, to, many - 1)))
        })
    }

    fn foreign(&mut self, at: u16, token: &str) {
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
fn put(path: &Path, text: &str) {
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
fn tokens(text: &str) -> Vec<String> {
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

fn is_pristine(line: &str) -> bool {
    line.trim_end_matches(['\r', '\n']).strip_prefix("line ").is_some_and(|it| it.parse::<u32>().is_ok())
}

struct Agent {
    token: String,
    cancel: CancellationToken,
    task: JoinHandle<Result<Committed, CommitError>>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One story.
struct Story {
    workspace: Arc<Workspace>,
    desk: Arc<Mutex<Desk>>,
    path: PathBuf,
    snapshot: Option<Snapshot>,
    agents: Vec<Agent>,
    count: usize,
    /// Milliseconds since all reports were delivered.
    unreported: u64,
}

impl Story {
    fn new(root: &Path, nature: Nature, eol: &str, marked: bool) -> Self {
        let path = root.join("a.txt");
        let mark = if marked { "\u{feff}" } else { "" };
        let lines: String = (0..8).map(|it| format!("line {it}{eol}")).collect();
        let text = format!("{mark}{lines}línea 😀 last");
        put(&path, &text);
        let workspace = Workspace::new(root.to_owned());
        let desk = Desk {
            nature,
            path: path.clone(),
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
        };
        let desk = Arc::new(Mutex::new(desk));
        let editor =
            FakeEditor { desk: desk.clone(), workspace: workspace.clone(), encoding: nature.encoding };
        workspace.set_editor(Arc::new(editor));
        lock(&desk).open();
        let mut story =
            Self { workspace, desk, path, snapshot: None, agents: Vec::new(), count: 0, unreported: 0 };
        story.deliver();
        story
    }

    fn token(&mut self, who: &str) -> String {
        self.count += 1;
        format!("⟨{who}{}😀⟩", self.count)
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Type(at) => {
                let token = self.token("user");
                lock(&self.desk).type_text(at, &token);
            }
            Step::Delete(at, len) => lock(&self.desk).delete(at, len),
            Step::Read => self.snapshot = Some(self.workspace.read(&self.path).await.unwrap()),
            Step::Edit(at, lines) => self.edit(at, lines).await,
            Step::Cancel => self.agents.iter().for_each(|it| it.cancel.cancel()),
            Step::Serve(fault) => lock(&self.desk).serve(fault),
            Step::Deliver => self.deliver(),
            Step::DeliverAll => self.deliver_all(),
            Step::Save => lock(&self.desk).save(),
            Step::Close => lock(&self.desk).close(),
            Step::Open => lock(&self.desk).open(),
            Step::Foreign(at) => {
                let token = self.token("foreign");
                lock(&self.desk).foreign(at, &token);
            }
            Step::Wait(time) => {
                // Editors report within seconds.
                self.unreported += time;
                if let Some(hidden) = &mut lock(&self.desk).hidden {
                    hidden.age += time;
                }
                if self.unreported > 10_000 {
                    self.deliver_all();
                }
                tokio::time::sleep(Duration::from_millis(time)).await;
                if time > 60_000 {
                    // Who has not made an edit within a minute does not make it at all.
                    lock(&self.desk).requests.clear();
                }
            }
        }
        // Until nothing goes on by itself.
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.collect().await;
    }

    async fn edit(&mut self, at: u8, lines: u8) {
        if self.snapshot.is_none() {
            self.snapshot = Some(self.workspace.read(&self.path).await.unwrap());
        }
        let base = self.snapshot.clone().unwrap();
        let mut parts: Vec<_> = base.text.split_inclusive('\n').map(str::to_owned).collect();
        let at = usize::from(at) % parts.len();
        let end = (at + 1 + usize::from(lines % 3)).min(parts.len());
        if !parts[at..end].iter().all(|it| is_pristine(it)) {
            return;
        }
        // No character of it is one of the user's: who reports whole texts leaves open whose it was.
        self.count += 1;
        let token = format!("[agent{}]", self.count);
        let eol = if parts[at].ends_with("\r\n") { "\r\n" } else { "\n" };
        parts.splice(at..end, [format!("{token}{eol}")]);
        let plan = EditPlan {
            path: self.path.clone(),
            base: Some(base),
            text: parts.concat(),
            label: String::new(),
            cause: None,
        };
        let (workspace, cancel) = (self.workspace.clone(), CancellationToken::new());
        let stop = cancel.clone();
        let task = tokio::spawn(async move { workspace.commit(plan, &stop).await });
        self.agents.push(Agent { token, cancel, task });
    }

    /// Takes note of what the commits that are over have done.
    async fn collect(&mut self) {
        let (over, rest) = std::mem::take(&mut self.agents).into_iter().partition(|it| it.task.is_finished());
        self.agents = rest;
        for mut agent in over {
            let Ok(done) = (&mut agent.task).await.unwrap() else { continue };
            let token = agent.token.clone();
            assert!(done.after.contains(&token), "the result is without the edit");
            let mut desk = lock(&self.desk);
            if done.origin == Origin::Disk {
                desk.on_disk.insert(token);
                continue;
            }
            assert!(desk.ever.contains(&token), "{token} was never in a buffer");
        }
    }

    fn deliver(&mut self) {
        let report = lock(&self.desk).reports.pop_front();
        let encoding = lock(&self.desk).nature.encoding;
        match report {
            None => {}
            Some(Report::Open(version, text, source)) => {
                lock(&self.desk).has_known(source, &text, self.workspace.known_file(&self.path));
                self.workspace.open(&self.path, version, &text, "text");
            }
            Some(Report::Change(version, edits)) => {
                assert!(self.workspace.change(&self.path, version, &edits, encoding));
            }
            Some(Report::Save) => assert!(self.workspace.save(&self.path, None)),
            Some(Report::Close) => assert!(self.workspace.close(&self.path)),
        }
    }

    fn deliver_all(&mut self) {
        while !lock(&self.desk).reports.is_empty() {
            self.deliver();
        }
        self.unreported = 0;
    }

    /// Until nothing is under way any more, and nothing is looked out for.
    async fn rest(&mut self) {
        for _ in 0..2 {
            let mut rounds = 0;
            while !self.is_idle() {
                self.deliver_all();
                lock(&self.desk).serve(Fault::None);
                self.step(Step::Wait(500)).await;
                rounds += 1;
                assert!(rounds < 500, "it never comes to rest");
            }
            self.step(Step::Wait(70_000)).await;
        }
        assert!(self.is_idle(), "it never comes to rest");
    }

    fn is_idle(&self) -> bool {
        let desk = lock(&self.desk);
        self.agents.is_empty()
            && desk.requests.is_empty()
            && desk.reports.is_empty()
            && self.workspace.damage(&self.path) == 0
    }

    fn check(&self) {
        let desk = lock(&self.desk);
        let overlay = self.workspace.overlay_text(&self.path).map(|it| it.to_string());
        assert_eq!(overlay, desk.buffer.as_ref().map(|it| it.text.clone()), "the overlay is another text");
        let whole = |place: &str, text: &str, expected: &BTreeSet<String>, astray: bool| {
            let found = tokens(text);
            // What was saved before it could be taken back is in the file until the next save.
            let counts = |it: &&String| !(astray && it.starts_with("[agent"));
            for token in expected.iter().filter(counts) {
                let count = found.iter().filter(|it| *it == token).count();
                assert_eq!(count, 1, "{token} in the {place}: {text:?}");
            }
            for agent in (1..=self.count).filter(|_| !astray) {
                let token = format!("[agent{agent}]");
                assert!(text.matches(&token).count() <= 1, "{token} twice in the {place}: {text:?}");
            }
        };
        if let Some(buffer) = &desk.buffer {
            whole("buffer", &buffer.text, &desk.in_buffer, desk.unknowable);
        }
        whole("file", &desk.disk(), &desk.on_disk, desk.astray_on_disk);
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fault = prop_oneof![
        6 => Just(Fault::None),
        1 => Just(Fault::Lies),
        1 => Just(Fault::Refuses),
        1 => Just(Fault::Errs),
        1 => Just(Fault::Denies),
        1 => Just(Fault::Mute),
        1 => Just(Fault::Dead),
    ];
    let step = prop_oneof![
        8 => any::<u16>().prop_map(Step::Type),
        2 => any::<(u16, u8)>().prop_map(|it| Step::Delete(it.0, it.1)),
        3 => Just(Step::Read),
        6 => any::<(u8, u8)>().prop_map(|it| Step::Edit(it.0, it.1)),
        1 => Just(Step::Cancel),
        8 => fault.prop_map(Step::Serve),
        4 => Just(Step::Deliver),
        5 => Just(Step::DeliverAll),
        1 => Just(Step::Save),
        1 => Just(Step::Close),
        2 => Just(Step::Open),
        1 => any::<u16>().prop_map(Step::Foreign),
        2 => prop_oneof![Just(50), Just(2500), Just(11_000), Just(70_000)].prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..24)
}

fn natures() -> impl Strategy<Value = Nature> {
    let encoding = prop_oneof![
        Just(PositionEncoding::Utf8),
        Just(PositionEncoding::Utf16),
        Just(PositionEncoding::Utf32)
    ];
    let closed = prop_oneof![Just(OnClosed::Refuse), Just(OnClosed::Reopen), Just(OnClosed::Hide)];
    (any::<bool>(), 0..2, encoding, prop::bool::weighted(0.1), closed).prop_map(
        |(tells_stale, first_version, encoding, whole, closed)| Nature {
            tells_stale,
            first_version,
            encoding,
            whole,
            closed,
        },
    )
}

/// Plays one story to its end.
async fn play(root: &Path, nature: Nature, eol: &str, marked: bool, steps: &[Step]) {
    let mut story = Story::new(root, nature, eol, marked);
    for step in steps {
        story.step(*step).await;
    }
    story.rest().await;
    story.check();
}

/// What random stories have found.
#[tokio::test(start_paused = true)]
async fn stories_that_went_wrong_once_go_well() {
    use Fault::{Denies, None as Well};
    use OnClosed::{Hide, Refuse};
    use Step::{Close, Delete, Edit, Open, Save, Serve, Type, Wait};
    let stories: &[(OnClosed, &[Step])] = &[
        // An edit that is made a second time, where it changes nothing.
        (Refuse, &[Edit(32, 101), Serve(Well), Wait(2500), Serve(Denies)]),
        // Saved before the edit in the wrong place could be taken back.
        (Refuse, &[Edit(50, 43), Serve(Well), Wait(2500), Delete(0, 7), Serve(Well), Save]),
        // Made in a buffer nobody sees, which is opened, and saved before the server hears of it.
        (Hide, &[Edit(0, 0), Type(0), Save, Close, Serve(Well), Open, Type(0), Save]),
        (Hide, &[Close, Edit(164, 0), Wait(11_000), Edit(47, 0), Serve(Well), Open, Save]),
        (Hide, &[Edit(46, 7), Type(6285), Close, Serve(Denies), Open, Type(0), Save]),
    ];
    let dir = tempfile::tempdir().unwrap();
    for (closed, steps) in stories {
        let encoding = PositionEncoding::Utf8;
        let nature = Nature { tells_stale: false, first_version: 0, encoding, whole: false, closed: *closed };
        eprintln!("{steps:?}");
        play(dir.path(), nature, "\n", false, steps).await;
    }
}

#[test]
fn no_order_of_events_loses_a_character() {
    let number = |name: &str| std::env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let cases = number("PI_INTERLEAVINGS").unwrap_or(10_000);
    let seed = number("PI_SEED").unwrap_or(1);
    eprintln!("{cases} stories, PI_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = ProptestConfig {
        cases: u32::try_from(cases).unwrap(),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let eol = prop_oneof![Just("\n"), Just("\r\n")];
    // In memory where there is such a place: every story writes files.
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let outcome = runner.run(&(natures(), eol, any::<bool>(), steps()), |(nature, eol, marked, steps)| {
        runtime.block_on(play(dir.path(), nature, eol, marked, &steps));
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, story)) => panic!("PI_SEED={seed}: {why}\n{story:#?}"),
        Err(other) => panic!("PI_SEED={seed}: {other}"),
    }
}
