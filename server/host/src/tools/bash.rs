//! `bash`: one shell command of the model.
//!
//! The shell sees the disk, not open buffers; what that means for unsaved documents is decided by [`crate::unsaved`].
//! Starting, killing and collecting is done by [`crate::process`].

use std::time::Duration;

use async_trait::async_trait;
use pi_core::{Access, Tool, ToolContext, ToolError, ToolSpec};
use pi_protocol::{Content, PermissionMode, ReviewMode, ToolResult};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep_until};

use super::schema::{arguments, spec};
use crate::{
    process::{
        End, Running, ShellConfig, Step,
        output::{OutputBuffer, Snapshot},
    },
    recorded::Recorder,
    repository,
    sandbox::{Confinement, Confining},
    unsaved::{PrivateCopy, Unsaved},
    workspace::journal::EditCause,
};

/// Time between two intermediate results.
const UPDATE_PAUSE: Duration = Duration::from_millis(100);
/// The longest time-out in seconds (Pi keeps milliseconds in 31 bits).
const LONGEST_TIMEOUT: f64 = 2_147_483.647;

#[derive(Debug, Deserialize, JsonSchema)]
struct BashArgs {
    /// Command line for bash; runs in the working directory
    command: String,
    /// Seconds after which the command is killed (no limit if absent)
    timeout: Option<f64>,
    /// Run outside the sandbox, which limits where commands write; only for a command that it stopped. The user is
    /// asked
    #[serde(rename = "outsideSandbox")]
    outside_sandbox: Option<bool>,
}

/// The tool.
pub struct BashTool {
    spec: ToolSpec,
    config: ShellConfig,
    unsaved: Option<Unsaved>,
    recorder: Option<Recorder>,
    confining: Confining,
}

impl BashTool {
    /// Commands run as `config` says, confined as `confining` says for each, after `unsaved` has taken care of what they
    /// would not see. What they change is kept by `recorder`. Those that are to change nothing run in a copy. What
    /// `config` hides is hidden in permission modes in which somebody is asked.
    pub fn new(
        config: ShellConfig,
        unsaved: Option<Unsaved>,
        recorder: Option<Recorder>,
        confining: Confining,
    ) -> Self {
        let mut spec = spec::<BashArgs>(
            "bash",
            "Run shell commands (build, test, git, file operations)",
            "Run a shell command in the working directory and get its output, standard error included. Long output \
             is cut to its last 2000 lines or 50KB, whichever is less, and kept in full in a file. Start servers and \
             other jobs that do not end by themselves in the background with their output redirected.",
            false,
        );
        if !(confining.confine)((confining.mode)()).sandbox().is_some_and(|it| it.exit) {
            if let Some(properties) = spec.parameters.get_mut("properties").and_then(Value::as_object_mut) {
                properties.shift_remove("outsideSandbox");
            }
        }
        Self { spec, config, unsaved, recorder, confining }
    }

    /// How this call is confined: as all are that were permitted in its mode, or not, if it asks for that and may.
    fn confinement(&self, args: &BashArgs, call: &ToolContext) -> Result<Confinement, ToolError> {
        let confinement = (self.confining.confine)(call.mode);
        match confinement.sandbox() {
            Some(sandbox) if args.outside_sandbox == Some(true) => match sandbox.exit {
                // Nobody was asked for that if there was no sandbox then.
                true if call.access.outside_sandbox => Ok(Confinement::Free),
                true => Ok(confinement),
                false => Err(ToolError::new(
                    "The command was not run: it may not leave the sandbox, as nobody is asked in this permission mode.",
                )),
            },
            _ => Ok(confinement),
        }
    }
}

#[async_trait]
impl Tool for BashTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn access(&self, args: &Map<String, Value>) -> Access {
        let command = args.get("command").and_then(Value::as_str).map(str::to_owned);
        let asks_to_leave = args.get("outsideSandbox").and_then(Value::as_bool).unwrap_or_default();
        let outside_sandbox = asks_to_leave && self.confinement_now().sandbox().is_some();
        let in_copy = self.unsaved.as_ref().is_some_and(Unsaved::copies);
        let note = self.unsaved.as_ref().and_then(Unsaved::differing);
        Access { command, outside_sandbox, in_copy, note, ..Access::default() }
    }

    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError> {
        let args: BashArgs = arguments(call.args.clone())?;
        let timeout = args.timeout.map(time_limit).transpose()?;
        let mut confinement = self.confinement(&args, &call)?;
        let mut notes = Vec::new();
        let mut copy = None;
        let only_reads = self.only_reads(&args.command).await;
        let plans = call.review == ReviewMode::Plan && !only_reads;
        if plans {
            let made = self.copy_to_plan().await?;
            confinement = (self.confining.copy)(made.root());
            copy = Some(made);
        } else if let Some(unsaved) = &self.unsaved {
            let before = unsaved.before_command(&confinement, &call.cancel).await.map_err(ToolError::new)?;
            notes.extend(before.note);
            copy = before.copy;
            if copy.is_none() && call.access.in_copy && call.review == ReviewMode::Ask {
                // What it changes was to be shown afterwards.
                let access = Access { in_copy: false, ..call.access.clone() };
                (call.permit)(access, None).await?;
            }
        }
        let mut config = self.config.clone();
        let mut command = args.command.clone();
        if call.mode == PermissionMode::Full {
            config.hidden.clear();
        }
        if only_reads {
            let inherited = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|it| it.parse().ok());
            config.env.extend(repository::reading(inherited.unwrap_or_default()));
        }
        if let Some(copy) = &copy {
            config.cwd = copy.folder(&config.cwd);
            command = copy.into_copy(&command);
        }

        let standings = match &self.unsaved {
            Some(unsaved) if copy.is_none() => Some((unsaved, unsaved.before_changes().await)),
            _ => None,
        };
        let watch = match &self.recorder {
            // What is brought back from a copy is recorded there.
            Some(recorder) if copy.is_none() => {
                recorder.before(&args.command, EditCause::of(&call, "bash")).await
            }
            _ => None,
        };

        let mut env = vec![("PI_SESSION_ID", &*call.session_id), ("AI_AGENT", "pi")];
        if let Some(model) = &call.model {
            env.extend([("PI_PROVIDER", model.provider.as_str()), ("PI_MODEL", model.id.as_str())]);
        }
        let started = Running::start(&config, &confinement, &command, &env, timeout, call.cancel.clone());
        let mut running = started.map_err(ToolError::new)?;
        let (end, mut shot) = follow(&mut running, &call, copy.as_ref()).await;
        // What a stopped command has changed, the editor takes over when it matters.
        if let Some((unsaved, before)) = standings.filter(|_| !matches!(end, End::Cancelled)) {
            notes.extend(unsaved.after_command(before, &call.cancel).await);
        }
        if let Some(watch) = watch {
            watch.ended().await;
        }
        if let Some(unsaved) = &self.unsaved {
            unsaved.has_run(&call.session_id).await;
        }
        if let Some(copy) = copy {
            shot.truncation.content = copy.out_of_copy(&shot.truncation.content);
            if plans {
                notes.push(only_shown(&copy).await);
            } else if !matches!(end, End::Cancelled) {
                notes.extend(bring_back(copy, &call).await);
            }
        }

        let shown = shot.text();
        if let Some(sandbox) = confinement.sandbox() {
            let failed = !matches!(end, End::Exited(0));
            notes.extend(sandbox.note(&shot.truncation.content, failed, &self.config.cwd));
        }
        let with_note = |text: String| notes.iter().fold(text, |text, note| format!("{text}\n\n{note}"));
        let failed = |status: String| match shown.is_empty() {
            true => Err(ToolError::new(with_note(status))),
            false => Err(ToolError::new(with_note(format!("{shown}\n\n{status}")))),
        };
        let shown_or_none = || if shown.is_empty() { "(no output)".to_owned() } else { shown.clone() };
        let exited =
            |status: String| Err(ToolError::new(with_note(format!("{}\n\n{status}", shown_or_none()))));
        match end {
            End::Exited(0) => {
                let mut result = ToolResult::text(with_note(shown_or_none()));
                result.details = details(&shot).map(Value::Object);
                Ok(result)
            }
            End::Exited(code) => exited(format!("Command exited with code {code}")),
            End::Signalled(signal) => exited(format!("Command exited with code {}", 128 + signal)),
            End::Unknown => exited("Command terminated without an exit code".into()),
            End::TimedOut => {
                let seconds = args.timeout.unwrap_or_default();
                failed(format!("Command timed out after {seconds} seconds"))
            }
            End::Cancelled => failed("Command aborted".into()),
        }
    }
}

impl BashTool {
    /// How a command is confined that is permitted now.
    fn confinement_now(&self) -> Confinement {
        (self.confining.confine)((self.confining.mode)())
    }

    async fn only_reads(&self, command: &str) -> bool {
        match &self.recorder {
            Some(recorder) => recorder.only_reads(command).await,
            None => false,
        }
    }

    async fn copy_to_plan(&self) -> Result<PrivateCopy, ToolError> {
        let copy = match &self.unsaved {
            Some(unsaved) => unsaved.copy_to_plan().await,
            None => Err("no private copy of the workspace".into()),
        };
        copy.map_err(|why| {
            ToolError::new(format!(
                "The command was not run: the user has set review.mode to \"plan\", in which commands run in a copy, \
                 and there is {why}. Commands that only read are run."
            ))
        })
    }
}

/// What a command would have changed, for a session that only plans.
async fn only_shown(copy: &PrivateCopy) -> String {
    const WHY: &str = "the user has set review.mode to \"plan\"";
    let changed = match copy.differences().await {
        Ok(differences) => copy.changed(&differences).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(changed) if changed.paths.is_empty() => {
            format!("[Ran in a private copy of the workspace, as {WHY}]")
        }
        Ok(changed) => format!(
            "[Nothing was changed: the command ran in a private copy of the workspace, as {WHY}. This is what would \
             change:]\n\n{}",
            changed.diff.trim_end()
        ),
        Err(error) => {
            format!("[Nothing was changed, as {WHY}; what would change cannot be read: {error}]")
        }
    }
}

/// Makes what a command changed in its copy, after a question if each edit is asked for.
async fn bring_back(copy: PrivateCopy, call: &ToolContext) -> Vec<String> {
    let not_back =
        |why: &str| vec![format!("[The changes of the command were not brought back from the copy: {why}]")];
    let differences = match copy.differences().await {
        Ok(differences) => differences,
        Err(error) => return not_back(&error.to_string()),
    };
    if call.review == ReviewMode::Ask {
        let asked = match copy.changed(&differences).await {
            Ok(changed) if changed.paths.is_empty() => Ok(()),
            Ok(changed) => {
                let writes = changed.paths.iter().map(|it| it.to_string_lossy().into_owned()).collect();
                (call.permit)(Access { writes, ..Access::default() }, Some(changed.diff)).await
            }
            Err(error) => Err(ToolError::new(error.to_string())),
        };
        if let Err(ToolError { text: why, .. }) = asked {
            return not_back(&why);
        }
    }
    copy.bring_back(&differences, &EditCause::of(call, "bash"), &call.cancel).await
}

/// Reads the command to its end; shows what it wrote at once, then after pauses.
async fn follow(running: &mut Running, call: &ToolContext, copy: Option<&PrivateCopy>) -> (End, Snapshot) {
    let mut output = OutputBuffer::default();
    let mut due = Instant::now();
    let mut unseen = false;
    let show = |output: &mut OutputBuffer| {
        let shot = output.snapshot();
        let text = &shot.truncation.content;
        let content = vec![Content::text(copy.map_or_else(|| text.clone(), |it| it.out_of_copy(text)))];
        let details = details(&shot).unwrap_or_default();
        (call.update)(ToolResult { content, details: Some(Value::Object(details)) });
    };
    loop {
        let step = tokio::select! {
            step = running.next() => Some(step),
            () = sleep_until(due), if unseen => None,
        };
        match step {
            Some(Step::Output(bytes)) => {
                output.push(&bytes);
                unseen = true;
            }
            Some(Step::Ended(end)) => {
                if unseen {
                    show(&mut output);
                }
                return (end, output.snapshot());
            }
            None => {
                show(&mut output);
                unseen = false;
                due = Instant::now() + UPDATE_PAUSE;
            }
        }
    }
}

fn details(shot: &Snapshot) -> Option<Map<String, Value>> {
    if !shot.truncation.truncated {
        return None;
    }
    let mut details = Map::new();
    details.insert("truncation".into(), serde_json::to_value(&shot.truncation).ok()?);
    if let Some(path) = &shot.full_output {
        details.insert("fullOutputPath".into(), path.to_string_lossy().into());
    }
    Some(details)
}

fn time_limit(seconds: f64) -> Result<Duration, ToolError> {
    if !seconds.is_finite() || seconds <= 0.0 {
        return Err(ToolError::new("Invalid timeout: must be a finite number of seconds"));
    }
    if seconds > LONGEST_TIMEOUT {
        return Err(ToolError::new(format!("Invalid timeout: maximum is {LONGEST_TIMEOUT} seconds")));
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{
        path::Path,
        sync::{Arc, Mutex},
    };

    use pi_core::CancellationToken;
    use serde_json::json;

    use super::*;
    use crate::{
        sandbox::{Places, Sandbox, SandboxMode, SandboxState},
        unsaved::Policy,
        workspace::Workspace,
    };

    struct Call {
        context: ToolContext,
        updates: Arc<Mutex<Vec<ToolResult>>>,
    }

    fn call(args: Value) -> Call {
        let updates = Arc::new(Mutex::new(Vec::new()));
        let sink = updates.clone();
        let context = ToolContext {
            call_id: "call".into(),
            args: args.as_object().unwrap().clone(),
            cancel: CancellationToken::new(),
            update: Arc::new(move |it| sink.lock().unwrap().push(it)),
            model: None,
            session_id: "session-1".into(),
            prompt_id: None,
            turn: 1,
            access: Access::default(),
            mode: PermissionMode::Ask,
            review: ReviewMode::Apply,
            shown: None,
            permit: Arc::new(|_, _| Box::pin(async { Ok(()) })),
        };
        Call { context, updates }
    }

    fn confining(confine: impl Fn(PermissionMode) -> Confinement + Send + Sync + 'static) -> Confining {
        Confining {
            mode: Arc::new(|| PermissionMode::Ask),
            confine: Arc::new(confine),
            copy: Arc::new(|_| Confinement::Free),
        }
    }

    fn free() -> Confining {
        confining(|_| Confinement::Free)
    }

    fn tool(dir: &Path) -> BashTool {
        BashTool::new(ShellConfig { cwd: dir.into(), ..ShellConfig::default() }, None, None, free())
    }

    async fn run(args: Value) -> Result<ToolResult, ToolError> {
        let dir = tempfile::tempdir().unwrap();
        tool(dir.path()).run(call(args).context).await
    }

    async fn failure(args: Value) -> String {
        run(args).await.unwrap_err().text
    }

    #[tokio::test]
    async fn output_is_raw_and_a_failure_is_told_after_it() {
        let raw = "printf 'a\\rb\\033[31mred\\033[0m\\n'";
        assert_eq!(
            run(json!({ "command": raw })).await,
            Ok(ToolResult::text("a\rb\u{1b}[31mred\u{1b}[0m\n"))
        );
        assert_eq!(run(json!({ "command": "true" })).await, Ok(ToolResult::text("(no output)")));
        for (command, text) in [
            ("echo before; exit 3", "before\n\n\nCommand exited with code 3"),
            ("exit 4", "(no output)\n\nCommand exited with code 4"),
            ("kill -9 $$", "(no output)\n\nCommand exited with code 137"),
            (
                "nosuch_xyz",
                "/bin/bash: line 1: nosuch_xyz: command not found\n\n\nCommand exited with code 127",
            ),
        ] {
            assert_eq!(failure(json!({ "command": command })).await, text);
        }
    }

    #[tokio::test]
    async fn long_output_is_cut_and_kept() {
        let result = run(json!({ "command": "seq 1 5000" })).await.unwrap();
        let details = result.details.unwrap();
        let path = details["fullOutputPath"].as_str().unwrap();
        let text = result.content[0].as_text().unwrap();
        assert!(text.starts_with("3001\n"));
        assert!(text.ends_with(&format!("\n5000\n\n[Showing lines 3001-5000 of 5000. Full output: {path}]")));
        assert_eq!(details["truncation"]["totalBytes"], 23893);
        assert_eq!(std::fs::metadata(path).unwrap().len(), 23893);
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn time_outs_are_checked_and_kept() {
        for (timeout, text) in [
            (json!(0), "Invalid timeout: must be a finite number of seconds"),
            (json!(-1), "Invalid timeout: must be a finite number of seconds"),
            (json!(1e10), "Invalid timeout: maximum is 2147483.647 seconds"),
        ] {
            assert_eq!(failure(json!({ "command": "true", "timeout": timeout })).await, text);
        }
        let text = failure(json!({ "command": "exec sleep 600", "timeout": 0.2 })).await;
        assert_eq!(text, "Command timed out after 0.2 seconds");
    }

    #[tokio::test]
    async fn the_first_output_is_shown_while_the_command_runs_and_survives_an_abort() {
        let dir = tempfile::tempdir().unwrap();
        let Call { mut context, .. } = call(json!({ "command": "echo some output; exec sleep 600" }));
        let (cancel, seen) = (context.cancel.clone(), Arc::new(Mutex::new(Vec::new())));
        let sink = seen.clone();
        context.update = Arc::new(move |it| {
            sink.lock().unwrap().push(it);
            cancel.cancel();
        });
        let error = tool(dir.path()).run(context).await.unwrap_err();
        assert_eq!(error.text, "some output\n\n\nCommand aborted");
        let shown = ToolResult::text("some output\n").with_details(json!({}));
        assert_eq!(*seen.lock().unwrap(), [shown]);
    }

    #[tokio::test]
    async fn the_last_update_has_all_output_and_updates_are_few() {
        let dir = tempfile::tempdir().unwrap();
        let Call { context, updates } = call(json!({ "command": "for i in $(seq 500); do echo $i; done" }));
        let started = std::time::Instant::now();
        let result = tool(dir.path()).run(context).await.unwrap();
        let most = 2 + started.elapsed().as_millis() as usize / 100;
        let updates = updates.lock().unwrap();
        assert_eq!(updates.last().unwrap().content, result.content);
        assert!(updates.len() <= most, "{} updates, at most {most} expected", updates.len());
    }

    #[tokio::test]
    async fn the_command_knows_that_an_agent_runs_it() {
        let result = run(json!({ "command": "echo $AI_AGENT $PI_SESSION_ID" })).await;
        assert_eq!(result, Ok(ToolResult::text("pi session-1\n")));
    }

    #[tokio::test]
    async fn unsaved_documents_are_named() {
        let repository = tempfile::tempdir().unwrap();
        std::fs::create_dir(repository.path().join(".git")).unwrap();
        let dir = tempfile::tempdir_in(repository.path()).unwrap();
        let workspace = Workspace::new(dir.path().into());
        std::fs::write(dir.path().join("a.rs"), "1").unwrap();
        workspace.open(&dir.path().join("a.rs"), 1, "unsaved", "rust");
        let config = ShellConfig { cwd: dir.path().into(), ..ShellConfig::default() };
        let run = async |policy| {
            let unsaved = Unsaved::new(workspace.clone(), Arc::new(move || Some(policy)));
            let tool = BashTool::new(config.clone(), Some(unsaved), None, free());
            tool.run(call(json!({ "command": "cat a.rs; touch ran" })).context).await
        };
        let blocked = run(Policy::Block).await.unwrap_err().text;
        assert!(blocked.starts_with("The command was not run") && !dir.path().join("ran").exists());
        let no_copy = run(Policy::Overlay).await.unwrap_err().text;
        assert_eq!(
            no_copy,
            "The command was not run, because it would not see what is unsaved in the editor: a.rs. There is no private \
             copy of the workspace: it is a folder of a larger repository (setting shell.unsaved is \"overlay\"). Ask the \
             user to save first."
        );
        assert!(!dir.path().join("ran").exists());
        let note = "[Unsaved in the editor, so the command saw the older text on disk: a.rs]";
        assert_eq!(run(Policy::Warn).await, Ok(ToolResult::text(format!("1\n\n{note}"))));
    }

    #[tokio::test]
    async fn a_command_leaves_the_sandbox_only_where_somebody_is_asked() {
        let dir = tempfile::tempdir().unwrap();
        let state = SandboxState { mode: SandboxMode::ReadOnly, network: true };
        for exit in [true, false] {
            // A program that shows what it is to confine.
            let mut sandbox = Sandbox::new(state, &Places::default(), "/bin/echo".into());
            sandbox.exit = exit;
            let sandbox = Arc::new(sandbox);
            let confining = confining(move |_| Confinement::In(sandbox.clone()));
            let config = ShellConfig { cwd: dir.path().into(), ..ShellConfig::default() };
            let tool = BashTool::new(config, None, None, confining);
            let offered = tool.spec().parameters["properties"].as_object().unwrap();
            assert_eq!(offered.contains_key("outsideSandbox"), exit);

            let inside = tool.run(call(json!({"command": "echo free"})).context).await.unwrap();
            let text = inside.content[0].as_text().unwrap();
            assert!(text.starts_with("__sandbox -- /") && text.ends_with(" -c echo free\n"), "{text}");
            let args = json!({"command": "echo free", "outsideSandbox": true});
            assert!(tool.access(args.as_object().unwrap()).outside_sandbox);
            let unasked = tool.run(call(args.clone()).context).await;
            let asked_for = tool.access(args.as_object().unwrap());
            let outside = tool.run(ToolContext { access: asked_for, ..call(args).context }).await;
            match exit {
                true => {
                    assert_eq!(outside, Ok(ToolResult::text("free\n")));
                    assert_eq!(unasked, Ok(inside), "that was not asked for");
                }
                false => assert!(outside.unwrap_err().text.contains("may not leave the sandbox")),
            }
        }
        let free = tool(dir.path());
        assert!(!free.access(json!({"outsideSandbox": true}).as_object().unwrap()).outside_sandbox);
        assert!(free.spec().parameters["properties"].get("outsideSandbox").is_none());
    }

    #[tokio::test]
    async fn a_sandbox_that_cannot_be_had_stops_the_command() {
        let confining = confining(|_| Confinement::Impossible("no sandbox here".into()));
        let dir = tempfile::tempdir().unwrap();
        let config = ShellConfig { cwd: dir.path().into(), ..ShellConfig::default() };
        let tool = BashTool::new(config, None, None, confining);
        let error = tool.run(call(json!({"command": "touch made"})).context).await.unwrap_err();
        assert_eq!(error.text, "no sandbox here");
        assert!(!dir.path().join("made").exists());
    }
}
