//! From a parsed request to the session, for every transport alike.
//!
//! Requests of scope `Connection` replace what the connection holds and are therefore its own business; all others
//! come through here. Nothing here waits: the answer is made on the session's task, in its order.

use pi_core::{
    SessionHandle,
    session::{Command, CommandResult, Reply},
};
use pi_protocol::{CommandError, Empty, Request, json};
use serde::Serialize;
use serde_json::Value;

/// The answer to a request: its result as JSON, `None` where there is nothing to report, or why it failed.
pub type Answer = Result<Option<Vec<u8>>, CommandError>;

/// Takes the answer. Called exactly once, on the session's task; must not block.
pub type Answered = Box<dyn FnOnce(Answer) + Send>;

/// Sends `request` to `session`. `id` is the client's id of the request, for events that name it.
pub fn dispatch(session: &SessionHandle, request: Request, id: Option<Value>, answered: Answered) {
    session.send(match request {
        Request::Prompt(it) => Command::Prompt(it, data(answered)),
        Request::Steer(it) => Command::Steer(it, data(answered)),
        Request::FollowUp(it) => Command::FollowUp(it, data(answered)),
        Request::QueueList(_) => Command::QueueList(data(answered)),
        Request::QueueEdit(it) => Command::QueueEdit(it, data(answered)),
        Request::QueueDelete(it) => Command::QueueDelete(it.id, data(answered)),
        Request::QueueReorder(it) => Command::QueueReorder(it.ids, data(answered)),
        Request::QueueSend(it) => Command::QueueSend(it.id, data(answered)),
        Request::Abort(_) => Command::Abort(done(answered)),
        Request::ClearQueue(_) => Command::ClearQueue(data(answered)),
        Request::GetState(_) => Command::GetState(data(answered)),
        Request::GetMessages(_) => Command::GetMessages(data(answered)),
        Request::SetModel(it) => Command::SetModel(it, data(answered)),
        Request::CycleModel(_) => Command::CycleModel(data(answered)),
        Request::GetAvailableModels(_) => Command::GetAvailableModels(data(answered)),
        Request::SetThinkingLevel(it) => Command::SetThinkingLevel(it.level, done(answered)),
        Request::CycleThinkingLevel(_) => Command::CycleThinkingLevel(data(answered)),
        Request::GetAvailableThinkingLevels(_) => Command::GetAvailableThinkingLevels(data(answered)),
        Request::SetSteeringMode(it) => Command::SetSteeringMode(it.mode, done(answered)),
        Request::SetFollowUpMode(it) => Command::SetFollowUpMode(it.mode, done(answered)),
        Request::SetAutoRetry(it) => Command::SetAutoRetry(it.enabled, done(answered)),
        Request::AbortRetry(_) => Command::AbortRetry(done(answered)),
        Request::RetryNow(_) => Command::RetryNow(done(answered)),
        Request::SkipTool(it) => Command::SkipTool(it.tool_call_id, done(answered)),
        Request::SetAutoCompaction(it) => Command::SetAutoCompaction(it.enabled, done(answered)),
        Request::Compact(it) => Command::Compact(it, data(answered)),
        Request::Bash(it) => Command::Bash(it, id, data(answered)),
        Request::AbortBash(_) => Command::AbortBash(done(answered)),
        Request::GetSessionStats(_) => Command::GetSessionStats(data(answered)),
        Request::GetLastAssistantText(_) => Command::GetLastAssistantText(data(answered)),
        Request::SetSessionName(it) => Command::SetSessionName(it.name, done(answered)),
        Request::GetCommands(_) => Command::GetCommands(data(answered)),
        Request::GetForkMessages(_) => Command::GetForkMessages(data(answered)),
        Request::GetEntries(it) => Command::GetEntries(it.since, data(answered)),
        Request::GetTree(_) => Command::GetTree(data(answered)),
        Request::NavigateTree(it) => Command::NavigateTree(it.target_id, data(answered)),
        Request::AnswerPermission(it) => Command::AnswerPermission(it, done(answered)),
        Request::SetReviewMode(it) => Command::SetReviewMode(it.mode, done(answered)),
        Request::SetPermissionMode(it) => Command::SetPermissionMode(it.mode, done(answered)),
        Request::NewSession(_)
        | Request::SwitchSession(_)
        | Request::Fork(_)
        | Request::Clone(_)
        | Request::ExportHtml(_)
        | Request::SessionList(_)
        | Request::SessionSearch(_)
        | Request::SessionRename(_)
        | Request::SessionDelete(_)
        | Request::SessionAdd(_)
        | Request::Demo(_)
        | Request::CheckKey(_)
        | Request::SessionAttach(_)
        | Request::SessionClose(_)
        | Request::Diagnostics(_)
        | Request::Complete(_)
        | Request::GetEdits(_)
        | Request::EditsDiff(_)
        | Request::EditsAccept(_)
        | Request::EditsReject(_)
        | Request::EditsRevert(_)
        | Request::EditsRedo(_)
        | Request::SetOutputMode(_) => {
            let name = request.method().lsp_name();
            return answered(Err(CommandError::internal(format!("{name} belongs to the connection"))));
        }
    });
}

/// A result as JSON.
///
/// # Errors
/// It cannot be serialised, which is our fault.
pub fn encode<T: Serialize>(result: &T) -> Answer {
    json::to_vec(result).map(Some).map_err(|error| CommandError::internal(error.to_string()))
}

fn data<T: Serialize + 'static>(answered: Answered) -> Reply<T> {
    Box::new(move |result: CommandResult<T>| answered(result.and_then(|it| encode(&it))))
}

fn done(answered: Answered) -> Reply<Empty> {
    Box::new(move |result| answered(result.map(|Empty {}| None)))
}
