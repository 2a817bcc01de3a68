//! One answer and out: `-p` prints the last answer, `--mode json` every event as a line of JSON.
//!
//! Exit status: 0 when the last answer came whole, 1 otherwise. A reader that closes its end has had what it
//! wanted, so that is success.

use std::{io, process::ExitCode, sync::Arc};

use anyhow::Context;
use pi_core::{Delivery, EventQueue, SessionHandle, session::Command};
use pi_protocol::{
    AgentEvent, AgentMessage, AssistantMessage, PermissionDecision, PromptParams, StopReason,
    event::NoticeLevel, json,
};
use tokio::io::{AsyncWriteExt, Stdout};

use crate::{compose::UnknownModel, hub::Hub};

/// For people at a command line; the first line is Pi's.
const NO_MODEL: &str = "No model selected.\n\nSet an API key in the environment, start a model server on this \
    machine, or add a provider to models.json; then name a model with --model. `pi doctor` says what was found, \
    `pi demo` needs none.";

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The text of the last answer.
    Text,
    /// The session header, then every event.
    Json,
}

/// Sends the prompts one after another and prints what comes back.
///
/// # Errors
/// The session cannot be opened, or stdout cannot be written (a closed pipe is no error).
pub async fn serve(hub: Arc<Hub>, prompts: Vec<PromptParams>, format: Format) -> anyhow::Result<ExitCode> {
    let session = hub.open_initial(UnknownModel::Fail).await?;
    let mut out = tokio::io::stdout();
    match converse(&hub, &session, prompts, format, &mut out).await {
        Err(Stop::Said(text)) => {
            crate::complain(&text);
            Ok(ExitCode::FAILURE)
        }
        Err(Stop::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(Stop::Write(error)) => Err(error).context("cannot write to stdout"),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

/// Why a conversation ended early.
enum Stop {
    /// For the person on stderr.
    Said(String),
    /// stdout failed.
    Write(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Write(error)
    }
}

async fn converse(
    hub: &Hub,
    session: &SessionHandle,
    prompts: Vec<PromptParams>,
    format: Format,
    out: &mut Stdout,
) -> Result<(), Stop> {
    if session.ask(Command::GetState).await.is_ok_and(|it| it.model.is_none()) {
        return Err(Stop::Said(NO_MODEL.into()));
    }
    let events = EventQueue::new();
    let failed = |error: pi_protocol::CommandError| Stop::Said(error.message);
    session.ask(|reply| Command::Subscribe(events.clone(), reply)).await.map_err(failed)?;
    // Before the model changes anything.
    hub.settled(session.id()).await;
    if format == Format::Json {
        if let Some(header) = hub.header(session.id()) {
            write_line(out, &header).await?;
        }
    }
    let mut last = None;
    let mut unasked = None;
    for prompt in prompts {
        session.ask(|reply| Command::Prompt(prompt, reply)).await.map_err(failed)?;
        let settled = until_settled(&events, format, out).await?;
        last = settled.last;
        unasked = settled.unasked.or(unasked);
    }
    let Some(answer) = last.as_deref().and_then(AgentMessage::as_assistant) else {
        return Err(Stop::Said("the model gave no answer".into()));
    };
    if matches!(answer.stop_reason, StopReason::Error | StopReason::Aborted) {
        return Err(Stop::Said(failure(answer)));
    }
    if format == Format::Text {
        for block in answer.content.iter().filter_map(|it| it.as_text()) {
            out.write_all(block.as_bytes()).await?;
            if !block.ends_with('\n') {
                out.write_all(b"\n").await?;
            }
        }
        out.flush().await?;
    }
    // What the answer says was done may not have been.
    unasked.map_or(Ok(()), |text| Err(Stop::Said(text)))
}

/// What one prompt came to.
#[derive(Default)]
struct Settled {
    /// The last answer.
    last: Option<Arc<AgentMessage>>,
    /// Why a call was not run that needed permission: nobody is here to ask.
    unasked: Option<String>,
}

fn failure(answer: &AssistantMessage) -> String {
    answer.error_message.clone().unwrap_or_else(|| match answer.stop_reason {
        StopReason::Aborted => "the request was aborted".into(),
        _ => "the request failed".into(),
    })
}

/// Follows one prompt to its end.
async fn until_settled(events: &EventQueue, format: Format, out: &mut Stdout) -> Result<Settled, Stop> {
    let mut settled = Settled::default();
    let mut lines = Vec::new();
    loop {
        // What waits is written at once, so that a fast stream costs few writes.
        let next = match events.try_next() {
            Some(it) => Some(it),
            None => {
                out.write_all(&lines).await?;
                out.flush().await?;
                lines.clear();
                events.next().await
            }
        };
        let Some(next) = next else {
            return Err(Stop::Said(match events.overflowed() {
                true => "the output was read too slowly; events were lost".into(),
                false => "the session has ended".into(),
            }));
        };
        let Delivery::Event(envelope) = next else { continue };
        if format == Format::Json {
            push_line(&mut lines, &*envelope.event)?;
        }
        match &*envelope.event {
            AgentEvent::MessageEnd { message } if message.as_assistant().is_some() => {
                settled.last = Some(message.clone());
            }
            AgentEvent::Notice { level, message } if format == Format::Text => match level {
                NoticeLevel::Info => tracing::info!("{message}"),
                NoticeLevel::Warning => tracing::warn!("{message}"),
                NoticeLevel::Error => tracing::error!("{message}"),
            },
            AgentEvent::PermissionResolved {
                decision: PermissionDecision::Unasked,
                message: Some(text),
                ..
            } => settled.unasked = Some(text.clone()),
            AgentEvent::ExtensionError { extension_path, error, .. } if format == Format::Text => {
                tracing::warn!("{extension_path}: {error}");
            }
            AgentEvent::AgentSettled => {
                out.write_all(&lines).await?;
                out.flush().await?;
                return Ok(settled);
            }
            _ => {}
        }
    }
}

fn push_line<T: serde::Serialize>(lines: &mut Vec<u8>, value: &T) -> io::Result<()> {
    json::write(lines, value)?;
    lines.push(b'\n');
    Ok(())
}

async fn write_line<T: serde::Serialize>(out: &mut Stdout, value: &T) -> io::Result<()> {
    let mut line = Vec::new();
    push_line(&mut line, value)?;
    out.write_all(&line).await?;
    out.flush().await
}
