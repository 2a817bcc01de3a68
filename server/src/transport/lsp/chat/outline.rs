//! What an editor makes of a chat document's structure: symbols, folds, links.

use std::path::Path;

use lsp_types::{
    DocumentLink, DocumentSymbol, FoldingRange, FoldingRangeKind, Position, Range, SymbolKind, Url,
};
use pi_host::workspace::position::{PositionEncoding, to_range};
use ropey::Rope;

use crate::markdown::{self, Heading};

/// Turns, with their steps below them.
#[allow(deprecated, reason = "the field has to be set")]
pub fn symbols(text: &str) -> Vec<DocumentSymbol> {
    let mut found: Vec<DocumentSymbol> = Vec::new();
    for (heading, end) in sections(text).into_iter().filter(|(it, _)| it.level > 1) {
        let symbol = DocumentSymbol {
            name: heading.text.to_owned(),
            detail: None,
            kind: if heading.level == 2 { SymbolKind::NAMESPACE } else { SymbolKind::EVENT },
            tags: None,
            deprecated: None,
            range: Range::new(line(heading.line), line(end)),
            selection_range: Range::new(line(heading.line), line(heading.line)),
            children: None,
        };
        match found.last_mut().filter(|_| heading.level == 3) {
            Some(turn) => turn.children.get_or_insert_default().push(symbol),
            None => found.push(symbol),
        }
    }
    found
}

/// Turns and steps can be folded away.
pub fn folds(text: &str) -> Vec<FoldingRange> {
    let all = sections(text).into_iter().filter(|(it, end)| it.level > 1 && *end > it.line + 1);
    all.map(|(heading, end)| FoldingRange {
        start_line: number(heading.line),
        end_line: number(end - 1),
        kind: Some(FoldingRangeKind::Region),
        ..FoldingRange::default()
    })
    .collect()
}

/// Paths in the headings of steps and in diffs lead to their files.
pub fn links(text: &str, folder: &Path, encoding: PositionEncoding) -> Vec<DocumentLink> {
    let rope = Rope::from_str(text);
    let mut found = Vec::new();
    let mut start = 0;
    for whole in text.split_inclusive('\n') {
        if whole.starts_with("### ") || whole.starts_with("@@ ") {
            let words = whole.split([' ', '\n']).scan(0, |at, word| {
                let here = *at;
                *at += word.len() + 1;
                Some((here, word))
            });
            for (at, word) in words.skip(1) {
                let path = word.split(':').next().unwrap_or_default();
                let target = Some(folder.join(path)).filter(|it| path.contains(['/', '.']) && it.is_file());
                let Some(target) = target.and_then(|it| Url::from_file_path(it).ok()) else { continue };
                let range = to_range(&rope, start + at, start + at + word.len(), encoding);
                let position = |it: pi_host::workspace::Position| Position::new(it.line, it.character);
                found.push(DocumentLink {
                    range: Range::new(position(range.start), position(range.end)),
                    target: Some(target),
                    tooltip: None,
                    data: None,
                });
            }
        }
        start += whole.len();
    }
    found
}

/// Each heading with the line behind its section.
fn sections(text: &str) -> Vec<(Heading<'_>, usize)> {
    let headings = markdown::headings(text);
    let lines = text.lines().count();
    let end = |at: usize, level: usize| {
        headings[at + 1..].iter().find(|it| it.level <= level).map_or(lines, |it| it.line)
    };
    headings.iter().enumerate().map(|(at, it)| (*it, end(at, it.level))).collect()
}

fn line(line: usize) -> Position {
    Position::new(number(line), 0)
}

fn number(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# T\n\n## You · 1\n\nhi\n\n## Pi · m · 1\n\n### ✓ read a.rs:1-3\n\n### ✗ bash\n\n```\n## no\n```\n\n## You\n";

    #[test]
    fn turns_hold_their_steps() {
        let found = symbols(TEXT);
        let names: Vec<_> = found.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["You · 1", "Pi · m · 1", "You"]);
        let steps = found[1].children.as_ref().unwrap();
        assert_eq!(
            steps.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
            ["✓ read a.rs:1-3", "✗ bash"]
        );
        assert_eq!((steps[1].range.start.line, steps[1].range.end.line), (10, 16));
        let folds: Vec<_> = folds(TEXT).iter().map(|it| (it.start_line, it.end_line)).collect();
        assert_eq!(folds, [(2, 5), (6, 15), (8, 9), (10, 15)]);
    }

    #[test]
    fn paths_lead_to_their_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.rs"), "").unwrap();
        let found = links(TEXT, folder.path(), PositionEncoding::Utf16);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].range.start.line, found[0].range.start.character), (8, 11));
        assert_eq!(found[0].range.end.character, 19);
    }
}
