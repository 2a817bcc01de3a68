/**
 * The chat as VS Code shows it: one webview in the side bar, others as editors, all of the same session. Draws nothing
 * itself: sends state and patches, and turns what the view says into requests.
 */
import { randomBytes } from "node:crypto";
import * as path from "node:path";
import * as vscode from "vscode";
import type { ContextTracker } from "./context";
import { Mentions } from "./mentions";
import type { Permissions } from "./permissions";
import type { Review } from "./review/review";
import type { Session } from "./session";
import {
  BUILT_IN, parseViewMessage, type HostMessage, type ItemAction, type QueueAction, type ViewMessage,
} from "./shared/messages";
import type { Asks } from "./ui";
import { HOME, type ViewModel } from "./viewModel";

export const CHAT_VIEW = "pi.chatView";
export const CHAT_PANEL = "pi.chatPanel";
/** Rows that a view gets when it opens; older ones by need. */
const FIRST_ROWS = 120;

/** Actions of a failed run that are commands. */
const HELPING = { key: "pi.setup", model: "pi.model", compact: "pi.compact", new: "pi.newSession" };

export class ChatViews implements vscode.WebviewViewProvider, vscode.WebviewPanelSerializer, vscode.Disposable {
  private readonly webviews = new Map<vscode.Webview, { first: number }>();
  private view: vscode.WebviewView | undefined;
  private panel: vscode.WebviewPanel | undefined;
  private readonly subscriptions: { dispose(): void }[] = [];
  private stateTimer: NodeJS.Timeout | undefined;
  private readonly mentions: Mentions;

  constructor(
    private readonly extension: vscode.Uri,
    private readonly session: Session,
    private readonly tracker: ContextTracker,
    private readonly model: ViewModel,
    private readonly permissions: Permissions,
    private readonly review: Review,
    private readonly asks: Asks,
  ) {
    this.mentions = new Mentions(session, tracker);
    this.subscriptions.push(
      vscode.window.registerWebviewViewProvider(CHAT_VIEW, this),
      vscode.window.registerWebviewPanelSerializer(CHAT_PANEL, this),
      session.onPatches((patches) => this.post({ type: "patches", patches })),
      session.onReset(() => this.resetAll()),
      session.onChange(() => this.stateSoon()),
      asks.onChange(() => this.stateSoon()),
      review.onChange(() => this.reviewed()),
      session.onRestored((text) => this.insert(text)),
      session.onSay(({ text, urgent }) => this.post({ type: "say", text, urgent })),
      tracker.onChange(() => this.stateSoon()),
      vscode.workspace.onDidChangeConfiguration((it) => it.affectsConfiguration("pi") && this.stateSoon()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.stateSoon()),
    );
  }

  dispose(): void {
    clearTimeout(this.stateTimer);
    this.panel?.dispose();
    for (const it of this.subscriptions) it.dispose();
  }

  /** Whether the user can see a chat now. */
  get visible(): boolean {
    return this.view?.visible === true || this.panel?.visible === true;
  }

  /** Shows the chat and puts the cursor into its prompt. */
  async focus(): Promise<void> {
    if (this.panel?.visible) this.panel.reveal();
    else await vscode.commands.executeCommand(`${CHAT_VIEW}.focus`);
    const waits = this.session.chat.questions.length > 0 || this.asks.of(this.session.id).length > 0;
    this.post({ type: "focus", what: waits ? "question" : "prompt" });
  }

  /** Something for the view that the user looks at. */
  post(message: HostMessage): void {
    for (const webview of this.webviews.keys()) void webview.postMessage(message);
  }

  /** Puts text into the prompt. */
  insert(text: string): void {
    this.session.keepDraft(this.session.draft === "" ? text : `${this.session.draft}\n${text}`);
    this.post({ type: "insert", text });
  }

  openInEditor(): void {
    if (this.panel !== undefined) {
      this.panel.reveal();
      return;
    }
    const panel = vscode.window.createWebviewPanel(CHAT_PANEL, "Pi", vscode.ViewColumn.Active, {
      enableScripts: true, localResourceRoots: this.roots(),
    });
    this.adopt(panel);
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    if (this.panel === undefined) this.adopt(panel);
    else panel.dispose();
    return Promise.resolve();
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.view = view;
    const { webview } = view;
    this.connect(webview);
    view.onDidChangeVisibility(() => {
      if (view.visible) this.looked();
    });
    view.onDidDispose(() => {
      // Not through the view: that throws when it has gone.
      this.webviews.delete(webview);
      // A view that is opened again is there before the one that was closed has gone.
      if (this.view === view) this.view = undefined;
    });
    this.showTitle();
  }

  private adopt(panel: vscode.WebviewPanel): void {
    this.panel = panel;
    panel.iconPath = vscode.Uri.joinPath(this.extension, "media", "pi.svg");
    const { webview } = panel;
    this.connect(webview);
    panel.onDidDispose(() => {
      this.webviews.delete(webview);
      this.panel = undefined;
    });
  }

  private roots(): vscode.Uri[] {
    return [vscode.Uri.joinPath(this.extension, "dist"), vscode.Uri.joinPath(this.extension, "media")];
  }

  private connect(webview: vscode.Webview): void {
    webview.options = { enableScripts: true, localResourceRoots: this.roots() };
    this.webviews.set(webview, { first: 0 });
    webview.onDidReceiveMessage((raw: unknown) => {
      const message = parseViewMessage(raw);
      if (message === undefined) return;
      this.receive(webview, message).catch((error: unknown) => {
        void vscode.window.showErrorMessage(text(error));
      });
    });
    webview.html = page(webview, this.extension);
  }

  /** The user looks at the chat: it should be ready, and up to date. */
  private looked(): void {
    // A failure stands in the view.
    this.session.open().then(() => this.session.lookForModels()).catch(() => undefined);
  }

  private reviewed(): void {
    const pending = new Map<string, number>();
    for (const { toolCallId } of this.review.all()) pending.set(toolCallId, (pending.get(toolCallId) ?? 0) + 1);
    this.session.showReview(pending);
    this.stateSoon();
  }

  private resetAll(): void {
    for (const webview of this.webviews.keys()) this.reset(webview);
  }

  private reset(webview: vscode.Webview): void {
    const items = this.session.chat.transcript.items;
    const first = Math.max(0, items.length - FIRST_ROWS);
    this.webviews.set(webview, { first });
    const state = this.model.state();
    void webview.postMessage(
      { type: "reset", items: items.slice(first), earlier: first, state, draft: this.session.draft } satisfies HostMessage,
    );
  }

  /** State changes often come several at once; the view needs the last. */
  private stateSoon(): void {
    this.stateTimer ??= setTimeout(() => {
      this.stateTimer = undefined;
      this.post({ type: "state", state: this.model.state() });
      this.showTitle();
    }, 10);
  }

  private showTitle(): void {
    const { title } = this.model.state();
    if (this.view) this.view.description = title;
    if (this.panel) this.panel.title = title === "" ? "Pi" : title;
  }

  private async receive(webview: vscode.Webview, message: ViewMessage): Promise<void> {
    switch (message.type) {
      case "ready":
        this.reset(webview);
        this.looked();
        break;
      case "send":
        await this.send(webview, message);
        break;
      case "stop":
        await this.session.stop();
        break;
      case "draft":
        this.session.keepDraft(message.text);
        break;
      case "complete": {
        // Without a server there is nothing to offer.
        const items = await this.mentions.complete(message.text).catch(() => []);
        void webview.postMessage({ type: "completions", number: message.number, items } satisfies HostMessage);
        break;
      }
      case "chip":
        if (message.id === HOME) await vscode.commands.executeCommand("pi.newSessionIn");
        else this.tracker.choose(message.id, message.on);
        break;
      case "queued":
        await this.queued(message.id, message.what);
        break;
      case "answer":
        await this.permissions.answer(message.id, message.choice);
        break;
      case "reply":
        this.permissions.reply(message.id, message.answer);
        break;
      case "action":
        await this.act(message.id, message.action);
        break;
      case "decide": {
        const toolCallId = this.session.chat.transcript.callId(message.id);
        if (toolCallId !== undefined) await this.review[message.keep ? "keep" : "reject"]({ toolCallId });
        break;
      }
      case "open":
        await this.openPlace(message.id);
        break;
      case "link":
        await openLink(message.href);
        break;
      case "earlier":
        this.earlier(webview);
        break;
      case "command":
        await vscode.commands.executeCommand(message.command);
        break;
    }
  }

  private async send(webview: vscode.Webview, { text: message, how }: ViewMessage & { type: "send" }): Promise<void> {
    this.session.keepDraft("");
    const builtIn = BUILT_IN.find((it) => it.text === message);
    if (builtIn !== undefined) {
      await vscode.commands.executeCommand(builtIn.id);
      return;
    }
    try {
      const attachments = [...this.tracker.attachments(), ...await this.mentions.attachments(message)];
      await this.session.send(message, how, attachments);
      this.tracker.sent();
    } catch (error) {
      this.session.keepDraft(message);
      void webview.postMessage({ type: "refused", text: message } satisfies HostMessage);
      throw error;
    }
  }

  private async queued(id: number, what: QueueAction): Promise<void> {
    switch (what) {
      case "send":
        await this.session.request("pi/queue/send", { id });
        break;
      case "up":
        await this.session.raiseQueued(id);
        break;
      case "delete":
      case "edit": {
        const taken = await this.session.takeQueued(id);
        if (what === "edit" && taken !== undefined) this.insert(taken);
        break;
      }
    }
  }

  /** Does what a button under a row, or its context menu, says. */
  async act(id: number, action: ItemAction): Promise<void> {
    switch (action) {
      case "continue":
        await this.session.send("Continue.", "enter", []);
        break;
      case "skip":
        await this.session.skip(this.session.chat.transcript.callId(id));
        break;
      case "retry": {
        // The call that failed last is made again; an older turn begins again.
        if (this.session.chat.activity.state === "failed" && this.session.chat.transcript.usersAfter(id) === 0) {
          await this.session.request("pi/retryNow", {});
          break;
        }
        const message = await this.session.rewind(id);
        if (message !== undefined) await this.session.send(message, "enter", []);
        break;
      }
      case "edit": {
        const message = await this.session.rewind(id);
        if (message !== undefined) this.insert(message);
        break;
      }
      case "fork":
        await this.session.forkAt(id);
        break;
      case "revert":
        await vscode.commands.executeCommand("pi.revertAfter", { row: id });
        break;
      case "key":
      case "model":
      case "compact":
      case "new":
        await vscode.commands.executeCommand(HELPING[action]);
        break;
      case "copy":
        await vscode.env.clipboard.writeText(this.session.chat.transcript.copied(id));
        break;
      case "restart":
      case "log":
        await vscode.commands.executeCommand(`pi.${action}`);
        break;
    }
  }

  private earlier(webview: vscode.Webview): void {
    const shown = this.webviews.get(webview);
    if (shown === undefined || shown.first === 0) return;
    const from = Math.max(0, shown.first - FIRST_ROWS);
    const items = this.session.chat.transcript.items.slice(from, shown.first);
    shown.first = from;
    void webview.postMessage({ type: "earlier", items, earlier: from } satisfies HostMessage);
  }

  private async openPlace(id: number): Promise<void> {
    const place = this.session.chat.transcript.place(id);
    if (place === undefined) return;
    const line = Math.max(0, place.line - 1);
    await vscode.window.showTextDocument(vscode.Uri.file(path.resolve(this.session.chat.root, place.path)), {
      preview: true, selection: new vscode.Range(line, 0, line, 0),
    });
  }
}

/** Links in what a model wrote lead to the web or to a file of the workspace, and nowhere else. */
async function openLink(href: string): Promise<void> {
  if (/^(https?|mailto):/i.test(href)) {
    await vscode.env.openExternal(vscode.Uri.parse(href));
    return;
  }
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (folder === undefined) return;
  const [, name = "", line] = /^([^#?]*?)(?:[:#]L?(\d+).*)?$/.exec(href) ?? [];
  const uri = vscode.Uri.file(path.resolve(folder.uri.fsPath, decodeURIComponent(name.replace(/^file:\/\//, ""))));
  if (vscode.workspace.getWorkspaceFolder(uri) === undefined) return;
  const row = Math.max(0, Number(line ?? 1) - 1);
  await vscode.window.showTextDocument(uri, { preview: true, selection: new vscode.Range(row, 0, row, 0) });
}

function page(webview: vscode.Webview, extension: vscode.Uri): string {
  const nonce = randomBytes(16).toString("base64");
  const uri = (...parts: string[]): string => webview.asWebviewUri(vscode.Uri.joinPath(extension, ...parts)).toString();
  const policy = [
    "default-src 'none'", `script-src 'nonce-${nonce}'`, `style-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`, `img-src ${webview.cspSource} data: blob:`, "form-action 'none'", "base-uri 'none'",
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${uri("media", "chat.css")}">
<title>Pi</title>
</head>
<body>
<div id="app"></div>
<script nonce="${nonce}" src="${uri("dist", "chat.js")}"></script>
</body>
</html>`;
}

/** What an error says to the user. */
export function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
