//! What is under the cursor in a chat document or transcript: the arguments of a tool call, a file, a change.

use std::{path::Path, sync::Arc};

use lsp_types::{Hover, HoverContents, Location, MarkupContent, MarkupKind, Position, Range, Url};
use pi_core::session::Command;
use pi_host::{fs::blocking, sessions};
use pi_protocol::{AgentMessage, ToolCall};
use serde_json::Value;

use super::{attach, mention, numbers, review, writing};
use crate::{
    failure::OPEN_ELSEWHERE,
    markdown::{self, Heading},
    transport::lsp::{connection::Connection, show},
};

/// Bytes of the arguments that are shown.
const MOST: usize = 64 << 10;

/// The whole arguments of the tool call whose heading is at the place, and what it gave.
pub async fn hover(connection: &Connection, path: &Path, text: &str, at: Position) -> Option<Hover> {
    let headings = markdown::headings(text);
    let heading = headings.iter().find(|it| it.level == 3 && it.line == at.line as usize)?;
    let (call, output) = step(connection, path, text, &headings, heading).await?;
    let mut value = arguments(&call);
    if let Some((output, info)) = output {
        value.push_str(&format!("\nresult\n\n{}", block(&output, info, MOST)));
    }
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value }),
        range: Some(Range::new(Position::new(at.line, 0), Position::new(at.line, u32::MAX))),
    })
}

/// What came of a call: the text, and its language.
type Output = (String, &'static str);

/// The call that a heading stands for, and what came of it.
async fn step(
    connection: &Connection,
    path: &Path,
    text: &str,
    headings: &[Heading<'_>],
    heading: &Heading<'_>,
) -> Option<(ToolCall, Option<Output>)> {
    let (turn, step) = place(headings, heading)?;
    let project = connection.folder_of(path);
    let session = markdown::session_id(text)?;
    let messages = messages(connection, &project, session).await?;
    let style = writing::style(connection, &project);
    let turns = markdown::split(&messages);
    let turn = turns.get(turn)?;
    let call = markdown::calls(turn, &style).into_iter().nth(step)??.clone();
    // The user may have changed the document.
    if markdown::line(&call.name, 40) != heading.text.split(' ').nth(1)? {
        return None;
    }
    let result =
        turn.messages.iter().filter_map(|it| it.as_tool_result()).find(|it| it.tool_call_id == call.id);
    let Some(result) = result else { return Some((call, None)) };
    let patch = match call.name.as_str() {
        "write" => review::patch(connection, session, &call.id).await,
        _ => None,
    };
    Some((call, markdown::output(&result.content, result.details.as_ref(), patch.as_deref())))
}

/// From the line below what was cut to all of it, in a document of its own.
async fn rest(connection: &Connection, path: &Path, text: &str, line: usize) -> Option<Location> {
    let headings = markdown::headings(text);
    let heading = headings.iter().rfind(|it| it.level == 3 && it.line < line)?;
    let (_, (output, info)) = match step(connection, path, text, &headings, heading).await? {
        (call, Some(output)) => (call, output),
        _ => return None,
    };
    let name = if info == "diff" { "output.diff" } else { "output.txt" };
    let file = show::aside(name, output).await;
    let file =
        file.inspect_err(|error| tracing::warn!(%error, "the temporary folder cannot be written")).ok()?;
    location(connection, &file, 0)
}

/// Which turn a heading is in, and which of its steps it is, both from 0.
fn place(headings: &[Heading<'_>], heading: &Heading<'_>) -> Option<(usize, usize)> {
    let before = headings.iter().filter(|it| it.line < heading.line);
    let turn = before.clone().filter(|it| markdown::is_prompt(it)).count().checked_sub(1)?;
    let begins = before.clone().rfind(|it| markdown::is_prompt(it))?.line;
    let steps = before.filter(|it| it.level == 3 && it.line > begins && is_step(it));
    is_step(heading).then(|| (turn, steps.count()))
}

/// Questions, what was not sent and what was summarised are no steps of the conversation.
fn is_step(heading: &Heading<'_>) -> bool {
    let (sign, text) = heading.text.split_once(' ').unwrap_or((heading.text, ""));
    sign != "?"
        && !["not sent: ", "could not summarise: ", "summarised ", OPEN_ELSEWHERE]
            .iter()
            .any(|it| text.starts_with(it))
}

/// What was said in a session, from its file if it is not open.
async fn messages(connection: &Connection, project: &Path, session: &str) -> Option<Vec<Arc<AgentMessage>>> {
    if let Ok(live) = connection.hub.session(Some(session)) {
        let all = live.ask(|reply| Command::GetEntries(None, reply)).await.ok()?;
        return Some(attach::path_of(&all.entries, all.leaf_id.as_deref()));
    }
    let folder = project.to_owned();
    let files = connection.hub.compose().session_files(&folder);
    let id = session.to_owned();
    let loaded = blocking(move || {
        let found = files.with_id(&id, &folder);
        Ok(found.and_then(|(path, _)| sessions::load(&path).ok()))
    });
    let loaded = loaded.await.ok()??;
    let leaf = loaded.entries.last().map(|it| it.base.id.clone());
    Some(attach::path_of(&loaded.entries, leaf.as_deref()))
}

/// A call as Markdown: each argument by its name, long ones in fences of their own.
fn arguments(call: &ToolCall) -> String {
    let mut out = format!("**{}**\n", markdown::line(&call.name, 80));
    for (name, value) in &call.arguments {
        let text = match value {
            Value::String(text) => text.clone(),
            other => serde_json::to_string_pretty(other).unwrap_or_default(),
        };
        let most = MOST.saturating_sub(out.len());
        let info = match (call.name.as_str(), name.as_str()) {
            ("bash", "command") => "sh",
            _ if value.is_string() => "",
            _ => "json",
        };
        out.push_str(&format!("\n{}\n\n{}", markdown::line(name, 80), block(&text, info, most)));
        if most < text.len() {
            break;
        }
    }
    out
}

/// So much of a text in a fence, and how much there is more.
fn block(text: &str, info: &str, most: usize) -> String {
    let end = (0..=most.min(text.len())).rev().find(|&it| text.is_char_boundary(it)).unwrap_or(0);
    let shown = markdown::fenced(&text[..end], info);
    match text.len() - end {
        0 => shown,
        more => format!("{shown}\n… {more} more bytes\n"),
    }
}

/// Where a path, a mention, a change or the end of what was cut leads.
pub async fn definition(
    connection: &Arc<Connection>,
    path: &Path,
    text: &str,
    at: Position,
) -> Option<Location> {
    let line = text.lines().nth(at.line as usize)?;
    if markdown::leads_to_more(line) {
        return rest(connection, path, text, at.line as usize).await;
    }
    let column = mention::column(line, at.character, connection.capabilities().encoding);
    if let Some(number) = hunk_at(text, at.line as usize, line, column) {
        let hunks = review::hunks(connection, markdown::session_id(text)?).await;
        let hunk = numbers::find(&hunks, number)?;
        let open = connection.documents.workspace()?.document(&hunk.path);
        let path = open.map_or_else(|| hunk.path.clone(), |it| it.path);
        return location(connection, &path, u32::try_from(hunk.start).ok()?);
    }
    let (by, project, line) = (connection.clone(), connection.folder_of(path), line.to_owned());
    let found =
        blocking(move || Ok(mention::at(&by, &project, &line, column).and_then(|it| it.resolved(&by))));
    let found = found.await.ok()??;
    location(connection, &found.path, found.first.unwrap_or(1).saturating_sub(1))
}

/// The number of the hunk that a line is about, or that the cursor is on in the heading of an edit.
fn hunk_at(text: &str, number: usize, line: &str, column: usize) -> Option<usize> {
    if line.starts_with("@@ ") {
        let start: usize = text.split_inclusive('\n').take(number).map(str::len).sum();
        return markdown::hunk_lines(text).into_iter().find(|it| it.start == start).map(|it| it.number);
    }
    let is_heading = markdown::headings(text).iter().any(|it| it.level == 3 && it.line == number);
    if !is_heading || !line[..column].contains(" · hunk") {
        return None;
    }
    let begins = line[..column].rfind(' ')? + 1;
    line[begins..].split(' ').next()?.parse().ok()
}

fn location(connection: &Connection, path: &Path, line: u32) -> Option<Location> {
    let uri: Url = connection.documents.uri(path)?;
    let at = Position::new(line, 0);
    Some(Location::new(uri, Range::new(at, at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# T\n\n## You · 1\n\n### ✓ your command\n\n## Pi · m · 1\n\n### ✓ thought\n\n### ✗ not sent: no\n\n\
        ### ✓ edit a.rs +1 -1 · hunks 12 3 pending\n\n```diff\n@@ hunk 12 · a.rs:4 · pending\n```\n\n\
        ## You · 2 (steered)\n\n### ✓ bash\n\n## You · 3\n\n### ? question 1 · bash\n\n### ▶ bash · running\n";

    #[test]
    fn steps_are_counted_as_they_are_written() {
        let headings = markdown::headings(TEXT);
        let places: Vec<_> =
            headings.iter().filter(|it| it.level == 3).map(|it| place(&headings, it)).collect();
        let expected = [Some((0, 0)), Some((0, 1)), None, Some((0, 2)), Some((0, 3)), None, Some((1, 0))];
        assert_eq!(places, expected);
    }

    #[test]
    fn a_change_is_found_in_its_line_and_in_the_heading() {
        let at = |needle: &str, offset: usize| {
            let start = TEXT.find(needle).unwrap() + offset;
            let number = TEXT[..start].matches('\n').count();
            let line = TEXT.lines().nth(number).unwrap();
            let column = start - TEXT[..start].rfind('\n').unwrap() - 1;
            hunk_at(TEXT, number, line, column)
        };
        assert_eq!(at("@@ hunk 12", 0), Some(12));
        assert_eq!(at("12 3 pending", 1), Some(12));
        assert_eq!(at("12 3 pending", 3), Some(3));
        assert_eq!(at("12 3 pending", 6), None);
        assert_eq!(at("edit a.rs", 6), None);
    }

    #[test]
    fn arguments_are_shown_whole_and_cannot_leave_their_fence() {
        let mut call = ToolCall { name: "bash".into(), ..ToolCall::default() };
        call.arguments.insert("command".into(), "echo\n```\n# x".into());
        call.arguments.insert("timeout".into(), 5.into());
        let expected = "**bash**\n\ncommand\n\n````sh\necho\n```\n# x\n````\n\ntimeout\n\n```json\n5\n```\n";
        assert_eq!(arguments(&call), expected);
    }
}
