//! `pi permissions explain`: a decision and how it came about, for a person.

use pi_core::{Access, PermissionQuery};
use pi_protocol::{PermissionMode, ReviewMode};

use super::{FolderPermissions, decide::Decision};

/// What would be decided about `access` of `tool` in `mode`, line by line.
pub fn explain(folder: &FolderPermissions, mode: PermissionMode, tool: &str, access: Access) -> Vec<String> {
    let query = PermissionQuery {
        call_id: String::new(),
        tool: tool.to_owned(),
        read_only: false,
        args: serde_json::Map::new(),
        access,
        mode,
        review: ReviewMode::Apply,
        reason: None,
    };
    let decided = folder.decide(&[], &query);
    let mut lines = vec![format!("{}  (mode {})", word(decided.decision()), mode.as_str())];
    if let Some(why) = &decided.opaque {
        lines.push(format!("The command is taken as a whole: {why}."));
    }
    for part in &decided.parts {
        lines.push(format!("  {:5}  {}", word(part.decision), part.text));
        lines.push(format!("         {}", part.why));
        if let (Decision::Ask, Some(rule)) = (part.decision, &part.rule) {
            lines.push(format!("         to allow it: {rule}"));
        }
    }
    lines
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Ask => "ask",
        Decision::Deny => "deny",
    }
}
