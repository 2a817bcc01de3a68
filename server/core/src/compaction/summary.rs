//! The model calls that write a summary.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use pi_protocol::{
    AgentEvent, AssistantMessage, Cost, StopReason, Usage,
    event::{CompactionReason, SummarizationSource},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    ports::{ModelRequest, Provider, RetrySettings},
    retry,
};

/// The summary as the model wrote it, in parts.
pub(crate) struct Summary {
    /// Of the turns before the cut; absent if there are none.
    pub history: Option<String>,
    /// Of the turn that was cut; absent if none was.
    pub turn_prefix: Option<String>,
    /// What both cost.
    pub usage: Option<Usage>,
}

/// Why there is no summary.
pub(crate) enum Failure {
    /// Stopped.
    Cancelled,
    /// With the text for the user.
    Failed(String),
}

/// What is told while a summary is written, and at last its outcome.
pub(crate) enum Report {
    /// Something for the clients.
    Event(AgentEvent),
    /// It is over.
    Done(Outcome),
}

/// What became of it.
pub(crate) type Outcome = Result<Summary, Failure>;

/// Asks a model for summaries.
pub(crate) struct Summariser {
    /// Asks it.
    pub provider: Arc<dyn Provider>,
    /// How often a call that failed for the moment is repeated.
    pub retry: RetrySettings,
    /// What the summary is for.
    pub reason: CompactionReason,
    /// Stops it.
    pub cancel: CancellationToken,
    /// Where it reports.
    pub reports: mpsc::UnboundedSender<Report>,
}

impl Summariser {
    /// Asks for both parts at once and reports the outcome. Without a request for the history the summary before
    /// stays what it is.
    pub async fn run(
        self,
        history: Option<ModelRequest>,
        previous: Option<String>,
        turn_prefix: Option<ModelRequest>,
    ) {
        let outcome = self.parts(history, turn_prefix).await.map(|(history, turn_prefix)| {
            let usage = match (&history, &turn_prefix) {
                (Some((_, one)), Some((_, other))) => Some(sum(one, other)),
                (Some((_, one)), None) | (None, Some((_, one))) => Some(one.clone()),
                (None, None) => None,
            };
            let text = |it: (String, Usage)| it.0;
            Summary { history: history.map(text).or(previous), turn_prefix: turn_prefix.map(text), usage }
        });
        self.report(Report::Done(outcome));
    }

    async fn parts(
        &self,
        history: Option<ModelRequest>,
        turn_prefix: Option<ModelRequest>,
    ) -> Result<(Option<(String, Usage)>, Option<(String, Usage)>), Failure> {
        let part = |request: Option<ModelRequest>| async move {
            match request {
                Some(request) => self.part(request).await.map(Some),
                None => Ok(None),
            }
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Failure::Cancelled),
            parts = futures::future::try_join(part(history), part(turn_prefix)) => parts,
        }
    }

    /// One part of the summary, after as many attempts as the settings allow.
    async fn part(&self, request: ModelRequest) -> Result<(String, Usage), Failure> {
        let mut attempt = 0;
        let answer = loop {
            let answer = self.ask(request.clone()).await?;
            let error = answer.error_message.as_deref().unwrap_or_default();
            let passing = answer.stop_reason == StopReason::Error
                && !retry::is_context_overflow(&answer, &request.model)
                && retry::is_retryable(error);
            if !(passing && self.retry.enabled && attempt < self.retry.max_retries) {
                break answer;
            }
            attempt += 1;
            let delay_ms = self.retry.delay_ms(attempt);
            self.report(Report::Event(AgentEvent::SummarizationRetryScheduled {
                attempt,
                max_attempts: self.retry.max_retries,
                delay_ms,
                error_message: error.to_owned(),
            }));
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            self.report(Report::Event(AgentEvent::SummarizationRetryAttemptStart {
                source: SummarizationSource::Compaction,
                reason: Some(self.reason),
            }));
        };
        if attempt > 0 {
            self.report(Report::Event(AgentEvent::SummarizationRetryFinished));
        }
        match answer.stop_reason {
            StopReason::Aborted => Err(Failure::Cancelled),
            StopReason::Error => {
                failed(answer.error_message.as_deref().unwrap_or("the provider gave no reason"))
            }
            _ => match answer.text().trim() {
                "" => failed("the model wrote nothing"),
                text => Ok((text.to_owned(), answer.usage)),
            },
        }
    }

    async fn ask(&self, request: ModelRequest) -> Result<AssistantMessage, Failure> {
        // Nobody reads along.
        let mut ignore = |_| {};
        let call = self.provider.stream(request, self.cancel.clone(), &mut ignore);
        match AssertUnwindSafe(call).catch_unwind().await {
            Ok(answer) => Ok(answer),
            Err(_panic) => failed("the provider failed inside pi; see the log"),
        }
    }

    fn report(&self, report: Report) {
        let _actor_gone = self.reports.send(report);
    }
}

fn failed<T>(why: &str) -> Result<T, Failure> {
    Err(Failure::Failed(format!("Summarization failed: {why}")))
}

fn sum(one: &Usage, other: &Usage) -> Usage {
    let add = |one: Option<u64>, other: Option<u64>| {
        (one.is_some() || other.is_some()).then(|| one.unwrap_or(0) + other.unwrap_or(0))
    };
    Usage {
        input: one.input + other.input,
        output: one.output + other.output,
        cache_read: one.cache_read + other.cache_read,
        cache_write: one.cache_write + other.cache_write,
        total_tokens: one.total_tokens + other.total_tokens,
        cost: Cost {
            input: one.cost.input + other.cost.input,
            output: one.cost.output + other.cost.output,
            cache_read: one.cost.cache_read + other.cost.cache_read,
            cache_write: one.cost.cache_write + other.cost.cache_write,
            total: one.cost.total + other.cost.total,
        },
        cache_write_1h: add(one.cache_write_1h, other.cache_write_1h),
        reasoning: add(one.reasoning, other.reasoning),
    }
}
