//! The tool calls that are in progress, so that the user can end one of them while the run goes on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// The calls of a session that are in progress. Clones are about the same calls.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<HashMap<String, CancellationToken>>>);

impl Calls {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call of the run that `run` stops is in progress until what is returned is dropped.
    pub fn begin(&self, id: &str, run: &CancellationToken) -> Call {
        let cancel = run.child_token();
        self.lock().insert(id.to_owned(), cancel.clone());
        Call { calls: self.clone(), id: id.to_owned(), run: run.clone(), cancel }
    }

    /// Ends the call with this id. `false` if it is not in progress.
    pub fn skip(&self, id: &str) -> bool {
        let found = self.lock().get(id).cloned();
        found.inspect(CancellationToken::cancel).is_some()
    }
}

/// A call in progress.
#[derive(Debug)]
pub struct Call {
    calls: Calls,
    id: String,
    run: CancellationToken,
    cancel: CancellationToken,
}

impl Call {
    /// Cancelled when the call is to end, for itself or with its run.
    pub fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Whether it was ended for itself.
    pub fn is_skipped(&self) -> bool {
        self.cancel.is_cancelled() && !self.run.is_cancelled()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_is_ended_and_the_run_goes_on() {
        let (calls, run) = (Calls::default(), CancellationToken::new());
        let (one, two) = (calls.begin("1", &run), calls.begin("2", &run));
        assert!(calls.skip("1") && !calls.skip("3"));
        assert!(one.is_skipped() && !two.cancel().is_cancelled() && !run.is_cancelled());
        run.cancel();
        assert!(two.cancel().is_cancelled() && !two.is_skipped());
        drop(two);
        assert!(!calls.skip("2"), "it has ended");
    }
}
