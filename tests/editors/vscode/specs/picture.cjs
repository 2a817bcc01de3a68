// The picture for the documents, with PI_SHOTS=1.
"use strict";
const vscode = require("vscode");
const path = require("node:path");
const { answer, begin, call, folder, lenses, mode, open, say, sees, story, ui, until } = require("../harness.cjs");

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
