/** The changes that wait for the user: what the server knows of them, kept in place while somebody types. */
import * as vscode from "vscode";
import { inOrder, moved } from "../model/hunks";
import type { EditHunk, EditsDecided, EditsSelect } from "../protocol";
import type { Session } from "../session";
import { count } from "../shared/describe";

/** Rest after typing before the server is asked where its hunks are, in milliseconds. */
const REST = 300;
/** Time in which news are joined, in milliseconds. */
const NEWS = 20;
/** How long it is offered to put back what was just rejected, in milliseconds. */
const REDO_OFFER = 10_000;

export class Review implements vscode.Disposable {
  private hunks = new Map<string, EditHunk[]>();
  private timer: NodeJS.Timeout | undefined;
  private newest = 0;
  private offer: NodeJS.Timeout | undefined;
  private readonly emitter = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable[];

  readonly onChange = this.emitter.event;
  /** Changes that the last rejection took out, for as long as that is news. */
  rejected = 0;

  constructor(private readonly session: Session) {
    this.subscriptions = [
      // From the first time it is asked, a server tells when something changes.
      session.onOpened(() => this.readSoon()),
      session.onEdits(() => this.readSoon(NEWS)),
      vscode.workspace.onDidChangeTextDocument((event) => this.typed(event)),
    ];
  }

  dispose(): void {
    clearTimeout(this.offer);
    clearTimeout(this.timer);
    for (const it of this.subscriptions) it.dispose();
    this.emitter.dispose();
  }

  /** All that wait, by file and line. */
  all(): EditHunk[] {
    return [...this.hunks.values()].flat().sort(inOrder);
  }

  of(uri: vscode.Uri): EditHunk[] {
    return this.hunks.get(uri.toString()) ?? [];
  }

  files(): vscode.Uri[] {
    return [...this.hunks.keys()].sort().map((it) => vscode.Uri.parse(it));
  }

  async keep(which: EditsSelect): Promise<void> {
    const decided = await this.session.request("pi/edits/accept", which);
    this.forget(decided);
    this.tell(decided);
  }

  async reject(which: EditsSelect): Promise<void> {
    const decided = await this.session.request("pi/edits/reject", which);
    this.forget(decided);
    this.rejected = decided.hunks.length;
    clearTimeout(this.offer);
    this.offer = setTimeout(() => {
      this.rejected = 0;
      this.emitter.fire();
    }, REDO_OFFER);
    this.emitter.fire();
    this.tell(decided);
  }

  /** Puts back what the last rejection took out. */
  async redo(): Promise<void> {
    this.tell(await this.session.request("pi/edits/redo", { scope: "last" }));
    this.rejected = 0;
    this.emitter.fire();
  }

  /** What was decided does not wait for the server to say so again. */
  private forget({ hunks }: EditsDecided): void {
    const gone = new Set(hunks);
    for (const [uri, all] of this.hunks) this.put(uri, all.filter((it) => !gone.has(it.id)));
    this.emitter.fire();
  }

  private tell({ conflicts }: EditsDecided): void {
    const [first] = conflicts;
    if (first === undefined) return;
    const text = conflicts.length === 1 ? first.reason : `${count(conflicts.length, "change")} stay: ${first.reason}`;
    void vscode.window.showWarningMessage(text);
  }

  private put(uri: string, hunks: EditHunk[]): void {
    if (hunks.length > 0) this.hunks.set(uri, hunks);
    else this.hunks.delete(uri);
  }

  /** Reads what waits, after a rest in which more news may come. */
  private readSoon(rest = 0): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      // Without a server nothing waits that could be decided about.
      this.read().catch(() => undefined);
    }, rest);
  }

  private async read(): Promise<void> {
    this.newest += 1;
    const mine = this.newest;
    const { hunks } = await this.session.request("pi/edits/list", { status: ["pending", "edited"], texts: true });
    if (mine !== this.newest) return;
    this.hunks.clear();
    for (const it of hunks) {
      const key = vscode.Uri.parse(it.uri).toString();
      this.hunks.set(key, [...(this.hunks.get(key) ?? []), it]);
    }
    this.emitter.fire();
  }

  /** Moves hunks with the text at once, and asks when the typing rests. */
  private typed({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    const key = document.uri.toString();
    const hunks = this.hunks.get(key);
    if (hunks === undefined || contentChanges.length === 0) return;
    // Changes come from the end of the document to its beginning: none moves the one after it.
    for (const { range, text } of contentChanges) {
      const change = {
        start: range.start.line, end: range.end.line, breaks: text.split("\n").length - 1,
        before: range.end.character === 0 && (text === "" || text.endsWith("\n")),
      };
      for (const it of hunks) {
        const { start, end } = moved({ start: it.range.start.line, end: it.range.end.line }, change);
        it.range = { start: { line: start, character: 0 }, end: { line: end, character: 0 } };
      }
    }
    this.emitter.fire();
    this.readSoon(REST);
  }
}
