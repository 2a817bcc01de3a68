//! The process groups this program started and has to end before it ends itself.
//!
//! A group is named by the id of its first process. It is forgotten when the command is over, because from then on
//! the system may give the id to somebody else.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

static LIVE: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn live() -> MutexGuard<'static, BTreeSet<u32>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills every command in progress with all its children. To be called before the program ends.
pub fn kill_all() {
    for id in std::mem::take(&mut *live()) {
        kill(id);
    }
}

/// One group; killed on drop unless released before.
#[derive(Debug)]
pub(super) struct Group(Option<u32>);

impl Group {
    /// The group led by the process `id`; none if that process is over already.
    pub(super) fn of(id: Option<u32>) -> Self {
        live().extend(id);
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
            live().remove(&id);
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
fn kill(id: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};

    let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) else { return };
    match kill_process_group(pid, Signal::KILL) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => tracing::warn!(group = id, %error, "cannot kill a process group"),
    }
}

#[cfg(not(unix))]
fn kill(id: u32) {
    let id = id.to_string();
    let killed = std::process::Command::new("taskkill").args(["/F", "/T", "/PID", &id]).output();
    if let Err(error) = killed {
        tracing::warn!(process = id, %error, "cannot kill a process tree");
    }
}
