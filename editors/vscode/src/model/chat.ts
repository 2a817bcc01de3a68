/** What the events of a session mean: its state, the rows of its transcript, what a run cost. Knows nothing of VS Code. */
import type {
  AgentEvent, AgentMessage, Failure, Model, PermissionDecision, PermissionMode, PermissionRequest, QueueItem, ReviewMode,
  SessionState, ThinkingLevel,
} from "../protocol";
import { textOf } from "../protocol";
import { clock, count, headline, oneLine, tokens } from "../shared/describe";
import { Activity } from "./activity";
import { failureOf, planned, Transcript } from "./transcript";

/** A prompt on its way, to show it as it was typed: the server adds the context to it. */
interface Sent {
  text: string;
  chips: string[];
}

interface Run {
  started: number;
  steps: number;
  tokens: number;
  cost: number;
  changes: number;
  failed?: Failure;
  stopped: boolean;
}

/** How a run ended. */
export interface Outcome {
  kind: "done" | "stopped" | "failed";
  /** In milliseconds. */
  duration: number;
  /** Edits that were made. */
  changes: number;
  /** The first line of the answer, or what went wrong. */
  text: string;
}

export class Chat {
  readonly activity: Activity;
  transcript: Transcript;
  /** Messages that wait, held ones included. */
  queue: QueueItem[] = [];
  /** Tools that wait for permission, oldest first. */
  questions: PermissionRequest[] = [];
  name: string | undefined;
  model: Model | undefined;
  thinking: ThinkingLevel = "off";
  mode: PermissionMode = "full";
  review: ReviewMode = "apply";
  /** Tokens in the context after the last answer. */
  contextTokens: number | undefined;
  /** US dollars. */
  cost = 0;

  private run: Run | undefined;
  private sent: Sent[] = [];
  /** Kinds of the messages that are delivered now, in order. */
  private delivered: QueueItem["kind"][] = [];
  private answer = "";

  /** Called when a run is over. */
  onSettled: (outcome: Outcome) => void = () => undefined;
  /** Called with a sentence for people who do not look at the screen. */
  onSay: (text: string, urgent: boolean) => void = () => undefined;

  constructor(public root: string, private readonly now: () => number = Date.now) {
    this.activity = new Activity(now);
    this.transcript = new Transcript(root, now);
  }

  /** Another session, which works in this folder, or the same one read again. */
  reset(root: string): void {
    this.root = root;
    this.transcript = new Transcript(this.root, this.now);
    this.queue = [];
    this.questions = [];
    this.run = undefined;
    this.sent = [];
    this.delivered = [];
    this.contextTokens = undefined;
    this.cost = 0;
  }

  /** Takes up a session where it is: the events that follow complete it. */
  resume({ isStreaming, pendingPermissions, reviewMode }: SessionState): void {
    this.review = reviewMode;
    this.activity.set("idle");
    if (isStreaming) this.begin();
    else this.run = undefined;
    for (const it of pendingPermissions ?? []) this.asked(it);
  }

  /** A prompt goes out. The function takes the note back, if it is refused. */
  expect(text: string, chips: string[]): () => void {
    const note = { text, chips };
    this.sent.push(note);
    return () => {
      this.sent = this.sent.filter((it) => it !== note);
    };
  }

  /** The server is gone: nothing that runs will end by itself. Returns the texts that were waiting in it. */
  lost(): string[] {
    const texts = this.queue.map((it) => it.text);
    this.queue = [];
    this.questions = [];
    this.transcript.close();
    this.transcript.endTools();
    this.run = undefined;
    this.sent = [];
    this.activity.set("lost");
    return texts;
  }

  handle(event: AgentEvent): void {
    switch (event.type) {
      case "agent_start":
        this.begin();
        break;
      case "agent_settled":
        this.settle();
        break;
      case "turn_start":
        if (this.run) this.run.steps += 1;
        break;
      case "message_start":
        this.messageStart(event.message);
        break;
      case "message_update":
        this.update(event);
        break;
      case "message_end":
        this.messageEnd(event.message);
        break;
      case "tool_execution_start":
        this.transcript.toolStart(event.toolCallId, event.toolName, event.args, this.review === "plan");
        this.onSay(`${headline(event.toolName, event.args, this.root, false)}.`, false);
        break;
      case "tool_execution_update":
        this.transcript.toolUpdate(event.toolCallId, event.partialResult);
        break;
      case "tool_execution_end":
        this.transcript.toolEnd(event.toolCallId, event.result, event.isError);
        if (this.run && !event.isError && CHANGING.has(event.toolName) && planned(event.result) === undefined) {
          this.run.changes += 1;
        }
        break;
      case "queue_update":
        for (const id of event.delivered ?? []) {
          const item = this.queue.find((it) => it.id === id);
          if (item) this.delivered.push(item.kind);
        }
        this.queue = event.items ?? [];
        break;
      case "permission_request":
        this.asked(event);
        break;
      case "permission_resolved": {
        const { id } = event;
        this.questions = this.questions.filter((it) => it.id !== id);
        this.transcript.toolFact(event.toolCallId, DECISIONS[event.decision], false);
        break;
      }
      case "permission_mode_changed":
        this.mode = event.mode;
        break;
      case "review_mode_changed":
        this.review = event.mode;
        break;
      case "auto_retry_start": {
        const seconds = Math.ceil(event.delayMs / 1000);
        const again = `Trying again in ${seconds} s · ${event.attempt} of ${event.maxAttempts}`;
        this.transcript.notice("warning", `${this.run?.failed?.headline ?? event.errorMessage}\n${again}`);
        break;
      }
      case "compaction_end":
        if (event.errorMessage !== undefined) {
          this.transcript.notice("error", `Could not summarise: ${event.errorMessage}. The chat is unchanged.`);
        } else if (event.result !== undefined) {
          this.transcript.notice("info", "Summarised older turns; the full chat is kept");
        }
        break;
      case "session_info_changed":
        this.name = event.name;
        break;
      case "thinking_level_changed":
        this.thinking = event.level;
        break;
      case "extension_error":
        this.transcript.notice("error", `The extension ${event.extensionPath} failed: ${event.error}`);
        break;
      case "notice":
        this.transcript.notice(event.level, event.message);
        break;
    }
  }

  private begin(): void {
    if (this.run === undefined) {
      this.run = { started: this.now(), steps: 0, tokens: 0, cost: 0, changes: 0, stopped: false };
      this.answer = "";
      this.onSay("Pi is working.", false);
    }
  }

  private messageStart(message: AgentMessage): void {
    if (message.role === "user") {
      const text = textOf(message.content);
      const index = this.sent.findIndex((it) => text.includes(it.text));
      const note = index < 0 ? { text, chips: [] } : (this.sent.splice(index, 1)[0] ?? { text, chips: [] });
      const steered = this.delivered.shift() === "steer" ? this.run?.steps ?? 0 : 0;
      this.transcript.user(note.text, note.chips, timeOfDay(message.timestamp), steered);
    } else if (message.role === "assistant") {
      this.answer = "";
    }
  }

  private update(event: AgentEvent & { type: "message_update" }): void {
    const update = event.assistantMessageEvent;
    switch (update.type) {
      case "text_delta":
        this.answer += update.delta;
        this.transcript.stream("text", update.delta);
        break;
      case "thinking_delta":
        this.transcript.stream("thinking", update.delta);
        break;
      case "text_end":
      case "thinking_end":
        this.transcript.close();
        break;
    }
  }

  private messageEnd(message: AgentMessage): void {
    if (message.role !== "assistant") return;
    const usage = message.usage;
    this.cost += usage.cost.total;
    if (usage.totalTokens > 0) this.contextTokens = usage.totalTokens;
    const failed = message.stopReason === "error" ? failureOf(message) : undefined;
    if (this.run) {
      this.run.tokens += usage.input + usage.output;
      this.run.cost += usage.cost.total;
      this.run.stopped = message.stopReason === "aborted";
      this.run.failed = failed;
    }
  }

  private asked(question: PermissionRequest): void {
    if (this.questions.some((it) => it.id === question.id)) return;
    this.questions.push(question);
    this.transcript.toolFact(question.toolCallId, "waits for your answer", true);
    const about = question.command ?? question.title;
    this.onSay(`Pi asks: ${oneLine(about)}. Press Ctrl+Alt+P to answer.`, true);
  }

  private settle(): void {
    const run = this.run;
    this.run = undefined;
    if (run === undefined) return;
    const { stopped } = run;
    const duration = this.now() - run.started;
    const parts = [stopped ? `Stopped by you after ${clock(duration)}` : `${Math.round(duration / 1000)} s`];
    parts.push(count(run.steps, "step"));
    if (run.tokens > 0) parts.push(`${tokens(run.tokens)} tokens`);
    if (run.cost > 0) parts.push(`$${run.cost.toFixed(2)}`);
    const kind = stopped ? "stopped" : run.failed === undefined ? "done" : "failed";
    // Only now: a call that failed may have been repeated.
    if (kind === "failed" && run.failed !== undefined) {
      this.transcript.failure(run.failed);
      this.onSay(run.failed.headline, true);
    }
    this.transcript.foot(parts.join(" · "), kind === "stopped" ? ["continue", "edit"] : kind === "done" ? ["copy", "retry"] : []);
    const text = run.failed?.headline ?? this.answer.trim().split("\n")[0] ?? "";
    const lines = this.answer.trim().split("\n").length;
    if (kind === "done") this.onSay(`Pi answered, ${count(lines, "line")}.`, false);
    else if (kind === "stopped") this.onSay("Stopped.", false);
    this.onSettled({ kind, duration, changes: run.changes, text });
  }
}

/** What a decision is called in the row of its tool. */
const DECISIONS: Record<PermissionDecision, string> = {
  allowed: "allowed", rejected: "rejected", cancelled: "not answered", unasked: "nobody to ask",
};

/** Tools that change files. */
const CHANGING: ReadonlySet<string> = new Set(["edit", "hashline_edit", "write"]);

/** `14:02`, as this machine's clock has it. */
export function timeOfDay(timestamp: number): string {
  const date = new Date(timestamp);
  return `${String(date.getHours()).padStart(2, "0")}:${String(date.getMinutes()).padStart(2, "0")}`;
}
