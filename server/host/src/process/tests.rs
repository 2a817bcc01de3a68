//! Process groups, ends, pipes. Synchronised through output and files, never by waiting a fixed time.

use std::{fs, path::Path};

use super::*;

struct Outcome {
    text: String,
    end: End,
}

fn config(dir: &Path) -> ShellConfig {
    ShellConfig { cwd: dir.into(), ..ShellConfig::default() }
}

fn start(dir: &Path, command: &str, timeout: Option<Duration>, cancel: &CancellationToken) -> Running {
    Running::start(&config(dir), &Confinement::Free, command, &[], timeout, cancel.clone()).unwrap()
}

async fn finish(running: &mut Running) -> Outcome {
    let mut bytes = Vec::new();
    loop {
        match running.next().await {
            Step::Output(chunk) => bytes.extend(chunk),
            Step::Ended(end) => return Outcome { text: String::from_utf8_lossy(&bytes).into_owned(), end },
        }
    }
}

async fn run(command: &str) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    finish(&mut start(dir.path(), command, None, &CancellationToken::new())).await
}

/// Reads output until a whole line has arrived.
async fn first_line(running: &mut Running) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\n") {
        match running.next().await {
            Step::Output(chunk) => bytes.extend(chunk),
            Step::Ended(end) => panic!("ended early: {end:?}"),
        }
    }
    String::from_utf8(bytes).unwrap().trim_end().to_owned()
}

/// Whether the process still runs; a zombie does not.
#[cfg(target_os = "linux")]
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, it)| it.chars().next());
    !matches!(state, None | Some(None | Some('Z' | 'X')))
}

/// A job in the background that holds the pipe `alive` open, and a line once it runs.
const JOB: &str = "mkfifo alive; sleep 600 3<>alive & echo $!; wait";

/// The reading end of the pipe of [`JOB`]; it ends when the job is dead.
fn life(dir: &Path) -> tokio::task::JoinHandle<Vec<u8>> {
    let mut pipe = fs::File::open(dir.join("alive")).unwrap();
    tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut pipe, &mut bytes).unwrap();
        bytes
    })
}

#[tokio::test]
async fn both_streams_arrive_in_the_order_of_writing() {
    let it = run("for i in 1 2 3; do echo out $i; echo err $i >&2; done; exit 3").await;
    assert_eq!(it.text, "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n");
    assert_eq!(it.end, End::Exited(3));
}

#[tokio::test]
async fn input_is_empty_and_a_signal_is_told() {
    assert_eq!(run("cat").await.end, End::Exited(0));
    assert_eq!(run("kill -TERM $$").await.end, End::Signalled(15));
}

#[tokio::test]
async fn large_output_is_complete() {
    let it = run("head -c 3000000 /dev/zero | tr '\\0' x").await;
    assert_eq!((it.text.len(), it.end), (3_000_000, End::Exited(0)));
}

#[tokio::test]
async fn cancelling_kills_grandchildren() {
    let (dir, cancel) = (tempfile::tempdir().unwrap(), CancellationToken::new());
    let mut running = start(dir.path(), &format!("({JOB}); echo never"), None, &cancel);
    first_line(&mut running).await;
    let life = life(dir.path());
    cancel.cancel();
    let rest = finish(&mut running).await;
    assert_eq!((rest.text.as_str(), rest.end), ("", End::Cancelled));
    life.await.unwrap();
}

#[tokio::test]
async fn a_time_out_kills_the_group() {
    let dir = tempfile::tempdir().unwrap();
    let limit = Some(Duration::from_secs(1));
    let mut running = start(dir.path(), JOB, limit, &CancellationToken::new());
    first_line(&mut running).await;
    let life = life(dir.path());
    assert_eq!(finish(&mut running).await.end, End::TimedOut);
    life.await.unwrap();
}

#[tokio::test]
async fn endless_output_hides_neither_a_time_out_nor_the_end() {
    let dir = tempfile::tempdir().unwrap();
    for (command, limit, want) in
        [("yes", Some(Duration::from_millis(200)), End::TimedOut), ("yes & exit 5", None, End::Exited(5))]
    {
        let mut running = start(dir.path(), command, limit, &CancellationToken::new());
        let end = loop {
            if let Step::Ended(end) = running.next().await {
                break end;
            }
        };
        assert_eq!(end, want);
    }
}

#[tokio::test]
async fn dropping_a_command_kills_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut running = start(dir.path(), JOB, None, &CancellationToken::new());
    first_line(&mut running).await;
    let life = life(dir.path());
    drop(running);
    life.await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn nobody_waits_for_a_background_job() {
    let dir = tempfile::tempdir().unwrap();
    let mut running = start(dir.path(), "sleep 600 & echo $!; exit 7", None, &CancellationToken::new());
    let it = finish(&mut running).await;
    assert_eq!(it.end, End::Exited(7));
    let pid = it.text.trim();
    assert!(is_alive(pid), "a job in the background outlives its command");
    assert!(std::process::Command::new("kill").args(["-9", pid]).status().unwrap().success());
}

#[tokio::test]
async fn prefix_environment_and_path_are_given() {
    let dir = tempfile::tempdir().unwrap();
    let config = ShellConfig {
        prefix: Some("greet() { echo hello $1; }".into()),
        env: vec![("FROM_CONFIG".into(), "1".into())],
        agent_bin: Some("/agent/bin".into()),
        ..config(dir.path())
    };
    let command = "greet you; echo $FROM_CONFIG $FROM_CALL; echo ${PATH%%:*}";
    let mut running = Running::start(
        &config,
        &Confinement::Free,
        command,
        &[("FROM_CALL", "2")],
        None,
        CancellationToken::new(),
    )
    .unwrap();
    assert_eq!(finish(&mut running).await.text, "hello you\n1 2\n/agent/bin\n");
}

#[test]
fn a_configured_shell_has_to_exist() {
    let config = ShellConfig { path: Some("/no/shell".into()), ..ShellConfig::default() };
    assert_eq!(config.shell().unwrap_err(), "shell not found: /no/shell (setting shellPath)");
}
