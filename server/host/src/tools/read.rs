//! `read`: a text file in pieces the model can take, or an image.
//!
//! Text is scanned in a stream, so that a huge file costs time but no memory; an open document is scanned in
//! its editor's text.

use std::{
    fs::File,
    io::{self, Read as _},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use pi_core::{Access, Tool, ToolContext, ToolError, ToolSpec};
use pi_protocol::{Content, InputKind, ToolResult};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    check_abort, hashline, image, reads,
    schema::{self, arguments},
};
use crate::{
    fs,
    truncate::{Limits, MAX_BYTES, TruncatedBy, Truncation, format_size, truncate_head},
    workspace::Workspace,
};

/// Bytes looked at to recognise an image.
const SNIFF_BYTES: usize = 4100;
/// Bytes kept of the selected lines: more than is ever shown, so that the cut is visible.
const KEEP_BYTES: usize = MAX_BYTES + 4096;

/// Changed files that the model is told of by name.
const NAMED_FILES: usize = 20;

/// A file and the lines of it.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ReadArgs {
    /// Path to the file to read (relative or absolute)
    path: String,
    /// Line number to start reading from (1-indexed)
    offset: Option<f64>,
    /// Maximum number of lines to read
    limit: Option<f64>,
    /// Put a tag N#AB: before each line, to be used as an anchor by hashline_edit
    hashline: Option<bool>,
}

/// The tool.
pub struct Read {
    spec: ToolSpec,
    workspace: Arc<Workspace>,
    images: image::Limits,
}

impl Read {
    /// On this workspace; `images` says how large an image may be.
    pub fn new(workspace: Arc<Workspace>, images: image::Limits) -> Self {
        let spec = schema::spec::<ReadArgs>(
            "read",
            "Read file contents",
            "Read a file: text or an image (jpg, png, gif, webp, bmp). Files that are open in the editor are read \
             with their unsaved changes. Text is cut at 2000 lines or 50KB, whichever comes first; continue with \
             offset and limit.",
            true,
        );
        Self { spec, workspace, images }
    }

    async fn text(&self, path: PathBuf, args: ReadArgs, call: &ToolContext) -> Result<ToolResult, ToolError> {
        let cancel = call.cancel.clone();
        let window = Window::new(&args);
        match self.workspace.shown_async(&path).await {
            Some(document) => {
                let mut window = window;
                document.rope.chunks().for_each(|it| window.feed(it.as_bytes()));
                let (result, lines) = window.show(&args)?;
                self.workspace.looks_at(&call.session_id, &path, &document.rope.to_string());
                self.workspace.saw(&call.session_id, &path, lines);
                Ok(result)
            }
            None => {
                self.workspace.learn(&call.session_id, &path).await;
                let file = path.clone();
                let window = fs::blocking(move || scan(fs::open_regular(&file)?, window, &cancel))
                    .await
                    .map_err(|error| match error.kind() {
                        io::ErrorKind::Interrupted => ToolError::aborted(),
                        io::ErrorKind::IsADirectory => {
                            ToolError::new("EISDIR: illegal operation on a directory, read")
                        }
                        _ => ToolError::new(fs::describe(&error, "access", &path)),
                    })?;
                let (result, lines) = window.show(&args)?;
                self.workspace.saw(&call.session_id, &path, lines);
                Ok(result)
            }
        }
    }

    async fn image(
        &self,
        path: PathBuf,
        kind: image::Kind,
        call: &ToolContext,
    ) -> Result<ToolResult, ToolError> {
        let limits = self.images;
        let shown = path.clone();
        let work = fs::blocking(move || {
            let bytes = fs::read_bounded(&path, image::MAX_SOURCE_BYTES)?;
            Ok(image::prepare(bytes, kind, limits))
        });
        let image = tokio::select! {
            image = work => image.map_err(|it| ToolError::new(fs::describe(&it, "open", &shown)))?,
            () = call.cancel.cancelled() => return Err(ToolError::aborted()),
        };
        let mut text = format!("Read image file [{}]", image.mime_type);
        for note in &image.notes {
            text.push('\n');
            text.push_str(note);
        }
        if call.model.as_ref().is_some_and(|it| !it.input.contains(&InputKind::Image)) {
            text.push_str(
                "\n[Current model does not support images. The image will be omitted from this request.]",
            );
        }
        let mut result = ToolResult::text(text);
        result.content.extend(image.content.map(Content::Image));
        Ok(result)
    }
}

#[async_trait]
impl Tool for Read {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn access(&self, args: &Map<String, Value>) -> Access {
        reads(&self.workspace, args)
    }

    async fn note(&self, session_id: &str) -> Option<String> {
        let changed = self.workspace.changed_since_known(session_id).await;
        let named: Vec<_> = changed.iter().take(NAMED_FILES).map(|it| it.display().to_string()).collect();
        let more = changed.len().saturating_sub(NAMED_FILES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!named.is_empty()).then(|| {
            format!(
                "Changed since you last read them, by the user or a command: {}{more}. Read what you need of them again \
                 before you edit.",
                named.join(", ")
            )
        })
    }

    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError> {
        check_abort(&call)?;
        let args: ReadArgs = arguments(call.args.clone())?;
        self.workspace.check_is_file(&args.path).map_err(ToolError::new)?;
        let path = self.workspace.resolve_existing(&args.path);
        if self.workspace.shown_async(&path).await.is_none() {
            let file = path.clone();
            let kind = fs::blocking(move || sniff(&file)).await;
            if let Ok(Some(kind)) = kind {
                return self.image(path, kind, &call).await;
            }
        }
        self.text(path, args, &call).await
    }
}

fn sniff(path: &Path) -> io::Result<Option<image::Kind>> {
    let mut start = Vec::with_capacity(SNIFF_BYTES);
    fs::open_regular(path)?.take(SNIFF_BYTES as u64).read_to_end(&mut start)?;
    Ok(image::Kind::sniff(&start))
}

/// `Interrupted` when the run was stopped.
fn scan(mut file: File, mut window: Window, cancel: &CancellationToken) -> io::Result<Window> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        if cancel.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match file.read(&mut buffer) {
            Ok(0) => return Ok(window),
            Ok(count) => window.feed(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The selected lines of a text that streams by. Lines are what line feeds separate, so a final one is
/// followed by an empty line, as Pi counts them in its notices.
struct Window {
    /// First selected line, from 0.
    first: usize,
    /// End of the selection.
    end: usize,
    /// The line that is coming in.
    line: usize,
    /// The first bytes of the selection.
    kept: Vec<u8>,
    selected_bytes: usize,
    selected_breaks: usize,
    ends_with_break: bool,
    first_line_bytes: usize,
}

impl Window {
    fn new(args: &ReadArgs) -> Self {
        let first = args.offset.map_or(0, |it| whole(it).saturating_sub(1));
        // Models that must fill in every field send 0 for none.
        let limit = args.limit.map(whole).filter(|it| *it > 0);
        let end = limit.map_or(usize::MAX, |it| first.saturating_add(it));
        Self {
            first,
            end,
            line: 0,
            kept: Vec::new(),
            selected_bytes: 0,
            selected_breaks: 0,
            ends_with_break: false,
            first_line_bytes: 0,
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|it| *it == b'\n') {
            let (text, broken) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            if (self.first..self.end).contains(&self.line) {
                if self.line == self.first {
                    self.first_line_bytes += text.len();
                }
                // The break behind the last selected line is not part of the selection.
                let joined = broken && self.line + 1 < self.end;
                self.select(if joined { piece } else { text });
                self.selected_breaks += usize::from(joined);
            }
            self.line += usize::from(broken);
        }
    }

    fn select(&mut self, bytes: &[u8]) {
        let room = KEEP_BYTES - self.kept.len();
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.selected_bytes += bytes.len();
        if let Some(last) = bytes.last() {
            self.ends_with_break = *last == b'\n';
        }
    }

    /// The result, with a notice where something is left out, and the lines that are in it.
    fn show(self, args: &ReadArgs) -> Result<(ToolResult, Range<usize>), ToolError> {
        let total = self.line + 1;
        if self.first >= total {
            let offset = self.first + 1;
            return Err(ToolError::new(format!(
                "Offset {offset} is beyond end of file ({total} lines total)"
            )));
        }
        let start = self.first + 1;
        let cut = self.truncate(args.hashline.unwrap_or(false));
        if cut.first_line_exceeds_limit {
            let size = format_size(self.first_line_bytes);
            let text = format!(
                "[Line {start} is {size}, exceeds {} limit. Use bash: sed -n '{start}p' {} | head -c {MAX_BYTES}]",
                format_size(MAX_BYTES),
                args.path
            );
            return Ok((ToolResult::text(text).with_details(json!({ "truncation": cut })), 0..0));
        }
        if cut.truncated {
            let last = self.first + cut.output_lines;
            let limit = match cut.truncated_by {
                Some(TruncatedBy::Bytes) => format!(" ({} limit)", format_size(MAX_BYTES)),
                _ => String::new(),
            };
            let text = format!(
                "{}\n\n[Showing lines {start}-{last} of {total}{limit}. Use offset={} to continue.]",
                cut.content,
                last + 1
            );
            let result = ToolResult::text(text).with_details(json!({ "truncation": cut }));
            return Ok((result, self.first..last));
        }
        let lines = self.first..self.end;
        if self.end < total {
            let text = format!(
                "{}\n\n[{} more lines in file. Use offset={} to continue.]",
                cut.content,
                total - self.end,
                self.end + 1
            );
            return Ok((ToolResult::text(text), lines));
        }
        Ok((ToolResult::text(cut.content), lines))
    }

    fn truncate(&self, tags: bool) -> Truncation {
        let text = String::from_utf8_lossy(&self.kept);
        let text = if tags { hashline::tagged(&text, self.first) } else { text.into_owned() };
        let mut cut = truncate_head(&text, Limits::default());
        if self.selected_bytes > self.kept.len() {
            cut.total_bytes = self.selected_bytes;
            cut.total_lines = self.selected_breaks + usize::from(!self.ends_with_break);
        }
        cut
    }
}

/// A line number of the model: fractions are cut, negative numbers are zero.
fn whole(number: f64) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::testing::{run, text};

    fn setup(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Read) {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(dir.path().join(name), content).unwrap();
        }
        let read = Read::new(Workspace::new(dir.path().to_owned()), image::Limits::default());
        (dir, read)
    }

    #[tokio::test]
    async fn text_comes_with_notices() {
        let many = "line of text\n".repeat(2500);
        let wide = format!("{}\n", "x".repeat(1023)).repeat(60);
        let (_dir, read) = setup(&[
            ("a.txt", b"alpha\nbeta\ngamma\n"),
            ("empty", b""),
            ("many", many.as_bytes()),
            ("long", "y".repeat(70000).as_bytes()),
            ("wide", wide.as_bytes()),
            ("huge", "z\n".repeat(200_000).as_bytes()),
            ("bytes", b"a\xffb"),
        ]);
        let whole = run(&read, json!({"path": "a.txt"})).await.unwrap();
        assert_eq!((text(&whole), &whole.details), ("alpha\nbeta\ngamma\n", &None));
        assert_eq!(text(&run(&read, json!({"path": "empty"})).await.unwrap()), "");
        assert_eq!(text(&run(&read, json!({"path": "bytes"})).await.unwrap()), "a\u{fffd}b");

        let result = run(&read, json!({"path": "many"})).await.unwrap();
        assert!(text(&result).ends_with("\n\n[Showing lines 1-2000 of 2501. Use offset=2001 to continue.]"));
        assert_eq!(text(&result).len(), 26061);
        let cut = &result.details.unwrap()["truncation"];
        assert_eq!((&cut["truncatedBy"], &cut["totalBytes"]), (&json!("lines"), &json!(32500)));

        let result = run(&read, json!({"path": "many", "offset": 10, "limit": 3})).await.unwrap();
        let expected = "line of text\nline of text\nline of text\n\n[2489 more lines in file. Use offset=13 to continue.]";
        assert_eq!((text(&result), &result.details), (expected, &None));

        let result = run(&read, json!({"path": "long"})).await.unwrap();
        let expected = "[Line 1 is 68.4KB, exceeds 50.0KB limit. Use bash: sed -n '1p' long | head -c 51200]";
        assert_eq!(text(&result), expected);
        let cut = &result.details.unwrap()["truncation"];
        assert_eq!((&cut["totalBytes"], &cut["totalLines"]), (&json!(70000), &json!(1)));

        let result = run(&read, json!({"path": "wide"})).await.unwrap();
        let notice = "\n\n[Showing lines 1-50 of 61 (50.0KB limit). Use offset=51 to continue.]";
        assert!(text(&result).ends_with(notice), "{}", &text(&result)[51000..]);

        let result = run(&read, json!({"path": "huge", "offset": 100_000})).await.unwrap();
        assert!(
            text(&result)
                .ends_with("[Showing lines 100000-101999 of 200001. Use offset=102000 to continue.]")
        );
        let cut = &result.details.unwrap()["truncation"];
        assert_eq!((&cut["totalLines"], &cut["totalBytes"]), (&json!(100_001), &json!(200_002)));
    }

    #[tokio::test]
    async fn failures_are_told() {
        let (dir, read) = setup(&[("a.txt", b"one\ntwo")]);
        let error = run(&read, json!({"path": "none"})).await.unwrap_err();
        let missing = dir.path().join("none");
        assert_eq!(error.text, format!("ENOENT: no such file or directory, access '{}'", missing.display()));
        let error = run(&read, json!({"path": "."})).await.unwrap_err();
        assert_eq!(error.text, "EISDIR: illegal operation on a directory, read");
        let error = run(&read, json!({"path": "a.txt", "offset": 3})).await.unwrap_err();
        assert_eq!(error.text, "Offset 3 is beyond end of file (2 lines total)");
        assert_eq!(text(&run(&read, json!({"path": "a.txt", "offset": 2})).await.unwrap()), "two");
    }

    #[tokio::test]
    async fn an_open_buffer_wins_over_the_disk() {
        let (dir, read) = setup(&[("a.txt", b"disk\n")]);
        let path = dir.path().join("a.txt");
        read.workspace.open(&path, 0, "unsaved\n", "text");
        assert_eq!(text(&run(&read, json!({"path": "a.txt"})).await.unwrap()), "unsaved\n");
        read.workspace.close(&path);
        assert_eq!(text(&run(&read, json!({"path": "a.txt"})).await.unwrap()), "disk\n");
    }

    #[tokio::test]
    async fn only_what_was_read_of_an_unsaved_buffer_counts_as_seen() {
        let (dir, read) = setup(&[("a.txt", b"disk\n")]);
        let path = dir.path().join("a.txt");
        let text = (1..=5000).map(|it| format!("{it}\n")).collect::<String>();
        read.workspace.open(&path, 0, &text, "text");
        let missing = || {
            let text = read.workspace.overlay_text(&path).unwrap().to_string();
            read.workspace.missing("session", &path, &text).map(|it| (it.start, it.end))
        };
        for (args, expected) in [
            (json!({"path": "a.txt", "offset": 9000}), Some((0, 5000))),
            (json!({"path": "a.txt", "limit": 10}), Some((10, 5000))),
            // Cut at 2000 lines.
            (json!({"path": "a.txt", "offset": 11}), Some((2010, 5000))),
            (json!({"path": "a.txt", "offset": 4001, "hashline": true}), Some((2010, 4000))),
            (json!({"path": "a.txt", "offset": 2001, "limit": 2000}), None),
        ] {
            let _error = run(&read, args).await;
            assert_eq!(missing(), expected);
        }
        read.workspace.open(&path, 1, &format!("{}\nshort\n", "y".repeat(70_000)), "text");
        run(&read, json!({"path": "a.txt"})).await.unwrap();
        run(&read, json!({"path": "a.txt", "offset": 2})).await.unwrap();
        assert_eq!(missing(), Some((0, 1)), "a line that was too long to be shown");
    }

    #[tokio::test]
    async fn lines_can_have_tags() {
        let (_dir, read) = setup(&[("a.txt", b"one\n\ntwo\n")]);
        let result = run(&read, json!({"path": "a.txt", "hashline": true, "offset": 2})).await.unwrap();
        let expected = [hashline::tag(1, ""), hashline::tag(2, "two")];
        assert_eq!(text(&result), format!("{}:\n{}:two\n", expected[0], expected[1]));
    }
}
