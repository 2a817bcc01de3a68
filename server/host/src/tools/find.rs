//! `find`: files and folders whose name matches a glob, as `fd --glob --hidden` finds them.
//!
//! Ignore files count in every folder, whether or not it belongs to a repository. No program is started.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use globset::{GlobBuilder, GlobMatcher};
use pi_core::{Access, CancellationToken, Tool, ToolContext, ToolError, ToolSpec};
use pi_protocol::ToolResult;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    reads,
    schema::{arguments, spec},
    search::{Finder, Found, Listing, Place, blocking, count, relative, walker},
};
use crate::workspace::Workspace;

const DEFAULT_LIMIT: usize = 1000;

#[derive(Debug, Deserialize, JsonSchema)]
struct FindArgs {
    /// Glob for the name, for example '*.ts', or for the path, for example 'src/**/*.test.ts'
    pattern: String,
    /// Folder to search (default: the working directory)
    path: Option<String>,
    /// Most results to return (default: 1000)
    limit: Option<f64>,
}

/// The tool.
pub struct FindTool {
    spec: ToolSpec,
    workspace: Arc<Workspace>,
}

impl FindTool {
    /// Over the files and open documents of `workspace`.
    pub fn new(workspace: Arc<Workspace>) -> Self {
        let spec = spec::<FindArgs>(
            "find",
            "Find files by name (respects .gitignore)",
            "Find files and folders by glob pattern. Returns paths relative to the searched folder; hidden files \
             count, ignored ones do not. At most 1000 results or 50KB, whichever is less.",
            true,
        );
        Self { spec, workspace }
    }
}

#[async_trait]
impl Tool for FindTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn access(&self, args: &Map<String, Value>) -> Access {
        reads(&self.workspace, args)
    }

    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError> {
        let args: FindArgs = arguments(call.args)?;
        let limit = count(args.limit, DEFAULT_LIMIT);
        let workspace = self.workspace.clone();
        blocking(&call.cancel, move |cancel| {
            let place = Place::of(&workspace, args.path.as_deref());
            if !place.is_dir {
                let path = place.path.display();
                return Err(fd_error(&format!(
                    "Search path '{path}' is not a directory.\n[fd error]: No valid search paths given."
                )));
            }
            let pattern = Pattern::new(&args.pattern)?;
            let walk = walker(&place.path).require_git(false).add_custom_ignore_filename(".fdignore").build();
            let found = Finder::new(walk, &place.path, &workspace);
            Ok(collect(found, &place.path, &pattern, limit, cancel)?
                .into_result("No files found matching pattern"))
        })
        .await
    }
}

/// Clients of Pi know these texts with fd's prefix.
fn fd_error(text: &str) -> ToolError {
    ToolError::new(format!("[fd error]: {text}"))
}

fn collect(
    found: Finder,
    root: &Path,
    pattern: &Pattern,
    limit: usize,
    cancel: &CancellationToken,
) -> Result<Listing, ToolError> {
    let mut listing = Listing::default();
    for Found { path, is_dir, .. } in found {
        if cancel.is_cancelled() {
            return Err(ToolError::aborted());
        }
        if path == root || !pattern.matches(&path) {
            continue;
        }
        let mut name = relative(root, &path);
        if is_dir {
            name.push('/');
        }
        listing.lines.push(name);
        if listing.lines.len() == limit {
            let notice = format!(
                "{limit} results limit reached. Use limit={} for more, or refine pattern",
                limit.saturating_mul(2)
            );
            listing.limit = Some(("resultLimitReached", limit, notice));
            break;
        }
    }
    Ok(listing)
}

/// A glob for names, or for whole paths if it has a `/`. Upper case letters make it tell case apart.
struct Pattern {
    glob: GlobMatcher,
    whole_path: bool,
}

impl Pattern {
    fn new(pattern: &str) -> Result<Self, ToolError> {
        let whole_path = pattern.contains('/');
        let anchored = !whole_path || pattern.starts_with('/') || pattern.starts_with("**/");
        let text = if anchored { pattern.to_owned() } else { format!("**/{pattern}") };
        let glob = GlobBuilder::new(&text)
            .literal_separator(true)
            .case_insensitive(!pattern.chars().any(char::is_uppercase))
            .build()
            .map_err(|it| fd_error(&it.to_string()))?;
        Ok(Self { glob: glob.compile_matcher(), whole_path })
    }

    fn matches(&self, path: &Path) -> bool {
        match path.file_name() {
            Some(name) if !self.whole_path => self.glob.is_match(name),
            _ => self.glob.is_match(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::search::testing::{Fixture, context, run, text},
        *,
    };

    #[tokio::test]
    async fn recorded_calls_of_pi_have_the_same_results() {
        let it = Fixture::recorded();
        let tool = FindTool::new(it.workspace.clone());
        let missing = "error: [fd error]: Search path '<CWD>/nope' is not a directory.\n\
                       [fd error]: No valid search paths given.";
        for (args, want) in [
            (json!({ "pattern": "*.md" }), "README.md"),
            (json!({ "pattern": "*.js", "path": "src" }), "b.js"),
            (json!({ "pattern": "*.zzz" }), "No files found matching pattern"),
            (json!({ "pattern": "*", "path": "nope" }), missing),
        ] {
            assert_eq!(it.mask(&text(&tool, args).await), want);
        }
    }

    #[tokio::test]
    async fn patterns() {
        let it = Fixture::new(&[
            ("src/a.ts", ""),
            ("src/deep/B.ts", ""),
            ("src/deep/.c.ts", ""),
            ("other/a.ts", ""),
            ("docs/", ""),
            (".git/a.ts", ""),
        ]);
        let tool = FindTool::new(it.workspace.clone());
        for (pattern, want) in [
            ("*.ts", "other/a.ts\nsrc/a.ts\nsrc/deep/.c.ts\nsrc/deep/B.ts"),
            ("*.{md,ts}", "other/a.ts\nsrc/a.ts\nsrc/deep/.c.ts\nsrc/deep/B.ts"),
            ("b.ts", "src/deep/B.ts"),
            ("A.ts", "No files found matching pattern"),
            ("d*", "docs/\nsrc/deep/"),
            ("src/**/*.ts", "src/a.ts\nsrc/deep/.c.ts\nsrc/deep/B.ts"),
            ("src/*.ts", "src/a.ts"),
            ("[", "error: [fd error]: error parsing glob '[': unclosed character class; missing ']'"),
        ] {
            assert_eq!(text(&tool, json!({ "pattern": pattern })).await, want, "{pattern}");
        }
    }

    #[tokio::test]
    async fn ignore_files_count_without_a_repository_and_in_every_folder() {
        let it = Fixture::new(&[
            (".gitignore", "*.log\n"),
            ("a.log", ""),
            ("a.txt", ""),
            ("sub/.gitignore", "!keep.log\nprivate/\n"),
            ("sub/keep.log", ""),
            ("sub/drop.log", ""),
            ("sub/private/x", ""),
            ("other/.ignore", "*.tmp"),
            ("other/a.tmp", ""),
        ]);
        let tool = FindTool::new(it.workspace.clone());
        let want = ".gitignore\na.txt\nother/\nother/.ignore\nsub/\nsub/.gitignore\nsub/keep.log";
        assert_eq!(text(&tool, json!({ "pattern": "*" })).await, want);
        assert_eq!(text(&tool, json!({ "pattern": "*.log", "path": "sub" })).await, "keep.log");
    }

    #[tokio::test]
    async fn the_limit_is_told() {
        let it = Fixture::new(&[("a", ""), ("b", ""), ("c", "")]);
        let notice = "a\nb\n\n[2 results limit reached. Use limit=4 for more, or refine pattern]";
        let want = ToolResult::text(notice).with_details(json!({ "resultLimitReached": 2 }));
        assert_eq!(
            run(&FindTool::new(it.workspace.clone()), json!({ "pattern": "*", "limit": 2 })).await,
            Ok(want)
        );
    }

    #[tokio::test]
    async fn much_is_cut_at_whole_lines() {
        let names: Vec<String> = (0..1000).map(|it| format!("{it:0100}")).collect();
        let files: Vec<_> = names.iter().map(|it| (it.as_str(), "")).collect();
        let it = Fixture::new(&files);
        let result = run(&FindTool::new(it.workspace.clone()), json!({ "pattern": "*" })).await.unwrap();
        let end = "\n\n[1000 results limit reached. Use limit=2000 for more, or refine pattern. 50.0KB limit reached]";
        assert!(result.content[0].as_text().unwrap().ends_with(end));
        let cut = &result.details.unwrap()["truncation"];
        assert_eq!((&cut["outputLines"], &cut["maxLines"]), (&json!(506), &json!(9_007_199_254_740_991_u64)));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn links_are_found_but_not_followed() {
        let it = Fixture::new(&[("dir/x", "")]);
        std::os::unix::fs::symlink("..", it.path("dir/loop")).unwrap();
        let tool = FindTool::new(it.workspace.clone());
        assert_eq!(text(&tool, json!({ "pattern": "*" })).await, "dir/\ndir/loop\ndir/x");
    }

    #[tokio::test]
    async fn documents_that_were_never_saved_are_found_in_order() {
        let it = Fixture::new(&[("a.rs", ""), ("z.rs", "")]);
        it.open("m.rs", "");
        it.open("new/n.rs", "");
        it.open("z.rs", "open and on disk");
        let tool = FindTool::new(it.workspace.clone());
        assert_eq!(text(&tool, json!({ "pattern": "*.rs" })).await, "a.rs\nm.rs\nnew/n.rs\nz.rs");
        assert_eq!(text(&tool, json!({ "pattern": "*.rs", "path": "new" })).await, "n.rs");
    }

    #[tokio::test]
    async fn a_cancelled_call_says_so() {
        let it = Fixture::recorded();
        let cancel = CancellationToken::new();
        cancel.cancel();
        let result =
            FindTool::new(it.workspace.clone()).run(context(json!({ "pattern": "*" }), cancel)).await;
        assert_eq!(result, Err(ToolError::aborted()));
    }
}
