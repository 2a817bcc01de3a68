//! What is not done in any mode, whatever the rules say: what nobody wants.
//!
//! A protection against accidents, not a sandbox. A program can do all of this by other means.

use super::{
    boundary::Boundary,
    places::{Folders, fixed_start},
    shell::{Simple, Word},
};

/// Programs that may name a secret: they use a key and do not show it.
const USE_KEYS: [&str; 4] = ["ssh", "ssh-add", "ssh-keygen", "gpg"];
/// Programs that may name a folder of secrets: they do not open what is in it.
const NAME_FOLDERS: [&str; 7] = ["ls", "cd", "mkdir", "stat", "test", "[", "echo"];

/// Why a command is not run, if that is so.
pub fn denied(command: &Simple, folders: &Folders, boundary: &Boundary) -> Option<String> {
    let name = command.base_name()?;
    let args = command.args();
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
    .or_else(|| secret(name, args, folders, boundary))
}

fn is_recursive(args: &[Word]) -> bool {
    args.iter().filter_map(Word::fixed).any(|it| match it.strip_prefix("--") {
        Some(long) => !long.is_empty() && "recursive".starts_with(long),
        None => it.starts_with('-') && it.contains(['r', 'R']),
    })
}

/// The first argument that names what nobody wants to lose, or all in it.
fn vital(args: &[Word], folders: &Folders, boundary: &Boundary) -> Option<String> {
    let names = |word: &&Word| {
        let value = word.value.as_deref().unwrap_or_default();
        let all_in_it = !word.wild || value.ends_with("/*") || matches!(value, "*" | ".*");
        let path = if all_in_it { fixed_start(word) } else { None };
        let path = path.filter(|it| !it.is_empty() && !it.starts_with('-'));
        path.and_then(|it| folders.paths(it)).is_some_and(|it| it.iter().any(|it| boundary.is_vital(it)))
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
            return name != "ls" && fixed_start(word).is_some_and(is_folder);
        }
        is_secret(value)
            || is_secret(behind)
            || (!NAME_FOLDERS.contains(&name) && (is_folder(value) || is_folder(behind)))
    });
    found.map(|it| format!("{} holds keys or passwords", it.source))
}
