//! The task of one open chat document: events of its session go in above the prompt, what the user writes goes out.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use pi_core::{
    SessionHandle,
    builder::MessageFolder,
    bus::{Delivery, EventQueue},
    clock,
    session::Command,
};
use pi_host::workspace::{EditPlan, Snapshot};
use pi_protocol::{
    AgentEvent, AgentMessage, AnswerPermissionParams, CommandError, PermissionRequest, PromptAccepted,
    SessionState, entry::EntryKind,
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
    send::{self, Draft},
};
use crate::{
    markdown::{self, Status, Step, Style, Turn},
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
/// Lines of a tool's output, and of one for editors that cannot fold.
const LINES: usize = 40;
const LINES_UNFOLDED: usize = 12;
/// Who says that a question waits, among all that say something about a document.
const MARKS: &str = "chat questions";
/// Characters of a title taken from the first prompt.
pub const TITLE: usize = 60;

/// What a room is told.
pub enum Message {
    /// The user saved the document, with this in the prompt and these boxes ticked.
    Saved {
        /// A draft that is the user's and not the disk's.
        draft: Option<String>,
        /// Boxes anywhere above it.
        ticks: Vec<Tick>,
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
    style: Style,
    /// Turns before the last one that are not in the document yet.
    before: String,
    turn: Turn,
    folder: Option<MessageFolder>,
    questions: Vec<Question>,
    /// Number of the newest question.
    last_asked: usize,
    queued: Vec<String>,
    /// Answers to commands since the last turn began.
    notes: String,
    title: Option<String>,
    /// Prompts under way, as they were written.
    sent: VecDeque<String>,
    /// Sent and still in the prompt, as it is written there.
    uncleared: VecDeque<String>,
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
        let style = style(&connection, &connection.folder_of(&path));
        Self {
            connection,
            path,
            document,
            outbox,
            session: None,
            queue: EventQueue::new(),
            style,
            before: String::new(),
            turn: Turn { settled: true, ..Turn::default() },
            folder: None,
            questions: Vec::new(),
            last_asked: 0,
            queued: Vec::new(),
            notes: String::new(),
            title: None,
            sent: VecDeque::new(),
            uncleared: VecDeque::new(),
            dirty: true,
        }
    }

    /// The folder of the document: what its prompts are about.
    pub fn project(&self) -> PathBuf {
        self.connection.folder_of(&self.path)
    }

    /// Until the document is closed or the connection ends.
    pub async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
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
                    None => return,
                },
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
        self.queue = EventQueue::new();
        session.send(Command::Subscribe(self.queue.clone(), Box::new(|_| {})));
        let state = session.ask(Command::GetState).await;
        let entries = session.ask(|reply| Command::GetEntries(None, reply)).await;
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
        self.title = state.session_name.clone().or_else(|| first.and_then(|it| title_of(it)));
        state.pending_permissions.iter().for_each(|it| self.asked(it));
        let mut document = lock(&self.document);
        let shown = markdown::prompts(&document.text);
        self.before.clear();
        self.turn = Turn { settled: true, ..Turn::default() };
        if let Some(mut last) = turns.pop() {
            last.settled = !state.is_streaming;
            let finished = document.ends_finished();
            if shown <= turns.len() {
                self.before = turns[shown..].iter().map(|it| markdown::render(it, &self.style)).collect();
                document.freeze();
                self.turn = last;
            } else if state.is_streaming || !finished {
                document.thaw("You ·");
                self.turn = last;
            }
        }
        self.dirty = true;
    }

    async fn message(&mut self, message: Message) {
        match message {
            Message::Saved { draft, ticks } => {
                self.answer_questions(&ticks);
                let settings = self.connection.hub.compose().settings(&self.project()).values();
                let marker = settings.text("chat.sendOn").as_deref() == Some("marker");
                if let Some(draft) = draft.as_deref().and_then(|it| Draft::of(self.unsent(it), marker)) {
                    tokio::time::sleep(LEAVING).await;
                    // Who leaves has kept a draft and asked nothing.
                    if self.connection.phase() != Phase::ShutDown {
                        self.send(&draft).await;
                    }
                }
            }
            Message::Send => {
                let raw = self.unsent(lock(&self.document).draft()).to_owned();
                let draft = Draft::of(&raw, true).or_else(|| Draft::of(&raw, false));
                match draft {
                    Some(draft) => self.send(&draft).await,
                    None => self.note("Nothing is written below the last “## You”"),
                }
            }
            Message::Write(text) => {
                let wanted = lock(&self.document).with_draft(&text);
                self.commit(wanted).await;
            }
            Message::Prompted(raw, said, outcome) => match outcome {
                Ok(_) => self.clear(&raw).await,
                Err(error) => {
                    self.sent.retain(|it| *it != said);
                    let why = markdown::line(&error.message, 300);
                    let sign = self.style.sign(Status::Failed);
                    self.notes.push_str(&format!("### {sign} not sent: {why}\n\n"));
                    self.dirty = true;
                }
            },
        }
    }

    async fn send(&mut self, draft: &Draft<'_>) {
        if self.sent.iter().any(|it| it == draft.text) {
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
        let params = send::prompt(&self.connection, &self.project(), draft.text);
        self.sent.push_back(draft.text.to_owned());
        let (raw, said, outbox) = (draft.raw.to_owned(), draft.text.to_owned(), self.outbox.clone());
        let reply = Box::new(move |outcome| {
            // A document that was closed meanwhile needs no answer.
            let _closed = outbox.upgrade().map(|it| it.send(Message::Prompted(raw, said, outcome)));
        });
        session.send(Command::Prompt(params, reply));
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
            self.uncleared.pop_front();
        }
        true
    }

    /// The part of a draft that was not sent before.
    fn unsent<'a>(&self, draft: &'a str) -> &'a str {
        self.uncleared
            .iter()
            .fold(draft, |draft, raw| draft.strip_prefix(raw.as_str()).unwrap_or(draft).trim_start())
    }

    /// Says something to the user, in the document.
    pub fn note(&mut self, text: &str) {
        for line in text.lines() {
            self.notes.push_str(&markdown::quoted(line, 300));
        }
        self.dirty = true;
    }

    /// The session.
    pub fn session(&self) -> Option<&SessionHandle> {
        self.session.as_ref()
    }

    /// The open question with this number; without one, the only one there is.
    pub fn question(&self, number: Option<usize>) -> Option<&Question> {
        match (number, self.questions.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(number), all) => all.iter().find(|it| it.number == number),
        }
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
        for question in &self.questions {
            let mut document = lock(&self.document);
            let below = ticks.iter().filter(|it| it.heading == question.heading());
            let ours = below.filter(|it| document.take_tick(it));
            let choices: Vec<_> = ours.filter_map(|it| question.choice(&it.text)).collect();
            drop(document);
            // Two ticks say nothing clear: the question stays open.
            if let [choice] = choices.as_slice() {
                let params = AnswerPermissionParams {
                    question_id: question.request.id.clone(),
                    choice: *choice,
                    message: None,
                };
                let messages = self.connection.messages.clone();
                let reply = Box::new(move |outcome: Result<_, CommandError>| {
                    if let Err(error) = outcome {
                        messages.error(&error.message);
                    }
                });
                session.send(Command::AnswerPermission(params, reply));
            } else if choices.len() > 1 {
                let text = format!("Question {}: tick one box only", question.number);
                self.connection.messages.error(&text);
            }
        }
    }

    async fn event(&mut self, event: &AgentEvent) {
        match event {
            AgentEvent::MessageStart { message } => {
                self.folder = message.as_assistant().map(|it| MessageFolder::new(it.clone()));
            }
            AgentEvent::MessageUpdate { usage, assistant_message_event } => {
                if let Some(folder) = &mut self.folder {
                    folder.fold(usage, assistant_message_event);
                }
            }
            AgentEvent::MessageEnd { message } => {
                self.folder = None;
                self.complete(message).await;
            }
            AgentEvent::ToolExecutionStart { tool_call_id, .. } => {
                self.turn.steps.insert(tool_call_id.clone(), Step::default());
            }
            AgentEvent::ToolExecutionUpdate { tool_call_id, partial_result, .. } => {
                let step = Step { result: partial_result.clone(), failed: None };
                self.turn.steps.insert(tool_call_id.clone(), step);
            }
            AgentEvent::ToolExecutionEnd { tool_call_id, result, is_error, .. } => {
                let step = Step { result: result.clone(), failed: Some(*is_error) };
                self.turn.steps.insert(tool_call_id.clone(), step);
            }
            AgentEvent::AgentStart => self.turn.settled = false,
            AgentEvent::AgentSettled => self.turn.settled = true,
            AgentEvent::QueueUpdate { steering, follow_up, .. } => {
                let (now, after) =
                    (steering.iter().map(|it| (it, "steered")), follow_up.iter().map(|it| (it, "after")));
                self.queued = now
                    .chain(after)
                    .map(|(text, kind)| {
                        let said = self.sent.iter().find(|it| text.starts_with(it.as_str())).unwrap_or(text);
                        format!("## You · queued ({kind})\n\n{}\n", markdown::inert(said))
                    })
                    .collect();
            }
            AgentEvent::PermissionRequest(request) => self.asked(request),
            AgentEvent::PermissionResolved { id, .. } => self.questions.retain(|it| it.request.id != *id),
            _ => return,
        }
        self.dirty = true;
    }

    /// A question is open; it may have been before the document was.
    fn asked(&mut self, request: &PermissionRequest) {
        if self.questions.iter().all(|it| it.request.id != request.id) {
            self.last_asked += 1;
            self.questions.push(Question { number: self.last_asked, request: request.clone() });
        }
    }

    /// A message is complete.
    async fn complete(&mut self, message: &Arc<AgentMessage>) {
        let mut message = message.clone();
        if let AgentMessage::User(user) = &*message {
            let text = user.content.text();
            // As it was written: without the context that went with it.
            if let Some(at) = self.sent.iter().position(|it| text.starts_with(it.as_str())) {
                let said = self.sent.remove(at).unwrap_or_default();
                message = Arc::new(AgentMessage::user_text(said, user.timestamp));
            }
            if self.title.is_none() {
                self.title = title_of(&message);
            }
            if self.turn.is_over() {
                self.next_turn().await;
            }
        }
        self.turn.messages.push(message);
    }

    async fn next_turn(&mut self) {
        self.turn.settled = true;
        let queued = std::mem::take(&mut self.queued);
        if self.write().await {
            lock(&self.document).freeze();
            self.before.clear();
        } else {
            self.before = self.tail();
        }
        self.queued = queued;
        self.notes.clear();
        self.turn = Turn::default();
    }

    /// Everything between what stays and the prompt.
    fn tail(&mut self) -> String {
        self.turn.growing = self.folder.as_mut().map(|it| it.message().clone());
        let turn = markdown::render(&self.turn, &self.style);
        let questions: String = self.questions.iter().map(Question::render).collect();
        format!("{}{turn}{questions}{}{}", self.before, self.queued.concat(), self.notes)
    }

    /// Brings the document up to date. False if the editor or the user's typing did not let us; then it is tried
    /// again later.
    async fn write(&mut self) -> bool {
        self.dirty = !self.clear_sent().await;
        let tail = self.tail();
        for _ in 0..TRIES {
            let title = self.title.as_deref();
            let wanted = lock(&self.document).with_tail(&tail, title);
            let Some(wanted) = wanted else {
                let text = lock(&self.document).text.clone();
                self.mark_questions(&text);
                return true;
            };
            // What the editor reports may be seen here a moment after the commit has seen it.
            let text = wanted.text.clone();
            if self.commit(Some(wanted)).await {
                lock(&self.document).wrote(&tail);
                self.mark_questions(&text);
                return true;
            }
        }
        self.dirty = true;
        false
    }

    /// Says at each question that it waits, so that the keys that go to the next diagnostic find it.
    fn mark_questions(&self, text: &str) {
        let Some(uri) = self.connection.documents.uri(&self.path) else { return };
        let headings = if self.questions.is_empty() { Vec::new() } else { markdown::headings(text) };
        let line = |question: &Question| {
            let wanted = question.heading();
            headings.iter().rev().find(|it| it.level == 3 && it.text == wanted).map(|it| it.line)
        };
        let marks = self.questions.iter().filter_map(|it| {
            Some(questions::mark(&it.request, u32::try_from(line(it)?).unwrap_or(u32::MAX)))
        });
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
pub fn path_of(entries: &[pi_protocol::Entry], leaf: Option<&str>) -> Vec<Arc<AgentMessage>> {
    let by_id: std::collections::HashMap<&str, &pi_protocol::Entry> =
        entries.iter().map(|it| (it.base.id.as_str(), it)).collect();
    let mut found = Vec::new();
    let mut at = leaf;
    // A file of another writer may have a circle.
    for _ in 0..entries.len() {
        let Some(entry) = at.and_then(|it| by_id.get(it)) else { break };
        if let EntryKind::Message { message } = &entry.kind {
            found.push(message.shared().clone());
        }
        at = entry.base.parent_id.as_deref();
    }
    found.reverse();
    found
}

/// The user's first words.
pub fn title_of(message: &AgentMessage) -> Option<String> {
    let AgentMessage::User(user) = message else { return None };
    Some(markdown::line(&user.content.text(), TITLE)).filter(|it| !it.is_empty())
}
