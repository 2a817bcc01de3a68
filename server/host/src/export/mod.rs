//! A session as one HTML page to read, print and send around.
//!
//! The page holds everything it shows and loads nothing: no script, one style, pictures inside. What is in a
//! session may come from anywhere, so all of it is escaped, a policy forbids whatever would slip through, and only
//! links to web pages and letters can be followed.

mod entries;
mod highlight;
mod markdown;
mod style;
#[cfg(test)]
mod tests;
mod text;
mod tree;

use std::path::Path;

use pi_protocol::{AgentMessage, Entry, SessionHeader, Usage, entry::EntryKind};

use entries::EntryWriter;
use style::{STYLE, STYLE_HASH};
use text::{escaped, first_line};
use tree::{Branches, Segment};

/// Characters of a message in titles and in the list of branches.
const LINE: usize = 90;
/// Forks inside one another that the list of branches shows as such; browsers stop at a few hundred.
const MAX_DEPTH: usize = 40;

/// Why a session in memory has no page; Pi's words.
pub const IN_MEMORY: &str = "Cannot export in-memory session to HTML";
/// Why a session without a file has no page yet; Pi's words.
pub const NOTHING_YET: &str = "Nothing to export yet - start a conversation first";

/// What a page is made of.
struct Exported<'a> {
    header: &'a SessionHeader,
    entries: &'a [Entry],
}

/// The name of a page when none is asked for: that of the session's file, with Pi's prefix.
pub fn default_name(session_file: &Path) -> String {
    let name = session_file.file_name().unwrap_or_default().to_string_lossy();
    format!("pi-session-{}.html", name.strip_suffix(".jsonl").unwrap_or(&name))
}

/// A session as a page. `leaf` is the end of the current branch; nothing when the next entry would be a root.
pub fn page(header: &SessionHeader, entries: &[Entry], leaf: Option<&str>) -> String {
    let session = &Exported { header, entries };
    let branches = Branches::new(session.entries, leaf);
    let writer = EntryWriter::new(session.entries);
    let name = session.entries.iter().rev().find_map(|it| match &it.kind {
        EntryKind::SessionInfo { name } => Some(name.as_deref().unwrap_or_default()),
        _ => None,
    });
    let begun_with = || branches.path.iter().find_map(|&at| asked(&session.entries[at]));
    let title = match name.filter(|it| !it.trim().is_empty()) {
        Some(it) => first_line(it, LINE),
        None => begun_with().unwrap_or_else(|| "Session".to_owned()),
    };
    let title = escaped(&title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; \
         img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1 dir=\"auto\">{title}</h1>\n"
    );
    push_facts(&mut out, session);
    push_outline(&mut out, session, &branches, &writer);
    out += "<main>\n";
    writer.push_all(&mut out, &branches.path);
    out += "</main>\n";
    push_other_branches(&mut out, session, &branches, &writer);
    out += "<footer>Exported by pi-server</footer>\n</body>\n</html>\n";
    out
}

/// Where, when, with which models, at what cost.
fn push_facts(out: &mut String, session: &Exported<'_>) {
    let mut models: Vec<String> = Vec::new();
    let mut total = Usage::default();
    let mut messages = 0;
    for entry in session.entries {
        let usage = match &entry.kind {
            EntryKind::Compaction { usage, .. } => usage.as_ref(),
            EntryKind::Message { message } => {
                messages += 1;
                message.as_assistant().map(|it| {
                    let model = format!("{}/{}", it.provider, it.model);
                    if !models.contains(&model) {
                        models.push(model);
                    }
                    &it.usage
                })
            }
            _ => None,
        };
        if let Some(usage) = usage {
            total.input = total.input.saturating_add(usage.input);
            total.output = total.output.saturating_add(usage.output);
            total.cache_read = total.cache_read.saturating_add(usage.cache_read);
            total.cache_write = total.cache_write.saturating_add(usage.cache_write);
            total.cost.total += usage.cost.total;
        }
    }
    let tokens = format!(
        "{} in, {} out, {} read from the cache, {} written to it",
        total.input, total.output, total.cache_read, total.cache_write
    );
    let facts = [
        ("Folder", session.header.cwd.clone()),
        ("Begun", minutes(&session.header.timestamp)),
        ("Model", models.join(", ")),
        ("Messages", messages.to_string()),
        ("Tokens", tokens),
        ("Cost", dollars(total.cost.total)),
        ("Session", session.header.id.clone()),
    ];
    *out += "<dl>\n";
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        *out += &format!("<dt>{name}</dt><dd>{}</dd>\n", escaped(value));
    }
    *out += "</dl>\n";
}

/// The messages of all branches as nested lists, the current branch marked. Closed if there is only one.
fn push_outline(out: &mut String, session: &Exported<'_>, branches: &Branches, writer: &EntryWriter<'_>) {
    let current = branches.on_path(session.entries.len());
    let forked = branches.segments.len() > 1;
    let (open, summary) = if forked { (" open", "Branches") } else { ("", "Outline") };
    *out += &format!("<nav>\n<details{open}><summary>{summary}</summary>\n");
    // A list per segment; those that follow it are inside its last item, if there are any.
    let mut lists: Vec<(usize, bool)> = Vec::new();
    let close = |(_, has_lists): (usize, bool)| if has_lists { "</li></ul>\n" } else { "</ul>\n" };
    for Segment { entries, depth, .. } in &branches.segments {
        let depth = (*depth).min(MAX_DEPTH);
        while let Some(list) = lists.pop_if(|it| it.0 >= depth) {
            *out += close(list);
        }
        if let Some((_, has_lists)) = lists.last_mut() {
            if !std::mem::replace(has_lists, true) {
                *out += "<li>";
            }
        }
        lists.push((depth, false));
        let now = entries.first().is_some_and(|it| current[*it]);
        *out += if now { "<ul class=\"now\">\n" } else { "<ul>\n" };
        for &at in entries {
            let Some(text) = outline_title(&session.entries[at]) else { continue };
            let class = if current[at] { " class=\"now\"" } else { "" };
            let label =
                writer.label(at).map(|it| format!(" <mark>{}</mark>", escaped(it))).unwrap_or_default();
            *out += &format!("<li><a href=\"#e{at}\"{class}>{}</a>{label}</li>\n", escaped(&text));
        }
    }
    while let Some(list) = lists.pop() {
        *out += close(list);
    }
    *out += "</details>\n</nav>\n";
}

/// What is not on the current branch, closed, a fold for each branch.
fn push_other_branches(
    out: &mut String,
    session: &Exported<'_>,
    branches: &Branches,
    writer: &EntryWriter<'_>,
) {
    let current = branches.on_path(session.entries.len());
    let mut headed = false;
    for segment in &branches.segments {
        let mut rest = segment.entries.iter().copied().skip_while(|it| current[*it]).peekable();
        if rest.peek().is_none() {
            continue;
        }
        if !std::mem::replace(&mut headed, true) {
            *out += "<h2>Other branches</h2>\n";
        }
        let rest: Vec<usize> = rest.collect();
        let about = rest.iter().find_map(|&at| outline_title(&session.entries[at]));
        *out += &format!(
            "<details class=\"branch\"><summary>{}</summary>\n",
            escaped(&about.unwrap_or_else(|| format!("{} entries", rest.len())))
        );
        writer.push_all(out, &rest);
        *out += "</details>\n";
    }
}

/// An entry's line in the outline; nothing for those that say nothing.
fn outline_title(entry: &Entry) -> Option<String> {
    match &entry.kind {
        EntryKind::Compaction { .. } => Some("Compacted".to_owned()),
        EntryKind::BranchSummary { summary, .. } => Some(format!("Summary: {}", first_line(summary, LINE))),
        EntryKind::Message { message } => match &**message {
            AgentMessage::User(_) => asked(entry).map(|it| format!("User: {it}")),
            AgentMessage::Assistant(it) => Some(first_line(&it.text(), LINE))
                .filter(|it| !it.is_empty())
                .map(|it| format!("Answer: {it}")),
            _ => None,
        },
        _ => None,
    }
}

/// The first line of what the user said.
fn asked(entry: &Entry) -> Option<String> {
    let EntryKind::Message { message } = &entry.kind else { return None };
    let AgentMessage::User(message) = &**message else { return None };
    let line = first_line(&message.content.text(), LINE);
    Some(if line.is_empty() { "(image)".to_owned() } else { line })
}

/// An ISO time to the minute; what is none stays as it is.
fn minutes(time: &str) -> String {
    match (time.get(..16), time.get(10..11)) {
        (Some(it), Some("T")) => format!("{} UTC", it.replace('T', " ")),
        _ => time.to_owned(),
    }
}

/// US dollars, exact enough for small sums.
fn dollars(cost: f64) -> String {
    if cost.abs() < 1.0 { format!("${cost:.4}") } else { format!("${cost:.2}") }
}
