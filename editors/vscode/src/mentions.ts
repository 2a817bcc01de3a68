/** What a prompt can go on with while it is typed, and what its `@` mentions stand for when it is sent. */
import * as path from "node:path";
import * as vscode from "vscode";
import { region, type ContextTracker } from "./context";
import type { TextRange } from "./protocol";
import type { Attachment, Session } from "./session";
import { BUILT_IN, type Suggestion } from "./shared/messages";

/** `src/retry.rs`, `src/retry.rs:12-40`, `src/retry.rs#retry`, without what ends a sentence. */
const MENTION = /(?:^|\s)@([^\s]+?)[.,;:!?)]*(?=\s|$)/g;

export class Mentions {
  /** Where definitions are that were offered. */
  private readonly places = new Map<string, TextRange>();

  constructor(private readonly session: Session, private readonly tracker: ContextTracker) {}

  /** For a message up to the cursor: what fits its last word. */
  async complete(text: string): Promise<Suggestion[]> {
    const { word, items } = await this.session.request("pi/complete", { text });
    for (const it of items) if (it.range !== undefined) this.places.set(it.text, it.range);
    const found: Suggestion[] = items.map(({ text, label, detail = "", kind }) => ({ text, label, detail, kind, id: "" }));
    if (word.startsWith("/")) return [...found, ...BUILT_IN.filter((it) => it.text.startsWith(word))];
    // What stands above the prompt and is not sent yet.
    const named: Suggestion[] = this.tracker.chips().filter((it) => it.ghost)
      .map(({ id, label }) => ({ text: `@${id}`, label: id, detail: label, kind: "chip", id }));
    return [...named.filter((it) => word !== "" && it.text.startsWith(word)), ...found];
  }

  /** What the mentions of a message stand for. Words that mention nothing stay words. */
  async attachments(text: string): Promise<Attachment[]> {
    const names = new Set([...text.matchAll(MENTION)].map(([, name = ""]) => name));
    const found = await Promise.all([...names].map((it) => this.attachment(it)));
    return found.flatMap((it) => it ?? []);
  }

  private async attachment(name: string): Promise<Attachment | undefined> {
    const [, file = "", first, last, symbol] = /^(.+?)(?::(\d+)(?:-(\d+))?|#(.+))?$/.exec(name) ?? [];
    const uri = vscode.Uri.file(path.resolve(this.session.chat.root, file));
    const there = await vscode.workspace.fs.stat(uri).then((it) => it.type !== vscode.FileType.Directory, () => false);
    if (!there) return undefined;
    if (symbol !== undefined) {
      const range = this.places.get(`@${name}`);
      return { context: { kind: "symbol", uri: uri.toString(), name: symbol, ...(range && { range }) }, label: symbol };
    }
    if (first === undefined) return { context: { kind: "file", uri: uri.toString() }, label: path.basename(file) };
    const document = await vscode.workspace.openTextDocument(uri);
    const from = Math.max(0, Number(first) - 1);
    return region(document, document.validateRange(new vscode.Range(from, 0, Math.max(from + 1, Number(last ?? first)), 0)));
  }
}
