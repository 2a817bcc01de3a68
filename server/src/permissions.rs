//! `pi permissions`: which rules are in force, and what they say about a command or a file.

use std::process::ExitCode;

use anyhow::bail;
use pi_core::Access;
use pi_host::permissions::explain;
use pi_protocol::PermissionMode;

use crate::{
    cli::{ExplainArgs, PermissionsAction, PermissionsArgs, SessionArgs},
    completions::print_text,
    compose::Compose,
};

/// Tools whose path is only read.
const READERS: [&str; 4] = ["read", "grep", "find", "ls"];

/// Prints what was asked for, for the current folder.
///
/// # Errors
/// The arguments do not say what to explain, or stdout cannot be written.
pub fn run(args: PermissionsArgs) -> anyhow::Result<ExitCode> {
    let session = SessionArgs {
        approve: args.approve,
        permission_mode: args.permission_mode,
        ..SessionArgs::default()
    };
    let compose = Compose::new(session)?.with_default_mode(PermissionMode::Ask);
    let cwd = compose.cwd().to_owned();
    let folder = compose.permissions(&cwd);
    let mode = compose.permission_mode(&compose.settings(&cwd).values());
    let lines = match args.action {
        PermissionsAction::List => {
            let mut lines = vec![format!("mode {} in editors", mode.as_str())];
            lines.extend(folder.listed().iter().map(|(kind, rule)| format!("{kind:6} {rule}")));
            lines.push(format!("rules marked \"always\" are kept in {}", folder.stored_in().display()));
            lines
        }
        PermissionsAction::Explain(args) => {
            let (tool, access) = subject(&compose, args)?;
            explain(&folder, mode, &tool, access)
        }
    };
    print_text(&format!("{}\n", lines.join("\n")))
}

fn subject(compose: &Compose, args: ExplainArgs) -> anyhow::Result<(String, Access)> {
    let ExplainArgs { command, tool, path } = args;
    match (command, tool, path) {
        (Some(command), None, None) => {
            Ok(("bash".to_owned(), Access { command: Some(command), ..Access::default() }))
        }
        (None, tool, Some(path)) => {
            let path = compose.workspace(compose.cwd()).resolve(&path).to_string_lossy().into_owned();
            let tool = tool.unwrap_or_else(|| "edit".to_owned());
            let access = match READERS.contains(&tool.as_str()) {
                true => Access { reads: vec![path], ..Access::default() },
                false => Access { writes: vec![path], ..Access::default() },
            };
            Ok((tool, access))
        }
        (None, Some(tool), None) => Ok((tool, Access::default())),
        _ => bail!("say what to explain: a command, or --tool with --path"),
    }
}
