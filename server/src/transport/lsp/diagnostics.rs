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

/// What one part of the server says about a document, and the version of its text that it looked at, if it says so.
type Said = (Option<i32>, Vec<Diagnostic>);

/// Diagnostics by document and by who said them.
#[derive(Debug, Default)]
pub struct Diagnostics(Mutex<HashMap<Url, BTreeMap<String, Said>>>);

impl Diagnostics {
    /// Replaces what `name` says about a document, and tells the client if that changed something.
    pub fn set(&self, out: &Outbound, uri: &Url, name: &str, diagnostics: Vec<Diagnostic>) {
        self.set_for(out, uri, name, None, diagnostics);
    }

    /// The same for one version of the text. Some clients drop what is about another one than they have, so who gives a
    /// version looks again whenever the text has changed.
    pub fn set_for(
        &self,
        out: &Outbound,
        uri: &Url,
        name: &str,
        version: Option<i32>,
        diagnostics: Vec<Diagnostic>,
    ) {
        let mut documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let said = documents.entry(uri.clone()).or_default();
        let now = (!diagnostics.is_empty()).then_some((version, diagnostics));
        let before = match &now {
            None => said.remove(name),
            Some(now) => said.insert(name.to_owned(), now.clone()),
        };
        if before == now {
            return;
        }
        let all: Vec<Diagnostic> = said.values().flat_map(|it| it.1.clone()).collect();
        let version = agreed(said.values().map(|it| it.0));
        if said.is_empty() {
            documents.remove(uri);
        }
        // Under the lock: what is sent last is what is known last.
        let params = PublishDiagnosticsParams { uri: uri.clone(), diagnostics: all, version };
        out.notify("textDocument/publishDiagnostics", &params);
    }
}

/// The version all speak of; none if one speaks of none.
fn agreed(mut versions: impl Iterator<Item = Option<i32>>) -> Option<i32> {
    let first = versions.next()??;
    versions.all(|it| it == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_told_when_all_speak_of_it() {
        for (versions, expected) in [
            (&[][..], None),
            (&[Some(3)], Some(3)),
            (&[Some(3), Some(3)], Some(3)),
            (&[Some(3), Some(4)], None),
            (&[None, Some(3)], None),
            (&[Some(3), None], None),
        ] {
            assert_eq!(agreed(versions.iter().copied()), expected, "{versions:?}");
        }
    }
}
