//! The life of a run inside the actor: start, what it reports, its end, retries, and settling.

use std::{sync::Arc, time::Duration};

use pi_protocol::*;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    actor::SessionActor,
    handle::{CommandResult, Reply},
};
use crate::{
    ports::{ModelRequest, Tool, ToolSpec},
    retry,
    turn::{NextRequest, RunLink, RunMessage, TurnLoop, TurnPlace},
};

/// Whether something runs. A session is idle, runs, makes room in its context, or waits before it repeats a failed
/// model call.
#[derive(Debug)]
pub(super) enum RunState {
    /// Nothing happens by itself.
    Idle,
    /// A low-level run is in progress.
    Running {
        /// Its number.
        run: u64,
        /// Stops it.
        cancel: CancellationToken,
    },
    /// The model writes a summary of older turns.
    Compacting {
        /// Stops it.
        cancel: CancellationToken,
    },
    /// A failed model call is repeated at this time.
    Backoff {
        /// When.
        until: Instant,
    },
}

impl RunState {
    /// Whether nothing will happen by itself.
    pub fn is_idle(&self) -> bool {
        matches!(self, RunState::Idle)
    }

    /// When a failed call is repeated, if that is what the session waits for.
    pub fn backoff_until(&self) -> Option<Instant> {
        match self {
            RunState::Backoff { until } => Some(*until),
            _ => None,
        }
    }
}

impl SessionActor {
    /// Starts a low-level run; without prompts it continues from the context.
    pub(super) fn start_run(&mut self, prompts: Vec<AgentMessage>) {
        self.run_count += 1;
        let cancel = CancellationToken::new();
        let turns = TurnLoop {
            actor: RunLink { run: self.run_count, inbox: self.runs.clone() },
            provider: self.provider.clone(),
            tools: self.tools.clone(),
            cancel: cancel.clone(),
            calls: self.calls.clone(),
            permissions: self.permissions.clone(),
            interrupt: self.settings.current().steering_interrupt,
            session_id: self.id.clone(),
            messages: Vec::new(),
            model: None,
            place: TurnPlace::default(),
            reason: None,
        };
        self.run = RunState::Running { run: self.run_count, cancel };
        tokio::spawn(turns.run(prompts));
    }

    /// Serves one message of a run. Messages of a run that is over are ignored.
    pub(super) fn run_message(&mut self, from: u64, message: RunMessage) {
        if !matches!(self.run, RunState::Running { run, .. } if run == from) {
            return;
        }
        match message {
            RunMessage::Event(event) => self.run_event(event),
            RunMessage::TakeSteering(reply) => {
                let _run_gone = reply.send(self.take_queued(QueueKind::Steer));
            }
            RunMessage::TakeFollowUps(reply) => {
                let _run_gone = reply.send(self.take_queued(QueueKind::FollowUp));
            }
            RunMessage::MakeRoom(reply) => self.make_room_in_run(reply),
            RunMessage::NextRequest(reply) => {
                self.flush_remarks();
                // Without a model the question stays unanswered; the run then ends with an error message.
                if let Some(request) = self.request() {
                    self.bus.asked(&request.model.id);
                    let place = TurnPlace {
                        prompt_id: self.tree.last_prompt().map(Arc::from),
                        turn: self.tree.answers() + 1,
                    };
                    let _run_gone = reply.send(NextRequest { request, place });
                }
            }
            RunMessage::Written(reply) => {
                // Entries are appended as their messages come, and those came before this.
                let _run_gone = reply.send(());
            }
            RunMessage::AskPermission(request, reply) => self.ask_permission(*request, reply),
            RunMessage::Ended(messages) => self.run_ended(messages),
        }
    }

    fn request(&self) -> Option<ModelRequest> {
        let settings = self.settings.current();
        Some(ModelRequest {
            model: self.model.clone()?,
            system_prompt: self.system_prompt.clone(),
            messages: self.messages.iter().map(|it| it.shared().clone()).collect(),
            tools: self.offered_tools(),
            thinking: self.thinking,
            thinking_budgets: settings.thinking_budgets,
            max_tokens: None,
            session_id: self.id.clone(),
            block_images: settings.block_images,
        })
    }

    /// The tools the model is told of: in mode `plan` those that only read, and none that nobody can serve now.
    fn offered_tools(&self) -> Arc<[ToolSpec]> {
        let plan = self.permissions.mode() == PermissionMode::Plan;
        let offered = |it: &Arc<dyn Tool>| it.is_offered() && (!plan || it.spec().read_only);
        match self.tools.iter().all(offered) {
            true => self.tool_specs.clone(),
            false => self.tools.iter().filter(|it| offered(it)).map(|it| it.spec().clone()).collect(),
        }
    }

    fn run_event(&mut self, event: AgentEvent) {
        let ended = match &event {
            AgentEvent::MessageEnd { message } => Some(message.clone()),
            _ => None,
        };
        self.bus.publish(event);
        let Some(message) = ended else { return };
        let succeeded = message
            .as_assistant()
            .is_some_and(|it| !matches!(it.stop_reason, StopReason::Error | StopReason::Aborted));
        self.note_progress(&message);
        // Results of tools that run together end one by one; the others are still events only.
        let complete = !matches!(&*message, AgentMessage::ToolResult(_));
        self.remember(message);
        if complete {
            self.reach_milestone();
        }
        if succeeded && self.retry_attempt > 0 {
            let attempt = std::mem::take(&mut self.retry_attempt);
            self.bus.publish(AgentEvent::AutoRetryEnd { success: true, attempt, final_error: None });
        }
    }

    fn run_ended(&mut self, messages: Vec<Arc<AgentMessage>>) {
        // Nobody waits for an answer any more, however the run ended.
        self.cancel_permissions();
        let stopped = self.is_stopping();
        let last = self.messages.last().and_then(|it| it.as_assistant()).cloned();
        let error = last
            .as_ref()
            .filter(|it| it.stop_reason == StopReason::Error)
            .map(|it| it.error_message.clone().unwrap_or_default());
        if let (Some(error), Some(last), false) = (&error, &last, stopped) {
            if self.may_retry(error, last) {
                return self.schedule_retry(messages, error.clone());
            }
        }
        self.bus.publish(AgentEvent::AgentEnd { messages, will_retry: false });
        if self.retry_attempt > 0 {
            let attempt = std::mem::take(&mut self.retry_attempt);
            let final_error = error.clone().or_else(|| stopped.then(|| "Retry cancelled".to_owned()));
            self.bus.publish(AgentEvent::AutoRetryEnd { success: false, attempt, final_error });
        }
        let completed = error.is_none() && !stopped;
        if stopped || !self.compact_after_run(completed) {
            self.deliver_or_settle(completed);
        }
    }

    /// Nothing goes on by itself, except that queued messages are delivered after a run that `completed`.
    pub(super) fn deliver_or_settle(&mut self, completed: bool) {
        // A message that came after the loop's last look at the queues is delivered now, not forgotten.
        if completed {
            let late = self.take_next();
            if !late.is_empty() {
                return self.start_run(late);
            }
        }
        self.settle();
    }

    fn may_retry(&self, error: &str, last: &AssistantMessage) -> bool {
        let settings = self.settings.current().retry;
        settings.enabled
            && self.retry_attempt < settings.max_retries
            && !self.model.as_deref().is_some_and(|it| retry::is_context_overflow(last, it))
            && retry::is_retryable(error)
    }

    fn schedule_retry(&mut self, messages: Vec<Arc<AgentMessage>>, error_message: String) {
        let settings = self.settings.current().retry;
        self.bus.publish(AgentEvent::AgentEnd { messages, will_retry: true });
        self.retry_attempt += 1;
        let delay_ms = settings.delay_ms(self.retry_attempt);
        self.bus.publish(AgentEvent::AutoRetryStart {
            attempt: self.retry_attempt,
            max_attempts: settings.max_retries,
            delay_ms,
            error_message,
        });
        // The failed answer stays in the session but not in the context.
        self.omit_last_answer();
        self.run = RunState::Backoff { until: Instant::now() + Duration::from_millis(delay_ms) };
    }

    /// The pause is over.
    pub(super) fn retry_now(&mut self) {
        self.start_run(Vec::new());
    }

    /// Serves `retry_now`: does not wait for the repetition of a failed model call, or repeats the last one, which
    /// nothing repeats any more.
    pub(super) fn retry_at_once(&mut self) -> CommandResult<Empty> {
        if self.run.backoff_until().is_some() {
            self.retry_now();
            return Ok(Empty {});
        }
        let last = self.messages.last().and_then(|it| it.as_assistant());
        if !self.run.is_idle() || !last.is_some_and(|it| it.stop_reason == StopReason::Error) {
            return Err(CommandError::failed("no answer has failed that could be tried again"));
        }
        self.may_prompt()?;
        self.begin_turn();
        self.omit_last_answer();
        self.start_run(Vec::new());
        Ok(Empty {})
    }

    /// Serves `skip_tool`.
    pub(super) fn skip_tool(&mut self, id: &str) -> CommandResult<Empty> {
        if !self.calls.skip(id) {
            return Err(CommandError::failed(format!("no call {id} is in progress")));
        }
        self.cancel_permissions_of(id);
        Ok(Empty {})
    }

    /// Gives up a retry that is waited for.
    pub(super) fn cancel_backoff(&mut self) {
        if self.run.backoff_until().is_some() {
            let attempt = std::mem::take(&mut self.retry_attempt);
            self.bus.publish(AgentEvent::AutoRetryEnd {
                success: false,
                attempt,
                final_error: Some("Retry cancelled".to_owned()),
            });
            self.settle();
        }
    }

    /// Whether the run was asked to stop.
    pub(super) fn is_stopping(&self) -> bool {
        matches!(&self.run, RunState::Running { cancel, .. } if cancel.is_cancelled())
    }

    /// Asks a run or a compaction to stop, or gives up a retry.
    pub(super) fn cancel_run(&mut self) {
        match &self.run {
            RunState::Idle => {}
            RunState::Running { cancel, .. } | RunState::Compacting { cancel } => {
                cancel.cancel();
                self.bus.stopping();
                self.cancel_permissions();
            }
            RunState::Backoff { .. } => self.cancel_backoff(),
        }
    }

    /// Stops the run or the compaction and answers once it has settled. Queued messages stay queued.
    pub(super) fn abort(&mut self, reply: Reply<Empty>) {
        self.drop_waiting_compaction();
        self.cancel_run();
        if self.run.is_idle() {
            reply(Ok(Empty {}));
        } else {
            self.abort_waiters.push(reply);
        }
    }

    /// Tells that nothing more happens by itself.
    pub(super) fn settle(&mut self) {
        self.hold_queues();
        self.rest();
        self.bus.publish(AgentEvent::AgentSettled);
        self.bus.set_turn(None);
        self.answer_waiters();
        self.start_waiting_compaction();
    }

    /// Nothing runs any more; records that waited for that are taken in.
    pub(super) fn rest(&mut self) {
        self.run = RunState::Idle;
        self.flush_deferred();
        self.flush_remarks();
    }

    /// Answers those who waited for the end.
    pub(super) fn answer_waiters(&mut self) {
        let waiters = std::mem::take(&mut self.abort_waiters);
        for reply in waiters.into_iter().chain(std::mem::take(&mut self.settle_waiters)) {
            reply(Ok(Empty {}));
        }
    }
}
