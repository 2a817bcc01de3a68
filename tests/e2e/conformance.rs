//! The recorded behaviour of Pi itself, where the recordings are at hand.
//!
//! They live beside the repository (`../shared/conformance`), not in it: without them, or without Python, the test
//! says so and passes.

use std::{env, path::PathBuf, process::Command};

use crate::rpc::PI;

/// What has to pass: the conversation, the tools, the wire, the ends. In percent of the scenarios.
const GOAL: usize = 95;
const SCENARIOS: &str = "^text_,^thinking,^tool_,^wire_,^bad_,^bare_,^input_,^fault_,^api_openai_,^stop_,^abort_,\
                         ^steer_,^followup,^prompt_,^modes_,^exit_,^session_,^model_,^start_,^skill_,^template_,\
                         ^builtin_,^compact_,^retry_";

#[test]
fn recorded_scenarios_of_pi_pass() {
    let compare = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance/compare.py");
    if !compare.exists() {
        eprintln!("SKIPPED: no recordings at {}", compare.display());
        return;
    }
    let python = env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(&python)
        .arg(&compare)
        .args(["--bin", PI, "--only", SCENARIOS, "--jobs", "2", "-q"])
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: {python} cannot be started: {error}");
            return;
        }
    };
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let count = |word: &str| -> usize {
        let before = text.rsplit_once(word).map(|(before, _)| before).unwrap_or_default();
        let digits: Vec<char> = before.trim_end().chars().rev().take_while(char::is_ascii_digit).collect();
        digits.into_iter().rev().collect::<String>().parse().unwrap_or_else(|_| panic!("no summary:\n{text}"))
    };
    let (passed, failed) = (count("passed"), count("failed"));
    eprintln!("{passed} of {} recorded scenarios pass", passed + failed);
    assert!(passed + failed > 50, "the scenarios were not found:\n{text}");
    assert!(passed * 100 >= GOAL * (passed + failed), "under {GOAL} %:\n{text}");
}
