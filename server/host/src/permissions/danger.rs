//! What is not done in any mode, whatever the rules say: what nobody wants.
//!
//! A protection against accidents, not a sandbox. A program can do all of this by other means.

use std::path::PathBuf;

use super::{
    boundary::{Boundary, real},
    places::{Folders, braces, fixed_start},
    shell::{self, Simple, Word},
};

/// Programs that may name a secret: they use a key and do not show it.
const USE_KEYS: [&str; 4] = ["ssh", "ssh-add", "ssh-keygen", "gpg"];
/// Programs that may name a folder of secrets: they do not open what is in it.
const NAME_FOLDERS: [&str; 7] = ["ls", "cd", "mkdir", "stat", "test", "[", "echo"];

/// Programs that may name a secret by a wildcard: they do not open it.
const NAME_FILES: [&str; 6] = ["du", "stat", "test", "[", "echo", "find"];
/// Programs that run others. What their options are is not looked at: here too much is better than too little.
const WRAPPERS: [&str; 34] = [
    "sudo",
    "doas",
    "su",
    "runuser",
    "sg",
    "env",
    "nohup",
    "nice",
    "ionice",
    "chrt",
    "taskset",
    "timeout",
    "stdbuf",
    "setsid",
    "time",
    "command",
    "builtin",
    "exec",
    "busybox",
    "toybox",
    "xargs",
    "parallel",
    "chroot",
    "unshare",
    "nsenter",
    "strace",
    "ltrace",
    "flock",
    "script",
    "watch",
    "fakeroot",
    "systemd-run",
    "firejail",
    "caffeinate",
];

/// Why a command is not run, if that is so.
pub fn denied(command: &Simple, folders: &Folders, boundary: &Boundary) -> Option<String> {
    let name = command.base_name()?;
    let args = command.args();
    harmful(name, args, folders, boundary)
        .or_else(|| secret(name, args, folders, boundary))
        .or_else(|| WRAPPERS.contains(&name).then(|| wrapped(args, folders, boundary)).flatten())
}

/// What a program that runs others would do, wherever in its arguments the other one begins.
fn wrapped(args: &[Word], folders: &Folders, boundary: &Boundary) -> Option<String> {
    args.iter().enumerate().find_map(|(at, word)| {
        let value = word.fixed()?;
        // `su -c 'text'`, `env -S 'text'`, `watch 'text'`
        let before = at.checked_sub(1).map_or(Some("-"), |at| args[at].fixed());
        if value.contains(char::is_whitespace) && before.is_some_and(|it| it.starts_with('-')) {
            let script = shell::read_as_far(value);
            return script.commands.iter().find_map(|it| denied(it, folders, boundary));
        }
        let name = value.rsplit('/').next().unwrap_or(value);
        harmful(name, &args[at + 1..], folders, boundary)
    })
}

/// Why a program is not run with these arguments.
fn harmful(name: &str, args: &[Word], folders: &Folders, boundary: &Boundary) -> Option<String> {
    match name {
        "rm" if is_recursive(args) => {
            vital(args, folders, boundary).map(|it| format!("it would delete {it} with everything in it"))
        }
        "chmod" | "chown" | "chgrp" if is_recursive(args) => {
            vital(args, folders, boundary).map(|it| format!("it would change everything in {it}"))
        }
        "find" if args.iter().any(|it| it.fixed() == Some("-delete")) => {
            vital(args, folders, boundary).map(|it| format!("it would delete everything in {it}"))
        }
        "mke2fs" | "wipefs" => Some("it would erase a disk".to_owned()),
        _ if name == "mkfs" || name.starts_with("mkfs.") => Some("it would erase a disk".to_owned()),
        "dd" | "tee" | "cp" | "mv" | "shred" => {
            let writes = |word: &&Word| {
                let value = word.fixed().unwrap_or_default();
                let target = value.strip_prefix("of=").unwrap_or(value);
                folders.paths(target).is_some_and(|it| it.iter().any(|it| Boundary::is_raw_device(it)))
            };
            args.iter().find(writes).map(|it| format!("it would write to the disk {}", it.source))
        }
        _ => None,
    }
}

fn is_recursive(args: &[Word]) -> bool {
    args.iter().filter_map(Word::fixed).any(|it| match it.strip_prefix("--") {
        Some(long) => !long.is_empty() && "recursive".starts_with(long),
        None => it.starts_with('-') && it.contains(['r', 'R']),
    })
}

/// The first argument that names what nobody wants to lose, or all in it.
fn vital(args: &[Word], folders: &Folders, boundary: &Boundary) -> Option<String> {
    let is_vital = |it: Option<Vec<PathBuf>>| it.is_some_and(|it| it.iter().any(|it| boundary.is_vital(it)));
    let names = |word: &&Word| {
        let value = word.value.as_deref().unwrap_or_default();
        if value.is_empty() || value.starts_with('-') {
            return false;
        }
        if !word.wild {
            return is_vital(folders.paths(value));
        }
        braces(value).iter().any(|value| {
            let word = Word { value: Some(value.clone()), ..(*word).clone() };
            let all_in_it = value.ends_with("/*") || matches!(value.as_str(), "*" | ".*");
            // A link that matches is itself what is meant, and not where it leads.
            let named = folders.named(&word).unwrap_or_default();
            let is_meant =
                |it: &PathBuf| boundary.is_vital(it) || (!it.is_symlink() && boundary.is_vital(&real(it)));
            named.iter().any(is_meant)
                || (all_in_it && is_vital(fixed_start(&word).and_then(|it| folders.paths(it))))
        })
    };
    args.iter().find(names).map(|it| it.source.clone())
}

/// A file with keys or passwords that a command names.
fn secret(name: &str, args: &[Word], folders: &Folders, boundary: &Boundary) -> Option<String> {
    if USE_KEYS.contains(&name) {
        return None;
    }
    let is_secret =
        |text: &str| folders.paths(text).is_some_and(|it| it.iter().any(|it| boundary.is_secret(it)));
    let is_folder =
        |text: &str| folders.paths(text).is_some_and(|it| it.iter().any(|it| boundary.is_secret_folder(it)));
    let found = args.iter().find(|word| {
        let Some(value) = word.value.as_deref() else { return false };
        let behind = value.split_once('=').map_or(value, |(_, it)| it);
        if word.wild {
            let matches_one =
                || folders.of_word(word).is_some_and(|it| it.iter().any(|it| boundary.is_secret(it)));
            return name != "ls"
                && (fixed_start(word).is_some_and(is_folder)
                    || (!NAME_FILES.contains(&name) && matches_one()));
        }
        is_secret(value)
            || is_secret(behind)
            || (!NAME_FOLDERS.contains(&name) && (is_folder(value) || is_folder(behind)))
    });
    found.map(|it| format!("{} holds keys or passwords", it.source))
}
