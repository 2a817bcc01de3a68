//! What confines the shell commands of the model: they read everything and write only where they should.
//!
//! The kernel enforces it (Landlock), on the command and all it starts. It cannot be set up between fork and exec in
//! safe code, so a command starts as this program (`pi __sandbox`), which confines itself and then becomes the
//! shell: same process id, same group. Where the kernel has no Landlock, [`support`] says so and nothing here is
//! used.

mod blocked;
#[cfg(target_os = "linux")]
mod landlock;
mod places;

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use pi_protocol::PermissionMode;
pub use pi_protocol::{SandboxMode, SandboxState};

pub use self::places::{Ground, Places};

/// First argument of a process that confines itself.
pub const ARGUMENT: &str = "__sandbox";

const WRITE: &str = "--write";
const NO_NETWORK: &str = "--no-network";
const FREE: &str = "--free";

/// What the kernel can enforce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    /// Where commands write; with `network`, also that they open no TCP connection.
    Files {
        /// TCP can be denied.
        network: bool,
    },
    /// Nothing, for this reason.
    None(String),
}

/// What the kernel of this machine can enforce. Asked once.
pub fn support() -> &'static Support {
    static SUPPORT: OnceLock<Support> = OnceLock::new();
    SUPPORT.get_or_init(platform::support)
}

/// Whether commands are confined.
#[derive(Debug, Clone, Default)]
pub enum Confinement {
    /// They are not.
    #[default]
    Free,
    /// By this sandbox.
    In(Arc<Sandbox>),
    /// They should be and cannot, for this reason: they are not run.
    Impossible(String),
}

/// Says how a command is confined that was permitted in a permission mode.
pub type Confine = Arc<dyn Fn(PermissionMode) -> Confinement + Send + Sync>;

/// Says how a command is confined that runs in a private copy of the workspace and is to change nothing else.
pub type ConfineCopy = Arc<dyn Fn(&Path) -> Confinement + Send + Sync>;

/// How the commands of one session are confined.
#[derive(Clone)]
pub struct Confining {
    /// The permission mode in force.
    pub mode: Arc<dyn Fn() -> PermissionMode + Send + Sync>,
    /// For commands in the workspace.
    pub confine: Confine,
    /// For those in a copy.
    pub copy: ConfineCopy,
}

/// The arguments of this program that start `shell` unconfined, in a session of its own: without the terminal of Pi,
/// which it could only wait at. The shell's own arguments follow.
pub fn free(shell: &Path) -> [OsString; 4] {
    [ARGUMENT.into(), FREE.into(), "--".into(), shell.into()]
}

impl Confinement {
    /// The sandbox, if there is one.
    pub fn sandbox(&self) -> Option<&Arc<Sandbox>> {
        match self {
            Confinement::In(sandbox) => Some(sandbox),
            Confinement::Free | Confinement::Impossible(_) => None,
        }
    }
}

/// How the commands of one session are confined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// What it allows.
    pub state: SandboxState,
    /// Where commands may write; real paths.
    writable: Vec<PathBuf>,
    /// This program.
    program: PathBuf,
    /// A call may ask to run outside. Only when somebody is asked before each such call.
    pub exit: bool,
}

impl Sandbox {
    /// With these places, by `program`, which is this one.
    pub fn new(state: SandboxState, places: &Places, program: PathBuf) -> Self {
        let writable = match state.mode {
            SandboxMode::WorkspaceWrite => places.resolve(),
            SandboxMode::ReadOnly => Vec::new(),
        };
        Self { state, writable, program, exit: false }
    }

    /// The program and the arguments that start `shell` confined; the shell's own arguments follow.
    pub fn wrap(&self, shell: &Path) -> (&Path, Vec<OsString>) {
        let mut arguments = vec![OsString::from(ARGUMENT)];
        if !self.state.network {
            arguments.push(NO_NETWORK.into());
        }
        for path in &self.writable {
            arguments.extend([WRITE.into(), path.into()]);
        }
        arguments.extend(["--".into(), shell.into()]);
        (&self.program, arguments)
    }

    /// In words, for people: `workspace-write, no network`.
    pub fn describe(&self) -> String {
        let network = if self.state.network { "" } else { ", no network" };
        format!("{}{network}", self.state.mode.as_str())
    }

    /// Where commands may write, for people.
    pub fn writable(&self) -> &[PathBuf] {
        &self.writable
    }

    /// Whether a place can be written that stands for another, if that one can.
    pub fn writes_like_workspace(&self, path: &Path, workspace: &Path) -> bool {
        self.allows(path) || !self.allows(&crate::paths::canonical(workspace))
    }

    fn allows(&self, path: &Path) -> bool {
        self.writable.iter().any(|it| path.starts_with(it)) || DEVICES.iter().any(|it| path.starts_with(it))
    }

    /// What to say after a command that was probably stopped by the sandbox: it ran in `cwd` and wrote `output`.
    pub fn note(&self, output: &str, failed: bool, cwd: &Path) -> Option<String> {
        let denied = blocked::find(output);
        if denied.lines == 0 {
            return None;
        }
        let stopped: Vec<_> = denied
            .paths(cwd)
            .into_iter()
            .filter(|it| !self.allows(&crate::paths::canonical(it)) && platform::could_write(it))
            .collect();
        let name = self.describe();
        let mut text = match stopped.as_slice() {
            [] if !failed || (self.state.network && self.state.mode == SandboxMode::WorkspaceWrite) => {
                return None;
            }
            [] => format!("The sandbox ({name}) may be what denied this."),
            paths => {
                let names: Vec<_> = paths.iter().map(|it| it.display().to_string()).collect();
                format!("The sandbox ({name}) kept this command from writing {}.", names.join(", "))
            }
        };
        match self.exit {
            true => text += " If it has to be, run it again with outsideSandbox; the user is asked.",
            false => text += " The user can change the settings sandbox.mode and sandbox.writable.",
        }
        Some(format!("[{text}]"))
    }
}

/// Devices that programs write to and that keep nothing.
const DEVICES: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/pts"];

/// What a process that is to confine itself was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Order {
    /// Nothing is confined.
    free: bool,
    writable: Vec<PathBuf>,
    no_network: bool,
    command: Vec<OsString>,
}

impl Order {
    fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, String> {
        let mut order = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some(FREE) => order.free = true,
                Some(NO_NETWORK) => order.no_network = true,
                Some(WRITE) => order.writable.extend(arguments.next().map(PathBuf::from)),
                Some("--") => {
                    order.command = arguments.collect();
                    break;
                }
                _ => return Err(format!("unknown argument {}", argument.display())),
            }
        }
        if order.command.is_empty() { Err("no command".into()) } else { Ok(order) }
    }
}

/// Leaves the terminal, confines this process and becomes the command named by `arguments`. Returns only if that fails,
/// with the reason.
pub fn enter(arguments: impl IntoIterator<Item = OsString>) -> io::Error {
    let order = match Order::parse(arguments) {
        Ok(order) => order,
        Err(error) => return io::Error::other(error),
    };
    leave_terminal();
    if !order.free {
        if let Err(error) = platform::confine(&order) {
            return error;
        }
    }
    let Some((program, arguments)) = order.command.split_first() else {
        return io::ErrorKind::InvalidInput.into();
    };
    turn_into(program, arguments)
}

/// Begins a session, which has no terminal. The process leads a group already, and such a one cannot, so it goes back to
/// that of its parent for a moment; the group has the same number afterwards. Without that it is as before.
#[cfg(unix)]
fn leave_terminal() {
    use rustix::process::{getpgid, getppid, setpgid, setsid};

    // Nobody is there to be told of a failure: the output is that of the command.
    let _left = getpgid(getppid()).and_then(|it| setpgid(None, Some(it))).and_then(|()| setsid());
}

#[cfg(unix)]
fn turn_into(program: &std::ffi::OsStr, arguments: &[OsString]) -> io::Error {
    use std::os::unix::process::CommandExt;
    std::process::Command::new(program).args(arguments).exec()
}

#[cfg(not(unix))]
fn leave_terminal() {}

#[cfg(not(unix))]
fn turn_into(_: &std::ffi::OsStr, _: &[OsString]) -> io::Error {
    io::ErrorKind::Unsupported.into()
}

#[cfg(target_os = "linux")]
mod platform {
    use rustix::fs::{Access, access};

    use super::*;

    pub(super) fn support() -> Support {
        match (landlock::files(), landlock::network()) {
            (Ok(()), network) => Support::Files { network: network.is_ok() },
            (Err(error), _) => Support::None(error),
        }
    }

    pub(super) fn confine(order: &Order) -> io::Result<()> {
        landlock::confine(order).map_err(io::Error::other)
    }

    /// Whether we, who are not confined, may write there: then it was not the file's own permissions.
    pub(super) fn could_write(path: &Path) -> bool {
        let there = path.ancestors().find(|it| it.exists());
        there.is_some_and(|it| access(it, Access::WRITE_OK).is_ok())
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use super::*;

    pub(super) fn support() -> Support {
        Support::None("needs Linux".into())
    }

    pub(super) fn confine(_: &Order) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn could_write(_: &Path) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
