/**
 * What the extension and its chat view say to one another.
 *
 * The extension owns all state; the view draws it. A message of the view names things by id or is the user's own text:
 * never a command to run. `parseViewMessage` is the gate.
 */

import type { Later, PermissionChoice } from "../../../../protocol/generated/pi";

/** How far a tool call has come. */
export type ToolStatus = "running" | "waiting" | "done" | "failed" | "skipped";

/** One row of the transcript. `id` is unique within a chat and rises. `steered` is the step it came to; 0: it began a run. */
export type Item =
  | { kind: "user"; id: number; text: string; chips: string[]; time: string; steered: number }
  | { kind: "text"; id: number; text: string; open: boolean }
  | { kind: "thinking"; id: number; text: string; open: boolean; seconds?: number }
  | ToolItem
  | { kind: "notice"; id: number; level: "info" | "warning" | "error"; text: string; details?: string; actions: ItemAction[] }
  | { kind: "foot"; id: number; text: string; actions: ItemAction[] };

/** A tool call. */
export interface ToolItem {
  kind: "tool";
  id: number;
  tool: string;
  status: ToolStatus;
  /** Verb and object: `Ran cargo test`. */
  head: string;
  /** What came of it: `exit code 1`, `+4 −2`. */
  fact: string;
  /** Output or diff, limited by the extension. */
  body: string;
  bodyKind: "none" | "output" | "diff";
  /** Lines of the body that are not shown. */
  hidden: number;
  /** How often a search found something. */
  hits?: number;
  /** Whether a click on the head goes to a file. */
  opensFile: boolean;
  /** Its changes that wait for a decision. */
  pending: number;
}

/** A button under a row. The extension decides what it does. */
export type ItemAction =
  | "retry" | "continue" | "restart" | "log" | "edit" | "revert" | "key" | "model" | "compact" | "new" | "copy" | "skip" | "fork";

/** A change of the transcript; its cost does not depend on the rows that are there. */
export type Patch =
  | { op: "add"; item: Item }
  | { op: "append"; id: number; text: string }
  | { op: "set"; item: Item };

/** Something that goes along with the next prompt. */
export interface Chip {
  id: string;
  label: string;
  /** Spoken and shown on hover. */
  title: string;
  /** Named, and not sent unless it is clicked. */
  ghost: boolean;
}

/** A message that waits; one that is held waits for the user. */
export interface Queued {
  id: number;
  kind: "steer" | "after";
  text: string;
  held: boolean;
}

/** What can be done with a message that waits. */
export type QueueAction = "send" | "edit" | "up" | "delete";

/** What waits for the user's answer, above the prompt. */
export type Question = PermissionQuestion | Ask;

/** A tool that waits for permission. */
export interface PermissionQuestion {
  kind: "permission";
  id: string;
  title: string;
  /** The whole command or change, with nothing invisible in it. */
  body: string;
  bodyKind: "command" | "diff" | "text";
  /** Every part of a chain, and why it is asked about. */
  parts: { text: string; allowed: boolean; why: string }[];
  /** Where it would run or write. */
  place: string;
  reason: string;
  risky: boolean;
  choices: { id: PermissionChoice; label: string; rules: string[] }[];
}

/** Anything else that is asked, such as by an extension: one of several, yes or no, a line, or a text. */
export interface Ask {
  kind: "select" | "confirm" | "input" | "editor";
  id: string;
  title: string;
  message: string;
  options: string[];
  placeholder: string;
  prefill: string;
}

/** The answer to that; nothing of it is given by looking away. */
export type AskAnswer = { value: string } | { confirmed: boolean } | { cancelled: true };

/** What the view shows besides the transcript. */
export interface ViewState {
  title: string;
  screen: "chat" | "starting" | "setup" | "missing";
  /** With `missing`: what went wrong. */
  problem: string;
  restricted: boolean;
  folder: boolean;
  running: boolean;
  stopping: boolean;
  /** Whether the next try of a failed model call is waited for. */
  retrying: boolean;
  /** The run strip; empty when there is nothing to say. */
  strip: string;
  /** Time at which the strip's state began, in milliseconds since 1970. */
  since: number;
  /** What the strip becomes if nothing happens. */
  later: Later | undefined;
  queue: Queued[];
  questions: Question[];
  /** Changes that wait for a decision, and what was just taken out, in words. */
  review: { changes: number; files: number; taken: string };
  /** Whether this chat may have changed something that can be reverted. */
  edits: boolean;
  chips: Chip[];
  model: string;
  /** Whether the model was found on this machine, and nobody chose it. */
  found: boolean;
  thinking: string;
  mode: string;
  context: string;
  cost: string;
  suggestions: string[];
  /** `steer` or `queue`: what Enter does while Pi works. */
  enter: "steer" | "queue";
  showThinking: boolean;
  /** `compact`, `normal` (commands stay open) or `full` (everything does). */
  tools: "compact" | "normal" | "full";
}

/** What the word before the cursor could become. */
export interface Suggestion {
  /** What is written in its place, if it is text. */
  text: string;
  label: string;
  detail: string;
  kind: "command" | "file" | "symbol" | "chip" | "action";
  /** Of the chip or the command that is meant instead of a text; else empty. */
  id: string;
}

const builtIn = (name: string, detail: string, id: ViewCommand): Suggestion =>
  ({ text: `/${name}`, label: name, detail, kind: "action", id });

/** To the view. */
export type HostMessage =
  | { type: "reset"; items: Item[]; earlier: number; state: ViewState; draft: string }
  | { type: "earlier"; items: Item[]; earlier: number }
  | { type: "patches"; patches: Patch[] }
  | { type: "state"; state: ViewState }
  | { type: "insert"; text: string }
  | { type: "refused"; text: string }
  | { type: "completions"; number: number; items: Suggestion[] }
  | { type: "say"; text: string; urgent: boolean }
  | { type: "focus"; what: "prompt" | "last" | "question" }
  | { type: "press"; how: Delivery };

/** What happens with a message while Pi works: into the run, after it, or instead of it. */
export type Delivery = "enter" | "queue" | "now";

/** Buttons of the view that are commands of the extension. */
export const VIEW_COMMANDS = [
  "pi.setup", "pi.demo", "pi.model", "pi.thinking", "pi.mode", "pi.addFile", "pi.rename", "pi.chooseProgram",
  "pi.restart", "pi.log", "pi.openFolder", "pi.manageTrust", "pi.clearQueue", "pi.takeQueued", "pi.retry", "pi.giveUp",
  "pi.all.keep", "pi.all.reject", "pi.all.redo", "pi.hunk.next", "pi.newSession", "pi.sessions", "pi.compact", "pi.cost",
  "pi.export", "pi.revertAfter", "pi.stop", "pi.setup.local", "pi.setup.key",
] as const;
export type ViewCommand = (typeof VIEW_COMMANDS)[number];

/** What a slash means besides templates and skills. */
export const BUILT_IN: readonly Suggestion[] = [
  builtIn("new", "New chat", "pi.newSession"), builtIn("sessions", "Chats…", "pi.sessions"),
  builtIn("model", "Choose the model", "pi.model"), builtIn("thinking", "How hard it thinks", "pi.thinking"),
  builtIn("mode", "What Pi may do without asking", "pi.mode"), builtIn("stop", "Stop", "pi.stop"),
  builtIn("compact", "Summarise older turns to make room", "pi.compact"), builtIn("cost", "Cost and context", "pi.cost"),
  builtIn("keep", "Keep all changes", "pi.all.keep"), builtIn("drop", "Reject all changes", "pi.all.reject"),
  builtIn("revert", "Revert everything after…", "pi.revertAfter"), builtIn("redo", "Redo what was rejected", "pi.all.redo"),
  builtIn("rename", "Rename this chat", "pi.rename"), builtIn("export", "Export as HTML", "pi.export"),
];

/** From the view. */
export type ViewMessage =
  | { type: "ready" }
  | { type: "send"; text: string; how: Delivery }
  | { type: "stop" }
  | { type: "draft"; text: string }
  | { type: "complete"; text: string; number: number }
  | { type: "chip"; id: string; on: boolean }
  | { type: "queued"; id: number; what: QueueAction }
  | { type: "answer"; id: string; choice: PermissionChoice }
  | { type: "reply"; id: string; answer: AskAnswer }
  | { type: "action"; id: number; action: ItemAction }
  | { type: "decide"; id: number; keep: boolean }
  | { type: "open"; id: number }
  | { type: "link"; href: string }
  | { type: "earlier" }
  | { type: "command"; command: ViewCommand };

const DELIVERIES: readonly string[] = ["enter", "queue", "now"];
const ACTIONS: readonly string[] = [
  "retry", "continue", "restart", "log", "edit", "revert", "key", "model", "compact", "new", "copy", "skip", "fork",
] satisfies ItemAction[];
const QUEUE_ACTIONS: readonly string[] = ["send", "edit", "up", "delete"];
const CHOICES: readonly string[] = [
  "allow_once", "allow_session", "allow_project", "reject", "reject_stop", "reject_message",
] satisfies PermissionChoice[];

function isAnswer(raw: unknown): raw is AskAnswer {
  if (typeof raw !== "object" || raw === null || Object.keys(raw).length !== 1) return false;
  const it = raw as Record<string, unknown>;
  return typeof it.value === "string" || typeof it.confirmed === "boolean" || it.cancelled === true;
}

/** A message of the view, or nothing if it is not one. */
export function parseViewMessage(raw: unknown): ViewMessage | undefined {
  if (typeof raw !== "object" || raw === null) return undefined;
  const it = raw as Record<string, unknown>;
  const text = (name: string): boolean => typeof it[name] === "string";
  const one = (name: string, of: readonly string[]): boolean => of.includes(it[name] as string);
  const valid = (): boolean => {
    switch (it.type) {
      case "ready": case "stop": case "earlier": return true;
      case "send": return text("text") && one("how", DELIVERIES);
      case "draft": return text("text");
      case "complete": return text("text") && Number.isInteger(it.number);
      case "chip": return text("id") && typeof it.on === "boolean";
      case "queued": return Number.isInteger(it.id) && one("what", QUEUE_ACTIONS);
      case "answer": return text("id") && one("choice", CHOICES);
      case "reply": return text("id") && isAnswer(it.answer);
      case "action": return Number.isInteger(it.id) && one("action", ACTIONS);
      case "decide": return Number.isInteger(it.id) && typeof it.keep === "boolean";
      case "open": return Number.isInteger(it.id);
      case "link": return text("href");
      case "command": return one("command", VIEW_COMMANDS);
      default: return false;
    }
  };
  return valid() ? (raw as ViewMessage) : undefined;
}
