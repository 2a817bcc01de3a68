//! Opening a chat document: made if need be, shown by the editor, else named in a message.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use lsp_types::{Position, Range, Url};
use pi_core::{SessionHandle, bus::EventQueue, session::Command};
use pi_host::{
    fs::blocking,
    workspace::position::{PositionEncoding, to_range},
};
use pi_protocol::{AgentMessage, TextPosition, TextRange};
use ropey::Rope;

use super::{attach, files, story::title_of, written::Written};
use crate::transport::lsp::{connection::Connection, documents::file_path, show::document};

/// Longest wait for the first words of a chat, of which its document has the name.
const FIRST_WORDS: Duration = Duration::from_secs(2);

/// Opens the chat of a session. `mention` is typed into its prompt.
pub async fn open(connection: Arc<Connection>, session: SessionHandle, mention: Option<String>) {
    let title = title(&connection, &session).await;
    match made(&connection, connection.hub.folder_of(session.id()), session.id(), title).await {
        Ok(path) => {
            if let Some(mention) = mention {
                write(&connection, &path, &mention).await;
            }
            show(&connection, &path).await;
        }
        Err(error) => connection.messages.error(&format!("The chat document cannot be written: {error}")),
    }
}

/// What a chat is called: its name, else its first words.
async fn title(connection: &Connection, session: &SessionHandle) -> Option<String> {
    let state = session.ask(Command::GetState).await.ok()?;
    if state.session_name.is_some() {
        return state.session_name;
    }
    let first = match first_message(session).await {
        // What was said a moment ago is on its way.
        None if state.is_streaming => next_message(session).await,
        first => first,
    }?;
    let chats = connection.hub.folder_of(session.id()).join(files::FOLDER);
    let written = Written::read(&chats, &connection.hub.header(session.id())?).await;
    title_of(&written.message(first))
}

async fn first_message(session: &SessionHandle) -> Option<Arc<AgentMessage>> {
    let all = session.ask(|reply| Command::GetEntries(None, reply)).await.ok()?;
    attach::path_of(&all.entries, all.leaf_id.as_deref()).into_iter().next()
}

/// The first message of a session that has none yet and works; nothing if it takes too long.
async fn next_message(session: &SessionHandle) -> Option<Arc<AgentMessage>> {
    let events = EventQueue::of_one_session();
    session.ask(|reply| Command::Subscribe(events.clone(), reply)).await.ok()?;
    let said = async {
        // It may have come before we listened.
        while first_message(session).await.is_none() && events.next().await.is_some() {}
    };
    let _late = tokio::time::timeout(FIRST_WORDS, said).await;
    events.close();
    first_message(session).await
}

/// The document of a chat, as [`files::ensure`] finds or makes it.
pub async fn made(
    connection: &Connection,
    folder: PathBuf,
    session: &str,
    title: Option<String>,
) -> io::Result<PathBuf> {
    let (workspace, session) = (connection.documents.workspace().cloned(), session.to_owned());
    let is_open = move |path: &Path| workspace.as_ref().is_some_and(|it| it.document(path).is_some());
    blocking(move || files::ensure(&folder, &session, title.as_deref(), is_open)).await
}

/// Lets the editor show a chat document, at its end, where the user writes.
pub async fn show(connection: &Connection, path: &Path) {
    let relative = path.strip_prefix(connection.folder_of(path)).unwrap_or(path).display();
    let said = format!("Chat: {relative}");
    let open = connection.documents.workspace().and_then(|it| it.overlay_text(path));
    let text = match open {
        Some(rope) => rope.to_string(),
        None => {
            let path = path.to_owned();
            blocking(move || std::fs::read_to_string(path)).await.unwrap_or_default()
        }
    };
    match Url::from_file_path(path) {
        Ok(uri) => {
            document(connection, &uri, Some(end(&text, connection.capabilities().encoding)), &said).await
        }
        Err(()) => connection.messages.show(lsp_types::MessageType::INFO, &said),
    }
}

/// Where the next word would be typed: before the last line end.
fn end(text: &str, encoding: PositionEncoding) -> Position {
    let end = text.strip_suffix('\n').unwrap_or(text).len();
    let at = to_range(&Rope::from_str(text), end, end, encoding).end;
    Position::new(at.line, at.character)
}

/// Puts `text` into the prompt, in the editor if it has the document, else in the file.
async fn write(connection: &Connection, path: &Path, text: &str) {
    if connection.chats.write(path, text) {
        return;
    }
    let (file, added) = (path.to_owned(), format!("{} \n", text.trim_end()));
    let written = blocking(move || std::fs::write(&file, behind(std::fs::read_to_string(&file)?, &added)));
    if let Err(error) = written.await {
        tracing::warn!(%error, "cannot write the mention into the chat document");
    }
}

/// A draft with another line behind it.
fn behind(mut old: String, added: &str) -> String {
    if !old.is_empty() && !old.ends_with('\n') {
        old.push('\n');
    }
    old + added
}

/// How a selection is mentioned in a prompt: `@src/retry.rs:12-40`.
pub fn ask_about(connection: &Connection, uri: &Url, range: Range) -> Option<String> {
    let shown = shown(connection, uri)?;
    let ends_before = range.end.character == 0 && range.end.line > range.start.line;
    let (first, last) = (range.start.line + 1, range.end.line + u32::from(!ends_before));
    Some(if last > first { format!("@{shown}:{first}-{last} ") } else { format!("@{shown}:{first} ") })
}

/// How a document of the context is mentioned, or lines of it.
pub fn mention_of(connection: &Connection, uri: &str, range: Option<TextRange>) -> Option<String> {
    let uri = Url::parse(uri).ok()?;
    let position = |it: TextPosition| Position::new(it.line, it.character);
    match range {
        Some(it) => ask_about(connection, &uri, Range::new(position(it.start), position(it.end))),
        None => Some(format!("@{} ", shown(connection, &uri)?)),
    }
}

/// The path of a document in its folder.
fn shown(connection: &Connection, uri: &Url) -> Option<String> {
    let path = file_path(uri)?;
    let folder = connection.folder_of(&path);
    Some(path.strip_prefix(&folder).unwrap_or(&path).display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_is_a_line_of_its_own() {
        assert_eq!(behind("## You\n\n".into(), "@a.rs \n"), "## You\n\n@a.rs \n");
        assert_eq!(behind("## You\n\nhalf".into(), "@a.rs \n"), "## You\n\nhalf\n@a.rs \n");
    }
}
