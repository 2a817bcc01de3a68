// A window with two folders, web and api: a chat works in the one that it began in.
"use strict";
const vscode = require("vscode");
const fs = require("node:fs");
const path = require("node:path");
const { answer, begin, call, equal, lastResults, say, sees, settled, story, ui, until } = require("../harness.cjs");

const [web, api] = vscode.workspace.workspaceFolders.map((it) => it.uri.fsPath);

/** Opens a file of a folder and puts the cursor into it. */
async function open(folder, name, text) {
  fs.writeFileSync(path.join(folder, name), text);
  const document = await vscode.workspace.openTextDocument(path.join(folder, name));
  return vscode.window.showTextDocument(document, { preview: false });
}

story("a chat that begins at a file of the second folder works there", async () => {
  equal([path.basename(web), path.basename(api)], ["web", "api"], "folders");
  await begin(
    call("1", "bash", { command: "pwd" }), call("2", "edit", { path: "same.txt", oldText: "old", newText: "new" }),
    call("3", "read", { path: path.join(web, "same.txt") }), answer("Done."),
  );
  const other = await open(web, "same.txt", "old web\n");
  const { document } = await open(api, "same.txt", "old api\n");
  await vscode.commands.executeCommand("pi.newSession");
  await sees(".chip", "in: api");
  await say("change it here");
  await sees(".turn.pi", "Done.");
  await settled();
  equal(document.getText(), "new api\n", "the file of the second folder");
  equal(other.document.getText(), "old web\n", "the file of the first folder");
  const [where, , read] = lastResults();
  // VS Code now and then has its own settings open and changed, which a command is told of below.
  equal(where.split("\n")[0], fs.realpathSync(api), "where commands run");
  equal(read.trim(), "old web", "the other folder can be read");
  await sees(".tool", "Edited same.txt");
  await sees(".review", "1 change in 1 file");
  await vscode.window.showTextDocument(document);
  await vscode.commands.executeCommand("undo");
  await until("nothing that waits", async () => (await ui("count", { selector: ".tool .decide:visible" })) === 0);
  equal(document.getText(), "old api\n", "after one undo");
});

story("chats of all folders are listed, and one is at home where it began", async () => {
  await begin(answer("From the web.", "web"), answer("From the api.", "api"));
  await open(web, "a.txt", "a\n");
  await vscode.commands.executeCommand("pi.newSession");
  await sees(".chip", "in: web");
  await say("about the web");
  await settled();
  await open(api, "b.txt", "b\n");
  // The chat stays where it is until there is another one.
  await sees(".chip", "in: web");
  void vscode.commands.executeCommand("pi.newSessionIn");
  await ui("fill", { selector: ".quick-input-box input", text: "api" });
  await ui("key", { key: "Enter" });
  await sees(".chip", "in: api");
  await say("about the api");
  await settled();
  await vscode.commands.executeCommand("pi.sessionsView.focus");
  await sees(".monaco-list-row:has-text('about the web')", "web");
  await sees(".monaco-list-row:has-text('about the api')", "api");
  await ui("click", { selector: ".monaco-list-row:has-text('about the web')" });
  await sees(".turn.pi", "From the web.");
  await sees(".chip", "in: web");
});
