/** Notifications: only when the user does not see the chat, never more than one at a time. */
import * as vscode from "vscode";
import type { ChatViews } from "./chatView";
import type { Outcome } from "./model/chat";
import type { Session } from "./session";
import type { Asks } from "./ui";
import { settings } from "./settings";
import { count, oneLine, visible } from "./shared/describe";

/** A run of this length is worth telling to someone who went elsewhere, in milliseconds. */
const LONG = 30_000;
/** Longest part of an answer in a notification, in characters. */
const SHORT = 100;

export function registerNotices(session: Session, asks: Asks, views: ChatViews): vscode.Disposable {
  let open: object | undefined;
  /** What was told is seen: the message about it, which nobody can close but the user, keeps back no other. */
  const seen = (): boolean => {
    const sees = views.visible && vscode.window.state.focused;
    if (sees) open = undefined;
    return sees;
  };
  const tell = async (message: string, failed: boolean, look = () => views.focus()): Promise<void> => {
    if (open !== undefined) return;
    const mine = {};
    open = mine;
    const show = "Show";
    try {
      const pressed = await (failed ? vscode.window.showErrorMessage(message, show)
        : vscode.window.showInformationMessage(message, show));
      if (pressed === show) await look();
    } finally {
      if (open === mine) open = undefined;
    }
  };
  const told = new Set<string>();
  /** Whether this is news; said only to those who do not see it. */
  const asked = (id: string, about: string): boolean => {
    if (told.has(id)) return false;
    told.add(id);
    if (!seen()) void tell(`Pi asks: ${visible(oneLine(about))}`, false);
    return true;
  };
  const elsewhere = (id: string): void => void tell("Another chat waits for your answer", false, async () => {
    await session.show(id);
    await views.focus();
  });
  return vscode.Disposable.from(
    session.onSettled((outcome) => {
      const text = notice(outcome, settings().notify, views.visible, vscode.window.state.focused);
      if (text !== undefined) void tell(text, outcome.kind === "failed");
    }),
    session.onElsewhere(elsewhere),
    session.onChange(() => {
      seen();
      const [question] = session.chat.questions;
      if (question !== undefined) asked(question.id, question.command ?? question.title);
    }),
    asks.onChange(() => {
      const [question] = asks.of(session.id);
      if (question !== undefined && asked(question.id, question.title ?? "")) {
        views.post({ type: "say", text: `Pi asks: ${oneLine(question.title ?? "")}. Press Ctrl+Alt+P to answer.`, urgent: true });
      }
      for (const id of asks.sessions) {
        const [other] = asks.of(id);
        if (id === session.id || other === undefined || told.has(other.id)) continue;
        told.add(other.id);
        elsewhere(id);
      }
    }),
  );
}

/** What to say about the end of a run, if anything. */
function notice(
  outcome: Outcome, when: "needed" | "always" | "never", visible: boolean, focused: boolean,
): string | undefined {
  if (when === "never" || outcome.kind === "stopped") return undefined;
  const text = outcome.text.length > SHORT ? `${outcome.text.slice(0, SHORT - 1)}…` : outcome.text;
  if (outcome.kind === "failed") return visible && focused ? undefined : text;
  const away = !focused && outcome.duration > LONG;
  if (!away && !(when === "always" && !visible)) return undefined;
  const changes = outcome.changes > 0 ? ` · ${count(outcome.changes, "change")}` : "";
  return `Pi finished: ${text}${changes}`;
}
