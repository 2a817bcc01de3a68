//! Commands that only read, whatever their arguments; and a few that do with the arguments listed here.
//!
//! Short on purpose: a program that can write, run another program or open a connection through some option is only
//! here if all options that are let through are known. Paths must be where reading needs no question.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    boundary::{Boundary, Place},
    git,
    options::Form,
    places::{Folders, links_stay, may_read},
    shell::{self, Redirect, Script, Simple, Word},
    words::is_brace_expansion,
};

/// Only read, whatever their arguments.
const HARMLESS: [&str; 49] = [
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
    "tr",
    "seq",
    "sleep",
    "nproc",
    "arch",
    "uptime",
    "free",
    "od",
    "strings",
    "fold",
    "expand",
    "unexpand",
    "paste",
    "comm",
    "join",
    "column",
    "tty",
    "sha1sum",
];
/// Of those, the ones whose arguments are no paths.
const PATHLESS: [&str; 16] = [
    "echo", "true", "false", "pwd", "whoami", "uname", ":", "tr", "seq", "sleep", "nproc", "arch", "uptime",
    "free", "tty", "basename",
];
/// Variables that change nothing but how a program talks, or how much a test tries.
const HARMLESS_VARIABLES: [&str; 32] = [
    "RUST_BACKTRACE",
    "RUST_LIB_BACKTRACE",
    "RUST_LOG",
    "RUST_TEST_THREADS",
    "RUST_TEST_NOCAPTURE",
    "PROPTEST_CASES",
    "CARGO_TERM_COLOR",
    "CARGO_TERM_PROGRESS_WHEN",
    "CARGO_INCREMENTAL",
    "CARGO_BUILD_JOBS",
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "FORCE_COLOR",
    "COLORTERM",
    "TERM",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "TZ",
    "CI",
    "COLUMNS",
    "LINES",
    "DEBUG",
    "VERBOSE",
    "NODE_ENV",
    "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE",
    "CGO_ENABLED",
    "GOMAXPROCS",
];
/// Variables that name the program which shows long output, with the values that show it as it is.
const PAGERS: [&str; 3] = ["PAGER", "GIT_PAGER", "MANPAGER"];
/// Variables of the environment that say nothing secret.
const PUBLIC_VARIABLES: [&str; 11] =
    ["HOME", "PWD", "OLDPWD", "USER", "PATH", "SHELL", "LANG", "TERM", "RANDOM", "SECONDS", "TMPDIR"];
const FIND_OPTIONS: [&str; 30] = [
    "-name",
    "-iname",
    "-path",
    "-ipath",
    "-wholename",
    "-regex",
    "-iregex",
    "-regextype",
    "-type",
    "-maxdepth",
    "-mindepth",
    "-size",
    "-mtime",
    "-mmin",
    "-newer",
    "-empty",
    "-perm",
    "-user",
    "-ls",
    "-printf",
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
/// Not `-f` and `--exclude-from`, which read a file.
const GREP: Form = Form {
    letters: "nHhilLcovwxEFGPqsaIrRzZTbUy0123456789",
    with_value: "ABCmedD",
    #[rustfmt::skip]
    long: &[
        "line-number", "ignore-case", "no-ignore-case", "recursive", "dereference-recursive", "files-with-matches",
        "files-without-match", "count", "only-matching", "invert-match", "word-regexp", "line-regexp", "extended-regexp",
        "fixed-strings", "perl-regexp", "basic-regexp", "quiet", "silent", "no-messages", "with-filename", "no-filename",
        "text", "null", "color", "colour", "byte-offset", "null-data",
    ],
    #[rustfmt::skip]
    long_with_value: &[
        "include", "exclude", "exclude-dir", "color", "colour", "max-count", "after-context", "before-context", "context",
        "regexp", "binary-files", "directories",
    ],
};
/// Not `-L`, which follows links, nor `--pre`, `--search-zip` and `--hostname-bin`, which run programs.
const RG: Form = Form {
    letters: "nNilcwvFSsoxHIapPUuq0.",
    with_value: "ABCegtTmMdjEr",
    #[rustfmt::skip]
    long: &[
        "files", "hidden", "no-ignore", "no-ignore-vcs", "line-number", "no-line-number", "ignore-case", "smart-case",
        "case-sensitive", "fixed-strings", "word-regexp", "count", "count-matches", "files-with-matches",
        "files-without-match", "multiline", "multiline-dotall", "pcre2", "no-heading", "heading", "no-filename",
        "with-filename", "only-matching", "invert-match", "json", "stats", "trim", "column", "vimgrep", "passthru", "null",
        "text", "no-messages", "one-file-system", "type-list", "pretty", "line-regexp", "no-config", "quiet",
        "unrestricted", "byte-offset", "crlf",
    ],
    #[rustfmt::skip]
    long_with_value: &[
        "glob", "iglob", "type", "type-not", "max-count", "max-depth", "after-context", "before-context", "context",
        "color", "colors", "replace", "sort", "sortr", "regexp", "max-columns", "encoding", "threads", "max-filesize",
    ],
};
/// With one of these, the first operand of `rg` is a path like the others.
const RG_NO_PATTERN: [&str; 4] = ["e", "regexp", "files", "type-list"];
const SED: Form = Form {
    letters: "nErsuz",
    with_value: "e",
    long: &["quiet", "silent", "regexp-extended", "null-data", "separate"],
    long_with_value: &["expression"],
};
const AWK: Form = Form { letters: "", with_value: "F", long: &[], long_with_value: &[] };
const JQ: Form = Form {
    letters: "rceSsnajMCR",
    with_value: "",
    #[rustfmt::skip]
    long: &[
        "raw-output", "compact-output", "slurp", "null-input", "sort-keys", "tab", "exit-status", "color-output",
        "monochrome-output", "join-output", "ascii-output", "raw-input",
    ],
    long_with_value: &["indent"],
};
const TREE: Form = Form {
    letters: "adfshCnDpugtrJXi",
    with_value: "LIP",
    long: &["noreport", "dirsfirst", "gitignore", "prune", "du", "inodes"],
    long_with_value: &["filelimit", "charset", "sort"],
};
const FILE: Form =
    Form { letters: "bikh", with_value: "", long: &["brief", "mime", "mime-type"], long_with_value: &[] };
const DATE: Form = Form {
    letters: "uR",
    with_value: "dI",
    long: &["utc", "universal", "rfc-email", "iso-8601"],
    long_with_value: &["date", "iso-8601", "rfc-3339"],
};

/// Whether a variable set for a command changes nothing but how it talks.
pub fn is_harmless_variable(name: &str, value: &Word) -> bool {
    match value.fixed() {
        Some("" | "cat") if PAGERS.contains(&name) => true,
        Some(_) => HARMLESS_VARIABLES.contains(&name),
        None => false,
    }
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
    // A variable of this shell, as a loop sets it.
    if command.words.is_empty() {
        return command.env.iter().all(|(name, _)| shell::is_own_variable(name));
    }
    if !command.env.iter().all(|(name, value)| is_harmless_variable(name, value)) {
        return false;
    }
    // By another path it may be another program.
    let Some(name) = command.name() else { return false };
    let args = command.args();
    // Braces may stand for options, and for paths that begin anywhere.
    if args.iter().any(|it| it.wild && is_brace_expansion(&it.source)) {
        return false;
    }
    let fine = |args: &[Word]| paths_are_fine(args, folders, boundary);
    match name {
        // So may wildcards, for a file of such a name, or for one operand more.
        "find" | "sort" | "uniq" if args.iter().any(|it| it.wild) => false,
        "cd" => matches!(args, [word] if inside(word, folders, boundary)),
        "date" => DATE
            .take(args)
            .is_some_and(|it| it.operands.iter().all(|it| it.fixed().is_some_and(|it| it.starts_with('+')))),
        "test" | "[" => {
            args.iter().all(|it| it.fixed().is_none_or(|it| !matches!(it, "-v" | "-R")))
                && args.iter().all(|it| it.value.is_some())
                && fine(args)
        }
        "type" | "which" => args.iter().all(|it| it.fixed().is_some()),
        "command" => args.first().and_then(Word::fixed).is_some_and(|it| matches!(it, "-v" | "-V")),
        "hostname" => args.is_empty(),
        "printenv" => {
            !args.is_empty()
                && args.iter().all(|it| it.fixed().is_some_and(|it| PUBLIC_VARIABLES.contains(&it)))
        }
        "printf" => args.first().is_some_and(is_plain_format),
        "sort" => args.iter().all(sort_option) && fine(args),
        // A second operand would be written.
        "uniq" => args.iter().filter(|it| !is_option(it)).count() <= 1 && fine(args),
        "find" => {
            args.iter().all(|it| !is_option(it) || it.fixed().is_some_and(|it| FIND_OPTIONS.contains(&it)))
                && fine(args)
        }
        "git" => git::only_reads(args, folders, boundary),
        "rg" => with_text(&RG, args, &RG_NO_PATTERN, |_| true, folders, boundary),
        "sed" => with_text(&SED, args, &["e", "expression"], sed_only_prints, folders, boundary),
        "awk" | "gawk" | "mawk" => with_text(&AWK, args, &[], awk_only_prints, folders, boundary),
        "jq" => with_text(&JQ, args, &[], jq_only_prints, folders, boundary),
        "tree" => takes_paths(&TREE, args, folders, boundary),
        "file" => takes_paths(&FILE, args, folders, boundary),
        // They take the names of the files from a file.
        "wc" | "du" if has_option(args, None, "--f") => false,
        "md5sum" | "sha1sum" | "sha256sum" if has_option(args, Some('c'), "--c") => false,
        "ls" | "du" if has_option(args, Some('L'), "--de") => false,
        "grep" | "egrep" | "fgrep" => grep(args, folders, boundary),
        // Links in folders are followed.
        "diff" => {
            let paths: Vec<_> = args.iter().filter(|it| !is_option(it)).cloned().collect();
            fine(args) && links_below_stay(&paths, folders, boundary)
        }
        _ if !HARMLESS.contains(&name) => false,
        _ if PATHLESS.contains(&name) => true,
        _ => fine(args),
    }
}

/// Whether a command line uses no variable that may come from the environment and hold a key: whichever way it goes, what
/// is printed goes to the model. Small letters are of variables that the command line sets.
pub fn tells_no_secret(script: &Script) -> bool {
    let public = |it: &String| {
        let own = !it.contains(|it: char| it.is_ascii_uppercase()) && std::env::var_os(it).is_none();
        own || PUBLIC_VARIABLES.contains(&it.as_str())
    };
    script.variables.iter().all(public)
}

fn is_option(word: &Word) -> bool {
    word.value.as_deref().is_none_or(|it| it.starts_with('-') && it != "-")
}

/// Whether there may be an option of this letter, or a long one that begins like this.
fn has_option(args: &[Word], letter: Option<char>, long: &str) -> bool {
    args.iter().filter(|it| is_option(it)).any(|it| match it.value.as_deref() {
        Some(value) if value.starts_with("--") => value.starts_with(long),
        Some(value) => letter.is_some_and(|it| value.contains(it)),
        None => true,
    })
}

/// Every word is known, and whatever may be a path may be read.
fn paths_are_fine(args: &[Word], folders: &Folders, boundary: &Boundary) -> bool {
    args.iter().all(|word| match &word.value {
        None => false,
        // A path may be any part of an option, and a link.
        Some(value) if is_option(word) => {
            let mut ends = value.char_indices().skip(1).map(|(at, _)| &value[at..]);
            !word.wild
                && !value.contains(['/', '~'])
                && !value.contains("..")
                && ends.all(|it| may_read(&Word::plain(it), folders, boundary))
        }
        Some(_) => may_read(word, folders, boundary),
    })
}

/// `grep`: its pattern is no path.
fn grep(args: &[Word], folders: &Folders, boundary: &Boundary) -> bool {
    let Some(taken) = GREP.take(args) else {
        return !has_option(args, Some('R'), "--de") && paths_are_fine(args, folders, boundary);
    };
    let pattern =
        usize::from(!taken.has(&["e", "regexp"]) && taken.operands.first().is_some_and(|it| !it.wild));
    let paths: Vec<_> = taken.operands.into_iter().skip(pattern).cloned().collect();
    paths.iter().all(|it| may_read(it, folders, boundary))
        && (!has_option(args, Some('R'), "--de") || links_below_stay(&paths, folders, boundary))
}

/// No link in the folders among these leads out.
fn links_below_stay(paths: &[Word], folders: &Folders, boundary: &Boundary) -> bool {
    let here = [Word::plain(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    let roots: Option<Vec<_>> = paths.iter().map(|it| folders.of_word(it)).collect();
    roots.is_some_and(|it| links_stay(it.concat(), boundary))
}

/// All options are known, and what is no option may be read.
fn takes_paths(form: &Form, args: &[Word], folders: &Folders, boundary: &Boundary) -> bool {
    let readable = |it: &Word| may_read(it, folders, boundary);
    form.take(args).is_some_and(|it| it.values.iter().chain(it.operands).all(readable))
}

/// The same for a program whose first operand is a text, unless one of the options `instead` has it. No value of its
/// options is a path.
fn with_text(
    form: &Form,
    args: &[Word],
    instead: &[&str],
    harmless: impl Fn(&str) -> bool,
    folders: &Folders,
    boundary: &Boundary,
) -> bool {
    let readable = |it: &&Word| may_read(it, folders, boundary);
    let Some(taken) = form.take(args) else { return false };
    let fixed = |it: &Word| it.fixed().is_some_and(&harmless);
    match (taken.has(instead), taken.operands.as_slice()) {
        (true, paths) => taken.values.iter().all(fixed) && paths.iter().all(readable),
        (false, []) => false,
        (false, [text, paths @ ..]) => fixed(text) && paths.iter().all(readable),
    }
}

/// A script of `sed` that prints, deletes, ends and replaces. A slash behind a backslash could be read as the end of a
/// text where it is none.
fn sed_only_prints(script: &str) -> bool {
    static PART: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let address = r"(?:\d+|\$|/[^/;\n]*/I?|\+\d+|~\d+)";
        let command = r"(?:[pdq=]|s/[^/;\n]*/[^/;\n]*/[gpIi0-9]*)";
        Regex::new(&format!("^(?:{address}(?:,{address})?)?!?{command}?$")).ok()
    });
    let Some(part) = &*PART else { return false };
    !script.contains("\\/") && script.split(';').all(|it| part.is_match(it.trim_matches(' ')))
}

/// A program of `awk` without what opens files, runs programs or knows the environment.
fn awk_only_prints(program: &str) -> bool {
    const MORE: [&str; 9] =
        ["system", "getline", "ENVIRON", "ARG", "PROCINFO", "SYMTAB", "FUNCTAB", "@", "extension"];
    let plain = program.replace(">=", "").replace("||", "");
    !plain.contains(['|', '>']) && !MORE.iter().any(|it| program.contains(it))
}

/// A filter of `jq` without the environment and other files.
fn jq_only_prints(filter: &str) -> bool {
    let filter = filter.to_lowercase();
    !["env", "import", "include", "modulemeta"].iter().any(|it| filter.contains(it))
}

/// A format of `printf` that sets no variable.
fn is_plain_format(word: &Word) -> bool {
    let sets = |it: &str| {
        it.split('%').skip(1).any(|it| it.trim_start_matches(|it: char| !it.is_alphabetic()).starts_with('n'))
    };
    word.fixed().is_some_and(|it| !it.starts_with('-') && !sets(it))
}

fn inside(word: &Word, folders: &Folders, boundary: &Boundary) -> bool {
    word.fixed().is_some_and(|it| !it.starts_with('-')) && may_read(word, folders, boundary)
}

fn sort_option(word: &Word) -> bool {
    let Some(value) = word.value.as_deref() else { return false };
    let Some(letters) = value.strip_prefix('-') else { return true };
    letters.starts_with(['k', 't']) || letters.chars().all(|it| "bdfghiMnRrVsuz".contains(it))
}
