//! A session as Markdown to read and to answer in: the one renderer of the chat document and of transcripts.
//!
//! Headings carry the structure: `#` the chat, `##` who speaks, `###` a tool call, a question or an error. What a
//! model or a tool wrote never makes such a heading, a comment or a box to tick; `inert.rs` sees to that, and
//! `read.rs` finds the structure again.

mod hunks;
mod inert;
mod read;
#[cfg(test)]
mod tests;
mod tool;
mod turn;

use std::path::PathBuf;

pub use self::{
    hunks::{HunkLine, Mark, Word, lines as hunk_lines, with_states},
    inert::{fenced, line, markdown as inert, quoted},
    read::{Heading, PROMPT, headings, is_prompt, open_lines, prompt, prompts, session_id},
    tool::{leads_to_more, output},
    turn::{Step, Turn, calls, counted, money, render, split, stopped, thousands, time_of},
};

/// How a session is written.
#[derive(Debug, Clone)]
pub struct Style {
    /// Lines of a tool's output that are shown.
    pub lines: usize,
    /// Paths below it are shown from here.
    pub root: PathBuf,
    /// Status signs of ASCII only.
    pub ascii: bool,
    /// The time of day where the user is, from Unix milliseconds.
    pub time: fn(u64) -> String,
}

/// The status of a step, the first word of its heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Done,
    /// Running.
    Running,
    /// Not running yet: the user is asked.
    Asked,
    /// Failed.
    Failed,
    /// Left out or stopped.
    Skipped,
}

impl Style {
    /// The sign of a status.
    pub fn sign(&self, status: Status) -> &'static str {
        match (status, self.ascii) {
            (Status::Done, false) => "✓",
            (Status::Running | Status::Asked, false) => "▶",
            (Status::Failed, false) => "✗",
            (Status::Skipped, false) => "–",
            (Status::Done, true) => "+",
            (Status::Running | Status::Asked, true) => ">",
            (Status::Failed, true) => "x",
            (Status::Skipped, true) => "-",
        }
    }

    /// A path as the user knows it.
    pub fn path(&self, path: &str) -> String {
        let shown = std::path::Path::new(path).strip_prefix(&self.root).ok().and_then(|it| it.to_str());
        line(shown.filter(|it| !it.is_empty()).unwrap_or(path), 200)
    }
}
