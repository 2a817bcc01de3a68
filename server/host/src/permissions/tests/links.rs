//! Links, wildcards and repositories that are not what they seem.

use super::*;

#[cfg(unix)]
#[test]
fn links_do_not_lead_out_of_the_workspace() {
    let world = ruled();
    std::os::unix::fs::symlink("/opt", world.root.join("out")).unwrap();
    std::os::unix::fs::symlink("/opt/none", world.root.join("docs")).unwrap();
    for path in ["out/x", "out/../opt/x", "docs", "docs/new"] {
        let decided = decide(&world, PermissionMode::Edit, &query("edit", write(world.root.join(path))));
        assert_eq!(decided.decision(), ASK, "{path}: {decided:#?}");
    }
}

#[cfg(unix)]
#[test]
fn no_wildcard_and_no_program_follows_a_link_out_of_the_workspace() {
    let world = ruled();
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, world.root.join(name)).unwrap();
    std::fs::create_dir_all(world.root.join("docs/deep")).unwrap();
    std::fs::create_dir_all(world.root.join("in")).unwrap();
    for name in ["src/a.rs", "in/b.rs", "names"] {
        std::fs::write(world.root.join(name), "x\n").unwrap();
    }
    link("/etc", "docs/etc");
    link("/etc/hosts", "docs/deep/hosts.md");
    link("../src", "in/src");
    link("/etc/hosts", "h");
    for (text, expected) in [
        ("cat src/*.rs", ALLOW),
        ("cat in/*/a.rs", ALLOW),
        ("cat docs/*/hostname", ASK),
        ("cat do*/*/hostname", ASK),
        ("cat docs/deep/*.md", ASK),
        ("cat docs/deep/[h]osts.md", ASK),
        ("cat docs/deep/hosts.m?", ASK),
        ("cat docs/[!x]*/hostname", ASK),
        ("head */*.rs", ALLOW),
        ("cat *", ASK),
        ("cat src/../docs/*/hosts.md", ASK),
        ("grep -r x docs", ALLOW),
        ("grep -R x src in", ALLOW),
        ("grep -R x docs", ASK),
        ("grep -R x", ASK),
        ("grep -rnR x docs", ASK),
        ("grep --dereference-recursive x docs", ASK),
        ("grep --deref x docs", ASK),
        ("diff -r src in", ALLOW),
        ("diff -r src docs", ASK),
        ("diff src docs/deep", ASK),
        ("ls -LR docs", ASK),
        ("ls -R docs", ALLOW),
        ("du -L docs", ASK),
        ("find -L docs", ASK),
        ("find docs -follow", ASK),
        // A link as part of an option.
        ("grep -fh names", ASK),
        ("grep -f h names", ASK),
        ("grep --file=h names", ASK),
        ("diff --from-file=h names", ASK),
        ("cut -f1 names", ALLOW),
        ("cd docs/etc && ls", ASK),
    ] {
        let decided = decide(&world, PermissionMode::Ask, &command(text));
        assert_eq!(decided.decision(), expected, "{text}: {decided:#?}");
    }
    // Deleting a link leaves what it leads to, also where that is vital.
    for text in ["rm -rf do*/*", "cd docs && rm -rf *"] {
        assert_eq!(decide(&world, PermissionMode::Full, &command(text)).decision(), ALLOW, "{text}");
    }
    // A file that is called like an option.
    std::fs::write(world.root.join("-R"), "").unwrap();
    assert_eq!(decide(&world, PermissionMode::Ask, &command("grep -r x *")).decision(), ASK);
}

#[cfg(unix)]
#[test]
fn git_needs_no_question_only_in_a_repository_that_runs_nothing() {
    let world = ruled();
    let make = |at: &str, config: &str| {
        let at = world.root.join(at);
        std::fs::create_dir_all(at.join("objects")).unwrap();
        std::fs::create_dir_all(at.join("refs")).unwrap();
        std::fs::write(at.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        std::fs::write(at.join("config"), config).unwrap();
    };
    let decision = |text: &str| decide(&world, PermissionMode::Ask, &command(text)).decision();
    make("src/bare", "[core]\n\tfsmonitor = ./x\n");
    std::fs::create_dir(world.root.join("src/bare/deep")).unwrap();
    for text in ["cd src/bare && git status", "cd src/bare/deep && git log", "git -C src/bare diff"] {
        assert_eq!(decision(text), ASK, "{text}");
    }
    make(".git", "[core]\n\tbare = false\n[diff \"x\"]\n\ttextconv = ./x\n");
    assert_eq!(decision("git diff"), ASK, "its configuration names a program");
    make(".git", "[core]\n\tbare = false\n");
    assert_eq!(decision("git diff"), ALLOW);
    assert_eq!(decision("cd src && git log"), ALLOW);
    assert_eq!(decision("cd src/bare && git status"), ASK);

    // Another repository, elsewhere, that a file or a link names.
    let other = world.root.join("../other/.git");
    std::fs::create_dir_all(other.join("objects")).unwrap();
    std::fs::write(other.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    std::fs::write(other.join("config"), "").unwrap();
    std::fs::create_dir(world.root.join("named")).unwrap();
    std::fs::write(world.root.join("named/.git"), format!("gitdir: {}\n", other.display())).unwrap();
    std::fs::create_dir(world.root.join("linked")).unwrap();
    std::os::unix::fs::symlink(&other, world.root.join("linked/.git")).unwrap();
    for text in ["cd named && git log -p", "git -C linked show", "cd linked && git status"] {
        assert_eq!(decision(text), ASK, "{text}");
    }
    // Of the same folder opened as it is now it is the user's.
    let named = load(&world.agent, &world.root.join("named"));
    assert_eq!(named.decide(&[], &command("git log -p")).decision(), ALLOW);
}
