//! What `grep`, `find` and `ls` share: walking a folder with its ignore rules and open documents, and the form of
//! their results.
//!
//! The walk is in path order, so that the same question has the same answer, and never follows symbolic links.
//! Unlike ripgrep and fd with `--hidden` it leaves out `.git`: its objects would use up the limit of results.

use std::{
    collections::BTreeMap,
    iter::Peekable,
    path::{Path, PathBuf},
};

use ignore::{Walk, WalkBuilder};
use pi_core::{CancellationToken, ToolError};
use pi_protocol::ToolResult;
use ropey::Rope;
use serde_json::{Map, Value};

use crate::{
    truncate::{Limits, MAX_BYTES, MAX_LINE_LENGTH, format_size, truncate_head},
    workspace::Workspace,
};

/// Something found on the way.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// A folder; a link to one is not.
    pub(super) is_dir: bool,
    /// An ordinary file; not a link, pipe or device.
    pub(super) is_file: bool,
    /// The buffer, when it is open in an editor.
    pub(super) text: Option<Rope>,
}

/// A walk over what is below a folder, open documents that were never saved included.
pub(super) struct Finder {
    walk: Peekable<Box<dyn Iterator<Item = Found> + Send>>,
    open: BTreeMap<PathBuf, Rope>,
    unsaved: Peekable<std::vec::IntoIter<PathBuf>>,
}

/// The settings of a walk; the caller adds what differs.
pub(crate) fn walker(root: &Path) -> WalkBuilder {
    let mut builder = WalkBuilder::new(root);
    builder.hidden(false).sort_by_file_name(std::ffi::OsStr::cmp);
    builder.filter_entry(|it| it.depth() == 0 || it.file_name() != ".git");
    builder
}

impl Finder {
    /// Walks; places that cannot be read are left out.
    pub(super) fn new(walk: Walk, root: &Path, workspace: &Workspace) -> Self {
        let paths = workspace.open_under(root).into_iter();
        let open: BTreeMap<_, _> =
            paths.filter_map(|it| workspace.overlay_text(&it).map(|text| (it, text))).collect();
        let is_hidden =
            |it: &&PathBuf| it.strip_prefix(root).is_ok_and(|it| it.iter().any(|it| it == ".git"));
        let unsaved = open.keys().filter(|it| !it.exists() && !is_hidden(it)).cloned().collect::<Vec<_>>();
        let found = walk.filter_map(Result::ok).map(|it| {
            let kind = it.file_type();
            Found {
                is_dir: kind.is_some_and(|it| it.is_dir()),
                is_file: kind.is_some_and(|it| it.is_file()),
                path: it.into_path(),
                text: None,
            }
        });
        let walk: Box<dyn Iterator<Item = Found> + Send> = Box::new(found);
        Self { walk: walk.peekable(), open, unsaved: unsaved.into_iter().peekable() }
    }
}

impl Iterator for Finder {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        let unsaved_first = match (self.unsaved.peek(), self.walk.peek()) {
            (Some(unsaved), Some(found)) => *unsaved < found.path,
            (unsaved, _) => unsaved.is_some(),
        };
        let mut found = match unsaved_first {
            true => Found { path: self.unsaved.next()?, is_dir: false, is_file: true, text: None },
            false => self.walk.next()?,
        };
        found.text = self.open.remove(&found.path);
        Some(found)
    }
}

/// The path below `root` with `/` between its parts.
pub(super) fn relative(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' {
        text.into_owned()
    } else {
        text.replace(std::path::MAIN_SEPARATOR, "/")
    }
}

/// A whole number of at least one from what JSON calls a number.
pub(super) fn count(number: Option<f64>, default: usize) -> usize {
    number.map_or(default, |it| it.max(1.0) as usize)
}

/// Runs `work` on a thread that may block. Ends when cancelled, even if the file system hangs.
pub(super) async fn blocking<T: Send + 'static>(
    cancel: &CancellationToken,
    work: impl FnOnce(&CancellationToken) -> Result<T, ToolError> + Send + 'static,
) -> Result<T, ToolError> {
    if cancel.is_cancelled() {
        return Err(ToolError::aborted());
    }
    let inner = cancel.clone();
    let task = tokio::task::spawn_blocking(move || work(&inner));
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(ToolError::aborted()),
        done = task => done.unwrap_or_else(|it| Err(ToolError::new(format!("the search failed: {it}")))),
    }
}

/// The lines of a result and why there are no more.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) lines: Vec<String>,
    /// Name in the details, the limit, and its notice.
    pub(super) limit: Option<(&'static str, usize, String)>,
    pub(super) lines_truncated: bool,
}

impl Listing {
    /// The result; `nothing` if there is no line.
    pub(super) fn into_result(self, nothing: &str) -> ToolResult {
        if self.lines.is_empty() {
            return ToolResult::text(nothing);
        }
        let cut = truncate_head(&self.lines.join("\n"), Limits::BYTES_ONLY);
        let (mut notices, mut details) = (Vec::new(), Map::new());
        if let Some((name, limit, notice)) = self.limit {
            notices.push(notice);
            details.insert(name.into(), limit.into());
        }
        let mut text = cut.content.clone();
        if cut.truncated {
            notices.push(format!("{} limit reached", format_size(MAX_BYTES)));
            details.insert("truncation".into(), serde_json::to_value(cut).unwrap_or_default());
        }
        if self.lines_truncated {
            notices.push(format!(
                "Some lines truncated to {MAX_LINE_LENGTH} chars. Use read tool to see full lines"
            ));
            details.insert("linesTruncated".into(), true.into());
        }
        if !notices.is_empty() {
            text += &format!("\n\n[{}]", notices.join(". "));
        }
        let result = ToolResult::text(text);
        if details.is_empty() { result } else { result.with_details(Value::Object(details)) }
    }
}

/// A folder or file to search: absolute, and known to exist on disk or in an editor.
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) is_dir: bool,
    /// There is something, be it only an open document.
    pub(super) exists: bool,
}

impl Place {
    /// What the argument `path` names; the folder of the workspace if there is none.
    pub(super) fn of(workspace: &Workspace, path: Option<&str>) -> Self {
        let path = match path {
            Some(path) if !path.is_empty() => workspace.resolve_existing(path),
            _ => workspace.root().to_owned(),
        };
        let open = || workspace.open_under(&path);
        match std::fs::metadata(&path) {
            Ok(it) => Self { is_dir: it.is_dir(), exists: true, path },
            Err(_) => {
                let open = open();
                Self { is_dir: open.iter().any(|it| *it != path), exists: !open.is_empty(), path }
            }
        }
    }

    /// For tools that say so in these words.
    pub(super) fn or_not_found(self) -> Result<Self, ToolError> {
        match self.exists {
            true => Ok(self),
            false => Err(ToolError::new(format!("Path not found: {}", self.path.display()))),
        }
    }
}

/// A workspace and calls for tests of these tools.
#[cfg(test)]
pub(super) mod testing {
    use std::sync::Arc;

    use super::*;
    use pi_core::{Tool, ToolContext};

    pub(crate) struct Fixture {
        _dir: tempfile::TempDir,
        pub(crate) workspace: Arc<Workspace>,
    }

    impl Fixture {
        /// Files with their contents; a name that ends with `/` is a folder.
        pub(crate) fn new(files: &[(&str, &str)]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let root = dir.path().canonicalize().unwrap();
            for (name, content) in files {
                let path = root.join(name);
                std::fs::create_dir_all(if name.ends_with('/') { &path } else { path.parent().unwrap() })
                    .unwrap();
                if !name.ends_with('/') {
                    std::fs::write(path, content).unwrap();
                }
            }
            Self { workspace: Workspace::new(root), _dir: dir }
        }

        /// The files of Pi's recorded scenarios.
        pub(crate) fn recorded() -> Self {
            Self::new(&[
                ("src/a.ts", "export const foo = 1;\nconst bar = foo;\n"),
                ("src/b.js", "let Foo = 2;\n"),
                ("src/deep/c.ts", "// nothing\nfoo();\n"),
                (".gitignore", "ignored/\n"),
                ("ignored/x.ts", "foo\n"),
                (".hidden", "foo\n"),
                ("README.md", "# Title\n"),
            ])
        }

        pub(crate) fn path(&self, name: &str) -> PathBuf {
            self.workspace.root().join(name)
        }

        pub(crate) fn open(&self, name: &str, text: &str) {
            self.workspace.open(&self.path(name), 1, text, "");
        }

        /// `<CWD>` instead of the folder.
        pub(crate) fn mask(&self, text: &str) -> String {
            text.replace(&*self.workspace.root().to_string_lossy(), "<CWD>")
        }
    }

    pub(crate) fn context(args: Value, cancel: CancellationToken) -> ToolContext {
        ToolContext {
            call_id: "call".into(),
            args: args.as_object().unwrap().clone(),
            cancel,
            update: Arc::new(|_| {}),
            model: None,
            session_id: "session".into(),
            prompt_id: None,
            turn: 1,
            access: pi_core::Access::default(),
            mode: pi_protocol::PermissionMode::Full,
            review: pi_protocol::ReviewMode::Apply,
            shown: None,
            permit: Arc::new(|_, _| Box::pin(async { Ok(()) })),
        }
    }

    pub(crate) async fn run(tool: &dyn Tool, args: Value) -> Result<ToolResult, ToolError> {
        tool.run(context(args, CancellationToken::new())).await
    }

    pub(crate) async fn text(tool: &dyn Tool, args: Value) -> String {
        match run(tool, args).await {
            Ok(it) => it.content[0].as_text().unwrap().to_owned(),
            Err(it) => format!("error: {it}"),
        }
    }
}
