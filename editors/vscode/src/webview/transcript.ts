/** The transcript: turns as articles with headings, and a view that follows the end only if the user was there. */
import type { Item, Patch } from "../shared/messages";
import { isQuiet } from "../shared/quiet";
import { button, element, setText, show } from "./dom";
import { makeRow, type Row, type RowHost } from "./rows";
import { Together } from "./together";

/** Distance from the end that still counts as the end, in pixels. */
const NEAR = 40;

interface Turn {
  root: HTMLElement;
  who: "user" | "pi";
  /** The tools at its end that only look. */
  quiet: Together | undefined;
}

export class TranscriptView {
  readonly root: HTMLElement;
  private readonly list = element("div", { class: "turns" });
  private readonly earlier: HTMLButtonElement;
  private readonly jump: HTMLButtonElement;
  private rows = new Map<number, Row>();
  /** Of rows that are joined, or may be. */
  private joined = new Map<number, Together>();
  private last: Turn | undefined;
  private following = true;
  private unseen = 0;

  constructor(private readonly host: RowHost & { earlier(): void; leave(): void; link(href: string): void }) {
    this.earlier = button("Show earlier messages", () => host.earlier(), { class: "link earlier" });
    this.jump = button("", () => this.toEnd(), { class: "jump" });
    const log = element("div", { class: "log", role: "log", "aria-live": "off", "aria-label": "Chat" }, this.earlier, this.list);
    this.root = element("main", { class: "transcript" }, log, this.jump);
    show(this.jump, false);
    log.addEventListener("scroll", () => {
      this.following = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
      if (this.following) this.seen();
    }, { passive: true });
    log.addEventListener("click", (event) => this.click(event));
    log.addEventListener("keydown", (event) => this.key(event));
    this.log = log;
  }

  private readonly log: HTMLElement;

  get empty(): boolean {
    return this.rows.size === 0;
  }

  reset(items: Item[], earlier: number): void {
    this.rows.clear();
    this.joined.clear();
    this.last = undefined;
    this.list.replaceChildren();
    this.following = true;
    show(this.earlier, earlier > 0);
    for (const item of items) this.add(item);
    this.toEnd();
  }

  /** Older rows, above what is there; what the user reads stays where it is. */
  prepend(items: Item[], earlier: number): void {
    show(this.earlier, earlier > 0);
    const below = this.log.scrollHeight - this.log.scrollTop;
    const [list, last] = [[...this.list.children], this.last];
    this.list.replaceChildren();
    this.last = undefined;
    for (const item of items) this.add(item);
    this.list.append(...list);
    this.last = last;
    this.log.scrollTop = this.log.scrollHeight - below;
  }

  apply(patches: Patch[]): void {
    for (const patch of patches) {
      if (patch.op === "add") {
        this.add(patch.item);
        if (!this.following && patch.item.kind !== "foot") this.unseen += 1;
      } else if (patch.op === "append") this.rows.get(patch.id)?.append(patch.text);
      else this.set(patch.item);
    }
    if (this.following) this.toEnd();
    else this.showJump();
  }

  toEnd(): void {
    this.following = true;
    this.log.scrollTop = this.log.scrollHeight;
    this.seen();
  }

  /** Puts the focus on the last turn. */
  focusLast(): void {
    this.last?.root.focus();
  }

  private seen(): void {
    this.unseen = 0;
    this.showJump();
  }

  private showJump(): void {
    show(this.jump, !this.following);
    setText(this.jump, this.unseen > 0 ? `↓ ${this.unseen} new` : "↓ To the end");
  }

  private add(item: Item): void {
    const row = makeRow(item, this.host);
    this.rows.set(item.id, row);
    const turn = this.turn(item);
    turn.root.append(row.root);
    if (item.kind !== "tool" || !isQuiet(item.tool) || this.host.tools() === "full") {
      turn.quiet = undefined;
      return;
    }
    turn.quiet ??= new Together();
    turn.quiet.add(item, row);
    this.joined.set(item.id, turn.quiet);
  }

  private set(item: Item): void {
    this.rows.get(item.id)?.set(item);
    if (item.kind === "tool") this.joined.get(item.id)?.set(item);
  }

  private turn(item: Item): Turn {
    const who = item.kind === "user" ? "user" : "pi";
    if (this.last !== undefined && this.last.who === who && who === "pi") return this.last;
    const heading = element("h2", {}, who === "user" ? "You" : "Pi");
    if (item.kind === "user") {
      heading.append(element("span", { class: "time" }, item.steered > 0 ? `${item.time} · steered at step ${item.steered}` : item.time));
    }
    const root = element("article", { class: `turn ${who}`, tabindex: "-1" }, heading);
    this.last = { root, who, quiet: undefined };
    this.list.append(root);
    return this.last;
  }

  private click(event: MouseEvent): void {
    const link = (event.target as Element).closest("a");
    if (link === null) return;
    event.preventDefault();
    const href = link.getAttribute("href");
    if (href !== null) this.host.link(href);
  }

  /** Up and Down go from turn to turn, Escape back to the prompt. */
  private key(event: KeyboardEvent): void {
    if (event.key === "Escape") return this.host.leave();
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    const turn = (event.target as Element).closest<HTMLElement>("article");
    if (turn === null || event.target !== turn) return;
    const next = event.key === "ArrowUp" ? turn.previousElementSibling : turn.nextElementSibling;
    if (!(next instanceof HTMLElement)) return;
    event.preventDefault();
    next.focus();
  }
}
