//! What streaming an answer costs: the time of the processor that `pi` takes for it in both output modes, and what a
//! program takes that only writes the same records to the same kind of pipe.
//!
//! `cargo bench -p pi-server --bench stream`; `PI_BIN` names another binary. The client reads as fast as it can, and
//! what it gets is said with the times: increments that wait for a slower client are joined. Processor times are those of
//! `/proc`, so only on Linux, and in steps of ten milliseconds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that fails may panic"
)]

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write, stdin, stdout},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use pi_harness::{ModelServer, Scratch, say};

/// The argument that makes this program the one that only writes.
const WRITER: &str = "--only-write";
const DELTA: usize = 12;
const RUNS: usize = 5;

/// What one run took and gave.
struct Run {
    cpu: Duration,
    wall: Duration,
    /// Length of each record.
    records: Vec<usize>,
}

fn main() {
    if env::args().nth(1).as_deref() == Some(WRITER) {
        return only_write();
    }
    println!(
        "{:34} {:>8} {:>8} {:>9} {:>10} {:>12}",
        "medians of runs", "cpu s", "wall s", "records", "MB", "deltas/cpu s"
    );
    for (mode, deltas) in [("full", 20_000), ("compact", 20_000), ("compact", 200_000)] {
        let pi = median((0..RUNS).map(|_| pi(mode, deltas)).collect());
        show(&format!("pi, {mode}, {deltas} deltas"), &pi, deltas);
        let bare = median((0..RUNS).map(|_| bare(&pi.records)).collect());
        show("  only writing these records", &bare, deltas);
    }
    // What a client gets that is never behind: the message twice in each record, and about 600 bytes around it.
    let all: Vec<usize> = (1..=20_000).map(|it| 600 + 2 * DELTA * it).collect();
    show("only writing one record per delta", &bare(&all), all.len());
}

fn median(mut runs: Vec<Run>) -> Run {
    runs.sort_by_key(|it| it.cpu);
    runs.swap_remove(RUNS / 2)
}

fn show(name: &str, run: &Run, deltas: usize) {
    let megabytes = run.records.iter().sum::<usize>() as f64 / 1e6;
    let (cpu, wall) = (run.cpu.as_secs_f64(), run.wall.as_secs_f64());
    let rate = deltas as f64 / cpu.max(0.01);
    println!("{name:34} {cpu:8.2} {wall:8.2} {:9} {megabytes:10.1} {rate:12.0}", run.records.len());
}

/// One answer of `deltas` increments.
fn pi(mode: &str, deltas: usize) -> Run {
    let model = ModelServer::with([say("twelve bytes".repeat(deltas)).pieces(DELTA)]);
    let scratch = Scratch::with_model(&model);
    let binary = env::var("PI_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_pi").into());
    let mut command = scratch.command(&binary);
    command.args(["--mode", "rpc", "--provider", "scripted", "--model", "alpha", "--output-mode", mode]);
    let (mut child, mut reader) = start(&mut command);
    let mut input = child.stdin.take().expect("stdin is piped");
    input.write_all(b"{\"type\":\"get_state\"}\n").unwrap();
    line(&mut reader, &mut Vec::new());
    let (cpu, began) = (cpu(&child), Instant::now());
    input.write_all(b"{\"type\":\"prompt\",\"message\":\"go\"}\n").unwrap();
    let mut records = Vec::new();
    let mut record = Vec::new();
    while !record.starts_with(b"{\"type\":\"agent_end\"") {
        line(&mut reader, &mut record);
        records.push(record.len());
    }
    finish(child, input, cpu, began, records)
}

/// A program that writes records of these lengths, one after the other.
fn bare(records: &[usize]) -> Run {
    let mut command = Command::new(env::current_exe().unwrap());
    command.arg(WRITER);
    let (mut child, mut reader) = start(&mut command);
    let mut input = child.stdin.take().expect("stdin is piped");
    let lengths: String = records.iter().map(|it| format!("{it} ")).collect();
    writeln!(input, "{lengths}").unwrap();
    // It has read them and is about to begin.
    line(&mut reader, &mut Vec::new());
    let (cpu, began) = (cpu(&child), Instant::now());
    let mut record = Vec::new();
    for expected in records {
        line(&mut reader, &mut record);
        assert_eq!(record.len(), *expected);
    }
    finish(child, input, cpu, began, records.to_vec())
}

fn only_write() {
    let mut lengths = String::new();
    stdin().read_line(&mut lengths).unwrap();
    let lengths: Vec<usize> = lengths.split_ascii_whitespace().map(|it| it.parse().unwrap()).collect();
    let longest = lengths.iter().copied().max().unwrap_or(1);
    let mut text = vec![b'x'; longest];
    text[longest - 1] = b'\n';
    // Without the buffer of the standard library, as the server does.
    let mut output = fs::File::from(std::os::fd::AsFd::as_fd(&stdout()).try_clone_to_owned().unwrap());
    output.write_all(b"\n").unwrap();
    // Small records are gathered up to the size of a pipe, as the server does.
    let mut waiting = Vec::with_capacity(64 << 10);
    for length in lengths {
        let record = &text[longest - length..];
        let large = length > 8 << 10;
        if large || waiting.len() + length > 64 << 10 {
            output.write_all(&waiting).unwrap();
            waiting.clear();
        }
        if large {
            output.write_all(record).unwrap();
        } else {
            waiting.extend_from_slice(record);
        }
    }
    output.write_all(&waiting).unwrap();
    // Until the times have been read.
    stdin().read_to_end(&mut Vec::new()).unwrap();
}

fn start(command: &mut Command) -> (Child, BufReader<std::process::ChildStdout>) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().expect("cannot start the program");
    let reader = BufReader::with_capacity(1 << 20, child.stdout.take().expect("stdout is piped"));
    (child, reader)
}

fn line(reader: &mut impl BufRead, record: &mut Vec<u8>) {
    record.clear();
    assert!(reader.read_until(b'\n', record).unwrap() > 0, "the program has ended");
}

fn finish(
    mut child: Child,
    input: std::process::ChildStdin,
    cpu_before: Duration,
    began: Instant,
    records: Vec<usize>,
) -> Run {
    let (cpu, wall) = (cpu(&child) - cpu_before, began.elapsed());
    drop(input);
    child.wait().expect("the program does not end");
    Run { cpu, wall, records }
}

/// User and system time of a process so far.
fn cpu(child: &Child) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("no /proc");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    let ticks: u64 =
        fields.split_ascii_whitespace().skip(11).take(2).map(|it| it.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
