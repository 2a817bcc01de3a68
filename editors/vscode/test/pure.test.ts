import assert from "node:assert/strict";
import * as path from "node:path";
import { test } from "node:test";
import { candidates, explain, parseVersion, refusal } from "../src/binary";
import { clock, diffCounts, headline, modelName, oneLine, tokens, visible } from "../src/shared/describe";
import { parseViewMessage } from "../src/shared/messages";

test("words for durations, numbers and tools", () => {
  assert.deepEqual([0, 41_000, 3_723_000].map(clock), ["0:00", "0:41", "1:02:03"]);
  assert.deepEqual([950, 12_400].map(tokens), ["950", "12.4k"]);
  assert.deepEqual([{ id: "llama3.2", local: true }, { id: "claude-x" }].map(modelName), ["llama3.2 · local", "claude-x"]);
  assert.equal(headline("read", { path: "/w/a.rs", offset: 3, limit: 5 }, "/w", true), "Read a.rs:3-7");
  assert.equal(headline("grep", { pattern: "x", path: "/w/src" }, "/w", false), "Searching “x” in src");
  assert.equal(headline("editor_definition", { symbol: "x", path: "/w/a.rs" }, "/w", true), "Looked up “x” in a.rs");
  assert.equal(headline("editor_diagnostics", {}, "/w", true), "Looked at problems");
  assert.equal(headline("other", {}, "/w", false), "Running other");
  assert.equal(diffCounts(" 1 a\n-2 b\n+2 c\n ..."), "+1 −1");
  const long = oneLine(`first\n${"x".repeat(500)} last`);
  assert.ok(long.startsWith("first x") && long.endsWith(" last") && long.length <= 120, long);
});

test("nothing in a command is invisible", () => {
  assert.equal(visible("rm\u202e -rf\u200b /\u{e0041}\tx\n"), "rm‹U+202E› -rf‹U+200B› /‹U+E0041›\tx\n");
  assert.equal(visible("größer → ok 👍"), "größer → ok 👍");
});

test("the program is looked for in this order, and a set one is the only candidate", () => {
  const places = { setting: "", extension: "/repo/editors/vscode", path: "/usr/bin:relative::/bin", windows: false };
  const found = candidates(places, () => true).map((it) => `${it.origin} ${it.path.replaceAll(path.sep, "/")}`);
  assert.deepEqual(found, [
    "bundled /repo/editors/vscode/bin/pi", "PATH /usr/bin/pi", "PATH /bin/pi",
    "cargo target /repo/target/release/pi", "cargo target /repo/target/debug/pi",
  ]);
  assert.deepEqual(candidates({ ...places, setting: "/x/pi" }, () => false), [{ path: "/x/pi", origin: "setting" }]);
});

test("only pi-server is taken for pi-server", () => {
  assert.equal(parseVersion("pi-server 0.1.0\n"), "0.1.0");
  assert.equal(parseVersion("0.87.1\n"), undefined);
  assert.match(refusal("0.87.1\n"), /terminal Pi 0\.87\.1/);
  assert.match(refusal("hello"), /“hello”/);
  assert.match(explain([]), /Looked in: setting, bundled, PATH, cargo target/);
});

test("what a view can say is checked", () => {
  for (const good of [
    { type: "ready" }, { type: "send", text: "x", how: "now" }, { type: "chip", id: "file", on: true },
    { type: "command", command: "pi.setup" }, { type: "action", id: 3, action: "retry" },
    { type: "reply", id: "1", answer: { value: "" } }, { type: "reply", id: "1", answer: { confirmed: false } },
    { type: "reply", id: "1", answer: { cancelled: true } },
  ]) assert.deepEqual(parseViewMessage(good), good);
  for (const bad of [
    null, "ready", {}, { type: "send", text: 1, how: "now" }, { type: "send", text: "x", how: "later" },
    { type: "command", command: "workbench.action.quit" }, { type: "action", id: 1.5, action: "retry" },
    { type: "action", id: 1, action: "run" }, { type: "open", id: "1" }, { type: "link" },
    { type: "reply", id: "1", answer: {} }, { type: "reply", id: "1", answer: { cancelled: false } },
    { type: "reply", id: "1", answer: { value: "a", confirmed: true } }, { type: "reply", answer: { value: "" } },
  ]) assert.equal(parseViewMessage(bad), undefined, JSON.stringify(bad));
});
