// Pi and what VS Code knows and does: code actions, unsaved text, other extensions, ghost text.
"use strict";
const vscode = require("vscode");
const fs = require("node:fs");
const path = require("node:path");
const {
  answer, begin, call, configured, equal, folder, lastResults, open, say, sees, settled, story, ui, until,
} = require("../harness.cjs");

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

story("unsaved text is saved before a command needs it, and the command sees it", async () => {
  await begin(call("1", "bash", { command: "cat unsaved.txt" }), answer("Read."));
  const editor = await open("unsaved.txt", "old\n");
  await editor.edit((it) => it.replace(new vscode.Range(0, 0, 0, 3), "new"));
  await say("what does it say?");
  await sees(".turn.pi", "Read.");
  equal(editor.document.isDirty, false, "unsaved");
  equal(fs.readFileSync(editor.document.uri.fsPath, "utf8"), "new\n", "disk");
});

story("VS Code shows what a command made of an open file, and nothing is unsaved", async () => {
  await begin(
    call("1", "bash", { command: "sed -i s/one/ONE/ formatted.txt" }),
    call("2", "read", { path: "formatted.txt" }),
    answer("It is done."),
  );
  const editor = await open("formatted.txt", "one\ntwo\n");
  await say("format it");
  await sees(".turn.pi", "It is done.");
  equal([editor.document.getText(), editor.document.isDirty], ["ONE\ntwo\n", false], "document");
  equal(lastResults().at(-1), "ONE\ntwo\n", "what the model reads");
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
    const results = lastResults();
    equal(results, [
      "known.txt:1: retry is here", "known.txt:1: retry is here\nknown.txt:3: and retry there",
      "known.txt:1: function retry", "known.txt:3: warning: used too often (spec)",
    ], "what the model was told");
  } finally {
    for (const it of registered) it.dispose();
  }
});

story("what to type next is suggested as ghost text once that is turned on", () => configured({ "completion.enabled": true }, async () => {
  await begin(answer("```\n    return a + b\n```", "<before>"), answer("Untouched."));
  const editor = await open("ghost.txt", "def add(a, b):\n    \nprint(add(1, 2))\n");
  await ui("click", { selector: ".view-line:has-text('def add')" });
  editor.selection = new vscode.Selection(1, 4, 1, 4);
  await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
  await sees("[class*=ghost-text]", "return a + b");
  equal(editor.document.getText(), "def add(a, b):\n    \nprint(add(1, 2))\n", "while it is only suggested");
  await ui("key", { key: "Tab" });
  await until("the suggestion in the text", () => editor.document.getText().includes("return"));
  equal(editor.document.getText(), "def add(a, b):\n    return a + b\nprint(add(1, 2))\n", "what was typed");
  equal(await ui("count", { selector: ".turn" }), 0, "turns in the chat");
  await vscode.commands.executeCommand("workbench.action.files.revert");
}));
