//! The editor as the workspace sees it: `workspace/applyEdit`, one document or one file operation a request.
//!
//! Only asks. Whether the buffer then has the wanted text, and what to do if not, is the workspace's affair.

use std::{
    path::{Path, PathBuf},
    sync::Weak,
    time::Duration,
};

use async_trait::async_trait;
use pi_host::workspace::{
    editor::{DocumentEdit, EditorAnswer, EditorClient, FileOperation},
    position::{self, PositionEncoding},
};
use pi_protocol::ClientMethod;
use serde_json::{Value, json};

use super::{client::AskError, connection::Connection, save};

/// How long an editor may take to answer; some ask their user first.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long it may take to say what it has at hand.
const AT_HAND: Duration = Duration::from_secs(5);

/// How late it may be with making, deleting or moving a file. The disk is changed long before.
const LATEST: Duration = Duration::from_secs(60);

/// The client of one connection.
pub struct LspEditor {
    /// Weak: the workspace outlives the connection.
    connection: Weak<Connection>,
}

impl LspEditor {
    /// The client of `connection`.
    pub fn new(connection: Weak<Connection>) -> Self {
        Self { connection }
    }
}

#[async_trait]
impl EditorClient for LspEditor {
    fn can_save(&self) -> bool {
        self.connection.upgrade().is_some_and(|it| it.capabilities().save_documents)
    }

    async fn save(&self, paths: &[PathBuf]) -> Result<(), String> {
        match self.connection.upgrade() {
            Some(connection) => save::ask(&connection, paths).await,
            None => Err("the editor is gone".into()),
        }
    }

    fn can_reload(&self) -> bool {
        self.answers(ClientMethod::ReloadDocuments)
    }

    async fn reload(&self, paths: &[PathBuf]) -> Result<(), String> {
        match self.connection.upgrade() {
            Some(connection) => save::reload(&connection, paths).await,
            None => Err("the editor is gone".into()),
        }
    }

    async fn apply(&self, edit: DocumentEdit) -> EditorAnswer {
        let Some(connection) = self.connection.upgrade() else {
            return EditorAnswer::Failed("the editor is gone".into());
        };
        if !connection.capabilities().apply_edit {
            return EditorAnswer::Failed("the editor takes no edits (no workspace/applyEdit)".into());
        }
        let Some(params) = params(&connection, &edit) else {
            return EditorAnswer::Failed(format!("{} cannot be written as a URI", edit.path.display()));
        };
        ask(&connection, params, DEADLINE).await
    }

    fn takes(&self, operation: &FileOperation) -> bool {
        self.connection.upgrade().is_some_and(|it| it.capabilities().takes(operation))
    }

    async fn operate(&self, operation: FileOperation) -> EditorAnswer {
        let Some(connection) = self.connection.upgrade() else {
            return EditorAnswer::Failed("the editor is gone".into());
        };
        let Some(change) = change(&connection, &operation) else {
            return EditorAnswer::Failed("the path cannot be written as a URI".into());
        };
        // No label: Neovim would print it, and two lines in a row make it wait for Enter.
        ask(&connection, json!({"edit": {"documentChanges": [change]}}), LATEST).await
    }

    fn answers(&self, method: ClientMethod) -> bool {
        let said = |it: &Connection| it.capabilities().answers.contains(&method) && !it.ended.is_cancelled();
        self.connection.upgrade().is_some_and(|it| said(&it))
    }

    async fn ask(&self, method: ClientMethod, params: Value) -> Result<Value, String> {
        let connection = self.connection.upgrade().ok_or("the editor is gone")?;
        let deadline = match method {
            ClientMethod::State | ClientMethod::Diagnostics => AT_HAND,
            // Its language servers may have to read the project first.
            _ => DEADLINE,
        };
        let answer = connection.client.ask(method.lsp_name(), params, deadline).await;
        answer.map_err(|error| error.to_string())
    }

    fn encoding(&self) -> PositionEncoding {
        self.connection.upgrade().map_or_else(PositionEncoding::default, |it| it.capabilities().encoding)
    }
}

async fn ask(connection: &Connection, params: Value, deadline: Duration) -> EditorAnswer {
    match connection.client.ask("workspace/applyEdit", params, deadline).await {
        Ok(answer) => hint(&answer),
        Err(error @ AskError::Timeout(_)) => EditorAnswer::Silent(error.to_string()),
        Err(error) => EditorAnswer::Failed(error.to_string()),
    }
}

/// The operation as LSP has it. Neovim and Helix empty or replace a file that is there, unless it is to be ignored.
fn change(connection: &Connection, operation: &FileOperation) -> Option<Value> {
    let uri = |path: &Path| connection.documents.uri(path);
    Some(match operation {
        FileOperation::Create(path) => {
            json!({"kind": "create", "uri": uri(path)?, "options": {"ignoreIfExists": true}})
        }
        FileOperation::Delete(path) => {
            json!({"kind": "delete", "uri": uri(path)?, "options": {"ignoreIfNotExists": true}})
        }
        FileOperation::Rename { from, to } => {
            json!({"kind": "rename", "oldUri": uri(from)?, "newUri": uri(to)?, "options": {"ignoreIfExists": true}})
        }
    })
}

/// The request. Versioned document changes also for clients that do not declare them: Neovim takes them, and
/// without a version nobody would notice that the text is another one.
fn params(connection: &Connection, edit: &DocumentEdit) -> Option<Value> {
    let encoding = connection.capabilities().encoding;
    let uri = connection.documents.uri(&edit.path)?;
    let edits: Vec<_> = edit
        .changes
        .iter()
        .map(|it| {
            let range = position::to_range(&edit.base, it.start, it.end, encoding);
            json!({
                "range": {
                    "start": { "line": range.start.line, "character": range.start.character },
                    "end": { "line": range.end.line, "character": range.end.character },
                },
                "newText": it.text,
            })
        })
        .collect();
    let mut params = json!({
        "edit": {
            "documentChanges": [
                { "textDocument": { "uri": uri, "version": edit.version }, "edits": edits },
            ],
        },
    });
    if !connection.capabilities().prints_labels {
        params["label"] = json!(edit.label);
    }
    Some(params)
}

fn hint(answer: &Value) -> EditorAnswer {
    match answer.get("applied").and_then(Value::as_bool) {
        Some(true) => EditorAnswer::Applied,
        Some(false) => EditorAnswer::Refused(
            answer
                .get("failureReason")
                .and_then(Value::as_str)
                .filter(|it| !it.is_empty())
                .map(str::to_owned),
        ),
        // Some clients answer null to what they do not know.
        None => EditorAnswer::Failed("the editor's answer does not say whether it applied the edit".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_only_hints() {
        for (answer, expected) in [
            (json!({"applied": true}), EditorAnswer::Applied),
            (json!({"applied": false}), EditorAnswer::Refused(None)),
            (json!({"applied": false, "failureReason": ""}), EditorAnswer::Refused(None)),
            (
                json!({"applied": false, "failureReason": "document has changed"}),
                EditorAnswer::Refused(Some("document has changed".into())),
            ),
        ] {
            assert_eq!(hint(&answer), expected, "{answer}");
        }
        for answer in [json!(null), json!({}), json!({"applied": "yes"})] {
            assert!(matches!(hint(&answer), EditorAnswer::Failed(_)), "{answer}");
        }
    }
}
