//! Session files: Pi's JSONL, version 3, written so that Pi opens them and read so that its files open here.
//!
//! [`SessionFiles`] knows where they are, [`FileStore`] appends to one, [`load`] reads one. What the entries mean
//! (tree, context, statistics) is the core's.

mod branch;
mod files;
mod list;
mod load;
mod manage;
mod migrate;
mod store;
#[cfg(test)]
mod tests;

pub use files::{Found, NewSession, OpenSession, SessionFileError, SessionFiles, valid_session_id};
pub use list::SessionInfo;
pub use load::{LoadedFile, load};
pub use manage::SessionHit;
pub use store::{FileStore, MemoryStore};
