//! `ls`: the names in one folder, documents that exist only in an editor included.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use pi_core::{Access, CancellationToken, Tool, ToolContext, ToolError, ToolSpec};
use pi_protocol::ToolResult;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::{
    reads,
    schema::{arguments, spec},
    search::{Listing, Place, blocking, count},
};
use crate::{fs, workspace::Workspace};

const DEFAULT_LIMIT: usize = 500;

#[derive(Debug, Deserialize, JsonSchema)]
struct LsArgs {
    /// Folder to list (default: the working directory)
    path: Option<String>,
    /// Most entries to return (default: 500)
    limit: Option<f64>,
}

/// The tool.
pub struct LsTool {
    spec: ToolSpec,
    workspace: Arc<Workspace>,
}

impl LsTool {
    /// Over the files and open documents of `workspace`.
    pub fn new(workspace: Arc<Workspace>) -> Self {
        let spec = spec::<LsArgs>(
            "ls",
            "List a folder",
            "List the entries of a folder in alphabetical order, hidden ones included; folders end with '/'. At \
             most 500 entries or 50KB, whichever is less.",
            true,
        );
        Self { spec, workspace }
    }
}

#[async_trait]
impl Tool for LsTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn access(&self, args: &Map<String, Value>) -> Access {
        reads(&self.workspace, args)
    }

    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError> {
        let args: LsArgs = arguments(call.args)?;
        let limit = count(args.limit, DEFAULT_LIMIT);
        let workspace = self.workspace.clone();
        blocking(&call.cancel, move |cancel| {
            let place = Place::of(&workspace, args.path.as_deref()).or_not_found()?;
            if !place.is_dir {
                return Err(ToolError::new(format!("Not a directory: {}", place.path.display())));
            }
            let open = entries_of_editor(&place.path, &workspace.open_under(&place.path));
            let listing = list(&place.path, open, limit, cancel)?;
            Ok(listing.into_result("(empty directory)"))
        })
        .await
    }
}

/// Names in the folder that open documents bring along, and whether each is a folder.
fn entries_of_editor(folder: &Path, open: &[PathBuf]) -> BTreeMap<String, bool> {
    let below = open.iter().filter_map(|it| it.strip_prefix(folder).ok());
    below
        .filter_map(|rest| {
            let mut parts = rest.iter();
            let name = parts.next()?.to_string_lossy().into_owned();
            Some((name, parts.next().is_some()))
        })
        .collect()
}

fn list(
    folder: &Path,
    mut open: BTreeMap<String, bool>,
    limit: usize,
    cancel: &CancellationToken,
) -> Result<Listing, ToolError> {
    let mut names = match std::fs::read_dir(folder) {
        Ok(entries) => {
            entries.filter_map(Result::ok).map(|it| it.file_name().to_string_lossy().into_owned()).collect()
        }
        Err(_) if !open.is_empty() && !folder.exists() => Vec::new(),
        Err(error) => {
            let reason = fs::describe(&error, "scandir", folder);
            return Err(ToolError::new(format!("Cannot read directory: {reason}")));
        }
    };
    for name in &names {
        open.remove(name);
    }
    names.extend(open.keys().cloned());
    names.sort_by_cached_key(|it| SortKey::of(it));

    let mut listing = Listing::default();
    for name in names {
        if cancel.is_cancelled() {
            return Err(ToolError::aborted());
        }
        if listing.lines.len() == limit {
            let notice =
                format!("{limit} entries limit reached. Use limit={} for more", limit.saturating_mul(2));
            listing.limit = Some(("entryLimitReached", limit, notice));
            break;
        }
        // What cannot be looked at, such as a broken link, is left out.
        let is_dir = match open.get(&name) {
            Some(is_dir) => Some(*is_dir),
            None => std::fs::metadata(folder.join(&name)).ok().map(|it| it.is_dir()),
        };
        match is_dir {
            Some(true) => listing.lines.push(name + "/"),
            Some(false) => listing.lines.push(name),
            None => {}
        }
    }
    Ok(listing)
}

/// Alphabetical order as people and Pi sort names: punctuation, digits, letters; case and accents last.
#[derive(Debug, PartialEq, Eq)]
struct SortKey {
    base: Vec<(u8, char)>,
    name: String,
}

impl SortKey {
    fn of(name: &str) -> Self {
        let name = name.to_lowercase();
        let base = name.nfd().filter(|it| !is_combining_mark(*it)).map(|it| (rank(it), it)).collect();
        Self { base, name }
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.base.cmp(&other.base).then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The order of ASCII punctuation in the Unicode collation.
const PUNCTUATION: &str = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";

fn rank(char: char) -> u8 {
    match PUNCTUATION.find(char) {
        Some(at) => at as u8,
        None if char.is_ascii_digit() => 100,
        None => 101,
    }
}

#[cfg(test)]
mod tests {
    use pi_protocol::ToolResult;
    use serde_json::json;

    use super::{
        super::search::testing::{Fixture, context, run, text},
        *,
    };

    #[tokio::test]
    async fn recorded_calls_of_pi_have_the_same_results() {
        let it = Fixture::recorded();
        let tool = LsTool::new(it.workspace.clone());
        for (args, want) in [
            (json!({}), ".gitignore\n.hidden\nignored/\nREADME.md\nsrc/"),
            (json!({ "path": "src" }), "a.ts\nb.js\ndeep/"),
            (json!({ "path": "nope" }), "error: Path not found: <CWD>/nope"),
            (json!({ "path": "README.md" }), "error: Not a directory: <CWD>/README.md"),
        ] {
            assert_eq!(it.mask(&text(&tool, args).await), want);
        }
        let limited =
            ToolResult::text(".gitignore\n.hidden\n\n[2 entries limit reached. Use limit=4 for more]")
                .with_details(json!({ "entryLimitReached": 2 }));
        assert_eq!(run(&tool, json!({ "limit": 2 })).await, Ok(limited));
    }

    #[tokio::test]
    async fn a_limit_that_is_just_enough_has_no_notice() {
        let it = Fixture::new(&[("a", ""), ("b", "")]);
        assert_eq!(text(&LsTool::new(it.workspace.clone()), json!({ "limit": 2 })).await, "a\nb");
    }

    #[tokio::test]
    async fn names_are_sorted_as_people_do() {
        let it =
            Fixture::new(&[("b", ""), ("_a", ""), ("Z", ""), ("é", ""), ("1", ""), ("f", ""), ("-x", "")]);
        assert_eq!(text(&LsTool::new(it.workspace.clone()), json!({})).await, "_a\n-x\n1\nb\né\nf\nZ");
    }

    #[tokio::test]
    async fn empty_folders_and_broken_links() {
        let it = Fixture::new(&[("empty/", ""), ("dir/x", "")]);
        let tool = LsTool::new(it.workspace.clone());
        assert_eq!(text(&tool, json!({ "path": "empty" })).await, "(empty directory)");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("nowhere", it.path("empty/broken")).unwrap();
            std::os::unix::fs::symlink("../dir", it.path("empty/link")).unwrap();
            assert_eq!(text(&tool, json!({ "path": "empty" })).await, "link/");
        }
    }

    #[tokio::test]
    async fn documents_that_were_never_saved_are_listed() {
        let it = Fixture::new(&[("a.rs", ""), ("src/lib.rs", "")]);
        it.open("a.rs", "open and on disk");
        it.open("new.rs", "");
        it.open("fresh/deep/x.rs", "");
        let tool = LsTool::new(it.workspace.clone());
        assert_eq!(text(&tool, json!({})).await, "a.rs\nfresh/\nnew.rs\nsrc/");
        assert_eq!(text(&tool, json!({ "path": "fresh" })).await, "deep/");
    }

    #[tokio::test]
    async fn a_cancelled_call_says_so() {
        let it = Fixture::recorded();
        let cancel = CancellationToken::new();
        cancel.cancel();
        let result = LsTool::new(it.workspace.clone()).run(context(json!({}), cancel)).await;
        assert_eq!(result, Err(ToolError::aborted()));
    }
}
