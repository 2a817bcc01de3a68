//! Entries as HTML: messages, tool calls with their results, summaries, and one line for what was set.

use std::collections::{HashMap, VecDeque};

use pi_protocol::{
    AgentMessage, AssistantMessage, BashExecutionMessage, Content, Entry, ImageContent, MessageContent,
    StopReason, ToolCall, ToolResultMessage, entry::EntryKind,
};
use serde_json::Value;

use super::{
    highlight::{Language, push_code, push_diff},
    markdown::{plain, push_markdown},
    text::{escaped, first_line},
};

/// Kinds of pictures that every browser shows and that can hold no script.
const PICTURES: [&str; 5] = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"];
/// Characters of a tool call that are shown while it is closed.
const SUMMARY: usize = 100;

/// Writes entries; knows all of the session, for labels.
pub(super) struct EntryWriter<'a> {
    entries: &'a [Entry],
    labels: HashMap<&'a str, &'a str>,
}

impl<'a> EntryWriter<'a> {
    /// Of the session with these entries.
    pub fn new(entries: &'a [Entry]) -> Self {
        let mut labels = HashMap::new();
        for entry in entries {
            if let EntryKind::Label { target_id, label } = &entry.kind {
                match label.as_deref().filter(|it| !it.is_empty()) {
                    Some(label) => labels.insert(target_id.as_str(), label),
                    None => labels.remove(target_id.as_str()),
                };
            }
        }
        Self { entries, labels }
    }

    /// The bookmark on the entry at `at`.
    pub fn label(&self, at: usize) -> Option<&'a str> {
        self.labels.get(self.entries.get(at)?.base.id.as_str()).copied()
    }

    /// Appends the entries at these places. A tool's result is shown with its call, if that is among them.
    pub fn push_all(&self, out: &mut String, list: &[usize]) {
        let mut results: HashMap<&str, VecDeque<usize>> = HashMap::new();
        let entries = || list.iter().filter_map(|&at| Some((at, self.entries.get(at)?)));
        for (at, entry) in entries() {
            if let Some(result) = message(entry).and_then(AgentMessage::as_tool_result) {
                results.entry(&result.tool_call_id).or_default().push_back(at);
            }
        }
        let mut shown = vec![false; self.entries.len()];
        for (at, entry) in entries() {
            if std::mem::replace(&mut shown[at], true) {
                continue;
            }
            let mut result_of = |call: &ToolCall| {
                // An earlier result belongs to an earlier call of the same id.
                let waiting = results.get_mut(call.id.as_str())?;
                while waiting.front().is_some_and(|it| shown[*it]) {
                    waiting.pop_front();
                }
                let result = waiting.pop_front()?;
                shown[result] = true;
                message(&self.entries[result]).and_then(AgentMessage::as_tool_result)
            };
            self.entry(out, at, entry, &mut result_of);
        }
    }

    fn entry<'b>(
        &self,
        out: &mut String,
        at: usize,
        entry: &Entry,
        result_of: &mut dyn FnMut(&ToolCall) -> Option<&'b ToolResultMessage>,
    ) {
        match &entry.kind {
            EntryKind::Message { message } => match &**message {
                AgentMessage::User(it) => {
                    self.open(out, at, "user", "User", "");
                    content(out, &it.content);
                }
                AgentMessage::Assistant(it) => {
                    let cost = it.usage.cost.total;
                    let mut about = escaped(&it.model);
                    if cost > 0.0 {
                        about += &format!(", {}", super::dollars(cost));
                    }
                    self.open(out, at, "assistant", "Assistant", &about);
                    assistant(out, it, result_of);
                }
                AgentMessage::ToolResult(it) => {
                    self.open(out, at, "result", "Tool result", "");
                    tool(out, &it.tool_name, None, Some(it));
                }
                AgentMessage::BashExecution(it) => {
                    self.open(out, at, "bash", "Shell", "");
                    bash(out, it);
                }
                AgentMessage::Custom(it) => {
                    self.custom(out, at, &it.custom_type, &it.content, it.display);
                }
                AgentMessage::BranchSummary(it) => {
                    self.summary(out, at, "Summary of the branch before", &it.summary);
                }
                AgentMessage::CompactionSummary(it) => {
                    self.summary(out, at, "Summary of what came before", &it.summary);
                }
                AgentMessage::Other(it) => {
                    let role = it.get("role").and_then(Value::as_str).unwrap_or("unknown");
                    self.open(out, at, "other", "Message", &escaped(role));
                    *out += "<details><summary>Content</summary>";
                    json(out, it);
                    *out += "</details>";
                }
            },
            EntryKind::CustomMessage { custom_type, content, display, .. } => {
                self.custom(out, at, custom_type, content, *display);
            }
            EntryKind::Compaction { summary, tokens_before, .. } => {
                self.summary(out, at, &format!("Compacted, {tokens_before} tokens before"), summary);
            }
            EntryKind::BranchSummary { summary, .. } => {
                self.summary(out, at, "Summary of the branch before", summary);
            }
            EntryKind::ModelChange { provider, model_id } => {
                return note(out, &format!("Model: {provider}/{model_id}"));
            }
            EntryKind::ThinkingLevelChange { thinking_level } => {
                return note(out, &format!("Thinking: {thinking_level}"));
            }
            EntryKind::SessionInfo { name } => {
                return note(out, &format!("Name: {}", name.as_deref().unwrap_or("none")));
            }
            // Labels are shown where they point to.
            EntryKind::Label { .. } => return,
            EntryKind::Custom { custom_type, .. } => return note(out, &format!("Entry: {custom_type}")),
            EntryKind::Other(_) => return note(out, &format!("Entry: {}", entry.kind.type_name())),
        }
        *out += "</article>\n";
    }

    /// Opens an article. `about` is HTML.
    fn open(&self, out: &mut String, at: usize, class: &str, title: &str, about: &str) {
        let time = self.entries.get(at).map_or("", |it| it.base.timestamp.as_str());
        *out += &format!("<article class=\"{class}\" id=\"e{at}\">\n<header><b>{title}</b>");
        if !about.is_empty() {
            *out += &format!(" <span>{about}</span>");
        }
        if let Some(label) = self.label(at) {
            *out += &format!(" <mark>{}</mark>", escaped(label));
        }
        *out += &format!(" <time>{}</time></header>\n", escaped(&super::minutes(time)));
    }

    fn summary(&self, out: &mut String, at: usize, title: &str, text: &str) {
        self.open(out, at, "summary", &escaped(title), "");
        *out += "<details><summary>Summary</summary>";
        push_markdown(out, text);
        *out += "</details>";
    }

    fn custom(&self, out: &mut String, at: usize, name: &str, what: &MessageContent, display: bool) {
        self.open(out, at, "custom", "Extension", &escaped(name));
        if display {
            return content(out, what);
        }
        *out += "<details><summary>Not shown in the conversation</summary>";
        content(out, what);
        *out += "</details>";
    }
}

fn message(entry: &Entry) -> Option<&AgentMessage> {
    match &entry.kind {
        EntryKind::Message { message } => Some(message),
        _ => None,
    }
}

fn note(out: &mut String, text: &str) {
    *out += &format!("<p class=\"note\">{}</p>\n", escaped(text));
}

fn content(out: &mut String, content: &MessageContent) {
    match content {
        MessageContent::Text(it) => plain(out, it),
        MessageContent::Blocks(blocks) => blocks.iter().for_each(|it| block(out, it)),
    }
}

/// A block outside an answer.
fn block(out: &mut String, block: &Content) {
    match block {
        Content::Text(it) => plain(out, &it.text),
        Content::Image(it) => image(out, it),
        Content::Thinking(it) => plain(out, &it.thinking),
        Content::ToolCall(it) => tool(out, &it.name, Some(it), None),
    }
}

fn image(out: &mut String, image: &ImageContent) {
    let kind = image.mime_type.to_ascii_lowercase();
    let base64 = image.data.bytes().all(|it| it.is_ascii_alphanumeric() || b"+/=".contains(&it));
    match PICTURES.iter().find(|it| **it == kind).filter(|_| base64) {
        Some(kind) => *out += &format!("<img alt=\"image\" src=\"data:{kind};base64,{}\">\n", image.data),
        None => note(out, &format!("Image of a kind that is not shown: {}", image.mime_type)),
    }
}

fn assistant<'b>(
    out: &mut String,
    message: &AssistantMessage,
    result_of: &mut dyn FnMut(&ToolCall) -> Option<&'b ToolResultMessage>,
) {
    for block in &message.content {
        match block {
            Content::Text(it) => push_markdown(out, &it.text),
            Content::Image(it) => image(out, it),
            Content::Thinking(it) if it.redacted == Some(true) => {
                note(out, "Thinking withheld by the provider")
            }
            Content::Thinking(it) if it.thinking.trim().is_empty() => {}
            Content::Thinking(it) => {
                *out += "<details class=\"thinking\"><summary>Thinking</summary>";
                plain(out, &it.thinking);
                *out += "</details>\n";
            }
            Content::ToolCall(it) => tool(out, &it.name, Some(it), result_of(it)),
        }
    }
    match (message.stop_reason, message.error_message.as_deref()) {
        (StopReason::Aborted, error) => error_line(out, error.unwrap_or("Stopped by the user")),
        (StopReason::Error, error) => error_line(out, error.unwrap_or("The model failed")),
        (StopReason::Length, _) => error_line(out, "Cut off at the output limit"),
        _ => {}
    }
}

fn error_line(out: &mut String, text: &str) {
    *out += &format!("<p class=\"error\">{}</p>\n", escaped(text));
}

/// A tool call, its result, or both.
fn tool(out: &mut String, name: &str, call: Option<&ToolCall>, result: Option<&ToolResultMessage>) {
    let diff = result.and_then(|it| it.details.as_ref()?.get("diff")?.as_str()).filter(|it| !it.is_empty());
    let failed = result.is_some_and(|it| it.is_error);
    let class = if failed { "tool failed" } else { "tool" };
    // A change is what a reader looks for.
    let open = if diff.is_some() { " open" } else { "" };
    let about = call.map(gist).unwrap_or_default();
    let language = call.and_then(language);
    *out += &format!(
        "<details class=\"{class}\"{open}><summary><b>{}</b> <code>{}</code></summary>\n",
        escaped(name),
        escaped(&about)
    );
    match diff {
        // The arguments of an edit say the same less clearly.
        Some(_) => {}
        None => call.iter().for_each(|it| arguments(out, it)),
    }
    if let Some(result) = result {
        for block in &result.content {
            match block {
                Content::Text(it) if failed => pre(out, "failed", &it.text, None),
                Content::Text(it) => pre(out, "output", &it.text, language.filter(|_| name == "read")),
                other => self::block(out, other),
            }
        }
    } else {
        note(out, "No result");
    }
    if let Some(diff) = diff {
        push_diff(out, diff, language);
    }
    *out += "</details>\n";
}

/// What a call is about: its command, path or pattern.
fn gist(call: &ToolCall) -> String {
    const TELLING: [&str; 6] = ["command", "path", "file_path", "pattern", "query", "url"];
    let texts = || call.arguments.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
    let telling = TELLING.iter().find_map(|name| texts().find(|(key, _)| key == name));
    telling.or_else(|| texts().next()).map(|(_, it)| first_line(it, SUMMARY)).unwrap_or_default()
}

/// The language of the file a call is about.
fn language(call: &ToolCall) -> Option<&'static Language> {
    Language::of_file(["path", "file_path"].iter().find_map(|it| call.arguments.get(*it)?.as_str())?)
}

fn arguments(out: &mut String, call: &ToolCall) {
    for (key, value) in &call.arguments {
        *out += &format!("<div class=\"key\">{}</div>", escaped(key));
        match value {
            Value::String(it) => {
                let language = match key.as_str() {
                    "path" | "file_path" => None,
                    "command" => Language::named("sh"),
                    _ => language(call),
                };
                pre(out, "argument", it, language);
            }
            other => json(out, other),
        }
    }
}

fn bash(out: &mut String, bash: &BashExecutionMessage) {
    let failed = bash.exit_code.is_some_and(|it| it != 0);
    let class = if failed { "tool failed" } else { "tool" };
    *out += &format!(
        "<details class=\"{class}\" open><summary><code>$ {}</code></summary>\n",
        escaped(&first_line(&bash.command, SUMMARY))
    );
    if bash.command.contains('\n') || bash.command.chars().count() > SUMMARY {
        pre(out, "argument", &bash.command, Language::named("sh"));
    }
    pre(out, "output", &bash.output, None);
    match bash.exit_code {
        _ if bash.cancelled => note(out, "Stopped by the user"),
        Some(0) => {}
        Some(code) => note(out, &format!("Exit status {code}")),
        None => note(out, "Ended by a signal"),
    }
    if bash.truncated {
        note(out, "Output cut");
    }
    *out += "</details>\n";
}

fn pre(out: &mut String, class: &str, text: &str, language: Option<&Language>) {
    if !text.is_empty() {
        *out += &format!("<pre class=\"{class}\">");
        push_code(out, text, language);
        *out += "</pre>\n";
    }
}

fn json(out: &mut String, value: &Value) {
    pre(out, "argument", &serde_json::to_string_pretty(value).unwrap_or_default(), Language::named("json"));
}
