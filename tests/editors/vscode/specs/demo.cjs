// The demo: a scripted model, the user's own editor.
"use strict";
const vscode = require("vscode");
const { answer, begin, deliberately, equal, sees, story, ui, until } = require("../harness.cjs");

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
