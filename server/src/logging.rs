//! Logs and panics go to stderr; stdout belongs to the protocol.

use std::{io::IsTerminal, panic};

use tracing_subscriber::EnvFilter;

/// Starts logging. The level is `PI_LOG` (for example `debug` or `pi_host=trace`), else `info` with `verbose`, else
/// `warn`. A `PI_LOG` that makes no sense counts as not set.
pub fn start(verbose: bool) {
    let asked = std::env::var("PI_LOG").ok().and_then(|it| EnvFilter::try_new(it).ok());
    let for_people = asked.is_none();
    let default = if verbose { "info" } else { "warn" };
    let log = tracing_subscriber::fmt()
        .with_env_filter(asked.unwrap_or_else(|| EnvFilter::new(default)))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    // Whoever asked for a log wants to know when and where; everyone else what.
    match for_people {
        true => log.without_time().with_target(false).init(),
        false => log.init(),
    }
    panic::set_hook(Box::new(|info| {
        // The place is for us, the payload may hold what a user typed: it is logged, never sent anywhere.
        tracing::error!("internal error, please report: {info}");
    }));
}
