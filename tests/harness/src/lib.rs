//! What end-to-end tests are made of: a scripted model behind real HTTP, a scratch machine (home, agent
//! directory, workspace), and clients that speak to the real binary the way programs and editors do.
//!
//! The harness owns waiting and leftovers. Every wait has a deadline and panics with the transcript; a server or
//! client that is dropped with something unclaimed (a response nobody asked for, a turn of the model that was
//! never played, a request that broke a rule of the API) fails its test. There are no sleeps: tests hold the model
//! at gates instead. Nothing in here knows how the server works inside.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failing harness is a failing test")]

pub mod checks;
pub mod editor;
pub mod jsonl_client;
pub mod lsp_client;
pub mod model_server;
pub mod scratch;
pub mod script;
pub mod transcript;
mod wire;

use std::{
    env,
    process::{Child, ExitStatus},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

pub use editor::{Applies, Editor, Files, Moves, Profile, Saves};
pub use jsonl_client::JsonlClient;
pub use lsp_client::LspClient;
pub use model_server::{ModelRequest, ModelServer};
pub use scratch::Scratch;
pub use script::{Turn, call, hang, say, status, think};

/// How long any wait of the harness may take: 30 s, or `PI_TEST_WAIT` seconds for slow machines.
pub fn patience() -> Duration {
    static PATIENCE: OnceLock<Duration> = OnceLock::new();
    *PATIENCE.get_or_init(|| {
        let seconds = env::var("PI_TEST_WAIT").ok().and_then(|it| it.parse().ok()).unwrap_or(30);
        Duration::from_secs(seconds)
    })
}

/// The status of a process that is about to end; nothing if it is still there at the deadline.
fn reap(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        let status = child.try_wait().expect("cannot wait for the process");
        if status.is_some() || Instant::now() > deadline {
            return status;
        }
        thread::yield_now();
    }
}
