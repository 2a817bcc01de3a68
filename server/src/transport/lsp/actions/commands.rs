//! The commands of `workspace/executeCommand`: one table of names, handlers and help.

use std::sync::Arc;

use lsp_types::Url;
use pi_core::session::Reply;
use pi_protocol::CommandError;
use serde_json::Value;

use super::{ask, demo, hunks, question, session};
use crate::{failure::refusal, transport::lsp::connection::Connection};

/// Runs a command with its arguments; what fails later is told to the user.
type Handler = fn(&Arc<Connection>, &[Value]) -> Result<(), CommandError>;

/// One command.
struct Row {
    name: &'static str,
    run: Handler,
    /// Arguments and effect, in one line.
    help: &'static str,
}

const fn row(name: &'static str, run: Handler, help: &'static str) -> Row {
    Row { name, run, help }
}

/// A new one goes to the end: recordings know the others by their places in what `initialize` answers.
const TABLE: [Row; 42] = [
    row("pi.prompt", ask::prompt, "TEXT: ask; steers while a run is in progress"),
    row("pi.steer", ask::steer, "TEXT: tell a running agent something, now"),
    row("pi.followUp", ask::follow_up, "TEXT: ask something for after the run"),
    row("pi.abort", session::abort, "stop the run"),
    row(
        "pi.openChat",
        session::open_chat,
        "{uri, range} or TEXT: open the chat document; with a place, mention it there, with a text, write it",
    ),
    row("pi.sendChat", session::send_chat, "{uri}: send the prompt of this chat document"),
    row(
        "pi.approve",
        question::approve,
        "[ID] [allow_session | allow_project]: run what waits for permission",
    ),
    row(
        "pi.answer",
        question::answer,
        "[ID] [ANSWER]: answer a question with a choice, its number or a text; without one, in the chat document",
    ),
    row("pi.showQuestion", question::show, "[ID]: show the whole of a question"),
    row("pi.newSession", session::new_session, "begin another chat and open its document; this one goes on"),
    row("pi.keep", hunks::keep, "HUNK: keep a change"),
    row(
        "pi.reject",
        question::reject,
        "[ID] [WHY]: do not run what waits for permission, or give a question no answer; HUNK: take a change out again",
    ),
    row("pi.keepAll", hunks::keep_all, "keep all changes, of the project or of {uri}"),
    row("pi.rejectAll", hunks::reject_all, "take all changes out that wait, of the project or of {uri}"),
    row("pi.revert", hunks::revert, "take out what the last turn changed, or HUNK"),
    row("pi.redo", hunks::redo, "put back what was taken out last, or HUNK"),
    row("pi.why", hunks::why, "HUNK: say why it was made"),
    row("pi.oldText", hunks::old_text, "HUNK: show what was there before"),
    row("pi.nextChange", hunks::next_change, "go to a change that waits"),
    row(
        "pi.diff",
        |it, words| session::verb(it, "diff", words),
        "[HUNK NUMBERS | FILE]: show what waits as a diff",
    ),
    row(
        "pi.model",
        |it, words| session::verb(it, "model", words),
        "[NAME]: change the model; without a name, choose",
    ),
    row(
        "pi.thinking",
        |it, words| session::verb(it, "thinking", words),
        "[LEVEL]: how hard the model thinks; without a level, choose",
    ),
    row(
        "pi.mode",
        |it, words| session::verb(it, "mode", words),
        "[ask | edit | full | plan]: what Pi may do without asking; without a word, choose",
    ),
    row(
        "pi.review",
        |it, words| session::verb(it, "review", words),
        "[apply | ask | plan]: whether edits are made, shown first, or only shown; without a word, choose",
    ),
    row(
        "pi.sessions",
        |it, words| session::verb(it, "sessions", words),
        "[TEXT]: list the chats of this project",
    ),
    row(
        "pi.openSession",
        |it, words| session::verb(it, "open", words),
        "[NUMBER]: open a chat of that list; without a number, choose",
    ),
    row(
        "pi.fork",
        |it, words| session::verb(it, "fork", words),
        "[TURN]: another chat with everything, or with what was before a turn",
    ),
    row("pi.rename", |it, words| session::verb(it, "rename", words), "TITLE: name the chat"),
    row("pi.compact", |it, words| session::verb(it, "compact", words), "summarise older turns to make room"),
    row(
        "pi.export",
        |it, words| session::verb(it, "export", words),
        "[html]: write the chat as a Markdown file, or as a web page",
    ),
    row("pi.cost", |it, words| session::verb(it, "cost", words), "tokens and cost so far"),
    row("pi.setUp", session::set_up, "say how to get a model"),
    row("pi.demo", demo::demo, "play the demo: a scripted model, no key, no network"),
    row("pi.skip", session::skip, "[CALL]: end a command that runs; the run goes on"),
    row("pi.retry", session::retry, "repeat a failed answer of the model now"),
    row("pi.giveUp", session::give_up, "do not repeat a failed answer"),
    row("pi.now", |it, words| session::verb(it, "now", words), "TEXT: stop the run and say it"),
    row(
        "pi.take",
        |it, words| session::verb(it, "take", words),
        "take the last queued or held message back into the prompt of the chat",
    ),
    row(
        "pi.queue",
        |it, words| session::verb(it, "queue", words),
        "[clear | send]: list what waits, discard it, or send what is held",
    ),
    row(
        "pi.deleteSession",
        |it, words| session::verb(it, "delete", words),
        "NUMBER: move a chat of the list into the trash",
    ),
    row("pi.refresh", session::refresh_chat, "{uri}: write a chat document anew"),
    row("pi.openCopy", session::copy_chat, "{uri}: another chat with everything this chat document's has"),
];

/// Names of all commands.
pub fn names() -> Vec<String> {
    TABLE.iter().map(|it| it.name.to_owned()).collect()
}

/// Runs a command.
///
/// # Errors
/// There is no such command, or its arguments are wrong.
pub fn run(connection: &Arc<Connection>, name: &str, arguments: &[Value]) -> Result<(), CommandError> {
    match TABLE.iter().find(|it| it.name == name) {
        Some(row) => (row.run)(connection, arguments)
            .map_err(|error| CommandError { message: format!("{name}: {}", error.message), ..error }),
        None => {
            let known: Vec<_> = TABLE.iter().map(|it| format!("{} {}", it.name, it.help)).collect();
            Err(CommandError::invalid(format!("unknown command {name}; there are:\n{}", known.join("\n"))))
        }
    }
}

/// Words as one text: Helix splits what was typed at spaces outside quotes.
pub fn words(arguments: &[Value]) -> String {
    let said = arguments.iter().filter(|it| !it.is_null());
    let words: Vec<_> = said.map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned)).collect();
    words.join(" ").trim().to_owned()
}

/// The document that a plain text names: a URI, or a path from the project's folder.
///
/// # Errors
/// It cannot be one.
pub fn named(connection: &Connection, text: &str) -> Result<Url, CommandError> {
    if text.starts_with("file:") {
        return Url::parse(text).map_err(|error| CommandError::invalid(format!("{text}: {error}")));
    }
    Url::from_file_path(connection.folder().join(text))
        .map_err(|()| CommandError::invalid(format!("{text} is no file")))
}

/// Tells the user what failed.
pub fn tell<T>(connection: &Arc<Connection>) -> Reply<T> {
    let messages = connection.messages.clone();
    Box::new(move |result| {
        if let Err(error) = result {
            messages.error(refusal(&error.message));
        }
    })
}
