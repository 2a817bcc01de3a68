//! Making room in a full context, inside the actor: when it is done, the model that writes the summary, what comes
//! of it (rpc.md §9). Where the conversation is cut and what the model is asked is in [`crate::compaction`].
//!
//! Until the summary is there nothing changes, so that a compaction that fails or is stopped leaves the chat as it
//! was.

use std::sync::Arc;

use pi_protocol::{entry::EntryKind, event::CompactionReason, *};
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{actor::SessionActor, handle::Reply, run::RunState};
use crate::{
    compaction::{
        estimate,
        files::Files,
        plan::{Nothing, Plan, plan},
        prompt,
        summary::{Failure, Outcome, Report, Summariser, Summary},
        transcript,
    },
    ports::{CompactionLimits, ModelRequest},
    retry,
    tree::Step,
};

/// Tokens a request needs besides the conversation: instructions, the summary before, errors of the estimate.
const OVERHEAD_TOKENS: u64 = 4096;
/// Characters per token when the conversation has to fit: fewer than in estimates, to be on the safe side.
const SAFE_CHARS_PER_TOKEN: u64 = 3;
/// The answer to a compaction that was stopped (Pi's).
const CANCELLED: &str = "Compaction cancelled";
/// Said when the shorter context was too long as well (Pi's).
const STILL_TOO_LONG: &str = "Context overflow recovery failed after one compact-and-retry attempt. Try reducing context \
     or switching to a larger-context model.";
/// Said when the answer was cut again (Pi's).
const STILL_CUT: &str = "Truncated response recovery failed after one compact-and-retry attempt.";

/// What the actor knows of compactions.
pub(super) struct Compactions {
    reports: mpsc::UnboundedSender<Report>,
    inbox: Option<mpsc::UnboundedReceiver<Report>>,
    /// The one in progress; exactly then the session is in [`RunState::Compacting`].
    job: Option<Job>,
    /// One that waits for the run to stop.
    waiting: Option<(CompactParams, Reply<CompactionResult>)>,
    /// An overflow was recovered from, and no model call has succeeded since.
    recovered: bool,
    /// A message was sent while a compaction ran that a client asked for: it is said after it.
    sent_meanwhile: bool,
}

impl Default for Compactions {
    fn default() -> Self {
        let (reports, inbox) = mpsc::unbounded_channel();
        Self {
            reports,
            inbox: Some(inbox),
            job: None,
            waiting: None,
            recovered: false,
            sent_meanwhile: false,
        }
    }
}

/// A compaction in progress.
struct Job {
    reason: CompactionReason,
    first_kept: String,
    files: Files,
    tokens_before: u64,
    /// An answer that leaves the context with it.
    omit: Option<String>,
    next: Next,
}

/// What comes after a compaction.
enum Next {
    /// The one who asked is answered.
    Answer(Reply<CompactionResult>),
    /// The run has ended: queued messages are delivered if it completed, else nothing happens.
    Rest { completed: bool },
    /// The model call that did not fit is repeated.
    Repeat,
    /// These prompts are said.
    Prompt(Vec<AgentMessage>),
    /// The run that waits goes on with its next turn.
    GoOn { run: u64, cancel: CancellationToken, reply: oneshot::Sender<()> },
}

/// A reason to compact by itself.
enum Due {
    /// The context came near the limit.
    Threshold,
    /// The context did not fit. The answer to omit, and whether the call is repeated.
    Overflow { omit: Option<String>, repeat: bool },
    /// The answer was cut for want of room; this one is omitted.
    Cut { omit: String },
}

impl SessionActor {
    /// Where summaries are reported; taken once, by the actor's loop.
    pub(super) fn take_compactions(&mut self) -> Option<mpsc::UnboundedReceiver<Report>> {
        self.compactions.inbox.take()
    }

    /// Serves `compact`: stops the run first, answers when it is done.
    pub(super) fn compact(&mut self, params: CompactParams, reply: Reply<CompactionResult>) {
        if self.is_compacting_by_hand() || self.compactions.waiting.is_some() {
            let text = "A compaction is already in progress. Wait for it to finish, or abort it.";
            return reply(Err(CommandError::failed(text)));
        }
        self.compactions.waiting = Some((params, reply));
        if self.run.is_idle() {
            self.start_waiting_compaction();
        } else {
            self.cancel_run();
        }
    }

    /// Starts the compaction that waited for the run to stop, if there is one.
    pub(super) fn start_waiting_compaction(&mut self) {
        let Some((params, reply)) = self.compactions.waiting.take() else { return };
        let reason = CompactionReason::Manual;
        self.publish_start(reason);
        let planned = match &self.model {
            None => Err("No model selected".to_owned()),
            Some(model) if !self.models.has_auth(model) => Err(format!("No API key for {}", model.provider)),
            Some(model) => self.plan(self.limits(model), None).map_err(|it| it.to_string()),
        };
        match planned {
            Ok(plan) => {
                self.begin(plan, reason, None, params.custom_instructions.as_deref(), Next::Answer(reply));
            }
            Err(text) => {
                self.publish_end(reason, &Err(Failure::Failed(text.clone())), false);
                reply(Err(CommandError::failed(text)));
            }
        }
    }

    /// Gives up a compaction that still waits for the run to stop.
    pub(super) fn drop_waiting_compaction(&mut self) {
        if let Some((_, reply)) = self.compactions.waiting.take() {
            reply(Err(CommandError::failed(CANCELLED)));
        }
    }

    /// Whether a compaction runs that a client asked for.
    pub(super) fn is_compacting_by_hand(&self) -> bool {
        self.compactions.job.as_ref().is_some_and(|it| it.reason == CompactionReason::Manual)
    }

    /// What was sent and waits is said once the compaction is over, if one runs that a client asked for.
    pub(super) fn say_after_compaction(&mut self) {
        self.compactions.sent_meanwhile |= self.is_compacting_by_hand();
    }

    /// Whether any compaction runs.
    pub(super) fn is_compacting(&self) -> bool {
        self.compactions.job.is_some()
    }

    /// Takes note of a message: after progress an overflow may be recovered from again.
    pub(super) fn note_progress(&mut self, message: &AgentMessage) {
        let progress = match message {
            AgentMessage::User(_) => true,
            AgentMessage::Assistant(it) => matches!(it.stop_reason, StopReason::Stop | StopReason::ToolUse),
            _ => false,
        };
        if progress {
            self.compactions.recovered = false;
        }
    }

    /// Says these prompts, after making room for them if there is little left.
    pub(super) fn start_prompt(&mut self, prompts: Vec<AgentMessage>) {
        let planned = self.due(true).and_then(|due| {
            let (reason, omit) = match due {
                Due::Threshold => (CompactionReason::Threshold, None),
                Due::Overflow { omit, .. } => (CompactionReason::Overflow, omit),
                Due::Cut { .. } => return None,
            };
            let limits = self.limits(self.model.as_ref()?);
            Some((reason, self.plan(limits, omit.as_deref()).ok()?, omit))
        });
        match planned {
            None => self.start_run(prompts),
            Some((reason, plan, omit)) => {
                self.publish_start(reason);
                self.begin(plan, reason, omit, None, Next::Prompt(prompts));
            }
        }
    }

    /// After a run that nobody stopped: makes room if that is due. `false` if nothing was started.
    pub(super) fn compact_after_run(&mut self, completed: bool) -> bool {
        let (Some(due), Some(model)) = (self.due(false), self.model.clone()) else { return false };
        let limits = self.limits(&model);
        let (reason, omit, next, give_up) = match due {
            Due::Threshold => (CompactionReason::Threshold, None, Next::Rest { completed }, None),
            Due::Overflow { repeat: false, .. } => {
                (CompactionReason::Overflow, None, Next::Rest { completed }, None)
            }
            Due::Overflow { omit, .. } => {
                (CompactionReason::Overflow, omit, Next::Repeat, Some(STILL_TOO_LONG))
            }
            Due::Cut { omit } => (CompactionReason::Overflow, Some(omit), Next::Repeat, Some(STILL_CUT)),
        };
        if let (Some(text), true) = (give_up, self.compactions.recovered) {
            self.publish_end_text(reason, None, false, false, Some(text.to_owned()));
            return false;
        }
        match self.plan(limits, omit.as_deref()) {
            Ok(plan) => {
                self.compactions.recovered |= give_up.is_some();
                self.publish_start(reason);
                self.begin(plan, reason, omit, None, next);
                true
            }
            Err(nothing) => {
                // Asked again, the model would meet the same answer: it leaves the context without a summary.
                if let Some(answer) = &omit {
                    self.omit(answer);
                    self.messages = self.tree.context().messages;
                }
                if give_up == Some(STILL_TOO_LONG) {
                    self.publish_start(reason);
                    self.publish_end(reason, &Err(Failure::Failed(nothing.to_string())), false);
                }
                false
            }
        }
    }

    /// Between two turns of a run: makes room if there is little left, then lets the run go on.
    pub(super) fn make_room_in_run(&mut self, reply: oneshot::Sender<()>) {
        let RunState::Running { run, cancel } = &self.run else { return };
        let (run, cancel) = (*run, cancel.clone());
        let planned = self.due(false).filter(|_| !cancel.is_cancelled()).and_then(|due| match due {
            // The answer has calls with results, so it stays, whatever it says of the length.
            Due::Threshold | Due::Overflow { .. } => self.plan(self.limits(self.model.as_ref()?), None).ok(),
            Due::Cut { .. } => None,
        });
        match planned {
            None => {
                let _run_gone = reply.send(());
            }
            Some(plan) => {
                let reason = CompactionReason::Threshold;
                self.publish_start(reason);
                self.begin(plan, reason, None, None, Next::GoOn { run, cancel, reply });
            }
        }
    }

    /// Whether the last answer says that the context is too long, or nearly.
    fn due(&self, before_prompt: bool) -> Option<Due> {
        let settings = self.settings.current();
        let model = self.model.as_deref().filter(|_| settings.auto_compaction)?;
        let view = self.tree.view();
        // An answer from before the last compaction says nothing about the context after it.
        let (step, answer) = view.steps[view.fresh..]
            .iter()
            .rev()
            .find_map(|it| Some((it, it.message.as_deref()?.as_assistant()?)))?;
        if answer.stop_reason == StopReason::Aborted && !before_prompt {
            return None;
        }
        if answer.provider == model.provider && answer.model == model.id {
            if retry::is_context_overflow(answer, model) {
                let repeat = answer.stop_reason != StopReason::Stop;
                return Some(Due::Overflow { omit: repeat.then(|| step.id.to_owned()), repeat });
            }
            // Before a prompt the user has seen the cut answer and talks about it: it stays.
            let cut = retry::is_recoverable_truncation(answer, model);
            if cut && !before_prompt && answer.tool_calls().next().is_none() {
                return Some(Due::Cut { omit: step.id.to_owned() });
            }
        }
        let limit = model.context_window.checked_sub(self.limits(model).reserve_tokens)?;
        let full = model.context_window > 0 && estimate::context_tokens(&view)? > limit;
        full.then_some(Due::Threshold)
    }

    fn limits(&self, model: &Model) -> CompactionLimits {
        self.settings.current().compaction.of(model)
    }

    fn plan(&self, limits: CompactionLimits, omit: Option<&str>) -> Result<Plan, Nothing> {
        plan(&self.tree.view(), limits.keep_recent_tokens, omit)
    }

    /// Lets the model write the summary.
    fn begin(
        &mut self,
        plan: Plan,
        reason: CompactionReason,
        omit: Option<String>,
        custom: Option<&str>,
        next: Next,
    ) {
        let Some(model) = self.model.clone() else { return };
        let reserve = self.limits(&model).reserve_tokens;
        let text = |messages: &[StoredMessage], max_tokens: u64| {
            let room = model
                .context_window
                .saturating_sub(max_tokens + OVERHEAD_TOKENS.min(model.context_window / 4));
            // Without a known window the conversation is sent whole.
            let chars =
                if model.context_window == 0 { u64::MAX } else { room.saturating_mul(SAFE_CHARS_PER_TOKEN) };
            transcript::transcript(messages, usize::try_from(chars).unwrap_or(usize::MAX))
        };
        let history_tokens = output_limit(&model, reserve / 10 * 8 + reserve % 10 * 8 / 10);
        let prefix_tokens = output_limit(&model, reserve / 2);
        let history = (!plan.history.is_empty()).then(|| {
            let conversation = text(&plan.history, history_tokens);
            self.ask_for(
                &model,
                prompt::history(&conversation, plan.previous.as_deref(), custom),
                history_tokens,
            )
        });
        let turn_prefix = (!plan.turn_prefix.is_empty()).then(|| {
            let conversation = text(&plan.turn_prefix, prefix_tokens);
            self.ask_for(&model, prompt::turn_prefix(&conversation), prefix_tokens)
        });
        let cancel = CancellationToken::new();
        let summariser = Summariser {
            provider: self.provider.clone(),
            retry: self.settings.current().retry,
            reason,
            cancel: cancel.clone(),
            reports: self.compactions.reports.clone(),
        };
        tokio::spawn(summariser.run(history, plan.previous, turn_prefix));
        self.run = RunState::Compacting { cancel };
        let Plan { first_kept, files, tokens_before, .. } = plan;
        self.compactions.job = Some(Job { reason, first_kept, files, tokens_before, omit, next });
    }

    fn ask_for(&self, model: &Arc<Model>, text: String, max_tokens: u64) -> ModelRequest {
        let message = crate::queue::user_message(text, Vec::new());
        ModelRequest {
            model: model.clone(),
            system_prompt: prompt::SYSTEM.into(),
            messages: vec![Arc::new(message)],
            tools: Arc::new([]),
            thinking: self.thinking,
            thinking_budgets: self.settings.current().thinking_budgets,
            max_tokens: Some(max_tokens),
            session_id: self.id.clone(),
            block_images: true,
        }
    }

    /// Serves what the task that gets the summary reports.
    pub(super) fn compaction_message(&mut self, report: Report) {
        match report {
            Report::Event(event) => self.bus.publish(event),
            Report::Done(outcome) => self.compaction_done(outcome),
        }
    }

    /// The summary is there, or will not come.
    fn compaction_done(&mut self, outcome: Outcome) {
        let Some(job) = self.compactions.job.take() else { return };
        // A stop that came while the summary was on its way counts.
        let stopped = matches!(&self.run, RunState::Compacting { cancel } if cancel.is_cancelled());
        let result = match outcome {
            Ok(_) if stopped => Err(Failure::Cancelled),
            Ok(summary) => self.take_summary(&job, summary),
            Err(failure) => Err(failure),
        };
        let repeat = matches!(job.next, Next::Repeat) && result.is_ok();
        self.publish_end(job.reason, &result, repeat);
        match job.next {
            Next::Answer(reply) => {
                self.rest();
                reply(result.map_err(|it| match it {
                    Failure::Cancelled => CommandError::failed(CANCELLED),
                    Failure::Failed(text) => CommandError::failed(text),
                }));
                let sent = std::mem::take(&mut self.compactions.sent_meanwhile);
                match sent && !stopped {
                    true => self.deliver_as_prompt(),
                    false => self.hold_queues(),
                }
                if self.run.is_idle() {
                    self.answer_waiters();
                }
            }
            Next::Repeat if repeat => self.start_run(Vec::new()),
            Next::Repeat => self.settle(),
            Next::Rest { completed } => self.deliver_or_settle(completed && !stopped),
            Next::GoOn { run, cancel, reply } => {
                if stopped {
                    cancel.cancel();
                }
                self.run = RunState::Running { run, cancel };
                let _run_gone = reply.send(());
            }
            Next::Prompt(prompts) => {
                self.start_run(prompts);
                if stopped {
                    // The prompt was accepted, so it is said; the model is not asked.
                    self.cancel_run();
                }
            }
        }
    }

    /// Puts the summary in the place of what it sums up.
    fn take_summary(&mut self, job: &Job, summary: Summary) -> Result<CompactionResult, Failure> {
        if !self.tree.path().iter().any(|it| it.base.id == job.first_kept) {
            return Err(Failure::Failed("the session went to another branch meanwhile".to_owned()));
        }
        if let Some(id) = &job.omit {
            self.omit(id);
        }
        let text =
            prompt::join(summary.history.as_deref(), summary.turn_prefix.as_deref(), &job.files.text());
        let details = Some(job.files.details());
        self.append(EntryKind::Compaction {
            summary: text.clone(),
            first_kept_entry_id: job.first_kept.clone(),
            tokens_before: job.tokens_before,
            details: details.clone(),
            usage: summary.usage.clone(),
            from_hook: Some(false),
        });
        self.messages = self.tree.context().messages;
        self.reach_milestone();
        let messages: u64 = self.messages.iter().map(|it| estimate::estimate(it)).sum();
        Ok(CompactionResult {
            summary: text,
            first_kept_entry_id: job.first_kept.clone(),
            tokens_before: job.tokens_before,
            estimated_tokens_after: Some(messages + estimate::tokens(self.system_prompt.chars().count())),
            usage: summary.usage,
            details,
        })
    }

    /// Takes the message of an entry out of the context for good; the entry stays (Pi 0.87).
    pub(super) fn omit(&mut self, entry: &str) {
        self.append(EntryKind::Other(Map::from_iter([
            ("type".to_owned(), "context_edit".into()),
            ("targetId".to_owned(), entry.into()),
            ("replacement".to_owned(), Value::Null),
        ])));
    }

    /// Takes the last answer out of the context.
    pub(super) fn omit_last_answer(&mut self) {
        let is_answer = |it: &&Step<'_>| it.message.as_deref().is_some_and(|it| it.as_assistant().is_some());
        let last = self.tree.view().steps.iter().rev().find(is_answer).map(|it| it.id.to_owned());
        if let Some(id) = last {
            self.omit(&id);
            self.messages = self.tree.context().messages;
            self.reach_milestone();
        }
    }

    fn publish_start(&mut self, reason: CompactionReason) {
        self.bus.publish(AgentEvent::CompactionStart { reason });
        if reason != CompactionReason::Manual {
            self.bus.publish(AgentEvent::AutoCompactionStart { reason });
        }
    }

    fn publish_end(
        &mut self,
        reason: CompactionReason,
        result: &Result<CompactionResult, Failure>,
        will_retry: bool,
    ) {
        let (result, aborted, error) = match result {
            Ok(result) => (Some(result.clone()), false, None),
            Err(Failure::Cancelled) => (None, true, None),
            Err(Failure::Failed(text)) => {
                let what = match reason {
                    CompactionReason::Manual => "Compaction failed",
                    CompactionReason::Threshold => "Auto-compaction failed",
                    CompactionReason::Overflow => "Context overflow recovery failed",
                };
                (None, false, Some(format!("{what}: {text}")))
            }
        };
        self.publish_end_text(reason, result, aborted, will_retry, error);
    }

    fn publish_end_text(
        &mut self,
        reason: CompactionReason,
        result: Option<CompactionResult>,
        aborted: bool,
        will_retry: bool,
        error_message: Option<String>,
    ) {
        self.bus.publish(AgentEvent::CompactionEnd {
            reason,
            result: result.clone(),
            aborted,
            will_retry,
            error_message: error_message.clone(),
        });
        if reason != CompactionReason::Manual {
            self.bus.publish(AgentEvent::AutoCompactionEnd { result, aborted, will_retry, error_message });
        }
    }
}

/// What a summary may have, but no more than the model can write.
fn output_limit(model: &Model, tokens: u64) -> u64 {
    let most = if model.max_tokens == 0 { u64::MAX } else { model.max_tokens };
    tokens.clamp(1, most)
}
