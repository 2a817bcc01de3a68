// The first run, and the demo: a scripted model, the user's own editor.
"use strict";
const vscode = require("vscode");
const http = require("node:http");
const { answer, begin, configured, deliberately, equal, sees, story, ui, until } = require("../harness.cjs");

/** A model server at Ollama's port, which knows one model. */
function ollama() {
  const server = http.createServer((request, response) => {
    response.end(JSON.stringify({ object: "list", data: [{ id: "llama3.2" }] }));
  });
  return new Promise((done, fail) => server.on("error", fail).listen(11434, "127.0.0.1", () => done(server)));
}

story("the demo edits a file in the editor, asks once, and leaves two changes to decide about", async () => {
  await begin(answer("Nobody asks the other model."));
  await vscode.commands.executeCommand("pi.demo");
  const editor = await until("the file", () => vscode.window.visibleTextEditors.find((it) => it.document.fileName.endsWith("retry.rs")));
  await sees(".question pre", "sh pi-demo/test.sh");
  equal(editor.document.getText().includes("tries == 3"), true, "the edit is in the editor");
  equal(editor.document.isDirty, true, "unsaved");
  await deliberately();
  await ui("click", { selector: ".question button[data-choice=allow_once]" });
  await sees(".turn.pi", "keep one, reject one");
  await sees(".turn.pi", "Scripted demo – no model involved");
  await vscode.window.showTextDocument(editor.document);
  await vscode.commands.executeCommand("undo");
  equal(editor.document.getText().includes("tries == 3"), false, "one undo");
});

story("without a model there are three ways to a first answer, and a local server is found", async () => {
  await begin(answer("Nobody asks it."));
  // Not the default, which VS Code would take for nothing set. Nothing was said, so the chat is not there again.
  const nothing = { "server.args": ["--thinking", "off"], "server.env": { PI_FAUX_SCRIPT: "" } };
  await configured(nothing, async () => {
    await vscode.commands.executeCommand("pi.restart");
    await sees(".screen h2", "Pi is ready to try.");
    for (const [label, what] of [
      ["Run the demo", "no key, 20 seconds, a scripted model"], ["Use a local model", "no local server answers yet"],
      ["Add a key", "none in the environment"],
    ]) await sees(`.screen li:has(button:text-is('${label}'))`, what);
    const server = await ollama();
    try {
      await ui("click", { selector: ".screen button:text-is('Use a local model')" });
      await sees(".screen", "Found on this machine");
      await sees(".bar .pick", "llama3.2 · local");
      await ui("click", { selector: ".screen button:text-is('Change')" });
      await sees(".quick-input-title", "Model");
      await ui("key", { key: "Escape" });
    } finally {
      server.close();
    }
  });
});
