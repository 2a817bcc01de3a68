//! Commands that only read, whatever their arguments; and a few that do with the arguments listed here.
//!
//! Short on purpose: a program that can write, run another program or open a connection through some option is only
//! here if all options that are let through are known. Paths must be where reading needs no question.

use super::{
    boundary::{Boundary, Place},
    places::{Folders, may_read},
    shell::{self, Redirect, Script, Simple, Word},
};

/// Only read, whatever their arguments.
const HARMLESS: [&str; 31] = [
    "ls",
    "cat",
    "head",
    "tail",
    "wc",
    "pwd",
    "echo",
    "true",
    "false",
    "grep",
    "egrep",
    "fgrep",
    "basename",
    "dirname",
    "realpath",
    "readlink",
    "stat",
    "du",
    "df",
    "cut",
    "nl",
    "tac",
    "rev",
    "cmp",
    "diff",
    "id",
    "whoami",
    "uname",
    "md5sum",
    "sha256sum",
    ":",
];
/// Of those, the ones whose arguments are no paths.
const PATHLESS: [&str; 7] = ["echo", "true", "false", "pwd", "whoami", "uname", ":"];
/// Variables that change nothing but how a program talks.
const HARMLESS_VARIABLES: [&str; 12] = [
    "RUST_BACKTRACE",
    "RUST_LOG",
    "CARGO_TERM_COLOR",
    "NO_COLOR",
    "CLICOLOR",
    "FORCE_COLOR",
    "TERM",
    "LANG",
    "LC_ALL",
    "TZ",
    "CI",
    "COLUMNS",
];
/// Variables of the environment that say nothing secret.
const PUBLIC_VARIABLES: [&str; 10] =
    ["HOME", "PWD", "OLDPWD", "USER", "PATH", "SHELL", "LANG", "TERM", "RANDOM", "SECONDS"];
const FIND_OPTIONS: [&str; 25] = [
    "-name",
    "-iname",
    "-path",
    "-ipath",
    "-wholename",
    "-regex",
    "-iregex",
    "-type",
    "-maxdepth",
    "-mindepth",
    "-size",
    "-mtime",
    "-mmin",
    "-newer",
    "-empty",
    "-print",
    "-print0",
    "-prune",
    "-not",
    "-o",
    "-or",
    "-a",
    "-and",
    "-xdev",
    "-mount",
];
/// Subcommands of git that only read with the options below.
const GIT_READS: [&str; 9] =
    ["status", "log", "diff", "show", "blame", "ls-files", "rev-parse", "describe", "shortlog"];
const GIT_OPTIONS: [&str; 24] = [
    "--oneline",
    "--stat",
    "--short",
    "-s",
    "--porcelain",
    "-b",
    "--branch",
    "-p",
    "--name-only",
    "--name-status",
    "--cached",
    "--staged",
    "--graph",
    "--all",
    "--decorate",
    "--no-color",
    "-w",
    "--follow",
    "--numstat",
    "--shortstat",
    "--show-toplevel",
    "--abbrev-ref",
    "--no-pager",
    "--",
];

/// Whether a variable set for a command changes nothing but how it talks.
pub fn is_harmless_variable(name: &str, value: &Word) -> bool {
    HARMLESS_VARIABLES.contains(&name) && value.fixed().is_some()
}

/// Whether every command of a command line only reads, and nothing is written by the shell itself.
pub fn script_only_reads(text: &str, boundary: &Boundary) -> bool {
    let Ok(script) = shell::read(text) else { return false };
    let folders = Folders::of(&script, boundary.root());
    let harmless = |it: &Redirect| {
        let paths = it.file.fixed().and_then(|it| folders.paths(it));
        !it.writes || paths.is_some_and(|it| it.iter().all(|it| boundary.place(it) == Place::Harmless))
    };
    tells_no_secret(&script)
        && script.redirects.iter().all(harmless)
        && script.commands.iter().all(|it| only_reads(it, &folders, boundary))
}

/// Whether `command` only reads, and only what needs no question.
pub fn only_reads(command: &Simple, folders: &Folders, boundary: &Boundary) -> bool {
    if !command.env.iter().all(|(name, value)| is_harmless_variable(name, value)) {
        return false;
    }
    // By another path it may be another program.
    let Some(name) = command.name() else { return false };
    let args = command.args();
    // Braces may stand for options, and for paths that begin anywhere.
    if args.iter().any(|it| it.wild && it.source.contains('{')) {
        return false;
    }
    match name {
        // So may wildcards, for a file of such a name, or for one operand more.
        "find" | "sort" | "uniq" if args.iter().any(|it| it.wild) => false,
        "cd" => matches!(args, [word] if inside(word, folders, boundary)),
        "date" => args.iter().all(|it| it.fixed().is_some_and(|it| it.starts_with('+') || it == "-u")),
        "test" | "[" => {
            args.iter().all(|it| it.fixed().is_none_or(|it| !matches!(it, "-v" | "-R")))
                && args.iter().all(|it| it.value.is_some())
                && paths_are_fine(args, folders, boundary)
        }
        "type" | "which" => args.iter().all(|it| it.fixed().is_some()),
        "sort" => args.iter().all(sort_option) && paths_are_fine(args, folders, boundary),
        // A second operand would be written.
        "uniq" => {
            args.iter().filter(|it| !is_option(it)).count() <= 1 && paths_are_fine(args, folders, boundary)
        }
        "find" => {
            args.iter().all(|it| !is_option(it) || it.fixed().is_some_and(|it| FIND_OPTIONS.contains(&it)))
                && paths_are_fine(args, folders, boundary)
        }
        "git" => git(args, folders, boundary),
        _ if !HARMLESS.contains(&name) => false,
        _ if PATHLESS.contains(&name) => true,
        _ => paths_are_fine(args, folders, boundary),
    }
}

/// Whether a command line uses no variable that may come from the environment and hold a key: whichever way it goes, what
/// is printed goes to the model. Small letters are of variables that a loop sets.
pub fn tells_no_secret(script: &Script) -> bool {
    let public = |it: &String| {
        !it.contains(|it: char| it.is_ascii_uppercase()) || PUBLIC_VARIABLES.contains(&it.as_str())
    };
    script.variables.iter().all(public)
}

fn is_option(word: &Word) -> bool {
    word.value.as_deref().is_none_or(|it| it.starts_with('-') && it != "-")
}

/// Every word is known, and whatever may be a path may be read.
fn paths_are_fine(args: &[Word], folders: &Folders, boundary: &Boundary) -> bool {
    args.iter().all(|word| match &word.value {
        None => false,
        // A path may be part of an option.
        Some(value) if is_option(word) => !word.wild && !value.contains(['/', '~']) && !value.contains(".."),
        Some(_) => may_read(word, folders, boundary),
    })
}

fn inside(word: &Word, folders: &Folders, boundary: &Boundary) -> bool {
    word.fixed().is_some_and(|it| !it.starts_with('-')) && may_read(word, folders, boundary)
}

fn sort_option(word: &Word) -> bool {
    let Some(value) = word.value.as_deref() else { return false };
    let Some(letters) = value.strip_prefix('-') else { return true };
    letters.starts_with(['k', 't']) || letters.chars().all(|it| "bdfghiMnRrVsuz".contains(it))
}

fn git(args: &[Word], folders: &Folders, boundary: &Boundary) -> bool {
    let args = match args {
        [first, rest @ ..] if first.fixed() == Some("--no-pager") => rest,
        _ => args,
    };
    let [subcommand, rest @ ..] = args else { return false };
    let count = |it: &str| it.len() > 1 && it[1..].chars().all(|it| it.is_ascii_digit());
    let option = |it: &str| GIT_OPTIONS.contains(&it) || it.starts_with('-') && count(it);
    let mut number = false;
    subcommand.fixed().is_some_and(|it| GIT_READS.contains(&it))
        && rest.iter().all(|word| {
            let Some(value) = word.fixed() else { return false };
            if std::mem::take(&mut number) {
                return value.chars().all(|it| it.is_ascii_digit());
            }
            number = value == "-n";
            number || option(value) || (!value.starts_with('-') && may_read(word, folders, boundary))
        })
}
