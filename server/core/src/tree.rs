//! The tree of a session's entries, and the context a branch of it stands for (spec: sessions.md §5, §6).

use std::collections::{HashMap, HashSet};

use pi_protocol::{
    AgentMessage, BranchSummaryMessage, CompactionSummaryMessage, Content, CustomMessage, Entry, EntryBase,
    MessageContent, StoredMessage, ThinkingLevel, entry::EntryKind,
};
use serde_json::Value;
use uuid::Uuid;

use crate::clock;

mod branches;

pub use branches::{Branch, BranchPoint};

/// All entries in file order, and the one that the next entry follows.
#[derive(Debug, Default)]
pub struct SessionTree {
    entries: Vec<Entry>,
    by_id: HashMap<String, usize>,
    leaf: Option<String>,
}

/// What a branch stands for.
#[derive(Debug, Default, PartialEq)]
pub struct Context {
    /// Messages for the model, oldest first.
    pub messages: Vec<StoredMessage>,
    /// The last thinking level set on the branch, if any.
    pub thinking: Option<ThinkingLevel>,
    /// The last model used on the branch: provider and id.
    pub model: Option<(String, String)>,
}

impl SessionTree {
    /// From the entries of a file; the leaf is the last one.
    pub fn new(entries: Vec<Entry>) -> Self {
        let leaf = entries.last().map(|it| it.base.id.clone());
        let by_id = entries.iter().enumerate().map(|(at, it)| (it.base.id.clone(), at)).collect();
        Self { entries, by_id, leaf }
    }

    /// All entries in file order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry the next one will follow.
    pub fn leaf(&self) -> Option<&str> {
        self.leaf.as_deref()
    }

    /// An entry by id.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.by_id.get(id).and_then(|&at| self.entries.get(at))
    }

    /// Adds an entry after the leaf and makes it the leaf.
    pub fn append(&mut self, kind: EntryKind) -> &Entry {
        let base = EntryBase { id: self.new_id(), parent_id: self.leaf.clone(), timestamp: clock::now_iso() };
        self.leaf = Some(base.id.clone());
        self.by_id.insert(base.id.clone(), self.entries.len());
        self.entries.push(Entry { kind, base });
        &self.entries[self.entries.len() - 1]
    }

    /// Eight hex digits that are not taken; after 100 collisions a whole UUID.
    fn new_id(&self) -> String {
        for _ in 0..100 {
            let mut id = Uuid::new_v4().simple().to_string();
            id.truncate(8);
            if !self.by_id.contains_key(&id) {
                return id;
            }
        }
        Uuid::new_v4().to_string()
    }

    /// Entries from the root to the leaf. A parent that is missing or comes round again ends the walk.
    pub fn path(&self) -> Vec<&Entry> {
        self.path_to(self.leaf.as_deref())
    }

    fn path_to<'a>(&'a self, leaf: Option<&'a str>) -> Vec<&'a Entry> {
        let mut path = Vec::new();
        let mut seen = HashSet::new();
        let mut next = leaf;
        while let Some(entry) = next.and_then(|id| self.get(id)) {
            if !seen.insert(entry.base.id.as_str()) {
                break;
            }
            path.push(entry);
            next = entry.base.parent_id.as_deref();
        }
        path.reverse();
        path
    }

    /// The last message of the user on the current branch.
    pub fn last_prompt(&self) -> Option<&str> {
        let is_prompt = |it: &&Entry| matches!(&it.kind, EntryKind::Message { message } if matches!(**message, AgentMessage::User(_)));
        self.path().into_iter().rev().find(is_prompt).map(|it| it.base.id.as_str())
    }

    /// How many times a model has answered, on all branches.
    pub fn answers(&self) -> u64 {
        let is_answer =
            |it: &&Entry| matches!(&it.kind, EntryKind::Message { message } if message.is_answer());
        self.entries.iter().filter(is_answer).count() as u64
    }

    /// The session's name: the latest one given on any branch; an empty one clears it.
    pub fn name(&self) -> Option<String> {
        self.entries
            .iter()
            .rev()
            .find_map(|it| match &it.kind {
                EntryKind::SessionInfo { name } => Some(name.clone()),
                _ => None,
            })
            .flatten()
            .filter(|it| !it.is_empty())
    }

    /// What the current branch stands for.
    pub fn context(&self) -> Context {
        let path = self.path();
        let newest = || path.iter().rev().map(|it| &it.kind);
        let mut context = Context {
            messages: Vec::new(),
            thinking: newest().find_map(|it| match it {
                EntryKind::ThinkingLevelChange { thinking_level } => thinking_level.parse().ok(),
                _ => None,
            }),
            // From the end: reading all messages of a long session for this would take longer than all the rest.
            model: newest().find_map(|it| match it {
                EntryKind::ModelChange { provider, model_id } => Some((provider.clone(), model_id.clone())),
                EntryKind::Message { message } if message.is_answer() => {
                    message.as_assistant().map(|it| (it.provider.clone(), it.model.clone()))
                }
                _ => None,
            }),
        };
        let view = self.view_of(&path);
        if let (Some(compaction), Some(summary)) = (view.compaction, view.summary()) {
            let EntryKind::Compaction { tokens_before, .. } = &compaction.kind else { return context };
            context.messages.push(StoredMessage::from(AgentMessage::CompactionSummary(
                CompactionSummaryMessage {
                    summary: summary.to_owned(),
                    tokens_before: *tokens_before,
                    timestamp: clock::iso_to_ms(&compaction.base.timestamp),
                },
            )));
        }
        context.messages.extend(view.steps.into_iter().filter_map(|it| it.message));
        context
    }

    /// What the model sees of the current branch, entry by entry.
    pub(crate) fn view(&self) -> View<'_> {
        self.view_of(&self.path())
    }

    fn view_of<'a>(&'a self, path: &[&'a Entry]) -> View<'a> {
        let edits = context_edits(path);
        let step = |entry: &&'a Entry| Step {
            id: &entry.base.id,
            message: message_of(entry, &edits),
            is_label: matches!(entry.kind, EntryKind::Label { .. }),
        };
        let compaction = path.iter().rposition(|it| matches!(it.kind, EntryKind::Compaction { .. }));
        let Some((at, EntryKind::Compaction { first_kept_entry_id, .. })) =
            compaction.map(|at| (at, &path[at].kind))
        else {
            return View { compaction: None, steps: path.iter().map(step).collect(), fresh: 0 };
        };
        let kept = path[..at].iter().position(|it| it.base.id == *first_kept_entry_id).unwrap_or(at);
        View {
            compaction: Some(path[at]),
            steps: path[kept..at].iter().chain(&path[at + 1..]).map(step).collect(),
            fresh: at - kept,
        }
    }
}

/// What the model sees of a branch.
#[derive(Debug)]
pub(crate) struct View<'a> {
    /// The last compaction on it.
    pub compaction: Option<&'a Entry>,
    /// The entries that compaction kept and those after it, or all of them.
    pub steps: Vec<Step<'a>>,
    /// How many of `steps` were there before the compaction.
    pub fresh: usize,
}

impl View<'_> {
    /// The summary that stands for what is no longer there.
    pub fn summary(&self) -> Option<&str> {
        match &self.compaction?.kind {
            EntryKind::Compaction { summary, .. } => Some(summary),
            _ => None,
        }
    }

    /// Whether nothing came after the compaction.
    pub fn ends_with_compaction(&self) -> bool {
        self.compaction.is_some() && self.fresh == self.steps.len()
    }
}

/// One entry of a branch.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    /// Its id.
    pub id: &'a str,
    /// What the model sees of it, if anything.
    pub message: Option<StoredMessage>,
    /// Whether it is a bookmark, which gets another place and id in a fork.
    pub is_label: bool,
}

/// The latest `context_edit` per target (0.87): `null` leaves the target out, content replaces its content.
fn context_edits<'a>(path: &[&'a Entry]) -> HashMap<&'a str, &'a Value> {
    let mut edits = HashMap::new();
    for entry in path {
        if let EntryKind::Other(map) = &entry.kind {
            if map.get("type").and_then(Value::as_str) == Some("context_edit") {
                if let Some(target) = map.get("targetId").and_then(Value::as_str) {
                    edits.insert(target, map.get("replacement").unwrap_or(&Value::Null));
                }
            }
        }
    }
    edits
}

fn message_of(entry: &Entry, edits: &HashMap<&str, &Value>) -> Option<StoredMessage> {
    let timestamp = || clock::iso_to_ms(&entry.base.timestamp);
    let message = match &entry.kind {
        EntryKind::Message { message } => message.clone(),
        EntryKind::CustomMessage { custom_type, content, display, details } => {
            StoredMessage::from(AgentMessage::Custom(CustomMessage {
                custom_type: custom_type.clone(),
                content: content.clone(),
                display: *display,
                details: details.clone(),
                timestamp: timestamp(),
            }))
        }
        EntryKind::BranchSummary { from_id, summary, .. } if !summary.is_empty() => {
            StoredMessage::from(AgentMessage::BranchSummary(BranchSummaryMessage {
                summary: summary.clone(),
                from_id: from_id.clone(),
                timestamp: timestamp(),
            }))
        }
        _ => return None,
    };
    match edits.get(entry.base.id.as_str()) {
        None => Some(message),
        Some(Value::Null) => None,
        Some(replacement) => Some(replace_content(&message, replacement).into()),
    }
}

fn replace_content(message: &AgentMessage, replacement: &Value) -> AgentMessage {
    let content: Option<MessageContent> =
        replacement.get("content").and_then(|it| serde_json::from_value(it.clone()).ok());
    let content = content.unwrap_or_else(|| MessageContent::Blocks(Vec::new()));
    let mut message = message.clone();
    let blocks = |content: MessageContent| -> Vec<Content> { content.to_blocks() };
    match &mut message {
        AgentMessage::User(it) => it.content = content,
        AgentMessage::Custom(it) => it.content = content,
        AgentMessage::Assistant(it) => it.content = blocks(content),
        AgentMessage::ToolResult(it) => it.content = blocks(content),
        _ => {}
    }
    message
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tree(lines: &[Value]) -> SessionTree {
        SessionTree::new(lines.iter().map(|it| serde_json::from_value(it.clone()).unwrap()).collect())
    }

    fn user(id: &str, parent: Option<&str>, text: &str) -> Value {
        json!({"type": "message", "id": id, "parentId": parent, "timestamp": "2026-01-01T00:00:00.000Z",
               "message": {"role": "user", "content": text, "timestamp": 1}})
    }

    fn texts(tree: &SessionTree) -> Vec<String> {
        tree.context()
            .messages
            .iter()
            .map(|it| match &**it {
                AgentMessage::User(it) => it.content.text(),
                AgentMessage::CompactionSummary(it) => format!("[{}]", it.summary),
                AgentMessage::BranchSummary(it) => format!("<{}>", it.summary),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn the_context_is_the_path_to_the_leaf() {
        let tree =
            tree(&[user("a", None, "root"), user("b", Some("a"), "left"), user("c", Some("a"), "right")]);
        assert_eq!(texts(&tree), ["root", "right"]);
        assert_eq!(tree.leaf(), Some("c"));
    }

    #[test]
    fn a_compaction_replaces_what_came_before_the_kept_entry() {
        let compaction = json!({"type": "compaction", "id": "k", "parentId": "c",
            "timestamp": "2026-01-01T00:00:00.000Z", "summary": "S", "firstKeptEntryId": "b", "tokensBefore": 9});
        let tree = tree(&[
            user("a", None, "1"),
            user("b", Some("a"), "2"),
            user("c", Some("b"), "3"),
            compaction,
            user("d", Some("k"), "4"),
        ]);
        assert_eq!(texts(&tree), ["[S]", "2", "3", "4"]);
    }

    #[test]
    fn unknown_entries_stay_in_the_chain_and_edits_apply() {
        let tree = tree(&[
            user("a", None, "1"),
            json!({"type": "from_the_future", "id": "x", "parentId": "a", "timestamp": "t", "data": [1]}),
            user("b", Some("x"), "2"),
            user("c", Some("b"), "3"),
            json!({"type": "context_edit", "id": "e", "parentId": "c", "timestamp": "t", "targetId": "b",
                   "replacement": null}),
            json!({"type": "context_edit", "id": "f", "parentId": "e", "timestamp": "t", "targetId": "c",
                   "replacement": {"content": "three"}}),
        ]);
        assert_eq!(texts(&tree), ["1", "three"]);
    }

    #[test]
    fn settings_come_from_the_branch_and_loops_end() {
        let mut tree = tree(&[
            json!({"type": "model_change", "id": "m", "parentId": "t", "timestamp": "t", "provider": "p",
                   "modelId": "x"}),
            json!({"type": "thinking_level_change", "id": "t", "parentId": "m", "timestamp": "t",
                   "thinkingLevel": "high"}),
        ]);
        let context = tree.context();
        assert_eq!(context.model, Some(("p".into(), "x".into())));
        assert_eq!(context.thinking, Some(ThinkingLevel::High));
        let id = tree.append(EntryKind::SessionInfo { name: Some("n".into()) }).base.id.clone();
        assert_eq!(id.len(), 8);
        assert_eq!(tree.name().as_deref(), Some("n"));
        tree.append(EntryKind::SessionInfo { name: None });
        assert_eq!(tree.name(), None);
    }
}
