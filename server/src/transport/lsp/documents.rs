//! Text synchronisation: the messages about documents become changes of the workspace overlay.
//!
//! Every function here ends before anything is awaited, so documents change in the order of their messages.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use lsp_types::{
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DidSaveTextDocumentParams, Url,
};
use pi_host::workspace::{Document, Position, PositionEncoding, Range, RangeEdit, Workspace};

/// The open documents of one client.
#[derive(Default)]
pub struct Documents {
    /// Set at `initialize`, before any document can be open.
    overlay: OnceLock<(Arc<Workspace>, PositionEncoding)>,
    /// How the client spells each document; edits must name it the same way.
    uris: Mutex<HashMap<PathBuf, Url>>,
}

impl Documents {
    /// Changes go to this workspace from now on; the first call counts.
    pub fn attach(&self, workspace: Arc<Workspace>, encoding: PositionEncoding) {
        if self.overlay.set((workspace, encoding)).is_err() {
            tracing::warn!("documents are attached already");
        }
    }

    /// The workspace, once there is one.
    pub fn workspace(&self) -> Option<&Arc<Workspace>> {
        self.overlay.get().map(|(workspace, _)| workspace)
    }

    fn uris(&self) -> MutexGuard<'_, HashMap<PathBuf, Url>> {
        self.uris.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, uri: &Url) -> Option<(&Workspace, PositionEncoding, PathBuf)> {
        let (workspace, encoding) = self.overlay.get()?;
        Some((workspace, *encoding, file_path(uri)?))
    }

    /// The open document with this name.
    pub fn document(&self, uri: &Url) -> Option<Document> {
        let (workspace, _, path) = self.place(uri)?;
        workspace.document_as_spelled(&path)
    }

    /// How the client spells the document at `path`.
    pub fn uri(&self, path: &Path) -> Option<Url> {
        self.uris().get(path).cloned().or_else(|| Url::from_file_path(path).ok())
    }

    /// `textDocument/didOpen`. Documents that are no files have no path a tool could name, and are left out.
    pub fn open(&self, params: &DidOpenTextDocumentParams) {
        let document = &params.text_document;
        let Some((workspace, _, path)) = self.place(&document.uri) else { return };
        workspace.open(&path, document.version, &document.text, &document.language_id);
        self.uris().insert(path, document.uri.clone());
    }

    /// `textDocument/didChange`.
    pub fn change(&self, params: DidChangeTextDocumentParams) {
        let Some((workspace, encoding, path)) = self.place(&params.text_document.uri) else { return };
        let edits: Vec<_> = params
            .content_changes
            .into_iter()
            .map(|it| RangeEdit { range: it.range.map(range), text: it.text })
            .collect();
        if !workspace.change(&path, params.text_document.version, &edits, encoding) {
            tracing::warn!(path = %path.display(), "change of a document that is not open");
        }
    }

    /// `textDocument/didSave`.
    pub fn save(&self, params: &DidSaveTextDocumentParams) {
        let Some((workspace, _, path)) = self.place(&params.text_document.uri) else { return };
        if !workspace.save(&path, params.text.as_deref()) {
            tracing::debug!(path = %path.display(), "save of a document that is not open");
        }
    }

    /// `textDocument/didClose`.
    pub fn close(&self, params: &DidCloseTextDocumentParams) {
        let Some((workspace, _, path)) = self.place(&params.text_document.uri) else { return };
        workspace.close(&path);
        self.uris().remove(&path);
    }

    /// `workspace/didRenameFiles` of one file or folder. Gives the documents that went along, old and new path; none
    /// if the client closes and opens them itself.
    pub fn moved(&self, from: &Path, to: &Path) -> Vec<(PathBuf, PathBuf)> {
        let Some((workspace, _)) = self.overlay.get() else { return Vec::new() };
        let moved = workspace.moved(from, to);
        let mut uris = self.uris();
        for (old, new) in &moved {
            uris.remove(old);
            if let Ok(uri) = Url::from_file_path(new) {
                uris.insert(new.clone(), uri);
            }
        }
        moved
    }

    /// Closes everything, at the end of the connection: nobody holds these texts any more.
    pub fn close_all(&self) {
        let Some((workspace, _)) = self.overlay.get() else { return };
        for (path, _) in self.uris().drain() {
            workspace.close(&path);
        }
    }
}

/// The path of a `file:` URI.
pub fn file_path(uri: &Url) -> Option<PathBuf> {
    (uri.scheme() == "file").then(|| uri.to_file_path().ok()).flatten()
}

/// A range of the client's as the workspace has it.
pub fn range(range: lsp_types::Range) -> Range {
    let position = |it: lsp_types::Position| Position::new(it.line, it.character);
    Range { start: position(range.start), end: position(range.end) }
}
