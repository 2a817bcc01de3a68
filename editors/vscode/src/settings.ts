/** The settings of this extension, read when they are needed. */
import * as vscode from "vscode";

export interface Settings {
  path: string;
  args: string[];
  env: Record<string, string>;
  sendWhileRunning: "steer" | "queue";
  showThinking: "fold" | "always";
  tools: "compact" | "normal" | "full";
  currentFile: "ghost" | "send" | "off";
  codeLens: "all" | "first" | "off";
  advance: boolean;
  notify: "needed" | "always" | "never";
}

export function settings(): Settings {
  const all = vscode.workspace.getConfiguration("pi");
  return {
    path: all.get("server.path", ""),
    args: all.get("server.args", []),
    env: all.get("server.env", {}),
    sendWhileRunning: all.get("chat.sendWhileRunning", "steer"),
    showThinking: all.get("chat.showThinking", "fold"),
    tools: all.get("chat.tools", "compact"),
    currentFile: all.get("context.currentFile", "ghost"),
    codeLens: all.get("review.codeLens", "all"),
    advance: all.get("review.advance", true),
    notify: all.get("notify", "needed"),
  };
}

/** The server's own settings, in the shape of docs/config.md. A folder that is not trusted is only read. */
export function serverSettings(): object {
  if (!vscode.workspace.isTrusted) return { permissions: { mode: "plan" }, completion: { enabled: false } };
  const all = vscode.workspace.getConfiguration("pi");
  const mode = all.get<string | null>("permissions.mode");
  const review = all.get<string | null>("review.mode");
  // What is only a default here may be set in the server's own files.
  const set = <T>(key: string): T | undefined => {
    const it = all.inspect<T>(key);
    return it?.workspaceFolderValue ?? it?.workspaceValue ?? it?.globalValue;
  };
  const completion = { enabled: set<boolean>("completion.enabled"), model: set<string>("completion.model") };
  return { ...(mode && { permissions: { mode } }), ...(review && { review: { mode: review } }), completion };
}
