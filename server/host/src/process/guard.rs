//! The guard: a second process that ends what is left of our commands when this one is killed without notice.
//!
//! Nothing in this process can run after a SIGKILL, and a parent-death signal would reach the shell but not what it
//! started. So the first command starts a guard, which is told of each process group and of its end through a pipe.
//! When the pipe closes, the guard kills the groups it still knows. It is this program again (`pi __guard`), does
//! nothing else, and has a process group of its own, so that a signal meant for us does not end it first.

use std::{
    collections::BTreeSet,
    io::{self, BufRead, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
};

/// First argument of a guard.
pub const ARGUMENT: &str = "__guard";

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// From now on commands are guarded by `program __guard`. Starts nothing yet; the first call counts.
pub fn use_program(program: PathBuf) {
    if PROGRAM.set(program).is_err() {
        tracing::debug!("the guard's program is known already");
    }
}

/// This program, if it is known.
pub(super) fn program() -> Option<&'static PathBuf> {
    PROGRAM.get()
}

/// What the guard is told: one line each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Note {
    /// This group began.
    Began(u32),
    /// This group is over or left alone; its id may soon be somebody else's.
    Ended(u32),
}

impl Note {
    fn line(self) -> String {
        match self {
            Note::Began(id) => format!("+{id}\n"),
            Note::Ended(id) => format!("-{id}\n"),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        match line.split_at_checked(1)? {
            ("+", id) => id.parse().ok().map(Note::Began),
            ("-", id) => id.parse().ok().map(Note::Ended),
            _ => None,
        }
    }
}

/// Our end of the guard.
#[derive(Debug, Default)]
pub(super) struct Guard {
    running: Option<(Child, ChildStdin)>,
    /// It could not be started; said once.
    missing: bool,
}

impl Guard {
    pub(super) const fn new() -> Self {
        Self { running: None, missing: false }
    }

    /// A group began; `all` are the groups in progress, with this one.
    pub(super) fn began(&mut self, id: u32, all: &BTreeSet<u32>) {
        let Some(program) = PROGRAM.get() else { return };
        if self.tell(Note::Began(id)) || self.missing {
            return;
        }
        match start(program) {
            Ok(running) => {
                self.running = Some(running);
                for &id in all {
                    self.tell(Note::Began(id));
                }
            }
            Err(error) => {
                self.missing = true;
                tracing::warn!(%error, "no guard: a killed server will leave its commands running");
            }
        }
    }

    /// A group is over.
    pub(super) fn ended(&mut self, id: u32) {
        self.tell(Note::Ended(id));
    }

    /// False if there is no guard, or none any more.
    fn tell(&mut self, note: Note) -> bool {
        let Some((child, pipe)) = &mut self.running else { return false };
        if pipe.write_all(note.line().as_bytes()).is_ok() {
            return true;
        }
        // Somebody killed it. Nothing is lost: a new one is told of all groups.
        if let Err(error) = child.wait() {
            tracing::debug!(%error, "cannot wait for the guard");
        }
        self.running = None;
        false
    }
}

fn start(program: &PathBuf) -> io::Result<(Child, ChildStdin)> {
    let mut command = Command::new(program);
    command.arg(ARGUMENT).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // It must not keep a directory busy.
    command.current_dir("/").env_clear();
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    let mut child = command.spawn()?;
    let pipe = child.stdin.take().ok_or_else(|| io::Error::other("no pipe"))?;
    Ok((child, pipe))
}

/// The guard's whole life: reads notes until nobody is left who could write one, then kills what has not ended.
pub fn run(notes: impl BufRead) {
    for id in unended(notes) {
        super::groups::kill(id);
    }
}

fn unended(mut notes: impl BufRead) -> BTreeSet<u32> {
    let mut live = BTreeSet::new();
    let mut line = String::new();
    // What cannot be read is the end as well. A number without its line end may be cut: it would name another group.
    while notes.read_line(&mut line).is_ok() && line.ends_with('\n') {
        match Note::parse(line.trim_end()) {
            Some(Note::Began(id)) => live.insert(id),
            Some(Note::Ended(id)) => live.remove(&id),
            None => false,
        };
        line.clear();
    }
    live
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_began_and_did_not_end_is_left() {
        let text: String = [Note::Began(7), Note::Began(8), Note::Ended(7), Note::Began(9), Note::Ended(1)]
            .map(Note::line)
            .concat();
        assert_eq!(unended(text.as_bytes()), BTreeSet::from([8, 9]));
        assert_eq!(unended("+7\n\n?\n+\nnoise\n-x\n+81".as_bytes()), BTreeSet::from([7]));
    }
}
