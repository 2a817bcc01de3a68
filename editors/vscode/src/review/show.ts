/** Changes that wait, shown in their files: background, lenses, hover, and the text from before. */
import * as path from "node:path";
import * as vscode from "vscode";
import { baseText } from "../model/hunks";
import type { EditHunk } from "../protocol";
import { settings } from "../settings";
import type { Review } from "./review";

/** Scheme of documents with the text of a file before the changes that wait. */
export const BASE = "pi-base";

/** Where a hunk is in a document. */
export function rangeOf(hunk: EditHunk, document: vscode.TextDocument): vscode.Range {
  const last = document.lineCount - 1;
  const start = Math.min(hunk.range.start.line, last);
  const end = Math.min(Math.max(hunk.range.end.line - 1, start), last);
  return new vscode.Range(start, 0, end, document.lineAt(end).text.length);
}

/** `+3 −2`. */
export function size({ added, removed }: EditHunk): string {
  return `+${added} −${removed}`;
}

export function registerShow(review: Review, extension: vscode.Uri): vscode.Disposable {
  const base = new BaseProvider(review);
  const lenses = new Lenses(review);
  const decorations = new Decorations(review, extension);
  return vscode.Disposable.from(
    base, lenses, decorations,
    vscode.workspace.registerTextDocumentContentProvider(BASE, base),
    vscode.languages.registerCodeLensProvider({ scheme: "file" }, lenses),
  );
}

class BaseProvider implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<vscode.Uri>();
  private readonly subscription: vscode.Disposable;
  readonly onDidChange = this.emitter.event;

  constructor(private readonly review: Review) {
    this.subscription = review.onChange(() => {
      for (const { uri } of vscode.workspace.textDocuments) if (uri.scheme === BASE) this.emitter.fire(uri);
    });
  }

  dispose(): void {
    this.subscription.dispose();
    this.emitter.dispose();
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const file = uri.with({ scheme: "file" });
    const hunks = this.review.of(file);
    // A file that Pi deleted is not there to be opened.
    const text = await vscode.workspace.openTextDocument(file).then((it) => it.getText(), () => "");
    return baseText(text, hunks);
  }
}

class Lenses implements vscode.CodeLensProvider, vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<void>();
  private readonly subscription: vscode.Disposable;
  readonly onDidChangeCodeLenses = this.emitter.event;

  constructor(private readonly review: Review) {
    this.subscription = review.onChange(() => this.emitter.fire());
  }

  dispose(): void {
    this.subscription.dispose();
    this.emitter.dispose();
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const mode = settings().codeLens;
    if (mode === "off") return [];
    const hunks = this.review.of(document.uri);
    const shown = mode === "first" ? hunks.slice(0, 1) : hunks;
    return shown.flatMap((it, at) => {
      const range = rangeOf(it, document);
      const lens = (title: string, command: string): vscode.CodeLens =>
        new vscode.CodeLens(range, { title, command, arguments: [it.id] });
      const what = it.status === "edited" ? "Pi · you edited this since" : `Pi ${size(it)}`;
      return [
        lens(`${what} · ${at + 1} of ${hunks.length}`, "pi.hunk.diff"), lens("Keep", "pi.hunk.keep"),
        // What the user has changed since stays: there is nothing to reject.
        ...(it.status === "edited" ? [] : [lens("Reject", "pi.hunk.reject")]), lens("Old text", "pi.hunk.diff"),
      ];
    });
  }
}

class Decorations implements vscode.Disposable {
  private readonly added: vscode.TextEditorDecorationType;
  private readonly removed: vscode.TextEditorDecorationType;
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly review: Review, extension: vscode.Uri) {
    const common = {
      isWholeLine: true, gutterIconPath: vscode.Uri.joinPath(extension, "media", "pi-gutter.svg"),
      gutterIconSize: "contain", overviewRulerLane: vscode.OverviewRulerLane.Left,
    };
    this.added = vscode.window.createTextEditorDecorationType({
      ...common, backgroundColor: new vscode.ThemeColor("diffEditor.insertedLineBackground"),
      overviewRulerColor: new vscode.ThemeColor("editorOverviewRuler.addedForeground"),
    });
    this.removed = vscode.window.createTextEditorDecorationType({
      ...common, overviewRulerColor: new vscode.ThemeColor("editorOverviewRuler.deletedForeground"),
    });
    this.subscriptions = [
      review.onChange(() => this.draw()), vscode.window.onDidChangeVisibleTextEditors(() => this.draw()),
      this.added, this.removed,
    ];
    this.draw();
  }

  dispose(): void {
    for (const it of this.subscriptions) it.dispose();
  }

  private draw(): void {
    for (const editor of vscode.window.visibleTextEditors) {
      const hunks = editor.document.uri.scheme === "file" ? this.review.of(editor.document.uri) : [];
      const options = (of: EditHunk[]): vscode.DecorationOptions[] =>
        of.map((it) => ({ range: rangeOf(it, editor.document), hoverMessage: hover(it) }));
      const empty = (it: EditHunk): boolean => it.range.start.line === it.range.end.line;
      editor.setDecorations(this.added, options(hunks.filter((it) => !empty(it))));
      editor.setDecorations(this.removed, options(hunks.filter(empty)));
    }
  }
}

/** What was there before. The text is quoted: nothing in it is Markdown. */
function hover(hunk: EditHunk): vscode.MarkdownString {
  const it = new vscode.MarkdownString(`Pi changed this: ${size(hunk)}`);
  const removed = (hunk.removedText ?? "").replace(/\n$/, "");
  if (removed !== "") it.appendCodeblock(removed.split("\n").map((line) => `-${line}`).join("\n"), "diff");
  return it;
}

/** Shows a file beside its text from before. */
export async function compare(file: vscode.Uri, at: EditHunk | undefined): Promise<void> {
  const selection = at && new vscode.Range(at.range.start.line, 0, at.range.start.line, 0);
  await vscode.commands.executeCommand(
    "vscode.diff", file.with({ scheme: BASE }), file, `${path.basename(file.fsPath)}: before Pi ↔ now`,
    { preview: true, ...(selection && { selection }) },
  );
}
