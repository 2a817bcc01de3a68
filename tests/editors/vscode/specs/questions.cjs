// What Pi asks besides permission, and what extensions show: `pi/ui`.
"use strict";
const vscode = require("vscode");
const net = require("node:net");
const path = require("node:path");
const readline = require("node:readline");
const { answer, begin, configured, deliberately, equal, open, say, sees, settled, story, ui, until } = require("../harness.cjs");

const BETWEEN = { "server.path": path.join(__dirname, "..", "between.mjs") };
/** A story with somebody between VS Code and Pi, who says what they are told to. */
const between = (name, tell) => story(name, () => configured(BETWEEN, tell));

/** A request to one side, as from the other; what it answers. */
function ask(to, method, params) {
  const socket = net.connect(process.env.PI_BETWEEN);
  const answered = new Promise((resolve, reject) => {
    socket.on("error", reject);
    readline.createInterface(socket).on("line", (line) => {
      socket.end();
      const { result, error } = JSON.parse(line);
      if (error) reject(new Error(JSON.stringify(error)));
      else resolve(result);
    });
  });
  socket.write(`${JSON.stringify({ to, method, params })}\n`);
  return answered;
}
/** Takes back what was asked last. */
function takeBack() {
  const socket = net.connect(process.env.PI_BETWEEN, () => socket.end(`${JSON.stringify({ cancel: true })}\n`));
}

const state = () => ask("server", "pi/getState", {});
let number = 0;
/** What an extension asks or shows in this chat. */
async function uiRequest(request, sessionId) {
  number += 1;
  const params = { sessionId: sessionId ?? (await state()).sessionId, request: { id: `q-${number}`, ...request } };
  return await ask("client", "pi/ui", params);
}
/** A command that lacks a word, for which the server asks. */
const command = (name) => ask("server", "workspace/executeCommand", { command: name, arguments: [] });
const closed = () => until("no question", async () => (await ui("count", { selector: ".question" })) === 0);

between("the server asks for one of several, takes no focus, and one key chooses", async () => {
  await begin(answer("Hello."));
  await say("hi");
  await settled();
  const editor = await open("beside.txt", "");
  await ui("click", { selector: ".monaco-editor .view-lines" });
  void command("pi.mode");
  await sees(".question h2", "What Pi may do without asking (now full)");
  await sees(".strip-text", "Waiting for your answer");
  await sees(".statusbar-item", "π answer");
  await deliberately();
  // The keyboard is still the editor's.
  await ui("type", { text: "1" });
  await until("what was typed", () => editor.document.getText() === "1");
  await ui("key", { key: "Control+Alt+P" });
  await sees(".question:focus", "What Pi may do");
  await ui("key", { key: "Escape" });
  await sees(".prompt:has(textarea:focus) .bar", "Send");
  equal((await state()).permissionMode, "full", "before the answer");
  await ui("key", { key: "Control+Alt+P" });
  await sees(".question:focus", "What Pi may do");
  await ui("key", { key: "1" });
  await closed();
  await until("the other mode", async () => (await state()).permissionMode === "plan");
  await vscode.commands.executeCommand("workbench.action.files.revert");
});

between("the server asks for words, and no answer changes nothing", async () => {
  await begin(answer("Hello."));
  await say("hi");
  await settled();
  void command("pi.rename");
  await sees(".question h2", "Name of this chat");
  await deliberately();
  await ui("key", { key: "Control+Alt+P" });
  await sees(".question:has(input:focus)", "Name of this chat");
  // Digits choose nothing here.
  await ui("type", { text: "1 Greetings" });
  await ui("key", { key: "Enter" });
  await closed();
  await until("the name", async () => (await state()).sessionName === "1 Greetings");
  void command("pi.rename");
  await sees(".question h2", "Name of this chat");
  await deliberately();
  await ui("click", { selector: ".question button[data-choice=none]" });
  await closed();
  equal((await state()).sessionName, "1 Greetings", "name");
});

between("yes or no, and a text of several lines, are answered in the chat", async () => {
  await begin();
  const confirmed = uiRequest({ method: "confirm", title: "Go on?", message: "It takes\nlong." });
  await sees(".question .message", "It takes");
  await deliberately();
  await ui("click", { selector: ".question button[data-choice=No]" });
  equal(await confirmed, { confirmed: false }, "no");
  await closed();
  const written = uiRequest({ method: "editor", title: "Notes", prefill: "one\ntwo" });
  await sees(".question h2", "Notes");
  equal(await ui("value", { selector: ".question textarea" }), "one\ntwo", "what it begins with");
  await ui("fill", { selector: ".question textarea", text: "one\nthree" });
  // What comes meanwhile waits behind it and takes nothing of it away.
  const later = uiRequest({ method: "select", title: "Which?", options: ["a", "b"] });
  await sees(".question .time", "1 of 2");
  equal(await ui("value", { selector: ".question textarea" }), "one\nthree", "what was written");
  await deliberately();
  await ui("click", { selector: ".question textarea" });
  await ui("key", { key: "Enter" });
  await ui("key", { key: "Control+Enter" });
  equal(await written, { value: "one\nthree\n" }, "text");
  await sees(".question h2", "Which?");
  await deliberately();
  await ui("click", { selector: ".question button[data-choice=b]" });
  equal(await later, { value: "b" }, "choice");
});

between("an answer that was meant for something else does not count", async () => {
  await begin();
  await ui("click", { selector: ".prompt textarea" });
  const which = uiRequest({ method: "select", title: "Which?", options: ["a", "b"] });
  await sees(".question h2", "Which?");
  await vscode.commands.executeCommand("pi.chat.focus");
  await ui("key", { key: "2" });
  equal(await ui("count", { selector: ".question" }), 1, "questions");
  await deliberately();
  await sees(".question:focus", "Which?");
  await ui("key", { key: "1" });
  equal(await which, { value: "a" }, "choice");
});

between("a question that is taken back goes", async () => {
  await begin();
  const which = uiRequest({ method: "select", title: "Which?", options: ["a", "b"] });
  await sees(".question h2", "Which?");
  takeBack();
  equal(await which, { cancelled: true }, "answer");
  await closed();
});

between("who does not see the chat is told, and a click leads to the question", async () => {
  await begin();
  // With others in it the list keeps the focus.
  await vscode.commands.executeCommand("notifications.clearAll");
  await vscode.commands.executeCommand("workbench.action.closeAuxiliaryBar");
  await until("the chat to be gone", async () => (await ui("count", { selector: ".prompt textarea" })) === 0);
  const which = uiRequest({ method: "select", title: "Which?", options: ["a", "b"] });
  await sees(".statusbar-item", "π answer");
  await vscode.commands.executeCommand("notifications.showList");
  await sees(".notification-list-item", "Pi asks: Which?");
  await ui("click", { selector: ".notification-list-item .monaco-button:has-text('Show')" });
  await sees(".question:focus", "Which?");
  await deliberately();
  await ui("key", { key: "2" });
  equal(await which, { value: "b" }, "choice");
});

between("what extensions show is in the status bar, in a message, in the prompt and above the chat", async () => {
  await begin();
  equal(await uiRequest({ method: "setStatus", statusKey: "s", statusText: "indexing $(bug)" }), null, "answer");
  await sees(".statusbar-item", "indexing");
  equal(await ui("count", { selector: ".statusbar-item .codicon-bug" }), 0, "icons of an extension");
  await uiRequest({ method: "setWidget", widgetKey: "w", widgetLines: ["first", "second"] });
  await sees(".statusbar-item", "first");
  await uiRequest({ method: "setStatus", statusKey: "s" });
  await uiRequest({ method: "setWidget", widgetKey: "w" });
  await until("no items", async () =>
    (await ui("count", { selector: ".statusbar-item:has-text('indexing'), .statusbar-item:has-text('first')" })) === 0);
  await uiRequest({ method: "notify", message: "The index is built", notifyType: "warning" });
  await vscode.commands.executeCommand("notifications.showList");
  await sees(".notification-list-item", "The index is built");
  await vscode.commands.executeCommand("notifications.clearAll");
  await uiRequest({ method: "set_editor_text", text: "look at this" });
  await until("the text in the prompt", async () => (await ui("value", { selector: ".prompt textarea" })) === "look at this");
  await ui("fill", { selector: ".prompt textarea", text: "" });
  await uiRequest({ method: "setTitle", title: "Indexing" });
  await sees(".pane-header", "Indexing");
  await uiRequest({ method: "setTitle", title: "" });
  await until("the title to be gone", async () => (await ui("count", { selector: ".pane-header:has-text('Indexing')" })) === 0);
});
