//! What the model of each session has seen of files, so that it can be told what became another text since.
//!
//! Forgotten with the session. Of one that is opened again it is known only when its model last looked at what.

use std::{
    collections::HashMap,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{
    CommitError, MAX_FILE_BYTES, Origin, Snapshot, Workspace, changes, commit, lock, resolve,
    seen::{self, SeenLines},
    snapshot,
};
use crate::{
    form::{self, Form},
    fs::{self, Stamp},
};

/// Of larger texts only what tells them from others is kept.
const KEPT_BYTES: usize = 1024 * 1024;
/// Larger files are not looked at: of what is read in parts not all should be read for that.
const LOOKED_AT_BYTES: u64 = 8 * 1024 * 1024;
/// Texts of one session that are kept; of other files as of larger texts.
const KEPT_FILES: usize = 200;
/// Files of one session that are known at all.
const KNOWN_FILES: usize = 1000;
/// What a tool did may have so much later a time in the file system than in the session file.
const PRECISION: Duration = Duration::from_millis(10);

/// Of text that a model has not seen, how much it is shown at once, in bytes.
const SHOWN_BYTES: usize = 8 * 1024;

/// By session, then by file.
#[derive(Debug, Default)]
pub(super) struct Known(pub(super) HashMap<Arc<str>, HashMap<PathBuf, Seen>>);

/// Makes room for one more file: of the one that was looked at longest ago the text is forgotten, and then the file.
fn make_room(files: &mut HashMap<PathBuf, Seen>) {
    if files.len() >= KNOWN_FILES {
        let oldest = files.iter().min_by_key(|(_, it)| it.at).map(|(key, _)| key.clone());
        oldest.and_then(|it| files.remove(&it));
    }
    let kept = || files.values().filter(|it| it.text().is_some());
    if kept().count() >= KEPT_FILES {
        if let Some(oldest) = files.values_mut().filter(|it| it.text().is_some()).min_by_key(|it| it.at) {
            oldest.what = What::Hash(oldest.text().map_or(0, |it| hash(it.as_bytes())));
        }
    }
}

/// What is known of the text that a model has seen.
#[derive(Debug, Clone)]
enum What {
    Text(Arc<str>),
    Hash(u64),
    /// It is what the file had at this time.
    At(SystemTime),
}

#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) path: PathBuf,
    what: What,
    /// What it was shown of that text, or has written.
    lines: SeenLines,
    /// When the model was shown it.
    at: Instant,
    /// Of the file when it had this text.
    stamp: Option<Stamp>,
    /// Hash of the text the model was last told about.
    told: Option<u64>,
}

impl Seen {
    fn text(&self) -> Option<&Arc<str>> {
        match &self.what {
            What::Text(text) => Some(text),
            What::Hash(_) | What::At(_) => None,
        }
    }

    /// Whether it is about this text, whatever its form.
    fn is_of(&self, text: &[u8]) -> bool {
        match &self.what {
            What::Text(seen) => std::str::from_utf8(text).is_ok_and(|it| form::same(it, seen)),
            What::Hash(seen) => *seen == hash(text),
            What::At(_) => false,
        }
    }
}

impl Workspace {
    /// The model of this session looks at the file as it is now; which lines it is shown, [`saw`](Self::saw) says. Nothing
    /// happens if it cannot be read as text, or is very large and not open.
    pub async fn learn(&self, session: &str, path: &Path) {
        let is_large = || path.metadata().is_ok_and(|it| it.len() > LOOKED_AT_BYTES);
        if self.document(path).is_none() && is_large() {
            return;
        }
        if let Ok(snapshot) = self.read(path).await {
            if snapshot.exact {
                self.looks_at(session, path, &snapshot.text);
            }
        }
    }

    /// The model of this session looks at this text of the file.
    pub fn looks_at(&self, session: &str, path: &Path, text: &str) {
        self.keep(session, path, text, |seen| {
            let mut lines = seen.lines.clone();
            match seen.text() {
                Some(before) => lines.carry(&Form::of(text).give(before), text, false),
                None if seen.is_of(text.as_bytes()) => {}
                None => lines = SeenLines::default(),
            }
            lines
        });
    }

    /// The model of this session was shown these lines of the text that it looked at last, unless the file is another one
    /// by now.
    pub fn saw(&self, session: &str, path: &Path, lines: Range<usize>) {
        let (key, now, open) = (resolve::key(path), stamp(path), self.document(path).is_some());
        let mut known = lock(&self.shared.known);
        let seen = known.0.get_mut(session).and_then(|it| it.get_mut(&key));
        if let Some(seen) = seen.filter(|it| open || it.stamp == now) {
            seen.lines.add(lines);
        }
    }

    /// The model of this session knows that the file has this text.
    pub fn learned(&self, session: &str, path: &Path, text: &str) {
        self.keep(session, path, text, |_| SeenLines::all());
        let key = resolve::key(path);
        if let Some(seen) = lock(&self.shared.known).0.get_mut(session).and_then(|it| it.get_mut(&key)) {
            seen.lines = SeenLines::all();
        }
    }

    /// Keeps a text; `lines` says what is known of it by what was known of the last one.
    fn keep(&self, session: &str, path: &Path, text: &str, lines: impl FnOnce(&Seen) -> SeenLines) {
        let key = resolve::key(path);
        let mut known = lock(&self.shared.known);
        let files = known.0.entry(session.into()).or_default();
        let before = files.remove(&key);
        make_room(files);
        let lines = before.as_ref().map(lines).unwrap_or_default();
        let what = match text.len() > KEPT_BYTES {
            true => What::Hash(hash(text.as_bytes())),
            false => What::Text(text.into()),
        };
        let (path, stamp) = (path.to_owned(), stamp(path));
        files.insert(key, Seen { path, what, lines, at: Instant::now(), stamp, told: None });
    }

    /// The model of this session made `after` of `before`. What the user changed and the model has not read stays
    /// unknown to it; if it was told of that, it is not told again.
    pub fn edited(&self, session: &str, path: &Path, before: &str, after: &str) {
        let key = resolve::key(path);
        let seen = lock(&self.shared.known).0.get(session).and_then(|it| it.get(&key)).cloned();
        let seen_text = seen.as_ref().and_then(|it| Some(Form::of(before).give(it.text()?)));
        let known = match &seen_text {
            Some(text) => changes::rebase(before, after, text).unwrap_or_else(|| text.to_string()),
            None => after.to_owned(),
        };
        let mut lines = seen.as_ref().map(|it| it.lines.clone()).unwrap_or_default();
        lines.carry(seen_text.as_deref().unwrap_or(before), &known, true);
        self.keep(session, path, &known, |_| SeenLines::default());
        let told = seen.is_some_and(|it| it.told == Some(hash(before.as_bytes())));
        if let Some(seen) = lock(&self.shared.known).0.get_mut(session).and_then(|it| it.get_mut(&key)) {
            seen.lines = lines;
            seen.stamp = seen.stamp.filter(|_| known == after);
            seen.told = told.then(|| hash(after.as_bytes()));
        }
    }

    /// Why the model of this session must not replace this text as a whole: it has not seen all of it. The error shows
    /// what it has not seen, which counts as seen from then on.
    pub async fn unseen(&self, session: &str, now: &Snapshot) -> Option<CommitError> {
        let path = &now.path;
        let looked = if now.origin == Origin::Disk { None } else { self.look_async(path).await };
        let unsaved = looked.is_some_and(|(_, standing)| standing.is_unsaved());
        let refused = |shown: String| Some(CommitError::Unseen { path: path.clone(), unsaved, shown });
        if !now.exact || now.text.len() > KEPT_BYTES {
            if self.editor().is_none() {
                return refused("It was changed since you read it. Read it again, then write it.".to_owned());
            }
            let why = if now.exact { "too large to be replaced as a whole" } else { "not text" };
            return refused(format!("It is {why}. If it should still be replaced, delete it first."));
        }
        let before = self.known_text(session, path);
        let knew_all = before.as_ref().is_some_and(|it| self.missing(session, path, it).is_none());
        self.looks_at(session, path, &now.text);
        let missing = self.missing(session, path, &now.text)?;
        let diff = before.filter(|_| knew_all).map(|it| commit::diff(&it, &now.text));
        if let Some(diff) = diff.filter(|it| !it.ends_with(commit::DIFF_CUT)) {
            self.learned(session, path, &now.text);
            return refused(format!(
                "What changed since you saw it:\n{}\nIf it should still be replaced, write it again.",
                diff.trim_end_matches('\n')
            ));
        }
        let mut shown = String::new();
        let mut end = missing.start;
        for line in now.text.split_inclusive('\n').skip(missing.start).take(missing.len()) {
            if shown.len() + line.len() > SHOWN_BYTES {
                break;
            }
            shown.push_str(line);
            end += 1;
        }
        if end == missing.start {
            return refused(format!("Read it from line {} on, then write it again.", missing.start + 1));
        }
        self.saw(session, path, missing.start..end);
        let next = match self.missing(session, path, &now.text) {
            Some(next) => format!("Read on from line {}, then write it again.", next.start + 1),
            None => "If it should still be replaced, write it again.".to_owned(),
        };
        refused(format!(
            "Lines {}-{end} of {} are now:\n{}\n{next}",
            missing.start + 1,
            seen::count(&now.text),
            shown.trim_end_matches('\n')
        ))
    }

    /// The first lines of a text that the model of this session has not seen, as far as it looked at that text last.
    pub(crate) fn missing(&self, session: &str, path: &Path, text: &str) -> Option<Range<usize>> {
        let count = seen::count(text);
        let known = lock(&self.shared.known);
        let seen = known.0.get(session).and_then(|it| it.get(&resolve::key(path)));
        match seen.filter(|it| it.text().is_some_and(|it| **it == *text)) {
            Some(seen) => seen.lines.missing(count),
            None => (count > 0).then_some(0..count),
        }
    }

    /// The session is closed: nobody asks what its model knows any more.
    pub fn forget(&self, session: &str) {
        lock(&self.shared.known).0.remove(session);
    }

    /// The text the model of this session knows of the file.
    pub fn known_text(&self, session: &str, path: &Path) -> Option<Arc<str>> {
        lock(&self.shared.known).0.get(session)?.get(&resolve::key(path))?.text().cloned()
    }

    /// The model of a session that is opened again looked at the file last at this time.
    pub fn remember(&self, session: &str, path: &Path, at: SystemTime) {
        let key = resolve::key(path);
        let mut known = lock(&self.shared.known);
        let files = known.0.entry(session.into()).or_default();
        if !files.contains_key(&key) {
            make_room(files);
            let (path, lines, what) = (path.to_owned(), SeenLines::default(), What::At(at));
            files.insert(key, Seen { path, what, lines, at: Instant::now(), stamp: None, told: None });
        }
    }

    /// A command of this session's model has ended. Without an editor what has become of the files that it knows is taken
    /// for the command's work, of which it knows.
    pub async fn has_run_command(&self, session: &str) {
        if self.editor().is_some() {
            return;
        }
        let files = lock(&self.shared.known).0.get(session).cloned().unwrap_or_default();
        for (key, seen) in files {
            if self.hash_if_changed(&seen).await.is_some() {
                lock(&self.shared.known).0.get_mut(session).and_then(|it| it.remove(&key));
                self.learn(session, &seen.path).await;
            }
        }
    }

    /// Whether the file has another text than the model of this session knows. Not if it knows none.
    pub async fn has_changed(&self, session: &str, path: &Path) -> bool {
        let key = resolve::key(path);
        let seen = lock(&self.shared.known).0.get(session).and_then(|it| it.get(&key)).cloned();
        match seen {
            Some(seen) => self.hash_if_changed(&seen).await.is_some(),
            None => false,
        }
    }

    /// The model of this session is told by others what has become of the file.
    pub async fn has_told(&self, session: &str, path: &Path) {
        let key = resolve::key(path);
        let seen = lock(&self.shared.known).0.get(session).and_then(|it| it.get(&key)).cloned();
        let Some(seen) = seen else { return };
        let now = self.hash_if_changed(&seen).await;
        if let Some(seen) = lock(&self.shared.known).0.get_mut(session).and_then(|it| it.get_mut(&key)) {
            seen.told = now.or(seen.told);
        }
    }

    /// The files that have another text than the model of this session knows, sorted, each once for each text.
    pub async fn changed_since_known(&self, session: &str) -> Vec<PathBuf> {
        let files = lock(&self.shared.known).0.get(session).cloned().unwrap_or_default();
        let mut changed = Vec::new();
        for (key, seen) in files {
            let Some(now) = self.hash_if_changed(&seen).await else { continue };
            if let Some(seen) = lock(&self.shared.known).0.get_mut(session).and_then(|it| it.get_mut(&key)) {
                if seen.told.replace(now) != Some(now) {
                    changed.push(seen.path.clone());
                }
            }
        }
        changed.sort();
        changed
    }

    /// What tells the text that is there instead from others. A file that has gone has the empty text.
    async fn hash_if_changed(&self, seen: &Seen) -> Option<u64> {
        if let What::At(time) = seen.what {
            // What has gone since may never have been meant to stay.
            let written = seen.path.metadata().and_then(|it| it.modified()).ok()?;
            if self.document(&seen.path).is_none_or(|it| !it.dirty) {
                // There is no text to compare with: the time stands for it.
                let is_newer = written.duration_since(time).is_ok_and(|it| it > PRECISION);
                return is_newer.then(|| snapshot::fingerprint(format!("{written:?}").as_bytes()));
            }
        }
        let now = match self.shown_async(&seen.path).await {
            Some(document) if seen.text().is_some_and(|it| document.rope == **it) => return None,
            Some(document) => document.rope.to_string().into_bytes(),
            None if seen.stamp.is_some() && stamp(&seen.path) == seen.stamp => return None,
            None => {
                let path = seen.path.clone();
                fs::blocking(move || fs::read_bounded(&path, MAX_FILE_BYTES)).await.unwrap_or_default()
            }
        };
        (!seen.is_of(&now)).then(|| hash(&now))
    }
}

/// Of a text, whatever its form.
fn hash(text: &[u8]) -> u64 {
    match std::str::from_utf8(text) {
        Ok(text) => snapshot::fingerprint(form::with_lf(form::without_mark(text)).as_bytes()),
        Err(_) => snapshot::fingerprint(text),
    }
}

/// Nothing if the file is not there.
fn stamp(path: &Path) -> Option<Stamp> {
    Stamp::at(path).ok()
}
