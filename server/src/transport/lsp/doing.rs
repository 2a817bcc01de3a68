//! What the sessions of a client without our events are doing, as far as something can be done about it: whether or
//! not the client shows progress, a run can be stopped, a command skipped, a failed answer tried again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use pi_protocol::ActivityState;

/// A command that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningCommand {
    /// Whose it is.
    pub session: Arc<str>,
    /// Its call.
    pub call: String,
    /// What is run.
    pub command: String,
}

/// By session. Nothing is kept of one that rests.
#[derive(Debug, Default)]
pub struct Doing(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    sessions: HashMap<Arc<str>, ActivityState>,
    /// Those that run something, the one that began first first.
    busy: Vec<Arc<str>>,
    /// Oldest first.
    commands: Vec<RunningCommand>,
}

impl Doing {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session does this now.
    pub fn activity(&self, session: &Arc<str>, state: ActivityState) {
        let mut all = self.lock();
        match state.is_busy() || state == ActivityState::Failed {
            true => all.sessions.insert(session.clone(), state),
            false => all.sessions.remove(session),
        };
        match state.is_busy() {
            true if all.busy.contains(session) => {}
            true => all.busy.push(session.clone()),
            false => all.busy.retain(|it| it != session),
        }
    }

    /// A session runs a command.
    pub fn begins(&self, session: &Arc<str>, call: &str, command: &str) {
        let (session, call, command) = (session.clone(), call.to_owned(), command.to_owned());
        self.lock().commands.push(RunningCommand { session, call, command });
    }

    /// A call has ended.
    pub fn ends(&self, session: &str, call: &str) {
        self.lock().commands.retain(|it| &*it.session != session || it.call != call);
    }

    /// A session is not followed any more.
    pub fn forget(&self, session: &str) {
        let mut all = self.lock();
        all.sessions.remove(session);
        all.busy.retain(|it| **it != *session);
        all.commands.retain(|it| &*it.session != session);
    }

    /// The sessions that run something, the one that began last first.
    pub fn busy(&self) -> Vec<Arc<str>> {
        self.lock().busy.iter().rev().cloned().collect()
    }

    /// Whether this session runs something.
    pub fn is_busy_in(&self, session: &str) -> bool {
        self.lock().sessions.get(session).is_some_and(|it| it.is_busy())
    }

    /// A session in this state.
    pub fn in_state(&self, state: ActivityState) -> Option<Arc<str>> {
        let all = self.lock();
        all.sessions.iter().find(|it| *it.1 == state).map(|it| it.0.clone())
    }

    /// The commands that run, oldest first. One that waits for permission does not run yet.
    pub fn commands(&self) -> Vec<RunningCommand> {
        let all = self.lock();
        let asks = |session: &str| all.sessions.get(session) == Some(&ActivityState::Asking);
        all.commands.iter().filter(|it| !asks(&it.session)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_done_follows_what_happens() {
        let doing = Doing::default();
        let session: Arc<str> = "s".into();
        assert_eq!(doing.busy(), []);
        doing.activity(&session, ActivityState::Tool);
        doing.activity(&"later".into(), ActivityState::Thinking);
        doing.activity(&session, ActivityState::Thinking);
        assert_eq!(doing.busy(), ["later".into(), session.clone()]);
        doing.activity(&"later".into(), ActivityState::Idle);
        doing.begins(&session, "c", "make");
        assert_eq!(*doing.busy(), *std::slice::from_ref(&session));
        assert_eq!(doing.commands()[0].command, "make");
        doing.activity(&session, ActivityState::Asking);
        assert_eq!(doing.commands(), []);
        doing.activity(&session, ActivityState::Tool);
        doing.ends("s", "c");
        assert_eq!(doing.commands(), []);
        doing.activity(&session, ActivityState::Retrying);
        assert_eq!(doing.in_state(ActivityState::Retrying), Some(session.clone()));
        doing.activity(&session, ActivityState::Failed);
        assert!(doing.busy().is_empty() && doing.in_state(ActivityState::Failed).is_some());
        doing.forget("s");
        assert_eq!(doing.in_state(ActivityState::Failed), None);
    }
}
