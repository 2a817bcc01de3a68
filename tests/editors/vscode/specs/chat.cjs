// Talking to Pi in the chat view: prompting, steering, stopping, and what is there again later.
"use strict";
const vscode = require("vscode");
const { spawn } = require("node:child_process");
const { once } = require("node:events");
const fs = require("node:fs");
const path = require("node:path");
const {
  answer, begin, call, equal, folder, gate, open, say, sees, settled, story, ui, until,
} = require("../harness.cjs");

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
  await sees(".strip-text", "Running cat gate…");
  await sees(".bar .primary", "Steer");
  await say("use tabs");
  await sees(".queue", "use tabs");
  await release();
  await sees(".turn.user", "use tabs");
  await sees(".turn.user .time", "steered at step 2");
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

story("of a chat that another process has a copy is opened", async () => {
  await begin(answer("The harbour is north.", "where"), answer("A second answer.", "second"), answer("Still there.", "and now"));
  await say("where is the harbour?");
  await sees(".turn.pi", "The harbour is north.");
  await settled();
  await vscode.commands.executeCommand("pi.newSession");
  await sees(".screen .keys", "Enter sends");
  await say("a second chat");
  await settled();
  const sessions = path.join(process.env.PI_CODING_AGENT_DIR, "sessions");
  const files = fs.readdirSync(sessions, { recursive: true }).map((it) => path.join(sessions, it));
  const file = files.find((it) => it.endsWith(".jsonl") && fs.readFileSync(it, "utf8").includes("where is the harbour?"));
  const other = spawn(process.env.PI_BIN, ["--provider", "faux", "--model", "scripted", "--mode", "rpc", "--session", file]);
  other.stdin.write('{"type":"get_state"}\n');
  await once(other.stdout, "data");
  await vscode.commands.executeCommand("pi.sessionsView.focus");
  await ui("click", { selector: ".monaco-list-row:has-text('where is the harbour?')" });
  await vscode.commands.executeCommand("notifications.showList");
  await sees(".notification-list-item", "This chat is open in another window.");
  await ui("click", { selector: ".notification-list-item .monaco-button:has-text('Open a Copy')" });
  await sees(".turn.pi", "The harbour is north.");
  await say("and now?");
  await sees(".turn.pi", "Still there.");
  await settled();
  other.kill();
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
  await sees(".strip-text", "Running cat gate…");
  await release();
  await sees(".turn.pi", "Meanwhile done.");
  await settled();
});

story("a refused key is told in words, and what the provider said is below", async () => {
  const refused = '401: {"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}';
  await begin({ error: refused });
  await say("hello there");
  await sees(".notice.error", "did not accept the key (401). Nothing was sent to tools.");
  await sees(".notice.error", "Change key");
  await sees(".notice.error", "Switch model");
  await sees(".notice.error details:not([open])", "Details");
  equal(await ui("count", { selector: ".turns :text('{'):visible" }), 0, "JSON on the screen");
  await ui("click", { selector: ".notice.error summary" });
  await sees(".notice.error pre", refused);
  await ui("click", { selector: ".notice.error button:text-is('Copy')" });
  await until("the clipboard", async () => (await vscode.env.clipboard.readText()) === refused);
});

story("tools that only look are one line, which opens, and a command is skipped by its button", async () => {
  gate();
  const look = ["a", "b", "c"].map((name) => path.join(folder, `look-${name}.txt`));
  for (const file of look) fs.writeFileSync(file, "text\n");
  await begin(
    ...look.map((file, at) => call(String(at), "read", { path: file })), call("4", "bash", { command: "cat gate" }),
    call("5", "read", { path: path.join(folder, "look-d.txt") }), answer("Looked."),
  );
  await say("look around");
  await sees(".together > .head", "Read 3 files");
  await sees(".tool[data-status=running]", "cat gate");
  const rows = () => ui("count", { selector: ".together .tool:visible" });
  equal([await rows(), await ui("count", { selector: ".tool:visible" })], [0, 1], "rows in sight");
  await ui("click", { selector: ".together > .head" });
  await until("all of them", async () => (await rows()) === 3);
  await ui("click", { selector: ".tool[data-status=running] .skip" });
  await sees(".tool[data-status=skipped] .fact", "skipped by you");
  await sees(".tool[data-status=failed]", "look-d.txt");
  await sees(".turn.pi", "Looked.");
  await settled();
  equal([await rows(), await ui("count", { selector: ".together" })], [3, 1], "rows of what was opened, and lines");
});

story("what is waited for after a failed call is tried at once, or given up", async () => {
  await begin({ error: "529 overloaded" }, answer("Here again."), { error: "529 overloaded" });
  await say("hello");
  await sees(".strip-text", "Trying again in");
  await sees(".strip .stop", "Give up");
  await ui("click", { selector: ".strip .try" });
  await sees(".turn.pi", "Here again.");
  await settled();
  equal(await ui("count", { selector: ".strip .try:visible" }), 0, "buttons when nothing is waited for");
  await say("once more");
  await sees(".strip .try:visible", "Try now");
  await ui("click", { selector: ".strip .stop" });
  await sees(".notice.error", "Try again");
});

story("a file, a template and a command are found while they are typed, by the keyboard alone", async () => {
  const option = (text) => `.completions:visible [role=option]:has-text('${text}')`;
  const marked = (text) => `.prompt:has(textarea[aria-activedescendant]) [role=option][aria-selected=true]:has-text('${text}')`;
  const closed = () => until("no list", async () => (await ui("count", { selector: ".completions:visible" })) === 0);
  const draft = (text) => until(text, async () => (await ui("value", { selector: ".prompt textarea" })) === text);
  const prompts = path.join(process.env.PI_CODING_AGENT_DIR, "prompts");
  fs.mkdirSync(prompts, { recursive: true });
  fs.writeFileSync(path.join(prompts, "telling.md"), "---\ndescription: Tell me\n---\nTell me about $1\n");
  await begin(answer("Seen.", "let found"), answer("Unseen."));
  await open("find-me.rs", "fn found_here() {\n    let found = 1;\n}\n");
  await open("find-me-too.rs", "fn other() {}\n");
  const hint = "textarea[placeholder='Ask, @ for context, / for commands']";
  await sees(`.prompt:has(${hint}) .bar`, "Send");
  await ui("click", { selector: ".prompt textarea" });
  await ui("type", { text: "why @find-me" });
  await sees(option("find-me-too.rs"), "");
  await ui("key", { key: "ArrowDown" });
  await ui("key", { key: "ArrowUp" });
  await sees(marked("find-me"), "");
  // Escape closes only the list.
  await ui("key", { key: "Escape" });
  await closed();
  await draft("why @find-me");
  await ui("key", { key: "Backspace" });
  await ui("type", { text: " @found_h" });
  await sees(marked("found_here"), "find-me.rs:1");
  await ui("key", { key: "Tab" });
  await closed();
  await draft("why @find-m @find-me.rs#found_here ");
  await ui("key", { key: "Enter" });
  await sees(".turn.user .chip", "found_here");
  await sees(".turn.pi", "Seen.");
  await settled();
  await ui("type", { text: "/tell" });
  await sees(marked("telling"), "template · Tell me");
  await ui("key", { key: "Enter" });
  await draft("/telling ");
  await ui("fill", { selector: ".prompt textarea", text: "" });
  await ui("type", { text: "/mod" });
  await ui("click", { selector: option("Choose the model") });
  await sees(".quick-input-title", "Model");
  await ui("key", { key: "Escape" });
  await draft("");
});

story("a message is copied, edited and sent again, and forked, by its buttons and its menu", async () => {
  const act = (message, name) => ui("click", { selector: `.turn.user:has-text('${message}') .acts .${name}` });
  const draft = (text) => until(text, async () => (await ui("value", { selector: ".prompt textarea" })) === text);
  const turns = (count) => until(`${count} messages`, async () => (await ui("count", { selector: ".turn.user" })) === count);
  await begin(answer("First."), answer("Second.", "more"), answer("Another second.", "other"));
  await say("begin");
  await settled();
  await ui("click", { selector: ".foot button:text-is('Copy')" });
  await until("the answer", async () => (await vscode.env.clipboard.readText()) === "First.");
  await say("more of it");
  await sees(".turn.pi", "Second.");
  await until("both ends", async () => (await ui("count", { selector: ".foot" })) === 2);
  await act("more of it", "copy");
  await until("the message", async () => (await vscode.env.clipboard.readText()) === "more of it");
  await act("more of it", "edit");
  await turns(1);
  await draft("more of it");
  await say("other things");
  await sees(".turn.pi", "Another second.");
  await ui("click", { selector: ".turn.user:has-text('other things') .user-text", button: "right" });
  const item = ".monaco-menu .action-label:has-text('Fork Here')";
  // A menu of VS Code takes no click in its first 100 ms.
  await until("another chat", async () => {
    if (await ui("count", { selector: `${item}:visible` }) > 0) await ui("click", { selector: item });
    return (await ui("count", { selector: ".turn.user" })) === 1;
  });
  await draft("other things");
  // The chat that it came from is still there.
  const sessions = path.join(process.env.PI_CODING_AGENT_DIR, "sessions");
  const files = fs.readdirSync(sessions, { recursive: true }).filter((it) => it.endsWith(".jsonl"));
  equal(files.filter((it) => fs.readFileSync(path.join(sessions, it), "utf8").includes("other things")).length, 1, "older chats");
  await ui("fill", { selector: ".prompt textarea", text: "" });
});
