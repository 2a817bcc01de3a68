//! Renders a [`Turn`] as the server-sent events of a wire dialect.
//!
//! Only what goes over the wire; when it is sent (gates, faults) is the server's business.

use serde_json::{Value, json};

use crate::script::{Block, Turn};

/// Wire dialects the scripted model speaks, chosen by the request's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `POST …/messages`.
    Anthropic,
    /// `POST …/chat/completions`.
    ChatCompletions,
}

impl Dialect {
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or(path);
        if path.ends_with("/messages") {
            Some(Dialect::Anthropic)
        } else if path.ends_with("/chat/completions") {
            Some(Dialect::ChatCompletions)
        } else {
            None
        }
    }
}

/// One server-sent event.
pub(crate) struct Frame {
    /// Carries part of the answer; gates and faults count these.
    pub(crate) is_delta: bool,
    pub(crate) text: String,
}

impl Frame {
    fn named(is_delta: bool, data: &Value) -> Self {
        let name = data["type"].as_str().unwrap_or("message");
        Frame { is_delta, text: format!("event: {name}\ndata: {data}\n\n") }
    }

    fn plain(is_delta: bool, data: impl std::fmt::Display) -> Self {
        Frame { is_delta, text: format!("data: {data}\n\n") }
    }
}

/// All events of `turn`, tool calls without an id named by `next_id`.
pub(crate) fn render(
    dialect: Dialect,
    turn: &Turn,
    model: &str,
    mut next_id: impl FnMut() -> String,
) -> Vec<Frame> {
    match dialect {
        Dialect::Anthropic => anthropic(turn, model, &mut next_id),
        Dialect::ChatCompletions => chat_completions(turn, model, &mut next_id),
    }
}

fn anthropic(turn: &Turn, model: &str, next_id: &mut dyn FnMut() -> String) -> Vec<Frame> {
    let usage = |output: u64| {
        json!({"input_tokens": turn.input_tokens, "output_tokens": output,
               "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0})
    };
    let mut frames = vec![
        Frame::named(
            false,
            &json!({"type": "message_start", "message": {
                "id": "msg_scripted", "type": "message", "role": "assistant", "model": model, "content": [],
                "stop_reason": null, "stop_sequence": null, "usage": usage(1)}}),
        ),
        Frame::named(false, &json!({"type": "ping"})),
    ];
    for (index, block) in turn.blocks.iter().enumerate() {
        let (start, text, key, kind) = match block {
            Block::Text(text) => (json!({"type": "text", "text": ""}), text, "text", "text_delta"),
            Block::Thinking(text) => (
                json!({"type": "thinking", "thinking": "", "signature": ""}),
                text,
                "thinking",
                "thinking_delta",
            ),
            Block::Tool { id, name, arguments } => {
                let id = id.clone().unwrap_or_else(&mut *next_id);
                (
                    json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
                    arguments,
                    "partial_json",
                    "input_json_delta",
                )
            }
        };
        let delta = |delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
        frames.push(Frame::named(
            false,
            &json!({"type": "content_block_start", "index": index, "content_block": start}),
        ));
        for piece in turn.cut_into_pieces(text) {
            frames.push(Frame::named(true, &delta(json!({"type": kind, key: piece}))));
        }
        if matches!(block, Block::Thinking(_)) {
            frames.push(Frame::named(
                false,
                &delta(json!({"type": "signature_delta", "signature": "scripted"})),
            ));
        }
        frames.push(Frame::named(false, &json!({"type": "content_block_stop", "index": index})));
    }
    let stop = match turn.stop {
        Some("length") => "max_tokens",
        _ if turn.calls_tools() => "tool_use",
        _ => "end_turn",
    };
    frames.push(Frame::named(
        false,
        &json!({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null},
                "usage": usage(turn.output_tokens)}),
    ));
    frames.push(Frame::named(false, &json!({"type": "message_stop"})));
    frames
}

/// Wraps a piece of a block's text.
type DeltaOf = Box<dyn Fn(&str) -> Value>;

fn chat_completions(turn: &Turn, model: &str, next_id: &mut dyn FnMut() -> String) -> Vec<Frame> {
    let chunk = |delta: Value, finish: Value| {
        json!({"id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 1_700_000_000,
               "model": model, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    };
    let mut frames =
        vec![Frame::plain(false, chunk(json!({"role": "assistant", "content": ""}), Value::Null))];
    let mut tool_index = 0;
    for block in &turn.blocks {
        let (text, delta): (&String, DeltaOf) = match block {
            Block::Text(text) => (text, Box::new(|piece| json!({"content": piece}))),
            Block::Thinking(text) => (text, Box::new(|piece| json!({"reasoning_content": piece}))),
            Block::Tool { id, name, arguments } => {
                let id = id.clone().unwrap_or_else(&mut *next_id);
                let index = tool_index;
                tool_index += 1;
                let function = json!({"name": name, "arguments": ""});
                let start = json!({"tool_calls": [
                    {"index": index, "id": id, "type": "function", "function": function}]});
                frames.push(Frame::plain(false, chunk(start, Value::Null)));
                (
                    arguments,
                    Box::new(
                        move |piece| json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}),
                    ),
                )
            }
        };
        for piece in turn.cut_into_pieces(text) {
            frames.push(Frame::plain(true, chunk(delta(&piece), Value::Null)));
        }
    }
    let finish = match turn.stop {
        Some(stop) => stop,
        None if turn.calls_tools() => "tool_calls",
        None => "stop",
    };
    frames.push(Frame::plain(false, chunk(json!({}), json!(finish))));
    let mut usage = chunk(json!({}), Value::Null);
    usage["choices"] = json!([]);
    usage["usage"] = json!({
        "prompt_tokens": turn.input_tokens, "completion_tokens": turn.output_tokens,
        "total_tokens": turn.input_tokens + turn.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0}});
    frames.push(Frame::plain(false, usage));
    frames.push(Frame::plain(false, "[DONE]"));
    frames
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{call, say};

    fn deltas(dialect: Dialect, turn: &Turn) -> Vec<String> {
        render(dialect, turn, "m", || "call_1".to_owned())
            .into_iter()
            .filter(|it| it.is_delta)
            .map(|it| it.text)
            .collect()
    }

    #[test]
    fn text_is_cut_at_characters() {
        for dialect in [Dialect::Anthropic, Dialect::ChatCompletions] {
            let frames = deltas(dialect, &say("añb").pieces(2));
            assert_eq!(frames.len(), 2, "{frames:?}");
            assert!(frames[0].contains("\"añ\""), "{frames:?}");
        }
    }

    #[test]
    fn a_tool_call_ends_the_turn_for_tools() {
        let turn = call("read", json!({"path": "a"}));
        let last = |dialect| render(dialect, &turn, "m", || "call_1".to_owned());
        assert!(last(Dialect::Anthropic).iter().any(|it| it.text.contains("\"tool_use\",\"stop_sequence\"")));
        assert!(last(Dialect::ChatCompletions).iter().any(|it| it.text.contains("\"tool_calls\"}]")));
    }
}
