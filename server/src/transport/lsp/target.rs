//! Which session something is for: the one that is named, else the one of the folder it is about.
//!
//! A folder is meant by a document in it. What names nothing and begins something, a prompt or a chat, is about the
//! document the user was in last; everything else goes to the session that was used last.

use std::path::{Path, PathBuf};

use pi_protocol::{CommandError, Method};
use serde_json::Value;

use super::connection::Connection;
use crate::context::path_of;

/// A session, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Target {
    /// The one with this id.
    Session(String),
    /// The one of this folder, opened if need be.
    Folder(PathBuf),
    /// The one used last; at the beginning that of the first folder.
    #[default]
    Last,
}

impl Target {
    /// What the parameters of a request name.
    ///
    /// # Errors
    /// They name it in a wrong way, or a folder that is not open.
    pub fn of(connection: &Connection, method: Method, params: &Value) -> Result<Self, CommandError> {
        match params.get("sessionId") {
            None | Some(Value::Null) => {}
            Some(Value::String(id)) => return Ok(Self::Session(id.clone())),
            Some(_) => return Err(CommandError::invalid("sessionId must be a string")),
        }
        match params.get("folder") {
            None | Some(Value::Null) => {}
            // These take any folder, and it is theirs.
            Some(_) if is_about_folders(method) => return Ok(Self::Last),
            Some(Value::String(folder)) => return Self::folder(connection, folder),
            Some(_) => return Err(CommandError::invalid("folder must be a string")),
        }
        let context = params.get("context").and_then(Value::as_array).into_iter().flatten();
        let mut documents = context.filter_map(|it| it.get("uri").and_then(Value::as_str));
        let named = documents.find_map(|uri| connection.folders().containing(&path_of(uri)));
        Ok(match named {
            Some(folder) => Self::Folder(folder),
            None if matches!(method, Method::Prompt | Method::NewSession) => Self::here(connection),
            None => Self::Last,
        })
    }

    fn folder(connection: &Connection, named: &str) -> Result<Self, CommandError> {
        connection.folders().containing(&path_of(named)).map(Self::Folder).ok_or_else(|| {
            let open: Vec<_> = connection.folders().all().iter().map(|it| it.display().to_string()).collect();
            CommandError::invalid(format!("folder {named} is not open; there are: {}", open.join(", ")))
        })
    }

    /// The session of the folder a document is in.
    pub fn about(connection: &Connection, document: &Path) -> Self {
        connection.folders().containing(document).map_or(Self::Last, Self::Folder)
    }

    /// Where something begins that names no place: the folder the user was in last.
    pub fn here(connection: &Connection) -> Self {
        connection.folders().active().map_or(Self::Last, Self::Folder)
    }
}

fn is_about_folders(method: Method) -> bool {
    matches!(method, Method::SessionList | Method::SessionSearch | Method::SessionAdd | Method::Demo)
}
