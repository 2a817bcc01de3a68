//! Actions and commands about the session itself: its chat document, stop, start afresh, what to do without a model.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use lsp_types::{Range, Url};
use pi_core::{session::Command, visible::visible};
use pi_protocol::{ActivityState, CommandError};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Offer, Place,
    commands::{named, tell, words},
    source,
};
use crate::transport::lsp::{
    chat, connection::Connection, documents::file_path, lane::Job, messages::first_line, show, target::Target,
};

/// Characters of a command in the title of an action.
const SUBJECT: usize = 60;
/// What there is to know without a model.
const SET_UP: &str = include_str!("set_up.md");

/// Open or send the chat; while something runs it can be stopped.
pub fn offered(place: &Place<'_>) -> Vec<Offer> {
    let target = file_path(place.uri).map(|it| about(place.connection, &it));
    let running = match target {
        // What a chat document stops is its own run.
        Some(Target::Session(id)) => place.connection.doing.is_busy_in(&id).then_some(id),
        target => running(place.connection, target.as_ref()),
    };
    let of_run = |id: &str| vec![json!({ "uri": place.uri, "session": id })];
    let offer =
        |title: &str, command, arguments| Offer { kind: source(), title: title.into(), command, arguments };
    let mut offers = Vec::new();
    if place.connection.capabilities().chat_document {
        offers.push(match file_path(place.uri).is_some_and(|it| chat::is_chat(&it)) {
            true => offer("send this prompt", "pi.sendChat", vec![json!({ "uri": place.uri })]),
            false => offer("open chat", "pi.openChat", place.folder()),
        });
    }
    if file_path(place.uri).is_some_and(|it| place.connection.chats.offers_copy(&it)) {
        offers.push(offer("open a copy of this chat", "pi.openCopy", vec![json!({ "uri": place.uri })]));
    }
    if let Some(id) = &running {
        offers.push(offer("stop", "pi.abort", of_run(id)));
    }
    if place.connection.capabilities().knows_pi {
        return offers;
    }
    if let Some(id) = &running {
        // There is no other place to write it: saving the chat steers.
        offers.push(offer("steer…", "pi.openChat", of_run(id)));
    }
    let doing = &place.connection.doing;
    for it in doing.commands() {
        let title = format!("skip this command \u{2013} {}", first_line(&visible(&it.command), SUBJECT));
        offers.push(offer(&title, "pi.skip", vec![json!(it.call)]));
    }
    if doing.in_state(ActivityState::Retrying).is_some() {
        offers.push(offer("try now", "pi.retry", Vec::new()));
        offers.push(offer("give up", "pi.giveUp", Vec::new()));
    } else if doing.in_state(ActivityState::Failed).is_some() {
        offers.push(offer("try again", "pi.retry", Vec::new()));
    }
    offers.push(offer("new chat", "pi.newSession", place.folder()));
    if place.found.no_model {
        offers.push(offer("set up…", "pi.setUp", Vec::new()));
        offers.push(offer("run the demo", "pi.demo", Vec::new()));
    }
    offers
}

/// `pi.abort`.
pub fn abort(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let target = match named_by(connection, arguments) {
        Some(Target::Session(id)) => Target::Session(id),
        target => running(connection, target.as_ref()).map_or(target.unwrap_or_default(), Target::Session),
    };
    connection.enqueue(Job::Command(target, Command::Abort(tell(connection))));
    Ok(())
}

/// The session that runs something, where none is named: the last that began in the folder that is meant, else in any.
fn running(connection: &Connection, target: Option<&Target>) -> Option<String> {
    let busy = connection.doing.busy();
    let is_there =
        |id: &&Arc<str>| matches!(target, Some(Target::Folder(it)) if connection.hub.folder_of(id) == *it);
    busy.iter().find(is_there).or(busy.first()).map(ToString::to_string)
}

/// `pi.skip`: the command with this call, else the oldest that runs.
pub fn skip(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let running = connection.doing.commands();
    let wanted = first(arguments).and_then(Value::as_str);
    let mut found = running.into_iter().filter(|it| wanted.is_none_or(|id| it.call == id));
    let it = found.next().ok_or_else(|| CommandError::failed("no such command is running"))?;
    let target = Target::Session(it.session.to_string());
    connection.enqueue(Job::Command(target, Command::SkipTool(it.call, tell(connection))));
    Ok(())
}

/// `pi.retry`: what is waited for, or what has failed.
pub fn retry(connection: &Arc<Connection>, _: &[Value]) -> Result<(), CommandError> {
    let target = retried(connection);
    connection.enqueue(Job::Command(target, Command::RetryNow(tell(connection))));
    Ok(())
}

/// `pi.giveUp`: the next try.
pub fn give_up(connection: &Arc<Connection>, _: &[Value]) -> Result<(), CommandError> {
    let target = retried(connection);
    connection.enqueue(Job::Command(target, Command::AbortRetry(tell(connection))));
    Ok(())
}

/// The session whose model call has failed.
fn retried(connection: &Connection) -> Target {
    let in_state = |state| connection.doing.in_state(state);
    let found = in_state(ActivityState::Retrying).or_else(|| in_state(ActivityState::Failed));
    found.map_or(Target::Last, |it| Target::Session(it.to_string()))
}

/// `pi.newSession`.
pub fn new_session(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let target = named_by(connection, arguments).unwrap_or_else(|| Target::here(connection));
    connection.enqueue(Job::NewChat(target));
    Ok(())
}

/// The session that `{session}` names or `{uri}` is about, if there is such an argument.
fn named_by(connection: &Connection, arguments: &[Value]) -> Option<Target> {
    let named = first(arguments)?.get("session").and_then(Value::as_str);
    if let Some(id) = named.filter(|it| connection.hub.session(Some(it)).is_ok()) {
        return Some(Target::Session(id.to_owned()));
    }
    let uri = first(arguments)?.get("uri")?.as_str()?;
    file_path(&Url::parse(uri).ok()?).map(|it| about(connection, &it))
}

/// The session of a chat document that lives, else the one of the document's folder.
fn about(connection: &Connection, document: &Path) -> Target {
    let own = connection.chats.session_of(document).filter(|it| connection.hub.session(Some(it)).is_ok());
    own.map_or_else(|| Target::about(connection, document), Target::Session)
}

/// What a command about a document is given.
#[derive(Debug, Deserialize)]
struct Subject {
    uri: Url,
    range: Option<Range>,
    /// What is there is to be changed.
    #[serde(default)]
    change: bool,
}

/// The first argument, unless it is nothing.
fn first(arguments: &[Value]) -> Option<&Value> {
    arguments.first().filter(|it| !it.is_null())
}

/// `pi.openChat`: with a place, mention it; with a text, write it.
pub fn open_chat(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    let target = named_by(connection, arguments).unwrap_or_else(|| Target::here(connection));
    let draft = match first(arguments) {
        None => None,
        Some(Value::String(_)) => Some(words(arguments)).filter(|it| !it.is_empty()),
        Some(object) => {
            let it: Subject = serde_json::from_value(object.clone())
                .map_err(|error| CommandError::invalid(format!("needs {{uri, range}} or a text: {error}")))?;
            let mention = it.range.and_then(|range| chat::ask_about(connection, &it.uri, range));
            mention.map(|mention| if it.change { format!("Change {mention}so that ") } else { mention })
        }
    };
    connection.enqueue(Job::OpenChat(target, draft));
    Ok(())
}

/// A word that the chat document has as well; what comes of it is told in a message.
pub fn verb(
    connection: &Arc<Connection>,
    name: &'static str,
    arguments: &[Value],
) -> Result<(), CommandError> {
    if arguments.iter().any(|it| it.is_object() || it.is_array()) {
        return Err(CommandError::invalid("takes words"));
    }
    connection.enqueue(Job::Verb(Target::here(connection), name, words(arguments)));
    Ok(())
}

/// `pi.sendChat`: of this chat document, else of the only one that is open.
pub fn send_chat(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    done(document(connection, arguments)?.is_some_and(|it| connection.chats.send(&it)))
}

/// `pi.openCopy`: of this chat document's chat, else of that of the only one that is open.
pub fn copy_chat(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    done(document(connection, arguments)?.is_some_and(|it| connection.chats.copy(&it)))
}

/// `pi.refresh`: this chat document, else the only one that is open.
pub fn refresh_chat(connection: &Arc<Connection>, arguments: &[Value]) -> Result<(), CommandError> {
    done(document(connection, arguments)?.is_some_and(|it| connection.chats.refresh(&it)))
}

fn done(is_open: bool) -> Result<(), CommandError> {
    match is_open {
        true => Ok(()),
        false => Err(CommandError::invalid("is for an open chat document; give its {uri}")),
    }
}

/// The document that is meant, else the only chat document that is open.
fn document(connection: &Connection, arguments: &[Value]) -> Result<Option<PathBuf>, CommandError> {
    Ok(match first(arguments) {
        None => connection.chats.only(),
        Some(Value::String(name)) => file_path(&named(connection, name)?),
        Some(object) => {
            let it: Subject = serde_json::from_value(object.clone())
                .map_err(|error| CommandError::invalid(format!("needs {{uri}}: {error}")))?;
            file_path(&it.uri)
        }
    })
}

/// `pi.setUp`: how to get a model.
pub fn set_up(connection: &Arc<Connection>, _: &[Value]) -> Result<(), CommandError> {
    let connection = connection.clone();
    tokio::spawn(async move {
        show::text(&connection, "set-up.md", SET_UP.to_owned(), "How to set up a model is").await;
    });
    Ok(())
}
