/**
 * The tool that waits for permission, above the prompt. It never takes the focus; keys count only inside of it, and
 * nothing but a button of it answers.
 */
import type { PermissionChoice } from "../../../../protocol/generated/pi";
import type { Question } from "../shared/messages";
import { button, element, show } from "./dom";
import { diff } from "./rows";

/** Choices that one key makes. What holds for longer than this chat needs more than that. */
const KEYS: PermissionChoice[] = ["allow_once", "allow_session", "reject"];

export class Questions {
  readonly root = element("section", { class: "questions", "aria-label": "Pi waits for your answer" });
  private card: HTMLElement | undefined;
  private shown: Question | undefined;
  private drawn = "";

  constructor(private readonly host: { answer(id: string, choice: PermissionChoice): void; leave(): void }) {
    show(this.root, false);
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  update(questions: Question[]): void {
    const [first] = questions;
    const drawn = JSON.stringify([first, questions.length]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const inside = this.root.contains(document.activeElement);
    this.shown = first;
    this.card = first && this.make(first, questions.length);
    this.root.replaceChildren(...(this.card ? [this.card] : []));
    show(this.root, first !== undefined);
    if (!inside) return;
    if (this.card) this.card.focus();
    else this.host.leave();
  }

  /** What takes the focus: the text, not a button, as a key that is still held must not answer. */
  get place(): HTMLElement | undefined {
    return this.card;
  }

  private make(it: Question, count: number): HTMLElement {
    const title = element("h2", {}, it.title);
    if (count > 1) title.append(element("span", { class: "time" }, `1 of ${count}`));
    const body = it.bodyKind === "diff" ? element("pre", {}, ...diff(it.body)) : element("pre", {}, it.body);
    body.tabIndex = 0;
    body.setAttribute("aria-label", it.bodyKind === "diff" ? "The change" : "The command");
    const lines = [it.place, it.reason === "" ? "" : `“${it.reason}”`].filter((line) => line !== "");
    const parts = it.parts.length < 2 ? [] : [element("ul", { class: "parts", "aria-label": "Parts" }, ...it.parts.map((part) =>
      element("li", {}, `${part.allowed ? "✓" : "?"} `, element("code", {}, part.text), ` ${part.why}`)))];
    const choices = it.choices.map(({ id, label, rules }) => {
      const key = KEYS.indexOf(id) + 1;
      const press = button(key > 0 ? `${key} ${label}` : label, () => this.host.answer(it.id, id), {
        class: id === "allow_once" ? "primary" : "", "data-choice": id,
      });
      // A label that names its rules says enough.
      const stored = rules.filter((rule) => !label.includes(rule)).map((rule) => element("code", { class: "rule" }, rule));
      return element("li", {}, press, ...stored);
    });
    const name = it.risky ? "question risky" : "question";
    return element("div", { class: name, role: "group", tabindex: "-1", "aria-label": it.title }, title, body,
      ...lines.map((line) => element("p", {}, line)), ...parts, element("ul", { class: "choices" }, ...choices));
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      return this.host.leave();
    }
    const choice = KEYS[Number(event.key) - 1];
    const question = this.shown;
    if (choice === undefined || !question?.choices.some((it) => it.id === choice)) return;
    event.preventDefault();
    this.host.answer(question.id, choice);
  }
}
