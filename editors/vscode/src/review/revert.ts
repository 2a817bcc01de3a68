/** “Revert everything after this…”: which prompt, what that comes to, and what of it is to be done. */
import * as vscode from "vscode";
import { text } from "../chatView";
import { register } from "../commands";
import { beside, filesBack, offer, staying } from "../model/revert";
import type { EditHunk } from "../protocol";
import type { Prompt, Session } from "../session";
import { count, oneLine, relative, visible } from "../shared/describe";
import type { Review } from "./review";
import { rangeOf } from "./show";

/** Scheme of the document that shows what would be taken back. */
const PATCH = "pi-patch";
const SHOWN = vscode.Uri.from({ scheme: PATCH, path: "/Would be reverted.diff" });

/** What the view names: a row of the chat. */
interface Named {
  row?: unknown;
}

type Item = vscode.QuickPickItem & { act?: "files" | "conversation"; look?: () => Promise<void> };

export function registerRevert(review: Review, session: Session): vscode.Disposable {
  const patch = new Patch();
  return vscode.Disposable.from(
    patch, vscode.workspace.registerTextDocumentContentProvider(PATCH, patch),
    register({
      "pi.revertAfter": async (named?: Named) => {
        const prompt = typeof named?.row === "number" ? await session.promptOf(named.row) : await choose(session);
        if (prompt === undefined) return;
        const act = await ask(session, review, patch, prompt);
        if (act !== undefined) await review.revert(prompt.id, act === "conversation");
      },
    }),
  );
}

async function choose(session: Session): Promise<Prompt | undefined> {
  const prompts = await session.prompts();
  const items = prompts.map((prompt) => ({ label: oneLine(prompt.text), prompt }));
  return (await vscode.window.showQuickPick(items, { title: "Revert everything after" }))?.prompt;
}

/** Shows what it comes to; leaving it decides nothing. */
async function ask(session: Session, review: Review, patch: Patch, prompt: Prompt): Promise<Item["act"]> {
  const { back, stays, commands } = await review.preview(prompt.id);
  const of = back.length + stays.length;
  if (of === 0) {
    const but = beside(commands);
    void vscode.window.showInformationMessage(but === "" ? "Nothing was changed since." : `Nothing on record was changed since. ${but}.`);
    return undefined;
  }
  const { root, activity } = session.chat;
  const pathOf = (uri: string): string => vscode.Uri.parse(uri).fsPath;
  const items: Item[] = [];
  if (back.length > 0) {
    const stops = activity.busy ? "Pi stops. " : "";
    items.push({ label: `$(discard) ${offer(back, stays.length)}`, detail: "The chat stays as it is.", act: "files" }, {
      label: `$(history) ${offer(back, stays.length)}, and the conversation`, act: "conversation",
      detail: `${stops}A new chat goes on from before the prompt, to be sent again.`,
    });
  }
  const hunks = [...back, ...stays.flatMap((it) => it.hunk ?? [])];
  items.push({ label: "$(diff) Compare", look: async () => {
    await patch.show((await session.request("pi/edits/diff", { hunks: hunks.map((it) => it.id) })).diff);
  } });
  const files = filesBack(back, root, pathOf);
  if (files.length > 0) items.push({ label: "Goes back", kind: vscode.QuickPickItemKind.Separator });
  for (const { path, what, hunk } of files) items.push({ label: path, description: what, ...seen(hunk) });
  if (stays.length + commands.length > 0) items.push({ label: "Stays", kind: vscode.QuickPickItemKind.Separator });
  for (const { hunk, reason } of stays) {
    if (hunk === undefined) items.push({ label: reason });
    else {
      const label = `${relative(pathOf(hunk.uri), root)}:${hunk.range.start.line + 1}`;
      items.push({ label, description: reason, ...seen(hunk) });
    }
  }
  for (const it of commands) items.push({ label: `$(terminal) ${visible(oneLine(it))}`, description: "What it changed beside that" });
  return await pickOf(items, `Revert everything after “${oneLine(prompt.text)}”`,
    stays.length === 0 ? `${count(of, "change")}, kept ones included` : staying(stays.map((it) => it.reason), of));
}

/** What is chosen; what only shows something leaves the choice open. */
async function pickOf(items: Item[], title: string, placeholder: string): Promise<Item["act"]> {
  const pick = vscode.window.createQuickPick<Item>();
  Object.assign(pick, { items, title, placeholder, ignoreFocusOut: true, matchOnDescription: true });
  return await new Promise((resolve) => {
    pick.onDidAccept(() => {
      const [chosen] = pick.selectedItems;
      if (chosen?.act === undefined) {
        chosen?.look?.().catch((error: unknown) => void vscode.window.showErrorMessage(text(error)));
        return;
      }
      resolve(chosen.act);
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
}

/** How a change is shown in its file, if there is one. */
function seen(hunk: EditHunk): Pick<Item, "look"> {
  return hunk.file === "deleted" ? {} : { look: () => look(hunk) };
}

/** Leaves the focus where it is. */
async function look(hunk: EditHunk): Promise<void> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(hunk.uri));
  await vscode.window.showTextDocument(document, {
    preview: true, preserveFocus: true, selection: rangeOf(hunk, document),
  });
}

/** A document with a difference, read-only and never to be saved. */
class Patch implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private text = "";
  private readonly emitter = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.emitter.event;

  dispose(): void {
    this.emitter.dispose();
  }

  provideTextDocumentContent(): string {
    return this.text;
  }

  async show(text: string): Promise<void> {
    this.text = text;
    this.emitter.fire(SHOWN);
    await vscode.window.showTextDocument(SHOWN, { preview: true, preserveFocus: true });
  }
}
