//! A live session: the handle others hold, and the actor that alone changes it.

mod actor;
mod attach;
mod bash;
mod compact;
mod handle;
mod history;
mod models;
mod questions;
mod queues;
mod run;
mod slash;
mod stats;

pub use actor::session_name;
pub use attach::Followed;
pub use handle::{
    Command, CommandResult, FindModel, ModelSearch, Reply, SandboxInForce, SessionHandle, SessionOptions,
    reply_channel,
};
pub use questions::UiAnswer;
