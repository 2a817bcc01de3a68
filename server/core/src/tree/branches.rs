//! The tree as clients see it, moving in it, and the part of it that makes a new session (spec: sessions.md §5, §7).
//!
//! Where a new session is kept is not decided here. Nothing in here recurses: a tree is as deep as its session is
//! long.

use std::collections::{HashMap, HashSet};

use pi_protocol::{AgentMessage, Entry, EntryBase, entry::EntryKind, json};
use serde_json::value::RawValue;

use super::SessionTree;

/// Where a new session ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BranchPoint {
    /// Before the user message with this id.
    Before(String),
    /// At the leaf.
    Leaf,
}

/// What a new session begins with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Branch {
    /// Its entries with their ids, root first; bookmarks last.
    pub entries: Vec<Entry>,
    /// Text of the message it ends before.
    pub text: String,
}

impl SessionTree {
    /// Id and text of every user message, in file order.
    pub fn user_texts(&self) -> impl Iterator<Item = (&str, String)> {
        self.entries.iter().filter_map(|it| Some((it.base.id.as_str(), user_text(it)?)))
    }

    /// Entries after the one with this id, in file order; `None` if there is none.
    pub fn after(&self, id: &str) -> Option<&[Entry]> {
        let at = *self.by_id.get(id)?;
        self.entries.get(at + 1..)
    }

    /// Makes `target` the leaf; of a message that a user could send again, what is before it. Gives the text of
    /// such a message. `None` if there is no such entry.
    pub fn navigate(&mut self, target: &str) -> Option<Option<String>> {
        let entry = self.get(target)?;
        let text = match &entry.kind {
            EntryKind::CustomMessage { content, .. } => Some(content.text()),
            _ => user_text(entry),
        };
        self.leaf = match text {
            Some(_) => entry.base.parent_id.clone(),
            None => Some(target.to_owned()),
        };
        Some(text)
    }

    /// The entries of a new session that ends at `point`. `None` if there is no such point.
    ///
    /// Bookmarks on the way are left out and those that hold come again at the end, each with an id of its own;
    /// what followed a bookmark follows the entry before it.
    pub fn branch(&self, point: &BranchPoint) -> Option<Branch> {
        let (leaf, text) = match point {
            BranchPoint::Leaf => (self.leaf.as_deref()?, String::new()),
            BranchPoint::Before(id) => {
                let entry = self.get(id)?;
                let text = user_text(entry)?;
                match entry.base.parent_id.as_deref() {
                    Some(parent) => (parent, text),
                    None => return Some(Branch { entries: Vec::new(), text }),
                }
            }
        };
        let path = self.path_to(Some(leaf));
        let mut branch = Self::new(without_labels(&path));
        for (target, label) in self.labels() {
            if branch.by_id.contains_key(target) {
                let kind =
                    EntryKind::Label { target_id: target.to_owned(), label: Some(label.text.to_owned()) };
                let id = self.id_for(&branch);
                branch.push(kind, id, label.timestamp.to_owned());
            }
        }
        Some(Branch { entries: branch.entries, text })
    }

    /// An id that is free in this tree and in `branch`, which came from it.
    fn id_for(&self, branch: &Self) -> String {
        loop {
            let id = branch.new_id();
            if !self.by_id.contains_key(&id) {
                return id;
            }
        }
    }

    fn push(&mut self, kind: EntryKind, id: String, timestamp: String) {
        self.by_id.insert(id.clone(), self.entries.len());
        let parent_id = self.leaf.replace(id.clone());
        self.entries.push(Entry { kind, base: EntryBase { id, parent_id, timestamp } });
    }

    /// The bookmarks that hold, by the entry they are on, in the order they were set.
    fn labels(&self) -> Vec<(&str, Label<'_>)> {
        let mut last = HashMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            if let EntryKind::Label { target_id, label } = &entry.kind {
                last.insert(target_id.as_str(), (at, label.as_deref(), entry.base.timestamp.as_str()));
            }
        }
        let mut labels: Vec<_> = last.into_iter().collect();
        labels.sort_by_key(|(_, (at, ..))| *at);
        let held = labels.into_iter().filter_map(|(target, (_, text, timestamp))| {
            let text = text.filter(|it| !it.is_empty())?;
            Some((target, Label { text, timestamp }))
        });
        held.collect()
    }

    /// The tree as JSON: an array of roots, each `{entry, children, label?, labelTimestamp?}`.
    ///
    /// # Errors
    /// An entry cannot be written as JSON.
    pub fn to_json(&self) -> serde_json::Result<Box<RawValue>> {
        let labels: HashMap<&str, Label<'_>> = self.labels().into_iter().collect();
        let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut roots = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let parent = entry.base.parent_id.as_ref().and_then(|it| self.by_id.get(it));
            match parent {
                Some(&parent) if parent != at => children.entry(parent).or_default().push(at),
                _ => roots.push(at),
            }
        }
        for siblings in children.values_mut() {
            siblings.sort_by(|&a, &b| self.entries[a].base.timestamp.cmp(&self.entries[b].base.timestamp));
        }
        let mut out = vec![b'['];
        let mut written = HashSet::new();
        // Entries of a damaged file that follow each other in a circle hang on no root; their first one is made one.
        for root in roots.into_iter().chain(0..self.entries.len()) {
            if written.contains(&root) {
                continue;
            }
            separate(&mut out);
            self.write_nodes(root, &children, &labels, &mut written, &mut out)?;
        }
        out.push(b']');
        RawValue::from_string(String::from_utf8_lossy(&out).into_owned())
    }

    fn write_nodes(
        &self,
        root: usize,
        children: &HashMap<usize, Vec<usize>>,
        labels: &HashMap<&str, Label<'_>>,
        written: &mut HashSet<usize>,
        out: &mut Vec<u8>,
    ) -> serde_json::Result<()> {
        enum Step {
            Open(usize),
            Close(usize),
        }
        let mut steps = vec![Step::Open(root)];
        while let Some(step) = steps.pop() {
            match step {
                Step::Open(at) if written.insert(at) => {
                    separate(out);
                    out.extend_from_slice(b"{\"entry\":");
                    json::write(out, &self.entries[at])?;
                    out.extend_from_slice(b",\"children\":[");
                    steps.push(Step::Close(at));
                    steps.extend(children.get(&at).into_iter().flatten().rev().map(|&it| Step::Open(it)));
                }
                Step::Open(_) => {}
                Step::Close(at) => {
                    out.push(b']');
                    if let Some(label) = labels.get(self.entries[at].base.id.as_str()) {
                        out.extend_from_slice(b",\"label\":");
                        json::write(out, label.text)?;
                        out.extend_from_slice(b",\"labelTimestamp\":");
                        json::write(out, label.timestamp)?;
                    }
                    out.push(b'}');
                }
            }
        }
        Ok(())
    }
}

/// A comma, unless this is the first element.
fn separate(out: &mut Vec<u8>) {
    if out.last() == Some(&b'}') {
        out.push(b',');
    }
}

#[derive(Clone, Copy)]
struct Label<'a> {
    text: &'a str,
    timestamp: &'a str,
}

fn user_text(entry: &Entry) -> Option<String> {
    match &entry.kind {
        EntryKind::Message { message } => match &**message {
            AgentMessage::User(it) => Some(it.content.text()),
            _ => None,
        },
        _ => None,
    }
}

/// `path` without its labels, chained anew. A compaction that kept from a label on keeps from what follows it on.
fn without_labels(path: &[&Entry]) -> Vec<Entry> {
    let is_label = |it: &Entry| matches!(it.kind, EntryKind::Label { .. });
    let mut next_kept = HashMap::new();
    let mut following = None;
    for entry in path.iter().rev() {
        match is_label(entry) {
            true => drop(following.map(|it| next_kept.insert(entry.base.id.as_str(), it))),
            false => following = Some(entry.base.id.as_str()),
        }
    }
    let mut parent_id = None;
    let kept = path.iter().filter(|it| !is_label(it)).map(|entry| {
        let mut entry = (*entry).clone();
        if let EntryKind::Compaction { first_kept_entry_id, .. } = &mut entry.kind {
            if let Some(&id) = next_kept.get(first_kept_entry_id.as_str()) {
                *first_kept_entry_id = id.to_owned();
            }
        }
        entry.base.parent_id = parent_id.replace(entry.base.id.clone());
        entry
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entry(kind: &str, id: &str, parent: Option<&str>, fields: Value) -> Entry {
        let mut line = json!({"type": kind, "id": id, "parentId": parent, "timestamp": format!("t-{id}")});
        line.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value(line).unwrap()
    }

    fn said(role: &str, id: &str, parent: Option<&str>, text: &str) -> Entry {
        let content = json!([{"type": "text", "text": text}]);
        let mut message = json!({"role": role, "content": content, "timestamp": 1});
        if role == "assistant" {
            message = serde_json::to_value(pi_protocol::AssistantMessage::empty("a", "p", "m", 1)).unwrap();
            message["role"] = role.into();
            message["content"] = content;
        }
        entry("message", id, parent, json!({"message": message}))
    }

    fn label(id: &str, parent: &str, target: &str, label: Option<&str>) -> Entry {
        let fields = label.map_or(json!({"targetId": target}), |it| json!({"targetId": target, "label": it}));
        entry("label", id, Some(parent), fields)
    }

    /// Two branches: `m a b l c k d` with labels, and `e` after `b`.
    fn tree() -> SessionTree {
        SessionTree::new(vec![
            entry("model_change", "m", None, json!({"provider": "p", "modelId": "m"})),
            said("user", "a", Some("m"), "one"),
            said("assistant", "b", Some("a"), "1"),
            label("l", "b", "b", Some("here")),
            said("user", "c", Some("l"), "two"),
            entry(
                "compaction",
                "k",
                Some("c"),
                json!({"summary": "s", "firstKeptEntryId": "l", "tokensBefore": 1}),
            ),
            label("x", "k", "c", Some("for a while")),
            said("user", "e", Some("b"), "three"),
            label("y", "e", "c", None),
            said("assistant", "d", Some("x"), "2"),
        ])
    }

    /// Each entry as `parent>id`; labels as `parent>target=label`, because their ids are new.
    fn outline(entries: &[Entry]) -> Vec<String> {
        let ids: Vec<&str> = entries.iter().map(|it| it.base.id.as_str()).collect();
        let line = |entry: &Entry| {
            let parent = entry.base.parent_id.as_deref().unwrap_or("");
            match &entry.kind {
                EntryKind::Label { target_id, label } => {
                    assert!(ids.contains(&parent) && !["l", "x", "y"].contains(&&*entry.base.id));
                    format!("{parent}>{target_id}={}", label.as_deref().unwrap_or_default())
                }
                EntryKind::Compaction { first_kept_entry_id, .. } => {
                    format!("{parent}>{} from {first_kept_entry_id}", entry.base.id)
                }
                _ => format!("{parent}>{}", entry.base.id),
            }
        };
        entries.iter().map(line).collect()
    }

    #[test]
    fn a_branch_has_the_way_to_it_and_its_labels_at_the_end() {
        let before = |id: &str| BranchPoint::Before(id.to_owned());
        for (point, entries, text) in [
            (before("a"), vec![">m"], "one"),
            (before("c"), vec![">m", "m>a", "a>b", "b>b=here"], "two"),
            (before("e"), vec![">m", "m>a", "a>b", "b>b=here"], "three"),
            (BranchPoint::Leaf, vec![">m", "m>a", "a>b", "b>c", "c>k from c", "k>d", "d>b=here"], ""),
        ] {
            let branch = tree().branch(&point).unwrap();
            assert_eq!(outline(&branch.entries), entries, "{point:?}");
            assert_eq!(branch.text, text, "{point:?}");
        }
        let kept = tree().branch(&before("e")).unwrap();
        assert_eq!(kept.entries[3].base.timestamp, "t-l", "a label keeps its time");
    }

    #[test]
    fn only_user_messages_begin_a_fork_and_only_a_leaf_can_be_cloned() {
        for id in ["b", "l", "nobody", ""] {
            assert_eq!(tree().branch(&BranchPoint::Before(id.to_owned())), None, "{id}");
        }
        assert_eq!(SessionTree::default().branch(&BranchPoint::Leaf), None);
        let first = SessionTree::new(vec![said("user", "a", None, "one")]);
        let branch = first.branch(&BranchPoint::Before("a".into())).unwrap();
        assert_eq!(branch, Branch { entries: vec![], text: "one".into() });
    }

    #[test]
    fn navigating_goes_before_what_can_be_sent_again() {
        for (target, text, leaf) in [
            ("c", Some(Some("two")), Some("l")),
            ("b", Some(None), Some("b")),
            ("k", Some(None), Some("k")),
            ("nobody", None, Some("d")),
        ] {
            let mut tree = tree();
            let outcome = tree.navigate(target);
            assert_eq!(outcome, text.map(|it| it.map(str::to_owned)), "{target}");
            assert_eq!(tree.leaf(), leaf, "{target}");
        }
        let note = json!({"customType": "x", "content": "hi", "display": true});
        let mut tree = SessionTree::new(vec![entry("custom_message", "n", None, note)]);
        assert_eq!(tree.navigate("n"), Some(Some("hi".into())));
        assert_eq!(tree.leaf(), None);
        tree.append(EntryKind::SessionInfo { name: None });
        assert_eq!(tree.entries()[1].base.parent_id, None, "another root");
    }

    fn nodes(tree: &SessionTree) -> Value {
        serde_json::from_str(tree.to_json().unwrap().get()).unwrap()
    }

    /// `id(children)` with labels.
    fn shape(nodes: &Value) -> String {
        let node = |it: &Value| {
            let label = it["label"]
                .as_str()
                .map_or(String::new(), |text| format!("={text}@{}", it["labelTimestamp"].as_str().unwrap()));
            format!("{}{label}({})", it["entry"]["id"].as_str().unwrap(), shape(&it["children"]))
        };
        nodes.as_array().unwrap().iter().map(node).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_tree_has_all_entries_and_the_oldest_child_first() {
        assert_eq!(shape(&nodes(&tree())), "m(a(b=here@t-l(e(y()) l(c(k(x(d())))))))");
        let orphan = SessionTree::new(vec![
            said("user", "a", None, "1"),
            said("user", "b", Some("missing"), "2"),
            said("user", "c", Some("c"), "3"),
            said("user", "d", Some("f"), "4"),
            said("user", "f", Some("d"), "5"),
        ]);
        assert_eq!(shape(&nodes(&orphan)), "a() b() c() d(f())");
        assert_eq!(shape(&nodes(&SessionTree::default())), "");
    }

    #[test]
    fn a_long_session_is_a_deep_tree_and_no_deep_recursion() {
        let mut tree = SessionTree::default();
        for _ in 0..50_000 {
            tree.append(EntryKind::SessionInfo { name: None });
        }
        let text = tree.to_json().unwrap();
        let depth = |open: char| text.get().matches(open).count();
        assert_eq!((depth('['), depth(']')), (50_001, 50_001));
    }
}
