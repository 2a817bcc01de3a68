/** Tools that only look, one after the other: from the third on they are one row, which opens to all of them. */
import type { ToolItem } from "../shared/messages";
import { visible } from "../shared/describe";
import { ROW, together } from "../shared/quiet";
import { element, setText } from "./dom";
import { Fold, STATUS, type Row } from "./rows";

/** What is worst is what the row shows. */
const WORST: ToolItem["status"][] = ["waiting", "failed", "running", "skipped", "done"];

export class Together {
  private readonly items = new Map<number, ToolItem>();
  private rows: Row[] = [];
  private readonly list = element("div", {});
  private readonly glyph = element("span", { class: "glyph", "aria-hidden": "true" });
  private readonly word = element("span", { class: "sr" });
  private readonly name = element("span", { class: "name" });
  private fold: Fold | undefined;

  /** One more of them; it stands at its place already. */
  add(item: ToolItem, row: Row): void {
    this.items.set(item.id, item);
    this.rows.push(row);
    if (this.fold !== undefined) this.list.append(row.root);
    else if (this.rows.length === ROW) this.join();
    this.show();
  }

  /** One of them is different. */
  set(item: ToolItem): void {
    this.items.set(item.id, item);
    this.show();
  }

  private join(): void {
    const fold = new Fold("together", this.list);
    this.fold = fold;
    fold.head.append(this.glyph, this.word, this.name);
    // What the user looks at, or is in, stays in sight.
    const wanted = this.rows.some((it) => it.opened || it.root.contains(document.activeElement));
    const focused = document.activeElement;
    this.rows[0]?.root.before(fold.root);
    this.list.append(...this.rows.map((it) => it.root));
    if (!wanted) return;
    fold.open();
    if (focused instanceof HTMLElement) focused.focus();
  }

  private show(): void {
    if (this.fold === undefined) return;
    const items = [...this.items.values()];
    const status = WORST.find((it) => items.some((item) => item.status === it)) ?? "done";
    const [glyph, word] = STATUS[status];
    setText(this.glyph, glyph);
    setText(this.word, `${word}: `);
    setText(this.name, visible(together(items)));
    this.fold.root.dataset.status = status;
    // Failures and waits are never folded.
    if (status === "waiting" || status === "failed") this.fold.suggest(true);
  }
}
