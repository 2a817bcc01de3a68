//! What a user can do with a session by a word: the same for the commands of a chat document and those of
//! `workspace/executeCommand`.

use std::{collections::HashMap, sync::Arc};

use lsp_types::MessageType;
use pi_core::{SessionHandle, session::Command};
use pi_host::fs::blocking;
use pi_protocol::{
    CompactParams, Model, PermissionMode, PromptParams, ReviewMode, SetModelParams, queue::QueueItem,
};
use tokio::sync::oneshot;

use super::{
    choose::{self, Word},
    commands::{Said, text},
    compaction, open, review, transcript,
};
use crate::{
    failure::{KEPT, refusal},
    markdown,
    transport::lsp::{connection::Connection, lane::Job, show, target::Target},
};

/// Sessions that are listed.
const LISTED: usize = 10;
/// Characters of a line that was found in one.
const LINE: usize = 60;

/// Does what the word says, and tells the user in a message what came of it. Where something is to be chosen and nothing
/// was said, the user is asked.
pub async fn told(connection: Arc<Connection>, session: SessionHandle, name: &'static str, rest: String) {
    let word = if rest.is_empty() { choose::word(&connection, &session, name).await } else { Word::NotAsked };
    let said = match word {
        Word::NotAsked => perform(&connection, &session, name, &rest).await,
        Word::Given(rest) => perform(&connection, &session, name, rest.trim()).await,
        Word::Chat(id, title) => open_chat(&connection, &session, id, title).await,
        Word::Nothing => return,
    };
    match said {
        Ok(said) if said.is_empty() => {}
        Ok(path) if name == "export" => {
            let file = connection.hub.folder_of(session.id()).join(&path);
            show::path(&connection, &file, &path).await;
        }
        // It is on the screen already.
        Ok(said) if name == "diff" => connection.messages.show(MessageType::INFO, &said),
        Ok(said) => show::answer(&connection, &format!("{name}.md"), said, "What Pi says is").await,
        Err(error) => connection.messages.error(&error),
    }
}

/// Does what the word says.
pub async fn perform(connection: &Arc<Connection>, session: &SessionHandle, name: &str, rest: &str) -> Said {
    match name {
        "stop" => {
            session.send(Command::Abort(Box::new(|_| {})));
            Ok(String::new())
        }
        "queue" => queue(session, rest).await,
        "now" => now(connection, session, rest).await,
        "take" => take(connection, session).await,
        "delete" => delete(connection, session, rest).await,
        "diff" => review::diff(connection, session, rest).await,
        "model" => model(session, rest).await,
        "thinking" => {
            if !rest.is_empty() {
                let level = rest.parse().map_err(|_| format!("there is no level “{rest}”"))?;
                session.ask(|reply| Command::SetThinkingLevel(level, reply)).await.map_err(text)?;
            }
            let state = session.ask(Command::GetState).await.map_err(text)?;
            Ok(state.thinking_level.to_string())
        }
        "mode" => {
            if !rest.is_empty() {
                let mode = PermissionMode::from_name(rest).ok_or("ask, edit, full or plan")?;
                session.ask(|reply| Command::SetPermissionMode(mode, reply)).await.map_err(text)?;
            }
            let state = session.ask(Command::GetState).await.map_err(text)?;
            Ok(state.permission_mode.as_str().to_owned())
        }
        "review" => {
            if !rest.is_empty() {
                let mode = ReviewMode::from_name(rest).ok_or("apply, ask or plan")?;
                session.ask(|reply| Command::SetReviewMode(mode, reply)).await.map_err(text)?;
            }
            let state = session.ask(Command::GetState).await.map_err(text)?;
            Ok(state.review_mode.as_str().to_owned())
        }
        "new" => {
            connection.enqueue(Job::NewChat(Target::Session(session.id().to_string())));
            Ok(String::new())
        }
        "sessions" => Ok(listed(connection, session, rest).await),
        "open" => open_listed(connection, session, rest).await,
        "fork" => fork(connection, session, rest).await,
        "rename" if rest.is_empty() => Err("needs a title".into()),
        "rename" => {
            session.ask(|reply| Command::SetSessionName(rest.to_owned(), reply)).await.map_err(text)?;
            Ok(format!("This chat is now “{rest}”"))
        }
        "compact" => {
            let (messages, session) = (connection.messages.clone(), session.clone());
            tokio::spawn(async move {
                match session.ask(|reply| Command::Compact(CompactParams::default(), reply)).await {
                    Ok(result) => {
                        let said = compaction::summarised(&session, &result.first_kept_entry_id).await;
                        messages.show(MessageType::INFO, &format!("{said}; the full chat is kept"));
                    }
                    Err(error) => messages.error(&compaction::failed(&error.message)),
                }
            });
            Ok("Making room: summarising older turns…".into())
        }
        "export" if rest == "html" => {
            let page = connection.hub.export_html(session, Default::default()).await.map_err(text)?;
            Ok(page.path)
        }
        "export" if rest.is_empty() => {
            let path = transcript::export(connection, session).await.map_err(text)?;
            Ok(path.display().to_string())
        }
        "export" => Err("write `/export` or `/export html`".into()),
        "cost" => {
            let stats = session.ask(Command::GetSessionStats).await.map_err(text)?;
            let (tokens, cost) = (markdown::thousands(stats.tokens.total), markdown::money(stats.cost));
            Ok(format!("{tokens} tokens · {cost}"))
        }
        other => Err(format!("there is no command {other}")),
    }
}

/// What waits; what is held is sent, or nothing waits any more.
async fn queue(session: &SessionHandle, word: &str) -> Said {
    let waiting = session.ask(Command::QueueList).await.map_err(text)?.items;
    match word {
        "" if waiting.is_empty() => Ok("Nothing is queued".into()),
        "" => {
            let line = |it: &QueueItem| {
                let state = if it.held { "held" } else { "queued" };
                format!("{state}: {}", markdown::line(&it.text, LINE))
            };
            Ok(waiting.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        "clear" => {
            session.ask(Command::ClearQueue).await.map_err(text)?;
            Ok(format!("Discarded {}", markdown::counted(waiting.len(), "message")))
        }
        "send" => {
            let held: Vec<_> = waiting.iter().filter(|it| it.held).collect();
            // The first begins a run, the others steer it; the last that is sent comes first.
            let (first, others) = held.split_first().ok_or("Nothing is held")?;
            for it in std::iter::once(first).chain(others.iter().rev()) {
                session.ask(|reply| Command::QueueSend(it.id, reply)).await.map_err(text)?;
            }
            Ok(format!("Sent {}", markdown::counted(held.len(), "message")))
        }
        _ => Err("write clear, send or nothing".into()),
    }
}

/// Stops the run and says this; what is refused comes into the prompt of the chat.
async fn now(connection: &Connection, session: &SessionHandle, said: &str) -> Said {
    if said.is_empty() {
        return Err("needs a text".into());
    }
    session.ask(Command::Abort).await.map_err(text)?;
    let params = PromptParams { message: said.to_owned(), ..PromptParams::default() };
    if let Err(error) = session.ask(|reply| Command::Prompt(params, reply)).await {
        let chat = Target::Session(session.id().to_string());
        connection.enqueue(Job::OpenChat(chat, Some(said.to_owned())));
        return Err(format!("{}{KEPT}", refusal(&error.message)));
    }
    Ok(String::new())
}

/// The last message that waits comes into the prompt of the chat, which opens.
async fn take(connection: &Connection, session: &SessionHandle) -> Said {
    let waiting = session.ask(Command::QueueList).await.map_err(text)?.items;
    let last = waiting.into_iter().next_back().ok_or("Nothing is queued")?;
    session.ask(|reply| Command::QueueDelete(last.id, reply)).await.map_err(text)?;
    connection.enqueue(Job::OpenChat(Target::Session(session.id().to_string()), Some(last.text)));
    Ok(String::new())
}

/// Moves a chat of the list into the trash.
async fn delete(connection: &Connection, session: &SessionHandle, number: &str) -> Said {
    let all = numbered(connection, session).await;
    let at = number.parse::<usize>().ok().and_then(|it| it.checked_sub(1));
    let (id, title) = at.and_then(|it| all.get(it)).cloned().ok_or("give a number of `/sessions`")?;
    let (reply, answer) = oneshot::channel();
    connection.enqueue(Job::Delete(id, reply));
    answer.await.map_err(|_ended| "Pi ends".to_owned())?.map_err(text)?;
    Ok(format!("The chat “{}” is in the trash", markdown::line(&title, LINE)))
}

async fn model(session: &SessionHandle, name: &str) -> Said {
    let models = session.ask(Command::GetAvailableModels).await.map_err(text)?.models;
    if name.is_empty() {
        let now = session.ask(Command::GetState).await.map_err(text)?.model;
        let now = now.map_or_else(|| "no model is set up".to_owned(), |it| full_name(&it));
        let all: Vec<_> = models.iter().map(full_name).filter(|it| *it != now).take(LISTED).collect();
        return Ok([vec![now], all].concat().join(" · "));
    }
    let found: Vec<_> = models.iter().filter(|it| it.id == name || full_name(it) == name).collect();
    let found = match found.as_slice() {
        [] => models.iter().filter(|it| full_name(it).contains(name)).collect(),
        _ => found,
    };
    match found.as_slice() {
        [one] => {
            let params = SetModelParams { provider: one.provider.clone(), model_id: one.id.clone() };
            session.ask(|reply| Command::SetModel(params, reply)).await.map_err(text)?;
            Ok(full_name(one))
        }
        [] => Err(format!("no model “{name}”")),
        several => Err(several.iter().map(|it| full_name(it)).collect::<Vec<_>>().join(" or ")),
    }
}

/// Provider and model.
pub fn full_name(model: &Model) -> String {
    format!("{}/{}", model.provider, model.id)
}

/// A chat that is listed: its id and what it is called.
pub type Chat = (String, String);

/// The newest sessions of the project.
pub async fn sessions(connection: &Connection, session: &SessionHandle) -> Vec<Chat> {
    let folder = connection.hub.folder_of(session.id());
    let files = connection.hub.compose().session_files(&folder);
    let found = blocking(move || Ok::<_, std::io::Error>(files.list(&folder))).await.unwrap_or_default();
    found.into_iter().map(|it| (it.id, it.name.unwrap_or(it.first_message))).collect()
}

/// The chats by their numbers: as they were listed last, and those that came later behind them.
pub async fn numbered(connection: &Connection, session: &SessionHandle) -> Vec<Chat> {
    let mut all = connection.chats.listed(&connection.hub.folder_of(session.id()));
    for chat in sessions(connection, session).await {
        if all.iter().all(|it| it.0 != chat.0) {
            all.push(chat);
        }
    }
    all
}

/// The chats, or those in whose title or text the words are; numbered as in the whole list.
async fn listed(connection: &Connection, session: &SessionHandle, wanted: &str) -> String {
    let lower = wanted.to_lowercase();
    let all = sessions(connection, session).await;
    let folder = connection.hub.folder_of(session.id());
    connection.chats.list(folder.clone(), &all);
    let said: HashMap<String, String> = match wanted {
        "" => HashMap::new(),
        _ => {
            let found = connection.hub.search_sessions(folder, wanted.to_owned()).await.unwrap_or_default();
            found.found.into_iter().map(|it| (it.session.session_id, it.line)).collect()
        }
    };
    let numbered = all.iter().enumerate();
    let found =
        numbered.filter(|(_, (id, title))| title.to_lowercase().contains(&lower) || said.contains_key(id));
    let line = |(at, (id, title)): (usize, &(String, String))| {
        let title = title.lines().next().unwrap_or_default();
        match said.get(id).filter(|it| !title.contains(it.as_str())) {
            Some(line) => format!("{}: {title} · {}", at + 1, markdown::line(line, LINE)),
            None => format!("{}: {title}", at + 1),
        }
    };
    let mut lines: Vec<_> = found.map(line).collect();
    let more = lines.len().saturating_sub(LISTED);
    lines.truncate(LISTED);
    if more > 0 {
        lines.push(format!("and {more} more; `/sessions text` looks for words in them"));
    }
    match (lines.is_empty(), wanted) {
        (false, _) => format!("open one with `/open n`\n{}", lines.join("\n")),
        (true, "") => "Your chats in this folder will be listed here".to_owned(),
        (true, _) => format!("No chat mentions “{wanted}”"),
    }
}

async fn open_listed(connection: &Connection, session: &SessionHandle, number: &str) -> Said {
    let all = numbered(connection, session).await;
    let at = number.parse::<usize>().ok().and_then(|it| it.checked_sub(1));
    let (id, title) = at.and_then(|it| all.get(it)).cloned().ok_or("give a number of `/sessions`")?;
    open_chat(connection, session, id, title).await
}

async fn open_chat(connection: &Connection, session: &SessionHandle, id: String, title: String) -> Said {
    let folder = connection.hub.folder_of(session.id());
    let path = open::made(connection, folder, &id, Some(title)).await.map_err(|it| it.to_string())?;
    open::show(connection, &path).await;
    Ok(String::new())
}

/// Another chat with everything up to now, or with what was before a turn; that turn's prompt is then its draft.
pub(super) async fn fork(connection: &Arc<Connection>, session: &SessionHandle, rest: &str) -> Said {
    let before = match rest.trim_start_matches("turn").trim() {
        "" => None,
        number => review::turn(session, number).await?.into_iter().next(),
    };
    let (reply, answer) = oneshot::channel();
    connection.enqueue(Job::Fork { session: session.id().clone(), before, reply });
    let (forked, draft) = answer.await.map_err(|_ended| "Pi ends".to_owned())?.map_err(text)?;
    open::open(connection.clone(), forked, Some(draft).filter(|it| !it.is_empty())).await;
    Ok("the other chat is open".into())
}
