import assert from "node:assert/strict";
import { test } from "node:test";
import { beside, filesBack, offer, reverted, staying } from "../src/model/revert";
import type { EditHunk } from "../src/protocol";

function hunk(uri: string, more: Partial<EditHunk> = {}): EditHunk {
  const range = { start: { line: 0, character: 0 }, end: { line: 1, character: 0 } };
  return {
    id: "h1", uri, range, baseRange: range, added: 2, removed: 1, sessionId: "s", turn: 1, toolCallId: "c",
    tool: "edit", timestamp: 0, status: "kept", ...more,
  };
}
const pathOf = (uri: string): string => uri.replace("file://", "");

test("what goes back is counted by file, with what becomes of files that came, went or moved", () => {
  const back = [
    hunk("file:///w/a.rs"), hunk("file:///w/a.rs"), hunk("file:///w/new.rs", { file: "created" }),
    hunk("file:///w/old.rs", { file: "deleted" }), hunk("file:///x/c.rs", { file: "renamed", fromUri: "file:///w/b.rs" }),
  ];
  assert.deepEqual(filesBack(back, "/w", pathOf).map((it) => `${it.path}: ${it.what}`), [
    "a.rs: 2 changes · +4 −2", "new.rs: is deleted · 1 change · +2 −1", "old.rs: comes back · 1 change · +2 −1",
    "/x/c.rs: becomes b.rs again · 1 change · +2 −1",
  ]);
  assert.equal(offer(back, 0), "Revert 5 changes in 4 files");
  assert.equal(offer(back.slice(0, 2), 1), "Revert the other 2 in 1 file");
});

test("what stays is counted, and each reason said once", () => {
  assert.equal(staying(["You edited this"], 4), "1 of 4 changes stays · You edited this");
  assert.equal(staying(["You edited this", "It is gone", "You edited this"], 3), "3 of 3 changes stay · You edited this · It is gone");
  assert.equal(reverted({ hunks: ["h1"], uris: ["file:///w/a.rs"], conflicts: [] }), "Reverted 1 change in 1 file");
});

test("commands whose changes stay are named", () => {
  assert.equal(beside([]), "");
  assert.equal(beside(["cargo fmt"]), "What “cargo fmt” changed beside that stays");
  assert.equal(beside(["cargo fmt", "git\n stash"]), "What “cargo fmt” and “git stash” changed beside that stays");
  assert.equal(beside(["a", "b", "c", "d", "e"]), "What “a”, “b”, “c” and 2 other commands changed beside that stays");
});
