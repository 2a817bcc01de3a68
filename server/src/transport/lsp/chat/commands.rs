//! What the user can type into a prompt besides prompts: lines that begin with a slash.

use std::fmt::Write as _;

use lsp_types::MessageType;
use pi_core::{SessionHandle, session::Command};
use pi_host::fs::blocking;
use pi_protocol::{
    AnswerPermissionParams, CommandError, CompactParams, PermissionChoice, PermissionMode, SetModelParams,
    StreamingBehavior,
};

use super::{files, open, room::Room, send, transcript};
use crate::transport::lsp::{actions, lane::Job, target::Target};

/// Sessions that are listed.
const LISTED: usize = 10;

/// One command: its name, its arguments, what it does.
pub struct Row {
    /// What follows the slash.
    pub name: &'static str,
    arguments: &'static str,
    /// In a few words.
    pub help: &'static str,
}

const fn row(name: &'static str, arguments: &'static str, help: &'static str) -> Row {
    Row { name, arguments, help }
}

/// All commands.
pub static TABLE: [Row; 22] = [
    row("queue", "text", "say it after the run"),
    row("now", "text", "stop the run and say it"),
    row("stop", "", "stop the run"),
    row("take", "", "take queued messages back into the prompt"),
    row("allow", "[chat] [n]", "answer a question: allow once, or in this chat"),
    row("reject", "[n] [why]", "answer a question: reject, and say why"),
    row("model", "[name]", "show or change the model"),
    row("thinking", "level", "how hard the model thinks"),
    row("mode", "ask|edit|full|plan", "what Pi may do without asking"),
    row("new", "", "start another chat"),
    row("sessions", "[text]", "list the chats of this project"),
    row("open", "n", "open a chat of that list"),
    row("rename", "title", "name this chat"),
    row("compact", "", "summarise older turns to make room"),
    row("keep", "", "keep all changes that wait"),
    row("drop", "", "take all changes out that wait"),
    row("revert", "", "take out what the last turn changed"),
    row("redo", "", "put back what was taken out last"),
    row("export", "[html]", "write this chat as a Markdown file, or as a web page"),
    row("cost", "", "tokens and cost so far"),
    row("refresh", "", "write this document anew"),
    row("help", "", "list these commands"),
];

type Said = Result<String, String>;

/// The command a prompt of one line stands for, and its arguments. Templates and skills belong to prompts.
pub fn find(prompt: &str) -> Option<(&'static Row, &str)> {
    let line = prompt.strip_prefix('/').filter(|it| !it.contains('\n'))?;
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    Some((TABLE.iter().find(|it| it.name == name)?, rest.trim()))
}

/// Runs a command and says what came of it.
pub async fn run(room: &mut Room, command: &Row, rest: &str) {
    let Some(session) = room.session().cloned() else { return };
    let said = perform(room, &session, command.name, rest).await.unwrap_or_else(|error| error);
    if !said.is_empty() {
        room.note(&format!("/{} · {said}", command.name));
    }
}

async fn perform(room: &mut Room, session: &SessionHandle, name: &str, rest: &str) -> Said {
    match name {
        "queue" | "now" => say(room, session, name, rest).await,
        "stop" => {
            session.send(Command::Abort(Box::new(|_| {})));
            Ok(String::new())
        }
        "take" => {
            let queue = session.ask(Command::ClearQueue).await.map_err(text)?;
            let texts: Vec<_> = queue.steering.into_iter().chain(queue.follow_up).collect();
            if texts.is_empty() {
                return Ok("Nothing is queued".into());
            }
            room.write_draft(&texts.join("\n\n")).await;
            Ok(String::new())
        }
        "allow" | "reject" => answer(room, session, name, rest).await,
        "model" => model(session, rest).await,
        "thinking" => {
            let level = rest.parse().map_err(|_| format!("there is no level “{rest}”"))?;
            session.ask(|reply| Command::SetThinkingLevel(level, reply)).await.map_err(text)?;
            let state = session.ask(Command::GetState).await.map_err(text)?;
            Ok(state.thinking_level.to_string())
        }
        "mode" => {
            let mode = PermissionMode::from_name(rest).ok_or("ask, edit, full or plan")?;
            session.ask(|reply| Command::SetPermissionMode(mode, reply)).await.map_err(text)?;
            Ok(mode.as_str().to_owned())
        }
        "new" => {
            room.connection.enqueue(Job::NewSession(Target::Folder(room.project())));
            room.connection.enqueue(Job::OpenChat(Target::Folder(room.project()), None));
            Ok(String::new())
        }
        "sessions" => Ok(listed(room, rest).await),
        "open" => open_listed(room, rest).await,
        "rename" => {
            session.ask(|reply| Command::SetSessionName(rest.to_owned(), reply)).await.map_err(text)?;
            Ok(format!("This chat is now “{rest}”"))
        }
        "compact" => {
            let messages = room.connection.messages.clone();
            let reply = Box::new(move |outcome: Result<_, CommandError>| match outcome {
                Ok(_) => messages.show(MessageType::INFO, "Summarised older turns; the full chat is kept"),
                Err(error) => messages.error(&error.message),
            });
            session.send(Command::Compact(CompactParams::default(), reply));
            Ok("Making room: summarising older turns…".into())
        }
        "export" if rest != "html" => {
            let path = transcript::write(&room.connection, session).await.map_err(text)?;
            Ok(path.display().to_string())
        }
        "keep" => review(room, "pi.keepAll"),
        "drop" => review(room, "pi.rejectAll"),
        "revert" => review(room, "pi.revert"),
        "redo" => review(room, "pi.redo"),
        "export" => {
            let page = room.connection.hub.export_html(session, Default::default()).await.map_err(text)?;
            Ok(page.path)
        }
        "cost" => {
            let stats = session.ask(Command::GetSessionStats).await.map_err(text)?;
            Ok(format!("{} tokens · ${:.2}", stats.tokens.total, stats.cost))
        }
        "refresh" => {
            room.refresh().await;
            Ok(String::new())
        }
        _ => Ok(help()),
    }
}

fn text(error: CommandError) -> String {
    error.message
}

fn help() -> String {
    let mut out = String::from("write below the last “## You” and save");
    for Row { name, arguments, help } in &TABLE {
        let space = if arguments.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ok = write!(out, "\n`/{name}{space}{arguments}` {help}");
    }
    out
}

async fn say(room: &Room, session: &SessionHandle, name: &str, rest: &str) -> Said {
    if rest.is_empty() {
        return Err("needs a text".into());
    }
    let mut params = send::prompt(&room.connection, &room.project(), rest);
    if name == "now" {
        session.ask(Command::Abort).await.map_err(text)?;
    } else {
        params.streaming_behavior = Some(StreamingBehavior::FollowUp);
    }
    session.ask(|reply| Command::Prompt(params, reply)).await.map_err(text)?;
    Ok(String::new())
}

async fn answer(room: &Room, session: &SessionHandle, name: &str, rest: &str) -> Said {
    let (for_chat, rest) = match rest.strip_prefix("chat") {
        Some(rest) if name == "allow" => (true, rest.trim()),
        _ => (false, rest),
    };
    let (first, why) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let (number, why) = match first.parse() {
        Ok(number) => (Some(number), why.trim()),
        Err(_) => (None, rest),
    };
    let question = room.question(number).ok_or("Which question? Give its number")?;
    let (choice, message) = match (name, for_chat, why) {
        ("allow", true, "") => (PermissionChoice::AllowSession, None),
        ("allow", false, "") => (PermissionChoice::AllowOnce, None),
        ("reject", _, "") => (PermissionChoice::Reject, None),
        ("reject", _, why) => (PermissionChoice::RejectMessage, Some(why.to_owned())),
        _ => return Err("write `/allow`, `/allow chat`, or a number behind it".into()),
    };
    let params = AnswerPermissionParams { question_id: question.request.id.clone(), choice, message };
    session.ask(|reply| Command::AnswerPermission(params, reply)).await.map_err(text)?;
    Ok(String::new())
}

/// What the command of the same kind does; its outcome is told in a message.
fn review(room: &Room, command: &str) -> Said {
    actions::run(&room.connection, command, &[]).map_err(text)?;
    Ok(String::new())
}

async fn model(session: &SessionHandle, name: &str) -> Said {
    let models = session.ask(Command::GetAvailableModels).await.map_err(text)?.models;
    let full = |it: &pi_protocol::Model| format!("{}/{}", it.provider, it.id);
    if name.is_empty() {
        return Ok(models.iter().map(full).collect::<Vec<_>>().join(" · "));
    }
    let found: Vec<_> = models.iter().filter(|it| it.id == name || full(it) == name).collect();
    let found = match found.as_slice() {
        [] => models.iter().filter(|it| full(it).contains(name)).collect(),
        _ => found,
    };
    match found.as_slice() {
        [one] => {
            let params = SetModelParams { provider: one.provider.clone(), model_id: one.id.clone() };
            session.ask(|reply| Command::SetModel(params, reply)).await.map_err(text)?;
            Ok(full(one))
        }
        [] => Err(format!("no model “{name}”")),
        several => Err(several.iter().map(|it| full(it)).collect::<Vec<_>>().join(" or ")),
    }
}

/// The newest sessions of the project: id and what it is called.
async fn sessions(room: &Room) -> Vec<(String, String)> {
    let folder = room.project();
    let files = room.connection.hub.compose().session_files(&folder);
    let found = blocking(move || Ok::<_, std::io::Error>(files.list(&folder))).await.unwrap_or_default();
    found.into_iter().map(|it| (it.id, it.name.unwrap_or(it.first_message))).collect()
}

async fn listed(room: &Room, wanted: &str) -> String {
    let wanted = wanted.to_lowercase();
    let all = sessions(room).await;
    let found = all.iter().enumerate().filter(|(_, it)| it.1.to_lowercase().contains(&wanted)).take(LISTED);
    let lines: Vec<_> =
        found.map(|(at, it)| format!("{}: {}", at + 1, it.1.lines().next().unwrap_or_default())).collect();
    match lines.is_empty() {
        true => format!("No chat mentions “{wanted}”"),
        false => format!("open one with `/open n`\n{}", lines.join("\n")),
    }
}

async fn open_listed(room: &Room, number: &str) -> Said {
    let all = sessions(room).await;
    let at = number.parse::<usize>().ok().and_then(|it| it.checked_sub(1));
    let (id, title) = at.and_then(|it| all.get(it)).cloned().ok_or("give a number of `/sessions`")?;
    let folder = room.project();
    let path =
        blocking(move || files::ensure(&folder, &id, Some(&title))).await.map_err(|it| it.to_string())?;
    open::show(&room.connection, &path).await;
    Ok(String::new())
}
