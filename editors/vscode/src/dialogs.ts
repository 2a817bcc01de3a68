/** VS Code's side of `pi/ui` (`ui.ts`): messages, and the items of the status bar that extensions fill. */
import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import type { ExtensionUiAnswer, UiParams } from "./protocol";
import { oneLine, visible } from "./shared/describe";
import { serve, type Asks, type Level, type Over, type Shows } from "./ui";

/** Answers `pi/ui`; `prompt` takes text for the prompt. */
export function serveUi(client: LanguageClient, asks: Asks, prompt: (text: string) => void): vscode.Disposable {
  const items = new Map<string, vscode.StatusBarItem>();
  const shows: Shows = { tell, prompt, status: (key, lines) => status(items, key, lines) };
  const serving = client.onRequest(
    "pi/ui",
    async (params: UiParams, token: vscode.CancellationToken): Promise<ExtensionUiAnswer | null> =>
      await serve(params, asks, shows, overWith(token)),
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

/** Nobody waits until it is read. */
function tell(level: Level, message: string): void {
  const text = visible(message);
  switch (level) {
    case "error": return void vscode.window.showErrorMessage(text);
    case "warning": return void vscode.window.showWarningMessage(text);
    case "info": return void vscode.window.showInformationMessage(text);
  }
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
