//! `settings.json`: what there is to set, reading it, changing it.
//!
//! One row of [`table::TABLE`] is one setting: its key, kind, default and words; parser, defaults and
//! `docs/config.md` follow from it. Nothing is written at start; a changed setting changes its own characters in
//! the file and no others.

mod docs;
mod file;
mod json_text;
pub mod table;
mod values;

pub use docs::config_markdown;
pub use file::{HostSettings, SettingsOptions};
pub(crate) use file::{LockDir, replace_file};
pub use values::Values;
