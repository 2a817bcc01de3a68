//! Rules as settings have them: `bash(cargo test *)`, `edit(src/**)`, `read(~/notes/**)`, `fetch`.
//!
//! In a command `*` stands for anything, and a final ` *` also for nothing; `\*` is a star. A path is relative to
//! the workspace, absolute or begins with `~/`; `*` stays in a folder, `**` does not, and a path without wildcards
//! covers what is below it.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// Any command, if it is understood.
    AnyCommand,
    Command(String),
    Write(Option<Vec<GlobMatcher>>),
    Read(Option<Vec<GlobMatcher>>),
    Tool(String),
}

impl Rule {
    /// Reads a rule; `root` is what relative paths start from.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str, root: &Path, home: Option<&Path>) -> Result<Self, String> {
        let text = text.trim();
        let (name, pattern) = match text.split_once('(') {
            Some((name, rest)) => {
                let pattern = rest.strip_suffix(')').ok_or("it has no closing parenthesis")?;
                (name.trim(), Some(pattern.trim()).filter(|it| !it.is_empty()))
            }
            None => (text, None),
        };
        let globs = |pattern: Option<&str>| pattern.map(|it| paths(it, root, home)).transpose();
        let kind = match (name, pattern) {
            ("", _) => return Err("it names no tool".into()),
            ("bash", None | Some("*")) => Kind::AnyCommand,
            ("bash", Some(pattern)) => Kind::Command(pattern.to_owned()),
            ("edit" | "write", pattern) => Kind::Write(globs(pattern)?),
            ("read", pattern) => Kind::Read(globs(pattern)?),
            (name, None) => Kind::Tool(name.to_owned()),
            (_, Some(_)) => return Err("only bash, edit, write and read take a pattern".into()),
        };
        Ok(Self { text: text.to_owned(), kind })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is about a tool whose effects we know.
    pub fn is_of_known_tool(&self) -> bool {
        !matches!(self.kind, Kind::Tool(_))
    }

    /// Whether it is about commands.
    pub fn is_for_commands(&self) -> bool {
        matches!(self.kind, Kind::AnyCommand | Kind::Command(_))
    }

    /// Whether it covers this command.
    pub fn covers_command(&self, text: &str) -> bool {
        match &self.kind {
            Kind::AnyCommand => true,
            Kind::Command(pattern) => matches(pattern, text),
            _ => false,
        }
    }

    /// Whether it covers writing this real path.
    pub fn covers_write(&self, path: &Path) -> bool {
        matches!(&self.kind, Kind::Write(globs) if any(globs.as_deref(), path))
    }

    /// Whether it covers reading this real path.
    pub fn covers_read(&self, path: &Path) -> bool {
        matches!(&self.kind, Kind::Read(globs) if any(globs.as_deref(), path))
    }

    /// Whether it covers a tool of this name that does not say what it does.
    pub fn covers_tool(&self, tool: &str) -> bool {
        matches!(&self.kind, Kind::Tool(name) if name == tool)
    }
}

/// The rule for exactly this command.
pub fn exact_command(text: &str) -> String {
    format!("bash({})", text.replace('*', r"\*"))
}

/// The rule for exactly this path, as [`super::boundary::Boundary::name`] has it.
pub fn exact_path(verb: &str, name: &str) -> String {
    format!("{verb}({})", globset::escape(name))
}

fn any(globs: Option<&[GlobMatcher]>, path: &Path) -> bool {
    globs.is_none_or(|it| it.iter().any(|it| it.is_match(path)))
}

fn paths(pattern: &str, root: &Path, home: Option<&Path>) -> Result<Vec<GlobMatcher>, String> {
    let rooted = |base: &Path, rest: &str| format!("{}/{rest}", globset::escape(&base.to_string_lossy()));
    let whole = match (pattern.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => rooted(home, rest),
        (Some(_), None) => return Err("there is no home directory".into()),
        (None, _) if Path::new(pattern).is_absolute() => pattern.to_owned(),
        (None, _) => rooted(root, pattern.strip_prefix("./").unwrap_or(pattern)),
    };
    let whole = whole.trim_end_matches('/').to_owned();
    [whole.clone(), format!("{whole}/**")]
        .iter()
        .map(|it| {
            let glob = GlobBuilder::new(it).literal_separator(true).build();
            glob.map(|it| it.compile_matcher()).map_err(|it| it.kind().to_string())
        })
        .collect()
}

/// Whether `text` fits `pattern`.
fn matches(pattern: &str, text: &str) -> bool {
    if let Some(start) = pattern.strip_suffix(" *").filter(|it| !it.ends_with('\\')) {
        if matches(start, text) {
            return true;
        }
    }
    // Each piece stands literally between two stars. The first and the last are tied to their ends, the others go
    // as far to the front as they can, which leaves the most for those behind them.
    let pieces = pieces(pattern);
    let [first, middle @ .., last] = pieces.as_slice() else {
        return pieces.first().is_some_and(|it| it == text);
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for piece in middle {
        match rest.find(piece.as_str()) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last.as_str())
}

/// The literal texts between the stars of a pattern.
fn pieces(pattern: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut chars = pattern.chars().peekable();
    while let Some(it) = chars.next() {
        let last = pieces.len() - 1;
        match it {
            '*' => pieces.push(String::new()),
            '\\' if chars.peek() == Some(&'*') => {
                chars.next();
                pieces[last].push('*');
            }
            it => pieces[last].push(it),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        Rule::parse(text, Path::new("/w"), Some(Path::new("/home/u"))).unwrap()
    }

    #[test]
    fn patterns_of_commands() {
        for (pattern, text, expected) in [
            ("bash", "anything", true),
            ("bash(*)", "anything", true),
            ("bash(cargo test *)", "cargo test", true),
            ("bash(cargo test *)", "cargo test retry", true),
            ("bash(cargo test *)", "cargo testify", false),
            ("bash(cargo test*)", "cargo testify", true),
            ("bash(cargo test)", "cargo test retry", false),
            ("bash(git * main)", "git push origin main", true),
            ("bash(git * main)", "git push origin main -f", false),
            ("bash(* --help)", "x --help", true),
            ("bash(a*a)", "a", false),
            (r"bash(ls \*)", "ls *", true),
            (r"bash(ls \*)", "ls x", false),
            (r"bash(ls \*)", "ls", false),
        ] {
            assert_eq!(rule(pattern).covers_command(text), expected, "{pattern} {text}");
        }
        assert!(rule(&exact_command("rm *.o")).covers_command("rm *.o"));
        assert!(!rule(&exact_command("rm *.o")).covers_command("rm x.o"));
    }

    #[test]
    fn patterns_of_paths() {
        for (pattern, path, expected) in [
            ("edit", "/x", true),
            ("edit(src/**)", "/w/src/a/b.rs", true),
            ("edit(src)", "/w/src/a/b.rs", true),
            ("edit(./src/)", "/w/src/a.rs", true),
            ("edit(src/*.rs)", "/w/src/a.rs", true),
            ("edit(src/*.rs)", "/w/src/a/b.rs", false),
            ("write(~/notes/**)", "/home/u/notes/a", true),
            ("edit(/tmp/x)", "/tmp/x", true),
            ("edit(/tmp/x)", "/tmp/xy", false),
            ("read(src/**)", "/w/src/a", false),
        ] {
            assert_eq!(rule(pattern).covers_write(Path::new(path)), expected, "{pattern} {path}");
        }
        assert!(rule("read(~/notes/**)").covers_read(Path::new("/home/u/notes/a")));
        let exact = rule(&exact_path("edit", "a[1]*.rs"));
        assert!(exact.covers_write(Path::new("/w/a[1]*.rs")) && !exact.covers_write(Path::new("/w/a1.rs")));
    }

    #[test]
    fn what_is_no_rule_is_said() {
        for (text, error) in [
            ("", "it names no tool"),
            ("bash(ls", "it has no closing parenthesis"),
            ("grep(x)", "only bash, edit, write and read take a pattern"),
            ("edit([)", "unclosed character class; missing ']'"),
        ] {
            assert_eq!(Rule::parse(text, Path::new("/w"), None).unwrap_err(), error, "{text}");
        }
        assert!(rule("fetch").covers_tool("fetch") && !rule("fetch").covers_tool("bash"));
    }
}
