//! What clients see of the tree of entries, and how they move in it (spec: rpc.md §3, sessions.md §5).

use std::sync::Arc;

use pi_protocol::{entry::EntryKind, *};

use super::{actor::SessionActor, handle::CommandResult};
use crate::tree::{Branch, BranchPoint};

/// `customType` of what we tell the model.
const REMARK: &str = "pi-remark";

impl SessionActor {
    /// The user's messages of all branches.
    pub(super) fn fork_messages(&self) -> ForkMessages {
        let messages = self.tree.user_texts().filter(|(_, text)| !text.is_empty());
        ForkMessages {
            messages: messages.map(|(id, text)| ForkMessage { entry_id: id.to_owned(), text }).collect(),
        }
    }

    /// Tells the model something with its next request. In a run that is between two turns: a message anywhere else
    /// would part a call from its result.
    pub(super) fn remark(&mut self, text: String) {
        self.remarks.push(text);
        if self.run.is_idle() {
            self.flush_remarks();
        }
    }

    /// Puts what was remarked into the context and the session.
    pub(super) fn flush_remarks(&mut self) {
        for text in std::mem::take(&mut self.remarks) {
            let content = MessageContent::Text(text);
            let message = CustomMessage {
                custom_type: REMARK.into(),
                content: content.clone(),
                display: false,
                details: None,
                timestamp: self.now(),
            };
            self.messages.push(Arc::new(AgentMessage::Custom(message)).into());
            let custom_type = REMARK.into();
            self.append(EntryKind::CustomMessage { custom_type, content, display: false, details: None });
        }
    }

    /// The entries strictly after `since`, or all.
    pub(super) fn entries_since(&self, since: Option<&str>) -> CommandResult<SessionEntries> {
        let entries = match since {
            None => self.tree.entries(),
            Some(id) => {
                self.tree.after(id).ok_or_else(|| CommandError::invalid(format!("Entry not found: {id}")))?
            }
        };
        Ok(SessionEntries { entries: entries.to_vec(), leaf_id: self.leaf_id() })
    }

    /// All entries as a tree.
    pub(super) fn tree_of_entries(&self) -> CommandResult<SessionTreeResult> {
        let tree = self.tree.to_json().map_err(|error| CommandError::internal(error.to_string()))?;
        Ok(SessionTreeResult { tree, leaf_id: self.leaf_id() })
    }

    /// Goes on from `target`: the context becomes that branch's; nothing is written before the next entry.
    pub(super) fn navigate(&mut self, target: &str) -> CommandResult<Navigated> {
        if !self.run.is_idle() {
            return Err(CommandError::failed(
                "Agent is already processing. Stop it with abort before going to another entry.",
            ));
        }
        // Records of shell commands belong to the branch on which they were run.
        self.flush_deferred();
        let editor_text = self
            .tree
            .navigate(target)
            .ok_or_else(|| CommandError::invalid(format!("Entry {target} not found")))?;
        self.messages = self.tree.context().messages;
        Ok(Navigated { editor_text, leaf_id: self.leaf_id() })
    }

    /// The part of the session that a fork or a clone takes along.
    pub(super) fn branch(&self, point: &BranchPoint) -> CommandResult<Branch> {
        self.tree.branch(point).ok_or_else(|| {
            CommandError::invalid(match point {
                BranchPoint::Before(_) => "Invalid entry ID for forking",
                BranchPoint::Leaf => "Cannot clone session: no current entry selected",
            })
        })
    }

    pub(super) fn leaf_id(&self) -> Option<String> {
        self.tree.leaf().map(str::to_owned)
    }
}
