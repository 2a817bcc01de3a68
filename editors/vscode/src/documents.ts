/**
 * Saves documents for the server (`pi/saveDocuments`), as the user's own save does: with formatters and with conflicts.
 * And waits until VS Code shows what others have made of files (`pi/reloadDocuments`).
 */
import * as vscode from "vscode";
import type {
  NotReloaded, NotSaved, ReloadDocumentsParams, ReloadedDocuments, SaveDocumentsParams, SavedDocuments,
} from "./protocol";

/** VS Code notices changes of files in less; then the server changes the documents itself. */
const RELOAD_MS = 3000;

export async function saveDocuments({ uris }: SaveDocumentsParams): Promise<SavedDocuments> {
  const outcomes = await Promise.all(uris.map(save));
  return { failed: outcomes.filter((it) => it !== undefined) };
}

/** VS Code reads files again by itself where nothing is unsaved: what is asked for is to say when it has. */
export async function reloadDocuments({ uris }: ReloadDocumentsParams): Promise<ReloadedDocuments> {
  const outcomes = await Promise.all(uris.map(reload));
  return { failed: outcomes.filter((it) => it !== undefined) };
}

async function reload(uri: string): Promise<NotReloaded | undefined> {
  const document = open(uri);
  if (document === undefined) return { uri, message: "it is not open" };
  const isDone = async () =>
    !document.isDirty && document.getText() === await onDisk(document.uri);
  if (document.isDirty) return { uri, message: "it has unsaved changes" };
  return new Promise((resolve) => {
    const end = (outcome: NotReloaded | undefined) => {
      watch.dispose();
      clearTimeout(timer);
      resolve(outcome);
    };
    const look = async () => {
      if (await isDone()) end(undefined);
    };
    const watch = vscode.workspace.onDidChangeTextDocument((it) => {
      if (it.document === document) void look();
    });
    const timer = setTimeout(() => end({ uri, message: "VS Code did not read it again" }), RELOAD_MS);
    void look();
  });
}

async function onDisk(uri: vscode.Uri): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
  } catch {
    return undefined;
  }
}

function open(uri: string): vscode.TextDocument | undefined {
  const wanted = vscode.Uri.parse(uri).toString();
  return vscode.workspace.textDocuments.find((it) => it.uri.toString() === wanted);
}

async function save(uri: string): Promise<NotSaved | undefined> {
  const document = open(uri);
  if (document === undefined) return { uri, message: "it is not open" };
  // False when the file has changed on disk, is read-only, or the user declined: VS Code has told why.
  if (!document.isDirty || await document.save()) return undefined;
  return { uri, message: "VS Code did not save it" };
}
