//! End-to-end stories over the real binary, one file per face or topic:
//!
//! * `architecture`: rules about the sources themselves.
//! * `chat`, `chat_reading`: chat documents, and what is looked up in them; `chat_draft`: what is not sent yet;
//!   `chat_reopen`: closed and opened again; `chat_sessions`: two at once; `chat_changes`: their changes;
//!   `chat_compaction`: summaries.
//! * `cli`: what people and scripts meet on the command line.
//! * `conformance`: Pi's own recordings, where they are at hand.
//! * `crash`: killed at every step of an edit, and started again.
//! * `docs`: what the documents claim.
//! * `export`: a session as a page.
//! * `known`: what a model is told of changes that others made.
//! * `permissions`: tools that ask first; `guarded`: what commands do not get although they may run.
//! * `replay`: playing a recording again.
//! * `resources`: prompt templates and skills.
//! * `review`: what Pi changed is kept, rejected, reverted and redone; `review_commands`: also what its commands did;
//!   `review_modes`: edits are made, shown first, or only shown.
//! * `rpc`: a conversation over JSONL; `rpc_input`: bad input; `rpc_faults`: failing models, keys, disks;
//!   `rpc_exit`: how the process ends; `rpc_sessions`: forks, clones, trees and models.
//! * `lsp_protocol`, `lsp_workspace`, `lsp_run`, `lsp_queue`, `lsp_sessions`, `lsp_edit`, `lsp_review`, `lsp_plain`: editors;
//!   `lsp_editor`: what they know; `lsp_files`: files that come and go in them; `lsp_frames`: what is no
//!   message, and messages at the wrong time; `lsp_storm`: everything at once; `lsp_folders`: several folders
//!   at once; `lsp_inline`: suggestions while typing; `lsp_demo`: without a model; `lsp_ui`: what is asked;
//!   `lsp_moves`: what their users do with files; `lsp_reload`: what commands and other programs do with open ones.
//! * `shell`: what confines shell commands, and what becomes of them; `unsaved`: what they see of unsaved text.
//! * `trace`: recording a connection.
//!
//! A new topic gets a new file; everything shared belongs into `tests/harness`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod architecture;
mod chat;
mod chat_changes;
mod chat_compaction;
mod chat_draft;
mod chat_reading;
mod chat_reopen;
mod chat_sessions;
mod cli;
mod conformance;
#[cfg(debug_assertions)]
mod crash;
mod docs;
mod export;
#[cfg(unix)]
mod full_disk;
mod guarded;
mod known;
mod lsp_complete;
mod lsp_demo;
mod lsp_edit;
mod lsp_editor;
mod lsp_files;
mod lsp_folders;
mod lsp_frames;
mod lsp_inline;
mod lsp_moves;
mod lsp_no_files;
mod lsp_plain;
mod lsp_protocol;
mod lsp_queue;
#[cfg(unix)]
mod lsp_reload;
mod lsp_review;
mod lsp_run;
mod lsp_sessions;
mod lsp_start;
mod lsp_storm;
mod lsp_ui;
mod lsp_workspace;
mod permissions;
mod replay;
mod resources;
mod review;
#[cfg(unix)]
mod review_binary;
#[cfg(unix)]
mod review_commands;
mod review_modes;
mod rpc;
mod rpc_exit;
mod rpc_faults;
mod rpc_input;
mod rpc_sessions;
mod shell;
mod trace;
mod unsaved;
