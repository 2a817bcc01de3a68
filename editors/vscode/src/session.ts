/**
 * The session of this window: what is known of it, the requests that change it, and what of it survives a restart.
 * Views listen to it; it knows none of them.
 */
import * as vscode from "vscode";
import type {
  EditsDecided, Envelope, Methods, Model, Params, PermissionChoice, PermissionMode, PromptContext, Result, ThinkingLevel,
} from "./protocol";
import { textOf } from "./protocol";
import { Chat, timeOfDay, type Outcome } from "./model/chat";
import type { Delivery, Patch } from "./shared/messages";
import type { Server } from "./server";
import { settings } from "./settings";

/** Time in which increments are joined before a view is told, in milliseconds. */
const FLUSH = 33;

/** Events after which the list of sessions is another one. */
const SESSION_NEWS: ReadonlySet<string> = new Set(["agent_start", "agent_settled", "session_info_changed"]);

/** What is kept between windows, per folder. */
interface Kept {
  id?: string;
  draft?: string;
}

/** The folder of the file the user looks at, else the first one. */
function activeFolder(): vscode.WorkspaceFolder | undefined {
  const uri = vscode.window.activeTextEditor?.document.uri;
  return (uri && vscode.workspace.getWorkspaceFolder(uri)) ?? vscode.workspace.workspaceFolders?.[0];
}

/** What goes out with a prompt, and how it is shown. */
export interface Attachment {
  context: PromptContext;
  label: string;
}

/** A message of the user. */
export interface Prompt {
  /** Of its entry. */
  id: string;
  text: string;
}

export class Session implements vscode.Disposable {
  readonly chat: Chat;
  id: string | undefined;
  models: Model[] = [];
  levels: ThinkingLevel[] = [];
  draft: string;

  /** The session whose rows are there. */
  private shown: string | undefined;
  /** Of the last event that was taken in: what is not above it came before. */
  private seq = 0;
  private opening: Promise<void> | undefined;
  private opened = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly subscriptions: vscode.Disposable[] = [];
  private readonly changeEmitter = new vscode.EventEmitter<void>();
  private readonly patchEmitter = new vscode.EventEmitter<Patch[]>();
  private readonly resetEmitter = new vscode.EventEmitter<void>();
  private readonly settledEmitter = new vscode.EventEmitter<Outcome>();
  private readonly newsEmitter = new vscode.EventEmitter<void>();
  private readonly elsewhereEmitter = new vscode.EventEmitter<string>();
  private readonly openedEmitter = new vscode.EventEmitter<void>();
  private readonly editsEmitter = new vscode.EventEmitter<void>();
  private readonly restoredEmitter = new vscode.EventEmitter<string>();
  private readonly sayEmitter = new vscode.EventEmitter<{ text: string; urgent: boolean }>();

  /** Something of its look is different. */
  readonly onChange = this.changeEmitter.event;
  readonly onPatches = this.patchEmitter.event;
  /** There is another transcript. */
  readonly onReset = this.resetEmitter.event;
  readonly onSettled = this.settledEmitter.event;
  readonly onSay = this.sayEmitter.event;
  /** The server has it open: for the first time, or again. */
  readonly onOpened = this.openedEmitter.event;
  /** Another session waits for its user's answer. */
  readonly onElsewhere = this.elsewhereEmitter.event;
  /** A session, this one or another, began to work, settled or was named. */
  readonly onNews = this.newsEmitter.event;
  /** The changes that wait for a decision are other ones now. */
  readonly onEdits = this.editsEmitter.event;
  /** Text that was sent and can be delivered no more: it belongs back into the prompt. */
  readonly onRestored = this.restoredEmitter.event;

  constructor(private readonly server: Server, private readonly state: vscode.Memento) {
    const kept = state.get<Kept>("pi.session", {});
    this.id = kept.id;
    this.draft = kept.draft ?? "";
    this.chat = new Chat(vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "");
    this.chat.onSettled = (outcome) => this.settledEmitter.fire(outcome);
    this.chat.onSay = (text, urgent) => this.sayEmitter.fire({ text, urgent });
    this.subscriptions.push(
      server.onEvent((envelope) => this.take(envelope)),
      server.onActivity(({ sessionId, activity }) => {
        if (sessionId !== this.shown) return;
        this.chat.activity.take(activity);
        this.changed();
      }),
      server.onLost((text) => this.lost(text)),
      server.onPhase((phase) => {
        if (phase === "off") this.opened = false;
        if (phase === "starting") this.chat.activity.set("starting");
        this.changed();
      }),
    );
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const it of this.subscriptions) it.dispose();
    for (const it of [this.changeEmitter, this.patchEmitter, this.resetEmitter, this.settledEmitter, this.sayEmitter,
      this.newsEmitter, this.elsewhereEmitter, this.openedEmitter, this.editsEmitter, this.restoredEmitter]) {
      it.dispose();
    }
  }

  /** Whether it was open once: what is known of it is true. */
  get known(): boolean {
    return this.shown !== undefined;
  }

  /**
   * Makes sure that the server has this session open, starting it if need be.
   * @throws An error for the user.
   */
  async open(): Promise<void> {
    if (this.opened) return;
    this.opening ??= this.resume().finally(() => {
      this.opening = undefined;
    });
    await this.opening;
  }

  private async resume(): Promise<void> {
    try {
      await this.server.ready();
      // A session that is gone must not keep Pi from working: another one takes its place.
      const found = this.id !== undefined && await this.attach(this.id).then(() => true, () => false);
      if (!found) await this.attach((await this.server.request("pi/getState", {})).sessionId);
      this.opened = true;
      this.openedEmitter.fire();
    } catch (error) {
      this.chat.activity.set(this.chat.activity.state === "lost" ? "lost" : "off");
      this.changed();
      throw error;
    }
  }

  /** Comes to a session, alive or stored. Its rows are read if it is another one, or `anew`. */
  private async attach(id: string, anew = false): Promise<void> {
    const { sessionId, folder, seq, snapshot } = await this.server.request("pi/session/attach", { sessionId: id });
    if (snapshot === undefined) throw new Error("The server did not say what is in this chat.");
    anew ||= sessionId !== this.shown;
    this.id = sessionId;
    this.shown = sessionId;
    this.seq = seq;
    const { state, messages, queue } = snapshot;
    if (anew) {
      this.chat.reset(folder);
      this.chat.transcript.load(messages, timeOfDay, state.isStreaming, state.reviewMode === "plan");
      this.chat.transcript.take();
    }
    this.chat.queue = queue;
    this.chat.resume(state);
    if (anew) this.resetEmitter.fire();
    await this.read();
    const stats = await this.server.request("pi/getSessionStats", { sessionId });
    this.chat.contextTokens = stats.contextUsage?.tokens ?? undefined;
    this.chat.cost = stats.cost;
    this.changed();
  }

  /** Reads what can be chosen, and what is chosen. */
  private async read(): Promise<void> {
    const { id: sessionId } = this;
    const [state, { models }, { levels }] = await Promise.all([
      this.server.request("pi/getState", { sessionId }),
      this.server.request("pi/getAvailableModels", { sessionId }),
      this.server.request("pi/getAvailableThinkingLevels", { sessionId }),
    ]);
    this.models = models;
    this.levels = levels;
    this.chat.name = state.sessionName;
    this.chat.model = state.model;
    this.chat.thinking = state.thinkingLevel;
    this.chat.mode = state.permissionMode;
    this.keep();
    this.changed();
  }

  /** A request of this session. Errors are for the user. */
  async request<M extends keyof Methods>(method: M, params: Params<M>): Promise<Result<M>> {
    await this.open();
    return await this.server.request(method, { ...params, sessionId: this.id });
  }

  /**
   * Sends a message. While Pi works it steers, waits, or replaces the run; which of these it becomes is decided by the
   * server, so that a message typed at the end of a run is not lost.
   * @throws An error for the user; the message was then not taken.
   */
  async send(text: string, how: Delivery, attachments: Attachment[]): Promise<void> {
    await this.open();
    if (how === "now" && this.chat.activity.busy) await this.stop();
    const queue = (how === "queue") !== (how === "enter" && settings().sendWhileRunning === "queue");
    const forget = this.chat.expect(text, attachments.map((it) => it.label));
    this.changed();
    try {
      await this.request("pi/prompt", {
        message: text,
        streamingBehavior: queue ? "followUp" : "steer",
        context: attachments.map((it) => it.context),
      });
    } catch (error) {
      forget();
      this.changed();
      throw error;
    }
  }

  /** Stops the run. What was queued is held by the server until the user decides about it. */
  async stop(): Promise<void> {
    if (!this.chat.activity.busy || !this.opened) return;
    await this.server.request("pi/abort", { sessionId: this.id });
  }

  /** Ends a tool call; the run goes on without its result. */
  async skip(toolCallId = this.chat.transcript.running): Promise<void> {
    if (toolCallId === undefined) throw new Error("No tool is running.");
    await this.request("pi/skipTool", { toolCallId });
  }

  /** Takes a message out of the queue; its text, if it was still there. */
  async takeQueued(id: number): Promise<string | undefined> {
    const text = this.chat.queue.find((it) => it.id === id)?.text;
    await this.request("pi/queue/delete", { id });
    return text;
  }

  /** Puts a message before the one that is before it. */
  async raiseQueued(id: number): Promise<void> {
    const item = this.chat.queue.find((it) => it.id === id);
    const ids = this.chat.queue.filter((it) => it.kind === item?.kind).map((it) => it.id);
    const at = ids.indexOf(id);
    if (at < 1) return;
    ids.splice(at - 1, 0, ...ids.splice(at, 1));
    await this.request("pi/queue/reorder", { ids });
  }

  async answer(id: string, choice: PermissionChoice, message?: string): Promise<void> {
    await this.request("pi/answerPermission", { questionId: id, choice, ...(message !== undefined && { message }) });
  }

  async setMode(mode: PermissionMode): Promise<void> {
    await this.request("pi/setPermissionMode", { mode });
    this.chat.mode = mode;
    this.changed();
  }

  /** Shows another session. A run of the one before goes on; else it is let go, so that others can open it. */
  async show(id: string): Promise<void> {
    await this.open();
    const [before, idle] = [this.id, !this.chat.activity.busy];
    await this.attach(id);
    if (idle && before !== undefined && before !== id) {
      // It may have been deleted meanwhile.
      await this.server.request("pi/session/close", { sessionId: before }).catch(() => undefined);
    }
    this.openedEmitter.fire();
  }

  /** A new chat, in this folder or in the one of the file the user looks at. */
  async newSession(folder = activeFolder()): Promise<void> {
    await this.open();
    await this.show((await this.request("pi/session/add", { folder: folder?.uri.fsPath })).sessionId);
  }

  /** A copy of a stored chat, which another process may have. */
  async copy(id: string): Promise<void> {
    await this.show((await this.request("pi/session/add", { copyOf: id })).sessionId);
  }

  async setModel(model: Model): Promise<void> {
    await this.request("pi/setModel", { provider: model.provider, modelId: model.id });
    await this.read();
  }

  async setThinking(level: ThinkingLevel): Promise<void> {
    await this.request("pi/setThinkingLevel", { level });
    await this.read();
  }

  /** The user's messages that lead to where this chat is, newest first, as they were typed where that is known. */
  async prompts(): Promise<Prompt[]> {
    const { entries, leafId } = await this.request("pi/getEntries", {});
    const byId = new Map(entries.map((it) => [it.id, it]));
    const typed = this.chat.transcript.users();
    const prompts: Prompt[] = [];
    for (let at = leafId; at !== null;) {
      const entry = byId.get(at);
      if (entry?.type === "message" && entry.message.role === "user") {
        prompts.push({ id: entry.id, text: typed[prompts.length] ?? textOf(entry.message.content) });
      }
      at = entry?.parentId ?? null;
    }
    return prompts;
  }

  /** The message of the user that the turn of this row begins with. */
  async promptOf(row: number): Promise<Prompt | undefined> {
    const prompts = await this.prompts();
    // Only now: the rows are as far as the answer is.
    return prompts[this.chat.transcript.usersAfter(row)];
  }

  /**
   * Goes back to before the user's message of the turn that this row belongs to, as a branch: nothing is deleted.
   * @returns its text.
   */
  async rewind(row: number): Promise<string | undefined> {
    const targetId = (await this.promptOf(row))?.id;
    if (targetId === undefined) return undefined;
    const { editorText } = await this.request("pi/navigateTree", { targetId });
    await this.attach(this.id ?? "", true);
    return editorText;
  }

  /**
   * Takes back everything since a prompt, in files and in the conversation. A run is stopped; a chat that ends before
   * the prompt takes the place of this one, which stays in the list. The prompt, and what was queued, can be sent again.
   */
  async goBack(to: string): Promise<EditsDecided> {
    const waiting = this.chat.queue.map((it) => it.text);
    const decided = await this.request("pi/edits/revert", { to, fork: true });
    // Without a name it is the one that took the place.
    await this.attach((await this.server.request("pi/getState", {})).sessionId);
    this.openedEmitter.fire();
    this.restoredEmitter.fire([decided.text ?? "", ...waiting].filter((it) => it !== "").join("\n\n"));
    return decided;
  }

  /** Goes on in a new chat with everything before the message of a row, which can be sent again; this one stays. */
  async forkAt(row: number): Promise<void> {
    const entryId = (await this.promptOf(row))?.id;
    if (entryId === undefined) return;
    const { text } = await this.request("pi/fork", { entryId });
    // Without a name it is the one that took the place.
    await this.attach((await this.server.request("pi/getState", {})).sessionId);
    this.openedEmitter.fire();
    this.restoredEmitter.fire(text);
  }

  /** Whether models have appeared since there was none. */
  async lookForModels(): Promise<void> {
    if (this.opened && this.chat.model === undefined) await this.read();
  }

  /** Ends the server; the same session is opened again. */
  async restart(): Promise<void> {
    await this.opening?.catch(() => undefined);
    await this.server.stop();
    await this.open();
  }

  /** Changes that wait for a decision, by tool call. */
  showReview(pending: ReadonlyMap<string, number>): void {
    this.chat.transcript.review(pending);
    this.timer ??= setTimeout(() => this.flush(), FLUSH);
  }

  keepDraft(text: string): void {
    this.draft = text;
    this.keep();
  }

  private keep(): void {
    const kept: Kept = { id: this.id, draft: this.draft };
    void this.state.update("pi.session", kept);
  }

  private take(envelope: Envelope): void {
    if (SESSION_NEWS.has(envelope.event.type)) this.newsEmitter.fire();
    if (envelope.event.type === "permission_request" && envelope.sessionId !== this.shown) {
      this.elsewhereEmitter.fire(envelope.sessionId);
    }
    if (envelope.sessionId !== this.shown || envelope.seq <= this.seq) return;
    this.seq = envelope.seq;
    if (envelope.event.type === "edits_changed") this.editsEmitter.fire();
    this.chat.handle(envelope.event);
    const increment = envelope.event.type === "message_update" || envelope.event.type === "tool_execution_update";
    if (!increment) this.changed();
    this.timer ??= setTimeout(() => this.flush(), FLUSH);
  }

  private flush(): void {
    this.timer = undefined;
    const patches = this.chat.transcript.take();
    if (patches.length > 0) this.patchEmitter.fire(patches);
  }

  private changed(): void {
    this.timer ??= setTimeout(() => this.flush(), FLUSH);
    this.changeEmitter.fire();
  }

  private lost(text: string): void {
    this.opened = false;
    const waiting = this.chat.lost();
    if (waiting.length > 0) this.restoredEmitter.fire(waiting.join("\n\n"));
    this.chat.transcript.notice("error", text, this.server.problem === "" ? [] : ["restart", "log"]);
    this.flush();
    this.changed();
    if (this.server.problem === "") this.open().catch(() => undefined);
  }
}
