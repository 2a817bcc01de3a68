//! Words of a command, as far as it is known what they stand for.

use std::collections::HashSet;

/// One word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As it was written.
    pub source: String,
    /// What the shell makes of it, if that can be known. Wildcards stay.
    pub value: Option<String>,
    /// Wildcards or braces in it stand for other words.
    pub wild: bool,
}

impl Word {
    /// A word that is what it says.
    pub fn plain(text: &str) -> Self {
        Self { source: text.to_owned(), value: Some(text.to_owned()), wild: false }
    }

    /// A word nobody knows before it runs.
    pub fn unknown(source: &str) -> Self {
        Self { source: source.to_owned(), value: None, wild: false }
    }

    /// Its value, if it stands for itself.
    pub fn fixed(&self) -> Option<&str> {
        self.value.as_deref().filter(|_| !self.wild)
    }

    /// In a form that says the same for all spellings of the same word.
    pub(super) fn normal(&self) -> String {
        match self.fixed() {
            Some(value) if is_plain(value) => value.to_owned(),
            Some(value) => format!("'{}'", value.replace('\'', r"'\''")),
            None => self.source.clone(),
        }
    }
}

/// Whether a text is the same with and without quotes.
pub fn is_plain(value: &str) -> bool {
    let plain = |it: char| it.is_alphanumeric() || "-_./:=@%+,^~".contains(it);
    !value.is_empty() && value.chars().all(plain)
}

/// Whether no program and no shell looks at a variable of this name, as long as it is not exported.
pub fn is_own_variable(name: &str) -> bool {
    /// Some shells look for programs there.
    const ZSH: [&str; 5] = ["path", "fpath", "cdpath", "module_path", "argv"];
    let small = name.starts_with(|it: char| it.is_ascii_lowercase() || it == '_');
    small && !name.ends_with("_proxy") && !name.starts_with("npm_") && !ZSH.contains(&name)
}

/// The variables that loops set, and what they stand for in them.
#[derive(Debug, Default)]
pub struct Loops {
    active: Vec<(String, Option<Word>)>,
    looped: HashSet<String>,
    set: HashSet<String>,
}

impl Loops {
    /// A loop over these words begins. False if its variable is set in another way as well.
    pub fn begin(&mut self, name: &str, words: &[Word]) -> bool {
        let again = self.active.iter().any(|it| it.0 == name);
        self.looped.insert(name.to_owned());
        self.active.push((name.to_owned(), one_of(words)));
        !again && !self.set.contains(name)
    }

    /// The last loop ends.
    pub fn end(&mut self) {
        self.active.pop();
    }

    /// A variable is set. False if a loop sets it as well.
    pub fn set(&mut self, name: &str) -> bool {
        self.set.insert(name.to_owned());
        !self.looped.contains(name)
    }

    /// Whether a builtin with these arguments may set the variable of a loop around it.
    pub fn may_be_set(&self, args: &[Word]) -> bool {
        let names = |it: &Word| {
            let value = it.fixed().unwrap_or_default();
            let name = value.split(['=', '+', '[']).next().unwrap_or_default();
            it.fixed().is_none() || self.active.iter().any(|it| it.0 == name)
        };
        !self.active.is_empty() && args.iter().any(names)
    }

    /// What a variable stands for.
    pub fn value(&self, name: &str) -> Option<&Word> {
        self.active.iter().rev().find(|it| it.0 == name)?.1.as_ref()
    }
}

/// A word that stands for any of these; none if that cannot be said.
fn one_of(words: &[Word]) -> Option<Word> {
    let values: Vec<&str> = words.iter().map(for_loop).collect::<Option<_>>()?;
    let value = match values.as_slice() {
        [] => return None,
        [one] => (*one).to_owned(),
        several => format!("{{{}}}", several.join(",")),
    };
    let wild = values.len() > 1 || words[0].wild;
    Some(Word { source: String::new(), value: Some(value), wild })
}

/// A word of a loop that is the same with and without quotes, but for its wildcards.
fn for_loop(word: &Word) -> Option<&str> {
    let value = word.value.as_deref()?;
    let plain = is_plain(&value.replace(['*', '?', '[', ']', '!'], "x"));
    (plain && value == word.source && !value.starts_with('-') && !value.contains(',')).then_some(value)
}

/// Whether a comment may begin inside a substitution of this word. This parser and shells do not agree on where that
/// is, and so not on where the substitution ends.
pub fn may_comment_inside(text: &str) -> bool {
    let Some(at) = text.find("$(") else { return false };
    let inside = &text.as_bytes()[at..];
    let begins = |it: &[u8]| it[1] == b'#' && (it[0].is_ascii_whitespace() || b";&|()<>".contains(&it[0]));
    inside.windows(2).any(begins)
}

/// Whether braces in a word stand for several words: there is a comma or `..` between them. `{}` and `@{u}` are what
/// they say.
pub fn is_brace_expansion(source: &str) -> bool {
    let inner =
        source.find('{').and_then(|at| source[at + 1..].rfind('}').map(|end| &source[at + 1..at + 1 + end]));
    inner.is_some_and(|it| it.contains(',') || it.contains(".."))
}

/// A word as far as it is known.
#[derive(Debug)]
pub struct Known {
    /// What it is, wildcards as they stand.
    pub value: Option<String>,
    /// There are wildcards in it that are not quoted.
    pub wild: bool,
    /// There is such a brace.
    pub brace: bool,
    /// The variable of a loop in it stands for several texts.
    pub several: bool,
    /// One of those is split at blanks.
    pub split: bool,
}

impl Default for Known {
    fn default() -> Self {
        Self { value: Some(String::new()), wild: false, brace: false, several: false, split: false }
    }
}

impl Known {
    /// Goes on with this text.
    pub fn push(&mut self, text: &str) {
        if let Some(value) = &mut self.value {
            value.push_str(text);
        }
    }

    /// Goes on with the home directory.
    pub fn home(&mut self) {
        match crate::paths::home_dir().and_then(|it| it.into_os_string().into_string().ok()) {
            Some(home) => self.push(&home),
            None => self.value = None,
        }
    }
}
