/**
 * Cuts streamed Markdown into blocks that are complete and the one that still grows, so that an increment costs what
 * the open block costs and not what the answer costs. Code in a fence only ever grows: it is passed on as it comes.
 */

/** What to draw next. */
export type BlockOp =
  /** The open block is complete: this is all of it. */
  | { op: "closed"; text: string }
  /** The open block, so far. */
  | { op: "open"; text: string }
  /** A fence begins. */
  | { op: "fence"; info: string }
  /** More code in it. */
  | { op: "code"; text: string }
  /** The fence is over. */
  | { op: "fenceEnd" };

const FENCE = /^( {0,3})(`{3,}|~{3,})([^\n]*)$/;

export class Blocks {
  /** Complete lines of the open block. */
  private lines: string[] = [];
  /** The line that is not complete. */
  private rest = "";
  /** How much of `rest` was passed on as code. */
  private passed = 0;
  private fence: { mark: string; nested: boolean } | undefined;
  private blank = false;

  push(delta: string): BlockOp[] {
    const ops: BlockOp[] = [];
    this.rest += delta;
    for (let end = this.rest.indexOf("\n"); end >= 0; end = this.rest.indexOf("\n")) {
      const line = this.rest.slice(0, end);
      const passed = this.passed;
      this.rest = this.rest.slice(end + 1);
      this.passed = 0;
      this.line(line, passed, ops);
    }
    this.partial(ops);
    return joined(ops);
  }

  /** Nothing more will come. */
  end(): BlockOp[] {
    const ops: BlockOp[] = [];
    if (this.rest !== "") this.line(this.rest, this.passed, ops);
    if (this.fence && !this.fence.nested) ops.push({ op: "fenceEnd" });
    this.close(ops);
    this.rest = "";
    this.passed = 0;
    this.fence = undefined;
    return joined(ops);
  }

  private line(line: string, passed: number, ops: BlockOp[]): void {
    if (this.fence) {
      if (closes(line, this.fence.mark)) {
        const { nested } = this.fence;
        this.fence = undefined;
        if (nested) this.lines.push(line);
        else ops.push({ op: "fenceEnd" });
      } else if (this.fence.nested) {
        this.lines.push(line);
      } else {
        ops.push({ op: "code", text: `${line.slice(passed)}\n` });
      }
      return;
    }
    if (line.trim() === "") {
      this.blank = this.lines.length > 0;
      if (this.blank) this.lines.push(line);
      return;
    }
    // What is indented after a blank line may belong to a list above it.
    if (this.blank && !/^\s/.test(line)) this.close(ops);
    const fence = FENCE.exec(line);
    if (fence !== null && !(fence[2]?.startsWith("`") === true && fence[3]?.includes("`") === true)) {
      const indent = fence[1]?.length ?? 0;
      const nested = indent > 0 && this.lines.length > 0;
      this.fence = { mark: fence[2] ?? "```", nested };
      if (nested) {
        this.lines.push(line);
      } else {
        this.close(ops);
        ops.push({ op: "fence", info: (fence[3] ?? "").trim() });
      }
      return;
    }
    if (/^#{1,6}\s/.test(line)) {
      this.close(ops);
      ops.push({ op: "closed", text: line });
      return;
    }
    this.blank = false;
    this.lines.push(line);
  }

  /** What is known of the incomplete line. */
  private partial(ops: BlockOp[]): void {
    if (this.fence && !this.fence.nested) {
      // A line that may still become the end of the fence waits.
      if (this.rest.length > this.passed && !/^ {0,3}(`*|~*)\s*$/.test(this.rest)) {
        ops.push({ op: "code", text: this.rest.slice(this.passed) });
        this.passed = this.rest.length;
      }
      return;
    }
    if (this.lines.length > 0 || this.rest !== "") {
      ops.push({ op: "open", text: [...this.lines, this.rest].join("\n") });
    }
  }

  private close(ops: BlockOp[]): void {
    if (this.lines.length > 0) ops.push({ op: "closed", text: this.lines.join("\n").trimEnd() });
    this.lines = [];
    this.blank = false;
  }
}

function closes(line: string, mark: string): boolean {
  const it = /^ *(`{3,}|~{3,})\s*$/.exec(line)?.[1];
  return it !== undefined && it.startsWith(mark[0] ?? "`") && it.length >= mark.length;
}

/** Code that comes in several lines is one increment. */
function joined(ops: BlockOp[]): BlockOp[] {
  const out: BlockOp[] = [];
  for (const it of ops) {
    const last = out.at(-1);
    if (it.op === "code" && last?.op === "code") last.text += it.text;
    else out.push(it);
  }
  return out;
}
