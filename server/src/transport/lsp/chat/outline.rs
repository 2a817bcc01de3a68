//! What an editor makes of a chat document's structure: symbols and folds.

use lsp_types::{DocumentSymbol, FoldingRange, FoldingRangeKind, Position, Range, SymbolKind};

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
}
