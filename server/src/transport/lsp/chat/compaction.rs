//! What is said of a compaction: how many turns there is a summary of now, or that nothing has changed.

use pi_core::{SessionHandle, session::Command};
use pi_protocol::{AgentEvent, event::CompactionReason};

use super::attach;
use crate::markdown;

/// What the core says before the reason of a failure.
const BEFORE: [&str; 3] =
    ["Compaction failed: ", "Auto-compaction failed: ", "Context overflow recovery failed: "];

/// What came of a compaction: what is to be said, or why it failed. Nothing where the user has stopped it.
pub enum Ended {
    /// There is a summary of what was before this entry.
    Summarised(String),
    /// There is none, for this reason.
    Failed(String),
}

/// The end of a compaction, if this event is one, and why there was one.
pub fn ended(event: &AgentEvent) -> Option<(CompactionReason, Ended)> {
    let AgentEvent::CompactionEnd { reason, result, error_message, .. } = event else { return None };
    let ended = match (result, error_message) {
        (Some(result), _) => Ended::Summarised(result.first_kept_entry_id.clone()),
        (None, Some(error)) => Ended::Failed(reason_of(error).to_owned()),
        (None, None) => return None,
    };
    Some((*reason, ended))
}

/// `Summarised 41 turns`: those before the first entry that is kept.
pub async fn summarised(session: &SessionHandle, kept: &str) -> String {
    let all = session.ask(|reply| Command::GetEntries(None, reply)).await;
    match all.map(|it| attach::turns_before(&it, kept)) {
        Ok(count @ 1..) => format!("Summarised {}", markdown::counted(count, "turn")),
        // One that is longer than what stays: a part of it.
        Ok(0) | Err(_) => "Summarised older messages".to_owned(),
    }
}

/// `Could not summarise: …`.
pub fn failed(why: &str) -> String {
    format!("Could not summarise: {}. The chat is unchanged.", reason_of(why).trim_end_matches('.'))
}

fn reason_of(error: &str) -> &str {
    BEFORE.iter().find_map(|it| error.strip_prefix(it)).unwrap_or(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_gives_its_reason_once() {
        for (error, said) in [
            (
                "Auto-compaction failed: 401 bad key",
                "Could not summarise: 401 bad key. The chat is unchanged.",
            ),
            ("Nothing to compact.", "Could not summarise: Nothing to compact. The chat is unchanged."),
        ] {
            assert_eq!(failed(error), said);
        }
    }
}
