//! Making room in a full context: what is cut off, what the model is asked to write in its place (rpc.md §9).
//!
//! Nothing here knows the state of a session. When it is done, who is told and what a stop does is in
//! `session/compact.rs`.

pub(crate) mod estimate;
pub(crate) mod files;
pub(crate) mod plan;
pub(crate) mod prompt;
pub(crate) mod summary;
pub(crate) mod transcript;
