/** Saves documents for the server (`pi/saveDocuments`), as the user's own save does: with formatters and with conflicts. */
import * as vscode from "vscode";
import type { NotSaved, SaveDocumentsParams, SavedDocuments } from "./protocol";

export async function saveDocuments({ uris }: SaveDocumentsParams): Promise<SavedDocuments> {
  const outcomes = await Promise.all(uris.map(save));
  return { failed: outcomes.filter((it) => it !== undefined) };
}

async function save(uri: string): Promise<NotSaved | undefined> {
  const wanted = vscode.Uri.parse(uri).toString();
  const document = vscode.workspace.textDocuments.find((it) => it.uri.toString() === wanted);
  if (document === undefined) return { uri, message: "it is not open" };
  // False when the file has changed on disk, is read-only, or the user declined: VS Code has told why.
  if (!document.isDirty || await document.save()) return undefined;
  return { uri, message: "VS Code did not save it" };
}
