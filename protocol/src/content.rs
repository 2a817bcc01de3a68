//! Content blocks of messages (spec: messages.md §1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One block of a message's content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Content {
    /// Plain text.
    Text(TextContent),
    /// The model's reasoning.
    Thinking(ThinkingContent),
    /// An image, base64 encoded.
    Image(ImageContent),
    /// A request of the model to run a tool.
    ToolCall(ToolCall),
}

impl Content {
    /// A text block without a signature.
    pub fn text(text: impl Into<String>) -> Self {
        Content::Text(TextContent { text: text.into(), text_signature: None })
    }

    /// The text, if this is a text block.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Content::Text(it) => Some(&it.text),
            _ => None,
        }
    }

    /// The tool call, if this is one.
    pub fn as_tool_call(&self) -> Option<&ToolCall> {
        match self {
            Content::ToolCall(it) => Some(it),
            _ => None,
        }
    }
}

/// Text; `text_signature` is opaque provider data that must survive replay.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TextContent {
    /// The text.
    pub text: String,
    /// Opaque provider data (item id, thought signature).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_signature: Option<String>,
}

/// Reasoning; `thinking_signature` is opaque provider data that must survive replay.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThinkingContent {
    /// The reasoning text.
    pub thinking: String,
    /// Opaque provider data; for chat completions the name of the delta field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking_signature: Option<String>,
    /// True when the provider withheld the text; the payload is in the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted: Option<bool>,
}

/// An image. Emitted as `data`/`mimeType` only; the documented `source` form is accepted as input (rpc.md §14.6).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", try_from = "ImageWire")]
pub struct ImageContent {
    /// Base64 without a `data:` prefix.
    pub data: String,
    /// For example `image/png`.
    pub mime_type: String,
}

/// An image as clients may send it: `data` and `mimeType`, or `source`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ImageWire {
    data: Option<String>,
    mime_type: Option<String>,
    source: Option<ImageSource>,
}

/// The documented older form of an image.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ImageSource {
    data: String,
    #[serde(alias = "media_type", alias = "mimeType")]
    media_type: String,
}

impl TryFrom<ImageWire> for ImageContent {
    type Error = &'static str;

    fn try_from(wire: ImageWire) -> Result<Self, Self::Error> {
        match wire {
            ImageWire { data: Some(data), mime_type: Some(mime_type), .. } => Ok(Self { data, mime_type }),
            ImageWire { source: Some(it), .. } => Ok(Self { data: it.data, mime_type: it.media_type }),
            _ => Err("an image needs `data` and `mimeType`"),
        }
    }
}

/// A tool call with its arguments as an object, keys in the model's order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolCall {
    /// The provider's id of the call.
    pub id: String,
    /// Name of the tool.
    pub name: String,
    /// Arguments as the model gave them (before coercion).
    #[serde(default)]
    pub arguments: Map<String, Value>,
    /// Opaque provider data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thought_signature: Option<String>,
}
