//! `pi`: parses the command line, starts what it asks for and turns the outcome into an exit status.

mod cli;
mod completions;
mod compose;
mod confine;
mod context;
mod demo;
mod dispatch;
mod doctor;
mod edits;
mod export;
mod failure;
mod helper;
mod hub;
mod inline;
mod input;
mod lists;
mod logging;
mod markdown;
mod permissions;
mod replay;
mod review;
mod sessions;
mod signals;
mod start_model;
mod style;
mod trace;
mod transport;
mod unheard;

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use cli::{Cli, Command, Mode};
use compose::Compose;
use hub::Hub;
use pi_protocol::PermissionMode;
use trace::Trace;
use transport::print::Format;

fn main() -> ExitCode {
    if let Some(status) = helper::run(std::env::args_os()) {
        return status;
    }
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to stdout and ends with 0, usage errors to stderr with 2; a closed pipe is no failure.
            let _closed = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    logging::start(cli.session_args().verbose);
    match run(cli) {
        Ok(status) => status,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

const NOTHING_TO_DO: &str = "\
nothing to do; pi has no terminal interface of its own.

  pi demo            see it work, no key needed
  pi doctor          what was found, what is missing
  pi -p \"question\"   one answer
  pi --help          everything else";

/// One text for a person, on stderr.
fn complain(text: &str) {
    // Nobody may be listening any more.
    let _unheard = writeln!(std::io::stderr(), "Error: {text}");
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Some(Command::Completions { shell }) => return completions::print_completions(shell),
        Some(Command::Man) => return completions::print_man(),
        Some(Command::Demo) => return until_done(demo::run()),
        Some(Command::Doctor(args)) => return until_done(doctor::run(args.json, args.offline)),
        Some(Command::Edits(command)) => return until_done(edits::run(command)),
        Some(Command::Permissions(args)) => return permissions::run(args),
        Some(Command::Replay(args)) => {
            return match replay::Replay::prepare(args) {
                Ok((compose, replay)) => serve(2, compose, |hub| replay.run(hub)),
                Err(error) => {
                    complain(&format!("{error:#}"));
                    Ok(ExitCode::from(2))
                }
            };
        }
        Some(Command::Lsp(args)) => {
            let (parent, file) = (args.client_process_id, args.trace);
            let compose = Compose::new(args.session)?.with_default_mode(PermissionMode::Ask);
            return serve(2, compose, move |hub| async move {
                let trace = start_trace(file, "lsp", &hub)?;
                Ok(transport::lsp::serve(hub, parent, trace).await?)
            });
        }
        None => {}
    }
    if cli.run.version {
        return completions::print_text(&format!("{}\n", cli::version_line()));
    }
    if let Some(search) = &cli.run.list_models {
        let compose = Compose::new(cli.session)?;
        return until_done(lists::models(&compose, search));
    }
    if let Some(session) = &cli.run.export {
        return export::run(session, cli.run.messages.first().map(Path::new));
    }
    if cli.run.resume {
        return lists::sessions(&Compose::new(cli.session)?);
    }
    match cli.run.mode {
        Some(Mode::Rpc) => {
            if cli.run.messages.iter().any(|it| it.starts_with('@')) {
                anyhow::bail!("@file arguments are not supported in RPC mode");
            }
            serve(2, Compose::new(cli.session)?, move |hub| async move {
                let trace = start_trace(cli.run.trace, "rpc", &hub)?;
                transport::jsonl::serve(hub, trace).await
            })
        }
        _ if cli.run.trace.is_some() => anyhow::bail!("--trace is for pi lsp and --mode rpc"),
        mode => print(cli.run.messages, cli.session, mode == Some(Mode::Json)),
    }
}

/// Starts the trace that the flag asks for.
fn start_trace(file: Option<PathBuf>, transport: &str, hub: &Hub) -> anyhow::Result<Option<Trace>> {
    let Some(file) = file else { return Ok(None) };
    let trace = Trace::start(&file, transport, hub.compose())
        .with_context(|| format!("the trace {} cannot be written", file.display()))?;
    hub.compose().surround(Box::new(trace.clone()));
    Ok(Some(trace))
}

fn print(messages: Vec<String>, args: cli::SessionArgs, as_json: bool) -> anyhow::Result<ExitCode> {
    let from_terminal = std::io::stdin().is_terminal();
    if messages.is_empty() && from_terminal {
        return Ok(nothing_to_do());
    }
    let format = if as_json { Format::Json } else { Format::Text };
    serve(1, Compose::new(args)?, |hub| async move {
        let prompts = tokio::task::spawn_blocking({
            let cwd = hub.compose().cwd().to_owned();
            let limits = hub.compose().image_limits(&cwd);
            move || {
                let piped = if from_terminal { None } else { Some(input::piped()?) };
                input::prompts(&messages, piped, &cwd, limits)
            }
        })
        .await??;
        match prompts.is_empty() {
            true => Ok(nothing_to_do()),
            false => transport::print::serve(hub, prompts, format).await,
        }
    })
}

fn nothing_to_do() -> ExitCode {
    complain(NOTHING_TO_DO);
    ExitCode::from(2)
}

/// Runs something short, unless a signal ends it.
fn until_done(task: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = task => outcome,
            status = signals::asked_to_end() => Ok(ExitCode::from(status)),
        }
    });
    runtime.shutdown_background();
    outcome
}

/// How long the last records may take after a hang-up.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Runs a service until it ends or a signal asks for it, then stops all sessions.
fn serve<F>(threads: usize, compose: Compose, service: impl FnOnce(Arc<Hub>) -> F) -> anyhow::Result<ExitCode>
where
    F: Future<Output = anyhow::Result<ExitCode>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    match helper::program() {
        Ok(program) => pi_host::process::guard::use_program(program),
        Err(error) => tracing::warn!(%error, "no guard: a killed server will leave its commands running"),
    }
    let outcome = runtime.block_on(async {
        let hub = Hub::new(compose);
        let mut service = std::pin::pin!(service(hub.clone()));
        let outcome = tokio::select! {
            outcome = &mut service => outcome,
            status = signals::asked_to_end() => {
                if status == signals::HANGUP {
                    // The client may still read: what it is owed is written first (rpc.md §1).
                    hub.end();
                    let _out_of_time = tokio::time::timeout(LAST_WORDS, &mut service).await;
                }
                Ok(ExitCode::from(status))
            }
        };
        hub.shutdown().await;
        // Commands of a session that did not stop in time.
        pi_host::process::kill_all();
        outcome
    });
    // A read of stdin may still hang in its thread; the end of the process ends it.
    runtime.shutdown_background();
    outcome
}
