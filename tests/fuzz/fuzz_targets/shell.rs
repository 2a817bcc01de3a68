//! Command lines of a model: no panic, no endless parse, and what is understood is also what a lenient reading finds.
#![no_main]
#![allow(dead_code, reason = "files of the host are compiled here alone")]

use libfuzzer_sys::fuzz_target;

#[path = "../../../server/host/src/permissions/patches.rs"]
mod patches;
#[path = "../../../server/host/src/permissions/shell.rs"]
mod shell;
#[path = "../../../server/host/src/permissions/unwrap.rs"]
mod unwrap;
#[path = "../../../server/host/src/permissions/words.rs"]
mod words;

/// What they take from their neighbours.
mod paths {
    pub fn home_dir() -> Option<std::path::PathBuf> {
        Some("/home/me".into())
    }
}

fuzz_target!(|text: &str| {
    let lenient = shell::read_as_far(text);
    if let Ok(script) = shell::read(text) {
        // That one adds the lists of loops.
        assert!(script.commands.iter().all(|it| lenient.commands.contains(it)), "{script:?} {lenient:?}");
    }
    shell::is_fork_bomb(text);
    patches::files(text, 1);
});
