/** What the chat view shows besides the transcript, put together from the session, the server and the context. */
import * as path from "node:path";
import * as vscode from "vscode";
import type { ContextTracker } from "./context";
import { isProblem } from "./context";
import type { Review } from "./review/review";
import type { Server } from "./server";
import type { Session } from "./session";
import type { ExtensionUiRequest, PermissionRequest, QueueItem } from "./protocol";
import type { Ask, Chip, PermissionQuestion, Queued, ViewState } from "./shared/messages";
import { count, modelName, relative, visible } from "./shared/describe";
import { settings } from "./settings";

/** The chip that names the folder of the chat. */
export const HOME = "home";

const WAITING = "Waiting for your answer";

export class ViewModel {
  constructor(
    private readonly server: Server,
    private readonly session: Session,
    private readonly tracker: ContextTracker,
    private readonly review: Review,
  ) {}

  state(): ViewState {
    const { chat } = this.session;
    const { activity } = chat;
    const configured = settings();
    const others = this.server.asks.of(this.session.id);
    return {
      title: this.server.asks.title(this.session.id) ?? chat.name ?? "",
      screen: this.screen(),
      problem: this.server.problem,
      restricted: !vscode.workspace.isTrusted,
      folder: (vscode.workspace.workspaceFolders?.length ?? 0) > 0,
      running: activity.busy,
      stopping: activity.state === "stopping",
      retrying: activity.state === "retrying",
      strip: others.length > 0 && activity.state !== "asking" ? WAITING : activity.text,
      since: activity.since,
      later: activity.later,
      queue: chat.queue.map(queued),
      questions: [...chat.questions.map((it) => asked(it, chat.root)), ...others.map(ask)],
      review: { changes: this.review.all().length, files: this.review.files().length, taken: this.review.taken?.text ?? "" },
      edits: chat.transcript.changing,
      chips: [...this.home(), ...this.tracker.chips()],
      model: chat.model === undefined ? "" : modelName(chat.model),
      found: chat.model?.local === true,
      thinking: chat.model?.reasoning === true ? chat.thinking : "",
      mode: chat.mode,
      context: this.gauge(),
      cost: chat.cost > 0 ? `$${chat.cost.toFixed(2)}` : "–",
      suggestions: this.suggestions(),
      enter: configured.sendWhileRunning,
      showThinking: configured.showThinking === "always",
      tools: configured.tools,
    };
  }

  private screen(): ViewState["screen"] {
    if (this.server.phase === "off" && this.server.problem !== "") return "missing";
    if (!this.session.known) return "starting";
    return this.session.chat.model === undefined ? "setup" : "chat";
  }

  private gauge(): string {
    const { contextTokens, model } = this.session.chat;
    if (contextTokens === undefined || model === undefined || model.contextWindow === 0) return "";
    return `${Math.round((100 * contextTokens) / model.contextWindow)} %`;
  }

  /** Where several folders are open: the one this chat is at home in. */
  private home(): Chip[] {
    if ((vscode.workspace.workspaceFolders?.length ?? 0) < 2) return [];
    const name = path.basename(this.session.chat.root);
    return [{ id: HOME, label: `in: ${name} ▾`, title: `This chat works in ${name}: click for a new one elsewhere`, ghost: false }];
  }

  /** For an empty chat; only of what is there. */
  private suggestions(): string[] {
    const found: string[] = [];
    if (this.session.chat.transcript.items.length > 0) return found;
    for (const [uri, all] of vscode.languages.getDiagnostics()) {
      const serious = all.filter(isProblem).length;
      if (serious === 0 || vscode.workspace.getWorkspaceFolder(uri) === undefined) continue;
      found.push(`Fix the ${count(serious, "problem")} in ${vscode.workspace.asRelativePath(uri)}`);
      break;
    }
    if ((vscode.workspace.workspaceFolders?.length ?? 0) > 0) {
      found.push("Explain this project", "Review my uncommitted changes");
    }
    return found;
  }
}

function queued({ id, kind, text, held }: QueueItem): Queued {
  return { id, kind: kind === "steer" ? "steer" : "after", text, held };
}

/** Any other question, with nothing invisible in what is only read. */
export function ask(it: ExtensionUiRequest): Ask {
  const kind = it.method === "select" || it.method === "confirm" || it.method === "input" ? it.method : "editor";
  return {
    kind, id: it.id, title: visible(it.title ?? ""), message: visible(it.message ?? ""),
    options: it.options ?? [], placeholder: it.placeholder ?? "", prefill: it.prefill ?? "",
  };
}

/** A question with everything that it is about, and nothing invisible. */
export function asked(it: PermissionRequest, root: string): PermissionQuestion {
  const [body, bodyKind] = it.command !== undefined ? [it.command, "command" as const]
    : it.diff !== undefined ? [it.diff, "diff" as const] : [it.text, "text" as const];
  const paths = new Set((it.paths ?? []).map((path) => relative(path, root)));
  const elsewhere = it.command !== undefined && it.cwd !== "" && it.cwd !== root;
  const note = it.note === undefined ? [] : [it.note];
  const place = [...(elsewhere ? [`in ${relative(it.cwd, root)}`] : []), ...paths, ...note];
  return {
    kind: "permission", id: it.id, title: it.title, body: visible(body), bodyKind,
    parts: it.parts.map((part) => ({ text: visible(part.text), allowed: part.allowed, why: part.why })),
    place: visible(place.join(" · ")), reason: visible(it.reason ?? ""), risky: it.risk === "high",
    choices: it.choices.map(({ id, label, rules }) => ({ id, label, rules: (rules ?? []).map(visible) })),
  };
}
