//! How clients talk to sessions. Each transport is thin over the same `SessionHandle`.

pub mod jsonl;
pub mod lsp;
pub mod print;
