//! What a client without our events sees of a run: one line while it lasts, one when it has ended.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use lsp_types::MessageType;
use pi_core::SessionHandle;
use pi_host::ledger::{Select, Status};
use pi_protocol::{
    Activity, AgentEvent, AgentMessage, StopReason,
    event::{CompactionReason, NoticeLevel},
};
use serde_json::Value;
use tokio::sync::watch;

use super::{
    chat::compaction::{self, Ended},
    connection::Connection,
    progress,
    strip::{Strip, Strips},
};
use crate::{
    failure::{Tries, failure, in_full},
    markdown,
};

/// How long the last message of a run waits for its progress to go from the screen.
const PROGRESS_END: Duration = Duration::from_secs(2);

/// Follows one session.
pub struct Plain {
    connection: Arc<Connection>,
    strip: watch::Sender<Option<Strip>>,
    /// Whether the client shows the strip.
    on_screen: watch::Sender<bool>,
    last: Option<Arc<AgentMessage>>,
    tries: Tries,
    session: Arc<str>,
    /// The tool calls of the run.
    calls: HashSet<String>,
    strips: Strips,
    /// How the run ends, until it has settled.
    end: Option<Activity>,
    /// When the run began.
    since: Option<Instant>,
    /// How many messages wait for their user's word.
    held: usize,
}

impl Plain {
    /// Begins to follow.
    pub fn new(connection: Arc<Connection>, session: &SessionHandle) -> Self {
        let (strip, shown) = watch::channel(None);
        let on_screen = watch::Sender::new(false);
        if connection.capabilities().progress {
            let show = progress::show(connection.clone(), session.id().clone(), shown, on_screen.clone());
            tokio::spawn(show);
        }
        let session = session.id().clone();
        let (last, calls, since) = (None, HashSet::new(), None);
        let (tries, strips) = (Tries::default(), Strips::default());
        Self { connection, strip, on_screen, last, tries, session, calls, strips, end: None, since, held: 0 }
    }

    /// Takes in what the session is doing now.
    pub fn activity(&mut self, activity: &Activity) {
        // The strip goes when everything about the run has been told.
        if !activity.state.is_busy() && self.since.is_some() {
            self.end = Some(activity.clone());
            return;
        }
        self.connection.doing.activity(&self.session, activity.state);
        let Some(strip) = self.strips.next(activity) else {
            self.strip.send_replace(None);
            return;
        };
        self.on_screen.send_replace(self.connection.capabilities().progress);
        self.strip.send_replace(Some(strip));
    }

    /// Takes in the next event.
    pub fn event(&mut self, event: &AgentEvent) {
        if matches!(event, AgentEvent::AgentSettled) {
            self.settled();
            if let Some(end) = self.end.take() {
                self.activity(&end);
            }
        }
        self.tries.event(event);
        match event {
            AgentEvent::MessageEnd { message } if message.as_assistant().is_some() => {
                self.last = Some(message.clone());
            }
            AgentEvent::ToolExecutionStart { tool_call_id, args, .. } => {
                self.calls.insert(tool_call_id.clone());
                if let Some(command) = args.get("command").and_then(Value::as_str) {
                    self.connection.doing.begins(&self.session, tool_call_id, command);
                }
            }
            AgentEvent::ToolExecutionEnd { tool_call_id, .. } => {
                self.connection.doing.ends(&self.session, tool_call_id);
            }
            AgentEvent::Notice { level, message } => {
                let kind = match level {
                    NoticeLevel::Info => MessageType::INFO,
                    NoticeLevel::Warning => MessageType::WARNING,
                    NoticeLevel::Error => MessageType::ERROR,
                };
                self.connection.messages.show(kind, message);
            }
            AgentEvent::ExtensionError { extension_path, error, .. } => {
                self.connection.messages.show(MessageType::WARNING, &format!("{extension_path}: {error}"));
            }
            AgentEvent::QueueUpdate { items, .. } => {
                self.held = items.iter().filter(|it| it.held).count();
            }
            AgentEvent::CompactionEnd { .. } => {
                // One that the user wants is answered where it was asked for.
                let ended = compaction::ended(event).filter(|it| it.0 != CompactionReason::Manual);
                if let Some((_, ended)) = ended {
                    self.compacted(ended);
                }
            }
            AgentEvent::AgentStart => {
                self.since.get_or_insert_with(Instant::now);
            }
            _ => {}
        }
    }

    /// Says what came of a compaction that nobody asked for.
    fn compacted(&self, ended: Ended) {
        let (connection, id) = (self.connection.clone(), self.session.clone());
        tokio::spawn(async move {
            match (ended, connection.hub.session(Some(&id))) {
                (Ended::Failed(why), _) => connection.messages.error(&compaction::failed(&why)),
                (Ended::Summarised(kept), Ok(session)) => {
                    let said = compaction::summarised(&session, &kept).await;
                    connection.messages.show(MessageType::INFO, &format!("{said}; the full chat is kept"));
                }
                // It has ended meanwhile.
                (Ended::Summarised(_), Err(_)) => {}
            }
        });
    }

    fn settled(&mut self) {
        let calls = std::mem::take(&mut self.calls);
        let took = self.since.take().map(|it| it.elapsed().as_secs());
        let Some(last) = self.last.take() else { return };
        let Some(answer) = last.as_assistant() else { return };
        let (kind, text) = match answer.stop_reason {
            StopReason::Error => (MessageType::ERROR, in_full(&failure(answer, &self.tries))),
            StopReason::Aborted => {
                let held = match self.held {
                    0 => String::new(),
                    count => format!(" · Held {count} \u{2013} /take in the chat"),
                };
                (MessageType::INFO, markdown::stopped("Stopped", took) + &held)
            }
            _ => {
                // The chat document has it; a status line has no room for it.
                self.connection.messages.log(MessageType::INFO, &answer.text());
                (MessageType::INFO, "Pi finished: the answer is in the chat".to_owned())
            }
        };
        // Helix wipes its status line when a progress ends, so the message must come after that.
        let (connection, session) = (self.connection.clone(), self.session.clone());
        let mut on_screen = self.on_screen.subscribe();
        let well = kind == MessageType::INFO && answer.stop_reason != StopReason::Aborted;
        tokio::spawn(async move {
            let _late = tokio::time::timeout(PROGRESS_END, on_screen.wait_for(|it| !it)).await.is_err();
            let changed = if well { changes(&connection, &session, &calls).await } else { None };
            connection.messages.show(kind, &changed.unwrap_or(text));
        });
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.connection.doing.forget(&self.session);
    }
}

/// What these calls changed and is to be reviewed now; nothing if nothing is.
async fn changes(connection: &Connection, session: &str, calls: &HashSet<String>) -> Option<String> {
    if calls.is_empty() || connection.capabilities().review {
        return None;
    }
    let (mut count, mut files) = (0_usize, HashSet::new());
    for folder in connection.folders().all() {
        let review = connection.hub.compose().review(&folder);
        let select = Select { session: Some(session.to_owned()), ..Select::default() };
        // What cannot be read is reported where it is shown.
        for hunk in review.find(&select).await.unwrap_or_default() {
            if hunk.status == Status::Pending && calls.contains(&hunk.call) {
                count += 1;
                files.insert(hunk.path);
            }
        }
    }
    let next = connection.capabilities().next_key.map(|it| format!(", next with {it}"));
    (count > 0).then(|| {
        let (changes, files) = (markdown::counted(count, "change"), markdown::counted(files.len(), "file"));
        format!("Pi finished: {changes} in {files}{}", next.unwrap_or_default())
    })
}
