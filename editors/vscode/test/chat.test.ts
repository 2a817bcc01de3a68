import assert from "node:assert/strict";
import { test } from "node:test";
import { Chat, type Outcome } from "../src/model/chat";
import type { AgentEvent, AgentMessage, PermissionRequest, QueueItem } from "../src/protocol";

const usage = {
  input: 100, output: 20, cacheRead: 0, cacheWrite: 0, totalTokens: 120,
  cost: { input: 0.01, output: 0.02, cacheRead: 0, cacheWrite: 0, total: 0.03 },
};

function assistant(stopReason: "stop" | "error" | "aborted", errorMessage?: string): AgentMessage {
  return {
    role: "assistant", content: [], api: "faux", provider: "faux", model: "m", usage, stopReason, timestamp: 0,
    ...(errorMessage !== undefined && { errorMessage }),
  };
}
const user = (text: string): AgentMessage => ({ role: "user", content: text, timestamp: 0 });
const delta = (text: string): AgentEvent => ({
  type: "message_update", usage, assistantMessageEvent: { type: "text_delta", contentIndex: 0, delta: text },
});
const said = (message: AgentMessage): AgentEvent[] => [
  { type: "message_start", message }, { type: "message_end", message },
];
const toolStart = (id: string, name: string, args: object): AgentEvent => ({
  type: "tool_execution_start", toolCallId: id, toolName: name, args: args as Record<string, unknown>,
});
const toolEnd = (id: string, name: string, text: string, isError = false, details?: object): AgentEvent => ({
  type: "tool_execution_end", toolCallId: id, toolName: name, isError,
  result: { content: [{ type: "text", text }], ...(details && { details }) },
});

function chat(): { chat: Chat; clock: { now: number }; ends: Outcome[]; spoken: string[] } {
  const clock = { now: 0 };
  const ends: Outcome[] = [];
  const spoken: string[] = [];
  const it = new Chat("/w", () => clock.now);
  it.onSettled = (outcome) => ends.push(outcome);
  it.onSay = (text) => spoken.push(text);
  return { chat: it, clock, ends, spoken };
}

function play(to: Chat, events: AgentEvent[]): void {
  for (const it of events) to.handle(it);
}

test("an edit that is only shown says so, and counts as no change", () => {
  const { chat: it, ends } = chat();
  const patch = "--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1,2 +1,2 @@\n-a\n+b\n c\n";
  play(it, [
    { type: "agent_start" }, toolStart("1", "edit", { path: "/w/src/a.rs" }),
    toolEnd("1", "edit", "Nothing was changed: …", false, { planned: true, patch }), { type: "agent_settled" },
  ]);
  const [row] = it.transcript.items;
  assert.ok(row?.kind === "tool");
  assert.deepEqual([row.head, row.fact, row.body, row.bodyKind],
    ["Would change src/a.rs", "+1 −1 · not made", "@@ -1,2 +1,2 @@\n-a\n+b\n c", "diff"]);
  assert.equal(ends[0]?.changes, 0);
});

test("an edit in whose place the user has typed is shown", () => {
  const { chat: it } = chat();
  const conflict = { headline: "You changed the same lines of a.rs.", patch: "--- a.rs\n+++ a.rs\n@@ -1 +1 @@\n-a\n+b\n" };
  play(it, [
    { type: "agent_start" }, toolStart("1", "edit", { path: "/w/src/a.rs" }),
    toolEnd("1", "edit", "/w/src/a.rs was changed in the meantime", true, { conflict }), { type: "agent_settled" },
  ]);
  const [row] = it.transcript.items;
  assert.ok(row?.kind === "tool");
  assert.deepEqual([row.head, row.fact, row.body, row.bodyKind],
    ["You changed the same lines of a.rs.", "not made", "@@ -1 +1 @@\n-a\n+b", "diff"]);
});

test("a command that ran in a copy, or not at all, is not told as one that ran", () => {
  const heads = (review: "plan" | "apply", text: string, failed: boolean): string[] => {
    const { chat: it } = chat();
    play(it, [
      { type: "review_mode_changed", mode: review }, { type: "agent_start" }, toolStart("1", "bash", { command: "make" }),
      toolEnd("1", "bash", text, failed),
    ]);
    const [row] = it.transcript.items;
    assert.ok(row?.kind === "tool");
    return [row.head, row.fact];
  };
  const changed = "ok\n\n[Nothing was changed: the command ran in a private copy of the workspace, as …:]\n\n--- a\n";
  const unchanged = "[Ran in a private copy of the workspace, as …]";
  assert.deepEqual(heads("plan", changed, false), ["Tried make", "in a copy · not made"]);
  assert.deepEqual(heads("plan", `ok\n\n${unchanged}`, false), ["Tried make", "in a copy"]);
  assert.deepEqual(heads("plan", `no\n\nCommand exited with code 2\n\n${unchanged}`, true), ["Tried make", "exit code 2 · in a copy"]);
  assert.deepEqual(heads("plan", "The command was not run: the user has set …", true), ["Did not run make", "not run"]);
  assert.deepEqual(heads("plan", "only read", false), ["Ran make", ""]);
  // What a command prints decides nothing.
  assert.deepEqual(heads("apply", changed, false), ["Ran make", ""]);
});

test("a run leaves rows and a foot", () => {
  const { chat: it, clock, ends, spoken } = chat();
  const step = (...events: AgentEvent[]): void => play(it, events);
  it.expect("fix it", ["a.rs:1"]);
  step({ type: "agent_start" }, { type: "turn_start" }, ...said(user("fix it\n\nFile: /w/a.rs")));
  step({ type: "message_start", message: assistant("stop") }, delta("I "), delta("look."));
  step({ type: "message_end", message: assistant("stop") }, toolStart("1", "bash", { command: "cargo test" }));
  step(toolEnd("1", "bash", "no\n\nCommand exited with code 3", true));
  clock.now = 41_000;
  step({ type: "agent_settled" });
  const rows = it.transcript.items.map((row) => [row.kind, "text" in row ? row.text : row.head]);
  assert.deepEqual(rows, [
    ["user", "fix it"], ["text", "I look."], ["tool", "Ran cargo test"], ["foot", "41 s · 1 step · 120 tokens · $0.03"],
  ]);
  const [first, , tool] = it.transcript.items;
  assert.deepEqual(first?.kind === "user" && first.chips, ["a.rs:1"]);
  assert.deepEqual(tool?.kind === "tool" && [tool.status, tool.fact], ["failed", "exit code 3"]);
  assert.deepEqual(ends, [{ kind: "done", duration: 41_000, changes: 0, text: "I look." }]);
  assert.deepEqual(spoken, ["Pi is working.", "Running cargo test.", "Pi answered, 1 line."]);
});

test("a run that was stopped can be continued", () => {
  const { chat: it, ends } = chat();
  play(it, [{ type: "agent_start" }, { type: "turn_start" }, delta("more")]);
  play(it, [{ type: "message_end", message: assistant("aborted") }, { type: "agent_settled" }]);
  assert.equal(ends[0]?.kind, "stopped");
  const foot = it.transcript.items.at(-1);
  assert.deepEqual(foot?.kind === "foot" && foot.actions, ["continue", "edit"]);
});

test("a failure is said once and can be tried again", () => {
  const { chat: it, ends } = chat();
  play(it, [
    { type: "agent_start" }, { type: "message_end", message: assistant("error", "529 busy") }, { type: "agent_settled" },
  ]);
  assert.deepEqual(it.transcript.items.map((row) => row.kind), ["notice", "foot"]);
  assert.equal(ends[0]?.text, "529 busy");
});

test("a failure is told in the server's words, with what helps, when no further try follows", () => {
  const { chat: it, spoken } = chat();
  const failed = (headline: string): AgentEvent => ({
    type: "message_end",
    message: {
      ...assistant("error", '429: {"type":"error"}'), failure: { kind: "busy", headline, details: '429: {"type":"error"}' },
    } as AgentMessage,
  });
  play(it, [
    { type: "agent_start" }, failed("Anthropic is busy (429)."),
    { type: "auto_retry_start", attempt: 1, maxAttempts: 1, delayMs: 2000, errorMessage: '429: {"type":"error"}' },
    { type: "agent_start" }, failed("Anthropic is busy (429), 2 tries in 2 s."), { type: "agent_settled" },
  ]);
  const notices = it.transcript.items.flatMap((row) => (row.kind === "notice" ? [row] : []));
  assert.deepEqual(notices.map((row) => [row.level, row.text]), [
    ["warning", "Anthropic is busy (429).\nTrying again in 2 s · 1 of 1"],
    ["error", "Anthropic is busy (429), 2 tries in 2 s."],
  ]);
  assert.deepEqual(notices[1]?.actions, ["retry", "model"]);
  assert.equal(it.transcript.copied(notices[1]?.id ?? -1), '429: {"type":"error"}');
  assert.deepEqual(spoken, ["Pi is working.", "Anthropic is busy (429), 2 tries in 2 s."]);
});

test("a prompt and an answer are copied as they were written", () => {
  const { chat: it } = chat();
  play(it, [
    { type: "agent_start" }, { type: "turn_start" }, ...said(user("old")), delta("not this"), ...said(user("say it")), delta("One."),
    toolStart("1", "bash", { command: "ls" }), toolEnd("1", "bash", "a"), delta("Two."), { type: "agent_settled" },
  ]);
  const rows = it.transcript.items;
  assert.equal(it.transcript.copied(rows.findIndex((row) => row.kind === "user" && row.text === "say it")), "say it");
  const foot = rows.at(-1);
  assert.deepEqual(foot?.kind === "foot" && foot.actions, ["copy", "retry"]);
  assert.equal(it.transcript.copied(foot?.id ?? -1), "One.\n\nTwo.");
});

test("steering is marked, what was queued for afterwards is not", () => {
  const { chat: it } = chat();
  const now: QueueItem = { id: 1, kind: "steer", text: "now", held: false };
  const then: QueueItem = { id: 2, kind: "followUp", text: "then", held: false };
  const queue = (items: QueueItem[], delivered: number[]): AgentEvent => (
    { type: "queue_update", steering: [], followUp: [], items, delivered }
  );
  play(it, [
    { type: "agent_start" }, { type: "turn_start" }, ...said(user("begin")), queue([now, then], []),
    queue([then], [1]), ...said(user("now")), queue([], [2]), ...said(user("then")),
  ]);
  const steered = it.transcript.items.map((row) => row.kind === "user" && [row.text, row.steered]);
  assert.deepEqual(steered, [["begin", 0], ["now", 1], ["then", 0]]);
});

test("patches bring a view up to date, and an increment is one small patch", () => {
  const { chat: it } = chat();
  play(it, [{ type: "agent_start" }, ...said(user("x"))]);
  for (let n = 0; n < 5000; n += 1) {
    play(it, [toolStart(String(n), "ls", {}), toolEnd(String(n), "ls", "a")]);
  }
  it.transcript.take();
  play(it, [delta("a"), delta("b")]);
  assert.deepEqual(it.transcript.take().map((patch) => patch.op), ["add", "append"]);
  play(it, [delta("c"), delta("d")]);
  assert.deepEqual(it.transcript.take(), [{ op: "append", id: 5001, text: "cd" }]);
  assert.deepEqual(it.transcript.take(), []);
});

test("an edit shows its diff, and long output only its end", () => {
  const { chat: it } = chat();
  const lines = Array.from({ length: 500 }, (_, n) => `line ${n}`).join("\n");
  play(it, [
    { type: "agent_start" },
    toolStart("1", "edit", { path: "/w/src/a.rs" }), toolEnd("1", "edit", "ok", false, { diff: " 1 a\n-2 b\n+2 c\n+3 d" }),
    toolStart("2", "bash", { command: "seq" }), toolEnd("2", "bash", lines),
  ]);
  const [edit, bash] = it.transcript.items;
  assert.deepEqual(edit?.kind === "tool" && [edit.head, edit.fact, edit.bodyKind], ["Edited src/a.rs", "+2 −1", "diff"]);
  assert.ok(bash?.kind === "tool" && bash.hidden === 300 && bash.body.endsWith("line 499"));
  assert.deepEqual(it.transcript.place(edit?.id ?? -1), { path: "/w/src/a.rs", line: 1 });
});

test("a session that was opened shows what was said in it", () => {
  const { chat: it } = chat();
  it.transcript.load([
    user("hello"),
    {
      ...assistant("stop"), role: "assistant",
      content: [{ type: "text", text: "Hi." }, { type: "toolCall", id: "1", name: "ls", arguments: {} }],
    } as AgentMessage,
  ], () => "12:00", false);
  const rows = it.transcript.items.map((row) => [row.kind, row.kind === "tool" ? row.fact : "text" in row && row.text]);
  // The call that got no result was cut off.
  assert.deepEqual(rows, [["user", "hello"], ["text", "Hi."], ["tool", "interrupted"]]);
});

test("a question waits until it is answered, and the answer stands in the row of its tool", () => {
  const { chat: it, spoken } = chat();
  const question: PermissionRequest = {
    id: "q1", toolCallId: "1", tool: "bash", title: "Pi wants to run a command", text: "", command: "cargo test",
    parts: [], cwd: "/w", risk: "medium", choices: [{ id: "allow_once", label: "Allow once" }],
  };
  play(it, [{ type: "agent_start" }, toolStart("1", "bash", { command: "cargo test" })]);
  play(it, [{ type: "permission_request", ...question }, { type: "permission_request", ...question }]);
  assert.equal(it.questions.length, 1);
  assert.equal(spoken.at(-1), "Pi asks: cargo test. Press Ctrl+Alt+P to answer.");
  play(it, [{ type: "permission_resolved", id: "q1", toolCallId: "1", decision: "rejected", choice: "reject" }]);
  play(it, [toolEnd("1", "bash", "The user rejected this.", true)]);
  const [tool] = it.transcript.items;
  assert.deepEqual(tool?.kind === "tool" && [tool.status, tool.fact], ["failed", "rejected"]);
});

test("a server that is lost ends what runs", () => {
  const { chat: it } = chat();
  play(it, [{ type: "agent_start" }, toolStart("1", "bash", { command: "sleep 9" })]);
  play(it, [{
    type: "queue_update", steering: [], followUp: [], items: [{ id: 1, kind: "steer", text: "and this", held: false }],
  }]);
  it.activity.take({ state: "tool", since: 0, tool: "bash", text: "Running sleep 9…" });
  assert.deepEqual([it.activity.busy, it.activity.text], [true, "Running sleep 9…"]);
  assert.deepEqual(it.lost(), ["and this"]);
  const [tool] = it.transcript.items;
  assert.deepEqual(tool?.kind === "tool" && [tool.status, tool.fact], ["failed", "interrupted"]);
  assert.deepEqual([it.activity.busy, it.activity.text], [false, "Pi stopped unexpectedly"]);
});

test("a turn is counted back to its prompt, and only what may change files makes a chat one with edits", () => {
  const { chat: it } = chat();
  play(it, [...said(user("one")), toolStart("1", "read", { path: "/w/a" }), toolEnd("1", "read", ""), ...said(user("two"))]);
  const { transcript } = it;
  assert.deepEqual([transcript.users(), transcript.changing], [["two", "one"], false]);
  assert.deepEqual(transcript.items.map((row) => transcript.usersAfter(row.id)), [1, 1, 0]);
  play(it, [toolStart("2", "bash", { command: "make" })]);
  assert.equal(transcript.changing, true);
  it.reset("/w");
  assert.equal(it.transcript.changing, false);
});
