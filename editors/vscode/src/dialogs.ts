/** VS Code's dialogs for what Pi asks (`ui.ts`), and the items of the status bar that extensions fill. */
import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import type { ClientMethods, ExtensionUiAnswer } from "./protocol";
import { oneLine, visible } from "./shared/describe";
import { serve, type Dialogs, type Level, type Over } from "./ui";

const YES = "Yes";
const NO = "No";
const SEND = "Send";

/** Answers `pi/ui`; `prompt` takes text for the prompt. */
export function serveUi(client: LanguageClient, prompt: (text: string) => void): vscode.Disposable {
  const items = new Map<string, vscode.StatusBarItem>();
  const dialogs: Dialogs = { tell, pick, confirm, input, edit, prompt, status: (key, lines) => status(items, key, lines) };
  const serving = client.onRequest(
    "pi/ui",
    async ({ request }: ClientMethods["pi/ui"]["params"], token: vscode.CancellationToken): Promise<ExtensionUiAnswer | null> =>
      await serve(request, dialogs, overWith(token)),
  );
  return vscode.Disposable.from(serving, { dispose: () => items.forEach((it) => it.dispose()) });
}

function overWith(token: vscode.CancellationToken): Over {
  return {
    get isOver() {
      return token.isCancellationRequested;
    },
    onOver: (callback) => void token.onCancellationRequested(callback),
  };
}

/** A token for VS Code's dialogs, which then close by themselves. */
function tokenOf(over: Over): vscode.CancellationToken {
  const source = new vscode.CancellationTokenSource();
  over.onOver(() => source.cancel());
  if (over.isOver) source.cancel();
  return source.token;
}

async function tell(level: Level, message: string, ...buttons: string[]): Promise<string | undefined> {
  const text = visible(message);
  switch (level) {
    case "error": return await vscode.window.showErrorMessage(text, ...buttons);
    case "warning": return await vscode.window.showWarningMessage(text, ...buttons);
    case "info": return await vscode.window.showInformationMessage(text, ...buttons);
  }
}

async function pick(title: string, items: string[], over: Over): Promise<string | undefined> {
  const rows = items.map((value) => ({ label: oneLine(visible(value)), value }));
  const options = { title: visible(title), ignoreFocusOut: true };
  return (await vscode.window.showQuickPick(rows, options, tokenOf(over)))?.value;
}

async function confirm(title: string, detail: string): Promise<boolean | undefined> {
  const options = { modal: true, detail: visible(detail) };
  const pressed = await vscode.window.showInformationMessage(visible(title), options, YES, NO);
  return pressed === undefined ? undefined : pressed === YES;
}

async function input(title: string, placeHolder: string, over: Over): Promise<string | undefined> {
  return await vscode.window.showInputBox({ title: visible(title), placeHolder, ignoreFocusOut: true }, tokenOf(over));
}

/** A document without a file, and a message that sends it. */
async function edit(title: string, prefill: string, over: Over): Promise<string | undefined> {
  const document = await vscode.workspace.openTextDocument({ content: prefill });
  await vscode.window.showTextDocument(document, { preview: false });
  const pressed = await tell("info", title, SEND);
  return pressed === SEND && !over.isOver ? document.getText() : undefined;
}

function status(items: Map<string, vscode.StatusBarItem>, key: string, lines: string[]): void {
  const [first] = lines;
  if (first === undefined) {
    items.get(key)?.dispose();
    items.delete(key);
    return;
  }
  const item = items.get(key) ?? vscode.window.createStatusBarItem(`pi.${key}`, vscode.StatusBarAlignment.Left, 9);
  items.set(key, item);
  item.name = "Pi";
  item.text = oneLine(visible(first)).replaceAll("$(", "$\u200B(");
  item.tooltip = visible(lines.join("\n"));
  item.show();
}
