//! The agent without a machine: turn loop, session actor, queues, events, and the ports they need.
//!
//! This crate names no transport, no provider, no file system and no JavaScript. What it needs from outside it
//! asks through the traits in [`ports`]; `tests/architecture.rs` of the server checks that its `Cargo.toml` stays
//! this light.

pub mod activity;
pub mod builder;
pub mod bus;
mod calls;
pub mod clock;
mod compaction;
pub mod cost;
pub mod partial_json;
pub mod ports;
pub mod queue;
pub mod replay;
pub mod retry;
pub mod session;
pub mod thinking;
pub mod tree;
pub mod turn;
pub mod validate;
pub mod visible;

pub use bus::{Answers, Delivery, EventBus, EventQueue};
pub use ports::*;
pub use session::{FindModel, Reply, SandboxInForce, SessionHandle, SessionOptions, reply_channel};
pub use tokio_util::sync::CancellationToken;
