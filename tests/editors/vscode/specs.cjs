// The stories in VS Code. PI_SPECS names the files of specs/ that are told in this window.
"use strict";
const vscode = require("vscode");

exports.run = async () => {
  if (!vscode.workspace.workspaceFolders?.length) {
    // A window in a browser now and then misses its workspace file, and stays empty until it is loaded again. That ends
    // this host, and a new one tells the stories.
    await fetch(process.env.PI_UI, { method: "POST", body: JSON.stringify({ op: "reload" }) });
    return new Promise(() => {});
  }
  const { run } = require("./harness.cjs");
  for (const name of process.env.PI_SPECS.split(" ")) require(`./specs/${name}.cjs`);
  return run();
};
