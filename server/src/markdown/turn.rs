//! What was said and done since one of the user's prompts, as Markdown.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    sync::Arc,
};

use pi_core::turn::SKIPPED_BY_USER;
use pi_protocol::{
    AgentMessage, AssistantMessage, Content, StopReason, ToolCall, ToolResult, ToolResultMessage,
};

use super::{Mark, Status, Style, inert, line, tool};
use crate::failure::{Tries, failure, in_full};

/// Pi's words for a call that a steering message left out.
const SKIPPED: &str = "Skipped due to queued user message";

/// A tool that runs, or has run and whose result is not among the messages yet.
#[derive(Debug, Clone, Default)]
pub struct Step {
    /// What it has to show so far.
    pub result: ToolResult,
    /// Whether it failed; nothing while it runs.
    pub failed: Option<bool>,
}

/// A prompt and everything until the next one.
#[derive(Debug, Clone, Default)]
pub struct Turn {
    /// Messages in order; a steering message is among them.
    pub messages: Vec<Arc<AgentMessage>>,
    /// The answer that is being written.
    pub growing: Option<AssistantMessage>,
    /// Tools of the last answer, by call.
    pub steps: HashMap<String, Step>,
    /// How many seconds the model thought, by message and block, where somebody watched.
    pub thought: HashMap<(usize, usize), u64>,
    /// Calls that wait for permission.
    pub asked: HashSet<String>,
    /// What calls changed, by call.
    pub hunks: Arc<HashMap<String, Vec<Mark>>>,
    /// How that differs, by call, where results do not say it: those of `write` are as Pi's.
    pub patches: Arc<HashMap<String, String>>,
    /// Nothing follows by itself.
    pub settled: bool,
    /// How many seconds it took until then, where somebody watched.
    pub took: Option<u64>,
}

impl Turn {
    /// Whether the next message of the user begins another turn, instead of steering this one.
    pub fn is_over(&self) -> bool {
        !self.messages.iter().fold(false, |running, it| goes_on(it).unwrap_or(running))
    }
}

/// Whether the model is to say more after this message; nothing for messages beside the conversation.
fn goes_on(message: &AgentMessage) -> Option<bool> {
    match message {
        AgentMessage::Assistant(it) => Some(it.stop_reason == StopReason::ToolUse),
        AgentMessage::ToolResult(_) => Some(true),
        _ => None,
    }
}

/// The turns of a conversation: each begins with a prompt. A message that steered a run belongs to its turn.
pub fn split(messages: &[Arc<AgentMessage>]) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut running = false;
    for message in messages {
        let begins = matches!(**message, AgentMessage::User(_)) && !running;
        match turns.last_mut().filter(|_| !begins) {
            Some(turn) => turn.messages.push(message.clone()),
            None => turns.push(Turn { messages: vec![message.clone()], settled: true, ..Turn::default() }),
        }
        running = goes_on(message).unwrap_or(running);
    }
    turns
}

/// A turn as Markdown: paragraphs with an empty line behind each.
pub fn render(turn: &Turn, style: &Style) -> String {
    write(turn, style).out
}

/// The call that each heading of a step stands for, in their order; nothing for a heading of something else.
pub fn calls<'a>(turn: &'a Turn, style: &'a Style) -> Vec<Option<&'a ToolCall>> {
    write(turn, style).steps
}

fn write<'a>(turn: &'a Turn, style: &'a Style) -> Writer<'a> {
    let mut writer = Writer { out: String::new(), turn, style, speaker: None, steps: Vec::new() };
    for (at, message) in turn.messages.iter().enumerate() {
        writer.message(at, message);
    }
    if let Some(growing) = &turn.growing {
        writer.answer(turn.messages.len(), growing, true);
    }
    if turn.settled {
        if let Some(foot) = foot(turn) {
            writer.paragraph(&foot);
        }
    }
    writer
}

struct Writer<'a> {
    out: String,
    turn: &'a Turn,
    style: &'a Style,
    /// The model that speaks, until the user does.
    speaker: Option<String>,
    /// The call of each heading so far.
    steps: Vec<Option<&'a ToolCall>>,
}

impl<'a> Writer<'a> {
    fn paragraph(&mut self, text: &str) {
        let text = text.trim_end_matches('\n');
        if !text.is_empty() {
            self.out.push_str(text);
            self.out.push_str("\n\n");
        }
    }

    fn step(&mut self, status: Status, text: &str) {
        let heading = format!("### {} {text}", self.style.sign(status));
        self.steps.push(None);
        self.paragraph(&heading);
    }

    fn message(&mut self, at: usize, message: &'a AgentMessage) {
        match message {
            AgentMessage::User(it) => {
                let steered = if self.out.is_empty() { "" } else { " (steered)" };
                let time = (self.style.time)(it.timestamp);
                self.paragraph(&format!("## You · {time}{steered}"));
                self.speaker = None;
                self.paragraph(&shortened(&it.content.text(), self.style.lines));
                let images =
                    it.content.to_blocks().iter().filter(|it| matches!(it, Content::Image(_))).count();
                if images > 0 {
                    self.paragraph(&format!("({images} images)"));
                }
            }
            AgentMessage::Assistant(it) => self.answer(at, it, false),
            AgentMessage::BashExecution(it) => {
                let status = if it.exit_code == Some(0) { Status::Done } else { Status::Failed };
                self.step(status, "your command");
                let text = format!("$ {}\n{}", it.command, it.output);
                let more = |more: usize| format!("… {more} more lines");
                self.paragraph(&tool::short(&text, "console", self.style, more));
            }
            AgentMessage::CompactionSummary(_) => self.step(Status::Done, "summarised older turns"),
            AgentMessage::BranchSummary(_) => self.step(Status::Done, "summarised another branch"),
            AgentMessage::Custom(it) if it.display => self.paragraph(&inert::markdown(&it.content.text())),
            // Results are shown with their calls.
            AgentMessage::ToolResult(_) | AgentMessage::Custom(_) | AgentMessage::Other(_) => {}
        }
    }

    fn answer(&mut self, number: usize, answer: &'a AssistantMessage, growing: bool) {
        if self.speaker.as_deref() != Some(&answer.model) {
            let time = (self.style.time)(answer.timestamp);
            self.paragraph(&format!("## Pi · {} · {time}", line(&answer.model, 60)));
            self.speaker = Some(answer.model.clone());
        }
        let last = answer.content.len().saturating_sub(1);
        for (at, block) in answer.content.iter().enumerate() {
            match block {
                Content::Thinking(_) if growing && at == last => self.step(Status::Running, "thinking"),
                Content::Thinking(_) => {
                    let seconds = self.turn.thought.get(&(number, at)).copied().filter(|it| *it > 0);
                    let time = seconds.map(|it| format!(" {}", duration(it))).unwrap_or_default();
                    self.step(Status::Done, &format!("thought{time}"));
                }
                Content::Text(it) => self.paragraph(&inert::markdown(&it.text)),
                Content::ToolCall(call) => {
                    let outcome = self.outcome(&call.id);
                    let text = tool::render(call, outcome, self.style);
                    self.paragraph(&text);
                    self.steps.push(Some(call));
                }
                Content::Image(_) => self.paragraph("(an image)"),
            }
        }
        match answer.stop_reason {
            StopReason::Error if !growing => {
                let text = in_full(&failure(answer, &Tries::default()));
                let (headline, rest) = text.split_once('\n').unwrap_or((&text, ""));
                self.step(Status::Failed, &line(headline, 200));
                if !rest.trim().is_empty() {
                    self.paragraph(&inert::fenced(rest.trim(), ""));
                }
            }
            StopReason::Aborted if !growing => {
                self.step(Status::Skipped, &stopped("stopped", self.turn.took))
            }
            _ => {}
        }
    }

    fn outcome(&self, call: &str) -> tool::Outcome<'a> {
        let hunks = self.turn.hunks.get(call).map(Vec::as_slice).unwrap_or_default();
        let patch = self.turn.patches.get(call).map(String::as_str);
        let result =
            self.turn.messages.iter().filter_map(|it| it.as_tool_result()).find(|it| it.tool_call_id == call);
        if let Some(result) = result {
            return tool::Outcome {
                status: status_of(result),
                content: &result.content,
                details: result.details.as_ref(),
                hunks,
                patch,
            };
        }
        match self.turn.steps.get(call) {
            Some(step) => tool::Outcome {
                status: match step.failed {
                    None if self.turn.asked.contains(call) => Status::Asked,
                    None => Status::Running,
                    Some(true) => Status::Failed,
                    Some(false) => Status::Done,
                },
                content: &step.result.content,
                details: step.result.details.as_ref(),
                hunks,
                patch,
            },
            // Asked for and not begun; once nothing follows it never will.
            None => {
                let status = match self.turn.settled {
                    true => Status::Skipped,
                    false if self.turn.asked.contains(call) => Status::Asked,
                    false => Status::Running,
                };
                tool::Outcome { status, content: &[], details: None, hunks, patch }
            }
        }
    }
}

fn status_of(result: &ToolResultMessage) -> Status {
    let text = || result.content.iter().filter_map(Content::as_text).collect::<String>();
    match result.is_error {
        false => Status::Done,
        true if text().starts_with(SKIPPED) || text().starts_with(SKIPPED_BY_USER) => Status::Skipped,
        true => Status::Failed,
    }
}

/// What the user wrote; long context that came with it is cut.
fn shortened(text: &str, limit: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= limit {
        return inert::markdown(text);
    }
    let shown = inert::markdown(&lines[..limit].join("\n"));
    format!("{shown}\n… {} more lines\n", lines.len() - limit)
}

/// What a turn took, as a comment; nothing for a turn without an answer.
pub fn foot(turn: &Turn) -> Option<String> {
    let answers: Vec<_> = turn.messages.iter().filter_map(|it| it.as_assistant()).collect();
    let first = turn.messages.first().map(|it| time_of(it))?;
    let last = turn.messages.iter().map(|it| time_of(it)).max()?;
    if answers.is_empty() {
        return None;
    }
    let seconds = last.saturating_sub(first) / 1000;
    let tokens: u64 = answers.iter().map(|it| it.usage.total_tokens).sum();
    let cost: f64 = answers.iter().map(|it| it.usage.cost.total).sum();
    let plural = if answers.len() == 1 { "" } else { "s" };
    // Writing to a string cannot fail.
    let mut out = String::from("<!-- ");
    out.push_str(&duration(seconds));
    let _ok = write!(out, " · {} step{plural} · {} tokens · ", answers.len(), thousands(tokens));
    Some(out + &money(cost) + " -->")
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        _ => format!("{}:{:02}", seconds / 60, seconds % 60),
    }
}

/// That the user has ended it, and after how long, if that is known.
pub fn stopped(verb: &str, seconds: Option<u64>) -> String {
    let after = seconds.map(|it| format!(" after {}:{:02}", it / 60, it % 60)).unwrap_or_default();
    format!("{verb} by you{after}")
}

/// Money, as far as it is known. What was paid is never nothing.
pub fn money(cost: f64) -> String {
    match cost {
        it if it >= 0.005 => format!("${it:.2}"),
        it if it > 0.0 => "<$0.01".to_owned(),
        _ => "–".to_owned(),
    }
}

/// `1 change`, `2 changes`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A number of tokens.
pub fn thousands(count: u64) -> String {
    if count < 1000 { count.to_string() } else { format!("{}.{}k", count / 1000, count % 1000 / 100) }
}

/// When a message was written.
pub fn time_of(message: &AgentMessage) -> u64 {
    match message {
        AgentMessage::User(it) => it.timestamp,
        AgentMessage::Assistant(it) => it.timestamp,
        AgentMessage::ToolResult(it) => it.timestamp,
        _ => 0,
    }
}
