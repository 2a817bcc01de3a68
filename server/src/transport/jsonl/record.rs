//! Records as Pi's clients read them: one JSON object, then LF.

use std::io::{self, IoSlice};

use pi_protocol::{AgentEvent, AssistantMessageEvent, CommandError, OutputMode, Usage, json};
use serde::Serialize;
use serde_json::Value;

use super::growing::GrowingMessage;
use crate::dispatch::Answer;

/// The answer to a command, with the `type` it came with, even if that was no text. Without a result there is no
/// `data`; without an id there is no `id`.
pub(super) fn response<C: Serialize>(id: Option<&Value>, command: Option<C>, answer: Answer) -> Vec<u8> {
    #[derive(Serialize)]
    struct Head<'a, C> {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a Value>,
        #[serde(rename = "type")]
        kind: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        command: Option<C>,
        success: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    }
    let error = answer.as_ref().err().map(|it| it.message.as_str());
    let mut record = encode(&Head { id, kind: "response", command, success: error.is_none(), error });
    let Ok(Some(mut data)) = answer else {
        record.push(b'\n');
        return record;
    };
    // Put around the data where it is: the messages of a long session are not held twice.
    record.pop();
    record.extend_from_slice(b",\"data\":");
    data.splice(..0, record);
    data.extend_from_slice(b"}\n");
    data
}

/// The one record of a process that cannot start.
pub(super) fn startup_failed(error: &str) -> Vec<u8> {
    response(None, Some("startup"), Err(CommandError::failed(error)))
}

/// Takes records apart or whole, in order.
pub(super) trait Sink {
    /// Adds a record, or the next part of one.
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Adds a whole record that may be large, without copying it.
    fn slices(&mut self, slices: &mut [IoSlice<'_>]) -> io::Result<()>;
}

/// Turns events into records. It keeps the growing message, to repeat it in every update in full mode.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    growing: Option<GrowingMessage>,
}

impl Recorder {
    /// Hands the record of an event to `sink`.
    pub(super) fn record(
        &mut self,
        event: &AgentEvent,
        mode: OutputMode,
        sink: &mut impl Sink,
    ) -> io::Result<()> {
        match event {
            AgentEvent::MessageStart { message } => {
                self.growing = message.as_assistant().map(|it| GrowingMessage::new(it.clone()));
            }
            AgentEvent::MessageEnd { .. } => self.growing = None,
            AgentEvent::MessageUpdate { usage, assistant_message_event } => {
                if let Some(growing) = &mut self.growing {
                    growing.fold(usage, assistant_message_event);
                    if mode == OutputMode::Full {
                        growing.refresh();
                        return full_update(growing, usage, assistant_message_event, sink);
                    }
                }
            }
            _ => {}
        }
        let mut record = encode(event);
        record.push(b'\n');
        sink.bytes(&record)
    }
}

/// `message_update` with the whole message, twice, as clients of Pi 0.50 expect it.
fn full_update(
    growing: &GrowingMessage,
    usage: &Usage,
    event: &AssistantMessageEvent,
    sink: &mut impl Sink,
) -> io::Result<()> {
    let mut event = encode(event);
    event.pop();
    let usage = encode(usage);
    let mut slices = Vec::with_capacity(16);
    slices.push(IoSlice::new(b"{\"type\":\"message_update\",\"assistantMessageEvent\":"));
    slices.push(IoSlice::new(&event));
    slices.push(IoSlice::new(b",\"partial\":"));
    growing.slices(&mut slices);
    slices.push(IoSlice::new(b"},\"message\":"));
    growing.slices(&mut slices);
    slices.push(IoSlice::new(b",\"usage\":"));
    slices.push(IoSlice::new(&usage));
    slices.push(IoSlice::new(b"}\n"));
    sink.slices(&mut slices)
}

/// A value as JSON.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    json::to_vec(value).unwrap_or_else(|error| {
        tracing::error!(%error, "a record could not be written as JSON");
        b"{\"type\":\"notice\",\"level\":\"error\",\"message\":\"a record was lost; see the log\"}".to_vec()
    })
}

#[cfg(test)]
mod tests {
    use pi_protocol::{AssistantMessage, AssistantMessageEvent, event::shared};
    use serde_json::json;

    use super::*;

    struct Kept(Vec<u8>);

    impl Sink for Kept {
        fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }

        fn slices(&mut self, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
            slices.iter().try_for_each(|it| self.bytes(it))
        }
    }

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn responses_have_pis_shape() {
        for (id, command, answer, expected) in [
            (
                Some(json!(7)),
                Some("get_state"),
                Ok(Some(b"{\"a\":1}".to_vec())),
                "{\"id\":7,\"type\":\"response\",\"command\":\"get_state\",\"success\":true,\"data\":{\"a\":1}}\n",
            ),
            (
                Some(json!("x")),
                Some("abort"),
                Ok(None),
                "{\"id\":\"x\",\"type\":\"response\",\"command\":\"abort\",\"success\":true}\n",
            ),
            (
                None,
                None::<&str>,
                Err(CommandError::failed("no")),
                "{\"type\":\"response\",\"success\":false,\"error\":\"no\"}\n",
            ),
        ] {
            assert_eq!(text(&response(id.as_ref(), command, answer)), expected);
        }
    }

    #[test]
    fn full_mode_repeats_the_message_and_compact_mode_does_not() {
        let start = AgentEvent::MessageStart { message: shared(AssistantMessage::empty("a", "p", "m", 1)) };
        let update =
            |event| AgentEvent::MessageUpdate { usage: Default::default(), assistant_message_event: event };
        let events = [
            start,
            update(AssistantMessageEvent::TextStart { content_index: 0 }),
            update(AssistantMessageEvent::TextDelta { content_index: 0, delta: "hi".into() }),
        ];
        for mode in [OutputMode::Full, OutputMode::Compact] {
            let mut recorder = Recorder::default();
            let mut last = Kept(Vec::new());
            for event in &events {
                last.0.clear();
                recorder.record(event, mode, &mut last).unwrap();
            }
            let record: Value = serde_json::from_slice(&last.0).unwrap();
            assert_eq!(record["assistantMessageEvent"]["delta"], "hi");
            assert_eq!(record["usage"]["input"], 0);
            let so_far = json!([{"type": "text", "text": "hi"}]);
            let full = mode == OutputMode::Full;
            assert_eq!(record["message"]["content"] == so_far, full);
            assert_eq!(record["assistantMessageEvent"]["partial"]["content"] == so_far, full);
            assert_eq!(record["message"]["role"] == "assistant", full);
        }
    }
}
