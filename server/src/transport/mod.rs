//! How clients talk to sessions. Each transport is thin over the same `SessionHandle`.

pub mod jsonl;
pub mod lsp;
pub mod print;

use std::{fs::File, io};

/// Standard output without the line buffer of the standard library, which would search every record again.
fn output() -> io::Result<File> {
    #[cfg(unix)]
    let own = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned()?;
    #[cfg(windows)]
    let own = std::os::windows::io::AsHandle::as_handle(&io::stdout()).try_clone_to_owned()?;
    Ok(File::from(own))
}
