// Changes that wait for the user.
"use strict";
const vscode = require("vscode");
const fs = require("node:fs");
const path = require("node:path");
const {
  answer, begin, call, configured, deliberately, equal, folder, lastResults, lenses, open, say, sees, settled,
  story, ui, until,
} = require("../harness.cjs");

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
  equal(lastResults().at(-1).startsWith("one"), true, "the command sees the text");
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
  await moved.save();
});

story("with pi.review.mode ask each edit is shown first, and made when it is allowed", () => configured({ "review.mode": "ask" }, async () => {
  const file = path.join(folder, "ask-first.txt");
  await begin(
    call("1", "edit", { path: file, oldText: "two", newText: "TWO" }), answer("Done."),
    call("2", "edit", { path: file, oldText: "seven", newText: "SEVEN" }), answer("Not done."),
  );
  const { document } = await open("ask-first.txt", text(LINES));
  await say("shout");
  await sees(".question .line.added", "TWO");
  equal(document.getText(), text(LINES), "before the answer");
  await deliberately();
  await ui("click", { selector: ".question button[data-choice=allow_once]" });
  await sees(".turn.pi", "Done.");
  await settled();
  equal(document.getText(), text(LINES).replace("two", "TWO"), "after it was allowed");
  // What was allowed still waits for review.
  await sees(".review", "1 change in 1 file");
  await say("again");
  await sees(".question .line.added", "SEVEN");
  await deliberately();
  await ui("click", { selector: ".question button[data-choice=reject]" });
  await sees(".turn.pi", "Not done.");
  equal(document.getText(), text(LINES).replace("two", "TWO"), "after it was rejected");
}));

story("with pi.review.mode plan nothing is changed, and what would change is seen", () => configured({ "review.mode": "plan" }, async () => {
  await begin(
    call("1", "edit", { path: path.join(folder, "plan.txt"), oldText: "two", newText: "TWO" }),
    call("2", "bash", { command: "echo eight > plan.txt; echo ran" }), answer("That is the plan."),
  );
  const { document } = await open("plan.txt", text(LINES));
  await say("shout");
  await sees(".turn.pi", "That is the plan.");
  await settled();
  await sees(".tool", "Would change plan.txt");
  await sees(".tool .fact", "+1 −1 · not made");
  await sees(".tool .line.added", "TWO");
  // In a copy, or not at all where there is no sandbox.
  await sees(".tool .name", "echo eight");
  equal(await ui("count", { selector: ".tool .name:has-text('Ran echo')" }), 0, "commands that ran");
  equal([document.getText(), document.isDirty], [text(LINES), false], "buffer");
  equal(fs.readFileSync(document.uri.fsPath, "utf8"), text(LINES), "disk");
  equal(await lenses(document), [], "changes that wait");
  await ui("shot", { name: "plan" });
}));
