//! The growing assistant message as JSON text, for clients that want the whole message with every update.
//!
//! Serialising the message anew for each delta costs the square of its length. Here its text is kept escaped and
//! each delta appends to it, so that a record is a few slices of what is there already.

use std::io::IoSlice;

use pi_core::partial_json;
use pi_protocol::{
    AssistantMessage, AssistantMessageEvent as Event, Content, TextContent, ThinkingContent, ToolCall, Usage,
    event::ToolCallTagged,
};
use serde::Serialize;

use super::record::encode;

/// An assistant message so far. Its JSON is `head`, the blocks separated by commas, `tail`.
#[derive(Debug)]
pub(super) struct GrowingMessage {
    head: Vec<u8>,
    blocks: Vec<Block>,
    tail: Vec<u8>,
    /// The message without content, to write `tail` anew when the usage changes.
    frame: AssistantMessage,
}

/// One content block: its JSON, and for a tool call the arguments' text so far.
#[derive(Debug)]
struct Block {
    json: Vec<u8>,
    /// Bytes at the end of `json` that close the string a delta appends to.
    closing: usize,
    call: Option<(ToolCall, String)>,
    /// The arguments grew since `json` was written. They are parsed anew as a whole, so only when somebody looks.
    stale: bool,
}

impl Block {
    fn new(content: &Content) -> Self {
        // The text comes last in these two, so that a delta goes before the closing quote and brace.
        let closing = match content {
            Content::Text(TextContent { text_signature: None, .. }) => 2,
            Content::Thinking(ThinkingContent { thinking_signature: None, redacted: None, .. }) => 2,
            _ => 0,
        };
        let call = match content {
            Content::ToolCall(it) => Some((it.clone(), String::new())),
            _ => None,
        };
        Self { json: encode(content), closing, call, stale: false }
    }

    fn refresh(&mut self) {
        if let (true, Some((call, raw))) = (std::mem::take(&mut self.stale), &mut self.call) {
            call.arguments = partial_json::parse_object(raw);
            self.json = encode(&ToolCallTagged::ToolCall(call.clone()));
        }
    }

    fn append(&mut self, delta: &str) {
        if let Some((_, raw)) = &mut self.call {
            raw.push_str(delta);
            self.stale = true;
        } else if self.closing > 0 {
            let escaped = encode(delta);
            self.json.truncate(self.json.len() - self.closing);
            // Without its own quotes, and then the closing ones again.
            self.json.extend_from_slice(&escaped[1..escaped.len() - 1]);
            self.json.extend_from_slice(b"\"}");
        }
    }
}

/// The end of a message's JSON, from behind the content on.
fn tail_of(frame: &AssistantMessage) -> Vec<u8> {
    let json = encode(&Tagged::Assistant(frame));
    let at = json.windows(EMPTY.len()).position(|it| it == EMPTY).map_or(json.len(), |it| it + EMPTY.len());
    let mut tail = b"]".to_vec();
    tail.extend_from_slice(&json[at..]);
    tail
}

const EMPTY: &[u8] = b"\"content\":[]";
const HEAD: &[u8] = b"{\"role\":\"assistant\",\"content\":[";

/// An assistant message with its role, without cloning it.
#[derive(Serialize)]
#[serde(tag = "role", rename_all = "camelCase")]
enum Tagged<'a> {
    Assistant(&'a AssistantMessage),
}

impl GrowingMessage {
    /// From the message of `message_start`.
    pub(super) fn new(mut message: AssistantMessage) -> Self {
        let blocks = std::mem::take(&mut message.content).iter().map(Block::new).collect();
        Self { head: HEAD.to_vec(), blocks, tail: tail_of(&message), frame: message }
    }

    /// Takes in one update.
    pub(super) fn fold(&mut self, usage: &Usage, event: &Event) {
        if self.frame.usage != *usage {
            self.frame.usage.clone_from(usage);
            self.tail = tail_of(&self.frame);
        }
        let index = event.content_index();
        let opened = match event {
            Event::TextStart { .. } => Some(Content::Text(TextContent::default())),
            Event::ThinkingStart { .. } => Some(Content::Thinking(ThinkingContent::default())),
            Event::ToolCallStart { id, tool_name, .. } => Some(Content::ToolCall(ToolCall {
                id: id.clone(),
                name: tool_name.clone(),
                ..ToolCall::default()
            })),
            Event::TextDelta { delta, .. }
            | Event::ThinkingDelta { delta, .. }
            | Event::ToolCallDelta { delta, .. } => {
                if let Some(block) = self.blocks.get_mut(index) {
                    block.append(delta);
                }
                None
            }
            // What has arrived is the text already.
            Event::TextEnd { .. } | Event::ThinkingEnd { .. } => None,
            Event::ToolCallEnd { tool_call: ToolCallTagged::ToolCall(call), .. } => {
                if let Some(block) = self.blocks.get_mut(index) {
                    *block = Block::new(&Content::ToolCall(call.clone()));
                }
                None
            }
        };
        if let Some(content) = opened.filter(|_| index == self.blocks.len()) {
            self.blocks.push(Block::new(&content));
        }
    }

    /// Brings the JSON up to date; to be called before [`Self::slices`].
    pub(super) fn refresh(&mut self) {
        self.blocks.iter_mut().for_each(Block::refresh);
    }

    /// The message's JSON, as slices.
    pub(super) fn slices<'a>(&'a self, out: &mut Vec<IoSlice<'a>>) {
        out.push(IoSlice::new(&self.head));
        for (at, block) in self.blocks.iter().enumerate() {
            if at > 0 {
                out.push(IoSlice::new(b","));
            }
            out.push(IoSlice::new(&block.json));
        }
        out.push(IoSlice::new(&self.tail));
    }
}

#[cfg(test)]
mod tests {
    use pi_core::{ProviderEvent, builder::MessageBuilder, builder::MessageFolder};

    use super::*;

    #[test]
    fn the_text_is_that_of_the_message_after_every_event() {
        let mut events = Vec::new();
        let mut out = |event| events.push(event);
        let mut builder =
            MessageBuilder::new(AssistantMessage::empty("a", "p", "\"content\":[]", 1), &mut out);
        let thinking = builder.thinking_start(ThinkingContent::default());
        builder.delta(thinking, "quote \" back\\slash");
        let text = builder.text_start();
        for delta in ["", "ü", "\n", "\u{2028}", "😀", "\u{0}\u{7f}", "plain"] {
            builder.delta(text, delta);
        }
        let call = builder.tool_start("id", "edit");
        builder.message.usage.output = 7;
        for delta in ["{\"path\":\"a", ".rs\",\"n\":1", "}"] {
            builder.delta(call, delta);
        }
        builder.end_all();
        let _message = builder.finish();
        let (mut growing, mut folder) = (None, None);
        let mut compared = 0;
        for event in events {
            match event {
                ProviderEvent::Start(it) => {
                    growing = Some(GrowingMessage::new((*it).clone()));
                    folder = Some(MessageFolder::new(*it));
                }
                ProviderEvent::Update { usage, event } => {
                    let (growing, folder) = (growing.as_mut().unwrap(), folder.as_mut().unwrap());
                    growing.fold(&usage, &event);
                    folder.fold(&usage, &event);
                    let mut slices = Vec::new();
                    growing.refresh();
                    growing.slices(&mut slices);
                    let text: Vec<u8> = slices.iter().flat_map(|it| it.iter().copied()).collect();
                    let expected = encode(&Tagged::Assistant(folder.message()));
                    assert_eq!(String::from_utf8(text).unwrap(), String::from_utf8(expected).unwrap());
                    compared += 1;
                }
            }
        }
        assert_eq!(compared, 17);
    }
}
