/**
 * What Pi asks besides permission, and what extensions show (`pi/ui`). Nothing takes the focus: a question stands above
 * the prompt of its chat until it is answered or over. Leaving it is no answer.
 */
import type { ExtensionUiAnswer, ExtensionUiRequest, UiParams } from "./protocol";

export type Level = "info" | "warning" | "error";

/** Tells when nobody waits for the answer any more. */
export interface Over {
  readonly isOver: boolean;
  onOver(callback: () => void): void;
}

/** What the editor can show of what asks nothing. */
export interface Shows {
  /** A message that takes no focus. */
  tell(level: Level, message: string): void;
  /** An item of the status bar; without lines it goes. */
  status(key: string, lines: string[]): void;
  /** Text for the prompt. */
  prompt(text: string): void;
}

interface Open {
  sessionId: string;
  request: ExtensionUiRequest;
  settle(answer: ExtensionUiAnswer): void;
}

const NONE: ExtensionUiAnswer = { cancelled: true };

/** The questions that are open, and the titles that extensions gave chats. */
export class Asks {
  private open: Open[] = [];
  private readonly titles = new Map<string, string>();
  private readonly listeners = new Set<() => void>();

  /** Calls back when something of it is different. */
  onChange(listener: () => void): { dispose(): void } {
    this.listeners.add(listener);
    return { dispose: () => this.listeners.delete(listener) };
  }

  /** Those of a chat, oldest first. */
  of(sessionId: string | undefined): ExtensionUiRequest[] {
    return this.open.filter((it) => it.sessionId === sessionId).map((it) => it.request);
  }

  /** The chats that wait for an answer. */
  get sessions(): string[] {
    return [...new Set(this.open.map((it) => it.sessionId))];
  }

  /** Asks; resolves with the first answer, or with none when it is over. */
  async ask({ sessionId, request }: UiParams, over: Over): Promise<ExtensionUiAnswer> {
    if (over.isOver) return NONE;
    return await new Promise((resolve) => {
      this.open.push({ sessionId, request, settle: resolve });
      over.onOver(() => this.answer(request.id, NONE));
      this.changed();
    });
  }

  /** The answer to a question, if it is still open. */
  answer(id: string, answer: ExtensionUiAnswer): void {
    const found = this.open.find((it) => it.request.id === id);
    if (found === undefined) return;
    this.open = this.open.filter((it) => it !== found);
    found.settle(answer);
    this.changed();
  }

  title(sessionId: string | undefined): string | undefined {
    return this.titles.get(sessionId ?? "");
  }

  setTitle(sessionId: string, title: string): void {
    if (title === "") this.titles.delete(sessionId);
    else this.titles.set(sessionId, title);
    this.changed();
  }

  /** The server is gone: nobody waits any more. */
  clear(): void {
    const { open } = this;
    this.open = [];
    this.titles.clear();
    for (const it of open) it.settle(NONE);
    this.changed();
  }

  private changed(): void {
    for (const it of this.listeners) it();
  }
}

/** Serves one request. */
export async function serve(params: UiParams, asks: Asks, shows: Shows, over: Over): Promise<ExtensionUiAnswer | null> {
  const { request } = params;
  switch (request.method) {
    case "select":
    case "confirm":
    case "input":
    case "editor":
      return await asks.ask(params, over);
    case "notify":
      shows.tell(request.notifyType ?? "info", request.message ?? "");
      break;
    case "setStatus":
      shows.status(`status ${request.statusKey ?? ""}`, request.statusText === undefined ? [] : [request.statusText]);
      break;
    case "setWidget":
      shows.status(`widget ${request.widgetKey ?? ""}`, request.widgetLines ?? []);
      break;
    case "set_editor_text":
      shows.prompt(request.text ?? "");
      break;
    case "setTitle":
      // Of the chat: the title of the window is the user's.
      asks.setTitle(params.sessionId, request.title ?? "");
      break;
  }
  return null;
}
