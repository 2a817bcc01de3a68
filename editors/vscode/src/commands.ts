/** The commands of ux.md §3.9 that are about the chat and the program. */
import * as vscode from "vscode";
import { text, type ChatViews } from "./chatView";
import { region, type ContextTracker } from "./context";
import { PROVIDERS, type Keys } from "./keys";
import type { Permissions } from "./permissions";
import type { PermissionChoice, PermissionMode } from "./protocol";
import type { Server } from "./server";
import type { Session } from "./session";
import { settings } from "./settings";
import { tokens } from "./shared/describe";

export interface Parts {
  keys: Keys;
  permissions: Permissions;
  server: Server;
  session: Session;
  tracker: ContextTracker;
  views: ChatViews;
}

type Handler = (...args: never[]) => unknown;

/** Registers commands whose failures are told to the user. */
export function register(table: Record<string, Handler>): vscode.Disposable {
  return vscode.Disposable.from(...Object.entries(table).map(([id, run]) =>
    vscode.commands.registerCommand(id, async (...args: never[]) => {
      try {
        return await run(...args);
      } catch (error) {
        void vscode.window.showErrorMessage(text(error));
      }
    })));
}

export function registerCommands(parts: Parts): vscode.Disposable {
  const { permissions, server, session, views } = parts;
  // Nobody answers what cannot be seen.
  const answer = (choice: PermissionChoice): Promise<void> =>
    views.visible ? permissions.answerFirst(choice) : views.focus();
  return register({
    ...chat(parts),
    "pi.permission.allow": () => answer("allow_once"),
    "pi.permission.allowChat": () => answer("allow_session"),
    "pi.permission.reject": () => answer("reject"),
    "pi.permission.rejectWhy": () => answer("reject_message"),
    ...pickers(session),
    "pi.export": () => exportHtml(session),
    "pi.compact": () => session.request("pi/compact", {}),
    "pi.cost": () => showCost(session),
    "pi.chat.lastMessage": async () => {
      await views.focus();
      views.post({ type: "focus", what: "last" });
    },
    "pi.setup": () => setUp(parts),
    "pi.setup.local": () => setUpLocal(parts),
    "pi.setup.key": () => setUpKey(parts),
    "pi.demo": () => demo(parts),
    "pi.doctor": () => doctor(server),
    "pi.settings": () => vscode.commands.executeCommand("workbench.action.openSettings", "@ext:pi-server.pi"),
    "pi.chooseProgram": () => chooseProgram(session),
    "pi.restart": () => session.restart(),
    "pi.log": () => server.showLog(),
    "pi.openFolder": () => vscode.commands.executeCommand("vscode.openFolder"),
    "pi.manageTrust": () => vscode.commands.executeCommand("workbench.trust.manage"),
  });
}

function chat({ session, tracker, views }: Parts): Record<string, Handler> {
  return {
    "pi.chat.focus": () => views.focus(),
    "pi.newSession": async () => {
      await session.newSession();
      await views.focus();
    },
    "pi.newSessionIn": async () => {
      const folder = await vscode.window.showWorkspaceFolderPick({ placeHolder: "Where the new chat works" });
      if (folder === undefined) return;
      await session.newSession(folder);
      await views.focus();
    },
    "pi.openInEditor": () => views.openInEditor(),
    "pi.addSelection": async () => {
      const editor = vscode.window.activeTextEditor;
      if (editor && !editor.selection.isEmpty) tracker.add(region(editor.document, editor.selection));
      await views.focus();
    },
    "pi.addFile": async (uri?: vscode.Uri) => {
      const files = uri ? [uri] : await vscode.window.showOpenDialog({ canSelectMany: true, openLabel: "Add to chat" });
      for (const it of files ?? []) tracker.addFile(it);
      await views.focus();
    },
    // The code action “ask about this”: only the editor can ask for the question.
    "pi.ask": async (place: { uri: string; range: { start: Place; end: Place } }) => {
      const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(place.uri));
      const { start, end } = place.range;
      tracker.add(region(document, new vscode.Range(start.line, start.character, end.line, end.character)));
      await views.focus();
    },
    "pi.send": () => views.post({ type: "press", how: "enter" }),
    "pi.queue": () => views.post({ type: "press", how: "queue" }),
    "pi.sendNow": () => views.post({ type: "press", how: "now" }),
    // Of the context menu, which names the row.
    "pi.prompt.edit": ({ row }: { row: number }) => views.act(row, "edit"),
    "pi.prompt.fork": ({ row }: { row: number }) => views.act(row, "fork"),
    "pi.prompt.copy": ({ row }: { row: number }) => views.act(row, "copy"),
    "pi.stop": () => session.stop(),
    "pi.skip": () => session.skip(),
    "pi.retry": () => session.request("pi/retryNow", {}),
    "pi.giveUp": () => session.request("pi/abortRetry", {}),
    "pi.takeQueued": async () => {
      const last = session.chat.queue.at(-1);
      const text = last && await session.takeQueued(last.id);
      if (text !== undefined) views.insert(text);
    },
    "pi.clearQueue": async () => {
      for (const { id } of session.chat.queue) await session.takeQueued(id);
    },
  };
}

interface Place {
  line: number;
  character: number;
}

/** Permission modes, most careful first. */
const MODES: [mode: PermissionMode, what: string][] = [
  ["plan", "Pi reads and changes nothing."],
  ["ask", "Pi reads in this project and asks for everything else."],
  ["edit", "Pi also edits files in this project; it asks before it runs commands."],
  ["full", "Pi does everything without asking, except what a rule names."],
];

function pickers(session: Session): Record<string, Handler> {
  return {
    "pi.model": async () => {
      await session.open();
      const items = session.models.map((model) => ({
        label: model.id, description: model.provider, model,
        detail: [
          model.contextWindow > 0 ? `${tokens(model.contextWindow)} tokens` : "",
          model.cost.input + model.cost.output > 0 ? `$${model.cost.input} in, $${model.cost.output} out per million` : "",
        ].filter((it) => it !== "").join(" · "),
      }));
      const chosen = await vscode.window.showQuickPick(items, { title: "Model", matchOnDescription: true });
      if (chosen) await session.setModel(chosen.model);
    },
    "pi.mode": async () => {
      await session.open();
      const items = MODES.map(([mode, detail]) => ({
        label: mode, detail, mode, description: mode === session.chat.mode ? "now" : "",
      }));
      const chosen = await vscode.window.showQuickPick(items, { title: "What Pi may do without asking" });
      if (chosen) await session.setMode(chosen.mode);
    },
    "pi.thinking": async () => {
      await session.open();
      const items = session.levels.map((level) => ({
        label: level, description: level === session.chat.thinking ? "now" : "", level,
      }));
      const chosen = await vscode.window.showQuickPick(items, { title: "How hard the model thinks" });
      if (chosen) await session.setThinking(chosen.level);
    },
  };
}

async function exportHtml(session: Session): Promise<void> {
  await session.open();
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const target = await vscode.window.showSaveDialog({
    title: "Export chat", filters: { HTML: ["html"] },
    ...(folder && { defaultUri: vscode.Uri.joinPath(folder, `${session.chat.name ?? "chat"}.html`) }),
  });
  if (target) await session.request("pi/exportHtml", { outputPath: target.fsPath });
}

async function showCost(session: Session): Promise<void> {
  const stats = await session.request("pi/getSessionStats", {});
  const { tokens: used, contextUsage: context } = stats;
  const lines = [
    `Cost of this chat: ${stats.cost > 0 ? `$${stats.cost.toFixed(4)}` : "–"}`,
    `Tokens: ${tokens(used.input)} in, ${tokens(used.output)} out, ${tokens(used.cacheRead)} from cache`,
    context ? `Context: ${context.tokens === null ? "–" : tokens(context.tokens)} of ${tokens(context.contextWindow)}` : "",
  ];
  const compact = "Compact now";
  const detail = lines.filter((it) => it !== "").join("\n");
  const pressed = await vscode.window.showInformationMessage("Cost and context", { modal: true, detail }, compact);
  if (pressed === compact) await session.request("pi/compact", {});
}

/** Plays the demo: a chat of its own with a scripted model, and a file that it edits. */
async function demo({ session, views }: Parts): Promise<void> {
  await views.focus();
  await session.open();
  const { sessionId, uri, prompt } = await session.request("pi/demo", {});
  await vscode.window.showTextDocument(vscode.Uri.parse(uri), { preview: false });
  await session.show(sessionId);
  await session.request("pi/prompt", { message: prompt });
}

/** Runs `pi doctor` where its output can be read. */
async function doctor(server: Server): Promise<void> {
  await server.ready();
  if (server.binary === undefined) return;
  const { env } = settings();
  vscode.window.createTerminal({ name: "pi doctor", shellPath: server.binary.path, shellArgs: ["doctor"], env }).show();
}

/** A key, or a local server: what a model needs. */
async function setUp(parts: Parts): Promise<void> {
  const ways = [
    { label: "Use a local model", detail: LOCAL, run: setUpLocal },
    { label: "Add a key", detail: "Kept in VS Code's secret storage, and given to the server in its environment.", run: setUpKey },
  ];
  const chosen = await vscode.window.showQuickPick(ways, { title: "Set up a model" });
  await chosen?.run(parts);
}

const LOCAL = "Start Ollama, llama.cpp, LM Studio or vLLM, then choose this.";

/** Looks for a local server again. */
async function setUpLocal({ session }: Parts): Promise<void> {
  await session.restart();
  if (session.chat.model === undefined) void vscode.window.showInformationMessage(`No local server answers yet. ${LOCAL}`);
}

async function setUpKey({ keys, session }: Parts): Promise<void> {
  const providers = Object.entries(PROVIDERS).map(([label, variable]) => ({
    label, variable, detail: `As ${variable} in the environment.`,
  }));
  const chosen = await vscode.window.showQuickPick(providers, { title: "Add a key" });
  if (chosen === undefined) return;
  for (let refused = ""; ;) {
    const key = await vscode.window.showInputBox({
      title: `Key for ${chosen.label}`, password: true, ignoreFocusOut: true, ...(refused !== "" && { prompt: refused }),
    });
    if (key === undefined || key.trim() === "") return;
    await keys.store(chosen.variable, key.trim());
    await session.restart();
    // Said where it was typed, and not in the first answer.
    refused = (await session.request("pi/checkKey", { provider: chosen.label.toLowerCase() })).refused ?? "";
    if (refused === "") break;
    await keys.forget(chosen.variable);
    await session.restart();
  }
  if (session.chat.model === undefined) {
    void vscode.window.showWarningMessage("No model was found. “Pi: Doctor” says what was looked for.");
  }
}

async function chooseProgram(session: Session): Promise<void> {
  const [file] = (await vscode.window.showOpenDialog({ title: "The pi program of pi-server", openLabel: "Use this" })) ?? [];
  if (file === undefined) return;
  await vscode.workspace.getConfiguration("pi").update("server.path", file.fsPath, vscode.ConfigurationTarget.Global);
  await session.restart();
}
