//! Requests to the client.
//!
//! tower-lsp's own `Client` is not used for them: it panics when an answer comes after the one who asked has given
//! up, and every request of ours has a deadline. Here a late answer, a second one and one nobody asked for are
//! noted and dropped.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::outbound::Outbound;

/// Why a request to the client brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskError {
    /// No answer in time.
    Timeout(Duration),
    /// An error answer.
    Refused {
        /// JSON-RPC code.
        code: i64,
        /// The client's text.
        message: String,
    },
    /// The client is gone.
    Gone,
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AskError::Timeout(after) => write!(f, "the editor did not answer within {} s", after.as_secs()),
            AskError::Refused { code, message } => {
                write!(f, "the editor answered with error {code}: {message}")
            }
            AskError::Gone => f.write_str("the editor is gone"),
        }
    }
}

type Waiting = HashMap<i64, oneshot::Sender<Result<Value, AskError>>>;

/// Asks the client and matches its answers.
#[derive(Debug, Clone)]
pub struct Client {
    out: Outbound,
    next_id: Arc<AtomicI64>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Forgets a request however its asker ends.
struct Forget {
    client: Client,
    id: i64,
}

impl Drop for Forget {
    fn drop(&mut self) {
        if self.client.lock().remove(&self.id).is_some() {
            // Nobody waits any more; the client may spare itself the work.
            self.client.out.notify("$/cancelRequest", &json!({ "id": self.id }));
        }
    }
}

impl Client {
    /// Asks through `out`.
    pub fn new(out: Outbound) -> Self {
        Self { out, next_id: Arc::new(AtomicI64::new(1)), waiting: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request, at once, and waits for its answer, at most until `deadline` has passed. Dropping the future
    /// gives the request up.
    ///
    /// # Errors
    /// No answer, or an error answer.
    pub fn ask(
        &self,
        method: &str,
        params: Value,
        deadline: Duration,
    ) -> impl Future<Output = Result<Value, AskError>> + Send + use<> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (tx, rx) = oneshot::channel();
        self.lock().insert(id, tx);
        let forget = Forget { client: self.clone(), id };
        self.out.request(id, method, &params);
        async move {
            tokio::select! {
                answer = rx => answer.unwrap_or(Err(AskError::Gone)),
                () = forget.client.out.gone() => Err(AskError::Gone),
                () = tokio::time::sleep(deadline) => Err(AskError::Timeout(deadline)),
            }
        }
    }

    /// How many requests wait for their answer.
    pub fn pending(&self) -> usize {
        self.lock().len()
    }

    /// Takes in an answer of the client.
    pub fn answered(&self, id: &Value, result: Option<Value>, error: Option<Value>) {
        let waiting = id.as_i64().and_then(|id| self.lock().remove(&id));
        let Some(waiting) = waiting else {
            tracing::warn!(%id, "answer to a request that does not wait any more");
            return;
        };
        let outcome = match error {
            None => Ok(result.unwrap_or_default()),
            Some(error) => Err(AskError::Refused {
                code: error.get("code").and_then(Value::as_i64).unwrap_or_default(),
                message: error.get("message").and_then(Value::as_str).unwrap_or("no message").to_owned(),
            }),
        };
        if waiting.send(outcome).is_err() {
            tracing::debug!(%id, "answer for one who is gone");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_reaches_its_asker_once() {
        let client = Client::new(Outbound::default());
        let ask = client.ask("m", json!({}), Duration::from_secs(60));
        let answers = async {
            client.answered(&json!(1), Some(json!("yes")), None);
            client.answered(&json!(1), Some(json!("twice")), None);
            client.answered(&json!("x"), None, None);
        };
        let (got, ()) = tokio::join!(ask, answers);
        assert_eq!(got, Ok(json!("yes")));
    }

    #[tokio::test]
    async fn a_late_answer_is_dropped() {
        let client = Client::new(Outbound::default());
        let got = client.ask("m", json!({}), Duration::ZERO).await;
        assert_eq!(got, Err(AskError::Timeout(Duration::ZERO)));
        client.answered(&json!(1), Some(json!("late")), None);
        assert!(client.lock().is_empty());
    }

    #[tokio::test]
    async fn an_error_answer_keeps_its_text() {
        let client = Client::new(Outbound::default());
        let ask = client.ask("m", json!({}), Duration::from_secs(60));
        let answers = async {
            client.answered(&json!(1), None, Some(json!({"code": -32601, "message": "no"})));
        };
        let (got, ()) = tokio::join!(ask, answers);
        assert_eq!(got.unwrap_err().to_string(), "the editor answered with error -32601: no");
    }
}
