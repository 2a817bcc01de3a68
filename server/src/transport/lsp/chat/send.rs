//! From a draft to a prompt: `@` mentions become context, quoted as the user has the text.

use std::path::Path;

use pi_protocol::{PromptContext, PromptParams, StreamingBehavior, TextPosition, TextRange};

use super::mention::{self, Mention};
use crate::{
    context,
    transport::lsp::{connection::Connection, lane},
};

/// The line that ends a prompt where saving alone must not send.
const MARKER: &str = "---";

/// What a draft says; with `marker`, only one that ends with the marker's line.
pub fn message(raw: &str, marker: bool) -> Option<&str> {
    let without =
        raw.strip_suffix(MARKER).filter(|it| it.is_empty() || it.ends_with('\n')).map(str::trim_end);
    let text = if marker { without? } else { raw };
    (!text.is_empty()).then_some(text)
}

/// A prompt with the context its mentions name, as seen from the project; while a run is in progress it steers.
pub fn prompt(connection: &Connection, project: &Path, text: &str) -> PromptParams {
    PromptParams {
        message: text.to_owned(),
        appendix: appendix(connection, project, text),
        streaming_behavior: Some(StreamingBehavior::Steer),
        ..PromptParams::default()
    }
}

fn appendix(connection: &Connection, project: &Path, text: &str) -> String {
    let exists = |path: &Path| match connection.documents.workspace() {
        Some(workspace) => workspace.exists(path),
        None => path.exists(),
    };
    let resolve = |it: &Mention| it.clone().resolved(connection);
    let context = mentions(text, project, exists, resolve);
    let texts = lane::texts(connection, &context);
    context::render(&context, &texts)
}

/// The files that a text mentions: `@path`, `@path:12`, `@path:12-40`, `@path#name`. What is no file is only a word; a
/// name that is not defined there leaves the file.
fn mentions(
    text: &str,
    folder: &Path,
    exists: impl Fn(&Path) -> bool,
    resolve: impl Fn(&Mention) -> Option<Mention>,
) -> Vec<PromptContext> {
    let mut found = Vec::new();
    let words = mention::words(text).map(|it| it.1).filter(|it| it.starts_with('@'));
    for mention in words.filter_map(|it| mention::of(it, folder, &exists)) {
        let uri = Some(mention.path.to_string_lossy().into_owned());
        let range = |it: &Mention| it.first.map(|first| lines(first, it.last.unwrap_or(first).max(first)));
        let item = match (&mention.name, resolve(&mention)) {
            _ if mention.path.is_dir() => PromptContext::File { uri },
            (Some(name), Some(at)) => match range(&at) {
                Some(range) => PromptContext::Symbol { uri, name: name.clone(), range: Some(range) },
                None => PromptContext::File { uri },
            },
            (Some(_), None) => PromptContext::File { uri },
            (None, _) => {
                let range = range(&mention).unwrap_or_else(|| lines(1, u32::MAX - 1));
                PromptContext::Selection { uri, range: Some(range) }
            }
        };
        if !found.contains(&item) {
            found.push(item);
        }
    }
    found
}

/// Whole lines, counted from 1.
pub fn lines(first: u32, last: u32) -> TextRange {
    let at = |line| TextPosition { line, character: 0 };
    TextRange { start: at(first - 1), end: at(last) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_no_part_of_the_prompt() {
        let text = message;
        assert_eq!(text("go", false), Some("go"));
        assert_eq!(text("go", true), None);
        assert_eq!(text("go\n\n---", true), Some("go"));
        assert_eq!(text("go ---", true), None);
        assert_eq!(text("---", true), None);
        assert_eq!(text("", false), None);
    }

    #[test]
    fn mentions_name_files_and_lines() {
        let known = ["/ws/a.rs", "/ws/src/b.rs"];
        let found = |text: &str| {
            let exists = |it: &Path| known.iter().any(|known| Path::new(known) == it);
            let resolve = |it: &Mention| {
                let known = it.name.as_deref() != Some("gone");
                known.then(|| Mention { first: Some(7), last: Some(9), ..it.clone() })
            };
            mentions(text, Path::new("/ws"), exists, resolve)
        };
        let selection = |path: &str, first, last| PromptContext::Selection {
            uri: Some(path.into()),
            range: Some(lines(first, last)),
        };
        assert_eq!(
            found("fix @a.rs:12-40, and @a.rs:3."),
            [selection("/ws/a.rs", 12, 40), selection("/ws/a.rs", 3, 3)]
        );
        assert_eq!(found("(@src/b.rs) @src/b.rs"), [selection("/ws/src/b.rs", 1, u32::MAX - 1)]);
        assert_eq!(found("me@a.rs @nobody @ @a.rs:x-y"), []);
        assert_eq!(found("@a.rs:0"), []);
        assert_eq!(found("@a.rs:5-2"), [selection("/ws/a.rs", 5, 5)]);
        let symbol = PromptContext::Symbol {
            uri: Some("/ws/a.rs".into()),
            name: "run".into(),
            range: Some(lines(7, 9)),
        };
        assert_eq!(found("why @a.rs#run?"), [symbol]);
        assert_eq!(found("@a.rs#gone"), [PromptContext::File { uri: Some("/ws/a.rs".into()) }]);
    }
}
