//! The actor: one task per session, the only one that changes its tree, queues and run state.
//!
//! It serves commands and what its run and its shell commands report, one at a time, and never waits for any of
//! them. [`super::run`] has the life of a run, [`super::queues`] the messages that wait, [`super::bash`] the user's
//! shell commands, [`super::stats`] the sums, [`super::history`] the tree, [`super::models`] the choice of the next
//! model.

use std::{collections::BTreeMap, sync::Arc};

use pi_protocol::{entry::EntryKind, event::NoticeLevel, *};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    attach::Milestone,
    bash::BashDone,
    compact::Compactions,
    handle::{Command, CommandResult, FindModel, ModelSearch, Reply, SandboxInForce, SessionOptions},
    questions::Questions,
    run::RunState,
    stats,
};
use crate::{
    bus::EventBus,
    calls::Calls,
    clock,
    ports::{
        Expander, Models, Permissions, Provider, ScopedModel, SessionStore, SettingChange, Settings, Shell,
        Tool, ToolSpec,
    },
    queue::Queues,
    thinking,
    tree::SessionTree,
    turn::RunMessage,
};

/// Text of a prompt without a model; the first line is Pi's.
const NO_MODEL: &str = "No model selected.\n\nSet an API key in the environment, start a local OpenAI-compatible \
    server, or add a provider to models.json; `pi doctor` says what was found.\n\nThen choose it with --model or set_model.";

/// A name as it is kept: one line, trimmed.
///
/// # Errors
/// Nothing is left.
pub fn session_name(name: &str) -> CommandResult<String> {
    let name = name.split(['\r', '\n']).filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ");
    match name.trim() {
        "" => Err(CommandError::invalid("Session name cannot be empty")),
        name => Ok(name.to_owned()),
    }
}

/// The command that waits for a model, once it was looked for.
async fn searched(behind: &mut Option<(Command, ModelSearch)>) -> Option<(Command, Option<ScopedModel>)> {
    let found = behind.as_mut()?.1.as_mut().await;
    Some((behind.take()?.0, found))
}

/// All state of one session.
pub struct SessionActor {
    pub(super) id: Arc<str>,
    pub(super) tree: SessionTree,
    store: Box<dyn SessionStore>,
    store_failed: bool,
    pub(super) bus: EventBus,
    pub(super) models: Arc<dyn Models>,
    find_model: FindModel,
    pub(super) provider: Arc<dyn Provider>,
    /// Its working directory, as clients see it.
    pub(super) folder: String,
    pub(super) tools: Arc<[Arc<dyn Tool>]>,
    pub(super) tool_specs: Arc<[ToolSpec]>,
    pub(super) shell: Arc<dyn Shell>,
    pub(super) settings: Arc<dyn Settings>,
    pub(super) expander: Arc<dyn Expander>,
    pub(super) permissions: Arc<dyn Permissions>,
    pub(super) questions: Questions,
    pub(super) system_prompt: Arc<str>,
    sandbox: SandboxInForce,
    /// Until somebody watches.
    notices: Vec<String>,
    pub(super) model: Option<Arc<Model>>,
    pub(super) scope: Vec<ScopedModel>,
    pub(super) thinking: ThinkingLevel,
    /// The context, oldest first.
    pub(super) messages: Vec<StoredMessage>,
    pub(super) queues: Queues,
    /// Messages that wait when a run is stopped or fails are held.
    pub(super) hold_after_stop: bool,
    /// Turns begun so far: the number of the last one.
    pub(super) turn_count: u64,
    /// When this life of the session began, in Unix milliseconds: its events are numbered anew in each.
    pub(super) epoch: u64,
    pub(super) milestone: Milestone,
    pub(super) run: RunState,
    pub(super) run_count: u64,
    pub(super) retry_attempt: u32,
    pub(super) runs: mpsc::UnboundedSender<(u64, RunMessage)>,
    run_inbox: Option<mpsc::UnboundedReceiver<(u64, RunMessage)>>,
    /// Calls of the run in progress.
    pub(super) calls: Calls,
    pub(super) bashes: BTreeMap<u64, CancellationToken>,
    pub(super) bash_count: u64,
    pub(super) bash_results: mpsc::UnboundedSender<BashDone>,
    bash_inbox: Option<mpsc::UnboundedReceiver<BashDone>>,
    /// Records of shell commands that ended during a run.
    pub(super) deferred: Vec<AgentMessage>,
    /// What the model is told with the next request of the run in progress.
    pub(super) remarks: Vec<String>,
    pub(super) compactions: Compactions,
    pub(super) abort_waiters: Vec<Reply<Empty>>,
    pub(super) settle_waiters: Vec<Reply<Empty>>,
    closing: Option<Reply<Empty>>,
}

impl SessionActor {
    /// From its parts.
    pub fn new(id: Arc<str>, options: SessionOptions) -> Self {
        let is_new = options.entries.is_empty();
        let tree = SessionTree::new(options.entries);
        let context = tree.context();
        let model = options
            .model
            .or_else(|| {
                let (provider, model) = context.model.as_ref()?;
                options.models.find(provider, model).filter(|it| options.models.has_auth(it))
            })
            .or(options.default_model);
        let wanted = options
            .thinking
            .or(context.thinking)
            .unwrap_or_else(|| options.settings.current().default_thinking_level);
        let thinking = model.as_ref().map_or(wanted, |it| thinking::clamp(it, wanted));
        let tool_specs: Arc<[ToolSpec]> = options.tools.iter().map(|it| it.spec().clone()).collect();
        let (runs, run_inbox) = mpsc::unbounded_channel();
        let (bash_results, bash_inbox) = mpsc::unbounded_channel();
        let mut actor = Self {
            bus: EventBus::new(id.clone()),
            id,
            folder: options.header.cwd,
            tree,
            store: options.store,
            store_failed: false,
            models: options.models,
            find_model: options.find_model,
            provider: options.provider,
            tools: options.tools.into(),
            tool_specs,
            shell: options.shell,
            settings: options.settings,
            expander: options.expander,
            permissions: options.permissions,
            questions: Questions::default(),
            system_prompt: options.system_prompt,
            sandbox: options.sandbox,
            notices: options.notices,
            model: None,
            scope: options.scope,
            thinking,
            messages: context.messages,
            queues: Queues::default(),
            hold_after_stop: false,
            turn_count: 0,
            epoch: clock::now_ms(),
            milestone: Milestone::default(),
            run: RunState::Idle,
            run_count: 0,
            retry_attempt: 0,
            runs,
            run_inbox: Some(run_inbox),
            calls: Calls::default(),
            bashes: BTreeMap::new(),
            bash_count: 0,
            bash_results,
            bash_inbox: Some(bash_inbox),
            deferred: Vec::new(),
            remarks: Vec::new(),
            compactions: Compactions::default(),
            abort_waiters: Vec::new(),
            settle_waiters: Vec::new(),
            closing: None,
        };
        if let Some(model) = model {
            if context.model != Some((model.provider.clone(), model.id.clone())) {
                actor.record_model(&model);
            }
            actor.model = Some(model);
        }
        if is_new || context.thinking != Some(thinking) {
            actor.append(EntryKind::ThinkingLevelChange { thinking_level: thinking.to_string() });
        }
        actor
    }

    /// Serves commands until the session is closed or the last handle is gone; then stops what still runs.
    pub async fn serve(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let (Some(mut run_inbox), Some(mut bash_inbox), Some(mut compactions), Some(mut given_up)) = (
            self.run_inbox.take(),
            self.bash_inbox.take(),
            self.take_compactions(),
            self.questions.take_given_up(),
        ) else {
            return;
        };
        let mut open = true;
        // A command that needs a model, while one is looked for. What comes after it waits.
        let mut behind: Option<(Command, ModelSearch)> = None;
        loop {
            if !open && self.run.is_idle() && self.bashes.is_empty() {
                break;
            }
            let backoff = self.run.backoff_until();
            tokio::select! {
                command = commands.recv(), if open && behind.is_none() => match command {
                    Some(Command::Close(reply)) => {
                        self.closing = Some(reply);
                        open = false;
                        self.stop_everything();
                    }
                    Some(command) if self.lacks_model(&command) => {
                        behind = Some((command, (self.find_model)()));
                    }
                    Some(command) => self.command(command),
                    None => {
                        open = false;
                        self.stop_everything();
                    }
                },
                Some((command, found)) = searched(&mut behind) => {
                    if let Some(found) = found {
                        self.choose_model(&found);
                    }
                    self.command(command);
                }
                Some((run, message)) = run_inbox.recv() => self.run_message(run, message),
                Some(done) = bash_inbox.recv() => self.bash_message(done),
                Some(report) = compactions.recv() => self.compaction_message(report),
                Some(id) = given_up.recv() => self.give_up_question(&id),
                () = tokio::time::sleep_until(backoff.unwrap_or_else(tokio::time::Instant::now)),
                    if backoff.is_some() => self.retry_now(),
            }
        }
        let closing = self.closing.take();
        // The file is free before anyone hears that the session is over.
        drop(self);
        if let Some(reply) = closing {
            reply(Ok(Empty {}));
        }
    }

    fn stop_everything(&mut self) {
        self.drop_waiting_compaction();
        self.cancel_run();
        self.give_up_all_questions();
        for cancel in self.bashes.values() {
            cancel.cancel();
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Prompt(params, reply) => self.prompt(params, reply),
            Command::Steer(params, reply) => self.queue(QueueKind::Steer, params, reply),
            Command::FollowUp(params, reply) => self.queue(QueueKind::FollowUp, params, reply),
            Command::QueueList(reply) => reply(Ok(self.queue_items())),
            Command::QueueEdit(params, reply) => reply(self.queue_edit(params)),
            Command::QueueDelete(id, reply) => reply(self.queue_delete(id)),
            Command::QueueReorder(ids, reply) => reply(self.queue_reorder(&ids)),
            Command::QueueSend(id, reply) => self.queue_send(id, reply),
            Command::HoldAfterStop => self.hold_after_stop = true,
            Command::Abort(reply) => self.abort(reply),
            Command::AbortRetry(reply) => {
                self.cancel_backoff();
                reply(Ok(Empty {}));
            }
            Command::RetryNow(reply) => reply(self.retry_at_once()),
            Command::SkipTool(id, reply) => reply(self.skip_tool(&id)),
            Command::ClearQueue(reply) => {
                let (steering, follow_up) = self.queues.clear();
                self.publish_queues();
                reply(Ok(ClearedQueue { steering, follow_up }));
            }
            Command::GetState(reply) => reply(Ok(self.state())),
            Command::GetMessages(reply) => reply(Ok(Messages { messages: self.messages.clone() })),
            Command::SetModel(params, reply) => reply(self.set_model(&params)),
            Command::CycleModel(reply) => reply(Ok(self.cycle_model())),
            Command::GetAvailableModels(reply) => reply(Ok(AvailableModels {
                models: self.models.available().iter().map(|it| (**it).clone()).collect(),
            })),
            Command::SetThinkingLevel(level, reply) => {
                self.set_thinking(level);
                reply(Ok(Empty {}));
            }
            Command::CycleThinkingLevel(reply) => {
                let next = self.model.as_ref().and_then(|it| thinking::next(it, self.thinking));
                if let Some(level) = next {
                    self.set_thinking(level);
                }
                reply(Ok(next.map(|level| LevelResult { level })));
            }
            Command::GetAvailableThinkingLevels(reply) => {
                let levels = self.model.as_ref().map_or(vec![ThinkingLevel::Off], |it| thinking::levels(it));
                reply(Ok(ThinkingLevels { levels }));
            }
            Command::SetSteeringMode(mode, reply) => self.change(SettingChange::SteeringMode(mode), reply),
            Command::SetFollowUpMode(mode, reply) => self.change(SettingChange::FollowUpMode(mode), reply),
            Command::SetAutoRetry(on, reply) => self.change(SettingChange::RetryEnabled(on), reply),
            Command::SetAutoCompaction(on, reply) => self.change(SettingChange::CompactionEnabled(on), reply),
            Command::Compact(params, reply) => self.compact(params, reply),
            Command::Bash(params, request_id, reply) => self.bash(params, request_id, reply),
            Command::AbortBash(reply) => {
                for cancel in self.bashes.values() {
                    cancel.cancel();
                }
                reply(Ok(Empty {}));
            }
            Command::GetSessionStats(reply) => {
                let model = self.model.as_deref();
                let mut stats = stats::collect(&self.tree, model);
                stats.session_file = self.store.file();
                stats.session_id = self.id.to_string();
                reply(Ok(stats));
            }
            Command::GetLastAssistantText(reply) => {
                reply(Ok(LastAssistantText { text: stats::last_assistant_text(&self.messages) }));
            }
            Command::SetSessionName(name, reply) => reply(self.set_name(&name)),
            Command::GetForkMessages(reply) => reply(Ok(self.fork_messages())),
            Command::GetEntries(since, reply) => reply(self.entries_since(since.as_deref())),
            Command::GetTree(reply) => reply(self.tree_of_entries()),
            Command::NavigateTree(target, reply) => reply(self.navigate(&target)),
            Command::Branch(point, reply) => reply(self.branch(&point)),
            Command::GetCommands(reply) => reply(Ok(Commands { commands: self.expander.commands() })),
            Command::Subscribe(queue, reply) => {
                self.bus.subscribe(queue);
                reply(Ok(self.bus.seq()));
                self.give_notice();
            }
            Command::Attach(queue, params, reply) => {
                self.attach(&queue, &params, reply);
                self.give_notice();
            }
            Command::Follow(queue, reply) => {
                self.follow(&queue, reply);
                self.give_notice();
            }
            Command::Unsubscribe(queue) => {
                self.bus.unsubscribe(&queue);
                self.check_surface();
            }
            Command::AnswerPermission(params, reply) => reply(self.answer_permission(params)),
            Command::SetReviewMode(mode, reply) => {
                self.set_review_mode(mode);
                reply(Ok(Empty {}));
            }
            Command::SetPermissionMode(mode, reply) => {
                self.set_permission_mode(mode);
                reply(Ok(Empty {}));
            }
            Command::AskUi(request, cancel, reply) => self.ask_ui(*request, cancel, reply),
            Command::AnswerUi(response) => self.answer_ui(&response),
            Command::Publish(event) => self.bus.publish(event),
            Command::Remark(text) => self.remark(text),
            Command::WhenSettled(reply) => {
                if self.run.is_idle() {
                    reply(Ok(Empty {}));
                } else {
                    self.settle_waiters.push(reply);
                }
            }
            // Handled by the caller, which ends the loop.
            Command::Close(reply) => reply(Ok(Empty {})),
        }
    }

    fn prompt(&mut self, params: PromptParams, reply: Reply<PromptAccepted>) {
        let PromptParams { message, appendix, images, streaming_behavior, .. } = params;
        if !self.run.is_idle() {
            let (delivery, kind) = match streaming_behavior {
                None if self.is_compacting_by_hand() => {
                    return reply(Err(CommandError::failed(
                        "Cannot submit a prompt while compaction is in progress. Wait for compaction to finish and \
                         retry.",
                    )));
                }
                None => {
                    return reply(Err(CommandError::failed(
                        "Agent is already processing. Specify streamingBehavior ('steer' or 'followUp') to queue \
                         the message.",
                    )));
                }
                Some(StreamingBehavior::Steer) => (Delivery::Steering, QueueKind::Steer),
                Some(StreamingBehavior::FollowUp) => (Delivery::FollowUp, QueueKind::FollowUp),
            };
            let id = self.enqueue(kind, message, appendix, images);
            self.say_after_compaction();
            return reply(Ok(self.accepted(delivery, Some(id))));
        }
        if let Err(error) = self.may_prompt() {
            return reply(Err(error));
        }
        self.begin_turn();
        let text = self.expand(message, &appendix);
        self.flush_deferred();
        reply(Ok(self.accepted(Delivery::Started, None)));
        self.start_prompt(vec![crate::queue::user_message(text, images)]);
    }

    /// Whether there is a model that can be asked.
    pub(super) fn may_prompt(&self) -> CommandResult<()> {
        let Some(model) = &self.model else {
            return Err(CommandError::failed(NO_MODEL));
        };
        if !self.models.has_auth(model) {
            let provider = &model.provider;
            return Err(CommandError::failed(format!(
                "No API key found for {provider}.\n\nSet its key in the environment, in auth.json or in models.json, or \
                 start pi with --api-key; `pi doctor` says what was found."
            )));
        }
        Ok(())
    }

    pub(super) fn state(&self) -> SessionState {
        let settings = self.settings.current();
        SessionState {
            model: self.model.as_deref().cloned(),
            thinking_level: self.thinking,
            is_streaming: !self.run.is_idle() && !self.is_compacting_by_hand(),
            is_compacting: self.is_compacting(),
            steering_mode: settings.steering_mode,
            follow_up_mode: settings.follow_up_mode,
            session_file: self.store.file(),
            session_id: self.id.to_string(),
            session_name: self.tree.name(),
            auto_compaction_enabled: settings.auto_compaction,
            auto_retry_enabled: settings.retry.enabled,
            message_count: self.messages.len(),
            pending_message_count: self.queues.len(),
            permission_mode: self.permissions.mode(),
            review_mode: self.permissions.review(),
            pending_permissions: self.questions.permissions().cloned().collect(),
            pending_questions: self.questions.ui().cloned().collect(),
            sandbox: (self.sandbox)(),
        }
    }

    fn set_model(&mut self, params: &SetModelParams) -> CommandResult<Model> {
        let key = format!("{}/{}", params.provider, params.model_id);
        let model = self
            .models
            .find(&params.provider, &params.model_id)
            .ok_or_else(|| CommandError::failed(format!("Model not found: {key}")))?;
        if !self.models.has_auth(&model) {
            return Err(CommandError::failed(format!("No API key for {key}")));
        }
        self.record_model(&model);
        self.model = Some(model.clone());
        self.set_thinking(self.thinking);
        Ok((*model).clone())
    }

    pub(super) fn record_model(&mut self, model: &Model) {
        self.append(EntryKind::ModelChange { provider: model.provider.clone(), model_id: model.id.clone() });
    }

    pub(super) fn set_thinking(&mut self, wanted: ThinkingLevel) {
        let level = self.model.as_ref().map_or(wanted, |it| thinking::clamp(it, wanted));
        if level != self.thinking {
            self.thinking = level;
            self.append(EntryKind::ThinkingLevelChange { thinking_level: level.to_string() });
            self.bus.publish(AgentEvent::ThinkingLevelChanged { level });
        }
    }

    fn change(&mut self, change: SettingChange, reply: Reply<Empty>) {
        if let Err(error) = self.settings.change(change) {
            // It holds for this process; only keeping it failed.
            self.notice(NoticeLevel::Warning, error);
        }
        reply(Ok(Empty {}));
    }

    fn set_name(&mut self, name: &str) -> CommandResult<Empty> {
        let name = session_name(name)?;
        self.append(EntryKind::SessionInfo { name: Some(name.clone()) });
        self.bus.publish(AgentEvent::SessionInfoChanged { name: Some(name) });
        Ok(Empty {})
    }

    pub(super) fn notice(&mut self, level: NoticeLevel, message: impl Into<String>) {
        self.bus.publish(AgentEvent::Notice { level, message: message.into() });
    }

    /// Tells whoever watches first what is wrong since the beginning.
    fn give_notice(&mut self) {
        for notice in std::mem::take(&mut self.notices) {
            self.notice(NoticeLevel::Warning, notice);
        }
    }

    /// Takes a message into the context and the session.
    pub(super) fn remember(&mut self, message: Arc<AgentMessage>) {
        let kind = match &*message {
            AgentMessage::Custom(it) => Some(EntryKind::CustomMessage {
                custom_type: it.custom_type.clone(),
                content: it.content.clone(),
                display: it.display,
                details: it.details.clone(),
            }),
            _ => None,
        };
        let message = StoredMessage::from(message);
        self.messages.push(message.clone());
        self.append(kind.unwrap_or(EntryKind::Message { message }));
    }

    /// Adds an entry. If it cannot be written the user is told once; the store keeps it and tries again.
    pub(super) fn append(&mut self, kind: EntryKind) {
        let entry = self.tree.append(kind);
        match self.store.append(entry) {
            Ok(()) => self.store_failed = false,
            Err(error) => {
                tracing::warn!(session = %self.id, %error, "session entry not written");
                if !std::mem::replace(&mut self.store_failed, true) {
                    let text =
                        format!("{error}. The chat goes on in memory and is written as soon as that works.");
                    self.notice(NoticeLevel::Error, text);
                }
            }
        }
    }

    pub(super) fn flush_deferred(&mut self) {
        for message in std::mem::take(&mut self.deferred) {
            self.remember(Arc::new(message));
        }
    }

    pub(super) fn now(&self) -> u64 {
        clock::now_ms()
    }
}
