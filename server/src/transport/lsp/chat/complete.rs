//! Completion in the prompt of a chat document: commands behind `/`, files behind `@`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use ignore::WalkBuilder;
use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionList, CompletionTextEdit, Position, Range, TextEdit,
};
use nucleo_matcher::{
    Config, Matcher,
    pattern::{CaseMatching, Normalization, Pattern},
};
use pi_core::session::Command;
use pi_host::{
    fs::blocking,
    workspace::{
        Position as Place,
        position::{self, PositionEncoding},
    },
};
use ropey::Rope;
use tokio::sync::oneshot;

use super::commands;
use crate::{
    markdown,
    transport::lsp::{connection::Connection, lane::Job, target::Target},
};

/// Files that are looked at.
const WALKED: usize = 50_000;
/// Items of one answer; more typing narrows it.
const MOST: usize = 50;

/// What is being typed at the cursor.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    Command(String),
    Mention(String),
}

/// The items for a place in a chat document; nothing where nothing can be completed.
pub async fn items(connection: Arc<Connection>, path: &Path, at: Position) -> Option<CompletionList> {
    let rope = connection.documents.workspace()?.overlay_text(path)?;
    let encoding = connection.capabilities().encoding;
    let (typed, start) = typed(&rope, at, encoding)?;
    let range = Range::new(start, at);
    let items = match typed {
        Typed::Command(word) => command_items(&connection, path, &rope.to_string(), &word, range).await,
        Typed::Mention(word) => file_items(connection.folder_of(path), word, range).await,
    };
    Some(CompletionList { is_incomplete: true, items })
}

/// The word before the cursor, if it begins a command or a mention, and where it begins.
fn typed(rope: &Rope, at: Position, encoding: PositionEncoding) -> Option<(Typed, Position)> {
    let end = position::to_byte(rope, Place::new(at.line, at.character), encoding);
    let begin = position::to_byte(rope, Place::new(at.line, 0), encoding);
    let line = rope.byte_slice(begin..end.max(begin)).to_string();
    let word_at = line.rfind(char::is_whitespace).map_or(0, |it| it + 1);
    let word = &line[word_at..];
    let typed = if let Some(name) = word.strip_prefix('/').filter(|_| word_at == 0) {
        Typed::Command(name.to_owned())
    } else {
        Typed::Mention(word.strip_prefix('@')?.to_owned())
    };
    let start = position::to_range(rope, begin + word_at, end, encoding).start;
    Some((typed, Position::new(start.line, start.character)))
}

async fn command_items(
    connection: &Connection,
    path: &Path,
    text: &str,
    word: &str,
    range: Range,
) -> Vec<CompletionItem> {
    let mut all: Vec<(String, String)> =
        commands::TABLE.iter().map(|it| (it.name.to_owned(), it.help.to_owned())).collect();
    let (reply, answer) = oneshot::channel();
    let id = markdown::session_id(text).map(str::to_owned);
    connection.enqueue(Job::Session(id, Target::about(connection, path), reply));
    if let Ok(Ok(session)) = answer.await {
        let known = session.ask(Command::GetCommands).await.map(|it| it.commands).unwrap_or_default();
        all.extend(known.into_iter().map(|it| (it.name, it.description.unwrap_or_default())));
    }
    let names = all.iter().map(|it| it.0.clone()).collect();
    let item = |name: String| {
        let help = all.iter().find(|it| it.0 == name).map(|it| it.1.clone());
        item(format!("/{name}"), help, CompletionItemKind::FUNCTION, range)
    };
    best(names, word).into_iter().map(item).collect()
}

async fn file_items(folder: PathBuf, word: String, range: Range) -> Vec<CompletionItem> {
    let found = blocking(move || Ok::<_, std::io::Error>(best(files(&folder), &word))).await;
    let item = |path| item(format!("@{path}"), None, CompletionItemKind::FILE, range);
    found.unwrap_or_default().into_iter().map(item).collect()
}

/// The files of the project that no ignore file names, from its folder.
fn files(folder: &Path) -> Vec<String> {
    let walk = WalkBuilder::new(folder).hidden(true).require_git(false).build();
    let files = walk.flatten().filter(|it| it.file_type().is_some_and(|it| it.is_file())).take(WALKED);
    files.filter_map(|it| Some(it.path().strip_prefix(folder).ok()?.to_str()?.replace('\\', "/"))).collect()
}

/// Those that fit what was typed, best first.
fn best(names: Vec<String>, word: &str) -> Vec<String> {
    let mut matcher = Matcher::new(Config::DEFAULT.match_paths());
    let pattern = Pattern::parse(word, CaseMatching::Smart, Normalization::Smart);
    let found = pattern.match_list(names, &mut matcher);
    found.into_iter().take(MOST).map(|(name, _)| name).collect()
}

fn item(label: String, detail: Option<String>, kind: CompletionItemKind, range: Range) -> CompletionItem {
    CompletionItem {
        filter_text: Some(label.clone()),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit::new(range, label.clone()))),
        label,
        detail,
        kind: Some(kind),
        ..CompletionItem::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_before_the_cursor_decides() {
        let rope = Rope::from_str("/mo\nsee é @src/r\nmail me@x /no\n");
        let at = |line, character| typed(&rope, Position::new(line, character), PositionEncoding::Utf16);
        assert_eq!(at(0, 3), Some((Typed::Command("mo".into()), Position::new(0, 0))));
        assert_eq!(at(1, 12), Some((Typed::Mention("src/r".into()), Position::new(1, 6))));
        assert_eq!(at(1, 7), Some((Typed::Mention(String::new()), Position::new(1, 6))));
        assert_eq!(at(1, 3), None);
        assert_eq!(at(2, 9), None);
        assert_eq!(at(2, 13), None);
    }

    #[test]
    fn files_fit_fuzzily_and_ignored_ones_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in
            [("src/retry.rs", ""), ("src/main.rs", ""), ("out.rs", ""), (".gitignore", "out.rs\n")]
        {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let mut all = files(folder.path());
        all.sort();
        assert_eq!(all, ["src/main.rs", "src/retry.rs"]);
        assert_eq!(best(all.clone(), "srt"), ["src/retry.rs"]);
        assert_eq!(best(all, "").len(), 2);
    }
}
