import assert from "node:assert/strict";
import { test } from "node:test";
import { baseText, covers, moved, neighbour } from "../src/model/hunks";
import type { EditHunk } from "../src/protocol";

function hunk(uri: string, start: number, end: number, removedText = ""): EditHunk {
  const range = { start: { line: start, character: 0 }, end: { line: end, character: 0 } };
  return {
    id: `${uri}:${start}`, uri, range, baseRange: range, added: end - start, removed: 1, removedText, sessionId: "s",
    turn: 1, toolCallId: "c", tool: "edit", timestamp: 0, status: "pending",
  };
}

test("the text from before has the old lines in place of the new ones", () => {
  for (const [text, hunks, expected] of [
    ["a\nB\nc\n", [hunk("f", 1, 2, "b\n")], "a\nb\nc\n"],
    // Several, in any order; added lines, lines that were taken away, the end of the file.
    ["a\nx\ny\nc\n", [hunk("f", 1, 3), hunk("f", 4, 4, "d\n")], "a\nc\nd\n"],
    ["b", [hunk("f", 0, 0, "a\n")], "a\nb"],
    ["new\n", [hunk("f", 0, 1)], ""],
    ["", [hunk("f", 0, 0, "all\nof it\n")], "all\nof it\n"],
    ["a\r\nB\r\n", [hunk("f", 1, 2, "b\r\n")], "a\r\nb\r\n"],
    ["a\nB", [hunk("f", 1, 2, "b")], "a\nb"],
  ] as [string, EditHunk[], string][]) {
    assert.equal(baseText(text, hunks), expected, JSON.stringify(text));
    assert.equal(baseText(text, [...hunks].reverse()), expected, JSON.stringify(text));
  }
});

test("hunks stay with their lines while somebody types", () => {
  const at = (start: number, end: number) => ({ start, end });
  for (const [range, change, expected] of [
    // Below, and on the same number of lines.
    [at(3, 5), { start: 7, end: 7, breaks: 2, before: false }, at(3, 5)],
    [at(3, 5), { start: 4, end: 4, breaks: 0, before: false }, at(3, 5)],
    // Above: lines inserted and taken away.
    [at(3, 5), { start: 0, end: 0, breaks: 2, before: true }, at(5, 7)],
    [at(3, 5), { start: 0, end: 2, breaks: 0, before: true }, at(1, 3)],
    [at(3, 5), { start: 2, end: 3, breaks: 0, before: true }, at(2, 4)],
    // Just before its first line, and inside of it.
    [at(3, 5), { start: 3, end: 3, breaks: 1, before: true }, at(4, 6)],
    [at(3, 5), { start: 3, end: 3, breaks: 1, before: false }, at(3, 6)],
    [at(3, 5), { start: 4, end: 4, breaks: 3, before: false }, at(3, 8)],
    // All of it and more is taken away.
    [at(3, 5), { start: 2, end: 6, breaks: 0, before: true }, at(2, 3)],
    // Lines that were only taken away.
    [at(3, 3), { start: 0, end: 0, breaks: 1, before: true }, at(4, 4)],
    [at(3, 3), { start: 5, end: 5, breaks: 1, before: true }, at(3, 3)],
  ] as const) {
    assert.deepEqual(moved(range, change), expected, JSON.stringify([range, change]));
  }
});

test("the next change is below, else in the next file, else the first", () => {
  const hunks = [hunk("b", 4, 6), hunk("a", 9, 10), hunk("a", 2, 3)];
  const next = (uri: string, line: number) => neighbour(hunks, { uri, line }, true)?.id;
  const previous = (uri: string, line: number) => neighbour(hunks, { uri, line }, false)?.id;
  assert.deepEqual([next("a", 0), next("a", 2), next("a", 9), next("b", 4), next("c", 0)], ["a:2", "a:9", "b:4", "a:2", "a:2"]);
  assert.deepEqual([previous("b", 5), previous("a", 9), previous("a", 2), previous("a", 5)], ["a:9", "a:2", "b:4", "a:2"]);
  assert.equal(neighbour([], { uri: "a", line: 0 }, true), undefined);
  assert.equal(neighbour(hunks, undefined, true)?.id, "a:2");
});

test("lines that were taken away hang on the line after them", () => {
  assert.deepEqual([2, 3, 4].map((line) => covers(hunk("a", 3, 3), line)), [false, true, false]);
  assert.deepEqual([2, 3, 4, 5].map((line) => covers(hunk("a", 3, 5), line)), [false, true, true, false]);
});
