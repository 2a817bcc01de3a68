//! Shell commands: started in their own session and process group, read as they write, ended as a whole.
//!
//! Both the model's `bash` tool and the user's `bash` command run through [`Running`]. What they do with the output
//! is theirs; [`output::OutputBuffer`] keeps it bounded. A job that a command leaves in the background lives on, as
//! in any shell, but nobody waits for it.

mod groups;
pub mod guard;
pub mod output;
mod pipe;
pub mod sanitize;

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::LazyLock,
    time::Duration,
};

pub use groups::kill_all;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::sandbox::{self, Confinement};
use groups::Group;
use pipe::OutputPipe;

/// Silence after the shell's end after which a background job that holds the pipe is not waited for.
const SILENCE: Duration = Duration::from_millis(100);
/// The longest wait for such a job, however much it writes, and for the death of what was killed.
const LONGEST_DRAIN: Duration = Duration::from_secs(2);

/// Which shell runs commands, where, and with what environment.
#[derive(Debug, Clone, Default)]
pub struct ShellConfig {
    /// Setting `shellPath`; otherwise `/bin/bash`, a `bash` on the path, or `sh`.
    pub path: Option<PathBuf>,
    /// Setting `shellCommandPrefix`: lines put before each command.
    pub prefix: Option<String>,
    /// Directory the commands run in.
    pub cwd: PathBuf,
    /// Added to the environment of this process.
    pub env: Vec<(String, String)>,
    /// Variables of the environment of this process that commands do not get.
    pub hidden: Vec<String>,
    /// Directory put first on `PATH`.
    pub agent_bin: Option<PathBuf>,
}

/// Whether there is a process with this number. Where the system cannot be asked: yes.
pub fn is_alive(process: u32) -> bool {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, test_kill_process};
        let id = i32::try_from(process).ok().and_then(Pid::from_raw);
        id.is_some_and(|it| test_kill_process(it) != Err(rustix::io::Errno::SRCH))
    }
    #[cfg(not(unix))]
    {
        let _ = process;
        true
    }
}

/// A process, told from a later one with the same number where the system says when processes began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessId {
    /// Its number.
    pub number: u32,
    /// When it began, in the system's own count; nothing where that is not known.
    pub began: Option<i64>,
}

impl ProcessId {
    /// This process.
    pub fn own() -> Self {
        static OWN: LazyLock<ProcessId> = LazyLock::new(|| {
            let number = std::process::id();
            ProcessId { number, began: began(number) }
        });
        *OWN
    }

    /// Whether it is this process.
    pub fn is_own(self) -> bool {
        let own = Self::own();
        self.number == own.number && self.is_of(own.began)
    }

    /// Whether it is still there.
    pub fn is_alive(self) -> bool {
        is_alive(self.number) && self.is_of(began(self.number))
    }

    fn is_of(self, began: Option<i64>) -> bool {
        self.began.is_none() || began.is_none() || self.began == began
    }
}

/// When a process began, in ticks since the system did.
fn began(process: u32) -> Option<i64> {
    // Elsewhere there is no such file. The name, in parentheses, may contain anything.
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// The system did not say how.
    Unknown,
    /// Killed because its time was over.
    TimedOut,
    /// Killed because the token of its caller was cancelled.
    Cancelled,
}

/// What a running command did next.
#[derive(Debug)]
pub enum Step {
    /// It wrote these bytes, to standard output or standard error.
    Output(Vec<u8>),
    /// It is over. Nothing follows.
    Ended(End),
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Running,
    /// Killed; waiting for the death of the shell until this moment.
    Dying(End, Instant),
    /// The shell is gone; waiting for what is left in the pipe.
    Draining {
        end: End,
        silent_at: Instant,
        last: Instant,
    },
}

/// A command in progress. Dropping it kills its process group.
#[derive(Debug)]
pub struct Running {
    child: Child,
    output: OutputPipe,
    group: Group,
    cancel: CancellationToken,
    deadline: Option<Instant>,
    phase: Phase,
}

impl Running {
    /// Starts `command`, confined or not.
    ///
    /// # Errors
    /// A text for the model or the person: the directory or the shell does not exist, or could not be used.
    pub fn start(
        config: &ShellConfig,
        confinement: &Confinement,
        command: &str,
        env: &[(&str, &str)],
        timeout: Option<Duration>,
        cancel: CancellationToken,
    ) -> Result<Self, String> {
        if !config.cwd.is_dir() {
            let cwd = config.cwd.display();
            return Err(format!("Working directory does not exist: {cwd}\nCannot execute bash commands."));
        }
        let shell = config.shell()?;
        let mut process = match confinement {
            Confinement::Free => match guard::program() {
                Some(program) => {
                    let mut process = Command::new(program);
                    process.args(sandbox::free(&shell));
                    process
                }
                None => Command::new(&shell),
            },
            Confinement::In(sandbox) => {
                let (program, arguments) = sandbox.wrap(&shell);
                let mut process = Command::new(program);
                process.args(arguments);
                process
            }
            Confinement::Impossible(why) => return Err(why.clone()),
        };
        process.arg("-c").arg(config.script(command)).current_dir(&config.cwd).stdin(Stdio::null());
        process.kill_on_drop(true);
        // Without a terminal nobody could answer.
        if std::env::var_os("GIT_TERMINAL_PROMPT").is_none() {
            process.env("GIT_TERMINAL_PROMPT", "0");
        }
        config.hidden.iter().for_each(|it| {
            process.env_remove(it);
        });
        process.envs(config.env.iter().map(|(name, value)| (name, value))).envs(env.iter().copied());
        if let Some(path) = config.search_path() {
            process.env("PATH", path);
        }
        #[cfg(unix)]
        process.process_group(0);

        let failed = |error: std::io::Error| format!("cannot start {}: {error}", shell.display());
        let (child, output) = OutputPipe::spawn(process).map_err(failed)?;
        let group = Group::of(child.id());
        let deadline = timeout.map(|it| Instant::now() + it);
        Ok(Self { child, output, group, cancel, deadline, phase: Phase::Running })
    }

    /// Waits for the next step. May be dropped and called again without loss.
    pub async fn next(&mut self) -> Step {
        loop {
            let now = Instant::now();
            let until = match self.phase {
                Phase::Running if self.deadline.is_some_and(|it| it <= now) => {
                    self.kill(End::TimedOut);
                    continue;
                }
                Phase::Running => self.deadline,
                Phase::Dying(end, until) if until <= now => return Step::Ended(end),
                Phase::Dying(_, until) => Some(until),
                Phase::Draining { end, silent_at, last } => {
                    if self.output.is_closed() || last <= now {
                        return self.ended(end);
                    }
                    Some(silent_at.min(last))
                }
            };
            let (alive, killed) = match self.phase {
                Phase::Running => (true, false),
                Phase::Dying(..) => (true, true),
                Phase::Draining { end, .. } => (false, matches!(end, End::TimedOut | End::Cancelled)),
            };
            // Output comes last: a command that never stops writing must not hide its end. Nothing is lost, what
            // is left in the pipe is read after the end. The clock is read above for the same reason.
            tokio::select! {
                biased;
                () = self.cancel.cancelled(), if !killed => self.kill(End::Cancelled),
                status = self.child.wait(), if alive => {
                    let end = match self.phase {
                        Phase::Dying(end, _) => end,
                        _ => status.map_or(End::Unknown, end_of),
                    };
                    let now = Instant::now();
                    self.phase = Phase::Draining { end, silent_at: now + SILENCE, last: now + LONGEST_DRAIN };
                }
                chunk = self.output.read(), if !self.output.is_closed() => {
                    let Some(chunk) = chunk else { continue };
                    if let Phase::Draining { silent_at, .. } = &mut self.phase {
                        *silent_at = Instant::now() + SILENCE;
                    }
                    return Step::Output(chunk);
                }
                () = sleep_until(until.unwrap_or(now)), if until.is_some() => {
                    if let Phase::Draining { end, .. } = self.phase {
                        return self.ended(end);
                    }
                }
            }
        }
    }

    fn ended(&mut self, end: End) -> Step {
        self.group.release();
        Step::Ended(end)
    }

    fn kill(&mut self, end: End) {
        self.group.kill();
        // It may be about to lead its group.
        if let Err(error) = self.child.start_kill() {
            tracing::debug!(%error, "the shell is gone already");
        }
        self.phase = Phase::Dying(end, Instant::now() + LONGEST_DRAIN);
    }
}

fn end_of(status: ExitStatus) -> End {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return End::Signalled(signal);
    }
    status.code().map_or(End::Unknown, End::Exited)
}

impl ShellConfig {
    fn script(&self, command: &str) -> OsString {
        match self.prefix.as_deref() {
            Some(prefix) if !prefix.is_empty() => format!("{prefix}\n{command}").into(),
            _ => command.into(),
        }
    }

    fn search_path(&self) -> Option<OsString> {
        let first = self.agent_bin.as_deref()?;
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let rest = std::env::split_paths(&inherited).filter(|it| it != first);
        std::env::join_paths(std::iter::once(first.to_path_buf()).chain(rest)).ok()
    }

    /// The shell that runs commands.
    ///
    /// # Errors
    /// The configured one does not exist, or there is none at all.
    pub fn shell(&self) -> Result<PathBuf, String> {
        if let Some(path) = &self.path {
            return match path.is_file() {
                true => Ok(path.clone()),
                false => Err(format!("shell not found: {} (setting shellPath)", path.display())),
            };
        }
        known_shells()
            .into_iter()
            .find(|it| it.is_file())
            .or_else(|| on_path("bash"))
            .or_else(|| on_path("sh"))
            .ok_or_else(|| "no shell found: install bash or set shellPath in settings.json".into())
    }
}

fn known_shells() -> Vec<PathBuf> {
    if cfg!(windows) {
        let roots = ["ProgramFiles", "ProgramFiles(x86)"].into_iter().filter_map(std::env::var_os);
        return roots.map(|it| Path::new(&it).join("Git/bin/bash.exe")).collect();
    }
    vec!["/bin/bash".into()]
}

fn on_path(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let file = Path::new(name.as_ref()).with_extension(std::env::consts::EXE_EXTENSION);
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|it| it.join(&file)).find(|it| it.is_file())
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
