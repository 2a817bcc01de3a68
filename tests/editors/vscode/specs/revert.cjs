// Going back to before a prompt.
"use strict";
const vscode = require("vscode");
const fs = require("node:fs");
const path = require("node:path");
const { answer, begin, call, equal, folder, gate, open, say, sees, settled, story, ui, until } = require("../harness.cjs");

const TEXT = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n";
const edit = (id, name, oldText, newText) => call(id, "edit", { path: path.join(folder, name), oldText, newText });
// A part of a text may be in several rows, and their order in the document is not that on the screen.
const row = (text) => `.quick-input-list .monaco-list-row:has-text('${text}')`;
const prompt = (text) => `.turn.user:has-text('${text}')`;
const replaced = async (document, before, after) => {
  const at = document.positionAt(document.getText().indexOf(before));
  const change = new vscode.WorkspaceEdit();
  change.replace(document.uri, new vscode.Range(at, at.translate(0, before.length)), after);
  await vscode.workspace.applyEdit(change);
};

story("everything after a prompt goes back, kept changes and new files too, and what the user changed stays", async () => {
  const made = path.join(folder, "made-later.txt");
  await begin(
    edit("1", "back.txt", "two", "TWO"), answer("First."),
    edit("2", "back.txt", "four", "FOUR"), edit("3", "back.txt", "seven", "SEVEN"),
    call("4", "write", { path: made, content: "new\n" }), answer("Second."),
  );
  const { document } = await open("back.txt", TEXT);
  await say("shout");
  await settled();
  await say("now more of it");
  await sees(".turn.pi", "Second.");
  await sees(".review", "4 changes in 2 files");
  await vscode.commands.executeCommand("pi.all.keep");
  await replaced(document, "FOUR", "FOUR, mine");
  const before = document.getText();

  await ui("hover", { selector: prompt("now more") });
  await ui("click", { selector: `${prompt("now more")} .revert` });
  await sees(row("Revert the other 2 in 2 files"), "The chat stays as it is.");
  await sees(row("made-later.txt"), "is deleted · 1 change · +1 −0");
  await sees(row("back.txt"), "1 change · +1 −1");
  await sees(row("back.txt:4"), "You edited this since; your text stays");
  await sees(".quick-input-box:has(input[placeholder^='1 of 3 changes stays'])", "");
  await ui("click", { selector: row("Compare") });
  const shown = await until("what would go back", () =>
    vscode.workspace.textDocuments.find((it) => it.uri.scheme === "pi-patch" && it.getText().includes("+SEVEN")));
  equal(shown.getText().includes("TWO"), false, "what came before the prompt");
  await ui("shot", { name: "revert" });
  await ui("key", { key: "Escape" });
  await until("no choice", async () => (await ui("count", { selector: `${row("Compare")}:visible` })) === 0);
  equal([document.getText(), fs.existsSync(made)], [before, true], "after no choice");

  await ui("hover", { selector: prompt("now more") });
  await ui("click", { selector: `${prompt("now more")} .revert` });
  await ui("click", { selector: row("The chat stays as it is.") });
  const after = TEXT.replace("two", "TWO").replace("four", "FOUR, mine");
  await until("the text from before the prompt", () => document.getText() === after);
  await until("no file", () => !fs.existsSync(made));
  await sees(".review", "Reverted 2 changes in 2 files");
  await ui("click", { selector: ".review button:text-is('Redo')" });
  await until("all of it again", () => document.getText() === before && fs.existsSync(made));
  await until("what was said", async () => (await ui("count", { selector: ".turn.user" })) === 2);
  await vscode.commands.executeCommand("notifications.showList");
  await sees(".notification-list-item", "You edited this since; your text stays");
  await vscode.commands.executeCommand("notifications.clearAll");
});

story("the conversation goes back too: the run stops, and what was said and queued can be sent again", async () => {
  gate();
  await begin(
    edit("1", "talk.txt", "two", "TWO"), answer("First."),
    edit("2", "talk.txt", "seven", "SEVEN"), call("3", "bash", { command: "cat gate" }), answer("Once more.", "and then this"),
  );
  const { document } = await open("talk.txt", TEXT);
  await say("shout");
  await settled();
  await say("shout louder");
  await sees(".tool[data-status=running]", "cat gate");
  await say("and then this", "Alt+Enter");
  await sees(".queue", "and then this");
  void vscode.commands.executeCommand("pi.revertAfter");
  await sees(row("shout louder"), "");
  await ui("fill", { selector: ".quick-input-box input", text: "louder" });
  await ui("key", { key: "Enter" });
  await ui("click", { selector: row("and the conversation") });
  await until("the text from before the prompt", () => document.getText() === TEXT.replace("two", "TWO"));
  await until("the chat from before it", async () => (await ui("count", { selector: ".turn.user" })) === 1);
  await sees(".turn.pi", "First.");
  await until("the prompt", async () =>
    (await ui("value", { selector: ".prompt textarea" })) === "shout louder\n\nand then this");
  await sees(".review", "Reverted 1 change in 1 file");
  await ui("click", { selector: ".prompt .primary" });
  await sees(prompt("shout louder"), "and then this");
  await sees(".turn.pi", "Once more.");
});

story("commands whose changes stay are named before a revert and after it", async () => {
  const made = path.join(folder, "made.txt");
  fs.writeFileSync(path.join(folder, "fix.sh"), `echo made > ${made}\n`);
  await begin(edit("1", "beside.txt", "two", "TWO"), call("2", "bash", { command: "sh fix.sh" }), answer("Done."));
  const { document } = await open("beside.txt", TEXT);
  await say("fix it");
  await settled();
  await ui("hover", { selector: prompt("fix it") });
  await ui("click", { selector: `${prompt("fix it")} .revert` });
  await sees(row("sh fix.sh"), "What it changed beside that");
  await ui("click", { selector: row("The chat stays as it is.") });
  await until("the text from before", () => document.getText() === TEXT);
  await vscode.commands.executeCommand("notifications.showList");
  await sees(".notification-list-item", "What “sh fix.sh” changed beside that stays");
  await vscode.commands.executeCommand("notifications.clearAll");
  equal(fs.existsSync(made), true, "what the command made");
});

story("the context menu of a prompt reverts too, by the mouse alone", async () => {
  await begin(edit("1", "menu.txt", "two", "TWO"), answer("Done."));
  const { document } = await open("menu.txt", TEXT);
  await say("shout");
  await settled();
  await ui("click", { selector: `${prompt("shout")} .user-text`, button: "right" });
  // A menu of VS Code takes no click in its first 100 ms, so that the one that opened it chooses nothing.
  const act = ".monaco-menu .action-label:has-text('Revert Everything After')";
  await until("the list", async () => {
    if (await ui("count", { selector: `${act}:visible` }) > 0) await ui("click", { selector: act });
    // The rows of a list that was open before are still in the document.
    return await ui("count", { selector: `${row("The chat stays as it is.")}:visible` }) > 0;
  });
  await ui("click", { selector: row("The chat stays as it is.") });
  await until("the text from before", () => document.getText() === TEXT);
});
