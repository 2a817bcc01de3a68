//! Prompt templates and skills: found, offered, expanded, named to the model; a project's own only with trust.

use std::fs;

use pi_harness::{Editor, JsonlClient, ModelServer, Profile, Scratch, call, say};
use serde_json::{Value, json};

use crate::rpc::PI;

/// A user with a template and a skill, and a project with one of each.
fn prepare(scratch: &Scratch) {
    scratch.agent_file(
        "prompts/review.md",
        "---\ndescription: Review a file\n---\nReview $1 with care. All: $@\n",
    );
    scratch.agent_file(
        "skills/brave/SKILL.md",
        "---\nname: brave\ndescription: Searches & finds\n---\n# Brave\n",
    );
    scratch.file(".pi/prompts/fix.md", "Fix ${1:-everything}");
    scratch.file(".pi/skills/own/SKILL.md", "---\ndescription: Knows this project\n---\nOwn words\n");
}

fn names(commands: &Value) -> Vec<&str> {
    commands["commands"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect()
}

#[test]
fn a_message_becomes_what_its_first_word_stands_for() {
    let model = ModelServer::with([
        call("bash", json!({"command": "true"})).gate("first"),
        say("steered"),
        say("followed"),
        say("took it literally"),
    ]);
    let scratch = Scratch::with_model(&model);
    prepare(&scratch);
    let mut pi = JsonlClient::start(PI, &scratch, &[]);
    let commands = pi.ok(json!({"type": "get_commands"}));
    assert_eq!(names(&commands), ["review", "skill:brave"]);
    let skill = &commands["commands"][1];
    let file = scratch.agent_dir().join("skills/brave/SKILL.md");
    assert_eq!(skill["path"], file.to_str().unwrap());
    assert_eq!((&skill["source"], &skill["sourceInfo"]["scope"]), (&json!("skill"), &json!("user")));

    pi.prompt("/review src/a.ts 'two words'");
    model.reached("first");
    pi.ok(json!({"type": "steer", "message": "/skill:brave find it"}));
    pi.ok(json!({"type": "follow_up", "message": "/review $1"}));
    model.release("first");
    pi.settled();
    let last = model.last_request();
    let directory = file.parent().unwrap().display();
    assert_eq!(
        last.user_texts(),
        [
            "Review src/a.ts with care. All: src/a.ts two words".to_owned(),
            format!(
                "<skill name=\"brave\" location=\"{directory}/SKILL.md\">\nReferences are relative to {directory}.\n\n\
                 # Brave\n</skill>\n\nfind it"
            ),
            "Review $1 with care. All: $1".to_owned(),
        ]
    );
    let system = last.system();
    assert!(system.contains("<description>Searches &amp; finds</description>"), "{system}");
    assert!(!system.contains("Knows this project"), "{system}");

    fs::remove_file(&file).unwrap();
    let events = pi.run("/skill:brave again");
    let failed = events.iter().find(|it| it["type"] == "extension_error").unwrap();
    assert_eq!((&failed["event"], &failed["extensionPath"]), (&json!("skill_expansion"), &json!(file)));
    assert_eq!(model.last_request().user_texts().last().unwrap(), "/skill:brave again");
}

#[test]
fn what_is_not_used_is_said_once_on_stderr() {
    let model = ModelServer::with([say("one"), say("two")]);
    let scratch = Scratch::with_model(&model);
    prepare(&scratch);
    scratch.agent_file("prompts/broken.md", "---\n[\n---\n");
    let output = scratch
        .command(PI)
        .args(["--provider", "scripted", "--model", "alpha", "-p", "/broken", "/review a.rs"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "two\n");
    assert_eq!(model.last_request().user_texts(), ["/broken", "Review a.rs with care. All: a.rs"]);
    let log = String::from_utf8_lossy(&output.stderr);
    for once in ["--approve allows them", "broken.md: its head is not YAML"] {
        assert_eq!(log.matches(once).count(), 1, "{once}: {log}");
    }
}

#[test]
fn flags_and_trust_decide_what_there_is() {
    let all = ["fix", "review", "skill:brave", "skill:own"];
    let cases: [(&[&str], Value, &[&str]); 6] = [
        (&["--approve"], json!({}), &all),
        (&[], json!({"defaultProjectTrust": "always"}), &all),
        (&["--no-approve"], json!({"defaultProjectTrust": "always"}), &["review", "skill:brave"]),
        (&["--approve"], json!({"enableSkillCommands": false}), &["fix", "review"]),
        (&["-ns", "-np"], json!({}), &[]),
        (
            &["-ns", "-np", "--skill", ".pi/skills/own", "--prompt-template", ".pi/prompts"],
            json!({}),
            &["fix", "skill:own"],
        ),
    ];
    for (flags, settings, expected) in cases {
        let model = ModelServer::start();
        let scratch = Scratch::with_model(&model);
        prepare(&scratch);
        scratch.settings(&settings);
        let mut pi = JsonlClient::start(PI, &scratch, flags);
        assert_eq!(names(&pi.ok(json!({"type": "get_commands"}))), expected, "{flags:?} {settings}");
    }
}

#[test]
fn a_model_that_cannot_read_files_is_not_told_of_skills() {
    for (tools, told) in [("edit", false), ("bash", true)] {
        let model = ModelServer::with([say("ok")]);
        let scratch = Scratch::with_model(&model);
        prepare(&scratch);
        JsonlClient::start(PI, &scratch, &["--tools", tools]).run("hi");
        assert_eq!(model.last_request().system().contains("<available_skills>"), told, "{tools}");
    }
}

#[test]
fn context_from_an_editor_is_no_argument() {
    let model = ModelServer::with([say("ok")]);
    let scratch = Scratch::with_model(&model);
    prepare(&scratch);
    let mut editor = Editor::start(PI, &scratch, Profile::plugin());
    assert_eq!(names(&editor.ok("pi/getCommands", json!({}))), ["review", "skill:brave"]);
    let uri = scratch.path("a.rs");
    editor.ok("pi/prompt", json!({"message": "/review it", "context": [{"kind": "file", "uri": uri}]}));
    editor.settled();
    let text = format!("Review it with care. All: it\n\nFile: {}", uri.display());
    assert_eq!(model.last_request().user_texts(), [text]);
}
