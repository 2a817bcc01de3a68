//! One low-level run: ask the model, run the tools it calls, ask again, until nothing is left to do.
//!
//! The loop decides the order of events (spec: rpc.md §12) and nothing else. It owns no state of the session: what
//! it needs it asks the actor for, what happens it reports to the actor, through one channel and therefore in
//! order. Every started message and every started tool call is ended, also after an abort and when a tool or a
//! provider panics.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use pi_protocol::{
    AgentEvent, AgentMessage, AssistantMessage, Content, CustomMessage, MessageContent, Model,
    PermissionMode, PermissionRequest, ReviewMode, StopReason, ToolCall, ToolResult, ToolResultMessage,
    event::{ToolResultTagged, shared},
};
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    builder::MessageFolder,
    calls::Calls,
    clock,
    ports::{
        Access, ModelRequest, PermissionQuery, Permissions, Permit, Provider, ProviderEvent,
        SteeringInterrupt, Tool, ToolContext, ToolError, Verdict,
    },
    queue::Queued,
    validate,
};

/// How long a provider or a tool may take to notice that the run was stopped, before it is dropped.
const ABORT_GRACE: Duration = Duration::from_secs(2);
/// Text of tool calls that a steering message made obsolete (Pi's).
const SKIPPED: &str = "Skipped due to queued user message.";
/// What the model reads of a call that the user has ended, before what the call says itself.
pub const SKIPPED_BY_USER: &str = "The user skipped this call. Go on without its result.";
/// Error text of an aborted answer (Pi's).
pub const ABORTED: &str = "Request was aborted.";

/// What the model reads of an edit that was only shown, before its diff.
const NOT_MADE: &str = "Nothing was changed: the user has set review.mode to \"plan\", so edits are only shown. The file \
    is as it was, and the next edit is made to that. This is what would change:";
/// Bytes of a diff the model reads.
const SHOWN_BYTES: usize = 50 * 1024;

/// Type of the messages that carry notes of tools.
const NOTE: &str = "pi.note";

/// What the loop tells or asks the actor.
#[allow(
    clippy::large_enum_variant,
    reason = "events are most of the traffic: a box would cost an allocation for each"
)]
pub enum RunMessage {
    /// Something happened.
    Event(AgentEvent),
    /// Steering messages to deliver now?
    TakeSteering(oneshot::Sender<Vec<Queued>>),
    /// Follow-ups to deliver now?
    TakeFollowUps(oneshot::Sender<Vec<Queued>>),
    /// Another turn of this run follows: answered when there is room for it in the context.
    MakeRoom(oneshot::Sender<()>),
    /// The request for the next model call.
    NextRequest(oneshot::Sender<NextRequest>),
    /// Answered when everything that was said is in the session's file, or cannot be written there.
    Written(oneshot::Sender<()>),
    /// May this call be run? `Err` is what the model reads instead.
    AskPermission(Box<PermissionRequest>, oneshot::Sender<Result<(), String>>),
    /// The run is over; these messages came out of it. The last message of a run, also after a panic.
    Ended(Vec<Arc<AgentMessage>>),
}

/// What the next model call needs, and what the calls of its answer are recorded with.
pub struct NextRequest {
    /// For the provider.
    pub request: ModelRequest,
    /// Where the session is.
    pub place: TurnPlace,
}

/// Where in the session a turn is.
#[derive(Debug, Clone, Default)]
pub struct TurnPlace {
    /// Entry id of the last message of the user on the branch.
    pub prompt_id: Option<Arc<str>>,
    /// Number of the turn in the session, from 1.
    pub turn: u64,
}

/// What a run needs besides the actor.
pub struct TurnLoop {
    /// Where events and questions go, with the number of the run.
    pub actor: RunLink,
    /// Asks the model.
    pub provider: Arc<dyn Provider>,
    /// The tools.
    pub tools: Arc<[Arc<dyn Tool>]>,
    /// Decides which calls are run.
    pub permissions: Arc<dyn Permissions>,
    /// Stops the run.
    pub cancel: CancellationToken,
    /// Where its calls are ended one by one.
    pub calls: Calls,
    /// What a steering message does to the remaining calls.
    pub interrupt: SteeringInterrupt,
    /// The session.
    pub session_id: Arc<str>,
    /// Messages of this run so far.
    pub messages: Vec<Arc<AgentMessage>>,
    /// The model asked last; it reads the results of the tools.
    pub model: Option<Arc<Model>>,
    /// The turn in progress.
    pub place: TurnPlace,
    /// What the model said last before its calls.
    pub reason: Option<String>,
}

/// The channel from a run to its actor.
#[derive(Clone)]
pub struct RunLink {
    /// Number of the run, so that a late message of an earlier one is recognised.
    pub run: u64,
    /// The actor's inbox for runs.
    pub inbox: mpsc::UnboundedSender<(u64, RunMessage)>,
}

impl RunLink {
    /// Sends; an actor that has gone needs no messages.
    pub fn send(&self, message: RunMessage) {
        let _gone = self.inbox.send((self.run, message));
    }

    fn event(&self, event: AgentEvent) {
        self.send(RunMessage::Event(event));
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> RunMessage) -> Option<T> {
        let (tx, rx) = oneshot::channel();
        self.send(question(tx));
        rx.await.ok()
    }
}

impl TurnLoop {
    /// Runs to the end. `prompts` are said first; without any the run continues from the context.
    pub async fn run(mut self, prompts: Vec<AgentMessage>) {
        let link = self.actor.clone();
        if AssertUnwindSafe(self.turns(prompts)).catch_unwind().await.is_err() {
            tracing::error!(session = %self.session_id, "the turn loop panicked");
            let message = self.failed_message("the run failed inside pi; see the log");
            self.say(AgentMessage::Assistant(message));
        }
        link.send(RunMessage::Ended(self.messages));
    }

    async fn turns(&mut self, prompts: Vec<AgentMessage>) {
        self.actor.event(AgentEvent::AgentStart);
        self.actor.event(AgentEvent::TurnStart);
        for prompt in prompts {
            self.say(prompt);
        }
        let mut pending = self.steering().await;
        let mut first = true;
        loop {
            loop {
                if !std::mem::take(&mut first) {
                    // Nobody answers when the session has ended; that is found out below.
                    let _session_gone = self.actor.ask(RunMessage::MakeRoom).await;
                    if pending.is_empty() {
                        pending = self.steering().await;
                    }
                    self.actor.event(AgentEvent::TurnStart);
                }
                for queued in pending.drain(..) {
                    self.say(queued.into_message());
                }
                self.say_notes().await;
                let answer = self.answer().await;
                if matches!(answer.stop_reason, StopReason::Error | StopReason::Aborted) {
                    self.end_turn(answer, Vec::new());
                    return;
                }
                let called = answer.tool_calls().next().is_some();
                let (results, steering) = self.run_tools(&answer).await;
                self.end_turn(answer, results);
                pending = if steering.is_empty() { self.steering().await } else { steering };
                if !called && pending.is_empty() {
                    break;
                }
            }
            pending = self.actor.ask(RunMessage::TakeFollowUps).await.unwrap_or_default();
            if pending.is_empty() {
                return;
            }
        }
    }

    async fn steering(&self) -> Vec<Queued> {
        self.actor.ask(RunMessage::TakeSteering).await.unwrap_or_default()
    }

    /// Reports a complete message.
    fn say(&mut self, message: AgentMessage) {
        let message = Arc::new(message);
        self.actor.event(AgentEvent::MessageStart { message: message.clone() });
        self.finish_message(message);
    }

    fn finish_message(&mut self, message: Arc<AgentMessage>) {
        self.messages.push(message.clone());
        self.actor.event(AgentEvent::MessageEnd { message });
    }

    fn end_turn(&self, answer: AssistantMessage, results: Vec<ToolResultMessage>) {
        self.actor.event(AgentEvent::TurnEnd {
            message: shared(answer),
            tool_results: results.into_iter().map(ToolResultTagged::ToolResult).collect(),
        });
    }

    fn failed_message(&self, error: &str) -> AssistantMessage {
        let last = self.messages.iter().rev().find_map(|it| it.as_assistant());
        let of = |get: fn(&AssistantMessage) -> &String| last.map(|it| get(it).clone()).unwrap_or_default();
        let mut message = AssistantMessage::empty(
            of(|it| &it.api),
            of(|it| &it.provider),
            of(|it| &it.model),
            clock::now_ms(),
        );
        message.stop_reason = StopReason::Error;
        message.error_message = Some(error.to_owned());
        message
    }

    /// Says what the tools have to tell the model. It becomes a part of the session, so that the model sees the same
    /// text at every request.
    async fn say_notes(&mut self) {
        for tool in self.tools.clone().iter() {
            let note = tokio::select! {
                note = tool.note(&self.session_id) => note,
                () = self.cancel.cancelled() => None,
            };
            let Some(text) = note else { continue };
            self.say(AgentMessage::Custom(CustomMessage {
                custom_type: NOTE.to_owned(),
                content: MessageContent::Text(text),
                display: true,
                details: None,
                timestamp: clock::now_ms(),
            }));
        }
    }

    /// One model call: reports the growing message and returns it complete.
    async fn answer(&mut self) -> AssistantMessage {
        let Some(NextRequest { request, place }) = self.actor.ask(RunMessage::NextRequest).await else {
            return self.failed_message("the session has ended");
        };
        self.place = place;
        let model = request.model.clone();
        self.model = Some(model.clone());
        let empty = || AssistantMessage::empty(&*model.api, &*model.provider, &*model.id, clock::now_ms());
        let mut folder: Option<MessageFolder> = None;
        let ended = if self.cancel.is_cancelled() {
            None
        } else {
            let link = self.actor.clone();
            let mut out = |event: ProviderEvent| match event {
                ProviderEvent::Start(message) => {
                    if folder.is_none() {
                        folder = Some(MessageFolder::new((*message).clone()));
                        link.event(AgentEvent::MessageStart { message: shared(*message) });
                    }
                }
                ProviderEvent::Update { usage, event } => {
                    let folder = folder.get_or_insert_with(|| {
                        link.event(AgentEvent::MessageStart { message: shared(empty()) });
                        MessageFolder::new(empty())
                    });
                    folder.fold(&usage, &event);
                    link.event(AgentEvent::MessageUpdate { usage, assistant_message_event: event });
                }
            };
            let call = self.provider.stream(request, self.cancel.clone(), &mut out);
            tokio::select! {
                ended = AssertUnwindSafe(call).catch_unwind() => Some(ended),
                () = after_grace(&self.cancel) => None,
            }
        };
        let mut so_far = || folder.as_mut().map_or_else(empty, |it| it.message().clone());
        let message = match ended {
            Some(Ok(message)) => message,
            Some(Err(_panic)) => {
                let mut message = so_far();
                message.stop_reason = StopReason::Error;
                message.error_message = Some("the provider failed inside pi; see the log".to_owned());
                message
            }
            None => {
                let mut message = so_far();
                message.stop_reason = StopReason::Aborted;
                message.error_message = Some(ABORTED.to_owned());
                message
            }
        };
        let whole = shared(message.clone());
        if folder.is_none() {
            self.actor.event(AgentEvent::MessageStart { message: whole.clone() });
        }
        self.finish_message(whole);
        message
    }

    /// Runs the calls of one answer. Returns their results in call order, and steering messages that arrived.
    async fn run_tools(&mut self, answer: &AssistantMessage) -> (Vec<ToolResultMessage>, Vec<Queued>) {
        let calls: Vec<ToolCall> = answer.tool_calls().cloned().collect();
        if !calls.is_empty() {
            // What a call changes is recorded with its prompt, so that has to be known after a crash as well.
            let _session_gone = self.actor.ask(RunMessage::Written).await;
        }
        self.reason = last_sentence(&answer.text());
        if answer.stop_reason == StopReason::Length {
            let results = calls.iter().map(|call| {
                let text = format!(
                    "Tool call \"{}\" was not executed: the response hit the output token limit, so its \
                     arguments may be truncated. Re-issue the tool call with complete arguments.",
                    call.name
                );
                self.start_tool(call);
                let (result, failed) = (ToolResult::error(text), true);
                self.end_tool(call, &result, failed);
                tool_message(call, result, failed)
            });
            let results: Vec<_> = results.collect();
            for it in &results {
                self.say(AgentMessage::ToolResult(it.clone()));
            }
            return (results, Vec::new());
        }
        if calls.len() > 1 && calls.iter().all(|it| self.tool(&it.name).is_some_and(|it| it.spec().read_only))
        {
            return (self.run_in_parallel(&calls).await, Vec::new());
        }
        let mut results = Vec::new();
        let mut steering = Vec::new();
        for (at, call) in calls.iter().enumerate() {
            self.start_tool(call);
            let (result, failed) = if steering.is_empty() {
                self.execute(call).await
            } else {
                (ToolResult::error(SKIPPED), true)
            };
            self.end_tool(call, &result, failed);
            let message = tool_message(call, result, failed);
            results.push(message.clone());
            self.say(AgentMessage::ToolResult(message));
            let last = at + 1 == calls.len();
            if !last && steering.is_empty() && self.interrupt == SteeringInterrupt::Skip {
                steering = self.steering().await;
            }
        }
        (results, steering)
    }

    /// Calls that only read: all start at once, end as they finish, and are answered in call order.
    async fn run_in_parallel(&mut self, calls: &[ToolCall]) -> Vec<ToolResultMessage> {
        for call in calls {
            self.start_tool(call);
        }
        let mut results = vec![None; calls.len()];
        {
            let mut running: FuturesUnordered<_> = calls
                .iter()
                .enumerate()
                .map(|(at, call)| self.execute(call).map(move |it| (at, it)))
                .collect();
            while let Some((at, (result, failed))) = running.next().await {
                self.end_tool(&calls[at], &result, failed);
                results[at] = Some(tool_message(&calls[at], result, failed));
            }
        }
        let results: Vec<ToolResultMessage> = results.into_iter().flatten().collect();
        for it in &results {
            self.say(AgentMessage::ToolResult(it.clone()));
        }
        results
    }

    fn tool(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.tools.iter().find(|it| it.spec().name == name)
    }

    fn start_tool(&self, call: &ToolCall) {
        self.actor.event(AgentEvent::ToolExecutionStart {
            tool_call_id: call.id.clone(),
            tool_name: call.name.clone(),
            args: call.arguments.clone(),
        });
    }

    fn end_tool(&self, call: &ToolCall, result: &ToolResult, is_error: bool) {
        self.actor.event(AgentEvent::ToolExecutionEnd {
            tool_call_id: call.id.clone(),
            tool_name: call.name.clone(),
            result: result.clone(),
            is_error,
        });
    }

    /// Runs one call on its own task, so that a panic or a tool that ignores the stop ends only this call.
    async fn execute(&self, call: &ToolCall) -> (ToolResult, bool) {
        let outcome = match self.tool(&call.name) {
            None => Err(ToolError::new(format!("Tool {} not found", call.name))),
            Some(_) if self.cancel.is_cancelled() => Err(ToolError::aborted()),
            Some(tool) => {
                let args = tool.prepare(call.arguments.clone());
                match validate::arguments(&call.name, &tool.spec().parameters, &args) {
                    Err(text) => Err(ToolError::new(text)),
                    Ok(args) => {
                        let permitted = AssertUnwindSafe(self.permitted(tool, call, &args)).catch_unwind();
                        match permitted.await {
                            Ok(Ok(Permitted::Run(terms))) => {
                                self.run_task(tool.clone(), call, args, terms).await
                            }
                            Ok(Ok(Permitted::Shown(result))) => Ok(result),
                            Ok(Err(refused)) => Err(refused),
                            Err(_panic) => Err(panicked(&call.name)),
                        }
                    }
                }
            }
        };
        match outcome {
            Ok(result) => (result, false),
            Err(ToolError { text, details }) => {
                let told = ToolResult::error(text);
                (ToolResult { details: details.or(told.details), content: told.content }, true)
            }
        }
    }

    /// Asks whether the call may be run, and waits for the answer or the end of the run. An edit of a session that only
    /// plans is shown in its place.
    async fn permitted(
        &self,
        tool: &Arc<dyn Tool>,
        call: &ToolCall,
        args: &Map<String, Value>,
    ) -> Result<Permitted, ToolError> {
        // Before what follows from it.
        let mode = self.permissions.mode();
        let (access, review) = (tool.access(args), self.permissions.review());
        let edits = !access.writes.is_empty();
        let query = PermissionQuery {
            call_id: call.id.clone(),
            tool: call.name.clone(),
            read_only: tool.spec().read_only,
            args: args.clone(),
            access: access.clone(),
            mode,
            review,
            reason: self.reason.clone(),
        };
        let shown_diff = self.gate(&self.cancel).pass(query, tool.preview(args)).await?;
        // It may have been changed while the question was open.
        let review = if self.permissions.review() == ReviewMode::Plan { ReviewMode::Plan } else { review };
        if !edits || review != ReviewMode::Plan {
            return Ok(Permitted::Run(Terms { access, mode, review, shown: shown_diff }));
        }
        tokio::select! {
            diff = tool.preview(args) => Ok(Permitted::Shown(shown(diff?.unwrap_or_default()))),
            () = self.cancel.cancelled() => Err(ToolError::aborted()),
        }
    }

    fn gate(&self, cancel: &CancellationToken) -> Gate {
        Gate { permissions: self.permissions.clone(), actor: self.actor.clone(), cancel: cancel.clone() }
    }

    async fn run_task(
        &self,
        tool: Arc<dyn Tool>,
        call: &ToolCall,
        args: Map<String, Value>,
        Terms { access, mode, review, shown }: Terms,
    ) -> Result<ToolResult, ToolError> {
        let running = self.calls.begin(&call.id, &self.cancel);
        // Closed once the call has ended: an update after its end would break the order clients rely on.
        let open = Arc::new(Mutex::new(true));
        let update = {
            let (open, link, call) = (open.clone(), self.actor.clone(), call.clone());
            Arc::new(move |partial_result| {
                let open = open.lock().unwrap_or_else(PoisonError::into_inner);
                if *open {
                    link.event(AgentEvent::ToolExecutionUpdate {
                        tool_call_id: call.id.clone(),
                        tool_name: call.name.clone(),
                        args: call.arguments.clone(),
                        partial_result,
                    });
                }
            })
        };
        let permit: Permit = {
            let gate = self.gate(running.cancel());
            let (call, args, reason) = (call.clone(), args.clone(), self.reason.clone());
            let permissions = self.permissions.clone();
            Arc::new(move |access, diff| {
                let query = PermissionQuery {
                    call_id: call.id.clone(),
                    tool: call.name.clone(),
                    read_only: false,
                    args: args.clone(),
                    access,
                    mode: permissions.mode(),
                    review,
                    reason: reason.clone(),
                };
                let gate = gate.clone();
                async move { gate.pass(query, async { Ok(diff) }).await.map(drop) }.boxed()
            })
        };
        let context = ToolContext {
            access,
            mode,
            review,
            shown,
            permit,
            call_id: call.id.clone(),
            args,
            cancel: running.cancel().clone(),
            update,
            model: self.model.clone(),
            session_id: self.session_id.clone(),
            prompt_id: self.place.prompt_id.clone(),
            turn: self.place.turn,
        };
        let mut task = tokio::spawn(async move { tool.run(context).await });
        let outcome = tokio::select! {
            joined = &mut task => joined.unwrap_or_else(|error| {
                tracing::error!(tool = %call.name, %error, "a tool panicked");
                Err(panicked(&call.name))
            }),
            () = after_grace(running.cancel()) => {
                task.abort();
                Err(ToolError::aborted())
            }
        };
        *open.lock().unwrap_or_else(PoisonError::into_inner) = false;
        // One that ended well in the same moment has its result.
        outcome.map_err(|error| if running.is_skipped() { skipped(error) } else { error })
    }
}

/// The result of a call that the user has ended.
fn skipped(error: ToolError) -> ToolError {
    match error == ToolError::aborted() {
        true => ToolError::new(SKIPPED_BY_USER),
        false => ToolError::new(format!("{SKIPPED_BY_USER}\n\n{error}")),
    }
}

/// What becomes of a call that may be run.
enum Permitted {
    /// It is run.
    Run(Terms),
    /// It was only shown; this is its result.
    Shown(ToolResult),
}

/// What was permitted, under which modes, and with what the user was shown of it.
struct Terms {
    access: Access,
    mode: PermissionMode,
    review: ReviewMode,
    /// The diff that the user has seen with the question.
    shown: Option<String>,
}

/// Where calls of a run are asked about.
#[derive(Clone)]
struct Gate {
    permissions: Arc<dyn Permissions>,
    actor: RunLink,
    cancel: CancellationToken,
}

impl Gate {
    /// Waits for the answer or the end of the run. The diff is only made if there is a question, and given then.
    async fn pass(
        &self,
        query: PermissionQuery,
        diff: impl Future<Output = Result<Option<String>, ToolError>>,
    ) -> Result<Option<String>, ToolError> {
        let verdict = tokio::select! {
            biased;
            verdict = self.permissions.check(query) => verdict,
            // Whatever it takes so long for, the run ends.
            () = self.cancel.cancelled() => return Err(ToolError::aborted()),
        };
        let mut request = match verdict {
            Verdict::Allow => return Ok(None),
            Verdict::Deny(text) => return Err(ToolError::new(text)),
            Verdict::Ask(request) => request,
        };
        let answer = async {
            request.diff = diff.await?;
            let shown = request.diff.clone();
            let (tx, rx) = oneshot::channel();
            self.actor.send(RunMessage::AskPermission(request, tx));
            match rx.await {
                Ok(answer) => answer.map(|()| shown).map_err(ToolError::new),
                Err(_given_up) => Err(ToolError::aborted()),
            }
        };
        tokio::select! {
            // An answer that stops the run counts as the answer.
            biased;
            answer = answer => answer,
            () = self.cancel.cancelled() => Err(ToolError::aborted()),
        }
    }
}

/// The result of an edit that was not made.
fn shown(diff: String) -> ToolResult {
    let mut text = diff.clone();
    if text.len() > SHOWN_BYTES {
        let end = (0..=SHOWN_BYTES).rev().find(|it| text.is_char_boundary(*it)).unwrap_or_default();
        text.truncate(end);
        text.push_str("\n[diff cut here]");
    }
    let details = serde_json::json!({ "planned": true, "patch": diff });
    ToolResult::text(format!("{NOT_MADE}\n\n{text}")).with_details(details)
}

fn panicked(tool: &str) -> ToolError {
    ToolError::new(format!("The tool \"{tool}\" failed inside pi; the run goes on"))
}

/// The last sentence of a text, for a question about what comes next.
fn last_sentence(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).rfind(|it| !it.is_empty())?;
    let body = line.trim_end_matches(['.', ':', '!', '?', '…']);
    let start = body.rmatch_indices([' ']).find(|(at, _)| body[..*at].ends_with(['.', '!', '?']));
    Some(line[start.map_or(0, |(at, _)| at + 1)..].to_owned())
}

async fn after_grace(cancel: &CancellationToken) {
    cancel.cancelled().await;
    tokio::time::sleep(ABORT_GRACE).await;
}

fn tool_message(call: &ToolCall, result: ToolResult, is_error: bool) -> ToolResultMessage {
    let content: Vec<Content> = result.content;
    ToolResultMessage {
        tool_call_id: call.id.clone(),
        tool_name: call.name.clone(),
        content,
        details: result.details,
        is_error,
        timestamp: clock::now_ms(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_sentence_says_why() {
        for (text, expected) in [
            ("", None),
            ("I run the tests.", Some("I run the tests.")),
            ("It ends now. I run the tests to see.", Some("I run the tests to see.")),
            ("First line.\n\nNow the tests:\n", Some("Now the tests:")),
            ("Look at a.rs and b.rs. Then go", Some("Then go")),
        ] {
            assert_eq!(last_sentence(text).as_deref(), expected, "{text:?}");
        }
    }
}
