//! A user, an editor and an agent at one file, in every order: thousands of random stories, step by step, in
//! simulated time.
//!
//! After each story, when everything has been delivered and answered: no character the user typed is lost or
//! doubled, no edit was computed from an older text than the newest reported one, and the overlay has the text
//! of the editor. `PI_INTERLEAVINGS` is the number of stories, `PI_SEED` chooses others.

mod desk;
mod once;

use std::collections::BTreeSet;

use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestError, TestRng, TestRunner},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::desk::{Desk, FakeEditor, Fault, Nature, OnClosed, Report, is_pristine, put, tokens};
use super::*;

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
    /// The editor takes over what is on the disk.
    Reload,
    /// Another program adds a line to the file.
    Foreign(u16),
    /// Time passes: milliseconds.
    Wait(u64),
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

impl Drop for Story {
    fn drop(&mut self) {
        // It holds the workspace that holds it.
        self.workspace.clear_editor();
    }
}

impl Story {
    fn new(root: &Path, nature: Nature, file: File) -> Self {
        let path = root.join("a.txt");
        let mark = if file.marked { "\u{feff}" } else { "" };
        let end = |line: usize| file.ends[line % file.ends.len()];
        let lines: String = (0..8).map(|it| format!("line {it}{}", end(it))).collect();
        let text = format!("{mark}{lines}línea 😀 last{}", if file.ended { end(8) } else { "" });
        put(&path, &text);
        let workspace = Workspace::new(root.to_owned());
        let desk = Arc::new(Mutex::new(Desk::new(path.clone(), nature)));
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
        if std::env::var_os("PI_TRACE").is_some() {
            eprintln!("STEP {step:?}");
        }
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
            Step::Reload => lock(&self.desk).reload(),
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
        let is_last = end == parts.len();
        let eol = match lines {
            128.. if is_last => "",
            64.. => "\n",
            _ if parts[at].ends_with("\r\n") => "\r\n",
            _ => "\n",
        };
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
        if std::env::var_os("PI_TRACE").is_some() {
            match &report {
                Some(Report::Open(v, t, s)) => eprintln!("  DELIVER open {v} {t:?} source {s:?}"),
                Some(Report::Change(v, e)) => eprintln!("  DELIVER change {v} {e:?}"),
                Some(Report::Save) => eprintln!("  DELIVER save"),
                Some(Report::Close) => eprintln!("  DELIVER close"),
                None => {}
            }
        }
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
        let overlay = self.workspace.document(&self.path).map(|it| it.rope.to_string());
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
        1 => Just(Step::Reload),
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
    let own = (prop::bool::weighted(0.4), any::<bool>());
    (any::<bool>(), 0..2, encoding, prop::bool::weighted(0.1), closed, own).prop_map(
        |(tells_stale, first_version, encoding, whole, closed, (own_ends, hides_mark))| Nature {
            tells_stale,
            first_version,
            encoding,
            whole,
            closed,
            own_ends,
            hides_mark,
        },
    )
}

/// How the file is written down.
#[derive(Debug, Clone, Copy)]
struct File {
    /// Of its lines, one after the other.
    ends: &'static [&'static str],
    marked: bool,
    /// The last line has an end.
    ended: bool,
}

fn files() -> impl Strategy<Value = File> {
    let ends = prop_oneof![
        2 => Just(["\n"].as_slice()),
        2 => Just(["\r\n"].as_slice()),
        1 => Just(["\r\n", "\n", "\n"].as_slice()),
    ];
    (ends, any::<bool>(), any::<bool>()).prop_map(|(ends, marked, ended)| File { ends, marked, ended })
}

/// Plays one story to its end.
async fn play(root: &Path, nature: Nature, file: File, steps: &[Step]) {
    let mut story = Story::new(root, nature, file);
    for step in steps {
        story.step(*step).await;
    }
    story.rest().await;
    story.check();
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
    // In memory where there is such a place: every story writes files.
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let outcome = runner.run(&(natures(), files(), steps()), |(nature, file, steps)| {
        // Its own: what is still looked out for would stay in a common one.
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(dir.path(), nature, file, &steps));
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, story)) => panic!("PI_SEED={seed}: {why}\n{story:#?}"),
        Err(other) => panic!("PI_SEED={seed}: {other}"),
    }
}
