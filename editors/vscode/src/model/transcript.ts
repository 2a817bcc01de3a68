/**
 * The rows of a chat, folded from events, and the patches that bring a view up to date.
 *
 * An increment changes one row that is found by its id, so its cost does not depend on how long the chat is.
 */
import type { AgentMessage, Failure, FailureKind, ToolResult } from "../protocol";
import { textOf } from "../protocol";
import type { Item, ItemAction, Patch, ToolItem } from "../shared/messages";
import { count, diffCounts, headline, subject } from "../shared/describe";
import { hits } from "../shared/quiet";

/** Lines of a tool's output that are sent to the view: the last ones of a command, the first ones of the rest. */
const BODY_LINES = 200;
/** Tools whose end is what matters. */
const TAILS: ReadonlySet<string> = new Set(["bash"]);
/** Tools that change no file. */
const READING: ReadonlySet<string> = new Set([
  "read", "grep", "find", "ls", "editor_diagnostics", "editor_definition", "editor_references", "editor_symbols",
]);
/** Tools whose result is only of use to the model. */
const QUIET: ReadonlySet<string> = new Set(["read"]);

/** How the result of a call begins that the user has ended. */
const SKIPPED = /^The user skipped this call\. Go on without its result\.\s*/;

/** What helps against a failure, what helps most first. */
const HELP: Record<FailureKind, ItemAction[]> = {
  key: ["key", "model"], credit: ["model"], busy: ["retry", "model"], offline: ["retry", "model"],
  cut: ["continue", "retry"], context: ["compact", "new", "model"], other: ["retry"],
};

interface Call {
  tool: string;
  args: Record<string, unknown>;
  index: number;
  /** Whether changes were only shown when it began (`review.mode` `plan`). */
  planning: boolean;
}

/** Where a tool call points to. */
export interface Place {
  path: string;
  /** 1-based. */
  line: number;
}

export class Transcript {
  readonly items: Item[] = [];
  /** Whether there is a call that may have changed files. */
  changing = false;
  private readonly calls = new Map<string, Call>();
  private readonly callOf = new Map<number, string>();
  private open: { index: number; started: number } | undefined;
  private patches: Patch[] = [];

  constructor(private readonly root: string, private readonly now: () => number) {}

  /** What changed since the last call. */
  take(): Patch[] {
    const patches = this.patches;
    this.patches = [];
    return patches;
  }

  user(text: string, chips: string[], time: string, steered: number): void {
    this.close();
    this.add({ kind: "user", id: this.items.length, text, chips, time, steered });
  }

  /** Adds to the block that is being written, or begins one. */
  stream(kind: "text" | "thinking", delta: string): void {
    const item = this.growing(kind);
    if (delta === "") return;
    item.text += delta;
    const last = this.patches.at(-1);
    if (last?.op === "append" && last.id === item.id) last.text += delta;
    else this.patches.push({ op: "append", id: item.id, text: delta });
  }

  private growing(kind: "text" | "thinking"): Item & { kind: "text" | "thinking" } {
    const open = this.open === undefined ? undefined : this.items[this.open.index];
    if (open?.kind === kind) return open;
    this.close();
    const item = { kind, id: this.items.length, text: "", open: true };
    this.open = { index: item.id, started: this.now() };
    this.add(item);
    return item;
  }

  /** The block that is being written is complete. */
  close(): void {
    if (this.open === undefined) return;
    const item = this.items[this.open.index];
    const seconds = Math.round((this.now() - this.open.started) / 1000);
    this.open = undefined;
    if (item?.kind !== "text" && item?.kind !== "thinking") return;
    item.open = false;
    if (item.kind === "thinking") item.seconds = seconds;
    // The text is there already: sending it once more would cost as much as the whole block.
    this.patches.push({ op: "set", item: { ...item, text: "" } });
  }

  toolStart(id: string, tool: string, args: Record<string, unknown>, planning = false): void {
    this.close();
    const known = this.calls.get(id);
    if (known !== undefined) return;
    const item: ToolItem = {
      kind: "tool", id: this.items.length, tool, status: "running", head: headline(tool, args, this.root, false),
      fact: "", body: "", bodyKind: "none", hidden: 0, opensFile: typeof args.path === "string", pending: 0,
    };
    this.calls.set(id, { tool, args, index: item.id, planning });
    this.changing ||= !READING.has(tool);
    this.callOf.set(item.id, id);
    this.add(item);
  }

  toolUpdate(id: string, partial: ToolResult): void {
    this.change(id, (item, call) => output(item, call, partial));
  }

  /** Says something about a call that is still to be made; `waiting` for the user's answer. */
  toolFact(id: string, fact: string, waiting: boolean): void {
    this.change(id, (item) => {
      Object.assign(item, { fact, status: waiting ? "waiting" : "running" });
    });
  }

  toolEnd(id: string, result: ToolResult, failed: boolean): void {
    this.change(id, (item, call) => {
      item.status = failed ? "failed" : "done";
      item.head = headline(call.tool, call.args, this.root, true);
      output(item, call, result);
      const plan = planned(result);
      const diff = plan ?? detail(result, "diff");
      const instead = failed ? conflict(result) : undefined;
      if (diff !== undefined && !failed) {
        const shown = limit(diff, false);
        const fact = plan === undefined ? diffCounts(diff) : `${diffCounts(diff)} · not made`;
        Object.assign(item, { body: shown.text, hidden: shown.hidden, bodyKind: "diff", fact });
        if (plan !== undefined) item.head = `Would change ${subject(call.args, this.root)}`;
      } else if (instead !== undefined) {
        const shown = limit(instead.patch, false);
        Object.assign(item, { head: instead.headline, body: shown.text, hidden: shown.hidden, bodyKind: "diff", fact: "not made" });
      } else if (failed && SKIPPED.test(item.body)) {
        Object.assign(item, { status: "skipped", fact: "skipped by you", body: item.body.replace(SKIPPED, "") });
      } else if (failed) {
        item.fact = exitWords(item.body) ?? (item.fact === "rejected" ? "rejected" : "failed");
      }
      if (call.tool === "grep" && !failed) {
        const found = hits(textOf(result.content));
        item.hits = found.hits;
        item.fact = found.hits === 0 ? "no hits" : `${count(found.hits, "hit")} in ${count(found.files, "file")}`;
      }
      if (call.tool === "bash" && call.planning) Object.assign(item, tried(item, call, textOf(result.content), this.root));
    });
  }

  notice(level: "info" | "warning" | "error", text: string, actions: ItemAction[] = []): void {
    this.close();
    this.add({ kind: "notice", id: this.items.length, level, text, actions });
  }

  /** What went wrong, in words, and what can be done about it. */
  failure({ kind, headline, details }: Failure): void {
    this.close();
    this.add({ kind: "notice", id: this.items.length, level: "error", text: headline, details, actions: HELP[kind] });
  }

  /** What a row has to copy: what is folded below it, what the user said, or the answer above it. */
  copied(id: number): string {
    const item = this.items[id];
    if (item?.kind === "notice") return item.details ?? item.text;
    if (item?.kind === "user") return item.text;
    const above = this.items.slice(0, id);
    const answer = above.slice(above.findLastIndex((it) => it.kind === "user") + 1);
    return answer.flatMap((it) => (it.kind === "text" ? [it.text] : [])).join("\n\n").trim();
  }

  foot(text: string, actions: ItemAction[] = []): void {
    this.close();
    this.add({ kind: "foot", id: this.items.length, text, actions });
  }

  /** The messages of a session that was opened. */
  load(messages: AgentMessage[], time: (timestamp: number) => string, running: boolean, planning = false): void {
    for (const message of messages) {
      switch (message.role) {
        case "user":
          this.user(textOf(message.content), [], time(message.timestamp), 0);
          break;
        case "assistant":
          for (const block of message.content) {
            if (block.type === "text") this.stream("text", block.text);
            else if (block.type === "thinking" && !block.redacted) this.stream("thinking", block.thinking);
            else if (block.type === "toolCall") this.toolStart(block.id, block.name, block.arguments, planning);
            this.close();
          }
          if (message.stopReason === "error") this.failure(failureOf(message));
          break;
        case "toolResult":
          this.toolEnd(message.toolCallId, message, message.isError);
          break;
        case "bashExecution":
          this.notice("info", `$ ${message.command}\n${message.output}`);
          break;
        case "compactionSummary":
        case "branchSummary":
          this.notice("info", message.summary);
          break;
        case "custom":
          if (message.display) this.notice("info", textOf(message.content));
          break;
      }
    }
    this.close();
    if (!running) this.endTools();
  }

  /** Calls that will get no result any more, because the server is gone or the session was cut off there. */
  endTools(): void {
    for (const id of this.calls.keys()) {
      this.change(id, (item) => {
        if (item.status === "running" || item.status === "waiting") Object.assign(item, { status: "failed", fact: "interrupted" });
      });
    }
  }

  /** Says how many changes of each call wait for a decision. */
  review(pending: ReadonlyMap<string, number>): void {
    for (const [id, call] of this.calls) {
      const item = this.items[call.index];
      const now = pending.get(id) ?? 0;
      if (item?.kind === "tool" && item.pending !== now) this.change(id, (it) => void (it.pending = now));
    }
  }

  /** The call that began last of those that run. */
  get running(): string | undefined {
    return [...this.calls].findLast(([, { index }]) => {
      const item = this.items[index];
      return item?.kind === "tool" && item.status === "running";
    })?.[0];
  }

  /** What the user said, newest first. */
  users(): string[] {
    return this.items.flatMap((it) => (it.kind === "user" ? [it.text] : [])).reverse();
  }

  /** How many messages of the user come after the turn that a row belongs to. */
  usersAfter(id: number): number {
    return this.items.slice(id + 1).filter((it) => it.kind === "user").length;
  }

  /** The call that a row is about. */
  callId(id: number): string | undefined {
    return this.callOf.get(id);
  }

  /** The file that a tool row is about. */
  place(id: number): Place | undefined {
    const call = this.calls.get(this.callOf.get(id) ?? "");
    if (call === undefined || typeof call.args.path !== "string") return undefined;
    return { path: call.args.path, line: typeof call.args.offset === "number" ? call.args.offset : 1 };
  }

  private add(item: Item): void {
    this.items.push(item);
    // A copy: what is appended before the patch is sent is a patch of its own.
    this.patches.push({ op: "add", item: { ...item } });
  }

  private change(id: string, with_: (item: ToolItem, call: Call) => void): void {
    const call = this.calls.get(id);
    const item = call === undefined ? undefined : this.items[call.index];
    if (call === undefined || item?.kind !== "tool") return;
    with_(item, call);
    // A view that falls behind needs only the newest look of a row.
    const before = this.patches.findLastIndex((it) => it.op === "set" && it.item.id === item.id);
    if (before >= 0) this.patches.splice(before, 1);
    this.patches.push({ op: "set", item });
  }
}

/** Of an answer that failed. */
export function failureOf({ failure, errorMessage }: AgentMessage & { role: "assistant" }): Failure {
  return failure ?? { kind: "other", headline: errorMessage ?? "The model call failed." };
}

function output(item: ToolItem, call: Call, result: ToolResult): void {
  const text = textOf(result.content);
  if (text === "" || (QUIET.has(call.tool) && item.status !== "failed")) return;
  const shown = limit(text, TAILS.has(call.tool));
  Object.assign(item, { body: shown.text, hidden: shown.hidden, bodyKind: "output" });
}

function limit(text: string, tail: boolean): { text: string; hidden: number } {
  const lines = text.replace(/\n$/, "").split("\n");
  const kept = tail ? lines.slice(-BODY_LINES) : lines.slice(0, BODY_LINES);
  return { text: kept.join("\n"), hidden: lines.length - kept.length };
}

function detail(result: ToolResult, name: string): string | undefined {
  const details = result.details;
  if (typeof details !== "object" || details === null) return undefined;
  const value = (details as Record<string, unknown>)[name];
  return typeof value === "string" ? value : undefined;
}

/** What an edit would change that was only shown (`review.mode` `plan`): its hunks. */
export function planned(result: ToolResult): string | undefined {
  const patch = detail(result, "patch");
  if (patch === undefined || (result.details as { planned?: unknown }).planned !== true) return undefined;
  return hunksOf(patch);
}

/** The hunks of a unified diff, without the names of its files. */
function hunksOf(patch: string): string {
  return patch.slice(Math.max(0, patch.search(/^@@/m))).trimEnd();
}

/** What is said of an edit in whose place the user has typed, and how it would have changed the text. */
function conflict(result: ToolResult): { headline: string; patch: string } | undefined {
  const found = (result.details as { conflict?: { headline?: unknown; patch?: unknown } } | null | undefined)?.conflict;
  if (typeof found?.headline !== "string" || typeof found.patch !== "string") return undefined;
  return { headline: found.headline, patch: hunksOf(found.patch) };
}

/**
 * How a command is told that ran in a copy, or not at all, because changes are only shown. What it printed itself could
 * say the same: so only where that is so.
 */
function tried(item: ToolItem, { args }: Call, text: string, root: string): Partial<ToolItem> {
  if (/^The command was not run/.test(text)) return { head: `Did not run ${subject(args, root)}`, fact: "not run" };
  const note = /^\[(?:(Nothing was changed)[:,]|Ran in a private copy)/m.exec(text);
  if (note === null) return {};
  const facts = [item.fact, "in a copy", note[1] === undefined ? "" : "not made"].filter((it) => it !== "");
  return { head: `Tried ${subject(args, root)}`, fact: facts.join(" · ") };
}

function exitWords(body: string): string | undefined {
  // Notes of the server may follow it.
  const code = [...body.matchAll(/^Command exited with code (\d+)$/gm)].at(-1)?.[1];
  return code === undefined ? undefined : `exit code ${code}`;
}
