//! What a prompt is about, as text behind the prompt.
//!
//! The same for every transport: files are named, selections and symbols are quoted as the user sees them (unsaved
//! text first), problems are listed, images go along. What is left out is asked of the editor (`complete`). Everything
//! is bounded and says where it was cut. Reading the disk, for images and for what is not open, is the only thing done
//! here besides building text.

mod complete;

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use pi_host::{
    fs::{blocking, read_bounded},
    tools::image,
    workspace::{
        Position, PositionEncoding, Workspace,
        position::{to_byte, to_char},
    },
};
use pi_protocol::{DiagnosticContext, PromptContext, PromptParams, TextPosition, TextRange};
use ropey::Rope;
use url::Url;

/// Bytes of one quoted piece.
const MAX_PIECE: usize = 50 * 1024;
/// Bytes of a file that is not open.
const MAX_FILE: u64 = 16 << 20;
/// Bytes of an image.
const MAX_IMAGE: u64 = 32 << 20;
/// Problems of one file.
const MAX_PROBLEMS: usize = 100;

/// The open texts a context names, as they were when the prompt came.
#[derive(Debug, Default)]
pub struct Texts {
    encoding: PositionEncoding,
    open: HashMap<PathBuf, Rope>,
}

impl Texts {
    /// Takes the texts that `context` names from `open`. Ropes share their text, so this copies nothing.
    pub fn of(
        context: &[PromptContext],
        encoding: PositionEncoding,
        open: impl Fn(&Path) -> Option<Rope>,
    ) -> Self {
        let mut texts = Self { encoding, open: HashMap::new() };
        texts.add(context, open);
        texts
    }

    /// Takes those as well that `context` names and that are not here yet.
    fn add(&mut self, context: &[PromptContext], open: impl Fn(&Path) -> Option<Rope>) {
        for item in context {
            let (PromptContext::Selection { uri: Some(uri), .. }
            | PromptContext::Symbol { uri: Some(uri), .. }) = item
            else {
                continue;
            };
            let path = path_of(uri);
            if !self.open.contains_key(&path) {
                self.open.extend(open(&path).map(|text| (path, text)));
            }
        }
    }
}

/// Whether putting this context together takes more than looking at open texts.
pub fn takes_time(context: &[PromptContext]) -> bool {
    context.iter().any(|it| matches!(it, PromptContext::Image { .. }) || complete::missing(it).is_some())
}

/// Puts the context of a prompt behind its message, where the session finds it after expanding the message. What it
/// leaves out is asked of the editor of `workspace`; images are read and brought within `limits` in a task of their
/// own. Everything else is done at once.
pub async fn resolve(
    prompt: &mut PromptParams,
    mut texts: Texts,
    limits: image::Limits,
    workspace: Option<&Workspace>,
) {
    let context = std::mem::take(&mut prompt.context);
    let editor = workspace.and_then(Workspace::editor);
    let (context, notes) = complete::complete(context, editor.as_deref()).await;
    texts.add(&context, |path| workspace?.overlay_text(path));
    prompt.appendix = render(&context, &texts);
    for note in notes {
        let _ok = write!(prompt.appendix, "\n\n{note}");
    }
    for item in &context {
        let PromptContext::Image { uri } = item else { continue };
        let path = path_of(uri);
        let name = path.display().to_string();
        let notes = match blocking(move || picture(&path, limits)).await {
            Ok(prepared) => {
                prompt.images.extend(prepared.content);
                prepared.notes.join("\n")
            }
            Err(error) => format!("not attached: {error}"),
        };
        if !notes.is_empty() {
            let _ok = write!(prompt.appendix, "\n\n{name}: {notes}");
        }
    }
}

fn picture(path: &Path, limits: image::Limits) -> io::Result<image::Prepared> {
    let bytes = read_bounded(path, MAX_IMAGE)?;
    let kind = image::Kind::sniff(&bytes)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an image that models can see"))?;
    Ok(image::prepare(bytes, kind, limits))
}

/// The text of a context, each piece after a blank line. An image is named.
pub fn render(context: &[PromptContext], texts: &Texts) -> String {
    let mut out = String::new();
    for item in context {
        out.push_str("\n\n");
        match item {
            PromptContext::Image { uri } => {
                let _ok = write!(out, "Image: {}", path_of(uri).display());
            }
            PromptContext::Symbol { uri: Some(uri), name, range: Some(range) } => {
                let _ok = write!(out, "`{}`: ", first_line(name));
                selection(&mut out, &path_of(uri), *range, texts);
            }
            PromptContext::File { uri: Some(uri) } => {
                // Writing to a string cannot fail, here and below.
                let _ok = write!(out, "File: {}", path_of(uri).display());
            }
            PromptContext::Text { title, text } => {
                let _ok = writeln!(out, "{}:", title.as_deref().unwrap_or("Text"));
                quote(&mut out, text, "");
            }
            PromptContext::Selection { uri: Some(uri), range: Some(range) } => {
                selection(&mut out, &path_of(uri), *range, texts);
            }
            PromptContext::Diagnostics { uri: Some(uri), items: Some(items) } => {
                problems(&mut out, &path_of(uri), items);
            }
            // Only where nothing can be asked: `complete` leaves none of them.
            PromptContext::Symbol { .. }
            | PromptContext::File { .. }
            | PromptContext::Selection { .. }
            | PromptContext::Diagnostics { .. } => {
                let subject = complete::missing(item).unwrap_or_default();
                let _ok = write!(out, "{subject}: not known (nothing was said about it)");
            }
        }
    }
    out
}

fn selection(out: &mut String, path: &Path, range: TextRange, texts: &Texts) {
    let from_disk;
    let (text, unsaved) = match texts.open.get(path) {
        Some(rope) => (rope, true),
        None => match read(path) {
            Ok(rope) => {
                from_disk = rope;
                (&from_disk, false)
            }
            Err(why) => {
                let _ok = write!(out, "{}, {} (not quoted: {why})", path.display(), lines_of(range));
                return;
            }
        },
    };
    let at = |it: TextPosition| to_byte(text, Position::new(it.line, it.character), texts.encoding);
    let (start, end) = if range.start == range.end {
        let line = TextPosition { line: range.start.line, character: 0 };
        let next = TextPosition { line: range.start.line.saturating_add(1), character: 0 };
        (at(line), at(next))
    } else {
        (at(range.start), at(range.end))
    };
    let chars = text.byte_to_char(start)..text.byte_to_char(end.max(start));
    // The numbers are those of the text that is quoted, also when the range reaches beyond its end.
    let shown = TextRange {
        start: clamp(text, range.start, texts.encoding),
        end: clamp(text, range.end, texts.encoding),
    };
    let heading = if unsaved { " (as open in the editor)" } else { "" };
    let _ok = writeln!(out, "{}, {}{heading}:", path.display(), lines_of(shown));
    let language = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
    quote(out, &text.slice(chars).to_string(), language);
}

fn clamp(text: &Rope, position: TextPosition, encoding: PositionEncoding) -> TextPosition {
    let char = to_char(text, Position::new(position.line, position.character), encoding);
    let line = u32::try_from(text.char_to_line(char)).unwrap_or(u32::MAX);
    if line == position.line { position } else { TextPosition { line, character: 1 } }
}

/// `line 3` or `lines 3-5`, counted from 1.
fn lines_of(range: TextRange) -> String {
    let first = range.start.line.saturating_add(1);
    let ends_before = range.end.character == 0 && range.end.line > range.start.line;
    let last = range.end.line.saturating_add(u32::from(!ends_before)).max(first);
    if first == last { format!("line {first}") } else { format!("lines {first}-{last}") }
}

fn problems(out: &mut String, path: &Path, items: &[DiagnosticContext]) {
    let _ok = write!(out, "Problems in {}:", path.display());
    for item in items.iter().take(MAX_PROBLEMS) {
        let severity = match item.severity {
            Some(1) => "error",
            Some(2) => "warning",
            Some(3) => "information",
            Some(4) => "hint",
            _ => "problem",
        };
        let message = cut(item.message.trim(), 2_000).replace('\n', "\n  ");
        let _ok = write!(out, "\n- {}: {severity}: {message}", lines_of(item.range));
        if let Some(source) = &item.source {
            let _ok = write!(out, " ({source})");
        }
    }
    if items.len() > MAX_PROBLEMS {
        let _ok = write!(out, "\n- and {} more", items.len() - MAX_PROBLEMS);
    }
}

/// A name is one short line, whatever the client sends.
fn first_line(name: &str) -> &str {
    cut(name.lines().next().unwrap_or_default(), 200)
}

/// A fenced block; the fence is longer than any inside.
fn quote(out: &mut String, text: &str, language: &str) {
    let shown = cut(text, MAX_PIECE);
    let mut fence = 3;
    let mut run = 0;
    for it in shown.chars() {
        run = if it == '`' { run + 1 } else { 0 };
        fence = fence.max(run + 1);
    }
    let fence = "`".repeat(fence);
    let end = if shown.ends_with('\n') || shown.is_empty() { "" } else { "\n" };
    let _ok = write!(out, "{fence}{language}\n{shown}{end}{fence}");
    if shown.len() < text.len() {
        let _ok = write!(out, "\n[cut after {} of {} bytes]", shown.len(), text.len());
    }
}

/// The beginning of `text`, at most `limit` bytes and whole characters.
fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn read(path: &Path) -> Result<Rope, String> {
    let say = |error: std::io::Error| error.to_string();
    // Looked at before it is opened: opening a pipe would wait for its other end.
    let metadata = std::fs::metadata(path).map_err(say)?;
    if !metadata.is_file() {
        return Err("not a file".into());
    }
    if metadata.len() > MAX_FILE {
        return Err(format!("larger than {} MB", MAX_FILE >> 20));
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(say)?.take(MAX_FILE).read_to_end(&mut bytes).map_err(say)?;
    Ok(Rope::from_str(&String::from_utf8_lossy(&bytes)))
}

/// The `file:` URI that an absolute path or such a URI means.
fn uri_of(uri: &str) -> String {
    Url::from_file_path(path_of(uri)).map_or_else(|()| uri.to_owned(), String::from)
}

/// The path that an absolute path or a `file:` URI means.
pub fn path_of(uri: &str) -> PathBuf {
    let parsed =
        Url::parse(uri).ok().filter(|it| it.scheme() == "file").and_then(|it| it.to_file_path().ok());
    parsed.unwrap_or_else(|| PathBuf::from(uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: (u32, u32), end: (u32, u32)) -> TextRange {
        let position = |(line, character)| TextPosition { line, character };
        TextRange { start: position(start), end: position(end) }
    }

    fn show(item: PromptContext, text: &str) -> String {
        let context = [item];
        let texts = Texts::of(&context, PositionEncoding::Utf16, |_| Some(Rope::from_str(text)));
        format!("do it{}", render(&context, &texts))
    }

    fn select(text: &str, range: TextRange) -> String {
        show(PromptContext::Selection { uri: Some("file:///ws/a%20b.rs".into()), range: Some(range) }, text)
    }

    #[test]
    fn a_selection_is_quoted_as_the_user_sees_it() {
        for (text, range, expected) in [
            (
                "a\nb\nc\n",
                range((1, 0), (2, 0)),
                "/ws/a b.rs, line 2 (as open in the editor):\n```rs\nb\n```",
            ),
            (
                "a\nb\nc\n",
                range((0, 0), (1, 1)),
                "/ws/a b.rs, lines 1-2 (as open in the editor):\n```rs\na\nb\n```",
            ),
            (
                "one two\n",
                range((0, 4), (0, 7)),
                "/ws/a b.rs, line 1 (as open in the editor):\n```rs\ntwo\n```",
            ),
            (
                "😀 two\n",
                range((0, 3), (0, 6)),
                "/ws/a b.rs, line 1 (as open in the editor):\n```rs\ntwo\n```",
            ),
            ("a\nb\n", range((1, 1), (1, 1)), "/ws/a b.rs, line 2 (as open in the editor):\n```rs\nb\n```"),
            (
                "x\n```\n",
                range((0, 0), (2, 0)),
                "/ws/a b.rs, lines 1-2 (as open in the editor):\n````rs\nx\n```\n````",
            ),
            ("a", range((7, 0), (9, 0)), "/ws/a b.rs, line 1 (as open in the editor):\n```rs\n```"),
        ] {
            assert_eq!(select(text, range), format!("do it\n\n{expected}"), "{text:?}");
        }
    }

    #[test]
    fn long_pieces_say_where_they_were_cut() {
        let text = "é".repeat(40_000);
        let got = show(PromptContext::Text { title: Some("Log".into()), text }, "");
        assert!(got.starts_with("do it\n\nLog:\n```\né"), "{}", &got[..40]);
        assert!(got.ends_with("[cut after 51200 of 80000 bytes]"), "{}", &got[got.len() - 60..]);
    }

    #[test]
    fn problems_and_files_are_listed() {
        let items = vec![DiagnosticContext {
            range: range((4, 0), (4, 3)),
            message: "mismatched types\nexpected u8".into(),
            source: Some("rustc".into()),
            severity: Some(1),
        }];
        let got = show(PromptContext::Diagnostics { uri: Some("/ws/a.rs".into()), items: Some(items) }, "");
        assert_eq!(
            got,
            "do it\n\nProblems in /ws/a.rs:\n- line 5: error: mismatched types\n  expected u8 (rustc)"
        );
        assert_eq!(show(PromptContext::File { uri: Some("/ws/a.rs".into()) }, ""), "do it\n\nFile: /ws/a.rs");
    }

    #[test]
    fn a_symbol_is_quoted_under_its_name() {
        let (uri, range) = (Some("/ws/a.rs".to_owned()), Some(range((0, 0), (0, 8))));
        let item = PromptContext::Symbol { uri, name: "retry\nx".into(), range };
        assert_eq!(
            show(item, "fn r() {}\n"),
            "do it\n\n`retry`: /ws/a.rs, line 1 (as open in the editor):\n```rs\nfn r() {\n```"
        );
    }

    #[tokio::test]
    async fn images_go_along_and_what_is_none_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let image = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            PromptContext::Image { uri: path.to_string_lossy().into_owned() }
        };
        let gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
        let context = vec![image("a.gif", gif), image("b.txt", b"text")];
        let mut prompt = PromptParams { context, ..PromptParams::default() };
        resolve(&mut prompt, Texts::default(), image::Limits::default(), None).await;
        assert_eq!(prompt.images.len(), 1);
        assert_eq!(prompt.images[0].mime_type, "image/gif");
        let dir = dir.path().display();
        assert_eq!(
            prompt.appendix,
            format!(
                "\n\nImage: {dir}/a.gif\n\nImage: {dir}/b.txt\n\n{dir}/b.txt: not attached: not an image that models \
                 can see"
            )
        );
    }

    #[test]
    fn a_file_that_is_not_open_is_read_from_disk() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.rs");
        let select = |path: &Path| {
            let uri = Some(path.to_string_lossy().into_owned());
            let item = [PromptContext::Selection { uri, range: Some(range((0, 0), (0, 1))) }];
            render(&item, &Texts::of(&item, PositionEncoding::Utf16, |_| None))
        };
        std::fs::write(&path, "x = 1\n").unwrap();
        assert_eq!(select(&path), format!("\n\n{}, line 1:\n```rs\nx\n```", path.display()));
        let missing = dir.path().join("none.rs");
        assert!(select(&missing).contains("line 1 (not quoted: "), "{}", select(&missing));
        assert!(select(dir.path()).contains("(not quoted: "));
    }
}
