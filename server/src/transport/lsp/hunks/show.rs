//! A hunk in the words and shapes of LSP.

use std::path::Path;

use lsp_types::{
    CodeLens, Command, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Hover, HoverContents,
    Location, MarkupContent, MarkupKind, NumberOrString,
};
use pi_core::visible::visible;
use pi_host::{ledger::Whole, tools::diff};
use serde_json::json;

use super::Shown;
use crate::review::hunk_id;

/// Lines of a diff in a hover.
const DIFF_LINES: usize = 40;

/// `Pi changed 2 lines`, by what happened.
fn headline(it: &Shown) -> String {
    let lines = |count: usize| if count == 1 { "1 line".to_owned() } else { format!("{count} lines") };
    match (&it.hunk.whole, it.hunk.removed, it.hunk.added) {
        (Some(Whole::Created), ..) => "Pi created this file".into(),
        (Some(Whole::Deleted), ..) => "Pi deleted this file".into(),
        (Some(Whole::Renamed { .. }), ..) => "Pi renamed this file".into(),
        (None, ..) if it.hunk.binary.is_some() => "Pi changed this file".into(),
        (None, 0, added) => format!("Pi added {}", lines(added)),
        (None, removed, 0) => format!("Pi removed {}", lines(removed)),
        (None, removed, added) => format!("Pi changed {}", lines(removed.max(added))),
    }
}

/// The hint at a hunk.
pub fn hint(it: &Shown) -> Diagnostic {
    let why = it.short_reason().map(|it| format!(" · “{it}”")).unwrap_or_default();
    let edited = if it.hunk.edited { " · edited by you" } else { "" };
    let message = format!(
        "{} · {} of {}{why}{edited} – keep or reject with a code action",
        headline(it),
        it.number,
        it.total
    );
    let removed = (!it.base.is_empty()).then(|| {
        vec![DiagnosticRelatedInformation {
            location: Location { uri: it.uri.clone(), range: it.range() },
            message: format!("before:\n{}", shown_lines(&it.base)),
        }]
    });
    Diagnostic {
        range: it.range(),
        severity: Some(DiagnosticSeverity::HINT),
        code: Some(NumberOrString::String("hunk".into())),
        source: Some("pi".into()),
        message,
        related_information: removed,
        ..Diagnostic::default()
    }
}

/// Reason, call and difference.
pub fn hover(it: &Shown) -> Hover {
    let about = it.cause.about.as_ref().map(|it| format!(" `{}`", visible(it).replace('`', "'")));
    let mut value = format!(
        "**{}** · {} of {} · {}{}, turn {}\n",
        headline(it),
        it.number,
        it.total,
        it.hunk.tool,
        about.unwrap_or_default(),
        it.hunk.turn
    );
    if let Some(reason) = &it.cause.reason {
        // Quoted line by line, so that nothing the model wrote leaves the quote.
        let reason = shown_lines(reason);
        let quoted: Vec<_> = reason.lines().map(|line| format!("> {line}")).collect();
        value.push_str(&format!("\n{}\n", quoted.join("\n")));
    }
    if let Some(Whole::Renamed { from, .. }) = &it.hunk.whole {
        let from = Path::new(from).file_name().unwrap_or_default().to_string_lossy();
        value.push_str(&format!("\nIt was `{}`\n", visible(&from).replace('`', "'")));
        let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
        return Hover { contents, range: Some(it.range()) };
    }
    let patch = diff::patch(&it.name(), &it.base, &it.text);
    let patch = shown_lines(&patch);
    let lines: Vec<_> = patch.lines().skip(3).collect();
    let left = lines.len().saturating_sub(DIFF_LINES);
    let shown = lines[..lines.len() - left].join("\n");
    let fence = "`".repeat(longest_run(&shown).max(2) + 1);
    value.push_str(&format!("\n{fence}diff\n{shown}\n{fence}\n"));
    if left > 0 {
        value.push_str(&format!("\n… {left} more lines\n"));
    }
    let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
    Hover { contents, range: Some(it.range()) }
}

/// Lines as they are, whatever is in them and however they end.
fn shown_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(visible).collect();
    lines.join("\n").trim_end_matches('\n').to_owned()
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|it| it != '`').map(str::len).max().unwrap_or_default()
}

/// Keep, reject, why.
pub fn lenses(it: &Shown) -> Vec<CodeLens> {
    let counts = format!("Pi +{} −{} · {} of {}", it.hunk.added, it.hunk.removed, it.number, it.total);
    let lens = |title: String, command: &str| CodeLens {
        range: it.range(),
        command: Some(Command::new(
            title,
            command.to_owned(),
            Some(vec![json!({ "hunk": hunk_id(it.hunk.id) })]),
        )),
        data: None,
    };
    vec![lens(counts, "pi.why"), lens("Keep".into(), "pi.keep"), lens("Reject".into(), "pi.reject")]
}
