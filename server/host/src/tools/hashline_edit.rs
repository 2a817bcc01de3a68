//! `hashline_edit`: change lines named by their tags.
//!
//! All tags are checked before anything is changed; edits are made from the bottom up, so the numbers stay
//! valid. A tag has eight bits, and names the first and the last of many lines: what is replaced must also be what the
//! model has read, as far as that is known.

use std::{borrow::Cow, fmt::Write as _, ops::Range, sync::Arc};

use async_trait::async_trait;
use pi_core::{Access, Tool, ToolContext, ToolError, ToolSpec};
use pi_protocol::ToolResult;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    check_abort, diff, edit,
    hashline::{self, Anchor},
    schema::{self, arguments},
    writes,
};
use crate::{
    form, fs,
    workspace::{Snapshot, Workspace},
};

/// Unchanged lines shown around a tag that does not fit.
const CONTEXT: usize = 2;
/// Lines shown of a part that the model does not know as it is.
const SHOWN: usize = 40;

/// Lines to change, named by the tags that read and grep print with hashline: true.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct HashlineEditArgs {
    /// Path to the file to edit (relative or absolute)
    path: String,
    /// Operations, all against the file as it was read
    edits: Vec<HashlineOp>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
struct HashlineOp {
    /// replace lines pos to end, or put lines before (prepend) or after (append) pos
    op: OpKind,
    /// Tag N#AB of the line. Needed by replace; without it prepend means the start and append the end of the file
    pos: Option<String>,
    /// Tag of the last line to replace (default: pos)
    end: Option<String>,
    /// The new lines; absent deletes
    lines: Option<Lines>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum OpKind {
    Replace,
    Prepend,
    Append,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Lines {
    List(Vec<String>),
    Text(String),
}

/// The tool.
pub struct HashlineEdit {
    spec: ToolSpec,
    workspace: Arc<Workspace>,
}

impl HashlineEdit {
    /// On this workspace.
    pub fn new(workspace: Arc<Workspace>) -> Self {
        let spec = schema::spec::<HashlineEditArgs>(
            "hashline_edit",
            "Edit lines by the tags that read prints with hashline: true",
            "Edit a file by line tags (N#AB) as printed by read or grep with hashline: true. A tag whose line has \
             changed is refused, so read the file again then.",
            false,
        );
        Self { spec, workspace }
    }
}

impl HashlineEdit {
    /// The file as it is, and its text as it would be. `session` is the one whose model asks.
    async fn changed(
        &self,
        args: &HashlineEditArgs,
        session: Option<&str>,
    ) -> Result<(Snapshot, String), ToolError> {
        if args.edits.is_empty() {
            return Err(ToolError::new("No edits provided"));
        }
        self.workspace.check_is_file(&args.path).map_err(ToolError::new)?;
        let path = self.workspace.resolve_existing(&args.path);
        let base = self.workspace.read(&path).await;
        let base = base.map_err(|error| ToolError::new(fs::describe(&error, "access", &path)))?;
        edit::writable(&self.workspace, &base).await?;
        let known = session.and_then(|it| self.workspace.known_text(it, &path));
        let changed = apply(&args.path, &base.text, known.as_deref(), &args.edits).map_err(ToolError::new)?;
        Ok((base, changed))
    }
}

#[async_trait]
impl Tool for HashlineEdit {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn access(&self, args: &Map<String, Value>) -> Access {
        let path = args.get("path").and_then(Value::as_str).unwrap_or_default();
        writes(&self.workspace.resolve_existing(path))
    }

    async fn preview(&self, args: &Map<String, Value>) -> Result<Option<String>, ToolError> {
        let args: HashlineEditArgs = arguments(args.clone())?;
        let (base, changed) = self.changed(&args, None).await?;
        Ok(Some(diff::preview(&args.path, &base.text, &changed)))
    }

    async fn run(&self, call: ToolContext) -> Result<ToolResult, ToolError> {
        check_abort(&call)?;
        let args: HashlineEditArgs = arguments(call.args.clone())?;
        let path = self.workspace.resolve_existing(&args.path);
        let guard = edit::lock(&self.workspace, &path, &call).await?;
        let (base, changed) = self.changed(&args, Some(&call.session_id)).await?;
        let (before, after) = edit::commit(&guard, base, changed, "hashline_edit", &call).await?;
        let text = format!("Successfully applied hashline edits to {}.", args.path);
        Ok(ToolResult::text(text).with_details(diff::details(&args.path, &before, &after)))
    }
}

/// Lines `range` become `lines`; an empty range inserts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Splice {
    range: Range<usize>,
    lines: Vec<String>,
}

/// A line without its end, and what that is: LF or CRLF, or nothing.
#[derive(Debug, Clone)]
struct Line<'a> {
    text: Cow<'a, str>,
    end: &'a str,
}

/// The lines of a text; behind a final end there is an empty one.
fn ended_lines(text: &str) -> Vec<Line<'_>> {
    let mut lines: Vec<_> = text
        .split('\n')
        .map(|line| match line.strip_suffix('\r') {
            Some(text) => Line { text: text.into(), end: "\r\n" },
            None => Line { text: line.into(), end: "\n" },
        })
        .collect();
    if let Some(last) = lines.last_mut() {
        *last = Line { text: text[text.rfind('\n').map_or(0, |it| it + 1)..].into(), end: "" };
    }
    lines
}

/// The new text of the file. `known` is what the model has read of it.
fn apply(path: &str, text: &str, known: Option<&str>, edits: &[HashlineOp]) -> Result<String, String> {
    let body = form::without_mark(text);
    // Tags are made from the text as it is read, with the mark in its first line; contents are without.
    let tagged: Vec<&str> = text.split('\n').collect();
    let before = ended_lines(body);
    let first = before.first().map(|it| it.end).filter(|it| !it.is_empty()).unwrap_or("\n");
    let splices = splices(&tagged, edits)?;
    if let Some(known) = known {
        check_known(known, &before, &tagged, &splices)?;
    }
    let mut lines = before.clone();
    for splice in splices.into_iter().rev() {
        let ends: Vec<_> = before[splice.range.clone()].iter().map(|it| it.end).collect();
        let fresh = splice.lines.into_iter().enumerate().map(|(at, text)| Line {
            text: text.into(),
            // A line keeps the end of the one in whose place it comes.
            end: ends.get(at).copied().unwrap_or(first),
        });
        lines.splice(splice.range, fresh);
    }
    if lines.iter().map(|it| &it.text).eq(before.iter().map(|it| &it.text)) {
        return Err(format!(
            "No changes made to {path}. All edits were no-ops (replacement identical to existing content)."
        ));
    }
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..text.len() - body.len()]);
    let last = lines.len().saturating_sub(1);
    for (at, line) in lines.iter().enumerate() {
        out.push_str(&line.text);
        if at < last {
            out.push_str(if line.end.is_empty() { first } else { line.end });
        }
    }
    Ok(out)
}

/// An error that shows the lines that are to be replaced and are others than the model has read.
fn check_known(known: &str, now: &[Line<'_>], tagged: &[&str], splices: &[Splice]) -> Result<(), String> {
    let known = ended_lines(form::without_mark(known));
    let is_known = |at: usize| known.get(at).zip(now.get(at)).is_some_and(|(a, b)| a.text == b.text);
    let mut problems = String::new();
    for splice in splices.iter().filter(|it| !it.range.clone().all(is_known)) {
        for at in splice.range.clone().take(SHOWN) {
            let mark = if is_known(at) { "    " } else { ">>> " };
            let content = tagged[at].strip_suffix('\r').unwrap_or(tagged[at]);
            let _ = write!(problems, "\n{mark}{}:{content}", hashline::tag(at, content));
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "Nothing was changed: lines to be replaced are others than you have read — re-read the file first. They are \
             now:{problems}"
        )),
    }
}

/// The operations as splices, ascending and not overlapping.
fn splices(lines: &[&str], edits: &[HashlineOp]) -> Result<Vec<Splice>, String> {
    let mut problems = Vec::new();
    let mut out: Vec<Splice> = Vec::new();
    for edit in edits {
        let pos = anchor(lines, edit.pos.as_deref(), &mut problems)?;
        let end = anchor(lines, edit.end.as_deref(), &mut problems)?;
        // Only a final line feed leaves an empty last line; text goes before it.
        let eof = lines.len() - usize::from(lines.last().is_some_and(|it| it.is_empty()));
        let range = match (edit.op, pos) {
            (OpKind::Replace, None) => return Err("replace operation requires a pos anchor".into()),
            (OpKind::Replace, Some(pos)) => {
                let end = end.unwrap_or(pos);
                if end < pos {
                    let (end, pos) = (end + 1, pos + 1);
                    return Err(format!("End anchor (line {end}) is before start anchor (line {pos})"));
                }
                pos..end + 1
            }
            (OpKind::Prepend, pos) => pos.unwrap_or(0)..pos.unwrap_or(0),
            (OpKind::Append, pos) => pos.map_or(eof, |it| it + 1)..pos.map_or(eof, |it| it + 1),
        };
        let splice = Splice { range, lines: new_lines(edit.lines.as_ref()) };
        if !out.contains(&splice) {
            out.push(splice);
        }
    }
    if !problems.is_empty() {
        let head = "Hash validation failed — re-read the file to get current tags.";
        return Err(format!("{head}\n{}", problems.join("\n")));
    }
    // At one place insertions come before replacements, in the order they were given.
    out.sort_by_key(|it| (it.range.start, it.range.end));
    for pair in out.windows(2) {
        let [a, b] = pair else { continue };
        if a.range.end > b.range.start {
            let lines = |it: &Splice| {
                format!("lines {}-{}", it.range.start + 1, it.range.end.max(it.range.start + 1))
            };
            return Err(format!(
                "Overlapping edits detected: {} and {}. Please combine overlapping edits into a single operation.",
                lines(a),
                lines(b)
            ));
        }
    }
    Ok(out)
}

/// The index of the line a tag names. What does not fit is collected, so that the model sees all of it at
/// once.
fn anchor(lines: &[&str], text: Option<&str>, problems: &mut Vec<String>) -> Result<Option<usize>, String> {
    let Some(text) = text.filter(|it| !it.trim().is_empty()) else { return Ok(None) };
    let Some(Anchor { line, hash }) = hashline::parse(text) else {
        return Err(format!(
            "Invalid line tag \"{text}\": expected N#AB as printed by read with hashline: true"
        ));
    };
    let index = line - 1;
    let Some(content) = lines.get(index) else {
        problems.push(format!("Line {line} out of range (file has {} lines)", lines.len()));
        return Ok(Some(index));
    };
    let actual = hashline::hash(index, content);
    if actual != hash {
        let mut problem =
            format!("Hash mismatch at line {line}: expected {line}#{hash}, actual is {line}#{actual}");
        let around = index.saturating_sub(CONTEXT)..(index + CONTEXT + 1).min(lines.len());
        for at in around {
            let mark = if at == index { ">>> " } else { "    " };
            let content = lines[at].strip_suffix('\r').unwrap_or(lines[at]);
            let _ = write!(problem, "\n{mark}{}:{content}", hashline::tag(at, content));
        }
        problems.push(problem);
    }
    Ok(Some(index))
}

fn new_lines(lines: Option<&Lines>) -> Vec<String> {
    let plain = |it: &str| hashline::strip(it.strip_suffix('\r').unwrap_or(it)).to_owned();
    match lines {
        None => Vec::new(),
        Some(Lines::List(lines)) => lines.iter().flat_map(|it| it.split('\n')).map(plain).collect(),
        Some(Lines::Text(text)) => text.strip_suffix('\n').unwrap_or(text).split('\n').map(plain).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::tools::testing::{run, text};

    fn ops(value: Value) -> Vec<HashlineOp> {
        serde_json::from_value(value).unwrap()
    }

    fn t(index: usize, line: &str) -> String {
        hashline::tag(index, line)
    }

    #[test]
    fn lines_are_changed_by_tag() {
        let (one, two, three) = (t(0, "one"), t(1, "two"), t(2, "three"));
        let cases = [
            (json!([{"op": "replace", "pos": two, "lines": ["2"]}]), "one\n2\nthree\n"),
            (json!([{"op": "replace", "pos": one, "end": two, "lines": "1\n2\n"}]), "1\n2\nthree\n"),
            (json!([{"op": "replace", "pos": two}]), "one\nthree\n"),
            (json!([{"op": "replace", "pos": two, "lines": null}]), "one\nthree\n"),
            (json!([{"op": "prepend", "lines": ["0"]}]), "0\none\ntwo\nthree\n"),
            (json!([{"op": "append", "lines": ["4"]}]), "one\ntwo\nthree\n4\n"),
            (json!([{"op": "append", "pos": one, "lines": ["1b"]}]), "one\n1b\ntwo\nthree\n"),
            (
                json!([
                    {"op": "replace", "pos": three, "lines": ["3"]}, {"op": "prepend", "pos": one, "lines": ["0"]},
                    {"op": "replace", "pos": three, "lines": ["3"]}
                ]),
                "0\none\ntwo\n3\n",
            ),
            (
                json!([{"op": "replace", "pos": format!("> {two}:two"), "lines": [format!("{two}:TWO")]}]),
                "one\nTWO\nthree\n",
            ),
        ];
        for (edits, expected) in cases {
            assert_eq!(
                apply("f", "one\ntwo\nthree\n", None, &ops(edits.clone())).unwrap(),
                expected,
                "{edits}"
            );
        }
    }

    #[test]
    fn mark_and_endings_stay() {
        let text = "\u{feff}one\r\ntwo\r\n";
        let edits = json!([{"op": "replace", "pos": t(0, "\u{feff}one"), "lines": ["1"]}]);
        assert_eq!(apply("f", text, None, &ops(edits)).unwrap(), "\u{feff}1\r\ntwo\r\n");
    }

    #[test]
    fn lines_that_stay_keep_their_endings() {
        let (b, d) = (t(1, "bbb"), t(3, "ddd"));
        let mixed = "aaa\r\nbbb\nc\rc\nddd\r\neee";
        for (edits, expected) in [
            (json!([{"op": "replace", "pos": b, "lines": ["B", "B"]}]), "aaa\r\nB\nB\r\nc\rc\nddd\r\neee"),
            (json!([{"op": "replace", "pos": b, "end": d, "lines": ["x"]}]), "aaa\r\nx\neee"),
            (json!([{"op": "append", "lines": ["z"]}]), "aaa\r\nbbb\nc\rc\nddd\r\neee\r\nz"),
            (json!([{"op": "replace", "pos": t(4, "eee")}]), "aaa\r\nbbb\nc\rc\nddd"),
        ] {
            assert_eq!(apply("f", mixed, None, &ops(edits.clone())).unwrap(), expected, "{edits}");
        }
        let append = json!([{"op": "append", "lines": ["z"]}]);
        assert_eq!(apply("f", "a\nb\r\n", None, &ops(append)).unwrap(), "a\nb\r\nz\n");
    }

    #[tokio::test]
    async fn lines_that_the_user_changed_since_are_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        std::fs::write(&path, "one\ntwo\nthree\nfour\n").unwrap();
        let tool = HashlineEdit::new(Workspace::new(dir.path().to_owned()));
        tool.workspace.learn("session", &path).await;
        // Between two tags that still fit.
        std::fs::write(&path, "one\nby the user\nthree\nfour!\n").unwrap();
        let edit = |pos: String, end: String| {
            let edits = json!([{"op": "replace", "pos": pos, "end": end, "lines": ["x"]}]);
            json!({"path": "a.txt", "edits": edits})
        };
        let error = run(&tool, edit(t(0, "one"), t(2, "three"))).await.unwrap_err().text;
        let shown = format!("    {}:one\n>>> {}:by the user\n", t(0, "one"), t(1, "by the user"));
        assert!(error.contains("re-read the file") && error.contains(&shown), "{error}");
        // A tag that fits by chance.
        let error = run(&tool, edit(t(3, "four!"), t(3, "four!"))).await.unwrap_err().text;
        assert!(error.contains("re-read the file"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\nby the user\nthree\nfour!\n");
        run(&tool, edit(t(2, "three"), t(2, "three"))).await.unwrap();
        tool.workspace.learn("session", &path).await;
        run(&tool, edit(t(0, "one"), t(1, "by the user"))).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x\nx\nfour!\n");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (one, two) = (t(0, "one"), t(1, "two"));
        let cases = [
            (json!([{"op": "replace", "lines": ["x"]}]), "replace operation requires a pos anchor".to_owned()),
            (
                json!([{"op": "replace", "pos": two, "end": one}]),
                "End anchor (line 1) is before start anchor (line 2)".into(),
            ),
            (
                json!([{"op": "replace", "pos": one, "end": two, "lines": ["x"]}, {"op": "replace", "pos": two}]),
                "Overlapping edits detected: lines 1-2 and lines 2-2. Please combine overlapping edits into a single \
                 operation."
                    .into(),
            ),
            (
                json!([{"op": "replace", "pos": one, "lines": ["one"]}]),
                "No changes made to f. All edits were no-ops (replacement identical to existing content).".into(),
            ),
            (
                json!([{"op": "replace", "pos": "9#ZZ", "lines": ["x"]}]),
                "Hash validation failed — re-read the file to get current tags.\nLine 9 out of range (file has 3 \
                 lines)"
                    .into(),
            ),
            (
                json!([{"op": "replace", "pos": format!("1#{}", hashline::hash(1, "two")), "lines": ["x"]}]),
                format!(
                    "Hash validation failed — re-read the file to get current tags.\nHash mismatch at line 1: expected \
                     1#{}, actual is {one}\n>>> {one}:one\n    {two}:two\n    {}:",
                    hashline::hash(1, "two"),
                    t(2, "")
                ),
            ),
        ];
        for (edits, expected) in cases {
            assert_eq!(apply("f", "one\ntwo\n", None, &ops(edits)).unwrap_err(), expected);
        }
    }

    #[tokio::test]
    async fn the_file_changes() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.txt"), "one\ntwo\n").unwrap();
        let tool = HashlineEdit::new(Workspace::new(dir.path().to_owned()));
        let edits = json!([{"op": "replace", "pos": t(1, "two"), "lines": ["2"]}]);
        let result = run(&tool, json!({"path": "a.txt", "edits": edits})).await.unwrap();
        assert_eq!(text(&result), "Successfully applied hashline edits to a.txt.");
        assert_eq!(result.details.unwrap()["diff"], " 1 one\n-2 two\n+2 2");
        assert_eq!(std::fs::read_to_string(dir.path().join("a.txt")).unwrap(), "one\n2\n");
        let error = run(&tool, json!({"path": "a.txt", "edits": []})).await.unwrap_err();
        assert_eq!(error.text, "No edits provided");
    }
}
