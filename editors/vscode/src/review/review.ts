/** The changes that wait for the user: what the server knows of them, kept in place while somebody types. */
import * as vscode from "vscode";
import { inOrder, moved } from "../model/hunks";
import type { EditConflict, EditHunk, EditsDecided, EditsSelect } from "../protocol";
import type { Session } from "../session";
import { count } from "../shared/describe";
import { beside, reverted } from "../model/revert";

/** Rest after typing before the server is asked where its hunks are, in milliseconds. */
const REST = 300;
/** Time in which news are joined, in milliseconds. */
const NEWS = 20;
/** How long it is offered to put back what was just taken out, in milliseconds. */
const REDO_OFFER = 10_000;

/** What a revert comes to. */
export interface Preview {
  back: EditHunk[];
  stays: { hunk?: EditHunk; reason: string }[];
  /** Commands that changed more than is on record; that stays too. */
  commands: string[];
}

export class Review implements vscode.Disposable {
  private hunks = new Map<string, EditHunk[]>();
  private timer: NodeJS.Timeout | undefined;
  private newest = 0;
  private offer: NodeJS.Timeout | undefined;
  private readonly emitter = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable[];

  readonly onChange = this.emitter.event;
  /** What was just taken out, for as long as that is news. */
  taken: { text: string; hunks: string[] } | undefined;

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
    this.tookOut(decided, `Rejected ${count(decided.hunks.length, "change")}`);
  }

  /** What would go back with everything since a prompt, kept changes too, and what would stay. */
  async preview(to: string): Promise<Preview> {
    const { hunks, conflicts, notRestored: commands = [] } = await this.session.request("pi/edits/revert", { to, preview: true });
    const named = [...hunks, ...conflicts.map((it) => it.hunk)];
    const found = named.length === 0 ? [] : (await this.session.request("pi/edits/list", { hunks: named })).hunks;
    const byId = new Map(found.map((it) => [it.id, it]));
    return {
      back: hunks.flatMap((id) => byId.get(id) ?? []).sort(inOrder),
      stays: conflicts.map(({ hunk, reason }: EditConflict) => ({ hunk: byId.get(hunk), reason })),
      commands,
    };
  }

  /** Takes back everything since a prompt; with `conversation` what was said as well. */
  async revert(to: string, conversation: boolean): Promise<void> {
    const decided = await (conversation ? this.session.goBack(to) : this.session.request("pi/edits/revert", { to }));
    this.tookOut(decided, reverted(decided));
  }

  /** Puts back what was just taken out, else what the last decision took out. */
  async redo(): Promise<void> {
    const which: EditsSelect = this.taken === undefined ? { scope: "last" } : { hunks: this.taken.hunks };
    this.tell(await this.session.request("pi/edits/redo", which));
    this.taken = undefined;
    this.emitter.fire();
  }

  private tookOut(decided: EditsDecided, text: string): void {
    const { hunks } = decided;
    this.taken = hunks.length > 0 ? { text, hunks } : undefined;
    clearTimeout(this.offer);
    this.offer = setTimeout(() => {
      this.taken = undefined;
      this.emitter.fire();
    }, REDO_OFFER);
    this.forget(decided);
    this.tell(decided);
  }

  /** What was decided does not wait for the server to say so again. */
  private forget({ hunks }: EditsDecided): void {
    const gone = new Set(hunks);
    for (const [uri, all] of this.hunks) this.put(uri, all.filter((it) => !gone.has(it.id)));
    this.emitter.fire();
  }

  private tell({ conflicts, notRestored }: EditsDecided): void {
    const [first] = conflicts;
    const stay = first === undefined || conflicts.length === 1 ? first?.reason
      : `${count(conflicts.length, "change")} stay: ${first.reason}`;
    const text = [stay ?? "", beside(notRestored)].filter((it) => it !== "").join(". ");
    if (text !== "") void vscode.window.showWarningMessage(text);
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
