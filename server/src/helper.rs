//! The program as its own helper: `pi __guard` and `pi __sandbox …`. No part of the command line for people, and
//! looked for before it: a command that is confined must not wait for anything else.

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use pi_host::{process::guard, sandbox};

/// Exit status when a confined command could not be started, as of a shell that cannot execute a file.
const CANNOT_START: u8 = 126;

/// Does a helper's work if the arguments ask for it.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    match arguments.next()?.to_str()? {
        guard::ARGUMENT => {
            guard::run(io::stdin().lock());
            Some(ExitCode::SUCCESS)
        }
        sandbox::ARGUMENT => {
            let error = sandbox::enter(arguments);
            // The model reads it as the output of its command. Nobody else is left to tell.
            let _unheard = writeln!(io::stderr(), "pi: the sandbox could not be entered: {error}");
            Some(ExitCode::from(CANNOT_START))
        }
        _ => None,
    }
}

/// This program, for starting it again. By its process where that is possible: the file may have been replaced by
/// another version since.
///
/// # Errors
/// The system does not say which file it is.
pub fn program() -> io::Result<PathBuf> {
    let own = Path::new("/proc/self/exe");
    if own.exists() { Ok(own.to_owned()) } else { env::current_exe() }
}
