//! Showing documents: the editor is asked to; one that cannot is told where they are. Every editor is asked, as
//! Helix 25.01 shows documents without announcing it.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use lsp_types::{MessageType, Position, Url};
use pi_host::fs::blocking;
use serde_json::{Value, json};

use super::{connection::Connection, messages};

/// How long an editor may take to show a document.
const DEADLINE: Duration = Duration::from_secs(10);

/// Shows a document, at a place of it if one is given; else says `otherwise`.
pub async fn document(connection: &Connection, uri: &Url, at: Option<Position>, otherwise: &str) {
    let mut params = json!({ "uri": uri, "takeFocus": true });
    if let Some(at) = at {
        params["selection"] = json!({ "start": at, "end": at });
    }
    let answer = connection.client.ask("window/showDocument", params, DEADLINE).await;
    if !answer.is_ok_and(|it| it.get("success").and_then(Value::as_bool) == Some(true)) {
        connection.messages.show(MessageType::INFO, otherwise);
    }
}

/// Shows a file; else says `otherwise`.
pub async fn path(connection: &Connection, path: &Path, otherwise: &str) {
    match Url::from_file_path(path) {
        Ok(uri) => document(connection, &uri, None, otherwise).await,
        Err(()) => connection.messages.show(MessageType::INFO, otherwise),
    }
}

/// Shows a text that has no file: in a temporary one, named so that editors know its language. `what` names it in a
/// message, before its path.
pub async fn text(connection: &Connection, name: &str, text: String, what: &str) {
    match aside(name, text).await {
        Ok(path) => self::path(connection, &path, &format!("{what} in {}", path.display())).await,
        Err(error) => {
            connection.messages.error(&format!("The temporary folder cannot be written: {error}"));
        }
    }
}

/// An answer to a command: in a message if it fits there, else as a document of this name.
pub async fn answer(connection: &Connection, name: &str, said: String, what: &str) {
    match messages::fits(&said) {
        true => connection.messages.show(MessageType::INFO, &said),
        false => text(connection, name, said, what).await,
    }
}

/// A new temporary file with this text. It stays: an editor has it open.
pub async fn aside(name: &str, text: String) -> std::io::Result<PathBuf> {
    let suffix = format!("-{name}");
    blocking(move || {
        let mut file = tempfile::Builder::new().prefix("pi-").suffix(&suffix).tempfile()?;
        file.write_all(text.as_bytes())?;
        Ok(file.keep().map_err(|it| it.error)?.1)
    })
    .await
}
