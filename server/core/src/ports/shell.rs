//! The user's shell commands (the `bash` command, not the model's tool).

use std::sync::Arc;

use async_trait::async_trait;
use pi_protocol::BashResult;
use tokio_util::sync::CancellationToken;

/// Runs shell commands for the user.
#[async_trait]
pub trait Shell: Send + Sync {
    /// Runs one command in the session's directory, in its own process group (rpc.md §8).
    ///
    /// # Errors
    /// Only when the command could not be started; a failing command is a result.
    async fn run(
        &self,
        command: &str,
        cancel: CancellationToken,
        on_output: Arc<dyn Fn(String) + Send + Sync>,
    ) -> Result<BashResult, String>;
}
