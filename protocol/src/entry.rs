//! Lines of a session file (spec: sessions.md §2).

use std::{borrow::Cow, fmt};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    message::{AgentMessage, MessageContent},
    stored::StoredMessage,
};

/// Version of the session file format that is written.
pub const SESSION_VERSION: u32 = 3;

/// First line of a session file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "type", rename = "session")]
pub struct SessionHeader {
    /// 3; absent in version 1 files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Session id.
    pub id: String,
    /// ISO 8601, UTC, milliseconds.
    pub timestamp: String,
    /// Working directory.
    pub cwd: String,
    /// File of the session this one was forked from.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "branchedFrom")]
    pub parent_session: Option<String>,
    /// Keys of other writers, kept.
    #[serde(flatten, deserialize_with = "without_type")]
    pub extra: Map<String, Value>,
}

/// The tag is written for a struct but not consumed on reading; it must not come back as an extra key.
fn without_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    let mut extra = Map::deserialize(deserializer)?;
    extra.remove("type");
    Ok(extra)
}

/// What every entry carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryBase {
    /// Eight hex digits (or longer, from other writers).
    pub id: String,
    /// The entry this one follows; `null` for a root.
    #[serde(default)]
    pub parent_id: Option<String>,
    /// ISO 8601, UTC, milliseconds; empty when another writer left it out.
    #[serde(default)]
    pub timestamp: String,
}

/// An entry: the tree fields and what happened.
///
/// Written in Pi's key order: `type`, `id`, `parentId`, `timestamp`, then the rest; `custom` and `custom_message`
/// have the tree fields last.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
pub struct Entry {
    /// `type` and its fields.
    #[schemars(flatten)]
    pub kind: EntryKind,
    /// Place in the tree.
    #[schemars(flatten)]
    pub base: EntryBase,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

/// Reads the fields of an entry as they come, and leaves a message unread.
struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let mut id = None;
        let mut base = EntryBase { id: String::new(), parent_id: None, timestamp: String::new() };
        let mut fields = Map::new();
        let mut message: Option<Box<RawValue>> = None;
        while let Some(key) = map.next_key::<String>()? {
            match &*key {
                "id" => id = Some(map.next_value()?),
                "parentId" => base.parent_id = map.next_value()?,
                "timestamp" => base.timestamp = map.next_value()?,
                "message" => {
                    message = Some(map.next_value()?);
                    // Keeps its place, in case the entry is of a kind we do not know.
                    fields.insert(key, Value::Null);
                }
                _ => drop(fields.insert(key, map.next_value()?)),
            }
        }
        base.id = id.ok_or_else(|| A::Error::missing_field("id"))?;
        if !fields.get("type").is_some_and(Value::is_string) {
            return Err(A::Error::missing_field("type"));
        }
        if let Some(json) = message {
            if fields["type"] == "message" && json.get().starts_with('{') {
                return Ok(Entry { kind: EntryKind::Message { message: StoredMessage::unread(json) }, base });
            }
            fields["message"] = serde_json::from_str(json.get()).map_err(A::Error::custom)?;
        }
        let kind = serde_json::from_value(Value::Object(fields)).map_err(A::Error::custom)?;
        Ok(Entry { kind, base })
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.kind.type_name().as_ref())?;
        let tree_first = !matches!(self.kind, EntryKind::Custom { .. } | EntryKind::CustomMessage { .. });
        if tree_first {
            self.base.write(&mut map)?;
        }
        self.kind.write(&mut map)?;
        if !tree_first {
            self.base.write(&mut map)?;
        }
        map.end()
    }
}

impl EntryBase {
    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("parentId", &self.parent_id)?;
        map.serialize_entry("timestamp", &self.timestamp)
    }
}

/// Writes one field unless it is absent.
fn write_some<M: SerializeMap, T: Serialize>(
    map: &mut M,
    key: &'static str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |it| map.serialize_entry(key, it))
}

/// The kinds of entries. Unknown kinds, and known ones with fields of another shape, are kept as raw JSON.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum EntryKind {
    /// A message of the conversation.
    Message {
        /// The message.
        #[schemars(with = "AgentMessage")]
        message: StoredMessage,
    },
    /// The thinking level was set.
    ThinkingLevelChange {
        /// The level; a word we may not know.
        thinking_level: String,
    },
    /// The model was set.
    ModelChange {
        /// Provider name.
        provider: String,
        /// Model id.
        model_id: String,
    },
    /// Everything before `firstKeptEntryId` was summarised.
    Compaction {
        /// The summary.
        summary: String,
        /// First entry still in the context.
        first_kept_entry_id: String,
        /// Tokens before.
        tokens_before: u64,
        /// Extension data or file lists.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        details: Option<Value>,
        /// What the summary cost (0.87).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<crate::message::Usage>,
        /// Made by an extension.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from_hook: Option<bool>,
    },
    /// A branch was left and summarised.
    BranchSummary {
        /// Where it was left.
        #[serde(default)]
        from_id: Option<String>,
        /// The summary.
        summary: String,
        /// Extension data or file lists.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        details: Option<Value>,
        /// Made by an extension.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from_hook: Option<bool>,
    },
    /// Extension state that is not in the context.
    Custom {
        /// The extension's name for it.
        custom_type: String,
        /// Extension data.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<Value>,
    },
    /// An extension's message in the context.
    CustomMessage {
        /// The extension's name for it.
        custom_type: String,
        /// Text and images.
        content: MessageContent,
        /// Whether clients show it.
        display: bool,
        /// Extension data.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        details: Option<Value>,
    },
    /// A bookmark on another entry.
    Label {
        /// The entry.
        target_id: String,
        /// Its label; absent clears.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
    },
    /// The session's name.
    SessionInfo {
        /// The name; absent or empty clears.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// Any other kind, raw: its `type` and fields without the tree fields.
    #[serde(untagged)]
    Other(Map<String, Value>),
}

impl EntryKind {
    /// The word in `type`.
    pub fn type_name(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Message { .. } => "message",
            Self::ThinkingLevelChange { .. } => "thinking_level_change",
            Self::ModelChange { .. } => "model_change",
            Self::Compaction { .. } => "compaction",
            Self::BranchSummary { .. } => "branch_summary",
            Self::Custom { .. } => "custom",
            Self::CustomMessage { .. } => "custom_message",
            Self::Label { .. } => "label",
            Self::SessionInfo { .. } => "session_info",
            Self::Other(fields) => fields.get("type").and_then(Value::as_str).unwrap_or_default(),
        })
    }

    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self {
            Self::Message { message } => map.serialize_entry("message", message),
            Self::ThinkingLevelChange { thinking_level } => {
                map.serialize_entry("thinkingLevel", thinking_level)
            }
            Self::ModelChange { provider, model_id } => {
                map.serialize_entry("provider", provider)?;
                map.serialize_entry("modelId", model_id)
            }
            Self::Compaction { summary, first_kept_entry_id, tokens_before, details, usage, from_hook } => {
                map.serialize_entry("summary", summary)?;
                map.serialize_entry("firstKeptEntryId", first_kept_entry_id)?;
                map.serialize_entry("tokensBefore", tokens_before)?;
                write_some(map, "details", details.as_ref())?;
                write_some(map, "usage", usage.as_ref())?;
                write_some(map, "fromHook", from_hook.as_ref())
            }
            Self::BranchSummary { from_id, summary, details, from_hook } => {
                write_some(map, "fromId", from_id.as_ref())?;
                map.serialize_entry("summary", summary)?;
                write_some(map, "details", details.as_ref())?;
                write_some(map, "fromHook", from_hook.as_ref())
            }
            Self::Custom { custom_type, data } => {
                map.serialize_entry("customType", custom_type)?;
                write_some(map, "data", data.as_ref())
            }
            Self::CustomMessage { custom_type, content, display, details } => {
                map.serialize_entry("customType", custom_type)?;
                map.serialize_entry("content", content)?;
                map.serialize_entry("display", display)?;
                write_some(map, "details", details.as_ref())
            }
            Self::Label { target_id, label } => {
                map.serialize_entry("targetId", target_id)?;
                write_some(map, "label", label.as_ref())
            }
            Self::SessionInfo { name } => write_some(map, "name", name.as_ref()),
            Self::Other(fields) => fields
                .iter()
                .filter(|(key, _)| *key != "type")
                .try_for_each(|(key, value)| map.serialize_entry(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as Pi writes them; each must come back byte for byte.
    const LINES: &[&str] = &[
        r#"{"type":"model_change","id":"a0000001","parentId":null,"timestamp":"2026-01-02T03:04:05.700Z","provider":"p","modelId":"m"}"#,
        r#"{"type":"thinking_level_change","id":"a0000002","parentId":"a0000001","timestamp":"2026-01-02T03:04:05.701Z","thinkingLevel":"off"}"#,
        r#"{"type":"message","id":"a0000003","parentId":"a0000002","timestamp":"2026-01-02T03:04:06.000Z","message":{"role":"user","content":[{"type":"text","text":"q"}],"timestamp":1767323046000}}"#,
        r#"{"type":"compaction","id":"a0000004","parentId":"a0000003","timestamp":"2026-01-02T03:04:06.000Z","summary":"s","firstKeptEntryId":"a0000003","tokensBefore":5000}"#,
        r#"{"type":"branch_summary","id":"a0000005","parentId":null,"timestamp":"2026-01-02T03:04:06.000Z","fromId":"root","summary":"s","details":{"readFiles":[]},"fromHook":true}"#,
        r#"{"type":"custom","customType":"x","data":{"n":0.5},"id":"a0000006","parentId":"a0000005","timestamp":"2026-01-02T03:04:06.000Z"}"#,
        r#"{"type":"custom_message","customType":"x","content":"hi","display":true,"id":"a0000007","parentId":"a0000006","timestamp":"2026-01-02T03:04:06.000Z"}"#,
        r#"{"type":"label","id":"a0000008","parentId":"a0000007","timestamp":"2026-01-02T03:04:06.000Z","targetId":"a0000003","label":"here"}"#,
        r#"{"type":"session_info","id":"a0000009","parentId":"a0000008","timestamp":"2026-01-02T03:04:06.000Z","name":"n"}"#,
        r#"{"type":"usage","id":"a000000a","parentId":"a0000009","timestamp":"2026-01-02T03:04:06.000Z","kind":"x","usage":{"cost":0.1}}"#,
    ];

    #[test]
    fn entries_keep_the_order_of_their_keys() {
        for line in LINES {
            let entry: Entry = serde_json::from_str(line).unwrap();
            assert_eq!(crate::json::to_string(&entry).unwrap(), *line);
            let through_value: Entry = serde_json::from_value(serde_json::from_str(line).unwrap()).unwrap();
            assert_eq!(through_value, entry);
        }
    }

    #[test]
    fn a_known_type_of_another_shape_is_kept_raw() {
        let line = r#"{"type":"model_change","id":"a","parentId":null,"timestamp":"t","provider":7}"#;
        let entry: Entry = serde_json::from_str(line).unwrap();
        assert!(matches!(entry.kind, EntryKind::Other(_)), "{entry:?}");
        assert_eq!(crate::json::to_string(&entry).unwrap(), line);
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for line in ["{}", "[]", r#"{"id":"a"}"#, r#"{"type":"message"}"#, r#"{"type":3,"id":"a"}"#] {
            assert!(serde_json::from_str::<Entry>(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_header_keeps_keys_of_other_writers_once() {
        let line = r#"{"type":"session","version":3,"id":"i","timestamp":"t","cwd":"/c","leafId":"x"}"#;
        let header: SessionHeader = serde_json::from_str(line).unwrap();
        assert_eq!(crate::json::to_string(&header).unwrap(), line);
    }
}
