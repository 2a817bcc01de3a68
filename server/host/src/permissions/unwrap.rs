//! Commands that run other commands: `sudo`, `env`, `xargs`, `bash -c`, `find -exec` and the like.
//!
//! Only forms whose options are known here are looked through. A form that is not stays one command as a whole, so
//! that a rule for what it runs never covers it. Interpreters that read their script from elsewhere are ordinary
//! commands: what they run nobody can see.

use super::shell::{Opaque, Simple, Word};

/// What a command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inner {
    /// A command.
    Command(Simple),
    /// Shell text.
    Script(String),
}

/// A command and what it runs.
#[derive(Debug, PartialEq, Eq)]
pub struct Unwrapped {
    /// The command itself needs to be allowed as well.
    pub whole: bool,
    /// What it runs.
    pub inner: Vec<Inner>,
}

impl Unwrapped {
    fn nothing() -> Self {
        Self { whole: true, inner: Vec::new() }
    }

    /// Transparent: what it runs is all it does.
    fn only(inner: Inner) -> Self {
        Self { whole: false, inner: vec![inner] }
    }
}

/// What `command` runs.
///
/// # Errors
/// It runs text that is not known before.
pub fn unwrap(command: &Simple) -> Result<Unwrapped, Opaque> {
    let Some(name) = command.base_name() else { return Ok(Unwrapped::nothing()) };
    // By another path it may be another program: the command itself then counts, too.
    let known = command.name() == Some(name);
    let args = command.args();
    let through = |at: Option<usize>| {
        let rest = at.and_then(|at| args.get(at..)).filter(|it| !it.is_empty());
        rest.map(|rest| Simple { env: command.env.clone(), words: rest.to_vec() })
    };
    let mut unwrapped = match name {
        "nohup" | "command" | "builtin" | "exec" | "setsid" | "busybox" => {
            transparent(through(plain_start(args, &[])))
        }
        "nice" => transparent(through(plain_start(args, &["-n"]))),
        "timeout" => {
            let duration = plain_start(args, &["-k", "-s"]);
            transparent(through(duration.map(|at| at + 1)))
        }
        "stdbuf" => transparent(through(options_end(args, |it| {
            ["-i", "-o", "-e"].iter().any(|option| it.starts_with(option) && it.len() > 2)
        }))),
        "time" => transparent(through(plain_start(args, &[]))),
        "env" => env(command),
        "sudo" | "doas" => beside(through(plain_start(args, &["-u", "-g"]))),
        "xargs" => xargs(args).map_or_else(Unwrapped::nothing, |simple| {
            Unwrapped::only(Inner::Command(Simple { env: command.env.clone(), ..simple }))
        }),
        "find" => Unwrapped { whole: true, inner: find(args)? },
        "bash" | "sh" | "dash" | "zsh" | "ksh" => return shell(command),
        "eval" => Unwrapped::only(Inner::Script(joined(args)?)),
        "trap" => Unwrapped { whole: true, inner: trap(args)? },
        "su" | "watch" | "script" | "ssh" | "parallel" => Unwrapped::nothing(),
        _ => Unwrapped::nothing(),
    };
    unwrapped.whole |= !known;
    Ok(unwrapped)
}

fn transparent(inner: Option<Simple>) -> Unwrapped {
    inner.map_or_else(Unwrapped::nothing, |it| Unwrapped::only(Inner::Command(it)))
}

fn beside(inner: Option<Simple>) -> Unwrapped {
    Unwrapped { whole: true, inner: inner.map(Inner::Command).into_iter().collect() }
}

/// Where the first argument behind the options is; `with_value` are options that take the next word. `None` if
/// there are others.
fn plain_start(args: &[Word], with_value: &[&str]) -> Option<usize> {
    let mut at = 0;
    loop {
        let word = args.get(at)?.fixed()?;
        if word == "--" {
            return Some(at + 1);
        }
        if !word.starts_with('-') {
            return Some(at);
        }
        if !with_value.contains(&word) {
            return None;
        }
        args.get(at + 1)?.fixed()?;
        at += 2;
    }
}

/// Where the first argument behind options of one word is; `None` if there are others than `known`.
fn options_end(args: &[Word], known: impl Fn(&str) -> bool) -> Option<usize> {
    for (at, word) in args.iter().enumerate() {
        let word = word.fixed()?;
        if !word.starts_with('-') {
            return Some(at);
        }
        if !known(word) {
            return None;
        }
    }
    None
}

/// `env A=1 command`: the variables belong to the command.
fn env(command: &Simple) -> Unwrapped {
    let mut inner = Simple { env: command.env.clone(), words: Vec::new() };
    let mut args = command.args().iter();
    for word in args.by_ref() {
        let Some(text) = word.fixed() else { return Unwrapped::nothing() };
        match text.split_once('=') {
            _ if text.starts_with('-') => return Unwrapped::nothing(),
            Some((name, value)) => inner.env.push((name.to_owned(), Word::plain(value))),
            None => {
                inner.words.push(word.clone());
                break;
            }
        }
    }
    inner.words.extend(args.cloned());
    match inner.words.is_empty() {
        true => Unwrapped::nothing(),
        false => Unwrapped::only(Inner::Command(inner)),
    }
}

/// The command of `xargs`, with a last argument nobody knows.
fn xargs(args: &[Word]) -> Option<Simple> {
    let mut at = 0;
    // A text that what is read takes the place of.
    let mut replaced = None;
    while let Some(word) = args.get(at) {
        let word = word.fixed()?;
        if !word.starts_with('-') {
            break;
        }
        if let Some(text) = word.strip_prefix("-I") {
            replaced = if text.is_empty() { args.get(at + 1)?.fixed() } else { Some(text) };
        }
        at += match word {
            "-0" | "-r" | "-t" | "--null" | "--no-run-if-empty" => 1,
            "-n" | "-P" | "-L" | "-I" | "-d" => 2,
            _ if word.starts_with("-I") || word.starts_with("-n") || word.starts_with("-P") => 1,
            _ => return None,
        };
    }
    let mut words = args.get(at..).unwrap_or_default().to_vec();
    if words.is_empty() {
        words.push(Word::plain("echo"));
    }
    for word in &mut words {
        let has = |text: &str| replaced.is_some_and(|it| text.contains(it));
        if has(&word.source) || word.value.as_deref().is_some_and(has) {
            *word = Word::unknown(&word.source);
        }
    }
    words.push(Word::unknown("…"));
    Some(Simple { env: Vec::new(), words })
}

/// The commands of `-exec` and its kin.
fn find(args: &[Word]) -> Result<Vec<Inner>, Opaque> {
    let mut found = Vec::new();
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        let Some(text) = word.value.as_deref() else { continue };
        if !matches!(text, "-exec" | "-execdir" | "-ok" | "-okdir") {
            continue;
        }
        let mut words = Vec::new();
        loop {
            let word = rest.next().ok_or_else(|| "its -exec has no end".to_owned())?;
            match word.value.as_deref() {
                Some(";") => break,
                Some("+") if words.last().is_some_and(is_place) => break,
                _ => words.push(if is_place(word) { Word::unknown("{}") } else { word.clone() }),
            }
        }
        found.push(Inner::Command(Simple { env: Vec::new(), words }));
    }
    Ok(found)
}

fn is_place(word: &Word) -> bool {
    word.value.as_deref().unwrap_or(&word.source).contains("{}")
}

/// `bash -c 'text'`; `bash script` is an ordinary command.
fn shell(command: &Simple) -> Result<Unwrapped, Opaque> {
    let args = command.args();
    let is_flags = |it: &str| it.starts_with('-') && !it.starts_with("--") && it.len() > 1;
    let takes_text = |word: &Word| match word.value.as_deref() {
        Some(text) => is_flags(text) && text.contains('c'),
        None => true,
    };
    let Some(at) = args.iter().position(takes_text) else { return Ok(Unwrapped::nothing()) };
    let harmless = |it: &Word| {
        it.fixed().is_some_and(|it| is_flags(it) && it[1..].chars().all(|it| "celux".contains(it)))
    };
    let unknown = || "which text its shell runs is not known beforehand".to_owned();
    if at > 0 || !harmless(&args[0]) {
        return Err(unknown());
    }
    let text = args.get(1).and_then(Word::fixed).ok_or_else(unknown)?;
    // A shell that reads its start files or has a variable such as BASH_ENV runs more than its text.
    let whole = !command.env.is_empty() || args[0].fixed().is_some_and(|it| it.contains('l'));
    let known = command.name() == command.base_name();
    Ok(Unwrapped { whole: whole || !known, inner: vec![Inner::Script(text.to_owned())] })
}

fn joined(args: &[Word]) -> Result<String, Opaque> {
    let words: Option<Vec<&str>> = args.iter().map(Word::fixed).collect();
    words.map(|it| it.join(" ")).ok_or_else(|| "which text it evaluates is not known beforehand".into())
}

fn trap(args: &[Word]) -> Result<Vec<Inner>, Opaque> {
    match args.first().map(Word::fixed) {
        None => Ok(Vec::new()),
        Some(Some(text)) if text.starts_with('-') => Ok(Vec::new()),
        Some(Some(text)) => Ok(vec![Inner::Script(text.to_owned())]),
        Some(None) => Err("which text its trap runs is not known beforehand".into()),
    }
}
