//! The process groups this program started and has to end before it ends itself.
//!
//! A group is named by the id of its first process. It is forgotten when the command is over, because from then on
//! the system may give the id to somebody else. The guard knows the same groups.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::guard::Guard;

#[derive(Debug)]
struct Groups {
    live: BTreeSet<u32>,
    guard: Guard,
}

static GROUPS: Mutex<Groups> = Mutex::new(Groups { live: BTreeSet::new(), guard: Guard::new() });

fn groups() -> MutexGuard<'static, Groups> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Groups {
    fn began(&mut self, id: u32) {
        self.live.insert(id);
        self.guard.began(id, &self.live);
    }

    fn ended(&mut self, id: u32) {
        if self.live.remove(&id) {
            self.guard.ended(id);
        }
    }
}

/// Kills every command in progress with all its children. To be called before the program ends.
pub fn kill_all() {
    let mut groups = groups();
    for id in groups.live.clone() {
        kill(id);
        groups.ended(id);
    }
}

/// One group; killed on drop unless released before.
#[derive(Debug)]
pub(super) struct Group(Option<u32>);

impl Group {
    /// The group led by the process `id`; none if that process is over already.
    pub(super) fn of(id: Option<u32>) -> Self {
        if let Some(id) = id {
            groups().began(id);
        }
        Self(id)
    }

    /// Kills all processes of the group.
    pub(super) fn kill(&self) {
        if let Some(id) = self.0 {
            kill(id);
        }
    }

    /// Lets what is left of the group live.
    pub(super) fn release(&mut self) {
        if let Some(id) = self.0.take() {
            groups().ended(id);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        self.release();
    }
}

#[cfg(unix)]
pub(super) fn kill(id: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};

    let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) else { return };
    match kill_process_group(pid, Signal::KILL) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => tracing::warn!(group = id, %error, "cannot kill a process group"),
    }
}

#[cfg(not(unix))]
pub(super) fn kill(id: u32) {
    let id = id.to_string();
    let killed = std::process::Command::new("taskkill").args(["/F", "/T", "/PID", &id]).output();
    if let Err(error) = killed {
        tracing::warn!(process = id, %error, "cannot kill a process tree");
    }
}
