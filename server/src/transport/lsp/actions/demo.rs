//! `pi.demo`: plays the demo in an editor without a plugin.

use std::{path::PathBuf, sync::Arc, time::Duration};

use pi_core::session::Command;
use pi_host::workspace::Workspace;
use pi_protocol::{CommandError, PromptParams};
use serde_json::Value;

use crate::{
    demo::in_editor::Demo,
    transport::lsp::{chat, connection::Connection, lane::Job, show, target::Target},
};

/// How long an editor may take to open the file it shows; after that the demo edits the file on disk.
const OPENING: Duration = Duration::from_secs(5);

/// `pi.demo`.
pub fn demo(connection: &Arc<Connection>, _: &[Value]) -> Result<(), CommandError> {
    connection.enqueue(Job::Demo(Target::here(connection)));
    Ok(())
}

/// Shows the file and, where there are such, the chat; then says what the user would say.
pub async fn play(connection: Arc<Connection>, demo: Demo) {
    show::path(&connection, &demo.file, &format!("The demo edits {}", demo.file.display())).await;
    if let Some(workspace) = connection.documents.workspace() {
        is_open(workspace, demo.file).await;
    }
    if connection.capabilities().chat_document {
        chat::open(connection.clone(), demo.session.clone(), None).await;
    }
    let params = PromptParams { message: demo.prompt.into(), ..PromptParams::default() };
    if let Err(error) = demo.session.ask(|reply| Command::Prompt(params, reply)).await {
        connection.messages.error(&format!("The demo could not begin: {}", error.message));
    }
}

/// Waits until the file is open, for a while.
async fn is_open(workspace: &Workspace, file: PathBuf) {
    if tokio::time::timeout(OPENING, workspace.opened(&file)).await.is_err() {
        tracing::info!("the editor does not open the file of the demo");
    }
}
