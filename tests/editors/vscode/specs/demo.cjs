// The first run, and the demo: a scripted model, the user's own editor.
"use strict";
const vscode = require("vscode");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { answer, begin, configured, deliberately, equal, sees, story, ui, until } = require("../harness.cjs");

/** A server on this machine. */
function serve(port, answer) {
  const server = http.createServer(answer);
  return new Promise((done, fail) => server.on("error", fail).listen(port, "127.0.0.1", () => done(server)));
}

/** Settings with which there is no model. Not the default, which VS Code would take for nothing set. */
const NOTHING = { "server.args": ["--thinking", "off"], "server.env": { PI_FAUX_SCRIPT: "" } };

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
  // Nothing was said, so the chat is not there again.
  await configured(NOTHING, async () => {
    await vscode.commands.executeCommand("pi.restart");
    await sees(".screen h2", "Pi is ready to try.");
    for (const [label, what] of [
      ["Run the demo", "no key, 20 seconds, a scripted model"], ["Use a local model", "no local server answers yet"],
      ["Add a key", "none in the environment"],
    ]) await sees(`.screen li:has(button:text-is('${label}'))`, what);
    // At Ollama's port.
    const list = JSON.stringify({ object: "list", data: [{ id: "llama3.2" }] });
    const server = await serve(11434, (_, response) => response.end(list));
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

story("a key that is refused is said where it was typed, and one that is taken gives the models", async () => {
  const server = await serve(0, ({ headers }, response) => {
    response.statusCode = headers.authorization === "Bearer the good one" ? 200 : 401;
    response.end("{}");
  });
  const models = path.join(process.env.PI_CODING_AGENT_DIR, "models.json");
  const openai = { baseUrl: `http://127.0.0.1:${server.address().port}/v1`, apiKey: "$OPENAI_API_KEY" };
  try {
    await begin(answer("Nobody asks it."));
    fs.writeFileSync(models, JSON.stringify({ providers: { openai } }));
    await configured(NOTHING, async () => {
      await vscode.commands.executeCommand("pi.restart");
      await ui("click", { selector: ".screen button:text-is('Add a key')" });
      await ui("fill", { selector: ".quick-input-box input", text: "OpenAI" });
      await ui("key", { key: "Enter" });
      await sees(".quick-input-title", "Key for OpenAI");
      await ui("fill", { selector: ".quick-input-box input", text: "a bad one" });
      await ui("key", { key: "Enter" });
      await sees(".quick-input-message", "OpenAI did not accept the key (401).");
      await ui("fill", { selector: ".quick-input-box input", text: "the good one" });
      await ui("key", { key: "Enter" });
      await sees(".bar .pick", "gpt-");
    });
  } finally {
    fs.rmSync(models, { force: true });
    server.close();
  }
});
