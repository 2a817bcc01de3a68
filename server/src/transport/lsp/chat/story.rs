//! What a session has told since its document was last complete: the turn in progress, the questions, what waits.
//!
//! Takes in events, gives Markdown. It knows nothing of documents.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use pi_core::builder::MessageFolder;
use pi_protocol::{
    AgentEvent, AgentMessage, AssistantMessageEvent,
    queue::{QueueItem, QueueKind},
};

use super::{numbers::Numbered, question::Question, review, written::Written};
use crate::{
    markdown::{self, Status, Step, Style, Turn},
    transport::lsp::questions::{self, Asked},
};

/// Characters of a title taken from the first prompt.
pub const TITLE: usize = 60;

/// One session's story.
pub struct Story {
    /// How it is written.
    pub style: Style,
    /// The chat's title, once it has one.
    pub title: Option<String>,
    /// Open questions, oldest first.
    pub questions: Vec<Question>,
    /// Answers to commands since the last turn began.
    pub notes: String,
    /// The changes of the session, by their numbers.
    pub hunks: Vec<Numbered>,
    /// How calls changed files whose results do not say it.
    pub patches: Arc<HashMap<String, String>>,
    /// What was written otherwise than the model got it.
    pub written: Written,
    /// Turns before the last one that are not in the document yet.
    before: String,
    turn: Turn,
    /// How many turns these are.
    turns: usize,
    folder: Option<MessageFolder>,
    /// Block of the growing answer in which the model thinks, and since when.
    thinking: Option<(usize, Instant)>,
    asked: usize,
    queued: Vec<QueueItem>,
    /// Messages whose turn it is, as they were written, without what goes with them.
    coming: VecDeque<String>,
    /// When the run began.
    since: Option<Instant>,
}

impl Story {
    /// Nothing was said.
    pub fn new(style: Style) -> Self {
        Self {
            style,
            title: None,
            questions: Vec::new(),
            notes: String::new(),
            hunks: Vec::new(),
            patches: Arc::default(),
            written: Written::default(),
            before: String::new(),
            turn: Turn { settled: true, ..Turn::default() },
            turns: 0,
            folder: None,
            thinking: None,
            asked: 0,
            queued: Vec::new(),
            coming: VecDeque::new(),
            since: None,
        }
    }

    /// Starts anew with turns that the document lacks, and the last one, which it may have in part.
    pub fn begin(&mut self, missing: &[Turn], last: Option<Turn>) {
        self.before = missing.iter().map(|it| self.rendered(it)).collect();
        self.turns = missing.len() + usize::from(last.is_some());
        self.coming.clear();
        self.folder = None;
        self.turn = last.unwrap_or_else(|| Turn { settled: true, ..Turn::default() });
    }

    pub(super) fn rendered(&self, turn: &Turn) -> String {
        let (hunks, patches) = (review::marks(&self.hunks), self.patches.clone());
        markdown::render(&Turn { hunks, patches, ..turn.clone() }, &self.style)
    }

    /// The next message of the user begins a run and was written like this.
    pub fn starts(&mut self, written: &str) {
        self.coming.push_back(written.to_owned());
    }

    /// Says in a heading what is no part of the conversation; `look.rs` knows them by their first words.
    pub fn heading(&mut self, status: Status, text: &str) {
        let sign = self.style.sign(status);
        self.notes.push_str(&format!("### {sign} {}\n\n", markdown::line(text, 300)));
    }

    /// A question, once.
    pub fn ask(&mut self, asked: Asked) {
        if self.questions.iter().all(|it| it.asked.id() != asked.id()) {
            self.asked += 1;
            self.questions.push(Question { number: self.asked, asked });
        }
    }

    /// Whether this event begins another turn. What was told so far has to be written first.
    pub fn begins_turn(&self, event: &AgentEvent) -> bool {
        let AgentEvent::MessageEnd { message } = event else { return false };
        matches!(**message, AgentMessage::User(_)) && self.turn.is_over()
    }

    /// Begins another turn; `written`: the document has everything before it. How many turns that is.
    pub fn next_turn(&mut self, written: bool) -> usize {
        self.before = match written {
            true => String::new(),
            false => self.tail(),
        };
        self.notes.clear();
        self.turn = Turn::default();
        if written { std::mem::take(&mut self.turns) } else { 0 }
    }

    /// What waits, which is no part of the turn that ends.
    pub fn queue(&mut self) -> Vec<QueueItem> {
        std::mem::take(&mut self.queued)
    }

    /// This waits.
    pub fn waits(&mut self, queue: Vec<QueueItem>) {
        self.queued = queue;
    }

    /// What waits, as it was written.
    pub fn waiting(&self) -> impl Iterator<Item = &str> {
        self.queued.iter().map(|it| it.text.as_str())
    }

    /// The turn in progress is over.
    pub fn settle(&mut self) {
        self.turn.settled = true;
    }

    /// Takes in an event. False if nothing is to be told of it.
    pub fn event(&mut self, event: &AgentEvent) -> bool {
        match event {
            AgentEvent::MessageStart { message } => {
                self.folder = message.as_assistant().map(|it| MessageFolder::new(it.clone()));
            }
            AgentEvent::MessageUpdate { usage, assistant_message_event } => {
                self.thinks(assistant_message_event);
                if let Some(folder) = &mut self.folder {
                    folder.fold(usage, assistant_message_event);
                }
            }
            AgentEvent::MessageEnd { message } => {
                self.folder = None;
                self.complete(message);
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
            AgentEvent::AgentStart => {
                self.turn.settled = false;
                self.since.get_or_insert_with(Instant::now);
            }
            AgentEvent::AgentSettled => {
                self.turn.settled = true;
                self.turn.took = self.since.take().map(|it| it.elapsed().as_secs());
                self.coming.clear();
            }
            AgentEvent::SessionInfoChanged { name: Some(name) } => self.title = Some(name.clone()),
            AgentEvent::QueueUpdate { items, delivered, .. } => {
                let known = |id: &u64| self.queued.iter().find(|it| it.id == *id);
                self.coming.extend(delivered.iter().filter_map(known).map(|it| it.text.clone()));
                self.queued.clone_from(items);
            }
            event => match (questions::asked(event), questions::closed(event)) {
                (Some(asked), _) => self.ask(asked),
                (_, Some(id)) => self.questions.retain(|it| it.asked.id() != id),
                _ => return false,
            },
        }
        true
    }

    fn thinks(&mut self, event: &AssistantMessageEvent) {
        match event {
            AssistantMessageEvent::ThinkingStart { content_index } => {
                self.thinking = Some((*content_index, Instant::now()));
            }
            AssistantMessageEvent::ThinkingEnd { content_index, .. } => {
                if let Some((_, since)) = self.thinking.take_if(|it| it.0 == *content_index) {
                    let place = (self.turn.messages.len(), *content_index);
                    self.turn.thought.insert(place, since.elapsed().as_secs());
                }
            }
            _ => {}
        }
    }

    /// A message is complete.
    fn complete(&mut self, message: &Arc<AgentMessage>) {
        let mut message = message.clone();
        if let AgentMessage::User(user) = &*message {
            if let Some(written) = self.coming.pop_front() {
                message = Arc::new(self.written.said(user, &written));
            }
            if self.title.is_none() {
                self.title = title_of(&message);
            }
        }
        if self.turn.messages.is_empty() {
            self.turns += 1;
        }
        self.turn.messages.push(message);
    }

    /// Everything between what stays in the document and the prompt.
    pub fn tail(&mut self) -> String {
        self.turn.growing = self.folder.as_mut().map(|it| it.message().clone());
        self.turn.asked = self.questions.iter().filter_map(|it| it.asked.call().map(str::to_owned)).collect();
        let turn = self.rendered(&self.turn);
        let questions: String = self.questions.iter().map(Question::render).collect();
        let queued: String = self.queued.iter().map(queued).collect();
        format!("{}{turn}{questions}{queued}{}", self.before, self.notes)
    }
}

/// A message that waits, as Markdown.
fn queued(item: &QueueItem) -> String {
    let kind = match item.kind {
        QueueKind::Steer => "steered",
        QueueKind::FollowUp => "after",
    };
    let state = if item.held { "held" } else { "queued" };
    let text = markdown::inert(&item.text);
    format!("## You · {state} ({kind})\n\n{}\n\n", text.trim_end_matches('\n'))
}

/// The user's first words.
pub fn title_of(message: &AgentMessage) -> Option<String> {
    let AgentMessage::User(user) = message else { return None };
    Some(markdown::line(&user.content.text(), TITLE)).filter(|it| !it.is_empty())
}
