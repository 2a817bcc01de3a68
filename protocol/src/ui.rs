//! Questions and notices for the user: the extension UI sub-protocol of JSONL (spec: rpc.md §11), and the same over LSP
//! as the request `pi/ui`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something for the user: a question, or something to show. Which fields are there depends on `method`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionUiRequest {
    /// Id to answer with.
    pub id: String,
    /// What it is.
    pub method: ExtensionUiMethod,
    /// `select`, `confirm`, `input`, `editor`: the question; `setTitle`: the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `select`: what can be chosen; the answer's `value` is one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
    /// `confirm`, `notify`: the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `input`: shown while it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    /// `editor`: the text to start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefill: Option<String>,
    /// `notify`: how bad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify_type: Option<crate::event::NoticeLevel>,
    /// `setStatus`: which status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_key: Option<String>,
    /// `setStatus`: its text; absent clears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_text: Option<String>,
    /// `setWidget`: which widget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widget_key: Option<String>,
    /// `setWidget`: its lines; absent removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widget_lines: Option<Vec<String>>,
    /// `setWidget`: where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widget_placement: Option<WidgetPlacement>,
    /// `set_editor_text`: the text of the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `select`, `confirm`, `input`: milliseconds after which the question is dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// The permission question it belongs to, for clients that show `permission_request` and need no second one. Not in
    /// Pi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
}

impl ExtensionUiRequest {
    /// Without any of the fields that depend on the method. The session gives it its id.
    pub fn new(method: ExtensionUiMethod) -> Self {
        Self {
            id: String::new(),
            method,
            title: None,
            options: None,
            message: None,
            placeholder: None,
            prefill: None,
            notify_type: None,
            status_key: None,
            status_text: None,
            widget_key: None,
            widget_lines: None,
            widget_placement: None,
            text: None,
            timeout: None,
            permission: None,
        }
    }
}

/// What an [`ExtensionUiRequest`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ExtensionUiMethod {
    /// Choose one of `options`.
    Select,
    /// Yes or no.
    Confirm,
    /// One line of text.
    Input,
    /// A text of several lines.
    Editor,
    /// A notice.
    Notify,
    /// A text in the status line.
    SetStatus,
    /// Lines beside the prompt.
    SetWidget,
    /// The title of the window.
    SetTitle,
    /// The text of the prompt.
    #[serde(rename = "set_editor_text")]
    SetEditorText,
}

impl ExtensionUiMethod {
    /// Whether an answer is expected.
    pub fn asks(self) -> bool {
        matches!(self, Self::Select | Self::Confirm | Self::Input | Self::Editor)
    }
}

/// `pi/ui`: something for the user of an editor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UiParams {
    /// The session that asks or tells.
    pub session_id: String,
    /// What.
    pub request: ExtensionUiRequest,
}

/// What the user of an editor said to `pi/ui`; `cancelled` wins over the others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionUiAnswer {
    /// For select, input and editor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// For confirm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<bool>,
    /// The user gave no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<bool>,
}

/// Where a widget is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WidgetPlacement {
    /// Above the prompt.
    AboveEditor,
    /// Below the prompt.
    BelowEditor,
}

/// A client's answer to an `extension_ui_request`; `cancelled` wins over the others.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtensionUiResponse {
    /// Id of the request.
    pub id: String,
    /// For select, input and editor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// For confirm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<bool>,
    /// The user gave no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<bool>,
}
