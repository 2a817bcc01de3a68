/** What the chat view shows besides the transcript, put together from the session, the server and the context. */
import * as vscode from "vscode";
import type { ContextTracker } from "./context";
import { isProblem } from "./context";
import type { Server } from "./server";
import type { Session } from "./session";
import type { Queued, ViewState } from "./shared/messages";
import { count } from "./shared/describe";
import { settings } from "./settings";

export class ViewModel {
  constructor(
    private readonly server: Server,
    private readonly session: Session,
    private readonly tracker: ContextTracker,
  ) {}

  state(): ViewState {
    const { chat, held } = this.session;
    const { activity } = chat;
    const configured = settings();
    return {
      title: chat.name ?? "",
      screen: this.screen(),
      problem: this.server.problem,
      restricted: !vscode.workspace.isTrusted,
      folder: (vscode.workspace.workspaceFolders?.length ?? 0) > 0,
      running: activity.busy,
      stopping: activity.state === "stopping",
      strip: activity.text,
      since: activity.since,
      waiting: activity.state === "waiting",
      queue: this.queue(),
      held,
      chips: this.tracker.chips(),
      model: chat.model?.id ?? "",
      thinking: chat.model?.reasoning === true ? chat.thinking : "",
      context: this.gauge(),
      cost: chat.cost > 0 || chat.priced ? `$${chat.cost.toFixed(2)}` : "–",
      suggestions: this.suggestions(),
      enter: configured.sendWhileRunning,
      showThinking: configured.showThinking === "always",
    };
  }

  private screen(): ViewState["screen"] {
    if (this.server.phase === "off" && this.server.problem !== "") return "missing";
    if (this.session.id === undefined) return "starting";
    return this.session.chat.model === undefined ? "setup" : "chat";
  }

  private queue(): Queued[] {
    const { chat } = this.session;
    const { steering, followUp } = chat.queue;
    return [
      ...steering.map((text, at): Queued => ({ id: `steer-${at}`, kind: "steer", text: chat.typed(text) })),
      ...followUp.map((text, at): Queued => ({ id: `after-${at}`, kind: "after", text: chat.typed(text) })),
    ];
  }

  private gauge(): string {
    const { contextTokens, model } = this.session.chat;
    if (contextTokens === undefined || model === undefined || model.contextWindow === 0) return "";
    return `${Math.round((100 * contextTokens) / model.contextWindow)} %`;
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
