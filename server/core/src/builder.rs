//! The growing assistant message.
//!
//! Dialects describe what arrives (a text delta, a piece of tool arguments); the builder keeps the message and the
//! events that announce it in step, so that argument folding and block indices exist once. The same rules, seen
//! from the other side, are in [`MessageFolder`]: a reader of events rebuilds the message with it.

use pi_protocol::{
    AssistantMessage, AssistantMessageEvent as Event, Content, TextContent, ThinkingContent, ToolCall, Usage,
    event::ToolCallTagged,
};

use crate::{partial_json, ports::ProviderEvent};

/// Grows an [`AssistantMessage`] and reports each step. Block numbers are indices in `message.content`.
pub struct MessageBuilder<'a> {
    /// The message so far. Dialects may set usage, ids and signatures directly.
    pub message: AssistantMessage,
    raw_args: Vec<String>,
    closed: Vec<bool>,
    started: bool,
    out: &'a mut (dyn FnMut(ProviderEvent) + Send),
}

impl<'a> MessageBuilder<'a> {
    /// Starts from an empty message.
    pub fn new(message: AssistantMessage, out: &'a mut (dyn FnMut(ProviderEvent) + Send)) -> Self {
        Self { message, raw_args: Vec::new(), closed: Vec::new(), started: false, out }
    }

    /// Announces the message once the provider has begun to answer. Implied by the first block.
    pub fn start(&mut self) {
        if !self.started {
            self.started = true;
            (self.out)(ProviderEvent::Start(Box::new(self.message.clone())));
        }
    }

    fn emit(&mut self, event: Event) {
        (self.out)(ProviderEvent::Update { usage: self.message.usage.clone(), event });
    }

    fn push(&mut self, content: Content) -> usize {
        self.start();
        self.message.content.push(content);
        self.raw_args.push(String::new());
        self.closed.push(false);
        self.message.content.len() - 1
    }

    /// Opens a text block.
    pub fn text_start(&mut self) -> usize {
        let content_index = self.push(Content::Text(TextContent::default()));
        self.emit(Event::TextStart { content_index });
        content_index
    }

    /// Opens a thinking block.
    pub fn thinking_start(&mut self, block: ThinkingContent) -> usize {
        let content_index = self.push(Content::Thinking(block));
        self.emit(Event::ThinkingStart { content_index });
        content_index
    }

    /// Opens a tool call.
    pub fn tool_start(&mut self, id: impl Into<String>, name: impl Into<String>) -> usize {
        let (id, name) = (id.into(), name.into());
        let content_index = self.push(Content::ToolCall(ToolCall {
            id: id.clone(),
            name: name.clone(),
            ..ToolCall::default()
        }));
        self.emit(Event::ToolCallStart { content_index, id, tool_name: name });
        content_index
    }

    /// Adds to a text or thinking block, or to the raw arguments of a tool call. Unknown blocks are ignored.
    pub fn delta(&mut self, content_index: usize, delta: &str) {
        let owned = delta.to_owned();
        let event = match self.message.content.get_mut(content_index) {
            Some(Content::Text(it)) => {
                it.text.push_str(delta);
                Event::TextDelta { content_index, delta: owned }
            }
            Some(Content::Thinking(it)) => {
                it.thinking.push_str(delta);
                Event::ThinkingDelta { content_index, delta: owned }
            }
            Some(Content::ToolCall(_)) => {
                self.raw_args[content_index].push_str(delta);
                Event::ToolCallDelta { content_index, delta: owned }
            }
            _ => return,
        };
        self.emit(event);
    }

    /// Adds to the arguments of a tool call that has ended, without an event.
    pub fn amend(&mut self, content_index: usize, delta: &str) {
        if let Some(Content::ToolCall(it)) = self.message.content.get_mut(content_index) {
            let raw = &mut self.raw_args[content_index];
            raw.push_str(delta);
            it.arguments = partial_json::parse_object(raw);
        }
    }

    /// Raw JSON text of a tool call's arguments so far.
    pub fn raw_args(&self, content_index: usize) -> &str {
        self.raw_args.get(content_index).map_or("", String::as_str)
    }

    /// Replaces the raw arguments without an event (providers that repeat them whole at the end).
    pub fn set_raw_args(&mut self, content_index: usize, raw: String) {
        if let Some(it) = self.raw_args.get_mut(content_index) {
            *it = raw;
        }
    }

    /// The block, to set signatures.
    pub fn block(&mut self, content_index: usize) -> Option<&mut Content> {
        self.message.content.get_mut(content_index)
    }

    /// Closes a block: final arguments are parsed and the end event is sent. Closing twice does nothing.
    pub fn end(&mut self, content_index: usize) {
        match self.closed.get_mut(content_index) {
            Some(closed) if !*closed => *closed = true,
            _ => return,
        }
        let event = match self.message.content.get_mut(content_index) {
            Some(Content::Text(it)) => Event::TextEnd { content_index, content: it.text.clone() },
            Some(Content::Thinking(it)) => Event::ThinkingEnd { content_index, content: it.thinking.clone() },
            Some(Content::ToolCall(it)) => {
                // An empty text leaves the arguments the provider gave at the start.
                if !self.raw_args[content_index].trim().is_empty() {
                    it.arguments = partial_json::parse_object(&self.raw_args[content_index]);
                }
                Event::ToolCallEnd { content_index, tool_call: ToolCallTagged::ToolCall(it.clone()) }
            }
            _ => return,
        };
        self.emit(event);
    }

    /// Closes all open blocks in order.
    pub fn end_all(&mut self) {
        for index in 0..self.message.content.len() {
            self.end(index);
        }
    }

    /// The message for its final event. Arguments of calls that never ended are parsed as far as they came.
    pub fn finish(mut self) -> AssistantMessage {
        for (index, content) in self.message.content.iter_mut().enumerate() {
            if let Content::ToolCall(it) = content {
                if !self.closed[index] && !self.raw_args[index].trim().is_empty() {
                    it.arguments = partial_json::parse_object(&self.raw_args[index]);
                }
            }
        }
        self.message
    }
}

/// Rebuilds a growing message from its events, for clients that want the whole message with every update.
#[derive(Debug, Clone)]
pub struct MessageFolder {
    message: AssistantMessage,
    raw_args: Vec<String>,
    /// The call whose arguments grew since they were last parsed.
    unparsed: Option<usize>,
}

impl MessageFolder {
    /// From the message of `message_start`.
    pub fn new(message: AssistantMessage) -> Self {
        let raw_args = vec![String::new(); message.content.len()];
        Self { message, raw_args, unparsed: None }
    }

    /// The message so far. Arguments of an unfinished call are as complete as their text allows.
    pub fn message(&mut self) -> &AssistantMessage {
        self.parse_arguments();
        &self.message
    }

    /// Takes in one update.
    pub fn fold(&mut self, usage: &Usage, event: &Event) {
        self.message.usage.clone_from(usage);
        let index = event.content_index();
        if self.unparsed.is_some_and(|it| it != index) {
            self.parse_arguments();
        }
        match event {
            Event::TextStart { .. } => self.open(index, Content::Text(TextContent::default())),
            Event::ThinkingStart { .. } => self.open(index, Content::Thinking(ThinkingContent::default())),
            Event::ToolCallStart { id, tool_name, .. } => self.open(
                index,
                Content::ToolCall(ToolCall {
                    id: id.clone(),
                    name: tool_name.clone(),
                    ..ToolCall::default()
                }),
            ),
            Event::TextDelta { delta, .. }
            | Event::ThinkingDelta { delta, .. }
            | Event::ToolCallDelta { delta, .. } => match self.message.content.get_mut(index) {
                Some(Content::Text(it)) => it.text.push_str(delta),
                Some(Content::Thinking(it)) => it.thinking.push_str(delta),
                Some(Content::ToolCall(_)) => {
                    if let Some(raw) = self.raw_args.get_mut(index) {
                        raw.push_str(delta);
                        self.unparsed = Some(index);
                    }
                }
                _ => {}
            },
            Event::TextEnd { content, .. } => {
                if let Some(Content::Text(it)) = self.message.content.get_mut(index) {
                    it.text.clone_from(content);
                }
            }
            Event::ThinkingEnd { content, .. } => {
                if let Some(Content::Thinking(it)) = self.message.content.get_mut(index) {
                    it.thinking.clone_from(content);
                }
            }
            Event::ToolCallEnd { tool_call: ToolCallTagged::ToolCall(call), .. } => {
                if let Some(it) = self.message.content.get_mut(index) {
                    *it = Content::ToolCall(call.clone());
                }
                self.unparsed = None;
            }
        }
    }

    fn parse_arguments(&mut self) {
        let Some(index) = self.unparsed.take() else { return };
        if let (Some(Content::ToolCall(call)), Some(raw)) =
            (self.message.content.get_mut(index), self.raw_args.get(index))
        {
            call.arguments = partial_json::parse_object(raw);
        }
    }

    fn open(&mut self, index: usize, content: Content) {
        if index == self.message.content.len() {
            self.message.content.push(content);
            self.raw_args.push(String::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Runs `script` on a builder and returns its final message and a fold of its events.
    fn both(script: impl FnOnce(&mut MessageBuilder<'_>)) -> (AssistantMessage, AssistantMessage) {
        let mut events = Vec::new();
        let mut out = |event| events.push(event);
        let mut builder = MessageBuilder::new(AssistantMessage::empty("a", "p", "m", 1), &mut out);
        script(&mut builder);
        let built = builder.finish();
        let mut folder = None;
        for event in events {
            match event {
                ProviderEvent::Start(it) => folder = Some(MessageFolder::new(*it)),
                ProviderEvent::Update { usage, event } => {
                    folder.as_mut().expect("starts first").fold(&usage, &event);
                }
            }
        }
        (built, folder.expect("has events").message().clone())
    }

    #[test]
    fn a_reader_of_events_sees_the_same_message() {
        let (built, folded) = both(|it| {
            let thinking = it.thinking_start(ThinkingContent::default());
            it.delta(thinking, "hm");
            let text = it.text_start();
            it.delta(text, "Hello ");
            it.end(thinking);
            let call = it.tool_start("id1", "read");
            it.delta(call, "{\"path\":");
            it.delta(text, "world");
            it.delta(call, "\"a.txt\"}");
            it.end_all();
            it.end_all();
        });
        assert_eq!(built, folded);
        assert_eq!(built.text(), "Hello world");
        assert_eq!(json!(built.tool_calls().next().unwrap().arguments), json!({"path": "a.txt"}));
    }

    #[test]
    fn arguments_that_were_cut_are_kept_as_far_as_they_came() {
        let (built, folded) = both(|it| {
            let call = it.tool_start("id1", "read");
            it.delta(call, "{\"path\":\"a.t");
        });
        assert_eq!(built, folded);
        assert_eq!(json!(built.tool_calls().next().unwrap().arguments), json!({"path": "a.t"}));
    }
}
