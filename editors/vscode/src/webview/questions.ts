/**
 * What waits for the user's answer, above the prompt: a tool that waits for permission, or something else that is asked.
 * It never takes the focus; keys count only inside of it, and nothing but a button or a field of it answers.
 */
import type { PermissionChoice } from "../../../../protocol/generated/pi";
import type { AskAnswer, PermissionQuestion, Question } from "../shared/messages";
import { askCard } from "./asks";
import { button, element, setText, show } from "./dom";
import { diff } from "./rows";

/** Choices that one key makes. What holds for longer than this chat needs more than that. */
const KEYS: PermissionChoice[] = ["allow_once", "allow_session", "reject"];

interface Card {
  root: HTMLElement;
  place: HTMLElement;
  choose(digit: number): boolean;
}

export interface QuestionsHost {
  answer(id: string, choice: PermissionChoice): void;
  reply(id: string, answer: AskAnswer): void;
  leave(): void;
}

export class Questions {
  readonly root = element("section", { class: "questions", "aria-label": "Pi waits for your answer" });
  private readonly count = element("span", { class: "time" });
  private card: Card | undefined;
  private drawn = "";

  constructor(private readonly host: QuestionsHost) {
    show(this.root, false);
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  update(questions: Question[]): void {
    const [first] = questions;
    setText(this.count, questions.length > 1 ? `1 of ${questions.length}` : "");
    // Another one behind it must not take away what was begun to write.
    const drawn = JSON.stringify(first ?? null);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const inside = this.root.contains(document.activeElement);
    this.card = first && this.make(first);
    this.root.replaceChildren(...(this.card ? [this.card.root] : []));
    show(this.root, first !== undefined);
    if (!inside) return;
    if (this.card) this.card.place.focus();
    else this.host.leave();
  }

  /** What takes the focus: the text, not a button, as a key that is still held must not answer. */
  get place(): HTMLElement | undefined {
    return this.card?.place;
  }

  private make(it: Question): Card {
    if (it.kind !== "permission") return askCard(it, this.count, (answer) => this.host.reply(it.id, answer));
    const root = this.permission(it);
    const choose = (digit: number): boolean => {
      const choice = KEYS[digit - 1];
      if (choice === undefined || !it.choices.some(({ id }) => id === choice)) return false;
      this.host.answer(it.id, choice);
      return true;
    };
    return { root, place: root, choose };
  }

  private permission(it: PermissionQuestion): HTMLElement {
    const title = element("h2", {}, it.title, this.count);
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
    const written = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
    if (!written && this.card?.choose(Number(event.key)) === true) event.preventDefault();
  }
}
