//! The methods of LSP itself, as tower-lsp's handlers: translate and return.

use std::{path::PathBuf, sync::Arc};

use lsp_types::*;
use pi_protocol::{Method, SCHEMA_HASH};
use serde_json::{Value, json};
use tower_lsp::{LanguageServer, async_trait, jsonrpc::Result};

use super::{
    actions,
    capabilities::Capabilities,
    connection::{Connection, Phase},
    documents::file_path,
    service::to_rpc,
};

/// Version of the `pi/*` methods; it changes when a stable one does.
const PROTOCOL_VERSION: u32 = 1;

/// tower-lsp's view of the connection.
pub struct Backend {
    connection: Arc<Connection>,
}

impl Backend {
    /// For this connection.
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }
}

#[async_trait]
impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let capabilities = Capabilities::resolve(&params.capabilities);
        let result = InitializeResult {
            capabilities: ours(&capabilities),
            server_info: Some(ServerInfo {
                name: "pi".into(),
                version: Some(env!("CARGO_PKG_VERSION").into()),
            }),
        };
        let folder = folder(&params).unwrap_or_else(|| self.connection.folder());
        if let Some(id) = params.process_id {
            super::parent::watch(self.connection.clone(), id);
        }
        self.connection.initialized(capabilities, folder);
        self.connection.enter(Phase::Running);
        Ok(result)
    }

    async fn shutdown(&self) -> Result<()> {
        self.connection.enter(Phase::ShutDown);
        // Some clients kill the server after this answer without `exit`: nothing may be left to write by then.
        self.connection.settle().await;
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        self.connection.documents.open(&params);
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        self.connection.documents.change(params);
    }

    async fn did_save(&self, params: DidSaveTextDocumentParams) {
        self.connection.documents.save(&params);
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.connection.documents.close(&params);
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        Ok(Some(actions::offered(&self.connection, &params)))
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        actions::run(&self.connection, &params.command, &params.arguments)
            .inspect_err(|error| self.connection.messages.error(&error.message))
            .map_err(to_rpc)?;
        Ok(None)
    }

    async fn did_change_configuration(&self, _: DidChangeConfigurationParams) {
        // Settings are in Pi's files; Helix and Neovim send this right after `initialized`.
    }

    async fn did_change_workspace_folders(&self, _: DidChangeWorkspaceFoldersParams) {
        // A session keeps the folder it was started in.
    }

    async fn did_change_watched_files(&self, _: DidChangeWatchedFilesParams) {
        // Tools read files when they need them.
    }
}

/// What this server can do for a client with these capabilities.
fn ours(client: &Capabilities) -> ServerCapabilities {
    // A plugin has commands of its own, and VS Code's client would register ours a second time.
    let commands = if client.knows_pi { Vec::new() } else { actions::names() };
    let methods: Vec<_> = Method::ALL.iter().map(|it| it.lsp_name()).collect();
    ServerCapabilities {
        position_encoding: Some(client.encoding_kind()),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(true) })),
            ..TextDocumentSyncOptions::default()
        })),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(actions::kinds()),
            resolve_provider: Some(false),
            ..CodeActionOptions::default()
        })),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands,
            ..ExecuteCommandOptions::default()
        }),
        experimental: Some(json!({
            "pi": {
                "version": PROTOCOL_VERSION,
                "schemaHash": SCHEMA_HASH.trim(),
                "schemaHash": pi_protocol::SCHEMA_HASH,
                "methods": methods,
                "notifications": ["pi/event"],
                "commands": actions::names(),
            },
        })),
        ..ServerCapabilities::default()
    }
}

/// The folder the client works in.
#[allow(deprecated, reason = "older clients send only rootUri or rootPath")]
fn folder(params: &InitializeParams) -> Option<PathBuf> {
    let first = params.workspace_folders.as_deref().and_then(|it| it.first());
    first
        .and_then(|it| file_path(&it.uri))
        .or_else(|| params.root_uri.as_ref().and_then(file_path))
        .or_else(|| params.root_path.as_ref().map(PathBuf::from))
        .filter(|it| it.is_absolute())
}
