//! Signals that end the process: the first one asks for an orderly end, the second one ends it at once.

use std::process;

use pi_host::process::kill_all;

use tokio::sync::oneshot;

/// Exit status after SIGHUP.
pub const HANGUP: u8 = 129;

/// Waits for the first signal that asks the process to end and gives its exit status (128 + number). From then on
/// any further signal ends the process at once with that status.
#[cfg(unix)]
pub async fn asked_to_end() -> u8 {
    use tokio::signal::unix::{SignalKind, signal};

    const KINDS: [(fn() -> SignalKind, u8); 3] =
        [(SignalKind::hangup, HANGUP), (SignalKind::interrupt, 130), (SignalKind::terminate, 143)];
    let (first, asked) = oneshot::channel();
    let first = std::sync::Arc::new(std::sync::Mutex::new(Some(first)));
    for (kind, status) in KINDS {
        let mut stream = match signal(kind()) {
            Ok(it) => it,
            Err(error) => {
                tracing::warn!("signals cannot be handled: {error}");
                continue;
            }
        };
        let first = first.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                let sender = first.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
                match sender.map(|it| it.send(status)) {
                    Some(Ok(())) => {}
                    _ => end_at_once(status),
                }
            }
        });
    }
    match asked.await {
        Ok(status) => status,
        Err(_) => std::future::pending().await,
    }
}

/// Waits for Ctrl+C; a second one ends the process at once.
#[cfg(not(unix))]
pub async fn asked_to_end() -> u8 {
    let (first, asked) = oneshot::channel();
    tokio::spawn(async move {
        let mut first = Some(first);
        while tokio::signal::ctrl_c().await.is_ok() {
            match first.take().map(|it| it.send(130)) {
                Some(Ok(())) => {}
                _ => end_at_once(130),
            }
        }
    });
    match asked.await {
        Ok(status) => status,
        Err(_) => std::future::pending().await,
    }
}

/// Ends the process and every command it started.
fn end_at_once(status: u8) -> ! {
    kill_all();
    process::exit(i32::from(status))
}
