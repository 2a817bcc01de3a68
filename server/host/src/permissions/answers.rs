//! The rule that the answer "Always" to a question about a command stores: as narrow as its label says.

use super::{
    readonly, rules,
    shell::{Simple, Word},
};

/// Commands that a rule may cover with any further arguments; all others are stored as they are.
const FAMILIES: [&str; 34] = [
    "cargo build",
    "cargo check",
    "cargo clippy",
    "cargo doc",
    "cargo fmt",
    "cargo nextest",
    "cargo test",
    "cargo tree",
    "go build",
    "go fmt",
    "go test",
    "go vet",
    "git add",
    "git commit",
    "git fetch",
    "git stash",
    "npm test",
    "npm run build",
    "npm run lint",
    "npm run test",
    "pnpm test",
    "yarn test",
    "pytest",
    "python -m pytest",
    "ruff",
    "mypy",
    "tsc",
    "eslint",
    "prettier",
    "make test",
    "make check",
    "ctest",
    "dotnet test",
    "mix test",
];
/// Programs that take things away or reach further than the workspace.
const RISKY: [&str; 22] = [
    "rm",
    "rmdir",
    "dd",
    "mkfs",
    "shred",
    "truncate",
    "sudo",
    "doas",
    "su",
    "chmod",
    "chown",
    "kill",
    "pkill",
    "killall",
    "curl",
    "wget",
    "ssh",
    "scp",
    "rsync",
    "nc",
    "systemctl",
    "reboot",
];
/// Programs that run a script: a file, a text behind one of these letters, or what they read. A version may follow the
/// name.
const INTERPRETERS: [(&str, &str); 22] = [
    ("python", "cm"),
    ("pypy", "cm"),
    ("node", "e"),
    ("deno", ""),
    ("bun", "e"),
    ("ruby", "e"),
    ("perl", "eE"),
    ("php", "r"),
    ("lua", "e"),
    ("luajit", "e"),
    ("Rscript", "e"),
    ("julia", "eE"),
    ("tclsh", ""),
    ("ghci", "e"),
    ("osascript", "e"),
    ("bash", "c"),
    ("sh", "c"),
    ("dash", "c"),
    ("zsh", "c"),
    ("ksh", "c"),
    ("fish", "c"),
    ("pwsh", "c"),
];
/// Programs that work on something they are told and do what they read; with the letters of texts and files instead.
const CLIENTS: [(&str, &str); 8] = [
    ("psql", "cf"),
    ("mysql", "e"),
    ("mariadb", "e"),
    ("sqlite", ""),
    ("mongosh", ""),
    ("redis-cli", ""),
    ("bc", ""),
    ("ed", ""),
];

/// Whether a command is a program that takes away or reaches far.
pub fn is_risky(command: &Simple) -> bool {
    command.base_name().is_some_and(|it| RISKY.contains(&it))
}

/// Whether what a command does is in what it reads, or in words that are not known: a rule for it would be one for
/// everything.
fn does_what_it_is_given(command: &Simple) -> bool {
    let Some(name) = command.base_name() else { return true };
    let args = command.args();
    let unknown = args.iter().any(|it| it.value.is_none() || (it.wild && it.source.contains('$')));
    let version = |it: &str| it.bytes().all(|it| it.is_ascii_digit() || it == b'.');
    let find = |list: &[(&str, &'static str)]| {
        list.iter().find(|(it, _)| name.strip_prefix(it).is_some_and(version)).map(|it| it.1)
    };
    let has_script = |letters: &str, may_be_first: bool| {
        let is_word = |it: Option<&Word>| it.and_then(Word::fixed).is_some_and(|it| !it.starts_with('-'));
        let is_input = |it: &Word| matches!(it.fixed(), Some("-" | "/dev/stdin"));
        let introduces = |it: &Word| {
            it.fixed().is_some_and(|it| {
                it.starts_with('-') && !it.starts_with("--") && it.ends_with(|it| letters.contains(it))
            })
        };
        let behind = args.iter().position(introduces).is_some_and(|at| is_word(args.get(at + 1)));
        !args.iter().any(is_input) && (behind || (may_be_first && is_word(args.first())))
    };
    match (find(&INTERPRETERS), find(&CLIENTS)) {
        (Some(letters), _) => unknown || !has_script(letters, true),
        (None, Some(letters)) => unknown || !has_script(letters, false),
        (None, None) => unknown && is_risky(command),
    }
}

/// What a rule that allows is compared with: harmless variables are left out.
pub fn allowed_text(command: &Simple) -> String {
    let mut command = command.clone();
    command.env.retain(|(name, value)| !readonly::is_harmless_variable(name, value));
    command.text()
}

/// The rule that a user's answer stores for a command; nothing if none would be narrow.
pub fn rule_for(command: &Simple, text: &str) -> Option<String> {
    if does_what_it_is_given(command) {
        return None;
    }
    let allowed = allowed_text(command);
    let family = FAMILIES
        .iter()
        .find(|it| allowed.strip_prefix(**it).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')));
    match family {
        // Variables belong to what was asked.
        Some(family)
            if allowed == *text
                || command.env.iter().all(|(name, value)| readonly::is_harmless_variable(name, value)) =>
        {
            Some(format!("bash({family} *)"))
        }
        _ => Some(rules::exact_command(&allowed)),
    }
}
