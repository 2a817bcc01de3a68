/** What goes along with the next prompt: the selection, the problems and the file that the user looks at, and what was added. */
import * as path from "node:path";
import * as vscode from "vscode";
import type { PromptContext } from "./protocol";
import type { Chip } from "./shared/messages";
import type { Attachment } from "./session";
import { count } from "./shared/describe";
import { settings } from "./settings";

const SCHEMES: ReadonlySet<string> = new Set(["file", "untitled"]);

export class ContextTracker implements vscode.Disposable {
  private editor: vscode.TextEditor | undefined;
  private added: { id: string; attachment: Attachment }[] = [];
  /** Ghost chips that were clicked, and solid ones that were taken off; for this file and selection. */
  private readonly chosen = new Map<string, boolean>();
  private nextId = 1;
  private readonly emitter = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable[];

  readonly onChange = this.emitter.event;

  constructor() {
    this.look(vscode.window.activeTextEditor);
    this.subscriptions = [
      vscode.window.onDidChangeActiveTextEditor((editor) => this.look(editor)),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => {
        if (textEditor !== this.editor) return;
        this.chosen.delete("selection");
        this.emitter.fire();
      }),
      vscode.languages.onDidChangeDiagnostics(({ uris }) => {
        if (uris.some((it) => it.toString() === this.editor?.document.uri.toString())) this.emitter.fire();
      }),
      vscode.workspace.onDidCloseTextDocument((document) => {
        if (document !== this.editor?.document) return;
        this.editor = undefined;
        this.emitter.fire();
      }),
    ];
  }

  dispose(): void {
    for (const it of this.subscriptions) it.dispose();
    this.emitter.dispose();
  }

  private look(editor: vscode.TextEditor | undefined): void {
    // Without one, a view has the focus: what the user looked at before is still meant.
    if (editor === undefined || !SCHEMES.has(editor.document.uri.scheme) || editor === this.editor) return;
    if (editor.document !== this.editor?.document) this.chosen.clear();
    this.editor = editor;
    this.emitter.fire();
  }

  chips(): Chip[] {
    const automatic = this.automatic().map(({ id, attachment, solid }) => ({
      id, label: attachment.label, title: solid ? attachment.label : `${attachment.label}: click to send it along`,
      ghost: !solid,
    }));
    const added = this.added.map(({ id, attachment }) => ({
      id, label: attachment.label, title: attachment.label, ghost: false,
    }));
    return [...automatic, ...added];
  }

  /** A click on a chip. */
  choose(id: string, on: boolean): void {
    if (this.added.some((it) => it.id === id)) {
      if (!on) this.added = this.added.filter((it) => it.id !== id);
    } else {
      this.chosen.set(id, on);
    }
    this.emitter.fire();
  }

  add(attachment: Attachment): void {
    this.added.push({ id: `added-${this.nextId++}`, attachment });
    this.emitter.fire();
  }

  addFile(uri: vscode.Uri): void {
    this.add({ context: { kind: "file", uri: uri.toString() }, label: path.basename(uri.fsPath) });
  }

  /** What the next prompt carries. */
  attachments(): Attachment[] {
    const solid = this.automatic().filter((it) => it.solid).map((it) => it.attachment);
    return [...solid, ...this.added.map((it) => it.attachment)];
  }

  /** The prompt went out with its context. */
  sent(): void {
    this.added = [];
    this.chosen.clear();
    this.emitter.fire();
  }

  private automatic(): { id: string; attachment: Attachment; solid: boolean }[] {
    const editor = this.editor;
    if (editor === undefined) return [];
    const mode = settings().currentFile;
    const found: { id: string; attachment: Attachment; solid: boolean }[] = [];
    if (!editor.selection.isEmpty) {
      if (this.chosen.get("selection") !== false) {
        found.push({ id: "selection", attachment: region(editor.document, editor.selection), solid: true });
      }
    } else if (mode !== "off" && editor.document.uri.scheme === "file") {
      const uri = editor.document.uri;
      const attachment = { context: { kind: "file", uri: uri.toString() } as const, label: path.basename(uri.fsPath) };
      found.push({ id: "file", attachment, solid: this.chosen.get("file") ?? mode === "send" });
    }
    const problems = diagnostics(editor.document);
    if (problems !== undefined) {
      found.push({ id: "problems", attachment: problems, solid: this.chosen.get("problems") ?? false });
    }
    return found;
  }
}

/** A part of a document. What is not a file is quoted as it is. */
export function region(document: vscode.TextDocument, range: vscode.Range): Attachment {
  const first = range.start.line + 1;
  const last = range.end.character === 0 && range.end.line > range.start.line ? range.end.line : range.end.line + 1;
  const label = `${path.basename(document.uri.path)}:${first === last ? first : `${first}-${last}`}`;
  if (document.uri.scheme !== "file") {
    return { context: { kind: "text", title: label, text: document.getText(range) }, label };
  }
  return { context: { kind: "selection", uri: document.uri.toString(), range: plain(range) }, label };
}

/** The errors and warnings of a document. */
function diagnostics(document: vscode.TextDocument): Attachment | undefined {
  if (document.uri.scheme !== "file") return undefined;
  const serious = vscode.languages.getDiagnostics(document.uri).filter(isProblem);
  if (serious.length === 0) return undefined;
  const context: PromptContext = { kind: "diagnostics", uri: document.uri.toString(), items: serious.map(problem) };
  return { context, label: count(serious.length, "problem") };
}

export function isProblem(it: vscode.Diagnostic): boolean {
  return it.severity <= vscode.DiagnosticSeverity.Warning;
}

function problem(it: vscode.Diagnostic) {
  return { range: plain(it.range), message: it.message, source: it.source, severity: it.severity + 1 };
}

/** Positions of VS Code are UTF-16, which is also what its language client negotiates. */
function plain({ start, end }: vscode.Range) {
  return {
    start: { line: start.line, character: start.character },
    end: { line: end.line, character: end.character },
  };
}
