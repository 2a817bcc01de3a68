//! One tool call: its heading, and what is worth showing below it.

use pi_protocol::{Content, ToolCall};
use serde_json::Value;
use url::Url;

use super::{Mark, Status, Style, hunks, inert, line};

/// What came of a call so far.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// How it stands.
    pub status: Status,
    /// What it gave.
    pub content: &'a [Content],
    /// What it said besides.
    pub details: Option<&'a Value>,
    /// What it changed, as far as that can be decided about.
    pub hunks: &'a [Mark],
    /// How that differs, where the result does not say it.
    pub patch: Option<&'a str>,
}

impl Outcome<'_> {
    /// What was changed, as a unified diff.
    fn diff(&self) -> Option<&str> {
        self.details.and_then(|it| it.get("patch")).and_then(Value::as_str).or(self.patch)
    }

    /// What is said of an edit in whose place the user has typed, and how it would have changed the text.
    fn conflict(&self) -> Option<(&str, &str)> {
        let conflict = self.details?.get("conflict")?;
        Some((conflict.get("headline")?.as_str()?, conflict.get("patch")?.as_str()?))
    }
}

/// Tools whose output is for the model; a person sees that they looked.
const QUIET: [&str; 4] = ["read", "ls", "find", "grep"];

/// A call with what came of it.
pub fn render(call: &ToolCall, outcome: Outcome<'_>, style: &Style) -> String {
    let sign = style.sign(outcome.status);
    let text: String = outcome.content.iter().filter_map(Content::as_text).collect();
    let failed = outcome.status == Status::Failed;
    let name = line(&call.name, 40);
    let argument = |key: &str| call.arguments.get(key).and_then(Value::as_str);
    let (subject, body) = match (call.name.as_str(), outcome.diff(), outcome.conflict()) {
        ("bash", ..) => {
            let command = argument("command").unwrap_or_default();
            (String::new(), console(command, &text, outcome, style))
        }
        (_, Some(patch), _) if !failed => {
            let path = style.path(argument("path").unwrap_or_default());
            let diff = Diff::of(patch, &path, outcome.hunks);
            (format!("{path} +{} -{}", diff.added, diff.removed), cut(&diff.text, "diff", outcome, style))
        }
        (quiet, ..) if QUIET.contains(&quiet) && !failed => (subject(call, style), String::new()),
        ("write", ..) if !failed => (subject(call, style), String::new()),
        (_, _, Some((headline, patch))) => {
            let diff = Diff::of(patch, &style.path(argument("path").unwrap_or_default()), &[]);
            let body = format!("{}\n\n{}", line(headline, 300), cut(&diff.text, "diff", outcome, style));
            (subject(call, style), body)
        }
        _ if text.is_empty() => (subject(call, style), String::new()),
        _ => (subject(call, style), cut(&text, "", outcome, style)),
    };
    let planned = outcome.details.and_then(|it| it.get("planned")).and_then(Value::as_bool) == Some(true);
    let state = match outcome.status {
        Status::Done if planned => " · only shown",
        Status::Running => " · running",
        Status::Asked => " · waits for your answer",
        Status::Skipped => " · not run to its end",
        Status::Done | Status::Failed => "",
    };
    let hunks = hunks::suffix(outcome.hunks);
    let space = if subject.is_empty() { "" } else { " " };
    let body = if body.is_empty() { body } else { format!("\n{body}") };
    format!("### {sign} {name}{space}{subject}{state}{hunks}\n{body}")
}

/// What a call is about, in a few words.
fn subject(call: &ToolCall, style: &Style) -> String {
    let text = |key: &str| call.arguments.get(key).and_then(Value::as_str).filter(|it| !it.is_empty());
    let number = |key: &str| call.arguments.get(key).and_then(Value::as_u64);
    let pattern = text("pattern").map(|it| format!("“{}”", line(it, 60)));
    let path = text("path").map(|it| style.path(it));
    let lines = match (number("offset"), number("limit")) {
        (None, None) => String::new(),
        (offset, None) => format!(":{}-", offset.unwrap_or(1)),
        (offset, Some(limit)) => {
            let first = offset.unwrap_or(1);
            format!(":{first}-{}", first.saturating_add(limit).saturating_sub(1))
        }
    };
    let path = path.map(|it| it + &lines);
    pattern.into_iter().chain(path).collect::<Vec<_>>().join(" in ")
}

/// A command and what it printed. While it runs the newest lines are shown.
fn console(command: &str, text: &str, outcome: Outcome<'_>, style: &Style) -> String {
    let prompt = format!("$ {}\n", command.trim_end());
    if outcome.status != Status::Running {
        return cut(&(prompt + text), "console", outcome, style);
    }
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(style.lines);
    inert::fenced(&(prompt + &lines[skipped..].join("\n")), "console")
}

/// Begins and ends the line below a block that was cut.
const MORE: (&str, &str) = ("… ", " more lines: go to the definition here");

/// Whether a line says that there is more, and leads to all of it.
pub fn leads_to_more(line: &str) -> bool {
    line.starts_with(MORE.0) && line.ends_with(MORE.1)
}

/// A block of so many lines as are shown, and how many there are more: the editor leads from there to all of it
/// (`look.rs`), or a link to the file that has it.
fn cut(text: &str, info: &str, outcome: Outcome<'_>, style: &Style) -> String {
    let full = outcome.details.and_then(|it| it.get("fullOutputPath")).and_then(Value::as_str);
    let file = full.and_then(|it| Url::from_file_path(it).ok());
    short(text, info, style, |more| match &file {
        Some(url) => format!("{}{more} more lines: <{url}>", MORE.0),
        None => format!("{}{more}{}", MORE.0, MORE.1),
    })
}

/// A block of so many lines as are shown, and below it what is said of the number of those left out.
pub fn short(text: &str, info: &str, style: &Style, say: impl Fn(usize) -> String) -> String {
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= style.lines {
        return inert::fenced(text, info);
    }
    let shown = inert::fenced(&lines[..style.lines].join("\n"), info);
    format!("{shown}\n{}\n", say(lines.len() - style.lines))
}

/// All that came of a call, with the language it is in; nothing if there is no more than its heading.
pub fn output(
    content: &[Content],
    details: Option<&Value>,
    patch: Option<&str>,
) -> Option<(String, &'static str)> {
    let outcome = Outcome { status: Status::Done, content, details, hunks: &[], patch };
    if let Some(diff) = outcome.diff() {
        return Some((diff.to_owned(), "diff"));
    }
    let text: String = content.iter().filter_map(Content::as_text).collect();
    (!text.trim().is_empty()).then_some((text, ""))
}

/// A unified diff of one file as the chat shows it: changed lines only, each place with its line.
struct Diff {
    text: String,
    added: usize,
    removed: usize,
}

impl Diff {
    fn of(patch: &str, path: &str, marks: &[Mark]) -> Self {
        let mut out = Diff { text: String::new(), added: 0, removed: 0 };
        // Places and hunks are both by line. If they do not match one to one, a number would name the wrong place.
        let mut marks = if places(patch) == marks.len() { marks } else { &[] }.iter();
        let mut at = 0_usize;
        let mut in_change = false;
        for row in patch.lines().skip_while(|it| !it.starts_with("@@")) {
            let sign = row.chars().next().unwrap_or(' ');
            match sign {
                '@' => {
                    // `@@ -1,3 +4,5 @@`: the new text's first line.
                    let new = row.split('+').nth(1).unwrap_or_default();
                    at = new.split([',', ' ']).next().and_then(|it| it.parse().ok()).unwrap_or(1);
                    in_change = false;
                    continue;
                }
                '+' | '-' => {
                    if !std::mem::replace(&mut in_change, true) {
                        let place = format!("{path}:{}", at.max(1));
                        let line = marks.next().map(|it| hunks::line(it, &place));
                        out.text.push_str(&line.unwrap_or_else(|| format!("@@ {place}")));
                        out.text.push('\n');
                    }
                    out.text.push_str(row);
                    out.text.push('\n');
                }
                _ => in_change = false,
            }
            out.added += usize::from(sign == '+');
            out.removed += usize::from(sign == '-');
            at += usize::from(!matches!(sign, '-' | '\\'));
        }
        out
    }
}

/// How many places a patch changes: runs of changed lines.
fn places(patch: &str) -> usize {
    let rows = patch.lines().skip_while(|it| !it.starts_with("@@"));
    let mut before = false;
    let mut count = 0;
    for row in rows.filter(|it| !it.starts_with('\\')) {
        let changed = row.starts_with(['+', '-']);
        count += usize::from(changed && !std::mem::replace(&mut before, changed));
        before = changed;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_in_whose_place_the_user_has_typed_is_shown() {
        let call = serde_json::json!({ "id": "1", "name": "edit", "arguments": { "path": "/p/a.rs" } });
        let call: ToolCall = serde_json::from_value(call).unwrap();
        let patch = "--- a.rs\n+++ a.rs\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n";
        let details = serde_json::json!({ "conflict": { "headline": "You changed it.", "patch": patch } });
        let content = [Content::text("changed in the meantime")];
        let outcome = Outcome {
            status: Status::Failed,
            content: &content,
            details: Some(&details),
            hunks: &[],
            patch: None,
        };
        let style = Style { lines: 9, root: "/p".into(), ascii: false, time: |_| String::new() };
        assert_eq!(
            render(&call, outcome, &style),
            "### ✗ edit a.rs\n\nYou changed it.\n\n```diff\n@@ a.rs:2\n-two\n+2\n```\n"
        );
    }

    #[test]
    fn a_diff_names_its_places() {
        let patch = "--- a\n+++ a\n@@ -1,4 +1,4 @@\n one\n-two\n+2\n three\n-four\n@@ -20,2 +19,3 @@\n x\n+y\n z\n\\ No newline\n";
        let diff = Diff::of(patch, "a", &[]);
        assert_eq!(diff.text, "@@ a:2\n-two\n+2\n@@ a:4\n-four\n@@ a:20\n+y\n");
        assert_eq!((diff.added, diff.removed), (2, 2));
        let marks = [4, 5, 6].map(|number| Mark { number, state: "pending" });
        let numbered = Diff::of(patch, "a", &marks).text;
        assert!(numbered.starts_with("@@ hunk 4 · a:2 · pending\n-two\n+2\n@@ hunk 5 · a:4 · pending\n"));
        assert!(numbered.ends_with("@@ hunk 6 · a:20 · pending\n+y\n"));
        assert_eq!(Diff::of(patch, "a", &marks[1..]).text, diff.text, "one is missing: none is named");
    }
}
