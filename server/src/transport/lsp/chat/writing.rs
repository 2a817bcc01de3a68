//! From a room to its document: the tail, what goes out of the prompt and what comes back into it.
//!
//! The user types at any moment, so each of these is tried on the newest text, and once more at the next writing if
//! the editor has not taken it.

use std::path::Path;

use lsp_types::MessageType;
use pi_core::{clock, session::Command};
use pi_host::workspace::{EditPlan, Origin, Snapshot};

use super::{document::Wanted, lock, numbers, question::Question, review, room::Room};
use crate::{
    markdown::{self, Style},
    transport::lsp::{connection::Connection, questions},
};

/// How often a writing is tried that the user's typing gets in the way of.
const TRIES: usize = 3;
/// Lines of a tool's output, and of one for editors that cannot fold.
const LINES: usize = 40;
const LINES_UNFOLDED: usize = 12;
/// Who says that a question waits, among all that say something about a document.
const MARKS: &str = "chat questions";

/// A text that comes into the prompt.
#[derive(Debug)]
pub struct Return {
    /// The text.
    pub text: String,
    /// The message that waits until the text is there.
    pub item: Option<u64>,
    /// Saving it sends it.
    pub is_new: bool,
}

impl Room {
    /// Brings the document up to date. False if the editor or the user's typing did not let us; then it is tried
    /// again later.
    pub(super) async fn write(&mut self) -> bool {
        let cleared = self.clear_sent().await;
        self.dirty = !(cleared && self.bring_back().await);
        let tail = self.story.tail();
        self.mend_prompt();
        for _ in 0..TRIES {
            let title = self.story.title.as_deref();
            let hunks = &self.story.hunks;
            let state = |number: usize| Some(review::state(numbers::find(hunks, number)?));
            let states: Option<&dyn Fn(usize) -> Option<&'static str>> =
                if self.hunks_moved { Some(&state) } else { None };
            let wanted = lock(&self.document).with_tail(&tail, title, states);
            if wanted.is_none() || self.commit(wanted).await {
                let text = lock(&self.document).text.clone();
                self.hunks_moved = false;
                self.mark_questions(&text);
                return true;
            }
        }
        self.dirty = true;
        false
    }

    /// Takes everything out of the prompt that was sent. False if something is left for later.
    async fn clear_sent(&mut self) -> bool {
        for _ in 0..TRIES {
            let wanted = lock(&self.document).without_sent();
            if wanted.is_none() || self.commit(wanted).await {
                return true;
            }
        }
        false
    }

    /// Puts texts into the prompt that come back into it. A message stops waiting when its text is there, and not
    /// before. False if something is left for later.
    async fn bring_back(&mut self) -> bool {
        while let Some(Return { text, item, is_new }) = self.returning.front() {
            let (text, item, is_new) = (text.clone(), *item, *is_new);
            let mut there = false;
            for _ in 0..TRIES {
                let wanted = lock(&self.document).with_draft(&text, is_new);
                there = self.commit(wanted).await;
                if there {
                    break;
                }
            }
            if !there {
                return false;
            }
            self.returning.pop_front();
            if let (Some(id), Some(session)) = (item, &self.session) {
                if session.ask(|reply| Command::QueueDelete(id, reply)).await.is_err() {
                    // It was delivered meanwhile.
                    lock(&self.document).is_sent(&text);
                    return false;
                }
            }
        }
        true
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
    pub(super) fn mark_questions(&self, text: &str) {
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

    /// Asks the editor for a text. Once this is true, the document has it.
    pub(super) async fn commit(&mut self, wanted: Option<Wanted>) -> bool {
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
            // What the editor reports is seen here a moment after the commit has seen it.
            Ok(done) => match done.origin {
                Origin::Buffer { version } => self.version.wait_for(|it| *it >= version).await.is_ok(),
                Origin::Disk => false,
            },
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
