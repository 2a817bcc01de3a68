//! A fake editor: buffers with versions and undo, edits applied as real editors do it, and the ways in which real
//! editors misbehave (`lsp-hosts` has who does what).
//!
//! Positions are converted here by code of its own, so that the server's conversion is tested and not repeated.

mod files;

use std::{
    collections::HashMap,
    fs,
    ops::{Deref, DerefMut, Range},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};

pub use self::files::Files;
use crate::{
    Scratch,
    lsp_client::{Host, LspClient, Reaction},
};

/// What the editor does with `workspace/applyEdit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Applies {
    /// Checks the version, applies, tells, answers.
    #[default]
    Well,
    /// Applies and answers; tells what changed only afterwards (eglot).
    TellsLate,
    /// Answers `applied: false` with a reason (Helix on a stale version).
    Refuses,
    /// Answers with an error (eglot on a stale version).
    Errs,
    /// Answers `applied: true` and changes nothing (Neovim on a stale version).
    Lies,
    /// Applies without comparing versions, at the old places (Neovim for version 0).
    Unchecked,
    /// Lets the test decide when: claim the request and call [`Editor::perform`].
    WhenTold,
    /// Draws lots, beginning with this seed: any of the above, or an answer that means nothing.
    Whims(u64),
}

/// The next number of a sequence that is the same in every run (xorshift); `state` must not be 0.
pub fn draw(state: &mut u64, below: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as usize % below
}

/// How the editor tells that its user has moved a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moves {
    /// Closes and opens the document, then says it (VS Code, Helix).
    Last,
    /// Says it first.
    First,
    /// Says it and nothing else.
    Only,
    /// Only closes and opens the document (Neovim 0.10, Eglot).
    Never,
}

/// What the editor does with `pi/saveDocuments`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Saves {
    /// Writes the files, tells, answers.
    #[default]
    Well,
    /// Lets the test claim the request.
    WhenTold,
}

/// What the editor says at `initialize` and how it behaves.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Parameters of `initialize`; `rootUri` and `workspaceFolders` are set to the scratch workspace.
    pub initialize: Value,
    /// Reaction to edits.
    pub applies: Applies,
    /// Reaction to file operations.
    pub files: Files,
    /// Version of a document when it is opened: 0 in most editors, 1 in VS Code.
    pub first_version: i64,
    /// Further arguments of `pi lsp`.
    pub arguments: Vec<String>,
    /// Open a second folder as well: [`Editor::lib`].
    pub lib: bool,
}

impl Profile {
    /// An editor with a Pi plugin, UTF-16.
    pub fn plugin() -> Self {
        Self::with(json!({
            "workspace": {"applyEdit": true, "workspaceEdit": {"documentChanges": true}},
            "window": {"workDoneProgress": true, "showMessage": {}},
            "experimental": {"pi": {"events": "delta"}},
        }))
    }

    /// An editor that knows nothing of Pi, UTF-16.
    pub fn plain() -> Self {
        Self::with(json!({
            "workspace": {"applyEdit": true, "workspaceEdit": {"documentChanges": true}},
            "window": {"workDoneProgress": true},
            "textDocument": {"codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}}}},
        }))
    }

    /// An editor whose plugin also answers what the editor knows.
    pub fn knowing() -> Self {
        let mut profile = Self::plugin();
        let pi = &mut profile.initialize["capabilities"]["experimental"]["pi"];
        for what in ["State", "Diagnostics", "Definition", "References", "Symbols"] {
            pi[format!("editor{what}")] = json!(true);
        }
        profile
    }

    /// With these client capabilities.
    pub fn with(capabilities: Value) -> Self {
        Self::captured(json!({"processId": std::process::id(), "capabilities": capabilities}))
    }

    /// As a real editor said it.
    pub fn captured(initialize: Value) -> Self {
        // Permissions have stories of their own.
        let arguments = ["--provider", "scripted", "--model", "alpha", "--permission-mode", "full"];
        let arguments = arguments.map(str::to_owned).into();
        Self {
            initialize,
            applies: Applies::Well,
            files: Files::None,
            first_version: 0,
            arguments,
            lib: false,
        }
    }

    /// Asks before it changes something, as the server does by itself.
    pub fn asking(mut self) -> Self {
        self.arguments.truncate(self.arguments.len() - 2);
        self
    }

    /// Has a second folder open, beside the workspace.
    pub fn with_lib(mut self) -> Self {
        self.lib = true;
        self
    }

    /// Has a plugin that reads files again when it is asked.
    pub fn reloads(mut self) -> Self {
        self.initialize["capabilities"]["experimental"]["pi"]["reloadDocuments"] = json!(true);
        self
    }

    /// Gives the model these tools and no others.
    pub fn tools(mut self, names: &str) -> Self {
        self.arguments.extend(["--tools".to_owned(), names.to_owned()]);
        self
    }

    /// Offers these position encodings.
    pub fn encodings(mut self, offered: &[&str]) -> Self {
        self.initialize["capabilities"]["general"] = json!({"positionEncodings": offered});
        self
    }

    /// Reacts to edits like this.
    pub fn applies(mut self, applies: Applies) -> Self {
        self.applies = applies;
        self
    }

    /// Watches files for the server.
    pub fn watches(mut self) -> Self {
        self.initialize["capabilities"]["workspace"]["didChangeWatchedFiles"] =
            json!({"dynamicRegistration": true, "relativePatternSupport": true});
        self
    }

    /// Makes, deletes and moves files like this editor, and announces it.
    pub fn files(mut self, files: Files) -> Self {
        self.files = files;
        self.initialize["capabilities"]["workspace"]["workspaceEdit"]["resourceOperations"] = files.kinds();
        self
    }
}

#[derive(Debug, Default)]
struct Buffer {
    text: String,
    version: i64,
    undo: Vec<String>,
}

#[derive(Debug, Default)]
struct Buffers {
    open: HashMap<String, Buffer>,
    encoding: Encoding,
    applies: Applies,
    files: Files,
    saves: Saves,
    /// What is watched for the server, by the id of its registration.
    watched: HashMap<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Encoding {
    Utf8,
    #[default]
    Utf16,
}

/// The buffers, as the reading thread sees them.
#[derive(Default)]
struct Desk(Mutex<Buffers>, Mutex<()>);

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Buffers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host for Desk {
    fn asked(&self, method: &str, params: &Value) -> Reaction {
        match method {
            "workspace/applyEdit" => self.lock().asked_to_edit(params),
            "pi/saveDocuments" => self.lock().asked_to_save(params),
            "pi/reloadDocuments" => self.lock().asked_to_reload(params),
            // A person answers these.
            "pi/requestPermission" | "pi/ui" | "window/showMessageRequest" => Reaction::Hold,
            "window/workDoneProgress/create" => Reaction::answer(Ok(Value::Null)),
            "client/registerCapability" => self.lock().asked_to_watch(&params["registrations"]),
            "client/unregisterCapability" => self.lock().asked_to_forget(&params["unregisterations"]),
            // The test says what is set, and what the editor knows.
            "workspace/configuration" => Reaction::Hold,
            knows if knows.starts_with("pi/editor/") => Reaction::Hold,
            _ => Reaction::answer(Err((-32601, format!("method not found: {method}")))),
        }
    }

    fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        Some(self.1.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Buffers {
    fn asked_to_watch(&mut self, registrations: &Value) -> Reaction {
        for it in registrations.as_array().expect("registrations are a list") {
            if it["method"] != "workspace/didChangeWatchedFiles" {
                continue;
            }
            let id = it["id"].as_str().expect("an id is text").to_owned();
            let new = self.watched.insert(id, it["registerOptions"]["watchers"].clone());
            assert!(new.is_none(), "registered twice: {it}");
        }
        Reaction::answer(Ok(Value::Null))
    }

    fn asked_to_forget(&mut self, registrations: &Value) -> Reaction {
        for it in registrations.as_array().expect("registrations are a list") {
            if it["method"] == "workspace/didChangeWatchedFiles" {
                let old = self.watched.remove(it["id"].as_str().expect("an id is text"));
                assert!(old.is_some(), "never registered: {it}");
            }
        }
        Reaction::answer(Ok(Value::Null))
    }

    fn asked_to_save(&self, params: &Value) -> Reaction {
        if self.saves == Saves::WhenTold {
            return Reaction::Hold;
        }
        let uris = params["uris"].as_array().expect("documents are a list");
        let told = uris.iter().map(|uri| {
            let uri = uri.as_str().expect("a document has a URI");
            let buffer = self.open.get(uri).unwrap_or_else(|| panic!("save of {uri}, which is not open"));
            fs::write(path(uri), &buffer.text).expect("cannot save");
            ("textDocument/didSave".to_owned(), json!({"textDocument": {"uri": uri}}))
        });
        Reaction::Answer { before: told.collect(), answer: Ok(json!({})), after: Vec::new() }
    }

    /// As a plugin does that has nothing unsaved in these buffers.
    fn asked_to_reload(&mut self, params: &Value) -> Reaction {
        let uris = params["uris"].as_array().expect("documents are a list");
        let told = uris.iter().map(|uri| {
            let uri = uri.as_str().expect("a document has a URI");
            let text = fs::read_to_string(path(uri)).expect("cannot reload");
            let buffer =
                self.open.get_mut(uri).unwrap_or_else(|| panic!("reload of {uri}, which is not open"));
            buffer.undo.push(std::mem::replace(&mut buffer.text, text.clone()));
            buffer.version += 1;
            let document = json!({"uri": uri, "version": buffer.version});
            let changes = json!({"textDocument": document, "contentChanges": [{"text": text}]});
            ("textDocument/didChange".to_owned(), changes)
        });
        Reaction::Answer { before: told.collect(), answer: Ok(json!({})), after: Vec::new() }
    }

    fn asked_to_edit(&mut self, params: &Value) -> Reaction {
        let changes = params["edit"]["documentChanges"].as_array().map(Vec::as_slice).unwrap_or_default();
        if let Some(operation) = changes.iter().find(|it| it.get("kind").is_some()) {
            assert_eq!(changes.len(), 1, "one file operation a request: {params}");
            return self.operate(operation);
        }
        let mut applies = self.applies;
        if let Applies::Whims(state) = &mut self.applies {
            applies = match draw(state, 12) {
                0 => return Reaction::answer(Ok(json!("yes"))),
                1 => Applies::Refuses,
                2 => Applies::Errs,
                3 => Applies::Lies,
                4 => Applies::TellsLate,
                5 => Applies::WhenTold,
                _ => Applies::Well,
            };
        }
        match applies {
            // Drawn above, and not by itself.
            Applies::WhenTold | Applies::Whims(_) => Reaction::Hold,
            Applies::Refuses => Reaction::answer(Ok(
                json!({"applied": false, "failureReason": "document has changed", "failedChange": 0}),
            )),
            Applies::Errs => Reaction::answer(Err((-32603, "edits require another version".into()))),
            Applies::Lies => Reaction::answer(Ok(json!({"applied": true}))),
            applies @ (Applies::Well | Applies::Unchecked | Applies::TellsLate) => {
                let (answer, told) = self.apply(params);
                let (before, after) =
                    if applies == Applies::TellsLate { (Vec::new(), told) } else { (told, Vec::new()) };
                Reaction::Answer { before, answer: Ok(answer), after }
            }
        }
    }

    /// Applies one document's edits; the answer and what to tell.
    fn apply(&mut self, params: &Value) -> (Value, Vec<(String, Value)>) {
        let changes = params["edit"]["documentChanges"].as_array().cloned().unwrap_or_default();
        assert_eq!(changes.len(), 1, "one document a request, versioned: {params}");
        let document = &changes[0]["textDocument"];
        let uri = document["uri"].as_str().expect("a document has a URI").to_owned();
        let encoding = self.encoding;
        let Some(buffer) = self.open.get_mut(&uri) else { panic!("edit of {uri}, which is not open") };
        if self.applies != Applies::Unchecked && document["version"] != buffer.version {
            let reason = format!("version {} is not {}", document["version"], buffer.version);
            return (json!({"applied": false, "failureReason": reason}), Vec::new());
        }
        let mut edits: Vec<(usize, usize, String)> = changes[0]["edits"]
            .as_array()
            .expect("edits are a list")
            .iter()
            .map(|it| {
                let at = |position: &Value| offset(&buffer.text, position, encoding);
                let text = it["newText"].as_str().expect("an edit has a text").to_owned();
                (at(&it["range"]["start"]), at(&it["range"]["end"]), text)
            })
            .collect();
        edits.sort_by_key(|it| it.0);
        assert!(edits.windows(2).all(|it| it[0].1 <= it[1].0), "edits overlap: {params}");
        buffer.undo.push(buffer.text.clone());
        // From the end, so that the places before stay right; each change is told for the text the one before left.
        let mut told = Vec::new();
        for (start, end, text) in edits.into_iter().rev() {
            let range = json!({"start": position(&buffer.text, start, encoding), "end": position(&buffer.text, end, encoding)});
            buffer.text.replace_range(start..end, &text);
            told.push(json!({"range": range, "text": text}));
        }
        buffer.version += 1;
        let told = json!({"textDocument": {"uri": uri, "version": buffer.version}, "contentChanges": told});
        (json!({"applied": true}), vec![("textDocument/didChange".into(), told)])
    }
}

/// A fake editor with a live `pi lsp`.
pub struct Editor {
    client: LspClient,
    desk: Arc<Desk>,
    first_version: i64,
    workspace: std::path::PathBuf,
    /// Result of `initialize`.
    pub server: Value,
}

impl Deref for Editor {
    type Target = LspClient;

    fn deref(&self) -> &LspClient {
        &self.client
    }
}

impl DerefMut for Editor {
    fn deref_mut(&mut self) -> &mut LspClient {
        &mut self.client
    }
}

/// The path of a `file:` URI without escapes.
fn path(uri: &str) -> &Path {
    Path::new(uri.strip_prefix("file://").filter(|it| !it.contains('%')).expect("a URI the editor can save"))
}

/// The `file:` URI of a path.
pub fn uri(path: &Path) -> String {
    let path = path.to_string_lossy().replace('\\', "/");
    let rooted = if path.starts_with('/') { path } else { format!("/{path}") };
    let mut out = "file://".to_owned();
    for byte in rooted.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' | b':' => out.push(char::from(byte)),
            it if it.is_ascii_alphanumeric() => out.push(char::from(it)),
            it => out.push_str(&format!("%{it:02X}")),
        }
    }
    out
}

impl Editor {
    /// Starts `program lsp` and initializes it.
    pub fn start(program: impl AsRef<Path>, scratch: &Scratch, profile: Profile) -> Self {
        let mut command = scratch.command(program);
        command.arg("lsp").args(&profile.arguments);
        let desk = Arc::new(Desk::default());
        (desk.lock().applies, desk.lock().files) = (profile.applies, profile.files);
        let client = LspClient::spawn(command, desk.clone());
        let workspace = scratch.workspace();
        let mut editor =
            Self { client, desk, first_version: profile.first_version, workspace, server: Value::Null };
        let mut initialize = profile.initialize;
        let root = uri(&editor.workspace);
        initialize["rootUri"] = json!(root);
        initialize["rootPath"] = json!(editor.workspace);
        let mut folders = vec![json!({"uri": root, "name": "work"})];
        if profile.lib {
            fs::create_dir(editor.lib()).expect("cannot make a folder");
            folders.push(json!({"uri": uri(&editor.lib()), "name": "lib"}));
        }
        initialize["workspaceFolders"] = Value::Array(folders);
        editor.server = editor.ok("initialize", initialize);
        if editor.server["capabilities"]["positionEncoding"] == "utf-8" {
            editor.desk.lock().encoding = Encoding::Utf8;
        }
        editor.notify("initialized", json!({}));
        editor
    }

    /// The URI of a file of the workspace.
    pub fn uri(&self, relative: &str) -> String {
        uri(&self.workspace.join(relative))
    }

    /// The second folder.
    pub fn lib(&self) -> std::path::PathBuf {
        self.workspace.with_file_name("lib")
    }

    /// Folders are opened and closed.
    pub fn change_folders(&self, added: &[&Path], removed: &[&Path]) {
        let folders = |all: &[&Path]| all.iter().map(|it| json!({"uri": uri(it), "name": "x"})).collect();
        let event = json!({"added": Value::Array(folders(added)), "removed": Value::Array(folders(removed))});
        self.notify("workspace/didChangeWorkspaceFolders", json!({"event": event}));
    }

    /// From now on edits are treated like this.
    pub fn now_applies(&self, applies: Applies) {
        self.desk.lock().applies = applies;
    }

    /// From now on requests to save are treated like this.
    pub fn now_saves(&self, saves: Saves) {
        self.desk.lock().saves = saves;
    }

    /// Opens a buffer with this text, whatever the disk says.
    pub fn open(&self, relative: &str, text: &str) {
        let _turn = self.desk.turn();
        self.show(relative, text);
    }

    /// Closes a buffer and opens it again with this text. No edit comes in between, and none that was asked for before
    /// is told of afterwards.
    pub fn reopen(&self, relative: &str, text: &str) {
        let _turn = self.desk.turn();
        self.notify("textDocument/didClose", json!({"textDocument": {"uri": self.uri(relative)}}));
        self.show(relative, text);
    }

    /// The user closes a buffer, and what is not saved of it is gone.
    pub fn close(&self, relative: &str) {
        let _turn = self.desk.turn();
        let uri = self.uri(relative);
        self.desk.lock().open.remove(&uri);
        self.notify("textDocument/didClose", json!({"textDocument": {"uri": uri}}));
    }

    fn show(&self, relative: &str, text: &str) {
        let uri = self.uri(relative);
        let version = self.first_version;
        let buffer = Buffer { text: text.to_owned(), version, undo: Vec::new() };
        self.desk.lock().open.insert(uri.clone(), buffer);
        let document = json!({"uri": uri, "languageId": "plaintext", "version": version, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document}));
    }

    /// The user puts `text` in the place of the bytes from `start` to `end`.
    pub fn type_at(&self, relative: &str, start: usize, end: usize, text: &str) {
        self.type_over(relative, |_| start..end, text);
    }

    /// The user types at the end.
    pub fn append(&self, relative: &str, text: &str) {
        self.type_over(relative, |it| it.len()..it.len(), text);
    }

    /// The user puts `text` in the place of the bytes that `place` finds. No edit of the server comes between the look
    /// and the typing, as with the places that [`Self::type_at`] is given.
    pub fn type_over(&self, relative: &str, place: impl FnOnce(&str) -> Range<usize>, text: &str) {
        let _turn = self.desk.turn();
        let uri = self.uri(relative);
        let params = {
            let mut desk = self.desk.lock();
            let encoding = desk.encoding;
            let buffer = desk.open.get_mut(&uri).expect("the buffer is not open");
            let Range { start, end } = place(&buffer.text);
            let range = json!({"start": position(&buffer.text, start, encoding), "end": position(&buffer.text, end, encoding)});
            buffer.undo.push(buffer.text.clone());
            buffer.text.replace_range(start..end, text);
            buffer.version += 1;
            json!({"textDocument": {"uri": uri, "version": buffer.version},
                   "contentChanges": [{"range": range, "text": text}]})
        };
        self.notify("textDocument/didChange", params);
    }

    /// The user saves a buffer.
    pub fn save(&self, relative: &str) {
        let _turn = self.desk.turn();
        let text = self.buffer(relative);
        fs::write(self.workspace.join(relative), &text).expect("cannot save");
        let document = json!({"uri": self.uri(relative)});
        self.notify("textDocument/didSave", json!({"textDocument": document, "text": text}));
    }

    /// Applies an edit that was held, tells what changed and answers.
    pub fn perform(&self, request: &Value) {
        let _turn = self.desk.turn();
        let (answer, told) = self.desk.lock().apply(&request["params"]);
        for (method, params) in told {
            self.notify(&method, params);
        }
        self.answer(request, Ok(answer));
    }

    /// The user moves a file or a folder of the workspace, and the editor tells it in its way.
    pub fn moves(&self, from: &str, to: &str, tells: Moves) {
        let _turn = self.desk.turn();
        fs::create_dir_all(self.workspace.join(to).parent().unwrap_or(&self.workspace))
            .expect("cannot make the folder");
        fs::rename(self.workspace.join(from), self.workspace.join(to)).expect("cannot move it");
        let (from, to) = (self.uri(from), self.uri(to));
        let mut told = Vec::new();
        let mut desk = self.desk.lock();
        let below = format!("{from}/");
        let open: Vec<_> =
            desk.open.keys().filter(|it| **it == from || it.starts_with(&below)).cloned().collect();
        for old in open {
            let new = old.replacen(&from, &to, 1);
            let Some(buffer) = desk.open.remove(&old) else { continue };
            if tells != Moves::Only {
                let document =
                    json!({"uri": new, "languageId": "plaintext", "version": 0, "text": buffer.text});
                told.push(("textDocument/didClose", json!({"textDocument": {"uri": old}})));
                told.push(("textDocument/didOpen", json!({"textDocument": document})));
            }
            let version = if tells == Moves::Only { buffer.version } else { 0 };
            desk.open.insert(new, Buffer { version, ..buffer });
        }
        drop(desk);
        if tells != Moves::Never {
            let files = json!({"files": [{"oldUri": from, "newUri": to}]});
            let at = if tells == Moves::First { 0 } else { told.len() };
            told.insert(at, ("workspace/didRenameFiles", files));
        }
        for (method, params) in told {
            self.notify(method, params);
        }
    }

    /// What is watched for the server: folders and patterns, once there is one registration and no older one.
    pub fn watched(&self) -> Option<Vec<(String, String)>> {
        let desk = self.desk.lock();
        let text = |it: &Value| it.as_str().map(str::to_owned);
        let pattern =
            |it: &Value| Some((text(&it["globPattern"]["baseUri"])?, text(&it["globPattern"]["pattern"])?));
        let only = desk.watched.values().next().filter(|_| desk.watched.len() == 1)?;
        Some(only.as_array()?.iter().filter_map(pattern).collect())
    }

    /// Whether a buffer of this file is there.
    pub fn is_open(&self, relative: &str) -> bool {
        self.desk.lock().open.contains_key(&self.uri(relative))
    }

    /// Waits until `find` finds something. When it is there, the server has been told of what its edits changed.
    pub fn wait_for<T>(&self, what: &str, find: impl Fn() -> Option<T>) -> T {
        let found = self.client.wait_for(what, find);
        // An edit is seen in a buffer before it is told of, and whoever applies it has the turn until then.
        drop(self.desk.turn());
        found
    }

    /// Text of a buffer; the server may not have been told of it yet.
    pub fn buffer(&self, relative: &str) -> String {
        self.desk.lock().open.get(&self.uri(relative)).expect("the buffer is not open").text.clone()
    }

    /// Version of a buffer.
    pub fn version(&self, relative: &str) -> i64 {
        self.desk.lock().open.get(&self.uri(relative)).expect("the buffer is not open").version
    }

    /// Undoes one step of a buffer, as `u` does, and tells.
    pub fn undo(&self, relative: &str) {
        let _turn = self.desk.turn();
        let uri = self.uri(relative);
        let params = {
            let mut desk = self.desk.lock();
            let buffer = desk.open.get_mut(&uri).expect("the buffer is not open");
            buffer.text = buffer.undo.pop().expect("nothing to undo");
            buffer.version += 1;
            json!({"textDocument": {"uri": uri, "version": buffer.version},
                   "contentChanges": [{"text": buffer.text}]})
        };
        self.notify("textDocument/didChange", params);
    }

    // ---- Pi

    /// Sends a prompt that must be accepted.
    pub fn prompt(&mut self, message: &str) -> Value {
        self.ok("pi/prompt", json!({"message": message}))
    }

    /// Waits for the next event of this type and claims all up to it; those claimed, as in JSONL.
    pub fn events_until(&self, kind: &str) -> Vec<Value> {
        let claimed =
            self.claim_until("pi/event", &format!("event {kind}"), |it| it["event"]["type"] == kind);
        claimed.into_iter().map(|mut it| it["event"].take()).collect()
    }

    /// Waits until nothing runs any more; the events claimed.
    pub fn settled(&self) -> Vec<Value> {
        self.events_until("agent_settled")
    }
}

/// The bytes of the line a position is in, without its end.
fn line(text: &str, number: usize) -> (usize, &str) {
    let mut start = 0;
    for (index, line) in text.split('\n').enumerate() {
        if index == number {
            return (start, line.strip_suffix('\r').unwrap_or(line));
        }
        start += line.len() + 1;
    }
    (text.len(), "")
}

fn offset(text: &str, position: &Value, encoding: Encoding) -> usize {
    let number = position["line"].as_u64().expect("a position has a line") as usize;
    let character = position["character"].as_u64().expect("a position has a character") as usize;
    let (start, line) = line(text, number);
    let mut units = 0;
    for (byte, it) in line.char_indices() {
        if units >= character {
            return start + byte;
        }
        units += if encoding == Encoding::Utf8 { it.len_utf8() } else { it.len_utf16() };
    }
    start + line.len()
}

fn position(text: &str, offset: usize, encoding: Encoding) -> Value {
    let before = &text[..offset];
    let number = before.matches('\n').count();
    let start = before.rfind('\n').map_or(0, |it| it + 1);
    let part = &text[start..offset];
    let character = if encoding == Encoding::Utf8 {
        part.len()
    } else {
        part.chars().map(char::len_utf16).sum::<usize>()
    };
    json!({"line": number, "character": character})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_positions_agree() {
        let text = "a😀b\r\nc\n";
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            for (at, _) in text.char_indices().filter(|it| it.1 != '\n') {
                assert_eq!(offset(text, &position(text, at, encoding), encoding), at, "{at} {encoding:?}");
            }
        }
        assert_eq!(position(text, 5, Encoding::Utf16), json!({"line": 0, "character": 3}));
        assert_eq!(position(text, 5, Encoding::Utf8), json!({"line": 0, "character": 5}));
    }
}
