//! What the scripted model says: one [`Turn`] per request, in order.
//!
//! A turn is independent of the wire dialect; `wire` renders it for the API the request came in on.

use serde_json::Value;

/// One block of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Block {
    Text(String),
    Thinking(String),
    Tool { id: Option<String>, name: String, arguments: String },
}

/// How an answer goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// An HTTP status instead of a stream.
    Status { status: u16, body: String, headers: Vec<(String, String)> },
    /// The connection is dropped after so many deltas.
    Disconnect { after: usize },
    /// One event is not JSON, after so many deltas.
    Malformed { after: usize },
    /// The stream ends in good order after so many deltas, but without saying why.
    Half { after: usize },
    /// Headers, then nothing until the client goes away.
    Hang,
}

/// A place where the answer waits until the test releases it.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) name: String,
    /// Deltas sent before the gate; `None` = before the response headers.
    pub(crate) after: Option<usize>,
}

/// One answer of the model. Built with [`say`], [`think`], [`call`], [`status`] or [`hang`] and then extended.
#[derive(Debug, Clone)]
pub struct Turn {
    pub(crate) blocks: Vec<Block>,
    pub(crate) stop: Option<&'static str>,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) piece: Option<usize>,
    pub(crate) gates: Vec<Gate>,
    pub(crate) fault: Option<Fault>,
}

/// The model answers with text.
pub fn say(text: impl Into<String>) -> Turn {
    Turn::default().say(text)
}

/// The model begins with reasoning.
pub fn think(text: impl Into<String>) -> Turn {
    Turn::default().think(text)
}

/// The model calls a tool.
pub fn call(name: &str, arguments: Value) -> Turn {
    Turn::default().call(name, arguments)
}

/// The server answers with an HTTP status and a body instead of a stream.
pub fn status(status: u16, body: impl Into<String>) -> Turn {
    Turn::default().fault(Fault::Status { status, body: body.into(), headers: Vec::new() })
}

/// The server sends headers and then nothing until the client goes away.
pub fn hang() -> Turn {
    Turn::default().fault(Fault::Hang)
}

impl Default for Turn {
    /// An answer without content: 100 tokens in, 20 out.
    fn default() -> Self {
        Self {
            blocks: Vec::new(),
            stop: None,
            input_tokens: 100,
            output_tokens: 20,
            piece: None,
            gates: Vec::new(),
            fault: None,
        }
    }
}

impl Turn {
    fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// Adds text.
    pub fn say(mut self, text: impl Into<String>) -> Self {
        self.blocks.push(Block::Text(text.into()));
        self
    }

    /// Adds reasoning.
    pub fn think(mut self, text: impl Into<String>) -> Self {
        self.blocks.push(Block::Thinking(text.into()));
        self
    }

    /// Adds a tool call; its id is made up and unique on the server.
    pub fn call(self, name: &str, arguments: Value) -> Self {
        self.call_raw(name, arguments.to_string())
    }

    /// Adds a tool call whose arguments are this text, JSON or not.
    pub fn call_raw(mut self, name: &str, arguments: impl Into<String>) -> Self {
        self.blocks.push(Block::Tool { id: None, name: name.to_owned(), arguments: arguments.into() });
        self
    }

    /// Gives the last tool call this id.
    pub fn id(mut self, call_id: &str) -> Self {
        match self.blocks.last_mut() {
            Some(Block::Tool { id, .. }) => *id = Some(call_id.to_owned()),
            other => panic!("id() follows call(), not {other:?}"),
        }
        self
    }

    /// Says that the answer was cut by the output limit.
    pub fn cut(mut self) -> Self {
        self.stop = Some("length");
        self
    }

    /// Reports these token counts instead of 100 and 20.
    pub fn usage(mut self, input: u64, output: u64) -> Self {
        (self.input_tokens, self.output_tokens) = (input, output);
        self
    }

    /// Sends text, reasoning and arguments in deltas of so many characters; otherwise each block is one delta.
    pub fn pieces(mut self, characters: usize) -> Self {
        assert!(characters > 0, "a piece has at least one character");
        self.piece = Some(characters);
        self
    }

    /// Waits before the response headers until the test releases `gate`.
    pub fn gate(mut self, gate: &str) -> Self {
        self.gates.push(Gate { name: gate.to_owned(), after: None });
        self
    }

    /// Waits after so many deltas until the test releases `gate`.
    pub fn gate_after(mut self, deltas: usize, gate: &str) -> Self {
        self.gates.push(Gate { name: gate.to_owned(), after: Some(deltas) });
        self
    }

    /// Drops the connection after so many deltas.
    pub fn disconnect_after(self, deltas: usize) -> Self {
        self.fault(Fault::Disconnect { after: deltas })
    }

    /// Sends an event that is not JSON after so many deltas.
    pub fn malformed_after(self, deltas: usize) -> Self {
        self.fault(Fault::Malformed { after: deltas })
    }

    /// Ends the stream after so many deltas without a finish reason.
    pub fn half_after(self, deltas: usize) -> Self {
        self.fault(Fault::Half { after: deltas })
    }

    /// Adds a response header to a [`status`] turn.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match &mut self.fault {
            Some(Fault::Status { headers, .. }) => headers.push((name.to_owned(), value.to_owned())),
            other => panic!("header() follows status(), not {other:?}"),
        }
        self
    }

    /// Whether a tool is called.
    pub(crate) fn calls_tools(&self) -> bool {
        self.blocks.iter().any(|it| matches!(it, Block::Tool { .. }))
    }

    /// Cuts a block's text into its deltas.
    pub(crate) fn cut_into_pieces(&self, text: &str) -> Vec<String> {
        let Some(size) = self.piece else { return vec![text.to_owned()] };
        let characters: Vec<char> = text.chars().collect();
        characters.chunks(size).map(|it| it.iter().collect()).collect()
    }
}

impl<const N: usize> From<[Turn; N]> for Turns {
    fn from(turns: [Turn; N]) -> Self {
        Turns(turns.into())
    }
}

impl From<Vec<Turn>> for Turns {
    fn from(turns: Vec<Turn>) -> Self {
        Turns(turns)
    }
}

impl From<Turn> for Turns {
    fn from(turn: Turn) -> Self {
        Turns(vec![turn])
    }
}

/// Turns for [`crate::ModelServer::script`].
#[derive(Debug)]
pub struct Turns(pub(crate) Vec<Turn>);
