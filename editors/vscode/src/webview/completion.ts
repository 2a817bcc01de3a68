/**
 * The list that belongs to what is typed in the prompt: files and symbols behind `@`, commands behind `/`. The focus
 * stays in the prompt; what is marked in the list is its active descendant.
 */
import type { Suggestion } from "../shared/messages";
import { element, show } from "./dom";

/** Of the list, for assistive technology. */
const ID = "completions";

export interface CompletionHost {
  /** Asks for what fits; the answer has the same number. */
  complete(text: string, number: number): void;
  /** Puts this in the place of the word before the cursor. */
  put(word: string, text: string): void;
  /** Does what is no text. */
  take(item: Suggestion): void;
}

export class Completion {
  readonly root = element("ul", { class: "completions", role: "listbox", id: ID, "aria-label": "Suggestions" });
  private items: Suggestion[] = [];
  private at = 0;
  private number = 0;
  /** Closed with Escape, until another word is typed. */
  private dismissed = false;

  constructor(private readonly input: HTMLTextAreaElement, private readonly host: CompletionHost) {
    for (const [name, value] of [["aria-autocomplete", "list"], ["aria-haspopup", "listbox"], ["aria-controls", ID]] as const) {
      input.setAttribute(name, value);
    }
    input.addEventListener("blur", () => this.close());
    this.close();
  }

  /** Something was typed, or the cursor is elsewhere. */
  typed(): void {
    const { selectionStart, selectionEnd, value } = this.input;
    const text = value.slice(0, selectionStart);
    const begins = selectionStart === selectionEnd && /(^|\s)@\S*$|^\/\S*$/.test(text);
    this.number += 1;
    if (!begins) {
      this.dismissed = false;
      this.close();
    } else if (!this.dismissed) this.host.complete(text, this.number);
  }

  /** What fits. An answer that comes late is for another text. */
  offer(number: number, items: Suggestion[]): void {
    if (number !== this.number || document.activeElement !== this.input) return;
    Object.assign(this, { items, at: 0 });
    if (items.length === 0) return this.close();
    this.root.replaceChildren(...items.map((it, index) => {
      const row = element("li", { role: "option", id: `${ID}-${index}`, "data-kind": it.kind },
        element("span", { class: "label" }, it.label), element("span", { class: "detail" }, it.detail));
      // Before the prompt loses the focus to the click.
      row.addEventListener("mousedown", (event) => {
        event.preventDefault();
        this.at = index;
        this.take();
      });
      return row;
    }));
    show(this.root, true);
    this.mark();
  }

  /** Whether a key was meant for the list. */
  key({ key, shiftKey, altKey, ctrlKey, metaKey }: KeyboardEvent): boolean {
    if (this.items.length === 0 || altKey || ctrlKey || metaKey || shiftKey) return false;
    switch (key) {
      case "ArrowDown":
      case "ArrowUp":
        this.at = (this.at + (key === "ArrowDown" ? 1 : this.items.length - 1)) % this.items.length;
        this.mark();
        return true;
      case "Escape":
        this.dismissed = true;
        this.close();
        return true;
      case "Enter":
        // What is written whole already is sent.
        if (this.items[this.at]?.text === this.word && this.items[this.at]?.id === "") {
          this.close();
          return false;
        }
        return this.take();
      case "Tab":
        return this.take();
      default:
        return false;
    }
  }

  close(): void {
    this.items = [];
    this.number += 1;
    this.input.removeAttribute("aria-activedescendant");
    show(this.root, false);
  }

  /** The word before the cursor: it may be longer than when the list was asked for. */
  private get word(): string {
    return /\S*$/.exec(this.input.value.slice(0, this.input.selectionStart))?.[0] ?? "";
  }

  private take(): boolean {
    const item = this.items[this.at];
    const { word } = this;
    this.close();
    if (item === undefined) return false;
    this.host.put(word, item.id === "" ? `${item.text} ` : "");
    if (item.id !== "") this.host.take(item);
    return true;
  }

  private mark(): void {
    [...this.root.children].forEach((row, index) => {
      row.setAttribute("aria-selected", String(index === this.at));
      if (index === this.at) row.scrollIntoView({ block: "nearest" });
    });
    this.input.setAttribute("aria-activedescendant", `${ID}-${this.at}`);
  }
}
