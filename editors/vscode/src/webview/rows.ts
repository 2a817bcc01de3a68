/** Rows of the transcript as elements, one class a kind; each can be brought up to date without being made again. */
import type { Item, ItemAction, ToolItem, ViewState } from "../shared/messages";
import { visible } from "../shared/describe";
import { button, element, setText, show } from "./dom";
import { MarkdownStream } from "./markdown";

/** What a row can ask for. */
export interface RowHost {
  action(id: number, action: ItemAction): void;
  open(id: number): void;
  decide(id: number, keep: boolean): void;
  showThinking(): boolean;
  /** How much of the tools is open. */
  tools(): ViewState["tools"];
}

export interface Row {
  readonly root: HTMLElement;
  append(text: string): void;
  set(item: Item): void;
  /** Whether the user has opened it. */
  readonly opened?: boolean;
}

const ACTIONS: Record<ItemAction, string> = {
  retry: "Try again", continue: "Continue", restart: "Restart", log: "Show log", edit: "Edit and resend",
  revert: "Revert everything after this…", key: "Change key", model: "Switch model", compact: "Compact now",
  new: "New chat", copy: "Copy", skip: "Skip", fork: "Fork here",
};

/** A state as a sign, and as a word for assistive technology. */
export const STATUS: Record<ToolItem["status"], [glyph: string, word: string]> = {
  running: ["●", "running"], waiting: ["?", "waiting"], done: ["✓", "done"], failed: ["✗", "failed"], skipped: ["–", "skipped"],
};

export function makeRow(item: Item, host: RowHost): Row {
  switch (item.kind) {
    case "user": return new UserRow(item, host);
    case "text": return new TextRow(item);
    case "thinking": return new ThinkingRow(item, host);
    case "tool": return new ToolRow(item, host);
    case "notice":
    case "foot": return new NoteRow(item, host);
  }
}

class UserRow implements Row {
  readonly root = element("div", { class: "said" });

  constructor(item: Item & { kind: "user" }, host: RowHost) {
    // For the context menu.
    this.root.dataset.vscodeContext = JSON.stringify({ webviewSection: "prompt", row: item.id });
    const acts = (["edit", "fork", "copy", "revert"] as const).map((it) =>
      button(ACTIONS[it], () => host.action(item.id, it), { class: `link ${it}` }));
    this.root.append(element("div", { class: "acts" }, ...acts));
    this.root.append(element("p", { class: "user-text" }, item.text));
    if (item.chips.length > 0) {
      const chips = item.chips.map((it) => element("li", { class: "chip" }, it));
      this.root.append(element("ul", { class: "chips", "aria-label": "Context" }, ...chips));
    }
  }

  append(): void {}
  set(): void {}
}

class TextRow implements Row {
  private readonly stream = new MarkdownStream();
  readonly root = this.stream.root;

  constructor(item: Item & { kind: "text" }) {
    this.stream.push(item.text);
    if (!item.open) this.stream.end();
  }

  append(text: string): void {
    this.stream.push(text);
  }

  set(item: Item): void {
    if (item.kind === "text" && !item.open) this.stream.end();
  }
}

/** A head that folds its body. What is folded is not in the document. */
export class Fold {
  readonly root: HTMLElement;
  readonly head: HTMLButtonElement;
  private readonly body = element("div", { class: "body" });
  private shown = false;
  /** Whether the user has decided. */
  private chosen = false;

  constructor(name: string, private readonly content: HTMLElement) {
    this.head = button("", () => {
      this.chosen = true;
      this.put(!this.shown);
    }, { class: "head", "aria-expanded": "false" });
    this.root = element("section", { class: name }, this.head, this.body);
  }

  /** Opens it, as the user does. */
  open(): void {
    this.chosen = true;
    this.put(true);
  }

  /** Opens or closes it, unless the user has said what is wanted. */
  suggest(open: boolean): void {
    if (!this.chosen) this.put(open);
  }

  /** Whether the user has opened it. */
  get opened(): boolean {
    return this.chosen && this.shown;
  }

  private put(open: boolean): void {
    if (open === this.shown) return;
    this.shown = open;
    this.head.setAttribute("aria-expanded", String(open));
    if (open) this.body.append(this.content);
    else this.content.remove();
  }
}

class ThinkingRow implements Row {
  private readonly stream = new MarkdownStream();
  private readonly fold = new Fold("thinking", this.stream.root);
  readonly root = this.fold.root;

  constructor(item: Item & { kind: "thinking" }, host: RowHost) {
    this.stream.push(item.text);
    this.fold.suggest(host.showThinking());
    this.set(item);
  }

  append(text: string): void {
    this.stream.push(text);
  }

  set(item: Item): void {
    if (item.kind !== "thinking") return;
    if (item.open) return setText(this.fold.head, "Thinking…");
    this.stream.end();
    setText(this.fold.head, (item.seconds ?? 0) > 0 ? `Thought for ${item.seconds} s` : "Thought");
    this.fold.suggest(false);
  }
}

class ToolRow implements Row {
  private readonly glyph = element("span", { class: "glyph", "aria-hidden": "true" });
  private readonly word = element("span", { class: "sr" });
  private readonly name = element("span", { class: "name" });
  private readonly fact = element("span", { class: "fact" });
  private readonly pre = element("pre", { tabindex: "0" });
  private readonly more = element("p", { class: "more" });
  private readonly decide = element("p", { class: "decide" });
  private readonly skip: HTMLButtonElement;
  private readonly content = element("div", {}, this.pre, this.more);
  private readonly fold = new Fold("tool", this.content);
  readonly root = this.fold.root;

  constructor(item: ToolItem, private readonly host: RowHost) {
    this.fold.head.append(this.glyph, this.word, this.name, this.fact);
    if (item.opensFile) {
      this.root.append(button("Open", () => host.open(item.id), { class: "side", "aria-label": `Open ${item.head}` }));
    }
    this.decide.append(
      button("Keep", () => host.decide(item.id, true)), button("Reject", () => host.decide(item.id, false)));
    this.skip = button(ACTIONS.skip, () => host.action(item.id, "skip"), { class: "skip", "aria-label": `Skip ${item.head}` });
    this.root.append(this.decide, this.skip);
    this.set(item);
  }

  get opened(): boolean {
    return this.fold.opened;
  }

  append(): void {}

  set(item: Item): void {
    if (item.kind !== "tool") return;
    const [glyph, word] = STATUS[item.status];
    setText(this.glyph, glyph);
    setText(this.word, `${word}: `);
    setText(this.name, visible(item.head));
    setText(this.fact, item.pending > 0 ? `${item.fact} · ${item.pending} pending` : item.fact);
    show(this.decide, item.pending > 0);
    this.root.dataset.status = item.status;
    const empty = item.body === "";
    this.root.classList.toggle("bare", empty);
    this.fold.head.disabled = empty;
    this.pre.setAttribute("aria-label", item.bodyKind === "diff" ? "Changes" : "Output");
    if (item.bodyKind === "diff") this.pre.replaceChildren(...diff(item.body));
    else setText(this.pre, item.body);
    setText(this.more, item.hidden > 0 ? `${item.hidden} more lines` : "");
    show(this.more, item.hidden > 0);
    const running = item.status === "running";
    show(this.skip, running);
    const tools = this.host.tools();
    const wanted = tools === "full" || (tools === "normal" && item.tool === "bash");
    this.fold.suggest(!empty && (wanted || running || item.status === "failed" || item.bodyKind === "diff"));
    if (running) this.pre.scrollTop = this.pre.scrollHeight;
  }
}

/** A numbered diff, a line an element. */
export function diff(text: string): HTMLElement[] {
  return text.split("\n").map((line) => {
    const kind = line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : "same";
    return element("span", { class: `line ${kind}` }, `${line}\n`);
  });
}

class NoteRow implements Row {
  readonly root: HTMLElement;

  constructor(item: Item & { kind: "notice" | "foot" }, host: RowHost) {
    const level = item.kind === "foot" ? "foot" : `notice ${item.level}`;
    const press = (action: ItemAction): HTMLButtonElement =>
      button(ACTIONS[action], () => host.action(item.id, action), { class: "link" });
    this.root = element("div", { class: level }, element("p", {}, item.text), ...item.actions.map(press));
    if (item.kind === "notice" && item.details !== undefined) {
      const said = element("pre", { tabindex: "0" }, visible(item.details));
      this.root.append(element("details", {}, element("summary", {}, "Details"), said, press("copy")));
    }
  }

  append(): void {}
  set(): void {}
}
