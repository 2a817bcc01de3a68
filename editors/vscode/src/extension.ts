/** The extension: makes the parts and connects them. */
import * as vscode from "vscode";
import { registerActions } from "./actions";
import { ChatViews } from "./chatView";
import { registerCommands } from "./commands";
import { ContextTracker } from "./context";
import { Keys } from "./keys";
import { registerNotices } from "./notices";
import { Permissions } from "./permissions";
import { registerReview } from "./review/commands";
import { registerRevert } from "./review/revert";
import { Review } from "./review/review";
import { registerShow } from "./review/show";
import { registerTree } from "./review/tree";
import { Server } from "./server";
import { Session } from "./session";
import { registerSessions } from "./sessions";
import { registerStatus } from "./status";
import { ViewModel } from "./viewModel";

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const keys = new Keys(context.secrets);
  server = new Server(context, keys);
  const session = new Session(server, context.workspaceState);
  const tracker = new ContextTracker();
  const permissions = new Permissions(session, server.asks);
  const review = new Review(session);
  const model = new ViewModel(server, session, tracker, review);
  const views = new ChatViews(context.extensionUri, session, tracker, model, permissions, review, server.asks);
  context.subscriptions.push(
    views, permissions, tracker, session, server,
    registerCommands({ keys, permissions, server, session, tracker, views }),
    registerActions(session),
    review,
    registerReview(review),
    registerRevert(review, session),
    registerShow(review, context.extensionUri),
    registerTree(review),
    registerSessions(session),
    registerStatus(server, session, review),
    registerNotices(session, server.asks, views),
    server.onText((text) => views.insert(text)),
    // What Pi may do depends on it, and is told to the server when it starts.
    vscode.workspace.onDidGrantWorkspaceTrust(() => void session.restart().catch(() => undefined)),
  );
  // Code actions need the server. A failure stands in the status bar and in the chat.
  session.open().catch(() => undefined);
}

/** VS Code waits for it: the server ends before its window is gone. */
export function deactivate(): Promise<void> | undefined {
  return server?.stop();
}
