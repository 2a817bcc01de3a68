//! Which files of the workspace a command line would write, make, delete or move, as far as its text says so.
//!
//! For the record of what Pi changed, not for permission: what is missed here is only not recorded, so what is not
//! understood is passed over. Nothing but the folders that the command itself names is looked into.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use globset::GlobBuilder;

use super::{
    boundary::{Boundary, Place, real},
    patches,
    places::{Folders, braces},
    readonly,
    shell::{self, Script, Simple, Word},
};
use crate::tools::search::walker;

/// Files one command line is taken to change; a folder with more is left out as a whole.
const MAX_FILES: usize = 1000;
/// Entries of one folder that are compared with a wildcard.
const MAX_ENTRIES: usize = 10_000;
/// Arguments that are looked at.
const MAX_WORDS: usize = 64;
/// Programs that write the files they are given.
const IN_PLACE: [&str; 12] = [
    "tee", "touch", "truncate", "shred", "rustfmt", "black", "isort", "dos2unix", "unix2dos", "unlink", "rm",
    "sponge",
];
/// Programs that write the files they are given with one of these options.
const IN_PLACE_WITH: [(&str, &[&str]); 8] = [
    ("gofmt", &["-w"]),
    ("goimports", &["-w"]),
    ("clang-format", &["-i"]),
    ("prettier", &["--write", "-w"]),
    ("eslint", &["--fix"]),
    ("ruff", &["format", "--fix"]),
    ("yapf", &["-i", "--in-place"]),
    ("shfmt", &["-w"]),
];

/// A file that a command may change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The file; a real path.
    pub path: PathBuf,
    /// Where it would come from, if the command moves it.
    pub from: Option<PathBuf>,
    /// The command is known to write it; otherwise it only names it.
    pub sure: bool,
}

/// The files a command line may change.
pub fn candidates(text: &str, boundary: &Boundary) -> Vec<Candidate> {
    let script = shell::read_as_far(text);
    let mut found = Found {
        boundary,
        script: &script,
        folders: Folders::of(&script, boundary.root()),
        files: BTreeMap::new(),
    };
    for command in &script.commands {
        if !readonly::only_reads(command, &found.folders, boundary) {
            found.command(command);
        }
    }
    for redirect in script.redirects.iter().filter(|it| it.writes) {
        found.words([&redirect.file], true);
    }
    found.files.into_values().collect()
}

struct Found<'a> {
    boundary: &'a Boundary,
    script: &'a Script,
    folders: Folders,
    files: BTreeMap<PathBuf, Candidate>,
}

impl Found<'_> {
    fn add(&mut self, path: PathBuf, from: Option<PathBuf>, sure: bool) {
        if self.files.len() >= MAX_FILES && !self.files.contains_key(&path) {
            return;
        }
        let place = self.boundary.place(&path);
        if !matches!(place, Place::Inside | Place::Protected)
            || path == self.boundary.root()
            || path.iter().any(|it| it == ".git")
            || self.boundary.is_chat(&path)
        {
            return;
        }
        let it = self.files.entry(path.clone()).or_insert(Candidate { path, from: None, sure });
        it.from = it.from.take().or(from);
        it.sure |= sure;
    }

    fn command(&mut self, command: &Simple) {
        let Some(name) = command.base_name() else { return };
        let args = command.args();
        let has = |options: &[&str]| args.iter().any(|it| it.fixed().is_some_and(|it| options.contains(&it)));
        let in_place = |it: &&(&str, &[&str])| it.0 == name && has(it.1);
        match name {
            "mv" => self.transfer(args, true),
            "cp" | "install" => self.transfer(args, false),
            "git" => self.git(args),
            "patch" => self.patch(args),
            "sed" | "perl" | "ruby" if args.iter().any(is_in_place) => self.existing(args, true),
            "dd" => {
                let files = args.iter().filter_map(|it| it.fixed()?.strip_prefix("of=").map(Word::plain));
                let files: Vec<_> = files.collect();
                self.words(&files, true);
            }
            _ if IN_PLACE.contains(&name) => self.words(operands(args), true),
            _ if IN_PLACE_WITH.iter().any(|it| in_place(&it)) => self.existing(args, true),
            _ => self.existing(args, false),
        }
    }

    /// All paths that a word may mean, wildcards and braces expanded.
    fn paths(&self, word: &Word) -> Vec<PathBuf> {
        let Some(value) = word.value.as_deref().filter(|it| !it.is_empty()) else { return Vec::new() };
        if !word.wild {
            return self.folders.paths(value).unwrap_or_default();
        }
        let mut paths = Vec::new();
        for value in braces(value) {
            let Some(starts) = self.folders.paths(if value.starts_with('/') { "/" } else { "." }) else {
                continue;
            };
            for start in starts {
                paths.extend(expand(start, &value).into_iter().map(|it| real(&it)));
            }
        }
        paths
    }

    /// Files, and what is below folders.
    fn words<'w>(&mut self, words: impl IntoIterator<Item = &'w Word>, sure: bool) {
        for word in words {
            for path in self.paths(word) {
                match path.is_dir() {
                    true => self.below(&path).into_iter().for_each(|it| self.add(it, None, sure)),
                    false => self.add(path, None, sure),
                }
            }
        }
    }

    /// Words that are files, and, if nothing is sure, that could become some.
    fn existing(&mut self, args: &[Word], sure: bool) {
        for word in args.iter().take(MAX_WORDS) {
            let value = word.value.as_deref().unwrap_or_default();
            let value = match value.split_once('=') {
                Some((_, path)) if value.starts_with('-') => path,
                _ => value,
            };
            let word = Word { value: Some(value.to_owned()), ..word.clone() };
            for path in self.paths(&word) {
                let is_name = value.contains(['.', '/'])
                    && !value.starts_with('-')
                    && !value.contains(char::is_whitespace);
                let could_be = || is_name && !path.exists() && path.parent().is_some_and(Path::is_dir);
                if path.is_file() || (!sure && could_be()) {
                    self.add(path, None, sure);
                }
            }
        }
    }

    /// `mv` and `cp`: each source to its place in the target.
    fn transfer(&mut self, args: &[Word], moves: bool) {
        let mut into = None;
        let mut plain = false;
        let mut words = Vec::new();
        let mut rest = args.iter();
        while let Some(word) = rest.next() {
            match word.fixed() {
                Some("-t" | "--target-directory") => into = rest.next().cloned(),
                Some("-T" | "--no-target-directory") => plain = true,
                Some(it) if it.starts_with("--target-directory=") => {
                    into = it.split_once('=').map(|(_, it)| Word::plain(it));
                }
                Some("--") => {
                    words.extend(rest.by_ref().cloned());
                }
                Some(it) if it.starts_with('-') && it.len() > 1 => {}
                _ => words.push(word.clone()),
            }
        }
        let Some(target) = into.clone().or_else(|| words.pop()) else { return };
        for target in self.paths(&target) {
            let in_folder = into.is_some() || (!plain && target.is_dir());
            for word in &words {
                for source in self.paths(word) {
                    let to = match source.file_name() {
                        Some(name) if in_folder => target.join(name),
                        _ => target.clone(),
                    };
                    self.transfer_one(&source, &to, moves);
                }
            }
        }
    }

    fn transfer_one(&mut self, source: &Path, to: &Path, moves: bool) {
        let files = match source.is_dir() {
            true => self.below(source),
            false => vec![source.to_owned()],
        };
        for file in files {
            let Ok(rest) = file.strip_prefix(source) else { continue };
            let to = if rest.as_os_str().is_empty() { to.to_owned() } else { to.join(rest) };
            if moves {
                self.add(real(&to), Some(file.clone()), true);
                self.add(file, None, true);
            } else {
                self.add(real(&to), None, true);
            }
        }
    }

    fn git(&mut self, args: &[Word]) {
        let mut rest = args.iter().enumerate();
        let (at, sub) = loop {
            let Some((at, word)) = rest.next() else { return };
            match word.fixed() {
                // The paths count from there.
                Some("-C") | None => return,
                Some("-c") => {
                    rest.next();
                }
                Some(it) if it.starts_with('-') => {}
                Some(it) => break (at, it),
            }
        };
        let args = &args[at + 1..];
        match sub {
            "mv" => self.transfer(args, true),
            "rm" => self.words(operands(args), true),
            "checkout" | "restore" => {
                let after = args.iter().position(|it| it.fixed() == Some("--"));
                match after {
                    Some(at) => self.words(&args[at + 1..], true),
                    None if sub == "restore" => self.words(operands(args), true),
                    None => self.existing(args, true),
                }
            }
            "apply" => {
                let texts = operands(args).flat_map(|it| self.paths(it)).collect::<Vec<_>>();
                self.patched(args, &texts, 1);
            }
            _ => {}
        }
    }

    fn patch(&mut self, args: &[Word]) {
        let mut texts = Vec::new();
        let mut rest = args.iter();
        while let Some(word) = rest.next() {
            if let Some("-i" | "--input") = word.fixed() {
                texts.extend(rest.next().map(|it| self.paths(it)).unwrap_or_default());
            }
        }
        // The file to be patched may be named.
        self.existing(args, true);
        self.patched(args, &texts, 0);
    }

    /// The files that patches name: those in files, in here-documents and on the way through a pipe.
    fn patched(&mut self, args: &[Word], files: &[PathBuf], default: usize) {
        let redirects = self.script.redirects.iter().filter(|it| !it.writes).map(|it| &it.file);
        let cat = self.script.commands.iter().filter(|it| it.base_name() == Some("cat"));
        let piped = redirects.chain(cat.flat_map(|it| it.args())).flat_map(|it| self.paths(it));
        let files: Vec<_> = files.iter().cloned().chain(piped).collect();
        let texts = files.iter().filter_map(|it| {
            let small = it.metadata().is_ok_and(|it| it.is_file() && it.len() <= patches::MAX_BYTES);
            small.then(|| fs::read_to_string(it).ok()).flatten()
        });
        let strip = patches::strip(args).unwrap_or(default);
        let texts: Vec<_> = texts.chain(self.script.documents.iter().cloned()).collect();
        for text in &texts {
            for patches::Named { path, from } in patches::files(text, strip) {
                let here = |it: &str| self.folders.paths(it).unwrap_or_default();
                let from = from.and_then(|it| here(&it).pop());
                for path in here(&path) {
                    self.add(path, from.clone(), true);
                }
                if let Some(from) = from {
                    self.add(from, None, true);
                }
            }
        }
    }

    /// The files below a folder that ignore files do not name; none if there are too many.
    fn below(&self, folder: &Path) -> Vec<PathBuf> {
        let root = self.boundary.root();
        if !folder.starts_with(root) || folder == root {
            return Vec::new();
        }
        // From the root, as the ignore files of the folders above count; nothing beside the way is entered.
        let way = folder.to_owned();
        let mut walk = walker(root);
        walk.require_git(false).filter_entry(move |it| {
            it.file_name() != ".git" && (way.starts_with(it.path()) || it.path().starts_with(&way))
        });
        let files =
            walk.build().filter_map(Result::ok).filter(|it| it.file_type().is_some_and(|it| it.is_file()));
        let files: Vec<_> = files.map(ignore::DirEntry::into_path).take(MAX_FILES + 1).collect();
        if files.len() > MAX_FILES { Vec::new() } else { files }
    }
}

/// The words that are no options.
fn operands(args: &[Word]) -> impl Iterator<Item = &Word> {
    let end = args.iter().position(|it| it.fixed() == Some("--")).unwrap_or(args.len());
    let before = args[..end]
        .iter()
        .filter(|it| it.value.as_deref().is_none_or(|it| !it.starts_with('-') || it == "-"));
    before.chain(args.get(end + 1..).unwrap_or_default())
}

/// `-i`, `-i.bak`, `-ni`, `-pi -e`, `--in-place`.
fn is_in_place(word: &Word) -> bool {
    let Some(value) = word.fixed() else { return false };
    match value.strip_prefix("--") {
        Some(long) => long.starts_with("in-place"),
        None => value.strip_prefix('-').is_some_and(|it| {
            let letters = it.split_once('i').map(|(before, _)| before);
            letters.is_some_and(|it| it.chars().all(|it| it.is_ascii_alphanumeric()))
        }),
    }
}

/// What a path with wildcards stands for; one without is itself.
fn expand(start: PathBuf, pattern: &str) -> Vec<PathBuf> {
    let mut paths = vec![start];
    for piece in pattern.split('/').filter(|it| !it.is_empty()) {
        if !piece.contains(['*', '?', '[']) {
            paths.iter_mut().for_each(|it| it.push(piece));
            continue;
        }
        let Ok(glob) = GlobBuilder::new(piece).literal_separator(true).build() else { return Vec::new() };
        let glob = glob.compile_matcher();
        let entries = |folder: &PathBuf| {
            let entries = fs::read_dir(folder).into_iter().flatten().take(MAX_ENTRIES).flatten();
            let hidden = piece.starts_with('.');
            let names = entries
                .map(|it| it.file_name())
                .filter(|it| hidden || !it.to_string_lossy().starts_with('.'));
            names.filter(|it| glob.is_match(it)).map(|it| folder.join(it)).collect::<Vec<_>>()
        };
        paths = paths.iter().flat_map(entries).take(MAX_FILES).collect();
    }
    if pattern.contains(['*', '?', '[']) {
        paths.retain(|it| it.symlink_metadata().is_ok());
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files that a command may change in a small project: `name`, `new<old` where one is moved, `?` if not sure.
    fn changed(command: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("work");
        for name in ["a.rs", "b.rs", "sub/c.rs", "sub/deep/d.rs", "ignored/e.rs", ".hidden.rs", "x.patch"] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "text\n").unwrap();
        }
        fs::write(root.join(".gitignore"), "/ignored\n").unwrap();
        fs::write(root.join("x.patch"), "--- a/a.rs\n+++ b/a.rs\n--- /dev/null\n+++ b/n.rs\n").unwrap();
        let boundary = Boundary::new(&root, &root.join("../agent"), &[]);
        let name = |it: &Path| it.strip_prefix(&root).unwrap().display().to_string();
        let one = |it: Candidate| {
            let from = it.from.as_deref().map_or(String::new(), |it| format!("<{}", name(it)));
            format!("{}{from}{}", name(&it.path), if it.sure { "" } else { "?" })
        };
        candidates(&command.replace("$ROOT", root.to_str().unwrap()), &boundary)
            .into_iter()
            .map(one)
            .collect()
    }

    #[test]
    fn commands_name_what_they_change() {
        let mut wrong = Vec::new();
        for (command, expected) in [
            ("echo x > a.rs; echo y >> n.rs", vec!["a.rs", "n.rs"]),
            ("echo x &> sub/log.txt", vec!["sub/log.txt"]),
            ("cat a.rs | tee -a b.rs n.rs", vec!["b.rs", "n.rs"]),
            ("rm a.rs sub/c.rs", vec!["a.rs", "sub/c.rs"]),
            ("rm -rf sub", vec!["sub/c.rs", "sub/deep/d.rs"]),
            ("rm *.rs", vec!["a.rs", "b.rs"]),
            ("rm sub/*/d.rs .h*", vec![".hidden.rs", "sub/deep/d.rs"]),
            ("touch {n,m}.rs", vec!["m.rs", "n.rs"]),
            ("mv a.rs n.rs", vec!["a.rs", "n.rs<a.rs"]),
            ("mv -f a.rs b.rs sub", vec!["a.rs", "b.rs", "sub/a.rs<a.rs", "sub/b.rs<b.rs"]),
            ("mv -t sub a.rs", vec!["a.rs", "sub/a.rs<a.rs"]),
            (
                "mv sub new",
                vec!["new/c.rs<sub/c.rs", "new/deep/d.rs<sub/deep/d.rs", "sub/c.rs", "sub/deep/d.rs"],
            ),
            ("git mv a.rs sub/", vec!["a.rs", "sub/a.rs<a.rs"]),
            ("git rm -rq sub/deep", vec!["sub/deep/d.rs"]),
            ("git checkout -- a.rs z.rs; git restore b.rs", vec!["a.rs", "b.rs", "z.rs"]),
            ("git checkout main; git stash; git commit -am x", vec![]),
            ("cp a.rs n.rs", vec!["n.rs"]),
            ("cp -r sub new", vec!["new/c.rs", "new/deep/d.rs"]),
            ("sed -i 's/a/b/' a.rs; sed -n p b.rs", vec!["a.rs"]),
            ("sed -i.bak -e s/a/b/ *.rs", vec!["a.rs", "b.rs"]),
            ("perl -pi -e 's/a/b/' a.rs", vec!["a.rs"]),
            ("git apply x.patch", vec!["a.rs", "n.rs"]),
            ("patch -p1 < x.patch", vec!["a.rs", "n.rs"]),
            ("cat x.patch | patch -p1", vec!["a.rs", "n.rs"]),
            ("patch -p0 <<'EOF'\n--- a.rs\n+++ a.rs\nEOF", vec!["a.rs"]),
            ("rustfmt a.rs; gofmt -w b.rs", vec!["a.rs", "b.rs"]),
            ("python fix.py a.rs --out=n.rs", vec!["a.rs?", "fix.py?", "n.rs?"]),
            ("dd if=a.rs of=n.rs", vec!["n.rs"]),
            // Behind others, and around what is not understood.
            ("cd sub && rm c.rs", vec!["c.rs", "sub/c.rs"]),
            ("sudo timeout 5 bash -c 'rm a.rs'", vec!["a.rs"]),
            ("for f in *.rs; do sed -i s/a/b/ $f; done", vec!["a.rs", "b.rs"]),
            ("for f in *.rs; do sed -i s/a/b/ ${f%.rs}.md; done", vec!["a.rs?", "b.rs?"]),
            ("n=$((n + 1)); rm a.rs; echo ${x/y/z} > b.rs", vec!["a.rs", "b.rs"]),
            ("f() { rm b.rs; }; rm a.rs", vec!["a.rs"]),
            ("rm $ROOT/a.rs", vec!["a.rs"]),
            // None of the project's files.
            ("rm -rf ignored .git; echo x > /tmp/x; echo x > ../y", vec![]),
            ("rm -rf . ; rm -rf ..", vec![]),
            ("echo x > .pi/chat/a.md", vec![]),
            ("ls a.rs; cat a.rs; grep x a.rs; git status a.rs; cargo test", vec![]),
            ("rm $(cat list)", vec![]),
            ("if then", vec![]),
        ] {
            let found = changed(command);
            if found != expected {
                wrong.push(format!("{command}: {found:?}, not {expected:?}"));
            }
        }
        assert_eq!(wrong, [""; 0]);
    }
}
