//! Tables of commands and files, and properties of chains.

use std::path::{Path, PathBuf};

use pi_core::{Access, PermissionQuery, Permissions, RuleScope, Verdict};
use pi_protocol::{PermissionChoice, PermissionMode, PermissionRisk, ReviewMode};
use proptest::prelude::*;
use serde_json::json;

use super::{
    FolderPermissions, HostPermissions,
    decide::{Decided, Decision},
    shell,
};
use crate::settings::{HostSettings, SettingsOptions};

mod commands;
mod everyday;
mod links;

struct World {
    _dir: tempfile::TempDir,
    root: PathBuf,
    agent: PathBuf,
    folder: std::sync::Arc<FolderPermissions>,
}

/// A workspace `work` beside an agent directory, with these settings.
fn world(permissions: serde_json::Value) -> World {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().canonicalize().unwrap();
    let (root, agent) = (base.join("work"), base.join("agent"));
    std::fs::create_dir_all(root.join("src")).unwrap();
    std::fs::create_dir_all(&agent).unwrap();
    std::fs::write(agent.join("settings.json"), json!({"permissions": permissions}).to_string()).unwrap();
    let folder = load(&agent, &root);
    World { _dir: dir, root, agent, folder }
}

fn load(agent: &Path, root: &Path) -> std::sync::Arc<FolderPermissions> {
    let settings = HostSettings::load(agent, root, SettingsOptions::default());
    FolderPermissions::load(&settings, agent, root, &[])
}

fn ruled() -> World {
    world(json!({
        "allow": ["bash(cargo test *)", "bash(npm run build)", "bash(git push *)", "edit(docs/**)"],
        "ask": ["bash(cargo test --release *)"],
        "deny": ["bash(git push * --force*)", "bash(terraform *)", "edit(docs/LICENSE)"],
    }))
}

fn command(text: &str) -> PermissionQuery {
    query("bash", Access { command: Some(text.to_owned()), ..Access::default() })
}

fn query(tool: &str, access: Access) -> PermissionQuery {
    PermissionQuery {
        call_id: "c".into(),
        tool: tool.into(),
        read_only: false,
        args: Default::default(),
        access,
        mode: PermissionMode::Ask,
        review: ReviewMode::Apply,
        reason: Some("to see".into()),
    }
}

/// What is decided about an edit or a command in each permission mode: `plan`, `ask`, `edit`, `full`.
fn reviewed(world: &World, review: ReviewMode, session: &[&str], query: &PermissionQuery) -> Vec<Decision> {
    let parse = |it: &&str| super::rules::Rule::parse(it, &world.root, None).unwrap();
    let session: Vec<_> = session.iter().map(parse).collect();
    let of = |mode| PermissionQuery { mode, review, ..query.clone() };
    PermissionMode::ALL.iter().map(|mode| world.folder.decide(&session, &of(*mode)).decision()).collect()
}

#[test]
fn edits_are_asked_for_or_only_looked_at_whatever_else_allows_them() {
    use ReviewMode::{Apply, Ask, Plan};
    let world = world(json!({"allow": ["edit(docs/**)", "bash(touch *)"], "deny": ["edit(LICENSE)"]}));
    let edit = |path: &str| {
        let path = world.root.join(path).display().to_string();
        query("edit", Access { writes: vec![path], ..Access::default() })
    };
    let in_copy = |text: &str| {
        let mut query = command(text);
        query.access.in_copy = true;
        query
    };
    for (what, review, session, query, expected) in [
        ("an edit", Apply, "read", edit("a.rs"), [DENY, ASK, ALLOW, ALLOW]),
        ("an edit", Ask, "read", edit("a.rs"), [DENY, ASK, ASK, ASK]),
        ("one a rule allows", Ask, "read", edit("docs/a.md"), [DENY, ASK, ASK, ASK]),
        (
            "one the user has allowed in this chat",
            Ask,
            "edit(a.rs)",
            edit("a.rs"),
            [DENY, ALLOW, ALLOW, ALLOW],
        ),
        ("one that is denied", Ask, "read", edit("LICENSE"), [DENY; 4]),
        ("an edit that is only shown", Plan, "bash", edit("a.rs"), [DENY, ALLOW, ALLOW, ALLOW]),
        ("one outside, which would be read", Plan, "bash", edit("/etc/x"), [DENY, ASK, ASK, ALLOW]),
        ("one that is denied", Plan, "bash", edit("LICENSE"), [DENY; 4]),
        (
            "a command that says what it changes",
            Apply,
            "read",
            command("touch a.rs"),
            [DENY, ALLOW, ALLOW, ALLOW],
        ),
        ("a command that says what it changes", Ask, "read", command("touch a.rs"), [DENY, ASK, ASK, ASK]),
        ("a redirection", Ask, "bash", command("date > a.rs"), [DENY, ASK, ASK, ASK]),
        ("one into nothing", Ask, "bash", command("date > /dev/null"), [ALLOW; 4]),
        (
            "a command whose files are allowed",
            Ask,
            "edit(a.rs)",
            command("touch a.rs"),
            [DENY, ALLOW, ALLOW, ALLOW],
        ),
        ("a command that says nothing", Ask, "bash", command("cargo fmt"), [DENY, ALLOW, ALLOW, ALLOW]),
        ("a command in a copy", Ask, "bash", in_copy("touch a.rs; date > b"), [DENY, ASK, ALLOW, ALLOW]),
    ] {
        assert_eq!(reviewed(&world, review, &[session], &query), expected, "{what}, {review:?}");
    }
}

#[tokio::test]
async fn a_question_of_the_review_stores_nothing_for_good() {
    let world = world(json!({}));
    let permissions = HostPermissions::new(world.folder.clone(), PermissionMode::Full, ReviewMode::Ask);
    let path = world.root.join("a.rs").display().to_string();
    let edit = query("edit", Access { writes: vec![path], ..Access::default() });
    let edit = PermissionQuery { mode: permissions.mode(), review: permissions.review(), ..edit };
    let Verdict::Ask(request) = permissions.check(edit.clone()).await else { panic!("not asked") };
    assert_eq!(
        (request.title.as_str(), request.parts[0].why.as_str()),
        ("Pi wants to change a.rs", "review.mode ask")
    );
    let choices: Vec<_> = request.choices.iter().map(|it| it.label.as_str()).collect();
    assert_eq!(
        choices,
        ["Allow once", "Allow in this chat: edit(a.rs)", "Reject", "Reject and stop", "Reject and say why…"]
    );
    assert!(permissions.nobody_to_ask(&request).contains("--review-mode apply"));
    permissions.remember(&request.choices[1].rules, RuleScope::Session).unwrap();
    assert_eq!(permissions.check(edit).await, Verdict::Allow);

    let command = PermissionQuery {
        mode: permissions.mode(),
        review: ReviewMode::Ask,
        ..command("rm b.rs && mv c.rs d.rs && cargo test")
    };
    let Verdict::Ask(request) = permissions.check(command).await else { panic!("not asked") };
    let asked: Vec<_> = request.parts.iter().filter(|it| !it.allowed).map(|it| it.text.as_str()).collect();
    assert_eq!(asked, ["change b.rs", "change c.rs", "change d.rs"]);
}

#[test]
fn leaving_the_sandbox_is_asked_for_every_time() {
    let world = world(json!({"allow": ["bash"]}));
    for (mode, expected) in [
        (PermissionMode::Plan, DENY),
        (PermissionMode::Ask, ASK),
        (PermissionMode::Edit, ASK),
        (PermissionMode::Full, ASK),
    ] {
        let mut query = command("cargo test");
        query.access.outside_sandbox = true;
        let decided = decide(&world, mode, &query);
        assert_eq!(decided.decision(), expected, "{mode:?}");
        assert!(
            decided.parts.iter().any(|it| it.decision == expected && it.rule.is_none()) || expected == DENY
        );
    }
}

#[tokio::test]
async fn a_question_to_leave_the_sandbox_says_so_first() {
    let world = world(json!({"allow": ["bash"]}));
    let permissions = HostPermissions::new(world.folder.clone(), PermissionMode::Ask, ReviewMode::Apply);
    let mut query = command("cargo test");
    query.access.outside_sandbox = true;
    let Verdict::Ask(request) = permissions.check(query).await else { panic!("not asked") };
    assert_eq!(request.title, "Pi wants to run a command outside the sandbox");
    assert!(request.text.contains("run outside the sandbox · the sandbox would not hold for it"));
}

/// What is decided in this mode.
fn decide(world: &World, mode: PermissionMode, query: &PermissionQuery) -> Decided {
    world.folder.decide(&[], &PermissionQuery { mode, ..query.clone() })
}

fn write(path: impl Into<PathBuf>) -> Access {
    Access { writes: vec![path.into().to_str().unwrap().to_owned()], ..Access::default() }
}

fn read(path: impl Into<PathBuf>) -> Access {
    Access { reads: vec![path.into().to_str().unwrap().to_owned()], ..Access::default() }
}

const ALLOW: Decision = Decision::Allow;
const ASK: Decision = Decision::Ask;
const DENY: Decision = Decision::Deny;

#[test]
fn files_by_mode() {
    let world = ruled();
    let at = |path: &str| world.root.join(path);
    use PermissionMode::{Ask, Edit, Full, Plan};
    for (access, expected) in [
        (write(at("src/a.rs")), [(Plan, DENY), (Ask, ASK), (Edit, ALLOW), (Full, ALLOW)]),
        (write(at("docs/new/a.md")), [(Plan, DENY), (Ask, ALLOW), (Edit, ALLOW), (Full, ALLOW)]),
        (write(at("docs/LICENSE")), [(Plan, DENY), (Ask, DENY), (Edit, DENY), (Full, DENY)]),
        (write(at(".git/hooks/pre-commit")), [(Plan, DENY), (Ask, ASK), (Edit, ASK), (Full, ALLOW)]),
        (write(at(".pi/settings.json")), [(Plan, DENY), (Ask, ASK), (Edit, ASK), (Full, ALLOW)]),
        (write(at(".pi/chat/a.md")), [(Plan, DENY), (Ask, DENY), (Edit, DENY), (Full, DENY)]),
        (write("/opt/x"), [(Plan, DENY), (Ask, ASK), (Edit, ASK), (Full, ALLOW)]),
        (write(world.agent.join("permissions.json")), [(Plan, DENY), (Ask, ASK), (Edit, ASK), (Full, ALLOW)]),
        (read(at("src/a.rs")), [(Plan, ALLOW), (Ask, ALLOW), (Edit, ALLOW), (Full, ALLOW)]),
        (read("/etc/hosts"), [(Plan, ASK), (Ask, ASK), (Edit, ASK), (Full, ALLOW)]),
        (read(world.agent.join("auth.json")), [(Plan, DENY), (Ask, DENY), (Edit, DENY), (Full, DENY)]),
    ] {
        for (mode, expected) in expected {
            let decided = decide(&world, mode, &query("edit", access.clone()));
            assert_eq!(decided.decision(), expected, "{access:?} in {mode:?}: {decided:#?}");
        }
    }
}

#[test]
fn no_rule_is_offered_for_what_a_program_is_given_otherwise() {
    let world = ruled();
    for (text, rules) in [
        ("python3 - <<'EOF'\nprint(1)\nEOF", None),
        ("python3 <<'EOF'\nprint(1)\nEOF", None),
        ("python3 -u - < src/a", None),
        ("python3 -W ignore - < src/a", None),
        ("cat src/a | bash", None),
        ("cat src/a | bash -s -- x", None),
        ("cat src/a | /bin/sh", None),
        ("node < src/a", None),
        ("psql db < src/a", None),
        ("sqlite3 x.db < src/a", None),
        ("bash -e < src/a", None),
        ("echo x | xargs rm", None),
        ("echo x | xargs python3", None),
        ("for x in a b; do rm $x; done", None),
        ("for x in a; do rm $x; done", Some("bash(rm a)")),
        ("python3.12 \"$x\"", None),
        ("python3 fix.py", Some("bash(python3 fix.py)")),
        ("python3 -c 'print(1)'", Some("bash(python3 -c 'print(1)')")),
        ("python3 -m http.server", Some("bash(python3 -m http.server)")),
        ("node -e 1", Some("bash(node -e 1)")),
        ("psql -c 'select 1' db", Some("bash(psql -c 'select 1' db)")),
        ("perl -pe s/a/b/ src/a", Some("bash(perl -pe s/a/b/ src/a)")),
        ("rm src/a", Some("bash(rm src/a)")),
        ("make", Some("bash(make)")),
    ] {
        let decided = decide(&world, PermissionMode::Ask, &command(text));
        let asked: Vec<_> = decided.parts.iter().filter(|it| it.decision == ASK).collect();
        assert_eq!(asked.len(), 1, "{text}: {decided:#?}");
        assert_eq!(asked[0].rule.as_deref(), rules, "{text}");
    }
}

#[test]
fn commands_in_the_other_modes() {
    let world = ruled();
    use PermissionMode::{Edit, Full, Plan};
    for (mode, text, expected) in [
        (Plan, "ls", ALLOW),
        (Plan, "cargo test", DENY),
        (Plan, "echo 'open", DENY),
        (Plan, "ls > x", DENY),
        (Edit, "echo x > src/a", ALLOW),
        (Edit, "echo x > .git/config", ASK),
        (Edit, "rm x", ASK),
        (Full, "rm x", ALLOW),
        (Full, "cargo test --release", ASK),
        (Full, "git push x --force", DENY),
        // With rules that forbid, what cannot be understood is asked for.
        (Full, "echo 'open", ASK),
    ] {
        let decided = decide(&world, mode, &command(text));
        assert_eq!(decided.decision(), expected, "{mode:?} {text}: {decided:#?}");
    }
    let free = self::world(json!({}));
    assert_eq!(decide(&free, Full, &command("echo 'open")).decision(), ALLOW);
}

#[test]
fn a_rule_that_cannot_be_read_is_no_hole() {
    let world = world(json!({"allow": ["bash(ls", "bash(make *)"], "deny": ["edit([)"]}));
    let edit = query("edit", write(world.root.join("a")));
    assert_eq!(decide(&world, PermissionMode::Full, &edit).decision(), DENY);
    let ask = decide(&world, PermissionMode::Ask, &command("rm x"));
    assert_eq!(ask.decision(), ASK);
}

#[tokio::test]
async fn a_question_shows_everything_and_its_answers_hold() {
    let world = ruled();
    let permissions = HostPermissions::new(world.folder.clone(), PermissionMode::Ask, ReviewMode::Apply);
    let text = "cargo test retry && rm -rf target/tmp && cargo build > log";
    let Verdict::Ask(request) = permissions.check(command(text)).await else { panic!("not asked") };
    assert_eq!(request.title, "Pi wants to run a command");
    assert_eq!(request.command.as_deref(), Some(text));
    assert_eq!(request.risk, PermissionRisk::High);
    assert_eq!(request.reason.as_deref(), Some("to see"));
    let parts: Vec<_> =
        request.parts.iter().map(|it| (it.text.as_str(), it.allowed, it.why.as_str())).collect();
    assert_eq!(
        parts,
        [
            ("cargo test retry", true, "bash(cargo test *)"),
            ("rm -rf target/tmp", false, "no rule allows it"),
            ("cargo build", false, "no rule allows it"),
            ("write log", false, "no rule allows it"),
        ]
    );
    assert!(request.text.contains(text) && request.text.ends_with("“to see”"), "{}", request.text);
    let rules = ["bash(rm -rf target/tmp)", "bash(cargo build *)", "edit(log)"];
    let session = request.choices.iter().find(|it| it.id == PermissionChoice::AllowSession).unwrap();
    assert_eq!(session.rules, rules);
    assert_eq!(session.label, format!("Allow in this chat: {}", rules.join(", ")));

    permissions.remember(&session.rules, RuleScope::Session).unwrap();
    assert_eq!(permissions.check(command(text)).await, Verdict::Allow);
    let Verdict::Ask(other) = permissions.check(command("rm -rf target")).await else { panic!("not asked") };
    let other_session = HostPermissions::new(world.folder.clone(), PermissionMode::Ask, ReviewMode::Apply);
    assert!(matches!(other_session.check(command(text)).await, Verdict::Ask(_)));

    // For good: in this project, also after a restart, and in no other project.
    let project = other.choices.iter().find(|it| it.id == PermissionChoice::AllowProject).unwrap();
    permissions.remember(&project.rules, RuleScope::Project).unwrap();
    for (root, allowed) in [(&world.root, true), (&world.root.join("src"), false)] {
        let again = HostPermissions::new(load(&world.agent, root), PermissionMode::Ask, ReviewMode::Apply);
        let verdict = again.check(command("rm -rf target")).await;
        assert_eq!(verdict == Verdict::Allow, allowed, "{verdict:?}");
    }
}

#[tokio::test]
async fn what_is_not_understood_can_only_be_allowed_once() {
    let permissions = HostPermissions::new(ruled().folder, PermissionMode::Ask, ReviewMode::Apply);
    for text in ["f() { ls; }; f", "ls > $X", "case x in".repeat(20).as_str(), &"(".repeat(5000)] {
        let Verdict::Ask(request) = permissions.check(command(text)).await else {
            panic!("{text} is not asked")
        };
        let ids: Vec<_> = request.choices.iter().map(|it| it.id).collect();
        assert_eq!(
            ids,
            [
                PermissionChoice::AllowOnce,
                PermissionChoice::Reject,
                PermissionChoice::RejectStop,
                PermissionChoice::RejectMessage
            ],
            "{text}"
        );
        assert_eq!(request.risk, PermissionRisk::High);
    }
    let Verdict::Deny(why) = permissions.check(command("rm -rf /")).await else { panic!("not denied") };
    assert!(why.starts_with("Not run: `rm -rf /` is not permitted (it would delete /"), "{why}");
    let Verdict::Ask(hidden) = permissions.check(command("rm a\u{202e}b")).await else { panic!("not asked") };
    assert!(hidden.text.contains("rm a<U+202E>b"), "{}", hidden.text);
}

#[tokio::test]
async fn a_tool_that_says_nothing_is_asked_for_by_its_name() {
    let world = world(json!({"allow": ["fetch"]}));
    let permissions = HostPermissions::new(world.folder.clone(), PermissionMode::Ask, ReviewMode::Apply);
    let of = |tool: &str| query(tool, Access::default());
    assert_eq!(permissions.check(of("fetch")).await, Verdict::Allow);
    let Verdict::Ask(request) = permissions.check(of("deploy")).await else { panic!("not asked") };
    assert_eq!(request.choices[1].rules, ["deploy"]);
    let mut reading = of("peek");
    reading.read_only = true;
    assert_eq!(permissions.check(reading).await, Verdict::Allow);
    let planned = PermissionQuery { mode: PermissionMode::Plan, ..of("fetch") };
    assert!(matches!(permissions.check(planned).await, Verdict::Deny(_)));
}

static RULED: std::sync::LazyLock<World> = std::sync::LazyLock::new(ruled);

fn allowed_part() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("ls -l src".to_owned()),
        Just("cargo test x".to_owned()),
        Just("npm run build".to_owned()),
        Just("echo 'a; b'".to_owned()),
        Just("git status".to_owned()),
        Just("pwd 2>/dev/null".to_owned()),
    ]
}

fn other_part() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("rm x".to_owned()),
        Just("make".to_owned()),
        Just("curl example.org".to_owned()),
        Just("echo x > y".to_owned()),
        Just("X=1".to_owned()),
        Just("sh".to_owned()),
        Just("env rm x".to_owned()),
    ]
}

/// One command inside something that runs it.
fn wrapped(inner: BoxedStrategy<String>) -> BoxedStrategy<String> {
    (inner, 0..13_usize)
        .prop_map(|(it, way)| match way {
            0 => format!("({it})"),
            1 => format!("{{ {it}; }}"),
            2 => format!("echo $({it})"),
            3 => format!("echo \"a $({it})\""),
            4 => format!("if true; then {it}; fi"),
            5 => format!("for x in 1; do {it}; done"),
            6 => format!("case a in a) {it};; esac"),
            7 => format!("while false; do {it}; done"),
            8 => format!("cat <({it})"),
            9 => format!("echo ${{x:-$({it})}}"),
            10 => format!("! {it}"),
            11 if !it.contains('\'') => format!("bash -c '{it}'"),
            _ => it,
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_chain_with_another_part_is_allowed(
        before in prop::collection::vec((allowed_part(), prop::sample::select(vec![";", "&&", "||", "|", "&", "\n"])), 0..4),
        part in wrapped(wrapped(other_part().boxed())),
        after in prop::collection::vec((prop::sample::select(vec![";", "&&", "||", "|", "&", "\n"]), allowed_part()), 0..4),
    ) {
        let before: String = before.iter().map(|(part, by)| format!("{part} {by} ")).collect();
        let after: String = after.iter().map(|(by, part)| format!(" {by} {part}")).collect();
        let text = format!("{before}{part}{after}");
        let decided = decide(&RULED, PermissionMode::Ask, &command(&text));
        prop_assert_ne!(decided.decision(), ALLOW, "{}: {:#?}", text, decided);
    }

    #[test]
    fn a_chain_of_allowed_parts_is_allowed(
        first in wrapped(allowed_part().boxed()),
        rest in prop::collection::vec((prop::sample::select(vec![";", "&&", "||", "|"]), allowed_part()), 0..4),
    ) {
        // Reading what another command names needs a question, so that one is left out.
        prop_assume!(!first.starts_with("cat <("));
        let rest: String = rest.iter().map(|(by, part)| format!(" {by} {part}")).collect();
        let text = format!("{first}{rest}");
        let decided = decide(&RULED, PermissionMode::Ask, &command(&text));
        prop_assert_eq!(decided.decision(), ALLOW, "{}: {:#?}", text, decided);
    }

    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,80}", noise in "[\\[\\](){}<>$`'\"\\\\;&|!#*?~=a-c \n\t-]{0,60}") {
        // Whatever comes back: it ends, and does not panic.
        for text in [text, noise] {
            let _either = shell::read(&text);
            shell::is_fork_bomb(&text);
        }
    }
}
