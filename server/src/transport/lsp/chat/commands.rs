//! What the user can type into a prompt besides prompts: lines that begin with a slash.
//!
//! Here is the table, and what is about the document; `verbs.rs` has what is about the session, `review.rs` what is
//! about its changes.

use std::fmt::Write as _;

use pi_core::{SessionHandle, session::Command};
use pi_host::ledger::Verb;
use pi_protocol::{AnswerPermissionParams, CommandError, PermissionChoice};

use super::{question::Question, review, room::Room, verbs};
use crate::transport::lsp::{questions::Asked, ui};

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
pub static TABLE: [Row; 27] = [
    row("queue", "[text]", "say it after the run; without a text, list what waits"),
    row("now", "text", "stop the run and say it"),
    row("stop", "", "stop the run"),
    row("take", "", "take the last queued or held message back into the prompt"),
    row("allow", "[chat] [n]", "answer a question: allow once, or in this chat"),
    row("reject", "[n] [why]", "answer a question: reject, and say why"),
    row(ANSWER, "[n] text", "answer a question that asks for a choice or a text"),
    row("keep", "[n…|file|all]", "keep changes that wait"),
    row("drop", "[n…|file|all]", "take changes out that wait"),
    row(
        "revert",
        "[turn|turn..] [fork]",
        "take out what the last turn changed, or this one, or all since it; with fork, another chat begins before it",
    ),
    row("redo", "", "put back what was taken out last, or let what was kept last wait again"),
    row("diff", "[n…|file]", "show what waits as a diff"),
    row("model", "[name]", "show or change the model"),
    row("thinking", "[level]", "how hard the model thinks"),
    row("mode", "[ask|edit|full|plan]", "what Pi may do without asking"),
    row("review", "[apply|ask|plan]", "whether Pi's edits are made, shown first, or only shown"),
    row("new", "", "begin another chat; this one goes on"),
    row("sessions", "[text]", "list the chats of this project"),
    row("open", "n", "open a chat of that list"),
    row("delete", "n", "move a chat of that list into the trash"),
    row("fork", "[turn]", "another chat with everything, or with what was before a turn"),
    row("rename", "title", "name this chat"),
    row("compact", "", "summarise older turns to make room"),
    row("export", "[html]", "write this chat as a Markdown file, or as a web page"),
    row("cost", "", "tokens and cost so far"),
    row("refresh", "", "write this document anew"),
    row("help", "", "list these commands"),
];

const ANSWER: &str = "answer";
/// Commands that say something, which may have several lines.
const TEXTS: [&str; 4] = ["queue", "now", "reject", ANSWER];

/// What is answered: one line below the command. Both are told; nothing is told if it is empty.
pub type Said = Result<String, String>;

/// The command a prompt stands for, and its arguments. It is one line, unless the command says something. Templates and
/// skills belong to prompts.
pub fn find(prompt: &str) -> Option<(&'static Row, &str)> {
    let line = prompt.strip_prefix('/')?;
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if line.contains('\n') && !TEXTS.contains(&name) {
        return None;
    }
    Some((TABLE.iter().find(|it| it.name == name)?, rest.trim()))
}

/// Before the name of a template that has the name of a command.
pub const TEMPLATE: &str = "prompt:";

/// What a prompt says: `/prompt:name` is the template of that name, also where a command has it.
pub fn said(prompt: &str) -> String {
    let template = prompt.strip_prefix('/').and_then(|it| it.strip_prefix(TEMPLATE));
    template.map_or_else(|| prompt.to_owned(), |it| format!("/{it}"))
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
    let connection = room.connection.clone();
    match name {
        // With a text they are messages: `sending.rs`.
        "now" => Err("needs a text".into()),
        "take" => room.take(session).await,
        "allow" | "reject" => decide(room, session, name, rest).await,
        ANSWER => answer(room, session, rest),
        "keep" => review::decide(&connection, session, rest, Verb::Accept).await,
        "drop" => review::decide(&connection, session, rest, Verb::Reject).await,
        "revert" => review::revert(&connection, session, rest).await,
        "redo" => review::redo(&connection, session).await,
        "diff" => review::diff(&connection, session, rest).await,
        "refresh" => {
            room.refresh().await?;
            Ok(String::new())
        }
        "help" => Ok(help()),
        name => verbs::perform(&connection, session, name, rest).await,
    }
}

/// What went wrong, for the user.
pub(super) fn text(error: CommandError) -> String {
    error.message
}

fn help() -> String {
    let mut out = String::from("write below the last “## You” and save");
    for Row { name, arguments, help } in &TABLE {
        let space = if arguments.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ok = write!(out, "\n`/{name}{space}{arguments}` {help}");
    }
    out.push_str("\n`@file`, `@file:12-40` and `@file#name` add their text; `/prompt:name` is a template with a command's name");
    out
}

/// The open question with this number; without one, the only one there is.
fn question(all: &[&Question], number: Option<usize>) -> Result<Asked, String> {
    let found = match (number, all) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(number), all) => all.iter().find(|it| it.number == number),
    };
    found.map(|it| it.asked.clone()).ok_or_else(|| match (number, all) {
        (_, []) => "Pi asks nothing".to_owned(),
        (Some(number), _) => format!("there is no question {number}"),
        (None, _) => "Which question? Give its number".to_owned(),
    })
}

/// Answers what is not about permission.
fn answer(room: &Room, session: &SessionHandle, rest: &str) -> Said {
    let open: Vec<_> = room.questions().iter().filter(|it| it.asked.ui().is_some()).collect();
    // A number that is all there is may be the answer.
    let numbered = rest.split_once(char::is_whitespace).and_then(|(number, text)| {
        let number = number.parse().ok()?;
        open.iter().any(|it| it.number == number).then_some((number, text))
    });
    let (number, text) = numbered.map_or((None, rest), |(number, text)| (Some(number), text));
    if let Asked::Ui(request) = question(&open, number)? {
        session.send(Command::AnswerUi(ui::typed(&request, text)?));
    }
    Ok(String::new())
}

/// Decides about permission; with `/reject`, any other question ends without an answer.
async fn decide(room: &Room, session: &SessionHandle, name: &str, rest: &str) -> Said {
    let (for_chat, rest) = match rest.strip_prefix("chat") {
        Some(rest) if name == "allow" => (true, rest.trim()),
        _ => (false, rest),
    };
    let fits = |it: &&Question| name == "reject" || it.asked.ui().is_none();
    let open: Vec<_> = room.questions().iter().filter(fits).collect();
    let numbers: Vec<_> = open.iter().map(|it| it.number).collect();
    let (number, why) = numbered(name, rest, &numbers);
    let request = match question(&open, number)? {
        Asked::Permission(request) => request,
        Asked::Ui(request) => {
            session.send(Command::AnswerUi(ui::dismissed(&request)));
            return Ok(String::new());
        }
    };
    let (choice, message) = match (name, for_chat, why) {
        ("allow", true, "") => (PermissionChoice::AllowSession, None),
        ("allow", false, "") => (PermissionChoice::AllowOnce, None),
        ("reject", _, "") => (PermissionChoice::Reject, None),
        ("reject", _, why) => (PermissionChoice::RejectMessage, Some(why.to_owned())),
        _ => return Err("write `/allow`, `/allow chat`, or a number behind it".into()),
    };
    let params = AnswerPermissionParams { question_id: request.id, choice, message };
    session.ask(|reply| Command::AnswerPermission(params, reply)).await.map_err(text)?;
    Ok(String::new())
}

/// The number of the question that is meant, and why. A number before words that is no open question's belongs to the
/// words: `/reject 3 tries are enough`.
fn numbered<'a>(name: &str, rest: &'a str, open: &[usize]) -> (Option<usize>, &'a str) {
    let (first, why) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match first.parse() {
        Ok(number) if name == "allow" || why.is_empty() || open.contains(&number) => {
            (Some(number), why.trim())
        }
        _ => (None, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_no_questions_belongs_to_the_words() {
        for (name, rest, expected) in [
            ("reject", "1 why not", (Some(1), "why not")),
            ("reject", "3 tries are enough", (None, "3 tries are enough")),
            ("reject", "3", (Some(3), "")),
            ("reject", "no", (None, "no")),
            ("reject", "", (None, "")),
            ("allow", "3 x", (Some(3), "x")),
        ] {
            assert_eq!(numbered(name, rest, &[1, 2]), expected, "{name} {rest}");
        }
    }

    #[test]
    fn a_line_of_its_own_is_a_command() {
        for (prompt, expected) in [
            ("/stop", Some(("stop", ""))),
            ("/keep 1 2", Some(("keep", "1 2"))),
            ("/rename  A b ", Some(("rename", "A b"))),
            ("/stop it\nnow", None),
            ("/answer 1 a\nb", Some(("answer", "1 a\nb"))),
            ("/queue a\n\nb", Some(("queue", "a\n\nb"))),
            ("/now\na\nb", Some(("now", "a\nb"))),
            ("/reject 1 a\nb", Some(("reject", "1 a\nb"))),
            ("/answers\nb", None),
            ("/prompt:stop", None),
            ("/unknown", None),
            ("stop", None),
            ("/", None),
        ] {
            assert_eq!(find(prompt).map(|(row, rest)| (row.name, rest)), expected, "{prompt:?}");
        }
        assert_eq!(said("/prompt:stop a"), "/stop a");
        assert_eq!(said("/stop:a"), "/stop:a");
    }
}
