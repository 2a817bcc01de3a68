//! The session's messages as a model may see them (providers.md §1.1).
//!
//! Histories cross providers, break off and are repaired here once for all dialects: every tool call has exactly
//! one result right after it, nothing that failed is repeated to the model, signatures only go back where they
//! came from, and our own kinds of messages become user messages.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use pi_core::ModelRequest;
use pi_protocol::{
    AgentMessage, AssistantMessage, BashExecutionMessage, Content, InputKind, MessageContent, Model,
    StopReason,
};
use serde_json::{Map, Value};

/// Stands for images the user switched off.
const IMAGES_BLOCKED: &str = "Image reading is disabled.";
const IMAGE_OMITTED: &str = "(image omitted: model does not support images)";
const TOOL_IMAGE_OMITTED: &str = "(tool image omitted: model does not support images)";
const NO_RESULT: &str = "No result provided";

/// One message for the model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Turn<'a> {
    User(Vec<Part<'a>>),
    Assistant(Vec<Part<'a>>),
    ToolResult { id: String, name: &'a str, parts: Vec<Part<'a>>, is_error: bool },
}

/// One block of a message for the model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part<'a> {
    /// `signature`: the provider's own mark, only where the text goes back to the model it came from.
    Text {
        text: Cow<'a, str>,
        signature: Option<&'a str>,
    },
    Image {
        data: &'a str,
        mime: &'a str,
    },
    Thinking {
        text: &'a str,
        signature: Option<&'a str>,
        redacted: bool,
    },
    Call {
        id: String,
        name: &'a str,
        args: &'a Map<String, Value>,
        thought: Option<&'a str>,
    },
}

impl Turn<'_> {
    /// Size in bytes as far as it matters for an estimate of tokens.
    pub fn weight(&self) -> usize {
        match self {
            Turn::User(parts) | Turn::Assistant(parts) | Turn::ToolResult { parts, .. } => {
                parts.iter().map(Part::weight).sum()
            }
        }
    }
}

impl<'a> Part<'a> {
    /// A text without a mark.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Part::Text { text: text.into(), signature: None }
    }

    fn weight(&self) -> usize {
        match self {
            Part::Text { text, .. } => text.len(),
            Part::Image { .. } => 4800,
            Part::Thinking { text, .. } => text.len(),
            Part::Call { name, args, .. } => {
                name.len() + args.iter().map(|(k, v)| k.len() + v.to_string().len()).sum::<usize>()
            }
        }
    }

    /// The text, if this is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Part::Text { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// Converts and repairs the messages of `request`. `normalise_id` makes the ids of calls other models made
/// acceptable to this dialect; it is given the id and the message that has the call.
pub(crate) fn turns<'a>(
    request: &'a ModelRequest,
    normalise_id: impl Fn(&str, &AssistantMessage) -> String,
) -> Vec<Turn<'a>> {
    let model = &*request.model;
    let images = if request.block_images {
        Images::Blocked
    } else if model.input.contains(&InputKind::Image) {
        Images::Sent
    } else {
        Images::Unsupported
    };
    let mut renamed: HashMap<&str, String> = HashMap::new();
    let mut turns = Vec::with_capacity(request.messages.len());
    for message in &request.messages {
        match &**message {
            AgentMessage::User(it) => user(&mut turns, &it.content, images),
            AgentMessage::Custom(it) => user(&mut turns, &it.content, images),
            AgentMessage::BashExecution(it) => {
                if it.exclude_from_context != Some(true) {
                    turns.push(Turn::User(vec![Part::text(bash_text(it))]));
                }
            }
            AgentMessage::BranchSummary(it) => turns.push(Turn::User(vec![Part::text(
                format!(
                    "The following is a summary of a branch that this conversation came back from:\n\n<summary>\n{}</summary>",
                    it.summary
                ),
            )])),
            AgentMessage::CompactionSummary(it) => turns.push(Turn::User(vec![Part::text(
                format!(
                    "The conversation history before this point was compacted into the following summary:\n\n<summary>\n{}\n</summary>",
                    it.summary
                ),
            )])),
            AgentMessage::Assistant(it) => {
                if !matches!(it.stop_reason, StopReason::Error | StopReason::Aborted) {
                    turns.push(Turn::Assistant(assistant(it, model, &normalise_id, &mut renamed)));
                }
            }
            AgentMessage::ToolResult(it) => turns.push(Turn::ToolResult {
                id: renamed.get(&*it.tool_call_id).cloned().unwrap_or_else(|| it.tool_call_id.clone()),
                name: &it.tool_name,
                parts: blocks(&it.content, images, TOOL_IMAGE_OMITTED),
                is_error: it.is_error,
            }),
            // Prompts of newer versions: ours is sent anyway.
            AgentMessage::Other(_) => {}
        }
    }
    pair(turns)
}

#[derive(Clone, Copy)]
enum Images {
    Sent,
    Unsupported,
    Blocked,
}

fn user<'a>(turns: &mut Vec<Turn<'a>>, content: &'a MessageContent, images: Images) {
    let parts = match content {
        MessageContent::Text(it) => vec![Part::text(it)],
        MessageContent::Blocks(it) => blocks(it, images, IMAGE_OMITTED),
    };
    turns.push(Turn::User(parts));
}

fn blocks<'a>(content: &'a [Content], images: Images, omitted: &'static str) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = Vec::with_capacity(content.len());
    for block in content {
        match block {
            Content::Text(it) => parts.push(Part::text(&it.text)),
            Content::Image(it) => {
                let instead = match images {
                    Images::Sent => {
                        parts.push(Part::Image { data: &it.data, mime: &it.mime_type });
                        continue;
                    }
                    Images::Unsupported => omitted,
                    Images::Blocked => IMAGES_BLOCKED,
                };
                // A series of images is one remark.
                if parts.last().and_then(Part::as_text) != Some(instead) {
                    parts.push(Part::text(instead));
                }
            }
            Content::Thinking(_) | Content::ToolCall(_) => {}
        }
    }
    parts
}

fn assistant<'a>(
    message: &'a AssistantMessage,
    model: &Model,
    normalise_id: &impl Fn(&str, &AssistantMessage) -> String,
    renamed: &mut HashMap<&'a str, String>,
) -> Vec<Part<'a>> {
    let same = message.provider == model.provider && message.api == model.api && message.model == model.id;
    let mut parts = Vec::with_capacity(message.content.len());
    for block in &message.content {
        match block {
            Content::Text(it) => {
                let signature = it.text_signature.as_deref().filter(|it| same && !it.is_empty());
                parts.push(Part::Text { text: (&*it.text).into(), signature });
            }
            Content::Thinking(it) => {
                let signature = it.thinking_signature.as_deref().filter(|it| !it.is_empty());
                let redacted = it.redacted == Some(true);
                let blank = it.thinking.trim().is_empty();
                if same && (signature.is_some() || !blank) {
                    parts.push(Part::Thinking { text: &it.thinking, signature, redacted });
                } else if !same && !redacted && !blank {
                    parts.push(Part::text(&it.thinking));
                }
            }
            Content::ToolCall(it) => {
                let id = if same { it.id.clone() } else { normalise_id(&it.id, message) };
                // A later call may reuse the id without being renamed.
                renamed.insert(&it.id, id.clone());
                let thought = it.thought_signature.as_deref().filter(|_| same);
                parts.push(Part::Call { id, name: &it.name, args: &it.arguments, thought });
            }
            Content::Image(_) => {}
        }
    }
    parts
}

/// Gives every call its one result, in call order, right after it; drops results without a call.
fn pair(turns: Vec<Turn<'_>>) -> Vec<Turn<'_>> {
    let mut paired = Vec::with_capacity(turns.len());
    let mut open: Vec<(String, &str)> = Vec::new();
    for turn in turns {
        match turn {
            Turn::ToolResult { ref id, .. } => {
                if let Some(at) = open.iter().position(|(it, _)| it == id) {
                    open.remove(at);
                    paired.push(turn);
                }
            }
            Turn::User(_) => {
                close(&mut open, &mut paired);
                paired.push(turn);
            }
            Turn::Assistant(parts) => {
                close(&mut open, &mut paired);
                let mut seen = HashSet::new();
                let parts: Vec<_> = parts
                    .into_iter()
                    .filter(|part| match part {
                        Part::Call { id, name, .. } => {
                            let new = seen.insert(id.clone());
                            if new {
                                open.push((id.clone(), name));
                            }
                            new
                        }
                        _ => true,
                    })
                    .collect();
                if !parts.is_empty() {
                    paired.push(Turn::Assistant(parts));
                }
            }
        }
    }
    close(&mut open, &mut paired);
    paired
}

fn close<'a>(open: &mut Vec<(String, &'a str)>, turns: &mut Vec<Turn<'a>>) {
    for (id, name) in open.drain(..) {
        turns.push(Turn::ToolResult { id, name, parts: vec![Part::text(NO_RESULT)], is_error: true });
    }
}

fn bash_text(it: &BashExecutionMessage) -> String {
    let mut text = format!("Ran `{}`\n", it.command);
    if it.output.is_empty() {
        text.push_str("(no output)");
    } else {
        text.push_str(&format!("```\n{}\n```", it.output));
    }
    if it.cancelled {
        text.push_str("\n\n(command cancelled)");
    } else if let Some(code) = it.exit_code.filter(|&it| it != 0) {
        text.push_str(&format!("\n\nCommand exited with code {code}"));
    }
    if let (true, Some(path)) = (it.truncated, &it.full_output_path) {
        text.push_str(&format!("\n\n[Output truncated. Full output: {path}]"));
    }
    text
}

/// Letters, digits, `_` and `-` only, at most `max` of them.
pub(crate) fn sanitise_id(id: &str, max: usize) -> String {
    id.chars()
        .map(|it| if it.is_ascii_alphanumeric() || it == '_' || it == '-' { it } else { '_' })
        .take(max)
        .collect()
}

#[cfg(test)]
#[path = "transform_tests.rs"]
mod tests;
