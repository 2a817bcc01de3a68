//! The task of one open chat document: events of its session go in above the prompt, what the user writes goes out.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use lsp_types::MessageType;
use pi_core::{
    SessionHandle,
    bus::{Delivery, EventQueue},
    clock, reply_channel,
    session::Command,
};
use pi_host::workspace::{EditPlan, Snapshot};
use pi_protocol::{
    AgentEvent, AgentMessage, CommandError, Entry, PromptAccepted, SessionState, entry::EntryKind,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    SharedDocument, commands,
    document::{Tick, Wanted},
    lock,
    question::Question,
    review,
    send::{self, Draft},
    story::{Story, title_of},
};
use crate::{
    failure::{KEPT, refusal},
    markdown::{self, Status, Style, Word},
    transport::lsp::{
        connection::{Connection, Phase},
        lane::Job,
        questions,
        target::Target,
    },
};

/// Shortest time between two writings.
const PACE: Duration = Duration::from_millis(250);
/// How soon after the save an editor says that it ends, when somebody saves everything and quits.
const LEAVING: Duration = Duration::from_millis(100);
/// How often a writing is tried that the user's typing gets in the way of.
const TRIES: usize = 3;
/// Messages that were taken out of the prompt and are remembered.
const CLEARED: usize = 16;
/// Lines of a tool's output, and of one for editors that cannot fold.
const LINES: usize = 40;
const LINES_UNFOLDED: usize = 12;
/// Who says that a question waits, among all that say something about a document.
const MARKS: &str = "chat questions";

/// What a room is told.
pub enum Message {
    /// The user saved the document, with this in the prompt and these boxes ticked.
    Saved {
        /// A draft that is the user's and not the disk's.
        draft: Option<String>,
        /// How many messages had been taken out of the prompt by then.
        cleared: u64,
        /// Boxes anywhere above it.
        ticks: Vec<Tick>,
        /// Words behind hunks, by the numbers of these.
        words: Vec<(usize, Word)>,
    },
    /// The user wants the prompt sent, however it came to be there.
    Send,
    /// Text for the prompt.
    Write(String),
    /// What became of a prompt: as it was in the document, as it was said, and the session's answer.
    Prompted(String, String, Result<PromptAccepted, CommandError>),
}

/// One open chat document and its session.
pub struct Room {
    /// Whose document it is.
    pub connection: Arc<Connection>,
    path: PathBuf,
    document: SharedDocument,
    /// To this room.
    outbox: mpsc::WeakUnboundedSender<Message>,
    session: Option<SessionHandle>,
    queue: EventQueue,
    story: Story,
    /// The changes are other ones, or have other states, than the finished turns show.
    hunks_moved: bool,
    /// The user was told that the prompt had to be put back.
    told_of_prompt: bool,
    /// Sent and still in the prompt, as it is written there.
    uncleared: VecDeque<String>,
    /// On their way to the session, as they are written in the prompt.
    sending: VecDeque<String>,
    /// The last ones that were taken out of the prompt: a draft that was saved before may still begin with them.
    cleared: VecDeque<String>,
    /// The document is behind.
    dirty: bool,
}

impl Room {
    /// For an open document. `outbox` leads to the inbox of [`Self::run`].
    pub fn new(
        connection: Arc<Connection>,
        path: PathBuf,
        document: SharedDocument,
        outbox: mpsc::WeakUnboundedSender<Message>,
    ) -> Self {
        let story = Story::new(style(&connection, &connection.folder_of(&path)));
        Self {
            connection,
            path,
            document,
            outbox,
            session: None,
            queue: EventQueue::of_one_session(),
            story,
            hunks_moved: false,
            told_of_prompt: false,
            uncleared: VecDeque::new(),
            sending: VecDeque::new(),
            cleared: VecDeque::new(),
            dirty: true,
        }
    }

    /// The folder of the document: what its prompts are about.
    pub fn project(&self) -> PathBuf {
        self.connection.folder_of(&self.path)
    }

    /// Until the document is closed or the connection ends.
    pub async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
        let mut looked = self.connection.hunks.looked();
        self.attach().await;
        let ended = self.connection.ended.clone();
        let mut due = Instant::now();
        loop {
            let queue = self.queue.clone();
            tokio::select! {
                biased;
                () = ended.cancelled() => return,
                message = inbox.recv() => match message {
                    Some(message) => self.message(message).await,
                    None => {
                        self.story.questions.clear();
                        return self.mark_questions("");
                    }
                },
                Ok(()) = looked.changed() => self.look().await,
                delivery = queue.next(), if self.session.is_some() => match delivery {
                    Some(Delivery::Event(envelope)) => self.event(&envelope.event).await,
                    Some(_) => {}
                    // The session was closed; the next prompt opens it again.
                    None => self.session = None,
                },
                () = tokio::time::sleep_until(due), if self.dirty => {
                    self.write().await;
                    due = Instant::now() + PACE;
                }
            }
        }
    }

    /// Finds the session of the document and what is missing in the document.
    async fn attach(&mut self) {
        let wanted = markdown::session_id(&lock(&self.document).text).map(str::to_owned);
        let (reply, answer) = oneshot::channel();
        self.connection.enqueue(Job::Session(wanted.clone(), Target::Folder(self.project()), reply));
        let session = match answer.await {
            Ok(Ok(session)) => session,
            Ok(Err(error)) => return self.connection.messages.error(&error.message),
            Err(_ended) => return,
        };
        if let Some(old) = wanted.filter(|it| **it != **session.id()) {
            // Its file is gone, or nothing was ever said in it.
            let wanted = lock(&self.document).with_session(&old, session.id());
            self.commit(wanted).await;
        }
        self.queue.close();
        self.queue = EventQueue::of_one_session();
        session.send(Command::Subscribe(self.queue.clone(), Box::new(|_| {})));
        // What waits at a stop is shown here, and its user decides about it.
        session.send(Command::HoldAfterStop);
        let state = session.ask(Command::GetState).await;
        let entries = session.ask(|reply| Command::GetEntries(None, reply)).await;
        self.story.hunks = review::hunks(&self.connection, session.id()).await;
        self.hunks_moved = true;
        self.session = Some(session);
        if let (Ok(state), Ok(entries)) = (state, entries) {
            let messages = path_of(&entries.entries, entries.leaf_id.as_deref());
            self.catch_up(&state, &messages);
        }
    }

    /// Compares the document with the conversation so far.
    fn catch_up(&mut self, state: &SessionState, messages: &[Arc<AgentMessage>]) {
        let mut turns = markdown::split(messages);
        let first = turns.first().and_then(|it| it.messages.first());
        self.story.title = state.session_name.clone().or_else(|| first.and_then(|it| title_of(it)));
        questions::pending(state).for_each(|it| self.story.ask(it));
        let mut document = lock(&self.document);
        let shown = markdown::prompts(&document.text);
        self.story.begin(&[], None);
        if let Some(mut last) = turns.pop() {
            last.settled = !state.is_streaming;
            let finished = document.ends_finished();
            if shown <= turns.len() {
                document.freeze();
                self.story.begin(&turns[shown..], Some(last));
            } else if state.is_streaming || !finished {
                document.thaw("You ·");
                self.story.begin(&[], Some(last));
            }
        }
        self.dirty = true;
    }

    /// Finds out what became of changes.
    async fn look(&mut self) {
        let Some(session) = &self.session else { return };
        let hunks = review::hunks(&self.connection, session.id()).await;
        if hunks != self.story.hunks {
            self.story.hunks = hunks;
            self.hunks_moved = true;
            self.dirty = true;
        }
    }

    async fn message(&mut self, message: Message) {
        match message {
            Message::Saved { draft, cleared, ticks, words } => {
                self.answer_questions(&ticks);
                self.decide(&words);
                let settings = self.connection.hub.compose().settings(&self.project()).values();
                let marker = settings.text("chat.sendOn").as_deref() == Some("marker");
                let unsent = draft.as_deref().map(|it| self.unsent(it, cleared).to_owned());
                if let Some(draft) = unsent.as_deref().and_then(|it| Draft::of(it, marker)) {
                    tokio::time::sleep(LEAVING).await;
                    // Who leaves has kept a draft and asked nothing.
                    if self.connection.phase() != Phase::ShutDown {
                        self.send(&draft).await;
                    }
                }
            }
            Message::Send => {
                let (draft, cleared) = {
                    let document = lock(&self.document);
                    (document.draft().to_owned(), document.cleared)
                };
                let raw = self.unsent(&draft, cleared);
                let draft = Draft::of(raw, true).or_else(|| Draft::of(raw, false));
                match draft {
                    Some(draft) => self.send(&draft).await,
                    None => self.note("Nothing is written below the last “## You”"),
                }
            }
            Message::Write(text) => {
                let wanted = lock(&self.document).with_draft(&text);
                self.commit(wanted).await;
            }
            Message::Prompted(raw, said, outcome) => {
                if let Some(at) = self.sending.iter().position(|it| *it == raw) {
                    self.sending.remove(at);
                }
                match outcome {
                    Ok(_) => self.clear(&raw).await,
                    Err(error) => {
                        self.story.unsent(&said);
                        let why = markdown::line(&format!("{}{KEPT}", refusal(&error.message)), 300);
                        let sign = self.story.style.sign(Status::Failed);
                        self.story.notes.push_str(&format!("### {sign} not sent: {why}\n\n"));
                        self.dirty = true;
                    }
                }
            }
        }
    }

    async fn send(&mut self, draft: &Draft<'_>) {
        let said = commands::said(draft.text);
        if self.story.is_sent(&said) {
            // Saved twice before the answer came.
            return;
        }
        if self.session.is_none() {
            self.attach().await;
        }
        if let Some((command, rest)) = commands::find(draft.text) {
            self.clear(draft.raw).await;
            return commands::run(self, command, rest).await;
        }
        let Some(session) = &self.session else { return };
        let params = send::prompt(&self.connection, &self.project(), &said);
        self.story.sends(&said);
        let (raw, outbox) = (draft.raw.to_owned(), self.outbox.clone());
        self.sending.push_back(raw.clone());
        // Also a session that ends instead of answering is an answer.
        let (reply, answer) = reply_channel();
        session.send(Command::Prompt(params, reply));
        tokio::spawn(async move {
            let outcome = answer.await;
            // A document that was closed meanwhile needs no answer.
            let _closed = outbox.upgrade().map(|it| it.send(Message::Prompted(raw, said, outcome)));
        });
    }

    /// Takes what was sent out of the prompt, now or as soon as the user's typing lets us.
    async fn clear(&mut self, raw: &str) {
        self.uncleared.push_back(raw.to_owned());
        self.clear_sent().await;
        self.dirty = true;
    }

    /// Takes everything out of the prompt that was sent. False if something is left for later.
    async fn clear_sent(&mut self) -> bool {
        while let Some(raw) = self.uncleared.front() {
            let mut cleared = false;
            for _ in 0..TRIES {
                let wanted = lock(&self.document).without(raw);
                // Nothing to do: the user has taken it away or changed it.
                cleared = wanted.is_none() || self.commit(wanted).await;
                if cleared {
                    break;
                }
            }
            if !cleared {
                return false;
            }
            self.cleared.extend(self.uncleared.pop_front());
            if self.cleared.len() > CLEARED {
                self.cleared.pop_front();
            }
            lock(&self.document).cleared += 1;
        }
        true
    }

    /// The part of a draft that was not sent before. It was written when so many messages had been taken out of the
    /// prompt.
    fn unsent<'a>(&self, draft: &'a str, cleared: u64) -> &'a str {
        let since = lock(&self.document).cleared.saturating_sub(cleared);
        let since = self.cleared.iter().rev().take(usize::try_from(since).unwrap_or(usize::MAX)).rev();
        let before = since.chain(&self.uncleared).chain(&self.sending);
        before.fold(draft, |draft, raw| draft.strip_prefix(raw.as_str()).unwrap_or(draft).trim_start())
    }

    /// Says something to the user, in the document.
    pub fn note(&mut self, text: &str) {
        for line in text.lines() {
            self.story.notes.push_str(&markdown::quoted(line, 300));
        }
        self.dirty = true;
    }

    /// The session.
    pub fn session(&self) -> Option<&SessionHandle> {
        self.session.as_ref()
    }

    /// The open questions, oldest first.
    pub fn questions(&self) -> &[Question] {
        &self.story.questions
    }

    /// The user's words are on their way.
    pub fn sends(&mut self, text: &str) {
        self.story.sends(text);
    }

    /// They were not taken.
    pub fn unsent_after_all(&mut self, text: &str) {
        self.story.unsent(text);
    }

    /// What the user wrote of a message: without the context that went with it.
    pub fn written(&self, text: &str) -> String {
        self.story.written(text).to_owned()
    }

    /// Puts text into the prompt, before what is there.
    pub async fn write_draft(&mut self, text: &str) {
        let wanted = lock(&self.document).with_draft(text);
        self.commit(wanted).await;
    }

    /// Renders everything anew.
    pub async fn refresh(&mut self) {
        lock(&self.document).thaw_all();
        self.attach().await;
    }

    fn answer_questions(&mut self, ticks: &[Tick]) {
        let Some(session) = self.session.clone() else { return };
        for question in &self.story.questions {
            let mut document = lock(&self.document);
            let below = ticks.iter().filter(|it| it.heading == question.heading());
            let ours = below.filter(|it| document.take_tick(it));
            let answers: Vec<_> = ours.filter_map(|it| question.ticked(&it.text)).collect();
            drop(document);
            // Two ticks say nothing clear: the question stays open.
            if let [answer] = answers.as_slice() {
                let messages = self.connection.messages.clone();
                let reply = Box::new(move |outcome: Result<_, CommandError>| {
                    if let Err(error) = outcome {
                        messages.error(&error.message);
                    }
                });
                session.send(answer.clone().command(reply));
            } else if answers.len() > 1 {
                let text = format!("Question {}: tick one box only", question.number);
                self.connection.messages.error(&text);
            }
        }
    }

    /// Carries out what the user has written behind hunks.
    fn decide(&mut self, words: &[(usize, Word)]) {
        let named = |number: usize, line: &str| {
            // The ledger forgets old edits: a number that means another file now decides nothing.
            let hunk = number.checked_sub(1).and_then(|it| self.story.hunks.get(it));
            let name = hunk.and_then(|it| it.path.file_name()).map(|it| it.to_string_lossy());
            name.is_some_and(|it| line.contains(&*it))
        };
        let words: Vec<(usize, Word)> = words
            .iter()
            .filter_map(|(number, word)| {
                let line = lock(&self.document).take_word(*number)?;
                named(*number, &line).then_some((*number, *word))
            })
            .collect();
        if !words.is_empty() {
            review::decide_words(&self.connection, &self.story.hunks, &words);
            // Whatever comes of it, the word goes.
            (self.hunks_moved, self.dirty) = (true, true);
        }
    }

    async fn event(&mut self, event: &AgentEvent) {
        if self.story.begins_turn(event) {
            self.next_turn().await;
        }
        self.dirty |= self.story.event(event);
    }

    async fn next_turn(&mut self) {
        self.story.settle();
        let queue = self.story.queue();
        let written = self.write().await;
        if written {
            lock(&self.document).freeze();
        }
        self.story.next_turn(written);
        self.story.wait_again(queue);
    }

    /// Brings the document up to date. False if the editor or the user's typing did not let us; then it is tried
    /// again later.
    async fn write(&mut self) -> bool {
        self.dirty = !self.clear_sent().await;
        let tail = self.story.tail();
        self.mend_prompt();
        for _ in 0..TRIES {
            let title = self.story.title.as_deref();
            let hunks = &self.story.hunks;
            let state = |number: usize| Some(review::state(hunks.get(number.checked_sub(1)?)?));
            let states: Option<&dyn Fn(usize) -> Option<&'static str>> =
                if self.hunks_moved { Some(&state) } else { None };
            let wanted = lock(&self.document).with_tail(&tail, title, states);
            let Some(wanted) = wanted else {
                let text = lock(&self.document).text.clone();
                self.hunks_moved = false;
                self.mark_questions(&text);
                return true;
            };
            // What the editor reports may be seen here a moment after the commit has seen it.
            let text = wanted.text.clone();
            if self.commit(Some(wanted)).await {
                lock(&self.document).wrote(&tail);
                self.hunks_moved = false;
                self.mark_questions(&text);
                return true;
            }
        }
        self.dirty = true;
        false
    }

    /// Says, once, that the heading of the prompt was missing.
    fn mend_prompt(&mut self) {
        if lock(&self.document).has_prompt() {
            self.told_of_prompt = false;
        } else if !std::mem::replace(&mut self.told_of_prompt, true) {
            let text = "The line “## You” was missing; it is at the end again";
            self.connection.messages.show(MessageType::INFO, text);
        }
    }

    /// Says at each question that it waits, so that the keys that go to the next diagnostic find it.
    fn mark_questions(&self, text: &str) {
        let Some(uri) = self.connection.documents.uri(&self.path) else { return };
        let open = &self.story.questions;
        let headings = if open.is_empty() { Vec::new() } else { markdown::headings(text) };
        let line = |question: &Question| {
            let wanted = question.heading();
            headings.iter().rev().find(|it| it.level == 3 && it.text == wanted).map(|it| it.line)
        };
        let marks = open
            .iter()
            .filter_map(|it| Some(questions::mark(&it.asked, u32::try_from(line(it)?).unwrap_or(u32::MAX))));
        self.connection.diagnostics.set(&self.connection.out, &uri, MARKS, marks.collect());
    }

    async fn commit(&self, wanted: Option<Wanted>) -> bool {
        let (Some(wanted), Some(workspace)) = (wanted, self.connection.documents.workspace()) else {
            return false;
        };
        let plan = EditPlan {
            path: self.path.clone(),
            base: Some(Snapshot::of_buffer(self.path.clone(), wanted.base, wanted.version)),
            text: wanted.text,
            label: "pi: chat".to_owned(),
            cause: None,
        };
        match workspace.commit(plan, &self.connection.ended).await {
            Ok(_) => true,
            Err(error) => {
                tracing::debug!(%error, "the chat document was not written");
                false
            }
        }
    }
}

/// How this client's documents about this project are written.
pub fn style(connection: &Connection, project: &Path) -> Style {
    let settings = connection.hub.compose().settings(project).values();
    Style {
        lines: if connection.capabilities().folding { LINES } else { LINES_UNFOLDED },
        root: project.to_owned(),
        ascii: settings.text("chat.symbols").as_deref() == Some("ascii"),
        time: clock::time_of_day,
    }
}

/// The messages on the way to the leaf, oldest first.
pub fn path_of(entries: &[Entry], leaf: Option<&str>) -> Vec<Arc<AgentMessage>> {
    let messages = entries_of(entries, leaf).into_iter().filter_map(|it| match &it.kind {
        EntryKind::Message { message } => Some(message.shared().clone()),
        _ => None,
    });
    messages.collect()
}

/// The entries on the way to the leaf, oldest first.
pub fn entries_of<'a>(entries: &'a [Entry], leaf: Option<&str>) -> Vec<&'a Entry> {
    let by_id: std::collections::HashMap<&str, &Entry> =
        entries.iter().map(|it| (it.base.id.as_str(), it)).collect();
    let mut found = Vec::new();
    let mut at = leaf;
    // A file of another writer may have a circle.
    for _ in 0..entries.len() {
        let Some(entry) = at.and_then(|it| by_id.get(it)) else { break };
        found.push(*entry);
        at = entry.base.parent_id.as_deref();
    }
    found.reverse();
    found
}
