/**
 * What Pi can be asked about the code at the cursor: code actions and commands with the same words. The general
 * “ask about this…” comes from the server.
 */
import * as path from "node:path";
import * as vscode from "vscode";
import { register } from "./commands";
import { isProblem, region } from "./context";
import type { Attachment, Session } from "./session";

/** Longest part of a message in a title, in characters. */
const TITLE = 40;

/** Commands and what they ask for; the code goes along as context. */
const VERBS: Record<string, { title: string; message: string }> = {
  "pi.explain": { title: "explain", message: "Explain the selected code." },
  "pi.refactor": { title: "refactor", message: "Refactor the selected code without changing what it does." },
  "pi.document": { title: "document", message: "Document the selected code in the style of its file." },
  "pi.test": { title: "write tests", message: "Write tests for the selected code where this project has its tests." },
};

export function registerActions(session: Session): vscode.Disposable {
  const ask = async (message: string, attachments: Attachment[]): Promise<void> => {
    await session.send(message, "enter", attachments);
  };
  const table: Record<string, (...args: never[]) => unknown> = {
    "pi.fix": (uri?: vscode.Uri, problems?: vscode.Diagnostic[]) => {
      const [document, found] = problemsAt(uri, problems);
      if (document === undefined || found.length === 0) {
        void vscode.window.showInformationMessage("There is no problem at the cursor or in this file.");
        return;
      }
      return ask(found.length === 1 ? "Fix this problem." : "Fix these problems.", [about(document, found)]);
    },
    "pi.explainProblem": (uri: vscode.Uri, problems: vscode.Diagnostic[]) => {
      const [document, found] = problemsAt(uri, problems);
      if (document === undefined) return;
      return ask("Explain this problem and what could be done about it. Change nothing.", [about(document, found)]);
    },
  };
  for (const [id, { message }] of Object.entries(VERBS)) {
    table[id] = () => {
      const editor = vscode.window.activeTextEditor;
      if (editor === undefined) return;
      return ask(message, [region(editor.document, selected(editor))]);
    };
  }
  const kinds = [vscode.CodeActionKind.QuickFix, vscode.CodeActionKind.RefactorRewrite];
  return vscode.Disposable.from(
    register(table),
    vscode.languages.registerCodeActionsProvider({ scheme: "file" }, { provideCodeActions }, {
      providedCodeActionKinds: kinds,
    }),
  );
}

function provideCodeActions(
  document: vscode.TextDocument, range: vscode.Range, { diagnostics }: vscode.CodeActionContext,
): vscode.CodeAction[] {
  const actions: vscode.CodeAction[] = [];
  const offer = (title: string, kind: vscode.CodeActionKind, command: string, args: unknown[] = []): void => {
    const action = new vscode.CodeAction(`Pi: ${title}`, kind);
    action.command = { command, title: action.title, arguments: args };
    actions.push(action);
  };
  for (const it of diagnostics.filter(isProblem).slice(0, 2)) {
    const short = it.message.length > TITLE ? `${it.message.slice(0, TITLE - 1)}…` : it.message;
    offer(`fix “${short}”`, vscode.CodeActionKind.QuickFix, "pi.fix", [document.uri, [it]]);
    offer(`explain “${short}”`, vscode.CodeActionKind.QuickFix, "pi.explainProblem", [document.uri, [it]]);
  }
  if (!range.isEmpty) {
    for (const [id, { title }] of Object.entries(VERBS)) offer(title, vscode.CodeActionKind.RefactorRewrite, id);
  }
  return actions;
}

/** The selection, or the lines around the cursor. */
function selected({ selection, document }: vscode.TextEditor): vscode.Range {
  if (!selection.isEmpty) return selection;
  const around = 20;
  const first = Math.max(0, selection.active.line - around);
  const last = Math.min(document.lineCount - 1, selection.active.line + around);
  return new vscode.Range(first, 0, last, document.lineAt(last).text.length);
}

/** The problems that were named, those at the cursor, or those of the file. */
function problemsAt(
  uri?: vscode.Uri, named?: vscode.Diagnostic[],
): [document: vscode.TextDocument | undefined, problems: vscode.Diagnostic[]] {
  const editor = vscode.window.activeTextEditor;
  const document = uri === undefined ? editor?.document
    : vscode.workspace.textDocuments.find((it) => it.uri.toString() === uri.toString());
  if (document === undefined || named !== undefined) return [document, named ?? []];
  const all = vscode.languages.getDiagnostics(document.uri).filter(isProblem);
  const here = all.filter((it) => editor !== undefined && it.range.intersection(editor.selection) !== undefined);
  return [document, here.length > 0 ? here : all];
}

function about(document: vscode.TextDocument, problems: vscode.Diagnostic[]): Attachment {
  const items = problems.map((it) => ({
    range: {
      start: { line: it.range.start.line, character: it.range.start.character },
      end: { line: it.range.end.line, character: it.range.end.character },
    },
    message: it.message, source: it.source, severity: it.severity + 1,
  }));
  return {
    context: { kind: "diagnostics", uri: document.uri.toString(), items },
    label: `${path.basename(document.uri.fsPath)}: ${problems[0]?.message.split("\n")[0] ?? ""}`.slice(0, 60),
  };
}
