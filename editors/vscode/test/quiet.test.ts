import assert from "node:assert/strict";
import { test } from "node:test";
import { Chat } from "../src/model/chat";
import type { AgentEvent } from "../src/protocol";
import type { ToolItem } from "../src/shared/messages";
import { hits, isQuiet, together } from "../src/shared/quiet";

/** The rows of these calls, the last of which may still run. */
function rows(calls: [name: string, args: object, result?: string][]): ToolItem[] {
  const chat = new Chat("/w", () => 0);
  calls.forEach(([toolName, args, text], at) => {
    const toolCallId = String(at);
    const events: AgentEvent[] = [{ type: "tool_execution_start", toolCallId, toolName, args: args as Record<string, unknown> }];
    if (text !== undefined) {
      events.push({ type: "tool_execution_end", toolCallId, toolName, isError: false, result: { content: [{ type: "text", text }] } });
    }
    for (const it of events) chat.handle(it);
  });
  return chat.transcript.items.filter((it): it is ToolItem => it.kind === "tool");
}

test("tools that only look are joined into one line", () => {
  const read = (path: string, more = {}): [string, object, string] => ["read", { path, ...more }, "text"];
  const grep: [string, object, string] = ["grep", { pattern: "Backoff", path: "/w/src" }, "a.rs:3: x\na.rs-4- y\nb.rs:9: a:1: z"];
  for (const [calls, expected] of [
    [[read("/w/a.rs"), read("/w/b.rs"), grep], "Read 2 files, searched “Backoff” in src · 2 hits"],
    [[read("/w/a.rs", { offset: 1, limit: 9 }), read("/w/a.rs", { offset: 10, limit: 9 })], "Read a.rs"],
    [[["ls", { path: "/w/src" }, "a"], ["find", { pattern: "*.rs" }, "a"], ["find", { pattern: "*.ts" }, "b"]],
      "Searched 2 times, listed src"],
    [[read("/w/a.rs"), ["read", { path: "/w/b.rs" }]], "Reading 2 files"],
    [[grep, ["grep", { pattern: "no" }, "No matches found"]], "Searched 2 times · 2 hits"],
  ] as [[string, object, string?][], string][]) {
    assert.equal(together(rows(calls)), expected);
  }
  assert.deepEqual(["read", "grep", "find", "ls", "edit", "bash"].filter(isQuiet), ["read", "grep", "find", "ls"]);
});

test("a search says what it found", () => {
  assert.deepEqual(hits("a:1: x\na-2- y\nb/c.rs:10#QW: z"), { hits: 2, files: 2 });
  const facts = (result: string): string => rows([["grep", { pattern: "x" }, result]])[0]?.fact ?? "";
  assert.equal(facts("a:1: x\na:2: x"), "2 hits in 1 file");
  assert.equal(facts("No matches found"), "no hits");
});

test("a call that the user has ended is skipped, not failed", () => {
  const chat = new Chat("/w", () => 0);
  chat.handle({ type: "tool_execution_start", toolCallId: "1", toolName: "bash", args: { command: "make" } });
  assert.equal(chat.transcript.running, "1");
  const text = "The user skipped this call. Go on without its result.\n\nhalf of it";
  chat.handle({ type: "tool_execution_end", toolCallId: "1", toolName: "bash", isError: true, result: { content: [{ type: "text", text }] } });
  const [row] = chat.transcript.items;
  assert.ok(row?.kind === "tool");
  assert.deepEqual([row.status, row.fact, row.body], ["skipped", "skipped by you", "half of it"]);
  assert.equal(chat.transcript.running, undefined);
});
