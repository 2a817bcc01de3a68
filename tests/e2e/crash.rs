//! The process is killed at every step of an edit and of a decision about one, and starts again: ledger, buffer and
//! disk agree, nothing of the user's is lost, nothing is left lying about, the user is told, and the session goes on.
//!
//! Each story is played once to learn its steps ([`Point`]), then once more for each of them. The steps a story has
//! are written down with it, and together they are all there are.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use pi_harness::{Applies, Editor, Files, JsonlClient, ModelServer, Profile, Scratch, Turn, call, say};
use pi_host::crash::Point::{self, *};
use serde_json::{Value, json};

use crate::{review::shown, rpc::PI};

/// Files by name, and the text of the buffer under `(buffer)`.
type State = BTreeMap<String, String>;

/// One edit or one decision.
struct Story {
    /// In an editor that has `a.txt` open, unsaved, or over JSONL.
    in_editor: bool,
    applies: Applies,
    /// What it does with requests to make and delete files.
    files_by: Files,
    settings: Value,
    /// Other than writing `files`.
    prepare: fn(&Scratch),
    /// At first; in an editor, the text of `a.txt` in its buffer under `(buffer)`.
    files: &'static [(&'static str, &'static str)],
    /// A prompt that is done before, by a process that is not killed.
    earlier: Vec<Turn>,
    /// What the process is killed at: a prompt with these turns, or without any a request about edits.
    turns: Vec<Turn>,
    decides: (&'static str, Value),
    /// The hunks before and after it.
    hunks: [&'static [&'static str]; 2],
    /// What takes it back.
    back: (&'static str, Value),
    /// Steps it has each time it is played, in no order.
    steps: &'static [Point],
}

impl Story {
    /// One that edits `a.txt`.
    fn new() -> Self {
        Self {
            in_editor: false,
            applies: Applies::Well,
            files_by: Files::None,
            settings: json!({}),
            prepare: |_| {},
            files: &[("a.txt", "one\ntwo\n")],
            earlier: Vec::new(),
            turns: Vec::new(),
            decides: ("", Value::Null),
            hunks: [&[], &["pending one>ONE"]],
            back: ("reject", json!({"scope": "folder"})),
            steps: &[],
        }
    }

    /// The same in an editor in which the user has added a line.
    fn in_editor() -> Self {
        let files = &[("a.txt", "one\ntwo\n"), ("(buffer)", "one\ntwo\nmine\n")];
        Self { in_editor: true, files, ..Self::new() }
    }
}

fn edit(old: &str, new: &str) -> Turn {
    call("edit", json!({"path": "a.txt", "oldText": old, "newText": new}))
}

enum Client {
    Program(JsonlClient),
    Editor(Box<Editor>),
}

impl Client {
    fn start(story: &Story, scratch: &Scratch, buffer: Option<&String>) -> Self {
        if !story.in_editor {
            return Self::Program(JsonlClient::start(PI, scratch, &["--continue"]));
        }
        let mut profile = Profile::plugin().applies(story.applies).files(story.files_by);
        profile.arguments.push("--continue".into());
        let editor = Editor::start(PI, scratch, profile);
        editor.open("a.txt", buffer.expect("a buffer"));
        Self::Editor(Box::new(editor))
    }

    /// Sends a prompt or a request about edits; its id.
    fn send(&mut self, verb: &str, params: &Value) -> String {
        let mut params = params.clone();
        match self {
            Self::Program(pi) => {
                let prompt = verb == "prompt";
                params["type"] = if prompt { json!("prompt") } else { json!(format!("edits_{verb}")) };
                pi.start_request(params)
            }
            Self::Editor(editor) => {
                let method = if verb == "prompt" { "pi/prompt".into() } else { format!("pi/edits/{verb}") };
                editor.start_request(&method, params).to_string()
            }
        }
    }

    /// Does it and waits until it is done.
    fn act(&mut self, verb: &str, params: &Value) {
        let id = self.send(verb, params);
        match self {
            Self::Program(pi) => {
                let answer = pi.response(&id);
                assert_eq!(answer["success"], true, "{answer}");
            }
            Self::Editor(editor) => {
                let answer = editor.response(id.parse().unwrap());
                assert!(answer.get("error").is_none(), "{answer}");
            }
        }
        if verb == "prompt" {
            match self {
                Self::Program(pi) => pi.settled(),
                Self::Editor(editor) => drop(editor.settled()),
            }
        }
    }

    fn hunks(&mut self) -> Vec<String> {
        let found = match self {
            Self::Program(pi) => pi.ok(json!({"type": "get_edits", "texts": true})),
            Self::Editor(editor) => editor.ok("pi/edits/list", json!({"texts": true})),
        };
        shown(&found)
    }

    /// What has been said of edits that were cut off.
    fn notices(&self) -> Vec<String> {
        let all = match self {
            Self::Program(pi) => pi.records(),
            Self::Editor(editor) => editor.messages(),
        };
        all.iter().filter_map(notice).collect()
    }

    fn wait_notice(&mut self) {
        match self {
            Self::Program(pi) => drop(pi.event_where("a notice", |it| notice(it).is_some())),
            Self::Editor(editor) => drop(editor.claim("a notice", |it| notice(it).is_some())),
        }
    }

    /// Waits for its end, which must be that of `kill -9`; what its buffer has.
    fn killed(mut self) -> Option<String> {
        let status = match &mut self {
            Self::Program(pi) => pi.wait_exit(),
            Self::Editor(editor) => editor.wait_exit(),
        };
        #[cfg(unix)]
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
        assert!(!status.success());
        self.end()
    }

    /// Lets go of it; what its buffer has.
    fn end(self) -> Option<String> {
        match self {
            Self::Program(mut pi) => {
                pi.unchecked = true;
                None
            }
            Self::Editor(mut editor) => {
                editor.unchecked = true;
                Some(editor.buffer("a.txt"))
            }
        }
    }
}

/// The text of a notice about an edit that was cut off.
fn notice(message: &Value) -> Option<String> {
    // The log has what is shown a second time.
    if message["method"] == "window/logMessage" {
        return None;
    }
    let texts = [&message["params"]["event"]["message"], &message["params"]["message"], &message["message"]];
    let text = texts.into_iter().find_map(Value::as_str)?;
    text.starts_with("Pi was cut off").then(|| text.to_owned())
}

/// All files of the workspace, hidden ones too.
fn state(scratch: &Scratch, buffer: Option<&String>) -> State {
    fn add(folder: &Path, root: &Path, state: &mut State) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.path() {
                it if it.is_dir() => add(&it, root, state),
                it => {
                    let name = it.strip_prefix(root).unwrap().display().to_string();
                    state.insert(name, fs::read_to_string(it).unwrap());
                }
            }
        }
    }
    let mut state = State::new();
    add(&scratch.workspace(), &scratch.workspace(), &mut state);
    state.extend(buffer.map(|it| ("(buffer)".to_owned(), it.clone())));
    state
}

/// A scratch machine on which everything before the edit or the decision has happened, and the buffer.
fn prepared(story: &Story) -> (Scratch, Option<String>, ModelServer) {
    let model = ModelServer::with(story.earlier.clone());
    let scratch = Scratch::with_model(&model);
    scratch.settings(&story.settings);
    let mut buffer = None;
    for (name, text) in story.files {
        match *name {
            "(buffer)" => buffer = Some((*text).to_owned()),
            name => drop(scratch.file(name, text)),
        }
    }
    (story.prepare)(&scratch);
    if !story.earlier.is_empty() {
        let mut client = Client::start(story, &scratch, buffer.as_ref());
        client.act("prompt", &json!({"message": "earlier"}));
        client.hunks();
        buffer = client.end();
    }
    model.script(story.turns.clone());
    (scratch, buffer, model)
}

fn deed(story: &Story) -> (&str, Value) {
    match story.turns.is_empty() {
        true => (story.decides.0, story.decides.1.clone()),
        false => ("prompt", json!({"message": "go"})),
    }
}

fn name(point: Point) -> &'static str {
    point.name()
}

/// Plays the story to its end: its steps, and how things were before it and are after it.
fn steps(story: &Story) -> (Vec<String>, [State; 2]) {
    let (scratch, buffer, _model) = prepared(story);
    let before = state(&scratch, buffer.as_ref());
    let log = scratch.tmp().join("steps");
    scratch.set("PI_CRASH_LOG", &log.display().to_string());
    let mut client = Client::start(story, &scratch, buffer.as_ref());
    let (verb, params) = deed(story);
    client.act(verb, &params);
    let steps: Vec<_> = fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(client.hunks(), story.hunks[1]);
    assert_eq!(client.notices(), [] as [String; 0]);
    let buffer = client.end();
    (steps, [before, state(&scratch, buffer.as_ref())])
}

/// Plays the story up to the last of these steps, at which the process is killed, and looks what is there then. True
/// if what the story does is done.
fn killed_at(story: &Story, steps: &[String], states: &[State; 2]) -> bool {
    let last = steps.last().unwrap();
    let (scratch, buffer, model) = prepared(story);
    model.allow_unused();
    let count = steps.iter().filter(|it| *it == last).count();
    scratch.set("PI_CRASH_AT", &format!("{last}:{count}"));
    let mut client = Client::start(story, &scratch, buffer.as_ref());
    let (verb, params) = deed(story);
    client.send(verb, &params);
    let buffer = client.killed();
    scratch.set("PI_CRASH_AT", "");

    // The session is written before the edit is begun.
    let said = |it: &PathBuf| fs::read_to_string(it).unwrap().contains("\"go\"");
    let is_kept = scratch.session_files().iter().any(said);
    let is_recorded =
        steps.iter().any(|it| [Recording, CommandRecorded].iter().any(|point| point.name() == it));
    assert!(is_kept || story.turns.is_empty() || !is_recorded, "an edit is on record and its prompt is not");
    let model = ModelServer::with([say("so it goes")]);
    scratch.agent_file("models.json", &model.models_json().to_string());
    let mut client = Client::start(story, &scratch, buffer.as_ref());
    // On record as begun, and not as over. Decisions are not.
    let place = |points: &[Point]| steps.iter().rposition(|it| points.iter().any(|point| point.name() == it));
    let begun = !story.turns.is_empty()
        && place(&[Recorded, CommandEnded]) > place(&[Completed, Abandoned, CommandCompleted]);
    if begun {
        client.wait_notice();
    }
    let hunks = client.hunks();
    let now = state(&scratch, buffer.as_ref());
    let done = match (now == states[0], now == states[1]) {
        // A decision that changes no text.
        (true, true) => story.hunks[0] != story.hunks[1] && hunks == story.hunks[1],
        (before, after) => {
            assert!(before || after, "neither before nor after: {now:?}");
            after
        }
    };
    assert_eq!(hunks, story.hunks[usize::from(done)]);
    let notices = client.notices();
    assert_eq!(!notices.is_empty(), begun, "{notices:?}");
    for it in notices {
        // An editor shows only the beginning of a long line.
        assert_eq!(it.contains("The edit is there"), done, "{it}");
    }
    client.act("prompt", &json!({"message": "and now?"}));
    let mut said = model.last_request().user_texts();
    // A decision that nobody could tell it of.
    said.retain(|it| !it.starts_with("Changed since you last read them"));
    let prompts = match is_kept {
        true => vec!["go", "and now?"],
        false => vec!["and now?"],
    };
    assert!(said.ends_with(&prompts.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()), "{said:?}");
    if done && !story.back.0.is_empty() {
        client.act(story.back.0, &story.back.1);
        let buffer = client.end();
        assert_eq!(state(&scratch, buffer.as_ref()), states[0], "it cannot be taken back");
    }
    done
}

fn walk(story: &Story) {
    let (steps, states) = steps(story);
    let is_ours = |step: &str| story.steps.iter().any(|it| it.name() == step);
    let missing: Vec<_> =
        story.steps.iter().filter(|it| !steps.iter().any(|step| step == it.name())).collect();
    assert!(missing.is_empty(), "{missing:?} are no steps of it: {steps:?}");
    let mut done = false;
    for end in (1..=steps.len()).filter(|it| is_ours(&steps[it - 1])) {
        eprintln!("killed at {}", steps[end - 1]);
        let now = killed_at(story, &steps[..end], &states);
        assert!(now || !done, "it was done before this step");
        done = now;
    }
    assert_eq!(done, story.hunks[0] != story.hunks[1], "at the last step it is on record");
}

/// An edit on the disk.
const ON_DISK: &[Point] = &[
    Wanted,
    Recording,
    Recorded,
    BesideMade,
    BesideWritten,
    Replaced,
    Verified,
    Completing,
    Completed,
    Appending,
    Appended,
];
/// An edit in a buffer.
const IN_BUFFER: &[Point] =
    &[Wanted, Recording, Recorded, Sending, Reported, Verified, Completing, Completed];

fn on_disk() -> Story {
    Story { turns: vec![edit("one", "ONE"), say("done")], steps: ON_DISK, ..Story::new() }
}

fn in_place() -> Story {
    let prepare =
        |scratch: &Scratch| fs::hard_link(scratch.path("a.txt"), scratch.home().join("twin")).unwrap();
    let steps = &[Recorded, Extended, Overwritten, Verified, Completed];
    Story {
        prepare,
        steps,
        turns: vec![edit("one", "one, a longer one"), say("done")],
        hunks: [&[], &["pending one>one, a longer one"]],
        ..Story::new()
    }
}

fn created() -> Story {
    let turns = vec![call("write", json!({"path": "new/b.txt", "content": "b\n"})), say("done")];
    Story { turns, steps: ON_DISK, hunks: [&[], &["pending >b"]], ..Story::new() }
}

fn in_buffer() -> Story {
    Story { turns: vec![edit("one", "ONE"), say("done")], steps: IN_BUFFER, ..Story::in_editor() }
}

fn refused() -> Story {
    let steps = &[Recorded, Sending, Answered, Failed, Abandoned];
    Story { applies: Applies::Refuses, steps, hunks: [&[], &[]], ..in_buffer() }
}

fn removed() -> Story {
    let files = &[("a.txt", "one\n"), ("b.txt", "b\n"), ("(buffer)", "one\nmine\n")];
    let turns = vec![call("bash", json!({"command": "rm b.txt"})), say("done")];
    let settings = json!({"shell": {"unsaved": "overlay"}});
    let steps = &[Wanted, Recorded, Removed, Verified, Completed];
    Story { files, turns, settings, steps, hunks: [&[], &["pending b>"]], ..Story::in_editor() }
}

fn created_by_editor() -> Story {
    let steps = &[Recorded, Sending, Answered, BesideWritten, Replaced, Verified, Completed];
    Story {
        files_by: Files::VsCode,
        steps,
        turns: created().turns,
        hunks: created().hunks,
        ..Story::in_editor()
    }
}

fn removed_by_editor() -> Story {
    let steps = &[Recorded, Sending, Answered, Verified, Completed];
    Story { files_by: Files::VsCode, steps, ..removed() }
}

fn rejected() -> Story {
    let steps = &[Deciding, BesideMade, BesideWritten, Replaced, Placed, Storing, Decided];
    Story {
        earlier: on_disk().turns,
        decides: ("reject", json!({"scope": "folder"})),
        steps,
        hunks: [&["pending one>ONE"], &["rejected one>ONE"]],
        back: ("redo", json!({"scope": "folder"})),
        ..Story::new()
    }
}

fn rejected_in_buffer() -> Story {
    let steps = &[Deciding, Sending, Reported, Placed, Storing, Decided];
    Story { in_editor: true, files: Story::in_editor().files, steps, ..rejected() }
}

fn kept() -> Story {
    Story {
        decides: ("accept", json!({"scope": "folder"})),
        steps: &[Deciding, Placed, Storing, Decided],
        hunks: [&["pending one>ONE"], &["kept one>ONE"]],
        back: ("", Value::Null),
        ..rejected()
    }
}

fn created_file_rejected() -> Story {
    Story {
        earlier: created().turns,
        steps: &[Deciding, Removed, Placed, Storing, Decided],
        hunks: [&["pending >b"], &["rejected >b"]],
        ..rejected()
    }
}

fn removed_file_rejected() -> Story {
    Story {
        earlier: removed().turns,
        files: removed().files,
        settings: removed().settings,
        in_editor: true,
        steps: rejected().steps,
        hunks: [&["pending b>"], &["rejected b>"]],
        ..rejected()
    }
}

fn moved_by_command() -> Story {
    let turns = vec![call("bash", json!({"command": "mv a.txt b.txt"})), say("done")];
    let steps = &[Recording, CommandRecorded, CommandEnded, Completing, CommandCompleted];
    Story { turns, steps, hunks: [&[], &["pending >"]], ..Story::new() }
}

fn moved_file_rejected() -> Story {
    Story {
        earlier: moved_by_command().turns,
        steps: &[Deciding, Moved, Placed, Storing, Decided],
        hunks: [&["pending >"], &["rejected >"]],
        ..rejected()
    }
}

const STORIES: [fn() -> Story; 15] = [
    created_by_editor,
    removed_by_editor,
    moved_by_command,
    moved_file_rejected,
    on_disk,
    in_place,
    created,
    in_buffer,
    refused,
    removed,
    rejected,
    rejected_in_buffer,
    kept,
    created_file_rejected,
    removed_file_rejected,
];

#[test]
fn an_edit_of_a_file_survives_every_kill() {
    walk(&on_disk());
}

#[test]
fn an_edit_of_a_file_that_is_written_in_place_survives_every_kill() {
    walk(&in_place());
}

#[test]
fn a_new_file_survives_every_kill() {
    walk(&created());
}

#[test]
fn an_edit_in_a_buffer_survives_every_kill() {
    walk(&in_buffer());
}

#[test]
fn an_edit_the_editor_refuses_survives_every_kill() {
    walk(&refused());
}

#[test]
fn a_removed_file_survives_every_kill() {
    walk(&removed());
}

#[test]
fn a_rejected_edit_survives_every_kill() {
    walk(&rejected());
}

#[test]
fn an_edit_rejected_in_its_buffer_survives_every_kill() {
    walk(&rejected_in_buffer());
}

#[test]
fn a_kept_edit_survives_every_kill() {
    walk(&kept());
}

#[test]
fn a_created_file_that_is_rejected_survives_every_kill() {
    walk(&created_file_rejected());
}

#[test]
fn a_removed_file_that_is_put_back_survives_every_kill() {
    walk(&removed_file_rejected());
}

#[test]
fn a_file_that_a_command_renames_survives_every_kill() {
    walk(&moved_by_command());
}

#[test]
fn a_renamed_file_that_is_rejected_survives_every_kill() {
    walk(&moved_file_rejected());
}

#[test]
fn a_file_that_the_editor_makes_survives_every_kill() {
    walk(&created_by_editor());
}

#[test]
fn a_file_that_the_editor_deletes_survives_every_kill() {
    walk(&removed_by_editor());
}

/// What the next process does about an edit that was cut off can be cut off as well.
#[test]
fn looking_for_a_cut_off_edit_can_be_cut_off_itself() {
    for point in [Settling, Settled] {
        let story = on_disk();
        let (scratch, _, model) = prepared(&story);
        model.allow_unused();
        scratch.set("PI_CRASH_AT", name(Replaced));
        let mut client = Client::start(&story, &scratch, None);
        client.send("prompt", &json!({"message": "go"}));
        client.killed();
        scratch.set("PI_CRASH_AT", name(point));
        // By itself, soon after its start.
        Client::start(&story, &scratch, None).killed();
        scratch.set("PI_CRASH_AT", "");
        let mut client = Client::start(&story, &scratch, None);
        if point == Settling {
            client.wait_notice();
        }
        assert_eq!(client.hunks(), story.hunks[1]);
        assert_eq!(scratch.read("a.txt"), "ONE\ntwo\n");
        client.end();
    }
}

#[test]
fn no_step_is_forgotten() {
    let met: Vec<_> = STORIES.iter().flat_map(|it| it().steps).copied().chain([Settling, Settled]).collect();
    let forgotten: Vec<_> = Point::ALL.iter().filter(|it| !met.contains(it)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}
