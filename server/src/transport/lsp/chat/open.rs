//! Opening a chat document: made if need be, shown by the editor, else named in a message.

use std::{path::Path, sync::Arc, time::Duration};

use lsp_types::{MessageType, Range, Url};
use pi_core::{SessionHandle, session::Command};
use pi_host::fs::blocking;
use serde_json::{Value, json};

use super::files;
use crate::transport::lsp::{connection::Connection, documents::file_path};

/// How long an editor may take to show a document.
const DEADLINE: Duration = Duration::from_secs(10);

/// Opens the chat of a session. `mention` is typed into its prompt.
pub async fn open(connection: Arc<Connection>, session: SessionHandle, mention: Option<String>) {
    let title = session.ask(Command::GetState).await.ok().and_then(|it| it.session_name);
    let (folder, id) = (connection.folder(), session.id().clone());
    let made = blocking(move || files::ensure(&folder, &id, title.as_deref())).await;
    match made {
        Ok(path) => {
            if let Some(mention) = mention {
                write(&connection, &path, &mention).await;
            }
            show(&connection, &path).await;
        }
        Err(error) => connection.messages.error(&format!("The chat document cannot be written: {error}")),
    }
}

/// Lets the editor show a document.
pub async fn show(connection: &Connection, path: &Path) {
    let shown = match Url::from_file_path(path) {
        Ok(uri) => {
            let params = json!({ "uri": uri, "takeFocus": true });
            let answer = connection.client.ask("window/showDocument", params, DEADLINE).await;
            answer.is_ok_and(|it| it.get("success").and_then(Value::as_bool) == Some(true))
        }
        Err(()) => false,
    };
    if !shown {
        let relative = path.strip_prefix(connection.folder()).unwrap_or(path).display();
        connection.messages.show(MessageType::INFO, &format!("Chat: {relative}"));
    }
}

/// Puts `text` into the prompt, in the editor if it has the document, else in the file.
async fn write(connection: &Connection, path: &Path, text: &str) {
    if connection.chats.write(path, text) {
        return;
    }
    let (file, added) = (path.to_owned(), format!("{text} \n"));
    let written = blocking(move || {
        let old = std::fs::read_to_string(&file)?;
        std::fs::write(&file, old + &added)
    });
    if let Err(error) = written.await {
        tracing::warn!(%error, "cannot write the mention into the chat document");
    }
}

/// How a selection is mentioned in a prompt: `@src/retry.rs:12-40`.
pub fn ask_about(connection: &Connection, uri: &Url, range: Range) -> Option<String> {
    let path = file_path(uri)?;
    let folder = connection.folder();
    let shown = path.strip_prefix(&folder).unwrap_or(&path).display();
    let ends_before = range.end.character == 0 && range.end.line > range.start.line;
    let (first, last) = (range.start.line + 1, range.end.line + u32::from(!ends_before));
    Some(if last > first { format!("@{shown}:{first}-{last} ") } else { format!("@{shown}:{first} ") })
}
