//! The user's shell commands (spec: rpc.md §8): they run beside the agent, and their record becomes context.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use pi_protocol::*;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{actor::SessionActor, handle::Reply};

/// What a shell command reports to the actor.
pub(super) enum BashDone {
    /// Output arrived.
    Output(Option<Value>, String),
    /// It is over.
    Ended(u64, BashParams, Result<BashResult, String>, Reply<BashResult>),
}

impl SessionActor {
    /// Starts a command; the answer comes when it has ended.
    pub(super) fn bash(&mut self, params: BashParams, request_id: Option<Value>, reply: Reply<BashResult>) {
        self.bash_count += 1;
        let number = self.bash_count;
        let cancel = CancellationToken::new();
        self.bashes.insert(number, cancel.clone());
        let (shell, results) = (self.shell.clone(), self.bash_results.clone());
        let on_output = {
            let results = results.clone();
            Arc::new(move |delta: String| {
                let _actor_gone = results.send(BashDone::Output(request_id.clone(), delta));
            })
        };
        tokio::spawn(async move {
            let result = AssertUnwindSafe(shell.run(&params.command, cancel, on_output))
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Err("the shell failed inside pi; see the log".to_owned()));
            let _actor_gone = results.send(BashDone::Ended(number, params, result, reply));
        });
    }

    pub(super) fn bash_message(&mut self, done: BashDone) {
        match done {
            BashDone::Output(id, delta) => self.bus.publish(AgentEvent::BashExecutionUpdate { id, delta }),
            BashDone::Ended(number, params, result, reply) => {
                self.bashes.remove(&number);
                match result {
                    Err(error) => reply(Err(CommandError::failed(error))),
                    Ok(result) => {
                        self.record_bash(params, &result);
                        reply(Ok(result));
                    }
                }
            }
        }
    }

    fn record_bash(&mut self, params: BashParams, result: &BashResult) {
        let message = AgentMessage::BashExecution(BashExecutionMessage {
            command: params.command,
            output: result.output.clone(),
            exit_code: result.exit_code,
            cancelled: result.cancelled,
            truncated: result.truncated,
            full_output_path: result.full_output_path.clone(),
            exclude_from_context: params.exclude_from_context,
            timestamp: self.now(),
        });
        // In the middle of a run it would come between a tool call and its result.
        if self.run.is_idle() {
            self.remember(Arc::new(message));
        } else {
            self.deferred.push(message);
        }
    }
}
