//! What we say about documents, for all parts of the server that say something.
//!
//! A client replaces everything it knows of a document with each `publishDiagnostics`; so who has something to say
//! gives it here under a name of its own, and what all have said is sent together.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use lsp_types::{Diagnostic, PublishDiagnosticsParams, Url};

use super::outbound::Outbound;

/// Diagnostics by document and by who said them.
#[derive(Debug, Default)]
pub struct Diagnostics(Mutex<HashMap<Url, BTreeMap<String, Vec<Diagnostic>>>>);

impl Diagnostics {
    /// Replaces what `name` says about a document, and tells the client if that changed something.
    pub fn set(&self, out: &Outbound, uri: &Url, name: &str, diagnostics: Vec<Diagnostic>) {
        let mut documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let said = documents.entry(uri.clone()).or_default();
        let before = match diagnostics.is_empty() {
            true => said.remove(name).unwrap_or_default(),
            false => said.insert(name.to_owned(), diagnostics.clone()).unwrap_or_default(),
        };
        if before == diagnostics {
            return;
        }
        let all: Vec<Diagnostic> = said.values().flatten().cloned().collect();
        if said.is_empty() {
            documents.remove(uri);
        }
        // Under the lock: what is sent last is what is known last.
        let params = PublishDiagnosticsParams { uri: uri.clone(), diagnostics: all, version: None };
        out.notify("textDocument/publishDiagnostics", &params);
    }
}
