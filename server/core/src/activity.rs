//! From events to what the session is doing: computed once, so that all faces agree.

use pi_protocol::{
    Activity, ActivityState, AgentEvent, AssistantMessageEvent, StopReason, event::CompactionReason,
};
use serde_json::{Map, Value};

use crate::clock;

/// Arguments that say what a tool works on, the first that is there.
const TELLING: [&str; 5] = ["command", "path", "file_path", "pattern", "query"];
/// Characters of a detail.
const DETAIL: usize = 200;

/// Follows the events of one session.
#[derive(Debug)]
pub struct ActivityTracker {
    now: Activity,
    model: Option<String>,
    /// Running tools: call, name, what they work on.
    tools: Vec<(String, String, Option<String>)>,
    /// Open questions: id, the tool that waits for permission, what it is about.
    questions: Vec<(String, Option<String>, Option<String>)>,
    /// A run is in progress: a question outside one is nothing the session does.
    running: bool,
    /// How the last answer ended.
    outcome: (ActivityState, Option<String>),
}

impl Default for ActivityTracker {
    fn default() -> Self {
        let now = Activity::new(ActivityState::Idle, clock::now_ms(), None, None);
        let (tools, questions) = (Vec::new(), Vec::new());
        Self { now, model: None, tools, questions, running: false, outcome: Default::default() }
    }
}

impl ActivityTracker {
    /// What the session is doing.
    pub fn now(&self) -> &Activity {
        &self.now
    }

    /// Takes in an event; the activity if that changed it.
    pub fn event(&mut self, event: &AgentEvent) -> Option<Activity> {
        use ActivityState as State;
        match event {
            AgentEvent::MessageUpdate { assistant_message_event, .. } => match assistant_message_event {
                AssistantMessageEvent::ThinkingStart { .. } => self.set(State::Thinking, None, None),
                AssistantMessageEvent::TextStart { .. } => self.set(State::Answering, None, None),
                _ => None,
            },
            AgentEvent::MessageEnd { message } => {
                let answer = message.as_assistant()?;
                self.outcome = match answer.stop_reason {
                    StopReason::Error => (State::Failed, answer.error_message.clone()),
                    StopReason::Aborted => (State::Stopped, None),
                    _ => Default::default(),
                };
                None
            }
            AgentEvent::ToolExecutionStart { tool_call_id, tool_name, args } => {
                self.tools.push((tool_call_id.clone(), tool_name.clone(), telling(args)));
                self.show_tools()
            }
            AgentEvent::ToolExecutionEnd { tool_call_id, .. } => {
                self.tools.retain(|it| it.0 != *tool_call_id);
                self.show_tools()
            }
            AgentEvent::PermissionRequest(it) => {
                let detail = it.command.as_ref().or(it.paths.first()).map(|it| cut(it.trim(), DETAIL));
                self.questions.push((it.id.clone(), Some(it.tool.clone()), detail));
                self.show_tools()
            }
            AgentEvent::ExtensionUiRequest(it) if it.method.asks() && it.permission.is_none() => {
                let detail = it.title.as_ref().map(|it| cut(it.trim(), DETAIL));
                self.questions.push((it.id.clone(), None, detail));
                if self.running { self.show_tools() } else { None }
            }
            AgentEvent::PermissionResolved { id, .. } | AgentEvent::ExtensionUiResolved { id } => {
                let open = self.questions.len();
                self.questions.retain(|it| it.0 != *id);
                if self.running && self.questions.len() < open { self.show_tools() } else { None }
            }
            AgentEvent::AutoRetryStart { attempt, max_attempts, delay_ms, error_message } => {
                let cause = cut(error_message.lines().next().unwrap_or_default(), 40);
                let seconds = delay_ms.div_ceil(1000);
                let detail = format!("{cause}. Trying again in {seconds} s · {attempt} of {max_attempts}");
                self.set(State::Retrying, None, Some(detail))
            }
            AgentEvent::CompactionStart { .. } => self.set(State::Compacting, None, None),
            // Nothing settles after it: no run was in progress.
            AgentEvent::CompactionEnd { reason: CompactionReason::Manual, .. } => {
                self.set(State::Idle, None, None)
            }
            AgentEvent::AgentSettled => {
                self.tools.clear();
                self.running = false;
                let (state, detail) = std::mem::take(&mut self.outcome);
                self.set(state, None, detail)
            }
            _ => None,
        }
    }

    /// A request goes to this model.
    pub fn asked(&mut self, model: &str) -> Option<Activity> {
        self.model = Some(model.to_owned());
        self.running = true;
        self.set(ActivityState::Waiting, None, self.model.clone())
    }

    /// A stop was asked for.
    pub fn stopping(&mut self) -> Option<Activity> {
        self.set(ActivityState::Stopping, None, None)
    }

    fn show_tools(&mut self) -> Option<Activity> {
        if let Some((_, tool, detail)) = self.questions.first() {
            let (tool, detail) = (tool.clone(), detail.clone());
            return self.set(ActivityState::Asking, tool, detail);
        }
        match self.tools.as_slice() {
            [] => self.set(ActivityState::Waiting, None, self.model.clone()),
            [(_, name, detail)] => {
                let (name, detail) = (name.clone(), detail.clone());
                self.set(ActivityState::Tool, Some(name), detail)
            }
            several => {
                let detail = format!("{} tools running", several.len());
                self.set(ActivityState::Tool, None, Some(detail))
            }
        }
    }

    fn set(
        &mut self,
        state: ActivityState,
        tool: Option<String>,
        detail: Option<String>,
    ) -> Option<Activity> {
        // Until the run has settled, what still happens happens because it stops.
        if self.now.state == ActivityState::Stopping && state.is_busy() {
            return None;
        }
        if (self.now.state, &self.now.tool, &self.now.detail) == (state, &tool, &detail) {
            return None;
        }
        self.now = Activity::new(state, clock::now_ms(), tool, detail);
        Some(self.now.clone())
    }
}

fn telling(args: &Map<String, Value>) -> Option<String> {
    let text = TELLING.iter().find_map(|it| args.get(*it)?.as_str())?;
    let line = text.lines().find(|it| !it.trim().is_empty())?;
    Some(cut(line.trim(), DETAIL))
}

fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pi_protocol::{
        AgentMessage, AssistantMessage, ExtensionUiMethod, ExtensionUiRequest, PermissionDecision,
        PermissionRequest, ToolResult,
    };
    use serde_json::json;

    use super::*;

    fn update(event: AssistantMessageEvent) -> AgentEvent {
        AgentEvent::MessageUpdate { usage: Default::default(), assistant_message_event: event }
    }

    fn start(id: &str, name: &str, args: Value) -> AgentEvent {
        let args = args.as_object().unwrap().clone();
        AgentEvent::ToolExecutionStart { tool_call_id: id.into(), tool_name: name.into(), args }
    }

    fn end(id: &str) -> AgentEvent {
        let result = ToolResult::default();
        AgentEvent::ToolExecutionEnd {
            tool_call_id: id.into(),
            tool_name: "t".into(),
            result,
            is_error: false,
        }
    }

    fn asked(id: &str, tool: &str, path: &str) -> AgentEvent {
        AgentEvent::PermissionRequest(PermissionRequest {
            id: id.into(),
            tool: tool.into(),
            paths: vec![path.into()],
            ..PermissionRequest::default()
        })
    }

    fn resolved(id: &str) -> AgentEvent {
        AgentEvent::PermissionResolved {
            id: id.into(),
            tool_call_id: String::new(),
            decision: PermissionDecision::Cancelled,
            choice: None,
            rules: Vec::new(),
            message: None,
        }
    }

    fn dialog(id: &str, title: &str, permission: Option<&str>) -> AgentEvent {
        AgentEvent::ExtensionUiRequest(ExtensionUiRequest {
            id: id.into(),
            title: Some(title.into()),
            permission: permission.map(str::to_owned),
            ..ExtensionUiRequest::new(ExtensionUiMethod::Select)
        })
    }

    #[test]
    fn a_dialog_is_waited_for_while_something_runs() {
        let mut tracker = ActivityTracker::default();
        let resolved = AgentEvent::ExtensionUiResolved { id: "d".into() };
        assert_eq!(tracker.event(&dialog("d", "Which?", None)), None, "nothing runs");
        assert_eq!(tracker.event(&resolved), None);
        tracker.asked("m");
        tracker.event(&start("1", "deploy", json!({})));
        let asking = tracker.event(&dialog("d", "Which?", None)).unwrap();
        assert_eq!(
            (asking.state, asking.tool, asking.detail.as_deref()),
            (ActivityState::Asking, None, Some("Which?"))
        );
        assert_eq!(tracker.event(&resolved).unwrap().state, ActivityState::Tool);
        assert_eq!(tracker.event(&dialog("d", "May it?", Some("q"))), None, "told as the permission it is");
        tracker.event(&AgentEvent::AgentSettled);
        assert_eq!(tracker.event(&resolved), None);
        assert_eq!(tracker.now().state, ActivityState::Idle);
    }

    fn answered(reason: StopReason, error: Option<&str>) -> AgentEvent {
        let mut message = AssistantMessage::empty("", "", "", 0);
        message.stop_reason = reason;
        message.error_message = error.map(str::to_owned);
        AgentEvent::MessageEnd { message: Arc::new(AgentMessage::Assistant(message)) }
    }

    #[test]
    fn a_run_goes_through_its_states() {
        use ActivityState::*;
        let mut tracker = ActivityTracker::default();
        assert_eq!(tracker.asked("m").unwrap().detail.as_deref(), Some("m"));
        assert_eq!(tracker.asked("m"), None, "nothing changed");
        for (event, state, tool, detail) in [
            (update(AssistantMessageEvent::ThinkingStart { content_index: 0 }), Thinking, None, None),
            (update(AssistantMessageEvent::TextStart { content_index: 1 }), Answering, None, None),
            (
                start("1", "bash", json!({"command": "\ncargo test\nx"})),
                Tool,
                Some("bash"),
                Some("cargo test"),
            ),
            (start("2", "read", json!({"path": "a"})), Tool, None, Some("2 tools running")),
            (end("1"), Tool, Some("read"), Some("a")),
            (asked("q", "edit", "/ws/a.rs"), Asking, Some("edit"), Some("/ws/a.rs")),
            (resolved("q"), Tool, Some("read"), Some("a")),
            (end("2"), Waiting, None, Some("m")),
            (AgentEvent::AgentSettled, Idle, None, None),
        ] {
            let got = tracker.event(&event).unwrap();
            assert_eq!(
                (got.state, got.tool.as_deref(), got.detail.as_deref()),
                (state, tool, detail),
                "{event:?}"
            );
        }
    }

    #[test]
    fn the_end_says_how_it_ended() {
        for (event, state, detail) in [
            (answered(StopReason::Stop, None), ActivityState::Idle, None),
            (answered(StopReason::Aborted, Some("x")), ActivityState::Stopped, None),
            (answered(StopReason::Error, Some("x")), ActivityState::Failed, Some("x")),
        ] {
            let mut tracker = ActivityTracker::default();
            tracker.asked("m");
            tracker.stopping();
            assert_eq!(tracker.event(&update(AssistantMessageEvent::TextStart { content_index: 0 })), None);
            assert_eq!(tracker.event(&event), None);
            let got = tracker.event(&AgentEvent::AgentSettled).unwrap();
            assert_eq!((got.state, got.detail.as_deref()), (state, detail));
        }
    }
}
