// What the stories share: the window, a scripted model, waiting. Runs in the extension host.
"use strict";
const vscode = require("vscode");
const fs = require("node:fs");
const path = require("node:path");
const { execFileSync } = require("node:child_process");

/** Longest wait, in milliseconds. */
const PATIENCE = 15_000;
const folder = vscode.workspace.workspaceFolders[0].uri.fsPath;

/** One operation of the driver. */
async function ui(op, arguments_ = {}) {
  const response = await fetch(process.env.PI_UI, { method: "POST", body: JSON.stringify({ op, ...arguments_ }) });
  const answer = await response.json();
  if (!answer.ok) throw new Error(`${op}: ${answer.error}`);
  return answer.value;
}

/** Waits until `look` gives something true. */
async function until(what, look) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const value = await look();
    if (value) return value;
    if (Date.now() > end) throw new Error(`never came: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

function equal(actual, expected, what) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}

function write(name, text) {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return vscode.Uri.file(file);
}

/** A turn of the scripted model that calls a tool, and one that answers; see docs/faux.md. */
const call = (id, name, args) => ({ content: [{ type: "tool", id, name, args }] });
const answer = (text, match) => ({ content: [{ type: "text", text }], ...(match && { match }) });

/** Starts Pi with this script and an empty chat in view. */
async function begin(...script) {
  fs.writeFileSync(process.env.PI_FAUX_SCRIPT, JSON.stringify(script));
  await vscode.commands.executeCommand("pi.all.keep");
  await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  await vscode.commands.executeCommand("pi.restart");
  await vscode.commands.executeCommand("pi.newSession");
  await ui("has", { selector: ".screen .keys", text: "Enter sends" });
}

/** Opens a file of the workspace with this text. */
async function open(name, text) {
  const uri = write(name, text);
  return vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: false });
}

/** Types into the prompt and presses a key. */
async function say(text, key = "Enter") {
  await ui("fill", { selector: ".prompt textarea", text });
  await ui("key", { key });
}

const sees = (selector, text) => ui("has", { selector, text });
/** The run is over and has left its line. */
const settled = (text = " step") => ui("has", { selector: ".foot", text });

/** A named pipe: `cat gate` runs until it is opened. */
function gate() {
  const file = path.join(folder, "gate");
  fs.rmSync(file, { force: true });
  execFileSync("mkfifo", [file]);
  return () => fs.promises.writeFile(file, "the gate is open\n");
}

/** Texts of the tool results in the newest session file. */
function lastResults() {
  const sessions = path.join(process.env.PI_CODING_AGENT_DIR, "sessions");
  const files = fs.readdirSync(sessions, { recursive: true }).filter((it) => it.endsWith(".jsonl"))
    .map((it) => path.join(sessions, it));
  files.sort((a, b) => fs.statSync(a).mtimeMs - fs.statSync(b).mtimeMs);
  const entries = fs.readFileSync(files.at(-1), "utf8").trim().split("\n").map((it) => JSON.parse(it));
  return entries.filter((it) => it.message?.role === "toolResult").map((it) => it.message.content[0].text);
}

/** Chooses a permission mode as a user does. */
async function mode(name) {
  void vscode.commands.executeCommand("pi.mode");
  await ui("fill", { selector: ".quick-input-box input", text: name });
  await ui("key", { key: "Enter" });
  await sees(".bar .pick", name);
}
/** Longer than an act may be about something else; see src/permissions.ts. */
const deliberately = () => new Promise((done) => setTimeout(done, 450));

/** What stands above changes that wait. */
const lenses = async (document) => (await vscode.commands.executeCommand("vscode.executeCodeLensProvider", document.uri))
  .filter((it) => it.command?.command.startsWith("pi.hunk."));

/** Tells with settings of the extension, which are as before afterwards. */
async function configured(values, tell) {
  const set = async (key, value) =>
    await vscode.workspace.getConfiguration("pi").update(key, value, vscode.ConfigurationTarget.Global);
  const before = Object.keys(values).map((key) => [key, vscode.workspace.getConfiguration("pi").inspect(key).globalValue]);
  for (const [key, value] of Object.entries(values)) await set(key, value);
  try {
    await tell();
  } finally {
    for (const [key, value] of before) await set(key, value);
  }
}

const stories = [];
const story = (name, tell) => stories.push({ name, tell });

/** Tells all stories; the driver shows the lines. */
async function run() {
  const only = process.env.PI_STORY;
  let failed = 0;
  let passed = 0;
  for (const { name, tell } of stories) {
    if (only && !name.includes(only)) continue;
    const started = Date.now();
    try {
      await tell();
      passed += 1;
      console.log(`[spec] ok    ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed += 1;
      await ui("shot", { name: `story-${passed + failed}` });
      console.log(`[spec] FAIL  ${name}\n      ${error.stack}`);
    }
  }
  // A story that was asked for may be told in another window.
  if (failed > 0 || (passed === 0 && !only)) throw new Error(`${failed} failed`);
}

module.exports = {
  answer, begin, call, configured, deliberately, equal, folder, gate, lastResults, lenses, mode, open, run, say, sees,
  settled, story, ui, until, write,
};
