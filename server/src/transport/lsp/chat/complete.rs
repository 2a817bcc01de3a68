//! Completion in the prompt of a chat document, and in that of a plugin (`pi/complete`): commands and their arguments
//! behind `/`, files and definitions behind `@`.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionList, CompletionTextEdit, Position, Range, TextEdit,
};
use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};
use pi_core::{SessionHandle, session::Command};
use pi_host::{
    fs::blocking,
    workspace::{
        Position as Place,
        position::{self, PositionEncoding},
    },
};
use pi_protocol::{CommandSource, Completion, CompletionKind, Completions, SlashCommand};
use ropey::Rope;
use tokio::sync::oneshot;

use super::{
    commands, review, send,
    symbols::definitions,
    verbs,
    walk::{Found, relative},
};
use crate::{
    markdown,
    transport::lsp::{connection::Connection, lane::Job, target::Target},
};

/// Items of one answer; more typing narrows it.
const MOST: usize = 50;
/// Bytes of an open text in which definitions are looked for.
const LARGEST: usize = 2 << 20;

/// What is being typed at the cursor.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    Command(String),
    /// Of this command.
    Argument(&'static str, String),
    Mention(String),
}

/// One thing that could be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Choice {
    /// What is written.
    text: String,
    /// What is matched with what was typed.
    name: String,
    detail: Option<String>,
    kind: CompletionItemKind,
    /// Among equals, the newest comes first.
    time: Option<SystemTime>,
    /// First and last line of a definition, from 1.
    lines: Option<(u32, u32)>,
}

impl Choice {
    fn new(text: impl Into<String>, detail: Option<String>, kind: CompletionItemKind) -> Self {
        let text = text.into();
        Self { name: text.clone(), text, detail, kind, time: None, lines: None }
    }
}

/// The items for a place in a chat document; nothing where nothing can be completed.
pub async fn items(connection: Arc<Connection>, path: &Path, at: Position) -> Option<CompletionList> {
    let rope = connection.documents.workspace()?.overlay_text(path)?;
    let encoding = connection.capabilities().encoding;
    let (typed, start) = typed(&rope, at, encoding)?;
    let range = Range::new(start, at);
    let (word, choices) = match typed {
        Typed::Command(word) => {
            let choices = commands_of(session(&connection, path, &rope).await.as_ref()).await;
            (word, choices)
        }
        Typed::Argument(command, word) => {
            let session = session(&connection, path, &rope).await?;
            (word, arguments(&connection, &session, command).await)
        }
        Typed::Mention(word) => {
            let choices = mentions(&connection, connection.folder_of(path)).await;
            (word, choices)
        }
    };
    let best = blocking(move || Ok::<_, std::io::Error>(best(choices, &word))).await.unwrap_or_default();
    let items = best.into_iter().enumerate().map(|(at, it)| item(at, it, range)).collect();
    Some(CompletionList { is_incomplete: true, items })
}

/// What a message in the prompt of a plugin can go on with. Commands of the document are not known there.
pub async fn choices(connection: &Connection, session: &SessionHandle, text: &str) -> Completions {
    let word = text.rsplit(char::is_whitespace).next().unwrap_or_default();
    let (choices, sought) = if let Some(sought) = word.strip_prefix('/').filter(|_| word == text) {
        (templates(session).await.into_iter().map(template).collect(), sought)
    } else if let Some(sought) = word.strip_prefix('@') {
        (mentions(connection, connection.hub.folder_of(session.id())).await, sought)
    } else {
        return Completions::default();
    };
    let owned = sought.to_owned();
    let best = blocking(move || Ok::<_, std::io::Error>(best(choices, &owned))).await.unwrap_or_default();
    Completions { word: word.to_owned(), items: best.into_iter().map(completion).collect() }
}

fn template(it: SlashCommand) -> Choice {
    let kind = match it.source {
        CommandSource::Prompt => "template",
        CommandSource::Skill => "skill",
    };
    let detail = it.description.map_or_else(|| kind.to_owned(), |what| format!("{kind} \u{b7} {what}"));
    Choice {
        name: it.name.clone(),
        ..Choice::new(format!("/{}", it.name), Some(detail), CompletionItemKind::FUNCTION)
    }
}

fn completion(it: Choice) -> Completion {
    let kind = match it.kind {
        CompletionItemKind::FILE => CompletionKind::File,
        CompletionItemKind::REFERENCE => CompletionKind::Symbol,
        _ => CompletionKind::Command,
    };
    let label = if kind == CompletionKind::Symbol { it.name } else { it.text[1..].to_owned() };
    let range = it.lines.map(|(first, last)| send::lines(first, last));
    Completion { text: it.text, label, detail: it.detail, kind, range }
}

async fn templates(session: &SessionHandle) -> Vec<SlashCommand> {
    session.ask(Command::GetCommands).await.map(|it| it.commands).unwrap_or_default()
}

/// The word before the cursor, if it begins a command, an argument or a mention, and where it begins.
fn typed(rope: &Rope, at: Position, encoding: PositionEncoding) -> Option<(Typed, Position)> {
    let end = position::to_byte(rope, Place::new(at.line, at.character), encoding);
    let begin = position::to_byte(rope, Place::new(at.line, 0), encoding);
    let line = rope.byte_slice(begin..end.max(begin)).to_string();
    let word_at = line.rfind(char::is_whitespace).map_or(0, |it| it + 1);
    let word = &line[word_at..];
    let command = line[..word_at].strip_prefix('/').and_then(|it| it.split_whitespace().next());
    let command = command.and_then(|name| commands::TABLE.iter().find(|it| it.name == name));
    let typed = if let Some(name) = word.strip_prefix('/').filter(|_| word_at == 0) {
        Typed::Command(name.to_owned())
    } else if let Some(word) = word.strip_prefix('@') {
        Typed::Mention(word.to_owned())
    } else {
        Typed::Argument(command?.name, word.to_owned())
    };
    let start = position::to_range(rope, begin + word_at, end, encoding).start;
    Some((typed, Position::new(start.line, start.character)))
}

/// The session of the document.
async fn session(connection: &Connection, path: &Path, rope: &Rope) -> Option<SessionHandle> {
    let (reply, answer) = oneshot::channel();
    let id = markdown::session_id(&rope.to_string()).map(str::to_owned);
    connection.enqueue(Job::Session(id, Target::about(connection, path), reply));
    answer.await.ok()?.ok()
}

async fn commands_of(session: Option<&SessionHandle>) -> Vec<Choice> {
    let choice = |name: &str, help: String| Choice {
        name: name.to_owned(),
        ..Choice::new(format!("/{name}"), Some(help), CompletionItemKind::FUNCTION)
    };
    let mut all: Vec<_> = commands::TABLE.iter().map(|it| choice(it.name, it.help.to_owned())).collect();
    let known = match session {
        Some(session) => templates(session).await,
        None => Vec::new(),
    };
    for it in known {
        let taken = commands::TABLE.iter().any(|ours| ours.name == it.name);
        let name = if taken { format!("{}{}", commands::TEMPLATE, it.name) } else { it.name };
        all.push(choice(&name, it.description.unwrap_or_default()));
    }
    all
}

/// What a command can be given.
async fn arguments(connection: &Connection, session: &SessionHandle, command: &str) -> Vec<Choice> {
    let value = |text: String, detail: Option<String>| Choice::new(text, detail, CompletionItemKind::VALUE);
    // A number, found by what it stands for as well.
    let numbered = |number: usize, what: String| Choice {
        name: format!("{number} {what}"),
        ..value(number.to_string(), Some(what))
    };
    match command {
        "model" => {
            let models = session.ask(Command::GetAvailableModels).await.map(|it| it.models);
            models.unwrap_or_default().iter().map(|it| value(verbs::full_name(it), None)).collect()
        }
        "thinking" => {
            let levels = session.ask(Command::GetAvailableThinkingLevels).await.map(|it| it.levels);
            levels.unwrap_or_default().iter().map(|it| value(it.to_string(), None)).collect()
        }
        "mode" => ["ask", "edit", "full", "plan"].map(|it| value(it.to_owned(), None)).into(),
        "review" => ["apply", "ask", "plan"].map(|it| value(it.to_owned(), None)).into(),
        "export" => vec![value("html".to_owned(), Some("as a web page".to_owned()))],
        "open" | "delete" => {
            let sessions = verbs::numbered(connection, session).await.into_iter().enumerate();
            sessions.map(|(at, it)| numbered(at + 1, markdown::line(&it.1, 80))).collect()
        }
        "fork" | "revert" => {
            let turns = review::titles(session).await.into_iter().enumerate();
            let turns: Vec<_> = turns.collect();
            let since = |(at, title): &(usize, String)| Choice {
                name: format!("{}.. {title}", at + 1),
                ..value(format!("{}..", at + 1), Some(format!("everything since: {title}")))
            };
            let since: Vec<_> = turns.iter().filter(|_| command == "revert").map(since).collect();
            turns.into_iter().map(|(at, title)| numbered(at + 1, title)).chain(since).collect()
        }
        "keep" | "drop" | "diff" => {
            let hunks = review::hunks(connection, session.id()).await;
            let places = review::waiting(connection, session.id(), &hunks);
            let all = value("all".to_owned(), None);
            places.into_iter().map(|(number, place)| numbered(number, place)).chain([all]).collect()
        }
        _ => Vec::new(),
    }
}

/// Files of the project and definitions in open documents.
async fn mentions(connection: &Connection, folder: PathBuf) -> Vec<Choice> {
    let Some(workspace) = connection.documents.workspace().cloned() else { return Vec::new() };
    let walked = connection.chats.walks.files(&folder).await;
    let found = blocking(move || {
        let open = workspace.open_paths();
        let mut all = files(&walked, &folder, &open);
        for path in &open {
            let Some(relative) = relative(path, &folder) else { continue };
            let text = workspace.overlay_text(path).filter(|it| it.len_bytes() <= LARGEST);
            let text = text.map(|it| it.to_string()).unwrap_or_default();
            all.extend(definitions(path, &text).into_iter().map(|it| Choice {
                text: format!("@{relative}#{}", it.name),
                detail: Some(format!("{relative}:{}", it.first)),
                name: it.name,
                kind: CompletionItemKind::REFERENCE,
                time: None,
                lines: Some((it.first, it.last)),
            }));
        }
        Ok::<_, std::io::Error>(all)
    });
    found.await.unwrap_or_default()
}

/// The files of the project and those that are open and on no disk yet. Those in `open` are the newest.
fn files(walked: &[Found], folder: &Path, open: &[PathBuf]) -> Vec<Choice> {
    let now = SystemTime::now();
    let choice = |name: &str, time: Option<SystemTime>| {
        let text = format!("@{name}");
        Choice { name: name.to_owned(), time, ..Choice::new(text, None, CompletionItemKind::FILE) }
    };
    let is_open: HashSet<String> = open.iter().filter_map(|it| relative(it, folder)).collect();
    let time = |it: &Found| if is_open.contains(&it.name) { Some(now) } else { it.time };
    let mut all: Vec<_> = walked.iter().map(|it| choice(&it.name, time(it))).collect();
    let new = open.iter().filter(|it| !it.exists()).filter_map(|it| relative(it, folder));
    all.extend(new.map(|it| choice(&it, Some(now))));
    all
}

/// Those that fit what was typed, best first; among equals files before definitions, and the newest first.
fn best(choices: Vec<Choice>, word: &str) -> Vec<Choice> {
    let mut matcher = Matcher::new(Config::DEFAULT.match_paths());
    let pattern = Pattern::parse(word, CaseMatching::Smart, Normalization::Smart);
    let mut buffer = Vec::new();
    let mut found: Vec<(u32, Choice)> = choices
        .into_iter()
        .filter_map(|it| {
            let score = pattern.score(Utf32Str::new(&it.name, &mut buffer), &mut matcher)?;
            Some((score, it))
        })
        .collect();
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| b.1.time.cmp(&a.1.time)));
    found.into_iter().take(MOST).map(|it| it.1).collect()
}

/// As editors take it: their own filter sees what was typed, and their own order is ours.
fn item(at: usize, choice: Choice, range: Range) -> CompletionItem {
    let sign = choice.text.chars().next().filter(|it| matches!(it, '/' | '@')).map(String::from);
    let label = match choice.kind {
        CompletionItemKind::REFERENCE => format!("@{}", choice.name),
        _ => choice.text.clone(),
    };
    CompletionItem {
        label,
        filter_text: Some(sign.unwrap_or_default() + &choice.name),
        sort_text: Some(format!("{at:03}")),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit::new(range, choice.text))),
        detail: choice.detail,
        kind: Some(choice.kind),
        ..CompletionItem::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_word_before_the_cursor_decides() {
        let rope = Rope::from_str("/mo\nsee é @src/r\nmail me@x /no\n/model cla\n/keep 1 @\n/nothing x\n");
        let at = |line, character| typed(&rope, Position::new(line, character), PositionEncoding::Utf16);
        assert_eq!(at(0, 3), Some((Typed::Command("mo".into()), Position::new(0, 0))));
        assert_eq!(at(1, 12), Some((Typed::Mention("src/r".into()), Position::new(1, 6))));
        assert_eq!(at(1, 7), Some((Typed::Mention(String::new()), Position::new(1, 6))));
        assert_eq!(at(1, 3), None);
        assert_eq!(at(2, 9), None);
        assert_eq!(at(2, 13), None);
        assert_eq!(at(3, 10), Some((Typed::Argument("model", "cla".into()), Position::new(3, 7))));
        assert_eq!(at(3, 7), Some((Typed::Argument("model", String::new()), Position::new(3, 7))));
        assert_eq!(at(4, 9), Some((Typed::Mention(String::new()), Position::new(4, 8))));
        assert_eq!(at(5, 10), None);
    }

    #[tokio::test]
    async fn files_fit_fuzzily_the_newest_first_and_ignored_ones_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in
            [("src/retry.rs", ""), ("src/main.rs", ""), ("out.rs", ""), (".gitignore", "out.rs\n")]
        {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let old = std::fs::File::open(folder.path().join("src/main.rs")).unwrap();
        old.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
        let walked = super::super::walk::Walks::default().files(folder.path()).await;
        let texts = |open: &[PathBuf], word: &str| -> Vec<String> {
            best(files(&walked, folder.path(), open), word).into_iter().map(|it| it.text).collect()
        };
        assert_eq!(texts(&[], ""), ["@src/retry.rs", "@src/main.rs"]);
        assert_eq!(texts(&[], "srt"), ["@src/retry.rs"]);
        let open = [folder.path().join("src/main.rs"), folder.path().join("new.rs")];
        assert_eq!(texts(&open, ""), ["@src/main.rs", "@new.rs", "@src/retry.rs"]);
    }
}
