/** The item in the status bar and the context keys: what Pi does, for those who do not look at the chat. */
import * as vscode from "vscode";
import type { Review } from "./review/review";
import type { Server } from "./server";
import type { Session } from "./session";
import { clock } from "./shared/describe";

export function registerStatus(server: Server, session: Session, review: Review): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("pi.status", vscode.StatusBarAlignment.Left, 10);
  item.name = "Pi";
  item.command = "pi.chat.focus";
  let timer: NodeJS.Timeout | undefined;
  const keys = new Map<string, boolean>();
  const setKey = (key: string, value: boolean): void => {
    if (keys.get(key) === value) return;
    keys.set(key, value);
    void vscode.commands.executeCommand("setContext", key, value);
  };
  const show = (): void => {
    const { activity, model } = session.chat;
    const { label, problem } = look(server, session, review.all().length);
    item.text = label;
    item.backgroundColor = problem === "waiting" ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
    item.tooltip = [
      activity.text === "" ? "Pi" : activity.text, model ? `Model: ${model.id}` : "", server.problem,
    ].filter((it) => it !== "").join("\n");
    item.accessibilityInformation = { label: activity.text === "" ? "Pi, ready" : `Pi, ${activity.text}` };
  };
  const update = (): void => {
    const { activity, queue, questions, transcript } = session.chat;
    setKey("pi.running", activity.busy);
    setKey("pi.toolRuns", activity.state === "tool");
    setKey("pi.retrying", activity.state === "retrying");
    setKey("pi.canRetry", activity.state === "retrying" || activity.state === "failed");
    setKey("pi.queued", queue.length > 0);
    setKey("pi.waiting", questions.length > 0);
    setKey("pi.hasEdits", transcript.changing);
    show();
    // The clock ticks only while there is something to count.
    if (activity.busy && timer === undefined) timer = setInterval(show, 1000);
    if (!activity.busy) {
      clearInterval(timer);
      timer = undefined;
    }
  };
  update();
  item.show();
  return vscode.Disposable.from(
    item, session.onChange(update), server.onPhase(update), review.onChange(show),
    server.asks.onChange(show), { dispose: () => clearInterval(timer) },
  );
}

function look(server: Server, session: Session, hunks: number): { label: string; problem?: "waiting" | "failed" } {
  const { activity, model } = session.chat;
  if (server.problem !== "" && server.phase === "off") return { label: "$(error) π", problem: "failed" };
  if (activity.state === "asking" || server.asks.of(session.id).length > 0) return { label: "$(bell) π answer", problem: "waiting" };
  if (activity.busy) return { label: `$(sync~spin) π ${clock(Date.now() - activity.since)}` };
  if (activity.state === "failed") return { label: "$(error) π", problem: "failed" };
  if (session.known && model === undefined) return { label: "$(circle-slash) π set up" };
  return { label: hunks > 0 ? `π ${hunks}` : "π" };
}
