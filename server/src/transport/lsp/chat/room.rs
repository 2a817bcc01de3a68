//! The task of one open chat document: events of its session go in above the prompt, what the user writes goes out.
//!
//! Here is its life and what it is told. `attach.rs` finds what of a conversation the document has, `sending.rs` has
//! the way of a message to the session, `writing.rs` the way into the document.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use pi_core::{
    SessionHandle,
    bus::{Delivery, EventQueue},
    session::Command,
};
use pi_protocol::{AgentEvent, CommandError, PromptAccepted};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    SharedDocument,
    attach::{entries_of, prompts_of},
    compaction::{self, Ended},
    document::{Saved, Tick},
    draft::Taken,
    kept::{Kept, Said},
    lock, numbers,
    question::Question,
    review,
    story::Story,
    writing::{Return, style},
};
use crate::{
    failure::OPEN_ELSEWHERE,
    markdown::{self, Status, Word},
    transport::lsp::connection::{Connection, Phase},
};

/// Shortest time between two writings.
const PACE: Duration = Duration::from_millis(250);
/// How soon after the save an editor says that it ends, when somebody saves everything and quits.
const LEAVING: Duration = Duration::from_millis(100);

/// What a room is told.
pub enum Message {
    /// The document was saved, by hand or not, and was like this.
    Keep(Saved),
    /// The user saved the document.
    Saved {
        /// What was written and not sent before; it was not read from the disk.
        taken: Option<Taken>,
        /// Boxes that are ticked above the prompt.
        ticks: Vec<Tick>,
        /// Words behind hunks, by the numbers of these.
        words: Vec<(usize, Word)>,
    },
    /// The user wants the prompt sent, however it came to be there.
    Send,
    /// The user wants a copy of the chat.
    Copy,
    /// The user wants the document written anew.
    Refresh,
    /// Text for the prompt.
    Write(String),
    /// What became of a message.
    Prompted(Sending, Result<PromptAccepted, CommandError>),
}

/// A message on its way to the session.
#[derive(Debug, Clone)]
pub struct Sending {
    /// As it was taken from the draft.
    pub taken: Taken,
    /// What the session is told.
    pub said: String,
}

/// One open chat document and its session.
pub struct Room {
    /// Whose document it is.
    pub connection: Arc<Connection>,
    pub(super) path: PathBuf,
    pub(super) document: SharedDocument,
    /// The version of the document.
    pub(super) version: watch::Receiver<i32>,
    /// To this room.
    pub(super) outbox: mpsc::WeakUnboundedSender<Message>,
    pub(super) session: Option<SessionHandle>,
    /// It had a session before.
    pub(super) was_attached: bool,
    pub(super) queue: EventQueue,
    pub(super) story: Story,
    /// What is remembered beside the document.
    kept: Option<Kept>,
    /// The changes are other ones, or have other states, than the finished turns show.
    pub(super) hunks_moved: bool,
    /// The user was told that the prompt had to be put back.
    pub(super) told_of_prompt: bool,
    /// On their way into the prompt, the first one first.
    pub(super) returning: VecDeque<Return>,
    /// The document is behind.
    pub(super) dirty: bool,
}

impl Room {
    /// For an open document. `outbox` leads to the inbox of [`Self::run`].
    pub fn new(
        connection: Arc<Connection>,
        path: PathBuf,
        document: SharedDocument,
        version: watch::Receiver<i32>,
        outbox: mpsc::WeakUnboundedSender<Message>,
    ) -> Self {
        let story = Story::new(style(&connection, &connection.folder_of(&path)));
        Self {
            connection,
            path,
            document,
            version,
            outbox,
            session: None,
            was_attached: false,
            queue: EventQueue::of_one_session(),
            story,
            kept: None,
            hunks_moved: false,
            told_of_prompt: false,
            returning: VecDeque::new(),
            dirty: true,
        }
    }

    /// The folder of the document: what its prompts are about.
    pub fn project(&self) -> PathBuf {
        self.connection.folder_of(&self.path)
    }

    /// The folder of the chat documents.
    pub(super) fn chats(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Until the document is closed or the connection ends.
    pub async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
        let mut looked = self.connection.hunks.looked();
        if let Err(error) = self.attach(false).await {
            self.connection.messages.error(&error);
            if error == OPEN_ELSEWHERE {
                self.story.heading(Status::Failed, &error);
                self.offer_copy(&error);
            }
        }
        let ended = self.connection.ended.clone();
        let mut due = Instant::now();
        loop {
            let queue = self.queue.clone();
            tokio::select! {
                biased;
                () = ended.cancelled() => return self.leave(inbox).await,
                message = inbox.recv() => match message {
                    Some(message) => self.message(message).await,
                    None => {
                        self.story.questions.clear();
                        return self.mark_questions("");
                    }
                },
                Ok(()) = looked.changed() => self.look().await,
                delivery = queue.next(), if self.session.is_some() => match delivery {
                    Some(Delivery::Event(envelope)) => {
                        // What became of a prompt is known before the prompt is seen.
                        while let Ok(message) = inbox.try_recv() {
                            self.message(message).await;
                        }
                        self.event(&envelope.event).await;
                    }
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

    /// Nothing is written any more; what was saved last is remembered.
    async fn leave(&mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
        while let Ok(message) = inbox.try_recv() {
            if let Message::Keep(saved) = message {
                self.keep(saved).await;
            }
        }
    }

    /// Finds out what became of changes.
    async fn look(&mut self) {
        let Some(session) = &self.session else { return };
        let hunks = review::hunks(&self.connection, session.id()).await;
        if hunks != self.story.hunks {
            review::patches(&self.connection, session.id(), &hunks, &mut self.story.patches).await;
            self.story.hunks = hunks;
            self.hunks_moved = true;
            self.dirty = true;
        }
    }

    async fn message(&mut self, message: Message) {
        match message {
            Message::Keep(saved) => self.keep(saved).await,
            Message::Saved { taken, ticks, .. } if self.takes_copy(&ticks) => {
                // It goes along as the draft of the copy.
                taken.iter().for_each(|it| lock(&self.document).refuse(it.id));
                self.open_copy().await;
            }
            Message::Saved { taken, ticks, words } => {
                self.answer_questions(&ticks);
                self.decide(&words);
                if let Some(taken) = taken {
                    tokio::time::sleep(LEAVING).await;
                    // Who leaves has kept a draft and asked nothing.
                    if self.connection.phase() != Phase::ShutDown {
                        self.send(taken).await;
                    }
                }
            }
            Message::Send => {
                let taken = lock(&self.document).take_any();
                match taken {
                    Some(taken) => self.send(taken).await,
                    None if lock(&self.document).draft().is_empty() => {
                        self.note("Nothing is written below the last “## You”");
                    }
                    // It is on its way.
                    None => {}
                }
            }
            Message::Copy => self.open_copy().await,
            Message::Refresh => {
                if let Err(error) = self.refresh().await {
                    self.connection.messages.error(&error);
                }
            }
            Message::Write(text) => self.bring(Return { text, item: None, is_new: true }),
            Message::Prompted(sending, outcome) => self.prompted(sending, outcome).await,
        }
    }

    /// Puts a text into the prompt, before what is there, as soon as the editor lets us.
    pub(super) fn bring(&mut self, text: Return) {
        self.returning.push_back(text);
        self.dirty = true;
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

    /// Renders everything anew.
    pub async fn refresh(&mut self) -> Result<(), String> {
        self.attach(true).await
    }

    /// Remembers what the document was like when it was saved.
    async fn keep(&mut self, saved: Saved) {
        let Some(saved) = lock(&self.document).saved_before(saved) else { return };
        let all = match &self.session {
            Some(session) => session.ask(|reply| Command::GetEntries(None, reply)).await.ok(),
            None => None,
        };
        let (after, leaf) = match all {
            Some(all) => {
                let prompts = prompts_of(&entries_of(&all.entries, all.leaf_id.as_deref()));
                let after = saved.frozen.checked_sub(1).and_then(|it| prompts.get(it).cloned());
                (after, all.leaf_id)
            }
            // It has ended: there is nothing new.
            None => (None, self.kept.as_ref().and_then(|it| it.leaf.clone())),
        };
        // What the session has and is not out of the draft yet.
        let sent = saved.sent().map(|it| Said { raw: it.to_owned(), text: None }).collect();
        let kept = Kept {
            saved,
            after,
            leaf,
            sent,
            waiting: self.story.waiting().map(str::to_owned).collect(),
            notes: self.story.notes.clone(),
            numbers: Vec::new(),
        };
        self.remember(kept).await;
    }

    async fn remember(&mut self, mut kept: Kept) {
        kept.sent.retain(|it| kept.saved.has(&it.raw));
        let session = markdown::session_id(&lock(&self.document).text).map(str::to_owned);
        if let Some(session) = session {
            kept.numbers = self.connection.chats.numbers.of(&session);
            kept.write(&self.path, &session).await;
        }
        self.kept = Some(kept);
    }

    /// Remembers that a message was sent; nothing is said by a command.
    pub(super) async fn was_sent(&mut self, raw: String, text: Option<String>) {
        if let Some(mut kept) = self.kept.take() {
            kept.sent.push(Said { raw, text });
            self.remember(kept).await;
        }
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
            let hunk = numbers::find(&self.story.hunks, number);
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
        if let Some(session) = &self.session {
            self.story.written.keep(self.path.parent().unwrap_or(&self.path), session.id()).await;
        }
        if let Some((_, ended)) = compaction::ended(event) {
            self.compacted(ended).await;
        }
        if matches!(event, AgentEvent::QueueUpdate { .. }) {
            if let Some(mut kept) = self.kept.take() {
                kept.waiting = self.story.waiting().map(str::to_owned).collect();
                self.remember(kept).await;
            }
        }
    }

    /// Says what came of a compaction.
    async fn compacted(&mut self, ended: Ended) {
        let Some(session) = &self.session else { return };
        let (status, said) = match ended {
            Ended::Summarised(kept) => (Status::Done, compaction::summarised(session, &kept).await),
            Ended::Failed(why) => (Status::Failed, compaction::failed(&why)),
        };
        let mut letters = said.chars();
        let first = letters.next().map(|it| it.to_lowercase().to_string()).unwrap_or_default();
        self.story.heading(status, &format!("{first}{}", letters.as_str()));
        self.dirty = true;
    }

    async fn next_turn(&mut self) {
        self.story.settle();
        let queue = self.story.queue();
        let written = self.write().await;
        let turns = self.story.next_turn(written);
        if written {
            lock(&self.document).freeze(turns);
        }
        self.story.waits(queue);
    }
}
