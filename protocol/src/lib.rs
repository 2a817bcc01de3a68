//! Everything that crosses a process boundary, and no behaviour.
//!
//! The shapes of messages, events, entries and commands are Pi's (see `docs/protocol.md` for where each comes
//! from); they are our domain as well, so the core speaks them directly and every transport carries the same
//! bytes. Nothing here reads files, talks to a socket or decides anything.

pub mod activity;
pub mod client;
pub mod command;
pub mod complete;
pub mod content;
pub mod editor;
pub mod edits;
pub mod entry;
pub mod error;
pub mod event;
pub mod failure;
pub mod json;
pub mod message;
pub mod methods;
pub mod model;
pub mod permission;
pub mod queue;
pub mod response;
pub mod sandbox;
pub mod save;
pub mod sessions;
pub mod stored;
pub mod ui;

pub use activity::{Activity, ActivityParams, ActivityState, Later};
pub use client::{ClientMethod, ClientRequest};
pub use command::*;
pub use complete::*;
pub use content::{Content, ImageContent, TextContent, ThinkingContent, ToolCall};
pub use editor::*;
pub use edits::*;
pub use entry::{Entry, EntryBase, SessionHeader};
pub use error::CommandError;
pub use event::{AgentEvent, AssistantMessageEvent, Envelope, ToolResult};
pub use failure::{Failure, FailureKind};
pub use message::*;
pub use methods::{Method, Request, Scope, Stability};
pub use model::{InputKind, Model, ModelCost, ThinkingLevel};
pub use permission::*;
pub use queue::*;
pub use response::*;
pub use sandbox::{SandboxMode, SandboxState};
pub use save::*;
pub use sessions::*;
pub use stored::StoredMessage;
pub use ui::*;

/// Fingerprint of `generated/pi.schema.json`: a plugin built for another one can tell.
pub const SCHEMA_HASH: &str = include_str!("../generated/schema.hash");
