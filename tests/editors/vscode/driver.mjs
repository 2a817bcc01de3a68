// Starts a real VS Code without a screen (its server, and its window in a browser), and runs a spec inside its
// extension host.
//
//   node driver.mjs --workspace DIR|FILE.code-workspace --extension DIR --spec FILE --out DIR --settings FILE [--timeout SECONDS]
//
// FILE is CommonJS and exports run(); it has the whole `vscode` API. The exit status is 0 when run() resolves, 1 when
// it rejects, 3 after the timeout. Nothing but 127.0.0.1 is reached.
//
// run() cannot see the window. So this program listens at PI_UI: POST one JSON object, the answer is
// {"ok":true,"value":...} or {"ok":false,"error":"..."}. Selectors are tried in every frame, the chat's too.
//   {"op":"shot","name":"x"}                  the window, to OUT/x.png
//   {"op":"key","key":"Control+S"}            a key, {"op":"type","text":"..."} several
//   {"op":"click","selector":"css"}           with "button":"right" its context menu
//   {"op":"hover","selector":"css"}           {"op":"fill","selector":"css","text":"..."}
//   {"op":"text","selector":"css"}            text of the first match
//   {"op":"has","selector":"css","text":"x"}  waits until a match contains the text
//   {"op":"count","selector":"css"}           how many there are now
//   {"op":"value","selector":"css"}           what is written in an input
//   {"op":"reload"}                           the window, and what runs in it, anew
//   {"op":"theme","dark":false}               how the window asks the system for its colours
import { spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import net from "node:net";
import os from "node:os";
import path from "node:path";

const argument = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const [workspace, extension, spec] = ["workspace", "extension", "spec"].map((it) => fs.realpathSync(argument(it)));
const out = argument("out");
const limit = Number(argument("timeout", "150"));
/** Longest wait for something on the screen, in milliseconds. */
const PATIENCE = 15_000;

fs.mkdirSync(out, { recursive: true });
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "pi-vscode-"));
const { chromium } = createRequire(path.join(process.env.PI_VSCODE_DIR, "x.js"))("playwright-core");

let page;
let context;
let server;
let ending = false;
/** A story has said what is wrong. */
let failed = false;

/** The end of the window's log without stack traces, for an end that no story explains. */
function explain() {
  const file = path.join(out, "window.log");
  const lines = fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n") : [];
  console.log(lines.filter((it) => /^\S/.test(it)).slice(-10).join("\n"));
}

async function finish(status, why) {
  if (ending) return;
  ending = true;
  if (why) console.log(why);
  if (status !== 0 && !failed) explain();
  try {
    if (status !== 0 && page) await page.screenshot({ path: path.join(out, "failed.png") });
    await context?.close();
  } catch { /* It is gone already. */ }
  try { process.kill(-server.pid, "SIGTERM"); } catch { /* It is gone already. */ }
  await new Promise((done) => setTimeout(done, 300));
  try { process.kill(-server.pid, "SIGKILL"); } catch { /* It is gone already. */ }
  fs.rmSync(scratch, { recursive: true, force: true });
  process.exit(status);
}
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => finish(130, signal));
setTimeout(() => finish(3, `no end after ${limit} s`), limit * 1000);

/** The first answer of `look` that is not undefined, in any frame. */
async function inFrames(what, look, patience = PATIENCE) {
  const end = Date.now() + patience;
  let last = "nothing matches";
  do {
    for (const frame of page.frames()) {
      try {
        const value = await look(frame);
        if (value !== undefined) return value;
      } catch (error) {
        last = String(error);
      }
    }
    await page.waitForTimeout(50);
  } while (Date.now() < end);
  throw new Error(`${what}: ${last}`);
}

async function visible(locator) {
  const count = Math.min(await locator.count(), 20);
  for (let at = 0; at < count; at++) if (await locator.nth(at).isVisible()) return locator.nth(at);
  return undefined;
}

const operations = {
  async shot({ name }) {
    await page.screenshot({ path: path.join(out, `${name}.png`) });
  },
  key: ({ key }) => page.keyboard.press(key),
  type: ({ text }) => page.keyboard.type(text, { delay: 5 }),
  // Without waiting for what it does: a click that was made and took long would be made again.
  click: ({ selector, button = "left" }) => inFrames(selector, async (frame) => {
    const found = await visible(frame.locator(selector));
    if (found) return found.click({ button, timeout: 2000, noWaitAfter: true }).then(() => true);
  }),
  hover: ({ selector }) => inFrames(selector, async (frame) => {
    const found = await visible(frame.locator(selector));
    if (found) return found.hover({ timeout: 2000 }).then(() => true);
  }),
  fill: ({ selector, text }) => inFrames(selector, async (frame) => {
    const found = await visible(frame.locator(selector));
    if (found) return found.fill(text, { timeout: 2000 }).then(() => true);
  }),
  text: ({ selector }) => inFrames(selector, async (frame) => {
    const found = frame.locator(selector);
    if (await found.count() > 0) return (await found.first().textContent()) ?? "";
  }),
  has: ({ selector, text }) => inFrames(`${selector} with “${text}”`, async (frame) => {
    if (await frame.locator(selector, { hasText: text }).count() > 0) return true;
  }),
  async count({ selector }) {
    let count = 0;
    for (const frame of page.frames()) count += await frame.locator(selector).count().catch(() => 0);
    return count;
  },
  value: ({ selector }) => inFrames(selector, async (frame) => {
    const found = await visible(frame.locator(selector));
    if (found) return found.inputValue();
  }),
  // Without waiting: who asks for it goes with the window.
  reload: () => void page.reload().catch(() => {}),
  theme: ({ dark }) => page.emulateMedia({ colorScheme: dark ? "dark" : "light" }),
};

const ui = http.createServer((request, response) => {
  let body = "";
  request.on("data", (it) => { body += it; });
  request.on("end", async () => {
    let answer;
    try {
      const message = JSON.parse(body);
      answer = { ok: true, value: await operations[message.op](message) };
    } catch (error) {
      answer = { ok: false, error: String(error.message ?? error) };
    }
    response.end(JSON.stringify(answer));
  });
});
await new Promise((done) => ui.listen(0, "127.0.0.1", done));

const freePort = await new Promise((done) => {
  const probe = net.createServer().listen(0, "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => done(port));
  });
});

// As on a real server: what belongs to a machine counts only in the machine's file, everything else only in the user's.
const { contributes } = JSON.parse(fs.readFileSync(path.join(extension, "package.json"), "utf8"));
const scopes = [contributes.configuration].flat().map((it) => it.properties);
const ofMachine = ([key]) => scopes.some((it) => it[key]?.scope?.startsWith("machine"));
const given = Object.entries(JSON.parse(fs.readFileSync(argument("settings"), "utf8")));
const settings = {
  "security.workspace.trust.enabled": false, "telemetry.telemetryLevel": "off", "update.mode": "none",
  "extensions.autoUpdate": false, "extensions.autoCheckUpdates": false, "extensions.ignoreRecommendations": true,
  "workbench.startupEditor": "none", "workbench.tips.enabled": false, "workbench.enableExperiments": false,
  "chat.disableAIFeatures": true, "files.autoSave": "off", "files.hotExit": "off", "git.enabled": false,
  "editor.cursorBlinking": "solid", "editor.minimap.enabled": false, "window.autoDetectColorScheme": true,
  ...Object.fromEntries(given.filter((it) => !ofMachine(it))),
};
const data = path.join(scratch, "data");
fs.mkdirSync(path.join(data, "extensions"), { recursive: true });
for (const [whose, what] of [["User", settings], ["Machine", Object.fromEntries(given.filter(ofMachine))]]) {
  fs.mkdirSync(path.join(data, "user", whose), { recursive: true });
  fs.writeFileSync(path.join(data, "user", whose, "settings.json"), JSON.stringify(what));
}

// Without its own launcher: only here it takes the switch that lets the page name an extension and its tests.
const code = path.join(process.env.PI_VSCODE_DIR, "node_modules/code-server/lib/vscode");
const log = fs.openSync(path.join(out, "server.log"), "w");
server = spawn(process.execPath, ["out/server-main.js", "--host", "127.0.0.1", "--port", String(freePort),
  "--without-connection-token", "--accept-server-license-terms", "--server-data-dir", path.join(data, "server"),
  "--user-data-dir", path.join(data, "user"), "--extensions-dir", path.join(data, "extensions"),
  "--enable-smoke-test-driver", "--disable-telemetry", "--disable-experiments", "--disable-workspace-trust"], {
  cwd: code, detached: true, stdio: ["ignore", log, log],
  env: {
    ...process.env, PI_UI: `http://127.0.0.1:${ui.address().port}/`,
    // No marketplace.
    EXTENSIONS_GALLERY: '{"serviceUrl":"","itemUrl":"","resourceUrlTemplate":""}',
  },
});
server.on("exit", (status) => finish(4, `VS Code's server ended with ${status}`));

const base = `http://127.0.0.1:${freePort}`;
for (let tries = 0; !(await fetch(`${base}/version`).then((it) => it.ok, () => false)); tries++) {
  if (tries > 300) await finish(4, "VS Code's server does not answer");
  await new Promise((done) => setTimeout(done, 100));
}
context = await chromium.launchPersistentContext(path.join(scratch, "browser"), {
  executablePath: process.env.PI_CHROMIUM, headless: true, viewport: { width: 1280, height: 800 },
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
});
page = context.pages()[0] ?? await context.newPage();
const local = (host) => host === "127.0.0.1" || host === "localhost" || host.endsWith(".localhost");
await page.route((url) => /^https?:$/.test(url.protocol) && !local(url.hostname), (route) => route.abort());
const windowLog = fs.createWriteStream(path.join(out, "window.log"));
page.on("console", (message) => windowLog.write(`[${message.type()}] ${message.text()}\n`));
await page.exposeFunction("codeAutomationLog", (type, args) => {
  const line = args.map((it) => (typeof it === "string" ? it : JSON.stringify(it))).join(" ");
  windowLog.write(`[${type}] ${line}\n`);
  if (line.startsWith("[spec] ")) {
    failed ||= line.startsWith("[spec] FAIL");
    console.log(line.slice("[spec] ".length));
  }
});
const ended = new Promise((done) => { void page.exposeFunction("codeAutomationExit", done); });
const remote = (file) => `vscode-remote://127.0.0.1:${freePort}${file}`;
const payload = JSON.stringify([
  ["extensionDevelopmentPath", remote(extension)], ["extensionTestsPath", remote(spec)], ["skipWelcome", "true"],
]);
const opened = workspace.endsWith(".code-workspace") ? "workspace" : "folder";
await page.goto(`${base}/?${opened}=${encodeURI(workspace)}&payload=${encodeURIComponent(payload)}`);
await page.waitForSelector(".monaco-workbench", { timeout: 60_000 });
await finish((await ended) === 0 ? 0 : 1);
