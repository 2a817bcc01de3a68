import assert from "node:assert/strict";
import { test } from "node:test";
import { Blocks, type BlockOp } from "../src/shared/blocks";

/** What is on the screen after `parts`: closed blocks, fences with their code, and the open block. */
function drawn(parts: string[], end = true): string[] {
  const blocks = new Blocks();
  const out: string[] = [];
  let live = false;
  const put = (text: string): void => {
    if (live) out.pop();
    out.push(text);
  };
  const draw = (ops: BlockOp[]): void => {
    for (const it of ops) {
      if (it.op === "closed") { put(it.text); live = false; }
      else if (it.op === "open") { put(it.text); live = true; }
      else if (it.op === "fence") { put(`<${it.info}>`); live = false; }
      else if (it.op === "code") out.push((out.pop() ?? "") + it.text);
    }
  };
  for (const it of parts) draw(blocks.push(it));
  if (end) draw(blocks.end());
  return out;
}

const TABLE: [text: string, blocks: string[]][] = [
  ["one line", ["one line"]],
  ["a\nb\n\nc", ["a\nb", "c"]],
  ["# Title\ntext", ["# Title", "text"]],
  ["a\n# Title", ["a", "# Title"]],
  ["```js\nlet x;\n\nlet y;\n```\nafter", ["<js>let x;\n\nlet y;\n", "after"]],
  ["a\n~~~\n```\n~~~\n", ["a", "<>```\n"]],
  ["````\n```\n````", ["<>```\n"]],
  ["```\nnever closed", ["<>never closed\n"]],
  // Code inside of a list belongs to the list, blank lines included.
  ["1. a\n\n   ```\n   x\n\n   y\n   ```\n\nb", ["1. a\n\n   ```\n   x\n\n   y\n   ```", "b"]],
  ["`` ` `` is not a fence", ["`` ` `` is not a fence"]],
  ["```inline``` too", ["```inline``` too"]],
  ["\n\n\na", ["a"]],
  ["", []],
];

test("blocks are the same however the text is cut", () => {
  for (const [text, expected] of TABLE) {
    assert.deepEqual(drawn([text]), expected, JSON.stringify(text));
    assert.deepEqual(drawn([...text]), expected, `in characters: ${JSON.stringify(text)}`);
    for (let at = 1; at < text.length; at += 1) {
      assert.deepEqual(drawn([text.slice(0, at), text.slice(at)]), expected, `${at}: ${JSON.stringify(text)}`);
    }
  }
});

test("an increment costs what it adds, not what is there", () => {
  const size = (ops: BlockOp[]): number => ops.reduce((sum, it) => sum + ("text" in it ? it.text.length : 0), 0);
  const blocks = new Blocks();
  for (let n = 0; n < 10_000; n += 1) blocks.push(`Paragraph ${n}.\n\n`);
  assert.ok(size(blocks.push("word ")) < 40);
  blocks.push("\n\n```\n");
  for (let n = 0; n < 10_000; n += 1) blocks.push(`line ${n}\n`);
  assert.equal(size(blocks.push("word")), 4);
});

test("what may become the end of the code is not shown as code", () => {
  assert.deepEqual(drawn(["```\nx\n``"], false), ["<>x\n"]);
});
