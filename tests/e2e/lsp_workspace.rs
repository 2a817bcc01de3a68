//! What an editor configures: its settings, its folders, and the version its plugin was made for.

use pi_harness::{Editor, ModelServer, Profile, Scratch, editor::uri, say};
use serde_json::{Value, json};

const PI: &str = env!("CARGO_BIN_EXE_pi");

fn start(profile: Profile) -> (Editor, Scratch, ModelServer) {
    let model = ModelServer::start();
    let scratch = Scratch::with_model(&model);
    (Editor::start(PI, &scratch, profile), scratch, model)
}

fn steering_mode(editor: &mut Editor) -> Value {
    editor.ok("pi/getState", json!({}))["steeringMode"].take()
}

#[test]
fn settings_of_the_editor_are_in_force_and_not_written() {
    for options in
        [json!({"pi": {"permissions": {"mode": "plan"}}}), json!({"permissions": {"mode": "plan"}})]
    {
        let mut profile = Profile::plugin().asking();
        profile.initialize["initializationOptions"] = options;
        let (mut editor, scratch, model) = start(profile);
        // Neovim says this right after `initialized`.
        editor.notify("workspace/didChangeConfiguration", json!({"settings": {}}));
        model.script([say("hello")]);
        editor.prompt("hi");
        editor.settled();
        let tools = model.last_request().tool_names();
        assert!(tools.contains(&"read".to_owned()) && !tools.contains(&"bash".to_owned()), "{tools:?}");
        assert!(!scratch.agent_dir().join("settings.json").exists());
    }
}

#[test]
fn changed_settings_hold_at_once() {
    let mut profile = Profile::plugin();
    profile.initialize["capabilities"]["workspace"]["configuration"] = json!(true);
    let (mut editor, _scratch, _model) = start(profile);
    assert_eq!(steering_mode(&mut editor), "one-at-a-time");
    let change = |editor: &Editor, settings: Value| {
        editor.notify("workspace/didChangeConfiguration", json!({"settings": settings}))
    };
    change(&editor, json!({"pi": {"steeringMode": "all"}}));
    assert_eq!(steering_mode(&mut editor), "all");
    // VS Code may say only that something has changed.
    change(&editor, Value::Null);
    let asked = editor.asked("workspace/configuration");
    assert_eq!(asked["params"], json!({"items": [{"section": "pi"}]}));
    editor.answer(&asked, Ok(json!([{"steeringMode": "one-at-a-time", "shellPath": 7}])));
    let warning = editor.notification("window/showMessage");
    assert_eq!(warning["message"], "settings of the editor: \"shellPath\" is ignored, it must be text");
    assert_eq!(steering_mode(&mut editor), "one-at-a-time");
    // Eglot answers null for what is not set.
    change(&editor, Value::Null);
    let asked = editor.asked("workspace/configuration");
    editor.answer(&asked, Ok(json!([null])));
    assert_eq!(steering_mode(&mut editor), "one-at-a-time");
}

#[test]
fn the_default_session_works_in_the_first_folder() {
    let (mut editor, scratch, _model) = start(Profile::plugin());
    let folders = &editor.server["capabilities"]["workspace"]["workspaceFolders"];
    assert_eq!(folders, &json!({"supported": true, "changeNotifications": true}));
    let other = scratch.path("other");
    std::fs::create_dir(&other).unwrap();
    let folder = |path: &std::path::Path| json!({"uri": uri(path), "name": "x"});
    let event = json!({"added": [folder(&other)], "removed": [folder(&scratch.workspace())]});
    editor.notify("workspace/didChangeWorkspaceFolders", json!({"event": event}));
    let run = editor.ok("pi/bash", json!({"command": "pwd"}));
    editor.events_until("bash_execution_update");
    assert_eq!(run["output"].as_str().unwrap().trim(), other.to_string_lossy());
}

#[test]
fn a_plugin_for_another_version_is_told() {
    let mut profile = Profile::plugin();
    profile.initialize["capabilities"]["experimental"]["pi"]["version"] = json!(99);
    let (editor, ..) = start(profile);
    let told = editor.notification("window/showMessage");
    assert_eq!(told["message"], "Plugin 99 and server 1 do not speak the same protocol. Update the server.");
}
