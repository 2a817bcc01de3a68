//! What the client can do, resolved once at `initialize`.
//!
//! The rest of the transport asks these fields and never looks into the raw capabilities. A client that says
//! nothing gets the plain LSP service.

use lsp_types::{ClientCapabilities, PositionEncodingKind};
use pi_host::workspace::position::PositionEncoding;
use serde::Deserialize;

/// The best encoding of positions that the client offers: UTF-8 needs no conversion; without an offer it is UTF-16.
fn negotiate(offered: Option<&[PositionEncodingKind]>) -> PositionEncoding {
    let offered = offered.unwrap_or_default();
    if offered.contains(&PositionEncodingKind::UTF8) {
        PositionEncoding::Utf8
    } else if offered.contains(&PositionEncodingKind::UTF32)
        && !offered.contains(&PositionEncodingKind::UTF16)
    {
        PositionEncoding::Utf32
    } else {
        PositionEncoding::Utf16
    }
}

/// What a client that knows us says in `experimental.pi`. Unknown fields are for later versions.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PiClient {
    events: Option<String>,
    ui: bool,
    permissions: bool,
    save_documents: bool,
}

/// The client's abilities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// How positions count, both ways.
    pub encoding: PositionEncoding,
    /// Takes `workspace/applyEdit`.
    pub apply_edit: bool,
    /// Shows progress that we start.
    pub progress: bool,
    /// Answers `window/showMessageRequest`.
    pub ask: bool,
    /// Takes code actions as literals and not only as commands.
    pub action_literals: bool,
    /// Knows us: announced `experimental.pi`, so it has our client commands (`pi.ask`).
    pub knows_pi: bool,
    /// Wants `pi/event`.
    pub events: bool,
    /// Answers `pi/ui`.
    pub ui: bool,
    /// Answers `pi/requestPermission`.
    pub permissions: bool,
    /// Answers `pi/saveDocuments`.
    pub save_documents: bool,
}

impl Capabilities {
    /// The encoding's name on the wire.
    pub fn encoding_kind(&self) -> PositionEncodingKind {
        match self.encoding {
            PositionEncoding::Utf8 => PositionEncodingKind::UTF8,
            PositionEncoding::Utf16 => PositionEncodingKind::UTF16,
            PositionEncoding::Utf32 => PositionEncodingKind::UTF32,
        }
    }

    /// From `initialize`.
    pub fn resolve(client: &ClientCapabilities) -> Self {
        let workspace = client.workspace.as_ref();
        let window = client.window.as_ref();
        let pi = client.experimental.as_ref().and_then(|it| it.get("pi"));
        let known = pi
            .cloned()
            .and_then(|it| {
                serde_json::from_value::<PiClient>(it)
                    .inspect_err(|error| tracing::warn!(%error, "capabilities under experimental.pi"))
                    .ok()
            })
            .unwrap_or_default();
        Self {
            encoding: negotiate(client.general.as_ref().and_then(|it| it.position_encodings.as_deref())),
            // Versioned document changes are sent to everyone: Neovim takes them without declaring it.
            apply_edit: workspace.and_then(|it| it.apply_edit).unwrap_or(false),
            progress: window.and_then(|it| it.work_done_progress).unwrap_or(false),
            ask: window.is_some_and(|it| it.show_message.is_some()),
            action_literals: client
                .text_document
                .as_ref()
                .and_then(|it| it.code_action.as_ref())
                .is_some_and(|it| it.code_action_literal_support.is_some()),
            knows_pi: pi.is_some_and(serde_json::Value::is_object),
            events: matches!(known.events.as_deref(), Some("delta" | "full")),
            ui: known.ui,
            permissions: known.permissions,
            save_documents: known.save_documents,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn resolve(capabilities: Value) -> Capabilities {
        Capabilities::resolve(&serde_json::from_value(capabilities).unwrap())
    }

    #[test]
    fn silence_means_plain_lsp() {
        assert_eq!(resolve(json!({})), Capabilities::default());
        assert_eq!(resolve(json!({"experimental": {"pi": "yes"}})), Capabilities::default());
    }

    #[test]
    fn positions_count_as_the_client_can() {
        for (offered, expected) in [
            (json!([]), PositionEncoding::Utf16),
            (json!(["utf-16"]), PositionEncoding::Utf16),
            (json!(["utf-16", "utf-8"]), PositionEncoding::Utf8),
            (json!(["utf-32", "utf-8", "utf-16"]), PositionEncoding::Utf8),
            (json!(["utf-32"]), PositionEncoding::Utf32),
            (json!(["utf-32", "utf-16"]), PositionEncoding::Utf16),
            (json!(["ucs-9"]), PositionEncoding::Utf16),
        ] {
            let got = resolve(json!({"general": {"positionEncodings": offered}})).encoding;
            assert_eq!(got, expected, "{offered}");
        }
    }

    #[test]
    fn a_client_that_knows_us_says_so() {
        let got =
            resolve(json!({"experimental": {"pi": {"events": "delta", "saveDocuments": true, "new": 1}}}));
        assert!(got.knows_pi && got.events && got.save_documents && !got.ui);
    }
}
