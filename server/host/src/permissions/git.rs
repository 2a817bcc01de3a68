//! Which calls of `git` only read.
//!
//! A subcommand counts with the options known here. What a repository makes git run is looked at beside that
//! ([`Boundary::git_only_reads`]), and what is left of it is switched off where the command is started
//! ([`crate::repository::reading`]).

use super::{
    boundary::Boundary,
    options::{Form, Taken},
    places::{Folders, may_read},
    shell::Word,
};

const NONE: Form = Form { letters: "", with_value: "", long: &[], long_with_value: &[] };
/// Of history and differences. Not here: what writes (`--output`), runs (`--ext-diff`, `--show-signature`) or reads
/// another file (`-O`).
const HISTORY: Form = Form {
    letters: "0123456789%pswbaizuRBMCDcmgrtEFPWq",
    with_value: "UnSGLl",
    #[rustfmt::skip]
    long: &[
        "oneline", "graph", "all", "decorate", "no-decorate", "stat", "shortstat", "numstat", "name-only", "name-status",
        "summary", "patch", "no-patch", "cached", "staged", "merges", "no-merges", "first-parent", "reverse", "tags",
        "branches", "remotes", "abbrev-commit", "no-abbrev-commit", "abbrev", "follow", "no-renames", "word-diff", "color",
        "no-color", "quiet", "check", "raw", "full-index", "binary", "text", "histogram", "patience", "minimal",
        "ignore-all-space", "ignore-space-change", "ignore-space-at-eol", "ignore-blank-lines", "exit-code", "topo-order",
        "date-order", "left-right", "cherry-pick", "cherry-mark", "cherry", "ancestry-path", "simplify-by-decoration",
        "boundary", "not", "no-ext-diff", "no-textconv", "no-prefix", "function-context", "walk-reflogs", "full-history",
        "patch-with-stat", "pickaxe-all", "pickaxe-regex", "invert-grep", "all-match", "regexp-ignore-case",
        "extended-regexp", "fixed-strings", "perl-regexp", "no-notes", "parents", "children", "count", "no-walk", "root",
        "merge-base", "source", "compact-summary", "cc", "find-copies", "find-copies-harder", "find-renames", "dirstat",
        "relative", "relative-date", "color-words", "pretty", "ignore-submodules", "numbered", "email",
        "include-untracked", "only-untracked",
    ],
    #[rustfmt::skip]
    long_with_value: &[
        "format", "pretty", "since", "until", "after", "before", "author", "committer", "grep", "max-count", "skip", "date",
        "diff-filter", "unified", "stat", "color", "word-diff", "decorate", "abbrev", "find-renames", "diff-algorithm",
        "color-moved", "word-diff-regex", "glob", "exclude", "branches", "tags", "remotes", "inter-hunk-context",
        "min-parents", "max-parents", "decorate-refs", "decorate-refs-exclude", "dirstat", "ignore-submodules",
        "color-words",
    ],
};
const SHORTLOG: Form = Form {
    letters: "sne",
    long: &["summary", "numbered", "email", "all", "no-merges"],
    long_with_value: &["since", "until", "group"],
    ..NONE
};
const STATUS: Form = Form {
    letters: "sbvz",
    with_value: "u",
    #[rustfmt::skip]
    long: &[
        "short", "branch", "porcelain", "long", "verbose", "show-stash", "ignored", "untracked-files", "ahead-behind",
        "no-ahead-behind", "renames", "no-renames",
    ],
    long_with_value: &["porcelain", "untracked-files", "ignored", "ignore-submodules"],
};
const BLAME: Form = Form {
    letters: "wCMsefnpblt",
    with_value: "L",
    long: &["porcelain", "line-porcelain", "show-email", "show-name", "show-number", "root"],
    long_with_value: &["date", "abbrev"],
};
const LS_FILES: Form = Form {
    letters: "cdmosuktzvi",
    with_value: "x",
    #[rustfmt::skip]
    long: &[
        "cached", "deleted", "modified", "others", "ignored", "stage", "exclude-standard", "full-name", "error-unmatch",
        "directory", "no-empty-directory", "eol", "deduplicate",
    ],
    long_with_value: &["exclude"],
};
/// Not `-O`, which opens what is found, and not `-f`.
const GREP: Form = Form {
    letters: "nilcwEFGPvHhLoWpqaIrz",
    with_value: "ABCem",
    #[rustfmt::skip]
    long: &[
        "cached", "untracked", "line-number", "ignore-case", "files-with-matches", "name-only", "count", "word-regexp",
        "extended-regexp", "fixed-strings", "perl-regexp", "heading", "break", "show-function", "function-context",
        "all-match", "and", "or", "not", "invert-match", "text", "no-color", "only-matching", "column", "full-name", "quiet",
    ],
    long_with_value: &["max-depth", "color", "max-count", "context", "after-context", "before-context"],
};
const REV_PARSE: Form = Form {
    letters: "q",
    #[rustfmt::skip]
    long: &[
        "show-toplevel", "abbrev-ref", "short", "verify", "symbolic", "symbolic-full-name", "git-dir", "git-common-dir",
        "absolute-git-dir", "is-inside-work-tree", "is-bare-repository", "is-shallow-repository", "show-prefix", "show-cdup",
        "all", "branches", "tags", "remotes", "quiet",
    ],
    long_with_value: &["short", "abbrev-ref", "git-path"],
    ..NONE
};
const DESCRIBE: Form = Form {
    long: &["tags", "all", "always", "dirty", "contains", "first-parent", "exact-match", "long"],
    long_with_value: &["abbrev", "match", "exclude", "dirty", "candidates"],
    ..NONE
};
/// Of lists of branches and tags.
const LIST: Form = Form {
    letters: "arvl0123456789ni",
    #[rustfmt::skip]
    long: &[
        "all", "remotes", "list", "verbose", "show-current", "color", "no-color", "column", "no-column", "ignore-case",
        "merged", "no-merged",
    ],
    #[rustfmt::skip]
    long_with_value: &[
        "sort", "format", "contains", "no-contains", "merged", "no-merged", "points-at", "color", "abbrev", "count",
    ],
    ..NONE
};
/// With one of these, what else is named is looked for and not made.
const LISTS: [&str; 7] = ["l", "list", "contains", "no-contains", "merged", "no-merged", "points-at"];
const OBJECTS: Form = Form {
    letters: "ptserdlzavHq",
    #[rustfmt::skip]
    long: &[
        "name-only", "name-status", "full-name", "full-tree", "long", "all", "octopus", "independent", "is-ancestor",
        "fork-point", "heads", "tags", "verify", "head", "hash", "dereference", "verbose", "porcelain", "quiet",
    ],
    long_with_value: &["abbrev"],
    ..NONE
};
/// Settings that may be asked for by name.
const PUBLIC_SETTINGS: [&str; 4] = ["user.name", "user.email", "init.defaultbranch", "core.autocrlf"];

/// Whether a call with these arguments only reads.
pub fn only_reads(args: &[Word], folders: &Folders, boundary: &Boundary) -> bool {
    let mut folders = folders.clone();
    let mut args = args;
    loop {
        match args {
            [first, rest @ ..]
                if matches!(first.fixed(), Some("--no-pager" | "-P" | "--no-optional-locks")) =>
            {
                args = rest;
            }
            [first, folder, rest @ ..] if first.fixed() == Some("-C") => {
                let Some(inside) = folder.fixed().filter(|_| may_read(folder, &folders, boundary)) else {
                    return false;
                };
                folders = folders.within(inside);
                args = rest;
            }
            [first, setting, rest @ ..] if first.fixed() == Some("-c") => {
                let Some(("color.ui" | "core.quotepath" | "core.quotePath", _)) =
                    setting.fixed().and_then(|it| it.split_once('='))
                else {
                    return false;
                };
                args = rest;
            }
            _ => break,
        }
    }
    let [subcommand, rest @ ..] = args else { return false };
    let Some(subcommand) = subcommand.fixed() else { return false };
    if matches!(subcommand, "--version" | "version") {
        return rest.is_empty();
    }
    let own = folders.all().is_some_and(|it| it.iter().all(|it| boundary.git_only_reads(it)));
    let readable = |word: &Word| may_read(word, &folders, boundary);
    own && taken(subcommand, rest).is_some_and(|it| {
        // A signature is checked by a program.
        let checks =
            |it: &Word| it.value.as_deref().is_none_or(|it| it.contains("%G") || it.contains("signature"));
        !it.values.iter().any(checks) && it.values.iter().chain(it.operands).all(readable)
    })
}

/// The arguments of a subcommand that only reads with them.
fn taken<'a>(subcommand: &str, args: &'a [Word]) -> Option<Taken<'a>> {
    let first = args.first().and_then(Word::fixed);
    let rest = args.get(1..).unwrap_or_default();
    match subcommand {
        "log" | "diff" | "show" | "rev-list" | "whatchanged" => HISTORY.take(args),
        "shortlog" => SHORTLOG.take(args),
        "status" => STATUS.take(args),
        "blame" => BLAME.take(args),
        "ls-files" => LS_FILES.take(args),
        "grep" => GREP.take(args),
        "rev-parse" => REV_PARSE.take(args),
        "describe" => DESCRIBE.take(args),
        "branch" | "tag" => LIST.take(args).filter(|it| it.operands.is_empty() || it.has(&LISTS)),
        "for-each-ref" => LIST.take(args),
        "merge-base" | "cat-file" | "ls-tree" | "show-ref" | "count-objects" => OBJECTS.take(args),
        "remote" => match first {
            Some("get-url") => NONE.take(rest),
            _ => LIST.take(args).filter(|it| it.operands.is_empty()),
        },
        "stash" if matches!(first, Some("list" | "show")) => HISTORY.take(rest),
        "worktree" if first == Some("list") => OBJECTS.take(rest),
        "reflog" if first == Some("show") => HISTORY.take(rest),
        "reflog" => HISTORY.take(args).filter(|it| it.operands.is_empty()),
        "config" => {
            let names = if first == Some("--get") { rest } else { args };
            let public = |it: &str| PUBLIC_SETTINGS.contains(&it.to_ascii_lowercase().as_str());
            matches!(names, [name] if name.fixed().is_some_and(public)).then(|| NONE.take(names)).flatten()
        }
        _ => None,
    }
}
