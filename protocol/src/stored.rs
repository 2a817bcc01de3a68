//! A message of a session that is read from its JSON only when somebody looks at it.
//!
//! A long session is opened to go on at its end; most of its messages are passed on as they are, or not at all.

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use crate::message::{AgentMessage, StopReason};

/// A shared message. It looks like an [`AgentMessage`]; its JSON, if it came as such, is written again as it was.
#[derive(Clone)]
pub struct StoredMessage(Arc<Stored>);

struct Stored {
    json: Option<Box<RawValue>>,
    read: OnceLock<Arc<AgentMessage>>,
}

impl StoredMessage {
    /// From the JSON of a message, which is not read yet.
    pub(crate) fn unread(json: Box<RawValue>) -> Self {
        let one_line = !json.get().as_bytes().contains(&b'\n');
        let stored = Self(Arc::new(Stored { json: Some(json), read: OnceLock::new() }));
        // Among records of one line each it could not be written again as it is.
        if one_line { stored } else { stored.shared().clone().into() }
    }

    /// The message, read now if it has not been.
    pub fn shared(&self) -> &Arc<AgentMessage> {
        self.0.read.get_or_init(|| Arc::new(self.0.json.as_deref().map_or(UNREADABLE, |it| read(it.get()))))
    }

    /// Whether it is an answer that failed. Reads only what may be one.
    pub fn is_failed_answer(&self) -> bool {
        let may_be = self.0.json.as_ref().is_none_or(|it| it.get().contains(r#""error""#));
        may_be && self.as_assistant().is_some_and(|it| it.stop_reason == StopReason::Error)
    }

    /// Whether it is an answer of a model. Does not read it.
    pub fn is_answer(&self) -> bool {
        match (&self.0.json, self.0.read.get()) {
            (Some(json), None) => role(json.get()).as_deref() == Some("assistant"),
            _ => self.as_assistant().is_some(),
        }
    }
}

/// Stands for JSON that is none of ours, so that the entries after it keep their place.
const UNREADABLE: AgentMessage = AgentMessage::Other(Value::Null);

fn read(json: &str) -> AgentMessage {
    serde_json::from_str(json)
        // JavaScript writes half a character where a text was cut inside a pair of UTF-16 units.
        .or_else(|_| serde_json::from_str(&without_lone_surrogates(json)))
        .unwrap_or(UNREADABLE)
}

/// JSON text with `\ufffd` for each escaped half of a pair that has no other half.
fn without_lone_surrogates(json: &str) -> String {
    let unit = |at: usize| {
        let digits = json.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut out = String::with_capacity(json.len());
    let mut at = 0;
    while let Some(next) = json[at..].find('\\') {
        out.push_str(&json[at..at + next]);
        at += next;
        let (taken, lone) = match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, false),
            (Some(0xd800..=0xdfff), _) => (6, true),
            // An escape is two characters at least; the second may be a backslash.
            _ => (2, false),
        };
        let end = (at + taken).min(json.len());
        out.push_str(if lone { "\\ufffd" } else { json.get(at..end).unwrap_or("\\") });
        at = if json.is_char_boundary(end) { end } else { at + 1 };
    }
    out.push_str(&json[at..]);
    out
}

/// The `role` of a message, found without reading what follows it.
fn role(json: &str) -> Option<String> {
    struct Role<'a>(&'a mut Option<String>);
    impl<'de> Visitor<'de> for Role<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a message")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<String>()? {
                if key == "role" {
                    *self.0 = Some(map.next_value()?);
                    break;
                }
                map.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }
    let mut role = None;
    // An error says that something follows, which is not looked at.
    let _rest = serde_json::Deserializer::from_str(json).deserialize_map(Role(&mut role));
    role
}

impl Deref for StoredMessage {
    type Target = AgentMessage;

    fn deref(&self) -> &AgentMessage {
        self.shared()
    }
}

impl From<Arc<AgentMessage>> for StoredMessage {
    fn from(message: Arc<AgentMessage>) -> Self {
        Self(Arc::new(Stored { json: None, read: message.into() }))
    }
}

impl From<AgentMessage> for StoredMessage {
    fn from(message: AgentMessage) -> Self {
        Arc::new(message).into()
    }
}

impl fmt::Debug for StoredMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl PartialEq for StoredMessage {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Serialize for StoredMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.json {
            Some(json) => json.serialize(serializer),
            None => self.shared().serialize(serializer),
        }
    }
}

/// Reads it at once: only [`crate::Entry`] knows that its text is at hand.
impl<'de> Deserialize<'de> for StoredMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AgentMessage::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unread(json: &str) -> StoredMessage {
        StoredMessage::unread(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn what_was_not_touched_is_written_as_it_was() {
        let json = r#"{"role": "user", "x": 1.0, "content": "a\u0062", "timestamp": 1}"#;
        let message = unread(json);
        assert!(message.0.read.get().is_none());
        assert_eq!(serde_json::to_string(&message).unwrap(), json);
        assert_eq!(*message, AgentMessage::User(serde_json::from_str(json).unwrap()));
        assert_eq!(serde_json::to_string(&message).unwrap(), json);
    }

    #[test]
    fn a_record_stays_one_line() {
        let message = unread("{\"role\":\"user\",\n\"content\":\"a\",\"timestamp\":1}");
        assert_eq!(
            serde_json::to_string(&message).unwrap(),
            r#"{"role":"user","content":"a","timestamp":1}"#
        );
    }

    #[test]
    fn the_role_is_found_wherever_it_is_without_reading() {
        for (json, is_answer) in [
            (r#"{"role":"assistant","content":[]}"#, true),
            (r#"{"content":[{"role":"user"}],"role":"assistant"}"#, true),
            (r#"{"role":"user","content":"assistant"}"#, false),
            (r#"{"content":[{"role":"assistant"}]}"#, false),
            ("{}", false),
        ] {
            let message = unread(json);
            assert_eq!(message.is_answer(), is_answer, "{json}");
            assert!(message.0.read.get().is_none(), "{json}");
        }
        let user = StoredMessage::from(AgentMessage::user_text("q", 1));
        assert!(!user.is_answer());
    }

    #[test]
    fn half_characters_cost_nothing_but_themselves() {
        for (escaped, text) in [
            (r"a\ud83d", "a\u{fffd}"),
            (r"\ude00b", "\u{fffd}b"),
            (r"\ud83d\ude00", "😀"),
            (r"\ud83dé\ud83d\ud83d\ude00", "\u{fffd}é\u{fffd}😀"),
            (r"\ud83d\\ud83d", "\u{fffd}\\ud83d"),
            (r#"\\\ud83d\"é"#, "\\\u{fffd}\"é"),
        ] {
            let message = unread(&format!(r#"{{"role":"user","content":"{escaped}","timestamp":1}}"#));
            let AgentMessage::User(user) = &*message else { panic!("{escaped}: {message:?}") };
            assert_eq!(user.content.text(), text);
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_message_and_still_passed_on() {
        let deep = format!(r#"{{"role":"custom","details":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
        for json in [deep.as_str(), r#"{"role":"user","content":"a","timestamp":1e999}"#] {
            let message = unread(json);
            assert_eq!(*message, UNREADABLE);
            assert_eq!(serde_json::to_string(&message).unwrap(), json);
        }
    }
}
