//! Notices that the editor has died although standard input stays open.
//!
//! The end of input is the usual sign; a process that the editor started can hold the pipe open beyond it.

use std::{sync::Arc, time::Duration};

use super::connection::Connection;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// Ends the connection when the process with this id ends. A process that is not there at the start is in another
/// container or on another machine, and says nothing.
pub fn watch(connection: Arc<Connection>, id: u32) {
    if !alive(id) {
        tracing::debug!(id, "the client's process cannot be seen");
        return;
    }
    tokio::spawn(async move {
        while alive(id) {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = connection.ended.cancelled() => return,
            }
        }
        tracing::info!(id, "the client's process has ended");
        connection.ended.cancel();
    });
}

/// Whether a process exists and is more than a zombie.
#[cfg(target_os = "linux")]
fn alive(id: u32) -> bool {
    // The state follows the name, which stands in brackets and may contain anything.
    std::fs::read_to_string(format!("/proc/{id}/stat"))
        .is_ok_and(|it| it.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with(['Z', 'X'])))
}

/// Whether a process exists; a zombie counts until its parent has asked for its end.
#[cfg(all(unix, not(target_os = "linux")))]
fn alive(id: u32) -> bool {
    pi_host::process::is_alive(id)
}

/// Elsewhere only the end of input counts.
#[cfg(not(unix))]
fn alive(_: u32) -> bool {
    false
}
