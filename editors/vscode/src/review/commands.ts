/** The commands of the review, and the context keys that say where they make sense. */
import * as vscode from "vscode";
import { register } from "../commands";
import { covers, neighbour } from "../model/hunks";
import type { EditHunk } from "../protocol";
import { settings } from "../settings";
import type { Review } from "./review";
import { BASE, compare, rangeOf } from "./show";
import type { Node } from "./tree";

/** What a lens, the tree or a key names: an id, a row, or nothing. */
type Named = string | Node | undefined;

export function registerReview(review: Review): vscode.Disposable {
  const byId = (id: string): EditHunk | undefined => review.all().find((it) => it.id === id);
  const atCursor = (): EditHunk | undefined => {
    const editor = vscode.window.activeTextEditor;
    return editor && review.of(editor.document.uri).find((it) => covers(it, editor.selection.active.line));
  };
  const meant = (named: Named): EditHunk | undefined =>
    named === undefined ? atCursor() : typeof named === "string" ? byId(named) : named.hunk;
  const file = (named: Node | undefined): vscode.Uri | undefined =>
    named?.uri ?? vscode.window.activeTextEditor?.document.uri;

  const decide = async (named: Named, keep: boolean): Promise<void> => {
    const hunk = meant(named);
    if (hunk === undefined) return;
    const which = { hunks: [hunk.id] };
    await (keep ? review.keep(which) : review.reject(which));
    if (settings().advance && vscode.window.activeTextEditor?.document.uri.toString() === hunk.uri) {
      const next = neighbour(review.of(vscode.Uri.parse(hunk.uri)), { uri: hunk.uri, line: hunk.range.start.line }, true);
      if (next) await reveal(next);
    }
  };
  const decideFile = async (named: Node | undefined, keep: boolean): Promise<void> => {
    const uri = file(named)?.toString();
    if (uri !== undefined) await (keep ? review.keep({ uri }) : review.reject({ uri }));
  };
  const step = async (forward: boolean): Promise<void> => {
    const editor = vscode.window.activeTextEditor;
    const at = editor && { uri: editor.document.uri.toString(), line: editor.selection.active.line };
    const next = neighbour(review.all(), at, forward);
    if (next) await reveal(next);
    else void vscode.window.showInformationMessage("Nothing to review");
  };
  return vscode.Disposable.from(keys(review, atCursor), register({
    "pi.hunk.keep": (named?: Named) => decide(named, true),
    "pi.hunk.reject": (named?: Named) => decide(named, false),
    "pi.hunk.next": () => step(true),
    "pi.hunk.previous": () => step(false),
    "pi.hunk.show": (id: string) => {
      const hunk = byId(id);
      return hunk && reveal(hunk);
    },
    "pi.hunk.diff": (named?: Named) => {
      const hunk = meant(named);
      const uri = hunk ? vscode.Uri.parse(hunk.uri) : typeof named === "string" ? undefined : file(named);
      return uri && compare(uri, hunk);
    },
    "pi.file.keep": (named?: Node) => decideFile(named, true),
    "pi.file.reject": (named?: Node) => decideFile(named, false),
    "pi.all.keep": () => review.keep({ scope: "folder" }),
    "pi.all.reject": () => review.reject({ scope: "folder" }),
    "pi.all.redo": () => review.redo(),
    "pi.all.open": () => vscode.commands.executeCommand("vscode.changes", "Changes of Pi",
      review.files().map((uri) => [uri, uri.with({ scheme: BASE }), uri])),
  }));
}

async function reveal(hunk: EditHunk): Promise<void> {
  const uri = vscode.Uri.parse(hunk.uri);
  if (hunk.file === "deleted") return compare(uri, undefined);
  const editor = await vscode.window.showTextDocument(uri, { preview: true });
  const { start } = rangeOf(hunk, editor.document);
  editor.selection = new vscode.Selection(start, start);
  editor.revealRange(new vscode.Range(start, start), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

function keys(review: Review, atCursor: () => EditHunk | undefined): vscode.Disposable {
  const set = (key: string, value: boolean): void => void vscode.commands.executeCommand("setContext", key, value);
  const update = (): void => {
    const editor = vscode.window.activeTextEditor;
    set("pi.pendingHunks", review.all().length > 0);
    set("pi.fileHasHunks", editor !== undefined && review.of(editor.document.uri).length > 0);
    set("pi.hunkAtCursor", atCursor() !== undefined);
  };
  return vscode.Disposable.from(
    review.onChange(update), vscode.window.onDidChangeActiveTextEditor(update),
    vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => {
      if (review.of(textEditor.document.uri).length > 0) update();
    }),
  );
}
