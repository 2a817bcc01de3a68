//! Edits of a model: a file, and pairs of texts behind it, separated by a zero byte. A text that is there once is
//! replaced there and nowhere else.
#![no_main]
#![allow(dead_code, reason = "files of the host are compiled here alone")]

use libfuzzer_sys::fuzz_target;

#[path = "../../../server/host/src/workspace/changes.rs"]
mod changes;
#[path = "../../../server/host/src/tools/hashline.rs"]
mod hashline;
#[path = "../../../server/host/src/tools/edit/matching.rs"]
mod matching;

/// What `changes` takes from its neighbour.
mod editor {
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct TextChange {
        pub start: usize,
        pub end: usize,
        pub text: String,
    }
}

use changes::{apply, minimal, rebase};
use matching::{Replacement, replace};

fuzz_target!(|input: &str| {
    let mut texts = input.split('\0');
    let content = texts.next().unwrap_or_default();
    let rest: Vec<&str> = texts.collect();
    let edits: Vec<_> =
        rest.chunks_exact(2).map(|it| Replacement { old: it[0].to_owned(), new: it[1].to_owned() }).collect();
    let replaced = replace("a.txt", content, &edits);
    if let (Ok(replaced), [edit]) = (&replaced, edits.as_slice()) {
        if !replaced.fuzzy {
            assert_eq!(replaced.text, content.replacen(&edit.old, &edit.new, 1));
        }
    }
    for edit in &edits {
        // What is sent to an editor is the same edit.
        let changes = minimal(content, &edit.new);
        assert_eq!(apply(content, &changes), edit.new);
        if let Some(merged) = rebase(content, &edit.old, &edit.new) {
            assert_eq!(rebase(content, &edit.new, &edit.old), Some(merged), "the two sides are alike");
        }
    }
    for (at, line) in content.lines().enumerate() {
        let tag = hashline::tag(at, line);
        assert!(hashline::parse(&tag).is_some(), "{tag}");
        hashline::strip(line);
    }
});
