//! `grep`: lines that match a pattern, as `rg --hidden` finds them.
//!
//! Open buffers win over the disk. The rules of ignore files, of encodings and of binary files are those of the
//! crates that ripgrep is made of. No program is started.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use async_trait::async_trait;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, Sink, SinkContext, SinkFinish, SinkMatch};
use ignore::overrides::{Override, OverrideBuilder};
use pi_core::{Access, CancellationToken, Tool, ToolContext, ToolError, ToolSpec};
use pi_protocol::ToolResult;
use ropey::Rope;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    hashline, reads,
    schema::{arguments, spec},
    search::{Finder, Listing, Place, blocking, count, relative, walker},
};
use crate::{
    truncate::{MAX_LINE_LENGTH, truncate_line},
    workspace::Workspace,
};

const DEFAULT_LIMIT: usize = 100;
/// Lines around a match at most; more than a result could hold.
const MOST_CONTEXT: usize = 2000;
/// A file whose lines need more memory than this is skipped.
const LONGEST_LINE: usize = 64 * 1024 * 1024;
/// Bytes of result lines after which nothing more is collected; the model sees far less.
const MOST_COLLECTED: usize = 4 * 1024 * 1024;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct GrepArgs {
    /// Regular expression, or plain text with 'literal'
    pattern: String,
    /// File or folder to search (default: the working directory)
    path: Option<String>,
    /// Only files that match this glob, for example '*.ts' or '**/*.test.ts'
    glob: Option<String>,
    /// Treat upper and lower case alike (default: false)
    ignore_case: Option<bool>,
    /// Take the pattern as plain text (default: false)
    literal: Option<bool>,
    /// Lines to show before and after each match (default: 0)
    context: Option<f64>,
    /// Most matches to return (default: 100)
    limit: Option<f64>,
    /// Show lines as 'N#AB:text' with the tags that hashline_edit takes (default: false)
    hashline: Option<bool>,
}

/// The tool.
pub struct GrepTool {
    spec: ToolSpec,
    workspace: Arc<Workspace>,
}

impl GrepTool {
    /// Over the files and open documents of `workspace`.
    pub fn new(workspace: Arc<Workspace>) -> Self {
        let spec = spec::<GrepArgs>(
            "grep",
            "Search file contents (respects .gitignore)",
            "Search file contents, unsaved text in open editors included. Returns matching lines with path and \
             line number; hidden files count, ignored and binary ones do not. At most 100 matches or 50KB, \
             whichever is less; lines are cut to 500 characters.",
            true,
        );
        Self { spec, workspace }
    }
}

#[async_trait]
impl Tool for GrepTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn access(&self, args: &Map<String, Value>) -> Access {
        reads(&self.workspace, args)
    }

    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError> {
        let args: GrepArgs = arguments(call.args)?;
        let workspace = self.workspace.clone();
        blocking(&call.cancel, move |cancel| {
            let place = Place::of(&workspace, args.path.as_deref()).or_not_found()?;
            let mut search = Search::new(&args, cancel)?;
            if place.is_dir {
                search.folder(&place.path, args.glob.as_deref(), &workspace)?;
            } else {
                search.single_file(&place.path, workspace.overlay_text(&place.path))?;
            }
            Ok(search.finish().into_result("No matches found"))
        })
        .await
    }
}

/// One search and what it has found so far.
struct Search<'a> {
    matcher: RegexMatcher,
    searcher: Searcher,
    context: u64,
    hashline: bool,
    limit: usize,
    matches: usize,
    collected: usize,
    listing: Listing,
    cancel: &'a CancellationToken,
}

impl<'a> Search<'a> {
    fn new(args: &GrepArgs, cancel: &'a CancellationToken) -> Result<Self, ToolError> {
        let matcher = RegexMatcherBuilder::new()
            .multi_line(true)
            .line_terminator(Some(b'\n'))
            .case_insensitive(args.ignore_case.unwrap_or(false))
            .fixed_strings(args.literal.unwrap_or(false))
            .build(&args.pattern)
            .map_err(|it| ToolError::new(it.to_string()))?;
        let context = args.context.map_or(0, |it| it.max(0.0) as usize).min(MOST_CONTEXT);
        let searcher = SearcherBuilder::new()
            .line_number(true)
            .before_context(context)
            .after_context(context)
            .heap_limit(Some(LONGEST_LINE))
            .binary_detection(BinaryDetection::quit(0))
            .build();
        Ok(Self {
            matcher,
            searcher,
            context: context as u64,
            hashline: args.hashline.unwrap_or(false),
            limit: count(args.limit, DEFAULT_LIMIT),
            matches: 0,
            collected: 0,
            listing: Listing::default(),
            cancel,
        })
    }

    fn folder(&mut self, root: &Path, glob: Option<&str>, workspace: &Workspace) -> Result<(), ToolError> {
        let only = overrides(workspace.root(), glob)?;
        let walk = walker(root).overrides(only.clone()).add_custom_ignore_filename(".rgignore").build();
        for found in Finder::new(walk, root, workspace) {
            if self.cancel.is_cancelled() {
                return Err(ToolError::aborted());
            }
            if self.is_full() {
                break;
            }
            if found.is_file && !only.matched(&found.path, false).is_ignore() {
                self.file(&found.path, &relative(root, &found.path), found.text)?;
            }
        }
        Ok(())
    }

    /// A file that was named is searched even if it looks binary, as by ripgrep.
    fn single_file(&mut self, path: &Path, text: Option<Rope>) -> Result<(), ToolError> {
        self.searcher.set_binary_detection(BinaryDetection::none());
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        if text.is_none() {
            // Waiting for a pipe or a device would never end.
            match std::fs::metadata(path) {
                Ok(it) if !it.is_file() => {
                    return Err(ToolError::new(format!("Not a file or folder: {}", path.display())));
                }
                Ok(_) => File::open(path).map(drop),
                Err(error) => Err(error),
            }
            .map_err(|it| ToolError::new(format!("Cannot read {}: {it}", path.display())))?;
        }
        self.file(path, &name, text)
    }

    fn file(&mut self, path: &Path, name: &str, text: Option<Rope>) -> Result<(), ToolError> {
        let mut hits = Hits {
            room: self.limit - self.matches,
            context: self.context,
            hashline: self.hashline,
            until: u64::MAX,
            lines: Vec::new(),
            matches: Vec::new(),
            binary: false,
        };
        let result = match text {
            Some(text) => {
                let reader = Cancellable { inner: RopeReader::new(&text), cancel: self.cancel };
                self.searcher.search_reader(&self.matcher, reader, &mut hits)
            }
            None => File::open(path).and_then(|inner| {
                let reader = Cancellable { inner, cancel: self.cancel };
                self.searcher.search_reader(&self.matcher, reader, &mut hits)
            }),
        };
        if self.cancel.is_cancelled() {
            return Err(ToolError::aborted());
        }
        if let Err(error) = result {
            tracing::debug!(path = %path.display(), %error, "not searched");
            return Ok(());
        }
        if !hits.binary {
            self.collect(name, &hits);
        }
        Ok(())
    }

    fn collect(&mut self, name: &str, hits: &Hits) {
        self.matches += hits.matches.len();
        for &number in &hits.matches {
            let until = number + self.context;
            let from = number.saturating_sub(self.context).max(1);
            let at = hits.lines.partition_point(|it| it.number < from);
            let mut last = None;
            for line in hits.lines[at..].iter().take_while(|it| it.number <= until) {
                let mark = if line.number == number { ':' } else { '-' };
                self.push(match &line.tag {
                    Some(tag) => format!("{name}{mark}{tag}:{}", line.text),
                    None => format!("{name}{mark}{}{mark} {}", line.number, line.text),
                });
                self.listing.lines_truncated |= line.cut;
                last = Some(line);
            }
            // Pi counts what follows the final line break as a line of its own when it shows context.
            if let Some(line) = last.filter(|it| it.terminated && it.number < until) {
                self.push(format!("{name}-{}- ", line.number + 1));
            }
        }
    }

    fn push(&mut self, line: String) {
        self.collected += line.len() + 1;
        self.listing.lines.push(line);
    }

    fn is_full(&self) -> bool {
        self.matches >= self.limit || self.collected > MOST_COLLECTED
    }

    fn finish(mut self) -> Listing {
        if self.matches >= self.limit {
            let (limit, twice) = (self.limit, self.limit.saturating_mul(2));
            let notice =
                format!("{limit} matches limit reached. Use limit={twice} for more, or refine pattern");
            self.listing.limit = Some(("matchLimitReached", limit, notice));
        }
        self.listing
    }
}

fn overrides(root: &Path, glob: Option<&str>) -> Result<Override, ToolError> {
    let mut builder = OverrideBuilder::new(root);
    if let Some(glob) = glob.filter(|it| !it.is_empty()) {
        builder.add(glob).map_err(|it| ToolError::new(it.to_string()))?;
    }
    builder.build().map_err(|it| ToolError::new(it.to_string()))
}

/// The lines of one file that are shown.
struct Hits {
    /// Matches that may still be taken.
    room: usize,
    context: u64,
    /// Put tags before the lines instead of numbers.
    hashline: bool,
    /// Last line of interest, known once there is no more room.
    until: u64,
    lines: Vec<Line>,
    /// Their numbers.
    matches: Vec<u64>,
    binary: bool,
}

struct Line {
    number: u64,
    tag: Option<String>,
    text: String,
    cut: bool,
    /// It ends with a line break.
    terminated: bool,
}

impl Hits {
    fn line(&mut self, number: u64, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let plain = text.trim_end_matches('\n').replace('\r', "");
        let (shown, cut) = truncate_line(&plain, MAX_LINE_LENGTH);
        let terminated = bytes.ends_with(b"\n");
        let tag = self.hashline.then(|| hashline::tag(number.saturating_sub(1) as usize, &plain));
        self.lines.push(Line { number, tag, text: shown.into_owned(), cut, terminated });
    }
}

impl Sink for Hits {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> io::Result<bool> {
        let number = found.line_number().unwrap_or_default();
        if number > self.until {
            return Ok(false);
        }
        self.line(number, found.bytes());
        if self.room > 0 {
            self.room -= 1;
            self.matches.push(number);
            if self.room == 0 {
                self.until = number + self.context;
            }
        }
        Ok(number < self.until)
    }

    fn context(&mut self, _: &Searcher, found: &SinkContext<'_>) -> io::Result<bool> {
        let number = found.line_number().unwrap_or_default();
        if number > self.until {
            return Ok(false);
        }
        self.line(number, found.bytes());
        Ok(number < self.until)
    }

    fn binary_data(&mut self, _: &Searcher, _: u64) -> io::Result<bool> {
        self.binary = true;
        Ok(false)
    }

    fn finish(&mut self, _: &Searcher, _: &SinkFinish) -> io::Result<()> {
        Ok(())
    }
}

/// Fails at the next read after a cancellation, however large the file is.
struct Cancellable<'a, R> {
    inner: R,
    cancel: &'a CancellationToken,
}

impl<R: Read> Read for Cancellable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        self.inner.read(buffer)
    }
}

/// Reads a buffer without copying all of it.
struct RopeReader<'a> {
    chunks: ropey::iter::Chunks<'a>,
    rest: &'a [u8],
}

impl<'a> RopeReader<'a> {
    fn new(rope: &'a Rope) -> Self {
        Self { chunks: rope.chunks(), rest: &[] }
    }
}

impl Read for RopeReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.chunks.next() {
                Some(chunk) => self.rest = chunk.as_bytes(),
                None => return Ok(0),
            }
        }
        self.rest.read(buffer)
    }
}

#[cfg(test)]
#[path = "grep_tests.rs"]
mod tests;
