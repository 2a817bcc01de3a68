/**
 * What Pi asks besides permission, and what extensions show (`pi/ui`). Nothing takes the focus: a question is announced,
 * and opens when the user says so. Choosing nothing is no answer. The dialogs themselves are VS Code's (`dialogs.ts`).
 */
import type { ExtensionUiAnswer, ExtensionUiRequest } from "./protocol";

export type Level = "info" | "warning" | "error";

/** Tells when nobody waits for the answer any more. */
export interface Over {
  readonly isOver: boolean;
  onOver(callback: () => void): void;
}

/** What the editor can show. A dialog ends by itself when it is over; `undefined` is no answer. */
export interface Dialogs {
  /** A message that takes no focus; the button that was pressed. */
  tell(level: Level, message: string, ...buttons: string[]): Promise<string | undefined>;
  pick(title: string, items: string[], over: Over): Promise<string | undefined>;
  confirm(title: string, detail: string, over: Over): Promise<boolean | undefined>;
  input(title: string, placeholder: string, over: Over): Promise<string | undefined>;
  edit(title: string, prefill: string, over: Over): Promise<string | undefined>;
  /** An item of the status bar; without lines it goes. */
  status(key: string, lines: string[]): void;
  /** Text for the prompt. */
  prompt(text: string): void;
}

const ANSWER = "Answer";

/** Serves one request. */
export async function serve(request: ExtensionUiRequest, dialogs: Dialogs, over: Over): Promise<ExtensionUiAnswer | null> {
  switch (request.method) {
    case "select":
      return asked(request, dialogs, over, async (title) => {
        const value = await dialogs.pick(title, request.options ?? [], over);
        return value === undefined ? undefined : { value };
      });
    case "confirm":
      return asked(request, dialogs, over, async (title) => {
        const confirmed = await dialogs.confirm(title, request.message ?? "", over);
        return confirmed === undefined ? undefined : { confirmed };
      });
    case "input":
      return asked(request, dialogs, over, async (title) => {
        const value = await dialogs.input(title, request.placeholder ?? "", over);
        return value === undefined ? undefined : { value };
      });
    case "editor":
      return asked(request, dialogs, over, async (title) => {
        const value = await dialogs.edit(title, request.prefill ?? "", over);
        return value === undefined ? undefined : { value };
      });
    case "notify":
      // Nobody waits until it is read.
      void dialogs.tell(request.notifyType ?? "info", request.message ?? "");
      return null;
    case "setStatus":
      dialogs.status(`status ${request.statusKey ?? ""}`, request.statusText === undefined ? [] : [request.statusText]);
      return null;
    case "setWidget":
      dialogs.status(`widget ${request.widgetKey ?? ""}`, request.widgetLines ?? []);
      return null;
    case "set_editor_text":
      dialogs.prompt(request.text ?? "");
      return null;
    // The title of the window is the user's.
    default:
      return null;
  }
}

async function asked(
  request: ExtensionUiRequest, dialogs: Dialogs, over: Over,
  ask: (title: string) => Promise<ExtensionUiAnswer | undefined>,
): Promise<ExtensionUiAnswer> {
  const none = { cancelled: true };
  const title = request.title ?? "";
  const ended = new Promise<undefined>((resolve) => over.onOver(() => resolve(undefined)));
  const pressed = await Promise.race([dialogs.tell("info", `Pi asks: ${title}`, ANSWER), ended]);
  if (pressed !== ANSWER || over.isOver) return none;
  return await Promise.race([ask(title), ended]) ?? none;
}
