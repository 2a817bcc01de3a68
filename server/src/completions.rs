//! Completion scripts, the manual page and `docs/cli.md`, made from the command line's declarations.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;

/// Prints the completion script of a shell.
///
/// # Errors
/// stdout cannot be written (a closed pipe is no error).
pub fn print_completions(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pi", &mut script);
    print_bytes(&script)
}

/// Prints the manual page (roff).
///
/// # Errors
/// stdout cannot be written (a closed pipe is no error).
pub fn print_man() -> anyhow::Result<ExitCode> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    print_bytes(&page)
}

/// Prints a text.
///
/// # Errors
/// stdout cannot be written (a closed pipe is no error).
pub fn print_text(text: &str) -> anyhow::Result<ExitCode> {
    print_bytes(text.as_bytes())
}

/// The text of `docs/cli.md`.
#[cfg(test)]
pub fn markdown() -> String {
    let mut text = String::from(
        "# Command line\n\n<!-- Written from server/src/cli.rs; run `UPDATE=1 cargo test -p pi-server cli_md` after a \
         change. -->\n",
    );
    let mut root = Cli::command();
    root.build();
    for command in all_below(&root) {
        let usage = command.clone().render_usage().to_string();
        let about =
            command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
        text += &format!(
            "\n## `{}`\n\n{about}\n\n```\n{}\n```\n",
            command.get_bin_name().unwrap_or("pi"),
            usage.trim()
        );
        let shown: Vec<_> = command.get_arguments().filter(|it| !it.is_hide_set()).collect();
        if !shown.is_empty() {
            text += "\n| Flag | What it does |\n|---|---|\n";
        }
        for argument in shown {
            text += &row(argument);
        }
    }
    text += "\nPi's short flags of several letters work too: `-nt -nbt -xt -nc -na -ne -ns -np`. `--no-extensions` \
             and `--no-themes` are accepted and change nothing.\n\n\
             ## Exit status\n\n| Status | Meaning |\n|---|---|\n\
             | 0 | Done. Also when the reader of the output has gone. |\n\
             | 1 | It failed; stderr says why. `pi doctor`: no model can be asked. `pi replay`: something differs. |\n\
             | 2 | The command line was wrong, or there was nothing to do. |\n\
             | 129, 130, 143 | Ended by SIGHUP, SIGINT, SIGTERM. A second signal ends it at once. |\n\n\
             ## Environment\n\n| Variable | What it does |\n|---|---|\n\
             | `PI_CODING_AGENT_DIR` | Settings, models, keys and sessions instead of `~/.pi/agent`. |\n\
             | `PI_CODING_AGENT_SESSION_DIR` | Session files; `--session-dir` wins. |\n\
             | `PI_OFFLINE` | As `--offline`. |\n\
             | `PI_LOG` | What is logged to stderr: `debug`, or `pi_host=trace,warn`. |\n\
             | `PI_FAUX_SCRIPT` | Script of the model `faux/scripted`, see [faux.md](faux.md). |\n\
             | `NO_COLOR` | No colours. |\n";
    text
}

/// A command and those below it.
#[cfg(test)]
fn all_below(command: &clap::Command) -> Vec<clap::Command> {
    let below = command.get_subcommands().filter(|it| !it.is_hide_set() && it.get_name() != "help");
    std::iter::once(command.clone()).chain(below.flat_map(all_below)).collect()
}

#[cfg(test)]
fn row(argument: &clap::Arg) -> String {
    let names = match (argument.get_short(), argument.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
        (None, Some(long)) => format!("--{long}"),
        (Some(short), None) => format!("-{short}"),
        (None, None) => String::new(),
    };
    let takes = argument.get_action().takes_values();
    let values: Vec<_> = match takes {
        true => argument.get_possible_values().iter().map(|it| it.get_name().to_owned()).collect(),
        false => Vec::new(),
    };
    let value = match (takes, argument.get_value_names()) {
        (true, Some(names)) => format!("<{}>", names.join(" ")),
        _ => String::new(),
    };
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let one_of = if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
    let name = [names, value].join(" ").trim().replace('|', "\\|");
    format!("| `{name}` | {}{one_of} |\n", help.replace('|', "\\|"))
}

fn print_bytes(bytes: &[u8]) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
