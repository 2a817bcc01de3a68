/**
 * What the editor knows, for the server (`pi/editor/*`): what the user looks at, the problems that are shown, and what
 * the other extensions' language servers say about the code. Only reads; opens nothing that the user would see.
 */
import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import type { ClientMethods, EditorLocation, EditorSymbol } from "./protocol";

/** What is announced under `experimental.pi`. */
export const KNOWLEDGE = {
  editorState: true, editorDiagnostics: true, editorDefinition: true, editorReferences: true, editorSymbols: true,
};

export function serveKnowledge(client: LanguageClient): void {
  const serve = <M extends keyof ClientMethods>(
    method: M, handler: (params: ClientMethods[M]["params"]) => Promise<ClientMethods[M]["result"]>,
  ): void => void client.onRequest(method, handler);
  serve("pi/editor/state", state);
  serve("pi/editor/diagnostics", diagnostics);
  serve("pi/editor/definition", ({ uri, position }) => places("vscode.executeDefinitionProvider", uri, position));
  serve("pi/editor/references", ({ uri, position }) => places("vscode.executeReferenceProvider", uri, position));
  serve("pi/editor/symbols", symbols);
}

async function state(): Promise<ClientMethods["pi/editor/state"]["result"]> {
  const visible = vscode.window.visibleTextEditors.filter(({ document }) => document.uri.scheme === "file");
  // While a chat in the editor area has the focus there is no active one.
  const editor = vscode.window.activeTextEditor ?? visible[0];
  const active = editor?.document.uri.scheme === "file"
    ? { uri: editor.document.uri.toString(), selection: plain(editor.selection) }
    : undefined;
  return { active, visible: visible.map((it) => it.document.uri.toString()) };
}

async function diagnostics(
  { uri }: ClientMethods["pi/editor/diagnostics"]["params"],
): Promise<ClientMethods["pi/editor/diagnostics"]["result"]> {
  const all: [vscode.Uri, readonly vscode.Diagnostic[]][] = uri === undefined
    ? vscode.languages.getDiagnostics()
    : [[vscode.Uri.parse(uri), vscode.languages.getDiagnostics(vscode.Uri.parse(uri))]];
  const documents = all.filter(([, found]) => found.length > 0).map(([document, found]) => ({
    uri: document.toString(),
    items: found.map(({ range, message, source, severity }) => ({
      range: plain(range), message, source, severity: severity + 1,
    })),
  }));
  return { documents };
}

async function places(
  command: string, uri: string, { line, character }: { line: number; character: number },
): Promise<{ locations: EditorLocation[] }> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(uri));
  const found = await vscode.commands.executeCommand<(vscode.Location | vscode.LocationLink)[] | undefined>(
    command, document.uri, new vscode.Position(line, character));
  const locations = (found ?? []).map((it) => "targetUri" in it
    ? { uri: it.targetUri.toString(), range: plain(it.targetSelectionRange ?? it.targetRange) }
    : { uri: it.uri.toString(), range: plain(it.range) });
  return { locations };
}

async function symbols(
  { uri, query }: ClientMethods["pi/editor/symbols"]["params"],
): Promise<{ symbols: EditorSymbol[] }> {
  if (uri === undefined) {
    const found = await vscode.commands.executeCommand<vscode.SymbolInformation[] | undefined>(
      "vscode.executeWorkspaceSymbolProvider", query ?? "");
    return { symbols: (found ?? []).map(flat) };
  }
  const document = await vscode.workspace.openTextDocument(vscode.Uri.parse(uri));
  const found = await vscode.commands.executeCommand<(vscode.DocumentSymbol | vscode.SymbolInformation)[] | undefined>(
    "vscode.executeDocumentSymbolProvider", document.uri);
  // VS Code gives both shapes at once: what it makes of a flat list has children, too.
  return { symbols: (found ?? []).flatMap((it) => "children" in it ? nested(it, uri) : [flat(it)]) };
}

function nested({ name, kind, range, children }: vscode.DocumentSymbol, uri: string, container?: string): EditorSymbol[] {
  const own = { name, kind: kind + 1, container, uri, range: plain(range) };
  return [own, ...children.flatMap((it) => nested(it, uri, name))];
}

function flat({ name, kind, containerName, location }: vscode.SymbolInformation): EditorSymbol {
  const container = containerName === "" ? undefined : containerName;
  return { name, kind: kind + 1, container, uri: location.uri.toString(), range: plain(location.range) };
}

/** Positions of VS Code are UTF-16, which is also what its language client negotiates. */
function plain({ start, end }: vscode.Range) {
  return {
    start: { line: start.line, character: start.character },
    end: { line: end.line, character: end.character },
  };
}
