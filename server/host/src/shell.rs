//! The user's shell commands (`bash` and `abort_bash`): plain text for people, kept like any other message.
//!
//! Differs from the model's `bash` tool: the output is sanitised, a failing command is a result, nothing times out.

use std::sync::Arc;

use async_trait::async_trait;
use pi_core::{CancellationToken, Shell};
use pi_protocol::BashResult;

use crate::{
    process::{End, Running, ShellConfig, Step, output::OutputBuffer, sanitize::Sanitizer},
    sandbox::Confinement,
};

/// Runs commands on this machine.
#[derive(Debug, Clone)]
pub struct HostShell {
    config: ShellConfig,
}

impl HostShell {
    /// Commands run as `config` says.
    pub fn new(config: ShellConfig) -> Self {
        Self { config }
    }
}

#[async_trait]
impl Shell for HostShell {
    async fn run(
        &self,
        command: &str,
        cancel: CancellationToken,
        on_output: Arc<dyn Fn(String) + Send + Sync>,
    ) -> Result<BashResult, String> {
        let mut running = Running::start(&self.config, &Confinement::Free, command, &[], None, cancel)?;
        let mut output = OutputBuffer::default();
        let mut sanitizer = Sanitizer::default();
        let show = |output: &mut OutputBuffer, text: String| {
            if !text.is_empty() {
                output.push(text.as_bytes());
                on_output(text);
            }
        };
        let end = loop {
            match running.next().await {
                Step::Output(bytes) => show(&mut output, sanitizer.push(&bytes)),
                Step::Ended(end) => break end,
            }
        };
        show(&mut output, sanitizer.finish());
        let shot = output.snapshot();
        Ok(BashResult {
            output: shot.truncation.content,
            exit_code: match end {
                End::Exited(code) => Some(code),
                End::Signalled(_) | End::Unknown | End::TimedOut | End::Cancelled => None,
            },
            cancelled: end == End::Cancelled,
            truncated: shot.truncation.truncated,
            full_output_path: shot.full_output.map(|it| it.to_string_lossy().into_owned()),
        })
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    async fn run(command: &str) -> (BashResult, String) {
        let dir = tempfile::tempdir().unwrap();
        let shell = HostShell::new(ShellConfig { cwd: dir.path().into(), ..ShellConfig::default() });
        let seen = Arc::new(Mutex::new(String::new()));
        let sink = seen.clone();
        let on_output = Arc::new(move |text: String| sink.lock().unwrap().push_str(&text));
        let result = shell.run(command, CancellationToken::new(), on_output).await.unwrap();
        let seen = seen.lock().unwrap().clone();
        (result, seen)
    }

    fn ended(output: &str, exit_code: Option<i32>) -> BashResult {
        BashResult { output: output.into(), exit_code, ..BashResult::default() }
    }

    #[tokio::test]
    async fn output_is_plain_text_and_streamed() {
        let (result, seen) = run(r"printf 'a\r\033[31mred\033[0m\n'; echo err >&2; exit 4").await;
        assert_eq!(result, ended("ared\nerr\n", Some(4)));
        assert_eq!(seen, "ared\nerr\n");
    }

    #[tokio::test]
    async fn a_killed_command_has_no_exit_code() {
        assert_eq!(run("echo x; kill -9 $$").await.0, ended("x\n", None));
    }

    #[tokio::test]
    async fn what_is_cut_is_kept_in_a_file() {
        let (result, seen) = run("seq 1 6000").await;
        assert!(result.truncated && result.output.starts_with("4001\n") && result.output.ends_with("\n6000"));
        let path = result.full_output_path.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), seen);
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn a_cancelled_command_keeps_what_it_wrote() {
        let dir = tempfile::tempdir().unwrap();
        let shell = HostShell::new(ShellConfig { cwd: dir.path().into(), ..ShellConfig::default() });
        let cancel = CancellationToken::new();
        let stop = cancel.clone();
        let on_output = Arc::new(move |_| stop.cancel());
        let result = shell.run("echo begin; exec sleep 600", cancel, on_output).await.unwrap();
        assert_eq!(result, BashResult { cancelled: true, ..ended("begin\n", None) });
    }

    #[tokio::test]
    async fn a_missing_directory_is_an_error() {
        let shell = HostShell::new(ShellConfig { cwd: "/nonexistent/dir".into(), ..ShellConfig::default() });
        let error = shell.run("true", CancellationToken::new(), Arc::new(|_| {})).await.unwrap_err();
        assert_eq!(
            error,
            "Working directory does not exist: /nonexistent/dir\nCannot execute bash commands."
        );
    }
}
