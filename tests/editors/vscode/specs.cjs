// The stories in VS Code.
"use strict";
const vscode = require("vscode");
const fs = require("node:fs");
const path = require("node:path");
const { answer, begin, call, equal, folder, gate, open, run, say, sees, settled, story, ui, until } = require("./harness.cjs");

story("a prompt is answered in the chat, and hostile Markdown is only text", async () => {
  await begin(answer("**Hello** <img src=x onerror=alert(1)> [link](command:workbench.action.quit)\n\n```js\nlet x = 1;\n```\n"));
  await say("hi there");
  await sees(".turn.user", "hi there");
  await sees(".turn.pi strong", "Hello");
  await sees(".turn.pi pre code", "let x = 1;");
  await settled();
  equal(await ui("count", { selector: ".turn img" }), 0, "images");
  equal(await ui("count", { selector: ".turn a" }), 0, "links");
  equal(await ui("count", { selector: "[role=log] article h2" }), 2, "turns with a heading");
});

story("selected code goes along, the buffer is edited and not saved, and one undo takes the edit back", async () => {
  await begin(
    call("1", "edit", { path: path.join(folder, "retry.rs"), oldText: "let tries = 9;", newText: "let tries = 3;" }),
    answer("Three tries."),
  );
  const before = "fn retry() {\n    let tries = 9;\n}\n";
  const editor = await open("retry.rs", before);
  editor.selection = new vscode.Selection(1, 0, 1, 18);
  await sees(".chip", "retry.rs:2");
  await vscode.commands.executeCommand("pi.refactor");
  await sees(".turn.user .chip", "retry.rs:2");
  await sees(".tool[data-status=done] .fact", "+1 −1");
  await sees(".tool .line.added", "let tries = 3;");
  await settled();
  const { document } = editor;
  equal(document.getText(), before.replace("9", "3"), "buffer");
  equal(document.isDirty, true, "unsaved");
  equal(fs.readFileSync(document.uri.fsPath, "utf8"), before, "disk");
  await vscode.window.showTextDocument(document);
  await vscode.commands.executeCommand("undo");
  equal(document.getText(), before, "after one undo");
  await vscode.commands.executeCommand("workbench.action.files.revert");
});

story("what is said while Pi works is delivered into the run, and the strip says what it does", async () => {
  const release = gate();
  await begin(call("1", "bash", { command: "cat gate" }), answer("I heard you.", "use tabs"), answer("I heard nothing."));
  await say("begin");
  await sees(".strip-text", "Running cat gate");
  await sees(".bar .primary", "Steer");
  await say("use tabs");
  await sees(".queue", "use tabs");
  await release();
  await sees(".turn.user", "use tabs");
  await sees(".turn.pi", "I heard you.");
  await settled();
  equal(await ui("count", { selector: ".foot" }), 1, "runs");
});

story("a queued message is delivered when Pi is done", async () => {
  const release = gate();
  await begin(call("1", "bash", { command: "cat gate" }), answer("First."), answer("Second.", "and then"));
  await say("begin");
  await sees(".tool[data-status=running]", "cat gate");
  await say("and then this", "Alt+Enter");
  await sees(".queue .kind", "after");
  await release();
  await sees(".turn.pi", "Second.");
  await settled();
});

story("stopping ends the command, and what was queued is held until the user says so", async () => {
  gate();
  await begin(call("1", "bash", { command: "echo $$ > shell; cat gate" }), answer("Later.", "later"));
  await say("begin");
  await sees(".tool[data-status=running]", "cat gate");
  const shell = Number(await until("the shell's id", () => {
    try { return fs.readFileSync(path.join(folder, "shell"), "utf8").trim(); } catch { return ""; }
  }));
  await say("later", "Alt+Enter");
  await sees(".queue .kind", "after");
  await ui("click", { selector: ".prompt textarea" });
  await ui("key", { key: "Escape" });
  await settled("Stopped by you after");
  await until("the end of the command", () => {
    try { process.kill(shell, 0); return false; } catch { return true; }
  });
  await sees(".queue.held", "later");
  equal(await ui("count", { selector: ".turn.user" }), 1, "messages before the held one is sent");
  await ui("click", { selector: ".queue.held button:text-is('Send')" });
  await sees(".turn.pi", "Later.");
});

story("a stop and a new prompt in one key", async () => {
  gate();
  await begin(call("1", "bash", { command: "cat gate" }), answer("Something else.", "do this instead"));
  await say("begin");
  await sees(".tool[data-status=running]", "cat gate");
  await say("do this instead", "Control+Enter");
  await sees(".turn.pi", "Something else.");
  await sees(".foot", "Stopped by you");
});

story("a draft and the session survive the server's death", async () => {
  gate();
  await begin(answer("Before."), call("1", "bash", { command: "echo $PPID > server; cat gate" }), answer("After.", "still there"));
  await say("hello");
  await sees(".turn.pi", "Before.");
  await settled();
  await say("begin");
  const server = Number(await until("the server's id", () => {
    try { return fs.readFileSync(path.join(folder, "server"), "utf8").trim(); } catch { return ""; }
  }));
  await ui("fill", { selector: ".prompt textarea", text: "still there?" });
  process.kill(server, "SIGKILL");
  await sees(".notice", "Restarting… 1 of 3");
  await sees(".tool[data-status=failed]", "interrupted");
  await sees(".bar .primary", "Send");
  await ui("click", { selector: ".prompt textarea" });
  await ui("key", { key: "Enter" });
  await sees(".turn.user", "still there?");
  await sees(".turn.pi", "After.");
});

story("a draft and the transcript are there again when the chat is opened again", async () => {
  await begin(answer("Still here."));
  await say("hello");
  await settled();
  await ui("fill", { selector: ".prompt textarea", text: "half a thou" });
  // Drafts are stored when the typing rests.
  await new Promise((done) => setTimeout(done, 400));
  await vscode.commands.executeCommand("workbench.action.closeAuxiliaryBar");
  await until("the chat to be gone", async () => (await ui("count", { selector: ".prompt textarea" })) === 0);
  await vscode.commands.executeCommand("pi.chat.focus");
  await sees(".turn.pi", "Still here.");
  equal(await ui("value", { selector: ".prompt textarea" }), "half a thou", "draft");
  await ui("fill", { selector: ".prompt textarea", text: "" });
  await vscode.commands.executeCommand("pi.openInEditor");
  await until("a second view of the chat", async () => (await ui("count", { selector: ".turn.pi" })) === 2);
});

story("a chat that was open as an editor and was closed is found again", async () => {
  await begin(answer("Here."));
  await say("hello");
  await settled();
  const views = (count) => until(`${count} views of the chat`, async () => (await ui("count", { selector: ".turn.pi" })) === count);
  await vscode.commands.executeCommand("pi.openInEditor");
  await views(2);
  await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  await views(1);
  await open("beside.txt", "beside\n");
  await ui("key", { key: "Control+Alt+P" });
  await sees(".prompt:has(textarea:focus) .bar", "Send");
  await vscode.commands.executeCommand("pi.openInEditor");
  await views(2);
});

story("code actions offer what Pi can do with a selection", async () => {
  await begin(answer("It adds."));
  const editor = await open("add.py", "def add(a, b):\n    return a + b\n");
  const actions = await until("the actions", async () => {
    const found = await vscode.commands.executeCommand(
      "vscode.executeCodeActionProvider", editor.document.uri, new vscode.Range(0, 0, 1, 16));
    const titles = found.map((it) => it.title).filter((it) => it.startsWith("Pi: "));
    return titles.length >= 5 && titles;
  });
  equal(actions.sort(), ["Pi: ask about this…", "Pi: document", "Pi: explain", "Pi: refactor", "Pi: write tests"], "titles");
  editor.selection = new vscode.Selection(0, 0, 1, 16);
  await vscode.commands.executeCommand("pi.explain");
  await sees(".turn.pi", "It adds.");
});

/** Texts of the tool results in the newest session file. */
async function lastResults() {
  const sessions = path.join(process.env.PI_CODING_AGENT_DIR, "sessions");
  const files = fs.readdirSync(sessions, { recursive: true }).filter((it) => it.endsWith(".jsonl"))
    .map((it) => path.join(sessions, it));
  files.sort((a, b) => fs.statSync(a).mtimeMs - fs.statSync(b).mtimeMs);
  const entries = fs.readFileSync(files.at(-1), "utf8").trim().split("\n").map((it) => JSON.parse(it));
  return entries.filter((it) => it.message?.role === "toolResult").map((it) => it.message.content[0].text);
}

const LINES = ["one", "two", "three", "four", "five", "six", "seven", "eight"];
const text = (lines) => `${lines.join("\n")}\n`;
/** A script that changes the second and the seventh line, and the two changes that wait. */
async function twoChanges(name) {
  const edit = (id, oldText, newText) => call(id, "edit", { path: path.join(folder, name), oldText, newText });
  await begin(edit("1", "two", "TWO"), edit("2", "seven", "SEVEN"), answer("Done."));
  const editor = await open(name, text(LINES));
  await say("shout");
  await sees(".review", "2 changes in 1 file");
  await settled();
  return editor.document;
}
const lenses = async (document) => (await vscode.commands.executeCommand("vscode.executeCodeLensProvider", document.uri))
  .filter((it) => it.command?.command.startsWith("pi.hunk."));
const press = async (document, title, at = 0) => {
  const { command } = await until(`${title} above a change`, async () =>
    (await lenses(document)).filter((it) => it.command.title === title)[at]);
  await vscode.commands.executeCommand(command.command, ...command.arguments);
};

story("one change is kept and another rejected, and typing moves what waits", async () => {
  const document = await twoChanges("keep.txt");
  await sees(".tool .fact", "1 pending");
  const edit = new vscode.WorkspaceEdit();
  edit.insert(document.uri, new vscode.Position(0, 0), "zero\n");
  await vscode.workspace.applyEdit(edit);
  await until("lenses on the moved lines", async () =>
    (await lenses(document)).map((it) => it.range.start.line).join() === "2,2,2,2,7,7,7,7");
  await press(document, "Reject", 1);
  await sees(".review", "1 change in 1 file");
  await sees(".review", "Rejected 1 change");
  equal(document.getText(), `zero\n${text(LINES).replace("two", "TWO")}`, "after the rejection");
  await press(document, "Keep");
  await sees(".review", "Nothing to review");
  equal(document.getText(), `zero\n${text(LINES).replace("two", "TWO")}`, "after keeping");
  await ui("click", { selector: ".review button:text-is('Redo')" });
  await until("the change again", () => document.getText().includes("SEVEN"));
});

story("the text from before is beside the file, and an undo is a rejection", async () => {
  const document = await twoChanges("undo.txt");
  await press(document, "Old text");
  const old = await until("the text from before", () => vscode.workspace.textDocuments.find((it) => it.uri.scheme === "pi-base"));
  equal(old.getText(), text(LINES), "before");
  await vscode.window.showTextDocument(document);
  await vscode.commands.executeCommand("undo");
  await sees(".review", "1 change in 1 file");
  await until("the other text from before", () => old.getText() === text(LINES));
});

story("changes wait in a view of their own, and all are kept at once", async () => {
  const document = await twoChanges("view.txt");
  await vscode.commands.executeCommand("pi.changes.focus");
  await sees(".monaco-list-row", "view.txt");
  await sees(".monaco-list-row", "SEVEN");
  await vscode.commands.executeCommand("pi.chat.focus");
  await ui("click", { selector: ".review button:text-is('Keep all')" });
  await sees(".screen-reader-none, .transcript", "Done.");
  await until("nothing that waits", async () => (await lenses(document)).length === 0);
  equal(document.isDirty, true, "saving is the user's affair");
});

story("a file Pi makes and takes back is made and deleted by VS Code, so that other extensions hear of it", async () => {
  const heard = [];
  const hears = (word) => (event) => heard.push(...event.files.map((it) => `${word} ${path.basename(it.fsPath)}`));
  const listeners = [
    vscode.workspace.onDidCreateFiles(hears("made")),
    vscode.workspace.onDidDeleteFiles(hears("deleted")),
  ];
  const made = path.join(folder, "made.txt");
  await begin(call("1", "write", { path: made, content: "one\n" }), call("2", "bash", { command: "cat made.txt" }), answer("Made it."));
  await say("make it");
  await settled();
  equal(fs.readFileSync(made, "utf8"), "one\n", "disk");
  equal((await lastResults()).at(-1).startsWith("one"), true, "the command sees the text");
  equal(heard, ["made made.txt"], "other extensions");
  const { document } = await vscode.window.showTextDocument(vscode.Uri.file(made));
  equal([document.getText(), document.isDirty], ["one\n", false], "document");
  await press(document, "Reject");
  await until("no file", () => !fs.existsSync(made));
  await until("no document", () => document.isClosed);
  equal(heard, ["made made.txt", "deleted made.txt"], "other extensions");
  await ui("click", { selector: ".review button:text-is('Redo')" });
  await until("the file again", () => fs.existsSync(made) && fs.readFileSync(made, "utf8") === "one\n");
  listeners.forEach((it) => it.dispose());
});

story("a file that is renamed in VS Code takes its changes along", async () => {
  const document = await twoChanges("before.txt");
  await document.save();
  const edit = new vscode.WorkspaceEdit();
  const after = vscode.Uri.file(path.join(folder, "after.txt"));
  edit.renameFile(document.uri, after);
  await vscode.workspace.applyEdit(edit);
  const moved = await vscode.workspace.openTextDocument(after);
  await press(moved, "Reject", 1);
  await until("the rejection", () => moved.getText() === text(LINES).replace("two", "TWO"));
});

story("unsaved text is saved before a command needs it, and the command sees it", async () => {
  await begin(call("1", "bash", { command: "cat unsaved.txt" }), answer("Read."));
  const editor = await open("unsaved.txt", "old\n");
  await editor.edit((it) => it.replace(new vscode.Range(0, 0, 0, 3), "new"));
  await say("what does it say?");
  await sees(".turn.pi", "Read.");
  equal(editor.document.isDirty, false, "unsaved");
  equal(fs.readFileSync(editor.document.uri.fsPath, "utf8"), "new\n", "disk");
});

story("the model asks what VS Code and its other extensions know about the code", async () => {
  const path_ = path.join(folder, "known.txt");
  await begin(
    call("1", "editor_definition", { path: path_, symbol: "retry", line: 3 }),
    call("2", "editor_references", { path: path_, symbol: "retry" }),
    call("3", "editor_symbols", { path: path_ }),
    call("4", "editor_diagnostics", { path: path_ }),
    answer("Found."),
  );
  const { document } = await open("known.txt", "retry is here\n\nand retry there\n");
  const at = (line, from, to) => new vscode.Range(line, from, line, to);
  const problems = vscode.languages.createDiagnosticCollection("spec");
  const problem = new vscode.Diagnostic(at(2, 4, 9), "used too often", vscode.DiagnosticSeverity.Warning);
  problem.source = "spec";
  problems.set(document.uri, [problem]);
  const asked = [];
  const provider = (name, found) => (_, position) => {
    asked.push(`${name} ${position.line}:${position.character}`);
    return found.map((it) => new vscode.Location(document.uri, it));
  };
  const only = { scheme: "file", pattern: "**/known.txt" };
  const outline = new vscode.DocumentSymbol("retry", "", vscode.SymbolKind.Function, at(0, 0, 13), at(0, 0, 5));
  const registered = [
    problems,
    vscode.languages.registerDefinitionProvider(only, { provideDefinition: provider("definition", [at(0, 0, 5)]) }),
    vscode.languages.registerReferenceProvider(only, {
      provideReferences: provider("references", [at(0, 0, 5), at(2, 4, 9)]),
    }),
    vscode.languages.registerDocumentSymbolProvider(only, { provideDocumentSymbols: () => [outline] }),
  ];
  try {
    await say("look it up");
    await sees(".turn.pi", "Found.");
    await settled();
    equal(asked, ["definition 2:4", "references 0:0"], "what was asked");
    const results = await lastResults();
    equal(results, [
      "known.txt:1: retry is here", "known.txt:1: retry is here\nknown.txt:3: and retry there",
      "known.txt:1: function retry", "known.txt:3: warning: used too often (spec)",
    ], "what the model was told");
  } finally {
    for (const it of registered) it.dispose();
  }
});

story("what to type next is suggested as ghost text once that is turned on", async () => {
  await begin(answer("```\n    return a + b\n```", "<before>"), answer("Untouched."));
  const set = (value) => vscode.workspace.getConfiguration("pi").update("completion.enabled", value, vscode.ConfigurationTarget.Global);
  await set(true);
  try {
    const editor = await open("ghost.txt", "def add(a, b):\n    \nprint(add(1, 2))\n");
    editor.selection = new vscode.Selection(1, 4, 1, 4);
    await until("the suggestion", async () => {
      await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
      await new Promise((done) => setTimeout(done, 300));
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      return editor.document.getText().includes("return");
    });
    equal(editor.document.getText(), "def add(a, b):\n    return a + b\nprint(add(1, 2))\n", "what was typed");
    equal(await ui("count", { selector: ".turn" }), 0, "turns in the chat");
    await vscode.commands.executeCommand("workbench.action.files.revert");
  } finally {
    await set(undefined);
  }
});

story("chats are listed, found by what was said, named, and opened again", async () => {
  await begin(answer("The lighthouse is red."), answer("A second answer.", "second"));
  await say("what colour is it?");
  await sees(".turn.pi", "lighthouse");
  await settled();
  await vscode.commands.executeCommand("pi.newSession");
  await sees(".screen .keys", "Enter sends");
  await say("a second chat");
  await settled();
  await vscode.commands.executeCommand("pi.sessionsView.focus");
  await sees(".monaco-list-row", "what colour is it?");
  await sees(".monaco-list-row", "a second chat");
  void vscode.commands.executeCommand("pi.sessions");
  await ui("fill", { selector: ".quick-input-box input", text: "lighthouse" });
  await sees(".quick-input-list .monaco-list-row", "The lighthouse is red.");
  await ui("key", { key: "Enter" });
  await sees(".turn.pi", "lighthouse");
  void vscode.commands.executeCommand("pi.rename");
  await ui("fill", { selector: ".quick-input-box input", text: "Lighthouses" });
  await ui("key", { key: "Enter" });
  await sees(".monaco-list-row", "Lighthouses");
});

story("a run goes on while another chat is shown", async () => {
  const release = gate();
  await begin(call("1", "bash", { command: "cat gate" }), answer("Meanwhile done."));
  await say("begin slowly");
  await sees(".tool[data-status=running]", "cat gate");
  await vscode.commands.executeCommand("pi.newSession");
  await sees(".screen .keys", "Enter sends");
  await vscode.commands.executeCommand("pi.sessionsView.focus");
  await sees(".monaco-list-row", "Running");
  await ui("click", { selector: ".monaco-list-row:has-text('begin slowly')" });
  await sees(".tool[data-status=running]", "cat gate");
  await sees(".strip-text", "Running cat gate");
  await release();
  await sees(".turn.pi", "Meanwhile done.");
  await settled();
});

/** Chooses a permission mode as a user does. */
async function mode(name) {
  void vscode.commands.executeCommand("pi.mode");
  await ui("fill", { selector: ".quick-input-box input", text: name });
  await ui("key", { key: "Enter" });
  await sees(".bar .pick", name);
}
/** Longer than an act may be about something else; see src/permissions.ts. */
const deliberately = () => new Promise((done) => setTimeout(done, 450));

async function focusQuestion() {
  await ui("key", { key: "Control+Alt+P" });
  await sees(".question:focus", "Pi wants");
}

story("a command is asked about in full, and neither Escape nor typing answers", async () => {
  const command = "echo one > asked.txt && printf 'a\u202eb' >> asked.txt";
  await begin(call("1", "bash", { command }), call("2", "bash", { command: "rm asked.txt" }), answer("Done."));
  await mode("ask");
  await say("write it");
  await sees(".question pre", "echo one > asked.txt && printf 'a‹U+202E›b' >> asked.txt");
  await sees(".strip-text", "Waiting for your answer");
  await sees(".tool .fact", "waits for your answer");
  await deliberately();
  await ui("fill", { selector: ".prompt textarea", text: "1" });
  await ui("key", { key: "2" });
  await focusQuestion();
  await ui("key", { key: "Escape" });
  await sees(".prompt:has(textarea:focus) .bar", "Steer");
  equal(fs.existsSync(path.join(folder, "asked.txt")), false, "run without an answer");
  equal(await ui("count", { selector: ".question" }), 1, "questions");
  await focusQuestion();
  await ui("key", { key: "1" });
  await sees(".question pre", "rm asked.txt");
  equal(fs.readFileSync(path.join(folder, "asked.txt"), "utf8"), "one\na\u202eb", "the file");
  await deliberately();
  await ui("click", { selector: ".question button[data-choice=reject]" });
  await sees(".tool .fact", "rejected");
  await sees(".turn.pi", "Done.");
  equal(fs.existsSync(path.join(folder, "asked.txt")), true, "the rejected command did not run");
});

story("an edit is asked about with its diff, and stopping closes the question", async () => {
  await begin(call("1", "edit", { path: path.join(folder, "ask.txt"), oldText: "old", newText: "new" }));
  const editor = await open("ask.txt", "old\n");
  await mode("ask");
  await say("change it");
  await sees(".question .line.removed", "old");
  await sees(".question .line.added", "new");
  await ui("click", { selector: ".strip .stop" });
  await settled("Stopped by you");
  equal(await ui("count", { selector: ".question" }), 0, "questions");
  equal(editor.document.getText(), "old\n", "buffer");
});

if (process.env.PI_SHOTS) {
  story("the picture for the documents", async () => {
    const file = path.join(folder, "src/retry.rs");
    await begin(
      { content: [
        { type: "thinking", text: "The loop never ends on passing errors." },
        { type: "text", text: "The loop never ends on **passing errors**. I count the tries." },
        { type: "tool", id: "1", name: "edit", args: { path: file, oldText: "    loop {", newText: "    for attempt in 0..3 {" } },
      ] },
      call("2", "bash", { command: "cargo test retry && rm -rf target/tmp" }), answer("Done."),
    );
    const editor = await open("src/retry.rs",
      "use crate::http;\n\npub fn retry(url: &str) -> Option<String> {\n    loop {\n        if let Ok(body) = http::get(url) {\n"
      + "            return Some(body);\n        }\n    }\n    None\n}\n");
    await mode("edit");
    editor.selection = new vscode.Selection(2, 0, 9, 1);
    await say("Make retry give up after three tries");
    await sees(".question", "cargo test retry");
    await sees(".review", "1 change in 1 file");
    await vscode.commands.executeCommand("workbench.action.closeSidebar");
    for (let wider = 0; wider < 6; wider += 1) {
      await vscode.commands.executeCommand("workbench.action.focusAuxiliaryBar");
      await vscode.commands.executeCommand("workbench.action.increaseViewSize");
    }
    await say("then update the changelog", "Alt+Enter");
    await sees(".queue", "changelog");
    editor.selection = new vscode.Selection(0, 0, 0, 0);
    await until("the lens", async () => (await lenses(editor.document)).length > 0);
    await new Promise((done) => setTimeout(done, 1000));
    await ui("shot", { name: "vscode" });
    await vscode.commands.executeCommand("pi.stop");
  });
}

exports.run = run;
