//! What engineers and models look at every day needs no question, and what only looks like it does.

use super::*;

#[test]
fn looking_around_needs_no_question() {
    let world = world(json!({}));
    for name in ["src/main.rs", "src/lib.rs", "docs/a.md", "Cargo.toml", "README.md", "package.json"] {
        let path = world.root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x\n").unwrap();
    }
    let git = world.root.join(".git");
    std::fs::create_dir_all(git.join("objects")).unwrap();
    std::fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    std::fs::write(git.join("config"), "[core]\n\tbare = false\n[user]\n\tname = me\n").unwrap();
    let quiet = [
        "ls -la",
        "ls -d */",
        "ls *.toml src/*.rs",
        "ls -t | head -1",
        "ls nope 2>/dev/null || echo none",
        "pwd",
        "cat Cargo.toml README.md",
        "cat -n src/main.rs | sed -n '1,40p'",
        "sed -n '10,20p' src/main.rs",
        "sed 's/a/b/' README.md",
        "awk '{print $1}' README.md",
        "awk -F: 'NR>=2 && NR<=3 {print $2}' README.md",
        "head -50 src/main.rs",
        "tail -n +10 src/main.rs",
        "wc -l src/**/*.rs",
        "grep -rn --include='*.rs' 'fn main' .",
        "grep -Rn main src",
        "grep -rniE 'foo|bar' src --exclude-dir=target",
        "grep -n '/etc/passwd' src/main.rs",
        "grep -A3 -B2 -n main src/main.rs | head -20",
        "rg foo",
        "rg foo src/**/*.rs",
        "rg -l TODO -g '*.rs'",
        "rg --files | head",
        "rg -t rust 'unwrap\\(\\)' src | wc -l",
        "find . -name '*.rs' | sort | uniq -c",
        "find . -path ./target -prune -o -name '*.rs' -print",
        "find . -type f \\( -name '*.rs' -o -name '*.toml' \\)",
        "find . -name '*.rs' -not -path './target/*' -printf '%p\\n'",
        "tree -L 2 -I 'target|node_modules'",
        "echo $PATH",
        "echo \"$HOME\" \"exit: $?\"",
        "echo hi >&2",
        "ls > /dev/stderr",
        "printf '%s\\n' hello",
        "git status -sb",
        "git log --oneline -10",
        "git log --format='%h %s' -n 3",
        "git log --since='2 weeks ago' main..HEAD",
        "git log -p -1 src/main.rs",
        "git diff HEAD~1",
        "git diff -- '*.rs'",
        "git diff -U10 main...HEAD -- src",
        "git --no-pager diff --stat HEAD~3..HEAD",
        "git -c color.ui=never diff",
        "git show HEAD:src/main.rs",
        "git show stash@{0}",
        "git branch -a",
        "git branch --show-current",
        "git branch --contains HEAD",
        "git tag -l 'v*'",
        "git remote -v",
        "git blame -L 1,20 src/main.rs",
        "git ls-files '*.rs' | wc -l",
        "git rev-parse --abbrev-ref HEAD",
        "git stash list",
        "git grep -n foo -- src",
        "git shortlog -sn HEAD",
        "git merge-base main HEAD",
        "git config user.name",
        "git reflog -5",
        "git -C src status",
        "GIT_PAGER=cat git log -3",
        "cd src && git status && ls",
        "which python3",
        "command -v rg",
        "uname -a; date +%Y-%m-%d; whoami; nproc",
        "du -sh src; df -h",
        "file src/main.rs; stat src/main.rs",
        "diff -u src/main.rs src/lib.rs",
        "sort README.md | uniq -c | sort -rn | head",
        "cat README.md | tr -d '\\n' | cut -c1-80",
        "jq -r .name package.json",
        "cat package.json | jq '.scripts'",
        "test -f Cargo.toml && echo yes",
        "[[ -f Cargo.toml ]] && cat Cargo.toml",
        "for f in src/*.rs; do echo \"== $f\"; head -5 \"$f\"; done",
        "for f in src/*.rs; do cat $f; done",
        "for f in Cargo.toml README.md; do wc -l $f; done",
        "if [ -f Cargo.toml ]; then cat Cargo.toml; fi",
        "x=5; echo $x",
        "comm -12 README.md Cargo.toml; paste README.md Cargo.toml",
        "od -c src/main.rs | head; strings src/main.rs",
        "time ls; timeout 5 ls; FORCE_COLOR=1 ls",
        "cat README.md 2>/dev/null | grep x | head -3",
    ];
    let asked: Vec<_> = quiet
        .iter()
        .filter(|it| decide(&world, PermissionMode::Ask, &command(it)).decision() != ALLOW)
        .collect();
    assert!(asked.is_empty(), "{asked:#?}");

    // Whoever tries the project in a home of its own may have that in a temporary directory, where everything is read.
    let is_temporary = |it: &Path| it.starts_with(std::env::temp_dir()) || it.starts_with("/tmp");
    let home_is_temporary = crate::paths::home_dir().is_some_and(|it| is_temporary(&it));
    // What is asked for on purpose: it looks at what is not the project's, runs a program that the project can name
    // (`rust-toolchain.toml`), or opens what another program says.
    for text in [
        "ls $HOME",
        "cat ~/.bashrc",
        "env",
        "ps aux",
        "cargo --version",
        "node --version",
        "find . -name '*.rs' | xargs wc -l",
        "cat $(git ls-files '*.md')",
        "for f in /usr/*; do cat \"$f\"; done",
        "for f in 'src/*.rs'; do cat $f; done",
        "for f in a; do f=/etc/hosts; cat \"$f\"; done",
        "for f in src/*.rs; do sh \"$f\"; done",
        "for f in -R; do grep x $f; done",
        "for f in src/*.rs; do read f; cat \"$f\"; done",
        "for f in src/*.rs; do while true; do cat \"$f\"; export f=/etc/hosts; done; done",
        "for f in src; do for f in /etc/hosts; do cat $f; done; cat $f; done",
        "f=/etc/hosts; for f in src/main.rs; do cat $f; done; cat $f",
    ] {
        if home_is_temporary && (text.contains("$HOME") || text.contains('~')) {
            continue;
        }
        let decided = decide(&world, PermissionMode::Ask, &command(text));
        assert_eq!(decided.decision(), ASK, "{text}: {decided:#?}");
    }
}

#[test]
fn variables_that_only_change_how_a_program_talks_do_not_matter() {
    let world = ruled();
    for (text, expected) in [
        ("RUST_BACKTRACE=full cargo test", ALLOW),
        ("RUST_LOG=debug RUST_TEST_THREADS=1 cargo test", ALLOW),
        ("CI=1 DEBUG=1 cargo test", ALLOW),
        ("FOO=1 cargo test", ASK),
        ("PAGER=cat cargo test", ALLOW),
        ("PAGER=./x cargo test", ASK),
        ("NODE_OPTIONS=--require=./x cargo test", ASK),
    ] {
        assert_eq!(decide(&world, PermissionMode::Ask, &command(text)).decision(), expected, "{text}");
    }
}
