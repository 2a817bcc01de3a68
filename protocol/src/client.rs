//! The table of requests to the client: what the server asks of an editor with a plugin.
//!
//! A row gives the method, its parameters, its result, and the capability under `experimental.pi` without which it is
//! never sent. The schema, the declarations and the table of `docs/protocol.md` are made from here.

use crate::{command::NoParams, editor::*, permission::*, save::*, ui::*};

/// One of these requests, for a sender that is generic over them.
pub trait ClientRequest {
    /// Its row.
    const METHOD: ClientMethod;
    /// What is asked.
    type Params: serde::Serialize;
    /// What is answered.
    type Result: serde::de::DeserializeOwned;
}

macro_rules! client_methods {
    ($( $(#[doc = $doc:literal])* $variant:ident = $lsp:literal { $params:ty => $result:ty, $capability:literal } ),* $(,)?) => {
        /// A request to the client by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ClientMethod { $( $(#[doc = $doc])* $variant, )* }

        impl ClientMethod {
            /// All of them in table order.
            pub const ALL: &'static [ClientMethod] = &[$( ClientMethod::$variant, )*];

            /// Name over LSP.
            pub fn lsp_name(self) -> &'static str {
                match self { $( ClientMethod::$variant => $lsp, )* }
            }

            /// The field under `experimental.pi` with which a client says that it answers.
            pub fn capability(self) -> &'static str {
                match self { $( ClientMethod::$variant => $capability, )* }
            }

            /// What it asks for, for the generated documentation.
            pub fn doc(self) -> &'static str {
                match self { $( ClientMethod::$variant => concat!($($doc),*).trim_ascii_start(), )* }
            }

            /// JSON Schemas: of the parameters, which we write, and of the result, which we read.
            pub fn schemas(
                self,
                writing: &mut schemars::SchemaGenerator,
                reading: &mut schemars::SchemaGenerator,
            ) -> (schemars::Schema, schemars::Schema) {
                match self {
                    $( ClientMethod::$variant => (writing.subschema_for::<$params>(), reading.subschema_for::<$result>()), )*
                }
            }
        }

        /// A type for each row.
        pub mod request {
            use super::*;
            $(
                $(#[doc = $doc])*
                #[derive(Debug)]
                pub enum $variant {}

                impl ClientRequest for $variant {
                    const METHOD: ClientMethod = ClientMethod::$variant;
                    type Params = $params;
                    type Result = $result;
                }
            )*
        }
    };
}

client_methods! {
    /// Ask the user whether a tool may run; `null` or an error leaves the question open.
    RequestPermission = "pi/requestPermission" { RequestPermissionParams => Option<PermissionAnswer>, "permissions" },
    /// Ask the user something, or show it; `null` or an error is no answer. What asks nothing is answered at once.
    Ui = "pi/ui" { UiParams => Option<ExtensionUiAnswer>, "ui" },
    /// Save documents before a command runs.
    SaveDocuments = "pi/saveDocuments" { SaveDocumentsParams => SavedDocuments, "saveDocuments" },
    /// Show what the files of documents have become, where nothing is unsaved.
    ReloadDocuments = "pi/reloadDocuments" { ReloadDocumentsParams => ReloadedDocuments, "reloadDocuments" },
    /// What the user looks at.
    State = "pi/editor/state" { NoParams => EditorState, "editorState" },
    /// Problems as the editor shows them, of one document or of all.
    Diagnostics = "pi/editor/diagnostics" { EditorDiagnosticsParams => EditorDiagnostics, "editorDiagnostics" },
    /// Where the name at a place is defined.
    Definition = "pi/editor/definition" { EditorPlace => EditorLocations, "editorDefinition" },
    /// Where the name at a place is used, its definition included.
    References = "pi/editor/references" { EditorPlace => EditorLocations, "editorReferences" },
    /// The outline of a document, or symbols of the project by name.
    Symbols = "pi/editor/symbols" { EditorSymbolsParams => EditorSymbols, "editorSymbols" },
}
