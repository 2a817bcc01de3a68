/** Notifications: only when the user does not see the chat, never more than one at a time. */
import * as vscode from "vscode";
import type { ChatViews } from "./chatView";
import type { Outcome } from "./model/chat";
import type { Session } from "./session";
import { settings } from "./settings";
import { count, oneLine, visible } from "./shared/describe";

/** A run of this length is worth telling to someone who went elsewhere, in milliseconds. */
const LONG = 30_000;
/** Longest part of an answer in a notification, in characters. */
const SHORT = 100;

export function registerNotices(session: Session, views: ChatViews): vscode.Disposable {
  let open = false;
  const tell = async (message: string, failed: boolean, look = () => views.focus()): Promise<void> => {
    if (open) return;
    open = true;
    const show = "Show";
    try {
      const pressed = await (failed ? vscode.window.showErrorMessage(message, show)
        : vscode.window.showInformationMessage(message, show));
      if (pressed === show) await look();
    } finally {
      open = false;
    }
  };
  const told = new Set<string>();
  return vscode.Disposable.from(
    session.onSettled((outcome) => {
      const text = notice(outcome, settings().notify, views.visible, vscode.window.state.focused);
      if (text !== undefined) void tell(text, outcome.kind === "failed");
    }),
    session.onElsewhere((id) => void tell("Another chat waits for your answer", false, async () => {
      await session.show(id);
      await views.focus();
    })),
    session.onChange(() => {
      const [question] = session.chat.questions;
      if (question === undefined || told.has(question.id)) return;
      told.add(question.id);
      if (views.visible && vscode.window.state.focused) return;
      void tell(`Pi asks: ${visible(oneLine(question.command ?? question.title))}`, false);
    }),
  );
}

/** What to say about the end of a run, if anything. */
function notice(
  outcome: Outcome, when: "needed" | "always" | "never", visible: boolean, focused: boolean,
): string | undefined {
  if (when === "never" || outcome.kind === "stopped") return undefined;
  const text = outcome.text.length > SHORT ? `${outcome.text.slice(0, SHORT - 1)}…` : outcome.text;
  if (outcome.kind === "failed") return visible && focused ? undefined : `Pi failed: ${text}`;
  const away = !focused && outcome.duration > LONG;
  if (!away && !(when === "always" && !visible)) return undefined;
  const changes = outcome.changes > 0 ? ` · ${count(outcome.changes, "change")}` : "";
  return `Pi finished: ${text}${changes}`;
}
