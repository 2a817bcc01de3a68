//! The methods of LSP itself, as tower-lsp's handlers: translate and return.

use std::{path::PathBuf, sync::Arc};

use lsp_types::*;
use pi_host::fs::blocking;
use pi_protocol::{ClientMethod, Method, SCHEMA_HASH};
use serde_json::{Value, json};
use tower_lsp::{LanguageServer, async_trait, jsonrpc::Result};

use super::{
    actions,
    capabilities::Capabilities,
    chat,
    connection::{Connection, Phase},
    documents::file_path,
    folders, hunks,
    lane::Job,
    service::to_rpc,
    settings, watched,
};
use crate::cli::PROTOCOL_VERSION;

/// tower-lsp's view of the connection.
pub struct Backend {
    connection: Arc<Connection>,
}

impl Backend {
    /// For this connection.
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// The path and text of an open chat document or transcript.
    fn chat(&self, uri: &Url) -> Option<(PathBuf, String)> {
        let path = file_path(uri).filter(|it| chat::is_ours(it))?;
        let text = self.connection.documents.workspace()?.overlay_text(&path)?;
        Some((path, text.to_string()))
    }

    /// The user is in this document.
    fn touch(&self, uri: &Url) {
        if let Some(path) = file_path(uri) {
            self.connection.folders().touch(&path);
        }
    }

    /// Tells the user when their plugin was made for other methods than these.
    fn other_version(&self, version: Option<u32>) {
        let Some(version) = version.filter(|it| *it != PROTOCOL_VERSION) else { return };
        let older = if version < PROTOCOL_VERSION { "plugin" } else { "server" };
        self.connection.messages.show(
            MessageType::WARNING,
            &format!(
                "Plugin {version} and server {PROTOCOL_VERSION} do not speak the same protocol. Update the {older}."
            ),
        );
    }
}

#[async_trait]
impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let capabilities = Capabilities::of(&params);
        let result = InitializeResult {
            capabilities: ours(&capabilities),
            server_info: Some(ServerInfo {
                name: "pi".into(),
                version: Some(env!("CARGO_PKG_VERSION").into()),
            }),
        };
        let mut folders = folders::named(&params);
        if folders.is_empty() {
            folders.push(self.connection.folder());
        }
        if let Some(id) = params.process_id {
            super::parent::watch(self.connection.clone(), id);
        }
        let version = capabilities.version;
        self.connection.initialized(capabilities, folders);
        settings::initial(&self.connection, params.initialization_options.as_ref());
        self.other_version(version);
        tokio::spawn(hunks::follow(self.connection.clone()));
        self.connection.enter(Phase::Running);
        Ok(result)
    }

    async fn initialized(&self, _: InitializedParams) {
        // Not earlier: it asks the client for something.
        tokio::spawn(watched::follow(self.connection.clone()));
        let hub = self.connection.hub.clone();
        // What is wrong with the files about models is told now and not with the first prompt.
        tokio::task::spawn_blocking(move || drop(hub.compose().registry().clone()));
    }

    async fn shutdown(&self) -> Result<()> {
        self.connection.enter(Phase::ShutDown);
        // Some clients kill the server after this answer without `exit`: nothing may be left to write by then.
        self.connection.settle().await;
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        self.connection.documents.open(&params);
        self.touch(&params.text_document.uri);
        self.connection.hunks.opened();
        if let Some(path) = file_path(&params.text_document.uri) {
            self.connection.chats.opened(&self.connection, &path);
        }
        if let Some(document) = self.connection.documents.document(&params.text_document.uri) {
            self.connection.watched.opened(document);
        }
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let path = file_path(&params.text_document.uri);
        self.connection.documents.change(params);
        if let Some(path) = path {
            self.connection.chats.changed(&self.connection, &path);
            self.connection.hunks.changed(&path);
        }
    }

    async fn did_save(&self, params: DidSaveTextDocumentParams) {
        self.connection.documents.save(&params);
        self.touch(&params.text_document.uri);
        if let Some(path) = file_path(&params.text_document.uri) {
            self.connection.chats.saved(&self.connection, &path);
        }
    }

    async fn will_save(&self, params: WillSaveTextDocumentParams) {
        if let Some(path) = file_path(&params.text_document.uri) {
            self.connection.chats.will_save(&path, params.reason);
        }
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        let document = self.connection.documents.document(&params.text_document.uri);
        self.connection.documents.close(&params);
        if let Some(document) = document {
            self.connection.watched.closed(document);
        }
        if let Some(path) = file_path(&params.text_document.uri) {
            self.connection.chats.closed(&path);
            self.connection.hunks.changed(&path);
        }
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        self.touch(&params.text_document.uri);
        Ok(Some(actions::offered(&self.connection, &params).await))
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let place = &params.text_document_position_params;
        self.touch(&place.text_document.uri);
        let (chat, at) = (self.chat(&place.text_document.uri), place.position);
        match (hunks::hover(&self.connection, &params), chat) {
            (None, Some((path, text))) => Ok(chat::hover(&self.connection, &path, &text, at).await),
            (found, _) => Ok(found),
        }
    }

    async fn goto_definition(&self, params: GotoDefinitionParams) -> Result<Option<GotoDefinitionResponse>> {
        let place = params.text_document_position_params;
        let Some((path, text)) = self.chat(&place.text_document.uri) else { return Ok(None) };
        let found = chat::definition(&self.connection, &path, &text, place.position).await;
        Ok(found.map(GotoDefinitionResponse::Scalar))
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        Ok(Some(hunks::lenses(&self.connection, &params)))
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let place = params.text_document_position;
        self.touch(&place.text_document.uri);
        let chat = self.chat(&place.text_document.uri).filter(|it| chat::is_chat(&it.0));
        let Some((path, _)) = chat else { return Ok(None) };
        let found = chat::completions(self.connection.clone(), &path, place.position).await;
        Ok(found.map(CompletionResponse::List))
    }

    async fn document_symbol(&self, params: DocumentSymbolParams) -> Result<Option<DocumentSymbolResponse>> {
        let chat = self.chat(&params.text_document.uri);
        Ok(chat.map(|(_, text)| DocumentSymbolResponse::Nested(chat::symbols(&text))))
    }

    async fn folding_range(&self, params: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>> {
        Ok(self.chat(&params.text_document.uri).map(|(_, text)| chat::folds(&text)))
    }

    async fn document_link(&self, params: DocumentLinkParams) -> Result<Option<Vec<DocumentLink>>> {
        let encoding = self.connection.capabilities().encoding;
        let Some((path, text)) = self.chat(&params.text_document.uri) else { return Ok(None) };
        let folder = self.connection.folder_of(&path);
        let links = blocking(move || Ok(chat::links(&text, &folder, encoding)));
        Ok(Some(links.await.unwrap_or_default()))
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        actions::run(&self.connection, &params.command, &params.arguments)
            .inspect_err(|error| self.connection.messages.error(&error.message))
            .map_err(to_rpc)?;
        Ok(None)
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        settings::changed(&self.connection, &params.settings);
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        let removed = self.connection.folders().change(&params.event);
        self.connection.hub.compose().set_open_folders(&self.connection.folders().all());
        self.connection.enqueue(Job::FoldersClosed(removed));
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        self.connection.watched.saw(params.changes.into_iter().map(|it| it.uri));
    }

    async fn did_create_files(&self, params: CreateFilesParams) {
        self.connection.watched.saw(params.files.iter().filter_map(|it| Url::parse(&it.uri).ok()));
    }

    async fn did_rename_files(&self, params: RenameFilesParams) {
        let path = |it: &str| file_path(&Url::parse(it).ok()?);
        let moves = params.files.iter().filter_map(|it| Some((path(&it.old_uri)?, path(&it.new_uri)?)));
        for (from, to) in moves {
            for (old, new) in self.connection.documents.moved(&from, &to) {
                self.connection.chats.closed(&old);
                self.connection.chats.opened(&self.connection, &new);
            }
            self.connection.watched.moved(from, to);
        }
    }

    async fn did_delete_files(&self, params: DeleteFilesParams) {
        self.connection.watched.saw(params.files.iter().filter_map(|it| Url::parse(&it.uri).ok()));
    }
}

/// Which files it wants to hear of when their user makes, moves or deletes them: all, and folders.
fn file_operations() -> WorkspaceFileOperationsServerCapabilities {
    let all = FileOperationRegistrationOptions {
        filters: vec![FileOperationFilter {
            scheme: Some("file".into()),
            pattern: FileOperationPattern { glob: "**".into(), matches: None, options: None },
        }],
    };
    WorkspaceFileOperationsServerCapabilities {
        did_create: Some(all.clone()),
        did_rename: Some(all.clone()),
        did_delete: Some(all),
        ..WorkspaceFileOperationsServerCapabilities::default()
    }
}

/// What this server can do for a client with these capabilities.
fn ours(client: &Capabilities) -> ServerCapabilities {
    // A plugin has commands of its own, and VS Code's client would register ours a second time.
    let commands = if client.knows_pi { Vec::new() } else { actions::names() };
    let methods: Vec<_> = Method::ALL.iter().map(|it| it.lsp_name()).collect();
    let requests: Vec<_> = ClientMethod::ALL.iter().map(|it| it.lsp_name()).collect();
    ServerCapabilities {
        position_encoding: Some(client.encoding_kind()),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            // Says whether a chat document is saved by its user or by itself.
            will_save: Some(true),
            save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(true) })),
            ..TextDocumentSyncOptions::default()
        })),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(actions::kinds()),
            resolve_provider: Some(false),
            ..CodeActionOptions::default()
        })),
        hover_provider: (!client.review).then_some(HoverProviderCapability::Simple(true)),
        code_lens_provider: (!client.review).then_some(CodeLensOptions { resolve_provider: Some(false) }),
        // In chat documents only.
        completion_provider: client.chat_document.then(|| CompletionOptions {
            trigger_characters: Some(vec!["/".into(), "@".into()]),
            ..CompletionOptions::default()
        }),
        // From paths and changes in chat documents.
        definition_provider: client.chat_document.then_some(OneOf::Left(true)),
        document_symbol_provider: client.chat_document.then_some(OneOf::Left(true)),
        folding_range_provider: client.chat_document.then_some(FoldingRangeProviderCapability::Simple(true)),
        document_link_provider: client.chat_document.then(|| DocumentLinkOptions {
            resolve_provider: Some(false),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands,
            ..ExecuteCommandOptions::default()
        }),
        workspace: Some(WorkspaceServerCapabilities {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(OneOf::Left(true)),
            }),
            file_operations: Some(file_operations()),
        }),
        experimental: Some(json!({
            "pi": {
                "version": PROTOCOL_VERSION,
                "schemaHash": SCHEMA_HASH.trim(),
                "methods": methods,
                "requests": requests,
                "notifications": ["pi/event", "pi/activity"],
                "commands": actions::names(),
            },
        })),
        ..ServerCapabilities::default()
    }
}
