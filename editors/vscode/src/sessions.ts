/** The chats of all open folders: a view of them, and the commands that open, find, name and delete one. */
import * as path from "node:path";
import * as vscode from "vscode";
import { register } from "./commands";
import type { SessionSummary } from "./protocol";
import type { Session } from "./session";
import { clock, count } from "./shared/describe";

/** Letters from which on contents are searched, and the rest after typing before that happens, in milliseconds. */
const SEARCH_FROM = 3;
const SEARCH_REST = 200;
/** Longest title of a chat that has no name, in characters. */
const TITLE = 60;

/** What the server says of a chat that another process has. */
const ELSEWHERE = "This chat is open in another window.";

/** A heading, or a chat below it. */
type Node = { heading: string; sessions: SessionSummary[] } | SessionSummary;

export function registerSessions(session: Session): vscode.Disposable {
  const provider = new Sessions(session);
  const view = vscode.window.createTreeView("pi.sessionsView", { treeDataProvider: provider });
  return vscode.Disposable.from(
    provider, view, session.onOpened(() => provider.refresh()), session.onNews(() => provider.refresh()),
    view.onDidChangeVisibility(({ visible }) => visible && provider.refresh()),
    register({
      "pi.sessions": () => find(session),
      "pi.session.open": (it: SessionSummary) => open(session, it.sessionId),
      "pi.rename": (it?: SessionSummary) => rename(session, it, provider),
      "pi.deleteSession": (it?: SessionSummary) => remove(session, it, provider),
    }),
  );
}

/** Shows a chat. One process writes in it at a time: of one that another window has there is only a copy. */
async function open(session: Session, id: string): Promise<void> {
  try {
    await session.show(id);
  } catch (error) {
    if (!(error instanceof Error) || error.message !== ELSEWHERE) throw error;
    const copy = "Open a Copy";
    if (await vscode.window.showWarningMessage(ELSEWHERE, copy) === copy) await session.copy(id);
  }
}

class Sessions implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.emitter.event;

  constructor(private readonly session: Session) {}

  dispose(): void {
    this.emitter.dispose();
  }

  refresh(): void {
    this.emitter.fire();
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node !== undefined) return "heading" in node ? node.sessions : [];
    const sessions = await listed(this.session).catch(() => []);
    return grouped(sessions, Date.now());
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if ("heading" in node) return new vscode.TreeItem(node.heading, vscode.TreeItemCollapsibleState.Expanded);
    const item = new vscode.TreeItem(title(node));
    item.id = node.sessionId;
    item.description = about(node);
    item.contextValue = "session";
    item.iconPath = new vscode.ThemeIcon(
      node.life === "running" ? "sync~spin" : node.sessionId === this.session.id ? "circle-filled" : "comment");
    item.command = { command: "pi.session.open", title: "Open", arguments: [node] };
    return item;
  }
}

/** The folders whose chats are shown; without any, the one the server works in. */
function folders(): (string | undefined)[] {
  const open = vscode.workspace.workspaceFolders ?? [];
  return open.length > 0 ? open.map((it) => it.uri.fsPath) : [undefined];
}

/** The chats in which something was said, last used first. */
async function listed(session: Session): Promise<SessionSummary[]> {
  const lists = await Promise.all(folders().map((folder) => session.request("pi/session/list", { folder })));
  const all = lists.flatMap(({ sessions }) => sessions).filter((it) => it.messageCount > 0);
  return all.sort((a, b) => b.modified - a.modified);
}

/** Under headings, as the list has them: last used first. */
function grouped(sessions: SessionSummary[], now: number): Node[] {
  const today = new Date(now).toDateString();
  const heading = (it: SessionSummary): string =>
    it.life === "running" ? "Running" : new Date(it.modified).toDateString() === today ? "Today" : "Earlier";
  return ["Running", "Today", "Earlier"]
    .map((it) => ({ heading: it, sessions: sessions.filter((one) => heading(one) === it) }))
    .filter((it) => it.sessions.length > 0);
}

function title(it: SessionSummary): string {
  const text = it.name ?? it.firstMessage.split("\n")[0] ?? "";
  return text.length > TITLE ? `${text.slice(0, TITLE - 1)}…` : text;
}

function about({ modified, messageCount, folder }: SessionSummary): string {
  const date = new Date(modified);
  const today = date.toDateString() === new Date().toDateString();
  const midnight = new Date(date).setHours(0, 0, 0, 0);
  const time = today ? clock(Math.floor((modified - midnight) / 60_000) * 1000) : date.toISOString().slice(0, 10);
  const several = (vscode.workspace.workspaceFolders?.length ?? 0) > 1;
  return `${time} · ${count(messageCount, "message")}${several ? ` · ${path.basename(folder)}` : ""}`;
}

/** A list to choose from, which also searches what was said. */
async function find(session: Session): Promise<void> {
  type Item = vscode.QuickPickItem & { session: SessionSummary };
  const item = (it: SessionSummary, line = ""): Item => (
    { label: title(it), description: about(it), detail: line, session: it, alwaysShow: line !== "" }
  );
  const all = (await listed(session)).map((it) => item(it));
  const pick = vscode.window.createQuickPick<Item>();
  pick.title = "Chats in this folder";
  pick.placeholder = all.length === 0 ? "Your chats in this folder will be listed here." : "A title, or words that were said";
  pick.items = all;
  let timer: NodeJS.Timeout | undefined;
  pick.onDidChangeValue((query) => {
    clearTimeout(timer);
    if (query.length < SEARCH_FROM) {
      pick.items = all;
      return;
    }
    timer = setTimeout(() => {
      Promise.all(folders().map((folder) => session.request("pi/session/search", { query, folder }))).then((all) => {
        const found = all.flatMap((it) => it.found);
        if (pick.value === query) pick.items = found.map((it) => item(it.session, it.line));
      }, (error: unknown) => void vscode.window.showErrorMessage(String(error)));
    }, SEARCH_REST);
  });
  pick.onDidAccept(() => {
    const [chosen] = pick.selectedItems;
    pick.hide();
    if (chosen) void vscode.commands.executeCommand("pi.session.open", chosen.session);
  });
  pick.onDidHide(() => {
    clearTimeout(timer);
    pick.dispose();
  });
  pick.show();
}

async function rename(session: Session, it: SessionSummary | undefined, provider: Sessions): Promise<void> {
  await session.open();
  const sessionId = it?.sessionId ?? session.id;
  const value = it === undefined ? (session.chat.name ?? "") : title(it);
  const name = await vscode.window.showInputBox({ title: "Rename chat", value });
  if (sessionId === undefined || name === undefined || name.trim() === "") return;
  await session.request("pi/session/rename", { sessionId, name: name.trim() });
  provider.refresh();
}

async function remove(session: Session, it: SessionSummary | undefined, provider: Sessions): Promise<void> {
  await session.open();
  const sessionId = it?.sessionId ?? session.id;
  if (sessionId === undefined) return;
  const name = it === undefined ? (session.chat.name ?? "this chat") : title(it);
  const question = `Delete chat “${name}”? It moves to the trash.`;
  if (await vscode.window.showWarningMessage(question, { modal: true }, "Delete") !== "Delete") return;
  if (sessionId === session.id) await session.newSession();
  await session.request("pi/session/delete", { sessionId });
  provider.refresh();
}
