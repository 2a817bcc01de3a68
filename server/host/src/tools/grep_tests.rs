//! `grep` against Pi's recorded results, ripgrep's rules and open buffers.

use serde_json::{Value, json};

use super::{
    super::search::testing::{Fixture, context, run, text},
    *,
};

async fn check(it: &Fixture, cases: &[(Value, &str)]) {
    let tool = GrepTool::new(it.workspace.clone());
    for (args, want) in cases {
        assert_eq!(it.mask(&text(&tool, args.clone()).await), *want, "{args}");
    }
}

#[tokio::test]
async fn recorded_calls_of_pi_have_the_same_results() {
    let literal = json!({ "pattern": "foo()", "literal": true, "path": "src/deep", "context": 1 });
    let cases = [
        (json!({ "pattern": "bar", "path": "src" }), "a.ts:2: const bar = foo;"),
        (json!({ "pattern": "FOO =", "path": "src/b.js", "ignoreCase": true }), "b.js:1: let Foo = 2;"),
        (literal, "c.ts-1- // nothing\nc.ts:2: foo();\nc.ts-3- "),
        (json!({ "pattern": "foo", "glob": "*.js" }), "No matches found"),
        (json!({ "pattern": "zzz" }), "No matches found"),
        (json!({ "pattern": "x", "path": "nope" }), "error: Path not found: <CWD>/nope"),
    ];
    check(&Fixture::recorded(), &cases).await;
}

#[tokio::test]
async fn ignore_files_count_in_a_repository() {
    let files = [
        (".git/HEAD", "needle\n"),
        (".gitignore", "*.log\n"),
        ("a.log", "needle\n"),
        ("sub/.gitignore", "!keep.log\n"),
        ("sub/keep.log", "needle\n"),
        ("sub/drop.log", "needle\n"),
        (".hidden", "needle\n"),
        (".rgignore", "skip.txt\n"),
        ("skip.txt", "needle\n"),
    ];
    check(
        &Fixture::new(&files),
        &[(json!({ "pattern": "needle" }), ".hidden:1: needle\nsub/keep.log:1: needle")],
    )
    .await;
    let plain = [(".gitignore", "*.log\n"), ("a.log", "needle\n")];
    check(&Fixture::new(&plain), &[(json!({ "pattern": "needle" }), "a.log:1: needle")]).await;
}

#[tokio::test]
async fn context_is_shown_around_each_match() {
    let it = Fixture::new(&[("f", "1\n2 x\n3\n4\n5 x\n6"), ("g", "x\r\nlast")]);
    let cases = [
        (
            json!({ "pattern": "x", "path": "f", "context": 1 }),
            "f-1- 1\nf:2: 2 x\nf-3- 3\nf-4- 4\nf:5: 5 x\nf-6- 6",
        ),
        (
            json!({ "pattern": "x", "path": "f", "context": 1, "limit": 1 }),
            "f-1- 1\nf:2: 2 x\nf-3- 3\n\n[1 matches limit reached. Use limit=2 for more, or refine pattern]",
        ),
        (json!({ "pattern": "x", "path": "g", "context": 5 }), "g:1: x\ng-2- last"),
    ];
    check(&it, &cases).await;
}

#[tokio::test]
async fn patterns_and_globs() {
    let it = Fixture::new(&[
        ("a.rs", "fn one() {}\n-flag\n"),
        ("src/b.rs", "fn two() {}\n"),
        ("src/c.md", "fn\n"),
    ]);
    let cases = [
        (json!({ "pattern": "^fn \\w+\\(\\) \\{\\}$" }), "a.rs:1: fn one() {}\nsrc/b.rs:1: fn two() {}"),
        (json!({ "pattern": "-flag" }), "a.rs:2: -flag"),
        (json!({ "pattern": "fn", "glob": "src/*.rs" }), "src/b.rs:1: fn two() {}"),
        (json!({ "pattern": "fn", "glob": "!*.rs" }), "src/c.md:1: fn"),
        (json!({ "pattern": "fn", "glob": "*.{md,txt}", "path": "src" }), "c.md:1: fn"),
    ];
    check(&it, &cases).await;
    let tool = GrepTool::new(it.workspace.clone());
    let error = text(&tool, json!({ "pattern": "(" })).await;
    assert!(error.contains("unclosed group"), "{error}");
    let error = text(&tool, json!({ "pattern": "a\nb" })).await;
    assert!(error.contains("not allowed"), "{error}");
    let error = text(&tool, json!({ "pattern": "a", "glob": "[" })).await;
    assert!(error.contains("unclosed character class"), "{error}");
}

#[tokio::test]
async fn limits_are_told() {
    let it = Fixture::new(&[("f", &"x\n".repeat(200)), ("long", &format!("é{}\n", "y".repeat(600)))]);
    let tool = GrepTool::new(it.workspace.clone());
    let result = run(&tool, json!({ "pattern": "x" })).await.unwrap();
    let text = result.content[0].as_text().unwrap();
    assert!(
        text.ends_with(
            "\nf:100: x\n\n[100 matches limit reached. Use limit=200 for more, or refine pattern]"
        )
    );
    assert_eq!(result.details, Some(json!({ "matchLimitReached": 100 })));

    let result = run(&tool, json!({ "pattern": "y" })).await.unwrap();
    let line = format!("long:1: é{}... [truncated]", "y".repeat(499));
    let notice = "[Some lines truncated to 500 chars. Use read tool to see full lines]";
    assert_eq!(result.content[0].as_text(), Some(&*format!("{line}\n\n{notice}")));
    assert_eq!(result.details, Some(json!({ "linesTruncated": true })));
}

#[tokio::test]
async fn a_large_result_is_cut_at_whole_lines() {
    let it = Fixture::new(&[("f", &format!("{}\n", "z".repeat(99)).repeat(1000))]);
    let result =
        run(&GrepTool::new(it.workspace.clone()), json!({ "pattern": "z", "limit": 900 })).await.unwrap();
    let end =
        "z\n\n[900 matches limit reached. Use limit=1800 for more, or refine pattern. 50.0KB limit reached]";
    assert!(result.content[0].as_text().unwrap().ends_with(end));
    assert_eq!(result.details.unwrap()["truncation"]["totalLines"], 900);
}

#[tokio::test]
async fn binary_files_are_skipped_unless_named() {
    let it = Fixture::new(&[("a.txt", "word\n"), ("b.bin", "word\nword\0word\n")]);
    check(&it, &[(json!({ "pattern": "^word$" }), "a.txt:1: word")]).await;
    check(&it, &[(json!({ "pattern": "^word$", "path": "b.bin" }), "b.bin:1: word")]).await;
}

#[tokio::test]
async fn other_encodings_are_read() {
    let it = Fixture::new(&[("latin", "")]);
    std::fs::write(it.path("latin"), b"caf\xe9 word\n").unwrap();
    let utf16: Vec<u8> = "\u{feff}word\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(it.path("utf16"), utf16).unwrap();
    check(&it, &[(json!({ "pattern": "word" }), "latin:1: caf\u{fffd} word\nutf16:1: word")]).await;
}

#[tokio::test]
async fn open_buffers_win_over_the_disk() {
    let it = Fixture::new(&[("a.rs", "old\n"), ("b.rs", "other\n"), ("z.rs", "new on disk\n")]);
    it.open("a.rs", "first\nnew in buffer\n");
    it.open("m/unsaved.rs", "new, never saved\n");
    it.open("m/unsaved.md", "new, never saved\n");
    let cases = [
        (json!({ "pattern": "old" }), "No matches found"),
        (
            json!({ "pattern": "new", "glob": "*.rs" }),
            "a.rs:2: new in buffer\nm/unsaved.rs:1: new, never saved\nz.rs:1: new on disk",
        ),
        (json!({ "pattern": "new", "path": "a.rs" }), "a.rs:2: new in buffer"),
        (json!({ "pattern": "never", "path": "m/unsaved.rs" }), "unsaved.rs:1: new, never saved"),
    ];
    check(&it, &cases).await;
}

#[cfg(unix)]
#[tokio::test]
async fn links_and_unreadable_places_are_passed_over() {
    let it = Fixture::new(&[("dir/f", "word\n")]);
    std::os::unix::fs::symlink("..", it.path("dir/loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", it.path("dir/broken")).unwrap();
    check(&it, &[(json!({ "pattern": "word" }), "dir/f:1: word")]).await;
}

#[tokio::test]
async fn a_cancelled_call_says_so() {
    let it = Fixture::recorded();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let tool = GrepTool::new(it.workspace.clone());
    assert_eq!(tool.run(context(json!({ "pattern": "x" }), cancel)).await, Err(ToolError::aborted()));
}

#[test]
fn cancelling_ends_a_search_within_a_file() {
    let it = Fixture::new(&[("f", "word\n")]);
    let cancel = CancellationToken::new();
    let args = arguments(json!({ "pattern": "word" }).as_object().unwrap().clone()).unwrap();
    let mut search = Search::new(&args, &cancel).unwrap();
    cancel.cancel();
    assert_eq!(search.file(&it.path("f"), "f", None), Err(ToolError::aborted()));
}

#[tokio::test]
async fn lines_can_carry_the_tags_of_hashline_edit() {
    let it = Fixture::new(&[("f", "one\n  two\n")]);
    let (one, two) = (hashline::tag(0, "one"), hashline::tag(1, "  two"));
    let want = format!("f-{one}:one\nf:{two}:  two");
    let args = json!({ "pattern": "two", "path": "f", "context": 1, "hashline": true });
    let shown = text(&GrepTool::new(it.workspace.clone()), args).await;
    assert_eq!(shown.lines().take(2).collect::<Vec<_>>().join("\n"), want);
}
