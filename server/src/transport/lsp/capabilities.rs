//! What the client can do, resolved once at `initialize`.
//!
//! The rest of the transport asks these fields and never looks into the raw capabilities. A client that says
//! nothing gets the plain LSP service.

use lsp_types::{ClientCapabilities, InitializeParams, PositionEncodingKind, ResourceOperationKind};
use pi_core::Answers;
use pi_host::workspace::{editor::FileOperation, position::PositionEncoding};
use pi_protocol::ClientMethod;
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

/// Which events a client wants. Over LSP an update carries what was added and nothing else: the form with the whole
/// message so far exists for JSONL clients of older versions of Pi, and no plugin was ever built for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Events {
    Delta,
}

/// What a client that knows us says in `experimental.pi`. Unknown fields are for later versions.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PiClient {
    version: Option<u32>,
    events: Option<Events>,
    ui: bool,
    permissions: Questions,
    save_documents: bool,
    activity: bool,
    review: bool,
    chat_document: bool,
}

/// What the user of a client can answer. One with a plugin has what the plugin says: commands and actions reach its
/// user only through that.
fn answers(client: &ClientCapabilities, plugin: Option<&PiClient>) -> Answers {
    let asks = client.window.as_ref().is_some_and(|it| it.show_message.is_some());
    let commands = client.workspace.as_ref().is_some_and(|it| it.execute_command.is_some());
    let actions = client.text_document.as_ref().is_some_and(|it| it.code_action.is_some());
    let edits = client.workspace.as_ref().is_some_and(|it| it.apply_edit == Some(true));
    match plugin {
        None => Answers {
            permissions: asks || commands || actions,
            choices: asks || commands || actions,
            // An action opens the chat document for them.
            texts: commands || (actions && edits),
        },
        Some(plugin) => Answers {
            permissions: true,
            choices: plugin.ui || asks || actions || (plugin.chat_document && edits),
            texts: plugin.ui || (plugin.chat_document && edits),
        },
    }
}

/// How a client wants to be asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Questions {
    /// With requests, or not at all.
    Requests(bool),
    /// It sees the events.
    Events(EventsOnly),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EventsOnly {
    Events,
}

impl Default for Questions {
    fn default() -> Self {
        Self::Requests(false)
    }
}

/// The client's abilities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// How positions count, both ways.
    pub encoding: PositionEncoding,
    /// Takes `workspace/applyEdit`.
    pub apply_edit: bool,
    /// Kinds of file operations it takes in an edit.
    file_operations: Vec<ResourceOperationKind>,
    /// Watches files that we name.
    pub watches: bool,
    /// Takes a folder and a pattern in it for that, and not only a pattern.
    pub relative_patterns: bool,
    /// Shows progress that we start.
    pub progress: bool,
    /// Answers `window/showMessageRequest`.
    pub ask: bool,
    /// The questions its user has some way to answer: a request, an action, a command, the chat document, or a plugin.
    pub answers_to: Answers,
    /// Takes code actions as literals and not only as commands.
    pub action_literals: bool,
    /// Answers `workspace/configuration`.
    pub configuration: bool,
    /// Folds text where we say so.
    pub folding: bool,
    /// Knows us: announced `experimental.pi`, so it has our client commands (`pi.ask`).
    pub knows_pi: bool,
    /// Its user may talk in chat documents: it has no chat of its own, or wants both.
    pub chat_document: bool,
    /// Version of the `pi/*` methods the client was made for, if it says so.
    pub version: Option<u32>,
    /// Wants `pi/event`.
    pub events: bool,
    /// Answers `pi/ui`.
    pub ui: bool,
    /// Answers `pi/requestPermission`.
    pub permissions: bool,
    /// Shows the questions it gets as events, and answers with `pi/answerPermission`.
    pub own_questions: bool,
    /// Answers `pi/saveDocuments`.
    pub save_documents: bool,
    /// The requests of the server that it answers.
    pub answers: Vec<ClientMethod>,
    /// Wants `pi/activity`.
    pub activity: bool,
    /// Shows waiting hunks itself.
    pub review: bool,
    /// Can be asked to ask for code lenses again.
    pub lens_refresh: bool,
    /// The key that goes to the next diagnostic, where that is known.
    pub next_key: Option<&'static str>,
    /// Prints the label of every edit: two of them make Neovim wait for a key.
    pub prints_labels: bool,
    /// Its dialogs come while the user types, with the first answer chosen already (Helix).
    pub chooses_first: bool,
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

    /// Whether it takes this operation in an edit.
    pub fn takes(&self, operation: &FileOperation) -> bool {
        let kind = match operation {
            FileOperation::Create(_) => ResourceOperationKind::Create,
            FileOperation::Delete(_) => ResourceOperationKind::Delete,
            FileOperation::Rename { .. } => ResourceOperationKind::Rename,
        };
        self.apply_edit && self.file_operations.contains(&kind)
    }

    /// From `initialize`.
    pub fn of(params: &InitializeParams) -> Self {
        let name = params.client_info.as_ref().map(|it| it.name.as_str());
        let next_key = matches!(name, Some("helix" | "Neovim")).then_some("]d");
        Self {
            next_key,
            prints_labels: name == Some("Neovim"),
            chooses_first: name == Some("helix"),
            ..Self::resolve(&params.capabilities)
        }
    }

    fn resolve(client: &ClientCapabilities) -> Self {
        let workspace = client.workspace.as_ref();
        let watched = workspace.and_then(|it| it.did_change_watched_files.as_ref());
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
        let said = |it: &ClientMethod| pi.and_then(|pi| pi.get(it.capability())) == Some(&true.into());
        Self {
            encoding: negotiate(client.general.as_ref().and_then(|it| it.position_encodings.as_deref())),
            // Versioned document changes are sent to everyone: Neovim takes them without declaring it.
            apply_edit: workspace.and_then(|it| it.apply_edit).unwrap_or(false),
            file_operations: workspace
                .and_then(|it| it.workspace_edit.as_ref())
                .and_then(|it| it.resource_operations.clone())
                .unwrap_or_default(),
            watches: watched.and_then(|it| it.dynamic_registration).unwrap_or(false),
            relative_patterns: watched.and_then(|it| it.relative_pattern_support).unwrap_or(false),
            progress: window.and_then(|it| it.work_done_progress).unwrap_or(false),
            ask: window.is_some_and(|it| it.show_message.is_some()),
            answers_to: answers(client, pi.is_some_and(serde_json::Value::is_object).then_some(&known)),
            action_literals: client
                .text_document
                .as_ref()
                .and_then(|it| it.code_action.as_ref())
                .is_some_and(|it| it.code_action_literal_support.is_some()),
            configuration: workspace.and_then(|it| it.configuration).unwrap_or(false),
            folding: client.text_document.as_ref().is_some_and(|it| it.folding_range.is_some()),
            knows_pi: pi.is_some_and(serde_json::Value::is_object),
            chat_document: known.chat_document || !pi.is_some_and(serde_json::Value::is_object),
            version: known.version,
            events: known.events.is_some(),
            ui: known.ui,
            permissions: matches!(known.permissions, Questions::Requests(true)),
            own_questions: matches!(known.permissions, Questions::Events(_)),
            save_documents: known.save_documents,
            answers: ClientMethod::ALL.iter().copied().filter(said).collect(),
            activity: known.activity,
            review: known.review,
            lens_refresh: workspace
                .and_then(|it| it.code_lens.as_ref())
                .and_then(|it| it.refresh_support)
                .unwrap_or(false),
            next_key: None,
            prints_labels: false,
            chooses_first: false,
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
        let plain = Capabilities { chat_document: true, ..Capabilities::default() };
        assert_eq!(resolve(json!({})), plain);
        assert_eq!(resolve(json!({"experimental": {"pi": "yes"}})), plain);
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
    fn a_client_with_a_chat_of_its_own_says_whether_it_wants_the_document_too() {
        assert!(resolve(json!({})).chat_document);
        assert!(!resolve(json!({"experimental": {"pi": {}}})).chat_document);
        assert!(resolve(json!({"experimental": {"pi": {"chatDocument": true}}})).chat_document);
    }

    #[test]
    fn a_client_that_knows_us_says_so() {
        for (said, expected) in [
            (json!({"events": "delta", "saveDocuments": true, "new": 1}), "events save_documents"),
            (json!({"activity": true}), "activity"),
            (json!({"version": 1, "ui": true, "permissions": true}), "ui permissions"),
            (json!({}), ""),
            // One wrong word and nothing of it is believed.
            (json!({"events": "full", "ui": true}), ""),
        ] {
            let got = resolve(json!({"experimental": {"pi": said}}));
            assert_eq!(abilities(&got), format!("knows_pi {expected}").trim(), "{said}");
        }
        let got = resolve(json!({"experimental": {"pi": {"version": 3}}}));
        assert_eq!(got.version, Some(3));
        let said = json!({"editorSymbols": true, "editorState": "yes", "editorReferences": false});
        assert_eq!(resolve(json!({"experimental": {"pi": said}})).answers, [ClientMethod::Symbols]);
    }

    /// The names of what a client can do.
    fn abilities(of: &Capabilities) -> String {
        let Capabilities {
            encoding: _,
            version: _,
            answers_to: _,
            own_questions: _,
            answers: _,
            file_operations: _,
            watches: _,
            relative_patterns: _,
            apply_edit,
            progress,
            ask,
            action_literals,
            configuration,
            folding,
            knows_pi,
            chat_document: _,
            events,
            ui,
            permissions,
            save_documents,
            activity,
            review,
            lens_refresh: _,
            next_key: _,
            prints_labels: _,
            chooses_first: _,
        } = of;
        let all = [
            (apply_edit, "apply_edit"),
            (progress, "progress"),
            (ask, "ask"),
            (action_literals, "action_literals"),
            (configuration, "configuration"),
            (folding, "folding"),
            (knows_pi, "knows_pi"),
            (events, "events"),
            (ui, "ui"),
            (permissions, "permissions"),
            (save_documents, "save_documents"),
            (activity, "activity"),
            (review, "review"),
        ];
        all.into_iter().filter(|(it, _)| **it).map(|(_, name)| name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn editors_as_they_introduce_themselves() {
        macro_rules! said {
            ($name:literal) => {
                include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/../tests/fixtures/initialize/",
                    $name,
                    ".initialize.json"
                ))
            };
        }
        const ALL: &str = "apply_edit progress ask action_literals configuration";
        const FOLDING: &str = "apply_edit progress ask action_literals configuration folding";
        const NO_QUESTIONS: &str = "apply_edit progress action_literals configuration";
        for (name, said, encoding, expected) in [
            ("vscode 9", said!("vscode-1.139.1-languageclient-9.0.1"), PositionEncoding::Utf16, FOLDING),
            ("vscode 11", said!("vscode-1.139.1-languageclient-11.0.0"), PositionEncoding::Utf16, FOLDING),
            ("nvim 0.10", said!("nvim-0.10.4"), PositionEncoding::Utf16, ALL),
            ("nvim 0.12", said!("nvim-0.12.4"), PositionEncoding::Utf8, FOLDING),
            ("helix 25.01", said!("helix-25.01.1"), PositionEncoding::Utf8, NO_QUESTIONS),
            ("helix 25.07", said!("helix-25.07.1"), PositionEncoding::Utf8, ALL),
            ("eglot", said!("emacs-30.1-eglot-1.17.30"), PositionEncoding::Utf8, NO_QUESTIONS),
            ("zed", said!("zed-2026-09"), PositionEncoding::Utf16, ALL),
        ] {
            let got = Capabilities::of(&serde_json::from_str(said).unwrap());
            assert_eq!((got.encoding, abilities(&got).as_str()), (encoding, expected), "{name}");
            assert_eq!(got.version, None, "{name}");
            let has_key = ["nvim", "helix"].iter().any(|it| name.starts_with(it));
            assert_eq!(got.next_key, has_key.then_some("]d"), "{name}");
            let path = std::path::PathBuf::from("/a");
            for operation in [
                FileOperation::Create(path.clone()),
                FileOperation::Delete(path.clone()),
                FileOperation::Rename { from: path.clone(), to: path },
            ] {
                assert_eq!(got.takes(&operation), name != "eglot", "{name} {operation:?}");
            }
            assert_eq!(got.prints_labels, name.starts_with("nvim"), "{name}");
            assert_eq!(got.chooses_first, name.starts_with("helix"), "{name}");
            assert_eq!(got.answers_to, Answers::ALL, "{name}");
        }
    }
}
