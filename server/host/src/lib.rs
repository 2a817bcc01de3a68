//! The machine: files, processes, settings, session files, tools.
//!
//! Everything here implements a port of `pi-core` or serves one. Nothing here knows a transport or a provider.

mod beside;
pub mod crash;
pub mod export;
pub mod form;
pub mod fs;
pub mod ledger;
pub mod paths;
pub mod permissions;
pub mod process;
pub mod recorded;
pub mod repository;
pub mod resources;
pub mod sandbox;
pub mod sessions;
pub mod settings;
pub mod shell;
pub mod tools;
pub mod truncate;
pub mod unsaved;
pub mod workspace;
